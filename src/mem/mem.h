/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Guest-physical memory: sparse, up to the 52-bit space, in 4 KiB pages that
 * exist only once something other than zero was written to them.
 *
 * Ranges are RAM, ROM (reads as RAM, writes of devices and guests are dropped)
 * or MMIO (addressable, but not memory: reads give all ones, writes vanish).
 * What lies in no range is a hole and behaves as MMIO. Every read is defined:
 * RAM that was never written reads as zero.
 *
 * RAM can be in blocks that are taken away and given back while the machine runs: memory
 * that is unplugged, or a balloon. It stays RAM while it is discarded, but the guest has
 * no business there, and a host page that was pinned for it is the guest's no more.
 *
 * A page can be watched: each store that changes an aligned 8-byte word of a
 * watched page is told to the watcher before the call returns, whoever stored.
 */
#ifndef IOMMUSIM_MEM_MEM_H
#define IOMMUSIM_MEM_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/alloc.h"

enum mem_kind { MEM_HOLE, MEM_RAM, MEM_ROM, MEM_MMIO };

struct mem_range {
    uint64_t first, last; /* guest-physical, inclusive, page aligned bounds */
    enum mem_kind kind;
    uint64_t block; /* RAM: what is taken and given as a whole, bytes; 0: all stays */
};

struct mem;

struct mem *mem_new(struct budget *budget); /* budget borrowed, may be NULL */
void mem_free(struct mem *m);

/* Add a range; it must not overlap an earlier one. Ranges are kept in address order. */
void mem_add_range(struct mem *m, uint64_t first, uint64_t last, enum mem_kind kind);
/* The range that holds `addr`, which is RAM, is in blocks of so many bytes; all are
 * there. */
void mem_set_block(struct mem *m, gpa_t addr, uint64_t block);
size_t mem_range_count(const struct mem *m);
const struct mem_range *mem_range_at(const struct mem *m, size_t i);

/* The range that holds `addr`, or NULL for a hole. */
const struct mem_range *mem_range_of(const struct mem *m, gpa_t addr);
static inline bool mem_is_ram(const struct mem *m, gpa_t addr);

/* Take whole blocks, with their contents, or give them back, all zero. */
void mem_discard(struct mem *m, gpa_t first, gpa_t last);
void mem_populate(struct mem *m, gpa_t first, gpa_t last);
/* Whether the page at `addr` is discarded; *last is cut to where that goes on. */
bool mem_is_discarded(const struct mem *m, gpa_t addr, uint64_t *last);

/*
 * Bytes. An access may cross pages and ranges; false if any byte of it lies
 * outside RAM (and ROM, for reads): the part inside is still done, the rest reads
 * as all ones or is dropped. What would lie above 2^64 - 1 is outside. A fill
 * with zeros costs what was touched, any other what it covers; it ends early when
 * it goes over the budget.
 */
bool mem_read(const struct mem *m, gpa_t addr, void *buf, size_t len);
bool mem_write(struct mem *m, gpa_t addr, const void *buf, size_t len);
bool mem_fill(struct mem *m, gpa_t addr, uint8_t byte, uint64_t len);

/* n little-endian words at an aligned address, in one page; as mem_read. */
bool mem_read_words(const struct mem *m, gpa_t addr, uint64_t *words, size_t n);

/* Numbers. Any alignment; aligned ones are fast. A failed read returns all ones. */
uint64_t mem_read64le(const struct mem *m, gpa_t addr);
uint64_t mem_read64be(const struct mem *m, gpa_t addr);
uint32_t mem_read32le(const struct mem *m, gpa_t addr);
bool mem_write64le(struct mem *m, gpa_t addr, uint64_t v);
bool mem_write64be(struct mem *m, gpa_t addr, uint64_t v);
bool mem_write32le(struct mem *m, gpa_t addr, uint32_t v);

/*
 * Whether the page at `page` (page aligned) holds anything but zeros, in time
 * independent of its contents; false negatives never, false positives allowed.
 */
bool mem_page_touched(const struct mem *m, gpa_t page);

/* The 512 little-endian words of a touched page for reading in place, or NULL. */
const uint64_t *mem_page_words(const struct mem *m, gpa_t page);

/*
 * The same for one who looks for those that are not zero: where bit i of *lines is clear,
 * words 8i to 8i + 7 are zero.
 */
const uint64_t *mem_page_lines(const struct mem *m, gpa_t page, uint64_t *lines);

/* The first touched page at or after `page` (page aligned); false if there is none. */
bool mem_next_touched(const struct mem *m, gpa_t page, gpa_t *out);

/* Bytes of pages that exist now. */
uint64_t mem_resident(const struct mem *m);

/*
 * Watching. One watcher for a memory; `cookie` is the caller's for that page, NULL
 * stops the watch. The callback gets each changed aligned word as the bytes
 * stand in memory read little-endian, after the store. It may read memory and
 * change watches, it must not write.
 */
typedef void mem_watch_fn(void *self, gpa_t word, void *cookie, uint64_t old_le,
                          uint64_t new_le);
void mem_set_watcher(struct mem *m, mem_watch_fn *fn, void *self);
void mem_watch_page(struct mem *m, gpa_t page, void *cookie);
/* Every page, those without a cookie of their own included; NULL stops it. */
void mem_watch_all(struct mem *m, void *cookie);
/* The page's own cookie, or NULL. */
void *mem_watch_cookie(const struct mem *m, gpa_t page);

static inline bool
mem_is_ram(const struct mem *m, gpa_t addr)
{
    const struct mem_range *r = mem_range_of(m, addr);

    return r != NULL && r->kind == MEM_RAM;
}

#endif
