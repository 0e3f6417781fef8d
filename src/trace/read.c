/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines out of a file, through one buffer that grows to the longest line. */

#include "trace/read.h"

#include "trace/parse.h"
#include "util/alloc.h"
#include "util/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 * 1024 };

struct trace_reader {
    struct trace_parser parser;
    int fd;
    char *buf;
    size_t start, end, size; /* unread bytes are buf[start..end) */
    bool at_eof;
};

struct trace_reader *
trace_reader_open(const char *path, struct trace_words *words, struct err *e)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        err_at(e, path, 0, 0, "%s", strerror(errno));
        return NULL;
    }
    struct trace_reader *r = xcalloc(1, sizeof *r);
    trace_parser_init(&r->parser, words, is_stdin ? "<stdin>" : path);
    r->fd = fd;
    r->size = BUFFER_BYTES;
    r->buf = xmalloc(r->size);
    return r;
}

void
trace_reader_close(struct trace_reader *r)
{
    if (r == NULL) {
        return;
    }
    if (r->fd != STDIN_FILENO) {
        (void)close(r->fd);
    }
    free(r->buf);
    free(r);
}

uint32_t
trace_reader_line(const struct trace_reader *r)
{
    return r->parser.line;
}

static bool
read_more(struct trace_reader *r, struct err *e)
{
    ssize_t n;

    memmove(r->buf, r->buf + r->start, r->end - r->start);
    r->end -= r->start;
    r->start = 0;
    if (r->end == r->size) {
        r->size *= 2;
        r->buf = xrealloc(r->buf, r->size, 1);
    }
    do {
        n = read(r->fd, r->buf + r->end, r->size - r->end);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return err_at(e, r->parser.file, 0, 0, "%s", strerror(errno));
    }
    r->end += (size_t)n;
    r->at_eof = n == 0;
    return true;
}

/* The next line without its newline. */
static enum trace_read
next_line(struct trace_reader *r, const char **line, size_t *len, struct err *e)
{
    size_t searched = 0;

    for (;;) {
        char *from = r->buf + r->start;
        size_t have = r->end - r->start;
        char *newline = memchr(from + searched, '\n', have - searched);
        if (newline != NULL) {
            *line = from;
            *len = (size_t)(newline - from);
            r->start += *len + 1;
            r->parser.line++;
            return TRACE_READ_RECORD;
        }
        searched = have;
        if (r->at_eof) {
            break;
        }
        if (!read_more(r, e)) {
            return TRACE_READ_ERROR;
        }
    }
    if (searched == 0) {
        return TRACE_READ_END;
    }
    err_at(e, r->parser.file, r->parser.line + 1, 0,
           "the last line has no newline: the trace is cut off");
    return TRACE_READ_ERROR;
}

enum trace_read
trace_reader_next(struct trace_reader *r, struct trace_rec *rec, struct err *e)
{
    for (;;) {
        const char *line;
        size_t len;
        enum trace_read got = next_line(r, &line, &len, e);
        if (got != TRACE_READ_RECORD) {
            return got;
        }
        switch (trace_parse_line(&r->parser, line, len, rec, e)) {
        case TRACE_PARSED_RECORD:
            return TRACE_READ_RECORD;
        case TRACE_PARSED_ERROR:
            return TRACE_READ_ERROR;
        case TRACE_PARSED_HEADER:
            break;
        }
    }
}
