#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The mark: a running guest carries its definition's digest, and isn't taken in where the name means
# another CPU. Two nodes, each with its own libvirtd, cpushim, and meaning of the model `drift`.
# Needs root.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/some
load ../lib/e2e

make_nodes() {
	linked_nodes
	means one aes
	means two rdrand
	libvirt_up one
	libvirt_up two
}

before_each() {
	one=$(root_path one)
	two=$(root_path two)
}

after_each() {
	local guest
	rm -f "$one/etc/libvirt/hooks/qemu.d/stop"
	kill_daemon one CONT || libvirt_up one
	guests_stop one two
	for guest in $(on one virsh -q list --all --name); do
		on one virsh -q undefine --managed-save --snapshots-metadata "$guest"
	done
}

means() { # NODE FEATURE: what drift is there: gate64 and this
	printf "<cpus><model name='drift'><model name='gate64'/><feature name='%s'/></model></cpus>\n" "$2" \
		>"$(root_path "$1")/etc/cpushim/models.d/drift.xml"
	on "$1" cpushim compile --force
}

digest() { # NODE MODEL
	on "$1" cpushim list --digest | sed -n "s/^$2 //p"
}

persistent() { # NAME MODEL [ARGUMENT...]: defined and started on one
	guest_xml "$1" --cpu "$(cpu_xml "$2")" "${@:3}" >"$one/run/$1.xml"
	on one virsh -q define "/run/$1.xml"
	on one virsh -q start "$1"
}

with_disk() { # NAME MODEL
	local disk
	disk=$(disk_xml one "$1")
	guest_xml "$1" --cpu "$(cpu_xml "$2")" | sed "s|<devices>|&$disk|" >"$one/run/$1.xml"
	on one virsh -q define "/run/$1.xml"
	on one virsh -q start "$1"
}

migrate() { # FROM GUEST [OPTION...]
	local to=10.77.0.2
	[ "$1" = one ] || to=10.77.0.1
	on "$1" timeout 120 virsh -q migrate --live "${@:3}" "$2" "qemu+tcp://$to/system"
}

# refused by the name and both digests, in short
names_both() { # DIGEST DIGEST
	[[ $output == *"model 'drift': it was started with another definition of that name (digest ${1:0:12}, here ${2:0:12})"* ]]
}

markers() {
	on one pgrep -fc '^cpushim (hook|mark) ' || true
}

no_markers_soon() {
	local tries
	for ((tries = 0; tries < 300; tries++)); do
		[ "$(markers)" != 0 ] || return 0
		sleep 0.1
	done
	on one ps -eo pid,ppid,stat,etime,args
	return 1
}

@test "a guest is marked live, once it runs; its definition isn't, and other metadata stays" {
	guest_xml new --cpu "$(cpu_xml gate64)" |
		sed "s|<memory|<metadata><n:i xmlns:n='urn:nova'><n:name>x</n:name></n:i></metadata>&|" >"$one/run/new.xml"
	on one virsh -q define /run/new.xml
	on one virsh -q start new
	[ "$(mark_of one new)" = "$(digest one gate64)" ]
	on one virsh dumpxml new | grep '<n:name>x</n:name>'
	run ! grep urn:cpushim "$one/etc/libvirt/qemu/new.xml"
	run ! grep urn:cpushim <(on one virsh dumpxml --inactive new)
	run -0 on one cpushim guests
	[[ $output != *'not marked'* ]]
	# nothing is noted of a guest that asks for no site model
	guest_start one plain --cpu "$(cpu_xml kvm64)"
	[ -z "$(mark_of one plain)" ]
}

@test "two nodes mean unlike CPUs by a name: the migration is refused, and the guest goes on" {
	guest_start one leaves --cpu "$(cpu_xml drift)"
	[ "$(mark_of one leaves)" = "$(digest one drift)" ]
	run ! migrate one leaves
	names_both "$(digest one drift)" "$(digest two drift)"
	[ "$(on one virsh -q domstate leaves)" = running ]
	guest_exact one leaves drift
	run ! on two virsh domstate leaves
}

@test "where the name means the same the guest comes in, with its mark, and back" {
	persistent travels gate64
	mark_of one travels
	migrate one travels --persistent
	[ "$(mark_of two travels)" = "$(digest two gate64)" ]
	run ! grep urn:cpushim "$two/etc/libvirt/qemu/travels.xml"
	migrate two travels --undefinesource
	[ "$(mark_of one travels)" = "$(digest one gate64)" ]
}

@test "a guest that isn't marked is judged by its name alone, and guests says so" {
	guest_start one bare --cpu "$(cpu_xml drift)"
	mark_of one bare
	on one virsh -q metadata bare --uri urn:cpushim:1 --remove --live
	run -0 on one cpushim guests
	[[ $output == *'what the name means; not marked: '* ]]
	migrate one bare
	# where it arrived, it is marked as what it was let in as
	[ "$(mark_of two bare)" = "$(digest two drift)" ]
	guest_stop two bare
}

@test "saved, redefined, restored: refused; defined as it was, it comes back" {
	persistent saved drift
	before=$(mark_of one saved)
	on one virsh -q managedsave saved
	means one movbe
	run -1 on one virsh -q start saved
	names_both "$before" "$(digest one drift)"
	means one aes
	on one virsh -q start saved
	[ "$(mark_of one saved)" = "$before" ]
}

@test "a snapshot of before the redefinition isn't reverted to; a cold start isn't hindered" {
	rare
	with_disk snapped drift
	before=$(mark_of one snapped)
	on one virsh -q snapshot-create-as snapped before
	# libvirt 7.0 reverts a guest that runs within its QEMU, and calls no hook
	guest_stop one snapped
	means one movbe
	run -1 on one virsh -q snapshot-revert snapped before
	names_both "$before" "$(digest one drift)"
	on one virsh -q start snapped
	[ "$(mark_of one snapped)" = "$(digest one drift)" ]
	guest_stop one snapped
	means one aes
	on one virsh -q snapshot-revert snapped before
	[ "$(mark_of one snapped)" = "$before" ]
}

@test "a mark that dumpxml and define have put into a definition makes no cold start an arrival" {
	with_disk dumped drift
	before=$(mark_of one dumped)
	on one virsh -q snapshot-create-as dumped before
	on one sh -c 'virsh dumpxml dumped >/run/dumped.xml && virsh -q define /run/dumped.xml'
	grep urn:cpushim "$one/etc/libvirt/qemu/dumped.xml"
	guest_stop one dumped
	means one movbe
	# what was dumped has check='full': libvirt compares it with its map
	libvirt_restart one
	on one virsh -q start dumped
	[ "$(mark_of one dumped)" = "$(digest one drift)" ]
	# nor one of another model, whatever the mark says
	guest_stop one dumped
	on one sh -c 'sed -i "s|>drift<|>gate64<|" /run/dumped.xml && virsh -q define /run/dumped.xml'
	on one virsh -q start dumped
	[ "$(mark_of one dumped)" = "$(digest one gate64)" ]
	means one aes
	libvirt_restart one
}

# tests/hook.bats has more, without libvirt
@test "fifty starts in a row leave no process behind, and none of the hook's files is kept open" {
	persistent often gate64
	mark_of one often
	on one virsh dumpxml often | grep -v urn:cpushim >"$one/run/often.live"
	on one cp /bin/bash /run/libvirtd
	# shellcheck disable=SC2016 # the other shell's
	run on one /run/libvirtd -c '
		uuid=$(sed -n "s|.*<uuid>\(.*\)</uuid>|\1|p" /run/often.live)
		/etc/libvirt/hooks/qemu often prepare begin - </etc/libvirt/qemu/often.xml >/dev/null || exit
		cp /run/cpushim/$uuid /run/often.record
		for ((i = 0; i < 50; i++)); do
			cp -p /run/often.record /run/cpushim/$uuid
			# whoever kept its output open would be waited for
			said=$(/etc/libvirt/hooks/qemu often started begin - </run/often.live 2>&1) || break
			[ -z "$said" ] || break
		done
		echo "$i $said"'
	printf '%s\n' "$output"
	[ "$output" = '50 ' ]
	no_markers_soon
	[ "$(mark_of one often)" = "$(digest one gate64)" ]
	run ! grep -w Z <(on one ps -eo stat,args)
}

# the daemon is stopped as the hook ends, and hangs there
stop_at_started() {
	mkdir -p "$one/etc/libvirt/hooks/qemu.d"
	cat >"$one/etc/libvirt/hooks/qemu.d/stop" <<-'STOP'
		#!/bin/sh
		[ "$2" != started ] || kill -STOP "$(cat /run/libvirtd.pid)"
	STOP
	chmod 755 "$one/etc/libvirt/hooks/qemu.d/stop"
	guest_xml hangs --cpu "$(cpu_xml gate64)" >"$one/run/hangs.xml"
	on one timeout 120 virsh -q create /run/hangs.xml 3>&- 4>&- &
	start=$!
	local tries
	for ((tries = 0; tries < 600; tries++)); do
		[ "$(on one ps -o stat= -p "$(cat "$one/run/libvirtd.pid")" | cut -c1)" != T ] || return 0
		sleep 0.1
	done
	return 1
}

@test "a daemon that hangs in that moment: its marker waits, and marks once it goes on" {
	stop_at_started
	[ "$(markers)" = 1 ]
	on one sh -c 'until pgrep -f "^cpushim mark "; do sleep 0.1; done'
	# it has no file but its connection, is in no session of the hook's, and in nobody's directory
	pid=$(on one pgrep -f '^cpushim (hook|mark) ')
	[ "$(on one readlink "/proc/$pid/fd/0" "/proc/$pid/fd/1" "/proc/$pid/fd/2" | sort -u)" = /dev/null ]
	[ "$(on one readlink "/proc/$pid/cwd")" = / ]
	[ "$(on one ps -o ppid= -p "$pid" | tr -d ' ')" = 1 ]
	# nor does it ignore SIGPIPE, as the hook's front does (SIGXFSZ the command itself ignores). libvirt's
	# client blocks some while it waits (virNetClientIOEventLoop, src/rpc/virnetclient.c)
	ignored=$(on one sed -n 's/^SigIgn:[[:space:]]*/0x/p' "/proc/$pid/status")
	printf 'ignored: %s\n' "$ignored"
	[ $((ignored & 1 << 12)) = 0 ]
	kill_daemon one CONT
	wait "$start"
	[ "$(mark_of one hangs)" = "$(digest one gate64)" ]
}

@test "a daemon that hangs for good: the marker ends by itself" {
	rare
	guest_start one hangs --cpu "$(cpu_xml gate64)"
	mark_of one hangs
	uuid=$(on one virsh -q domuuid hangs)
	kill_daemon one STOP
	# 142: SIGALRM
	run -142 on one cpushim mark --libvirt="$(cat "$one/run/libvirtd.pid")" --limit=2 \
		"$uuid" gate64 "$(digest one gate64)"
	kill_daemon one CONT
}

@test "a daemon that is killed in that moment: the marker ends, the guest goes on, and isn't marked" {
	stop_at_started
	kill_daemon one KILL
	no_markers_soon
	wait "$start" || true
	rm "$one/etc/libvirt/hooks/qemu.d/stop"
	libvirt_up one
}

@test "a domain that is gone ends the marker at once" {
	daemon=$(cat "$one/run/libvirtd.pid")
	run -2 on one timeout 20 cpushim mark --libvirt="$daemon" 6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d64 \
		gate64 "$(digest one gate64)"
	[[ $output == *'6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d64'* ]]
}

@test "a domain that another job holds is tried again" {
	rare
	daemon=$(cat "$one/run/libvirtd.pid")
	guest_start one held --cpu "$(cpu_xml gate64)"
	mark_of one held
	on one virsh -q metadata held --uri urn:cpushim:1 --remove --live
	qemu=$(guest_pid one held)
	on one kill -STOP "$qemu"
	on one timeout 100 virsh -q send-key held KEY_A 3>&- 4>&- &
	sleep 1
	on one cpushim mark --libvirt="$daemon" "$(on one virsh -q domuuid held)" gate64 \
		"$(digest one gate64)" 3>&- 4>&- &
	marker=$!
	# libvirt itself gives up after 30 s (QEMU_JOB_WAIT_TIME, src/qemu/qemu_domainjob.c, 9.0)
	sleep 33
	kill -0 "$marker"
	on one kill -CONT "$qemu"
	wait "$marker"
	[ "$(mark_of one held)" = "$(digest one gate64)" ]
}
