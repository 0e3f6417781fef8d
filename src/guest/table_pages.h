/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest kernel's page allocator for table memory: pages for tables, queue and
 * status words. Fresh pages come in ascending order from the base; pages given back
 * are used again first, the last one given back first. So addresses depend on the
 * steps alone.
 */
#ifndef IOMMUSIM_GUEST_TABLE_PAGES_H
#define IOMMUSIM_GUEST_TABLE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/mem.h"

/* Addresses of pages, growing. All zero is empty. */
struct page_list {
    gpa_t *at;
    size_t n, capacity;
};
void page_list_add(struct page_list *l, gpa_t page);
void page_list_fini(struct page_list *l);

struct table_pages {
    struct mem *mem;    /* borrowed */
    uint64_t next, end; /* never handed out: [next, end), both page aligned */
    struct page_list spare;
};

void table_pages_init(struct table_pages *p, struct mem *mem, uint64_t base,
                      uint64_t size);
void table_pages_fini(struct table_pages *p);

/* A page of zeros, by address; false if there is none left. */
bool table_pages_take(struct table_pages *p, gpa_t *page);
/* n pages of zeros one behind the other, aligned to their number, a power of two. */
bool table_pages_take_many(struct table_pages *p, uint64_t n, gpa_t *first);
void table_pages_give(struct table_pages *p, gpa_t page);
/* Give back all of the list, first to last, and empty it. */
void table_pages_give_list(struct table_pages *p, struct page_list *l);

#endif
