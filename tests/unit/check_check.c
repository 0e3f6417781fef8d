/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verdicts on real models and subscribers: each class and blame that these parts can
 * produce, beside a twin that must stay silent.
 */
#include <check.h>

#include "support_check.h"
#include "support_main.h"

START_TEST(N13_a_mirror_that_is_told_everything_is_right)
{
    rig_begin();
    rig_papr();
    rig_subscribe("vfio", "dev/vfio", true);
    rig_put(0x1000, 0x20003);
    rig_put(0x2000, 0x30001);
    rig_put(0x1000, 0x40003);
    rig_put(0x2000, 0);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

START_TEST(P12_lone_map_leaves_the_old_target_and_the_iommu_is_to_blame)
{
    rig_begin();
    rig_quirk(QUIRK_PAPR_LONE_MAP);
    rig_papr();
    rig_subscribe("vfio", "dev/vfio", true);
    rig_step(10);
    rig_put(0x5000, 0x300003);
    rig_step(11);
    rig_put(0x5000, 0x301003);
    rig_expect_one(VIOLATION_WRONG_TARGET, BLAME_IOMMU, 0x5000, 0x5fff);
    ck_assert_str_eq(rig.seen[0].have, "0x300000:rw");
    ck_assert_str_eq(rig.seen[0].want, "0x301000:rw");
    ck_assert_str_eq(rig.seen[0].hint, "misordered-change");
    ck_assert_uint_eq(rig.seen[0].origin.line, 11);
    check_all(rig.check); /* still wrong: not repeated */
    ck_assert_uint_eq(rig.n, 1);
    rig_put(0x5000, 0); /* right again */
    rig_put(0x5000, 0x300003);
    rig_put(0x5000, 0x302003); /* and wrong anew */
    ck_assert_uint_eq(rig.n, 2);
    rig_end();
}
END_TEST

START_TEST(N15_the_same_change_as_unmap_and_map_is_silent)
{
    rig_begin();
    rig_papr();
    rig_subscribe("vfio", "dev/vfio", true);
    rig_put(0x5000, 0x300003);
    rig_put(0x5000, 0x301003);
    rig_put(0x5000, 0x301001);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

START_TEST(a_subscriber_that_drops_unmaps_is_to_blame_itself)
{
    rig_begin();
    rig_quirk(QUIRK_SUB_DROP_UNMAP);
    rig_papr();
    rig_subscribe("vfio", "dev/vfio", true);
    rig_put(0x1000, 0x20003);
    rig_put(0x1000, 0);
    rig_expect_one(VIOLATION_STALE_MAPPING, BLAME_SUBSCRIBER, 0x1000, 0x1fff);
    rig_end();
}
END_TEST

START_TEST(P31_a_core_without_replay_is_to_blame_for_what_a_newcomer_lacks)
{
    rig_begin();
    rig_quirk(QUIRK_CORE_NO_REPLAY);
    rig_papr();
    rig_put(0x1000, 0x20003);
    rig_put(0x2000, 0x21003);
    rig_put(0x5000, 0x20003);
    rig_put(0x2000, 0);
    rig_subscribe("vfio", "dev/vfio", true);
    check_all(rig.check);
    ck_assert_uint_eq(rig.n, 2); /* 0x1000 and 0x5000 */
    ck_assert_int_eq(rig.seen[0].class, VIOLATION_MISSING_MAPPING);
    ck_assert_int_eq(rig.seen[0].blame, BLAME_CORE);
    ck_assert_int_eq(rig.seen[1].blame, BLAME_CORE);
    ck_assert_uint_eq(rig.seen[1].first, 0x5000);
    rig_end();
}
END_TEST

START_TEST(a_subscriber_that_asks_for_no_replay_is_to_blame_itself)
{
    rig_begin();
    rig_papr();
    rig_put(0x1000, 0x20003);
    rig_put(0x2000, 0x30003);
    rig_subscribe("vfio", "dev/vfio", false);
    rig_put(0x2000, 0); /* that one is settled by the unmap */
    check_all(rig.check);
    rig_expect_one(VIOLATION_MISSING_MAPPING, BLAME_SUBSCRIBER, 0x1000, 0x1fff);
    rig_end();
}
END_TEST

START_TEST(N19_replay_makes_the_newcomer_right)
{
    rig_begin();
    rig_papr();
    rig_put(0x1000, 0x20003);
    rig_put(0xffff000, 0x30002);
    rig_subscribe("vfio", "dev/vfio", true);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

START_TEST(adjacent_pages_make_one_verdict)
{
    rig_begin();
    rig_quirk(QUIRK_SUB_DROP_UNMAP);
    rig_papr();
    rig_subscribe("vfio", "dev/vfio", true);
    for (uint64_t i = 0; i < 8; i++) {
        rig_put(0x10000 + i * 0x1000, 0x100003 + i * 0x1000);
    }
    struct hcall h = {
        .op = HCALL_STUFF_TCE, .liobn = LIOBN, .ioba = 0x10000, .npages = 8
    };
    iommu_hcall(&rig.iommu, 1, &h);
    iommu_hcall_return(&h);
    rig_expect_one(VIOLATION_STALE_MAPPING, BLAME_SUBSCRIBER, 0x10000, 0x17fff);
    rig_end();
}
END_TEST

START_TEST(S31_what_the_host_cannot_map_is_missing_and_explained)
{
    rig_begin();
    rig_quirk(QUIRK_PAPR_PER_ENTRY); /* takes a page number outside RAM */
    rig_papr();
    rig_subscribe("vfio", "dev/vfio", true);
    ck_assert_int_eq(rig_put(0x1000, 0x40000003), PAPR_H_SUCCESS);
    rig_expect_one(VIOLATION_MISSING_MAPPING, BLAME_SUBSCRIBER, 0x1000, 0x1fff);
    ck_assert_str_eq(rig.seen[0].hint, "unrepresentable");
    rig_end();
}
END_TEST

START_TEST(an_observer_is_judged_by_events_alone)
{
    rig_begin();
    rig_quirk(QUIRK_PAPR_LONE_MAP);
    rig_papr();
    rig_subscribe("observer", "dev/observer", true);
    rig_put(0x1000, 0x20003);
    rig_put(0x1000, 0x20003);
    rig_expect_one(VIOLATION_DUPLICATE_MAP, BLAME_IOMMU, 0x1000, 0x1fff);
    rig_put(0x1000, 0x30003);
    ck_assert_uint_eq(rig.n, 2);
    ck_assert_int_eq(rig.seen[1].class, VIOLATION_MISORDERED_CHANGE);
    rig_end();
}
END_TEST

START_TEST(a_write_only_page_held_as_rw_is_right_unless_told_to_be_strict)
{
    rig_begin();
    rig_papr();
    struct subscriber *s = rig_subscribe("vfio", "dev/vfio", true);
    rig_put(0x1000, 0x20002);
    check_all(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    rig_put(0x1000, 0);
    s->config.strict_permissions = true;
    rig_put(0x1000, 0x20002);
    rig_expect_one(VIOLATION_EXCESS_PERMISSION, BLAME_SUBSCRIBER, 0x1000, 0x1fff);
    rig_end();
}
END_TEST

START_TEST(accesses_are_held_against_the_tables)
{
    rig_begin();
    rig_papr();
    rig_put(0x1000, 0x20001);
    rig_access(NULL, 0x1008, PERM_R, true, 0x20008);
    rig_access(NULL, 0x1008, PERM_W, false, 0);
    rig_access(NULL, 0x2000, PERM_R, false, 0);
    ck_assert_uint_eq(rig.n, 0);
    rig_access(NULL, 0x1010, PERM_R, false, 0);
    rig_expect_one(VIOLATION_DMA_LOST, BLAME_IOMMU, 0x1010, 0x1017);
    rig_access(NULL, 0x1010, PERM_R, true, 0x20010); /* right again */
    rig_access(NULL, 0x1010, PERM_W, true, 0x20010);
    ck_assert_uint_eq(rig.n, 2);
    ck_assert_int_eq(rig.seen[1].class, VIOLATION_DMA_BREACH);
    rig_access(NULL, 0x2000, PERM_R, true, 0x999000);
    ck_assert_uint_eq(rig.n, 3);
    ck_assert_str_eq(rig.seen[2].want, "none");
    rig_end();
}
END_TEST

/* ---- VT-d ---- */

START_TEST(an_unmap_without_its_invalidation_is_the_guests_fault_at_the_end)
{
    rig_begin();
    rig_vtd(true);
    rig_subscribe("vfio", "dev/vfio", true);
    rig_step(20);
    rig_leaf(0x4000, 0x80003);
    rig_flush_page(0x4000);
    rig_step(21);
    rig_leaf(0x4000, 0);
    check_all(rig.check);
    ck_assert_uint_eq(rig.n, 0); /* open records are lawful */
    check_end(rig.check);
    rig_expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x4000, 0x4fff);
    ck_assert_str_eq(rig.seen[0].subject, "dev");
    ck_assert_uint_eq(rig.seen[0].origin.line, 21);
    rig_end();
}
END_TEST

START_TEST(V15_a_new_mapping_needs_its_invalidation_with_caching_mode)
{
    rig_begin();
    rig_vtd(true);
    rig_subscribe("vfio", "dev/vfio", true);
    rig_leaf(0x4000, 0x80003);
    check_all(rig.check); /* absent is allowed until then */
    ck_assert_uint_eq(rig.n, 0);
    rig_flush_page(0x4000);
    rig_leaf(0x5000, 0x90003);
    check_end(rig.check);
    rig_expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x5000, 0x5fff);
    rig_end();
}
END_TEST

START_TEST(V16_without_caching_mode_a_new_mapping_needs_none)
{
    rig_begin();
    rig_vtd(false);
    rig_leaf(0x4000, 0x80003);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

START_TEST(V39_reuse_before_the_flush_is_the_guests_fault_at_once)
{
    rig_begin();
    rig_vtd(false);
    rig_leaf(0x4000, 0x80003);
    rig_leaf(0x4000, 0);
    ck_assert_uint_eq(rig.n, 0);
    rig_leaf(0x4000, 0x90003);
    rig_expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x4000, 0x4fff);
    rig_flush_page(0x4000);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 1);
    rig_end();
}
END_TEST

START_TEST(V10_an_access_may_use_the_old_entry_until_the_invalidation_completes)
{
    struct exposure_stats x;

    rig_begin();
    rig_vtd(false);
    rig_leaf(0x4000, 0x80003);
    rig_leaf(0x4000, 0);
    rig_access(NULL, 0x4000, PERM_R, true, 0x80000);
    ck_assert_uint_eq(rig.n, 0);
    rig_flush_page(0x4000);
    rig_access(NULL, 0x4000, PERM_R, true, 0x80000);
    rig_expect_one(VIOLATION_DMA_BREACH, BLAME_IOMMU, 0x4000, 0x4007);
    check_exposure(rig.check, &x);
    ck_assert_uint_eq(x.count, 1);
    ck_assert_uint_eq(x.bytes, 4096);
    rig_end();
}
END_TEST

START_TEST(V11_a_flush_of_the_wrong_domain_completes_nothing)
{
    rig_begin();
    rig_vtd(true);
    rig_leaf(0x4000, 0x80003);
    rig_flush_page(0x4000);
    rig_leaf(0x4000, 0);
    rig_submit(vtd_desc_iotlb(VTD_GRAN_FINE, 6, 0x4000, 0, true));
    rig_ring();
    check_end(rig.check);
    rig_expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x4000, 0x4fff);
    rig_end();
}
END_TEST

START_TEST(V31_a_table_taken_away_is_one_change_of_all_below_it)
{
    rig_begin();
    rig_vtd(true);
    rig_subscribe("vfio", "dev/vfio", true);
    for (uint64_t i = 0; i < 4; i++) {
        rig_leaf(i * 0x1000, 0x80003 + i * 0x1000);
    }
    rig_submit(vtd_desc_iotlb(VTD_GRAN_FINE, 5, 0, 2, true));
    rig_ring();
    rig_word(TABLES + 0x1000, 0);
    rig_submit(vtd_desc_iotlb(VTD_GRAN_FINE, 5, 0, 2, true)); /* IH=1: not enough */
    rig_ring();
    check_end(rig.check);
    rig_expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0, 0x3fff);
    rig.n = 0;
    rig_submit(vtd_desc_iotlb(VTD_GRAN_FINE, 5, 0, 9, false));
    rig_ring();
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

START_TEST(V34_a_cleared_context_needs_more_than_a_domain_flush)
{
    rig_begin();
    rig_vtd(true);
    rig_subscribe("vfio", "dev/vfio", true);
    rig_leaf(0x4000, 0x80003);
    rig_flush_page(0x4000);
    rig_word(CONTEXTS + 16 * SID, 0);
    rig_submit(vtd_desc_iotlb(VTD_GRAN_DOMAIN, 5, 0, 0, false));
    rig_ring();
    check_all(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    check_end(rig.check);
    ck_assert_uint_ge(rig.n, 1);
    ck_assert_int_eq(rig.seen[0].class, VIOLATION_GUEST_MISSING_INVALIDATION);
    rig_end();
}
END_TEST

START_TEST(V33_a_cleared_context_with_its_invalidations_is_silent)
{
    rig_begin();
    rig_vtd(true);
    struct subscriber *s = rig_subscribe("vfio", "dev/vfio", true);
    struct range_piece p;
    rig_leaf(0x4000, 0x80003);
    rig_flush_page(0x4000);
    ck_assert(s->ops->lookup(s, 0x4000, &p));
    rig_word(CONTEXTS + 16 * SID, 0);
    rig_submit(vtd_desc_context(VTD_GRAN_FINE, 5, SID, 0));
    rig_ring();
    rig_submit(vtd_desc_iotlb(VTD_GRAN_DOMAIN, 5, 0, 0, false));
    rig_ring();
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    ck_assert(!s->ops->next(s, 0, &p));
    rig_end();
}
END_TEST

START_TEST(N26_a_mirror_without_caching_mode_starves)
{
    rig_begin();
    rig_quirk(QUIRK_VTD_MAP_WITHOUT_CM);
    rig_vtd(false);
    rig_subscribe("vfio", "dev/vfio", true);
    rig_leaf(0x4000, 0x80003);
    rig_expect_one(VIOLATION_MISSING_MAPPING, BLAME_IOMMU, 0x4000, 0x4fff);
    rig_end();
}
END_TEST

START_TEST(N27_bypass_is_held_against_ram_one_to_one)
{
    rig_begin();
    rig_vtd(true);
    struct subscriber *s = rig_subscribe("vfio", "dev/vfio", true);
    struct range_piece p;
    rig_leaf(0x4000, 0x80003);
    rig_flush_page(0x4000);
    rig_mmio(VTD_GCMD, 4, VTD_GCMD_QIE); /* translation off */
    ck_assert(s->ops->lookup(s, 0x4000, &p));
    ck_assert_uint_eq(p.target + (0x4000 - p.first), 0x4000);
    check_all(rig.check);
    rig_mmio(VTD_GCMD, 4, VTD_GCMD_QIE | VTD_GCMD_TE);
    ck_assert(s->ops->lookup(s, 0x4000, &p));
    ck_assert_uint_eq(p.target, 0x80000);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

START_TEST(stores_from_anywhere_into_a_table_are_seen)
{
    uint8_t bytes[3] = { 0x03, 0x00, 0x08 }; /* an entry written byte by byte */

    rig_begin();
    rig_vtd(true);
    mem_write(rig.env.mem, GPA(TABLES + 0x2000 + 8 * 4), bytes, 3);
    check_end(rig.check);
    rig_expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x4000, 0x4fff);
    rig_end();
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/check");
    TCase *tc = tcase_create("verdicts");

    tcase_add_test(tc, N13_a_mirror_that_is_told_everything_is_right);
    tcase_add_test(tc, P12_lone_map_leaves_the_old_target_and_the_iommu_is_to_blame);
    tcase_add_test(tc, N15_the_same_change_as_unmap_and_map_is_silent);
    tcase_add_test(tc, a_subscriber_that_drops_unmaps_is_to_blame_itself);
    tcase_add_test(tc, P31_a_core_without_replay_is_to_blame_for_what_a_newcomer_lacks);
    tcase_add_test(tc, a_subscriber_that_asks_for_no_replay_is_to_blame_itself);
    tcase_add_test(tc, N19_replay_makes_the_newcomer_right);
    tcase_add_test(tc, adjacent_pages_make_one_verdict);
    tcase_add_test(tc, S31_what_the_host_cannot_map_is_missing_and_explained);
    tcase_add_test(tc, an_observer_is_judged_by_events_alone);
    tcase_add_test(tc, a_write_only_page_held_as_rw_is_right_unless_told_to_be_strict);
    tcase_add_test(tc, accesses_are_held_against_the_tables);
    tcase_add_test(tc, an_unmap_without_its_invalidation_is_the_guests_fault_at_the_end);
    tcase_add_test(tc, V15_a_new_mapping_needs_its_invalidation_with_caching_mode);
    tcase_add_test(tc, V16_without_caching_mode_a_new_mapping_needs_none);
    tcase_add_test(tc, V39_reuse_before_the_flush_is_the_guests_fault_at_once);
    tcase_add_test(tc,
                   V10_an_access_may_use_the_old_entry_until_the_invalidation_completes);
    tcase_add_test(tc, V11_a_flush_of_the_wrong_domain_completes_nothing);
    tcase_add_test(tc, V31_a_table_taken_away_is_one_change_of_all_below_it);
    tcase_add_test(tc, V34_a_cleared_context_needs_more_than_a_domain_flush);
    tcase_add_test(tc, V33_a_cleared_context_with_its_invalidations_is_silent);
    tcase_add_test(tc, N26_a_mirror_without_caching_mode_starves);
    tcase_add_test(tc, N27_bypass_is_held_against_ram_one_to_one);
    tcase_add_test(tc, stores_from_anywhere_into_a_table_are_seen);
    suite_add_tcase(s, tc);
    return s;
}
