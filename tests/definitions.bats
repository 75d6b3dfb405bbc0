#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Definitions through the command: what compile takes, what it refuses and how it says so, and
# what libvirt makes of the include. In a copy of the staged root (make stage).
# What compile says to tests/data/models/X.xml is in X.said beside it; REGENERATE=1 writes it anew.

# shellcheck disable=SC2154 # bats sets them
bats_require_minimum_version 1.5.0
load lib/qemu
load lib/some

setup_file() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	root=$BATS_FILE_TMPDIR/root
	cp -a "$CHECKOUT/build/root" "$root" || {
		printf 'make stage comes first\n' >&2
		return 1
	}
	rm -f "$root"/etc/cpushim/models.d/*
	cpushim compile >/dev/null
}

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	root=$BATS_TEST_TMPDIR/root
	data=$CHECKOUT/tests/data/models
	map=/usr/share/libvirt/cpu_map
	cp -a "$BATS_FILE_TMPDIR/root" "$root"
}

cpushim() {
	CPUSHIM_ROOT=$root "$root/usr/bin/cpushim" "$@"
}

# What it says, without the root's own place and QEMU's version.
say() {
	local rc=0
	cpushim "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || rc=$?
	sed "s|$root||g; s|(QEMU [0-9.]*)|(QEMU VERSION)|" "$BATS_TEST_TMPDIR/err"
	return "$rc"
}

site() { # FILE's name; the text comes on stdin
	cat >"$root/etc/cpushim/models.d/$1.xml"
}

# the models that libvirt is told of
in_include() {
	sed -n "s/.*<model name='\([^']*\)'>.*/\1/p" "$root$map/x86_cpushim.xml"
}

names() {
	cpushim list --digest | cut -d ' ' -f 1 | tr '\n' ' '
}

# The definitions of data/NAME.xml are refused as NAME.said says, and the shipped ones stay.
refuses() {
	site "$1" <"$data/$1.xml"
	run -1 say compile
	[ -z "${REGENERATE-}" ] || printf '%s\n' "$output" >"$data/$1.said"
	diff "$data/$1.said" - <<<"$output"
	[ "$(cpushim show x86-64-v2 | wc -l)" = 30 ]
	[ ! -e "$root$map" ] || in_include | grep -qx x86-64-v4
}

need_libvirt() {
	if [ "$(id -u)" != 0 ] || ! command -v virsh >/dev/null; then
		skip 'needs root and virsh'
	fi
}

# QEMU's TCG has avx2 from 7.2 on
need_avx2() {
	cpushim list --json x86-64-v3 | grep -q '"tcg": "yes"' || skip "this QEMU's TCG has no avx2"
}

# bound SOURCE TARGET COMMAND...: with SOURCE seen at TARGET. It is taken away again for those whose / is
# no mount (a chroot), where it can't be kept from others.
bound() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m --propagation unchanged sh -u -c '
		mount --make-rprivate / 2>/dev/null
		mount --bind "$1" "$2" || exit
		target=$2
		shift 2
		"$@"
		status=$?
		umount "$target"
		exit $status
	' sh "$@"
}

# virsh with the staged map in the place of this machine's
virsh_with_map() {
	bound "$root$map" /usr/share/libvirt/cpu_map virsh -q -c test:///default "$@"
}

# A model's features as libvirt has them
libvirts_features() {
	printf '<cpu><arch>x86_64</arch><model>%s</model></cpu>\n' "$1" >"$BATS_TEST_TMPDIR/cpu.xml"
	virsh_with_map cpu-baseline --features "$BATS_TEST_TMPDIR/cpu.xml" |
		sed -n "s/.*policy='require' name='\([^']*\)'.*/\1/p" | LC_ALL=C sort
}

# <feature>s of the names on stdin
features_xml() {
	sed "s|.*|<feature name='&'/>|"
}

# A file of somebody else's in libvirt's map, before ours: stdin
others_map() {
	cat >"$root$map/x86_other.xml"
	sed -i "s|.*x86_cpushim.xml.*|<include filename='x86_other.xml'/>\n&|" "$root$map/index.xml"
}

# A gate64 of somebody else's: its features on stdin
others_gate64() { # [XML-OF-ITS-OWN]
	{
		printf "<cpus><model name='gate64'><decode host='on' guest='on'/>%s\n" "${1-}"
		features_xml
		printf '</model></cpus>\n'
	} | others_map
}

@test "an own model in three lines: all of gate64's features and one more" {
	site aes <<-'END'
		<cpus>
		  <model name='gate64-aes'><model name='gate64'/><feature name='aes'/></model>
		</cpus>
	END
	run -0 cpushim compile
	[ "$(cpushim show gate64-aes)" = "$( (cpushim show gate64 && echo aes) | LC_ALL=C sort)" ]
	[[ $(cpushim expand gate64-aes) == kvm64,vendor=GenuineIntel,*,aes=on,*,enforce ]]
}

@test "a model that takes away: features of an ancestor switched off, whatever the order" {
	site less <<-'END'
		<cpus>
		  <model name='less'><feature name='sse3' policy='disable'/><model name='gate64'/></model>
		</cpus>
	END
	run -0 cpushim compile
	[ "$(diff <(cpushim show gate64) <(cpushim show less) | grep '^[<>]')" = '< pni' ]
}

@test "a model built on one of libvirt's that QEMU has, too, has it for a base" {
	site nehalem <<-'END'
		<cpus>
		  <model name='site'><model name='Nehalem'/><feature name='aes'/></model>
		</cpus>
	END
	run -0 cpushim compile
	[[ $(cpushim expand site) == Nehalem,vendor=* ]]
	[ "$(diff <(cpushim show Nehalem) <(cpushim show site) | grep '^[<>]')" = '> aes' ]
}

@test "the four shipped models have the features that their files' sources list" {
	local gate64='apic clflush cmov cx8 de fpu fxsr lm mca mce mmx msr mtrr nx pae pat pge pni'
	gate64+=' pse sep sse sse2 syscall tsc'
	local v2='cx16 lahf_lm popcnt sse4.1 sse4.2 ssse3'
	local v3='abm avx avx2 bmi1 bmi2 f16c fma movbe xsave xsaveopt'
	local v4='avx512bw avx512cd avx512dq avx512f avx512vl'
	same() { [ "$(cpushim show "$1")" = "$(printf '%s\n' "$2" | tr ' ' '\n' | LC_ALL=C sort)" ]; }
	same gate64 "$gate64"
	same x86-64-v2 "$gate64 $v2"
	same x86-64-v3 "$gate64 $v2 $v3"
	same x86-64-v4 "$gate64 $v2 $v3 $v4"
}

@test "compiled again, nothing changes" {
	# once in this copy, whose QEMU is newer for libvirt
	cpushim compile
	cp "$root/usr/lib/cpushim/models.table" "$BATS_TEST_TMPDIR/before"
	run -0 cpushim compile
	[[ $output == *'; nothing changed' ]]
	cmp "$root/usr/lib/cpushim/models.table" "$BATS_TEST_TMPDIR/before"
}

@test "the table has the same bytes with and without /dev/kvm" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	[ -e /dev/kvm ] || skip 'kvm: this machine has no /dev/kvm to hide'
	cp "$root/usr/lib/cpushim/models.table" "$BATS_TEST_TMPDIR/before"
	rm "$root/usr/lib/cpushim/models.table"
	CPUSHIM_ROOT=$root bound /dev/null /dev/kvm "$root/usr/bin/cpushim" compile
	cmp "$root/usr/lib/cpushim/models.table" "$BATS_TEST_TMPDIR/before"
}

@test "an unknown feature is refused, and the nearest name suggested" {
	refuses unknown-feature
}

@test "an MSR feature is refused" {
	refuses msr-feature
}

@test "a name defined twice is refused with both places named, and the first holds" {
	refuses name-twice
	[ "$(names)" = 'gate64 site x86-64-v2 x86-64-v3 x86-64-v4 ' ]
	[ "$(cpushim show site)" = "$(cpushim show gate64)" ]
}

@test "a shipped model can't be given another meaning" {
	refuses shipped-name
	[ "$(cpushim show gate64 | wc -l)" = 24 ]
}

@test "QEMU's own names are refused, and make no row" {
	refuses qemu-name
	[ "$(names)" = 'gate64 x86-64-v2 x86-64-v3 x86-64-v4 ' ]
}

@test "models that start from each other are refused" {
	refuses circle
}

@test "an unknown ancestor is refused" {
	refuses unknown-ancestor
}

@test "a feature both on and off is refused" {
	refuses on-and-off
}

@test "a model without features is refused" {
	refuses no-features
}

@test "a model without a base is refused, and one suggested" {
	refuses no-base
}

@test "a base that this QEMU doesn't have is refused" {
	refuses unknown-base
}

@test "a name that isn't one is refused, and makes no row" {
	refuses bad-name
	[ "$(names)" = 'gate64 x86-64-v2 x86-64-v3 x86-64-v4 ' ]
}

@test "a policy that leaves the CPU open, and a misspelt one, are refused" {
	refuses policy
}

@test "an unknown vendor and a signature out of range are refused" {
	refuses vendor-and-signature
}

@test "a feature that no guest sees without another is refused" {
	refuses unseen
}

@test "a base without an identity needs one in the definition" {
	refuses no-identity
}

@test "libvirt is made to probe again if the table or qmp-proxy is newer than the wrapper, or QEMU another" {
	local wrapper=$root/usr/bin/qemu-system-x86_64 was what
	cpushim compile
	was=$(stat -c %z "$wrapper")
	[[ $(cpushim compile) == *'; nothing changed' ]]
	[ "$(stat -c %z "$wrapper")" = "$was" ]
	# as if compile had been killed in between
	for what in "$root/usr/lib/cpushim/models.table" "$root/usr/lib/cpushim/qmp-proxy"; do
		touch "$what"
		[[ $(cpushim compile) == *'; restart libvirt' ]]
		[ "$(stat -c %z "$wrapper")" != "$was" ]
		was=$(stat -c %z "$wrapper")
	done
	printf '#!/bin/sh\nexec %s "$@"\n' "$(readlink -f "$wrapper.distrib")" >"$BATS_TEST_TMPDIR/qemu"
	chmod +x "$BATS_TEST_TMPDIR/qemu"
	ln -sf "$BATS_TEST_TMPDIR/qemu" "$wrapper.distrib"
	[[ $(cpushim compile) == *'; restart libvirt' ]]
	[ "$(stat -c %z "$wrapper")" != "$was" ]
	[[ $(cpushim compile) == *'; nothing changed' ]]
}

@test "another QEMU is one by its build, not by its times: older, newer, and back again" {
	rare
	local wrapper=$root/usr/bin/qemu-system-x86_64 table=$root/usr/lib/cpushim/models.table was build
	local real
	qemu_files "$root"
	real=$(readlink -f "$wrapper.distrib")
	# as dpkg does: by a rename, with the package's own mtime
	install_qemu() { # MTIME COMMAND...: which writes it
		"${@:2}" "$real" "$BATS_TEST_TMPDIR/new"
		touch -d "$1" "$BATS_TEST_TMPDIR/new"
		mv -T "$BATS_TEST_TMPDIR/new" "$wrapper.distrib"
	}
	for build in 'another_qemu 1999-01-01' 'cp 2031-01-01' 'another_qemu 2031-01-01' 'cp 1999-01-01'; do
		was=$(stat -c %z "$wrapper")
		install_qemu "${build#* }" "${build% *}"
		run -0 cpushim compile
		[[ $output == *'(QEMU '*', before '*'; restart libvirt' ]]
		[ "$(stat -c %z "$wrapper")" != "$was" ]
		[[ $(cpushim compile) == *'; nothing changed' ]]
	done
	# a reinstall, a clone
	was=$(stat -c %z "$wrapper")
	cp "$table" "$BATS_TEST_TMPDIR/before"
	install_qemu 2020-02-02 cp
	run -0 cpushim compile
	[[ $output == *'; nothing changed' ]]
	[[ $output != *before* ]]
	[ "$(stat -c %z "$wrapper")" = "$was" ]
	cmp "$table" "$BATS_TEST_TMPDIR/before"
}

@test "behind a script that starts it QEMU is noted itself" {
	local wrapper=$root/usr/bin/qemu-system-x86_64 qemu=$root/usr/libexec/qemu real noted
	qemu_files "$root"
	mkdir "$root/usr/libexec"
	real=$(readlink -f "$wrapper.distrib")
	another_qemu "$real" "$qemu"
	rm "$wrapper.distrib"
	printf '#!/bin/sh\nexec %s "$@"\n' "$qemu" >"$wrapper.distrib"
	chmod +x "$wrapper.distrib"
	cpushim compile
	noted=$(grep -a '^qemu=' "$root/usr/lib/cpushim/models.table")
	[[ $noted == *$'\t'"real=/usr/libexec/qemu"$'\t'*$'\t'"build_id=$(build_id "$qemu")"$'\t'* ]]
	[[ $noted == *$'\t'"script=$(stat -c '%s@%.9Y' "$wrapper.distrib")" ]]
	[[ $(cpushim compile) == *'; nothing changed' ]]
	# the script stays as it is
	cp "$real" "$qemu"
	[[ $(cpushim list 2>&1) == *"its QEMU isn't the one that the table was made from"* ]]
	[[ $(cpushim compile) == *'; restart libvirt' ]]
	[[ $(cpushim compile) == *'; nothing changed' ]]
}

# second PATH: another emulator with the wrapper before the same QEMU, in the table
second() {
	other=$root$1
	cp "$root/usr/bin/qemu-system-x86_64" "$other"
	cp -P "$root/usr/bin/qemu-system-x86_64.distrib" "$other.distrib"
	cpushim compile --emulator "$1" >/dev/null
	has_rows "$1"
}

has_rows() { # EMULATOR
	cpushim expand --emulator "$1" gate64 >/dev/null 2>&1
}

lost="/usr/bin/kvm-spice: isn't cpushim's wrapper, so QEMU won't know the site's models; \`cpushim ready\`"

@test "an emulator whose wrapper is lost, moved aside or replaced is named at each compile, and keeps its rows" {
	rare
	local how
	qemu_files "$root"
	second /usr/bin/kvm-spice
	run -0 --separate-stderr cpushim compile
	[ -z "$stderr" ]
	for how in $(printf '%s\n' qemu aside empty script | some 2); do
		mv "$other" "$other.aside"
		case $how in
		qemu) cp "$(readlink -f "$other.distrib")" "$other" ;;
		script) printf '#!/bin/sh\nexec %s.distrib "$@"\n' "$other" >"$other" && chmod +x "$other" ;;
		empty) : >"$other" ;;
		esac
		run -1 --separate-stderr cpushim compile
		[ "${stderr_lines[0]}" = "cpushim: $lost" ]
		[ "$(grep -c kvm-spice <<<"$stderr")" = 1 ]
		has_rows /usr/bin/kvm-spice
		# it is named again, and what its rows mean goes with the definitions
		site aes <<<"<cpus><model name='gate64-$how'><model name='gate64'/><feature name='aes'/></model></cpus>"
		run -1 --separate-stderr cpushim compile
		[ "${stderr_lines[0]}" = "cpushim: $lost" ]
		cpushim expand --emulator /usr/bin/kvm-spice "gate64-$how" | grep -q ,aes=on,
		mv "$other.aside" "$other"
		run -0 --separate-stderr cpushim compile
		[ -z "$stderr" ]
	done
	# one that is going to have it isn't lost
	mv "$other" "$other.aside"
	run -0 cpushim compile --emulator /usr/bin/kvm-spice
}

@test "an emulator of which nothing is left is named once, and goes" {
	second /usr/bin/kvm-spice
	rm "$other" "$other.distrib"
	run -1 --separate-stderr cpushim compile
	[ "$stderr" = "cpushim: /usr/bin/kvm-spice: neither cpushim's wrapper nor a QEMU is there any more; left out" ]
	run ! has_rows /usr/bin/kvm-spice
	has_rows /usr/bin/qemu-system-x86_64
	run -0 --separate-stderr cpushim compile
	[ -z "$stderr" ]
}

@test "an emulator that became a link to another wrapper is that one's" {
	second /usr/bin/kvm-spice
	ln -sf qemu-system-x86_64 "$other"
	run -0 --separate-stderr cpushim compile
	[ -z "$stderr" ]
	run ! has_rows /usr/bin/kvm-spice
}

@test "without the wrapper, on purpose, each emulator of the table is compiled again" {
	second /usr/bin/kvm-spice
	qemu_files "$root"
	: >"$root/usr/lib/cpushim/no-wrapper"
	cp "$(readlink -f "$other.distrib")" "$other"
	ln -sf "$(readlink -f "$other.distrib")" "$root/usr/bin/qemu-system-x86_64"
	run -0 --separate-stderr cpushim compile
	[ -z "$stderr" ]
	has_rows /usr/bin/kvm-spice
}

@test "an emulator of a usual name whose QEMU answers nothing is left out and named; the others are compiled" {
	local usual=/usr/bin/qemu-system-x86_64
	rm "$root/usr/lib/cpushim/models.table"
	cp "$root$usual" "$root/usr/bin/kvm-spice"
	printf '#!/bin/sh\nexit 0\n' >"$root/usr/bin/kvm-spice.distrib"
	chmod +x "$root/usr/bin/kvm-spice.distrib"
	run -1 --separate-stderr say compile
	[[ $output == *"cpushim: /usr/bin/kvm-spice.distrib: ended the dialogue; reinstall QEMU (Debian: \`apt-get install --reinstall qemu-system-x86\`); /usr/bin/kvm-spice is left out" ]]
	has_rows $usual
	run ! has_rows /usr/bin/kvm-spice
	run ! grep -qa '^qemu=/usr/bin/kvm-spice' "$root/usr/lib/cpushim/models.table"
	[ "$(in_include | tr '\n' ' ')" = 'gate64 x86-64-v2 x86-64-v3 x86-64-v4 ' ]
	# as ready calls it
	run -1 say compile --for-ready --emulator $usual --emulator /usr/bin/kvm-spice
	has_rows $usual
	# none that answers
	rm "$root$usual.distrib"
	changes_nothing cpushim compile
	[[ $output == *"$usual.distrib: can't be run: "* ]]
	[[ $output == *'/usr/bin/kvm-spice.distrib: ended the dialogue'* ]]
}

@test "while its QEMU gives no answer an emulator keeps what still means the same, and is refused the rest" {
	local real
	second /usr/bin/kvm-spice
	real=$(readlink "$other.distrib")
	site two <<-'END'
		<cpus>
		  <model name='stays'><model name='gate64'/><feature name='aes'/></model>
		  <model name='changes'><model name='gate64'/><feature name='aes'/></model>
		</cpus>
	END
	run -0 cpushim compile
	grep -a "emulator=/usr/bin/kvm-spice" "$root/usr/lib/cpushim/models.table" | grep -a model=stays >"$BATS_TEST_TMPDIR/stays"
	site two <<-'END'
		<cpus>
		  <model name='stays'><model name='gate64'/><feature name='aes'/></model>
		  <model name='changes'><model name='gate64'/><feature name='avx'/></model>
		  <model name='comes'><model name='gate64'/><feature name='avx'/></model>
		</cpus>
	END
	ln -sf /bin/false "$other.distrib"
	run -1 say compile --force
	[[ $output == *"; /usr/bin/kvm-spice keeps the models that it has, where they still mean the same"* ]]
	grep -a "emulator=/usr/bin/kvm-spice" "$root/usr/lib/cpushim/models.table" | grep -a model=stays |
		diff - "$BATS_TEST_TMPDIR/stays"
	for model in changes comes; do
		run -1 cpushim expand --emulator /usr/bin/kvm-spice $model
		[[ $output == *"the QEMU of /usr/bin/kvm-spice couldn't be asked when the table was made; \`cpushim compile\`"* ]]
		cpushim expand --emulator /usr/bin/qemu-system-x86_64 $model | grep -q ,avx=on,
	done
	# what goes, goes there, too
	site two </dev/null
	rm "$root/etc/cpushim/models.d/two.xml"
	run -1 cpushim compile --force
	[ "$(names)" = 'gate64 x86-64-v2 x86-64-v3 x86-64-v4 ' ]
	# and it answers again
	ln -sf "$real" "$other.distrib"
	run -0 --separate-stderr cpushim compile
	[ -z "$stderr" ]
	has_rows /usr/bin/kvm-spice
}

@test "what QEMU hides without pmu=on is asked for with it" {
	site pmu <<-'END'
		<cpus xmlns:shim='urn:cpushim:1'>
		  <model name='with-pdcm'>
		    <shim:qemu base='kvm64'/><feature name='fpu'/><feature name='pdcm'/>
		  </model>
		</cpus>
	END
	run -0 cpushim compile
	[[ $(cpushim expand with-pdcm) == *,pmu=on,* ]]
	[[ $(cpushim expand gate64) != *pmu* ]]
	run -1 cpushim verify with-pdcm
	[[ $output == *'missing: pdcm'* ]]
}

@test "XML that is broken is refused with the first error's line" {
	refuses broken
}

@test "a DOCTYPE is refused before any entity is read" {
	refuses doctype
}

@test "another root element is refused" {
	refuses root-element
}

@test "a refused definition is listed with its reason, and can't be expanded" {
	site msr-feature <"$data/msr-feature.xml"
	run -1 cpushim compile
	[ "$(in_include | tr '\n' ' ')" = 'gate64 x86-64-v2 x86-64-v3 x86-64-v4 ' ]
	[[ $(cpushim list) == *"site: refused: "*"feature 'rdctl-no' lives in an MSR"* ]]
	run ! cpushim expand site
	run -1 cpushim show site
}

@test "a file that others may write is refused, also behind a symbolic link" {
	site open <<<"<cpus><model name='site'><model name='gate64'/></model></cpus>"
	chmod o+w "$root/etc/cpushim/models.d/open.xml"
	run -1 say compile
	[ "$output" = "cpushim: /etc/cpushim/models.d/open.xml: others may write it, so it isn't believed: chmod go-w" ]
	mv "$root/etc/cpushim/models.d/open.xml" "$BATS_TEST_TMPDIR/open.xml"
	ln -s "$BATS_TEST_TMPDIR/open.xml" "$root/etc/cpushim/models.d/link.xml"
	run -1 say compile
	[[ $output == 'cpushim: /etc/cpushim/models.d/link.xml: others may write it'* ]]
}

@test "a feature that is no part of a definition is ignored with a warning" {
	site ht <<-'END'
		<cpus>
		  <model name='site'>
		    <model name='gate64'/>
		    <feature name='ht'/>
		  </model>
		</cpus>
	END
	run -0 say compile
	[[ $output == "cpushim: /etc/cpushim/models.d/ht.xml:4: model 'site': feature 'ht' is no part of a definition and ignored"* ]]
	[ "$(cpushim show site)" = "$(cpushim show gate64)" ]
}

@test "compile, list and verify warn of a model with which no Linux boots under TCG" {
	need_avx2
	site old-v3 <<-'END'
		<cpus>
		  <model name='old-v3'><model name='x86-64-v3'/><feature name='xsaveopt' policy='disable'/></model>
		  <model name='with-xgetbv1'><model name='old-v3'/><feature name='xgetbv1'/></model>
		</cpus>
	END
	run -0 say compile
	[[ $output == "cpushim: /etc/cpushim/models.d/old-v3.xml:2: model 'old-v3': under TCG no Linux boots with it: "*'; add xsaveopt, which every CPU with avx2 has' ]]
	[ "$(cpushim list | grep -c 'no Linux boots under TCG')" = 1 ]
	cpushim list | grep -x 'old-v3: no Linux boots under TCG: xsave without xsaveopt'
	run -0 say verify --cpus 1 old-v3
	[[ $output == "cpushim: model 'old-v3': under TCG no Linux boots with it: "* ]]
	[[ $(cpushim verify --cpus 1 --json old-v3) == *'"tcg_boot": "under TCG'* ]]
	run -0 say verify --cpus 1 with-xgetbv1
	[ -z "$output" ]
}

@test "libvirt's models are understood as libvirt itself does" {
	need_libvirt
	local model theirs n=0
	for model in $(virsh_with_map cpu-models x86_64 | some 3); do
		# what we leave out on purpose: removed=, added=, and what lives in MSRs
		theirs=$(libvirts_features "$model" | grep -vxFf <(
			sed -n "s/.*<feature name='\([^']*\)' \(added\|removed\)='yes'.*/\1/p" \
				"$root$map/x86_$model.xml" 2>/dev/null
			sed -n "/<feature name/{s/.*name='\([^']*\)'.*/\1/;h};/<msr/{g;p}" \
				"$root$map/x86_features.xml"
		))
		[ "$(cpushim show "$model")" = "$theirs" ]
		n=$((n + 1))
	done
	[ "$n" -gt 15 ]
}

@test "libvirt loads the include, and its models have our features" {
	need_libvirt
	site names <<-'END'
		<cpus>
		  <model name='two--dashes--'><model name='gate64'/><feature name='aes'/></model>
		</cpus>
	END
	run -0 cpushim compile
	virsh_with_map cpu-models x86_64 >"$BATS_TEST_TMPDIR/models"
	local model
	for model in $(names); do
		grep -qx -- "$model" "$BATS_TEST_TMPDIR/models"
		[ "$(libvirts_features "$model")" = "$(cpushim show "$model")" ]
	done
	grep -q '^<!-- cpushim-names: .* two-%-dashes-%- .*-->$' "$root$map/x86_cpushim.xml"
}

@test "libvirt doesn't choose our models for a CPU that has their features" {
	need_libvirt
	local model base
	for model in gate64 x86-64-v2 x86-64-v3; do
		# two models: libvirt keeps the name if there is but one
		for base in 486 pentium; do
			printf '<cpu><arch>x86_64</arch><model>%s</model>' "$base"
			cpushim show "$model" | features_xml
			printf '</cpu>\n'
		done >"$BATS_TEST_TMPDIR/hosts.xml"
		virsh_with_map cpu-baseline "$BATS_TEST_TMPDIR/hosts.xml" >"$BATS_TEST_TMPDIR/with"
		virsh -q -c test:///default cpu-baseline "$BATS_TEST_TMPDIR/hosts.xml" |
			diff - "$BATS_TEST_TMPDIR/with"
	done
}

@test "a model with a feature that libvirt's map lacks stays out of the include, and is named" {
	need_libvirt
	sed -i "/<feature name='invtsc'/,/<.feature>/d" "$root$map/x86_features.xml"
	sed -i "/<feature name='invtsc'/d" "$root$map"/x86_*.xml
	site clock <<-'END'
		<cpus>
		  <model name='clock'><model name='gate64'/><feature name='invtsc'/></model>
		</cpus>
	END
	run -0 say compile
	[ "$output" = "cpushim: /etc/cpushim/models.d/clock.xml:2: model 'clock' isn't made known to libvirt, whose map lacks invtsc: nova won't find it" ]
	[ "$(in_include | tr '\n' ' ')" = 'gate64 x86-64-v2 x86-64-v3 x86-64-v4 ' ]
	grep -q '^<!-- cpushim-names:.* clock ' "$root$map/x86_cpushim.xml"
	grep -qx '<!-- not here: clock: this map lacks invtsc. -->' "$root$map/x86_cpushim.xml"
	virsh_with_map cpu-models x86_64 | grep -qx gate64
}

@test "somebody's gate64 with the same features stays theirs" {
	need_libvirt
	cpushim show gate64 | others_gate64 "<vendor name='Intel'/>"
	run -0 say compile
	[ "$output" = "cpushim: $map/x86_other.xml:1: model 'gate64' has the same features there and stays theirs; when it goes, run \`cpushim compile\` and restart libvirt, which knows none then" ]
	[ "$(in_include | tr '\n' ' ')" = 'x86-64-v2 x86-64-v3 x86-64-v4 ' ]
	grep -q '^<!-- cpushim-names: gate64 ' "$root$map/x86_cpushim.xml"
	grep -qx '<!-- not here: gate64: x86_other.xml:1 has it, with the same features; when it goes there, run cpushim compile and restart libvirt. -->' \
		"$root$map/x86_cpushim.xml"
	virsh_with_map cpu-models x86_64 | grep -qx gate64
	# and it goes
	sed -i /x86_other/d "$root$map/index.xml"
	run -0 cpushim compile
	[[ $output == *'; restart libvirt' ]]
	[ "$(in_include | tr '\n' ' ')" = 'gate64 x86-64-v2 x86-64-v3 x86-64-v4 ' ]
	run ! grep 'not here' "$root$map/x86_cpushim.xml"
	virsh_with_map cpu-models x86_64 | grep -qx gate64
}

@test "somebody's gate64 with other features: ours is refused, and the difference told" {
	need_libvirt
	(printf 'vme\nssse3\n' && cpushim show gate64 | grep -v pge) | others_gate64
	run -1 say compile
	[[ ${lines[0]} == "cpushim: /usr/share/cpushim/models.d/gate64.xml:"*": model 'gate64': libvirt's map has a model of this name with other features ($map/x86_other.xml:1): only here: pge; only there: ssse3 vme; to have the shipped one take that <model> out of its file, run \`cpushim compile\` and restart libvirt" ]]
	[[ ${lines[1]} == *"model 'x86-64-v2': starts from 'gate64', which is refused itself" ]]
	[ -z "$(in_include)" ]
	virsh_with_map cpu-models x86_64 | grep -qx gate64
}

# The maps are written after libvirt 1.2's and 4.6's, which no package has any more.
@test "on a map without <decode> the models are named that libvirt would translate, maybe to ours" {
	local file
	for file in 1.2 4.6; do
		rm -rf "${root:?}$map" "$root$map.xml"
		cp "$CHECKOUT/tests/data/cpu_map-$file.xml" "$root$map.xml"
		run -0 say compile
		[[ $output == *"cpushim: $map.xml: a guest of a model that this map has and QEMU hasn't is started as the nearest that QEMU offers, by libvirt before 6.2, and that may now be a site's: small"*'; have such guests ask for another'* ]]
	done
}

@test "likewise where the map is a directory (libvirt 4.7 to 6.1), and none where it has <decode>" {
	need_libvirt
	run -0 say compile
	[ -z "$output" ]
	sed -i '/<decode /d' "$root$map"/x86_*.xml
	run -0 say compile
	[[ $output == *"that may now be a site's: "*cpu64-rhel6*'; have such guests ask for another'* ]]
	[[ $output != *Nehalem* ]]
	[[ $output != *gate64* ]]
}

@test "an index that a package's upgrade has replaced is told of, as libvirt will forget the models" {
	sed -i /x86_cpushim/d "$root$map/index.xml"
	run -1 say compile
	[[ $output == "cpushim: $map: index.xml doesn't name x86_cpushim.xml any more"*cpushim\ ready* ]]
	rm "$root$map/x86_cpushim.xml"
	run -0 say compile
}

@test "a map of libvirt's that can't be read stops compile, and leaves the table alone" {
	cp "$root/usr/lib/cpushim/models.table" "$BATS_TEST_TMPDIR/before"
	printf '<cpus' >"$root$map/x86_features.xml"
	run -2 say compile
	[[ $output == "cpushim: $map/x86_features.xml:1: isn't well-formed XML"* ]]
	cmp "$root/usr/lib/cpushim/models.table" "$BATS_TEST_TMPDIR/before"
}

# All files of the root, with what is in them
content() {
	(cd "$root" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}

# changes_nothing COMMAND...: it has something to do, can't, leaves every file as it was, and adds none
changes_nothing() {
	content >"$BATS_TEST_TMPDIR/before"
	run -2 "$@"
	content | diff "$BATS_TEST_TMPDIR/before" -
}

limited() { # KIBIBYTES COMMAND...: whose files get no larger
	(
		trap '' XFSZ
		ulimit -f "$1"
		"${@:2}"
	)
}

@test "when compile exits 2 no file has changed: a full disk, a file that can't be replaced, a lost answer" {
	local table=$root/usr/lib/cpushim/models.table
	site aes <<-'END'
		<cpus>
		  <model name='gate64-aes'><model name='gate64'/><feature name='aes'/></model>
		</cpus>
	END
	# the published names still fit, the table doesn't
	changes_nothing limited 4 cpushim compile
	[[ $output == *"cpushim: $table: can't be written: File too large" ]]
	# the table fits, the include has no place
	mv "$root$map/x86_cpushim.xml" "$BATS_TEST_TMPDIR/include"
	mkdir "$root$map/x86_cpushim.xml"
	changes_nothing cpushim compile
	[[ $output == *"x86_cpushim.xml: can't be replaced: "* ]]
	rmdir "$root$map/x86_cpushim.xml"
	mv "$BATS_TEST_TMPDIR/include" "$root$map/x86_cpushim.xml"
	# shellcheck disable=SC2016 # for the inner shell
	changes_nothing sh -c 'CPUSHIM_ROOT=$1 "$1/usr/bin/cpushim" compile >/dev/full' sh "$root"
	[[ $output == *"standard output: can't be written" ]]
	run -0 cpushim compile
	[ "$(names)" = 'gate64 gate64-aes x86-64-v2 x86-64-v3 x86-64-v4 ' ]
}

@test "a file that is a mount point can't be replaced, and none is" {
	need_libvirt
	local include=$root$map/x86_cpushim.xml
	site aes <<-'END'
		<cpus>
		  <model name='gate64-aes'><model name='gate64'/><feature name='aes'/></model>
		</cpus>
	END
	cp "$include" "$BATS_TEST_TMPDIR/include"
	CPUSHIM_ROOT=$root changes_nothing bound "$BATS_TEST_TMPDIR/include" "$include" "$root/usr/bin/cpushim" compile
	[[ $output == *"$include: can't be replaced: "* ]]
}

@test "a definition's file is named as it is called in a UTF-8 locale, and escaped in others" {
	mv "$root/usr/share/cpushim/models.d/gate64.xml" "$root/usr/share/cpushim/models.d/größe.xml"
	printf "<cpus><model name='x'><model name='gate64'/><feature name='nosuch'/></model></cpus>" |
		site $'\u202ebidi'
	cpushim compile >/dev/null 2>&1 || :
	LC_ALL=C.UTF-8 run -0 --separate-stderr cpushim list
	[[ $output == *'/models.d/größe.xml:'* ]]
	LC_ALL=C run -0 --separate-stderr cpushim list
	[[ $output == *'/models.d/gr\xc3\xb6\xc3\x9fe.xml:'* ]]
	for locale in C C.UTF-8; do
		LC_ALL=$locale run -0 --separate-stderr cpushim list
		[[ $output == *'/models.d/\xe2\x80\xaebidi.xml:1'* ]]
		LC_ALL=$locale run -0 --separate-stderr cpushim list --json
		[[ $output == *'/models.d/größe.xml:'* ]]
		[[ $output == *'/models.d/\u202Ebidi.xml:1'* ]]
	done
}
