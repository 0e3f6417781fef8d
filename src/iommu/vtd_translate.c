/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_translate.h. */
#include "iommu/vtd_translate.h"

#include "iommu/vtd_caches.h"
#include "iommu/vtd_fault.h"
#include "iommu/vtd_late.h"
#include "iommu/vtd_notify.h"
#include "iommu/vtd_stage.h"

/* ---- answers ---- */

static void
answer(const struct iommu_request *q, uint64_t first, unsigned lg2, uint64_t target,
       enum perm perm, struct xlate *out)
{
    *out = (struct xlate){
        .gpa = GPA(target + (q->iova - first)),
        .first = first,
        .last = first + ((UINT64_C(1) << lg2) - 1),
        .perm = perm,
    };
}

static void
answer_identity(const struct iommu_request *q, struct xlate *out)
{
    uint64_t page = align_down(q->iova, PAGE_LG2);

    answer(q, page, PAGE_LG2, page, PERM_RW, out);
}

static void
answer_page(const struct iommu_request *q, const struct vtd_cached *e, struct xlate *out)
{
    enum perm perm = (enum perm)e->perm;

    if (q->type == REQUEST_TRANSLATION && (e->flags & VTD_CACHED_CLEAN) != 0) {
        perm = (enum perm)(perm & PERM_R);
    }
    answer(q, e->tag, vtd_ss_span_lg2(e->level), e->lo, perm, out);
}

/* ---- refusals ---- */

/* Nothing is there, or not for this: lawful to ask, no fault. */
static bool
is_absence(enum vtd_fault fault)
{
    switch ((unsigned)fault) {
    case VTD_FAULT_READ:
    case VTD_FAULT_WRITE:
    case VTD_FAULT_SM_FS_P:
    case VTD_FAULT_SM_SS_P:
    case VTD_FAULT_SM_USER:
    case VTD_FAULT_SM_READ:
    case VTD_FAULT_SM_WRITE:
        return true;
    }
    return false;
}

/* Codes of scalable mode as QEMU has them: those of legacy mode, 0x58 for all PASIDs. */
static enum vtd_fault
collapse(enum vtd_fault fault, enum perm access)
{
    switch ((unsigned)fault) {
    case VTD_FAULT_SM_ROOT_READ:
        return VTD_FAULT_ROOT_READ;
    case VTD_FAULT_SM_ROOT_P:
        return VTD_FAULT_ROOT_P;
    case VTD_FAULT_SM_ROOT_RSVD:
        return VTD_FAULT_ROOT_RSVD;
    case VTD_FAULT_SM_CONTEXT_READ:
        return VTD_FAULT_CONTEXT_READ;
    case VTD_FAULT_SM_CONTEXT_P:
        return VTD_FAULT_CONTEXT_P;
    case VTD_FAULT_SM_CONTEXT_RSVD:
        return VTD_FAULT_CONTEXT_RSVD;
    case VTD_FAULT_SM_DIR_READ:
    case VTD_FAULT_SM_DIR_P:
    case VTD_FAULT_SM_DIR_RSVD:
    case VTD_FAULT_SM_PASID_P:
    case VTD_FAULT_SM_PASID_RSVD:
    case VTD_FAULT_SM_PASID_INV:
        return VTD_FAULT_SM_PASID_READ;
    case VTD_FAULT_SM_SSPTR:
        return VTD_FAULT_CONTEXT_INV;
    case VTD_FAULT_SM_SS_READ:
        return VTD_FAULT_PAGING_READ;
    case VTD_FAULT_SM_SS_RSVD:
        return VTD_FAULT_PAGING_RSVD;
    case VTD_FAULT_SM_HAW:
    case VTD_FAULT_SM_ADDR:
        return VTD_FAULT_ADDR;
    case VTD_FAULT_SM_SS_P:
    case VTD_FAULT_SM_READ:
    case VTD_FAULT_SM_WRITE:
        return access == PERM_W ? VTD_FAULT_WRITE : VTD_FAULT_READ;
    }
    return fault;
}

static enum xlate_result
refuse(struct vtd *v, const struct iommu_request *q, enum vtd_fault fault, bool walked,
       bool fpd)
{
    const struct env *env = v->base.env;
    struct iommu_request told = *q;

    if (q->type == REQUEST_TRANSLATION && is_absence(fault)) {
        return XLATE_ABSENT;
    }
    if (v->ttm == VTD_TTM_SCALABLE && env_quirk(env, QUIRK_VTD_SM_LEGACY_FAULTS)) {
        fault = collapse(fault, q->access);
        told.pasid = q->pasid != IOMMU_NO_PASID ? q->pasid : 0;
    }
    if (fault == VTD_FAULT_INTERRUPT && v->cfg.scalable &&
        env_quirk(env, QUIRK_VTD_INTERRUPT_BY_OFFER)) {
        fault = VTD_FAULT_SM_INTERRUPT;
    }
    if (fpd && (fault == VTD_FAULT_CONTEXT_RSVD || fault == VTD_FAULT_SM_PASID_READ) &&
        env_quirk(env, QUIRK_VTD_FPD_NOT_RESERVED)) {
        fpd = false;
    }
    vtd_fault_raise(v, fault, &told, walked, fpd);
    return XLATE_FAULT;
}

/* ---- pages ---- */

/*
 * Where pages are found by source id, before anything is known of the context: true, and
 * the key of requests without PASID under legacy tables.
 */
static bool
source_key(const struct vtd *v, uint16_t sid, uint64_t *key)
{
    if (env_quirk(v->base.env, QUIRK_VTD_IOTLB_SID8)) {
        *key = VTD_KEY_BY_SOURCE | (sid & 0xff);
        return true;
    }
    *key = VTD_KEY_BY_SOURCE | sid;
    return env_quirk(v->base.env, QUIRK_VTD_IOTLB_BY_SOURCE);
}

static uint64_t
key_of(const struct vtd *v, const struct vtd_context *c, uint16_t sid)
{
    uint64_t key;

    if (!source_key(v, sid, &key)) {
        key = c->did;
    } else if (c->pasid != IOMMU_NO_PASID) {
        key |= VTD_KEY_PASID(c->pasid);
    }
    if (vtd_context_has_first(c)) {
        key |= VTD_KEY_FIRST | VTD_KEY_PASID(c->pasid) |
               (c->privileged ? VTD_KEY_PRIVILEGED : 0);
    }
    return key;
}

/* The tables' answer, which the IOTLB remembers where it may. */
static enum vtd_fault
walk(struct vtd *v, const struct iommu_request *q, const struct vtd_context *c,
     uint64_t key, struct vtd_cached *e)
{
    struct vtd_page page;
    bool clean;
    const sim_time time = vtd_late_walk(v);
    enum vtd_fault fault =
        vtd_stage_walk(v, c, q->sid, q->iova, q->access, &page, &clean);

    *e = (struct vtd_cached){ .did = c->did, .key = key, .fault = (uint8_t)fault };
    if (fault == VTD_FAULT_NONE) {
        e->tag = page.first;
        e->lo = page.target;
        e->level = (uint8_t)page.level;
        e->perm = (uint8_t)page.perm;
        e->flags = clean ? VTD_CACHED_CLEAN : 0;
        vtd_late_put_page(v, q->sid, e, time);
    } else if (!vtd_context_has_first(c) && page.perm == PERM_NONE &&
               vtd_caches_holes(v)) {
        e->tag = align_down(q->iova, PAGE_LG2);
        e->level = 1;
        vtd_late_put_page(v, q->sid, e, time);
    }
    return fault;
}

/* What kind of access a cached hole refuses is that of the request at hand. */
static enum vtd_fault
fault_of_hole(const struct vtd_cached *e, enum perm access)
{
    if (e->fault == VTD_FAULT_READ || e->fault == VTD_FAULT_WRITE) {
        return access == PERM_W ? VTD_FAULT_WRITE : VTD_FAULT_READ;
    }
    return (enum vtd_fault)e->fault;
}

/* A hit that does not do: the walk's answer takes its place, if it has one. */
static enum vtd_fault
walk_again(struct vtd *v, const struct iommu_request *q, const struct vtd_context *c,
           const struct vtd_cached *hit, struct vtd_cached *walked)
{
    const struct vtd_cached old = *hit;
    enum vtd_fault fault = walk(v, q, c, old.key, walked);

    if (fault == VTD_FAULT_NONE && walked->level != old.level) {
        vtd_cache_drop(&v->iotlb, old.key, old.level, old.tag);
    }
    return fault;
}

/* A write to a page whose D is clear has to set it. */
static bool
suffices(const struct vtd_cached *hit, enum perm access)
{
    return (hit->perm & access) != 0 &&
           !(access == PERM_W && (hit->flags & VTD_CACHED_CLEAN) != 0);
}

/* QEMU does not look at the tables again, nor records a fault. */
static bool
refuses_silently(const struct vtd *v)
{
    return env_quirk(v->base.env, QUIRK_VTD_HIT_REFUSAL_SILENT);
}

static enum xlate_result
translate_page(struct vtd *v, const struct iommu_request *q, const struct vtd_context *c,
               struct xlate *out)
{
    const uint64_t key = key_of(v, c, q->sid);
    const struct vtd_cached *hit = vtd_caches_page(v, q->sid, key, q->iova);
    struct vtd_cached walked;
    enum vtd_fault fault = VTD_FAULT_NONE;

    if (hit == NULL) {
        fault = walk(v, q, c, key, &walked);
        hit = &walked;
    } else if (hit->fault != VTD_FAULT_NONE) {
        fault = fault_of_hole(hit, q->access);
    } else if (!suffices(hit, q->access)) {
        if (refuses_silently(v)) {
            return XLATE_FAULT;
        }
        fault = walk_again(v, q, c, hit, &walked);
        hit = &walked;
    }
    if (fault != VTD_FAULT_NONE) {
        return refuse(v, q, fault, true, c->fpd);
    }
    answer_page(q, hit, out);
    return XLATE_OK;
}

/* ---- requests ---- */

/* Untranslated and translation requests that have no page tables. */
static enum xlate_result
pass_through(struct vtd *v, const struct iommu_request *q, const struct vtd_context *c,
             struct xlate *out)
{
    if (vtd_is_interrupt(q->iova)) { /* with a PASID: no interrupt either */
        return refuse(v, q, VTD_FAULT_SM_INTERRUPT, false, c->fpd);
    }
    if (q->pasid == IOMMU_NO_PASID) {
        vtd_notify_passed(v, q->sid);
    }
    answer_identity(q, out);
    return XLATE_OK;
}

/* The address is one that the unit gave out: no tables, but not everywhere. */
static enum xlate_result
pass_translated(struct vtd *v, const struct iommu_request *q, const struct vtd_context *c,
                struct xlate *out)
{
    if (vtd_is_interrupt(q->iova)) {
        return refuse(v, q,
                      v->ttm == VTD_TTM_SCALABLE ? VTD_FAULT_SM_INTERRUPT
                                                 : VTD_FAULT_INTERRUPT,
                      false, c->fpd);
    }
    answer_identity(q, out);
    return XLATE_OK;
}

/* Pages found by source id are used before anything is known of the context. */
static const struct vtd_cached *
find_early(struct vtd *v, const struct iommu_request *q)
{
    uint64_t key;

    return v->ttm == VTD_TTM_LEGACY && q->pasid == IOMMU_NO_PASID &&
                   source_key(v, q->sid, &key)
               ? vtd_caches_page(v, q->sid, key, q->iova)
               : NULL;
}

static enum xlate_result
translate(struct vtd *v, const struct iommu_request *q, struct xlate *out)
{
    const struct vtd_cached *early = find_early(v, q);

    if (early != NULL && suffices(early, q->access)) {
        answer_page(q, early, out);
        return XLATE_OK;
    }
    if (early != NULL && refuses_silently(v)) {
        return XLATE_FAULT;
    }
    struct vtd_context c;
    vtd_caches_resolve(v, q, &c);
    if (c.fault != VTD_FAULT_NONE) {
        return refuse(v, q, c.fault, false, c.fpd);
    }
    if (q->type == REQUEST_TRANSLATED) {
        return pass_translated(v, q, &c, out);
    }
    if (vtd_context_passes(&c)) {
        return pass_through(v, q, &c, out);
    }
    return translate_page(v, q, &c, out);
}

enum xlate_result
vtd_translate(struct iommu *m, const struct iommu_request *q, struct xlate *out)
{
    struct vtd *v = vtd_of(m);
    struct iommu_request plain;

    if (!vtd_is_on(v, VTD_GCMD_TE) ||
        (env_quirk(m->env, QUIRK_VTD_BYPASS_BY_SPACE) && vtd_space_bypasses(v, q->sid))) {
        answer_identity(q, out);
        return XLATE_OK;
    }
    if (q->type != REQUEST_UNTRANSLATED && env_quirk(m->env, QUIRK_VTD_TT_NOT_ENFORCED)) {
        if (q->type == REQUEST_TRANSLATED) {
            answer_identity(q, out);
            return XLATE_OK;
        }
        plain = *q;
        plain.type = REQUEST_UNTRANSLATED;
        q = &plain;
    }
    if (q->pasid == IOMMU_NO_PASID && q->type != REQUEST_TRANSLATED &&
        vtd_is_interrupt(q->iova)) { /* not for memory, and no fault */
        return q->type == REQUEST_TRANSLATION ? XLATE_ABSENT : XLATE_FAULT;
    }
    if (v->ttm == VTD_TTM_ABORT) {
        return XLATE_FAULT;
    }
    return translate(v, q, out);
}
