#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# libvirt's own answer to what a model can't have here. From the wrapper's answer to its probe it
# knows what blocks each: domcapabilities shows it, and check='partial', the default since 10.8,
# refuses by it. A node without the hook, which would refuse first. Needs root; KVM's where there is one.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/some
load ../lib/e2e

make_nodes() {
	node_new node --kvm
	node_install node
	rm "$(root_path node)/etc/libvirt/hooks/qemu"
	libvirt_up node
}

after_each() {
	on node virsh -q destroy guest 2>/dev/null || :
}

# kvm_or_skip: a QEMU starts with this machine's KVM
kvm_or_skip() {
	[ -e /dev/kvm ] || skip 'kvm: there is no /dev/kvm here'
	printf 'quit\n' | on node timeout 20 qemu-system-x86_64 -accel kvm -nodefaults -display none \
		-monitor stdio -cpu kvm64 >/dev/null 2>&1 || skip 'kvm: it starts no guest here'
}

# lacks ACCEL MODEL: by cpushim list, one a line. A model's first row is the usual emulator's.
lacks() {
	on node cpushim list --json "$2" | sed '/^  }/q' |
		sed -n "s/^ *\"$1\": \"lacks \\([^\"]*\\)\".*/\\1/p" | tr , '\n' | sort
}

# blockers TYPE MODEL: by libvirt, likewise
blockers() {
	on node virsh domcapabilities --virttype "$1" |
		sed -n "/<blockers model='$2'>/,/<\/blockers>/ s/.*<feature name='\([^']*\)'.*/\1/p" | sort
}

# blocked_as_listed TYPE ACCEL
blocked_as_listed() {
	local model lacking
	for model in gate64 x86-64-v2 x86-64-v3 x86-64-v4; do
		lacking=$(lacks "$2" "$model")
		printf '%s under %s lacks: %s\n' $model "$2" "${lacking:-nothing}"
		on node virsh domcapabilities --virttype "$1" |
			grep "<model usable='$([ "$lacking" ] && printf no || printf yes)'.*>$model</model>"
		! libvirt_since node 10.8 || [ "$(blockers "$1" $model)" = "$lacking" ]
	done
}

partial() {
	printf "<cpu mode='custom' match='exact' check='partial'><model>%s</model></cpu>" "$1"
}

# refused MODEL ACCEL [OPTION]: naming each feature that list says
refused() {
	local feature
	run -1 guest_start node guest ${3:+"$3"} --cpu "$(partial "$1")"
	for feature in $(lacks "$2" "$1"); do
		grep -w -- "$feature" <<<"$output"
	done
}

@test "domcapabilities says for TCG which models can run, and what blocks the others" {
	blocked_as_listed qemu tcg
	[ "$(lacks tcg x86-64-v4)" ]
}

@test "domcapabilities says it for KVM" {
	kvm_or_skip
	blocked_as_listed kvm kvm
}

@test "check='partial' lets a model through that can run, and the guest is exact" {
	guest_start node guest --cpu "$(partial gate64)"
	guest_exact node guest gate64
}

@test "check='partial' refuses a model that TCG can't provide, naming what is lacking" {
	rare
	refused x86-64-v4 tcg
	[[ $output == *'CPU is incompatible with host CPU'* ]]
}

@test "check='partial' refuses a model that this KVM can't provide, by QEMU's word since 10.8" {
	kvm_or_skip
	local model tried=0
	for model in gate64 x86-64-v2 x86-64-v3 x86-64-v4; do
		[ "$(lacks kvm $model)" ] || continue
		tried=1
		if libvirt_since node 10.8; then
			refused $model kvm --kvm
			[[ $output == *'CPU is incompatible with host CPU'* ]]
		else # it compares with the host by its own map, and may let QEMU's enforce refuse
			run -1 guest_start node guest --kvm --cpu "$(partial $model)"
			[[ $output == *"host doesn't support requested feature"* ||
				$output == *'CPU is incompatible with host CPU'* ]]
		fi
	done
	[ $tried = 1 ] || skip 'kvm: it lacks nothing'
}

@test "without that check the wrapper's enforce refuses it" {
	rare
	run -1 guest_start node guest --cpu "<cpu mode='custom' match='exact' check='none'><model>x86-64-v4</model></cpu>"
	[[ $output == *"TCG doesn't support requested feature"*avx512f* ]]
}
