/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replay, whole-window unmaps, and what the core and a model that keeps the contract
 * give a subscriber together: N11 to N21, N23, N28 and S7, with the toy IOMMU.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "support_main.h"
#include "support_toy.h"

enum { TRAFFIC = 400 };

#define BOTH (NOTIFY_MAP | NOTIFY_UNMAP)

/* The guest changes one page of 4 to 64 KiB below 512 KiB. */
static void
random_change(struct toy *t, uint64_t *state, uint64_t *first, uint64_t *last)
{
    const uint64_t size = PAGE_BYTES << rnd(state) % 5;
    const uint64_t iova = rnd(state) % (512 * KIB / size) * size;
    static const enum perm perms[] = { PERM_NONE, PERM_R, PERM_W, PERM_RW };

    *first = iova;
    *last = iova + size - 1;
    toy_set(t, iova, size, rnd(state) % 16 * 64 * KIB, perms[rnd(state) % 4]);
}

/* ---- coherence ---- */

/* Malformed, or not explained by a crop at the window's edge. */
static bool
is_page_event(const struct ear *e, const struct notify_event *ev)
{
    const bool cropped = ev->iova == e->n.first || ev->iova + ev->mask == e->n.last;

    return cropped || (is_pow2(ev->mask + 1) && (ev->iova & ev->mask) == 0);
}

static void
well_formed(struct ear *e, struct notify_event *ev)
{
    ck_assert_uint_eq(ev->perm != PERM_NONE, ev->type == NOTIFY_MAP);
    ck_assert(is_page_event(e, ev));
}

START_TEST(N11_N12_N13_N15_random_changes_leave_a_shadow_equal_to_the_tables)
{
    const uint64_t seed = 13 + (uint64_t)_i;
    uint64_t state = seed, first, last;
    static struct ear e, part;

    printf("seed %lu\n", (unsigned long)seed);
    ear_join(&toy, &e, "e", BOTH, 0, UINT64_MAX);
    ear_join(&toy, &part, "part", BOTH, 0x3000, 0x2afff);
    e.then = well_formed;
    part.then = well_formed;
    for (int i = 0; i < TRAFFIC; i++) {
        random_change(&toy, &state, &first, &last);
        ear_agrees(&e, &toy);
        ear_agrees(&part, &toy);
    }
    ck_assert_uint_gt(e.count, TRAFFIC / 2);
    ck_assert_uint_eq(e.overlaps + part.overlaps, 0);
}
END_TEST

START_TEST(N15_a_map_only_notifier_sees_map_over_live_entries)
{
    static struct ear e;

    ear_join(&toy, &e, "e", NOTIFY_MAP, 0, UINT64_MAX);
    toy_set(&toy, 0x1000, 0x1000, 0x5000, PERM_RW);
    toy_set(&toy, 0x1000, 0x1000, 0x6000, PERM_RW);
    ck_assert_uint_eq(e.count, 2);
    ck_assert_uint_eq(e.overlaps, 1);
}
END_TEST

static void
copy_table(const struct rangemap *from, struct rangemap *to)
{
    struct range_piece p;

    rangemap_init(to, RANGEMAP_LINEAR, NULL);
    for (uint64_t at = 0; rangemap_next(from, at, &p); at = p.last + 1) {
        rangemap_insert(to, p.first, p.last, p.target, p.perm);
    }
}

/* Whether `page` was mapped before and is not, or otherwise, now. */
static bool
changed(const struct rangemap *before, const struct rangemap *now, uint64_t page)
{
    struct range_piece p, q;

    if (!rangemap_lookup(before, page, &p)) {
        return false;
    }
    return !rangemap_lookup(now, page, &q) || p.perm != q.perm ||
           p.target + (page - p.first) != q.target + (page - q.first);
}

static bool
heard_of(const struct ear *e, uint64_t page)
{
    for (unsigned i = 0; i < e->count; i++) {
        if (page >= e->got[i].iova && page <= e->got[i].iova + e->got[i].mask) {
            return true;
        }
    }
    return false;
}

START_TEST(N14_an_unmap_only_notifier_hears_of_every_changed_page)
{
    uint64_t state = 14, first, last;
    unsigned changes = 0;
    static struct ear e;

    ear_join(&toy, &e, "e", NOTIFY_UNMAP, 0, UINT64_MAX);
    for (int i = 0; i < TRAFFIC; i++) {
        struct rangemap before;

        copy_table(&toy.table, &before);
        e.count = 0;
        random_change(&toy, &state, &first, &last);
        for (uint64_t at = 0; at < 512 * KIB; at += PAGE_BYTES) {
            if (changed(&before, &toy.table, at)) {
                ck_assert(heard_of(&e, at));
                changes++;
            }
        }
        rangemap_fini(&before);
    }
    ck_assert_uint_gt(changes, TRAFFIC);
}
END_TEST

START_TEST(N16_N17_nothing_is_said_where_nothing_changed)
{
    static struct ear e;

    ear_join(&toy, &e, "e", BOTH, 0, UINT64_MAX);
    toy_set(&toy, 0x1000, 0x1000, 0, PERM_NONE);
    ck_assert_uint_eq(e.count, 0);
    toy_set(&toy, 0x1000, 0x1000, 0x5000, PERM_RW);
    toy_set(&toy, 0x1000, 0x1000, 0x5000, PERM_RW);
    ck_assert_uint_eq(e.count, 1);
    notify_replay(&e.n); /* the exception */
    ck_assert_uint_eq(e.count, 2);
    ck_assert_uint_eq(e.got[1].cause, CAUSE_REPLAY);
}
END_TEST

/* ---- replay ---- */

START_TEST(N18_N19_N28_a_newcomer_alone_is_told_what_exists)
{
    uint64_t state = 28, first, last;
    static struct ear old, new;

    ear_join(&toy, &old, "old", BOTH, 0, UINT64_MAX);
    for (int i = 0; i < 60; i++) {
        random_change(&toy, &state, &first, &last);
    }
    old.count = 0;
    ear_join(&toy, &new, "new", BOTH, 0, UINT64_MAX);
    ck_assert_uint_eq(new.count, 0); /* registering alone says nothing */
    notify_replay(&new.n);
    ck_assert_uint_eq(old.count, 0);
    ck_assert_uint_gt(new.count, 0);
    ear_agrees(&new, &toy);

    /* Onto a coherent shadow: the same MAPs once more, which change nothing. */
    const unsigned maps = new.count;
    notify_replay(&new.n);
    ck_assert_uint_eq(new.count, 2 * maps);
    for (unsigned i = 0; i < maps; i++) {
        ck_assert_uint_eq(new.got[i].type, NOTIFY_MAP);
        ck_assert_uint_eq(new.got[maps + i].iova, new.got[i].iova);
        ck_assert_uint_eq(new.got[maps + i].target.v, new.got[i].target.v);
        ck_assert(i == 0 || new.got[i].iova > new.got[i - 1].iova);
    }
    ear_agrees(&new, &toy);

    random_change(&toy, &state, &first, &last);
    ear_agrees(&old, &toy);
    ear_agrees(&new, &toy);
}
END_TEST

START_TEST(N20_S7_a_blind_replay_asks_once_a_page_and_ends_even_for_2_64)
{
    static struct ear e;

    toy_fini(&toy);
    toy_init_blind(&toy, 64 * PAGE_BYTES - 1);
    ear_join(&toy, &e, "e", BOTH, 0, UINT64_MAX);
    notify_replay(&e.n);
    ck_assert_uint_eq(toy.translations, 64);
    ck_assert_uint_eq(e.count, 0);

    toy_fini(&toy);
    toy_init_blind(&toy, UINT64_MAX);
    toy.page = UINT64_C(1) << 60;
    rangemap_insert(&toy.table, UINT64_C(0xf) << 60, UINT64_MAX, 0, PERM_R);
    ear_join(&toy, &e, "e", BOTH, 0, UINT64_MAX);
    notify_replay(&e.n);
    ck_assert_uint_eq(toy.translations, 16);
    ck_assert_uint_eq(e.count, 1);
    ck_assert_uint_eq(e.got[0].iova, UINT64_C(0xf) << 60);
}
END_TEST

START_TEST(N20_a_replay_costs_what_is_mapped_and_no_more)
{
    static struct ear e;

    ear_join(&toy, &e, "e", BOTH, 0, UINT64_MAX);
    rangemap_insert(&toy.table, 0x5000, 0x5fff, 0x1000, PERM_W);
    rangemap_insert(&toy.table, GIB, 2 * GIB - 1, 0, PERM_RW);
    rangemap_insert(&toy.table, UINT64_MAX - 0xfff, UINT64_MAX, 0x7000, PERM_R);
    notify_replay(&e.n);
    ck_assert_uint_eq(toy.translations, 3);
    ck_assert_uint_eq(e.count, 3);
    ck_assert_uint_eq(e.got[1].mask, GIB - 1); /* a large page is one event */
    ck_assert_uint_eq(e.got[2].iova, UINT64_MAX - 0xfff);
}
END_TEST

START_TEST(a_replay_is_clipped_to_the_window_and_goes_no_further)
{
    static struct ear e;

    rangemap_insert(&toy.table, 0, 0xffff, 0x100000, PERM_RW);
    rangemap_insert(&toy.table, 2 * MIB, 4 * MIB - 1, 0, PERM_RW);
    rangemap_insert(&toy.table, 8 * MIB, 10 * MIB - 1, 0, PERM_RW);
    ear_join(&toy, &e, "e", BOTH, 0x8000, 3 * MIB - 1);
    notify_replay(&e.n);
    ck_assert_uint_eq(toy.translations, 2);
    ck_assert_uint_eq(e.count, 2);
    ck_assert_uint_eq(e.got[0].iova, 0x8000);
    ck_assert_uint_eq(e.got[0].mask, 0x7fff);
    ck_assert_uint_eq(e.got[0].target.v, 0x108000);
    ck_assert_uint_eq(e.got[1].iova, 2 * MIB);
    ck_assert_uint_eq(e.got[1].mask, MIB - 1);
    ear_agrees(&e, &toy);
}
END_TEST

START_TEST(a_replay_speaks_of_maps_only_and_only_to_whom_they_concern)
{
    static struct ear e;

    toy_trace(&toy, TRACE_NORMAL);
    rangemap_insert(&toy.table, 0x1000, 0x1fff, 0x5000, PERM_RW);
    ear_join(&toy, &e, "nic0/e", NOTIFY_UNMAP, 0, 0xffff);
    notify_replay(&e.n);
    ck_assert_uint_eq(e.count, 0);
    ck_assert_uint_eq(toy.translations, 0);
    ear_fini(&e);
    toy_lines(&toy);
    ear_join(&toy, &e, "nic0/e", BOTH, 0, 0xffff);
    notify_replay(&e.n);
    ck_assert_str_eq(
        toy_lines(&toy),
        "0 nic0/e register flags=map|unmap range=0x0-0xffff\n"
        "0 nic0/e replay-begin range=0x0-0xffff\n"
        "0 nic0/e MAP iova=0x1000 size=0x1000 gpa=0x5000 perm=rw cause=replay\n"
        "0 nic0/e replay-end count=1\n");
}
END_TEST

static void
leave_and_vanish(struct ear *e, struct notify_event *ev)
{
    (void)ev;
    ear_fini(e);
    free(e);
}

START_TEST(N10_a_replay_ends_when_its_notifier_leaves)
{
    struct ear *e = malloc(sizeof(*e));

    rangemap_insert(&toy.table, 0x1000, 0x1fff, 0x5000, PERM_RW);
    rangemap_insert(&toy.table, 0x3000, 0x3fff, 0x5000, PERM_RW);
    ear_join(&toy, e, "e", BOTH, 0, UINT64_MAX);
    e->then = leave_and_vanish;
    notify_replay(&e->n);
    ck_assert_uint_eq(toy.translations, 1);
    ck_assert_ptr_null(toy.region.head);
}
END_TEST

/* A model's own replay: it unmaps the window first, as VT-d once did. */
static void
unmap_then_map(struct notify_region *r, struct notifier *n)
{
    const struct notify_event ev = { .type = NOTIFY_MAP,
                                     .cause = CAUSE_REPLAY,
                                     .perm = PERM_R,
                                     .iova = 0x4000,
                                     .mask = 0xfff };

    (void)r;
    notify_unmap_window(n, CAUSE_REPLAY);
    ck_assert(notify_one(n, &ev));
}

START_TEST(N18_a_models_own_replay_takes_the_place_of_the_walk)
{
    static const struct notify_region_ops ops = { .replay = unmap_then_map };
    static struct ear old, e;

    toy_trace(&toy, TRACE_NORMAL);
    toy.region.ops = &ops;
    ear_join(&toy, &old, "old", BOTH, 0, 0xffff);
    ear_join(&toy, &e, "e", BOTH, 0, 0xffff);
    toy_map(&toy, 0x8000, 0x8fff, 0);
    notify_unregister(&e.n);
    ck_assert_int_eq(notify_register(&toy.region, &e.n, NULL), 0);
    ck_assert_uint_eq(e.n.maps, 0);
    toy_lines(&toy);
    notify_replay(&e.n);
    ck_assert_str_eq(toy_lines(&toy),
                     "0 e replay-begin range=0x0-0xffff\n"
                     "0 e UNMAP iova=0x0 size=0x10000 cause=replay\n"
                     "0 e MAP iova=0x4000 size=0x1000 gpa=0x0 perm=r cause=replay\n"
                     "0 e replay-end count=1\n");
    ck_assert_uint_eq(old.count, 1);
}
END_TEST

struct replays {
    unsigned begun, offered, ended;
};

static void
begun(void *self, struct notifier *n, bool offered)
{
    struct replays *r = self;

    (void)n;
    r->begun++;
    r->offered += offered;
}

static void
ended(void *self, struct notifier *n)
{
    struct replays *r = self;

    (void)n;
    r->ended++;
}

START_TEST(N19_a_core_without_replay_says_so_and_nothing_else)
{
    static struct ear e;
    struct replays seen = { 0 };

    toy_trace(&toy, TRACE_VERBOSE);
    toy.env.observer =
        (struct observer){ .self = &seen, .replay_begin = begun, .replay_end = ended };
    rangemap_insert(&toy.table, 0x1000, 0x1fff, 0x5000, PERM_RW);
    ear_join(&toy, &e, "e", BOTH, 0, UINT64_MAX);
    toy_lines(&toy);
    quirk_set(&toy.env.quirks, QUIRK_CORE_NO_REPLAY, true);
    notify_replay(&e.n);
    ck_assert_uint_eq(e.count, 0);
    ck_assert_str_eq(toy_lines(&toy), "");
    ck_assert_uint_eq(seen.begun, 1);
    ck_assert_uint_eq(seen.offered + seen.ended, 0);
    quirk_set(&toy.env.quirks, QUIRK_CORE_NO_REPLAY, false);
    notify_replay(&e.n);
    ck_assert_uint_eq(seen.offered, 1);
    ck_assert_uint_eq(seen.ended, 1);
    ck_assert_uint_eq(e.count, 1);
}
END_TEST

/* ---- whole windows ---- */

START_TEST(N21_N23_a_whole_window_unmap_empties_that_window_alone)
{
    static struct ear a, b;

    ear_join(&toy, &a, "a", BOTH, 0, 0xfedfffff);
    ear_join(&toy, &b, "b", BOTH, 0xfef00000, UINT64_MAX);
    toy_set(&toy, 0xfedff000, 0x1000, 0x1000, PERM_RW);
    toy_set(&toy, 0xfef00000, 0x1000, 0x2000, PERM_RW);
    a.count = 0;
    rangemap_remove(&toy.table, a.n.first, a.n.last); /* the model's own record */
    notify_unmap_window(&a.n, CAUSE_RESET);
    ck_assert_uint_eq(a.count, 1);
    ck_assert_uint_eq(a.got[0].iova, 0);
    ck_assert_uint_eq(a.got[0].mask, 0xfedfffff);
    ck_assert_uint_eq(b.count, 1);
    ck_assert_uint_eq(a.shadow.entries, 0);
    ear_agrees(&b, &toy);
}
END_TEST

/* What a VT-d model does: the window, up to the width, in naturally aligned pieces. */
static unsigned
unmap_in_pieces(struct ear *e, uint64_t last)
{
    const unsigned before = e->count;

    for (uint64_t at = e->n.first; at <= last;) {
        const struct notify_event ev = { .type = NOTIFY_UNMAP,
                                         .cause = CAUSE_RESET,
                                         .iova = at,
                                         .mask =
                                             (UINT64_C(1) << dyadic_lg2(at, last)) - 1 };
        notify_one(&e->n, &ev);
        at += ev.mask + 1;
    }
    return e->count - before;
}

START_TEST(N12_N21_the_dyadic_cover_of_a_window_is_minimal_and_exact)
{
    const uint64_t top = (UINT64_C(1) << 39) - 1;
    static struct ear a, b;

    ear_join(&toy, &a, "a", BOTH, 0, 0xfedfffff);
    ear_join(&toy, &b, "b", BOTH, 0xfef00000, UINT64_MAX);
    toy_set(&toy, 0x3c000000, 2 * MIB, 0, PERM_RW);
    toy_set(&toy, GIB * 8, GIB, 0, PERM_RW);
    ck_assert_uint_eq(unmap_in_pieces(&a, a.n.last), 10);
    ck_assert_uint_eq(a.shadow.pages, 0);
    ck_assert_uint_ne(b.shadow.pages, 0);
    ck_assert_uint_eq(unmap_in_pieces(&b, top), 9);
    ck_assert_uint_eq(b.shadow.pages, 0);
}
END_TEST

START_TEST(one_who_is_not_registered_is_told_and_nobody_hears_of_it)
{
    struct toy t;
    struct ear quiet, e;

    toy_init(&t, UINT64_MAX);
    toy_trace(&t, TRACE_NORMAL);
    ear_join(&t, &quiet, "quiet", NOTIFY_UNMAP, 0, UINT64_MAX);
    toy_set(&t, 0x4000, 0x1000, 0x50000, PERM_RW);
    toy_set(&t, 0x10000, 0x10000, 0x60000, PERM_R);
    toy_lines(&t);
    ear_init(&e, "e", NOTIFY_MAP, 0x4000, 0x17fff);
    notify_replay_to(&t.region, &e.n);
    ck_assert_uint_eq(e.count, 2);
    ck_assert_uint_eq(e.got[1].iova, 0x10000);
    ck_assert_uint_eq(e.got[1].mask, 0x7fff);
    ck_assert_uint_eq(quiet.count, 0);
    ck_assert_uint_eq(t.region.flags, NOTIFY_UNMAP);
    ck_assert_ptr_null(e.n.region);
    ck_assert(!notify_is_registered(&e.n) && notify_is_registered(&quiet.n));
    ck_assert_str_eq(toy_lines(&t), "");
    notify_unregister(&quiet.n);
    ear_fini(&quiet);
    ear_fini(&e);
    toy_fini(&t);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("replay");
    TCase *tc = tcase_create("coherence");

    tcase_add_checked_fixture(tc, toy_setup, toy_teardown);
    tcase_add_loop_test(
        tc, N11_N12_N13_N15_random_changes_leave_a_shadow_equal_to_the_tables, 0, 4);
    tcase_add_test(tc, N15_a_map_only_notifier_sees_map_over_live_entries);
    tcase_add_test(tc, N14_an_unmap_only_notifier_hears_of_every_changed_page);
    tcase_add_test(tc, N16_N17_nothing_is_said_where_nothing_changed);
    suite_add_tcase(s, tc);

    tc = tcase_create("replay");
    tcase_add_checked_fixture(tc, toy_setup, toy_teardown);
    tcase_add_test(tc, N18_N19_N28_a_newcomer_alone_is_told_what_exists);
    tcase_add_test(tc, N20_S7_a_blind_replay_asks_once_a_page_and_ends_even_for_2_64);
    tcase_add_test(tc, N20_a_replay_costs_what_is_mapped_and_no_more);
    tcase_add_test(tc, a_replay_is_clipped_to_the_window_and_goes_no_further);
    tcase_add_test(tc, a_replay_speaks_of_maps_only_and_only_to_whom_they_concern);
    tcase_add_test(tc, N10_a_replay_ends_when_its_notifier_leaves);
    tcase_add_test(tc, N18_a_models_own_replay_takes_the_place_of_the_walk);
    tcase_add_test(tc, N19_a_core_without_replay_says_so_and_nothing_else);
    tcase_add_test(tc, one_who_is_not_registered_is_told_and_nobody_hears_of_it);
    suite_add_tcase(s, tc);

    tc = tcase_create("whole windows");
    tcase_add_checked_fixture(tc, toy_setup, toy_teardown);
    tcase_add_test(tc, N21_N23_a_whole_window_unmap_empties_that_window_alone);
    tcase_add_test(tc, N12_N21_the_dyadic_cover_of_a_window_is_minimal_and_exact);
    suite_add_tcase(s, tc);
    return s;
}
