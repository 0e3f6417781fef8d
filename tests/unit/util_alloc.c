/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arenas, budgets and what happens without memory. */
#include "util/alloc.h"

#include <check.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "support_main.h"

/* Under the address sanitizer malloc must fail as it does elsewhere. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static jmp_buf out;
static size_t failed_bytes;

static void __attribute__((noreturn)) jump_out(size_t bytes)
{
    failed_bytes = bytes;
    longjmp(out, 1);
}

START_TEST(handler_hears_of_an_allocation_that_failed)
{
    alloc_set_handler(jump_out);
    if (setjmp(out) == 0) {
        xmalloc(SIZE_MAX / 2);
        ck_abort_msg("half of the address space was there");
    }
    ck_assert_uint_eq(failed_bytes, SIZE_MAX / 2);
}
END_TEST

START_TEST(product_that_overflows_fails_as_too_large)
{
    volatile size_t n = SIZE_MAX / 4;

    alloc_set_handler(jump_out);
    if (setjmp(out) == 0) {
        xcalloc(n, 8);
        ck_abort_msg("the product wrapped");
    }
    ck_assert_uint_eq(failed_bytes, SIZE_MAX);
    if (setjmp(out) == 0) {
        xrealloc(NULL, n, 8);
        ck_abort_msg("the product wrapped");
    }
}
END_TEST

START_TEST(default_handler_exits_with_2)
{
    alloc_set_handler(NULL);
    xmalloc(SIZE_MAX / 2);
}
END_TEST

START_TEST(zero_bytes_are_a_pointer)
{
    void *p = xmalloc(0);
    void *q = xrealloc(xcalloc(0, 8), 0, 8);

    ck_assert_ptr_nonnull(p);
    ck_assert_ptr_nonnull(q);
    free(p);
    free(q);
}
END_TEST

START_TEST(strings_are_copied_and_printed)
{
    char *a = xstrdup("window");
    char *b = xasprintf("%s %d", a, 7);

    ck_assert_str_eq(b, "window 7");
    free(a);
    free(b);
}
END_TEST

static bool
holds_only(const unsigned char *p, size_t size, unsigned char value)
{
    for (size_t k = 0; k < size; k++) {
        if (p[k] != value) {
            return false;
        }
    }
    return true;
}

START_TEST(arena_gives_aligned_zeroed_places_that_do_not_overlap)
{
    enum { N = 3000 };
    struct arena a;
    unsigned char *p[N];
    size_t size[N];

    arena_init(&a);
    for (size_t i = 0; i < N; i++) {
        size[i] = i % 37 == 0 ? i * 20 : i % 61;
        p[i] = arena_alloc(&a, size[i]);
        ck_assert_uint_eq((uintptr_t)p[i] % 16, 0);
        ck_assert(holds_only(p[i], size[i], 0));
        memset(p[i], (int)(i % 255) + 1, size[i]);
    }
    for (size_t i = 0; i < N; i++) {
        ck_assert(holds_only(p[i], size[i], (unsigned char)(i % 255 + 1)));
    }
    arena_fini(&a);
    ck_assert_ptr_null(a.chunks);
}
END_TEST

START_TEST(arena_strndup_ends_the_copy)
{
    struct arena a;

    arena_init(&a);
    ck_assert_str_eq(arena_strndup(&a, "iommu", 4), "iomm");
    ck_assert_str_eq(arena_strndup(&a, "", 0), "");
    arena_fini(&a);
}
END_TEST

START_TEST(budget_is_exceeded_above_its_limit_and_stays_so)
{
    struct budget b = { .limit = 100 };

    budget_spend(&b, 100);
    ck_assert(!b.exceeded);
    budget_spend(&b, 1);
    ck_assert(b.exceeded);
    budget_return(&b, 101);
    ck_assert_uint_eq(b.used, 0);
    ck_assert(b.exceeded);
    budget_spend(NULL, 1);
    budget_return(NULL, 1);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("util/alloc");
    TCase *c = tcase_create("alloc");

    tcase_add_test(c, handler_hears_of_an_allocation_that_failed);
    tcase_add_test(c, product_that_overflows_fails_as_too_large);
    tcase_add_exit_test(c, default_handler_exits_with_2, 2);
    tcase_add_test(c, zero_bytes_are_a_pointer);
    tcase_add_test(c, strings_are_copied_and_printed);
    tcase_add_test(c, arena_gives_aligned_zeroed_places_that_do_not_overlap);
    tcase_add_test(c, arena_strndup_ends_the_copy);
    tcase_add_test(c, budget_is_exceeded_above_its_limit_and_stays_so);
    suite_add_tcase(s, c);
    return s;
}
