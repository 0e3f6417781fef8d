/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the VT-d driver tells a unit after each kind of change, word by word. */
#include <check.h>

#include "scenario/entry_layout.h"
#include "support_main.h"
#include "support_recorder.h"

static bool
detach(uint32_t device, uint32_t pasid, bool fpd)
{
    struct step s = { .kind = STEP_DETACH };

    s.u.attach = (struct step_attach){ .device = device,
                                       .domain = SCENARIO_NONE,
                                       .pasid = pasid,
                                       .has_pasid = pasid != 0,
                                       .fpd = fpd };
    return rig_do(&s);
}

static bool
change_domain(enum step_kind kind, uint32_t domain, uint64_t iova, uint64_t size)
{
    struct step s = { .kind = (uint8_t)kind };

    s.u.map = (struct step_map){ .device = SCENARIO_NONE,
                                 .domain = domain,
                                 .iova = iova,
                                 .size = size,
                                 .gpa = 0x40000000,
                                 .perm = PERM_RW,
                                 .has_gpa = kind == STEP_MAP,
                                 .has_perm = kind == STEP_MAP };
    return rig_do(&s);
}

/* The n descriptors told since recorder_forget, low and high words. */
static void
told(unsigned n, const uint64_t want[][2])
{
    ck_assert_uint_eq(rec.n_desc, n);
    ck_assert_uint_eq(rec.n_waits, n); /* each with a wait of its own */
    for (unsigned i = 0; i < n; i++) {
        ck_assert_uint_eq(rec.desc[i].word[0], want[i][0]);
        ck_assert_uint_eq(rec.desc[i].word[1], want[i][1]);
    }
    recorder_forget();
}
#define TOLD(...)                                                                        \
    do {                                                                                 \
        static const uint64_t want[][2] = { __VA_ARGS__ };                               \
        told(sizeof(want) / sizeof(want[0]), want);                                      \
    } while (0)

/* nic0 in its own domain (id 2) over a scalable unit; d0 is first-stage with id 3. */
static void
start_scalable(enum guest_driver driver, uint64_t cap, uint64_t ecap)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.sc.guest.driver = driver;
    vm.device[0].pasids = vm.device[1].pasids = 64;
    vm.domain[0].type = DOMAIN_FIRST_STAGE;
    recorder_start(cap, RECORDER_SM_ECAP | ecap);
    recorder_forget();
}

START_TEST(page_flush_rounds_to_the_smallest_aligned_block_that_covers)
{
    recorder_boot(GUEST_STRICT, RECORDER_CAP | VTD_CAP_CM, RECORDER_ECAP);
    recorder_forget();
    ck_assert(rig_map(0x1fff000, 8 * KIB, 0x5000, 0));
    TOLD({ 0x200f2, 14 }); /* frames 0x1fff and 0x2000: 64 MiB from 0 */
    ck_assert(rig_map(0x1001000, 8 * KIB, 0x5000, 0));
    TOLD({ 0x200f2, 0x1000000 | 2 }); /* frames 0x1001 and 0x1002 */
    ck_assert(rig_map(0x1008000, 8 * KIB, 0x5000, 0));
    TOLD({ 0x200f2, 0x1008000 | 1 });
    ck_assert(rig_map(0x100b000, 12 * KIB, 0x5000, 0));
    TOLD({ 0x200f2, 0x1008000 | 3 }); /* frames b to d: 8 from 8 */
}
END_TEST

START_TEST(a_block_beyond_mamv_or_no_psi_is_a_domain_flush)
{
    recorder_boot(GUEST_STRICT, RECORDER_CAP | VTD_CAP_CM, RECORDER_ECAP);
    recorder_forget();
    ck_assert(rig_map(GIB, GIB, GIB, 0));
    TOLD({ 0x200f2, GIB | 18 });
    ck_assert(rig_map(2 * GIB, 2 * GIB, 0, 0));
    TOLD({ 0x200e2, 0 });
}
END_TEST

START_TEST(without_page_selection_every_flush_is_of_the_domain)
{
    recorder_boot(GUEST_STRICT, RECORDER_CAP & ~VTD_CAP_PSI, RECORDER_ECAP);
    ck_assert(rig_map(0x1000, 4 * KIB, 0x5000, 0));
    recorder_forget();
    ck_assert(rig_unmap(0x1000, 4 * KIB));
    TOLD({ 0x200e2, 0 });
}
END_TEST

START_TEST(drains_are_asked_for_where_cap_has_them)
{
    recorder_boot(GUEST_STRICT, RECORDER_CAP & ~VTD_CAP_DRD, RECORDER_ECAP);
    recorder_forget();
    ck_assert(rig_unmap(0x1000, 4 * KIB));
    TOLD({ 0x20072, 0x1040 });
}
END_TEST

START_TEST(write_buffer_flush_where_asked_for)
{
    recorder_boot(GUEST_STRICT, RECORDER_CAP | VTD_CAP_RWBF, RECORDER_ECAP);
    recorder_forget();
    ck_assert(rig_map(0x1000, 4 * KIB, 0x5000, 0));
    ck_assert_uint_eq(rec.n_desc, 0);
    ck_assert_uint_eq(rec.n_writes, 1);
    ck_assert_uint_eq(rec.write[0].off, VTD_GCMD);
    ck_assert_uint_eq(rec.write[0].value, 0x8c000000); /* TE, QIE and WBF */
}
END_TEST

START_TEST(device_tlb_after_iotlb_after_entry)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.device[0].ats = true;
    recorder_start(RECORDER_CAP, RECORDER_ECAP | VTD_ECAP_DT);
    ck_assert_uint_eq(rig_read(RIG_TABLES + 0x4080) & 0xf,
                      5); /* context entry: P, TT 1 */
    ck_assert(rig_map(0x10000, 64 * KIB, 0x500000, 0));
    /* root, queue, status, top, context, then levels 3, 2 and 1 */
    rec.watch_at = GPA(RIG_TABLES + 0x7080);
    ck_assert_uint_eq(rig_read(rec.watch_at.v), 0x500003);
    recorder_forget();
    ck_assert(rig_unmap(0x10000, 64 * KIB));
    ck_assert_uint_eq(rec.desc[0].entry, 0); /* cleared before the first is submitted */
    TOLD({ 0x200f2, 0x10044 }, { 0x800000003, 0x17001 });
    ck_assert(rig_unmap(0x21000, 4 * KIB));
    TOLD({ 0x200f2, 0x21040 }, { 0x800000003, 0x21000 });
    /* Too large for the IOTLB's mask: the device TLB is told the block all the same. */
    ck_assert(rig_unmap(0, 4 * GIB));
    TOLD({ 0x200e2, 0 }, { 0x800000003, 0x7ffff001 });
}
END_TEST

START_TEST(new_pages_are_not_in_any_device_tlb)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.device[0].ats = true;
    recorder_start(RECORDER_CAP | VTD_CAP_CM, RECORDER_ECAP | VTD_ECAP_DT);
    recorder_forget();
    ck_assert(rig_map(0x10000, 4 * KIB, 0x500000, 0));
    TOLD({ 0x200f2, 0x10000 });
    ck_assert(rig_change(0x10000, 4 * KIB, 0x600000)); /* one store, was present */
    TOLD({ 0x200f2, 0x10040 }, { 0x800000003, 0x10000 });
}
END_TEST

START_TEST(detach_is_context_then_domain_then_the_whole_device_tlb)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.device[0].ats = true;
    recorder_start(RECORDER_CAP, RECORDER_ECAP | VTD_ECAP_DT);
    recorder_forget();
    ck_assert(detach(0, 0, false));
    ck_assert_uint_eq(rig_read(RIG_TABLES + 0x4080), 0);
    TOLD({ 0x800020031, 0 }, { 0x200e2, 0 },
         { 0x800000003, UINT64_C(0x7ffffffffffff001) });
    ck_assert(rig_attach(0, 1, 0));
    ck_assert_uint_eq(rec.n_desc, 0); /* nothing absent is cached */
    ck_assert(detach(0, 0, true));
    ck_assert_uint_eq(rig_read(RIG_TABLES + 0x4080), 2); /* FPD stays */
}
END_TEST

START_TEST(without_device_tlb_in_the_unit_ats_is_not_used)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.device[0].ats = true;
    recorder_start(RECORDER_CAP, RECORDER_ECAP);
    ck_assert_uint_eq(rig_read(RIG_TABLES + 0x4080) & 0xf, 1);
    recorder_forget();
    ck_assert(rig_unmap(0x10000, 4 * KIB));
    TOLD({ 0x200f2, 0x10040 });
}
END_TEST

START_TEST(first_stage_is_silent_on_map_and_flushes_each_pasid_on_unmap)
{
    start_scalable(GUEST_STRICT, RECORDER_CAP | VTD_CAP_CM, 0);
    ck_assert(rig_attach(0, 0, 5));
    ck_assert(rig_attach(1, 0, 5));
    ck_assert(rig_attach(1, 0, 6));
    recorder_forget();
    ck_assert(change_domain(STEP_MAP, 0, 0x10000, 8 * KIB));
    ck_assert_uint_eq(rec.n_desc, 0);
    ck_assert(change_domain(STEP_UNMAP, 0, 0x10000, 8 * KIB));
    TOLD({ UINT64_C(0x500030036), 0x10041 }, { UINT64_C(0x600030036), 0x10041 });
    ck_assert(change_domain(STEP_UNMAP, 0, 0, 4 * GIB)); /* tables go, too: all */
    TOLD({ UINT64_C(0x500030026), 0 }, { UINT64_C(0x600030026), 0 });
}
END_TEST

START_TEST(pasid_device_tlbs_follow_once_for_each_device)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.device[0].pasids = vm.device[1].pasids = 64;
    vm.device[0].ats = vm.device[1].ats = true;
    vm.domain[0].type = DOMAIN_FIRST_STAGE;
    recorder_start(RECORDER_CAP, RECORDER_SM_ECAP | VTD_ECAP_DT);
    ck_assert(rig_attach(0, 0, 5));
    ck_assert(rig_attach(1, 0, 5));
    ck_assert(change_domain(STEP_MAP, 0, 0x10000, 8 * KIB));
    recorder_forget();
    ck_assert(change_domain(STEP_UNMAP, 0, 0x10000, 8 * KIB));
    TOLD({ UINT64_C(0x500030036), 0x10041 }, { UINT64_C(0x500080008), 0x10800 },
         { UINT64_C(0x500100008), 0x10800 });
    ck_assert(detach(1, 5, false));
    TOLD({ UINT64_C(0x500030017), 0 }, { UINT64_C(0x500030026), 0 },
         { UINT64_C(0x500100008), UINT64_C(0x7ffffffffffff800) });
}
END_TEST

START_TEST(scalable_attach_with_caching_mode_is_pasid_cache_then_pasid_iotlb)
{
    start_scalable(GUEST_STRICT, RECORDER_CAP | VTD_CAP_CM, 0);
    ck_assert(rig_attach(0, 1, 0));
    /* The old domain, id 2, goes: second stage, so all of it; the new one is id 1. */
    TOLD({ 0x20017, 0 }, { 0x200e2, 0 }, { 0x10017, 0 }, { 0x10026, 0 });
    /* A device that has had none gets its context entry as well. */
    ck_assert(rig_attach(1, 1, 0));
    TOLD({ UINT64_C(0x1000000031), 0 }, { 0x10017, 0 }, { 0x10026, 0 });
}
END_TEST

START_TEST(scalable_teardown_flushes_by_what_the_entry_was)
{
    start_scalable(GUEST_STRICT, RECORDER_CAP, 0);
    vm.domain[0].type = DOMAIN_FIRST_STAGE;
    ck_assert(detach(0, 0, false));
    TOLD({ 0x20017, 0 }, { 0x200e2, 0 }); /* second stage */
    ck_assert(rig_attach(0, 0, 0));
    recorder_forget();
    ck_assert(detach(0, 0, false));
    TOLD({ 0x30017, 0 }, { 0x30026, 0 }); /* first stage */
    struct step s = { .kind = STEP_ATTACH };

    s.u.attach =
        (struct step_attach){ .domain = SCENARIO_NONE, .type = ATTACH_PASSTHROUGH };
    ck_assert(rig_do(&s));
    recorder_forget();
    ck_assert(detach(0, 0, true));
    TOLD({ 0x40017, 0 }, { 0x40026, 0 }); /* pass-through */
}
END_TEST

START_TEST(a_change_below_nested_domains_flushes_by_their_ids_and_device_tlbs_whole)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.device[0].ats = true;
    vm.domain[0].type = DOMAIN_NESTED;
    vm.domain[0].parent = 1;
    recorder_start(RECORDER_CAP, RECORDER_SM_ECAP | VTD_ECAP_DT);
    ck_assert(rig_attach(0, 0, 0));
    ck_assert(change_domain(STEP_MAP, 1, 0x10000, 4 * KIB));
    recorder_forget();
    ck_assert(change_domain(STEP_UNMAP, 1, 0x10000, 4 * KIB));
    TOLD({ 0x100f2, 0x10040 }, { 0x300f2, 0x10040 },
         { 0x800000003, UINT64_C(0x7ffffffffffff001) });
    /* Its own tables are a first stage's. */
    ck_assert(change_domain(STEP_UNMAP, 0, 0x10000, 4 * KIB));
    TOLD({ 0x30036, 0x10040 }, { 0x800000003, 0x10000 });
    ck_assert(detach(0, 0, false));
    TOLD({ 0x30017, 0 }, { 0x300e2, 0 }, { 0x800000003, UINT64_C(0x7ffffffffffff001) });
}
END_TEST

START_TEST(lazy_holds_for_a_first_stage_with_caching_mode)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.sc.guest.driver = GUEST_LAZY;
    vm.sc.guest.flush_entries = 2;
    vm.domain[0].type = DOMAIN_FIRST_STAGE;
    vm.device[0].ats = true;
    recorder_start(RECORDER_CAP | VTD_CAP_CM, RECORDER_SM_ECAP | VTD_ECAP_DT);
    ck_assert(rig_map(0x10000, 8 * KIB, 0x5000, 0));
    recorder_forget();
    ck_assert(rig_unmap(0x10000, 4 * KIB)); /* a second stage is strict */
    TOLD({ 0x200f2, 0x10040 }, { 0x800000003, 0x10000 });
    ck_assert(rig_attach(0, 0, 0));
    ck_assert(change_domain(STEP_MAP, 0, 0x10000, 8 * KIB));
    recorder_forget();
    ck_assert(change_domain(STEP_UNMAP, 0, 0x10000, 4 * KIB));
    ck_assert_uint_eq(rec.n_desc, 0);
    ck_assert(guest_pending(vm.g));
    ck_assert(change_domain(STEP_UNMAP, 0, 0x11000, 4 * KIB));
    TOLD({ 0x30026, 0 }, { 0x800000003, UINT64_C(0x7ffffffffffff001) });
    ck_assert(!guest_pending(vm.g));
}
END_TEST

START_TEST(V39_a_lazy_unmap_clears_at_once_and_tells_the_unit_later)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.sc.guest.driver = GUEST_LAZY;
    recorder_start(RECORDER_CAP, RECORDER_ECAP);
    for (uint64_t i = 0; i < 256; i++) {
        ck_assert(rig_map(i * 4 * KIB, 4 * KIB, 0x500000, 0));
    }
    recorder_forget();
    for (uint64_t i = 0; i < 256; i++) {
        ck_assert_uint_eq(rec.n_desc, 0);
        ck_assert(rig_unmap(i * 4 * KIB, 4 * KIB));
        ck_assert_uint_eq(rig_read(RIG_TABLES + 0x7000 + 8 * i), 0);
    }
    TOLD({ 0x200e2, 0 }); /* one flush of the domain for 256 entries */
}
END_TEST

START_TEST(a_superpage_waits_until_the_table_below_it_is_flushed)
{
    recorder_boot(GUEST_STRICT, RECORDER_CAP, RECORDER_ECAP);
    ck_assert(rig_map(2 * MIB, 2 * MIB, 0x40000000, 12));
    rec.watch_at = GPA(RIG_TABLES + 0x6008); /* its level 2 entry */
    recorder_forget();
    ck_assert(rig_map(2 * MIB, 2 * MIB, 0x40000000, 0));
    ck_assert_uint_eq(rec.desc[0].entry, 0); /* cleared, flushed with IH = 0, */
    TOLD({ 0x200f2, 0x200009 });             /* 2 MiB at 2 MiB, */
    ck_assert_uint_eq(rig_read(rec.watch_at.v), 0x40000083); /* only then written */
    ck_assert(rig_unmap(3 * MIB, 4 * KIB));                  /* and split again */
    TOLD({ 0x200f2, 0x200049 });
    ck_assert_uint_eq(rig_read(rec.watch_at.v) & 0x83, 3);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("guest_intel_invalidate");
    TCase *t = tcase_create("intel_invalidate");

    tcase_add_checked_fixture(t, NULL, rig_fini);
    tcase_add_test(t, page_flush_rounds_to_the_smallest_aligned_block_that_covers);
    tcase_add_test(t, a_block_beyond_mamv_or_no_psi_is_a_domain_flush);
    tcase_add_test(t, without_page_selection_every_flush_is_of_the_domain);
    tcase_add_test(t, drains_are_asked_for_where_cap_has_them);
    tcase_add_test(t, write_buffer_flush_where_asked_for);
    tcase_add_test(t, device_tlb_after_iotlb_after_entry);
    tcase_add_test(t, new_pages_are_not_in_any_device_tlb);
    tcase_add_test(t, detach_is_context_then_domain_then_the_whole_device_tlb);
    tcase_add_test(t, without_device_tlb_in_the_unit_ats_is_not_used);
    tcase_add_test(t, first_stage_is_silent_on_map_and_flushes_each_pasid_on_unmap);
    tcase_add_test(t, pasid_device_tlbs_follow_once_for_each_device);
    tcase_add_test(t, scalable_attach_with_caching_mode_is_pasid_cache_then_pasid_iotlb);
    tcase_add_test(t, scalable_teardown_flushes_by_what_the_entry_was);
    tcase_add_test(
        t, a_change_below_nested_domains_flushes_by_their_ids_and_device_tlbs_whole);
    tcase_add_test(t, lazy_holds_for_a_first_stage_with_caching_mode);
    tcase_add_test(t, V39_a_lazy_unmap_clears_at_once_and_tells_the_unit_later);
    tcase_add_test(t, a_superpage_waits_until_the_table_below_it_is_flushed);
    suite_add_tcase(s, t);
    return s;
}
