#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# libvirt in a container: no systemd, an image that is made without a libvirt that runs, and libvirtd as the
# first process, started as docs/operating.md says. Needs root.

# shellcheck disable=SC2154 # bats sets them
bats_require_minimum_version 1.5.0
load ../lib/some
load ../lib/e2e

make_nodes() {
	node_new node
}

before_each() {
	root=$(root_path node)
	map=$root/usr/share/libvirt/cpu_map
}

# container_up: the entrypoint, as process 1; it is stopped by libvirt_down
container_up() {
	local tries
	[ -S "$root/run/libvirt/virtlogd-sock" ] || on node virtlogd -d
	on node unshare --pid --fork --kill-child --mount-proc \
		sh -c 'cpushim ready --before-libvirt; exec libvirtd' >"$root/run/container.log" 2>&1 3>&- 4>&- &
	for ((tries = 0; tries < 300; tries++)); do
		! on node timeout 60 virsh -q uri >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	cat "$root/run/container.log"
	return 1
}

container_down() {
	on node pkill -x libvirtd
	wait
}

@test "an image is prepared, libvirtd is the container's first process, and gate64 is exact" {
	rare
	run -0 node_install node
	[[ $output == *"libvirt doesn't run here"* ]]
	container_up
	guest_start node inside --cpu "$(cpu_xml gate64)"
	guest_exact node inside gate64
	guest_start node plain --cpu "$(cpu_xml kvm64)"
	run -1 guest_start node least --cpu "<cpu mode='custom' match='minimum'><model>gate64</model></cpu>"
	[[ $output == *cpushim*minimum* ]]
	container_down
}

@test "a newer image has libvirt's own map again: it is mended before libvirtd starts" {
	rare
	sed -i '/x86_cpushim/d' "$map/index.xml"
	rm "$map/x86_cpushim.xml"
	container_up
	grep -q x86_cpushim "$map/index.xml"
	guest_start node inside --cpu "$(cpu_xml gate64)"
	guest_exact node inside gate64
	container_down
}
