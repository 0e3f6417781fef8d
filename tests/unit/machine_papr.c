/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random calls of a PAPR guest over whole machines: hypercalls and firmware calls, right
 * and wrong, on two bridges and a VIO adapter whose windows come, overlap, go and
 * migrate, with devices plugged and reset. Under profile spec nobody may ever be charged
 * with a violation, and every call is answered as a dumb re-statement of LoPAR says.
 *
 * Each round writes a scenario, which depends on nothing but its seed, and runs it. A
 * failing round prints its seed and its scenario. IOMMUSIM_TEST_SEED and
 * IOMMUSIM_TEST_ROUNDS choose others.
 */
#include "support_main.h"
#include "support_random.h"

#include <check.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iommu/papr_fmt.h"

enum {
    ROUNDS = 400,
    STEPS = 60,
    DEVICES = 4,
    BRIDGES = 2,
    VIO = BRIDGES, /* as an iommu's index */
    WINDOWS_MAX = 5,
};

#define FIRST_SEED UINT64_C(20150917)
#define RAM        (UINT64_C(512) << 20)

struct window {
    uint64_t base, size; /* size 0: there is none */
    unsigned page_lg2;
    bool is_default;
};

/* What the guest knows of a bridge. */
struct bridge {
    unsigned max_windows;
    uint64_t default_size, dynamic_base;
    struct window window[WINDOWS_MAX];
};

struct round {
    uint64_t state; /* of the generator */
    FILE *out;
    struct bridge bridge[BRIDGES];
    unsigned iommu_of[DEVICES];
    bool plugged[DEVICES];
};

/* ---- drawing ---- */

static unsigned
below(struct round *r, unsigned n)
{
    return (unsigned)(rnd(&r->state) % n);
}

static const char *
pick(struct round *r, const char *const *words, unsigned n)
{
    return words[below(r, n)];
}
#define PICK(r, words) pick(r, words, sizeof(words) / sizeof((words)[0]))

/* ---- the guest's idea of its windows ---- */

static unsigned
live(const struct bridge *b)
{
    unsigned n = 0;

    for (unsigned i = 0; i < WINDOWS_MAX; i++) {
        n += b->window[i].size != 0;
    }
    return n;
}

static void
to_default(struct bridge *b)
{
    for (unsigned i = 0; i < WINDOWS_MAX; i++) {
        b->window[i].size = 0;
    }
    b->window[0] =
        (struct window){ .size = b->default_size, .page_lg2 = 12, .is_default = true };
}

/* Create a window, and say what the firmware answers. */
static void
created(struct round *r, unsigned bridge, unsigned page_lg2, unsigned size_lg2)
{
    struct bridge *b = &r->bridge[bridge];
    unsigned i = 0;

    while (i < b->max_windows && b->window[i].size != 0) {
        i++;
    }
    if (size_lg2 < page_lg2 || size_lg2 - page_lg2 >= 32 || i == b->max_windows) {
        bool is_shape_bad = size_lg2 < page_lg2 || size_lg2 - page_lg2 >= 32;
        fprintf(r->out, "    expect: {rets: [%d]}\n", is_shape_bad ? -3 : -1);
        return;
    }
    uint64_t base = live(b) == 0 ? 0 : b->dynamic_base;
    b->window[i] = (struct window){ .base = base,
                                    .size = UINT64_C(1) << size_lg2,
                                    .page_lg2 = page_lg2 };
    fprintf(r->out, "    expect: {rets: [0, 0x%" PRIx64 ", 0x%x, 0x%x]}\n",
            papr_liobn_pci(bridge, i), (unsigned)(base >> 32), (unsigned)base);
}

static void
removed(struct round *r, unsigned bridge, unsigned i)
{
    struct bridge *b = &r->bridge[bridge];
    bool was_default = b->window[i].is_default;

    fprintf(r->out, "    expect: {ret: %d}\n", b->window[i].size == 0 ? -3 : 0);
    if (b->window[i].size != 0) {
        b->window[i].size = 0;
        if (live(b) == 0 && !was_default) {
            to_default(b);
        }
    }
}

/* ---- places ---- */

struct place {
    uint64_t liobn, ioba;
    unsigned page_lg2;
    uint64_t left; /* entries of its window from there on; 0: it is in none */
};

/* Somewhere in a window, mostly one that is there; close to others drawn before. */
static struct place
draw_place(struct round *r, unsigned iommu)
{
    struct window w = { .size = UINT64_C(1) << 28, .page_lg2 = 12 };
    struct place p = { .liobn = 0x71000000 };

    if (iommu != VIO) {
        const struct bridge *b = &r->bridge[iommu];
        unsigned i = below(r, WINDOWS_MAX);
        for (unsigned k = 0; k < WINDOWS_MAX && b->window[i].size == 0; k++) {
            i = (i + 1) % WINDOWS_MAX;
        }
        i = below(r, 20) == 0 ? below(r, WINDOWS_MAX) : i;
        p.liobn = papr_liobn_pci(iommu, i);
        w = b->window[i];
    }
    p.page_lg2 = w.page_lg2 == 0 ? 12 : w.page_lg2;
    uint64_t n = w.size >> p.page_lg2, index = below(r, 6);
    if (n > 6 && below(r, 3) == 0) {
        index = below(r, 2) == 0 ? n - 1 : rnd(&r->state) % n;
    }
    if (w.size > PAPR_MSI_LAST && below(r, 3) == 0) {
        index = (PAPR_MSI_FIRST >> p.page_lg2) + below(r, 3) - 1;
    }
    p.ioba = w.base + (index << p.page_lg2) + (below(r, 5) == 0 ? 0x123 : 0);
    p.left = index < n ? n - index : 0;
    return p;
}

static uint64_t
draw_tce(struct round *r, unsigned page_lg2)
{
    uint64_t target = (uint64_t)below(r, 0x1d000) << 12;

    if (below(r, 5) != 0) {
        target = align_down(target, page_lg2);
    }
    return (below(r, 40) == 0 ? target + 0x40000000 : target) | below(r, 4);
}

/* ---- steps ---- */

static bool
is_good(uint64_t tce, unsigned page_lg2)
{
    uint64_t first = align_down(tce, page_lg2), size = UINT64_C(1) << page_lg2;

    return (tce & 3) == 0 || (size <= RAM && first <= RAM - size);
}

static void
put_status(struct round *r, const struct place *p, uint64_t count, bool good)
{
    const char *status = p->left == 0 || !good ? "H_PARAMETER"
                         : count > 512         ? "H_P4"
                         : count > p->left     ? "H_PARAMETER"
                                               : "H_SUCCESS";

    fprintf(r->out, "    expect: {ret: %s}\n", status);
}

static void
put_tce_list(struct round *r, const struct place *p)
{
    unsigned n = 1 + below(r, 5);
    bool good = true;

    for (unsigned i = 0; i < n; i++) {
        uint64_t tce = draw_tce(r, p->page_lg2);
        good = good && is_good(tce, p->page_lg2);
        fprintf(r->out, "%s0x%" PRIx64, i == 0 ? ", list: [" : ", ", tce);
    }
    fputs("]}\n", r->out);
    put_status(r, p, n, good);
}

static void
hypercall(struct round *r)
{
    static const char *const calls[] = { "stuff_tce", "put_tce_indirect", "put_tce",
                                         "put_tce" };
    static const unsigned counts[] = { 0, 1, 2, 3, 16, 512, 513 };
    struct place p = draw_place(r, below(r, BRIDGES + 1));
    unsigned call = below(r, 4), count = 1;

    fprintf(r->out, "  - h_%s: {liobn: 0x%" PRIx64 ", ioba: 0x%" PRIx64, calls[call],
            p.liobn, p.ioba);
    if (call == 1) {
        put_tce_list(r, &p);
        return;
    }
    uint64_t tce = call == 0 && below(r, 2) == 0 ? 0 : draw_tce(r, p.page_lg2);
    fprintf(r->out, ", tce: 0x%" PRIx64, tce);
    if (call == 0) {
        count = counts[below(r, 7)];
        fprintf(r->out, ", npages: %u", count);
    }
    fputs("}\n", r->out);
    put_status(r, &p, count, is_good(tce, p.page_lg2));
}

static void
dma(struct round *r)
{
    static const unsigned sizes[] = { 1, 8, 5000 };
    unsigned device = below(r, DEVICES);
    struct place p = draw_place(r, r->iommu_of[device]);

    fprintf(r->out, "  - dma: {device: d%u, iova: 0x%" PRIx64 ", size: %u, access: %s}\n",
            device, p.ioba, sizes[below(r, 3)], below(r, 2) == 0 ? "read" : "write");
}

static void
firmware(struct round *r)
{
    static const unsigned pages[] = { 12, 16, 16, 21, 24 },
                          sizes[] = { 12, 16, 20, 24, 30, 34, 43, 44, 47, 52, 63 };
    unsigned bridge = below(r, BRIDGES), what = below(r, 10);
    struct bridge *b = &r->bridge[bridge];

    if (what < 6) {
        unsigned page = pages[below(r, 5)], size = sizes[below(r, 11)];
        fprintf(r->out,
                "  - rtas: {call: create-pe-dma-window, args: [0, 0x08000000, 0x%x, %u, "
                "%u]}\n",
                0x20000000 + bridge, page, size);
        created(r, bridge, page, size);
    } else if (what < 9) {
        unsigned i = below(r, b->max_windows);
        fprintf(r->out, "  - rtas: {call: remove-pe-dma-window, args: [0x%" PRIx64 "]}\n",
                papr_liobn_pci(bridge, i));
        removed(r, bridge, i);
    } else {
        fprintf(r->out,
                "  - rtas: {call: reset-pe-dma-window, args: [0, 0x08000000, 0x%x]}\n",
                0x20000000 + bridge);
        to_default(b);
    }
}

static void
reset(struct round *r)
{
    static const char *const what[] = { "phb0", "phb1", "machine", "v0", "d0" };
    unsigned i = below(r, 5);

    fprintf(r->out, "  - reset: %s\n", what[i]);
    for (unsigned b = 0; b < BRIDGES; b++) {
        if (i == b || i == 2) {
            to_default(&r->bridge[b]);
        }
    }
}

static void
step(struct round *r)
{
    unsigned what = below(r, 100);

    if (what < 45) {
        hypercall(r);
    } else if (what < 74) {
        dma(r);
    } else if (what < 83) {
        firmware(r);
    } else if (what < 86) {
        fprintf(r->out, "  - rtas: {call: set-tce-bypass, args: [0x71000000, %u]}\n",
                below(r, 2));
    } else if (what < 87) {
        fputs("  - rtas: {call: quiesce}\n", r->out);
    } else if (what < 92) {
        unsigned d = below(r, DEVICES);
        bool out = below(r, 3) == 0;
        /* what cannot be done is no harm and no violation either */
        fprintf(r->out, "  - %s: d%u\n%s", out ? "unplug" : "hotplug", d,
                out == r->plugged[d] ? "" : "    expect: {result: refused}\n");
        r->plugged[d] = !out;
    } else if (what < 94) {
        fputs("  - migrate\n", r->out);
    } else if (what < 96) {
        reset(r);
    } else {
        fputs("  - check\n", r->out);
    }
}

/* ---- machines ---- */

static void
put_machine(struct round *r)
{
    static const char *const backends[] = { "vfio",
                                            "vhost",
                                            "[vfio, vhost]",
                                            "emulated",
                                            "[vfio, {backend: observer, name: o}]",
                                            "{backend: vfio, container: c%u}" };
    static const uint64_t places[] = { PAPR_DYNAMIC_BASE, UINT64_C(1) << 32, 1 << 24,
                                       1 << 30 };
    static const char *const iommus[] = { "phb0", "phb1", "v0" };

    fputs("iommusim: 1\nmachine:\n  ram: 512MiB\n  iommus:\n", r->out);
    for (unsigned i = 0; i < BRIDGES; i++) {
        struct bridge *b = &r->bridge[i];

        b->max_windows = 1 + below(r, WINDOWS_MAX);
        b->default_size = UINT64_C(1) << (24 + 2 * below(r, 4));
        b->dynamic_base = places[below(r, 4)];
        to_default(b);
        fprintf(r->out,
                "    phb%u: {model: papr-tce, ddw: on, max_windows: %u, dynamic_base: "
                "0x%" PRIx64 ", window: {size: 0x%" PRIx64 "}}\n",
                i, b->max_windows, b->dynamic_base, b->default_size);
    }
    fprintf(r->out, "    v0: {model: papr-vio, bypass: %s}\n  devices:\n",
            below(r, 3) == 0 ? "on" : "off");
    for (unsigned i = 0; i < DEVICES; i++) {
        static const unsigned where[] = { 0, 0, 1, VIO };
        const char *backend = PICK(r, backends);

        r->iommu_of[i] = where[below(r, 4)];
        r->plugged[i] = below(r, 4) != 0;
        fprintf(r->out, "    d%u: {iommu: %s, plugged: %s, backend: ", i,
                iommus[r->iommu_of[i]], r->plugged[i] ? "on" : "off");
        if (strstr(backend, "%u") != NULL) {
            fprintf(r->out, "{backend: vfio, container: c%u}", r->iommu_of[i]);
        } else {
            fputs(backend, r->out);
        }
        fputs("}\n", r->out);
    }
    if (below(r, 3) == 0) {
        fputs("latency: {hcall: 100ns, notify: 50ns, vfio_map: 200ns, vhost_message: "
              "1us, dma: 10ns}\n",
              r->out);
    }
}

/* ---- rounds ---- */

START_TEST(whatever_a_papr_guest_calls_everybody_stays_coherent)
{
    uint64_t seed = FIRST_SEED, rounds = ROUNDS;

    random_rounds(&seed, &rounds);
    for (; rounds > 0; rounds--, seed++) {
        struct round r = { .state = seed };
        char *text;
        size_t len;

        r.out = open_memstream(&text, &len);
        put_machine(&r);
        fputs("timeline:\n", r.out);
        for (unsigned i = 0; i < STEPS; i++) {
            step(&r);
        }
        fclose(r.out);
        random_run(seed, text, len);
        free(text);
    }
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("machine/papr");
    TCase *tc = tcase_create("all");

    tcase_set_timeout(tc, 600);
    tcase_add_test(tc, whatever_a_papr_guest_calls_everybody_stays_coherent);
    suite_add_tcase(s, tc);
    return s;
}
