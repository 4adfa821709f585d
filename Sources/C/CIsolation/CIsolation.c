#define _GNU_SOURCE
#include "CIsolation.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int canopy_shared_open(const char *name, uint64_t size) {
    int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) return -errno;
    if (ftruncate(descriptor, (off_t)size) != 0 ||
        fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        int cause = errno;
        close(descriptor);
        return -cause;
    }
    return descriptor;
}

int canopy_shared_reader(int descriptor) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int reader = open(path, O_RDONLY | O_CLOEXEC);
    return reader >= 0 ? reader : -errno;
}

int64_t canopy_shared_size(int descriptor) {
    struct stat about;
    return fstat(descriptor, &about) == 0 ? (int64_t)about.st_size : -errno;
}

void *canopy_shared_map(int descriptor, uint64_t size, int writable) {
    int access = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void *base = mmap(NULL, size, access, MAP_SHARED, descriptor, 0);
    return base == MAP_FAILED ? NULL : base;
}

void canopy_shared_unmap(void *base, uint64_t size) { munmap(base, size); }

void canopy_shared_punch(int descriptor, uint64_t offset, uint64_t length) {
    // Where it fails the pages stay: memory is not returned, and nothing is wrong.
    int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    int ignored = fallocate(descriptor, mode, (off_t)offset, (off_t)length);
    (void)ignored;
}

uint32_t canopy_word_load(const void *word) { return atomic_load((const _Atomic uint32_t *)word); }

void canopy_word_set(void *word, uint32_t value) {
    _Atomic uint32_t *words = word;
    atomic_store(words, value);
    // Who goes to sleep says so before the kernel looks at the word: one of the two sees the other.
    if (atomic_load(words + 1) != 0) canopy_word_wake(word);
}

void canopy_word_add(void *word, uint32_t value) {
    atomic_fetch_add((_Atomic uint32_t *)word, value);
}

void canopy_word_wait(void *word, uint32_t expected, uint64_t nanoseconds) {
    _Atomic uint32_t *words = word;
    struct timespec limit = {.tv_sec = (time_t)(nanoseconds / 1000000000),
                             .tv_nsec = (long)(nanoseconds % 1000000000)};
    atomic_fetch_add(words + 1, 1);
    if (atomic_load(words) == expected)
        syscall(SYS_futex, word, FUTEX_WAIT, expected, &limit, NULL, 0);
    atomic_fetch_sub(words + 1, 1);
}

void canopy_word_wake(const void *word) {
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void lower(int resource, rlim_t most) {
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0) return;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < most) most = limit.rlim_max;
    limit.rlim_cur = most;
    limit.rlim_max = most;
    setrlimit((__rlimit_resource_t)resource, &limit);
}

/// A crash ends the process at once. What the language's runtime would do first, to show where it
/// was, needs calls that are refused later, and would wait for them for ever.
static void crash_plainly(void) {
    static const int signals[] = {SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV};
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &standard, NULL);
}

void canopy_confine_start(uint64_t data) {
    crash_plainly();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    lower(RLIMIT_CORE, 0);
    lower(RLIMIT_DATA, (rlim_t)data);
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score < 0) return;
    ssize_t ignored = write(score, "1000", 4);
    (void)ignored;
    close(score);
}

#if defined(__x86_64__)
#define CANOPY_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define CANOPY_ARCH AUDIT_ARCH_AARCH64
#endif

/// What an engine that has its files has no use for. io_uring would do all of it past the filter.
static const int refused[] = {
#ifdef SYS_open
    SYS_open, SYS_creat, SYS_fork, SYS_vfork, SYS_unlink, SYS_rename, SYS_link, SYS_symlink,
#endif
    SYS_openat, SYS_openat2, SYS_unlinkat, SYS_renameat2, SYS_linkat, SYS_symlinkat,
    SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4,
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev,
    SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
    SYS_pidfd_open, SYS_pidfd_send_signal, SYS_pidfd_getfd, SYS_prlimit64,
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd,
    SYS_mount, SYS_umount2, SYS_setns, SYS_unshare, SYS_open_by_handle_at,
};

/// Nobody has no capabilities. The library's calls change all threads, the system's own would not.
static void drop_root(void) {
    if (geteuid() != 0) return;
    const unsigned nobody = 65534;
    pid_t parent = getppid();
    if (setgroups(0, NULL) != 0 || setresgid(nobody, nobody, nobody) != 0 ||
        setresuid(nobody, nobody, nobody) != 0)
        return;
    // Forgotten with the old user.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
}

int canopy_confine_serving(void) {
    drop_root();
#ifndef CANOPY_ARCH
    return -ENOSYS;
#else
    enum { count = sizeof refused / sizeof refused[0], fixed = 12 };
    struct sock_filter code[fixed + 2 * count + 1];
    int at = 0;
#define DO(what, value) code[at++] = (struct sock_filter)BPF_STMT(what, value)
#define IF(test, value, yes, no) code[at++] = (struct sock_filter)BPF_JUMP(test, value, yes, no)
    const unsigned load = BPF_LD | BPF_W | BPF_ABS, equal = BPF_JMP | BPF_JEQ | BPF_K;
    DO(load, offsetof(struct seccomp_data, arch));
    IF(equal, CANOPY_ARCH, 1, 0);
    DO(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    DO(load, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    // The numbers of the x32 ABI would go past the list.
    IF(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
    DO(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
#endif
    // The library falls back to clone, whose flags can be looked at.
    IF(equal, SYS_clone3, 0, 1);
    DO(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
    IF(equal, SYS_clone, 0, 3);
    DO(load, offsetof(struct seccomp_data, args[0]));
    IF(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 2 * count + 1, 0);
    DO(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    for (int i = 0; i < count; i++) {
        IF(equal, (unsigned)refused[i], 0, 1);
        DO(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    }
    DO(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = (unsigned short)at, .filter = code};
    long status = syscall(
        SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
    return status == 0 ? 0 : status > 0 ? -ESRCH : -errno;
#endif
}
