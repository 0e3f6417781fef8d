/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which records are wanted, kept and counted, and in which files they end. */

#include "trace/trace.h"
#include "trace/table.h"
#include "util/err.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support_files.h"
#include "support_main.h"

/* One record with a device, an iova and a size; NULL and 0 leave them out. */
static void
emit(struct trace *t, const char *subject, enum trace_event event, const char *device,
     uint64_t iova, uint64_t size)
{
    struct trace_rec r;

    trace_begin(&r, 0, subject, event);
    if (device != NULL) {
        trace_text(&r, TF_DEVICE, device);
    }
    if (iova != 0) {
        trace_u64(&r, TF_IOVA, iova);
    }
    if (size != 0) {
        trace_u64(&r, TF_SIZE, size);
    }
    trace_emit(t, &r);
}

START_TEST(every_event_has_a_name_of_its_own_and_distinct_keys)
{
    for (unsigned i = 0; i < TRACE_EVENT_COUNT; i++) {
        const struct trace_event_info *ev = trace_event_info((enum trace_event)i);
        enum trace_event found;
        ck_assert(trace_event_by_name(ev->name, ev->name_len, &found));
        ck_assert_uint_eq(found, i);
        ck_assert_uint_eq(strlen(ev->name), ev->name_len);
        for (unsigned a = 0; a < ev->n; a++) {
            for (unsigned b = 0; b < a; b++) {
                ck_assert_str_ne(trace_field_info(ev->field[a])->key,
                                 trace_field_info(ev->field[b])->key);
            }
        }
    }
}
END_TEST

START_TEST(order_of_fields_is_checked)
{
    struct trace_rec r;

    trace_begin(&r, 0, "a/b", TE_NOTIFY_MAP);
    trace_u64(&r, TF_IOVA, 0);
    trace_u64(&r, TF_PERM, 0);
    ck_assert(trace_rec_is_ordered(&r));
    trace_u64(&r, TF_SIZE, 0); /* stands before perm */
    ck_assert(!trace_rec_is_ordered(&r));
    r.n = 1;
    trace_u64(&r, TF_IOVA, 0); /* twice */
    ck_assert(!trace_rec_is_ordered(&r));
    r.n = 0;
    trace_u64(&r, TF_LIOBN, 0); /* not of this event */
    ck_assert(!trace_rec_is_ordered(&r));
}
END_TEST

static void
count_hook(void *self, const struct trace_rec *r)
{
    unsigned *n = self;

    ck_assert_int_eq(r->event, TE_NOTIFY_MAP);
    (*n)++;
}

START_TEST(trace_without_output_wants_nothing_until_hooked)
{
    static const struct trace_options opts = { .format = TRACE_FORMAT_NONE,
                                               .level = TRACE_NORMAL };
    struct trace *t = trace_new(&opts, NULL);
    unsigned n = 0;

    ck_assert(!trace_wants(t, TE_NOTIFY_MAP));
    emit(t, "a/b", TE_NOTIFY_MAP, NULL, 0x1000, 0x1000);
    trace_set_hook(t, count_hook, &n);
    ck_assert(trace_wants(t, TE_NOTIFY_MAP));
    ck_assert(!trace_wants(t, TE_WALK));
    emit(t, "a/b", TE_NOTIFY_MAP, NULL, 0x1000, 0x1000);
    emit(t, "dmar0", TE_WALK, NULL, 0x1000, 0);
    ck_assert_uint_eq(n, 1);
    ck_assert_uint_eq(t->emitted[TE_NOTIFY_MAP], 1);
    trace_set_hook(t, NULL, NULL);
    ck_assert(!trace_wants(t, TE_NOTIFY_MAP));
    ck_assert(trace_close(t, NULL));
}
END_TEST

START_TEST(zeroed_trace_wants_nothing)
{
    static struct trace none;

    for (unsigned i = 0; i < TRACE_EVENT_COUNT; i++) {
        ck_assert(!trace_wants(&none, (enum trace_event)i));
    }
    emit(&none, "a/b", TE_VIOLATION, NULL, 0, 0);
    ck_assert_uint_eq(none.emitted[TE_VIOLATION], 0);
}
END_TEST

START_TEST(levels_let_through_what_they_should)
{
    static const struct {
        enum trace_level level;
        const char *want;
    } cases[] = {
        { TRACE_QUIET, "0 a/b violation\n" },
        { TRACE_NORMAL, "0 a/b MAP\n0 a/b violation\n" },
        { TRACE_VERBOSE, "0 dmar0 walk\n0 a/b MAP\n0 a/b violation\n" },
    };
    struct trace_options opts = { .format = TRACE_FORMAT_TEXT,
                                  .level = cases[_i].level,
                                  .path = "out" };
    struct trace *t = trace_new(&opts, NULL);

    emit(t, "dmar0", TE_WALK, NULL, 0, 0);
    emit(t, "a/b", TE_NOTIFY_MAP, NULL, 0, 0);
    emit(t, "a/b", TE_VIOLATION, NULL, 0, 0);
    ck_assert(trace_close(t, NULL));
    files_expect("out", cases[_i].want);
}
END_TEST

START_TEST(subscriber_filter_keeps_the_named_ones)
{
    static const char *const names[] = { "a/x", "c/x" };
    struct trace_options opts = { .format = TRACE_FORMAT_TEXT,
                                  .level = TRACE_NORMAL,
                                  .path = "out",
                                  .subscribers = names,
                                  .n_subscribers = 2 };
    struct trace *t = trace_new(&opts, NULL);

    emit(t, "a/x", TE_NOTIFY_MAP, NULL, 0x1000, 0);
    emit(t, "a/xy", TE_NOTIFY_MAP, NULL, 0x1000, 0);
    emit(t, "guest", TE_STEP_MAP, NULL, 0x1000, 0);
    emit(t, "c/x", TE_VIOLATION, NULL, 0x1000, 0);
    ck_assert(trace_close(t, NULL));
    files_expect("out", "0 a/x MAP iova=0x1000\n0 c/x violation iova=0x1000\n");
}
END_TEST

/* What a watch on nic0:0x5000 says to each. */
static const struct {
    const char *subject;
    enum trace_event event;
    const char *device;
    uint64_t iova, size;
    bool kept;
} watched[] = {
    { "nic0/vfio", TE_NOTIFY_MAP, NULL, 0x5000, 0x1000, true },
    { "nic0/vfio", TE_NOTIFY_MAP, NULL, 0x4000, 0x1000, false },
    { "nic0/vfio", TE_NOTIFY_MAP, NULL, 0x4000, 0x1001, true },
    { "nic0/vfio", TE_NOTIFY_MAP, NULL, 0x5fff, 0x1, true },
    { "nic0/vfio", TE_NOTIFY_MAP, NULL, 0x6000, 0x1000, false },
    { "nic0/vfio", TE_NOTIFY_UNMAP, NULL, 0x1000, UINT64_MAX, true },
    { "nic1/vfio", TE_NOTIFY_MAP, NULL, 0x5000, 0x1000, false },
    { "nic00/vfio", TE_NOTIFY_MAP, NULL, 0x5000, 0x1000, false },
    { "nic0", TE_DMA, NULL, 0x5010, 0x40, true },
    { "nic1", TE_DMA, NULL, 0x5010, 0x40, false },
    { "guest", TE_STEP_MAP, "nic0", 0x5000, 0x1000, true },
    { "guest", TE_STEP_MAP, "nic1", 0x5000, 0x1000, false },
    { "guest", TE_STEP_MAP, "nic0", 0x8000, 0x1000, false },
    { "dmar0", TE_INVALIDATE, NULL, 0x4000, 0x2000, true },
    { "dmar0", TE_INVALIDATE, NULL, 0, 0, true },
    { "dmar0", TE_WAIT_DONE, NULL, 0, 0, true },
    { "nic0/vfio", TE_VIOLATION, NULL, 0x5000, 0x1000, true },
    { "nic1/vfio", TE_VIOLATION, NULL, 0x5000, 0x1000, false },
};

/* A trace into "out" of what touches this page. */
static struct trace *
watching(const struct trace_watch *watch)
{
    const struct trace_options opts = { .format = TRACE_FORMAT_TEXT,
                                        .level = TRACE_NORMAL,
                                        .path = "out",
                                        .watches = watch,
                                        .n_watches = 1 };

    return trace_new(&opts, NULL);
}

START_TEST(watch_keeps_what_touches_the_page)
{
    static const struct trace_watch watch = { "nic0", 0x5abc, 0 };
    struct trace *t = watching(&watch);

    emit(t, watched[_i].subject, watched[_i].event, watched[_i].device, watched[_i].iova,
         watched[_i].size);
    ck_assert(trace_close(t, NULL));
    ck_assert_int_eq(system("test -s out"), watched[_i].kept ? 0 : 256);
}
END_TEST

START_TEST(watch_counts_pages_of_a_hypercall)
{
    static const struct trace_watch watch = { "nic0", 0x30000, 0x10000 };
    struct trace *t = watching(&watch);

    for (uint64_t n = 1; n <= 4; n++) {
        struct trace_rec r;
        trace_begin(&r, n, "guest", TE_STEP_H_STUFF_TCE);
        trace_u64(&r, TF_IOBA, 0x10000);
        trace_u64(&r, TF_NPAGES, n);
        trace_emit(t, &r);
    }
    ck_assert(trace_close(t, NULL));
    files_expect("out", "3 guest h_stuff_tce ioba=0x10000 npages=3\n"
                        "4 guest h_stuff_tce ioba=0x10000 npages=4\n");
}
END_TEST

START_TEST(split_writes_one_file_for_each_subscriber)
{
    static const struct trace_header h = { .version = "1", .seed = 1 };
    static const char head[] =
        "# iommusim-trace 1\n# version 1\n# seed 1\n# quirks none\n";
    struct trace_options opts = { .format = TRACE_FORMAT_TEXT,
                                  .level = TRACE_NORMAL,
                                  .split_dir = "." };
    struct trace *t = trace_new(&opts, NULL);
    char name[16], want[256];

    trace_write_header(t, &h);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 40; i++) {
            snprintf(name, sizeof name, "d%d/x", i);
            emit(t, name, TE_NOTIFY_UNMAP, NULL, 0x1000u + (unsigned)i, 0);
        }
        emit(t, "guest", TE_STEP_MAP, NULL, 0x1000, 0);
    }
    ck_assert_int_ne(access("d7.x.trace", F_OK), 0);
    ck_assert(trace_close(t, NULL));
    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "d%u.x.trace", i);
        snprintf(want, sizeof want,
                 "%s0 d%u/x UNMAP iova=0x%x\n0 d%u/x UNMAP iova=0x%x\n", head, i,
                 0x1000 + i, i, 0x1000 + i);
        files_expect(name, want);
    }
    ck_assert_int_eq(system("test $(ls | wc -l) -eq 40"), 0);
}
END_TEST

START_TEST(split_makes_its_directory)
{
    struct trace_options opts = { .format = TRACE_FORMAT_TEXT,
                                  .level = TRACE_NORMAL,
                                  .split_dir = "parts" };
    struct trace *t = trace_new(&opts, NULL);
    struct err e;

    ck_assert_ptr_nonnull(t);
    emit(t, "a/b", TE_NOTIFY_MAP, NULL, 0, 0);
    ck_assert(trace_close(t, &e));
    ck_assert_int_eq(system("test -f parts/a.b.trace && rm -r parts"), 0);
}
END_TEST

START_TEST(split_below_no_directory_is_an_error_and_leaves_nothing)
{
    struct trace_options opts = { .format = TRACE_FORMAT_TEXT,
                                  .level = TRACE_NORMAL,
                                  .path = "out",
                                  .split_dir = "no/where" };
    struct err e;

    ck_assert_ptr_null(trace_new(&opts, &e));
    ck_assert_str_eq(e.text, "cannot create no/where: No such file or directory");
    ck_assert_int_eq(system("test $(ls | wc -l) -eq 0"), 0);
}
END_TEST

START_TEST(a_discarded_trace_leaves_what_was_there)
{
    struct trace_options opts = { .format = TRACE_FORMAT_TEXT,
                                  .level = TRACE_NORMAL,
                                  .path = "out" };

    ck_assert_int_eq(system("echo before >out"), 0);
    trace_discard(trace_new(&opts, NULL));
    ck_assert_int_eq(
        system("test \"$(cat out)\" = before && rm out && test $(ls | wc -l) -eq 0"), 0);
}
END_TEST

START_TEST(full_disk_makes_the_trace_fail)
{
    struct trace_options opts = { .format = TRACE_FORMAT_TEXT,
                                  .level = TRACE_NORMAL,
                                  .path = "/dev/full" };
    struct trace *t = trace_new(&opts, NULL);
    struct err e;

    emit(t, "a/b", TE_NOTIFY_MAP, NULL, 0, 0);
    ck_assert(!trace_flush(t, &e));
    ck_assert(!trace_ok(t));
    e.text[0] = '\0';
    ck_assert(!trace_close(t, &e));
    ck_assert_str_eq(e.text, "cannot write /dev/full: No space left on device");
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("trace/trace");
    TCase *tc = tcase_create("trace");

    tcase_add_checked_fixture(tc, files_enter, files_leave);
    tcase_add_test(tc, every_event_has_a_name_of_its_own_and_distinct_keys);
    tcase_add_test(tc, order_of_fields_is_checked);
    tcase_add_test(tc, trace_without_output_wants_nothing_until_hooked);
    tcase_add_test(tc, zeroed_trace_wants_nothing);
    tcase_add_loop_test(tc, levels_let_through_what_they_should, 0, 3);
    tcase_add_test(tc, subscriber_filter_keeps_the_named_ones);
    tcase_add_loop_test(tc, watch_keeps_what_touches_the_page, 0,
                        (int)(sizeof watched / sizeof *watched));
    tcase_add_test(tc, watch_counts_pages_of_a_hypercall);
    tcase_add_test(tc, split_writes_one_file_for_each_subscriber);
    tcase_add_test(tc, split_makes_its_directory);
    tcase_add_test(tc, split_below_no_directory_is_an_error_and_leaves_nothing);
    tcase_add_test(tc, a_discarded_trace_leaves_what_was_there);
    tcase_add_test(tc, full_disk_makes_the_trace_fail);
    suite_add_tcase(s, tc);
    return s;
}
