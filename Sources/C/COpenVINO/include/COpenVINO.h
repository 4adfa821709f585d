// Own prototypes of the part of OpenVINO's C API (2026.x) that Canopy calls. The library is opened
// at run time, so the project builds, and every room but this engine runs, where it is not
// installed.
#pragma once
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// Opaque handles, owned by the library.
typedef struct canopy_ov_core canopy_ov_core;
typedef struct canopy_ov_model canopy_ov_model;
typedef struct canopy_ov_compiled canopy_ov_compiled;
typedef struct canopy_ov_request canopy_ov_request;
typedef struct canopy_ov_tensor canopy_ov_tensor;
typedef struct canopy_ov_port canopy_ov_port;

// A dimension's range; `max` is −1 when it has no upper bound. A static dimension has `min == max`.
typedef struct {
    int64_t min;
    int64_t max;
} canopy_ov_dimension;

typedef struct {
    canopy_ov_dimension rank;
    canopy_ov_dimension *_Nullable dimensions;
} canopy_ov_partial_shape;

typedef struct {
    int64_t rank;
    int64_t *_Nullable dimensions;
} canopy_ov_shape;

typedef struct {
    const char *_Nullable build;
    const char *_Nullable description;
} canopy_ov_version;

// A status: 0 is success, negative values are errors.
typedef int canopy_ov_status;

// One key and its value, both text.
typedef struct {
    const char *key;
    const char *value;
} canopy_ov_property;

// How many properties `canopy_ov_compile` takes at most: what the engine sets, and room for two
// more.
enum { CANOPY_OV_PROPERTIES = 8 };

// The functions of an opened library.
typedef struct {
    canopy_ov_status (*get_version)(canopy_ov_version *);
    void (*free_version)(canopy_ov_version *);
    const char *_Nullable (*_Nonnull last_error)(void);
    void (*free_text)(const char *_Nullable);

    canopy_ov_status (*create_core)(canopy_ov_core *_Nullable *_Nonnull);
    void (*free_core)(canopy_ov_core *);
    canopy_ov_status (*read_model)(
        const canopy_ov_core *, const char *path, const char *_Nullable weights,
        canopy_ov_model *_Nullable *_Nonnull);
    void (*free_model)(canopy_ov_model *);
    canopy_ov_status (*compile)(
        const canopy_ov_core *, const canopy_ov_model *, const char *device, size_t arguments,
        canopy_ov_compiled *_Nullable *_Nonnull, ...);
    void (*free_compiled)(canopy_ov_compiled *);

    canopy_ov_status (*count_inputs)(const canopy_ov_compiled *, size_t *);
    canopy_ov_status (*count_outputs)(const canopy_ov_compiled *, size_t *);
    canopy_ov_status (*input)(
        const canopy_ov_compiled *, size_t index, canopy_ov_port *_Nullable *_Nonnull);
    canopy_ov_status (*output)(
        const canopy_ov_compiled *, size_t index, canopy_ov_port *_Nullable *_Nonnull);
    void (*free_port)(canopy_ov_port *);
    canopy_ov_status (*port_name)(const canopy_ov_port *, char *_Nullable *_Nonnull);
    canopy_ov_status (*port_type)(const canopy_ov_port *, int *);
    canopy_ov_status (*port_shape)(const canopy_ov_port *, canopy_ov_partial_shape *);
    void (*free_partial_shape)(canopy_ov_partial_shape *);

    canopy_ov_status (*create_request)(
        const canopy_ov_compiled *, canopy_ov_request *_Nullable *_Nonnull);
    void (*free_request)(canopy_ov_request *);
    canopy_ov_status (*set_input)(canopy_ov_request *, size_t index, const canopy_ov_tensor *);
    canopy_ov_status (*set_output)(canopy_ov_request *, size_t index, const canopy_ov_tensor *);
    canopy_ov_status (*get_output)(
        const canopy_ov_request *, size_t index, canopy_ov_tensor *_Nullable *_Nonnull);
    canopy_ov_status (*infer)(canopy_ov_request *);

    canopy_ov_status (*create_tensor)(
        int type, canopy_ov_shape, canopy_ov_tensor *_Nullable *_Nonnull);
    canopy_ov_status (*wrap_tensor)(
        int type, canopy_ov_shape, void *host, canopy_ov_tensor *_Nullable *_Nonnull);
    void (*free_tensor)(canopy_ov_tensor *);
    canopy_ov_status (*tensor_shape)(const canopy_ov_tensor *, canopy_ov_shape *);
    canopy_ov_status (*tensor_size)(const canopy_ov_tensor *, size_t *bytes);
    canopy_ov_status (*tensor_data)(const canopy_ov_tensor *, void *_Nullable *_Nonnull);
    void (*free_shape)(canopy_ov_shape *);
} canopy_ov_functions;

// Opens the library at `path` (a file, or a name that the system's linker knows) and finds every
// function. NULL with a text in `error` when one is missing. The table and the library stay for the
// life of the process.
const canopy_ov_functions *_Nullable canopy_ov_open(
    const char *path, char *error, size_t error_capacity);

// Compiles `model` for `device`. At most `CANOPY_OV_PROPERTIES` properties; −14 when there are
// more.
canopy_ov_status canopy_ov_compile(
    const canopy_ov_functions *functions, const canopy_ov_core *core, const canopy_ov_model *model,
    const char *device, const canopy_ov_property *properties, size_t count,
    canopy_ov_compiled *_Nullable *_Nonnull compiled);

#pragma clang assume_nonnull end
