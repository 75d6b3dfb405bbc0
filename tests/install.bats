#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# install.sh on nodes with the distribution's own dpkg, libvirt and QEMU: what it puts where, that it can
# be run again, killed, refused a disk, and taken back to the byte. Needs root.

# shellcheck disable=SC2154,SC2030,SC2031 # bats sets output and stderr; each test runs by itself
bats_require_minimum_version 1.5.0

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
	node_new node
	root=$(root_path node)
	# one emulator is enough for most tests, and dpkg sees that one is missing
	[[ $BATS_TEST_DESCRIPTION == *'every emulator'* || $BATS_TEST_DESCRIPTION == *'the node is to the byte'* ]] || rm -f "$root/usr/bin/qemu-system-i386"
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

@test "each file is at its path, with its mode, and each step tells what it did" {
	local path mode
	run -0 install
	[[ $output == *'4 models for /usr/bin/qemu-system-x86_64'* ]]
	[[ $output == *"libvirt doesn't run here; it knows the models when it starts"* ]]
	[[ ${lines[-1]} == 'this node is right; '* ]]
	while read -r mode path; do
		[ "$mode $path" = "$(stat -c '%a' "$root$path") $path" ]
		[ "$(stat -c %U:%G "$root$path")" = root:root ]
	done <<-END
		755 /usr/bin/cpushim
		755 $emulator
		755 $lib
		755 $lib/qmp-proxy
		755 $lib/qemu-wrapper
		755 $lib/hook
		644 $lib/guest
		644 $lib/models.table
		644 $lib/receipt
		644 /usr/lib/systemd/system/libvirtd.service.d/cpushim.conf
		755 /usr/share/cpushim/models.d
		644 /usr/share/cpushim/models.d/gate64.xml
		644 /usr/share/cpushim/models.d/x86-64-v2.xml
		644 /usr/share/cpushim/models.d/x86-64-v3.xml
		644 /usr/share/cpushim/models.d/x86-64-v4.xml
		755 /etc/cpushim/models.d
		644 $map/x86_cpushim.xml
		644 $map/index.xml
		755 $hooks/qemu
		644 $override
	END
	cmp "$CHECKOUT/hook/qemu" "$root$hooks/qemu"
	is_wrapper $emulator
	grep -qF "$rule" "$root$override"
	grep -q "include filename='x86_cpushim.xml'" "$root$map/index.xml"
	[ "$(on node dpkg-divert --list $emulator)" = \
		"local diversion of $emulator to $emulator.distrib" ]
	[ "$(on node dpkg-divert --truename $emulator)" = $emulator.distrib ]
	[ -z "$(find "$root/usr" "$root/etc" -xdev -name '*cpushim-*')" ]
}

@test "what others may not read by the caller's umask, they can read all the same" {
	on node sh -c "umask 077; '$CHECKOUT/install.sh'" >/dev/null
	[ "$(stat -c %a "$root$lib")" = 755 ]
	[ "$(stat -c %a "$root/usr/share/cpushim/models.d")" = 755 ]
	[ "$(stat -c %a "$root$override")" = 644 ]
	on node setpriv --reuid 65534 --regid 65534 --clear-groups cat $lib/models.table >/dev/null
}

@test "run twice: the second changes nothing, and no file is as much as replaced" {
	install
	listing '%i %T@ %C@' >"$keep/first"
	run -0 install
	diff "$keep/first" <(listing '%i %T@ %C@')
}

@test "--dry-run tells each change that would be made, and changes nothing" {
	listing >"$keep/before"
	run -0 install --dry-run
	[[ ${lines[0]} == '1. '* ]]
	[[ $output == *$'\n6. put the wrapper where QEMU is'*"would put $emulator"* ]]
	as_before
	install
	listing >"$keep/before"
	run -0 install --uninstall --dry-run
	[[ ${lines[0]} == '1. '* ]]
	[[ $output == *$'\n7. put QEMU back where the wrapper is'*"would rename $emulator.distrib to $emulator"* ]]
	as_before
}

@test "--uninstall: the node is to the byte what it was" {
	local names=(find /etc /usr /var/lib '(' -path '/var/lib/dpkg/*-old' ')' -prune -o -printf '%y %p\n')
	on node "${names[@]}" | sort >"$keep/names"
	listing >"$keep/before"
	install
	run ! as_before
	run -0 install --uninstall
	as_before
	diff "$keep/names" <(on node "${names[@]}" | sort)
	[ "$(on node dpkg --verify qemu-system-x86)" = '' ]
	# and twice is harmless
	run -0 install --uninstall
	as_before
}

@test "--uninstall where it was never installed takes nothing of the site's" {
	on node dpkg-divert --local --rename --divert $emulator.distrib --add $emulator
	printf '#!/bin/sh\nexec %s "$@"\n' $emulator.distrib >"$root$emulator"
	chmod 755 "$root$emulator"
	listing >"$keep/before"
	run install --uninstall
	as_before
}

@test "a site's own diversion of QEMU to the same name is refused, and stays" {
	on node dpkg-divert --local --rename --divert $emulator.distrib --add $emulator
	printf '#!/bin/sh\nexec %s "$@"\n' $emulator.distrib >"$root$emulator"
	chmod 755 "$root$emulator"
	listing >"$keep/before"
	run -2 install
	[[ $output == *"$emulator.distrib"* ]]
	as_before
}

@test "a site's own diversion of QEMU to elsewhere stays, and the wrapper works before it" {
	on node dpkg-divert --local --rename --divert /usr/bin/site-qemu --add $emulator
	on node ln /usr/bin/site-qemu $emulator
	listing >"$keep/before"
	install
	is_wrapper $emulator
	libvirt_up node
	gate64_starts
	guest_stop node asks
	libvirt_down node
	install --uninstall
	[ "$(on node dpkg-divert --truename $emulator)" = /usr/bin/site-qemu ]
	diff <(grep -v '/etc/libvirt' "$keep/before") <(listing | grep -v '/etc/libvirt')
}

# repacked: the package that the machine has, with another QEMU in it, as a file in the node's /tmp
repacked() {
	# shellcheck disable=SC2016 # the inner shell's
	on node sh -c 'mkdir -p /tmp/deb/DEBIAN && dpkg-query -L qemu-system-x86 | grep -v "^/.$" |
			grep -v "/usr/bin/qemu-system-x86_64$" | tar -c --no-recursion -T - |
			tar -x -C /tmp/deb
		cp "$1" /tmp/deb/usr/bin/qemu-system-x86_64
		printf "another build" >>/tmp/deb/usr/bin/qemu-system-x86_64
		dpkg-query -s qemu-system-x86 | sed "/^Status:\|^Conffiles:\|^ \//d; /^Version:/s/$/+another/" \
			>/tmp/deb/DEBIAN/control
		dpkg-deb -Znone --root-owner-group -b /tmp/deb /tmp/another.deb' sh "$1" >/dev/null 2>&1
}

@test "an upgraded QEMU package leaves the wrapper, replaces .distrib, and goes on after --uninstall" {
	install
	repacked $emulator.distrib
	on node dpkg --force-unsafe-io --unpack /tmp/another.deb
	is_wrapper $emulator
	[ "$(tail -c 13 "$root$emulator.distrib")" = 'another build' ]
	libvirt_up node
	gate64_starts
	guest_stop node asks
	libvirt_down node
	# the models for it
	run -0 install
	is_wrapper $emulator
	install --uninstall
	[ "$(tail -c 13 "$root$emulator")" = 'another build' ]
	[ ! -e "$root$emulator.distrib" ]
	[ "$(on node dpkg-divert --list $emulator)" = '' ]
}

@test "a site's own hook stays to the byte, is called beside ours, and is there after --uninstall" {
	# shellcheck disable=SC2016 # the hook's
	printf '#!/bin/sh\n# the site'\''s\necho "$1 $2" >>/run/site-hook\nexit 0' >"$root$hooks/qemu"
	chmod 750 "$root$hooks/qemu"
	listing >"$keep/before"
	sha256sum <"$root$hooks/qemu" >"$keep/hook"
	run -0 install
	[[ $output == *"$hooks/qemu stays"*"$hooks/qemu.d/cpushim"* ]]
	[ "$(sha256sum <"$root$hooks/qemu")" = "$(cat "$keep/hook")" ]
	cmp "$CHECKOUT/hook/qemu" "$root$hooks/qemu.d/cpushim"
	libvirt_up node
	gate64_starts
	grep -qx 'asks prepare' "$root/run/site-hook"
	guest_stop node asks
	# ours is the one that refuses this
	run -1 guest_start node min --cpu "<cpu mode='custom' match='minimum'><model>gate64</model></cpu>"
	[[ $output == *cpushim*minimum* ]]
	libvirt_down node
	rm -f "$root/etc/libvirt/.configured"
	run -0 install --uninstall
	[ "$(sha256sum <"$root$hooks/qemu")" = "$(cat "$keep/hook")" ]
	diff <(grep "$hooks" "$keep/before") <(listing | grep "$hooks")
}

# libvirt_is NUMBER: the library has that number behind its name, 1000 * major + minor, and the micro
libvirt_is() {
	local library
	library=$(echo "$root"/usr/lib/*/libvirt.so.0.*)
	[ "$library" = "${library%.so.0.*}.so.0.$1" ] || mv "$library" "${library%.so.0.*}.so.0.$1"
	ln -sf "libvirt.so.0.$1" "${library%.so.0.*}.so.0"
}

@test "a site's own hook on libvirt before 6.5 is refused, and nothing changes" {
	printf '#!/bin/sh\nexit 0\n' >"$root$hooks/qemu"
	chmod 755 "$root$hooks/qemu"
	listing >"$keep/before"
	local version
	for version in 6004.0 5010.0; do
		libvirt_is $version
		run -2 install
		[[ $output == "cpushim: $hooks/qemu: "*'move it away'*'6.5 or later'* ]]
		as_before
	done
	libvirt_is 6010.0
	install
	[ -e "$root$hooks/qemu.d/cpushim" ]
	install --uninstall
	rm -f "$root$hooks/qemu"
	libvirt_is 1002.2
	install
}

@test "AppArmor: the site's own lines in the local override stay, and are restored to the byte" {
	# without a last newline, and not for all to read
	printf '  /srv/images/** rwk,\n  # last' >"$root$override"
	chmod 640 "$root$override"
	chgrp 4 "$root$override"
	listing >"$keep/before"
	install
	grep -qxF '  /srv/images/** rwk,' "$root$override"
	grep -qx '  # last' "$root$override"
	grep -qE "^ *$rule" "$root$override"
	[ "$(stat -c '%a %g' "$root$override")" = '640 4' ]
	install
	[ "$(grep -cF "$rule" "$root$override")" = 1 ]
	install --uninstall
	as_before
}

@test "AppArmor: an empty local override, as Debian has it, stays" {
	: >"$root$override"
	listing >"$keep/before"
	install
	grep -qF "$rule" "$root$override"
	install --uninstall
	as_before
}

@test "AppArmor: the rule goes where this libvirt's profile includes it, and only where there is one" {
	profile 'include if exists <abstractions/libvirt-qemu.d>'
	listing >"$keep/before"
	install
	grep -qF "$rule" "$root/etc/apparmor.d/abstractions/libvirt-qemu.d/cpushim"
	[ ! -e "$root$override" ]
	install --uninstall
	as_before

	profile '# nothing'
	listing | grep apparmor >"$keep/before"
	run -0 install
	[[ $output == *'includes no local override; add to it:'*"$rule"* ]]
	diff "$keep/before" <(listing | grep apparmor)
	install --uninstall

	rm -r "$root/etc/apparmor.d"
	install
	[ ! -e "$root/etc/apparmor.d" ]
}

@test "what the site changed since is left alone and named, everything else goes" {
	install
	echo changed >>"$root/usr/share/cpushim/models.d/gate64.xml"
	printf '#!/bin/sh\nexit 0\n' >"$root$hooks/qemu"
	printf '<cpus/>' >"$root/etc/cpushim/models.d/own.xml"
	printf '<cpus/>' >"$root$map/x86_cpushim.xml"
	run -0 install --uninstall
	[ "$(grep -c "$hooks/qemu: was changed" <<<"$output")" = 1 ]
	[[ $output == *'/usr/share/cpushim/models.d/gate64.xml: was changed'* ]]
	[[ $output == *'/etc/cpushim/models.d/own.xml: '*'left alone'* ]]
	[[ $output == *"$map/x86_cpushim.xml: "*'left alone'* ]]
	[ -e "$root/usr/share/cpushim/models.d/gate64.xml" ]
	[ -e "$root$hooks/qemu" ]
	[ -e "$root/etc/cpushim/models.d/own.xml" ]
	[ ! -e "$root$lib" ]
	[ ! -e "$root/usr/bin/cpushim" ]
	[ ! -e "$root/usr/share/cpushim/models.d/x86-64-v2.xml" ]
	run ! is_wrapper $emulator
	map_loads
}

@test "an emulator that the site put in the wrapper's place is left alone and named" {
	install
	printf '#!/bin/sh\nexec %s "$@"\n' $emulator.distrib >"$root$emulator"
	sha256sum <"$root$emulator" >"$keep/theirs"
	run -0 install --uninstall
	[[ $output == *"$emulator: "*'left alone'*"$emulator.distrib"* ]]
	[ "$(sha256sum <"$root$emulator")" = "$(cat "$keep/theirs")" ]
	is_usable
}

# hurt WAY: the wrapper
hurt() {
	case $1 in
	'cut off') truncate -s 400k "$root$emulator" ;;
	emptied) : >"$root$emulator" ;;
	gone) rm "$root$emulator" ;;
	'of another version') sed -i 's/cpushim-table 1/cpushim-table 2/g' "$root$emulator" ;;
	'the real QEMU again') cp "$keep/real" "$root$emulator" ;;
	esac
}

@test "a wrapper that was damaged is put again, the real QEMU behind it stays to the byte, and --uninstall gives it back" {
	local way
	listing >"$keep/before"
	cp "$root$emulator" "$keep/real"
	install
	for way in 'cut off' emptied gone 'of another version' 'the real QEMU again'; do
		printf '%s\n' "$way"
		hurt "$way"
		run -0 install
		is_wrapper $emulator
		cmp "$keep/real" "$root$emulator.distrib"
	done
	for way in 'cut off' emptied gone 'of another version'; do
		printf '%s\n' "$way"
		hurt "$way"
		run -0 install --uninstall
		as_before
		install
	done
}

# both_stay PATH THEIRS STATUS: both files are named, PATH that is THEIRS and the real QEMU
both_stay() {
	run "-$3" install
	[[ $output == *"cpushim: $1: isn't the wrapper any more"*"mv -f $1 $1.distrib"*"rm $1"* ]]
	cmp "$2" "$root$1"
	cmp "$keep/real" "$root$1.distrib"
}

@test "what the site put in the wrapper's place isn't replaced, nor the real QEMU behind it; both are named" {
	listing >"$keep/before"
	cp "$root$emulator" "$keep/real"
	install
	printf '#!/bin/sh\nexec %s "$@"\n' $emulator.distrib >"$root$emulator"
	cp "$root$emulator" "$keep/theirs"
	both_stay $emulator "$keep/theirs" 2
	# too little of the wrapper is left to know it by
	cp "$CHECKOUT/build/qemu-wrapper" "$root$emulator"
	truncate -s 100 "$root$emulator"
	cp "$root$emulator" "$keep/theirs"
	both_stay $emulator "$keep/theirs" 2
	# as it is advised
	rm "$root$emulator"
	run -0 install
	is_wrapper $emulator
	cp "$keep/theirs" "$root$emulator"
	run -0 install --uninstall
	[[ $output == *"$emulator: "*'left alone'*"$emulator.distrib"* ]]
	cmp "$keep/theirs" "$root$emulator"
	cmp "$keep/real" "$root$emulator.distrib"
	on node mv -f $emulator.distrib $emulator
	on node dpkg-divert --local --no-rename --remove $emulator
	as_before
}

@test "a newer QEMU that came in the wrapper's place is kept beside the old one until somebody has chosen" {
	on node cp $emulator /usr/bin/qemu-site
	cp "$root$emulator" "$keep/real"
	install --emulator /usr/bin/qemu-site
	cp "$keep/real" "$keep/newer"
	printf 'another build' >>"$keep/newer"
	on node rm /usr/bin/qemu-site
	cp "$keep/newer" "$root/usr/bin/qemu-site"
	both_stay /usr/bin/qemu-site "$keep/newer" 1
	on node mv -f /usr/bin/qemu-site /usr/bin/qemu-site.distrib
	run -0 install
	is_wrapped /usr/bin/qemu-site
	cmp "$keep/newer" "$root/usr/bin/qemu-site.distrib"
	install --uninstall
	cmp "$keep/newer" "$root/usr/bin/qemu-site"
}

@test "a table that can't be written: said, and what an earlier run put is not denied" {
	install
	printf '#!/bin/sh\nexit 3\n' >"$root$emulator.distrib"
	run -2 install
	[[ $output == *'the table could not be written; QEMU, '*' stay as they are now'* ]]
	is_wrapper $emulator
}

@test "libvirt's own trial precedes each change of its index, whatever the include is" {
	install
	on node sed -i '/x86_cpushim/d' $map/index.xml
	# what libvirt doesn't take, and compile doesn't look at
	printf '<cpus><model name="odd"/></cpus>' >"$root$map/x86_odd.xml"
	sed -i "/x86_features\.xml/a <include filename='x86_odd.xml'/>" "$root$map/index.xml"
	cp "$root$map/index.xml" "$keep/index.xml"
	run -2 install
	[[ $output == *"$map/index.xml: libvirt doesn't take its map with the models"*odd* ]]
	cmp "$keep/index.xml" "$root$map/index.xml"
	sed -i '/x86_odd/d' "$root$map/index.xml"
	install
	grep -q x86_cpushim "$root$map/index.xml"
	map_loads
}

@test "CPUSHIM_ROOT of the caller's moves nothing" {
	on node env CPUSHIM_ROOT=/tmp/elsewhere "$CHECKOUT/install.sh"
	[ -s "$root$lib/models.table" ]
	[ ! -e "$root/tmp/elsewhere" ]
	grep -q x86_cpushim "$root$map/index.xml"
}

@test "SELinux: each file has the label of its path before it is there" {
	fake selinuxenabled 'exit 0'
	# shellcheck disable=SC2016 # the program's
	fake matchpathcon '[ "$1" = -n ] && echo "label-of-$2"'
	# shellcheck disable=SC2016 # the program's
	fake chcon 'grep -qa cpushim "${2%.cpushim-new}" 2>/dev/null && late=" late"
		echo "$1 $2$late" >>/run/labels'
	install
	grep -qx "label-of-$emulator $emulator.cpushim-new" "$root/run/labels"
	grep -qx "label-of-$hooks/qemu $hooks/qemu.cpushim-new" "$root/run/labels"
	fake chcon 'echo "chcon: no" >&2; exit 1'
	rm "$root$hooks/qemu"
	run -2 install
	[[ $output == *'chcon: no'* ]]
	[ -z "$(find "$root$hooks" -type f)" ]
}

@test "libvirt before 6.5, which remembers that there was a hook, is told when it is gone" {
	# libvirt calls it at a reload, after it has looked which hooks there are
	# shellcheck disable=SC2016 # the hook's
	printf '#!/bin/sh\n[ -e /etc/libvirt/hooks/qemu ] || echo "$2" >>/run/told\n' >"$root$hooks/daemon"
	chmod 755 "$root$hooks/daemon"
	install
	libvirt_up node
	# not a later one
	node_remove node
	sleep 0.5
	run ! grep -x reload "$root/run/told"
	node_ready node
	libvirt_is 6004.0
	node_remove node
	timeout 10 sh -c "until grep -qsx reload '$root/run/told'; do sleep 0.1; done"
	guest_start node none
	guest_stop node none
	# whoever has that number today
	libvirt_down node
	install
	# shellcheck disable=SC2016 # the inner shell's
	on node sh -c 'sleep 60 & echo $! >/run/libvirtd.pid'
	install --uninstall
	on node kill "$(cat "$root/run/libvirtd.pid")"
}

# bare: demo on a machine that lacks packages, with an apt-get that is APT
bare() { # APT
	mkdir -p "$root/tmp/checkout/tests"
	cp "$CHECKOUT/install.sh" "$root/tmp/checkout"
	printf '#!/bin/sh\n[ ! -e /usr/sbin/policy-rc.d ] || echo stays\necho shown\n' >"$root/tmp/checkout/tests/demo"
	chmod 755 "$root/tmp/checkout/tests/demo"
	rm -f "$root/usr/sbin/policy-rc.d"
	fake make 'exit 0'
	fake dpkg-query 'exit 1'
	fake apt-get "$1"
}

@test "demo and check: no service is started by what they install, and none is kept from it afterwards" {
	bare 'touch /run/asked; [ -x /usr/sbin/policy-rc.d ] && ! /usr/sbin/policy-rc.d'
	run -0 on node /tmp/checkout/install.sh demo
	[ -e "$root/run/asked" ]
	[ "${lines[-1]}" = shown ]
	[[ $output != *stays* ]]
	[ ! -e "$root/usr/sbin/policy-rc.d" ]
	bare 'exit 1'
	run -2 on node /tmp/checkout/install.sh demo
	[[ $output == *'apt-get: could not install'* ]]
	[ ! -e "$root/usr/sbin/policy-rc.d" ]
	# the site's own
	printf '#!/bin/sh\nexit 0\n' >"$root/usr/sbin/policy-rc.d"
	run -2 on node /tmp/checkout/install.sh demo
	[ -e "$root/usr/sbin/policy-rc.d" ]
	local signal
	for signal in INT TERM; do
		bare 'touch /run/asked; sleep 5'
		rm -f "$root/run/asked"
		on node setsid timeout -s $signal 1 /tmp/checkout/install.sh demo || :
		[ -e "$root/run/asked" ]
		timeout 10 sh -c "while [ -e '$root/usr/sbin/policy-rc.d' ]; do sleep 0.1; done"
	done
}

@test "an emulator that is gone comes back with --uninstall" {
	listing >"$keep/before"
	install
	rm "$root$emulator"
	install --uninstall
	as_before
}

# places: the files of an emulator, and what the table and AppArmor have of it
is_wrapped() { # PATH
	is_wrapper "$1"
	[ -x "$root$1.distrib" ]
	grep -qF "emulator=$1"$'\t' "$root$lib/models.table"
	grep -qxF "  $1.distrib rmix, # cpushim" "$root$override"
}

@test "every emulator of the usual names that is a file gets the wrapper, its rows and its rule; --uninstall gives all back" {
	[ -f "$root/usr/bin/qemu-system-i386" ] || skip 'needs a qemu-system-i386'
	local path
	# Red Hat's, and a link of Ubuntu's
	on node mkdir -p /usr/libexec
	on node cp $emulator /usr/libexec/qemu-kvm
	on node ln -s qemu-system-x86_64 /usr/bin/kvm-spice
	listing >"$keep/before"
	on node sha256sum /usr/bin/qemu-system-i386 /usr/libexec/qemu-kvm >>"$keep/before"
	run -0 install
	for path in $emulator /usr/bin/qemu-system-i386 /usr/libexec/qemu-kvm; do
		[[ $output == *"4 models for $path "* ]]
		is_wrapped "$path"
	done
	[ "$(on node dpkg-divert --truename /usr/bin/qemu-system-i386)" = /usr/bin/qemu-system-i386.distrib ]
	# what no package has needs no diversion
	[ "$(on node dpkg-divert --truename /usr/libexec/qemu-kvm)" = /usr/libexec/qemu-kvm ]
	[ -L "$root/usr/bin/kvm-spice" ]
	[ "$(grep -c $'\tmodel=gate64' "$root$lib/models.table")" = 3 ]
	# compile knows them all by itself
	run -0 on node cpushim compile
	[[ $output == *nothing*nothing*nothing* ]]
	run -0 on node cpushim verify gate64 --emulator /usr/libexec/qemu-kvm
	# Debian 12's is a script; TCG for 32 bit has neither lm nor syscall
	run -1 on node cpushim verify gate64 --emulator /usr/bin/qemu-system-i386
	[[ $output == *'missing: lm'*'missing: syscall'* ]]
	libvirt_up node
	for path in /usr/bin/kvm-spice /usr/libexec/qemu-kvm; do
		guest_xml asks --cpu "$(cpu_xml gate64)" | sed "s|<devices>|&<emulator>$path</emulator>|" \
			>"$root/run/guests/asks.xml"
		on node virsh -q create /run/guests/asks.xml
		guest_exact node asks gate64
		guest_stop node asks
	done
	# a model without them on the 32 bit one, through the script; and gate64 refused there
	printf "<cpus xmlns:shim='urn:cpushim:1'><model name='site32'><shim:qemu base='kvm32'/>%s</model></cpus>" \
		"$(printf "<feature name='%s'/>" fpu tsc msr pae cx8 apic sse sse2 pni)" \
		>"$root/etc/cpushim/models.d/own.xml"
	run -0 on node cpushim compile
	libvirt_restart node
	guest_xml asks --cpu "$(cpu_xml site32)" | sed "s|arch='x86_64'|arch='i686'|
		s|<devices>|&<emulator>/usr/bin/qemu-system-i386</emulator>|" >"$root/run/guests/asks.xml"
	on node virsh -q create /run/guests/asks.xml
	[[ $(guest_cpu node asks) == kvm32,vendor=*,enforce* ]]
	guest_exact node asks site32
	guest_stop node asks
	sed -i 's/site32/gate64/' "$root/run/guests/asks.xml"
	run -1 on node virsh -q create /run/guests/asks.xml
	[[ $output == *gate64*lm*syscall* ]]
	libvirt_down node
	rm "$root/etc/cpushim/models.d/own.xml"
	# a package that went takes its QEMU, and nothing else stops
	rm "$root/usr/bin/qemu-system-i386.distrib"
	run -1 on node cpushim compile
	[[ $output == *'/usr/bin/qemu-system-i386.distrib: can'"'"'t be run: No such file or directory; reinstall QEMU ('*'); /usr/bin/qemu-system-i386 keeps the models that it has'* ]]
	[[ $output == *'/usr/bin/qemu-system-i386: there is no QEMU behind this wrapper, at '* ]]
	run -0 install
	on node cp /usr/libexec/qemu-kvm.distrib /usr/bin/qemu-system-i386.distrib
	run -0 install --uninstall
	for path in $emulator /usr/bin/qemu-system-i386 /usr/libexec/qemu-kvm; do
		run ! is_wrapper "$path"
		[ ! -e "$root$path.distrib" ]
	done
	[ "$(on node dpkg-divert --truename /usr/bin/qemu-system-i386)" = /usr/bin/qemu-system-i386 ]
	run ! grep -q cpushim "$root$override"
	diff <(grep -v '/etc/libvirt\|i386' "$keep/before" | grep -v -- '-kvm$') <(listing | grep -v '/etc/libvirt\|i386')
}

@test "--emulator: that one alone, and only where the wrapper finds its table; then every run keeps it" {
	on node cp $emulator /usr/bin/qemu-site
	on node mkdir -p /opt/bin
	on node cp $emulator /opt/bin/qemu
	listing >"$keep/before"
	run -2 install --emulator /opt/bin/qemu
	[[ $output == 'cpushim: /opt/bin/qemu: only a QEMU in a directory like /usr/bin'* ]]
	run -2 install --emulator qemu-site
	[[ $output == *'absolute path'* ]]
	run -2 install --emulator '/usr/bin/* x'
	run -2 install --emulator /usr/bin/nosuch
	[[ $output == 'cpushim: /usr/bin/nosuch: there is no QEMU'* ]]
	run -2 install --emulator /usr/bin/kvm
	[[ $output == 'cpushim: /usr/bin/kvm: is a symbolic link'* ]]
	as_before
	install --emulator /usr/bin/qemu-site
	is_wrapped /usr/bin/qemu-site
	run ! is_wrapper $emulator
	install
	is_wrapped /usr/bin/qemu-site
	is_wrapped $emulator
	run -0 on node cpushim verify gate64 --emulator /usr/bin/qemu-site
	install --uninstall
	as_before
}

@test "--uninstall is refused while guests run, are defined or were saved with a site model, and names them all" {
	install
	libvirt_up node
	gate64_starts
	guest_start node other --cpu "$(cpu_xml kvm64)"
	guest_xml kept --cpu "$(cpu_xml x86-64-v2)" >"$root/run/guests/defined.xml"
	on node virsh -q define /run/guests/defined.xml
	on node virsh -q start kept
	# as libvirt writes it: a snapshot itself needs a disk
	mkdir -p "$root/var/lib/libvirt/qemu/snapshot/kept"
	printf '<domainsnapshot><name>before</name>%s</domainsnapshot>' "$(on node virsh -q dumpxml kept)" \
		>"$root/var/lib/libvirt/qemu/snapshot/kept/before.xml"
	on node virsh -q managedsave kept
	mkdir -p "$root/var/lib/nova/instances/i1"
	cp "$root/run/guests/asks.xml" "$root/var/lib/nova/instances/i1/unrescue.xml"
	listing >"$keep/before"
	run -1 install --uninstall
	[[ $output == *'guest asks runs with gate64'* ]]
	[[ $output == *"guest kept is defined with x86-64-v2"* ]]
	[[ $output == *"guest kept has a managed save with x86-64-v2"* ]]
	[[ $output == *"guest kept has the snapshot before with x86-64-v2"* ]]
	[[ $output == *"guest i1 is in rescue, with nova's unrescue.xml, and asks for gate64"* ]]
	[[ $output != *'guest other'* ]]
	as_before
	# and with --force they are told what becomes of them; libvirt has to forget the models first
	run -1 install --uninstall --force
	[[ $output == *"can't be started, restored or migrated here again"* ]]
	[[ $output == *'still knows'*'Restart it'* ]]
	is_wrapper $emulator
	libvirt_restart node
	run -0 install --uninstall --force
	run ! is_wrapper $emulator
	on node kill -0 "$(guest_pid node asks)"
	guest_stop node asks
	guest_stop node other
	run ! guest_start node asks --cpu "$(cpu_xml gate64)"
}

@test "not root: refused" {
	mkdir "$root/tmp/checkout"
	cp "$CHECKOUT/install.sh" "$root/tmp/checkout"
	listing >"$keep/before"
	local option
	for option in '' --uninstall demo check; do
		# shellcheck disable=SC2086 # an option or none
		run -2 on node setpriv --reuid 65534 --regid 65534 --clear-groups \
			/tmp/checkout/install.sh $option
		[[ $output == 'cpushim: install.sh'*'as root' ]]
	done
	for option in ready remove; do
		run -2 on node setpriv --reuid 65534 --regid 65534 --clear-groups "$CHECKOUT/build/cpushim" $option
		[[ $output == "cpushim: $option: run it as root" ]]
	done
	as_before
}

@test "no QEMU, no libvirt, an emulator that is a link, nothing to put: each refused with what to do" {
	mv "$root$emulator" "$root/usr/bin/away"
	listing >"$keep/before"
	run -2 install
	[[ $output == "cpushim: $emulator: "*'install qemu-system-x86'* ]]
	as_before
	ln -s away "$root$emulator"
	run -2 install
	[[ $output == "cpushim: $emulator: is a symbolic link"* ]]
	rm "$root$emulator"
	mv "$root/usr/bin/away" "$root$emulator"

	mv "$root$map" "$root/usr/share/away"
	listing >"$keep/before"
	run -2 install
	[[ $output == "cpushim: $map/index.xml: "*'install libvirt-daemon-system'* ]]
	as_before
	mv "$root/usr/share/away" "$root$map"

	# libvirt's commands aren't needed
	rm "$root/usr/bin/virsh"
	install
}

@test "--allow-missing: libvirt and QEMU may come later, in either order, and then ready completes it" {
	listing >"$keep/before"
	mv "$root$emulator" "$root/usr/bin/away"
	mv "$root$map" "$root/usr/share/away"
	run -0 install --allow-missing
	[[ ${lines[-1]} == *'there is no QEMU yet' ]]
	[ -x "$root/usr/bin/cpushim" ]
	[ ! -e "$root$emulator.distrib" ]
	mv "$root/usr/bin/away" "$root$emulator"
	run -0 on node cpushim ready --allow-missing
	[[ ${lines[-1]} == *'there is no libvirt yet' ]]
	is_wrapper $emulator
	mv "$root/usr/share/away" "$root$map"
	run -0 on node cpushim ready
	libvirt_up node
	gate64_starts
	guest_stop node asks
	node_remove node
	diff <(grep -v /etc/libvirt "$keep/before") <(listing | grep -v /etc/libvirt)
}

@test "a file of another program's in our place is neither replaced nor removed" {
	local path
	for path in /usr/bin/cpushim $hooks/qemu.d/cpushim; do
		mkdir -p "$root$hooks/qemu.d"
		printf '#!/bin/sh\n# cpushim of the site\nexit 0\n' >"$root$path"
		chmod 755 "$root$path"
		[ "$path" = /usr/bin/cpushim ] || printf '#!/bin/sh\nexit 0\n' >"$root$hooks/qemu"
		run -2 install
		[[ $output == *"$path: is there already and isn't cpushim's; move it away"* ]]
		run install --uninstall
		grep -q 'of the site' "$root$path"
		rm "$root$path"
	done
}

@test "a script that goes by its own name isn't swapped, and no guest is hurt" {
	mv "$root$emulator" "$root$emulator.real"
	# shellcheck disable=SC2016 # the script's
	printf '#!/bin/sh\nexec "$0.real" "$@"\n' >"$root$emulator"
	chmod 755 "$root$emulator"
	run -2 install
	[[ $output == *"$emulator: doesn't answer under the name $emulator.distrib"*'stays as it is'* ]]
	[ ! -e "$root$emulator.distrib" ]
	grep -q 'exec .*\.real' "$root$emulator"
	libvirt_up node
	guest_start node other --cpu "$(cpu_xml kvm64)"
	guest_stop node other
}

@test "a broken emulator of a usual name, and one before QEMU in the PATH, are named, and the others are installed" {
	printf '#!/bin/sh\nexit 1\n' >"$root/usr/bin/kvm-spice"
	chmod 755 "$root/usr/bin/kvm-spice"
	run -1 install
	[[ $output == *'/usr/bin/kvm-spice'* ]]
	is_wrapper $emulator
	run ! is_wrapper /usr/bin/kvm-spice
	rm "$root/usr/bin/kvm-spice"
	run -0 install
	cp "$root$emulator.distrib" "$root/usr/local/bin/qemu-system-x86_64"
	run -1 install
	[[ $output == *'/usr/local/bin/qemu-system-x86_64: libvirt takes this QEMU'* ]]
}

@test "files that are links of the site's are refused before anything stands in the way" {
	mv "$root$map/index.xml" "$root/etc/index.xml"
	ln -s /etc/index.xml "$root$map/index.xml"
	listing >"$keep/before"
	run -2 install
	[[ $output == "cpushim: $map/index.xml: is a symbolic link"* ]]
	as_before
}

@test "wrong usage: exit 2 and a word; --help: the usage" {
	listing >"$keep/before"
	run -2 install --frobnicate
	[[ $output == *"--frobnicate"*--help* ]]
	run -2 install --destdir
	[[ $output == *'--destdir takes a directory'* ]]
	# a variable that was empty isn't this machine
	run -2 install --destdir ''
	[[ $output == *'--destdir takes a directory'* ]]
	run -2 install --destdir /nowhere
	[[ $output == *'/nowhere: is no directory'* ]]
	run -2 install --destdir --uninstall
	[[ $output == *'--uninstall: is no directory'* ]]
	run -0 install --help
	[[ $output == 'Usage: install.sh'*--uninstall*--dry-run*--restart*--destdir* ]]
	as_before
}

@test "--restart where no systemd runs says that it is left to do" {
	libvirt_up node
	run -1 install --restart
	[[ $output == *'by hand'* ]]
	[[ $output == *'libvirt: doesn'*'restart it: systemctl restart libvirtd'* ]]
	is_wrapper $emulator
	libvirt_restart node
	run -0 install
	[[ $output != *systemctl* ]]
}

@test "libvirt is asked whether it goes along: the hook that it doesn't call, the name that it translates" {
	libvirt_up node
	guest_start node other --cpu "$(cpu_xml kvm64)"
	guest_stop node other
	run -1 install
	libvirt_restart node
	run -0 on node cpushim ready
	# libvirt hasn't probed the wrapper: its file is as old as the probe
	chmod 644 "$root$lib/qmp-proxy"
	touch "$root$emulator"
	libvirt_restart node
	run -1 on node cpushim ready
	[[ $output == *'translates gate64'* ]]
}

# image DIR: a root with the machine's QEMU, libvirt's map and what dpkg knows, as an image builder has it
image() {
	local modules
	on node mkdir -p "$1/usr/bin" "$1/usr/lib" "$1/usr/share/libvirt" "$1/etc/libvirt" "$1/var/lib"
	on node cp $emulator "$1/usr/bin"
	on node cp -r $map "$1/usr/share/libvirt"
	on node cp -r /var/lib/dpkg "$1/var/lib"
	for modules in "$root"/usr/lib/*/qemu; do
		modules=${modules#"$root"}
		on node mkdir -p "$1${modules%/qemu}"
		on node cp -r "$modules" "$1${modules%/qemu}"
	done
}

@test "--destdir installs into a prepared root, and touches nothing outside of it" {
	image /tmp/image
	on node sh -c 'cd /tmp/image && find . ! -path "*/dpkg/diversions*" | sort; find . -type f ! -path "*/dpkg/diversions*" -exec sha256sum {} + | sort' >"$keep/image"
	listing >"$keep/before"
	run -0 install --destdir /tmp/image
	as_before
	is_wrapper "/tmp/image$emulator"
	[ -x "$root/tmp/image$emulator.distrib" ]
	[ -s "$root/tmp/image$lib/models.table" ]
	run ! grep /tmp "$root/tmp/image$lib/models.table"
	cmp "$CHECKOUT/hook/qemu" "$root/tmp/image$hooks/qemu"
	grep -q x86_cpushim "$root/tmp/image$map/index.xml"
	on node dpkg-divert --admindir /tmp/image/var/lib/dpkg --list $emulator | grep -q distrib
	# relative to where the caller is
	on node sh -c "cd /tmp && '$CHECKOUT/install.sh' --uninstall --destdir image/"
	diff "$keep/image" <(on node sh -c 'cd /tmp/image && find . ! -path "*/dpkg/diversions*" | sort; find . -type f ! -path "*/dpkg/diversions*" -exec sha256sum {} + | sort')
	[ -z "$(on node dpkg-divert --admindir /tmp/image/var/lib/dpkg --list $emulator)" ]
	as_before
}

@test "a full disk: said clearly, nothing half-written, and a later run completes" {
	listing >"$keep/before"
	local size refused=0
	for size in 4k 64k 1200k 2300k; do
		on node mkdir -p $lib
		on node mount -t tmpfs -o "mode=755,size=$size" tmpfs $lib
		if run install && [ "$status" != 0 ]; then
			refused=$((refused + 1))
			[ "$status" = 2 ]
			[[ ${lines[-1]} == 'cpushim: '* ]]
			[[ $output == *'No space left'* ]]
			run ! is_wrapper $emulator
		fi
		is_usable
		on node umount $lib
	done
	[ "$refused" -ge 3 ]
	install
	is_wrapper $emulator
	libvirt_up node
	gate64_starts
	guest_stop node asks
	libvirt_down node
}

@test "a full disk where libvirt's map or the hook is: the map stays whole, and a later run completes" {
	local dir
	for dir in $map $hooks; do
		on node cp -r "$dir" /run/whole
		on node mount -t tmpfs -o mode=755,size=2m tmpfs "$dir"
		on node sh -c "cp -r /run/whole/. $dir && rm -r /run/whole; cat /dev/zero >$dir/filler || :" 2>/dev/null
		run -2 install
		[[ ${lines[-1]} == 'cpushim: '* ]]
		[[ $output == *'No space left'* ]]
		is_usable
		on node umount "$dir"
		install --uninstall
	done
	install
	is_usable
}

@test "a file system that is read-only: said clearly, and a later run completes" {
	listing >"$keep/before"
	local dir
	for dir in /usr/share /etc/apparmor.d $hooks; do
		on node mount --bind "$dir" "$dir"
		on node mount -o remount,bind,ro "$dir"
		run -2 install
		[[ ${lines[-1]} == 'cpushim: '* ]]
		[[ $output == *'Read-only file system'* ]]
		is_usable
		on node umount "$dir"
	done
	install
	is_wrapper $emulator
	install --uninstall
	as_before
}

@test "two at once: both end well, and the node is as after one" {
	local first
	install
	listing >"$keep/one"
	for _ in 1 2 3; do
		install --uninstall
		install >"$keep/first" 2>&1 &
		first=$!
		run -0 install
		wait "$first"
		diff "$keep/one" <(listing)
	done
	# who waits says so, and touches nothing before
	install --uninstall
	listing >"$keep/before"
	on node flock /usr/lib sleep 4 &
	sleep 0.2
	install >"$keep/second" &
	first=$!
	sleep 0.3
	as_before
	wait "$first"
	grep -q 'waiting for another cpushim' "$keep/second"
	diff "$keep/one" <(listing)
}

@test "killed at any moment, run again it completes, and --uninstall takes all of it" {
	local n total start
	listing >"$keep/before"
	start=$(date +%s%N)
	install
	total=$((($(date +%s%N) - start) / 1000000))
	listing >"$keep/one"
	for ((n = 1; n < 16; n++)); do
		[ $((n % 2)) = 0 ] || install --uninstall
		on node timeout -s KILL "$(seconds $((total * n / 16)))" "$CHECKOUT/install.sh" || :
		is_usable
	done
	install
	diff "$keep/one" <(listing)
	for ((n = 1; n < 8; n++)); do
		on node timeout -s KILL "$(seconds $((total * n / 32)))" "$CHECKOUT/install.sh" \
			--uninstall || :
		is_usable
	done
	install --uninstall
	as_before
}

@test "a killed run's installation can be taken away at once" {
	local n total start
	listing >"$keep/before"
	start=$(date +%s%N)
	install
	total=$((($(date +%s%N) - start) / 1000000))
	install --uninstall
	for ((n = 1; n < 12; n++)); do
		on node timeout -s KILL "$(seconds $((total * n / 12)))" "$CHECKOUT/install.sh" || :
		install --uninstall
		as_before
	done
}

@test "a shipped model's name that the site has taken: said with both files, the rest is installed" {
	mkdir -p "$root/etc/cpushim/models.d"
	printf "<cpus xmlns:shim='urn:cpushim:1'>\n<model name='gate64'><shim:qemu base='kvm64'/>%s</model>\n</cpus>" \
		"<feature name='fpu'/>" >"$root/etc/cpushim/models.d/site.xml"
	run -1 install
	[[ $output == *"/etc/cpushim/models.d/site.xml:2: model 'gate64': "*'/usr/share/cpushim/models.d/gate64.xml:'*'that one holds'* ]]
	is_wrapper $emulator
	libvirt_up node
	gate64_starts
}

@test "without its receipt, --uninstall takes what is recognisably ours" {
	listing >"$keep/before"
	install
	rm "$root$lib/receipt"
	run -0 install --uninstall
	run ! is_wrapper $emulator
	[ ! -e "$root/usr/bin/cpushim" ]
	[ ! -e "$root$lib" ]
	[ ! -e "$root$hooks/qemu" ]
	map_loads
	# whether AppArmor's override was there isn't known any more
	diff <(grep -v ' d [0-7]* \|/local/' "$keep/before") <(listing | grep -v ' d [0-7]* \|/local/')
	# a receipt of today's is written anew
	install
	rm "$root$lib/receipt"
	install
	install --uninstall
	[ ! -e "$root$lib" ]
	[ ! -e "$root/usr/share/cpushim" ]
}

# killed_each OPTION...: install.sh, killed before each change that it makes; $killed: how often that was
killed_each() {
	for ((killed = 0; killed < 60; killed++)); do
		# each run makes one change more
		run install "$@" --stop-at 2
		is_usable
		[ "$status" = 137 ] || break
	done
	[ "$status" = 0 ]
}

@test "killed before each change, ready and remove complete when run again, and remove takes all back" {
	listing >"$keep/before"
	install
	listing >"$keep/one"
	install --uninstall
	killed_each
	[ "$killed" -gt 20 ]
	diff "$keep/one" <(listing)
	killed_each --uninstall
	[ "$killed" -gt 15 ]
	as_before
}
