# SPDX-License-Identifier: GPL-3.0-or-later
# Unit tests are the programs tests/unit/FOLDER_MODULE.c, with shared helpers in
# tests/unit/support_*.c; tests/cli/*.sh (but for support_*.sh) print TAP and run
# the built program; tests/scenarios.sh runs everything under scenarios/.

if UNIT_TESTS
check_LIBRARIES += tests/unit/libsupport.a
check_PROGRAMS += $(unit_tests)
endif
tests_unit_libsupport_a_SOURCES = $(unit_support)
LDADD = tests/unit/libsupport.a $(libiommusim) $(CHECK_LIBS)

# Names for tests/summary: what a complete run cannot do without.
if UNIT_TESTS
required_tests = tests/unit/ tests/scenarios
else
required_tests = tests/scenarios
endif

TEST_EXTENSIONS = .sh
TESTS += $(check_PROGRAMS) $(cli_tests) tests/scenarios.sh tests/tree.sh
tests/scenarios.log: src/iommusim$(EXEEXT)

tap_driver = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = $(tap_driver)
LOG_COMPILER = $(srcdir)/tests/check2tap
SH_LOG_DRIVER = $(tap_driver)

# For the scripts: the program, and the top of the source tree.
AM_TESTS_ENVIRONMENT = \
	IOMMUSIM='$(abs_builddir)/src/iommusim$(EXEEXT)'; export IOMMUSIM; \
	srcdir='$(abs_srcdir)'; export srcdir; \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	builddir='$(abs_builddir)'; export builddir;

EXTRA_PROGRAMS += $(bench_programs)
tests_bench_bench_base_LDADD = $(libiommusim)
tests_bench_bench_run_LDADD = $(libiommusim)

# Written by tools/update-sources from here on.

unit_tests = \
	tests/unit/check_agreement \
	tests/unit/check_check \
	tests/unit/check_close \
	tests/unit/check_device_tlb \
	tests/unit/check_dma \
	tests/unit/check_entries \
	tests/unit/check_exposure \
	tests/unit/check_hear \
	tests/unit/check_records \
	tests/unit/check_scalable \
	tests/unit/check_spans \
	tests/unit/check_table_index \
	tests/unit/check_told \
	tests/unit/check_truth \
	tests/unit/check_verdict \
	tests/unit/check_walk \
	tests/unit/cli_import \
	tests/unit/guest_guest \
	tests/unit/guest_intel_driver \
	tests/unit/guest_intel_entry \
	tests/unit/guest_intel_invalidate \
	tests/unit/guest_intel_queue \
	tests/unit/guest_linux_trace \
	tests/unit/guest_pseries_driver \
	tests/unit/iommu_iommu \
	tests/unit/iommu_papr \
	tests/unit/iommu_papr_fmt \
	tests/unit/iommu_papr_hcall \
	tests/unit/iommu_papr_kernel \
	tests/unit/iommu_papr_rtas \
	tests/unit/iommu_papr_windows \
	tests/unit/iommu_vtd \
	tests/unit/iommu_vtd_cache \
	tests/unit/iommu_vtd_caches \
	tests/unit/iommu_vtd_context \
	tests/unit/iommu_vtd_desc \
	tests/unit/iommu_vtd_devtlb \
	tests/unit/iommu_vtd_fault \
	tests/unit/iommu_vtd_fmt \
	tests/unit/iommu_vtd_mirror \
	tests/unit/iommu_vtd_notify \
	tests/unit/iommu_vtd_queue \
	tests/unit/iommu_vtd_quirks \
	tests/unit/iommu_vtd_regs \
	tests/unit/iommu_vtd_sm_fmt \
	tests/unit/iommu_vtd_stage \
	tests/unit/iommu_vtd_trace \
	tests/unit/iommu_vtd_walk \
	tests/unit/iommu_vtd_window \
	tests/unit/machine_machine \
	tests/unit/machine_papr \
	tests/unit/machine_random \
	tests/unit/mem_dirty \
	tests/unit/mem_mem \
	tests/unit/notify_fail \
	tests/unit/notify_notify \
	tests/unit/notify_replay \
	tests/unit/notify_space \
	tests/unit/scenario_errors \
	tests/unit/scenario_load \
	tests/unit/scenario_scalar \
	tests/unit/scenario_script \
	tests/unit/sim_dist \
	tests/unit/sim_sim \
	tests/unit/subscriber_ats \
	tests/unit/subscriber_host \
	tests/unit/subscriber_subscriber \
	tests/unit/subscriber_vfio \
	tests/unit/subscriber_vhost \
	tests/unit/subscriber_vhost_user \
	tests/unit/trace_capture \
	tests/unit/trace_diff \
	tests/unit/trace_format \
	tests/unit/trace_ftrace \
	tests/unit/trace_output \
	tests/unit/trace_read \
	tests/unit/trace_trace \
	tests/unit/util_addr \
	tests/unit/util_alloc \
	tests/unit/util_err \
	tests/unit/util_names \
	tests/unit/util_quirks \
	tests/unit/util_rangemap

unit_support = \
	tests/unit/support_check.c \
	tests/unit/support_check.h \
	tests/unit/support_files.c \
	tests/unit/support_files.h \
	tests/unit/support_guest.c \
	tests/unit/support_guest.h \
	tests/unit/support_main.c \
	tests/unit/support_main.h \
	tests/unit/support_nic.c \
	tests/unit/support_nic.h \
	tests/unit/support_papr.c \
	tests/unit/support_papr.h \
	tests/unit/support_random.c \
	tests/unit/support_random.h \
	tests/unit/support_recorder.c \
	tests/unit/support_recorder.h \
	tests/unit/support_toy.c \
	tests/unit/support_toy.h \
	tests/unit/support_vtd.c \
	tests/unit/support_vtd.h \
	tests/unit/support_vtd_sm.c \
	tests/unit/support_vtd_sm.h

cli_tests = \
	tests/cli/bad_input.sh \
	tests/cli/diff.sh \
	tests/cli/expect.sh \
	tests/cli/explain.sh \
	tests/cli/fail.sh \
	tests/cli/hcall_replay.sh \
	tests/cli/import_linux.sh \
	tests/cli/import_papr.sh \
	tests/cli/options.sh \
	tests/cli/qtest_derived.sh \
	tests/cli/qtest_oracle.sh \
	tests/cli/qtest_recordings.sh \
	tests/cli/qtest_replay.sh \
	tests/cli/readme.sh \
	tests/cli/run.sh \
	tests/cli/steps.sh \
	tests/cli/test.sh \
	tests/cli/traffic.sh \
	tests/cli/trouble.sh \
	tests/cli/verdicts_oracle.sh

test_scripts = \
	tests/bench/instructions.sh \
	tests/bench/run.sh \
	tests/cli/bad_input.sh \
	tests/cli/diff.sh \
	tests/cli/expect.sh \
	tests/cli/explain.sh \
	tests/cli/fail.sh \
	tests/cli/hcall_replay.sh \
	tests/cli/import_linux.sh \
	tests/cli/import_papr.sh \
	tests/cli/options.sh \
	tests/cli/qtest_derived.sh \
	tests/cli/qtest_oracle.sh \
	tests/cli/qtest_recordings.sh \
	tests/cli/qtest_replay.sh \
	tests/cli/readme.sh \
	tests/cli/run.sh \
	tests/cli/steps.sh \
	tests/cli/support_tap.sh \
	tests/cli/test.sh \
	tests/cli/traffic.sh \
	tests/cli/trouble.sh \
	tests/cli/verdicts_oracle.sh \
	tests/scenarios.sh \
	tests/tree.sh

bench_programs = \
	tests/bench/bench_base \
	tests/bench/bench_run
