/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What leads devices to domains: boot, attach, detach, devices that come and go. See
 * intel_context.h and intel_driver.h.
 */
#include "guest/intel_context.h"

#include "guest/intel_domain.h"
#include "guest/intel_driver.h"
#include "guest/intel_entry.h"
#include "guest/op.h"
#include "guest/state.h"
#include "iommu/vtd_reg_fmt.h"
#include "iommu/vtd_sm_fmt.h"

/* ---- setting up a unit ---- */

static struct phase boot_root(struct op *op);

static struct phase
boot_done(struct op *op)
{
    struct intel_unit *u = op->vtd.unit;

    if (op->reply.ok && op->vtd.submit.resets != u->queue.resets) {
        return intel_queue_start(op, boot_root); /* reset meanwhile: all over again */
    }
    if (op->reply.ok && !intel_command(op, VTD_GCMD_TE)) {
        op_fail(op, "translation-not-enabled");
    }
    u->on = op->reply.ok;
    op->vtd.submit.keep = false;
    intel_release(op);
    return PHASE(op->reply.ok ? op->vtd.then : op_end);
}

/* The entries of all that is attached, again after a reset. */
static void
bind_tags(struct op *op, struct intel_domain *d)
{
    struct intel_binding is;

    for (size_t i = 0; op->reply.ok && i < d->n_tags; i++) {
        op->vtd.device = d->tags[i].device;
        op->vtd.pasid = d->tags[i].pasid;
        intel_bind(op, d, &is);
    }
}

static struct phase
boot_entries(struct op *op)
{
    struct guest *g = op->g;
    const uint32_t device = op->vtd.device, pasid = op->vtd.pasid;

    for (size_t i = 0; i < g->sc->guest.n_domains + g->sc->n_devices; i++) {
        if (g->domains[i] != NULL && g->domains[i]->unit == op->vtd.unit) {
            bind_tags(op, g->domains[i]);
        }
    }
    bind_tags(op, &op->vtd.unit->identity);
    op->vtd.device = device;
    op->vtd.pasid = pasid;
    return PHASE(boot_done);
}

static struct phase
boot_root(struct op *op)
{
    struct intel_unit *u = op->vtd.unit;

    if (!op->reply.ok || !intel_have_root_table(op)) {
        return PHASE(boot_done);
    }
    intel_write(op, VTD_RTADDR, 8,
                u->root_table.v | (u->scalable ? (uint64_t)VTD_TTM_SCALABLE << 10 : 0));
    if (!intel_command(op, VTD_GCMD_SRTP)) {
        op_fail(op, "root-table-not-set");
        return PHASE(boot_done);
    }
    intel_plan_begin(op);
    intel_plan_add(
        op, (struct intel_request){ .kind = INTEL_INV_CONTEXT, .gran = VTD_GRAN_GLOBAL });
    if (u->scalable) {
        intel_plan_add(op, (struct intel_request){ .kind = INTEL_INV_PASID_CACHE,
                                                   .gran = VTD_PC_GLOBAL });
    }
    intel_plan_add(op, (struct intel_request){ .gran = VTD_GRAN_GLOBAL });
    return intel_plan_run(op, boot_entries);
}

static struct phase
boot_held(struct op *op)
{
    op->vtd.submit.keep = true;
    if (op->vtd.unit->on) { /* another operation was faster */
        op->vtd.submit.keep = false;
        intel_release(op);
        return PHASE(op->vtd.then);
    }
    return intel_have_root_table(op) ? intel_queue_start(op, boot_root)
                                     : PHASE(boot_done);
}

struct phase
intel_need_unit(struct op *op, struct phase (*then)(struct op *op))
{
    if (op->vtd.unit->on || op->g->driver == GUEST_MANUAL) {
        return PHASE(then);
    }
    if (!intel_translates(op->vtd.unit)) {
        op_fail(op, "no-dma-translation");
        return PHASE(op_end);
    }
    op->vtd.then = then;
    return intel_hold(op, boot_held);
}

struct phase
intel_boot(struct op *op)
{
    struct guest *g = op->g;

    if (!intel_translates(op->vtd.unit)) {
        return PHASE(op_end); /* devices keep their identity */
    }

    for (uint32_t i = 0; i < g->sc->n_devices; i++) {
        if (g->units[g->sc->devices[i].iommu] == op->vtd.unit &&
            g->sc->devices[i].plugged && intel_device_is_drivers(g, i)) {
            intel_domain_attach(g, intel_device(g, i), IOMMU_NO_PASID,
                                intel_domain_default(g, i));
        }
    }
    return intel_need_unit(op, op_end);
}

void
intel_reset(struct intel_unit *u)
{
    struct intel_lazy *l = &u->lazy;

    u->on = false;
    u->queue.enabled = false;
    u->queue.tail = 0;
    u->queue.resets++;
    /* Nothing is cached any more: what waited for an invalidation is free. */
    for (size_t i = 0; i < l->n; i++) {
        l->domains[i]->queued = false;
    }
    l->n = 0;
    l->entries = 0;
    table_pages_give_list(&u->g->pages, &l->pages);
}

/* ---- attach, detach ---- */

/* Tell the unit of an entry that has become present. */
static struct phase
bound(struct op *op, struct intel_binding is)
{
    if ((op->vtd.unit->cap & VTD_CAP_CM) != 0) {
        intel_plan_bind(op, is);
        return intel_plan_run(op, op_end);
    }
    intel_flush_write_buffer(op);
    return PHASE(op_end);
}

static struct phase
write_to(struct op *op)
{
    struct intel_work *w = &op->vtd;
    struct intel_binding is;

    if (w->to == NULL || !intel_bind(op, w->to, &is)) {
        return PHASE(op_end);
    }
    intel_domain_attach(op->g, w->device, w->pasid, w->to);
    return op->g->driver == GUEST_MANUAL ? PHASE(op_end) : bound(op, is);
}

static struct phase
clear_old(struct op *op)
{
    struct intel_work *w = &op->vtd;
    bool manual = op->g->driver == GUEST_MANUAL;
    struct intel_binding was;

    if (manual && w->to != NULL) {
        return PHASE(write_to);
    }
    intel_domain_attach(op->g, w->device, w->pasid, NULL);
    if (!intel_unbind(op, &was) || manual) {
        return PHASE(write_to);
    }
    intel_plan_unbind(op, w->torn ? w->was : was);
    return intel_plan_run(op, write_to);
}

static struct phase
tear(struct op *op)
{
    op->vtd.torn = intel_tear(op, &op->vtd.was);
    return PHASE(clear_old);
}

/* Bring op->vtd.device, or its PASID, from where it is to op->vtd.to. */
static struct phase
move(struct op *op)
{
    struct intel_work *w = &op->vtd;

    w->unit = op->g->units[op->g->sc->devices[w->device].iommu];
    if (op->g->driver != GUEST_MANUAL && w->to != NULL &&
        w->to == intel_domain_at(op->g, w->device, w->pasid)) {
        return intel_need_unit(op, op_end);
    }
    if (w->to != NULL && env_quirk(op->g->env, QUIRK_GUEST_ATTACH_KEEPS_OLD)) {
        return intel_need_unit(op, write_to);
    }
    w->torn = false;
    return intel_need_unit(op, op->g->driver != GUEST_MANUAL &&
                                       env_quirk(op->g->env, QUIRK_GUEST_TEARDOWN_ORDER)
                                   ? tear
                                   : clear_old);
}

/* The domain that an attach means; NULL: none, which may be a failure. */
static struct intel_domain *
domain_to(struct op *op, struct intel_unit *u)
{
    const struct step_attach *s = &op->step->u.attach;
    struct guest *g = op->g;
    struct intel_domain *d;

    if (op->step->kind != STEP_ATTACH || s->type == ATTACH_BLOCKED) {
        return NULL;
    }
    d = s->type == ATTACH_PASSTHROUGH ? &u->identity
        : s->domain != SCENARIO_NONE  ? g->domains[s->domain]
                                      : intel_domain_own(g, s->device);
    if (d->unit != u) {
        op_fail(op, "domain-of-another-iommu");
    } else if (d->type == DOMAIN_PASSTHROUGH && g->driver != GUEST_MANUAL &&
               (u->ecap & VTD_ECAP_PT) == 0) {
        op_fail(op, "no-pass-through");
    }
    return d;
}

struct phase
intel_attach(struct op *op)
{
    const struct step_attach *s = &op->step->u.attach;
    struct intel_unit *u = op->g->units[op->g->sc->devices[s->device].iommu];

    op->vtd.device = intel_device(op->g, s->device);
    op->vtd.pasid = s->has_pasid ? s->pasid : IOMMU_NO_PASID;
    op->vtd.keep_fpd = s->fpd;
    op->vtd.to = domain_to(op, u);
    return op->reply.ok ? move(op) : PHASE(op_end);
}

struct phase
intel_plug(struct op *op)
{
    struct intel_work *w = &op->vtd;

    w->unit = op->g->units[op->g->sc->devices[w->device].iommu];
    if (!intel_device_is_drivers(op->g, w->device) || !intel_translates(w->unit)) {
        return PHASE(op_end);
    }
    w->pasid = IOMMU_NO_PASID;
    w->keep_fpd = false;
    w->to = intel_domain_default(op->g, w->device);
    return move(op);
}

/* ---- ATS ---- */

static struct phase
allow_ats(struct op *op)
{
    if (!op->reply.ok || !intel_allow_ats(op, op->step->u.ats.enable) ||
        op->g->driver == GUEST_MANUAL) {
        return PHASE(op_end);
    }
    intel_plan_context(op);
    return intel_plan_run(op, op_end);
}

struct phase
intel_ats(struct op *op)
{
    struct intel_work *w = &op->vtd;

    w->device = intel_device(op->g, op->step->u.ats.device);
    w->unit = op->g->units[op->g->sc->devices[w->device].iommu];
    op->g->functions[w->device].ats = op->step->u.ats.enable;
    return intel_need_unit(op, allow_ats);
}

/* ---- a device goes ---- */

/* Its own domain ends; nothing is cached of it. */
static struct phase
drop_own(struct op *op)
{
    struct guest *g = op->g;
    struct intel_domain *own = g->domains[g->sc->guest.n_domains + op->vtd.device];

    if (own != NULL) {
        intel_tables_drop(&own->tables);
        if (own->did != 0 && own->n_tags == 0 && !own->queued) {
            intel_domain_anonymise(own);
        }
    }
    intel_function_free(g, op->vtd.device);
    return PHASE(op_end);
}

/* Scalable: its PASID entries are gone; now what leads to them. */
static struct phase
drop_context(struct op *op)
{
    if (!op->vtd.unit->scalable || !intel_drop_function(op) || !op->vtd.unit->on) {
        return PHASE(drop_own);
    }
    intel_plan_begin(op);
    intel_plan_add(
        op, (struct intel_request){ .kind = INTEL_INV_CONTEXT,
                                    .gran = VTD_GRAN_FINE,
                                    .sid = op->g->sc->devices[op->vtd.device].sid });
    return intel_plan_run(op, drop_own);
}

static bool
tagged_pasid(const struct intel_domain *d, uint32_t device, uint32_t *pasid)
{
    for (size_t t = 0; t < d->n_tags; t++) {
        if (d->tags[t].device == device && d->tags[t].pasid != IOMMU_NO_PASID) {
            *pasid = d->tags[t].pasid;
            return true;
        }
    }
    return false;
}

/* A PASID of the device that is attached; false: none is. */
static bool
attached_pasid(const struct guest *g, const struct intel_unit *u, uint32_t device,
               uint32_t *pasid)
{
    for (size_t i = 0; i < g->sc->guest.n_domains + g->sc->n_devices; i++) {
        if (g->domains[i] != NULL && tagged_pasid(g->domains[i], device, pasid)) {
            return true;
        }
    }
    return tagged_pasid(&u->identity, device, pasid);
}

/* Unbind its PASIDs one after the other, at last what comes without one. */
static struct phase
unbind_next(struct op *op)
{
    struct intel_work *w = &op->vtd;
    struct intel_binding was;

    if (w->pasid == IOMMU_NO_PASID) {
        return PHASE(drop_context);
    }
    w->pasid = IOMMU_NO_PASID;
    attached_pasid(op->g, w->unit, w->device, &w->pasid);
    intel_domain_attach(op->g, w->device, w->pasid, NULL);
    if (!intel_unbind(op, &was) || !w->unit->on) {
        return PHASE(unbind_next);
    }
    intel_plan_unbind(op, was);
    return intel_plan_run(op, unbind_next);
}

struct phase
intel_unplug(struct op *op)
{
    struct intel_work *w = &op->vtd;

    w->unit = op->g->units[op->g->sc->devices[w->device].iommu];
    if (op->g->driver == GUEST_MANUAL) {
        return PHASE(op_end);
    }
    w->pasid = 0; /* anything but none: not begun */
    w->keep_fpd = false;
    return PHASE(unbind_next);
}
