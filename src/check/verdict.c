/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comparing what a subscriber holds with what is allowed, naming what is wrong,
 * and finding who is to blame. See the user's guide, "Verdicts".
 */
#include <inttypes.h>
#include <stdio.h>

#include "check/internal.h"

/* ---- one line for adjacent pages ---- */

enum { VALUE_TEXT = 32 };

static const char *
value_text(const struct range_piece *p, uint64_t addr, char buf[static VALUE_TEXT])
{
    if (p->perm == PERM_NONE) {
        return "none";
    }
    snprintf(buf, VALUE_TEXT, "0x%" PRIx64 ":%s", p->target + (addr - p->first),
             perm_name(p->perm));
    return buf;
}

enum { NEED_TEXT = 64 };

/* The invalidations that `need` asks for, by their names in descriptors; NULL: none. */
static const char *
need_text(unsigned need, char buf[static NEED_TEXT])
{
    static const struct {
        unsigned bits;
        const char *name;
    } kinds[] = {
        { VTD_NEED_CONTEXT, "context" },
        { VTD_NEED_PASID, "pasid-cache" },
        { VTD_NEED_IOTLB & ~VTD_NEED_PIOTLB, "iotlb" },
        { VTD_NEED_PIOTLB, "pasid-iotlb" },
        { VTD_NEED_DEVICE_TLB, "dev-iotlb" },
    };
    size_t n = 0;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if ((need & kinds[i].bits) != 0) {
            n += (size_t)snprintf(buf + n, NEED_TEXT - n, "%s%s", n > 0 ? "," : "",
                                  kinds[i].name);
        }
    }
    return n > 0 ? buf : NULL;
}

void
verdict_say(struct check *c)
{
    struct verdict_run *r = &c->run;
    char have[VALUE_TEXT], want[VALUE_TEXT], need[NEED_TEXT];

    if (!r->open) {
        return;
    }
    r->open = false;
    r->waits = false;
    struct violation v = {
        .class = r->class,
        .blame = r->blame,
        .subject = r->subject,
        .first = r->first,
        .last = r->last,
        .origin = r->origin,
        .missing = r->missing != NULL ? r->missing : need_text(r->need, need),
        .hint = r->hint,
        .has_pasid = r->has_pasid,
        .pasid = r->pasid,
    };
    if (r->has_values) {
        v.have = value_text(&r->have, r->first, have);
        v.want = value_text(&r->want, r->first, want);
    }
    c->fn(c->self, &v);
}

void
verdict_flush(struct check *c)
{
    if (!c->run.waits) {
        verdict_say(c);
    }
}

void
verdict_add(struct check *c, const struct verdict_run *r)
{
    struct verdict_run *was = &c->run;

    if (was->open && was->subject == r->subject && was->class == r->class &&
        was->blame == r->blame && was->hint == r->hint &&
        was->has_pasid == r->has_pasid && was->pasid == r->pasid &&
        was->waits == r->waits && was->last + 1 == r->first &&
        (r->waits ? origin_same(&was->origin, &r->origin)
                  : was->origin.file == r->origin.file &&
                        was->origin.line == r->origin.line)) {
        was->last = r->last;
        return;
    }
    verdict_say(c);
    *was = *r;
    was->open = true;
}

/* ---- allowed ---- */

/* The permission with which a mirror's host maps `target`; *last is cut to where to. */
static inline enum perm
perm_as_pinned(const struct check_sub *cs, uint64_t target, enum perm perm,
               uint64_t *last)
{
    if (mem_is_discarded(cs->c->env->mem, GPA(target), last)) {
        return PERM_NONE; /* nothing there that could be pinned */
    }
    if (perm == PERM_W && !cs->s->config.strict_permissions) {
        perm = PERM_RW; /* no host mapping is write-only */
    }
    const struct mem_range *r =
        perm == PERM_RW ? mem_range_of(cs->c->env->mem, GPA(target)) : NULL;
    return r != NULL && r->kind == MEM_ROM ? PERM_R : perm; /* mapped read-only */
}

enum perm
perm_as_held(const struct check_sub *cs, uint64_t target, enum perm perm)
{
    uint64_t last = target;

    return cs == NULL || cs->s->ops->shadow != SHADOW_MIRROR
               ? perm
               : perm_as_pinned(cs, target, perm, &last);
}

static bool
same_at(const struct range_piece *a, const struct range_piece *b, uint64_t addr)
{
    if (a->perm == PERM_NONE || b->perm == PERM_NONE) {
        return a->perm == b->perm;
    }
    return a->target + (addr - a->first) == b->target + (addr - b->first);
}

/* Whether holding `h` is right where `t`, as cs can hold it, is the truth. */
static inline bool
is_right(const struct check_sub *cs, const struct range_piece *h,
         const struct range_piece *t, uint64_t addr)
{
    const bool cache = cs->s->ops->shadow == SHADOW_CACHE;

    if (h->perm == PERM_NONE && cache) {
        return true;
    }
    if (!same_at(h, t, addr)) {
        return false;
    }
    return cache ? (h->perm & ~(unsigned)t->perm) == 0 : h->perm == t->perm;
}

/* The same where `t` is or was the truth as the tables have it. */
static bool
agrees(const struct check_sub *cs, const struct range_piece *h, struct range_piece t,
       uint64_t addr)
{
    t.perm = perm_as_held(cs, t.target, t.perm);
    return is_right(cs, h, &t, addr);
}

static bool
records_allow(const struct check_sub *cs, const struct recordset *rs,
              const struct range_piece *h, uint64_t addr, uint64_t *end)
{
    struct range_piece p;
    uint32_t newest;

    if (!recordset_next(rs, addr, &p, &newest)) {
        return false;
    }
    if (p.first > addr) {
        *end = p.first - 1 < *end ? p.first - 1 : *end;
        return false;
    }
    *end = p.last < *end ? p.last : *end;
    if (h->perm == PERM_NONE) {
        return true; /* nothing held while a change is on its way */
    }
    for (uint32_t i = newest; i != 0; i = recordset_at(rs, i)->older) {
        const struct record *r = recordset_at(rs, i);
        struct range_piece old = { .first = addr,
                                   .last = p.last,
                                   .target = record_target(r, addr),
                                   .perm = r->perm };
        if (r->anything || agrees(cs, h, old, addr)) {
            return true;
        }
    }
    return false;
}

/* Whether an open record allows `h` at addr; *end is cut to where that holds. */
static bool
open_records_allow(const struct check_sub *cs, const struct range_piece *h, uint64_t addr,
                   uint64_t *end)
{
    const struct truth_device *d = cs->d;
    struct range_piece p;

    if (records_allow(cs, &d->records, h, addr, end) ||
        (is_device_tlb(cs) && records_allow(cs, &d->tlb, h, addr, end))) {
        return true;
    }
    if (truth_left_at(d, addr, *end, &p) && agrees(cs, h, p, addr)) {
        *end = p.last < *end ? p.last : *end;
        return true;
    }
    if (d->state != TRUTH_VIEWS) {
        return false;
    }
    if (d->view != NULL) {
        return records_allow(cs, &d->view->records, h, addr, end);
    }
    for (const struct view *v = d->iommu->views; v != NULL; v = v->next) {
        if (records_allow(cs, &v->records, h, addr, end)) {
            return true;
        }
    }
    return false;
}

/* ---- class and blame ---- */

void
held_at(const struct check_sub *cs, uint64_t addr, uint64_t limit,
        struct range_piece *out)
{
    if (cs->s->ops->lookup(cs->s, addr, out)) {
        return;
    }
    if (limit - addr < PAGE_BYTES) {
        *out = (struct range_piece){ .first = addr, .last = limit };
    } else if (!cs->s->ops->next(cs->s, addr, out)) {
        *out = (struct range_piece){ .first = addr, .last = UINT64_MAX };
    } else if (out->first > addr) {
        *out = (struct range_piece){ .first = addr, .last = out->first - 1 };
    }
}

static enum violation_class
classify(const struct range_piece *h, const struct range_piece *t, uint64_t addr)
{
    if (t->perm == PERM_NONE) {
        return VIOLATION_STALE_MAPPING;
    }
    if (h->perm == PERM_NONE) {
        return VIOLATION_MISSING_MAPPING;
    }
    if (!same_at(h, t, addr)) {
        return VIOLATION_WRONG_TARGET;
    }
    return (h->perm & ~(unsigned)t->perm) != 0 ? VIOLATION_EXCESS_PERMISSION
                                               : VIOLATION_LACKING_PERMISSION;
}

/* What cs should have been told and was not, where it is wrong in that way. */
static const char *
missing_events(const struct check_sub *cs, enum violation_class class, enum blame blame,
               const struct anomaly *a)
{
    if (blame != BLAME_IOMMU && blame != BLAME_CORE) {
        return NULL;
    }
    if (cs->s->ops->shadow == SHADOW_CACHE) {
        return is_device_tlb(cs) ? "DEVIOTLB_UNMAP" : "UNMAP";
    }
    switch (class) {
    case VIOLATION_STALE_MAPPING:
        return "UNMAP";
    case VIOLATION_MISSING_MAPPING:
        return "MAP";
    default:
        break;
    }
    if (a != NULL && a->class == VIOLATION_MISORDERED_CHANGE) {
        return "UNMAP"; /* before the MAP that there was */
    }
    return a != NULL && a->class == VIOLATION_UNDUE_EVENT ? "MAP" : "UNMAP,MAP";
}

/* What `m` (told or due) says at addr; else `otherwise`, and false. Cuts *end. */
static bool
view_of(const struct rangemap *m, const struct range_piece *otherwise, uint64_t addr,
        uint64_t *end, struct range_piece *out)
{
    *out = *otherwise;
    if (m->entries != 0 && rangemap_next(m, addr, out)) {
        if (out->first <= addr) {
            *end = out->last < *end ? out->last : *end;
            return true;
        }
        *end = out->first - 1 < *end ? out->first - 1 : *end;
        *out = *otherwise;
    }
    return false;
}

/* The last UNMAP that took addr away, if it is still remembered. */
static const struct unmap_note *
unmap_of(const struct check_sub *cs, uint64_t addr)
{
    unsigned n = cs->n_unmaps < UNMAP_NOTES ? cs->n_unmaps : UNMAP_NOTES;

    for (unsigned i = 1; i <= n; i++) {
        const struct unmap_note *u = &cs->unmaps[(cs->n_unmaps - i) % UNMAP_NOTES];
        if (addr >= u->first && addr <= u->last) {
            return u;
        }
    }
    return NULL;
}

/* Whether `class` was reported of addr and has not been right since; cuts *end. */
static bool
is_known(const struct check_sub *cs, enum violation_class class, uint64_t addr,
         uint64_t *end)
{
    struct range_piece known;
    const struct report_note *note = reported_next(&cs->wrong, addr, *end, &known);

    if (note == NULL) {
        return false;
    }
    uint64_t cut = known.first <= addr ? known.last : known.first - 1;
    *end = cut < *end ? cut : *end;
    return known.first <= addr && note->class == class;
}

/*
 * Cut a range, of one half of the space, to what s would listen to if all of that half
 * were a section; false: nothing of it.
 */
#define HALF (UINT64_C(1) << 63)

static bool
cut_to_reach(const struct subscriber *s, uint64_t *first, uint64_t *last)
{
    const struct subscriber_config *c = &s->config;
    uint64_t a = *first & HALF, z = a | (HALF - 1);

    if (c->has_range) {
        a = a > c->range_first ? a : c->range_first;
        z = z < c->range_last ? z : c->range_last;
    }
    if (a > z) {
        return false;
    }
    if (s->ops->trim != NULL && !s->ops->trim(s, &a, &z)) {
        return false;
    }
    *first = *first > a ? *first : a;
    *last = *last < z ? *last : z;
    return *first <= *last;
}

/*
 * Whether windows come and go in the space of its device. Then it answers for what is
 * in none, too: the IOMMU ought to have told it before it took its registration away.
 */
static bool
has_windows(const struct check_sub *cs)
{
    return cs->d->iommu->iommu->ops->windows != NULL;
}

/* Whether it could have registered for addr, or anywhere, and did not. */
static bool
never_asked(const struct check_sub *cs, uint64_t addr)
{
    const struct space *space = cs->s->space;

    for (size_t i = 0; i < space->n; i++) {
        const struct space_section *s = &space->sections[i];
        if (s->region != NULL &&
            (cs->s->bindings == NULL || (addr >= s->first && addr <= s->last))) {
            return true;
        }
    }
    return false;
}

/* Whether a registration of its own would tell it of addr. */
static bool
listens_at(const struct check_sub *cs, uint64_t addr)
{
    uint64_t first = addr, last = addr;

    if (cs->s->ops->shadow == SHADOW_CACHE && !is_device_tlb(cs) &&
        (cs->s->config.flags & NOTIFY_UNMAP) == 0) {
        return false; /* to what it does not live by */
    }
    for (const struct subscriber_binding *b = cs->s->bindings; b != NULL; b = b->next) {
        if (addr >= b->section.first && addr <= b->section.last) {
            return true;
        }
    }
    return has_windows(cs) && !cs->s->deaf && !never_asked(cs, addr) &&
           cut_to_reach(cs->s, &first, &last);
}

/* Whether its device's space is RAM 1:1, though the tables say otherwise. */
static bool
is_left_untranslated(const struct check_sub *cs)
{
    const struct space *space = cs->s->space;

    return cs->s->attached && space_is_bypass(space) && cs->d->state != TRUTH_IDENTITY;
}

/* Whether it would be right to hold `h` instead. */
static bool
may_hold(const struct check_sub *cs, const struct range_piece *h,
         const struct range_piece *t, uint64_t addr)
{
    uint64_t end = addr;

    return agrees(cs, h, *t, addr) ||
           (h->perm != PERM_NONE && open_records_allow(cs, h, addr, &end));
}

/* The first link of the chain behind the guest that did not do its part. */
static enum blame
blame_of(const struct check_sub *cs, const struct range_piece *h,
         const struct range_piece *t, uint64_t addr, uint64_t *end)
{
    struct range_piece told, due;

    if ((h->target & FORMER_PAGE) != 0) {
        return BLAME_SUBSCRIBER;
    }
    if (!listens_at(cs, addr)) { /* it never asked, or failed to follow RAM 1:1 */
        return is_left_untranslated(cs) ? BLAME_IOMMU : BLAME_SUBSCRIBER;
    }
    const bool was_told = view_of(&cs->told, h, addr, end, &told);
    told.perm = perm_as_held(cs, told.target, told.perm);
    const bool was_due = view_of(&cs->due, &told, addr, end, &due);
    due.perm = perm_as_held(cs, due.target, due.perm);
    if (!may_hold(cs, &due, t, addr)) {
        /* One that strays holds what nobody told it to. */
        if (cs->strays && !was_told && !was_due && h->perm != PERM_NONE) {
            return BLAME_SUBSCRIBER;
        }
        return truth_is_ambiguous(cs->d, addr, NULL) ? BLAME_GUEST : BLAME_IOMMU;
    }
    return may_hold(cs, &told, t, addr) ? BLAME_SUBSCRIBER : BLAME_CORE;
}

/* What explains it: the odd event that touched it, and when that was. */
static void
explain(const struct check_sub *cs, struct verdict_run *r, const struct comparison *why)
{
    const struct anomaly *a = anomaly_find(cs, r->first, r->last);
    const struct unmap_note *u;

    if (a != NULL) {
        r->hint = violation_name(a->class);
    }
    if (why->changed) {
        return;
    }
    if (a != NULL) {
        r->origin = a->origin;
    } else if (r->class == VIOLATION_MISSING_MAPPING) {
        u = unmap_of(cs, r->first);
        r->origin = u != NULL ? u->origin : cs->attached;
        r->hint = u != NULL ? violation_name(VIOLATION_OVERBROAD_UNMAP) : NULL;
    }
}

void
verdict_explain(const struct check_sub *cs, struct verdict_run *r, bool changed)
{
    const struct range_piece *t = &r->want;
    const struct report_note *note;
    struct range_piece h, p;
    uint64_t end = r->first;

    held_at(cs, r->first, r->first, &h);
    r->blame = blame_of(cs, &h, t, r->first, &end);
    if (is_right(cs, &h, t, r->first)) {
        return;
    }
    note = reported_next(&cs->wrong, r->first, r->first, &p);
    if (note != NULL) {
        r->missing = note->missing;
        r->origin = note->origin;
        return;
    }
    struct verdict_run shadow = *r;
    shadow.class = classify(&h, t, r->first);
    explain(cs, &shadow, &(struct comparison){ .changed = changed });
    r->origin = shadow.origin;
    r->missing =
        missing_events(cs, shadow.class, r->blame, anomaly_find(cs, r->first, r->first));
}

/* [addr, end] is wrong in one way: say so, unless it was said before. */
static void
judge(struct check_sub *cs, uint64_t addr, uint64_t end, const struct range_piece *h,
      const struct range_piece *t, const struct comparison *why)
{
    struct verdict_run r = {
        .subject = cs->s->config.name,
        .class = classify(h, t, addr),
        .have = *h,
        .want = *t,
        .has_values = true,
    };

    for (uint64_t at = addr;; at = r.last + 1) {
        r.first = at;
        r.last = end;
        if (!is_known(cs, r.class, at, &r.last)) {
            r.origin = *why->origin;
            r.blame = why->misorder ? BLAME_GUEST : blame_of(cs, h, t, at, &r.last);
            r.missing =
                missing_events(cs, r.class, r.blame, anomaly_find(cs, r.first, r.last));
            r.need = why->misorder ? VTD_NEED_DEVICE_TLB : 0;
            r.hint = NULL;
            explain(cs, &r, why);
            verdict_add(cs->c, &r);
            reported_settle(&cs->wrong, r.first, r.last);
            reported_add(&cs->wrong, r.first, r.last,
                         &(struct report_note){ .subject = r.subject,
                                                .class = r.class,
                                                .origin = r.origin,
                                                .missing = r.missing });
        }
        if (r.last == end) {
            return;
        }
    }
}

/* ---- comparing ---- */

/*
 * Whether cs may hold h whatever the truth: a cache nothing at all, or what leads where
 * there is nothing to be reached.
 */
static bool
is_harmless(const struct check_sub *cs, const struct range_piece *h)
{
    const struct mem *mem = cs->c->env->mem;

    return cs->s->ops->shadow == SHADOW_CACHE &&
           (h->perm == PERM_NONE ||
            (mem_range_of(mem, GPA(h->target)) == NULL &&
             mem_range_of(mem, GPA(h->target + (h->last - h->first))) == NULL));
}

/* The truth from `at` on, as far as cs can hold it in one way. */
static inline void
truth_as_held(const struct check_sub *cs, uint64_t at, uint64_t limit,
              struct range_piece *out)
{
    truth_at(cs->d, at, limit, out);
    out->target += at - out->first;
    out->first = at;
    if (out->perm != PERM_NONE && cs->s->ops->shadow == SHADOW_MIRROR) {
        uint64_t last = range_last(out->target, out->last - at + 1);
        out->perm = perm_as_pinned(cs, out->target, out->perm, &last);
        out->last = at + (last - out->target);
    }
}

/* Whether cs holds one piece there, which is right, and nothing was wrong before. */
static inline bool
is_one_and_right(const struct check_sub *cs, uint64_t first, uint64_t last)
{
    struct range_piece h, t;

    if (!reported_empty(&cs->wrong)) {
        return false;
    }
    held_at(cs, first, last, &h);
    truth_as_held(cs, first, last, &t);
    return h.last >= last && t.last >= last && is_right(cs, &h, &t, first);
}

static __attribute__((noinline)) void
compare_pieces(struct check_sub *cs, uint64_t first, uint64_t last,
               const struct comparison *why)
{
    struct range_piece h = { 0 }, t = { 0 };
    uint64_t end;

    for (uint64_t at = first;; at = end + 1) {
        if (at == first || h.last < at) {
            held_at(cs, at, last, &h);
        }
        const bool harmless = is_harmless(cs, &h);
        if (!harmless && (at == first || t.last < at)) {
            truth_as_held(cs, at, last, &t);
        }
        end = harmless || h.last < t.last ? h.last : t.last;
        end = end < last ? end : last;
        if (harmless || is_right(cs, &h, &t, at)) {
            if (!reported_empty(&cs->wrong)) {
                reported_settle(&cs->wrong, at, end);
            }
        } else if (why != NULL && !open_records_allow(cs, &h, at, &end)) {
            judge(cs, at, end, &h, &t, why);
        }
        if (end == last) {
            return;
        }
    }
}

static void
compare_listened(struct check_sub *cs, uint64_t first, uint64_t last,
                 const struct comparison *why)
{
    if (!is_one_and_right(cs, first, last)) {
        compare_pieces(cs, first, last, why);
    }
}

/* Of one half of the space. */
static void
compare_reached(struct check_sub *cs, uint64_t first, uint64_t last,
                const struct comparison *why)
{
    if (first <= last && cut_to_reach(cs->s, &first, &last)) {
        compare_listened(cs, first, last, why);
    }
}

/* Whether one of its registrations is for all of [first, last]: the usual case. */
static inline bool
listens_to(const struct subscriber *s, uint64_t first, uint64_t last)
{
    for (const struct subscriber_binding *b = s->bindings; b != NULL; b = b->next) {
        if (b->section.first <= first && last <= b->section.last) {
            return true;
        }
    }
    return false;
}

void
compare(struct check_sub *cs, uint64_t first, uint64_t last, const struct comparison *why)
{
    const struct subscriber *s = cs->s;

    if (s->ops->shadow == SHADOW_NONE || !s->attached || s->refused || cs->settled != 0 ||
        cs->c->env->aborted) {
        return;
    }
    if (listens_to(s, first, last)) { /* by far the most, and right */
        if (!is_one_and_right(cs, first, last)) {
            compare_pieces(cs, first, last, why);
        }
        return;
    }
    if (has_windows(cs)) {
        compare_reached(cs, first, last < HALF ? last : HALF - 1, why);
        compare_reached(cs, first < HALF ? HALF : first, last, why);
        return;
    }
    if (s->bindings == NULL) { /* not translated: it holds RAM 1:1, or nothing */
        compare_listened(cs, first, last, why);
        return;
    }
    for (const struct subscriber_binding *b = s->bindings; b != NULL; b = b->next) {
        uint64_t a = b->section.first > first ? b->section.first : first;
        uint64_t z = b->section.last < last ? b->section.last : last;
        if (a <= z) {
            compare_listened(cs, a, z, why);
        }
    }
}

/* Whether the tables still say what an observer was told of, and then told is gone. */
static bool
is_overbroad(const struct check_sub *cs, const struct anomaly *a)
{
    struct range_piece t, again;

    for (uint64_t at = a->first;; at = t.last + 1) {
        truth_at(cs->d, at, a->last, &t);
        if (t.perm == a->perm &&
            t.target + (at - t.first) == a->target + (at - a->first) &&
            listens_at(cs, at) && !rangemap_lookup(&cs->told, at, &again)) {
            return true;
        }
        if (t.last >= a->last) {
            return false;
        }
    }
}

void
anomalies_settle(struct check_sub *cs, uint64_t first, uint64_t last)
{
    size_t kept = 0;
    struct range_piece p;

    for (size_t i = 0; i < cs->n_anomalies; i++) {
        struct anomaly a = cs->anomalies[i];
        if (a.first < first || a.last > last) {
            cs->anomalies[kept++] = a;
            continue;
        }
        if (reported_next(&cs->wrong, a.first, a.last, &p) != NULL) {
            continue; /* a verdict on the shadow names it */
        }
        if (a.class == VIOLATION_OVERBROAD_UNMAP && !is_overbroad(cs, &a)) {
            continue;
        }
        verdict_add(cs->c, &(struct verdict_run){ .subject = cs->s->config.name,
                                                  .class = a.class,
                                                  .blame = a.blame,
                                                  .first = a.first,
                                                  .last = a.last,
                                                  .origin = a.origin,
                                                  .missing = a.missing });
    }
    cs->n_anomalies = kept;
}

/* Whether no record of what d sees is open. */
static bool
is_quiet(const struct truth_device *d)
{
    const struct view *v = d->iommu->views;

    if (!recordset_empty(&d->records) || !recordset_empty(&d->tlb)) {
        return false;
    }
    if (d->view != NULL || d->state != TRUTH_VIEWS) {
        return d->view == NULL || recordset_empty(&d->view->records);
    }
    while (v != NULL && recordset_empty(&v->records)) {
        v = v->next;
    }
    return v == NULL;
}

void
anomalies_settle_quiet(struct check *c)
{
    if (!c->odd) {
        return;
    }
    c->odd = false;
    for (struct check_sub *cs = c->subs; cs != NULL; cs = cs->next) {
        if (cs->s->ops->shadow == SHADOW_NONE || is_quiet(cs->d)) {
            anomalies_settle(cs, 0, UINT64_MAX);
            verdict_flush(c);
        }
        c->odd |= cs->n_anomalies != 0;
    }
}
