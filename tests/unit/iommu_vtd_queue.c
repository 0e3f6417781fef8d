/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VT-d invalidation commands: the queue, its errors, its interrupts, its latencies,
 * and the registers. V-numbers are statements of the reference.
 */
#include "iommu/vtd.h"

#include <check.h>
#include <stdlib.h>

#include "support_main.h"
#include "support_vtd.h"

static struct bench *const b = &bench;

static bool
queue_failed(void)
{
    return (bench_read(b, VTD_FSTS) & VTD_FSTS_IQE) != 0;
}

/* ---- sound descriptors ---- */

START_TEST(descriptors_are_executed_and_told)
{
    bench_do(b, vtd_desc_context(VTD_GRAN_FINE, 5, 0x18, 2));
    ck_assert_int_eq(b->last.kind, INVAL_CONTEXT);
    ck_assert_int_eq(b->last.scope, INVAL_DEVICE);
    ck_assert_uint_eq(b->last.did, 5);
    ck_assert_uint_eq(b->last.sid, 0x18);
    ck_assert_uint_eq(b->last.sid_mask, 6);
    bench_do(b, vtd_desc_context(VTD_GRAN_DOMAIN, 6, 0, 0));
    ck_assert_int_eq(b->last.scope, INVAL_DOMAIN);
    ck_assert_uint_eq(b->last.did, 6);
    bench_do(b, vtd_desc_iotlb(VTD_GRAN_FINE, 7, 0x12345000, 4, true));
    ck_assert_int_eq(b->last.kind, INVAL_IOTLB);
    ck_assert_int_eq(b->last.scope, INVAL_PAGE);
    ck_assert_uint_eq(b->last.first, 0x12340000); /* low address bits are not looked at */
    ck_assert_uint_eq(b->last.last, 0x1234ffff);
    ck_assert(b->last.leaf_only);
    bench_do(b, vtd_desc_iec(true, 0, 0));
    ck_assert_int_eq(b->last.kind, INVAL_IEC);
    ck_assert_int_eq(b->last.scope, INVAL_GLOBAL);
    ck_assert_uint_eq(b->invalidated, 4);
    ck_assert_uint_eq(b->completed, 4);
    ck_assert_uint_eq(bench_read(b, VTD_IQH), bench_read(b, VTD_IQT));
}
END_TEST

START_TEST(ring_wraps_at_its_size)
{
    for (unsigned i = 0; i < 1000; i++) {
        bench_push_wait(b);
        bench_ring(b);
        ck_assert(bench_waited(b));
        ck_assert_uint_eq(bench_read(b, VTD_IQH), (i + 1) % 256 * 16);
    }
}
END_TEST

START_TEST(queue_of_another_size)
{
    bench_push_wait(b);
    bench_ring(b);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE);
    b->queue = bench_page(b);
    bench_page(b);
    b->tail = 0;
    bench_write(b, VTD_IQT, 0);
    bench_write(b, VTD_IQA, b->queue | 1);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE | VTD_GCMD_QIE);
    for (unsigned i = 0; i < 511; i++) {
        mem_write64le(b->env.mem, GPA(b->queue + 16 * i), 0x45); /* fence */
    }
    bench_write(b, VTD_IQT, 511 * 16);
    ck_assert(!queue_failed());
    ck_assert_uint_eq(bench_read(b, VTD_IQH), 511 * 16);
}
END_TEST

START_TEST(fence_alone_tells_nobody)
{
    bench_push(b, vtd_desc_wait(VTD_DESC_WAIT_FN, 0, 0));
    bench_ring(b);
    ck_assert(!queue_failed());
    ck_assert_uint_eq(b->completed, 0);
}
END_TEST

/* ---- refused descriptors ---- */

static const struct {
    uint64_t lo, hi;
    enum vtd_iqei why;
} bad[] = {
    { 0x0, 0, VTD_IQEI_TYPE },
    { 0x3, 0, VTD_IQEI_TYPE }, /* no device TLBs */
    { 0x6, 0, VTD_IQEI_TYPE },
    { 0x8, 0, VTD_IQEI_TYPE },
    { 0xf, 0, VTD_IQEI_TYPE },
    { 0x212, 0, VTD_IQEI_TYPE },     /* 0x12 */
    { 0x02, 0, VTD_IQEI_RESERVED },  /* no granularity */
    { 0x112, 0, VTD_IQEI_RESERVED }, /* bit 8 */
    { 0x12 | VTD_BIT(32), 0, VTD_IQEI_RESERVED },
    { 0x12, 0x80, VTD_IQEI_RESERVED },
    { 0x32, 0x13, VTD_IQEI_RESERVED }, /* AM 19: V12 */
    { 0x01, 0, VTD_IQEI_RESERVED },
    { 0x51, 0, VTD_IQEI_RESERVED }, /* bit 6 */
    { 0x11 | VTD_BIT(50), 0, VTD_IQEI_RESERVED },
    { 0x11, 1, VTD_IQEI_RESERVED },
    { 0x24, 0, VTD_IQEI_RESERVED },
    { 0x04, 1, VTD_IQEI_RESERVED },
    { 0x05, 0, VTD_IQEI_RESERVED }, /* does nothing */
    { 0xa5, 0, VTD_IQEI_RESERVED }, /* page drain */
    { 0x25, 1, VTD_IQEI_RESERVED },
};

START_TEST(V17_queue_stops_at_a_bad_descriptor_and_resumes_once_mended)
{
    bench_push_wait(b);
    uint64_t at = b->tail;
    bench_push(b, (struct vtd_pair){ bad[_i].lo, bad[_i].hi });
    bench_push_wait(b);
    bench_ring(b);
    ck_assert(queue_failed());
    ck_assert_uint_eq(bench_read(b, VTD_IQERCD), bad[_i].why);
    ck_assert_uint_eq(bench_read(b, VTD_IQH), at);
    ck_assert(!bench_waited(b));
    ck_assert_uint_eq(b->invalidated, 0);
    ck_assert_uint_eq(b->completed, 1);

    bench_ring(b);
    ck_assert_uint_eq(bench_read(b, VTD_IQH), at);
    bench_write(b, VTD_FSTS, VTD_FSTS_IQE);
    ck_assert_uint_eq(bench_read(b, VTD_IQERCD), 0);
    ck_assert_uint_eq(bench_read(b, VTD_IQH), at); /* not before the tail is written */
    bench_ring(b);
    ck_assert(queue_failed()); /* the same again */
    bench_write(b, VTD_FSTS, VTD_FSTS_IQE);
    mem_write64le(b->env.mem, GPA(b->queue + at), 0x12);
    mem_write64le(b->env.mem, GPA(b->queue + at + 8), 0);
    bench_ring(b);
    ck_assert(!queue_failed());
    ck_assert(bench_waited(b));
    ck_assert_uint_eq(b->invalidated, 1);
}
END_TEST

START_TEST(unreadable_queue_is_a_fetch_error)
{
    bench_push_wait(b);
    bench_ring(b);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE);
    bench_write(b, VTD_IQT, 0);
    bench_write(b, VTD_IQA, 0x40000000);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE | VTD_GCMD_QIE);
    bench_write(b, VTD_IQT, 16);
    ck_assert_uint_eq(bench_read(b, VTD_IQERCD), VTD_IQEI_FETCH);
}
END_TEST

START_TEST(V18_wait_status_comes_after_the_effects)
{
    static struct listener ear;

    uint64_t table = bench_attached(b, SID_A, 1, 4);
    listener_start(&ear, b, SID_A, NOTIFY_MAP | NOTIFY_UNMAP, true);
    bench_map(b, table, 0x1000, 0x20000 | RW);
    bench_push(b, vtd_desc_iotlb(VTD_GRAN_FINE, 1, 0x1000, 0, true));
    bench_ring(b);
    ck_assert_uint_eq(ear.maps, 1);
    bench_map(b, table, 0x1000, 0);
    bench_push_wait(b);
    bench_push(b, vtd_desc_iotlb(VTD_GRAN_FINE, 1, 0x1000, 0, true));
    bench_ring(b);
    ck_assert(bench_waited(b));
    ck_assert_uint_eq(ear.unmaps, 1);
}
END_TEST

START_TEST(V19_wait_interrupt_once_until_cleared)
{
    const struct vtd_pair wait = vtd_desc_wait(VTD_DESC_WAIT_IF, 0, 0);

    bench_push(b, wait);
    bench_ring(b);
    ck_assert_uint_eq(bench_read(b, VTD_ICS), VTD_ICS_IWC);
    ck_assert_uint_eq(bench_read(b, VTD_IECTL), VTD_ECTL_IM | VTD_ECTL_IP);
    ck_assert_uint_eq(b->completed, 1);
    bench_write(b, VTD_IECTL, 0); /* delivered now */
    ck_assert_uint_eq(bench_read(b, VTD_IECTL), 0);
    bench_write(b, VTD_IECTL, VTD_ECTL_IM);
    bench_push(b, wait);
    bench_ring(b);
    ck_assert_uint_eq(bench_read(b, VTD_IECTL), VTD_ECTL_IM); /* IWC was still set */
    bench_write(b, VTD_ICS, VTD_ICS_IWC);
    bench_push(b, wait);
    bench_ring(b);
    ck_assert_uint_eq(bench_read(b, VTD_IECTL), VTD_ECTL_IM | VTD_ECTL_IP);
    bench_write(b, VTD_ICS, VTD_ICS_IWC);
    ck_assert_uint_eq(bench_read(b, VTD_IECTL), VTD_ECTL_IM);
}
END_TEST

START_TEST(V20_tail_beyond_the_queue_is_an_error_and_nothing_runs)
{
    bench_push_wait(b);
    bench_write(b, VTD_IQT, 4096);
    ck_assert_uint_eq(bench_read(b, VTD_IQERCD), VTD_IQEI_TAIL);
    ck_assert(queue_failed());
    ck_assert_uint_eq(bench_read(b, VTD_IQH), 0);
    ck_assert(!bench_waited(b));
}
END_TEST

START_TEST(V21_queue_stops_only_empty_and_after_a_wait)
{
    const uint64_t on = VTD_GCMD_TE | VTD_GCMD_SRTP | VTD_GCMD_QIE;

    bench_write(b, VTD_GCMD, VTD_GCMD_TE); /* no descriptor yet */
    ck_assert_uint_eq(bench_read(b, VTD_GSTS), on);
    bench_do(b, vtd_desc_iotlb(VTD_GRAN_GLOBAL, 0, 0, 0, false));
    bench_push(b, vtd_desc_iotlb(VTD_GRAN_GLOBAL, 0, 0, 0, false));
    bench_ring(b);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE);
    ck_assert_uint_eq(bench_read(b, VTD_GSTS), on);
    bench_push_wait(b);
    bench_ring(b);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE);
    ck_assert_uint_eq(bench_read(b, VTD_GSTS), VTD_GCMD_TE | VTD_GCMD_SRTP);
    ck_assert_uint_eq(bench_read(b, VTD_IQH), 0);
    ck_assert_uint_eq(bench_read(b, VTD_IQT), b->tail);
    bench_write(b, VTD_IQA, b->queue);
    bench_write(b, VTD_IQT, 0x7000);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE | VTD_GCMD_QIE); /* a stale tail */
    ck_assert(queue_failed());
}
END_TEST

START_TEST(V22_register_requests_are_ignored_while_the_queue_is_on)
{
    bench_write(b, VTD_IOTLB, VTD_IOTLB_IVT | VTD_IOTLB_IIRG(VTD_GRAN_GLOBAL));
    bench_write(b, VTD_CCMD, VTD_CCMD_ICC | VTD_CCMD_CIRG(VTD_GRAN_GLOBAL));
    ck_assert_uint_eq(b->invalidated, 0);
    ck_assert_uint_eq(bench_read(b, VTD_IOTLB),
                      VTD_IOTLB_IVT | VTD_IOTLB_IIRG(VTD_GRAN_GLOBAL));
    ck_assert_uint_eq(bench_read(b, VTD_CCMD),
                      VTD_CCMD_ICC | VTD_CCMD_CIRG(VTD_GRAN_GLOBAL));
}
END_TEST

START_TEST(V20_Q24_tail_between_wide_descriptors)
{
    static const char *const profiles[] = { "spec", "qemu-7.2" };
    struct iommu_vtd_config c = bench_config();

    c.scalable = true;
    for (unsigned p = 0; p < 2; p++) {
        bench_init_as(b, &c, profiles[p]);
        b->wide = true;
        bench_boot(b);
        bench_push_wait(b);
        bench_write(b, VTD_IQT, 16);
        ck_assert_uint_eq(bench_read(b, VTD_IQT), 16);
        ck_assert_int_eq(queue_failed(), p == 0);
        ck_assert_uint_eq(bench_read(b, VTD_IQERCD), p == 0 ? VTD_IQEI_ALIGN : 0);
        ck_assert(!bench_waited(b));
        bench_write(b, VTD_FSTS, VTD_FSTS_IQE);
        bench_ring(b);
        ck_assert(bench_waited(b));
        ck_assert_uint_eq(bench_read(b, VTD_IQH), 32);
    }
}
END_TEST

START_TEST(ring_of_wide_descriptors_wraps)
{
    struct iommu_vtd_config c = bench_config();

    c.scalable = true;
    bench_init(b, &c);
    b->wide = true;
    bench_boot(b);
    for (unsigned i = 0; i < 300; i++) {
        bench_push_wait(b);
        bench_ring(b);
        ck_assert(bench_waited(b));
        ck_assert_uint_eq(bench_read(b, VTD_IQH), (i + 1) % 128 * 32);
    }
}
END_TEST

START_TEST(Q27_queue_with_a_tail_runs_as_it_is_switched_on)
{
    /* No quirk: head and tail differ, and the specification's hardware fetches then;
     * what it forbids is for software to have it so. */
    static const char *const profiles[] = { "spec", "qemu-7.2" };
    struct iommu_vtd_config c = bench_config();

    for (unsigned p = 0; p < 2; p++) {
        bench_init_as(b, &c, profiles[p]);
        b->queue = bench_page(b);
        b->status = bench_page(b);
        bench_push_wait(b);
        bench_write(b, VTD_IQA, b->queue);
        bench_ring(b);
        ck_assert(!bench_waited(b));
        bench_write(b, VTD_GCMD, VTD_GCMD_QIE);
        ck_assert(bench_waited(b));
    }
}
END_TEST

START_TEST(Q12_V22_register_requests_hang_while_the_queue_is_on)
{
    /* No quirk: the specification forbids the request and does not say that the busy
     * bit clears. */
    bench_up_as(b, "qemu-7.2");
    bench_write(b, VTD_CCMD, VTD_CCMD_ICC | VTD_CCMD_CIRG(VTD_GRAN_GLOBAL));
    bench_write(b, VTD_IOTLB, VTD_IOTLB_IVT | VTD_IOTLB_IIRG(VTD_GRAN_GLOBAL));
    ck_assert_uint_eq(b->invalidated, 0);
    ck_assert_uint_ne(bench_read(b, VTD_CCMD) & VTD_CCMD_ICC, 0);
    ck_assert_uint_ne(bench_read(b, VTD_IOTLB) & VTD_IOTLB_IVT, 0);
    ck_assert(!b->m->ops->busy(b->m));
}
END_TEST

static const char *aborted;

static void
note_abort(void *self, const char *subject, enum blame who, const char *why)
{
    (void)self;
    (void)subject;
    ck_assert_int_eq(who, BLAME_IOMMU);
    aborted = why;
}

START_TEST(wait_with_status_and_interrupt)
{
    static const char *const profiles[] = { "spec", "qemu-7.2" };
    struct iommu_vtd_config c = bench_config();

    for (unsigned p = 0; p < 2; p++) {
        bench_init_as(b, &c, profiles[p]);
        b->env.observer.aborted = note_abort;
        aborted = NULL;
        bench_boot(b);
        bench_push(b, vtd_desc_wait(VTD_DESC_WAIT_SW | VTD_DESC_WAIT_IF, b->status, 77));
        bench_ring(b);
        ck_assert_int_eq(b->env.aborted, p == 1);
        ck_assert_int_eq(aborted != NULL, p == 1);
        ck_assert_uint_eq(mem_read32le(b->env.mem, GPA(b->status)), p == 0 ? 77 : 0);
        ck_assert_uint_eq(bench_read(b, VTD_ICS), p == 0);
    }
}
END_TEST

START_TEST(status_that_cannot_be_written)
{
    static const char *const profiles[] = { "spec", "qemu-7.2" };
    for (unsigned p = 0; p < 2; p++) {
        bench_up_as(b, profiles[p]);
        b->completed = 0;
        bench_push(b, vtd_desc_wait(VTD_DESC_WAIT_SW, UINT64_C(0x7fff0000), 77));
        bench_ring(b);
        ck_assert_int_eq(queue_failed(), p == 1);
        ck_assert_uint_eq(bench_read(b, VTD_IQH), p == 1 ? 0 : 16);
        ck_assert_uint_eq(b->completed, p == 1 ? 0 : 1);
    }
}
END_TEST

START_TEST(tail_below_the_head_runs_to_the_end_of_the_ring)
{
    static const char *const profiles[] = { "spec", "qemu-7.2" };
    for (unsigned p = 0; p < 2; p++) {
        bench_up_as(b, profiles[p]);
        bench_push_wait(b);
        bench_push_wait(b);
        bench_ring(b);
        bench_write(b, VTD_IQT, 0); /* unused slots are zero: no descriptors */
        ck_assert(queue_failed());
        ck_assert_uint_eq(bench_read(b, VTD_IQH), 32);
    }
}
END_TEST

/* ---- registers ---- */

static void
queue_off(void)
{
    bench_push_wait(b);
    bench_ring(b);
    bench_write(b, VTD_GCMD, VTD_GCMD_TE);
    b->completed = 0;
}

START_TEST(register_requests_clear_the_busy_bit_and_say_what_was_done)
{
    queue_off();
    bench_write(b, VTD_CCMD, VTD_CCMD_ICC | VTD_CCMD_CIRG(VTD_GRAN_GLOBAL));
    ck_assert_uint_eq(bench_read(b, VTD_CCMD), UINT64_C(0x2800000000000000));
    bench_write(b, VTD_CCMD,
                VTD_CCMD_ICC | VTD_CCMD_CIRG(VTD_GRAN_FINE) | VTD_CCMD_FM(3) |
                    VTD_CCMD_SID(0x18));
    ck_assert_uint_eq(bench_read(b, VTD_CCMD), UINT64_C(0x7800000000000000));
    ck_assert_uint_eq(b->last.sid, 0x18);
    ck_assert_uint_eq(b->last.sid_mask, 7);
    bench_write(b, VTD_CCMD,
                VTD_CCMD_ICC | VTD_CCMD_CIRG(VTD_GRAN_DOMAIN) | VTD_CCMD_DID(9));
    ck_assert_uint_eq(bench_read(b, VTD_CCMD), UINT64_C(0x5000000000000009));
    ck_assert_uint_eq(b->last.did, 9);
    bench_write(b, VTD_IOTLB, VTD_IOTLB_IVT | VTD_IOTLB_IIRG(VTD_GRAN_GLOBAL));
    ck_assert_uint_eq(bench_read(b, VTD_IOTLB), UINT64_C(0x1200000000000000));
    ck_assert_uint_eq(b->invalidated, 4);
    ck_assert_uint_eq(b->completed, 4);
}
END_TEST

START_TEST(page_request_by_halves_takes_IVA)
{
    queue_off();
    bench_write(b, VTD_IVA, 0x12345000 | 1 | VTD_DESC_IOTLB_IH);
    ck_assert_uint_eq(bench_read(b, VTD_IVA), 0);
    iommu_mmio_write(b->m, VTD_IOTLB, 4, 0);
    ck_assert_uint_eq(b->invalidated, 0);
    iommu_mmio_write(b->m, VTD_IOTLB + 4, 4,
                     (VTD_IOTLB_IVT | VTD_IOTLB_IIRG(3) | VTD_IOTLB_DID(5)) >> 32);
    ck_assert_uint_eq(bench_read(b, VTD_IOTLB), UINT64_C(0x3600000500000000));
    ck_assert_uint_eq(b->last.first, 0x12344000);
    ck_assert_uint_eq(b->last.last, 0x12345fff);
    ck_assert(b->last.leaf_only);
}
END_TEST

START_TEST(V12_register_request_with_too_large_a_mask_does_nothing)
{
    queue_off();
    bench_write(b, VTD_IVA, 19);
    bench_write(b, VTD_IOTLB, VTD_IOTLB_IVT | VTD_IOTLB_IIRG(VTD_GRAN_FINE));
    ck_assert_uint_eq(bench_read(b, VTD_IOTLB), UINT64_C(0x3000000000000000));
    ck_assert_uint_eq(b->invalidated, 0);
    bench_write(b, VTD_IVA, 18);
    bench_write(b, VTD_IOTLB, VTD_IOTLB_IVT | VTD_IOTLB_IIRG(VTD_GRAN_FINE));
    ck_assert_uint_eq(b->invalidated, 1);
}
END_TEST

/* ---- time ---- */

static void
set_latency(enum latency_kind kind, uint64_t ns)
{
    latencies_set(&b->env.latency, kind, &DIST_CONST(ns));
}

/* Run to the end; returns when that was. */
static sim_time
drain(void)
{
    while (sim_step(b->sim)) {
    }
    return sim_now(b->sim);
}

static void
note_idle(void *self)
{
    *(sim_time *)self = sim_now(b->sim);
}

START_TEST(each_descriptor_takes_its_time)
{
    sim_time idle = 0;

    set_latency(LATENCY_QI_FETCH, 10);
    set_latency(LATENCY_INVALIDATE, 100);
    bench_push(b, vtd_desc_iotlb(VTD_GRAN_GLOBAL, 0, 0, 0, false));
    bench_push(b, vtd_desc_iotlb(VTD_GRAN_GLOBAL, 0, 0, 0, false));
    bench_push_wait(b);
    bench_ring(b);
    ck_assert(b->m->ops->busy(b->m));
    ck_assert_uint_eq(b->invalidated, 0);
    iommu_when_idle(b->m, note_idle, &idle);
    ck_assert_uint_eq(drain(), 230); /* 10 + 100, twice, and 10 for the wait */
    ck_assert_uint_eq(idle, 230);
    ck_assert(bench_waited(b));
    ck_assert(!b->m->ops->busy(b->m));
}
END_TEST

START_TEST(tail_written_meanwhile_is_followed)
{
    set_latency(LATENCY_QI_FETCH, 10);
    bench_push_wait(b);
    bench_ring(b);
    bench_push_wait(b);
    bench_ring(b);
    ck_assert_uint_eq(drain(), 20);
    ck_assert(bench_waited(b));
}
END_TEST

START_TEST(V20_bad_tail_written_meanwhile_stops_the_queue)
{
    set_latency(LATENCY_QI_FETCH, 10);
    bench_push(b, vtd_desc_iotlb(VTD_GRAN_GLOBAL, 0, 0, 0, false));
    bench_push_wait(b);
    bench_ring(b);
    bench_write(b, VTD_IQT, 4096);
    drain();
    ck_assert(queue_failed());
    ck_assert_uint_eq(b->invalidated, 0);
    ck_assert(!bench_waited(b));
    ck_assert(!b->m->ops->busy(b->m));
    bench_write(b, VTD_FSTS, VTD_FSTS_IQE);
    bench_ring(b);
    drain();
    ck_assert(bench_waited(b));
}
END_TEST

START_TEST(V20_clearing_the_error_alone_does_not_start_the_queue_again)
{
    set_latency(LATENCY_QI_FETCH, 10);
    bench_push(b, vtd_desc_iotlb(VTD_GRAN_GLOBAL, 0, 0, 0, false));
    bench_push_wait(b);
    bench_ring(b);
    bench_write(b, VTD_IQT, 4096);
    bench_write(b, VTD_FSTS, VTD_FSTS_IQE); /* before the fetch that was under way */
    drain();
    ck_assert_uint_eq(bench_read(b, VTD_IQH), 0);
    ck_assert(!queue_failed());
    ck_assert_uint_eq(b->invalidated, 0);
    bench_ring(b);
    drain();
    ck_assert(bench_waited(b));
}
END_TEST

START_TEST(notifications_delay_what_follows)
{
    static struct listener ear;

    uint64_t table = bench_attached(b, SID_A, 1, 4);
    listener_start(&ear, b, SID_A, NOTIFY_MAP | NOTIFY_UNMAP, true);
    set_latency(LATENCY_NOTIFY, 7);
    for (uint64_t p = 0; p < 3; p++) {
        bench_map(b, table, p << 12, 0x20000 | RW);
    }
    sim_charge(b->sim, 1000); /* somebody else's */
    bench_push(b, vtd_desc_iotlb(VTD_GRAN_DOMAIN, 1, 0, 0, false));
    bench_push_wait(b);
    bench_ring(b);
    ck_assert_uint_eq(ear.maps, 3);
    ck_assert(!bench_waited(b));
    ck_assert_uint_eq(sim_take_charge(b->sim), 1000);
    ck_assert_uint_eq(drain(), 21);
    ck_assert(bench_waited(b));
}
END_TEST

START_TEST(register_request_takes_its_time)
{
    queue_off();
    set_latency(LATENCY_INVALIDATE, 100);
    bench_write(b, VTD_IOTLB, VTD_IOTLB_IVT | VTD_IOTLB_IIRG(VTD_GRAN_GLOBAL));
    bench_write(b, VTD_IOTLB, 0); /* busy: dropped */
    bench_write(b, VTD_IOTLB, VTD_IOTLB_IVT | VTD_IOTLB_IIRG(VTD_GRAN_DOMAIN));
    const unsigned before = b->invalidated;
    ck_assert_uint_eq(bench_read(b, VTD_IOTLB),
                      VTD_IOTLB_IVT | VTD_IOTLB_IIRG(VTD_GRAN_GLOBAL));
    ck_assert(b->m->ops->busy(b->m));
    ck_assert_uint_eq(drain(), 100);
    ck_assert_uint_eq(b->invalidated, before + 1);
    ck_assert_uint_eq(bench_read(b, VTD_IOTLB), UINT64_C(0x1200000000000000));
    ck_assert_uint_eq(b->completed, 1);
    ck_assert(!b->m->ops->busy(b->m));
}
END_TEST

START_TEST(reset_voids_what_was_under_way)
{
    sim_time idle = UINT64_MAX;

    set_latency(LATENCY_QI_FETCH, 10);
    bench_push_wait(b);
    bench_ring(b);
    iommu_when_idle(b->m, note_idle, &idle);
    b->m->ops->reset(b->m);
    ck_assert_uint_eq(idle, 0);
    drain();
    ck_assert(!bench_waited(b));
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("vtd_queue");
    TCase *tc = tcase_create("commands");

    tcase_add_checked_fixture(tc, bench_setup, bench_teardown);
    tcase_add_test(tc, descriptors_are_executed_and_told);
    tcase_add_test(tc, ring_wraps_at_its_size);
    tcase_add_test(tc, queue_of_another_size);
    tcase_add_test(tc, fence_alone_tells_nobody);
    tcase_add_loop_test(tc, V17_queue_stops_at_a_bad_descriptor_and_resumes_once_mended,
                        0, (int)(sizeof(bad) / sizeof(bad[0])));
    tcase_add_test(tc, unreadable_queue_is_a_fetch_error);
    tcase_add_test(tc, V18_wait_status_comes_after_the_effects);
    tcase_add_test(tc, V19_wait_interrupt_once_until_cleared);
    tcase_add_test(tc, V20_tail_beyond_the_queue_is_an_error_and_nothing_runs);
    tcase_add_test(tc, V21_queue_stops_only_empty_and_after_a_wait);
    tcase_add_test(tc, V22_register_requests_are_ignored_while_the_queue_is_on);
    tcase_add_test(tc, V20_Q24_tail_between_wide_descriptors);
    tcase_add_test(tc, ring_of_wide_descriptors_wraps);
    tcase_add_test(tc, Q27_queue_with_a_tail_runs_as_it_is_switched_on);
    tcase_add_test(tc, Q12_V22_register_requests_hang_while_the_queue_is_on);
    tcase_add_test(tc, wait_with_status_and_interrupt);
    tcase_add_test(tc, status_that_cannot_be_written);
    tcase_add_test(tc, tail_below_the_head_runs_to_the_end_of_the_ring);
    tcase_add_test(tc, register_requests_clear_the_busy_bit_and_say_what_was_done);
    tcase_add_test(tc, page_request_by_halves_takes_IVA);
    tcase_add_test(tc, V12_register_request_with_too_large_a_mask_does_nothing);
    tcase_add_test(tc, each_descriptor_takes_its_time);
    tcase_add_test(tc, tail_written_meanwhile_is_followed);
    tcase_add_test(tc, V20_bad_tail_written_meanwhile_stops_the_queue);
    tcase_add_test(tc, V20_clearing_the_error_alone_does_not_start_the_queue_again);
    tcase_add_test(tc, notifications_delay_what_follows);
    tcase_add_test(tc, register_request_takes_its_time);
    tcase_add_test(tc, reset_voids_what_was_under_way);
    suite_add_tcase(s, tc);
    return s;
}
