#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# AppArmor's own parser, over libvirt's profiles as the distribution has them: what ready puts there is
# read, in a guest's profile, and nothing of it stays. No kernel needs to have AppArmor. Needs root.

# shellcheck disable=SC2154 # bats sets them
bats_require_minimum_version 1.5.0

guest=/etc/apparmor.d/libvirt/libvirt-6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d64
rule='/usr/bin/qemu-system-x86_64.distrib rmix,'

setup() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	command -v apparmor_parser >/dev/null || skip 'needs apparmor_parser'
	export ROOTS=$BATS_TEST_TMPDIR/roots
	load lib/root.bash
	load lib/libvirt.bash
	node_new node
	root=$(root_path node)
	# as virt-aa-helper makes it from the template (src/security/virt-aa-helper.c, libvirt 9.0)
	sed "s/LIBVIRT_TEMPLATE/${guest##*/}/" "$root/etc/apparmor.d/libvirt/TEMPLATE.qemu" >"$root$guest"
}

teardown() {
	[ ! -e "$ROOTS/node/pid" ] || root_drop node
}

# rules PROFILE: those that the parser compiles
rules() {
	on node apparmor_parser -Q -K -T -D rule-exprs "$1" 2>&1 | sed -n 's/^aare: \([^ ]*\) .*/\1/p'
}

parses() { # PROFILE
	on node apparmor_parser -Q -K -T "$1"
}

@test "a guest's profile has the rule for the real QEMU while cpushim is there" {
	find "$root/etc/apparmor.d" | sort >"$BATS_TEST_TMPDIR/before"
	run ! grep -Fx /usr/bin/qemu-system-x86_64.distrib <(rules "$guest")
	node_install node
	parses "$guest"
	parses /etc/apparmor.d/usr.sbin.libvirtd
	parses /etc/apparmor.d/usr.lib.libvirt.virt-aa-helper
	rules "$guest" | grep -Fx /usr/bin/qemu-system-x86_64.distrib
	rules "$guest" | grep -Fx /usr/bin/qemu-system-x86_64
	# libvirt doesn't run
	run -2 on node cpushim doctor
	grep -E '^PASS +apparmor ' <<<"$output"
	node_remove node
	parses "$guest"
	run ! grep -Fx /usr/bin/qemu-system-x86_64.distrib <(rules "$guest")
	diff "$BATS_TEST_TMPDIR/before" <(find "$root/etc/apparmor.d" | sort)
}

@test "beside the site's own rules, and none is taken for one that is commented out" {
	local override=$root/etc/apparmor.d/local/abstractions/libvirt-qemu
	mkdir -p "${override%/*}"
	printf '  # %s\n  /srv/disks/** rwk,' "$rule" >"$override"
	cp "$override" "$BATS_TEST_TMPDIR/site"
	node_install node
	parses "$guest"
	rules "$guest" | grep -Fx /usr/bin/qemu-system-x86_64.distrib
	rules "$guest" | grep -Fx '/srv/disks/**'
	node_remove node
	diff "$BATS_TEST_TMPDIR/site" "$override"
}

@test "libvirt's layout since 9.6: the rule is a file in a directory that the profile includes" {
	local abstraction=$root/etc/apparmor.d/abstractions/libvirt-qemu
	sed -i 's|.*<local/abstractions/libvirt-qemu>.*|  include if exists <abstractions/libvirt-qemu.d>|' "$abstraction"
	node_install node
	[ -e "$abstraction.d/cpushim" ]
	parses "$guest"
	rules "$guest" | grep -Fx /usr/bin/qemu-system-x86_64.distrib
	node_remove node
	[ ! -e "$abstraction.d" ]
}
