/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A Linux guest's trace played again: its maps and unmaps are steps that only write the
 * tables, its descriptors go into the queue as they were, each with a wait behind it.
 * Moments are those of the trace, counted from its first event.
 *
 * Whose a domain of the trace is here: a domain with that id in the scenario; else the
 * device with the source id that the trace shows for it; else the next device in file
 * order to which the driver gives a domain, or domain of the scenario without an id.
 * Descriptors then name what they concern by the ids that it has here.
 */
#include <stdlib.h>

#include "guest/linux_trace.h"
#include "iommu/vtd_fmt.h"
#include "machine/traffic.h"

/* What a domain of the trace is here. */
struct target {
    uint32_t device; /* SCENARIO_NONE: unknown; the device's own domain if no `domain` */
    uint32_t domain; /* SCENARIO_NONE: the one of the device */
    uint32_t iommu;
    bool came; /* the device was plugged in by the trace */
};

struct linux_traffic {
    struct traffic t;
    struct linux_trace *trace;
    const struct linux_summary *sum;
    struct target *targets; /* one for each domain of the trace */
    uint32_t unit;          /* for what concerns no domain */
    sim_time began;
    struct linux_op attach_next; /* a device came: its domain is to be attached */
    bool attaches;
    struct step_options opt;
    struct qi_descriptor desc[2];
};

/* ---- whose domains they are ---- */

static bool
is_vtd(const struct scenario *sc, uint32_t iommu)
{
    return iommu != SCENARIO_NONE && sc->iommus[iommu].model == IOMMU_INTEL_VTD;
}

/* A device to which the driver gives its own domain. */
static bool
has_own_domain(const struct scenario *sc, uint32_t device)
{
    const struct scenario_device *d = &sc->devices[device];

    return is_vtd(sc, d->iommu) && !d->attached_by_step && d->first_of_sid == device;
}

static bool
is_taken(const struct linux_traffic *k, uint32_t device, uint32_t domain)
{
    for (size_t i = 0; i < k->sum->n_domains; i++) {
        const struct target *g = &k->targets[i];
        if ((domain != SCENARIO_NONE && g->domain == domain) ||
            (device != SCENARIO_NONE && g->device == device)) {
            return true;
        }
    }
    return false;
}

static bool
has_target(const struct target *g)
{
    return g->device != SCENARIO_NONE || g->domain != SCENARIO_NONE;
}

static uint32_t
device_of_sid(const struct scenario *sc, uint16_t sid)
{
    for (uint32_t i = 0; sid != 0 && i < sc->n_devices; i++) {
        if (sc->devices[i].sid == sid && is_vtd(sc, sc->devices[i].iommu) &&
            sc->devices[i].first_of_sid == i) {
            return i;
        }
    }
    return SCENARIO_NONE;
}

/* By domain id, and by source id. */
static void
match_ids(struct linux_traffic *k, const struct scenario *sc)
{
    for (size_t i = 0; i < k->sum->n_domains; i++) {
        const struct linux_domain *d = &k->sum->domains[i];
        struct target *g = &k->targets[i];

        for (uint32_t j = 0; j < sc->guest.n_domains; j++) {
            const struct scenario_domain *sd = &sc->guest.domains[j];
            if (g->domain == SCENARIO_NONE && sd->has_did && sd->did == d->did) {
                g->domain = j;
            }
        }
        const uint32_t device = device_of_sid(sc, d->sid);
        if (device != SCENARIO_NONE &&
            (g->domain != SCENARIO_NONE || has_own_domain(sc, device))) {
            g->device = device;
        }
    }
}

/* The next that nobody has; false: there is none. */
static bool
match_next(struct linux_traffic *k, const struct scenario *sc, struct target *g)
{
    for (uint32_t i = 0; i < sc->n_devices; i++) {
        if (has_own_domain(sc, i) && !is_taken(k, i, SCENARIO_NONE)) {
            g->device = i;
            return true;
        }
    }
    for (uint32_t i = 0; i < sc->guest.n_domains; i++) {
        if (!sc->guest.domains[i].has_did && !is_taken(k, SCENARIO_NONE, i)) {
            g->domain = i;
            return true;
        }
    }
    return false;
}

static bool
match_domains(struct linux_traffic *k, struct err *e)
{
    const struct scenario *sc = k->t.m->sc;

    if (linux_trace_is_ambiguous(k->trace)) {
        return err_at(e, k->t.file, 0, 0, "%s", LINUX_TRACE_AMBIGUOUS);
    }
    match_ids(k, sc);
    for (size_t i = 0; i < k->sum->n_domains; i++) {
        struct target *g = &k->targets[i];
        if (!has_target(g) && !match_next(k, sc, g)) {
            return err_at(e, k->t.file, 0, 0,
                          "the trace has %zu domains, and the machine none for domain id "
                          "%u: add a device, or a domain with 'did: %u'",
                          k->sum->n_domains, k->sum->domains[i].did,
                          k->sum->domains[i].did);
        }
        g->iommu = g->domain != SCENARIO_NONE ? sc->guest.domains[g->domain].iommu
                                              : sc->devices[g->device].iommu;
    }
    k->unit = k->targets[0].iommu;
    return true;
}

/* ---- steps ---- */

static void
begin_step(struct linux_traffic *k, const struct linux_op *op, enum step_kind kind,
           struct step *out)
{
    *out = (struct step){
        .opt = &k->opt,
        .pos = { .line = op->line },
        .kind = (uint8_t)kind,
        .timing = STEP_AT,
        .when = k->began + op->ns,
        .wait = true,
    };
}

static bool
make_change(struct linux_traffic *k, const struct linux_op *op, struct step *out,
            struct err *e)
{
    const struct guest_config *g = &k->t.m->sc->guest;
    const struct target *to = &k->targets[op->domain];
    const bool is_map = op->kind == LINUX_MAP;
    const uint64_t last = op->gpa + op->size - 1,
                   tables_last = g->table_base + g->table_size - 1;

    if (is_map && g->has_table_memory && op->gpa <= tables_last &&
        last >= g->table_base) {
        return err_at(e, k->t.file, op->line, 0,
                      "the guest uses memory [0x%llx, 0x%llx] where this machine has its "
                      "tables, [0x%llx, 0x%llx]: give it more 'ram', or move "
                      "'table_memory'",
                      (unsigned long long)op->gpa, (unsigned long long)last,
                      (unsigned long long)g->table_base, (unsigned long long)tables_last);
    }
    begin_step(k, op, is_map ? STEP_MAP : STEP_UNMAP, out);
    out->u.map = (struct step_map){
        .device = to->domain == SCENARIO_NONE ? to->device : SCENARIO_NONE,
        .domain = to->domain,
        .iova = op->iova,
        .size = op->size,
        .gpa = op->gpa,
        .perm = PERM_RW,
        .flush = op->unflushed ? FLUSH_PAGE : FLUSH_NONE,
        .has_gpa = is_map,
        .has_perm = is_map,
    };
    return true;
}

/* The descriptor's domain and device as this machine calls them. */
static uint64_t
translate_ids(struct linux_traffic *k, const struct linux_op *op)
{
    const struct scenario *sc = k->t.m->sc;
    const struct target *to = &k->targets[op->domain];
    const uint64_t type = vtd_desc_type(op->words[0]);
    uint64_t lo = op->words[0];
    uint16_t did;

    if (type != VTD_DESC_DEV_IOTLB && vtd_desc_did(lo) != 0 &&
        guest_domain_id(k->t.m->guest, to->device, to->domain, &did)) {
        lo = (lo & ~VTD_BITS(31, 16)) | (uint64_t)did << 16;
    }
    if (type != VTD_DESC_IOTLB && to->device != SCENARIO_NONE) {
        lo = (lo & ~VTD_BITS(47, 32)) | (uint64_t)sc->devices[to->device].sid << 32;
    }
    return lo;
}

/* False: it does not concern this machine. Interrupts are not simulated. */
static bool
make_submit(struct linux_traffic *k, const struct linux_op *op, struct step *out)
{
    const struct scenario *sc = k->t.m->sc;
    const uint64_t type = vtd_desc_type(op->words[0]);
    const bool known = op->domain != LINUX_NO_DOMAIN;
    const uint32_t unit = known ? k->targets[op->domain].iommu : k->unit;

    if (type == VTD_DESC_IEC ||
        (type == VTD_DESC_DEV_IOTLB && !sc->iommus[unit].vtd.device_iotlb)) {
        return false;
    }
    begin_step(k, op, STEP_QI, out);
    k->desc[0] = (struct qi_descriptor){
        .type = QI_RAW,
        .n_raw = 2,
        .raw = { known ? translate_ids(k, op) : op->words[0], op->words[1] },
    };
    k->desc[1] = (struct qi_descriptor){ .type = QI_WAIT, .status = true };
    out->u.qi = (struct step_qi){ .iommu = unit, .n = 2, .desc = k->desc };
    return true;
}

/* A device that is not there comes, and goes again if it was this that brought it. */
static bool
make_plug(struct linux_traffic *k, const struct linux_op *op, struct step *out)
{
    struct target *to = &k->targets[op->domain];
    const bool comes = op->kind == LINUX_COMES;

    if (to->device == SCENARIO_NONE ||
        (comes ? k->t.m->devices[to->device].space != NULL : !to->came)) {
        return false;
    }
    to->came = comes;
    if (comes && to->domain != SCENARIO_NONE) {
        k->attach_next = *op;
        k->attaches = true;
    }
    begin_step(k, op, comes ? STEP_HOTPLUG : STEP_UNPLUG, out);
    out->u.target = (struct step_target){ .device = to->device, .iommu = SCENARIO_NONE };
    return true;
}

static void
make_attach(struct linux_traffic *k, struct step *out)
{
    const struct target *to = &k->targets[k->attach_next.domain];

    k->attaches = false;
    begin_step(k, &k->attach_next, STEP_ATTACH, out);
    out->u.attach = (struct step_attach){ .device = to->device,
                                          .domain = to->domain,
                                          .type = ATTACH_TRANSLATE };
}

static enum traffic_next
make_step(struct linux_traffic *k, const struct linux_op *op, struct step *out,
          struct err *e)
{
    bool made = false;

    switch (op->kind) {
    case LINUX_MAP:
    case LINUX_UNMAP:
        return make_change(k, op, out, e) ? TRAFFIC_STEP : TRAFFIC_ERROR;
    case LINUX_SUBMIT:
        made = make_submit(k, op, out);
        break;
    case LINUX_COMES:
    case LINUX_GOES:
        made = make_plug(k, op, out);
        break;
    }
    return made ? TRAFFIC_STEP : TRAFFIC_END;
}

static enum traffic_next
linux_traffic_next(struct traffic *t, struct step *out, struct err *e)
{
    struct linux_traffic *k = (struct linux_traffic *)t;
    struct linux_op op;
    enum linux_result r;

    if (k->attaches) {
        make_attach(k, out);
        return TRAFFIC_STEP;
    }
    while ((r = linux_trace_next(k->trace, &op, e)) == LINUX_OP) {
        const enum traffic_next made = make_step(k, &op, out, e);
        if (made != TRAFFIC_END) {
            return made;
        }
    }
    return r == LINUX_END ? TRAFFIC_END : TRAFFIC_ERROR;
}

static void
linux_traffic_free(struct traffic *t)
{
    struct linux_traffic *k = (struct linux_traffic *)t;

    linux_trace_close(k->trace);
    free(k->targets);
    free(k);
}

static const struct traffic_ops linux_ops = { linux_traffic_next, linux_traffic_free };

struct traffic *
linux_traffic_new(struct machine *m, const struct step *s, struct err *e)
{
    struct linux_trace *trace = linux_trace_open(s->u.replay.path, e);

    if (trace == NULL) {
        return NULL;
    }
    struct linux_traffic *k = xcalloc(1, sizeof(*k));
    k->t = (struct traffic){ .ops = &linux_ops, .m = m, .file = s->u.replay.capture };
    k->trace = trace;
    k->sum = linux_trace_summary(trace);
    k->targets = xcalloc(k->sum->n_domains, sizeof(*k->targets));
    for (size_t i = 0; i < k->sum->n_domains; i++) {
        k->targets[i].device = k->targets[i].domain = SCENARIO_NONE;
    }
    k->began = sim_now(m->env.sim);
    k->opt = (struct step_options){ .repeat = 1 };
    if (!match_domains(k, e)) {
        linux_traffic_free(&k->t);
        return NULL;
    }
    return &k->t;
}
