/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sparse guest memory: see mem.h. A page has a descriptor once it was written or
 * watched, and words once something other than zero was stored in it; only RAM
 * ever gets words, so that whoever finds them need not look at the ranges.
 *
 * Descriptors are found by page number through a range map, which gives an index
 * into a table; a direct-mapped cache of the last ones stands before it.
 */
#include "mem/mem.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "util/rangemap.h"

enum {
    PAGE_WORDS = PAGE_BYTES / 8,
    LINE_BYTES = PAGE_BYTES / 64,
    CACHE_LG2 = 9,
    CACHE_SLOTS = 1 << CACHE_LG2,
};

struct page {
    uint64_t number;
    uint64_t *words; /* PAGE_WORDS, bytes as the guest sees them; NULL: all zero */
    uint64_t lines;  /* bit i: something was stored in words 8i to 8i + 7 */
    void *cookie;    /* of its own watch, or NULL */
};

/* What was looked up last; lookups change it, too. */
struct lookups {
    struct page *page[CACHE_SLOTS]; /* by low bits of the number */
    struct page none;               /* stands where nothing was looked up yet */
    size_t range;                   /* position in mem.ranges */
};

struct mem {
    struct lookups *last;
    struct page **pages; /* n_pages, in the order of their making */
    size_t n_pages, pages_size;
    struct rangemap index; /* page -> position in `pages`, shifted to be page aligned */
    struct arena descriptors;
    uint64_t resident;
    struct budget *budget;

    struct mem_range *ranges; /* in address order */
    size_t n_ranges;
    struct rangemap discarded; /* blocks of RAM that are away */

    mem_watch_fn *watcher;
    void *watcher_self;
    void *watch_all;
};

/* --- ranges --- */

struct mem *
mem_new(struct budget *budget)
{
    struct mem *m = xcalloc(1, sizeof(*m));

    m->last = xcalloc(1, sizeof(*m->last));
    m->last->none.number = UINT64_MAX; /* of no address */
    for (size_t i = 0; i < CACHE_SLOTS; i++) {
        m->last->page[i] = &m->last->none;
    }
    m->budget = budget;
    rangemap_init(&m->index, RANGEMAP_CONSTANT, budget);
    rangemap_init(&m->discarded, RANGEMAP_CONSTANT, budget);
    arena_init(&m->descriptors);
    return m;
}

void
mem_free(struct mem *m)
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < m->n_pages; i++) {
        free(m->pages[i]->words);
    }
    budget_return(m->budget, m->resident + m->n_pages * sizeof(struct page));
    rangemap_fini(&m->index);
    rangemap_fini(&m->discarded);
    arena_fini(&m->descriptors);
    free(m->pages);
    free(m->ranges);
    free(m->last);
    free(m);
}

/* The number of ranges that end before `addr`. */
static size_t
ranges_before(const struct mem *m, uint64_t addr)
{
    size_t lo = 0, hi = m->n_ranges;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (m->ranges[mid].last < addr) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

void
mem_add_range(struct mem *m, uint64_t first, uint64_t last, enum mem_kind kind)
{
    size_t at = ranges_before(m, first);

    assert(first <= last && is_aligned(first, PAGE_LG2) &&
           (last & PAGE_MASK) == PAGE_MASK);
    assert(at == m->n_ranges || last < m->ranges[at].first);
    m->ranges = xrealloc(m->ranges, m->n_ranges + 1, sizeof(*m->ranges));
    memmove(&m->ranges[at + 1], &m->ranges[at], (m->n_ranges - at) * sizeof(*m->ranges));
    m->ranges[at] = (struct mem_range){ .first = first, .last = last, .kind = kind };
    m->n_ranges++;
}

void
mem_set_block(struct mem *m, gpa_t addr, uint64_t block)
{
    struct mem_range *r = &m->ranges[ranges_before(m, addr.v)];

    assert(addr.v >= r->first && r->kind == MEM_RAM && is_pow2(block));
    assert(((r->first | (r->last + 1)) & (block - 1)) == 0);
    r->block = block;
}

size_t
mem_range_count(const struct mem *m)
{
    return m->n_ranges;
}

const struct mem_range *
mem_range_at(const struct mem *m, size_t i)
{
    return &m->ranges[i];
}

const struct mem_range *
mem_range_of(const struct mem *m, gpa_t addr)
{
    size_t i = m->last->range;

    if (i >= m->n_ranges || addr.v < m->ranges[i].first || addr.v > m->ranges[i].last) {
        i = ranges_before(m, addr.v);
        if (i == m->n_ranges || addr.v < m->ranges[i].first) {
            return NULL;
        }
        m->last->range = i;
    }
    return &m->ranges[i];
}

static enum mem_kind
kind_of(const struct mem *m, gpa_t addr)
{
    const struct mem_range *r = mem_range_of(m, addr);

    return r != NULL ? r->kind : MEM_HOLE;
}

/* --- pages --- */

/* The same by the index; it is in the cache afterwards. */
static __attribute__((noinline)) struct page *
page_look_up(const struct mem *m, gpa_t addr)
{
    struct range_piece p;

    if (!rangemap_lookup(&m->index, addr.v, &p)) {
        return NULL;
    }
    struct page *pg = m->pages[p.target >> PAGE_LG2];
    m->last->page[pg->number % CACHE_SLOTS] = pg;
    return pg;
}

/* The page of addr, or NULL: nearly always a page that was asked for before. */
static inline struct page *
page_find(const struct mem *m, gpa_t addr)
{
    uint64_t number = addr.v >> PAGE_LG2;
    struct page *cached = m->last->page[number % CACHE_SLOTS];

    return cached->number == number ? cached : page_look_up(m, addr);
}

static struct page *
page_find_or_add(struct mem *m, gpa_t addr)
{
    struct page *pg = page_find(m, addr);
    uint64_t first = align_down(addr.v, PAGE_LG2);

    if (pg != NULL) {
        return pg;
    }
    if (m->n_pages == m->pages_size) {
        m->pages_size = m->pages_size == 0 ? 64 : m->pages_size * 2;
        m->pages = xrealloc(m->pages, m->pages_size, sizeof(*m->pages));
    }
    pg = arena_alloc(&m->descriptors, sizeof(*pg));
    pg->number = addr.v >> PAGE_LG2;
    rangemap_insert(&m->index, first, first | PAGE_MASK, (uint64_t)m->n_pages << PAGE_LG2,
                    PERM_NONE);
    m->pages[m->n_pages++] = pg;
    budget_spend(m->budget, sizeof(*pg));
    return pg;
}

/* Words for a page of RAM that has none. */
static void
page_populate(struct mem *m, struct page *pg)
{
    pg->words = xcalloc(PAGE_WORDS, sizeof(uint64_t));
    m->resident += PAGE_BYTES;
    budget_spend(m->budget, PAGE_BYTES);
}

bool
mem_page_touched(const struct mem *m, gpa_t page)
{
    return mem_page_words(m, page) != NULL;
}

const uint64_t *
mem_page_words(const struct mem *m, gpa_t page)
{
    const struct page *pg = page_find(m, page);

    return pg != NULL ? pg->words : NULL;
}

const uint64_t *
mem_page_lines(const struct mem *m, gpa_t page, uint64_t *lines)
{
    const struct page *pg = page_find(m, page);

    *lines = pg != NULL ? pg->lines : 0;
    return pg != NULL ? pg->words : NULL;
}

bool
mem_next_touched(const struct mem *m, gpa_t page, gpa_t *out)
{
    struct range_piece p;

    for (uint64_t at = page.v; rangemap_next(&m->index, at, &p); at = p.last + 1) {
        if (m->pages[p.target >> PAGE_LG2]->words != NULL) {
            *out = GPA(p.first);
            return true;
        }
    }
    return false;
}

uint64_t
mem_resident(const struct mem *m)
{
    return m->resident;
}

/* --- watching --- */

void
mem_set_watcher(struct mem *m, mem_watch_fn *fn, void *self)
{
    m->watcher = fn;
    m->watcher_self = self;
}

void
mem_watch_page(struct mem *m, gpa_t page, void *cookie)
{
    struct page *pg = cookie != NULL ? page_find_or_add(m, page) : page_find(m, page);

    if (pg != NULL) {
        pg->cookie = cookie;
    }
}

void
mem_watch_all(struct mem *m, void *cookie)
{
    m->watch_all = cookie;
}

void *
mem_watch_cookie(const struct mem *m, gpa_t page)
{
    const struct page *pg = page_find(m, page);

    return pg != NULL ? pg->cookie : NULL;
}

static bool
is_watched(const struct mem *m, const struct page *pg)
{
    return (pg->cookie != NULL || m->watch_all != NULL) && m->watcher != NULL;
}

static __attribute__((noinline)) void
tell_watcher(const struct mem *m, const struct page *pg, unsigned i, uint64_t old,
             uint64_t word)
{
    gpa_t at = GPA((pg->number << PAGE_LG2) + i * UINT64_C(8));
    void *cookie = pg->cookie != NULL ? pg->cookie : m->watch_all;

    m->watcher(m->watcher_self, at, cookie, le64toh(old), le64toh(word));
}

/* Store a word (bytes in guest order) and tell the watcher if it changed. */
static inline void
store_word(struct mem *m, struct page *pg, unsigned i, uint64_t word)
{
    uint64_t old = pg->words[i];

    if (old == word) {
        return;
    }
    pg->words[i] = word;
    pg->lines |= UINT64_C(1) << i / 8;
    if (is_watched(m, pg)) {
        tell_watcher(m, pg, i, old, word);
    }
}

/* --- bytes --- */

/* The part of [addr, addr + len) within the page of addr. */
static size_t
chunk_len(gpa_t addr, uint64_t len)
{
    uint64_t room = PAGE_BYTES - (addr.v & PAGE_MASK);

    return (size_t)(len < room ? len : room);
}

/* Bytes of [addr, addr + len) that lie below 2^64. */
static uint64_t
len_below_end(gpa_t addr, uint64_t len)
{
    return len == 0 ? 0 : range_last(addr.v, len) - addr.v + 1;
}

/* Within one page. */
static inline bool
read_chunk(const struct mem *m, gpa_t addr, unsigned char *buf, size_t len)
{
    const struct page *pg = page_find(m, addr);

    if (pg != NULL && pg->words != NULL) {
        memcpy(buf, (const unsigned char *)pg->words + (addr.v & PAGE_MASK), len);
        return true;
    }
    enum mem_kind kind = kind_of(m, addr);
    bool ok = kind == MEM_RAM || kind == MEM_ROM;

    memset(buf, ok ? 0x00 : 0xff, len);
    return ok;
}

bool
mem_read(const struct mem *m, gpa_t addr, void *buf, size_t len)
{
    if (len <= PAGE_BYTES - (addr.v & PAGE_MASK)) { /* the common case, fast */
        return read_chunk(m, addr, buf, len);
    }
    unsigned char *to = buf;
    size_t left = (size_t)len_below_end(addr, len);
    bool ok = left == len;

    memset(to + left, 0xff, len - left);
    while (left > 0) {
        size_t n = chunk_len(addr, left);

        ok &= read_chunk(m, addr, to, n);
        addr.v += n;
        to += n;
        left -= n;
    }
    return ok;
}

/* Store bytes word by word, so that each change is told on its own. */
static void
store_words(struct mem *m, struct page *pg, size_t offset, const unsigned char *from,
            size_t len)
{
    while (len > 0) {
        size_t in_word = offset % 8;
        size_t n = 8 - in_word < len ? 8 - in_word : len;
        uint64_t word = pg->words[offset / 8];

        memcpy((unsigned char *)&word + in_word, from, n);
        store_word(m, pg, (unsigned)(offset / 8), word);
        offset += n;
        from += n;
        len -= n;
    }
}

static bool
all_zero(const unsigned char *p, size_t len)
{
    return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

/* The page of `addr` with words to store `from` in; NULL if that would change nothing. */
static struct page *
page_for_store(struct mem *m, gpa_t addr, const unsigned char *from, size_t len)
{
    struct page *pg = page_find(m, addr);

    if (pg != NULL && pg->words != NULL) {
        return pg;
    }
    if (kind_of(m, addr) != MEM_RAM || all_zero(from, len)) {
        return NULL;
    }
    pg = page_find_or_add(m, addr);
    page_populate(m, pg);
    return pg;
}

/* The bits in page.lines of `len` bytes from `offset` on, which are not none. */
static uint64_t
lines_of(uint64_t offset, size_t len)
{
    const uint64_t from = offset / LINE_BYTES, to = (offset + len - 1) / LINE_BYTES;

    return UINT64_MAX << from & UINT64_MAX >> (63 - to);
}

static bool
write_chunk(struct mem *m, gpa_t addr, const unsigned char *from, size_t len)
{
    struct page *pg = page_for_store(m, addr, from, len);

    if (pg == NULL) {
        return kind_of(m, addr) == MEM_RAM;
    }
    if (is_watched(m, pg)) {
        store_words(m, pg, addr.v & PAGE_MASK, from, len);
    } else {
        memcpy((unsigned char *)pg->words + (addr.v & PAGE_MASK), from, len);
        pg->lines |= lines_of(addr.v & PAGE_MASK, len);
    }
    return true;
}

bool
mem_write(struct mem *m, gpa_t addr, const void *buf, size_t len)
{
    const unsigned char *from = buf;
    size_t left = (size_t)len_below_end(addr, len);
    bool ok = left == len;

    while (left > 0) {
        size_t n = chunk_len(addr, left);

        ok &= write_chunk(m, addr, from, n);
        addr.v += n;
        from += n;
        left -= n;
    }
    return ok;
}

/* --- filling --- */

/* Whether all of [first, last] is RAM. */
static bool
is_all_ram(const struct mem *m, uint64_t first, uint64_t last)
{
    for (size_t i = ranges_before(m, first); i < m->n_ranges; i++) {
        const struct mem_range *r = &m->ranges[i];

        if (r->first > first || r->kind != MEM_RAM) {
            return false;
        }
        if (r->last >= last) {
            return true;
        }
        first = r->last + 1;
    }
    return false;
}

/* Fill the RAM of [first, last] page by page, for as long as the budget lasts. */
static void
fill_ram(struct mem *m, uint64_t first, uint64_t last, const unsigned char *pattern)
{
    while (m->budget == NULL || !m->budget->exceeded) {
        size_t i = ranges_before(m, first);

        if (i == m->n_ranges || m->ranges[i].first > last) {
            return;
        }
        const struct mem_range *r = &m->ranges[i];
        uint64_t start = first > r->first ? first : r->first;
        uint64_t stop = r->last; /* other than RAM is passed over whole */

        if (r->kind == MEM_RAM) {
            stop = (start | PAGE_MASK) < last ? start | PAGE_MASK : last;
            write_chunk(m, GPA(start), pattern, (size_t)(stop - start + 1));
        }
        if (stop >= last) {
            return;
        }
        first = stop + 1;
    }
}

/* Zero what was touched of [first, last]; the rest is zero already. */
static void
fill_touched(struct mem *m, uint64_t first, uint64_t last, const unsigned char *zeros)
{
    struct range_piece p;

    while (rangemap_next_until(&m->index, first, last, &p)) {
        uint64_t start = p.first > first ? p.first : first;
        uint64_t stop = p.last < last ? p.last : last;

        write_chunk(m, GPA(start), zeros, (size_t)(stop - start + 1));
        if (stop == last) {
            return;
        }
        first = stop + 1;
    }
}

bool
mem_fill(struct mem *m, gpa_t addr, uint8_t byte, uint64_t len)
{
    unsigned char pattern[PAGE_BYTES];

    if (len == 0) {
        return true;
    }
    uint64_t first = addr.v, last = range_last(first, len);

    memset(pattern, byte, sizeof(pattern));
    if (byte == 0) {
        fill_touched(m, first, last, pattern);
    } else {
        fill_ram(m, first, last, pattern);
    }
    return len_below_end(addr, len) == len && is_all_ram(m, first, last);
}

/* --- discarded RAM --- */

void
mem_discard(struct mem *m, gpa_t first, gpa_t last)
{
    mem_fill(m, first, 0, last.v - first.v + 1);
    rangemap_remove(&m->discarded, first.v, last.v);
    rangemap_insert(&m->discarded, first.v, last.v, 0, PERM_NONE);
}

void
mem_populate(struct mem *m, gpa_t first, gpa_t last)
{
    mem_fill(m, first, 0, last.v - first.v + 1);
    rangemap_remove(&m->discarded, first.v, last.v);
}

static __attribute__((noinline)) bool
is_in_discarded(const struct mem *m, gpa_t addr, uint64_t *last)
{
    struct range_piece p;

    if (!rangemap_next_until(&m->discarded, addr.v, *last, &p)) {
        return false;
    }
    const bool here = p.first <= addr.v;
    uint64_t end = here ? p.last : p.first - 1;
    while (here && end < *last && rangemap_lookup(&m->discarded, end + 1, &p)) {
        end = p.last;
    }
    *last = end < *last ? end : *last;
    return here;
}

bool
mem_is_discarded(const struct mem *m, gpa_t addr, uint64_t *last)
{
    return m->discarded.entries != 0 && is_in_discarded(m, addr, last);
}

/* --- numbers --- */

uint64_t
mem_read64le(const struct mem *m, gpa_t addr)
{
    uint64_t raw;

    if (is_aligned(addr.v, 3)) {
        const struct page *pg = page_find(m, addr);

        if (pg != NULL && pg->words != NULL) {
            return le64toh(pg->words[(addr.v & PAGE_MASK) / 8]);
        }
    }
    return mem_read(m, addr, &raw, sizeof(raw)) ? le64toh(raw) : UINT64_MAX;
}

/* No page has them: zeros, or no memory. */
static __attribute__((noinline)) bool
read_no_words(const struct mem *m, gpa_t addr, uint64_t *words, size_t n)
{
    return mem_read(m, addr, words, n * sizeof(*words));
}

bool
mem_read_words(const struct mem *m, gpa_t addr, uint64_t *words, size_t n)
{
    const struct page *pg = page_find(m, addr);
    const size_t at = (addr.v & PAGE_MASK) / 8;

    assert(is_aligned(addr.v, 3) && at + n <= PAGE_WORDS);
    if (pg == NULL || pg->words == NULL) {
        return read_no_words(m, addr, words, n);
    }
    for (size_t i = 0; i < n; i++) {
        words[i] = le64toh(pg->words[at + i]);
    }
    return true;
}

uint64_t
mem_read64be(const struct mem *m, gpa_t addr)
{
    return __builtin_bswap64(mem_read64le(m, addr));
}

uint32_t
mem_read32le(const struct mem *m, gpa_t addr)
{
    uint32_t raw;

    if (is_aligned(addr.v, 2)) {
        const struct page *pg = page_find(m, addr);

        if (pg != NULL && pg->words != NULL) {
            memcpy(&raw, (const unsigned char *)pg->words + (addr.v & PAGE_MASK), 4);
            return le32toh(raw);
        }
    }
    return mem_read(m, addr, &raw, sizeof(raw)) ? le32toh(raw) : UINT32_MAX;
}

bool
mem_write64le(struct mem *m, gpa_t addr, uint64_t v)
{
    uint64_t raw = htole64(v);

    if (is_aligned(addr.v, 3)) {
        struct page *pg = page_find(m, addr);

        if (pg != NULL && pg->words != NULL) {
            store_word(m, pg, (unsigned)(addr.v & PAGE_MASK) / 8, raw);
            return true;
        }
    }
    return mem_write(m, addr, &raw, sizeof(raw));
}

bool
mem_write64be(struct mem *m, gpa_t addr, uint64_t v)
{
    return mem_write64le(m, addr, __builtin_bswap64(v));
}

bool
mem_write32le(struct mem *m, gpa_t addr, uint32_t v)
{
    uint32_t raw = htole32(v);

    if (is_aligned(addr.v, 2)) {
        struct page *pg = page_find(m, addr);

        if (pg != NULL && pg->words != NULL) {
            unsigned i = (unsigned)(addr.v & PAGE_MASK) / 8;
            uint64_t word = pg->words[i];

            memcpy((unsigned char *)&word + (addr.v & 7), &raw, sizeof(raw));
            store_word(m, pg, i, word);
            return true;
        }
    }
    return mem_write(m, addr, &raw, sizeof(raw));
}
