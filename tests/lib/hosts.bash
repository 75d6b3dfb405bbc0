# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The frame of a suite with hosts that aren't there (host.bash), which loads this file and has
#
#	make_hosts	once: the hosts that all of its tests share
#
# Its tests can call all of host.bash, libvirt.bash and root.bash, and
#
#	show_answers	the last line of what each host answered last, for the one who runs the tests

load_hosts() {
	load ../lib/root.bash
	load ../lib/libvirt.bash
	load ../lib/host.bash
}

setup_file() {
	load_hosts
	[ -n "$(host_needs)" ] || make_hosts
}

setup() {
	load_hosts
	[ -z "$(host_needs)" ] || skip "needs $(host_needs)"
}

teardown_file() {
	load_hosts
	host_drop
}

show_answers() {
	local name
	for name in $(host_names); do
		printf '# %s: %s\n' "$name" "$(tail -n 1 "$HOSTS/$name/answer")" >&3
	done
}
