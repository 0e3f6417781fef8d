/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Output is complete, or an error. */

#include "trace/output.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support_files.h"
#include "support_main.h"

static void
enter(void)
{
    files_enter();
    signal(SIGPIPE, SIG_IGN);
}

START_TEST(file_appears_only_when_it_is_complete)
{
    struct trace_output o;
    struct err e;

    ck_assert(trace_output_init_path(&o, "out", &e));
    trace_output_add(&o, "hello\n", 6);
    ck_assert(trace_output_flush(&o, &e));
    ck_assert_int_ne(access("out", F_OK), 0);
    ck_assert(trace_output_fini(&o, true, &e));
    files_expect("out", "hello\n");
    ck_assert_int_eq(system("test $(ls | wc -l) -eq 1"), 0);
}
END_TEST

START_TEST(what_is_not_kept_leaves_the_old_file_alone)
{
    struct trace_output o;
    struct err e;

    ck_assert_int_eq(system("echo old >out; chmod 640 out"), 0);
    ck_assert(trace_output_init_path(&o, "out", &e));
    trace_output_add(&o, "new\n", 4);
    ck_assert(trace_output_fini(&o, false, &e));
    files_expect("out", "old\n");
    ck_assert_int_eq(system("test $(ls | wc -l) -eq 1"), 0);
}
END_TEST

START_TEST(links_and_the_mode_of_the_old_file_survive)
{
    struct trace_output o;
    struct err e;
    struct stat st;

    ck_assert_int_eq(system("echo old >out; chmod 640 out; ln -s out link"), 0);
    ck_assert(trace_output_init_path(&o, "link", &e));
    trace_output_add(&o, "new\n", 4);
    ck_assert(trace_output_fini(&o, true, &e));
    files_expect("out", "new\n");
    ck_assert_int_eq(lstat("link", &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    ck_assert_int_eq(stat("out", &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0640);
}
END_TEST

START_TEST(full_disk_is_an_error_with_a_message)
{
    struct trace_output o;
    struct err e;

    ck_assert(trace_output_init_path(&o, "/dev/full", &e));
    trace_output_add(&o, "hello\n", 6);
    ck_assert(!trace_output_fini(&o, true, &e));
    ck_assert_str_eq(e.text, "cannot write /dev/full: No space left on device");
    ck_assert_int_eq(access("/dev/full", F_OK), 0);
}
END_TEST

START_TEST(closed_pipe_is_an_error_and_stays_one)
{
    struct trace_output o;
    struct err e;
    int fd[2];

    ck_assert_int_eq(pipe(fd), 0);
    close(fd[0]);
    trace_output_init_fd(&o, fd[1]);
    trace_output_add(&o, "hello\n", 6);
    ck_assert(!trace_output_flush(&o, &e));
    ck_assert_str_eq(e.text, "cannot write the trace: Broken pipe");
    trace_output_add(&o, "more\n", 5);
    ck_assert(!trace_output_fini(&o, true, &e));
    ck_assert_str_eq(e.text, "cannot write the trace: Broken pipe");
}
END_TEST

START_TEST(pipe_that_is_full_for_a_while_loses_nothing)
{
    enum { BYTES = 1 << 20 };
    struct trace_output o;
    struct err e;
    char line[64];
    int fd[2];

    ck_assert_int_eq(pipe2(fd, O_NONBLOCK), 0);
    pid_t pid = fork();
    if (pid == 0) { /* counts slowly */
        size_t sum = 0;
        ssize_t n;
        char buf[4096];
        close(fd[1]);
        fcntl(fd[0], F_SETFL, 0);
        while ((n = read(fd[0], buf, sizeof buf)) > 0) {
            sum += (size_t)n;
        }
        _exit(sum == BYTES ? 0 : 1);
    }
    close(fd[0]);
    memset(line, 'x', sizeof line);
    trace_output_init_fd(&o, fd[1]);
    for (size_t i = 0; i < BYTES / sizeof line; i++) {
        trace_output_add(&o, line, sizeof line);
    }
    ck_assert(trace_output_fini(&o, true, &e));
    close(fd[1]);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(directory_that_is_not_there_is_an_error)
{
    struct trace_output o;
    struct err e;

    ck_assert(!trace_output_init_path(&o, "no/such", &e));
    ck_assert_str_eq(e.text, "cannot create no/such: No such file or directory");
}
END_TEST

Suite *
suite(void)
{
    Suite *s = suite_create("trace/output");
    TCase *tc = tcase_create("output");

    tcase_add_checked_fixture(tc, enter, files_leave);
    tcase_add_test(tc, file_appears_only_when_it_is_complete);
    tcase_add_test(tc, what_is_not_kept_leaves_the_old_file_alone);
    tcase_add_test(tc, links_and_the_mode_of_the_old_file_survive);
    tcase_add_test(tc, full_disk_is_an_error_with_a_message);
    tcase_add_test(tc, closed_pipe_is_an_error_and_stays_one);
    tcase_add_test(tc, pipe_that_is_full_for_a_while_loses_nothing);
    tcase_add_test(tc, directory_that_is_not_there_is_an_error);
    suite_add_tcase(s, tc);
    return s;
}
