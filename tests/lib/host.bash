# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Hosts that aren't there: unlike machines with a working KVM, on a machine without one. QEMU's TCG emulates
# AMD's SVM, so a Debian kernel in its guest has a kvm_amd that hides the CPU as it should. Such a host sees this
# machine's / and can change what it sees, for itself. It has one CPU. Needs root.
#
#	host_needs		what this machine lacks for them: nothing, or a sentence
#	host_new NAME CPU [--memory MIB] [--release RELEASE] [--switch HUB]
#				start one, with what QEMU's -cpu takes; the vendor has to be AuthenticAMD, and
#				svm on. It boots while others do. Of another Debian release: with that one's
#				kernel and programs, and this checkout as it is built there (tests/lib/release;
#				kept in RELEASES; ROOT_BASE: another system, as in root.bash). A cable goes to
#				the switch of a root (root_switch)
#	host_up NAME...		wait until they have come up
#	on NAME COMMAND...	run a command there, in a clean environment
#	inside NAME COMMAND...	a function of libvirt.bash there, where the node is called `here`
#	host_each COMMAND...	run it on all of them, HOST_JOBS at a time; the answers are in HOSTS/NAME/answer
#	host_drop		end them all
#
# HOSTS says where they are kept (default: in bats' directory of the file that is running). A host sees nothing of
# this machine's /proc, /sys, /dev and /run; and of a file that it has read once, no later change.

: "${HOSTS:=${BATS_FILE_TMPDIR:-${TMPDIR:-/tmp}/cpushim.$$}/hosts}"
: "${CHECKOUT:=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)}"
export HOSTS CHECKOUT

: "${HOST_SECONDS:=300}" # for a boot, and for a command, also where the machine is busy
: "${HOST_JOBS:=1}" # each keeps a processor busy, and a QEMU on one that is shared may be too slow for an answer

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

# host_system [RELEASE]: sets base, checkout and kernel to the directories with what a host sees as /, with this
# checkout as it was built there, and with its Linux
host_system() {
	local system=${ROOT_BASE-}
	if [ -n "${1-}" ]; then
		: "${RELEASES:=${HOSTS%/*}/releases}"
		system=$RELEASES/$1
		mkdir -p "$RELEASES"
		[ -d "$system/checkout/build" ] || "$CHECKOUT/tests/lib/release" "$1" "$system" >"$system.log" 2>&1 || return
	fi
	if [ -z "$system" ]; then
		base=/ checkout=$CHECKOUT
		kernel=$("$CHECKOUT/tests/lib/kernel")
	else
		base=$(realpath "$system/root") checkout=$system/checkout
		kernel=$(find "$base/var/cache/cpushim-kernels" -mindepth 1 -maxdepth 1 -type d)
	fi
}

# host_cable HUB: sets space, net and address to how its QEMU gets into the hub's network, to its card, and to what
# its address is there
host_cable() {
	local hub=$1 pid n
	n=$((10 + $(host_names | wc -l)))
	address=10.77.0.$n
	pid=$(<"$ROOTS/$hub/pid")
	space=(nsenter -t "$pid" -n)
	net=(-netdev "tap,id=cable,ifname=port$n,script=no,downscript=no" -device "virtio-net-pci,netdev=cable,mac=52:54:00:77:00:$n")
	"${space[@]}" ip tuntap add "port$n" mode tap
	"${space[@]}" ip link set "port$n" master switch up
	printf '%s %s\n' "$address" "$name" >>"$(root_path "$hub")/etc/hosts"
	printf '%s\n' "$hub" >"$dir/hub"
}

host_new() {
	local name=$1 cpu=$2 dir=$HOSTS/$1 memory=1200 release='' hub='' space=() net=() address=''
	local base checkout kernel
	shift 2
	while [ $# -gt 0 ]; do
		case $1 in
		--memory) memory=$2 ;;
		--release) release=$2 ;;
		--switch) hub=$2 ;;
		*) return 2 ;;
		esac
		shift 2
	done
	mkdir -p "$dir/share"
	mkfifo "$dir/monitor.in" "$dir/monitor.out"
	host_system "$release" || return
	[ -z "$hub" ] || host_cable "$hub"
	# With a tick that comes anyway: an interrupt that comes while KVM enters or leaves a guest may be lost (QEMU's
	# svm_helper.c, before it had cpu_set_interrupt), and a Linux that sets each timer when the last one has come
	# would then hang for ever.
	local linux="console=ttyS0 quiet panic=-1 unknown_nmi_panic mitigations=off no_timer_check highres=off nohz=off"
	# it ends with the shell that made it; nothing of the caller's may be kept open, as bats waits for that
	(
		exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
		exec setpriv --pdeathsig KILL "${space[@]}" qemu-system-x86_64 -accel tcg,thread=multi -cpu "$cpu" \
			-m "$memory" -smp 1 -nodefaults -display none -no-reboot -serial "file:$dir/console" -monitor "pipe:$dir/monitor" \
			-kernel "$kernel/vmlinuz" -initrd "$kernel/host-initrd" \
			-append "$linux host=$name checkout=$CHECKOUT address=$address" \
			-virtfs "local,path=$base,mount_tag=root,security_model=none,readonly=on,multidevs=remap" \
			-virtfs "local,path=$checkout,mount_tag=checkout,security_model=none,readonly=on,multidevs=remap" \
			-virtfs "local,path=$dir/share,mount_tag=share,security_model=none" "${net[@]}"
	) </dev/null >"$dir/qemu" 2>&1 &
	printf '%s\n' $! >"$dir/pid"
	disown # nobody is told when it ends
}

host_runs() { # NAME
	kill -0 "$(<"$HOSTS/$1/pid")" 2>/dev/null
}

# host_wait NAME FILE: until the host has written it
host_wait() {
	local dir=$HOSTS/$1 end=$((SECONDS + HOST_SECONDS))
	until [ -e "$dir/share/$2" ]; do
		if [ $SECONDS -ge $end ] || ! host_runs "$1"; then
			printf 'host %s: nothing came of %s\n' "$1" "$2" >&2
			host_runs "$1" && host_panic "$1"
			tail -n 60 "$dir/qemu" "$dir/console" >&2
			return 1
		fi
		host_pause
	done
}

# host_panic NAME: ends it, with what it was doing on its console
host_panic() {
	local dir=$HOSTS/$1 end=$((SECONDS + 30))
	ls -l "$dir/share" >&2
	printf 'info registers\n' 1<>"$dir/monitor.in"
	timeout 2 cat "$dir/monitor.out" | grep -a 'IP=\|EFER' >&2 || :
	printf 'nmi\n' 1<>"$dir/monitor.in"
	while host_runs "$1" && [ $SECONDS -lt $end ]; do
		host_pause
	done
}

host_up() {
	local name
	for name; do
		host_wait "$name" ready || return
		[ ! -e "$HOSTS/$name/hub" ] || host_hosts "$name" "$(<"$HOSTS/$name/hub")"
	done
}

# host_hosts NAME HUB: it knows the others at its switch by name
host_hosts() {
	grep '^10\.' "$(root_path "$2")/etc/hosts" >"$HOSTS/$1/share/hosts"
	on "$1" sh -c 'cat /run/share/hosts >>/etc/hosts'
}

on() {
	if [ -d "$HOSTS/$1" ]; then
		host_on "$@"
	else # a root (root.bash)
		root_enter "$1" -n -- "${@:2}"
	fi
}

host_on() {
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

inside() {
	on "$1" "$CHECKOUT/tests/lib/inside" "${@:2}"
}

# What each says on stdout is in HOSTS/NAME/answer, on stderr in error, and its status in status.
host_each() {
	local name pids=()
	for name in $(host_names); do
		if [ ${#pids[@]} -ge "$HOST_JOBS" ]; then
			wait "${pids[0]}"
			pids=("${pids[@]:1}")
		fi
		host_ask "$name" "$@" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
}

host_ask() {
	local name=$1 status=0
	on "$name" "${@:2}" >"$HOSTS/$name/answer" 2>"$HOSTS/$name/error" || status=$?
	printf '%s\n' $status >"$HOSTS/$name/status"
}

host_drop() {
	local pid
	for pid in "$HOSTS"/*/pid; do
		[ ! -e "$pid" ] || kill -KILL "$(<"$pid")" 2>/dev/null || :
	done
}
