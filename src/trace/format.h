/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One record as one line, formatted by hand: a trace line must cost tens of ns. */
#ifndef IOMMUSIM_TRACE_FORMAT_H
#define IOMMUSIM_TRACE_FORMAT_H

#include <stdbool.h>

#include "trace/output.h"
#include "trace/trace.h"

/* TIME SUBJECT EVENT key=value ...; `color` marks verdicts and failures. */
void trace_format_text(struct trace_output *o, const struct trace_rec *r, bool color);

/* The same without color and newline, as a string that the caller frees. */
char *trace_format_string(const struct trace_rec *r);

/* {"time":0,"subject":"","event":"","key":...}; every value but DEC is a string. */
void trace_format_jsonl(struct trace_output *o, const struct trace_rec *r);

/* The '#' lines. */
void trace_format_header_text(struct trace_output *o, const struct trace_header *h);

/*
 * The same as one object with time 0, subject "iommusim" and event "header", so that
 * every line of the file is JSON of one shape.
 */
void trace_format_header_jsonl(struct trace_output *o, const struct trace_header *h);

#endif
