/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hash set of strings. */

#include "trace/words.h"

#include "trace/trace.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 256 };

void
trace_words_init(struct trace_words *w)
{
    arena_init(&w->arena);
    w->n = 0;
    w->cap = FIRST_CAP;
    w->slot = xcalloc(w->cap, sizeof *w->slot);
}

void
trace_words_fini(struct trace_words *w)
{
    arena_fini(&w->arena);
    free(w->slot);
}

static const char **
find_slot(struct trace_words *w, const char *s, size_t len)
{
    size_t at = (size_t)trace_hash(s, len) & (w->cap - 1);

    while (w->slot[at] != NULL &&
           (strncmp(w->slot[at], s, len) != 0 || w->slot[at][len] != '\0')) {
        at = (at + 1) & (w->cap - 1);
    }
    return &w->slot[at];
}

static void
grow(struct trace_words *w)
{
    const char **old = w->slot;
    size_t old_cap = w->cap;

    w->cap *= 2;
    w->slot = xcalloc(w->cap, sizeof *w->slot);
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i] != NULL) {
            *find_slot(w, old[i], strlen(old[i])) = old[i];
        }
    }
    free(old);
}

const char *
trace_words_keep(struct trace_words *w, const char *s, size_t len)
{
    const char **slot = find_slot(w, s, len);

    if (*slot == NULL) {
        if (w->n * 2 >= w->cap) {
            grow(w);
            slot = find_slot(w, s, len);
        }
        *slot = arena_strndup(&w->arena, s, len);
        w->n++;
    }
    return *slot;
}
