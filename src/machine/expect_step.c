/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Holding a step against its own `expect`: what was seen while it ran, and how it ended.
 * One without is expected to work. See internal.h.
 */
#include "machine/expect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static struct expect_place
place_of(const struct machine *m, const struct running *r)
{
    const char *recording = actor_recording(r);
    const struct step_expect *x = r->step.opt->expect;

    if (recording != NULL) {
        return (struct expect_place){ recording, r->step.pos.line };
    }
    return expect_place(m, x != NULL ? x->pos : r->step.pos);
}

static const char *
kind_name(uint8_t kind)
{
    return kind == SCENARIO_EVENT_MAP     ? "map"
           : kind == SCENARIO_EVENT_UNMAP ? "unmap"
                                          : "deviotlb";
}

static void
expect_step_events(struct machine *m, const struct running *r,
                   const struct expect_step_events *x)
{
    char want[EXPECT_TEXT] = "", got[EXPECT_TEXT] = "", what[EXPECT_TEXT];
    size_t seen = 0;
    bool same = true;

    for (size_t i = 0; i < r->watch->n; i++) {
        const struct seen_event *e = &r->watch->events[i];
        if (strcmp(e->subject, x->subscriber) == 0) {
            same &= seen < x->n && e->kind == x->kinds[seen];
            seen++;
            expect_append(got, kind_name(e->kind));
        }
    }
    if (same && seen == x->n) {
        return;
    }
    for (size_t i = 0; i < x->n; i++) {
        expect_append(want, kind_name(x->kinds[i]));
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
        expect_number_failed(m, place_of(m, r), "fault-reason", "x", f->reason,
                             w->reason);
    }
    if (f->has_sid && f->sid != w->sid) {
        expect_number_failed(m, place_of(m, r), "fault-sid", "x", f->sid, w->sid);
    }
    if (f->has_address && align_down(f->address, PAGE_LG2) != w->address) {
        expect_number_failed(m, place_of(m, r), "fault-address", "x", f->address,
                             w->address);
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
    char got[EXPECT_TEXT] = "";

    for (size_t i = 0; i < w->n_errors; i++) {
        if (w->errors[i] == error) {
            return;
        }
        expect_append(got, errno_name(w->errors[i]));
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
    char want[EXPECT_TEXT] = "", got[EXPECT_TEXT] = "", word[32];
    bool same = reply->has_rets && x->n_rets == written - from;

    for (size_t i = 0; i < x->n_rets; i++) {
        same = same && (uint32_t)x->rets[i] == reply->rets[from + i];
        snprintf(word, sizeof(word), "0x%" PRIx32, (uint32_t)x->rets[i]);
        expect_append(want, word);
    }
    for (unsigned i = from; i < written; i++) {
        snprintf(word, sizeof(word), "0x%" PRIx32, reply->rets[i]);
        expect_append(got, word);
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
        expect_number_failed(m, place_of(m, r), "gpa", "x", x->gpa, r->dma.gpa);
    }
    if ((x->given & EXPECT_DONE) && (!r->has_dma || r->dma.done != x->done)) {
        expect_number_failed(m, place_of(m, r), "done", "d", x->done,
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
        expect_number_failed(m, place_of(m, r), "value", "x", x->value, r->reply.value);
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
