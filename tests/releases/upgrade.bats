#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A dist-upgrade bookworm to trixie on a node with cpushim, and with guests of four kinds running, one saved
# and one with managed save: libvirt, QEMU, its libraries and systemd itself are replaced under them, and
# nobody is hurt, without a hand. Prints what happened as it does. tests/matrix runs this, with a base of
# bookworm in $RELEASES (tests/lib/release). Needs root, a cgroup2, and the mirror.
#
# RESTART_STOCK=1 takes the drop-in away after installing, to see what stock does.

bats_require_minimum_version 1.5.0
load ../lib/nodes

map=/usr/share/libvirt/cpu_map

setup_file() {
	load_all
	[ -z "$(root_needs)" ] || return 0
	NODE_EMULATORS=all node_new node --systemd --base "$RELEASES/bookworm"
	node_install node --restart
	[ -z "${RESTART_STOCK-}" ] || without_dropin node
	libvirt_restart node
	site_saved node
	guest_begin node site "$(cpu_xml gate64)"
	guest_begin node ordinary "$(cpu_xml kvm64)"
	guest_begin node plain
	guest_begin node likehost "<cpu mode='host-model'/>"
	on node journalctl -q -n 0 --show-cursor | sed -n 's/^-- cursor: //p' >"$ROOTS/node/cursor"
}

setup() {
	load_all
	[ -z "$(root_needs)" ] || skip "$(root_needs)"
	root=$(root_path node)
}

# shown COMMAND...: on the node, with what it prints, into the transcript
shown() {
	printf '#\n# $ %s\n' "$*" >&3
	on node "$@" 2>&1 | sed 's/^/# /' >&3
}

# the same as a person would see it
show_guests() {
	shown virsh list --all
	shown cpushim guests
}

releases() {
	shown sh -c 'libvirtd --version; qemu-system-x86_64 --version | head -n 1'
}

@test "the dist-upgrade goes through, without a question" {
	releases
	show_guests
	on node sed -i 's/bookworm/trixie/' /etc/apt/sources.list
	online node apt-get -qq -o Acquire::Check-Valid-Until=false update
	apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends
		-o Dpkg::Options::=--force-confold)
	online node "${apt[@]}" -d dist-upgrade >/dev/null
	printf '#\n# $ apt-get dist-upgrade\n' >&3
	on node "${apt[@]}" dist-upgrade >"$root/run/upgrade.log" 2>&1
	grep -E '^(Setting up (libvirt|qemu-system-x86)|Processing triggers for cpushim|.*cpushim)' \
		"$root/run/upgrade.log" | sed 's/^/# /' >&3
	printf '#\n# $ journalctl -u libvirtd\n' >&3
	journal node | grep -E 'cpushim|Start|Stop' | sed 's/^/# /' >&3
	on node grep -q trixie /etc/os-release
}

@test "libvirt is the new one, and knows the site's models" {
	libvirt_await node
	releases
	libvirt_since node 11.0.0
	[ "$(grep -c 'x86_cpushim\.xml' "$root$map/index.xml")" = 1 ]
	on node virsh -q cpu-models x86_64 | grep -x gate64
}

@test "guests of four kinds go on: the processes that they were" {
	show_guests
	for guest in site ordinary plain likehost; do
		goes_on node $guest
	done
	guest_exact node site gate64
}

@test "the saved ones come back with the CPU that they had, on the new QEMU" {
	site_resumes node
}

@test "new ones start, with and without a site model" {
	others_start node
	site_starts node
	guest_start node new --cpu "<cpu mode='host-model'/>"
	guest_stop node new
}

@test "another restart of libvirt hurts nobody" {
	libvirt_restart node
	for guest in site ordinary plain likehost; do
		goes_on node $guest
	done
	site_starts node
	show_guests
}
