#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Other hooks of the site beside ours: a dispatcher in hooks/qemu that runs what it finds in
# qemu.d/GUEST/OPERATION/STATE (as VFIO setups have it), and scripts of qemu.d before and after ours. All
# are called, in libvirt's order, and what they write where libvirt takes it counts. Needs root.

# shellcheck disable=SC2154,SC2016 # bats sets them; the scripts' own
bats_require_minimum_version 1.5.0
load ../lib/e2e

make_nodes() {
	node_new node
	local root hooks
	root=$(root_path node)
	hooks=$root/etc/libvirt/hooks
	# with several hooks libvirt calls them in the order of their names (6.5 and later)
	script "$hooks/qemu" 'echo "dispatcher $2 $3" >>/run/called
		for script in "$0.d/$1/$2/$3"/*; do
			[ ! -x "$script" ] || "$script" "$@" </dev/null || exit
		done'
	script "$hooks/qemu.d/passed/prepare/begin/bind" 'echo "bind $1" >>/run/called
		[ ! -e /run/no-device ]'
	for name in 10-before zz-after; do
		script "$hooks/qemu.d/$name" "echo \"$name \$2 \$3\" >>/run/called
			[ \"\$2\" != restore ] || sed 's|</name>|&<!-- -->|; s|<title>|&$name |'"
	done
	node_install node
	libvirt_up node
}

script() { # PATH TEXT
	mkdir -p "${1%/*}"
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod 755 "$1"
}

before_each() {
	root=$(root_path node)
	hooks=$root/etc/libvirt/hooks
	rm -f "$root/run/called"
}

after_each() {
	guests_stop node
	rm -f "$root/run/no-device"
}

called() { # OPERATION: who was, in that order
	sed -n "s/ $1 .*//p" "$root/run/called" | xargs
}

@test "all are called, in libvirt's order, and the guest is exact" {
	[ -e "$hooks/qemu.d/cpushim" ]
	guest_start node passed --cpu "$(cpu_xml gate64)"
	guest_exact node passed gate64
	[ "$(called prepare)" = 'dispatcher 10-before zz-after' ]
	[ "$(called started)" = 'dispatcher 10-before zz-after' ]
	grep -qx 'bind passed' "$root/run/called"
	guest_stop node passed
	[ "$(called release)" = 'dispatcher 10-before zz-after' ]
}

@test "one of theirs that refuses a guest refuses it, and no other" {
	: >"$root/run/no-device"
	run -1 guest_start node passed --cpu "$(cpu_xml gate64)"
	guest_start node other --cpu "$(cpu_xml gate64)"
	guest_exact node other gate64
	[ -z "$(ls "$root/run/cpushim")" ]
}

@test "what they write of a guest that is restored counts, before ours and after" {
	guest_xml restored --cpu "$(cpu_xml gate64)" | sed 's|</name>|&<title>mine</title>|' >"$root/run/guests/restored.xml"
	on node virsh -q create /run/guests/restored.xml
	on node virsh -q save restored /run/guests/restored.image
	on node virsh -q restore /run/guests/restored.image
	[ "$(called restore)" = 'dispatcher 10-before zz-after' ]
	guest_exact node restored gate64
	run -0 on node virsh desc --title restored
	[ "$output" = 'zz-after 10-before mine' ]
}

@test "ours refuses beside them, and its words are what libvirt tells" {
	run -1 guest_start node least --cpu "<cpu mode='custom' match='minimum'><model>gate64</model></cpu>"
	[[ $output == *cpushim*minimum* ]]
}

@test "--uninstall leaves theirs, and only theirs" {
	node_remove node
	[ ! -e "$hooks/qemu.d/cpushim" ]
	[ "$(find "$hooks" -type f -printf '%P\n' | sort | xargs)" = 'qemu qemu.d/10-before qemu.d/passed/prepare/begin/bind qemu.d/zz-after' ]
}
