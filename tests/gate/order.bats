#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What happens under nova if a step is forgotten or comes too early, with nova's own words: a refusal that a
# person can act on. Where another CPU can't be kept from a guest, the test says so, and docs/operating.md
# how to notice it. Needs root; tests/cloud runs it.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/clouds

unknown='Configured CPU model: gate64 is not correct, or your host CPU arch does not support this model'
make_cloud() {
	cloud_up one two
}

# other NAME MODEL: the guest runs, and reads another CPU than MODEL means on node one
other() {
	refuses exact "$1" "$2" 1 one
	[[ $output == *"$2: differs, "* ]]
}

# site NODE FEATURE: what `site` means there: gate64 and this
site() {
	printf "<cpus><model name='site'><model name='gate64'/><feature name='%s'/></model></cpus>\n" "$2" \
		>"$(root_path "$1")/etc/cpushim/models.d/site.xml"
	on "$1" cpushim compile
	compute_stop "$1"
	libvirt_restart "$1"
	compute_config "$1" cpu_models site
	compute_restart "$1"
}

@test "cpushim is removed while a guest needs it: refused, and the guest goes on" {
	did boots guest two
	refuses node_install two --uninstall
	[[ $output == *gate64* ]]
	did exact guest gate64
	did live guest one
	did exact guest gate64
}

@test "cpushim is removed, and nova.conf still names gate64: nova-compute ends" {
	node_remove two
	compute_stop two
	did compute_ends two
	[[ $output == *"$unknown"* ]]
}

@test "a migration to a node whose nova-compute has ended so: refused, and the guest goes on" {
	nova service two forced_down=true
	refuses live guest two
	[[ $output == 'ACTIVE on one: No valid host was found'* ]]
	refuses cold guest two
	[[ $output == 'ACTIVE on one: No valid host was found'* ]]
	did exact guest gate64
	nova service two forced_down=false
}

@test "cpushim is there, and libvirt wasn't restarted: nova-compute ends" {
	run -1 node_install two
	[[ $output == *restart* ]]
	did compute_ends two
	[[ $output == *"$unknown"* ]]
}

@test "then libvirt and nova-compute are restarted: all is well" {
	libvirt_restart two
	node_install two
	compute_restart two
	did live guest two
	did exact guest gate64
	did live guest one
	did exact guest gate64
}

@test "a node without cpushim whose nova.conf names no model: a live migration there is refused" {
	compute_stop two
	node_remove two
	compute_config two cpu_models
	compute_config two cpu_mode none
	compute_restart two
	refuses live guest two
	stayed one 'Unknown CPU model gate64'
	did exact guest gate64
}

@test "the same node: a cold migration there gives the guest what that nova.conf says, and the way back gate64" {
	did cold guest two
	other guest gate64
	did cold guest one
	did exact guest gate64
	compute_config two cpu_mode custom
	compute_config two cpu_models gate64
}

@test "two meanings of one name: a live migration is refused, a cold one gives the other node's meaning" {
	compute_stop two
	node_ready two
	site one aes
	site two cx16
	did boots twofold one
	did exact twofold site
	refuses live twofold two
	stayed one 'cpushim: .*site'
	did exact twofold site
	did cold twofold two
	did exact twofold site
	other twofold site
	nova delete twofold
	run ! diff <(on one cpushim list --digest) <(on two cpushim list --digest)
	compute_config one cpu_models gate64
	compute_config two cpu_models gate64
	compute_restart one
	compute_restart two
}

# with a vendor, as DevStack's script put it, TCG's translation happens to be gate64's CPU
@test "gate64 in the map of a node without cpushim: a live migration there is refused" {
	compute_stop two
	node_remove two
	map_gate64 two
	libvirt_restart two
	compute_restart two
	refuses live guest two
	stayed one 'CPU model gate64 is not supported by hypervisor'
	did exact guest gate64
}

@test "the same node: a boot and a cold migration there become another CPU, without a word" {
	did boots stray two
	other stray gate64
	did cold guest two
	other guest gate64
	# how to notice it
	on two virsh -q cpu-models x86_64 | grep -qx gate64
	run ! on two cpushim guests
}

# libvirt 9.0 sends a translated guest as what it became, and nova has it defined so: nothing names gate64 any more
@test "a live migration from there brings that CPU along: a guest of no site model" {
	did live stray one
	other stray gate64
	# how to notice it
	did on one cpushim guests
	[[ $output == *'no site model'* ]]
}

@test "cpushim comes to that node: it tells of its guests, and a hard reboot mends them" {
	node_install two || [ $? = 1 ]
	compute_stop two
	libvirt_restart two
	compute_restart two
	refuses on two cpushim guests
	[[ $output == *'not what the name means'* ]]
	did hard_reboot stray one
	did exact stray gate64
	did hard_reboot guest two
	did exact guest gate64
}
