/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One line of a trace back to a record: the inverse of format.h. Every key must be
 * one of its event's, once; their order does not matter, the record has the declared
 * one.
 */
#ifndef IOMMUSIM_TRACE_PARSE_H
#define IOMMUSIM_TRACE_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "trace/trace.h"
#include "trace/words.h"

struct err;

enum trace_parsed { TRACE_PARSED_RECORD, TRACE_PARSED_HEADER, TRACE_PARSED_ERROR };

struct trace_parser {
    struct trace_words *words;      /* borrowed; the records' words live there */
    const char *file;               /* for errors; borrowed */
    uint32_t line;                  /* for errors; the caller counts */
    unsigned char event_cache[256]; /* hash of an event's name -> event + 1 */
};

void trace_parser_init(struct trace_parser *p, struct trace_words *words,
                       const char *file);

/*
 * The line is s[0..len) without its newline; what begins with '{' is JSON. A header
 * line of another format version than 1 is an error.
 */
enum trace_parsed trace_parse_line(struct trace_parser *p, const char *s, size_t len,
                                   struct trace_rec *rec, struct err *e);

#endif
