/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See check.h: what the machine calls. close.c opens and closes records, hear.c
 * listens to events, told.c keeps account of them, verdict.c and dma.c judge.
 */
#include "check/check.h"

#include <assert.h>
#include <stdlib.h>

#include "check/internal.h"

static void
compare_switched(struct check_sub *cs)
{
    cs->settled = 0;
    compare_sub(cs, 0, UINT64_MAX,
                &(struct comparison){ .changed = true, .origin = &cs->switched });
}

static void
settle(void *self, uint64_t arg)
{
    struct check_sub *cs = self;

    (void)arg;
    if (cs->settled == sim_now(cs->c->env->sim)) { /* and not another switch since */
        compare_switched(cs);
        anomalies_settle_quiet(cs->c);
    }
}

/*
 * Everybody has been told. A cache that answers when it has let go is waited for, which
 * is time that the switch has been charged: until then what it held is lawful.
 */
static void
note_switched(struct check_sub *cs, const struct origin *here)
{
    struct sim *sim = cs->c->env->sim;

    note_unasked(cs);
    cs->switched = *here;
    if (cs->s->ops->shadow != SHADOW_CACHE || sim_charged(sim) == 0) {
        compare_switched(cs);
        return;
    }
    cs->settled = sim_now(sim) + sim_charged(sim);
    sim_at(sim, cs->settled, settle, cs, 0);
}

static void
switched(void *self, struct iommu *m)
{
    struct check *c = self;
    struct truth_iommu *ti = truth_find(c->truth, m);
    const struct origin here = check_here(c);

    if (ti == NULL) {
        return;
    }
    if (m->ops->roots != NULL && ti->roots.translation) {
        struct iommu_roots now;
        m->ops->roots(m, &now);
        if (!now.translation) {
            void_records(c, ti); /* nothing is translated, nothing is cached */
        }
    }
    truth_switched(ti);
    note_closed(
        c, &(struct closed_range){ .iommu = ti, .last = UINT64_MAX, .origin = here });
    for (struct check_sub *cs = c->subs; cs != NULL; cs = cs->next) {
        if (cs->d->iommu == ti) {
            note_switched(cs, &here);
        }
    }
    anomalies_settle_quiet(c);
}

static void
aborted(void *self, const char *subject, enum blame who, const char *why)
{
    struct check *c = self;

    verdict_say(c);
    c->fn(c->self, &(struct violation){ .class = VIOLATION_VMM_ABORT,
                                        .blame = who,
                                        .subject = subject,
                                        .last = UINT64_MAX,
                                        .origin = check_here(c),
                                        .hint = why });
}

static void
overspent(void *self, const char *subject, enum blame who, const char *what,
          uint64_t steps)
{
    struct check *c = self;

    (void)steps;
    verdict_say(c);
    c->fn(c->self, &(struct violation){ .class = VIOLATION_UNBOUNDED_WORK,
                                        .blame = who,
                                        .subject = subject,
                                        .last = UINT64_MAX,
                                        .origin = check_here(c),
                                        .hint = what });
}

struct check *
check_new(struct env *env, check_violation_fn *fn, void *self)
{
    struct check *c = xcalloc(1, sizeof(*c));

    c->env = env;
    c->fn = fn;
    c->self = self;
    c->book.env = env;
    c->total = exposure_account(&c->book, EXPOSURE_MACHINE, EXPOSURE_LAWFUL);
    c->truth = truth_new(env, &c->book, check_truth_changed, c);
    env->observer = (struct observer){
        .self = c,
        .invalidated = check_invalidated,
        .completed = check_completed,
        .hcall_returned = check_hcall_returned,
        .switched = switched,
        .aborted = aborted,
        .overspent = overspent,
    };
    check_hear(c);
    return c;
}

void
check_free(struct check *c)
{
    if (c == NULL) {
        return;
    }
    c->env->observer = (struct observer){ 0 };
    while (c->subs != NULL) {
        check_remove_subscriber(c, c->subs->s);
    }
    for (struct check_region *cr = c->regions, *next; cr != NULL; cr = next) {
        next = cr->next;
        for (struct check_notifier *cn = cr->notifiers, *after; cn != NULL; cn = after) {
            after = cn->next;
            free(cn);
        }
        free(cr);
    }
    truth_free(c->truth);
    exposure_book_fini(&c->book);
    free(c->pending);
    free(c->closed);
    free(c);
}

void
check_step(struct check *c, const char *file, uint32_t line)
{
    verdict_say(c);
    c->here.file = file;
    c->here.line = line;
}

void
check_say(struct check *c)
{
    verdict_say(c);
}

struct truth_device *
check_add_device(struct check *c, struct iommu *m, const char *id, uint16_t sid)
{
    struct truth_device *d = truth_add_device(c->truth, m, id, sid);

    d->lawful = exposure_account(&c->book, id, EXPOSURE_LAWFUL);
    return d;
}

struct truth_device *
check_pasid(struct truth_device *d, uint32_t pasid)
{
    return truth_pasid(d, pasid);
}

static void
count_device_tlb(struct check_sub *cs)
{
    cs->is_device_tlb = cs->s->ops->shadow == SHADOW_CACHE && cs->s->config.ats;
    cs->d->device_tlbs += cs->is_device_tlb;
    cs->c->device_tlbs |= cs->is_device_tlb;
}

static void
seat_add(struct check_sub *cs, struct truth_device *d)
{
    struct check_sub **end = &d->subs;

    while (*end != NULL) {
        end = &(*end)->beside;
    }
    *end = cs;
    cs->beside = NULL;
    cs->d = d;
    d->holders += cs->s->ops->shadow != SHADOW_NONE;
    count_device_tlb(cs);
}

static void
seat_remove(struct check_sub *cs)
{
    struct check_sub **p = &cs->d->subs;

    while (*p != cs) {
        p = &(*p)->beside;
    }
    *p = cs->beside;
    cs->d->device_tlbs -= is_device_tlb(cs);
    cs->d->holders -= cs->s->ops->shadow != SHADOW_NONE;
}

/* What device TLBs would have had to drop concerns nobody any more. */
void
check_ats_switched(struct subscriber *s)
{
    struct check_sub *cs = s->mark;

    cs->d->device_tlbs -= is_device_tlb(cs);
    count_device_tlb(cs);
    if (cs->d->device_tlbs == 0) {
        recordset_clear(&cs->d->tlb);
    }
}

/* A subscriber that outlives its device is a container that others share. */
void
check_remove_device(struct truth_device *d)
{
    struct truth_device *heir = d->iommu->devices;

    while (heir != NULL && (heir == d || heir->pasid != IOMMU_NO_PASID)) {
        heir = heir->next;
    }
    while (d->subs != NULL) {
        struct check_sub *cs = d->subs;
        assert(heir != NULL);
        seat_remove(cs);
        seat_add(cs, heir);
    }
    truth_remove_device(d);
}

void
check_add_subscriber(struct check *c, struct subscriber *s, struct truth_device *d)
{
    struct check_sub *cs = xcalloc(1, sizeof(*cs));
    struct check_sub **end = &c->subs;

    cs->c = c;
    cs->s = s;
    seat_add(cs, d);
    rangemap_init(&cs->told, RANGEMAP_LINEAR, c->env->budget);
    rangemap_init(&cs->due, RANGEMAP_LINEAR, c->env->budget);
    reported_init(&cs->wrong, c->env->budget, &c->book);
    rangemap_init(&cs->dropped, RANGEMAP_CONSTANT, c->env->budget);
    cs->joined = sim_now(c->env->sim);
    cs->joined_notes = c->n_notes;
    cs->lawful = exposure_account(&c->book, s->config.name, EXPOSURE_LAWFUL);
    s->mark = cs;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = cs;
}

void
check_attached(struct check *c, struct subscriber *s)
{
    struct check_sub *cs = s->mark;

    (void)c;
    note_unasked(cs);
}

void
check_remove_subscriber(struct check *c, struct subscriber *s)
{
    struct check_sub *cs = s->mark;
    struct check_sub **p = &c->subs;

    while (*p != cs) {
        p = &(*p)->next;
    }
    *p = cs->next;
    sim_forget(c->env->sim, cs);
    spans_left(cs);
    reported_settle(&cs->wrong, 0, UINT64_MAX);
    hear_no_more(cs);
    seat_remove(cs);
    s->mark = NULL;
    rangemap_fini(&cs->told);
    rangemap_fini(&cs->due);
    reported_fini(&cs->wrong);
    rangemap_fini(&cs->dropped);
    free(cs->anomalies);
    free(cs);
}

void
check_all(struct check *c)
{
    const struct origin here = check_here(c);
    struct comparison why = { .origin = &here };

    for (struct check_sub *cs = c->subs; cs != NULL; cs = cs->next) {
        compare_sub(cs, 0, UINT64_MAX, &why);
    }
}

/* What is wrong still stays so. */
static void
settle_all(struct check *c)
{
    for (struct check_sub *cs = c->subs; cs != NULL; cs = cs->next) {
        reported_settle(&cs->wrong, 0, UINT64_MAX);
    }
    for (struct truth_iommu *ti = truth_first(c->truth); ti != NULL; ti = ti->next) {
        for (struct view *v = ti->views; v != NULL; v = v->next) {
            reported_settle(&v->records.accused, 0, UINT64_MAX);
        }
        for (struct truth_device *d = ti->devices; d != NULL; d = d->next) {
            reported_settle(&d->records.accused, 0, UINT64_MAX);
            reported_settle(&d->tlb.accused, 0, UINT64_MAX);
        }
    }
}

void
check_end(struct check *c)
{
    check_all(c);
    for (struct truth_iommu *ti = truth_first(c->truth); ti != NULL; ti = ti->next) {
        for (struct view *v = ti->views; v != NULL; v = v->next) {
            const struct truth_device *d = view_next_device(v, NULL);
            if (d != NULL) {
                report_open(c, &v->records, d, 0, UINT64_MAX, false);
            }
        }
        for (struct truth_device *d = ti->devices; d != NULL; d = d->next) {
            report_open(c, &d->records, d, 0, UINT64_MAX, false);
            report_open(c, &d->tlb, d, 0, UINT64_MAX, false);
        }
    }
    verdict_say(c);
    settle_all(c);
}

void
check_exposure(const struct check *c, struct exposure_stats *out)
{
    exposure_book_get(&c->book, 0, out);
}

bool
check_exposure_of(const struct check *c, size_t i, struct exposure_stats *out)
{
    return exposure_book_get(&c->book, i + 1, out); /* after the machine's */
}

static void
dump_piece(const struct check *c, const char *device, const struct range_piece *p)
{
    struct trace_rec r;

    if (trace_wants(c->env->trace, TE_DUMP_TABLE)) {
        trace_begin(&r, sim_now(c->env->sim), device, TE_DUMP_TABLE);
        trace_u64(&r, TF_IOVA, p->first);
        trace_u64(&r, TF_SIZE, p->last - p->first + 1);
        trace_u64(&r, TF_GPA, p->target);
        trace_u64(&r, TF_PERM, p->perm);
        trace_emit(c->env->trace, &r);
    }
}

void
check_dump_device(const struct check *c, const struct truth_device *d)
{
    struct range_piece p, run = { 0 };
    bool open = false;

    for (uint64_t at = 0;; at = p.last + 1) {
        truth_at(d, at, UINT64_MAX, &p);
        bool joins = open && p.perm == run.perm && p.first == run.last + 1 &&
                     p.target == run.target + (p.first - run.first);
        if (joins) {
            run.last = p.last;
        } else {
            if (open) {
                dump_piece(c, d->id, &run);
            }
            run = p;
            open = p.perm != PERM_NONE;
        }
        if (p.last == UINT64_MAX) {
            break;
        }
    }
    if (open) {
        dump_piece(c, d->id, &run);
    }
}
