/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The event queue: order, ties, adding from inside; and the named streams. */
#include "sim/sim.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "sim/dist.h"

#include "support_main.h"

enum {
    LOG_MAX = 20000,
};

struct log {
    struct sim *sim;
    size_t n;
    struct {
        sim_time when;
        uint64_t arg;
    } row[LOG_MAX];
};

static struct log ran;

static void
set_up(void)
{
    ran.n = 0;
}

static void
note(void *self, uint64_t arg)
{
    struct log *l = self;

    ck_assert_uint_lt(l->n, LOG_MAX);
    l->row[l->n].when = sim_now(l->sim);
    l->row[l->n++].arg = arg;
}

START_TEST(events_run_by_time_then_by_insertion)
{
    struct sim *s = ran.sim = sim_new(1);
    static const sim_time when[] = { 30, 10, 20, 10, 30, 0, 10, 20 };
    static const uint64_t order[] = { 5, 1, 3, 6, 2, 7, 0, 4 };

    for (size_t i = 0; i < 8; i++) {
        sim_at(s, when[i], note, &ran, i);
    }
    ck_assert_uint_eq(sim_pending(s), 8);
    while (sim_step(s)) {
    }
    ck_assert_uint_eq(ran.n, 8);
    for (size_t i = 0; i < 8; i++) {
        ck_assert_uint_eq(ran.row[i].arg, order[i]);
        ck_assert_uint_eq(ran.row[i].when, when[order[i]]);
    }
    ck_assert_uint_eq(sim_now(s), 30);
    sim_free(s);
}
END_TEST

START_TEST(empty_queue_has_no_next_event)
{
    struct sim *s = sim_new(1);
    sim_time when;

    ck_assert(!sim_step(s));
    ck_assert(!sim_next_time(s, &when));
    ck_assert_uint_eq(sim_pending(s), 0);
    ck_assert_uint_eq(sim_now(s), 0);
    sim_free(s);
    sim_free(NULL);
}
END_TEST

/* Look at the queue from inside an event: it is no longer pending itself. */
static void
look(void *self, uint64_t pending)
{
    struct log *l = self;
    sim_time when;

    ck_assert_uint_eq(sim_pending(l->sim), pending);
    if (pending == 0) {
        ck_assert(!sim_next_time(l->sim, &when));
        return;
    }
    ck_assert(sim_next_time(l->sim, &when));
    ck_assert_uint_eq(when, 7);
    sim_at(l->sim, 6, note, l, 1);
    ck_assert_uint_eq(sim_pending(l->sim), pending + 1);
    ck_assert(sim_next_time(l->sim, &when));
    ck_assert_uint_eq(when, 6);
    sim_at(l->sim, 5, note, l, 0); /* now: after all that was added for now */
}

START_TEST(running_event_is_not_pending_and_may_add_others)
{
    struct sim *s = ran.sim = sim_new(1);

    sim_at(s, 5, look, &ran, 2);
    sim_at(s, 7, note, &ran, 2);
    sim_at(s, 9, note, &ran, 3);
    while (sim_step(s)) {
    }
    ck_assert_uint_eq(ran.n, 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(ran.row[i].arg, i);
    }
    sim_at(s, 20, look, &ran, 0);
    ck_assert(sim_step(s));
    ck_assert(!sim_step(s));
    sim_free(s);
}
END_TEST

struct model_event {
    sim_time when;
    uint64_t arg; /* also the order of insertion */
    bool done;
};

static struct model_event model[LOG_MAX];

static size_t
model_next(size_t n)
{
    size_t best = n;

    for (size_t i = 0; i < n; i++) {
        if (!model[i].done && (best == n || model[i].when < model[best].when)) {
            best = i;
        }
    }
    return best;
}

START_TEST(random_traffic_runs_in_the_order_of_a_plain_search)
{
    uint64_t seed = 4711;
    struct sim *s = ran.sim = sim_new(seed);
    struct sim_stream *rng = sim_stream(s, "test");
    size_t n = 0;

    printf("# seed %llu\n", (unsigned long long)seed);
    for (unsigned round = 0; round < 3000; round++) {
        for (uint64_t adds = sim_uniform(rng, 3 + (round / 500) % 2); adds > 0; adds--) {
            model[n] =
                (struct model_event){ sim_now(s) + sim_uniform(rng, 50), n, false };
            sim_at(s, model[n].when, note, &ran, n);
            n++;
        }
        size_t want = model_next(n);

        ck_assert_int_eq(sim_step(s), want < n);
        if (want < n) {
            model[want].done = true;
            ck_assert_uint_eq(ran.row[ran.n - 1].arg, want);
            ck_assert_uint_eq(ran.row[ran.n - 1].when, model[want].when);
        }
        ck_assert_uint_eq(sim_pending(s), n - ran.n);
    }
    sim_free(s);
}
END_TEST

START_TEST(charges_add_up_until_taken)
{
    struct sim *s = sim_new(1);

    sim_charge(s, 5);
    sim_charge(s, 7);
    ck_assert_uint_eq(sim_take_charge(s), 12);
    ck_assert_uint_eq(sim_take_charge(s), 0);
    ck_assert_uint_eq(sim_now(s), 0);
    sim_free(s);
}
END_TEST

static void
draw(struct sim_stream *st, uint64_t *to)
{
    for (int i = 0; i < 100; i++) {
        to[i] = sim_uniform(st, UINT64_MAX);
    }
}

START_TEST(another_stream_shifts_nobodys_draws)
{
    uint64_t alone[100], among[100], other[100];
    struct sim *a = sim_new(7), *b = sim_new(7);

    draw(sim_stream(a, "nic0"), alone);
    draw(sim_stream(b, "disk0"), other);
    draw(sim_stream(b, "nic0"), among);
    ck_assert_mem_eq(alone, among, sizeof(alone));
    ck_assert_mem_ne(alone, other, sizeof(alone));
    ck_assert_ptr_eq(sim_stream(b, "nic0"), sim_stream(b, "nic0"));
    sim_free(a);
    sim_free(b);
}
END_TEST

START_TEST(streams_differ_by_all_bits_of_the_seed)
{
    uint64_t first[64];

    for (unsigned bit = 0; bit < 64; bit++) {
        struct sim *s = sim_new(UINT64_C(1) << bit);

        first[bit] = sim_uniform(sim_stream(s, "x"), UINT64_MAX);
        for (unsigned i = 0; i < bit; i++) {
            ck_assert_uint_ne(first[i], first[bit]);
        }
        sim_free(s);
    }
}
END_TEST

/* Pinned: traces made with an earlier version must come out again. */
START_TEST(first_draws_of_seed_1_never_change)
{
    struct sim *s = sim_new(1);
    struct sim_stream *st = sim_stream(s, "guest");

    ck_assert_uint_eq(sim_uniform(st, 1000000), 158823);
    ck_assert_uint_eq(sim_uniform(st, 1000000), 151);
    ck_assert_uint_eq(sim_uniform(st, UINT64_C(1) << 40), 631614659208);
    sim_free(s);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("sim/sim");
    TCase *c = tcase_create("sim");

    tcase_add_checked_fixture(c, set_up, NULL);
    tcase_add_test(c, events_run_by_time_then_by_insertion);
    tcase_add_test(c, empty_queue_has_no_next_event);
    tcase_add_test(c, running_event_is_not_pending_and_may_add_others);
    tcase_add_test(c, random_traffic_runs_in_the_order_of_a_plain_search);
    tcase_add_test(c, charges_add_up_until_taken);
    tcase_add_test(c, another_stream_shifts_nobodys_draws);
    tcase_add_test(c, streams_differ_by_all_bits_of_the_seed);
    tcase_add_test(c, first_draws_of_seed_1_never_change);
    suite_add_tcase(s, c);
    return s;
}
