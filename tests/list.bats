#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# How list, guests and the others look: at most a terminal's columns, colours there alone, whole in a pipe;
# names that don't exist; releases. By hand: a hand-written table, no libvirt and no QEMU.

# shellcheck disable=SC2154,SC2030,SC2031 # lib/hook and bats set them; each test runs by itself
bats_require_minimum_version 1.5.0
load lib/hook

setup() {
	make_root
	unset COLUMNS NO_COLOR
	export TERM=xterm
	v4=$gate64_features,avx512bw,avx512cd,avx512dq,avx512f,avx512vl
	{
		row
		row model=site-v4 origin=/etc/cpushim/models.d/a-file-with-a-rather-long-name.xml:12 \
			"features=$v4" tcg_lacks=avx512bw,avx512cd,avx512dq,avx512f,avx512vl
		row model=site-old "features=$gate64_features,xsave" origin=/etc/cpushim/models.d/old.xml:3
		row model=site-host vendor=host origin=/etc/cpushim/models.d/host.xml:3
		row model=site-bad "refused=feature 'rdctl-no' lives in an MSR" origin=$'/etc/\e[31mbad.xml:1' \
			digest= base= features= cpu=
	} | table
}

cpushim() {
	CPUSHIM_ROOT=$root "$CHECKOUT/build/cpushim" "$@"
}

# on_terminal COLUMNS COMMAND...: what a terminal of so many columns gets. 0: it doesn't know.
on_terminal() {
	local columns=$1 command
	shift
	printf -v command '%q ' "$CHECKOUT/build/cpushim" "$@"
	CPUSHIM_ROOT=$root script -qec "stty cols $columns 2>/dev/null; $command 2>/dev/null" /dev/null </dev/null |
		tr -d '\r'
}

plain() {
	sed 's/\x1b\[[0-9]*m//g'
}

# at_most COLUMNS: of every line on stdin, and there are some
at_most() {
	local text line
	text=$(plain)
	[ "$text" ]
	while IFS= read -r line; do
		printf '%s\n' "$line"
		[ ${#line} -le "$1" ] || return 1
	done <<<"$text"
}

@test "list is a table with titles: model, base, features, tcg, kvm and where" {
	run -0 --separate-stderr cpushim list
	[[ ${lines[0]} =~ ^'MODEL '\ *'BASE '\ *'FEATURES '\ *'TCG '\ *'KVM '\ *WHERE$ ]]
	[[ ${lines[1]} =~ ^gate64\ +kvm64\ +24\ +yes\ +[a-z0-9\ ]+\ gate64.xml:1$ ]]
	[[ ${lines[2]} =~ ^site-bad\ +-\ +-\ +refused\ +refused\ +/etc/ ]]
	[[ ${lines[5]} =~ ^site-v4\ +kvm64\ +29\ +'lacks 5'\ + ]]
	[ "$(cpushim list | sed -n 's/^\(.* \)yes .*/\1/p' | awk '{ print length }' | sort -u | wc -l)" = 1 ]
}

@test "what is lacking stands below as a count, the first few and the reason, other warnings too" {
	run -0 cpushim list
	[[ $output == *$'\n\n'*"site-v4: tcg lacks 5: avx512bw, avx512cd, avx512dq, ... (QEMU's TCG doesn't emulate them)"$'\n'* ]]
	[[ $output == *$'\n'"site-bad: refused: feature 'rdctl-no' lives in an MSR"$'\n'* ]]
	[[ $output == *$'\n'"site-host: takes the host's vendor: not safe to migrate between hosts of different vendors"$'\n'* ]]
	[[ $output == *$'\n''site-old: no Linux boots under TCG: xsave without xsaveopt'$'\n'* ]]
	[[ $output == *$'\n'"\`cpushim list MODEL\` names them all." ]]
	# nothing lacks, nothing stands below
	row | table
	[ "$(cpushim list 2>/dev/null | wc -l)" = 2 ]
}

@test "a terminal gets no line that is wider, and never more than 80 columns" {
	for columns in 20000 200 80 72 64; do
		max=$((columns < 80 ? columns : 80))
		on_terminal $columns list | at_most $max
		on_terminal $columns list site-v4 | at_most $max
		on_terminal $columns list site-old | at_most $max
	done
	on_terminal 0 list | at_most 80
	COLUMNS=66 on_terminal 0 list | at_most 66
	[ "$(on_terminal 80 list | plain | awk 'length == 80' | wc -l)" -ge 1 ]
}

@test "long names and paths are cut on a terminal alone" {
	long=a-model-with-a-name-of-its-own-that-goes-on-for-some-sixty-char
	row "model=$long" base=Cascadelake-Server-noTSX-v4 origin=/etc/cpushim/models.d/some/where/else.xml:1 | table
	on_terminal 80 list | at_most 80
	run on_terminal 80 list
	[[ $output == *'a-model-'*'~ '*.../*'else.xml:1'* ]]
	run -0 cpushim list
	[[ $output == *"$long  Cascadelake-Server-noTSX-v4 "*' /etc/cpushim/models.d/some/where/else.xml:1'* ]]
	[[ $output != *'~'* ]]
	[[ $output != *...* ]]
}

@test "colours are for terminals: none in a pipe, with NO_COLOR or on a dumb terminal" {
	run on_terminal 80 list
	[[ $output == *$'\e[32myes\e[0m'* ]]
	[[ $output == *$'\e[33mlacks 5\e[0m'* ]]
	[[ $output == *$'\e[31mrefused\e[0m'* ]]
	run on_terminal 80 list site-v4
	[[ $output == *$'\e[33mlacks 5\e[0m'* ]]
	run -0 cpushim list
	[[ $output != *$'\e'* ]]
	NO_COLOR=1 run on_terminal 80 list
	[[ $output == *'lacks 5'* ]]
	[[ $output != *$'\e'* ]]
	NO_COLOR='' run on_terminal 80 list
	[[ $output == *$'\e'* ]]
	TERM=dumb run on_terminal 80 list
	[[ $output == *'lacks 5'* ]]
	[[ $output != *$'\e'* ]]
}

@test "list MODEL tells one model whole" {
	run -0 --separate-stderr cpushim list site-v4
	[[ $output == 'model     site-v4'$'\n'* ]]
	[[ $output == *$'\n''where     /etc/cpushim/models.d/a-file-with-a-rather-long-name.xml:12'$'\n'* ]]
	[[ $output == *$'\n''base      kvm64'$'\n'* ]]
	[[ $output == *$'\n''identity  GenuineIntel, family 15, model 6, stepping 1'$'\n'* ]]
	[[ $output == *$'\n''digest    000000000000 ('* ]]
	[[ $output == *$'\n''features  29: apic, clflush, '*', avx512vl'$'\n'* ]]
	[[ $output == *$'\n''emulator  /usr/bin/qemu-system-x86_64, QEMU 7.2.22'$'\n'* ]]
	[[ $output == *$'\n''tcg       lacks 5'$'\n'"          QEMU's TCG doesn't emulate avx512bw, avx512cd, avx512dq, avx512f, avx512vl"$'\n'* ]]
	[[ $output == *$'\n''kvm       '* ]]
	run -0 cpushim list site-old
	[[ $output == *$'\n''warning   under TCG no Linux boots with it: '* ]]
	run -0 cpushim list site-host
	[[ $output == *$'\n'"identity  the host's vendor, family 15"* ]]
	[[ $output == *$'\n'"warning   takes the host's vendor"* ]]
	run -0 cpushim list site-bad
	[[ $output == *$'\n'"refused   feature 'rdctl-no' lives in an MSR" ]]
}

@test "an emulator more is a row that says with which, and a part of list MODEL" {
	{
		row
		row emulator=/usr/bin/qemu-system-i386 tcg_lacks=lm,syscall
	} | table
	run -0 --separate-stderr cpushim list
	[[ ${lines[1]} == gate64*' yes '*' gate64.xml:1' ]]
	[[ ${lines[2]} == gate64*' lacks 2 '*' with /usr/bin/qemu-system-i386' ]]
	[[ $output == *"gate64 with /usr/bin/qemu-system-i386: tcg lacks 2: lm, syscall (QEMU's TCG doesn't emulate them)" ]]
	run -0 cpushim list gate64
	[[ $output == *'emulator  /usr/bin/qemu-system-x86_64'*$'tcg       yes\n'*'emulator  /usr/bin/qemu-system-i386'*'tcg       lacks 2'* ]]
	# a model may be had with one of them alone
	{
		row refused='no such base'
		row emulator=/usr/bin/qemu-system-i386
	} | table
	run -0 cpushim list gate64
	[[ $output == *'identity  Genuine'*'qemu-system-x86_64'*'refused   no such base'*'qemu-system-i386'*$'tcg       yes\n'* ]]
}

@test "digests are short, but whole with --digest and --json, also of one model" {
	digest=$(printf '%064d' 1)
	run -0 cpushim list
	[[ $output != *"$digest"* ]]
	[ "$(cpushim list --digest | head -n 1)" = "gate64 $digest" ]
	[ "$(cpushim list --digest gate64)" = "gate64 $digest" ]
	[ "$(cpushim list --digest site-bad)" = 'site-bad refused' ]
	[ "$(cpushim list --digest | wc -l)" = 5 ]
	[[ $(cpushim list --json gate64) == *"\"digest\": \"$digest\""* ]]
	[ "$(cpushim list --json gate64 | grep -c '"model": ')" = 1 ]
	[ "$(cpushim list --json | grep -c '"model": ')" = 5 ]
	on_terminal 40 list --digest gate64 | grep -x "gate64 $digest"
	run -2 cpushim list gate64 site-v4
}

@test "JSON has each model's identity and features, too" {
	run -0 --separate-stderr cpushim list --json gate64
	for field in base digest emulator family features kvm model model_number origin stepping tcg tcg_why vendor; do
		[[ $output == *"\"$field\": "* ]]
	done
	[[ $output == *'"tcg": "yes"'* ]]
	[[ $(cpushim list --json site-v4) == *'"tcg": "lacks avx512bw,avx512cd,avx512dq,avx512f,avx512vl"'* ]]
}

@test "a name that doesn't exist suggests the nearest, wherever a MODEL is taken" {
	row | table
	for command in list show expand verify; do
		printf '%s\n' "$command"
		run -2 cpushim $command gate46
		[ "$command" = show ] ||
			[ "$output" = "cpushim: there is no model 'gate46'; did you mean gate64? \`cpushim list\` names them" ]
	done
	run -2 cpushim list --json gat64
	[[ $output == *'did you mean gate64?'* ]]
	run -2 cpushim expand gate46,+aes
	[[ $output == *"'gate46'; did you mean gate64?"* ]]
	run -2 cpushim list warpdrive
	[ "$output" = "cpushim: there is no model 'warpdrive'; \`cpushim list\` names them" ]
	run -2 cpushim list "$(printf 'x%.0s' {1..300})"
	run -2 cpushim list ''
	# a name that exists is no suggestion for itself
	run -2 cpushim expand --emulator /usr/bin/other gate64
	[ "$output" = "cpushim: there is no model 'gate64' for /usr/bin/other; \`cpushim list\` names those that have it" ]
}

@test "show suggests libvirt's names as well as the site's" {
	mkdir -p "$root/usr/share/libvirt"
	cp -r "$data/cpu_map" "$root/usr/share/libvirt/cpu_map"
	theirs=$(sed -n "s/.*<model name='\([^']*\)'>.*/\1/p" "$data/cpu_map/x86_models.xml" | awk 'length > 5' | head -n 1)
	run -2 cpushim show "x${theirs}"
	[[ $output == *"is named 'x$theirs'; did you mean $theirs? "* ]]
	run -2 cpushim show gate46
	[[ $output == *"is named 'gate46'; did you mean gate64? "* ]]
}

@test "text of files is escaped in the table and below it" {
	for run in 'cpushim list' 'on_terminal 80 list' 'cpushim list site-bad' 'on_terminal 80 list site-bad'; do
		run $run
		[[ $output == *'\x1b[31mbad.xml:1'* ]] || [[ $output == *...* ]]
		[[ $output != *$'\e[31mbad'* ]]
	done
}

# milliseconds COMMAND...: of CPU, its children's too; a machine may be busy
milliseconds() {
	local TIMEFORMAT='%U %S'
	{ time "$@" >"$BATS_TEST_TMPDIR/out" 2>/dev/null; } 2>&1 | awk '{ print int(($1 + $2) * 1000) }'
}

@test "1,000 models are listed in a second of CPU, in a pipe and on a terminal (make stage)" {
	root=$BATS_TEST_TMPDIR/staged
	cp -a "$CHECKOUT/build/root" "$root"
	cp "$CHECKOUT/build/cpushim" "$root/usr/bin/cpushim"
	{
		printf '<cpus>\n'
		for ((i = 0; i < 1000; i++)); do
			printf "<model name='site-%04d'><model name='gate64'/><feature name='avx512f'/></model>\n" $i
		done
		printf '</cpus>\n'
	} >"$root/etc/cpushim/models.d/many.xml"
	CPUSHIM_ROOT=$root "$root/usr/bin/cpushim" compile --force >/dev/null
	for run in 'cpushim list' 'on_terminal 80 list' 'cpushim list --json' 'cpushim list site-0500'; do
		# shellcheck disable=SC2086 # words
		spent=$(milliseconds $run)
		printf '%s: %s ms\n' "$run" "$spent"
		grep -q 'site-0500' "$BATS_TEST_TMPDIR/out"
		[ "$spent" -lt 1000 ]
	done
}

@test "guests: a verdict that doesn't fit behind its guest stands below it" {
	mkdir -p "$root/proc/9"
	ln -s /usr/bin/qemu-system-x86_64 "$root/proc/9/exe"
	printf '%s\0' qemu -name "guest=a-domain-whose-name-is-rather-long-and-goes-on" -uuid "$uuid" -cpu "$gate64_cpu,+aes" \
		>"$root/proc/9/cmdline"
	on_terminal 80 guests | at_most 80
	run on_terminal 80 guests
	output=$(plain <<<"$output")
	[[ $output == 'DOMAIN '*'UUID '*'MODEL '*'ACCEL'*$'\n''a-domain-'*"~  $uuid  gate64  tcg"*$'\n''    not libvirt'* ]]
	run -0 --separate-stderr cpushim guests
	[ "${#lines[@]}" = 2 ]
	[[ ${lines[1]} == "a-domain-whose-name-is-rather-long-and-goes-on  $uuid  gate64  tcg "*' what the name means'* ]]
}

@test "why folds what is wider than the terminal" {
	mkdir -p "$root/run/libvirt/qemu"
	domain >"$BATS_TEST_TMPDIR/domain.xml"
	run on_terminal 60 why "$BATS_TEST_TMPDIR/domain.xml"
	at_most 60 <<<"$output"
	[[ $output == *$'\n         '* ]]
}

@test "the list of commands, and list's own help, have 80 columns at most" {
	cpushim --help | at_most 80
	cpushim list --help | at_most 80
}

@test "each program tells the release: VERSION's, the wrapper in a note beside its mark" {
	version=$(cat "$CHECKOUT/VERSION")
	[ "$(cpushim --version)" = "cpushim $version" ]
	[ "$("$CHECKOUT/build/hook" --version)" = "hook (cpushim) $version" ]
	[ "$("$CHECKOUT/build/qmp-proxy" --version)" = "qmp-proxy (cpushim) $version" ]
	# 8 bytes of owner, no or @length bytes of descriptor, type 1 or 2 (wrapper/note.c)
	notes=$(od -A n -v -t x1 -N 4096 "$CHECKOUT/build/qemu-wrapper" | tr -d ' \n')
	hex=$(printf '%s\0' "$version" | od -A n -v -t x1 | tr -d ' \n')
	length=$(printf '%02x' $((${#version} + 1)))
	[[ $notes == *0800000000000000010000006370757368696d0008000000"$length"000000020000006370757368696d00"$hex"* ]]
}
