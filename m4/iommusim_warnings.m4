dnl SPDX-License-Identifier: GPL-3.0-or-later
dnl
dnl IOMMUSIM_WARNINGS
dnl Adds the warnings that the code is kept free of to IOMMUSIM_CFLAGS, as far
dnl as the compiler knows them; --enable-werror makes them errors.
AC_DEFUN([IOMMUSIM_WARNINGS], [
AX_APPEND_COMPILE_FLAGS([ dnl
    -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wcast-qual dnl
    -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla dnl
    -Wformat=2 -Wundef], [IOMMUSIM_CFLAGS], [-Werror])
AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [make compiler warnings errors])],
    [], [enable_werror=no])
AS_IF([test "x$enable_werror" != xno], [AS_VAR_APPEND([IOMMUSIM_CFLAGS], [" -Werror"])])
])
