// A model in the inference runtime, set up as a node sets it up: what the yardsticks of
// `Tools/bench inference` that are written in C share.
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "COpenVINO.h"

static void check(canopy_ov_status status, const canopy_ov_functions *ov, const char *doing) {
    if (status == 0) return;
    fprintf(stderr, "%s: %s\n", doing, ov->last_error());
    exit(1);
}

static void *contents(const char *path, size_t size) {
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    FILE *file = fopen(path, "rb");
    if (memory == NULL || file == NULL || fread(memory, 1, size, file) != size) {
        fprintf(stderr, "%s has not %zu bytes\n", path, size);
        exit(1);
    }
    fclose(file);
    return memory;
}

static canopy_ov_request *prepare(const canopy_ov_functions *ov, const char *path, void *input) {
    static const canopy_ov_property properties[] = {
        {"NUM_STREAMS", "1"},
        {"INFERENCE_NUM_THREADS", "1"},
        {"INFERENCE_PRECISION_HINT", "f32"},
        {"ENABLE_CPU_PINNING", "NO"},
    };
    canopy_ov_core *core;
    canopy_ov_model *model;
    canopy_ov_compiled *compiled;
    canopy_ov_port *port;
    canopy_ov_partial_shape shape;
    canopy_ov_request *request;
    canopy_ov_tensor *tensor;
    int type;
    check(ov->create_core(&core), ov, "making a core");
    check(ov->read_model(core, path, NULL, &model), ov, path);
    check(canopy_ov_compile(ov, core, model, "CPU", properties,
                            sizeof properties / sizeof properties[0], &compiled), ov, "compiling");
    check(ov->input(compiled, 0, &port), ov, "asking the input");
    check(ov->port_type(port, &type), ov, "asking the input's type");
    check(ov->port_shape(port, &shape), ov, "asking the input's shape");
    int64_t axes[8];
    for (int64_t axis = 0; axis < shape.rank.max && axis < 8; axis++)
        axes[axis] = shape.dimensions[axis].max > 0 ? shape.dimensions[axis].max : 1;
    canopy_ov_shape whole = {shape.rank.max, axes};
    check(ov->wrap_tensor(type, whole, input, &tensor), ov, "wrapping the input");
    check(ov->create_request(compiled, &request), ov, "making a request");
    check(ov->set_input(request, 0, tensor), ov, "binding the input");
    return request;
}

/// The runtime's library with a request for a model whose input is filled; ends the program with
/// words where that cannot be had.
static canopy_ov_request *open_model(const canopy_ov_functions **ov, char **words) {
    char error[512];
    *ov = canopy_ov_open(words[0], error, sizeof error);
    if (*ov == NULL) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    return prepare(*ov, words[1], contents(words[3], strtoul(words[2], NULL, 10) * sizeof(float)));
}
