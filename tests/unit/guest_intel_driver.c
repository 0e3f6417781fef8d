/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The VT-d driver on the real model: bytes in tables and queue, policies, latencies. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iommu/vtd_fmt.h"
#include "support_guest.h"
#include "support_main.h"

static void
start(struct rig *r, enum guest_driver driver, bool caching_mode)
{
    rig_init(r, IOMMU_INTEL_VTD);
    r->sc.guest.driver = driver;
    r->vtd.caching_mode = caching_mode;
    rig_start(r);
}

/* The descriptor `back` slots before the queue's tail. */
static struct vtd_pair
descriptor(const struct rig *r, unsigned back)
{
    uint64_t base = iommu_mmio_read(r->m, VTD_IQA, 8) & ~PAGE_MASK;
    uint64_t at = (iommu_mmio_read(r->m, VTD_IQT, 8) - 16 * (uint64_t)back) & 0xfff;

    return (struct vtd_pair){ .lo = mem_read64le(r->env.mem, GPA(base + at)),
                              .hi = mem_read64le(r->env.mem, GPA(base + at + 8)) };
}

START_TEST(boot_sets_up_root_table_queue_and_translation)
{
    struct rig r;

    start(&r, GUEST_STRICT, true);
    ck_assert_uint_eq(iommu_mmio_read(r.m, VTD_GSTS, 4), 0xc4000000);
    ck_assert_uint_eq(iommu_mmio_read(r.m, VTD_RTADDR, 8), RIG_TABLES);
    ck_assert_uint_eq(iommu_mmio_read(r.m, VTD_IQA, 8) & 0xfff, 0);
    /* 48 bits, and id 2, because domain d1 has stated 1. */
    ck_assert_uint_eq(rig_context(&r, 1), 0x202);
    ck_assert_uint_eq(rig_context(&r, 0) & 0xfff, 1);
    rig_fini(&r);
}
END_TEST

START_TEST(manual_sets_up_nothing)
{
    struct rig r;

    start(&r, GUEST_MANUAL, true);
    ck_assert_uint_eq(iommu_mmio_read(r.m, VTD_GSTS, 4), 0);
    ck_assert_uint_eq(mem_resident(r.env.mem), 0);
    ck_assert(rig_map(&r, 0x1000, 4 * KIB, 0x5000, 0));
    ck_assert_uint_eq(r.invalidations, 0);
    /* root, level 3, level 2, level 1: the first pages of table memory */
    ck_assert_uint_eq(mem_read64le(r.env.mem, GPA(RIG_TABLES)),
                      (RIG_TABLES + 0x1000) | 3);
    ck_assert_uint_eq(mem_read64le(r.env.mem, GPA(RIG_TABLES + 0x3008)), 0x5003);
    rig_fini(&r);
}
END_TEST

START_TEST(map_stores_the_largest_leaves_that_fit)
{
    struct rig r;

    start(&r, GUEST_STRICT, false);
    /* 2 MiB - 4 KiB .. 4 MiB + 4 KiB: a page, a large page, a page */
    ck_assert(rig_map(&r, 2 * MIB - 4 * KIB, 2 * MIB + 8 * KIB, 10 * MIB - 4 * KIB, 0));
    ck_assert_uint_eq(rig_entry(&r, 2 * MIB - 4 * KIB, 1), (10 * MIB - 4 * KIB) | 3);
    ck_assert_uint_eq(rig_entry(&r, 2 * MIB, 2), (10 * MIB) | 0x83);
    ck_assert_uint_eq(rig_entry(&r, 4 * MIB, 1), (12 * MIB) | 3);
    ck_assert(rig_map(&r, GIB, GIB, GIB, 0));
    ck_assert_uint_eq(rig_entry(&r, GIB, 3), GIB | 0x83);
    ck_assert_uint_eq(r.invalidations, 0);
    /* misaligned against each other: small pages only */
    ck_assert(rig_map(&r, 8 * MIB, 2 * MIB, 20 * MIB + 4 * KIB, 0));
    ck_assert_uint_eq(rig_entry(&r, 10 * MIB - 4 * KIB, 1), (22 * MIB) | 3);
    ck_assert(rig_map(&r, 16 * MIB, 2 * MIB, 16 * MIB, 12));
    ck_assert_uint_eq(rig_entry(&r, 16 * MIB, 1), (16 * MIB) | 3);
    rig_fini(&r);
}
END_TEST

START_TEST(map_with_caching_mode_is_one_page_invalidation_and_its_wait)
{
    struct rig r;
    struct vtd_pair d;

    start(&r, GUEST_STRICT, true);
    ck_assert(rig_map(&r, 0x1fff000, 8 * KIB, 0x5000, 0));
    ck_assert_uint_eq(r.invalidations, 1);
    d = descriptor(&r, 2);
    ck_assert_uint_eq(d.lo, 0x200f2); /* page, drains, id 2 */
    ck_assert_uint_eq(d.hi, 14);      /* frames 0x1fff and 0x2000: order 14 */
    d = descriptor(&r, 1);
    ck_assert_uint_eq(d.lo, 0x200000025);
    ck_assert_uint_eq(mem_read32le(r.env.mem, GPA(d.hi)), 2);
    rig_fini(&r);
}
END_TEST

START_TEST(unmap_invalidates_the_smallest_block_with_hint_until_a_table_is_freed)
{
    struct rig r;

    start(&r, GUEST_STRICT, false);
    ck_assert(rig_map(&r, 0x1000000, 4 * MIB, 0x5000, 12));
    ck_assert(rig_unmap(&r, 0x1001000, 8 * KIB));
    ck_assert_uint_eq(descriptor(&r, 2).hi, 0x1000000 | 0x40 | 2);
    ck_assert_uint_eq(rig_entry(&r, 0x1001000, 1), 0);
    ck_assert_uint_eq(rig_entry(&r, 0x1000000, 1), 0x5003);
    ck_assert(rig_unmap(&r, 0x1200000, 2 * MIB));
    ck_assert_uint_eq(descriptor(&r, 2).hi, 0x1200000 | 9);
    ck_assert_uint_eq(rig_entry(&r, 0x1200000, 2), 0);
    ck_assert_uint_eq(r.invalidations, 2);
    /* more than 2^18 pages: the domain */
    ck_assert(rig_unmap(&r, 0, 2 * GIB));
    ck_assert_uint_eq(descriptor(&r, 2).lo, 0x200e2);
    rig_fini(&r);
}
END_TEST

START_TEST(freed_table_pages_are_used_again_and_clean)
{
    struct rig r;
    uint64_t table;

    start(&r, GUEST_STRICT, false);
    ck_assert(rig_map(&r, 0x1000000, 2 * MIB, 0x5000, 12));
    table = rig_entry(&r, 0x1000000, 2) & ~PAGE_MASK;
    ck_assert(rig_unmap(&r, 0x1000000, 2 * MIB));
    ck_assert(rig_map(&r, 0x8001000, 4 * KIB, 0x7000, 0));
    ck_assert_uint_eq(rig_entry(&r, 0x8000000, 2), table | 3);
    ck_assert_uint_eq(rig_entry(&r, 0x8000000, 1), 0);
    ck_assert_uint_eq(rig_entry(&r, 0x8001000, 1), 0x7003);
    rig_fini(&r);
}
END_TEST

START_TEST(unmap_of_part_of_a_large_page_writes_the_rest_again)
{
    struct rig r;

    start(&r, GUEST_STRICT, true);
    ck_assert(rig_map(&r, GIB, GIB, GIB, 0));
    rig_forget(&r);
    ck_assert(rig_unmap(&r, GIB + 2 * MIB, 4 * KIB));
    ck_assert_uint_eq(r.invalidations, 2);
    ck_assert_uint_eq(rig_entry(&r, GIB, 2), GIB | 0x83);
    ck_assert_uint_eq(rig_entry(&r, GIB + 2 * MIB, 1), 0);
    ck_assert_uint_eq(rig_entry(&r, GIB + 2 * MIB + 4 * KIB, 1),
                      (GIB + 2 * MIB + 4 * KIB) | 3);
    ck_assert_uint_eq(rig_entry(&r, 2 * GIB - 2 * MIB, 2), (2 * GIB - 2 * MIB) | 0x83);
    rig_fini(&r);
}
END_TEST

START_TEST(change_is_one_store_for_each_leaf_and_keeps_what_is_not_given)
{
    struct rig r;

    start(&r, GUEST_STRICT, false);
    ck_assert(rig_map(&r, 2 * MIB, 2 * MIB + 4 * KIB, 2 * MIB, 0));
    ck_assert(rig_change(&r, 2 * MIB, 2 * MIB + 4 * KIB, 20 * MIB));
    ck_assert_uint_eq(r.invalidations, 1);
    ck_assert_uint_eq(rig_entry(&r, 2 * MIB, 2), (20 * MIB) | 0x83);
    ck_assert_uint_eq(rig_entry(&r, 4 * MIB, 1), (22 * MIB) | 3);
    /* part of a large page: cleared, invalidated, written small */
    ck_assert(rig_change(&r, 2 * MIB + 8 * KIB, 4 * KIB, 0x9000));
    ck_assert_uint_eq(rig_entry(&r, 2 * MIB + 4 * KIB, 1), (20 * MIB + 4 * KIB) | 3);
    ck_assert_uint_eq(rig_entry(&r, 2 * MIB + 8 * KIB, 1), 0x9003);
    ck_assert(!rig_change(&r, 2 * MIB, 4 * MIB, 0x9000));
    ck_assert_str_eq(r.reply.why, "not-mapped");
    rig_fini(&r);
}
END_TEST

START_TEST(a_large_page_over_an_empty_table_waits_for_the_table_to_go)
{
    struct rig r;

    start(&r, GUEST_STRICT, false);
    ck_assert(rig_map(&r, 2 * MIB, 4 * KIB, 0x5000, 0));
    ck_assert(rig_unmap(&r, 2 * MIB, 4 * KIB));
    rig_forget(&r);
    ck_assert(rig_map(&r, 2 * MIB, 2 * MIB, 4 * MIB, 0));
    ck_assert_uint_eq(r.invalidations, 1);
    ck_assert(!r.last.leaf_only);
    ck_assert_uint_eq(rig_entry(&r, 2 * MIB, 2), (4 * MIB) | 0x83);
    rig_fini(&r);
}
END_TEST

START_TEST(lazy_flushes_the_domain_at_the_number_of_entries)
{
    struct rig r;

    rig_init(&r, IOMMU_INTEL_VTD);
    r.sc.guest.driver = GUEST_LAZY;
    r.sc.guest.flush_entries = 3;
    rig_start(&r);
    ck_assert(rig_map(&r, 0, 16 * KIB, 0x5000, 0));
    for (uint64_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(r.invalidations, 0);
        ck_assert(rig_unmap(&r, i * 4 * KIB, 4 * KIB));
    }
    ck_assert_uint_eq(r.invalidations, 1);
    ck_assert_uint_eq(descriptor(&r, 2).lo, 0x200e2);
    ck_assert(!guest_pending(r.g));
    rig_fini(&r);
}
END_TEST

START_TEST(lazy_flushes_when_its_timer_fires)
{
    struct rig r;

    start(&r, GUEST_LAZY, false);
    ck_assert(rig_map(&r, 0, 2 * MIB, 0x5000, 0));
    ck_assert(rig_unmap(&r, 0, 2 * MIB));
    ck_assert(guest_pending(r.g));
    ck_assert_uint_eq(r.invalidations, 0);
    rig_run(&r);
    ck_assert_uint_eq(sim_now(r.env.sim), 10000000);
    ck_assert_uint_eq(r.invalidations, 1);
    ck_assert(!guest_pending(r.g));
    rig_fini(&r);
}
END_TEST

START_TEST(lazy_is_strict_with_caching_mode)
{
    struct rig r;

    start(&r, GUEST_LAZY, true);
    ck_assert(rig_map(&r, 0, 4 * KIB, 0x5000, 0));
    ck_assert(rig_unmap(&r, 0, 4 * KIB));
    ck_assert_uint_eq(r.invalidations, 2);
    ck_assert_uint_eq(sim_pending(r.env.sim), 0);
    rig_fini(&r);
}
END_TEST

START_TEST(attach_elsewhere_clears_and_invalidates_the_old_domain_first)
{
    struct rig r;
    struct step s = { .kind = STEP_ATTACH };

    start(&r, GUEST_STRICT, true);
    s.u.attach = (struct step_attach){ .device = 0, .domain = 1 };
    ck_assert(rig_do(&r, &s));
    ck_assert_uint_eq(rig_context(&r, 1), 0x102);
    ck_assert_uint_eq(descriptor(&r, 8).lo, 0x800020031); /* context, device, old id */
    ck_assert_uint_eq(descriptor(&r, 6).lo, 0x200e2);     /* IOTLB, old id */
    ck_assert_uint_eq(descriptor(&r, 4).lo, 0x800000031); /* context, device, id 0 */
    ck_assert_uint_eq(descriptor(&r, 2).lo, 0x100e2);     /* IOTLB, new id */
    rig_forget(&r);
    ck_assert(rig_do(&r, &s));
    ck_assert_uint_eq(r.invalidations, 0);
    s.u.attach =
        (struct step_attach){ .domain = SCENARIO_NONE, .type = ATTACH_PASSTHROUGH };
    ck_assert(rig_do(&r, &s));
    ck_assert_uint_eq(rig_context(&r, 0), 9);
    s.kind = STEP_DETACH;
    ck_assert(rig_do(&r, &s));
    ck_assert_uint_eq(rig_context(&r, 0) | rig_context(&r, 1), 0);
    ck_assert(!rig_map(&r, 0, 4 * KIB, 0x5000, 0));
    ck_assert_str_eq(r.reply.why, "not-attached");
    rig_fini(&r);
}
END_TEST

START_TEST(ats_changes_the_context_entry_and_flushes_it)
{
    struct rig r;
    struct step s = { .kind = STEP_ATS };

    rig_init(&r, IOMMU_INTEL_VTD);
    r.sc.guest.driver = GUEST_STRICT;
    r.vtd.device_iotlb = true;
    rig_start(&r);
    const uint64_t table = rig_context(&r, 0);
    ck_assert_uint_eq(table & 0xfff, 1);
    rig_forget(&r);
    s.u.ats.enable = true;
    ck_assert(rig_do(&r, &s));
    ck_assert_uint_eq(rig_context(&r, 0), table | 4);
    ck_assert_uint_eq(descriptor(&r, 4).lo, 0x800020031); /* context, device */
    ck_assert_uint_eq(descriptor(&r, 2).lo, 0x200e2);     /* IOTLB, domain */
    ck_assert_uint_eq(r.invalidations, 2);
    ck_assert(rig_map(&r, 0, 4 * KIB, 0x5000, 0));
    ck_assert(rig_unmap(&r, 0, 4 * KIB));
    ck_assert_uint_eq(descriptor(&r, 2).lo & 0xf, 3); /* device TLB */
    rig_forget(&r);
    ck_assert(rig_do(&r, &s)); /* it is on: nothing to be done */
    ck_assert_uint_eq(r.invalidations, 0);
    s.u.ats.enable = false;
    ck_assert(rig_do(&r, &s));
    ck_assert_uint_eq(rig_context(&r, 0), table);
    ck_assert_uint_eq(r.invalidations, 2);
    ck_assert(rig_map(&r, 0, 4 * KIB, 0x5000, 0));
    ck_assert(rig_unmap(&r, 0, 4 * KIB));
    ck_assert_uint_eq(descriptor(&r, 2).lo & 0xf, 2); /* IOTLB, and no more */
    rig_fini(&r);
}
END_TEST

START_TEST(without_a_queue_the_registers_do_it)
{
    struct rig r;

    rig_init(&r, IOMMU_INTEL_VTD);
    r.vtd.queued_invalidation = false;
    r.vtd.caching_mode = true;
    rig_start(&r);
    ck_assert_uint_eq(iommu_mmio_read(r.m, VTD_GSTS, 4), 0xc0000000);
    ck_assert(rig_map(&r, 0x1fff000, 8 * KIB, 0x5000, 0));
    ck_assert_uint_eq(r.invalidations, 1);
    ck_assert_int_eq(r.last.scope, INVAL_PAGE);
    ck_assert_uint_eq(r.last.last, (UINT64_C(1) << 26) - 1);
    rig_fini(&r);
}
END_TEST

START_TEST(exhausted_table_memory_fails_the_map_and_takes_it_back)
{
    struct rig r;

    rig_init(&r, IOMMU_INTEL_VTD);
    r.sc.guest.table_size = 8 * 4 * KIB; /* root, context, queue, status, 4 levels */
    rig_start(&r);
    ck_assert(!rig_map(&r, 2 * MIB - 4 * KIB, 8 * KIB, 0x5000, 0));
    ck_assert_str_eq(r.reply.why, "table-memory-exhausted");
    ck_assert_uint_eq(rig_entry(&r, 2 * MIB - 4 * KIB, 1), 0);
    ck_assert_uint_eq(r.invalidations, 1);
    ck_assert(rig_map(&r, 2 * MIB - 4 * KIB, 4 * KIB, 0x5000, 0));
    rig_fini(&r);
}
END_TEST

START_TEST(a_stopped_queue_is_a_failed_step)
{
    struct rig r;
    struct step s = { .kind = STEP_QI };
    struct qi_descriptor bad = { .type = QI_RAW, .n_raw = 2, .raw = { 15, 0 } };

    start(&r, GUEST_STRICT, false);
    s.u.qi = (struct step_qi){ .n = 1, .desc = &bad };
    ck_assert(rig_do(&r, &s));
    ck_assert_uint_eq(iommu_mmio_read(r.m, VTD_FSTS, 4) & VTD_FSTS_IQE, VTD_FSTS_IQE);
    ck_assert(!rig_unmap(&r, 0, 4 * KIB));
    ck_assert_str_eq(r.reply.why, "queue-error");
    rig_fini(&r);
}
END_TEST

START_TEST(latencies_pass_between_the_phases)
{
    struct rig r;

    start(&r, GUEST_STRICT, false);
    latencies_set(&r.env.latency, LATENCY_PTE_WRITE, &DIST_CONST(10));
    latencies_set(&r.env.latency, LATENCY_MMIO, &DIST_CONST(300));
    ck_assert(!rig_map(&r, 0, 8 * KIB, 0x5000, 0));
    rig_run(&r);
    ck_assert_uint_eq(r.replies, 1);
    ck_assert_uint_eq(sim_now(r.env.sim), 50); /* 3 tables, 2 leaves */
    ck_assert(!rig_unmap(&r, 0, 8 * KIB));
    ck_assert_uint_eq(rig_entry(&r, 0, 1), 0);
    ck_assert_uint_eq(r.invalidations, 0);
    rig_run(&r);
    ck_assert_uint_eq(r.replies, 2);
    ck_assert_uint_eq(sim_now(r.env.sim), 370);
    rig_fini(&r);
}
END_TEST

START_TEST(submissions_of_two_steps_follow_one_another)
{
    struct rig r;

    start(&r, GUEST_STRICT, false);
    latencies_set(&r.env.latency, LATENCY_INVALIDATE, &DIST_CONST(1000));
    ck_assert(!rig_unmap(&r, 0, 4 * KIB));
    ck_assert(!rig_unmap(&r, 0x1000, 4 * KIB));
    rig_run(&r);
    ck_assert_uint_eq(r.replies, 2);
    ck_assert(r.reply.ok);
    ck_assert_uint_eq(r.invalidations, 2);
    ck_assert_uint_eq(descriptor(&r, 2).hi, 0x1040);
    ck_assert_uint_eq(descriptor(&r, 4).hi, 0x40);
    rig_fini(&r);
}
END_TEST

START_TEST(a_reset_ends_the_step_that_waits_for_the_queue)
{
    struct rig r;

    start(&r, GUEST_STRICT, false);
    latencies_set(&r.env.latency, LATENCY_INVALIDATE, &DIST_CONST(1000));
    ck_assert(!rig_unmap(&r, 0, 4 * KIB));
    ck_assert(!rig_unmap(&r, 0x1000, 4 * KIB));
    r.m->ops->reset(r.m);
    guest_reset(r.g, SCENARIO_NONE);
    ck_assert_uint_eq(r.replies, 1);
    ck_assert_str_eq(r.reply.why, "queue-error");
    rig_run(&r);
    ck_assert_uint_eq(r.replies, 2);
    rig_fini(&r);
}
END_TEST

START_TEST(after_a_reset_the_next_map_boots_again)
{
    struct rig r;

    start(&r, GUEST_STRICT, true);
    ck_assert(rig_map(&r, 0, 4 * KIB, 0x5000, 0));
    r.m->ops->reset(r.m);
    guest_reset(r.g, SCENARIO_NONE);
    ck_assert_uint_eq(iommu_mmio_read(r.m, VTD_GSTS, 4), 0);
    ck_assert(rig_map(&r, 0x1000, 4 * KIB, 0x6000, 0));
    ck_assert_uint_eq(iommu_mmio_read(r.m, VTD_GSTS, 4), 0xc4000000);
    ck_assert_uint_eq(rig_entry(&r, 0, 1), 0x5003);
    ck_assert_uint_eq(rig_entry(&r, 0x1000, 1), 0x6003);
    rig_fini(&r);
}
END_TEST

START_TEST(a_device_that_comes_and_goes_has_an_empty_domain_each_time)
{
    struct rig r;

    start(&r, GUEST_STRICT, true);
    ck_assert(rig_map(&r, 0, 4 * KIB, 0x5000, 0));
    guest_unplugged(r.g, 0, NULL, NULL);
    ck_assert_uint_eq(rig_context(&r, 0), 0);
    guest_plugged(r.g, 0, NULL, NULL);
    ck_assert_uint_eq(rig_context(&r, 1), 0x202);
    ck_assert_uint_eq(rig_entry(&r, 0, 1), 0);
    rig_fini(&r);
}
END_TEST

/* Every page of a small range against a plain array, large pages included. */
enum { FUZZ_PAGES = 2048, FUZZ_STEPS = 3000 };

static void
compare(const struct rig *r, const uint64_t *want)
{
    for (uint64_t i = 0; i < FUZZ_PAGES; i++) {
        uint64_t iova = i * 4 * KIB, large = rig_entry(r, iova, 2), have = 0;

        if ((large & 0x80) != 0 && (large & 3) != 0) {
            have = (large & ~UINT64_C(0xfff)) + (iova & (2 * MIB - 1));
        } else {
            have = rig_entry(r, iova, 1) & ~UINT64_C(3);
        }
        ck_assert_uint_eq(have, want[i]);
    }
}

START_TEST(random_maps_unmaps_and_changes_equal_a_page_array)
{
    static const uint64_t sizes[] = { 1, 2, 3, 17, 512, 513, 600, 1024 };
    uint64_t *want = calloc(FUZZ_PAGES, sizeof(*want));
    unsigned seed = 20240211;
    struct rig r;

    printf("# seed %u\n", seed);
    start(&r, GUEST_STRICT, true);
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
            ck_assert(rig_map(&r, first * 4 * KIB, pages * 4 * KIB, gpa, 0));
            break;
        case 1:
            ck_assert(rig_unmap(&r, first * 4 * KIB, pages * 4 * KIB));
            gpa = 0;
            break;
        default:
            ck_assert_int_eq(rig_change(&r, first * 4 * KIB, pages * 4 * KIB, gpa), live);
            if (!live) {
                continue;
            }
        }
        for (uint64_t i = 0; i < pages; i++) {
            want[first + i] = gpa == 0 ? 0 : gpa + i * 4 * KIB;
        }
        if (n % 16 == 0) {
            compare(&r, want);
        }
    }
    compare(&r, want);
    /* Nothing was lost on the way: all but a few pages of table memory are left. */
    ck_assert(rig_unmap(&r, 0, GIB));
    ck_assert(rig_map(&r, 0, 8000 * MIB - 32 * MIB, 0, 12));
    rig_fini(&r);
    free(want);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("guest_intel_driver");
    TCase *t = tcase_create("intel_driver");

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
