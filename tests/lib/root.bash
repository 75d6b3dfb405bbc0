# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Throwaway roots: nodes to install on, run libvirtd in and ruin, on a machine that none of it
# touches. A root is an overlay over / with its own mounts, processes, IPC, network and host
# name; all of it is gone, daemons and guests included, when root_drop is called or the shell
# that made it ends. Needs root.
#
# With --base, or ROOT_BASE, it lies over another system than this one, another Debian release say:
# BASE/root is that system, and BASE/checkout this checkout as it was built there, which the node sees
# in this one's place (tests/matrix makes them; see tests/lib/release).
#
#	root_new NODE [--kvm] [--systemd] [--base BASE]
#				make one; NODE becomes its host name; with systemd as its first process, which
#				has come up when it returns (root-systemd.bash)
#	root_needs		what this machine lacks for a root with systemd: nothing, or a sentence
#	on NODE COMMAND...	run a command in it, with a clean environment
#	online NODE COMMAND...	likewise, on this machine's network: to download, not to start anything
#	has_systemd NODE
#	root_path NODE		its root directory, as seen from outside
#	root_link A B		a network cable between two: 10.77.0.1 and 10.77.0.2
#	root_switch HUB NODE...	a switch in HUB, 10.77.0.1, with a cable to each node: 10.77.0.2 and so on
#	root_checkout NODE DIR	this checkout there, to be written to
#	root_drop NODE		end it
#	await SECONDS COMMAND...	until it succeeds
#
# ROOTS says where they are kept (default: in bats' directory of the file that is running).

: "${ROOTS:=${BATS_FILE_TMPDIR:-${TMPDIR:-/tmp}/cpushim.$$}/roots}"
: "${CHECKOUT:=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)}"
export ROOTS CHECKOUT

# Every root ends when nobody holds this pipe any more: the shell that made it, and its tests.
root_hold() {
	[ -z "${ROOT_HOLD-}" ] || return 0
	mkdir -p "$ROOTS"
	mkfifo "$ROOTS/hold"
	exec {ROOT_HOLD}<>"$ROOTS/hold"
	export ROOT_HOLD
}

root_new() {
	local node=$1 kvm=no init=none base=${ROOT_BASE-} lower=/ built=$CHECKOUT dir=$ROOTS/$1 pid
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--kvm) kvm=yes ;;
		--systemd) init=systemd ;;
		--base) base=$2 && shift ;;
		*) return 2 ;;
		esac
		shift
	done
	[ -z "$base" ] || lower=$base/root built=$base/checkout
	root_hold
	mkdir -p "$dir/mnt"
	mkfifo "$dir/ready"
	[ $init = none ] || : >"$dir/systemd"
	# Nothing of the caller's may be kept open: bats waits for whoever holds its output.
	(
		exec {ROOT_HOLD}>&- 3>"$dir/ready" 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
		space=(unshare -m -p -i -u -n -f --kill-child --propagation unchanged)
		[ $init = none ] || space=("$CHECKOUT/tests/lib/root-cgroup" "${space[@]}" -C)
		exec "${space[@]}" "$CHECKOUT/tests/lib/root-init" "$dir/mnt" "$node" "$kvm" $init \
			"$lower" "$built" "$CHECKOUT" ${BATS_RUN_TMPDIR:+"$BATS_RUN_TMPDIR"}
	) <"$ROOTS/hold" >"$dir/log" 2>&1 &
	printf '%s\n' "$!" >"$dir/unshare"
	if ! read -r pid <"$dir/ready"; then
		printf 'no root for %s: %s\n' "$node" "$(cat "$dir/log")" >&2
		return 1
	fi
	printf '%s\n' "$pid" >"$dir/pid"
	[ $init = none ] || root_await_systemd "$node"
}

root_needs() {
	local groups
	[ "$(id -u)" = 0 ] || { printf 'needs root\n' && return; }
	groups=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
	if [ -z "$groups" ] || [ ! -w "$groups" ]; then
		printf 'needs a cgroup2 that root may write to\n'
	fi
}

# root_await_systemd NODE: until it has started everything
root_await_systemd() {
	local tries state
	for ((tries = 0; tries < 600; tries++)); do
		state=$(on "$1" systemctl is-system-running 2>/dev/null) || :
		case $state in
		running) return ;;
		degraded) break ;;
		esac
		sleep 0.1
	done
	printf 'systemd of %s is %s: ' "$1" "$state" >&2
	on "$1" systemctl --failed --no-legend --plain >&2
	return 1
}

root_drop() {
	local dir=$ROOTS/$1 signal=KILL
	# root-cgroup does that itself, and clears up behind it
	! has_systemd "$1" || signal=TERM
	kill -$signal "$(cat "$dir/unshare")" 2>/dev/null || :
	while [ -e "/proc/$(cat "$dir/pid")/root/." ] || [ -e "/proc/$(cat "$dir/unshare")/exe" ]; do sleep 0.1; done
	# seen from here only if this shell's own / is no mount (a chroot)
	umount "$dir/mnt" 2>/dev/null || :
	rm -rf "$dir"
}

root_path() {
	local pid
	read -r pid <"$ROOTS/$1/pid" && printf '/proc/%s/root' "$pid"
}

has_systemd() {
	[ -e "$ROOTS/$1/systemd" ]
}

on() {
	root_enter "$1" -n -- "${@:2}"
}

online() {
	root_enter "$1" -- "${@:2}"
}

# root_enter NODE [OPTION of nsenter] -- COMMAND...
root_enter() {
	local pid
	read -r pid <"$ROOTS/$1/pid" || return
	! has_systemd "$1" || set -- "$1" -C "${@:2}"
	shift
	(
		[ -z "${ROOT_HOLD-}" ] || exec {ROOT_HOLD}>&-
		local options=()
		while [ "$1" != -- ]; do options+=("$1") && shift; done
		exec nsenter -t "$pid" -m -p -i -u -r -w "${options[@]}" -- /usr/bin/env -i HOME=/root LC_ALL=C \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${@:2}"
	)
}

root_link() {
	local a=$1 b=$2 pid
	pid=$(cat "$ROOTS/$b/pid")
	# The other end goes into b's network by b's process id, which a's processes can't see.
	nsenter -t "$(cat "$ROOTS/$a/pid")" -n ip link add veth0 type veth peer name veth0 netns "$pid"
	on "$a" ip addr add 10.77.0.1/24 dev veth0
	on "$b" ip addr add 10.77.0.2/24 dev veth0
	on "$a" ip link set veth0 up
	on "$b" ip link set veth0 up
	printf '10.77.0.1 %s\n10.77.0.2 %s\n' "$a" "$b" |
		tee -a "$(root_path "$a")/etc/hosts" >>"$(root_path "$b")/etc/hosts"
}

root_switch() {
	local hub=$1 node pid n=1
	shift
	on "$hub" ip link add switch type bridge
	on "$hub" ip addr add 10.77.0.1/24 dev switch
	on "$hub" ip link set switch up
	printf '10.77.0.1 %s\n' "$hub" >>"$(root_path "$hub")/etc/hosts"
	for node; do
		n=$((n + 1))
		pid=$(cat "$ROOTS/$node/pid")
		nsenter -t "$(cat "$ROOTS/$hub/pid")" -n ip link add "port$n" type veth peer name veth0 netns "$pid"
		on "$hub" ip link set "port$n" master switch up
		on "$node" ip addr add "10.77.0.$n/24" dev veth0
		on "$node" ip link set veth0 up
		printf '10.77.0.%s %s\n' "$n" "$node" >>"$(root_path "$hub")/etc/hosts"
	done
}

root_checkout() {
	local upper=/run/checkout
	on "$1" mkdir -p "$2" $upper/data $upper/work
	on "$1" mount -t overlay overlay -o "lowerdir=$CHECKOUT,upperdir=$upper/data,workdir=$upper/work" "$2"
}

# await SECONDS COMMAND...: until it succeeds
await() {
	local end=$((SECONDS + $1))
	shift
	while ((SECONDS < end)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.3
	done
	printf 'not within its time: %s\n' "$*" >&2
	return 1
}
