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

enum ftrace_parse
ftrace_parse_line(const char *line, struct ftrace_op *out)
{
    static const struct {
        const char *name;
        bool (*parse)(const char *text, struct ftrace_op *op);
    } events[] = {
        { "map", parse_map },
        { "unmap", parse_unmap },
        { "qi_submit", parse_submit },
    };
    uint64_t usec;
    const char *event = line[0] == '#' ? NULL : find_event(line, &usec);

    for (size_t i = 0; event != NULL && i < sizeof(events) / sizeof(events[0]); i++) {
        const char *text = text_of(event, events[i].name);
        if (text != NULL) {
            *out = (struct ftrace_op){ .usec = usec };
            return events[i].parse(text, out) ? FTRACE_PARSED : FTRACE_MALFORMED;
        }
    }
    return FTRACE_SKIPPED;
}

bool
ftrace_read(const char *path, struct ftrace_op **ops, size_t *n, struct err *e)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0, allocated = 0;
    uint32_t number = 0;
    bool ok = true;

    *ops = NULL;
    *n = 0;
    if (f == NULL) {
        return err_at(e, path, 0, 0, "%s", strerror(errno));
    }
    while (ok && getline(&line, &room, f) >= 0) {
        struct ftrace_op op;
        const enum ftrace_parse parsed = ftrace_parse_line(line, &op);

        number++;
        if (parsed == FTRACE_MALFORMED) {
            ok = err_at(e, path, number, 1, "this event is not as Linux prints it");
        } else if (parsed == FTRACE_PARSED) {
            if (*n == allocated) {
                allocated = allocated == 0 ? 256 : 2 * allocated;
                *ops = xrealloc(*ops, allocated, sizeof(**ops));
            }
            op.line = number;
            (*ops)[(*n)++] = op;
        }
    }
    if (ok && ferror(f)) {
        ok = err_at(e, path, 0, 0, "%s", strerror(errno));
    }
    free(line);
    fclose(f);
    if (!ok) {
        free(*ops);
        *ops = NULL;
    }
    return ok;
}
