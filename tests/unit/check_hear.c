/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the checker hears of events: delivered as announced, or not. */
#include <check.h>

#include "support_check.h"
#include "support_main.h"

static struct subscriber *
observe_window(void)
{
    rig_begin();
    rig_papr();
    return rig_subscribe("observer", "dev/observer", true);
}

START_TEST(N4_an_event_that_is_due_and_not_delivered_is_lost)
{
    struct subscriber *s = observe_window();
    struct notify_event ev = rig_map_event(0x1000, 0x20000);

    rig_pretend(s, &ev, 0);
    rig_hcall_returns(0x1000);
    rig_expect_one(VIOLATION_LOST_EVENT, BLAME_CORE, 0x1000, 0x1fff);
    rig_end();
}
END_TEST

START_TEST(an_event_that_is_delivered_once_is_right)
{
    struct subscriber *s = observe_window();
    struct notify_event ev = rig_map_event(0x1000, 0x20000);

    rig_pretend(s, &ev, 1);
    rig_hcall_returns(0x1000);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

START_TEST(N4_an_event_that_is_delivered_twice_is_undue)
{
    struct subscriber *s = observe_window();
    struct notify_event ev = { .type = NOTIFY_UNMAP, .iova = 0x1000, .mask = PAGE_MASK };

    rig_pretend(s, &ev, 2);
    rig_hcall_returns(0x1000);
    rig_expect_one(VIOLATION_UNDUE_EVENT, BLAME_CORE, 0x1000, 0x1fff);
    rig_end();
}
END_TEST

START_TEST(N1_an_event_outside_the_flags_is_undue_and_none_of_it_is_lost)
{
    struct subscriber *s = observe_window();
    struct notify_event ev = { .type = NOTIFY_DEVIOTLB_UNMAP,
                               .iova = 0x1000,
                               .mask = PAGE_MASK };

    s->bindings->notifier.flags = NOTIFY_UNMAP;
    rig_pretend(s, &ev, 0);
    rig_hcall_returns(0x1000);
    ck_assert_uint_eq(rig.n, 0);
    rig_pretend(s, &ev, 1);
    rig_hcall_returns(0x1000);
    rig_expect_one(VIOLATION_UNDUE_EVENT, BLAME_CORE, 0x1000, 0x1fff);
    rig_end();
}
END_TEST

START_TEST(N12_a_size_that_is_no_power_of_two_is_malformed)
{
    struct subscriber *s = observe_window();
    struct notify_event ev = rig_map_event(0x3000, 0x20000);

    ev.mask = 0x2fff;
    rig_pretend(s, &ev, 1);
    rig_hcall_returns(0x3000);
    rig_expect_one(VIOLATION_MALFORMED_EVENT, BLAME_IOMMU, 0x3000, 0x5fff);
    rig_end();
}
END_TEST

START_TEST(N12_a_misaligned_address_is_malformed)
{
    struct subscriber *s = observe_window();
    struct notify_event ev = { .type = NOTIFY_UNMAP, .iova = 0x1000, .mask = 0x1fff };

    rig_pretend(s, &ev, 1);
    rig_hcall_returns(0x1000);
    rig_expect_one(VIOLATION_MALFORMED_EVENT, BLAME_IOMMU, 0x1000, 0x2fff);
    rig_end();
}
END_TEST

START_TEST(N11_an_unmap_with_a_permission_is_malformed)
{
    struct subscriber *s = observe_window();
    struct notify_event ev = rig_map_event(0x1000, 0x20000);

    ev.type = NOTIFY_UNMAP;
    rig_pretend(s, &ev, 1);
    rig_hcall_returns(0x1000);
    rig_expect_one(VIOLATION_MALFORMED_EVENT, BLAME_IOMMU, 0x1000, 0x1fff);
    rig_end();
}
END_TEST

START_TEST(odd_events_of_adjacent_pages_make_one_line_when_the_call_returns)
{
    struct subscriber *s = observe_window();

    for (uint64_t at = 0x1000; at < 0x5000; at += 0x1000) {
        struct notify_event ev = rig_map_event(at, 0x20000);
        rig_pretend(s, &ev, 0);
    }
    ck_assert_uint_eq(rig.n, 0);
    rig_hcall_returns(0x1000);
    rig_expect_one(VIOLATION_LOST_EVENT, BLAME_CORE, 0x1000, 0x4fff);
    rig_end();
}
END_TEST

/* An observer that was told of the page that the table maps at 0x1000. */
static struct subscriber *
observe_page(void)
{
    struct subscriber *s = observe_window();

    rig_put(0x1000, 0x20003);
    rig_hcall_returns(0x1000);
    ck_assert_uint_eq(rig.n, 0);
    return s;
}

START_TEST(an_unmap_of_what_is_still_mapped_is_overbroad_to_an_observer)
{
    struct subscriber *s = observe_page();
    struct notify_event ev = { .type = NOTIFY_UNMAP, .iova = 0x1000, .mask = PAGE_MASK };

    rig_pretend(s, &ev, 1);
    rig_hcall_returns(0x1000);
    rig_expect_one(VIOLATION_OVERBROAD_UNMAP, BLAME_IOMMU, 0x1000, 0x1fff);
    rig_end();
}
END_TEST

START_TEST(an_unmap_that_a_map_makes_good_is_not_overbroad)
{
    struct subscriber *s = observe_page();
    struct notify_event unmap = { .type = NOTIFY_UNMAP, .mask = 0xffff };
    struct notify_event map = rig_map_event(0x1000, 0x20000);

    rig_pretend(s, &unmap, 1);
    rig_pretend(s, &map, 1);
    rig_hcall_returns(0x1000);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

START_TEST(an_unmap_of_what_the_guest_has_cleared_is_not_overbroad)
{
    observe_page();
    rig_put(0x1000, 0);
    rig_hcall_returns(0x1000);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

START_TEST(N19_a_map_that_a_replay_repeats_is_no_duplicate)
{
    struct subscriber *s = observe_page();
    struct notify_event ev = rig_map_event(0x1000, 0x20000);

    ev.cause = CAUSE_REPLAY;
    rig_pretend(s, &ev, 1);
    rig_hcall_returns(0x1000);
    ck_assert_uint_eq(rig.n, 0);
    ev.cause = CAUSE_MAP;
    rig_pretend(s, &ev, 1);
    rig_hcall_returns(0x1000);
    rig_expect_one(VIOLATION_DUPLICATE_MAP, BLAME_IOMMU, 0x1000, 0x1fff);
    rig_end();
}
END_TEST

/* An UNMAP announced to s alone. */
static void
pretend_to_one(struct subscriber *s, const struct notify_event *ev)
{
    const struct observer *o = &rig.env.observer;
    struct notifier *n = &s->bindings->notifier;

    o->delivered(o->self, n, ev);
    o->announced(o->self, n->region, 0, ev, n);
    rig_hcall_returns(0x1000);
}

START_TEST(N12_an_unmap_for_one_is_a_block_or_its_whole_window)
{
    struct subscriber *s = observe_window();
    const struct notifier *n = &s->bindings->notifier;
    struct notify_event ev = { .type = NOTIFY_UNMAP, .iova = n->first };

    ev.mask = n->last - n->first;
    pretend_to_one(s, &ev);
    ev = (struct notify_event){ .type = NOTIFY_UNMAP, .iova = 0x4000, .mask = 0x3fff };
    pretend_to_one(s, &ev);
    ck_assert_uint_eq(rig.n, 0);
    ev.iova = 0x5000;
    pretend_to_one(s, &ev);
    rig_expect_one(VIOLATION_MALFORMED_EVENT, BLAME_IOMMU, 0x5000, 0x8fff);
    rig_end();
}
END_TEST

START_TEST(what_is_delivered_with_another_target_is_the_cores_fault)
{
    const struct observer *o = &rig.env.observer;
    const struct notify_event due = rig_map_event(0x3000, 0x80000);
    const struct notify_event got = rig_map_event(0x3000, 0x70000);
    const struct notify_event gone = { .type = NOTIFY_UNMAP,
                                       .iova = 0x3000,
                                       .mask = PAGE_MASK };

    rig_begin();
    rig_papr();
    struct subscriber *s = rig_subscribe("vfio", "dev/vfio", true);
    rig_put(0x3000, 0x80003);
    s->ops->notify(s, &gone, 0x3000, 0x3fff);
    s->ops->notify(s, &got, 0x3000, 0x3fff);
    o->delivered(o->self, &s->bindings->notifier, &got);
    o->announced(o->self, s->bindings->notifier.region, 0, &due, NULL);
    check_all(rig.check);
    rig_expect_one(VIOLATION_WRONG_TARGET, BLAME_CORE, 0x3000, 0x3fff);
    ck_assert_str_eq(rig.seen[0].hint, "undue-event");
    rig_end();
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/hear");
    TCase *tc = tcase_create("hear");

    tcase_add_test(tc, N4_an_event_that_is_due_and_not_delivered_is_lost);
    tcase_add_test(tc, an_event_that_is_delivered_once_is_right);
    tcase_add_test(tc, N4_an_event_that_is_delivered_twice_is_undue);
    tcase_add_test(tc, N1_an_event_outside_the_flags_is_undue_and_none_of_it_is_lost);
    tcase_add_test(tc, N12_a_size_that_is_no_power_of_two_is_malformed);
    tcase_add_test(tc, N12_a_misaligned_address_is_malformed);
    tcase_add_test(tc, N11_an_unmap_with_a_permission_is_malformed);
    tcase_add_test(tc, odd_events_of_adjacent_pages_make_one_line_when_the_call_returns);
    tcase_add_test(tc, an_unmap_of_what_is_still_mapped_is_overbroad_to_an_observer);
    tcase_add_test(tc, an_unmap_that_a_map_makes_good_is_not_overbroad);
    tcase_add_test(tc, an_unmap_of_what_the_guest_has_cleared_is_not_overbroad);
    tcase_add_test(tc, N19_a_map_that_a_replay_repeats_is_no_duplicate);
    tcase_add_test(tc, N12_an_unmap_for_one_is_a_block_or_its_whole_window);
    tcase_add_test(tc, what_is_delivered_with_another_target_is_the_cores_fault);
    suite_add_tcase(s, tc);
    return s;
}
