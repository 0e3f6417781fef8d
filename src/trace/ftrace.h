/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a Linux guest's own tracer recorded of its IOMMU driver: lines of ftrace with the
 * events of `iommu` and `intel_iommu`,
 *
 *     TASK-PID [CPU] FLAGS SECONDS.MICROSECONDS: EVENT: TEXT
 *
 * Other lines and events are skipped.
 * Source: Linux include/trace/events/iommu.h and drivers/iommu/intel/trace.h.
 */
#ifndef IOMMUSIM_TRACE_FTRACE_H
#define IOMMUSIM_TRACE_FTRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

enum ftrace_kind {
    FTRACE_MAP,    /* iova, size, gpa */
    FTRACE_UNMAP,  /* iova, size: what was unmapped indeed */
    FTRACE_SUBMIT, /* words: one descriptor for the invalidation queue */
    FTRACE_COMES,  /* sid: a device on the bus is given its domain next */
    FTRACE_GOES,   /* sid: a device is gone, its domain was taken away before */
    FTRACE_LOST,   /* the tracer had no room for some of the events here */
};

struct ftrace_op {
    enum ftrace_kind kind;
    uint32_t line;
    uint64_t usec; /* guest clock */
    uint64_t iova, size, gpa;
    uint64_t words[4];
    uint16_t sid; /* bus << 8 | device << 3 | function */
};

enum ftrace_parse { FTRACE_PARSED, FTRACE_SKIPPED, FTRACE_MALFORMED };

/*
 * One line, a string. MALFORMED: an event of the above, not as it is printed. If another
 * event begins in the midst of that one, as where a log was cut and went on, it is
 * taken.
 */
enum ftrace_parse ftrace_parse_line(const char *text, struct ftrace_op *out);

struct ftrace;

/* NULL and *e if the file cannot be opened. `path` is borrowed, by errors too. */
struct ftrace *ftrace_open(const char *path, struct err *e);
void ftrace_close(struct ftrace *f); /* NULL is fine */

enum ftrace_result { FTRACE_OP, FTRACE_END, FTRACE_ERROR };

/*
 * The next event. ERROR: *e names a malformed line, or a failure to read. A last line
 * that was cut off is none.
 */
enum ftrace_result ftrace_next(struct ftrace *f, struct ftrace_op *op, struct err *e);

#endif
