/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * First-stage and nested translation: each code at its condition, A, D and EA as they
 * stand in memory afterwards, and random tables against a dumb walker.
 */
#include "iommu/vtd_stage.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "support_main.h"
#include "support_vtd_sm.h"

#define NONE    IOMMU_NO_PASID
#define NOWHERE UINT64_C(0x40000000) /* outside RAM */
#define A       VTD_FS_A
#define D       VTD_FS_D

static struct bench *const b = &bench;
static uint64_t context, table;

static void
up(void)
{
    sm_up(b);
    context = sm_context(b, SID_A, 0);
    table = sm_first(b, context, 0, 1);
}

static void
expect(uint64_t iova, enum perm access, unsigned reason)
{
    sm_flush(b);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, iova, access), reason);
}

START_TEST(first_stage_leaves_of_three_sizes)
{
    up();
    sm_map(b, table, 0x1000, 1, 0x20000 | FS_RW);
    sm_map(b, table, GIB, 2, 0x600000 | VTD_FS_PS | FS_R);
    sm_map(b, table, 5 * GIB, 3, UINT64_C(0x140000000) | VTD_FS_PS | VTD_BIT(12) | FS_RW);
    sm_map(b, table, UINT64_C(0xffff800000000000), 1, 0x21000 | FS_RW);
    ck_assert(sm_gets(b, SID_A, NONE, 0x1008, PERM_W, 0x20008));
    ck_assert(sm_gets(b, SID_A, NONE, GIB + 0x123456, PERM_R, 0x723456));
    ck_assert(sm_gets(b, SID_A, NONE, 5 * GIB + 0x3abcdef0, PERM_W, 0x17abcdef0));
    ck_assert(sm_gets(b, SID_A, NONE, UINT64_C(0xffff800000000123), PERM_R, 0x21123));
    expect(UINT64_C(0x0000800000000000), PERM_R, VTD_FAULT_SM_CANONICAL);
    expect(UINT64_C(0xffff7fffffffffff), PERM_R, VTD_FAULT_SM_CANONICAL);
    expect(GIB, PERM_W, VTD_FAULT_SM_WRITE);
}
END_TEST

START_TEST(five_levels_where_the_unit_has_them)
{
    struct iommu_vtd_config c = sm_config();

    c.aw_bits = 57;
    sm_boot(b, &c, "spec");
    context = sm_context(b, SID_A, 0);
    table = bench_page(b);
    sm_pasid(b, context, 0, VTD_PASID_P | VTD_PASID_PGTT(VTD_PGTT_FIRST), 1,
             table | VTD_PASID_FSPM(1));
    sm_put(b, sm_fs_slot(b, table, 5, VTD_BIT(55), 1), 0x20000 | FS_RW);
    sm_put(b, sm_fs_slot(b, table, 5, 0xff00000000000000, 1), 0x21000 | FS_RW);
    ck_assert(sm_gets(b, SID_A, NONE, VTD_BIT(55), PERM_R, 0x20000));
    ck_assert(sm_gets(b, SID_A, NONE, 0xff00000000000000, PERM_R, 0x21000));
    expect(VTD_BIT(56), PERM_R, VTD_FAULT_SM_CANONICAL);
}
END_TEST

START_TEST(second_stage_of_five_levels)
{
    struct iommu_vtd_config c = bench_config();

    c.aw_bits = 57;
    bench_start(b, &c);
    uint64_t top = bench_attached(b, SID_A, 1, 5);
    bench_entry(b, top, 5, VTD_BIT(56) + GIB, 1, 0x20000 | RW);
    bench_entry(b, top, 5, VTD_BIT(55), 3, 0x40000000 | VTD_SS_PS | RW);
    bench_entry(b, top, 5, VTD_BIT(54), 5, 0x20000 | VTD_SS_PS | RW);
    ck_assert(bench_reads(b, SID_A, VTD_BIT(56) + GIB + 8, 0x20008));
    ck_assert(bench_reads(b, SID_A, VTD_BIT(55) + 0x1234567, 0x41234567));
    ck_assert(bench_faults(b, SID_A, VTD_BIT(54), PERM_R, VTD_FAULT_PAGING_RSVD));
    ck_assert(bench_faults(b, SID_A, VTD_BIT(57), PERM_R, VTD_FAULT_ADDR));
}
END_TEST

START_TEST(V5_first_stage_checks_in_order)
{
    up();
    const uint64_t rsvd = VTD_BIT(48);
    uint64_t slot = sm_fs_slot(b, table, 4, 0x1000, 1);

    sm_put(b, slot, rsvd); /* not present: nothing else counts */
    expect(0x1000, PERM_W, VTD_FAULT_SM_FS_P);
    sm_put(b, slot, VTD_FS_P | rsvd);
    expect(0x1000, PERM_W, VTD_FAULT_SM_USER);
    sm_put(b, slot, FS_R | rsvd);
    expect(0x1000, PERM_W, VTD_FAULT_SM_WRITE);
    expect(0x1000, PERM_R, VTD_FAULT_SM_FS_RSVD);
    sm_put(b, slot, FS_RW | 0xfee01000);
    expect(0x1000, PERM_R, VTD_FAULT_SM_INTERRUPT);
    sm_put(b, slot, FS_RW | 0x20000 | VTD_FS_PS | VTD_BIT(52) | VTD_FS_XD);
    expect(0x1000, PERM_R, 0);
    sm_map(b, table, GIB, 2, 0x602000 | VTD_FS_PS | FS_RW);
    expect(GIB, PERM_R, VTD_FAULT_SM_FS_RSVD);
    sm_map(b, table, 512 * GIB, 4, VTD_FS_PS | FS_RW);
    expect(512 * GIB, PERM_R, VTD_FAULT_SM_FS_RSVD);
    sm_map(b, table, 5 * GIB, 3, NOWHERE | FS_RW);
    expect(5 * GIB, PERM_R, VTD_FAULT_SM_FS_READ);
    sm_put(b, sm_slot(b, context, 0) + 16, NOWHERE);
    expect(5 * GIB, PERM_R, VTD_FAULT_SM_FSPTR_READ);
}
END_TEST

START_TEST(permissions_of_upper_entries_count)
{
    up();
    sm_map(b, table, 0x1000, 1, 0x20000 | FS_RW);
    uint64_t upper = sm_fs_slot(b, table, 4, 0x1000, 2);
    const uint64_t entry = sm_get(b, upper);
    sm_put(b, upper, entry & ~VTD_FS_RW);
    expect(0x1000, PERM_R, 0);
    expect(0x1000, PERM_W, VTD_FAULT_SM_WRITE);
    sm_put(b, upper, entry & ~VTD_FS_US);
    expect(0x1000, PERM_R, VTD_FAULT_SM_USER);
}
END_TEST

START_TEST(supervisors_need_SRE_and_are_bound_by_WPE)
{
    struct iommu_request q = { SID_A, REQUEST_UNTRANSLATED, 5, true, 0x1000, PERM_W };
    struct xlate x;
    unsigned reason;

    up();
    const uint64_t first = VTD_PASID_P | VTD_PASID_PGTT(VTD_PGTT_FIRST);
    sm_map(b, table, 0x1000, 1, 0x20000 | VTD_FS_P); /* supervisor, read-only */
    sm_pasid(b, context, 5, first, 1, table);
    sm_ask(b, &q, &x, &reason);
    ck_assert_uint_eq(reason, VTD_FAULT_SM_SRE);
    sm_pasid(b, context, 5, first, 1, table | VTD_PASID_SRE | VTD_PASID_WPE);
    sm_flush(b);
    sm_ask(b, &q, &x, &reason);
    ck_assert_uint_eq(reason, VTD_FAULT_SM_WRITE);
    sm_pasid(b, context, 5, first, 1, table | VTD_PASID_SRE);
    sm_flush(b);
    ck_assert_int_eq(sm_ask(b, &q, &x, &reason), XLATE_OK);
    ck_assert_int_eq(x.perm, PERM_RW);
    ck_assert_uint_eq(sm_reason(b, SID_A, 5, 0x1000, PERM_R), VTD_FAULT_SM_USER);
    /* RID_PRIV makes supervisors of requests without PASID. */
    sm_put(b, context + 8, 5 | VTD_SM_CTX_RID_PRIV);
    sm_flush(b);
    ck_assert(sm_gets(b, SID_A, NONE, 0x1000, PERM_W, 0x20000));
    ck_assert_uint_eq(sm_reason(b, SID_A, 5, 0x1000, PERM_R), VTD_FAULT_SM_USER);
}
END_TEST

/* ---- accessed and dirty ---- */

START_TEST(A_and_D_are_stored_as_the_walk_goes)
{
    up();
    sm_map(b, table, 0x1000, 1, 0x20000 | FS_RW);
    uint64_t slot[5];
    for (unsigned level = 1; level <= 4; level++) {
        slot[level] = sm_fs_slot(b, table, 4, 0x1000, level);
        ck_assert_uint_eq(sm_get(b, slot[level]) & (A | D), 0);
    }
    ck_assert(sm_gets(b, SID_A, NONE, 0x1000, PERM_R, 0x20000));
    for (unsigned level = 1; level <= 4; level++) {
        ck_assert_uint_eq(sm_get(b, slot[level]) & (A | D | VTD_FS_EA), A);
    }
    ck_assert(sm_gets(b, SID_A, NONE, 0x1000, PERM_W, 0x20000)); /* past the IOTLB */
    ck_assert_uint_eq(sm_get(b, slot[1]), 0x20000 | FS_RW | A | D);
    ck_assert_uint_eq(sm_get(b, slot[2]) & D, 0);
    sm_put(b, slot[1], 0x30000 | FS_RW);
    ck_assert(sm_gets(b, SID_A, NONE, 0x1000, PERM_W, 0x20000)); /* from the IOTLB */
    ck_assert_uint_eq(sm_get(b, slot[1]), 0x30000 | FS_RW);
}
END_TEST

START_TEST(a_refused_walk_marks_what_it_passed_only)
{
    up();
    sm_map(b, table, 0x1000, 1, 0x20000 | FS_R);
    expect(0x1000, PERM_W, VTD_FAULT_SM_WRITE);
    ck_assert_uint_eq(sm_get(b, sm_fs_slot(b, table, 4, 0x1000, 1)), 0x20000 | FS_R);
    ck_assert_uint_eq(sm_get(b, sm_fs_slot(b, table, 4, 0x1000, 2)) & A, A);
}
END_TEST

START_TEST(EA_is_kept_where_asked_for)
{
    up();
    sm_map(b, table, 0x1000, 1, 0x20000 | FS_RW);
    sm_put(b, sm_slot(b, context, 0) + 16, table | VTD_PASID_EAFE);
    ck_assert(sm_gets(b, SID_A, NONE, 0x1000, PERM_R, 0x20000));
    for (unsigned level = 1; level <= 4; level++) {
        ck_assert_uint_eq(sm_get(b, sm_fs_slot(b, table, 4, 0x1000, level)) &
                              (A | VTD_FS_EA),
                          A | VTD_FS_EA);
    }
}
END_TEST

START_TEST(an_answer_to_a_device_TLB_has_W_once_D_is_set)
{
    struct iommu_request q = { SID_A, REQUEST_TRANSLATION, NONE, false, 0x1000, PERM_R };
    struct xlate x;
    unsigned reason;

    up();
    sm_put(b, context, sm_get(b, context) | VTD_SM_CTX_DTE);
    sm_map(b, table, 0x1000, 1, 0x20000 | FS_RW);
    ck_assert_int_eq(sm_ask(b, &q, &x, &reason), XLATE_OK);
    ck_assert_int_eq(x.perm, PERM_R);
    q.access = PERM_W;
    ck_assert_int_eq(sm_ask(b, &q, &x, &reason), XLATE_OK);
    ck_assert_int_eq(x.perm, PERM_RW);
    q.access = PERM_R;
    ck_assert_int_eq(sm_ask(b, &q, &x, &reason), XLATE_OK);
    ck_assert_int_eq(x.perm, PERM_RW);
    q.iova = 0x2000;
    ck_assert_int_eq(sm_ask(b, &q, &x, &reason), XLATE_ABSENT);
}
END_TEST

/* ---- nested ---- */

static struct sm_nested
up_nested(void)
{
    sm_up(b);
    context = sm_context(b, SID_A, 0);
    return sm_nested(b, context, 0, 1);
}

START_TEST(nested_pages_are_the_smaller_of_both)
{
    const struct sm_nested n = up_nested();
    struct iommu_request q = iommu_request(SID_A, GIB + 0x3456, PERM_R);
    struct xlate x;
    unsigned reason;

    sm_map(b, n.first, GIB, 2, 2 * GIB | VTD_FS_PS | FS_RW);
    bench_map(b, n.second, 2 * GIB + 0x3000, 0x77000 | VTD_SS_R);
    ck_assert_int_eq(sm_ask(b, &q, &x, &reason), XLATE_OK);
    ck_assert_uint_eq(x.gpa.v, 0x77456);
    ck_assert_uint_eq(x.first, GIB + 0x3000);
    ck_assert_uint_eq(x.last, GIB + 0x3fff);
    ck_assert_int_eq(x.perm, PERM_R);
    sm_map(b, n.first, 2 * GIB, 1, 4 * GIB + 0x5000 + FS_RW);
    bench_entry(b, n.second, 4, 4 * GIB, 3, 8 * GIB | VTD_SS_PS | RW);
    q.iova = 2 * GIB + 0x10;
    ck_assert_int_eq(sm_ask(b, &q, &x, &reason), XLATE_OK);
    ck_assert_uint_eq(x.gpa.v, 8 * GIB + 0x5010);
    ck_assert_uint_eq(x.last - x.first, 0xfff);
    ck_assert_int_eq(x.perm, PERM_RW);
}
END_TEST

START_TEST(V4_nested_walks_fault_where_they_end)
{
    const struct sm_nested n = up_nested();

    sm_map(b, n.first, 0x1000, 1, GIB | FS_RW);
    const uint64_t lower = sm_get(b, n.first) & VTD_FS_ADDR; /* level 3 table */

    expect(0x1000, PERM_R, VTD_FAULT_SM_SS_P);
    bench_map(b, n.second, GIB, 0x20000 | VTD_SS_R);
    expect(0x1000, PERM_W, VTD_FAULT_SM_WRITE);
    expect(0x1000, PERM_R, 0);
    bench_map(b, n.second, GIB, 0x20000 | RW | VTD_BIT(50));
    expect(0x1000, PERM_R, VTD_FAULT_SM_SS_RSVD);
    bench_map(b, n.second, GIB, 0xfee00000 | RW);
    expect(0x1000, PERM_R, VTD_FAULT_SM_INTERRUPT);
    bench_map(b, n.second, GIB, 0x20000 | RW);
    bench_map(b, n.second, lower, lower | VTD_SS_W);
    expect(0x1000, PERM_R, VTD_FAULT_SM_NEST_READ);
    bench_map(b, n.second, lower, lower | VTD_SS_R);
    sm_put(b, lower, sm_get(b, lower) & ~A);
    expect(0x1000, PERM_R, VTD_FAULT_SM_NEST_WRITE);
    sm_put(b, lower, sm_get(b, lower) | A); /* nothing to store: readable is enough */
    expect(0x1000, PERM_R, 0);
    bench_map(b, n.second, n.first, 0);
    expect(0x1000, PERM_R, VTD_FAULT_SM_NEST_TOP_READ);
    bench_map(b, n.second, n.first, NOWHERE | RW);
    expect(0x1000, PERM_R, VTD_FAULT_SM_FSPTR_READ);
    bench_map(b, n.second, n.first, n.first | RW);
    sm_map(b, n.first, 0x1000, 1, VTD_BIT(47) | FS_RW);
    expect(0x1000, PERM_R, VTD_FAULT_SM_SS_P);
    sm_pasid(b, context, 0,
             bench_page(b) | VTD_PASID_P | VTD_PASID_AW(1) |
                 VTD_PASID_PGTT(VTD_PGTT_NESTED),
             1, VTD_BIT(39));
    expect(0x1000, PERM_R, VTD_FAULT_SM_NEST_ADDR);
}
END_TEST

START_TEST(D_is_not_set_for_what_the_second_stage_refuses)
{
    const struct sm_nested n = up_nested();

    sm_map(b, n.first, 0x1000, 1, GIB | FS_RW);
    bench_map(b, n.second, GIB, 0x20000 | VTD_SS_R);
    expect(0x1000, PERM_W, VTD_FAULT_SM_WRITE);
    ck_assert_uint_eq(sm_get(b, sm_fs_slot(b, n.first, 4, 0x1000, 1)) & D, 0);
}
END_TEST

/* ---- against a dumb walker ---- */

enum { POOL = 24 };
static uint64_t pool[POOL];

static uint64_t
random64(void)
{
    return (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
}

/*
 * The second stage of the nested case: pool pages 1:1, some without W, and GPAs 16M up.
 */
static unsigned
dumb_second(bool nested, uint64_t second, uint64_t gpa, bool write, uint64_t *hpa)
{
    if (!nested) {
        *hpa = gpa;
        return gpa >= 0xfee00000 && gpa < 0xfef00000 ? 0x87 : 0;
    }
    for (unsigned level = 4; gpa >> 48 == 0; level--) {
        uint64_t e = sm_get(b, second + (gpa >> (12 + 9 * (level - 1)) & 511) * 8);
        if ((e & 3) == 0) {
            return 0x79;
        }
        if ((e & (write ? 2 : 1)) == 0) {
            return write ? 0x85 : 0x86;
        }
        if (level == 1) {
            *hpa = (e & 0xfffffffff000) | (gpa & 0xfff);
            return 0;
        }
        second = e & 0xfffffffff000;
    }
    return 0x84;
}

static unsigned
dumb_first(bool nested, uint64_t second, uint64_t top, uint64_t iova, bool write,
           uint64_t *gpa)
{
    bool readable = true;
    uint64_t page = top, at;

    if ((iova >> 47) != 0 && (iova >> 47) != 0x1ffff) {
        return 0x80;
    }
    for (unsigned level = 4;; level--) {
        unsigned shift = 12 + 9 * (level - 1),
                 code = dumb_second(nested, second, page, false, &at);
        if (nested && code != 0) {
            return code == 0x84 ? 0x74 : level == 4 ? 0x75 : 0x76;
        }
        at = nested ? at : page;
        uint64_t e;
        readable = mem_read(b->env.mem, GPA(at + (iova >> shift & 511) * 8), &e, 8);
        if (!readable) {
            return level == 4 ? 0x73 : 0x70;
        }
        if ((e & 1) == 0) {
            return 0x71;
        }
        if ((e & 4) == 0) {
            return 0x81;
        }
        if (write && (e & 2) == 0) {
            return 0x85;
        }
        bool leaf = level == 1 || (level < 4 && (e & 0x80) != 0);
        uint64_t bad = UINT64_C(0x000f000000000000) | (level == 4 ? 0x80 : 0);
        bad |= leaf && level > 1 ? ((UINT64_C(1) << shift) - 1) & ~UINT64_C(0x1fff) : 0;
        if ((e & bad) != 0) {
            return 0x72;
        }
        uint64_t next = e & UINT64_C(0xfffffffff000);
        if (leaf) {
            uint64_t off = iova & ((UINT64_C(1) << shift) - 1);
            next &= ~((UINT64_C(1) << shift) - 1);
            if (!nested) {
                *gpa = next + off;
                return next < 0xfef00000 && next + (UINT64_C(1) << shift) > 0xfee00000
                           ? 0x87
                           : 0;
            }
            return dumb_second(true, second, next + off, write, gpa);
        }
        page = next;
    }
}

static uint64_t
random_entry(unsigned n, unsigned level)
{
    uint64_t e = level > 1 && rand() % 4 != 0 ? pool[(unsigned)rand() % n]
                                              : random64() & UINT64_C(0xfff000);

    e |= rand() % 8 == 0 ? (uint64_t)rand() % 8 : 7;
    e |= rand() % 4 == 0 ? 0x80 : 0;
    if ((e & 0x80) != 0 && level > 1 && rand() % 4 != 0) {
        e &= level == 2 ? ~UINT64_C(0x1fe000) : ~UINT64_C(0x3fffe000);
    }
    e |= rand() % 16 == 0 ? VTD_BIT(rand() % 64) : 0;
    e |= rand() % 32 == 0 ? 0xfee00000 : 0;
    return e;
}

static void
compare_random(bool nested, unsigned seed)
{
    unsigned ok = 0, seen[256] = { 0 };

    sm_up(b);
    context = sm_context(b, SID_A, 0);
    srand(seed);
    printf("seed %u\n", seed);
    for (unsigned i = 0; i < POOL; i++) {
        pool[i] = bench_page(b);
        for (unsigned slot = 0; slot < 512; slot++) {
            sm_put(b, pool[i] + 8 * slot, random_entry(i + 1, 1 + i % 4));
        }
    }
    uint64_t second = bench_page(b);
    for (uint64_t at = 0; at < 16 * MIB; at += 4 * KIB) {
        bool is_table = at >= pool[0] && at <= pool[POOL - 1];
        bench_map(b, second, at,
                  at | (is_table || rand() % 8 != 0 ? RW : (uint64_t)rand() % 4));
    }
    for (unsigned i = 0; i < 60000; i++) {
        uint64_t top = pool[(unsigned)rand() % POOL], gpa = 0;
        uint64_t iova = (random64() & UINT64_C(0xffffffffffff));
        bool write = rand() % 2;
        if (rand() % 8 != 0) {
            iova &= UINT64_C(0x7fffffffffff);
        }
        sm_pasid(b, context, 0,
                 second | VTD_PASID_P | VTD_PASID_AW(2) |
                     VTD_PASID_PGTT(nested ? VTD_PGTT_NESTED : VTD_PGTT_FIRST),
                 1, top);
        if (!nested) {
            sm_put(b, sm_slot(b, context, 0),
                   VTD_PASID_P | VTD_PASID_PGTT(VTD_PGTT_FIRST));
        }
        sm_flush(b);
        struct iommu_request q = iommu_request(SID_A, iova, write ? PERM_W : PERM_R);
        struct xlate x;
        unsigned reason;
        if (vtd_is_interrupt(iova)) {
            continue;
        }
        unsigned want = dumb_first(nested, second, top, iova, write, &gpa);
        sm_ask(b, &q, &x, &reason);
        ck_assert_msg(want == reason, "iova %#lx top %#lx: %#x, not %#x",
                      (unsigned long)iova, (unsigned long)top, reason, want);
        seen[reason]++;
        if (reason == 0) {
            ck_assert_uint_eq(x.gpa.v, gpa);
            ok++;
        }
    }
    ck_assert_uint_gt(ok, 1000);
    for (unsigned code = 0; code < 256; code++) {
        if (seen[code] != 0) {
            printf("  %#x: %u\n", code, seen[code]);
        }
    }
}

START_TEST(first_stage_walks_random_tables_as_the_text_says)
{
    compare_random(false, 11);
}
END_TEST

START_TEST(nested_walks_of_random_tables_as_the_text_says)
{
    compare_random(true, 12);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_stage");
    TCase *first = tcase_create("first"), *marks = tcase_create("marks"),
          *nested = tcase_create("nested"), *dumb = tcase_create("random");

    tcase_add_checked_fixture(first, NULL, bench_teardown);
    tcase_add_checked_fixture(marks, NULL, bench_teardown);
    tcase_add_checked_fixture(nested, NULL, bench_teardown);
    tcase_add_checked_fixture(dumb, NULL, bench_teardown);
    tcase_add_test(first, first_stage_leaves_of_three_sizes);
    tcase_add_test(first, five_levels_where_the_unit_has_them);
    tcase_add_test(first, second_stage_of_five_levels);
    tcase_add_test(first, V5_first_stage_checks_in_order);
    tcase_add_test(first, permissions_of_upper_entries_count);
    tcase_add_test(first, supervisors_need_SRE_and_are_bound_by_WPE);
    suite_add_tcase(s, first);
    tcase_add_test(marks, A_and_D_are_stored_as_the_walk_goes);
    tcase_add_test(marks, a_refused_walk_marks_what_it_passed_only);
    tcase_add_test(marks, EA_is_kept_where_asked_for);
    tcase_add_test(marks, an_answer_to_a_device_TLB_has_W_once_D_is_set);
    suite_add_tcase(s, marks);
    tcase_add_test(nested, nested_pages_are_the_smaller_of_both);
    tcase_add_test(nested, V4_nested_walks_fault_where_they_end);
    tcase_add_test(nested, D_is_not_set_for_what_the_second_stage_refuses);
    suite_add_tcase(s, nested);
    tcase_add_test(dumb, first_stage_walks_random_tables_as_the_text_says);
    tcase_add_test(dumb, nested_walks_of_random_tables_as_the_text_says);
    tcase_set_timeout(dumb, 30);
    suite_add_tcase(s, dumb);
    return s;
}
