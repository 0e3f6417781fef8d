/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables of subcommands and options, and the help that is printed from them. For
 * options.c.
 */
#ifndef IOMMUSIM_CLI_USAGE_H
#define IOMMUSIM_CLI_USAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"

struct command_info {
    const char *name;
    const char *usage; /* after "iommusim " */
    const char *what;
    size_t min_operands, max_operands;
};

extern const struct command_info commands[COMMAND_COUNT];

enum {
    /* Options without a letter. */
    OPT_FORMAT = 256,
    OPT_SEED,
    OPT_PROFILE,
    OPT_QUIRK,
    OPT_SUBSCRIBER,
    OPT_SPLIT,
    OPT_WATCH,
    OPT_STOP_ON,
    OPT_COLOR,
    OPT_PROGRESS,
    OPT_FAIL_NTH,
    OPT_UPDATE,
    OPT_IGNORE,
    OPT_FROM,
    OPT_DUMP,
    OPT_DMA,
    OPT_LIST,
    OPT_VERSION,
};

/* What `explain --list` can list. */
#define EXPLAIN_KINDS "classes, quirks, profiles, steps, faults or exit"

struct option_info {
    const char *name;
    int key;          /* its letter, or OPT_x */
    const char *arg;  /* NULL: takes none; [N]: may be left out */
    int commands;     /* bit c: enum command c takes it */
    const char *what; /* NULL: not in the help */
};

static inline bool
option_arg_is_optional(const struct option_info *info)
{
    return info->arg != NULL && info->arg[0] == '[';
}

enum { OPTION_COUNT = 24 };
extern const struct option_info option_infos[OPTION_COUNT];

/* The help of a command, or of the program. */
void print_command_help(enum command c);
void print_program_help(void);

#endif
