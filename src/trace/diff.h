/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two traces compared by what they say: text and JSONL with the same records are
 * equal, header lines do not count.
 */
#ifndef IOMMUSIM_TRACE_DIFF_H
#define IOMMUSIM_TRACE_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/trace.h"
#include "trace/words.h"

struct err;

struct trace_diff_options {
    bool ignore_time; /* the order of records still counts */
    unsigned context; /* records shown around the first difference */
};

/* A record with its place; line 0: the trace had ended before it. */
struct trace_diff_record {
    struct trace_rec rec;
    uint32_t line;
};

/* How often one subscriber's event is in each. */
struct trace_diff_count {
    const char *subscriber;
    enum trace_event event;
    uint64_t n[2]; /* A, B */
};

struct trace_diff {
    bool equal;
    struct trace_diff_record *before; /* of A, n_before of them, equal in both */
    size_t n_before;
    struct trace_diff_record first[2];  /* where they part */
    struct trace_diff_record *after[2]; /* what follows in each, n_after[i] of them */
    size_t n_after[2];
    struct trace_diff_count *counts; /* by subscriber, then event; empty if equal */
    size_t n_counts;
    struct trace_words words; /* all texts above live here */
};

/*
 * Compare the files a and b, reading both as streams. False and *e if one cannot be
 * read or parsed; d then needs no fini.
 */
bool trace_diff_files(struct trace_diff *d, const char *a, const char *b,
                      const struct trace_diff_options *opts, struct err *e);

void trace_diff_fini(struct trace_diff *d);

#endif
