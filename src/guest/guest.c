/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest as the machine sees it: which driver carries out which step. See
 * guest.h; op.h for how steps take time.
 */
#include "guest/guest.h"

#include <stdlib.h>

#include "guest/intel_domain.h"
#include "guest/op.h"
#include "guest/raw_steps.h"
#include "guest/state.h"
#include "util/alloc.h"

struct guest *
guest_new(struct env *env, const struct scenario *sc, struct iommu *const *iommus)
{
    struct guest *g = xcalloc(1, sizeof(*g));

    g->env = env;
    g->sc = sc;
    g->iommus = iommus;
    g->driver = sc->guest.driver;
    g->direct = xcalloc(sc->n_iommus + 1, sizeof(*g->direct));
    table_pages_init(&g->pages, env->mem, sc->guest.table_base,
                     sc->guest.has_table_memory ? sc->guest.table_size : 0);
    pseries_init(g);
    intel_init(g);
    return g;
}

void
guest_free(struct guest *g)
{
    if (g == NULL) {
        return;
    }
    op_free_all(g);
    intel_fini(g);
    table_pages_fini(&g->pages);
    free(g->direct);
    free(g);
}

void
guest_boot(struct guest *g)
{
    struct latencies configured = g->env->latency;

    if (g->driver == GUEST_MANUAL) {
        return;
    }
    latencies_init(&g->env->latency, g->env->sim);
    for (size_t i = 0; i < g->sc->n_iommus; i++) {
        if (g->units[i] != NULL) {
            struct op *op = op_new(g, NULL, NULL, NULL);

            op->vtd.unit = g->units[i];
            op_run(op, PHASE(intel_boot));
        }
    }
    g->env->latency = configured;
}

static void
device_event(struct guest *g, uint32_t device, struct phase vtd, guest_done_fn *done,
             void *self)
{
    struct op *op = op_new(g, NULL, done, self);
    bool is_vtd = g->units[g->sc->devices[device].iommu] != NULL;

    op->vtd.device = g->sc->devices[device].first_of_sid;
    op_run(op, is_vtd ? vtd : PHASE(op_end));
}

void
guest_plugged(struct guest *g, uint32_t device, guest_done_fn *done, void *self)
{
    device_event(g, device, PHASE(intel_plug), done, self);
}

void
guest_unplugged(struct guest *g, uint32_t device, guest_done_fn *done, void *self)
{
    device_event(g, device, PHASE(intel_unplug), done, self);
}

void
guest_reset(struct guest *g, uint32_t iommu)
{
    for (size_t i = 0; i < g->sc->n_iommus; i++) {
        if (iommu != SCENARIO_NONE && iommu != i) {
            continue;
        }
        pseries_forget(g, (uint32_t)i);
        if (g->units[i] != NULL) {
            intel_reset(g->units[i]);
        }
    }
}

bool
guest_domain_id(struct guest *g, uint32_t device, uint32_t domain, uint16_t *did)
{
    struct intel_domain *d = domain != SCENARIO_NONE
                                 ? g->domains[domain]
                                 : g->attached[intel_device(g, device)];

    if (d == NULL && g->driver == GUEST_MANUAL) {
        d = intel_domain_own(g, device);
    }
    if (d == NULL || (d->did == 0 && !intel_domain_identify(d))) {
        return false;
    }
    *did = d->did;
    return true;
}

bool
guest_pending(const struct guest *g)
{
    for (size_t i = 0; i < g->sc->n_iommus; i++) {
        if (g->units[i] != NULL && intel_lazy_pending(g->units[i])) {
            return true;
        }
    }
    return false;
}

/* ---- which driver ---- */

static enum iommu_model
model_of(const struct guest *g, uint32_t device)
{
    return g->sc->iommus[g->sc->devices[device].iommu].model;
}

/* Steps that name a device or a domain. */
static struct phase
for_device(struct op *op, uint32_t device, struct phase vtd, struct phase papr)
{
    if (device == SCENARIO_NONE) {
        return vtd;
    }
    switch (model_of(op->g, device)) {
    case IOMMU_INTEL_VTD:
        return vtd;
    case IOMMU_PAPR_TCE:
    case IOMMU_PAPR_VIO:
        return papr;
    case IOMMU_NONE:
        break;
    }
    op_fail(op, "no-iommu");
    return PHASE(op_end);
}

static struct phase
not_on_papr(struct op *op)
{
    op_fail(op, "not-on-papr");
    return PHASE(op_end);
}

static struct phase
first_phase(struct op *op)
{
    const struct step *s = op->step;

    switch ((enum step_kind)s->kind) {
    case STEP_MAP:
    case STEP_UNMAP:
    case STEP_CHANGE:
        return for_device(op, s->u.map.device, PHASE(intel_map), PHASE(pseries_map));
    case STEP_FLUSH:
        return for_device(op, s->u.flush.device, PHASE(intel_flush), PHASE(not_on_papr));
    case STEP_ATTACH:
    case STEP_DETACH:
        return for_device(op, s->u.attach.device, PHASE(intel_attach),
                          PHASE(pseries_attach));
    case STEP_ATS:
        return for_device(op, s->u.ats.device, PHASE(intel_ats), PHASE(not_on_papr));
    case STEP_MEM:
        return PHASE(raw_mem);
    case STEP_MEM_EXPECT:
        return PHASE(raw_mem_expect);
    case STEP_MMIO:
        return PHASE(raw_mmio);
    case STEP_MMIO_EXPECT:
        return PHASE(raw_mmio_expect);
    case STEP_PTE:
        return PHASE(intel_pte);
    case STEP_ROOT:
    case STEP_CONTEXT:
    case STEP_PASID_DIR:
    case STEP_PASID:
        return PHASE(intel_entry_step);
    case STEP_QI:
        return PHASE(intel_qi);
    case STEP_H_PUT_TCE:
    case STEP_H_PUT_TCE_INDIRECT:
    case STEP_H_STUFF_TCE:
    case STEP_H_GET_TCE:
        return PHASE(pseries_hcall);
    case STEP_RTAS:
        return PHASE(pseries_rtas);
    default:
        break;
    }
    op_fail(op, "not-a-step-of-the-guest");
    return PHASE(op_end);
}

void
guest_do(struct guest *g, const struct step *s, guest_done_fn *done, void *self)
{
    op_run(op_new(g, s, done, self), PHASE(first_phase));
}
