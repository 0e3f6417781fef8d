/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One error with its place. */
#include "util/err.h"

#include <check.h>
#include <string.h>

#include "support_main.h"

START_TEST(err_at_keeps_the_place_and_returns_false)
{
    const char *file = "a.yaml";
    struct err e;

    ck_assert(!err_at(&e, file, 12, 7, "unknown key '%s'", "unmpa"));
    ck_assert_ptr_eq(e.file, file);
    ck_assert_uint_eq(e.line, 12);
    ck_assert_uint_eq(e.col, 7);
    ck_assert_str_eq(e.text, "unknown key 'unmpa'");
}
END_TEST

START_TEST(err_set_has_no_place)
{
    struct err e = { "old", 1, 2, "old" };

    ck_assert(!err_set(&e, "no %d", 5));
    ck_assert_ptr_null(e.file);
    ck_assert_uint_eq(e.line, 0);
    ck_assert_uint_eq(e.col, 0);
    ck_assert_str_eq(e.text, "no 5");
}
END_TEST

START_TEST(null_only_tells_whether)
{
    ck_assert(!err_at(NULL, "f", 1, 1, "%s", "x"));
    ck_assert(!err_set(NULL, "x"));
}
END_TEST

START_TEST(long_text_is_cut_and_terminated)
{
    struct err e;
    char text[600];

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    err_set(&e, "%s", text);
    ck_assert_uint_eq(strlen(e.text), sizeof(e.text) - 1);
}
END_TEST

START_TEST(an_error_can_be_built_from_its_own_text)
{
    struct err e;

    err_set(&e, "disk full");
    err_at(&e, "t", 3, 0, "cannot write: %s", e.text);
    ck_assert_str_eq(e.text, "cannot write: disk full");
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("util/err");
    TCase *c = tcase_create("err");

    tcase_add_test(c, err_at_keeps_the_place_and_returns_false);
    tcase_add_test(c, err_set_has_no_place);
    tcase_add_test(c, null_only_tells_whether);
    tcase_add_test(c, long_text_is_cut_and_terminated);
    tcase_add_test(c, an_error_can_be_built_from_its_own_text);
    suite_add_tcase(s, c);
    return s;
}
