/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See tlb.h. `owner` maps each page to the entry that a look-up would get. Entries
 * almost never overlap; once two have, dropping one looks through all for those that
 * it had hidden.
 * Source: Linux drivers/vhost/iotlb.c.
 */
#include "subscriber/tlb.h"

#include <stdlib.h>

/* In a list by age while live, else in the list of free ones. 0 is no entry. */
struct tlb_entry {
    uint64_t first, last;
    uint64_t target; /* of first */
    uint64_t age;    /* insertion number */
    enum perm perm;
    uint32_t older, newer;
};

static uint32_t
owner_of(const struct range_piece *p)
{
    return (uint32_t)(p->target >> PAGE_LG2);
}

/* ---- the list by age ---- */

static uint32_t
entry_alloc(struct tlb *t)
{
    uint32_t i = t->free;

    if (i != 0) {
        t->free = t->entries[i].newer;
        return i;
    }
    if (t->used == t->allocated) {
        const uint32_t more = t->allocated == 0 ? 16 : t->allocated;
        budget_spend(t->s->env->budget, more * sizeof(*t->entries));
        t->allocated += more;
        t->entries = xrealloc(t->entries, t->allocated, sizeof(*t->entries));
        if (t->used == 0) {
            t->entries[t->used++] = (struct tlb_entry){ 0 };
        }
    }
    return t->used++;
}

static void
entry_link(struct tlb *t, uint32_t i)
{
    struct tlb_entry *e = t->entries;

    e[i].age = t->inserted++;
    e[i].newer = 0;
    e[i].older = e[0].older;
    e[e[i].older].newer = i;
    e[0].older = i;
    t->live++;
}

static void
entry_release(struct tlb *t, uint32_t i)
{
    struct tlb_entry *e = t->entries;

    e[e[i].older].newer = e[i].newer;
    e[e[i].newer].older = e[i].older;
    e[i].newer = t->free;
    t->free = i;
    t->live--;
}

/* ---- pages and their owners ---- */

/* Whether a look-up finds a before b where both are. */
static bool
precedes(const struct tlb_entry *a, const struct tlb_entry *b)
{
    return a->first != b->first ? a->first < b->first : a->age < b->age;
}

/* Entry i takes of [first, last], which it covers, what no better entry has. */
static void
claim(struct tlb *t, uint32_t i, uint64_t first, uint64_t last)
{
    struct range_piece p;
    uint64_t at = first;

    while (rangemap_next_until(&t->owner, at, last, &p)) {
        const uint64_t a = p.first > at ? p.first : at;
        const uint64_t z = p.last < last ? p.last : last;

        if (at < a) {
            rangemap_insert(&t->owner, at, a - 1, (uint64_t)i << PAGE_LG2, PERM_NONE);
        }
        if (precedes(&t->entries[i], &t->entries[owner_of(&p)])) {
            rangemap_remove(&t->owner, a, z);
            rangemap_insert(&t->owner, a, z, (uint64_t)i << PAGE_LG2, PERM_NONE);
        }
        if (z == last) {
            return;
        }
        at = z + 1;
    }
    rangemap_insert(&t->owner, at, last, (uint64_t)i << PAGE_LG2, PERM_NONE);
}

/* The pages of [first, last] have lost an owner: those that it hid come forward. */
static void
uncover(struct tlb *t, uint64_t first, uint64_t last)
{
    for (uint32_t i = t->entries[0].newer; i != 0; i = t->entries[i].newer) {
        const struct tlb_entry *e = &t->entries[i];

        if (ranges_overlap(e->first, e->last, first, last)) {
            claim(t, i, e->first > first ? e->first : first,
                  e->last < last ? e->last : last);
        }
    }
}

static void
drop(struct tlb *t, uint32_t i)
{
    const struct tlb_entry e = t->entries[i];

    rangemap_remove(&t->owner, e.first, e.last);
    entry_release(t, i);
    if (t->live == 0) {
        t->tangled = false;
    } else if (t->tangled) {
        uncover(t, e.first, e.last);
    }
}

static void
evict_oldest(struct tlb *t)
{
    const uint32_t i = t->entries[0].newer;
    const struct tlb_entry *e = &t->entries[i];
    struct trace_rec rec;

    if (trace_wants(t->s->env->trace, TE_EVICT)) {
        trace_begin(&rec, sim_now(t->s->env->sim), t->s->config.name, TE_EVICT);
        trace_u64(&rec, TF_IOVA, e->first);
        trace_u64(&rec, TF_SIZE, e->last - e->first + 1);
        trace_u64(&rec, TF_GPA, e->target);
        trace_u64(&rec, TF_PERM, e->perm);
        trace_text(&rec, TF_CAUSE, "capacity");
        trace_emit(t->s->env->trace, &rec);
    }
    drop(t, i);
}

static void
insert(struct tlb *t, uint64_t first, uint64_t last, uint64_t target, enum perm perm)
{
    if (t->live == t->capacity) {
        evict_oldest(t);
    }
    const uint32_t i = entry_alloc(t);
    t->entries[i] = (struct tlb_entry){
        .first = first, .last = last, .target = target, .perm = perm
    };
    entry_link(t, i);
    t->tangled = t->tangled || rangemap_any(&t->owner, first, last);
    claim(t, i, first, last);
}

void
tlb_invalidate(struct tlb *t, uint64_t first, uint64_t last)
{
    struct range_piece p;

    while (rangemap_next_until(&t->owner, first, last, &p)) {
        drop(t, owner_of(&p));
    }
}

/* ---- what others use ---- */

void
tlb_init(struct tlb *t, struct subscriber *s, uint64_t capacity)
{
    *t = (struct tlb){ .s = s, .capacity = capacity };
    rangemap_init(&t->owner, RANGEMAP_CONSTANT, s->env->budget);
}

void
tlb_fini(struct tlb *t)
{
    rangemap_fini(&t->owner);
    budget_return(t->s->env->budget, t->allocated * sizeof(*t->entries));
    free(t->entries);
}

static void
trace_fill(const struct subscriber *s, const struct range_piece *kept)
{
    struct trace_rec rec;

    if (trace_wants(s->env->trace, TE_FILL)) {
        trace_begin(&rec, sim_now(s->env->sim), s->config.name, TE_FILL);
        trace_u64(&rec, TF_IOVA, kept->first);
        trace_u64(&rec, TF_SIZE, kept->last - kept->first + 1);
        trace_u64(&rec, TF_GPA, kept->target);
        trace_u64(&rec, TF_PERM, kept->perm);
        trace_emit(s->env->trace, &rec);
    }
}

void
tlb_fill(struct tlb *t, const struct range_piece *answer, const struct range_piece *kept)
{
    insert(t, kept->first, kept->last, kept->target, kept->perm);
    trace_fill(t->s, kept);
    observe(t->s->env, filled, t->s, answer, kept);
}

/* From the piece of `owner` to what its entry says. */
static void
resolve(const struct tlb *t, struct range_piece *p)
{
    const struct tlb_entry *e = &t->entries[owner_of(p)];

    p->target = e->target + (p->first - e->first);
    p->perm = e->perm;
    p->head = p->first == e->first;
}

bool
tlb_lookup(const struct tlb *t, uint64_t addr, struct range_piece *out)
{
    if (!rangemap_lookup(&t->owner, addr, out)) {
        return false;
    }
    resolve(t, out);
    return true;
}

bool
tlb_next(const struct tlb *t, uint64_t from, struct range_piece *out)
{
    if (!rangemap_next(&t->owner, from, out)) {
        return false;
    }
    resolve(t, out);
    return true;
}
