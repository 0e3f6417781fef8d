/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See vtd_cache.h. Slots live in one array that doubles up to the capacity and are
 * linked by index, so that moving the array moves nothing else.
 */
#include "iommu/vtd_cache.h"

#include <stdlib.h>
#include <string.h>

#include "sim/dist.h"
#include "util/alloc.h"

#define VTD_CACHE_END UINT32_MAX

enum {
    FIRST_SIZE = 64,
};

void
vtd_cache_init(struct vtd_cache *c, const struct iommu_cache_config *cfg,
               struct sim_stream *stream, struct budget *budget)
{
    *c = (struct vtd_cache){
        .cfg = *cfg,
        .stream = stream,
        .budget = budget,
        .spare = VTD_CACHE_END,
        .oldest = VTD_CACHE_END,
        .newest = VTD_CACHE_END,
    };
}

static uint64_t
memory_of(const struct vtd_cache *c)
{
    return c->size * (uint64_t)(sizeof(*c->slots) + sizeof(*c->buckets));
}

void
vtd_cache_fini(struct vtd_cache *c)
{
    budget_return(c->budget, memory_of(c));
    free(c->slots);
    free(c->buckets);
    free(c->dids);
}

static uint32_t
bucket_of(const struct vtd_cache *c, uint64_t key, unsigned level, uint64_t tag)
{
    uint64_t h = (tag >> PAGE_LG2 ^ tag << 40) + (key << 20 ^ key >> 24) + level;

    return (uint32_t)(h * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (c->size - 1);
}

static uint32_t *
link_to(struct vtd_cache *c, uint64_t key, unsigned level, uint64_t tag)
{
    uint32_t *p = &c->buckets[bucket_of(c, key, level, tag)];

    while (*p != VTD_CACHE_END) {
        const struct vtd_cached *e = &c->slots[*p];
        if (e->tag == tag && e->key == key && e->level == level) {
            break;
        }
        p = &c->slots[*p].chain;
    }
    return p;
}

/* ---- lists ---- */

static void
age_unlink(struct vtd_cache *c, uint32_t i)
{
    struct vtd_cached *e = &c->slots[i];

    *(e->older == VTD_CACHE_END ? &c->oldest : &c->slots[e->older].newer) = e->newer;
    *(e->newer == VTD_CACHE_END ? &c->newest : &c->slots[e->newer].older) = e->older;
}

static void
age_append(struct vtd_cache *c, uint32_t i)
{
    struct vtd_cached *e = &c->slots[i];

    e->newer = VTD_CACHE_END;
    e->older = c->newest;
    *(c->newest == VTD_CACHE_END ? &c->oldest : &c->slots[c->newest].newer) = i;
    c->newest = i;
}

static void
did_unlink(struct vtd_cache *c, uint32_t i)
{
    struct vtd_cached *e = &c->slots[i];
    struct vtd_cache_did *d = &c->dids[e->did];

    *(e->did_prev == VTD_CACHE_END ? &d->head : &c->slots[e->did_prev].did_next) =
        e->did_next;
    if (e->did_next != VTD_CACHE_END) {
        c->slots[e->did_next].did_prev = e->did_prev;
    }
    d->count--;
    d->foreign -= e->key != e->did;
}

static void
did_link(struct vtd_cache *c, uint32_t i)
{
    struct vtd_cached *e = &c->slots[i];

    if (e->did >= c->n_dids) {
        uint32_t n = (e->did | 63U) + 1;
        c->dids = xrealloc(c->dids, n, sizeof(*c->dids));
        for (uint32_t d = c->n_dids; d < n; d++) {
            c->dids[d] = (struct vtd_cache_did){ .head = VTD_CACHE_END };
        }
        c->n_dids = n;
    }
    struct vtd_cache_did *d = &c->dids[e->did];
    e->did_prev = VTD_CACHE_END;
    e->did_next = d->head;
    if (d->head != VTD_CACHE_END) {
        c->slots[d->head].did_prev = i;
    }
    d->head = i;
    d->count++;
    d->foreign += e->key != e->did;
}

/* ---- entries ---- */

/* Take the entry that *link names out and keep its slot for the next one. */
static void
remove_at(struct vtd_cache *c, uint32_t *link)
{
    uint32_t i = *link;
    struct vtd_cached *e = &c->slots[i];

    *link = e->chain;
    age_unlink(c, i);
    did_unlink(c, i);
    c->live[e->level]--;
    c->count--;
    e->chain = c->spare;
    c->spare = i;
}

static void
remove_slot(struct vtd_cache *c, uint32_t i)
{
    const struct vtd_cached *e = &c->slots[i];

    remove_at(c, link_to(c, e->key, e->level, e->tag));
}

/* All slots are in use and more may be: double them and hash anew. */
static void
grow(struct vtd_cache *c)
{
    budget_return(c->budget, memory_of(c));
    c->size = c->size == 0 ? FIRST_SIZE : 2 * c->size;
    budget_spend(c->budget, memory_of(c));
    c->slots = xrealloc(c->slots, c->size, sizeof(*c->slots));
    c->buckets = xrealloc(c->buckets, c->size, sizeof(*c->buckets));
    memset(c->buckets, 0xff, c->size * sizeof(*c->buckets));
    for (uint32_t i = 0; i < c->used; i++) {
        struct vtd_cached *e = &c->slots[i];
        uint32_t *head = &c->buckets[bucket_of(c, e->key, e->level, e->tag)];
        e->chain = *head;
        *head = i;
    }
}

static uint32_t
victim(struct vtd_cache *c)
{
    if (c->cfg.policy == IOMMU_CACHE_RANDOM) {
        return (uint32_t)sim_uniform(c->stream, c->used);
    }
    return c->oldest;
}

/* A free slot; one entry gives way if there is none. */
static uint32_t
free_slot(struct vtd_cache *c, struct vtd_cached *evicted, bool *evicts)
{
    *evicts = vtd_cache_count(c) == c->cfg.entries;
    if (*evicts) {
        uint32_t i = victim(c);
        *evicted = c->slots[i];
        remove_slot(c, i);
    }
    if (c->spare != VTD_CACHE_END) {
        uint32_t i = c->spare;
        c->spare = c->slots[i].chain;
        return i;
    }
    if (c->used == c->size) {
        grow(c);
    }
    return c->used++;
}

const struct vtd_cached *
vtd_cache_find(struct vtd_cache *c, uint64_t key, unsigned level, uint64_t tag)
{
    if (c->live[level] == 0) {
        return NULL;
    }
    uint32_t i = *link_to(c, key, level, tag);
    if (i == VTD_CACHE_END) {
        return NULL;
    }
    if (c->cfg.policy == IOMMU_CACHE_LRU && i != c->newest) {
        age_unlink(c, i);
        age_append(c, i);
    }
    return &c->slots[i];
}

bool
vtd_cache_put(struct vtd_cache *c, const struct vtd_cached *e, struct vtd_cached *evicted)
{
    bool evicts;

    if (c->cfg.entries == 0) {
        return false;
    }
    vtd_cache_drop(c, e->key, e->level, e->tag);
    uint32_t i = free_slot(c, evicted, &evicts);
    uint32_t *head = &c->buckets[bucket_of(c, e->key, e->level, e->tag)];
    c->slots[i] = *e;
    c->slots[i].chain = *head;
    *head = i;
    age_append(c, i);
    did_link(c, i);
    c->live[e->level]++;
    c->count++;
    return evicts;
}

/* ---- removals ---- */

uint32_t
vtd_cache_drop_all(struct vtd_cache *c)
{
    uint32_t n = vtd_cache_count(c);

    while (c->oldest != VTD_CACHE_END) {
        remove_slot(c, c->oldest);
    }
    return n;
}

uint32_t
vtd_cache_drop_did(struct vtd_cache *c, uint16_t did)
{
    uint32_t n = did < c->n_dids ? c->dids[did].count : 0;

    for (uint32_t left = n; left > 0; left--) {
        remove_slot(c, c->dids[did].head);
    }
    return n;
}

uint32_t
vtd_cache_drop(struct vtd_cache *c, uint64_t key, unsigned level, uint64_t tag)
{
    if (c->live[level] == 0) {
        return 0;
    }
    uint32_t *link = link_to(c, key, level, tag);
    if (*link == VTD_CACHE_END) {
        return 0;
    }
    remove_at(c, link);
    return 1;
}

/* Entries of one level: ask for each page that the range touches. */
static uint32_t
probe_level(struct vtd_cache *c, uint16_t did, unsigned level, uint64_t first,
            uint64_t last)
{
    unsigned lg2 = vtd_ss_span_lg2(level);
    uint32_t n = 0;

    if (c->live[level] == 0) {
        return 0;
    }
    for (uint64_t page = first >> lg2; page <= last >> lg2; page++) {
        n += vtd_cache_drop(c, did, level, page << lg2);
    }
    return n;
}

uint32_t
vtd_cache_drop_if(struct vtd_cache *c, uint16_t did, vtd_cache_fn *fn, const void *arg)
{
    uint32_t n = 0;

    if (did >= c->n_dids) {
        return 0;
    }
    for (uint32_t i = c->dids[did].head, next; i != VTD_CACHE_END; i = next) {
        next = c->slots[i].did_next;
        if (fn(&c->slots[i], arg)) {
            remove_slot(c, i);
            n++;
        }
    }
    return n;
}

struct span {
    uint64_t first, last;
};

static bool
overlaps(const struct vtd_cached *e, const void *arg)
{
    const struct span *s = arg;

    return ranges_overlap(e->tag, vtd_cached_last(e), s->first, s->last);
}

uint32_t
vtd_cache_drop_pages(struct vtd_cache *c, uint16_t did, uint64_t first, uint64_t last)
{
    uint32_t have = did < c->n_dids ? c->dids[did].count : 0, n = 0;

    if (have == 0) {
        return 0;
    }
    if ((last - first) >> PAGE_LG2 <= have) {
        for (unsigned level = 1; level < VTD_CACHE_LEVELS; level++) {
            n += probe_level(c, did, level, first, last);
        }
        return n;
    }
    return vtd_cache_drop_if(c, did, overlaps, &(struct span){ first, last });
}

static int
by_place(const void *a, const void *b)
{
    const struct vtd_cached *x = *(const struct vtd_cached *const *)a;
    const struct vtd_cached *y = *(const struct vtd_cached *const *)b;

    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    if (x->tag != y->tag) {
        return x->tag < y->tag ? -1 : 1;
    }
    return (x->level > y->level) - (x->level < y->level);
}

const struct vtd_cached **
vtd_cache_list(const struct vtd_cache *c, size_t *n)
{
    const struct vtd_cached **list = xcalloc(vtd_cache_count(c) + 1, sizeof(*list));

    *n = 0;
    for (uint32_t i = c->oldest; i != VTD_CACHE_END; i = c->slots[i].newer) {
        list[(*n)++] = &c->slots[i];
    }
    qsort(list, *n, sizeof(*list), by_place);
    return list;
}
