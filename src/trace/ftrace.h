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
};

struct ftrace_op {
    enum ftrace_kind kind;
    uint32_t line;
    uint64_t usec; /* guest clock */
    uint64_t iova, size, gpa;
    uint64_t words[4];
};

enum ftrace_parse { FTRACE_PARSED, FTRACE_SKIPPED, FTRACE_MALFORMED };

/* One line, a string. MALFORMED: an event of the above, not as it is printed. */
enum ftrace_parse ftrace_parse_line(const char *text, struct ftrace_op *out);

/*
 * All of a file, in its order: *ops is the caller's to free. False and *e if it cannot be
 * read or has a malformed event. `path` is borrowed by errors.
 */
bool ftrace_read(const char *path, struct ftrace_op **ops, size_t *n, struct err *e);

#endif
