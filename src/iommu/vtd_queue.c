/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_queue.h. */
#include "iommu/vtd_queue.h"

#include <endian.h>

#include "iommu/vtd_fault.h"
#include "iommu/vtd_inval.h"

static uint64_t
head_of(const struct vtd *v)
{
    return vtd_get64(v, VTD_IQH);
}

static bool
is_empty(const struct vtd *v)
{
    return head_of(v) == vtd_get64(v, VTD_IQT);
}

static bool
has_failed(const struct vtd *v)
{
    return (vtd_get32(v, VTD_FSTS) & VTD_FSTS_IQE) != 0;
}

bool
vtd_queue_may_stop(const struct vtd *v)
{
    return v->queue.stage == VTD_QUEUE_IDLE && is_empty(v) && v->queue.last_was_wait;
}

/* ---- checks ---- */

static enum vtd_iqei
check_gran(const struct vtd_pair *d)
{
    return vtd_desc_gran(d->lo) == 0 ? VTD_IQEI_RESERVED : VTD_IQEI_NONE;
}

static enum vtd_iqei
check_iotlb(const struct vtd *v, const struct vtd_pair *d)
{
    if (vtd_desc_gran(d->lo) == VTD_GRAN_FINE && vtd_desc_am(d->hi) > v->cfg.mamv) {
        return VTD_IQEI_RESERVED;
    }
    return check_gran(d);
}

static enum vtd_iqei
check(const struct vtd *v, const struct vtd_pair *d)
{
    static const struct vtd_pair reserved[] = {
        [VTD_DESC_CONTEXT] = { VTD_DESC_CONTEXT_LO_RSVD, VTD_DESC_CONTEXT_HI_RSVD },
        [VTD_DESC_IOTLB] = { VTD_DESC_IOTLB_LO_RSVD, VTD_DESC_IOTLB_HI_RSVD },
        [VTD_DESC_IEC] = { VTD_DESC_IEC_LO_RSVD, VTD_DESC_IEC_HI_RSVD },
        [VTD_DESC_WAIT] = { VTD_DESC_WAIT_LO_RSVD, VTD_DESC_WAIT_HI_RSVD },
    };
    const unsigned type = vtd_desc_type(d->lo);

    if (type < VTD_DESC_CONTEXT || type > VTD_DESC_WAIT || type == VTD_DESC_DEV_IOTLB) {
        return VTD_IQEI_TYPE;
    }
    if ((d->lo & reserved[type].lo) != 0 || (d->hi & reserved[type].hi) != 0) {
        return VTD_IQEI_RESERVED;
    }
    switch (type) {
    case VTD_DESC_CONTEXT:
        return check_gran(d);
    case VTD_DESC_IOTLB:
        return check_iotlb(v, d);
    case VTD_DESC_WAIT:
        return (d->lo & VTD_DESC_WAIT_ANY) == 0 ? VTD_IQEI_RESERVED : VTD_IQEI_NONE;
    default:
        return VTD_IQEI_NONE;
    }
}

/* ---- execution ---- */

static void
trace_descriptor(const struct vtd *v, const struct vtd_pair *d)
{
    static const char *const names[] = {
        [VTD_DESC_CONTEXT] = "context",     [VTD_DESC_IOTLB] = "iotlb",
        [VTD_DESC_DEV_IOTLB] = "dev-iotlb", [VTD_DESC_IEC] = "iec",
        [VTD_DESC_WAIT] = "wait",
    };
    const unsigned type = vtd_desc_type(d->lo);
    struct trace_rec r;

    if (!vtd_wants(v, TE_DESCRIPTOR)) {
        return;
    }
    vtd_trace_begin(v, &r, TE_DESCRIPTOR);
    trace_text(&r, TF_KIND,
               type >= VTD_DESC_CONTEXT && type <= VTD_DESC_WAIT ? names[type]
                                                                 : "unknown");
    trace_u64(&r, TF_INDEX, head_of(v) / VTD_DESC_BYTES);
    trace_u64(&r, TF_LO, d->lo);
    trace_u64(&r, TF_HI, d->hi);
    trace_emit(v->base.env->trace, &r);
}

static void
trace_wait_done(const struct vtd *v, const struct vtd_pair *d)
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

/* Everything before is done, and descriptors are executed one by one: a fence is no more.
 */
static void
wait(struct vtd *v, const struct vtd_pair *d)
{
    if ((d->lo & VTD_DESC_WAIT_SW) != 0) {
        mem_write32le(v->base.env->mem, GPA(d->hi), (uint32_t)(d->lo >> 32));
    }
    if ((d->lo & (VTD_DESC_WAIT_SW | VTD_DESC_WAIT_IF)) != 0) {
        trace_wait_done(v, d);
        observe(v->base.env, completed, &v->base);
    }
    if ((d->lo & VTD_DESC_WAIT_IF) != 0) {
        vtd_fault_wait_interrupt(v);
    }
}

static void
execute(struct vtd *v, const struct vtd_pair *d)
{
    const enum vtd_gran g = (enum vtd_gran)vtd_desc_gran(d->lo);
    const uint16_t did = vtd_desc_did(d->lo);

    switch (vtd_desc_type(d->lo)) {
    case VTD_DESC_CONTEXT:
        vtd_inval_context(v, g, did, vtd_desc_sid(d->lo), vtd_desc_fm(d->lo));
        break;
    case VTD_DESC_IOTLB:
        vtd_inval_iotlb(v, g, did, d->hi);
        break;
    case VTD_DESC_IEC:
        vtd_inval_iec(v, d->lo);
        break;
    case VTD_DESC_WAIT:
        wait(v, d);
        break;
    }
}

/* ---- the ring ---- */

static enum vtd_iqei
fetch(struct vtd *v)
{
    struct vtd_pair *d = &v->queue.desc;
    gpa_t at = GPA((vtd_get64(v, VTD_IQA) & VTD_IQA_BASE) + head_of(v));
    uint64_t words[2];

    if (!mem_read(v->base.env->mem, at, words, sizeof(words))) {
        return VTD_IQEI_FETCH;
    }
    *d = (struct vtd_pair){ le64toh(words[0]), le64toh(words[1]) };
    v->queue.last_was_wait = vtd_desc_type(d->lo) == VTD_DESC_WAIT;
    trace_descriptor(v, d);
    return check(v, d);
}

/* Go to stage `next`; returns how long it takes to get there. */
static sim_time
stage_is(struct vtd *v, enum vtd_stage next, sim_time delay)
{
    v->queue.stage = next;
    return delay;
}

static sim_time
step_fetch(struct vtd *v)
{
    if (v->queue.stopped) {
        return stage_is(v, VTD_QUEUE_IDLE, 0);
    }
    enum vtd_iqei bad = fetch(v);
    if (bad != VTD_IQEI_NONE) {
        vtd_fault_queue(v, bad);
        return stage_is(v, VTD_QUEUE_IDLE, 0);
    }
    return stage_is(v, VTD_QUEUE_EXECUTE,
                    v->queue.last_was_wait
                        ? 0
                        : latency_draw(&v->base.env->latency, LATENCY_INVALIDATE));
}

/* What others charged before is not this descriptor's. */
static sim_time
step_execute(struct vtd *v)
{
    struct sim *sim = v->base.env->sim;
    sim_time before = sim_take_charge(sim);

    execute(v, &v->queue.desc);
    sim_time cost = sim_take_charge(sim);
    sim_charge(sim, before);
    return stage_is(v, VTD_QUEUE_RETIRE, cost);
}

static sim_time
step_retire(struct vtd *v)
{
    uint64_t next = head_of(v) + VTD_DESC_BYTES;

    vtd_set64(v, VTD_IQH, next < vtd_queue_bytes(vtd_get64(v, VTD_IQA)) ? next : 0);
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
        if (epoch != v->epoch) {
            return;
        }
        if (delay != 0) {
            run_after(v, delay);
            return;
        }
    }
    iommu_idle(&v->base);
}

void
vtd_queue_kick(struct vtd *v)
{
    if (!vtd_is_on(v, VTD_GCMD_QIE) || has_failed(v)) {
        return;
    }
    if (vtd_get64(v, VTD_IQT) >= vtd_queue_bytes(vtd_get64(v, VTD_IQA))) {
        v->queue.stopped = true;
        vtd_fault_queue(v, VTD_IQEI_TAIL);
        return;
    }
    v->queue.stopped = false;
    if (v->queue.stage != VTD_QUEUE_IDLE || is_empty(v)) {
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
