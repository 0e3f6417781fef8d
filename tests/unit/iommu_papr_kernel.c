/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables that the host's kernel holds: what it serves past the notifiers, what it
 * hands to the monitor, and when a table moves.
 */
#include <check.h>

#include "support_main.h"
#include "support_papr.h"

static struct ear mu, u;
static struct log mu_log, u_log;

static void
open_rig(enum papr_acceleration acceleration, const enum quirk *quirks)
{
    struct iommu_papr_config c = papr_config_ddw();

    c.acceleration = acceleration;
    phb_init(&c, quirks);
    list_fill(0x100003, 0x1000, 512);
}

static void
setup_kernel(void)
{
    open_rig(PAPR_IN_KERNEL, qemu_quirks);
    ear_open(&mu, "", &mu_log, MU, true);
    ear_open(&u, "", &u_log, U, false);
}

START_TEST(P36_what_the_kernel_serves_is_announced_to_nobody)
{
    ck_assert_int_eq(put(W0, 0x1000, 0x201003), 0);
    ck_assert_int_eq(put(W0, 0x1000, 0), 0);
    ck_assert_int_eq(indirect(W0, 0x10000, LIST, 512), 0);
    ck_assert_int_eq(stuff(W0, 0x10000, 0, 3), 0);
    ck_assert_log(&mu_log, "");
    ck_assert_log(&u_log, "");
    ck_assert_uint_eq(entry(0x12000), 0);
    ck_assert_uint_eq(entry(0x13000), 0x103003);
    ck_assert_uint_eq(phb.returned, 4);
}
END_TEST

START_TEST(P36_what_it_hands_back_is_announced)
{
    ck_assert_int_eq(put(W0, 0x1000, 0x40000003), 0); /* no memory there */
    ck_assert_log(&mu_log, "MAP 0x1000+0x1000 0x40000000 rw");
    ck_assert_int_eq(put(W0, 0x2000, 0x201803), 0); /* reserved bits */
    ck_assert_log(&mu_log, "MAP 0x2000+0x1000 0x201000 rw");
    ck_assert_int_eq(put(W0, 0x3000, 0x40000000), 0); /* it maps nothing: served */
    ck_assert_log(&mu_log, "");
    mem_write64be(phb.env.mem, GPA(LIST + 8), 0x40000003); /* one of four: all of them */
    ck_assert_int_eq(indirect(W0, 0x10000, LIST, 4), 0);
    ck_assert_uint_eq(mu_log.maps, 4);
}
END_TEST

/* A call, and what the kernel says where the monitor would say 0. */
START_TEST(P37_the_kernel_rounds_nothing)
{
    uint64_t tce;

    ck_assert_int_eq(put(W0, 0x1abc, 0x201003), PAPR_H_PARAMETER);
    ck_assert_int_eq(indirect(W0, 0x10008, LIST, 2), PAPR_H_PARAMETER);
    ck_assert_int_eq(stuff(W0, 0xfff, 0, 1), PAPR_H_PARAMETER);
    ck_assert_int_eq(get(W0, 0x1fff, &tce), PAPR_H_PARAMETER);
    ck_assert_uint_eq(entry(0x1000), 0);
}
END_TEST

START_TEST(the_kernel_counts_otherwise_than_the_monitor)
{
    ck_assert_int_eq(indirect(W0, 0x10000, LIST, 0), 0);
    ck_assert_int_eq(indirect(W0, 0x10000, LIST, 513), PAPR_H_PARAMETER);
    ck_assert_int_eq(indirect(W0, 0x10000, LIST + 8, 2), PAPR_H_PARAMETER);
    ck_assert_int_eq(indirect(W0, 0x10000, 0x40000000, 2), 0); /* handed back */
    ck_assert_uint_eq(mu_log.unmaps, 2);
    ck_assert_int_eq(stuff(W0, 0, 0, 0), 0);
    ck_assert_int_eq(stuff(W0, 0, 0, 0x40000), 0);
    ck_assert_int_eq(stuff(W0, 0, 0x201003, 1), PAPR_H_PARAMETER);
    ck_assert_int_eq(stuff(W0, 0x1000, 0, 0x40000), PAPR_H_PARAMETER);
    ck_assert_int_eq(put(W0, 0x40000000, 0x201003), PAPR_H_PARAMETER);
    ck_assert_int_eq(put(W1, B, 0x201003), PAPR_H_PARAMETER); /* switched off */
}
END_TEST

START_TEST(a_dynamic_window_is_in_the_kernel_too)
{
    ck_assert_str_eq(create(16, 36), "0 0x80000001 0x8000000 0x0");
    ck_assert_int_eq(put(W1, B + 0x10000, 0x210003), 0);
    ck_assert_log(&mu_log, "");
    ck_assert_int_eq(put(W1, B + 0x10000, 0x211003), 0); /* no whole page: back */
    ck_assert_log(&mu_log, "MAP 0x800000000010000+0x10000 0x210000 rw");
}
END_TEST

/* In the kernel an unaligned address is refused, in the monitor it is rounded. */
static bool
is_in_kernel(uint64_t liobn, uint64_t base)
{
    uint64_t tce;

    return get(liobn, base + 1, &tce) == PAPR_H_PARAMETER;
}

START_TEST(P26_the_first_registration_moves_the_table_and_the_last_leaves_it)
{
    open_rig(PAPR_UNTIL_HEARD, qemu_quirks);
    put(W0, 0x1000, 0x201003);
    ck_assert(is_in_kernel(W0, 0));
    ear_open(&u, "", &u_log, U, false);
    ck_assert(!is_in_kernel(W0, 0));
    ck_assert_uint_eq(entry(0x1000), 0x201003); /* it moved with all entries */
    put(W0, 0x1000, 0);
    ck_assert_log(&u_log, "UNMAP 0x1000+0x1000");
    ear_open(&mu, "", &mu_log, U, false); /* a second, alike, changes nothing */
    ear_close(&mu);
    ck_assert(!is_in_kernel(W0, 0));
    ear_close(&u);
    ck_assert(!is_in_kernel(W0, 0)); /* nothing moves back */
    reset_windows();
    ck_assert(is_in_kernel(W0, 0)); /* until it is switched on anew */
}
END_TEST

START_TEST(P26_a_refused_registration_moves_nothing)
{
    open_rig(PAPR_UNTIL_HEARD, spec_quirks);
    ear_open(&u, "", &u_log, NOTIFY_ALL, false);
    ck_assert_uint_eq(u.refused, 1);
    ck_assert(is_in_kernel(W0, 0));
}
END_TEST

START_TEST(P36_replay_sees_what_the_kernel_wrote)
{
    open_rig(PAPR_IN_KERNEL, spec_quirks);
    put(W0, 0x1000, 0x201003);
    ear_open(&mu, "", &mu_log, MU, true);
    ck_assert_log(&mu_log, "MAP 0x1000+0x1000 0x201000 rw");
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("papr_kernel");
    TCase *kernel = tcase_create("in the kernel"), *moving = tcase_create("moving");

    tcase_add_checked_fixture(kernel, setup_kernel, phb_fini);
    tcase_add_test(kernel, P36_what_the_kernel_serves_is_announced_to_nobody);
    tcase_add_test(kernel, P36_what_it_hands_back_is_announced);
    tcase_add_test(kernel, P37_the_kernel_rounds_nothing);
    tcase_add_test(kernel, the_kernel_counts_otherwise_than_the_monitor);
    tcase_add_test(kernel, a_dynamic_window_is_in_the_kernel_too);
    suite_add_tcase(s, kernel);
    tcase_add_checked_fixture(moving, NULL, phb_fini);
    tcase_add_test(moving,
                   P26_the_first_registration_moves_the_table_and_the_last_leaves_it);
    tcase_add_test(moving, P26_a_refused_registration_moves_nothing);
    tcase_add_test(moving, P36_replay_sees_what_the_kernel_wrote);
    suite_add_tcase(s, moving);
    return s;
}
