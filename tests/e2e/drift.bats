#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What became of guests: one that stock libvirt started before cpushim came, with gate64 in its map; those of
# today; one whose definition changed under it. On a node with the distribution's libvirtd and QEMU.
# Needs root.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/e2e

make_nodes() {
	node_new node
	root=$(root_path node)
	stock_guest
	node_install node || [ $? = 1 ] # libvirt has to be restarted
	site aes
	on node cpushim compile
	libvirt_restart node
	persistent new "$(cpu_xml gate64)"
	on node virsh -q start new
	guest_start node own --cpu "$(cpu_xml gate64 "<feature policy='require' name='cx16'/>")"
	guest_start node plain --cpu "$(cpu_xml kvm64)"
	guest_start node drift --cpu "$(cpu_xml site)"
}

before_each() {
	root=$(root_path node)
}

# persistent NAME CPU-XML [ARGUMENT...]: defined, as nova does it
persistent() {
	guest_xml "$1" --cpu "$2" "${@:3}" >"$root/run/$1.xml"
	on node virsh -q define "/run/$1.xml"
}

# gate64 in libvirt's map and no more
stock_guest() {
	map_gate64 node
	libvirt_up node
	persistent old "$(cpu_xml gate64)"
	on node virsh -q start old
	map_without_gate64 node
}

site() { # FEATURE: the site's model, gate64 and this
	printf "<cpus><model name='site'><model name='gate64'/><feature name='%s'/></model></cpus>\n" "$1" \
		>"$root/etc/cpushim/models.d/site.xml"
}

# told GUEST: its line, without the UUID
told() {
	marked node
	on node cpushim guests | sed -n "s/^$1  *[0-9a-f-]\{36\} *\([^ ]*\)  *tcg  *\(.*\)/\1: \2/p"
}

@test "a guest that stock libvirt started is named as what it runs, not as what it asked for" {
	local stock # which model libvirt chooses depends on its release
	stock=$(guest_cpu node old)
	[[ $stock != *gate64* && $stock != *enforce* ]]
	[ "$(told old)" = "gate64: asked gate64, runs $stock: not what the name means" ]
	run -1 on node cpushim why old
	[[ $output == *'asked    gate64 under tcg, by /etc/libvirt/qemu/old.xml'* ]]
	[[ $output == *"libvirt  made of it: ${stock%%,*}, by /run/libvirt/qemu/old.xml"* ]]
	[[ $output == *"process  -cpu $stock"* ]]
	# and a guest agrees: what it reads isn't gate64
	run -1 guest_exact node old gate64
}

@test "a guest of today has what its name means, and its own features are named" {
	[ "$(told new)" = 'gate64: what the name means' ]
	[ "$(told own)" = 'gate64: what the name means, with its own cx16=on' ]
	[ "$(told plain)" = '-: no site model' ]
	run -0 guest_exact node new gate64
	for guest in new own; do
		run -0 on node cpushim why $guest
		[[ $output == *"libvirt  passes the name on, by /run/libvirt/qemu/$guest.xml"* ]]
		[[ $output == *'table    gate64: /usr/share/cpushim/models.d/gate64.xml:'* ]]
		[[ $output == *'which is what gate64 means'* ]]
	done
	run -0 on node cpushim why plain
	[[ $output == *'which is no site model: cpushim has no part in it'* ]]
}

@test "one guest that isn't what its name means is exit 1; JSON says the same" {
	run -1 on node cpushim guests
	# and the titles
	[ "${#lines[@]}" = 6 ]
	run -1 on node cpushim guests --json
	[ "$(grep -c '"runs": "model"' <<<"$output")" = 3 ]
	[ "$(grep -c '"runs": "other"' <<<"$output")" = 1 ]
	[ "$(grep -c '"runs": "none"' <<<"$output")" = 1 ]
}

@test "a redefinition that is refused leaves the running guest what it is, also when libvirt restarts" {
	[ "$(told drift)" = 'site: what the name means' ]
	site avx
	run -1 on node cpushim compile
	libvirt_restart node
	on node virsh domstate drift | grep running
	[[ $(told drift) == 'site: what the name means; the definition here is refused today'* ]]
	run -0 on node cpushim why drift
	[[ $output == *'restart  blocked: its definition is refused '*'was published with digest'* ]]
	# nothing new starts with the name
	run -1 guest_start node another --cpu "$(cpu_xml site)"
	# a lost table doesn't change that
	rm "$root/usr/lib/cpushim/models.table"
	run -1 on node cpushim compile
	[[ $output == *"model 'site': was published with digest"* ]]
	site aes
	on node cpushim compile
	[ "$(told drift)" = 'site: what the name means' ]
}

# libvirt 11.3 ends a running guest at its restart if its map lacks the guest's model; 9.0 doesn't
@test "a definition that goes leaves the running guest alone, and libvirt knows its model as long as it runs" {
	rm "$root/etc/cpushim/models.d/site.xml"
	run -0 on node cpushim compile
	[[ $output == *"model 'site' stays known to libvirt for guest drift"* ]]
	for _ in 1 2; do
		libvirt_restart node
		on node virsh domstate drift | grep running
		on node cpushim compile
	done
	[[ $(told drift) == 'site: what the name means; the definition here is refused today'* ]]
	# nothing starts with it all the same
	run -1 guest_start node another --cpu "$(cpu_xml site)"
	[[ $output == *"model 'site'"*'no definition has that name any more'* ]]
	on node cpushim list --digest | grep -x 'site refused'
	site aes
	on node cpushim compile
	libvirt_restart node
	[ "$(told drift)" = 'site: what the name means' ]
}

@test "a redefinition that was insisted on: the running guest isn't what the name means" {
	site avx
	on node cpushim compile --force
	[ "$(told drift)" = 'site: asked site, not what the name means today: its QEMU has another -cpu: aes is on and not off' ]
	run -1 on node cpushim why drift
	[[ $output == *'aes is on and not off'* ]]
	run -1 guest_exact node drift site
	site aes
	on node cpushim compile --force
	libvirt_restart node
}

@test "why a domain doesn't start: as the hook said, and what QEMU said" {
	persistent v4 "$(cpu_xml x86-64-v4)"
	run -1 on node virsh start v4
	# libvirt is told it in brackets
	reason=$(sed -n "s/.*model 'x86-64-v4': \(.*\))\$/\1/p" <<<"$output")
	[ "$reason" ]
	run -1 on node cpushim why v4
	[[ $output == *"doesn't run"*"start    blocked: $reason"* ]]
	persistent odd "$(cpu_xml gate64)" \
		--qemu '<qemu:commandline><qemu:arg value="-nosuch"/></qemu:commandline>'
	run -1 on node virsh start odd
	run -0 on node cpushim why odd
	[[ $output == *'log      '*'-nosuch: invalid option'* ]]
	run -2 on node cpushim why nosuch
}

@test "libvirt isn't asked: both answer while its daemon is stopped" {
	pid=$(cat "$root/run/libvirtd.pid")
	on node kill -STOP "$pid"
	run on node timeout 20 cpushim guests
	guests=$status
	run on node timeout 20 cpushim why new
	on node kill -CONT "$pid"
	[ "$guests" = 1 ]
	[ "$status" = 0 ]
}

@test "once no guest runs with it, libvirt isn't told any more of a model without a definition" {
	guest_stop node drift
	rm "$root/etc/cpushim/models.d/site.xml"
	on node cpushim compile
	on node cpushim list --digest | grep -x 'site refused'
	run ! grep "'site'" "$root/usr/share/libvirt/cpu_map/x86_cpushim.xml"
}
