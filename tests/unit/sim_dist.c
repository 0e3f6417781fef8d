/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Draws with a fixed seed against the means of their distributions; the tolerance
 * is about four standard errors of 40,000 draws.
 */
#include "sim/dist.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "support_main.h"

enum {
    DRAWS = 40000,
};

static struct sim *sim;
static struct sim_stream *stream;

static void
set_up(void)
{
    sim = sim_new(20150924);
    stream = sim_stream(sim, "dist");
}

static void
tear_down(void)
{
    sim_free(sim);
}

static double
mean_of(const struct dist *d)
{
    double sum = 0;

    for (int i = 0; i < DRAWS; i++) {
        sum += (double)sim_draw(stream, d);
    }
    return sum / DRAWS;
}

static void
check_mean(const struct dist *d, double want, double tolerance)
{
    double mean = mean_of(d);

    ck_assert_msg(fabs(mean - want) <= tolerance, "mean %f, expected %f", mean, want);
}

START_TEST(constant_draws_nothing_from_its_stream)
{
    struct sim *twin = sim_new(20150924);
    struct sim_stream *other = sim_stream(twin, "dist");
    struct dist d = DIST_CONST(UINT64_MAX);

    ck_assert_uint_eq(sim_draw(stream, &d), UINT64_MAX);
    ck_assert_uint_eq(sim_uniform(stream, UINT64_MAX), sim_uniform(other, UINT64_MAX));
    sim_free(twin);
}
END_TEST

START_TEST(uniform_takes_both_ends)
{
    struct dist d = { .kind = DIST_UNIFORM, .a = 10, .b = 14 };
    unsigned seen[5] = { 0 };

    for (int i = 0; i < DRAWS; i++) {
        uint64_t v = sim_draw(stream, &d);

        ck_assert(v >= 10 && v <= 14);
        seen[v - 10]++;
    }
    for (int i = 0; i < 5; i++) {
        ck_assert(abs((int)seen[i] - DRAWS / 5) < 320);
    }
}
END_TEST

START_TEST(uniform_spans_64_bits)
{
    struct dist all = { .kind = DIST_UNIFORM, .a = 0, .b = UINT64_MAX };
    struct dist one = { .kind = DIST_UNIFORM, .a = UINT64_MAX, .b = UINT64_MAX };
    uint64_t set = 0, clear = 0;

    for (int i = 0; i < 100; i++) {
        uint64_t v = sim_draw(stream, &all);

        set |= v;
        clear |= ~v;
    }
    ck_assert_uint_eq(set, UINT64_MAX);
    ck_assert_uint_eq(clear, UINT64_MAX);
    ck_assert_uint_eq(sim_draw(stream, &one), UINT64_MAX);
}
END_TEST

START_TEST(sim_uniform_stays_below_n)
{
    static const uint64_t n[] = {
        1, 2, UINT32_MAX, UINT64_C(1) << 32, (UINT64_C(1) << 63) + 1, UINT64_MAX
    };

    for (unsigned k = 0; k < sizeof(n) / sizeof(n[0]); k++) {
        bool upper = false;

        for (int i = 0; i < 200; i++) {
            uint64_t v = sim_uniform(stream, n[k]);

            ck_assert_uint_lt(v, n[k]);
            upper |= v >= n[k] / 2;
        }
        ck_assert(upper);
    }
}
END_TEST

START_TEST(exponential_has_its_mean)
{
    struct dist d = { .kind = DIST_EXPONENTIAL, .a = 2000 };

    check_mean(&d, 2000, 40);
}
END_TEST

START_TEST(normal_far_from_0_has_its_mean)
{
    struct dist d = { .kind = DIST_NORMAL, .a = 10000, .b = 1000 };

    check_mean(&d, 10000, 20);
}
END_TEST

/* Mean 0 leaves the half that is positive: sd * sqrt(2 / pi). */
START_TEST(normal_is_truncated_at_0_not_piled_up_there)
{
    struct dist d = { .kind = DIST_NORMAL, .a = 0, .b = 1000 };

    check_mean(&d, 797.88, 12.1);
}
END_TEST

START_TEST(normal_without_deviation_is_its_mean)
{
    struct dist d = { .kind = DIST_NORMAL, .a = 77, .b = 0 };

    ck_assert_uint_eq(sim_draw(stream, &d), 77);
}
END_TEST

START_TEST(lognormal_has_its_median_in_the_middle)
{
    struct dist d = { .kind = DIST_LOGNORMAL, .a = 5000, .shape = 0.5 };
    int below = 0;

    for (int i = 0; i < DRAWS; i++) {
        below += sim_draw(stream, &d) < 5000;
    }
    ck_assert_int_lt(abs(below - DRAWS / 2), 400);
    check_mean(&d, 5000 * exp(0.125), 60);
}
END_TEST

START_TEST(pareto_has_its_minimum_and_mean)
{
    struct dist d = { .kind = DIST_PARETO, .a = 1000, .shape = 4 };

    for (int i = 0; i < 1000; i++) {
        ck_assert_uint_ge(sim_draw(stream, &d), 1000);
    }
    check_mean(&d, 1000.0 * 4 / 3, 10);
}
END_TEST

START_TEST(heavy_tails_end_at_half_of_64_bits)
{
    struct dist d = { .kind = DIST_PARETO, .a = 1000, .shape = 0.001 };
    bool clamped = false;

    for (int i = 0; i < 100; i++) {
        uint64_t v = sim_draw(stream, &d);

        ck_assert_uint_le(v, UINT64_MAX / 2);
        clamped |= v == UINT64_MAX / 2;
    }
    ck_assert(clamped);
}
END_TEST

START_TEST(empirical_follows_its_weights)
{
    static const struct dist_row rows[] = {
        { 100, 1 }, { 200, 3 }, { 999, 0 }, { UINT64_MAX, 0 }
    };
    struct dist d = { .kind = DIST_EMPIRICAL, .n = 4, .rows = rows };
    int low = 0;

    for (int i = 0; i < DRAWS; i++) {
        uint64_t v = sim_draw(stream, &d);

        ck_assert(v == 100 || v == 200);
        low += v == 100;
    }
    ck_assert_int_lt(abs(low - DRAWS / 4), 350);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("sim/dist");
    TCase *c = tcase_create("dist");

    tcase_add_checked_fixture(c, set_up, tear_down);

    tcase_add_test(c, constant_draws_nothing_from_its_stream);
    tcase_add_test(c, uniform_takes_both_ends);
    tcase_add_test(c, uniform_spans_64_bits);
    tcase_add_test(c, sim_uniform_stays_below_n);
    tcase_add_test(c, exponential_has_its_mean);
    tcase_add_test(c, normal_far_from_0_has_its_mean);
    tcase_add_test(c, normal_is_truncated_at_0_not_piled_up_there);
    tcase_add_test(c, normal_without_deviation_is_its_mean);
    tcase_add_test(c, lognormal_has_its_median_in_the_middle);
    tcase_add_test(c, pareto_has_its_minimum_and_mean);
    tcase_add_test(c, heavy_tails_end_at_half_of_64_bits);
    tcase_add_test(c, empirical_follows_its_weights);
    suite_add_tcase(s, c);
    return s;
}
