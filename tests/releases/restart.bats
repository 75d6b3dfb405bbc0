#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# As tests/e2e/restart.bats, in rarer states: what mends the map crashes or is held up, there is no room, nothing
# can be written. Needs root, and a cgroup2.

# shellcheck disable=SC2154 # restart.bash sets them
bats_require_minimum_version 1.5.0
load ../lib/restart

@test "our include is missing, and the copy of it as well: mended" {
	cp -a "$root/usr/lib/cpushim/x86_cpushim.xml" "$root/run/copy"
	rm "$include" "$root/usr/lib/cpushim/x86_cpushim.xml"
	mended
	cmp "$root/run/copy" "$root/usr/lib/cpushim/x86_cpushim.xml"
}

@test "our include is empty: mended" {
	: >"$include"
	mended
}

@test "who mends the map is killed by a signal" {
	# shellcheck disable=SC2016 # the script's
	replace_command 'kill -SEGV $$'
	without_help
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

@test "a read-only /usr and a map that is right: all is well, and nothing said" {
	read_only
	all_is_well
	[[ $(journal node) != *cpushim* ]]
}
