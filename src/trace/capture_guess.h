/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a dynamic window must be like that a log uses without having shown it being made.
 */
#ifndef IOMMUSIM_TRACE_CAPTURE_GUESS_H
#define IOMMUSIM_TRACE_CAPTURE_GUESS_H

#include "trace/capture.h"

/*
 * From the calls that were served and the translations, from that line on until the
 * window goes: the largest of the usual page sizes that all addresses and pages are
 * multiples of, unless a translation tells it; the smallest power of two as size; the
 * base that firmware gives a window beside the default one, or 0. A window that nothing
 * is told of has one page of 64 KiB.
 */
struct capture_geometry capture_guess_window(const char *path, uint32_t line,
                                             uint64_t liobn);

#endif
