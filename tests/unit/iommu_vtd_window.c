/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A window is unmapped in the fewest aligned powers of two, and no byte beyond it; what
 * the quirks make of that. N- and Q-numbers are statements of the references.
 */
#include "iommu/vtd_window.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "support_main.h"
#include "support_vtd.h"

#define MIRROR (NOTIFY_MAP | NOTIFY_UNMAP)

static struct bench *const b = &bench;
static struct vtd_space *space; /* of SID_A */

/* A notifier of any window, without the sections of the space. */
struct ear {
    struct notifier n;
    struct notify_event log[128];
    unsigned events;
};

static void
hear(struct notifier *n, struct notify_event *ev)
{
    struct ear *e = n->owner;

    ck_assert_uint_lt(e->events, 128);
    e->log[e->events++] = *ev;
}

static void
listen(struct ear *e, unsigned flags, uint64_t first, uint64_t last)
{
    struct err err;

    *e = (struct ear){ .n = { .fn = hear,
                              .owner = e,
                              .subject = "ear",
                              .flags = flags,
                              .first = first,
                              .last = last } };
    ck_assert_int_eq(notify_register(&space->region, &e->n, &err), 0);
}

static void
setup(void)
{
    struct iommu_vtd_config c = bench_config();
    struct err err;

    c.aw_bits = 39;
    bench_start(b, &c);
    space = (struct vtd_space *)(void *)b->m->ops->attach(b->m, SID_A, "dev", &err);
}

/* The fewest aligned powers of two that make up [first, last], counted by halving. */
static unsigned
cover(uint64_t first, uint64_t last, uint64_t low, unsigned lg2)
{
    uint64_t high = low + ((UINT64_C(1) << lg2) - 1);

    if (last < low || first > high) {
        return 0;
    }
    if (first <= low && last >= high) {
        return 1;
    }
    uint64_t middle = low + (UINT64_C(1) << (lg2 - 1));
    return cover(first, last, low, lg2 - 1) + cover(first, last, middle, lg2 - 1);
}

START_TEST(N21_Q23_pieces_are_the_smallest_cover_of_the_window_and_end_with_it)
{
    const unsigned seed = 11;
    struct ear e;

    srand(seed);
    printf("seed %u\n", seed);
    for (unsigned round = 0; round < 500; round++) {
        uint64_t page = (uint64_t)rand() << 3 & (VTD_BIT(27) - 1);
        uint64_t first = page << 12, room = VTD_BIT(39) - first;
        uint64_t last = first + (((uint64_t)rand() << 12) % room | PAGE_MASK);
        listen(&e, NOTIFY_UNMAP, first, last);
        vtd_window_tell(space, &e.n, CAUSE_RESET);
        uint64_t at = first;
        for (unsigned i = 0; i < e.events; i++) {
            const struct notify_event *ev = &e.log[i];
            ck_assert_uint_eq(ev->iova, at);
            ck_assert_uint_eq(ev->mask & (ev->mask + 1), 0);
            ck_assert_uint_eq(ev->iova & ev->mask, 0);
            ck_assert_int_eq(ev->perm, PERM_NONE);
            at += ev->mask + 1;
        }
        ck_assert_uint_eq(at, last + 1);
        ck_assert_uint_eq(e.events, cover(first, last, 0, 39));
        notify_unregister(&e.n);
    }
}
END_TEST

START_TEST(window_is_unmapped_as_far_as_the_unit_translates)
{
    struct ear whole, beyond;

    listen(&whole, NOTIFY_UNMAP, 0, UINT64_MAX);
    listen(&beyond, NOTIFY_UNMAP, VTD_BIT(39), UINT64_MAX);
    vtd_window_unmap_all(space, CAUSE_RESET);
    ck_assert_uint_eq(whole.events, 1);
    ck_assert_uint_eq(whole.log[0].mask, VTD_BIT(39) - 1);
    ck_assert_uint_eq(beyond.events, 0);
    ck_assert(!b->env.aborted);
    bench_quirk(b, QUIRK_VTD_UNMAP_ALL_ASSERTS);
    vtd_window_tell(space, &whole.n, CAUSE_RESET);
    ck_assert(!b->env.aborted);
    vtd_window_tell(space, &beyond.n, CAUSE_RESET);
    ck_assert(b->env.aborted);
    notify_unregister(&whole.n);
    notify_unregister(&beyond.n);
}
END_TEST

START_TEST(window_that_ends_within_a_page_kills_that_monitor)
{
    struct ear e;

    bench_quirk(b, QUIRK_VTD_UNMAP_ALL_ASSERTS);
    listen(&e, NOTIFY_UNMAP, 0x100800, 0x101fff);
    vtd_window_tell(space, &e.n, CAUSE_RESET);
    ck_assert(!b->env.aborted);
    notify_unregister(&e.n);
    listen(&e, NOTIFY_UNMAP, 0x100000, 0x1017ff);
    vtd_window_tell(space, &e.n, CAUSE_RESET);
    ck_assert(b->env.aborted);
    notify_unregister(&e.n);
}
END_TEST

/* Two neighbours; the second one's first page is mapped. What of it is remembered? */
static bool
neighbour_is_remembered(void)
{
    uint64_t table = bench_attached(b, SID_A, 1, 3);
    struct ear low, high;

    bench_entry(b, table, 3, 0x10000, 1, 0x20000 | RW);
    listen(&high, MIRROR, 0x10000, 0x1ffff);
    listen(&low, MIRROR, 0, 0xffff);
    bench_flush_domain(b, 1);
    ck_assert_uint_eq(high.events, 1);
    vtd_window_forget(space, &low.n);
    bench_entry(b, table, 3, 0x10000, 1, 0);
    bench_flush_page(b, 1, 0x10000, 0);
    unsigned heard = high.events;
    notify_unregister(&high.n);
    notify_unregister(&low.n);
    return heard == 2 && high.log[1].type == NOTIFY_UNMAP && high.log[1].iova == 0x10000;
}

START_TEST(N23_neighbour_of_an_unmapped_window_is_remembered)
{
    ck_assert(neighbour_is_remembered());
    bench_quirk(b, QUIRK_VTD_UNMAP_ALL_OFF_BY_ONE);
    ck_assert(!neighbour_is_remembered());
}
END_TEST

START_TEST(leaf_across_the_window_is_forgotten_whole)
{
    uint64_t table = bench_attached(b, SID_A, 1, 3);
    struct ear low;

    bench_entry(b, table, 3, 2 * MIB, 2, 8 * MIB | VTD_SS_PS | RW);
    listen(&low, MIRROR, 0, 3 * MIB - 1);
    bench_flush_domain(b, 1);
    ck_assert_uint_eq(low.events, 1);
    ck_assert_uint_eq(space->tree.pages, 512);
    vtd_window_forget(space, &low.n);
    ck_assert_uint_eq(space->tree.pages, 0);
    notify_unregister(&low.n);
}
END_TEST

START_TEST(S40_mirror_is_unmapped_leaf_by_leaf_while_a_migration_runs)
{
    uint64_t table = bench_attached(b, SID_A, 1, 3);
    struct ear mirror, cache;

    bench_entry(b, table, 3, 2 * MIB, 2, 8 * MIB | VTD_SS_PS | RW);
    bench_entry(b, table, 3, UINT64_C(1) << 38, 2, 8 * MIB | VTD_SS_PS | RW);
    listen(&mirror, MIRROR, 0, VTD_BIT(39) - 1);
    listen(&cache, NOTIFY_UNMAP, 0, VTD_BIT(39) - 1);
    bench_flush_domain(b, 1);
    mirror.events = cache.events = 0;
    b->env.dirty.on = true;
    vtd_window_unmap_all(space, CAUSE_RESET);
    ck_assert_uint_eq(mirror.events, 2);
    ck_assert_uint_eq(mirror.log[0].iova, 2 * MIB);
    ck_assert_uint_eq(mirror.log[0].mask, 2 * MIB - 1);
    ck_assert_uint_eq(mirror.log[1].iova, UINT64_C(1) << 38);
    ck_assert_uint_eq(cache.events, 1);
    ck_assert_uint_eq(space->tree.pages, 0);

    bench_quirk(b, QUIRK_VTD_TRACKING_UNMAPS_WINDOW);
    vtd_window_tell(space, &mirror.n, CAUSE_RESET);
    ck_assert_uint_eq(mirror.events, 3);
    ck_assert_uint_eq(mirror.log[2].mask, VTD_BIT(39) - 1);
    notify_unregister(&mirror.n);
    notify_unregister(&cache.n);
}
END_TEST

START_TEST(quirk_rounds_a_window_up)
{
    struct ear e;

    bench_quirk(b, QUIRK_VTD_UNMAP_ALL_ROUNDS_UP);
    bench_quirk(b, QUIRK_CORE_NO_WINDOW_FILTER);
    listen(&e, NOTIFY_UNMAP, VTD_INTERRUPT_LAST + 1, UINT64_MAX);
    vtd_window_tell(space, &e.n, CAUSE_REPLAY);
    ck_assert_uint_eq(e.events, 1);
    ck_assert_uint_eq(e.log[0].iova, 0);
    ck_assert_uint_eq(e.log[0].mask, VTD_BIT(39) - 1);
    notify_unregister(&e.n);
    listen(&e, NOTIFY_UNMAP, 0, VTD_INTERRUPT_FIRST - 1);
    vtd_window_tell(space, &e.n, CAUSE_REPLAY);
    ck_assert_uint_eq(e.log[0].mask, 4 * GIB - 1);
    notify_unregister(&e.n);
    listen(&e, NOTIFY_UNMAP, 0x4000, 0x5fff); /* one as it is */
    vtd_window_tell(space, &e.n, CAUSE_REPLAY);
    ck_assert_uint_eq(e.log[0].iova, 0x4000);
    ck_assert_uint_eq(e.log[0].mask, 0x1fff);
    notify_unregister(&e.n);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_window");
    TCase *tc = tcase_create("windows");

    tcase_add_checked_fixture(tc, setup, bench_teardown);
    tcase_add_test(tc,
                   N21_Q23_pieces_are_the_smallest_cover_of_the_window_and_end_with_it);
    tcase_add_test(tc, window_is_unmapped_as_far_as_the_unit_translates);
    tcase_add_test(tc, window_that_ends_within_a_page_kills_that_monitor);
    tcase_add_test(tc, N23_neighbour_of_an_unmapped_window_is_remembered);
    tcase_add_test(tc, leaf_across_the_window_is_forgotten_whole);
    tcase_add_test(tc, S40_mirror_is_unmapped_leaf_by_leaf_while_a_migration_runs);
    tcase_add_test(tc, quirk_rounds_a_window_up);
    suite_add_tcase(s, tc);
    return s;
}
