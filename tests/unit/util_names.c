/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names there and back, and the search for what a misspelt one meant. */
#include "util/names.h"

#include <check.h>
#include <errno.h>

#include "support_main.h"

START_TEST(every_violation_class_is_found_by_its_name)
{
    for (unsigned i = 0; i < VIOLATION_COUNT; i++) {
        enum violation_class c = VIOLATION_COUNT;

        ck_assert(violation_by_name(violation_name((enum violation_class)i), &c));
        ck_assert_uint_eq(c, i);
    }
    enum violation_class c;

    ck_assert_str_eq(violation_name(VIOLATION_STALE_MAPPING), "stale-mapping");
    ck_assert_str_eq(violation_name(VIOLATION_VMM_ABORT), "vmm-abort");
    ck_assert(!violation_by_name("stale", &c));
}
END_TEST

START_TEST(every_blame_is_found_by_its_name)
{
    enum blame b;

    for (unsigned i = 0; i < BLAME_COUNT; i++) {
        ck_assert(blame_by_name(blame_name((enum blame)i), &b));
        ck_assert_uint_eq(b, i);
    }
    ck_assert(!blame_by_name("nobody", &b));
}
END_TEST

START_TEST(permissions_are_none_r_w_rw)
{
    ck_assert_str_eq(perm_name(0), "none");
    ck_assert_str_eq(perm_name(1), "r");
    ck_assert_str_eq(perm_name(2), "w");
    ck_assert_str_eq(perm_name(3), "rw");
}
END_TEST

START_TEST(errnos_have_their_linux_names)
{
    static const struct {
        int number;
        const char *name;
    } row[] = {
        { EINVAL, "EINVAL" },   { EEXIST, "EEXIST" },       { ENOSPC, "ENOSPC" },
        { ENOMEM, "ENOMEM" },   { EPERM, "EPERM" },         { ENXIO, "ENXIO" },
        { ENOENT, "ENOENT" },   { EBUSY, "EBUSY" },         { EFAULT, "EFAULT" },
        { EAGAIN, "EAGAIN" },   { EOPNOTSUPP, "ENOTSUP" },  { E2BIG, "E2BIG" },
        { EIO, "EIO" },         { EOVERFLOW, "EOVERFLOW" }, { ENODEV, "ENODEV" },
        { ENOBUFS, "ENOBUFS" }, { EHWPOISON, "EHWPOISON" },
    };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        int e = 0;

        ck_assert_str_eq(errno_name(row[i].number), row[i].name);
        ck_assert(errno_by_name(row[i].name, &e));
        ck_assert_int_eq(e, row[i].number);
    }
}
END_TEST

START_TEST(second_names_of_an_errno_are_read_but_not_printed)
{
    int e = 0;

    ck_assert(errno_by_name("EOPNOTSUPP", &e));
    ck_assert_int_eq(e, EOPNOTSUPP);
    ck_assert(errno_by_name("EWOULDBLOCK", &e));
    ck_assert_str_eq(errno_name(e), "EAGAIN");
    ck_assert_str_eq(errno_name(0), "EUNKNOWN");
    ck_assert_str_eq(errno_name(99999), "EUNKNOWN");
    ck_assert(!errno_by_name("EUNKNOWN", &e));
}
END_TEST

START_TEST(hypercall_statuses_have_their_papr_numbers)
{
    static const struct {
        int64_t number;
        const char *name;
    } row[] = {
        { 0, "H_SUCCESS" },    { -1, "H_HARDWARE" }, { -2, "H_FUNCTION" },
        { -4, "H_PARAMETER" }, { -57, "H_P4" },      { -44, "H_NOT_ENOUGH_RESOURCES" },
        { 5, "H_PARTIAL" },
    };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        int64_t v = 1234;

        ck_assert_str_eq(hret_name(row[i].number), row[i].name);
        ck_assert(hret_by_name(row[i].name, &v));
        ck_assert_int_eq(v, row[i].number);
    }
    ck_assert_ptr_null(hret_name(-12345));
}
END_TEST

START_TEST(nearest_name_is_what_was_meant)
{
    static const char *const names[] = { "iova",  "size",      NULL,           "gpa",
                                         "perm",  "page",      "device",       "map",
                                         "unmap", "h_put_tce", "stale-mapping" };
    static const struct {
        const char *word, *meant;
    } row[] = {
        { "iva", "iova" },            /* one letter missing */
        { "isze", "size" },           /* two swapped */
        { "devices", "device" },      /* one too many */
        { "IOVA", "iova" },           /* case does not count */
        { "h-put-tce", "h_put_tce" }, /* nor - for _ */
        { "unmpa", "unmap" },
        { "stale-maping", "stale-mapping" },
        { "perm", "perm" },
        { "xyzzy", NULL },
        { "dvc", NULL }, /* half of the letters missing */
        { "", NULL },
        { "a word that is longer than any name in any table could be, by far", NULL },
    };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        const char *got =
            name_nearest(row[i].word, names, sizeof(names) / sizeof(names[0]));

        ck_assert_pstr_eq(got, row[i].meant);
    }
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("util/names");
    TCase *c = tcase_create("names");

    tcase_add_test(c, every_violation_class_is_found_by_its_name);
    tcase_add_test(c, every_blame_is_found_by_its_name);
    tcase_add_test(c, permissions_are_none_r_w_rw);
    tcase_add_test(c, errnos_have_their_linux_names);
    tcase_add_test(c, second_names_of_an_errno_are_read_but_not_printed);
    tcase_add_test(c, hypercall_statuses_have_their_papr_numbers);
    tcase_add_test(c, nearest_name_is_what_was_meant);
    suite_add_tcase(s, c);
    return s;
}
