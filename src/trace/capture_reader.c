/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See capture_reader.h. */
#include "trace/capture_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

bool
capture_reader_init(struct capture_reader *r, const char *path, struct err *e)
{
    *r = (struct capture_reader){ .file = fopen(path, "r"), .path = path };
    return r->file != NULL || err_at(e, path, 0, 0, "%s", strerror(errno));
}

void
capture_reader_fini(struct capture_reader *r)
{
    fclose(r->file);
    free(r->text);
    free(r->queue);
}

static void
end_of_file(struct capture_reader *r)
{
    r->ended = true;
    if (ferror(r->file)) {
        r->failed = true;
        err_at(&r->why, r->path, 0, 0, "%s", strerror(errno));
    }
}

/* Queue the next line of interest; false if there is none. */
static bool
read_line(struct capture_reader *r)
{
    struct capture_line l;

    while (!r->ended) {
        const ssize_t len = getline(&r->text, &r->text_size, r->file);

        if (len < 0) {
            end_of_file(r);
            return false;
        }
        r->line++;
        switch (capture_parse_line(r->text, &l, &r->why)) {
        case CAPTURE_SKIPPED:
            continue;
        case CAPTURE_MALFORMED:
            if (r->text[len - 1] != '\n') {
                continue; /* cut off, as a log is whose writer was killed */
            }
            r->ended = r->failed = true;
            r->why.file = r->path;
            r->why.line = r->line;
            return false;
        case CAPTURE_PARSED:
            break;
        }
        if (r->queue_head + r->n_queue == r->queue_size) {
            r->queue_size = r->queue_size == 0 ? 16 : r->queue_size * 2;
            r->queue = xrealloc(r->queue, r->queue_size, sizeof(*r->queue));
        }
        l.line = r->line;
        r->queue[r->queue_head + r->n_queue++] = l;
        return true;
    }
    return false;
}

/* The line i ahead of those taken, or NULL. */
const struct capture_line *
capture_reader_peek(struct capture_reader *r, size_t i)
{
    while (i >= r->n_queue) {
        if (!read_line(r)) {
            return NULL;
        }
    }
    return &r->queue[r->queue_head + i];
}

bool
capture_reader_take(struct capture_reader *r, struct capture_line *out)
{
    const struct capture_line *l = capture_reader_peek(r, 0);

    if (l == NULL) {
        return false;
    }
    *out = *l;
    r->n_queue--;
    r->queue_head = r->n_queue == 0 ? 0 : r->queue_head + 1;
    return true;
}

bool
capture_reader_fail(struct capture_reader *r, uint32_t line, const char *what)
{
    r->ended = r->failed = true;
    r->n_queue = 0;
    return err_at(&r->why, r->path, line, 0, "%s", what);
}
