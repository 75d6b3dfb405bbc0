#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What a guest reads is the same on every machine type that QEMU has: by the oldest and the newest pc
# and q35, which differ in what they take from a model, and microvm. Needs root.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/some
load ../lib/e2e

make_nodes() {
	node_new node
	node_install node
}

# They come newest first in some QEMUs, and in order of their text in others.
machines() {
	local kind
	for kind in pc-i440fx pc-q35; do
		on node qemu-system-x86_64 -machine help | grep -o "^$kind-[0-9.]*" | sort -V | sed -n '1p;$p'
	done
	printf 'microvm\n'
}

# the_same_everywhere MODEL
the_same_everywhere() {
	local machine cpus want
	want=$(on node cpushim verify --digest "$1")
	[[ $want =~ ^$1\ tcg\ [0-9a-f]{64}$ ]]
	for machine in $(machines); do
		for cpus in 1 4; do
			[ "$(on node cpushim verify --digest "$1" --machine "$machine" --cpus $cpus)" = "$want" ] || {
				printf '%s on %s with %s vCPUs\n' "$1" "$machine" $cpus
				return 1
			}
		done
	done
}

@test "there is an oldest and a newest of pc-i440fx and pc-q35, and microvm" {
	printf '# %s\n' "$(machines | xargs)" >&3
	[ "$(machines | sort -u | wc -l)" = 5 ]
}

@test "gate64 has one digest on all of them, with 1 and 4 vCPUs" {
	the_same_everywhere gate64
}

@test "x86-64-v2 has one digest on all of them, with 1 and 4 vCPUs" {
	rare
	the_same_everywhere x86-64-v2
}

@test "x86-64-v3, whose features are in every feature word, has one, where this QEMU's TCG provides it" {
	on node cpushim list --json x86-64-v3 | grep '"tcg": "yes"' || skip "this QEMU's TCG can't provide x86-64-v3"
	the_same_everywhere x86-64-v3
}

# Its family and model follow the machine type.
@test "QEMU's own qemu64 has another on the oldest than on the newest: the comparison can fail" {
	for machine in $(machines | head -n 2); do
		on node timeout 20 qemu-system-x86_64 -nodefaults -display none -no-reboot -m 64 \
			-kernel /usr/lib/cpushim/guest -serial stdio -device isa-debug-exit,iobase=0xf4 \
			-machine "$machine" -cpu qemu64 >"$BATS_TEST_TMPDIR/dump" 2>/dev/null || :
		run on node cpushim verify --digest gate64 --read "$BATS_TEST_TMPDIR/dump"
		[[ $output =~ [0-9a-f]{64} ]]
		digests+=("${BASH_REMATCH[0]}")
	done
	[ "${digests[0]}" != "${digests[1]}" ]
}
