/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The quirk table, sets of quirks and profiles. */
#include "util/quirks.h"

#include <check.h>
#include <string.h>

#include "support_main.h"

START_TEST(every_quirk_is_described_and_found_by_its_name)
{
    for (unsigned i = 0; i < QUIRK_COUNT; i++) {
        const struct quirk_info *info = quirk_info((enum quirk)i);
        enum quirk q = QUIRK_COUNT;

        ck_assert(strlen(info->name) > 0 && strlen(info->where) > 0);
        ck_assert(strlen(info->what) > 0 && strlen(info->story) > 0);
        ck_assert(quirk_by_name(info->name, &q)); /* also: no name twice */
        ck_assert_uint_eq(q, i);
    }
    enum quirk q;

    ck_assert(!quirk_by_name("no-such-quirk", &q));
}
END_TEST

START_TEST(setting_one_quirk_leaves_the_others)
{
    struct quirk_set q = { { 0 } };

    for (unsigned i = 0; i < QUIRK_COUNT; i++) {
        quirk_set(&q, (enum quirk)i, true);
    }
    quirk_set(&q, QUIRK_PAPR_LONE_MAP, false);
    for (unsigned i = 0; i < QUIRK_COUNT; i++) {
        ck_assert_int_eq(quirk_on(&q, (enum quirk)i), i != QUIRK_PAPR_LONE_MAP);
    }
}
END_TEST

START_TEST(spec_profile_is_empty)
{
    struct quirk_set q;

    memset(&q, 0xff, sizeof(q));
    profile_apply(profile_by_name("spec"), &q);
    for (unsigned i = 0; i < QUIRK_COUNT; i++) {
        ck_assert(!quirk_on(&q, (enum quirk)i));
    }
}
END_TEST

START_TEST(qemu_7_2_profile_holds_what_that_version_does)
{
    static const char *const names[] = { "papr.lone-map", "papr.per-entry-checks",
                                         "papr.silent-teardown",
                                         "core.assert-partial-overlap" };
    const struct profile_info *p = profile_by_name("qemu-7.2");

    ck_assert_ptr_nonnull(p);
    ck_assert_uint_ge(p->n, 4);
    for (size_t i = 0; i < 4; i++) {
        struct quirk_set q;
        enum quirk id;

        profile_apply(p, &q);
        ck_assert(quirk_by_name(names[i], &id));
        ck_assert(quirk_on(&q, id));
    }
}
END_TEST

/* What a version had is not what it had later. */
START_TEST(profiles_follow_the_eras)
{
    static const struct {
        enum quirk id;
        bool in_2_8, in_4_2, in_9_2;
    } rows[] = {
        { QUIRK_PAPR_LONE_MAP, true, true, true },
        { QUIRK_CORE_NO_WINDOW_FILTER, true, false, false },
        { QUIRK_CORE_REFUSAL_EXITS, true, false, false },
        { QUIRK_VTD_SILENT, true, false, false },
        { QUIRK_PAPR_REPLAY_NEW_WINDOW, true, false, false },
        { QUIRK_PAPR_NO_DEFAULT_RESTORE, true, true, false },
        { QUIRK_PAPR_STICKY_DEFAULT, false, false, true },
        { QUIRK_CORE_ASSERT_PARTIAL, false, true, true },
        { QUIRK_VTD_MAP_WITHOUT_CM, false, true, false },
        { QUIRK_VTD_WIDE_SKIPS_UNMAP_ONLY, false, true, false },
        { QUIRK_VTD_SNOOP_REFUSES, false, false, true },
        { QUIRK_CORE_NO_REPLAY, false, false, false },
        { QUIRK_VTD_PSI_SKIPS_EMPTY_DIR, false, false, false },
    };
    struct quirk_set a, b, c;

    profile_apply(profile_by_name("qemu-2.8"), &a);
    profile_apply(profile_by_name("qemu-4.2"), &b);
    profile_apply(profile_by_name("qemu-9.2"), &c);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(quirk_on(&a, rows[i].id), rows[i].in_2_8);
        ck_assert_int_eq(quirk_on(&b, rows[i].id), rows[i].in_4_2);
        ck_assert_int_eq(quirk_on(&c, rows[i].id), rows[i].in_9_2);
    }
}
END_TEST

START_TEST(profiles_are_listed_until_null)
{
    size_t n = 0;

    for (; profile_at(n) != NULL; n++) {
        ck_assert_ptr_eq(profile_by_name(profile_at(n)->name), profile_at(n));
    }
    ck_assert_uint_eq(n, 5);
    ck_assert_str_eq(profile_at(0)->name, "spec");
    ck_assert_ptr_null(profile_by_name("qemu-0.1"));
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("util/quirks");
    TCase *c = tcase_create("quirks");

    tcase_add_test(c, every_quirk_is_described_and_found_by_its_name);
    tcase_add_test(c, setting_one_quirk_leaves_the_others);
    tcase_add_test(c, spec_profile_is_empty);
    tcase_add_test(c, qemu_7_2_profile_holds_what_that_version_does);
    tcase_add_test(c, profiles_follow_the_eras);
    tcase_add_test(c, profiles_are_listed_until_null);
    suite_add_tcase(s, c);
    return s;
}
