/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the whole program costs: map and unmap with two subscribers and the checker,
 * with and without a trace, DMA, hypercalls, replay, comparison, memory, and the
 * reading of scenarios. One line a quantity; the case `yard` measures what others are
 * compared with. Run it alone on a quiet machine, and compare figures of one run:
 * docs/performance.md has the targets.
 *
 *     bench_run [CASE...]      cases by the first word of their line
 */
#include <inttypes.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <yaml.h>

#include "machine/machine.h"
#include "scenario/scenario.h"
#include "sim/dist.h"
#include "trace/trace.h"
#include "util/alloc.h"

#define VTD_HEAD                                                                         \
    "iommusim: 1\n"                                                                      \
    "machine:\n"                                                                         \
    "  ram: 64GiB\n"                                                                     \
    "  iommus: {vtd0: {model: intel-vtd, caching_mode: on, aw_bits: 48}}\n"              \
    "  devices:\n"                                                                       \
    "    nic0: {iommu: vtd0, backend: {backend: vfio, entry_limit: 100000000}}\n"        \
    "    nic1: {iommu: vtd0, backend: {backend: vfio, entry_limit: 100000000}}\n"        \
    "guest:\n"                                                                           \
    "  table_memory: {base: 0x40000000, size: 1GiB}\n"                                   \
    "  domains: {d: {iommu: vtd0}}\n"                                                    \
    "timeline:\n"                                                                        \
    "  - attach: {device: nic0, domain: d}\n"                                            \
    "  - attach: {device: nic1, domain: d}\n"

#define MAP_STEP       "  - map: {domain: d, iova: 0x100000000, size: 4KiB, gpa: 0x100000000}\n"
#define UNMAP_STEP     "  - unmap: {domain: d, iova: 0x100000000, size: 4KiB}\n"
#define TIMES(n, keys) "    repeat: " #n "\n    stride: {" keys "}\n"

#define EMULATED_HEAD                                                                    \
    "iommusim: 1\n"                                                                      \
    "machine:\n"                                                                         \
    "  ram: 4GiB\n"                                                                      \
    "  iommus: {vtd0: {model: intel-vtd, aw_bits: 48, iotlb: {entries: IOTLB}}}\n"       \
    "  devices: {nic0: {iommu: vtd0, backend: emulated}}\n"

#define PAPR_HEAD                                                                        \
    "iommusim: 1\n"                                                                      \
    "machine:\n"                                                                         \
    "  ram: 1GiB\n"                                                                      \
    "  iommus: {phb0: {model: papr-tce}}\n"                                              \
    "  devices:\n"                                                                       \
    "    nic0: {iommu: phb0, backend: {backend: vfio, entry_limit: 100000000}}\n"        \
    "    nic1: {iommu: phb0, backend: {backend: vfio, entry_limit: 100000000}}\n"

static double
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static size_t
heap_bytes(void)
{
    struct mallinfo2 mi = mallinfo2();

    return mi.uordblks + mi.hblkhd;
}

static struct scenario *
load(const char *text)
{
    struct scenario *sc;
    struct scenario_errors errs;

    if (!scenario_load_buffer("bench", text, strlen(text), &sc, &errs)) {
        scenario_errors_print(&errs, stderr);
        exit(2);
    }
    scenario_errors_fini(&errs);
    return sc;
}

struct cost {
    double ns;    /* of the run, without loading */
    size_t bytes; /* of the heap at its end, over the start */
};

static struct cost
run(const char *text, enum trace_format format, uint64_t want_steps)
{
    struct scenario *sc = load(text);
    struct trace_options to = { .format = format,
                                .level = TRACE_NORMAL,
                                .path = format == TRACE_FORMAT_NONE ? NULL : NULL,
                                .fd = -1 };
    struct err e = { 0 };
    FILE *sink = fopen("/dev/null", "w");

    to.fd = fileno(sink);
    struct trace *t = trace_new(&to, &e);
    struct machine_config config = {
        .scenario = sc, .expect = &sc->keys.expect, .seed = 1, .trace = t
    };
    size_t before = heap_bytes();
    struct machine *m = machine_new(&config, &e);
    double began = now_ns();
    enum machine_end end = m != NULL ? machine_run(m, &e) : MACHINE_FAILED;
    struct cost c = { .ns = now_ns() - began };
    if (end != MACHINE_COMPLETE || !machine_result(m)->held ||
        machine_result(m)->steps != want_steps) {
        fprintf(stderr, "bench: the run went wrong: %s (%" PRIu64 " steps)\n", e.text,
                m != NULL ? machine_result(m)->steps : 0);
        exit(2);
    }
    c.bytes = heap_bytes() - before;
    machine_free(m);
    trace_close(t, &e);
    fclose(sink);
    scenario_free(sc);
    return c;
}

/* The difference of two runs, per operation. */
static void
report(const char *name, struct cost with, struct cost without, double n)
{
    double ns = (with.ns - without.ns) / n;

    printf("%-34s %9.1f ns", name, ns);
    if (ns > 0) {
        printf(" %8.2f M/s", 1e3 / ns);
    }
    putchar('\n');
    fflush(stdout);
}

/* ---- yardsticks ---- */

/* One line of 108 bytes by stdio. */
static void
bench_fprintf(void)
{
    enum { N = 1000000 };
    FILE *sink = fopen("/dev/null", "w");
    double began = now_ns();

    for (uint64_t i = 0; i < N; i++) {
        fprintf(sink,
                "%012" PRIu64 " nic0/vfio notify-map iova=0x%010" PRIx64
                " size=0x1000 gpa=0x%010" PRIx64 " perm=%s cause=%s sid=0x%04x\n",
                i, 0x100000000 + (i << 12), 0x200000000 + (i << 12), "rw", "map", 0x10U);
    }
    printf("%-34s %9.1f ns\n", "yard F: fprintf of a line", (now_ns() - began) / N);
    fclose(sink);
}

/* One operation as a mapping of 6 keys, its events alone. */
static void
bench_libyaml(void)
{
    enum { N = 20000 };
    static const char step[] = "- {do: map, device: nic0, iova: 0x1000, size: 4KiB, "
                               "gpa: 0x20000, perm: rw}\n";
    char *text = xcalloc(N, sizeof(step));
    yaml_parser_t parser;
    bool end = false;

    for (size_t i = 0; i < N; i++) {
        memcpy(text + i * (sizeof(step) - 1), step, sizeof(step));
    }
    double began = now_ns();
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    while (!end) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            exit(2);
        }
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    printf("%-34s %9.1f ns\n", "yard Y: libyaml, a step", (now_ns() - began) / N);
    free(text);
}

static void
bench_yard(void)
{
    bench_fprintf();
    bench_libyaml();
}

/* ---- map and unmap ---- */

#define MAPS(n)   VTD_HEAD MAP_STEP TIMES(n, "iova: 4KiB, gpa: 4KiB")
#define UNMAPS(n) UNMAP_STEP TIMES(n, "iova: 4KiB")

static void
bench_map(void)
{
    struct cost idle = run(VTD_HEAD, TRACE_FORMAT_NONE, 2);
    struct cost m4 = run(MAPS(10000), TRACE_FORMAT_NONE, 10002);
    struct cost m5 = run(MAPS(100000), TRACE_FORMAT_NONE, 100002);
    struct cost m6 = run(MAPS(1000000), TRACE_FORMAT_NONE, 1000002);
    struct cost u5 = run(MAPS(100000) UNMAPS(100000), TRACE_FORMAT_NONE, 200002);

    report("map, up to 10^4 live", m4, idle, 1e4);
    report("map, up to 10^5 live", m5, idle, 1e5);
    report("map, up to 10^6 live", m6, idle, 1e6);
    report("unmap, 10^5 live", u5, m5, 1e5);
    printf("%-34s %9.2f\n", "growth of a map, 10^4 to 10^6",
           (m6.ns - idle.ns) / 1e6 / ((m4.ns - idle.ns) / 1e4));
    printf("%-34s %9.1f bytes\n", "memory of a live mapping",
           ((double)m6.bytes - (double)idle.bytes) / 1e6);
}

/* As the one before, but each map lands in another table than the one before it. */
#define SCATTERED(outer, inner)                                                          \
    VTD_HEAD                                                                             \
    "  - repeat: " #outer "\n    stride: {iova: 4KiB, gpa: 4KiB}\n    steps:\n"          \
    "      - map: {domain: d, iova: 0x100000000, size: 4KiB, gpa: 0x100000000}\n"        \
    "        repeat: " #inner "\n        stride: {iova: 2MiB, gpa: 2MiB}\n"

/* The exponent with which the cost of a map grows from 10^4 to 10^7 live. */
static void
report_growth(const char *name, double small, double large)
{
    printf("%-34s %9.1f ns at 10^4, %.1f at 10^7: exponent %.2f\n", name, small, large,
           log(large / small) / log(1000));
    fflush(stdout);
}

static double
best_of(unsigned tries, const char *text, uint64_t steps, double idle)
{
    double best = 0;

    for (unsigned i = 0; i < tries; i++) {
        double ns = run(text, TRACE_FORMAT_NONE, steps).ns - idle;
        best = i == 0 || ns < best ? ns : best;
    }
    return best;
}

static void
bench_grow(void)
{
    const double idle = run(VTD_HEAD, TRACE_FORMAT_NONE, 2).ns;

    report_growth("growth, one after another",
                  best_of(20, MAPS(10000), 10002, idle) / 1e4,
                  best_of(1, MAPS(10000000), 10000002, idle) / 1e7);
    report_growth("growth, scattered", best_of(20, SCATTERED(500, 20), 10002, idle) / 1e4,
                  best_of(1, SCATTERED(500, 20000), 10000002, idle) / 1e7);
}

static void
bench_sparse(void)
{
    static const char maps[] =
        VTD_HEAD "  - map: {domain: d, iova: 0x100000000, size: 4KiB, gpa: 0x100000000}\n"
                 "    repeat: 10000\n    stride: {iova: 16GiB, gpa: 4KiB}\n";
    struct cost idle = run(VTD_HEAD, TRACE_FORMAT_NONE, 2);
    struct cost all = run(maps, TRACE_FORMAT_NONE, 10002);
    double bytes = ((double)all.bytes - (double)idle.bytes) / 1e4;

    printf("%-34s %9.1f bytes, %.1f pages\n", "memory, mappings 16 GiB apart", bytes,
           bytes / PAGE_BYTES);
}

static void
bench_trace(void)
{
    struct cost none = run(MAPS(100000) UNMAPS(100000), TRACE_FORMAT_NONE, 200002);
    struct cost text = run(MAPS(100000) UNMAPS(100000), TRACE_FORMAT_TEXT, 200002);

    report("trace off, map or unmap", none, (struct cost){ 0 }, 2e5);
    report("trace to a sink, map or unmap", text, (struct cost){ 0 }, 2e5);
    report("trace, a line", text, none, 1e6); /* 5 of each */
}

static char *
replace(const char *text, const char *word, const char *by)
{
    const char *at = strstr(text, word);

    return xasprintf("%.*s%s%s", (int)(at - text), text, by, at + strlen(word));
}

static void
bench_dma(void)
{
    static const char maps[] = EMULATED_HEAD
        "timeline:\n"
        "  - map: {device: nic0, iova: 0x100000, size: 64MiB, gpa: 0x1000000, "
        "page: 4KiB}\n";
    static const char dmas[] =
        "  - dma: {device: nic0, iova: 0x100000, size: 64, access: read}\n"
        "    repeat: 16384\n    stride: {iova: 4KiB}\n";
    char *one = xasprintf("%s%s", maps, dmas);
    char *two = xasprintf("%s%s%s", maps, dmas, dmas);
    char *hit1 = replace(one, "IOTLB", "65536"), *hit2 = replace(two, "IOTLB", "65536");
    char *miss1 = replace(one, "IOTLB", "64"), *miss2 = replace(two, "IOTLB", "64");

    report("dma, IOTLB hit", run(hit2, TRACE_FORMAT_NONE, 32769),
           run(hit1, TRACE_FORMAT_NONE, 16385), 16384);
    report("dma, IOTLB miss, 4 levels", run(miss2, TRACE_FORMAT_NONE, 32769),
           run(miss1, TRACE_FORMAT_NONE, 16385), 16384);
    free(one);
    free(two);
    free(hit1);
    free(hit2);
    free(miss1);
    free(miss2);
}

static void
bench_hcall(void)
{
    static const char puts[] =
        PAPR_HEAD "timeline:\n"
                  "  - h_put_tce: {liobn: 0x80000000, ioba: 0, tce: 0x100003}\n"
                  "    repeat: 200000\n    stride: {ioba: 4KiB}\n";
    static const char clears[] = "  - h_put_tce: {liobn: 0x80000000, ioba: 0, tce: 0}\n"
                                 "    repeat: 200000\n    stride: {ioba: 4KiB}\n";
    char *both = xasprintf("%s%s", puts, clears);
    struct cost up = run(puts, TRACE_FORMAT_NONE, 200000);

    report("hcall, put that maps", up, (struct cost){ 0 }, 2e5);
    report("hcall, put that clears", run(both, TRACE_FORMAT_NONE, 400000), up, 2e5);
    free(both);
}

static void
bench_check(void)
{
    struct cost m = run(MAPS(1000000), TRACE_FORMAT_NONE, 1000002);
    struct cost c = run(MAPS(1000000) "  - check\n  - check\n  - check\n  - check\n",
                        TRACE_FORMAT_NONE, 1000006);

    report("check, a mapping and 2 mirrors", c, m, 4e6);
}

static void
bench_replay(void)
{
    static const char text[] = VTD_HEAD MAP_STEP TIMES(
        500000, "iova: 4KiB, gpa: 4KiB") "  - unsubscribe: {device: nic1, name: vfio}\n";
    static const char again[] =
        "  - subscribe: {device: nic1, backend: vfio, entry_limit: 100000000}\n";
    char *with = xasprintf("%s%s", text, again);

    report("replay, a mapping", run(with, TRACE_FORMAT_NONE, 500004),
           run(text, TRACE_FORMAT_NONE, 500003), 5e5);
    free(with);
}

/*
 * A domain-wide flush of mappings that lie 1 TiB apart in 57 bits, and found unchanged.
 */
static double
flush_of(const char *mappings)
{
    static const char text[] =
        "iommusim: 1\n"
        "machine:\n"
        "  ram: 4GiB\n"
        "  iommus: {vtd0: {model: intel-vtd, caching_mode: on, aw_bits: 57}}\n"
        "  devices: {nic0: {iommu: vtd0, backend: vfio}}\n"
        "timeline:\n"
        "  - map: {device: nic0, iova: 0x100000000, size: 4KiB, gpa: 0x100000}\n"
        "    repeat: MAPPINGS\n    stride: {iova: 1TiB, gpa: 4KiB}\n";
    static const char flushes[] = "  - flush: {device: nic0, scope: domain}\n"
                                  "    repeat: 2000\n";
    const uint64_t n = strtoull(mappings, NULL, 10);
    char *maps = replace(text, "MAPPINGS", mappings);
    char *both = xasprintf("%s%s", maps, flushes);
    struct cost with = run(both, TRACE_FORMAT_NONE, n + 2000);
    struct cost without = run(maps, TRACE_FORMAT_NONE, n);
    char *name = xasprintf("domain flush, 57 bits, %s mappings", mappings);

    report(name, with, without, 2000);
    free(name);
    free(both);
    free(maps);
    return with.ns - without.ns;
}

static void
bench_flush(void)
{
    double ten = flush_of("10"), hundred = flush_of("100");

    printf("%-34s %9.2f\n", "growth of a flush, 10 to 100", hundred / ten);
}

/* N lines in a file beside the scenario, read as they are needed. */
static double
read_file(const char *line, unsigned n)
{
    char path[] = "bench-XXXXXX";
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");

    for (unsigned i = 0; i < n; i++) {
        fputs(line, f);
    }
    fclose(f);
    char *text =
        xasprintf(PAPR_HEAD "timeline:\n  - replay: {capture: %s, from: script}\n", path);
    double ns = run(text, TRACE_FORMAT_NONE, n + 1).ns;
    unlink(path);
    free(text);
    return ns;
}

static void
bench_read(void)
{
    enum { N = 20000 };
    static const char head[] = PAPR_HEAD "timeline:\n";
    static const char step[] =
        "  - map: {device: nic0, iova: 0x1000, size: 4KiB, gpa: 0x20000, perm: rw}\n";
    static const char line[] =
        "      map device=nic0 iova=0x1000 size=4KiB gpa=0x20000 perm=rw\n";
    size_t size = sizeof(head) + N * (sizeof(step) + sizeof(line)) + 64, used;
    char *text = xcalloc(1, size);
    double t;

    used = (size_t)snprintf(text, size, "%s", head);
    for (unsigned i = 0; i < N; i++) {
        memcpy(text + used, step, sizeof(step));
        used += sizeof(step) - 1;
    }
    t = now_ns();
    scenario_free(load(text));
    printf("%-34s %9.1f ns\n", "read a YAML step", (now_ns() - t) / N);
    used = (size_t)snprintf(text, size, "%s  - script: |\n", head);
    for (unsigned i = 0; i < N; i++) {
        memcpy(text + used, line, sizeof(line));
        used += sizeof(line) - 1;
    }
    t = now_ns();
    scenario_free(load(text));
    printf("%-34s %9.1f ns\n", "read a script line", (now_ns() - t) / N);
    free(text);

    static const char check[] = "fail subscriber=nic0/vfio op=map nth=999999\n";
    double once = read_file(check, N), thrice = read_file(check, 3 * N);
    printf("%-34s %9.1f ns\n", "read and do a line of a file", (thrice - once) / (2 * N));
}

/* ---- draws ---- */

static double
draws(struct sim_stream *stream, const struct dist *d)
{
    enum { N = 5000000 };
    double began = now_ns();
    uint64_t sum = 0;

    for (unsigned i = 0; i < N; i++) {
        sum += sim_draw(stream, d);
    }
    return (now_ns() - began) / N + (sum == 1);
}

static void
bench_draw(void)
{
    struct sim *sim = sim_new(1);
    struct sim_stream *stream = sim_stream(sim, "bench");

    printf("%-34s %9.1f ns\n", "draw, uniform",
           draws(stream, &(struct dist){ .kind = DIST_UNIFORM, .b = 1000 }));
    printf("%-34s %9.1f ns\n", "draw, exponential",
           draws(stream, &(struct dist){ .kind = DIST_EXPONENTIAL, .a = 1000 }));
    sim_free(sim);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } cases[] = {
        { "yard", bench_yard },     { "map", bench_map },     { "trace", bench_trace },
        { "dma", bench_dma },       { "hcall", bench_hcall }, { "replay", bench_replay },
        { "check", bench_check },   { "flush", bench_flush }, { "read", bench_read },
        { "sparse", bench_sparse }, { "draw", bench_draw },   { "grow", bench_grow },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool wanted = argc < 2;
        for (int k = 1; k < argc; k++) {
            wanted |= strcmp(argv[k], cases[i].name) == 0;
        }
        if (wanted) {
            cases[i].fn();
        }
    }
    return 0;
}
