#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# KubeVirt's sidecar calls onDefineDomain --vmi JSON --domain XML, and defines what it prints
# (cmd/sidecars/sidecar_shim.go; SetDomainSpecStrWithHooks, pkg/virt-launcher/virtwrap/util/libvirt_helper.go,
# KubeVirt 1.2). The node is a stock one, as libvirt and QEMU in KubeVirt's launcher are. TCG. Needs root.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/e2e

make_nodes() {
	node_new node
	libvirt_up node
}

before_each() {
	root=$(root_path node)
	bin=$BATS_TEST_TMPDIR/bin
	mkdir "$bin"
	ln -s "$CHECKOUT/build/cpushim" "$bin/onDefineDomain"
}

after_each() {
	on node virsh -q destroy vmi >/dev/null 2>&1 || :
	on node virsh -q undefine vmi >/dev/null 2>&1 || :
}

# defined_by_kubevirt XML: what the sidecar answers, by the program in its PATH
defined_by_kubevirt() {
	CPUSHIM_ROOT=$CHECKOUT/build/root PATH=$bin:$PATH onDefineDomain \
		--vmi '{"kind": "VirtualMachineInstance", "spec": {"domain": {"cpu": {"model": "gate64"}}}}' --domain "$1"
}

# vmi [MODEL]: as KubeVirt writes it, without match and fallback
vmi() {
	guest_xml vmi ${1+--cpu "<cpu mode=\"custom\"><model>$1</model><topology sockets=\"1\" cores=\"1\" threads=\"1\"></topology></cpu>"}
}

@test "on a stock node the domain that it prints is exact, to the identity of kvm64" {
	local model
	for model in gate64 x86-64-v2; do
		printf '%s\n' $model
		defined_by_kubevirt "$(vmi $model)" >"$root/run/guests/vmi.xml"
		on node virsh -q define /run/guests/vmi.xml
		on node virsh -q start vmi
		: >"$root/run/guests/vmi"
		guest_dump_when_ready node vmi >"$BATS_TEST_TMPDIR/dump"
		CPUSHIM_ROOT=$CHECKOUT/build/root "$CHECKOUT/build/cpushim" verify $model --read "$BATS_TEST_TMPDIR/dump"
		on node virsh -q destroy vmi
		on node virsh -q undefine vmi
	done
}

@test "without the call libvirt refuses the name: the test above can fail" {
	vmi gate64 >"$root/run/guests/vmi.xml"
	run -1 on node virsh -q create /run/guests/vmi.xml
	[[ $output == *'Unknown CPU model gate64'* ]]
}

@test "a domain without a site model is printed as it came" {
	local xml
	for xml in "$(vmi)" "$(vmi Nehalem)"; do
		[ "$(defined_by_kubevirt "$xml")" = "$xml" ]
	done
}

@test "what can't be answered ends with a status that KubeVirt takes for a failure, and no domain" {
	run -1 --separate-stderr defined_by_kubevirt "$(vmi gate64 | sed 's/mode="custom"/& match="minimum"/')"
	[[ $stderr == *"model 'gate64'"*match* ]]
	run -2 --separate-stderr defined_by_kubevirt '<domain'
	[[ -z $output && $stderr == 'cpushim: --domain:1: '* ]]
	run -2 --separate-stderr defined_by_kubevirt ''
	[ -z "$output" ]
	run -2 --separate-stderr "$bin/onDefineDomain" --vmi '{}' --domain '<domain/>' FILE
	[[ -z $output && $stderr == *'--domain or FILE'* ]]
	run -2 --separate-stderr "$bin/onDefineDomain" --domain
	[[ -z $output && $stderr == 'cpushim: rewrite: '* ]]
}
