#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# DevStack's plugin, its phases called as stack.sh does (tests/lib/devstack-phases), by an ordinary user with
# sudo, on a node with systemd. TCG. Needs root, and a cgroup2.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/some
load ../lib/nodes

conf=/etc/nova/nova.conf
map=/usr/share/libvirt/cpu_map
phases=/opt/stack/cpushim/tests/lib/devstack-phases
stack=(stack:pre-install stack:install stack:post-config stack:extra stack:test-config)

has_sudo() {
	[ -x "${ROOT_BASE:+$ROOT_BASE/root}/usr/bin/sudo" ]
}

setup_file() {
	load_all
	[ -z "$(root_needs)" ] || return 0
	has_sudo || return 0
	node_new node --systemd
	on node useradd -m stack
	printf 'stack ALL=(ALL) NOPASSWD: ALL\n' >"$(root_path node)/etc/sudoers.d/stack"
	# built already, for the time's sake
	root_checkout node /opt/stack/cpushim
	on node mkdir -p /etc/nova
	printf '[libvirt]\ncpu_mode = custom\ncpu_models = Nehalem\nvirt_type = qemu\n' >"$(root_path node)$conf"
	on node chown stack /opt/stack /opt/stack/cpushim /etc/nova $conf
	libvirt_up node
}

setup() {
	load_all
	[ -z "$(root_needs)" ] || skip "$(root_needs)"
	has_sudo || skip 'needs sudo'
	root=$(root_path node)
}

# as_stack [NAME=VALUE]... COMMAND...: as stack.sh's user, with what local.conf says
as_stack() {
	on node runuser -u stack -- env VIRT_DRIVER=libvirt LIBVIRT_TYPE=qemu ENABLED_SERVICES=n-cpu,n-api NOVA_CONF=$conf "$@"
}

devstack() { # MODE[:PHASE]
	as_stack "$phases" /opt/stack/cpushim "$1"
}

# stacked [NAME=VALUE]...: all phases of stack.sh, in one shell as there
stacked() {
	as_stack "$@" "$phases" /opt/stack/cpushim "${stack[@]}"
}

nova_says() { # OPTION
	sed -n "s/^$1 *= *//p" "$root$conf"
}

# all that isn't the checkout's
node_tree() {
	on node find /etc /usr -xdev \( -name '*.cache' -o -name ld.so.cache -o -path /etc/libvirt/qemu \) -prune \
		-o -type f -printf '%p %s %i %m %u %T@\n' | sort
}

@test "the install phase builds, and leaves the node as it is" {
	node_tree >"$BATS_FILE_TMPDIR/before"
	run -0 devstack stack:install
	diff "$BATS_FILE_TMPDIR/before" <(node_tree)
}

@test "a model that this host can't give ends stack.sh with the reason, and nova.conf is as it was" {
	cp -p "$root$conf" "$BATS_TEST_TMPDIR/conf"
	run ! stacked CPUSHIM_MODEL=x86-64-v4
	[[ $output == *avx512f* ]]
	cmp "$BATS_TEST_TMPDIR/conf" "$root$conf"
}

@test "after stack.sh nova asks for the model, libvirt knows it, and a guest is exact" {
	run -0 stacked
	[ "$(nova_says cpu_mode)" = custom ]
	[ "$(nova_says cpu_models)" = gate64 ]
	on node virsh -q cpu-models x86_64 | grep -qx gate64
	guest_begin node site "$(cpu_xml gate64)"
	guest_exact node site gate64
}

@test "stack.sh again, and unstack.sh: nothing changes, and the guest goes on" {
	rare
	node_tree | grep -v "$conf" >"$BATS_TEST_TMPDIR/before"
	run -0 stacked
	run -0 devstack unstack
	diff "$BATS_TEST_TMPDIR/before" <(node_tree | grep -v "$conf")
	goes_on node site
	guest_exact node site gate64
}

@test "clean.sh while a guest needs cpushim: said, and all stays" {
	run ! devstack clean
	[[ $output == *'guest site'* ]]
	goes_on node site
	guest_exact node site gate64
	guest_stop node site
}

@test "clean.sh: the node is as it was before" {
	run -0 devstack clean
	# files that were moved aside are back; dpkg notes when
	diff <(grep -v "$conf\|qemu-system-x86_64 " "$BATS_FILE_TMPDIR/before" | awk '{ print $1, $2, $4, $5 }') \
		<(node_tree | grep -v "$conf\|qemu-system-x86_64 " | awk '{ print $1, $2, $4, $5 }')
	run -0 devstack clean
}

@test "definitions of one's own, and a node that runs no guests" {
	printf "<cpus><model name='site'><model name='gate64'/><feature name='cx16'/></model></cpus>\n" >"$root/opt/stack/site.xml"
	run -0 stacked ENABLED_SERVICES=n-api CPUSHIM_DEFINITIONS=/opt/stack
	[ ! -e "$root/usr/lib/cpushim" ]
	run -0 stacked CPUSHIM_DEFINITIONS=/opt/stack CPUSHIM_MODEL=site
	[ "$(nova_says cpu_models)" = site ]
	on node virsh -q cpu-models x86_64 | grep -qx site
}

# What tools/cpu_map_update.py of DevStack (2015 to 2016) puts: 24 features, and a vendor
@test "the gate64 that DevStack's own script once put into the map is taken over" {
	run -0 devstack clean
	map_gate64 node "<vendor name='Intel'/>"
	[ "$(grep -c '<feature' "$root$map/x86_gate64.xml")" = 24 ]
	libvirt_restart node
	run -0 stacked
	[ "$(nova_says cpu_models)" = gate64 ]
	guest_begin node site "$(cpu_xml gate64)"
	guest_exact node site gate64
	guest_stop node site
}
