/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What subcommands and options there are. */

#include "cli/usage.h"

#include "util/alloc.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who takes an option. */
enum {
    RUN = 1 << COMMAND_RUN,
    CHECK = 1 << COMMAND_CHECK,
    TEST = 1 << COMMAND_TEST,
    DIFF = 1 << COMMAND_DIFF,
    IMPORT = 1 << COMMAND_IMPORT,
    EXPLAIN = 1 << COMMAND_EXPLAIN,
    ALL = (1 << COMMAND_COUNT) - 1,
};

const struct command_info commands[COMMAND_COUNT] = {
    [COMMAND_RUN] = { "run", "[run] [options] SCENARIO...",
                      "simulate; print the trace, violations and a summary", 1,
                      SIZE_MAX },
    [COMMAND_CHECK] = { "check", "check [options] SCENARIO...",
                        "read and validate scenarios only", 1, SIZE_MAX },
    [COMMAND_TEST] = { "test", "test [-j N] [--update] PATH...",
                       "run every scenario below PATH: its expectations, and\n"
                       "SCENARIO.trace where one lies beside it",
                       1, SIZE_MAX },
    [COMMAND_DIFF] = { "diff", "diff [options] A B",
                       "compare two traces by meaning: the first difference with\n"
                       "context, then counts for each subscriber",
                       2, 2 },
    [COMMAND_IMPORT] = { "import", "import --from KIND FILE [-o OUT]",
                         "turn a capture of a real system into a scenario", 1, 1 },
    [COMMAND_EXPLAIN] = { "explain", "explain NAME | explain --list KIND",
                          "explain a violation class, quirk, profile, step, fault\n"
                          "reason or exit status",
                          0, SIZE_MAX },
};

const struct option_info option_infos[OPTION_COUNT] = {
    { "output", 'o', "FILE", RUN | IMPORT,
      "write to FILE, which appears only when it is complete" },
    { "format", OPT_FORMAT, "text|jsonl", RUN, "how the trace is written (text)" },
    { "verbose", 'v', NULL, RUN, "also what was filtered, table walks, caches, notes" },
    { "quiet", 'q', NULL, RUN, "violations only" },
    { "subscriber", OPT_SUBSCRIBER, "NAME", RUN | IMPORT,
      "keep the lines of one subscriber, as in nic0/vfio\n(repeatable)" },
    { "split", OPT_SPLIT, "DIR", RUN, "one trace for each subscriber, in DIR" },
    { "watch", OPT_WATCH, "DEVICE:IOVA", RUN,
      "keep what touches that page of that device (repeatable)" },
    { "stop-on", OPT_STOP_ON, "violation", RUN, "end at the first, with a dump" },
    { "seed", OPT_SEED, "N", RUN | CHECK, "instead of the scenario's" },
    { "profile", OPT_PROFILE, "NAME", RUN | CHECK, "instead of the scenario's" },
    { "quirk", OPT_QUIRK, "NAME", RUN | CHECK,
      "add a quirk; -NAME takes one out (repeatable)" },
    { "color", OPT_COLOR, "auto|always|never", RUN, "mark verdicts in the trace (auto)" },
    { "progress", OPT_PROGRESS, NULL, RUN, "a bar on the terminal for long runs" },
    { "fail-nth", OPT_FAIL_NTH, "[N]", RUN,
      "one run for each point that can fail, that one failing,\nand a table of what "
      "became of it; with N that run alone,\nand its trace" },
    { "jobs", 'j', "N", TEST, "run N scenarios at a time (1)" },
    { "update", OPT_UPDATE, NULL, TEST, "rewrite the golden traces that changed" },
    { "ignore", OPT_IGNORE, "time", DIFF, "compare what happened, not when" },
    { "context", 'C', "N", DIFF, "lines shown around the first difference (3)" },
    { "from", OPT_FROM, "KIND", IMPORT, "qemu-log or linux-trace" },
    { "dump", OPT_DUMP, NULL, IMPORT, "end the scenario with a dump of all tables" },
    { "dma", OPT_DMA, NULL, IMPORT,
      "with the accesses of devices, where a qemu-log shows them" },
    { "list", OPT_LIST, "KIND", EXPLAIN,
      "the names of one kind: classes, quirks, profiles,\nsteps, faults or exit" },
    { "help", 'h', NULL, ALL, "print this" },
    { "version", OPT_VERSION, NULL, ALL, "print the version" },
};

/* "LEFT  text", further lines of text below its first. */
static void
print_entry(const char *left, const char *text)
{
    enum { COLUMN = 28 };

    printf("  %-*s", COLUMN - 2, left);
    if (strlen(left) > COLUMN - 4) {
        printf("\n%*s", COLUMN, "");
    }
    for (; *text != '\0'; text++) {
        putchar(*text);
        if (*text == '\n') {
            printf("%*s", COLUMN, "");
        }
    }
    putchar('\n');
}

static void
print_option(const struct option_info *info, enum command c)
{
    const bool backend = info->key == OPT_SUBSCRIBER && c == COMMAND_IMPORT;
    char letter[] = "    ";

    if (info->key < 256) {
        letter[0] = '-';
        letter[1] = (char)info->key;
        letter[2] = ',';
    }
    const bool optional = option_arg_is_optional(info);
    char *left = xasprintf("%s--%s%s%s", letter, info->name,
                           info->arg == NULL ? ""
                           : optional        ? "[="
                                             : "=",
                           info->arg == NULL ? "" : info->arg + optional);
    print_entry(left, backend ? "who subscribes: the kind of backend" : info->what);
    free(left);
}

static void
print_options(enum command c)
{
    puts("\nOptions:");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (option_infos[i].what != NULL && (option_infos[i].commands & (1 << c)) != 0) {
            print_option(&option_infos[i], c);
        }
    }
}

void
print_command_help(enum command c)
{
    const char *what = commands[c].what;

    printf("Usage: iommusim %s\n%c%s.\n", commands[c].usage, toupper(what[0]), what + 1);
    print_options(c);
}

void
print_program_help(void)
{
    puts("Usage: iommusim [run] [options] SCENARIO...\n"
         "       iommusim COMMAND [options] ...\n"
         "Simulate guest DMA and IOMMUs, and judge who held what when.\n"
         "\nCommands:");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        print_entry(commands[i].name, commands[i].what);
    }
    print_options(COMMAND_RUN);
    puts("\nSCENARIO may be -, for standard input. 'iommusim COMMAND --help' tells the\n"
         "options of a command.\n"
         "\nExit status: 0 all expectations held, 1 violations or differences, 2 could "
         "not.");
}
