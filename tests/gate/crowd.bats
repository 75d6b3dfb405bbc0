#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Several guests at once, and a compute that is lost: each of them reads gate64 wherever it ends up. Needs root;
# tests/cloud runs it.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/clouds

guests=(a b c d e f)

make_cloud() {
	cloud_up one two
}

# at_once COMMAND NAME...: for each NAME at the same time; fails if one does
at_once() {
	local name job failed=0 jobs=()
	for name in "${@:2}"; do
		"$1" "$name" 3>&- &
		jobs+=($!)
	done
	for job in "${jobs[@]}"; do
		wait "$job" || failed=1
	done
	return $failed
}

boots_on_one() { boots "$1" one; }
goes_to_two() { live "$1" two; }

@test "six boots at once" {
	local name
	did at_once boots_on_one "${guests[@]}"
	for name in "${guests[@]}"; do
		did exact "$name" gate64
	done
	run -0 on one cpushim guests
	[ "$(grep -c 'gate64 .* what the name means$' <<<"$output")" = 6 ]
}

@test "three of them are migrated at once, and three stay" {
	local name
	did at_once goes_to_two a b c
	for name in "${guests[@]}"; do
		did exact "$name" gate64
	done
	[ "$(nova show a host) $(nova show d host)" = 'two one' ]
	nova delete c d e f
}

@test "a compute is lost: its guest is evacuated to the other" {
	local domain since
	domain=$(nova show a domain)
	compute_stop two
	on two virsh -q destroy "$domain"
	nova service two forced_down=true
	did nova act a ACTIVE one evacuate '{"host": "one"}'
	did exact a gate64
	since=$(date -u +%FT%T)
	# it takes away what it finds of the guest, before nova has it again
	compute_nova two
	await 90 nova service two forced_down=false
	nova up two "$since"
	did live a two
	did exact a gate64
}

@test "both computes have cpushim taken off again, once no guest needs it" {
	local node
	nova delete a b
	for node in one two; do
		compute_stop $node
		compute_config $node cpu_models
		compute_config $node cpu_mode none
		node_remove $node
		compute_restart $node
	done
	did boots plain one
	did live plain two
	run ! on two sh -c 'virsh -q cpu-models x86_64 | grep -qx gate64'
}
