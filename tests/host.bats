#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# cpushim host: what this machine's CPU is and has, and the dump of it. In a copy of the staged root (make
# stage), and in roots without QEMU, table and libvirt's files.

# shellcheck disable=SC2016,SC2154,SC2030,SC2031 # awk's; bats sets output and stderr; each test has its own subshell
bats_require_minimum_version 1.5.0

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	root=$BATS_TEST_TMPDIR/root
	mkdir "$root"
	unset COLUMNS NO_COLOR
	export TERM=xterm
}

# staged: the root has QEMU and a table
staged() {
	rmdir "$root"
	cp -a "$CHECKOUT/build/root" "$root" || {
		printf 'make stage comes first\n' >&2
		return 1
	}
}

cpushim() {
	CPUSHIM_ROOT=$root "$CHECKOUT/build/cpushim" "$@"
}

# cpuinfo KEY: what Linux says of the first CPU
cpuinfo() {
	sed -n "s/^$1[[:space:]]*: //p" /proc/cpuinfo | head -n 1
}

# lists NAME TEXT: a list of CPUs in the root's /sys
lists() {
	mkdir -p "$root/sys/devices/system/cpu"
	printf '%s\n' "$2" >"$root/sys/devices/system/cpu/$1"
}

# as_linux: does CPUID answer a program as it answered Linux? Not in guests of KVM's PVM, whose programs see
# more of the real CPU. tests/clouds/hosts.bats compares both on machines where it does.
as_linux() {
	[[ $(cpushim host) == *$'\ncpu       '"$(cpuinfo 'model name' | sed 's/^ *//; s/ *$//')"$'\n'* ]]
}

@test "host names the CPU as Linux does" {
	run -0 --separate-stderr cpushim host
	[[ $output == *$'\nidentity  '"$(cpuinfo vendor_id), family $(cpuinfo 'cpu family'), model $(cpuinfo model), stepping $(cpuinfo stepping)"$'\n'* ]]
	[[ $output == "host      $(uname -n)"$'\n'* ]]
	[[ $output == *$'\nkernel    '"$(uname -r)"* ]]
	! as_linux || [[ $output == *$'\nlimits    '"$(cpuinfo 'address sizes' | sed 's/ bits.*//') physical address bits"* ]]
}

# cpuid and others are Linux's own, and not the CPU's
@test "each flag of Linux that is the name of a feature is one of host's" {
	as_linux || return 0
	run -0 --separate-stderr cpushim host --json
	cpuinfo flags | tr ' ' '\n' | LC_ALL=C sort >"$BATS_TEST_TMPDIR/linux"
	awk '/FEATURE_CPUID/ { gsub(/[",]/, ""); print $2 }' "$CHECKOUT/cpumap/core/features_table.c" |
		LC_ALL=C sort | LC_ALL=C join - "$BATS_TEST_TMPDIR/linux" >"$BATS_TEST_TMPDIR/both"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/both")" -gt 30 ]
	sed -n '/^  "features": \[/,/^  \]/s/^    "\(.*\)",*/\1/p' <<<"$output" | LC_ALL=C sort >"$BATS_TEST_TMPDIR/ours"
	run -0 join -v 1 "$BATS_TEST_TMPDIR/both" "$BATS_TEST_TMPDIR/ours"
	[ -z "$output" ]
}

@test "host works where nothing but the command is, and says what it couldn't ask" {
	run -0 --separate-stderr cpushim host
	[[ $output == *$'\nqemu      not asked: /usr/bin/qemu-system-x86_64: there is no QEMU for x86 here\n'* ]]
	[[ $output == *$'\nkvm       not asked: '* ]]
	[[ $output == *"The site's models weren't asked for: $root/usr/lib/cpushim/models.table: there is no table"* ]]
	[[ $output != *'nearest models'* ]]
	[ -z "$stderr" ]
	run -0 --separate-stderr cpushim host --json
	[[ $output == *'"qemu": "/usr/bin/qemu-system-x86_64: there is no QEMU for x86 here"'* ]]
	[[ $output == *'"tcg": null'* ]]
	[[ $output == *'"models": "there is no table'* ]]
}

@test "any user may ask, and nothing is written" {
	[ "$(id -u)" = 0 ] || skip 'needs root, to become somebody else'
	root=$(mktemp -d "${TMPDIR:-/tmp}/cpushim-test.XXXXXX")
	chmod 755 "$root"
	install -m 755 "$CHECKOUT/build/cpushim" "$root"
	find "$root" >"$BATS_TEST_TMPDIR/before"
	run -0 --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups env -i "CPUSHIM_ROOT=$root" \
		"$root/cpushim" host --dump
	[ "${lines[0]}" = 'cpushim-host 1' ]
	[ "${lines[-1]}" = end ]
	local found
	found=$(find "$root")
	rm -r "$root"
	run -0 diff "$BATS_TEST_TMPDIR/before" - <<<"$found"
}

@test "host asks QEMU, names its nearest models, and lists the site's as list does" {
	[ -x /usr/bin/qemu-system-x86_64 ] || skip 'needs QEMU'
	staged
	run -0 --separate-stderr cpushim list
	list=$output
	run -0 --separate-stderr cpushim host
	[[ $output == *$'\nqemu      '[0-9]*", $root/usr/bin/qemu-system-x86_64.distrib"$'\n'* ]]
	[[ $output == *$'\ntcg       gives '[0-9]*' features'* ]]
	[[ $output == *$'\nThe nearest models of QEMU '* ]]
	[[ $output == *$'\n\n'"$list" ]]
	run -0 --separate-stderr cpushim host --json
	[[ $output == *'"nearest": ['*'"lacks": ['*'"more": ['* ]]
	[[ $output == *'"model": "gate64"'* ]]
}

@test "--emulator takes another QEMU, and one that doesn't work is named" {
	printf '#!/bin/sh\nexit 3\n' >"$root/broken"
	chmod 755 "$root/broken"
	run -0 --separate-stderr cpushim host --emulator /broken
	[[ $output == *$'\nqemu      not asked: '"$root/broken: "* ]]
	run -0 --separate-stderr cpushim host -e /nonesuch
	[[ $output == *$'\nqemu      not asked: '"$root/nonesuch: can't be run: No such file"* ]]
}

@test "CPUs that are offline or that the process may not run on are named" {
	lists online '0,4000-4001'
	lists offline '2-3'
	run -0 --separate-stderr cpushim host
	[[ $output == *$'\ncpus      1 read, the only one; offline: 2-3; not read, as this process may not run on them: 4000-4001\n'* ]]
	run -0 --separate-stderr cpushim host --dump
	[[ $output == *$'\ncpus 0\n'* ]]
	lists online 4000
	run -2 --separate-stderr cpushim host
	[[ $stderr == 'cpushim: /sys/devices/system/cpu/online: this process may run on none of the CPUs that are online' ]]
}

@test "a process that may run on one CPU only reads the others as well" {
	[ "$(nproc --all)" -gt 1 ] || skip 'needs two CPUs'
	lists online "$(cat /sys/devices/system/cpu/online)"
	run -0 --separate-stderr taskset -c 1 env "CPUSHIM_ROOT=$root" "$CHECKOUT/build/cpushim" host
	[[ $output == *$'\ncpus      '"$(nproc --all)"' read'* ]]
}

@test "a dump has all leaves, with the subleaves that features are in" {
	run -0 --separate-stderr cpushim host --dump
	[ "${lines[0]}" = 'cpushim-host 1' ]
	[ "${lines[1]}" = "name $(uname -n)" ]
	[ "${lines[-1]}" = end ]
	[[ $output == *$'\nkernel '"$(uname -r)"$'\n'* ]]
	# of each range the highest leaf, from its first one's EAX
	run -0 awk '
		$1 == "leaf" { seen[$2, $3] = 1 }
		$1 == "leaf" && $2 ~ /^[08]0000000$/ && $3 == "00000000" { highest[$2] = $4 }
		$1 == "leaf" && $2 == "00000007" && $3 == "00000000" { seventh = $4 }
		END {
			for (range in highest)
				print (highest[range], "00000000") in seen
			print ("00000007", seventh) in seen
			print ("0000000d", "00000001") in seen || highest["00000000"] < "0000000d"
		}' <<<"$output"
	[ "$output" = $'1\n1\n1\n1' ]
}

@test "a dump says what QEMU gives, and tells on stderr what it doesn't know" {
	run -0 --separate-stderr cpushim host --dump
	[[ $output != *$'\ntcg '* ]]
	[[ $stderr == *"cpushim: what QEMU emulates isn't known: /usr/bin/qemu-system-x86_64: there is no QEMU for x86 here"* ]]
	[[ $stderr == *"cpushim: what QEMU gives under KVM isn't known: "* ]]
	[ -x /usr/bin/qemu-system-x86_64 ] || skip 'the rest needs QEMU'
	staged
	run -0 --separate-stderr cpushim host --dump
	[[ $output == *$'\ntcg has '*' fpu '*$'\ntcg lacks '*' avx512f '* ]]
	[[ $output == *$'\nqemu '[0-9]* ]]
	[[ $stderr != *'what QEMU emulates'* ]]
}

@test "a dump's file is replaced at once, and stays as it was if that fails" {
	file=$BATS_TEST_TMPDIR/host.dump
	printf 'old\n' >"$file"
	ln "$file" "$file.old"
	run -0 --separate-stderr cpushim host --dump "$file"
	[ -z "$output" ]
	[ "$(cat "$file.old")" = old ]
	[ "$(head -n 1 "$file")" = 'cpushim-host 1' ]
	[ "$(tail -n 1 "$file")" = end ]
	[ "$(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name 'host.dump*' | wc -l)" = 2 ]
	run -2 --separate-stderr cpushim host --dump "$BATS_TEST_TMPDIR/nonesuch/host.dump"
	[[ $stderr == *"nonesuch/host.dump"*'No such file'* ]]
}

@test "a dump is written to a device or a pipe, which stays what it is" {
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	timeout 20 tail -n 1 "$BATS_TEST_TMPDIR/pipe" >"$BATS_TEST_TMPDIR/last" &
	run -0 --separate-stderr cpushim host --dump "$BATS_TEST_TMPDIR/pipe"
	wait $!
	[ "$(cat "$BATS_TEST_TMPDIR/last")" = end ]
	[ -p "$BATS_TEST_TMPDIR/pipe" ]
	run -2 --separate-stderr cpushim host --dump /dev/full
	[[ $stderr == *"cpushim: /dev/full: can't be written: No space left on device"* ]]
	[ -c /dev/full ]
}

@test "what steers a terminal in the microcode's line is escaped" {
	mkdir "$root/proc"
	printf 'microcode\t: 0x1\e[31m\n' >"$root/proc/cpuinfo"
	run -0 --separate-stderr cpushim host
	[[ $output == *', microcode 0x1\x1b[31m'* ]]
	run -0 --separate-stderr cpushim host --dump
	[[ $output == *$'\nmicrocode 0x1\\x1b[31m\n'* ]]
}

@test "on a terminal no line has more than 80 columns" {
	staged
	CPUSHIM_ROOT=$root run -0 script -qec "stty cols 200; $CHECKOUT/build/cpushim host 2>/dev/null" /dev/null
	run -0 awk '{ gsub(/\033\[[0-9;]*m|\r/, ""); if (length($0) > 80) print }' <<<"$output"
	[ -z "$output" ]
}

@test "host refuses what it can't do" {
	run -2 --separate-stderr cpushim host file
	[[ $stderr == *'takes --json, or --dump and one FILE'* ]]
	run -2 --separate-stderr cpushim host --dump --json
	run -2 --separate-stderr cpushim host --dump a b
	run -2 --separate-stderr cpushim host --nonesuch
}
