#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# README's first command, ./install.sh demo, which runs tests/demo. Needs root.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0

@test "the demo shows a translated guest, an exact one, and the way back" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}"
	run -0 "$CHECKOUT/tests/demo"
	[[ $output == *'Unknown CPU model gate64'*'-cpu Opteron_G1'*'gate64: differs'* ]]
	[[ $output == *'-cpu kvm64,vendor=GenuineIntel,'*'gate64: exact, 24 features'*'digest aabf01299ecb'* ]]
	[[ $output == *'cpushim is off this node'*'Unknown CPU model gate64'* ]]
}
