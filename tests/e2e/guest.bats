#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The main path on a node with the distribution's libvirtd and QEMU and cpushim installed: guests with
# site models under TCG. Needs root.

bats_require_minimum_version 1.5.0
load ../lib/e2e
load ../lib/some

make_nodes() {
	node_new node
	node_install node
	libvirt_up node
}

after_each() {
	guests_stop node
}

@test "a domain with gate64 starts, dumpxml shows gate64, QEMU has the expansion, the guest is exact" {
	guest_start node plain --cpu "$(cpu_xml gate64)"
	on node virsh dumpxml plain | grep "<model fallback='forbid'>gate64</model>"
	[ "$(guest_cpu node plain)" = "$(on node cpushim expand gate64)" ]
	run -0 guest_exact node plain gate64
	[[ $output == 'gate64: exact, 24 features, '* ]]
}

@test "its QEMU is the process that libvirt started, by the name that libvirt gave it" {
	guest_start node plain --cpu "$(cpu_xml gate64)"
	[ "$(guest_args node plain | head -n 1)" = /usr/bin/qemu-system-x86_64 ]
	[[ $(on node readlink "/proc/$(guest_pid node plain)/exe") == \
		*/usr/bin/qemu-system-x86_64.distrib ]]
}

@test "2 and 4 vCPUs in a socket read the same" {
	guest_start node two --vcpus 2 \
		--cpu "$(cpu_xml gate64 "<topology sockets='1' cores='2' threads='1'/>")"
	guest_start node four --vcpus 4 \
		--cpu "$(cpu_xml gate64 "<topology sockets='1' cores='2' threads='2'/>")"
	run -0 guest_exact node two gate64 2
	two=$(digest_in <<<"$output")
	run -0 guest_exact node four gate64 4
	[ "$two" = "$(digest_in <<<"$output")" ]
	[ "$two" = "$(on node cpushim verify gate64 --digest | cut -d' ' -f3 | cut -c1-12)" ]
}

@test "a hot-plugged vCPU is exact, too" {
	guest_start node plug --vcpus 2 --current 1 \
		--cpu "$(cpu_xml gate64 "<topology sockets='1' cores='2' threads='1'/>")"
	guest_exact node plug gate64 1
	on node virsh -q setvcpus plug 2 --live
	run -0 guest_exact node plug gate64 2
	[[ $output == *' exact, '* ]]
}

@test "a guest is the same after save and restore" {
	guest_start node saved --vcpus 2 \
		--cpu "$(cpu_xml gate64 "<topology sockets='1' cores='2' threads='1'/>")"
	run -0 guest_exact node saved gate64 2
	before=$(digest_in <<<"$output")
	on node virsh -q save saved /run/saved
	on node virsh -q restore /run/saved
	run -0 guest_exact node saved gate64 2
	[ "$before" = "$(digest_in <<<"$output")" ]
	on node virsh dumpxml saved | grep '>gate64</model>'
}

@test "a domain's own features win over the model" {
	guest_start node own --cpu "$(cpu_xml gate64 "<feature policy='require' name='cx16'/>
		<feature policy='disable' name='pat'/>")"
	[[ $(guest_cpu node own) == *,cx16=on* ]]
	run -1 guest_exact node own gate64
	[[ $output == *cx16* ]]
	[[ $output == *pat* ]]
	run ! grep -v 'gate64\|cx16\|pat$' <<<"$output"
}

@test "no record is left once a guest runs" {
	guest_start node plain --cpu "$(cpu_xml gate64)"
	[ -z "$(on node ls /run/cpushim)" ]
}

@test "a model that TCG can't provide is refused at prepare, with the features' names" {
	run -1 guest_start node v4 --cpu "$(cpu_xml x86-64-v4)"
	[[ $output == *"model 'x86-64-v4'"* ]]
	[[ $output == *avx512f* ]]
	# and QEMU itself says the same
	run ! on node /usr/bin/qemu-system-x86_64.distrib -cpu kvm64,avx512f=on,enforce -display none -S
	[[ $output == *avx512f* ]]
}

@test "domcapabilities lists the models, usable or not" {
	capabilities=$(on node virsh domcapabilities --virttype qemu)
	grep "<model usable='yes'.*>gate64</model>" <<<"$capabilities"
	grep "<model usable='no'.*>x86-64-v4</model>" <<<"$capabilities"
}

@test "cpu-models finds them, and hypervisor-cpu-compare answers" {
	on node virsh cpu-models x86_64 | grep -x gate64
	cpu_xml gate64 >"$(root_path node)/run/cpu.xml"
	run -0 on node virsh hypervisor-cpu-compare --virttype qemu /run/cpu.xml
	[[ $output == *'superset'* || $output == *'identical'* ]]
	cpu_xml x86-64-v4 >"$(root_path node)/run/cpu.xml"
	run ! on node virsh hypervisor-cpu-compare --virttype qemu /run/cpu.xml
	[[ $output == *'incompatible'* ]]
}

@test "what libvirt 1.3 did, -cpu gate64 as it is, starts with the wrapper and not without" {
	pass='<qemu:commandline><qemu:arg value="-cpu"/><qemu:arg value="gate64"/></qemu:commandline>'
	guest_start node verbatim --qemu "$pass"
	run -0 guest_exact node verbatim gate64
	guest_stop node verbatim
	run ! on node /usr/bin/qemu-system-x86_64.distrib -cpu gate64 -display none -S
	[[ $output == *"unable to find CPU model 'gate64'"* ]]
}

@test "started refuses a QEMU whose -cpu isn't the model's" {
	run -1 guest_start node other --cpu "$(cpu_xml gate64)" \
		--qemu '<qemu:commandline><qemu:arg value="-cpu"/><qemu:arg value="kvm64"/></qemu:commandline>'
	[[ $output == *"model 'gate64'"*'another -cpu'* ]]
	run ! on node virsh domstate other
	[ -z "$(on node ls /run/cpushim)" ]
}

@test "another option's value, whatever it looks like, is no option: the guest starts and lives" {
	local word
	for word in $(printf '%s\n' -cpu --cpu -uuid -name -global | some 3); do
		guest_start node odd --cpu "$(cpu_xml gate64)" --cmdline "$word"
		[ "$(guest_args node odd | grep -A 1 -x -- -append | tail -n 1)" = "$word" ]
		[ "$(on node virsh domstate odd | head -n 1)" = running ]
		run -0 on node cpushim guests
		[[ $output == *"what the name means"* ]]
		guest_stop node odd
	done
	# as libvirt before 1.3 said a name, and a disk image
	guest_start node odd --cpu "$(cpu_xml gate64)" \
		--qemu '<qemu:commandline><qemu:arg value="-fw_cfg"/><qemu:arg value="name=opt/x,string=-cpu"/>
			<qemu:arg value="-append"/><qemu:arg value="-cpu"/></qemu:commandline>'
	run -0 on node cpushim guests
	[[ $output == *"what the name means"* ]]
}

@test "a level by -global or -readconfig hides no feature" {
	local root
	root=$(root_path node)
	guest_start node lowered --cpu "$(cpu_xml gate64)" \
		--qemu '<qemu:commandline><qemu:arg value="-global"/>
			<qemu:arg value="kvm64-x86_64-cpu.xlevel=0x80000000"/></qemu:commandline>'
	run -0 guest_exact node lowered gate64
	guest_stop node lowered
	printf '[global]\n  driver = "kvm64-x86_64-cpu"\n  property = "level"\n  value = "0"\n' >"$root/run/guests/config"
	guest_start node lowered --cpu "$(cpu_xml gate64)" \
		--qemu '<qemu:commandline><qemu:arg value="-readconfig"/><qemu:arg value="/run/guests/config"/></qemu:commandline>'
	run -0 guest_exact node lowered gate64
	guest_stop node lowered
	# said in -cpu itself it wins, and is seen
	run -1 guest_start node lowered --cpu "$(cpu_xml gate64)" \
		--qemu '<qemu:commandline><qemu:arg value="-cpu"/><qemu:arg value="gate64,xlevel=0x80000000"/></qemu:commandline>'
	[[ $output == *'its own xlevel may hide features of the model'* ]]
}

@test "start refuses when libvirt translates, having probed the real QEMU" {
	root=$(root_path node)
	libvirt_down node
	# libvirt believes its cache: of the real QEMU, of the wrapper's path and time
	mv "$root/usr/lib/cpushim/qmp-proxy" "$root/usr/lib/cpushim/qmp-proxy.away"
	rm -rf "$root/var/cache/libvirt/qemu/capabilities"
	libvirt_up node
	run -1 guest_start node stale --cpu "$(cpu_xml gate64)"
	mv "$root/usr/lib/cpushim/qmp-proxy.away" "$root/usr/lib/cpushim/qmp-proxy"
	rm -rf "$root/var/cache/libvirt/qemu/capabilities"
	libvirt_restart node
	[[ $output == *"model 'gate64'"*'translates it'* ]]
	guest_start node fresh --cpu "$(cpu_xml gate64)"
}

@test "a new model is known after compile and a restart of libvirt" {
	cat >"$(root_path node)/etc/cpushim/models.d/site.xml" <<-'END'
		<cpus>
		  <model name='site-aes'>
		    <model name='x86-64-v2'/>
		    <feature name='aes'/>
		  </model>
		</cpus>
	END
	run -0 on node cpushim compile
	[[ $output == *'restart libvirt'* ]]
	libvirt_restart node
	guest_start node aes --cpu "$(cpu_xml site-aes)"
	run -0 guest_exact node aes site-aes
	rm "$(root_path node)/etc/cpushim/models.d/site.xml"
	guest_stop node aes
	on node cpushim compile
	libvirt_restart node
	run ! guest_start node aes --cpu "$(cpu_xml site-aes)"
}
