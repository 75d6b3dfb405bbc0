#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# libvirt's restart, by systemd: whatever has become of its CPU map by then, and of what mends it (`cpushim
# ready --before-libvirt`, which libvirt's service calls before it starts), guests without a site model run
# and start, and gate64 is exact or refused by name, running, saved and new. Needs root, and a cgroup2.
#
# RESTART_STOCK=1 takes the drop-in away after installing, to see what stock does.

bats_require_minimum_version 1.5.0

map=/usr/share/libvirt/cpu_map

load_all() {
	load ../lib/root.bash
	load ../lib/libvirt.bash
	load ../lib/unhurt.bash
}

setup_file() {
	load_all
	[ -z "$(root_needs)" ] || return 0
	node_new node --systemd
	node_install node --restart
	[ -z "${RESTART_STOCK-}" ] || without_dropin node
	# the second net, which would be there before the restart
	on node systemctl -q --runtime mask --now cpushim.path
	libvirt_restart node
	root=$(root_path node)
	cp -a "$root$map" "$root/run/right"
	cp -a "$root/usr/lib/cpushim" "$root/run/right-lib"
	site_saved node
}

setup() {
	load_all
	[ -z "$(root_needs)" ] || skip "$(root_needs)"
	root=$(root_path node)
	index=$root$map/index.xml
	include=$root$map/x86_cpushim.xml
	goes_on node site || begin_anew site gate64
	goes_on node ordinary || begin_anew ordinary kvm64
}

teardown() {
	# of a test that failed
	for guest in new saved kept; do
		on node timeout 60 virsh -q destroy $guest >/dev/null 2>&1 || :
	done
	on node pkill -x flock || :
	on node umount -q -l /usr || :
	on node umount -q -l $map || :
	rm -rf "${root:?}$map"
	cp -a "$root/run/right" "$root$map"
	for file in models.table x86_cpushim.xml; do
		cmp -s "$root/run/right-lib/$file" "$root/usr/lib/cpushim/$file" || right_table
	done
	[ ! -e "$root/run/command" ] || mv "$root/run/command" "$root/usr/bin/cpushim"
}

# The touch is for libvirt, which has to probe QEMU again.
right_table() {
	cp -a "$root/run/right-lib/." "$root/usr/lib/cpushim"
	for real in "$root"/usr/bin/*.distrib; do
		touch "${real%.distrib}"
	done
}

# those that ended, which only a test that failed, or stock, leaves behind
begin_anew() { # NAME MODEL
	libvirt_restart node
	goes_on node "$1" || guest_begin node "$1" "$(cpu_xml "$2")"
}

restarted() {
	restart_watched node
	goes_on node ordinary
	others_start node
}

all_is_well() {
	restarted
	goes_on node site
	site_starts node
}

is_right() {
	[ "$(grep -c 'x86_cpushim\.xml' "$index")" = 1 ] || return
	cmp -s "$include" "$root/run/right/x86_cpushim.xml"
}

# With the map that it was before, byte for byte, others start as they do in the first test.
mended() {
	restart_watched node
	goes_on node ordinary
	goes_on node site
	is_right
	site_starts node
}

# libvirt runs with a map that lacks us
goes_without_us() {
	restarted
	site_goes_on node site
	site_is_refused node
}

name_ours() { # a second time
	sed -i '/x86_cpushim\.xml/p' "$index"
}

lose_ours() {
	sed -i '/x86_cpushim\.xml/d' "$index"
}

@test "a map that is right: nothing is written, and nothing said" {
	[[ $(on node systemctl show libvirtd -P ExecStartPre) == *'ready --before-libvirt ; ignore_errors=yes'* ]]
	before=$(stat -c '%n %i %z' "$index" "$include")
	all_is_well
	[ "$before" = "$(stat -c '%n %i %z' "$index" "$include")" ]
	[[ $(journal node) != *cpushim* ]]
}

@test "an index without our include, as a package leaves it: mended, and saved guests come back" {
	lose_ours
	mended
	site_resumes node
}

@test "an index that names our include twice: mended" {
	name_ours
	mended
}

@test "our include is missing: mended, and saved guests come back" {
	rm "$include"
	mended
	site_resumes node
}

@test "our include is missing, and the copy of it as well: mended" {
	cp -a "$root/usr/lib/cpushim/x86_cpushim.xml" "$root/run/copy"
	rm "$include" "$root/usr/lib/cpushim/x86_cpushim.xml"
	mended
	cmp "$root/run/copy" "$root/usr/lib/cpushim/x86_cpushim.xml"
}

@test "our include is truncated: mended" {
	truncate -s $(($(stat -c %s "$include") / 2)) "$include"
	mended
}

@test "our include is empty: mended" {
	: >"$include"
	mended
}

@test "our include is another file, which libvirt doesn't take: mended" {
	cp "$root$map/x86_kvm64.xml" "$include"
	mended
}

# with the same size, and nothing that a load of the map would show
@test "our include is another file, which libvirt takes, where gate64 has other features: mended" {
	sed -i "/<model name='gate64'>/,/<.model>/s|'pni'|'vmx'|" "$include"
	run ! cmp -s "$include" "$root/run/right/x86_cpushim.xml"
	mended
	site_resumes node
}

@test "our include is a directory: others are unhurt" {
	rm "$include"
	mkdir "$include"
	restarted
	site_goes_on node site
}

# theirs [SED-COMMAND]: another site's file with gate64 before ours, and ours as it was
theirs() {
	sed -n "/<model name='gate64'>/,/<.model>/p" "$include" |
		sed -e '1i <cpus>' -e '$a </cpus>' ${1+-e "$1"} >"$root$map/x86_theirs.xml"
	sed -i "s|.*x86_cpushim\.xml.*|    <include filename='x86_theirs.xml'/>\n&|" "$index"
}

@test "a gate64 of somebody else's with the same features comes into the map: theirs is read" {
	theirs
	all_is_well
	[ "$(grep -c 'x86_cpushim\.xml' "$index")" = 1 ]
	grep -q x86_theirs "$index"
	site_resumes node
	# and nothing is missing when it goes, nor guessed when it changes
	sed -i '/x86_theirs/d' "$index"
	mended
}

@test "a gate64 of somebody else's with other features comes into the map: gate64 is refused" {
	theirs "s|<.model>|<feature name='vme'/>&|"
	restarted
	goes_on node site
	site_is_refused node
	grep -q x86_theirs "$index"
}

# Stock libvirt starts nothing with a CPU on it either.
@test "an index that somebody else broke is left to them, and told; all is well when they mend it" {
	sed -i 's|</cpus>||' "$index"
	cp "$index" "$root/run/theirs"
	restart_watched node
	diff <(grep -v x86_cpushim "$index") <(grep -v x86_cpushim "$root/run/theirs")
	[[ $(journal node) == *cpushim*index.xml* ]]
	site_goes_on node ordinary
	site_goes_on node site
	printf '</cpus>\n' >>"$index"
	restart_watched node
	others_start node
	site_starts node
	site_resumes node
	[ "$(grep -c 'x86_cpushim\.xml' "$index")" = 1 ]
}

# replace_command SCRIPT: in the place of /usr/bin/cpushim
replace_command() {
	cp -p "$root/usr/bin/cpushim" "$root/run/command"
	printf '#!/bin/bash\n%s\n' "$1" >"$root/run/script"
	chmod 755 "$root/run/script"
	mv "$root/run/script" "$root/usr/bin/cpushim"
}

# What runs goes on; the map lacks us, and gate64 isn't made another CPU.
without_help() {
	restarted
	goes_on node site
	lose_ours
	goes_without_us
}

@test "who mends the map is missing" {
	replace_command :
	rm "$root/usr/bin/cpushim"
	without_help
}

@test "who mends the map is killed by a signal" {
	# shellcheck disable=SC2016 # the script's
	replace_command 'kill -SEGV $$'
	without_help
}

# Without a bound libvirt's service would fail at its TimeoutStartSec.
@test "who mends the map hangs and ignores SIGTERM: libvirt starts all the same" {
	# shellcheck disable=SC2016 # the script's
	replace_command 'if [ "$1" != ready ]; then exec -a cpushim /run/command "$@"; fi
trap "" TERM
while :; do sleep 1; done'
	all_is_well
	[ "$(on node systemctl is-active libvirtd)" = active ]
}

@test "the restart that cpushim ready --restart has libvirt make doesn't wait for it" {
	# a libvirt that needs it, as it knows nothing of us
	lose_ours
	replace_command 'exit 1'
	restart_watched node
	mv "$root/run/command" "$root/usr/bin/cpushim"
	daemon=$(on node systemctl show libvirtd -P MainPID)
	run -0 on node cpushim ready --restart
	[ "$(on node systemctl show libvirtd -P MainPID)" != "$daemon" ]
	is_right
	libvirt_await node
	site_starts node
	# not by timeout's 124
	[[ $(on node systemctl show libvirtd -P ExecStartPre) == *'code=exited ; status=0 }' ]]
}

@test "a cpushim ready that holds the node doesn't hold libvirt up" {
	on node sh -c 'flock -o /run/cpushim.lock sleep 1000 >/dev/null 2>&1 &'
	lose_ours
	mended
	[[ $(on node systemctl show libvirtd -P ExecStartPre) == *'code=exited ; status=0 }' ]]
}

# full_disk: where the map is there is room for nothing more
full_disk() {
	on node mkdir -p /run/small
	on node mount -t tmpfs -o size=3m small /run/small
	on node cp -a $map/. /run/small
	on node mount --move /run/small $map
	on node dd if=/dev/zero of=$map/filler bs=4k status=none 2>/dev/null || :
	run ! on node cp /etc/passwd $map/more
	rm -f "$root$map/more"
}

@test "a full disk and an index that lacks us: told, and libvirt goes without us" {
	lose_ours
	full_disk
	goes_without_us
	[[ $(journal node) == *cpushim*'No space left'* ]]
}

@test "a full disk and our include is truncated: told, and others are unhurt" {
	truncate -s 3000 "$include"
	full_disk
	restarted
	site_goes_on node site
	[[ $(journal node) == *cpushim*'No space left'* ]]
	# once there is room, all is as before
	rm "$root$map/filler"
	restarted
	site_starts node
	is_right
	cmp "$index" "$root/run/right/index.xml"
}

@test "a full disk and an index that names us twice: others are unhurt" {
	name_ours
	full_disk
	restarted
	site_goes_on node site
}

@test "a full disk and a map that is right: all is well" {
	full_disk
	all_is_well
}

read_only() {
	on node mount --bind /usr /usr
	on node mount -o remount,ro,bind /usr
}

@test "a read-only /usr whose index lacks us: told, and libvirt goes without us" {
	lose_ours
	read_only
	goes_without_us
	[[ $(journal node) == *cpushim*'Read-only file system'* ]]
}

@test "a read-only /usr and a map that is right: all is well, and nothing said" {
	read_only
	all_is_well
	[[ $(journal node) != *cpushim* ]]
}

# in_time COMMAND...: true within half a minute
in_time() {
	local tries
	for ((tries = 0; tries < 300; tries++)); do
		! "$@" 2>/dev/null || return 0
		sleep 0.1
	done
	return 1
}

is_idle() { # UNIT
	[ "$(on node systemctl show "$1" -P ActiveState)" != activating ]
}

@test "where nobody restarts libvirt, systemd sees that the index was replaced, and it is mended" {
	on node systemctl -q --runtime unmask cpushim.path
	on node systemctl start cpushim.path
	lose_ours
	in_time is_right
	# the drop-in would have it back, and the tests below are of one net each
	on node systemctl -q --runtime mask --now cpushim.path
	in_time is_idle cpushim.service
	[ "$(on node systemctl is-failed cpushim.service)" != failed ]
	all_is_well
}

@test "without the drop-in the same hurts: this suite can fail" {
	without_dropin node
	lose_ours
	restart_watched node
	run ! site_starts node
	cp -a "$root/run/right/index.xml" "$index"
	rm "$include"
	restart_watched node
	run ! others_start node
}
