/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Holding a run against what its scenario expects: each step against its own
 * `expect`, the whole against the one at the end. See internal.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/internal.h"

enum { TEXT = 256 };

/* Where an expectation stands: in the scenario, or in the recording that made the step.
 */
struct place {
    const char *file;
    uint32_t line;
};

static struct place
in_scenario(const struct machine *m, struct src_pos pos)
{
    return (struct place){ scenario_file_name(m->sc, pos), pos.line };
}

static void
expect_failed(struct machine *m, struct place place, const char *what, const char *want,
              const char *got)
{
    struct trace_rec r;
    char at[SOURCE_PLACE];

    m->result.failed_expectations++;
    machine_note_failure(m, "%s:%u: %s: want %s, got %s", place.file,
                         (unsigned)place.line, what, want, got);
    if (!trace_wants(m->env.trace, TE_EXPECT_FAILED)) {
        return;
    }
    trace_begin(&r, sim_now(m->env.sim), "run", TE_EXPECT_FAILED);
    trace_text(&r, TF_AT, source_place(at, place.file, place.line));
    trace_text(&r, TF_WHAT, what);
    trace_text(&r, TF_WANT, want);
    trace_text(&r, TF_GOT, got);
    trace_emit(m->env.trace, &r);
}

static void
number_failed(struct machine *m, struct place at, const char *what, const char *format,
              uint64_t want, uint64_t got)
{
    char w[32], g[32];
    bool hex = format[0] == 'x';

    snprintf(w, sizeof(w), hex ? "0x%" PRIx64 : "%" PRIu64, want);
    snprintf(g, sizeof(g), hex ? "0x%" PRIx64 : "%" PRIu64, got);
    expect_failed(m, at, what, w, g);
}

/* ---- what was seen while a step ran ---- */

struct seen_event {
    char *subject;
    uint8_t kind;
};

struct step_watch {
    struct step_watch *next; /* of machine.watches */
    struct seen_event *events;
    size_t n, cap;
    int *errors; /* what subscribers answered, registrations that were refused too */
    size_t n_errors;
    bool fault;
    uint64_t reason, sid, address;
    bool write;
};

static uint8_t
event_kind(enum trace_event e)
{
    switch (e) {
    case TE_NOTIFY_MAP:
        return SCENARIO_EVENT_MAP;
    case TE_NOTIFY_UNMAP:
        return SCENARIO_EVENT_UNMAP;
    case TE_NOTIFY_DEVIOTLB_UNMAP:
        return SCENARIO_EVENT_DEVIOTLB;
    default:
        return 0;
    }
}

static void
see_fault(struct step_watch *w, const struct trace_rec *rec)
{
    w->fault = true;
    for (unsigned i = 0; i < rec->n; i++) {
        const struct trace_item *it = &rec->item[i];
        if (it->field == TF_FAULT_REASON) {
            w->reason = it->v.u;
        } else if (it->field == TF_SID) {
            w->sid = it->v.u;
        } else if (it->field == TF_ADDR) {
            w->address = it->v.u;
        } else if (it->field == TF_ACCESS) {
            w->write = strcmp(it->v.s, "write") == 0;
        }
    }
}

static void
see_error(struct step_watch *w, const struct trace_rec *rec)
{
    for (unsigned i = 0; i < rec->n; i++) {
        if (rec->item[i].field == TF_ERRNO) {
            w->errors = xrealloc(w->errors, w->n_errors + 1, sizeof(*w->errors));
            w->errors[w->n_errors++] = (int)rec->item[i].v.u;
        }
    }
}

static void
see(void *self, const struct trace_rec *rec)
{
    struct machine *m = self;
    uint8_t kind = event_kind(rec->event);

    for (struct step_watch *w = m->watches; w != NULL; w = w->next) {
        if (rec->event == TE_FAULT) {
            see_fault(w, rec);
        } else if (rec->event == TE_ERROR || rec->event == TE_REFUSED) {
            see_error(w, rec);
        } else if (kind != 0) {
            if (w->n == w->cap) {
                w->cap = w->cap == 0 ? 8 : 2 * w->cap;
                w->events = xrealloc(w->events, w->cap, sizeof(*w->events));
            }
            w->events[w->n++] = (struct seen_event){ xstrdup(rec->subject), kind };
        }
    }
}

void
step_watch_begin(struct machine *m, struct running *r)
{
    const struct step_expect *x = r->step.opt->expect;

    if (x == NULL ||
        (x->n_events == 0 && (x->given & (EXPECT_FAULT | EXPECT_ERROR)) == 0)) {
        return;
    }
    r->watch = xcalloc(1, sizeof(*r->watch));
    r->watch->next = m->watches;
    m->watches = r->watch;
    trace_set_hook(m->env.trace, see, m);
}

static void
watch_free(struct machine *m, struct step_watch *w)
{
    struct step_watch **p = &m->watches;

    while (*p != w) {
        p = &(*p)->next;
    }
    *p = w->next;
    if (m->watches == NULL) {
        trace_set_hook(m->env.trace, NULL, NULL);
    }
    for (size_t i = 0; i < w->n; i++) {
        free(w->events[i].subject);
    }
    free(w->events);
    free(w->errors);
    free(w);
}

void
step_watch_end(struct machine *m, struct running *r)
{
    if (r->watch != NULL) {
        watch_free(m, r->watch);
        r->watch = NULL;
    }
}

/* ---- one step ---- */

static struct place
place_of(const struct machine *m, const struct running *r)
{
    const char *recording = actor_recording(r);
    const struct step_expect *x = r->step.opt->expect;

    if (recording != NULL) {
        return (struct place){ recording, r->step.pos.line };
    }
    return in_scenario(m, x != NULL ? x->pos : r->step.pos);
}

static const char *
kind_name(uint8_t kind)
{
    return kind == SCENARIO_EVENT_MAP     ? "map"
           : kind == SCENARIO_EVENT_UNMAP ? "unmap"
                                          : "deviotlb";
}

static void
append(char text[static TEXT], const char *word)
{
    size_t used = strlen(text);

    snprintf(text + used, TEXT - used, "%s%s", used == 0 ? "" : ",", word);
}

static void
expect_step_events(struct machine *m, const struct running *r,
                   const struct expect_step_events *x)
{
    char want[TEXT] = "", got[TEXT] = "", what[TEXT];
    size_t seen = 0;
    bool same = true;

    for (size_t i = 0; i < r->watch->n; i++) {
        const struct seen_event *e = &r->watch->events[i];
        if (strcmp(e->subject, x->subscriber) == 0) {
            same &= seen < x->n && e->kind == x->kinds[seen];
            seen++;
            append(got, kind_name(e->kind));
        }
    }
    if (same && seen == x->n) {
        return;
    }
    for (size_t i = 0; i < x->n; i++) {
        append(want, kind_name(x->kinds[i]));
    }
    snprintf(what, sizeof(what), "events:%s", x->subscriber);
    expect_failed(m, place_of(m, r), what, want[0] != '\0' ? want : "none",
                  got[0] != '\0' ? got : "none");
}

static void
expect_fault(struct machine *m, const struct running *r, const struct step_expect *x)
{
    const struct expect_fault *f = &x->fault;
    const struct step_watch *w = r->watch;

    if (f->none || !w->fault) {
        if (f->none == w->fault) {
            expect_failed(m, place_of(m, r), "fault", f->none ? "none" : "a-fault",
                          w->fault ? "a-fault" : "none");
        }
        return;
    }
    if (f->has_reason && f->reason != w->reason) {
        number_failed(m, place_of(m, r), "fault-reason", "x", f->reason, w->reason);
    }
    if (f->has_sid && f->sid != w->sid) {
        number_failed(m, place_of(m, r), "fault-sid", "x", f->sid, w->sid);
    }
    if (f->has_address && align_down(f->address, PAGE_LG2) != w->address) {
        number_failed(m, place_of(m, r), "fault-address", "x", f->address, w->address);
    }
    if (f->has_type && f->write != w->write) {
        expect_failed(m, place_of(m, r), "fault-type", f->write ? "write" : "read",
                      w->write ? "write" : "read");
    }
}

/* `none`: nobody failed; else somebody did, and so. */
static void
expect_error(struct machine *m, const struct running *r, int error)
{
    const struct step_watch *w = r->watch;
    char got[TEXT] = "";

    for (size_t i = 0; i < w->n_errors; i++) {
        if (w->errors[i] == error) {
            return;
        }
        append(got, errno_name(w->errors[i]));
    }
    if (error != 0 || w->n_errors > 0) {
        expect_failed(m, place_of(m, r), "error", error == 0 ? "none" : errno_name(error),
                      w->n_errors > 0 ? got : "none");
    }
}

static void
expect_ret(struct machine *m, const struct running *r, const struct step_expect *x)
{
    const struct guest_reply *reply = &r->reply;
    const char *want = hret_name(x->ret), *got = hret_name(reply->ret);
    char w[32], g[32];

    if (reply->has_ret && reply->ret == x->ret) {
        return;
    }
    snprintf(w, sizeof(w), "%" PRId64, x->ret);
    snprintf(g, sizeof(g), "%" PRId64, reply->ret);
    expect_failed(m, place_of(m, r), "ret", want != NULL ? want : w,
                  !reply->has_ret ? "none"
                  : got != NULL   ? got
                                  : g);
}

/* All words that the call wrote, or all but the status. */
static void
expect_rets(struct machine *m, const struct running *r, const struct step_expect *x)
{
    const struct guest_reply *reply = &r->reply;
    unsigned written = reply->has_rets ? reply->n_rets : 0;
    unsigned from = written > 0 && x->n_rets == written - 1 ? 1 : 0;
    char want[TEXT] = "", got[TEXT] = "", word[32];
    bool same = reply->has_rets && x->n_rets == written - from;

    for (size_t i = 0; i < x->n_rets; i++) {
        same = same && (uint32_t)x->rets[i] == reply->rets[from + i];
        snprintf(word, sizeof(word), "0x%" PRIx32, (uint32_t)x->rets[i]);
        append(want, word);
    }
    for (unsigned i = from; i < written; i++) {
        snprintf(word, sizeof(word), "0x%" PRIx32, reply->rets[i]);
        append(got, word);
    }
    if (!same) {
        expect_failed(m, place_of(m, r), "rets", want[0] != '\0' ? want : "none",
                      got[0] != '\0' ? got : "none");
    }
}

/* How the step ended, in the words of `result:`. */
static enum dma_result
result_of(const struct running *r)
{
    if (r->has_dma) {
        return r->dma.result;
    }
    if (r->result != NULL && strcmp(r->result, "ok") != 0) {
        return RESULT_REFUSED; /* it could not be, for instance "already-plugged" */
    }
    return r->reply.ok ? RESULT_OK : RESULT_BLOCKED;
}

/* A step that expects to be refused speaks for its device's subscribers. */
static void
refusal_expected(struct machine *m, const struct step *s)
{
    uint32_t device = s->kind == STEP_SUBSCRIBE ? s->u.subscribe.device
                      : s->kind == STEP_HOTPLUG ? s->u.target.device
                                                : SCENARIO_NONE;

    if (device != SCENARIO_NONE) {
        for (struct seat *seat = m->devices[device].seats; seat != NULL;
             seat = seat->next) {
            if (seat->count != NOT_COUNTED) {
                m->counts[seat->count].refusal_expected |=
                    seat->refused || seat->s->refused;
            }
        }
    }
}

static void
expect_access(struct machine *m, const struct running *r, const struct step_expect *x)
{
    char want[32];

    if ((x->given & EXPECT_RESULT) && x->result != result_of(r)) {
        expect_failed(m, place_of(m, r), "result", dma_result_name(x->result),
                      dma_result_name(result_of(r)));
    }
    if ((x->given & EXPECT_RESULT) && x->result == RESULT_REFUSED) {
        refusal_expected(m, &r->step);
    }
    if ((x->given & EXPECT_GPA) && (!r->has_dma || !r->dma.has_gpa)) {
        snprintf(want, sizeof(want), "0x%" PRIx64, x->gpa);
        expect_failed(m, place_of(m, r), "gpa", want, "none");
    } else if ((x->given & EXPECT_GPA) && r->dma.gpa != x->gpa) {
        number_failed(m, place_of(m, r), "gpa", "x", x->gpa, r->dma.gpa);
    }
    if ((x->given & EXPECT_DONE) && (!r->has_dma || r->dma.done != x->done)) {
        number_failed(m, place_of(m, r), "done", "d", x->done,
                      r->has_dma ? r->dma.done : 0);
    }
}

/* Steps whose failure is a failed expectation of its own. */
static void
expect_nothing_less(struct machine *m, const struct running *r)
{
    bool tests = r->step.kind == STEP_MEM_EXPECT || r->step.kind == STEP_MMIO_EXPECT;
    bool told = r->reply.has_ret; /* a status that the line shows */
    /* A subscriber that is refused is judged at the end, all others made no sense. */
    bool vain = r->result != NULL && strcmp(r->result, "ok") != 0 &&
                strcmp(r->result, "refused") != 0;

    if (vain) {
        expect_failed(m, place_of(m, r), step_name((enum step_kind)r->step.kind), "ok",
                      r->result);
    }

    if (r->has_dma && r->dma.data_differs) {
        expect_failed(m, place_of(m, r), "data", "as-given", "other");
    }
    if (!r->reply.ok && (tests || !told)) {
        expect_failed(m, place_of(m, r), step_name((enum step_kind)r->step.kind), "ok",
                      r->reply.why[0] != '\0' ? r->reply.why : "failed");
    }
}

/* All runs, or as many as a line holds; "none". */
static void
dirty_text(char text[static TEXT], const struct step_blocks *runs, size_t n)
{
    char run[48];

    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        snprintf(run, sizeof(run), "0x%" PRIx64 "+0x%" PRIx64, runs[i].gpa, runs[i].size);
        append(text, run);
    }
    if (n == 0) {
        append(text, "none");
    }
}

static void
expect_dirty(struct machine *m, struct place place, const struct expect_dirty *x)
{
    char want[TEXT], got[TEXT];
    struct step_blocks *runs = NULL;
    size_t n = 0;
    uint64_t first, last;
    bool same;

    for (uint64_t at = 0; dirty_next(&m->env.dirty, at, &first, &last); at = last + 1) {
        runs = xrealloc(runs, n + 1, sizeof(*runs));
        runs[n++] = (struct step_blocks){ .gpa = first, .size = last - first + 1 };
    }
    same = n == x->n;
    for (size_t i = 0; same && i < n; i++) {
        same = runs[i].gpa == x->runs[i].gpa && runs[i].size == x->runs[i].size;
    }
    if (!same) {
        dirty_text(want, x->runs, x->n);
        dirty_text(got, runs, n);
        expect_failed(m, place, "dirty", want, got);
    }
    free(runs);
}

void
expect_step(struct machine *m, struct running *r)
{
    const struct step_expect *x = r->step.opt->expect;

    if (x == NULL) {
        expect_nothing_less(m, r);
        return;
    }
    if (x->given & EXPECT_RET) {
        expect_ret(m, r, x);
    }
    if ((x->given & EXPECT_VALUE) &&
        (!r->reply.has_value || r->reply.value != x->value)) {
        number_failed(m, place_of(m, r), "value", "x", x->value, r->reply.value);
    }
    if (x->given & EXPECT_RETS) {
        expect_rets(m, r, x);
    }
    expect_access(m, r, x);
    if ((x->given & (EXPECT_RESULT | EXPECT_RET | EXPECT_RETS)) == 0) {
        expect_nothing_less(m, r);
    }
    if (x->given & EXPECT_FAULT) {
        expect_fault(m, r, x);
    }
    if (x->given & EXPECT_ERROR) {
        expect_error(m, r, x->error);
    }
    for (size_t i = 0; i < x->n_events; i++) {
        expect_step_events(m, r, &x->events[i]);
    }
    if (x->dirty.given) {
        expect_dirty(m, place_of(m, r), &x->dirty);
    }
}

/* ---- the end ---- */

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
            number_failed(m, in_scenario(m, p->pos), name, "d",
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
        number_failed(m, in_scenario(m, x->pos), "events:map", "d", x->map, n->maps);
    }
    if (x->has_unmap && n->unmaps != x->unmap) {
        number_failed(m, in_scenario(m, x->pos), "events:unmap", "d", x->unmap,
                      n->unmaps);
    }
    if (x->has_deviotlb && n->deviotlb_unmaps != x->deviotlb) {
        number_failed(m, in_scenario(m, x->pos), "events:deviotlb", "d", x->deviotlb,
                      n->deviotlb_unmaps);
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
            expect_failed(m, in_scenario(m, at), n->name,
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
shadow_text(char text[static TEXT], uint64_t iova, uint64_t size, uint64_t gpa,
            unsigned perm)
{
    snprintf(text, TEXT, "0x%" PRIx64 "+0x%" PRIx64 "->0x%" PRIx64 ":%s", iova, size, gpa,
             perm_name(perm));
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
        char want[TEXT] = "none", got[TEXT] = "none";
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
            expect_failed(m, in_scenario(m, x->pos), x->subscriber, want, got);
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
        expect_failed(m, in_scenario(m, x->pos), x->name, want, got);
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
        number_failed(m, in_scenario(m, x->pos), "faults", "d", x->faults, res->faults);
    }
    for (size_t i = 0; i < x->n_shadows; i++) {
        expect_shadow(m, &x->shadows[i]);
    }
    for (size_t i = 0; i < x->n_stats; i++) {
        expect_stat(m, &x->stats[i]);
    }
    if (x->dirty.given) {
        expect_dirty(m, in_scenario(m, x->dirty.pos), &x->dirty);
    }
    res->held = res->failed_expectations == 0 && res->unexpected == 0;
}
