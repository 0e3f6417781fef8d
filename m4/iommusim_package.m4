dnl SPDX-License-Identifier: GPL-3.0-or-later
dnl
dnl IOMMUSIM_PACKAGE(PREFIX, MODULE, DEBIAN-PACKAGE)
dnl Sets PREFIX_CFLAGS and PREFIX_LIBS from pkg-config. A missing module ends
dnl configure with the name of the Debian package that has it.
AC_DEFUN([IOMMUSIM_PACKAGE], [
PKG_CHECK_MODULES([$1], [$2], [],
    [AC_MSG_ERROR([$2 not found: install the Debian package $3 (apt-get install $3)])])
])
