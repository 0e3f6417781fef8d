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

/*
 * Write the scenario for a QEMU log of PAPR calls: each bridge and VIO table with one
 * device, whose back ends are `backends` (n of them, at least one); with `dump`, a dump
 * of all tables at the end. False and *e if the log cannot be read or shows no table.
 */
bool import_qemu_log(const char *path, const char *const *backends, size_t n, bool dump,
                     struct trace_output *out, struct err *e);

/*
 * The same for a Linux guest's trace of its VT-d driver: a device for each domain. With
 * n = 0 backends it is vfio, or without caching mode vhost.
 */
bool import_linux_trace(const char *path, const char *const *backends, size_t n,
                        bool dump, struct trace_output *out, struct err *e);

/* A text in double quotes for YAML, whatever it holds. */
void import_say_quoted(struct trace_output *out, const char *text);

#endif
