#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A node on which cpushim's own files are a package's: whose the diversions are, and what stays dpkg's. The
# package itself is in deb.bats. Needs root.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0

emulator=/usr/bin/qemu-system-x86_64
units=/usr/lib/systemd/system
list=/var/lib/dpkg/info/cpushim.list

setup() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	export ROOTS=$BATS_TEST_TMPDIR/roots
	load lib/root.bash
	load lib/libvirt.bash
	node_new node
	root=$(root_path node)
}

teardown() {
	[ ! -e "$ROOTS/node/pid" ] || root_drop node
}

# dpkg unpacks it
unpack() {
	on node cp -r "$CHECKOUT/build/node/." /
	(cd "$CHECKOUT/build/node" && find . -type f) | sed 's/^\.//' >"$root$list"
}

diverted() {
	on node dpkg-divert --list $emulator
}

@test "the diversion is the package's, its triggers stand for the path unit, and dpkg's files stay" {
	unpack
	run -0 on node cpushim ready
	[ "$(diverted)" = "diversion of $emulator to $emulator.distrib by cpushim" ]
	[ -e "$root$units/libvirtd.service.d/cpushim.conf" ]
	[ ! -e "$root$units/cpushim.path" ]
	run -0 on node cpushim remove
	[ "$output" = 'cpushim is off this node' ]
	[ -z "$(diverted)" ]
	[ ! -e "$root$units/libvirtd.service.d" ]
	while read -r file; do
		cmp "$CHECKOUT/build/node$file" "$root$file"
	done <"$root$list"
}

@test "what install.sh has put becomes the package's, local diversion and path unit included" {
	node_install node
	[ "$(diverted)" = "local diversion of $emulator to $emulator.distrib" ]
	[ -e "$root$units/cpushim.path" ]
	unpack
	run -0 on node cpushim ready
	[ "$(diverted)" = "diversion of $emulator to $emulator.distrib by cpushim" ]
	[ ! -e "$root$units/cpushim.path" ]
	[ ! -e "$root$units/cpushim.service" ]
	on node cmp /usr/lib/cpushim/qemu-wrapper $emulator
	run -0 on node cpushim remove
	[ -z "$(diverted)" ]
	[ -e "$root/usr/bin/cpushim" ]
	[ -e "$root/usr/share/cpushim/models.d/gate64.xml" ]
}

@test "install.sh where the package is: refused, and nothing changes" {
	unpack
	run -0 on node cpushim ready
	echo changed >"$root/usr/share/cpushim/models.d/gate64.xml"
	run -2 node_install node
	[[ $output == *'/usr/bin/cpushim: belongs to the package cpushim'*'apt-get remove cpushim'* ]]
	[ "$(cat "$root/usr/share/cpushim/models.d/gate64.xml")" = changed ]
}

@test "a package that was removed and not purged is no package here" {
	mkdir -p "$root${list%/*}"
	printf '/.\n/etc\n/etc/default\n/etc/default/cpushim\n' >"$root$list"
	run -0 node_install node
	[ "$(diverted)" = "local diversion of $emulator to $emulator.distrib" ]
	[ -e "$root$units/cpushim.path" ]
	run -0 node_install node --uninstall
	[ ! -e "$root/usr/bin/cpushim" ]
}

@test "a site's own diversion to elsewhere stays the site's" {
	on node dpkg-divert --local --rename --divert $emulator.site --add $emulator
	on node cp $emulator.site $emulator
	unpack
	run -0 on node cpushim ready
	[ "$(diverted)" = "local diversion of $emulator to $emulator.site" ]
	run -0 on node cpushim remove
	[ "$(diverted)" = "local diversion of $emulator to $emulator.site" ]
}
