#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# cpushim doctor on a node whose libvirt runs: all holds after an installation; the conditions that need the
# running libvirt, each broken once; and what --mend mends. tests/doctor.bats has the others. Needs root.

# shellcheck disable=SC2016,SC2154,SC2030,SC2031 # bats sets them; each test runs by itself; names of commands in backticks
bats_require_minimum_version 1.5.0
load ../lib/e2e

make_nodes() {
	node_new node
	node_install node >/dev/null
	libvirt_up node
}

before_each() {
	root=$(root_path node)
	map=$root/usr/share/libvirt/cpu_map
	hook=$root/etc/libvirt/hooks/qemu
}

doctor() { # STATUS OPTION...
	run --separate-stderr on node timeout 300 cpushim doctor "${@:2}"
	printf '%s\n%s\n' "$output" "$stderr"
	[ "$status" = "$1" ]
}

says() { # WORD ID WORDS...: one line
	local word=$1 id=$2
	shift 2
	grep -q "^$word  *$id  *.*$*" <<<"$output"
}

all_hold() {
	local others
	others=$(grep -Ev '^(PASS|SKIP) |^cpushim: ' <<<"$output" || :)
	[ -z "$others" ]
}

only() { # ID...: those that aren't right
	local wrong
	wrong=$(sed -n '$ s/^cpushim: [^:]*: *//p' <<<"$output" | sed 's/,//g')
	[ "$wrong" = "$*" ]
}

# ---- a function each, by the name of the condition ----

break_answers() { libvirt_down node; }
break_daemon() {
	# it reads the map when it is asked first
	on node virsh -q cpu-models x86_64 >/dev/null
	# longer than a start takes
	sleep 2
	printf "<cpus><model name='site-new'><model name='gate64'/><feature name='aes'/></model></cpus>\n" \
		>"$root/etc/cpushim/models.d/new.xml"
	on node cpushim compile >/dev/null
}
# its own mounts show it an index without our line
break_models() {
	libvirt_down node
	sed '/x86_cpushim/d' "$map/index.xml" >"$root/run/index.xml"
	on node unshare -m sh -c 'mount --bind /run/index.xml /usr/share/libvirt/cpu_map/index.xml && exec libvirtd -d'
	libvirt_await node
}
break_daemons() {
	ln -s "$(command -v bash)" "$root/run/virtqemud"
	on node sh -c '/run/virtqemud -c "sleep 600; :" >/dev/null 2>&1 </dev/null & echo $! >/run/other.pid'
}
break_hook_known() {
	rm -rf "$root/run/cpushim"
	mv "$hook" "$root/run/hook"
	libvirt_restart node
	sleep 2
	cp "$root/run/hook" "$hook"
}
break_nova_names() { nova_conf qemu gate65; }
# no CPU of today has 3dnow
break_nova_compare() {
	cat >"$root/etc/cpushim/models.d/site.xml" <<-'XML'
		<cpus><model name='site-3dnow'><model name='gate64'/><feature name='3dnow'/></model></cpus>
	XML
	on node cpushim compile >/dev/null
	libvirt_restart node
	nova_conf kvm site-3dnow
}
break_nova_baseline() { nova_conf qemu gate64; }

nova_conf() { # VIRT-TYPE MODEL
	mkdir -p "$root/etc/nova"
	printf '[libvirt]\nvirt_type = %s\ncpu_mode = custom\ncpu_models = %s\n' "$1" "$2" >"$root/etc/nova/nova.conf"
}

@test "after an installation every condition holds, or has nothing to look at" {
	doctor 0
	all_hold
	for id in map answers daemon models dropin hook-known diversion real-answers compiled receipt files; do
		says PASS $id
	done
}

@test "and while guests run, and libvirt has probed QEMU" {
	guest_start node ours --cpu "$(cpu_xml gate64)"
	guest_start node plain
	mark_of node ours
	doctor 0
	all_hold
	for id in probe guests-restart guests-meaning guests-before; do
		says PASS $id
	done
	guests_stop node
}

@test "answers: a libvirt that doesn't run leaves all that it would say unknown" {
	break_answers
	doctor 2
	only answers
	says UNKNOWN answers "libvirt doesn't answer: .*; .systemctl restart libvirtd.$"
	says SKIP models "not looked at, as answers isn't right"
	libvirt_up node
	doctor 0
}

@test "daemon: a libvirt that was started before the map was changed" {
	break_daemon
	doctor 1
	only daemon
	says FAIL daemon 'and goes by the CPU map that it read then.*; .systemctl restart libvirtd.$'
	libvirt_restart node
	doctor 0
	# it has all names: guests are right
	sleep 2
	touch "$map/x86_cpushim.xml"
	doctor 0
	only daemon
	says WARN daemon 'and goes by the CPU map that it read then.*; .systemctl restart libvirtd.$'
	rm "$root/etc/cpushim/models.d/new.xml"
	on node cpushim compile --force >/dev/null
	libvirt_restart node
	doctor 0
}

@test "hook-known: a hook that was put there after libvirt looked for one" {
	break_hook_known
	doctor 1
	only hook-known
	says FAIL hook-known "was put there after libvirtd (process [0-9]*) was started.*doesn't call this one; .systemctl restart libvirtd.$"
	libvirt_restart node
	doctor 0
	# replaced since: libvirt calls what is there
	rm -rf "$root/run/cpushim"
	sleep 2
	touch "$hook"
	doctor 0
}

@test "daemons: one of each kind" {
	break_daemons
	doctor 0
	only daemons
	says WARN daemons 'libvirtd (process [0-9]*) and virtqemud (process [0-9]*) run guests'
	on node sh -c 'kill $(cat /run/other.pid)'
	rm "$root/run/virtqemud"
	doctor 0
}

@test "map: what our reader takes and libvirt doesn't" {
	cp -a "$map/x86_vendors.xml" "$root/run/vendors"
	# a feature that the map lacks
	sed -i "s|</cpus>|<model name='odd'><decode host='off' guest='off'/><feature name='nonesuch'/></model>&|" \
		"$map/x86_vendors.xml"
	doctor 1
	says FAIL map "libvirt doesn't take it: .*nonesuch.*; .cpushim ready.$"
	cp -a "$root/run/vendors" "$map/x86_vendors.xml"
	libvirt_restart node
	doctor 0
}

@test "dropin: one that systemd doesn't go by" {
	mkdir -p "$root/run/systemd/system"
	printf '#!/bin/sh\necho ExecStartPre=\n' >"$root/usr/local/bin/systemctl"
	chmod 755 "$root/usr/local/bin/systemctl"
	doctor 1
	only dropin
	says FAIL dropin "systemd doesn't go by cpushim's drop-in for libvirtd.service.*; .systemctl daemon-reload.$"
	rm -r "$root/run/systemd" "$root/usr/local/bin/systemctl"
	doctor 0
}

@test "models: a running libvirt that lacks them" {
	break_models
	doctor 1
	only models daemon
	says FAIL models "the running libvirt doesn't know gate64 .*; .systemctl restart libvirtd.$"
	says UNKNOWN daemon 'none of its processes sees this CPU map'
	libvirt_restart node
	doctor 0
}

@test "nova: names, comparison and features of the models that its configuration names" {
	doctor 0 --nova
	says PASS nova-names
	says PASS nova-baseline
	break_nova_names
	doctor 1 --nova
	only nova-names
	says FAIL nova-names "libvirt doesn't list model 'gate65': nova-compute ends with .Configured CPU model is not correct.; name one that"
	says SKIP nova-baseline
	# in any case of letters, as nova takes it
	nova_conf qemu GATE64
	doctor 0 --nova
	says PASS nova-names
	says SKIP nova-compare "nova compares nothing where virt_type isn't kvm"
	says PASS nova-baseline
	break_nova_compare
	doctor 1 --nova
	only nova-compare
	says FAIL nova-compare "libvirt says that this host's CPU isn't model 'site-3dnow'"
	rm -r "$root/etc/nova" "$root/etc/cpushim/models.d/site.xml"
	# a model that nobody asks for yet
	on node cpushim compile --force >/dev/null
	libvirt_restart node
	doctor 0
}

@test "nova: features that libvirt doesn't tell" {
	break_nova_baseline
	sed -i "/name='gate64'/,/<.model>/ { /name='sse2'/d }" "$map/x86_cpushim.xml"
	libvirt_restart node
	doctor 0 --nova
	only nova-baseline
	says WARN nova-baseline "libvirt doesn't tell that model 'gate64' has sse2: nova won't schedule by that"
	rm -r "$root/etc/nova"
	on node cpushim compile
	libvirt_restart node
	doctor 0
}

@test "five faults at once, and --mend mends what cpushim's commands can" {
	local id
	on node virsh -q cpu-models x86_64 >/dev/null
	# longer than a start takes
	sleep 2
	sed -i '/x86_cpushim/d' "$map/index.xml"
	rm "$hook" "$root/usr/lib/systemd/system/libvirtd.service.d/cpushim.conf"
	chmod 666 "$root/usr/lib/cpushim/guest"
	guest_xml gone --cpu "$(cpu_xml site-gone)" >"$root/run/gone.xml"
	on node virsh -q define /run/gone.xml
	doctor 1
	only index dropin hook modes defined-gone daemon
	doctor 1 --mend
	[[ $stderr == *'cpushim ready: exit status'* ]]
	for id in index hook dropin; do
		says PASS $id
	done
	# what isn't cpushim's to do is left
	says FAIL modes '.chmod go-w /usr/lib/cpushim/guest.$'
	says FAIL defined-gone
	says WARN daemon '.systemctl restart libvirtd.$'
	chmod 644 "$root/usr/lib/cpushim/guest"
	libvirt_restart node
	on node virsh -q undefine gone
	doctor 0
}

@test "the last line alone, for a monitoring check" {
	doctor 0 --brief
	[ "${#lines[@]}" = 1 ]
	[[ $output =~ ^'cpushim: '[0-9]+' conditions hold' ]]
}

@test "a refusal is found by its prefix, in libvirt's log and in the guest's" {
	run ! guest_start node refused --cpu "$(cpu_xml x86-64-v4)"
	grep -q 'cpushim: refused: model .x86-64-v4.: ' "$root/var/log/libvirt/libvirtd.log"
	# the wrapper's own words
	mv "$root/usr/lib/cpushim/models.table" "$root/run/"
	run ! on node sh -c 'qemu-system-x86_64 -cpu gate64 -machine none 2>/run/said'
	mv "$root/run/models.table" "$root/usr/lib/cpushim/"
	grep -q '^cpushim: ' "$root/run/said"
}
