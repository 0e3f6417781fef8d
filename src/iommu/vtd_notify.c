/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_notify.h. */
#include "iommu/vtd_notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iommu/vtd_fault.h"
#include "iommu/vtd_mirror.h"
#include "iommu/vtd_window.h"

static const struct vtd_block everything = { 0, UINT64_MAX };

/* ---- the region ---- */

static bool
refuse(struct err *e, const char *why)
{
    err_set(e, "%s", why);
    return false;
}

/* Whether this unit can tell notifiers of these flags what they need to know. */
static bool
can_serve(const struct vtd *v, unsigned flags, struct err *e)
{
    const struct env *env = v->base.env;

    if (v->cfg.snoop_control && env_quirk(env, QUIRK_VTD_SNOOP_REFUSES)) {
        return refuse(e, "snoop control with vhost or VFIO is not supported");
    }
    if ((flags & NOTIFY_MAP) != 0 && v->cfg.first_stage) {
        return refuse(
            e, "new first-stage mappings need no invalidation: no mirror can be kept");
    }
    if ((flags & NOTIFY_MAP) != 0 && !v->cfg.caching_mode &&
        !env_quirk(env, QUIRK_VTD_MAP_WITHOUT_CM)) {
        return refuse(e, "requires caching mode");
    }
    if ((flags & NOTIFY_DEVIOTLB_UNMAP) != 0 && !v->cfg.device_iotlb &&
        !env_quirk(env, QUIRK_IOMMU_ACCEPT_DEVIOTLB)) {
        return refuse(e, "requires device IOTLB mode");
    }
    return true;
}

/* Where the order of spaces is that of their coming to listen, the last one first. */
static void
move_to_front(struct vtd_space *s)
{
    struct vtd_space **all = s->v->spaces;
    size_t at = 0;

    while (all[at] != s) {
        at++;
    }
    memmove(all + 1, all, at * sizeof(struct vtd_space *));
    all[0] = s;
}

static int
flags_changed(struct notify_region *region, unsigned old_flags, unsigned new_flags,
              struct err *e)
{
    struct vtd_space *s = region->self;

    if (!can_serve(s->v, new_flags, e)) {
        return -ENOTSUP;
    }
    if (old_flags == 0 && env_quirk(s->v->base.env, QUIRK_VTD_NEWEST_SPACE_FIRST)) {
        move_to_front(s);
    }
    if (((old_flags ^ new_flags) & NOTIFY_MAP) != 0) {
        vtd_mirror_forget_all(s);
    }
    return 0;
}

static void
translate(struct notify_region *region, uint64_t iova, unsigned index,
          struct notify_entry *out)
{
    const struct vtd_space *s = region->self;
    struct vtd_page page;

    (void)index;
    *out = (struct notify_entry){ .iova = align_down(iova, PAGE_LG2), .mask = PAGE_MASK };
    if (vtd_lookup(s->v, &s->ctx, s->sid, iova, &page)) {
        *out = (struct notify_entry){
            .iova = page.first,
            .mask = page.last - page.first,
            .target = GPA(page.target),
            .perm = page.perm,
        };
    }
}

/*
 * The entry in effect, after letting one take effect that needs no invalidation: a
 * present one where there was none, without caching mode.
 */
static inline const struct vtd_context *
context_in_effect(struct vtd_space *s)
{
    if (env_quirk(s->v->base.env, QUIRK_VTD_CONTEXT_FROM_MEMORY)) {
        s->ctx = vtd_context_read(s->v, s->sid);
    } else if (s->ctx.fault != VTD_FAULT_NONE && !s->v->cfg.caching_mode) {
        struct vtd_context now = vtd_context_read(s->v, s->sid);
        if (vtd_context_translates(&now)) {
            s->ctx = now;
        }
    }
    return &s->ctx;
}

static void
replay(struct notify_region *region, struct notifier *n)
{
    struct vtd_space *s = region->self;
    const struct env *env = s->v->base.env;

    if (env_quirk(env, QUIRK_VTD_REPLAY_UNMAPS)) {
        vtd_window_tell(s, n, CAUSE_REPLAY);
    }
    if (n->region == NULL) {
        return;
    }
    context_in_effect(s);
    if (env_quirk(env, QUIRK_VTD_REPLAY_FILLS_TREE)) {
        vtd_window_forget(s, n);
        vtd_mirror_replay_anew(s, n);
    } else {
        vtd_mirror_replay(s, n);
    }
}

static const struct notify_region_ops region_ops = {
    .flags_changed = flags_changed,
    .translate = translate,
    .replay = replay,
};

/* ---- spaces ---- */

static void
set_translated(struct vtd_space *s)
{
    const struct space_section sections[] = {
        { 0, VTD_INTERRUPT_FIRST - 1, &s->region, 0 },
        { VTD_INTERRUPT_LAST + 1, UINT64_MAX, &s->region, VTD_INTERRUPT_LAST + 1 },
    };

    space_set(&s->space, sections, 2);
}

/* Whether the entry in effect leaves the device untranslated. */
static bool
is_identity(const struct vtd_space *s)
{
    if (env_quirk(s->v->base.env, QUIRK_VTD_TE_OFF_NO_SWITCH)) {
        return vtd_is_on(s->v, VTD_GCMD_TE) && vtd_context_passes(&s->ctx);
    }
    return !vtd_is_on(s->v, VTD_GCMD_TE) || vtd_context_passes(&s->ctx);
}

/* Put the context entry of memory in effect and take the sections that go with it. */
static void
take_sections(struct vtd_space *s)
{
    s->ctx = vtd_context_read(s->v, s->sid);
    if (is_identity(s)) {
        space_set_bypass(&s->space);
    } else {
        set_translated(s);
    }
}

struct space *
vtd_space_attach(struct vtd *v, uint16_t sid, const char *device)
{
    for (size_t i = 0; i < v->n_spaces; i++) {
        struct vtd_space *s = v->spaces[i];
        if (s->sid == sid) {
            s->space.name = s->region.name = device;
            return &s->space;
        }
    }
    struct vtd_space *s = xcalloc(1, sizeof(*s));
    s->v = v;
    s->sid = sid;
    s->blank = true;
    rangemap_init(&s->tree, RANGEMAP_LINEAR, v->base.env->budget);
    rangemap_init(&s->owed, RANGEMAP_CONSTANT, v->base.env->budget);
    space_init(&s->space, device, v->base.env);
    notify_region_init(&s->region, &region_ops, s, device, v->base.env, UINT64_MAX, 1);
    take_sections(s);
    v->spaces = xrealloc(v->spaces, v->n_spaces + 1, sizeof(struct vtd_space *));
    v->spaces[v->n_spaces++] = s;
    return &s->space;
}

void
vtd_spaces_free(struct vtd *v)
{
    for (size_t i = 0; i < v->n_spaces; i++) {
        struct vtd_space *s = v->spaces[i];
        notify_region_fini(&s->region);
        space_fini(&s->space);
        rangemap_fini(&s->tree);
        rangemap_fini(&s->owed);
        free(s);
    }
    free(v->spaces);
}

/* ---- what an invalidation means to one space ---- */

/*
 * Whether the entry in effect, or that of memory, through which caches below may have
 * been filled since, is one that `is` says.
 */
static bool
either(struct vtd_space *s, bool (*is)(const struct vtd_context *, uint32_t),
       uint32_t arg)
{
    const struct vtd_context now = vtd_context_read(s->v, s->sid);

    return is(context_in_effect(s), arg) || is(&now, arg);
}

static bool
is_of_did(const struct vtd_context *c, uint32_t did)
{
    return vtd_context_in(c, (uint16_t)did);
}

static bool
is_of_pasid(const struct vtd_context *c, uint32_t pasid)
{
    return c->pasid == pasid;
}

static bool
is_of_first_stage(const struct vtd_context *c, uint32_t unused)
{
    (void)unused;
    return c->fault == VTD_FAULT_NONE && vtd_context_has_first(c);
}

static bool
may_have_first_stage(struct vtd_space *s)
{
    return s->v->cfg.first_stage && either(s, is_of_first_stage, 0);
}

/* UNMAP to each cache below: this event, or NULL for its window. */
static void
tell_caches(struct vtd_space *s, const struct notify_event *ev, enum notify_cause cause)
{
    for (struct notifier *n = s->region.head, *next; n != NULL; n = next) {
        next = n->next;
        if (!vtd_is_cache(n)) {
            continue;
        }
        if (ev != NULL) {
            notify_one(n, ev);
        } else {
            notify_unmap_window(n, cause);
        }
    }
}

/* Everything that is present, to whom it concerns. */
static void
sync_present(struct vtd_space *s, enum notify_cause cause)
{
    const bool shared = vtd_caches_share_tree(s);

    if (env_quirk(s->v->base.env, QUIRK_VTD_DSI_REBUILDS)) {
        vtd_window_unmap_all(s, cause);
    }
    if (vtd_wants_maps(s) || shared) {
        vtd_mirror_update(s, &everything, cause == CAUSE_INVALIDATE ? CAUSE_MAP : cause);
    }
    if (!shared) {
        tell_caches(s, NULL, cause);
    }
}

/* There is no entry, or none that is sound. */
static void
sync_absent(struct vtd_space *s, enum notify_cause cause)
{
    const struct env *env = s->v->base.env;

    const bool absent =
        s->ctx.fault == VTD_FAULT_CONTEXT_P || s->ctx.fault == VTD_FAULT_SM_CONTEXT_P;

    if (env_quirk(env, QUIRK_IOMMU_INV_RAISES_FAULTS)) {
        const struct iommu_request q = iommu_request(s->sid, 0, PERM_R);
        vtd_fault_raise(s->v, s->ctx.fault, &q, false, s->ctx.fpd);
    }
    if (env_quirk(env, absent ? QUIRK_VTD_ABSENT_CONTEXT_KEEPS
                              : QUIRK_VTD_BAD_CONTEXT_KEEPS)) {
        return;
    }
    if (!s->blank || !vtd_wants_maps(s) ||
        env_quirk(env, QUIRK_VTD_ABSENT_CONTEXT_AGAIN)) {
        vtd_window_unmap_all(s, cause);
    } else {
        tell_caches(s, NULL, cause);
    }
}

/* Bring everybody behind s up to the entry in effect, whatever was told before. */
static void
sync(struct vtd_space *s, enum notify_cause cause)
{
    if ((s->region.flags & (NOTIFY_MAP | NOTIFY_UNMAP)) == 0) {
        return;
    }
    if (context_in_effect(s)->fault == VTD_FAULT_NONE) {
        sync_present(s, cause);
    } else {
        sync_absent(s, cause);
    }
}

/* A block of pages: mirrors hear of differences, caches of the block. */
static inline void
sync_block(struct vtd_space *s, const struct vtd_block *block, bool mirrors)
{
    const bool update = mirrors && vtd_wants_maps(s);

    if (update) {
        vtd_mirror_update(s, block, CAUSE_MAP);
    }
    if (vtd_has_caches(s) && !(update && vtd_caches_share_tree(s))) {
        const struct notify_event ev = {
            .type = NOTIFY_UNMAP,
            .cause = CAUSE_INVALIDATE,
            .iova = block->first,
            .mask = block->last - block->first,
        };
        tell_caches(s, &ev, CAUSE_INVALIDATE);
    }
}

/* ---- IOTLB ---- */

/* The pages named, aligned to their number or from the address on as it was given. */
static struct vtd_block
block_of(const struct vtd *v, const struct invalidation *inv)
{
    uint64_t first =
        env_quirk(v->base.env, QUIRK_VTD_PSI_UNALIGNED) ? inv->addr : inv->first;

    return (struct vtd_block){ first, first + (inv->last - inv->first) };
}

static inline void
iotlb_invalidated(struct vtd_space *s, const struct invalidation *inv)
{
    const bool global = inv->scope == INVAL_GLOBAL;
    const bool mirrors = global || vtd_context_in(context_in_effect(s), inv->did);

    if (!mirrors && !either(s, is_of_did, inv->did)) {
        return;
    }
    /* Which pages of a first stage went through these of the second nobody knows. */
    if (inv->scope == INVAL_PAGE && !may_have_first_stage(s)) {
        struct vtd_block block = block_of(s->v, inv);
        sync_block(s, &block, mirrors);
    } else if (mirrors) {
        sync(s, CAUSE_INVALIDATE);
    } else {
        tell_caches(s, NULL, CAUSE_INVALIDATE);
    }
}

/* For first-stage and nested entries: to caches alone, mirrors are refused. */
static void
pasid_iotlb_invalidated(struct vtd_space *s, const struct invalidation *inv)
{
    if (!may_have_first_stage(s) || !either(s, is_of_pasid, inv->pasid) ||
        !either(s, is_of_did, inv->did) ||
        env_quirk(s->v->base.env, QUIRK_VTD_PASID_IOTLB_SILENT)) {
        return;
    }
    if (inv->scope == INVAL_PAGE) {
        sync_block(s, &(struct vtd_block){ inv->first, inv->last }, false);
    } else {
        tell_caches(s, NULL, CAUSE_INVALIDATE);
    }
}

/* ---- contexts and PASID entries ---- */

/* Entries that are not there are cached for DID 0. Scalable ones have no DID. */
static bool
domain_concerns(struct vtd_space *s, const struct invalidation *inv)
{
    return either(s, is_of_did, inv->did) ||
           (inv->did == 0 && s->ctx.fault != VTD_FAULT_NONE) ||
           (inv->kind == INVAL_CONTEXT && s->v->ttm == VTD_TTM_SCALABLE);
}

static bool
context_concerns(struct vtd_space *s, const struct invalidation *inv)
{
    switch (inv->scope) {
    case INVAL_DEVICE:
        return ((s->sid ^ inv->sid) & ~(unsigned)inv->sid_mask) == 0;
    case INVAL_DOMAIN:
        return domain_concerns(s, inv);
    case INVAL_PASID:
        return either(s, is_of_pasid, inv->pasid) &&
               (s->ctx.fault != VTD_FAULT_NONE || domain_concerns(s, inv));
    case INVAL_GLOBAL:
    case INVAL_PAGE:
        break;
    }
    return true;
}

/* What must be unmapped before the sections change. */
static void
prepare_switch(struct vtd_space *s, const struct invalidation *inv)
{
    const struct env *env = s->v->base.env;
    struct vtd_context now = vtd_context_read(s->v, s->sid);
    const bool leaves = vtd_context_passes(&now) && !space_is_bypass(&s->space);

    if ((leaves && !env_quirk(env, QUIRK_VTD_BYPASS_WITHOUT_UNMAP)) ||
        (inv->kind == INVAL_CONTEXT && inv->scope == INVAL_GLOBAL &&
         env_quirk(env, QUIRK_VTD_CONTEXT_GLOBAL_UNMAPS))) {
        vtd_window_unmap_all(s, CAUSE_CONTEXT);
    }
}

/*
 * All of them take each step before any takes the next: where spaces share a
 * container, nothing of the old may be in the way of the new.
 */
static void
contexts_invalidated(struct vtd *v, const struct invalidation *inv)
{
    for (size_t i = 0; i < v->n_spaces; i++) {
        v->spaces[i]->concerned = context_concerns(v->spaces[i], inv);
        if (v->spaces[i]->concerned) {
            prepare_switch(v->spaces[i], inv);
        }
    }
    for (size_t i = 0; i < v->n_spaces; i++) {
        if (v->spaces[i]->concerned) {
            take_sections(v->spaces[i]);
        }
    }
    for (size_t i = 0; i < v->n_spaces; i++) {
        if (v->spaces[i]->concerned) {
            sync(v->spaces[i], CAUSE_CONTEXT);
        }
    }
}

/* ---- device TLBs ---- */

/* Whom a source id names; by its function number alone, whoever comes first. */
static uint16_t
addressee(const struct vtd *v, uint16_t sid)
{
    if (!env_quirk(v->base.env, QUIRK_IOMMU_SID_DEVFN_3BIT)) {
        return sid;
    }
    for (size_t i = 0; i < v->n_spaces; i++) {
        if ((v->spaces[i]->sid & 7) == (sid & 7)) {
            return v->spaces[i]->sid;
        }
    }
    return sid;
}

/* A device that nobody made a space for is none of ours. */
static void
device_tlb_invalidated(struct vtd_space *s, const struct invalidation *inv)
{
    const struct notify_event ev = {
        .type = NOTIFY_DEVIOTLB_UNMAP,
        .cause = CAUSE_INVALIDATE,
        .foreign_as = true,
        .has_pasid = inv->has_pasid,
        .pasid = inv->pasid,
        .iova = inv->first,
        .mask = inv->last - inv->first,
    };

    if (s->sid == addressee(s->v, inv->sid) &&
        !env_quirk(s->v->base.env, QUIRK_VTD_DEVTLB_TO_ROOT)) {
        notify_all(&s->region, 0, &ev);
    }
}

/* ---- what happens to all of them ---- */

static void
for_each_listening(struct vtd *v, const struct invalidation *inv,
                   void (*fn)(struct vtd_space *s, const struct invalidation *inv))
{
    for (size_t i = 0; i < v->n_spaces; i++) {
        if (v->spaces[i]->region.head != NULL) {
            fn(v->spaces[i], inv);
        }
    }
}

void
vtd_notify_invalidated(struct vtd *v, const struct invalidation *inv)
{
    if (env_quirk(v->base.env, QUIRK_VTD_SILENT)) {
        return;
    }
    switch (inv->kind) {
    case INVAL_IOTLB:
        for_each_listening(v, inv, iotlb_invalidated);
        break;
    case INVAL_CONTEXT:
        contexts_invalidated(v, inv);
        break;
    case INVAL_DEV_IOTLB:
        for_each_listening(v, inv, device_tlb_invalidated);
        break;
    case INVAL_PASID_CACHE: /* the entry of requests without PASID is one of them */
        if (v->ttm == VTD_TTM_SCALABLE) {
            contexts_invalidated(v, inv);
        }
        break;
    case INVAL_PASID_IOTLB:
        for_each_listening(v, inv, pasid_iotlb_invalidated);
        break;
    case INVAL_IEC:
        break;
    }
}

static void
unmap_everything(struct vtd *v)
{
    for (size_t i = 0; i < v->n_spaces; i++) {
        vtd_window_unmap_all(v->spaces[i], CAUSE_RESET);
    }
}

void
vtd_notify_reset(struct vtd *v)
{
    if (!env_quirk(v->base.env, QUIRK_VTD_RESET_NO_SWITCH)) {
        vtd_notify_switch(v);
    } else {
        unmap_everything(v);
    }
}

void
vtd_notify_switch(struct vtd *v)
{
    unmap_everything(v);
    for (size_t i = 0; i < v->n_spaces; i++) {
        take_sections(v->spaces[i]);
    }
    if (env_quirk(v->base.env, QUIRK_VTD_SWITCH_WITHOUT_SYNC)) {
        return;
    }
    for (size_t i = 0; i < v->n_spaces; i++) {
        if (vtd_wants_maps(v->spaces[i])) {
            vtd_mirror_update(v->spaces[i], &everything, CAUSE_RESET);
        }
    }
}

/* ---- bypass ---- */

static struct vtd_space *
space_of(const struct vtd *v, uint16_t sid)
{
    for (size_t i = 0; i < v->n_spaces; i++) {
        if (v->spaces[i]->sid == sid) {
            return v->spaces[i];
        }
    }
    return NULL;
}

bool
vtd_space_bypasses(const struct vtd *v, uint16_t sid)
{
    const struct vtd_space *s = space_of(v, sid);

    return s != NULL && space_is_bypass(&s->space);
}

void
vtd_notify_passed(struct vtd *v, uint16_t sid)
{
    if (!env_quirk(v->base.env, QUIRK_VTD_DMA_SWITCHES)) {
        return;
    }
    struct vtd_space *s = space_of(v, sid);
    if (s != NULL && !space_is_bypass(&s->space)) {
        take_sections(s);
    }
}
