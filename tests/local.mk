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
	tests/unit/support_guest.c \
	tests/unit/support_guest.h \
	tests/unit/support_main.c \
	tests/unit/support_main.h \
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
	tests/cli/trouble.sh

test_data = \
	tests/bad-input/alias-bomb.expected \
	tests/bad-input/alias-bomb.yaml \
	tests/bad-input/alias-in-itself.expected \
	tests/bad-input/alias-in-itself.yaml \
	tests/bad-input/at-goes-back.expected \
	tests/bad-input/at-goes-back.yaml \
	tests/bad-input/attach-direct.expected \
	tests/bad-input/attach-direct.yaml \
	tests/bad-input/bad-indent.expected \
	tests/bad-input/bad-indent.yaml \
	tests/bad-input/control-character.expected \
	tests/bad-input/control-character.yaml \
	tests/bad-input/deep-nesting.expected \
	tests/bad-input/deep-nesting.yaml \
	tests/bad-input/device-ats.expected \
	tests/bad-input/device-ats.yaml \
	tests/bad-input/did.expected \
	tests/bad-input/did.yaml \
	tests/bad-input/distributions.expected \
	tests/bad-input/distributions.yaml \
	tests/bad-input/dma-data.expected \
	tests/bad-input/dma-data.yaml \
	tests/bad-input/domain-of-papr.expected \
	tests/bad-input/domain-of-papr.yaml \
	tests/bad-input/duplicate-key.expected \
	tests/bad-input/duplicate-key.yaml \
	tests/bad-input/empty.expected \
	tests/bad-input/empty.yaml \
	tests/bad-input/entry-limit-zero.expected \
	tests/bad-input/entry-limit-zero.yaml \
	tests/bad-input/errors.inc \
	tests/bad-input/expectations.expected \
	tests/bad-input/expectations.yaml \
	tests/bad-input/foreign-option.expected \
	tests/bad-input/foreign-option.yaml \
	tests/bad-input/foreign-tag.expected \
	tests/bad-input/foreign-tag.yaml \
	tests/bad-input/guest.expected \
	tests/bad-input/guest.yaml \
	tests/bad-input/hardware-steps.expected \
	tests/bad-input/hardware-steps.yaml \
	tests/bad-input/ids.expected \
	tests/bad-input/ids.yaml \
	tests/bad-input/include-errors.expected \
	tests/bad-input/include-errors.yaml \
	tests/bad-input/include-itself.expected \
	tests/bad-input/include-itself.yaml \
	tests/bad-input/include-missing.expected \
	tests/bad-input/include-missing.yaml \
	tests/bad-input/later-features.expected \
	tests/bad-input/later-features.yaml \
	tests/bad-input/leading-zero.expected \
	tests/bad-input/leading-zero.yaml \
	tests/bad-input/limits.expected \
	tests/bad-input/limits.yaml \
	tests/bad-input/list-as-key.expected \
	tests/bad-input/list-as-key.yaml \
	tests/bad-input/long-line.expected \
	tests/bad-input/long-line.yaml \
	tests/bad-input/long-text.expected \
	tests/bad-input/long-text.yaml \
	tests/bad-input/loops.expected \
	tests/bad-input/loops.yaml \
	tests/bad-input/merge-of-text.expected \
	tests/bad-input/merge-of-text.yaml \
	tests/bad-input/misaligned-map.expected \
	tests/bad-input/misaligned-map.yaml \
	tests/bad-input/missing-key.expected \
	tests/bad-input/missing-key.yaml \
	tests/bad-input/no-action.expected \
	tests/bad-input/no-action.yaml \
	tests/bad-input/no-translation.expected \
	tests/bad-input/no-translation.yaml \
	tests/bad-input/no-version.expected \
	tests/bad-input/no-version.yaml \
	tests/bad-input/not-a-number.expected \
	tests/bad-input/not-a-number.yaml \
	tests/bad-input/not-utf8.expected \
	tests/bad-input/not-utf8.yaml \
	tests/bad-input/nul-byte.expected \
	tests/bad-input/nul-byte.yaml \
	tests/bad-input/only-comments.expected \
	tests/bad-input/only-comments.yaml \
	tests/bad-input/overlapping-ram.expected \
	tests/bad-input/overlapping-ram.yaml \
	tests/bad-input/papr-cannot.expected \
	tests/bad-input/papr-cannot.yaml \
	tests/bad-input/papr-options.expected \
	tests/bad-input/papr-options.yaml \
	tests/bad-input/pci-address.expected \
	tests/bad-input/pci-address.yaml \
	tests/bad-input/perm.expected \
	tests/bad-input/perm.yaml \
	tests/bad-input/profile-and-quirks.expected \
	tests/bad-input/profile-and-quirks.yaml \
	tests/bad-input/qi-descriptors.expected \
	tests/bad-input/qi-descriptors.yaml \
	tests/bad-input/qi-fields.expected \
	tests/bad-input/qi-fields.yaml \
	tests/bad-input/ram-not-pages.expected \
	tests/bad-input/ram-not-pages.yaml \
	tests/bad-input/replay.expected \
	tests/bad-input/replay.yaml \
	tests/bad-input/root-list.expected \
	tests/bad-input/root-list.yaml \
	tests/bad-input/root-text.expected \
	tests/bad-input/root-text.yaml \
	tests/bad-input/same-address.expected \
	tests/bad-input/same-address.yaml \
	tests/bad-input/same-liobn.expected \
	tests/bad-input/same-liobn.yaml \
	tests/bad-input/same-subscriber-name.expected \
	tests/bad-input/same-subscriber-name.yaml \
	tests/bad-input/script-lines.expected \
	tests/bad-input/script-lines.yaml \
	tests/bad-input/second-document.expected \
	tests/bad-input/second-document.yaml \
	tests/bad-input/size-units.expected \
	tests/bad-input/size-units.yaml \
	tests/bad-input/subscribe.expected \
	tests/bad-input/subscribe.yaml \
	tests/bad-input/switch.expected \
	tests/bad-input/switch.yaml \
	tests/bad-input/tab-before-caret.expected \
	tests/bad-input/tab-before-caret.yaml \
	tests/bad-input/tab-indent.expected \
	tests/bad-input/tab-indent.yaml \
	tests/bad-input/table-memory.expected \
	tests/bad-input/table-memory.yaml \
	tests/bad-input/time-units.expected \
	tests/bad-input/time-units.yaml \
	tests/bad-input/too-big-number.expected \
	tests/bad-input/too-big-number.yaml \
	tests/bad-input/too-many-errors.expected \
	tests/bad-input/too-many-errors.yaml \
	tests/bad-input/two-actions.expected \
	tests/bad-input/two-actions.yaml \
	tests/bad-input/unclosed-bracket.expected \
	tests/bad-input/unclosed-bracket.yaml \
	tests/bad-input/unclosed-list.expected \
	tests/bad-input/unclosed-list.yaml \
	tests/bad-input/unclosed-quote.expected \
	tests/bad-input/unclosed-quote.yaml \
	tests/bad-input/underscores.expected \
	tests/bad-input/underscores.yaml \
	tests/bad-input/unknown-alias.expected \
	tests/bad-input/unknown-alias.yaml \
	tests/bad-input/unknown-key.expected \
	tests/bad-input/unknown-key.yaml \
	tests/bad-input/unknown-model.expected \
	tests/bad-input/unknown-model.yaml \
	tests/bad-input/unknown-names.expected \
	tests/bad-input/unknown-names.yaml \
	tests/bad-input/unknown-step.expected \
	tests/bad-input/unknown-step.yaml \
	tests/bad-input/unknown-top-key.expected \
	tests/bad-input/unknown-top-key.yaml \
	tests/bad-input/utf16.expected \
	tests/bad-input/utf16.yaml \
	tests/bad-input/utf8-column.expected \
	tests/bad-input/utf8-column.yaml \
	tests/bad-input/version-2.expected \
	tests/bad-input/version-2.yaml \
	tests/bad-input/vtd-attach.expected \
	tests/bad-input/vtd-attach.yaml \
	tests/bad-input/vtd-cannot.expected \
	tests/bad-input/vtd-cannot.yaml \
	tests/bad-input/vtd-default-domain.expected \
	tests/bad-input/vtd-default-domain.yaml \
	tests/bad-input/vtd-domains.expected \
	tests/bad-input/vtd-domains.yaml \
	tests/bad-input/vtd-entries.expected \
	tests/bad-input/vtd-entries.yaml \
	tests/bad-input/vtd-options.expected \
	tests/bad-input/vtd-options.yaml \
	tests/bad-input/window.expected \
	tests/bad-input/window.yaml \
	tests/bad-input/wrong-type.expected \
	tests/bad-input/wrong-type.yaml \
	tests/bench/run.sh \
	tests/cli/bad_input.sh \
	tests/cli/diff.sh \
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
	tests/hcall/corners.json \
	tests/hcall/observed.json \
	tests/hcall/recorded.json \
	tests/qtest/README.md \
	tests/qtest/derived/03-refused-hit.json \
	tests/qtest/derived/04-permissions-and.json \
	tests/qtest/derived/06-large-leaf-reserved.json \
	tests/qtest/derived/08-beyond-width.json \
	tests/qtest/derived/09-leaf-reserved.json \
	tests/qtest/derived/12-context-change-stale.json \
	tests/qtest/derived/15-fault-overflow.json \
	tests/qtest/derived/16-fault-disable.json \
	tests/qtest/derived/17-pass-through.json \
	tests/qtest/derived/18-pass-through-subscriber.json \
	tests/qtest/derived/21-interrupt-range.json \
	tests/qtest/derived/24-registers-under-queue.json \
	tests/qtest/derived/27-queue-repair.json \
	tests/qtest/derived/28-tail-beyond.json \
	tests/qtest/derived/29-unplug-stale.json \
	tests/qtest/derived/31-map-only-unmap-only.json \
	tests/qtest/derived/32-late-invalidation.json \
	tests/qtest/derived/34-refused-flags.json \
	tests/qtest/derived/35-snoop-refuses.json \
	tests/qtest/derived/37-leaf-across-window.json \
	tests/qtest/derived/38-order-of-subscribers.json \
	tests/qtest/derived/40-context-events.json \
	tests/qtest/derived/44-translation-off-on.json \
	tests/qtest/derived/45-unmap-only-hole.json \
	tests/qtest/derived/47-device-iotlb-clipped.json \
	tests/qtest/derived/48-large-leaf-smaller.json \
	tests/qtest/derived/49-permissions-and-events.json \
	tests/qtest/derived/56-page-mask-8-bits.json \
	tests/qtest/derived/x-descriptors.json \
	tests/qtest/derived/x-options.json \
	tests/qtest/derived/x-registers.json \
	tests/qtest/derived/x-resets.json \
	tests/qtest/derived/x-windows.json \
	tests/qtest/results/01-present-absent.json \
	tests/qtest/results/02-permissions.json \
	tests/qtest/results/05-superpages.json \
	tests/qtest/results/10-context-faults.json \
	tests/qtest/results/11-stale-iotlb.json \
	tests/qtest/results/23-register-invalidation.json \
	tests/qtest/results/25-iqe.json \
	tests/qtest/results/30-subscribe-replay.json \
	tests/qtest/results/36-partial-range.json \
	tests/qtest/results/39-hotplug.json \
	tests/qtest/results/41-device-iotlb.json \
	tests/qtest/results/43-reset.json \
	tests/qtest/scripts/01-present-absent.json \
	tests/qtest/scripts/02-permissions.json \
	tests/qtest/scripts/05-superpages.json \
	tests/qtest/scripts/10-context-faults.json \
	tests/qtest/scripts/11-stale-iotlb.json \
	tests/qtest/scripts/23-register-invalidation.json \
	tests/qtest/scripts/25-iqe.json \
	tests/qtest/scripts/30-subscribe-replay.json \
	tests/qtest/scripts/36-partial-range.json \
	tests/qtest/scripts/39-hotplug.json \
	tests/qtest/scripts/41-device-iotlb.json \
	tests/qtest/scripts/43-reset.json \
	tests/scenarios.sh \
	tests/tree.sh

bench_programs = \
	tests/bench/bench_base \
	tests/bench/bench_run
tests_bench_bench_base_LDADD = $(libiommusim)
tests_bench_bench_run_LDADD = $(libiommusim)
