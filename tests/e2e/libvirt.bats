#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# libvirt is asked without virsh: a map is tried by libvirt itself before it is in place, and the daemon's
# answers are had, or the reason why not, in a limited time. On nodes with the distribution's libvirt, and
# with libraries that are broken. Needs root.

# shellcheck disable=SC2154 # bats sets output and stderr
bats_require_minimum_version 1.5.0
load ../lib/e2e

map=/usr/share/libvirt/cpu_map

make_nodes() {
	node_new node
	libvirt_up node
	node_new other
}

before_each() {
	root=$(root_path node) other=$(root_path other)
	asker=$CHECKOUT/build/asker
	mkdir -p "$root/run/staged" "$other/run/staged"
	stage node
}

after_each() {
	guests_stop node
}

# stage NODE: index.xml that names our include, and two of those: good and bad
stage() {
	local at decode=''
	at=$(root_path "$1")
	! grep -q '<decode ' "$at$map"/*.xml || decode="<decode host='off' guest='off'/>"
	sed "/x86_features\.xml/a <include filename='x86_cpushim.xml'/>" "$at$map/index.xml" >"$at/run/staged/index.xml"
	printf "<cpus><model name='site'>%s<feature name='fpu'/></model></cpus>" "$decode" >"$at/run/staged/good.xml"
	sed 's/fpu/nosuch/' "$at/run/staged/good.xml" >"$at/run/staged/bad.xml"
}

asks() { # NODE SECONDS QUESTION...
	on "$1" timeout 120 "$asker" "${@:2}"
}

# tries INCLUDE: with the index that names it
tries() {
	asks node 60 trial /run/staged/index.xml $map/index.xml "/run/staged/$1" $map/x86_cpushim.xml
}

# the map's files and who has something mounted there
as_it_was() {
	ls -l "$root$map"
	grep " $map" "$root/proc/1/mountinfo" || :
}

# gone NODE PATTERN: no process with these words; a moment for one that is being killed
gone() {
	local tries
	for ((tries = 0; tries < 300; tries++)); do
		on "$1" pgrep -f "$2" >/dev/null || return 0
		sleep 0.1
	done
	on "$1" pgrep -fa "$2"
	return 1
}

cpu() { # MODEL
	printf '<cpu><arch>x86_64</arch><model>%s</model></cpu>' "$1"
}

@test "a good index and a good include are taken together, though neither is there, and nothing is written" {
	as_it_was >"$BATS_TEST_TMPDIR/before"
	run -0 --separate-stderr tries good.xml
	grep -x site <<<"$output"
	grep -x qemu64 <<<"$output"
	[ -z "$stderr" ]
	as_it_was | diff "$BATS_TEST_TMPDIR/before" -
	# without bindings: the map as it is, which virsh reads too
	asks node 60 trial | diff - <(on node virsh -q -c test:///default cpu-models x86_64)
	run ! grep -x site <(asks node 60 trial)
}

@test "an include that is there is tried in its place" {
	cp "$root/run/staged/bad.xml" "$root$map/x86_cpushim.xml"
	run -0 tries good.xml
	grep -x site <<<"$output"
	grep -q nosuch "$root$map/x86_cpushim.xml"
	rm "$root$map/x86_cpushim.xml"
}

@test "a broken map is refused with libvirt's own words" {
	as_it_was >"$BATS_TEST_TMPDIR/before"
	run -1 tries bad.xml
	[[ $output == "EINVAL $map/index.xml: libvirt doesn't take it: "*'nosuch required by CPU model site not found'* ]]
	run -1 asks node 60 trial /run/staged/index.xml $map/index.xml
	[[ $output == "EINVAL $map/index.xml: libvirt doesn't take it: "*x86_cpushim.xml* ]]
	sed 's/site/qemu64/' "$root/run/staged/good.xml" >"$root/run/staged/twice.xml"
	run -1 tries twice.xml
	[[ $output == *'qemu64'* ]]
	: >"$root/run/staged/empty.xml"
	run -1 tries empty.xml
	[[ $output == EINVAL* ]]
	as_it_was | diff "$BATS_TEST_TMPDIR/before" -
}

@test "what a staged map takes a CPU for" {
	run -0 asks node 60 tried "$(cpu kvm64)" $map/index.xml $map/index.xml
	[[ $output == *'<model fallback='*'>kvm64</model>'* ]]
}

@test "a staged file that is missing, and a caller who may not mount: said, and not taken for libvirt's no" {
	run -1 asks node 60 trial /run/staged/none.xml $map/index.xml
	[[ $output == "ENOENT $map/index.xml: can't be tried with libvirt, as nothing can be mounted: No such file"* ]]
	run -1 on node setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$asker" 60 trial \
		/run/staged/index.xml $map/index.xml
	[[ $output == "EPERM $map/index.xml: can't be tried with libvirt, as no mount namespace can be made: "* ]]
	# as the map is, anybody can try it
	run -0 on node setpriv --reuid nobody --clear-groups "$asker" 60 trial
	grep -x qemu64 <<<"$output"
}

# chroot_in NODE DIR: a system whose / is no mount point, and whose mounts can be seen from outside it; as
# in an image that is being made there is no /dev
chroot_in() {
	# shellcheck disable=SC2016 # the inner shell's
	on "$1" sh -c 'mkdir -p "$1/proc" "$1/tmp"
		for part in bin etc lib lib64 usr run "${2#/}"; do
			[ -d "/$part" ] || continue
			mkdir -p "$1/$part"
			mount --bind "/$part" "$1/$part"
			mount --make-shared "$1/$part"
		done
		mount --bind /proc "$1/proc"' sh "$2" "$CHECKOUT"
}

@test "in a chroot, where mounts can't be kept from others, they are gone after the trial" {
	local seen="$root/proc/1/mountinfo" c=/tmp/chroot
	chroot_in node $c
	run -0 on node chroot $c "$asker" 60 trial /run/staged/index.xml $map/index.xml \
		/run/staged/good.xml $map/x86_cpushim.xml
	grep -x site <<<"$output"
	run ! grep " $c$map" "$seen"
	run -1 on node chroot $c "$asker" 60 trial /run/staged/index.xml $map/index.xml \
		/run/staged/bad.xml $map/x86_cpushim.xml
	run ! grep " $c$map" "$seen"
	# without /proc, which its program is found by
	on node umount $c/proc
	run -0 on node chroot $c "$asker" 60 trial /run/staged/index.xml $map/index.xml \
		/run/staged/good.xml $map/x86_cpushim.xml
	grep -x site <<<"$output"
}

@test "a caller who is killed leaves neither a process nor, in a chroot, a mount" {
	local c=/tmp/hanging seen="$other/proc/1/mountinfo"
	fake_libvirt other <<<'#!/bin/sh
sleep 1000'
	stage other
	chroot_in other $c
	on other chroot $c "$asker" 100 trial /run/staged/index.xml $map/index.xml 3>&- 4>&- &
	timeout 60 sh -c "until grep -q ' $c$map' $seen; do sleep 0.1; done"
	on other pkill -KILL -o -f '^[^ ]*asker 100 trial'
	timeout 60 sh -c "while grep -q ' $c$map' $seen; do sleep 0.1; done"
	gone other 'asker|libvirt-says'
}

@test "a library that hangs ends at the limit, with all that it started" {
	fake_libvirt other <<<'#!/bin/sh
sleep 1000'
	stage other
	run -1 asks other 2 models test:///default x86_64
	[[ $output == 'ETIMEDOUT test:///default: gave no answer in 2 s' ]]
	gone other 'asker|cpushim-ask|libvirt-says'
	run -1 asks other 2 trial /run/staged/index.xml $map/index.xml
	[[ $output == "ETIMEDOUT $map/index.xml: libvirt, asked to load it, gave no answer in 2 s" ]]
	gone other 'asker|cpushim-ask|libvirt-says'
}

@test "a library that is missing, broken, or none of libvirt's is said" {
	fake_libvirt other <<<'#!/bin/sh
echo fake'
	stage other
	local library
	library=$(on other sh -c 'echo /usr/lib/*-linux-gnu/libvirt.so.0')
	for way in missing truncated another; do
		case $way in
		missing) rm "$other$library" ;;
		truncated) printf 'ELF' >"$other$library" ;;
		another) cp "$CHECKOUT/build/libvirt_driver_qemu.so" "$other$library" ;;
		esac
		run -1 asks other 60 models test:///default x86_64
		[[ $output == 'ELIBACC libvirt.so.0: '*libvirt0* ]]
		run -1 asks other 60 trial /run/staged/index.xml $map/index.xml
		[[ $output == 'ELIBACC libvirt.so.0: '* ]]
		run -1 asks other 60 versions
		[[ $output == 'ELIBACC libvirt.so.0: '* ]]
	done
}

@test "a library that crashes takes nobody along" {
	# shellcheck disable=SC2016 # the script's
	fake_libvirt other <<<'#!/bin/sh
[ "$1" != models ] || exit 99'
	run -1 asks other 60 models test:///default x86_64
	[[ $output == 'EIO libvirt.so.0: was ended by signal 6'* ]]
	gone other 'asker|cpushim-ask|libvirt-says'
}

@test "an old library that lacks a call: what needs it says since when there is one, and the rest is answered" {
	fake_libvirt other -DOLD=1 <<<'#!/bin/sh
echo "<cpu>$*</cpu>"'
	run -1 asks other 60 models test:///default x86_64
	[[ $output == 'ENOSYS libvirt.so.0: has no virConnectGetCPUModelNames; that takes libvirt 1.1.3 or later' ]]
	run -0 asks other 60 baseline test:///default a b
	[[ $output == '<cpu>baseline 2</cpu>'* ]]
	run -0 asks other 60 versions
	[ "$output" = '4006000 0' ]
	run -1 asks other 60 domains test:///default
	[[ $output == 'ENOSYS libvirt.so.0: has no virConnectListAllDomains; that takes libvirt 0.9.13 or later' ]]
}

@test "nothing in the caller's environment changes an answer or prints anything" {
	fake_libvirt other <<<'#!/bin/sh
echo fake'
	real_libvirt other
	asks other 60 trial >"$BATS_TEST_TMPDIR/plain"
	mkdir -p "$other/run/fake"
	on other gcc -shared -fPIC -o /run/fake/libvirt.so.0 "$CHECKOUT/tests/lib/fakevirt.c"
	for variable in LIBVIRT_DEBUG=1 LIBVIRT_LOG_OUTPUTS=1:stderr LIBVIRT_DIR_OVERRIDE=1 LIBVIRT_DEFAULT_URI=nonsense \
		LC_ALL=de_DE.UTF-8 LD_LIBRARY_PATH=/run/fake LD_PRELOAD=/run/fake/libvirt.so.0 CPUSHIM_ROOT=/nowhere \
		HOME=/nowhere PATH=/nowhere; do
		run -0 --separate-stderr on other timeout 120 env "$variable" "$asker" 60 trial
		diff "$BATS_TEST_TMPDIR/plain" - <<<"$output"
		[ -z "$stderr" ]
	done
	# signals that the caller ignores, and standard files that it has closed
	run -0 on other sh -c "trap '' CHLD ALRM TERM PIPE; exec $asker 60 trial"
	diff "$BATS_TEST_TMPDIR/plain" - <<<"$output"
	run -0 on other sh -c "exec $asker 60 trial <&- 2>&-"
	diff "$BATS_TEST_TMPDIR/plain" - <<<"$output"
	# what is asked doesn't ask
	run -1 on other bash -c "exec -a cpushim-ask $asker 60 trial"
	[[ $output == 'EDEADLK '* ]]
}

@test "compile: libvirt's no leaves the map as it is; where there is no library, that is said" {
	real_libvirt other
	stage other
	node_install other
	run -0 on other cpushim compile
	[[ $output != *tried* ]]
	cp "$other$map/index.xml" "$BATS_TEST_TMPDIR/index.xml"
	# another's model, which only libvirt judges
	cp "$other/run/staged/bad.xml" "$other$map/x86_other.xml"
	sed -i "/x86_features\.xml/a <include filename='x86_other.xml'/>" "$other$map/index.xml"
	sha256sum "$other$map"/* >"$BATS_TEST_TMPDIR/before"
	run -2 on other cpushim compile
	[[ $output == *"$map/x86_cpushim.xml: libvirt doesn't take it: "*nosuch* ]]
	sha256sum "$other$map"/* | diff "$BATS_TEST_TMPDIR/before" -
	cp "$BATS_TEST_TMPDIR/index.xml" "$other$map/index.xml"
	# an include that is lost is made anew, and tried before it is there
	rm "$other$map/x86_cpushim.xml"
	run -0 on other cpushim compile
	grep -q "name='gate64'" "$other$map/x86_cpushim.xml"
	on other sh -c 'rm /usr/lib/*-linux-gnu/libvirt.so.0'
	run -0 on other cpushim compile
	[[ $output == *"$map/x86_cpushim.xml: libvirt hasn't tried it: libvirt.so.0: can't be loaded: "* ]]
	real_libvirt other
}

@test "the daemon: its release, its models, a baseline with all features, capabilities" {
	run -0 asks node 60 versions qemu:///system
	[[ $output =~ ^([0-9]+)\ ([0-9]+)$ ]]
	[ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]
	asks node 60 models qemu:///system x86_64 | diff - <(on node virsh -q cpu-models x86_64)
	run -0 asks node 60 expanded qemu:///system "$(cpu kvm64)"
	[[ $output == *"<feature policy='require' name='fpu'/>"* ]]
	run -0 asks node 60 baseline qemu:///system "$(cpu kvm64)" "$(cpu qemu64)"
	[[ $output == *'<model '* ]]
	run -0 asks node 120 capabilities qemu:///system '' '' '' qemu
	[[ $output == *'<domainCapabilities>'* ]]
	run -0 asks node 120 capabilities qemu:///system /usr/bin/qemu-system-x86_64 x86_64 pc qemu
	[[ $output == *'<path>/usr/bin/qemu-system-x86_64</path>'* ]]
	run -1 asks node 60 capabilities qemu:///system /bin/nothing x86_64 pc qemu
	[[ $output == 'EINVAL /bin/nothing: '* ]]
	# the connections were closed as they should be
	run ! grep 'End of file while reading data' "$root/var/log/libvirt/libvirtd.log"
}

@test "the daemon: is a CPU this host's?" {
	on node virsh capabilities | sed -n '/<cpu>/,/<\/cpu>/p' >"$BATS_TEST_TMPDIR/host"
	run -0 asks node 60 compare qemu:///system "$(cat "$BATS_TEST_TMPDIR/host")"
	[ "$output" = 1 ]
	run -0 asks node 60 compare qemu:///system "$(cpu 486)"
	[ "$output" = 2 ]
	run -0 asks node 60 compare qemu:///system \
		"<cpu><arch>x86_64</arch><model>486</model><feature policy='require' name='3dnow'/></cpu>"
	[ "$output" = 0 ]
	run -1 asks node 60 compare qemu:///system "$(cpu nosuch)"
	[[ $output == 'EINVAL '*nosuch* ]]
}

@test "the daemon: a domain's command line" {
	run -0 asks node 120 native qemu:///system "$(guest_xml native --cpu "$(cpu_xml kvm64)")"
	[[ $output == *qemu-system-x86_64*'-cpu kvm64'* ]]
	run -1 asks node 120 native qemu:///system '<domain/>'
	[[ $output == 'EINVAL domain: '* ]]
}

# define NAME MODEL: with a disk
define() {
	local disk
	disk=$(disk_xml node "$1")
	guest_xml "$1" --cpu "$(cpu_xml "$2")" | sed "s|<devices>|&$disk|" >"$root/run/$1.xml"
	on node virsh -q define "/run/$1.xml"
}

@test "the daemon: all domains, defined, running, saved and with snapshots" {
	run -0 asks node 60 domains qemu:///system
	[ -z "$output" ]
	guest_start node passing --cpu "$(cpu_xml kvm64)"
	for name in rests runs saved snapped; do
		define $name qemu64
	done
	on node virsh -q start runs
	# what runs and what is defined needn't be the same
	sed "s/qemu64/kvm64/; s|<memory|<uuid>$(on node virsh -q domuuid runs)</uuid>&|" "$root/run/runs.xml" \
		>"$root/run/changed.xml"
	on node virsh -q define /run/changed.xml
	on node virsh -q start saved
	on node virsh -q managedsave saved
	on node virsh -q start snapped
	on node virsh -q snapshot-create-as snapped first-one
	guest_stop node snapped
	run -0 asks node 60 domains qemu:///system
	sed -E 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/UUID/' <<<"$output" | LC_ALL=C sort |
		diff - <(LC_ALL=C sort <<-'END'
			runs passing UUID - kvm64
			defined rests UUID - qemu64
			defined runs UUID - kvm64
			runs runs UUID - qemu64
			defined saved UUID - qemu64
			saved saved UUID - qemu64
			defined snapped UUID - qemu64
			snapshot snapped UUID first-one qemu64
		END
	)
	for name in rests saved snapped; do
		on node virsh -q undefine --managed-save --snapshots-metadata $name
	done
	guest_stop node runs
	on node virsh -q undefine runs
}

@test "a daemon that hangs costs the limit and no more, and one that isn't there is said" {
	on node kill -STOP "$(cat "$root/run/libvirtd.pid")"
	run -1 asks node 3 models qemu:///system x86_64
	on node kill -CONT "$(cat "$root/run/libvirtd.pid")"
	[ "$output" = 'ETIMEDOUT qemu:///system: gave no answer in 3 s' ]
	gone node 'asker|cpushim-ask'
	run -0 asks node 60 versions qemu:///system
	libvirt_down node
	run -1 asks node 60 versions qemu:///system
	[[ $output == 'ECONNREFUSED qemu:///system: '* ]]
	libvirt_up node
}
