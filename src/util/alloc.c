/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Allocation that ends in one place when it fails: see alloc.h. */
#include "util/alloc.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
exit_without_memory(size_t bytes)
{
    (void)bytes;
    fputs("iommusim: out of memory\n", stderr);
    exit(2);
}

/* The one thing in the library that is shared by all machines of a process. */
static alloc_failed_fn *alloc_failed = exit_without_memory;

void
alloc_set_handler(alloc_failed_fn *fn)
{
    alloc_failed = fn != NULL ? fn : exit_without_memory;
}

static void *
checked(void *p, size_t bytes)
{
    if (p == NULL) {
        alloc_failed(bytes);
        abort(); /* a handler must not return */
    }
    return p;
}

/* n * size, or more than can ever be had. */
static size_t
product(size_t n, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(n, size, &bytes) ? SIZE_MAX : bytes;
}

/* 0 bytes are a pointer too. */
static size_t
at_least_one(size_t bytes)
{
    return bytes != 0 ? bytes : 1;
}

void *
xmalloc(size_t size)
{
    return checked(malloc(at_least_one(size)), size);
}

void *
xcalloc(size_t n, size_t size)
{
    size_t bytes = product(n, size);

    return checked(calloc(1, at_least_one(bytes)), bytes);
}

void *
xrealloc(void *p, size_t n, size_t size)
{
    size_t bytes = product(n, size);

    return checked(realloc(p, at_least_one(bytes)), bytes);
}

char *
xstrdup(const char *s)
{
    size_t size = strlen(s) + 1;

    return memcpy(xmalloc(size), s, size);
}

char *
xasprintf(const char *fmt, ...)
{
    char *s = NULL;
    va_list args;

    va_start(args, fmt);
    int len = vasprintf(&s, fmt, args);
    va_end(args);
    return checked(len < 0 ? NULL : s, 0);
}

enum {
    CHUNK_FIRST = 4096 - 64, /* bytes of data; a page with the headers */
    CHUNK_MAX = 256 * 1024,
};

struct arena_chunk {
    struct arena_chunk *older;
    alignas(max_align_t) unsigned char data[];
};

void
arena_init(struct arena *a)
{
    *a = (struct arena){ 0 };
}

void
arena_fini(struct arena *a)
{
    while (a->chunks != NULL) {
        struct arena_chunk *c = a->chunks;

        a->chunks = c->older;
        free(c);
    }
    arena_init(a);
}

static void
arena_grow(struct arena *a, size_t size)
{
    size_t chunk = a->size == 0 ? CHUNK_FIRST : a->size * 2;

    if (chunk > CHUNK_MAX) {
        chunk = CHUNK_MAX;
    }
    if (chunk < size) {
        chunk = size;
    }
    size_t bytes = chunk > SIZE_MAX - sizeof(struct arena_chunk)
                       ? SIZE_MAX
                       : chunk + sizeof(struct arena_chunk);
    struct arena_chunk *c = xcalloc(1, bytes);

    c->older = a->chunks;
    a->chunks = c;
    a->used = 0;
    a->size = chunk;
}

void *
arena_alloc(struct arena *a, size_t size)
{
    size_t padding = -a->used & (alignof(max_align_t) - 1);

    if (a->chunks == NULL || padding > a->size - a->used ||
        size > a->size - a->used - padding) {
        arena_grow(a, size);
        padding = 0;
    }
    void *p = a->chunks->data + a->used + padding;

    a->used += padding + size;
    return p;
}

char *
arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *copy = arena_alloc(a, len + 1);

    memcpy(copy, s, len);
    return copy;
}
