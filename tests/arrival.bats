#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The record of an arrival: a guest that migrates in or is restored is judged by what it asked for at
# migrate or restore begin, and not by the CPU that its source put in before prepare. No libvirt here:
# tests/e2e/arrival.bats has the real one.

# shellcheck disable=SC2154,SC2034 # lib/hook and bats set them, and use what is set here
bats_require_minimum_version 1.5.0
load lib/hook

setup() {
	make_root
	domain >"$BATS_TEST_TMPDIR/gate64"
	daemon_up
}

teardown() {
	daemon_down
}

# One process that is called libvirtd and calls the hook again and again, as a daemon does.
daemon_up() {
	mkfifo "$BATS_TEST_TMPDIR/calls" "$BATS_TEST_TMPDIR/answers"
	# shellcheck disable=SC2016 # the other shell's
	CPUSHIM_ROOT=$root LD_PRELOAD=$BATS_TEST_TMPDIR/libvirt_driver_qemu.so "$BATS_TEST_TMPDIR/libvirtd" -c '
		unset LD_PRELOAD
		while read -r operation sub; do
			"$1" instance-00000001 "$operation" "$sub" - <"$2/xml" >"$2/stdout" 2>"$2/stderr"
			echo $?
		done' - "$CHECKOUT/hook/qemu" "$BATS_TEST_TMPDIR" \
		<"$BATS_TEST_TMPDIR/calls" >"$BATS_TEST_TMPDIR/answers" 3>&- &
	daemon_pid=$!
	exec {calls}>"$BATS_TEST_TMPDIR/calls" {answers}<"$BATS_TEST_TMPDIR/answers"
}

daemon_down() {
	exec {calls}>&- {answers}<&-
	wait "$daemon_pid" || true
	rm "$BATS_TEST_TMPDIR/calls" "$BATS_TEST_TMPDIR/answers"
}

daemon_killed() {
	kill -9 "$daemon_pid"
	daemon_down 2>/dev/null
}

call() { # OPERATION SUB-OPERATION: by that daemon, with the XML on stdin
	local status
	cat >"$BATS_TEST_TMPDIR/xml"
	printf '%s %s\n' "$1" "$2" >&"$calls"
	read -r -t 30 status <&"$answers"
	cat "$BATS_TEST_TMPDIR/stdout"
	cat "$BATS_TEST_TMPDIR/stderr" >&2
	return "$status"
}

is_silent() {
	run -0 --separate-stderr "$@"
	[ -z "$output" ]
	[ -z "$stderr" ]
}

refuses() { # WORDS COMMAND...
	local words=$1
	shift
	run -1 --separate-stderr "$@"
	[[ $stderr == *'cpushim: instance-00000001'*"$words"* ]]
}

# what libvirt puts in before prepare: the CPU as it was read back where the guest ran
live() { # [SED-SCRIPT...]
	domain "s|<cpu .*|<cpu mode='custom' match='exact' check='full'>|" \
		"s|<model>|<model fallback='forbid'>|" \
		"s|<topology[^>]*>|&<feature policy='require' name='hypervisor'/>|" "$@"
}

own() { # POLICY NAME
	printf "s|<topology[^>]*>|&<feature policy='%s' name='%s'/>|" "$1" "$2"
}

arrives() { # [SED-SCRIPT...]: restore begin of gate64, changed
	is_silent call restore begin < <(domain "$@")
}

age() { # SECONDS: the record becomes older by that
	local time
	time=$(sed -n 's/^time=//p' "$record")
	sed -i "s/^time=.*/time=$((time - $1))/" "$record"
}

phase() {
	sed -n 's/^phase=//p' "$record"
}

@test "migrate and restore begin note an arrival: who called, when, and what is asked for" {
	local operation
	for operation in migrate restore; do
		is_silent call $operation begin < <(domain "$(own disable nx)" "$(own require aes)")
		[ "$(stat -c '%a %U' "$root/run/cpushim" "$record")" = $'700 root\n600 root' ]
		[ "$(phase)" = arrival ]
		grep -x "daemon=$daemon_pid" "$record"
		grep -x "start=$(sed 's/.*) //' "/proc/$daemon_pid/stat" | cut -d' ' -f20)" "$record"
		run -0 sed -n 's/^time=//p' "$record"
		[ $((output - $(cut -d. -f1 /proc/uptime))) -le 0 ]
		[ $((output - $(cut -d. -f1 /proc/uptime))) -ge -5 ]
		grep -x 'model=gate64' "$record"
		grep -x 'on=aes' "$record"
		grep -x 'off=nx' "$record"
		rm "$record"
	done
}

@test "by hand, and refused, they note nothing" {
	is_silent hook restore begin < <(domain)
	[ ! -e "$record" ]
	row tcg_lacks=nx | table
	refuses 'provide: nx' call migrate begin < <(domain)
	[ ! -e "$record" ]
	# not another's, either
	row | table
	arrives
	row tcg_lacks=nx | table
	refuses 'provide: nx' call migrate begin < <(domain)
	[ ! -e "$record" ]
}

@test "an arrival that can't be noted is refused" {
	: >"$root/run/cpushim"
	run -1 --separate-stderr call migrate begin < <(domain)
	[[ $stderr == *'cpushim: '*cpushim* ]]
	rm "$root/run/cpushim"
	refuses UUID call restore begin < <(domain '/<uuid>/d')
	refuses UUID call restore begin < <(domain 's|<uuid>.*|<uuid>6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d6g</uuid>|')
}

@test "an arrival becomes the request at prepare, and the whole way is silent" {
	arrives "$(own disable nx)"
	run -0 --separate-stderr call prepare begin < <(live "$(own disable nx)")
	[ "$(phase)" = request ]
	grep -x 'off=nx' "$record"
	grep -x 'on=' "$record"
	is_silent call start begin < <(live "$(own disable nx)")
	is_silent call stopped end < <(live)
	[ ! -e "$record" ]
}

@test "restore of a managed save: libvirt isn't told no, and prepare refuses in the same words, while there is the image" {
	local save=$root/var/lib/libvirt/qemu/save/instance-00000001.save
	local image=$BATS_TEST_TMPDIR/image marked=$BATS_TEST_TMPDIR/marked
	mkdir -p "${save%/*}" "$root/etc/libvirt/qemu"
	: >"$save"
	domain >"$root/etc/libvirt/qemu/instance-00000001.xml"
	domain 's/>gate64</>Opteron_G1</' >"$image"
	domain "s|</metadata>|<shim:cpu xmlns:shim='urn:cpushim:1' model='gate64' digest='$(printf '%064d' 2)'/>&|" >"$marked"
	run -0 call restore begin <"$image"
	[ "$(phase)" = refused ]
	refuses "model 'gate64': its definition asks for it, and its saved image has 'Opteron_G1'" call prepare begin <"$image"
	[ ! -e "$record" ]
	run -0 call restore begin <"$marked"
	refuses 'it was started with another definition of that name' call prepare begin <"$marked"
	# nothing is wrong any more
	run -0 call restore begin <"$marked"
	refuses "wasn't let restore its managed save" call prepare begin < <(domain)
	# the worker is away, and libvirt shows what it made of gate64
	mv "$root/usr/bin/cpushim" "$root/usr/bin/away"
	run -0 call restore begin < <(domain)
	refuses 'it asked for a site model' call prepare begin <"$image"
	mv "$root/usr/bin/away" "$root/usr/bin/cpushim"
	# the image went since: a start like any other
	run -0 call restore begin <"$image"
	rm "$save"
	run -0 --separate-stderr call prepare begin < <(domain)
	[ "$(phase)" = request ]
	# a person is told at once, and so is libvirt where prepare couldn't know
	: >"$save"
	refuses 'another definition' hook restore begin <"$marked"
	rm -r "${record%/*}"
	: >"${record%/*}"
	refuses 'saved image has' call restore begin <"$image"
}

@test "a feature that the source slipped in is refused at start, by name" {
	local feature
	for feature in 'require vme' 'disable pni' 'force avx' 'optional aes'; do
		arrives
		# prepare alone would take it for the domain's own
		# shellcheck disable=SC2086 # two words
		run -0 --separate-stderr call prepare begin < <(live "$(own $feature)")
		# shellcheck disable=SC2086
		refuses "'${feature#* }'" call start begin < <(live "$(own $feature)")
		is_silent call release end < <(live)
	done
}

@test "a feature whose policy the source turned round is refused at start" {
	arrives "$(own require aes)" "$(own disable nx)"
	run -0 --separate-stderr call prepare begin < <(live "$(own disable aes)" "$(own disable nx)")
	refuses "'aes' (disable)" call start begin < <(live "$(own disable aes)" "$(own disable nx)")
	arrives "$(own require aes)" "$(own disable nx)"
	run -0 --separate-stderr call prepare begin < <(live "$(own require aes)" "$(own require nx)")
	refuses "'nx' (require)" call start begin < <(live "$(own require aes)" "$(own require nx)")
}

@test "an own feature that the source lost is refused at prepare, by name" {
	arrives "$(own require aes)" "$(own disable nx)" "$(own require fpu)" "$(own optional avx)" "$(own disable svm)"
	refuses 'asks for itself: aes nx;' call prepare begin < <(live)
	[ ! -e "$record" ]
}

@test "a feature that we don't know is the domain's own or is refused, and what is no name always" {
	run -0 --separate-stderr call prepare begin < <(domain "$(own require later-one)" "$(own disable older-one)")
	grep -x 'other=later-one' "$record"
	is_silent call start begin < <(domain "$(own require later-one)" "$(own disable unheard)")
	refuses "'later'" call start begin < <(domain "$(own require later-one)" "$(own require later)")
	refuses "'pni=off,x'" call start begin < <(domain "$(own require later-one)" "$(own require pni=off,x)")
	refuses "'pni=off,x' isn't a feature's name" call prepare begin < <(domain "$(own require pni=off,x)")
	refuses "isn't a feature's name" call migrate begin < <(domain "$(own disable 'a\&#10;model=b')")
	[ ! -e "$record" ]
	# more than is kept is forgotten, and so refused
	local long short
	long=$(printf 'x%.0s' {1..1000}) short=$(printf 'y%.0s' {1..100})
	run -0 --separate-stderr call prepare begin < <(domain "$(own require "$long")" "$(own require "$short")")
	refuses "'xxxx" call start begin < <(domain "$(own require "$long")" "$(own require "$short")")
	[[ $stderr != *yyyy* ]]
}

@test "a vendor that the source slipped in is refused at start" {
	arrives
	run -0 --separate-stderr call prepare begin < <(live "s|<model |&vendor_id='AuthenticAMD' |")
	refuses "vendor became 'AuthenticAMD'" call start begin < <(live "s|<model |&vendor_id='AuthenticAMD' |")
}

@test "what libvirt or the topology puts in is no addition" {
	arrives
	run -0 --separate-stderr call prepare begin < <(live "$(own require ht)" "$(own require cmp_legacy)" "$(own disable vme)")
	is_silent call start begin < <(live "$(own require ht)" "$(own require cmp_legacy)" "$(own disable vme)")
}

@test "an optional feature may have come out either way" {
	local policy
	for policy in require disable; do
		arrives "$(own optional aes)"
		run -0 --separate-stderr call prepare begin < <(live "$(own $policy aes)")
		is_silent call start begin < <(live "$(own $policy aes)")
	done
}

@test "another model at prepare, or none, is refused, naming both, whether a site model is named or not" {
	local script
	for script in 's/>gate64</>Opteron_G1</' "s/mode='custom'/mode='host-model'/"; do
		arrives
		refuses "model 'gate64'" call prepare begin < <(live "$script")
		[[ $script != *Opteron* || $stderr == *"'Opteron_G1'"* ]]
		[ -z "$output" ]
		[ ! -e "$record" ]
	done
	arrives
	refuses "recorded as 'nothing'" call prepare begin < <(live '/<cpu/,/<.cpu>/d')
	{
		row
		row model=x86-64-v2
	} | table
	arrives
	refuses "recorded as 'x86-64-v2'" call prepare begin < <(live 's/>gate64</>x86-64-v2</')
	# taken once: the next start is none
	is_silent call prepare begin < <(live 's/>gate64</>Opteron_G1</')
}

@test "without a usable worker an arrival is refused at prepare, whatever it has become" {
	arrives
	mv "$root/usr/bin/cpushim" "$root/usr/bin/away"
	refuses "site model" call prepare begin < <(live 's/>gate64</>Opteron_G1</')
	refuses "'gate64'" call prepare begin < <(live)
	mv "$root/usr/bin/away" "$root/usr/bin/cpushim"
	refuses 'well-formed' call prepare begin < <(live 's/>gate64</>Opteron_G1</' | head -n 40)
}

@test "a definition that changed between arrival and prepare is refused" {
	arrives
	row "digest=$(printf '%064d' 2)" | table
	refuses 'changed' call prepare begin < <(live)
	row | table
	arrives
	row model=other | table
	refuses 'no row' call prepare begin < <(live)
}

@test "what arrives must be able to run here by what it arrives with at prepare, too" {
	arrives
	row tcg_lacks=nx | table
	refuses 'provide: nx' call prepare begin < <(live)
	[ ! -e "$record" ]
}

@test "an arrival of another daemon, of one with the same PID, or of long ago doesn't count" {
	local kind
	for kind in daemon start old future; do
		arrives "$(own disable pni)"
		case $kind in
		daemon) daemon_killed && daemon_up ;;
		start) sed -i 's/^start=.*/start=1/' "$record" ;;
		old) age 300 ;;
		future) age -3600 ;;
		esac
		run -0 --separate-stderr call prepare begin < <(domain)
		grep -x 'off=' "$record"
		refuses "'pni'" call start begin < <(domain "$(own disable pni)")
		rm "$record"
	done
	# one that is young enough
	arrives
	age 290
	refuses "'Opteron_G1'" call prepare begin < <(live 's/>gate64</>Opteron_G1</')
}

@test "nor does it stand in the way of a guest that asks for no site model, also with a broken worker" {
	local kind
	for kind in daemon start old future; do
		arrives
		mv "$root/usr/bin/cpushim" "$root/usr/bin/away"
		case $kind in
		daemon) daemon_killed && daemon_up ;;
		start) sed -i 's/^start=.*/start=1/' "$record" ;;
		old) age 300 ;;
		future) age -3600 ;;
		esac
		is_silent call prepare begin < <(domain 's/>gate64</>kvm64</')
		[ ! -e "$record" ]
		is_silent call start begin < <(domain 's/>gate64</>kvm64</')
		mv "$root/usr/bin/away" "$root/usr/bin/cpushim"
	done
}

@test "an arrival without a site model forgets the one before, and another takes its place" {
	arrives "$(own disable pni)"
	is_silent call migrate begin < <(domain 's/>gate64</>kvm64</')
	[ ! -e "$record" ]
	is_silent call prepare begin < <(domain 's/>gate64</>kvm64</')
	arrives "$(own disable pni)"
	arrives
	grep -x 'off=' "$record"
}

defined() { # SED-SCRIPT...: libvirt's own file, written now
	mkdir -p "$root/etc/libvirt/qemu"
	sleep 0.02 # the clock that files go by ticks
	{
		printf '<!--\nWARNING: THIS IS AN AUTO-GENERATED FILE.\n-->\n\n'
		domain "$@"
	} >"$root/etc/libvirt/qemu/instance-00000001.xml"
}

@test "a domain that was defined anew since a failed arrival starts as it is defined" {
	arrives "$(own disable pni)"
	defined 's/>gate64</>kvm64</'
	is_silent call prepare begin < <(domain 's/>gate64</>kvm64</')
	[ ! -e "$record" ]
	is_silent call start begin < <(domain 's/>gate64</>kvm64</')
	# with its own features
	arrives "$(own disable pni)"
	defined "$(own require aes)"
	run -0 --separate-stderr call prepare begin < <(domain "$(own require aes)")
	grep -x 'on=aes' "$record"
	grep -x 'off=' "$record"
}

@test "a definition from before, another one, of another guest or unreadable excuses nothing" {
	defined 's/>gate64</>Opteron_G1</'
	sleep 0.02
	arrives
	refuses "'Opteron_G1'" call prepare begin < <(live 's/>gate64</>Opteron_G1</')
	local script
	for script in '' 's/>gate64</>kvm64</' "s/>gate64</>Opteron_G1</;$(own require aes)" \
		's/>gate64</>Opteron_G1</;s/6b2f0d3e/6b2f0d3f/' 's/>gate64</>Opteron_G1</;/<.domain>/d'; do
		arrives
		defined "$script"
		refuses "'Opteron_G1'" call prepare begin < <(live 's/>gate64</>Opteron_G1</')
	done
	arrives
	rm "$root/etc/libvirt/qemu/instance-00000001.xml"
	mkfifo "$root/etc/libvirt/qemu/instance-00000001.xml"
	refuses "'Opteron_G1'" call prepare begin < <(live 's/>gate64</>Opteron_G1</')
}

@test "a prepare by hand neither takes an arrival nor removes it" {
	arrives
	run -0 --separate-stderr hook prepare begin < <(domain)
	[ "$(phase)" = arrival ]
	is_silent hook prepare begin < <(domain 's/>gate64</>kvm64</')
	[ "$(phase)" = arrival ]
	run -0 --separate-stderr call prepare begin < <(live)
	[ "$(phase)" = request ]
}

@test "an arrival that comes in between prepare and start is no request" {
	run -0 --separate-stderr call prepare begin < <(domain)
	arrives
	refuses 'arrived while it was starting' call start begin < <(domain)
	refuses 'arrived while it was starting' call started begin < <(domain)
}

@test "garbage in the record's place is no arrival, and goes at prepare" {
	arrives
	cp -p "$record" "$root/run/good"
	local kind
	for kind in empty cut longer huge nul link fifo directory mode owner number phase; do
		rm -rf "$record" && cp -p "$root/run/good" "$record"
		case $kind in
		empty) : >"$record" ;;
		cut) head -c 150 "$root/run/good" >"$record" ;;
		longer) printf 'more\n' >>"$record" ;;
		huge) head -c 1000000 /dev/zero | tr '\0' x >>"$record" ;;
		nul) printf 'x\0y\n' >>"$record" ;;
		link) rm "$record" && ln -s "$root/run/good" "$record" ;;
		fifo) rm "$record" && mkfifo -m 600 "$record" ;;
		directory) rm "$record" && mkdir "$record" ;;
		mode) chmod 644 "$record" ;;
		owner) chown 12345 "$record" ;;
		number) sed -i 's/^time=.*/time=-1/' "$record" ;;
		phase) sed -i 's/^phase=.*/phase=arrived/' "$record" ;;
		esac
		is_silent call prepare begin < <(domain 's/>gate64</>Opteron_G1</')
		is_silent call start begin < <(domain 's/>gate64</>Opteron_G1</')
		[ ! -e "$record" ] || [ $kind = directory ]
	done
	[ -s "$root/run/good" ]
}
