# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets output and status
#
# The frame of a suite with OpenStack (cloud.bash), which loads this file and has
#
#	make_cloud	once: the cloud that all of its tests share
#
# Its tests can say
#
#	did COMMAND...		it succeeds, and what it prints is shown as nova's answer
#	refuses COMMAND...	it fails, likewise; `run` has set output

load_cloud() {
	load ../lib/root.bash
	load ../lib/libvirt.bash
	load ../lib/control.bash
	load ../lib/compute.bash
	load ../lib/cloud.bash
	load ../lib/host.bash
}

cloud_needs() {
	[ "$(id -u)" = 0 ] || { printf 'needs root\n' && return; }
	[ -x "${ROOT_BASE-}/root/usr/bin/nova-compute" ] || printf "needs OpenStack's packages: tests/cloud brings them\n"
}

setup_file() {
	load_cloud
	[ -n "$(cloud_needs)" ] || make_cloud
}

setup() {
	[ -z "$(cloud_needs)" ] || skip "$(cloud_needs)"
	load_cloud
	printf '# == %s\n' "$BATS_TEST_DESCRIPTION" >&3
}

did() {
	run "$@"
	told "$*" "$output"
	[ "$status" = 0 ]
}

refuses() {
	run "$@"
	told "$*" "$output"
	[ "$status" != 0 ]
}
