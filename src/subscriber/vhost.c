/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vhost with a device IOTLB behind QEMU's vhost glue: a cache that is filled by
 * misses and hears invalidations only. The kernel keeps its entries in an interval
 * tree without any check for overlaps; a look-up gets, of the entries that cover the
 * address, the one with the lowest start (the elder of equals), an invalidation
 * takes every entry that it touches, whole, and a full cache drops what was inserted
 * first.
 *
 * Here `owner` maps each page to the entry that a look-up would get. Entries almost
 * never overlap; once two have, dropping one looks through all for those that it
 * had hidden.
 * Source: Linux drivers/vhost/vhost.c and iotlb.c, QEMU hw/virtio/vhost.c; S70 to S85.
 */
#include <errno.h>
#include <stdlib.h>

#include "subscriber/kinds.h"

#define DEFAULT_ENTRIES UINT64_C(2048) /* max_iotlb_entries */

/* In a list by age while live, else in the list of free ones. 0 is no entry. */
struct entry {
    uint64_t first, last;
    uint64_t target; /* of first */
    uint64_t age;    /* insertion number */
    enum perm perm;
    uint32_t older, newer;
};

struct vhost {
    struct subscriber s;
    struct rangemap owner; /* page -> index of entry << PAGE_LG2 */
    struct entry *entries; /* entries[0].newer is the oldest, .older the newest */
    uint32_t allocated;    /* entries[] has room for this many */
    uint32_t used;         /* highest index ever used + 1 */
    uint32_t free;         /* first free one below `used`, linked by newer */
    uint64_t live, capacity;
    uint64_t inserted;
    bool tangled; /* some live entries may overlap */
};

static struct vhost *
of(struct subscriber *s)
{
    return (struct vhost *)(void *)s;
}

static const struct vhost *
of_const(const struct subscriber *s)
{
    return (const struct vhost *)(const void *)s;
}

static uint32_t
owner_of(const struct range_piece *p)
{
    return (uint32_t)(p->target >> PAGE_LG2);
}

/* ---- the list by age ---- */

static uint32_t
entry_alloc(struct vhost *v)
{
    uint32_t i = v->free;

    if (i != 0) {
        v->free = v->entries[i].newer;
        return i;
    }
    if (v->used == v->allocated) {
        const uint32_t more = v->allocated == 0 ? 16 : v->allocated;
        budget_spend(v->s.env->budget, more * sizeof(*v->entries));
        v->allocated += more;
        v->entries = xrealloc(v->entries, v->allocated, sizeof(*v->entries));
        if (v->used == 0) {
            v->entries[v->used++] = (struct entry){ 0 };
        }
    }
    return v->used++;
}

static void
entry_link(struct vhost *v, uint32_t i)
{
    struct entry *e = v->entries;

    e[i].age = v->inserted++;
    e[i].newer = 0;
    e[i].older = e[0].older;
    e[e[i].older].newer = i;
    e[0].older = i;
    v->live++;
}

static void
entry_release(struct vhost *v, uint32_t i)
{
    struct entry *e = v->entries;

    e[e[i].older].newer = e[i].newer;
    e[e[i].newer].older = e[i].older;
    e[i].newer = v->free;
    v->free = i;
    v->live--;
}

/* ---- pages and their owners ---- */

/* Whether a look-up finds a before b where both are. */
static bool
precedes(const struct entry *a, const struct entry *b)
{
    return a->first != b->first ? a->first < b->first : a->age < b->age;
}

/* Entry i takes of [first, last], which it covers, what no better entry has. */
static void
claim(struct vhost *v, uint32_t i, uint64_t first, uint64_t last)
{
    struct range_piece p;
    uint64_t at = first;

    while (rangemap_next_until(&v->owner, at, last, &p)) {
        const uint64_t a = p.first > at ? p.first : at;
        const uint64_t z = p.last < last ? p.last : last;

        if (at < a) {
            rangemap_insert(&v->owner, at, a - 1, (uint64_t)i << PAGE_LG2, PERM_NONE);
        }
        if (precedes(&v->entries[i], &v->entries[owner_of(&p)])) {
            rangemap_remove(&v->owner, a, z);
            rangemap_insert(&v->owner, a, z, (uint64_t)i << PAGE_LG2, PERM_NONE);
        }
        if (z == last) {
            return;
        }
        at = z + 1;
    }
    rangemap_insert(&v->owner, at, last, (uint64_t)i << PAGE_LG2, PERM_NONE);
}

/* The pages of [first, last] have lost an owner: those that it hid come forward. */
static void
uncover(struct vhost *v, uint64_t first, uint64_t last)
{
    for (uint32_t i = v->entries[0].newer; i != 0; i = v->entries[i].newer) {
        const struct entry *e = &v->entries[i];

        if (ranges_overlap(e->first, e->last, first, last)) {
            claim(v, i, e->first > first ? e->first : first,
                  e->last < last ? e->last : last);
        }
    }
}

static void
drop(struct vhost *v, uint32_t i)
{
    const struct entry e = v->entries[i];

    rangemap_remove(&v->owner, e.first, e.last);
    entry_release(v, i);
    if (v->live == 0) {
        v->tangled = false;
    } else if (v->tangled) {
        uncover(v, e.first, e.last);
    }
}

static void
evict_oldest(struct vhost *v)
{
    const uint32_t i = v->entries[0].newer;
    const struct entry *e = &v->entries[i];
    struct trace_rec rec;

    if (trace_wants(v->s.env->trace, TE_EVICT)) {
        trace_begin(&rec, sim_now(v->s.env->sim), v->s.config.name, TE_EVICT);
        trace_u64(&rec, TF_IOVA, e->first);
        trace_u64(&rec, TF_SIZE, e->last - e->first + 1);
        trace_u64(&rec, TF_GPA, e->target);
        trace_u64(&rec, TF_PERM, e->perm);
        trace_text(&rec, TF_CAUSE, "capacity");
        trace_emit(v->s.env->trace, &rec);
    }
    drop(v, i);
}

static void
insert(struct vhost *v, uint64_t first, uint64_t last, uint64_t target, enum perm perm)
{
    if (v->live == v->capacity) {
        evict_oldest(v);
    }
    const uint32_t i = entry_alloc(v);
    v->entries[i] =
        (struct entry){ .first = first, .last = last, .target = target, .perm = perm };
    entry_link(v, i);
    v->tangled = v->tangled || rangemap_any(&v->owner, first, last);
    claim(v, i, first, last);
}

static void
invalidate(struct vhost *v, uint64_t first, uint64_t last)
{
    struct range_piece p;

    while (rangemap_next_until(&v->owner, first, last, &p)) {
        drop(v, owner_of(&p));
    }
}

/* ---- the subscriber ---- */

static void
vhost_init(struct subscriber *s, const struct subscriber_config *c)
{
    struct vhost *v = of(s);

    rangemap_init(&v->owner, RANGEMAP_CONSTANT, s->env->budget);
    v->capacity = c->entries != 0 ? c->entries : DEFAULT_ENTRIES;
}

static void
vhost_fini(struct subscriber *s)
{
    struct vhost *v = of(s);

    rangemap_fini(&v->owner);
    budget_return(s->env->budget, v->allocated * sizeof(*v->entries));
    free(v->entries);
}

static void
vhost_clear(struct subscriber *s)
{
    invalidate(of(s), 0, UINT64_MAX);
}

static void
vhost_notify(struct subscriber *s, const struct notify_event *ev, uint64_t first,
             uint64_t last)
{
    if (ev->type != NOTIFY_MAP) {
        latency_charge(&s->env->latency, LATENCY_VHOST_MESSAGE);
        invalidate(of(s), first, last);
    }
}

/* RAM that was seen 1:1 is gone, and with it what was learnt from it. */
static void
vhost_bypass_unmap(struct subscriber *s, uint64_t first, uint64_t last)
{
    invalidate(of(s), first, last);
}

/* From the piece of `owner` to what its entry says. */
static void
resolve(const struct vhost *v, struct range_piece *p)
{
    const struct entry *e = &v->entries[owner_of(p)];

    p->target = e->target + (p->first - e->first);
    p->perm = e->perm;
    p->head = p->first == e->first;
}

static bool
vhost_lookup(const struct subscriber *s, uint64_t addr, struct range_piece *out)
{
    const struct vhost *v = of_const(s);

    if (!rangemap_lookup(&v->owner, addr, out)) {
        return false;
    }
    resolve(v, out);
    return true;
}

static bool
vhost_next(const struct subscriber *s, uint64_t from, struct range_piece *out)
{
    const struct vhost *v = of_const(s);

    if (!rangemap_next(&v->owner, from, out)) {
        return false;
    }
    resolve(v, out);
    return true;
}

/* Cut the answer for `iova` to the memory slot that the address is in. */
static bool
cut_to_slot(const struct mem *mem, uint64_t iova, struct dma_answer *a)
{
    const struct mem_range *slot = mem_range_of(mem, a->gpa);

    if (slot == NULL || slot->kind != MEM_RAM) {
        return false;
    }
    if (iova - a->first > a->gpa.v - slot->first) {
        a->first = iova - (a->gpa.v - slot->first);
    }
    if (a->last - iova > slot->last - a->gpa.v) {
        a->last = iova + (slot->last - a->gpa.v);
    }
    return true;
}

static void
trace_fill(const struct subscriber *s, const struct dma_answer *a, uint64_t target)
{
    struct trace_rec rec;

    if (trace_wants(s->env->trace, TE_FILL)) {
        trace_begin(&rec, sim_now(s->env->sim), s->config.name, TE_FILL);
        trace_u64(&rec, TF_IOVA, a->first);
        trace_u64(&rec, TF_SIZE, a->last - a->first + 1);
        trace_u64(&rec, TF_GPA, target);
        trace_u64(&rec, TF_PERM, a->perm);
        trace_emit(s->env->trace, &rec);
    }
}

/* One message asks, one answers; a translation that was refused has no answer. */
static struct dma_answer
miss(struct subscriber *s, uint64_t iova, enum perm access)
{
    const struct dma_answer blocked = {
        .result = DMA_BLOCKED,
        .first = iova & ~PAGE_MASK,
        .last = iova | PAGE_MASK,
    };
    struct dma_answer a;

    latency_charge(&s->env->latency, LATENCY_VHOST_MESSAGE);
    if (!s->translator.translate(s->translator.self, iova, access, &a)) {
        return blocked;
    }
    if (!cut_to_slot(s->env->mem, iova, &a)) {
        subscriber_failed(s, "fill", a.first, a.last, EFAULT);
        return blocked;
    }
    latency_charge(&s->env->latency, LATENCY_VHOST_MESSAGE);
    const uint64_t target = a.gpa.v - (iova - a.first);
    insert(of(s), a.first, a.last, target, a.perm);
    trace_fill(s, &a, target);
    observe(s->env, filled, s, a.first, a.last);
    a.result = DMA_OK;
    return a;
}

static struct dma_answer
vhost_dma(struct subscriber *s, uint64_t iova, enum perm access)
{
    struct range_piece p;

    if (!vhost_lookup(s, iova, &p)) {
        return miss(s, iova, access);
    }
    return (struct dma_answer){
        .result = (p.perm & access) == access ? DMA_OK : DMA_BLOCKED,
        .gpa = GPA(p.target + (iova - p.first)),
        .first = p.first,
        .last = p.last,
        .perm = p.perm,
    };
}

const struct subscriber_ops subscriber_vhost = {
    .name = "vhost",
    .flags = NOTIFY_UNMAP,
    .shadow = SHADOW_CACHE,
    .size = sizeof(struct vhost),
    .init = vhost_init,
    .fini = vhost_fini,
    .notify = vhost_notify,
    .bypass_unmap = vhost_bypass_unmap,
    .clear = vhost_clear,
    .dma = vhost_dma,
    .lookup = vhost_lookup,
    .next = vhost_next,
};
