/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hosts behind VFIO's listener that differ from type1 v2: type1 v1 (S13, S14),
 * TCE containers (S50 to S58), iommufd (S60 to S64) and vhost-vdpa (S100 to S105). All
 * under one listener, so most tests send events.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support_main.h"
#include "support_nic.h"

/* One section [first, last] of a region whose pages are `page` bytes. */
static bool
rig_init(struct nic *r, const char *kind, struct subscriber_config c, uint64_t first,
         uint64_t last, uint64_t page, struct err *e)
{
    const struct space_section section = { .first = first, .last = last };

    nic_init(r, last - first, &section, 1);
    r->t.page = page;
    c.name = "nic0/x";
    c.device = "nic0";
    return nic_attach(r, kind, &c, (struct translator){ 0 }, e);
}

/* What a lookup of addr finds: its target, or all ones. */
static uint64_t
holds(const struct nic *r, uint64_t addr)
{
    struct range_piece p;

    return r->s->ops->lookup(r->s, addr, &p) ? p.target + (addr - p.first) : UINT64_MAX;
}

#define HOLE UINT64_MAX

static const struct subscriber_config plain = { 0 };

/* ---- type1 v1 ---- */

START_TEST(S13_v1_removes_whole_what_begins_in_the_request)
{
    struct nic r;

    ck_assert(rig_init(&r, "vfio-v1", plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
    toy_map(&r.t, 2 * MIB, 4 * MIB - 1, 0);
    toy_unmap(&r.t, 2 * MIB, 2 * MIB + PAGE_MASK);
    ck_assert_int_eq(nic_told(&r), 0);
    ck_assert_uint_eq(holds(&r, 3 * MIB), HOLE);
    nic_fini(&r);
}
END_TEST

START_TEST(S14_v1_keeps_what_begins_before_the_request_and_says_success)
{
    struct nic r;

    ck_assert(rig_init(&r, "vfio-v1", plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
    toy_map(&r.t, 2 * MIB, 4 * MIB - 1, 0);
    toy_map(&r.t, 4 * MIB, 4 * MIB + PAGE_MASK, 8 * MIB);
    toy_unmap(&r.t, 3 * MIB, 5 * MIB - 1);
    ck_assert_int_eq(nic_told(&r), 0);
    ck_assert_uint_eq(holds(&r, 2 * MIB), 0);
    ck_assert_uint_eq(holds(&r, 4 * MIB), 8 * MIB); /* it stops at the first */
    nic_fini(&r);
}
END_TEST

START_TEST(S12_v2_refuses_what_v1_does)
{
    struct nic r;

    ck_assert(rig_init(&r, "vfio", plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
    toy_map(&r.t, 2 * MIB, 4 * MIB - 1, 0);
    toy_unmap(&r.t, 2 * MIB, 2 * MIB + PAGE_MASK);
    ck_assert_int_eq(nic_told(&r), EINVAL);
    ck_assert_uint_eq(holds(&r, 3 * MIB), MIB);
    nic_fini(&r);
}
END_TEST

/* ---- TCE containers ---- */

START_TEST(S50_a_tce_container_replaces_where_type1_says_eexist)
{
    struct nic r;

    ck_assert(rig_init(&r, "vfio-spapr", plain, 0, GIB - 1, PAGE_BYTES, NULL));
    toy_map(&r.t, 0x1000, 0x1fff, 0x5000);
    toy_map(&r.t, 0x1000, 0x1fff, 0x6000);
    ck_assert_int_eq(nic_told(&r), 0);
    ck_assert_uint_eq(holds(&r, 0x1000), 0x6000);
    nic_fini(&r);
    ck_assert(rig_init(&r, "vfio", plain, 0, GIB - 1, PAGE_BYTES, NULL));
    toy_map(&r.t, 0x1000, 0x1fff, 0x5000);
    toy_map(&r.t, 0x1000, 0x1fff, 0x6000);
    ck_assert_int_eq(nic_told(&r), EEXIST);
    ck_assert_uint_eq(holds(&r, 0x1000), 0x5000);
    nic_fini(&r);
}
END_TEST

START_TEST(S53_events_of_a_window_land_at_its_bus_offset)
{
    const uint64_t at = UINT64_C(0x800000000000000);
    struct nic r;

    ck_assert(rig_init(&r, "vfio-spapr", plain, at, at + GIB - 1, PAGE_BYTES, NULL));
    toy_map(&r.t, 0x1000, 0x1fff, 0x5000); /* relative to the region */
    ck_assert_int_eq(nic_told(&r), 0);
    ck_assert_uint_eq(holds(&r, at + 0x1000), 0x5000);
    ck_assert_uint_eq(holds(&r, 0x1000), HOLE);
    nic_fini(&r);
}
END_TEST

START_TEST(S54_v2_maps_only_memory_that_was_registered)
{
    const struct subscriber_config some = { .has_registered = true,
                                            .registered_first = 0,
                                            .registered_last = 0x8fff };
    struct nic r;

    ck_assert(rig_init(&r, "vfio-spapr", some, 0, GIB - 1, PAGE_BYTES, NULL));
    toy_map(&r.t, 0x1000, 0x1fff, 0x8000);
    ck_assert_int_eq(nic_told(&r), 0);
    toy_map(&r.t, 0x2000, 0x2fff, 0x9000);
    ck_assert_int_eq(nic_told(&r), EINVAL);
    ck_assert_uint_eq(holds(&r, 0x2000), HOLE);
    /* An entry that fails takes those before it along, and what they replaced. */
    toy_map(&r.t, 0x0000, 0x0fff, 0x3000);
    ck_assert_uint_eq(holds(&r, 0x0000), 0x3000);
    toy_map(&r.t, 0x0000, 0x1fff, 0x8000);
    ck_assert_int_eq(nic_told(&r), EINVAL);
    ck_assert_uint_eq(holds(&r, 0x0000), HOLE);
    ck_assert_uint_eq(holds(&r, 0x1000), 0x8000);
    nic_fini(&r);
}
END_TEST

START_TEST(S55_a_guest_page_may_be_many_host_entries)
{
    const struct subscriber_config small = { .page_sizes = UINT64_C(1) << 16 };
    struct nic r;

    ck_assert(rig_init(&r, "vfio-spapr", small, 0, GIB - 1, 16 * MIB, NULL));
    toy_map(&r.t, 16 * MIB, 32 * MIB - 1, 0);
    ck_assert_uint_eq(holds(&r, 31 * MIB), 15 * MIB);
    toy_map(&r.t, 32 * MIB, 32 * MIB + PAGE_MASK, 0); /* less than a host page */
    ck_assert_int_eq(nic_told(&r), EINVAL);
    toy_unmap(&r.t, 16 * MIB, 32 * MIB - 1);
    ck_assert_int_eq(nic_told(&r), 0);
    ck_assert_uint_eq(holds(&r, 31 * MIB), HOLE);
    nic_fini(&r);
}
END_TEST

START_TEST(S57_any_part_of_a_mapping_can_be_removed)
{
    struct nic r;

    ck_assert(rig_init(&r, "vfio-spapr", plain, 0, GIB - 1, PAGE_BYTES, NULL));
    toy_map(&r.t, 0x10000, 0x1ffff, 0x50000);
    toy_unmap(&r.t, 0x11000, 0x11fff);
    ck_assert_int_eq(nic_told(&r), 0);
    ck_assert_uint_eq(holds(&r, 0x11000), HOLE);
    ck_assert_uint_eq(holds(&r, 0x10000), 0x50000);
    ck_assert_uint_eq(holds(&r, 0x12000), 0x52000);
    nic_fini(&r);
}
END_TEST

static const struct subscriber_ops *
spapr(void)
{
    return subscriber_kind("vfio-spapr");
}

START_TEST(S58_an_address_in_no_window_is_enxio)
{
    const struct notify_event ev = { .type = NOTIFY_UNMAP, .mask = PAGE_MASK };
    struct nic r;

    ck_assert(rig_init(&r, "vfio-spapr", plain, 0, GIB - 1, PAGE_BYTES, NULL));
    spapr()->notify(r.s, &ev, 2 * GIB, 2 * GIB + PAGE_MASK);
    ck_assert_int_eq(nic_told(&r), ENXIO);
    nic_fini(&r);
}
END_TEST

START_TEST(windows_need_a_page_that_host_guest_and_memory_can_do)
{
    const struct subscriber_config big = { .page_sizes = UINT64_C(1) << 24 };
    const struct subscriber_config thin = { .page_sizes = UINT64_C(1) << 16,
                                            .backing_page = PAGE_BYTES };
    struct err e;
    struct nic r;

    ck_assert(!rig_init(&r, "vfio-spapr", big, 0, GIB - 1, 64 * KIB, &e));
    ck_assert_str_eq(e.text, "the host has no pages of 0x10000 bytes or less");
    nic_fini(&r);
    ck_assert(!rig_init(&r, "vfio-spapr", thin, 0, GIB - 1, 64 * KIB, &e));
    nic_fini(&r);
    ck_assert(rig_init(&r, "vfio-spapr", big, 0, GIB - 1, 16 * MIB, &e));
    nic_fini(&r);
}
END_TEST

START_TEST(P34_v2_windows_stand_where_the_platform_puts_them)
{
    struct err e;
    struct nic r;

    ck_assert(!rig_init(&r, "vfio-spapr", plain, GIB, 2 * GIB - 1, PAGE_BYTES, &e));
    ck_assert_str_eq(e.text, "the host puts the window at 0x0");
    nic_fini(&r);
}
END_TEST

START_TEST(a_third_window_is_refused_and_a_closed_one_makes_room)
{
    const struct space_section a = { .first = 0, .last = GIB - 1 },
                               b = { .first = UINT64_C(0x800000000000000),
                                     .last = UINT64_C(0x80000003fffffff) };
    struct err e;
    struct nic r;

    ck_assert(rig_init(&r, "vfio-spapr", plain, 0, GIB - 1, PAGE_BYTES, NULL));
    ck_assert_int_eq(spapr()->open(r.s, &b, PAGE_BYTES, &e), 0);
    ck_assert_int_eq(spapr()->open(r.s, &b, PAGE_BYTES, &e), ENOSPC);
    spapr()->close(r.s, &a);
    ck_assert_int_eq(spapr()->open(r.s, &a, PAGE_BYTES, &e), 0);
    nic_fini(&r);
}
END_TEST

START_TEST(v1_has_the_hosts_window_and_pays_for_all_of_it)
{
    struct subscriber_config c = { .version = 1 };
    struct err e;
    struct nic r;

    ck_assert(rig_init(&r, "vfio-spapr", c, 0, GIB - 1, PAGE_BYTES, &e));
    nic_fini(&r);
    ck_assert(!rig_init(&r, "vfio-spapr", c, 0, 2 * GIB - 1, PAGE_BYTES, &e));
    ck_assert_str_eq(e.text, "cannot map guest IOVA region 0x0-0x7fffffff");
    nic_fini(&r);
    c.locked_memory = 512 * MIB;
    ck_assert(!rig_init(&r, "vfio-spapr", c, 0, GIB - 1, PAGE_BYTES, &e));
    ck_assert_str_eq(e.text, "0x40000000 bytes to lock, 0x20000000 allowed");
    nic_fini(&r);
}
END_TEST

START_TEST(v2_pays_for_all_of_ram)
{
    const struct subscriber_config c = { .locked_memory = TOY_RAM - 1 };
    struct err e;
    struct nic r;

    ck_assert(!rig_init(&r, "vfio-spapr", c, 0, GIB - 1, PAGE_BYTES, &e));
    nic_fini(&r);
}
END_TEST

/* ---- iommufd ---- */

START_TEST(S60_an_unmap_of_nothing_is_success)
{
    struct nic r;

    ck_assert(rig_init(&r, "iommufd", plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
    toy_unmap(&r.t, 0x1000, 0x1fff);
    ck_assert_int_eq(nic_told(&r), 0);
    nic_fini(&r);
}
END_TEST

START_TEST(S61_a_map_over_a_live_area_is_eexist)
{
    struct nic r;

    ck_assert(rig_init(&r, "iommufd", plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
    toy_map(&r.t, 0x1000, 0x1fff, 0x5000);
    toy_map(&r.t, 0x1000, 0x1fff, 0x5000);
    ck_assert_int_eq(nic_told(&r), EEXIST);
    nic_fini(&r);
}
END_TEST

START_TEST(S62_an_unmap_of_everything_empties_it)
{
    struct nic r;

    ck_assert(rig_init(&r, "iommufd", plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
    toy_map(&r.t, 0x1000, 0x1fff, 0x5000);
    toy_map(&r.t, GIB, GIB + PAGE_MASK, 0x6000);
    toy_unmap(&r.t, 0, UINT64_MAX);
    ck_assert_int_eq(nic_told(&r), 0);
    ck_assert_uint_eq(holds(&r, 0x1000), HOLE);
    ck_assert_uint_eq(holds(&r, GIB), HOLE);
    nic_fini(&r);
}
END_TEST

START_TEST(S63_part_of_an_area_cannot_go_and_nobody_is_told)
{
    struct nic r;

    ck_assert(rig_init(&r, "iommufd", plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
    toy_map(&r.t, 2 * MIB, 4 * MIB - 1, 0);
    toy_unmap(&r.t, 2 * MIB, 2 * MIB + PAGE_MASK);
    ck_assert_int_eq(nic_told(&r), 0);
    ck_assert_uint_eq(holds(&r, 2 * MIB), 0);
    nic_fini(&r);
}
END_TEST

START_TEST(S64_S25_areas_before_one_that_sticks_out_are_gone)
{
    struct nic r;

    ck_assert(rig_init(&r, "iommufd", plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
    toy_map(&r.t, 0x1000, 0x1fff, 0x10000);
    toy_map(&r.t, 0x2000, 0x5fff, 0x20000);
    toy_unmap(&r.t, 0x1000, 0x2fff);
    ck_assert_int_eq(nic_told(&r), 0);
    ck_assert_uint_eq(holds(&r, 0x1000), HOLE);
    ck_assert_uint_eq(holds(&r, 0x2000), 0x20000);
    nic_fini(&r);
    ck_assert(rig_init(&r, "vfio", plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
    toy_map(&r.t, 0x1000, 0x1fff, 0x10000);
    toy_map(&r.t, 0x2000, 0x5fff, 0x20000);
    toy_unmap(&r.t, 0x1000, 0x2fff);
    ck_assert_int_eq(nic_told(&r), EINVAL);
    ck_assert_uint_eq(holds(&r, 0x1000), 0x10000);
    nic_fini(&r);
}
END_TEST

/* ---- vhost-vdpa ---- */

START_TEST(S100_an_unmap_takes_every_map_it_touches_whole)
{
    struct nic r;

    ck_assert(rig_init(&r, "vhost-vdpa", plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
    toy_map(&r.t, 0, 0x3fff, 0x10000);
    toy_map(&r.t, 0x4000, 0x4fff, 0x20000);
    toy_unmap(&r.t, 0x1000, 0x1fff);
    ck_assert_int_eq(nic_told(&r), 0);
    ck_assert_uint_eq(holds(&r, 0), HOLE);
    ck_assert_uint_eq(holds(&r, 0x3000), HOLE);
    ck_assert_uint_eq(holds(&r, 0x4000), 0x20000);
    nic_fini(&r);
}
END_TEST

START_TEST(S101_a_second_map_is_eexist)
{
    struct nic r;

    ck_assert(rig_init(&r, "vhost-vdpa", plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
    toy_map(&r.t, 0x1000, 0x1fff, 0x10000);
    toy_map(&r.t, 0x1000, 0x1fff, 0x20000);
    ck_assert_int_eq(nic_told(&r), EEXIST);
    ck_assert_uint_eq(holds(&r, 0x1000), 0x10000);
    nic_fini(&r);
}
END_TEST

START_TEST(S102_what_passes_the_devices_range_is_dropped_even_an_unmap)
{
    const struct subscriber_config c = { .has_aperture = true,
                                         .aperture_last = (UINT64_C(1) << 38) - 1 };
    struct nic r;

    ck_assert(rig_init(&r, "vhost-vdpa", c, 0, UINT64_MAX, PAGE_BYTES, NULL));
    toy_map(&r.t, 0x1000, 0x1fff, 0x10000);
    toy_unmap(&r.t, 0, (UINT64_C(1) << 39) - 1);
    ck_assert_int_eq(nic_told(&r), ERANGE);
    ck_assert_uint_eq(holds(&r, 0x1000), 0x10000);
    nic_fini(&r);
}
END_TEST

/* What the device reaches at addr, or HOLE. */
static uint64_t
reaches(struct nic *r, uint64_t addr)
{
    const struct dma_answer a = r->s->ops->dma(r->s, addr, PERM_R);

    return a.result == DMA_OK ? a.gpa.v : HOLE;
}

/* A batch by hand: what is mapped is the listener's own doing, as for RAM. */
static void
batch_init(struct nic *r, const struct subscriber_config *c)
{
    ck_assert(rig_init(r, "vhost-vdpa", *c, 0, UINT64_MAX, PAGE_BYTES, NULL));
    toy_map(&r->t, 0x1000, 0x4fff, 0x11000);
    r->s->listener.begin(&r->s->listener);
    r->s->ops->alter(r->s);
    toy_unmap(&r->t, 0x2000, 0x2fff);
    toy_map(&r->t, 0x3000, 0x8fff, 0x23000);
}

START_TEST(S103_a_batch_shows_the_device_one_new_table_at_its_end)
{
    struct nic r;

    batch_init(&r, &plain);
    ck_assert_uint_eq(holds(&r, 0x1000), HOLE); /* the kernel's list is ahead */
    ck_assert_uint_eq(holds(&r, 0x8000), 0x28000);
    ck_assert_uint_eq(reaches(&r, 0x1000), 0x11000);
    ck_assert_uint_eq(reaches(&r, 0x3000), 0x13000);
    ck_assert_uint_eq(reaches(&r, 0x8000), HOLE);
    r.s->listener.commit(&r.s->listener);
    ck_assert_uint_eq(reaches(&r, 0x1000), HOLE);
    ck_assert_uint_eq(reaches(&r, 0x3000), 0x23000);
    ck_assert_uint_eq(reaches(&r, 0x8000), 0x28000);
    toy_unmap(&r.t, 0x8000, 0x8fff); /* no batch: at once */
    ck_assert_uint_eq(reaches(&r, 0x3000), HOLE);
    nic_fini(&r);
}
END_TEST

START_TEST(S103_a_device_without_set_map_sees_each_change)
{
    const struct subscriber_config c = { .no_set_map = true };
    struct nic r;

    batch_init(&r, &c);
    ck_assert_uint_eq(reaches(&r, 0x1000), HOLE);
    ck_assert_uint_eq(reaches(&r, 0x3000), 0x23000);
    r.s->listener.commit(&r.s->listener);
    ck_assert_uint_eq(reaches(&r, 0x3000), 0x23000);
    nic_fini(&r);
}
END_TEST

START_TEST(S103_random_batches_show_the_old_table_until_their_end)
{
    enum { PAGES = 24 };
    uint64_t seed = 4801, before[PAGES];
    struct nic r;

    printf("seed %lu\n", (unsigned long)seed);
    ck_assert(rig_init(&r, "vhost-vdpa", plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
    for (unsigned batch = 0; batch < 300; batch++) {
        for (uint64_t p = 0; p < PAGES; p++) {
            before[p] = holds(&r, p * PAGE_BYTES);
        }
        r.s->listener.begin(&r.s->listener);
        r.s->ops->alter(r.s);
        for (unsigned i = 0; i < 6; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            const uint64_t first = (seed >> 40) % PAGES * PAGE_BYTES;
            const uint64_t last = first + ((seed >> 50) % 4 + 1) * PAGE_BYTES - 1;
            if ((seed >> 60) % 2 == 0) {
                toy_map(&r.t, first, last, (seed >> 32) % 4096 * PAGE_BYTES);
            } else {
                toy_unmap(&r.t, first, last);
            }
            for (uint64_t p = 0; p < PAGES; p++) {
                ck_assert_uint_eq(reaches(&r, p * PAGE_BYTES), before[p]);
            }
        }
        r.s->listener.commit(&r.s->listener);
        for (uint64_t p = 0; p < PAGES; p++) {
            ck_assert_uint_eq(reaches(&r, p * PAGE_BYTES), holds(&r, p * PAGE_BYTES));
        }
    }
    nic_fini(&r);
}
END_TEST

START_TEST(S104_a_transaction_that_changes_nothing_is_no_batch)
{
    struct nic r;

    ck_assert(rig_init(&r, "vhost-vdpa", plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
    const struct space_section there = r.space.sections[0];
    const struct space_section far = { UINT64_C(1) << 63, UINT64_MAX, NULL,
                                       UINT64_C(1) << 63 };
    toy_trace(&r.t, TRACE_NORMAL);
    space_set(&r.space, &there, 1); /* as it was */
    ck_assert_str_eq(toy_lines(&r.t), "");
    space_set(&r.space, NULL, 0);
    ck_assert_str_eq(toy_lines(&r.t),
                     "0 nic0/x unregister\n"
                     "0 nic0/x batch op=begin\n"
                     "0 nic0/x teardown iova=0x0 size=0x10000000000000000\n"
                     "0 nic0/x batch op=end\n");
    space_set(&r.space, &far, 1); /* skipped */
    space_set(&r.space, NULL, 0);
    ck_assert_str_eq(toy_lines(&r.t), "");
    nic_fini(&r);
}
END_TEST

START_TEST(S106_a_refusal_ends_it_unless_nobody_is_told)
{
    for (unsigned i = 0; i < 2; i++) {
        struct nic r;

        ck_assert(rig_init(&r, "vhost-vdpa", plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
        subscriber_detach(r.s);
        quirk_set(&r.t.env.quirks, QUIRK_VDPA_REFUSAL_UNSEEN, i == 1);
        r.t.refuses = NOTIFY_MAP;
        toy_trace(&r.t, TRACE_NORMAL);
        ck_assert(subscriber_attach(r.s, &r.space, (struct translator){ 0 }, NULL) ==
                  (i == 1));
        ck_assert(r.s->refused == (i == 0));
        ck_assert_ptr_null(r.s->bindings);
        ck_assert_str_eq(toy_lines(&r.t),
                         i == 0 ? "0 nic0/x refused reason=not%20today errno=ENOTSUP\n"
                                : "");
        toy_map(&r.t, 0x1000, 0x1fff, 0x11000);
        ck_assert_uint_eq(holds(&r, 0x1000), HOLE);
        nic_fini(&r);
    }
}
END_TEST

START_TEST(S105_the_2049th_map_is_enospc)
{
    struct nic r;

    ck_assert(rig_init(&r, "vhost-vdpa", plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
    for (uint64_t i = 0; i < 2048; i++) {
        toy_map(&r.t, 2 * i * PAGE_BYTES, 2 * i * PAGE_BYTES + PAGE_MASK, 0);
    }
    ck_assert_int_eq(nic_told(&r), 0);
    toy_map(&r.t, GIB, GIB + PAGE_MASK, 0);
    ck_assert_int_eq(nic_told(&r), ENOSPC);
    nic_fini(&r);
}
END_TEST

/* ---- what was written ---- */

/* Pages that a sync finds after one write to 0x11000 of [0x10000, 0x14000) -> 0x50000. */
static uint64_t
dirty_after_a_write(const char *kind)
{
    struct nic r;
    uint64_t pages;

    ck_assert(rig_init(&r, kind, plain, 0, UINT64_MAX, PAGE_BYTES, NULL));
    toy_set(&r.t, 0x10000, 0x4000, 0x50000, PERM_RW);
    dirty_start(&r.t.env.dirty, NULL);
    r.s->ops->wrote(r.s, 0x12000, 0x52000, 8); /* before: nobody keeps it */
    ck_assert(subscriber_track(r.s, true));
    r.s->ops->wrote(r.s, 0x11ffc, 0x51ffc, 4);
    subscriber_sync(r.s);
    pages = dirty_pages(&r.t.env.dirty);
    /* What is told once is not told again, unless nothing better is known. */
    dirty_start(&r.t.env.dirty, NULL);
    subscriber_sync(r.s);
    ck_assert_uint_eq(dirty_pages(&r.t.env.dirty), pages == 1 ? 0 : pages);
    /* What goes takes along what was written through it. */
    r.s->ops->wrote(r.s, 0x13000, 0x53000, 8);
    toy_set(&r.t, 0x10000, 0x4000, 0, PERM_NONE);
    ck_assert_uint_eq(dirty_pages(&r.t.env.dirty), pages);
    ck_assert_int_eq(nic_told(&r), 0);
    dirty_fini(&r.t.env.dirty);
    r.t.env.dirty = (struct dirty){ 0 };
    nic_fini(&r);
    return pages;
}

START_TEST(hosts_differ_in_what_they_know_of_writes)
{
    ck_assert_uint_eq(dirty_after_a_write("iommufd"), 1);
    ck_assert_uint_eq(dirty_after_a_write("vfio"), 4);
    ck_assert_uint_eq(dirty_after_a_write("vfio-v1"), 4);
    ck_assert_uint_eq(dirty_after_a_write("vhost-vdpa"), 4);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("subscriber_host");
    TCase *tc = tcase_create("type1");

    tcase_add_test(tc, S13_v1_removes_whole_what_begins_in_the_request);
    tcase_add_test(tc, S14_v1_keeps_what_begins_before_the_request_and_says_success);
    tcase_add_test(tc, S12_v2_refuses_what_v1_does);
    suite_add_tcase(s, tc);
    tc = tcase_create("spapr");
    tcase_add_test(tc, S50_a_tce_container_replaces_where_type1_says_eexist);
    tcase_add_test(tc, S53_events_of_a_window_land_at_its_bus_offset);
    tcase_add_test(tc, S54_v2_maps_only_memory_that_was_registered);
    tcase_add_test(tc, S55_a_guest_page_may_be_many_host_entries);
    tcase_add_test(tc, S57_any_part_of_a_mapping_can_be_removed);
    tcase_add_test(tc, S58_an_address_in_no_window_is_enxio);
    tcase_add_test(tc, windows_need_a_page_that_host_guest_and_memory_can_do);
    tcase_add_test(tc, P34_v2_windows_stand_where_the_platform_puts_them);
    tcase_add_test(tc, a_third_window_is_refused_and_a_closed_one_makes_room);
    tcase_add_test(tc, v1_has_the_hosts_window_and_pays_for_all_of_it);
    tcase_add_test(tc, v2_pays_for_all_of_ram);
    suite_add_tcase(s, tc);
    tc = tcase_create("iommufd");
    tcase_add_test(tc, S60_an_unmap_of_nothing_is_success);
    tcase_add_test(tc, S61_a_map_over_a_live_area_is_eexist);
    tcase_add_test(tc, S62_an_unmap_of_everything_empties_it);
    tcase_add_test(tc, S63_part_of_an_area_cannot_go_and_nobody_is_told);
    tcase_add_test(tc, S64_S25_areas_before_one_that_sticks_out_are_gone);
    suite_add_tcase(s, tc);
    tc = tcase_create("vdpa");
    tcase_add_test(tc, S100_an_unmap_takes_every_map_it_touches_whole);
    tcase_add_test(tc, S101_a_second_map_is_eexist);
    tcase_add_test(tc, S102_what_passes_the_devices_range_is_dropped_even_an_unmap);
    tcase_add_test(tc, S103_a_batch_shows_the_device_one_new_table_at_its_end);
    tcase_add_test(tc, S103_random_batches_show_the_old_table_until_their_end);
    tcase_add_test(tc, S103_a_device_without_set_map_sees_each_change);
    tcase_add_test(tc, S104_a_transaction_that_changes_nothing_is_no_batch);
    tcase_add_test(tc, S106_a_refusal_ends_it_unless_nobody_is_told);
    tcase_add_test(tc, S105_the_2049th_map_is_enospc);
    suite_add_tcase(s, tc);
    tc = tcase_create("writes");
    tcase_add_test(tc, hosts_differ_in_what_they_know_of_writes);
    suite_add_tcase(s, tc);
    return s;
}
