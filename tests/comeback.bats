#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What comes back from a saved image or a snapshot, and what a mark says of an arrival. No libvirt here,
# its files are written by hand; tests/e2e/comeback.bats and tests/e2e/mark.bats have the real one.

# shellcheck disable=SC2154,SC2034,SC2030,SC2031 # lib/hook and bats set and use them; each test runs by itself
bats_require_minimum_version 1.5.0
load lib/hook

name=instance-00000001
here=$(printf '%064d' 1)
there=$(printf '%064d' 2)

setup() {
	make_root
	snapshots=$root/var/lib/libvirt/qemu/snapshot/$name
	mkdir -p "$root/etc/libvirt/qemu"
}

# what stock libvirt made of gate64, as it recorded it
translated="<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>Opteron_G1</model><feature policy='require' name='hypervisor'/><feature policy='disable' name='pse36'/></cpu>"

# as SED-SCRIPTs: another <cpu>; a mark of MODEL and DIGEST
cpu() {
	printf '/<cpu /,/<.cpu>/c %s' "$1"
}
mark() {
	printf "s|</metadata>|<shim:cpu xmlns:shim='urn:cpushim:1' model='%s' digest='%s'/>&|" "$1" "$2"
}

defined() { # [SED-SCRIPT...]: what the persistent definition asks for
	domain "$@" >"$root/etc/libvirt/qemu/$name.xml"
}

snapshot() { # COOKIE [SED-SCRIPT...]: the domain as it ran, and the CPU of libvirt's cookie
	mkdir -p "$snapshots"
	{
		printf '<domainsnapshot><name>s</name>\n'
		domain "${@:2}"
		printf '<cookie>%s</cookie></domainsnapshot>\n' "$1"
	} >"$snapshots/s.xml"
}

passes() {
	run -0 --separate-stderr "$@"
	[ -z "$stderr" ]
}

refuses() { # WORDS COMMAND...
	local words=$1
	shift
	run -1 --separate-stderr "$@"
	[[ $stderr == *"cpushim: $name: "*"$words"* ]]
}

@test "restore: an image of another CPU is refused where the definition asks for a site model, with the way out" {
	defined
	refuses "model 'gate64': its definition asks for it, and its saved image has 'Opteron_G1'" \
		by_libvirt restore begin < <(domain "$(cpu "$translated")")
	[[ $stderr == *"virsh managedsave-remove $name"*"virsh start $name"* ]]
	refuses "saved image has 'no model'" by_libvirt restore begin < <(domain '/<cpu /,/<.cpu>/d')
	[ ! -e "$record" ]
}

@test "restore: without a definition, with another one or another domain's, and by hand it passes" {
	domain "$(cpu "$translated")" >"$BATS_TEST_TMPDIR/image"
	passes by_libvirt restore begin <"$BATS_TEST_TMPDIR/image"
	defined 's/>gate64</>kvm64</'
	passes by_libvirt restore begin <"$BATS_TEST_TMPDIR/image"
	# its description only speaks of it
	defined 's/>gate64</>kvm64</' 's|<memory|<description>gate64</description>&|'
	passes by_libvirt restore begin <"$BATS_TEST_TMPDIR/image"
	defined "s/$uuid/${uuid/6/7}/"
	passes by_libvirt restore begin <"$BATS_TEST_TMPDIR/image"
	printf 'not XML, gate64' >"$root/etc/libvirt/qemu/$name.xml"
	passes by_libvirt restore begin <"$BATS_TEST_TMPDIR/image"
	defined
	passes hook restore begin <"$BATS_TEST_TMPDIR/image"
	# a migration brings what it brings
	passes by_libvirt migrate begin <"$BATS_TEST_TMPDIR/image"
}

@test "prepare: one of the domain's snapshots with another CPU is refused where its definition asks for a site model" {
	defined
	snapshot "$translated" "$(cpu "<cpu mode='custom'><model>Opteron_G1</model></cpu>")"
	refuses "model 'gate64': its definition asks for it, and the snapshot has 'Opteron_G1'" \
		by_libvirt prepare begin < <(domain "$(cpu "$translated")")
	[[ $stderr == *"virsh start $name"* ]]
	[ ! -e "$record" ]
	# old ones have no cookie
	snapshot '' "$(cpu "$translated")"
	refuses 'the snapshot has' by_libvirt prepare begin < <(domain "$(cpu "$translated")")
}

@test "prepare: what isn't exactly a snapshot of that domain is a start" {
	domain "$(cpu "$translated")" >"$BATS_TEST_TMPDIR/xml"
	snapshot "$translated"
	# no definition, or one that asks for nothing
	passes by_libvirt prepare begin <"$BATS_TEST_TMPDIR/xml"
	defined 's/>gate64</>kvm64</'
	passes by_libvirt prepare begin <"$BATS_TEST_TMPDIR/xml"
	defined
	passes hook prepare begin <"$BATS_TEST_TMPDIR/xml"
	# `create` over a defined name, as a person writes it
	passes by_libvirt prepare begin < <(domain 's/>gate64</>Opteron_G1</')
	snapshot "${translated/disable/require}"
	passes by_libvirt prepare begin <"$BATS_TEST_TMPDIR/xml"
	snapshot "$translated" "s/$uuid/${uuid/6/7}/"
	passes by_libvirt prepare begin <"$BATS_TEST_TMPDIR/xml"
	printf '<domainsnapshot>' >"$snapshots/s.xml"
	passes by_libvirt prepare begin <"$BATS_TEST_TMPDIR/xml"
	rm -r "$snapshots"
	passes by_libvirt prepare begin <"$BATS_TEST_TMPDIR/xml"
}

@test "names with odd characters have their snapshots and definitions, too" {
	local name
	for name in "R&D" "it's" ' two words' 'a"b<c>' $'\xe4\xb8\x96' '.hidden'; do
		snapshots="$root/var/lib/libvirt/qemu/snapshot/$name"
		defined
		snapshot "$translated"
		# shellcheck disable=SC2016 # the other shell's
		run -1 env CPUSHIM_ROOT="$root" "$BATS_TEST_TMPDIR/libvirtd" -c '"$@"; exit $?' - \
			"$CHECKOUT/hook/qemu" "$name" prepare begin - < <(domain "$(cpu "$translated")")
		[[ $output == *'the snapshot has'* ]]
	done
}

@test "migrate and restore: a mark of the model with another digest is refused, naming both" {
	local operation
	for operation in migrate restore; do
		refuses "model 'gate64': it was started with another definition of that name (digest ${there:0:12}, here ${here:0:12})" \
			by_libvirt $operation begin < <(domain "$(mark gate64 "$there")")
		[ ! -e "$record" ]
		# by hand, it is as true
		refuses 'another definition' hook $operation begin < <(domain "$(mark gate64 "$there")")
	done
}

@test "migrate and restore: this definition's mark, none, and another model's say nothing" {
	local operation
	for operation in migrate restore; do
		passes by_libvirt $operation begin < <(domain "$(mark gate64 "$here")")
		passes by_libvirt $operation begin < <(domain)
		passes by_libvirt $operation begin < <(domain "$(mark gate64-aes "$there")")
		passes by_libvirt $operation begin < <(domain "$(mark gate64 "$there")" 's/>gate64</>kvm64</')
		passes by_libvirt $operation begin < <(domain "$(mark gate64 "$there")" 's/urn:cpushim:1/urn:x/')
	done
}

@test "prepare: a mark with another digest is refused in a snapshot alone; a cold start isn't one" {
	domain "$(mark gate64 "$there")" >"$BATS_TEST_TMPDIR/xml"
	passes by_libvirt prepare begin <"$BATS_TEST_TMPDIR/xml"
	snapshot '' "$(mark gate64 "$there")"
	refuses "digest ${there:0:12}, here ${here:0:12}" by_libvirt prepare begin <"$BATS_TEST_TMPDIR/xml"
	defined
	refuses "digest ${there:0:12}, here ${here:0:12}" by_libvirt prepare begin <"$BATS_TEST_TMPDIR/xml"
	# what `virsh dumpxml` and `define` have put into the definition
	defined "$(mark gate64 "$there")"
	passes by_libvirt prepare begin <"$BATS_TEST_TMPDIR/xml"
	defined
	snapshot '' "$(mark gate64 "${there/2/3}")"
	passes by_libvirt prepare begin <"$BATS_TEST_TMPDIR/xml"
}

@test "a start without a site model looks for snapshots once, and reads no definition without them" {
	command -v strace >/dev/null || skip 'strace is missing'
	defined
	domain 's/>gate64</>kvm64</' >"$BATS_TEST_TMPDIR/xml"
	CPUSHIM_ROOT=$root strace -o "$BATS_TEST_TMPDIR/trace" "$CHECKOUT/hook/qemu" "$name" prepare begin - \
		<"$BATS_TEST_TMPDIR/xml"
	[ "$(grep -c "$snapshots" "$BATS_TEST_TMPDIR/trace")" = 1 ]
	run ! grep "etc/libvirt" "$BATS_TEST_TMPDIR/trace"
}
