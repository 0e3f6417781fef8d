/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_queue.h. */
#include "iommu/vtd_queue.h"

#include "iommu/vtd_desc.h"
#include "iommu/vtd_devtlb.h"
#include "iommu/vtd_fault.h"
#include "iommu/vtd_inval.h"
#include "notify/notify.h"

static uint64_t
head_of(const struct vtd *v)
{
    return vtd_get64(v, VTD_IQH);
}

static bool
is_empty(const struct vtd *v)
{
    return head_of(v) == v->queue.tail;
}

static bool
has_status(const struct vtd *v, uint64_t bits)
{
    return (vtd_get32(v, VTD_FSTS) & bits) != 0;
}

static bool
is_wide(const struct vtd *v)
{
    return vtd_desc_bytes(v) != VTD_DESC_BYTES;
}

bool
vtd_queue_may_stop(const struct vtd *v)
{
    return v->queue.stage == VTD_QUEUE_IDLE && is_empty(v) && v->queue.last_was_wait;
}

/* ---- execution ---- */

static void
trace_descriptor(const struct vtd *v, const struct vtd_desc *d)
{
    struct trace_rec r;

    if (!vtd_wants(v, TE_DESCRIPTOR)) {
        return;
    }
    vtd_trace_begin(v, &r, TE_DESCRIPTOR);
    trace_text(&r, TF_KIND, v->queue.kind != NULL ? v->queue.kind->name : "unknown");
    trace_u64(&r, TF_INDEX, head_of(v) / vtd_desc_bytes(v));
    trace_u64(&r, TF_LO, d->lo);
    trace_u64(&r, TF_HI, d->hi);
    trace_emit(v->base.env->trace, &r);
}

static void
trace_wait_done(const struct vtd *v, const struct vtd_desc *d)
{
    struct trace_rec r;

    if (!vtd_wants(v, TE_WAIT_DONE)) {
        return;
    }
    vtd_trace_begin(v, &r, TE_WAIT_DONE);
    if ((d->lo & VTD_DESC_WAIT_SW) != 0) {
        trace_u64(&r, TF_ADDR, d->hi);
        trace_u64(&r, TF_VALUE, d->lo >> 32);
    }
    trace_emit(v->base.env->trace, &r);
}

/*
 * Everything before is done, and nothing that follows was begun: a fence is no more.
 * False if the status could not be written and that counts.
 */
static bool
wait(struct vtd *v, const struct vtd_desc *d)
{
    const uint64_t told = VTD_DESC_WAIT_SW | VTD_DESC_WAIT_IF;

    if ((d->lo & told) == told && env_quirk(v->base.env, QUIRK_VTD_ASSERT_WAIT)) {
        env_abort(v->base.env, v->base.id, BLAME_IOMMU, "wait-with-status-and-interrupt");
        return true;
    }
    if ((d->lo & VTD_DESC_WAIT_SW) != 0 &&
        !mem_write32le(v->base.env->mem, GPA(d->hi), (uint32_t)(d->lo >> 32)) &&
        env_quirk(v->base.env, QUIRK_VTD_STATUS_CHECKED)) {
        return false;
    }
    if ((d->lo & told) != 0) {
        trace_wait_done(v, d);
        observe(v->base.env, completed, &v->base);
    }
    if ((d->lo & VTD_DESC_WAIT_IF) != 0) {
        vtd_fault_wait_interrupt(v);
    }
    return true;
}

static void
iotlb(struct vtd *v, const struct vtd_desc *d)
{
    vtd_inval_iotlb(v, (enum vtd_gran)vtd_desc_gran(d->lo), vtd_desc_did(d->lo), d->hi,
                    ((d->lo & VTD_DESC_IOTLB_DR) != 0 ? PERM_R : 0U) |
                        ((d->lo & VTD_DESC_IOTLB_DW) != 0 ? PERM_W : 0U));
}

/* False if the queue has to stop at it. */
static bool
execute(struct vtd *v, const struct vtd_desc *d)
{
    if (v->queue.kind->ignored) {
        vtd_inval_ignored(v, v->queue.kind->type, d->lo, d->hi);
        return true;
    }
    switch (v->queue.kind->type) {
    case VTD_DESC_CONTEXT:
        vtd_inval_context(v, (enum vtd_gran)vtd_desc_gran(d->lo), vtd_desc_did(d->lo),
                          vtd_desc_sid(d->lo), vtd_desc_fm(d->lo));
        break;
    case VTD_DESC_IOTLB:
        iotlb(v, d);
        break;
    case VTD_DESC_DEV_IOTLB:
        vtd_inval_dev_iotlb(v, d->lo, d->hi);
        break;
    case VTD_DESC_IEC:
        vtd_inval_iec(v, d->lo);
        break;
    case VTD_DESC_WAIT:
        return wait(v, d);
    case VTD_DESC_PASID_IOTLB:
        vtd_inval_pasid_iotlb(v, d->lo, d->hi);
        break;
    case VTD_DESC_PASID_CACHE:
        vtd_inval_pasid_cache(v, d->lo);
        break;
    case VTD_DESC_PASID_DEV_IOTLB:
        vtd_inval_pasid_dev_iotlb(v, d->lo, d->hi);
        break;
    case VTD_DESC_PAGE_RESPONSE:
        break;
    }
    return true;
}

/* ---- what a descriptor has to wait for ---- */

static bool
is_wait(const struct vtd *v)
{
    return v->queue.last_was_wait;
}

static bool
is_for_device(const struct vtd *v)
{
    return v->queue.kind->type == VTD_DESC_DEV_IOTLB ||
           v->queue.kind->type == VTD_DESC_PASID_DEV_IOTLB;
}

static uint16_t
device_of(const struct vtd *v)
{
    const uint64_t lo = v->queue.desc.lo;

    return v->queue.kind->type == VTD_DESC_DEV_IOTLB ? vtd_desc_sid(lo)
                                                     : vtd_desc_pdevtlb_sid(lo);
}

/* How many requests the device takes at a time: MIP, where 0 stands for 32. */
static unsigned
most_pending(const struct vtd *v)
{
    const uint64_t lo = v->queue.desc.lo;
    const unsigned mip =
        (v->queue.kind->type == VTD_DESC_DEV_IOTLB ? lo >> 16 : lo >> 4) & 31;

    return mip == 0 ? 32 : mip;
}

/* A wait is for every device; a request to a device that has enough must wait, too. */
static bool
needs_device(const struct vtd *v)
{
    if (is_wait(v)) {
        return vtd_devtlb_pending(v) != 0;
    }
    return is_for_device(v) && vtd_devtlb_pending_of(v, device_of(v)) >= most_pending(v);
}

/* ---- the ring ---- */

static enum vtd_iqei
fetch(struct vtd *v)
{
    struct vtd_queue *q = &v->queue;
    const bool wide = is_wide(v);
    uint64_t w[4] = { 0 };

    q->kind = NULL;
    q->last_was_wait = false;
    if (!mem_read_words(v->base.env->mem, GPA(q->base + head_of(v)), w, wide ? 4 : 2)) {
        return VTD_IQEI_FETCH;
    }
    q->desc = (struct vtd_desc){ .lo = w[0], .hi = w[1], .upper = { w[2], w[3] } };
    q->kind = vtd_desc_kind(v, q->desc.lo);
    q->last_was_wait = q->kind != NULL && q->kind->type == VTD_DESC_WAIT;
    trace_descriptor(v, &q->desc);
    return vtd_desc_check(v, q->kind, &q->desc, wide);
}

/* Go to stage `next`; returns how long it takes to get there. */
static sim_time
stage_is(struct vtd *v, enum vtd_stage next, sim_time delay)
{
    v->queue.stage = next;
    return delay;
}

static sim_time
fail(struct vtd *v, enum vtd_iqei why)
{
    v->queue.stopped = true;
    vtd_fault_queue(v, why);
    return stage_is(v, VTD_QUEUE_IDLE, 0);
}

static sim_time
step_fetch(struct vtd *v)
{
    if (v->queue.stopped || has_status(v, VTD_FSTS_ITE)) {
        return stage_is(v, VTD_QUEUE_IDLE, 0);
    }
    enum vtd_iqei bad = fetch(v);
    if (bad != VTD_IQEI_NONE) {
        return fail(v, bad);
    }
    return stage_is(v, VTD_QUEUE_EXECUTE,
                    is_wait(v) ? 0
                               : latency_draw(&v->base.env->latency, LATENCY_INVALIDATE));
}

/* A device takes its time while the queue goes on; other notifications hold it up. */
static sim_time
send(struct vtd *v, sim_time cost)
{
    const enum completion answer = notify_take_answer(v->base.env);

    if (!is_for_device(v) || env_quirk(v->base.env, QUIRK_VTD_SYNC_DEVICE_TLB)) {
        return cost;
    }
    vtd_devtlb_sent(v, device_of(v), cost, answer);
    return 0;
}

/* What others charged before is not this descriptor's. */
static sim_time
step_execute(struct vtd *v)
{
    struct sim *sim = v->base.env->sim;

    if (needs_device(v)) {
        return stage_is(v, VTD_QUEUE_HOLD, 0);
    }
    if (is_wait(v) && v->drained > sim_now(sim)) {
        return stage_is(v, VTD_QUEUE_EXECUTE, v->drained - sim_now(sim));
    }
    const sim_time before = sim_take_charge(sim);
    const bool done = execute(v, &v->queue.desc);
    const sim_time cost = send(v, sim_take_charge(sim));

    sim_charge(sim, before);
    return done ? stage_is(v, VTD_QUEUE_RETIRE, cost) : fail(v, VTD_IQEI_NONE);
}

static void
advance(struct vtd *v)
{
    const uint64_t next = head_of(v) + vtd_desc_bytes(v);

    vtd_set64(v, VTD_IQH, next < v->queue.bytes ? next : 0);
}

static sim_time
step_retire(struct vtd *v)
{
    advance(v);
    if (is_empty(v)) {
        return stage_is(v, VTD_QUEUE_IDLE, 0);
    }
    return stage_is(v, VTD_QUEUE_FETCH,
                    latency_draw(&v->base.env->latency, LATENCY_QI_FETCH));
}

static sim_time
step(struct vtd *v)
{
    switch (v->queue.stage) {
    case VTD_QUEUE_FETCH:
        return step_fetch(v);
    case VTD_QUEUE_EXECUTE:
        return step_execute(v);
    case VTD_QUEUE_RETIRE:
        return step_retire(v);
    case VTD_QUEUE_HOLD:
    case VTD_QUEUE_IDLE:
        break;
    }
    return 0;
}

static void run(void *self, uint64_t epoch);

/* Let `delay` pass, then go on. */
static void
run_after(struct vtd *v, sim_time delay)
{
    sim_at(v->base.env->sim, sim_now(v->base.env->sim) + delay, run, v, v->epoch);
}

static void
run(void *self, uint64_t epoch)
{
    struct vtd *v = self;

    if (epoch != v->epoch) {
        return;
    }
    while (v->queue.stage != VTD_QUEUE_IDLE) {
        sim_time delay = step(v);
        if (epoch != v->epoch || v->queue.stage == VTD_QUEUE_HOLD) {
            return;
        }
        if (delay != 0) {
            run_after(v, delay);
            return;
        }
    }
    iommu_idle(&v->base);
}

/* Begin where the head is, if the queue may run and is not running. */
static void
start(struct vtd *v)
{
    if (!vtd_is_on(v, VTD_GCMD_QIE) || v->queue.stopped || is_empty(v) ||
        v->queue.stage != VTD_QUEUE_IDLE || has_status(v, VTD_FSTS_IQE | VTD_FSTS_ITE)) {
        return;
    }
    sim_time delay = latency_draw(&v->base.env->latency, LATENCY_QI_FETCH);
    v->queue.stage = VTD_QUEUE_FETCH;
    if (delay != 0) {
        run_after(v, delay);
    } else {
        run(v, v->epoch);
    }
}

static bool
is_tail_aligned(const struct vtd *v, uint64_t tail)
{
    return tail % vtd_desc_bytes(v) == 0;
}

/* There is a new tail, or a queue to go with it. */
static inline void
kick(struct vtd *v)
{
    if (!vtd_is_on(v, VTD_GCMD_QIE) || has_status(v, VTD_FSTS_IQE)) {
        return;
    }
    if (!is_tail_aligned(v, v->queue.tail) || v->queue.tail >= v->queue.bytes) {
        v->queue.stopped = true;
        vtd_fault_queue(v, is_tail_aligned(v, v->queue.tail) ? VTD_IQEI_TAIL
                                                             : VTD_IQEI_ALIGN);
        return;
    }
    v->queue.stopped = false;
    start(v);
}

void
vtd_queue_tail_written(struct vtd *v)
{
    const uint64_t tail = vtd_get64(v, VTD_IQT);

    if (!is_tail_aligned(v, tail) &&
        env_quirk(v->base.env, QUIRK_VTD_IQT_ALIGN_IGNORED)) {
        return;
    }
    v->queue.tail = tail;
    kick(v);
}

void
vtd_queue_switched_on(struct vtd *v)
{
    const uint64_t iqa = vtd_get64(v, VTD_IQA);

    v->queue.base = iqa & VTD_IQA_BASE;
    v->queue.bytes = vtd_queue_bytes(iqa);
    kick(v);
}

void
vtd_queue_resume(struct vtd *v)
{
    if (v->queue.stage == VTD_QUEUE_HOLD) {
        v->queue.stage = VTD_QUEUE_EXECUTE;
        run(v, v->epoch);
    }
}

void
vtd_queue_timeout_cleared(struct vtd *v)
{
    start(v);
}

static void
trace_wait_aborted(const struct vtd *v)
{
    struct trace_rec r;

    if (vtd_wants(v, TE_WAIT_ABORTED)) {
        vtd_trace_begin(v, &r, TE_WAIT_ABORTED);
        trace_u64(&r, TF_INDEX, head_of(v) / vtd_desc_bytes(v));
        trace_emit(v->base.env->trace, &r);
    }
}

void
vtd_queue_abort_wait(struct vtd *v)
{
    if (v->queue.stage == VTD_QUEUE_HOLD && is_wait(v)) {
        trace_wait_aborted(v);
        advance(v);
        v->queue.stage = VTD_QUEUE_IDLE;
        iommu_idle(&v->base);
    }
}

void
vtd_queue_reset(struct vtd *v)
{
    vtd_devtlb_reset(v);
    v->queue = (struct vtd_queue){ .stage = VTD_QUEUE_IDLE };
    v->in_flight[0] = v->in_flight[1] = v->drained = 0;
}
