/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which records pass the subscribers and watches of the options. */
#ifndef IOMMUSIM_TRACE_FILTER_H
#define IOMMUSIM_TRACE_FILTER_H

#include <stdbool.h>

#include "trace/trace.h"

bool trace_filter_keeps(const struct trace_options *o, const struct trace_rec *r);

#endif
