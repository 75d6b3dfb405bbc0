#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A fleet with two releases of cpushim: the one before (BEFORE, a commit) on one node, this one on
# another. Guests migrate between them both ways, and a node of the one before is upgraded while guests
# run and are saved: a CPU stays what it is, or is refused by name. Needs root, and git with that commit.

# shellcheck disable=SC2154,SC2016 # bats sets output; names of commands in backticks
bats_require_minimum_version 1.5.0

# the last one whose install.sh did everything itself
: "${BEFORE:=91cd4ad67f8ec122efac7c6fc98f8ea206c8f9c6}"

site() { # NODE FEATURE: the site's model, gate64 and this
	printf "<cpus><model name='site'><model name='gate64'/><feature name='%s'/></model></cpus>\n" "$2" \
		>"$(root_path "$1")/etc/cpushim/models.d/site.xml"
	on "$1" cpushim compile
}

setup_file() {
	load ../lib/root.bash
	load ../lib/libvirt.bash
	export OLD=$BATS_FILE_TMPDIR/before
	mkdir "$OLD"
	git -C "$CHECKOUT" archive "$BEFORE" | tar -x -C "$OLD"
	make -s -C "$OLD" -j"$(nproc)" all
	local node
	for node in before now; do
		NODE_TCP=--tcp node_new $node
	done
	on before "$OLD/install.sh"
	node_install now
	for node in before now; do
		site $node aes
		libvirt_up $node
	done
	root_link before now
}

setup() {
	load ../lib/root.bash
	load ../lib/libvirt.bash
	root=$(root_path before)
}

teardown() {
	guests_stop before now
}

migrate() { # FROM TO GUEST
	on "$1" timeout 120 virsh -q migrate --live "$3" "qemu+tcp://$(address "$2")/system"
}

address() {
	if [ "$1" = before ]; then echo 10.77.0.1; else echo 10.77.0.2; fi
}

means() { # NODE MODEL
	on "$1" cpushim list --digest | sed -n "s/^$2 //p"
}

# there_and_back MODEL FROM TO
there_and_back() {
	local first
	guest_start "$2" guest --cpu "$(cpu_xml "$1")"
	run -0 guest_exact "$2" guest "$1"
	first=$(digest_in <<<"$output")
	migrate "$2" "$3" guest
	run -0 guest_exact "$3" guest "$1"
	[ "$(digest_in <<<"$output")" = "$first" ]
	[ "$(mark_of "$3" guest)" = "$(means "$3" "$1")" ]
	migrate "$3" "$2" guest
	run -0 guest_exact "$2" guest "$1"
	[ "$(digest_in <<<"$output")" = "$first" ]
	guest_stop "$2" guest
}

@test "both releases mean the same by their models, and their guests go both ways" {
	diff <(on before cpushim list --digest) <(on now cpushim list --digest)
	there_and_back gate64 before now
	there_and_back gate64 now before
	there_and_back site before now
	there_and_back x86-64-v3 now before
}

@test "a model that means more on one of them is refused there by name, both ways" {
	local from to
	for from in before now; do
		to=$([ $from = before ] && echo now || echo before)
		printf "<cpus><model name='more'><model name='gate64'/><feature name='ssse3'/></model></cpus>\n" \
			>"$(root_path "$from")/etc/cpushim/models.d/more.xml"
		printf "<cpus><model name='more'><model name='gate64'/><feature name='ssse3'/><feature name='cx16'/></model></cpus>\n" \
			>"$(root_path "$to")/etc/cpushim/models.d/more.xml"
		on "$from" cpushim compile --force >/dev/null
		on "$to" cpushim compile --force >/dev/null
		libvirt_restart "$from"
		libvirt_restart "$to"
		guest_start "$from" guest --cpu "$(cpu_xml more)"
		mark_of "$from" guest
		run -1 migrate "$from" "$to" guest
		[[ $output == *more* ]]
		# it goes on where it was
		guest_exact "$from" guest more
		run ! on "$to" virsh -q domstate guest
		guest_stop "$from" guest
	done
	for from in before now; do
		rm "$(root_path "$from")/etc/cpushim/models.d/more.xml"
		on "$from" cpushim compile --force >/dev/null
		libvirt_restart "$from"
	done
}

@test "a node of the release before is upgraded under its guests: they go on, come back, and all of it goes" {
	local pid marked published
	guest_xml saved --cpu "$(cpu_xml gate64)" >"$root/run/saved.xml"
	on before sh -c 'virsh -q define /run/saved.xml && virsh -q start saved && virsh -q managedsave saved'
	guest_start before runs --cpu "$(cpu_xml site)"
	guest_start before stock --cpu "$(cpu_xml qemu64)"
	marked=$(mark_of before runs)
	pid=$(guest_pid before runs)
	published=$(cat "$root/etc/cpushim/published")

	run -0 node_install before --restart
	[[ ${lines[-1]} == 'this node is right; '* ]]
	[ "$(cat "$root/etc/cpushim/published")" = "$published" ]
	[ "$(guest_pid before runs)" = "$pid" ]
	[ "$(on before virsh -q domstate stock)" = running ]
	run -0 --separate-stderr on before cpushim guests
	[[ $output == *'runs '*'what the name means'* ]]
	[ "$(mark_of before runs)" = "$marked" ]
	guest_exact before runs site
	on before virsh -q start saved
	guest_exact before saved gate64
	migrate before now runs
	guest_exact now runs site
	run on before cpushim doctor
	printf '%s\n' "$output"
	[[ $output != *FAIL* ]]

	guests_stop before now
	on before virsh -q undefine saved
	run -0 node_remove before --restart --purge
	[ ! -e "$root/usr/lib/cpushim" ]
	[ ! -e "$root/etc/cpushim" ]
	[ ! -e "$root/usr/bin/cpushim" ]
	[ ! -e "$root/usr/bin/qemu-system-x86_64.distrib" ]
	run ! grep qemu <(on before dpkg-divert --list)
}
