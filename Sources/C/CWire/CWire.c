#include "CWire.h"

#include <stdlib.h>

// What a thread keeps for its messages: a ModelInferRequest of a camera takes 1 to 2 KiB unpacked
// and a trace export of 64 spans about 40 KiB, so frames never reach the heap here.
enum { OWN_BYTES = 16 * 1024 };

// Size of the heap's part when a message needs more: few calls for a large message, and small
// against the limits that callers set.
enum { CHUNK_BYTES = 64 * 1024 };

typedef struct chunk {
    struct chunk *next;
    size_t padding;
} chunk;

struct canopy_arena {
    ProtobufCAllocator allocator;
    uint8_t *at;
    uint8_t *end;
    size_t left;
    chunk *chunks;
    bool refused;
    bool busy;
    bool heap;
    _Alignas(16) uint8_t own[OWN_BYTES];
};

static _Thread_local canopy_arena threads_own;

static void *allocate(void *data, size_t size) {
    return canopy_arena_allocate(data, size);
}

static void release(void *data, void *pointer) {
    (void)data;
    (void)pointer;
}

canopy_arena *canopy_arena_take(size_t limit) {
    canopy_arena *arena = &threads_own;
    if (arena->busy) {
        arena = malloc(sizeof *arena);
        if (arena == NULL) return NULL;
        arena->heap = true;
    } else {
        arena->heap = false;
    }
    arena->busy = true;
    arena->allocator = (ProtobufCAllocator){allocate, release, arena};
    arena->at = arena->own;
    arena->end = arena->own + OWN_BYTES;
    arena->left = limit;
    arena->chunks = NULL;
    arena->refused = false;
    return arena;
}

void canopy_arena_release(canopy_arena *arena) {
    for (chunk *part = arena->chunks; part != NULL;) {
        chunk *next = part->next;
        free(part);
        part = next;
    }
    arena->busy = false;
    if (arena->heap) free(arena);
}

void *canopy_arena_allocate(canopy_arena *arena, size_t size) {
    if (size > arena->left || size > SIZE_MAX / 2) {
        arena->refused = true;
        return NULL;
    }
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded > (size_t)(arena->end - arena->at)) {
        size_t capacity = rounded > CHUNK_BYTES ? rounded : CHUNK_BYTES;
        chunk *part = malloc(sizeof *part + capacity);
        if (part == NULL) {
            arena->refused = true;
            return NULL;
        }
        part->next = arena->chunks;
        arena->chunks = part;
        arena->at = (uint8_t *)(part + 1);
        arena->end = arena->at + capacity;
    }
    arena->left -= size;
    void *memory = arena->at;
    arena->at += rounded;
    return memory;
}

ProtobufCAllocator *canopy_arena_allocator(canopy_arena *arena) { return &arena->allocator; }

bool canopy_arena_refused(const canopy_arena *arena) { return arena->refused; }
