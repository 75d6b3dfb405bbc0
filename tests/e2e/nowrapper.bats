#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# install.sh --no-wrapper: QEMU as it is, and a hook that lets run what libvirt by itself makes of a
# site model and is exact by its features. On the distribution's libvirtd and QEMU. Needs root.

bats_require_minimum_version 1.5.0
load ../lib/some
load ../lib/e2e

make_nodes() {
	export KVM=
	! kvm_works || KVM=--kvm
	export NODE_TCP=yes
	# shellcheck disable=SC2086 # nothing, or a word
	NODE_EMULATORS=all node_new node $KVM
	NODE_EMULATORS=all node_new peer
	root_link node peer
	node_install node --no-wrapper
	node_install peer --no-wrapper
	libvirt_up node
	libvirt_up peer
}

kvm_works() {
	printf 'quit\n' | timeout 20 qemu-system-x86_64 -accel kvm -nodefaults -display none -monitor stdio \
		-cpu kvm64 >/dev/null 2>&1
}

before_each() {
	root=$(root_path node)
}

after_each() {
	guests_stop node peer
	[ ! -e "$root/etc/cpushim/models.d/site.xml" ] || {
		rm "$root/etc/cpushim/models.d/site.xml"
		on node cpushim compile
		libvirt_restart node
	}
}

site_models() { # the <model>s of a site's file
	printf "<cpus xmlns:shim='urn:cpushim:1'>%s</cpus>\n" "$1" >"$root/etc/cpushim/models.d/site.xml"
	on node cpushim compile
	libvirt_restart node
}

# features_as_asked NAME MODEL [NODE]: what the guest reads by CPUID differs from the definition in its
# identity at most
features_as_asked() {
	local node=${3-node} there said
	there=$(root_path "$node")/run/guests
	: >"$there/$1"
	guest_dump_when_ready "$node" "$1" >"$there/$1.dump"
	run on "$node" cpushim verify "$2" --read "/run/guests/$1.dump"
	[ "$status" -le 1 ]
	said=$output
	run ! grep -v "^$2: \|^vendor: \|^family: \|^model: \|^stepping: " <<<"$said"
	output=$said
}

# of all files that an installation may touch
fingerprint() {
	on node sh -c 'find /usr/bin/qemu-system-* /usr/share/libvirt /etc/libvirt/hooks /etc/apparmor.d /etc/cpushim \
		/usr/bin/cpushim /usr/lib/cpushim /usr/share/cpushim /var/lib/dpkg/diversions \
		-exec stat -c "%n %F %a %u %g" {} + -type f -exec sha256sum {} + 2>/dev/null | sort'
}

@test "QEMU is the distribution's own, and libvirt knows the models" {
	[ "$(on node dpkg -V qemu-system-x86)" = '' ]
	[ ! -e "$root/usr/bin/qemu-system-x86_64.distrib" ]
	[ ! -e "$root/usr/lib/cpushim/qmp-proxy" ]
	on node virsh cpu-models x86_64 | grep -x gate64
}

@test "gate64 starts under TCG, translated, and reads exactly its features" {
	guest_start node plain --cpu "$(cpu_xml gate64)"
	cpu=$(guest_cpu node plain)
	[[ $cpu != gate64* ]]
	features_as_asked plain gate64
	[ -z "$(on node ls /run/cpushim)" ]
}

@test "guests and why say that what was let in is exact" {
	guest_xml exact --cpu "$(cpu_xml gate64)" >"$root/run/exact.xml"
	on node virsh -q define /run/exact.xml
	on node virsh -q start exact
	cpu=$(guest_cpu node exact)
	run -0 --separate-stderr on node cpushim guests
	[[ ${lines[1]} == 'exact '*" gate64 "*"what the name means; as libvirt's own $cpu, which is exact here" ]]
	run -0 --separate-stderr on node cpushim why exact
	[[ $output == *"which is what gate64 means; as libvirt's own $cpu, which is exact here"* ]]
	guest_stop node exact
	on node virsh -q undefine exact
}

@test "the domain's own features are part of what is asked for" {
	guest_start node own --cpu "$(cpu_xml gate64 "<feature policy='require' name='cx16'/>
		<feature policy='disable' name='pat'/>")"
	features=$(guest_dump_when_ready node own | awk '$1 == "00000001" { print $5, $6; exit }')
	((0x${features% *} >> 13 & 1 && !(0x${features#* } >> 16 & 1)))
}

@test "a model that libvirt makes another of is refused before it starts, with the features" {
	# QEMU's Westmere has more than libvirt's map knows of
	site_models "<model name='site-movbe'><model name='Westmere'/><feature name='movbe'/></model>"
	run -1 guest_start node movbe --cpu "$(cpu_xml site-movbe)"
	[[ $output == *"model 'site-movbe': libvirt makes '-cpu Westmere,"*"'"*'beyond it: '*pclmuldq* ]]
	[ ! -e "$root/run/libvirt/qemu/movbe.pid" ]
	# and that is what a guest would have read
	cpu=$(sed -n "s/.*libvirt makes '-cpu \([^']*\)'.*/\1/p" <<<"$output")
	on node qemu-system-x86_64 -nodefaults -display none -no-reboot -m 64 -cpu "$cpu" -kernel /run/guests/kernel \
		-serial file:/run/guests/movbe -device isa-debug-exit,iobase=0xf4 || [ $? = 99 ]
	guest_dump node movbe >"$root/run/guests/movbe.dump"
	run -1 on node cpushim verify site-movbe --read /run/guests/movbe.dump
	[[ $output == *'extra: pclmuldq'* ]]
}

@test "a model that TCG lacks features of, which libvirt leaves out without a word, is refused" {
	run -1 guest_start node v4 --cpu "$(cpu_xml x86-64-v4)"
	[[ $output == *"model 'x86-64-v4'"*avx512f* ]]
}

@test "started ends a QEMU that has another CPU than start showed" {
	run -1 guest_start node other --cpu "$(cpu_xml gate64)" \
		--qemu '<qemu:commandline><qemu:arg value="-cpu"/><qemu:arg value="kvm64"/></qemu:commandline>'
	[[ $output == *"model 'gate64'"*"libvirt makes '-cpu kvm64'"*'beyond it:'*cx16* ]]
	run ! on node virsh domstate other
	run -1 guest_start node global --cpu "$(cpu_xml gate64)" \
		--qemu '<qemu:commandline><qemu:arg value="-global"/><qemu:arg value="Opteron_G1-x86_64-cpu.sse=off"/></qemu:commandline>'
	[[ $output == *"model 'gate64'"*'-global'* ]]
	[ -z "$(on node ls /run/cpushim)" ]
}

@test "old machine types, whose models differ, are judged as they are" {
	rare
	for machine in pc-i440fx-2.3 pc-q35-6.0 pc-i440fx-7.2; do
		[ "$(on node qemu-system-x86_64 -machine help | grep -c "^$machine ")" = 1 ] || continue
		guest_xml old --cpu "$(cpu_xml gate64)" | sed "s/machine='pc'/machine='$machine'/" >"$root/run/old.xml"
		if on node virsh -q create /run/old.xml 2>"$BATS_TEST_TMPDIR/said"; then
			features_as_asked old gate64
			guest_stop node old
		else
			grep "model 'gate64': libvirt makes" "$BATS_TEST_TMPDIR/said"
		fi
	done
}

@test "under KVM gate64, to which KVM's defaults are added, is refused with their names" {
	[ "$KVM" ] || skip "kvm: there is no /dev/kvm here that can start a guest"
	# a KVM without pni refuses at prepare, so take a model that it has all of
	site_models "<model name='site-kvm'><model name='gate64'/>$(kvm_lacks gate64)</model>"
	run -1 guest_start node guest --kvm --cpu "$(cpu_xml site-kvm)"
	[[ $output == *"model 'site-kvm': libvirt makes '-cpu "*" under kvm"*'beyond it: vme x2apic;'* ]]
}

# kvm_lacks MODEL: its features that this KVM hasn't, taken away
kvm_lacks() {
	on node cpushim show "$1" | grep -vxF -f <(on node cpushim probe |
		sed -n 's/^kvm ([0-9]*): //p' | tr ' ' '\n') | sed "s/.*/<feature name='&' policy='disable'\/>/"
}

@test "under KVM a model that has what KVM adds starts, and has exactly its features" {
	[ "$KVM" ] || skip "kvm: there is no /dev/kvm here that can start a guest"
	site_models "<model name='site-kvm-defaults'><model name='gate64'/><feature name='vme'/><feature name='x2apic'/>
		$(kvm_lacks gate64)</model>"
	guest_start node guest --kvm --cpu "$(cpu_xml site-kvm-defaults)"
	guest_words node guest >"$root/run/guests/guest.dump"
	run on node cpushim verify site-kvm-defaults --read /run/guests/guest.dump
	[ "$status" -le 1 ]
	run ! grep -v "^site-kvm-defaults: \|^vendor: \|^family: \|^model: \|^stepping: " <<<"$output"
}

@test "a guest without a site model has the -cpu that it has anyhow" {
	guest_start node plain --cpu "$(cpu_xml kvm64)"
	[[ $(guest_cpu node plain) == kvm64* ]]
}

@test "a guest is the same after save and restore" {
	rare
	guest_start node saved --cpu "$(cpu_xml gate64)"
	features_as_asked saved gate64
	before=$(digest_in <<<"$output")
	on node virsh -q save saved /run/saved
	on node virsh -q restore /run/saved
	features_as_asked saved gate64
	[ "$before" = "$(digest_in <<<"$output")" ]
}

migrate() {
	on "$1" timeout 120 virsh -q migrate --live "$3" "qemu+tcp://$2/system"
}

@test "a live guest is the same on another such node and back" {
	rare
	guest_start node traveller --cpu "$(cpu_xml gate64)"
	features_as_asked traveller gate64
	before=$(digest_in <<<"$output")
	migrate node 10.77.0.2 traveller
	features_as_asked traveller gate64 peer
	[ "$before" = "$(digest_in <<<"$output")" ]
	[ -z "$(on peer ls /run/cpushim)" ]
	migrate peer 10.77.0.1 traveller
	features_as_asked traveller gate64
	[ "$before" = "$(digest_in <<<"$output")" ]
}

@test "a live guest keeps its CPU on a node with the wrapper; from there it may not come where it would change" {
	node_ready peer
	guest_start node native --cpu "$(cpu_xml gate64)"
	features_as_asked native gate64
	before=$(digest_in <<<"$output")
	if on node virsh -q dumpxml --migratable native | grep '>gate64<'; then
		# libvirt sends what was asked for, too, which the wrapper would make of it
		run ! migrate node 10.77.0.2 native
		[[ $output == *"model 'gate64'"*"its CPU was recorded as 'Opteron_G1' where it comes from"* ]]
		features_as_asked native gate64
	else
		# it sends the CPU that it made of it
		migrate node 10.77.0.2 native
		features_as_asked native gate64 peer
	fi
	[ "$before" = "$(digest_in <<<"$output")" ]
	guest_start peer exact --cpu "$(cpu_xml gate64)"
	run ! migrate peer 10.77.0.1 exact
	[[ $output == *"model 'gate64'"*'it ran on the model itself'* ]]
	[ "$(on peer virsh -q domstate exact)" = running ]
	guest_exact peer exact gate64
}

@test "without the mark nobody is let in that the wrapper would have to serve" {
	mv "$root/usr/lib/cpushim/no-wrapper" "$root/run/mark"
	run -1 guest_start node plain --cpu "$(cpu_xml gate64)"
	mv "$root/run/mark" "$root/usr/lib/cpushim/no-wrapper"
	[[ $output == *"isn't cpushim's wrapper"* ]]
}

@test "installing with the wrapper, and without it again, changes what runs, and nothing is left" {
	rare
	before=$(fingerprint)
	node_ready node
	[ ! -e "$root/usr/lib/cpushim/no-wrapper" ]
	guest_start node plain --cpu "$(cpu_xml gate64)"
	[ "$(guest_cpu node plain)" = "$(on node cpushim expand gate64)" ]
	guest_exact node plain gate64
	guest_stop node plain
	node_ready node --no-wrapper
	diff <(grep -v /usr/lib/cpushim/receipt <<<"$before") <(fingerprint | grep -v /usr/lib/cpushim/receipt)
	guest_start node plain --cpu "$(cpu_xml gate64)"
	features_as_asked plain gate64
}

@test "a guest that ran with the wrapper isn't restored where it would become another CPU" {
	rare
	node_ready node
	guest_start node saved --cpu "$(cpu_xml gate64)"
	on node virsh -q save saved /run/saved
	node_ready node --no-wrapper
	run -1 on node virsh -q restore /run/saved
	[[ $output == *"model 'gate64'"* ]]
}

@test "uninstalling leaves the node as it was, byte for byte" {
	node_remove node
	before=$(fingerprint)
	node_ready node --no-wrapper
	[ "$before" != "$(fingerprint)" ]
	node_remove node
	[ "$before" = "$(fingerprint)" ]
	# the configuration is these tests'
	[ "$(on node dpkg -V qemu-system-x86 libvirt-daemon | grep -v ' /etc/libvirt/libvirtd.conf$')" = '' ]
}
