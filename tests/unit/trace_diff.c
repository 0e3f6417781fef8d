/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Traces compared by meaning. */

#include "trace/diff.h"
#include "util/err.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support_main.h"

static char path_a[64], path_b[64];
static const struct trace_diff_options plain = { .context = 2 };
static const struct trace_diff_options timeless = { .ignore_time = true, .context = 2 };

static void
write_temp(char *path, const char *text)
{
    strcpy(path, P_tmpdir "/trace_diff_XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* The comparison of two texts; the caller ends it with trace_diff_fini. */
static struct trace_diff
compare(const char *a, const char *b, const struct trace_diff_options *opts)
{
    struct trace_diff d;
    struct err e = { 0 };

    write_temp(path_a, a);
    write_temp(path_b, b);
    bool ok = trace_diff_files(&d, path_a, path_b, opts, &e);
    unlink(path_a);
    unlink(path_b);
    ck_assert_msg(ok, "%s", e.text);
    return d;
}

static const char one_to_six[] =
    "1 a check\n2 a check\n3 a check\n4 n/v UNMAP iova=0x1000\n"
    "5 a check\n6 a check\n";

static const struct {
    const char *a, *b;
    const struct trace_diff_options *opts;
    bool equal;
} cases[] = {
    { "", "", &plain, true },
    { one_to_six, one_to_six, &plain, true },
    { "# iommusim-trace 1\n# seed 1\n1 a check\n", "# iommusim-trace 1\n1 a check\n",
      &plain, true },
    { "1 n/v MAP iova=0x1000 perm=rw cause=map\n",
      "{\"time\":1,\"subject\":\"n/v\",\"event\":\"MAP\",\"cause\":\"map\","
      "\"perm\":\"rw\",\"iova\":\"0x1000\"}\n",
      &plain, true },
    { "1 a check\n", "2 a check\n", &plain, false },
    { "1 a check\n", "2 a check\n", &timeless, true },
    { "1 a check\n", "1 b check\n", &timeless, false },
    { "1 n/v MAP iova=0x1000\n", "1 n/v UNMAP iova=0x1000\n", &plain, false },
    { "1 n/v MAP iova=0x1000\n", "1 n/v MAP iova=0x2000\n", &plain, false },
    { "1 n/v MAP iova=0x1000\n", "1 n/v MAP iova=0x1000 size=0x1000\n", &plain, false },
    { "1 n/v MAP size=0x1000\n", "1 n/v MAP iova=0x1000\n", &plain, false },
    { "1 n/v MAP cause=map\n", "1 n/v MAP cause=change\n", &plain, false },
    { "1 a check\n", "", &plain, false },
    { "", "1 a check\n", &plain, false },
};

START_TEST(records_decide_not_how_they_are_written)
{
    struct trace_diff d = compare(cases[_i].a, cases[_i].b, cases[_i].opts);

    ck_assert_int_eq(d.equal, cases[_i].equal);
    trace_diff_fini(&d);
}
END_TEST

START_TEST(first_difference_has_its_context_and_place)
{
    struct trace_diff d = compare(one_to_six,
                                  "# seed 2\n1 a check\n2 a check\n3 a check\n"
                                  "4 n/v UNMAP iova=0x2000\n5 a check\n",
                                  &plain);

    ck_assert(!d.equal);
    ck_assert_uint_eq(d.n_before, 2);
    ck_assert_uint_eq(d.before[0].rec.time, 2);
    ck_assert_uint_eq(d.before[1].rec.time, 3);
    ck_assert_uint_eq(d.first[0].line, 4);
    ck_assert_uint_eq(d.first[1].line, 5);
    ck_assert_uint_eq(d.first[1].rec.item[0].v.u, 0x2000);
    ck_assert_uint_eq(d.n_after[0], 2);
    ck_assert_uint_eq(d.after[0][1].rec.time, 6);
    ck_assert_uint_eq(d.n_after[1], 1);
    trace_diff_fini(&d);
}
END_TEST

START_TEST(end_of_the_shorter_one_is_a_difference)
{
    struct trace_diff d = compare("1 a check\n2 a check\n", "1 a check\n", &plain);

    ck_assert(!d.equal);
    ck_assert_uint_eq(d.n_before, 1);
    ck_assert_uint_eq(d.first[0].line, 2);
    ck_assert_uint_eq(d.first[1].line, 0);
    ck_assert_uint_eq(d.n_after[1], 0);
    trace_diff_fini(&d);
}
END_TEST

START_TEST(counts_are_of_the_whole_traces_by_subscriber_and_event)
{
    struct trace_diff d =
        compare("1 n/v MAP\n2 n/v MAP\n3 m/v MAP\n4 n/v UNMAP\n5 a check\n",
                "1 n/v MAP\n2 m/v MAP\n2 n/v MAP\n", &plain);

    ck_assert_uint_eq(d.n_counts, 3);
    ck_assert_str_eq(d.counts[0].subscriber, "m/v");
    ck_assert_uint_eq(d.counts[0].n[0], 1);
    ck_assert_uint_eq(d.counts[0].n[1], 1);
    ck_assert_str_eq(d.counts[1].subscriber, "n/v");
    ck_assert_int_eq(d.counts[1].event, TE_NOTIFY_MAP);
    ck_assert_uint_eq(d.counts[1].n[0], 2);
    ck_assert_uint_eq(d.counts[1].n[1], 2);
    ck_assert_int_eq(d.counts[2].event, TE_NOTIFY_UNMAP);
    ck_assert_uint_eq(d.counts[2].n[0], 1);
    ck_assert_uint_eq(d.counts[2].n[1], 0);
    trace_diff_fini(&d);
}
END_TEST

START_TEST(malformed_rest_after_the_difference_is_an_error)
{
    struct trace_diff d;
    struct err e;

    write_temp(path_a, "1 a check\n2 a check\n");
    write_temp(path_b, "2 a check\nnonsense\n");
    ck_assert(!trace_diff_files(&d, path_a, path_b, &plain, &e));
    ck_assert_str_eq(e.file, path_b);
    ck_assert_uint_eq(e.line, 2);
    unlink(path_a);
    unlink(path_b);
}
END_TEST

START_TEST(many_subscribers_are_counted)
{
    enum { N = 300 };
    char *a = malloc(N * 32), *p = a;

    for (int i = 0; i < N; i++) {
        p += sprintf(p, "1 d%03d/v MAP\n", i);
    }
    struct trace_diff d = compare(a, "", &plain);
    ck_assert_uint_eq(d.n_counts, N);
    for (int i = 0; i < N; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%03d/v", i);
        ck_assert_str_eq(d.counts[i].subscriber, name);
        ck_assert_uint_eq(d.counts[i].n[0], 1);
    }
    trace_diff_fini(&d);
    free(a);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("trace/diff");
    TCase *tc = tcase_create("diff");

    tcase_add_loop_test(tc, records_decide_not_how_they_are_written, 0,
                        (int)(sizeof cases / sizeof *cases));
    tcase_add_test(tc, first_difference_has_its_context_and_place);
    tcase_add_test(tc, end_of_the_shorter_one_is_a_difference);
    tcase_add_test(tc, counts_are_of_the_whole_traces_by_subscriber_and_event);
    tcase_add_test(tc, malformed_rest_after_the_difference_is_an_error);
    tcase_add_test(tc, many_subscribers_are_counted);
    suite_add_tcase(s, tc);
    return s;
}
