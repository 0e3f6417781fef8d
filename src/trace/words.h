/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words kept once each, so that readers of large traces store them once and two
 * records are compared by pointer.
 */
#ifndef IOMMUSIM_TRACE_WORDS_H
#define IOMMUSIM_TRACE_WORDS_H

#include <stddef.h>

#include "util/alloc.h"

struct trace_words {
    struct arena arena;
    const char **slot; /* open addressing; NULL: free */
    size_t n, cap;     /* cap is a power of two, at least twice n */
};

void trace_words_init(struct trace_words *w);
void trace_words_fini(struct trace_words *w);

/* The one copy of s[0..len), ended by a NUL; valid until trace_words_fini. */
const char *trace_words_keep(struct trace_words *w, const char *s, size_t len);

#endif
