/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dirty log as a set of pages, against a bitmap. */
#include "mem/dirty.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "support_main.h"
#include "util/addr.h"

enum { PAGES = 256 };

static uint64_t
addr_of(unsigned page)
{
    return (uint64_t)page << PAGE_LG2;
}

START_TEST(runs_are_whole_pages_and_neighbours_are_one)
{
    struct dirty d = { 0 };
    uint64_t first, last;

    ck_assert(!dirty_next(&d, 0, &first, &last));
    dirty_start(&d, NULL);
    ck_assert(d.on && !d.failed);
    dirty_mark(&d, 0x2ffe, 0x3001);
    dirty_mark(&d, 0x4000, 0x4000);
    ck_assert(dirty_next(&d, 0, &first, &last));
    ck_assert_uint_eq(first, 0x2000);
    ck_assert_uint_eq(last, 0x4fff);
    ck_assert(!dirty_next(&d, 0x5000, &first, &last));
    ck_assert(dirty_next(&d, 0x3800, &first, &last));
    ck_assert_uint_eq(first, 0x3000);
    ck_assert_uint_eq(dirty_pages(&d), 3);
    dirty_start(&d, NULL);
    ck_assert_uint_eq(dirty_pages(&d), 0);
    dirty_fini(&d);
}
END_TEST

START_TEST(random_marks_are_those_of_a_bitmap)
{
    const unsigned seed = 51 + (unsigned)_i;
    bool logged[PAGES] = { false }, written[PAGES] = { false };
    struct dirty d = { 0 };
    uint64_t missed = 0, first, last;

    srand(seed);
    printf("seed %u\n", seed);
    dirty_start(&d, NULL);
    for (unsigned i = 0; i < 60; i++) {
        const unsigned a = (unsigned)rand() % PAGES, n = 1 + (unsigned)rand() % 8;
        const bool log = rand() % 2 == 0;
        const unsigned z = a + n < PAGES ? a + n - 1 : PAGES - 1;
        (log ? dirty_mark : dirty_written)(&d, addr_of(a) + 5, addr_of(z) + 7);
        for (unsigned p = a; p <= z; p++) {
            *(log ? &logged[p] : &written[p]) = true;
        }
    }
    for (unsigned p = 0; p < PAGES; p++) {
        missed += written[p] && !logged[p];
        ck_assert_int_eq(dirty_next(&d, addr_of(p), &first, &last) && first == addr_of(p),
                         logged[p]);
    }
    ck_assert_uint_eq(dirty_missed(&d), missed);
    dirty_fini(&d);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("mem_dirty");
    TCase *tc = tcase_create("dirty");

    tcase_add_test(tc, runs_are_whole_pages_and_neighbours_are_one);
    tcase_add_loop_test(tc, random_marks_are_those_of_a_bitmap, 0, 8);
    suite_add_tcase(s, tc);
    return s;
}
