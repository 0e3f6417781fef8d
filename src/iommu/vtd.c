/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Intel VT-d: making and freeing a unit, reset, what the checker may know. See vtd.h
 * for the rest of the map.
 */
#include "iommu/vtd.h"

#include <assert.h>
#include <stdlib.h>

#include "iommu/vtd_caches.h"
#include "iommu/vtd_devtlb.h"
#include "iommu/vtd_late.h"
#include "iommu/vtd_notify.h"
#include "iommu/vtd_queue.h"
#include "iommu/vtd_regs.h"
#include "iommu/vtd_sm_fmt.h"
#include "iommu/vtd_translate.h"

/* ---- the ops ---- */

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
    vtd_queue_reset(v);
    v->requests = 0;
    vtd_regs_reset(v);
    vtd_caches_drop_all(v);
    vtd_notify_reset(v);
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
vtd_in_flight(struct iommu *m, sim_time until, bool write)
{
    struct vtd *v = vtd_of(m);

    if (until > v->in_flight[write]) {
        v->in_flight[write] = until;
    }
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
        .scalable = v->cfg.scalable,
        .first_stage = v->cfg.first_stage,
        .pasid_bits = v->cfg.pasid ? VTD_PASID_BITS : 0,
        .pass_through = v->cfg.pass_through,
        .device_iotlb = v->cfg.device_iotlb,
        .superpages = v->limits.superpages,
        .snoop = v->limits.snoop,
    };
}

static void
vtd_free(struct iommu *m)
{
    struct vtd *v = vtd_of(m);

    vtd_spaces_free(v);
    vtd_devtlb_reset(v);
    vtd_late_fini(v);
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
    .in_flight = vtd_in_flight,
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
    v->limits = (struct vtd_ss_limits){
        .haw = c->aw_bits,
        .superpages = c->superpages,
        .snoop = c->snoop_control || c->scalable,
        .transient = c->device_iotlb && !env_quirk(env, QUIRK_VTD_TM_RESERVED),
    };
    v->reserved = vtd_ss_masks(&v->limits);
    v->first_reserved = vtd_fs_masks(c->aw_bits, c->superpages | 1);
    vtd_regs_reset(v);
    vtd_caches_init(v);
    return &v->base;
}
