/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line, parsed and checked: which subcommand, its options, its operands.
 * All subcommands share one table of options, which says to whom each belongs and
 * from which --help is printed.
 */
#ifndef IOMMUSIM_CLI_OPTIONS_H
#define IOMMUSIM_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/trace.h"
#include "util/quirks.h"

/* As diff and grep have it. */
enum exit_status {
    STATUS_OK = 0,     /* every expectation held; equal */
    STATUS_DIFFER = 1, /* a violation, a failed expectation, a difference */
    STATUS_FAIL = 2,   /* could not */
};

enum command {
    COMMAND_RUN,
    COMMAND_CHECK,
    COMMAND_TEST,
    COMMAND_DIFF,
    COMMAND_IMPORT,
    COMMAND_EXPLAIN,
    COMMAND_COUNT
};

/* --quirk NAME or --quirk -NAME */
struct quirk_option {
    enum quirk id;
    bool on;
};

enum color_option { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* What is not given has the default. Texts are borrowed from argv. */
struct options {
    enum command command;
    char **operands; /* n_operands of them, in argv; as many as the command needs */
    size_t n_operands;

    const char *output;       /* -o; NULL: standard output */
    enum trace_format format; /* TEXT */
    enum trace_level level;   /* NORMAL; -v, -q */
    enum color_option color;  /* AUTO */
    const char *split;        /* a directory, or NULL */
    const char **subscribers; /* import: kinds of backends */
    size_t n_subscribers;
    struct trace_watch *watches;
    size_t n_watches;

    bool has_seed;
    uint64_t seed;
    const struct profile_info *profile; /* NULL: as the scenario says */
    struct quirk_option *quirks;        /* applied in order, after the scenario's */
    size_t n_quirks;
    bool stop_on_violation, progress;
    bool fail_table;   /* --fail-nth: a run for each point, and no trace */
    unsigned fail_nth; /* --fail-nth=N: the point that fails; 0: none */

    unsigned jobs; /* test: 1 */
    bool update;   /* test */

    bool ignore_time; /* diff */
    unsigned context; /* diff: 3 */

    const char *from; /* import: "qemu-log", "linux-trace"; NULL: not given */
    bool dump;        /* import */
    bool dma;         /* import */
    const char *list; /* explain: what to list, unchecked; NULL: explain a name */
};

enum options_result {
    OPTIONS_RUN,  /* go on with the command */
    OPTIONS_DONE, /* --help or --version was printed */
    OPTIONS_BAD,  /* a message was printed; exit with STATUS_FAIL */
};

/*
 * Parse argv, which may be reordered. *o needs options_fini whatever the result.
 * Messages go to standard error, help and version to standard output.
 */
enum options_result options_parse(struct options *o, int argc, char **argv);
void options_fini(struct options *o);

/*
 * How the options want the trace: *t borrows from *o. Colors are on where asked for,
 * or if the text goes to a terminal and the environment (NO_COLOR, TERM) allows.
 */
void options_trace(const struct options *o, struct trace_options *t);

#endif
