/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A capture as a stream of the lines that mean something, which can be read ahead of
 * those that were taken.
 */
#ifndef IOMMUSIM_TRACE_CAPTURE_READER_H
#define IOMMUSIM_TRACE_CAPTURE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "trace/capture_line.h"
#include "util/err.h"

struct capture_reader {
    bool failed; /* the end came too early; `why` */
    struct err why;

    /* Private. */
    FILE *file;
    const char *path;
    char *text; /* of the line */
    size_t text_size;
    uint32_t line;
    struct capture_line *queue; /* read ahead: n_queue from queue_head on */
    size_t queue_head, n_queue, queue_size;
    bool ended; /* nothing more to read */
};

/* False and *e if the file cannot be opened. `path` is borrowed, by errors too. */
bool capture_reader_init(struct capture_reader *r, const char *path, struct err *e);
void capture_reader_fini(struct capture_reader *r);

/*
 * The line i ahead of those taken, until the next call; NULL if there is none. A last
 * line that was cut off is none.
 */
const struct capture_line *capture_reader_peek(struct capture_reader *r, size_t i);

/* The next line; false if there is none. */
bool capture_reader_take(struct capture_reader *r, struct capture_line *out);

/* A line is not what it can be: the stream ends here and has failed. Returns false. */
bool capture_reader_fail(struct capture_reader *r, uint32_t line, const char *what);

#endif
