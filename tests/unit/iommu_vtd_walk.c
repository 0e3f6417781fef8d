/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The VT-d walker on random tables, against a dumb one written from the text. */
#include "iommu/vtd_walk.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "support_main.h"
#include "support_vtd.h"

static struct bench *const b = &bench;

/* Level by level, from the text of the reference; 0: no fault. */
static unsigned
dumb_walk(const struct iommu_vtd_config *c, uint64_t table, unsigned levels,
          uint64_t iova, bool write, uint64_t *gpa)
{
    for (unsigned level = levels;; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        uint64_t e;
        if (!mem_read(b->env.mem, GPA(table + ((iova >> shift) & 0x1ff) * 8), &e, 8)) {
            return level == levels ? 3 : 7;
        }
        if ((e & (write ? 2 : 1)) == 0) {
            return write ? 5 : 6;
        }
        bool leaf = level == 1 || (level < 4 && (e & 0x80) != 0);
        uint64_t bad = c->aw_bits == 39   ? UINT64_C(0x400fff8000000800)
                       : c->aw_bits == 48 ? UINT64_C(0x400f000000000800)
                                          : UINT64_C(0x4000000000000800);
        bad |= level >= 4 ? 0x80 : 0;
        bad |= level == 2 && (c->superpages & 1) == 0 ? 0x80 : 0;
        bad |= level == 3 && (c->superpages & 2) == 0 ? 0x80 : 0;
        if (leaf && (c->snoop_control || c->scalable)) {
            bad &= ~UINT64_C(0x800);
        }
        if (leaf && c->device_iotlb) {
            bad &= ~UINT64_C(0x4000000000000000);
        }
        bad |= leaf && level == 2 ? 0x1ff000 : 0;
        bad |= leaf && level == 3 ? 0x3ffff000 : 0;
        if ((e & bad) != 0) {
            return 0xc;
        }
        uint64_t next = e & UINT64_C(0x000ffffffffff000);
        if (leaf) {
            uint64_t end = next + (UINT64_C(1) << shift);
            *gpa = next + (iova & ((UINT64_C(1) << shift) - 1));
            return next < 0xfef00000 && end > 0xfee00000 ? 0xe : 0;
        }
        table = next;
    }
}

static uint64_t
random64(void)
{
    return (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
}

static uint64_t
random_entry(const uint64_t *tables, unsigned n, unsigned level)
{
    uint64_t e = level > 1 && rand() % 4 != 0 ? tables[(unsigned)rand() % n]
                                              : random64() & UINT64_C(0xffffffc0000000);

    e |= rand() % 8 == 0 ? (uint64_t)rand() % 4 : 3;
    e |= rand() % 3 == 0 ? 0x80 : 0;
    e |= rand() % 8 == 0 ? VTD_BIT(rand() % 64) : 0;
    e |= rand() % 16 == 0 ? 0xfee00000 : 0;
    return e & (rand() % 8 == 0 ? UINT64_MAX : UINT64_C(0x0000ffffffffffff));
}

static const struct {
    unsigned aw_bits, levels, superpages;
    bool snoop, device_iotlb;
} units[] = {
    { 48, 4, 3, false, false }, { 39, 3, 3, false, true }, { 48, 3, 1, true, false },
    { 57, 5, 3, true, true },   { 57, 4, 2, false, true }, { 48, 4, 0, false, false },
};

START_TEST(walks_random_tables_as_the_text_says)
{
    enum { TABLES = 24 };
    uint64_t tables[TABLES];
    const unsigned seed = 7;
    unsigned ok = 0;

    const unsigned levels = units[_i].levels;
    struct iommu_vtd_config unit = bench_config();

    unit.aw_bits = units[_i].aw_bits;
    unit.superpages = units[_i].superpages;
    unit.snoop_control = units[_i].snoop;
    unit.device_iotlb = units[_i].device_iotlb;
    bench_init(b, &unit);
    bench_boot(b);
    srand(seed + (unsigned)_i);
    printf("seed %u\n", seed + (unsigned)_i);
    for (unsigned i = 0; i < TABLES; i++) {
        tables[i] = bench_page(b);
        for (unsigned slot = 0; slot < 512; slot++) {
            mem_write64le(b->env.mem, GPA(tables[i] + 8 * slot),
                          random_entry(tables, i + 1, 1 + i % levels));
        }
    }
    struct vtd_context c = { .kind = VTD_PGTT_SECOND,
                             .ss_levels = (uint8_t)levels,
                             .did = 1,
                             .pasid = IOMMU_NO_PASID };
    struct vtd_path path;
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t iova = random64() & VTD_BITS(11 + 9 * levels, 0), gpa = 0;
        unsigned table = (unsigned)rand() % TABLES;
        bool write = rand() % 2;
        struct vtd_page page;
        c.ss_table = tables[table];
        unsigned want = dumb_walk(&unit, tables[table], levels, iova, write, &gpa);
        unsigned got = vtd_walk(vtd_of(b->m), &c, vtd_top_table(&c), SID_A, iova,
                                write ? PERM_W : PERM_R, &path, &page);
        ck_assert_msg(want == got, "iova %#lx table %u: %u, not %u", (unsigned long)iova,
                      table, got, want);
        if (got == 0) {
            ck_assert_uint_eq(page.target + (iova - page.first), gpa);
            ok++;
        }
    }
    ck_assert_uint_gt(ok, 300);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_walk");

    TCase *tc = tcase_create("walk");

    tcase_add_checked_fixture(tc, NULL, bench_teardown);
    tcase_add_loop_test(tc, walks_random_tables_as_the_text_says, 0,
                        (int)(sizeof(units) / sizeof(units[0])));
    suite_add_tcase(s, tc);
    return s;
}
