/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "support_main.h"

/* How it reports, and whether it forks, is said by check's own environment variables. */
int
main(void)
{
    SRunner *runner = srunner_create(suite());

    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
