/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Buffered output that is either complete or an error. */

#include "trace/output.h"

#include "util/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = 256 * 1024,
    TEMP_TRIES = 1000,
};

static void
fail(struct trace_output *o, const char *doing)
{
    if (!o->failed) {
        o->failed = true;
        err_set(&o->error, "cannot %s %s: %s", doing,
                o->path != NULL ? o->path : "the trace", strerror(errno));
    }
}

static bool
report(const struct trace_output *o, struct err *e)
{
    if (o->failed && e != NULL) {
        *e = o->error;
    }
    return !o->failed;
}

static void
write_out(struct trace_output *o)
{
    const char *p = o->buf;
    size_t left = o->used;

    o->used = 0;
    while (left > 0 && !o->failed) {
        ssize_t n = write(o->fd, p, left);
        if (n >= 0) {
            p += n;
            left -= (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd pfd = { .fd = o->fd, .events = POLLOUT };
            (void)poll(&pfd, 1, -1);
        } else if (errno != EINTR) {
            fail(o, "write");
        }
    }
}

void
trace_output_init_fd(struct trace_output *o, int fd)
{
    *o = (struct trace_output){ .fd = fd };
}

#ifdef O_TMPFILE
enum { WITHOUT_NAME = O_TMPFILE };
#else
enum { WITHOUT_NAME = 0 }; /* there is no such thing here */
#endif

enum { FD_PATH = 40 };

static const char *
fd_path(char text[static FD_PATH], int fd)
{
    snprintf(text, FD_PATH, "/proc/self/fd/%d", fd);
    return text;
}

/* A file without a name, which nobody has to remove if we are killed. */
static bool
open_nameless(struct trace_output *o, mode_t mode)
{
    char self[FD_PATH], *dir = xstrdup(o->path), *slash = strrchr(dir, '/');

    if (slash != NULL) {
        slash[slash == dir] = '\0';
    }
    o->fd = WITHOUT_NAME == 0 ? -1
                              : open(slash != NULL ? dir : ".",
                                     WITHOUT_NAME | O_WRONLY | O_CLOEXEC, mode);
    free(dir);
    if (o->fd >= 0 && access(fd_path(self, o->fd), F_OK) < 0) {
        (void)close(o->fd); /* it could never be given a name */
        o->fd = -1;
    }
    o->nameless = o->fd >= 0;
    return o->nameless;
}

/* Open a new file called o->temp, or call the nameless one so. */
static bool
take_name(struct trace_output *o, mode_t mode)
{
    char self[FD_PATH];

    if (o->nameless) {
        return linkat(AT_FDCWD, fd_path(self, o->fd), AT_FDCWD, o->temp,
                      AT_SYMLINK_FOLLOW) == 0;
    }
    o->fd = open(o->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    return o->fd >= 0;
}

/* Find a name beside o->path that is free, and take it; false with errno set. */
static bool
name_temp(struct trace_output *o, mode_t mode)
{
    for (unsigned i = 0; i < TEMP_TRIES; i++) {
        o->temp = xasprintf("%s.%ld-%u.tmp", o->path, (long)getpid(), i);
        if (take_name(o, mode)) {
            return true;
        }
        int saved = errno;
        free(o->temp);
        o->temp = NULL;
        errno = saved;
        if (saved != EEXIST) {
            break;
        }
    }
    return false;
}

static bool
open_temp(struct trace_output *o, mode_t mode)
{
    return open_nameless(o, mode) || name_temp(o, mode);
}

static bool
open_path(struct trace_output *o)
{
    struct stat st;

    if (stat(o->path, &st) < 0) {
        return errno == ENOENT && open_temp(o, 0666);
    }
    if (!S_ISREG(st.st_mode)) {
        o->fd = open(o->path, O_WRONLY | O_CLOEXEC);
        return o->fd >= 0;
    }
    if (access(o->path, W_OK) < 0 || !open_temp(o, 0666)) {
        return false;
    }
    return fchmod(o->fd, st.st_mode & 0777) == 0;
}

bool
trace_output_init_path(struct trace_output *o, const char *path, struct err *e)
{
    *o = (struct trace_output){ .fd = -1 };
    char *real = realpath(path, NULL);
    o->path = xstrdup(real != NULL ? real : path);
    free(real);
    if (open_path(o)) {
        return true;
    }
    err_set(e, "cannot create %s: %s", path, strerror(errno));
    if (o->fd >= 0) {
        (void)close(o->fd);
        if (o->temp != NULL) {
            (void)unlink(o->temp);
        }
    }
    free(o->temp);
    free(o->path);
    return false;
}

void
trace_output_reserve_slow(struct trace_output *o, size_t len)
{
    if (o->used > 0) {
        write_out(o);
    }
    if (o->size < len) {
        o->size = len > BUFFER_BYTES ? len : BUFFER_BYTES;
        o->buf = xrealloc(o->buf, o->size, 1);
    }
}

void
trace_output_add(struct trace_output *o, const char *bytes, size_t len)
{
    memcpy(trace_output_reserve(o, len), bytes, len);
    o->used += len;
}

void
trace_output_print(struct trace_output *o, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    const int len = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (len > 0) {
        trace_output_add(o, text,
                         (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
    }
}

bool
trace_output_flush(struct trace_output *o, struct err *e)
{
    write_out(o);
    return report(o, e);
}

static void
put_in_place(struct trace_output *o, bool keep)
{
    if (o->nameless && keep && !o->failed && !name_temp(o, 0)) {
        fail(o, "give a name to");
    }
    if (close(o->fd) < 0) {
        fail(o, "close");
    }
    if (o->temp == NULL) {
        return;
    }
    if (!keep || o->failed) {
        (void)unlink(o->temp);
    } else if (rename(o->temp, o->path) < 0) {
        fail(o, "rename the finished file to");
        (void)unlink(o->temp);
    }
}

bool
trace_output_fini(struct trace_output *o, bool keep, struct err *e)
{
    write_out(o);
    if (o->path != NULL) {
        put_in_place(o, keep);
    }
    free(o->temp);
    free(o->path);
    free(o->buf);
    return report(o, e);
}
