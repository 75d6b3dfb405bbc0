#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Live migration between two nodes, each with its own libvirtd and cpushim. Needs root.

bats_require_minimum_version 1.5.0
load ../lib/e2e
load ../lib/some

make_nodes() {
	linked_nodes
	libvirt_up one
	libvirt_up two
}

after_each() {
	guests_stop one two
}

migrate() {
	on "$1" timeout 120 virsh -q migrate --live "$3" "qemu+tcp://$2/system"
}

@test "a live gate64 guest of 2 or 4 vCPUs has the same CPUID digest on the other node and back" {
	for vcpus in $(printf '%s\n' 4 2 | some 2); do
		guest_start one traveller --vcpus "$vcpus" \
			--cpu "$(cpu_xml gate64 "<topology sockets='1' cores='2' threads='$((vcpus / 2))'/>")"
		run -0 guest_exact one traveller gate64 "$vcpus"
		before=$(digest_in <<<"$output")
		migrate one 10.77.0.2 traveller
		run -0 guest_exact two traveller gate64 "$vcpus"
		[ "$before" = "$(digest_in <<<"$output")" ]
		[[ $(guest_cpu two traveller) == "$(on two cpushim expand gate64)"* ]]
		on two virsh dumpxml traveller | grep '>gate64</model>'
		migrate two 10.77.0.1 traveller
		run -0 guest_exact one traveller gate64 "$vcpus"
		[ "$before" = "$(digest_in <<<"$output")" ]
		guest_stop one traveller
	done
}

@test "a guest whose model the other node lacks is refused there, and goes on here" {
	printf '%s\n' '<cpus><model name="only-one"><model name="gate64"/><feature name="cx16"/></model></cpus>' \
		>"$(root_path one)/etc/cpushim/models.d/only.xml"
	on one cpushim compile
	libvirt_restart one
	guest_start one stays --cpu "$(cpu_xml only-one)"
	run ! migrate one 10.77.0.2 stays
	[ "$(on one virsh -q domstate stays)" = running ]
	guest_exact one stays only-one
}

@test "a migrating guest that the other node's TCG can't run is refused before its memory moves" {
	mv "$(root_path two)/usr/lib/cpushim/models.table" "$(root_path two)/run/table"
	guest_start one leaves --cpu "$(cpu_xml gate64)"
	run ! migrate one 10.77.0.2 leaves
	mv "$(root_path two)/run/table" "$(root_path two)/usr/lib/cpushim/models.table"
	[[ $output == *gate64* ]]
	[ "$(on one virsh -q domstate leaves)" = running ]
}
