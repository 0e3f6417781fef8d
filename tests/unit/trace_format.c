/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines, byte for byte. */

#include "trace/format.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_main.h"

/* What `put` wrote, as a string for the caller to free. */
static char *
finish(struct trace_output *o)
{
    char *s = malloc(o->used + 1);

    memcpy(s, o->buf, o->used);
    s[o->used] = '\0';
    o->used = 0;
    ck_assert(trace_output_fini(o, false, NULL));
    return s;
}

static void
expect_lines(const struct trace_rec *r, const char *text, const char *json)
{
    struct trace_output o;
    char *got;

    trace_output_init_fd(&o, -1);
    trace_format_text(&o, r, false);
    got = finish(&o);
    ck_assert_str_eq(got, text);
    free(got);

    trace_output_init_fd(&o, -1);
    trace_format_jsonl(&o, r);
    got = finish(&o);
    ck_assert_str_eq(got, json);
    free(got);
}

START_TEST(map_event_has_addresses_in_hex_and_a_permission)
{
    struct trace_rec r;

    trace_begin(&r, 5000, "nic0/vfio", TE_NOTIFY_MAP);
    trace_u64(&r, TF_IOVA, 0x1000);
    trace_u64(&r, TF_SIZE, 0x1000);
    trace_u64(&r, TF_GPA, 0x20000);
    trace_u64(&r, TF_PERM, TRACE_PERM_R | TRACE_PERM_W);
    trace_text(&r, TF_CAUSE, "map");
    expect_lines(&r,
                 "5000 nic0/vfio MAP iova=0x1000 size=0x1000 gpa=0x20000 perm=rw "
                 "cause=map\n",
                 "{\"time\":5000,\"subject\":\"nic0/vfio\",\"event\":\"MAP\","
                 "\"iova\":\"0x1000\",\"size\":\"0x1000\",\"gpa\":\"0x20000\","
                 "\"perm\":\"rw\",\"cause\":\"map\"}\n");
}
END_TEST

START_TEST(size_of_0_is_written_as_2_to_the_64)
{
    struct trace_rec r;

    trace_begin(&r, 0, "nic0/vfio", TE_TEARDOWN);
    trace_u64(&r, TF_IOVA, 0);
    trace_u64(&r, TF_SIZE, 0);
    expect_lines(&r, "0 nic0/vfio teardown iova=0x0 size=0x10000000000000000\n",
                 "{\"time\":0,\"subject\":\"nic0/vfio\",\"event\":\"teardown\","
                 "\"iova\":\"0x0\",\"size\":\"0x10000000000000000\"}\n");
}
END_TEST

START_TEST(hypercall_status_is_by_name_or_else_a_number)
{
    struct trace_rec r;

    trace_begin(&r, 0, "guest", TE_STEP_H_PUT_TCE);
    trace_u64(&r, TF_LIOBN, 0x80000000);
    trace_u64(&r, TF_RET, (uint64_t)INT64_C(-4));
    expect_lines(&r, "0 guest h_put_tce liobn=0x80000000 ret=H_PARAMETER\n",
                 "{\"time\":0,\"subject\":\"guest\",\"event\":\"h_put_tce\","
                 "\"liobn\":\"0x80000000\",\"ret\":\"H_PARAMETER\"}\n");
    trace_begin(&r, 0, "guest", TE_STEP_H_PUT_TCE);
    trace_u64(&r, TF_RET, (uint64_t)INT64_C(-123456));
    expect_lines(&r, "0 guest h_put_tce ret=-123456\n",
                 "{\"time\":0,\"subject\":\"guest\",\"event\":\"h_put_tce\","
                 "\"ret\":\"-123456\"}\n");
}
END_TEST

START_TEST(fault_reason_has_two_digits)
{
    struct trace_rec r;

    trace_begin(&r, 7, "dmar0", TE_FAULT);
    trace_u64(&r, TF_FAULT_REASON, 6);
    trace_u64(&r, TF_SID, 0x18);
    trace_u64(&r, TF_ADDR, UINT64_MAX);
    trace_text(&r, TF_ACCESS, "read");
    expect_lines(&r,
                 "7 dmar0 fault reason=0x06 sid=0x18 addr=0xffffffffffffffff "
                 "access=read\n",
                 "{\"time\":7,\"subject\":\"dmar0\",\"event\":\"fault\","
                 "\"reason\":\"0x06\",\"sid\":\"0x18\",\"addr\":\"0xffffffffffffffff\","
                 "\"access\":\"read\"}\n");
}
END_TEST

START_TEST(counts_and_times_are_numbers_up_to_64_bits)
{
    static const struct {
        uint64_t v;
        const char *s;
    } cases[] = {
        { 0, "0" },
        { 9, "9" },
        { 10, "10" },
        { 99, "99" },
        { 100, "100" },
        { 12345, "12345" },
        { UINT64_MAX, "18446744073709551615" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trace_rec r;
        char text[128], json[128];
        trace_begin(&r, cases[i].v, "a/b", TE_REPLAY_END);
        trace_u64(&r, TF_COUNT, cases[i].v);
        snprintf(text, sizeof text, "%s a/b replay-end count=%s\n", cases[i].s,
                 cases[i].s);
        snprintf(
            json, sizeof json,
            "{\"time\":%s,\"subject\":\"a/b\",\"event\":\"replay-end\",\"count\":%s}\n",
            cases[i].s, cases[i].s);
        expect_lines(&r, text, json);
    }
}
END_TEST

START_TEST(errno_is_by_name)
{
    struct trace_rec r;

    trace_begin(&r, 1, "nic0/vfio", TE_ERROR);
    trace_text(&r, TF_OP, "map");
    trace_u64(&r, TF_ERRNO, EEXIST);
    trace_u64(&r, TF_IOVA, 0);
    expect_lines(&r, "1 nic0/vfio error op=map errno=EEXIST iova=0x0\n",
                 "{\"time\":1,\"subject\":\"nic0/vfio\",\"event\":\"error\","
                 "\"op\":\"map\",\"errno\":\"EEXIST\",\"iova\":\"0x0\"}\n");
}
END_TEST

START_TEST(words_are_escaped_as_each_format_needs)
{
    struct trace_rec r;

    trace_begin(&r, 1, "my guest", TE_EXPECT_FAILED);
    trace_text(&r, TF_AT, "a \"b\"\\100%.yaml:3");
    trace_text(&r, TF_WANT, "");
    trace_text(&r, TF_GOT, "\n");
    expect_lines(
        &r, "1 my%20guest expect-failed at=a%20\"b\"\\100%25.yaml:3 want= got=%0a\n",
        "{\"time\":1,\"subject\":\"my guest\",\"event\":\"expect-failed\","
        "\"at\":\"a \\\"b\\\"\\\\100%.yaml:3\",\"want\":\"\",\"got\":\"\\u000a\"}\n");
}
END_TEST

START_TEST(color_marks_a_violation_and_leaves_a_map_alone)
{
    struct trace_output o;
    struct trace_rec r;

    trace_output_init_fd(&o, -1);
    trace_begin(&r, 1, "a/b", TE_VIOLATION);
    trace_text(&r, TF_CLASS, "dma-lost");
    trace_format_text(&o, &r, true);
    trace_begin(&r, 2, "a/b", TE_NOTIFY_MAP);
    trace_format_text(&o, &r, true);
    char *got = finish(&o);
    ck_assert_str_eq(got, "\033[31m1 a/b violation class=dma-lost\033[0m\n2 a/b MAP\n");
    free(got);
}
END_TEST

START_TEST(header_names_scenario_seed_profile_and_quirks)
{
    static const char *const quirks[] = { "papr.lone-map", "sub.drop-unmap" };
    static const char *const overrides[] = { "seed=7" };
    static const struct trace_header h = { "0.1", "replay on hotplug", 0xcbf29ce4,
                                           7,     "qemu-7.2",          quirks,
                                           2,     overrides,           1 };
    struct trace_output o;

    trace_output_init_fd(&o, -1);
    trace_format_header_text(&o, &h);
    char *got = finish(&o);
    ck_assert_str_eq(got, "# iommusim-trace 1\n"
                          "# version 0.1\n"
                          "# scenario replay on hotplug hash=0x00000000cbf29ce4\n"
                          "# seed 7\n"
                          "# profile qemu-7.2\n"
                          "# quirks papr.lone-map sub.drop-unmap\n"
                          "# overrides seed=7\n");
    free(got);
    trace_output_init_fd(&o, -1);
    trace_format_header_jsonl(&o, &h);
    got = finish(&o);
    ck_assert_str_eq(got, "{\"time\":0,\"subject\":\"iommusim\",\"event\":\"header\","
                          "\"format\":1,\"version\":\"0.1\","
                          "\"scenario\":\"replay on hotplug\","
                          "\"hash\":\"0x00000000cbf29ce4\",\"seed\":\"7\","
                          "\"profile\":\"qemu-7.2\","
                          "\"quirks\":[\"papr.lone-map\",\"sub.drop-unmap\"],"
                          "\"overrides\":[\"seed=7\"]}\n");
    free(got);
}
END_TEST

START_TEST(hash_is_fnv_1a)
{
    /* Published test vectors of the algorithm. */
    ck_assert_uint_eq(trace_hash("", 0), UINT64_C(0xcbf29ce484222325));
    ck_assert_uint_eq(trace_hash("a", 1), UINT64_C(0xaf63dc4c8601ec8c));
    ck_assert_uint_eq(trace_hash("foobar", 6), UINT64_C(0x85944171f73967e8));
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("trace/format");
    TCase *tc = tcase_create("lines");

    tcase_add_test(tc, map_event_has_addresses_in_hex_and_a_permission);
    tcase_add_test(tc, size_of_0_is_written_as_2_to_the_64);
    tcase_add_test(tc, hypercall_status_is_by_name_or_else_a_number);
    tcase_add_test(tc, fault_reason_has_two_digits);
    tcase_add_test(tc, counts_and_times_are_numbers_up_to_64_bits);
    tcase_add_test(tc, errno_is_by_name);
    tcase_add_test(tc, words_are_escaped_as_each_format_needs);
    tcase_add_test(tc, color_marks_a_violation_and_leaves_a_map_alone);
    tcase_add_test(tc, header_names_scenario_seed_profile_and_quirks);
    tcase_add_test(tc, hash_is_fnv_1a);
    suite_add_tcase(s, tc);
    return s;
}
