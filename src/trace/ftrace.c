/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See ftrace.h. */
#include "trace/ftrace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

/* The event's name in `line`, past its time stamp, which is read; NULL: none. */
static const char *
find_event(const char *line, uint64_t *usec)
{
    for (const char *p = line; (p = strstr(p, ": ")) != NULL; p += 2) {
        const char *stamp = p;
        while (stamp > line && strchr("0123456789.", stamp[-1]) != NULL) {
            stamp--;
        }
        uint64_t sec, frac;
        int len = 0;
        if (stamp < p &&
            sscanf(stamp, "%" SCNu64 ".%6" SCNu64 "%n", &sec, &frac, &len) == 2 &&
            stamp + len == p) {
            *usec = sec * 1000000 + frac;
            return p + 2;
        }
    }
    return NULL;
}

/* What follows `name` and a colon, or NULL. */
static const char *
text_of(const char *event, const char *name)
{
    const size_t n = strlen(name);

    return strncmp(event, name, n) == 0 && event[n] == ':' ? event + n + 1 : NULL;
}

static bool
parse_map(const char *text, struct ftrace_op *op)
{
    uint64_t end;

    op->kind = FTRACE_MAP;
    return sscanf(text,
                  " IOMMU: iova=%" SCNx64 " - %" SCNx64 " paddr=%" SCNx64
                  " size=%" SCNu64,
                  &op->iova, &end, &op->gpa, &op->size) == 4 &&
           end - op->iova == op->size;
}

static bool
parse_unmap(const char *text, struct ftrace_op *op)
{
    uint64_t end, asked;

    op->kind = FTRACE_UNMAP;
    return sscanf(text,
                  " IOMMU: iova=%" SCNx64 " - %" SCNx64 " size=%" SCNu64
                  " unmapped_size=%" SCNu64,
                  &op->iova, &end, &asked, &op->size) == 4;
}

static bool
parse_submit(const char *text, struct ftrace_op *op)
{
    uint64_t *w = op->words;

    op->kind = FTRACE_SUBMIT;
    return sscanf(text, " %*s %*[^:]: %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64,
                  &w[0], &w[1], &w[2], &w[3]) == 4;
}

/* device=DDDD:BB:SS.F */
static bool
parse_device(const char *text, struct ftrace_op *op)
{
    const char *at = strstr(text, "device=");
    unsigned segment, bus, slot, function;

    if (at == NULL ||
        sscanf(at, "device=%x:%x:%x.%x", &segment, &bus, &slot, &function) != 4) {
        return false;
    }
    op->sid = (uint16_t)((bus & 0xff) << 8 | (slot & 0x1f) << 3 | (function & 7));
    return true;
}

static bool
parse_comes(const char *text, struct ftrace_op *op)
{
    op->kind = FTRACE_COMES;
    return parse_device(text, op);
}

static bool
parse_goes(const char *text, struct ftrace_op *op)
{
    op->kind = FTRACE_GOES;
    return parse_device(text, op);
}

static enum ftrace_parse
parse_event(const char *event, uint64_t usec, struct ftrace_op *out)
{
    static const struct {
        const char *name;
        bool (*parse)(const char *text, struct ftrace_op *op);
    } events[] = {
        { "map", parse_map },
        { "unmap", parse_unmap },
        { "qi_submit", parse_submit },
        { "add_device_to_group", parse_comes },
        { "remove_device_from_group", parse_goes },
    };

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        const char *text = text_of(event, events[i].name);
        if (text != NULL) {
            *out = (struct ftrace_op){ .usec = usec };
            return events[i].parse(text, out) ? FTRACE_PARSED : FTRACE_MALFORMED;
        }
    }
    return FTRACE_SKIPPED;
}

enum ftrace_parse
ftrace_parse_line(const char *line, struct ftrace_op *out)
{
    uint64_t usec;
    const char *event = line[0] == '#' ? NULL : find_event(line, &usec);
    enum ftrace_parse r = FTRACE_SKIPPED;

    if (strncmp(line, "CPU:", 4) == 0 && strstr(line, " [LOST ") != NULL) {
        *out = (struct ftrace_op){ .kind = FTRACE_LOST };
        return FTRACE_PARSED;
    }
    while (event != NULL && (r = parse_event(event, usec, out)) == FTRACE_MALFORMED) {
        event = find_event(event, &usec);
    }
    return r;
}

/* ---- files ---- */

struct ftrace {
    FILE *file;
    const char *path;
    char *text; /* of the line */
    size_t room;
    uint32_t line;
};

struct ftrace *
ftrace_open(const char *path, struct err *e)
{
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        err_at(e, path, 0, 0, "%s", strerror(errno));
        return NULL;
    }
    struct ftrace *f = xcalloc(1, sizeof(*f));
    f->file = file;
    f->path = path;
    return f;
}

void
ftrace_close(struct ftrace *f)
{
    if (f != NULL) {
        fclose(f->file);
        free(f->text);
        free(f);
    }
}

enum ftrace_result
ftrace_next(struct ftrace *f, struct ftrace_op *op, struct err *e)
{
    ssize_t len;

    while ((len = getline(&f->text, &f->room, f->file)) >= 0) {
        f->line++;
        switch (ftrace_parse_line(f->text, op)) {
        case FTRACE_SKIPPED:
            break;
        case FTRACE_PARSED:
            op->line = f->line;
            return FTRACE_OP;
        case FTRACE_MALFORMED:
            if (f->text[len - 1] == '\n') {
                err_at(e, f->path, f->line, 1, "this event is not as Linux prints it");
                return FTRACE_ERROR;
            }
        }
    }
    if (ferror(f->file)) {
        err_at(e, f->path, 0, 0, "%s", strerror(errno));
        return FTRACE_ERROR;
    }
    return FTRACE_END;
}
