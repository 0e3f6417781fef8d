/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VT-d bits against values worked out by hand from the specification's figures, and
 * the table of required invalidations row by row.
 */
#include "iommu/vtd_reg_fmt.h"

#include <check.h>
#include <stdlib.h>

#include "support_main.h"

#define R  UINT64_C(1)
#define W  UINT64_C(2)
#define PS UINT64_C(0x80)

static const struct vtd_ss_limits aw39 = { .haw = 39, .superpages = 3 };
static const struct vtd_ss_limits aw48 = { .haw = 48, .superpages = 3 };

START_TEST(reserved_masks_of_second_stage_entries_at_39_bits)
{
    /* ignored: 63, 61:52; address: 38:12 */
    ck_assert_uint_eq(vtd_ss_reserved(&aw39, 1, true), UINT64_C(0x400fff8000000800));
    ck_assert_uint_eq(vtd_ss_reserved(&aw39, 2, true), UINT64_C(0x400fff80001ff800));
    ck_assert_uint_eq(vtd_ss_reserved(&aw39, 3, true), UINT64_C(0x400fff803ffff800));
    ck_assert_uint_eq(vtd_ss_reserved(&aw39, 2, false), UINT64_C(0x400fff8000000800));
    ck_assert_uint_eq(vtd_ss_reserved(&aw39, 3, false), UINT64_C(0x400fff8000000800));
}
END_TEST

START_TEST(reserved_masks_of_second_stage_entries_at_48_bits)
{
    ck_assert_uint_eq(vtd_ss_reserved(&aw48, 1, true), UINT64_C(0x400f000000000800));
    ck_assert_uint_eq(vtd_ss_reserved(&aw48, 3, true), UINT64_C(0x400f00003ffff800));
    ck_assert_uint_eq(vtd_ss_reserved(&aw48, 4, false), UINT64_C(0x400f000000000880));
    ck_assert_uint_eq(vtd_ss_reserved(&aw48, 5, false), UINT64_C(0x400f000000000880));
}
END_TEST

START_TEST(snoop_bit_is_legal_in_leaves_only_with_snoop_control)
{
    const struct vtd_ss_limits sc = { .haw = 48, .superpages = 3, .snoop = true };

    ck_assert_uint_eq(vtd_ss_reserved(&sc, 1, true), UINT64_C(0x400f000000000000));
    ck_assert_uint_eq(vtd_ss_reserved(&sc, 2, true), UINT64_C(0x400f0000001ff000));
    ck_assert_uint_eq(vtd_ss_reserved(&sc, 2, false), UINT64_C(0x400f000000000800));
}
END_TEST

START_TEST(page_size_bit_is_reserved_where_that_superpage_is_not_supported)
{
    const struct vtd_ss_limits only_2m = { .haw = 48, .superpages = 1 };
    const struct vtd_ss_limits only_1g = { .haw = 48, .superpages = 2 };

    ck_assert_uint_eq(vtd_ss_reserved(&only_2m, 2, true) & PS, 0);
    ck_assert_uint_eq(vtd_ss_reserved(&only_2m, 3, true) & PS, PS);
    ck_assert_uint_eq(vtd_ss_reserved(&only_1g, 2, true) & PS, PS);
    ck_assert_uint_eq(vtd_ss_reserved(&only_1g, 3, true) & PS, 0);
}
END_TEST

START_TEST(indices_and_spans_of_levels)
{
    const uint64_t iova = UINT64_C(0x0000a5b6c7d8e9f0); /* 14b 0db 03e 18e 9f0 */

    ck_assert_uint_eq(vtd_ss_index(iova, 4), 0x14b);
    ck_assert_uint_eq(vtd_ss_index(iova, 3), 0x0db);
    ck_assert_uint_eq(vtd_ss_index(iova, 2), 0x03e);
    ck_assert_uint_eq(vtd_ss_index(iova, 1), 0x18e);
    ck_assert_uint_eq(vtd_ss_span_lg2(1), 12);
    ck_assert_uint_eq(vtd_ss_span_lg2(2), 21);
    ck_assert_uint_eq(vtd_ss_span_lg2(3), 30);
    ck_assert_uint_eq(vtd_ss_span_lg2(4), 39);
}
END_TEST

START_TEST(leaf_is_level_1_or_page_size_at_levels_2_and_3)
{
    ck_assert(vtd_ss_is_leaf(R, 1));
    ck_assert(!vtd_ss_is_leaf(R, 2));
    ck_assert(vtd_ss_is_leaf(R | PS, 2));
    ck_assert(vtd_ss_is_leaf(R | PS, 3));
    ck_assert(!vtd_ss_is_leaf(R | PS, 4));
}
END_TEST

START_TEST(entry_fields)
{
    ck_assert_uint_eq(vtd_ss_addr(UINT64_C(0xfff0123456789fff)),
                      UINT64_C(0x0000123456789000));
    ck_assert_int_eq(vtd_ss_perm(0x20003), PERM_RW);
    ck_assert_int_eq(vtd_ss_perm(0x20002), PERM_W);
    ck_assert(!vtd_ss_present(0x20004)); /* X alone */
}
END_TEST

START_TEST(leaf_over_interrupt_range)
{
    ck_assert(vtd_ss_hits_interrupt(0xfee00003, 1));
    ck_assert(vtd_ss_hits_interrupt(0xfeeff003, 1));
    ck_assert(!vtd_ss_hits_interrupt(0xfedff003, 1));
    ck_assert(!vtd_ss_hits_interrupt(0xfef00003, 1));
    ck_assert(vtd_ss_hits_interrupt(0xfee00083, 2));
    ck_assert(vtd_ss_hits_interrupt(0xc0000083, 3));
    ck_assert(!vtd_ss_hits_interrupt(0x80000083, 3));
}
END_TEST

START_TEST(context_entry_of_four_levels)
{
    ck_assert_uint_eq(vtd_ctx_lo(VTD_TT_TRANSLATE, 0x12345000), UINT64_C(0x12345001));
    ck_assert_uint_eq(vtd_ctx_lo(VTD_TT_PASS, 0), UINT64_C(0x9));
    ck_assert_uint_eq(vtd_ctx_hi(2, 0xabcd), UINT64_C(0xabcd02));
    ck_assert_uint_eq(vtd_ctx_did(0xabcd02), 0xabcd);
    ck_assert_uint_eq(vtd_ctx_aw(0xabcd02), 2);
    ck_assert_int_eq(vtd_ctx_tt(0x5), VTD_TT_ATS);
    ck_assert_uint_eq(VTD_CTX_LO_RSVD, UINT64_C(0xff0));
    ck_assert_uint_eq(VTD_CTX_HI_RSVD, UINT64_C(0xffffffffff000080));
}
END_TEST

START_TEST(address_width_codes)
{
    ck_assert_uint_eq(vtd_aw_code(39), 1);
    ck_assert_uint_eq(vtd_aw_code(48), 2);
    ck_assert_uint_eq(vtd_aw_code(57), 3);
    ck_assert_uint_eq(vtd_aw_levels(1), 3);
    ck_assert_uint_eq(vtd_aw_bits(3), 57);
}
END_TEST

START_TEST(table_addresses_of_a_source_id)
{
    ck_assert_uint_eq(vtd_root_addr(0x1000, 0x0218), 0x1020);
    ck_assert_uint_eq(vtd_ctx_addr(0x8001, 0x0218), 0x8180);
    ck_assert_uint_eq(vtd_fm_mask(0), 0);
    ck_assert_uint_eq(vtd_fm_mask(1), 4);
    ck_assert_uint_eq(vtd_fm_mask(2), 6);
    ck_assert_uint_eq(vtd_fm_mask(3), 7);
}
END_TEST

static void
is_desc(struct vtd_pair d, uint64_t lo, uint64_t hi)
{
    ck_assert_uint_eq(d.lo, lo);
    ck_assert_uint_eq(d.hi, hi);
}

START_TEST(descriptors)
{
    is_desc(vtd_desc_context(VTD_GRAN_GLOBAL, 0, 0, 0), 0x11, 0);
    is_desc(vtd_desc_context(VTD_GRAN_FINE, 0x12, 0x0018, 3),
            UINT64_C(0x0003001800120031), 0);
    is_desc(vtd_desc_iotlb(VTD_GRAN_FINE, 5, 0x7fff0000, 4, true), 0x000500f2,
            0x7fff0044);
    is_desc(vtd_desc_iotlb(VTD_GRAN_DOMAIN, 5, 0, 0, false), 0x000500e2, 0);
    is_desc(vtd_desc_wait(VTD_DESC_WAIT_SW, 0x9000, 2), UINT64_C(0x0000000200000025),
            0x9000);
    is_desc(vtd_desc_wait(VTD_DESC_WAIT_IF | VTD_DESC_WAIT_FN, 0, 0), 0x55, 0);
    is_desc(vtd_desc_iec(true, 0, 0), 0x4, 0);
    is_desc(vtd_desc_iec(false, 0x21, 3), UINT64_C(0x0000002118000014), 0);
}
END_TEST

START_TEST(device_tlb_descriptor_encodes_its_size_in_the_address)
{
    is_desc(vtd_desc_dev_iotlb(0x18, 0, 0x5000, 12), UINT64_C(0x0000001800000003),
            0x5000);
    is_desc(vtd_desc_dev_iotlb(0x18, 4, 0x6000, 13), UINT64_C(0x0000001800040003),
            0x6001);
    is_desc(vtd_desc_dev_iotlb(0x18, 0, 0x200000, 21), UINT64_C(0x0000001800000003),
            0x2ff001);
    is_desc(vtd_desc_dev_iotlb(0x18, 0, 0, 64), UINT64_C(0x0000001800000003),
            UINT64_C(0x7ffffffffffff001));
}
END_TEST

START_TEST(descriptor_type_has_seven_bits)
{
    ck_assert_uint_eq(vtd_desc_type(0x25), VTD_DESC_WAIT);
    ck_assert_uint_eq(vtd_desc_type(0x202), 0x12);
    ck_assert_uint_eq(vtd_desc_type(0xe0f), 0x7f);
}
END_TEST

START_TEST(queue_size_follows_iqa)
{
    ck_assert_uint_eq(vtd_queue_bytes(0x5000), 4096);
    ck_assert_uint_eq(vtd_queue_bytes(0x5007), 4096 * 128);
}
END_TEST

START_TEST(unqualified_faults_are_1_8_9_and_a)
{
    for (unsigned f = VTD_FAULT_ROOT_P; f <= VTD_FAULT_INTERRUPT; f++) {
        bool unqualified = f == 1 || f == 8 || f == 9 || f == 0xa;
        ck_assert_int_eq(vtd_fault_qualified((enum vtd_fault)f), !unqualified);
    }
}
END_TEST

/* ---- section 4.3 ---- */

#define PAGE_ VTD_NEED_IOTLB_PAGE
#define DEEP  VTD_NEED_IOTLB_NONLEAF
#define TLB   VTD_NEED_DEVICE_TLB

static const struct {
    uint64_t was, is;
    unsigned level;
    unsigned cm0, cm1;
} ss_rows[] = {
    { 0, 0x5003, 1, 0, PAGE_ },                        /* leaf appears */
    { 0x5003, 0, 1, PAGE_ | TLB, PAGE_ | TLB },        /* leaf goes */
    { 0x5003, 0x5001, 1, PAGE_ | TLB, PAGE_ | TLB },   /* permission reduced */
    { 0x5001, 0x5003, 1, 0, PAGE_ },                   /* permission raised */
    { 0x5001, 0x5002, 1, PAGE_ | TLB, PAGE_ | TLB },   /* one for the other */
    { 0x5003, 0x6003, 1, PAGE_ | TLB, PAGE_ | TLB },   /* target changed */
    { 0x5003, 0x5003, 1, 0, 0 },                       /* the same */
    { 0x5003, 0x5403 | UINT64_C(1) << 52, 1, 0, 0 },   /* ignored bits */
    { 0x7000, 0x5000, 1, 0, 0 },                       /* absent, other junk */
    { 0, 0x200083, 2, 0, PAGE_ },                      /* superpage appears */
    { 0x200083, 0, 2, PAGE_ | TLB, PAGE_ | TLB },      /* superpage goes */
    { 0x9003, 0, 2, DEEP | TLB, DEEP | TLB },          /* table goes */
    { 0x9003, 0xa003, 2, DEEP | TLB, DEEP | TLB },     /* table replaced */
    { 0, 0x9003, 2, 0, DEEP },                         /* table appears */
    { 0x9003, 0x9001, 3, DEEP | TLB, DEEP | TLB },     /* table's permission reduced */
    { 0x9001, 0x9003, 3, 0, DEEP },                    /* and raised */
    { 0x200083, 0x9003, 2, DEEP | TLB, DEEP | TLB },   /* split */
    { 0x9003, 0x200083, 2, DEEP | TLB, DEEP | TLB },   /* merge */
    { 0x200083, 0x200003, 2, DEEP | TLB, DEEP | TLB }, /* same address, other kind */
};

START_TEST(required_by_second_stage_change)
{
    for (size_t i = 0; i < sizeof(ss_rows) / sizeof(ss_rows[0]); i++) {
        ck_assert_msg(vtd_required_ss(ss_rows[i].was, ss_rows[i].is, ss_rows[i].level,
                                      false) == ss_rows[i].cm0,
                      "row %zu, caching mode off", i);
        ck_assert_msg(vtd_required_ss(ss_rows[i].was, ss_rows[i].is, ss_rows[i].level,
                                      true) == ss_rows[i].cm1,
                      "row %zu, caching mode on", i);
    }
}
END_TEST

START_TEST(required_by_context_change)
{
    const struct vtd_pair none = { 0, 0 }, a = { 0x5001, 0x102 }, b = { 0x6001, 0x102 };
    const struct vtd_pair other_did = { 0x5001, 0x202 }, fpd = { 0x5003, 0x17a };
    const unsigned gone = VTD_NEED_CONTEXT_DEVICE | VTD_NEED_IOTLB_DOMAIN | TLB;

    for (int cm = 0; cm < 2; cm++) {
        ck_assert_uint_eq(vtd_required_context(a, none, cm), gone);
        ck_assert_uint_eq(vtd_required_context(a, b, cm), gone);
        ck_assert_uint_eq(vtd_required_context(a, other_did, cm), gone);
        ck_assert_uint_eq(vtd_required_context(a, fpd, cm), VTD_NEED_NONE);
        ck_assert_uint_eq(vtd_required_context(none, none, cm), VTD_NEED_NONE);
    }
    ck_assert_uint_eq(vtd_required_context(none, a, false), VTD_NEED_NONE);
    ck_assert_uint_eq(vtd_required_context(none, a, true), VTD_NEED_CONTEXT_ABSENT);
}
END_TEST

START_TEST(required_by_root_change)
{
    const struct vtd_pair none = { 0, 0 }, a = { 0x5001, 0 }, b = { 0x6001, 0 };
    const unsigned all = VTD_NEED_CONTEXT_GLOBAL | VTD_NEED_IOTLB_GLOBAL | TLB;

    for (int cm = 0; cm < 2; cm++) {
        ck_assert_uint_eq(vtd_required_root(a, none, cm), all);
        ck_assert_uint_eq(vtd_required_root(a, b, cm), all);
        ck_assert_uint_eq(vtd_required_root(a, a, cm), VTD_NEED_NONE);
    }
    ck_assert_uint_eq(vtd_required_root(none, a, false), VTD_NEED_NONE);
    ck_assert_uint_eq(vtd_required_root(none, a, true), VTD_NEED_CONTEXT_GLOBAL);
    ck_assert_uint_eq(vtd_required_srtp(false), all);
    ck_assert_uint_eq(vtd_required_srtp(true), all | VTD_NEED_PASID_GLOBAL);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_fmt");
    TCase *tc = tcase_create("bits");

    tcase_add_test(tc, reserved_masks_of_second_stage_entries_at_39_bits);
    tcase_add_test(tc, reserved_masks_of_second_stage_entries_at_48_bits);
    tcase_add_test(tc, snoop_bit_is_legal_in_leaves_only_with_snoop_control);
    tcase_add_test(tc, page_size_bit_is_reserved_where_that_superpage_is_not_supported);
    tcase_add_test(tc, indices_and_spans_of_levels);
    tcase_add_test(tc, leaf_is_level_1_or_page_size_at_levels_2_and_3);
    tcase_add_test(tc, entry_fields);
    tcase_add_test(tc, leaf_over_interrupt_range);
    tcase_add_test(tc, context_entry_of_four_levels);
    tcase_add_test(tc, address_width_codes);
    tcase_add_test(tc, table_addresses_of_a_source_id);
    tcase_add_test(tc, descriptors);
    tcase_add_test(tc, device_tlb_descriptor_encodes_its_size_in_the_address);
    tcase_add_test(tc, descriptor_type_has_seven_bits);
    tcase_add_test(tc, queue_size_follows_iqa);
    tcase_add_test(tc, unqualified_faults_are_1_8_9_and_a);
    tcase_add_test(tc, required_by_second_stage_change);
    tcase_add_test(tc, required_by_context_change);
    tcase_add_test(tc, required_by_root_change);
    suite_add_tcase(s, tc);
    return s;
}
