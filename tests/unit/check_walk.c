/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The checker's walkers, against tables worked out by hand and against a dumb
 * re-statement on random ones, corrupt ones included.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "check/walk.h"
#include "iommu/papr_fmt.h"

#include "support_main.h"

enum {
    ROOT = 0x10000,
    TABLES = 0x100000, /* where random tables lie */
    N_TABLES = 24,
};

static struct mem *mem;

static void
setup(void)
{
    mem = mem_new(NULL);
    mem_add_range(mem, 0, (UINT64_C(1) << 30) - 1, MEM_RAM);
}

static void
teardown(void)
{
    mem_free(mem);
}

static struct walk_table
table(uint64_t page, unsigned levels)
{
    return (struct walk_table){
        .mem = mem,
        .page = page,
        .level = levels,
        .perm = PERM_RW,
        .bits = 12 + 9 * levels,
        .zeroes = vtd_ss_masks(&(struct vtd_ss_limits){ .haw = 48, .superpages = 3 }),
    };
}

static void
store(uint64_t page, unsigned slot, uint64_t entry)
{
    mem_write64le(mem, GPA(page + 8 * slot), entry);
}

START_TEST(leaf_permission_is_the_and_over_the_levels)
{
    struct walk_table t = table(ROOT, 3);
    struct range_piece p;

    store(ROOT, 0, 0x11000 | VTD_SS_R | VTD_SS_W);
    store(0x11000, 1, 0x12000 | VTD_SS_R);
    store(0x12000, 5, 0x7000 | VTD_SS_R | VTD_SS_W);
    walk_table_at(&t, 0x205000, 0x205fff, &p);
    ck_assert_uint_eq(p.first, 0x205000);
    ck_assert_uint_eq(p.last, 0x205fff);
    ck_assert_uint_eq(p.target, 0x7000);
    ck_assert_uint_eq(p.perm, PERM_R);
}
END_TEST

START_TEST(superpages_are_whole_pieces_and_reserved_bits_make_holes)
{
    struct walk_table t = table(ROOT, 3);
    struct range_piece p;

    store(ROOT, 0, 0x11000 | 3);
    store(0x11000, 2, 0x400000 | VTD_SS_PS | 3);
    store(0x11000, 3, 0x401000 | VTD_SS_PS | 3); /* not a multiple of 2 MiB */
    store(ROOT, 1, 0x80000000 | VTD_SS_PS | 3);
    walk_table_at(&t, 0x412345, UINT64_MAX, &p);
    ck_assert_uint_eq(p.first, 0x400000);
    ck_assert_uint_eq(p.last, 0x5fffff);
    ck_assert_uint_eq(p.perm, PERM_RW);
    walk_table_at(&t, 0x600000, 0x600fff, &p);
    ck_assert_uint_eq(p.perm, PERM_NONE);
    walk_table_at(&t, 0x7fffffff, UINT64_MAX, &p);
    ck_assert_uint_eq(p.first, 0x40000000);
    ck_assert_uint_eq(p.target, 0x80000000);
    t.zeroes = /* now the 1 GiB leaf is illegal */
        vtd_ss_masks(&(struct vtd_ss_limits){ .haw = 48, .superpages = 1 });
    walk_table_at(&t, 0x7fffffff, UINT64_MAX, &p);
    ck_assert_uint_eq(p.perm, PERM_NONE);
}
END_TEST

START_TEST(output_in_the_interrupt_range_is_a_hole)
{
    struct walk_table t = table(ROOT, 3);
    struct range_piece p;

    store(ROOT, 0, 0x11000 | 3);
    store(0x11000, 0, 0x12000 | 3);
    store(0x12000, 0, 0xfee00000 | 3);
    store(0x12000, 1, 0xfedff000 | 3);
    store(0x11000, 1, 0xfee00000 | VTD_SS_PS | 3);
    walk_table_at(&t, 0, 0xfff, &p);
    ck_assert_uint_eq(p.perm, PERM_NONE);
    walk_table_at(&t, 0x1000, 0x1fff, &p);
    ck_assert_uint_eq(p.target, 0xfedff000);
    walk_table_at(&t, 0x200000, 0x3fffff, &p);
    ck_assert_uint_eq(p.perm, PERM_NONE);
}
END_TEST

START_TEST(holes_extend_over_empty_slots_but_not_past_the_limit)
{
    struct walk_table t = table(ROOT, 4);
    struct range_piece p;

    store(ROOT, 3, 0x11000 | 3);
    walk_table_at(&t, 0x1000, UINT64_MAX, &p);
    ck_assert_uint_eq(p.perm, PERM_NONE);
    ck_assert_uint_le(p.first, 0x1000);
    ck_assert_uint_eq(p.last, (UINT64_C(3) << 39) - 1);
    walk_table_at(&t, UINT64_C(3) << 39, UINT64_MAX, &p); /* a table never written */
    ck_assert_uint_eq(p.perm, PERM_NONE);
    ck_assert_uint_eq(p.last, (UINT64_C(4) << 39) - 1);
}
END_TEST

/* One page at a time, from the definition: the re-statement. */
static bool
dumb_walk(uint64_t root, unsigned levels, uint64_t iova, uint64_t *target, unsigned *perm)
{
    uint64_t page = root;
    unsigned p = 3;

    for (unsigned level = levels; level > 0; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        uint64_t e = mem_read64le(mem, GPA(page + 8 * ((iova >> shift) & 511)));
        bool leaf = level == 1 || ((e & 0x80) != 0 && level <= 3);
        uint64_t rsvd = UINT64_C(0x400f000000000000) & ~UINT64_C(0xffffffffffff);
        rsvd |= 0x800;
        if (level == 2 && leaf) {
            rsvd |= 0x1ff000;
        } else if (level == 3 && leaf) {
            rsvd |= 0x3ffff000;
        }
        if (level == 4) {
            rsvd |= 0x80;
        }
        if ((e & 3) == 0 || (e & rsvd) != 0) {
            return false;
        }
        p &= (unsigned)(e & 3);
        uint64_t addr = e & UINT64_C(0xffffffffff000);
        if (leaf) {
            uint64_t span = (UINT64_C(1) << shift) - 1;
            if (addr <= 0xfeefffff && addr + span >= 0xfee00000) {
                return false;
            }
            *target = addr + (iova & span);
            *perm = p;
            return p != 0;
        }
        page = addr;
    }
    return false;
}

static uint64_t
random_entry(unsigned level)
{
    static const uint64_t oddities[] = {
        0x800, UINT64_C(1) << 62, UINT64_C(1) << 50, UINT64_C(1) << 52, 0x1000, 0x80
    };
    uint64_t e = (uint64_t)(random() & 3);

    if (level == 1 || random() % 3 == 0) {
        e |= (uint64_t)(random() % 4096) << (12 + 9 * (level - 1));
        e |= level == 1 ? 0 : VTD_SS_PS;
        if (random() % 16 == 0) {
            e = (e & 0xfff) | 0xfee00000;
        }
    } else {
        e |= TABLES + PAGE_BYTES * (uint64_t)(random() % N_TABLES);
    }
    if (random() % 12 == 0) {
        e ^= oddities[random() % 6];
    }
    return e;
}

START_TEST(agrees_with_a_dumb_walker_on_random_tables)
{
    const char *env = getenv("IOMMUSIM_TEST_SEED");
    unsigned seed = env != NULL ? (unsigned)strtoul(env, NULL, 0) : 20150917;

    printf("# seed %u\n", seed);
    srandom(seed);
    for (unsigned round = 0; round < 40; round++) {
        unsigned levels = 3 + round % 2;
        for (unsigned t = 0; t < N_TABLES; t++) {
            for (unsigned i = 0; i < 24; i++) {
                store(TABLES + PAGE_BYTES * t, (unsigned)random() % 16,
                      random_entry(1 + t % levels));
            }
        }
        struct walk_table t = table(TABLES + PAGE_BYTES * (levels - 1), levels);
        for (unsigned i = 0; i < 2000; i++) {
            uint64_t iova = 0, target = 0;
            unsigned perm = 0;
            for (unsigned l = 0; l < levels; l++) {
                iova |= (uint64_t)(random() % 16) << (12 + 9 * l);
            }
            struct range_piece p;
            walk_table_at(&t, iova, iova + 0xfff, &p);
            bool mapped = dumb_walk(t.page, levels, iova, &target, &perm);
            ck_assert_msg(p.first <= iova && iova <= p.last, "seed %u: piece misses",
                          seed);
            ck_assert_msg(mapped == (p.perm != PERM_NONE), "seed %u: iova %#lx", seed,
                          (unsigned long)iova);
            if (mapped) {
                ck_assert_uint_eq(p.perm, perm);
                ck_assert_uint_eq(p.target + (iova - p.first), target);
            }
        }
    }
}
END_TEST

START_TEST(tce_windows_read_by_control_bits_alone)
{
    struct mem *tces = mem_new(NULL);
    struct iommu_window w = { .liobn = 0x80000000,
                              .base = 0x10000000,
                              .page_lg2 = 16,
                              .entries = 1024,
                              .tces = tces };
    struct range_piece p;

    mem_add_range(tces, 0, 8 * 1024 - 1, MEM_RAM);
    mem_write64le(tces, GPA(8 * 3), 0x51234002);
    mem_write64le(tces, GPA(8 * 4), 0x205000);
    walk_window_at(&w, 0x10035678, UINT64_MAX, &p);
    ck_assert_uint_eq(p.first, 0x10030000);
    ck_assert_uint_eq(p.last, 0x1003ffff);
    ck_assert_uint_eq(p.target, 0x51230000);
    ck_assert_uint_eq(p.perm, PERM_W);
    walk_window_at(&w, 0x10040000, UINT64_MAX, &p); /* an address without control bits */
    ck_assert_uint_eq(p.perm, PERM_NONE);
    ck_assert_uint_eq(p.first, 0x10040000);
    ck_assert_uint_eq(p.last, 0x11ffffff);
    walk_window_at(&w, 0x13ff0000, UINT64_MAX, &p);
    ck_assert_uint_eq(p.last, 0x13ffffff);
    ck_assert_uint_eq(walk_window_last(&w), 0x13ffffff);
    mem_free(tces);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/walk");
    TCase *tc = tcase_create("walk");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, leaf_permission_is_the_and_over_the_levels);
    tcase_add_test(tc, superpages_are_whole_pieces_and_reserved_bits_make_holes);
    tcase_add_test(tc, output_in_the_interrupt_range_is_a_hole);
    tcase_add_test(tc, holes_extend_over_empty_slots_but_not_past_the_limit);
    tcase_add_test(tc, agrees_with_a_dumb_walker_on_random_tables);
    tcase_add_test(tc, tce_windows_read_by_control_bits_alone);
    suite_add_tcase(s, tc);
    return s;
}
