/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Allocation that cannot fail, arenas, and the budget that a scenario's
 * `limits: memory` puts on what the simulation itself makes grow.
 */
#ifndef IOMMUSIM_UTIL_ALLOC_H
#define IOMMUSIM_UTIL_ALLOC_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What happens when the system has no memory left. The default prints a
 * message and exits with status 2; a program that uses the library may put its
 * own in its place (process-wide, before the first machine). It must not return.
 */
typedef void alloc_failed_fn(size_t bytes);
void alloc_set_handler(alloc_failed_fn *fn);

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

/* Many small things that live and die together. Zeroed on allocation. */
struct arena {
    struct arena_chunk *chunks; /* newest first */
    size_t used, size;          /* of the newest chunk, in bytes */
};
void arena_init(struct arena *a);
void arena_fini(struct arena *a);
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *a, const char *s, size_t len)
    __attribute__((returns_nonnull));

/*
 * Bytes that the simulated state (guest memory, shadows, records) holds, against
 * a limit. Spending past the limit still succeeds and raises `exceeded`; the
 * machine looks at it after each event and stops the run. NULL is no budget.
 */
struct budget {
    uint64_t used, limit; /* bytes; limit UINT64_MAX = none */
    bool exceeded;
};

static inline void
budget_spend(struct budget *b, uint64_t bytes)
{
    if (b != NULL) {
        b->used += bytes;
        b->exceeded |= b->used > b->limit;
    }
}

static inline void
budget_return(struct budget *b, uint64_t bytes)
{
    if (b != NULL) {
        b->used -= bytes;
    }
}

#endif
