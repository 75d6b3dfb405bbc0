# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What tests/e2e/restart.bats and tests/releases/restart.bats stand on: a node with systemd and cpushim, on which a
# gate64 guest and a kvm64 guest run and two are saved; and what a restart of libvirt leaves of them. Each test
# spoils the CPU map, which is right again for the next one.
#
# RESTART_STOCK=1 takes the drop-in away after installing, to see what stock does.

map=/usr/share/libvirt/cpu_map

load ../lib/nodes

setup_file() {
	load_all
	[ -z "$(root_needs)" ] || return 0
	node_new node --systemd
	node_install node --restart
	[ -z "${RESTART_STOCK-}" ] || without_dropin node
	# the second net, which would be there before the restart
	on node systemctl -q --runtime mask --now cpushim.path
	libvirt_restart node
	root=$(root_path node)
	cp -a "$root$map" "$root/run/right"
	cp -a "$root/usr/lib/cpushim" "$root/run/right-lib"
	site_saved node
}

setup() {
	load_all
	[ -z "$(root_needs)" ] || skip "$(root_needs)"
	root=$(root_path node)
	index=$root$map/index.xml
	include=$root$map/x86_cpushim.xml
	goes_on node site || begin_anew site gate64
	goes_on node ordinary || begin_anew ordinary kvm64
}

teardown() {
	# of a test that failed
	for guest in new saved kept; do
		on node timeout 60 virsh -q destroy $guest >/dev/null 2>&1 || :
	done
	on node pkill -x flock || :
	on node umount -q -l /usr || :
	on node umount -q -l $map || :
	rm -rf "${root:?}$map"
	cp -a "$root/run/right" "$root$map"
	for file in models.table x86_cpushim.xml; do
		cmp -s "$root/run/right-lib/$file" "$root/usr/lib/cpushim/$file" || right_table
	done
	[ ! -e "$root/run/command" ] || mv "$root/run/command" "$root/usr/bin/cpushim"
}

# The touch is for libvirt, which has to probe QEMU again.
right_table() {
	cp -a "$root/run/right-lib/." "$root/usr/lib/cpushim"
	for real in "$root"/usr/bin/*.distrib; do
		touch "${real%.distrib}"
	done
}

# those that ended, which only a test that failed, or stock, leaves behind
begin_anew() { # NAME MODEL
	libvirt_restart node
	goes_on node "$1" || guest_begin node "$1" "$(cpu_xml "$2")"
}

restarted() {
	restart_watched node
	goes_on node ordinary
	others_start node
}

all_is_well() {
	restarted
	goes_on node site
	site_starts node
}

is_right() {
	[ "$(grep -c 'x86_cpushim\.xml' "$index")" = 1 ] || return
	cmp -s "$include" "$root/run/right/x86_cpushim.xml"
}

# With the map that it was before, byte for byte, others start as they do in the first test.
mended() {
	restart_watched node
	goes_on node ordinary
	goes_on node site
	is_right
	site_starts node
}

# libvirt runs with a map that lacks us
goes_without_us() {
	restarted
	site_goes_on node site
	site_is_refused node
}

name_ours() { # a second time
	sed -i '/x86_cpushim\.xml/p' "$index"
}

lose_ours() {
	sed -i '/x86_cpushim\.xml/d' "$index"
}

# replace_command SCRIPT: in the place of /usr/bin/cpushim
replace_command() {
	cp -p "$root/usr/bin/cpushim" "$root/run/command"
	printf '#!/bin/bash\n%s\n' "$1" >"$root/run/script"
	chmod 755 "$root/run/script"
	mv "$root/run/script" "$root/usr/bin/cpushim"
}

# What runs goes on; the map lacks us, and gate64 isn't made another CPU.
without_help() {
	restarted
	goes_on node site
	lose_ours
	goes_without_us
}

# full_disk: where the map is there is room for nothing more
full_disk() {
	on node mkdir -p /run/small
	on node mount -t tmpfs -o size=3m small /run/small
	on node cp -a $map/. /run/small
	on node mount --move /run/small $map
	on node dd if=/dev/zero of=$map/filler bs=4k status=none 2>/dev/null || :
	run ! on node cp /etc/passwd $map/more
	rm -f "$root$map/more"
}

read_only() {
	on node mount --bind /usr /usr
	on node mount -o remount,ro,bind /usr
}
