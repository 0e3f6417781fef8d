/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the lowest layers cost, in ns of processor time: range map, guest memory
 * and event queue. Figures drift with the load of the machine; compare pairs of
 * one run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mem/mem.h"
#include "sim/sim.h"
#include "util/alloc.h"
#include "util/rangemap.h"

static double
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
report(const char *what, double began, uint64_t n)
{
    printf("%-52s %8.1f ns\n", what, (now_ns() - began) / (double)n);
}

static uint64_t
rnd(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static void
map_page(struct rangemap *m, uint64_t page)
{
    rangemap_insert(m, page * PAGE_BYTES, page * PAGE_BYTES + PAGE_MASK,
                    page * PAGE_BYTES, PERM_RW);
}

static void
unmap_page(struct rangemap *m, uint64_t page)
{
    rangemap_remove(m, page * PAGE_BYTES, page * PAGE_BYTES + PAGE_MASK);
}

/* `live` pages in a ring: the next one is mapped, the oldest unmapped. */
static void
bench_sequential(uint64_t live)
{
    enum { N = 2000000 };
    struct budget budget = { .limit = UINT64_MAX };
    struct rangemap m;
    char what[80];

    rangemap_init(&m, RANGEMAP_LINEAR, &budget);
    for (uint64_t i = 0; i < live; i++) {
        map_page(&m, i);
    }
    double began = now_ns();

    for (uint64_t i = 0; i < N; i++) {
        uint64_t next = (live + i) % (2 * live);

        map_page(&m, next);
        unmap_page(&m, i % (2 * live));
    }
    snprintf(what, sizeof(what), "rangemap insert+remove, ring, %.0e live", (double)live);
    report(what, began, N);
    printf("%-52s %8.2f bytes\n", "  bytes a mapping",
           (double)budget.used / (double)live);

    struct range_piece p;
    uint64_t from = 0, n = 0;

    began = now_ns();
    while (rangemap_next(&m, from, &p)) {
        from = p.last + 1;
        n++;
    }
    report("  walk by rangemap_next, a piece", began, n);
    rangemap_fini(&m);
}

/* Each step flips one page drawn from 2 * live. */
static void
bench_random(uint64_t live, uint64_t space)
{
    enum { N = 1000000 };
    struct budget budget = { .limit = UINT64_MAX };
    struct rangemap m;
    char what[80];
    uint64_t seed = 88172645463325252, *page = xcalloc(live, sizeof(*page));

    rangemap_init(&m, RANGEMAP_LINEAR, &budget);
    for (uint64_t i = 0; i < live; i++) {
        do {
            page[i] = rnd(&seed) % space;
        } while (
            rangemap_any(&m, page[i] * PAGE_BYTES, page[i] * PAGE_BYTES + PAGE_MASK));
        map_page(&m, page[i]);
    }
    double began = now_ns();

    for (uint64_t i = 0; i < N; i++) {
        uint64_t k = rnd(&seed) % live, fresh;

        do {
            fresh = rnd(&seed) % space;
        } while (rangemap_any(&m, fresh * PAGE_BYTES, fresh * PAGE_BYTES + PAGE_MASK));
        unmap_page(&m, page[k]);
        map_page(&m, fresh);
        page[k] = fresh;
    }
    snprintf(what, sizeof(what), "rangemap any+remove+insert, random, %.0e of %.0e",
             (double)live, (double)space);
    report(what, began, N);
    printf("%-52s %8.2f bytes\n", "  bytes a mapping",
           (double)budget.used / (double)live);

    struct range_piece p;
    uint64_t found = 0;

    began = now_ns();
    for (uint64_t i = 0; i < N; i++) {
        found += rangemap_lookup(&m, page[rnd(&seed) % live] * PAGE_BYTES, &p);
    }
    report("  lookup", began, found);
    rangemap_fini(&m);
    free(page);
}

/* One page comes and goes in a map that is otherwise empty. */
static void
bench_lone(void)
{
    enum { N = 2000000 };
    struct rangemap m;

    rangemap_init(&m, RANGEMAP_LINEAR, NULL);
    double began = now_ns();

    for (uint64_t i = 0; i < N; i++) {
        map_page(&m, 0xfffff);
        unmap_page(&m, 0xfffff);
    }
    report("rangemap insert+remove, the only page, 2^32 space", began, N);
    rangemap_fini(&m);
}

/* Reads of 8 bytes at 4 levels as a walker does, over `leaves` leaf tables. */
static void
bench_walk(uint64_t leaves)
{
    enum { N = 2000000 };
    struct mem *m = mem_new(NULL);
    uint64_t seed = 88172645463325252, sum = 0, table = 0x10000000;
    char what[80];

    mem_add_range(m, 0, (UINT64_C(1) << 32) - 1, MEM_RAM);
    for (uint64_t page = 0; page < leaves + 3; page++) {
        for (uint64_t i = 0; i < 512; i++) {
            mem_write64le(m, GPA(table + page * PAGE_BYTES + i * 8), i + 1);
        }
    }
    double began = now_ns();

    for (uint64_t i = 0; i < N; i++) {
        uint64_t r = rnd(&seed), leaf = 3 + (r >> 40) % leaves;

        sum += mem_read64le(m, GPA(table + (r & 0xff8)));
        sum += mem_read64le(m, GPA(table + PAGE_BYTES + (r >> 9 & 0xff8)));
        sum += mem_read64le(m, GPA(table + 2 * PAGE_BYTES + (r >> 18 & 0xff8)));
        sum += mem_read64le(m, GPA(table + leaf * PAGE_BYTES + (r >> 27 & 0xff8)));
    }
    snprintf(what, sizeof(what), "mem, 4 reads of a walk, %.0f leaf tables",
             (double)leaves);
    report(what, began, N);

    began = now_ns();
    for (uint64_t i = 0; i < N; i++) {
        mem_write64le(m, GPA(table + i % 512 * 8), i + sum);
    }
    report("mem, aligned 8-byte write", began, N);
    mem_free(m);
}

struct hold {
    struct sim *sim;
    uint64_t seed;
};

static void
again(void *self, uint64_t arg)
{
    struct hold *h = self;

    sim_at(h->sim, sim_now(h->sim) + rnd(&h->seed) % 1000, again, h, arg);
}

/* The hold model: each event adds its successor. */
static void
bench_queue(uint64_t pending)
{
    enum { N = 4000000 };
    struct hold h = { sim_new(1), 88172645463325252 };
    char what[80];

    for (uint64_t i = 0; i < pending; i++) {
        sim_at(h.sim, rnd(&h.seed) % 1000, again, &h, i);
    }
    double began = now_ns();

    for (uint64_t i = 0; i < N; i++) {
        sim_step(h.sim);
    }
    snprintf(what, sizeof(what), "sim, one event, %.0f pending", (double)pending);
    report(what, began, N);
    sim_free(h.sim);
}

int
main(void)
{
    bench_sequential(10000);
    bench_sequential(1000000);
    bench_random(10000, 20000);
    bench_random(1000000, 2000000);
    bench_random(100000, UINT64_C(1) << 36);
    bench_lone();
    bench_walk(1);
    bench_walk(200);
    bench_walk(10000);
    bench_queue(4);
    bench_queue(64);
    bench_queue(10000);
    return 0;
}
