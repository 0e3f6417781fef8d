/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Root, context and PASID entries in memory: see intel_entry.h. */
#include "guest/intel_entry.h"

#include "guest/intel_domain.h"
#include "guest/op.h"
#include "guest/state.h"
#include "iommu/vtd_reg_fmt.h"
#include "iommu/vtd_sm_fmt.h"

enum {
    WORDS_MAX = VTD_PASID_ENTRY_BYTES / 8,
    PASIDS_PER_TABLE = 64,
    PASIDS_PER_DIRECTORY_PAGE = 512 * PASIDS_PER_TABLE,
};

static uint16_t
sid_of(const struct op *op)
{
    return op->g->sc->devices[op->vtd.device].sid;
}

static uint64_t
load(const struct op *op, gpa_t at)
{
    return mem_read64le(op->g->env->mem, at);
}

static void
store(struct op *op, gpa_t at, uint64_t v)
{
    mem_write64le(op->g->env->mem, at, v);
}

void
intel_store_entry(struct op *op, gpa_t at, const uint64_t *word, unsigned n)
{
    bool present = (word[0] & 1) != 0;

    for (unsigned i = 0; i < n; i++) {
        unsigned word_at = present ? n - 1 - i : i;

        store(op, GPA(at.v + 8 * (uint64_t)word_at), word[word_at]);
    }
    op_charge(op, LATENCY_PTE_WRITE, 1);
}

static bool
take_page(struct op *op, gpa_t *page)
{
    if (!table_pages_take(&op->g->pages, page)) {
        op_fail(op, "table-memory-exhausted");
        return false;
    }
    return true;
}

/* ---- root and context entries ---- */

bool
intel_have_root_table(struct op *op)
{
    struct intel_unit *u = op->vtd.unit;

    if (!u->has_root_table) {
        u->has_root_table = take_page(op, &u->root_table);
    }
    return u->has_root_table;
}

/* The word of the root entry that serves the device, in one of the formats. */
static gpa_t
root_word_at(const struct op *op, bool scalable)
{
    uint64_t at = vtd_root_addr(op->vtd.unit->root_table.v, sid_of(op));

    return GPA(scalable && vtd_sid_devfn(sid_of(op)) >= 128 ? at + 8 : at);
}

/* Where the device's context entry is; false: there is no table for it. */
static bool
find_context(const struct op *op, bool scalable, gpa_t *at)
{
    uint64_t root;

    if (!op->vtd.unit->has_root_table) {
        return false;
    }
    root = load(op, root_word_at(op, scalable));
    *at = GPA(scalable ? vtd_sm_ctx_addr(root, sid_of(op))
                       : vtd_ctx_addr(root, sid_of(op)));
    return (root & VTD_ROOT_P) != 0;
}

bool
intel_context_at(struct op *op, bool scalable, gpa_t *at)
{
    gpa_t table;

    op->vtd.new_root_entry = false;
    if (!intel_have_root_table(op)) {
        return false;
    }
    if (find_context(op, scalable, at)) {
        return true;
    }
    if (!take_page(op, &table)) {
        return false;
    }
    store(op, root_word_at(op, scalable), table.v | VTD_ROOT_P);
    op_charge(op, LATENCY_PTE_WRITE, 1);
    op->vtd.new_root_entry = true;
    find_context(op, scalable, at);
    return true;
}

static unsigned
largest_aw(const struct intel_unit *u)
{
    uint64_t sagaw = u->cap >> 8 & 31;

    return sagaw == 0 ? 0 : 63U - (unsigned)__builtin_clzll(sagaw);
}

/* The top table of d; 0 if it has none. False, failed: no memory. */
static bool
top_table(struct op *op, struct intel_domain *d, uint64_t *table)
{
    gpa_t root = GPA(0);

    if (d->type != DOMAIN_PASSTHROUGH && !intel_tables_root(&d->tables, &root)) {
        op_fail(op, "table-memory-exhausted");
        return false;
    }
    *table = root.v;
    return true;
}

bool
intel_context_entry(struct op *op, struct intel_domain *d, uint64_t word[2])
{
    uint64_t table;

    if (!top_table(op, d, &table)) {
        return false;
    }
    if (d->type == DOMAIN_PASSTHROUGH) {
        word[0] = vtd_ctx_lo(VTD_TT_PASS, 0);
        word[1] = vtd_ctx_hi(largest_aw(d->unit), d->did);
    } else {
        word[0] = vtd_ctx_lo(intel_has_device_tlb(op, op->vtd.device) ? VTD_TT_ATS
                                                                      : VTD_TT_TRANSLATE,
                             table);
        word[1] = vtd_ctx_hi(vtd_aw_code(d->aw_bits), d->did);
    }
    return true;
}

/* ---- PASID directory ---- */

/* Linux makes whole pages of directory, as many as the device has PASIDs for. */
static uint64_t
directory_pages(const struct op *op)
{
    uint64_t pasids = op->g->sc->devices[op->vtd.device].pasids, pages = 1;

    while (pages * PASIDS_PER_DIRECTORY_PAGE < pasids) {
        pages *= 2;
    }
    return pages;
}

static bool
need_directory(struct op *op)
{
    struct intel_function *f = &op->g->functions[op->vtd.device];
    uint64_t pages = directory_pages(op);

    if (f->directory_pages == 0) {
        if (!table_pages_take_many(&op->g->pages, pages, &f->directory)) {
            op_fail(op, "table-memory-exhausted");
            return false;
        }
        f->directory_pages = pages;
    }
    return true;
}

bool
intel_directory_at(struct op *op, uint32_t pasid, gpa_t *at)
{
    const struct intel_function *f = &op->g->functions[op->vtd.device];

    if (!need_directory(op)) {
        return false;
    }
    if (pasid / PASIDS_PER_DIRECTORY_PAGE >= f->directory_pages) {
        op_fail(op, "beyond-pasid-directory");
        return false;
    }
    *at = GPA(vtd_pasid_dir_addr(f->directory.v, pasid));
    return true;
}

bool
intel_pasid_at(struct op *op, uint32_t pasid, gpa_t *at)
{
    gpa_t up, table;
    uint64_t dir;

    if (!intel_directory_at(op, pasid, &up)) {
        return false;
    }
    dir = load(op, up);
    if ((dir & VTD_PASID_DIR_P) == 0) {
        if (!take_page(op, &table)) {
            return false;
        }
        dir = table.v | VTD_PASID_DIR_P;
        store(op, up, dir);
        op_charge(op, LATENCY_PTE_WRITE, 1);
    }
    *at = GPA(vtd_pasid_addr(dir, pasid));
    return true;
}

/* Where the PASID's entry is, if there is a table for it. */
static bool
find_pasid(const struct op *op, gpa_t *at)
{
    const struct intel_function *f = &op->g->functions[op->vtd.device];
    uint32_t pasid = op->vtd.pasid == IOMMU_NO_PASID ? 0 : op->vtd.pasid;
    uint64_t dir;

    if (pasid / PASIDS_PER_DIRECTORY_PAGE >= f->directory_pages) {
        return false;
    }
    dir = load(op, GPA(vtd_pasid_dir_addr(f->directory.v, pasid)));
    *at = GPA(vtd_pasid_addr(dir, pasid));
    return (dir & VTD_PASID_DIR_P) != 0;
}

void
intel_function_init(struct guest *g, uint32_t device)
{
    g->functions[device] = (struct intel_function){ .ats = g->sc->devices[device].ats };
}

void
intel_function_free(struct guest *g, uint32_t device)
{
    struct intel_function *f = &g->functions[device];
    uint64_t entries = f->directory_pages * 512;

    for (uint64_t i = 0; i < entries; i++) {
        uint64_t dir = mem_read64le(g->env->mem, GPA(f->directory.v + 8 * i));

        if ((dir & VTD_PASID_DIR_P) != 0) {
            table_pages_give(&g->pages, GPA(dir & VTD_PASID_DIR_PTR));
        }
    }
    for (uint64_t i = 0; i < f->directory_pages; i++) {
        table_pages_give(&g->pages, GPA(f->directory.v + i * PAGE_BYTES));
    }
    intel_function_init(g, device);
}

/* ---- entries of scalable mode ---- */

bool
intel_sm_context_entry(struct op *op, uint64_t word[4])
{
    const struct scenario_device *d = &op->g->sc->devices[op->vtd.device];
    const struct intel_function *f = &op->g->functions[op->vtd.device];
    unsigned pdts;

    if (!need_directory(op)) {
        return false;
    }
    /* 2^(pdts + 7) entries, 512 to a page */
    pdts = 2 + (unsigned)__builtin_ctzll(f->directory_pages);
    word[0] = f->directory.v | VTD_SM_CTX_PDTS(pdts) | VTD_SM_CTX_P;
    if (intel_has_device_tlb(op, op->vtd.device)) {
        word[0] |= VTD_SM_CTX_DTE;
    }
    if (d->pasids > 0 && (op->vtd.unit->ecap & VTD_ECAP_PASID) != 0) {
        word[0] |= VTD_SM_CTX_PASIDE;
    }
    word[1] = word[2] = word[3] = 0;
    return true;
}

static bool
set_second_stage(struct op *op, struct intel_domain *d, uint64_t *word)
{
    uint64_t table;

    if (!top_table(op, d, &table)) {
        return false;
    }
    word[0] |= table | VTD_PASID_AW(vtd_aw_code(d->aw_bits));
    return true;
}

static bool
set_first_stage(struct op *op, struct intel_domain *d, uint64_t *word)
{
    uint64_t table;

    if (!top_table(op, d, &table)) {
        return false;
    }
    word[2] = table | VTD_PASID_FSPM(d->tables.levels - 4);
    return true;
}

bool
intel_pasid_entry(struct op *op, struct intel_domain *d, uint64_t word[8])
{
    static const enum vtd_pgtt pgtt[] = {
        [DOMAIN_SECOND_STAGE] = VTD_PGTT_SECOND,
        [DOMAIN_FIRST_STAGE] = VTD_PGTT_FIRST,
        [DOMAIN_NESTED] = VTD_PGTT_NESTED,
        [DOMAIN_PASSTHROUGH] = VTD_PGTT_PASS,
    };

    for (unsigned i = 0; i < WORDS_MAX; i++) {
        word[i] = 0;
    }
    word[0] = VTD_PASID_P | VTD_PASID_PGTT(pgtt[d->type]);
    word[1] = VTD_PASID_DID(d->did);
    switch (d->type) {
    case DOMAIN_SECOND_STAGE:
        return set_second_stage(op, d, word);
    case DOMAIN_NESTED:
        return set_second_stage(op, d->parent, word) && set_first_stage(op, d, word);
    case DOMAIN_FIRST_STAGE:
        word[0] |= VTD_PASID_AW(largest_aw(d->unit));
        return set_first_stage(op, d, word);
    case DOMAIN_PASSTHROUGH:
        word[0] |= VTD_PASID_AW(largest_aw(d->unit));
        break;
    }
    return true;
}

/* A context entry that leads to the device's PASID directory, if there is none yet. */
static bool
bind_function(struct op *op)
{
    uint64_t word[4];
    gpa_t at;

    op->vtd.new_context = false;
    if (!intel_context_at(op, true, &at)) {
        return false;
    }
    if ((load(op, at) & VTD_SM_CTX_P) != 0) {
        return true;
    }
    op->vtd.new_context = true;
    if (!intel_sm_context_entry(op, word)) {
        return false;
    }
    intel_store_entry(op, at, word, 4);
    return true;
}

/* ---- binding ---- */

bool
intel_bind(struct op *op, struct intel_domain *d, struct intel_binding *is)
{
    bool scalable = op->vtd.unit->scalable;
    uint32_t pasid = op->vtd.pasid == IOMMU_NO_PASID ? 0 : op->vtd.pasid;
    uint64_t word[WORDS_MAX];
    gpa_t at;

    if (!intel_domain_identify(d)) {
        op_fail(op, "no-domain-id");
        return false;
    }
    is->did = d->did;
    op->vtd.new_context = !scalable;
    if (scalable
            ? !intel_pasid_entry(op, d, word) || !bind_function(op) ||
                  !intel_pasid_at(op, pasid, &at)
            : !intel_context_entry(op, d, word) || !intel_context_at(op, false, &at)) {
        return false;
    }
    intel_store_entry(op, at, word, scalable ? WORDS_MAX : 2);
    return true;
}

/* The entry that binds, and what it says; false: there is no table for it. */
static bool
find_binding(const struct op *op, gpa_t *at, uint64_t *lo, struct intel_binding *was)
{
    bool scalable = op->vtd.unit->scalable;

    if (scalable ? !find_pasid(op, at) : !find_context(op, false, at)) {
        return false;
    }
    *lo = load(op, *at);
    const uint64_t hi = load(op, GPA(at->v + 8));
    if (scalable) {
        const struct vtd_pasid_entry e = { .v = { *lo, hi } };
        unsigned pgtt = vtd_pasid_pgtt(&e);

        was->did = vtd_pasid_did(&e);
        was->by_pasid = pgtt == VTD_PGTT_FIRST || pgtt == VTD_PGTT_PASS;
    } else {
        *was = (struct intel_binding){ vtd_ctx_did(hi), false };
    }
    return true;
}

bool
intel_tear(struct op *op, struct intel_binding *was)
{
    const uint64_t gone[WORDS_MAX] = { 0 };
    uint64_t lo;
    gpa_t at;

    if (!find_binding(op, &at, &lo, was) || (lo & VTD_CTX_P) == 0) {
        return false;
    }
    intel_store_entry(op, GPA(at.v + 8), gone,
                      (op->vtd.unit->scalable ? WORDS_MAX : 2) - 1);
    return true;
}

bool
intel_unbind(struct op *op, struct intel_binding *was)
{
    const uint64_t gone[WORDS_MAX] = { op->vtd.keep_fpd ? VTD_PASID_FPD : 0 };
    uint64_t lo;
    gpa_t at;

    if (!find_binding(op, &at, &lo, was)) {
        return false;
    }
    intel_store_entry(op, at, gone, op->vtd.unit->scalable ? WORDS_MAX : 2);
    return (lo & VTD_CTX_P) != 0;
}

bool
intel_drop_function(struct op *op)
{
    const uint64_t gone[4] = { 0 };
    uint64_t was;
    gpa_t at;

    if (!find_context(op, true, &at)) {
        return false;
    }
    was = load(op, at);
    intel_store_entry(op, at, gone, 4);
    return (was & VTD_SM_CTX_P) != 0;
}

/* A context entry that may allow ATS; pass-through of legacy mode says so by itself. */
static uint64_t
with_ats(uint64_t lo, bool scalable, bool on)
{
    if (scalable) {
        return on ? lo | VTD_SM_CTX_DTE : lo & ~VTD_SM_CTX_DTE;
    }
    if (vtd_ctx_tt(lo) != VTD_TT_TRANSLATE && vtd_ctx_tt(lo) != VTD_TT_ATS) {
        return lo;
    }
    return vtd_ctx_lo(on ? VTD_TT_ATS : VTD_TT_TRANSLATE, lo & VTD_CTX_PTR) |
           (lo & VTD_CTX_FPD);
}

bool
intel_allow_ats(struct op *op, bool on)
{
    const bool scalable = op->vtd.unit->scalable;
    gpa_t at;

    if (!find_context(op, scalable, &at)) {
        return false;
    }
    const uint64_t lo = load(op, at), now = with_ats(lo, scalable, on);
    if ((lo & VTD_CTX_P) == 0 || now == lo) {
        return false;
    }
    intel_store_entry(op, at, &now, 1);
    return true;
}
