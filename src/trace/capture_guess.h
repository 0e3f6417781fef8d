/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must have happened that a log does not show, and what a dynamic window must be
 * like that it uses without having shown it being made.
 */
#ifndef IOMMUSIM_TRACE_CAPTURE_GUESS_H
#define IOMMUSIM_TRACE_CAPTURE_GUESS_H

#include "trace/capture_known.h"
#include "trace/capture_line.h"

/*
 * Something must have happened before the line l of the capture at `path`: *op is what
 * comes first of it, and *k knows it. False, and *op as it was, if nothing must have.
 */
bool capture_assume(struct capture_known *k, const char *path,
                    const struct capture_line *l, struct capture_op *op);

#endif
