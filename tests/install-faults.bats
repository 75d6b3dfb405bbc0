#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The installation killed, refused a disk, run twice at once: nothing is half-written, a later run completes,
# and --uninstall takes all of it back. Needs root.

# shellcheck disable=SC2154,SC2030,SC2031 # bats sets output and stderr; each test runs by itself
bats_require_minimum_version 1.5.0

load lib/install.bash
load lib/some.bash

@test "a table that can't be written: said, and what an earlier run put is not denied" {
	install
	printf '#!/bin/sh\nexit 3\n' >"$root$emulator.distrib"
	run -2 install
	[[ $output == *'the table could not be made, as compile says above; QEMU, '*' stay as they are now'* ]]
	is_wrapper "$emulator"
}

@test "libvirt's own trial precedes each change of its index, whatever the include is" {
	install
	on node sed -i '/x86_cpushim/d' "$map"/index.xml
	# what libvirt doesn't take, and compile doesn't look at
	printf '<cpus><model name="odd"/></cpus>' >"$root$map/x86_odd.xml"
	sed -i "/x86_features\.xml/a <include filename='x86_odd.xml'/>" "$root$map/index.xml"
	cp "$root$map/index.xml" "$keep/index.xml"
	run -2 install
	[[ $output == *"$map/index.xml: libvirt doesn't take its map with the models"*odd* ]]
	cmp "$keep/index.xml" "$root$map/index.xml"
	sed -i '/x86_odd/d' "$root$map/index.xml"
	install
	grep -q x86_cpushim "$root$map/index.xml"
	map_loads
}

@test "a full disk: said clearly, nothing half-written, and a later run completes" {
	listing >"$keep/before"
	local size refused=0
	for size in $(printf '%s\n' 4k 1200k 64k 2300k | some 2); do
		on node mkdir -p "$lib"
		on node mount -t tmpfs -o "mode=755,size=$size" tmpfs "$lib"
		if run install && [ "$status" != 0 ]; then
			refused=$((refused + 1))
			[ "$status" = 2 ]
			[[ ${lines[-1]} == 'cpushim: '* ]]
			[[ $output == *'No space left'* ]]
			run ! is_wrapper "$emulator"
		fi
		is_usable
		on node umount "$lib"
	done
	[ "$refused" -ge 2 ]
	install
	is_wrapper "$emulator"
	libvirt_up node
	gate64_starts
	guest_stop node asks
	libvirt_down node
}

@test "a full disk where libvirt's map or the hook is: the map stays whole, and a later run completes" {
	rare
	local dir
	for dir in $map $hooks; do
		on node cp -r "$dir" /run/whole
		on node mount -t tmpfs -o mode=755,size=2m tmpfs "$dir"
		on node sh -c "cp -r /run/whole/. $dir && rm -r /run/whole; cat /dev/zero >$dir/filler || :" 2>/dev/null
		run -2 install
		[[ ${lines[-1]} == 'cpushim: '* ]]
		[[ $output == *'No space left'* ]]
		is_usable
		on node umount "$dir"
		install --uninstall
	done
	install
	is_usable
}

@test "a file system that is read-only: said clearly, and a later run completes" {
	listing >"$keep/before"
	local dir
	for dir in /usr/share /etc/apparmor.d $hooks; do
		on node mount --bind "$dir" "$dir"
		on node mount -o remount,bind,ro "$dir"
		run -2 install
		[[ ${lines[-1]} == 'cpushim: '* ]]
		[[ $output == *'Read-only file system'* ]]
		is_usable
		on node umount "$dir"
	done
	install
	is_wrapper "$emulator"
	install --uninstall
	as_before
}

@test "two at once: both end well, and the node is as after one" {
	local first
	install
	listing >"$keep/one"
	for _ in $(seq 3 | some 3); do
		install --uninstall
		install >"$keep/first" 2>&1 &
		first=$!
		run -0 install
		wait "$first"
		diff "$keep/one" <(listing)
	done
	# who waits says so, and touches nothing before
	install --uninstall
	listing >"$keep/before"
	on node flock /run/cpushim.lock sleep 4 &
	sleep 0.2
	install >"$keep/second" &
	first=$!
	sleep 0.3
	as_before
	wait "$first"
	grep -q 'waiting for another cpushim' "$keep/second"
	diff "$keep/one" <(listing)
}

@test "a file that another run is writing, without the lock of all, isn't written at the same time" {
	local new=$root$hooks/qemu.cpushim-new other command second
	install
	rm "$root$hooks/qemu"
	: >"$new"
	# that run is a process of the command, and goes on for as long as its stdin
	mkfifo "$keep/held"
	on node cpushim rewrite <"$keep/held" &
	command=$!
	exec 9>"$keep/held"
	# shellcheck disable=SC2016 # the node's shell's
	on node flock "$hooks/qemu.cpushim-new" sh -c ': >/run/locked; while [ ! -e /run/go ]; do sleep 0.1; done' 9>&- &
	other=$!
	until [ -e "$root/run/locked" ]; do sleep 0.1; done
	install >"$keep/out" 2>&1 9>&- &
	second=$!
	# shellcheck disable=SC2016 # that shell's
	timeout 60 sh -c 'until grep -q -- "-> FLOCK.*:$1 " /proc/locks; do sleep 0.1; done' - "$(stat -c %i "$new")"
	[ ! -e "$root$hooks/qemu" ]
	: >"$root/run/go"
	wait "$other"
	wait "$second"
	exec 9>&-
	wait "$command" || :
	cmp "$CHECKOUT/hook/qemu" "$root$hooks/qemu"
	[ ! -e "$new" ]
}

@test "who waits for a removal puts nothing back, and who may not remove holds nobody up" {
	rare
	install
	install --uninstall
	listing >"$keep/before"
	install
	on node flock /run/cpushim.lock sleep 3 &
	sleep 0.2
	install --uninstall >"$keep/first" &
	local first=$!
	sleep 1
	# by itself, as systemd calls it
	run on node cpushim ready
	wait "$first"
	as_before
	[ ! -e "$root/run/cpushim.lock" ]
	on node setpriv --reuid 65534 --regid 65534 --clear-groups flock /usr/lib sleep 60 3>&- &
	run -0 install
	[[ $output != *waiting* ]]
	on node pkill -x flock
}

@test "directories are for guests, whatever the caller's umask" {
	on node sh -c "umask 077 && '$CHECKOUT/build/cpushim' ready --source '$CHECKOUT/build/node'"
	run -0 on node find "$lib" /etc/cpushim /usr/share/cpushim -type d ! -perm 755
	[ -z "$output" ]
}

@test "a directory that a package has as well stays" {
	rmdir "$root$hooks"
	on node dpkg -S "$hooks"
	install
	install --uninstall
	[ -d "$root$hooks" ]
}

# install_killed MILLISECONDS [OPTION]...
install_killed() {
	local command
	install_command "${@:2}"
	on node timeout -s KILL "$(seconds "$1")" "${command[@]}" || :
}

@test "killed at any moment, run again it completes, and --uninstall takes all of it" {
	local n total start
	listing >"$keep/before"
	start=$(date +%s%N)
	install
	total=$((($(date +%s%N) - start) / 1000000))
	listing >"$keep/one"
	for n in $(seq 9 | some 3); do
		[ $((n % 2)) = 0 ] || install --uninstall
		install_killed $((total * n / 10))
		is_usable
	done
	install
	diff "$keep/one" <(listing)
	for n in $(seq 5 | some 3); do
		install_killed $((total * n / 18)) --uninstall
		is_usable
	done
	install --uninstall
	as_before
}

@test "what a killed run left beside its files goes with the next, unless another run may use it" {
	rare
	local left=("$lib/models.table" "$lib/trial" "$map/index.xml") file other
	install
	listing >"$keep/one"
	for file in "${left[@]}"; do
		cp "$root$lib/models.table" "$root$file.cpushim-aB3dE6"
	done
	# a run of the command that goes on for as long as its stdin
	mkfifo "$keep/held"
	on node cpushim rewrite <"$keep/held" &
	other=$!
	exec 9>"$keep/held"
	install
	[ "$(find "$root$lib" "$root$map" -name '*.cpushim-*' | wc -l)" = 3 ]
	exec 9>&-
	wait "$other" || :
	install
	diff "$keep/one" <(listing)
}

@test "a killed run's installation can be taken away at once" {
	rare
	local n total start
	listing >"$keep/before"
	start=$(date +%s%N)
	install
	total=$((($(date +%s%N) - start) / 1000000))
	install --uninstall
	for n in $(seq 7 | some 3); do
		install_killed $((total * n / 8))
		install --uninstall
		as_before
	done
}

@test "without its receipt, --uninstall takes what is recognisably ours" {
	listing >"$keep/before"
	install
	rm "$root$lib/receipt"
	run -0 install --uninstall
	run ! is_wrapper "$emulator"
	[ ! -e "$root/usr/bin/cpushim" ]
	[ ! -e "$root$lib" ]
	[ ! -e "$root$hooks/qemu" ]
	map_loads
	# whether AppArmor's override was there isn't known any more
	diff <(grep -v ' d [0-7]* \|/local/' "$keep/before") <(listing | grep -v ' d [0-7]* \|/local/')
	# a receipt of today's is written anew
	install
	rm "$root$lib/receipt"
	install
	install --uninstall
	[ ! -e "$root$lib" ]
	[ ! -e "$root/usr/share/cpushim" ]
}

# killed_each OPTION...: the installation, killed before each change that it makes (each eighth one, unless
# EACH=1); $killed: how often that was
killed_each() {
	local more=${EACH:-8}
	for ((killed = 0; killed < 60; killed++)); do
		run install "$@" --stop-at $((more + 1))
		is_usable
		[ "$status" = 137 ] || break
	done
	[ "$status" = 0 ]
}

@test "killed before each change, ready and remove complete when run again, and remove takes all back" {
	listing >"$keep/before"
	install
	listing >"$keep/one"
	install --uninstall
	killed_each
	[ "$killed" -gt ${EACH:+1}1 ]
	diff "$keep/one" <(listing)
	killed_each --uninstall
	[ "$killed" -gt ${EACH:+1}1 ]
	as_before
}

@test "a receipt that was begun after a loss: --uninstall still takes all that is recognisably ours" {
	listing >"$keep/before"
	install
	rm "$root$lib/receipt"
	# as systemd or doctor has it done, and as libvirt's start does
	on node cpushim ready
	[ "$(head -n 1 "$root$lib/receipt")" = 'cpushim-receipt 2 rebuilt' ]
	sed -i '/x86_cpushim/d' "$root$map/index.xml"
	rm -f "$root$lib/receipt" "$root/run/cpushim.map"
	on node cpushim ready --before-libvirt
	[ "$(head -n 1 "$root$lib/receipt")" = 'cpushim-receipt 2 rebuilt' ]
	# the next installation notes all of it
	run -0 install --uninstall
	run ! is_wrapper "$emulator"
	[ ! -e "$root$lib" ]
	[ ! -e "$root/usr/bin/cpushim" ]
	[ ! -e "$root$hooks/qemu" ]
	[ ! -e "$root/usr/lib/systemd/system/libvirtd.service.d/cpushim.conf" ]
	[ -z "$(find "$root/usr/share" -xdev -path '*cpushim*')" ]
	map_loads
	diff <(grep -v ' d [0-7]* \|/local/' "$keep/before") <(listing | grep -v ' d [0-7]* \|/local/')
}

@test "a receipt that is damaged isn't taken for the whole" {
	local lines
	install
	install --uninstall
	listing >"$keep/before"
	for lines in $(printf '%s\n' 5 0 | some 2); do
		install
		head -n "$lines" "$root$lib/receipt" >"$keep/cut"
		cp "$keep/cut" "$root$lib/receipt"
		run ! on node cpushim doctor
		[[ $output == *receipt*'is missing or damaged'* ]]
		run -0 install --uninstall
		[[ $output != *'left alone'* ]]
		diff <(grep -v '/local/' "$keep/before") <(listing | grep -v '/local/')
	done
}

@test "a receipt in whose place something else lies: named, and once that is away, as if it were lost" {
	local odd
	install
	install --uninstall
	listing >"$keep/before"
	for odd in $(printf '%s\n' directory fifo large | some 3); do
		install
		mv "$root$lib/receipt" "$keep/receipt"
		case $odd in
		directory) mkdir "$root$lib/receipt" ;;
		fifo) mkfifo "$root$lib/receipt" ;;
		large) truncate -s 5M "$root$lib/receipt" ;;
		esac
		run ! on node cpushim doctor
		[[ $output == *'/usr/lib/cpushim/receipt: '* ]]
		if [ "$odd" != large ]; then
			[[ $output == *'`mv /usr/lib/cpushim/receipt '* ]]
			run -2 on node cpushim remove
			[[ $output == *'/usr/lib/cpushim/receipt: is no regular file; move it away'* ]]
			is_wrapper "$emulator"
			mv "$root$lib/receipt" "$keep/odd.$odd"
		fi
		run -0 install --uninstall
		[[ $output != *'left alone'* ]]
		diff <(grep -v '/local/' "$keep/before") <(listing | grep -v '/local/')
	done
}

@test "--uninstall is refused while the table can't be read and guests are defined, and the hook's names tell which" {
	install
	guest_xml asks --cpu "$(cpu_xml gate64)" >"$root/etc/libvirt/qemu/asks.xml"
	printf 'damaged\n' >"$root$lib/models.table"
	run -1 install --uninstall
	[[ $output == *'guest asks is defined with gate64'* ]]
	is_wrapper "$emulator"
	[ -e "$root$hooks/qemu" ]
	rm "$root$lib/models.table" "$root$lib/x86_cpushim.xml"
	run -1 install --uninstall
	[[ $output == *'guest asks is defined with gate64'* ]]
	# nor does anything that libvirt or a guest reads
	rm "$root$map/x86_cpushim.xml"
	run -1 install --uninstall
	[[ $output == *'guest asks is defined with gate64'* ]]
	rm "$root/etc/libvirt/qemu/asks.xml"
	install --uninstall
	[ ! -e "$root$lib" ]
}

@test "an index that names us twice, while libvirt can't read it, is put right by ready" {
	install
	sed -i '/x86_cpushim/p' "$root$map/index.xml"
	run ! map_loads
	run -0 on node cpushim ready
	map_loads
	[ "$(grep -c x86_cpushim "$root$map/index.xml")" = 1 ]
}

@test "what the caller ignores, has closed or limits neither hangs a run nor leaves it half done" {
	install
	listing >"$keep/one"
	on node bash -c 'trap "" CHLD; exec timeout 60 cpushim ready'
	run on node bash -c 'exec timeout 60 cpushim doctor <&- 2>&-'
	[[ $output == *PASS*real-answers* ]]
	[[ $output != *FAIL* ]]
	run -2 on node bash -c 'ulimit -f 0; exec cpushim remove'
	[[ $output == *'File too large'* ]]
	install
	diff "$keep/one" <(listing)
	# nobody reads what it says
	on node bash -c 'set -o pipefail; cpushim remove 2>&1 | true' || [ $? = 2 ]
	[ ! -e "$root$lib" ]
	run ! is_wrapper "$emulator"
}

@test "a receipt whose lines name other places takes nothing there" {
	local place
	install
	echo cpushim >"$root/etc/cpushim-like"
	for place in /usr/lib/cpushim/../../../etc/cpushim-like /usr/../etc/cpushim-like; do
		sed -i '$d' "$root$lib/receipt"
		printf 'file\t%s\t%s\t-\t-\t-\n' "$place" "$(sha256sum <"$root/etc/cpushim-like" | cut -d ' ' -f 1)" \
			>>"$root$lib/receipt"
		printf 'end\t%s\n' $(($(wc -l <"$root$lib/receipt") - 1)) >>"$root$lib/receipt"
	done
	run -0 install --uninstall
	[ -e "$root/etc/cpushim-like" ]
	run ! is_wrapper "$emulator"
}
