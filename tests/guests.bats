#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# guests and why by themselves: what they make of processes and of libvirt's files, also of hostile ones. A
# root with a /proc of its own, a hand-written table, no libvirt and no QEMU.

# shellcheck disable=SC2154,SC2030,SC2031,SC1003 # lib/hook and bats set them; each test runs by itself
bats_require_minimum_version 1.5.0
load lib/hook

expansion=$gate64_cpu

setup() {
	make_root
	mkdir -p "$root/proc" "$root/run/libvirt/qemu" "$root/etc/libvirt/qemu" "$root/etc/cpushim" \
		"$root/var/log/libvirt/qemu"
}

teardown() {
	[ -z "${open-}" ] || rm -rf "$open"
}

cpushim() {
	CPUSHIM_ROOT=$root "$CHECKOUT/build/cpushim" "$@"
}

# process PID PROGRAM ARGUMENT...
process() {
	mkdir -p "$root/proc/$1"
	ln -sfn "$2" "$root/proc/$1/exe"
	printf '%s\0' "${@:3}" >"$root/proc/$1/cmdline"
}

# qemu PID CPU [ARGUMENT...]: as libvirt starts it, from the wrapper
qemu() {
	process "$1" /usr/bin/qemu-system-x86_64.distrib /usr/bin/qemu-system-x86_64 \
		-name guest=instance-00000001,debug-threads=on -machine pc,usb=off -accel tcg -cpu "$2" \
		-uuid "$uuid" "${@:3}"
}

# live MODEL [FEATURES]: libvirt's status of the running domain
live() {
	cat >"$root/run/libvirt/qemu/instance-00000001.xml" <<-END
		<domstatus state='running' pid='7'><cpu mode='custom'><model>decoy</model></cpu>
		<domain type='qemu' id='1'><name>instance-00000001</name><uuid>$uuid</uuid>
		<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>$1</model>${2-}</cpu>
		</domain></domstatus>
	END
}

# marked DIGEST: the running domain, as gate64
marked() {
	live gate64
	sed -i "s|<uuid>|<metadata><s:cpu xmlns:s='urn:cpushim:1' model='gate64' digest='$1'/></metadata>&|" \
		"$root/run/libvirt/qemu/instance-00000001.xml"
}

# saved MODEL [FEATURES]: its definition
saved() {
	cat >"$root/etc/libvirt/qemu/instance-00000001.xml" <<-END
		<!-- a comment of libvirt's --><domain type='qemu'><name>instance-00000001</name><uuid>$uuid</uuid>
		<cpu mode='custom' match='exact'><model fallback='allow'>$1</model>${2-}</cpu></domain>
	END
}

says() { # STATUS WORDS COMMAND...
	local status_wanted=$1 words=$2
	shift 2
	run --separate-stderr cpushim "$@"
	printf '%s\n%s\n' "$output" "$stderr"
	[ "$status" = "$status_wanted" ]
	[[ $output$stderr == *"$words"* ]]
}

@test "no guests: nothing is listed, and that is all right" {
	process 1 /usr/lib/systemd/systemd /sbin/init
	run -0 --separate-stderr cpushim guests
	[ -z "$output$stderr" ]
	[ "$(cpushim guests --json)" = '[]' ]
}

@test "a guest that has what its name means" {
	qemu 7 "$expansion"
	live gate64
	says 0 "instance-00000001    $uuid gate64           tcg    what the name means" guests
	says 0 'which is what gate64 means' why instance-00000001
	[[ $output == *"passes the name on"* ]]
	# the domain's own features are its own
	qemu 7 "${expansion/,aes=off},aes=on,hypervisor=on"
	live gate64 "<feature policy='require' name='aes'/><feature policy='require' name='hypervisor'/>"
	says 0 'what the name means, with its own aes=on' guests
	says 0 "with the domain's own aes=on" why instance-00000001
}

@test "a guest's mark: without this definition's it is told, and only where libvirt keeps the running guest" {
	qemu 7 "$expansion"
	saved gate64
	run -0 cpushim guests
	[[ $output != *marked* ]]
	live gate64
	says 0 'what the name means; not marked: where it migrates it is judged by the' guests
	says 0 'not marked' why instance-00000001
	marked "$(printf '%064d' 1)"
	run -0 cpushim guests
	[[ $output != *marked* ]]
	marked "$(printf '%064d' 2)"
	says 0 "marked as another definition of it, so it can't migrate: start it anew" guests
	run -0 cpushim guests --json
	[[ $output == *'marked as another definition'* ]]
}

@test "a definition that was changed since: the running guest is judged by what it was started with" {
	qemu 7 "$expansion"
	live gate64
	saved kvm64
	says 0 'what the name means' guests
	says 0 'the next start asks for kvm64' why instance-00000001
	saved gate64
	run -0 cpushim why instance-00000001
	[[ $output != *'next start'* ]]
}

@test "a guest of stock libvirt, which translated the name: named as what it is" {
	qemu 7 Opteron_G1,pse36=off
	live Opteron_G1 "<feature policy='disable' name='pse36'/>"
	saved gate64
	says 1 'asked gate64, runs Opteron_G1,pse36=off: not what the name means' guests
	says 1 'runs Opteron_G1,pse36=off: not what the name means' why instance-00000001
	[[ $output == *'made of it: Opteron_G1, by '* ]]
	# nobody knows what a transient domain asked for
	rm "$root/etc/libvirt/qemu/instance-00000001.xml"
	says 0 'no site model' guests
}

@test "a guest of a definition that is another today: the first difference is told" {
	qemu 7 "${expansion/nx=on/nx=off}"
	live gate64
	says 1 'asked gate64, not what the name means today: its QEMU has another -cpu: nx is off and not on' guests
	says 1 'nx is off and not on' why instance-00000001
	qemu 7 "${expansion/stepping=1/stepping=2}"
	says 1 "stepping is '2' and not '1'" guests
	qemu 7 "${expansion%,enforce}"
	says 1 'not what the name means' guests
}

@test "a guest of a QEMU that was older when it was started: what that QEMU had no name for is off" {
	qemu 7 "${expansion/,aes=off}"
	live gate64
	says 0 'what the name means' guests
	# what the base brings must have been said
	qemu 7 "${expansion/,vme=off}"
	says 1 'vme is left open and not off' guests
}

@test "a guest whose model has no definition any more, or a refused one" {
	qemu 7 "$expansion"
	live gone
	printf '# published\ngone %064d\n' 5 >"$root/etc/cpushim/published"
	says 1 'asked gone, no definition has that name any more' guests
	says 1 'no definition has that name any more' why instance-00000001
	# refused, with what it was published as
	row 'refused=was published' | table
	live gate64
	says 0 'what the name means; the definition here is refused today' guests
	says 0 'its definition is refused (gate64.xml:1): was published' why instance-00000001
	# refused, and nothing is known of what it means
	row 'refused=no such base' base= vendor= family= cpu_model= stepping= features= brings= cpu= | table
	says 2 "can't tell: its definition is refused: no such base" guests
}

@test "a guest without libvirt is recognised by its argument" {
	process 9 /usr/bin/qemu-system-x86_64.distrib qemu-system-x86_64 -cpu "$expansion,aes=on" -enable-kvm
	says 0 '-                    -                                    gate64           kvm    what the name means, with its own aes=on' guests
	process 9 /usr/bin/qemu-system-x86_64.distrib qemu-system-x86_64 -cpu "${expansion/kvm64/qemu64}"
	says 1 "an expansion of no model of today's table" guests
	process 9 /usr/bin/qemu-system-x86_64 qemu-system-x86_64 -cpu host
	says 0 'no site model' guests
	process 9 /usr/bin/qemu-system-x86_64 qemu-system-x86_64
	says 0 'no site model' guests
}

@test "which process is a QEMU with a guest: by its program, whatever it calls itself" {
	n=10
	for program in /usr/bin/qemu-system-x86_64 /usr/bin/qemu-system-x86_64.distrib \
		'/usr/bin/qemu-system-x86_64.distrib (deleted)' /usr/libexec/qemu-kvm /usr/bin/kvm \
		/usr/bin/kvm-spice /usr/libexec/qemu-kvm.distrib /usr/libexec/qemu-system-i386; do
		process $((n++)) "$program" x -cpu "$expansion"
	done
	for program in /usr/bin/bash /usr/bin/qemu-img /usr/bin/kvm_stat /usr/sbin/libvirtd; do
		process $((n++)) "$program" /usr/bin/qemu-system-x86_64 -cpu "$expansion"
	done
	# one that libvirt asks what it knows
	process 99 /usr/bin/qemu-system-x86_64 /usr/bin/qemu-system-x86_64 -machine none,accel=kvm:tcg
	process 98 /usr/bin/qemu-system-x86_64 /usr/bin/qemu-system-x86_64 -M none
	mkdir "$root/proc/97" # has just ended
	: >"$root/proc/meminfo"
	run -0 cpushim guests
	[ "${#lines[@]}" = 8 ]
}

@test "the accelerator, however it is asked for" {
	accel() { # WORD ARGUMENT...
		process 9 /usr/bin/qemu-system-x86_64 "${program-qemu-system-x86_64}" "${@:2}" -cpu "$expansion"
		says 0 " $1 " guests
	}
	accel tcg
	accel kvm -enable-kvm
	accel kvm --enable-kvm
	accel kvm -accel kvm,kernel-irqchip=split -accel tcg
	accel tcg -accel accel=tcg
	accel kvm -machine pc,usb=off,accel=kvm
	accel kvm:tcg -M pc,accel=kvm:tcg
	program=/usr/bin/kvm accel kvm:tcg
}

@test "hostile arguments and names are escaped, and lead to no other file" {
	printf 'secret' >"$root/etc/secret.xml"
	process 9 /usr/bin/qemu-system-x86_64 qemu -name $'guest=\e[2J../../../secret,,x,debug-threads=on' \
		-uuid $'\e]0;x\a' -cpu $'\e[31mkvm64\n,+x' -accel $'\e[1m'
	run -0 --separate-stderr cpushim guests
	[ -z "$stderr" ]
	[[ $output == '\x1b[2J../../../secret,x'*'\x1b]0;x\x07'*'no site model' ]]
	run -0 cpushim guests --json
	[[ $output != *$'\e'* ]]
	[[ $output == *'"domain": "\\x1b[2J../../../secret,x"'* ]]
	process 9 /usr/bin/qemu-system-x86_64 qemu -name guest=../../../secret -uuid "$uuid" -cpu "$expansion"
	says 0 'what the name means' guests
	says 2 'No such file' why ../secret
	says 2 'there is no domain' why .hidden
	says 2 'there is no domain' why ''
	# no arguments at all, none that ends, a million
	: >"$root/proc/9/cmdline"
	run -0 cpushim guests
	printf -- '-cpu' >"$root/proc/9/cmdline"
	run -0 cpushim guests
	{ printf 'qemu\0' && yes -- -cpu | head -n 500000 | tr '\n' '\0'; } >"$root/proc/9/cmdline"
	run -0 cpushim guests
	{ printf 'qemu\0-cpu\0kvm64' && yes ,+vme | head -n 500000 | tr -d '\n'; } >"$root/proc/9/cmdline"
	run -0 cpushim guests
}

@test "a file of libvirt's that is another domain's, broken or hostile tells nothing" {
	qemu 7 "$expansion"
	saved gate64
	sed -i "s/$uuid/00000000-0000-0000-0000-000000000000/" "$root/etc/libvirt/qemu/instance-00000001.xml"
	qemu 7 Opteron_G1
	says 0 'no site model' guests
	qemu 7 "$expansion"
	for bad in '<domstatus' '<!DOCTYPE domstatus [<!ENTITY x "y">]><domstatus/>' '<domstatus/>' '<domain/>' ''; do
		printf '%s' "$bad" >"$root/run/libvirt/qemu/instance-00000001.xml"
		says 0 'what the name means' guests
		says 2 "cpushim: $root/run/libvirt/qemu/instance-00000001.xml" why instance-00000001
	done
}

@test "why: a domain that doesn't run, and what blocks it" {
	saved gate64
	says 0 "doesn't run" why instance-00000001
	[[ $output == *'nothing that can be told beforehand blocks it here'* ]]
	row tcg_lacks=nx,pni | table
	says 1 'blocked: TCG of this QEMU can'"'"'t provide: nx pni; choose a model without, or another host' why instance-00000001
	# by hand as the hook says it at prepare
	run -1 --separate-stderr hook prepare begin <"$root/etc/libvirt/qemu/instance-00000001.xml"
	[[ $stderr == *"TCG of this QEMU can't provide: nx pni; choose a model without, or another host"* ]]
	row | table
	sed -i "s/match='exact'/match='minimum'/; s|</domain>|<devices><emulator>/bin/true</emulator></devices>&|" \
		"$root/etc/libvirt/qemu/instance-00000001.xml"
	says 1 "match='minimum'" why instance-00000001
	[[ $output == *"its emulator $root/bin/true isn't cpushim's wrapper"* ]]
	saved kvm64
	says 0 'which is no site model: cpushim has no part in it' why instance-00000001
}

@test "why: what its QEMU said last, of libvirt's log" {
	saved gate64
	log=$root/var/log/libvirt/qemu/instance-00000001.log
	printf '%s\n' '2026-11-24 19:12:15.425+0000: starting up libvirt version: 9.0.0' 'LC_ALL=C \' \
		'/usr/bin/qemu-system-x86_64 \' '-cpu gate64 \' '-msg timestamp=on' \
		$'2026-11-24T19:12:15.462Z qemu-system-x86_64: \e[31mno good' \
		'2026-11-24 19:12:15.462+0000: shutting down, reason=failed' >"$log"
	says 0 'log      2026-11-24T19:12:15.462Z qemu-system-x86_64: \x1b[31mno good' why instance-00000001
	# of the last start alone
	printf '%s\n' '2026-11-24 19:13:15.425+0000: starting up libvirt version: 9.0.0' '-msg timestamp=on' >>"$log"
	run -0 cpushim why instance-00000001
	[[ $output != *log* ]]
	yes 'qemu: much' | head -n 300000 >>"$log"
	says 0 'log      qemu: much' why instance-00000001
	ln -sf /dev/zero "$log"
	run -0 cpushim why instance-00000001
}

@test "why: a file, or standard input" {
	says 0 'a file' why "$data/gate64.xml"
	run -0 cpushim why - <"$data/gate64.xml"
	[[ $output == *'asked    gate64'*'standard input'* ]]
	says 2 'no-such.xml' why ./no-such.xml
	run -2 cpushim why - <<<'<domain'
	cpushim why --json "$data/gate64.xml" | grep -q '"blocks": \[\]'
}

@test "without a table, or with wrong arguments, nothing can be told" {
	says 2 'takes no argument' guests x
	says 2 'takes one DOMAIN' why
	says 2 'takes one DOMAIN' why a b
	rm "$root/usr/lib/cpushim/models.table"
	says 2 'there is no table' guests
	says 2 'there is no table' why x
	says 0 'Usage: cpushim guests' guests --help
	says 0 'Usage: cpushim why' why --help
	row | table
	rm -r "$root/proc"
	says 2 "$root/proc" guests
}

@test "not root: what can't be known without libvirt's files isn't guessed" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	qemu 7 Opteron_G1,pse36=off
	saved gate64
	# bats' own directory is closed to others
	open=$(mktemp -d)
	cp -a "$root" "$CHECKOUT/build/cpushim" "$open"
	chmod -R go+rX "$open"
	chmod 600 "$open/root/etc/libvirt/qemu/instance-00000001.xml"
	not_root() {
		setpriv --reuid=65534 --regid=65534 --clear-groups env "CPUSHIM_ROOT=$open/root" \
			"$open/cpushim" "$@"
	}
	run -2 not_root guests
	[[ $output == *"can't tell: what it asked for is in libvirt's files; run this as root"* ]]
	run -2 not_root why instance-00000001
	[[ $output == *'Permission denied'* ]]
	printf '%s\0' qemu -name guest=instance-00000001 -uuid "$uuid" -cpu "$expansion" >"$open/root/proc/7/cmdline"
	run -0 not_root guests
}
