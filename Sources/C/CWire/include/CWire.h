// The wire's messages, generated from proto/ by Tools/generate-wire, and the memory they live in.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canopy.pb-c.h"
#include "control.pb-c.h"
#include "discovery.pb-c.h"
#include "health.pb-c.h"
#include "inference.pb-c.h"
#include "otlp.pb-c.h"
#include "owing.pb-c.h"
#include "records.pb-c.h"
#include "rpc.pb-c.h"

// Memory for one message while it is unpacked or packed: given out in order, taken back at once.
typedef struct canopy_arena canopy_arena;

// The thread's own arena, or one from the heap while the thread's own is in use. It gives out at
// most `limit` bytes. NULL only when the heap is exhausted.
canopy_arena *canopy_arena_take(size_t limit);

// Takes back all that `arena` gave out, and the arena.
void canopy_arena_release(canopy_arena *arena);

// `size` bytes, aligned to 16, or NULL past the limit.
void *canopy_arena_allocate(canopy_arena *arena, size_t size);

// The same memory for protobuf-c; its `free` does nothing.
ProtobufCAllocator *canopy_arena_allocator(canopy_arena *arena);

// Whether a request for memory was refused.
bool canopy_arena_refused(const canopy_arena *arena);
