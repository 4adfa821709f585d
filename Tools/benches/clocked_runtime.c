// The inference runtime's library with a clock at its one busy function: linked against the real
// library, which it stands in for, it adds the CPU time of each inference to the file that
// CANOPY_CLOCK_FILE names. `Tools/bench inference` has nodes and engines open it in place of the
// real one, so that what they add to the runtime is told apart within one run.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    atomic_ullong nanoseconds;
    atomic_ullong inferences;
} tally;

static int (*infer)(void *request);
static tally *shared;

__attribute__((constructor)) static void begin(void) {
    infer = (int (*)(void *))dlsym(RTLD_NEXT, "ov_infer_request_infer");
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

int ov_infer_request_infer(void *request) {
    unsigned long long before = cpu_ns();
    int status = infer(request);
    if (shared != NULL) {
        atomic_fetch_add_explicit(&shared->nanoseconds, cpu_ns() - before, memory_order_relaxed);
        atomic_fetch_add_explicit(&shared->inferences, 1, memory_order_relaxed);
    }
    return status;
}
