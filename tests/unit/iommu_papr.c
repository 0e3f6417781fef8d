/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PAPR model as a whole: windows and address space, replay and registration,
 * translation, reset, and random traffic against a dumb re-statement.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_main.h"
#include "support_papr.h"

#define W1_ENTRIES (UINT64_C(1) << 20)

static struct ear ear, cache;
static struct log told, cache_told;

static void
setup_high(void)
{
    phb_high(spec_quirks);
}

static enum xlate_result
translate(uint64_t iova, enum perm access, struct xlate *x)
{
    const struct iommu_request q = iommu_request(8, iova, access);

    return phb.iommu->ops->translate(phb.iommu, &q, x);
}

static uint64_t
faults(void)
{
    return phb.iommu->ops->faults(phb.iommu);
}

/* The region of the section at `first`. */
static struct notify_region *
region_at(uint64_t first)
{
    struct space *s = phb.iommu->ops->attach(phb.iommu, 8, "nic0", NULL);

    for (size_t i = 0; i < s->n; i++) {
        if (s->sections[i].first == first) {
            return s->sections[i].region;
        }
    }
    return NULL;
}

/* --- statements --- */

START_TEST(P16_a_write_only_entry_is_announced_as_such)
{
    struct xlate x;

    ear_open(&ear, "", &told, MU, true);
    put(W0, 0x3ffff000, 0x202002);
    ck_assert_log(&told, "MAP 0x3ffff000+0x1000 0x202000 w");
    ck_assert_int_eq(translate(0x3ffff010, PERM_W, &x), XLATE_OK);
    ck_assert_int_eq(x.perm, PERM_W);
    ck_assert_uint_eq(x.gpa.v, 0x202010);
    ck_assert_int_eq(translate(0x3ffff010, PERM_R, &x), XLATE_FAULT);
}
END_TEST

START_TEST(P17_a_window_far_up_is_announced_at_its_bus_address)
{
    ear_open(&ear, "", &told, MU, true);
    ck_assert_int_eq(put(W0, B + 0x12345, 0x10020001), 0);
    ck_assert_log(&told, "MAP 0x800000000010000+0x10000 0x10020000 r");
    ck_assert_uint_eq(entry(B + 0x1ffff), 0x10020001);
    ck_assert_uint_eq(phb.returned_first, B + 0x10000);
    ck_assert_uint_eq(phb.returned_last, B + 0x1ffff);
}
END_TEST

START_TEST(P18_addresses_around_a_window_far_up_are_refused)
{
    ck_assert_int_eq(put(W0, B - 0x10000, 0x10000003), PAPR_H_PARAMETER);
    ck_assert_int_eq(put(W0, 0, 0x10000003), PAPR_H_PARAMETER);
    ck_assert_int_eq(put(W0, B + 0xfffff0000, 0x10000003), 0);
    ck_assert_int_eq(put(W0, B + 0x1000000000, 0x10000003), PAPR_H_PARAMETER);
}
END_TEST

START_TEST(P19_address_bits_inside_a_large_page_are_kept_and_ignored)
{
    struct xlate x;

    ck_assert_int_eq(put(W0, B + 0x10000, 0x10011003), 0);
    ck_assert_uint_eq(entry(B + 0x10000), 0x10011003);
    ck_assert_int_eq(translate(B + 0x10024, PERM_R, &x), XLATE_OK);
    ck_assert_uint_eq(x.gpa.v, 0x10010024);
    ck_assert_uint_eq(x.first, B + 0x10000);
    ck_assert_uint_eq(x.last, B + 0x1ffff);
}
END_TEST

START_TEST(P20_replay_announces_what_is_mapped_ascending)
{
    put(W0, 0x3ffff000, 0x202002);
    put(W0, 0x4000, 0x205000);
    put(W0, 0x1000, 0x201001);
    ear_open(&ear, "", &told, MU, true);
    ck_assert_log(&told,
                  "MAP 0x1000+0x1000 0x201000 r, MAP 0x3ffff000+0x1000 0x202000 w");
}
END_TEST

START_TEST(P21_replay_honours_the_flags_and_the_range)
{
    struct notify_region *r = region_at(0);
    struct notifier n;

    for (uint64_t page = 1; page < 5; page++) {
        put(W0, page << 12, 0x200003);
    }
    ear_open(&cache, "", &cache_told, U, true);
    ck_assert_log(&cache_told, "");

    ear_open(&ear, "", &told, MU, false);
    n = ear.binding[0].notifier;
    n.region = NULL;
    n.first = 0x2000;
    n.last = 0x3fff;
    ck_assert_int_eq(notify_register(r, &n, NULL), 0);
    notify_replay(&n);
    notify_unregister(&n);
    ck_assert_log(&told, "MAP 0x2000+0x1000 0x200000 rw, MAP 0x3000+0x1000 0x200000 rw");
}
END_TEST

START_TEST(P22_a_new_window_registers_its_subscribers_without_events)
{
    ear_open(&ear, "", &told, MU, true);
    ck_assert(papr_window_create(phb.iommu, W1, B, 16, W1_ENTRIES));
    ck_assert_uint_eq(ear.sections, 2);
    ck_assert_log(&told, "");
    ck_assert_uint_eq(phb.switched, 1);
    put(W1, B + 0x50000, 0x600003);
    ck_assert_log(&told, "MAP 0x800000000050000+0x10000 0x600000 rw");
}
END_TEST

START_TEST(P23_a_window_reset_takes_away_what_was_mapped)
{
    uint64_t tce;

    papr_window_create(phb.iommu, W1, B, 16, W1_ENTRIES);
    ear_open(&ear, "", &told, MU, true);
    put(W0, 0x1000, 0x201001);
    put(W1, B, 0x600003);
    told.len = 0;
    papr_window_reset(phb.iommu);
    ck_assert_log(&told, "UNMAP 0x800000000000000+0x10000, UNMAP 0x1000+0x1000");
    ck_assert_uint_eq(ear.sections, 1);
    ck_assert_uint_eq(entry(0x1000), 0);
    ck_assert_int_eq(get(W1, B, &tce), PAPR_H_PARAMETER);
}
END_TEST

START_TEST(P24_a_removed_window_is_unmapped_for_everybody_spec)
{
    papr_window_create(phb.iommu, W1, B, 16, W1_ENTRIES);
    ear_open(&ear, "", &told, MU, true);
    ear_open(&cache, "", &cache_told, U, false);
    put(W1, B + 0x60000, 0x610003);
    ck_assert(papr_window_remove(phb.iommu, W1));
    ck_assert_log(&told, "MAP 0x800000000060000+0x10000 0x610000 rw, "
                         "UNMAP 0x800000000060000+0x10000");
    ck_assert_log(&cache_told, "UNMAP 0x800000000060000+0x10000");
    ck_assert_uint_eq(ear.sections, 1);
    ck_assert(!papr_window_remove(phb.iommu, W1));
}
END_TEST

START_TEST(P24_a_removed_window_goes_without_a_word_qemu)
{
    uint64_t tce;

    papr_window_create(phb.iommu, W1, B, 16, W1_ENTRIES);
    ear_open(&cache, "", &cache_told, U, false);
    put(W1, B + 0x60000, 0x610003);
    ck_assert(papr_window_remove(phb.iommu, W1));
    ck_assert_log(&cache_told, "");
    ck_assert_uint_eq(cache.sections, 1);
    papr_window_create(phb.iommu, W1, B, 16, W1_ENTRIES);
    ck_assert_int_eq(get(W1, B + 0x60000, &tce), 0);
    ck_assert_uint_eq(tce, 0);
}
END_TEST

START_TEST(P25_device_tlb_events_are_refused_and_nothing_changes)
{
    struct notify_region *r = region_at(0);
    static const unsigned wanted[] = { NOTIFY_DEVIOTLB_UNMAP, NOTIFY_ALL };

    ear_open(&cache, "", &cache_told, U, false);
    for (unsigned i = 0; i < 2; i++) {
        ear_open(&ear, "", &told, wanted[i], true);
        ck_assert_uint_eq(ear.refused, 1);
        ck_assert_ptr_null(ear.binding[0].notifier.region);
        ck_assert_uint_eq(r->flags, U);
        ear_close(&ear);
    }
    ear_open(&ear, "", &told, U, false);
    ck_assert_uint_eq(ear.refused, 0);
    put(W0, 0x1000, 0x201003);
    put(W0, 0x1000, 0);
    ck_assert_log(&told, "UNMAP 0x1000+0x1000");
    ck_assert_log(&cache_told, "UNMAP 0x1000+0x1000");
}
END_TEST

START_TEST(P31_a_hotplugged_subscriber_learns_exactly_what_is_mapped)
{
    put(W0, 0x1000, 0x201003);
    put(W0, 0x2000, 0x202003);
    put(W0, 0x5000, 0x205003);
    put(W0, 0x2000, 0);
    ear_open(&ear, "", &told, MU, true);
    ck_assert_log(&told, "MAP 0x1000+0x1000 0x201000 rw, MAP 0x5000+0x1000 0x205000 rw");
    put(W0, 0x1000, 0);
    ck_assert_log(&told, "UNMAP 0x1000+0x1000");
}
END_TEST

START_TEST(P32_two_windows_are_replayed_in_address_order)
{
    papr_window_create(phb.iommu, W1, B, 16, W1_ENTRIES);
    put(W1, B, 0x600003);
    put(W0, 0x1000, 0x201003);
    ear_open(&ear, "", &told, MU, true);
    ck_assert_uint_eq(ear.sections, 2);
    ck_assert_log(&told, "MAP 0x1000+0x1000 0x201000 rw, "
                         "MAP 0x800000000000000+0x10000 0x600000 rw");
}
END_TEST

/* Entries whose bits map nothing are emptied like the others. */
static void
fill_before_reset(void)
{
    ear_open(&ear, "", &told, MU, true);
    ear_open(&cache, "", &cache_told, U, false);
    put(W0, 0x1000, 0x201001);
    put(W0, 0x3ffff000, 0x202003);
    put(W0, 0x4000, 0x205000);
    told.len = cache_told.len = 0;
    phb.iommu->ops->reset(phb.iommu);
}

static void
check_after_reset(void)
{
    ck_assert_uint_eq(entry(0x1000), 0);
    ck_assert_uint_eq(entry(0x3ffff000), 0);
    ck_assert_uint_eq(entry(0x4000), 0);
    ck_assert_uint_eq(phb.switched, 1);
    ck_assert_uint_eq(ear.sections, 1);
    ck_assert_uint_eq(cache.sections, 1);
    told.len = cache_told.len = 0;
    put(W0, 0x1000, 0x201003);
    ck_assert_log(&told, "MAP 0x1000+0x1000 0x201000 rw");
    ear_close(&cache);
    ear_close(&ear);
}

START_TEST(P38_a_reset_empties_tables_with_an_unmap_for_each_entry_spec)
{
    fill_before_reset();
    ck_assert_log(&told, "UNMAP 0x1000+0x1000, UNMAP 0x3ffff000+0x1000");
    ck_assert_log(&cache_told, "UNMAP 0x1000+0x1000, UNMAP 0x3ffff000+0x1000");
    check_after_reset();
}
END_TEST

START_TEST(P38_a_reset_detaches_and_attaches_without_an_unmap_qemu)
{
    fill_before_reset();
    ck_assert_log(&told, "");
    ck_assert_log(&cache_told, "");
    check_after_reset();
}
END_TEST

START_TEST(P38_a_reset_takes_the_dynamic_window_away_and_brings_the_default_back)
{
    uint64_t tce;

    papr_window_remove(phb.iommu, W0);
    papr_window_create(phb.iommu, W1, B, 16, W1_ENTRIES);
    ck_assert_int_eq(put(W0, 0, 0x201003), PAPR_H_PARAMETER);
    put(W1, B, 0x600003);
    phb.iommu->ops->reset(phb.iommu);
    ck_assert_int_eq(get(W1, B, &tce), PAPR_H_PARAMETER);
    ck_assert_uint_eq(entry(0x3ffff000), 0);
}
END_TEST

START_TEST(P39_a_vio_table_is_256_mib_and_knows_one_liobn)
{
    const struct iommu_papr_config c = papr_config_vio(PAPR_LIOBN_VIO + 1);

    phb_init(&c, spec_quirks);
    ck_assert_int_eq(put(0x71000001, 0x0ffff000, 0x201003), 0);
    ck_assert_int_eq(put(0x71000001, 0x10000000, 0x201003), PAPR_H_PARAMETER);
    ck_assert_int_eq(put(0x71000002, 0, 0x201003), PAPR_H_PARAMETER);
    ck_assert(!papr_window_create(phb.iommu, 0x71000001, B, 16, W1_ENTRIES));
}
END_TEST

START_TEST(P48_events_are_one_page_and_clipped_to_an_odd_range)
{
    struct notifier n;

    ear_open(&ear, "", &told, MU, false);
    n = ear.binding[0].notifier;
    n.region = NULL;
    n.first = 0x18000;
    n.last = 0x18fff;
    ck_assert_int_eq(notify_register(region_at(B), &n, NULL), 0);
    put(W0, B + 0x10000, 0x600003);
    ck_assert_log(&told, "MAP 0x800000000018000+0x1000 0x608000 rw, "
                         "MAP 0x800000000010000+0x10000 0x600000 rw");
    notify_unregister(&n);
}
END_TEST

START_TEST(P49_a_window_is_not_switched_on_or_off_twice)
{
    put(W0, 0x1000, 0x201003);
    ck_assert(!papr_window_create(phb.iommu, W0, 0, 12, 0x40000));
    ck_assert_uint_eq(entry(0x1000), 0x201003);
    ck_assert(!papr_window_remove(phb.iommu, W1));
    ck_assert_uint_eq(phb.switched, 0);
}
END_TEST

START_TEST(P50_beyond_the_window_nothing_is_known_and_a_hole_is_one_page)
{
    struct notify_region *r = region_at(0);
    struct notify_entry e;

    put(W0, 0x4000, 0x205000);
    r->ops->translate(r, 0x40000000, 0, &e);
    ck_assert_int_eq(e.perm, PERM_NONE);
    ck_assert_uint_eq(e.mask, UINT64_MAX);
    ck_assert_uint_eq(e.iova, 0);
    r->ops->translate(r, 0x4010, 0, &e);
    ck_assert_int_eq(e.perm, PERM_NONE);
    ck_assert_uint_eq(e.mask, 0xfff);
    ck_assert_uint_eq(e.iova, 0x4000);
    ck_assert_uint_eq(r->ops->min_page(r), 0x1000);
}
END_TEST

/* --- the rest --- */

START_TEST(accesses_outside_windows_and_permissions_fault_and_are_counted)
{
    struct xlate x;

    put(W0, 0x1000, 0x201001);
    ck_assert_int_eq(translate(0x1010, PERM_R, &x), XLATE_OK);
    ck_assert_uint_eq(x.gpa.v, 0x201010);
    ck_assert_int_eq(translate(0x1010, PERM_W, &x), XLATE_FAULT);
    ck_assert_int_eq(translate(0x2000, PERM_R, &x), XLATE_FAULT);
    ck_assert_int_eq(translate(0x40000000, PERM_R, &x), XLATE_FAULT);
    ck_assert_int_eq(translate(UINT64_MAX, PERM_R, &x), XLATE_FAULT);
    ck_assert_uint_eq(faults(), 4);
}
END_TEST

START_TEST(a_window_over_another_hides_it_where_both_lie)
{
    struct xlate x;

    put(W0, 0x00ff0000, 0x201003);
    put(W0, 0x01000000, 0x202003);
    put(W0, 0x02000000, 0x203003);
    ck_assert(papr_window_create(phb.iommu, W1, 0x01000000, 16, 0x100));
    put(W1, 0x01000000, 0x300003);
    ear_open(&ear, "", &told, MU, true);
    ck_assert_uint_eq(ear.sections, 3);
    ck_assert_log(&told,
                  "MAP 0xff0000+0x1000 0x201000 rw, MAP 0x1000000+0x10000 0x300000 rw, "
                  "MAP 0x2000000+0x1000 0x203000 rw");
    ck_assert_int_eq(translate(0x01000000, PERM_R, &x), XLATE_OK);
    ck_assert_uint_eq(x.gpa.v, 0x300000);
    papr_window_remove(phb.iommu, W1);
    ck_assert_uint_eq(ear.sections, 1);
    ck_assert_int_eq(translate(0x01000000, PERM_R, &x), XLATE_OK);
    ck_assert_uint_eq(x.gpa.v, 0x202000);
}
END_TEST

START_TEST(impossible_windows_are_refused)
{
    static const struct {
        uint64_t base;
        unsigned page_lg2;
        uint64_t entries;
    } bad[] = {
        { B + 0x1000, 16, 1 },
        { B, 11, 1 },
        { B, 35, 1 },
        { B, 76, 16 },
        { B, 12, UINT64_C(1) << 32 },
        { B, 16, 0 },
        { UINT64_MAX << 34, 34, 2 },
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(!papr_window_create(phb.iommu, W1, bad[i].base, bad[i].page_lg2,
                                          bad[i].entries),
                      "row %zu", i);
    }
    ck_assert(!papr_window_create(phb.iommu, W1 + 1, B, 16, 1));
    ck_assert(papr_window_create(phb.iommu, W1, UINT64_MAX << 34, 34, 1));
}
END_TEST

/* The boot sweep costs neither time nor memory: pages never written stay absent. */
START_TEST(clearing_an_empty_window_populates_nothing)
{
    struct iommu_window w[2];

    for (uint64_t ioba = 0; ioba < PAPR_PCI_WINDOW_SIZE; ioba += 512 * 4096) {
        ck_assert_int_eq(stuff(W0, ioba, 0, 512), 0);
    }
    ck_assert_uint_eq(phb.iommu->ops->windows(phb.iommu, w, 2), 2);
    ck_assert_uint_eq(mem_resident(w[0].tces), 0);
    ck_assert_uint_eq(w[1].entries, 0);
}
END_TEST

START_TEST(raw_entries_can_be_read_as_words_of_the_table)
{
    struct iommu_window w;

    put(W0, 0x1000, 0x201fff);
    phb.iommu->ops->windows(phb.iommu, &w, 1);
    ck_assert_uint_eq(w.liobn, W0);
    ck_assert_uint_eq(w.entries, 0x40000);
    ck_assert_uint_eq(w.page_lg2, 12);
    ck_assert_uint_eq(mem_read64le(w.tces, GPA(8)), 0x201fff);
}
END_TEST

/* A window of 2^31 entries with two of them live is searched for these alone. */
START_TEST(replay_of_a_huge_window_follows_the_live_entries)
{
    const uint64_t entries = UINT64_C(1) << 31;

    ck_assert(papr_window_create(phb.iommu, W1, B, 16, entries));
    put(W1, B + (entries - 1) * 0x10000, 0x600003);
    put(W1, B + 0x70000, 0x610003);
    put(W1, B + 0x80000, 0x620003);
    put(W1, B + 0x80000, 0);
    ear_open(&ear, "", &told, MU, true);
    ck_assert_uint_eq(told.maps, 2);
    ck_assert_log(&told, "MAP 0x800000000070000+0x10000 0x610000 rw, "
                         "MAP 0x8007fffffff0000+0x10000 0x600000 rw");
}
END_TEST

/* --- random traffic against a dumb table --- */

enum { DUMB = 1024 }; /* entries that the random calls touch */
static uint64_t dumb[DUMB];

/* What the choice of the reference says about one write, in words. */
static void
dumb_write(bool qemu, unsigned i, uint64_t tce, unsigned *maps, unsigned *unmaps)
{
    uint64_t old = dumb[i];
    bool was = old % 4 != 0, is = tce % 4 != 0;

    dumb[i] = tce;
    if (qemu) {
        *maps += is;
        *unmaps += !is;
    } else if (was && is && (old >> 12 != tce >> 12 || old % 4 != tce % 4)) {
        (*unmaps)++;
        (*maps)++;
    } else if (was != is) {
        *maps += is;
        *unmaps += was;
    }
}

static uint64_t
random_tce(void)
{
    uint64_t tce = (uint64_t)(rand() % 4 + 1) << 12 | (uint64_t)(rand() % 4);

    return rand() % 3 == 0 ? 0 : tce;
}

static void
random_call(bool qemu, unsigned *maps, unsigned *unmaps)
{
    unsigned i = (unsigned)rand() % DUMB, n = 1 + (unsigned)rand() % 40;
    uint64_t ioba = (uint64_t)i << 12, tce = random_tce();

    n = n > DUMB - i ? DUMB - i : n;
    switch (rand() % 3) {
    case 0:
        ck_assert_int_eq(put(W0, ioba, tce), 0);
        dumb_write(qemu, i, tce, maps, unmaps);
        break;
    case 1:
        ck_assert_int_eq(stuff(W0, ioba, tce, n), 0);
        for (unsigned k = 0; k < n; k++) {
            dumb_write(qemu, i + k, tce, maps, unmaps);
        }
        break;
    default:
        for (unsigned k = 0; k < n; k++) {
            tce = random_tce();
            mem_write64be(phb.env.mem, GPA(LIST + 8 * k), tce);
            dumb_write(qemu, i + k, tce, maps, unmaps);
        }
        ck_assert_int_eq(indirect(W0, ioba, LIST, n), 0);
        break;
    }
}

static void
run_random(bool qemu)
{
    unsigned seed = 20260101, maps = 0, unmaps = 0;

    printf("seed %u\n", seed);
    srand(seed);
    memset(dumb, 0, sizeof(dumb));
    ear_open(&ear, "", &told, MU, true);
    for (unsigned round = 0; round < 5000; round++) {
        random_call(qemu, &maps, &unmaps);
        told.len = 0;
        ck_assert_uint_eq(told.maps, maps);
        ck_assert_uint_eq(told.unmaps, unmaps);
    }
    unsigned live = 0;

    for (unsigned i = 0; i < DUMB; i++) {
        ck_assert_uint_eq(entry((uint64_t)i << 12), dumb[i]);
        live += dumb[i] % 4 != 0;
    }
    ear_close(&ear);
    told.maps = told.unmaps = 0;
    ear_open(&ear, "", &told, MU, true);
    ck_assert_uint_eq(told.maps, live);
    ear_close(&ear);
}

START_TEST(random_traffic_matches_the_dumb_table_spec)
{
    run_random(false);
}
END_TEST

START_TEST(random_traffic_matches_the_dumb_table_qemu)
{
    run_random(true);
}
END_TEST

static TCase *
spec_case(void)
{
    TCase *c = tcase_create("spec");

    tcase_add_checked_fixture(c, phb_default_spec, phb_fini);
    tcase_add_test(c, P16_a_write_only_entry_is_announced_as_such);
    tcase_add_test(c, P20_replay_announces_what_is_mapped_ascending);
    tcase_add_test(c, P21_replay_honours_the_flags_and_the_range);
    tcase_add_test(c, P22_a_new_window_registers_its_subscribers_without_events);
    tcase_add_test(c, P23_a_window_reset_takes_away_what_was_mapped);
    tcase_add_test(c, P24_a_removed_window_is_unmapped_for_everybody_spec);
    tcase_add_test(c, P25_device_tlb_events_are_refused_and_nothing_changes);
    tcase_add_test(c, P31_a_hotplugged_subscriber_learns_exactly_what_is_mapped);
    tcase_add_test(c, P32_two_windows_are_replayed_in_address_order);
    tcase_add_test(c, P38_a_reset_empties_tables_with_an_unmap_for_each_entry_spec);
    tcase_add_test(c,
                   P38_a_reset_takes_the_dynamic_window_away_and_brings_the_default_back);
    tcase_add_test(c, P39_a_vio_table_is_256_mib_and_knows_one_liobn);
    tcase_add_test(c, P49_a_window_is_not_switched_on_or_off_twice);
    tcase_add_test(c, P50_beyond_the_window_nothing_is_known_and_a_hole_is_one_page);
    tcase_add_test(c, accesses_outside_windows_and_permissions_fault_and_are_counted);
    tcase_add_test(c, a_window_over_another_hides_it_where_both_lie);
    tcase_add_test(c, impossible_windows_are_refused);
    tcase_add_test(c, clearing_an_empty_window_populates_nothing);
    tcase_add_test(c, raw_entries_can_be_read_as_words_of_the_table);
    tcase_add_test(c, replay_of_a_huge_window_follows_the_live_entries);
    tcase_add_test(c, random_traffic_matches_the_dumb_table_spec);
    return c;
}

static TCase *
qemu_case(void)
{
    TCase *c = tcase_create("qemu");

    tcase_add_checked_fixture(c, phb_default_qemu, phb_fini);
    tcase_add_test(c, P24_a_removed_window_goes_without_a_word_qemu);
    tcase_add_test(c, P25_device_tlb_events_are_refused_and_nothing_changes);
    tcase_add_test(c, P31_a_hotplugged_subscriber_learns_exactly_what_is_mapped);
    tcase_add_test(c, P38_a_reset_detaches_and_attaches_without_an_unmap_qemu);
    tcase_add_test(c,
                   P38_a_reset_takes_the_dynamic_window_away_and_brings_the_default_back);
    tcase_add_test(c, clearing_an_empty_window_populates_nothing);
    tcase_add_test(c, random_traffic_matches_the_dumb_table_qemu);
    return c;
}

static TCase *
high_case(void)
{
    TCase *c = tcase_create("high");

    tcase_add_checked_fixture(c, setup_high, phb_fini);
    tcase_add_test(c, P17_a_window_far_up_is_announced_at_its_bus_address);
    tcase_add_test(c, P18_addresses_around_a_window_far_up_are_refused);
    tcase_add_test(c, P19_address_bits_inside_a_large_page_are_kept_and_ignored);
    tcase_add_test(c, P48_events_are_one_page_and_clipped_to_an_odd_range);
    return c;
}

Suite *
suite(void)
{
    Suite *s = suite_create("iommu/papr");

    suite_add_tcase(s, spec_case());
    suite_add_tcase(s, qemu_case());
    suite_add_tcase(s, high_case());
    return s;
}
