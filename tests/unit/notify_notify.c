/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registration and delivery: the statements N1 to N12, N22, N24, N25, N29 and N30 of
 * the core by hand, callbacks that change the list, quirks, and random traffic
 * against a dumb re-statement of the rule.
 */
#include "notify/notify.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_main.h"
#include "support_toy.h"

#define A_LAST  UINT64_C(0xfedfffff) /* the two windows around the interrupt range */
#define B_FIRST UINT64_C(0xfef00000)

static void
send(struct toy *t, unsigned type, unsigned index, uint64_t first, uint64_t last)
{
    const struct notify_event ev = {
        .type = type,
        .perm = type == NOTIFY_MAP ? PERM_RW : PERM_NONE,
        .iova = first,
        .mask = last - first,
        .target = GPA(0x100000),
    };

    notify_all(&t->region, index, &ev);
}

/* ---- delivery ---- */

START_TEST(N1_only_event_types_among_the_flags_are_delivered)
{
    static struct ear e;

    for (unsigned flags = 1; flags <= NOTIFY_ALL; flags++) {
        for (unsigned type = 1; type <= NOTIFY_DEVIOTLB_UNMAP; type <<= 1) {
            ear_join(&toy, &e, "e", flags, 0, UINT64_MAX);
            send(&toy, type, 0, 0x1000, 0x1fff);
            ck_assert_uint_eq(e.count, (flags & type) != 0);
            ear_fini(&e);
        }
    }
}
END_TEST

START_TEST(N2_S1_events_outside_the_window_are_skipped_and_others_clipped)
{
    static const struct {
        uint64_t first, last, got_first, got_last;
        bool heard;
    } rows[] = {
        { 0x0, 0xfff, 0, 0, false },
        { 0x1000, 0x1fff, 0, 0, false }, /* ends one byte below */
        { 0x4000, 0x4fff, 0, 0, false },
        { 0x2000, 0x3fff, 0x2000, 0x3fff, true },
        { 0x1000, 0x2fff, 0x2000, 0x2fff, true },
        { 0x3000, 0x4fff, 0x3000, 0x3fff, true },
        { 0x0, UINT64_MAX, 0x2000, 0x3fff, true },
    };
    static struct ear e;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ear_join(&toy, &e, "e", NOTIFY_UNMAP, 0x2000, 0x3fff);
        send(&toy, NOTIFY_UNMAP, 0, rows[i].first, rows[i].last);
        ck_assert_uint_eq(e.count, rows[i].heard);
        if (rows[i].heard) {
            ck_assert_uint_eq(e.got[0].iova, rows[i].got_first);
            ck_assert_uint_eq(e.got[0].mask, rows[i].got_last - rows[i].got_first);
        }
        ear_fini(&e);
    }
}
END_TEST

START_TEST(S2_a_map_cut_at_its_low_end_advances_its_target)
{
    static struct ear e;

    ear_join(&toy, &e, "e", NOTIFY_MAP | NOTIFY_UNMAP, 0x201000, UINT64_MAX);
    toy_map(&toy, 0x200000, 0x3fffff, 0x40000000);
    ck_assert_uint_eq(e.got[0].iova, 0x201000);
    ck_assert_uint_eq(e.got[0].mask, 0x1fefff);
    ck_assert_uint_eq(e.got[0].target.v, 0x40001000);
}
END_TEST

START_TEST(S3_a_clipped_length_need_not_be_a_power_of_two)
{
    static struct ear e;

    ear_join(&toy, &e, "e", NOTIFY_DEVIOTLB_UNMAP, 0, A_LAST);
    send(&toy, NOTIFY_DEVIOTLB_UNMAP, 0, 0, UINT64_MAX);
    ck_assert_uint_eq(e.got[0].iova, 0);
    ck_assert_uint_eq(e.got[0].mask + 1, 0xfee00000);
}
END_TEST

START_TEST(N3_a_notifier_hears_its_own_index_only)
{
    static struct ear e;

    ear_init(&e, "e", NOTIFY_UNMAP, 0, UINT64_MAX);
    e.n.index = 1;
    ear_register(&toy, &e);
    send(&toy, NOTIFY_UNMAP, 0, 0, 0xfff);
    ck_assert_uint_eq(e.count, 0);
    send(&toy, NOTIFY_UNMAP, 1, 0, 0xfff);
    ck_assert_uint_eq(e.count, 1);
    notify_unmap_window(&e.n, CAUSE_RESET); /* addressed to it by construction */
    ck_assert_uint_eq(e.count, 2);
}
END_TEST

/* Appends its subject's first letter to the string that `other` stands for. */
static char order[16];

static void
sign(struct ear *e, struct notify_event *ev)
{
    (void)ev;
    ck_assert_uint_lt(strlen(order), sizeof(order) - 1);
    strncat(order, e->n.subject, 1);
}

static void
ear_join_signing(struct toy *t, struct ear *e, const char *subject)
{
    ear_join(t, e, subject, NOTIFY_UNMAP, 0, UINT64_MAX);
    e->then = sign;
}

START_TEST(N4_N5_each_is_called_once_newest_registration_first)
{
    static struct ear a, b, c;

    ear_join_signing(&toy, &a, "a");
    ear_join_signing(&toy, &b, "b");
    ear_join_signing(&toy, &c, "c");
    toy_unmap(&toy, 0, 0xfff);
    ck_assert_str_eq(order, "cba");
    notify_unregister(&b.n);
    ear_register(&toy, &b); /* to the front */
    toy_unmap(&toy, 0, 0xfff);
    ck_assert_str_eq(order, "cbabca");
}
END_TEST

static void
scribble(struct ear *e, struct notify_event *ev)
{
    (void)e;
    memset(ev, 0xff, sizeof(*ev));
}

START_TEST(N29_what_a_callback_does_to_its_copy_reaches_nobody)
{
    static struct ear a, b;

    ear_join(&toy, &a, "a", NOTIFY_MAP, 0, UINT64_MAX);
    ear_join(&toy, &b, "b", NOTIFY_MAP, 0, UINT64_MAX);
    b.then = scribble;
    toy_map(&toy, 0x3000, 0x3fff, 0x7000);
    ck_assert_uint_eq(a.count, 1);
    ck_assert_uint_eq(a.got[0].iova, 0x3000);
    ck_assert_uint_eq(a.got[0].mask, 0xfff);
    ck_assert_uint_eq(a.got[0].target.v, 0x7000);
    ck_assert_uint_eq(a.got[0].perm, PERM_RW);
}
END_TEST

START_TEST(N22_two_adjacent_windows_hear_what_the_joined_one_hears)
{
    static struct ear low, high, all;
    uint64_t state = 22;

    ear_join(&toy, &low, "low", NOTIFY_MAP | NOTIFY_UNMAP, 0, 0x7fff);
    ear_join(&toy, &high, "high", NOTIFY_MAP | NOTIFY_UNMAP, 0x8000, UINT64_MAX);
    ear_join(&toy, &all, "all", NOTIFY_MAP | NOTIFY_UNMAP, 0, UINT64_MAX);
    for (int i = 0; i < 200; i++) {
        uint64_t size = PAGE_BYTES << rnd(&state) % 5;
        uint64_t iova = rnd(&state) % (0x10000 / size) * size;
        toy_set(&toy, iova, size, (rnd(&state) % 100) << 16,
                rnd(&state) % 3 ? PERM_RW : PERM_NONE);
        ear_agrees(&low, &toy);
        ear_agrees(&high, &toy);
        ear_agrees(&all, &toy);
    }
}
END_TEST

START_TEST(an_event_that_would_wrap_ends_with_the_address_space)
{
    static struct ear e;

    ear_join(&toy, &e, "e", NOTIFY_UNMAP, B_FIRST, UINT64_MAX);
    notify_all(&toy.region, 0,
               &(struct notify_event){
                   .type = NOTIFY_UNMAP, .iova = 0x1000, .mask = UINT64_MAX });
    ck_assert_uint_eq(e.got[0].iova, B_FIRST);
    ck_assert_uint_eq(e.got[0].mask, UINT64_MAX - B_FIRST);
}
END_TEST

/* ---- registration ---- */

START_TEST(N6_no_flags_an_inverted_window_and_a_bad_index_cannot_register)
{
    static struct ear e;
    struct err err;

    ear_init(&e, "e", 0, 0, UINT64_MAX);
    ck_assert_int_eq(notify_register(&toy.region, &e.n, &err), -EINVAL);
    e.n.flags = NOTIFY_ALL + 1;
    ck_assert_int_eq(notify_register(&toy.region, &e.n, &err), -EINVAL);
    e.n.flags = NOTIFY_UNMAP;
    e.n.first = 2;
    e.n.last = 1;
    ck_assert_int_eq(notify_register(&toy.region, &e.n, NULL), -EINVAL);
    e.n.last = 2;
    e.n.index = 2;
    ck_assert_int_eq(notify_register(&toy.region, &e.n, &err), -EINVAL);
    ck_assert_ptr_null(toy.region.head);
    ck_assert_uint_eq(toy.hooks, 0);
    e.n.index = 1;
    ck_assert_int_eq(notify_register(&toy.region, &e.n, &err), 0);
    ck_assert_int_eq(notify_register(&toy.region, &e.n, &err), -EBUSY);
    ear_fini(&e);
}
END_TEST

START_TEST(N7_S5_a_refused_registration_leaves_nothing_behind)
{
    static struct ear a, b, c;
    struct err err;

    toy_trace(&toy, TRACE_VERBOSE);
    ear_join(&toy, &a, "a", NOTIFY_UNMAP, 0, UINT64_MAX);
    toy.refuses = NOTIFY_MAP;
    toy_lines(&toy);
    ear_init(&b, "b", NOTIFY_MAP | NOTIFY_UNMAP, 0, UINT64_MAX);
    ck_assert_int_eq(notify_register(&toy.region, &b.n, &err), -ENOTSUP);
    ck_assert_str_eq(err.text, "not today");
    ck_assert_str_eq(toy_lines(&toy), "");
    ck_assert_ptr_eq(toy.region.head, &a.n);
    ck_assert_ptr_null(a.n.next);
    ck_assert_ptr_null(b.n.region);
    ck_assert_uint_eq(toy.region.flags, NOTIFY_UNMAP);
    ck_assert_uint_eq(toy.hooks, 1);
    toy_unmap(&toy, 0, 0xfff);
    ck_assert_uint_eq(a.count, 1);
    ck_assert_uint_eq(b.count, 0);
    toy.refuses = 0; /* the next change starts from the union that was accepted */
    ear_join(&toy, &c, "c", NOTIFY_MAP, 0, UINT64_MAX);
    ck_assert_uint_eq(toy.hook_old[1], NOTIFY_UNMAP);
    ck_assert_uint_eq(toy.hook_new[1], NOTIFY_UNMAP | NOTIFY_MAP);
}
END_TEST

START_TEST(N8_N9_S4_S6_the_hook_hears_each_change_of_the_union_and_no_other)
{
    static struct ear a, b, c;

    ear_join(&toy, &a, "a", NOTIFY_MAP | NOTIFY_UNMAP, 0, UINT64_MAX);
    ck_assert_uint_eq(toy.hooks, 1);
    toy.refuses = NOTIFY_MAP; /* not asked again: the union is the same */
    ear_join(&toy, &b, "b", NOTIFY_MAP | NOTIFY_UNMAP, 0, UINT64_MAX);
    ear_join(&toy, &c, "c", NOTIFY_UNMAP, 0, UINT64_MAX);
    ck_assert_uint_eq(toy.hooks, 1);
    toy.refuses = 0;
    notify_unregister(&a.n);
    ck_assert_uint_eq(toy.hooks, 1);
    notify_unregister(&b.n);
    ck_assert_uint_eq(toy.hooks, 2);
    ck_assert_uint_eq(toy.hook_old[1], NOTIFY_MAP | NOTIFY_UNMAP);
    ck_assert_uint_eq(toy.hook_new[1], NOTIFY_UNMAP);
    toy.refuses = NOTIFY_MAP; /* asked anew once the last MAP has gone */
    ck_assert_int_eq(notify_register(&toy.region, &b.n, NULL), -ENOTSUP);
    notify_unregister(&c.n);
    ck_assert_uint_eq(toy.hook_new[2], 0);
    ck_assert_uint_eq(toy.region.flags, 0);
}
END_TEST

START_TEST(N9_a_refusal_of_an_unregistration_is_ignored)
{
    static struct ear a, b;

    ear_join(&toy, &a, "a", NOTIFY_UNMAP, 0, UINT64_MAX);
    ear_join(&toy, &b, "b", NOTIFY_MAP, 0, UINT64_MAX);
    toy.refuses = NOTIFY_UNMAP;
    notify_unregister(&b.n);
    ck_assert_ptr_eq(toy.region.head, &a.n);
    toy_map(&toy, 0, 0xfff, 0);
    ck_assert_uint_eq(b.count, 0);
    ck_assert_uint_eq(toy.region.flags, NOTIFY_MAP | NOTIFY_UNMAP);
}
END_TEST

START_TEST(N25_toggling_flags_between_two_events_loses_none)
{
    static struct ear e;

    ear_join(&toy, &e, "e", NOTIFY_UNMAP, 0, UINT64_MAX);
    send(&toy, NOTIFY_UNMAP, 0, 0, 0xfff);
    notify_unregister(&e.n);
    e.n.flags = NOTIFY_DEVIOTLB_UNMAP;
    ear_register(&toy, &e);
    send(&toy, NOTIFY_DEVIOTLB_UNMAP, 0, 0x1000, 0x1fff);
    send(&toy, NOTIFY_UNMAP, 0, 0x2000, 0x2fff);
    ck_assert_uint_eq(e.count, 2);
    ck_assert_uint_eq(e.got[1].iova, 0x1000);
}
END_TEST

/* ---- callbacks that change the list ---- */

static void
leave(struct ear *e, struct notify_event *ev)
{
    (void)ev;
    notify_unregister(&e->n);
}

static void
expel_other(struct ear *e, struct notify_event *ev)
{
    (void)ev;
    notify_unregister(&e->other->n);
}

static void
register_other(struct ear *e, struct notify_event *ev)
{
    (void)ev;
    if (e->other->n.region == NULL) {
        ck_assert_int_eq(notify_register(e->n.region, &e->other->n, NULL), 0);
    }
}

static void
leave_and_vanish(struct ear *e, struct notify_event *ev)
{
    (void)ev;
    ear_fini(e);
    free(e);
}

START_TEST(N10_unregister_stops_delivery_at_once_for_itself)
{
    static struct ear a, b, c;

    ear_join(&toy, &a, "a", NOTIFY_UNMAP, 0, UINT64_MAX);
    ear_join(&toy, &b, "b", NOTIFY_UNMAP, 0, UINT64_MAX);
    ear_join(&toy, &c, "c", NOTIFY_UNMAP, 0, UINT64_MAX);
    b.then = leave;
    toy_unmap(&toy, 0, 0xfff);
    toy_unmap(&toy, 0, 0xfff);
    ck_assert_uint_eq(a.count, 2);
    ck_assert_uint_eq(b.count, 1);
    ck_assert_uint_eq(c.count, 2);
}
END_TEST

START_TEST(N10_a_notifier_may_free_itself_in_its_callback)
{
    static struct ear a, c;
    struct ear *b = malloc(sizeof(*b));

    toy_trace(&toy, TRACE_VERBOSE);
    ear_join(&toy, &a, "a", NOTIFY_UNMAP, 0, UINT64_MAX);
    ear_join(&toy, b, "b", NOTIFY_UNMAP, 0, UINT64_MAX);
    ear_join(&toy, &c, "c", NOTIFY_UNMAP, 0, UINT64_MAX);
    b->then = leave_and_vanish;
    toy_unmap(&toy, 0, 0xfff);
    ck_assert_uint_eq(a.count, 1);
    ck_assert_uint_eq(c.count, 1);
    ck_assert_ptr_nonnull(strstr(toy_lines(&toy), "self-removal-during-delivery"));

    b = malloc(sizeof(*b));
    ear_join(&toy, b, "b", NOTIFY_UNMAP, 0, UINT64_MAX);
    b->then = leave_and_vanish;
    notify_unmap_window(&b->n, CAUSE_RESET);
    ck_assert_ptr_eq(toy.region.head, &c.n);
}
END_TEST

START_TEST(N10_the_next_and_an_earlier_one_may_be_expelled)
{
    static struct ear a, b, c;

    ear_join(&toy, &a, "a", NOTIFY_UNMAP, 0, UINT64_MAX);
    ear_join(&toy, &b, "b", NOTIFY_UNMAP, 0, UINT64_MAX);
    ear_join(&toy, &c, "c", NOTIFY_UNMAP, 0, UINT64_MAX);
    c.then = expel_other;
    c.other = &b;
    toy_unmap(&toy, 0, 0xfff); /* c, then not b, then a */
    ck_assert_uint_eq(b.count, 0);
    ck_assert_uint_eq(a.count, 1);
    a.then = expel_other;
    a.other = &c;
    toy_unmap(&toy, 0, 0xfff);
    toy_unmap(&toy, 0, 0xfff);
    ck_assert_uint_eq(a.count, 3);
    ck_assert_uint_eq(c.count, 2);
}
END_TEST

START_TEST(one_registered_in_a_callback_is_not_called_for_that_event)
{
    static struct ear a, b;

    ear_join(&toy, &a, "a", NOTIFY_UNMAP, 0, UINT64_MAX);
    ear_init(&b, "b", NOTIFY_UNMAP, 0, UINT64_MAX);
    a.then = register_other;
    a.other = &b;
    toy_unmap(&toy, 0, 0xfff);
    ck_assert_uint_eq(b.count, 0);
    toy_unmap(&toy, 0, 0xfff);
    ck_assert_uint_eq(b.count, 1);
    ear_fini(&b);
}
END_TEST

/* An inner event, to which the next in the outer walk reacts by expelling its other. */
static void
nest(struct ear *e, struct notify_event *ev)
{
    if (ev->iova == 0) {
        notify_all(e->n.region, 0,
                   &(struct notify_event){
                       .type = NOTIFY_UNMAP, .iova = 0x1000, .mask = 0xfff });
    }
}

static void
expel_other_in_inner(struct ear *e, struct notify_event *ev)
{
    if (ev->iova == 0x1000) {
        notify_unregister(&e->other->n);
    }
}

START_TEST(N10_a_nested_delivery_runs_first_and_mends_the_outer_walk)
{
    static struct ear a, b, c;

    ear_join(&toy, &a, "a", NOTIFY_UNMAP, 0, UINT64_MAX);
    ear_join(&toy, &b, "b", NOTIFY_UNMAP, 0, UINT64_MAX);
    ear_join(&toy, &c, "c", NOTIFY_UNMAP, 0, UINT64_MAX);
    c.then = nest;
    a.then = expel_other_in_inner; /* b, where the outer walk stands */
    a.other = &b;
    toy_unmap(&toy, 0, 0xfff);
    ck_assert_uint_eq(b.count, 1);
    ck_assert_uint_eq(b.got[0].iova, 0x1000);
    ck_assert_uint_eq(a.count, 2);
    ck_assert_uint_eq(a.got[0].iova, 0x1000);
    ck_assert_uint_eq(a.got[1].iova, 0);
}
END_TEST

/* ---- what others are told ---- */

START_TEST(N30_every_delivery_is_traced_with_bus_addresses)
{
    static struct ear a, b;

    toy_trace(&toy, TRACE_NORMAL);
    ear_init(&a, "nic0/a", NOTIFY_MAP | NOTIFY_UNMAP, 0, 0xffff);
    a.n.offset = 0x100000;
    ear_register(&toy, &a);
    ear_join(&toy, &b, "nic0/b", NOTIFY_ALL, 0x8000, 0xffff);
    toy_set(&toy, 0x3000, 0x1000, 0x7000, PERM_R);
    toy_set(&toy, 0x3000, 0x1000, 0x8000, PERM_R);
    send(&toy, NOTIFY_DEVIOTLB_UNMAP, 0, 0x9000, 0x9fff);
    notify_unregister(&b.n);
    ck_assert_str_eq(
        toy_lines(&toy),
        "0 nic0/a register flags=map|unmap range=0x100000-0x10ffff\n"
        "0 nic0/b register flags=map|unmap|deviotlb range=0x8000-0xffff\n"
        "0 nic0/a MAP iova=0x103000 size=0x1000 gpa=0x7000 perm=r cause=map\n"
        "0 nic0/a UNMAP iova=0x103000 size=0x1000 cause=change\n"
        "0 nic0/a MAP iova=0x103000 size=0x1000 gpa=0x8000 perm=r cause=change\n"
        "0 nic0/b DEVIOTLB_UNMAP iova=0x9000 size=0x1000 cause=map\n"
        "0 nic0/b unregister\n");
}
END_TEST

START_TEST(verbose_traces_say_what_was_filtered_and_clipped)
{
    static struct ear a, b;

    toy_trace(&toy, TRACE_VERBOSE);
    ear_join(&toy, &a, "a", NOTIFY_MAP, 0, 0xffff);
    ear_init(&b, "b", NOTIFY_UNMAP, 0x1000, 0x1fff);
    b.n.index = 1;
    ear_register(&toy, &b);
    toy_lines(&toy);
    send(&toy, NOTIFY_UNMAP, 0, 0x1000, 0x2fff);
    send(&toy, NOTIFY_UNMAP, 1, 0x1000, 0x2fff);
    send(&toy, NOTIFY_UNMAP, 1, 0x2000, 0x2fff);
    ck_assert_str_eq(
        toy_lines(&toy),
        "0 b filtered op=UNMAP iova=0x1000 size=0x2000 cause=map reason=index\n"
        "0 a filtered op=UNMAP iova=0x1000 size=0x2000 cause=map reason=flags\n"
        "0 b clipped op=UNMAP iova=0x1000 size=0x2000 cause=map "
        "range=0x1000-0x1fff\n"
        "0 b UNMAP iova=0x1000 size=0x1000 cause=map\n"
        "0 a filtered op=UNMAP iova=0x1000 size=0x2000 cause=map reason=index\n"
        "0 b filtered op=UNMAP iova=0x2000 size=0x1000 cause=map reason=range\n"
        "0 a filtered op=UNMAP iova=0x2000 size=0x1000 cause=map reason=index\n");
}
END_TEST

struct watcher {
    char log[256];
};

static void
saw(struct watcher *w, const char *what, const char *who, uint64_t iova)
{
    const size_t len = strlen(w->log);

    snprintf(w->log + len, sizeof(w->log) - len, "%s %s %lx; ", what, who,
             (unsigned long)iova);
}

static void
saw_announced(void *self, struct notify_region *r, unsigned index,
              const struct notify_event *ev, struct notifier *only)
{
    ck_assert_uint_eq(index, 0);
    saw(self, "announced", only != NULL ? only->subject : r->name, ev->iova);
}

static void
saw_delivered(void *self, struct notifier *n, const struct notify_event *ev)
{
    saw(self, "delivered", n->subject, ev->iova);
}

static void
saw_registered(void *self, struct notifier *n)
{
    saw(self, "registered", n->subject, n->first);
}

static void
saw_unregistered(void *self, struct notifier *n)
{
    saw(self, "unregistered", n->subject, n->first);
}

START_TEST(the_observer_hears_deliveries_as_they_were_and_announcements_last)
{
    static struct ear a, b;
    struct watcher w = { "" };

    toy.env.observer = (struct observer){ .self = &w,
                                          .announced = saw_announced,
                                          .delivered = saw_delivered,
                                          .registered = saw_registered,
                                          .unregistered = saw_unregistered };
    ear_join(&toy, &a, "a", NOTIFY_UNMAP, 0x1000, 0xffff);
    ear_join(&toy, &b, "b", NOTIFY_MAP, 0, 0xffff);
    a.then = scribble;
    toy_unmap(&toy, 0, 0x1fff);
    notify_unmap_window(&a.n, CAUSE_RESET);
    notify_unregister(&b.n);
    ck_assert_str_eq(w.log, "registered a 1000; registered b 0; delivered a 1000; "
                            "announced toy 0; delivered a 1000; announced a 1000; "
                            "unregistered b 0; ");
}
END_TEST

START_TEST(each_delivered_event_costs_the_notify_latency)
{
    static struct ear a, b, c;
    const struct dist cost = DIST_CONST(7);

    latencies_set(&toy.env.latency, LATENCY_NOTIFY, &cost);
    ear_join(&toy, &a, "a", NOTIFY_UNMAP, 0, UINT64_MAX);
    ear_join(&toy, &b, "b", NOTIFY_MAP, 0, UINT64_MAX);
    ear_join(&toy, &c, "c", NOTIFY_UNMAP, 0, UINT64_MAX);
    toy_unmap(&toy, 0, 0xfff);
    ck_assert_uint_eq(sim_take_charge(toy.env.sim), 14);
}
END_TEST

/* ---- quirks ---- */

START_TEST(without_window_filter_everybody_hears_the_whole_event)
{
    static struct ear a, b;

    quirk_set(&toy.env.quirks, QUIRK_CORE_NO_WINDOW_FILTER, true);
    ear_join(&toy, &a, "a", NOTIFY_UNMAP, 0, A_LAST);
    ear_join(&toy, &b, "b", NOTIFY_UNMAP, B_FIRST, UINT64_MAX);
    toy_unmap(&toy, 0x1000, 0x1fff);
    toy_unmap(&toy, 0, 0xffffffff);
    for (struct ear *e = &a; e != NULL; e = e == &a ? &b : NULL) {
        ck_assert_uint_eq(e->count, 2);
        ck_assert_uint_eq(e->got[0].iova, 0x1000);
        ck_assert_uint_eq(e->got[1].iova, 0);
        ck_assert_uint_eq(e->got[1].mask, 0xffffffff);
    }
}
END_TEST

static void
saw_aborted(void *self, const char *subject, enum blame who, const char *why)
{
    (void)who;
    ck_assert_str_ne(why, "");
    saw(self, "aborted", subject, 0);
}

START_TEST(S2_a_partial_overlap_kills_a_monitor_that_asserts)
{
    static struct ear ats, plain, late;
    struct watcher w = { "" };

    toy.env.observer = (struct observer){ .self = &w,
                                          .aborted = saw_aborted,
                                          .announced = saw_announced };
    quirk_set(&toy.env.quirks, QUIRK_CORE_ASSERT_PARTIAL, true);
    ear_join(&toy, &late, "late", NOTIFY_DEVIOTLB_UNMAP, 0, UINT64_MAX);
    ear_join(&toy, &plain, "plain", NOTIFY_MAP, 0, A_LAST);
    ear_join(&toy, &ats, "ats", NOTIFY_DEVIOTLB_UNMAP, 0, A_LAST);
    send(&toy, NOTIFY_DEVIOTLB_UNMAP, 0, 0x1000, 0x1fff); /* inside: nobody dies */
    ck_assert(!toy.env.aborted);
    /* `ats` gets its part; `plain` dies though it never asked for this type. */
    send(&toy, NOTIFY_DEVIOTLB_UNMAP, 0, 0, UINT64_MAX);
    ck_assert(toy.env.aborted);
    ck_assert_uint_eq(ats.count, 2);
    ck_assert_uint_eq(ats.got[1].mask, A_LAST);
    ck_assert_uint_eq(late.count, 1);
    toy_unmap(&toy, 0, 0xfff); /* the dead deliver nothing */
    ck_assert(!notify_one(&late.n, &late.got[0]));
    ck_assert_uint_eq(late.count, 1);
    ck_assert_str_eq(w.log, "announced toy 1000; aborted plain 0; ");
}
END_TEST

START_TEST(S2_a_core_that_crops_late_leaves_the_target_where_it_was)
{
    static struct ear e;

    quirk_set(&toy.env.quirks, QUIRK_CORE_CROP_KEEPS_TARGET, true);
    ear_join(&toy, &e, "e", NOTIFY_MAP | NOTIFY_UNMAP, 0x201000, UINT64_MAX);
    toy_map(&toy, 0x200000, 0x3fffff, 0x40000000);
    ck_assert_uint_eq(e.got[0].iova, 0x201000);
    ck_assert_uint_eq(e.got[0].target.v, 0x40000000);
}
END_TEST

START_TEST(a_core_whose_ends_wrap_loses_events_past_the_end)
{
    static struct ear e;
    const struct notify_event ev = { .type = NOTIFY_UNMAP,
                                     .iova = 0xfffffffffffff000,
                                     .mask = 0x3fffffff };

    ear_join(&toy, &e, "e", NOTIFY_UNMAP, B_FIRST, UINT64_MAX);
    notify_all(&toy.region, 0, &ev);
    ck_assert_uint_eq(e.count, 1);
    ck_assert_uint_eq(e.got[0].iova, ev.iova);
    ck_assert_uint_eq(e.got[0].mask, 0xfff);
    quirk_set(&toy.env.quirks, QUIRK_CORE_END_WRAPS, true);
    notify_all(&toy.region, 0, &ev);
    ck_assert_uint_eq(e.count, 1);
}
END_TEST

/* ---- random traffic ---- */

enum { EARS = 6, PAGES = 16 };

/* What the rule says that e gets of ev. */
static bool
due(const struct ear *e, unsigned index, const struct notify_event *ev,
    struct notify_event *out)
{
    bool any = false;

    if (e->n.index != index || !(e->n.flags & ev->type)) {
        return false;
    }
    for (uint64_t page = 0; page < PAGES; page++) {
        uint64_t a = page << PAGE_LG2;
        if (a < ev->iova || a > ev->iova + ev->mask || a < e->n.first || a > e->n.last) {
            continue;
        }
        if (!any) {
            *out = *ev;
            out->iova = a;
            out->target.v = ev->target.v + (a - ev->iova);
            any = true;
        }
        out->mask = a + PAGE_MASK - out->iova;
    }
    return any;
}

static void
check_delivery(struct ear *ears, unsigned index, const struct notify_event *ev)
{
    for (unsigned i = 0; i < EARS; i++) {
        struct ear *e = &ears[i];
        struct notify_event want;
        bool heard = e->n.region != NULL && due(e, index, ev, &want);

        ck_assert_uint_eq(e->count, heard);
        if (heard) {
            ck_assert_uint_eq(e->got[0].type, want.type);
            ck_assert_uint_eq(e->got[0].iova, want.iova);
            ck_assert_uint_eq(e->got[0].mask, want.mask);
            ck_assert_uint_eq(e->got[0].target.v, want.target.v);
        }
        e->count = 0;
    }
}

static void
check_hooks(const struct toy *t, const struct ear *ears, unsigned *before)
{
    unsigned flags = 0;

    for (unsigned i = 0; i < EARS; i++) {
        flags |= ears[i].n.region != NULL ? ears[i].n.flags : 0;
    }
    ck_assert_uint_eq(t->region.flags, flags);
    ck_assert_uint_eq(t->hooks, flags != *before);
    if (t->hooks) {
        ck_assert_uint_eq(t->hook_old[0], *before);
        ck_assert_uint_eq(t->hook_new[0], flags);
    }
    *before = flags;
}

static void
toggle_random(struct toy *t, struct ear *e, uint64_t *state)
{
    uint64_t a = rnd(state) % PAGES, b = rnd(state) % PAGES;

    if (e->n.region != NULL) {
        notify_unregister(&e->n);
        return;
    }
    e->n.flags = 1 + (unsigned)(rnd(state) % 7);
    e->n.index = (unsigned)(rnd(state) % 2);
    e->n.first = (a < b ? a : b) << PAGE_LG2;
    e->n.last = ((a < b ? b : a) << PAGE_LG2) + PAGE_MASK;
    ear_register(t, e);
}

START_TEST(N1_N2_N3_N4_N8_N9_random_traffic_follows_the_rule)
{
    const uint64_t seed = 20160926 + (uint64_t)_i;
    uint64_t state = seed;
    static struct ear ears[EARS];
    unsigned flags = 0;

    printf("seed %lu\n", (unsigned long)seed);
    for (unsigned i = 0; i < EARS; i++) {
        ear_init(&ears[i], "e", 0, 0, 0);
    }
    for (int step = 0; step < 2000; step++) {
        if (rnd(&state) % 4 == 0) {
            toy.hooks = 0;
            toggle_random(&toy, &ears[rnd(&state) % EARS], &state);
            check_hooks(&toy, ears, &flags);
            continue;
        }
        uint64_t pages = 1 + rnd(&state) % PAGES;
        struct notify_event ev = {
            .type = 1U << rnd(&state) % 3,
            .iova = (rnd(&state) % (PAGES - pages + 1)) << PAGE_LG2,
            .mask = (pages << PAGE_LG2) - 1,
            .target = GPA(rnd(&state) << PAGE_LG2),
        };
        ev.perm = ev.type == NOTIFY_MAP ? PERM_RW : PERM_NONE;
        unsigned index = (unsigned)(rnd(&state) % 2);
        notify_all(&toy.region, index, &ev);
        check_delivery(ears, index, &ev);
    }
    for (unsigned i = 0; i < EARS; i++) {
        ear_fini(&ears[i]);
    }
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("notify");
    TCase *tc = tcase_create("delivery");

    tcase_add_checked_fixture(tc, toy_setup, toy_teardown);
    tcase_add_test(tc, N1_only_event_types_among_the_flags_are_delivered);
    tcase_add_test(tc, N2_S1_events_outside_the_window_are_skipped_and_others_clipped);
    tcase_add_test(tc, S2_a_map_cut_at_its_low_end_advances_its_target);
    tcase_add_test(tc, S3_a_clipped_length_need_not_be_a_power_of_two);
    tcase_add_test(tc, N3_a_notifier_hears_its_own_index_only);
    tcase_add_test(tc, N4_N5_each_is_called_once_newest_registration_first);
    tcase_add_test(tc, N29_what_a_callback_does_to_its_copy_reaches_nobody);
    tcase_add_test(tc, N22_two_adjacent_windows_hear_what_the_joined_one_hears);
    tcase_add_test(tc, an_event_that_would_wrap_ends_with_the_address_space);
    suite_add_tcase(s, tc);

    tc = tcase_create("registration");
    tcase_add_checked_fixture(tc, toy_setup, toy_teardown);
    tcase_add_test(tc, N6_no_flags_an_inverted_window_and_a_bad_index_cannot_register);
    tcase_add_test(tc, N7_S5_a_refused_registration_leaves_nothing_behind);
    tcase_add_test(tc, N8_N9_S4_S6_the_hook_hears_each_change_of_the_union_and_no_other);
    tcase_add_test(tc, N9_a_refusal_of_an_unregistration_is_ignored);
    tcase_add_test(tc, N25_toggling_flags_between_two_events_loses_none);
    suite_add_tcase(s, tc);

    tc = tcase_create("lists that change");
    tcase_add_checked_fixture(tc, toy_setup, toy_teardown);
    tcase_add_test(tc, N10_unregister_stops_delivery_at_once_for_itself);
    tcase_add_test(tc, N10_a_notifier_may_free_itself_in_its_callback);
    tcase_add_test(tc, N10_the_next_and_an_earlier_one_may_be_expelled);
    tcase_add_test(tc, one_registered_in_a_callback_is_not_called_for_that_event);
    tcase_add_test(tc, N10_a_nested_delivery_runs_first_and_mends_the_outer_walk);
    suite_add_tcase(s, tc);

    tc = tcase_create("others");
    tcase_add_checked_fixture(tc, toy_setup, toy_teardown);
    tcase_add_test(tc, N30_every_delivery_is_traced_with_bus_addresses);
    tcase_add_test(tc, verbose_traces_say_what_was_filtered_and_clipped);
    tcase_add_test(tc, the_observer_hears_deliveries_as_they_were_and_announcements_last);
    tcase_add_test(tc, each_delivered_event_costs_the_notify_latency);
    tcase_add_test(tc, without_window_filter_everybody_hears_the_whole_event);
    tcase_add_test(tc, S2_a_partial_overlap_kills_a_monitor_that_asserts);
    tcase_add_test(tc, S2_a_core_that_crops_late_leaves_the_target_where_it_was);
    tcase_add_test(tc, a_core_whose_ends_wrap_loses_events_past_the_end);
    tcase_add_loop_test(tc, N1_N2_N3_N4_N8_N9_random_traffic_follows_the_rule, 0, 8);
    suite_add_tcase(s, tc);
    return s;
}
