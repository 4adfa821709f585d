// The inference runtime's library with a clock at the functions that a frame calls: linked against
// the real library, which it stands in for, it adds the CPU time that they take to the file that
// CANOPY_CLOCK_FILE names. `Tools/bench inference` has nodes and engines open it in place of the
// real one, so that what they add to the runtime is told apart within one run.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    atomic_ullong nanoseconds;
    atomic_ullong inferences;
} tally;

typedef struct {
    int64_t rank;
    int64_t *dimensions;
} shape;

static int (*infer)(void *request);
static int (*bind_input)(void *request, size_t index, const void *tensor);
static int (*wrap)(int type, shape of, void *memory, void **tensor);
static void (*release)(void *tensor);
static tally *shared;

__attribute__((constructor)) static void begin(void) {
    infer = (int (*)(void *))dlsym(RTLD_NEXT, "ov_infer_request_infer");
    bind_input = (int (*)(void *, size_t, const void *))dlsym(
        RTLD_NEXT, "ov_infer_request_set_input_tensor_by_index");
    wrap = (int (*)(int, shape, void *, void **))dlsym(RTLD_NEXT, "ov_tensor_create_from_host_ptr");
    release = (void (*)(void *))dlsym(RTLD_NEXT, "ov_tensor_free");
    const char *path = getenv("CANOPY_CLOCK_FILE");
    int file = path ? open(path, O_RDWR) : -1;
    if (file < 0) return;
    void *memory = mmap(NULL, sizeof(tally), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory != MAP_FAILED) shared = memory;
}

static unsigned long long cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void add(unsigned long long before, int inferences) {
    if (shared == NULL) return;
    atomic_fetch_add_explicit(&shared->nanoseconds, cpu_ns() - before, memory_order_relaxed);
    atomic_fetch_add_explicit(&shared->inferences, inferences, memory_order_relaxed);
}

int ov_infer_request_infer(void *request) {
    unsigned long long before = cpu_ns();
    int status = infer(request);
    add(before, 1);
    return status;
}

int ov_infer_request_set_input_tensor_by_index(void *request, size_t index, const void *tensor) {
    unsigned long long before = cpu_ns();
    int status = bind_input(request, index, tensor);
    add(before, 0);
    return status;
}

int ov_tensor_create_from_host_ptr(int type, shape of, void *memory, void **tensor) {
    unsigned long long before = cpu_ns();
    int status = wrap(type, of, memory, tensor);
    add(before, 0);
    return status;
}

void ov_tensor_free(void *tensor) {
    unsigned long long before = cpu_ns();
    release(tensor);
    add(before, 0);
}
