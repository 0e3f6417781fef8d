/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A Linux guest's trace of its VT-d driver as a scenario: maps and unmaps become stores
 * into the tables of a domain, submitted descriptors go into the queue as they were,
 * each with a wait behind it, as Linux does. Each domain has a device of its own.
 * guest/linux_trace.h says how the trace is read.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/import.h"
#include "guest/linux_trace.h"
#include "iommu/vtd_fmt.h"

#define GRAIN  (UINT64_C(16) << 20)
#define TABLES (UINT64_C(64) << 20) /* memory for page tables, behind the guest's */

struct linux_import {
    struct trace_output *out;
    const struct import_wish *wish;
    struct linux_trace *trace;
    const struct linux_summary *sum;
    uint64_t ram;   /* of the guest; its tables are behind it */
    bool in_script; /* the step being written is a script */
};

#define say(im, ...) trace_output_print((im)->out, __VA_ARGS__)

/* ---- the machine ---- */

static void
say_devices(struct linux_import *im)
{
    say(im, "  devices:\n");
    for (size_t i = 0; i < im->sum->n_domains; i++) {
        const struct linux_domain *d = &im->sum->domains[i];
        say(im, "    did%u-dev: {iommu: vtd0", d->did);
        if (d->sid != 0) {
            say(im, ", address: \"%02x:%02x.%x\"", d->sid >> 8, d->sid >> 3 & 31,
                d->sid & 7);
        }
        if (d->ats) {
            say(im, ", ats: on");
        }
        if (d->hotplugged) {
            say(im, ", plugged: off");
        }
        say(im, ", backend: [");
        const char *usual = im->sum->caching_mode ? "vfio" : "vhost";
        say(im, "%s", im->wish->n_backends == 0 ? usual : "");
        for (size_t k = 0; k < im->wish->n_backends; k++) {
            say(im, "%s%s", k > 0 ? ", " : "", im->wish->backends[k]);
        }
        say(im, "]}\n");
    }
}

static void
say_machine(struct linux_import *im)
{
    say(im,
        "machine:\n  ram: 0x%" PRIx64 "\n  iommus:\n"
        "    vtd0: {model: intel-vtd, caching_mode: %s, device_iotlb: %s}\n",
        im->ram + TABLES, im->sum->caching_mode ? "on" : "off",
        im->sum->device_iotlb ? "on" : "off");
    say_devices(im);
    say(im,
        "guest:\n  table_memory: {base: 0x%" PRIx64 ", size: 0x%" PRIx64
        "}\n  domains:\n",
        im->ram, TABLES);
    for (size_t i = 0; i < im->sum->n_domains; i++) {
        say(im, "    d%u: {iommu: vtd0, did: %u}\n", im->sum->domains[i].did,
            im->sum->domains[i].did);
    }
}

/* ---- what happened ---- */

/* A line of the script, which is begun if need be. */
static void
say_line(struct linux_import *im, const struct linux_op *op, const char *why)
{
    if (!im->in_script) {
        say(im, "  - script: |\n");
        im->in_script = true;
    }
    if (op->assumed) {
        say(im, "      # assumed: %s\n", why);
    }
    say(im, "      @%" PRIu64 "ns ", op->ns);
}

static void
say_change(struct linux_import *im, const struct linux_op *op)
{
    say_line(im, op, "what is mapped next was unmapped before");
    say(im, "%s domain=d%u iova=0x%" PRIx64 " size=0x%" PRIx64,
        op->kind == LINUX_MAP ? "map" : "unmap", im->sum->domains[op->domain].did,
        op->iova, op->size);
    if (op->kind == LINUX_MAP) {
        say(im, " gpa=0x%" PRIx64 " perm=rw", op->gpa);
    }
    say(im,
        op->unflushed ? " flush=page # its invalidation is assumed\n" : " flush=none\n");
}

/* Interrupts are not traced, nor what their entries change. */
static void
say_submit(struct linux_import *im, const struct linux_op *op)
{
    if (vtd_desc_type(op->words[0]) != VTD_DESC_IEC) {
        say_line(im, op, "the driver flushes what it had still to flush");
        say(im, "qi iommu=vtd0 descriptors=raw:0x%" PRIx64 ":0x%" PRIx64 ",wait\n",
            op->words[0], op->words[1]);
    }
}

static void
say_attach(struct linux_import *im, size_t domain)
{
    const unsigned did = im->sum->domains[domain].did;

    im->in_script = false;
    say(im, "  - attach: {device: did%u-dev, domain: d%u}\n", did, did);
}

static void
say_plug(struct linux_import *im, const struct linux_op *op)
{
    const struct linux_domain *d = &im->sum->domains[op->domain];
    const bool comes = op->kind == LINUX_COMES;

    if (!d->hotplugged) {
        return;
    }
    im->in_script = false;
    say(im, "  - at: %" PRIu64 "ns\n    %s: did%u-dev\n", op->ns,
        comes ? "hotplug" : "unplug", d->did);
    if (comes) {
        say_attach(im, op->domain);
    }
}

static void
say_op(struct linux_import *im, const struct linux_op *op)
{
    switch (op->kind) {
    case LINUX_MAP:
    case LINUX_UNMAP:
        say_change(im, op);
        break;
    case LINUX_SUBMIT:
        say_submit(im, op);
        break;
    case LINUX_COMES:
    case LINUX_GOES:
        say_plug(im, op);
        break;
    }
}

static bool
say_traffic(struct linux_import *im, struct err *e)
{
    enum linux_result r;
    struct linux_op op;

    say(im, "timeline:\n");
    for (size_t i = 0; i < im->sum->n_domains; i++) {
        if (!im->sum->domains[i].hotplugged) {
            say_attach(im, i);
        }
    }
    while ((r = linux_trace_next(im->trace, &op, e)) == LINUX_OP) {
        say_op(im, &op);
    }
    say(im, "  - check: {}\n");
    return r == LINUX_END;
}

static void
say_note(struct linux_import *im, uint64_t n, const char *what)
{
    if (n > 0) {
        say(im, "# %" PRIu64 " %s.\n", n, what);
    }
}

/* What the scenario has otherwise than the trace. */
static void
say_notes(struct linux_import *im)
{
    const struct linux_tally *y = linux_trace_tally(im->trace);

    say_note(im, y->left_out, "maps or unmaps without a known counterpart are left out");
    say_note(im, y->unmaps, "unmaps, which the trace lacks, are assumed");
    say_note(im, y->unflushed,
             "maps or unmaps have no invalidation in the trace; it is assumed");
    say_note(im, y->flushes,
             "flushes at the end, of what was still to flush, are assumed");
    say_note(im, y->gaps, "times the tracer lost events");
}

static void
say_head(struct linux_import *im, const char *path)
{
    const char *slash = strrchr(path, '/');

    say(im, "iommusim: 1\nname: ");
    import_say_quoted(im->out, slash != NULL ? slash + 1 : path);
    say(im,
        "\ndescription: >-\n"
        "  Imported from a Linux trace of %" PRIu64
        " events. Permissions, which it does not "
        "carry, are rw;\n  domains are worked out from the invalidations.\n",
        im->sum->events);
}

bool
import_linux_trace(const char *path, const struct import_wish *wish,
                   struct trace_output *out, struct err *e)
{
    struct linux_import im = { .out = out, .wish = wish };
    bool ok =
        !wish->dma || err_set(e, "--dma: a Linux trace shows no accesses of devices");

    im.trace = ok ? linux_trace_open(path, e) : NULL;
    ok = im.trace != NULL;

    if (ok && linux_trace_is_ambiguous(im.trace)) {
        ok = err_at(e, path, 0, 0, "%s", LINUX_TRACE_AMBIGUOUS);
    }
    if (ok) {
        im.sum = linux_trace_summary(im.trace);
        im.ram = (im.sum->memory + GRAIN - 1) & ~(GRAIN - 1);
        say_head(&im, path);
        say_machine(&im);
        ok = say_traffic(&im, e);
        if (wish->dump) {
            say(&im, "  - dump: tables\n");
        }
        say_notes(&im);
    }
    linux_trace_close(im.trace);
    return ok;
}
