#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A node whose libvirt keeps its CPU map in one file (before 4.7). Such a libvirt doesn't run here: the map
# is the machine's own, written in that form, and what libvirt is asked is answered by a stand-in that
# reads the map in the place where libvirt would. What the real one makes of a choice is test_mapchoice's.

# shellcheck disable=SC2154 # bats sets output and stderr
bats_require_minimum_version 1.5.0

lib=/usr/lib/cpushim
map=/usr/share/libvirt/cpu_map.xml
models=/etc/cpushim/models.d

setup() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	export ROOTS=$BATS_TEST_TMPDIR/roots
	load lib/root.bash
	load lib/libvirt.bash
	root_new node
	root=$(root_path node)
	[ ! -e /usr/lib/cpushim/receipt ] || node_install node --uninstall >/dev/null
	rm -f "$root/usr/bin/qemu-system-i386"
	one_file
	stand_in
}

teardown() {
	[ ! -e "$ROOTS/node/pid" ] || root_drop node
}

install() { # OPTION...
	node_install node "$@"
}

# The machine's map as one file, without <decode>, beside another machine's.
one_file() {
	local dir=$root/usr/share/libvirt/cpu_map file
	{
		printf "<cpus>\n  <arch name='x86'>\n"
		sed -n "s/.*<include filename='\(x86_.*\)'\/>.*/\1/p" "$dir/index.xml" | while read -r file; do
			grep -v '^ *</*cpus>\|<decode ' "$dir/$file"
		done
		printf "  </arch>\n  <arch name='ppc64'>\n    <model name='POWER9'/>\n  </arch>\n</cpus>\n"
	} >"$root$map"
	rm -r "$dir"
	chmod 640 "$root$map"
	chgrp 4 "$root$map"
}

# 4.6's library, and virsh: it loads the map, and takes the host for the model that /run/taken-for names,
# if it has it
stand_in() {
	fake_libvirt node <<-END
		#!/bin/sh
		case "\$*" in
		*--version*) echo 4.6.0; exit ;;
		open*) exit ;;
		esac
		xmllint --noout $map || exit 1
		[ ! -e /run/refuses ] || ! grep -q cpushim $map || { echo 'error: no' >&2; exit 1; }
		case "\$*" in
		*models*) sed -n "s/.*<model name='\(.*\)'>.*/\1/p" $map ;;
		'baseline 2')
			taken=\$(cat /run/taken-for 2>/dev/null) || taken=none
			grep -q "<model name='\$taken'>" $map || taken=kvm64
			echo "<cpu><model>\$taken</model></cpu>" ;;
		*) exit 1 ;;
		esac
	END
	ln -sf /run/libvirt-says "$root/usr/bin/virsh"
}

state() {
	stat -c '%a %u:%g %n' "$root$map"
	sha256sum <"$root$map"
	ls "$root/usr/share/libvirt"
}

# names_in_map: our models there
names_in_map() {
	sed -n '/Written by cpushim/,/cpushim: end/s/.*<model name=.\(.*\).>.*/\1/p' "$root$map" | xargs
}

site_model() { # NAME
	printf "<cpus xmlns:shim='urn:cpushim:1'><model name='%s'><model name='gate64'/><feature name='aes'/></model></cpus>" \
		"$1" >"$root$models/$1.xml"
}

@test "our models are a block before the end of x86, and --uninstall gives the file back to the byte" {
	state >"$BATS_TEST_TMPDIR/before"
	run -0 install
	[[ $output == *"$map: a guest of a model that this map has and QEMU hasn't is started as the nearest"*cpu64-rhel6* ]]
	[ "$(names_in_map)" = 'gate64 x86-64-v2 x86-64-v3 x86-64-v4' ]
	xmllint --noout "$root$map"
	[ "$(xmllint --xpath "count(/cpus/arch[@name='x86']/model[@name='gate64']/feature)" "$root$map")" = 24 ]
	[ "$(stat -c '%a %g' "$root$map")" = '640 4' ]
	run ! grep -q '<decode' "$root$map"
	[ ! -e "$root/usr/share/libvirt/cpu_map" ]
	# twice: nothing is replaced
	stat -c '%i %Z' "$root$map" >"$BATS_TEST_TMPDIR/inode"
	install
	stat -c '%i %Z' "$root$map" | diff "$BATS_TEST_TMPDIR/inode" -
	[ "$(grep -c 'Written by cpushim' "$root$map")" = 1 ]
	install --uninstall
	state | diff "$BATS_TEST_TMPDIR/before" -
}

@test "compile refreshes the block, where there is one, and the hook has its names without a table" {
	install
	cp -p "$root$map" "$BATS_TEST_TMPDIR/map"
	site_model site-aes
	run -0 on node cpushim compile
	[ "$(names_in_map)" = 'gate64 site-aes x86-64-v2 x86-64-v3 x86-64-v4' ]
	[ "$(stat -c '%a %g' "$root$map")" = '640 4' ]
	run -0 on node cpushim compile
	[[ $output == *'nothing changed'* ]]
	rm "$root$lib/models.table"
	printf '<domain><cpu><model>site-aes</model></cpu></domain>' >"$root/run/guest.xml"
	run -1 on node sh -c '/etc/libvirt/hooks/qemu d prepare begin - </run/guest.xml'
	[[ $output == *"site-aes"* ]]
	run -0 on node sh -c 'sed s/site-aes/kvm64/ /run/guest.xml | /etc/libvirt/hooks/qemu d prepare begin -'
	rm "$root$models/site-aes.xml"
	on node cpushim compile --force
	cmp "$root$map" "$BATS_TEST_TMPDIR/map"
}

@test "a model that libvirt would take for the host's CPU is left out and named" {
	echo x86-64-v2 >"$root/run/taken-for"
	run -0 install
	[[ $output == *"model 'x86-64-v2' isn't made known to libvirt, which would take it for this host's CPU"* ]]
	[ "$(names_in_map)" = 'gate64 x86-64-v3 x86-64-v4' ]
	# the hook knows it still
	grep -q 'cpushim-names: gate64 x86-64-v2 ' "$root$map"
	echo site-aes >"$root/run/taken-for"
	site_model site-aes
	run -0 on node cpushim compile
	[[ $output == *"model 'site-aes' isn't made known"* ]]
	[ "$(names_in_map)" = 'gate64 x86-64-v2 x86-64-v3 x86-64-v4' ]
	# nothing of the trials stays
	[ -z "$(find "$root/usr/share/libvirt" -name '*cpushim*')" ]
}

@test "a map that libvirt doesn't take stays as it is" {
	state >"$BATS_TEST_TMPDIR/before"
	touch "$root/run/refuses"
	run -2 install
	[[ $output == *"libvirt doesn't take it"* ]]
	state | diff "$BATS_TEST_TMPDIR/before" -
	rm "$root/run/refuses"
	install
	cp -p "$root$map" "$BATS_TEST_TMPDIR/map"
	touch "$root/run/refuses"
	site_model site-aes
	run -2 on node cpushim compile
	cmp "$root$map" "$BATS_TEST_TMPDIR/map"
}

@test "a package's upgrade replaces the file: harmless, and the next install puts the models in again" {
	cp -p "$root$map" "$BATS_TEST_TMPDIR/package"
	install
	cp -p "$BATS_TEST_TMPDIR/package" "$root$map"
	on node cpushim compile
	cmp "$root$map" "$BATS_TEST_TMPDIR/package"
	install
	[ "$(names_in_map)" = 'gate64 x86-64-v2 x86-64-v3 x86-64-v4' ]
	cp -p "$BATS_TEST_TMPDIR/package" "$root$map"
	install --uninstall
	cmp "$root$map" "$BATS_TEST_TMPDIR/package"
}
