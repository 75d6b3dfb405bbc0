#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Live migration under KVM between two clouds whose CPUs differ, an EPYC and an Opteron of 2009 (the hosts aren't
# there: tests/lib/host.bash), each with its own libvirtd: what stock libvirt does there with gate64 in its map, and
# what cpushim does. What a guest has is what it reads by CPUID.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/hosts

make_hosts() {
	root_new hub
	root_switch hub
	host_new epyc EPYC --memory 2000 --switch hub
	host_new opteron Opteron_G3,+svm --memory 2000 --switch hub
	host_up epyc opteron
	host_each rm -f /usr/bin/qemu-system-i386 # one emulator is enough
	each libvirt_up here --tcp
}

teardown() {
	[ -z "$(host_needs)" ] || return 0
	inside epyc guests_stop here
	inside opteron guests_stop here
}

each() { # COMMAND...: of libvirt.bash, on both, and both succeed
	local name
	host_each "$CHECKOUT/tests/lib/inside" "$@"
	for name in epyc opteron; do
		if [ "$(<"$HOSTS/$name/status")" != 0 ]; then
			cat "$HOSTS/$name"/{answer,error}
			return 1
		fi
	done
}

start() { # HOST NAME CPU-XML
	inside "$1" guest_start here "$2" --kvm --cpu "$3"
}

migrate() { # FROM TO GUEST
	on "$1" timeout 240 virsh -q migrate --live "$3" "qemu+tcp://$2/system"
}

said() { # what was measured, for the one who runs the tests
	printf '%s\n' "$@" | sed 's/^/# /' >&3
}

verify() {
	CPUSHIM_ROOT=$CHECKOUT/build/root "$CHECKOUT/build/root/usr/bin/cpushim" verify "$@"
}

# stock NAME CPU-XML: what becomes of a guest of libvirt's own: what it reads on epyc, after a live migration to
# opteron, and there after a reset. In $dir/NAME.
stock() {
	inside epyc guest_stop here "$1" 2>/dev/null || :
	run start epyc "$1" "$2"
	[ "$status" = 0 ] || { said "$1: refused on epyc: $output" && return; }
	said "$1: $(inside epyc guest_cpu here "$1")"
	inside epyc guest_reads here "$1" >"$dir/$1"
	run migrate epyc opteron "$1"
	if [ "$status" = 0 ]; then
		inside opteron guest_reads here "$1" >"$dir/$1.there"
		said "$1: live on opteron, where $(diff "$dir/$1" "$dir/$1.there" | grep -c '^>') leaves read otherwise"
		inside opteron guest_stop here "$1"
	else
		said "$1: live migration to opteron: $output"
		inside epyc guest_stop here "$1"
	fi
}

# its_gate64 NAME [XML]: what it makes of gate64 in its map, with that in it, is another CPU
its_gate64() {
	each map_gate64 here "${2-}"
	each libvirt_restart here
	stock "$1" "$(cpu_xml gate64)"
	run -1 verify gate64 --read "$dir/$1"
	said "${lines[@]}"
	each map_without_gate64 here
}

@test "stock libvirt: its gate64 is another CPU, without a word" {
	dir=$BATS_TEST_TMPDIR
	its_gate64 gate64
	its_gate64 gate64-Intel "<vendor name='Intel'/>"
	stock kvm64 "$(cpu_xml kvm64)"
	stock host-model "<cpu mode='host-model'/>"
}

@test "a gate64 guest goes from the one cloud to the other and back, and reads the same CPU" {
	local digest
	# where TCG emulates an emulator, QEMU may be too slow for an answer once
	each node_ready here || each node_ready here
	start epyc traveller "$(cpu_xml gate64)"
	run -0 inside epyc guest_exact here traveller gate64
	said "epyc: $output" "epyc: $(on epyc cpushim guests)"
	digest=$(digest_in <<<"$output")
	migrate epyc opteron traveller
	run -0 inside opteron guest_exact here traveller gate64
	said "opteron: $output" "opteron: $(on opteron cpushim guests)" "epyc: $(on epyc cpushim guests)"
	[ "$digest" = "$(digest_in <<<"$output")" ]
	[[ $(on opteron cpushim guests) == *'what the name means'* ]]
	migrate opteron epyc traveller
	run -0 inside epyc guest_exact here traveller gate64
	[ "$digest" = "$(digest_in <<<"$output")" ]
}

@test "one of x86-64-v3 is refused by the host that lacks it, before memory moves, and goes on" {
	local digest
	start epyc newer "$(cpu_xml x86-64-v3)"
	run -0 inside epyc guest_exact here newer x86-64-v3
	digest=$(digest_in <<<"$output")
	run ! migrate epyc opteron newer
	said "$output"
	[[ $output == *cpushim*x86-64-v3*avx* ]]
	run -0 inside epyc guest_exact here newer x86-64-v3
	[ "$digest" = "$(digest_in <<<"$output")" ]
	# what isn't there by the name doesn't start either
	run ! start opteron newest "$(cpu_xml x86-64-v3)"
	[[ $output == *cpushim*x86-64-v3*avx* ]]
}
