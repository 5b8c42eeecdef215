/* What a failing disk and a wrong clock do to a program, below Python: loaded with LD_PRELOAD.

   Bytes that are read and written below the folder FAULTS_PLACE are counted, and calls that ask
   what time it is. Behind the byte FAULTS_WRITE or FAULTS_READ every such call ends with EIO;
   behind the call FAULTS_CLOCK the time is FAULTS_JUMP seconds off. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

long faults_written, faults_read, faults_asked;

static int ours(int fd) {
    char link[64], path[4096];
    const char *place = getenv("FAULTS_PLACE");
    if (fd < 3 || !place) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strncmp(path, place, strlen(place)) == 0;
}

static int fails(int fd, long bytes, long *count, const char *name) {
    int before = errno;
    if (!ours(fd)) { errno = before; return 0; }
    *count += bytes;
    const char *at = getenv(name);
    errno = at && *count >= atol(at) ? EIO : before;
    return at && *count >= atol(at);
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)
#define WRITING(fd, bytes) if (fails(fd, bytes, &faults_written, "FAULTS_WRITE")) return -1
#define READING(fd, bytes) if (fails(fd, bytes, &faults_read, "FAULTS_READ")) return -1

ssize_t write(int fd, const void *data, size_t n) { REAL(write); WRITING(fd, n); return real(fd, data, n); }
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) { REAL(pwrite64); WRITING(fd, n); return real(fd, data, n, at); }
ssize_t writev(int fd, const struct iovec *parts, int n) { REAL(writev); WRITING(fd, n ? (long)parts[0].iov_len : 0); return real(fd, parts, n); }
ssize_t sendfile64(int to, int from, off64_t *at, size_t n) { REAL(sendfile64); WRITING(to, 1); return real(to, from, at, n); }
ssize_t sendfile(int to, int from, off_t *at, size_t n) { REAL(sendfile); WRITING(to, 1); return real(to, from, at, n); }
int fsync(int fd) { REAL(fsync); WRITING(fd, 0); return real(fd); }
int fdatasync(int fd) { REAL(fdatasync); WRITING(fd, 0); return real(fd); }
ssize_t read(int fd, void *data, size_t n) {
    REAL(read);
    ssize_t got = real(fd, data, n);
    READING(fd, got > 0 ? got : 0);
    return got;
}
ssize_t pread64(int fd, void *data, size_t n, off64_t at) {
    REAL(pread64);
    ssize_t got = real(fd, data, n, at);
    READING(fd, got > 0 ? got : 0);
    return got;
}

int clock_gettime(clockid_t which, struct timespec *now) {
    REAL(clock_gettime);
    int status = real(which, now);
    const char *at = getenv("FAULTS_CLOCK"), *jump = getenv("FAULTS_JUMP");
    if (which == CLOCK_REALTIME && ++faults_asked && at && jump && faults_asked >= atol(at))
        now->tv_sec += atol(jump);
    return status;
}
