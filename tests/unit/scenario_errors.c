/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What users read when a scenario is wrong, to the letter. */
#include "scenario/scenario.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_main.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The whole text of the errors of a scenario called x.yaml; the caller frees it. */
static char *
errors_of(const char *data, size_t len)
{
    struct scenario *sc = NULL;
    struct scenario_errors errs;
    char *text;

    ck_assert(!scenario_load_buffer("x.yaml", data, len, &sc, &errs));
    ck_assert_ptr_null(sc);
    text = scenario_errors_text(&errs);
    scenario_errors_fini(&errs);
    return text;
}

static void
expect_errors(const char *data, const char *want)
{
    char *got = errors_of(data, strlen(data));

    ck_assert_str_eq(got, want);
    free(got);
}

#define MACHINE                                                                          \
    "iommusim: 1\n"                                                                      \
    "machine: {iommus: {p: {model: papr-tce}}, devices: {n: {iommu: p, backend: "        \
    "vfio}}}\n"

START_TEST(an_error_shows_place_line_caret_and_the_nearest_key)
{
    expect_errors(MACHINE "timeline:\n"
                          "  - map: {iva: 0x1000, size: 4KiB, device: n, gpa: 0}\n",
                  "x.yaml:4:11: error: unknown key 'iva' in 'map'; did you mean 'iova'?\n"
                  "    4 |   - map: {iva: 0x1000, size: 4KiB, device: n, gpa: 0}\n"
                  "      |           ^~~\n");
}
END_TEST

START_TEST(errors_come_in_file_order_whatever_is_read_first)
{
    expect_errors(
        "iommusim: 1\n"
        "expect: {faults: many}\n"
        "timeline: [{hotplug: x}]\n"
        "machine: {ram: lots}\n",
        "x.yaml:2:18: error: bad value 'many' for 'faults': expected an integer such "
        "as 42 or 0x2a\n"
        "    2 | expect: {faults: many}\n"
        "      |                  ^~~~\n"
        "x.yaml:3:22: error: unknown device 'x'\n"
        "    3 | timeline: [{hotplug: x}]\n"
        "      |                      ^\n"
        "x.yaml:4:16: error: bad value 'lots' for 'ram': expected a size such as "
        "4096, 0x1000 or 4KiB (B, KiB, MiB, GiB, TiB, PiB)\n"
        "    4 | machine: {ram: lots}\n"
        "      |                ^~~~\n");
}
END_TEST

START_TEST(twenty_errors_are_shown_and_more_are_mentioned)
{
    char text[8192] = MACHINE "timeline:\n";
    size_t lines = 0;

    for (int i = 0; i < 21; i++) {
        strcat(text, "  - dma: {device: n, iova: 0, size: 0, access: read}\n");
    }
    char *got = errors_of(text, strlen(text));
    const char *last = strstr(got, "x.yaml: error: too many errors\n");

    ck_assert_ptr_nonnull(last);
    ck_assert_str_eq(last, "x.yaml: error: too many errors\n");
    for (const char *p = got; (p = strstr(p, "expected 1 or more")) != NULL; p++) {
        lines++;
    }
    ck_assert_uint_eq(lines, 20);
    free(got);
}
END_TEST

START_TEST(twenty_errors_are_not_too_many)
{
    char text[8192] = MACHINE "timeline:\n";

    for (int i = 0; i < 20; i++) {
        strcat(text, "  - dma: {device: n, iova: 0, size: 0, access: read}\n");
    }
    char *got = errors_of(text, strlen(text));

    ck_assert_ptr_null(strstr(got, "too many"));
    free(got);
}
END_TEST

START_TEST(an_error_behind_an_alias_is_shown_once)
{
    expect_errors(
        MACHINE "x-step: &s {dma: {device: n, iova: 0, size: zero, access: read}}\n"
                "timeline: [*s, *s, *s]\n",
        "x.yaml:3:45: error: bad value 'zero' for 'size': expected a size such as "
        "4096, 0x1000 or 4KiB (B, KiB, MiB, GiB, TiB, PiB)\n"
        "    3 | x-step: &s {dma: {device: n, iova: 0, size: zero, access: read}}\n"
        "      |                                             ^~~~\n");
}
END_TEST

START_TEST(carriage_returns_end_lines_too)
{
    expect_errors(
        "iommusim: 1\r\nname: x\r\nsede: 1\r\n",
        "x.yaml:3:1: error: unknown key 'sede' in 'scenario'; did you mean 'seed'?\n"
        "    3 | sede: 1\n"
        "      | ^~~~\n");
}
END_TEST

START_TEST(a_byte_order_mark_is_no_column)
{
    expect_errors(
        "\xef\xbb\xbfiommusim: 3\n",
        "x.yaml:1:11: error: bad value '3' for 'iommusim': this program reads format "
        "version 1\n"
        "    1 | iommusim: 3\n"
        "      |           ^\n");
}
END_TEST

START_TEST(nul_bytes_and_broken_utf8_are_named_with_their_place)
{
    static const struct {
        const char *data;
        size_t len;
        const char *want;
    } cases[] = {
        { "iommusim: 1\nname: \0\n", 20,
          "x.yaml:2:7: error: byte 0x00: a control character; a scenario is plain text\n"
          "    2 | name: ?\n"
          "      |       ^\n" },
        { "name: \xc3\xa9\xff\n", 10,
          "x.yaml:1:8: error: byte 0xff: not UTF-8\n"
          "    1 | name: \xc3\xa9?\n"
          "      |        ^\n" },
        { "name: \xed\xa0\x80\n", 10, /* a surrogate */
          "x.yaml:1:7: error: byte 0xed: not UTF-8\n"
          "    1 | name: \xed\xa0\x80\n"
          "      |       ^\n" },
        { "name: \xc0\xaf\n", 9, /* an overlong slash */
          "x.yaml:1:7: error: byte 0xc0: not UTF-8\n"
          "    1 | name: \xc0\xaf\n"
          "      |       ^\n" },
    };

    for (size_t i = 0; i < LEN(cases); i++) {
        char *got = errors_of(cases[i].data, cases[i].len);

        ck_assert_str_eq(got, cases[i].want);
        free(got);
    }
}
END_TEST

START_TEST(a_huge_text_and_a_deep_nest_end_in_one_error)
{
    size_t len = 4 << 20;
    char *text = malloc(len + 16);

    strcpy(text, "iommusim: 1\nx: ");
    memset(text + 15, 'a', len);
    char *got = errors_of(text, len);

    ck_assert_ptr_nonnull(strstr(got,
                                 "x.yaml:2:4: error: a text of 4194289 bytes; at most "
                                 "65536 are allowed here\n"));
    ck_assert_uint_lt(strlen(got), 1000); /* the line is cut */
    free(got);

    memset(text + 15, '[', len);
    got = errors_of(text, len);
    ck_assert_ptr_nonnull(
        strstr(got, "x.yaml:2:67: error: nested more than 64 levels deep\n"));
    ck_assert_uint_lt(strlen(got), 1000);
    free(got);
    free(text);
}
END_TEST

START_TEST(an_alias_bomb_ends_in_one_error)
{
    char text[4096] = "iommusim: 1\nx-0: &a0 [b, b, b, b, b, b, b, b]\n";
    size_t n = strlen(text);

    for (int i = 1; i < 20; i++) {
        n +=
            (size_t)sprintf(text + n, "x-%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n",
                            i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    }
    char *got = errors_of(text, n);

    ck_assert_ptr_nonnull(strstr(got, "aliases expand to more than 1000000 items"));
    free(got);
}
END_TEST

START_TEST(a_missing_file_and_a_directory_are_named)
{
    static const char *const paths[] = { "no/such/file.yaml", "." };
    static const char *const want[] = {
        "no/such/file.yaml: error: cannot read: No such file or directory\n",
        ".: error: cannot read: Is a directory\n",
    };

    for (size_t i = 0; i < 2; i++) {
        struct scenario *sc;
        struct scenario_errors errs;

        ck_assert(!scenario_load(paths[i], &sc, &errs));
        char *got = scenario_errors_text(&errs);

        ck_assert_str_eq(got, want[i]);
        free(got);
        scenario_errors_fini(&errs);
    }
}
END_TEST

START_TEST(a_subscribe_step_takes_what_its_backend_takes)
{
    static const char text[] = "iommusim: 1\n"
                               "machine:\n"
                               "  iommus: {v: {model: intel-vtd}}\n"
                               "  devices: {a: {iommu: v}}\n"
                               "timeline:\n"
                               "  - subscribe: {device: a, backend: vhost, acks: off}\n"
                               "  - script: |\n"
                               "      subscribe device=a backend=vfio acks=off acks=on\n";
    char *got = errors_of(text, strlen(text));

    ck_assert_ptr_nonnull(strstr(got, "6:50: error: 'acks' is no option of backend"));
    ck_assert_ptr_nonnull(strstr(got, "8:48: error: key 'acks' is there twice"));
    free(got);
}
END_TEST

START_TEST(ats_is_switched_where_there_are_device_tlbs)
{
    static const struct {
        const char *step, *want;
    } bad[] = {
        { "{device: a, enable: off}", "'ats' needs 'device_iotlb: on' for 'v'" },
        { "{device: p, enable: on}", "'ats' is for intel-vtd; 'phb' is another model" },
        { "{device: b, enable: on}", "behind a conventional bridge there is no ATS" },
        { "{device: c}", "'ats' needs 'enable'" },
    };

    for (size_t i = 0; i < LEN(bad); i++) {
        char text[600];
        snprintf(text, sizeof(text),
                 "iommusim: 1\n"
                 "machine:\n"
                 "  iommus:\n"
                 "    v: {model: intel-vtd}\n"
                 "    w: {model: intel-vtd, base: 0xfed91000, device_iotlb: on}\n"
                 "    phb: {model: papr-tce}\n"
                 "  devices:\n"
                 "    a: {iommu: v}\n"
                 "    b: {iommu: w, requester: 1:0.0}\n"
                 "    c: {iommu: w}\n"
                 "    p: {iommu: phb}\n"
                 "timeline: [{ats: %s}]\n",
                 bad[i].step);
        char *got = errors_of(text, strlen(text));
        ck_assert_msg(strstr(got, bad[i].want) != NULL, "%s", got);
        free(got);
    }
}
END_TEST

START_TEST(S124_a_shared_requester_excludes_what_is_a_devices_own)
{
    static const struct {
        const char *device, *want;
    } bad[] = {
        { "{iommu: v, requester: 1:0.0, address: 0:3.0}",
          "behind a 'requester' a device's own address is not seen" },
        { "{iommu: v, requester: 1:0.0, ats: on}",
          "behind a conventional bridge there is no ATS" },
        { "{iommu: v, requester: 1:0.0, pasids: 4}",
          "behind a conventional bridge there is no PASID" },
        { "{iommu: p, requester: 1:0.0}", "'requester' needs an intel-vtd" },
        { "{iommu: v, requester: 0:1.0}",
          "another device behind this iommu has the same address" },
    };

    for (size_t i = 0; i < LEN(bad); i++) {
        char text[600];
        snprintf(
            text, sizeof(text),
            "iommusim: 1\n"
            "machine:\n"
            "  iommus:\n"
            "    v: {model: intel-vtd, device_iotlb: on, mode: scalable, pasid: on}\n"
            "    p: {model: papr-tce}\n"
            "  devices:\n"
            "    a: {iommu: v, address: 0:1.0}\n"
            "    n: %s\n",
            bad[i].device);
        char *got = errors_of(text, strlen(text));
        ck_assert_msg(strstr(got, bad[i].want) != NULL, "%s", got);
        ck_assert_ptr_null(strstr(strstr(got, "error:") + 1, "error:"));
        free(got);
    }
}
END_TEST

START_TEST(syntax_errors_point_at_what_was_opened)
{
    static const char *const cases[][2] = {
        { "iommusim: 1\nname: 'abc\n", "x.yaml:2:7: error: this quote is not closed\n"
                                       "    2 | name: 'abc\n"
                                       "      |       ^\n" },
        { "iommusim: 1\nmachine: {ram: 1GiB\ntimeline: []\n",
          "x.yaml:2:10: error: '{' is not closed: expected ',' or '}' at line 3, column "
          "9\n"
          "    2 | machine: {ram: 1GiB\n"
          "      |          ^\n" },
        { "iommusim: 1\ntags: [a, b}\n", "x.yaml:2:7: error: '[' is not closed: expected "
                                         "',' or ']' at line 2, column 12\n"
                                         "    2 | tags: [a, b}\n"
                                         "      |       ^\n" },
        { "iommusim: 1\n---\nname: x\n",
          "x.yaml:2:1: error: a second document begins here; a scenario is one document\n"
          "    2 | ---\n"
          "      | ^~~\n" },
        { "iommusim: 1\nname: a: b\n",
          "x.yaml:2:8: error: not YAML: mapping values are not allowed in this context\n"
          "    2 | name: a: b\n"
          "      |        ^\n" },
    };

    for (size_t i = 0; i < LEN(cases); i++) {
        expect_errors(cases[i][0], cases[i][1]);
    }
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("scenario_errors");
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, an_error_shows_place_line_caret_and_the_nearest_key);
    tcase_add_test(t, errors_come_in_file_order_whatever_is_read_first);
    tcase_add_test(t, twenty_errors_are_shown_and_more_are_mentioned);
    tcase_add_test(t, twenty_errors_are_not_too_many);
    tcase_add_test(t, an_error_behind_an_alias_is_shown_once);
    tcase_add_test(t, carriage_returns_end_lines_too);
    tcase_add_test(t, a_byte_order_mark_is_no_column);
    tcase_add_test(t, nul_bytes_and_broken_utf8_are_named_with_their_place);
    tcase_add_test(t, a_huge_text_and_a_deep_nest_end_in_one_error);
    tcase_add_test(t, an_alias_bomb_ends_in_one_error);
    tcase_add_test(t, a_missing_file_and_a_directory_are_named);
    tcase_add_test(t, a_subscribe_step_takes_what_its_backend_takes);
    tcase_add_test(t, ats_is_switched_where_there_are_device_tlbs);
    tcase_add_test(t, S124_a_shared_requester_excludes_what_is_a_devices_own);
    tcase_add_test(t, syntax_errors_point_at_what_was_opened);
    suite_add_tcase(s, t);
    return s;
}
