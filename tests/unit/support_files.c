/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See support_files.h. */
#include "support_files.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64];

void
files_enter(void)
{
    strcpy(dir, P_tmpdir "/iommusim_test_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(chdir(dir), 0);
}

void
files_leave(void)
{
    char cmd[128];

    snprintf(cmd, sizeof cmd, "rm -r '%s'", dir);
    ck_assert_int_eq(system(cmd), 0);
}

void
files_expect(const char *path, const char *want)
{
    char got[1024];
    FILE *f = fopen(path, "r");

    ck_assert_msg(f != NULL, "%s is not there", path);
    got[fread(got, 1, sizeof got - 1, f)] = '\0';
    fclose(f);
    ck_assert_str_eq(got, want);
}
