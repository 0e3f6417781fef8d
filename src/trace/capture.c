/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the lines of a capture to what happened. See capture.h.
 *
 * Some lines mean what they do only by what follows: those are read ahead, as far as
 * needed and no farther, and wait in a queue.
 */
#include "trace/capture.h"

#include <stdlib.h>

#include "trace/capture_guess.h"
#include "trace/capture_known.h"
#include "trace/capture_reader.h"
#include "util/alloc.h"

enum { LIST_MAX = 512 }; /* longer ones are refused and leave no line */

struct capture {
    struct capture_reader in;
    struct capture_line held; /* what is assumed before it was given already */
    bool has_held;
    struct capture_known known;
    uint32_t runs;
    bool moving;    /* tables that appear are only moved: a subscriber has just come */
    bool resetting; /* bridge after bridge is being reset */
    bool vio_reset_due; /* after the bridge just reported */
    uint64_t loading;   /* the bridge whose tables are being loaded; 0: none */
    uint64_t restoring; /* the bridge whose default window comes back; 0: none */
};

struct capture *
capture_open(const char *path, struct err *e)
{
    struct capture *c = xcalloc(1, sizeof(*c));

    if (!capture_reader_init(&c->in, path, e)) {
        free(c);
        return NULL;
    }
    known_init(&c->known);
    return c;
}

void
capture_close(struct capture *c)
{
    if (c == NULL) {
        return;
    }
    capture_reader_fini(&c->in);
    known_fini(&c->known);
    free(c);
}

/* --- tables that appear --- */

static bool
post_load_resizes(const struct capture_line *l)
{
    return l->n[1] != l->n[2];
}

/*
 * A line after the `ahead` next ones says what this table is about: its own creation,
 * or a window reset.
 */
static bool
belongs_to_later_line(struct capture *c, size_t ahead, uint64_t liobn)
{
    for (size_t i = ahead;; i++) {
        const struct capture_line *l = capture_reader_peek(&c->in, i);

        if (l == NULL) {
            return false;
        }
        switch (l->event) {
        case CAPTURE_EV_START:
        case CAPTURE_EV_STOP:
            continue;
        case CAPTURE_EV_NEW_TABLE:
            if (l->n[0] == liobn) {
                continue;
            }
            return false;
        case CAPTURE_EV_CREATE:
            return l->n[5] == liobn;
        case CAPTURE_EV_POST_LOAD:
            return l->n[0] == liobn && post_load_resizes(l);
        case CAPTURE_EV_RESET:
            return capture_bridge_of_buid(l->n[0]) == liobn;
        case CAPTURE_EV_PUT:
        case CAPTURE_EV_STUFF:
        case CAPTURE_EV_INDIRECT:
        case CAPTURE_EV_GET:
        case CAPTURE_EV_XLATE:
        case CAPTURE_EV_QUERY:
        case CAPTURE_EV_REMOVE:
        case CAPTURE_EV_REG_CRQ:
        case CAPTURE_EV_FREE_CRQ:
            return false;
        }
    }
}

/* Each of the functions from here on makes an op of a line; false if there is none. */

static bool
on_new_table(struct capture *c, const struct capture_line *l, struct capture_op *op)
{
    uint64_t liobn = l->n[0];

    op->liobn = liobn;
    if (c->moving) {
        return false;
    }
    if (!capture_is_pci(liobn)) {
        op->kind = CAPTURE_VIO;
        known_set_window(&c->known, liobn, CAPTURE_WINDOW_DEFAULT);
        known_vio_device(&c->known, liobn);
        return true;
    }
    const bool known = known_window(&c->known, capture_bridge_of(liobn)) != NULL;

    if (liobn != capture_bridge_of(liobn) ||
        (known && belongs_to_later_line(c, 0, liobn))) {
        return false;
    }
    known_set_bridge(&c->known, liobn);
    op->kind = known ? CAPTURE_BRIDGE_RESET : CAPTURE_BRIDGE;
    op->assumed = !known && c->resetting; /* one of those that are reset */
    if (known) {
        c->vio_reset_due = !c->resetting && known_has_vio_tables(&c->known);
        c->resetting = true;
    }
    return true;
}

/*
 * When every VIO device loses its queue in a row, the machine or the firmware has
 * reset them all.
 */
static bool
on_free_crq(struct capture *c, const struct capture_line *l, struct capture_op *op)
{
    const struct capture_line *next;
    struct capture_line freed = *l;
    size_t n = 0;

    c->runs++;
    for (;;) {
        struct known_vio *v = known_vio_device(&c->known, freed.n[0]);

        n += v->run != c->runs;
        v->run = c->runs;
        next = capture_reader_peek(&c->in, 0);
        if (next == NULL || next->event != CAPTURE_EV_FREE_CRQ) {
            break;
        }
        capture_reader_take(&c->in, &freed);
    }
    op->kind = CAPTURE_VIO_RESET;
    return n == c->known.n_vio && known_has_vio_tables(&c->known);
}

/* --- windows --- */

static bool
on_query(const struct capture_line *l, struct capture_op *op)
{
    op->kind = CAPTURE_WINDOW_QUERY;
    op->liobn = capture_bridge_of_buid(l->n[0]);
    op->page_mask = (uint32_t)l->n[4];
    return true;
}

/* A line that is as printed and cannot be true. The capture ends there. */
static bool
impossible(struct capture *c, const struct capture_line *l, const char *what)
{
    return capture_reader_fail(&c->in, l->line, what);
}

static bool
on_create(struct capture *c, const struct capture_line *l, struct capture_op *op)
{
    const uint64_t page = l->n[2], size = l->n[3];

    if (!is_pow2(page) || page < PAGE_BYTES || !is_pow2(size) || size < page) {
        return impossible(c, l, "a window of an impossible size or page size");
    }
    const unsigned page_lg2 = (unsigned)__builtin_ctzll(page);

    known_make_window(&c->known, l->n[5], l->n[4], page_lg2, size >> page_lg2);
    op->kind = CAPTURE_WINDOW_CREATE;
    op->liobn = l->n[5];
    known_place(&c->known, op);
    return true;
}

/* The default window of a bridge comes back next, without a call. */
static bool
default_comes_back(struct capture *c, uint64_t bridge)
{
    bool appears = false;

    for (size_t i = 0;; i++) {
        const struct capture_line *l = capture_reader_peek(&c->in, i);

        if (l == NULL) {
            return false;
        }
        if (l->event == CAPTURE_EV_NEW_TABLE && l->n[0] == bridge) {
            appears = true;
        } else if (l->event != CAPTURE_EV_START && l->event != CAPTURE_EV_STOP) {
            return appears && l->event == CAPTURE_EV_RESET &&
                   capture_bridge_of_buid(l->n[0]) == bridge;
        }
    }
}

/*
 * A bridge that loses its last window gets the default one again, unless that is the one
 * it loses.
 */
static bool
on_remove(struct capture *c, const struct capture_line *l, struct capture_op *op)
{
    const uint64_t bridge = capture_bridge_of(l->n[0]);

    known_remove_window(&c->known, l->n[0], op);
    if (op->none_left && op->liobn != bridge && default_comes_back(c, bridge)) {
        op->restored = true;
        c->restoring = bridge;
    }
    return true;
}

static bool
on_window_reset(struct capture *c, const struct capture_line *l, struct capture_op *op)
{
    op->kind = CAPTURE_WINDOW_RESET;
    op->liobn = capture_bridge_of_buid(l->n[0]);
    known_set_bridge(&c->known, op->liobn);
    const bool restored = op->liobn == c->restoring;

    c->restoring = 0;
    return !restored;
}

/* More lines of the same bridge follow in the migration stream. */
static bool
goes_on_loading(struct capture *c)
{
    const struct capture_line *l = capture_reader_peek(&c->in, 0);

    if (l == NULL || capture_bridge_of(l->n[0]) != c->loading) {
        return false;
    }
    return l->event == CAPTURE_EV_POST_LOAD ||
           (l->event == CAPTURE_EV_NEW_TABLE && belongs_to_later_line(c, 1, l->n[0]));
}

/* What the windows of the bridge are, once all that was loaded is known. */
static bool
report_loaded(struct capture *c, struct capture_op *op)
{
    if (c->loading == 0 || goes_on_loading(c)) {
        return false;
    }
    op->kind = CAPTURE_WINDOWS_LOADED;
    op->liobn = c->loading;
    op->loaded[0] = known_geometry(&c->known, c->loading);
    op->loaded[1] = known_geometry(&c->known, c->loading + 1);
    c->loading = 0;
    return true;
}

/*
 * Incoming migration: a table has the geometry of the stream, its contents are not in
 * the log. One of no entries is switched off.
 */
static bool
on_post_load(struct capture *c, const struct capture_line *l, struct capture_op *op)
{
    const uint64_t liobn = l->n[0], entries = l->n[2], base = l->n[3], page_lg2 = l->n[4];
    const struct capture_geometry was = known_geometry(&c->known, liobn);
    const bool is_default = was.state == CAPTURE_WINDOW_DEFAULT &&
                            !post_load_resizes(l) && base == 0 && page_lg2 == PAGE_LG2;

    if (!capture_is_pci(liobn) ||
        known_window(&c->known, capture_bridge_of(liobn)) == NULL) {
        return false;
    }
    if (entries != 0 && !is_default) {
        if (!is_pow2(entries) || page_lg2 < PAGE_LG2 || page_lg2 >= 64) {
            return impossible(c, l, "a window of an impossible size or page size");
        }
        known_make_window(&c->known, liobn, base, (unsigned)page_lg2, entries);
        c->loading = capture_bridge_of(liobn);
    } else if (entries == 0 && was.state != CAPTURE_WINDOW_OFF) {
        known_set_window(&c->known, liobn, CAPTURE_WINDOW_OFF);
        c->loading = capture_bridge_of(liobn);
    }
    return report_loaded(c, op);
}

/* --- calls --- */

static void
begin_call(struct capture *c, const struct capture_line *l, enum capture_kind kind,
           struct capture_op *op)
{
    c->moving = false;
    op->kind = kind;
    op->liobn = l->n[0];
    op->ioba = l->n[1];
    known_place(&c->known, op);
}

/* Entries that a call wrote are known from now on. */
static void
note_written(struct capture *c, const struct capture_op *op)
{
    struct known_window *w = known_window(&c->known, op->liobn);
    const uint64_t n = op->kind == CAPTURE_PUT ? 1 : op->npages;

    if (w == NULL || !w->assumed || op->ret != 0 || n == 0 || n >> 32 != 0) {
        return;
    }
    const uint64_t first = align_down(op->ioba, op->page_lg2);
    const uint64_t last = first + (n << op->page_lg2) - 1;

    if (first <= last) {
        rangemap_remove(&w->written, first, last);
        rangemap_insert(&w->written, first, last, 0, PERM_RW);
    }
}

static bool
on_put(struct capture *c, const struct capture_line *l, struct capture_op *op)
{
    begin_call(c, l, CAPTURE_PUT, op);
    op->tce = l->n[2];
    op->ret = (int64_t)l->n[3];
    note_written(c, op);
    return true;
}

static bool
on_get(struct capture *c, const struct capture_line *l, struct capture_op *op)
{
    begin_call(c, l, CAPTURE_GET, op);
    op->ret = (int64_t)l->n[2];
    op->tce = l->n[3];
    return true;
}

/* The address in the log is where the loop stood when it ended. */
static bool
on_stuff(struct capture *c, const struct capture_line *l, struct capture_op *op)
{
    begin_call(c, l, CAPTURE_STUFF, op);
    op->tce = l->n[2];
    op->npages = l->n[3];
    op->ret = (int64_t)l->n[4];
    if (op->ret == 0) {
        op->ioba -= op->npages << op->page_lg2;
    }
    note_written(c, op);
    return true;
}

/* The entries before the last one as a contiguous buffer gives them, if it can. */
static void
guess_list(struct capture_op *op, uint64_t last_tce)
{
    uint64_t page = UINT64_C(1) << op->page_lg2;
    uint64_t before = op->npages - 1;

    op->tce = last_tce;
    if ((last_tce & PERM_RW) != 0 && before <= last_tce >> op->page_lg2) {
        op->step = page;
        op->tce -= before * page;
    }
}

/*
 * A call that failed names the last good entry and the TCE after it. One that names
 * nothing at all had a count of 0.
 */
static bool
on_indirect(struct capture *c, const struct capture_line *l, struct capture_op *op)
{
    uint64_t last_index = l->n[3], last_tce = l->n[4];

    if (last_index >= LIST_MAX) {
        return impossible(c, l, "a list of more than 512 entries");
    }
    begin_call(c, l, CAPTURE_INDIRECT, op);
    op->list = l->n[2];
    op->ret = (int64_t)l->n[5];
    if (op->ret != 0 && last_index == 0 && last_tce == 0) {
        return true;
    }
    op->npages = op->ret == 0 ? last_index + 1 : last_index + 2;
    guess_list(op, last_tce);
    note_written(c, op);
    return true;
}

static bool
on_xlate(struct capture *c, const struct capture_line *l, struct capture_op *op)
{
    op->kind = CAPTURE_XLATE;
    op->liobn = l->n[0];
    known_place(&c->known, op);
    op->ioba = op->base + l->n[1];
    op->gpa = l->n[2];
    op->perm = (enum perm)(l->n[3] & PERM_RW);
    if (op->perm != PERM_NONE && l->n[4] != UINT64_MAX) {
        op->page_lg2 = (unsigned)__builtin_ctzll(~l->n[4]);
    }
    const struct known_window *w = known_window(&c->known, op->liobn);
    struct range_piece piece;

    op->unknown = w == NULL || w->is.state == CAPTURE_WINDOW_OFF ||
                  (w->assumed && !rangemap_lookup(&w->written, op->ioba, &piece));
    return true;
}

/* --- the stream --- */

static bool
on_subscriber(struct capture *c, enum capture_kind kind, struct capture_op *op)
{
    c->moving = kind == CAPTURE_SUBSCRIBER_START;
    op->kind = kind;
    return true;
}

static bool
on_line(struct capture *c, const struct capture_line *l, struct capture_op *op)
{
    if (l->event != CAPTURE_EV_NEW_TABLE) {
        c->resetting = false;
    }
    switch (l->event) {
    case CAPTURE_EV_NEW_TABLE:
        return on_new_table(c, l, op);
    case CAPTURE_EV_PUT:
        return on_put(c, l, op);
    case CAPTURE_EV_STUFF:
        return on_stuff(c, l, op);
    case CAPTURE_EV_INDIRECT:
        return on_indirect(c, l, op);
    case CAPTURE_EV_GET:
        return on_get(c, l, op);
    case CAPTURE_EV_XLATE:
        return on_xlate(c, l, op);
    case CAPTURE_EV_QUERY:
        return on_query(l, op);
    case CAPTURE_EV_CREATE:
        return on_create(c, l, op);
    case CAPTURE_EV_REMOVE:
        return on_remove(c, l, op);
    case CAPTURE_EV_RESET:
        return on_window_reset(c, l, op);
    case CAPTURE_EV_POST_LOAD:
        return on_post_load(c, l, op);
    case CAPTURE_EV_REG_CRQ:
        known_vio_device(&c->known, l->n[0]);
        return false;
    case CAPTURE_EV_FREE_CRQ:
        return on_free_crq(c, l, op);
    case CAPTURE_EV_START:
        return on_subscriber(c, CAPTURE_SUBSCRIBER_START, op);
    case CAPTURE_EV_STOP:
        return on_subscriber(c, CAPTURE_SUBSCRIBER_STOP, op);
    }
    return false;
}

static bool
next_line(struct capture *c, struct capture_line *out)
{
    if (c->has_held) {
        c->has_held = false;
        *out = c->held;
        return true;
    }
    return capture_reader_take(&c->in, out);
}

enum capture_result
capture_next(struct capture *c, struct capture_op *op, struct err *e)
{
    struct capture_line l;

    if (c->vio_reset_due) {
        c->vio_reset_due = false;
        op->kind = CAPTURE_VIO_RESET; /* at the line and time of the op before */
        return CAPTURE_OP;
    }
    while (next_line(c, &l)) {
        *op = (struct capture_op){ .line = l.line, .usec = l.usec };
        if (capture_assume(&c->known, c->in.path, &l, op)) {
            op->assumed = true;
            c->held = l;
            c->has_held = true;
            return CAPTURE_OP;
        }
        if (on_line(c, &l, op)) {
            return CAPTURE_OP;
        }
    }
    if (!c->in.failed) {
        return CAPTURE_END;
    }
    if (e != NULL) {
        *e = c->in.why;
    }
    return CAPTURE_ERROR;
}
