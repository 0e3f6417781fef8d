/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Invalidations that devices complete, in their time, late, wrongly or never; waits
 * that depend on them; and accesses that invalidations drain. V- and Q-numbers are
 * statements of the reference.
 */
#include "iommu/vtd.h"

#include <check.h>

#include "notify/notify.h"
#include "support_main.h"
#include "support_vtd_sm.h"

enum { TIMEOUT = 1000 };

static struct bench *const b = &bench;
static struct listener near, far;

static void
set_latency(enum latency_kind kind, uint64_t ns)
{
    latencies_set(&b->env.latency, kind, &DIST_CONST(ns));
}

static void
up_as(const char *profile)
{
    struct iommu_vtd_config c = bench_config();

    c.device_iotlb = true;
    c.ats_timeout = TIMEOUT;
    bench_init_as(b, &c, profile);
    bench_boot(b);
    bench_attached(b, SID_A, 1, 4);
    bench_attached(b, SID_B, 1, 4);
    listener_start(&near, b, SID_A, NOTIFY_DEVIOTLB_UNMAP, false);
    listener_start(&far, b, SID_B, NOTIFY_DEVIOTLB_UNMAP, false);
}

static void
setup(void)
{
    up_as("spec");
}

static void
run_until(sim_time when)
{
    sim_time next;

    while (sim_next_time(b->sim, &next) && next <= when) {
        sim_step(b->sim);
    }
}

/* A page of the device's, which takes `depth` requests at a time and `ns` for one. */
static void
push_invalidation(uint16_t sid, unsigned depth)
{
    bench_push(b, vtd_desc_dev_iotlb(sid, depth, 0x5000, 12));
}

/* ---- completion ---- */

START_TEST(device_is_told_what_the_descriptor_names)
{
    push_invalidation(SID_A, 0);
    bench_push(b, vtd_desc_dev_iotlb(SID_B, 0, 0x200000, 21));
    bench_push(b, vtd_desc_dev_iotlb(0x4242, 0, 0, 64)); /* nobody */
    bench_push_wait(b);
    bench_ring(b);
    ck_assert(bench_waited(b)); /* nothing takes time */
    ck_assert_uint_eq(near.events, 1);
    ck_assert(listener_heard(&near, 0, NOTIFY_DEVIOTLB_UNMAP, 0x5000, 0x1000, 0,
                             CAUSE_INVALIDATE));
    ck_assert_uint_eq(far.events, 1);
    ck_assert(listener_heard(&far, 0, NOTIFY_DEVIOTLB_UNMAP, 0x200000, 0x200000, 0,
                             CAUSE_INVALIDATE));
}
END_TEST

START_TEST(S117_an_unknown_source_id_completes_without_effect_or_fault)
{
    set_latency(LATENCY_NOTIFY, 100);
    bench_push(b, vtd_desc_dev_iotlb(0x4242, 0, 0x5000, 12));
    bench_push_wait(b);
    bench_ring(b);
    ck_assert(bench_waited(b)); /* nobody is waited for */
    ck_assert_uint_eq(near.events + far.events, 0);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
    ck_assert_uint_eq(bench_read(b, VTD_IQH), b->tail);
}
END_TEST

START_TEST(wait_is_for_every_device_and_the_queue_is_for_none)
{
    set_latency(LATENCY_NOTIFY, 100);
    push_invalidation(SID_A, 0);
    push_invalidation(SID_B, 0);
    bench_push(b, vtd_desc_iotlb(VTD_GRAN_GLOBAL, 0, 0, 0, false));
    bench_push_wait(b);
    uint64_t after = b->tail;
    bench_push(b, vtd_desc_iotlb(VTD_GRAN_GLOBAL, 0, 0, 0, false));
    b->invalidated = 0;
    bench_ring(b);
    ck_assert_uint_eq(near.events + far.events, 2);
    ck_assert_uint_eq(b->invalidated, 3); /* at once, up to the wait */
    ck_assert(!bench_waited(b));
    ck_assert(b->m->ops->busy(b->m));
    ck_assert_uint_eq(bench_read(b, VTD_IQH), after - 16);
    run_until(99);
    ck_assert(!bench_waited(b));
    run_until(100);
    ck_assert(bench_waited(b));
    ck_assert_uint_eq(b->invalidated, 4);
    ck_assert(!b->m->ops->busy(b->m));
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
}
END_TEST

START_TEST(a_device_gets_as_many_as_it_takes)
{
    set_latency(LATENCY_NOTIFY, 100);
    for (unsigned i = 0; i < 5; i++) {
        push_invalidation(SID_A, 2);
    }
    push_invalidation(SID_B, 2);
    bench_push_wait(b);
    bench_ring(b);
    ck_assert_uint_eq(near.events, 2);
    ck_assert_uint_eq(far.events, 0); /* in order */
    run_until(100);
    ck_assert_uint_eq(near.events, 4);
    run_until(200);
    ck_assert_uint_eq(near.events, 5);
    ck_assert_uint_eq(far.events, 1);
    ck_assert(!bench_waited(b));
    run_until(300);
    ck_assert(bench_waited(b));
}
END_TEST

START_TEST(depth_0_is_32)
{
    set_latency(LATENCY_NOTIFY, 100);
    for (unsigned i = 0; i < 33; i++) {
        push_invalidation(SID_A, 0);
    }
    bench_ring(b);
    ck_assert_uint_eq(near.events, 32);
    run_until(100);
    ck_assert_uint_eq(near.events, 33);
}
END_TEST

START_TEST(fence_alone_waits_too)
{
    set_latency(LATENCY_NOTIFY, 100);
    push_invalidation(SID_A, 0);
    bench_push(b, vtd_desc_wait(VTD_DESC_WAIT_FN, 0, 0));
    push_invalidation(SID_B, 0);
    bench_ring(b);
    ck_assert_uint_eq(far.events, 0);
    run_until(100);
    ck_assert_uint_eq(far.events, 1);
}
END_TEST

START_TEST(queue_is_not_switched_off_while_a_wait_is_under_way)
{
    set_latency(LATENCY_NOTIFY, 100);
    push_invalidation(SID_A, 0);
    bench_push_wait(b);
    bench_ring(b);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE);
    ck_assert_uint_ne(bench_read(b, VTD_GSTS) & VTD_GCMD_QIE, 0);
    run_until(100);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE);
    ck_assert_uint_eq(bench_read(b, VTD_GSTS) & VTD_GCMD_QIE, 0);
}
END_TEST

START_TEST(reset_forgets_what_devices_owe)
{
    set_latency(LATENCY_NOTIFY, 100);
    push_invalidation(SID_A, 0);
    bench_push_wait(b);
    bench_ring(b);
    b->m->ops->reset(b->m);
    ck_assert(!bench_waited(b));
    bench_boot(b);
    bench_push_wait(b);
    bench_ring(b);
    ck_assert(bench_waited(b)); /* for nobody */
    run_until(TIMEOUT);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
}
END_TEST

START_TEST(reset_forgets_what_was_to_be_drained)
{
    b->m->ops->in_flight(b->m, 50, true);
    bench_push(b, vtd_desc_iotlb(VTD_GRAN_DOMAIN, 1, 0, 0, false));
    bench_push_wait(b);
    bench_ring(b);
    b->m->ops->reset(b->m);
    bench_boot(b);
    bench_push(b, vtd_desc_iotlb(VTD_GRAN_DOMAIN, 1, 0, 0, false));
    bench_push_wait(b);
    bench_ring(b);
    ck_assert(bench_waited(b));
}
END_TEST

/* ---- errors ---- */

START_TEST(queue_fetches_nothing_while_a_timeout_is_pending)
{
    set_latency(LATENCY_NOTIFY, TIMEOUT + 1);
    set_latency(LATENCY_INVALIDATE, 600);
    push_invalidation(SID_B, 0); /* sent at 600, too late at 1600 */
    for (unsigned i = 0; i < 3; i++) {
        bench_push(b, vtd_desc_iotlb(VTD_GRAN_DOMAIN, 9, 0, 0, false));
    }
    const unsigned before = b->invalidated;
    bench_ring(b);
    run_until(10 * TIMEOUT);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_ITE);
    ck_assert_uint_eq(b->invalidated, before + 3); /* the last one fetched at 1200 */
    bench_write(b, VTD_FSTS, VTD_FSTS_ITE);
    run_until(20 * TIMEOUT);
    ck_assert_uint_eq(b->invalidated, before + 4);
    ck_assert_uint_eq(bench_read(b, VTD_IQH), bench_read(b, VTD_IQT));
}
END_TEST

START_TEST(late_device_has_the_wait_aborted)
{
    set_latency(LATENCY_NOTIFY, TIMEOUT + 1);
    push_invalidation(SID_B, 0);
    bench_push_wait(b);
    uint64_t after = b->tail;
    bench_push(b, vtd_desc_iotlb(VTD_GRAN_GLOBAL, 0, 0, 0, false));
    bench_push_wait(b);
    bench_ring(b);
    unsigned before = b->invalidated;
    run_until(TIMEOUT - 1);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
    run_until(2 * TIMEOUT);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_ITE);
    ck_assert_uint_eq(bench_read(b, VTD_IQERCD), VTD_IQERCD_ITESID(SID_B));
    ck_assert_uint_eq(bench_read(b, VTD_FECTL), VTD_ECTL_IM | VTD_ECTL_IP);
    ck_assert_uint_eq(bench_read(b, VTD_IQH), after); /* past the wait, and no further */
    ck_assert_uint_eq(mem_read32le(b->env.mem, GPA(b->status)), b->waits - 2);
    ck_assert(!b->m->ops->busy(b->m));
    bench_ring(b); /* nothing is fetched before software has seen it */
    ck_assert_uint_eq(b->invalidated, before);
    set_latency(LATENCY_NOTIFY, 0);
    bench_write(b, VTD_FSTS, VTD_FSTS_ITE);
    ck_assert_uint_eq(bench_read(b, VTD_IQERCD), 0);
    ck_assert_uint_eq(b->invalidated, before + 1);
    ck_assert(bench_waited(b));
}
END_TEST

START_TEST(in_the_last_moment_is_in_time)
{
    set_latency(LATENCY_NOTIFY, TIMEOUT);
    push_invalidation(SID_A, 0);
    bench_push_wait(b);
    bench_ring(b);
    run_until(TIMEOUT);
    ck_assert(bench_waited(b));
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
}
END_TEST

START_TEST(first_of_several_late_devices_is_told)
{
    set_latency(LATENCY_NOTIFY, TIMEOUT + 1);
    push_invalidation(SID_B, 0);
    push_invalidation(SID_A, 0);
    bench_push_wait(b);
    bench_ring(b);
    run_until(TIMEOUT);
    ck_assert_uint_eq(bench_read(b, VTD_IQERCD), VTD_IQERCD_ITESID(SID_B));
    bench_write(b, VTD_FSTS, VTD_FSTS_ITE);
    set_latency(LATENCY_NOTIFY, 0);
    bench_push_wait(b); /* nobody owes anything any more */
    bench_ring(b);
    ck_assert(bench_waited(b));
}
END_TEST

START_TEST(device_that_never_answers_times_out)
{
    b->env.answer = COMPLETION_NEVER;
    push_invalidation(SID_A, 0);
    bench_push_wait(b);
    bench_ring(b);
    ck_assert(!bench_waited(b));
    run_until(TIMEOUT);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_ITE);
    ck_assert_int_eq(b->env.answer, COMPLETION_GOOD);
}
END_TEST

START_TEST(wrong_completion_completes_nothing)
{
    set_latency(LATENCY_NOTIFY, 100);
    b->env.answer = COMPLETION_INVALID;
    push_invalidation(SID_B, 0);
    bench_push_wait(b);
    bench_ring(b);
    run_until(100);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_ICE);
    ck_assert_uint_eq(bench_read(b, VTD_IQERCD), VTD_IQERCD_ICESID(SID_B));
    ck_assert(!bench_waited(b));
    bench_write(b, VTD_FSTS, VTD_FSTS_ICE);
    ck_assert_uint_eq(bench_read(b, VTD_IQERCD), 0);
    run_until(TIMEOUT);
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), VTD_FSTS_ITE);
    ck_assert(!bench_waited(b));
}
END_TEST

START_TEST(worst_answer_counts)
{
    notify_answer(&b->env, COMPLETION_NEVER);
    notify_answer(&b->env, COMPLETION_INVALID);
    ck_assert_int_eq(notify_take_answer(&b->env), COMPLETION_NEVER);
    ck_assert_int_eq(notify_take_answer(&b->env), COMPLETION_GOOD);
}
END_TEST

START_TEST(Q18_device_errors_do_not_exist)
{
    up_as("qemu-7.2");
    set_latency(LATENCY_NOTIFY, TIMEOUT + 1);
    push_invalidation(SID_A, 1);
    push_invalidation(SID_A, 1);
    bench_push_wait(b);
    bench_ring(b);
    ck_assert_uint_eq(near.events, 1); /* the queue stands still meanwhile */
    run_until(TIMEOUT + 1);
    ck_assert_uint_eq(near.events, 2);
    ck_assert(!bench_waited(b));
    run_until(2 * TIMEOUT + 2);
    ck_assert(bench_waited(b));
    ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
}
END_TEST

/* ---- accesses under way ---- */

static void
in_flight(sim_time until, bool write)
{
    b->m->ops->in_flight(b->m, until, write);
}

/* Its wait is done when? */
static sim_time
waited_at(struct vtd_pair d)
{
    bench_push(b, d);
    bench_push_wait(b);
    bench_ring(b);
    while (!bench_waited(b)) {
        ck_assert(sim_step(b->sim));
    }
    return sim_now(b->sim);
}

START_TEST(wait_comes_after_what_an_invalidation_drains)
{
    struct vtd_pair d = vtd_desc_iotlb(VTD_GRAN_DOMAIN, 1, 0, 0, false);

    in_flight(50, false);
    in_flight(80, true);
    in_flight(30, true); /* an earlier end changes nothing */
    d.lo &= ~(VTD_DESC_IOTLB_DR | VTD_DESC_IOTLB_DW);
    ck_assert_uint_eq(waited_at(d), 0);
    d.lo |= VTD_DESC_IOTLB_DR;
    ck_assert_uint_eq(waited_at(d), 50);
    d.lo |= VTD_DESC_IOTLB_DW;
    ck_assert_uint_eq(waited_at(d), 80);
    ck_assert_uint_eq(waited_at(d), 80);
}
END_TEST

START_TEST(invalidations_by_PASID_drain_without_being_asked)
{
    struct iommu_vtd_config c = bench_config();

    c.scalable = true;
    bench_init(b, &c);
    b->wide = true;
    bench_boot(b);
    for (unsigned write = 0; write < 2; write++) {
        const sim_time until = sim_now(b->sim) + 50;
        in_flight(until, write != 0);
        ck_assert_uint_eq(
            waited_at(vtd_desc_pasid_iotlb(VTD_PIOTLB_ALL, 1, 5, 0, 0, false)), until);
    }
}
END_TEST

START_TEST(accesses_that_begin_later_are_not_waited_for)
{
    in_flight(50, false);
    bench_push(b, vtd_desc_iotlb(VTD_GRAN_DOMAIN, 1, 0, 0, false));
    bench_ring(b);
    in_flight(500, false);
    bench_push_wait(b);
    bench_ring(b);
    run_until(50);
    ck_assert(bench_waited(b));
}
END_TEST

START_TEST(register_request_drains_too)
{
    bench_push_wait(b);
    bench_ring(b);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE);
    in_flight(50, true);
    bench_write(b, VTD_IOTLB,
                VTD_IOTLB_IVT | VTD_IOTLB_IIRG(VTD_GRAN_GLOBAL) | VTD_IOTLB_DR);
    ck_assert_uint_eq(bench_read(b, VTD_IOTLB) & VTD_IOTLB_IVT, 0);
    bench_write(b, VTD_IOTLB,
                VTD_IOTLB_IVT | VTD_IOTLB_IIRG(VTD_GRAN_GLOBAL) | VTD_IOTLB_DW);
    ck_assert_uint_ne(bench_read(b, VTD_IOTLB) & VTD_IOTLB_IVT, 0);
    run_until(50);
    ck_assert_uint_eq(bench_read(b, VTD_IOTLB) & VTD_IOTLB_IVT, 0);
}
END_TEST

START_TEST(Q18_nothing_is_drained)
{
    up_as("qemu-7.2");
    in_flight(50, false);
    in_flight(80, true);
    ck_assert_uint_eq(waited_at(vtd_desc_iotlb(VTD_GRAN_DOMAIN, 1, 0, 0, false)), 0);
}
END_TEST

/* ---- at random ---- */

enum { FETCH = 7, EXECUTE = 11, STEPS = 40, DEVICES = 2 };

/* The same queue in so many words: how far it has come, and who owes what until when. */
struct retold {
    sim_time now, due[DEVICES][STEPS];
    unsigned sent[DEVICES];
};

static unsigned
owed(const struct retold *t, unsigned device)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->sent[device]; i++) {
        n += t->due[device][i] > t->now;
    }
    return n;
}

/* Time passes until the device, or every device (DEVICES), owes fewer than `limit`. */
static void
let_complete(struct retold *t, unsigned device, unsigned limit)
{
    for (unsigned d = 0; d < DEVICES; d++) {
        while ((device == d || device == DEVICES) && owed(t, d) >= limit) {
            t->now++;
        }
    }
}

static unsigned
draw(uint64_t *seed, unsigned below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(*seed >> 33) % below;
}

/* Put a random queue in the ring and return when its last wait is done. */
static sim_time
random_queue(uint64_t seed, sim_time cost)
{
    static const uint16_t sids[DEVICES] = { SID_A, SID_B };
    struct retold t = { 0 };

    for (unsigned i = 0; i < STEPS; i++) {
        const unsigned what = i == STEPS - 1 ? 0 : draw(&seed, 6);
        const unsigned device = draw(&seed, DEVICES), depth = 1 + draw(&seed, 4);
        t.now += FETCH;
        if (what == 0) {
            bench_push_wait(b);
            let_complete(&t, DEVICES, 1);
        } else if (what == 1) {
            bench_push(b, vtd_desc_iotlb(VTD_GRAN_GLOBAL, 0, 0, 0, false));
            t.now += EXECUTE;
        } else {
            push_invalidation(sids[device], depth);
            t.now += EXECUTE;
            let_complete(&t, device, depth);
            t.due[device][t.sent[device]++] = t.now + cost;
        }
    }
    return t.now;
}

START_TEST(random_queues_take_as_long_as_retold)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        const sim_time cost = seed * 3 % 101;
        set_latency(LATENCY_QI_FETCH, FETCH);
        set_latency(LATENCY_INVALIDATE, EXECUTE);
        set_latency(LATENCY_NOTIFY, cost);
        const sim_time start = sim_now(b->sim);
        const sim_time want = random_queue(seed, cost);
        bench_ring(b);
        while (sim_step(b->sim)) {
            ck_assert_msg(!bench_waited(b) || sim_now(b->sim) - start == want,
                          "seed %u: done after %u, not %u", (unsigned)seed,
                          (unsigned)(sim_now(b->sim) - start), (unsigned)want);
            if (bench_waited(b)) {
                break;
            }
        }
        ck_assert_msg(bench_waited(b), "seed %u: never done", (unsigned)seed);
        ck_assert_uint_eq(bench_read(b, VTD_IQH), b->tail);
        ck_assert_uint_eq(bench_read(b, VTD_FSTS), 0);
        while (sim_step(b->sim)) {
        }
        listener_clear(&near);
        listener_clear(&far);
    }
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_devtlb");
    TCase *tc = tcase_create("devices");

    tcase_add_checked_fixture(tc, setup, bench_teardown);
    tcase_add_test(tc, device_is_told_what_the_descriptor_names);
    tcase_add_test(tc, S117_an_unknown_source_id_completes_without_effect_or_fault);
    tcase_add_test(tc, wait_is_for_every_device_and_the_queue_is_for_none);
    tcase_add_test(tc, a_device_gets_as_many_as_it_takes);
    tcase_add_test(tc, depth_0_is_32);
    tcase_add_test(tc, fence_alone_waits_too);
    tcase_add_test(tc, queue_is_not_switched_off_while_a_wait_is_under_way);
    tcase_add_test(tc, reset_forgets_what_devices_owe);
    tcase_add_test(tc, reset_forgets_what_was_to_be_drained);
    tcase_add_test(tc, queue_fetches_nothing_while_a_timeout_is_pending);
    tcase_add_test(tc, late_device_has_the_wait_aborted);
    tcase_add_test(tc, in_the_last_moment_is_in_time);
    tcase_add_test(tc, first_of_several_late_devices_is_told);
    tcase_add_test(tc, device_that_never_answers_times_out);
    tcase_add_test(tc, wrong_completion_completes_nothing);
    tcase_add_test(tc, worst_answer_counts);
    tcase_add_test(tc, Q18_device_errors_do_not_exist);
    tcase_add_test(tc, wait_comes_after_what_an_invalidation_drains);
    tcase_add_test(tc, invalidations_by_PASID_drain_without_being_asked);
    tcase_add_test(tc, accesses_that_begin_later_are_not_waited_for);
    tcase_add_test(tc, register_request_drains_too);
    tcase_add_test(tc, Q18_nothing_is_drained);
    tcase_add_test(tc, random_queues_take_as_long_as_retold);
    suite_add_tcase(s, tc);
    return s;
}
