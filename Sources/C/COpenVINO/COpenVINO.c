#include "COpenVINO.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A function's name in the library, and the slot of the table that its address goes to.
typedef struct {
    const char *name;
    size_t slot;
} symbol;

#define SLOT(name, field) {name, offsetof(canopy_ov_functions, field)}

static const symbol symbols[] = {
    SLOT("ov_get_openvino_version", get_version),
    SLOT("ov_version_free", free_version),
    SLOT("ov_get_last_err_msg", last_error),
    SLOT("ov_free", free_text),
    SLOT("ov_core_create", create_core),
    SLOT("ov_core_free", free_core),
    SLOT("ov_core_read_model", read_model),
    SLOT("ov_model_free", free_model),
    SLOT("ov_core_compile_model", compile),
    SLOT("ov_compiled_model_free", free_compiled),
    SLOT("ov_compiled_model_inputs_size", count_inputs),
    SLOT("ov_compiled_model_outputs_size", count_outputs),
    SLOT("ov_compiled_model_input_by_index", input),
    SLOT("ov_compiled_model_output_by_index", output),
    SLOT("ov_output_const_port_free", free_port),
    SLOT("ov_port_get_any_name", port_name),
    SLOT("ov_port_get_element_type", port_type),
    SLOT("ov_port_get_partial_shape", port_shape),
    SLOT("ov_partial_shape_free", free_partial_shape),
    SLOT("ov_compiled_model_create_infer_request", create_request),
    SLOT("ov_infer_request_free", free_request),
    SLOT("ov_infer_request_set_input_tensor_by_index", set_input),
    SLOT("ov_infer_request_set_output_tensor_by_index", set_output),
    SLOT("ov_infer_request_get_output_tensor_by_index", get_output),
    SLOT("ov_infer_request_infer", infer),
    SLOT("ov_tensor_create", create_tensor),
    SLOT("ov_tensor_create_from_host_ptr", wrap_tensor),
    SLOT("ov_tensor_free", free_tensor),
    SLOT("ov_tensor_get_shape", tensor_shape),
    SLOT("ov_tensor_get_byte_size", tensor_size),
    SLOT("ov_tensor_data", tensor_data),
    SLOT("ov_shape_free", free_shape),
};

const canopy_ov_functions *canopy_ov_open(const char *path, char *error, size_t error_capacity) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        snprintf(error, error_capacity, "%s", dlerror());
        return NULL;
    }
    canopy_ov_functions *functions = calloc(1, sizeof *functions);
    for (size_t i = 0; functions != NULL && i < sizeof symbols / sizeof symbols[0]; i++) {
        void *address = dlsym(library, symbols[i].name);
        if (address == NULL) {
            snprintf(error, error_capacity, "%s has no function %s", path, symbols[i].name);
            free(functions);
            dlclose(library);
            return NULL;
        }
        memcpy((char *)functions + symbols[i].slot, &address, sizeof address);
    }
    return functions;
}

canopy_ov_status canopy_ov_compile(
    const canopy_ov_functions *functions, const canopy_ov_core *core, const canopy_ov_model *model,
    const char *device, const canopy_ov_property *properties, size_t count,
    canopy_ov_compiled **compiled) {
    if (count > CANOPY_OV_PROPERTIES) return -14;
    const char *text[2 * CANOPY_OV_PROPERTIES] = {0};
    for (size_t i = 0; i < count; i++) {
        text[2 * i] = properties[i].key;
        text[2 * i + 1] = properties[i].value;
    }
    // The callee reads as many as the count says: one call with every slot serves every count.
    return functions->compile(
        core, model, device, 2 * count, compiled, text[0], text[1], text[2], text[3], text[4],
        text[5], text[6], text[7], text[8], text[9], text[10], text[11], text[12], text[13],
        text[14], text[15]);
}
