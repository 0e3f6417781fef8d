/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a device's tables say, and where it moves to. */
#include <check.h>

#include "check/internal.h"
#include "support_check.h"
#include "support_main.h"

static void
expect_at(uint64_t addr, uint64_t target, enum perm perm)
{
    struct range_piece p;

    truth_at(rig.device, addr, addr, &p);
    ck_assert_uint_le(p.first, addr);
    ck_assert_uint_ge(p.last, addr);
    ck_assert_int_eq(p.perm, perm);
    if (perm != PERM_NONE) {
        ck_assert_uint_eq(p.target + (addr - p.first), target);
    }
}

START_TEST(truth_is_what_the_tables_say_now)
{
    rig_begin();
    rig_vtd(true);
    expect_at(0x4000, 0, PERM_NONE);
    rig_leaf(0x4000, 0x80001);
    expect_at(0x4008, 0x80008, PERM_R);
    expect_at(0x5000, 0, PERM_NONE);
    expect_at(UINT64_C(1) << 40, 0, PERM_NONE); /* past what is translated */
    rig_end();
}
END_TEST

/* Each look begins where the one before it ended, unless a table above has changed. */
START_TEST(a_look_follows_changes_of_the_tables_above)
{
    rig_begin();
    rig_vtd(true);
    rig_leaf(0x4000, 0x80003);
    expect_at(0x4000, 0x80000, PERM_RW);
    rig_leaf(0x5000, 0x81003);
    expect_at(0x5000, 0x81000, PERM_RW);
    rig_word(TABLES + 0x1000, (TABLES + 0x2000) | 1);
    expect_at(0x4000, 0x80000, PERM_R);
    rig_word(TABLES + 0x3000 + 8 * 4, 0x90003);
    rig_word(TABLES + 0x1000, (TABLES + 0x3000) | 3);
    expect_at(0x4000, 0x90000, PERM_RW);
    expect_at(0x5000, 0, PERM_NONE);
    rig_word(TABLES, 0);
    expect_at(0x4000, 0, PERM_NONE);
    rig_word(TABLES, (TABLES + 0x1000) | 3);
    expect_at(0x4000, 0x90000, PERM_RW);
    rig_end();
}
END_TEST

START_TEST(interrupt_addresses_are_never_translated)
{
    rig_begin();
    rig_vtd(true);
    rig_word(TABLES + 8 * 3, 0x83); /* 1 GiB leaf to 0 */
    expect_at(0xfedff000, 0x3edff000, PERM_RW);
    expect_at(VTD_INTERRUPT_FIRST, 0, PERM_NONE);
    rig_end();
}
END_TEST

START_TEST(a_device_follows_its_context_entry)
{
    rig_begin();
    rig_vtd(true);
    rig_leaf(0x4000, 0x80003);
    ck_assert_int_eq(rig.device->state, TRUTH_VIEWS);
    rig_word(CONTEXTS + 16 * SID, 0);
    ck_assert_int_eq(rig.device->state, TRUTH_BLOCKED);
    expect_at(0x4000, 0, PERM_NONE);
    rig_word(CONTEXTS + 16 * SID, vtd_ctx_lo(VTD_TT_PASS, 0));
    ck_assert_int_eq(rig.device->state, TRUTH_IDENTITY);
    expect_at(0x4000, 0x4000, PERM_RW);
    rig_mmio(VTD_GCMD, 4, VTD_GCMD_QIE);
    ck_assert_int_eq(rig.device->state, TRUTH_IDENTITY);
    ck_assert(recordset_empty(&rig.device->records)); /* void with translation off */
    rig_end();
}
END_TEST

START_TEST(what_the_old_table_said_is_recorded_when_a_device_moves)
{
    struct range_piece p;
    uint32_t newest;

    rig_begin();
    rig_vtd(false);
    rig_leaf(0x4000, 0x80003);
    rig_word(CONTEXTS + 16 * SID, 0);
    ck_assert(recordset_next(&rig.device->records, 0x4000, &p, &newest));
    const struct record *r = recordset_at(&rig.device->records, newest);
    ck_assert_uint_eq(record_target(r, 0x4000), 0x80000);
    ck_assert_uint_eq(r->did, 5);
    ck_assert_uint_eq(r->need, VTD_NEED_CONTEXT_DEVICE | VTD_NEED_IOTLB_DOMAIN);
    rig_end();
}
END_TEST

START_TEST(another_root_table_asks_for_both_global_invalidations)
{
    struct range_piece p;
    uint32_t newest;

    rig_begin();
    rig_vtd(false);
    rig_leaf(0x4000, 0x80003);
    rig_mmio(VTD_RTADDR, 8, 0x2000000); /* empty */
    rig_mmio(VTD_GCMD, 4, VTD_GCMD_QIE | VTD_GCMD_TE | VTD_GCMD_SRTP);
    ck_assert_int_eq(rig.device->state, TRUTH_BLOCKED);
    ck_assert(recordset_next(&rig.device->records, 0x4000, &p, &newest));
    ck_assert_uint_eq(recordset_at(&rig.device->records, newest)->need,
                      VTD_NEED_CONTEXT_GLOBAL | VTD_NEED_IOTLB_GLOBAL);
    rig_end();
}
END_TEST

START_TEST(devices_of_one_domain_share_a_view_until_the_last_has_left)
{
    const uint16_t other_sid = 0x20;

    rig_begin();
    rig_vtd(false);
    rig_word(CONTEXTS + 16 * other_sid + 8, vtd_ctx_hi(1, 5));
    rig_word(CONTEXTS + 16 * other_sid, vtd_ctx_lo(VTD_TT_TRANSLATE, TABLES));
    struct truth_device *other =
        check_add_device(rig.check, rig.iommu, "other", other_sid);
    struct view *v = rig.device->view;
    ck_assert_ptr_eq(other->view, v);
    ck_assert_ptr_eq(view_next_device(v, NULL), rig.device);
    ck_assert_ptr_eq(view_next_device(v, rig.device), other);
    rig_word(CONTEXTS + 16 * SID, 0);
    ck_assert_ptr_eq(view_next_device(v, NULL), other);
    ck_assert_ptr_eq(view_next_by_did(other->iommu, 5, NULL), v);
    check_remove_device(other);
    ck_assert_ptr_null(view_next_by_did(rig.device->iommu, 5, NULL));
    rig_end();
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/truth");
    TCase *tc = tcase_create("truth");

    tcase_add_test(tc, truth_is_what_the_tables_say_now);
    tcase_add_test(tc, a_look_follows_changes_of_the_tables_above);
    tcase_add_test(tc, interrupt_addresses_are_never_translated);
    tcase_add_test(tc, a_device_follows_its_context_entry);
    tcase_add_test(tc, what_the_old_table_said_is_recorded_when_a_device_moves);
    tcase_add_test(tc, another_root_table_asks_for_both_global_invalidations);
    tcase_add_test(tc, devices_of_one_domain_share_a_view_until_the_last_has_left);
    suite_add_tcase(s, tc);
    return s;
}
