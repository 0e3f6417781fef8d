/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What all subscribers share: registrations for sections, refusals, ranges, replay,
 * the broken subscriber's quirk; and the kinds that hold nothing.
 */
#include "subscriber/subscriber.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_main.h"
#include "support_toy.h"

struct rig {
    struct toy t;
    struct space space;
    unsigned refusals;
};

static void
refused(void *self, struct subscriber *s)
{
    struct rig *r = self;

    ck_assert(s->refused);
    r->refusals++;
}

/* Two sections, as VT-d has them. */
static void
rig_init(struct rig *r)
{
    const struct space_section both[] = {
        { 0, 0xfedfffff, &r->t.region, 0 },
        { 0xfef00000, UINT64_MAX, &r->t.region, 0xfef00000 },
    };

    *r = (struct rig){ 0 };
    toy_init(&r->t, UINT64_MAX);
    r->t.env.observer = (struct observer){ .self = r, .refused = refused };
    space_init(&r->space, "nic0", &r->t.env);
    space_set(&r->space, both, 2);
}

static void
rig_fini(struct rig *r)
{
    space_fini(&r->space);
    toy_fini(&r->t);
}

static struct subscriber *
subscriber(struct rig *r, const char *kind)
{
    const struct subscriber_config c = { .name = "nic0/sub",
                                         .device = "nic0",
                                         .replay = true };

    return subscriber_new(subscriber_kind(kind), &c, &r->t.env);
}

static bool
attach(struct rig *r, struct subscriber *s)
{
    return subscriber_attach(s, &r->space, (struct translator){ 0 }, NULL);
}

static void
end(struct subscriber *s)
{
    subscriber_detach(s);
    subscriber_free(s);
}

START_TEST(kinds_are_found_by_name)
{
    static const char *const names[] = { "vfio",       "vfio-v1", "vfio-spapr", "iommufd",
                                         "vhost-vdpa", "vhost",   "vhost-user", "ats",
                                         "emulated",   "observer" };

    for (size_t i = 0; i < 10; i++) {
        const struct subscriber_ops *ops = subscriber_kind(names[i]);
        ck_assert_ptr_nonnull(ops);
        ck_assert_str_eq(ops->name, names[i]);
        ck_assert((ops->shadow == SHADOW_NONE) ==
                  (ops->lookup == NULL && ops->next == NULL));
        ck_assert_ptr_nonnull(subscriber_kind_at(i));
    }
    ck_assert_ptr_null(subscriber_kind_at(10));
    ck_assert_ptr_null(subscriber_kind("vfoi"));
    subscriber_free(NULL);
}
END_TEST

START_TEST(S37_N26_a_refusal_undoes_all_and_says_why)
{
    struct rig r;
    struct err e = { .text = "" };

    rig_init(&r);
    toy_trace(&r.t, TRACE_VERBOSE);
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_RW);
    r.t.refuses = NOTIFY_MAP;
    struct subscriber *s = subscriber(&r, "vfio");
    ck_assert(!subscriber_attach(s, &r.space, (struct translator){ 0 }, &e));
    ck_assert_str_eq(e.text, "not today");
    ck_assert_str_eq(toy_lines(&r.t),
                     "0 nic0/sub refused reason=not%20today errno=ENOTSUP\n");
    ck_assert(s->refused && !s->attached);
    ck_assert_ptr_null(s->bindings);
    ck_assert_ptr_null(r.t.region.head);
    ck_assert_ptr_null(r.space.listeners);
    ck_assert_uint_eq(r.refusals, 1);
    r.t.refuses = 0; /* the same one may try again */
    ck_assert(attach(&r, s));
    ck_assert(!s->refused);
    ck_assert_uint_eq(s->maps, 1);
    end(s);
    rig_fini(&r);
}
END_TEST

/* The region of the second section refuses everybody. */
static int
refuse_all(struct notify_region *region, unsigned old_flags, unsigned new_flags,
           struct err *e)
{
    (void)region;
    (void)old_flags;
    (void)new_flags;
    (void)e;
    return -ENOTSUP;
}

START_TEST(S37_a_refusal_of_a_later_section_empties_the_first)
{
    struct rig r;
    struct notify_region strict;
    const struct notify_region_ops ops = { .flags_changed = refuse_all };
    struct range_piece p;

    rig_init(&r);
    notify_region_init(&strict, &ops, NULL, "strict", &r.t.env, UINT64_MAX, 1);
    const struct space_section both[] = {
        { 0, 0xffff, &r.t.region, 0 },
        { 0x10000, 0x1ffff, &strict, 0 },
    };
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_RW);
    struct subscriber *s = subscriber(&r, "vfio");
    space_set(&r.space, NULL, 0);
    ck_assert(attach(&r, s)); /* nothing to register at yet */
    toy_trace(&r.t, TRACE_NORMAL);
    space_set(&r.space, both, 2);
    ck_assert_str_eq(
        toy_lines(&r.t),
        "0 nic0/sub register flags=map|unmap range=0x0-0xffff\n"
        "0 nic0/sub replay-begin range=0x0-0xffff\n"
        "0 nic0/sub MAP iova=0x1000 size=0x1000 gpa=0x5000 perm=rw cause=replay\n"
        "0 nic0/sub replay-end count=1\n"
        "0 nic0/sub unregister\n"
        "0 nic0/sub teardown iova=0x0 size=0x10000\n"
        "0 nic0/sub refused reason=refused%20by%20the%20IOMMU errno=ENOTSUP\n");
    ck_assert(s->refused && s->attached);
    ck_assert(!s->ops->next(s, 0, &p));
    space_set_bypass(&r.space); /* it stays out */
    ck_assert(!s->ops->next(s, 0, &p));
    ck_assert_str_eq(toy_lines(&r.t), "");
    end(s);
    rig_fini(&r);
}
END_TEST

START_TEST(a_range_clips_sections_and_skips_those_outside)
{
    struct rig r;
    const struct subscriber_config c = { .name = "nic0/sub",
                                         .device = "nic0",
                                         .has_range = true,
                                         .range_first = 0x2000,
                                         .range_last = 0x7fff };

    rig_init(&r);
    toy_trace(&r.t, TRACE_NORMAL);
    struct subscriber *s = subscriber_new(subscriber_kind("observer"), &c, &r.t.env);
    ck_assert(attach(&r, s));
    toy_set(&r.t, 0x0, 0x10000, 0x20000, PERM_RW);
    end(s);
    ck_assert_str_eq(
        toy_lines(&r.t),
        "0 nic0/sub register flags=map|unmap range=0x2000-0x7fff\n"
        "0 nic0/sub MAP iova=0x2000 size=0x6000 gpa=0x22000 perm=rw cause=map\n"
        "0 nic0/sub unregister\n");
    rig_fini(&r);
}
END_TEST

START_TEST(S39_sections_leave_one_by_one_the_highest_first)
{
    struct rig r;

    rig_init(&r);
    struct subscriber *s = subscriber(&r, "vfio");
    ck_assert(attach(&r, s));
    toy_trace(&r.t, TRACE_NORMAL);
    end(s);
    ck_assert_str_eq(toy_lines(&r.t),
                     "0 nic0/sub unregister\n"
                     "0 nic0/sub teardown iova=0xfef00000 size=0xffffffff01100000\n"
                     "0 nic0/sub unregister\n"
                     "0 nic0/sub teardown iova=0x0 size=0xfee00000\n");
    ck_assert_uint_eq(r.t.region.flags, 0);
    rig_fini(&r);
}
END_TEST

START_TEST(S39_a_section_that_vanishes_takes_its_own_registration)
{
    struct rig r;
    const struct space_section high = { 0xfef00000, UINT64_MAX, &r.t.region, 0xfef00000 };

    rig_init(&r);
    struct subscriber *s = subscriber(&r, "vfio");
    ck_assert(attach(&r, s));
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_RW);
    toy_set(&r.t, 0xfef00000, 0x1000, 0x6000, PERM_RW);
    space_set(&r.space, &high, 1);
    struct range_piece p;
    ck_assert(!s->ops->lookup(s, 0x1000, &p));
    ck_assert(s->ops->lookup(s, 0xfef00000, &p));
    ck_assert_uint_eq(s->bindings->section.first, 0xfef00000);
    ck_assert_ptr_null(s->bindings->next);
    end(s);
    rig_fini(&r);
}
END_TEST

START_TEST(an_observer_hears_replays_and_events_and_holds_nothing)
{
    struct rig r;
    const struct dist cost = DIST_CONST(1000);

    rig_init(&r);
    latencies_set(&r.t.env.latency, LATENCY_VFIO_MAP, &cost);
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_RW);
    struct subscriber *s = subscriber(&r, "observer");
    ck_assert(attach(&r, s));
    ck_assert_uint_eq(s->maps, 1);
    toy_set(&r.t, 0x1000, 0x1000, 0x6000, PERM_RW);
    ck_assert_uint_eq(s->maps, 2);
    ck_assert_uint_eq(s->unmaps, 1);
    ck_assert_uint_eq(sim_take_charge(r.t.env.sim), 0);
    ck_assert_ptr_null(s->ops->dma);
    end(s);
    rig_fini(&r);
}
END_TEST

START_TEST(flags_can_be_chosen_and_decide_about_replay)
{
    struct rig r;
    struct subscriber_config c = { .name = "nic0/sub", .device = "nic0", .replay = true };

    rig_init(&r);
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_RW);
    toy_trace(&r.t, TRACE_NORMAL);
    c.flags = NOTIFY_UNMAP | NOTIFY_DEVIOTLB_UNMAP;
    struct subscriber *s = subscriber_new(subscriber_kind("observer"), &c, &r.t.env);
    ck_assert(attach(&r, s));
    ck_assert_ptr_null(strstr(toy_lines(&r.t), "replay"));
    notify_all(&r.t.region, 0,
               &(struct notify_event){
                   .type = NOTIFY_DEVIOTLB_UNMAP, .iova = 0, .mask = UINT64_MAX });
    ck_assert_uint_eq(s->deviotlb_unmaps, 2);
    end(s);

    c.flags = NOTIFY_MAP;
    c.replay = false;
    s = subscriber_new(subscriber_kind("observer"), &c, &r.t.env);
    ck_assert(attach(&r, s));
    ck_assert_uint_eq(s->maps, 0);
    end(s);
    rig_fini(&r);
}
END_TEST

START_TEST(replay_may_be_asked_of_what_takes_no_MAP)
{
    struct rig r;
    const struct subscriber_config c = {
        .name = "nic0/sub", .device = "nic0", .flags = NOTIFY_UNMAP, .replay_always = true
    };

    rig_init(&r);
    toy_trace(&r.t, TRACE_NORMAL);
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_RW);
    struct subscriber *s = subscriber_new(subscriber_kind("observer"), &c, &r.t.env);
    ck_assert(attach(&r, s));
    ck_assert_str_eq(
        toy_lines(&r.t),
        "0 nic0/sub register flags=unmap range=0x0-0xfedfffff\n"
        "0 nic0/sub replay-begin range=0x0-0xfedfffff\n"
        "0 nic0/sub replay-end count=0\n"
        "0 nic0/sub register flags=unmap range=0xfef00000-0xffffffffffffffff\n"
        "0 nic0/sub replay-begin range=0xfef00000-0xffffffffffffffff\n"
        "0 nic0/sub replay-end count=0\n");
    end(s);
    rig_fini(&r);
}
END_TEST

START_TEST(a_replay_asked_for_later_goes_through_the_sections_upwards)
{
    struct rig r;

    rig_init(&r);
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_RW);
    toy_set(&r.t, 0xfef00000, 0x1000, 0x6000, PERM_RW);
    struct subscriber *s = subscriber(&r, "observer");
    subscriber_replay(s); /* nothing to ask yet */
    ck_assert(attach(&r, s));
    toy_trace(&r.t, TRACE_NORMAL);
    subscriber_replay(s);
    ck_assert_str_eq(
        toy_lines(&r.t),
        "0 nic0/sub replay-begin range=0x0-0xfedfffff\n"
        "0 nic0/sub MAP iova=0x1000 size=0x1000 gpa=0x5000 perm=rw cause=replay\n"
        "0 nic0/sub replay-end count=1\n"
        "0 nic0/sub replay-begin range=0xfef00000-0xffffffffffffffff\n"
        "0 nic0/sub MAP iova=0xfef00000 size=0x1000 gpa=0x6000 perm=rw cause=replay\n"
        "0 nic0/sub replay-end count=1\n");
    ck_assert_uint_eq(s->maps, 4);
    end(s);
    rig_fini(&r);
}
END_TEST

START_TEST(one_that_retries_is_refused_anew_until_it_is_taken)
{
    struct rig r;
    const struct subscriber_config c = {
        .name = "nic0/sub", .device = "nic0", .flags = NOTIFY_MAP, .retry = true
    };
    const struct space_section low = { 0, 0xfedfffff, &r.t.region, 0 };
    struct err e = { .text = "" };

    rig_init(&r);
    toy_trace(&r.t, TRACE_NORMAL);
    r.t.refuses = NOTIFY_MAP;
    struct subscriber *s = subscriber_new(subscriber_kind("observer"), &c, &r.t.env);
    ck_assert(!subscriber_attach(s, &r.space, (struct translator){ 0 }, &e));
    ck_assert_str_eq(e.text, "not today");
    ck_assert(s->refused && s->attached);
    ck_assert_uint_eq(r.refusals, 2); /* each section */
    ck_assert_str_eq(toy_lines(&r.t),
                     "0 nic0/sub refused reason=not%20today errno=ENOTSUP\n"
                     "0 nic0/sub refused reason=not%20today errno=ENOTSUP\n");

    space_set_bypass(&r.space);
    space_set(&r.space, &low, 1);
    ck_assert_str_eq(toy_lines(&r.t),
                     "0 nic0/sub refused reason=not%20today errno=ENOTSUP\n");
    r.t.refuses = 0;
    space_set_bypass(&r.space);
    space_set(&r.space, &low, 1);
    ck_assert(!s->refused);
    ck_assert_str_eq(toy_lines(&r.t),
                     "0 nic0/sub register flags=map range=0x0-0xfedfffff\n");
    end(s);
    rig_fini(&r);
}
END_TEST

START_TEST(S121_an_emulated_device_registers_nothing_and_asks_the_iommu)
{
    struct rig r;

    rig_init(&r);
    toy_trace(&r.t, TRACE_VERBOSE);
    struct subscriber *s = subscriber(&r, "emulated");
    ck_assert(attach(&r, s));
    ck_assert_ptr_null(r.t.region.head);
    ck_assert_ptr_null(s->ops->dma);
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_RW);
    space_set_bypass(&r.space);
    ck_assert_str_eq(toy_lines(&r.t),
                     "0 nic0 sections kind=ram count=1\n"); /* not its own */
    end(s);
    rig_fini(&r);
}
END_TEST

START_TEST(a_subscriber_that_drops_unmaps_keeps_what_they_named)
{
    struct rig r;
    struct range_piece p;

    rig_init(&r);
    quirk_set(&r.t.env.quirks, QUIRK_SUB_DROP_UNMAP, true);
    struct subscriber *s = subscriber(&r, "vfio");
    ck_assert(attach(&r, s));
    toy_set(&r.t, 0x1000, 0x1000, 0x5000, PERM_RW);
    toy_set(&r.t, 0x1000, 0x1000, 0, PERM_NONE);
    ck_assert_uint_eq(s->unmaps, 1);
    ck_assert(s->ops->lookup(s, 0x1000, &p));
    end(s);
    rig_fini(&r);
}
END_TEST

static void
failed_once(void *self, struct subscriber *s, const char *op, uint64_t first,
            uint64_t last, int error)
{
    unsigned *calls = self;

    (void)s;
    ck_assert_str_eq(op, "map");
    ck_assert_uint_eq(first, 0x1000);
    ck_assert_uint_eq(last, 0x1fff);
    ck_assert_int_eq(error, ENOSPC);
    ++*calls;
}

START_TEST(a_failure_is_counted_traced_and_told)
{
    struct rig r;
    unsigned calls = 0;

    rig_init(&r);
    toy_trace(&r.t, TRACE_NORMAL);
    r.t.env.observer = (struct observer){ .self = &calls, .failed = failed_once };
    struct subscriber *s = subscriber(&r, "observer");
    subscriber_failed(s, "map", 0x1000, 0x1fff, ENOSPC);
    ck_assert_uint_eq(s->errors, 1);
    ck_assert_uint_eq(calls, 1);
    ck_assert_str_eq(toy_lines(&r.t),
                     "0 nic0/sub error op=map errno=ENOSPC iova=0x1000 size=0x1000\n");
    end(s);
    rig_fini(&r);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("subscriber");
    TCase *tc = tcase_create("shared");

    tcase_add_test(tc, kinds_are_found_by_name);
    tcase_add_test(tc, S37_N26_a_refusal_undoes_all_and_says_why);
    tcase_add_test(tc, S37_a_refusal_of_a_later_section_empties_the_first);
    tcase_add_test(tc, a_range_clips_sections_and_skips_those_outside);
    tcase_add_test(tc, S39_sections_leave_one_by_one_the_highest_first);
    tcase_add_test(tc, S39_a_section_that_vanishes_takes_its_own_registration);
    tcase_add_test(tc, an_observer_hears_replays_and_events_and_holds_nothing);
    tcase_add_test(tc, flags_can_be_chosen_and_decide_about_replay);
    tcase_add_test(tc, replay_may_be_asked_of_what_takes_no_MAP);
    tcase_add_test(tc, a_replay_asked_for_later_goes_through_the_sections_upwards);
    tcase_add_test(tc, one_that_retries_is_refused_anew_until_it_is_taken);
    tcase_add_test(tc, S121_an_emulated_device_registers_nothing_and_asks_the_iommu);
    tcase_add_test(tc, a_subscriber_that_drops_unmaps_keeps_what_they_named);
    tcase_add_test(tc, a_failure_is_counted_traced_and_told);
    suite_add_tcase(s, tc);
    return s;
}
