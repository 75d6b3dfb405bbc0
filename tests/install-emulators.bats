#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The installation and the emulators: which get the wrapper, and what becomes of those that somebody else has
# changed. Needs root.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # bats sets output and stderr; scripts; each test runs by itself
bats_require_minimum_version 1.5.0

load lib/install.bash
load lib/some.bash

@test "an emulator that the site put in the wrapper's place is left alone and named" {
	install
	printf '#!/bin/sh\nexec %s "$@"\n' "$emulator".distrib >"$root$emulator"
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
	local way ways
	listing >"$keep/before"
	cp "$root$emulator" "$keep/real"
	install
	mapfile -t ways < <(printf '%s\n' 'the real QEMU again' gone 'cut off' emptied 'of another version' | some 3)
	for way in "${ways[@]}"; do
		printf '%s\n' "$way"
		hurt "$way"
		run -0 install
		is_wrapper "$emulator"
		cmp "$keep/real" "$root$emulator.distrib"
	done
	mapfile -t ways < <(printf '%s\n' 'cut off' emptied gone 'of another version' | some 3)
	for way in "${ways[@]}"; do
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
	printf '#!/bin/sh\nexec %s "$@"\n' "$emulator".distrib >"$root$emulator"
	cp "$root$emulator" "$keep/theirs"
	both_stay "$emulator" "$keep/theirs" 2
	# too little of the wrapper is left to know it by
	cp "$CHECKOUT/build/qemu-wrapper" "$root$emulator"
	truncate -s 100 "$root$emulator"
	cp "$root$emulator" "$keep/theirs"
	both_stay "$emulator" "$keep/theirs" 2
	# as it is advised
	rm "$root$emulator"
	run -0 install
	is_wrapper "$emulator"
	cp "$keep/theirs" "$root$emulator"
	run -0 install --uninstall
	[[ $output == *"$emulator: "*'left alone'*"$emulator.distrib"* ]]
	cmp "$keep/theirs" "$root$emulator"
	cmp "$keep/real" "$root$emulator.distrib"
	on node mv -f "$emulator".distrib "$emulator"
	on node dpkg-divert --local --no-rename --remove "$emulator"
	as_before
}

@test "a newer QEMU that came in the wrapper's place is kept beside the old one until somebody has chosen" {
	on node cp "$emulator" /usr/bin/qemu-site
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
	on node cp "$emulator" /usr/libexec/qemu-kvm
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
	run -1 install
	[[ $output == *'/usr/bin/qemu-system-i386.distrib'*'reinstall QEMU'* ]]
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
	on node cp "$emulator" /usr/bin/qemu-site
	on node mkdir -p /opt/bin
	on node cp "$emulator" /opt/bin/qemu
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
	run ! is_wrapper "$emulator"
	install
	is_wrapped /usr/bin/qemu-site
	is_wrapped "$emulator"
	run -0 on node cpushim verify gate64 --emulator /usr/bin/qemu-site
	install --uninstall
	as_before
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
	is_wrapper "$emulator"
	run ! is_wrapper /usr/bin/kvm-spice
	rm "$root/usr/bin/kvm-spice"
	run -0 install
	cp "$root$emulator.distrib" "$root/usr/local/bin/qemu-system-x86_64"
	run -1 install
	[[ $output == *'/usr/local/bin/qemu-system-x86_64: libvirt takes this QEMU'* ]]
}

@test "what was chosen stays so where nobody chooses: --no-wrapper, --emulator" {
	rare
	cp "$root$emulator" "$root/usr/bin/qemu-site"
	install --no-wrapper
	run -0 on node cpushim ready --allow-missing
	run ! is_wrapper "$emulator"
	[ -e "$root$lib/no-wrapper" ]
	install
	is_wrapper "$emulator"
	[ ! -e "$root$lib/no-wrapper" ]
	install --uninstall

	install --emulator /usr/bin/qemu-site
	run -0 on node cpushim ready --allow-missing
	is_wrapper /usr/bin/qemu-site
	run ! is_wrapper "$emulator"
	install
	is_wrapper "$emulator"
}

@test "a script that names an emulator which gets the wrapper as well: its QEMU is known by the name that it gets" {
	rm -f "$root/usr/bin/kvm"
	printf '#!/bin/sh\nexec %s "$@"\n' "$emulator" >"$root/usr/bin/kvm"
	chmod 755 "$root/usr/bin/kvm"
	install
	grep -aq "^qemu=/usr/bin/kvm.*real=$emulator.distrib" "$root$lib/models.table"
	run -0 on node cpushim compile
	[[ $output == *'nothing changed'* ]]
	[[ $(on node cpushim doctor) != *'FAIL '*qemu-table* ]] || false
}

@test "a run that was cut off before the real QEMU was tried under its name tries it the next time" {
	printf '#!/bin/sh\n# by its own name\nexec "$0.real" "$@"\n' >"$root$emulator.script"
	mv "$root$emulator" "$root$emulator.real"
	mv "$root$emulator.script" "$root$emulator"
	chmod 755 "$root$emulator"
	# as the run that was cut off has left it
	run -2 install
	ln "$root$emulator" "$root$emulator.distrib"
	printf 'real\t%s.distrib\t-\t-\t-\t-\n' "$emulator" >>"$root$lib/receipt"
	run -2 install
	[[ $output == *"doesn't answer under the name $emulator.distrib"* ]]
	run ! is_wrapper "$emulator"
	[ ! -e "$root$emulator.distrib" ]
}
