/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guest memory: byte order, edges, holes and ROM, watches, and what it costs. */
#include "mem/mem.h"

#include <check.h>
#include <string.h>

#include "support_main.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)

static struct mem *m;
static struct budget budget;

static struct told {
    uint64_t word, old, new;
    const void *cookie;
} told[600];
static size_t n_told;

/* RAM below 1 MiB, ROM up to 2, RAM up to 3, MMIO up to 4, a hole, RAM at 2^51. */
static void
set_up(void)
{
    n_told = 0;
    budget = (struct budget){ .limit = UINT64_MAX };
    m = mem_new(&budget);
    mem_add_range(m, 2 * MIB, 3 * MIB - 1, MEM_RAM);
    mem_add_range(m, 0, 1 * MIB - 1, MEM_RAM);
    mem_add_range(m, UINT64_C(1) << 51, (UINT64_C(1) << 52) - 1, MEM_RAM);
    mem_add_range(m, 1 * MIB, 2 * MIB - 1, MEM_ROM);
    mem_add_range(m, 3 * MIB, 4 * MIB - 1, MEM_MMIO);
}

static void
tear_down(void)
{
    mem_free(m);
    ck_assert_uint_eq(budget.used, 0);
}

START_TEST(ranges_are_kept_in_address_order)
{
    ck_assert_uint_eq(mem_range_count(m), 5);
    for (size_t i = 1; i < 5; i++) {
        ck_assert_uint_gt(mem_range_at(m, i)->first, mem_range_at(m, i - 1)->last);
    }
    ck_assert_int_eq(mem_range_of(m, GPA(2 * MIB - 1))->kind, MEM_ROM);
    ck_assert_int_eq(mem_range_of(m, GPA(3 * MIB))->kind, MEM_MMIO);
    ck_assert_ptr_null(mem_range_of(m, GPA(4 * MIB)));
    ck_assert_ptr_null(mem_range_of(m, GPA(UINT64_MAX)));
    ck_assert(mem_is_ram(m, GPA(0)) && mem_is_ram(m, GPA(UINT64_C(1) << 51)));
    ck_assert(!mem_is_ram(m, GPA(1 * MIB)));
}
END_TEST

START_TEST(numbers_stand_in_memory_in_their_byte_order)
{
    static const uint8_t le[8] = { 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11 };
    static const uint8_t be[8] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 };
    uint8_t bytes[8];

    ck_assert(mem_write64le(m, GPA(0x1000), 0x1122334455667788));
    ck_assert(mem_read(m, GPA(0x1000), bytes, 8));
    ck_assert_mem_eq(bytes, le, 8);
    ck_assert_uint_eq(mem_read64be(m, GPA(0x1000)), 0x8877665544332211);
    ck_assert_uint_eq(mem_read32le(m, GPA(0x1004)), 0x11223344);

    ck_assert(mem_write64be(m, GPA(0x1000), 0x1122334455667788));
    ck_assert(mem_read(m, GPA(0x1000), bytes, 8));
    ck_assert_mem_eq(bytes, be, 8);

    ck_assert(mem_write32le(m, GPA(0x1001), 0xaabbccdd));
    ck_assert_uint_eq(mem_read64be(m, GPA(0x1000)), 0x11ddccbbaa667788);
}
END_TEST

START_TEST(accesses_may_be_unaligned_and_cross_pages)
{
    ck_assert(mem_write64le(m, GPA(0x1ffd), 0x1122334455667788));
    ck_assert_uint_eq(mem_read64le(m, GPA(0x1ffd)), 0x1122334455667788);
    ck_assert_uint_eq(mem_read64le(m, GPA(0x1ff8)) >> 40, 0x667788);
    ck_assert_uint_eq(mem_read64le(m, GPA(0x2000)), 0x1122334455);
    ck_assert(mem_write32le(m, GPA(0x3ffe), 0xcafebabe));
    ck_assert_uint_eq(mem_read32le(m, GPA(0x3ffe)), 0xcafebabe);
}
END_TEST

START_TEST(a_long_write_comes_back)
{
    static uint8_t out[20000], in[20000];

    for (size_t i = 0; i < sizeof(out); i++) {
        out[i] = (uint8_t)(i * 7 + 1);
    }
    ck_assert(mem_write(m, GPA(0x4567), out, sizeof(out)));
    ck_assert(mem_read(m, GPA(0x4567), in, sizeof(in)));
    ck_assert_mem_eq(in, out, sizeof(in));
    ck_assert_uint_eq(mem_resident(m), 6 * PAGE_BYTES); /* 0x4567 .. 0x9386 */
}
END_TEST

START_TEST(untouched_ram_and_rom_read_as_zero)
{
    ck_assert_uint_eq(mem_read64le(m, GPA(0x5000)), 0);
    ck_assert_uint_eq(mem_read64le(m, GPA(1 * MIB)), 0);
    ck_assert_uint_eq(mem_read32le(m, GPA((UINT64_C(1) << 52) - 4)), 0);
    ck_assert_uint_eq(mem_resident(m), 0);
}
END_TEST

START_TEST(holes_and_mmio_read_as_ones_and_drop_writes)
{
    static const uint64_t at[] = { 3 * MIB, 4 * MIB, UINT64_C(1) << 52, UINT64_MAX - 7 };

    for (size_t i = 0; i < 4; i++) {
        uint8_t bytes[8] = { 0 };

        ck_assert(!mem_write64le(m, GPA(at[i]), 1));
        ck_assert(!mem_write64le(m, GPA(at[i]), 0));
        ck_assert_uint_eq(mem_read64le(m, GPA(at[i])), UINT64_MAX);
        ck_assert(!mem_read(m, GPA(at[i]), bytes, 8));
        ck_assert_int_eq(bytes[0], 0xff);
        ck_assert_int_eq(bytes[7], 0xff);
    }
    ck_assert_uint_eq(mem_resident(m), 0);
}
END_TEST

START_TEST(writes_to_rom_are_dropped)
{
    ck_assert(!mem_write64le(m, GPA(1 * MIB), 5));
    ck_assert(!mem_fill(m, GPA(1 * MIB), 5, 8));
    ck_assert_uint_eq(mem_read64le(m, GPA(1 * MIB)), 0);
    ck_assert_uint_eq(mem_resident(m), 0);
}
END_TEST

START_TEST(the_part_of_an_access_inside_ram_is_done)
{
    uint8_t bytes[16], data[16];

    memset(data, 0x5a, sizeof(data));
    ck_assert(!mem_write(m, GPA(3 * MIB - 4), data, 16));
    ck_assert_uint_eq(mem_read32le(m, GPA(3 * MIB - 4)), 0x5a5a5a5a);
    ck_assert(!mem_read(m, GPA(3 * MIB - 4), bytes, 16));
    ck_assert_int_eq(bytes[3], 0x5a);
    ck_assert_int_eq(bytes[4], 0xff);
    ck_assert_int_eq(bytes[15], 0xff);
    ck_assert_uint_eq(mem_read64le(m, GPA(3 * MIB - 4)),
                      UINT64_MAX); /* failed as a whole */
}
END_TEST

START_TEST(accesses_do_not_wrap_to_address_0)
{
    uint8_t bytes[16] = { 0 };

    mem_write64le(m, GPA(0), 0x0102030405060708);
    ck_assert(!mem_read(m, GPA(UINT64_MAX - 7), bytes, 16));
    ck_assert_int_eq(bytes[8], 0xff);
    memset(bytes, 9, sizeof(bytes));
    ck_assert(!mem_write(m, GPA(UINT64_MAX - 7), bytes, 16));
    ck_assert(!mem_fill(m, GPA(UINT64_MAX - 7), 9, 16));
    ck_assert_uint_eq(mem_read64le(m, GPA(0)), 0x0102030405060708);
}
END_TEST

START_TEST(a_lone_write_high_up_costs_one_page_and_its_path)
{
    gpa_t at = GPA((UINT64_C(1) << 51) + 0x128);

    ck_assert(mem_write64le(m, at, 42));
    ck_assert_uint_eq(mem_read64le(m, at), 42);
    ck_assert_uint_eq(mem_resident(m), PAGE_BYTES);
    ck_assert_uint_le(budget.used, 3 * PAGE_BYTES);
}
END_TEST

START_TEST(zeros_allocate_nothing)
{
    uint8_t zeros[64] = { 0 };

    ck_assert(mem_write(m, GPA(0x8000), zeros, sizeof(zeros)));
    ck_assert(mem_write64le(m, GPA(0x9000), 0));
    ck_assert(mem_fill(m, GPA(UINT64_C(1) << 51), 0, UINT64_C(1) << 51));
    ck_assert_uint_eq(budget.used, 0);
    ck_assert(!mem_page_touched(m, GPA(0x8000)));
    ck_assert_ptr_null(mem_page_words(m, GPA(0x8000)));
}
END_TEST

START_TEST(a_huge_fill_with_zeros_clears_what_was_touched)
{
    gpa_t low = GPA(UINT64_C(1) << 51), high = GPA((UINT64_C(1) << 52) - 8);

    mem_write64le(m, low, 1);
    mem_write64le(m, GPA(low.v + 8), 2);
    mem_write64le(m, high, 3);
    ck_assert(mem_fill(m, GPA(low.v + 8), 0, (UINT64_C(1) << 51) - 8));
    ck_assert_uint_eq(mem_read64le(m, low), 1);
    ck_assert_uint_eq(mem_read64le(m, GPA(low.v + 8)), 0);
    ck_assert_uint_eq(mem_read64le(m, high), 0);
    ck_assert(!mem_fill(m, GPA(0), 0, UINT64_MAX)); /* there are holes */
    ck_assert_uint_eq(mem_read64le(m, low), 0);
}
END_TEST

START_TEST(a_fill_skips_what_is_not_ram)
{
    ck_assert(mem_fill(m, GPA(0x1010), 0xab, 0x2000));
    ck_assert_uint_eq(mem_read64le(m, GPA(0x1008)), 0);
    ck_assert_uint_eq(mem_read64le(m, GPA(0x1010)), 0xabababababababab);
    ck_assert_uint_eq(mem_read64le(m, GPA(0x3008)), 0xabababababababab);
    ck_assert_uint_eq(mem_read64le(m, GPA(0x3010)), 0);

    ck_assert(!mem_fill(m, GPA(1 * MIB - 8), 1, 1 * MIB + 16));
    ck_assert_uint_eq(mem_read64le(m, GPA(1 * MIB - 8)), 0x0101010101010101);
    ck_assert_uint_eq(mem_read64le(m, GPA(1 * MIB)), 0);
    ck_assert_uint_eq(mem_read64le(m, GPA(2 * MIB)), 0x0101010101010101);
    ck_assert_uint_eq(mem_read64le(m, GPA(2 * MIB + 8)), 0);
    ck_assert(mem_fill(m, GPA(4 * MIB), 1, 0));
}
END_TEST

START_TEST(a_fill_stops_at_the_budget)
{
    budget.limit = 16 * PAGE_BYTES;
    mem_fill(m, GPA(UINT64_C(1) << 51), 1, UINT64_C(1) << 50);
    ck_assert(budget.exceeded);
    ck_assert_uint_le(mem_resident(m), 17 * PAGE_BYTES);
}
END_TEST

START_TEST(page_words_are_read_in_place)
{
    mem_write64le(m, GPA(0x2018), 77);
    const uint64_t *words = mem_page_words(m, GPA(0x2000));

    ck_assert_ptr_nonnull(words);
    ck_assert_uint_eq(words[3], mem_read64le(m, GPA(0x2018)));
    ck_assert(mem_page_touched(m, GPA(0x2000)));
}
END_TEST

/* --- watching --- */

static void
tell(void *self, gpa_t word, void *cookie, uint64_t old_le, uint64_t new_le)
{
    ck_assert_ptr_eq(self, told);
    ck_assert_uint_eq(mem_read64le(m, word), new_le); /* after the store */
    ck_assert_uint_lt(n_told, 600);
    told[n_told++] = (struct told){ word.v, old_le, new_le, cookie };
}

static void
check_told(size_t i, uint64_t word, uint64_t old, uint64_t new, const void *cookie)
{
    ck_assert_uint_lt(i, n_told);
    ck_assert_uint_eq(told[i].word, word);
    ck_assert_uint_eq(told[i].old, old);
    ck_assert_uint_eq(told[i].new, new);
    ck_assert_ptr_eq(told[i].cookie, cookie);
}

static int cookie_a, cookie_b;

START_TEST(each_changed_word_of_a_watched_page_is_told)
{
    static const uint8_t bytes[20] = {
        1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 0, 0, 0, 0, 10
    };

    mem_set_watcher(m, tell, told);
    mem_watch_page(m, GPA(0x3000), &cookie_a); /* untouched so far */
    ck_assert_ptr_eq(mem_watch_cookie(m, GPA(0x3000)), &cookie_a);
    ck_assert_ptr_null(mem_watch_cookie(m, GPA(0x4000)));

    mem_write64le(m, GPA(0x3008), 5);
    check_told(0, 0x3008, 0, 5, &cookie_a);
    mem_write64le(m, GPA(0x3008), 5); /* no change */
    mem_write64le(m, GPA(0x4008), 5); /* another page */
    ck_assert_uint_eq(n_told, 1);

    /*
     * 20 bytes from 0x3004: half a word, a word, half a word; the last changes nothing.
     */
    mem_write(m, GPA(0x3004), bytes, 20);
    check_told(1, 0x3000, 0, UINT64_C(0x0403020100000000), &cookie_a);
    check_told(2, 0x3008, 5, UINT64_C(0x0000000908070605), &cookie_a);
    check_told(3, 0x3010, 0, UINT64_C(0x0000000a00000000), &cookie_a);
    ck_assert_uint_eq(n_told, 4);
}
END_TEST

START_TEST(every_kind_of_store_is_told)
{
    mem_set_watcher(m, tell, told);
    mem_watch_page(m, GPA(0x3000), &cookie_a);
    mem_write64be(m, GPA(0x3000), 1);
    check_told(0, 0x3000, 0, UINT64_C(1) << 56, &cookie_a);
    mem_write32le(m, GPA(0x3004), 2);
    check_told(1, 0x3000, UINT64_C(1) << 56, UINT64_C(2) << 32, &cookie_a);
    mem_fill(m, GPA(0x3000), 0, 1 * MIB);
    check_told(2, 0x3000, UINT64_C(2) << 32, 0, &cookie_a);
    mem_fill(m, GPA(0x2ff8), 1, 16);
    check_told(3, 0x3000, 0, UINT64_C(0x0101010101010101), &cookie_a);
    mem_write64le(m, GPA(0x2ffc), 0);
    check_told(4, 0x3000, UINT64_C(0x0101010101010101), UINT64_C(0x0101010100000000),
               &cookie_a);
    ck_assert_uint_eq(n_told, 5);
}
END_TEST

START_TEST(a_watch_ends_with_null)
{
    mem_set_watcher(m, tell, told);
    mem_watch_page(m, GPA(0x3000), &cookie_a);
    mem_watch_page(m, GPA(0x3000), NULL);
    mem_watch_page(m, GPA(0x9000), NULL); /* never was watched */
    mem_write64le(m, GPA(0x3000), 1);
    ck_assert_uint_eq(n_told, 0);
}
END_TEST

START_TEST(all_pages_can_be_watched_and_own_cookies_go_first)
{
    mem_set_watcher(m, tell, told);
    mem_watch_page(m, GPA(0x3000), &cookie_a);
    mem_watch_all(m, &cookie_b);
    mem_write64le(m, GPA(0x3000), 1);
    mem_write64le(m, GPA(0x7000), 2);
    mem_write64le(m, GPA(1 * MIB), 3); /* ROM: nothing changes */
    check_told(0, 0x3000, 0, 1, &cookie_a);
    check_told(1, 0x7000, 0, 2, &cookie_b);
    mem_watch_all(m, NULL);
    mem_write64le(m, GPA(0x7000), 4);
    mem_write64le(m, GPA(0x3000), 5);
    check_told(2, 0x3000, 1, 5, &cookie_a);
    ck_assert_uint_eq(n_told, 3);
}
END_TEST

/* Stops watching its own page at the first word and starts to watch a thousand others. */
static void
rearrange(void *self, gpa_t word, void *cookie, uint64_t old_le, uint64_t new_le)
{
    (void)self, (void)cookie, (void)old_le, (void)new_le;
    n_told++;
    mem_watch_page(m, GPA(align_down(word.v, PAGE_LG2)), NULL);
    for (uint64_t i = 0; i < 1000; i++) {
        mem_watch_page(m, GPA((UINT64_C(1) << 51) + i * PAGE_BYTES), &cookie_b);
    }
}

START_TEST(the_watcher_may_change_watches)
{
    uint8_t bytes[64];

    memset(bytes, 1, sizeof(bytes));
    mem_set_watcher(m, rearrange, NULL);
    mem_watch_page(m, GPA(0x3000), &cookie_a);
    mem_write(m, GPA(0x3000), bytes, sizeof(bytes));
    ck_assert_uint_eq(n_told, 1);
    ck_assert_uint_eq(mem_read64le(m, GPA(0x3038)), UINT64_C(0x0101010101010101));
    mem_write64le(m, GPA((UINT64_C(1) << 51) + 999 * PAGE_BYTES), 1);
    ck_assert_uint_eq(n_told, 2);
}
END_TEST

/* By whatever way something comes into a page, its lines say so. */
START_TEST(lines_say_where_a_page_may_hold_something)
{
    static const uint8_t bytes[3] = { 0, 0, 7 };
    uint64_t lines = 1;

    ck_assert_ptr_null(mem_page_lines(m, GPA(0x5000), &lines));
    ck_assert_uint_eq(lines, 0);
    mem_write64le(m, GPA(0x5000 + 8 * 17), 1);
    const uint64_t *words = mem_page_lines(m, GPA(0x5000), &lines);
    ck_assert_ptr_eq(words, mem_page_words(m, GPA(0x5000)));
    ck_assert_uint_eq(lines, 1 << 2);
    mem_write32le(m, GPA(0x5ffc), 1);
    mem_page_lines(m, GPA(0x5000), &lines);
    ck_assert_uint_eq(lines, UINT64_C(1) << 63 | 1 << 2);
    mem_write(m, GPA(0x507e), bytes, 3); /* across two lines */
    mem_page_lines(m, GPA(0x5000), &lines);
    ck_assert_uint_eq(lines, UINT64_C(1) << 63 | 6);
    mem_watch_page(m, GPA(0x6000), &budget);
    mem_fill(m, GPA(0x6040), 0xff, 64);
    mem_page_lines(m, GPA(0x6000), &lines);
    ck_assert_uint_eq(lines, 1 << 1);
    mem_fill(m, GPA(0x7000), 1, PAGE_BYTES);
    mem_page_lines(m, GPA(0x7000), &lines);
    ck_assert_uint_eq(lines, UINT64_MAX);
}
END_TEST

START_TEST(words_are_read_together)
{
    uint64_t words[4] = { 9, 9, 9, 9 };

    mem_write64le(m, GPA(0x5fe8), 0x1122334455667788);
    ck_assert(mem_read_words(m, GPA(0x5fe0), words, 4));
    ck_assert_uint_eq(words[0], 0);
    ck_assert_uint_eq(words[1], 0x1122334455667788);
    ck_assert(mem_read_words(m, GPA(1 * MIB), words, 4)); /* ROM never written */
    ck_assert_uint_eq(words[1], 0);
    ck_assert(!mem_read_words(m, GPA(4 * MIB), words, 2));
    ck_assert_uint_eq(words[1], UINT64_MAX);
}
END_TEST

/* More pages than the cache before the index has places, all with the same low bits. */
START_TEST(many_pages_keep_their_own_contents)
{
    for (uint64_t i = 0; i < 600; i++) {
        mem_write64le(m, GPA((UINT64_C(1) << 51) + i * MIB + 8), i + 1);
    }
    for (uint64_t i = 0; i < 600; i++) {
        ck_assert_uint_eq(mem_read64le(m, GPA((UINT64_C(1) << 51) + i * MIB + 8)), i + 1);
    }
}
END_TEST

START_TEST(discarded_blocks_lose_their_contents_and_stay_ram)
{
    const uint64_t base = 2 * MIB;
    uint64_t last = base + MIB - 1;

    mem_set_block(m, GPA(base), 64 * KIB);
    ck_assert_uint_eq(mem_range_of(m, GPA(base))->block, 64 * KIB);
    mem_write64le(m, GPA(base + 64 * KIB), 1);
    ck_assert(!mem_is_discarded(m, GPA(base), &last));
    ck_assert_uint_eq(last, base + MIB - 1);
    mem_discard(m, GPA(base + 64 * KIB), GPA(base + 256 * KIB - 1));
    ck_assert(mem_is_ram(m, GPA(base + 64 * KIB)));
    ck_assert_uint_eq(mem_read64le(m, GPA(base + 64 * KIB)), 0);
    ck_assert(!mem_is_discarded(m, GPA(base), &last));
    ck_assert_uint_eq(last, base + 64 * KIB - 1);
    last = UINT64_MAX;
    ck_assert(mem_is_discarded(m, GPA(base + 64 * KIB), &last));
    ck_assert_uint_eq(last, base + 256 * KIB - 1);
    mem_populate(m, GPA(base + 128 * KIB), GPA(base + 192 * KIB - 1));
    last = UINT64_MAX;
    ck_assert(mem_is_discarded(m, GPA(base + 64 * KIB + 5), &last));
    ck_assert_uint_eq(last, base + 128 * KIB - 1);
    ck_assert(!mem_is_discarded(m, GPA(base + 128 * KIB), &last));
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("mem/mem");
    TCase *c = tcase_create("mem");

    tcase_add_checked_fixture(c, set_up, tear_down);

    tcase_add_test(c, discarded_blocks_lose_their_contents_and_stay_ram);
    tcase_add_test(c, ranges_are_kept_in_address_order);
    tcase_add_test(c, numbers_stand_in_memory_in_their_byte_order);
    tcase_add_test(c, accesses_may_be_unaligned_and_cross_pages);
    tcase_add_test(c, a_long_write_comes_back);
    tcase_add_test(c, untouched_ram_and_rom_read_as_zero);
    tcase_add_test(c, holes_and_mmio_read_as_ones_and_drop_writes);
    tcase_add_test(c, writes_to_rom_are_dropped);
    tcase_add_test(c, the_part_of_an_access_inside_ram_is_done);
    tcase_add_test(c, accesses_do_not_wrap_to_address_0);
    tcase_add_test(c, a_lone_write_high_up_costs_one_page_and_its_path);
    tcase_add_test(c, zeros_allocate_nothing);
    tcase_add_test(c, a_huge_fill_with_zeros_clears_what_was_touched);
    tcase_add_test(c, a_fill_skips_what_is_not_ram);
    tcase_add_test(c, a_fill_stops_at_the_budget);
    tcase_add_test(c, page_words_are_read_in_place);
    tcase_add_test(c, each_changed_word_of_a_watched_page_is_told);
    tcase_add_test(c, every_kind_of_store_is_told);
    tcase_add_test(c, a_watch_ends_with_null);
    tcase_add_test(c, all_pages_can_be_watched_and_own_cookies_go_first);
    tcase_add_test(c, the_watcher_may_change_watches);
    tcase_add_test(c, lines_say_where_a_page_may_hold_something);
    tcase_add_test(c, words_are_read_together);
    tcase_add_test(c, many_pages_keep_their_own_contents);
    suite_add_tcase(s, c);
    return s;
}
