#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Linux boots with the shipped models, and sees the CPU of their definitions: this Debian release's own
# kernel (tests/lib/kernel gets it; or the one in the directory KERNEL), under the staged wrapper (make stage), to user space. Our own guest
# reads CPUID and stops there; a CPU that is exact to it may still be one that no kernel boots on.

bats_require_minimum_version 1.5.0
load lib/some

setup_file() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	export CHECKOUT KERNEL
	# another release's, of a directory that tests/lib/kernel made there
	[ -z "${KERNEL-}" ] || return 0
	if ! KERNEL=$("$CHECKOUT/tests/lib/kernel" 2>"$BATS_FILE_TMPDIR/no-kernel"); then
		skip "needs this release's kernel: $(tail -n 1 "$BATS_FILE_TMPDIR/no-kernel")"
	fi
}

setup() {
	root=$CHECKOUT/build/root
	qemu=$root/usr/bin/qemu-system-x86_64
}

cpushim() {
	CPUSHIM_ROOT=$root "$root/usr/bin/cpushim" "$@"
}

# What the kernel shows without being in a definition, and why. Of what is in one it hides nothing.
#	hypervisor ht cmp_legacy	QEMU's, for there is a hypervisor and more than one CPU
#	the rest			Linux's own words (arch/x86/include/asm/cpufeatures.h: words 3, 7, 8, 11 and 21 are
#			synthetic: what it found out, or has switched on)
synthetic='hypervisor ht cmp_legacy constant_tsc nonstop_tsc tsc_known_freq rep_good nopl xtopology cpuid up
	pti arch_perfmon nonstop_tsc_s3 extd_apicid amd_dcm vmmcall cpuid_fault'

# boot ACCEL CPUS CPU [SECONDS]: what the kernel's user space says of its CPUs; fails if it isn't reached.
# no_timer_check: on a busy machine a kernel finds that the timer of TCG ticks too late, and panics.
boot() {
	timeout "${4:-240}" "$qemu" -accel "$1" -m 512 -smp "$2" -cpu "$3" -nodefaults -display none \
		-no-reboot -serial stdio -kernel "$KERNEL/vmlinuz" -initrd "$KERNEL/initrd" \
		-append 'console=ttyS0 quiet panic=-1 no_timer_check' </dev/null | tr -d '\r' >"$BATS_TEST_TMPDIR/console"
	grep -q 'cpushim: booted' "$BATS_TEST_TMPDIR/console" || {
		tail -n 30 "$BATS_TEST_TMPDIR/console"
		return 1
	}
}

# The values of a field of /proc/cpuinfo, as all CPUs have it
cpuinfo() {
	sed -n "s/^$1[[:space:]]*: //p" "$BATS_TEST_TMPDIR/console" | sort -u
}

# The features that the kernel shows, in libvirt's names: cpushim knows the kernel's spellings for QEMU's
shown() {
	local flag
	{
		printf "<model name='x'>"
		for flag in $(cpuinfo flags); do
			[[ " $synthetic " == *[[:space:]]"$flag"[[:space:]]* ]] || printf "<feature name='%s'/>" "$flag"
		done
		printf '</model>'
	} >"$BATS_TEST_TMPDIR/flags.xml"
	cpushim import --name shown --base kvm64 "$BATS_TEST_TMPDIR/flags.xml" >"$BATS_TEST_TMPDIR/shown.xml" &&
		sed -n "s/.*<feature name='\([^']*\)'.*/\1/p" "$BATS_TEST_TMPDIR/shown.xml"
}

# Whether the kernel that was booted last sees the model
sees() { # MODEL CPUS
	local json
	json=$(cpushim show --json "$1")
	value() { sed -n "s/.*\"$1\": \"\(.*\)\",*$/\1/p" <<<"$json"; }
	[ "$(grep -c '^processor' "$BATS_TEST_TMPDIR/console")" = "$2" ]
	[ "$(cpuinfo vendor_id)" = "$(value vendor)" ]
	[ "$(cpuinfo 'cpu family')" = "$(value family)" ]
	[ "$(cpuinfo model)" = "$(value model_number)" ]
	[ "$(cpuinfo stepping)" = "$(value stepping)" ]
	diff <(cpushim show "$1") <(shown)
}

# Where an accelerator provides a model and lets no host's CPU show through
provided() { # ACCEL MODEL
	case $1 in
	tcg) cpushim list --json "$2" | grep -q '"tcg": "yes"' ;;
	kvm) [ -e /dev/kvm ] && cpushim verify --accel kvm --cpus 1 "$2" >/dev/null 2>&1 ;;
	esac
}

boots_everywhere() { # MODEL CPUS...
	local accel cpus
	provided tcg "$1"
	for accel in tcg kvm; do
		provided "$accel" "$1" || continue
		for cpus in "${@:2}"; do
			printf '%s, %s, %s vCPUs, %s\n' "$1" "$accel" "$cpus" "${KERNEL##*/}"
			boot "$accel" "$cpus" "$1"
			sees "$1" "$cpus"
		done
	done
}

vcpus() {
	printf '%s\n' 4 1 | some 2
}

# shellcheck disable=SC2046 # words
@test "Linux boots with gate64, 1 and 4 vCPUs, and sees its CPU" {
	boots_everywhere gate64 $(vcpus)
}

# shellcheck disable=SC2046 # words
@test "Linux boots with x86-64-v3 and x86-64-v2 and sees its CPU" {
	local model
	provided tcg x86-64-v3 || provided tcg x86-64-v2 || skip "this QEMU's TCG has neither"
	for model in $(printf '%s\n' x86-64-v3 x86-64-v2 | some 2); do
		! provided tcg "$model" || boots_everywhere "$model" $(vcpus)
	done
}

@test "Linux boots with x86-64-v4, where there is one who provides it" {
	provided tcg x86-64-v4 || provided kvm x86-64-v4 || skip 'kvm: nobody here provides AVX-512'
	boot kvm 4 x86-64-v4
	sees x86-64-v4 4
}

@test "another CPU than the definition's is seen, and one that Linux doesn't boot on" {
	local start=$SECONDS
	boot tcg 1 gate64,cx16=on
	run ! sees gate64 1
	run ! sees x86-64-v2 1
	[ "${EACH-}" = 1 ] || return 0
	provided tcg x86-64-v3 || return 0
	# xsave and none of what lets TCG's guests use it (shortfall.h): it hangs for ever
	run ! boot tcg 1 x86-64-v3,xsaveopt=off $((2 * (SECONDS - start) + 5))
}
