/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What changes of scalable-mode entries require of software: section 4.3, by the row. */
#include "iommu/vtd_sm_fmt.h"

#include <check.h>

#include "support_main.h"

#define ALL   VTD_NEED_PIOTLB_ALL
#define PAGE_ VTD_NEED_PIOTLB_PAGE
#define DEEP  VTD_NEED_PIOTLB_NONLEAF
#define TLB   VTD_NEED_DEVICE_TLB
#define RWU   (VTD_FS_P | VTD_FS_RW | VTD_FS_US)
#define RU    (VTD_FS_P | VTD_FS_US)

static const struct {
    uint64_t was, is;
    unsigned level, need;
} fs_rows[] = {
    { 0, 0x5000 | RWU, 1, 0 },                                       /* leaf appears */
    { 0x5000 | RWU, 0, 1, PAGE_ | TLB },                             /* leaf goes */
    { 0x5000 | RWU, 0x6000 | RWU, 1, PAGE_ | TLB },                  /* target changed */
    { 0x5000 | RWU, 0x5000 | RU, 1, PAGE_ | TLB },                   /* no more writing */
    { 0x5000 | RWU, 0x5000 | VTD_FS_P | VTD_FS_RW, 1, PAGE_ | TLB }, /* no more users */
    { 0x5000 | RU, 0x5000 | RWU, 1, 0 },                             /* more rights */
    { 0x5000 | RWU, 0x5000 | RWU | VTD_FS_A | VTD_FS_D, 1, 0 },      /* used */
    { 0x5000 | RWU | VTD_FS_A, 0x5000 | RWU, 1, 0 },                 /* A cleared */
    { 0x5000 | RWU, 0x5000 | RWU | VTD_BIT(52), 1, 0 },              /* an ignored bit */
    { 0x5002, 0x7004, 1, 0 },                          /* absent, other junk */
    { 0, 0x200000 | VTD_FS_PS | RWU, 2, 0 },           /* superpage appears */
    { 0x200000 | VTD_FS_PS | RWU, 0, 2, PAGE_ | TLB }, /* superpage goes */
    { 0x9000 | RWU, 0, 2, DEEP | TLB },                /* table goes */
    { 0x9000 | RWU, 0xa000 | RWU, 3, DEEP | TLB },     /* table replaced */
    { 0, 0x9000 | RWU, 4, 0 },                         /* table appears */
    { 0x9000 | RWU, 0x9000 | RU, 5, DEEP | TLB },      /* table's rights reduced */
    { 0x200000 | VTD_FS_PS | RWU, 0x9000 | RWU, 2, DEEP | TLB }, /* split */
};

START_TEST(required_by_first_stage_change)
{
    ck_assert_uint_eq(vtd_required_fs(fs_rows[_i].was, fs_rows[_i].is, fs_rows[_i].level),
                      fs_rows[_i].need);
}
END_TEST

START_TEST(required_by_scalable_root_change)
{
    const unsigned gone =
        VTD_NEED_CONTEXT_GLOBAL | VTD_NEED_PASID_GLOBAL | VTD_NEED_IOTLB_GLOBAL | TLB;

    for (int cm = 0; cm < 2; cm++) {
        ck_assert_uint_eq(vtd_required_sm_root(0x5001, 0, cm), gone);
        ck_assert_uint_eq(vtd_required_sm_root(0x5001, 0x6001, cm), gone);
        ck_assert_uint_eq(vtd_required_sm_root(0x5001, 0x5001, cm), 0);
        ck_assert_uint_eq(vtd_required_sm_root(0x5000, 0x6000, cm), 0);
    }
    ck_assert_uint_eq(vtd_required_sm_root(0, 0x5001, false), 0);
    ck_assert_uint_eq(vtd_required_sm_root(0, 0x5001, true), VTD_NEED_CONTEXT_GLOBAL);
}
END_TEST

START_TEST(required_by_scalable_context_change)
{
    const struct vtd_sm_context none = { { 0 } }, a = { { 0x5001, 0 } };
    const struct vtd_sm_context moved = { { 0x6001, 0 } }, rid = { { 0x5001, 3 } };
    const struct vtd_sm_context fpd = { { 0x5003, 0 } }, ats = { { 0x5005, 0 } };
    const unsigned gone =
        VTD_NEED_CONTEXT_SOURCE | VTD_NEED_PASID_DOMAIN | VTD_NEED_IOTLB_DOMAIN | TLB;

    for (int cm = 0; cm < 2; cm++) {
        ck_assert_uint_eq(vtd_required_sm_context(&a, &none, cm), gone);
        ck_assert_uint_eq(vtd_required_sm_context(&a, &moved, cm), gone);
        ck_assert_uint_eq(vtd_required_sm_context(&a, &rid, cm), gone);
        ck_assert_uint_eq(vtd_required_sm_context(&ats, &a, cm), gone);
        ck_assert_uint_eq(vtd_required_sm_context(&a, &fpd, cm), 0);
    }
    ck_assert_uint_eq(vtd_required_sm_context(&none, &a, false), 0);
    ck_assert_uint_eq(vtd_required_sm_context(&none, &a, true), VTD_NEED_CONTEXT_SOURCE);
}
END_TEST

START_TEST(required_by_pasid_directory_change)
{
    const unsigned gone = VTD_NEED_PASID_DOMAIN | TLB;

    for (int cm = 0; cm < 2; cm++) {
        ck_assert_uint_eq(vtd_required_pasid_dir(0x5001, 0, VTD_PGTT_FIRST, cm),
                          gone | ALL);
        ck_assert_uint_eq(vtd_required_pasid_dir(0x5001, 0x6001, VTD_PGTT_NESTED, cm),
                          gone | VTD_NEED_IOTLB_DOMAIN);
        ck_assert_uint_eq(vtd_required_pasid_dir(0x5001, 0x5003, VTD_PGTT_FIRST, cm), 0);
    }
    ck_assert_uint_eq(vtd_required_pasid_dir(0, 0x5001, 0, false), 0);
    ck_assert_uint_eq(vtd_required_pasid_dir(0, 0x5001, 0, true), VTD_NEED_PASID_ABSENT);
}
END_TEST

START_TEST(required_by_pasid_entry_change)
{
    static const struct {
        unsigned pgtt, iotlb;
    } rows[] = {
        { VTD_PGTT_FIRST, ALL },
        { VTD_PGTT_PASS, ALL },
        { VTD_PGTT_SECOND, VTD_NEED_IOTLB_DOMAIN },
        { VTD_PGTT_NESTED, VTD_NEED_IOTLB_DOMAIN },
    };
    const struct vtd_pasid_entry none = { { 0 } };
    const struct vtd_pasid_entry a = { { VTD_PASID_P | VTD_PASID_PGTT(rows[_i].pgtt),
                                         7 } };
    struct vtd_pasid_entry did = a, fpd = a;
    const unsigned gone = VTD_NEED_PASID_CACHE | rows[_i].iotlb | TLB;

    did.v[1] = 8;
    fpd.v[0] |= VTD_PASID_FPD;
    for (int cm = 0; cm < 2; cm++) {
        ck_assert_uint_eq(vtd_required_pasid(&a, &none, cm), gone);
        ck_assert_uint_eq(vtd_required_pasid(&a, &did, cm), gone);
        ck_assert_uint_eq(vtd_required_pasid(&a, &fpd, cm), 0);
    }
    ck_assert_uint_eq(vtd_required_pasid(&none, &a, false), 0);
    ck_assert_uint_eq(vtd_required_pasid(&none, &a, true), VTD_NEED_PASID_ABSENT | ALL);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("iommu/vtd_sm_fmt");
    TCase *tc = tcase_create("required");

    tcase_add_loop_test(tc, required_by_first_stage_change, 0,
                        sizeof(fs_rows) / sizeof(fs_rows[0]));
    tcase_add_test(tc, required_by_scalable_root_change);
    tcase_add_test(tc, required_by_scalable_context_change);
    tcase_add_test(tc, required_by_pasid_directory_change);
    tcase_add_loop_test(tc, required_by_pasid_entry_change, 0, 4);
    suite_add_tcase(s, tc);
    return s;
}
