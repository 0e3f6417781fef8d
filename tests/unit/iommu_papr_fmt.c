/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bits of TCEs and numbers of windows, against values worked out by hand. */
#include <check.h>

#include "iommu/papr_fmt.h"

#include "support_main.h"

START_TEST(permission_is_the_low_two_bits_whatever_the_rest)
{
    ck_assert_int_eq(papr_tce_perm(0x205000), PERM_NONE);
    ck_assert_int_eq(papr_tce_perm(0x205ffd), PERM_R);
    ck_assert_int_eq(papr_tce_perm(0x205ffe), PERM_W);
    ck_assert_int_eq(papr_tce_perm(UINT64_MAX), PERM_RW);
    ck_assert(!papr_tce_present(0x205ffc));
    ck_assert(papr_tce_present(1));
}
END_TEST

START_TEST(target_drops_the_bits_below_the_page)
{
    ck_assert_uint_eq(papr_tce_target(0x204fff, 12), 0x204000);
    ck_assert_uint_eq(papr_tce_target(0x10011003, 16), 0x10010000);
    ck_assert_uint_eq(papr_tce_target(0x3f000003, 24), 0x3f000000);
    ck_assert_uint_eq(papr_tce_make(0x201000, PERM_R), 0x201001);
}
END_TEST

START_TEST(entries_are_alike_if_a_device_cannot_tell_them_apart)
{
    ck_assert(papr_tce_same(0, 0x205000, 12));
    ck_assert(papr_tce_same(0x204003, 0x204fff, 12));
    ck_assert(papr_tce_same(0x10010003, 0x10011003, 16));
    ck_assert(!papr_tce_same(0x10010003, 0x10011003, 12));
    ck_assert(!papr_tce_same(0x204003, 0x204001, 12));
    ck_assert(!papr_tce_same(0x204003, 0x204000, 12));
}
END_TEST

START_TEST(liobns_follow_the_scheme_of_the_platform)
{
    ck_assert_uint_eq(papr_liobn_pci(0, 0), 0x80000000);
    ck_assert_uint_eq(papr_liobn_pci(0, 1), 0x80000001);
    ck_assert_uint_eq(papr_liobn_pci(1, 0), 0x80000100);
    ck_assert_uint_eq(papr_liobn_bridge(0x80000101), 0x80000100);
    ck_assert_uint_eq(papr_liobn_window(0x80000101), 1);
    ck_assert(papr_liobn_is_pci(0x80000f00));
    ck_assert(!papr_liobn_is_pci(0x71000002));
    ck_assert(!papr_liobn_is_pci(0x180000000));
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("iommu/papr_fmt");
    TCase *c = tcase_create("papr_fmt");

    tcase_add_test(c, permission_is_the_low_two_bits_whatever_the_rest);
    tcase_add_test(c, target_drops_the_bits_below_the_page);
    tcase_add_test(c, entries_are_alike_if_a_device_cannot_tell_them_apart);
    tcase_add_test(c, liobns_follow_the_scheme_of_the_platform);
    suite_add_tcase(s, c);
    return s;
}
