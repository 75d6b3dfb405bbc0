#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What else nova does with a guest (gate.bats has the first part): after each action it is active where it
# should be, and reads gate64. Needs root; tests/cloud runs it.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/clouds

make_cloud() {
	cloud_up one two
}

@test "a resize to two vCPUs goes to the other node" {
	did boots guest one
	did resize guest two large
	did exact guest gate64 2
}

@test "a rescue, and back" {
	did nova act guest RESCUE two rescue
	# nova gives a rescued guest another command line, with which it prints once
	did printed guest gate64 2
	did nova act guest ACTIVE two unrescue
	did exact guest gate64 2
}

@test "suspend and resume" {
	did nova act guest SUSPENDED two suspend
	did nova act guest ACTIVE two resume
	did exact guest gate64 2
}

@test "pause, stop and start" {
	did nova act guest PAUSED two pause
	did nova act guest ACTIVE two unpause
	did exact guest gate64 2
	did nova act guest SHUTOFF two os-stop
	did nova act guest ACTIVE two os-start
	did exact guest gate64 2
}

@test "shelve, and unshelve on the other node" {
	did nova act guest SHELVED_OFFLOADED - shelve
	did nova act guest ACTIVE one unshelve '{"host": "one"}'
	did exact guest gate64 2
}

@test "a rebuild" {
	did nova act guest ACTIVE one rebuild "{\"imageRef\": \"$(nova image-id guest)\"}"
	did exact guest gate64 2
}

@test "libvirtd restarted under the guest: it goes on, and is migrated" {
	local domain pid
	domain=$(nova show guest domain)
	pid=$(guest_pid one "$domain")
	libvirt_restart one
	[ "$(guest_pid one "$domain")" = "$pid" ]
	did exact guest gate64 2
	told 'nova-compute after that' "$(nova service one)"
	compute_restart one
	did live guest two
	did exact guest gate64 2
}

@test "nova-compute restarted under the guest: it goes on, and is migrated" {
	local domain pid
	domain=$(nova show guest domain)
	pid=$(guest_pid two "$domain")
	compute_restart two
	[ "$(guest_pid two "$domain")" = "$pid" ]
	did exact guest gate64 2
	did live guest one
	did exact guest gate64 2
}
