/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The event queue and the random streams: see sim.h.
 *
 * The queue is a 4-ary heap in an array. Most events add their successor, so
 * sim_step leaves the root vacant while the event runs: the first event added
 * from inside takes the vacant place and sinks, which saves refilling it.
 */
#include "sim/sim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/stream.h"
#include "util/alloc.h"

enum {
    ARITY = 4,
    FIRST_CAPACITY = 64,
};

struct event {
    sim_time when;
    uint64_t order; /* of insertion */
    sim_event_fn *fn;
    void *self;
    uint64_t arg;
};

struct sim {
    struct sim_public pub; /* first: the inline functions of sim.h look here */
    struct event *heap;    /* heap[0] is the next one, unless vacant */
    size_t len, capacity;  /* len counts a vacant root */
    bool vacant;           /* heap[0] is running or done; len > 0 */
    uint64_t added;
    uint64_t seed;
    struct sim_stream *streams;
};

struct sim *
sim_new(uint64_t seed)
{
    struct sim *s = xcalloc(1, sizeof(*s));

    s->seed = seed;
    return s;
}

void
sim_free(struct sim *s)
{
    if (s == NULL) {
        return;
    }
    stream_free_all(s->streams);
    free(s->heap);
    free(s);
}

struct sim_stream *
sim_stream(struct sim *s, const char *name)
{
    return stream_find(&s->streams, s->seed, name);
}

/*
 * Which of two events comes first is a coin toss, so a branch on it costs more than
 * the rest of the heap: compare without one.
 */
static bool
is_before(const struct event *a, const struct event *b)
{
    unsigned __int128 x = (unsigned __int128)a->when << 64 | a->order;
    unsigned __int128 y = (unsigned __int128)b->when << 64 | b->order;

    return x < y;
}

/* The earlier of heap[i] and heap[k]. */
static size_t
earlier(const struct event *heap, size_t i, size_t k)
{
    return i + (k - i) * is_before(&heap[k], &heap[i]);
}

/* Put `ev` where it belongs on the way from the free place `at` to the root. */
static void
sift_up(struct event *heap, size_t at, struct event ev)
{
    while (at > 0) {
        size_t parent = (at - 1) / ARITY;

        if (!is_before(&ev, &heap[parent])) {
            break;
        }
        heap[at] = heap[parent];
        at = parent;
    }
    heap[at] = ev;
}

/* The earliest child of `at`, or len if it has none. */
static size_t
earliest_child(const struct event *heap, size_t len, size_t at)
{
    size_t child = at * ARITY + 1;

    if (child >= len) {
        return len;
    }
    if (child + ARITY <= len) {
        return earlier(heap, earlier(heap, child, child + 1),
                       earlier(heap, child + 2, child + 3));
    }
    size_t best = child;

    while (++child < len) {
        best = earlier(heap, best, child);
    }
    return best;
}

/* Put `ev` where it belongs below the free root of a heap of `len` places. */
static void
sift_down(struct event *heap, size_t len, struct event ev)
{
    size_t at = 0;

    for (;;) {
        size_t child = earliest_child(heap, len, at);

        if (child == len || is_before(&ev, &heap[child])) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = ev;
}

static void
fill_vacancy(struct sim *s)
{
    s->vacant = false;
    if (--s->len > 0) {
        sift_down(s->heap, s->len, s->heap[s->len]);
    }
}

void
sim_at(struct sim *s, sim_time when, sim_event_fn *fn, void *self, uint64_t arg)
{
    struct event ev = { when, s->added++, fn, self, arg };

    assert(when >= s->pub.now);
    if (s->vacant) {
        s->vacant = false;
        sift_down(s->heap, s->len, ev);
        return;
    }
    if (s->len == s->capacity) {
        s->capacity = s->capacity == 0 ? FIRST_CAPACITY : s->capacity * 2;
        s->heap = xrealloc(s->heap, s->capacity, sizeof(*s->heap));
    }
    sift_up(s->heap, s->len++, ev);
}

static void
nothing(void *self, uint64_t arg)
{
    (void)self;
    (void)arg;
}

void
sim_forget(struct sim *s, const void *self)
{
    for (size_t i = s->vacant ? 1 : 0; i < s->len; i++) {
        if (s->heap[i].self == self) {
            s->heap[i].fn = nothing;
        }
    }
}

bool
sim_step(struct sim *s)
{
    if (s->vacant) {
        fill_vacancy(s);
    }
    if (s->len == 0) {
        return false;
    }
    struct event ev = s->heap[0];

    s->vacant = true;
    s->pub.now = ev.when;
    ev.fn(ev.self, ev.arg);
    return true;
}

size_t
sim_pending(const struct sim *s)
{
    return s->len - s->vacant;
}

bool
sim_next_time(const struct sim *s, sim_time *when)
{
    size_t next = s->vacant ? earliest_child(s->heap, s->len, 0) : 0;

    if (next == s->len) {
        return false;
    }
    *when = s->heap[next].when;
    return true;
}
