/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way from a source id to its tables in scalable mode, and which requests it lets
 * through: each code at its condition, in the order of the checks.
 */
#include "iommu/vtd_context.h"

#include <check.h>
#include <stdlib.h>

#include "support_main.h"
#include "support_vtd_sm.h"

#define NONE    IOMMU_NO_PASID
#define NOWHERE UINT64_C(0x40000000) /* outside RAM */

static struct bench *const b = &bench;

static void
expect(uint32_t pasid, unsigned reason)
{
    sm_flush(b);
    ck_assert_uint_eq(sm_reason(b, SID_A, pasid, 0x1000, PERM_R), reason);
}

/* Broken from the top down, then repaired one by one: the order shows. */
START_TEST(V4_V5_scalable_tables_fault_in_the_order_of_the_checks)
{
    sm_up(b);
    const uint64_t root = vtd_root_addr(b->root, SID_A), ctx = sm_context(b, SID_A, 0);
    const uint64_t contexts = sm_get(b, root), context = sm_get(b, ctx);
    const uint64_t table = sm_second(b, ctx, 0, 1), pasid = sm_slot(b, ctx, 0);
    const uint64_t dir = context & VTD_SM_CTX_PTR, tables = sm_get(b, dir);
    const uint64_t entry = sm_get(b, pasid);

    bench_map(b, table, 0x1000, 0x20000 | RW);
    sm_put(b, root, 0);
    sm_put(b, root + 8, 1); /* the other half is another's */
    expect(NONE, VTD_FAULT_SM_ROOT_P);
    sm_put(b, root, contexts | 2);
    expect(NONE, VTD_FAULT_SM_ROOT_RSVD);
    sm_put(b, root, NOWHERE | VTD_SM_ROOT_P);
    expect(NONE, VTD_FAULT_SM_CONTEXT_READ);
    sm_put(b, root, contexts);
    sm_put(b, ctx, context & ~VTD_SM_CTX_P);
    sm_put(b, ctx + 16, 1);
    expect(NONE, VTD_FAULT_SM_CONTEXT_P);
    sm_put(b, ctx, context);
    expect(NONE, VTD_FAULT_SM_CONTEXT_RSVD);
    sm_put(b, ctx + 16, 0);
    sm_put(b, ctx, context | VTD_SM_CTX_PRE); /* no page requests here */
    expect(NONE, VTD_FAULT_SM_CONTEXT_RSVD);
    sm_put(b, ctx, context);
    sm_put(b, ctx + 8, VTD_BIT(21));
    expect(NONE, VTD_FAULT_SM_CONTEXT_RSVD);
    sm_put(b, ctx + 8, 0);
    sm_put(b, dir, tables & ~VTD_PASID_DIR_P);
    expect(NONE, VTD_FAULT_SM_DIR_P);
    sm_put(b, dir, tables | 4);
    expect(NONE, VTD_FAULT_SM_DIR_RSVD);
    sm_put(b, dir, NOWHERE | VTD_PASID_DIR_P);
    expect(NONE, VTD_FAULT_SM_PASID_READ);
    sm_put(b, dir, tables);
    sm_put(b, pasid, entry & ~VTD_PASID_P);
    expect(NONE, VTD_FAULT_SM_PASID_P);
    sm_put(b, pasid, entry | VTD_BIT(10) | VTD_PASID_PGTT(7));
    expect(NONE, VTD_FAULT_SM_PASID_RSVD);
    sm_put(b, pasid, entry | VTD_PASID_PGTT(7));
    expect(NONE, VTD_FAULT_SM_PASID_INV);
    sm_put(b, pasid, entry);
    sm_put(b, pasid + 56, 1);
    expect(NONE, VTD_FAULT_SM_PASID_RSVD);
    sm_put(b, pasid + 56, 0);
    expect(NONE, 0);
    sm_put(b, ctx, NOWHERE | VTD_SM_CTX_P);
    expect(NONE, VTD_FAULT_SM_DIR_READ);
    bench_write(b, VTD_RTADDR, NOWHERE | (uint64_t)VTD_TTM_SCALABLE << 10);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_SRTP);
    expect(NONE, VTD_FAULT_SM_ROOT_READ);
}
END_TEST

/* Each of `bits` changed alone, the others of that word as they are. */
static void
expect_each(uint64_t at, uint64_t bits, unsigned reason)
{
    const uint64_t word = sm_get(b, at);

    for (unsigned i = 0; i < 64; i++) {
        if ((bits >> i & 1) != 0) {
            sm_put(b, at, word ^ VTD_BIT(i));
            expect(NONE, reason);
        }
    }
    sm_put(b, at, word);
    expect(NONE, 0);
}

START_TEST(V4_each_reserved_bit_of_scalable_tables)
{
    const uint64_t beyond = UINT64_C(0xffff000000000000);

    sm_up(b);
    const uint64_t root = vtd_root_addr(b->root, SID_A), ctx = sm_context(b, SID_A, 0);
    const uint64_t table = sm_second(b, ctx, 0, 1), pasid = sm_slot(b, ctx, 0);
    const uint64_t dir = sm_get(b, ctx) & VTD_SM_CTX_PTR;

    bench_map(b, table, 0x1000, 0x20000 | RW);
    expect_each(root, beyond | 0xffe, VTD_FAULT_SM_ROOT_RSVD);
    expect_each(root + 8, UINT64_MAX, 0); /* of devices from 128 up */
    expect_each(ctx, beyond | 0x1f0, VTD_FAULT_SM_CONTEXT_RSVD);
    expect_each(ctx, 0xe0e, 0); /* FPD, DTE, PASIDE, PDTS */
    expect_each(ctx + 8, UINT64_C(0xffffffffffe00000), VTD_FAULT_SM_CONTEXT_RSVD);
    expect_each(ctx + 16, UINT64_MAX, VTD_FAULT_SM_CONTEXT_RSVD);
    expect_each(ctx + 24, UINT64_MAX, VTD_FAULT_SM_CONTEXT_RSVD);
    expect_each(dir, beyond | 0xffc, VTD_FAULT_SM_DIR_RSVD);
    expect_each(pasid, beyond | 0xe20, VTD_FAULT_SM_PASID_RSVD);
    expect_each(pasid + 8, 0xf87f0000, VTD_FAULT_SM_PASID_RSVD);
    expect_each(pasid + 8, UINT64_C(0xffffffff0780ffff), 0);
    expect_each(pasid + 16, 0xf00, VTD_FAULT_SM_PASID_RSVD);
    for (unsigned word = 3; word < 8; word++) {
        expect_each(pasid + 8 * word, UINT64_MAX, VTD_FAULT_SM_PASID_RSVD);
    }
}
END_TEST

/* What an entry may ask for: v0 with SSPTPTR, v2, the answer. */
static const struct {
    uint64_t v0, v2;
    unsigned aw_bits, reason;
} entries[] = {
    { VTD_PASID_PGTT(0), 0, 48, 0x5b },
    { VTD_PASID_PGTT(5), 0, 48, 0x5b },
    { VTD_PASID_PGTT(2) | VTD_PASID_AW(0), 0, 48, 0x5b },
    { VTD_PASID_PGTT(2) | VTD_PASID_AW(3), 0, 48, 0x5b },
    { VTD_PASID_PGTT(2) | VTD_PASID_AW(1), 0, 48, 0x79 },
    { VTD_PASID_PGTT(2) | VTD_PASID_AW(3), 0, 57, 0x79 },
    { VTD_PASID_PGTT(2) | VTD_PASID_AW(2) | VTD_PASID_SSADE, 0, 48, 0x5a },
    { VTD_PASID_PGTT(2) | VTD_PASID_AW(2) | VTD_PASID_SSEE, 0, 48, 0x5a },
    { VTD_PASID_PGTT(2) | VTD_PASID_AW(2) | VTD_BIT(48), 0, 48, 0x5a },
    { VTD_PASID_PGTT(2) | VTD_PASID_AW(2), VTD_BIT(8), 48, 0x5a },
    { VTD_PASID_PGTT(1), 0, 48, 0x71 },
    { VTD_PASID_PGTT(1), VTD_PASID_FSPM(1), 48, 0x5b },
    { VTD_PASID_PGTT(1), VTD_PASID_FSPM(1), 57, 0x71 },
    { VTD_PASID_PGTT(1), VTD_PASID_FSPM(2), 57, 0x5b },
    { VTD_PASID_PGTT(1), VTD_PASID_ERE, 48, 0x5a },
    { VTD_PASID_PGTT(1), VTD_BIT(48), 48, 0x5a },
    { VTD_PASID_PGTT(3) | VTD_PASID_AW(2), VTD_BIT(48), 48, 0x74 },
    { VTD_PASID_PGTT(3) | VTD_PASID_AW(2), 0, 48, 0x75 },
    { VTD_PASID_PGTT(3) | VTD_PASID_AW(0), 0, 48, 0x5b },
    { VTD_PASID_PGTT(4) | VTD_PASID_AW(2), 0, 48, 0 },
    { VTD_PASID_PGTT(4) | VTD_PASID_AW(5), 0, 48, 0x5b },
};

START_TEST(a_PASID_entry_may_ask_for_what_is_offered)
{
    struct iommu_vtd_config c = sm_config();

    c.aw_bits = entries[_i].aw_bits;
    sm_boot(b, &c, "spec");
    const uint64_t ctx = sm_context(b, SID_A, 0);
    sm_pasid(b, ctx, 0, entries[_i].v0 | bench_page(b) | VTD_PASID_P, 1,
             entries[_i].v2 | bench_page(b));
    expect(NONE, entries[_i].reason);
}
END_TEST

START_TEST(without_pass_through_no_PASID_may_ask_for_it)
{
    struct iommu_vtd_config c = sm_config();

    c.pass_through = false;
    sm_boot(b, &c, "spec");
    sm_pasid(b, sm_context(b, SID_A, 0), 0,
             VTD_PASID_P | VTD_PASID_PGTT(VTD_PGTT_PASS) | VTD_PASID_AW(2), 1, 0);
    expect(NONE, VTD_FAULT_SM_PASID_INV);
}
END_TEST

START_TEST(without_a_first_stage_nobody_may_ask_for_it)
{
    struct iommu_vtd_config c = sm_config();

    c.first_stage = false;
    sm_boot(b, &c, "spec");
    const uint64_t ctx = sm_context(b, SID_A, 0);
    sm_first(b, ctx, 0, 1);
    expect(NONE, VTD_FAULT_SM_PASID_INV);
    sm_nested(b, ctx, 0, 1);
    expect(NONE, VTD_FAULT_SM_PASID_INV);
    sm_second(b, ctx, 0, 1);
    expect(NONE, VTD_FAULT_SM_SS_P);
}
END_TEST

START_TEST(V38_upper_devices_use_the_upper_table)
{
    const uint16_t low = 0x0118,
                   high = 0x0198; /* one slot of the lower and upper table */

    sm_up(b);
    uint64_t one = sm_context(b, low, 0), two = sm_context(b, high, 0);
    ck_assert_uint_eq(one & PAGE_MASK, 0x18 * 32);
    ck_assert_uint_eq(two & PAGE_MASK, 0x18 * 32);
    ck_assert_uint_ne(one, two);
    bench_map(b, sm_second(b, one, 0, 1), 0x1000, 0x20000 | RW);
    bench_map(b, sm_second(b, two, 0, 2), 0x1000, 0x30000 | RW);
    ck_assert(sm_gets(b, low, NONE, 0x1000, PERM_R, 0x20000));
    ck_assert(sm_gets(b, high, NONE, 0x1000, PERM_R, 0x30000));
}
END_TEST

START_TEST(V38_a_PASID_is_directory_and_slot)
{
    static const uint32_t pasids[] = { 1, 63, 64, 65, 0x12345, 0xfffff };

    sm_up(b);
    uint64_t ctx = sm_context(b, SID_A, 0);
    for (unsigned i = 0; i < 6; i++) {
        uint64_t slot = sm_slot(b, ctx, pasids[i]);
        ck_assert_uint_eq(slot & PAGE_MASK, 64 * (pasids[i] % 64));
        ck_assert_uint_eq(
            slot & ~PAGE_MASK,
            sm_get(b, (sm_get(b, ctx) & ~PAGE_MASK) + 8 * (pasids[i] / 64)) & ~PAGE_MASK);
        bench_map(b, sm_second(b, ctx, pasids[i], (uint16_t)(i + 1)), 0x1000,
                  (0x20000 + 0x1000 * i) | RW);
    }
    for (unsigned i = 0; i < 6; i++) {
        ck_assert(sm_gets(b, SID_A, pasids[i], 0x1000, PERM_W, 0x20000 + 0x1000 * i));
    }
    ck_assert_uint_eq(sm_reason(b, SID_A, 2, 0x1000, PERM_R), VTD_FAULT_SM_PASID_P);
}
END_TEST

START_TEST(RID_PASID_is_that_of_requests_without_one)
{
    sm_up(b);
    uint64_t ctx = sm_context(b, SID_A, 0);
    sm_put(b, ctx + 8, 70);
    bench_map(b, sm_second(b, ctx, 70, 1), 0x1000, 0x20000 | RW);
    bench_map(b, sm_second(b, ctx, 0, 2), 0x1000, 0x30000 | RW);
    ck_assert(sm_gets(b, SID_A, NONE, 0x1000, PERM_R, 0x20000));
    ck_assert(sm_gets(b, SID_A, 0, 0x1000, PERM_R, 0x30000));
}
END_TEST

START_TEST(PASIDs_beyond_the_directory_are_refused)
{
    sm_up(b);
    uint64_t ctx = sm_context(b, SID_A, 0);
    bench_map(b, sm_second(b, ctx, 8191, 1), 0x1000, 0x20000 | RW);
    sm_put(b, ctx, sm_get(b, ctx) & ~VTD_SM_CTX_PDTS(7)); /* 128 tables of 64 */
    expect(8191, 0);
    expect(8192, VTD_FAULT_SM_PASID_LARGE);
    sm_put(b, ctx + 8, 8192);
    expect(NONE, VTD_FAULT_SM_RID_PASID);
    sm_put(b, ctx + 8, 8191);
    expect(NONE, 0);
    sm_put(b, ctx, sm_get(b, ctx) & ~VTD_SM_CTX_PASIDE);
    expect(8192, VTD_FAULT_SM_PASIDE);
    expect(NONE, 0);
}
END_TEST

START_TEST(requests_with_PASID_need_scalable_tables)
{
    const struct iommu_vtd_config c = sm_config();

    bench_start(b, &c);
    bench_map(b, bench_attached(b, SID_A, 1, 4), 0x1000, 0x20000 | RW);
    ck_assert(sm_gets(b, SID_A, NONE, 0x1000, PERM_R, 0x20000));
    ck_assert_uint_eq(sm_reason(b, SID_A, 0, 0x1000, PERM_R), VTD_FAULT_SM_TTM_PASID);
}
END_TEST

START_TEST(records_of_requests_with_PASID_say_whether_it_was_privileged)
{
    struct iommu_request q = iommu_request(SID_A, 0x1000, PERM_R);
    struct xlate x;

    sm_up(b);
    for (unsigned i = 0; i < 3; i++) {
        q.pasid = i < 2 ? 0x5a5a5 : NONE;
        q.privileged = i == 0;
        ck_assert_int_eq(b->m->ops->translate(b->m, &q, &x), XLATE_FAULT);
        ck_assert_uint_eq(bench_read(b, VTD_FRCD_HI),
                          VTD_FRCD_F | VTD_FRCD_READ | SID_A |
                              VTD_FRCD_REASON(VTD_FAULT_SM_ROOT_P) |
                              (i < 2 ? VTD_BITS(31, 31) | UINT64_C(0x5a5a5) << 40 : 0) |
                              (i == 0 ? VTD_BIT(29) : 0));
        bench_clear_faults(b);
    }
}
END_TEST

START_TEST(V2_the_table_mode_is_latched_with_the_root_table)
{
    struct iommu_request q = iommu_request(SID_A, 0x1000, PERM_R);
    struct xlate x;
    unsigned reason;

    sm_up(b);
    bench_map(b, sm_second(b, sm_context(b, SID_A, 0), 0, 1), 0x1000, 0x20000 | RW);
    bench_write(b, VTD_RTADDR, b->root | (uint64_t)VTD_TTM_RESERVED << 10);
    ck_assert(sm_gets(b, SID_A, NONE, 0x1000, PERM_R, 0x20000));
    bench_write(b, VTD_GCMD, VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_SRTP);
    expect(NONE, VTD_FAULT_SM_RTADDR);
    expect(1, VTD_FAULT_SM_RTADDR);
    bench_write(b, VTD_RTADDR, b->root | (uint64_t)VTD_TTM_ABORT << 10);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_SRTP);
    ck_assert_int_eq(sm_ask(b, &q, &x, &reason), XLATE_FAULT);
    ck_assert_uint_eq(reason, 0);
    bench_write(b, VTD_RTADDR, b->root | (uint64_t)VTD_TTM_SCALABLE << 10);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_SRTP);
    ck_assert(sm_gets(b, SID_A, NONE, 0x1000, PERM_R, 0x20000));
}
END_TEST

START_TEST(V25_FPD_counts_in_each_entry_on_the_way)
{
    sm_up(b);
    uint64_t ctx = sm_context(b, SID_A, 0), entry = sm_slot(b, ctx, 0);
    const uint64_t context = sm_get(b, ctx), dir = context & VTD_SM_CTX_PTR;
    struct iommu_request q = iommu_request(SID_A, 0x1000, PERM_R);
    struct xlate x;
    unsigned reason;

    const struct {
        uint64_t addr, value;
    } off[] = {
        { ctx, VTD_SM_CTX_FPD },           /* absent entries too */
        { ctx, context | VTD_SM_CTX_FPD }, /* for faults further down */
        { dir, VTD_PASID_DIR_FPD },        { dir, sm_get(b, dir) | VTD_PASID_DIR_FPD },
        { entry, VTD_PASID_FPD },          { entry, VTD_PASID_P | VTD_PASID_FPD },
    };
    for (unsigned i = 0; i < 6; i++) {
        const uint64_t was = sm_get(b, off[i].addr);
        expect(NONE, VTD_FAULT_SM_PASID_P);
        sm_put(b, off[i].addr, off[i].value);
        sm_flush(b);
        ck_assert_int_eq(sm_ask(b, &q, &x, &reason), XLATE_FAULT);
        ck_assert_uint_eq(reason, 0);
        ck_assert_int_eq(sm_ask(b, &q, &x, &reason), XLATE_FAULT); /* from the caches */
        ck_assert_uint_eq(reason, 0);
        sm_put(b, off[i].addr, was);
    }
}
END_TEST

/* ---- device TLBs ---- */

static enum xlate_result
ask(enum request_type type, uint64_t iova, enum perm access, unsigned *reason,
    struct xlate *x)
{
    struct iommu_request q = iommu_request(SID_A, iova, access);

    q.type = type;
    return sm_ask(b, &q, x, reason);
}

START_TEST(legacy_device_TLBs_need_TT_1)
{
    const struct iommu_vtd_config c = sm_config();
    struct xlate x;
    unsigned reason;

    bench_start(b, &c);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    bench_map(b, table, 0x1000, 0x20000 | VTD_SS_R);
    ask(REQUEST_TRANSLATION, 0x1000, PERM_R, &reason, &x);
    ck_assert_uint_eq(reason, VTD_FAULT_BLOCKED);
    ask(REQUEST_TRANSLATED, 0x20000, PERM_R, &reason, &x);
    ck_assert_uint_eq(reason, VTD_FAULT_BLOCKED);
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_PASS, 0), vtd_ctx_hi(2, 1));
    sm_flush(b);
    ask(REQUEST_TRANSLATION, 0x1000, PERM_R, &reason, &x);
    ck_assert_uint_eq(reason, VTD_FAULT_BLOCKED);
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_ATS, table), vtd_ctx_hi(2, 1));
    sm_flush(b);
    ck_assert_int_eq(ask(REQUEST_TRANSLATION, 0x1000, PERM_R, &reason, &x), XLATE_OK);
    ck_assert_uint_eq(x.gpa.v, 0x20000);
    ck_assert_int_eq(x.perm, PERM_R);
    ck_assert_int_eq(ask(REQUEST_TRANSLATED, 0x20000, PERM_W, &reason, &x), XLATE_OK);
    ck_assert_uint_eq(x.gpa.v, 0x20000);
    ck_assert(sm_gets(b, SID_A, NONE, 0x1000, PERM_R, 0x20000));
    ask(REQUEST_TRANSLATED, 0xfee00000, PERM_W, &reason, &x);
    ck_assert_uint_eq(reason, VTD_FAULT_INTERRUPT);
}
END_TEST

START_TEST(asking_for_what_is_absent_is_no_fault)
{
    const struct iommu_vtd_config c = sm_config();
    struct xlate x;
    unsigned reason;

    bench_start(b, &c);
    uint64_t table = bench_domain(b, SID_A, 1, 4);
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_ATS, table), vtd_ctx_hi(2, 1));
    bench_map(b, table, 0x1000, 0x20000 | VTD_SS_R);
    bench_map(b, table, 0x3000, 0x20000 | RW | VTD_SS_SNP | VTD_BIT(51));
    ck_assert_int_eq(ask(REQUEST_TRANSLATION, 0x2000, PERM_R, &reason, &x), XLATE_ABSENT);
    ck_assert_int_eq(ask(REQUEST_TRANSLATION, 0x2000, PERM_W, &reason, &x), XLATE_ABSENT);
    ck_assert_int_eq(ask(REQUEST_TRANSLATION, 0x1000, PERM_W, &reason, &x), XLATE_ABSENT);
    ck_assert_int_eq(ask(REQUEST_TRANSLATION, 0xfee00000, PERM_W, &reason, &x),
                     XLATE_ABSENT);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
    ck_assert_int_eq(ask(REQUEST_TRANSLATION, 0x3000, PERM_R, &reason, &x), XLATE_FAULT);
    ck_assert_uint_eq(reason, VTD_FAULT_PAGING_RSVD);
    ask(REQUEST_TRANSLATION, VTD_BIT(48), PERM_R, &reason, &x);
    ck_assert_uint_eq(reason, VTD_FAULT_ADDR);
}
END_TEST

START_TEST(scalable_device_TLBs_need_DTE)
{
    struct xlate x;
    unsigned reason;

    sm_up(b);
    uint64_t ctx = sm_context(b, SID_A, 0);
    bench_map(b, sm_second(b, ctx, 0, 1), 0x1000, 0x20000 | RW);
    ask(REQUEST_TRANSLATION, 0x1000, PERM_R, &reason, &x);
    ck_assert_uint_eq(reason, VTD_FAULT_SM_DTE);
    ask(REQUEST_TRANSLATED, 0x1000, PERM_R, &reason, &x);
    ck_assert_uint_eq(reason, VTD_FAULT_SM_DTE);
    sm_put(b, ctx, sm_get(b, ctx) | VTD_SM_CTX_DTE);
    sm_flush(b);
    ck_assert_int_eq(ask(REQUEST_TRANSLATION, 0x1000, PERM_W, &reason, &x), XLATE_OK);
    ck_assert_int_eq(ask(REQUEST_TRANSLATION, 0x2000, PERM_W, &reason, &x), XLATE_ABSENT);
    ck_assert_int_eq(ask(REQUEST_TRANSLATED, 0x20000, PERM_W, &reason, &x), XLATE_OK);
    ask(REQUEST_TRANSLATED, 0xfee00000, PERM_W, &reason, &x);
    ck_assert_uint_eq(reason, VTD_FAULT_SM_INTERRUPT);
}
END_TEST

START_TEST(without_device_TLBs_their_bits_are_reserved)
{
    struct iommu_vtd_config c = sm_config();

    c.device_iotlb = c.pasid = false;
    sm_boot(b, &c, "spec");
    uint64_t ctx = sm_context(b, SID_A, 0);
    sm_second(b, ctx, 0, 1);
    expect(NONE, VTD_FAULT_SM_CONTEXT_RSVD); /* PASIDE */
    sm_put(b, ctx, (sm_get(b, ctx) & ~VTD_SM_CTX_PASIDE) | VTD_SM_CTX_DTE);
    expect(NONE, VTD_FAULT_SM_CONTEXT_RSVD);
    sm_put(b, ctx, sm_get(b, ctx) & ~VTD_SM_CTX_DTE);
    expect(NONE, VTD_FAULT_SM_SS_P);
    expect(0, VTD_FAULT_SM_PASIDE);
}
END_TEST

/* ---- pass-through and the interrupt range ---- */

START_TEST(V9_pass_through_of_a_PASID_stops_at_the_interrupt_range)
{
    struct iommu_request q = iommu_request(SID_A, 0xfee01000, PERM_W);
    struct xlate x;
    unsigned reason;

    sm_up(b);
    uint64_t ctx = sm_context(b, SID_A, 0);
    const uint64_t pass = VTD_PASID_P | VTD_PASID_AW(2) | VTD_PASID_PGTT(VTD_PGTT_PASS);
    sm_pasid(b, ctx, 0, pass, 1, 0);
    sm_pasid(b, ctx, 9, pass, 1, 0);
    ck_assert(sm_gets(b, SID_A, NONE, 0x12345, PERM_W, 0x12345));
    ck_assert(sm_gets(b, SID_A, 9, 0x12345, PERM_W, 0x12345));
    ck_assert_int_eq(sm_ask(b, &q, &x, &reason), XLATE_FAULT);
    ck_assert_uint_eq(reason, 0); /* an interrupt */
    ck_assert_uint_eq(sm_reason(b, SID_A, 9, 0xfee01000, PERM_W), VTD_FAULT_SM_INTERRUPT);
    ck_assert_uint_eq(vtd_cache_count(&vtd_of(b->m)->iotlb), 0);
    bench_map(b, sm_second(b, ctx, 10, 1), 0xfee01000, 0x20000 | RW);
    ck_assert(sm_gets(b, SID_A, 10, 0xfee01008, PERM_W, 0x20008));
}
END_TEST

START_TEST(V26_scalable_second_stage_codes)
{
    sm_up(b);
    uint64_t table = sm_second(b, sm_context(b, SID_A, 0), 0, 1);
    bench_map(b, table, 0x1000, 0x20000 | VTD_SS_R | VTD_SS_SNP);
    bench_map(b, table, 0x2000, 0x20000 | VTD_SS_W);
    bench_map(b, table, 0x3000, 0xfee00000 | RW);
    bench_map(b, table, 0x4000, 0x20000 | RW | VTD_BIT(48));
    bench_entry(b, table, 4, GIB, 3, NOWHERE | RW);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x5000, PERM_W), VTD_FAULT_SM_SS_P);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x1000, PERM_R), 0);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x1000, PERM_W), VTD_FAULT_SM_WRITE);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x2000, PERM_R), VTD_FAULT_SM_READ);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x3000, PERM_R), VTD_FAULT_SM_INTERRUPT);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x4000, PERM_R), VTD_FAULT_SM_SS_RSVD);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, GIB, PERM_R), VTD_FAULT_SM_SS_READ);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, VTD_BIT(48), PERM_R), VTD_FAULT_SM_HAW);
    sm_pasid(b, sm_context(b, SID_B, 0), 0,
             table | VTD_PASID_P | VTD_PASID_AW(1) | VTD_PASID_PGTT(VTD_PGTT_SECOND), 2,
             0);
    ck_assert_uint_eq(sm_reason(b, SID_B, NONE, VTD_BIT(39), PERM_R), VTD_FAULT_SM_ADDR);
    ck_assert_uint_eq(sm_reason(b, SID_B, NONE, VTD_BIT(48), PERM_R), VTD_FAULT_SM_HAW);
    sm_flush(b);
    sm_pasid(b, sm_context(b, SID_B, 0), 0,
             NOWHERE | VTD_PASID_P | VTD_PASID_AW(2) | VTD_PASID_PGTT(VTD_PGTT_SECOND), 2,
             0);
    ck_assert_uint_eq(sm_reason(b, SID_B, NONE, 0x1000, PERM_R), VTD_FAULT_SM_SSPTR);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_context");
    TCase *tables = tcase_create("tables"), *requests = tcase_create("requests");

    tcase_add_checked_fixture(tables, NULL, bench_teardown);
    tcase_add_checked_fixture(requests, NULL, bench_teardown);
    tcase_add_test(tables, V4_V5_scalable_tables_fault_in_the_order_of_the_checks);
    tcase_add_test(tables, V4_each_reserved_bit_of_scalable_tables);
    tcase_add_loop_test(tables, a_PASID_entry_may_ask_for_what_is_offered, 0,
                        (int)(sizeof(entries) / sizeof(entries[0])));
    tcase_add_test(tables, without_pass_through_no_PASID_may_ask_for_it);
    tcase_add_test(tables, without_a_first_stage_nobody_may_ask_for_it);
    tcase_add_test(tables, V38_upper_devices_use_the_upper_table);
    tcase_add_test(tables, V38_a_PASID_is_directory_and_slot);
    tcase_add_test(tables, RID_PASID_is_that_of_requests_without_one);
    tcase_add_test(tables, PASIDs_beyond_the_directory_are_refused);
    tcase_add_test(tables, requests_with_PASID_need_scalable_tables);
    tcase_add_test(tables, V2_the_table_mode_is_latched_with_the_root_table);
    tcase_add_test(tables, V25_FPD_counts_in_each_entry_on_the_way);
    tcase_add_test(tables, records_of_requests_with_PASID_say_whether_it_was_privileged);
    suite_add_tcase(s, tables);
    tcase_add_test(requests, legacy_device_TLBs_need_TT_1);
    tcase_add_test(requests, asking_for_what_is_absent_is_no_fault);
    tcase_add_test(requests, scalable_device_TLBs_need_DTE);
    tcase_add_test(requests, without_device_TLBs_their_bits_are_reserved);
    tcase_add_test(requests, V9_pass_through_of_a_PASID_stops_at_the_interrupt_range);
    tcase_add_test(requests, V26_scalable_second_stage_codes);
    suite_add_tcase(s, requests);
    return s;
}
