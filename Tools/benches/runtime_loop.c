// The yardstick of `Tools/bench inference`: the inference runtime's own loop on one model, with
// nothing around it, set up as a node sets it up.
//
//   runtime_loop LIBRARY MODEL COUNT FILE    FILE: the input's bytes; COUNT: its elements, FP32
//
// Reads a number of inferences a line, runs them, and prints the CPU time that they took the whole
// process, in ns.
#include <time.h>

#include "runtime.h"

static long long cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: runtime_loop LIBRARY MODEL COUNT FILE\n");
        return 2;
    }
    const canopy_ov_functions *ov;
    canopy_ov_request *request = open_model(&ov, argv + 1);
    long count;
    while (scanf("%ld", &count) == 1) {
        long long before = cpu_ns();
        for (long index = 0; index < count; index++) check(ov->infer(request), ov, "inferring");
        printf("%lld\n", cpu_ns() - before);
        fflush(stdout);
    }
    return 0;
}
