#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Guarantee G2 (docs/design.md): guests that ask for no site model, and what libvirt tells, before and
# after cpushim came. The same node without it is the judge. Needs root.

bats_require_minimum_version 1.5.0
load ../lib/e2e

make_nodes() {
	export OUT=$BATS_FILE_TMPDIR
	NODE_EMULATORS=all node_new node
	libvirt_up node
	observe before
	node_ready node
	observe after
}

# The domains that must not change.
guests() {
	cat <<-END
		kvm64|$(cpu_xml kvm64)
		host-model|<cpu mode='host-model'/>
		none|
		own|$(cpu_xml qemu64 "<feature policy='disable' name='svm'/>")
	END
	! libvirt_since node 7.1 || printf "maximum|<cpu mode='maximum'/>\n"
}

# What a guest's QEMU was given; the paths and numbers that differ from start to start left out.
args() {
	guest_args node "$1" | sed 's/domain-[0-9]*-/domain-N-/; s/fd=[0-9]*/fd=N/'
}

# Everything that is to be the same, into files of a directory.
observe() {
	local name cpu guest dir=$OUT/$1
	mkdir "$dir"
	while IFS='|' read -r name cpu; do
		guest=$name
		guest_xml "$guest" --kernel '' --cpu "$cpu" |
			sed "s|<memory|<uuid>6b2f0d3e-52cf-4b1f-9a57-0000000000$(printf '%02x' ${#name})</uuid>&|" \
				>"$(root_path node)/run/$guest.xml"
		on node virsh -q create "/run/$guest.xml"
		args "$guest" >"$dir/args.$name"
		on node virsh dumpxml "$guest" | sed "/<domain/s/ id='[0-9]*'//; s/domain-[0-9]*-/domain-N-/" \
			>"$dir/xml.$name"
		guest_stop node "$guest"
	done < <(guests)
	guest_xml passthrough --cpu "<cpu mode='host-passthrough'/>" \
		>"$(root_path node)/run/passthrough.xml"
	on node virsh domxml-to-native qemu-argv /run/passthrough.xml >"$dir/native.passthrough" 2>&1 || :
	on node virsh capabilities >"$dir/capabilities"
	on node virsh domcapabilities >"$dir/domcapabilities"
	on node virsh capabilities | sed -n '/<cpu>/,/<\/cpu>/p' >"$(root_path node)/run/host.xml"
	{ cat "$(root_path node)/run/host.xml" && cpu_xml Nehalem; } >"$(root_path node)/run/two.xml"
	on node virsh cpu-baseline /run/two.xml >"$dir/baseline" 2>&1 || :
	on node virsh cpu-baseline --features /run/host.xml >"$dir/baseline-features" 2>&1 || :
	on node virsh cpu-compare /run/host.xml >"$dir/compare" 2>&1 || :
}

same() {
	[ -s "$OUT/before/$1" ]
	diff "$OUT/before/$1" "$OUT/after/$1"
}

@test "a domain with kvm64 has the same QEMU arguments and XML" {
	same args.kvm64
	same xml.kvm64
}

@test "a domain with host-model has the same QEMU arguments and XML" {
	same args.host-model
	same xml.host-model
}

@test "a domain with mode maximum has the same QEMU arguments and XML" {
	libvirt_since node 7.1 || skip "this libvirt has no mode='maximum' (7.1)"
	same args.maximum
	same xml.maximum
}

@test "a domain without <cpu> has the same QEMU arguments and XML" {
	same args.none
	same xml.none
}

@test "a domain with its own features on a model of QEMU's is the same" {
	same args.own
	same xml.own
}

@test "a domain with host-passthrough is translated the same" {
	same native.passthrough
}

@test "virsh capabilities are the same" {
	same capabilities
}

@test "virsh domcapabilities are the same except for our models" {
	# newer ones also tell what blocks each that can't run
	diff "$OUT/before/domcapabilities" <(sed -e "/<blockers model='x86-64-v/,/<\/blockers>/d" \
		-e '/>gate64</d' -e '/>x86-64-v[234]</d' "$OUT/after/domcapabilities")
	grep -q '>gate64<' "$OUT/after/domcapabilities"
}

@test "cpu-baseline and cpu-compare of the same input are the same" {
	same baseline
	same baseline-features
	same compare
}

@test "the comparison would see a difference" {
	mkdir "$OUT/false"
	sed 's/qemu64/kvm32/' "$OUT/before/args.own" >"$OUT/false/args.own"
	run -1 diff "$OUT/before/args.own" "$OUT/false/args.own"
}
