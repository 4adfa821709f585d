// The yardstick of `Tools/bench inference`: the inference runtime's own loop on one model, with
// nothing around it, set up as a node sets it up.
//
//   runtime_loop LIBRARY MODEL COUNT FILE    FILE: the input's bytes; COUNT: its elements, FP32
//
// Reads a number of inferences a line, runs them, and prints the CPU time that they took the whole
// process, in ns.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "COpenVINO.h"

static void check(canopy_ov_status status, const canopy_ov_functions *ov, const char *doing) {
    if (status == 0) return;
    fprintf(stderr, "%s: %s\n", doing, ov->last_error());
    exit(1);
}

static long long cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
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

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: runtime_loop LIBRARY MODEL COUNT FILE\n");
        return 2;
    }
    char error[512];
    const canopy_ov_functions *ov = canopy_ov_open(argv[1], error, sizeof error);
    if (ov == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    canopy_ov_request *request =
        prepare(ov, argv[2], contents(argv[4], strtoul(argv[3], NULL, 10) * sizeof(float)));
    long count;
    while (scanf("%ld", &count) == 1) {
        long long before = cpu_ns();
        for (long index = 0; index < count; index++) check(ov->infer(request), ov, "inferring");
        printf("%lld\n", cpu_ns() - before);
        fflush(stdout);
    }
    return 0;
}
