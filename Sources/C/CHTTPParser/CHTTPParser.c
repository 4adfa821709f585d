#include "CHTTPParser.h"

#include <http_parser.h>
#include <string.h>
#include <strings.h>

typedef struct {
    const char *block;
    canopy_h1_head *head;
    int overflow;
    int complete;
} parse;

static int on_target(http_parser *parser, const char *at, size_t length) {
    parse *p = parser->data;
    if (p->head->target_length == 0) p->head->target = (uint32_t)(at - p->block);
    p->head->target_length += (uint32_t)length;
    return 0;
}

static int on_name(http_parser *parser, const char *at, size_t length) {
    parse *p = parser->data;
    if (p->head->header_count == CANOPY_H1_MAX_HEADERS) {
        p->overflow = 1;
        return 1;
    }
    canopy_h1_header *header = &p->head->headers[p->head->header_count++];
    *header = (canopy_h1_header){.name = (uint32_t)(at - p->block),
                                 .name_length = (uint32_t)length,
                                 .value = (uint32_t)(at - p->block)};
    return 0;
}

static int on_value(http_parser *parser, const char *at, size_t length) {
    parse *p = parser->data;
    if (p->head->header_count == 0) return 1;
    canopy_h1_header *header = &p->head->headers[p->head->header_count - 1];
    if (header->value_length == 0) header->value = (uint32_t)(at - p->block);
    header->value_length += (uint32_t)length;
    return 0;
}

// 1: there is no body as far as the parser goes; the caller frames bodies.
static int on_complete(http_parser *parser) {
    parse *p = parser->data;
    p->complete = 1;
    p->head->keep_alive = 0;
    return 1;
}

static int is_token(unsigned char c) {
    if (c >= '0' && c <= '9') return 1;
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') return 1;
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

// Every line ends in CRLF, no header goes on in the next line, names are tokens up to the colon.
static canopy_h1_verdict check_lines(const char *block, size_t length) {
    int first = 1;
    size_t at = 0;
    while (at < length) {
        const char *line = block + at;
        const char *feed = memchr(line, '\n', length - at);
        if (feed == NULL || feed == line || feed[-1] != '\r') return CANOPY_H1_BARE_LINE_FEED;
        size_t count = (size_t)(feed - line) - 1;
        if (memchr(line, '\r', count) != NULL) return CANOPY_H1_BARE_CARRIAGE_RETURN;
        if (!first && count > 0) {
            if (line[0] == ' ' || line[0] == '\t') return CANOPY_H1_FOLDED_HEADER;
            const char *colon = memchr(line, ':', count);
            if (colon == NULL || colon == line) return CANOPY_H1_HEADER_NAME;
            for (const char *c = line; c < colon; c++)
                if (!is_token((unsigned char)*c)) return CANOPY_H1_HEADER_NAME;
            for (const char *c = colon + 1; c < line + count; c++)
                if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
                    return CANOPY_H1_HEADER_VALUE;
        }
        first = 0;
        at += count + 2;
    }
    return CANOPY_H1_OK;
}

// Exactly two spaces, so that nothing can be read as another target or version.
static canopy_h1_verdict check_request_line(const char *block, size_t length) {
    int spaces = 0;
    for (size_t i = 0; i < length && block[i] != '\r'; i++)
        if (block[i] == ' ') spaces++;
    return spaces == 2 ? CANOPY_H1_OK : CANOPY_H1_SYNTAX;
}

static int is_named(const char *block, const canopy_h1_header *header, const char *name) {
    return header->name_length == strlen(name) &&
           strncasecmp(block + header->name, name, header->name_length) == 0;
}

static int is_value(const char *block, const canopy_h1_header *header, const char *value) {
    return header->value_length == strlen(value) &&
           strncasecmp(block + header->value, value, header->value_length) == 0;
}

// Digits alone, at most 18 of them, so that the number fits.
static int64_t read_length(const char *text, size_t count) {
    if (count == 0 || count > 18) return -1;
    int64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static void trim(const char *block, canopy_h1_header *header) {
    while (header->value_length > 0) {
        char last = block[header->value + header->value_length - 1];
        if (last != ' ' && last != '\t') break;
        header->value_length--;
    }
}

// Whether a comma-separated list holds `word`.
static int lists(const char *text, size_t count, const char *word) {
    size_t length = strlen(word);
    size_t at = 0;
    while (at < count) {
        size_t end = at;
        while (end < count && text[end] != ',') end++;
        size_t from = at, to = end;
        while (from < to && (text[from] == ' ' || text[from] == '\t')) from++;
        while (to > from && (text[to - 1] == ' ' || text[to - 1] == '\t')) to--;
        if (to - from == length && strncasecmp(text + from, word, length) == 0) return 1;
        at = end + 1;
    }
    return 0;
}

// Whatever decides where the message ends, and whether another follows.
static canopy_h1_verdict check_framing(int request, const char *block, canopy_h1_head *head) {
    int lengths = 0, codings = 0, hosts = 0, closes = 0, keeps = 0;
    for (uint32_t i = 0; i < head->header_count; i++) {
        canopy_h1_header *header = &head->headers[i];
        trim(block, header);
        const char *value = block + header->value;
        if (is_named(block, header, "content-length")) {
            if (lengths++ > 0) return CANOPY_H1_LENGTH_TWICE;
            head->content_length = read_length(value, header->value_length);
            if (head->content_length < 0) return CANOPY_H1_LENGTH_VALUE;
        } else if (is_named(block, header, "transfer-encoding")) {
            if (codings++ > 0 || !is_value(block, header, "chunked")) return CANOPY_H1_CODING;
            head->chunked = 1;
        } else if (is_named(block, header, "host")) {
            hosts++;
        } else if (is_named(block, header, "connection")) {
            closes |= lists(value, header->value_length, "close");
            keeps |= lists(value, header->value_length, "keep-alive");
        } else if (is_named(block, header, "expect")) {
            head->expects_continue = is_value(block, header, "100-continue");
        }
    }
    if (lengths > 0 && codings > 0) return CANOPY_H1_LENGTH_WITH_CODING;
    int recent = head->major == 1 && head->minor >= 1;
    if (codings > 0 && !recent) return CANOPY_H1_CODING;
    if (request && (hosts > 1 || (recent && hosts == 0))) return CANOPY_H1_HOST;
    head->keep_alive = !closes && (recent || keeps);
    return CANOPY_H1_OK;
}

canopy_h1_verdict canopy_h1_parse(
    int request, const char *block, size_t length, canopy_h1_head *head) {
    // The header array is written as it fills; only what stands before it is cleared.
    memset(head, 0, offsetof(canopy_h1_head, headers));
    head->content_length = -1;
    canopy_h1_verdict verdict = check_lines(block, length);
    if (verdict != CANOPY_H1_OK) return verdict;

    http_parser parser;
    http_parser_init(&parser, request ? HTTP_REQUEST : HTTP_RESPONSE);
    parse p = {.block = block, .head = head};
    parser.data = &p;
    // Our own check of coding and length gives the better verdict.
    parser.allow_chunked_length = 1;
    http_parser_settings settings;
    http_parser_settings_init(&settings);
    settings.on_url = on_target;
    settings.on_header_field = on_name;
    settings.on_header_value = on_value;
    settings.on_headers_complete = on_complete;
    http_parser_execute(&parser, &settings, block, length);
    head->method = (int)parser.method;
    head->method_name = http_method_str((enum http_method)parser.method);
    head->status = (int)parser.status_code;
    head->major = parser.http_major;
    head->minor = parser.http_minor;

    if (p.overflow) return CANOPY_H1_TOO_MANY_HEADERS;
    for (uint32_t i = 0; i < head->target_length; i++) {
        unsigned char c = (unsigned char)block[head->target + i];
        if (c <= 0x20 || c >= 0x7f) return CANOPY_H1_TARGET;
    }
    if (request) verdict = check_request_line(block, length);
    if (verdict != CANOPY_H1_OK) return verdict;
    verdict = check_framing(request, block, head);
    if (verdict != CANOPY_H1_OK) return verdict;
    if (!p.complete) {
        enum http_errno error = HTTP_PARSER_ERRNO(&parser);
        return error == HPE_INVALID_VERSION ? CANOPY_H1_VERSION : CANOPY_H1_SYNTAX;
    }
    if (head->major != 1 || head->minor > 1) return CANOPY_H1_VERSION;
    return CANOPY_H1_OK;
}

const char *canopy_h1_meaning(canopy_h1_verdict verdict) {
    switch (verdict) {
    case CANOPY_H1_OK: return "nothing wrong";
    case CANOPY_H1_BARE_LINE_FEED: return "a line that does not end in CR LF";
    case CANOPY_H1_BARE_CARRIAGE_RETURN: return "a carriage return inside a line";
    case CANOPY_H1_FOLDED_HEADER: return "a header folded over two lines";
    case CANOPY_H1_HEADER_NAME: return "a header name that is not a token";
    case CANOPY_H1_HEADER_VALUE: return "a control character in a header value";
    case CANOPY_H1_TOO_MANY_HEADERS: return "more than 100 headers";
    case CANOPY_H1_TARGET: return "a target with a character that a URL cannot have";
    case CANOPY_H1_LENGTH_TWICE: return "Content-Length twice";
    case CANOPY_H1_LENGTH_VALUE: return "a Content-Length that is not a number";
    case CANOPY_H1_LENGTH_WITH_CODING: return "Content-Length beside Transfer-Encoding";
    case CANOPY_H1_CODING: return "a Transfer-Encoding other than chunked alone";
    case CANOPY_H1_HOST: return "no Host, or more than one";
    case CANOPY_H1_VERSION: return "a version other than HTTP/1.0 or HTTP/1.1";
    case CANOPY_H1_SYNTAX: return "bytes that are no HTTP/1 message head";
    }
    return "an unknown fault";
}
