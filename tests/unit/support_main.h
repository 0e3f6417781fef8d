/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The main() of every unit test runs what its tests/unit/FOLDER_MODULE.c declares here. */
#ifndef IOMMUSIM_TESTS_SUPPORT_MAIN_H
#define IOMMUSIM_TESTS_SUPPORT_MAIN_H

#include <check.h>

/* The cases of this program. Called once; what it returns is freed by main(). */
Suite *suite(void);

#endif
