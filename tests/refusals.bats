#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What nova's user sees of a refusal: 255 characters, of which libvirt's own words take 232. The first
# 23 of each tell the model and the reason. The last test finds a refusal that no case here provokes.

# shellcheck disable=SC2154,SC2034,SC2030,SC2031,SC2016,SC2119,SC2120 # lib/hook and bats set them; each test runs by itself
bats_require_minimum_version 1.5.0
load lib/hook

setup() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	make_root
}

teardown() {
	[ -z "${qemu-}" ] || kill "$qemu" 2>/dev/null || true
}

# begins HEAD OPERATION: libvirt's call, with the XML on stdin, is refused so; HEAD is all that is shown
begins() {
	run -1 --separate-stderr by_libvirt "$2" begin
	[ "${#1}" -le 23 ]
	[[ $stderr == "$1"* ]]
	[ "${#1}" = 23 ] || [[ $stderr == "$1 (cpushim: "* ]]
	[[ $stderr == *' (cpushim: '*')' ]]
	printf '%s\n' "$1" >>"$BATS_FILE_TMPDIR/seen"
}

feature() { # POLICY NAME [SED-SCRIPT...]: gate64 with that
	domain "s|<topology|<feature policy='$1' name='$2'/>&|" "${@:3}"
}

prepared() { # [SED-SCRIPT...]
	run -0 --separate-stderr by_libvirt prepare begin < <(domain "$@")
}

@test "what can't run here" {
	row tcg_lacks=pni | table
	begins 'gate64: no pni in TCG' prepare < <(domain)
	begins 'gate64: no pni in TCG' migrate < <(domain)
	begins 'gate64: no pni in TCG' restore < <(domain)
	row 'refused=feature foo is unknown' | table
	begins 'gate64: bad definition' prepare < <(domain)
}

@test "a QEMU that is another than the table's" {
	row base=max | table
	printf '#!/bin/sh\n# another\n' >"$root/usr/bin/qemu-system-x86_64.distrib"
	begins 'gate64: QEMU changed' prepare < <(domain)
	begins 'gate64: QEMU changed' migrate < <(domain)
	begins 'gate64: QEMU changed' restore < <(domain)
}

@test "what KVM shows, whatever a model says" {
	row features=fpu | table
	run -1 --separate-stderr by_libvirt prepare begin < <(domain "s/type='qemu'/type='kvm'/; s|>1</vcpu>|>2</vcpu>|")
	# it may lack what the model has, too
	[[ $stderr == *"shows apic to a guest of several CPUs"* ]]
	[ -w /dev/kvm ] || begins 'gate64: apic in KVM' prepare < <(domain "s/type='qemu'/type='kvm'/; s|>1</vcpu>|>2</vcpu>|")
}

@test "what KVM lacks" {
	[ -r /dev/kvm ] && [ -w /dev/kvm ] || skip "kvm: /dev/kvm can't be opened"
	row features=fpu,ia64 | table
	begins 'gate64: no ia64 in KVM' prepare < <(domain "s/type='qemu'/type='kvm'/")
}

@test "what a domain asks for and can't have" {
	begins "gate64: match='minimum'" prepare < <(domain "s/'exact'/'minimum'/")
	begins 'gate64: unknown policy' prepare < <(feature perhaps aes)
	begins 'gate64: no such feature' prepare < <(feature require 'pni=off,x')
	begins 'gate64: not our wrapper' prepare < <(domain 's|/usr/bin/qemu-system-x86_64|/usr/bin/other|')
	cp "$root/usr/bin/qemu-system-x86_64" "$root/usr/bin/qemu-elsewhere"
	begins 'gate64: not compiled' prepare < <(domain 's|/usr/bin/qemu-system-x86_64|/usr/bin/qemu-elsewhere|')
	begins 'gate64: unclear <cpu>' prepare < <(domain "s|<clock|<cpu xmlns='urn:x'/>&|")
	driver="$BATS_TEST_TMPDIR/libvirt_driver_qemu.so $BATS_TEST_TMPDIR/libvirt.so.0.1003.1"
	cp "$BATS_TEST_TMPDIR/libvirt_driver_qemu.so" "$BATS_TEST_TMPDIR/libvirt.so.0.1003.1"
	begins 'gate64: aes is dropped' prepare < <(feature require aes)
}

@test "a long name is cut, the reason isn't; a hostile feature name steers nothing" {
	local long
	long=$(printf 'm%.0s' {1..64})
	row "model=$long" tcg_lacks=pni | table
	begins 'mmmmmmm~: no pni in TCG' prepare < <(domain "s/>gate64</>$long</")
	row model=a-middle-name "features=$gate64_features,avx512-vpopcntdq" tcg_lacks=avx512-vpopcntdq | table
	begins 'a-m~: no avx512-vpopcnt' prepare < <(domain 's/>gate64</>a-middle-name</')
	row | table
	prepared
	# a feature's name is the tenant's
	begins 'gat~: \xc3\xa9x was add' start < <(feature require éx)
}

@test "what became of it since prepare" {
	prepared
	begins 'gate64: was translated' start < <(domain 's|>gate64<|>Opteron_G1<|')
	begins 'gate64: vme was added' start < <(feature require vme)
	begins 'gate64: vendor changed' start < <(domain "s|<model>|<model vendor_id='AuthenticAMD'>|")
	row "digest=$(printf '%064d' 2)" | table
	begins 'gate64: was redefined' start < <(domain)
	row model=other | table
	begins 'gate64: not in table' start < <(domain)
}

@test "what its QEMU is" {
	local cpu
	prepared
	begins 'gate64: QEMU not found' started < <(domain)
	for cpu in no -cpu; do
		prepared
		mkdir -p "$root/run/libvirt/qemu"
		# shellcheck disable=SC2046 # nothing, or two words
		bash -c 'sleep 60; :' qemu -uuid "$uuid" $([ $cpu = no ] || printf '%s' '-cpu kvm64') 3>&- >/dev/null 2>&1 &
		qemu=$!
		printf '%s' "$qemu" >"$root/run/libvirt/qemu/instance-00000001.pid"
		until grep -qa -- -uuid "/proc/$qemu/cmdline"; do sleep 0.01; done
		if [ $cpu = no ]; then
			begins 'gate64: no -cpu in QEMU' started < <(domain)
		else
			begins 'gate64: another -cpu' started < <(domain)
		fi
		kill "$qemu"
	done
}

# One process for the whole way, as a daemon is
arrives() { # SED-SCRIPT SED-SCRIPT: at restore begin, then at prepare
	domain "$1" >"$BATS_TEST_TMPDIR/first"
	domain "$2" >"$BATS_TEST_TMPDIR/second"
	CPUSHIM_ROOT=$root mapping "$BATS_TEST_TMPDIR/libvirt_driver_qemu.so" libvirtd '
		"$1" instance-00000001 restore begin - <"$2/first" 2>"$2/said" &&
		"$1" instance-00000001 prepare begin - <"$2/second"
		exit $?' "$CHECKOUT/hook/qemu" "$BATS_TEST_TMPDIR"
}

begins_arriving() { # HEAD SED-SCRIPT SED-SCRIPT
	run -1 --separate-stderr arrives "${@:2}"
	[[ $stderr == "$1 (cpushim: "* ]]
	printf '%s\n' "$1" >>"$BATS_FILE_TMPDIR/seen"
}

@test "what arrives" {
	begins_arriving 'gate64: was another CPU' '' 's/>gate64</>Opteron_G1</'
	begins_arriving 'gate64: lost aes' "s|<topology|<feature policy='require' name='aes'/>&|" ''
	run -0 --separate-stderr by_libvirt restore begin < <(domain)
	begins 'gate64: start it again' start < <(domain)
}

@test "records" {
	: >"$root/run/cpushim"
	begins 'gate64: not recorded' prepare < <(domain)
	begins 'gate64: not recorded' migrate < <(domain)
	rm "$root/run/cpushim"
	begins 'gate64: not recorded' prepare < <(domain '/<uuid>/d')
	mkdir -m 700 "$root/run/cpushim"
	(umask 077 && printf garbage >"$record")
	begins 'gate64: bad record' start < <(domain)
	begins 'bad record' start < <(domain 's/gate64/Opteron_G1/')
}

@test "XML that isn't understood, or can't be read" {
	begins 'unclear XML' prepare < <(domain | head -n 40)
	begins 'unreadable XML' prepare </tmp
	begins 'gate64: hook failed' restore < <(
		printf '<domain><!--' && head -c 67200000 /dev/zero | tr '\0' x
		printf -- '--><cpu><model>gate64</model></cpu></domain>'
	)
}

@test "a table that is lost, a worker that is lost: named, with what mends it" {
	include gate64
	rm "$root/usr/lib/cpushim/models.table"
	begins 'gate64: no usable table' prepare < <(domain)
	[[ $stderr == *'`cpushim compile`'* ]]
	rm "$root/usr/bin/cpushim"
	begins 'gate64: hook failed' prepare < <(domain)
	mkdir -p "${record%/*}" && : >"$record"
	begins 'cpushim hook failed' start < <(domain 's/gate64/kvm64/')
}

@test "what arrives with another definition's mark, or as what it was translated to" {
	local mark
	mark="<s:cpu xmlns:s='urn:cpushim:1' model='gate64' digest='$(printf '%064d' 2)'/>"
	begins 'gate64: another meaning' migrate < <(domain "s|</metadata>|$mark&|")
	mkdir -p "$root/etc/libvirt/qemu"
	domain >"$root/etc/libvirt/qemu/instance-00000001.xml"
	begins 'gate64: was translated' restore < <(domain 's/>gate64</>Opteron_G1</')
}

@test "a managed save that restore refused, where nothing is wrong any more" {
	mkdir -p "$root/var/lib/libvirt/qemu/save"
	: >"$root/var/lib/libvirt/qemu/save/instance-00000001.save"
	begins_arriving 'gate64: was refused' \
		"s|</metadata>|<s:cpu xmlns:s='urn:cpushim:1' model='gate64' digest='$(printf '%064d' 2)'/>&|" ''
}

@test "an ordinary user's libvirt" {
	local dir
	for dir in "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"/.. "$BATS_TEST_TMPDIR"; do chmod a+x "$dir"; done
	cp "$CHECKOUT/hook/qemu" "$root/hook"
	by_libvirt() {
		setpriv --reuid 65534 --clear-groups env CPUSHIM_ROOT="$root" "$BATS_TEST_TMPDIR/libvirtd" -c \
			'"$@"; exit $?' - "$root/hook" instance-00000001 "$@" -
	}
	begins 'gate64: not in session' prepare < <(domain)
}

@test "a node without the wrapper" {
	[ -x "$CHECKOUT/build/root/usr/bin/cpushim" ] || skip 'make stage comes first'
	cp "$CHECKOUT/build/root/usr/lib/cpushim/models.table" "$root/usr/lib/cpushim/models.table"
	ln -sf "$(readlink -f "$CHECKOUT/build/root/usr/bin/qemu-system-x86_64.distrib")" "$root/usr/bin/qemu-system-x86_64"
	: >"$root/usr/lib/cpushim/no-wrapper"
	prepared
	begins 'gate64: not exact here' start < <(domain 's|>gate64<|>kvm64<|')
	begins 'gate64: no such -cpu' start < <(domain 's|>gate64<|>kvm64,x<|')
	begins 'gate64: not checked' start < <(domain 's|>gate64<|>NoSuchModel<|')
	begins 'gate64: no machine type' start < <(domain 's|>gate64<|>kvm64<|' \
		"s/machine='[^']*'/machine='pc,accel=kvm'/; t; s/<type /<type machine='pc,accel=kvm' /")
	begins_arriving 'gate64: needs a wrapper' '' ''
	prepared
	mkdir -p "$root/run/libvirt/qemu"
	bash -c 'sleep 60; :' qemu -uuid "$uuid" 3>&- >/dev/null 2>&1 &
	qemu=$!
	printf '%s' "$qemu" >"$root/run/libvirt/qemu/instance-00000001.pid"
	until grep -qa -- -uuid "/proc/$qemu/cmdline"; do sleep 0.01; done
	begins 'gate64: unclear QEMU' started < <(domain)
}

@test "by hand the old form stays" {
	row tcg_lacks=pni | table
	run -1 --separate-stderr hook prepare begin < <(domain)
	[[ $stderr == *$'\n'"cpushim: instance-00000001: model 'gate64': TCG of this QEMU can't provide: pni; "* ]]
}

# Every head of the sources was seen above, or is one that nothing here can provoke.
@test "no refusal is missing here" {
	[ -s "$BATS_FILE_TMPDIR/seen" ] || skip 'the other tests come first'
	local heads unseen='' text pattern
	heads=$(cat "$CHECKOUT"/hook/*/*.c "$CHECKOUT"/cpumap/cmd/*.c | tr '\n' ' ' | grep -o '[^a-z_]head("[^"]*"' | sed 's/.*head("//; s/"$//' | sort -u)
	[ "$(wc -l <<<"$heads")" -gt 25 ]
	while IFS= read -r text; do
		case $text in
		'out of memory') continue ;;
		'no %s in KVM') [ -w /dev/kvm ] || continue ;;
		esac
		pattern=$(sed 's/[][\.*^$]/\\&/g; s/%s/.*/g' <<<"$text")
		grep -qx "\(.*: \)\?$pattern" "$BATS_FILE_TMPDIR/seen" || unseen+="$text; "
	done <<<"$heads"
	[ -z "$unseen" ] || printf 'no test: %s\n' "$unseen"
	[ -z "$unseen" ]
}
