#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What OpenStack does with a guest, in five minutes: nova, its libvirt driver and two nova-computes, as
# Debian has them (tests/lib/cloud.bash). After each action the guest is active where it should be, and reads
# gate64. The other suites here have the rest. Needs root; tests/cloud runs it.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/clouds

make_cloud() {
	cloud_up one two
}

@test "a boot: gate64, as its CPUID says" {
	did boots guest one
	did exact guest gate64
}

@test "a live migration there and back" {
	did live guest two
	did exact guest gate64
	did live guest one
	did exact guest gate64
}

@test "a cold migration there and back" {
	did cold guest two
	did exact guest gate64
	did cold guest one
	did exact guest gate64
}

@test "a hard reboot" {
	did hard_reboot guest one
	did exact guest gate64
}

@test "a node that nova.conf sends a name to that its libvirt doesn't know: nova-compute ends, and says so" {
	compute_stop two
	compute_config two cpu_models no-such-model
	did compute_ends two
	[[ $output == *'no-such-model'* ]]
	compute_config two cpu_models gate64
	compute_restart two
	did live guest two
	did exact guest gate64
}
