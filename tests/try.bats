#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# cpushim try: what would become of a model, by this machine's libvirt and QEMU. Nothing is installed, and
# nothing is changed.

# shellcheck disable=SC2016,SC2154,SC2030,SC2031 # another shell's; bats sets output and stderr; each test has its own subshell
bats_require_minimum_version 1.5.0

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	unset COLUMNS NO_COLOR CPUSHIM_ROOT
	models=$CHECKOUT/cpumap/models
	map=/usr/share/libvirt/cpu_map
}

cpushim() {
	"$CHECKOUT/build/cpushim" "$@"
}

need_libvirt() {
	[ -x /usr/bin/qemu-system-x86_64 ] || skip 'needs QEMU'
	# since 6.1 its driver for QEMU can be asked without its daemon
	[ -e "$map/index.xml" ] || skip 'needs libvirt'
	run -0 virsh --version
	[ "$(printf '%s\n6.1.0\n' "$output" | sort -V | head -n 1)" = 6.1.0 ] || skip 'needs libvirt 6.1'
}

qemu_since() { # VERSION
	printf '%s\n' "$1" "$(qemu-system-x86_64 --version | sed -n 's/.* version \([0-9.]*\).*/\1/p')" | sort -V -C
}

# definition FILE NAME TEXT: of what stands between a definition's name and its end
definition() {
	printf "<cpus xmlns:shim='urn:cpushim:1'>\n<model name='%s'>\n%s</model>\n</cpus>\n" "$2" "$3" >"$1"
}

# part TITLE: what was said of libvirt, or of cpushim
part() {
	sed -n "/^$1/,/^\$/p" <<<"$output"
}

@test "libvirt alone makes another CPU of gate64, and cpushim exactly gate64" {
	need_libvirt
	run -0 --separate-stderr cpushim try "$models/gate64.xml"
	[ -z "$stderr" ]
	[[ $output == "model     gate64, 24 features"$'\n'"where     $models/gate64.xml:"* ]]
	[[ $(part libvirt) == 'libvirt '*' alone, with the model in its CPU map:'$'\n'* ]]
	# the base depends on libvirt's release
	[[ $(part libvirt) == *$'\ntcg  another CPU\n     -cpu '*$'\n     '*'vendor: AuthenticAMD, not GenuineIntel'* ]]
	[[ $(part cpushim) == 'cpushim, with QEMU '[0-9]*$':\ntcg  exact\n     -cpu kvm64,vendor=GenuineIntel,'*',enforce'* ]]
}

@test "a vendor that the definition says goes into libvirt's map, too" {
	need_libvirt
	sed "s|<shim:qemu base='kvm64'/>|&<vendor name='Intel'/>|" "$models/gate64.xml" >"$BATS_TEST_TMPDIR/intel.xml"
	run -0 --separate-stderr cpushim try "$BATS_TEST_TMPDIR/intel.xml"
	[[ $(part libvirt) != *AuthenticAMD* ]]
}

@test "a model that TCG lacks features for is refused, naming them, and libvirt drops them" {
	need_libvirt
	local more=''
	qemu_since 7.2 || more='*' # its TCG lacks AVX, too
	# KVM may have them here
	run --separate-stderr cpushim try "$models/x86-64-v4.xml"
	[ "$status" -le 1 ]
	[[ $(part libvirt) == *$'\ntcg  another CPU\n'*'lacks '$more'avx512bw, avx512cd, avx512dq, avx512f, avx512vl'* ]]
	[[ $(part cpushim) == *$'\ntcg  refused\n     lacks '$more'avx512bw avx512cd avx512dq avx512f avx512vl'$more': QEMU'\''s TCG doesn'\''t emulate them'* ]]
}

@test "a stock model needs no cpushim" {
	need_libvirt
	run -0 --separate-stderr cpushim try libvirt:Nehalem
	[[ $(part libvirt) == *$'\ntcg  exact\n     -cpu Nehalem\n'* ]]
	[[ $(part cpushim) == *$'\ntcg  not needed'* ]]
}

@test "any user may ask, and no file of libvirt's is changed" {
	need_libvirt
	[ "$(id -u)" = 0 ] || skip 'needs root, to become somebody else'
	local open
	open=$(mktemp -d "${TMPDIR:-/tmp}/cpushim-test.XXXXXX")
	chmod 755 "$open"
	install -m 755 "$CHECKOUT/build/cpushim" "$open"
	install -m 644 "$models/gate64.xml" "$open"
	find "$map" /etc/libvirt /var/cache/libvirt /var/lib/libvirt /run/libvirt -exec stat -c '%n %s %Y %i' {} + 2>/dev/null |
		sort >"$BATS_TEST_TMPDIR/before"
	local user=(setpriv --reuid=65533 --regid=65533 --clear-groups env -i)
	run --separate-stderr "${user[@]}" "$open/cpushim" try "$open/gate64.xml"
	rm -r "$open"
	# within a chroot Linux makes no user namespace (user_namespaces(7))
	if "${user[@]}" unshare -U true; then
		[ "$status" = 0 ]
		[[ $(part libvirt) == *$'\ntcg  another CPU\n     -cpu '* ]]
	else
		[ "$status" = 2 ]
		[[ $(part libvirt) == *$'\ntcg  not asked\n'*'no mount namespace can be made'* ]]
	fi
	[[ $(part cpushim) == *$'\ntcg  exact\n     -cpu '* ]]
	run -0 cpushim try "$models/gate64.xml"
	run -0 diff "$BATS_TEST_TMPDIR/before" - < <(find "$map" /etc/libvirt /var/cache/libvirt /var/lib/libvirt \
		/run/libvirt -exec stat -c '%n %s %Y %i' {} + 2>/dev/null | sort)
	run -1 pgrep -f cpushim-try
	run -1 grep -c 'cpushim' /proc/mounts
}

@test "where root asks, libvirt's driver runs as nobody" {
	need_libvirt
	[ "$(id -u)" = 0 ] || skip 'needs root'
	local open
	open=$(mktemp -d "${TMPDIR:-/tmp}/cpushim-test.XXXXXX")
	chmod 755 "$open"
	install -m 666 /dev/null "$open/users"
	printf '#!/bin/sh\nid -u >>%s\nexec /usr/bin/qemu-system-x86_64 "$@"\n' "$open/users" >"$open/qemu"
	chmod 755 "$open/qemu"
	run -0 --separate-stderr cpushim try --emulator "$open/qemu" "$models/gate64.xml"
	users=$(sort -u "$open/users")
	rm -r "$open"
	[[ $(part libvirt) == *$'\ntcg  another CPU\n     -cpu '* ]]
	# ours asks as root
	[ "$users" = $'0\n65534' ]
}

@test "where a user may have no namespace, libvirt's part can't be told, and the rest is" {
	need_libvirt
	[ "$(id -u)" = 0 ] || skip 'needs root, to become somebody else'
	mkdir "$BATS_TEST_TMPDIR/chroot"
	# the kernel makes no user namespace in a chroot
	run -2 --separate-stderr unshare -m sh -c '
		mount --make-rprivate / && mount --rbind / "$1" &&
		exec chroot "$1" setpriv --reuid=65533 --regid=65533 --clear-groups "$2/build/cpushim" try "$3"' \
		sh "$BATS_TEST_TMPDIR/chroot" "$CHECKOUT" "$models/gate64.xml"
	[[ $(part libvirt) == *$'\ntcg  not asked\n     '*"can't be tried with libvirt, as no mount namespace can be made: Operation not permitted"* ]]
	[[ $(part cpushim) == *$'\ntcg  exact\n'* ]]
}

@test "without QEMU nothing can be told, and with another root libvirt can't" {
	run -2 --separate-stderr cpushim try --emulator /nonexistent/qemu "$models/gate64.xml"
	[[ $(part libvirt) == *$'\ntcg  not asked\n     /nonexistent/qemu: can'"'"'t be run'* ]]
	[[ $(part cpushim) == *$'\ntcg  not asked\n     /nonexistent/qemu: can'"'"'t be run'* ]]
	[ -x /usr/bin/qemu-system-x86_64 ] || skip 'the rest needs QEMU'
	CPUSHIM_ROOT=$CHECKOUT/build/root run -2 --separate-stderr cpushim try gate64
	[[ $(part libvirt) == *"CPUSHIM_ROOT: libvirt can't be asked of a map in another root than /"* ]]
	[[ $(part cpushim) == *$'\ntcg  exact\n'* ]]
}

@test "a definition that compile would refuse is refused, with its reason" {
	definition "$BATS_TEST_TMPDIR/bad.xml" bad "<shim:qemu base='kvm64'/><feature name='fpu'/><feature name='rdctl-no'/>"
	run -1 --separate-stderr cpushim try "$BATS_TEST_TMPDIR/bad.xml"
	[[ $stderr == "cpushim: $BATS_TEST_TMPDIR/bad.xml:3: model 'bad': feature 'rdctl-no' lives in an MSR"* ]]
	[ -z "$output" ]
	printf '<cpus><model' >"$BATS_TEST_TMPDIR/broken.xml"
	run -2 --separate-stderr cpushim try "$BATS_TEST_TMPDIR/broken.xml"
	run -2 --separate-stderr cpushim try "$BATS_TEST_TMPDIR/nonesuch.xml"
	run -2 --separate-stderr cpushim try Nehalen
	run -2 --separate-stderr cpushim try
}

@test "a feature that this libvirt's map lacks is named" {
	need_libvirt
	local feature
	# features that only later releases have; on the latest there is none
	feature=$(awk '/FEATURE_CPUID/ { gsub(/[",]/, ""); print $2 }' "$CHECKOUT/cpumap/core/features_table.c" |
		grep -vxFf <(sed -n "s/.*<feature name='\([^']*\)'.*/\1/p" "$map/x86_features.xml") | head -n 1)
	[ "$feature" ] || return 0
	definition "$BATS_TEST_TMPDIR/new.xml" new "<shim:qemu base='kvm64'/><feature name='fpu'/><feature name='$feature'/>"
	run --separate-stderr cpushim try "$BATS_TEST_TMPDIR/new.xml"
	[[ $(part libvirt) == *$'\ntcg  refused\n     '"$map: this libvirt's CPU map has no such feature: $feature"* ]]
}

@test "--json has both answers for each accelerator" {
	need_libvirt
	run -0 --separate-stderr cpushim try --json "$models/gate64.xml"
	[[ $output == *'"cpushim": {'*'"tcg": {'*'"result": "exact"'*'"libvirt": {'*'"tcg": {'*'"result": "another CPU"'* ]]
	[[ $output == *'"vendor: AuthenticAMD, not GenuineIntel"'* ]]
}
