/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `iommusim test`: scenarios as test cases, reported as TAP. */
#ifndef IOMMUSIM_CLI_TEST_H
#define IOMMUSIM_CLI_TEST_H

#include <stdbool.h>

struct options;

struct test_result {
    int status; /* what `iommusim run` would exit with: enum exit_status */
    char *text; /* what it would have said on standard error; the result owns it */
};

/*
 * Run one scenario as `iommusim run -o trace_out_path path` does, but collect what it
 * has to say in res->text instead of printing it. A NULL trace_out_path: no trace is
 * written. False, and res->text says why, if it could not be run at all (status 2).
 * Written in run.c; called in a process of its own.
 */
bool test_run_scenario(const char *path, const char *trace_out_path,
                       struct test_result *res);

/* The subcommand; returns the exit status. */
int cli_test(const struct options *o);

#endif
