# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A node for each of the tests of install.sh (tests/install*.bats), and what they look at.
# shellcheck disable=SC2034,SC2154,SC2119,SC2120 # the tests use what is here; bats sets output

emulator=/usr/bin/qemu-system-x86_64
lib=/usr/lib/cpushim
map=/usr/share/libvirt/cpu_map
hooks=/etc/libvirt/hooks
rule='/usr/bin/qemu-system-x86_64.distrib rmix,'
override=/etc/apparmor.d/local/abstractions/libvirt-qemu

setup() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	export ROOTS=$BATS_TEST_TMPDIR/roots
	load lib/root.bash
	load lib/libvirt.bash
	case $BATS_TEST_DESCRIPTION in
	*'every emulator'* | *'the node is to the byte'*) NODE_EMULATORS=all ;;
	esac
	node_new node
	root=$(root_path node)
	profile
	keep=$BATS_TEST_TMPDIR
}

teardown() {
	[ ! -e "$ROOTS/node/pid" ] || root_drop node
}

install() { # OPTION...
	node_install node "$@"
}

# profile [LINE]: libvirt's AppArmor abstraction, which may not be on the machine
profile() {
	rm -rf "$root/etc/apparmor.d/local/abstractions" "$root/etc/apparmor.d/abstractions/libvirt-qemu"*
	mkdir -p "$root/etc/apparmor.d/abstractions" "$root/etc/apparmor.d/local/abstractions"
	printf '  /usr/bin/qemu-system-x86_64 rmix,\n  %s\n' \
		"${1-#include <local/abstractions/libvirt-qemu>}" \
		>"$root/etc/apparmor.d/abstractions/libvirt-qemu"
}

# listing [FORMAT]: all that install.sh might touch, with modes, owners, links, and digests. What is
# in FORMAT is told of each file besides. dpkg keeps its own backup, which isn't told.
listing() {
	on node find /etc/libvirt /etc/cpushim /etc/apparmor.d $emulator $emulator.distrib /usr/bin/kvm \
		/usr/bin/cpushim $lib /usr/share/cpushim /usr/share/libvirt /run/cpushim /run/cpushim.map \
		/usr/lib/systemd/system \
		\( -type d -printf '%p %y %m %u:%g\n' -o -printf "%p %y %m %u:%g %n %s %l ${1-}\n" \) \
		2>/dev/null | sort
	# shellcheck disable=SC2016 # the inner shell's
	on node sh -c 'find "$@" -type f -exec sha256sum {} + 2>/dev/null | sort -k2' sh /etc/libvirt \
		/etc/cpushim /etc/apparmor.d $emulator $emulator.distrib /usr/bin/cpushim $lib \
		/usr/share/cpushim /usr/share/libvirt
	on node dpkg-divert --list
	on node find /usr/bin /usr/sbin /usr/lib -maxdepth 1 | sort
}

# as_before: what is on the node is what "$keep/before" lists
as_before() {
	diff "$keep/before" <(listing)
}

is_wrapper() { # PATH
	cmp -s "$CHECKOUT/build/qemu-wrapper" "$root$1"
}

map_loads() {
	on node virsh -q -c test:///default cpu-models x86_64 >/dev/null
}

# Whatever has happened: an emulator that runs, a map that libvirt takes.
is_usable() {
	on node $emulator --version >/dev/null
	map_loads
}

# fake PROGRAM SCRIPT: found before the real one
fake() {
	mkdir -p "$root/usr/local/sbin"
	printf '#!/bin/sh\n%s\n' "$2" >"$root/usr/local/sbin/$1"
	chmod 755 "$root/usr/local/sbin/$1"
}

# seconds MILLISECONDS
seconds() {
	printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
}

gate64_starts() {
	guest_start node asks --cpu "$(cpu_xml gate64)"
	guest_exact node asks gate64
}

# libvirt_is NUMBER: the library has that number behind its name, 1000 * major + minor, and the micro
libvirt_is() {
	local library
	library=$(echo "$root"/usr/lib/*/libvirt.so.0.*)
	[ "$library" = "${library%.so.0.*}.so.0.$1" ] || mv "$library" "${library%.so.0.*}.so.0.$1"
	ln -sf "libvirt.so.0.$1" "${library%.so.0.*}.so.0"
}
