/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a machine must have so that a capture can be replayed on it: see capture.h.
 *
 * The size of a default window is in no line. It is 1 GiB (VIO: 256 MiB), unless
 * accepted addresses show that it is larger, or refused ones that it is smaller: the
 * lowest refused address above every accepted one is its end.
 */
#include <stdlib.h>
#include <string.h>

#include "trace/capture.h"
#include "util/alloc.h"

#define DEFAULT_WINDOW (UINT64_C(1) << 30)
#define VIO_WINDOW     (UINT64_C(1) << 28)
#define ADDRESS_LIMIT  (UINT64_C(1) << 52) /* of guest memory */

enum {
    RAM_GRAIN_LG2 = 24,
    LIST_MAX = 512, /* entries that LoPAR lets one call write */
};

/* What calls showed of a default window or a VIO table. */
struct evidence {
    struct capture_table table;
    uint64_t accepted_end; /* one past the highest byte that a call reached */
    uint64_t *refused;     /* addresses */
    size_t n_refused, refused_size;
};

struct survey {
    struct capture_summary *out;
    struct evidence *tables;
    size_t n_tables;
    uint64_t ram_end; /* one past the highest byte named */
    uint64_t present; /* subscribers now */
};

static struct evidence *
find_table(struct survey *s, uint64_t liobn)
{
    for (size_t i = 0; i < s->n_tables; i++) {
        if (s->tables[i].table.liobn == liobn) {
            return &s->tables[i];
        }
    }
    return NULL;
}

static void
add_table(struct survey *s, const struct capture_op *op)
{
    if (find_table(s, op->liobn) != NULL) {
        return;
    }
    s->tables = xrealloc(s->tables, s->n_tables + 1, sizeof(*s->tables));
    s->tables[s->n_tables++] = (struct evidence){
        .table = {
            .liobn = op->liobn,
            .vio = op->kind == CAPTURE_VIO,
            .hotplugged = s->out->calls > 0 && !op->assumed,
            .assumed = op->assumed,
        },
    };
}

static void
add_dynamic(struct capture_summary *out, uint32_t line, uint64_t liobn,
            const struct capture_geometry *g)
{
    const struct capture_dynamic d = {
        .line = line,
        .liobn = liobn,
        .base = g->base,
        .entries = g->entries,
        .page_lg2 = g->page_lg2,
    };

    for (size_t i = 0; i < out->n_dynamics; i++) {
        const struct capture_dynamic *o = &out->dynamics[i];

        if (o->liobn == d.liobn && o->base == d.base && o->entries == d.entries &&
            o->page_lg2 == d.page_lg2) {
            return;
        }
    }
    out->dynamics = xrealloc(out->dynamics, out->n_dynamics + 1, sizeof(d));
    out->dynamics[out->n_dynamics++] = d;
}

static void
add_created(struct capture_summary *out, const struct capture_op *op)
{
    const struct capture_geometry g = { .base = op->base,
                                        .entries = op->entries,
                                        .page_lg2 = op->page_lg2 };

    add_dynamic(out, op->line, op->liobn, &g);
}

static void
add_loaded(struct capture_summary *out, const struct capture_op *op)
{
    out->loads++;
    for (unsigned i = 0; i < 2; i++) {
        if (op->loaded[i].state == CAPTURE_WINDOW_DYNAMIC) {
            add_dynamic(out, op->line, op->liobn + i, &op->loaded[i]);
        }
    }
}

/* --- guest memory --- */

static void
name_page(struct survey *s, uint64_t addr, unsigned page_lg2)
{
    uint64_t last = addr | ((UINT64_C(1) << page_lg2) - 1);

    if (last < ADDRESS_LIMIT && last + 1 > s->ram_end) {
        s->ram_end = last + 1;
    }
}

static void
name_target(struct survey *s, const struct capture_op *op, uint64_t tce)
{
    if ((tce & PERM_RW) != 0) {
        name_page(s, tce, op->page_lg2);
    }
}

static void
name_pages(struct survey *s, const struct capture_op *op)
{
    if (op->kind == CAPTURE_INDIRECT) {
        name_page(s, op->list, PAGE_LG2);
    }
    if (op->ret != 0) {
        return;
    }
    name_target(s, op, op->tce);
    if (op->kind == CAPTURE_INDIRECT) {
        name_target(s, op, capture_list_entry(op, op->npages - 1));
    }
}

/* --- the size of a window --- */

static void
accept(struct evidence *ev, uint64_t end)
{
    if (end > ev->accepted_end) {
        ev->accepted_end = end;
    }
}

static void
refuse(struct evidence *ev, uint64_t addr)
{
    if (ev->n_refused == ev->refused_size) {
        ev->refused_size = ev->refused_size == 0 ? 8 : ev->refused_size * 2;
        ev->refused = xrealloc(ev->refused, ev->refused_size, sizeof(*ev->refused));
    }
    ev->refused[ev->n_refused++] = addr;
}

/* How far a call that succeeded reached, or which address was refused. */
static void
note_reach(struct evidence *ev, const struct capture_op *op)
{
    uint64_t first = align_down(op->ioba, op->page_lg2);
    bool multi = op->kind == CAPTURE_INDIRECT || op->kind == CAPTURE_STUFF;

    if (op->ret == 0) {
        accept(ev, first + ((multi ? op->npages : 1) << op->page_lg2));
    } else if (!multi || (op->kind == CAPTURE_STUFF && op->npages > 0)) {
        refuse(ev, first);
    } else if (op->npages >= 2) { /* an INDIRECT that wrote all but the last */
        uint64_t end = first + ((op->npages - 1) << op->page_lg2);

        if (op->npages > 2) { /* else perhaps not even the first */
            accept(ev, end);
        }
        refuse(ev, end);
    }
}

static uint64_t
round_up_pow2(uint64_t x)
{
    return is_pow2(x) ? x : UINT64_C(1) << (64 - __builtin_clzll(x));
}

static uint64_t
window_size(const struct evidence *ev)
{
    uint64_t size = ev->table.vio ? VIO_WINDOW : DEFAULT_WINDOW;

    if (ev->accepted_end > size) {
        size = round_up_pow2(ev->accepted_end);
    }
    for (size_t i = 0; i < ev->n_refused; i++) {
        if (ev->refused[i] >= ev->accepted_end && ev->refused[i] < size) {
            size = ev->refused[i];
        }
    }
    return size > 0 ? size : PAGE_BYTES; /* nothing was ever accepted */
}

/* --- what LoPAR would have answered otherwise --- */

/*
 * Nobody asked whether the target is memory, too many were not too many, none at all
 * were a mistake, or entries before the refused one stayed.
 */
static bool
shows_per_entry_checks(const struct capture_op *op)
{
    const bool multi = op->kind == CAPTURE_INDIRECT || op->kind == CAPTURE_STUFF;

    if (op->ret != 0) {
        return op->window != CAPTURE_WINDOW_OFF && multi &&
               (op->npages == 0 || op->kind == CAPTURE_INDIRECT);
    }
    return op->kind != CAPTURE_GET &&
           (op->npages > LIST_MAX ||
            ((op->tce & PERM_RW) != 0 && op->tce >= ADDRESS_LIMIT));
}

/* --- the whole --- */

static void
survey_call(struct survey *s, const struct capture_op *op)
{
    struct evidence *ev = find_table(s, op->liobn);

    s->out->calls++;
    name_pages(s, op);
    s->out->per_entry_checks |= shows_per_entry_checks(op);
    if (ev != NULL && op->window == CAPTURE_WINDOW_DEFAULT) {
        note_reach(ev, op);
    }
}

static void
survey_op(struct survey *s, const struct capture_op *op)
{
    s->out->ops++;
    switch (op->kind) {
    case CAPTURE_BRIDGE:
    case CAPTURE_VIO:
        add_table(s, op);
        break;
    case CAPTURE_WINDOW_QUERY:
        s->out->page_mask |= op->page_mask;
        break;
    case CAPTURE_WINDOW_CREATE:
        add_created(s->out, op);
        break;
    case CAPTURE_WINDOWS_LOADED:
        add_loaded(s->out, op);
        break;
    case CAPTURE_WINDOW_REMOVE:
        s->out->sticky_default |=
            op->none_left && op->window == CAPTURE_WINDOW_DYNAMIC && (op->liobn & 1) == 0;
        break;
    case CAPTURE_PUT:
    case CAPTURE_INDIRECT:
    case CAPTURE_STUFF:
    case CAPTURE_GET:
        survey_call(s, op);
        break;
    case CAPTURE_XLATE:
        if (op->perm != PERM_NONE) {
            name_page(s, op->gpa, op->page_lg2);
        }
        break;
    case CAPTURE_SUBSCRIBER_START:
        s->out->subscriptions++;
        s->present++;
        break;
    case CAPTURE_SUBSCRIBER_STOP:
        if (s->present > 0) {
            s->present--;
        } else {
            s->out->subscriptions++;
            s->out->subscribed++;
        }
        break;
    case CAPTURE_BRIDGE_RESET:
    case CAPTURE_VIO_RESET:
    case CAPTURE_WINDOW_RESET:
        break;
    }
}

static int
by_liobn(const void *a, const void *b)
{
    const struct capture_table *x = a, *y = b;

    return (x->liobn > y->liobn) - (x->liobn < y->liobn);
}

static void
conclude(struct survey *s)
{
    struct capture_summary *out = s->out;

    out->tables = xcalloc(s->n_tables + 1, sizeof(*out->tables));
    for (size_t i = 0; i < s->n_tables; i++) {
        s->tables[i].table.size = window_size(&s->tables[i]);
        out->tables[out->n_tables++] = s->tables[i].table;
    }
    qsort(out->tables, out->n_tables, sizeof(*out->tables), by_liobn);
    out->ram =
        align_down(s->ram_end + ((UINT64_C(1) << RAM_GRAIN_LG2) - 1), RAM_GRAIN_LG2);
}

bool
capture_summarize(const char *path, struct capture_summary *out, struct err *e)
{
    struct survey s = { .out = out };
    struct capture *c = capture_open(path, e);
    enum capture_result r;
    struct capture_op op;

    memset(out, 0, sizeof(*out));
    if (c == NULL) {
        return false;
    }
    while ((r = capture_next(c, &op, e)) == CAPTURE_OP) {
        survey_op(&s, &op);
    }
    capture_close(c);
    if (r == CAPTURE_END) {
        conclude(&s);
    } else {
        capture_summary_fini(out);
    }
    for (size_t i = 0; i < s.n_tables; i++) {
        free(s.tables[i].refused);
    }
    free(s.tables);
    return r == CAPTURE_END;
}

void
capture_summary_fini(struct capture_summary *s)
{
    free(s->tables);
    free(s->dynamics);
    memset(s, 0, sizeof(*s));
}
