/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Address spaces: who is told what, in which order, when sections come and go. */
#include "notify/space.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_main.h"
#include "support_toy.h"

static char heard[512];

struct listener {
    struct space_listener l;
    const char *name;
};

static void
say(struct space_listener *l, const char *what, const struct space_section *s)
{
    const struct listener *who = (const void *)l;
    const size_t len = strlen(heard);

    snprintf(heard + len, sizeof(heard) - len, "%s%s%s%lx-%lx ", who->name, what,
             s->region != NULL ? "" : "ram:", (unsigned long)s->first,
             (unsigned long)s->last);
}

static void
add(struct space_listener *l, const struct space_section *s)
{
    say(l, "+", s);
}

static void
del(struct space_listener *l, const struct space_section *s)
{
    say(l, "-", s);
}

static struct listener
listener(const char *name)
{
    return (struct listener){ .l = { .add = add, .del = del }, .name = name };
}

static void
check_heard(const char *want)
{
    ck_assert_str_eq(heard, want);
    heard[0] = '\0';
}

static struct space_section
section(struct toy *t, uint64_t first, uint64_t last)
{
    return (struct space_section){ first, last, &t->region, first };
}

START_TEST(a_listener_is_told_what_is_there_and_what_it_leaves)
{
    struct space space;
    struct listener a = listener("a"), b = listener("b");

    space_init(&space, "nic0", &toy.env);
    const struct space_section now[] = { section(&toy, 0, 0xfff),
                                         section(&toy, 0x2000, 0x2fff) };
    space_listen(&space, &a.l);
    check_heard("");
    space_set(&space, now, 2);
    check_heard("a+0-fff a+2000-2fff ");
    space_listen(&space, &b.l);
    check_heard("b+0-fff b+2000-2fff ");
    space_unlisten(&a.l);
    check_heard("a-2000-2fff a-0-fff ");
    ck_assert_ptr_null(a.l.space);
    space_unlisten(&b.l);
    space_fini(&space);
}
END_TEST

START_TEST(a_switch_takes_the_highest_first_and_gives_the_lowest_first)
{
    struct space space;
    struct listener a = listener("a"), b = listener("b");

    space_init(&space, "nic0", &toy.env);
    const struct space_section before[] = { section(&toy, 0, 0xfff),
                                            section(&toy, 0x2000, 0x2fff),
                                            section(&toy, 0x6000, 0x6fff) };
    const struct space_section after[] = { section(&toy, 0x1000, 0x1fff),
                                           section(&toy, 0x2000, 0x2fff),
                                           section(&toy, 0x6000, 0x7fff) };
    space_set(&space, before, 3);
    space_listen(&space, &a.l);
    space_listen(&space, &b.l);
    heard[0] = '\0';
    space_set(&space, after, 3);
    check_heard("a-6000-6fff b-6000-6fff a-0-fff b-0-fff "
                "a+1000-1fff b+1000-1fff a+6000-7fff b+6000-7fff ");
    ck_assert_uint_eq(space.n, 3);
    ck_assert_int_eq(memcmp(space.sections, after, sizeof(after)), 0);
    space_set(&space, after, 3);
    check_heard("");
    space_set(&space, NULL, 0);
    check_heard(
        "a-6000-7fff b-6000-7fff a-2000-2fff b-2000-2fff a-1000-1fff b-1000-1fff ");
    space_unlisten(&a.l);
    space_unlisten(&b.l);
    space_fini(&space);
}
END_TEST

START_TEST(bypass_shows_each_ram_range_and_nothing_else)
{
    struct space space;
    struct listener a = listener("a");

    mem_add_range(toy.env.mem, 4 * GIB, 5 * GIB - 1, MEM_RAM);
    space_init(&space, "nic0", &toy.env);
    ck_assert(!space_is_bypass(&space));
    space_listen(&space, &a.l);
    space_set_bypass(&space);
    check_heard("a+ram:0-3fffffff a+ram:100000000-13fffffff ");
    ck_assert(space_is_bypass(&space));
    ck_assert_uint_eq(space.sections[1].region_first, 4 * GIB);
    const struct space_section now = section(&toy, 0, UINT64_MAX);
    space_set(&space, &now, 1);
    check_heard("a-ram:100000000-13fffffff a-ram:0-3fffffff a+0-ffffffffffffffff ");
    ck_assert(!space_is_bypass(&space));
    space_unlisten(&a.l);
    space_fini(&space);
}
END_TEST

static void
hear_unmap(struct ear *e, struct notify_event *ev)
{
    (void)e;
    ck_assert_uint_eq(ev->type, NOTIFY_UNMAP);
    strcat(heard, "UNMAP ");
}

START_TEST(N27_a_model_that_unmaps_before_it_switches_is_heard_in_that_order)
{
    struct space space;
    struct listener a = listener("a");
    static struct ear e;

    space_init(&space, "nic0", &toy.env);
    const struct space_section now = section(&toy, 0, UINT64_MAX);
    space_set(&space, &now, 1);
    space_listen(&space, &a.l);
    ear_init(&e, "e", NOTIFY_UNMAP, 0, UINT64_MAX);
    e.then = hear_unmap;
    ck_assert_int_eq(notify_register(&toy.region, &e.n, NULL), 0);
    heard[0] = '\0';
    notify_unmap_window(&e.n, CAUSE_RESET);
    space_set_bypass(&space);
    check_heard("UNMAP a-0-ffffffffffffffff a+ram:0-3fffffff ");
    ear_fini(&e);
    space_unlisten(&a.l);
    space_fini(&space);
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("space");
    TCase *tc = tcase_create("space");

    tcase_add_checked_fixture(tc, toy_setup, toy_teardown);
    tcase_add_test(tc, a_listener_is_told_what_is_there_and_what_it_leaves);
    tcase_add_test(tc, a_switch_takes_the_highest_first_and_gives_the_lowest_first);
    tcase_add_test(tc, bypass_shows_each_ram_range_and_nothing_else);
    tcase_add_test(tc, N27_a_model_that_unmaps_before_it_switches_is_heard_in_that_order);
    suite_add_tcase(s, tc);
    return s;
}
