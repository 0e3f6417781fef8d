/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The VFIO type1 v2 container and its listener, told by a toy IOMMU or by events made
 * up here; S10 to S39 as far as they concern v2, and N24.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_main.h"
#include "support_nic.h"

static struct subscriber_config
config(void)
{
    return (struct subscriber_config){ .name = "nic0/vfio",
                                       .device = "nic0",
                                       .replay = true };
}

static void
rig_attach(struct nic *r, const struct subscriber_config *c)
{
    ck_assert(nic_attach(r, "vfio", c, (struct translator){ 0 }, NULL));
}

static void
rig_init(struct nic *r, const struct subscriber_config *c)
{
    const struct space_section all = { .first = 0, .last = UINT64_MAX };

    nic_init(r, UINT64_MAX, &all, 1);
    rig_attach(r, c);
}

static int
map(struct nic *r, uint64_t iova, uint64_t size)
{
    toy_map(&r->t, iova, iova + (size - 1), 0x100000);
    return nic_told(r);
}

static int
unmap(struct nic *r, uint64_t iova, uint64_t size)
{
    toy_unmap(&r->t, iova, iova + (size - 1));
    return nic_told(r);
}

static bool
held(const struct nic *r, uint64_t iova, struct range_piece *p)
{
    return r->s->ops->lookup(r->s, iova, p);
}

/* Bytes held in [first, last]. */
static uint64_t
holds(const struct nic *r, uint64_t first, uint64_t last)
{
    struct range_piece p;
    uint64_t bytes = 0;

    for (uint64_t at = first; r->s->ops->next(r->s, at, &p) && p.first <= last;
         at = p.last + 1) {
        const uint64_t a = p.first > first ? p.first : first;
        const uint64_t z = p.last < last ? p.last : last;
        bytes += z - a + 1;
        if (p.last >= last) {
            break;
        }
    }
    return bytes;
}

/* ---- the kernel's rules ---- */

START_TEST(S10_S11_a_map_over_anything_live_is_eexist_and_changes_nothing)
{
    struct nic r;
    struct range_piece p;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    ck_assert_int_eq(map(&r, 0x1000, 0x1000), 0);
    ck_assert_int_eq(map(&r, 0x1000, 0x1000), EEXIST);
    toy_map(&r.t, 0x0, 0x3fff, 0x500000);
    ck_assert_int_eq(nic_told(&r), EEXIST);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0x1000);
    ck_assert(held(&r, 0x1000, &p));
    ck_assert_uint_eq(p.target, 0x100000);
    ck_assert_uint_eq(r.s->errors, 2);
    nic_fini(&r);
}
END_TEST

START_TEST(S12_S25_an_unmap_that_cuts_an_entry_removes_nothing)
{
    struct nic r;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    ck_assert_int_eq(map(&r, 0x200000, 0x200000), 0);
    ck_assert_int_eq(unmap(&r, 0x200000, 0x1000), EINVAL);
    ck_assert_int_eq(unmap(&r, 0x3ff000, 0x1000), EINVAL);
    ck_assert_int_eq(unmap(&r, 0x300000, 0x1000), EINVAL);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0x200000);
    ck_assert_int_eq(map(&r, 0x1000, 0x1000), 0);
    ck_assert_int_eq(unmap(&r, 0x1000, 0x200000), EINVAL); /* its end cuts */
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0x201000);
    ck_assert_int_eq(unmap(&r, 0x201000, UINT64_MAX - 0x201000 + 1), EINVAL);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0x201000);
    ck_assert_int_eq(unmap(&r, 0x1000, 0x3ff000), 0);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0);
    nic_fini(&r);
}
END_TEST

START_TEST(S15_S16_S35_an_unmap_takes_what_it_finds_and_may_find_nothing)
{
    struct nic r;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    map(&r, 0x1000, 0x1000);
    map(&r, 0x3000, 0x1000);
    map(&r, 0x5000, 0x1000);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0x3000);
    ck_assert_int_eq(unmap(&r, 0x0, 0x10000), 0);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0);
    ck_assert_int_eq(unmap(&r, 0x0, 0x10000), 0);
    nic_fini(&r);
}
END_TEST

START_TEST(S17_an_event_for_all_2_64_bytes_has_length_0_in_the_kernel)
{
    struct nic r;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    map(&r, 0x1000, 0x1000);
    toy_unmap(&r.t, 0, UINT64_MAX);
    ck_assert_int_eq(nic_told(&r), EINVAL);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0x1000);
    nic_fini(&r);
}
END_TEST

static const struct subscriber_span interrupts[] = { { 0xfee00000, 0xfeefffff } };

/* The rig's device turns out to reserve these. */
static void
reserve(struct nic *r, const struct subscriber_span *spans, size_t n)
{
    r->group.reserved = spans;
    r->group.n_reserved = n;
}

START_TEST(S18_S19_a_map_outside_the_valid_ranges_is_einval_an_unmap_is_not)
{
    struct nic r;
    struct subscriber_config c = config();

    c.has_aperture = true;
    c.aperture_last = 0x7fffffffff;
    rig_init(&r, &c);
    reserve(&r, interrupts, 1);
    ck_assert_int_eq(map(&r, 0xfedff000, 0x2000), EINVAL);
    ck_assert_int_eq(unmap(&r, 0xfedff000, 0x2000), 0);
    ck_assert_int_eq(map(&r, 0xfee00000, 0x1000), EINVAL);
    ck_assert_int_eq(map(&r, 0xfedff000, 0x1000), 0);
    ck_assert_int_eq(map(&r, 0xfef00000, 0x1000), 0);
    ck_assert_int_eq(map(&r, 0x7ffffff000, 0x2000), EINVAL);
    ck_assert_uint_eq(holds(&r, 0x7000000000, UINT64_MAX), 0);
    ck_assert_int_eq(map(&r, 0x7ffffff000, 0x1000), 0);
    nic_fini(&r);
}
END_TEST

START_TEST(S24_a_group_that_reserves_what_is_mapped_cannot_join)
{
    struct nic r;
    const struct subscriber_config c = config();
    const struct subscriber_span spans[] = { { 0x10000, 0x1ffff }, { 0x1000, 0x1fff } };
    struct subscriber_group second = { .reserved = spans, .n_reserved = 2 };
    struct err e = { .text = "" };

    rig_init(&r, &c);
    ck_assert_int_eq(map(&r, 0x1000, 0x1000), 0);
    ck_assert_int_eq(map(&r, 0x1f000, 0x1000), 0);
    toy_trace(&r.t, TRACE_NORMAL);
    ck_assert(!subscriber_join(r.s, "nic1/vfio", &second, &e));
    ck_assert_str_eq(e.text, "a reserved range of the device is mapped");
    ck_assert_str_eq(
        toy_lines(&r.t),
        "0 nic1/vfio refused "
        "reason=a%20reserved%20range%20of%20the%20device%20is%20mapped errno=EINVAL\n");
    ck_assert(!r.s->refused); /* the container goes on as it was */
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0x2000);
    ck_assert_int_eq(map(&r, 0x12000, 0x1000), 0);
    nic_fini(&r);
}
END_TEST

START_TEST(S24_a_group_that_joins_narrows_what_can_be_mapped_until_it_parts)
{
    struct nic r;
    const struct subscriber_config c = config();
    const struct subscriber_span spans[] = { { 0x10000, 0x1ffff }, { 0x1000, 0x1fff } };
    struct subscriber_group second = { .reserved = spans, .n_reserved = 2 };

    rig_init(&r, &c);
    reserve(&r, interrupts, 1);
    ck_assert_int_eq(map(&r, 0x2000, 0x1000), 0);
    ck_assert_int_eq(map(&r, 0xf000, 0x1000), 0);
    ck_assert(subscriber_join(r.s, "nic1/vfio", &second, NULL));
    ck_assert_int_eq(map(&r, 0x1000, 0x1000), EINVAL);
    ck_assert_int_eq(map(&r, 0x18000, 0x1000), EINVAL);
    ck_assert_int_eq(map(&r, 0xfee00000, 0x1000), EINVAL);
    ck_assert_int_eq(map(&r, 0x20000, 0x1000), 0);
    subscriber_part(r.s, &second);
    ck_assert_int_eq(map(&r, 0x1000, 0x1000), 0);
    ck_assert_int_eq(map(&r, 0xfee00000, 0x1000), EINVAL);
    nic_fini(&r);
}
END_TEST

START_TEST(S20_the_65536th_map_is_enospc_until_one_is_unmapped)
{
    struct nic r;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    for (uint64_t i = 0; i < 65535; i++) {
        ck_assert_int_eq(map(&r, i << 13, i % 2 ? 0x1000 : 0x2000), 0);
    }
    ck_assert_int_eq(map(&r, UINT64_C(65535) << 13, 0x1000), ENOSPC);
    ck_assert_int_eq(unmap(&r, 0x2000, 0x1000), 0);
    ck_assert_int_eq(map(&r, UINT64_C(65535) << 13, 0x1000), 0);
    ck_assert_int_eq(map(&r, UINT64_C(65536) << 13, 0x1000), ENOSPC);
    ck_assert_int_eq(map(&r, 0, 0x1000), EEXIST); /* looked at before the slots */
    nic_fini(&r);
}
END_TEST

START_TEST(S20_the_entry_limit_can_be_set)
{
    struct nic r;
    struct subscriber_config c = config();

    c.entry_limit = 1;
    rig_init(&r, &c);
    ck_assert_int_eq(map(&r, 0, 0x200000), 0);
    ck_assert_int_eq(map(&r, 0x200000, 0x1000), ENOSPC);
    nic_fini(&r);
}
END_TEST

START_TEST(S21_a_map_over_the_locked_memory_limit_leaves_nothing)
{
    struct nic r;
    struct subscriber_config c = config();

    c.locked_memory = 0x4000;
    rig_init(&r, &c);
    ck_assert_int_eq(map(&r, 0x0, 0x3000), 0);
    ck_assert_int_eq(map(&r, 0x10000, 0x2000), ENOMEM);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0x3000);
    ck_assert_int_eq(map(&r, 0x10000, 0x1000), 0);
    ck_assert_int_eq(unmap(&r, 0x0, 0x3000), 0);
    ck_assert_int_eq(map(&r, 0x20000, 0x3000), 0);
    nic_fini(&r);
}
END_TEST

START_TEST(S22_an_unmap_up_to_2_64_succeeds)
{
    struct nic r;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    map(&r, UINT64_MAX - 0xfff, 0x1000);
    ck_assert_int_eq(unmap(&r, 0xfef00000, UINT64_C(0xffffffff01100000)), 0);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0);
    nic_fini(&r);
}
END_TEST

START_TEST(a_refused_unmap_up_to_2_64_is_tried_once_more)
{
    struct nic r;
    const struct subscriber_config c = config();
    const struct dist cost = DIST_CONST(5);

    rig_init(&r, &c);
    map(&r, 0x200000, 0x200000);
    latencies_set(&r.t.env.latency, LATENCY_VFIO_UNMAP, &cost);
    ck_assert_int_eq(unmap(&r, 0x201000, 0x1000), EINVAL);
    ck_assert_uint_eq(sim_take_charge(r.t.env.sim), 5);
    toy_unmap(&r.t, 0x201000, UINT64_MAX);
    ck_assert_int_eq(nic_told(&r), EINVAL);
    ck_assert_uint_eq(sim_take_charge(r.t.env.sim), 10);
    ck_assert_uint_eq(r.s->errors, 2);
    nic_fini(&r);
}
END_TEST

START_TEST(S23_with_64_kib_host_pages_a_4_kib_map_is_einval)
{
    struct nic r;
    struct subscriber_config c = config();

    c.page_sizes = 0x10000 | 0x200000;
    rig_init(&r, &c);
    ck_assert_int_eq(map(&r, 0x10000, 0x1000), EINVAL);
    ck_assert_int_eq(map(&r, 0x11000, 0x10000), EINVAL);
    toy_map(&r.t, 0x10000, 0x1ffff, 0x101000); /* target not aligned */
    ck_assert_int_eq(nic_told(&r), EINVAL);
    ck_assert_int_eq(map(&r, 0x10000, 0x10000), 0);
    ck_assert_int_eq(unmap(&r, 0x10000, 0x1000), EINVAL);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0x10000);
    nic_fini(&r);
}
END_TEST

/* ---- the listener's rules ---- */

START_TEST(S30_a_failed_map_is_an_error_line_and_a_hole)
{
    struct nic r;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    toy_trace(&r.t, TRACE_NORMAL);
    map(&r, 0x1000, 0x1000);
    toy_lines(&r.t);
    map(&r, 0x0, 0x4000);
    ck_assert_str_eq(
        toy_lines(&r.t),
        "0 nic0/vfio MAP iova=0x0 size=0x4000 gpa=0x100000 perm=rw cause=map\n"
        "0 nic0/vfio error op=map errno=EEXIST iova=0x0 size=0x4000\n");
    nic_fini(&r);
}
END_TEST

START_TEST(S31_S32_a_target_that_is_not_one_piece_of_ram_is_dropped_whole)
{
    struct nic r;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    toy_map(&r.t, 0x1000, 0x1fff, TOY_MMIO);
    ck_assert_int_eq(nic_told(&r), EFAULT);
    toy_map(&r.t, 0x1000, 0x1fff, UINT64_C(0x100000000));
    ck_assert_int_eq(nic_told(&r), EFAULT);
    toy_map(&r.t, 0, 2 * MIB - 1, TOY_RAM - MIB);
    ck_assert_int_eq(nic_told(&r), EFAULT);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0);
    ck_assert_int_eq(unmap(&r, 0x1000, 0x1000), 0);
    nic_fini(&r);
}
END_TEST

static enum perm
perm_held(struct nic *r, uint64_t gpa, enum perm perm)
{
    struct range_piece p;

    toy_set(&r->t, 0x1000, 0x1000, gpa, perm);
    ck_assert_int_eq(nic_told(r), 0);
    ck_assert(held(r, 0x1000, &p));
    return p.perm;
}

START_TEST(S33_write_only_is_widened_and_rom_is_read_only)
{
    struct nic r;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    toy_trace(&r.t, TRACE_VERBOSE);
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_R);
    ck_assert_uint_eq(perm_held(&r, 0x5000, PERM_R), PERM_R);
    ck_assert_uint_eq(perm_held(&r, 0x5000, PERM_RW), PERM_RW);
    ck_assert_ptr_null(strstr(toy_lines(&r.t), "widened"));
    ck_assert_uint_eq(perm_held(&r, 0x5000, PERM_W), PERM_RW);
    ck_assert_ptr_nonnull(
        strstr(toy_lines(&r.t), "nic0/vfio widened iova=0x1000 size=0x1000 perm=rw\n"));
    ck_assert_uint_eq(perm_held(&r, TOY_ROM, PERM_RW), PERM_R);
    nic_fini(&r);
}
END_TEST

START_TEST(S34_a_lone_map_for_a_change_keeps_the_old_permission)
{
    struct nic r;
    struct range_piece p;
    const struct subscriber_config c = config();
    struct notify_event ev = { .type = NOTIFY_MAP,
                               .perm = PERM_RW,
                               .iova = 0x1000,
                               .mask = 0xfff,
                               .target = GPA(0x5000) };

    rig_init(&r, &c);
    notify_all(&r.t.region, 0, &ev);
    ev.perm = PERM_R;
    notify_all(&r.t.region, 0, &ev);
    ck_assert_int_eq(nic_told(&r), EEXIST);
    ck_assert(held(&r, 0x1000, &p));
    ck_assert_uint_eq(p.perm, PERM_RW);
    nic_fini(&r);
}
END_TEST

START_TEST(S116_a_foreign_target_is_refused_for_maps_and_unmaps)
{
    struct nic r;
    const struct subscriber_config c = config();
    struct notify_event ev = { .type = NOTIFY_MAP,
                               .perm = PERM_RW,
                               .foreign_as = true,
                               .iova = 0x1000,
                               .mask = 0xfff };

    rig_init(&r, &c);
    notify_all(&r.t.region, 0, &ev);
    ck_assert_int_eq(nic_told(&r), EINVAL);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0);
    map(&r, 0x1000, 0x1000);
    ev.type = NOTIFY_UNMAP;
    ev.perm = PERM_NONE;
    notify_all(&r.t.region, 0, &ev);
    ck_assert_int_eq(nic_told(&r), EINVAL);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0x1000);
    nic_fini(&r);
}
END_TEST

START_TEST(S36_a_newcomer_gets_one_map_a_page_in_ascending_order)
{
    struct nic r;
    const struct space_section all = { .first = 0, .last = UINT64_MAX };
    const struct subscriber_config c = config();

    nic_init(&r, UINT64_MAX, &all, 1);
    toy_trace(&r.t, TRACE_NORMAL);
    toy_set(&r.t, 2 * MIB, 2 * MIB, 0, PERM_R);
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_RW);
    rig_attach(&r, &c);
    ck_assert_str_eq(
        toy_lines(&r.t),
        "0 nic0/vfio register flags=map|unmap range=0x0-0xffffffffffffffff\n"
        "0 nic0/vfio replay-begin range=0x0-0xffffffffffffffff\n"
        "0 nic0/vfio MAP iova=0x1000 size=0x1000 gpa=0x5000 perm=rw cause=replay\n"
        "0 nic0/vfio MAP iova=0x200000 size=0x200000 gpa=0x0 perm=r cause=replay\n"
        "0 nic0/vfio replay-end count=2\n");
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0x201000);
    ck_assert_uint_eq(r.s->maps, 2);
    nic_fini(&r);
}
END_TEST

START_TEST(S38_leaving_empties_the_shadow_and_leaves_the_tables)
{
    struct nic r;
    const struct space_section low = { .first = 0x10000,
                                       .last = 0xfedfffff,
                                       .region_first = 0x10000 };
    const struct subscriber_config c = config();

    nic_init(&r, UINT64_MAX, &low, 1);
    rig_attach(&r, &c);
    toy_set(&r.t, 0x20000, 0x1000, 0x5000, PERM_RW);
    toy_trace(&r.t, TRACE_NORMAL);
    subscriber_detach(r.s);
    ck_assert_str_eq(toy_lines(&r.t),
                     "0 nic0/vfio unregister\n"
                     "0 nic0/vfio teardown iova=0x10000 size=0xfedf0000\n");
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0);
    ck_assert_uint_eq(r.t.table.entries, 1);
    ck_assert_uint_eq(r.s->unmaps, 0);
    toy_set(&r.t, 0x20000, 0x1000, 0, PERM_NONE);
    ck_assert_str_eq(toy_lines(&r.t), "");
    nic_fini(&r);
}
END_TEST

START_TEST(S38_a_section_of_2_64_is_emptied_in_two_halves)
{
    struct nic r;
    const struct subscriber_config c = config();
    const struct dist cost = DIST_CONST(3);

    rig_init(&r, &c);
    map(&r, 0x1000, 0x1000);
    map(&r, UINT64_MAX - 0xfff, 0x1000);
    latencies_set(&r.t.env.latency, LATENCY_VFIO_UNMAP, &cost);
    space_set(&r.space, NULL, 0);
    ck_assert_uint_eq(sim_take_charge(r.t.env.sim), 6);
    ck_assert_int_eq(nic_told(&r), 0);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0);
    nic_fini(&r);
}
END_TEST

START_TEST(S39_two_sections_are_two_registrations_each_with_its_own_part)
{
    struct nic r;
    const struct space_section halves[] = {
        { .first = 0, .last = 0xfedfffff },
        { .first = 0xfef00000, .last = UINT64_MAX, .region_first = 0xfef00000 },
    };
    const struct subscriber_config c = config();

    nic_init(&r, UINT64_MAX, halves, 2);
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_RW);
    toy_set(&r.t, 0xfef00000, 0x1000, 0x6000, PERM_RW);
    rig_attach(&r, &c);
    ck_assert_uint_eq(r.s->maps, 2);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0x2000);
    toy_trace(&r.t, TRACE_NORMAL);
    toy_unmap(&r.t, 0xc0000000, 0xffffffff);
    ck_assert_str_eq(toy_lines(&r.t),
                     "0 nic0/vfio UNMAP iova=0xfef00000 size=0x1100000 cause=unmap\n"
                     "0 nic0/vfio UNMAP iova=0xc0000000 size=0x3ee00000 cause=unmap\n");
    ck_assert_int_eq(nic_told(&r), 0);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0x1000);
    nic_fini(&r);
}
END_TEST

START_TEST(a_section_inside_its_region_gives_events_bus_addresses)
{
    struct nic r;
    struct range_piece p;
    const struct space_section window = { .first = UINT64_C(0x800000000000000),
                                          .last = UINT64_C(0x80000000000ffff) };
    const struct subscriber_config c = config();

    nic_init(&r, UINT64_MAX, &window, 1);
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_RW);
    rig_attach(&r, &c);
    toy_set(&r.t, 0x2000, 0x1000, 0x6000, PERM_RW);
    toy_set(&r.t, 0x10000, 0x1000, 0x6000, PERM_RW); /* past the section */
    ck_assert(held(&r, UINT64_C(0x800000000001000), &p));
    ck_assert_uint_eq(p.target, 0x5000);
    ck_assert(held(&r, UINT64_C(0x800000000002000), &p));
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0x2000);
    nic_fini(&r);
}
END_TEST

START_TEST(sections_are_rounded_inwards_to_host_pages_and_high_ones_skipped)
{
    struct nic r;
    struct subscriber_config c = config();
    const struct space_section odd[] = {
        { .first = 0x11000, .last = 0x3efff, .region_first = 0x1000 },
        { .first = 0x41000, .last = 0x4efff },
        { .first = UINT64_C(1) << 63, .last = UINT64_MAX },
    };

    c.page_sizes = 0x10000;
    nic_init(&r, UINT64_MAX, odd, 3);
    rig_attach(&r, &c);
    ck_assert_ptr_nonnull(r.s->bindings);
    ck_assert_ptr_null(r.s->bindings->next);
    ck_assert_uint_eq(r.s->bindings->section.first, 0x20000);
    ck_assert_uint_eq(r.s->bindings->section.last, 0x2ffff);
    ck_assert_uint_eq(r.s->bindings->notifier.first, 0x10000);
    ck_assert_uint_eq(r.s->bindings->notifier.last, 0x1ffff);
    nic_fini(&r);
}
END_TEST

/* ---- bypass ---- */

START_TEST(ram_is_mapped_1_to_1_while_untranslated_around_what_is_reserved)
{
    struct nic r;
    struct range_piece p;
    const struct subscriber_config c = config();
    const struct subscriber_span spans[] = { { 0x3ff00000, 0x7fffffff },
                                             { 0x100000, 0x1fffff } };

    rig_init(&r, &c);
    reserve(&r, spans, 2);
    toy_trace(&r.t, TRACE_NORMAL);
    const struct space_section all = r.space.sections[0];
    space_set_bypass(&r.space);
    ck_assert_str_eq(toy_lines(&r.t),
                     "0 nic0/vfio unregister\n"
                     "0 nic0/vfio teardown iova=0x0 size=0x10000000000000000\n"
                     "0 nic0/vfio bypass-map iova=0x0 size=0x40000000 gpa=0x0 perm=rw\n");
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), GIB - 2 * MIB);
    ck_assert(held(&r, 0x3feff000, &p) && !held(&r, 0x3ff00000, &p));
    ck_assert(!held(&r, 0x100000, &p));
    ck_assert(held(&r, 0x200000, &p));
    ck_assert_uint_eq(p.target, p.first);
    space_set(&r.space, &all, 1);
    ck_assert_str_eq(toy_lines(&r.t),
                     "0 nic0/vfio bypass-unmap iova=0x0 size=0x40000000\n"
                     "0 nic0/vfio register flags=map|unmap range=0x0-0xffffffffffffffff\n"
                     "0 nic0/vfio replay-begin range=0x0-0xffffffffffffffff\n"
                     "0 nic0/vfio replay-end count=0\n");
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0);
    ck_assert_int_eq(nic_told(&r), 0);
    nic_fini(&r);
}
END_TEST

/* ---- RAM that comes and goes ---- */

/* RAM in blocks of 128 MiB, of which the first three are there. */
static void
cut_into_blocks(struct nic *r)
{
    mem_set_block(r->t.env.mem, GPA(0), 128 * MIB);
    mem_discard(r->t.env.mem, GPA(384 * MIB), GPA(TOY_RAM - 1));
}

START_TEST(blocks_of_ram_are_mapped_and_unmapped_one_by_one)
{
    struct nic r;
    struct range_piece p;
    struct subscriber_config c = config();

    c.entry_limit = 4;
    rig_init(&r, &c);
    cut_into_blocks(&r);
    space_set_bypass(&r.space);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 384 * MIB);
    for (uint64_t at = 0; at < 384 * MIB; at += 128 * MIB) {
        ck_assert(held(&r, at, &p) && p.head);
    }
    mem_populate(r.t.env.mem, GPA(384 * MIB), GPA(512 * MIB - 1));
    ck_assert(subscriber_populate(r.s, 384 * MIB, 512 * MIB - 1));
    subscriber_discard(r.s, 128 * MIB, 256 * MIB - 1);
    ck_assert_int_eq(nic_told(&r), 0);
    ck_assert(!held(&r, 128 * MIB, &p) && held(&r, 256 * MIB, &p));

    /* Two more are one too many: neither is mapped. */
    mem_populate(r.t.env.mem, GPA(512 * MIB), GPA(768 * MIB - 1));
    ck_assert(!subscriber_populate(r.s, 512 * MIB, 768 * MIB - 1));
    ck_assert_int_eq(nic_told(&r), ENOSPC);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 384 * MIB);
    ck_assert(!r.s->refused);
    nic_fini(&r);
}
END_TEST

START_TEST(S31_a_map_of_discarded_ram_is_dropped_whole)
{
    struct nic r;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    cut_into_blocks(&r);
    toy_map(&r.t, 0x1000, 0x1fff, 384 * MIB);
    ck_assert_int_eq(nic_told(&r), EFAULT);
    toy_map(&r.t, 0, 2 * MIB - 1, 383 * MIB);
    ck_assert_int_eq(nic_told(&r), EFAULT);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0);
    toy_map(&r.t, 0, 2 * MIB - 1, 382 * MIB);
    ck_assert_int_eq(nic_told(&r), 0);
    nic_fini(&r);
}
END_TEST

START_TEST(what_is_pinned_through_the_iommu_is_known_and_may_outlive_its_memory)
{
    struct nic r;
    struct range_piece p;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    cut_into_blocks(&r);
    toy_map(&r.t, 0x200000, 0x3fffff, 127 * MIB);
    ck_assert(subscriber_pins(r.s, 0, 128 * MIB - 1));
    ck_assert(subscriber_pins(r.s, 128 * MIB, 256 * MIB - 1));
    ck_assert(!subscriber_pins(r.s, 256 * MIB, 384 * MIB - 1));

    subscriber_discard(r.s, 128 * MIB, 256 * MIB - 1);
    ck_assert(held(&r, 0x2fffff, &p));
    ck_assert_uint_eq(p.last, 0x2fffff);
    ck_assert_uint_eq(p.target + (0x2ff000 - p.first), 128 * MIB - 0x1000);
    ck_assert(held(&r, 0x300000, &p));
    ck_assert_uint_eq(p.target, (128 * MIB + (p.first - 0x300000)) | FORMER_PAGE);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 2 * MIB);

    ck_assert_int_eq(unmap(&r, 0x200000, 2 * MIB), 0);
    toy_map(&r.t, 0x200000, 0x3fffff, 127 * MIB);
    ck_assert(held(&r, 0x300000, &p));
    ck_assert_uint_eq(p.target & FORMER_PAGE, 0);
    nic_fini(&r);
}
END_TEST

/* ---- migrations ---- */

static void
start_tracking(struct nic *r)
{
    dirty_start(&r->t.env.dirty, NULL);
    ck_assert(subscriber_track(r->s, true));
}

static void
end_tracking(struct nic *r)
{
    subscriber_track(r->s, false);
    dirty_fini(&r->t.env.dirty);
    r->t.env.dirty = (struct dirty){ 0 };
}

/* Whether the log is just [first, last], or nothing if first > last. */
static bool
log_is(const struct nic *r, uint64_t first, uint64_t last)
{
    uint64_t a, z, b, y;

    if (!dirty_next(&r->t.env.dirty, 0, &a, &z)) {
        return first > last;
    }
    return a == first && z == last && !dirty_next(&r->t.env.dirty, z + 1, &b, &y);
}

START_TEST(S40_an_unmap_beyond_the_bitmap_is_e2big_and_unmaps_nothing)
{
    const uint64_t most = (UINT64_C(0x7fffffff) << PAGE_LG2) - 1; /* 8 TiB - 4 KiB */
    struct nic r;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    ck_assert_int_eq(map(&r, 0x1000, 0x1000), 0);
    start_tracking(&r);
    toy_unmap(&r.t, 0, most + PAGE_BYTES);
    ck_assert_int_eq(nic_told(&r), E2BIG);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0x1000);
    ck_assert(r.t.env.dirty.failed);
    ck_assert(log_is(&r, 1, 0));

    start_tracking(&r);
    toy_unmap(&r.t, 0, most);
    ck_assert_int_eq(nic_told(&r), 0);
    ck_assert_uint_eq(holds(&r, 0, UINT64_MAX), 0);
    ck_assert(!r.t.env.dirty.failed);
    ck_assert(log_is(&r, 0x100000, 0x100fff));

    /* Without a migration there is no limit. */
    ck_assert(subscriber_track(r.s, false));
    r.t.env.dirty.on = false;
    toy_unmap(&r.t, 0, UINT64_MAX >> 1);
    ck_assert_int_eq(nic_told(&r), 0);
    end_tracking(&r);
    nic_fini(&r);
}
END_TEST

START_TEST(a_sync_asks_for_a_replay_and_takes_whole_entries_for_dirty)
{
    struct nic r;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    toy_set(&r.t, 0x10000, 0x10000, 0x50000, PERM_R);
    toy_set(&r.t, 0x20000, 0x1000, TOY_MMIO, PERM_RW);
    ck_assert_int_eq(nic_told(&r), EFAULT);
    start_tracking(&r);
    const uint64_t maps = r.s->maps;
    subscriber_sync(r.s);
    ck_assert(log_is(&r, 0x50000, 0x5ffff));
    ck_assert_uint_eq(r.s->maps, maps);
    ck_assert(!r.t.env.dirty.failed);
    end_tracking(&r);
    nic_fini(&r);
}
END_TEST

START_TEST(a_bitmap_is_not_cut)
{
    struct nic r;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    toy_set(&r.t, 0x10000, 0x10000, 0x50000, PERM_RW);
    start_tracking(&r);
    /* The tables name half of the entry now, and nobody was told. */
    rangemap_remove(&r.t.table, 0x10000, 0x1ffff);
    rangemap_insert(&r.t.table, 0x10000, 0x17fff, 0x50000, PERM_RW);
    subscriber_sync(r.s);
    ck_assert(r.t.env.dirty.failed);
    ck_assert_uint_eq(r.s->errors, 1);
    ck_assert_int_eq(nic_told(&r), 0); /* it is no answer to an event */
    end_tracking(&r);
    nic_fini(&r);
}
END_TEST

START_TEST(who_sees_ram_1_to_1_takes_all_of_it_for_dirty_and_so_does_who_leaves)
{
    struct nic r;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    const struct space_section all = r.space.sections[0];
    space_set_bypass(&r.space);
    start_tracking(&r);
    subscriber_sync(r.s);
    ck_assert(log_is(&r, 0, TOY_RAM - 1));
    space_set(&r.space, &all, 1);
    toy_map(&r.t, 0x1000, 0x1fff, 0x7000);
    start_tracking(&r);
    subscriber_detach(r.s);
    ck_assert(log_is(&r, 0x7000, 0x7fff));
    /* One that comes while a migration runs logs from then on. */
    ck_assert(subscriber_attach(r.s, &r.space, (struct translator){ 0 }, NULL));
    toy_map(&r.t, 0x1000, 0x1fff, 0x8000);
    toy_unmap(&r.t, 0x1000, 0x1fff);
    ck_assert(log_is(&r, 0x7000, 0x8fff));
    end_tracking(&r);
    nic_fini(&r);
}
END_TEST

START_TEST(S116_a_foreign_target_and_an_unmap_that_fails_end_a_migration)
{
    struct nic r;
    const struct subscriber_config c = config();
    const struct notify_event foreign = { .type = NOTIFY_UNMAP,
                                          .foreign_as = true,
                                          .mask = PAGE_MASK };

    rig_init(&r, &c);
    toy_map(&r.t, 0x10000, 0x1ffff, 0x50000);
    start_tracking(&r);
    notify_all(&r.t.region, 0, &foreign);
    ck_assert(r.t.env.dirty.failed);
    start_tracking(&r);
    ck_assert_int_eq(unmap(&r, 0x10000, 0x1000), EINVAL);
    ck_assert(r.t.env.dirty.failed);
    end_tracking(&r);
    nic_fini(&r);
}
END_TEST

/* ---- DMA ---- */

START_TEST(S121_a_device_reaches_what_the_shadow_holds_and_no_more)
{
    struct nic r;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    toy_set(&r.t, 0x200000, 0x200000, 0x400000, PERM_R);
    toy_trace(&r.t, TRACE_VERBOSE);
    struct dma_answer a = r.s->ops->dma(r.s, 0x2abcde, PERM_R);
    ck_assert_int_eq(a.result, DMA_OK);
    ck_assert_uint_eq(a.gpa.v, 0x4abcde);
    ck_assert(a.first <= 0x2abcde && a.last >= 0x2abcde && a.perm == PERM_R);
    ck_assert_int_eq(r.s->ops->dma(r.s, 0x2abcde, PERM_W).result, DMA_BLOCKED);
    ck_assert_int_eq(r.s->ops->dma(r.s, 0x1000, PERM_R).result, DMA_BLOCKED);
    ck_assert_str_eq(toy_lines(&r.t), "");
    nic_fini(&r);
}
END_TEST

START_TEST(each_call_of_the_host_costs_its_latency)
{
    struct nic r;
    const struct subscriber_config c = config();
    const struct dist map_cost = DIST_CONST(100), unmap_cost = DIST_CONST(20);

    rig_init(&r, &c);
    latencies_set(&r.t.env.latency, LATENCY_VFIO_MAP, &map_cost);
    latencies_set(&r.t.env.latency, LATENCY_VFIO_UNMAP, &unmap_cost);
    map(&r, 0x1000, 0x1000);
    map(&r, 0x1000, 0x1000);
    ck_assert_uint_eq(sim_take_charge(r.t.env.sim), 200);
    unmap(&r, 0x1000, 0x1000);
    ck_assert_uint_eq(sim_take_charge(r.t.env.sim), 20);
    nic_fini(&r);
}
END_TEST

START_TEST(N24_an_error_stops_neither_delivery_nor_the_model)
{
    struct nic r;
    struct ear e;
    const struct subscriber_config c = config();

    rig_init(&r, &c);
    ear_init(&e, "e", NOTIFY_MAP | NOTIFY_UNMAP, 0, UINT64_MAX);
    ck_assert_int_eq(notify_register(&r.t.region, &e.n, NULL), 0);
    notify_unregister(&e.n); /* to be called after vfio, e must be the older one */
    subscriber_detach(r.s);
    ck_assert_int_eq(notify_register(&r.t.region, &e.n, NULL), 0);
    ck_assert(subscriber_attach(r.s, &r.space, (struct translator){ 0 }, NULL));
    toy_set(&r.t, 0x1000, 0x1000, TOY_MMIO, PERM_RW);
    ck_assert_int_eq(nic_told(&r), EFAULT);
    ck_assert_uint_eq(e.count, 1);
    ear_agrees(&e, &r.t);
    ear_fini(&e);
    nic_fini(&r);
}
END_TEST

START_TEST(N13_N28_random_changes_and_a_second_container_stay_coherent)
{
    const uint64_t seed = 4711 + (uint64_t)_i;
    uint64_t state = seed;
    struct nic r;
    const struct subscriber_config c = config();
    struct subscriber *late = NULL;

    printf("seed %lu\n", (unsigned long)seed);
    rig_init(&r, &c);
    for (int i = 0; i < 600; i++) {
        const uint64_t size = PAGE_BYTES << rnd(&state) % 10;
        const uint64_t iova = rnd(&state) % (4 * MIB / size) * size;
        toy_set(&r.t, iova, size, rnd(&state) % 64 * 2 * MIB,
                rnd(&state) % 2 ? PERM_RW : PERM_NONE);
        if (i == 300) {
            late = subscriber_new(subscriber_kind("vfio"), &c, &r.t.env);
            ck_assert(subscriber_attach(late, &r.space, (struct translator){ 0 }, NULL));
        }
        ck_assert_int_eq(nic_told(&r), 0);
        for (uint64_t at = 0; at < 4 * MIB; at += PAGE_BYTES) {
            struct range_piece want, p;
            const bool mapped = rangemap_lookup(&r.t.table, at, &want);
            for (struct subscriber *s = r.s; s != NULL; s = s == r.s ? late : NULL) {
                ck_assert_int_eq(s->ops->lookup(s, at, &p), mapped);
                if (mapped) {
                    ck_assert_uint_eq(p.target + (at - p.first),
                                      want.target + (at - want.first));
                }
            }
        }
    }
    subscriber_detach(late);
    subscriber_free(late);
    nic_fini(&r);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("vfio");
    TCase *tc = tcase_create("kernel");

    tcase_add_test(tc, S10_S11_a_map_over_anything_live_is_eexist_and_changes_nothing);
    tcase_add_test(tc, S12_S25_an_unmap_that_cuts_an_entry_removes_nothing);
    tcase_add_test(tc, S15_S16_S35_an_unmap_takes_what_it_finds_and_may_find_nothing);
    tcase_add_test(tc, S17_an_event_for_all_2_64_bytes_has_length_0_in_the_kernel);
    tcase_add_test(tc, S18_S19_a_map_outside_the_valid_ranges_is_einval_an_unmap_is_not);
    tcase_add_test(tc, S24_a_group_that_reserves_what_is_mapped_cannot_join);
    tcase_add_test(tc, S24_a_group_that_joins_narrows_what_can_be_mapped_until_it_parts);
    tcase_add_test(tc, S20_the_65536th_map_is_enospc_until_one_is_unmapped);
    tcase_add_test(tc, S20_the_entry_limit_can_be_set);
    tcase_add_test(tc, S21_a_map_over_the_locked_memory_limit_leaves_nothing);
    tcase_add_test(tc, S22_an_unmap_up_to_2_64_succeeds);
    tcase_add_test(tc, a_refused_unmap_up_to_2_64_is_tried_once_more);
    tcase_add_test(tc, S23_with_64_kib_host_pages_a_4_kib_map_is_einval);
    suite_add_tcase(s, tc);

    tc = tcase_create("listener");
    tcase_add_test(tc, S30_a_failed_map_is_an_error_line_and_a_hole);
    tcase_add_test(tc, S31_S32_a_target_that_is_not_one_piece_of_ram_is_dropped_whole);
    tcase_add_test(tc, S33_write_only_is_widened_and_rom_is_read_only);
    tcase_add_test(tc, S34_a_lone_map_for_a_change_keeps_the_old_permission);
    tcase_add_test(tc, S116_a_foreign_target_is_refused_for_maps_and_unmaps);
    tcase_add_test(tc, S36_a_newcomer_gets_one_map_a_page_in_ascending_order);
    tcase_add_test(tc, S38_leaving_empties_the_shadow_and_leaves_the_tables);
    tcase_add_test(tc, S38_a_section_of_2_64_is_emptied_in_two_halves);
    tcase_add_test(tc, S39_two_sections_are_two_registrations_each_with_its_own_part);
    tcase_add_test(tc, a_section_inside_its_region_gives_events_bus_addresses);
    tcase_add_test(tc, sections_are_rounded_inwards_to_host_pages_and_high_ones_skipped);
    tcase_add_test(tc, ram_is_mapped_1_to_1_while_untranslated_around_what_is_reserved);
    tcase_add_test(tc, blocks_of_ram_are_mapped_and_unmapped_one_by_one);
    tcase_add_test(tc, S31_a_map_of_discarded_ram_is_dropped_whole);
    tcase_add_test(tc,
                   what_is_pinned_through_the_iommu_is_known_and_may_outlive_its_memory);
    suite_add_tcase(s, tc);

    tc = tcase_create("migrations");
    tcase_add_test(tc, S40_an_unmap_beyond_the_bitmap_is_e2big_and_unmaps_nothing);
    tcase_add_test(tc, a_sync_asks_for_a_replay_and_takes_whole_entries_for_dirty);
    tcase_add_test(tc, a_bitmap_is_not_cut);
    tcase_add_test(tc,
                   who_sees_ram_1_to_1_takes_all_of_it_for_dirty_and_so_does_who_leaves);
    tcase_add_test(tc, S116_a_foreign_target_and_an_unmap_that_fails_end_a_migration);
    suite_add_tcase(s, tc);

    tc = tcase_create("device");
    tcase_add_test(tc, S121_a_device_reaches_what_the_shadow_holds_and_no_more);
    tcase_add_test(tc, each_call_of_the_host_costs_its_latency);
    tcase_add_test(tc, N24_an_error_stops_neither_delivery_nor_the_model);
    tcase_add_loop_test(tc, N13_N28_random_changes_and_a_second_container_stay_coherent,
                        0, 3);
    suite_add_tcase(s, tc);
    return s;
}
