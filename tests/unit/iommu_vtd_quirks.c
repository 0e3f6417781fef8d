/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Translation and caches as QEMU 7.2 has them: each deviation on its own, beside what
 * the specification asks for, and what the profile makes of them together.
 */
#include <check.h>
#include <stdlib.h>

#include "iommu/vtd_caches.h"
#include "support_main.h"
#include "support_vtd_sm.h"

#define NONE IOMMU_NO_PASID
#define R    VTD_SS_R
#define W    VTD_SS_W

static struct bench *const b = &bench;

static void
up_scalable(const char *profile)
{
    struct iommu_vtd_config c = sm_config();

    c.first_stage = c.device_iotlb = false;
    sm_boot(b, &c, profile);
}

/* Refused, and nothing recorded. */
static bool
silent(uint16_t sid, uint64_t iova, enum perm access)
{
    struct xlate x;

    return bench_translate(b, sid, iova, access, &x) == XLATE_FAULT &&
           (bench_read(b, VTD_FRCD_HI) & VTD_FRCD_F) == 0;
}

START_TEST(Q1_nothing_absent_is_cached)
{
    bench_up_as(b, "spec");
    bench_quirk(b, QUIRK_VTD_NO_HOLES);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_ROOT_P));
    uint64_t table = bench_domain(b, SID_A, 1, 4);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_READ));
    bench_map(b, table, 0x1000, 0x20000 | RW);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
}
END_TEST

START_TEST(Q2_a_hit_without_permission_is_refused_in_silence)
{
    for (unsigned quirk = 0; quirk < 2; quirk++) {
        bench_up_as(b, "spec");
        if (quirk != 0) {
            bench_quirk(b, QUIRK_VTD_HIT_REFUSAL_SILENT);
        }
        uint64_t table = bench_attached(b, SID_A, 1, 4);
        bench_map(b, table, 0x1000, 0x20000 | R);
        bench_map(b, table, 0x2000, 0x20000 | W);
        ck_assert(bench_faults(b, SID_A, 0x1000, PERM_W, VTD_FAULT_WRITE)); /* cold */
        ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
        ck_assert(bench_writes(b, SID_A, 0x2000, 0x20000));
        if (quirk != 0) {
            ck_assert(silent(SID_A, 0x1000, PERM_W));
            ck_assert(silent(SID_A, 0x2000, PERM_R));
            bench_map(b, table, 0x1000, 0x20000 | RW);
            ck_assert(silent(SID_A, 0x1000, PERM_W)); /* the table is not asked */
        } else {
            ck_assert(bench_faults(b, SID_A, 0x1000, PERM_W, VTD_FAULT_WRITE));
            ck_assert(bench_faults(b, SID_A, 0x2000, PERM_R, VTD_FAULT_READ));
        }
    }
}
END_TEST

/* What a replay that asks page by page finds. */
static enum perm
looked_up(uint16_t sid, uint64_t iova)
{
    const struct vtd *v = vtd_of(b->m);
    const struct vtd_context c = vtd_context_read(v, sid);
    struct vtd_page page;

    return vtd_lookup(v, &c, sid, iova, &page) ? page.perm : PERM_NONE;
}

START_TEST(Q3_Q4_a_lookup_for_no_access_walks_as_a_read)
{
    bench_up_as(b, "spec");
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_map(b, table, 0x2000, 0x20000 | W);
    ck_assert_int_eq(looked_up(SID_A, 0x1000), PERM_RW);
    ck_assert_int_eq(looked_up(SID_A, 0x2000), PERM_W);
    bench_quirk(b, QUIRK_VTD_NONE_READS);
    ck_assert_int_eq(looked_up(SID_A, 0x1000), PERM_R);
    ck_assert_int_eq(looked_up(SID_A, 0x2000), PERM_NONE);
    ck_assert(bench_writes(b, SID_A, 0x2000, 0x20000)); /* writes need W alone */
    ck_assert(bench_writes(b, SID_A, 0x1000, 0x20000));
}
END_TEST

START_TEST(Q7_only_leaves_are_cached)
{
    for (unsigned quirk = 0; quirk < 2; quirk++) {
        struct iommu_vtd_config c = bench_config();
        c.paging_cache = (struct iommu_cache_config){ 64, IOMMU_CACHE_LRU };
        bench_init_as(b, &c, quirk != 0 ? "qemu-7.2" : "spec");
        bench_boot(b);
        uint64_t table = bench_attached(b, SID_A, 1, 4), fresh = bench_page(b);
        bench_map(b, table, 0x1000, 0x20000 | RW);
        bench_map(b, table, 0x2000, 0x21000 | RW);
        ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
        mem_write64le(b->env.mem, GPA(fresh + 16), 0x31000 | RW);
        bench_entry(b, table, 4, 0, 2, fresh | RW);
        bench_do(b, vtd_desc_iotlb(VTD_GRAN_FINE, 1, 0, 9, true));
        ck_assert(bench_reads(b, SID_A, 0x2000, quirk != 0 ? 0x31000 : 0x21000));
    }
}
END_TEST

START_TEST(Q8_a_full_IOTLB_drops_everything)
{
    for (unsigned quirk = 0; quirk < 2; quirk++) {
        bench_up_as(b, "spec");
        if (quirk != 0) {
            bench_quirk(b, QUIRK_VTD_IOTLB_OVERFLOW);
        }
        uint64_t table = bench_attached(b, SID_A, 1, 4);
        for (uint64_t p = 0; p < 1025; p++) {
            bench_map(b, table, p << 12, (MIB + (p << 12)) | RW);
        }
        for (uint64_t p = 0; p < 1024; p++) {
            ck_assert(bench_reads(b, SID_A, p << 12, MIB + (p << 12)));
        }
        ck_assert_uint_eq(vtd_cache_count(&vtd_of(b->m)->iotlb), 1024);
        ck_assert(bench_reads(b, SID_A, 5 << 12, MIB + (5 << 12))); /* a hit drops none */
        ck_assert(bench_reads(b, SID_A, 1024 << 12, MIB + (1024 << 12)));
        ck_assert_uint_eq(vtd_cache_count(&vtd_of(b->m)->iotlb), quirk != 0 ? 1 : 1024);
    }
}
END_TEST

START_TEST(Q9_pages_belong_to_a_source_id)
{
    for (unsigned quirk = 0; quirk < 2; quirk++) {
        bench_up_as(b, "spec");
        if (quirk != 0) {
            bench_quirk(b, QUIRK_VTD_IOTLB_BY_SOURCE);
        }
        uint64_t table = bench_attached(b, SID_A, 1, 4);
        bench_context(b, SID_B, vtd_ctx_lo(VTD_TT_TRANSLATE, table), vtd_ctx_hi(2, 1));
        bench_map(b, table, 0x1000, 0x20000 | RW);
        ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
        bench_map(b, table, 0x1000, 0x30000 | RW);
        ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
        ck_assert(bench_reads(b, SID_B, 0x1000, quirk != 0 ? 0x30000 : 0x20000));
        bench_flush_page(b, 1, 0x1000, 0); /* the domain is that of the fill */
        ck_assert(bench_reads(b, SID_A, 0x1000, 0x30000));
    }
}
END_TEST

START_TEST(Q9_a_hit_needs_no_context_entry_and_no_device)
{
    struct err e;

    bench_up_as(b, "qemu-7.2");
    b->m->ops->attach(b->m, SID_A, "one", &e);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_map(b, table, 0x2000, 0x21000 | RW);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
    bench_context(b, SID_A, 0, 0);
    bench_flush_context(b, SID_A, 1);
    b->m->ops->detach(b->m, SID_A);
    b->m->ops->attach(b->m, SID_A, "two", &e);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
    ck_assert(bench_faults(b, SID_A, 0x2000, PERM_R, VTD_FAULT_CONTEXT_P));
    bench_flush_domain(b, 1);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_CONTEXT_P));
}
END_TEST

/* Frames of 4 KiB and larger pages; what an address and AM drop, by the text of 10.1. */
static bool
text_drops(uint64_t first, uint64_t size, uint64_t addr, unsigned am)
{
    uint64_t f = first >> 12, a = addr >> 12;

    return ((f ^ a) & 0xff & ~((UINT64_C(1) << am) - 1)) == 0 ||
           (addr >= first && addr - first < size);
}

START_TEST(Q10_Q11_eight_bits_of_the_frame_are_compared)
{
    static const uint64_t at[] = { 0x1000,   0x2000,   0x3000,   0x80000, 0x101000,
                                   0x102000, 0x600000, 0x601000, 0xfff000 };
    static const uint64_t addrs[] = { 0x1000,     0x2000,   0x3000,       0x102000,
                                      0x41000000, 0x200000, GIB + 0x5000, 0x81000 };

    for (unsigned i = 0; i < 8; i++) {
        for (unsigned am = 0; am <= 9; am++) {
            bench_up_as(b, "spec");
            bench_quirk(b, QUIRK_VTD_IOTLB_MASK_U8);
            uint64_t table = bench_attached(b, SID_A, 1, 4);
            bench_entry(b, table, 4, GIB, 2, 0x600000 | VTD_SS_PS | RW);
            ck_assert(bench_reads(b, SID_A, GIB, 0x600000));
            for (unsigned p = 0; p < 9; p++) {
                bench_map(b, table, at[p], (MIB + at[p]) | RW);
                ck_assert(bench_reads(b, SID_A, at[p], MIB + at[p]));
            }
            bench_flush_page(b, 2, addrs[i], am);
            ck_assert_uint_eq(vtd_cache_count(&vtd_of(b->m)->iotlb), 10);
            bench_flush_page(b, 1, addrs[i], am); /* not aligned to 2^AM, some of them */
            for (unsigned p = 0; p < 9; p++) {
                const struct vtd_cached *e =
                    vtd_cache_find(&vtd_of(b->m)->iotlb, 1, 1, at[p]);
                ck_assert_msg((e == NULL) == text_drops(at[p], 4 * KIB, addrs[i], am),
                              "page %#lx addr %#lx am %u", (unsigned long)at[p],
                              (unsigned long)addrs[i], am);
            }
            ck_assert_int_eq(vtd_cache_find(&vtd_of(b->m)->iotlb, 1, 2, GIB) == NULL,
                             text_drops(GIB, 2 * MIB, addrs[i], am));
        }
    }
}
END_TEST

START_TEST(Q13_scalable_faults_have_legacy_codes)
{
    up_scalable("qemu-7.2");
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x1000, PERM_R), VTD_FAULT_ROOT_P);
    uint64_t ctx = sm_context(b, SID_A, 0);
    const uint64_t context = sm_get(b, ctx);
    sm_put(b, ctx, 0);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x1000, PERM_R), VTD_FAULT_CONTEXT_P);
    sm_put(b, ctx, context | VTD_BIT(5));
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x1000, PERM_R), VTD_FAULT_CONTEXT_RSVD);
    sm_put(b, ctx, context);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x1000, PERM_R), VTD_FAULT_SM_PASID_READ);
    uint64_t slot = sm_slot(b, ctx, 0);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x1000, PERM_R), VTD_FAULT_SM_PASID_READ);
    sm_put(b, slot, VTD_PASID_P | VTD_PASID_PGTT(6));
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x1000, PERM_R), VTD_FAULT_SM_PASID_READ);
    uint64_t table = sm_second(b, ctx, 0, 1);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x1000, PERM_R), VTD_FAULT_READ);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x1000, PERM_W), VTD_FAULT_WRITE);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, VTD_BIT(48), PERM_W), VTD_FAULT_ADDR);
    bench_map(b, table, 0x1000, 0x20000 | RW | VTD_BIT(50));
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x1000, PERM_W), VTD_FAULT_PAGING_RSVD);
    bench_map(b, table, 0x1000, 0xfee00000 | RW);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x1000, PERM_W), VTD_FAULT_SM_INTERRUPT);
}
END_TEST

static uint64_t
record_of(uint32_t pasid)
{
    struct iommu_request q = iommu_request(SID_A, 0x5000, PERM_R);
    struct xlate x;

    q.pasid = pasid;
    ck_assert_int_eq(b->m->ops->translate(b->m, &q, &x), XLATE_FAULT);
    uint64_t hi = bench_read(b, VTD_FRCD_HI);
    bench_clear_faults(b);
    return hi & (VTD_FRCD_PASID(0xfffff) | VTD_FRCD_PP);
}

START_TEST(Q13_Q15_records_have_a_PASID_of_16_bits_always)
{
    for (unsigned quirk = 0; quirk < 2; quirk++) {
        up_scalable(quirk != 0 ? "qemu-7.2" : "spec");
        uint64_t ctx = sm_context(b, SID_A, 0);
        sm_second(b, ctx, 0, 1);
        sm_second(b, ctx, 0x54321, 1);
        ck_assert_uint_eq(record_of(NONE), quirk != 0 ? VTD_FRCD_PP : 0);
        ck_assert_uint_eq(record_of(0x54321),
                          VTD_FRCD_PP | VTD_FRCD_PASID(quirk != 0 ? 0x4321 : 0x54321));
    }
}
END_TEST

START_TEST(Q29_translation_type_is_not_enforced)
{
    struct iommu_request q = { SID_A, REQUEST_TRANSLATION, NONE, false, 0x1000, PERM_R };
    struct xlate x;
    unsigned reason;

    bench_up_as(b, "spec");
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    sm_ask(b, &q, &x, &reason);
    ck_assert_uint_eq(reason, VTD_FAULT_BLOCKED);
    bench_quirk(b, QUIRK_VTD_TT_NOT_ENFORCED);
    ck_assert_int_eq(sm_ask(b, &q, &x, &reason), XLATE_OK);
    ck_assert_uint_eq(x.gpa.v, 0x20000);
    q.iova = 0x2000;
    sm_ask(b, &q, &x, &reason);
    ck_assert_uint_eq(reason, VTD_FAULT_READ); /* as any request */
    q.type = REQUEST_TRANSLATED;
    ck_assert_int_eq(sm_ask(b, &q, &x, &reason), XLATE_OK);
    ck_assert_uint_eq(x.gpa.v, 0x2000);
}
END_TEST

START_TEST(Q30_requests_without_PASID_use_PASID_0)
{
    up_scalable("spec");
    uint64_t ctx = sm_context(b, SID_A, 0);
    sm_put(b, ctx + 8, 3);
    bench_map(b, sm_second(b, ctx, 3, 3), 0x1000, 0x23000 | RW);
    bench_map(b, sm_second(b, ctx, 0, 4), 0x1000, 0x20000 | RW);
    ck_assert(sm_gets(b, SID_A, NONE, 0x1000, PERM_R, 0x23000));
    bench_quirk(b, QUIRK_VTD_RID_PASID_ZERO);
    ck_assert(sm_gets(b, SID_A, NONE, 0x1000, PERM_R, 0x20000));
    ck_assert(sm_gets(b, SID_A, 3, 0x1000, PERM_R, 0x23000));
}
END_TEST

START_TEST(Q33_FPD_does_not_hide_reserved_bits)
{
    for (unsigned quirk = 0; quirk < 2; quirk++) {
        bench_up_as(b, "spec");
        if (quirk != 0) {
            bench_quirk(b, QUIRK_VTD_FPD_NOT_RESERVED);
        }
        bench_context(b, SID_A, VTD_CTX_P | VTD_CTX_FPD | VTD_BIT(4), vtd_ctx_hi(2, 1));
        if (quirk != 0) {
            ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_CONTEXT_RSVD));
        } else {
            ck_assert(silent(SID_A, 0x1000, PERM_R));
        }
        bench_context(b, SID_B, VTD_CTX_FPD, vtd_ctx_hi(2, 1));
        ck_assert(silent(SID_B, 0x1000, PERM_R)); /* absent: hidden in both */
    }
    up_scalable("qemu-7.2");
    uint64_t ctx = sm_context(b, SID_A, VTD_SM_CTX_FPD);
    ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x1000, PERM_R), VTD_FAULT_SM_PASID_READ);
    sm_second(b, ctx, 0, 1);
    ck_assert(silent(SID_A, 0x1000, PERM_R));
}
END_TEST

START_TEST(Q36_first_stage_and_nested_are_walked_as_second_stage)
{
    for (unsigned kind = VTD_PGTT_FIRST; kind <= VTD_PGTT_NESTED; kind += 2) {
        for (unsigned quirk = 0; quirk < 2; quirk++) {
            up_scalable("spec");
            uint64_t ctx = sm_context(b, SID_A, 0), table = bench_page(b);
            sm_pasid(b, ctx, 0,
                     table | VTD_PASID_P | VTD_PASID_AW(2) | VTD_PASID_PGTT(kind), 1, 0);
            bench_map(b, table, 0x1000, 0x20000 | RW);
            if (quirk != 0) {
                bench_quirk(b, QUIRK_VTD_FIRST_AS_SECOND);
                /* SSPTPTR is no field of the first stage */
                bench_quirk(b, QUIRK_VTD_SM_UNCHECKED);
                ck_assert(sm_gets(b, SID_A, NONE, 0x1000, PERM_W, 0x20000));
            } else {
                ck_assert_uint_eq(sm_reason(b, SID_A, NONE, 0x1000, PERM_W),
                                  VTD_FAULT_SM_PASID_INV);
            }
        }
    }
}
END_TEST

/* ---- deviations without a number ---- */

START_TEST(context_flushes_of_a_device_may_name_any_domain)
{
    for (unsigned quirk = 0; quirk < 2; quirk++) {
        bench_up_as(b, "spec");
        if (quirk != 0) {
            bench_quirk(b, QUIRK_VTD_CONTEXT_ANY_DID);
        }
        bench_map(b, bench_attached(b, SID_A, 1, 4), 0x1000, 0x20000 | RW);
        ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
        bench_context(b, SID_A, 0, 0);
        bench_flush_global(b);
        bench_flush_context(b, SID_A, 9);
        if (quirk != 0) {
            ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_CONTEXT_P));
        } else {
            ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
        }
    }
}
END_TEST

START_TEST(the_source_id_may_be_cut_to_8_bits)
{
    const uint16_t other = SID_A | 0x100;

    bench_up_as(b, "spec");
    bench_quirk(b, QUIRK_VTD_IOTLB_SID8);
    bench_map(b, bench_attached(b, SID_A, 1, 4), 0x1000, 0x20000 | RW);
    bench_map(b, bench_attached(b, other, 2, 4), 0x1000, 0x30000 | RW);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
    ck_assert(bench_reads(b, other, 0x1000, 0x20000));
}
END_TEST

START_TEST(PASID_tables_are_read_each_time_and_half_checked)
{
    up_scalable("qemu-7.2");
    uint64_t ctx = sm_context(b, SID_A, VTD_SM_CTX_DTE | VTD_SM_CTX_PRE);
    uint64_t one = sm_second(b, ctx, 0, 1), slot = sm_slot(b, ctx, 0);
    bench_map(b, one, 0x1000, 0x20000 | RW);
    sm_put(b, slot, sm_get(b, slot) | VTD_BIT(10));
    sm_put(b, slot + 40, 1);
    ck_assert(sm_gets(b, SID_A, NONE, 0x1000, PERM_R, 0x20000));
    uint64_t two = sm_second(b, ctx, 0, 2);
    bench_map(b, two, 0x2000, 0x30000 | RW);
    ck_assert(sm_gets(b, SID_A, NONE, 0x2000, PERM_R, 0x30000));
}
END_TEST

START_TEST(an_entry_of_all_ones_is_unreadable)
{
    bench_up_as(b, "spec");
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    bench_map(b, table, 0x1000, UINT64_MAX);
    bench_entry(b, table, 4, 512 * GIB, 4, UINT64_MAX);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_PAGING_RSVD));
    ck_assert(bench_faults(b, SID_A, 512 * GIB, PERM_R, VTD_FAULT_PAGING_RSVD));
    bench_flush_global(b);
    bench_quirk(b, QUIRK_VTD_ALL_ONES_UNREADABLE);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_PAGING_READ));
    ck_assert(bench_faults(b, SID_A, 512 * GIB, PERM_R, VTD_FAULT_CONTEXT_INV));
}
END_TEST

START_TEST(pass_through_of_any_width)
{
    bench_up_as(b, "spec");
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_PASS, 0), vtd_ctx_hi(1, 1));
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_CONTEXT_INV));
    bench_flush_context(b, SID_A, 0);
    bench_quirk(b, QUIRK_VTD_PASS_ANY_WIDTH);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x1000));
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_PASS, VTD_BIT(48)), vtd_ctx_hi(1, 1));
    bench_flush_context(b, SID_A, 1);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_CONTEXT_RSVD));
}
END_TEST

/* A space in bypass does not ask; one that is translated finds out by an access. */
START_TEST(whether_a_space_is_translated_is_decided_at_switches)
{
    struct err e;

    bench_up_as(b, "qemu-7.2");
    b->m->ops->attach(b->m, SID_A, "dev", &e);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    const uint64_t pass = vtd_ctx_lo(VTD_TT_PASS, table), hi = vtd_ctx_hi(2, 1);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
    bench_context(b, SID_A, pass, hi);
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000)); /* cached */
    bench_flush_context(b, SID_A, 1);
    ck_assert(
        bench_reads(b, SID_A, 0x1000, 0x1000)); /* in bypass: not even by the IOTLB */
    ck_assert(bench_reads(b, SID_A, 0xfee00000, 0xfee00000));
    ck_assert(bench_reads(b, SID_A, VTD_BIT(60), VTD_BIT(60)));
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_TRANSLATE, table), hi);
    bench_flush_global(b);
    ck_assert(bench_reads(b, SID_A, 0x2000, 0x2000)); /* not a context invalidation */
    bench_flush_context(b, SID_A, 1);
    ck_assert(bench_faults(b, SID_A, 0x2000, PERM_R, VTD_FAULT_READ));
    bench_context(b, SID_A, 0, 0);
    bench_flush_context(b, SID_A, 1);
    ck_assert(bench_faults(b, SID_A, 0x2000, PERM_R, VTD_FAULT_CONTEXT_P));
    bench_context(b, SID_A, pass, hi); /* absent entries are not cached: it is met */
    ck_assert(bench_reads(b, SID_A, 0x2000, 0x2000));
    bench_context(b, SID_A, 0, 0);
    ck_assert(bench_reads(b, SID_A, 0x3000, 0x3000)); /* the space was switched */
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_quirks");
    TCase *tc = tcase_create("numbered"), *more = tcase_create("more");

    tcase_add_checked_fixture(tc, NULL, bench_teardown);
    tcase_add_checked_fixture(more, NULL, bench_teardown);
    tcase_add_test(tc, Q1_nothing_absent_is_cached);
    tcase_add_test(tc, Q2_a_hit_without_permission_is_refused_in_silence);
    tcase_add_test(tc, Q3_Q4_a_lookup_for_no_access_walks_as_a_read);
    tcase_add_test(tc, Q7_only_leaves_are_cached);
    tcase_add_test(tc, Q8_a_full_IOTLB_drops_everything);
    tcase_add_test(tc, Q9_pages_belong_to_a_source_id);
    tcase_add_test(tc, Q9_a_hit_needs_no_context_entry_and_no_device);
    tcase_add_test(tc, Q10_Q11_eight_bits_of_the_frame_are_compared);
    tcase_add_test(tc, Q13_scalable_faults_have_legacy_codes);
    tcase_add_test(tc, Q13_Q15_records_have_a_PASID_of_16_bits_always);
    tcase_add_test(tc, Q29_translation_type_is_not_enforced);
    tcase_add_test(tc, Q30_requests_without_PASID_use_PASID_0);
    tcase_add_test(tc, Q33_FPD_does_not_hide_reserved_bits);
    tcase_add_test(tc, Q36_first_stage_and_nested_are_walked_as_second_stage);
    suite_add_tcase(s, tc);
    tcase_add_test(more, context_flushes_of_a_device_may_name_any_domain);
    tcase_add_test(more, the_source_id_may_be_cut_to_8_bits);
    tcase_add_test(more, PASID_tables_are_read_each_time_and_half_checked);
    tcase_add_test(more, an_entry_of_all_ones_is_unreadable);
    tcase_add_test(more, pass_through_of_any_width);
    tcase_add_test(more, whether_a_space_is_translated_is_decided_at_switches);
    suite_add_tcase(s, more);
    return s;
}
