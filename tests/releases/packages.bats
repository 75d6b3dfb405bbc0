#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# libvirt's packages put in anew under running guests, by apt and by dpkg alone: they replace the index of
# libvirt's CPU map and restart libvirt themselves, and nobody is hurt. tests/matrix runs this on each
# release. Needs root, a cgroup2, and the mirror.
#
# RESTART_STOCK=1 takes the drop-in away after installing, to see what stock does.

bats_require_minimum_version 1.5.0
load ../lib/nodes

map=/usr/share/libvirt/cpu_map

setup_file() {
	load_all
	[ -z "$(root_needs)" ] || return 0
	NODE_EMULATORS=all node_new node --systemd
	root=$(root_path node)
	# shellcheck disable=SC2016 # dpkg's words
	on node dpkg-query -W -f '${Package} ${db:Status-Status}\n' 'libvirt*' | sed -n 's/ installed$//p' \
		>"$root/run/packages"
	online node apt-get -qq -o Acquire::Check-Valid-Until=false update
	online node xargs -a /run/packages apt-get -qq -y --reinstall -d install
	node_install node --restart
	[ -z "${RESTART_STOCK-}" ] || without_dropin node
	libvirt_restart node
	site_saved node
}

setup() {
	load_all
	[ -z "$(root_needs)" ] || skip "$(root_needs)"
	root=$(root_path node)
	libvirt_await node
	goes_on node site || guest_begin node site "$(cpu_xml gate64)"
	goes_on node ordinary || guest_begin node ordinary "$(cpu_xml kvm64)"
	goes_on node plain || guest_begin node plain
	index=$root$map/index.xml
	daemon=$(on node systemctl show libvirtd -P MainPID)
}

# that the package replaced the index and restarted libvirt, and all is well
is_well_after_it() {
	libvirt_await node
	[ "$(on node systemctl show libvirtd -P MainPID)" != "$daemon" ]
	[ "$(grep -c 'x86_cpushim\.xml' "$index")" = 1 ]
	for guest in ordinary plain; do
		goes_on node $guest
	done
	stays_exact node site gate64
	others_start node
	site_starts node
	site_resumes node
}


@test "apt-get install --reinstall of all of libvirt's packages" {
	before=$(stat -c %i "$index")
	on node env DEBIAN_FRONTEND=noninteractive xargs -a /run/packages \
		apt-get -y --reinstall -o Dpkg::Options::=--force-confold install
	[ "$(stat -c %i "$index")" != "$before" ]
	is_well_after_it
}

@test "dpkg -i of all of them at once" {
	on node sh -c 'DEBIAN_FRONTEND=noninteractive dpkg --force-confold -i /var/cache/apt/archives/libvirt*.deb'
	is_well_after_it
}

@test "dpkg -i of the one package that the index is in, and an operator's restart" {
	package=$(on node dpkg -S $map/index.xml)
	on node sh -c "dpkg --force-confold -i /var/cache/apt/archives/${package%%:*}_*.deb"
	on node systemctl restart libvirtd
	is_well_after_it
}

