/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The allocator of table memory: see table_pages.h. */
#include "guest/table_pages.h"

#include <stdlib.h>

#include "util/alloc.h"

enum { FIRST_CAPACITY = 8 };

void
page_list_add(struct page_list *l, gpa_t page)
{
    if (l->n == l->capacity) {
        l->capacity = l->capacity == 0 ? FIRST_CAPACITY : 2 * l->capacity;
        l->at = xrealloc(l->at, l->capacity, sizeof(*l->at));
    }
    l->at[l->n++] = page;
}

void
page_list_fini(struct page_list *l)
{
    free(l->at);
    *l = (struct page_list){ 0 };
}

void
table_pages_init(struct table_pages *p, struct mem *mem, uint64_t base, uint64_t size)
{
    *p = (struct table_pages){ .mem = mem, .next = base, .end = base + size };
}

void
table_pages_fini(struct table_pages *p)
{
    page_list_fini(&p->spare);
}

static void
clean(struct table_pages *p, gpa_t page)
{
    if (mem_page_touched(p->mem, page)) {
        mem_fill(p->mem, page, 0, PAGE_BYTES);
    }
}

bool
table_pages_take(struct table_pages *p, gpa_t *page)
{
    if (p->spare.n > 0) {
        *page = p->spare.at[--p->spare.n];
    } else if (p->next < p->end) {
        *page = GPA(p->next);
        p->next += PAGE_BYTES;
    } else {
        return false;
    }
    clean(p, *page);
    return true;
}

bool
table_pages_take_many(struct table_pages *p, uint64_t n, gpa_t *first)
{
    uint64_t bytes = n * PAGE_BYTES;

    if (n == 1) {
        return table_pages_take(p, first);
    }
    while ((p->next & (bytes - 1)) != 0 && p->next < p->end) {
        table_pages_give(p, GPA(p->next));
        p->next += PAGE_BYTES;
    }
    if (p->end - p->next < bytes) {
        return false;
    }
    *first = GPA(p->next);
    p->next += bytes;
    for (uint64_t at = first->v; at < p->next; at += PAGE_BYTES) {
        clean(p, GPA(at));
    }
    return true;
}

void
table_pages_give(struct table_pages *p, gpa_t page)
{
    page_list_add(&p->spare, page);
}

void
table_pages_give_list(struct table_pages *p, struct page_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        table_pages_give(p, l->at[i]);
    }
    l->n = 0;
}
