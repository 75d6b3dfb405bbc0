#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What libvirt makes of site models by itself, and with cpushim, by tests/native: that it measures,
# not how the numbers come out for libvirt. Needs root.

bats_require_minimum_version 1.5.0
load ../lib/some

setup() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	cd "$BATS_TEST_DIRNAME/../.." || return
}

@test "with cpushim each model is exact or refused, and what libvirt makes of it stands beside it" {
	rare
	run -0 tests/native --models 2 --seed 2
	[[ $output == *$'\ngate64\n  libvirt says -cpu '* ]]
	[ "$(grep -c '^  libvirt alone: ' <<<"$output")" = "$(grep -c '^  with cpushim: ' <<<"$output")" ]
	[[ $output == *'libvirt alone, tcg: '[0-9]*' models, '* ]]
	[[ ${lines[-1]} == 'with cpushim, tcg: '*' 0 with another identity only, 0 with other features, '* ]]
	# it needs AVX-512, which TCG lacks
	[[ $output == *"with cpushim:  refused: cpushim: guest: model 'x86-64-v4': "*avx512f* ]]
}
