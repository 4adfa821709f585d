// Own prototypes of the part of libpq's API that Canopy calls. The library is opened at run time:
// the project builds without it, and no node that has no PostgreSQL loads it with all that it needs.
#pragma once
#include <stddef.h>

#pragma clang assume_nonnull begin

// Opaque handles, owned by the library.
typedef struct canopy_pq_connection canopy_pq_connection;
typedef struct canopy_pq_result canopy_pq_result;

// What of libpq's numbers is looked at; they are part of its binary interface.
enum {
    CANOPY_PQ_CONNECTION_OK = 0,
    CANOPY_PQ_COMMAND_OK = 1,
    CANOPY_PQ_TUPLES_OK = 2,
    CANOPY_PQ_DIAG_SQLSTATE = 'C',
};

// The functions of an opened library.
typedef struct {
    canopy_pq_connection *_Nullable (*_Nonnull connect)(
        const char *_Nullable const *_Nonnull keys, const char *_Nullable const *_Nonnull values,
        int expand);
    void (*finish)(canopy_pq_connection *);
    int (*status)(const canopy_pq_connection *);
    char *_Nullable (*_Nonnull error)(const canopy_pq_connection *);
    canopy_pq_result *_Nullable (*_Nonnull execute)(canopy_pq_connection *, const char *text);
    canopy_pq_result *_Nullable (*_Nonnull execute_with)(
        canopy_pq_connection *, const char *text, int count, const unsigned *_Nullable types,
        const char *_Nullable const *_Nullable values, const int *_Nullable lengths,
        const int *_Nullable formats, int result_format);
    int (*result_status)(const canopy_pq_result *);
    char *_Nullable (*_Nonnull result_error)(const canopy_pq_result *);
    char *_Nullable (*_Nonnull result_field)(const canopy_pq_result *, int field);
    int (*rows)(const canopy_pq_result *);
    char *_Nullable (*_Nonnull value)(const canopy_pq_result *, int row, int column);
    void (*clear)(canopy_pq_result *);
} canopy_pq_functions;

// Opens the library. The result lives as long as the process. On failure NULL, and the reason in
// `error`.
const canopy_pq_functions *_Nullable canopy_pq_open(char *error, size_t error_capacity);

#pragma clang assume_nonnull end
