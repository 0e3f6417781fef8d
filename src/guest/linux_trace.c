/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See linux_trace.h. Events are read ahead of those given, far enough to find the
 * invalidation that goes with a change.
 */
#include "guest/linux_trace.h"

#include <stdlib.h>
#include <string.h>

#include "iommu/vtd_sm_fmt.h"
#include "trace/ftrace.h"
#include "util/alloc.h"
#include "util/rangemap.h"

enum {
    AHEAD_MAX = 1024, /* events looked at for an invalidation, and how many of those */
    FLUSHES_AHEAD_MAX = 16,
};

/* What is mapped, as far as the trace tells. */
struct domain_state {
    struct rangemap live;
    bool dirty; /* unmapped and not invalidated yet, by a lazy driver */
};

struct linux_trace {
    const char *path;
    struct ftrace *in;
    struct ftrace_op *queue; /* read ahead: n_queue from queue_head on */
    size_t queue_head, n_queue, queue_size;
    size_t page_flushes; /* page-selective invalidations in the queue */
    bool ended, failed;
    struct err why; /* if failed */

    struct linux_summary sum;
    struct linux_domain *domains;
    struct domain_state *states; /* one for each domain */
    struct budget budget;
    bool strict; /* unmaps are invalidated one by one */

    struct linux_op held; /* follows an op that was assumed */
    bool has_held;
    size_t recent;       /* domain of the change before */
    size_t flushed_last; /* domain of the IOTLB invalidation before */
    uint16_t coming;     /* the device that gets its domain next; 0: none */
    bool has_context;    /* its context entry is there */
    uint64_t events;
    bool started;
    uint64_t first_usec, last_ns;
    size_t to_flush; /* at the end: the domain to look at next */
    struct linux_tally tally;
};

/* ---- events, read ahead ---- */

static bool
is_iotlb(const struct ftrace_op *op)
{
    return op->kind == FTRACE_SUBMIT && vtd_desc_type(op->words[0]) == VTD_DESC_IOTLB;
}

static bool
is_page_flush(const struct ftrace_op *op)
{
    return is_iotlb(op) && vtd_desc_gran(op->words[0]) == VTD_GRAN_FINE;
}

static bool
read_ahead(struct linux_trace *t)
{
    struct ftrace_op op;

    if (t->ended) {
        return false;
    }
    switch (ftrace_next(t->in, &op, &t->why)) {
    case FTRACE_OP:
        break;
    case FTRACE_ERROR:
        t->failed = true;
        t->ended = true;
        return false;
    case FTRACE_END:
        t->ended = true;
        return false;
    }
    if (t->queue_head + t->n_queue == t->queue_size) {
        if (t->queue_head > 0) {
            memmove(t->queue, t->queue + t->queue_head, t->n_queue * sizeof(*t->queue));
            t->queue_head = 0;
        } else {
            t->queue_size = t->queue_size == 0 ? 64 : 2 * t->queue_size;
            t->queue = xrealloc(t->queue, t->queue_size, sizeof(*t->queue));
        }
    }
    t->queue[t->queue_head + t->n_queue++] = op;
    t->page_flushes += is_page_flush(&op);
    return true;
}

/* The event i ahead of those taken, until the next call; NULL if there is none. */
static const struct ftrace_op *
peek(struct linux_trace *t, size_t i)
{
    while (i >= t->n_queue) {
        if (!read_ahead(t)) {
            return NULL;
        }
    }
    return &t->queue[t->queue_head + i];
}

static bool
take(struct linux_trace *t, struct ftrace_op *out)
{
    const struct ftrace_op *op = peek(t, 0);

    if (op == NULL) {
        return false;
    }
    *out = *op;
    t->page_flushes -= is_page_flush(op);
    t->n_queue--;
    t->queue_head = t->n_queue == 0 ? 0 : t->queue_head + 1;
    return true;
}

/* ---- domains ---- */

static size_t
domain_of(struct linux_trace *t, uint16_t did)
{
    const size_t n = t->sum.n_domains;

    for (size_t i = 0; i < n; i++) {
        if (t->domains[i].did == did) {
            return i;
        }
    }
    t->domains = xrealloc(t->domains, n + 1, sizeof(*t->domains));
    t->states = xrealloc(t->states, n + 1, sizeof(*t->states));
    t->domains[n] = (struct linux_domain){ .did = did };
    t->states[n] = (struct domain_state){ .dirty = false };
    rangemap_init(&t->states[n].live, RANGEMAP_LINEAR, &t->budget);
    t->sum.domains = t->domains;
    return t->sum.n_domains++;
}

static size_t
domain_of_sid(const struct linux_trace *t, uint16_t sid)
{
    for (size_t i = 0; i < t->sum.n_domains; i++) {
        if (t->domains[i].sid == sid) {
            return i;
        }
    }
    return LINUX_NO_DOMAIN;
}

static void
set_sid(struct linux_trace *t, size_t d, uint16_t sid)
{
    if (domain_of_sid(t, sid) == LINUX_NO_DOMAIN) {
        t->domains[d].sid = sid;
    }
}

static uint64_t
last_of(const struct ftrace_op *op)
{
    return op->iova + op->size - 1;
}

static bool
overlap(const struct ftrace_op *a, const struct ftrace_op *b)
{
    return a->iova <= last_of(b) && b->iova <= last_of(a);
}

static bool
is_live(const struct linux_trace *t, size_t d, const struct ftrace_op *op)
{
    return rangemap_any(&t->states[d].live, op->iova, last_of(op));
}

/* A map is where nothing is mapped, an unmap where something is. */
static bool
is_possible(const struct linux_trace *t, size_t d, const struct ftrace_op *op)
{
    return is_live(t, d, op) == (op->kind == FTRACE_UNMAP);
}

/* Whether a page-selective invalidation is over all of the range of `change`. */
static bool
flushes(const struct ftrace_op *op, const struct ftrace_op *change)
{
    const unsigned lg2 = PAGE_LG2 + vtd_desc_am(op->words[1]);
    const uint64_t bytes_less_1 = lg2 < 64 ? (UINT64_C(1) << lg2) - 1 : UINT64_MAX;
    const uint64_t first = vtd_desc_addr(op->words[1]) & ~bytes_less_1;

    return change->iova >= first && last_of(change) <= first + bytes_less_1;
}

/*
 * The domain of the invalidation that goes with a change; LINUX_NO_DOMAIN: there is
 * none. It comes before the same pages are changed again. Changes of one scatter list
 * share one, and other processors' may come between.
 */
static size_t
flush_of(struct linux_trace *t, const struct ftrace_op *change)
{
    size_t found = LINUX_NO_DOMAIN;
    unsigned seen = 0;
    const struct ftrace_op *op;

    peek(t, AHEAD_MAX - 1);
    if (t->page_flushes == 0) {
        return LINUX_NO_DOMAIN;
    }
    for (size_t i = 0; i < AHEAD_MAX && (op = peek(t, i)) != NULL; i++) {
        if (op->kind <= FTRACE_UNMAP && overlap(op, change)) {
            break;
        }
        if (!is_page_flush(op) || !flushes(op, change)) {
            if (is_iotlb(op) && ++seen == FLUSHES_AHEAD_MAX) {
                break;
            }
            continue;
        }
        const size_t d = domain_of(t, vtd_desc_did(op->words[0]));
        if (is_possible(t, d, change)) {
            return d;
        }
        found = found == LINUX_NO_DOMAIN ? d : found;
    }
    return found;
}

/* A range too large for a page-selective invalidation has one of its whole domain. */
static size_t
domain_flush_of(struct linux_trace *t)
{
    const struct ftrace_op *op = peek(t, 0);

    return op != NULL && is_iotlb(op) && vtd_desc_gran(op->words[0]) == VTD_GRAN_DOMAIN
               ? domain_of(t, vtd_desc_did(op->words[0]))
               : LINUX_NO_DOMAIN;
}

/* A domain in which op is possible: the one of the change before, or the first. */
static size_t
guess_domain(const struct linux_trace *t, const struct ftrace_op *op)
{
    if (t->recent != LINUX_NO_DOMAIN && is_possible(t, t->recent, op)) {
        return t->recent;
    }
    for (size_t i = 0; i < t->sum.n_domains; i++) {
        if (is_possible(t, i, op)) {
            return i;
        }
    }
    return op->kind == FTRACE_MAP && t->sum.n_domains == 1 ? 0 : LINUX_NO_DOMAIN;
}

/* ---- ops ---- */

static struct linux_op
op_begin(struct linux_trace *t, const struct ftrace_op *from, enum linux_kind kind)
{
    const uint64_t ns =
        from->usec > t->first_usec ? (from->usec - t->first_usec) * 1000 : 0;

    t->last_ns = ns > t->last_ns ? ns : t->last_ns;
    return (struct linux_op){
        .kind = kind,
        .line = from->line,
        .ns = t->last_ns,
        .domain = LINUX_NO_DOMAIN,
        .iova = from->iova,
        .size = from->size,
        .gpa = from->gpa,
        .sid = from->sid,
    };
}

/*
 * The pages were unmapped where the trace has a gap: say so, and hold back what follows.
 */
static void
assume_unmap(struct linux_trace *t, struct linux_op *out)
{
    t->held = *out;
    t->has_held = true;
    out->kind = LINUX_UNMAP;
    out->assumed = true;
    out->unflushed = true;
    t->tally.unmaps++;
}

static bool
on_change(struct linux_trace *t, const struct ftrace_op *op, struct linux_op *out)
{
    const bool is_map = op->kind == FTRACE_MAP;
    size_t d = flush_of(t, op);
    const bool by_page = d != LINUX_NO_DOMAIN;
    const bool needs_flush = is_map ? t->sum.caching_mode : t->strict;

    if (d == LINUX_NO_DOMAIN && needs_flush) {
        d = domain_flush_of(t);
    }
    const bool flushed = d != LINUX_NO_DOMAIN;
    if (!flushed) {
        d = guess_domain(t, op);
    }
    if (d == LINUX_NO_DOMAIN || (!is_map && !is_live(t, d, op))) {
        t->tally.left_out++;
        return false;
    }
    struct rangemap *live = &t->states[d].live;

    t->recent = d;
    *out = op_begin(t, op, is_map ? LINUX_MAP : LINUX_UNMAP);
    out->domain = d;
    out->unflushed = needs_flush && !flushed;
    t->tally.unflushed += out->unflushed;
    if (!is_map) {
        rangemap_remove(live, op->iova, last_of(op));
        t->states[d].dirty |= !flushed && !t->strict;
        t->strict |= by_page;
        return true;
    }
    t->sum.caching_mode |= by_page;
    if (is_live(t, d, op)) {
        rangemap_remove(live, op->iova, last_of(op));
        assume_unmap(t, out);
    }
    rangemap_insert(live, op->iova, last_of(op), 0, PERM_RW);
    return true;
}

/* Global and domain-selective invalidations are what a lazy driver flushes with. */
static void
note_flush(struct linux_trace *t, const struct ftrace_op *op)
{
    if (vtd_desc_gran(op->words[0]) == VTD_GRAN_GLOBAL) {
        for (size_t i = 0; i < t->sum.n_domains; i++) {
            t->states[i].dirty = false;
        }
        return;
    }
    const size_t d = domain_of(t, vtd_desc_did(op->words[0]));

    t->flushed_last = d;
    if (vtd_desc_gran(op->words[0]) == VTD_GRAN_DOMAIN) {
        t->states[d].dirty = false;
        if (t->has_context) {
            set_sid(t, d, t->coming);
            t->domains[d].hotplugged |= t->domains[d].sid == t->coming;
            t->has_context = false;
        }
    }
}

static void
on_submit(struct linux_trace *t, const struct ftrace_op *op, struct linux_op *out)
{
    const uint64_t lo = op->words[0];

    *out = op_begin(t, op, LINUX_SUBMIT);
    memcpy(out->words, op->words, sizeof(out->words));
    switch (vtd_desc_type(lo)) {
    case VTD_DESC_CONTEXT:
        t->has_context = t->coming != 0 && vtd_desc_sid(lo) == t->coming;
        if (vtd_desc_gran(lo) == VTD_GRAN_FINE) {
            out->domain = domain_of_sid(t, vtd_desc_sid(lo));
        }
        break;
    case VTD_DESC_IOTLB:
        note_flush(t, op);
        if (vtd_desc_gran(lo) != VTD_GRAN_GLOBAL) {
            out->domain = t->flushed_last;
        }
        break;
    case VTD_DESC_DEV_IOTLB:
        t->sum.device_iotlb = true;
        if (t->flushed_last != LINUX_NO_DOMAIN) {
            set_sid(t, t->flushed_last, vtd_desc_sid(lo));
            t->domains[t->flushed_last].ats |=
                t->domains[t->flushed_last].sid == vtd_desc_sid(lo);
        }
        out->domain = domain_of_sid(t, vtd_desc_sid(lo));
        break;
    default:
        break;
    }
}

static bool
on_device(struct linux_trace *t, const struct ftrace_op *op, struct linux_op *out)
{
    *out = op_begin(t, op, op->kind == FTRACE_COMES ? LINUX_COMES : LINUX_GOES);
    if (op->kind == FTRACE_COMES) {
        t->coming = op->sid;
    }
    out->domain = domain_of_sid(t, op->sid);
    return out->domain != LINUX_NO_DOMAIN;
}

/* Whether the event makes an op. */
static bool
on_event(struct linux_trace *t, const struct ftrace_op *op, struct linux_op *out)
{
    if (op->kind == FTRACE_LOST) {
        t->tally.gaps++;
        return false;
    }
    if (!t->started) {
        t->started = true;
        t->first_usec = op->usec;
    }
    switch (op->kind) {
    case FTRACE_MAP:
    case FTRACE_UNMAP:
        if (op->size == 0 || last_of(op) < op->iova ||
            ((op->iova | op->size | op->gpa) & (PAGE_BYTES - 1)) != 0) {
            t->tally.left_out++;
            return false;
        }
        if (op->kind == FTRACE_MAP && op->gpa + op->size > t->sum.memory) {
            t->sum.memory = op->gpa + op->size;
        }
        return on_change(t, op, out);
    case FTRACE_SUBMIT:
        on_submit(t, op, out);
        return true;
    case FTRACE_COMES:
    case FTRACE_GOES:
        return on_device(t, op, out);
    case FTRACE_LOST:
        break;
    }
    return false;
}

/* The trace is over: what a lazy driver has still to flush is flushed now. */
static bool
flush_rest(struct linux_trace *t, struct linux_op *out)
{
    for (; t->to_flush < t->sum.n_domains; t->to_flush++) {
        struct domain_state *s = &t->states[t->to_flush];
        if (!s->dirty) {
            continue;
        }
        const struct vtd_pair d =
            vtd_desc_iotlb(VTD_GRAN_DOMAIN, t->domains[t->to_flush].did, 0, 0, false);

        s->dirty = false;
        *out = (struct linux_op){ .kind = LINUX_SUBMIT,
                                  .ns = t->last_ns,
                                  .domain = t->to_flush,
                                  .words = { d.lo, d.hi },
                                  .assumed = true };
        t->tally.flushes++;
        return true;
    }
    return false;
}

enum linux_result
linux_trace_next(struct linux_trace *t, struct linux_op *op, struct err *e)
{
    struct ftrace_op event;

    if (t->has_held) {
        t->has_held = false;
        *op = t->held;
        return LINUX_OP;
    }
    while (take(t, &event)) {
        t->events += event.kind != FTRACE_LOST;
        if (on_event(t, &event, op)) {
            return LINUX_OP;
        }
    }
    if (t->failed) {
        if (e != NULL) {
            *e = t->why;
        }
        return LINUX_ERROR;
    }
    return flush_rest(t, op) ? LINUX_OP : LINUX_END;
}

/* ---- the whole ---- */

/* From the beginning, with what is known by now. */
static bool
begin(struct linux_trace *t, struct err *e)
{
    ftrace_close(t->in);
    t->in = ftrace_open(t->path, e);
    t->queue_head = t->n_queue = t->page_flushes = 0;
    t->ended = t->has_held = t->started = t->has_context = false;
    t->recent = t->flushed_last = LINUX_NO_DOMAIN;
    t->coming = 0;
    t->last_ns = 0;
    t->to_flush = 0;
    t->tally = (struct linux_tally){ 0 };
    for (size_t i = 0; i < t->sum.n_domains; i++) {
        rangemap_clear(&t->states[i].live);
        t->states[i].dirty = false;
    }
    return t->in != NULL;
}

/* Go through all of it, for the summary. */
static bool
survey(struct linux_trace *t, struct err *e)
{
    struct linux_op op;
    enum linux_result r;

    while ((r = linux_trace_next(t, &op, e)) == LINUX_OP) {
    }
    if (r == LINUX_ERROR) {
        return false;
    }
    t->sum.events = t->events;
    if (t->events == 0) {
        return err_at(e, t->path, 0, 0, "no event of the iommu or intel_iommu tracers");
    }
    if (t->sum.n_domains == 0) {
        domain_of(t, 1);
    }
    t->strict |= t->sum.caching_mode;
    return true;
}

struct linux_trace *
linux_trace_open(const char *path, struct err *e)
{
    struct linux_trace *t = xcalloc(1, sizeof(*t));

    t->path = path;
    t->budget.limit = UINT64_MAX;
    if (!begin(t, e) || !survey(t, e) || !begin(t, e)) {
        linux_trace_close(t);
        return NULL;
    }
    return t;
}

void
linux_trace_close(struct linux_trace *t)
{
    if (t == NULL) {
        return;
    }
    ftrace_close(t->in);
    for (size_t i = 0; i < t->sum.n_domains; i++) {
        rangemap_fini(&t->states[i].live);
    }
    free(t->states);
    free(t->domains);
    free(t->queue);
    free(t);
}

const struct linux_summary *
linux_trace_summary(const struct linux_trace *t)
{
    return &t->sum;
}

bool
linux_trace_is_ambiguous(const struct linux_trace *t)
{
    return !t->sum.caching_mode && t->sum.n_domains > 1;
}

const struct linux_tally *
linux_trace_tally(const struct linux_trace *t)
{
    return &t->tally;
}
