/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_context.h. */
#include "iommu/vtd_context.h"

/* ---- words ---- */

/* n words, at most 8. */
static bool
read_words(const struct vtd *v, uint64_t addr, uint64_t *words, unsigned n)
{
    return mem_read_words(v->base.env->mem, GPA(addr), words, n);
}

/* Address bits beyond the host address width. */
static uint64_t
beyond_haw(const struct vtd *v)
{
    return ~VTD_BITS(v->limits.haw - 1, 0);
}

/* QEMU looks neither at bits that stand for something not offered nor at most others. */
static bool
checks_everything(const struct vtd *v)
{
    return !env_quirk(v->base.env, QUIRK_VTD_SM_UNCHECKED);
}

/* ---- legacy tables ---- */

static bool
supports_aw(const struct vtd *v, unsigned aw)
{
    return aw >= 1 && aw <= vtd_aw_code(v->cfg.aw_bits);
}

static enum vtd_fault
check_legacy(const struct vtd *v, const uint64_t w[2])
{
    const unsigned aw = vtd_ctx_aw(w[1]);
    const bool passes = vtd_ctx_tt(w[0]) == VTD_TT_PASS;
    const bool lax = passes && env_quirk(v->base.env, QUIRK_VTD_PASS_ANY_WIDTH);
    /* What passes has no table, so its address is ignored. */
    const uint64_t rsvd = VTD_CTX_LO_RSVD | (passes && !lax ? 0 : beyond_haw(v));

    if ((w[0] & VTD_CTX_P) == 0) {
        return VTD_FAULT_CONTEXT_P;
    }
    if ((w[0] & rsvd) != 0 || (w[1] & VTD_CTX_HI_RSVD) != 0) {
        return VTD_FAULT_CONTEXT_RSVD;
    }
    if (!supports_aw(v, aw)) {
        return VTD_FAULT_CONTEXT_INV;
    }
    switch (vtd_ctx_tt(w[0])) {
    case VTD_TT_TRANSLATE:
        return VTD_FAULT_NONE;
    case VTD_TT_ATS:
        return v->cfg.device_iotlb ? VTD_FAULT_NONE : VTD_FAULT_CONTEXT_INV;
    case VTD_TT_PASS:
        return v->cfg.pass_through && (aw == vtd_aw_code(v->cfg.aw_bits) || lax)
                   ? VTD_FAULT_NONE
                   : VTD_FAULT_CONTEXT_INV;
    case VTD_TT_RESERVED:
        break;
    }
    return VTD_FAULT_CONTEXT_INV;
}

static struct vtd_entry
fetch_legacy(const struct vtd *v, uint16_t sid)
{
    struct vtd_entry e = { .fault = VTD_FAULT_ROOT_READ };
    uint64_t root[2];

    if (!read_words(v, vtd_root_addr(v->root.v, sid), root, 2)) {
        return e;
    }
    if ((root[0] & VTD_ROOT_P) == 0) {
        e.fault = VTD_FAULT_ROOT_P;
    } else if ((root[0] & (VTD_ROOT_LO_RSVD | beyond_haw(v))) != 0 ||
               (root[1] & VTD_ROOT_HI_RSVD) != 0) {
        e.fault = VTD_FAULT_ROOT_RSVD;
    } else if (!read_words(v, vtd_ctx_addr(root[0], sid), e.w, 2)) {
        e = (struct vtd_entry){ .fault = VTD_FAULT_CONTEXT_READ };
    } else {
        e.fault = check_legacy(v, e.w);
    }
    return e;
}

/* ---- scalable tables: context ---- */

static enum vtd_fault
check_scalable(const struct vtd *v, const uint64_t w[4])
{
    uint64_t rsvd = VTD_SM_CTX_V0_RSVD | beyond_haw(v);

    if ((w[0] & VTD_SM_CTX_P) == 0) {
        return VTD_FAULT_SM_CONTEXT_P;
    }
    if (checks_everything(v)) {
        rsvd |= VTD_SM_CTX_PRE | (v->cfg.device_iotlb ? 0 : VTD_SM_CTX_DTE) |
                (v->cfg.pasid ? 0 : VTD_SM_CTX_PASIDE);
    }
    if ((w[0] & rsvd) != 0 || (w[1] & VTD_SM_CTX_V1_RSVD) != 0 || w[2] != 0 ||
        w[3] != 0) {
        return VTD_FAULT_SM_CONTEXT_RSVD;
    }
    return VTD_FAULT_NONE;
}

static struct vtd_entry
fetch_scalable(const struct vtd *v, uint16_t sid)
{
    struct vtd_entry e = { .fault = VTD_FAULT_SM_ROOT_READ };
    uint64_t root[2], w[4];

    if (!read_words(v, vtd_root_addr(v->root.v, sid), root, 2)) {
        return e;
    }
    uint64_t half = vtd_sm_root_word((struct vtd_pair){ root[0], root[1] }, sid);
    if ((half & VTD_SM_ROOT_P) == 0) {
        e.fault = VTD_FAULT_SM_ROOT_P;
    } else if ((half & (VTD_SM_ROOT_RSVD | beyond_haw(v))) != 0) {
        e.fault = VTD_FAULT_SM_ROOT_RSVD;
    } else if (!read_words(v, vtd_sm_ctx_addr(half, sid), w, 4)) {
        e.fault = VTD_FAULT_SM_CONTEXT_READ;
    } else {
        e = (struct vtd_entry){ .w = { w[0], w[1] }, .fault = check_scalable(v, w) };
    }
    return e;
}

struct vtd_entry
vtd_context_fetch(const struct vtd *v, uint16_t sid)
{
    switch (v->ttm) {
    case VTD_TTM_LEGACY:
        return fetch_legacy(v, sid);
    case VTD_TTM_SCALABLE:
        return fetch_scalable(v, sid);
    case VTD_TTM_RESERVED:
    case VTD_TTM_ABORT:
        break;
    }
    return (struct vtd_entry){ .fault = VTD_FAULT_SM_RTADDR };
}

uint32_t
vtd_context_rid_pasid(const struct vtd *v, const struct vtd_entry *e)
{
    if (env_quirk(v->base.env, QUIRK_VTD_RID_PASID_ZERO)) {
        return 0;
    }
    return (uint32_t)(e->w[1] & VTD_BITS(19, 0));
}

enum vtd_fault
vtd_context_admits(const struct vtd *v, const struct vtd_entry *e,
                   const struct iommu_request *q)
{
    const struct vtd_sm_context c = { .v = { e->w[0], e->w[1] } };
    const uint32_t pasids = vtd_sm_ctx_directory(&c) << 6;

    if (q->type != REQUEST_UNTRANSLATED && (e->w[0] & VTD_SM_CTX_DTE) == 0) {
        return VTD_FAULT_SM_DTE;
    }
    if (q->pasid == IOMMU_NO_PASID) {
        return vtd_context_rid_pasid(v, e) >= pasids && checks_everything(v)
                   ? VTD_FAULT_SM_RID_PASID
                   : VTD_FAULT_NONE;
    }
    if ((e->w[0] & VTD_SM_CTX_PASIDE) == 0) {
        return VTD_FAULT_SM_PASIDE;
    }
    return q->pasid >= pasids ? VTD_FAULT_SM_PASID_LARGE : VTD_FAULT_NONE;
}

/* ---- scalable tables: PASID ---- */

enum {
    PASID_WORDS = VTD_PASID_ENTRY_BYTES / 8,
};

/* SSADE, SSEE and ERE stand for what this unit does not offer. */
static bool
has_reserved_bits(const struct vtd *v, const struct vtd_pasid_entry *e)
{
    const unsigned kind = vtd_pasid_pgtt(e);
    uint64_t v0 = VTD_PASID_V0_RSVD | VTD_PASID_SSEE | VTD_PASID_SSADE;
    uint64_t v1 = VTD_BITS(22, 16) | VTD_BITS(31, 27), v2 = VTD_PASID_V2_RSVD;

    if (kind == VTD_PGTT_SECOND || kind == VTD_PGTT_NESTED) {
        v0 |= beyond_haw(v);
    }
    if (kind == VTD_PGTT_FIRST) {
        v2 |= beyond_haw(v);
    }
    if (kind == VTD_PGTT_FIRST || kind == VTD_PGTT_NESTED) {
        v2 |= VTD_PASID_ERE;
    }
    if ((e->v[0] & v0) != 0 || (e->v[1] & v1) != 0 || (e->v[2] & v2) != 0) {
        return true;
    }
    for (unsigned i = 3; i < PASID_WORDS; i++) {
        if (e->v[i] != 0) {
            return true;
        }
    }
    return false;
}

/* Bits of input address of the widest first stage. */
static bool
supports_fspm(const struct vtd *v, unsigned fspm)
{
    return fspm == 0 || (fspm == 1 && v->cfg.aw_bits == 57);
}

/* What the entry asks for is on offer. */
static bool
is_valid(const struct vtd *v, const struct vtd_pasid_entry *e)
{
    const unsigned aw = vtd_pasid_aw(e);

    switch (vtd_pasid_pgtt(e)) {
    case VTD_PGTT_FIRST:
        return v->cfg.first_stage && supports_fspm(v, vtd_pasid_fspm(e));
    case VTD_PGTT_SECOND:
        return supports_aw(v, aw);
    case VTD_PGTT_NESTED:
        return v->cfg.first_stage && supports_fspm(v, vtd_pasid_fspm(e)) &&
               supports_aw(v, aw);
    case VTD_PGTT_PASS:
        return v->cfg.pass_through && supports_aw(v, aw);
    }
    return false;
}

static enum vtd_fault
check_pasid(const struct vtd *v, struct vtd_pasid_entry *e)
{
    const unsigned kind = vtd_pasid_pgtt(e);

    if ((e->v[0] & VTD_PASID_P) == 0) {
        return VTD_FAULT_SM_PASID_P;
    }
    if (checks_everything(v) && has_reserved_bits(v, e)) {
        return VTD_FAULT_SM_PASID_RSVD;
    }
    if ((kind == VTD_PGTT_FIRST || kind == VTD_PGTT_NESTED) &&
        env_quirk(v->base.env, QUIRK_VTD_FIRST_AS_SECOND)) {
        e->v[0] = (e->v[0] & ~VTD_PASID_PGTT(7)) | VTD_PASID_PGTT(VTD_PGTT_SECOND);
    }
    if (kind == VTD_PGTT_PASS && env_quirk(v->base.env, QUIRK_VTD_PT_FROM_CONTEXT)) {
        e->v[0] = (e->v[0] & ~VTD_PASID_PGTT(7)) | VTD_PASID_PGTT(VTD_PGTT_SECOND);
    }
    return is_valid(v, e) ? VTD_FAULT_NONE : VTD_FAULT_SM_PASID_INV;
}

static enum vtd_fault
check_directory(const struct vtd *v, uint64_t dir)
{
    if ((dir & VTD_PASID_DIR_P) == 0) {
        return VTD_FAULT_SM_DIR_P;
    }
    if (checks_everything(v) && (dir & (VTD_PASID_DIR_RSVD | beyond_haw(v))) != 0) {
        return VTD_FAULT_SM_DIR_RSVD;
    }
    return VTD_FAULT_NONE;
}

struct vtd_entry
vtd_pasid_fetch(const struct vtd *v, const struct vtd_entry *context, uint32_t pasid)
{
    struct vtd_entry e = { .fault = VTD_FAULT_SM_DIR_READ };
    struct vtd_pasid_entry raw;
    uint64_t dir;

    if (!read_words(v, vtd_pasid_dir_addr(context->w[0], pasid), &dir, 1)) {
        return e;
    }
    e.w[0] = dir & VTD_PASID_DIR_FPD; /* the same bit in both */
    e.fault = check_directory(v, dir);
    if (e.fault != VTD_FAULT_NONE) {
        return e;
    }
    if (!read_words(v, vtd_pasid_addr(dir, pasid), raw.v, PASID_WORDS)) {
        e.fault = VTD_FAULT_SM_PASID_READ;
        return e;
    }
    e.fault = check_pasid(v, &raw);
    e.w[0] |= raw.v[0];
    e.w[1] = raw.v[1];
    e.w[2] = raw.v[2];
    return e;
}

struct vtd_context
vtd_context_scalable(const struct vtd_entry *e, uint32_t pasid, bool fpd)
{
    const struct vtd_pasid_entry p = { .v = { e->w[0], e->w[1], e->w[2] } };

    return (struct vtd_context){
        .fault = e->fault,
        .kind = (uint8_t)vtd_pasid_pgtt(&p),
        .fpd = fpd || (e->w[0] & VTD_PASID_FPD) != 0,
        .write_protect = (e->w[2] & VTD_PASID_WPE) != 0,
        .extended_access = (e->w[2] & VTD_PASID_EAFE) != 0,
        .ss_levels = (uint8_t)vtd_aw_levels(vtd_pasid_aw(&p)),
        .fs_levels = (uint8_t)vtd_pasid_fs_levels(&p),
        .did = vtd_pasid_did(&p),
        .pasid = pasid,
        .ss_table = e->w[0] & VTD_PASID_SSPTR,
        .fs_table = e->w[2] & VTD_PASID_FSPTR,
    };
}

struct vtd_context
vtd_context_read(const struct vtd *v, uint16_t sid)
{
    const struct iommu_request q = iommu_request(sid, 0, PERM_R);
    struct vtd_entry e = vtd_context_fetch(v, sid);

    if (v->ttm != VTD_TTM_SCALABLE) {
        struct vtd_context c;
        vtd_context_legacy(e.w[0], e.w[1], e.fault, &c);
        return c;
    }
    const bool fpd = (e.w[0] & VTD_SM_CTX_FPD) != 0;
    if (e.fault == VTD_FAULT_NONE) {
        e.fault = vtd_context_admits(v, &e, &q);
    }
    if (e.fault != VTD_FAULT_NONE) {
        return (struct vtd_context){ .fault = e.fault, .fpd = fpd };
    }
    uint32_t pasid = vtd_context_rid_pasid(v, &e);
    struct vtd_entry p = vtd_pasid_fetch(v, &e, pasid);
    return vtd_context_scalable(&p, pasid, fpd);
}
