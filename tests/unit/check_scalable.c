/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verdicts in scalable mode: PASIDs, first stages, nesting. What the IOMMU did is told
 * to the checker directly, so that each invalidation is exactly what the test says.
 */
#include <check.h>

#include "check/internal.h"
#include "support_check.h"
#include "support_main.h"

#define FS (VTD_FS_P | VTD_FS_RW | VTD_FS_US)

static void
expect_at(uint32_t pasid, uint64_t addr, uint64_t target, enum perm perm)
{
    struct range_piece p;

    truth_at(check_pasid(rig.device, pasid), addr, addr, &p);
    ck_assert_uint_le(p.first, addr);
    ck_assert_uint_ge(p.last, addr);
    ck_assert_int_eq(p.perm, perm);
    if (perm != PERM_NONE) {
        ck_assert_uint_eq(p.target + (addr - p.first), target);
    }
}

static void
access_with(uint32_t pasid, uint64_t iova, enum perm access, bool ok, uint64_t gpa)
{
    check_dma(rig.check, &(struct check_dma){ .device = rig.device,
                                              .pasid = pasid,
                                              .iova = iova,
                                              .len = 8,
                                              .access = access,
                                              .ok = ok,
                                              .gpa = gpa });
}

static bool
is_open(const struct recordset *rs, uint64_t addr)
{
    struct range_piece p;
    uint32_t newest;

    return recordset_next(rs, addr, &p, &newest) && p.first <= addr;
}

static const struct recordset *
view_records(uint32_t pasid)
{
    return &check_pasid(rig.device, pasid)->view->records;
}

static void
done(const struct invalidation *inv)
{
    rig_invalidated(inv);
    rig_completed();
}

static void
done_pages(enum inval_kind kind, uint16_t did, uint32_t pasid, uint64_t first,
           uint64_t last)
{
    done(&(struct invalidation){ .kind = kind,
                                 .scope = INVAL_PAGE,
                                 .did = did,
                                 .has_pasid = kind == INVAL_PASID_IOTLB,
                                 .pasid = pasid,
                                 .first = first,
                                 .last = last });
}

static void
setup(void)
{
    rig_begin();
    rig_scalable(false);
}

static void
teardown(void)
{
    rig_end();
}

START_TEST(each_pasid_has_a_truth_of_its_own)
{
    rig_word(TABLES + 0x3000 + 8 * 4, 0x80003);
    rig_first_leaf(0x4000, 0x90000 | FS);
    expect_at(IOMMU_NO_PASID, 0x4000, 0x80000, PERM_RW);
    expect_at(1, 0x4008, 0x90008, PERM_RW);
    expect_at(2, 0x4000, 0, PERM_NONE); /* the second stage has no 0x90000 */
    expect_at(3, 0x4000, 0, PERM_NONE);
    rig_first_leaf(0x5000, 0x1101000 | VTD_FS_P | VTD_FS_US);
    expect_at(1, 0x5000, 0x1101000, PERM_R);
    expect_at(2, 0x5000, 0x1101000, PERM_R);
    ck_assert_uint_eq(rig.n, 0);
}
END_TEST

START_TEST(interrupts_are_addresses_like_others_with_a_pasid)
{
    const uint64_t at = VTD_INTERRUPT_FIRST;

    rig_word(FIRST + 0x1000 + 8 * vtd_ss_index(at, 3), VTD_SS_PS | FS); /* 1 GiB to 0 */
    rig_word(TABLES + 0x1000 + 8 * vtd_ss_index(at, 3), VTD_SS_PS | 3);
    expect_at(1, at, at - 0xc0000000, PERM_RW);
    expect_at(IOMMU_NO_PASID, at, 0, PERM_NONE);
}
END_TEST

START_TEST(accessed_and_dirty_bits_change_no_truth)
{
    rig_first_leaf(0x4000, 0x90000 | FS);
    expect_at(1, 0x4000, 0x90000, PERM_RW);
    rig_first_leaf(0x4000, 0x90000 | FS | VTD_FS_A);
    rig_first_leaf(0x4000, 0x90000 | FS | VTD_FS_A | VTD_FS_D);
    rig_first_leaf(0x4000, 0x90000 | FS);
    ck_assert(recordset_empty(view_records(1)));
}
END_TEST

START_TEST(a_first_stage_page_is_open_until_its_pasid_is_invalidated)
{
    rig_first_leaf(0x4000, 0x90000 | FS);
    expect_at(1, 0x4000, 0x90000, PERM_RW);
    rig_first_leaf(0x4000, 0);
    access_with(1, 0x4000, PERM_R, true, 0x90000); /* the IOTLB may have it still */
    done_pages(INVAL_PASID_IOTLB, 6, 2, 0x4000, 0x4fff);
    done_pages(INVAL_PASID_IOTLB, 5, 1, 0x4000, 0x4fff);
    done_pages(INVAL_PASID_IOTLB, 6, 1, 0x5000, 0x5fff);
    ck_assert(is_open(view_records(1), 0x4000));
    done_pages(INVAL_PASID_IOTLB, 6, 1, 0x4000, 0x4fff);
    ck_assert(!is_open(view_records(1), 0x4000));
    ck_assert_uint_eq(rig.n, 0);
    access_with(1, 0x4000, PERM_R, true, 0x90000);
    rig_expect_one(VIOLATION_DMA_BREACH, BLAME_IOMMU, 0x4000, 0x4007);
}
END_TEST

START_TEST(wider_invalidations_end_a_first_stage_change)
{
    static const struct invalidation wide[] = {
        { INVAL_PASID_IOTLB, INVAL_PASID, .did = 6, .has_pasid = true, .pasid = 1 },
        { INVAL_IOTLB, INVAL_GLOBAL, .did = 0 },
        { INVAL_IOTLB, INVAL_DOMAIN, .did = 6 },
        { INVAL_IOTLB, INVAL_PAGE, .did = 6, .first = 0x80000, .last = 0x80fff },
    };

    check_pasid(rig.device, 1);
    rig_first_leaf(0x4000, 0x90000 | FS);
    rig_first_leaf(0x4000, 0);
    ck_assert(is_open(view_records(1), 0x4000));
    done(&wide[_i]);
    ck_assert(!is_open(view_records(1), 0x4000));
}
END_TEST

START_TEST(a_first_stage_page_never_invalidated_is_the_guests)
{
    check_pasid(rig.device, 1);
    rig_step(7);
    rig_first_leaf(0x4000, 0x90000 | FS);
    rig_step(8);
    rig_first_leaf(0x4000, 0xa0000 | FS);
    check_end(rig.check);
    rig_expect_one(VIOLATION_GUEST_MISSING_INVALIDATION, BLAME_GUEST, 0x4000, 0x4fff);
    ck_assert_uint_eq(rig.seen[0].origin.line, 8);
}
END_TEST

START_TEST(a_first_stage_page_that_appears_needs_nothing)
{
    check_pasid(rig.device, 1);
    rig_first_leaf(0x4000, 0x90000 | FS);
    rig_first_leaf(0x5000, 0x90000 | VTD_FS_P | VTD_FS_US);
    rig_first_leaf(0x5000, 0x90000 | FS); /* more rights: looked up anew */
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
}
END_TEST

START_TEST(a_pasid_entry_goes_in_two_steps_and_in_order)
{
    static const struct invalidation cache = { INVAL_PASID_CACHE, INVAL_PASID, .did = 6,
                                               .has_pasid = true, .pasid = 1 };
    static const struct invalidation iotlb = { INVAL_PASID_IOTLB, INVAL_PASID, .did = 6,
                                               .has_pasid = true, .pasid = 1 };
    struct truth_device *d = check_pasid(rig.device, 1);

    rig_first_leaf(0x4000, 0x90000 | FS);
    rig_word(PASIDS + 64, 0);
    ck_assert_int_eq(d->state, TRUTH_BLOCKED);
    ck_assert(is_open(&d->records, 0x4000));
    access_with(1, 0x4000, PERM_R, true, 0x90000);
    done(&iotlb); /* too early */
    done(&cache);
    ck_assert(is_open(&d->records, 0x4000));
    done(&iotlb);
    ck_assert(recordset_empty(&d->records));
    ck_assert_uint_eq(rig.n, 0);
    access_with(1, 0x4000, PERM_R, true, 0x90000);
    rig_expect_one(VIOLATION_DMA_BREACH, BLAME_IOMMU, 0x4000, 0x4007);
}
END_TEST

START_TEST(another_rid_pasid_is_a_change_of_the_context_entry)
{
    rig_word(TABLES + 0x3000 + 8 * 4, 0x80003);
    rig_first_leaf(0x4000, 0x90000 | FS);
    rig_word(CONTEXTS + 32 * SID + 8, 1);
    expect_at(IOMMU_NO_PASID, 0x4000, 0x90000, PERM_RW);
    ck_assert(is_open(&rig.device->records, 0x4000));
    done(&(struct invalidation){ INVAL_CONTEXT, INVAL_DEVICE, .sid = SID });
    done(&(struct invalidation){ INVAL_PASID_CACHE, INVAL_DOMAIN, .did = 5 });
    ck_assert(is_open(&rig.device->records, 0x4000));
    done(&(struct invalidation){ INVAL_IOTLB, INVAL_DOMAIN, .did = 5 });
    ck_assert(recordset_empty(&rig.device->records));
}
END_TEST

/* The new DID is stored before the word that ends pass-through. */
START_TEST(a_pass_through_entry_overwritten_is_cached_under_its_old_did)
{
    const uint64_t second = mem_read64le(rig.env.mem, GPA(PASIDS));

    rig_word(PASIDS, (second & ~VTD_PASID_PGTT(7)) | VTD_PASID_PGTT(VTD_PGTT_PASS));
    expect_at(IOMMU_NO_PASID, 0x4000, 0x4000, PERM_RW);
    done(&(struct invalidation){ INVAL_PASID_CACHE, INVAL_GLOBAL, .did = 0 });
    done(&(struct invalidation){ INVAL_IOTLB, INVAL_GLOBAL, .did = 0 });
    ck_assert(recordset_empty(&rig.device->records));

    rig_step(30);
    rig_word(PASIDS + 8, VTD_PASID_DID(9));
    rig_word(PASIDS, second);
    for (uint16_t did = 9; did >= 5; did -= 4) { /* the new one, and then the old one */
        ck_assert(is_open(&rig.device->records, 0x4000));
        access_with(IOMMU_NO_PASID, 0x4000, PERM_R, true, 0x4000);
        ck_assert_uint_eq(rig.n, 0);
        done(&(struct invalidation){ INVAL_PASID_CACHE, INVAL_DOMAIN, .did = did });
        done(&(struct invalidation){ INVAL_PASID_IOTLB, INVAL_PASID, .did = did,
                                     .has_pasid = true });
    }
    ck_assert(recordset_empty(&rig.device->records));
    access_with(IOMMU_NO_PASID, 0x4000, PERM_R, true, 0x4000);
    rig_expect_one(VIOLATION_DMA_BREACH, BLAME_IOMMU, 0x4000, 0x4007);
}
END_TEST

START_TEST(root_and_mode_changes_ask_for_all_three_caches)
{
    rig_word(TABLES + 0x3000 + 8 * 4, 0x80003);
    rig_mmio(VTD_RTADDR, 8, ROOT); /* the same table, in legacy mode */
    rig_mmio(VTD_GCMD, 4, VTD_GCMD_QIE | VTD_GCMD_TE | VTD_GCMD_SRTP);
    ck_assert(is_open(&rig.device->records, 0x4000));
    done(&(struct invalidation){ INVAL_CONTEXT, INVAL_GLOBAL, .did = 0 });
    done(&(struct invalidation){ INVAL_IOTLB, INVAL_GLOBAL, .did = 0 });
    ck_assert(is_open(&rig.device->records, 0x4000));
    done(&(struct invalidation){ INVAL_PASID_CACHE, INVAL_GLOBAL, .did = 0 });
    ck_assert(is_open(&rig.device->records, 0x4000));
    done(&(struct invalidation){ INVAL_IOTLB, INVAL_GLOBAL, .did = 0 });
    ck_assert(recordset_empty(&rig.device->records));
}
END_TEST

/* ---- two stages ---- */

START_TEST(a_nested_page_follows_either_stage)
{
    const struct truth_device *d = check_pasid(rig.device, 2);

    rig_first_leaf(0x4000, 0x90000 | FS);
    expect_at(2, 0x4000, 0, PERM_NONE);
    rig_word(TABLES + 0x3000 + 8 * 0x90, 0xb0001);
    expect_at(2, 0x4000, 0xb0000, PERM_R); /* what both allow */
    ck_assert(recordset_empty(&d->view->records));
    rig_word(TABLES + 0x3000 + 8 * 0x90, 0xc0001);
    expect_at(2, 0x4000, 0xc0000, PERM_R);
    ck_assert(is_open(&d->view->records, 0x4000));
    access_with(2, 0x4000, PERM_R, true, 0xb0000);
    ck_assert_uint_eq(rig.n, 0);
    access_with(2, 0x4000, PERM_W, true, 0xb0000);
    rig_expect_one(VIOLATION_DMA_BREACH, BLAME_IOMMU, 0x4000, 0x4007);
}
END_TEST

START_TEST(a_second_stage_change_ends_by_its_own_address)
{
    const struct truth_device *d = check_pasid(rig.device, 2);

    rig_first_leaf(0x4000, 0x90000 | FS);
    rig_word(TABLES + 0x3000 + 8 * 0x90, 0xb0003);
    rig_word(TABLES + 0x3000 + 8 * 0x90, 0);
    ck_assert(is_open(&d->view->records, 0x4000));
    done_pages(INVAL_PASID_IOTLB, 7, 2, 0x4000, 0x4fff);
    done_pages(INVAL_IOTLB, 7, 0, 0x4000, 0x4fff);
    done_pages(INVAL_IOTLB, 5, 0, 0x90000, 0x90fff);
    ck_assert(is_open(&d->view->records, 0x4000));
    done_pages(INVAL_IOTLB, 7, 0, 0x90000, 0x90fff);
    ck_assert(!is_open(&d->view->records, 0x4000));
}
END_TEST

START_TEST(a_first_stage_table_may_move_under_the_second)
{
    const struct truth_device *d = check_pasid(rig.device, 2);

    /* Page by page, so that the bottom table can be put elsewhere. */
    for (unsigned i = 0; i < 512; i++) {
        rig_word(0x1030000 + 8 * i, (0x1000000 + PAGE_BYTES * (uint64_t)i) | 3);
    }
    rig_first_leaf(0x4000, 0x1100000 | FS | VTD_FS_A | VTD_FS_D);
    rig_word(TABLES + 0x2000 + 8 * 8, 0x1030000 | 3);
    expect_at(2, 0x4000, 0x1100000, PERM_RW);
    rig_word(0x2000000 + 8 * 4, 0x1101000 | FS); /* in the table to be */
    rig_word(0x1030000 + 8 * 0x23, 0x2000003);
    expect_at(2, 0x4000, 0x1101000, PERM_RW);
    ck_assert(is_open(&d->view->records, 0x4000));
    rig_word(0x2000000 + 8 * 5, 0x1102000 | FS); /* it is watched */
    rig_word(0x2000000 + 8 * 5, 0);
    ck_assert(is_open(&d->view->records, 0x5000));
    rig_first_leaf(0x6000, 0x1103000 | FS); /* and the old one is not */
    expect_at(2, 0x6000, 0, PERM_NONE);
    rig_word(0x1030000 + 8 * 0x23, 0x2000001); /* no writing: bits cannot be set */
    expect_at(2, 0x4000, 0, PERM_NONE);
    rig_word(0x2000000 + 8 * 4, 0x1101000 | FS | VTD_FS_A);
    expect_at(2, 0x4000, 0x1101000, PERM_R);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/scalable");
    TCase *tc = tcase_create("scalable");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, each_pasid_has_a_truth_of_its_own);
    tcase_add_test(tc, interrupts_are_addresses_like_others_with_a_pasid);
    tcase_add_test(tc, accessed_and_dirty_bits_change_no_truth);
    tcase_add_test(tc, a_first_stage_page_is_open_until_its_pasid_is_invalidated);
    tcase_add_loop_test(tc, wider_invalidations_end_a_first_stage_change, 0, 4);
    tcase_add_test(tc, a_first_stage_page_never_invalidated_is_the_guests);
    tcase_add_test(tc, a_first_stage_page_that_appears_needs_nothing);
    tcase_add_test(tc, a_pasid_entry_goes_in_two_steps_and_in_order);
    tcase_add_test(tc, another_rid_pasid_is_a_change_of_the_context_entry);
    tcase_add_test(tc, a_pass_through_entry_overwritten_is_cached_under_its_old_did);
    tcase_add_test(tc, root_and_mode_changes_ask_for_all_three_caches);
    tcase_add_test(tc, a_nested_page_follows_either_stage);
    tcase_add_test(tc, a_second_stage_change_ends_by_its_own_address);
    tcase_add_test(tc, a_first_stage_table_may_move_under_the_second);
    suite_add_tcase(s, tc);
    return s;
}
