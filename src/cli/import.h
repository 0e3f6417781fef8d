/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `iommusim import`: a capture of a real system turned into a scenario. */
#ifndef IOMMUSIM_CLI_IMPORT_H
#define IOMMUSIM_CLI_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "trace/output.h"
#include "util/err.h"

struct options;

/* The subcommand; returns the exit status. */
int cli_import(const struct options *o);

/* What the scenario is to have beside what the capture says. */
struct import_wish {
    const char *const
        *backends; /* of each device; n_backends of them, 0: the usual one */
    size_t n_backends;
    bool dump; /* of all tables, at the end */
    bool dma;  /* accesses of devices */
};

/*
 * Write the scenario for a QEMU log of PAPR calls: each bridge and VIO table with one
 * device, usually with vfio-spapr. False and *e if the log cannot be read or shows no
 * table.
 */
bool import_qemu_log(const char *path, const struct import_wish *wish,
                     struct trace_output *out, struct err *e);

/*
 * The same for a Linux guest's trace of its VT-d driver: a device for each domain,
 * usually with vfio, or without caching mode vhost. It shows no accesses.
 */
bool import_linux_trace(const char *path, const struct import_wish *wish,
                        struct trace_output *out, struct err *e);

/* A text in double quotes for YAML, whatever it holds. */
void import_say_quoted(struct trace_output *out, const char *text);

#endif
