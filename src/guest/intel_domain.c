/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Domains and their ids: see intel_domain.h. */
#include "guest/intel_domain.h"

#include <stdlib.h>

#include "guest/op.h"
#include "guest/state.h"
#include "iommu/vtd_reg_fmt.h"
#include "iommu/vtd_sm_fmt.h"
#include "util/alloc.h"

/* A first stage has 4 or 5 levels, and Linux uses the lower half of its addresses. */
static void
init_first_stage(struct intel_domain *d, const struct intel_unit *u)
{
    d->tables.first_stage = true;
    d->tables.levels = d->aw_bits == 57 ? 5 : 4;
    d->tables.superpages = 1 | ((u->cap & VTD_CAP_FS1GP) != 0 ? 2 : 0);
    d->iova_bits = d->aw_bits - 1;
}

static struct intel_domain *
domain_new(struct guest *g, struct intel_unit *u, enum domain_type type, unsigned aw_bits)
{
    struct intel_domain *d = xcalloc(1, sizeof(*d));

    d->unit = u;
    d->type = type;
    d->aw_bits = d->iova_bits = aw_bits;
    d->tables.mem = g->env->mem;
    d->tables.pages = &g->pages;
    d->tables.levels = vtd_aw_levels(vtd_aw_code(aw_bits));
    d->tables.superpages = (unsigned)(u->cap >> 34 & 3);
    if (type == DOMAIN_FIRST_STAGE || type == DOMAIN_NESTED) {
        init_first_stage(d, u);
    }
    intel_tables_forget(&d->tables);
    return d;
}

static void
domain_free(struct intel_domain *d)
{
    if (d != NULL) {
        free(d->tags);
        free(d);
    }
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

void
intel_domain_anonymise(struct intel_domain *d)
{
    d->unit->dids[d->did / 8] =
        (uint8_t)(d->unit->dids[d->did / 8] & ~(1U << d->did % 8));
    d->did = 0;
}

uint32_t
intel_device(const struct guest *g, uint32_t device)
{
    return g->sc->devices[device].first_of_sid;
}

bool
intel_device_is_drivers(const struct guest *g, uint32_t device)
{
    const struct scenario_device *d = &g->sc->devices[intel_device(g, device)];

    return g->driver != GUEST_MANUAL && g->units[d->iommu] != NULL &&
           !d->attached_by_step;
}

struct intel_domain *
intel_domain_own(struct guest *g, uint32_t device)
{
    struct intel_domain **d =
        &g->domains[g->sc->guest.n_domains + intel_device(g, device)];

    if (*d == NULL) {
        struct intel_unit *u = g->units[g->sc->devices[device].iommu];
        bool first = g->sc->guest.default_domain == DOMAIN_FIRST_STAGE;
        unsigned aw_bits = u->cfg->vtd.aw_bits;

        *d = domain_new(g, u, first ? DOMAIN_FIRST_STAGE : DOMAIN_SECOND_STAGE,
                        first && aw_bits < 48 ? 48 : aw_bits);
        (*d)->own = true;
    }
    return *d;
}

struct intel_domain *
intel_domain_default(struct guest *g, uint32_t device)
{
    return g->sc->guest.default_domain == DOMAIN_PASSTHROUGH
               ? &g->units[g->sc->devices[device].iommu]->identity
               : intel_domain_own(g, device);
}

struct intel_domain *
intel_domain_meant(struct op *op, uint32_t device, uint32_t domain)
{
    struct guest *g = op->g;
    struct intel_domain *d;

    if (domain != SCENARIO_NONE) {
        return g->domains[domain];
    }
    d = g->attached[intel_device(g, device)];
    if (g->driver == GUEST_MANUAL && d == NULL) {
        d = intel_domain_own(g, device);
    }
    if (d == NULL || d->type == DOMAIN_PASSTHROUGH) {
        op_fail(op, "not-attached");
        return NULL;
    }
    if (d->did == 0 && !intel_domain_identify(d)) {
        op_fail(op, "no-domain-id");
        return NULL;
    }
    return d;
}

/* ---- what is attached ---- */

static size_t
find_tag(const struct intel_domain *d, uint32_t device, uint32_t pasid)
{
    size_t i = 0;

    while (i < d->n_tags && (d->tags[i].device != device || d->tags[i].pasid != pasid)) {
        i++;
    }
    return i;
}

struct intel_domain *
intel_domain_at(const struct guest *g, uint32_t device, uint32_t pasid)
{
    if (pasid == IOMMU_NO_PASID) {
        return g->attached[device];
    }
    for (size_t i = 0; i < g->sc->guest.n_domains + g->sc->n_devices; i++) {
        struct intel_domain *d = g->domains[i];

        if (d != NULL && find_tag(d, device, pasid) < d->n_tags) {
            return d;
        }
    }
    struct intel_domain *identity = &g->units[g->sc->devices[device].iommu]->identity;
    return find_tag(identity, device, pasid) < identity->n_tags ? identity : NULL;
}

static void
remove_tag(struct intel_domain *d, uint32_t device, uint32_t pasid)
{
    size_t at = find_tag(d, device, pasid);

    for (d->n_tags--; at < d->n_tags; at++) {
        d->tags[at] = d->tags[at + 1];
    }
}

static void
add_tag(struct intel_domain *d, uint32_t device, uint32_t pasid)
{
    if (d->n_tags == d->tag_capacity) {
        d->tag_capacity = d->tag_capacity == 0 ? 4 : 2 * d->tag_capacity;
        d->tags = xrealloc(d->tags, d->tag_capacity, sizeof(*d->tags));
    }
    d->tags[d->n_tags++] = (struct intel_tag){ device, pasid };
}

void
intel_domain_attach(struct guest *g, uint32_t device, uint32_t pasid,
                    struct intel_domain *d)
{
    struct intel_domain *before = intel_domain_at(g, device, pasid);

    if (before == d) {
        return;
    }
    if (before != NULL) {
        remove_tag(before, device, pasid);
    }
    if (d != NULL) {
        add_tag(d, device, pasid);
    }
    if (pasid == IOMMU_NO_PASID) {
        g->attached[device] = d;
    }
}

/* ---- all of them ---- */

static void
init_stated(struct guest *g)
{
    const struct guest_config *c = &g->sc->guest;

    for (size_t i = 0; i < c->n_domains; i++) {
        const struct scenario_domain *sd = &c->domains[i];
        struct intel_domain *d =
            domain_new(g, g->units[sd->iommu], sd->type, sd->aw_bits);

        g->domains[i] = d;
        if (sd->has_did) {
            d->did = sd->did;
            use_did(d->unit, sd->did);
        }
    }
    for (size_t i = 0; i < c->n_domains; i++) {
        if (c->domains[i].type == DOMAIN_NESTED) {
            g->domains[i]->parent = g->domains[c->domains[i].parent];
            g->domains[i]->parent->has_nested = true;
        }
    }
}

void
intel_domains_init(struct guest *g)
{
    const struct guest_config *c = &g->sc->guest;

    g->domains =
        xcalloc(c->n_domains + g->sc->n_devices + 1, sizeof(struct intel_domain *));
    g->attached = xcalloc(g->sc->n_devices + 1, sizeof(struct intel_domain *));
    g->functions = xcalloc(g->sc->n_devices + 1, sizeof(struct intel_function));
    for (uint32_t i = 0; i < g->sc->n_devices; i++) {
        intel_function_init(g, i);
    }
    init_stated(g);
    for (uint32_t i = 0; i < g->sc->n_devices; i++) {
        if (g->sc->devices[i].plugged && intel_device_is_drivers(g, i)) {
            intel_domain_identify(intel_domain_default(g, i));
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
        domain_free(g->domains[i]);
    }
    free(g->domains);
    free(g->attached);
    free(g->functions);
}
