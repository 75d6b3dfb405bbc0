#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Live migration between nodes of two Debian releases, on a machine type that both QEMUs have, and what
# the guest reads on the way. Stock kvm64 goes the same way first: what libvirt and QEMU don't do
# without cpushim proves nothing of it. tests/matrix runs this, with bases of both releases in
# $RELEASES (tests/lib/release). Needs root.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/root.bash
	load ../lib/libvirt.bash
	export NODE_TCP=yes
	local release
	for release in bookworm trixie; do
		node_new $release --base "$RELEASES/$release"
		node_install $release
	done
	root_link bookworm trixie
	libvirt_up bookworm
	libvirt_up trixie
}

setup() {
	load ../lib/root.bash
	load ../lib/libvirt.bash
}

teardown() {
	guests_stop bookworm trixie
}

migrate() { # FROM TO GUEST
	on "$1" timeout 120 virsh -q migrate --live "$3" "qemu+tcp://$2/system"
}

# newest_of_both KIND: the newest machine type that both QEMUs have
newest_of_both() {
	local node
	for node in bookworm trixie; do
		on $node qemu-system-x86_64 -machine help | grep -o "^$1-[0-9.]*" | sort -u
	done | sort -V | uniq -d | tail -n 1
}

# start NAME MODEL SOCKETS CORES MACHINE, on bookworm
start() {
	guest_start bookworm "$1" --vcpus $(($3 * $4)) --machine "$5" \
		--cpu "$(cpu_xml "$2" "<topology sockets='$3' cores='$4' threads='1'/>")"
}

# there_and_back MODEL KIND SOCKETS CORES
there_and_back() {
	local machine before vcpus=$(($3 * $4))
	machine=$(newest_of_both "$2")
	[ "$machine" ]
	printf '# %s, %s sockets with %s cores, on %s\n' "$1" "$3" "$4" "$machine" >&3
	start stock kvm64 "$3" "$4" "$machine"
	run migrate bookworm trixie stock
	[ "$status" = 0 ] || skip "stock kvm64 doesn't get there: ${output##*error: }"
	migrate trixie bookworm stock
	guest_stop bookworm stock

	start guest "$1" "$3" "$4" "$machine"
	run -0 guest_exact bookworm guest "$1" "$vcpus"
	before=$(digest_in <<<"$output")
	migrate bookworm trixie guest
	run -0 guest_exact trixie guest "$1" "$vcpus"
	[ "$before" = "$(digest_in <<<"$output")" ]
	[[ $(guest_cpu trixie guest) == "$(on trixie cpushim expand "$1")"* ]]
	on trixie virsh dumpxml guest | grep ">$1</model>"
	migrate trixie bookworm guest
	run -0 guest_exact bookworm guest "$1" "$vcpus"
	[ "$before" = "$(digest_in <<<"$output")" ]
	on bookworm virsh dumpxml guest | grep ">$1</model>"
}

@test "a live gate64 guest goes to the newer release and back on pc, unchanged" {
	there_and_back gate64 pc-i440fx 1 1
}

@test "one of 4 vCPUs, too" {
	there_and_back gate64 pc-i440fx 4 1
}

# QEMU 10 reports ht there, and 7.2 doesn't
@test "and with them in one socket, where stock libvirt and QEMU do that" {
	there_and_back gate64 pc-i440fx 1 4
}

@test "and on q35" {
	there_and_back gate64 pc-q35 2 1
}

@test "and x86-64-v2" {
	there_and_back x86-64-v2 pc-q35 4 1
}
