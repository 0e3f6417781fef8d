/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See dirty.h. */
#include "mem/dirty.h"

#include "util/addr.h"

void
page_set_add(struct rangemap *set, uint64_t first, uint64_t last)
{
    const uint64_t a = align_down(first, PAGE_LG2), z = last | PAGE_MASK;

    rangemap_remove(set, a, z);
    rangemap_insert(set, a, z, 0, PERM_NONE);
}

void
dirty_start(struct dirty *d, struct budget *budget)
{
    dirty_fini(d);
    *d = (struct dirty){ .on = true };
    rangemap_init(&d->log, RANGEMAP_CONSTANT, budget);
    rangemap_init(&d->written, RANGEMAP_CONSTANT, budget);
}

void
dirty_fini(struct dirty *d)
{
    rangemap_fini(&d->log);
    rangemap_fini(&d->written);
}

void
dirty_mark(struct dirty *d, uint64_t first, uint64_t last)
{
    page_set_add(&d->log, first, last);
}

void
dirty_written(struct dirty *d, uint64_t first, uint64_t last)
{
    page_set_add(&d->written, first, last);
}

bool
dirty_next(const struct dirty *d, uint64_t from, uint64_t *first, uint64_t *last)
{
    struct range_piece p;

    if (d->log.entries == 0 || !rangemap_next(&d->log, from, &p)) {
        return false;
    }
    *first = p.first > from ? p.first : align_down(from, PAGE_LG2);
    *last = p.last;
    while (*last != UINT64_MAX && rangemap_lookup(&d->log, *last + 1, &p)) {
        *last = p.last;
    }
    return true;
}

uint64_t
dirty_pages(const struct dirty *d)
{
    return d->log.pages;
}

uint64_t
dirty_missed(const struct dirty *d)
{
    uint64_t missed = d->written.pages;
    struct range_piece w, l;

    for (uint64_t at = 0; missed != 0 && rangemap_next(&d->written, at, &w);
         at = w.last + 1) {
        for (uint64_t from = w.first;
             d->log.entries != 0 && rangemap_next_until(&d->log, from, w.last, &l);
             from = l.last + 1) {
            const uint64_t a = l.first > w.first ? l.first : w.first;
            const uint64_t z = l.last < w.last ? l.last : w.last;
            missed -= (z - a + 1) >> PAGE_LG2;
            if (l.last >= w.last) {
                break;
            }
        }
    }
    return missed;
}
