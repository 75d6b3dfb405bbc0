#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What a caller adds to a site model: random properties against the real QEMU (tests/merge), and that
# this can fail.

# shellcheck disable=SC2154 # bats sets lines
bats_require_minimum_version 1.5.0

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	cd "$CHECKOUT" || return
	export TMPDIR=$BATS_TEST_TMPDIR
}

# a wrapper before ours that loses the last property of a site model
losing_wrapper() {
	wrapper=$BATS_TEST_TMPDIR/wrapper
	cat >"$wrapper" <<-EOF
		#!/bin/bash
		for word; do
			case \$word in gate64,* | x86-64*,*) word=\${word%,*} ;; esac
			words+=("\$word")
		done
		exec "$CHECKOUT/build/root/usr/bin/qemu-system-x86_64" "\${words[@]}"
	EOF
	chmod 755 "$wrapper"
}

@test "60 random sets of properties mean to a site model what they mean to QEMU" {
	run -0 tests/merge --cases 60 --seed 1
	[[ ${lines[-1]} =~ ^([0-9]+)\ the\ same,\ ([0-9]+)\ refused\ by\ both,\ 0\ wrong$ ]]
	[ "${BASH_REMATCH[1]}" -gt 18 ]
	[ "${BASH_REMATCH[2]}" -gt 9 ]
	[ $((BASH_REMATCH[1] + BASH_REMATCH[2])) = 60 ]
}

@test "a property that gets lost is found, and told with its argument" {
	losing_wrapper
	run -1 tests/merge --cases 20 --seed 1 --wrapper "$wrapper"
	[[ $output == *'wrong: case '*': -cpu '* ]]
	[[ ${lines[-1]} != *', 0 wrong' ]]
}

@test "check and enforce can't be switched off, whatever the spelling: what TCG lacks is refused" {
	local off
	for off in enforce=off enforce=no enforce=false -enforce check=off,enforce=off -check,-enforce \
		enforce=off,enforce=on,enforce=off; do
		run -1 timeout 10 build/root/usr/bin/qemu-system-x86_64 -nodefaults -display none -S \
			-accel tcg -cpu "gate64,avx512f=on,$off"
		[[ $output == *"doesn't support requested feature"*avx512f* ]]
	done
}
