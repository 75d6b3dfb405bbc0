#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The installation where the places that it needs have files of the site: diversions, hooks, AppArmor's
# overrides, links, models. Needs root.

# shellcheck disable=SC2154,SC2030,SC2031 # bats sets output and stderr; each test runs by itself
bats_require_minimum_version 1.5.0

load lib/install.bash
load lib/some.bash

@test "a site's own diversion of QEMU to the same name is refused, and stays" {
	on node dpkg-divert --local --rename --divert "$emulator".distrib --add "$emulator"
	printf '#!/bin/sh\nexec %s "$@"\n' "$emulator".distrib >"$root$emulator"
	chmod 755 "$root$emulator"
	listing >"$keep/before"
	run -2 install
	[[ $output == *"$emulator.distrib"* ]]
	as_before
}

@test "a site's own diversion of QEMU to elsewhere stays, and the wrapper works before it" {
	on node dpkg-divert --local --rename --divert /usr/bin/site-qemu --add "$emulator"
	on node ln /usr/bin/site-qemu "$emulator"
	listing >"$keep/before"
	install
	is_wrapper "$emulator"
	libvirt_up node
	gate64_starts
	guest_stop node asks
	libvirt_down node
	install --uninstall
	[ "$(on node dpkg-divert --truename "$emulator")" = /usr/bin/site-qemu ]
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
	rare
	install
	repacked "$emulator".distrib
	on node dpkg --force-unsafe-io --unpack /tmp/another.deb
	is_wrapper "$emulator"
	[ "$(tail -c 13 "$root$emulator.distrib")" = 'another build' ]
	libvirt_up node
	gate64_starts
	guest_stop node asks
	libvirt_down node
	# the models for it
	run -0 install
	is_wrapper "$emulator"
	install --uninstall
	[ "$(tail -c 13 "$root$emulator")" = 'another build' ]
	[ ! -e "$root$emulator.distrib" ]
	[ "$(on node dpkg-divert --list "$emulator")" = '' ]
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

@test "a site's own hook that is empty stays; one of ours that has become empty is put right" {
	mkdir -p "$root$hooks"
	: >"$root$hooks/qemu"
	listing >"$keep/before"
	install
	cmp /dev/null "$root$hooks/qemu"
	cmp "$CHECKOUT/hook/qemu" "$root$hooks/qemu.d/cpushim"
	install --uninstall
	as_before
	rm "$root$hooks/qemu"
	install
	: >"$root$hooks/qemu"
	install
	cmp "$CHECKOUT/hook/qemu" "$root$hooks/qemu"
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
	run ! is_wrapper "$emulator"
	map_loads
}

@test "libvirt before 6.5, which remembers that there was a hook, is told when it is gone" {
	rare
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

@test "files that are links of the site's are refused before anything stands in the way" {
	mv "$root$map/index.xml" "$root/etc/index.xml"
	ln -s /etc/index.xml "$root$map/index.xml"
	listing >"$keep/before"
	run -2 install
	[[ $output == "cpushim: $map/index.xml: is a symbolic link"* ]]
	as_before
}

@test "a shipped model's name that the site has taken: said with both files, the rest is installed" {
	mkdir -p "$root/etc/cpushim/models.d"
	printf "<cpus xmlns:shim='urn:cpushim:1'>\n<model name='gate64'><shim:qemu base='kvm64'/>%s</model>\n</cpus>" \
		"<feature name='fpu'/>" >"$root/etc/cpushim/models.d/site.xml"
	run -1 install
	[[ $output == *"/etc/cpushim/models.d/site.xml:2: model 'gate64': "*'/usr/share/cpushim/models.d/gate64.xml:'*'that one holds'* ]]
	is_wrapper "$emulator"
	libvirt_up node
	gate64_starts
}

@test "a script of the site that runs our hook: --uninstall is refused until the call is gone" {
	install
	printf '#!/bin/sh\nexec %s/hook "$@"\n' "$lib" >"$root$hooks/qemu"
	run -0 on node cpushim ready
	run -1 install --uninstall --force
	[[ $output == *"$hooks/qemu: runs $lib/hook"*'take the call out of this script'* ]]
	is_wrapper "$emulator"
	libvirt_up node
	gate64_starts
	guest_stop node asks
	libvirt_down node
	printf '#!/bin/sh\nexit 0\n' >"$root$hooks/qemu"
	install --uninstall
	[ ! -e "$root$lib" ]
	[ -e "$root$hooks/qemu" ]
}

@test "what the site has beside ours, under whatever name, stays: copies, an edited include, a directory of definitions" {
	install
	for file in "$root/etc/cpushim/published" "$root$lib/receipt" "$root$map/index.xml"; do
		cp "$file" "$file.backup"
	done
	mkdir "$root/etc/cpushim/models.d/older"
	echo 'whose they are' >"$root/etc/cpushim/models.d/README"
	echo '<cpus/>' >"$root/etc/cpushim/models.d/site.xml"
	sed -i 's|</cpus>|<!-- of the site --></cpus>|' "$root$map/x86_cpushim.xml"
	run -0 install --uninstall --purge
	[[ $output == *"$map/x86_cpushim.xml: isn't what cpushim wrote; left alone"* ]]
	[[ $output == *"/etc/cpushim/models.d/older: the site's own; left alone"* ]]
	[ -e "$root$map/x86_cpushim.xml" ]
	[ -e "$root/etc/cpushim/published.backup" ]
	[ -e "$root/etc/cpushim/models.d/README" ]
	[ ! -e "$root/etc/cpushim/models.d/site.xml" ]
	[[ $output == *"/etc/cpushim/models.d/README: the site's own; left alone"* ]]
	[[ $output == *"/etc/cpushim: what is left there isn't cpushim's; left alone"* ]]
	[ -e "$root$lib/receipt.backup" ]
	[ -e "$root$map/index.xml.backup" ]
	[ -d "$root/etc/cpushim/models.d/older" ]
	[ ! -e "$root/usr/bin/cpushim" ]
	map_loads
}
