#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Many hosts: cpushim check, baseline and rollover. With made-up hosts, in our dumps' form and in no root, and
# with the real dumps that CPUSHIM_DUMPS names, held against libvirt.

# shellcheck disable=SC2154,SC2030,SC2031 # bats sets output and stderr; each test has its own subshell
bats_require_minimum_version 1.5.0

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	work=$BATS_TEST_TMPDIR
	dumps=${CPUSHIM_DUMPS-}
	export SOURCE_DATE_EPOCH=1764000000 TERM=xterm
	unset COLUMNS NO_COLOR
	cd "$work" || return
}

# cpushim: with nothing installed: no table, no libvirt, no QEMU
cpushim() {
	CPUSHIM_ROOT=${root-$work/nothing} "$CHECKOUT/build/cpushim" "$@"
}

# staged: from here on with libvirt's map, this machine's QEMU and a table
staged() {
	root=$CHECKOUT/build/root
	[ -e "$root/usr/lib/cpushim/models.table" ] || {
		printf 'make stage comes first\n' >&2
		return 1
	}
}

need_dumps() {
	[ -d "$dumps" ] || skip 'dumps: needs those that CPUSHIM_DUMPS names'
	mapfile -t real < <(printf '%s\n' "$dumps"/*.test | grep -v /arm_)
}

need_libvirt() {
	command -v virsh >/dev/null || skip 'needs libvirt'
}

# what all hosts here have, and more would be told of
base='apic clflush cmov cx8 de fpu fxsr lm mca mce mmx msr mtrr nx pae pat pge pni pse sep sse sse2 syscall tsc'

# host NAME HAS LACKS: a dump that tells what KVM gives
host() {
	{
		printf 'cpushim-host 1\nname %s\n' "$1"
		printf 'cpus 0\nleaf 00000000 00000000 00000001 %s\n' "${vendor-756e6547 6c65746e 49656e69}"
		printf 'leaf 00000001 00000000 %s 00000000 00000000 00000000\n' "${signature-000906ea}"
		printf 'leaf 80000000 00000000 80000008 00000000 00000000 00000000\n'
		printf 'leaf 80000008 00000000 000030%s 00000000 00000000 00000000\n' "${bits-30}"
		printf '%s' "${told-}"
		printf 'kvm has %s %s\nkvm lacks %s\nend\n' "$base" "$2" "$3"
	} >"${file:-$1.dump}"
}

# fleet: five hosts, of which two are alike and one is AMD's
fleet() {
	host n1 'aes avx cx16 popcnt rdtscp' 'avx2 pse36 sse4.1 vme svm'
	host n2 'aes avx cx16 popcnt rdtscp' 'avx2 pse36 sse4.1 vme svm'
	host n3 'aes cx16 popcnt rdtscp' 'avx avx2 pse36 sse4.1 vme svm'
	signature=000006f0 host n4 'cx16 rdtscp popcnt' 'avx avx2 aes pse36 sse4.1 vme svm'
	vendor='68747541 444d4163 69746e65' signature=00800f12 host amd 'aes cx16 popcnt svm rdtscp' \
		'avx avx2 pse36 sse4.1 vme'
}

# features FILE: those of a definition
features() {
	sed -n "s/.*<feature name='\([^']*\)'.*/\1/p" "$1" | tr '\n' ' '
}

# answer: the output, with one blank between words
answer() {
	tr -s ' ' <<<"$output"
}

# on_terminal COMMAND...: its standard output on a terminal of 80 columns
on_terminal() {
	local command
	printf -v command '%q ' "$CHECKOUT/build/cpushim" "$@"
	CPUSHIM_ROOT=${root-$work/nothing} script -qec "stty cols 80 2>/dev/null; $command 2>/dev/null" /dev/null </dev/null |
		tr -d '\r'
}

# domain TYPE CPU [CLOCK]: a guest's XML
domain() {
	printf "<domain type='%s'><name>g</name>%s%s</domain>\n" "$1" "$2" "${3-}" >domain.xml
}

# ---- check ----

@test "check tells which hosts run a model and what the others lack, and its exit status says so" {
	staged
	fleet
	run -0 cpushim check gate64 ./*.dump
	[[ $output == *'gate64 (site, '*'): 24 features'*'kvm: what QEMU gives under KVM'* ]]
	[[ $output == *'yes       5  amd, n1, n2, n3, n4'*'5 of 5 hosts run it.' ]]
	run -1 cpushim check x86-64-v2 ./*.dump
	[[ $output == *'no        5  lacks sse4.1; not known: lahf_lm sse4.2 ssse3: amd, n1, n2, n3, n4'* ]]
	[[ $output == *'0 of 5 hosts run it, 5 can'"'t." ]]
	run -2 cpushim check nonesuch ./*.dump
	[[ $output == *"there is no model 'nonesuch'"* ]]
	run -2 cpushim check gate65 ./*.dump
	[[ $output == *"is 'gate64' meant?"* ]]
}

@test "what a host doesn't tell is neither there nor lacking: check exits with 2" {
	staged
	host known aes 'avx'
	host vague '' 'avx'
	printf "<cpus xmlns:shim='urn:cpushim:1'><model name='a'><shim:qemu base='kvm64'/>" >a.xml
	printf "<model name='gate64'/><feature name='aes'/></model></cpus>\n" >>a.xml
	run -2 cpushim check a.xml ./*.dump
	[[ $(answer) == *'unknown 1 not known: aes: vague'*'yes 1 known'* ]]
	[[ $output == *"1 of 2 hosts run it, 1 can't be told." ]]
	# one that can't outweighs it
	host poor '' 'aes'
	run -1 cpushim check a.xml ./*.dump
}

@test "check takes models of libvirt, of QEMU, and of a definition that isn't compiled" {
	staged
	need_libvirt
	fleet
	run -1 cpushim check libvirt:Westmere ./*.dump
	[[ $output == 'Westmere (libvirt, '* ]]
	run -2 cpushim check qemu:qemu32 ./*.dump
	[[ $(answer) == 'qemu32 (QEMU, '*'unknown 5 not known: x2apic: amd, n1, n2, n3, n4'* ]]
	# libvirt's where both have one
	run -1 cpushim check Westmere ./*.dump
	[[ $output == 'Westmere (libvirt, '* ]]
	run -2 cpushim check site:Westmere ./*.dump
	{
		printf "<cpus xmlns:shim='urn:cpushim:1'>\n<model name='one'><model name='gate64'/></model>\n"
		printf "<model name='two'><model name='one'/><feature name='aes'/></model>\n</cpus>\n"
	} >new.xml
	run -2 cpushim check new.xml ./*.dump
	[[ $output == *'has several models (one, two); name one, as in new.xml:one'* ]]
	run -0 cpushim check new.xml:one ./*.dump
	run -1 cpushim check ./new.xml:two ./*.dump
	[[ $output == *'lacks aes: n4'* ]]
	sed -i 's/aes/nonesuch/' new.xml
	run -2 cpushim check new.xml:two ./*.dump
	[[ $output == *"new.xml:3: model 'two': unknown feature 'nonesuch'"* ]]
	# the name of one that is compiled: the file counts
	sed 's/pni/avx/; s/gate64.*pni/&/' "$CHECKOUT/cpumap/models/gate64.xml" >gate64.xml
	run -1 cpushim check gate64.xml ./*.dump
	[[ $output == *'lacks avx: amd, n3, n4'* ]]
	run -1 cpushim check "$CHECKOUT/cpumap/models/x86-64-v2.xml" ./*.dump
}

@test "a definition, a guest's XML and a host may come by a pipe" {
	staged
	fleet
	run -1 cpushim check <(sed 's/pni/avx/' "$CHECKOUT/cpumap/models/gate64.xml") ./*.dump
	[[ $output == *'lacks avx: amd, n3, n4'* ]]
	domain kvm "<cpu mode='custom' match='exact'><model>gate64</model></cpu>"
	run -0 cpushim check --domain <(cat domain.xml) <(cat n1.dump)
	run -2 cpushim check "$PWD" n1.dump
	[[ $output == *': not a regular file' ]]
}

@test "QEMU's models are asked about as the accelerator starts them" {
	staged
	host n1 '' aes
	cpushim check -a kvm --json qemu:EPYC n1.dump >kvm.json || [ $? = 1 ]
	cpushim check -a tcg --json qemu:EPYC n1.dump >tcg.json || [ $? = 2 ]
	cpushim check -a kvm --json qemu:qemu64 n1.dump >qemu64.json || [ $? = 2 ]
	python3 -c '
import json
kvm, tcg, qemu64 = (set(json.load(open(f))["features"]) for f in ("kvm.json", "tcg.json", "qemu64.json"))
assert {"x2apic", "vme", "avx2"} <= kvm and not {"monitor", "svm", "acpi"} & kvm, kvm
assert {"monitor", "svm"} <= tcg and "vme" not in tcg, tcg
assert "x2apic" in qemu64 and "vme" not in qemu64, qemu64'
}

@test "check needs nothing installed: definitions, dumps, and no QEMU" {
	fleet
	run -0 cpushim check "$CHECKOUT/cpumap/models/gate64.xml" ./*.dump
	run -2 cpushim check gate64 ./*.dump
	run -2 cpushim check qemu:kvm64 ./*.dump
	[[ $output == *'/usr/bin/qemu-system-x86_64'*"so there is no model 'kvm64'"* ]]
	[ ! -e "$work/nothing" ]
}

@test "the accelerator is the one that hosts tell of, and is said; the CPU less what no KVM gives, if one doesn't" {
	staged
	fleet
	# a CPU that has what KVM never gives, and lacks x2apic, which KVM emulates
	printf 'cpushim-host 1\nname bare\ncpus 0\n' >bare.dump
	{
		printf 'leaf 00000000 00000000 00000001 756e6547 6c65746e 49656e69\n'
		printf 'leaf 00000001 00000000 000006f0 00000000 0000002b 07c9f3ff\n'
		printf 'leaf 80000000 00000000 80000001 00000000 00000000 00000000\n'
		printf 'leaf 80000001 00000000 00000000 00000000 00000000 20100800\nend\n'
	} >>bare.dump
	run -0 cpushim baseline -a cpu --json bare.dump
	[[ $output == *'"common": ['*'"monitor"'* ]]
	host tells x2apic ''
	run -0 --separate-stderr cpushim baseline bare.dump tells.dump
	[[ $stderr == *"kvm: what QEMU gives under KVM; 1 of 2 hosts don't tell it: their CPUs' features count, without what no KVM gives"* ]]
	[[ $output == *"<feature name='x2apic'/>"* ]]
	[[ $output != *monitor* ]]
	# vmx depends on KVM's options
	[[ $(cpushim baseline --accel kvm --json bare.dump) == *'"vmx": 1'* ]]
	run -0 --separate-stderr cpushim baseline bare.dump
	[[ $stderr == *'cpu: what the CPUs have'* ]]
	run -2 cpushim baseline --accel tcg ./*.dump
	[[ $output == *'7 of 7 hosts tell nothing of tcg ('*', '*', '*', ...): leave them out'* ]]
	run -2 cpushim check --accel tcg gate64 n1.dump
	[[ $(answer) == *'unknown 1 tells nothing of this accelerator: n1'* ]]
}

@test "hosts are left out by name, and files that can't be read if that is asked for" {
	staged
	fleet
	run -0 cpushim check --leave-out n3 --leave-out n4 --leave-out amd gate64 ./*.dump
	[[ $output == *'2 of 2 hosts run it.' ]]
	run -2 cpushim check --leave-out n5 gate64 ./*.dump
	[[ $output == *"no host is called 'n5', which --leave-out names"* ]]
	run -2 cpushim baseline --leave-out n1 n1.dump
	[[ $output == *'no host is left'* ]]
	printf 'nonsense\n' >bad.dump
	run -2 cpushim check gate64 ./*.dump
	[[ $output == 'cpushim: ./bad.dump:1: '* ]]
	run -0 --separate-stderr cpushim check --skip-bad gate64 ./*.dump
	[[ $stderr == 'cpushim: ./bad.dump:1: '* ]]
	run -2 cpushim check --skip-bad gate64 bad.dump
	[[ $output == *'no host is left: no file could be read'* ]]
}

@test "a guest's XML is asked about: its model and features, its type, address bits, TSC and vendor" {
	staged
	told=$'tsc 2000000000\ntsc-scaling no\n'
	host near aes avx
	told=$'tsc 2600000000\ntsc-scaling no\n'
	host far aes avx
	told=$'tsc 2600000000\ntsc-scaling yes\n'
	vendor='68747541 444d4163 69746e65' host amd aes avx
	domain kvm "<cpu mode='custom' match='exact'><model>gate64</model></cpu>"
	run -0 cpushim check --domain domain.xml ./*.dump
	[[ $output == 'g asks for gate64 (site, '*'kvm: '* ]]
	[[ $output == *"Their TSCs run at 2.000 to 2.600 GHz, and 2 hosts can't scale it: a guest that is told a frequency"* ]]
	domain kvm "<cpu><model>gate64</model><feature name='avx'/><feature name='aes' policy='optional'/></cpu>"
	run -1 cpushim check --domain domain.xml ./*.dump
	[[ $output == *'no        3  lacks avx: amd, far, near'* ]]
	domain kvm "<cpu><model>gate64</model><feature name='avx' policy='disable'/><feature name='aes' policy='forbid'/></cpu>"
	run -1 cpushim check -d domain.xml ./*.dump
	[[ $output == *'no        3  has aes, which the guest forbids: amd, far, near'* ]]
	domain kvm "<cpu><model>gate64</model><vendor>AMD</vendor></cpu>"
	run -1 cpushim check -d domain.xml ./*.dump
	[[ $output == *"no        2  its vendor isn't AuthenticAMD: far, near"* ]]
	domain kvm "<cpu><model>gate64</model></cpu>" "<clock><timer name='tsc' frequency='2000100000'/></clock>"
	run -1 cpushim check -d - ./*.dump <domain.xml
	[[ $output == *"no        1  its TSC has another frequency than 2000100000 Hz, and can't be scaled: far"* ]]
	[[ $output == *'yes       2  amd, near'* ]]
	domain kvm "<cpu><maxphysaddr mode='emulate' bits='64'/><model>gate64</model></cpu>"
	run -1 cpushim check -d domain.xml ./*.dump
	[[ $output == *'has fewer than 64 physical address bits: amd, far, near'* ]]
	# with its host's address bits it runs everywhere, and these hosts have two numbers of them
	bits=27 host few aes avx
	domain kvm "<cpu><maxphysaddr mode='passthrough'/><model>gate64</model></cpu>"
	run -0 cpushim check -d domain.xml few.dump near.dump
	[[ $output == *$'\nIt gets the physical address bits of its host, and here those are 39 to 48: it can\'t migrate'* ]]
	[[ $output != *'that QEMU tells a guest'* ]]
	run -0 cpushim check -d domain.xml far.dump near.dump
	[[ $output != *'address bits'* ]]
	domain kvm "<cpu><maxphysaddr mode='passthrough' limit='39'/><model>gate64</model></cpu>"
	run -0 cpushim check -d domain.xml few.dump near.dump
	[[ $output != *'address bits'* ]]
	# a guest of TCG, of which these hosts don't tell
	domain qemu "<cpu><model>gate64</model></cpu>"
	run -2 cpushim check -d domain.xml ./*.dump
	[[ $output == *'tcg: what QEMU emulates'* ]]
}

@test "under TCG no host is compared with the vendor and the features that a guest forbids, unless check= asks" {
	staged
	told="tcg has $base aes"$'\ntcg lacks avx\n' host n1 aes avx
	local asks="<model>gate64</model><vendor>AMD</vendor><feature name='aes' policy='forbid'/>"
	domain qemu "<cpu>$asks</cpu>"
	run -0 cpushim check -d domain.xml n1.dump
	[[ $output == *'tcg: what QEMU emulates'* ]]
	domain qemu "<cpu><model>gate64</model><vendor>Nobody</vendor></cpu>"
	run -0 cpushim check -d domain.xml n1.dump
	domain qemu "<cpu check='partial'>$asks</cpu>"
	run -1 cpushim check -d domain.xml n1.dump
	[[ $output == *"has aes, which the guest forbids; its vendor isn't AuthenticAMD: n1"* ]]
	domain kvm "<cpu check='none'>$asks</cpu>"
	run -0 cpushim check -d domain.xml n1.dump
	domain kvm "<cpu>$asks</cpu>"
	run -1 cpushim check -d domain.xml n1.dump
}

@test "a guest with invtsc migrates if its TSC's frequency is said" {
	staged
	told=$'tsc 2000000000\ntsc-scaling no\n' host n1 'aes invtsc' avx
	domain kvm "<cpu><model>gate64</model><feature name='invtsc'/></cpu>"
	run -0 cpushim check -d domain.xml n1.dump
	[[ $output == *$'\nIt has invtsc, and its XML names no TSC frequency: libvirt starts it, and doesn\'t'* ]]
	domain kvm "<cpu><model>gate64</model><feature name='invtsc'/></cpu>" \
		"<clock><timer name='tsc' frequency='2000000000'/></clock>"
	run -0 cpushim check -d domain.xml n1.dump
	[[ $output != *'invtsc'* ]]
}

@test "what no list of features answers about a guest is said, and what runs nowhere" {
	staged
	host n1 aes avx
	domain kvm "<cpu mode='host-passthrough'/>"
	run -2 cpushim check -d domain.xml n1.dump
	[[ $output == *"g: names no CPU model (mode='host-passthrough'): it has what its host has"* ]]
	domain kvm ""
	run -2 cpushim check -d domain.xml n1.dump
	domain kvm "<cpu match='strict'><model>gate64</model></cpu>"
	run -2 cpushim check -d domain.xml n1.dump
	domain kvm "<cpu><model>gate64</model><feature name='of-2040'/></cpu>"
	run -2 cpushim check -d domain.xml n1.dump
	domain kvm "<cpu match='minimum'><model>gate64</model></cpu>"
	run -1 cpushim check -d domain.xml n1.dump
	[[ $output == *"g: model 'gate64': match='minimum' adds what the host has"* ]]
	domain kvm "<cpu><model>nonesuch</model></cpu>"
	run -2 cpushim check -d domain.xml n1.dump
	printf '<domain>' >domain.xml
	run -2 cpushim check -d domain.xml n1.dump
	domain kvm "<cpu><model>gate64</model><feature name='lm' policy='disable'/><maxphysaddr mode='emulate' bits='36'/></cpu>"
	run -2 cpushim check -d domain.xml n1.dump
	[[ $output == *'asks for physical address bits, and QEMU takes none for a CPU without lm' ]]
	# what libvirt refuses, or QEMU on x86 has nothing to do with
	local cpu='<model>gate64</model>'
	while read -r type rest; do
		domain "$type" "<cpu>$cpu${rest%%|*}</cpu>" "${rest#*|}"
		run -2 cpushim check -d domain.xml n1.dump
		[[ $output == 'cpushim: g: '* ]]
	done <<-'END'
		xen |
		hvf |
		kvm |<os><type arch='aarch64'>hvm</type></os>
		kvm <maxphysaddr mode='emulate' bits='9999999999999'/>|
		kvm <maxphysaddr mode='emulate' bits='-1'/>|
		kvm <maxphysaddr mode='emulate' bits='31'/>|
		kvm <maxphysaddr mode='passthrough' bits='40'/>|
		kvm <maxphysaddr mode='bogus' bits='40'/>|
		kvm <maxphysaddr bits='40'/>|
		kvm |<clock><timer name='tsc' frequency='0x77359400'/></clock>
		kvm <feature policy='bogus' name='aes'/>|
		kvm <feature policy='require' name='aes'/><feature policy='disable' name='aes'/>|
	END
	printf '<domain><name>g</name><cpu>%s</cpu></domain>' "$cpu" >domain.xml
	run -2 cpushim check -d domain.xml n1.dump
	# a path is no name of a model
	domain kvm "<cpu><model>$CHECKOUT/cpumap/models/gate64.xml</model></cpu>"
	run -2 cpushim check -d domain.xml n1.dump
}

@test "names of hosts are foreign text, and a terminal's 80 columns hold them" {
	staged
	host a '' aes
	file=b.dump host '\x1b[31mred\n' '' aes
	file=c.dump host "$(printf 'long%.0s' {1..60})" '' aes
	run -0 cpushim check gate64 ./*.dump
	[[ $output != *$'\e'* ]]
	[[ $output == *'\x1b[31mred'* ]]
	on_terminal check gate64 ./*.dump >out
	[ "$(sed 's/\x1b\[[0-9;]*m//g' out | awk '{ print length }' | sort -n | tail -n 1)" -le 80 ]
	on_terminal baseline --explain ./*.dump >out
	[ "$(sed 's/\x1b\[[0-9;]*m//g' out | awk '{ print length }' | sort -n | tail -n 1)" -le 80 ]
	grep -q x86-64-v1 out
	NO_COLOR=1 on_terminal check gate64 a.dump >out
	run ! grep -q $'\e' out
}

@test "check --json says it all" {
	staged
	fleet
	run -1 cpushim check --json x86-64-v2 ./*.dump
	printf '%s' "$output" | python3 -c '
import json, sys
a = json.load(sys.stdin)
assert (a["model"], a["from"], a["accel"]) == ("x86-64-v2", "site", "kvm")
assert (a["hosts"], a["yes"], a["no"], a["unknown"], a["guessed"]) == (5, 0, 5, 0, 0)
[answer] = a["answers"]
assert answer["runs"] == "no" and answer["lacks"] == ["sse4.1"]
assert answer["unknown"] == ["lahf_lm", "sse4.2", "ssse3"]
assert answer["hosts"] == ["amd", "n1", "n2", "n3", "n4"] and answer["n_hosts"] == 5'
}

# ---- baseline ----

@test "baseline prints a definition that compile takes, with what all hosts have and nothing else" {
	staged
	fleet
	run -0 --separate-stderr cpushim baseline --name shared ./*.dump
	printf '%s\n' "$output" >shared.xml
	[ "$(features shared.xml)" = "$(tr ' ' '\n' <<<"$base cx16 popcnt rdtscp" | LC_ALL=C sort | tr '\n' ' ')" ]
	[[ $stderr == *'5 hosts, 4 different; kvm: what QEMU gives under KVM'*'they share 27 features (x86-64-v1)'* ]]
	[[ $output == *'shared: the features that 5 hosts (4 different) can give, by cpushim baseline on 2025-11-24.'* ]]
	run -0 cpushim check shared.xml ./*.dump
	cp -a "$root" site
	mkdir -p site/etc/cpushim/models.d
	cp shared.xml site/etc/cpushim/models.d
	root=$work/site run -0 cpushim compile
	[[ $output == '5 models for '*' 0 refused'* ]]
	run -0 env CPUSHIM_ROOT="$work/site" "$CHECKOUT/build/cpushim" verify --cpus 1 shared
	[[ $output == 'shared: exact, 27 features'* ]]
}

@test "the answer is the same whatever the order of the files" {
	fleet
	cpushim baseline n1.dump n2.dump n3.dump n4.dump amd.dump >a 2>a.err
	cpushim baseline amd.dump n4.dump n2.dump n3.dump n1.dump >b 2>b.err
	cat n3.dump amd.dump n1.dump n4.dump n2.dump | cpushim baseline - >c 2>c.err
	diff a b
	diff a c
	diff a.err b.err
	diff a.err c.err
	cpushim baseline --json n1.dump n2.dump n3.dump n4.dump amd.dump >a
	cat n3.dump amd.dump n1.dump n4.dump n2.dump | cpushim baseline --json - >b
	diff a b
	cpushim baseline --explain n1.dump n2.dump n3.dump n4.dump amd.dump >a
	cpushim baseline --explain amd.dump n4.dump n2.dump n3.dump n1.dump >b
	diff a b
}

@test "the identity is the oldest host's where all are of one vendor, or the vendor that is asked for" {
	fleet
	run -0 cpushim baseline n1.dump n4.dump
	[[ $output == *"<vendor name='GenuineIntel'/>"*"<signature family='6' model='15' stepping='0'/>"* ]]
	run -0 cpushim baseline n1.dump amd.dump
	[[ $output != *'<vendor'* ]]
	[[ $output != *'<signature'* ]]
	run -0 cpushim baseline --vendor none n1.dump n4.dump
	[[ $output != *'<vendor'* ]]
	run -0 cpushim baseline --vendor AMD n1.dump amd.dump
	[[ $output == *"<vendor name='AuthenticAMD'/>"*"<signature family='15' model='107' stepping='1'/>"* ]]
	run -2 cpushim baseline --vendor Nobody n1.dump
	[[ $output == *"unknown vendor 'Nobody'"* ]]
}

@test "what is not known of all hosts is left out, and said" {
	host a aes avx
	host b aes ''
	host c '' avx
	run -0 --separate-stderr cpushim baseline ./*.dump
	[[ $output != *"name='aes'"* ]]
	[[ $output == *'Left out, as they aren'"'"'t known of all hosts: aes'* ]]
	[[ $stderr == *'left out, as not all hosts tell of them: aes'* ]]
	run -0 cpushim baseline --explain ./*.dump
	[[ $output == *"left out, as 1 host doesn't tell of it: aes"* ]]
}

@test "hosts that share nothing have no model" {
	base=''
	host a fpu sse
	host b sse fpu
	run -1 --separate-stderr cpushim baseline a.dump b.dump
	[ -z "$output" ]
	[[ $stderr == *'these hosts share no feature that is known of all'* ]]
}

@test "explain tells what few hosts cost, what the rest would share, and two or three models" {
	fleet
	run -0 cpushim baseline --explain ./*.dump
	[[ $output == *'    2        29  v1     n1, n2'* ]]
	[[ $output == *$'Features that few hosts cost the others:\nHOSTS  LACK, OR DON'"'"$'T TELL OF\n    1  aes: n4'* ]]
	[[ $output == *$'without these hosts:\nMORE  LEVEL  WITHOUT\n   1  v1     n4'* ]]
	[[ $output == *$'2 models in place of one'*$'\n      29  v1       2        2\n      27  v1       3        5'* ]]
	run -0 cpushim baseline --explain --leave-out n4 ./*.dump
	[[ $output == *'they share 28 features'*' aes '* ]]
}

@test "a stock model that does it for all hosts is named, and that no other is needed" {
	local base=$base
	staged
	need_libvirt
	host g1 '' aes
	run -0 --separate-stderr cpushim baseline g1.dump
	[[ $stderr == *"the site's nearest is gate64 (x86-64-v1), which lacks nothing of it"* ]]
	[[ $stderr == *"the site's gate64 would do for all hosts: you need no other one"* ]]
	base=$(cpushim show Nehalem | tr '\n' ' ')
	host h1 x2apic aes
	host h2 'x2apic aes' avx
	run -0 --separate-stderr cpushim baseline h1.dump h2.dump
	[[ $stderr == *"libvirt's nearest is Nehalem (x86-64-v2), which lacks 1: x2apic"* ]]
	[[ $stderr == *"libvirt's Nehalem has the level that all hosts share: you may need no model of your own"* ]]
	[[ $stderr != *vendor* ]]
	vendor='68747541 444d4163 69746e65' host h3 'x2apic aes' avx
	run -0 --separate-stderr cpushim baseline ./h?.dump
	[[ $stderr == *"but under KVM its guests get their host's vendor, so they can't migrate between vendors"* ]]
}

@test "hosts of one name are told, and each counts" {
	fleet
	file=twin.dump host n1 'aes cx16 rdtscp' 'popcnt'
	run -0 --separate-stderr cpushim baseline ./*.dump
	[[ $stderr == *'cpushim: 2 hosts are called n1; each counts'*'6 hosts, 5 different'* ]]
	[[ $output != *"name='popcnt'"* ]]
}

@test "a name that can't be a model's is refused" {
	fleet
	run -2 cpushim baseline --name 'a b' n1.dump
	[[ $output == *"'a b' isn't a model's name"* ]]
	staged
	run -2 cpushim baseline --name EPYC n1.dump
	[[ $output == *"has a model 'EPYC' already; choose another --name"* ]]
	run -2 cpushim baseline --format word n1.dump
	run -2 cpushim baseline
}

@test "what the QEMU and the libvirt here have no name for is told, before a guest is refused for it" {
	staged
	local name lacking=
	for name in cmpccxadd movrs; do
		qemu-system-x86_64 -cpu help | grep -qw "$name" || lacking+=" $name"
	done
	[ "$lacking" ] || skip "this machine's QEMU knows all of them"
	host n1 'aes cmpccxadd movrs' ''
	run -0 --separate-stderr cpushim baseline n1.dump
	[[ $stderr == *"the QEMU here doesn't know, so that no guest starts with the model on a node with such a QEMU:$lacking"$'\n'* ]]
	[[ $output == *"<feature name='cmpccxadd'/>"* ]]
	host n1 aes ''
	run -0 --separate-stderr cpushim baseline n1.dump
	[[ $stderr != *"doesn't know"* && $stderr != *'no name for'* ]]
	# where there is neither, nothing can be told
	root=$work/nothing
	host n1 'aes movrs' ''
	run -0 --separate-stderr cpushim baseline n1.dump
	[[ $stderr != *"doesn't know"* && $stderr != *'no name for'* ]]
}

@test "--against tells of the model alone" {
	host n1 aes ''
	local option
	for option in --name=x --format=qemu --html=page --explain; do
		run -2 cpushim baseline --against "$CHECKOUT/cpumap/models/gate64.xml" "$option" n1.dump
		[[ $output == *'--against tells of the model alone, without '"${option%%=*}"* ]]
	done
	[ ! -e page ]
}

@test "baseline --json says it all" {
	fleet
	cpushim baseline --json ./*.dump | python3 -c '
import json, sys
a = json.load(sys.stdin)
assert (a["model"], a["accel"], a["n_hosts"], a["base"], a["vendor"], a["level"]) == ("fleet", "kvm", 5, "kvm64", "", 1)
assert len(a["features"]) == 27 and a["features"] == a["common"]
assert sorted(n for row in a["rows"] for n in row["hosts"]) == ["amd", "n1", "n2", "n3", "n4"]
assert a["rows"][0]["hosts"] == ["n1", "n2"] and "avx" in a["rows"][0]["features"]
[gain] = a["gains"]
assert gain["features"] == ["aes"] and a["rows"][gain["row"]]["hosts"] == ["n4"]
assert [c["n_hosts"] for c in a["costs"] if "aes" in c["features"]] == [1]
assert [p["n_run"] for p in a["two"]] == [2, 5]
assert a["stock"]["does"] == "nothing"'
}

# ---- where it goes ----

@test "each format is one that its program takes: libvirt, QEMU, import" {
	staged
	need_libvirt
	command -v qemu-system-x86_64 >/dev/null || skip 'needs QEMU'
	fleet
	cpushim baseline -f qemu ./*.dump 2>/dev/null >arg
	[[ $(cat arg) == kvm64,vendor=GenuineIntel,family=15,*,cx16=on,*,enforce ]]
	echo quit | qemu-system-x86_64 -accel tcg -M pc -cpu "$(cat arg)" -S -nodefaults -nographic -monitor stdio
	# <cpu>: imported it is the same CPU, and libvirt reads it
	cpushim baseline -f cpu ./*.dump 2>/dev/null >cpu.xml
	run -0 --separate-stderr cpushim import --name fleet cpu.xml
	printf '%s\n' "$output" >imported.xml
	cpushim baseline ./*.dump 2>/dev/null >fleet.xml
	[ "$(features imported.xml)" = "$(features fleet.xml)" ]
	sed 's/ mode=.custom. match=.exact.//; s/ fallback=.*>kvm64/>kvm64/' cpu.xml |
		sed "/policy='disable'/d; s/ policy='require'//; s|<cpu>|<cpu><arch>x86_64</arch>|" >host.xml
	virsh -c test:///default cpu-baseline host.xml >answer
	printf "<domain type='test'><name>a</name><memory>65536</memory><os><type>hvm</type></os>" >domain.xml
	cat cpu.xml >>domain.xml
	printf '</domain>\n' >>domain.xml
	virsh -c test:///default define domain.xml
	# nova's and Proxmox's
	run -0 --separate-stderr cpushim baseline -f nova ./*.dump
	printf '%s\n' "$output" >nova.conf
	python3 -c '
import configparser
c = configparser.ConfigParser()
c.read("nova.conf")
assert dict(c["libvirt"]) == {"cpu_mode": "custom", "cpu_models": "fleet"}, dict(c["libvirt"])'
	[[ $output == *'#cpu_model = fleet'*'from Wallaby (23) on:'*'#cpu_model_extra_flags = +'* ]]
	run -0 --separate-stderr cpushim baseline -f proxmox ./*.dump
	[[ $output == $'cpu-model: fleet\n\tflags +'*';-vme'*$'\n\treported-model kvm64' ]]
	flags=$(sed -n 's/^\tflags //p' <<<"$output")
	[[ $flags =~ ^[+-][a-zA-Z0-9._-]+(\;[+-][a-zA-Z0-9._-]+)*$ ]]
	echo quit | qemu-system-x86_64 -accel tcg -cpu "kvm64,${flags//;/,},enforce" -S -nodefaults -nographic \
		-monitor stdio
}

@test "the include that --format map prints is one that libvirt loads" {
	staged
	need_libvirt
	[ "$(id -u)" = 0 ] || skip 'needs root'
	fleet
	cpushim baseline -f map -n shared ./*.dump 2>/dev/null >x86_shared.xml
	cp -a /usr/share/libvirt/cpu_map map
	sed -i "/x86_features\.xml/a <include filename='x86_shared.xml'/>" map/index.xml
	cp x86_shared.xml map
	run -0 unshare -m sh -c 'mount --bind map /usr/share/libvirt/cpu_map && virsh -c test:///default cpu-models x86_64'
	[[ $output == *shared* ]]
}

@test "formats that need a QEMU or a libvirt say so where there is none" {
	fleet
	for format in cpu map qemu proxmox; do
		run -2 --separate-stderr cpushim baseline -f "$format" ./*.dump
		[ -z "$output" ]
		[[ $stderr == *'--format'*' needs '* ]]
	done
	run -0 cpushim baseline -f nova ./*.dump
}

@test "a host with unlike CPUs counts with what all of them share, and is named" {
	fleet
	{
		printf 'cpushim-host 1\nname big.little\n'
		for cpu in 0 1; do
			printf 'cpus %s\nleaf 00000000 00000000 00000001 756e6547 6c65746e 49656e69\n' $cpu
			# pni and cx16, or pni alone
			printf 'leaf 00000001 00000000 000906ea 00000000 0000%s001 078bfbff\n' $((2 - 2 * cpu))
			printf 'leaf 80000000 00000000 80000001 00000000 00000000 00000000\n'
			printf 'leaf 80000001 00000000 00000000 00000000 00000001 28100800\n'
		done
		printf 'end\n'
	} >uneven.dump
	run -0 --separate-stderr cpushim baseline --json ./*.dump
	[[ $stderr == *'cpushim: 1 host has unlike CPUs, what all of them share counts: big.little'* ]]
	[[ $output == *'"n_uneven": 1'* ]]
	[ "$(grep -c '"n_uneven": 0' <<<"$output")" -ge 3 ]
	run --separate-stderr cpushim check --accel cpu qemu:kvm64 uneven.dump
	[[ $stderr == *'1 host has unlike CPUs'*big.little* ]]
	run -0 --separate-stderr cpushim baseline --html - uneven.dump
	[[ $output == *', shared by unlike CPUs on 1<'* ]]
	run -0 --separate-stderr cpushim baseline n1.dump n2.dump
	[[ $stderr != *unlike* ]]
}

# ---- drift and rollover ----

@test "against a published model: it fits, or a host can't run it, or all could have more" {
	staged
	fleet
	cpushim baseline -n shared ./*.dump 2>/dev/null >shared.xml
	run -0 --separate-stderr cpushim baseline --against shared.xml ./*.dump
	[[ $output == 'shared (file, shared.xml:'*'): 5 hosts run it: it fits' ]]
	# a host joins, or a microcode update takes something away
	host n5 'cx16' 'popcnt'
	run -1 cpushim baseline --against shared.xml ./*.dump
	[[ $(answer) == *"1 of 6 hosts can't run it"*'no 1 lacks popcnt; not known: rdtscp: n5'* ]]
	# the old ones have gone
	run -1 cpushim baseline --against shared.xml n1.dump n2.dump n3.dump
	[[ $output == *'3 hosts run it, and all have 1 that it lacks: aes' ]]
	run -0 cpushim baseline --against shared.xml --ignore-more n1.dump n2.dump n3.dump
	host n6 'cx16 rdtscp' ''
	run -2 cpushim baseline --against shared.xml -m n1.dump n6.dump
	[[ $output == *"of 1 of 2 hosts it can't be told"* ]]
	run -1 cpushim baseline --against gate64 --json ./*.dump
	[[ $output == *'"fits": false'* ]]
	run -2 cpushim baseline --against nonesuch ./*.dump
	run -2 cpushim baseline --ignore-more ./*.dump
}

# guests NODE GUEST...: what `cpushim guests --json` answers there; a guest is DOMAIN:MODEL, or DOMAIN:? where it
# can't be told
guests() {
	local guest model between=''
	printf '['
	for guest in "${@:2}"; do
		model="\"${guest#*:}\"" runs=model
		[ "${guest#*:}" != '?' ] || model=null runs=unknown
		printf '%s{"domain":"%s","uuid":"u-%s","accel":"kvm","model":%s,"runs":"%s","libvirts":true,"pid":1}' \
			"$between" "${guest%%:*}" "${guest%%:*}" "$model" "$runs"
		between=,
	done
	printf ']\n'
} >"$1.json"

@test "rollover tells which guests still have the old model, and whether it may retire" {
	guests n1 a:gate64 b:gate64-2
	guests n2 c:gate64-2
	guests n3
	run -1 cpushim rollover gate64 ./*.json
	[[ $output == *'n1    a       u-a   has it'*'gate64: 1 of 3 guests on 1 of 3 nodes still has it'*'other models: gate64-2 2'* ]]
	guests n1 b:gate64-2
	run -0 cpushim rollover gate64 ./*.json
	[[ $output == *'gate64: none of 2 guests on 3 nodes has it; it may retire'* ]]
	cat ./*.json >all
	run -0 cpushim rollover gate64 <all
	run -0 cpushim rollover gate64 n1.json
	[[ $output == *'gate64: none of 1 guest on 1 node has it; it may retire'* ]]
	# a node that gave no answer is not one without guests
	printf 'n1\nn2\nn3\nn4\n' >nodes
	run -2 cpushim rollover --nodes nodes gate64 ./*.json
	[[ $output == *'no answer from 1 node: n4'* ]]
	[[ $output != *'may retire'* ]]
	: >n4.json
	run -2 cpushim rollover gate64 ./*.json
	[[ $output == "cpushim: ./n4.json: isn't an answer of \`cpushim guests --json\`: it is empty"$'\n'* ]]
	[[ $output == *'gate64: none of 2 guests on 3 nodes has it'*'no answer from 1 node: n4' ]]
	[[ $output != *'may retire'* ]]
	head -c 40 n2.json >n4.json
	run -2 cpushim rollover gate64 ./*.json
	run -2 cpushim rollover gate64 <n4.json
	# what others have told counts all the same
	guests n1 a:gate64
	run -1 cpushim rollover gate64 ./*.json
	[[ $output == *'1 of 2 guests on 1 of 3 nodes'*'no answer from 1 node: n4' ]]
	guests n1 b:gate64-2
	guests n4 'd:?'
	run -2 cpushim rollover gate64 ./*.json
	[[ $output == *"can't be told"* ]]
	run -2 cpushim rollover gate64 --json ./*.json
	[[ $output == *'"may_retire": false'* ]]
	run -2 cpushim rollover
}

@test "rollover goes by the node that an answer names, not by the file" {
	printf '[{"node": "real", "domain": "a", "model": "gate64", "runs": "model"}]' >copied.json
	run -1 cpushim rollover gate64 copied.json
	[[ $output == *'real  a'* ]]
}

# ---- libvirt's own answers ----

@test "libvirt's baseline of hosts of one vendor has the same features, for 500 random samples of real hosts" {
	need_dumps
	need_libvirt
	run -0 "$CHECKOUT/build/fleetoracle" baseline 500 1 "${real[@]}"
	[[ $output == '500 samples of '*': 0 differ' ]]
}

@test "libvirt finds the same hosts able to run each of its models" {
	need_dumps
	need_libvirt
	run -0 "$CHECKOUT/build/fleetoracle" compare "${real[@]}"
	[[ $output == *' models on 106 hosts, '*': 0 differ; 0 hosts lack each model' ]]
}

@test "a thousand real hosts, varied, read like a few, in bounded memory" {
	need_dumps
	"$CHECKOUT/build/fleetgen" dump 1000 0 1 "${real[@]}" >many
	run -0 --separate-stderr cpushim baseline --explain many
	[[ $output == '1000 hosts, '* ]]
	[ "${#lines[@]}" -lt 80 ]
	"$CHECKOUT/build/fleetgen" dump 5000 100 1 "${real[@]}" >many
	run -0 --separate-stderr "$CHECKOUT/build/usage" "$CHECKOUT/build/cpushim" baseline --emulator /none many
	# MiB, of a file of 18
	[ "$(sed -n 's/^usage .* //p' <<<"$stderr")" -lt 40 ]
}
