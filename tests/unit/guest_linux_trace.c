/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is read out of a Linux guest's trace: whose its maps are, what a trace that begins
 * late, ends early or has gaps is taken to mean, and that any cut of one makes sense.
 */
#include <check.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/linux_trace.h"
#include "iommu/vtd_fmt.h"
#include "util/rangemap.h"

#include "support_main.h"

/* ---- traces ---- */

static char text[1 << 18];
static size_t len;
static uint64_t now; /* us */

static void
begin_text(void)
{
    len = 0;
    now = 4000000;
}

static void __attribute__((format(printf, 1, 2))) event(const char *fmt, ...)
{
    va_list args;

    len += (size_t)snprintf(text + len, sizeof(text) - len,
                            "  kworker/u2:1-24      [000] d..1.     %" PRIu64
                            ".%06" PRIu64 ": ",
                            now / 1000000, now % 1000000);
    va_start(args, fmt);
    len += (size_t)vsnprintf(text + len, sizeof(text) - len, fmt, args);
    va_end(args);
    text[len++] = '\n';
    text[len] = '\0';
    ck_assert_uint_lt(len, sizeof(text) - 512);
    now += 3;
}

static void
map(uint64_t iova, uint64_t size, uint64_t gpa)
{
    event("map: IOMMU: iova=0x%016" PRIx64 " - 0x%016" PRIx64 " paddr=0x%016" PRIx64
          " size=%" PRIu64,
          iova, iova + size, gpa, size);
}

static void
unmap(uint64_t iova, uint64_t size)
{
    event("unmap: IOMMU: iova=0x%016" PRIx64 " - 0x%016" PRIx64 " size=%" PRIu64
          " unmapped_size=%" PRIu64,
          iova, iova + size, size, size);
}

static void
submit(const char *kind, uint64_t lo, uint64_t hi)
{
    event("qi_submit: %s dmar0: 0x%" PRIx64 " 0x%" PRIx64 " 0x0 0x0", kind, lo, hi);
}

static void
flush_page(unsigned did, uint64_t iova, unsigned am)
{
    submit("iotlb_inv", (uint64_t)did << 16 | 0xf2,
           (iova & ~((0x1000ULL << am) - 1)) | am);
}

static void
flush_domain(unsigned did)
{
    submit("iotlb_inv", (uint64_t)did << 16 | 0xe2, 0);
}

static struct linux_trace *
open_bytes(const char *bytes, size_t n, struct err *e)
{
    static char name[32];

    strcpy(name, "linux-trace-XXXXXX");
    const int fd = mkstemp(name);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
    struct linux_trace *t = linux_trace_open(name, e);

    unlink(name);
    return t;
}

/*
 * The ops of the text as words: "map3@1000" in domain id 3, with * where its invalidation
 * is assumed, in brackets where it is assumed itself.
 */
static const char *
words_of(struct linux_tally *tally)
{
    static char words[2048];
    struct err e;
    struct linux_trace *t = open_bytes(text, len, &e);
    struct linux_op op;
    size_t n = 0;

    ck_assert_msg(t != NULL, "%s", e.text);
    words[0] = '\0';
    while (linux_trace_next(t, &op, &e) == LINUX_OP) {
        static const char *const kinds[] = { "map", "unmap", "submit", "comes", "goes" };
        const struct linux_summary *s = linux_trace_summary(t);

        n += (size_t)snprintf(words + n, sizeof(words) - n, "%s%s%s%d@%" PRIx64 "%s%s",
                              n > 0 ? " " : "", op.assumed ? "[" : "", kinds[op.kind],
                              op.domain == LINUX_NO_DOMAIN ? -1
                                                           : s->domains[op.domain].did,
                              op.kind <= LINUX_UNMAP    ? op.iova
                              : op.kind == LINUX_SUBMIT ? 0
                                                        : op.sid,
                              op.unflushed ? "*" : "", op.assumed ? "]" : "");
    }
    if (tally != NULL) {
        *tally = *linux_trace_tally(t);
    }
    linux_trace_close(t);
    return words;
}

/* ---- whose it is ---- */

START_TEST(the_invalidation_says_whose_a_map_is)
{
    begin_text();
    map(0x1000, 0x1000, 0x8000);
    flush_page(3, 0x1000, 0);
    map(0x1000, 0x1000, 0x9000);
    flush_page(4, 0x1000, 0);
    unmap(0x1000, 0x1000);
    flush_page(4, 0x1000, 0);
    ck_assert_str_eq(words_of(NULL), "map3@1000 submit3@0 map4@1000 submit4@0 "
                                     "unmap4@1000 submit4@0");
}
END_TEST

START_TEST(the_maps_of_a_scatter_list_share_one_invalidation)
{
    begin_text();
    map(0x9000, 0x1000, 0x8000);
    flush_page(3, 0x9000, 0);
    map(0x4000, 0x1000, 0x8000);
    map(0x5000, 0x2000, 0xa000);
    map(0x7000, 0x1000, 0x9000);
    flush_page(4, 0x4000, 2);
    ck_assert_str_eq(words_of(NULL), "map3@9000 submit3@0 map4@4000 map4@5000 map4@7000 "
                                     "submit4@0");
}
END_TEST

START_TEST(a_large_map_has_an_invalidation_of_its_domain)
{
    begin_text();
    map(0x1000, 0x1000, 0x8000);
    flush_page(3, 0x1000, 0);
    map(0x40000000, 0x80000000, 0x0);
    flush_domain(4);
    ck_assert_str_eq(words_of(NULL), "map3@1000 submit3@0 map4@40000000 submit4@0");
}
END_TEST

START_TEST(without_caching_mode_a_map_needs_none)
{
    begin_text();
    map(0x1000, 0x1000, 0x8000);
    map(0x2000, 0x1000, 0x9000);
    unmap(0x1000, 0x1000);
    flush_page(1, 0x1000, 0);
    unmap(0x2000, 0x1000);
    ck_assert_str_eq(words_of(NULL),
                     "map1@1000 map1@2000 unmap1@1000 submit1@0 unmap1@2000*");
}
END_TEST

START_TEST(several_domains_without_caching_mode_are_ambiguous)
{
    struct err e;

    begin_text();
    map(0x1000, 0x1000, 0x8000);
    flush_domain(3);
    flush_domain(4);
    struct linux_trace *t = open_bytes(text, len, &e);

    ck_assert_ptr_nonnull(t);
    ck_assert(linux_trace_is_ambiguous(t));
    linux_trace_close(t);
}
END_TEST

START_TEST(devices_are_known_by_their_context_or_device_tlb)
{
    struct err e;

    begin_text();
    event("add_device_to_group: IOMMU: groupID=4 device=0000:01:00.0");
    submit("cc_inv", 0x10000000031, 0);
    flush_domain(6);
    event("attach_device_to_domain: IOMMU: device=0000:01:00.0");
    map(0x1000, 0x1000, 0x8000);
    flush_page(6, 0x1000, 0);
    unmap(0x1000, 0x1000);
    flush_page(7, 0x1000, 0);
    submit("dev_tlb_inv", 0x20000000003, 0x1000);
    event("remove_device_from_group: IOMMU: groupID=4 device=0000:01:00.0");
    struct linux_trace *t = open_bytes(text, len, &e);

    ck_assert_ptr_nonnull(t);
    const struct linux_summary *s = linux_trace_summary(t);

    ck_assert_uint_eq(s->n_domains, 2);
    ck_assert_uint_eq(s->domains[0].sid, 0x100);
    ck_assert(s->domains[0].hotplugged && !s->domains[0].ats);
    ck_assert_uint_eq(s->domains[1].sid, 0x200);
    ck_assert(!s->domains[1].hotplugged && s->domains[1].ats);
    ck_assert(s->caching_mode && s->device_iotlb);
    ck_assert_uint_eq(s->memory, 0x9000);
    linux_trace_close(t);
    ck_assert_str_eq(words_of(NULL),
                     "comes6@100 submit6@0 submit6@0 map6@1000 submit6@0 submit7@0 "
                     "submit7@0 goes6@100");
}
END_TEST

/* ---- gaps ---- */

START_TEST(what_was_mapped_before_the_trace_is_left_out)
{
    struct linux_tally y;

    begin_text();
    unmap(0x5000, 0x1000);
    flush_page(3, 0x5000, 0);
    map(0x1000, 0x1000, 0x8000);
    flush_page(3, 0x1000, 0);
    ck_assert_str_eq(words_of(&y), "submit3@0 map3@1000 submit3@0");
    ck_assert_uint_eq(y.left_out, 1);
}
END_TEST

START_TEST(a_map_over_another_was_unmapped_in_a_gap)
{
    struct linux_tally y;

    begin_text();
    map(0x1000, 0x2000, 0x8000);
    flush_page(3, 0x1000, 2);
    map(0x2000, 0x1000, 0x9000);
    flush_page(3, 0x2000, 0);
    ck_assert_str_eq(words_of(&y),
                     "map3@1000 submit3@0 [unmap3@2000*] map3@2000 submit3@0");
    ck_assert_uint_eq(y.unmaps, 1);
}
END_TEST

START_TEST(a_last_change_is_invalidated_all_the_same)
{
    struct linux_tally y;

    begin_text();
    map(0x1000, 0x1000, 0x8000);
    flush_page(3, 0x1000, 0);
    map(0x2000, 0x1000, 0x8000);
    ck_assert_str_eq(words_of(&y), "map3@1000 submit3@0 map3@2000*");
    ck_assert_uint_eq(y.unflushed, 1);
}
END_TEST

START_TEST(a_lazy_driver_flushes_at_the_end)
{
    struct linux_tally y;

    begin_text();
    map(0x1000, 0x1000, 0x8000);
    map(0x2000, 0x1000, 0x8000);
    unmap(0x1000, 0x1000);
    flush_domain(5);
    unmap(0x2000, 0x1000);
    ck_assert_str_eq(words_of(&y), "map5@1000 map5@2000 unmap5@1000 submit5@0 "
                                   "unmap5@2000 [submit5@0]");
    ck_assert_uint_eq(y.flushes, 1);
}
END_TEST

START_TEST(lost_events_are_counted)
{
    struct linux_tally y;

    begin_text();
    map(0x1000, 0x1000, 0x8000);
    len += (size_t)sprintf(text + len, "CPU:0 [LOST 1234 EVENTS]\n");
    unmap(0x1000, 0x1000);
    words_of(&y);
    ck_assert_uint_eq(y.gaps, 1);
}
END_TEST

START_TEST(a_line_that_was_cut_and_went_on_gives_the_second_event)
{
    begin_text();
    map(0x1000, 0x1000, 0x8000);
    len -= 40;
    map(0x2000, 0x1000, 0x9000);
    ck_assert_str_eq(words_of(NULL), "map1@2000");
}
END_TEST

START_TEST(time_never_runs_back)
{
    struct err e;
    struct linux_op a, b;

    begin_text();
    map(0x1000, 0x1000, 0x8000);
    now = 1000000;
    map(0x2000, 0x1000, 0x9000);
    struct linux_trace *t = open_bytes(text, len, &e);

    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(linux_trace_next(t, &a, &e), LINUX_OP);
    ck_assert_int_eq(linux_trace_next(t, &b, &e), LINUX_OP);
    ck_assert_uint_eq(a.ns, 0);
    ck_assert_uint_eq(b.ns, 0);
    linux_trace_close(t);
}
END_TEST

START_TEST(ranges_that_cannot_be_are_left_out)
{
    struct linux_tally y;

    begin_text();
    map(0x1800, 0x1000, 0x8000);
    map(0xfffffffffffff000, 0x2000, 0x8000);
    unmap(0x1000, 0);
    map(0x3000, 0x1000, 0x8000);
    ck_assert_str_eq(words_of(&y), "map1@3000");
    ck_assert_uint_eq(y.left_out, 3);
}
END_TEST

/* ---- any cut ---- */

enum { DOMAINS = 2, SLOTS = 24 };

static uint64_t
test_random(uint64_t *seed, uint64_t n)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*seed >> 33) % n;
}

/* A strict driver's traffic of two domains that use the same addresses. */
static void
random_trace(uint64_t *seed)
{
    bool live[DOMAINS][SLOTS] = { { false } };

    begin_text();
    for (unsigned i = 0; i < 600; i++) {
        const unsigned d = (unsigned)test_random(seed, DOMAINS);
        const unsigned slot = (unsigned)test_random(seed, SLOTS);
        const uint64_t iova = 0xfff00000 + slot * 0x4000ULL;

        if (live[d][slot]) {
            unmap(iova, 0x4000);
        } else {
            map(iova, 0x1000, test_random(seed, 64) * 0x10000);
            map(iova + 0x1000, 0x3000, test_random(seed, 64) * 0x10000);
        }
        live[d][slot] = !live[d][slot];
        flush_page(3 + d, iova, 2);
    }
}

/* Ops that a guest can do, each change with its invalidation. */
static void
check_ops(struct linux_trace *t)
{
    struct budget budget = { .limit = UINT64_MAX };
    struct rangemap live[4], due[4]; /* by domain */
    struct linux_op op;
    struct err e;
    enum linux_result r;
    uint64_t ns = 0;

    for (unsigned i = 0; i < 4; i++) {
        rangemap_init(&live[i], RANGEMAP_LINEAR, &budget);
        rangemap_init(&due[i], RANGEMAP_LINEAR, &budget);
    }
    while ((r = linux_trace_next(t, &op, &e)) == LINUX_OP) {
        const uint64_t last = op.iova + op.size - 1;

        ck_assert_uint_ge(op.ns, ns);
        ns = op.ns;
        if (op.kind == LINUX_SUBMIT && op.domain != LINUX_NO_DOMAIN) {
            const uint64_t size = 0x1000ULL << vtd_desc_am(op.words[1]);
            const uint64_t first = vtd_desc_addr(op.words[1]);
            const bool all = vtd_desc_gran(op.words[0]) != VTD_GRAN_FINE;

            rangemap_remove(&due[op.domain], all ? 0 : first,
                            all ? UINT64_MAX : first + size - 1);
        }
        if (op.kind > LINUX_UNMAP) {
            continue;
        }
        ck_assert_uint_lt(op.domain, 4);
        ck_assert_int_eq(rangemap_any(&live[op.domain], op.iova, last),
                         op.kind == LINUX_UNMAP);
        ck_assert(!rangemap_any(&due[op.domain], op.iova, last));
        if (op.kind == LINUX_MAP) {
            rangemap_insert(&live[op.domain], op.iova, last, 0, PERM_RW);
        } else {
            rangemap_remove(&live[op.domain], op.iova, last);
        }
        if (!op.unflushed && linux_trace_summary(t)->caching_mode) {
            rangemap_insert(&due[op.domain], op.iova, last, 0, PERM_RW);
        }
    }
    ck_assert_int_eq(r, LINUX_END);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_uint_eq(due[i].pages, 0);
        rangemap_fini(&live[i]);
        rangemap_fini(&due[i]);
    }
}

START_TEST(any_cut_of_a_trace_is_what_a_guest_can_have_done)
{
    for (uint64_t run = 1; run <= 30; run++) {
        uint64_t seed = run;
        struct err e;

        random_trace(&seed);
        const size_t from = run % 3 == 0 ? 0 : test_random(&seed, len / 2);
        const size_t to = run % 3 == 1 ? len : from + test_random(&seed, len - from);
        struct linux_trace *t = open_bytes(text + from, to - from, &e);

        if (t == NULL) { /* too short for one event */
            ck_assert_msg(strncmp(e.text, "no event", 8) == 0, "seed %" PRIu64 ": %s",
                          run, e.text);
            ck_assert_uint_lt(to - from, 200);
            continue;
        }
        check_ops(t);
        linux_trace_close(t);
    }
}
END_TEST

START_TEST(a_gap_is_bridged)
{
    for (uint64_t run = 1; run <= 30; run++) {
        uint64_t seed = run;
        struct err e;

        random_trace(&seed);
        /* from the end of a line to the end of another */
        const size_t from =
            (size_t)(strchr(text + test_random(&seed, len / 2), '\n') - text) + 1;
        const char *go_on =
            strchr(text + from + test_random(&seed, len - from - 400), '\n') + 1;

        memmove(text + from, go_on, len - (size_t)(go_on - text));
        struct linux_trace *t = open_bytes(text, len - (size_t)(go_on - text) + from, &e);

        ck_assert_msg(t != NULL, "seed %" PRIu64 ": %s", run, e.text);
        check_ops(t);
        linux_trace_close(t);
    }
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("guest_linux_trace");
    TCase *tc = tcase_create("trace");

    tcase_add_test(tc, the_invalidation_says_whose_a_map_is);
    tcase_add_test(tc, the_maps_of_a_scatter_list_share_one_invalidation);
    tcase_add_test(tc, a_large_map_has_an_invalidation_of_its_domain);
    tcase_add_test(tc, without_caching_mode_a_map_needs_none);
    tcase_add_test(tc, several_domains_without_caching_mode_are_ambiguous);
    tcase_add_test(tc, devices_are_known_by_their_context_or_device_tlb);
    tcase_add_test(tc, what_was_mapped_before_the_trace_is_left_out);
    tcase_add_test(tc, a_map_over_another_was_unmapped_in_a_gap);
    tcase_add_test(tc, a_last_change_is_invalidated_all_the_same);
    tcase_add_test(tc, a_lazy_driver_flushes_at_the_end);
    tcase_add_test(tc, lost_events_are_counted);
    tcase_add_test(tc, a_line_that_was_cut_and_went_on_gives_the_second_event);
    tcase_add_test(tc, time_never_runs_back);
    tcase_add_test(tc, ranges_that_cannot_be_are_left_out);
    tcase_add_test(tc, any_cut_of_a_trace_is_what_a_guest_can_have_done);
    tcase_add_test(tc, a_gap_is_bridged);
    suite_add_tcase(s, tc);
    return s;
}
