#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What a guest reads, by our guest on the real QEMU, uninstalled: exact, and verify tells what isn't.

bats_require_minimum_version 1.5.0

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	root=$BATS_TEST_TMPDIR/root
	cp -a "$CHECKOUT/build/root" "$root"
	qemu=$(readlink -f "$root/usr/bin/qemu-system-x86_64.distrib")
}

cpushim() {
	CPUSHIM_ROOT=$root "$root/usr/bin/cpushim" "$@"
}

# one line of verify --digest
digest() {
	cpushim verify --digest "$@"
}

# boot CPU [QEMU]: a dump, by hand
boot() {
	timeout 20 "${2:-$qemu}" -nodefaults -display none -no-reboot -m 64 -kernel "$CHECKOUT/build/guest" \
		-serial stdio -device isa-debug-exit,iobase=0xf4 -cpu "$1" | tr -d '\r'
}

@test "the shipped models are exact with 1 and 4 vCPUs, and the others' missing features named" {
	for model in gate64 x86-64-v2 x86-64-v3 x86-64-v4; do
		run cpushim verify $model
		lacks=$(cpushim list --json $model | sed -n 's/^ *"tcg": "lacks \([^"]*\)".*/\1/p')
		if [ "$lacks" ]; then
			[ "$status" = 1 ]
			[[ $output == *"$model: refused, tcg lacks"* ]]
			for feature in ${lacks//,/ }; do
				[[ $output == *$feature* ]]
				run -1 "$qemu" -display none -cpu "kvm64,$feature=on,enforce"
				[[ $output == *"$feature"* ]]
				run -1 cpushim verify $model
			done
		else
			[ "$status" = 0 ]
			[[ $output == *"$model: exact, "*' features, tcg, 1 and 4 vCPUs, digest '* ]]
		fi
	done
	[ "$(cpushim show gate64 | wc -l)" = 24 ]
}

@test "what a guest of another CPU reads differs, and each difference is named" {
	boot kvm64 >"$BATS_TEST_TMPDIR/dump"
	run -1 cpushim verify gate64 --read "$BATS_TEST_TMPDIR/dump"
	[[ $output == *'gate64: differs'* ]]
	[[ $output == *cx16* ]]
	[[ $output == *pse36* ]]
}

@test "a wrong vendor, family, model or stepping is named" {
	cpu=$(cpushim expand gate64)
	for change in vendor=AuthenticAMD family=6 model=7 stepping=3; do
		boot "$cpu,$change" >"$BATS_TEST_TMPDIR/dump"
		run -1 cpushim verify gate64 --read "$BATS_TEST_TMPDIR/dump"
		[[ $output == *"${change%%=*}: ${change#*=}, not "* ]]
	done
}

# QEMU says 0 of max before that (8.0 and later)
@test "max as a base keeps the identity that it takes when it starts" {
	printf '%s' "<cpus xmlns:shim='urn:cpushim:1'><model name='on-max'><shim:qemu base='max'/>" \
		"<feature name='fpu'/></model></cpus>" >"$root/etc/cpushim/models.d/max.xml"
	cpushim compile
	cpushim verify on-max
	boot max >"$BATS_TEST_TMPDIR/dump"
	run -1 cpushim verify on-max --read "$BATS_TEST_TMPDIR/dump"
	[[ $output == *'on-max: differs'* ]]
	run ! grep -E '^(vendor|family|model|stepping):' <<<"$output"
}

@test "one bit is enough: each of some features on or off is seen" {
	cpu=$(cpushim expand gate64)
	for change in pni=off lm=off cx16=on smep=on rdtscp=on xsave=on pat=off; do
		boot "$cpu,$change" >"$BATS_TEST_TMPDIR/dump"
		run -1 cpushim verify gate64 --read "$BATS_TEST_TMPDIR/dump"
		[[ $output == *"${change%%=*}"* ]]
	done
}

# What is left out: vmx-* and the like live in MSRs, topology and paravirtual leaves are others' business.
@test "the expansion says on or off of all that QEMU has a name for: nothing is left for an accelerator to add" {
	cpushim expand gate64 | tr , '\n' | sed -n 's/=o[nf]*$//p' | sort >"$BATS_TEST_TMPDIR/said"
	"$qemu" -cpu help | sed '1,/^Recognized CPUID flags/d' | tr -s ' ' '\n' | sort -u >"$BATS_TEST_TMPDIR/flags"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/flags")" -gt 200 ]
	run ! grep -vxE 'vmx-.*|kvm.*|hv-.*|ht|cmp-legacy|hypervisor|osxsave|ospke|full-width-write|tsx-ctrl|.*-no|rsba|ibrs-all|skip-l1dfl-vmentry|split-lock-detect|sbdr-ssdp-no|rfds-clear|fb-clear|tsx-ld.*|' \
		<(comm -23 "$BATS_TEST_TMPDIR/flags" "$BATS_TEST_TMPDIR/said")
	# what KVM's and TCG's defaults would add or take away (kvm_default_props, tcg_default_props)
	for feature in x2apic acpi monitor svm vme; do
		grep -qx "$feature" "$BATS_TEST_TMPDIR/said"
	done
}

@test "what the wrapper starts reads as what verify starts" {
	boot gate64 "$root/usr/bin/qemu-system-x86_64" >"$BATS_TEST_TMPDIR/dump"
	[ "$(digest gate64 --read "$BATS_TEST_TMPDIR/dump" | cut -d' ' -f3)" = "$(digest gate64 | cut -d' ' -f3)" ]
}

@test "a dump that is empty, truncated, garbled, huge or hostile is no answer" {
	dump=$BATS_TEST_TMPDIR/dump
	boot gate64 "$root/usr/bin/qemu-system-x86_64" >"$dump"
	cpushim verify gate64 --read "$dump"
	bad=$BATS_TEST_TMPDIR/bad
	no_answer() {
		run cpushim verify gate64 --read "$bad"
		[ "$status" = 2 ]
		[[ $output == cpushim:* ]]
	}
	: >"$bad" && no_answer
	head -n 5 "$dump" >"$bad" && no_answer
	sed 's/^0000000[0-9]/zzzzzzzz/' "$dump" >"$bad" && no_answer
	head -c 100000 /dev/urandom >"$bad" && no_answer
	yes 'cpu 0' | head -n 200000 >"$bad" && no_answer
	bad=$BATS_TEST_TMPDIR && no_answer
	bad=$BATS_TEST_TMPDIR/none && no_answer
}

# A QEMU of which something is wrong: the rest is the real one's
fake_qemu() {
	rm -f "$root/usr/bin/qemu-system-x86_64.distrib"
	cat >"$root/usr/bin/qemu-system-x86_64.distrib"
	chmod 755 "$root/usr/bin/qemu-system-x86_64.distrib"
}

@test "a QEMU that crashes, is missing, or isn't executable is no answer" {
	printf '#!/bin/sh\nkill -SEGV $$\n' | fake_qemu
	run -2 cpushim verify gate64
	[[ $output == cpushim:*qemu-system-x86_64.distrib* ]]
	run -2 cpushim probe
	chmod 644 "$root/usr/bin/qemu-system-x86_64.distrib"
	run -2 cpushim verify gate64
	run -2 cpushim probe
	rm "$root/usr/bin/qemu-system-x86_64.distrib"
	run -2 cpushim verify gate64
	[[ $output == cpushim:*qemu-system-x86_64* ]]
	run -2 cpushim probe
}

@test "a QEMU that prints warnings first and then works is understood" {
	printf '#!/bin/sh\necho "warning: the weather" >&2\nexec %s "$@"\n' "$qemu" | fake_qemu
	run -0 cpushim verify gate64
	run -0 cpushim probe
}

@test "JSON answers are JSON, and say the same" {
	cpushim verify gate64 --json | grep -q '"digest"'
	cpushim list --json | grep -q '"model": "gate64"'
	cpushim probe --json | grep -q '"kvm64"'
	cpushim expand gate64 --json | grep -q 'kvm64,vendor='
}

@test "expand --format xml is a <cpu> element, nova's lines name the model" {
	cpushim expand gate64 --format xml >"$BATS_TEST_TMPDIR/cpu.xml"
	xmllint --noout "$BATS_TEST_TMPDIR/cpu.xml"
	grep "<feature policy='disable' name='pse36'/>" "$BATS_TEST_TMPDIR/cpu.xml"
	run -0 cpushim expand gate64 --format nova
	[[ $output == *'cpu_mode = custom'* ]]
	[[ $output == *'cpu_models = gate64'* ]]
	run -0 cpushim expand --short gate64
	[[ $output == kvm64* && $output == *pse36* && ${#output} -lt 200 ]]
}

@test "wrong usage is exit 2, and says what to do" {
	for args in 'verify' 'verify nosuch' 'verify gate64 --cpus 0' 'verify gate64 --cpus x' \
		'verify gate64 --accel vax' 'expand' 'show nosuch' 'nosuch' 'list x' 'probe /nonexistent'; do
		# shellcheck disable=SC2086 # words
		run -2 cpushim $args
		[[ $output == *cpushim:* ]]
	done
	for command in list show expand rewrite compile probe verify guests why; do
		run -0 cpushim $command --help
		[[ $output == 'Usage: cpushim '* ]]
	done
}
