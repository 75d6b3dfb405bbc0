#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# guests and why by themselves: what they make of processes and of libvirt's files, also of hostile ones. A
# root with its own /proc, a hand-written table, no libvirt and no QEMU.

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
	printf '%s\n' "$1" >"$root/run/libvirt/qemu/instance-00000001.pid"
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
	says 0 "instance-00000001  $uuid  gate64  tcg    what the name means" guests
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
	[[ $output == *"\"node\": \"$(uname -n)\""* ]]
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

@test "libvirt before 2.3 shows the name whatever it made of it: the process is what counts" {
	qemu 7 Opteron_G1,-pse36
	live gate64
	says 1 'asked gate64, runs Opteron_G1,-pse36: not what the name means' guests
	says 1 'libvirt  shows the name, and gave its QEMU another CPU, by ' why instance-00000001
	[[ $output != *'passes the name on'* ]]
}

@test "a guest that came from elsewhere translated: what it asked for there can't be told" {
	cant="can't tell: it came from another node or a file, and nothing here tells what it asked for there"
	for cpu in Opteron_G1,pse36=off kvm32,-pse36,+lm; do
		qemu 7 "$cpu" -incoming defer
		live "${cpu%%,*}"
		says 2 "$cant" guests
		says 2 "${cant#*: }" why instance-00000001
	done
	# not what no translation looks like, nor where its definition tells
	for cpu in kvm64 host,pse36=off max,-pse36; do
		qemu 7 "$cpu" -incoming defer
		says 0 'no site model' guests
	done
	qemu 7 Opteron_G1,pse36=off -incoming defer
	saved Opteron_G1
	says 0 'no site model' guests
	saved gate64
	says 1 'asked gate64, runs Opteron_G1,pse36=off' guests
	qemu 7 "$expansion" -incoming defer
	live gate64
	says 0 'what the name means' guests
	rm "$root/etc/libvirt/qemu/instance-00000001.xml"
	qemu 7 Opteron_G1,pse36=off
	live Opteron_G1
	says 0 'no site model' guests
}

@test "a vendor that isn't the definition's is told: the domain's own, or the host's" {
	qemu 7 "${expansion/vendor=GenuineIntel,},vendor=AuthenticAMD,aes=on"
	live gate64 "<vendor/><feature policy='require' name='aes'/>"
	sed -i "s/fallback='forbid'>gate64/vendor_id='AuthenticAMD' &/" "$root/run/libvirt/qemu/instance-00000001.xml"
	says 0 'what the name means, with its own vendor=AuthenticAMD aes=on' guests
	says 0 "with the domain's own vendor=AuthenticAMD aes=on" why instance-00000001
	# without libvirt's word for it, too
	rm "$root/run/libvirt/qemu/instance-00000001.xml"
	says 0 'what the name means, with its own vendor=AuthenticAMD aes=on' guests
	row vendor=host "cpu=${expansion/vendor=GenuineIntel,}" | table
	qemu 7 "${expansion/vendor=GenuineIntel,}"
	live gate64
	says 0 "what the name means; it has the host's vendor: not safe to migrate between vendors" guests
	says 0 "it has the host's vendor: not safe to migrate between vendors" why instance-00000001
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

# on_max: gate64 is made on max, and the QEMU behind the wrapper is a program with a build-id
on_max() {
	program=$root/usr/bin/qemu-system-x86_64.distrib
	rm "$program"
	cp "$(readlink -f /bin/true)" "$program"
	row base=max brings=cx16 "cpu=$gate64_cpu" | table
	live gate64
}

@test "a guest of a model on max: by the QEMU that it runs on, which may be another than the one that is there" {
	on_max
	another_qemu "$program" "$root/usr/bin/qemu-system-x86_64"
	qemu 7 "$expansion"
	ln -sfn "$program" "$root/proc/7/exe"
	says 0 'what the name means' guests
	says 0 'which is what gate64 means' why instance-00000001
	# another one: what its max has isn't known
	cant="its -cpu is the model's, but its QEMU isn't the one that the table was made from, and base 'max' may have more features there: start it anew"
	ln -sfn "$root/usr/bin/qemu-system-x86_64" "$root/proc/7/exe"
	says 2 "can't tell: $cant" guests
	says 2 "$cant" why instance-00000001
	# what is stated is judged, and what that QEMU had no name for isn't held against it
	qemu 7 "${expansion/,aes=off}"
	ln -sfn "$root/usr/bin/qemu-system-x86_64" "$root/proc/7/exe"
	says 2 "can't tell: $cant" guests
	qemu 7 "${expansion/nx=on/nx=off}"
	ln -sfn "$root/usr/bin/qemu-system-x86_64" "$root/proc/7/exe"
	says 1 'not what the name means today: its QEMU has another -cpu: nx is off and not on' guests
	# the table's QEMU, by the table of another: what wasn't stated then is on
	qemu 7 "${expansion/,aes=off}"
	ln -sfn "$program" "$root/proc/7/exe"
	says 1 'not what the name means today: its QEMU has another -cpu: aes is left open and not off' guests
	# which program it is can't be seen
	qemu 7 "$expansion"
	ln -sfn /nonexistent/qemu-system-x86_64 "$root/proc/7/exe"
	says 2 "can't tell: its -cpu is the model's, but base 'max' is another CPU with each QEMU, and its program can't be looked at: run this as root" guests
	# of libvirt nothing is known
	rm "$root/run/libvirt/qemu/instance-00000001.xml" "$root/run/libvirt/qemu/instance-00000001.pid"
	ln -sfn "$root/usr/bin/qemu-system-x86_64" "$root/proc/7/exe"
	says 0 "not libvirt's: can't tell: $cant" guests
	ln -sfn "$program" "$root/proc/7/exe"
	says 0 "not libvirt's: what the name means" guests
}

@test "a guest of a model on QEMU's own definition is judged by its argument, whatever QEMU it runs on" {
	on_max
	row | table
	another_qemu "$program" "$root/usr/bin/qemu-system-x86_64"
	qemu 7 "$expansion"
	ln -sfn "$root/usr/bin/qemu-system-x86_64" "$root/proc/7/exe"
	says 0 'what the name means' guests
	qemu 7 "${expansion/,aes=off}"
	ln -sfn "$root/usr/bin/qemu-system-x86_64" "$root/proc/7/exe"
	says 0 'what the name means' guests
}

@test "a running QEMU whose file was replaced under it is looked at all the same" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	local pid
	program=$root/usr/bin/qemu-system-x86_64.distrib
	rm "$program"
	cp "$(readlink -f "$(command -v bash)")" "$program"
	row base=max | table
	live gate64
	"$program" -c 'sleep 60; :' qemu -name guest=instance-00000001 -uuid "$uuid" -cpu "$gate64_cpu" 3>&- >/dev/null 2>&1 &
	pid=$!
	until grep -qa -- -uuid "/proc/$pid/cmdline"; do sleep 0.01; done
	printf '%s\n' "$pid" >"$root/run/libvirt/qemu/instance-00000001.pid"
	rmdir "$root/proc"
	ln -s /proc "$root/proc"
	another_qemu "$program" "$program"
	[[ $(readlink "/proc/$pid/exe") == *'.distrib (deleted)' ]]
	run cpushim guests
	kill "$pid"
	printf '%s\n' "$output"
	grep "^instance-00000001 .* what the name means" <<<"$output"
	# and the one that is there now is told
	[[ $output == *"cpushim: /usr/bin/qemu-system-x86_64: its QEMU isn't the one that the table was made from (7.2.22), so models on base max, host or base are refused; "* ]]
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
	says 0 "-       -     gate64  kvm    not libvirt's: what the name means, with its own aes=on" guests
	process 9 /usr/bin/qemu-system-x86_64.distrib qemu-system-x86_64 -cpu "${expansion/kvm64/qemu64}"
	says 0 "not libvirt's: an expansion of no model of today's table" guests
	process 9 /usr/bin/qemu-system-x86_64 qemu-system-x86_64 -cpu host
	says 0 'no site model' guests
	process 9 /usr/bin/qemu-system-x86_64 qemu-system-x86_64
	says 0 'no site model' guests
}

@test "anybody's process that calls itself a guest of libvirt's is named with its user, and counts for nothing" {
	qemu 7 "$expansion"
	live gate64
	saved gate64
	says 0 'gate64  tcg    what the name means' guests
	# a liar with the same name and UUID, behind it, in front of it, and where the guest has ended
	for pid in 9 5; do
		process $pid /home/eve/qemu-system-x86_64 qemu -name guest=instance-00000001 -uuid "$uuid" -cpu Opteron_G1
		printf 'Name:\tqemu\nUid:\t1000\t1001\t1002\t1003\nGid:\t4\n' >"$root/proc/$pid/status"
		says 0 "not libvirt's, uid 1000: no site model" guests
		[ "${#lines[@]}" = 3 ]
		[[ $output == *'gate64  tcg    what the name means'* ]]
		says 0 'runs as process 7' why instance-00000001
		cpushim guests --json >"$BATS_TEST_TMPDIR/json"
		grep -q '"uid": 1000' "$BATS_TEST_TMPDIR/json"
		grep -q '"libvirts": false' "$BATS_TEST_TMPDIR/json"
		grep -q '"libvirts": true' "$BATS_TEST_TMPDIR/json"
		rm -r "$root/proc/$pid"
	done
	process 9 /home/eve/qemu-system-x86_64 qemu -name guest=instance-00000001 -uuid "$uuid" -cpu "$expansion"
	rm -r "$root/proc/7"
	says 0 "not libvirt's: what the name means" guests
	says 0 "doesn't run" why instance-00000001
	# whose PID file is broken isn't libvirt's either
	for bad in '' x -9 99999999999999999999; do
		printf '%s\n' "$bad" >"$root/run/libvirt/qemu/instance-00000001.pid"
		says 0 "not libvirt's: what the name means" guests
	done
}

@test "another option's value, or no option's, is no option" {
	live gate64
	qemu 7 "$expansion" -append -cpu -name
	says 0 'instance-00000001  '"$uuid"'  gate64  tcg    what the name means' guests
	says 0 'which is what gate64 means' why instance-00000001
	qemu 7 "$expansion" -fw_cfg -machine -device -uuid -append -accel -initrd -enable-kvm -kernel -M
	says 0 'gate64  tcg    what the name means' guests
	qemu 7 "$expansion" cpu uuid - name disk.img
	says 0 'what the name means' guests
	# which wins is QEMU's rule
	qemu 7 "$expansion" --cpu kvm64
	says 1 'asked gate64, runs kvm64: not what the name means' guests
	qemu 7 kvm64 -S -cpu "$expansion" -name debug-threads=on,guest=instance-00000001
	says 0 'what the name means' guests
	# an option of a QEMU that is newer
	qemu 7 "$expansion" -tomorrow --cpu kvm64
	says 1 'runs kvm64' guests
	qemu 7 "$expansion" -tomorrow x -S
	says 0 'what the name means' guests
	# the last word, without its value: no QEMU runs so
	qemu 7 "$expansion" -cpu
	says 0 'what the name means' guests
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
	[ "${#lines[@]}" = 9 ]
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
	accel kvm -machine pc,accel=kvm -machine usb=off
	accel tcg -append -enable-kvm
	program=/usr/bin/kvm accel kvm:tcg
}

@test "hostile arguments and names are escaped, and lead to no other file" {
	printf 'secret' >"$root/etc/secret.xml"
	process 9 /usr/bin/qemu-system-x86_64 qemu -name $'guest=\e[2J../../../secret,,x,debug-threads=on' \
		-uuid $'\e]0;x\a' -cpu $'\e[31mkvm64\n,+x' -accel $'\e[1m'
	run -0 --separate-stderr cpushim guests
	[ -z "$stderr" ]
	[[ ${lines[1]} == '\x1b[2J../../../secret,x'*'\x1b]0;x\x07'*'no site model' ]]
	run -0 cpushim guests --json
	[[ $output != *$'\e'* ]]
	[[ $output == *'"domain": "\u001B[2J../../../secret,x"'* ]]
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

@test "names of all scripts are shown as they are in a UTF-8 locale, in their columns, and escaped in others" {
	names=('R&D' "it's" '日本' 'ünï' $'e\u0301' '😀' '[x] ;#%s$`\' '-dash' '.' '..' "$(printf 'x%.0s' {1..200})")
	shown=()
	for name in "${names[@]}"; do
		process $((${#shown[@]} + 10)) /usr/bin/qemu-system-x86_64 qemu -name "guest=$name,debug-threads=on" \
			-uuid "$uuid" -cpu "$expansion"
		shown+=("$name")
	done
	LC_ALL=C.UTF-8 run -0 --separate-stderr cpushim guests
	for i in "${!names[@]}"; do
		[[ ${lines[i + 1]} == "${names[i]} "* ]]
	done
	# 日本 has 4 columns in 6 bytes, 😀 2, a letter with a mark 1
	pad=$(printf '%198s' '')
	[[ ${lines[3]} == "日本$pad$uuid "* ]]
	[[ ${lines[5]} == $'e\u0301'"$pad   $uuid "* ]]
	[[ ${lines[6]} == "😀$pad  $uuid "* ]]
	LC_ALL=C run -0 --separate-stderr cpushim guests
	[[ ${lines[3]} == "\\xe6\\x97\\xa5\\xe6\\x9c\\xac  "*" $uuid "* ]]
	for locale in C C.UTF-8; do
		LC_ALL=$locale run -0 --separate-stderr cpushim guests --json
		for i in "${!names[@]}"; do
			name=${names[i]//\\/\\\\}
			[[ $output == *"\"domain\": \"$name\""* ]]
		done
	done
}

@test "what could steer a terminal or turn its text is escaped in every locale; bytes that JSON can't hold, too" {
	hostile=$'\e[2J\u009b\u202ex\u2066\u200b\xff'
	process 9 /usr/bin/qemu-system-x86_64 qemu -name "guest=$hostile" -cpu "$expansion"
	for locale in C C.UTF-8; do
		LC_ALL=$locale run -0 --separate-stderr cpushim guests
		[[ ${lines[1]} == '\x1b[2J\xc2\x9b\xe2\x80\xaex\xe2\x81\xa6\xe2\x80\x8b\xff '* ]]
		LC_ALL=$locale run -0 --separate-stderr cpushim guests --json
		[[ $output == *'"domain": "\u001B[2J\u009B\u202Ex\u2066\u200B\\xff"'* ]]
	done
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

@test "why takes a UUID, nova's name for a guest, however it is written" {
	saved gate64
	printf '<domain' >"$root/etc/libvirt/qemu/broken.xml"
	: >"$root/etc/libvirt/qemu/readme"
	for way in "$uuid" "${uuid^^}" "${uuid//-/}"; do
		says 0 "domain   instance-00000001, $uuid, doesn't run" why "$way"
	done
	qemu 7 "$expansion"
	live gate64
	rm "$root/etc/libvirt/qemu/instance-00000001.xml"
	says 0 'which is what gate64 means' why "$uuid"
	cpushim why --json "$uuid" | grep -qF '"domain": "instance-00000001"'
	for other in "${uuid%?}5" "${uuid%?}" "${uuid}0" "${uuid%?}g"; do
		says 2 "there is no domain '$other'" why "$other"
	done
	# a name comes before a UUID
	sed "s/instance-00000001/$uuid/; s/<uuid>6/<uuid>7/" "$root/run/libvirt/qemu/instance-00000001.xml" >"$root/run/libvirt/qemu/$uuid.xml"
	says 0 "domain   $uuid, 7" why "$uuid"
}

@test "why: domains with odd names, shown as guests shows them" {
	for name in 'R&D' "it's" '日本' '-dash' '.' '..' 'a.xml' '%s'; do
		saved gate64
		sed -i "s|<name>.*</name>|<name>${name//&/\\&amp;}</name>|" "$root/etc/libvirt/qemu/instance-00000001.xml"
		mv "$root/etc/libvirt/qemu/instance-00000001.xml" "$root/etc/libvirt/qemu/$name.xml"
		LC_ALL=C.UTF-8 says 0 "domain   $name, $uuid, doesn't run" why -- "$name"
		LC_ALL=C.UTF-8 says 0 "domain   $name, $uuid, doesn't run" why "$uuid"
		rm "$root/etc/libvirt/qemu/$name.xml"
	done
	LC_ALL=C.UTF-8 says 2 "there is no domain '日本'" why 日本
	LC_ALL=C says 2 "there is no domain '\\xe6\\x97\\xa5\\xe6\\x9c\\xac'" why 日本
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
