#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Exact or refused, for random definitions on the real QEMU (tests/exact; tests/proof says what is
# expected), and that this can fail.

# shellcheck disable=SC2030,SC2031 # each test runs by itself
bats_require_minimum_version 1.5.0
load lib/some

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	cd "$CHECKOUT" || return
	export TMPDIR=$BATS_TEST_TMPDIR
}

# changed_qemu PATTERN TEXT [PATTERN TEXT]: a QEMU that gets TEXT instead of what bash's extended pattern matches
changed_qemu() {
	qemu=$BATS_TEST_TMPDIR/qemu
	cat >"$qemu" <<-EOF
		#!/bin/bash
		shopt -s extglob
		for word; do
			word=\${word/$1/$2}
			word=\${word/${3-$1}/${4-$2}}
			words+=("\$word")
		done
		exec $(readlink -f build/root/usr/bin/qemu-system-x86_64.distrib) "\${words[@]}"
	EOF
	chmod 755 "$qemu"
}

@test "guests of 40 random models are exact, or refused as QEMU by hand refuses" {
	run -0 tests/exact --models 40 --seed 1
	[[ ${lines[-1]} =~ ^([0-9]+)\ exact,\ ([0-9]+)\ refused\ and\ proven,\ 0\ wrong$ ]]
	[ "${BASH_REMATCH[1]}" -gt 24 ]
	[ "${BASH_REMATCH[2]}" -gt 6 ]
	[ $((BASH_REMATCH[1] + BASH_REMATCH[2])) = 40 ]
}

# finds_wrong PATTERN...: each is told. With most releases of QEMU twelve models have what was changed; with the
# others more have to be asked
finds_wrong() {
	local models pattern left
	for models in 12 60; do
		run tests/exact --models "$models" --emulator "$qemu"
		left=0
		for pattern; do
			# shellcheck disable=SC2053 # a pattern
			[[ $output == *$pattern* ]] || left=$((left + 1))
		done
		[ "$status" != 1 ] || [ "$left" != 0 ] || return 0
	done
	return 1
}

@test "a feature too much or too few is found, and told with its model, leaf and bit" {
	changed_qemu ',cx16=off' ,cx16=on ',aes=on' ,aes=off
	finds_wrong "wrong: exact-1-*<model name='exact-1-*leaf 00000001.0 ECX: * cx16\[13]" ' aes\[25]'
	[[ $output != *' 0 wrong' ]]
}

@test "another identity is found" {
	rare
	changed_qemu ',stepping=[1-9]*([0-9]),' ,stepping=0, ',vendor=GenuineIntel' ,vendor=AuthenticAMD
	finds_wrong 'leaf 1 EAX: *, not ' "leaf 0: vendor 'AuthenticAMD', not 'GenuineIntel'"
}

@test "a refusal that QEMU by hand doesn't make is none, and what must start must start" {
	rare
	changed_qemu ',avx512f=off' ,avx512f=on
	run -1 tests/exact --models 30 --emulator "$qemu"
	[[ $output == *"must start, status 1: "*avx512f* ]]
	[[ $output == *"refused for what it hasn't: "*avx512f* ]]
}
