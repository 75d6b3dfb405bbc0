#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Guests that come in by migration or from a saved file, with real libvirtds: what they asked for
# where they were started counts, not what their source or their file says of their CPU. Needs root.

bats_require_minimum_version 1.5.0
load ../lib/e2e
load ../lib/some

make_nodes() {
	linked_nodes
	libvirt_up one
	libvirt_up two
}

before_each() {
	two=$(root_path two)
}

after_each() {
	local node guest
	guests_stop one two
	for node in one two; do
		for guest in $(on $node virsh -q list --all --name); do
			on $node virsh -q undefine --managed-save "$guest"
		done
	done
}

own_features="<feature policy='require' name='cx16'/><feature policy='force' name='aes'/>
	<feature policy='disable' name='pat'/><feature policy='forbid' name='svm'/>
	<feature policy='optional' name='avx512f'/><feature policy='optional' name='ssse3'/>"

topology() { # VCPUS
	[ "$1" = 1 ] || printf "<topology sockets='1' cores='%s' threads='1'/>" "$1"
}

migrate() { # FROM GUEST [OPTION...]
	local to=10.77.0.2
	[ "$1" = one ] || to=10.77.0.1
	on "$1" timeout 120 virsh -q migrate "${@:3}" "$2" "qemu+tcp://$to/system"
}

# what the guest itself reads, on all of its vCPUs, held against gate64
reads() { # NODE NAME VCPUS
	guest_exact "$1" "$2" gate64 "$3" | sort
}

no_records() {
	local node
	for node in one two; do
		[ -z "$(on $node find /run/cpushim -type f)" ] || return
	done
}

# The part of a saved file that libvirt calls its cookie: it has the CPU that was read back from QEMU.
# struct _virQEMUSaveHeader (src/qemu/qemu_saveimage.h, 9.0): 16 bytes of magic, then version,
# data_len, was_running, compressed and cookieOffset, 32 bits each; 92 bytes in all.
cookie_at() { # FILE
	echo $((92 + $(od -An -tu4 -j32 -N4 "$1")))
}

# The first match in the head or in the cookie becomes something of the same length, blanks in front of
# it included.
edit_image() { # FILE head|cookie WHAT BECOMES
	local file=$1 at size what becomes blanks=
	at=$(cookie_at "$file")
	size=$(stat -c %s "$file")
	what=$3
	becomes=${4/\\/}
	[ ${#what} -ge ${#becomes} ] || blanks=$(printf '%*s' $((${#becomes} - ${#what})) '')
	head -c "$at" "$file" >"$file.head"
	tail -c +$((at + 1)) "$file" >"$file.cookie"
	LC_ALL=C sed -i "0,/$blanks$what/s//$4$(printf "%*s" $((${#blanks} + ${#what} - ${#becomes})) "")/" "$file.$2"
	cat "$file.head" "$file.cookie" >"$file.new"
	[ "$(stat -c %s "$file.new")" = "$size" ]
	run ! cmp -s "$file" "$file.new"
	mv "$file.new" "$file"
	rm "$file.head" "$file.cookie"
}

# A guest that is defined on one, and never ran, is defined on two.
migrate_offline() {
	guest_xml traveller --cpu "$(cpu_xml gate64 "$own_features")" >"$(root_path one)/run/traveller.xml"
	on one virsh -q define /run/traveller.xml
	migrate one traveller --offline --persistent
}

# two's XML for the guest that had this UUID there, now of plain kvm64: /run/plain.xml
plain_again() { # GUEST UUID
	guest_xml "$1" --cpu "$(cpu_xml kvm64)" | sed "s|<memory|<uuid>$2</uuid>&|" >"$two/run/plain.xml"
}

runs_plain() { # GUEST
	[[ $(guest_cpu two "$1") == kvm64* ]]
	no_records
}

# What a source says of a running guest's CPU: libvirt believes its own file when it starts.
source_says() { # SED-SCRIPT
	libvirt_down one
	sed -i "/check='full'/,/<.cpu>/{$1}" "$(root_path one)/run/libvirt/qemu/traveller.xml"
	libvirt_up one
}

@test "with its own features a guest of 1, 2 and 4 vCPUs migrates there and back, and is saved and restored" {
	local vcpus before
	for vcpus in $(printf '%s\n' 2 4 1 | some 3); do
		guest_start one traveller --vcpus "$vcpus" --cpu "$(cpu_xml gate64 "$(topology "$vcpus")$own_features")"
		before=$(reads one traveller "$vcpus")
		[[ $before == *aes* && $before == *cx16* && $before == *pat* && $before == *ssse3* && $before != *svm* ]]
		migrate one traveller --live
		[ "$(reads two traveller "$vcpus")" = "$before" ]
		migrate two traveller --live
		[ "$(reads one traveller "$vcpus")" = "$before" ]
		on one virsh -q save traveller /run/saved
		on one virsh -q restore /run/saved
		[ "$(reads one traveller "$vcpus")" = "$before" ]
		no_records
		guest_stop one traveller
	done
}

@test "managedsave and start, and restore of a paused guest" {
	rare
	local before
	guest_xml kept --vcpus 2 --cpu "$(cpu_xml gate64 "$(topology 2)$own_features")" >"$two/run/kept.xml"
	on two virsh -q define /run/kept.xml
	on two virsh -q start kept
	before=$(reads two kept 2)
	on two virsh -q managedsave kept
	on two virsh -q start kept
	[ "$(reads two kept 2)" = "$before" ]
	on two virsh -q suspend kept
	on two virsh -q save kept /run/saved
	on two virsh -q restore /run/saved
	[ "$(on two virsh -q domstate kept)" = paused ]
	on two virsh -q resume kept
	[ "$(reads two kept 2)" = "$before" ]
	no_records
}

@test "a guest without a site model migrates and is restored where the worker is broken" {
	guest_start one traveller --cpu "$(cpu_xml kvm64)"
	mv "$two/usr/bin/cpushim" "$two/usr/bin/away"
	run -0 migrate one traveller --live
	run -0 on two virsh -q save traveller /run/saved
	run -0 on two virsh -q restore /run/saved
	mv "$two/usr/bin/away" "$two/usr/bin/cpushim"
	[[ $(guest_cpu two traveller) == kvm64* ]]
	no_records
}

@test "a feature that a source slips in is refused by name before memory moves, and the guest goes on there" {
	local policy name
	guest_start one traveller --cpu "$(cpu_xml gate64 "$own_features")"
	for feature in 'require sse4.1' 'disable pni' 'disable cx16'; do
		policy=${feature% *} name=${feature#* }
		if [ "$name" = cx16 ]; then
			source_says "/'cx16'/s/'require'/'disable'/"
		else
			source_says "s|<feature policy='require' name='hypervisor'/>|&<feature policy='$policy' name='$name'/>|"
		fi
		run ! migrate one traveller --live
		[[ $output == *"model 'gate64': libvirt added feature '$name' ($policy)"* ]]
		[ "$(on one virsh -q domstate traveller)" = running ]
		no_records
		source_says "s|<feature policy='$policy' name='$name'/>||"
		[ "$name" != cx16 ] || break
	done
}

@test "a source that lost a feature, or runs another model, is refused at prepare" {
	guest_start one traveller --cpu "$(cpu_xml gate64 "$own_features")"
	source_says "/'cx16'/d"
	run ! migrate one traveller --live
	[[ $output == *"model 'gate64': its CPU as recorded"*'cx16;'* ]]
	source_says 's/>gate64</>Opteron_G1</'
	run ! migrate one traveller --live
	[[ $output == *"model 'gate64': it asks for it, but its CPU was recorded as 'Opteron_G1'"* ]]
	[ "$(on one virsh -q domstate traveller)" = running ]
	no_records
}

@test "after an arrival that failed the same guest starts as whatever it is defined" {
	rare
	guest_start one traveller --cpu "$(cpu_xml gate64)"
	source_says 's/>gate64</>Opteron_G1</'
	run ! migrate one traveller --live
	uuid=$(on one virsh -q domuuid traveller)
	guest_stop one traveller
	guest_xml traveller --cpu "$(cpu_xml Opteron_G1)" | sed "s|<memory|<uuid>$uuid</uuid>&|" >"$two/run/other.xml"
	run -0 on two virsh -q create /run/other.xml
	[[ $(guest_cpu two traveller) == Opteron_G1* ]]
}

@test "a saved file that says gate64 while its cookie says Opteron_G1 is refused" {
	guest_start two saved --cpu "$(cpu_xml gate64)"
	on two virsh -q save saved /run/saved
	edit_image "$two/run/saved" cookie "<model fallback='forbid'>gate64<" "<model fallback='forbid'>Opteron_G1<"
	run ! on two virsh -q restore /run/saved
	[[ $output == *"model 'gate64': it asks for it, but its CPU was recorded as 'Opteron_G1'"* ]]
	# also where it says so in other words
	asked=$(grep -ao "<model fallback='[a-z]*'>gate64<" "$two/run/saved" | head -n 1)
	edit_image "$two/run/saved" head "$asked" "${asked%64<}\&#54;4<"
	run ! on two virsh -q restore /run/saved
	[[ $output == *"model 'gate64': it asks for it, but its CPU was recorded as 'Opteron_G1'"* ]]
	run ! on two virsh -q domstate saved
	no_records
}

# a saved guest of gate64 whose file says that it ran as Opteron_G1: as stock libvirt leaves it
save_translated() {
	guest_start two saved --cpu "$(cpu_xml gate64)"
	on two virsh -q save saved /run/saved
	edit_image "$two/run/saved" cookie "<model fallback='forbid'>gate64<" "<model fallback='forbid'>Opteron_G1<"
	cp "$two/run/saved" "$two/run/asked"
}

# stays_refused WHAT BECOMES: with that in its head it is restored as what libvirt reads there. Blanks
# behind the first word of BECOMES make it as long as WHAT.
stays_refused() {
	local blanks becomes=$2 words
	blanks=$(printf '%*s' $((${#1} - ${#becomes})) '')
	becomes=${becomes/@/@$blanks}
	cp "$two/run/asked" "$two/run/saved"
	edit_image "$two/run/saved" head "$1" "$(sed 's/[/&]/\\&/; s/@/ /' <<<"$becomes")"
	words=$(on two virsh -q restore /run/saved 2>&1) || :
	printf '%s\n%s\n' "$words" "$(guest_cpu two saved 2>/dev/null | cut -c 1-60)"
	[[ $words == *"model 'gate64': it asks for it, but its CPU was recorded as 'Opteron_G1'"* ]]
	no_records
}

@test "a saved file that hides gate64 from another reader than libvirt is refused" {
	save_translated
	local model mode
	model=$(grep -ao "<model fallback='[a-z]*'>gate64<" "$two/run/asked" | head -n 1)
	mode=$(grep -ao "<cpu mode='custom'[^>]*>" "$two/run/asked" | head -n 1)
	stays_refused "$model" '<model@>gate<x/>64<'
	stays_refused "$model" '<model@>gate<!---->64<'
	stays_refused "$model" '<model@>ga<?x?>te64<'
	stays_refused "$mode" "<cpu@xml:mode='custom' mode='maximum'>"
	stays_refused "$mode" "<cpu@xmlns:x='u' x:mode='custom' mode=''>"
	stays_refused "$mode" "<cpu@mode='cust&#111;m'>"
}

@test "a saved file with its UUID in upper case is the same guest, and comes back exact" {
	local id before
	guest_start two saved --cpu "$(cpu_xml gate64)"
	before=$(reads two saved 1)
	id=$(on two virsh -q domuuid saved)
	on two virsh -q save saved /run/saved
	edit_image "$two/run/saved" head "<uuid>$id" "<uuid>${id^^}"
	on two virsh -q restore /run/saved
	[ "$(reads two saved 1)" = "$before" ]
	no_records
}

@test "a saved file whose cookie takes pni away is refused at start" {
	guest_start two saved --cpu "$(cpu_xml gate64)"
	on two virsh -q save saved /run/saved
	edit_image "$two/run/saved" cookie "policy='require' name='hypervisor'" "policy='disable' name='pni'"
	run ! on two virsh -q restore /run/saved
	[[ $output == *"model 'gate64': libvirt added feature 'pni' (disable)"* ]]
	no_records
}

@test "an arrival that libvirt refuses before prepare doesn't hinder the guest that is defined after it" {
	local uuid
	guest_start two saved --cpu "$(cpu_xml gate64)"
	uuid=$(on two virsh -q domuuid saved)
	on two virsh -q save saved /run/saved
	edit_image "$two/run/saved" cookie "name='hypervisor'" "name='x,pni=off'"
	run ! on two virsh -q restore /run/saved
	[[ $output == *'x,pni=off'* && $output != *cpushim* ]]
	[ "$(on two ls /run/cpushim)" = "$uuid" ]
	plain_again saved "$uuid"
	on two virsh -q define /run/plain.xml
	on two virsh -q start saved
	runs_plain saved
}

@test "migrate --offline leaves nothing that helps or hinders the guest that is started there" {
	rare
	local uuid
	migrate_offline
	[ -n "$(on two ls /run/cpushim)" ]
	on two virsh -q start traveller
	[[ $(guest_cpu two traveller) == *,cx16=on* ]]
	guest_stop two traveller
	no_records
	# and as it is defined anew
	migrate one traveller --offline --persistent
	uuid=$(on two virsh -q domuuid traveller)
	plain_again traveller "$uuid"
	on two virsh -q define /run/plain.xml
	[ -n "$(on two ls /run/cpushim)" ]
	on two virsh -q start traveller
	runs_plain traveller
}

@test "what a daemon that was killed left behind helps and hinders nobody" {
	local uuid
	migrate_offline
	uuid=$(on two virsh -q domuuid traveller)
	on two virsh -q undefine traveller
	on two kill -9 "$(cat "$two/run/libvirtd.pid")"
	libvirt_up two
	[ -n "$(on two ls /run/cpushim)" ]
	plain_again traveller "$uuid"
	on two virsh -q create /run/plain.xml
	runs_plain traveller
}
