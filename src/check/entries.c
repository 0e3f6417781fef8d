/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See entries.h. */
#include "check/entries.h"

/*
 * Read n words of an entry into `words`, and note the place; false if there is no
 * memory.
 */
static bool
read_words(const struct mem *mem, uint64_t at, uint64_t *words, unsigned n,
           struct entry_place *place)
{
    if (!mem_is_ram(mem, GPA(at))) {
        return false;
    }
    *place = (struct entry_place){ .at = at, .bytes = 8 * n };
    for (unsigned i = 0; i < n; i++) {
        words[i] = mem_read64le(mem, GPA(at + 8 * i));
    }
    return true;
}

static bool
read_pair(const struct mem *mem, uint64_t at, struct vtd_pair *e,
          struct entry_place *place)
{
    uint64_t words[2];

    if (!read_words(mem, at, words, 2, place)) {
        return false;
    }
    *e = (struct vtd_pair){ .lo = words[0], .hi = words[1] };
    return true;
}

/* Address bits that no memory has. */
static uint64_t
beyond(const struct iommu_roots *roots)
{
    return ~VTD_BITS(roots->aw_bits - 1, 0);
}

/* ---- legacy mode ---- */

static bool
legacy_root_is_sound(const struct iommu_roots *roots, struct vtd_pair e)
{
    return (e.lo & VTD_ROOT_P) != 0 && (e.lo & (VTD_ROOT_LO_RSVD | beyond(roots))) == 0 &&
           (e.hi & VTD_ROOT_HI_RSVD) == 0;
}

static enum entries_state
judge_legacy(const struct iommu_roots *roots, struct vtd_pair e)
{
    unsigned aw = vtd_ctx_aw(e.hi), widest = vtd_aw_code(roots->aw_bits);
    bool has_table = vtd_ctx_tt(e.lo) != VTD_TT_PASS;

    if ((e.lo & (VTD_CTX_LO_RSVD | (has_table ? beyond(roots) : 0))) != 0 ||
        (e.hi & VTD_CTX_HI_RSVD) != 0 || aw < 1 || aw > widest) {
        return ENTRIES_BLOCKED;
    }
    switch (vtd_ctx_tt(e.lo)) {
    case VTD_TT_ATS:
        return roots->device_iotlb ? ENTRIES_TRANSLATED : ENTRIES_BLOCKED;
    case VTD_TT_TRANSLATE:
        return ENTRIES_TRANSLATED;
    case VTD_TT_PASS:
        return roots->pass_through && aw == widest ? ENTRIES_IDENTITY : ENTRIES_BLOCKED;
    case VTD_TT_RESERVED:
        break;
    }
    return ENTRIES_BLOCKED;
}

static void
read_legacy(const struct mem *mem, const struct iommu_roots *roots, uint16_t sid,
            struct entries *out)
{
    const uint64_t at = vtd_ctx_addr(out->root.lo, sid);

    if (!legacy_root_is_sound(roots, out->root) ||
        !read_pair(mem, at, &out->context, &out->places[ENTRY_CONTEXT]) ||
        (out->context.lo & VTD_CTX_P) == 0) {
        return;
    }
    out->led = true;
    out->did = vtd_ctx_did(out->context.hi);
    out->state = judge_legacy(roots, out->context);
    out->ats =
        out->state == ENTRIES_TRANSLATED && vtd_ctx_tt(out->context.lo) == VTD_TT_ATS;
    out->second = out->context.lo & VTD_CTX_PTR;
    out->second_levels = vtd_aw_levels(vtd_ctx_aw(out->context.hi));
}

/* ---- scalable mode ---- */

static bool
sm_context_is_sound(const struct iommu_roots *roots, const struct vtd_sm_context *e)
{
    const uint64_t absent = (roots->device_iotlb ? 0 : VTD_SM_CTX_DTE) |
                            (roots->pasid_bits != 0 ? 0 : VTD_SM_CTX_PASIDE) |
                            VTD_SM_CTX_PRE; /* there are no page requests */

    return (e->v[0] & VTD_SM_CTX_P) != 0 &&
           (e->v[0] & (VTD_SM_CTX_V0_RSVD | absent | beyond(roots))) == 0 &&
           (e->v[1] & VTD_SM_CTX_V1_RSVD) == 0 && e->v[2] == 0 && e->v[3] == 0;
}

/* The PASID to look up for requests with `pasid`, or without; false: blocked. */
static bool
pasid_to_use(const struct iommu_roots *roots, const struct vtd_sm_context *e,
             uint32_t pasid, uint32_t *out)
{
    *out = pasid == IOMMU_NO_PASID ? vtd_sm_ctx_rid_pasid(e) : pasid;
    if (pasid != IOMMU_NO_PASID &&
        (roots->pasid_bits == 0 || (e->v[0] & VTD_SM_CTX_PASIDE) == 0)) {
        return false;
    }
    return *out >> 6 < vtd_sm_ctx_directory(e);
}

static bool
aw_is_sound(const struct iommu_roots *roots, const struct vtd_pasid_entry *e)
{
    const unsigned aw = vtd_pasid_aw(e);

    return aw >= 1 && aw <= vtd_aw_code(roots->aw_bits);
}

static bool
second_is_sound(const struct iommu_roots *roots, const struct vtd_pasid_entry *e)
{
    return aw_is_sound(roots, e) && (e->v[0] & VTD_PASID_SSPTR & beyond(roots)) == 0;
}

static bool
first_is_sound(const struct iommu_roots *roots, const struct vtd_pasid_entry *e)
{
    return roots->first_stage &&
           (vtd_pasid_fspm(e) == 0 || (vtd_pasid_fspm(e) == 1 && roots->aw_bits >= 57)) &&
           (e->v[2] & VTD_PASID_ERE) == 0;
}

/* Bits of any entry that are reserved, or stand for what no unit here offers. */
static bool
has_reserved_bits(const struct vtd_pasid_entry *e)
{
    uint64_t bad = (e->v[0] & (VTD_PASID_V0_RSVD | VTD_PASID_SSEE | VTD_PASID_SSADE)) |
                   (e->v[1] & (VTD_BITS(31, 27) | VTD_BITS(22, 16))) |
                   (e->v[2] & VTD_PASID_V2_RSVD);

    for (unsigned i = 3; i < 8; i++) {
        bad |= e->v[i];
    }
    return bad != 0;
}

static enum entries_state
judge_pasid(const struct iommu_roots *roots, const struct vtd_pasid_entry *e)
{
    bool sound = false;

    if (has_reserved_bits(e)) {
        return ENTRIES_BLOCKED;
    }
    switch (vtd_pasid_pgtt(e)) {
    case VTD_PGTT_FIRST:
        sound =
            first_is_sound(roots, e) && (e->v[2] & VTD_PASID_FSPTR & beyond(roots)) == 0;
        break;
    case VTD_PGTT_SECOND:
        sound = second_is_sound(roots, e);
        break;
    case VTD_PGTT_NESTED:
        sound = first_is_sound(roots, e) && second_is_sound(roots, e);
        break;
    case VTD_PGTT_PASS:
        return roots->pass_through && aw_is_sound(roots, e) ? ENTRIES_IDENTITY
                                                            : ENTRIES_BLOCKED;
    }
    return sound ? ENTRIES_TRANSLATED : ENTRIES_BLOCKED;
}

static void
read_scalable(const struct mem *mem, const struct iommu_roots *roots, uint16_t sid,
              uint32_t pasid, struct entries *out)
{
    const uint64_t root = vtd_sm_root_word(out->root, sid);
    const struct vtd_sm_context *c = &out->sm_context;
    const struct vtd_pasid_entry *e = &out->pasid_entry;

    if ((root & VTD_SM_ROOT_P) == 0 || (root & (VTD_SM_ROOT_RSVD | beyond(roots))) != 0 ||
        !read_words(mem, vtd_sm_ctx_addr(root, sid), out->sm_context.v, 4,
                    &out->places[ENTRY_CONTEXT]) ||
        !sm_context_is_sound(roots, c) || !pasid_to_use(roots, c, pasid, &out->pasid) ||
        !read_words(mem, vtd_pasid_dir_addr(c->v[0], out->pasid), &out->directory, 1,
                    &out->places[ENTRY_DIRECTORY]) ||
        (out->directory & VTD_PASID_DIR_P) == 0 ||
        (out->directory & (VTD_PASID_DIR_RSVD | beyond(roots))) != 0 ||
        !read_words(mem, vtd_pasid_addr(out->directory, out->pasid), out->pasid_entry.v,
                    8, &out->places[ENTRY_PASID]) ||
        (e->v[0] & VTD_PASID_P) == 0) {
        return;
    }
    out->led = true;
    out->did = vtd_pasid_did(e);
    out->state = judge_pasid(roots, e);
    out->ats = (c->v[0] & VTD_SM_CTX_DTE) != 0;
    if (vtd_pasid_pgtt(e) != VTD_PGTT_FIRST) {
        out->second = e->v[0] & VTD_PASID_SSPTR;
        out->second_levels = vtd_aw_levels(vtd_pasid_aw(e));
    }
    if (vtd_pasid_pgtt(e) != VTD_PGTT_SECOND) {
        out->first = e->v[2] & VTD_PASID_FSPTR;
        out->first_levels = vtd_pasid_fs_levels(e);
        out->eafe = (e->v[2] & VTD_PASID_EAFE) != 0;
        out->supervisor = pasid == IOMMU_NO_PASID && (c->v[1] & VTD_SM_CTX_RID_PRIV) != 0;
        if (out->state == ENTRIES_TRANSLATED && out->supervisor &&
            (e->v[2] & VTD_PASID_SRE) == 0) {
            out->state = ENTRIES_BLOCKED;
        }
    }
}

void
entries_read(const struct mem *mem, const struct iommu_roots *roots, uint16_t sid,
             uint32_t pasid, struct entries *out)
{
    *out = (struct entries){ .state = ENTRIES_BLOCKED };
    out->scalable = roots->ttm == VTD_TTM_SCALABLE;
    if (roots->ttm == VTD_TTM_RESERVED || roots->ttm == VTD_TTM_ABORT ||
        (out->scalable && !roots->scalable) ||
        !read_pair(mem, vtd_root_addr(roots->root_table.v, sid), &out->root,
                   &out->places[ENTRY_ROOT])) {
        return;
    }
    if (out->scalable) {
        read_scalable(mem, roots, sid, pasid, out);
    } else if (pasid == IOMMU_NO_PASID) {
        read_legacy(mem, roots, sid, out);
    }
}

/* ---- what follows from them ---- */

static struct walk_table
second_stage(const struct mem *mem, const struct iommu_roots *roots,
             const struct entries *e)
{
    return (struct walk_table){
        .mem = mem,
        .page = e->second,
        .level = e->second_levels,
        .perm = PERM_RW,
        .bits = 12 + 9 * e->second_levels,
        .zeroes =
            vtd_ss_masks(&(struct vtd_ss_limits){ .haw = roots->aw_bits,
                                                  .superpages = roots->superpages,
                                                  .snoop = roots->snoop || e->scalable,
                                                  .transient = roots->device_iotlb }),
    };
}

static struct walk_table
first_stage(const struct mem *mem, const struct iommu_roots *roots,
            const struct entries *e)
{
    struct walk_table t = {
        .mem = mem,
        .page = e->first,
        .level = e->first_levels,
        .perm = PERM_RW,
        .first_stage = true,
        .to_second = e->second_levels != 0,
        .supervisor = e->supervisor,
        .write_protect = (e->pasid_entry.v[2] & VTD_PASID_WPE) != 0,
        .accessed = VTD_FS_A | (e->eafe ? VTD_FS_EA : 0),
        .bits = 12 + 9 * e->first_levels,
    };

    for (unsigned level = 1; level <= 5; level++) {
        const unsigned superpages = 1 | roots->superpages;
        t.zeroes.table[level] = vtd_fs_reserved(roots->aw_bits, superpages, level, false);
        t.zeroes.leaf[level] = vtd_fs_reserved(roots->aw_bits, superpages, level, true);
    }
    return t;
}

void
entries_stages(const struct mem *mem, const struct iommu_roots *roots,
               const struct entries *e, struct walk_stages *out)
{
    *out =
        (struct walk_stages){ .nested = e->first_levels != 0 && e->second_levels != 0 };
    if (e->first_levels == 0) {
        out->table = second_stage(mem, roots, e);
        return;
    }
    out->table = first_stage(mem, roots, e);
    if (out->nested) {
        out->second = second_stage(mem, roots, e);
    }
}

unsigned
entries_required(const struct entries *was, const struct entries *now, uint16_t sid,
                 bool caching_mode)
{
    if (!was->scalable) {
        return vtd_required_root(was->root, now->root, caching_mode) |
               vtd_required_context(was->context, now->context, caching_mode);
    }
    /* An entry that the way no longer leads to has not changed. */
    const struct entry_place *a = was->places, *b = now->places;
    unsigned need = vtd_required_sm_root(vtd_sm_root_word(was->root, sid),
                                         vtd_sm_root_word(now->root, sid), caching_mode);
    if (a[ENTRY_CONTEXT].at == b[ENTRY_CONTEXT].at) {
        need |= vtd_required_sm_context(&was->sm_context, &now->sm_context, caching_mode);
    }
    if (a[ENTRY_DIRECTORY].at == b[ENTRY_DIRECTORY].at) {
        need |= vtd_required_pasid_dir(was->directory, now->directory,
                                       vtd_pasid_pgtt(&was->pasid_entry), caching_mode);
    }
    if (a[ENTRY_PASID].at == b[ENTRY_PASID].at) {
        need |= vtd_required_pasid(&was->pasid_entry, &now->pasid_entry, caching_mode);
    }
    return need;
}
