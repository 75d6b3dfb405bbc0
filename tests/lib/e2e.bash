# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The frame of an end-to-end suite, which loads this file and has:
#
#	make_nodes	once: the nodes that all of its tests share
#	before_each	before each test, if there is something to do
#	after_each	after each test, likewise; not where the tests are skipped
#
# The suite can call all of root.bash and libvirt.bash there, and
#
#	linked_nodes	make `one` and `two` with cpushim and a cable between them; libvirt isn't up yet

setup_file() {
	load ../lib/root.bash
	load ../lib/libvirt.bash
	[ "$(id -u)" != 0 ] || make_nodes
}

setup() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	load ../lib/root.bash
	load ../lib/libvirt.bash
	! declare -F before_each >/dev/null || before_each
}

teardown() {
	[ "$(id -u)" = 0 ] || return 0
	! declare -F after_each >/dev/null || after_each
}

linked_nodes() {
	local node
	export NODE_TCP=yes
	for node in one two; do
		node_new $node
		node_install $node
	done
	root_link one two
}
