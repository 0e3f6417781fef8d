/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Domains and their ids: see intel_domain.h. */
#include "guest/intel_domain.h"

#include <stdlib.h>

#include "guest/op.h"
#include "guest/state.h"
#include "iommu/vtd_fmt.h"
#include "util/alloc.h"

static struct intel_domain *
domain_new(struct guest *g, struct intel_unit *u, unsigned aw_bits)
{
    struct intel_domain *d = xcalloc(1, sizeof(*d));

    d->unit = u;
    d->aw_bits = aw_bits;
    d->tables.mem = g->env->mem;
    d->tables.pages = &g->pages;
    d->tables.levels = vtd_aw_levels(vtd_aw_code(aw_bits));
    d->tables.superpages = (unsigned)(u->cap >> 34 & 3);
    intel_tables_forget(&d->tables);
    return d;
}

static bool
did_used(const struct intel_unit *u, uint32_t did)
{
    return (u->dids[did / 8] >> did % 8 & 1) != 0;
}

static void
use_did(struct intel_unit *u, uint32_t did)
{
    u->dids[did / 8] = (uint8_t)(u->dids[did / 8] | 1U << did % 8);
}

bool
intel_domain_identify(struct intel_domain *d)
{
    const uint32_t n = UINT32_C(1) << (4 + 2 * (d->unit->cap & 7));

    for (uint32_t did = 1; d->did == 0 && did < n; did++) {
        if (!did_used(d->unit, did)) {
            use_did(d->unit, did);
            d->did = (uint16_t)did;
        }
    }
    return d->did != 0;
}

bool
intel_device_is_drivers(const struct guest *g, uint32_t device)
{
    const struct scenario_device *d = &g->sc->devices[device];

    return g->driver != GUEST_MANUAL && g->units[d->iommu] != NULL &&
           !d->attached_by_step;
}

struct intel_domain *
intel_domain_own(struct guest *g, uint32_t device)
{
    struct intel_domain **d = &g->domains[g->sc->guest.n_domains + device];

    if (*d == NULL) {
        struct intel_unit *u = g->units[g->sc->devices[device].iommu];

        *d = domain_new(g, u, u->cfg->vtd.aw_bits);
        (*d)->own = true;
    }
    return *d;
}

struct intel_domain *
intel_domain_meant(struct op *op, uint32_t device, uint32_t domain)
{
    struct guest *g = op->g;
    struct intel_domain *d;

    if (domain != SCENARIO_NONE) {
        return g->domains[domain];
    }
    d = g->attached[device];
    if (g->driver == GUEST_MANUAL && d == NULL) {
        d = intel_domain_own(g, device);
    }
    if (d == NULL || d == &d->unit->identity) {
        op_fail(op, "not-attached");
        return NULL;
    }
    if (d->did == 0 && !intel_domain_identify(d)) {
        op_fail(op, "no-domain-id");
        return NULL;
    }
    return d;
}

void
intel_domains_init(struct guest *g)
{
    const struct guest_config *c = &g->sc->guest;

    g->domains =
        xcalloc(c->n_domains + g->sc->n_devices + 1, sizeof(struct intel_domain *));
    g->attached = xcalloc(g->sc->n_devices + 1, sizeof(struct intel_domain *));
    for (size_t i = 0; i < c->n_domains; i++) {
        const struct scenario_domain *sd = &c->domains[i];

        g->domains[i] = domain_new(g, g->units[sd->iommu], sd->aw_bits);
        if (sd->has_did) {
            g->domains[i]->did = sd->did;
            use_did(g->units[sd->iommu], sd->did);
        }
    }
    for (uint32_t i = 0; i < g->sc->n_devices; i++) {
        if (g->sc->devices[i].plugged && intel_device_is_drivers(g, i)) {
            intel_domain_identify(intel_domain_own(g, i));
        }
    }
    for (size_t i = 0; i < c->n_domains; i++) {
        if (!c->domains[i].has_did) {
            intel_domain_identify(g->domains[i]);
        }
    }
}

void
intel_domains_fini(struct guest *g)
{
    for (size_t i = 0; i < g->sc->guest.n_domains + g->sc->n_devices; i++) {
        free(g->domains[i]);
    }
    free(g->domains);
    free(g->attached);
}
