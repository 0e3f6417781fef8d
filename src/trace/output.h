/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes on their way to a file descriptor or a file, through one large buffer. What
 * cannot be written is remembered, and everything after it is dropped: who formats
 * lines need not look, who closes the output is told. SIGPIPE must be ignored.
 */
#ifndef IOMMUSIM_TRACE_OUTPUT_H
#define IOMMUSIM_TRACE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

struct trace_output {
    char *buf;
    size_t used, size; /* bytes of buf */
    int fd;
    char *path;    /* NULL: fd is somebody else's and stays open */
    char *temp;    /* where path is being written; NULL: in path itself, or nameless */
    bool nameless; /* the file gets a name when it is complete */
    bool failed;
    struct err error; /* if failed */
};

/* Write to fd, which the caller keeps. */
void trace_output_init_fd(struct trace_output *o, int fd);

/*
 * Write to path. A regular file appears there only in trace_output_fini, when it is
 * complete; devices and pipes are written directly. Links are followed. False and *e
 * if it cannot be created; o then needs no fini.
 */
bool trace_output_init_path(struct trace_output *o, const char *path, struct err *e);

void trace_output_reserve_slow(struct trace_output *o, size_t len);

/* Where the next `len` bytes may be put; o->used says afterwards how many were. */
static inline char *
trace_output_reserve(struct trace_output *o, size_t len)
{
    if (o->size - o->used < len) {
        trace_output_reserve_slow(o, len);
    }
    return o->buf + o->used;
}

void trace_output_add(struct trace_output *o, const char *bytes, size_t len);
/* The same, formatted; not for the hot path. Up to 511 bytes. */
void trace_output_print(struct trace_output *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* False and *e if it, or anything before it, failed. */
bool trace_output_flush(struct trace_output *o, struct err *e);

/*
 * Flush and close; put the file in its place if `keep` and nothing failed, else remove
 * it. False and *e if anything failed.
 */
bool trace_output_fini(struct trace_output *o, bool keep, struct err *e);

#endif
