/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Holding the whole run against the `expect` at the scenario's end: violations, refusals,
 * events, faults, shadows, figures, the dirty log. See internal.h.
 */
#include "machine/expect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
matches(const struct expect_violation *x, const struct violation_note *v)
{
    return (!x->has_class || x->class == v->class) &&
           (!x->has_blame || x->blame == v->blame) &&
           (!x->has_iova || (x->iova >= v->first && x->iova <= v->last)) &&
           (x->subscriber == NULL || strcmp(x->subscriber, v->subject) == 0);
}

/* A mirror cannot make the guest's own step fail: where its host refuses a mapping, that
 * mapping is missing, and nothing older is touched. */
static bool
says_what_failed(const struct fail_hit *hit, const struct violation_note *v)
{
    return hit->op == FAIL_MAP && !hit->replay && hit->file != NULL && v->file != NULL &&
           (v->class == VIOLATION_MISSING_MAPPING || v->class == VIOLATION_DMA_LOST) &&
           v->line == hit->line && strcmp(v->file, hit->file) == 0 &&
           strcmp(v->subject, hit->subject) == 0;
}

static void
note_unexpected(struct machine *m, const struct violation_note *v)
{
    machine_note_failure(m, "%s:%u: %s: %s at 0x%" PRIx64 "+0x%" PRIx64 ", blame %s",
                         v->file != NULL ? v->file : m->sc->files[0].name,
                         (unsigned)v->line, v->subject, violation_name(v->class),
                         v->first, v->last - v->first + 1, blame_name(v->blame));
}

static void
expect_violations(struct machine *m, const struct scenario_expect *x)
{
    struct machine_result *res = &m->result;
    uint64_t *hits = xcalloc(x->n_violations + 1, sizeof(*hits));

    for (uint64_t i = 0; i < res->violations; i++) {
        bool listed = false;
        for (size_t k = 0; k < x->n_violations; k++) {
            if (matches(&x->violations[k], &m->violations[i])) {
                hits[k]++;
                listed = true;
            }
        }
        if (!listed) {
            res->unexpected++;
            res->not_mirrored += says_what_failed(&m->env.fail.hit, &m->violations[i]);
            note_unexpected(m, &m->violations[i]);
        }
    }
    for (size_t k = 0; k < x->n_violations; k++) {
        const struct expect_violation *p = &x->violations[k];
        if (p->has_count ? hits[k] != p->count : hits[k] == 0) {
            const char *name = p->has_class ? violation_name(p->class) : "violation";
            expect_number_failed(m, expect_place(m, p->pos), name, "d",
                                 p->has_count ? p->count : 1, hits[k]);
        }
    }
    free(hits);
}

static const struct machine_subscriber_count *
count_of(const struct machine *m, const char *subscriber)
{
    static const struct machine_subscriber_count none;

    for (size_t i = 0; i < m->n_counts; i++) {
        if (strcmp(m->counts[i].name, subscriber) == 0) {
            return &m->counts[i];
        }
    }
    return &none;
}

static void
expect_events(struct machine *m, const struct expect_events *x)
{
    const struct machine_subscriber_count *n = count_of(m, x->subscriber);

    if (x->has_map && n->maps != x->map) {
        expect_number_failed(m, expect_place(m, x->pos), "events:map", "d", x->map,
                             n->maps);
    }
    if (x->has_unmap && n->unmaps != x->unmap) {
        expect_number_failed(m, expect_place(m, x->pos), "events:unmap", "d", x->unmap,
                             n->unmaps);
    }
    if (x->has_deviotlb && n->deviotlb_unmaps != x->deviotlb) {
        expect_number_failed(m, expect_place(m, x->pos), "events:deviotlb", "d",
                             x->deviotlb, n->deviotlb_unmaps);
    }
}

static bool
is_listed(const struct scenario_expect *x, const char *name)
{
    for (size_t i = 0; i < x->n_refused; i++) {
        if (strcmp(x->refused[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Where the subscriber is stated, for a run without expectations of its own. */
static struct src_pos
stated_at(const struct machine *m, const char *label)
{
    for (size_t i = 0; i < m->sc->n_devices; i++) {
        for (size_t k = 0; k < m->sc->devices[i].n_subs; k++) {
            if (strcmp(m->sc->devices[i].subs[k].label, label) == 0) {
                return m->sc->devices[i].subs[k].pos;
            }
        }
    }
    return (struct src_pos){ 0 };
}

static void
expect_refusals(struct machine *m, const struct scenario_expect *x)
{
    for (size_t i = 0; i < m->n_counts; i++) {
        const struct machine_subscriber_count *n = &m->counts[i];
        if (n->refused != is_listed(x, n->name) && !n->refusal_expected) {
            const struct src_pos at = x->pos.line != 0 ? x->pos : stated_at(m, n->name);
            expect_failed(m, expect_place(m, at), n->name,
                          n->refused ? "registered" : "refused",
                          n->refused ? "refused" : "registered");
        }
    }
}

bool
shadow_run(const struct subscriber *s, uint64_t from, bool unjoined,
           struct range_piece *out)
{
    struct range_piece p;

    if (!s->ops->next(s, from, out)) {
        return false;
    }
    while (out->last != UINT64_MAX && s->ops->next(s, out->last + 1, &p) &&
           p.first == out->last + 1 && p.perm == out->perm &&
           p.target == out->target + (p.first - out->first) && !(unjoined && p.head)) {
        out->last = p.last;
    }
    return true;
}

static void
shadow_text(char text[static EXPECT_TEXT], uint64_t iova, uint64_t size, uint64_t gpa,
            unsigned perm)
{
    snprintf(text, EXPECT_TEXT, "0x%" PRIx64 "+0x%" PRIx64 "->0x%" PRIx64 ":%s", iova,
             size, gpa, perm_name(perm));
}

static const struct subscriber *
subscriber_by_label(const struct machine *m, const char *label)
{
    for (size_t i = 0; i < m->sc->n_devices; i++) {
        for (const struct seat *s = m->devices[i].seats; s != NULL; s = s->next) {
            if (strcmp(s->sub->label, label) == 0) {
                return s->s;
            }
        }
    }
    return NULL;
}

static void
expect_shadow(struct machine *m, const struct expect_shadow *x)
{
    const struct subscriber *s = subscriber_by_label(m, x->subscriber);
    struct range_piece p = { .last = UINT64_MAX };
    uint64_t from = 0;

    for (size_t i = 0; i <= x->n; i++) {
        char want[EXPECT_TEXT] = "none", got[EXPECT_TEXT] = "none";
        bool more = s != NULL && s->ops->next != NULL &&
                    (i == 0 || p.last != UINT64_MAX) &&
                    shadow_run(s, from, x->unjoined, &p);
        if (i < x->n) {
            const struct expect_mapping *e = &x->mappings[i];
            shadow_text(want, e->iova, e->size, e->gpa, e->perm);
        }
        if (more) {
            shadow_text(got, p.first, p.last - p.first + 1, p.target, p.perm);
            from = p.last + 1;
        }
        if (strcmp(want, got) != 0) {
            expect_failed(m, expect_place(m, x->pos), x->subscriber, want, got);
            return;
        }
        if (!more) {
            return;
        }
    }
}

static bool
compares(uint64_t got, enum compare_op op, uint64_t value)
{
    switch (op) {
    case COMPARE_EQ:
        return got == value;
    case COMPARE_NE:
        return got != value;
    case COMPARE_LT:
        return got < value;
    case COMPARE_LE:
        return got <= value;
    case COMPARE_GT:
        return got > value;
    case COMPARE_GE:
        return got >= value;
    }
    return false;
}

static void
expect_stat(struct machine *m, const struct expect_stat *x)
{
    static const char *const ops[] = { "", "!=", "<", "<=", ">", ">=" };
    const struct machine_result *r = machine_result(m);
    const uint64_t value = x->subject != NULL
                               ? machine_stat_of(r, x->subject, x->class, x->stat)
                               : machine_stat(r, x->stat);
    char want[40], got[40];

    if (!compares(value, x->op, x->value)) {
        snprintf(want, sizeof(want), "%s%" PRIu64, ops[x->op], x->value);
        snprintf(got, sizeof(got), "%" PRIu64, value);
        expect_failed(m, expect_place(m, x->pos), x->name, want, got);
    }
}

void
expect_end(struct machine *m)
{
    const struct scenario_expect *x = m->config.expect;
    struct machine_result *res = &m->result;

    expect_violations(m, x);
    expect_refusals(m, x);
    for (size_t i = 0; i < x->n_events; i++) {
        expect_events(m, &x->events[i]);
    }
    if (x->has_faults && res->faults != x->faults) {
        expect_number_failed(m, expect_place(m, x->pos), "faults", "d", x->faults,
                             res->faults);
    }
    for (size_t i = 0; i < x->n_shadows; i++) {
        expect_shadow(m, &x->shadows[i]);
    }
    for (size_t i = 0; i < x->n_stats; i++) {
        expect_stat(m, &x->stats[i]);
    }
    if (x->dirty.given) {
        expect_dirty(m, expect_place(m, x->dirty.pos), &x->dirty);
    }
    res->held = res->failed_expectations == 0 && res->unexpected == 0;
}
