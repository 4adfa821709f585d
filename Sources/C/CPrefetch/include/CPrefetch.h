#pragma once
#include <stddef.h>
#include <stdint.h>

/// Asks for memory ahead of its use. Nothing here waits, fails or changes anything, whatever the
/// addresses are; Swift has no word for it.

/// Asks for the cache lines of `count` bytes.
static inline void canopy_prefetch(const void *bytes, size_t count) {
    uintptr_t line = (uintptr_t)bytes & ~(uintptr_t)63, end = (uintptr_t)bytes + count;
    for (; line < end; line += 64) __builtin_prefetch((const void *)line);
}

/// Asks for the first `each` bytes of whatever the words among `count` bytes point to. Which words
/// are addresses is guessed: those between 2^44 and 2^48, where Linux keeps a program's memory, and
/// where no count and no time in nanoseconds of a few hours lies.
static inline void canopy_prefetch_pointees(const void *bytes, size_t count, size_t each) {
    const uintptr_t *words = bytes, low = (uintptr_t)1 << 44, high = (uintptr_t)1 << 48;
    for (size_t index = 0; index < count / sizeof *words; index++) {
        if (words[index] - low < high - low) canopy_prefetch((const void *)words[index], each);
    }
}
