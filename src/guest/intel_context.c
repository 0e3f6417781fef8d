/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Root table, context entries and what hangs on them: boot, attach, detach, devices
 * that come and go. See intel_context.h and intel_driver.h.
 */
#include "guest/intel_context.h"

#include "guest/intel_domain.h"
#include "guest/intel_driver.h"
#include "guest/op.h"
#include "guest/state.h"
#include "iommu/vtd_fmt.h"

/* ---- entries in memory ---- */

static bool
have_root_table(struct op *op)
{
    struct intel_unit *u = op->vtd.unit;

    if (!u->has_root_table) {
        u->has_root_table = table_pages_take(&op->g->pages, &u->root_table);
    }
    if (!u->has_root_table) {
        op_fail(op, "table-memory-exhausted");
    }
    return u->has_root_table;
}

static uint16_t
sid_of(const struct op *op)
{
    return op->g->sc->devices[op->vtd.device].sid;
}

/* Where the device's context entry is; false: its bus has no context table. */
static bool
find_context(struct op *op, gpa_t *at)
{
    const struct intel_unit *u = op->vtd.unit;
    uint64_t root;

    if (!u->has_root_table) {
        return false;
    }
    root = mem_read64le(op->g->env->mem, GPA(vtd_root_addr(u->root_table.v, sid_of(op))));
    *at = GPA(vtd_ctx_addr(root, sid_of(op)));
    return (root & VTD_ROOT_P) != 0;
}

/*
 * Store a context entry: P is set last and cleared first. Tables are made as needed.
 */
static bool
write_context(struct op *op, struct vtd_pair entry)
{
    struct mem *mem = op->g->env->mem;
    gpa_t at, table;

    op->vtd.new_root_entry = false;
    if (!have_root_table(op)) {
        return false;
    }
    if (!find_context(op, &at)) {
        if (!table_pages_take(&op->g->pages, &table)) {
            op_fail(op, "table-memory-exhausted");
            return false;
        }
        mem_write64le(mem, GPA(vtd_root_addr(op->vtd.unit->root_table.v, sid_of(op))),
                      table.v | VTD_ROOT_P);
        op_charge(op, LATENCY_PTE_WRITE, 1);
        op->vtd.new_root_entry = true;
        find_context(op, &at);
    }
    if ((entry.lo & VTD_CTX_P) == 0) {
        mem_write64le(mem, at, entry.lo);
    }
    mem_write64le(mem, GPA(at.v + 8), entry.hi);
    mem_write64le(mem, at, entry.lo);
    op_charge(op, LATENCY_PTE_WRITE, 1);
    return true;
}

/* Clear the device's context entry; true, and *did its domain id, if it was present. */
static bool
clear_context(struct op *op, uint16_t *did)
{
    struct mem *mem = op->g->env->mem;
    gpa_t at;
    uint64_t lo;

    if (!find_context(op, &at)) {
        return false;
    }
    lo = mem_read64le(mem, at);
    *did = vtd_ctx_did(mem_read64le(mem, GPA(at.v + 8)));
    mem_write64le(mem, at, 0);
    mem_write64le(mem, GPA(at.v + 8), 0);
    op_charge(op, LATENCY_PTE_WRITE, 1);
    return (lo & VTD_CTX_P) != 0;
}

static unsigned
largest_aw(const struct intel_unit *u)
{
    uint64_t sagaw = u->cap >> 8 & 31;

    return sagaw == 0 ? 0 : 63U - (unsigned)__builtin_clzll(sagaw);
}

/* The entry that attaches to d; false: it has no table or no id. */
static bool
entry_for(struct op *op, struct intel_domain *d, struct vtd_pair *entry)
{
    gpa_t root;

    if (!intel_domain_identify(d)) {
        op_fail(op, "no-domain-id");
        return false;
    }
    if (d == &d->unit->identity) {
        entry->lo = vtd_ctx_lo(VTD_TT_PASS, 0);
        entry->hi = vtd_ctx_hi(largest_aw(d->unit), d->did);
        return true;
    }
    if (!intel_tables_root(&d->tables, &root)) {
        op_fail(op, "table-memory-exhausted");
        return false;
    }
    entry->lo = vtd_ctx_lo(VTD_TT_TRANSLATE, root.v);
    entry->hi = vtd_ctx_hi(vtd_aw_code(d->aw_bits), d->did);
    return true;
}

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

/* The context entry of every device that is attached, again after a reset. */
static struct phase
boot_contexts(struct op *op)
{
    struct guest *g = op->g;
    uint32_t meant = op->vtd.device;

    for (uint32_t i = 0; op->reply.ok && i < g->sc->n_devices; i++) {
        struct vtd_pair entry;

        if (g->attached[i] == NULL || g->attached[i]->unit != op->vtd.unit) {
            continue;
        }
        op->vtd.device = i;
        if (entry_for(op, g->attached[i], &entry)) {
            write_context(op, entry);
        }
    }
    op->vtd.device = meant;
    return PHASE(boot_done);
}

static struct phase
boot_iotlb(struct op *op)
{
    if (!op->reply.ok) {
        return PHASE(boot_done);
    }
    return intel_submit(op, (struct intel_request){ .gran = VTD_GRAN_GLOBAL },
                        boot_contexts);
}

static struct phase
boot_root(struct op *op)
{
    if (!op->reply.ok || !have_root_table(op)) {
        return PHASE(boot_done);
    }
    intel_write(op, VTD_RTADDR, 8, op->vtd.unit->root_table.v);
    if (!intel_command(op, VTD_GCMD_SRTP)) {
        op_fail(op, "root-table-not-set");
        return PHASE(boot_done);
    }
    return intel_submit(
        op, (struct intel_request){ .context = true, .gran = VTD_GRAN_GLOBAL },
        boot_iotlb);
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
    return have_root_table(op) ? intel_queue_start(op, boot_root) : PHASE(boot_done);
}

struct phase
intel_need_unit(struct op *op, struct phase (*then)(struct op *op))
{
    if (op->vtd.unit->on || op->g->driver == GUEST_MANUAL) {
        return PHASE(then);
    }
    op->vtd.then = then;
    return intel_hold(op, boot_held);
}

struct phase
intel_boot(struct op *op)
{
    struct guest *g = op->g;

    for (uint32_t i = 0; i < g->sc->n_devices; i++) {
        if (g->units[g->sc->devices[i].iommu] == op->vtd.unit &&
            g->sc->devices[i].plugged && intel_device_is_drivers(g, i)) {
            g->attached[i] = intel_domain_own(g, i);
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

static struct phase
write_iotlb(struct op *op)
{
    return intel_submit(
        op, (struct intel_request){ .gran = VTD_GRAN_DOMAIN, .did = op->vtd.to->did },
        op_end);
}

static struct phase
write_to(struct op *op)
{
    struct intel_work *w = &op->vtd;
    struct vtd_pair entry;

    if (w->to == NULL || !entry_for(op, w->to, &entry) || !write_context(op, entry)) {
        return PHASE(op_end);
    }
    op->g->attached[w->device] = w->to;
    if (op->g->driver == GUEST_MANUAL) {
        return PHASE(op_end);
    }
    if ((w->unit->cap & VTD_CAP_CM) != 0) {
        struct intel_request r = { .context = true,
                                   .gran = VTD_GRAN_FINE,
                                   .sid = sid_of(op) };

        if (w->new_root_entry) {
            r = (struct intel_request){ .context = true, .gran = VTD_GRAN_GLOBAL };
        }
        return intel_submit(op, r, write_iotlb);
    }
    if ((w->unit->cap & VTD_CAP_RWBF) != 0 && !intel_command(op, VTD_GCMD_WBF)) {
        op_fail(op, "write-buffer-not-flushed");
    }
    return PHASE(op_end);
}

static struct phase
clear_iotlb(struct op *op)
{
    return intel_submit(op,
                        (struct intel_request){ .gran = VTD_GRAN_DOMAIN,
                                                .did = op->vtd.submit.request.did },
                        write_to);
}

static struct phase
clear_old(struct op *op)
{
    struct intel_work *w = &op->vtd;
    bool manual = op->g->driver == GUEST_MANUAL;
    uint16_t did;

    if (manual && w->to != NULL) {
        return PHASE(write_to);
    }
    op->g->attached[w->device] = NULL;
    if (!clear_context(op, &did) || manual) {
        return PHASE(write_to);
    }
    return intel_submit(
        op,
        (struct intel_request){
            .context = true, .gran = VTD_GRAN_FINE, .did = did, .sid = sid_of(op) },
        clear_iotlb);
}

/* Bring op->vtd.device from where it is to op->vtd.to. */
static struct phase
move(struct op *op)
{
    struct intel_work *w = &op->vtd;

    w->unit = op->g->units[op->g->sc->devices[w->device].iommu];
    if (op->g->driver != GUEST_MANUAL && w->to != NULL &&
        w->to == op->g->attached[w->device]) {
        return intel_need_unit(op, op_end);
    }
    return intel_need_unit(op, clear_old);
}

struct phase
intel_attach(struct op *op)
{
    const struct step_attach *s = &op->step->u.attach;
    struct guest *g = op->g;
    struct intel_unit *u = g->units[g->sc->devices[s->device].iommu];

    op->vtd.device = s->device;
    op->vtd.to = NULL;
    if (op->step->kind == STEP_ATTACH && s->type == ATTACH_PASSTHROUGH) {
        if (g->driver != GUEST_MANUAL && (u->ecap & VTD_ECAP_PT) == 0) {
            op_fail(op, "no-pass-through");
            return PHASE(op_end);
        }
        op->vtd.to = &u->identity;
    } else if (op->step->kind == STEP_ATTACH && s->type == ATTACH_TRANSLATE) {
        op->vtd.to = s->domain != SCENARIO_NONE ? g->domains[s->domain]
                                                : intel_domain_own(g, s->device);
        if (op->vtd.to->unit != u) {
            op_fail(op, "domain-of-another-iommu");
            return PHASE(op_end);
        }
    }
    return move(op);
}

struct phase
intel_plug(struct op *op)
{
    if (!intel_device_is_drivers(op->g, op->vtd.device)) {
        return PHASE(op_end);
    }
    op->vtd.to = intel_domain_own(op->g, op->vtd.device);
    return move(op);
}

/* ---- a device goes ---- */

static struct phase
drop_own(struct op *op)
{
    struct guest *g = op->g;
    struct intel_domain *own = g->domains[g->sc->guest.n_domains + op->vtd.device];

    if (own != NULL) {
        intel_tables_drop(&own->tables);
    }
    return PHASE(op_end);
}

static struct phase
gone_iotlb(struct op *op)
{
    return intel_submit(op,
                        (struct intel_request){ .gran = VTD_GRAN_DOMAIN,
                                                .did = op->vtd.submit.request.did },
                        drop_own);
}

struct phase
intel_unplug(struct op *op)
{
    struct intel_work *w = &op->vtd;
    uint16_t did;

    w->unit = op->g->units[op->g->sc->devices[w->device].iommu];
    if (op->g->driver == GUEST_MANUAL) {
        return PHASE(op_end);
    }
    op->g->attached[w->device] = NULL;
    if (!clear_context(op, &did) || !w->unit->on) {
        return PHASE(drop_own);
    }
    return intel_submit(
        op,
        (struct intel_request){
            .context = true, .gran = VTD_GRAN_FINE, .did = did, .sid = sid_of(op) },
        gone_iotlb);
}

/* ---- raw context entries ---- */

struct phase
intel_context(struct op *op)
{
    const struct step_context *s = op->step->u.context;
    struct vtd_pair e = { .lo = s->raw[0], .hi = s->raw[1] };
    struct intel_domain *d = NULL;
    uint64_t table = s->table;
    gpa_t root;

    op->vtd.unit = op->g->units[s->iommu];
    op->vtd.device = s->device;
    if (s->domain != SCENARIO_NONE) {
        d = op->g->domains[s->domain];
    }
    if (!s->has_raw) {
        unsigned aw = s->has_aw ? s->aw : d != NULL ? vtd_aw_code(d->aw_bits) : 0;
        uint16_t did = s->has_did ? s->did : d != NULL ? d->did : 0;

        if (!s->has_table && d != NULL) {
            if (!intel_tables_root(&d->tables, &root)) {
                op_fail(op, "table-memory-exhausted");
                return PHASE(op_end);
            }
            table = root.v;
        }
        e.lo = vtd_ctx_lo((enum vtd_tt)s->tt, table);
        e.lo = (s->present ? e.lo : e.lo & ~VTD_CTX_P) | (s->fpd ? VTD_CTX_FPD : 0);
        e.hi = vtd_ctx_hi(aw, did);
    }
    write_context(op, e);
    return PHASE(op_end);
}
