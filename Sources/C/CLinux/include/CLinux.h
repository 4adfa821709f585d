#pragma once
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/// What the kernel offers and Swift's view of the C library lacks. Linux only.

/// accept4 with SOCK_NONBLOCK and SOCK_CLOEXEC: a descriptor, or a negative errno.
int canopy_accept(int socket, struct sockaddr *peer, socklen_t *length);

/// pipe2 with O_CLOEXEC: the reading end, then the writing end. 0, or -1 and errno.
int canopy_pipe(int ends[2]);

/// A descriptor that becomes readable at moments of CLOCK_MONOTONIC, or a negative errno.
int canopy_timer_open(void);

/// Makes `timer` readable at `nanoseconds`, at once when that has passed; at no other moment.
void canopy_timer_set(int timer, uint64_t nanoseconds);

/// Takes the readiness of `timer` away.
void canopy_timer_clear(int timer);

/// An eventfd that does not block: a descriptor, or a negative errno.
int canopy_wake_open(void);
/// Makes it readable. From any thread.
void canopy_wake(int descriptor);
/// Makes it unreadable again.
void canopy_wake_clear(int descriptor);

/// Names the calling thread; the kernel keeps 15 bytes.
void canopy_name_thread(const char *name);

/// Descriptors that a child may be given at most, its standard three among them.
#define CANOPY_SPAWN_DESCRIPTORS 16

/// Starts `file` (looked up in PATH when it has no slash) as the leader of a process group of its
/// own. `descriptors[i]` becomes the child's descriptor i, or /dev/null where it is negative; all
/// others are closed. The child is killed when the calling thread ends.
///
/// Returns its pid and writes a descriptor that becomes readable when it exits; or a negative
/// errno, that of a failed exec among them.
pid_t canopy_spawn(const char *file, char *const arguments[], char *const environment[],
                   const char *folder, const int descriptors[], int count, int *exited);
