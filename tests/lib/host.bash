# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Hosts that aren't there: unlike machines with a working KVM, on a machine without one. QEMU's TCG emulates
# AMD's SVM, so a Debian kernel in its guest has a kvm_amd that hides the CPU as it should. Such a host sees this
# machine's / and can change what it sees, for itself. It has one CPU, and no network. Needs root.
#
#	host_needs		what this machine lacks for them: nothing, or a sentence
#	host_new NAME CPU	start one, with what QEMU's -cpu takes; the vendor has to be AuthenticAMD, and
#				svm on. It boots while others do
#	host_up NAME...		wait until they have come up
#	on NAME COMMAND...	run a command there, in a clean environment
#	host_each COMMAND...	run it on all of them at the same time; the answers are in HOSTS/NAME/answer
#	host_drop		end them all
#
# HOSTS says where they are kept (default: in bats' directory of the file that is running). A host sees nothing of
# this machine's /proc, /sys, /dev and /run; and of a file that it has read once, no later change.

: "${HOSTS:=${BATS_FILE_TMPDIR:-${TMPDIR:-/tmp}/cpushim.$$}/hosts}"
: "${CHECKOUT:=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)}"
export HOSTS CHECKOUT

HOST_SECONDS=300 # for a boot, and for a command, also where the machine is busy

host_needs() {
	if [ "$(id -u)" != 0 ]; then
		echo root
	elif ! command -v qemu-system-x86_64 >/dev/null; then
		echo QEMU
	elif ! "$CHECKOUT/tests/lib/kernel" >/dev/null 2>&1; then
		echo "this release's kernel, which tests/lib/kernel gets"
	fi
}

# host_pause: a tenth of a second, without a process
host_pause() {
	[ -p "$HOSTS/pause" ] || mkfifo "$HOSTS/pause" 2>/dev/null || :
	read -rt 0.1 <>"$HOSTS/pause" || :
}

host_new() {
	local name=$1 cpu=$2 dir=$HOSTS/$1
	[ -n "${HOST_KERNEL-}" ] || HOST_KERNEL=$("$CHECKOUT/tests/lib/kernel") || return
	mkdir -p "$dir/share"
	# it ends with the shell that made it; nothing of the caller's may be kept open, as bats waits for that
	(
		exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
		exec setpriv --pdeathsig KILL qemu-system-x86_64 -accel tcg,thread=multi -cpu "$cpu" -m 1200 -smp 1 \
			-nodefaults -display none -no-reboot -serial "file:$dir/console" \
			-kernel "$HOST_KERNEL/vmlinuz" -initrd "$HOST_KERNEL/host-initrd" \
			-append "console=ttyS0 quiet panic=-1 mitigations=off no_timer_check host=$name" \
			-virtfs local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap \
			-virtfs "local,path=$dir/share,mount_tag=share,security_model=none"
	) </dev/null >"$dir/qemu" 2>&1 &
	printf '%s\n' $! >"$dir/pid"
	disown # nobody is told when it ends
}

# host_wait NAME FILE: until the host has written it
host_wait() {
	local dir=$HOSTS/$1 end=$((SECONDS + HOST_SECONDS))
	until [ -e "$dir/share/$2" ]; do
		if [ $SECONDS -ge $end ] || ! kill -0 "$(<"$dir/pid")" 2>/dev/null; then
			printf 'host %s: nothing came of %s\n' "$1" "$2" >&2
			tail -n 20 "$dir/qemu" "$dir/console" >&2
			return 1
		fi
		host_pause
	done
}

host_up() {
	local name
	for name; do
		host_wait "$name" ready || return
	done
}

on() {
	local name=$1 share=$HOSTS/$1/share job status
	shift
	job=$BASHPID-$RANDOM
	{
		printf '%q ' "$@"
		printf '\n'
	} >"$share/$job"
	mv "$share/$job" "$share/$job.command"
	host_wait "$name" "$job.status" || return
	status=$(<"$share/$job.status")
	cat "$share/$job.out"
	cat "$share/$job.err" >&2
	rm -f "$share/$job".*
	return "$status"
}

host_names() {
	local dir
	for dir in "$HOSTS"/*/; do
		dir=${dir%/}
		printf '%s\n' "${dir##*/}"
	done
}

# What each says on stdout is in HOSTS/NAME/answer, on stderr in error, and its status in status.
host_each() {
	local name pids=()
	for name in $(host_names); do
		{
			local status=0
			on "$name" "$@" >"$HOSTS/$name/answer" 2>"$HOSTS/$name/error" || status=$?
			printf '%s\n' $status >"$HOSTS/$name/status"
		} 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
}

host_drop() {
	local pid
	for pid in "$HOSTS"/*/pid; do
		[ ! -e "$pid" ] || kill -KILL "$(<"$pid")" 2>/dev/null || :
	done
}
