/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Intel VT-d in legacy mode: making and freeing it, one translation, reset. See
 * vtd.h for the rest of the map.
 *
 * What may be cached is cached as long as the specification allows: an entry is used
 * until an invalidation drops it, with caching mode also one that says that there is
 * nothing. Only a hit without the permission asked for is walked anew, since software
 * may raise a permission without invalidating.
 */
#include "iommu/vtd.h"

#include <assert.h>
#include <stdlib.h>

#include "iommu/vtd_caches.h"
#include "iommu/vtd_fault.h"
#include "iommu/vtd_notify.h"
#include "iommu/vtd_regs.h"
#include "iommu/vtd_walk.h"

/* ---- translation ---- */

static void
answer(const struct iommu_request *q, uint64_t first, unsigned lg2, uint64_t target,
       enum perm perm, struct xlate *out)
{
    *out = (struct xlate){
        .gpa = GPA(target + (q->iova - first)),
        .first = first,
        .last = first + ((UINT64_C(1) << lg2) - 1),
        .perm = perm,
    };
}

static void
answer_identity(const struct iommu_request *q, struct xlate *out)
{
    uint64_t page = align_down(q->iova, PAGE_LG2);

    answer(q, page, PAGE_LG2, page, PERM_RW, out);
}

/* The tables' answer, which the IOTLB remembers where it may. */
static enum vtd_fault
walk(struct vtd *v, const struct iommu_request *q, const struct vtd_context *c,
     struct vtd_cached *e)
{
    const uint16_t did = vtd_ctx_did(c->entry.hi);
    struct vtd_page page;
    enum vtd_fault fault = vtd_walk(v, c, q->sid, q->iova, q->access, &page);

    *e = (struct vtd_cached){ .did = did, .key = did, .fault = (uint8_t)fault };
    if (fault == VTD_FAULT_NONE) {
        e->tag = page.first;
        e->lo = page.target;
        e->level = (uint8_t)page.level;
        e->perm = (uint8_t)page.perm;
        vtd_caches_put_page(v, q->sid, e);
    } else if (page.perm == PERM_NONE && v->cfg.caching_mode) {
        e->tag = align_down(q->iova, PAGE_LG2);
        e->level = 1;
        vtd_caches_put_page(v, q->sid, e);
    }
    return fault;
}

/* What kind of access a cached hole refuses is that of the request at hand. */
static enum vtd_fault
fault_of_hole(const struct vtd_cached *e, enum perm access)
{
    if (e->fault == VTD_FAULT_READ || e->fault == VTD_FAULT_WRITE) {
        return access == PERM_W ? VTD_FAULT_WRITE : VTD_FAULT_READ;
    }
    return (enum vtd_fault)e->fault;
}

/* A hit that lacks the permission: the walk's answer takes its place, if it has one. */
static enum vtd_fault
walk_again(struct vtd *v, const struct iommu_request *q, const struct vtd_context *c,
           const struct vtd_cached *hit, struct vtd_cached *walked)
{
    const struct vtd_cached old = *hit;
    enum vtd_fault fault = walk(v, q, c, walked);

    if (fault == VTD_FAULT_NONE && walked->level != old.level) {
        vtd_cache_drop(&v->iotlb, old.key, old.level, old.tag);
    }
    return fault;
}

static enum vtd_fault
translate_page(struct vtd *v, const struct iommu_request *q, const struct vtd_context *c,
               struct xlate *out)
{
    const struct vtd_cached *hit = vtd_caches_page(v, vtd_ctx_did(c->entry.hi), q->iova);
    struct vtd_cached walked;
    enum vtd_fault fault = VTD_FAULT_NONE;

    if (hit == NULL) {
        fault = walk(v, q, c, &walked);
        hit = &walked;
    } else {
        vtd_caches_trace_hit(v, q->sid, hit);
        if (hit->fault != VTD_FAULT_NONE) {
            fault = fault_of_hole(hit, q->access);
        } else if ((hit->perm & q->access) == 0) {
            fault = walk_again(v, q, c, hit, &walked);
            hit = &walked;
        }
    }
    if (fault == VTD_FAULT_NONE) {
        answer(q, hit->tag, vtd_ss_span_lg2(hit->level), hit->lo, (enum perm)hit->perm,
               out);
    }
    return fault;
}

static enum xlate_result
vtd_translate(struct iommu *m, const struct iommu_request *q, struct xlate *out)
{
    struct vtd *v = vtd_of(m);

    if (!vtd_is_on(v, VTD_GCMD_TE)) {
        answer_identity(q, out);
        return XLATE_OK;
    }
    if (vtd_is_interrupt(q->iova)) { /* not for memory, and no fault */
        return XLATE_FAULT;
    }
    struct vtd_context c = vtd_caches_context(v, q->sid);
    enum vtd_fault fault = c.fault;
    if (vtd_context_passes(&c)) {
        answer_identity(q, out);
        vtd_notify_passed(v, q->sid);
    } else if (fault == VTD_FAULT_NONE) {
        fault = q->iova >> vtd_context_width(v, &c) != 0 ? VTD_FAULT_ADDR
                                                         : translate_page(v, q, &c, out);
    }
    if (fault != VTD_FAULT_NONE) {
        vtd_fault_raise(v, fault, q, (c.entry.lo & VTD_CTX_FPD) != 0);
        return XLATE_FAULT;
    }
    return XLATE_OK;
}

/* ---- the rest of the ops ---- */

static struct space *
vtd_attach(struct iommu *m, uint16_t sid, const char *device, struct err *e)
{
    (void)e;
    return vtd_space_attach(vtd_of(m), sid, device);
}

/* The space, its tree and what is cached for it outlive the device. */
static void
vtd_detach(struct iommu *m, uint16_t sid)
{
    (void)m;
    (void)sid;
}

static void
vtd_reset(struct iommu *m)
{
    struct vtd *v = vtd_of(m);
    struct trace_rec r;

    if (vtd_wants(v, TE_RESET)) {
        vtd_trace_begin(v, &r, TE_RESET);
        trace_emit(m->env->trace, &r);
    }
    v->epoch++;
    v->queue = (struct vtd_queue){ .stage = VTD_QUEUE_IDLE };
    v->requests = 0;
    vtd_regs_reset(v);
    vtd_caches_drop_all(v);
    vtd_notify_switch(v);
    observe(m->env, switched, m);
    iommu_idle(m);
}

static void
vtd_dump_caches(const struct iommu *m)
{
    vtd_caches_dump(vtd_of_const(m));
}

static uint64_t
vtd_faults(const struct iommu *m)
{
    return vtd_of_const(m)->faults;
}

static bool
vtd_busy(const struct iommu *m)
{
    const struct vtd *v = vtd_of_const(m);

    return v->queue.stage != VTD_QUEUE_IDLE || v->requests != 0;
}

static void
vtd_roots(const struct iommu *m, struct iommu_roots *out)
{
    const struct vtd *v = vtd_of_const(m);

    *out = (struct iommu_roots){
        .translation = vtd_is_on(v, VTD_GCMD_TE),
        .root_table = v->root,
        .ttm = v->ttm,
        .aw_bits = v->cfg.aw_bits,
        .caching_mode = v->cfg.caching_mode,
        .pass_through = v->cfg.pass_through,
        .superpages = v->limits.superpages,
        .snoop = v->limits.snoop,
    };
}

static void
vtd_free(struct iommu *m)
{
    struct vtd *v = vtd_of(m);

    vtd_spaces_free(v);
    vtd_caches_fini(v);
    free(v);
}

static const struct iommu_ops vtd_ops = {
    .kind = IOMMU_KIND_VTD,
    .free = vtd_free,
    .attach = vtd_attach,
    .detach = vtd_detach,
    .translate = vtd_translate,
    .reset = vtd_reset,
    .dump_caches = vtd_dump_caches,
    .faults = vtd_faults,
    .mmio_read = vtd_mmio_read,
    .mmio_write = vtd_mmio_write,
    .reg_by_name = vtd_reg_by_name,
    .busy = vtd_busy,
    .roots = vtd_roots,
};

struct iommu *
vtd_new(const struct iommu_vtd_config *c, struct env *env)
{
    struct vtd *v = xcalloc(1, sizeof(*v));

    assert(c->aw_bits == 39 || c->aw_bits == 48 || c->aw_bits == 57);
    assert(c->mamv < 52);
    assert(c->fault_records >= 1 && c->fault_records <= VTD_FRCD_MAX);
    v->base = (struct iommu){ .ops = &vtd_ops, .id = c->id, .env = env };
    v->cfg = *c;
    v->limits = (struct vtd_ss_limits){ .haw = c->aw_bits, .superpages = c->superpages };
    v->reserved = vtd_ss_masks(&v->limits);
    vtd_regs_reset(v);
    vtd_caches_init(v);
    return &v->base;
}
