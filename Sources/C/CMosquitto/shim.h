#pragma once
#include <mosquitto.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

// What wakes the thread of a connection out of poll(2): an eventfd, or a negative number.
static inline int canopy_mqtt_wake_open(void) {
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

// Makes it readable. From any thread.
static inline void canopy_mqtt_wake(int descriptor) {
    uint64_t one = 1;
    ssize_t written = write(descriptor, &one, sizeof one);
    (void)written;
}

// Makes it unreadable again.
static inline void canopy_mqtt_wake_clear(int descriptor) {
    uint64_t count;
    ssize_t got = read(descriptor, &count, sizeof count);
    (void)got;
}

// Names the calling thread; the kernel keeps 15 bytes.
static inline void canopy_mqtt_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

// Lets the kernel acknowledge at once what has come on a TCP socket. The kernel forgets it again, so
// it is said after each reading.
static inline void canopy_mqtt_quick_ack(int socket) {
    int yes = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof yes);
}
