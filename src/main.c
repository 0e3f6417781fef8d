/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * iommusim: a discrete-event simulator of guest DMA and IOMMU behaviour.
 *
 * The map of the house, from the cellar up; each folder may use those above it in
 * this list, and folders of one line do not know each other:
 *
 * - util/: addresses, errors, allocation, the range map, names, quirks
 * - sim/, mem/, trace/, scenario/: clock and random streams; guest memory; records and
 *   their writers and readers; YAML to structs
 * - notify/: the notifier core: regions, registrations, delivery, replay
 * - iommu/, subscriber/: models (VT-d, PAPR TCE); those who listen (vfio, vhost, ...)
 * - guest/, check/: drivers that write real tables; the checker with its own walker
 * - machine/: builds one of all that from a scenario, runs it, owns it
 * - cli/, main.c: options and subcommands
 *
 * Guest and IOMMU meet only in bytes of guest memory, registers and hypercalls. The
 * checker believes nobody. docs/architecture.md says more.
 */
#include <signal.h>
#include <stdio.h>

#include "cli/diff.h"
#include "cli/explain.h"
#include "cli/import.h"
#include "cli/options.h"
#include "cli/run.h"
#include "cli/test.h"

static int
dispatch(const struct options *o)
{
    switch (o->command) {
    case COMMAND_RUN:
        return cli_run(o);
    case COMMAND_CHECK:
        return cli_check(o);
    case COMMAND_TEST:
        return cli_test(o);
    case COMMAND_DIFF:
        return cli_diff(o);
    case COMMAND_IMPORT:
        return cli_import(o);
    case COMMAND_EXPLAIN:
        return cli_explain(o);
    case COMMAND_COUNT:
        break;
    }
    return STATUS_FAIL;
}

/* What was printed must have arrived: a full disk or closed pipe is an error. */
static int
finish(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout) || fclose(stdout) != 0) {
        perror("iommusim: standard output");
        return STATUS_FAIL;
    }
    return status;
}

int
main(int argc, char **argv)
{
    struct options o;
    int status = STATUS_FAIL;

    signal(SIGPIPE, SIG_IGN);
    switch (options_parse(&o, argc, argv)) {
    case OPTIONS_RUN:
        status = dispatch(&o);
        break;
    case OPTIONS_DONE:
        status = STATUS_OK;
        break;
    case OPTIONS_BAD:
        break;
    }
    options_fini(&o);
    return finish(status);
}
