/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A trace file, text or JSONL, back to records, one at a time. */
#ifndef IOMMUSIM_TRACE_READ_H
#define IOMMUSIM_TRACE_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/trace.h"
#include "trace/words.h"

struct err;
struct trace_reader;

enum trace_read { TRACE_READ_RECORD, TRACE_READ_END, TRACE_READ_ERROR };

/*
 * "-" is standard input. The path and `words` are borrowed; the records' texts live in
 * words, so readers that share them give records whose equal texts are one pointer.
 * NULL and *e if the file cannot be opened.
 */
struct trace_reader *trace_reader_open(const char *path, struct trace_words *words,
                                       struct err *e);

/*
 * The next record; header lines are skipped. An error is a malformed or cut off line
 * (with its place) or a failing read; the reader must not be asked again.
 */
enum trace_read trace_reader_next(struct trace_reader *r, struct trace_rec *rec,
                                  struct err *e);

/* Where the last record was, from 1. */
uint32_t trace_reader_line(const struct trace_reader *r);

void trace_reader_close(struct trace_reader *r);

#endif
