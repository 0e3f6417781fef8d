/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is to blame, from what a subscriber was told and what it was due. */
#include <check.h>
#include <errno.h>

#include "support_check.h"
#include "support_main.h"

/* An entry changes behind everybody's back. */
static void
tamper(uint64_t ioba, uint64_t tce)
{
    struct iommu_window w[4];

    ck_assert_uint_ge(rig.iommu->ops->windows(rig.iommu, w, 4), 1);
    mem_write64le(w[0].tces, GPA(8 * ((ioba - w[0].base) >> w[0].page_lg2)), tce);
}

static struct subscriber *
mirror(void)
{
    rig_begin();
    rig_papr();
    return rig_subscribe("vfio", "dev/vfio", true);
}

START_TEST(what_nobody_announced_is_the_iommus_fault)
{
    mirror();
    tamper(0x1000, 0x20003);
    rig_hcall_returns(0x1000);
    rig_expect_one(VIOLATION_MISSING_MAPPING, BLAME_IOMMU, 0x1000, 0x1fff);
    rig_end();
}
END_TEST

START_TEST(what_was_announced_and_not_delivered_is_the_cores_fault)
{
    struct subscriber *s = mirror();
    struct notify_event ev = rig_map_event(0x1000, 0x20000);

    tamper(0x1000, 0x20003);
    rig_pretend(s, &ev, 0);
    rig_hcall_returns(0x1000);
    rig_expect_one(VIOLATION_MISSING_MAPPING, BLAME_CORE, 0x1000, 0x1fff);
    ck_assert_str_eq(rig.seen[0].hint, "lost-event");
    rig_end();
}
END_TEST

START_TEST(what_was_delivered_and_not_done_is_the_subscribers_fault)
{
    struct subscriber *s = mirror();
    struct notify_event ev = rig_map_event(0x1000, 0x20000);

    tamper(0x1000, 0x20003);
    rig_pretend(s, &ev, 1);
    rig_hcall_returns(0x1000);
    rig_expect_one(VIOLATION_MISSING_MAPPING, BLAME_SUBSCRIBER, 0x1000, 0x1fff);
    rig_end();
}
END_TEST

START_TEST(what_was_announced_wrongly_is_the_iommus_fault)
{
    struct subscriber *s = mirror();
    struct notify_event ev = rig_map_event(0x1000, 0x70000);

    tamper(0x1000, 0x20003);
    rig_pretend(s, &ev, 1);
    rig_hcall_returns(0x1000);
    rig_expect_one(VIOLATION_MISSING_MAPPING, BLAME_IOMMU, 0x1000, 0x1fff);
    rig_end();
}
END_TEST

START_TEST(a_lost_unmap_of_what_is_not_held_is_an_odd_event_alone)
{
    struct subscriber *s = mirror();
    struct notify_event ev = { .type = NOTIFY_UNMAP, .iova = 0x1000, .mask = PAGE_MASK };

    rig_pretend(s, &ev, 0);
    rig_hcall_returns(0x1000);
    rig_expect_one(VIOLATION_LOST_EVENT, BLAME_CORE, 0x1000, 0x1fff);
    rig_end();
}
END_TEST

START_TEST(a_failure_before_registration_is_no_answer_to_an_event)
{
    struct subscriber *s = mirror();
    const struct observer *o = &rig.env.observer;
    struct notifier *n = &s->bindings->notifier;

    o->failed(o->self, s, "map", 0, PAGE_MASK, 12);
    o->unregistered(o->self, n);
    o->registered(o->self, n);
    rig_put(0x1000, 0x20003);
    check_end(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

/* A mirror that acts twice fails for the page that it is told of and for another. */
START_TEST(a_second_failure_hides_none_of_the_first)
{
    struct subscriber *s = mirror();
    const struct observer *o = &rig.env.observer;
    struct notifier *n = &s->bindings->notifier;
    struct notify_event map = { .type = NOTIFY_MAP,
                                .perm = PERM_RW,
                                .iova = 0x1000,
                                .mask = PAGE_MASK,
                                .target = GPA(0x20000) };
    struct notify_event unmap = { .type = NOTIFY_UNMAP,
                                  .iova = 0x1000,
                                  .mask = PAGE_MASK };

    rig_put(0x1000, 0x20003);
    o->delivered(o->self, n, &unmap); /* and it keeps the page */
    o->failed(o->self, s, "map", 0x1000, 0x1fff, EEXIST);
    o->failed(o->self, s, "map", 0x0, 0xfff, EEXIST);
    o->delivered(o->self, n, &map);
    s->ops->notify(s, &unmap, 0x1000, 0x1fff); /* what it had kept goes */
    check_all(rig.check);
    rig_expect_one(VIOLATION_MISSING_MAPPING, BLAME_SUBSCRIBER, 0x1000, 0x1fff);
    rig_end();
}
END_TEST

/* Every page leads to 0x20000. */
static void
answer(void *self, const struct ask *ask, struct dma_answer *out)
{
    (void)self;
    *out = (struct dma_answer){
        .result = DMA_OK,
        .gpa = GPA(0x20000 | (ask->iova & PAGE_MASK)),
        .first = ask->iova & ~PAGE_MASK,
        .last = ask->iova | PAGE_MASK,
        .perm = PERM_RW,
    };
}

/* A cache that has learnt of the page at 0x1000, which the table maps to 0x20000. */
static struct subscriber *
cache(void)
{
    rig_papr();
    struct subscriber *s = rig_subscribe("vhost", "dev/vhost", false);

    s->translator = (struct translator){ .translate = answer };
    rig_put(0x1000, 0x20003);
    ck_assert_int_eq(s->ops->dma(s, 0x1000, PERM_R).result, DMA_OK);
    return s;
}

START_TEST(what_a_cache_makes_of_an_answer_beyond_it_is_its_own_fault)
{
    rig_begin();
    rig_quirk(QUIRK_VHOST_MASK_FROM_PLEN);
    cache();
    check_all(rig.check);
    ck_assert_uint_eq(rig.n, 2); /* below the page and above it */
    ck_assert_int_eq(rig.seen[0].blame, BLAME_SUBSCRIBER);
    ck_assert_int_eq(rig.seen[1].blame, BLAME_SUBSCRIBER);
    rig_end();
}
END_TEST

START_TEST(a_cache_that_keeps_to_its_answer_is_right)
{
    rig_begin();
    cache();
    check_all(rig.check);
    ck_assert_uint_eq(rig.n, 0);
    rig_end();
}
END_TEST

START_TEST(a_cache_that_did_not_ask_for_unmap_is_to_blame_for_what_it_keeps)
{
    rig_begin();
    struct subscriber *s = cache();

    s->bindings->notifier.flags = NOTIFY_DEVIOTLB_UNMAP;
    rig_put(0x1000, 0);
    rig_expect_one(VIOLATION_STALE_MAPPING, BLAME_SUBSCRIBER, 0x1000, 0x1fff);
    rig_end();
}
END_TEST

START_TEST(a_mirror_that_maps_elsewhere_is_to_blame_for_what_it_holds_there)
{
    struct subscriber *s = mirror();
    const struct notify_event done = rig_map_event(0x5000, 0x20000),
                              told = rig_map_event(0x1000, 0x20000);

    tamper(0x1000, 0x20003);
    s->ops->notify(s, &done, 0x5000, 0x5fff);
    rig_pretend(s, &told, 1);
    rig_hcall_returns(0x1000);
    rig_expect_one(VIOLATION_MISSING_MAPPING, BLAME_SUBSCRIBER, 0x1000, 0x1fff);
    rig.n = 0;
    check_all(rig.check);
    rig_expect_one(VIOLATION_STALE_MAPPING, BLAME_SUBSCRIBER, 0x5000, 0x5fff);
    rig_end();
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("check/told");
    TCase *tc = tcase_create("told");

    tcase_add_test(tc, what_nobody_announced_is_the_iommus_fault);
    tcase_add_test(tc, what_was_announced_and_not_delivered_is_the_cores_fault);
    tcase_add_test(tc, what_was_delivered_and_not_done_is_the_subscribers_fault);
    tcase_add_test(tc, what_was_announced_wrongly_is_the_iommus_fault);
    tcase_add_test(tc, a_lost_unmap_of_what_is_not_held_is_an_odd_event_alone);
    tcase_add_test(tc, a_failure_before_registration_is_no_answer_to_an_event);
    tcase_add_test(tc, a_second_failure_hides_none_of_the_first);
    tcase_add_test(tc, what_a_cache_makes_of_an_answer_beyond_it_is_its_own_fault);
    tcase_add_test(tc, a_cache_that_did_not_ask_for_unmap_is_to_blame_for_what_it_keeps);
    tcase_add_test(tc, a_cache_that_keeps_to_its_answer_is_right);
    tcase_add_test(tc, a_mirror_that_maps_elsewhere_is_to_blame_for_what_it_holds_there);
    suite_add_tcase(s, tc);
    return s;
}
