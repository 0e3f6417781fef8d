/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See vtd_notify.h. */
#include "iommu/vtd_notify.h"

#include <errno.h>
#include <stdlib.h>

#include "iommu/vtd_mirror.h"

static const struct vtd_block everything = { 0, UINT64_MAX };

/* ---- the region ---- */

static int
flags_changed(struct notify_region *region, unsigned old_flags, unsigned new_flags,
              struct err *e)
{
    struct vtd_space *s = region->self;

    if ((new_flags & NOTIFY_MAP) != 0 && !s->v->cfg.caching_mode &&
        !env_quirk(s->v->base.env, QUIRK_VTD_MAP_WITHOUT_CM)) {
        err_set(e, "requires caching mode");
        return -ENOTSUP;
    }
    if ((new_flags & NOTIFY_DEVIOTLB_UNMAP) != 0 && !s->v->cfg.device_iotlb) {
        err_set(e, "requires device IOTLB mode");
        return -ENOTSUP;
    }
    if (((old_flags ^ new_flags) & NOTIFY_MAP) != 0) {
        vtd_mirror_forget(s);
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
    if (!vtd_context_translates(&s->ctx) ||
        iova >> vtd_context_width(s->v, &s->ctx) != 0 || vtd_is_interrupt(iova)) {
        return;
    }
    if (vtd_walk(s->v, &s->ctx, s->sid, iova, PERM_R, &page) == VTD_FAULT_NONE ||
        vtd_walk(s->v, &s->ctx, s->sid, iova, PERM_W, &page) == VTD_FAULT_NONE) {
        *out = (struct notify_entry){
            .iova = page.first,
            .mask = page.last - page.first,
            .target = GPA(page.target),
            .perm = page.perm,
        };
    }
}

static void
replay(struct notify_region *region, struct notifier *n)
{
    vtd_mirror_replay(region->self, n);
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

/* ---- invalidations ---- */

/*
 * The entry in effect, after letting one take effect that needs no invalidation: a
 * present one where there was none, without caching mode.
 */
static const struct vtd_context *
context_in_effect(struct vtd_space *s)
{
    if (s->ctx.fault != VTD_FAULT_NONE && !s->v->cfg.caching_mode) {
        struct vtd_context now = vtd_context_read(s->v, s->sid);
        if (vtd_context_translates(&now)) {
            s->ctx = now;
        }
    }
    return &s->ctx;
}

/* Caches below may have been filled through the entry as it stands in memory. */
static bool
may_use_did(struct vtd_space *s, uint16_t did)
{
    struct vtd_context now = vtd_context_read(s->v, s->sid);

    return vtd_context_in(context_in_effect(s), did) || vtd_context_in(&now, did);
}

static void
invalidate_mirrors(struct vtd_space *s, const struct invalidation *inv)
{
    const struct vtd_context *ctx = context_in_effect(s);
    struct vtd_block block = everything;

    if (inv->scope != INVAL_GLOBAL && !vtd_context_in(ctx, inv->did)) {
        return;
    }
    if (inv->scope == INVAL_PAGE) {
        block = (struct vtd_block){ inv->first, inv->last };
    }
    vtd_mirror_update(s, &block, CAUSE_MAP);
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

static void
invalidate_caches(struct vtd_space *s, const struct invalidation *inv)
{
    if (inv->scope != INVAL_GLOBAL && !may_use_did(s, inv->did)) {
        return;
    }
    if (inv->scope == INVAL_PAGE) {
        const struct notify_event ev = {
            .type = NOTIFY_UNMAP,
            .cause = CAUSE_INVALIDATE,
            .iova = inv->first,
            .mask = inv->last - inv->first,
        };
        tell_caches(s, &ev, CAUSE_INVALIDATE);
    } else {
        tell_caches(s, NULL, CAUSE_INVALIDATE);
    }
}

static void
iotlb_invalidated(struct vtd *v, const struct invalidation *inv)
{
    for (size_t i = 0; i < v->n_spaces; i++) {
        struct vtd_space *s = v->spaces[i];
        if (vtd_wants_maps(s)) {
            invalidate_mirrors(s, inv);
        }
        if (vtd_has_caches(s)) {
            invalidate_caches(s, inv);
        }
    }
}

/* A translated space under the entry of memory, whatever was in effect before. */
static void
announce_context(struct vtd_space *s)
{
    bool had =
        vtd_context_translates(&s->ctx) || s->tree.pages != 0 || s->owed.pages != 0;

    s->ctx = vtd_context_read(s->v, s->sid);
    if (!vtd_context_translates(&s->ctx)) {
        if (had || !vtd_wants_maps(s)) {
            vtd_mirror_unmap_all(s, CAUSE_CONTEXT);
        } else {
            tell_caches(s, NULL, CAUSE_CONTEXT);
        }
        return;
    }
    if (vtd_wants_maps(s)) {
        vtd_mirror_update(s, &everything, CAUSE_CONTEXT);
    }
    tell_caches(s, NULL, CAUSE_CONTEXT);
}

static void
refresh(struct vtd_space *s)
{
    struct vtd_context now = vtd_context_read(s->v, s->sid);

    if (!vtd_is_on(s->v, VTD_GCMD_TE)) {
        return;
    }
    if (vtd_context_passes(&now) == vtd_context_passes(&s->ctx)) {
        announce_context(s);
        return;
    }
    if (vtd_context_passes(&now)) {
        vtd_mirror_unmap_all(s, CAUSE_CONTEXT);
    }
    take_sections(s);
}

static bool
context_concerns(struct vtd_space *s, const struct invalidation *inv)
{
    switch (inv->scope) {
    case INVAL_DEVICE:
        return ((s->sid ^ inv->sid) & ~(unsigned)inv->sid_mask) == 0;
    case INVAL_DOMAIN:
        return may_use_did(s, inv->did) ||
               (inv->did == 0 && s->ctx.fault != VTD_FAULT_NONE);
    case INVAL_GLOBAL:
    case INVAL_PAGE:
    case INVAL_PASID:
        break;
    }
    return true;
}

static void
context_invalidated(struct vtd *v, const struct invalidation *inv)
{
    for (size_t i = 0; i < v->n_spaces; i++) {
        if (context_concerns(v->spaces[i], inv)) {
            refresh(v->spaces[i]);
        }
    }
}

/* A device that nobody made a space for is none of ours. */
static void
device_tlb_invalidated(struct vtd *v, const struct invalidation *inv)
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

    for (size_t i = 0; i < v->n_spaces; i++) {
        if (v->spaces[i]->sid == inv->sid) {
            notify_all(&v->spaces[i]->region, 0, &ev);
        }
    }
}

void
vtd_notify_invalidated(struct vtd *v, const struct invalidation *inv)
{
    switch (inv->kind) {
    case INVAL_IOTLB:
        iotlb_invalidated(v, inv);
        break;
    case INVAL_CONTEXT:
        context_invalidated(v, inv);
        break;
    case INVAL_DEV_IOTLB:
        device_tlb_invalidated(v, inv);
        break;
    case INVAL_PASID_CACHE: /* legacy tables have no PASIDs */
    case INVAL_PASID_IOTLB:
    case INVAL_IEC:
        break;
    }
}

void
vtd_notify_switch(struct vtd *v)
{
    for (size_t i = 0; i < v->n_spaces; i++) {
        struct vtd_space *s = v->spaces[i];
        bool was_translated = !space_is_bypass(&s->space);

        vtd_mirror_unmap_all(s, CAUSE_RESET);
        take_sections(s);
        if (was_translated && vtd_wants_maps(s)) {
            vtd_mirror_update(s, &everything, CAUSE_RESET);
        }
    }
}
