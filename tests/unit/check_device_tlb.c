/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Device TLBs: what they hold is lawful until a device-TLB invalidation covers it that
 * came after the IOMMU's own caches were invalidated.
 */
#include <check.h>

#include "check/internal.h"
#include "support_check.h"
#include "support_main.h"

#define FS (VTD_FS_P | VTD_FS_RW | VTD_FS_US)

static struct subscriber *atc;

static void
setup(void)
{
    rig_begin();
    rig_scalable(false);
    atc = rig_atc(IOMMU_NO_PASID, "dev/ats");
}

static void
teardown(void)
{
    rig_end();
}

/* The bottom second-stage table's entry for 0x4000. */
static void
second_leaf(uint64_t entry)
{
    rig_word(TABLES + 0x3000 + 8 * 4, entry);
}

/* The unit drops what it has and says so. */
static void
iotlb_page(void)
{
    rig_submit(vtd_desc_iotlb(VTD_GRAN_FINE, 5, 0x4000, 0, true));
    rig_ring();
}

static void
told(struct subscriber *s, uint64_t first, uint64_t last, bool has_pasid, uint32_t pasid)
{
    const struct notify_event ev = { .type = NOTIFY_DEVIOTLB_UNMAP,
                                     .has_pasid = has_pasid,
                                     .pasid = pasid,
                                     .iova = first,
                                     .mask = last - first };

    notify_all(s->bindings->notifier.region, 0, &ev);
}

/* A device-TLB invalidation that reaches the devices, or gets lost in the unit. */
static void
device_tlb(uint64_t first, uint64_t last, bool lost)
{
    if (!lost) {
        told(atc, first, last, false, 0);
    }
    rig_invalidated(&(struct invalidation){
        .kind = INVAL_DEV_IOTLB, .sid = SID, .first = first, .last = last });
    rig_completed();
}

START_TEST(what_a_device_tlb_holds_is_lawful_until_it_is_invalidated)
{
    second_leaf(0x80003);
    ck_assert(rig_atc_access(atc, 0x4000, PERM_R));
    second_leaf(0);
    iotlb_page();
    ck_assert(recordset_empty(&rig.device->view->records));
    ck_assert(rig_atc_access(atc, 0x4000, PERM_R)); /* from the device TLB */
    check_all(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    device_tlb(0x4000, 0x4fff, false);
    ck_assert(recordset_empty(&rig.device->tlb));
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
}
END_TEST

START_TEST(a_device_tlb_never_invalidated_is_the_guests)
{
    second_leaf(0x80003);
    rig_atc_access(atc, 0x4000, PERM_R);
    rig_step(9);
    second_leaf(0);
    rig_step(10);
    iotlb_page();
    device_tlb(0x5000, 0x5fff, false); /* not there */
    check_end(rig.check);
    rig_expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x4000, 0x4fff);
    ck_assert_uint_eq(rig.seen[0].origin.line, 9);
}
END_TEST

START_TEST(a_guest_that_invalidates_nothing_is_charged_once)
{
    second_leaf(0x80003);
    rig_atc_access(atc, 0x4000, PERM_R);
    second_leaf(0);
    check_end(rig.check);
    rig_expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x4000, 0x4fff);
}
END_TEST

START_TEST(reuse_before_the_device_tlb_is_invalidated_is_the_guests)
{
    second_leaf(0x80003);
    rig_atc_access(atc, 0x4000, PERM_R);
    second_leaf(0);
    iotlb_page();
    ck_assert_uint_eq(rig.n, 0);
    second_leaf(0x90003);
    rig_expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x4000, 0x4fff);
}
END_TEST

/* Refilled from the IOTLB, which still had it. */
START_TEST(S110_a_device_tlb_invalidated_too_early_may_be_stale)
{
    second_leaf(0x80003);
    rig_atc_access(atc, 0x4000, PERM_R);
    rig_step(9);
    second_leaf(0);
    device_tlb(0x4000, 0x4fff, false);
    ck_assert(rig_atc_access(atc, 0x4000, PERM_R));
    ck_assert_uint_eq(rig.n, 0);
    iotlb_page();
    rig_expect_one(VIOLATION_STALE_MAPPING, BLAME_GUEST, 0x4000, 0x4fff);
    ck_assert_uint_eq(rig.seen[0].origin.line, 9);
    ck_assert(rig_atc_access(atc, 0x4000, PERM_R));
    ck_assert_uint_eq(rig.n, 2);
    ck_assert_int_eq(rig.seen[1].class, VIOLATION_DMA_BREACH);
    ck_assert_int_eq(rig.seen[1].blame, BLAME_GUEST);
}
END_TEST

START_TEST(a_device_tlb_invalidated_too_early_and_not_refilled_is_right)
{
    second_leaf(0x80003);
    rig_atc_access(atc, 0x4000, PERM_R);
    second_leaf(0);
    device_tlb(0x4000, 0x4fff, false);
    iotlb_page();
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
}
END_TEST

START_TEST(a_device_tlb_that_is_not_told_is_stale_by_the_iommus_fault)
{
    second_leaf(0x80003);
    rig_atc_access(atc, 0x4000, PERM_R);
    second_leaf(0x90003);
    iotlb_page();
    device_tlb(0x4000, 0x4fff, true);
    rig_expect_one(VIOLATION_WRONG_TARGET, BLAME_IOMMU, 0x4000, 0x4fff);
}
END_TEST

START_TEST(other_caches_of_the_device_do_not_wait_for_its_device_tlb)
{
    struct subscriber *vhost = rig_subscribe("vhost", "dev/vhost", false);

    second_leaf(0x80003);
    second_leaf(0);
    iotlb_page();
    ck_assert(!recordset_empty(&rig.device->tlb));
    rig_access(vhost, 0x4000, PERM_R, true, 0x80000);
    ck_assert_uint_eq(rig.n, 1);
    ck_assert_int_eq(rig.seen[0].class, VIOLATION_DMA_BREACH);
}
END_TEST

START_TEST(without_ats_no_device_tlb_need_be_invalidated)
{
    rig_word(CONTEXTS + 32 * SID, DIRECTORY | VTD_SM_CTX_P | VTD_SM_CTX_PASIDE);
    rig_invalidated(&(struct invalidation){ INVAL_CONTEXT, INVAL_GLOBAL, .did = 0 });
    rig_completed();
    second_leaf(0x80003);
    ck_assert(
        !rig_atc_access(atc, 0x4000, PERM_R)); /* translation requests are blocked */
    second_leaf(0);
    iotlb_page();
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
}
END_TEST

START_TEST(device_tlbs_of_pasids_are_told_apart)
{
    struct subscriber *one = rig_atc(1, "dev/ats1");
    const struct truth_device *d = check_pasid(rig.device, 1);

    rig_first_leaf(0x4000, 0x90000 | FS);
    ck_assert(rig_atc_access(one, 0x4000, PERM_R));
    rig_first_leaf(0x4000, 0);
    rig_invalidated(&(struct invalidation){ INVAL_PASID_IOTLB, INVAL_PASID, .did = 6,
                                            .has_pasid = true, .pasid = 1 });
    rig_completed();
    device_tlb(0x4000, 0x4fff, false); /* of requests without PASID */
    told(one, 0x4000, 0x4fff, true, 2);
    rig_invalidated(&(struct invalidation){ .kind = INVAL_DEV_IOTLB,
                                            .sid = SID,
                                            .has_pasid = true,
                                            .pasid = 2,
                                            .first = 0x4000,
                                            .last = 0x4fff });
    rig_completed();
    ck_assert(!recordset_empty(&d->tlb));
    ck_assert_uint_eq(rig.n, 0);
    told(one, 0, UINT64_MAX, true, NOTIFY_EVERY_PASID);
    rig_invalidated(&(struct invalidation){ .kind = INVAL_DEV_IOTLB,
                                            .sid = SID,
                                            .has_pasid = true,
                                            .pasid = NOTIFY_EVERY_PASID,
                                            .first = 0,
                                            .last = UINT64_MAX });
    rig_completed();
    ck_assert(recordset_empty(&d->tlb));
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/device_tlb");
    TCase *tc = tcase_create("device_tlb");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, what_a_device_tlb_holds_is_lawful_until_it_is_invalidated);
    tcase_add_test(tc, a_device_tlb_never_invalidated_is_the_guests);
    tcase_add_test(tc, a_guest_that_invalidates_nothing_is_charged_once);
    tcase_add_test(tc, reuse_before_the_device_tlb_is_invalidated_is_the_guests);
    tcase_add_test(tc, S110_a_device_tlb_invalidated_too_early_may_be_stale);
    tcase_add_test(tc, a_device_tlb_invalidated_too_early_and_not_refilled_is_right);
    tcase_add_test(tc, a_device_tlb_that_is_not_told_is_stale_by_the_iommus_fault);
    tcase_add_test(tc, other_caches_of_the_device_do_not_wait_for_its_device_tlb);
    tcase_add_test(tc, without_ats_no_device_tlb_need_be_invalidated);
    tcase_add_test(tc, device_tlbs_of_pasids_are_told_apart);
    suite_add_tcase(s, tc);
    return s;
}
