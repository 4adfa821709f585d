// Counts a program's heap allocations and the bytes that it copies by memcpy and memmove: loaded
// before it with LD_PRELOAD, it writes both numbers to the file that CANOPY_COUNT_FILE names when the
// program ends. What libc copies within itself does not count, nor what the kernel does.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_ulong allocations;
static atomic_ulong copied;
static void *(*copy)(void *, const void *, size_t);
static void *(*move)(void *, const void *, size_t);

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return __libc_realloc(old, size);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    *out = __libc_memalign(alignment, size);
    return *out ? 0 : 12;
}

void *aligned_alloc(size_t alignment, size_t size) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    return __libc_memalign(alignment, size);
}

__attribute__((constructor)) static void begin(void) {
    copy = (void *(*)(void *, const void *, size_t))dlsym(RTLD_NEXT, "memcpy");
    move = (void *(*)(void *, const void *, size_t))dlsym(RTLD_NEXT, "memmove");
}

// What libraries copy before this one begins. Not a loop that the compiler would make a memmove of.
__attribute__((optimize("no-tree-loop-distribute-patterns")))
static void *by_bytes(char *to, const char *from, size_t size) {
    if (to <= from) for (size_t index = 0; index < size; index++) to[index] = from[index];
    else for (size_t index = size; index > 0; index--) to[index - 1] = from[index - 1];
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    atomic_fetch_add_explicit(&copied, size, memory_order_relaxed);
    return copy ? copy(to, from, size) : by_bytes(to, from, size);
}

void *memmove(void *to, const void *from, size_t size) {
    atomic_fetch_add_explicit(&copied, size, memory_order_relaxed);
    return move ? move(to, from, size) : by_bytes(to, from, size);
}

__attribute__((destructor)) static void report(void) {
    const char *path = getenv("CANOPY_COUNT_FILE");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "%lu %lu\n", allocations, copied);
    fclose(file);
}
