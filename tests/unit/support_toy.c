/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See support_toy.h. */
#include "support_toy.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the region ---- */

static int
flags_changed(struct notify_region *r, unsigned old_flags, unsigned new_flags,
              struct err *e)
{
    struct toy *t = r->self;

    if (new_flags & t->refuses) {
        err_set(e, "not today");
        return -ENOTSUP;
    }
    ck_assert_uint_lt(t->hooks, TOY_HOOKS);
    t->hook_old[t->hooks] = old_flags;
    t->hook_new[t->hooks++] = new_flags;
    return 0;
}

static void
translate(struct notify_region *r, uint64_t iova, unsigned index,
          struct notify_entry *out)
{
    struct toy *t = r->self;
    struct range_piece p;

    (void)index;
    t->translations++;
    *out = (struct notify_entry){ .iova = iova, .mask = t->page - 1 };
    if (rangemap_entry(&t->table, iova, &p)) {
        *out = (struct notify_entry){ p.first, p.last - p.first, GPA(p.target), p.perm };
    }
}

static uint64_t
min_page(struct notify_region *r)
{
    const struct toy *t = r->self;

    return t->page;
}

static bool
next_mapped(struct notify_region *r, uint64_t from, uint64_t *next)
{
    const struct toy *t = r->self;
    struct range_piece p;

    if (!rangemap_next(&t->table, from, &p)) {
        return false;
    }
    *next = p.first > from ? p.first : from;
    return true;
}

static const struct notify_region_ops knowing = {
    .flags_changed = flags_changed,
    .translate = translate,
    .min_page = min_page,
    .next_mapped = next_mapped,
};
static const struct notify_region_ops blind = {
    .flags_changed = flags_changed,
    .translate = translate,
    .min_page = min_page,
};

static void
init(struct toy *t, const struct notify_region_ops *ops, uint64_t last)
{
    *t = (struct toy){ .page = PAGE_BYTES };
    t->env.sim = sim_new(1);
    t->env.trace = trace_new(
        &(struct trace_options){ .format = TRACE_FORMAT_NONE, .level = TRACE_QUIET },
        NULL);
    t->env.mem = mem_new(NULL);
    mem_add_range(t->env.mem, 0, TOY_RAM - 1, MEM_RAM);
    mem_add_range(t->env.mem, TOY_ROM, TOY_ROM + 0xfff, MEM_ROM);
    mem_add_range(t->env.mem, TOY_MMIO, TOY_MMIO + 0xfff, MEM_MMIO);
    latencies_init(&t->env.latency, t->env.sim);
    rangemap_init(&t->table, RANGEMAP_LINEAR, NULL);
    notify_region_init(&t->region, ops, t, "toy", &t->env, last, 2);
}

void
toy_init(struct toy *t, uint64_t last)
{
    init(t, &knowing, last);
}

void
toy_init_blind(struct toy *t, uint64_t last)
{
    init(t, &blind, last);
}

void
toy_fini(struct toy *t)
{
    while (t->ears != NULL) {
        ear_fini(t->ears);
    }
    notify_region_fini(&t->region);
    rangemap_fini(&t->table);
    mem_free(t->env.mem);
    ck_assert(trace_close(t->env.trace, NULL));
    if (t->lines != NULL) {
        fclose(t->lines);
    }
    free(t->text);
    sim_free(t->env.sim);
}

struct toy toy;

void
toy_setup(void)
{
    toy_init(&toy, UINT64_MAX);
}

void
toy_teardown(void)
{
    toy_fini(&toy);
}

void
toy_trace(struct toy *t, enum trace_level level)
{
    struct trace_options options = { .format = TRACE_FORMAT_TEXT, .level = level };

    ck_assert_ptr_null(t->lines);
    ck_assert(trace_close(t->env.trace, NULL));
    t->lines = tmpfile();
    ck_assert_ptr_nonnull(t->lines);
    options.fd = fileno(t->lines);
    t->env.trace = trace_new(&options, NULL);
}

const char *
toy_lines(struct toy *t)
{
    ck_assert(trace_flush(t->env.trace, NULL));
    const off_t size = lseek(fileno(t->lines), 0, SEEK_CUR);
    const size_t len = (size_t)(size - t->seen);
    free(t->text);
    t->text = calloc(1, len + 1);
    ck_assert_int_eq(pread(fileno(t->lines), t->text, len, t->seen), (ssize_t)len);
    t->seen = size;
    return t->text;
}

/* ---- the guest ---- */

static void
announce(struct toy *t, unsigned type, enum notify_cause cause,
         const struct range_piece *p)
{
    const struct notify_event ev = {
        .type = type,
        .cause = cause,
        .perm = type == NOTIFY_MAP ? p->perm : PERM_NONE,
        .iova = p->first,
        .mask = p->last - p->first,
        .target = GPA(type == NOTIFY_MAP ? p->target : 0),
    };

    notify_all(&t->region, 0, &ev);
}

void
toy_set(struct toy *t, uint64_t iova, uint64_t size, uint64_t gpa, enum perm perm)
{
    const uint64_t last = iova + size - 1;
    const enum notify_cause cause = perm == PERM_NONE ? CAUSE_UNMAP : CAUSE_CHANGE;
    struct range_piece p, old[64];
    unsigned n = 0;

    for (uint64_t at = iova; rangemap_next_entry(&t->table, at, &p) && p.first <= last;
         at = p.last + 1) {
        ck_assert_uint_lt(n, 64);
        old[n++] = p;
        if (p.last >= last) {
            break;
        }
    }
    if (n == 1 && old[0].first == iova && old[0].last == last && old[0].perm == perm &&
        old[0].target == gpa) {
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        rangemap_remove(&t->table, old[i].first, old[i].last);
    }
    p = (struct range_piece){ .first = iova, .last = last, .target = gpa, .perm = perm };
    if (perm != PERM_NONE) {
        rangemap_insert(&t->table, iova, last, gpa, perm);
    }
    for (unsigned i = 0; i < n; i++) {
        announce(t, NOTIFY_UNMAP, cause, &old[i]);
    }
    if (perm != PERM_NONE) {
        announce(t, NOTIFY_MAP, n != 0 ? CAUSE_CHANGE : CAUSE_MAP, &p);
    }
}

void
toy_unmap(struct toy *t, uint64_t first, uint64_t last)
{
    announce(t, NOTIFY_UNMAP, CAUSE_UNMAP,
             &(struct range_piece){ .first = first, .last = last });
}

void
toy_map(struct toy *t, uint64_t first, uint64_t last, uint64_t gpa)
{
    announce(t, NOTIFY_MAP, CAUSE_MAP,
             &(struct range_piece){
                 .first = first, .last = last, .target = gpa, .perm = PERM_RW });
}

/* ---- ears ---- */

static void
hear(struct notifier *n, struct notify_event *ev)
{
    struct ear *e = n->owner;
    const uint64_t last = ev->iova + ev->mask;

    if (e->count < EAR_EVENTS) {
        e->got[e->count] = *ev;
    }
    e->count++;
    if (ev->type == NOTIFY_MAP) {
        e->overlaps += rangemap_any(&e->shadow, ev->iova, last);
    }
    rangemap_remove(&e->shadow, ev->iova, last);
    if (ev->type == NOTIFY_MAP) {
        rangemap_insert(&e->shadow, ev->iova, last, ev->target.v, ev->perm);
    }
    if (e->then != NULL) {
        e->then(e, ev);
    }
}

void
ear_init(struct ear *e, const char *subject, unsigned flags, uint64_t first,
         uint64_t last)
{
    *e = (struct ear){ .n = { .fn = hear,
                              .owner = e,
                              .subject = subject,
                              .flags = flags,
                              .first = first,
                              .last = last } };
    rangemap_init(&e->shadow, RANGEMAP_LINEAR, NULL);
}

void
ear_fini(struct ear *e)
{
    if (e->toy != NULL) {
        struct ear **link = &e->toy->ears;

        while (*link != e) {
            link = &(*link)->next;
        }
        *link = e->next;
        e->toy = NULL;
    }
    notify_unregister(&e->n);
    rangemap_fini(&e->shadow);
}

void
ear_register(struct toy *t, struct ear *e)
{
    struct err err;

    ck_assert_int_eq(notify_register(&t->region, &e->n, &err), 0);
    if (e->toy == NULL) {
        e->toy = t;
        e->next = t->ears;
        t->ears = e;
    }
}

void
ear_join(struct toy *t, struct ear *e, const char *subject, unsigned flags,
         uint64_t first, uint64_t last)
{
    ear_init(e, subject, flags, first, last);
    ear_register(t, e);
}

/* The piece of m at or after `from`, cut to [from, last]. */
static bool
next_within(const struct rangemap *m, uint64_t from, uint64_t last, struct range_piece *p)
{
    if (!rangemap_next(m, from, p) || p->first > last) {
        return false;
    }
    if (p->first < from) {
        p->target += from - p->first;
        p->first = from;
    }
    p->last = p->last < last ? p->last : last;
    return true;
}

/* Every byte that is in a is in b, with the same target and permission. */
static void
contained(const struct rangemap *a, const struct rangemap *b, uint64_t first,
          uint64_t last)
{
    struct range_piece p, q;

    for (uint64_t at = first; next_within(a, at, last, &p);) {
        ck_assert_msg(next_within(b, p.first, last, &q) && q.first == p.first,
                      "nothing at 0x%lx", (unsigned long)p.first);
        ck_assert_uint_eq(q.target, p.target);
        ck_assert_uint_eq(q.perm, p.perm);
        at = p.last < q.last ? p.last : q.last;
        if (at++ == last) {
            return;
        }
    }
}

void
ear_agrees(const struct ear *e, const struct toy *t)
{
    contained(&t->table, &e->shadow, e->n.first, e->n.last);
    contained(&e->shadow, &t->table, e->n.first, e->n.last);
}
