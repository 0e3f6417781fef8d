/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When records close, and what is compared and reported then. */
#include <check.h>

#include "support_check.h"
#include "support_main.h"

static void
vtd_with_mirror(void)
{
    rig_begin();
    rig_vtd(true);
    rig_subscribe("vfio", "dev/vfio", true);
}

static void
run_queue(void)
{
    rig_mmio(VTD_IQT, 8, rig.tail);
}

START_TEST(V39_nothing_closes_before_the_wait)
{
    vtd_with_mirror();
    rig_leaf(0x4000, 0x80003);
    rig_flush_page(0x4000);
    rig_leaf(0x4000, 0);
    rig_submit(vtd_desc_iotlb(VTD_GRAN_FINE, 5, 0x4000, 0, true));
    run_queue();
    rig_access(NULL, 0x4000, PERM_R, true, 0x80000); /* still lawful */
    ck_assert_uint_eq(rig.n, 0);
    rig_ring();
    rig_access(NULL, 0x4000, PERM_R, true, 0x80000);
    rig_expect_one(VIOLATION_DMA_BREACH, BLAME_IOMMU, 0x4000, 0x4007);
    rig_end();
}
END_TEST

START_TEST(an_invalidation_before_the_change_closes_nothing)
{
    vtd_with_mirror();
    rig_leaf(0x4000, 0x80003);
    rig_flush_page(0x4000);
    rig_submit(vtd_desc_iotlb(VTD_GRAN_FINE, 5, 0x4000, 0, true));
    run_queue();
    rig_leaf(0x4000, 0);
    rig_ring();
    check_end(rig.check);
    rig_expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x4000, 0x4fff);
    rig_end();
}
END_TEST

START_TEST(ranges_that_close_one_by_one_make_one_line)
{
    rig_begin();
    rig_quirk(QUIRK_SUB_DROP_UNMAP);
    rig_vtd(true);
    rig_subscribe("vfio", "dev/vfio", true);
    for (uint64_t at = 0x4000; at < 0x7000; at += 0x1000) {
        rig_leaf(at, 0x80003 + at);
        rig_flush_page(at);
    }
    for (uint64_t at = 0x4000; at < 0x7000; at += 0x1000) {
        rig_leaf(at, 0);
        rig_submit(vtd_desc_iotlb(VTD_GRAN_FINE, 5, at, 0, true));
        run_queue(); /* executed one by one, complete together */
    }
    rig_ring();
    rig_expect_one(VIOLATION_STALE_MAPPING, BLAME_SUBSCRIBER, 0x4000, 0x6fff);
    rig_end();
}
END_TEST

START_TEST(reuse_accuses_the_reused_page_alone)
{
    vtd_with_mirror();
    rig_leaf(0x4000, 0x80003);
    rig_leaf(0x5000, 0x81003);
    rig_submit(vtd_desc_iotlb(VTD_GRAN_DOMAIN, 5, 0, 0, false));
    rig_ring();
    rig_leaf(0x4000, 0);
    rig_leaf(0x5000, 0);
    rig_leaf(0x5000, 0x90003);
    rig_expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x5000, 0x5fff);
    check_end(rig.check); /* the other one is left; this one was said */
    ck_assert_uint_eq(rig.n, 2);
    ck_assert_uint_eq(rig.seen[1].first, 0x4000);
    ck_assert_uint_eq(rig.seen[1].last, 0x4fff);
    rig_end();
}
END_TEST

START_TEST(reuse_is_reported_anew_once_it_was_right)
{
    vtd_with_mirror();
    for (unsigned i = 1; i <= 2; i++) {
        rig_leaf(0x4000, 0x80003);
        rig_flush_page(0x4000);
        rig_leaf(0x4000, 0);
        rig_leaf(0x4000, 0x90003);
        check_say(rig.check);
        ck_assert_uint_eq(rig.n, i);
        rig_leaf(0x4000, 0);
        rig_flush_page(0x4000);
    }
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 2);
    rig_end();
}
END_TEST

/* Pages 0x4000 to 0x7fff are taken away by one step and stored anew one by one. */
static void
reuse_four_pages(void)
{
    vtd_with_mirror();
    for (uint64_t at = 0x4000; at < 0x8000; at += 0x1000) {
        rig_leaf(at, 0x80003 + at);
        rig_flush_page(at);
    }
    for (uint64_t at = 0x4000; at < 0x8000; at += 0x1000) {
        rig_leaf(at, 0);
    }
}

START_TEST(pages_reused_one_by_one_make_one_line)
{
    reuse_four_pages();
    for (uint64_t at = 0x4000; at < 0x8000; at += 0x1000) {
        rig_leaf(at, 0x90003 + at);
        ck_assert_uint_eq(rig.n, 0); /* the next store may go on with it */
    }
    rig_step(31);
    rig_expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x4000, 0x7fff);
    rig_end();
}
END_TEST

START_TEST(reuse_with_a_gap_makes_two_lines)
{
    reuse_four_pages();
    rig_leaf(0x4000, 0x94003);
    rig_leaf(0x5000, 0x95003);
    rig_leaf(0x7000, 0x97003);
    check_say(rig.check);
    ck_assert_uint_eq(rig.n, 2);
    ck_assert_uint_eq(rig.seen[0].last, 0x5fff);
    ck_assert_uint_eq(rig.seen[1].first, 0x7000);
    ck_assert_uint_eq(rig.seen[1].last, 0x7fff);
    rig_end();
}
END_TEST

/* What comes after the line must not come before it: i is what comes. */
START_TEST(reuse_is_said_before_what_follows)
{
    reuse_four_pages();
    rig_leaf(0x4000, 0x94003);
    switch (_i) {
    case 0:
        rig_step(31); /* of which the next page is reused */
        break;
    case 1:
        rig_submit(vtd_desc_iotlb(VTD_GRAN_FINE, 5, 0x9000, 0, true));
        run_queue();
        break;
    case 2:
        rig_access(NULL, 0xa000, PERM_R, true, 0x70000);
        ck_assert_uint_eq(rig.seen[1].class, VIOLATION_DMA_BREACH);
        rig.n--;
        break;
    }
    ck_assert_uint_eq(rig.n, 1);
    ck_assert_uint_eq(rig.seen[0].class, VIOLATION_GUEST_MISSING_INVALIDATION);
    rig_leaf(0x5000, 0x95003);
    check_say(rig.check);
    const struct seen *s = &rig.seen[rig.n - 1];
    ck_assert_uint_eq(s->first, 0x5000);
    ck_assert_uint_eq(s->last, 0x5fff);
    rig_end();
}
END_TEST

START_TEST(an_entry_of_two_words_changes_in_one)
{
    vtd_with_mirror();
    rig_leaf(0x4000, 0x80003);
    rig_flush_page(0x4000);
    rig_step(30);
    rig_word(CONTEXTS + 16 * SID + 8, vtd_ctx_hi(1, 6)); /* domain, then table */
    rig_word(CONTEXTS + 16 * SID, vtd_ctx_lo(VTD_TT_TRANSLATE, 0x1020000));
    rig_step(31);
    rig_submit(vtd_desc_context(VTD_GRAN_FINE, 5, SID, 0)); /* the old one's, as due */
    rig_submit(vtd_desc_iotlb(VTD_GRAN_DOMAIN, 5, 0, 0, false));
    rig_ring();
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

START_TEST(a_context_entry_reused_before_its_flush_is_reported_at_once)
{
    vtd_with_mirror();
    rig_leaf(0x4000, 0x80003);
    rig_flush_page(0x4000);
    rig_word(CONTEXTS + 16 * SID, 0);
    ck_assert_uint_eq(rig.n, 0);
    rig_word(CONTEXTS + 16 * SID, vtd_ctx_lo(VTD_TT_TRANSLATE, TABLES));
    rig_expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x4000, 0x4fff);
    rig_end();
}
END_TEST

START_TEST(records_end_with_translation_and_charge_nobody)
{
    struct exposure_stats x;

    rig_begin();
    rig_vtd(false);
    rig_leaf(0x4000, 0x80003);
    rig_leaf(0x4000, 0);
    rig_mmio(VTD_GCMD, 4, VTD_GCMD_QIE);
    check_exposure(rig.check, &x);
    ck_assert_uint_eq(x.count, 1);
    ck_assert_uint_eq(x.bytes, 4096);
    rig_mmio(VTD_GCMD, 4, VTD_GCMD_QIE | VTD_GCMD_TE);
    rig_leaf(0x4000, 0x90003);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

/* The first device's domain is given to another before it was invalidated. */
START_TEST(a_did_used_again_too_early_is_the_guests)
{
    const uint16_t other_sid = 0x20;

    rig_begin();
    rig_vtd(false);
    struct truth_device *other =
        check_add_device(rig.check, rig.iommu, "other", other_sid);
    rig_leaf(0x4000, 0x80003);
    rig_word(CONTEXTS + 16 * SID, 0);
    rig_word(CONTEXTS + 16 * other_sid + 8, vtd_ctx_hi(1, 5));
    rig_word(CONTEXTS + 16 * other_sid, vtd_ctx_lo(VTD_TT_TRANSLATE, 0x1100000));
    struct check_dma a = { .device = other,
                           .pasid = IOMMU_NO_PASID,
                           .iova = 0x4000,
                           .len = 8,
                           .access = PERM_R,
                           .ok = true,
                           .gpa = _i == 0 ? 0x80000 : 0x90000 };
    check_dma(rig.check, &a);
    rig_expect_one(VIOLATION_DMA_BREACH, _i == 0 ? BLAME_GUEST : BLAME_IOMMU, 0x4000,
                   0x4007);
    check_remove_device(other);
    rig_end();
}
END_TEST

/* The level-2 entry of rig_vtd's tables, which leads to the bottom one. */
static void
directory_entry(uint64_t entry)
{
    rig_word(TABLES + 0x1000, entry);
}

/* _i: 0 nothing is flushed; 1 as if it were a leaf; 2 a page, with the way to it. */
START_TEST(a_table_unlinked_unflushed_is_the_guests_even_if_it_was_empty)
{
    rig_begin();
    rig_vtd(false);
    directory_entry(0);
    if (_i != 0) {
        rig_submit(vtd_desc_iotlb(VTD_GRAN_FINE, 5, 0x9000, 0, _i == 1));
        rig_ring();
    }
    rig_word(TABLES + 0x3000 + 8 * 5, 0x90003);
    directory_entry((TABLES + 0x3000) | 3);
    rig_access(NULL, 0x5000, PERM_R, false, 0); /* the unit went by the old table */
    rig_expect_one(VIOLATION_DMA_LOST, _i == 2 ? BLAME_IOMMU : BLAME_GUEST, 0x5000,
                   0x5007);
    rig_end();
}
END_TEST

/* A second-stage entry of PASID 1 with the DID of PASID 0; _i: the same table, or not. */
START_TEST(two_tables_under_one_did_are_the_guests)
{
    const uint64_t at = PASIDS + VTD_PASID_ENTRY_BYTES;

    rig_begin();
    rig_scalable(false);
    rig_word(at, 0);
    rig_word(at + 8, VTD_PASID_DID(5));
    rig_word(at, (_i == 0 ? TABLES : FIRST) | VTD_PASID_AW(2) |
                     VTD_PASID_PGTT(VTD_PGTT_SECOND) | VTD_PASID_P);
    check_pasid(rig.device, 1);
    rig_submit((struct vtd_pair){ .lo = VTD_DESC_PASID_CACHE | 3 << 4 });
    rig_submit(vtd_desc_iotlb(VTD_GRAN_GLOBAL, 0, 0, 0, false));
    rig_ring();
    rig_word(TABLES + 0x3000 + 8 * 4, 0x80003);
    rig_access(NULL, 0x4000, PERM_R, true, 0x70000);
    rig_expect_one(VIOLATION_DMA_BREACH, _i == 0 ? BLAME_IOMMU : BLAME_GUEST, 0x4000,
                   0x4007);
    rig_end();
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/close");
    TCase *tc = tcase_create("close");

    tcase_add_test(tc, V39_nothing_closes_before_the_wait);
    tcase_add_test(tc, an_invalidation_before_the_change_closes_nothing);
    tcase_add_test(tc, ranges_that_close_one_by_one_make_one_line);
    tcase_add_test(tc, reuse_accuses_the_reused_page_alone);
    tcase_add_test(tc, reuse_is_reported_anew_once_it_was_right);
    tcase_add_test(tc, pages_reused_one_by_one_make_one_line);
    tcase_add_test(tc, reuse_with_a_gap_makes_two_lines);
    tcase_add_loop_test(tc, reuse_is_said_before_what_follows, 0, 3);
    tcase_add_test(tc, an_entry_of_two_words_changes_in_one);
    tcase_add_test(tc, a_context_entry_reused_before_its_flush_is_reported_at_once);
    tcase_add_test(tc, records_end_with_translation_and_charge_nobody);
    tcase_add_loop_test(tc, a_did_used_again_too_early_is_the_guests, 0, 2);
    tcase_add_loop_test(tc, a_table_unlinked_unflushed_is_the_guests_even_if_it_was_empty,
                        0, 3);
    tcase_add_loop_test(tc, two_tables_under_one_did_are_the_guests, 0, 2);
    suite_add_tcase(s, tc);
    return s;
}
