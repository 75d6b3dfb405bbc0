#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Guests under KVM, where this machine's can start one. A KVM may let the host's CPU show through, and
# then a guest's CPUID proves nothing: verify says so, and judges by QEMU's feature words. Needs root.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/root.bash
	load ../lib/libvirt.bash
	export SKIP=
	kvm_takes kvm64 /usr/bin/qemu-system-x86_64 >/dev/null ||
		SKIP="kvm: there is no /dev/kvm here that can start a guest"
	[ "$(id -u)" = 0 ] || SKIP='needs root'
	[ -z "$SKIP" ] || return 0
	node_new node --kvm
	export STOCK
	STOCK=$(stock_cpu)
	node_ready node
}

setup() {
	[ -z "$SKIP" ] || skip "$SKIP"
	load ../lib/root.bash
	load ../lib/libvirt.bash
}

teardown() {
	[ -n "$SKIP" ] || on node virsh -q destroy guest 2>/dev/null || :
}

# kvm_takes CPU [QEMU]: does a guest start with it?
kvm_takes() {
	printf 'quit\n' | timeout 20 "${2:-/usr/bin/qemu-system-x86_64.distrib}" -accel kvm -nodefaults \
		-display none -monitor stdio -cpu "$1" 2>&1
}

# What stock libvirt gives for gate64 under KVM, if it is in its map
stock_cpu() {
	map_gate64 node
	libvirt_up node
	if guest_start node guest --kvm --cpu "$(cpu_xml gate64)" 2>&1; then
		guest_cpu node guest
		guest_stop node guest
	fi
	map_without_gate64 node
}

# provided MODEL: its features that this KVM has, one a line, by QEMU's own answer
provided() {
	local feature
	for feature in $(on node cpushim show "$1"); do
		! kvm_has "$feature" || printf '%s\n' "$feature"
	done
}

# by QEMU's model without any feature
kvm_has() {
	in_node "base,$1=on,enforce" >/dev/null
}

in_node() {
	on node bash -c "$(declare -f kvm_takes); kvm_takes $1"
}

# usual_rows: what list --json says of the usual emulator's rows; qemu-system-i386 has others
usual_rows() {
	on node cpushim list --json 2>/dev/null | awk '{ row = row $0 "\n" } /^  }/ {
		if (row ~ /"emulator": "\/usr\/bin\/qemu-system-x86_64"/) printf "%s", row
		row = "" }'
}

@test "gate64 is exact, or refused for a feature that QEMU's own enforce refuses, too" {
	printf '# stock libvirt with gate64 in its map: %s\n' "$STOCK" >&3
	if guest_start node guest --kvm --cpu "$(cpu_xml gate64)" >"$BATS_TEST_TMPDIR/said" 2>&1; then
		[ "$(guest_cpu node guest)" = "$(on node cpushim expand gate64)" ]
		on node cpushim verify gate64 --accel kvm
		return
	fi
	cat "$BATS_TEST_TMPDIR/said"
	grep "model 'gate64'" "$BATS_TEST_TMPDIR/said"
	lacking=$(usual_rows |
		sed -n '/"kvm"/ {s/.*"lacks \(.*\)".*/\1/;h}; /"model": "gate64"/ {g;p}')
	[ -n "$lacking" ]
	printf '# KVM here lacks for gate64: %s\n' "$lacking" >&3
	for feature in ${lacking//,/ }; do
		grep -w -- "$feature" "$BATS_TEST_TMPDIR/said"
		run ! kvm_has "$feature"
		run -1 in_node "kvm64,$feature=on,enforce"
		[[ $output == *"doesn't support requested feature"*"$feature"* ]]
	done
}

# site_model VENDOR: a model of what gate64 has and KVM offers
site_model() {
	printf "<cpus xmlns:shim='urn:cpushim:1'><model name='kvm-%s'><shim:qemu base='kvm64'/>\n" "$1"
	printf "<vendor name='%s'/>\n" "$1"
	# shellcheck disable=SC2046 # words
	printf "<feature name='%s'/>\n" $(provided gate64)
	printf '</model></cpus>\n'
}

@test "a model of what this KVM offers starts, exact, with its own vendor whatever the host's" {
	root=$(root_path node)
	site_model Intel >"$root/etc/cpushim/models.d/intel.xml"
	site_model AMD >"$root/etc/cpushim/models.d/amd.xml"
	on node cpushim compile
	libvirt_restart node
	for vendor in Intel:GenuineIntel AMD:AuthenticAMD; do
		model=kvm-${vendor%:*}
		guest_start node guest --kvm --cpu "$(cpu_xml "$model")"
		[ "$(guest_cpu node guest)" = "$(on node cpushim expand "$model")" ]
		[ "$(monitor_property vendor)" = "${vendor#*:}" ]
		features_are "$(on node cpushim show "$model")"
		guest_stop node guest
		run on node cpushim verify "$model" --accel kvm
		[[ $output == *"$model: exact"*', kvm, 1 and 4 vCPUs'* ]]
		# what can't be told by CPUID isn't told
		[ "$status" = 0 ] || [[ $status == 2 && $output == *"lets the host's CPU show through"* ]]
	done
}

monitor_property() {
	on node virsh -q qemu-monitor-command guest --pretty "{\"execute\": \"qom-get\",
		\"arguments\": {\"path\": \"/machine/unattached/device[0]\", \"property\": \"$1\"}}" |
		sed -n 's/.*"return": "\{0,1\}\([^",]*\)"\{0,1\},*/\1/p'
}

# Every feature of the map that QEMU has, by what QEMU says that the running guest has
features_are() {
	local feature want
	for feature in fpu vme pse36 pni cx16 aes avx x2apic sse2 syscall nx lm svm vmx smep \
		rdtscp abm hle pcid pat clflush mmx fxsr; do
		want=false
		! grep -qx "$feature" <<<"$1" || want=true
		[ "$(monitor_property "$feature")" = $want ] || {
			printf '%s is not %s\n' "$feature" "$want"
			return 1
		}
	done
}

# Plain kvm64 without enforce: what the guest reads by itself, and what QEMU gave it
@test "verify says it where this KVM lets the host's CPU show through" {
	site_model Intel >"$(root_path node)/etc/cpushim/models.d/intel.xml"
	on node cpushim compile
	guest_start node guest --kvm --cpu "$(cpu_xml kvm64)"
	dump=$(root_path node)/run/plain.dump
	guest_dump_when_ready node guest >"$dump"
	# leaf 1's ECX, bit 28: AVX, which kvm64 hasn't
	ecx=$(awk '$1 == "00000001" { print $5; exit }' "$dump")
	[ "$ecx" ]
	run on node cpushim verify kvm-Intel --accel kvm
	verified=$status told=$output
	run -0 --separate-stderr on node cpushim list
	if ((0x$ecx >> 28 & 1)); then
		[[ $verified == 2 && $told == *"lets the host's CPU show through"* ]]
		[[ $stderr == "cpushim: /dev/kvm: this KVM lets the host's CPU show through"* ]]
		on node cpushim list --json | grep '"kvm_shows_through": true'
	else
		[ "$verified" = 0 ]
		[ -z "$stderr" ]
		on node cpushim list --json | grep '"kvm_shows_through": false'
	fi
}

# whys: what list --json says of KVM and each feature that is lacking, of whatever model: "NAME WHY"
whys() {
	usual_rows | sed -n '/"kvm_why": {$/,/}/s/^ *"\([^"]*\)": "\([^"]*\)",*$/\1 \2/p' | sort -u
}

@test "list says why each feature is lacking: the CPU lacks it, or KVM doesn't offer it" {
	whys >"$BATS_TEST_TMPDIR/whys"
	while read -r feature why; do
		run ! kvm_has "$feature"
		flag=${feature/sse4./sse4_}
		if grep -qw "$flag" /proc/cpuinfo; then
			[[ $why == "KVM doesn't offer it" || $why == 'QEMU under KVM withholds it' ]]
		else
			[[ $why == 'the CPU lacks it' ]]
		fi
	done <"$BATS_TEST_TMPDIR/whys"
	# and those that aren't named are there
	for feature in $(on node cpushim show x86-64-v4); do
		grep -q "^$feature " "$BATS_TEST_TMPDIR/whys" || kvm_has "$feature"
	done
}

@test "libvirt's domcapabilities and list agree on what KVM can run here" {
	site_model Intel >"$(root_path node)/etc/cpushim/models.d/intel.xml"
	on node cpushim compile
	libvirt_restart node
	capabilities=$(on node virsh domcapabilities --virttype kvm)
	for model in gate64 x86-64-v2 x86-64-v3 x86-64-v4 kvm-Intel; do
		usable=no
		! on node cpushim list --json $model 2>/dev/null | grep '"kvm": "yes"' || usable=yes
		grep "<model usable='$usable'.*>$model</model>" <<<"$capabilities"
	done
	[ "$usable" = yes ]
}

# What QEMU adds by itself and KVM might lack. This KVM lacks kvm-mmu, if any: enforce says the same of it.
@test "a paravirtual feature that KVM lacks is refused by QEMU, and each cure that the hook names works" {
	if ! kvm_has kvm-mmu; then
		run -1 in_node 'base,kvm-mmu=on,enforce'
		[[ $output == *"doesn't support requested feature"*40000001*kvm-mmu* ]]
		in_node 'base,kvm-mmu=on,kvm=off,enforce'
	fi
	site_model Intel >"$(root_path node)/etc/cpushim/models.d/intel.xml"
	on node cpushim compile
	libvirt_restart node
	cured() { # SED-SCRIPT PROPERTY
		guest_xml guest --kvm --cpu "$(cpu_xml kvm-Intel)" | sed "$1" >"$(root_path node)/run/guest.xml"
		on node virsh -q create /run/guest.xml
		[[ $(guest_cpu node guest) == *",enforce,$2" ]]
		[[ $(on node cpushim guests) == *"kvm    what the name means"* ]]
		guest_stop node guest
	}
	cured "s|<devices>|<clock offset='utc'><timer name='kvmclock' present='no'/></clock>&|" kvmclock=off
	cured "s|<apic/>|<apic eoi='off'/>|" kvm-pv-eoi=off
	cured "s|</features>|<kvm><hidden state='on'/></kvm>&|" kvm=off
	# libvirt takes no other paravirtual name in <cpu>; if it once does, the hook's words hold as well
	run guest_start node guest --kvm \
		--cpu "$(cpu_xml kvm-Intel "<feature policy='disable' name='kvm-steal-time'/>")"
	[[ $status == 0 || $output == *'unknown CPU feature: kvm-steal-time'* ]]
}

@test "a domain without a site model has the same -cpu under KVM as before" {
	guest_start node guest --kvm --cpu "$(cpu_xml kvm64)"
	with=$(guest_cpu node guest)
	guest_stop node guest
	node_remove node
	guest_start node guest --kvm --cpu "$(cpu_xml kvm64)"
	[ "$with" = "$(guest_cpu node guest)" ]
}
