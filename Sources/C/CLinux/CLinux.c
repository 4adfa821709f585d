#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

int canopy_accept(int socket, struct sockaddr *peer, socklen_t *length) {
    int accepted = accept4(socket, peer, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return accepted >= 0 ? accepted : -errno;
}

int canopy_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int canopy_timer_open(void) {
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return timer >= 0 ? timer : -errno;
}

void canopy_timer_set(int timer, uint64_t nanoseconds) {
    // Zero would disarm it.
    if (nanoseconds == 0) nanoseconds = 1;
    // The kernel takes signed seconds; 292 years are never reached.
    if (nanoseconds > INT64_MAX) nanoseconds = INT64_MAX;
    struct itimerspec moment = {
        .it_value = {.tv_sec = (time_t)(nanoseconds / 1000000000),
                     .tv_nsec = (long)(nanoseconds % 1000000000)}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &moment, NULL);
}

void canopy_timer_clear(int timer) {
    uint64_t expirations;
    ssize_t ignored = read(timer, &expirations, sizeof expirations);
    (void)ignored;
}

int canopy_wake_open(void) {
    int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return descriptor >= 0 ? descriptor : -errno;
}

void canopy_wake(int descriptor) {
    uint64_t one = 1;
    ssize_t ignored = write(descriptor, &one, sizeof one);
    (void)ignored;
}

void canopy_wake_clear(int descriptor) {
    uint64_t count;
    ssize_t ignored = read(descriptor, &count, sizeof count);
    (void)ignored;
}

void canopy_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

/// Puts the given descriptors at 0, 1, 2, … . First all move above the range, so that none is
/// overwritten before its turn.
static int place_descriptors(const int descriptors[], int count) {
    int moved[CANOPY_SPAWN_DESCRIPTORS];
    for (int i = 0; i < count; i++) {
        int from = descriptors[i];
        if (from < 0) from = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (from < 0) return -1;
        moved[i] = fcntl(from, F_DUPFD_CLOEXEC, count);
        if (moved[i] < 0) return -1;
    }
    for (int i = 0; i < count; i++) {
        if (dup2(moved[i], i) < 0) return -1;
    }
#ifdef SYS_close_range
    // All are opened close-on-exec; this holds also for what another library opened.
    syscall(SYS_close_range, (unsigned)count, ~0u, 0u);
#endif
    return 0;
}

static void reset_signals(void) {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) {
        struct sigaction now;
        if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_DFL)
            sigaction(number, &standard, NULL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/// The child's side; comes back only when something failed. It shares the parent's memory until
/// exec, so it calls nothing that allocates.
static void become(const char *file, char *const arguments[], char *const environment[],
                   const char *folder, const int descriptors[], int count, pid_t parent) {
    setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return;
    if (getppid() != parent) _exit(127);
    if (folder && chdir(folder) != 0) return;
    if (place_descriptors(descriptors, count) != 0) return;
    reset_signals();
    execvpe(file, arguments, environment);
}

pid_t canopy_spawn(const char *file, char *const arguments[], char *const environment[],
                   const char *folder, const int descriptors[], int count, int *exited) {
    if (count < 0 || count > CANOPY_SPAWN_DESCRIPTORS) return -EINVAL;
    // vfork: a node's tables of mapped model memory are not copied, which would stall its loop.
    volatile int failure = 0;
    pid_t parent = getpid();
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = vfork();
    if (child == 0) {
        become(file, arguments, environment, folder, descriptors, count, parent);
        failure = errno;
        _exit(127);
    }
    int cause = child < 0 ? errno : failure;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (child < 0) return -cause;
    if (cause == 0) {
        *exited = (int)syscall(SYS_pidfd_open, child, 0);
        if (*exited >= 0) return child;
        cause = errno;
        kill(child, SIGKILL);
    }
    waitpid(child, NULL, 0);
    return -cause;
}
