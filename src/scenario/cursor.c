/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Unrolling `repeat` and loops, and the strides that go with them. */
#include <assert.h>

#include "scenario/action.h"

static bool
is_map(const struct step *s)
{
    return s->kind == STEP_MAP || s->kind == STEP_UNMAP || s->kind == STEP_CHANGE;
}

static bool
is_tce(const struct step *s)
{
    return s->kind >= STEP_H_PUT_TCE && s->kind <= STEP_H_GET_TCE;
}

static uint64_t *
iova_of(struct step *s)
{
    return is_map(s)               ? &s->u.map.iova
           : s->kind == STEP_FLUSH ? &s->u.flush.iova
           : s->kind == STEP_DMA   ? &s->u.dma.iova
           : s->kind == STEP_PTE   ? &s->u.pte.iova
                                   : NULL;
}

static uint64_t *
gpa_of(struct step *s)
{
    return is_map(s) && s->u.map.has_gpa                       ? &s->u.map.gpa
           : s->kind == STEP_MEM || s->kind == STEP_MEM_EXPECT ? &s->u.mem.gpa
                                                               : NULL;
}

static uint64_t *
value_of(struct step *s)
{
    return s->kind == STEP_MMIO || s->kind == STEP_MMIO_EXPECT ? &s->u.mmio.value
           : s->kind == STEP_PTE                               ? &s->u.pte.value
                                                               : NULL;
}

uint64_t *
step_number(struct step *s, enum stride_key key)
{
    switch (key) {
    case STRIDE_IOVA:
        return iova_of(s);
    case STRIDE_SIZE:
        return is_map(s)               ? &s->u.map.size
               : s->kind == STEP_FLUSH ? &s->u.flush.size
                                       : NULL;
    case STRIDE_GPA:
        return gpa_of(s);
    case STRIDE_IOBA:
        return is_tce(s) ? &s->u.tce.ioba : NULL;
    case STRIDE_TCE:
        return is_tce(s) && s->kind != STEP_H_GET_TCE && s->u.tce.values == NULL
                   ? &s->u.tce.tce
                   : NULL;
    case STRIDE_VALUE:
        return value_of(s);
    case STRIDE_NPAGES:
        return s->kind == STEP_H_STUFF_TCE || s->kind == STEP_H_PUT_TCE_INDIRECT
                   ? &s->u.tce.npages
                   : NULL;
    case STRIDE_LIOBN:
        return is_tce(s) ? &s->u.tce.liobn : NULL;
    case STRIDE_KEY_COUNT:
        break;
    }
    return NULL;
}

void
step_cursor_init(struct step_cursor *c, const struct step *first)
{
    c->depth = 0;
    c->frame[0].at = first;
    c->frame[0].i = 0;
}

/* Loop frames above the innermost hold the loop entered and its iteration. */
static void
apply_strides(const struct step_cursor *c, struct step *out)
{
    for (unsigned d = 0; d <= c->depth; d++) {
        const struct step_options *o = c->frame[d].at->opt;

        for (size_t i = 0; i < o->n_strides; i++) {
            uint64_t *number = step_number(out, o->strides[i].key);

            if (number != NULL) {
                *number += o->strides[i].by * c->frame[d].i;
            }
        }
    }
}

/* Past the step at the innermost frame, which has run once more. */
static void
advance(struct step_cursor *c)
{
    while (c->frame[c->depth].at != NULL &&
           ++c->frame[c->depth].i >= c->frame[c->depth].at->opt->repeat) {
        c->frame[c->depth].at = c->frame[c->depth].at->next;
        c->frame[c->depth].i = 0;
        if (c->frame[c->depth].at != NULL || c->depth == 0) {
            return;
        }
        c->depth--; /* that was the loop's last step; on with the loop itself */
    }
}

bool
step_cursor_next(struct step_cursor *c, struct step *out)
{
    const struct step *s;

    while ((s = c->frame[c->depth].at) != NULL && s->kind == STEP_LOOP) {
        assert(c->depth < STEP_DEPTH_MAX && s->u.loop != NULL);
        c->depth++;
        c->frame[c->depth].at = s->u.loop;
        c->frame[c->depth].i = 0;
    }
    if (s == NULL) {
        return false;
    }
    *out = *s;
    apply_strides(c, out);
    if (s->timing == STEP_AT && c->frame[c->depth].i > 0) {
        out->timing = STEP_READY;
    }
    advance(c);
    return true;
}

/* ---- what strides may do ------------------------------------------------ */

static const char *const stride_names[STRIDE_KEY_COUNT] = {
    [STRIDE_IOVA] = "iova",     [STRIDE_SIZE] = "size",   [STRIDE_GPA] = "gpa",
    [STRIDE_IOBA] = "ioba",     [STRIDE_TCE] = "tce",     [STRIDE_VALUE] = "value",
    [STRIDE_NPAGES] = "npages", [STRIDE_LIOBN] = "liobn",
};
const struct word_list stride_words = { stride_names, STRIDE_KEY_COUNT };

/* The last number that a stride makes of *first; false if it passes 2^64. */
static bool
last_number(uint64_t first, uint64_t by, uint64_t repeat, uint64_t *last)
{
    return !__builtin_mul_overflow(by, repeat - 1, last) &&
           !__builtin_add_overflow(first, *last, last);
}

/* Whether [gpa + k * by, + size) meets the table memory for a k in [1, repeat). */
static bool
meets_tables(const struct guest_config *g, const struct step_map *m, uint64_t by,
             uint64_t repeat)
{
    uint64_t first = g->table_base, last = first + g->table_size - 1;

    if (!g->has_table_memory || by == 0 || m->gpa > last) {
        return false;
    }
    uint64_t reach =
        m->gpa + m->size - 1; /* the first k whose end is not below the tables */
    uint64_t k = reach >= first ? 0 : (first - reach + by - 1) / by;

    return k < repeat && m->gpa + k * by <= last;
}

/* What is wrong with number `key` of a step becoming `last` in the end, or NULL. */
static const char *
stride_problem(const struct loader *l, const struct step *s,
               const struct step_stride *stride, uint64_t repeat, uint64_t last)
{
    uint64_t size = is_map(s) ? s->u.map.size : s->kind == STEP_DMA ? s->u.dma.size : 1;

    if (is_map(s) && (stride->by & PAGE_MASK) != 0) {
        return "is no multiple of 4KiB";
    }
    if (stride->key == STRIDE_SIZE) {
        return is_map(s) && last - 1 > UINT64_MAX - s->u.map.iova ? "passes 2^64" : NULL;
    }
    if (stride->key == STRIDE_IOVA) {
        unsigned bits = is_map(s) ? map_bits(l, &s->u.map) : 64;

        return size - 1 > UINT64_MAX - last ? "passes 2^64"
               : bits < 64 && (last + size - 1) >> bits != 0
                   ? "passes the bits that are translated"
                   : NULL;
    }
    if (stride->key == STRIDE_GPA && is_map(s)) {
        return last >> 52 != 0 || (last + size - 1) >> 52 != 0
                   ? "passes the end of guest-physical memory"
               : meets_tables(&l->sc->guest, &s->u.map, stride->by, repeat)
                   ? "meets the guest's table memory"
                   : NULL;
    }
    return NULL;
}

void
check_strides(struct loader *l, struct val where, const struct step *s,
              const struct step_options *o)
{
    for (; s != NULL; s = s->next) {
        if (s->kind == STEP_LOOP) {
            check_strides(l, where, s->u.loop, o);
            continue;
        }
        for (size_t i = 0; i < o->n_strides; i++) {
            const struct step_stride *stride = &o->strides[i];
            struct step copy = *s;
            const uint64_t *number = step_number(&copy, stride->key);
            uint64_t last = 0;

            if (number == NULL) {
                continue;
            }
            const char *problem = last_number(*number, stride->by, o->repeat, &last)
                                      ? stride_problem(l, s, stride, o->repeat, last)
                                      : "passes 2^64";

            if (problem != NULL) {
                load_error(l, where, "with this stride '%s' %s",
                           stride_words.words[stride->key], problem);
            }
        }
    }
}
