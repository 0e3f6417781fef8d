/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What devices see of windows that overlap each other or the interrupt page, replay
 * and what it costs, and what a migration makes of windows.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_main.h"
#include "support_papr.h"

static struct ear ear;
static struct log told;

/* Where an access goes; FAULTS: nowhere. */
#define FAULTS UINT64_MAX

static uint64_t
reach(uint64_t iova)
{
    struct iommu_request q = iommu_request(8, iova, PERM_R);
    struct xlate x;

    return phb.iommu->ops->translate(phb.iommu, &q, &x) == XLATE_OK ? x.gpa.v : FAULTS;
}

static struct space *
space(void)
{
    return phb.iommu->ops->attach(phb.iommu, 8, "nic0", NULL);
}

/* --- the interrupt page --- */

static void
map_around_interrupts(void)
{
    remove_window(W0);
    ck_assert_str_eq(create(12, 43), "0 0x80000000 0x0 0x0");
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(put(W0, PAPR_MSI_FIRST - 0x1000 + i * 0x1000, 0x201003), 0);
    }
}

START_TEST(P42_a_window_leaves_the_interrupt_page_free_spec)
{
    struct space *s = space();

    ear_open(&ear, "", &told, MU, true);
    map_around_interrupts();
    ck_assert_uint_eq(s->n, 2);
    ck_assert_uint_eq(s->sections[0].last, PAPR_MSI_FIRST - 1);
    ck_assert_uint_eq(s->sections[1].first, PAPR_MSI_LAST + 1);
    ck_assert_uint_eq(s->sections[1].region_first, PAPR_MSI_LAST + 1);
    ck_assert_uint_eq(reach(PAPR_MSI_FIRST - 0x1000), 0x201000);
    ck_assert_uint_eq(reach(PAPR_MSI_FIRST), FAULTS);
    ck_assert_uint_eq(reach(PAPR_MSI_LAST + 1), 0x201000);
    ck_assert_log(&told, "MAP 0x3fffffff000+0x1000 0x201000 rw, "
                         "MAP 0x40000001000+0x1000 0x201000 rw");
    ck_assert_uint_eq(phb.iommu->ops->faults(phb.iommu), 0); /* no fault either */
}
END_TEST

START_TEST(P42_a_window_hides_the_interrupt_page_qemu)
{
    ear_open(&ear, "", &told, MU, true);
    map_around_interrupts();
    ck_assert_uint_eq(space()->n, 1);
    ck_assert_uint_eq(reach(PAPR_MSI_FIRST), 0x201000);
    ck_assert_uint_eq(told.maps, 3);
}
END_TEST

/* --- several windows in one place --- */

/* Four windows of 1 MiB or so, the later ones on top: against a map of 64 KiB cells. */
START_TEST(overlapping_windows_show_the_highest_number_everywhere)
{
    enum { CELL = 16, CELLS = 64, WINDOWS = 4 };
    uint64_t base[WINDOWS], size[WINDOWS];

    srandom((unsigned)_i + 1);
    printf("seed %d\n", _i + 1);
    const struct iommu_papr_config c = {
        .id = "phb0", .liobn = W0, .buid = PAPR_BUID, .max_windows = WINDOWS, .ddw = true
    };

    phb_init(&c, spec_quirks);
    ear_open(&ear, "", &told, MU, true);
    for (unsigned w = 0; w < WINDOWS; w++) {
        base[w] = (uint64_t)(random() % CELLS) << CELL;
        size[w] = (uint64_t)(random() % CELLS + 1) << CELL;
        ck_assert(papr_window_create(phb.iommu, W0 + w, base[w], 16, size[w] >> 16));
        for (uint64_t at = 0; at < size[w]; at += 1 << CELL) {
            put(W0 + w, base[w] + at, ((w + 1) << 24) + (uint64_t)(at) + 3);
        }
    }
    unsigned gone = (unsigned)random() % WINDOWS;
    papr_window_remove(phb.iommu, W0 + gone);
    for (uint64_t at = 0; at < (uint64_t)2 * CELLS << CELL; at += 1 << CELL) {
        uint64_t want = FAULTS;
        for (unsigned w = 0; w < WINDOWS; w++) {
            if (w != gone && at >= base[w] && at - base[w] < size[w]) {
                want = ((uint64_t)(w + 1) << 24) + (at - base[w]);
            }
        }
        ck_assert_uint_eq(reach(at), want);
        const struct space *s = space();
        unsigned shown = 0;
        for (size_t i = 0; i < s->n; i++) {
            const struct space_section *sec = &s->sections[i];
            if (at >= sec->first && at <= sec->last) {
                struct notify_entry e;
                sec->region->ops->translate(sec->region,
                                            at - sec->first + sec->region_first, 0, &e);
                ck_assert_uint_eq(e.target.v, want);
                shown++;
            }
        }
        ck_assert_uint_eq(shown, want != FAULTS);
    }
}
END_TEST

/* --- replay --- */

static void
replay_with_range(uint64_t first, uint64_t last)
{
    struct notifier n;

    for (uint64_t page = 1; page < 5; page++) {
        put(W0, page << 12, 0x200003);
    }
    ear_open(&ear, "", &told, MU, false);
    n = ear.binding[0].notifier;
    n.region = NULL;
    n.first = first;
    n.last = last;
    ck_assert_int_eq(notify_register(space()->sections[0].region, &n, NULL), 0);
    notify_replay(&n);
    notify_unregister(&n);
    ear_close(&ear);
}

START_TEST(P21_replay_asks_for_nobodys_range_qemu)
{
    replay_with_range(0x2000, 0x3fff);
    ck_assert_uint_eq(told.maps, 4);
    told.maps = 0;
}
END_TEST

START_TEST(P21_replay_keeps_to_the_range_spec)
{
    replay_with_range(0x2000, 0x3fff);
    ck_assert_uint_eq(told.maps, 2);
    told.maps = 0;
}
END_TEST

START_TEST(P20_replay_of_the_default_window_stays_in_its_budget_qemu)
{
    put(W0, 0x1000, 0x201001);
    put(W0, 0x3ffff000, 0x202002);
    put(W0, 0x4000, 0x205000);
    told.len = 0;
    ear_open(&ear, "", &told, MU, true);
    ck_assert_log(&told,
                  "MAP 0x1000+0x1000 0x201000 r, MAP 0x3ffff000+0x1000 0x202000 w");
    ck_assert_uint_eq(phb.overspent, 0);
}
END_TEST

/* 128 TiB in 64 KiB pages: 2^31 entries. */
START_TEST(replay_of_a_huge_window_goes_over_its_budget_qemu)
{
    ck_assert_str_eq(create(16, 47), "0 0x80000001 0x8000000 0x0");
    put(W1, B + 0x7fffffff0000, 0x600003);
    ck_assert_uint_eq(phb.overspent, 0); /* skipped when it is made */
    told.len = 0;
    ear_open(&ear, "", &told, MU, true);
    ck_assert_log(&told, "MAP 0x8007fffffff0000+0x10000 0x600000 rw");
    ck_assert_uint_eq(phb.overspent, 1);
    ck_assert_uint_eq(phb.steps, UINT64_C(1) << 31);
}
END_TEST

START_TEST(replay_of_a_huge_window_costs_its_live_entries_spec)
{
    create(16, 47);
    put(W1, B + 0x7fffffff0000, 0x600003);
    told.len = 0;
    ear_open(&ear, "", &told, MU, true);
    ck_assert_log(&told, "MAP 0x8007fffffff0000+0x10000 0x600000 rw");
    ck_assert_uint_eq(phb.overspent, 0);
}
END_TEST

START_TEST(clearing_a_huge_window_in_one_call_goes_over_the_budget_qemu)
{
    create(16, 47);
    ear_open(&ear, "", &told, U, false);
    put(W1, B + 0x7fffffff0000, 0x600003);
    ck_assert_int_eq(stuff(W1, B, 0, UINT64_C(1) << 31), 0);
    ck_assert_uint_eq(phb.overspent, 1);
    ck_assert(strstr(told.text, "UNMAP 0x8007fffffff0000+0x10000") != NULL);
    told.len = 0;
}
END_TEST

/* --- migration --- */

static void
migrate(void)
{
    phb.iommu->ops->migrate(phb.iommu);
}

START_TEST(a_migration_carries_windows_entries_and_what_was_the_default)
{
    put(W0, 0x1000, 0x201001);
    put(W0, 0x4000, 0x205000);
    create(16, 36);
    put(W1, B + 0x130000, 0x610003);
    migrate();
    ck_assert_uint_eq(entry(0x1000), 0x201001);
    ck_assert_uint_eq(entry(0x4000), 0x205000); /* raw, mapped or not */
    ck_assert_uint_eq(reach(B + 0x130010), 0x610010);
    ck_assert_uint_eq(space()->n, 2);
    ear_open(&ear, "", &told, MU, true);
    ck_assert_log(&told, "MAP 0x1000+0x1000 0x201000 r, "
                         "MAP 0x800000000130000+0x10000 0x610000 rw");
    ear_close(&ear);
    remove_window(W0);
    migrate();
    ck_assert_str_eq(query(), "0 0x1 0x20 0x0 0x107 0x0"); /* W0 stays off */
    remove_window(W1);
    ck_assert_uint_eq(entry(0x1000), 0); /* the default is back */
}
END_TEST

/* 262,144 entries of 64 KiB where the destination has as many of 4 KiB. */
static void
migrate_16_gib(unsigned window_lg2)
{
    remove_window(W0);
    ck_assert_str_eq(create(16, window_lg2), "0 0x80000000 0x0 0x0");
    put(W0, 0x1230000, 0x200003);
    put(W0, 0x3ffff0000, 0x210003);
    migrate();
    ck_assert_uint_eq(entry(0x3ffff0000), 0x210003);
    ck_assert_uint_eq(reach(0x1230000), 0x200000);
}

START_TEST(P41_a_large_window_at_zero_arrives_whole_spec)
{
    migrate_16_gib(34);
    ck_assert_uint_eq(reach(0x3ffff0000), 0x210000);
}
END_TEST

START_TEST(P41_a_window_with_as_many_entries_is_only_1_gib_large_qemu)
{
    migrate_16_gib(34);
    ck_assert_uint_eq(reach(0x3ffff0000), FAULTS);
    ck_assert_uint_eq(reach(0x3fff0000), FAULTS); /* empty, and inside */
    put(W0, 0x3fff0000, 0x220003);
    ck_assert_uint_eq(reach(0x3fff0000), 0x220000);
    ck_assert_uint_eq(space()->sections[0].last, 0x3fffffff);
    put(W0, 0x40000000, 0x230003); /* hypercalls know it whole */
    ck_assert_uint_eq(entry(0x40000000), 0x230003);
    ck_assert_uint_eq(reach(0x40000000), FAULTS);
}
END_TEST

START_TEST(P41_a_window_with_other_entries_arrives_whole)
{
    migrate_16_gib(35);
    ck_assert_uint_eq(reach(0x3ffff0000), 0x210000);
}
END_TEST

START_TEST(a_migration_forgets_what_a_refused_window_left_qemu)
{
    create(12, 44);
    migrate();
    ck_assert_str_eq(create(16, 30), "0 0x80000001 0x8000000 0x0");
    ck_assert_uint_eq(phb.aborted, 0);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("papr_windows");
    TCase *spec = tcase_create("spec"), *qemu = tcase_create("qemu");
    TCase *all[2] = { spec, qemu };

    tcase_add_checked_fixture(spec, phb_ddw_spec, phb_fini);
    tcase_add_checked_fixture(qemu, phb_ddw_qemu, phb_fini);
    for (unsigned i = 0; i < 2; i++) {
        tcase_add_test(all[i],
                       a_migration_carries_windows_entries_and_what_was_the_default);
        tcase_add_test(all[i], P41_a_window_with_other_entries_arrives_whole);
    }
    tcase_add_test(spec, P42_a_window_leaves_the_interrupt_page_free_spec);
    tcase_add_loop_test(spec, overlapping_windows_show_the_highest_number_everywhere, 0,
                        20);
    tcase_add_test(spec, P21_replay_keeps_to_the_range_spec);
    tcase_add_test(spec, replay_of_a_huge_window_costs_its_live_entries_spec);
    tcase_add_test(spec, P41_a_large_window_at_zero_arrives_whole_spec);
    suite_add_tcase(s, spec);
    tcase_add_test(qemu, P42_a_window_hides_the_interrupt_page_qemu);
    tcase_add_test(qemu, P21_replay_asks_for_nobodys_range_qemu);
    tcase_add_test(qemu, P20_replay_of_the_default_window_stays_in_its_budget_qemu);
    tcase_add_test(qemu, replay_of_a_huge_window_goes_over_its_budget_qemu);
    tcase_add_test(qemu, clearing_a_huge_window_in_one_call_goes_over_the_budget_qemu);
    tcase_add_test(qemu, P41_a_window_with_as_many_entries_is_only_1_gib_large_qemu);
    tcase_add_test(qemu, a_migration_forgets_what_a_refused_window_left_qemu);
    suite_add_tcase(s, qemu);
    return s;
}
