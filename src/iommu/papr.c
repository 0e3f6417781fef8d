/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PAPR TCE model: a PCI host bridge with a default window, and others that
 * firmware makes, or one VIO table. The devices of a bridge share one address space,
 * in which each window that is switched on is a section. Addresses outside all
 * windows fault.
 *
 * Source: reference on PAPR TCE, sections 2, 5, 7, 8 and 10; LoPAR 2.9.
 */
#include <assert.h>
#include <stdlib.h>

#include "iommu/papr_bridge.h"
#include "iommu/papr_kernel.h"

static struct papr *
papr_of(struct iommu *m)
{
    assert(m->ops->kind == IOMMU_KIND_PAPR);
    return (struct papr *)m;
}

static const struct papr *
papr_of_const(const struct iommu *m)
{
    return (const struct papr *)m;
}

/* --- what every IOMMU does --- */

static struct space *
papr_attach(struct iommu *m, uint16_t sid, const char *device, struct err *e)
{
    struct papr *p = papr_of(m);

    (void)sid;
    (void)device;
    if (p->absent) {
        err_set(e, "its bridge is not plugged in");
        return NULL;
    }
    return &p->space;
}

static void
papr_detach(struct iommu *m, uint16_t sid)
{
    (void)m;
    (void)sid;
}

static void
record_fault(struct papr *p, uint16_t sid, uint64_t addr, enum perm access)
{
    const struct env *env = p->iommu.env;
    struct trace_rec r;

    p->faults++;
    if (!trace_wants(env->trace, TE_FAULT)) {
        return;
    }
    trace_begin(&r, sim_now(env->sim), p->iommu.id, TE_FAULT);
    trace_u64(&r, TF_SID, sid);
    trace_u64(&r, TF_ADDR, addr);
    trace_text(&r, TF_ACCESS, access == PERM_W ? "write" : "read");
    trace_emit(env->trace, &r);
}

/* The window that a device's address meets, or NULL. */
static const struct papr_table *
window_at(const struct papr *p, uint64_t iova, uint64_t *index)
{
    for (unsigned i = p->n_tables; i-- > 0;) {
        if (papr_table_met_at(&p->table[i], iova, index)) {
            return &p->table[i];
        }
    }
    return NULL;
}

/* Where the adapter's table is bypassed. */
static enum xlate_result
translate_bypassed(struct papr *p, const struct iommu_request *q, struct xlate *out)
{
    const struct mem_range *r = mem_range_of(p->iommu.env->mem, GPA(q->iova));

    if (r == NULL || r->kind != MEM_RAM) {
        record_fault(p, q->sid, q->iova, q->access);
        return XLATE_FAULT;
    }
    *out = (struct xlate){
        .gpa = GPA(q->iova), .first = r->first, .last = r->last, .perm = PERM_RW
    };
    return XLATE_OK;
}

static enum xlate_result
papr_translate(struct iommu *m, const struct iommu_request *q, struct xlate *out)
{
    struct papr *p = papr_of(m);
    const uint64_t iova = q->iova;
    uint64_t index;
    const struct papr_table *t = window_at(p, iova, &index);
    uint64_t tce = t != NULL ? papr_table_get(t, index) : 0;

    if (p->bypass) {
        return translate_bypassed(p, q, out);
    }
    if (papr_meets_interrupts(p, iova)) { /* not for memory, and no fault */
        return XLATE_FAULT;
    }
    if ((papr_tce_perm(tce) & q->access) != q->access) {
        record_fault(p, q->sid, iova, q->access);
        return XLATE_FAULT;
    }
    assert(t != NULL);
    uint64_t offset_mask = (UINT64_C(1) << t->page_lg2) - 1;

    *out = (struct xlate){
        .gpa = GPA(papr_tce_target(tce, t->page_lg2) | (iova & offset_mask)),
        .first = iova & ~offset_mask,
        .last = iova | offset_mask,
        .perm = papr_tce_perm(tce),
    };
    return XLATE_OK;
}

static void
papr_reset(struct iommu *m)
{
    const struct env *env = m->env;

    if (trace_wants(env->trace, TE_RESET)) {
        struct trace_rec r;

        trace_begin(&r, sim_now(env->sim), m->id, TE_RESET);
        trace_emit(env->trace, &r);
    }
    papr_restore_default(papr_of(m), CAUSE_RESET);
    papr_set_bypass(papr_of(m), false);
}

static void
papr_plug(struct iommu *m, bool in)
{
    struct papr *p = papr_of(m);

    if (p->absent == in) {
        p->absent = !in;
        papr_reset(m);
    }
}

static void
papr_reset_device(struct iommu *m, uint16_t sid)
{
    (void)sid;
    if (papr_of(m)->vio) { /* the table is the adapter's own */
        papr_reset(m);
    }
}

static void
papr_migrated(struct iommu *m)
{
    papr_migrate(papr_of(m));
}

static uint64_t
papr_faults(const struct iommu *m)
{
    return papr_of_const(m)->faults;
}

/* The table that a call is taken to name. */
static uint64_t
liobn_taken(const struct iommu *m, uint64_t liobn)
{
    return env_quirk(m->env, QUIRK_PAPR_LIOBN_TRUNC) ? (uint32_t)liobn : liobn;
}

static int64_t
papr_unknown_liobn(const struct iommu *m, uint64_t liobn)
{
    return papr_of_const(m)->rules->unknown(liobn);
}

static bool
papr_owns_liobn(const struct iommu *m, uint64_t liobn)
{
    const struct papr *p = papr_of_const(m);

    return !p->absent && liobn_taken(m, liobn) - p->table[0].liobn < p->n_tables;
}

static void
papr_hcall(struct iommu *m, struct hcall *h)
{
    struct papr *p = papr_of(m);
    const struct mem *ram = m->env->mem;
    struct papr_table *t;

    h->liobn = liobn_taken(m, h->liobn);
    t = papr_table_of(p, h->liobn);

    if (t->in_kernel && papr_kernel_hcall(t, ram, h)) {
        return;
    }
    switch (h->op) {
    case HCALL_PUT_TCE:
        h->ret = p->rules->put(t, ram, h);
        break;
    case HCALL_PUT_TCE_INDIRECT:
        h->ret = p->rules->put_indirect(t, ram, h);
        break;
    case HCALL_STUFF_TCE:
        h->ret = p->rules->stuff(t, ram, h);
        break;
    case HCALL_GET_TCE:
        h->ret = papr_hcall_get(t, h);
        break;
    }
}

static size_t
papr_windows(const struct iommu *m, struct iommu_window *out, size_t max)
{
    const struct papr *p = papr_of_const(m);
    size_t n = 0;

    for (; n < p->n_tables && n < max; n++) {
        const struct papr_table *t = &p->table[n];

        out[n] = (struct iommu_window){
            .liobn = t->liobn,
            .base = t->base,
            .page_lg2 = t->page_lg2,
            .entries = t->is_leaving ? 0 : t->entries,
            .interrupts = !p->vio,
            .tces = t->tces,
        };
    }
    return n;
}

static bool
papr_bypassed(const struct iommu *m)
{
    return papr_of_const(m)->bypass;
}

static bool
papr_answer_rtas(struct iommu *m, struct rtas *r)
{
    return !papr_of(m)->absent && papr_rtas(papr_of(m), r);
}

static void
papr_free(struct iommu *m)
{
    struct papr *p = papr_of(m);

    space_fini(&p->space);
    for (unsigned i = 0; i < p->n_tables; i++) {
        papr_table_fini(&p->table[i]);
    }
    free(p);
}

static const struct iommu_ops papr_ops = {
    .kind = IOMMU_KIND_PAPR,
    .free = papr_free,
    .attach = papr_attach,
    .detach = papr_detach,
    .translate = papr_translate,
    .reset = papr_reset,
    .plug = papr_plug,
    .reset_device = papr_reset_device,
    .migrate = papr_migrated,
    .faults = papr_faults,
    .owns_liobn = papr_owns_liobn,
    .hcall = papr_hcall,
    .unknown_liobn = papr_unknown_liobn,
    .rtas = papr_answer_rtas,
    .windows = papr_windows,
    .bypassed = papr_bypassed,
};

static void
take_quirks(struct papr *p, struct papr_manners *manners)
{
    const struct env *env = p->iommu.env;

    p->rules =
        env_quirk(env, QUIRK_PAPR_PER_ENTRY) ? &papr_rules_qemu : &papr_rules_lopar;
    p->quirk = (struct papr_window_quirks){
        .silent_teardown = env_quirk(env, QUIRK_PAPR_SILENT_TEARDOWN),
        .no_default_restore = env_quirk(env, QUIRK_PAPR_NO_DEFAULT_RESTORE),
        .no_rebuild = env_quirk(env, QUIRK_MIG_NO_REBUILD),
        .sticky_default = env_quirk(env, QUIRK_PAPR_STICKY_DEFAULT),
        .oversized_kept = env_quirk(env, QUIRK_PAPR_OVERSIZED_KEPT),
        .shift_modulo = env_quirk(env, QUIRK_PAPR_SHIFT_MODULO),
        .migrate_by_count = env_quirk(env, QUIRK_PAPR_MIGRATE_BY_COUNT),
        .msi_shadowed = env_quirk(env, QUIRK_PAPR_MSI_SHADOWED),
    };
    manners->lone_map = env_quirk(env, QUIRK_PAPR_LONE_MAP);
    manners->replay_all = env_quirk(env, QUIRK_PAPR_REPLAY_ALL);
}

static uint64_t
window_bytes(const struct papr *p, const struct iommu_papr_config *c)
{
    return env_quirk(p->iommu.env, QUIRK_PAPR_WINDOW_SIZE_32) ? (uint32_t)c->window_size
                                                              : c->window_size;
}

static void
take_offer(struct papr *p, const struct iommu_papr_config *c)
{
    p->buid = c->buid;
    p->ddw = c->ddw;
    p->page_sizes = c->page_sizes;
    p->max_windows = c->vio ? 1 : c->max_windows != 0 ? c->max_windows : PAPR_WINDOWS;
    p->dynamic_base = c->dynamic_base != 0 ? c->dynamic_base : PAPR_DYNAMIC_BASE;
    assert(p->max_windows <= PAPR_WINDOWS_MAX);
    p->n_tables = c->vio || p->max_windows > PAPR_WINDOWS ? p->max_windows : PAPR_WINDOWS;
    p->default_base = c->window_base;
    if (c->has_window) {
        p->default_page_lg2 = c->page_lg2;
        p->default_entries = window_bytes(p, c) >> c->page_lg2;
        assert(
            p->default_entries == 0 ||
            papr_geometry_is_possible(p->default_base, c->page_lg2, p->default_entries));
    }
}

struct iommu *
papr_new(const struct iommu_papr_config *c, struct env *env)
{
    struct papr *p = xcalloc(1, sizeof(*p));
    struct papr_manners manners = { .acceleration = c->acceleration };

    p->iommu = (struct iommu){ .ops = &papr_ops, .id = c->id, .env = env };
    p->vio = c->vio;
    p->bypass = c->vio && c->bypass;
    take_quirks(p, &manners);
    take_offer(p, c);
    for (unsigned i = 0; i < p->n_tables; i++) {
        papr_table_init(&p->table[i], c->liobn + i, c->id, env, &manners);
    }
    space_init(&p->space, c->id, env);
    papr_power_on(p);
    return &p->iommu;
}
