/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random portable steps over whole machines: a guest that keeps to the rules must
 * never be charged with a violation, nor anybody else under profile spec, whatever the
 * unit's options, the driver's policy, the kinds of subscribers and the latencies.
 *
 * Each round writes a scenario, which depends on nothing but its seed, and runs it
 * with latencies or without. A failing round prints its seed and its scenario.
 * IOMMUSIM_TEST_SEED and IOMMUSIM_TEST_ROUNDS choose others.
 */
#include "support_main.h"
#include "support_random.h"

#include <check.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 400, /* of each test */
    STEPS = 60,   /* of each actor, about */
    MAX_DEVICES = 4,
    MAX_DOMAINS = 3,
    MAX_ACTORS = 2,
    REGIONS = 4,
    REGION_PAGES = 1024,
};

#define FIRST_SEED UINT64_C(20161012)
#define PAGE       UINT64_C(4096)

/* What the guest knows of a page. */
enum page_state {
    FREE,
    MAPPED,
    DEFERRED, /* unmapped by a lazy driver: not to be used before a flush */
};

/* A page table as the guest means it to be: some stretches of 4 MiB. */
struct table {
    uint8_t pages[REGIONS][REGION_PAGES]; /* enum page_state */
    bool deferred;
};

struct round {
    uint64_t state; /* of the generator */
    FILE *out;
    bool papr, caching_mode, lazy, latency;
    bool scalable; /* VT-d */
    bool stages;   /* scalable: first stages, PASIDs and device TLBs */
    unsigned n_devices, n_tables, n_actors;
    const uint64_t *regions; /* their first bus addresses */
    bool plugged[MAX_DEVICES];
    struct table tables[MAX_DEVICES]; /* VT-d: of domains; PAPR: of devices */
    bool first[MAX_DEVICES];          /* of first-stage format */
    bool nested;                      /* some over the second stage of domain vm */
};

/* ---- drawing ---- */

static unsigned
below(struct round *r, unsigned n)
{
    return (unsigned)(rnd(&r->state) % n);
}

static bool
one_in(struct round *r, unsigned n)
{
    return below(r, n) == 0;
}

static const char *
pick(struct round *r, const char *const *words, unsigned n)
{
    return words[below(r, n)];
}
#define PICK(r, words) pick(r, words, sizeof(words) / sizeof((words)[0]))

/* ---- stretches of pages ---- */

struct stretch {
    struct table *table;
    unsigned index; /* of the table */
    unsigned region, first, n;
};

static struct stretch
draw_stretch(struct round *r, unsigned actor)
{
    static const unsigned sizes[] = { 1, 1, 1, 2, 3, 8, 16, 100, 512, 512, 700, 1024 };
    struct stretch s = { .index = below(r, r->n_tables) };

    s.table = &r->tables[s.index];
    s.region = below(r, REGIONS / r->n_actors) * r->n_actors + actor;
    s.n = sizes[below(r, r->papr ? 8 : 12)];
    s.first = one_in(r, 2) ? below(r, 2) * 512 : below(r, REGION_PAGES);
    if (s.first + s.n > REGION_PAGES) {
        s.first = REGION_PAGES - s.n;
    }
    return s;
}

static uint8_t *
pages_of(const struct stretch *s)
{
    return &s->table->pages[s->region][s->first];
}

static bool
all_are(const struct stretch *s, enum page_state state)
{
    for (unsigned i = 0; i < s->n; i++) {
        if (pages_of(s)[i] != state) {
            return false;
        }
    }
    return true;
}

static bool
holds(const struct stretch *s, enum page_state state)
{
    return memchr(pages_of(s), (int)state, s->n) != NULL;
}

static void
become(const struct stretch *s, enum page_state state)
{
    memset(pages_of(s), (int)state, s->n);
}

/* ---- steps ---- */

static void
put_place(struct round *r, const struct stretch *s)
{
    fprintf(r->out, "%s%u, iova: 0x%" PRIx64 ", size: %uKiB",
            r->papr ? "device: d" : "domain: t", s->index,
            r->regions[s->region] + s->first * PAGE, s->n * 4);
}

static void
put_target(struct round *r)
{
    uint64_t gpa = 0x1000000 + below(r, 0x8000) * PAGE;

    if (one_in(r, 2)) {
        gpa &= ~UINT64_C(0x1fffff);
    }
    fprintf(r->out, ", gpa: 0x%" PRIx64, gpa);
}

static void
put_perm(struct round *r)
{
    static const char *const perms[] = { "r", "w", "rw", "rw" };

    fprintf(r->out, ", perm: %s", PICK(r, perms));
}

/* A lazy driver may use addresses again after a flush only. */
static void
flush(struct round *r, const struct stretch *s)
{
    fprintf(r->out, "  - flush: {domain: t%u, scope: domain}\n", s->index);
    for (unsigned region = 0; region < REGIONS; region++) {
        for (unsigned i = 0; i < REGION_PAGES; i++) {
            uint8_t *page = &s->table->pages[region][i];
            *page = *page == DEFERRED ? FREE : *page;
        }
    }
}

static void
map(struct round *r, unsigned actor)
{
    struct stretch s = draw_stretch(r, actor);

    if (holds(&s, MAPPED)) {
        return;
    }
    if (holds(&s, DEFERRED)) {
        if (r->n_actors > 1) { /* another actor's flush is no promise to this one */
            return;
        }
        flush(r, &s);
    }
    fputs("  - map: {", r->out);
    put_place(r, &s);
    put_target(r);
    put_perm(r);
    fputs(one_in(r, 4) ? ", page: 4KiB}\n" : "}\n", r->out);
    become(&s, MAPPED);
}

static void
unmap(struct round *r, unsigned actor)
{
    struct stretch s = draw_stretch(r, actor);

    fputs("  - unmap: {", r->out);
    put_place(r, &s);
    fputs("}\n", r->out);
    bool deferred = r->lazy && !r->papr && (!r->caching_mode || r->first[s.index]);
    become(&s, deferred ? DEFERRED : FREE);
}

static void
change(struct round *r, unsigned actor)
{
    struct stretch s = draw_stretch(r, actor);
    bool target = one_in(r, 2);

    while (s.n > 1 && !all_are(&s, MAPPED)) {
        s.n /= 2;
    }
    if (!all_are(&s, MAPPED)) {
        return;
    }
    fputs("  - change: {", r->out);
    put_place(r, &s);
    if (target) {
        put_target(r);
    }
    if (!target || one_in(r, 2)) {
        put_perm(r);
    }
    fputs("}\n", r->out);
}

/* Of three PASIDs, or none. */
static void
put_pasid(struct round *r)
{
    if (r->stages && one_in(r, 2)) {
        fprintf(r->out, ", pasid: %u", 1 + below(r, 3));
    }
}

static void
dma(struct round *r, unsigned actor)
{
    struct stretch s = draw_stretch(r, actor);
    unsigned size = 1 + below(r, 20000), offset = below(r, 4096);

    fprintf(r->out, "  - dma: {device: d%u, iova: 0x%" PRIx64 ", size: %u, access: %s",
            below(r, r->n_devices), r->regions[s.region] + s.first * PAGE + offset, size,
            one_in(r, 2) ? "read" : "write");
    put_pasid(r);
    fputs("}\n", r->out);
}

static void
attach(struct round *r)
{
    unsigned device = below(r, r->n_devices);

    switch (below(r, 6)) {
    case 0:
        fprintf(r->out, "  - detach: {device: d%u", device);
        break;
    case 1:
        fprintf(r->out, "  - attach: {device: d%u, type: %s", device,
                one_in(r, 2) ? "passthrough" : "blocked");
        break;
    default:
        fprintf(r->out, "  - attach: {device: d%u, domain: t%u", device,
                below(r, r->n_tables));
    }
    put_pasid(r);
    fputs("}\n", r->out);
}

static void
plug(struct round *r)
{
    unsigned device = below(r, r->n_devices);

    fprintf(r->out, "  - %s: d%u\n", r->plugged[device] ? "unplug" : "hotplug", device);
    r->plugged[device] = !r->plugged[device];
}

static void
step(struct round *r, unsigned actor)
{
    unsigned what = below(r, 100);

    if (what < 30) {
        map(r, actor);
    } else if (what < 48) {
        unmap(r, actor);
    } else if (what < 58) {
        change(r, actor);
    } else if (what < 85) {
        dma(r, actor);
    } else if (what < 88) {
        fputs("  - check\n", r->out);
    } else if (actor != 0) {
        fprintf(r->out, "  - after: %uns\n    check: {}\n", below(r, 3000));
    } else if (what < 94 && !r->papr) {
        attach(r);
    } else if (what < 99) {
        plug(r);
    } else if (!r->papr && !(r->scalable && r->n_actors > 1)) {
        /* Another actor's step would find the queue off that it was to use. */
        fputs("  - reset: io0\n", r->out);
    }
}

/* ---- machines ---- */

static void
put_vtd(struct round *r, unsigned aw)
{
    static const char *const pages[] = { "[2MiB, 1GiB]", "[2MiB]", "[]" };
    static const char *const caches[] = { "1024", "1", "7", "none", "infinite" };
    static const char *const order[] = { "lru", "fifo", "random" };
    static const char *const mamv[] = { "18", "9", "0" };

    fprintf(r->out, "    io0: {model: intel-vtd, caching_mode: %s, aw_bits: %u,\n",
            r->caching_mode ? "on" : "off", aw);
    fprintf(r->out, "      superpages: %s, mamv: %s, queued_invalidation: %s,\n",
            PICK(r, pages), PICK(r, mamv), !r->scalable && one_in(r, 4) ? "off" : "on");
    if (r->scalable) {
        fprintf(r->out, "      mode: scalable, pasid_cache: {entries: %s},\n",
                PICK(r, caches));
        fprintf(r->out, "      paging_cache: {entries: %s},\n", PICK(r, caches));
    }
    if (r->stages) {
        fputs("      first_stage: on, pasid: on, device_iotlb: on,\n", r->out);
    }
    fprintf(r->out, "      write_buffer_flush: %s, domains: %s,\n",
            one_in(r, 4) ? "on" : "off", one_in(r, 4) ? "16" : "65536");
    fprintf(r->out, "      iotlb: {entries: %s, replacement: %s},\n", PICK(r, caches),
            PICK(r, order));
    fprintf(r->out, "      context_cache: {entries: %s}}\n", PICK(r, caches));
}

static const char *
draw_backend(struct round *r)
{
    static const char *const mirrors[] = { "vfio", "vhost", "[vfio, vhost]", "emulated",
                                           "[vfio, {backend: observer, name: o}]" };
    static const char *const caches[] = { "emulated", "vhost", "[vhost, emulated]" };
    static const char *const papr[] = { "vfio", "vhost", "[vfio, vhost]", "emulated" };
    static const char *const stages[] = {
        "emulated", "ats", "vhost",
        "[ats, {backend: ats, name: p1, pasid: 1}, {backend: ats, name: p2, pasid: 2}]"
    };

    if (r->stages) {
        return PICK(r, stages);
    }
    return r->papr ? PICK(r, papr) : r->caching_mode ? PICK(r, mirrors) : PICK(r, caches);
}

static void
put_machine(struct round *r, unsigned aw)
{
    fputs("iommusim: 1\nname: random\nmachine:\n  ram: 1GiB\n  iommus:\n", r->out);
    if (r->papr) {
        fputs("    io0: {model: papr-tce, window: {base: 0, size: 1GiB}}\n", r->out);
    } else {
        put_vtd(r, aw);
    }
    fputs("  devices:\n", r->out);
    for (unsigned i = 0; i < r->n_devices; i++) {
        r->plugged[i] = !one_in(r, 4);
        fprintf(r->out, "    d%u: {iommu: io0, backend: %s, plugged: %s%s}\n", i,
                draw_backend(r), r->plugged[i] ? "on" : "off",
                r->stages ? ", pasids: 4" : "");
    }
    fprintf(r->out, "guest:\n  driver: %s\n", r->lazy ? "lazy" : "strict");
    if (r->lazy) {
        static const char *const entries[] = { "1", "3", "256" };
        fprintf(r->out, "  flush: {entries: %s, timer: %s}\n", PICK(r, entries),
                one_in(r, 2) ? "10ms" : "2us");
    }
    if (!r->papr) {
        fputs("  domains:\n", r->out);
        const bool parent = r->stages && aw == 48 && one_in(r, 2);
        if (parent) {
            fputs("    vm: {iommu: io0, aw: 48}\n", r->out);
        }
        for (unsigned i = 0; i < r->n_tables; i++) {
            r->first[i] = r->stages && aw == 48 && one_in(r, 2);
            bool nested = r->first[i] && parent && !one_in(r, 3);
            r->nested |= nested;
            fprintf(r->out, "    t%u: {iommu: io0, aw: %u%s}\n", i,
                    !r->first[i] && one_in(r, 3) ? 39 : aw,
                    nested        ? ", type: nested, parent: vm"
                    : r->first[i] ? ", type: first-stage"
                                  : "");
        }
    }
}

/* Where nested tables and what they map lie, in the second stage at the same place. */
static void
put_parent(struct round *r)
{
    fputs("  - map: {domain: vm, iova: 0x3c000000, size: 64MiB, gpa: 0x3c000000}\n"
          "  - map: {domain: vm, iova: 0x1000000, size: 144MiB, gpa: 0x1000000}\n",
          r->out);
}

/* Some of what nested domains map goes elsewhere, for reading only, or away. */
static void
change_parent(struct round *r)
{
    uint64_t iova = 0x1000000 + below(r, 64) * UINT64_C(0x200000);

    fprintf(r->out, "  - unmap: {domain: vm, iova: 0x%" PRIx64 ", size: 2MiB}\n", iova);
    if (!one_in(r, 4)) {
        fprintf(r->out, "  - map: {domain: vm, iova: 0x%" PRIx64 ", size: 2MiB", iova);
        put_target(r);
        put_perm(r);
        fputs("}\n", r->out);
    }
}

static void
put_latencies(struct round *r)
{
    static const char *const kinds[] = { "pte_write",  "mmio",   "qi_fetch",
                                         "invalidate", "notify", "vfio_map",
                                         "vfio_unmap", "hcall",  "vhost_message",
                                         "dma" };

    if (!r->latency) {
        return;
    }
    fputs("latency:\n", r->out);
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (one_in(r, 2)) {
            fprintf(r->out, "  %s: {uniform: [0ns, %uns]}\n", kinds[i],
                    1 + below(r, 2000));
        }
    }
}

static void
put_scenario(struct round *r)
{
    static const uint64_t vtd[REGIONS] = { 0, 0x3fe00000, 0xfea00000,
                                           (UINT64_C(1) << 39) - 0x400000 };
    static const uint64_t papr[REGIONS] = { 0, 0x400000, 0x10000000, 0x3fc00000 };
    unsigned aw = one_in(r, 2) ? 39 : 48;

    r->regions = r->papr ? papr : vtd;
    r->n_devices = 1 + below(r, MAX_DEVICES);
    r->n_tables = r->papr ? 1 : 1 + below(r, MAX_DOMAINS);
    r->n_actors = r->latency ? 1 + below(r, MAX_ACTORS) : 1;
    put_machine(r, aw);
    put_latencies(r);
    fputs("actors:\n", r->out);
    for (unsigned actor = 0; actor < r->n_actors; actor++) {
        fprintf(r->out, "  a%u:\n  - check\n", actor);
        for (unsigned i = 0; actor == 0 && !r->papr && i < r->n_devices; i++) {
            fprintf(r->out, "  - attach: {device: d%u, domain: t%u}\n", i,
                    below(r, r->n_tables));
        }
        if (actor == 0 && r->nested) {
            put_parent(r);
        }
        for (unsigned i = 0; i < STEPS; i++) {
            step(r, actor);
            if (actor == 0 && r->nested && !r->lazy && one_in(r, 15)) {
                change_parent(r);
            }
        }
    }
}

/* ---- rounds ---- */

static void
run_rounds(const struct round *kind)
{
    uint64_t seed = FIRST_SEED, rounds = ROUNDS;

    random_rounds(&seed, &rounds);
    for (; rounds > 0; rounds--, seed++) {
        struct round *r = malloc(sizeof(*r));
        char *text;
        size_t len;

        *r = *kind;
        r->state = seed;
        r->latency = seed % 3 == 0;
        r->lazy = seed % 2 == 0;
        r->out = open_memstream(&text, &len);
        put_scenario(r);
        fclose(r->out);
        free(r);
        random_run(seed, text, len);
        free(text);
    }
}

START_TEST(vtd_with_caching_mode_stays_coherent)
{
    run_rounds(&(struct round){ .caching_mode = true });
}
END_TEST

START_TEST(vtd_without_caching_mode_stays_coherent)
{
    run_rounds(&(struct round){ .caching_mode = false });
}
END_TEST

START_TEST(vtd_in_scalable_mode_stays_coherent)
{
    run_rounds(&(struct round){ .caching_mode = _i != 0, .scalable = true });
}
END_TEST

START_TEST(vtd_with_pasids_and_device_tlbs_stays_coherent)
{
    run_rounds(
        &(struct round){ .caching_mode = _i != 0, .scalable = true, .stages = true });
}
END_TEST

START_TEST(papr_stays_coherent)
{
    run_rounds(&(struct round){ .papr = true });
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("machine/random");
    TCase *tc = tcase_create("all");

    tcase_set_timeout(tc, 600);
    tcase_add_test(tc, vtd_with_caching_mode_stays_coherent);
    tcase_add_test(tc, vtd_without_caching_mode_stays_coherent);
    tcase_add_loop_test(tc, vtd_in_scalable_mode_stays_coherent, 0, 2);
    tcase_add_loop_test(tc, vtd_with_pasids_and_device_tlbs_stays_coherent, 0, 2);
    tcase_add_test(tc, papr_stays_coherent);
    suite_add_tcase(s, tc);
    return s;
}
