#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What is wrong with a node whose libvirt runs: a daemon that is older than the CPU map, and one whose map
# has lost the include. Needs root.

# shellcheck disable=SC2016 # names of commands in backticks
bats_require_minimum_version 1.5.0
load ../lib/e2e

make_nodes() {
	node_new node
	node_install node
	libvirt_up node
	guest_xml guest --cpu "$(cpu_xml gate64)" >"$(root_path node)/run/guest.xml"
	on node virsh -q define /run/guest.xml
}

before_each() {
	root=$(root_path node)
	map=$root/usr/share/libvirt/cpu_map
}

told() { # STATUS COMMAND...: what it says on stderr
	run --separate-stderr on node cpushim "${@:2}"
	printf '%s\n%s\n' "$output" "$stderr"
	[ "$status" = "$1" ]
}

is_right() {
	told 0 why guest
	[[ $output == *'nothing that can be told beforehand blocks it here'* ]]
	told 0 guests
	[ -z "$stderr" ]
}

@test "a libvirt that was started before the map was changed is told, until it is restarted" {
	is_right
	# longer than a start takes
	sleep 2
	touch "$map/x86_cpushim.xml"
	older='libvirt (process [0-9]*) was started at [-0-9: ]* and goes by the CPU map that it read then; the map was changed at [-0-9: ]*; `systemctl restart libvirtd`$'
	told 2 why guest
	grep "^start    can't tell: $older" <<<"$output"
	for command in guests list 'verify --cpus 1 gate64' compile; do
		# shellcheck disable=SC2086 # words
		told 0 $command
		grep "^cpushim: $older" <<<"$stderr"
	done
	libvirt_restart node
	is_right
}

@test "a model that libvirt hasn't read: why doesn't promise what fails" {
	sleep 2
	cat >"$root/etc/cpushim/models.d/site.xml" <<-'XML'
		<cpus><model name='site-new'><model name='gate64'/><feature name='cx16'/></model></cpus>
	XML
	run -0 on node cpushim compile
	# said once
	[[ $output == *'; restart libvirt'* ]]
	[[ $output != *'libvirt (process'* ]]
	guest_xml new --cpu "$(cpu_xml site-new)" >"$root/run/new.xml"
	run ! on node virsh create /run/new.xml
	told 2 why /run/new.xml
	[[ $output == *"can't tell: libvirt (process "*'; `systemctl restart libvirtd`'* ]]
	libvirt_restart node
	on node virsh create /run/new.xml
	told 0 why new
	on node virsh -q destroy new
}

@test "an index that lost the include: why says so, and libvirt refuses after a restart" {
	cp -a "$map/index.xml" "$root/run/index.xml"
	sed -i '/x86_cpushim/d' "$map/index.xml"
	libvirt_restart node
	told 1 why guest
	[[ $output == *"blocked: "*"index.xml doesn't name x86_cpushim.xml any more"*'; `cpushim ready`'* ]]
	run ! on node virsh start guest
	cp -a "$root/run/index.xml" "$map/index.xml"
	libvirt_restart node
	on node virsh -q start guest
	told 0 why guest
	on node virsh -q destroy guest
}
