/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VT-d translation: registers, tables, fault recording. V-numbers are statements of
 * the reference.
 */
#include "iommu/vtd.h"

#include <check.h>
#include <stdlib.h>

#include "support_main.h"
#include "support_vtd.h"

#define R VTD_SS_R
#define W VTD_SS_W

static struct bench *const b = &bench;

/* ---- registers ---- */

START_TEST(V2_root_table_is_latched_by_SRTP_alone)
{
    bench_up(b);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_write(b, VTD_RTADDR, bench_page(b));
    bench_do(b, vtd_desc_context(VTD_GRAN_GLOBAL, 0, 0, 0));
    bench_flush_global(b);
    ck_assert(bench_reads(b, SID_A, 0x1008, 0x20008));
    unsigned before = b->switched;
    bench_write(b, VTD_GCMD, VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_SRTP);
    ck_assert_uint_eq(b->switched, before + 1);
    bench_do(b, vtd_desc_context(VTD_GRAN_GLOBAL, 0, 0, 0));
    bench_flush_global(b);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_R, VTD_FAULT_ROOT_P));
}
END_TEST

START_TEST(V3_translation_off_is_identity_for_everything)
{
    bench_up(b);
    bench_context(b, SID_A, UINT64_MAX, UINT64_MAX);
    bench_write(b, VTD_GCMD, VTD_GCMD_QIE);
    ck_assert(bench_reads(b, SID_A, 0x1234, 0x1234));
    ck_assert(bench_writes(b, SID_B, UINT64_MAX, UINT64_MAX));
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
}
END_TEST

/* ---- faults and the order of checks ---- */

#define NOWHERE UINT64_C(0x40000000) /* outside RAM */

static void
put(uint64_t addr, uint64_t value)
{
    mem_write64le(b->env.mem, GPA(addr), value);
}

static void
expect(uint64_t iova, enum perm access, enum vtd_fault reason)
{
    bench_flush_context(b, SID_A, 0);
    bench_do(b, vtd_desc_context(VTD_GRAN_GLOBAL, 0, 0, 0));
    bench_flush_global(b);
    ck_assert_msg(reason == VTD_FAULT_NONE ? bench_reads(b, SID_A, iova, iova)
                                           : bench_faults(b, SID_A, iova, access, reason),
                  "not fault 0x%x", reason);
}

/* Each condition is made while all later ones hold too, then mended. */
START_TEST(V4_V5_each_fault_in_the_order_of_the_checks)
{
    bench_up(b);
    const uint64_t root = vtd_root_addr(b->root, SID_A);
    uint64_t table = bench_domain(b, SID_A, 1, 4);
    const uint64_t contexts = mem_read64le(b->env.mem, GPA(root)) & VTD_ROOT_PTR;
    const uint64_t context = vtd_ctx_addr(contexts, SID_A);
    const uint64_t iova = UINT64_C(0x123456789000), wide = iova | VTD_BIT(48);

    put(root, NOWHERE | 2);
    bench_write(b, VTD_RTADDR, NOWHERE);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_SRTP);
    expect(wide, PERM_W, VTD_FAULT_ROOT_READ);
    bench_write(b, VTD_RTADDR, b->root);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_SRTP);
    expect(wide, PERM_W, VTD_FAULT_ROOT_P);
    put(root, NOWHERE | 3);
    expect(wide, PERM_W, VTD_FAULT_ROOT_RSVD);
    put(root, NOWHERE | 1);
    put(root + 8, 1);
    expect(wide, PERM_R, VTD_FAULT_ROOT_RSVD);
    put(root + 8, 0);
    expect(wide, PERM_W, VTD_FAULT_CONTEXT_READ);
    put(root, contexts | 1);
    put(context, table | 0xffc); /* TT 3, reserved bits, FPD clear */
    put(context + 8, 0x180);     /* AW 0 */
    put(context, (table | 0xffc) & ~UINT64_C(2));
    expect(wide, PERM_W, VTD_FAULT_CONTEXT_P);
    put(context, table | 0xffd);
    expect(wide, PERM_W, VTD_FAULT_CONTEXT_RSVD);
    put(context, table | 0x0d);
    expect(wide, PERM_W, VTD_FAULT_CONTEXT_RSVD); /* hi bit 7 */
    put(context + 8, 0x100);
    expect(wide, PERM_W, VTD_FAULT_CONTEXT_INV); /* AW */
    put(context + 8, 0x102);
    expect(wide, PERM_W, VTD_FAULT_CONTEXT_INV); /* TT */
    put(context, table | 1);
    expect(wide, PERM_W, VTD_FAULT_ADDR);

    const uint64_t bad = VTD_SS_SNP;
    bench_entry(b, table, 4, iova, 4, bad | R);
    expect(iova, PERM_W, VTD_FAULT_WRITE); /* missing W before the reserved bit */
    bench_entry(b, table, 4, iova, 4, bad);
    expect(iova, PERM_R, VTD_FAULT_READ);
    bench_entry(b, table, 4, iova, 4, bad | RW);
    expect(iova, PERM_W, VTD_FAULT_PAGING_RSVD);
    bench_entry(b, table, 4, iova, 4, NOWHERE | RW);
    expect(iova, PERM_W, VTD_FAULT_PAGING_READ);
    bench_entry(b, table, 4, iova, 4, 0);
    bench_map(b, table, iova, 0xfee00000 | RW);
    expect(iova, PERM_W, VTD_FAULT_INTERRUPT);
    bench_map(b, table, iova, 0x20000 | RW);
    bench_flush_global(b);
    ck_assert(bench_writes(b, SID_A, iova | 0x10, 0x20010));
}
END_TEST

/* Each of `bits` changed alone, the others of that word as they are. */
static void
expect_each(uint64_t at, uint64_t bits, enum vtd_fault reason)
{
    const uint64_t word = mem_read64le(b->env.mem, GPA(at));

    for (unsigned i = 0; i < 64; i++) {
        if ((bits >> i & 1) != 0) {
            put(at, word ^ VTD_BIT(i));
            expect(0x1000, PERM_R, reason);
        }
    }
    put(at, word);
    expect(0x1000, PERM_R, VTD_FAULT_NONE);
}

START_TEST(V4_each_reserved_bit_of_root_and_context_entries)
{
    const uint64_t beyond = UINT64_C(0xffff000000000000);

    bench_up(b);
    const uint64_t root = vtd_root_addr(b->root, SID_A);
    uint64_t table = bench_domain(b, SID_A, 1, 4);
    const uint64_t contexts = mem_read64le(b->env.mem, GPA(root)) & VTD_ROOT_PTR;
    const uint64_t context = vtd_ctx_addr(contexts, SID_A);

    bench_map(b, table, 0x1000, 0x1000 | RW);
    expect_each(root, beyond | 0xffe, VTD_FAULT_ROOT_RSVD);
    expect_each(root + 8, UINT64_MAX, VTD_FAULT_ROOT_RSVD);
    expect_each(context, beyond | 0xff0, VTD_FAULT_CONTEXT_RSVD);
    expect_each(context + 8, UINT64_C(0xffffffffff000080), VTD_FAULT_CONTEXT_RSVD);
    expect_each(context + 8, 0xffff78, VTD_FAULT_NONE); /* DID, what is ignored */
    put(context, 9); /* pass-through: the address is ignored, too */
    expect_each(context, 0xff0, VTD_FAULT_CONTEXT_RSVD);
    expect_each(context, beyond | UINT64_C(0xfffffffff000), VTD_FAULT_NONE);
}
END_TEST

START_TEST(unreadable_top_table_is_fault_3)
{
    bench_up(b);
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_TRANSLATE, NOWHERE), vtd_ctx_hi(2, 1));
    expect(0x1000, PERM_R, VTD_FAULT_CONTEXT_INV);
}
END_TEST

START_TEST(V6_permission_is_the_and_over_levels)
{
    struct xlate x;

    bench_up(b);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    uint64_t pde = bench_slot(b, table, 4, 0x1000, 2);
    put(pde, vtd_ss_addr(mem_read64le(b->env.mem, GPA(pde))) | R);
    ck_assert_int_eq(bench_translate(b, SID_A, 0x1000, PERM_R, &x), XLATE_OK);
    ck_assert_int_eq(x.perm, PERM_R);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_W, VTD_FAULT_WRITE));
    bench_map(b, table, 0x2000, 0x20000 | W);
    ck_assert(bench_faults(b, SID_A, 0x2000, PERM_R, VTD_FAULT_READ));
    ck_assert(bench_faults(b, SID_A, 0x2000, PERM_W, VTD_FAULT_WRITE));
}
END_TEST

START_TEST(V7_superpages_translate_their_offset)
{
    bench_up(b);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    bench_entry(b, table, 4, GIB, 2, 0x600000 | VTD_SS_PS | RW);
    bench_entry(b, table, 4, 5 * GIB, 3, UINT64_C(0x140000000) | VTD_SS_PS | RW);
    bench_entry(b, table, 4, 512 * GIB, 4, 0x40000000 | VTD_SS_PS | RW);
    bench_map(b, table, 0x1000, 0x20000 | VTD_SS_PS | RW);
    ck_assert(bench_reads(b, SID_A, GIB + 0x123456, 0x723456));
    ck_assert(bench_reads(b, SID_A, 5 * GIB + 0x3abcdef0, UINT64_C(0x17abcdef0)));
    ck_assert(bench_faults(b, SID_A, 512 * GIB, PERM_R, VTD_FAULT_PAGING_RSVD));
    ck_assert(bench_reads(b, SID_A, 0x1000, 0x20000));
    bench_entry(b, table, 4, GIB + 2 * MIB, 2, 0x601000 | VTD_SS_PS | RW);
    ck_assert(bench_faults(b, SID_A, GIB + 2 * MIB, PERM_R, VTD_FAULT_PAGING_RSVD));
}
END_TEST

START_TEST(V8_address_width_of_the_context)
{
    bench_up(b);
    uint64_t table = bench_attached(b, SID_A, 1, 3);
    bench_entry(b, table, 3, 0x7ffffff000, 1, 0x20000 | RW);
    ck_assert(bench_reads(b, SID_A, 0x7ffffff000, 0x20000));
    ck_assert(bench_faults(b, SID_A, 0x8000000000, PERM_R, VTD_FAULT_ADDR));
    for (unsigned aw = 0; aw < 8; aw++) {
        bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_TRANSLATE, table), vtd_ctx_hi(aw, 1));
        bench_flush_context(b, SID_A, 1);
        bench_flush_context(b, SID_A, 0);
        if (aw != 1 && aw != 2) {
            ck_assert(bench_faults(b, SID_A, 0, PERM_R, VTD_FAULT_CONTEXT_INV));
        }
    }
}
END_TEST

START_TEST(V9_pass_through_is_identity_and_fills_no_IOTLB)
{
    bench_up(b);
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_PASS, 0), vtd_ctx_hi(2, 7));
    bench_flush_context(b, SID_A, 0);
    ck_assert(bench_reads(b, SID_A, 0x1234, 0x1234));
    ck_assert(bench_writes(b, SID_A, VTD_BIT(52), VTD_BIT(52)));
    ck_assert_uint_eq(vtd_cache_count(&vtd_of(b->m)->iotlb), 0);
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_PASS, 0), vtd_ctx_hi(1, 7));
    bench_flush_context(b, SID_A, 7);
    ck_assert(bench_faults(b, SID_A, 0, PERM_R, VTD_FAULT_CONTEXT_INV));
}
END_TEST

START_TEST(pass_through_not_offered_is_fault_3)
{
    struct iommu_vtd_config c = bench_config();

    c.pass_through = false;
    bench_start(b, &c);
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_PASS, 0), vtd_ctx_hi(2, 7));
    ck_assert(bench_faults(b, SID_A, 0, PERM_R, VTD_FAULT_CONTEXT_INV));
}
END_TEST

START_TEST(input_in_the_interrupt_range_is_refused_without_a_fault)
{
    struct xlate x;

    bench_up(b);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    bench_map(b, table, 0xfee00000, 0x20000 | RW);
    bench_map(b, table, 0xfeeff000, 0x20000 | RW);
    bench_map(b, table, 0xfedff000, 0x21000 | RW);
    bench_map(b, table, 0xfef00000, 0x22000 | RW);
    ck_assert_int_eq(bench_translate(b, SID_A, 0xfee00000, PERM_R, &x), XLATE_FAULT);
    ck_assert_int_eq(bench_translate(b, SID_A, 0xfeefffff, PERM_W, &x), XLATE_FAULT);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
    ck_assert(bench_reads(b, SID_A, 0xfedfffff, 0x21fff));
    ck_assert(bench_reads(b, SID_A, 0xfef00000, 0x22000));
}
END_TEST

/* ---- fault recording ---- */

static void
refused(uint16_t sid, uint64_t iova)
{
    struct xlate x;

    ck_assert_int_eq(bench_translate(b, sid, iova, PERM_R, &x), XLATE_FAULT);
}

START_TEST(V25_FPD_suppresses_the_record_of_qualified_faults)
{
    struct xlate x;

    bench_up(b);
    bench_context(b, SID_A, VTD_CTX_FPD, 0); /* counts in an absent entry too */
    refused(SID_A, 0x1000);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
    refused(SID_A, 0x1000); /* from the cache */
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
    uint64_t table = bench_domain(b, SID_A, 1, 4);
    bench_context(b, SID_A, vtd_ctx_lo(VTD_TT_TRANSLATE, table) | VTD_CTX_FPD,
                  vtd_ctx_hi(2, 1));
    bench_flush_context(b, SID_A, 0);
    refused(SID_A, 0x1000);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
    ck_assert_int_eq(bench_translate(b, SID_B, 0, PERM_R, &x), XLATE_FAULT);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_PPF); /* root: not qualified */
}
END_TEST

START_TEST(V26_leaf_whose_output_touches_the_interrupt_range_is_blocked)
{
    bench_up(b);
    uint64_t table = bench_attached(b, SID_A, 1, 4);
    bench_map(b, table, 0x1000, 0xfeeff000 | RW);
    bench_entry(b, table, 4, GIB, 2, 0xfee00000 | VTD_SS_PS | RW);
    ck_assert(bench_faults(b, SID_A, 0x1000, PERM_W, VTD_FAULT_INTERRUPT));
    ck_assert(bench_faults(b, SID_A, GIB + 0x1ff000, PERM_R, VTD_FAULT_INTERRUPT));
}
END_TEST

static void
add_registers(Suite *s)
{
    TCase *tc = tcase_create("registers");

    tcase_add_checked_fixture(tc, NULL, bench_teardown);
    tcase_add_test(tc, V2_root_table_is_latched_by_SRTP_alone);
    tcase_add_test(tc, V3_translation_off_is_identity_for_everything);
    suite_add_tcase(s, tc);
}

static void
add_tables(Suite *s)
{
    TCase *tc = tcase_create("tables");

    tcase_add_checked_fixture(tc, NULL, bench_teardown);
    tcase_add_test(tc, V4_V5_each_fault_in_the_order_of_the_checks);
    tcase_add_test(tc, V4_each_reserved_bit_of_root_and_context_entries);
    tcase_add_test(tc, unreadable_top_table_is_fault_3);
    tcase_add_test(tc, V6_permission_is_the_and_over_levels);
    tcase_add_test(tc, V7_superpages_translate_their_offset);
    tcase_add_test(tc, V8_address_width_of_the_context);
    tcase_add_test(tc, V9_pass_through_is_identity_and_fills_no_IOTLB);
    tcase_add_test(tc, pass_through_not_offered_is_fault_3);
    tcase_add_test(tc, input_in_the_interrupt_range_is_refused_without_a_fault);
    suite_add_tcase(s, tc);
}

static void
add_faults(Suite *s)
{
    TCase *tc = tcase_create("faults");

    tcase_add_checked_fixture(tc, NULL, bench_teardown);
    tcase_add_test(tc, V25_FPD_suppresses_the_record_of_qualified_faults);
    tcase_add_test(tc, V26_leaf_whose_output_touches_the_interrupt_range_is_blocked);
    suite_add_tcase(s, tc);
}

Suite *
suite(void)
{
    Suite *s = suite_create("vtd");

    add_registers(s);
    add_tables(s);
    add_faults(s);
    return s;
}
