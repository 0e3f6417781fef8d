/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Steps of the hardware level that belong to no driver: bytes of memory and
 * registers, written and compared. They change no driver's state.
 */
#ifndef IOMMUSIM_GUEST_RAW_STEPS_H
#define IOMMUSIM_GUEST_RAW_STEPS_H

struct op;
struct phase;

struct phase raw_mem(struct op *op);
struct phase raw_mem_expect(struct op *op);
struct phase raw_mmio(struct op *op);
struct phase raw_mmio_expect(struct op *op);

#endif
