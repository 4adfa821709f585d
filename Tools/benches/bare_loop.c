// The least that a server with a worker can do for a frame: a yardstick of `Tools/bench inference`.
//
//   bare_loop LIBRARY MODEL COUNT FILE SIZE    COUNT: the input's elements, FP32; FILE: their bytes
//
// Prints a port, takes one connection there, and reads frames of SIZE bytes from it. A second thread
// runs the model once for each, whatever is in it, and the first answers: no protocol, no limits, no
// numbers. What its first thread takes, in a core whose caches the model has filled, is nearly all
// the kernel's.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime.h"

// About what a node's answer with five labels takes; `BARE_ANSWER` in inference.py.
static const char answer[512];
static const canopy_ov_functions *ov;
static canopy_ov_request *request;
static sem_t frames;
static int done;

static void need(int holds, const char *doing) {
    if (holds) return;
    perror(doing);
    exit(1);
}

static void *work(void *nothing) {
    // As much nicer as a node's workers are: a loop that has something to do goes first.
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
    for (const uint64_t one = 1;;) {
        while (sem_wait(&frames) != 0) {}
        check(ov->infer(request), ov, "inferring");
        need(write(done, &one, sizeof one) == sizeof one, "telling");
    }
    return nothing;
}

static int accept_one(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    const int one = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    need(bind(listener, (struct sockaddr *)&at, length) == 0 && listen(listener, 1) == 0 &&
             getsockname(listener, (struct sockaddr *)&at, &length) == 0, "listening");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    int connection = accept(listener, NULL, NULL);
    need(setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0, "accepting");
    return connection;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: bare_loop LIBRARY MODEL COUNT FILE SIZE\n");
        return 2;
    }
    request = open_model(&ov, argv + 1);
    const size_t size = strtoul(argv[5], NULL, 10);
    pthread_t worker;
    done = eventfd(0, 0);
    need(sem_init(&frames, 0, 0) == 0 && pthread_create(&worker, NULL, work, NULL) == 0, "starting");
    const int connection = accept_one(), poll = epoll_create1(0);
    struct epoll_event of[2] = {{.events = EPOLLIN, .data.fd = connection},
                                {.events = EPOLLIN, .data.fd = done}};
    for (int index = 0; index < 2; index++)
        need(epoll_ctl(poll, EPOLL_CTL_ADD, of[index].data.fd, &of[index]) == 0, "watching");
    static char buffer[1 << 17];
    for (size_t held = 0;;) {
        struct epoll_event event;
        if (epoll_wait(poll, &event, 1, -1) != 1) continue;
        if (event.data.fd == done) {
            uint64_t count;
            need(read(done, &count, sizeof count) == sizeof count, "hearing");
            while (count-- > 0)
                need(write(connection, answer, sizeof answer) == sizeof answer, "answering");
        } else {
            ssize_t more = read(connection, buffer, sizeof buffer);
            if (more <= 0) return 0;
            for (held += (size_t)more; held >= size; held -= size) sem_post(&frames);
        }
    }
}
