/* The machine's clock, to be set while a server runs: loaded into all of its processes by LD_PRELOAD.

   CLOCK_OFFSET names a file of eight bytes, a number of nanoseconds. As in the kernel, a step moves what tells the time
   of day and ends or lengthens the waiting for a time of day, at once; what is monotonic goes on. (Debian's libfaketime
   0.9.10 makes Python's time.sleep fail, and lets a step pass those by who wait already.) */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define LOOK (SECOND / 20) /* how soon those who wait notice a step */
#define LONGEST_UPTIME 300000000LL /* seconds; a time before it is monotonic: condition variables may wait for either */

static const volatile int64_t none = 0;
static const volatile int64_t *offset = &none;

__attribute__((constructor)) static void load(void) {
    const char *path = getenv("CLOCK_OFFSET");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) offset = page;
    close(file);
}

static int64_t number(const struct timespec *at) { return at->tv_sec * SECOND + at->tv_nsec; }

static struct timespec at(int64_t number) {
    return (struct timespec){.tv_sec = number / SECOND, .tv_nsec = number % SECOND};
}

static int64_t now(clockid_t clock) {
    struct timespec told;
    syscall(SYS_clock_gettime, clock, &told);
    return number(&told) + (clock == CLOCK_REALTIME ? *offset : 0);
}

int clock_gettime(clockid_t clock, struct timespec *told) {
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) return syscall(SYS_clock_gettime, clock, told);
    *told = at(now(CLOCK_REALTIME));
    return 0;
}

int gettimeofday(struct timeval *restrict told, void *restrict zone) {
    (void)zone;
    int64_t is = now(CLOCK_REALTIME);
    *told = (struct timeval){.tv_sec = is / SECOND, .tv_usec = is % SECOND / 1000};
    return 0;
}

time_t time(time_t *told) {
    time_t is = now(CLOCK_REALTIME) / SECOND;
    if (told) *told = is;
    return is;
}

/* When to look again (monotonic) for somebody who waits until then; 0: that time has come. */
static int64_t next_look(const struct timespec *until) {
    clockid_t clock = until->tv_sec < LONGEST_UPTIME ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    int64_t left = number(until) - now(clock);
    return left <= 0 ? 0 : now(CLOCK_MONOTONIC) + (left < LOOK ? left : LOOK);
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    int64_t look;
    do {
        look = next_look(until);
        struct timespec soon = at(look);
        int found = pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &soon);
        if (found != ETIMEDOUT) return found;
    } while (look);
    return ETIMEDOUT;
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    int64_t look;
    do {
        look = next_look(until);
        struct timespec soon = at(look);
        if (sem_clockwait(semaphore, CLOCK_MONOTONIC, &soon) == 0) return 0;
        if (errno != ETIMEDOUT) return -1;
    } while (look);
    return -1;
}
