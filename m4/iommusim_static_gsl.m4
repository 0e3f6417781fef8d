dnl SPDX-License-Identifier: GPL-3.0-or-later
dnl
dnl IOMMUSIM_STATIC_GSL
dnl The dynamic loader spends a good part of a short run on libgsl and
dnl libgslcblas, of which a few functions are used. Where the archives are
dnl installed GSL_LIBS names them instead; --without-static-gsl keeps the
dnl shared ones, --with-static-gsl insists.
AC_DEFUN([IOMMUSIM_STATIC_GSL], [
AC_ARG_WITH([static-gsl],
    [AS_HELP_STRING([--with-static-gsl], [link GSL statically: faster start (default: if possible)])],
    [], [with_static_gsl=auto])
AS_IF([test "x$with_static_gsl" != xno], [
    iommusim_static_gsl="-Wl,-Bstatic -lgsl -lgslcblas -Wl,-Bdynamic -lm"
    iommusim_save_LIBS=$LIBS
    iommusim_save_CFLAGS=$CFLAGS
    iommusim_save_LDFLAGS=$LDFLAGS
    CFLAGS="$CFLAGS $GSL_CFLAGS"
    LDFLAGS="$LDFLAGS `$PKG_CONFIG --libs-only-L gsl`"
    LIBS="$iommusim_static_gsl $LIBS"
    AC_MSG_CHECKING([whether GSL can be linked statically])
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <gsl/gsl_randist.h>]],
                                    [[return gsl_ran_exponential(0, 1.0) > 0;]])],
        [AC_MSG_RESULT([yes])
         GSL_LIBS="`$PKG_CONFIG --libs-only-L gsl` $iommusim_static_gsl"],
        [AC_MSG_RESULT([no])
         AS_IF([test "x$with_static_gsl" != xauto],
             [AC_MSG_ERROR([--with-static-gsl: libgsl.a or libgslcblas.a not usable])])])
    LIBS=$iommusim_save_LIBS
    CFLAGS=$iommusim_save_CFLAGS
    LDFLAGS=$iommusim_save_LDFLAGS
])
])
