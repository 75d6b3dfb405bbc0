#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# install.sh on nodes with the distribution's own dpkg, libvirt and QEMU: what it puts where, that it can
# be run again, what it refuses, and what --uninstall takes back. Needs root.

# shellcheck disable=SC2154,SC2030,SC2031 # bats sets output and stderr; each test runs by itself
bats_require_minimum_version 1.5.0

load lib/install.bash
load lib/some.bash

# install.sh itself, for once
install() { # OPTION...
	on node "$CHECKOUT/install.sh" "$@"
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
	is_wrapper "$emulator"
	grep -qF "$rule" "$root$override"
	grep -q "include filename='x86_cpushim.xml'" "$root$map/index.xml"
	[ "$(on node dpkg-divert --list "$emulator")" = \
		"local diversion of $emulator to $emulator.distrib" ]
	[ "$(on node dpkg-divert --truename "$emulator")" = "$emulator".distrib ]
	# nothing that was staged is left
	[ -z "$(find "$root$map" "$root$lib" "$root$hooks" "$root/etc/cpushim" "$root/usr/share/cpushim" \
		-regex '.*\.[A-Za-z0-9]\{6\}')" ]
}

@test "what others may not read by the caller's umask, they can read all the same" {
	on node sh -c "umask 077; '$CHECKOUT/install.sh'" >/dev/null
	[ "$(stat -c %a "$root$lib")" = 755 ]
	[ "$(stat -c %a "$root/usr/share/cpushim/models.d")" = 755 ]
	[ "$(stat -c %a "$root$override")" = 644 ]
	on node setpriv --reuid 65534 --regid 65534 --clear-groups cat "$lib"/models.table >/dev/null
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
	[[ $output == *'. put the wrapper where QEMU is'*"would put $emulator"* ]]
	as_before
	install
	listing >"$keep/before"
	run -0 install --uninstall --dry-run
	[[ ${lines[0]} == '1. '* ]]
	[[ $output == *'. put QEMU back where the wrapper is'*"would rename $emulator.distrib to $emulator"* ]]
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
	on node dpkg-divert --local --rename --divert "$emulator".distrib --add "$emulator"
	printf '#!/bin/sh\nexec %s "$@"\n' "$emulator".distrib >"$root$emulator"
	chmod 755 "$root$emulator"
	listing >"$keep/before"
	run install --uninstall
	as_before
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

@test "--uninstall --force with a libvirt that hangs: refused, and what it has read stays safe" {
	install
	libvirt_up node
	gate64_starts
	guest_stop node asks
	kill_daemon node STOP
	run -1 install --uninstall --force
	[[ $output == *"doesn't say whether it still knows the site's models"*'Restart or stop it'* ]]
	is_wrapper "$emulator"
	[ -e "$root$hooks/qemu" ]
	kill_daemon node CONT
	gate64_starts
	guest_stop node asks
	libvirt_restart node
	run -0 install --uninstall --force
	run ! is_wrapper "$emulator"
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
	is_wrapper "$emulator"
	libvirt_restart node
	run -0 install --uninstall --force
	run ! is_wrapper "$emulator"
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
	is_wrapper "$emulator"
	mv "$root/usr/share/away" "$root$map"
	run -0 on node cpushim ready
	libvirt_up node
	gate64_starts
	guest_stop node asks
	node_remove node
	diff <(grep -v /etc/libvirt "$keep/before") <(listing | grep -v /etc/libvirt)
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
	is_wrapper "$emulator"
	libvirt_restart node
	run -0 install
	[[ $output != *systemctl* ]]
}

@test "libvirt is asked whether it goes along: the hook that it doesn't call, the name that it translates" {
	libvirt_up node
	guest_start node other --cpu "$(cpu_xml kvm64)"
	guest_stop node other
	run -1 install
	# it isn't taken for right because nothing is left to be changed
	run -1 on node cpushim ready
	[[ $output == *'libvirt: '*'; restart it: systemctl restart libvirtd'* ]]
	run -0 on node cpushim ready --dry-run
	[[ $output == *'would ask you to restart libvirt, unless it goes along then'* ]]
	libvirt_restart node
	run -0 on node cpushim ready
	run -0 on node cpushim remove --dry-run
	[[ $output == *'would stop here, for you to restart libvirt and run this again, unless libvirt has forgotten them by then'* ]]
	# the models are known, the name is passed on, and only the hook came later
	rm -f "$root$hooks/qemu"
	libvirt_restart node
	run -1 on node cpushim ready
	run -1 on node cpushim ready
	[[ $output == *"libvirt: doesn't call the hook, as it looked for hooks before ours was there"* ]]
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
	# what dpkg says that packages have there, too
	on node mkdir -p "$1/usr/bin" "$1/usr/lib" "$1/usr/share/libvirt" "$1/usr/share/bash-completion/completions" \
		"$1"/usr/share/man/man{1,5,8} "$1/etc/libvirt/hooks" "$1/var/lib"
	on node cp "$emulator" "$1/usr/bin"
	on node cp -r "$map" "$1/usr/share/libvirt"
	on node cp -r /var/lib/dpkg "$1/var/lib"
	for modules in "$root"/usr/lib/*/qemu; do
		modules=${modules#"$root"}
		on node mkdir -p "$1${modules%/qemu}"
		on node cp -r "$modules" "$1${modules%/qemu}"
	done
}

# contents DIR: of all that is below it, with digests
contents() {
	# shellcheck disable=SC2016 # the inner shell's
	on node sh -c 'cd "$1" && find . ! -path "*/dpkg/diversions*" | sort && find . -type f ! -path "*/dpkg/diversions*" -exec sha256sum {} + | sort' sh "$1"
}

# refuses_image WORDS: installing into /tmp/image fails with them, and no file of either root changes
refuses_image() {
	contents /tmp/image >"$keep/image"
	run -2 install --destdir /tmp/image
	[[ $output == *"$1"* ]]
	diff "$keep/image" <(contents /tmp/image)
	as_before
}

@test "--destdir refuses a root of another release before it puts a file there" {
	image /tmp/image
	listing >"$keep/before"
	on node mkdir -p /tmp/image/etc
	sed 's/^VERSION_CODENAME=.*/VERSION_CODENAME=forky/; s/^VERSION_ID=.*/VERSION_ID="14"/' \
		"$root/etc/os-release" >"$root/tmp/image/etc/os-release"
	refuses_image 'this root is of another release (VERSION_ID="14")'
	cp "$root/etc/os-release" "$root/tmp/image/etc/os-release"
	install --destdir /tmp/image
}

@test "--destdir refuses a link that leads out of the root, and leaves what it points to alone" {
	local place
	image /tmp/image
	listing >"$keep/before"
	on node mkdir -p /tmp/image/usr/share/man
	for place in $(printf '%s\n' usr/lib usr/share/libvirt usr/share/man etc/libvirt | some 4); do
		on node mv "/tmp/image/$place" /tmp/away
		# to the same place of this node
		on node ln -s "/$place" "/tmp/image/$place"
		refuses_image "leads out of /tmp/image"
		on node rm "/tmp/image/$place"
		on node mv /tmp/away "/tmp/image/$place"
	done
	# one that stays inside is followed
	on node mv /tmp/image/etc/libvirt /tmp/image/etc/other
	on node ln -s other /tmp/image/etc/libvirt
	install --destdir /tmp/image
	[ -x "$root/tmp/image/etc/other/hooks/qemu" ]
	as_before
}

@test "--destdir installs into a prepared root, and touches nothing outside of it" {
	image /tmp/image
	contents /tmp/image >"$keep/image"
	listing >"$keep/before"
	run -0 install --destdir /tmp/image
	as_before
	is_wrapper "/tmp/image$emulator"
	[ -x "$root/tmp/image$emulator.distrib" ]
	[ -s "$root/tmp/image$lib/models.table" ]
	run ! grep /tmp "$root/tmp/image$lib/models.table"
	cmp "$CHECKOUT/hook/qemu" "$root/tmp/image$hooks/qemu"
	grep -q x86_cpushim "$root/tmp/image$map/index.xml"
	on node dpkg-divert --admindir /tmp/image/var/lib/dpkg --list "$emulator" | grep -q distrib
	# relative to where the caller is
	on node sh -c "cd /tmp && '$CHECKOUT/install.sh' --uninstall --destdir image/"
	diff "$keep/image" <(contents /tmp/image)
	[ -z "$(on node dpkg-divert --admindir /tmp/image/var/lib/dpkg --list "$emulator")" ]
	as_before
}
