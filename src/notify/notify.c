/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See notify.h. Delivery walks the list while callbacks change it: each delivery
 * in progress is a struct notify_walk on the stack, linked from the region, and
 * unregistration mends all of them. A notifier in its own callback may even be
 * freed, so nothing touches it afterwards unless its walk still names it.
 */
#include "notify/notify.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct notify_walk {
    struct notifier *current; /* being called; NULL once it has left */
    struct notifier *next;    /* to be visited */
    struct notify_walk *outer;
};

struct span {
    uint64_t first, last; /* region-relative, inclusive */
};

const char *
notify_cause_name(enum notify_cause c)
{
    switch (c) {
    case CAUSE_MAP:
        return "map";
    case CAUSE_UNMAP:
        return "unmap";
    case CAUSE_CHANGE:
        return "change";
    case CAUSE_INVALIDATE:
        return "invalidate";
    case CAUSE_REPLAY:
        return "replay";
    case CAUSE_CONTEXT:
        return "context";
    case CAUSE_RESET:
        return "reset";
    case CAUSE_WINDOW:
        return "window";
    }
    return NULL;
}

/* ---- trace ---- */

#define RANGE_TEXT 40
#define FLAGS_TEXT 24

/* The window of n as bus addresses. */
static const char *
range_text(const struct notifier *n, char buf[static RANGE_TEXT])
{
    snprintf(buf, RANGE_TEXT, "0x%" PRIx64 "-0x%" PRIx64, n->first + n->offset,
             n->last + n->offset);
    return buf;
}

static const char *
flags_text(unsigned flags, char buf[static FLAGS_TEXT])
{
    static const char *const names[] = { "|unmap", "|map", "|deviotlb" };
    static const unsigned order[] = { 1, 0, 2 };

    buf[0] = '\0';
    for (unsigned i = 0; i < 3; i++) {
        if (flags & (1U << order[i])) {
            strcat(buf, names[order[i]] + (buf[0] == '\0'));
        }
    }
    return buf;
}

static enum trace_event
line_of(unsigned type)
{
    return type == NOTIFY_MAP              ? TE_NOTIFY_MAP
           : type == NOTIFY_DEVIOTLB_UNMAP ? TE_NOTIFY_DEVIOTLB_UNMAP
                                           : TE_NOTIFY_UNMAP;
}

static const char *
type_name(unsigned type)
{
    return type == NOTIFY_MAP              ? "MAP"
           : type == NOTIFY_DEVIOTLB_UNMAP ? "DEVIOTLB_UNMAP"
                                           : "UNMAP";
}

static void
begin_line(struct trace_rec *rec, const struct notifier *n, enum trace_event event)
{
    trace_begin(rec, sim_now(n->region->env->sim), n->subject, event);
}

static void
trace_delivery(const struct notifier *n, const struct notify_event *ev)
{
    struct trace *t = n->region->env->trace;
    struct trace_rec rec;

    if (!trace_wants(t, line_of(ev->type))) {
        return;
    }
    begin_line(&rec, n, line_of(ev->type));
    trace_u64(&rec, TF_IOVA, ev->iova + n->offset);
    trace_u64(&rec, TF_SIZE, ev->mask + 1);
    if (ev->type == NOTIFY_MAP) {
        trace_u64(&rec, TF_GPA, ev->target.v);
    }
    if (ev->type == NOTIFY_MAP || ev->perm != PERM_NONE) {
        trace_u64(&rec, TF_PERM, ev->perm);
    }
    if (ev->has_pasid && ev->pasid == NOTIFY_EVERY_PASID) {
        trace_text(&rec, TF_PASIDS, "all");
    } else if (ev->has_pasid) {
        trace_u64(&rec, TF_PASID, ev->pasid);
    }
    trace_text(&rec, TF_CAUSE, notify_cause_name(ev->cause));
    trace_emit(t, &rec);
}

/* A `filtered` or `clipped` line; `why` is the reason or the range. */
static void
trace_not_whole(const struct notifier *n, const struct notify_event *ev,
                enum trace_event event, const char *why)
{
    struct trace *t = n->region->env->trace;
    struct trace_rec rec;

    begin_line(&rec, n, event);
    trace_text(&rec, TF_OP, type_name(ev->type));
    trace_u64(&rec, TF_IOVA, ev->iova + n->offset);
    trace_u64(&rec, TF_SIZE, ev->mask + 1);
    trace_text(&rec, TF_CAUSE, notify_cause_name(ev->cause));
    trace_text(&rec, event == TE_CLIPPED ? TF_RANGE : TF_REASON, why);
    trace_emit(t, &rec);
}

static void
trace_filtered(const struct notifier *n, const struct notify_event *ev, const char *why)
{
    if (trace_wants(n->region->env->trace, TE_FILTERED)) {
        trace_not_whole(n, ev, TE_FILTERED, why);
    }
}

static void
trace_clipped(const struct notifier *n, const struct notify_event *ev)
{
    if (trace_wants(n->region->env->trace, TE_CLIPPED)) {
        char range[RANGE_TEXT];
        trace_not_whole(n, ev, TE_CLIPPED, range_text(n, range));
    }
}

/* `register`, `unregister`, `replay-begin`. */
static void
trace_registration(const struct notifier *n, enum trace_event event)
{
    struct trace *t = n->region->env->trace;
    struct trace_rec rec;
    char flags[FLAGS_TEXT], range[RANGE_TEXT];

    if (!trace_wants(t, event)) {
        return;
    }
    begin_line(&rec, n, event);
    if (event == TE_REGISTER) {
        trace_text(&rec, TF_FLAGS, flags_text(n->flags, flags));
    }
    if (event != TE_UNREGISTER) {
        trace_text(&rec, TF_RANGE, range_text(n, range));
    }
    trace_emit(t, &rec);
}

static void
trace_replay_end(const struct notifier *n, uint64_t maps)
{
    struct trace *t = n->region->env->trace;
    struct trace_rec rec;

    if (trace_wants(t, TE_REPLAY_END)) {
        begin_line(&rec, n, TE_REPLAY_END);
        trace_u64(&rec, TF_COUNT, maps);
        trace_emit(t, &rec);
    }
}

/* ---- regions and registration ---- */

void
notify_region_init(struct notify_region *r, const struct notify_region_ops *ops,
                   void *self, const char *name, struct env *env, uint64_t last,
                   unsigned indexes)
{
    *r = (struct notify_region){
        .ops = ops,
        .self = self,
        .name = name,
        .env = env,
        .last = last,
        .indexes = indexes,
    };
}

void
notify_region_fini(struct notify_region *r)
{
    assert(r->head == NULL && r->walks == NULL);
    (void)r;
}

/* Tell the region that its union of flags becomes `now`, if that is a change. */
static int
change_flags(struct notify_region *r, unsigned now, struct err *e)
{
    int ret = 0;

    if (now != r->flags && r->ops->flags_changed != NULL) {
        ret = r->ops->flags_changed(r, r->flags, now, e);
    }
    assert(ret <= 0);
    if (ret == 0) {
        r->flags = now;
    }
    return ret;
}

static unsigned
union_of_flags(const struct notify_region *r)
{
    unsigned flags = 0;

    for (const struct notifier *n = r->head; n != NULL; n = n->next) {
        flags |= n->flags;
    }
    return flags;
}

static int
check_notifier(const struct notify_region *r, const struct notifier *n, struct err *e)
{
    if (n->region != NULL) {
        err_set(e, "already registered");
        return -EBUSY;
    }
    if (n->flags == 0 || (n->flags & ~(unsigned)NOTIFY_ALL) != 0) {
        err_set(e, "no event type is asked for, or an unknown one");
        return -EINVAL;
    }
    if (n->first > n->last) {
        err_set(e, "inverted range 0x%" PRIx64 "-0x%" PRIx64, n->first, n->last);
        return -EINVAL;
    }
    if (n->index >= r->indexes) {
        err_set(e, "no translation table with index %u", n->index);
        return -EINVAL;
    }
    return 0;
}

int
notify_register(struct notify_region *r, struct notifier *n, struct err *e)
{
    int ret = check_notifier(r, n, e);

    if (ret == 0) {
        ret = change_flags(r, union_of_flags(r) | n->flags, e);
        if (ret != 0 && env_quirk(r->env, QUIRK_CORE_REFUSAL_EXITS)) {
            env_abort(r->env, n->subject, BLAME_IOMMU, "registration-refused");
        }
    }
    if (ret != 0) {
        return ret;
    }
    n->region = r;
    n->maps = 0;
    n->next = r->head;
    n->link = &r->head;
    if (n->next != NULL) {
        n->next->link = &n->next;
    }
    r->head = n;
    trace_registration(n, TE_REGISTER);
    observe(r->env, registered, n);
    return 0;
}

/* Deliveries in progress go on behind n and do not touch it again. */
static void
mend_walks(struct notify_region *r, const struct notifier *n)
{
    for (struct notify_walk *w = r->walks; w != NULL; w = w->outer) {
        if (w->next == n) {
            w->next = n->next;
        }
        if (w->current == n) {
            w->current = NULL;
        }
    }
}

void
notify_unregister(struct notifier *n)
{
    struct notify_region *r = n->region;

    if (r == NULL) {
        return;
    }
    mend_walks(r, n);
    *n->link = n->next;
    if (n->next != NULL) {
        n->next->link = n->link;
    }
    trace_registration(n, TE_UNREGISTER);
    observe(r->env, unregistered, n);
    n->region = NULL;
    n->next = NULL;
    n->link = NULL;
    change_flags(r, union_of_flags(r), NULL);
}

/* ---- delivery ---- */

/* The last byte of an event; one that would wrap ends with the address space. */
static uint64_t
last_of(uint64_t iova, uint64_t mask)
{
    return mask > UINT64_MAX - iova ? UINT64_MAX : iova + mask;
}

/* The addresses that n is told of. */
static struct span
window_of(const struct notifier *n)
{
    if (env_quirk(n->region->env, QUIRK_CORE_NO_WINDOW_FILTER)) {
        return (struct span){ 0, UINT64_MAX };
    }
    return (struct span){ n->first, n->last };
}

static uint64_t
last_of_event(const struct notifier *n, const struct notify_event *ev)
{
    return env_quirk(n->region->env, QUIRK_CORE_END_WRAPS) ? ev->iova + ev->mask
                                                           : last_of(ev->iova, ev->mask);
}

/* An event that ends at `last`. The target moves along when the low end is cut. */
static void
clip(struct notify_event *ev, uint64_t last, const struct span *window, bool keeps_target)
{
    if (last > window->last) {
        last = window->last;
    }
    if (ev->iova < window->first) {
        ev->target.v += keeps_target ? 0 : window->first - ev->iova;
        ev->iova = window->first;
    }
    ev->mask = last - ev->iova;
}

static void
call(struct notifier *n, const struct notify_event *ev, struct notify_walk *w)
{
    struct env *env = n->region->env;
    const char *region = n->region->name;
    const bool registered = n->link != NULL;
    struct notify_event copy = *ev;

    if (registered) {
        trace_delivery(n, ev);
    }
    latency_charge(&env->latency, LATENCY_NOTIFY);
    n->maps += ev->type == NOTIFY_MAP;
    w->current = n;
    n->fn(n, &copy);
    if (w->current != NULL) {
        if (registered) {
            observe(env, delivered, n, ev);
        }
    } else if (trace_wants(env->trace, TE_NOTE)) {
        struct trace_rec rec;
        trace_begin(&rec, sim_now(env->sim), region, TE_NOTE);
        trace_text(&rec, TF_WHAT, "self-removal-during-delivery");
        trace_emit(env->trace, &rec);
    }
}

/* Whether all of ev lies in n's window. */
static bool
is_within(const struct notifier *n, const struct notify_event *ev)
{
    return ev->iova >= n->first && ev->iova <= n->last && ev->mask <= n->last - ev->iova;
}

static bool
asks_for(const struct notifier *n, const struct notify_event *ev)
{
    if ((n->flags & ev->type) == 0) {
        trace_filtered(n, ev, "flags");
        return false;
    }
    return true;
}

/* What lies outside the window ends here, unless it is taken for what adjoins it. */
static void
leave_out(struct notifier *n, const struct notify_event *ev, uint64_t last,
          struct notify_walk *w)
{
    if ((n->flags & ev->type) != 0 && last + 1 == n->first &&
        env_quirk(n->region->env, QUIRK_CORE_WINDOW_OFF_BY_ONE)) {
        call(n, ev, w);
    } else {
        trace_filtered(n, ev, "range");
    }
}

/*
 * Of ev, which ends at `last`, a part lies outside the window, or the window is no limit.
 */
static __attribute__((noinline)) void
deliver_part(struct notifier *n, const struct notify_event *ev, uint64_t last,
             struct notify_walk *w)
{
    const struct span window = window_of(n);
    const bool sticks_out =
        ev->iova < window.first || last > window.last || last - ev->iova != ev->mask;

    if (sticks_out && !(n->flags & NOTIFY_DEVIOTLB_UNMAP) &&
        env_quirk(n->region->env, QUIRK_CORE_ASSERT_PARTIAL)) {
        env_abort(n->region->env, n->subject, BLAME_CORE, "event-sticks-out-of-range");
        return;
    }
    if (!asks_for(n, ev)) {
        return;
    }
    if (!sticks_out) {
        call(n, ev, w);
        return;
    }
    struct notify_event cut = *ev;
    clip(&cut, last, &window, env_quirk(n->region->env, QUIRK_CORE_CROP_KEEPS_TARGET));
    trace_clipped(n, ev);
    call(n, &cut, w);
}

/*
 * Window first, then flags, as in the original: the order shows in aborts. What lies
 * within the window does so under any quirk.
 */
static void
deliver(struct notifier *n, const struct notify_event *ev, struct notify_walk *w)
{
    if (is_within(n, ev)) {
        if (asks_for(n, ev)) {
            call(n, ev, w);
        }
        return;
    }
    const struct span window = window_of(n);
    const uint64_t last = last_of_event(n, ev);
    if (ranges_overlap(ev->iova, last, window.first, window.last)) {
        deliver_part(n, ev, last, w);
    } else {
        leave_out(n, ev, last, w);
    }
}

void
notify_all(struct notify_region *r, unsigned index, const struct notify_event *ev)
{
    struct env *env = r->env;
    const bool newest_only = env_quirk(env, QUIRK_CORE_NEWEST_ONLY);
    struct notify_walk w = { .outer = r->walks };

    r->walks = &w;
    for (struct notifier *n = r->head; n != NULL && !env->aborted; n = w.next) {
        w.next = newest_only ? NULL : n->next;
        if (n->index == index) {
            deliver(n, ev, &w);
        } else {
            trace_filtered(n, ev, "index");
        }
    }
    r->walks = w.outer;
    if (!env->aborted) {
        observe(env, announced, r, index, ev, NULL);
    }
}

typedef void deliver_fn(struct notifier *n, const struct notify_event *ev,
                        struct notify_walk *w);

static bool
hand_to_one(struct notifier *n, const struct notify_event *ev, deliver_fn *how)
{
    struct notify_region *r = n->region;

    if (r == NULL || r->env->aborted) {
        return false;
    }
    struct notify_walk w = { .current = n, .outer = r->walks };
    r->walks = &w;
    how(n, ev, &w);
    r->walks = w.outer;
    if (w.current == NULL || r->env->aborted) {
        return false;
    }
    if (n->link != NULL) {
        observe(r->env, announced, r, n->index, ev, n);
    }
    return true;
}

bool
notify_one(struct notifier *n, const struct notify_event *ev)
{
    return hand_to_one(n, ev, deliver);
}

bool
notify_unasked(struct notifier *n, const struct notify_event *ev)
{
    return hand_to_one(n, ev, call);
}

bool
notify_kernel_takes(const struct notify_region *r, gpa_t target, uint64_t len)
{
    for (const struct notifier *n = r->head; n != NULL; n = n->next) {
        if (n->kernel != NULL && !n->kernel->takes(n, target, len)) {
            return false;
        }
    }
    return true;
}

void
notify_kernel_store(struct notify_region *r, const struct notify_event *ev)
{
    for (struct notifier *n = r->head; n != NULL; n = n->next) {
        const struct span window = { n->first, n->last };
        const uint64_t last = last_of(ev->iova, ev->mask);
        struct notify_event cut = *ev;

        if (n->kernel != NULL && ranges_overlap(ev->iova, last, n->first, n->last)) {
            clip(&cut, last, &window, false);
            n->kernel->store(n, &cut);
        }
    }
}

void
notify_unmap_window(struct notifier *n, enum notify_cause cause)
{
    const struct notify_event ev = {
        .type = NOTIFY_UNMAP,
        .cause = cause,
        .iova = n->first,
        .mask = n->last - n->first,
    };

    notify_one(n, &ev);
}

/* ---- replay ---- */

/* Announce e unless it is a hole. False if there is no point in going on. */
static bool
replay_page(struct notifier *n, const struct notify_entry *e)
{
    const struct notify_event ev = {
        .type = NOTIFY_MAP,
        .cause = CAUSE_REPLAY,
        .perm = e->perm,
        .iova = e->iova,
        .mask = e->mask,
        .target = e->target,
    };

    return e->perm == PERM_NONE || notify_one(n, &ev);
}

/*
 * A replay may look at this many pages; more take the better part of a second and longer,
 * in which the machine stands still.
 */
#define REPLAY_BUDGET (UINT64_C(1) << 20)

/* The default replay: from page to page, from hole to mapping, until the end. */
static void
replay_walk(struct notify_region *r, struct notifier *n)
{
    const struct notify_region_ops *ops = r->ops;
    const uint64_t page = ops->min_page != NULL ? ops->min_page(r) : PAGE_BYTES;
    const struct span window = window_of(n);
    const uint64_t last = window.last < r->last ? window.last : r->last;
    uint64_t addr = window.first;

    for (uint64_t steps = 0;; steps++) {
        struct notify_entry e;

        if (steps > REPLAY_BUDGET && ops->next_mapped == NULL) {
            observe(r->env, overspent, n->subject, BLAME_IOMMU, "replay", steps);
            return;
        }
        if (ops->next_mapped != NULL && !ops->next_mapped(r, addr, &addr)) {
            return;
        }
        if (addr > last) {
            return;
        }
        ops->translate(r, addr, n->index, &e);
        if (!replay_page(n, &e)) {
            return;
        }
        uint64_t done = last_of(e.iova, e.mask);
        if (done < (addr | (page - 1))) {
            done = addr | (page - 1);
        }
        if (done >= last) {
            return;
        }
        addr = done + 1;
    }
}

static bool
offers_replay(const struct notify_region *r)
{
    return !env_quirk(r->env, QUIRK_CORE_NO_REPLAY);
}

/* False if n has left meanwhile. */
static bool
run_replay(struct notify_region *r, struct notifier *n)
{
    struct notify_walk w = { .current = n, .outer = r->walks };

    r->walks = &w;
    if (r->ops->replay != NULL && !env_quirk(r->env, QUIRK_VTD_GENERIC_REPLAY)) {
        r->ops->replay(r, n);
    } else if (n->flags & NOTIFY_MAP) {
        replay_walk(r, n);
    }
    r->walks = w.outer;
    return w.current != NULL;
}

void
notify_replay_to(struct notify_region *r, struct notifier *n)
{
    assert(n->region == NULL);
    if (offers_replay(r)) {
        n->region = r;
        run_replay(r, n);
        n->region = NULL;
    }
}

void
notify_replay(struct notifier *n)
{
    struct notify_region *r = n->region;
    const uint64_t before = n->maps;

    if (!offers_replay(r)) {
        observe(r->env, replay_begin, n, false);
        return;
    }
    trace_registration(n, TE_REPLAY_BEGIN);
    observe(r->env, replay_begin, n, true);
    if (run_replay(r, n)) {
        trace_replay_end(n, n->maps - before);
        observe(r->env, replay_end, n);
    }
}
