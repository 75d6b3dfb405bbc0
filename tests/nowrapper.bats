#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The hook on a node without the wrapper, by itself: with the real QEMU, and what libvirt releases tell
# and start that aren't here. The -cpu arguments are those that libvirt 1.2.2 and 1.3.1 were measured to
# make, which show the model's own name to the hook at start.

# shellcheck disable=SC2154,SC2030,SC2031 # lib/hook and bats set them; each test runs by itself
bats_require_minimum_version 1.5.0
load lib/hook

setup() {
	make_root
	[ -x "$CHECKOUT/build/root/usr/bin/cpushim" ] || {
		printf 'make stage comes first\n' >&2
		return 1
	}
	cp "$CHECKOUT/build/root/usr/lib/cpushim/models.table" "$root/usr/lib/cpushim/models.table"
	real=$(readlink -f "$CHECKOUT/build/root/usr/bin/qemu-system-x86_64.distrib")
	ln -sf "$real" "$root/usr/bin/qemu-system-x86_64"
	: >"$root/usr/lib/cpushim/no-wrapper"
	mkdir -p "$root/run/libvirt/qemu"
	qemu=
}

teardown() {
	[ -z "$qemu" ] || kill "$qemu"
}

asks() { # SED-SCRIPT...: a domain under TCG that asks for gate64
	domain "s/type='kvm'/type='qemu'/" "$@"
}

# translated MODEL [FEATURE=POLICY...]: the same at start, as libvirt since 2.3 shows it
translated() {
	local feature
	for feature in "${@:2}"; do
		printf "<feature policy='%s' name='%s'/>" "${feature#*=}" "${feature%=*}"
	done >"$BATS_TEST_TMPDIR/features"
	asks "s|<model[^>]*>gate64</model>|<model fallback='forbid'>$1</model>$(cat "$BATS_TEST_TMPDIR/features")|"
}

# runs CPU [ARGUMENT...]: the real QEMU as libvirt 1.2 starts it
runs() {
	"$real" -name instance-00000001 -S -machine "${machine-pc,accel=tcg,usb=off}" -cpu "$1" -m 64 -uuid "$uuid" \
		-nodefaults -display none "${@:2}" </dev/null >/dev/null 2>&1 3>&- &
	qemu=$!
	# its arguments are there once it is QEMU
	while [[ $(readlink "/proc/$qemu/exe") != *qemu* ]]; do sleep 0.05; done
	printf '%s\n' "$qemu" >"$root/run/libvirt/qemu/instance-00000001.pid"
}

prepared() {
	asks | by_libvirt prepare begin >/dev/null
	[ -e "$record" ]
}

says() { # STATUS WORDS OPERATION: what the hook does with the XML on stdin
	run -"$1" by_libvirt "$3" begin
	[[ $output == *"$2"* ]] || { printf 'not in it: %s\n' "$2" && return 1; }
}

@test "start: a translation with the model's features passes" {
	prepared
	[ -z "$(translated Opteron_G1 pse36=disable | by_libvirt start begin 2>&1)" ]
	[ -z "$(translated kvm64 pse36=disable cx16=forbid hypervisor=require | by_libvirt start begin 2>&1)" ]
}

@test "start: one with others is refused with their names" {
	prepared
	says 1 "model 'gate64': libvirt makes '-cpu kvm64,pse36=off' of it, which isn't the model under tcg; beyond it: cx16; " \
		start < <(translated kvm64 pse36=disable)
	says 1 'lacking: pni; beyond it: pse36; ' start < <(translated Opteron_G1 pni=disable)
	# what the accelerator lacks QEMU drops, and so it is no difference
	[ -z "$(translated Opteron_G1 pse36=disable avx512f=require | by_libvirt start begin 2>&1)" ]
}

@test "start: what can't be judged is refused" {
	prepared
	says 1 "libvirt says feature 'tomorrow'" start < <(translated Opteron_G1 pse36=disable tomorrow=require)
	says 1 'unable to find CPU model' start < <(translated NoSuchModel)
	says 1 'names no model' start < <(translated 'kvm64,pse36=off')
	says 1 'machine type' start < <(translated Opteron_G1 pse36=disable |
		sed "s/machine='[^']*'/machine='pc,accel=kvm'/; t; s/<type /<type machine='pc,accel=kvm' /")
	rm "$root/usr/bin/qemu-system-x86_64"
	printf '#!/bin/sh\nexit 3\n' >"$root/usr/bin/qemu-system-x86_64"
	chmod 755 "$root/usr/bin/qemu-system-x86_64"
	says 1 "cpushim: " start < <(translated Opteron_G1 pse36=disable)
}

@test "start: another emulator than the table's is refused at prepare" {
	cp -L "$root/usr/bin/qemu-system-x86_64" "$BATS_TEST_TMPDIR/qemu-system-x86_64"
	says 1 "isn't cpushim's wrapper" prepare < <(asks "s|<emulator>.*</emulator>|<emulator>/../qemu-system-x86_64</emulator>|")
}

@test "libvirt 1.2.2, TCG: start shows gate64 and passes, started finds Opteron_G1 with its features" {
	prepared
	[ -z "$(asks | by_libvirt start begin 2>&1)" ]
	runs Opteron_G1,-pse36
	[ -z "$(asks | by_libvirt started begin 2>&1)" ]
	[ ! -e "$record" ]
}

@test "libvirt 1.2.2: started ends a guest whose translation has other features" {
	prepared
	runs kvm64,-pse36
	says 1 "model 'gate64': libvirt makes '-cpu kvm64,-pse36' of it, which isn't the model under tcg; beyond it: cx16; " \
		started < <(asks)
	[ ! -e "$record" ]
}

@test "libvirt 1.2.2 and 1.3.1, KVM: started ends it, as KVM's defaults are beyond the model" {
	printf 'quit\n' | timeout 20 "$real" -accel kvm -nodefaults -display none -monitor stdio -cpu kvm64 \
		>/dev/null 2>&1 || skip "kvm: there is no /dev/kvm here that can start a guest"
	prepared
	machine=pc,accel=kvm,usb=off
	runs Opteron_G1,-pse36
	says 1 'under kvm' started < <(asks)
	[[ $output == *'beyond it: vme x2apic;'* ]]
}
