#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The wrapper: what QEMU is given in the end, byte for byte, whoever calls it and however; that it says
# what is wrong with its own files, and never runs in circles. What argv the real QEMU would get is told
# by a stand-in; what a guest gets, by the real one.

# shellcheck disable=SC2154 # lib/hook and bats set them
bats_require_minimum_version 1.5.0
load lib/hook

setup() {
	make_root
	qemu=$root/usr/bin/qemu-system-x86_64
	said=$BATS_TEST_TMPDIR/said
	table=$root/usr/lib/cpushim/models.table
	ln -s qemu-system-x86_64 "$root/usr/bin/kvm"
	stand_in
}

# a program that tells what it was given
stand_in() {
	cat >"$qemu.distrib" <<-END
		#!/bin/sh
		PATH=/usr/bin:/bin
		cat /proc/\$\$/cmdline >'$said.argv'
		cat /proc/\$\$/environ >'$said.env'
		cat /proc/self/status >'$said.status'
		for fd in /proc/\$\$/fd/[0-9]*; do
			readlink "\$fd" >'$said.fd'\${fd##*/}
		done
		readlink /proc/\$\$/cwd >'$said.cwd'
		echo \$\$ >'$said.pid'
	END
	chmod +x "$qemu.distrib"
}

real_path() {
	readlink -f "$CHECKOUT/build/root/usr/bin/qemu-system-x86_64.distrib"
}

# the shipped models' table, and the real QEMU
real() {
	cp "$CHECKOUT/build/root/usr/lib/cpushim/models.table" "$table"
	real=$(real_path)
	ln -sf "$real" "$qemu.distrib"
}

# of the staged root, whose table that is
cpushim() {
	CPUSHIM_ROOT=$CHECKOUT/build/root "$CHECKOUT/build/cpushim" "$@"
}

# what the stand-in got behind its name (a script: the kernel puts the interpreter and the file in front)
got() {
	tail -z -n +3 "$said.argv"
}

given() { # WORD...: exactly these
	{ [ $# = 0 ] || printf '%s\0' "$@"; } | cmp - <(got)
}

silent() { # COMMAND...
	run --separate-stderr "$@"
	[[ $status = 0 && -z $output && -z ${stderr-} ]]
}

untouched() { # WORD...
	silent "$qemu" "$@" || return
	given "$@"
}

says_one_line() { # WORDS
	[[ ${#stderr_lines[@]} = 1 && $stderr == "cpushim: "*"$1"* ]]
}

@test "the wrapper is one static program" {
	run -0 readelf -l "$CHECKOUT/build/qemu-wrapper"
	[[ $output == *LOAD* && $output != *INTERP* ]]
}

@test "without a site model every argument is as it came" {
	local long
	untouched
	untouched ''
	untouched '' '' -name ''
	untouched -cpu kvm64
	untouched -cpu kvm64,+avx,enforce=off,,ht=on, -smp 2
	untouched -cpu host --cpu max -cpu ''
	untouched -cpu ,
	untouched -cpu ,gate64
	untouched -cpu help
	untouched -cpu '?'
	untouched -name gate64 gate64 -uuid 'gate64,x' -drive file=gate64
	# shellcheck disable=SC1003,SC2016 # as it is
	untouched -name $'a\nb\tc' -name $'\xff\xfe\x80' $'\x01' -append 'quoted "and" $HOME `x` \' '*'
	untouched -- -x --- - -cpux gate64 cpu gate64
	untouched -cpu kvm64 -cpux gate64 -cp gate64 --cpu= gate64 -CPU gate64
	printf -v long '%*s' 131000 ''
	untouched -append "$long" -cpu kvm64
	# shellcheck disable=SC2046 # words
	untouched $(seq 1 20000) -cpu kvm64 $(seq 1 1000)
}

@test "names that are nearly a site model's aren't one" {
	local name
	for name in gate6 gate644 GATE64 Gate64 ' gate64' 'gate64 ' gate64+avx gate64=x +gate64 gate64-v1 \
		gate64-x86_64-cpu $'gate64\n' $'gate64\xff' 'model=gate64'; do
		untouched -cpu "$name"
		untouched -cpu "$name,+avx"
	done
}

@test "the value of -cpu and --cpu is expanded, and nothing else" {
	silent "$qemu" -cpu gate64
	given -cpu "$gate64_cpu"
	silent "$qemu" -S -name gate64 --cpu gate64 -smp 2 -uuid gate64 '' gate64
	given -S -name gate64 --cpu "$gate64_cpu" -smp 2 -uuid gate64 '' gate64
	silent "$qemu" disk.img -cpu gate64
	given disk.img -cpu "$gate64_cpu"
	silent "$qemu" $'\xff\n' -append $'\xfe' -cpu gate64 -append $'\x80 '
	given $'\xff\n' -append $'\xfe' -cpu "$gate64_cpu" -append $'\x80 '
}

@test "of several -cpu each is what it says; the last one wins in QEMU" {
	silent "$qemu" -cpu gate64 -cpu gate64,+avx -cpu kvm64
	given -cpu gate64 -cpu gate64,+avx -cpu kvm64
	silent "$qemu" -cpu gate64 -cpu gate64,+avx
	given -cpu gate64 -cpu "$gate64_cpu,+avx"
	silent "$qemu" -cpu kvm64 --cpu gate64
	given -cpu kvm64 --cpu "$gate64_cpu"
	real
	[ "$(cpu_of -cpu gate64 -cpu qemu64)" = qemu64-x86_64-cpu ]
	[ "$(cpu_of -cpu qemu64 --cpu gate64)" = kvm64-x86_64-cpu ]
}

@test "another option's value isn't taken for -cpu, nor its value for ours" {
	untouched -name -cpu gate64
	untouched -name --cpu gate64
	untouched -append -cpu -name gate64
	untouched -cpu -cpu gate64
	silent "$qemu" -name -cpu -cpu gate64
	given -name -cpu -cpu "$gate64_cpu"
	silent "$qemu" -cpu -cpu -cpu gate64
	given -cpu -cpu -cpu "$gate64_cpu"
	silent "$qemu" -S -cpu gate64
	given -S -cpu "$gate64_cpu"
	untouched -append --cpu gate64 -S disk
	silent "$qemu" disk -S -cpu gate64 disk -snapshot --cpu gate64
	given disk -S -cpu gate64 disk -snapshot --cpu "$gate64_cpu"
	# an option of a QEMU that is newer has a value, unless that looks like an option
	silent "$qemu" -tomorrow -cpu gate64 -tomorrow x -cpu gate64
	given -tomorrow -cpu gate64 -tomorrow x -cpu "$gate64_cpu"
	# at the end of the line
	untouched -S -cpu
	untouched --cpu
	untouched -name
}

@test "what QEMU answers to odd spellings is QEMU's own answer" {
	real
	local words
	for words in '-cpu=?' '-cpu=gate64' '-cpu' '-cpu ?' '-cpu help' '--cpu help' '---cpu gate64' \
		'-name -cpu gate64' '-cpu nosuch' '-cpu help,x' '-cpu gate64x' -version -help; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr timeout 20 "$(real_path)" -display none -machine none $words </dev/null
		local wanted="$status $output $stderr"
		# shellcheck disable=SC2086
		run --separate-stderr timeout 20 "$qemu" -display none -machine none $words </dev/null
		[ "$status $output $stderr" = "$wanted" ] || { echo "$words: $status $stderr" && return 1; }
		[ "$status" != 124 ]
	done
}

@test "the caller's properties come behind the expansion, and win by feature" {
	silent "$qemu" -cpu gate64,
	given -cpu "$gate64_cpu,"
	silent "$qemu" -cpu gate64,+avx,l3-cache=off,,model-id=A=b
	given -cpu "$gate64_cpu,+avx,l3-cache=off,,model-id=A=b"
	silent "$qemu" -cpu gate64,xd=off,+sse3
	given -cpu "kvm64,vendor=GenuineIntel,family=15,model=6,stepping=1,vme=off,aes=off,enforce,xd=off,+sse3"
	silent "$qemu" -cpu gate64,hypervisor=on,ht=on,enforce=off,-enforce,check=no,-check
	given -cpu "$gate64_cpu,hypervisor=on"
}

@test "descriptors, environment, directory and umask reach QEMU as they are" {
	local before after
	mkdir "$BATS_TEST_TMPDIR/here"
	(
		cd "$BATS_TEST_TMPDIR/here" && umask 0137
		# shellcheck disable=SC2093
		exec env -i A= B=$'\xff\n' PATH=/nowhere CPUSHIM_ROOT=/nonexistent \
			LD_BIND_NOW=1 "$qemu" -cpu gate64 7<"$table" 9>"$BATS_TEST_TMPDIR/nine" 3<&- </dev/null
	)
	given -cpu "$gate64_cpu"
	printf '%s\0' A= B=$'\xff\n' PATH=/nowhere CPUSHIM_ROOT=/nonexistent LD_BIND_NOW=1 | sort -z |
		cmp - <(sort -z "$said.env")
	[ "$(cat "$said.cwd")" = "$BATS_TEST_TMPDIR/here" ]
	grep -x $'Umask:\t0137' "$said.status"
	[ "$(cat "$said.fd0")" = /dev/null ]
	[ "$(cat "$said.fd7")" = "$table" ]
	[ "$(cat "$said.fd9")" = "$BATS_TEST_TMPDIR/nine" ]
	# and not one more than without the wrapper
	after=$(echo "$said".fd*)
	rm "$said".fd*
	(exec "$qemu.distrib" 7<"$table" 9>"$BATS_TEST_TMPDIR/nine" 3<&- </dev/null)
	before=$(echo "$said".fd*)
	[ "$after" = "$before" ]
}

# Wait until a process has become QEMU, for which a sleep stands in
became_qemu() { # PID
	local tries
	for ((tries = 0; tries < 100; tries++)); do
		[ "$(readlink "/proc/$1/exe")" != "$qemu.distrib" ] || return 0
		sleep 0.05
	done
	return 1
}

@test "QEMU is the process that was started, under the name that it was called by" {
	cp "$(command -v sleep)" "$qemu.distrib"
	(exec -a '/usr/bin/some thing/kvm' "$qemu" 5 6) 3>&- &
	became_qemu $!
	printf '%s\0' '/usr/bin/some thing/kvm' 5 6 | cmp - /proc/$!/cmdline
	[ -z "$(cat /proc/$!/task/$!/children)" ]
	kill $!
}

@test "blocked and ignored signals stay so" {
	cp "$(command -v sleep)" "$qemu.distrib"
	env --block-signal=USR1 --ignore-signal=USR2 "$qemu" 5 3>&- &
	became_qemu $!
	grep -x $'SigBlk:\t0000000000000200' /proc/$!/status
	grep $'^SigIgn:\t.*8..$' /proc/$!/status
	kill $!
}

@test "its exit status is QEMU's, and so is the signal that it dies of" {
	printf '#!/bin/sh\nexit 42\n' >"$qemu.distrib"
	run -42 "$qemu" -cpu gate64
	# shellcheck disable=SC2016 # the stand-in's
	printf '#!/bin/sh\nkill -TERM $$\n' >"$qemu.distrib"
	run -143 "$qemu" -cpu gate64
}

@test "called by a link, by PATH, by a relative path, from elsewhere: it finds its own" {
	local elsewhere=$BATS_TEST_TMPDIR/elsewhere
	mkdir -p "$elsewhere/usr/bin" "$elsewhere/usr/lib/cpushim"
	ln -s "$qemu" "$elsewhere/usr/bin/qemu-system-x86_64"
	ln -s /bin/false "$elsewhere/usr/bin/qemu-system-x86_64.distrib"
	cd "$elsewhere"
	for command in "$root/usr/bin/kvm" "$elsewhere/usr/bin/qemu-system-x86_64" usr/bin/qemu-system-x86_64 \
		../root/usr/bin/kvm ./../root/usr/bin/../bin/qemu-system-x86_64; do
		rm -f "$said.argv"
		silent "$command" -cpu gate64
		given -cpu "$gate64_cpu"
	done
	rm -f "$said.argv"
	PATH=$root/usr/bin:$PATH silent kvm -cpu gate64
	given -cpu "$gate64_cpu"
	cd "$root/usr/bin" && rm -f "$said.argv"
	PATH=.:$PATH silent qemu-system-x86_64 -cpu gate64
	given -cpu "$gate64_cpu"
	# whatever argv[0] claims
	rm -f "$said.argv"
	# shellcheck disable=SC2016 # the inner shell's
	silent bash -c 'exec -a /bin/false "$0" -cpu gate64' "$qemu"
	given -cpu "$gate64_cpu"
	# shellcheck disable=SC2016
	silent bash -c 'exec -a "" "$0" -cpu gate64' "$qemu"
}

@test "without /proc it is found by its absolute path, and by another one says what to do" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	# the stand-in wants /proc: a program that tells its arguments without
	cp /bin/echo "$qemu.distrib"
	no_proc() { # WORD...
		# shellcheck disable=SC2016 # the inner shell's
		unshare -m sh -c 'mount -t tmpfs none /proc && cd "$0" && exec "$@"' "$root/usr/bin" "$@"
	}
	[ "$(no_proc "$qemu" -cpu gate64)" = "-cpu $gate64_cpu" ]
	[ "$(no_proc "$root/usr/bin/kvm" -cpu gate64)" = "-cpu $gate64_cpu" ]
	[ "$(no_proc env "PATH=$root/usr/bin:$PATH" kvm -cpu gate64)" = "-cpu $gate64_cpu" ]
	run -1 --separate-stderr no_proc ./qemu-system-x86_64 -cpu gate64
	says_one_line "/proc/self/exe: can't be read, so the real QEMU can't be found; mount /proc"
	# and never in circles
	ln -f "$qemu" "$qemu.distrib"
	run -1 --separate-stderr no_proc timeout 5 "$qemu" -cpu gate64
	says_one_line "$qemu.distrib"
}

@test "a row of another emulator's isn't ours" {
	row emulator=/usr/bin/qemu-system-i386 | table
	untouched -cpu gate64
	row emulator=/bin/qemu-system-x86_64 | table
	silent "$qemu" -cpu gate64
	given -cpu "$gate64_cpu"
}

# every way in which a table can be unusable
break_table() { # KIND
	rm -rf "$table"
	case $1 in
	missing) ;;
	empty) : >"$table" ;;
	garbled) head -c 5000 "$CHECKOUT/build/qemu-wrapper" >"$table" ;;
	directory) mkdir "$table" ;;
	fifo) mkfifo "$table" ;;
	loop) ln -s models.table "$table" ;;
	*)
		row | table
		case $1 in
		truncated) truncate -s -1 "$table" ;;
		no-rows) sed -i '/^crc=/d' "$table" ;;
		index) sed -i '1s/crc=./crc=x/' "$table" ;;
		moved) sed -i 's/^gate64\t0/gate64\t1/' "$table" ;;
		checksum) sed -i 's/^crc=./crc=x/' "$table" ;;
		changed) sed -i '/^crc=/s/vme=off/vme=on/' "$table" ;;
		nul) sed -i '/^crc=/s/vme=off/vme=\x00ff/' "$table" ;;
		version) sed -i '1s/table 2/table 1/' "$table" ;;
		writable) chmod 666 "$table" ;;
		unreadable) chmod 000 "$table" ;;
		esac
		;;
	esac
}

# as root, but without root's right to read everything
plainly() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --bounding-set=-dac_override,-dac_read_search "$@"
	else
		"$@"
	fi
}

@test "an unusable table: the argument as it is, and one line that says what to do" {
	local kind
	for kind in missing empty garbled directory fifo loop truncated no-rows index moved checksum changed nul \
		version writable unreadable; do
		break_table $kind
		rm -f "$said.argv"
		run -0 --separate-stderr plainly timeout 5 "$qemu" -S -cpu gate64,+avx -name x
		given -S -cpu gate64,+avx -name x || { echo "$kind" && return 1; }
		says_one_line /lib/cpushim/models.table: || { echo "$kind: $stderr" && return 1; }
		[ -z "$output" ]
		# whoever names no model isn't even told
		run -0 --separate-stderr plainly timeout 5 "$qemu" -S -name x
		[ -z "$stderr" ]
		given -S -name x
		# and the others start
		run -0 --separate-stderr plainly timeout 5 "$qemu" -cpu kvm64
		given -cpu kvm64 || { echo "$kind: $stderr" && return 1; }
	done
	rm -rf "$root/usr/lib"
	run -0 --separate-stderr "$qemu" -cpu gate64
	given -cpu gate64
	says_one_line /lib/cpushim/models.table:
}

@test "without a table the real QEMU refuses gate64 by itself" {
	real
	rm "$table"
	run -1 --separate-stderr timeout 20 "$qemu" -display none -S -cpu gate64
	[ "${#stderr_lines[@]}" = 2 ]
	[[ ${stderr_lines[0]} == "cpushim: "*/models.table:* ]]
	[[ ${stderr_lines[1]} == *"unable to find CPU model 'gate64'" ]]
}

@test "a refused model: one line with the reason, and QEMU refuses its name" {
	row refused="needs 'cvt16', which QEMU has never had" cpu= | table
	run -0 --separate-stderr "$qemu" -cpu gate64,+avx
	given -cpu gate64,+avx
	says_one_line "gate64.xml:1: model 'gate64' can't be had: needs 'cvt16', which QEMU has never had"
	# an expansion that is there all the same isn't taken
	row refused=why | table
	run -0 --separate-stderr "$qemu" -cpu gate64
	given -cpu gate64
	# only who asks for it, and the last one counts
	{ row refused=why && row model=other cpu=kvm64,enforce; } | table
	untouched -cpu kvm64
	silent "$qemu" -cpu gate64 -cpu other
	given -cpu gate64 -cpu kvm64,enforce
	row refused=why | table
	ln -sf "$(real_path)" "$qemu.distrib"
	run -1 --separate-stderr timeout 20 "$qemu" -display none -S -cpu gate64
	[[ $stderr == *"unable to find CPU model 'gate64'" ]]
}

@test "what is wrong is said in plain characters" {
	row refused=$'\e[31m red\x07 \xff' origin=$'a\e]0;x' cpu= | table
	run -0 --separate-stderr "$qemu" -cpu gate64
	[ "${#stderr_lines[@]}" = 1 ]
	run -1 grep -P '[^ -~]' <<<"$stderr"
}

@test "a real QEMU that can't be run is a clear error, and never a loop" {
	local kind
	for kind in missing dangling not-executable empty garbled directory hardlink symlink circle copy kvm-link; do
		rm -rf "$qemu.distrib"
		case $kind in
		dangling) ln -s nothing "$qemu.distrib" ;;
		not-executable) cp /bin/true "$qemu.distrib" && chmod 644 "$qemu.distrib" ;;
		empty) : >"$qemu.distrib" && chmod 755 "$qemu.distrib" ;;
		garbled) printf 'no program\n' >"$qemu.distrib" && chmod 755 "$qemu.distrib" ;;
		directory) mkdir "$qemu.distrib" ;;
		hardlink) ln "$qemu" "$qemu.distrib" ;;
		symlink) ln -s "$qemu" "$qemu.distrib" ;;
		circle) ln -s "$qemu.distrib" "$qemu.distrib" ;;
		copy) cp "$qemu" "$qemu.distrib" ;;
		kvm-link) ln -s kvm "$qemu.distrib" ;;
		esac
		for args in '-cpu gate64' '-cpu kvm64' ''; do
			# shellcheck disable=SC2086 # words
			run -1 --separate-stderr timeout 5 "$qemu" $args
			[ -z "$output" ]
			says_one_line "$qemu.distrib" || { echo "$kind: $stderr" && return 1; }
			[[ $stderr == *"; reinstall QEMU (Debian: \`apt-get install --reinstall qemu-system-x86\`)" ]] ||
				{ echo "$kind: $stderr" && return 1; }
		done
	done
}

@test "a real QEMU that something else forbids isn't said to be broken" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	# shellcheck disable=SC2016 # the inner shell's
	run -1 --separate-stderr unshare -m sh -c '
		mkdir "$2" && mount -t tmpfs -o noexec tmpfs "$2" && cp /bin/true "$2/qemu" && ln -sf "$2/qemu" "$1.distrib" &&
			exec "$1" -cpu gate64' sh "$qemu" "$BATS_TEST_TMPDIR/noexec"
	says_one_line "$qemu.distrib: can't be run: Permission denied; look for what confines it (AppArmor, SELinux), or a noexec mount"
}

# program FILE: a QEMU that tells its arguments, and has a build-id as a program has
program() {
	rm -f "$1"
	cp -p "$(readlink -f /bin/echo)" "$1"
}

max_cpu=max,vendor=GenuineIntel,family=6,model=6,stepping=3,nx=on,enforce

# of_base BASE: a table of a model of that base, and of gate64
of_base() {
	{ row && row model=site "base=$1" "cpu=${max_cpu/max/$1}"; } | table
}

another="isn't the QEMU that the table was made from (7.2.22), so model 'site' on its base 'max' can't be had; \`cpushim compile\` (after an upgrade of QEMU it runs by itself where cpushim's package or systemd units are)"

@test "behind another QEMU than the table's a model on max is refused, and those on QEMU's own go on" {
	program "$qemu.distrib"
	of_base max
	[ "$("$qemu" -cpu site,+avx)" = "-cpu $max_cpu,+avx" ]
	another_qemu "$qemu.distrib" "$qemu.distrib"
	run -1 --separate-stderr "$qemu" -cpu site,+avx
	[ -z "$output" ]
	says_one_line "$qemu.distrib: $another"
	# only who asks for it, and the last one counts
	[ "$("$qemu" -cpu site -cpu gate64)" = "-cpu site -cpu $gate64_cpu" ]
	[ "$("$qemu" -cpu max)" = '-cpu max' ]
	[ "$("$qemu" -S)" = -S ]
	for base in host base; do
		program "$qemu.distrib"
		of_base $base
		[ "$("$qemu" -cpu site)" = "-cpu ${max_cpu/max/$base}" ]
		another_qemu "$qemu.distrib" "$qemu.distrib"
		run -1 "$qemu" -cpu site
	done
	for base in kvm64 EPYC max1; do
		program "$qemu.distrib"
		of_base $base
		another_qemu "$qemu.distrib" "$qemu.distrib"
		[ "$("$qemu" -cpu site)" = "-cpu ${max_cpu/max/$base}" ]
	done
}

@test "a clone's, an image's and a reinstall's QEMU is the same, whatever its times" {
	program "$qemu.distrib"
	of_base max
	touch -d 2001-02-03 "$qemu.distrib"
	[ "$("$qemu" -cpu site)" = "-cpu $max_cpu" ]
	cp --no-preserve=timestamps "$qemu.distrib" "$qemu.copy"
	mv "$qemu.copy" "$qemu.distrib"
	[ "$("$qemu" -cpu site)" = "-cpu $max_cpu" ]
	# one without a build-id is known by its size and mtime alone
	stand_in
	of_base max
	silent "$qemu" -cpu site
	given -cpu "$max_cpu"
	touch -d 2001-02-03 "$qemu.distrib"
	run -1 --separate-stderr "$qemu" -cpu site
	says_one_line "$another"
	# a table that says nothing of its QEMU says nothing of this one
	program "$qemu.distrib"
	{ noted "$qemu.distrib" size= mtime= build_id= && row model=site base=max "cpu=$max_cpu"; } | table
	run -1 --separate-stderr "$qemu" -cpu site
	says_one_line "$another"
}

@test "behind a script that starts QEMU, as Debian 12's qemu-system-i386, the QEMU counts" {
	mkdir "$root/usr/libexec"
	local exe=$root/usr/libexec/qemu
	program "$exe"
	printf '#!/bin/sh\nexec %s "$@"\n' "$exe" >"$qemu.distrib"
	{
		noted "$exe" real=/usr/libexec/qemu "script=$(stat -c '%s@%.9Y' "$qemu.distrib")"
		row model=site base=max "cpu=$max_cpu"
	} | table
	[ "$("$qemu" -cpu site)" = "-cpu $max_cpu" ]
	touch "$exe"
	[ "$("$qemu" -cpu site)" = "-cpu $max_cpu" ]
	another_qemu "$exe" "$exe"
	run -1 --separate-stderr "$qemu" -cpu site
	says_one_line "$another"
	program "$exe"
	[ "$("$qemu" -cpu site)" = "-cpu $max_cpu" ]
	touch -d 2001-02-03 "$qemu.distrib"
	run -1 --separate-stderr "$qemu" -cpu site
	says_one_line "$another"
}

@test "while the wrapper is taken away the QEMU in its own place is looked at" {
	program "$qemu.distrib"
	of_base max
	# the wrapper runs when QEMU has come back to its place
	exec 9<"$qemu"
	mv "$qemu.distrib" "$qemu"
	[ "$(/proc/self/fd/9 -cpu site)" = "-cpu $max_cpu" ]
	another_qemu "$qemu" "$qemu"
	run -1 --separate-stderr /proc/self/fd/9 -cpu site
	says_one_line "$qemu.distrib: $another"
	[ "$(/proc/self/fd/9 -cpu gate64)" = "-cpu $gate64_cpu" ]
	exec 9<&-
}

@test "a QEMU that may not be looked at isn't trusted with a model on max" {
	mkdir "$root/closed"
	program "$root/closed/qemu"
	ln -sfn "$root/closed/qemu" "$qemu.distrib"
	of_base max
	[ "$(plainly "$qemu" -cpu site)" = "-cpu $max_cpu" ]
	chmod 000 "$root/closed"
	run -1 --separate-stderr plainly "$qemu" -cpu site
	chmod 700 "$root/closed"
	says_one_line "$qemu.distrib: can't be looked at, so nobody knows what model 'site' would be on its base 'max'; let QEMU's user read it"
}

@test "whether it is the same QEMU costs one stat, and nothing where no model is on max" {
	command -v strace >/dev/null || skip 'strace is missing'
	program "$qemu.distrib"
	of_base max
	looks() { # ARGUMENT...: how often it looks at the real QEMU before it becomes it
		strace -o "$BATS_TEST_TMPDIR/trace" "$qemu" "$@" >/dev/null
		sed '/execve.*\.distrib/q' "$BATS_TEST_TMPDIR/trace" | grep -c '\.distrib"'
	}
	# all ask whether it is the wrapper itself, and run it
	[ "$(looks -cpu gate64)" = 2 ]
	[ "$(looks -cpu kvm64)" = 2 ]
	[ "$(looks -cpu site)" = 3 ]
	touch "$qemu.distrib"
	# to read its build-id it is opened
	[ "$(looks -cpu site)" = 4 ]
}

@test "an argument that the kernel can't pass on is a clear error" {
	local long
	printf -v long 'x%.0s' {1..131000}
	run -1 --separate-stderr "$qemu" -cpu "gate64,model-id=$long"
	says_one_line 'Argument list too long'
	[[ $stderr != *reinstall* ]]
	untouched -cpu "kvm64,model-id=$long"
}

# TRACE COMMAND...: what it opens and executes until the real QEMU has its turn
traced() {
	strace -f -s 200 -o "$BATS_TEST_TMPDIR/trace" "$@"
	# the stand-in's own calls come behind its execve
	sed '/execve.*\.distrib/q' "$BATS_TEST_TMPDIR/trace"
}

@test "one program and then QEMU; no library, no file but the table" {
	command -v strace >/dev/null || skip 'strace is missing'
	local args opened
	for args in '-cpu gate64,+avx' '-cpu kvm64' '-S -name x'; do
		# shellcheck disable=SC2086 # words
		run -0 traced "$qemu" $args
		[ "$(grep -c 'execve(' <<<"$output")" = 2 ]
		opened=$(grep -E '(open|openat|openat2|creat)\(' <<<"$output") || true
		if [[ $args == *-cpu* ]]; then
			[[ $opened == *'/lib/cpushim/models.table", O_RDONLY'* && $opened != *$'\n'* ]]
		else
			[ -z "$opened" ]
		fi
		run -1 grep -E 'clone|fork|socket|connect|unlink|write\(' <<<"$output"
	done
}

# qom WORD... -- PATH PROPERTY...: what the real QEMU says of the guest's first CPU
qmp() { # COMMAND... -- QEMU'S WORDS
	local commands=()
	while [ "$1" != -- ]; do
		commands+=("$1")
		shift
	done
	printf '%s\n' '{"execute": "qmp_capabilities"}' "${commands[@]}" '{"execute": "quit"}' |
		timeout 20 "${@:2}" -S -display none -nodefaults -no-user-config -accel tcg -qmp stdio |
		tr -d '\r' | sed -n '3,$p' | grep '^{"return'
}

cpu='/machine/unattached/device[0]'

property() { # NAME QEMU'S WORDS...
	qmp '{"execute": "qom-get", "arguments": {"path": "'"$cpu"'", "property": "'"$1"'"}}' -- "${@:2}" |
		sed -n '1s/^{"return": \(.*\)}$/\1/p'
}

cpu_of() { # WORDS...: the type of the guest's CPU
	property type "$qemu" "$@" | tr -d '"'
}

# boot WORDS...: what a guest reads
boot() {
	timeout 20 "$@" -nodefaults -display none -no-reboot -m 64 -accel tcg -kernel "$CHECKOUT/build/guest" \
		-serial stdio -device isa-debug-exit,iobase=0xf4 | tr -d '\r'
}

@test "the guest has the CPU of the definition: by QMP" {
	real
	local words
	words=$(property feature-words "$qemu" -cpu gate64)
	[ "$words" = "$(property feature-words "$real" -cpu "$(cpushim expand gate64)")" ]
	[ "$words" != "$(property feature-words "$real" -cpu kvm64)" ]
	words=$(property filtered-features "$qemu" -cpu gate64)
	[[ $words == *'"features": 0}'* && $words != *'"features": '[1-9]* ]]
	[ "$(property enforce "$qemu" -cpu gate64,enforce=off)" = true ]
	[ "$(property enforce "$qemu" -cpu gate64,-enforce)" = true ]
	[ "$(property enforce "$real" -cpu kvm64)" = false ]
	[ "$(property vendor "$qemu" -cpu gate64)" = '"GenuineIntel"' ]
	[ "$(property pse36 "$qemu" -cpu gate64)" = false ]
	[ "$(property pse36 "$qemu" -cpu gate64,+pse36)" = true ]
	[ "$(property pni "$qemu" -cpu gate64)" = true ]
}

@test "the guest has the CPU of the definition: by what it reads" {
	real
	boot "$qemu" -cpu gate64 >"$BATS_TEST_TMPDIR/dump"
	run -0 cpushim verify gate64 --read "$BATS_TEST_TMPDIR/dump"
	[[ $output == 'gate64: exact, 24 features, '* ]]
	boot "$root/usr/bin/kvm" --cpu gate64,ht=on,enforce=off -smp 2 >"$BATS_TEST_TMPDIR/dump"
	run -0 cpushim verify gate64 --read "$BATS_TEST_TMPDIR/dump"
}

@test "the caller's features are added and taken, and no other" {
	real
	boot "$qemu" -cpu gate64,cx16=on,-pat,+ssse3,xd=off,aes >"$BATS_TEST_TMPDIR/dump"
	run -1 cpushim verify gate64 --read "$BATS_TEST_TMPDIR/dump"
	local feature
	for feature in cx16 pat ssse3 nx aes; do
		[[ $output == *"$feature"* ]] || { echo "$feature: $output" && return 1; }
	done
	boot "$qemu" -cpu gate64,cx16=on,+lahf_lm,popcnt,ssse3=yes,sse4_1,+sse4.2 >"$BATS_TEST_TMPDIR/dump"
	run -0 cpushim verify x86-64-v2 --read "$BATS_TEST_TMPDIR/dump"
}

@test "a feature that QEMU can't provide is refused by it, and enforce=off doesn't help" {
	real
	local props
	for props in +avx512f avx512f=on,enforce=off avx512f,-enforce,check=off; do
		run -1 --separate-stderr timeout 20 "$qemu" -accel tcg -display none -S -cpu "gate64,$props"
		[[ $stderr == *"TCG doesn't support requested feature"*07[hH]*EBX*avx512f* ]]
	done
	# of QEMU itself it would
	[ "$(property enforce "$real" -cpu kvm64,avx512f=on,enforce=off)" = false ]
	run -1 --separate-stderr timeout 20 "$qemu" -accel tcg -display none -S -cpu x86-64-v4
	[[ $stderr == *"TCG doesn't support requested feature"* ]]
}
