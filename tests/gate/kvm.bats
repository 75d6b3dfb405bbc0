#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# nova with virt_type = kvm: two computes whose CPUs differ, an EPYC and an Opteron of 2009, each with its KVM
# (they aren't there: tests/lib/host.bash). Needs root; tests/cloud runs it.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/clouds

export NOVA_SECONDS=600

make_cloud() {
	local node
	control_up
	root_switch control
	host_new one EPYC --memory 3000 --switch control
	host_new two Opteron_G3,+svm --memory 3000 --switch control
	host_up one two
	for node in one two; do
		on $node rm -f /usr/bin/qemu-system-i386 # one emulator is enough
		at $node libvirt_configure --tcp
		at $node compute_configure
		at $node compute_config virt_type kvm
		at $node compute_address "$(address $node)"
		at $node node_install
		at $node libvirt_up
	done
	takes one gate64
	takes two gate64
	on control nova-manage cell_v2 discover_hosts
}

teardown_file() {
	load_cloud
	host_drop
}

teardown() {
	local node
	[ -z "${BATS_TEST_COMPLETED-}" ] || return 0
	for node in one two; do
		on $node sh -c 'grep " ERROR " /var/log/nova/nova-compute.log | tail -n 20'
	done
}

address() {
	sed -n "s/^\(10\.[0-9.]*\) $1$/\1/p" "$(root_path control)/etc/hosts"
}

# takes NODE MODEL: nova-compute is started there with that model
takes() {
	local since
	at "$1" compute_config cpu_models "$2"
	at "$1" compute_stop
	since=$(date -u +%FT%T)
	at "$1" compute_nova
	nova up "$1" "$since"
}

@test "gate64 boots under KVM on the one, goes live to the other and back, and reads the same CPU" {
	did boots underkvm one
	did exact underkvm gate64
	did live underkvm two
	did exact underkvm gate64
	did on two cpushim guests
	did live underkvm one
	did exact underkvm gate64
	nova delete underkvm
}

# kvm_amd is loaded with nested=0
@test "a feature that the CPU has and KVM lacks: nova starts, and the boot is refused, with the reason" {
	printf "<cpus><model name='nested'><model name='gate64'/><feature name='svm'/></model></cpus>\n" >"$HOSTS/one/share/nested.xml"
	on one cp /run/share/nested.xml /etc/cpushim/models.d
	on one cpushim compile
	# nova takes a node whose libvirt went away out of service
	at one compute_stop
	at one libvirt_restart
	takes one nested
	refuses boots wants one
	told "nova-compute.log of that boot" "$(on one grep -o 'cpushim: .*' /var/log/nova/nova-compute.log | tail -n 1)"
	on one grep -q "cpushim: .*model 'nested'.*svm" /var/log/nova/nova-compute.log
	nova delete wants
}
