/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A vhost back end in a process of its own: the way of its messages (S90 to S92). */
#include <check.h>
#include <errno.h>

#include "support_main.h"
#include "support_nic.h"

static void
translate(void *self, const struct ask *q, struct dma_answer *out)
{
    (void)self;
    *out = (struct dma_answer){
        .result = DMA_OK,
        .gpa = GPA(q->iova),
        .first = q->iova & ~PAGE_MASK,
        .last = q->iova | PAGE_MASK,
        .perm = PERM_RW,
    };
}

static struct nic r;

static void
up_with(struct subscriber_config c)
{
    const struct space_section all = { .first = 0, .last = UINT64_MAX };
    const struct dist cost = DIST_CONST(100);

    c.name = "nic0/v";
    c.device = "nic0";
    nic_init(&r, UINT64_MAX, &all, 1);
    toy_trace(&r.t, TRACE_NORMAL);
    ck_assert(
        nic_attach(&r, "vhost-user", &c, (struct translator){ translate, NULL }, NULL));
    latencies_set(&r.t.env.latency, LATENCY_VHOST_MESSAGE, &cost);
    for (uint64_t at = 0x1000; at < 0x4000; at += 0x1000) {
        r.s->ops->dma(r.s, at, PERM_R);
    }
    sim_take_charge(r.t.env.sim);
}

static void
up(bool no_acks)
{
    up_with((struct subscriber_config){ .no_acks = no_acks });
}

static void
down(void)
{
    fail_fini(&r.t.env.fail);
    nic_fini(&r);
}

static bool
keeps(uint64_t iova)
{
    struct range_piece p;

    return r.s->ops->lookup(r.s, iova, &p);
}

START_TEST(S91_the_front_end_waits_for_the_acknowledgement)
{
    up(false);
    toy_unmap(&r.t, 0x1000, 0x1fff);
    ck_assert(keeps(0x1000));                             /* on its way */
    ck_assert_uint_eq(sim_take_charge(r.t.env.sim), 200); /* there and back */
    ck_assert(sim_step(r.t.env.sim));
    ck_assert_uint_eq(sim_now(r.t.env.sim), 100);
    ck_assert(!keeps(0x1000));
    ck_assert(keeps(0x2000));
    down();
}
END_TEST

START_TEST(S91_without_acknowledgements_nobody_waits)
{
    up(true);
    toy_unmap(&r.t, 0x1000, 0x1fff);
    ck_assert_uint_eq(sim_take_charge(r.t.env.sim), 0);
    ck_assert(keeps(0x1000));
    ck_assert(sim_step(r.t.env.sim));
    ck_assert(!keeps(0x1000));
    down();
}
END_TEST

static void
nothing(void *self, uint64_t arg)
{
    (void)self;
    (void)arg;
}

static unsigned deadlocks;

static void
overspent(void *self, const char *subject, enum blame who, const char *what,
          uint64_t steps)
{
    (void)self;
    ck_assert_str_eq(subject, "nic0/v");
    ck_assert_str_eq(what, "acknowledgement");
    ck_assert_int_eq(who, BLAME_SUBSCRIBER);
    ck_assert_uint_eq(steps, 3);
    deadlocks++;
}

/* Three misses are under way, in a channel for `depth`; then one invalidation. */
static unsigned
deadlocks_of(uint64_t depth, bool no_acks, bool holds_lock, sim_time later)
{
    deadlocks = 0;
    up_with((struct subscriber_config){ .no_acks = no_acks, .depth = depth });
    r.t.env.observer.overspent = overspent;
    quirk_set(&r.t.env.quirks, QUIRK_VHOSTUSER_LOCK_OVER_MISS, holds_lock);
    if (later > 0) {
        sim_at(r.t.env.sim, later, nothing, NULL, 0);
        ck_assert(sim_step(r.t.env.sim));
    }
    toy_unmap(&r.t, 0x1000, 0x1fff);
    const struct dma_answer a = r.s->ops->dma(r.s, 0x9000, PERM_R);
    ck_assert((a.result == DMA_BLOCKED) == (deadlocks > 0));
    down();
    return deadlocks;
}

START_TEST(S92_as_many_misses_as_the_channel_holds_and_an_invalidation_deadlock)
{
    ck_assert_uint_eq(deadlocks_of(3, false, true, 0), 1);
    ck_assert_uint_eq(deadlocks_of(3, false, true, 199), 1);
}
END_TEST

START_TEST(S92_without_lock_or_acknowledgement_or_with_room_nothing_deadlocks)
{
    ck_assert_uint_eq(deadlocks_of(3, false, false, 0), 0);
    ck_assert_uint_eq(deadlocks_of(3, true, true, 0), 0);
    ck_assert_uint_eq(deadlocks_of(4, false, true, 0), 0);
    ck_assert_uint_eq(deadlocks_of(0, false, true, 0), 0);
    ck_assert_uint_eq(deadlocks_of(3, false, true, 200), 0); /* one has been answered */
}
END_TEST

START_TEST(messages_arrive_in_the_order_in_which_they_were_sent)
{
    const struct dist quick = DIST_CONST(1);

    up(true);
    toy_unmap(&r.t, 0x1000, 0x1fff);
    latencies_set(&r.t.env.latency, LATENCY_VHOST_MESSAGE, &quick);
    toy_unmap(&r.t, 0x2000, 0x2fff);
    ck_assert(sim_step(r.t.env.sim));
    ck_assert(!keeps(0x1000) && keeps(0x2000));
    ck_assert(sim_step(r.t.env.sim));
    ck_assert(!keeps(0x2000));
    ck_assert_uint_eq(sim_now(r.t.env.sim), 101);
    down();
}
END_TEST

START_TEST(S90_a_lost_socket_drops_events_and_begins_empty)
{
    up(false);
    fail_order(&r.t.env.fail, &(struct fail_order){ "nic0/v", FAIL_MESSAGE, 1, 0 });
    toy_unmap(&r.t, 0x1000, 0x1fff);
    ck_assert_uint_eq(r.s->errors, 1);
    ck_assert(!keeps(0x2000)); /* gone with its process */
    ck_assert_int_eq(r.s->ops->dma(r.s, 0x2000, PERM_R).result, DMA_BLOCKED);
    toy_unmap(&r.t, 0x2000, 0x2fff);
    ck_assert_uint_eq(r.s->errors, 1);
    subscriber_detach(r.s);
    ck_assert(
        subscriber_attach(r.s, &r.space, (struct translator){ translate, NULL }, NULL));
    ck_assert(!keeps(0x3000));
    ck_assert_int_eq(r.s->ops->dma(r.s, 0x3000, PERM_R).result, DMA_OK);
    down();
}
END_TEST

START_TEST(what_is_on_its_way_does_not_outlive_it)
{
    up(true);
    toy_unmap(&r.t, 0x1000, 0x1fff);
    subscriber_detach(r.s);
    subscriber_free(r.s);
    while (sim_step(r.t.env.sim)) {
    }
    space_fini(&r.space);
    toy_fini(&r.t);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("subscriber_vhost_user");
    TCase *tc = tcase_create("socket");

    tcase_add_test(tc, S91_the_front_end_waits_for_the_acknowledgement);
    tcase_add_test(tc, S91_without_acknowledgements_nobody_waits);
    tcase_add_test(tc,
                   S92_as_many_misses_as_the_channel_holds_and_an_invalidation_deadlock);
    tcase_add_test(tc,
                   S92_without_lock_or_acknowledgement_or_with_room_nothing_deadlocks);
    tcase_add_test(tc, messages_arrive_in_the_order_in_which_they_were_sent);
    tcase_add_test(tc, S90_a_lost_socket_drops_events_and_begins_empty);
    tcase_add_test(tc, what_is_on_its_way_does_not_outlive_it);
    suite_add_tcase(s, tc);
    return s;
}
