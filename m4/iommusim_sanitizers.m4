dnl SPDX-License-Identifier: GPL-3.0-or-later
dnl
dnl IOMMUSIM_SANITIZERS
dnl --enable-sanitizers[=LIST] compiles and links everything with -fsanitize=LIST.
dnl Findings end the program, so that a test sees them.
AC_DEFUN([IOMMUSIM_SANITIZERS], [
AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers@<:@=LIST@:>@],
        [build with these sanitizers (address,undefined if no LIST)])],
    [], [enable_sanitizers=no])
AS_IF([test "x$enable_sanitizers" = xyes], [enable_sanitizers=address,undefined])
AS_IF([test "x$enable_sanitizers" != xno], [
    iommusim_sanitize="-fsanitize=$enable_sanitizers -fno-sanitize-recover=all"
    AX_CHECK_LINK_FLAG([$iommusim_sanitize], [],
        [AC_MSG_ERROR([$CC cannot build with $iommusim_sanitize])])
    AS_VAR_APPEND([IOMMUSIM_CFLAGS], [" $iommusim_sanitize -fno-omit-frame-pointer"])
    AS_VAR_APPEND([IOMMUSIM_LDFLAGS], [" $iommusim_sanitize"])
])
])
