/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The vhost device IOTLB: S70 to S78, S80, S85, S120 and S123 as a cache sees them, and
 * overlapping entries against a dumb re-statement.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_main.h"
#include "support_nic.h"

/* What was asked for, and learnt. */
static struct {
    unsigned misses, fills;
    uint64_t fill_first, fill_last;
} seen;

/* The toy's table answers, entry by entry. */
static void
translate(void *self, const struct ask *q, struct dma_answer *out)
{
    const struct nic *r = self;
    struct range_piece p;

    seen.misses++;
    if (!rangemap_entry(&r->t.table, q->iova, &p) || (p.perm & q->access) != q->access) {
        *out = (struct dma_answer){ .result = DMA_FAULT };
        return;
    }
    *out = (struct dma_answer){ .result = DMA_OK,
                                .gpa = GPA(p.target + (q->iova - p.first)),
                                .first = p.first,
                                .last = p.last,
                                .perm = p.perm };
}

static void
filled(void *self, struct subscriber *s, const struct range_piece *answer,
       const struct range_piece *kept)
{
    (void)self;
    (void)s;
    (void)kept;
    seen.fills++;
    seen.fill_first = answer->first;
    seen.fill_last = answer->last;
}

static void
rig_init(struct nic *r, uint64_t entries)
{
    const struct space_section all = { .first = 0, .last = UINT64_MAX };
    const struct subscriber_config c = {
        .name = "nic0/vhost", .device = "nic0", .replay = true, .entries = entries
    };

    memset(&seen, 0, sizeof(seen));
    nic_init(r, UINT64_MAX, &all, 1);
    r->t.env.observer.filled = filled;
    ck_assert(nic_attach(r, "vhost", &c, (struct translator){ translate, r }, NULL));
}

static enum dma_outcome
dma(struct nic *r, uint64_t iova, enum perm access)
{
    return r->s->ops->dma(r->s, iova, access).result;
}

/* The table changes behind everybody's back: no event. */
static void
set_silently(struct nic *r, uint64_t iova, uint64_t size, uint64_t gpa, enum perm perm)
{
    rangemap_remove(&r->t.table, iova, iova + size - 1);
    if (perm != PERM_NONE) {
        rangemap_insert(&r->t.table, iova, iova + size - 1, gpa, perm);
    }
}

static bool
cached(const struct nic *r, uint64_t iova)
{
    struct range_piece p;

    return r->s->ops->lookup(r->s, iova, &p);
}

START_TEST(S77_a_cache_asks_for_unmaps_only_and_fills_by_misses)
{
    struct nic r;

    rig_init(&r, 0);
    toy_trace(&r.t, TRACE_NORMAL);
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_RW);
    ck_assert_uint_eq(r.t.region.flags, NOTIFY_UNMAP);
    ck_assert_uint_eq(r.s->maps, 0);
    ck_assert(!cached(&r, 0x1000));
    struct dma_answer a = r.s->ops->dma(r.s, 0x1abc, PERM_W);
    ck_assert_int_eq(a.result, DMA_OK);
    ck_assert_uint_eq(a.gpa.v, 0x5abc);
    ck_assert_uint_eq(seen.fills, 1);
    ck_assert_uint_eq(seen.fill_first, 0x1000);
    ck_assert_uint_eq(seen.fill_last, 0x1fff);
    ck_assert_int_eq(dma(&r, 0x1fff, PERM_R), DMA_OK);
    ck_assert_uint_eq(seen.misses, 1);
    ck_assert_str_eq(toy_lines(&r.t),
                     "0 nic0/vhost fill iova=0x1000 size=0x1000 gpa=0x5000 perm=rw\n");
    nic_fini(&r);
}
END_TEST

START_TEST(S120_a_cached_entry_serves_until_its_invalidation)
{
    struct nic r;

    rig_init(&r, 0);
    set_silently(&r, 0x1000, 0x1000, 0x5000, PERM_RW);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R), DMA_OK);
    set_silently(&r, 0x1000, 0x1000, 0, PERM_NONE);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R), DMA_OK);
    toy_unmap(&r.t, 0x1000, 0x1fff);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R), DMA_BLOCKED);
    ck_assert_uint_eq(r.s->unmaps, 1);
    nic_fini(&r);
}
END_TEST

START_TEST(S70_a_full_cache_drops_what_was_inserted_first)
{
    struct nic r;

    rig_init(&r, 0);
    for (uint64_t i = 0; i < 2049; i++) {
        set_silently(&r, i << 13, 0x1000, i << 12, PERM_R);
    }
    for (uint64_t i = 0; i < 2048; i++) {
        ck_assert_int_eq(dma(&r, i << 13, PERM_R), DMA_OK);
    }
    ck_assert_int_eq(dma(&r, 0, PERM_R), DMA_OK); /* the most recently used, and yet: */
    ck_assert_uint_eq(seen.misses, 2048);
    toy_trace(&r.t, TRACE_VERBOSE);
    ck_assert_int_eq(dma(&r, UINT64_C(2048) << 13, PERM_R), DMA_OK);
    ck_assert_str_eq(
        toy_lines(&r.t),
        "0 nic0/vhost evict iova=0x0 size=0x1000 gpa=0x0 perm=r cause=capacity\n"
        "0 nic0/vhost fill iova=0x1000000 size=0x1000 gpa=0x800000 perm=r\n");
    ck_assert(!cached(&r, 0));
    for (uint64_t i = 1; i < 2049; i++) {
        ck_assert(cached(&r, i << 13));
    }
    nic_fini(&r);
}
END_TEST

START_TEST(S71_an_invalidation_takes_every_entry_it_touches_whole)
{
    struct nic r;

    rig_init(&r, 0);
    set_silently(&r, 0, 2 * MIB, 0, PERM_R);
    set_silently(&r, 2 * MIB, 0x1000, 0, PERM_R);
    dma(&r, 0, PERM_R);
    dma(&r, 2 * MIB, PERM_R);
    toy_unmap(&r.t, 0x1000, 0x1fff);
    ck_assert(!cached(&r, 0));
    ck_assert(!cached(&r, 2 * MIB - 1));
    ck_assert(cached(&r, 2 * MIB));
    nic_fini(&r);
}
END_TEST

START_TEST(S72_S80_an_unmap_of_the_whole_window_empties_the_cache)
{
    struct nic r;

    rig_init(&r, 0);
    set_silently(&r, 0, 0x1000, 0, PERM_R);
    set_silently(&r, UINT64_MAX - 0xfff, 0x1000, 0, PERM_R);
    dma(&r, 0, PERM_R);
    dma(&r, UINT64_MAX, PERM_R);
    ck_assert(cached(&r, UINT64_MAX));
    notify_unmap_window(&r.s->bindings->notifier, CAUSE_INVALIDATE);
    ck_assert_uint_eq(r.s->unmaps, 1);
    ck_assert(!cached(&r, 0));
    ck_assert(!cached(&r, UINT64_MAX));
    nic_fini(&r);
}
END_TEST

START_TEST(S73_of_overlapping_entries_the_lowest_start_answers)
{
    struct nic r;
    struct range_piece p;

    rig_init(&r, 0);
    set_silently(&r, 0x4000, 0x1000, 0x14000, PERM_R);
    dma(&r, 0x4000, PERM_R);
    set_silently(&r, 0x0, 0x8000, 0x20000, PERM_R); /* no invalidation */
    dma(&r, 0x0, PERM_R);
    ck_assert_uint_eq(seen.fills, 2);
    ck_assert_uint_eq(r.s->ops->dma(r.s, 0x4008, PERM_R).gpa.v, 0x24008);
    set_silently(&r, 0x7000, 0x2000, 0x30000, PERM_R);
    dma(&r, 0x8000, PERM_R); /* starts later: only its second page is seen */
    ck_assert(r.s->ops->lookup(r.s, 0x7000, &p));
    ck_assert_uint_eq(p.target + (0x7000 - p.first), 0x27000);
    ck_assert(r.s->ops->lookup(r.s, 0x8000, &p));
    ck_assert_uint_eq(p.target + (0x8000 - p.first), 0x31000);
    toy_unmap(&r.t, 0x0, 0xfff); /* the lowest goes, those it hid come forward */
    ck_assert(!cached(&r, 0x0));
    ck_assert_uint_eq(r.s->ops->dma(r.s, 0x4008, PERM_R).gpa.v, 0x14008);
    ck_assert_uint_eq(r.s->ops->dma(r.s, 0x7000, PERM_R).gpa.v, 0x30000);
    ck_assert_uint_eq(seen.misses, 3);
    nic_fini(&r);
}
END_TEST

START_TEST(S74_a_miss_without_an_answer_blocks_until_a_fresh_try)
{
    struct nic r;

    rig_init(&r, 0);
    toy_trace(&r.t, TRACE_VERBOSE);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R), DMA_BLOCKED);
    ck_assert_uint_eq(seen.misses, 1);
    ck_assert_uint_eq(seen.fills, 0);
    ck_assert_str_eq(toy_lines(&r.t), "");
    set_silently(&r, 0x1000, 0x1000, 0x5000, PERM_R);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R), DMA_OK);
    nic_fini(&r);
}
END_TEST

START_TEST(S75_S123_a_cached_entry_without_the_permission_blocks_and_does_not_ask)
{
    struct nic r;

    rig_init(&r, 0);
    set_silently(&r, 0x1000, 0x1000, 0x5000, PERM_R);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R), DMA_OK);
    set_silently(&r, 0x1000, 0x1000, 0x5000, PERM_RW);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_W), DMA_BLOCKED);
    ck_assert_uint_eq(seen.misses, 1);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R), DMA_OK);
    toy_unmap(&r.t, 0x1000, 0x1fff);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_W), DMA_OK);
    nic_fini(&r);
}
END_TEST

START_TEST(S76_an_invalidation_after_the_answer_removes_it)
{
    struct nic r;

    rig_init(&r, 0);
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_RW);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R), DMA_OK);
    toy_set(&r.t, 0x1000, 0x1000, 0, PERM_NONE);
    ck_assert(!cached(&r, 0x1000));
    nic_fini(&r);
}
END_TEST

START_TEST(S76_an_answer_after_its_invalidation_stays)
{
    const struct dist cost = DIST_CONST(9);
    struct nic r;

    rig_init(&r, 0);
    quirk_set(&r.t.env.quirks, QUIRK_VHOST_ANSWER_OVERTAKEN, true);
    latencies_set(&r.t.env.latency, LATENCY_VHOST_MESSAGE, &cost);
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_RW);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R), DMA_OK);
    ck_assert(!cached(&r, 0x1000));
    toy_set(&r.t, 0x1000, 0x1000, 0, PERM_NONE);
    ck_assert(sim_step(r.t.env.sim));
    ck_assert(cached(&r, 0x1000));
    toy_unmap(&r.t, 0x1000, 0x1fff); /* until the next */
    ck_assert(!cached(&r, 0x1000));
    set_silently(&r, 0x1000, 0x1000, 0x5000, PERM_RW);
    dma(&r, 0x1000, PERM_R);
    subscriber_detach(r.s); /* what is under way is for nobody */
    while (sim_step(r.t.env.sim)) {
    }
    ck_assert(!cached(&r, 0x1000));
    nic_fini(&r);
}
END_TEST

START_TEST(S78_the_cached_permission_is_the_answers)
{
    struct nic r;
    struct range_piece p;

    rig_init(&r, 0);
    set_silently(&r, 0x1000, 0x1000, 0x5000, PERM_RW);
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R), DMA_OK);
    ck_assert(r.s->ops->lookup(r.s, 0x1000, &p));
    ck_assert_uint_eq(p.perm, PERM_RW);
    set_silently(&r, 0x2000, 0x1000, 0x5000, PERM_W);
    ck_assert_int_eq(dma(&r, 0x2000, PERM_W), DMA_OK);
    ck_assert_int_eq(dma(&r, 0x2000, PERM_R), DMA_BLOCKED);
    nic_fini(&r);
}
END_TEST

START_TEST(S85_an_answer_ends_with_its_memory_slot)
{
    struct nic r;

    rig_init(&r, 0);
    set_silently(&r, 2 * MIB, 2 * MIB, TOY_RAM - MIB, PERM_R);
    ck_assert_int_eq(dma(&r, 2 * MIB + 0x1000, PERM_R), DMA_OK);
    ck_assert_uint_eq(seen.fill_first, 2 * MIB);
    ck_assert_uint_eq(seen.fill_last, 3 * MIB - 1);
    ck_assert_int_eq(dma(&r, 3 * MIB, PERM_R), DMA_BLOCKED); /* ROM is no slot */
    ck_assert_uint_eq(r.s->errors, 1);
    mem_add_range(r.t.env.mem, 2 * GIB, 3 * GIB - 1, MEM_RAM);
    set_silently(&r, 8 * MIB, 2 * MIB, 2 * GIB - MIB, PERM_R);
    ck_assert_int_eq(dma(&r, 9 * MIB + 0x5000, PERM_R), DMA_OK);
    ck_assert_uint_eq(seen.fill_first, 9 * MIB);
    ck_assert_uint_eq(seen.fill_last, 10 * MIB - 1);
    ck_assert_uint_eq(r.s->ops->dma(r.s, 9 * MIB, PERM_R).gpa.v, 2 * GIB);
    nic_fini(&r);
}
END_TEST

START_TEST(S81_with_ats_only_device_tlb_invalidations_reach_it)
{
    const struct subscriber_config c = { .name = "nic0/vhost",
                                         .device = "nic0",
                                         .ats = true };
    struct nic r;

    rig_init(&r, 0);
    subscriber_detach(r.s);
    subscriber_free(r.s);
    ck_assert(nic_attach(&r, "vhost", &c, (struct translator){ translate, &r }, NULL));
    set_silently(&r, 0x1000, 0x1000, 0x5000, PERM_RW);
    dma(&r, 0x1000, PERM_R);
    toy_unmap(&r.t, 0x1000, 0x1fff);
    ck_assert(cached(&r, 0x1000));
    notify_all(&r.t.region, 0,
               &(struct notify_event){ .type = NOTIFY_DEVIOTLB_UNMAP,
                                       .cause = CAUSE_INVALIDATE,
                                       .foreign_as = true,
                                       .iova = 0x1000,
                                       .mask = 0xfff });
    ck_assert(!cached(&r, 0x1000));
    ck_assert_uint_eq(r.s->deviotlb_unmaps, 1);
    nic_fini(&r);
}
END_TEST

static void
ats_rig_init(struct nic *r, enum quirk quirk)
{
    const struct dist cost = DIST_CONST(9);

    rig_init(r, 0);
    if (quirk != QUIRK_COUNT) {
        quirk_set(&r->t.env.quirks, quirk, true);
    }
    latencies_set(&r->t.env.latency, LATENCY_VHOST_MESSAGE, &cost);
    set_silently(r, 0x1000, 0x1000, 0x5000, PERM_RW);
    dma(r, 0x1000, PERM_R);
    subscriber_set_ats(r->s, true);
}

START_TEST(S84_N25_the_flags_change_in_one_moment_and_it_begins_empty)
{
    struct nic r;

    ats_rig_init(&r, QUIRK_COUNT);
    ck_assert_uint_eq(r.t.region.flags, NOTIFY_DEVIOTLB_UNMAP);
    ck_assert(!cached(&r, 0x1000));
    dma(&r, 0x1000, PERM_R);
    subscriber_set_ats(r.s, true); /* as it was */
    ck_assert(cached(&r, 0x1000));
    subscriber_set_ats(r.s, false);
    ck_assert_uint_eq(r.t.region.flags, NOTIFY_UNMAP);
    ck_assert_uint_eq(sim_pending(r.t.env.sim), 0);
    nic_fini(&r);
}
END_TEST

START_TEST(S84_kept_over_the_switch_an_entry_waits_for_the_other_kind)
{
    struct nic r;

    ats_rig_init(&r, QUIRK_VHOST_TOGGLE_KEEPS_CACHE);
    toy_unmap(&r.t, 0x1000, 0x1fff);
    ck_assert(cached(&r, 0x1000));
    subscriber_set_ats(r.s, false);
    toy_unmap(&r.t, 0x1000, 0x1fff);
    ck_assert(!cached(&r, 0x1000));
    nic_fini(&r);
}
END_TEST

START_TEST(S84_in_the_gap_nothing_is_registered)
{
    struct nic r;

    ats_rig_init(&r, QUIRK_SUB_TOGGLE_GAP);
    ck_assert_ptr_null(r.t.region.head);
    subscriber_set_ats(r.s, false); /* and back, before it has come back */
    while (sim_step(r.t.env.sim)) {
    }
    ck_assert_uint_eq(r.t.region.flags, NOTIFY_UNMAP);
    ck_assert_ptr_nonnull(r.t.region.head);
    ck_assert_ptr_null(r.t.region.head->next);
    subscriber_set_ats(r.s, true);
    subscriber_detach(r.s);
    while (sim_step(r.t.env.sim)) {
    }
    ck_assert_ptr_null(r.t.region.head);
    ck_assert(
        subscriber_attach(r.s, &r.space, (struct translator){ translate, &r }, NULL));
    ck_assert_uint_eq(r.t.region.flags, NOTIFY_DEVIOTLB_UNMAP);
    nic_fini(&r);
}
END_TEST

START_TEST(messages_cost_their_latency)
{
    struct nic r;
    const struct dist cost = DIST_CONST(9);

    rig_init(&r, 0);
    latencies_set(&r.t.env.latency, LATENCY_VHOST_MESSAGE, &cost);
    set_silently(&r, 0x1000, 0x1000, 0x5000, PERM_RW);
    dma(&r, 0x1000, PERM_R); /* question and answer */
    ck_assert_uint_eq(sim_take_charge(r.t.env.sim), 18);
    dma(&r, 0x1000, PERM_R);
    ck_assert_uint_eq(sim_take_charge(r.t.env.sim), 0);
    dma(&r, 0x2000, PERM_R);
    ck_assert_uint_eq(sim_take_charge(r.t.env.sim), 9);
    toy_unmap(&r.t, 0x1000, 0x1fff);
    ck_assert_uint_eq(sim_take_charge(r.t.env.sim), 9);
    nic_fini(&r);
}
END_TEST

START_TEST(what_was_learnt_untranslated_goes_when_translation_comes)
{
    struct nic r;
    const struct space_section all = { 0, UINT64_MAX, &r.t.region, 0 };

    rig_init(&r, 0);
    toy_trace(&r.t, TRACE_NORMAL);
    space_set_bypass(&r.space);
    set_silently(&r, 0, GIB, 0, PERM_RW);
    ck_assert_int_eq(dma(&r, 0x5000, PERM_R), DMA_OK);
    set_silently(&r, 0, GIB, 0, PERM_NONE);
    space_set(&r.space, &all, 1);
    ck_assert(!cached(&r, 0x5000));
    ck_assert_str_eq(toy_lines(&r.t),
                     "0 nic0/vhost unregister\n"
                     "0 nic0/vhost fill iova=0x0 size=0x40000000 gpa=0x0 perm=rw\n"
                     "0 nic0/vhost register flags=unmap range=0x0-0xffffffffffffffff\n");
    nic_fini(&r);
}
END_TEST

START_TEST(a_cache_starts_empty_each_time_it_is_attached)
{
    struct nic r;

    rig_init(&r, 0);
    set_silently(&r, 0x1000, 0x1000, 0x5000, PERM_RW);
    dma(&r, 0x1000, PERM_R);
    subscriber_detach(r.s);
    ck_assert(!cached(&r, 0x1000));
    ck_assert(
        subscriber_attach(r.s, &r.space, (struct translator){ translate, &r }, NULL));
    ck_assert_int_eq(dma(&r, 0x1000, PERM_R), DMA_OK);
    ck_assert_uint_eq(seen.misses, 2);
    nic_fini(&r);
}
END_TEST

/* ---- against a list searched from end to end ---- */

enum { CAPACITY = 12, SPACE = 32 /* pages */ };

struct plain {
    struct {
        uint64_t first, last, target;
    } e[CAPACITY]; /* oldest first */
    unsigned n;
};

static void
plain_drop(struct plain *m, unsigned i)
{
    m->n--;
    memmove(&m->e[i], &m->e[i + 1], (m->n - i) * sizeof(m->e[0]));
}

static int
plain_find(const struct plain *m, uint64_t addr)
{
    int best = -1;

    for (unsigned i = 0; i < m->n; i++) {
        if (addr >= m->e[i].first && addr <= m->e[i].last &&
            (best < 0 || m->e[i].first < m->e[best].first)) {
            best = (int)i;
        }
    }
    return best;
}

static void
plain_fill(struct plain *m, const struct range_piece *p)
{
    if (m->n == CAPACITY) {
        plain_drop(m, 0);
    }
    m->e[m->n].first = p->first;
    m->e[m->n].last = p->last;
    m->e[m->n++].target = p->target;
}

static void
plain_invalidate(struct plain *m, uint64_t first, uint64_t last)
{
    for (unsigned i = 0; i < m->n;) {
        if (ranges_overlap(m->e[i].first, m->e[i].last, first, last)) {
            plain_drop(m, i);
        } else {
            i++;
        }
    }
}

static void
compare(const struct nic *r, const struct plain *m)
{
    for (uint64_t at = 0; at < SPACE * PAGE_BYTES; at += PAGE_BYTES) {
        struct range_piece p, q;
        const int i = plain_find(m, at);

        ck_assert_int_eq(r->s->ops->lookup(r->s, at, &p), i >= 0);
        if (i >= 0) {
            ck_assert_uint_eq(p.target + (at - p.first),
                              m->e[i].target + (at - m->e[i].first));
            ck_assert(r->s->ops->next(r->s, at, &q));
            ck_assert_uint_eq(q.first, p.first);
            ck_assert_uint_eq(q.target, p.target);
        }
    }
}

START_TEST(S70_S71_S73_random_overlaps_follow_the_kernels_rules)
{
    const uint64_t seed = 73 + (uint64_t)_i;
    uint64_t state = seed;
    struct nic r;
    struct plain m = { .n = 0 };

    printf("seed %lu\n", (unsigned long)seed);
    rig_init(&r, CAPACITY);
    for (int step = 0; step < 3000; step++) {
        const uint64_t pages = 1 + rnd(&state) % 8;
        const uint64_t first = rnd(&state) % (SPACE - pages + 1) * PAGE_BYTES;
        const uint64_t last = first + pages * PAGE_BYTES - 1;
        const uint64_t at = first + rnd(&state) % pages * PAGE_BYTES;

        if (rnd(&state) % 8 == 0) {
            toy_unmap(&r.t, first, first + PAGE_MASK);
            plain_invalidate(&m, first, first + PAGE_MASK);
        } else {
            struct range_piece p = { .first = first, .last = last };
            p.target = rnd(&state) % 1024 * PAGE_BYTES;
            rangemap_clear(&r.t.table);
            rangemap_insert(&r.t.table, first, last, p.target, PERM_RW);
            ck_assert_int_eq(dma(&r, at, PERM_R), DMA_OK);
            if (plain_find(&m, at) < 0) {
                plain_fill(&m, &p);
            }
        }
        ck_assert_uint_eq(seen.misses, seen.fills);
        compare(&r, &m);
    }
    ck_assert_uint_gt(seen.fills, 300);
    nic_fini(&r);
}
END_TEST

START_TEST(a_log_has_guest_pages_and_who_leaves_leaves_it_behind)
{
    struct nic r;
    uint64_t first, last;

    rig_init(&r, 8);
    dirty_start(&r.t.env.dirty, NULL);
    r.s->ops->wrote(r.s, 0x7f000000, 0x9000, 4);
    ck_assert(subscriber_track(r.s, true));
    r.s->ops->wrote(r.s, 0x7f001ffe, 0x2ffe, 2);
    ck_assert_uint_eq(dirty_pages(&r.t.env.dirty), 0); /* not before it is asked */
    subscriber_detach(r.s);
    ck_assert(dirty_next(&r.t.env.dirty, 0, &first, &last));
    ck_assert_uint_eq(first, 0x2000);
    ck_assert_uint_eq(last, 0x2fff);
    ck_assert_uint_eq(dirty_pages(&r.t.env.dirty), 1);
    dirty_fini(&r.t.env.dirty);
    r.t.env.dirty = (struct dirty){ 0 };
    nic_fini(&r);
}
END_TEST

START_TEST(a_log_by_device_addresses_marks_other_pages_or_is_overrun)
{
    struct nic r;

    rig_init(&r, 8);
    quirk_set(&r.t.env.quirks, QUIRK_VHOST_LOG_IOVA, true);
    dirty_start(&r.t.env.dirty, NULL);
    ck_assert(subscriber_track(r.s, true));
    r.s->ops->wrote(r.s, 0x5000, 0x2000, 4);
    ck_assert(!r.t.env.aborted);
    subscriber_sync(r.s);
    ck_assert_uint_eq(dirty_pages(&r.t.env.dirty), 1);
    dirty_written(&r.t.env.dirty, 0x2000, 0x2003);
    ck_assert_uint_eq(dirty_missed(&r.t.env.dirty), 1);
    r.s->ops->wrote(r.s, TOY_RAM, 0x2000, 4);
    ck_assert(r.t.env.aborted);
    dirty_fini(&r.t.env.dirty);
    r.t.env.dirty = (struct dirty){ 0 };
    nic_fini(&r);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("vhost");
    TCase *tc = tcase_create("vhost");

    tcase_add_test(tc, S77_a_cache_asks_for_unmaps_only_and_fills_by_misses);
    tcase_add_test(tc, S120_a_cached_entry_serves_until_its_invalidation);
    tcase_add_test(tc, S70_a_full_cache_drops_what_was_inserted_first);
    tcase_add_test(tc, S71_an_invalidation_takes_every_entry_it_touches_whole);
    tcase_add_test(tc, S72_S80_an_unmap_of_the_whole_window_empties_the_cache);
    tcase_add_test(tc, S73_of_overlapping_entries_the_lowest_start_answers);
    tcase_add_test(tc, S74_a_miss_without_an_answer_blocks_until_a_fresh_try);
    tcase_add_test(
        tc, S75_S123_a_cached_entry_without_the_permission_blocks_and_does_not_ask);
    tcase_add_test(tc, S76_an_invalidation_after_the_answer_removes_it);
    tcase_add_test(tc, S76_an_answer_after_its_invalidation_stays);
    tcase_add_test(tc, S78_the_cached_permission_is_the_answers);
    tcase_add_test(tc, S85_an_answer_ends_with_its_memory_slot);
    tcase_add_test(tc, S81_with_ats_only_device_tlb_invalidations_reach_it);
    tcase_add_test(tc, S84_N25_the_flags_change_in_one_moment_and_it_begins_empty);
    tcase_add_test(tc, S84_kept_over_the_switch_an_entry_waits_for_the_other_kind);
    tcase_add_test(tc, S84_in_the_gap_nothing_is_registered);
    tcase_add_test(tc, messages_cost_their_latency);
    tcase_add_test(tc, what_was_learnt_untranslated_goes_when_translation_comes);
    tcase_add_test(tc, a_cache_starts_empty_each_time_it_is_attached);
    tcase_add_test(tc, a_log_has_guest_pages_and_who_leaves_leaves_it_behind);
    tcase_add_test(tc, a_log_by_device_addresses_marks_other_pages_or_is_overrun);
    tcase_add_loop_test(tc, S70_S71_S73_random_overlaps_follow_the_kernels_rules, 0, 6);
    suite_add_tcase(s, tc);
    return s;
}
