/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The VT-d driver on the real model: bytes in tables and queue, policies, latencies. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iommu/vtd_reg_fmt.h"
#include "support_guest.h"
#include "support_main.h"

/* The descriptor `back` slots before the queue's tail. */
static struct vtd_pair
descriptor(unsigned back)
{
    uint64_t base = iommu_mmio_read(vm.m, VTD_IQA, 8) & ~PAGE_MASK;
    uint64_t at = (iommu_mmio_read(vm.m, VTD_IQT, 8) - 16 * (uint64_t)back) & 0xfff;

    return (struct vtd_pair){ .lo = mem_read64le(vm.env.mem, GPA(base + at)),
                              .hi = mem_read64le(vm.env.mem, GPA(base + at + 8)) };
}

START_TEST(boot_sets_up_root_table_queue_and_translation)
{
    rig_boot(GUEST_STRICT, true);
    ck_assert_uint_eq(iommu_mmio_read(vm.m, VTD_GSTS, 4), 0xc4000000);
    ck_assert_uint_eq(iommu_mmio_read(vm.m, VTD_RTADDR, 8), RIG_TABLES);
    ck_assert_uint_eq(iommu_mmio_read(vm.m, VTD_IQA, 8) & 0xfff, 0);
    /* 48 bits, and id 2, because domain d1 has stated 1. */
    ck_assert_uint_eq(rig_context(1), 0x202);
    ck_assert_uint_eq(rig_context(0) & 0xfff, 1);
}
END_TEST

START_TEST(manual_sets_up_nothing)
{
    rig_boot(GUEST_MANUAL, true);
    ck_assert_uint_eq(iommu_mmio_read(vm.m, VTD_GSTS, 4), 0);
    ck_assert_uint_eq(mem_resident(vm.env.mem), 0);
    ck_assert(rig_map(0x1000, 4 * KIB, 0x5000, 0));
    ck_assert_uint_eq(vm.invalidations, 0);
    /* root, level 3, level 2, level 1: the first pages of table memory */
    ck_assert_uint_eq(rig_read(RIG_TABLES), (RIG_TABLES + 0x1000) | 3);
    ck_assert_uint_eq(rig_read(RIG_TABLES + 0x3008), 0x5003);
}
END_TEST

START_TEST(map_stores_the_largest_leaves_that_fit)
{
    rig_boot(GUEST_STRICT, false);
    /* 2 MiB - 4 KiB .. 4 MiB + 4 KiB: a page, a large page, a page */
    ck_assert(rig_map(2 * MIB - 4 * KIB, 2 * MIB + 8 * KIB, 10 * MIB - 4 * KIB, 0));
    ck_assert_uint_eq(rig_entry(2 * MIB - 4 * KIB, 1), (10 * MIB - 4 * KIB) | 3);
    ck_assert_uint_eq(rig_entry(2 * MIB, 2), (10 * MIB) | 0x83);
    ck_assert_uint_eq(rig_entry(4 * MIB, 1), (12 * MIB) | 3);
    ck_assert(rig_map(GIB, GIB, GIB, 0));
    ck_assert_uint_eq(rig_entry(GIB, 3), GIB | 0x83);
    ck_assert_uint_eq(vm.invalidations, 0);
    /* misaligned against each other: small pages only */
    ck_assert(rig_map(8 * MIB, 2 * MIB, 20 * MIB + 4 * KIB, 0));
    ck_assert_uint_eq(rig_entry(10 * MIB - 4 * KIB, 1), (22 * MIB) | 3);
    ck_assert(rig_map(16 * MIB, 2 * MIB, 16 * MIB, 12));
    ck_assert_uint_eq(rig_entry(16 * MIB, 1), (16 * MIB) | 3);
}
END_TEST

START_TEST(map_with_caching_mode_is_one_page_invalidation_and_its_wait)
{
    struct vtd_pair d;

    rig_boot(GUEST_STRICT, true);
    ck_assert(rig_map(0x1fff000, 8 * KIB, 0x5000, 0));
    ck_assert_uint_eq(vm.invalidations, 1);
    d = descriptor(2);
    ck_assert_uint_eq(d.lo, 0x200f2); /* page, drains, id 2 */
    ck_assert_uint_eq(d.hi, 14);      /* frames 0x1fff and 0x2000: order 14 */
    d = descriptor(1);
    ck_assert_uint_eq(d.lo, 0x200000025);
    ck_assert_uint_eq(mem_read32le(vm.env.mem, GPA(d.hi)), 2);
}
END_TEST

START_TEST(unmap_invalidates_the_smallest_block_with_hint_until_a_table_is_freed)
{
    rig_boot(GUEST_STRICT, false);
    ck_assert(rig_map(0x1000000, 4 * MIB, 0x5000, 12));
    ck_assert(rig_unmap(0x1001000, 8 * KIB));
    ck_assert_uint_eq(descriptor(2).hi, 0x1000000 | 0x40 | 2);
    ck_assert_uint_eq(rig_entry(0x1001000, 1), 0);
    ck_assert_uint_eq(rig_entry(0x1000000, 1), 0x5003);
    ck_assert(rig_unmap(0x1200000, 2 * MIB));
    ck_assert_uint_eq(descriptor(2).hi, 0x1200000 | 9);
    ck_assert_uint_eq(rig_entry(0x1200000, 2), 0);
    ck_assert_uint_eq(vm.invalidations, 2);
    /* more than 2^18 pages: the domain */
    ck_assert(rig_unmap(0, 2 * GIB));
    ck_assert_uint_eq(descriptor(2).lo, 0x200e2);
}
END_TEST

START_TEST(freed_table_pages_are_used_again_and_clean)
{
    uint64_t table;

    rig_boot(GUEST_STRICT, false);
    ck_assert(rig_map(0x1000000, 2 * MIB, 0x5000, 12));
    table = rig_entry(0x1000000, 2) & ~PAGE_MASK;
    ck_assert(rig_unmap(0x1000000, 2 * MIB));
    ck_assert(rig_map(0x8001000, 4 * KIB, 0x7000, 0));
    ck_assert_uint_eq(rig_entry(0x8000000, 2), table | 3);
    ck_assert_uint_eq(rig_entry(0x8000000, 1), 0);
    ck_assert_uint_eq(rig_entry(0x8001000, 1), 0x7003);
}
END_TEST

START_TEST(unmap_of_part_of_a_large_page_writes_the_rest_again)
{
    rig_boot(GUEST_STRICT, true);
    ck_assert(rig_map(GIB, GIB, GIB, 0));
    rig_forget();
    ck_assert(rig_unmap(GIB + 2 * MIB, 4 * KIB));
    ck_assert_uint_eq(vm.invalidations, 2);
    ck_assert_uint_eq(rig_entry(GIB, 2), GIB | 0x83);
    ck_assert_uint_eq(rig_entry(GIB + 2 * MIB, 1), 0);
    ck_assert_uint_eq(rig_entry(GIB + 2 * MIB + 4 * KIB, 1),
                      (GIB + 2 * MIB + 4 * KIB) | 3);
    ck_assert_uint_eq(rig_entry(2 * GIB - 2 * MIB, 2), (2 * GIB - 2 * MIB) | 0x83);
}
END_TEST

START_TEST(change_is_one_store_for_each_leaf_and_keeps_what_is_not_given)
{
    rig_boot(GUEST_STRICT, false);
    ck_assert(rig_map(2 * MIB, 2 * MIB + 4 * KIB, 2 * MIB, 0));
    ck_assert(rig_change(2 * MIB, 2 * MIB + 4 * KIB, 20 * MIB));
    ck_assert_uint_eq(vm.invalidations, 1);
    ck_assert_uint_eq(rig_entry(2 * MIB, 2), (20 * MIB) | 0x83);
    ck_assert_uint_eq(rig_entry(4 * MIB, 1), (22 * MIB) | 3);
    /* part of a large page: cleared, invalidated, written small */
    ck_assert(rig_change(2 * MIB + 8 * KIB, 4 * KIB, 0x9000));
    ck_assert_uint_eq(rig_entry(2 * MIB + 4 * KIB, 1), (20 * MIB + 4 * KIB) | 3);
    ck_assert_uint_eq(rig_entry(2 * MIB + 8 * KIB, 1), 0x9003);
    ck_assert(!rig_change(2 * MIB, 4 * MIB, 0x9000));
    ck_assert_str_eq(vm.reply.why, "not-mapped");
}
END_TEST

START_TEST(a_large_page_over_an_empty_table_waits_for_the_table_to_go)
{
    rig_boot(GUEST_STRICT, false);
    ck_assert(rig_map(2 * MIB, 4 * KIB, 0x5000, 0));
    ck_assert(rig_unmap(2 * MIB, 4 * KIB));
    rig_forget();
    ck_assert(rig_map(2 * MIB, 2 * MIB, 4 * MIB, 0));
    ck_assert_uint_eq(vm.invalidations, 1);
    ck_assert(!vm.last.leaf_only);
    ck_assert_uint_eq(rig_entry(2 * MIB, 2), (4 * MIB) | 0x83);
}
END_TEST

START_TEST(lazy_flushes_the_domain_at_the_number_of_entries)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.sc.guest.driver = GUEST_LAZY;
    vm.sc.guest.flush_entries = 3;
    rig_start();
    ck_assert(rig_map(0, 16 * KIB, 0x5000, 0));
    for (uint64_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(vm.invalidations, 0);
        ck_assert(rig_unmap(i * 4 * KIB, 4 * KIB));
    }
    ck_assert_uint_eq(vm.invalidations, 1);
    ck_assert_uint_eq(descriptor(2).lo, 0x200e2);
    ck_assert(!guest_pending(vm.g));
}
END_TEST

START_TEST(lazy_flushes_when_its_timer_fires)
{
    rig_boot(GUEST_LAZY, false);
    ck_assert(rig_map(0, 2 * MIB, 0x5000, 0));
    ck_assert(rig_unmap(0, 2 * MIB));
    ck_assert(guest_pending(vm.g));
    ck_assert_uint_eq(vm.invalidations, 0);
    rig_run();
    ck_assert_uint_eq(sim_now(vm.env.sim), 10000000);
    ck_assert_uint_eq(vm.invalidations, 1);
    ck_assert(!guest_pending(vm.g));
}
END_TEST

START_TEST(lazy_is_strict_with_caching_mode)
{
    rig_boot(GUEST_LAZY, true);
    ck_assert(rig_map(0, 4 * KIB, 0x5000, 0));
    ck_assert(rig_unmap(0, 4 * KIB));
    ck_assert_uint_eq(vm.invalidations, 2);
    ck_assert_uint_eq(sim_pending(vm.env.sim), 0);
}
END_TEST

START_TEST(attach_elsewhere_clears_and_invalidates_the_old_domain_first)
{
    struct step s = { .kind = STEP_ATTACH };

    rig_boot(GUEST_STRICT, true);
    s.u.attach = (struct step_attach){ .device = 0, .domain = 1 };
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(rig_context(1), 0x102);
    ck_assert_uint_eq(descriptor(8).lo, 0x800020031); /* context, device, old id */
    ck_assert_uint_eq(descriptor(6).lo, 0x200e2);     /* IOTLB, old id */
    ck_assert_uint_eq(descriptor(4).lo, 0x800000031); /* context, device, id 0 */
    ck_assert_uint_eq(descriptor(2).lo, 0x100e2);     /* IOTLB, new id */
    rig_forget();
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(vm.invalidations, 0);
    s.u.attach =
        (struct step_attach){ .domain = SCENARIO_NONE, .type = ATTACH_PASSTHROUGH };
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(rig_context(0), 9);
    s.kind = STEP_DETACH;
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(rig_context(0) | rig_context(1), 0);
    ck_assert(!rig_map(0, 4 * KIB, 0x5000, 0));
    ck_assert_str_eq(vm.reply.why, "not-attached");
}
END_TEST

START_TEST(ats_changes_the_context_entry_and_flushes_it)
{
    struct step s = { .kind = STEP_ATS };

    rig_init(IOMMU_INTEL_VTD);
    vm.sc.guest.driver = GUEST_STRICT;
    vm.vtd.device_iotlb = true;
    rig_start();
    const uint64_t table = rig_context(0);
    ck_assert_uint_eq(table & 0xfff, 1);
    rig_forget();
    s.u.ats.enable = true;
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(rig_context(0), table | 4);
    ck_assert_uint_eq(descriptor(4).lo, 0x800020031); /* context, device */
    ck_assert_uint_eq(descriptor(2).lo, 0x200e2);     /* IOTLB, domain */
    ck_assert_uint_eq(vm.invalidations, 2);
    ck_assert(rig_map(0, 4 * KIB, 0x5000, 0));
    ck_assert(rig_unmap(0, 4 * KIB));
    ck_assert_uint_eq(descriptor(2).lo & 0xf, 3); /* device TLB */
    rig_forget();
    ck_assert(rig_do(&s)); /* it is on: nothing to be done */
    ck_assert_uint_eq(vm.invalidations, 0);
    s.u.ats.enable = false;
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(rig_context(0), table);
    ck_assert_uint_eq(vm.invalidations, 2);
    ck_assert(rig_map(0, 4 * KIB, 0x5000, 0));
    ck_assert(rig_unmap(0, 4 * KIB));
    ck_assert_uint_eq(descriptor(2).lo & 0xf, 2); /* IOTLB, and no more */
}
END_TEST

START_TEST(without_a_queue_the_registers_do_it)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.vtd.queued_invalidation = false;
    vm.vtd.caching_mode = true;
    rig_start();
    ck_assert_uint_eq(iommu_mmio_read(vm.m, VTD_GSTS, 4), 0xc0000000);
    ck_assert(rig_map(0x1fff000, 8 * KIB, 0x5000, 0));
    ck_assert_uint_eq(vm.invalidations, 1);
    ck_assert_int_eq(vm.last.scope, INVAL_PAGE);
    ck_assert_uint_eq(vm.last.last, (UINT64_C(1) << 26) - 1);
}
END_TEST

START_TEST(exhausted_table_memory_fails_the_map_and_takes_it_back)
{
    rig_init(IOMMU_INTEL_VTD);
    vm.sc.guest.table_size = 8 * 4 * KIB; /* root, context, queue, status, 4 levels */
    rig_start();
    ck_assert(!rig_map(2 * MIB - 4 * KIB, 8 * KIB, 0x5000, 0));
    ck_assert_str_eq(vm.reply.why, "table-memory-exhausted");
    ck_assert_uint_eq(rig_entry(2 * MIB - 4 * KIB, 1), 0);
    ck_assert_uint_eq(vm.invalidations, 1);
    ck_assert(rig_map(2 * MIB - 4 * KIB, 4 * KIB, 0x5000, 0));
}
END_TEST

START_TEST(a_stopped_queue_is_a_failed_step)
{
    struct step s = { .kind = STEP_QI };
    struct qi_descriptor bad = { .type = QI_RAW, .n_raw = 2, .raw = { 15, 0 } };

    rig_boot(GUEST_STRICT, false);
    s.u.qi = (struct step_qi){ .n = 1, .desc = &bad };
    ck_assert(rig_do(&s));
    ck_assert_uint_eq(iommu_mmio_read(vm.m, VTD_FSTS, 4) & VTD_FSTS_IQE, VTD_FSTS_IQE);
    ck_assert(!rig_unmap(0, 4 * KIB));
    ck_assert_str_eq(vm.reply.why, "queue-error");
}
END_TEST

START_TEST(latencies_pass_between_the_phases)
{
    rig_boot(GUEST_STRICT, false);
    latencies_set(&vm.env.latency, LATENCY_PTE_WRITE, &DIST_CONST(10));
    latencies_set(&vm.env.latency, LATENCY_MMIO, &DIST_CONST(300));
    ck_assert(!rig_map(0, 8 * KIB, 0x5000, 0));
    rig_run();
    ck_assert_uint_eq(vm.replies, 1);
    ck_assert_uint_eq(sim_now(vm.env.sim), 50); /* 3 tables, 2 leaves */
    ck_assert(!rig_unmap(0, 8 * KIB));
    ck_assert_uint_eq(rig_entry(0, 1), 0);
    ck_assert_uint_eq(vm.invalidations, 0);
    rig_run();
    ck_assert_uint_eq(vm.replies, 2);
    ck_assert_uint_eq(sim_now(vm.env.sim), 370);
}
END_TEST

START_TEST(submissions_of_two_steps_follow_one_another)
{
    rig_boot(GUEST_STRICT, false);
    latencies_set(&vm.env.latency, LATENCY_INVALIDATE, &DIST_CONST(1000));
    ck_assert(!rig_unmap(0, 4 * KIB));
    ck_assert(!rig_unmap(0x1000, 4 * KIB));
    rig_run();
    ck_assert_uint_eq(vm.replies, 2);
    ck_assert(vm.reply.ok);
    ck_assert_uint_eq(vm.invalidations, 2);
    ck_assert_uint_eq(descriptor(2).hi, 0x1040);
    ck_assert_uint_eq(descriptor(4).hi, 0x40);
}
END_TEST

START_TEST(a_reset_ends_the_step_that_waits_for_the_queue)
{
    rig_boot(GUEST_STRICT, false);
    latencies_set(&vm.env.latency, LATENCY_INVALIDATE, &DIST_CONST(1000));
    ck_assert(!rig_unmap(0, 4 * KIB));
    ck_assert(!rig_unmap(0x1000, 4 * KIB));
    vm.m->ops->reset(vm.m);
    guest_reset(vm.g, SCENARIO_NONE);
    ck_assert_uint_eq(vm.replies, 1);
    ck_assert_str_eq(vm.reply.why, "queue-error");
    rig_run();
    ck_assert_uint_eq(vm.replies, 2);
}
END_TEST

START_TEST(after_a_reset_the_next_map_boots_again)
{
    rig_boot(GUEST_STRICT, true);
    ck_assert(rig_map(0, 4 * KIB, 0x5000, 0));
    vm.m->ops->reset(vm.m);
    guest_reset(vm.g, SCENARIO_NONE);
    ck_assert_uint_eq(iommu_mmio_read(vm.m, VTD_GSTS, 4), 0);
    ck_assert(rig_map(0x1000, 4 * KIB, 0x6000, 0));
    ck_assert_uint_eq(iommu_mmio_read(vm.m, VTD_GSTS, 4), 0xc4000000);
    ck_assert_uint_eq(rig_entry(0, 1), 0x5003);
    ck_assert_uint_eq(rig_entry(0x1000, 1), 0x6003);
}
END_TEST

START_TEST(a_device_that_comes_and_goes_has_an_empty_domain_each_time)
{
    rig_boot(GUEST_STRICT, true);
    ck_assert(rig_map(0, 4 * KIB, 0x5000, 0));
    guest_unplugged(vm.g, 0, NULL, NULL);
    ck_assert_uint_eq(rig_context(0), 0);
    guest_plugged(vm.g, 0, NULL, NULL);
    ck_assert_uint_eq(rig_context(1), 0x202);
    ck_assert_uint_eq(rig_entry(0, 1), 0);
}
END_TEST

/* Every page of a small range against a plain array, large pages included. */
enum { FUZZ_PAGES = 2048, FUZZ_STEPS = 3000 };

static void
compare(const uint64_t *want)
{
    for (uint64_t i = 0; i < FUZZ_PAGES; i++) {
        uint64_t iova = i * 4 * KIB, large = rig_entry(iova, 2), have = 0;

        if ((large & 0x80) != 0 && (large & 3) != 0) {
            have = (large & ~UINT64_C(0xfff)) + (iova & (2 * MIB - 1));
        } else {
            have = rig_entry(iova, 1) & ~UINT64_C(3);
        }
        ck_assert_uint_eq(have, want[i]);
    }
}

START_TEST(random_maps_unmaps_and_changes_equal_a_page_array)
{
    static const uint64_t sizes[] = { 1, 2, 3, 17, 512, 513, 600, 1024 };
    uint64_t *want = calloc(FUZZ_PAGES, sizeof(*want));
    unsigned seed = 20240211;

    printf("# seed %u\n", seed);
    rig_boot(GUEST_STRICT, true);
    for (unsigned n = 0; n < FUZZ_STEPS; n++) {
        uint64_t pages = sizes[(unsigned)rand_r(&seed) % 8];
        uint64_t first = (unsigned)rand_r(&seed) % (FUZZ_PAGES - pages);
        uint64_t gpa = 256 * MIB + ((unsigned)rand_r(&seed) % 4096) * 4 * KIB;
        bool live = true;

        if (rand_r(&seed) % 2 == 0) { /* give large pages a chance */
            first &= ~UINT64_C(511);
            gpa &= ~(2 * MIB - 1);
        }
        for (uint64_t i = 0; i < pages; i++) {
            live &= want[first + i] != 0;
        }
        switch (rand_r(&seed) % 3) {
        case 0:
            ck_assert(rig_map(first * 4 * KIB, pages * 4 * KIB, gpa, 0));
            break;
        case 1:
            ck_assert(rig_unmap(first * 4 * KIB, pages * 4 * KIB));
            gpa = 0;
            break;
        default:
            ck_assert_int_eq(rig_change(first * 4 * KIB, pages * 4 * KIB, gpa), live);
            if (!live) {
                continue;
            }
        }
        for (uint64_t i = 0; i < pages; i++) {
            want[first + i] = gpa == 0 ? 0 : gpa + i * 4 * KIB;
        }
        if (n % 16 == 0) {
            compare(want);
        }
    }
    compare(want);
    /* Nothing was lost on the way: all but a few pages of table memory are left. */
    ck_assert(rig_unmap(0, GIB));
    ck_assert(rig_map(0, 8000 * MIB - 32 * MIB, 0, 12));
    free(want);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("guest_intel_driver");
    TCase *t = tcase_create("intel_driver");

    tcase_add_checked_fixture(t, NULL, rig_fini);
    tcase_add_test(t, boot_sets_up_root_table_queue_and_translation);
    tcase_add_test(t, manual_sets_up_nothing);
    tcase_add_test(t, map_stores_the_largest_leaves_that_fit);
    tcase_add_test(t, map_with_caching_mode_is_one_page_invalidation_and_its_wait);
    tcase_add_test(t,
                   unmap_invalidates_the_smallest_block_with_hint_until_a_table_is_freed);
    tcase_add_test(t, freed_table_pages_are_used_again_and_clean);
    tcase_add_test(t, unmap_of_part_of_a_large_page_writes_the_rest_again);
    tcase_add_test(t, change_is_one_store_for_each_leaf_and_keeps_what_is_not_given);
    tcase_add_test(t, a_large_page_over_an_empty_table_waits_for_the_table_to_go);
    tcase_add_test(t, lazy_flushes_the_domain_at_the_number_of_entries);
    tcase_add_test(t, lazy_flushes_when_its_timer_fires);
    tcase_add_test(t, lazy_is_strict_with_caching_mode);
    tcase_add_test(t, attach_elsewhere_clears_and_invalidates_the_old_domain_first);
    tcase_add_test(t, ats_changes_the_context_entry_and_flushes_it);
    tcase_add_test(t, without_a_queue_the_registers_do_it);
    tcase_add_test(t, exhausted_table_memory_fails_the_map_and_takes_it_back);
    tcase_add_test(t, a_stopped_queue_is_a_failed_step);
    tcase_add_test(t, latencies_pass_between_the_phases);
    tcase_add_test(t, submissions_of_two_steps_follow_one_another);
    tcase_add_test(t, a_reset_ends_the_step_that_waits_for_the_queue);
    tcase_add_test(t, after_a_reset_the_next_map_boots_again);
    tcase_add_test(t, a_device_that_comes_and_goes_has_an_empty_domain_each_time);
    tcase_add_test(t, random_maps_unmaps_and_changes_equal_a_page_array);
    suite_add_tcase(s, t);
    return s;
}
