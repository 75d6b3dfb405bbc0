#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# libvirt's restart, by systemd: whatever has become of its CPU map by then (`cpushim ready --before-libvirt`,
# which libvirt's service calls before it starts, mends it), guests without a site model run and start, and gate64
# is exact or refused by name, running, saved and new. tests/releases/restart.bats has what else can be in the
# way. Needs root, and a cgroup2.

# shellcheck disable=SC2154 # restart.bash sets them
bats_require_minimum_version 1.5.0
load ../lib/restart
load ../lib/some

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
	rare
	rm "$include"
	mended
	site_resumes node
}

@test "our include is truncated: mended" {
	rare
	truncate -s $(($(stat -c %s "$include") / 2)) "$include"
	mended
}

@test "our include is another file, which libvirt doesn't take: mended" {
	rare
	cp "$root$map/x86_kvm64.xml" "$include"
	mended
}

# with the same size, and nothing that a load of the map would show
@test "our include is another file, which libvirt takes, where gate64 has other features: mended" {
	rare
	sed -i "/<model name='gate64'>/,/<.model>/s|'pni'|'vmx'|" "$include"
	run ! cmp -s "$include" "$root/run/right/x86_cpushim.xml"
	mended
	site_resumes node
}

@test "our include is a directory: others are unhurt" {
	rare
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
	rare
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
	rare
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

@test "who mends the map is missing" {
	rare
	replace_command :
	rm "$root/usr/bin/cpushim"
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

@test "a full disk and an index that lacks us: told, and libvirt goes without us" {
	lose_ours
	full_disk
	goes_without_us
	[[ $(journal node) == *cpushim*'No space left'* ]]
}

@test "a read-only /usr whose index lacks us: told, and libvirt goes without us" {
	rare
	lose_ours
	read_only
	goes_without_us
	[[ $(journal node) == *cpushim*'Read-only file system'* ]]
}

is_idle() { # UNIT
	[ "$(on node systemctl show "$1" -P ActiveState)" != activating ]
}

@test "where nobody restarts libvirt, systemd sees that the index was replaced, and it is mended" {
	restart_watched node # the test before left it without the models, for which `ready` would ask for a restart
	on node systemctl -q --runtime unmask cpushim.path
	on node systemctl start cpushim.path
	lose_ours
	await 30 is_right
	# the drop-in would have it back, and the tests below are of one net each
	on node systemctl -q --runtime mask --now cpushim.path
	await 30 is_idle cpushim.service
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

@test "removed, systemd has no unit of ours left, not even as a failed one" {
	rare
	mv "$root/usr/bin/cpushim" "$root/run/command"
	run ! on node systemctl start cpushim.service
	mv "$root/run/command" "$root/usr/bin/cpushim"
	[ "$(on node systemctl is-failed cpushim.service)" = failed ]
	on node cpushim remove --force --restart
	run on node systemctl list-units --all --plain 'cpushim*'
	[[ $output != *cpushim.service* ]]
}
