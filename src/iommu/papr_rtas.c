/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Firmware calls: dynamic DMA windows, and the bypass of VIO adapters. The "PE" whose
 * windows are managed is the whole bridge, so that config addresses say nothing.
 * Source: LoPAR 2.9, "DMA Window Manipulation Calls"; reference on PAPR TCE, sections
 * 5, 8 and 13.
 */
#include "iommu/papr_bridge.h"

/* What any query answers, however much is in use: 2^37 TCEs, or, in 32 bits, 2^31. */
enum { BLOCK_HIGH = 0x20 };
#define BLOCK_32_BITS UINT32_C(0x80000000)

static bool
has_shape(const struct rtas *r, unsigned nargs, unsigned nret)
{
    return r->nargs == nargs && r->nret == nret;
}

static bool
answer(struct rtas *r, int32_t status)
{
    r->rets[0] = (uint32_t)status;
    r->written = 1;
    return true;
}

static void
answer_more(struct rtas *r, uint32_t word)
{
    r->rets[r->written++] = word;
}

static bool
query(const struct papr *p, struct rtas *r)
{
    unsigned on = papr_windows_on(p);

    if ((!has_shape(r, 3, 5) && !has_shape(r, 3, 6)) || !p->ddw) {
        return answer(r, PAPR_RTAS_PARAMETER);
    }
    answer(r, PAPR_RTAS_OK);
    answer_more(r, on < p->max_windows ? p->max_windows - on : 0);
    if (r->nret == 6) {
        answer_more(r, BLOCK_HIGH);
        answer_more(r, 0);
    } else {
        answer_more(r, BLOCK_32_BITS);
    }
    answer_more(r, papr_page_mask(p->page_sizes));
    answer_more(r, 0); /* no page size survives a migration otherwise than now */
    return true;
}

/* --- create --- */

/* log2 of page and window, as the guest gives them. */
struct shape {
    uint32_t page, window;
};

static bool
page_is_offered(const struct papr *p, uint32_t page_lg2)
{
    return (p->quirk.shift_modulo || page_lg2 < 64) &&
           ((p->page_sizes >> (page_lg2 % 64)) & 1) != 0;
}

static bool
is_oversized(const struct shape *s)
{
    return (s->window - s->page) % 64 >= 32;
}

static bool
is_absurd(const struct papr *p, const struct shape *s)
{
    return s->window < s->page || (s->window >= 64 && !p->quirk.shift_modulo) ||
           (is_oversized(s) && !p->quirk.oversized_kept);
}

/*
 * The count, cut to 32 bits, is 0, and so the table counts as switched off; its empty
 * region stays where it is.
 */
static int32_t
create_nothing(struct papr *p, struct papr_table *t)
{
    if (t->leftover) {
        env_abort(p->iommu.env, p->iommu.id, BLAME_IOMMU,
                  "subregion-already-has-a-container");
    }
    t->leftover = true;
    return PAPR_RTAS_HARDWARE;
}

static struct papr_table *
free_table(struct papr *p)
{
    for (unsigned i = 0; i < p->max_windows; i++) {
        if (!papr_is_on(&p->table[i])) {
            return &p->table[i];
        }
    }
    return NULL;
}

static int32_t
create_in(struct papr *p, struct papr_table *t, const struct shape *s)
{
    uint64_t base = papr_windows_on(p) == 0 ? p->default_base : p->dynamic_base;
    uint64_t entries = UINT64_C(1) << (s->window - s->page) % 64;
    unsigned page_lg2 = s->page % 64;

    if (!papr_geometry_is_possible(base, page_lg2, entries)) {
        return PAPR_RTAS_HARDWARE;
    }
    t->is_new = true;
    bool created = papr_window_on(p, t, base, page_lg2, entries);
    t->is_new = false;
    if (!created) {
        return PAPR_RTAS_HARDWARE;
    }
    papr_tell_switched(p);
    return PAPR_RTAS_OK;
}

static bool
create(struct papr *p, struct rtas *r)
{
    const struct shape s = { .page = r->args[3], .window = r->args[4] };
    struct papr_table *t = free_table(p);

    if (!has_shape(r, 5, 4) || !p->ddw || !page_is_offered(p, s.page) ||
        is_absurd(p, &s)) {
        return answer(r, PAPR_RTAS_PARAMETER);
    }
    if (t == NULL || papr_windows_on(p) >= p->max_windows) {
        return answer(r, PAPR_RTAS_HARDWARE);
    }
    answer(r, is_oversized(&s) ? create_nothing(p, t) : create_in(p, t, &s));
    if (r->rets[0] == PAPR_RTAS_OK) {
        answer_more(r, (uint32_t)t->liobn);
        answer_more(r, (uint32_t)(t->base >> 32));
        answer_more(r, (uint32_t)t->base);
    }
    return true;
}

/* --- remove, reset --- */

static bool
remove_window(struct papr *p, struct rtas *r)
{
    struct papr_table *t = papr_table_of(p, r->args[0]);

    if (!has_shape(r, 1, 1) || p->vio || !p->ddw || !papr_is_on(t)) {
        return answer(r, PAPR_RTAS_PARAMETER);
    }
    bool was_default = p->quirk.sticky_default ? t->was_default : t->is_default;

    papr_window_off(p, t, CAUSE_WINDOW);
    if (papr_windows_on(p) == 0 && !was_default && !p->quirk.no_default_restore) {
        papr_restore_default(p, CAUSE_WINDOW);
    } else {
        papr_tell_switched(p);
    }
    return answer(r, PAPR_RTAS_OK);
}

static bool
reset_windows(struct papr *p, struct rtas *r)
{
    if (!has_shape(r, 3, 1) || !p->ddw) {
        return answer(r, PAPR_RTAS_PARAMETER);
    }
    papr_restore_default(p, CAUSE_WINDOW);
    return answer(r, PAPR_RTAS_OK);
}

/* --- VIO --- */

static bool
set_bypass(struct papr *p, struct rtas *r)
{
    if (r->nargs != 2) {
        return answer(r, PAPR_RTAS_PARAMETER);
    }
    papr_set_bypass(p, r->args[1] != 0);
    return answer(r, PAPR_RTAS_OK);
}

/* The OS takes over from the firmware: what firmware mapped for VIO adapters goes. */
static void
quiesce(struct papr *p, struct rtas *r)
{
    if (r->nargs != 0) {
        return;
    }
    if (p->vio) {
        papr_window_empty(p, &p->table[0], CAUSE_RESET);
        papr_tell_switched(p);
    }
    answer(r, PAPR_RTAS_OK);
}

/* --- whose call it is --- */

static bool
is_bridge(const struct papr *p, const struct rtas *r)
{
    return !p->vio && r->nargs >= 3 &&
           ((uint64_t)r->args[1] << 32 | r->args[2]) == p->buid;
}

bool
papr_rtas(struct papr *p, struct rtas *r)
{
    switch (r->call) {
    case RTAS_QUERY_PE_DMA_WINDOW:
        return is_bridge(p, r) && query(p, r);
    case RTAS_CREATE_PE_DMA_WINDOW:
        return is_bridge(p, r) && create(p, r);
    case RTAS_RESET_PE_DMA_WINDOW:
        return is_bridge(p, r) && reset_windows(p, r);
    case RTAS_REMOVE_PE_DMA_WINDOW:
        return r->nargs >= 1 && papr_table_of(p, r->args[0]) != NULL &&
               remove_window(p, r);
    case RTAS_SET_TCE_BYPASS:
        return p->vio && r->nargs >= 1 && p->table[0].liobn == r->args[0] &&
               set_bypass(p, r);
    case RTAS_QUIESCE:
        quiesce(p, r);
        return false;
    case RTAS_CALL_COUNT:
        break;
    }
    return false;
}
