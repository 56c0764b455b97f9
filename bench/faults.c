/* A disk that fails and a clock that steps, for bench/torture.py: preloaded into the service's processes.
 *
 * The file named by TORTURE_CONTROL is mapped into all of them; the torture writes into it, and what it writes is in
 * force at once. Only files below the folder named by TORTURE_JOURNAL fail. A field that is 0 does nothing. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* bench/torture_service.py has the same fields in the same order. */
struct control {
    int64_t clock_offset_ms;
    int32_t write_error;  /* errno of pwrite */
    int32_t write_short;  /* pwrite takes this many bytes at the most */
    int32_t sync_error;   /* errno of fdatasync and fsync on files */
    int32_t folder_error; /* errno of fsync on folders */
    int32_t name_error;   /* errno of rename and unlink */
    int32_t cut_error;    /* errno of ftruncate */
    int32_t every;        /* of the calls that could fail, each n-th does */
    uint32_t calls;
    uint32_t hits;
};

static struct control *control;
static char journal[PATH_MAX];
static int keeps_time;

static int is_engine(void) {
    char line[4096];
    int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? 0 : read(file, line, sizeof line - 1);
    if (file >= 0) close(file);
    line[size > 0 ? size : 0] = 0;
    for (char *word = line; word < line + size; word += strlen(word) + 1)
        if (strcmp(word, "engine") == 0) return 1;
    return 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("TORTURE_CONTROL"), *folder = getenv("TORTURE_JOURNAL");
    if (!path || !folder) return;
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    void *map = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (map == MAP_FAILED) return;
    snprintf(journal, sizeof journal, "%s", folder);
    /* The engine waits by clocks in ways that this file cannot see; a step of only a half of them would be no step. */
    keeps_time = is_engine();
    control = map;
}

static int is_below(const char *path) {
    size_t length = strlen(journal);
    return strncmp(path, journal, length) == 0 && (path[length] == 0 || path[length] == '/');
}

static int is_journal(int file) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return is_below(path);
}

/* Whether this call is one of those that fail. */
static int is_hit(void) {
    int32_t every = control->every > 1 ? control->every : 1;
    if (__atomic_add_fetch(&control->calls, 1, __ATOMIC_RELAXED) % (uint32_t)every != 0) return 0;
    __atomic_add_fetch(&control->hits, 1, __ATOMIC_RELAXED);
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL(code) do { errno = (code); return -1; } while (0)

#define WRITE(name, offset_type)                                                                \
    ssize_t name(int file, const void *data, size_t size, offset_type offset) {                 \
        static __typeof__(&name) real;                                                          \
        if (!real) real = REAL(name);                                                           \
        if (control && (control->write_error || control->write_short) && is_journal(file) && is_hit()) { \
            int32_t most = control->write_short;                                                \
            /* A disk that fails may have taken some of it. */                                  \
            if (control->write_error) {                                                         \
                if (size > 1) real(file, data, size / 2, offset);                               \
                FAIL(control->write_error);                                                     \
            }                                                                                   \
            if (most > 0 && size > (size_t)most) size = (size_t)most;                           \
        }                                                                                       \
        return real(file, data, size, offset);                                                  \
    }
WRITE(pwrite, off_t)
WRITE(pwrite64, off64_t)

#define CUT(name, offset_type)                                                                  \
    int name(int file, offset_type size) {                                                      \
        static __typeof__(&name) real;                                                          \
        if (!real) real = REAL(name);                                                           \
        if (control && control->cut_error && is_journal(file) && is_hit()) FAIL(control->cut_error); \
        return real(file, size);                                                                \
    }
CUT(ftruncate, off_t)
CUT(ftruncate64, off64_t)

static int sync_error(int file) {
    struct stat about;
    if (!control || (!control->sync_error && !control->folder_error) || !is_journal(file)) return 0;
    int32_t code = fstat(file, &about) == 0 && S_ISDIR(about.st_mode) ? control->folder_error : control->sync_error;
    return code && is_hit() ? code : 0;
}

int fdatasync(int file) {
    static __typeof__(&fdatasync) real;
    if (!real) real = REAL(fdatasync);
    int code = sync_error(file);
    if (code) FAIL(code);
    return real(file);
}

int fsync(int file) {
    static __typeof__(&fsync) real;
    if (!real) real = REAL(fsync);
    int code = sync_error(file);
    if (code) FAIL(code);
    return real(file);
}

int rename(const char *old, const char *fresh) {
    static __typeof__(&rename) real;
    if (!real) real = REAL(rename);
    if (control && control->name_error && is_below(old) && is_hit()) FAIL(control->name_error);
    return real(old, fresh);
}

int unlink(const char *path) {
    static __typeof__(&unlink) real;
    if (!real) real = REAL(unlink);
    if (control && control->name_error && is_below(path) && is_hit()) FAIL(control->name_error);
    return real(path);
}

static int64_t offset_ms(void) { return control && !keeps_time ? control->clock_offset_ms : 0; }

static void move(struct timespec *at, int64_t by_ms) {
    at->tv_sec += by_ms / 1000;
    at->tv_nsec += (by_ms % 1000) * 1000000;
    if (at->tv_nsec < 0) at->tv_sec--, at->tv_nsec += 1000000000;
    if (at->tv_nsec >= 1000000000) at->tv_sec++, at->tv_nsec -= 1000000000;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    static __typeof__(&clock_gettime) real;
    if (!real) real = REAL(clock_gettime);
    int status = real(clock, at);
    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) move(at, offset_ms());
    return status;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    (void)zone;
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

/* Where a program waits until a time of day, the kernel's clock has not stepped. */
int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    static __typeof__(&sem_timedwait) real;
    if (!real) real = REAL(sem_timedwait);
    struct timespec moved = *until;
    move(&moved, -offset_ms());
    return real(semaphore, &moved);
}
