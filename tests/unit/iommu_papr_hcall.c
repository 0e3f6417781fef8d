/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hypercalls: status, what is written and what is announced, by LoPAR's rules
 * and by QEMU's.
 */
#include <check.h>
#include <string.h>

#include "support_main.h"
#include "support_papr.h"

static struct ear mu, u;
static struct log mu_log, u_log;

static void
open_with(const enum quirk *quirks)
{
    phb_default(quirks);
    ear_open(&mu, "", &mu_log, MU, true);
    ear_open(&u, "", &u_log, U, false);
}

static void
setup_spec(void)
{
    open_with(spec_quirks);
}

static void
setup_qemu(void)
{
    open_with(qemu_quirks);
}

/* --- the observed table of return codes, 14.1 of the reference --- */

enum kind { PUT, STUFF, IND, GET };

/* A call, its status and up to three entries read back afterwards. */
struct row {
    unsigned number;
    enum kind kind;
    uint64_t liobn, ioba, value, n; /* value: TCE or list */
    int64_t ret;
    struct {
        uint64_t ioba, tce;
    } after[3];
};

#define NONE UINT64_MAX
#define END                                                                              \
    {                                                                                    \
        NONE, 0                                                                          \
    }

static const struct row observed[] = {
    { 1, PUT, W0, 0, 0x200003, 0, 0, { { 0, 0x200003 }, END } },
    { 2,
      PUT,
      W0,
      0x1abc,
      0x201001,
      0,
      0,
      { { 0x1000, 0x201001 }, { 0x1fff, 0x201001 }, END } },
    { 3, PUT, W0, 0x3ffff000, 0x202002, 0, 0, { { 0x3ffff000, 0x202002 }, END } },
    { 4, PUT, W0, 0x40000000, 0x200003, 0, -4, { END } },
    { 5, PUT, W0, UINT64_MAX, 0x200003, 0, -4, { END } },
    { 6, PUT, 0x80000f00, 0, 0x200003, 0, -4, { END } },
    { 7, PUT, 0x180000000, 0, 0x200003, 0, -4, { { 0, 0 }, END } },
    { 8, PUT, W1, 0, 0x200003, 0, -4, { END } },
    { 8, GET, W1, 0, 0, 0, -4, { END } },
    { 8, STUFF, W1, 0, 0, 0, -4, { END } },
    { 8, STUFF, W1, 0, 0, 1, -4, { END } },
    { 8, IND, W1, 0, LIST, 1, -4, { END } },
    { 9, PUT, W0, 0x2000, 0x204fff, 0, 0, { { 0x2000, 0x204fff }, END } },
    { 10,
      PUT,
      W0,
      0x3000,
      0xfffffffffffff003,
      0,
      0,
      { { 0x3000, 0xfffffffffffff003 }, END } },
    { 11, PUT, W0, 0x4000, 0x205000, 0, 0, { { 0x4000, 0x205000 }, END } },
    { 12, IND, W0, 0x10000, LIST, 0, -4, { { 0x10000, 0 }, END } },
    { 13,
      IND,
      W0,
      0x10000,
      LIST,
      512,
      0,
      { { 0x10000, 0x100003 }, { 0x20f000, 0x2ff003 }, { 0x210000, 0 } } },
    { 14, IND, W0, 0x10000, LIST, 513, -4, { { 0x10000, 0 }, END } },
    { 15, IND, W0, 0x10000, LIST + 8, 2, -4, { { 0x10000, 0 }, END } },
    { 15, IND, W0, 0x10000, LIST + 1, 2, -4, { { 0x10000, 0 }, END } },
    { 17,
      IND,
      W0,
      0x300123,
      LIST,
      2,
      0,
      { { 0x300000, 0x100003 }, { 0x301000, 0x101003 }, { 0x302000, 0 } } },
    { 18,
      IND,
      W0,
      0x3fffe000,
      LIST,
      4,
      -4,
      { { 0x3fffe000, 0x100003 }, { 0x3ffff000, 0x101003 }, END } },
    { 19, IND, W0, 0x40000000, LIST, 4, -4, { END } },
    { 20, IND, W0, 0x10000, 0x4000000000, 2, 0, { { 0x10000, 0 }, { 0x11000, 0 }, END } },
    { 21, IND, W0, 0x10000, 0xfffffffffffff000, 2, 0, { { 0x10000, 0 }, END } },
    { 23, STUFF, W0, 0x10000, 0, 0, -4, { END } },
    { 25, STUFF, W0, 0x10000, 0, 513, 0, { { 0x10000, 0 }, { 0x210000, 0 }, END } },
    { 26,
      STUFF,
      W0,
      0x20000,
      0x206003,
      3,
      0,
      { { 0x20000, 0x206003 }, { 0x22000, 0x206003 }, { 0x23000, 0 } } },
    { 27, STUFF, W0, 0, 0x206003, 0x40001, -4, { { 0, 0 }, END } },
    { 27, STUFF, W0, 0, 0x206003, UINT64_MAX, -4, { { 0, 0 }, END } },
    { 27, STUFF, W0, 0, 0x206003, (UINT64_C(1) << 32) + 1, -4, { { 0, 0 }, END } },
    { 28,
      STUFF,
      W0,
      0x3fffe000,
      0x207001,
      4,
      -4,
      { { 0x3fffe000, 0x207001 }, { 0x3ffff000, 0x207001 }, END } },
    { 29, STUFF, W0, 0, 0, 0x40000, 0, { { 0, 0 }, { 0x3ffff000, 0 }, END } },
    { 30, STUFF, W0, 0xfff, 0x208002, 1, 0, { { 0, 0x208002 }, { 0x1000, 0 }, END } },
    { 31, GET, W0, 0x40000000, 0, 0, -4, { END } },
    { 31, GET, 0x80000f00, 0, 0, 0, -4, { END } },
    { 31, GET, UINT64_MAX, 0, 0, 0, -4, { END } },
};

static int64_t
make(const struct row *row)
{
    uint64_t tce;

    switch (row->kind) {
    case PUT:
        return put(row->liobn, row->ioba, row->value);
    case STUFF:
        return stuff(row->liobn, row->ioba, row->value, row->n);
    case IND:
        return indirect(row->liobn, row->ioba, row->value, row->n);
    case GET:
        return get(row->liobn, row->ioba, &tce);
    }
    return 1;
}

static void
check_row(const struct row *row)
{
    list_fill(0x100003, 0x1000, 512);
    ck_assert_msg(make(row) == row->ret, "row %u: status", row->number);
    for (unsigned i = 0; i < 3 && row->after[i].ioba != NONE; i++) {
        uint64_t tce = entry(row->after[i].ioba);

        ck_assert_msg(tce == row->after[i].tce, "row %u: 0x%lx holds 0x%lx", row->number,
                      (unsigned long)row->after[i].ioba, (unsigned long)tce);
    }
}

START_TEST(qemu_answers_as_it_was_observed)
{
    check_row(&observed[_i]);
}
END_TEST

/* --- the same calls where LoPAR differs --- */

static const struct row lopar[] = {
    { 1, PUT, W0, 0x1abc, 0x201001, 0, 0, { { 0x1000, 0x201001 }, END } },
    { 2, PUT, W0, 0x3000, 0xfffffffffffff003, 0, -4, { { 0x3000, 0 }, END } },
    { 3, PUT, W0, 0x3000, 0x20000003, 0, -4, { { 0x3000, 0 }, END } },
    { 4, PUT, W0, 0x3000, 0x1ffff003, 0, 0, { { 0x3000, 0x1ffff003 }, END } },
    { 5, PUT, W0, 0x3000, 0x20000000, 0, 0, { { 0x3000, 0x20000000 }, END } },
    { 6, IND, W0, 0x10000, LIST, 0, 0, { { 0x10000, 0 }, END } },
    { 7, IND, W0, 0x10000, LIST, 513, -4, { { 0x10000, 0 }, END } },
    { 8, IND, W0, 0x10000, LIST + 8, 0, -4, { { 0x10000, 0 }, END } },
    { 9,
      IND,
      W0,
      0x3fffe000,
      LIST,
      4,
      -4,
      { { 0x3fffe000, 0 }, { 0x3ffff000, 0 }, END } },
    { 10,
      IND,
      W0,
      0x3fffe000,
      LIST,
      2,
      0,
      { { 0x3fffe000, 0x100003 }, { 0x3ffff000, 0x101003 }, END } },
    { 11, IND, W0, 0x10000, 0x20000000, 2, -4, { END } },
    { 12, IND, W0, 0x10000, 0xfffffffffffff000, 2, -4, { END } },
    { 13, IND, W0, 0x40000000, LIST, 0, -4, { END } },
    { 14, STUFF, W0, 0x10000, 0, 0, 0, { END } },
    { 15,
      STUFF,
      W0,
      0,
      0x200003,
      512,
      0,
      { { 0, 0x200003 }, { 0x1ff000, 0x200003 }, { 0x200000, 0 } } },
    { 16, STUFF, W0, 0, 0x200003, 513, -57, { { 0, 0 }, END } },
    { 17, STUFF, W0, 0, 0x200003, UINT64_MAX, -57, { { 0, 0 }, END } },
    { 18, STUFF, W0, 0x40000000, 0, 513, -4, { END } },
    { 19, STUFF, W0, 0x3fffe000, 0x207001, 4, -4, { { 0x3fffe000, 0 }, END } },
    { 20, STUFF, W0, 0x10000, 0x20000003, 2, -4, { { 0x10000, 0 }, END } },
    { 21, STUFF, W1, 0, 0, 0, -4, { END } },
    { 22, IND, 0x80000f00, 0, LIST, 1, -4, { END } },
    { 25, PUT, 0x180000000, 0, 0x200003, 0, -4, { { 0, 0 }, END } },
    { 26, PUT, UINT64_C(1) << 63 | W0, 0, 0x200003, 0, -2, { { 0, 0 }, END } },
    { 27, GET, UINT64_MAX, 0, 0, 0, -2, { END } },
    { 23, GET, W0, 0x3ffff000, 0, 0, 0, { END } },
    { 24, GET, W0, 0x40000000, 0, 0, -4, { END } },
};

START_TEST(lopar_validates_everything_first)
{
    check_row(&lopar[_i]);
}
END_TEST

START_TEST(lopar_refuses_a_list_with_one_bad_entry_whole)
{
    list_fill(0x100003, 0x1000, 4);
    mem_write64be(phb.env.mem, GPA(LIST + 24), 0x20000003);
    ck_assert_int_eq(indirect(W0, 0x10000, LIST, 4), PAPR_H_PARAMETER);
    ck_assert_uint_eq(entry(0x10000), 0);
    ck_assert_log(&mu_log, "");
    ck_assert_uint_eq(phb.returned, 0);
}
END_TEST

/* --- statements of the reference, section 15 --- */

START_TEST(P1_a_map_is_announced_to_those_who_want_maps)
{
    ck_assert_int_eq(put(W0, 0x1abc, 0x201001), 0);
    ck_assert_uint_eq(entry(0x1000), 0x201001);
    ck_assert_log(&mu_log, "MAP 0x1000+0x1000 0x201000 r");
    ck_assert_log(&u_log, "");
    ck_assert_uint_eq(phb.returned, 1);
    ck_assert_uint_eq(phb.returned_first, 0x1000);
    ck_assert_uint_eq(phb.returned_last, 0x1fff);
}
END_TEST

START_TEST(P2_S52_a_put_past_the_window_does_nothing)
{
    ck_assert_int_eq(put(W0, 0x40000000, 3), PAPR_H_PARAMETER);
    ck_assert_log(&mu_log, "");
    ck_assert_uint_eq(phb.returned, 0);
}
END_TEST

START_TEST(P3_an_unknown_liobn_is_a_bad_parameter)
{
    ck_assert_int_eq(put(0x180000000, 0, 3), PAPR_H_PARAMETER);
    ck_assert_int_eq(put(0x80000100, 0, 3), PAPR_H_PARAMETER);
    ck_assert_int_eq(put(0x71000000, 0, 3), PAPR_H_PARAMETER);
    ck_assert_log(&mu_log, "");
}
END_TEST

START_TEST(P4_control_bits_clear_map_nothing_but_are_kept_spec)
{
    ck_assert_int_eq(put(W0, 0x4000, 0x205000), 0);
    ck_assert_uint_eq(entry(0x4000), 0x205000);
    ck_assert_log(&mu_log, "");
    put(W0, 0x4000, 0x205003);
    put(W0, 0x4000, 0x207000);
    ck_assert_log(&mu_log, "MAP 0x4000+0x1000 0x205000 rw, UNMAP 0x4000+0x1000");
}
END_TEST

START_TEST(P4_control_bits_clear_are_an_unmap_qemu)
{
    ck_assert_int_eq(put(W0, 0x4000, 0x205000), 0);
    ck_assert_uint_eq(entry(0x4000), 0x205000);
    ck_assert_log(&mu_log, "UNMAP 0x4000+0x1000");
}
END_TEST

START_TEST(P5_reserved_bits_are_kept_and_not_announced)
{
    ck_assert_int_eq(put(W0, 0x2000, 0x204fff), 0);
    ck_assert_uint_eq(entry(0x2000), 0x204fff);
    ck_assert_log(&mu_log, "MAP 0x2000+0x1000 0x204000 rw");
}
END_TEST

START_TEST(P6_an_indirect_announces_each_entry_in_order)
{
    list_fill(0x100003, 0x1000, 512);
    ck_assert_int_eq(indirect(W0, 0x10000, LIST, 512), 0);
    ck_assert_uint_eq(mu_log.maps, 512);
    ck_assert_uint_eq(mu_log.unmaps, 0);
    ck_assert_uint_eq(phb.returned_last, 0x20ffff);

    const char *second =
        "MAP 0x10000+0x1000 0x100000 rw, MAP 0x11000+0x1000 0x101000 rw, ";
    ck_assert_int_eq(strncmp(mu_log.text, second, strlen(second)), 0);
}
END_TEST

START_TEST(P7_bad_lists_are_refused_without_an_event)
{
    ck_assert_int_eq(indirect(W0, 0x10000, LIST, 513), PAPR_H_PARAMETER);
    ck_assert_int_eq(indirect(W0, 0x10000, LIST + 8, 2), PAPR_H_PARAMETER);
    ck_assert_int_eq(indirect(W0, 0x10000, LIST, 0), PAPR_H_PARAMETER);
    ck_assert_log(&mu_log, "");
    ck_assert_uint_eq(phb.returned, 0);
}
END_TEST

START_TEST(P8_an_indirect_past_the_end_keeps_two_entries_qemu)
{
    list_fill(0x100003, 0x1000, 4);
    ck_assert_int_eq(indirect(W0, 0x3fffe000, LIST, 4), PAPR_H_PARAMETER);
    ck_assert_log(&mu_log, "MAP 0x3fffe000+0x1000 0x100000 rw, MAP 0x3ffff000+0x1000 "
                           "0x101000 rw");
    ck_assert_uint_eq(phb.returned_first, 0x3fffe000);
    ck_assert_uint_eq(phb.returned_last, 0x3fffffff);
}
END_TEST

START_TEST(P8_an_indirect_past_the_end_writes_nothing_spec)
{
    list_fill(0x100003, 0x1000, 4);
    ck_assert_int_eq(indirect(W0, 0x3fffe000, LIST, 4), PAPR_H_PARAMETER);
    ck_assert_log(&mu_log, "");
    ck_assert_uint_eq(phb.returned, 0);
}
END_TEST

START_TEST(P9_stuffing_a_whole_empty_window_unmaps_it_entry_by_entry_qemu)
{
    ck_assert_int_eq(stuff(W0, 0, 0, 0x40000), 0);
    ck_assert_uint_eq(u_log.unmaps, 262144);
    ck_assert_uint_eq(mu_log.unmaps, 262144);
}
END_TEST

START_TEST(P9_more_than_512_is_h_p4_spec)
{
    ck_assert_int_eq(stuff(W0, 0, 0, 0x40000), PAPR_H_P4);
    ck_assert_int_eq(stuff(W0, 0, 0, 512), 0);
    ck_assert_log(&u_log, "");
}
END_TEST

START_TEST(P10_a_stuff_larger_than_the_window_does_nothing)
{
    ck_assert_int_lt(stuff(W0, 0, 0, 0x40001), 0);
    ck_assert_log(&u_log, "");
}
END_TEST

START_TEST(P11_a_stuff_can_map_many_pages_to_one)
{
    ck_assert_int_eq(stuff(W0, 0x20000, 0x206003, 3), 0);
    ck_assert_log(&mu_log,
                  "MAP 0x20000+0x1000 0x206000 rw, MAP 0x21000+0x1000 0x206000 rw, "
                  "MAP 0x22000+0x1000 0x206000 rw");
}
END_TEST

START_TEST(P12_an_in_place_change_is_unmap_then_map_spec)
{
    put(W0, 0x5000, 0x300003);
    put(W0, 0x5000, 0x301003);
    ck_assert_log(&mu_log, "MAP 0x5000+0x1000 0x300000 rw, UNMAP 0x5000+0x1000, "
                           "MAP 0x5000+0x1000 0x301000 rw");
    ck_assert_log(&u_log, "UNMAP 0x5000+0x1000");
}
END_TEST

START_TEST(P12_an_in_place_change_is_a_lone_map_qemu)
{
    put(W0, 0x5000, 0x300003);
    put(W0, 0x5000, 0x301003);
    ck_assert_log(&mu_log,
                  "MAP 0x5000+0x1000 0x300000 rw, MAP 0x5000+0x1000 0x301000 rw");
    ck_assert_log(&u_log, "");
}
END_TEST

START_TEST(P13_a_narrowed_permission_is_a_change_spec)
{
    put(W0, 0x5000, 0x301003);
    put(W0, 0x5000, 0x301001);
    ck_assert_log(&u_log, "UNMAP 0x5000+0x1000");
}
END_TEST

START_TEST(P13_a_narrowed_permission_goes_unheard_by_caches_qemu)
{
    put(W0, 0x5000, 0x301003);
    put(W0, 0x5000, 0x301001);
    ck_assert_log(&u_log, "");
}
END_TEST

START_TEST(P14_the_same_value_again_is_no_event_spec)
{
    put(W0, 0x5000, 0x301003);
    put(W0, 0x5000, 0x301003);
    put(W0, 0x5000, 0x301007);
    ck_assert_log(&mu_log, "MAP 0x5000+0x1000 0x301000 rw");
    ck_assert_uint_eq(entry(0x5000), 0x301007);
}
END_TEST

START_TEST(P14_the_same_value_again_is_a_second_map_qemu)
{
    put(W0, 0x5000, 0x301003);
    put(W0, 0x5000, 0x301003);
    ck_assert_log(&mu_log,
                  "MAP 0x5000+0x1000 0x301000 rw, MAP 0x5000+0x1000 0x301000 rw");
}
END_TEST

START_TEST(P15_clearing_what_is_clear_is_an_unmap_qemu)
{
    put(W0, 0x5000, 0);
    ck_assert_log(&u_log, "UNMAP 0x5000+0x1000");
}
END_TEST

START_TEST(P15_clearing_what_is_clear_is_nothing_spec)
{
    put(W0, 0x5000, 0);
    ck_assert_log(&u_log, "");
    ck_assert_uint_eq(phb.returned, 1);
}
END_TEST

START_TEST(P43_a_list_outside_memory_reads_as_zeros_qemu)
{
    put(W0, 0x10000, 0x300003);
    ck_assert_log(&u_log, "");
    ck_assert_int_eq(indirect(W0, 0x10000, 0x4000000000, 2), 0);
    ck_assert_uint_eq(entry(0x10000), 0);
    ck_assert_log(&u_log, "UNMAP 0x10000+0x1000, UNMAP 0x11000+0x1000");
}
END_TEST

START_TEST(P43_a_list_outside_memory_is_a_bad_parameter_spec)
{
    put(W0, 0x10000, 0x300003);
    ck_assert_int_eq(indirect(W0, 0x10000, 0x4000000000, 2), PAPR_H_PARAMETER);
    ck_assert_uint_eq(entry(0x10000), 0x300003);
    ck_assert_log(&u_log, "");
}
END_TEST

START_TEST(P44_traffic_as_linux_makes_it)
{
    list_fill(0x100003, 0x1000, 512);
    ck_assert_int_eq(indirect(W0, 0x30000000, LIST, 512), 0);
    ck_assert_int_eq(indirect(W0, 0x30200000, LIST, 88), 0);
    ck_assert_uint_eq(mu_log.maps, 600);
    ck_assert_int_eq(stuff(W0, 0x30000000, 0, 512), 0);
    ck_assert_int_eq(stuff(W0, 0x30200000, 0, 88), 0);
    ck_assert_uint_eq(u_log.unmaps, 600);
}
END_TEST

START_TEST(P46_reading_an_entry_is_no_event_and_no_change)
{
    uint64_t tce;

    put(W0, 0x5000, 0x300003);
    ck_assert_log(&mu_log, "MAP 0x5000+0x1000 0x300000 rw");
    ck_assert_int_eq(get(W0, 0x5fff, &tce), 0);
    ck_assert_int_eq(get(W0, 0x5000, &tce), 0);
    ck_assert_uint_eq(tce, 0x300003);
    ck_assert_log(&mu_log, "");
    ck_assert_uint_eq(phb.returned, 1);
}
END_TEST

/* Both ears write into one log. */
START_TEST(P47_newest_subscriber_first_and_entry_by_entry)
{
    struct log both = { .len = 0 };
    static struct ear a, b;

    ear_open(&a, "a:", &both, MU, false);
    ear_open(&b, "b:", &both, MU, false);
    list_fill(0x100003, 0x1000, 2);
    indirect(W0, 0x10000, LIST, 2);
    ck_assert_log(&both,
                  "b:MAP 0x10000+0x1000 0x100000 rw, a:MAP 0x10000+0x1000 0x100000 rw, "
                  "b:MAP 0x11000+0x1000 0x101000 rw, a:MAP 0x11000+0x1000 0x101000 rw");
}
END_TEST

/* The table is written one entry at a time, each announced before the next. */
static uint64_t next_entry_when_heard;

static void
look_at_next(struct notifier *n, struct notify_event *ev)
{
    (void)n;
    if (ev->iova == 0x10000) {
        next_entry_when_heard = entry(0x11000);
    }
}

START_TEST(P47_an_entry_is_announced_before_the_next_is_written)
{
    mu.binding[0].notifier.fn = look_at_next;
    list_fill(0x100003, 0x1000, 2);
    next_entry_when_heard = 1;
    indirect(W0, 0x10000, LIST, 2);
    ck_assert_uint_eq(next_entry_when_heard, 0);
    ck_assert_uint_eq(entry(0x11000), 0x101003);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("iommu/papr_hcall");
    TCase *spec = tcase_create("spec"), *qemu = tcase_create("qemu");

    tcase_add_checked_fixture(spec, setup_spec, phb_fini);
    tcase_add_checked_fixture(qemu, setup_qemu, phb_fini);

    tcase_add_loop_test(spec, lopar_validates_everything_first, 0,
                        (int)(sizeof(lopar) / sizeof(lopar[0])));
    tcase_add_test(spec, lopar_refuses_a_list_with_one_bad_entry_whole);
    tcase_add_test(spec, P1_a_map_is_announced_to_those_who_want_maps);
    tcase_add_test(spec, P2_S52_a_put_past_the_window_does_nothing);
    tcase_add_test(spec, P3_an_unknown_liobn_is_a_bad_parameter);
    tcase_add_test(spec, P4_control_bits_clear_map_nothing_but_are_kept_spec);
    tcase_add_test(spec, P5_reserved_bits_are_kept_and_not_announced);
    tcase_add_test(spec, P6_an_indirect_announces_each_entry_in_order);
    tcase_add_test(spec, P8_an_indirect_past_the_end_writes_nothing_spec);
    tcase_add_test(spec, P9_more_than_512_is_h_p4_spec);
    tcase_add_test(spec, P10_a_stuff_larger_than_the_window_does_nothing);
    tcase_add_test(spec, P11_a_stuff_can_map_many_pages_to_one);
    tcase_add_test(spec, P12_an_in_place_change_is_unmap_then_map_spec);
    tcase_add_test(spec, P13_a_narrowed_permission_is_a_change_spec);
    tcase_add_test(spec, P14_the_same_value_again_is_no_event_spec);
    tcase_add_test(spec, P15_clearing_what_is_clear_is_nothing_spec);
    tcase_add_test(spec, P43_a_list_outside_memory_is_a_bad_parameter_spec);
    tcase_add_test(spec, P44_traffic_as_linux_makes_it);
    tcase_add_test(spec, P46_reading_an_entry_is_no_event_and_no_change);
    tcase_add_test(spec, P47_newest_subscriber_first_and_entry_by_entry);
    tcase_add_test(spec, P47_an_entry_is_announced_before_the_next_is_written);
    suite_add_tcase(s, spec);

    tcase_add_loop_test(qemu, qemu_answers_as_it_was_observed, 0,
                        (int)(sizeof(observed) / sizeof(observed[0])));
    tcase_add_test(qemu, P1_a_map_is_announced_to_those_who_want_maps);
    tcase_add_test(qemu, P2_S52_a_put_past_the_window_does_nothing);
    tcase_add_test(qemu, P3_an_unknown_liobn_is_a_bad_parameter);
    tcase_add_test(qemu, P4_control_bits_clear_are_an_unmap_qemu);
    tcase_add_test(qemu, P5_reserved_bits_are_kept_and_not_announced);
    tcase_add_test(qemu, P6_an_indirect_announces_each_entry_in_order);
    tcase_add_test(qemu, P7_bad_lists_are_refused_without_an_event);
    tcase_add_test(qemu, P8_an_indirect_past_the_end_keeps_two_entries_qemu);
    tcase_add_test(qemu, P9_stuffing_a_whole_empty_window_unmaps_it_entry_by_entry_qemu);
    tcase_add_test(qemu, P10_a_stuff_larger_than_the_window_does_nothing);
    tcase_add_test(qemu, P11_a_stuff_can_map_many_pages_to_one);
    tcase_add_test(qemu, P12_an_in_place_change_is_a_lone_map_qemu);
    tcase_add_test(qemu, P13_a_narrowed_permission_goes_unheard_by_caches_qemu);
    tcase_add_test(qemu, P14_the_same_value_again_is_a_second_map_qemu);
    tcase_add_test(qemu, P15_clearing_what_is_clear_is_an_unmap_qemu);
    tcase_add_test(qemu, P43_a_list_outside_memory_reads_as_zeros_qemu);
    tcase_add_test(qemu, P44_traffic_as_linux_makes_it);
    tcase_add_test(qemu, P46_reading_an_entry_is_no_event_and_no_change);
    tcase_add_test(qemu, P47_newest_subscriber_first_and_entry_by_entry);
    tcase_add_test(qemu, P47_an_entry_is_announced_before_the_next_is_written);
    suite_add_tcase(s, qemu);
    return s;
}
