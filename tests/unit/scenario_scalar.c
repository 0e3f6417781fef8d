/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scalar forms of scenarios: tables of what is read and of what is refused. */
#include "scenario/scalar.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "util/addr.h"

#include "support_main.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

struct good {
    const char *text;
    uint64_t value;
};

struct bad {
    const char *text, *problem;
};

typedef const char *number_fn(const char *s, size_t len, uint64_t *out);

static void
check_good(number_fn *read, const struct good *g, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t v = 0xdead;
        const char *problem = read(g[i].text, strlen(g[i].text), &v);

        ck_assert_msg(problem == NULL, "'%s': %s", g[i].text, problem);
        ck_assert_msg(v == g[i].value, "'%s' gave %llu", g[i].text,
                      (unsigned long long)v);
    }
}

static void
check_bad(number_fn *read, const struct bad *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t v = 0xdead;
        const char *problem = read(b[i].text, strlen(b[i].text), &v);

        ck_assert_msg(problem != NULL, "'%s' was read as %llu", b[i].text,
                      (unsigned long long)v);
        ck_assert_str_eq(problem, b[i].problem);
        ck_assert_uint_eq(v, 0xdead);
    }
}

#define INTEGER    "expected an integer such as 42 or 0x2a"
#define ZERO       "a leading zero is not allowed; drop it, or write 0x for hex"
#define BIG        "does not fit 64 bits"
#define UNDERSCORE "'_' belongs between digits"
#define SIZE       "expected a size such as 4096, 0x1000 or 4KiB (B, KiB, MiB, GiB, TiB, PiB)"
#define TIME       "expected a time such as 5us (ns, us, ms, s)"

START_TEST(integers_are_decimal_or_hex)
{
    static const struct good good[] = {
        { "0", 0 },
        { "7", 7 },
        { "1_000_000", 1000000 },
        { "18446744073709551615", UINT64_MAX },
        { "0x0", 0 },
        { "0xfF", 255 },
        { "0X10", 16 },
        { "0xffff_ffff_ffff_ffff", UINT64_MAX },
        { "0x00000000000000000001", 1 },
    };
    static const struct bad bad[] = {
        { "", INTEGER },
        { "x", INTEGER },
        { "-1", INTEGER },
        { "+1", INTEGER },
        { "1.0", INTEGER },
        { "1 ", INTEGER },
        { "0x", INTEGER },
        { "0xg", INTEGER },
        { "12KiB", INTEGER },
        { "010", ZERO },
        { "00", ZERO },
        { "0_1", ZERO },
        { "1__0", UNDERSCORE },
        { "1_", UNDERSCORE },
        { "0x_1", UNDERSCORE },
        { "0x1_", UNDERSCORE },
        { "_1", INTEGER },
        { "18446744073709551616", BIG },
        { "99999999999999999999", BIG },
        { "0x10000000000000000", BIG },
    };

    check_good(scalar_u64, good, LEN(good));
    check_bad(scalar_u64, bad, LEN(bad));
}
END_TEST

START_TEST(sizes_take_units_and_exact_decimals)
{
    static const struct good good[] = {
        { "0", 0 },
        { "4096", 4096 },
        { "0x1000", 4096 },
        { "3B", 3 },
        { "4KiB", 4096 },
        { "0.5KiB", 512 },
        { "1.5MiB", 1572864 },
        { "1_0KiB", 10240 },
        { "16383.9990234375PiB", UINT64_C(18446742974197923840) },
        { "1.0000", 1 },
        { "2GiB", UINT64_C(2) << 30 },
        { "1TiB", UINT64_C(1) << 40 },
    };
    static const struct bad bad[] = {
        { "", SIZE },
        { "KiB", SIZE },
        { "4KB", SIZE },
        { "4 KiB", SIZE },
        { "4kib", SIZE },
        { "1.KiB", SIZE },
        { ".5KiB", SIZE },
        { "-4KiB", SIZE },
        { "04KiB", ZERO },
        { "0xg", SIZE },
        { "16384PiB", BIG },
        { "0x10KiB", SIZE },
        { "1.5", "is not a whole number of bytes" },
        { "0.3KiB", "is not a whole number of bytes" },
        { "0.0000000000000000001PiB", "is not a whole number of bytes" },
    };

    check_good(scalar_size, good, LEN(good));
    check_bad(scalar_size, bad, LEN(bad));
}
END_TEST

START_TEST(times_are_whole_nanoseconds_with_a_unit)
{
    static const struct good good[] = {
        { "0", 0 },
        { "1ns", 1 },
        { "1.5us", 1500 },
        { "0.001us", 1 },
        { "10ms", 10000000 },
        { "1.000000001s", 1000000001 },
        { "18446744073.709551615s", UINT64_MAX },
    };
    static const struct bad bad[] = {
        { "5", "a time needs a unit: ns, us, ms or s" },
        { "0.5", "a time needs a unit: ns, us, ms or s" },
        { "0.5ns", "is not a whole number of nanoseconds" },
        { "1.0000000001s", "is not a whole number of nanoseconds" },
        { "18446744073.709551616s", BIG },
        { "5 us", TIME },
        { "5min", TIME },
        { "us", TIME },
        { "0x5us", TIME },
        { "01us", ZERO },
    };

    check_good(scalar_time, good, LEN(good));
    check_bad(scalar_time, bad, LEN(bad));
}
END_TEST

START_TEST(signed_integers_reach_both_ends)
{
    int64_t v = 0;

    ck_assert_ptr_null(scalar_i64("-4", 2, &v));
    ck_assert_int_eq(v, -4);
    ck_assert_ptr_null(scalar_i64("-9223372036854775808", 20, &v));
    ck_assert(v == INT64_MIN);
    ck_assert_ptr_null(scalar_i64("9223372036854775807", 19, &v));
    ck_assert(v == INT64_MAX);
    ck_assert_ptr_nonnull(scalar_i64("9223372036854775808", 19, &v));
    ck_assert_ptr_nonnull(scalar_i64("--1", 3, &v));
    ck_assert_ptr_nonnull(scalar_i64("-", 1, &v));
}
END_TEST

START_TEST(switches_have_three_spellings)
{
    static const char *const on[] = { "on", "true", "yes" }, *const off[] = { "off",
                                                                              "false",
                                                                              "no" };
    bool v;

    for (size_t i = 0; i < 3; i++) {
        v = false;
        ck_assert_ptr_null(scalar_switch(on[i], strlen(on[i]), &v));
        ck_assert(v);
        ck_assert_ptr_null(scalar_switch(off[i], strlen(off[i]), &v));
        ck_assert(!v);
    }
    ck_assert_str_eq(scalar_switch("On", 2, &v), "expected on or off");
    ck_assert_str_eq(scalar_switch("1", 1, &v), "expected on or off");
}
END_TEST

START_TEST(permissions_are_the_enum_of_util)
{
    static const char *const words[] = {
        [PERM_NONE] = "none", [PERM_R] = "r", [PERM_W] = "w", [PERM_RW] = "rw"
    };
    uint8_t p = 0xff;

    for (uint8_t i = 0; i < 4; i++) {
        ck_assert_ptr_null(scalar_perm(words[i], strlen(words[i]), &p));
        ck_assert_uint_eq(p, i);
    }
    ck_assert_str_eq(scalar_perm("wr", 2, &p), "expected r, w, rw or none");
}
END_TEST

START_TEST(pci_addresses_become_source_ids)
{
    static const char *const bad[] = {
        "",        "3",        "00:03",     "00:20.0",
        "00:03.8", "00:03.0x", "1:2:3:4.0", "00000:00:03.0",
        ":03.0",   "00:3.",    "100:03.0"
    };
    uint16_t segment = 9, sid = 9;

    ck_assert_ptr_null(scalar_pci("00:03.0", 7, &segment, &sid));
    ck_assert_uint_eq(sid, 0x18);
    ck_assert_uint_eq(segment, 0);
    ck_assert_ptr_null(scalar_pci("12ab:fe:1f.7", 12, &segment, &sid));
    ck_assert_uint_eq(sid, 0xfeff);
    ck_assert_uint_eq(segment, 0x12ab);
    for (size_t i = 0; i < LEN(bad); i++) {
        ck_assert_msg(scalar_pci(bad[i], strlen(bad[i]), &segment, &sid) != NULL, "%s",
                      bad[i]);
    }
}
END_TEST

START_TEST(shape_numbers_are_plain_decimals)
{
    double v = 0;

    ck_assert_ptr_null(scalar_real("0.25", 4, &v));
    ck_assert_double_eq(v, 0.25);
    ck_assert_ptr_null(scalar_real("3", 1, &v));
    ck_assert_double_eq(v, 3.0);
    ck_assert_ptr_nonnull(scalar_real("1e3", 3, &v));
    ck_assert_ptr_nonnull(scalar_real("nan", 3, &v));
    ck_assert_ptr_nonnull(scalar_real("1.", 2, &v));
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("scenario_scalar");
    TCase *t = tcase_create("all");

    tcase_add_test(t, integers_are_decimal_or_hex);
    tcase_add_test(t, sizes_take_units_and_exact_decimals);
    tcase_add_test(t, times_are_whole_nanoseconds_with_a_unit);
    tcase_add_test(t, signed_integers_reach_both_ends);
    tcase_add_test(t, switches_have_three_spellings);
    tcase_add_test(t, permissions_are_the_enum_of_util);
    tcase_add_test(t, pci_addresses_become_source_ids);
    tcase_add_test(t, shape_numbers_are_plain_decimals);
    suite_add_tcase(s, t);
    return s;
}
