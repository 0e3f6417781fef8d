/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queue of the VT-d driver: setting up, submissions, errors, and the step qi. */
#include <check.h>

#include "scenario/entry_layout.h"
#include "support_main.h"
#include "support_recorder.h"

static bool
qi(const struct qi_descriptor *d, uint32_t n)
{
    struct step s = { .kind = STEP_QI };

    s.u.qi = (struct step_qi){ .n = n, .desc = d };
    return rig_do(&s);
}

static uint64_t
written(unsigned i, enum vtd_reg reg)
{
    ck_assert_uint_lt(i, rec.n_writes);
    ck_assert_uint_eq(rec.write[i].off, reg);
    return rec.write[i].value;
}

START_TEST(boot_goes_queue_root_caches_translation)
{
    recorder_boot(GUEST_STRICT, RECORDER_CAP, RECORDER_ECAP);
    ck_assert_uint_eq(written(0, VTD_IQT), 0);
    ck_assert_uint_eq(written(1, VTD_IQA), RIG_TABLES + 0x1000); /* QS 0, 128 bits */
    ck_assert_uint_eq(written(2, VTD_GCMD), VTD_GCMD_QIE);
    ck_assert_uint_eq(written(3, VTD_RTADDR), RIG_TABLES);
    ck_assert_uint_eq(written(4, VTD_GCMD), VTD_GCMD_QIE | VTD_GCMD_SRTP);
    ck_assert_uint_eq(written(rec.n_writes - 1, VTD_GCMD), VTD_GCMD_QIE | VTD_GCMD_TE);
    ck_assert_uint_eq(rec.n_desc, 2);
    ck_assert_uint_eq(rec.desc[0].word[0], 0x11); /* context, global */
    ck_assert_uint_eq(rec.desc[1].word[0], 0xd2); /* IOTLB, global, drains */
}
END_TEST

START_TEST(scalable_boot_has_wide_descriptors_and_a_pasid_cache)
{
    recorder_boot(GUEST_STRICT, RECORDER_CAP, RECORDER_SM_ECAP);
    /* 8 KiB on an 8 KiB boundary; DW, QS 1: 256 of 32 bytes */
    ck_assert_uint_eq(written(1, VTD_IQA), (RIG_TABLES + 0x2000) | 0x801);
    ck_assert_uint_eq(written(3, VTD_RTADDR), RIG_TABLES | 0x400);
    ck_assert_uint_eq(written(5, VTD_IQT), 64); /* two descriptors */
    ck_assert_uint_eq(rec.n_desc, 3);
    ck_assert_uint_eq(rec.desc[0].word[0], 0x11);
    ck_assert_uint_eq(rec.desc[1].word[0], 0x37); /* PASID cache, global */
    ck_assert_uint_eq(rec.desc[2].word[0], 0xd2);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(rec.desc[i].word[2] | rec.desc[i].word[3], 0);
    }
}
END_TEST

START_TEST(the_queue_wraps_after_256_descriptors)
{
    recorder_boot(GUEST_STRICT, RECORDER_CAP, RECORDER_SM_ECAP);
    for (unsigned i = 0; i < 200; i++) {
        recorder_forget();
        ck_assert(rig_unmap(0x1000, 4 * KIB));
        ck_assert_uint_eq(rec.n_desc, 1);
        ck_assert_uint_eq(rec.n_waits, 1);
        ck_assert_uint_eq(rec.iqt % 64, 0);
        ck_assert_uint_lt(rec.iqt, 8192);
    }
}
END_TEST

START_TEST(a_refused_request_becomes_a_wait_and_fails_its_step)
{
    recorder_boot(GUEST_STRICT, RECORDER_CAP, RECORDER_ECAP);
    uint64_t slot = (RIG_TABLES + 0x1000) + rec.iqt;

    rec.refuse = VTD_DESC_IOTLB;
    ck_assert(!rig_unmap(0x1000, 4 * KIB));
    ck_assert_str_eq(vm.reply.why, "queue-error");
    ck_assert_uint_eq(rec.fsts, 0);
    /* Both slots hold the same wait now. */
    ck_assert_uint_eq(rig_read(slot), rig_read(slot + 16));
    ck_assert_uint_eq(rig_read(slot + 8), rig_read(slot + 24));
    rec.refuse = 0;
    recorder_forget();
    ck_assert(rig_unmap(0x1000, 4 * KIB));
    ck_assert_uint_eq(rec.n_desc, 1);
    ck_assert_uint_eq(rec.n_waits, 3);
}
END_TEST

START_TEST(an_error_at_somebody_elses_descriptor_is_left_alone)
{
    const struct qi_descriptor bad = { .type = QI_RAW, .n_raw = 2, .raw = { 15 } };

    recorder_boot(GUEST_STRICT, RECORDER_CAP, RECORDER_ECAP);
    rec.refuse = 15;
    ck_assert(qi(&bad, 1));
    ck_assert(!rig_unmap(0x1000, 4 * KIB));
    ck_assert_str_eq(vm.reply.why, "queue-error");
    ck_assert_uint_eq(rec.fsts, VTD_FSTS_IQE);
}
END_TEST

START_TEST(a_silent_device_is_asked_again_and_given_up_in_the_end)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.device[0].ats = true;
    recorder_start(RECORDER_CAP, RECORDER_ECAP | VTD_ECAP_DT);
    recorder_forget();
    rec.silent = 2;
    ck_assert(rig_unmap(0x1000, 4 * KIB));
    ck_assert_uint_eq(rec.n_desc, 4); /* the first one three times */
    ck_assert_uint_eq(rec.fsts, 0);
    rec.silent = 3;
    ck_assert(!rig_unmap(0x1000, 4 * KIB));
    ck_assert_str_eq(vm.reply.why, "device-tlb-timeout");
}
END_TEST

START_TEST(every_kind_of_descriptor_from_its_fields)
{
    const struct qi_descriptor d[] = {
        { .type = QI_CONTEXT,
          .granularity = QI_DEVICE,
          .did = 0x1234,
          .sid = 0x88,
          .fm = 3 },
        { .type = QI_IOTLB,
          .granularity = QI_PAGE,
          .did = 7,
          .address = 0x8000,
          .am = 3,
          .ih = true,
          .drain_read = true },
        { .type = QI_DEV_IOTLB,
          .sid = 0x88,
          .mip = 5,
          .address = 0x10000,
          .size_lg2 = 16 },
        { .type = QI_DEV_IOTLB,
          .sid = 0x88,
          .pfsid = 0xabcd,
          .address = 0x7000,
          .sized = true },
        { .type = QI_IEC, .granularity = 1, .index = 9, .im = 2 },
        { .type = QI_PASID_IOTLB,
          .granularity = QI_PASID_PAGE,
          .did = 7,
          .pasid = 0xfffff,
          .address = 0x8000,
          .am = 3,
          .ih = true },
        { .type = QI_PASID_IOTLB, .granularity = QI_PASID_ALL, .did = 7, .pasid = 2 },
        { .type = QI_PASID_CACHE, .granularity = QI_PC_DOMAIN, .did = 7 },
        { .type = QI_PASID_CACHE, .granularity = QI_PC_GLOBAL },
        { .type = QI_PASID_DEV_IOTLB,
          .sid = 0x88,
          .pasid = 2,
          .mip = 5,
          .pfsid = 0xabcd,
          .global = true,
          .size_lg2 = 64 },
        { .type = QI_PAGE_RESPONSE,
          .sid = 0x88,
          .has_pasid = true,
          .pasid = 2,
          .code = 15,
          .prgi = 0x101 },
        { .type = QI_RAW, .n_raw = 4, .raw = { 15, 2, 3, 4 } },
    };
    static const uint64_t want[][2] = {
        { UINT64_C(0x0003008812340031), 0 },
        { 0x700b2, 0x8043 },
        { UINT64_C(0x0000008800050003), 0x17001 },
        { UINT64_C(0xabc000880000d003), 0x7001 },
        { UINT64_C(0x910000014), 0 },
        { UINT64_C(0xfffff00070036), 0x8043 },
        { UINT64_C(0x200070026), 0 },
        { 0x70007, 0 },
        { 0x37, 0 },
        { UINT64_C(0xabc000020088d058), UINT64_C(0x7ffffffffffff801) },
        { UINT64_C(0x20088f019), 0x808 },
        { 15, 2 },
    };

    recorder_boot(GUEST_STRICT, RECORDER_CAP, RECORDER_SM_ECAP);
    recorder_forget();
    ck_assert(qi(d, sizeof(d) / sizeof(d[0])));
    ck_assert_uint_eq(rec.n_desc, sizeof(want) / sizeof(want[0]));
    for (unsigned i = 0; i < rec.n_desc; i++) {
        ck_assert_uint_eq(rec.desc[i].word[0], want[i][0]);
        ck_assert_uint_eq(rec.desc[i].word[1], want[i][1]);
    }
    ck_assert_uint_eq(rec.desc[11].word[2], 3);
    ck_assert_uint_eq(rec.desc[11].word[3], 4);
}
END_TEST

START_TEST(a_wait_has_all_its_bits)
{
    const struct qi_descriptor d = { .type = QI_WAIT,
                                     .irq = true,
                                     .status = true,
                                     .fence = true,
                                     .page_drain = true,
                                     .has_address = true,
                                     .address = 0x5004,
                                     .data = 0xdeadbeef };

    recorder_boot(GUEST_STRICT, RECORDER_CAP, RECORDER_ECAP);
    uint64_t slot = (RIG_TABLES + 0x1000) + rec.iqt;

    ck_assert(qi(&d, 1));
    ck_assert_uint_eq(rig_read(slot), UINT64_C(0xdeadbeef000000f5));
    ck_assert_uint_eq(rig_read(slot + 8), 0x5004);
    ck_assert_uint_eq(mem_read32le(vm.env.mem, GPA(0x5004)), 0xdeadbeef);
}
END_TEST

START_TEST(four_words_need_a_wide_queue)
{
    const struct qi_descriptor d = { .type = QI_RAW, .n_raw = 4, .raw = { 15, 2, 3, 4 } };

    recorder_boot(GUEST_STRICT, RECORDER_CAP, RECORDER_ECAP);
    ck_assert(!qi(&d, 1));
    ck_assert_str_eq(vm.reply.why, "descriptor-too-wide");
}
END_TEST

START_TEST(the_step_says_the_width_where_the_register_does_not)
{
    const struct qi_descriptor d = { .type = QI_RAW, .n_raw = 2, .raw = { 0x37, 0 } };
    struct step s = { .kind = STEP_QI };

    recorder_boot(GUEST_MANUAL, RECORDER_CAP, RECORDER_SM_ECAP);
    rec.gsts = (uint32_t)VTD_GCMD_QIE;
    rec.iqa = 0x10001; /* DW is hidden */
    s.u.qi = (struct step_qi){ .n = 1, .desc = &d, .width = 256 };
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(rec.iqt, 32);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("guest_intel_queue");
    TCase *t = tcase_create("intel_queue");

    tcase_add_checked_fixture(t, NULL, rig_fini);
    tcase_add_test(t, boot_goes_queue_root_caches_translation);
    tcase_add_test(t, scalable_boot_has_wide_descriptors_and_a_pasid_cache);
    tcase_add_test(t, the_queue_wraps_after_256_descriptors);
    tcase_add_test(t, a_refused_request_becomes_a_wait_and_fails_its_step);
    tcase_add_test(t, an_error_at_somebody_elses_descriptor_is_left_alone);
    tcase_add_test(t, a_silent_device_is_asked_again_and_given_up_in_the_end);
    tcase_add_test(t, every_kind_of_descriptor_from_its_fields);
    tcase_add_test(t, a_wait_has_all_its_bits);
    tcase_add_test(t, four_words_need_a_wide_queue);
    tcase_add_test(t, the_step_says_the_width_where_the_register_does_not);
    suite_add_tcase(s, t);
    return s;
}
