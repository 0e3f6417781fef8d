/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of a QEMU `log` trace as numbers: the grammar of the events that capture.c
 * knows, without their meaning.
 */
#ifndef IOMMUSIM_TRACE_CAPTURE_LINE_H
#define IOMMUSIM_TRACE_CAPTURE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

/* With the numbers of the line, in its order. */
enum capture_event {
    CAPTURE_EV_NEW_TABLE, /* liobn, fd */
    CAPTURE_EV_PUT,       /* liobn, ioba, tce, ret */
    CAPTURE_EV_STUFF,     /* liobn, ioba, tce, npages, ret */
    CAPTURE_EV_INDIRECT,  /* liobn, ioba, list, last index, last tce, ret */
    CAPTURE_EV_GET,       /* liobn, ioba, ret, tce */
    CAPTURE_EV_XLATE,     /* liobn, window offset, gpa, perm, mask */
    CAPTURE_EV_QUERY,     /* buid, config address, windows left, largest, page mask */
    CAPTURE_EV_CREATE,    /* buid, config address, page size, window size, start, liobn */
    CAPTURE_EV_REMOVE,    /* liobn */
    CAPTURE_EV_RESET,     /* buid, config address */
    CAPTURE_EV_POST_LOAD, /* liobn, entries before, entries after, base, page shift */
    CAPTURE_EV_REG_CRQ,   /* unit address */
    CAPTURE_EV_FREE_CRQ,  /* unit address */
    CAPTURE_EV_START,     /* vhost_dev_start */
    CAPTURE_EV_STOP,      /* vhost_dev_stop */
};

enum { CAPTURE_NUMBERS = 6 };

struct capture_line {
    enum capture_event event;
    uint32_t line;               /* the caller's */
    uint64_t usec;               /* host clock */
    uint64_t n[CAPTURE_NUMBERS]; /* signed ones as two's complement */
};

enum capture_parse { CAPTURE_PARSED, CAPTURE_SKIPPED, CAPTURE_MALFORMED };

/*
 * Parse one line (a string; what ends it is ignored). SKIPPED: not an event, or none of
 * those above. MALFORMED: one of those above, but not as it is printed; e->text and
 * e->col say where.
 */
enum capture_parse capture_parse_line(const char *text, struct capture_line *out,
                                      struct err *e);

#endif
