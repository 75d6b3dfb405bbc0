#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What nova.conf and flavors can ask of CPUs besides one model's name. Needs root; tests/cloud runs it.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/clouds

make_cloud() {
	cloud_up one two
}

# on_both OPTION [VALUE]: of nova.conf, and nova-compute has taken it
on_both() {
	local node
	for node in one two; do
		compute_config $node "$@"
		compute_restart $node
	done
}

@test "placement has the model's features as traits of the compute, and no others" {
	did nova traits one
	[[ " $output " == *' HW_CPU_X86_SSE2 '* ]]
	[[ " $output " != *' HW_CPU_X86_SSSE3 '* ]]
	[[ " $output " != *' HW_CPU_X86_AVX '* ]]
}

@test "a flavor that needs sse2 finds a host with gate64, one that needs sse4.2 none" {
	nova flavor sse2 1 trait:HW_CPU_X86_SSE2=required
	nova flavor sse42 1 trait:HW_CPU_X86_SSE42=required
	did boots old - sse2
	did exact old gate64
	refuses boots new - sse42
	[[ $output == *'No valid host'* ]]
	nova delete old new
}

@test "cpu_models with two of ours: a flavor's trait chooses, and both migrate" {
	on_both cpu_models gate64,x86-64-v2
	did boots old one
	did exact old gate64
	did boots new one sse42
	did exact new x86-64-v2
	did live old two
	did exact old gate64
	did live new two
	did exact new x86-64-v2
	did cold new one
	did exact new x86-64-v2
	nova delete old new
}

@test "cpu_model_extra_flags of both signs: the model with them, exactly, on both nodes" {
	local node
	# what the guest is then held against; nova doesn't ask for it
	for node in one two; do
		printf "<cpus><model name='flagged'><model name='gate64'/><feature name='cx16'/><feature name='pat' policy='disable'/></model></cpus>\n" \
			>"$(root_path $node)/etc/cpushim/models.d/flagged.xml"
		on $node cpushim compile
	done
	compute_config one cpu_models gate64
	compute_config two cpu_models gate64
	on_both cpu_model_extra_flags +cx16,-pat
	did boots flagged one
	did exact flagged flagged
	did live flagged two
	did exact flagged flagged
	did hard_reboot flagged two
	did exact flagged flagged
	nova delete flagged
	on_both cpu_model_extra_flags
}
