#pragma once
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// What an isolated engine stands on: memory that two processes map, words that they wait on, and
/// what a child gives up before it touches a client's bytes. Linux only.

/// Memory without a name, of `size` bytes for ever: sealed, so that no process that has it can
/// shrink it under another one's feet. Its pages come with their first use. A descriptor, or a
/// negative errno.
int canopy_shared_open(const char *name, uint64_t size);
/// A second descriptor of it, through which it can only be read; or a negative errno.
int canopy_shared_reader(int descriptor);
/// Bytes of it, or a negative errno.
int64_t canopy_shared_size(int descriptor);
/// Where it now lies in this process, or null.
void *_Nullable canopy_shared_map(int descriptor, uint64_t size, int writable);
void canopy_shared_unmap(void *base, uint64_t size);
/// Gives the pages of a range back to the system; they read as zeros from then on.
void canopy_shared_punch(int descriptor, uint64_t offset, uint64_t length);

/// Words of shared memory, sequentially consistent, whoever writes at the other end. Behind each is
/// another one of four bytes: how many wait on it. What that says decides only whether the kernel is
/// asked to wake somebody, who would otherwise wait for as long as he meant to.
uint32_t canopy_word_load(const void *word);
/// Writes it and wakes all that wait on it.
void canopy_word_set(void *word, uint32_t value);
void canopy_word_add(void *word, uint32_t value);
/// Waits while the word is `expected`, at most so long. It may return early.
void canopy_word_wait(void *word, uint32_t expected, uint64_t nanoseconds);
/// Wakes all that wait on the word, in every process.
void canopy_word_wake(const void *word);

/// First thing in the child: crashes that end it at once, no new privileges, no core file (it would hold frames), private memory
/// of at most `data` bytes, and the first to go where the machine runs out of memory.
void canopy_confine_start(uint64_t data);
/// When all files are open: no root, and no file, socket, process or signal to another process any
/// more, for all threads. 0, or a negative errno where the kernel has no such filter.
int canopy_confine_serving(void);

#pragma clang assume_nonnull end
