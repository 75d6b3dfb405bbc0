# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# load_all: what a suite of a folder below tests/ needs for nodes whose guests mustn't be hurt. It is called in
# setup_file and in setup, as root.bash takes its directory from bats, which has none before.

load_all() {
	load ../lib/root.bash
	load ../lib/libvirt.bash
	load ../lib/unhurt.bash
}
