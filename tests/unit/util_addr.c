/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The arithmetic of addresses and ranges. */
#include "util/addr.h"

#include <check.h>

#include "support_main.h"

/* The number of blocks of the greedy cover of [first, last]; their log2 in `lg2`. */
static unsigned
cover(uint64_t first, uint64_t last, unsigned *lg2, unsigned max)
{
    unsigned n = 0;

    for (;;) {
        unsigned k = dyadic_lg2(first, last);
        uint64_t block_last = k == 64 ? UINT64_MAX : first + ((UINT64_C(1) << k) - 1);

        ck_assert_uint_lt(n, max);
        ck_assert(k == 64 ? first == 0 : is_aligned(first, k));
        ck_assert_uint_le(block_last, last);
        lg2[n++] = k;
        if (block_last == last) {
            return n;
        }
        first = block_last + 1;
    }
}

/* The least number of aligned blocks, by trying: a block is taken whole or halved. */
static unsigned
least_blocks(uint64_t base, unsigned lg2, uint64_t first, uint64_t last)
{
    uint64_t base_last = base + ((UINT64_C(1) << lg2) - 1);

    if (last < base || base_last < first) {
        return 0;
    }
    if (first <= base && base_last <= last) {
        return 1;
    }
    return least_blocks(base, lg2 - 1, first, last) +
           least_blocks(base + (UINT64_C(1) << (lg2 - 1)), lg2 - 1, first, last);
}

START_TEST(dyadic_cover_is_minimal_for_every_range_of_a_small_space)
{
    unsigned lg2[16];

    for (uint64_t first = 0; first < 128; first++) {
        for (uint64_t last = first; last < 128; last++) {
            ck_assert_uint_eq(cover(first, last, lg2, 16),
                              least_blocks(0, 7, first, last));
        }
    }
}
END_TEST

/* The example of a 39-bit window around the interrupt range: 10 and 9 events. */
START_TEST(dyadic_cover_of_a_vtd_window_has_10_and_9_pieces)
{
    static const unsigned below[10] = { 31, 30, 29, 28, 27, 26, 25, 23, 22, 21 };
    static const unsigned above[9] = { 20, 24, 32, 33, 34, 35, 36, 37, 38 };
    unsigned lg2[16];

    ck_assert_uint_eq(cover(0, 0xfedfffff, lg2, 16), 10);
    ck_assert_mem_eq(lg2, below, sizeof(below));
    ck_assert_uint_eq(cover(0xfef00000, (UINT64_C(1) << 39) - 1, lg2, 16), 9);
    ck_assert_mem_eq(lg2, above, sizeof(above));
}
END_TEST

START_TEST(dyadic_cover_reaches_the_last_address)
{
    unsigned lg2[128];

    ck_assert_uint_eq(dyadic_lg2(0, UINT64_MAX), 64);
    ck_assert_uint_eq(dyadic_lg2(0, UINT64_MAX - 1), 63);
    ck_assert_uint_eq(dyadic_lg2(UINT64_MAX, UINT64_MAX), 0);
    ck_assert_uint_eq(cover(0, UINT64_MAX - 1, lg2, 128), 64);
    ck_assert_uint_eq(cover(1, UINT64_MAX, lg2, 128), 64);
    ck_assert_uint_eq(cover(1, UINT64_MAX - 1, lg2, 128), 126);
}
END_TEST

START_TEST(range_last_stops_at_the_last_address)
{
    ck_assert_uint_eq(range_last(0x1000, 0x1000), 0x1fff);
    ck_assert_uint_eq(range_last(UINT64_MAX, 1), UINT64_MAX);
    ck_assert_uint_eq(range_last(UINT64_MAX - 1, 2), UINT64_MAX);
    ck_assert_uint_eq(range_last(UINT64_MAX - 1, 3), UINT64_MAX);
    ck_assert_uint_eq(range_last(5, UINT64_MAX), UINT64_MAX);
    ck_assert_uint_eq(range_last(0, UINT64_MAX), UINT64_MAX - 1);
}
END_TEST

START_TEST(ranges_overlap_if_they_share_an_address)
{
    ck_assert(ranges_overlap(0, 5, 5, 9));
    ck_assert(ranges_overlap(5, 9, 0, 5));
    ck_assert(ranges_overlap(0, UINT64_MAX, 7, 7));
    ck_assert(!ranges_overlap(0, 4, 5, 9));
    ck_assert(!ranges_overlap(5, 9, 0, 4));
}
END_TEST

START_TEST(alignment_and_powers_of_two)
{
    ck_assert_uint_eq(align_down(0x12345, 12), 0x12000);
    ck_assert_uint_eq(align_down(UINT64_MAX, 63), UINT64_C(1) << 63);
    ck_assert(is_aligned(0x2000, 13) && !is_aligned(0x2000, 14) && is_aligned(7, 0));
    ck_assert(is_pow2(1) && is_pow2(UINT64_C(1) << 63));
    ck_assert(!is_pow2(0) && !is_pow2(3) && !is_pow2(UINT64_MAX));
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("util/addr");
    TCase *c = tcase_create("addr");

    tcase_add_test(c, dyadic_cover_is_minimal_for_every_range_of_a_small_space);
    tcase_add_test(c, dyadic_cover_of_a_vtd_window_has_10_and_9_pieces);
    tcase_add_test(c, dyadic_cover_reaches_the_last_address);
    tcase_add_test(c, range_last_stops_at_the_last_address);
    tcase_add_test(c, ranges_overlap_if_they_share_an_address);
    tcase_add_test(c, alignment_and_powers_of_two);
    suite_add_tcase(s, c);
    return s;
}
