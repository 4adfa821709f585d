#pragma once
#include <stddef.h>
#include <stdint.h>

// One whole head of an HTTP/1 message, parsed in place. The system's http_parser reads it; because
// that library is built with its lenient checks, everything that two parsers could read
// differently is refused here first.

enum { CANOPY_H1_MAX_HEADERS = 100 };

// Offsets into the block.
typedef struct {
    uint32_t name, name_length, value, value_length;
} canopy_h1_header;

typedef struct {
    int method;               // http_parser's number, for requests
    const char *method_name;  // static
    int status;               // for responses
    int major, minor;
    int keep_alive;  // what version and Connection say
    int chunked;
    int expects_continue;
    int64_t content_length;  // -1: none stated
    uint32_t target, target_length;
    uint32_t header_count;
    canopy_h1_header headers[CANOPY_H1_MAX_HEADERS];
} canopy_h1_head;

typedef enum {
    CANOPY_H1_OK = 0,
    CANOPY_H1_BARE_LINE_FEED,
    CANOPY_H1_BARE_CARRIAGE_RETURN,
    CANOPY_H1_FOLDED_HEADER,
    CANOPY_H1_HEADER_NAME,
    CANOPY_H1_HEADER_VALUE,
    CANOPY_H1_TOO_MANY_HEADERS,
    CANOPY_H1_TARGET,
    CANOPY_H1_LENGTH_TWICE,
    CANOPY_H1_LENGTH_VALUE,
    CANOPY_H1_LENGTH_WITH_CODING,
    CANOPY_H1_CODING,
    CANOPY_H1_HOST,
    CANOPY_H1_VERSION,
    CANOPY_H1_SYNTAX,
} canopy_h1_verdict;

// Parses `block`, which ends in CRLF CRLF. `request` is 1 for a request, 0 for a response.
canopy_h1_verdict canopy_h1_parse(
    int request, const char *block, size_t length, canopy_h1_head *head);

// What a verdict means, as the middle of a sentence.
const char *canopy_h1_meaning(canopy_h1_verdict verdict);
