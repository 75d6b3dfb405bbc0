#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What stock libvirt saved of gate64 guests before cpushim came: managed saves, saved files and snapshots,
# with its translation in them. On a node with the distribution's libvirtd and QEMU. Needs root.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/e2e

make_nodes() {
	node_new node
	root=$(root_path node)
	stock_guests
	node_ready node >"$BATS_FILE_TMPDIR/install" 2>&1
}

before_each() {
	root=$(root_path node)
}

after_each() {
	guests_stop node
}

# with gate64 in libvirt's map and no more
stock_guests() {
	map_gate64 node
	libvirt_up node
	guest kept gate64
	guest file gate64
	guest snapped gate64
	guest plain kvm64
	on node virsh -q managedsave kept
	on node virsh -q save file /run/file.image
	for name in snapped plain; do
		on node virsh -q snapshot-create-as $name before
		guest_stop node $name
	done
	mkdir -p "$root/var/lib/nova/instances"
	guest rescued gate64
	uuid=$(on node virsh -q domuuid rescued)
	mkdir "$root/var/lib/nova/instances/$uuid"
	on node virsh -q dumpxml rescued >"$root/var/lib/nova/instances/$uuid/unrescue.xml"
	guest_stop node rescued
	libvirt_down node
	map_without_gate64 node
	libvirt_up node
}

guest() { # NAME MODEL: defined, with a disk, and started
	local disk
	disk=$(disk_xml node "$1")
	guest_xml "$1" --cpu "$(cpu_xml "$2")" | sed "s|<devices>|&$disk|" >"$root/run/$1.xml"
	on node virsh -q define "/run/$1.xml"
	on node virsh -q start "$1"
}

is_gate64() {
	[[ $(guest_cpu node "$1") == "$(on node cpushim expand gate64)"* ]]
}

# the refusal of an image; from 11.3 on libvirt shows restore's hook the domain's own CPU, and prepare's the other
its_image_had_another() {
	if libvirt_since node 11.3.0; then
		[[ $output == *': gate64: was another CPU '*"it asks for it, but its CPU was recorded as 'Opteron_G1'"*'virsh managedsave-remove'* ]]
	else
		[[ $output == *"model 'gate64': its definition asks for it, and its saved image has 'Opteron_G1'"*'virsh managedsave-remove'* ]]
	fi
}

@test "installing names what was saved so, and what to do, and nothing else" {
	cat "$BATS_FILE_TMPDIR/install"
	# once when it is installed, and once when it has been looked at again
	run -0 grep -c "has the CPU 'Opteron_G1'" "$BATS_FILE_TMPDIR/install"
	[ "$output" = 6 ]
	run -0 sort -u <(grep "has the CPU 'Opteron_G1'" "$BATS_FILE_TMPDIR/install")
	[ "${#lines[@]}" = 3 ]
	[[ $output == *"kept: its managed save has the CPU 'Opteron_G1', and it asks for 'gate64'; "*'virsh managedsave-remove kept'* ]]
	[[ $output == *'snapped: its snapshot has'*'virsh snapshot-delete snapped before'* ]]
	[[ $output == *'rescued: its instance in rescue has'*'unrescue'* ]]
}

@test "a managed save is refused with the way out, which then starts the guest as gate64" {
	run -1 on node virsh -q start kept
	its_image_had_another
	on node virsh -q managedsave-remove kept
	on node virsh -q start kept
	is_gate64 kept
}

@test "a saved file is refused" {
	run -1 on node virsh -q restore /run/file.image
	its_image_had_another
	on node virsh -q start file
	is_gate64 file
}

@test "a snapshot is refused, of a guest that runs and of one that doesn't" {
	if libvirt_since node 11.3.0; then
		# it begins like a cold start, and the guest is exact
		on node virsh -q snapshot-revert snapped before
		is_gate64 snapped
		return
	fi
	run -1 on node virsh -q snapshot-revert snapped before
	[[ $output == *"model 'gate64': its definition asks for it, and the snapshot has 'Opteron_G1'"* ]]
	on node virsh -q start snapped
	is_gate64 snapped
	# without --force libvirt 7.0 looks at the CPU of a guest that runs before anybody is asked
	run -1 on node virsh -q snapshot-revert --force snapped before
	[[ $output == *"the snapshot has 'Opteron_G1'"* ]]
	on node virsh -q start snapped
	# one of today comes back
	on node virsh -q snapshot-create-as snapped today
	guest_stop node snapped
	on node virsh -q snapshot-revert snapped today
	is_gate64 snapped
}

@test "a guest of another CPU over the defined name starts, beside such a snapshot" {
	sed "s|>gate64<|>Opteron_G1<|; s|<memory|<uuid>$(on node virsh -q domuuid snapped)</uuid>&|" \
		"$root/run/snapped.xml" >"$root/run/over.xml"
	on node virsh -q create /run/over.xml
	[[ $(guest_cpu node snapped) == Opteron_G1* ]]
}

@test "a guest that asks for no site model is reverted, saved and restored, whatever the worker does" {
	mv "$root/usr/bin/cpushim" "$root/usr/bin/away"
	on node virsh -q snapshot-revert plain before
	on node virsh -q managedsave plain
	on node virsh -q start plain
	mv "$root/usr/bin/away" "$root/usr/bin/cpushim"
	[[ $(guest_cpu node plain) == kvm64* ]]
}
