/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Steps that store single entries of VT-d's tables as they stand and tell nobody. See
 * intel_driver.h.
 */
#include "guest/intel_domain.h"
#include "guest/intel_driver.h"

#include "guest/op.h"
#include "guest/state.h"
#include "scenario/entry_layout.h"

struct phase
intel_pte(struct op *op)
{
    const struct step_pte *s = &op->step->u.pte;
    struct intel_domain *d = op->g->domains[s->domain];
    struct intel_work *w = &op->vtd;
    gpa_t slot;

    table_work_begin(&w->tables, s->iova, s->iova);
    if (d->type == DOMAIN_PASSTHROUGH) {
        op_fail(op, "no-tables");
    } else if (s->level > d->tables.levels) {
        op_fail(op, "beyond-address-width");
    } else if (!intel_tables_slot(&d->tables, s->iova, s->level, &w->tables, &slot)) {
        op_fail(op, "table-memory-exhausted");
    } else {
        mem_write64le(op->g->env->mem, slot, s->value);
        op_charge(op, LATENCY_PTE_WRITE, w->tables.stores + 1);
        intel_forget_tables(op->g);
    }
    return PHASE(op_end);
}

/* Where the step's entry is, with the tables that lead to it. */
static bool
entry_at(struct op *op, const struct step_entry *s, gpa_t *at)
{
    switch ((enum entry_layout_id)s->layout) {
    case ENTRY_ROOT:
        if (!intel_have_root_table(op)) {
            return false;
        }
        *at = GPA(
            vtd_root_addr(op->vtd.unit->root_table.v, op->g->sc->devices[s->device].sid));
        return true;
    case ENTRY_CONTEXT:
        return intel_context_at(op, false, at);
    case ENTRY_SM_CONTEXT:
        return intel_context_at(op, true, at);
    case ENTRY_PASID_DIR:
        return intel_directory_at(op, s->pasid, at);
    case ENTRY_PASID:
        return intel_pasid_at(op, s->pasid, at);
    case ENTRY_LAYOUTS:
        break;
    }
    return false;
}

/* What the fields that are not given say. False, failed: no memory. */
static bool
entry_base(struct op *op, const struct step_entry *s, uint64_t word[8])
{
    struct intel_domain *d =
        s->domain != SCENARIO_NONE ? op->g->domains[s->domain] : NULL;

    word[0] = 1;
    switch ((enum entry_layout_id)s->layout) {
    case ENTRY_CONTEXT:
        return d == NULL || intel_context_entry(op, d, word);
    case ENTRY_SM_CONTEXT:
        return intel_sm_context_entry(op, word);
    case ENTRY_PASID:
        return d == NULL || intel_pasid_entry(op, d, word);
    case ENTRY_ROOT:
    case ENTRY_PASID_DIR:
    case ENTRY_LAYOUTS:
        break;
    }
    return true;
}

/* Root and directory entries: what is not given stays. */
static void
keep_what_is_there(struct op *op, gpa_t at, unsigned words, uint64_t *word)
{
    for (unsigned i = 0; i < words; i++) {
        word[i] = mem_read64le(op->g->env->mem, GPA(at.v + 8 * (uint64_t)i));
    }
}

struct phase
intel_entry_step(struct op *op)
{
    const struct step_entry *s = op->step->u.entry;
    const unsigned words = entry_layout((enum entry_layout_id)s->layout)->words;
    uint64_t word[8] = { 0 };
    gpa_t at;

    op->vtd.unit = op->g->units[s->iommu];
    op->vtd.device = intel_device(op->g, s->device);
    if ((!s->has_raw && !entry_base(op, s, word)) || !entry_at(op, s, &at)) {
        return PHASE(op_end);
    }
    if (s->layout == ENTRY_ROOT || s->layout == ENTRY_PASID_DIR) {
        keep_what_is_there(op, at, words, word);
    }
    for (unsigned i = 0; i < words; i++) {
        word[i] = (word[i] & ~s->given[i]) | s->value[i];
    }
    intel_store_entry(op, at, word, words);
    return PHASE(op_end);
}
