/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The register page: which bits can be read, written, cleared by writing 1, and what
 * a write sets off. Accesses of 4 or 8 bytes at multiples of 4; 64-bit registers may
 * be written by halves, and commands start with the upper one.
 *
 * Optional registers that are not implemented (protected memory, advanced fault log,
 * page requests) are known by name and read zero.
 */
#ifndef IOMMUSIM_IOMMU_VTD_REGS_H
#define IOMMUSIM_IOMMU_VTD_REGS_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd.h"

uint64_t vtd_mmio_read(struct iommu *m, uint64_t off, unsigned width);
void vtd_mmio_write(struct iommu *m, uint64_t off, unsigned width, uint64_t value);

/* Reset values; bits that software clears (RW1C) stay as they are, with their record. */
void vtd_regs_reset(struct vtd *v);

#endif
