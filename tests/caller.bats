#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Who calls the hook: libvirt, whatever its daemon is called, or a person. Where libvirt calls, prepare
# writes a record and a refusal begins with its reason.

# shellcheck disable=SC2154,SC2016,SC2034 # lib/hook and bats set them; scripts are other shells'
bats_require_minimum_version 1.5.0
load lib/hook

setup() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	make_root
	cp "$CHECKOUT/hook/qemu" "$root/hook"
}

# counts_as WHO COMMAND...: prepare of gate64 by that command is libvirt's, or a person's
counts_as() {
	rm -rf "$root/run/cpushim"
	run -0 --separate-stderr "${@:2}" < <(domain)
	[[ $output == *'>kvm64</model>'* ]]
	case $1 in
	libvirt)
		[ -z "$stderr" ]
		[ -e "$record" ]
		;;
	person)
		[[ $stderr == 'cpushim: instance-00000001: '*"can't say"* ]]
		[ ! -e "$root/run/cpushim" ]
		;;
	esac
}

prepare() { # [COMMAND THAT RUNS IT...]
	CPUSHIM_ROOT=$root "$@" "$root/hook" instance-00000001 prepare begin -
}

library() { # NAME: an empty one, under that name
	cp "$CHECKOUT/build/libvirt_driver_qemu.so" "$BATS_TEST_TMPDIR/$1"
	printf '%s' "$BATS_TEST_TMPDIR/$1"
}

# bound NAME LIBRARY COMMAND...: run by a process that is called NAME, has the library mapped and
# holds a socket bound to libvirt-sock
bound() {
	ln -sf "$(command -v perl)" "$BATS_TEST_TMPDIR/$1"
	rm -f "$BATS_TEST_TMPDIR/libvirt-sock"
	LD_PRELOAD=$2 "$BATS_TEST_TMPDIR/$1" -MIO::Socket::UNIX -e '
		delete $ENV{LD_PRELOAD};
		my $s = IO::Socket::UNIX->new(Local => shift, Listen => 1) or die;
		exit(system(@ARGV) >> 8);' "$BATS_TEST_TMPDIR/libvirt-sock" "${@:3}"
}

@test "a daemon that has libvirt's QEMU driver mapped is libvirt's, whatever its name" {
	local daemon
	for daemon in libvirtd virtqemud libvirtd.distrib lt-libvirtd .libvirtd-wrapp entrypoint.sh python \
		'a) b' nova-compute; do
		a_daemon "$daemon"
		counts_as libvirt by_libvirt prepare begin
	done
}

@test "so is one whose driver's file was replaced while it runs, and one of another directory" {
	a_daemon entrypoint.sh
	mkdir -p "$BATS_TEST_TMPDIR/odd place/connection driver"
	driver=$BATS_TEST_TMPDIR/libvirt_driver_qemu.so
	replaced() {
		CPUSHIM_ROOT=$root mapping "$driver" entrypoint.sh 'mv "$1.new" "$1"; shift; "$@"; exit $?' \
			"$driver" "$root/hook" instance-00000001 prepare begin -
	}
	cp "$driver" "$driver.new"
	counts_as libvirt replaced
	cp "$CHECKOUT/build/libvirt_driver_qemu.so" "$BATS_TEST_TMPDIR/odd place/connection driver/"
	elsewhere() {
		cd "$BATS_TEST_TMPDIR/odd place/connection driver" || return
		driver=./libvirt_driver_qemu.so by_libvirt prepare begin
	}
	counts_as libvirt elsewhere
}

@test "a driver that is built in: the daemon's name says it, or libvirt with the daemon's socket" {
	local daemon
	driver=$(library libvirt.so.0.1002.2)
	for daemon in libvirtd virtqemud lt-libvirtd lt-virtqemud libvirtd.distrib; do
		a_daemon "$daemon"
		counts_as libvirt by_libvirt prepare begin
	done
	counts_as libvirt prepare bound entrypoint.sh "$driver"
}

@test "libvirt's clients are no daemons, nor is who holds its socket for it" {
	local daemon
	driver=$(library libvirt.so.0)
	for daemon in nova-compute virt-manager python3 virsh my-libvirtd; do
		a_daemon "$daemon"
		counts_as person by_libvirt prepare begin
	done
	driver=$(library libvirt_driver_nodedev.so)
	counts_as person by_libvirt prepare begin
	counts_as person prepare bound systemd ''
	counts_as person prepare
}

@test "an ancestor that can't be read may be libvirt's" {
	command -v setpriv >/dev/null || skip 'setpriv is missing'
	# the parent keeps others from reading it: prctl(PR_SET_DUMPABLE, 0)
	unreadable() {
		CPUSHIM_ROOT=$root perl -e 'syscall 157, 4, 0; exit(system(@ARGV) >> 8)' \
			setpriv --bounding-set -sys_ptrace,-sys_admin,-cap_38 "$root/hook" instance-00000001 "${1-prepare}" begin -
	}
	counts_as libvirt unreadable
	# it stands for the daemon
	rm "$record"
	run -0 unreadable restore < <(domain)
	run -0 sed -n 's/^daemon=//p' "$record"
	[ "$output" -gt 1 ]
	# the others pass as ever
	run -0 --separate-stderr unreadable < <(domain 's/gate64/kvm64/')
	[ -z "$output$stderr" ]
}

@test "without /proc, and with the one of another namespace, nothing passes for a person's call" {
	no_proc() {
		CPUSHIM_ROOT=$root unshare --mount sh -c 'mount -t tmpfs none /proc && "$@"' - \
			"$root/hook" instance-00000001 prepare begin -
	}
	counts_as libvirt no_proc
	a_daemon entrypoint.sh
	outer_proc() {
		CPUSHIM_ROOT=$root mapping "$BATS_TEST_TMPDIR/libvirt_driver_qemu.so" entrypoint.sh \
			'unshare --pid --fork "$@"; exit $?' "$root/hook" instance-00000001 prepare begin -
	}
	counts_as libvirt outer_proc
}

@test "a domain without a site model: no ancestor is looked at" {
	command -v strace >/dev/null || skip 'strace is missing'
	domain 's/gate64/kvm64/' >"$BATS_TEST_TMPDIR/other.xml"
	prepare strace -f -o "$BATS_TEST_TMPDIR/trace" <"$BATS_TEST_TMPDIR/other.xml"
	run -1 grep '"/proc/[0-9]' "$BATS_TEST_TMPDIR/trace"
	prepare strace -f -o "$BATS_TEST_TMPDIR/trace" < <(domain) >/dev/null
	grep -q '"/proc/[0-9]*/maps"' "$BATS_TEST_TMPDIR/trace"
}

# ---- an ordinary user ----

as_user() {
	local dir
	for dir in "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"/.. "$BATS_TEST_TMPDIR"; do chmod a+x "$dir"; done
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

@test "session mode: a site model is refused in one true sentence" {
	local operation kind
	a_daemon libvirtd
	as_user_session() {
		as_user env CPUSHIM_ROOT="$root" LD_PRELOAD="$BATS_TEST_TMPDIR/libvirt_driver_qemu.so" \
			"$BATS_TEST_TMPDIR/libvirtd" -c 'unset LD_PRELOAD; "$@"; exit $?' - "$root/hook" instance-00000001 "$@" begin -
	}
	for kind in none roots full; do
		case $kind in
		roots) mkdir -m 700 "$root/run/cpushim" ;;
		full) : >"$record" ;;
		esac
		for operation in prepare migrate restore; do
			run -1 --separate-stderr as_user_session $operation < <(domain)
			[ "$stderr" = "gate64: not in session (cpushim: instance-00000001: model 'gate64': site models are for qemu:///system, and this libvirt is of uid 65534; define the domain there, or give it the <cpu> that \`cpushim expand --format xml gate64\` prints)" ]
		done
		for operation in prepare start started migrate restore; do
			run -0 --separate-stderr as_user_session $operation < <(domain 's/gate64/kvm64/')
			[ -z "$output$stderr" ]
		done
	done
	# what can't run here for other reasons, too
	row tcg_lacks=nx | table
	run -1 --separate-stderr as_user_session prepare < <(domain)
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr == *qemu:///system* ]]
}

@test "an ordinary user's call by hand is a person's, as ever" {
	by_user() { as_user env CPUSHIM_ROOT="$root" "$root/hook" instance-00000001 prepare begin -; }
	counts_as person by_user
}

@test "what the session's sentence says can be done" {
	[ -x "$CHECKOUT/build/root/usr/bin/cpushim" ] || skip 'make stage comes first'
	CPUSHIM_ROOT=$CHECKOUT/build/root run -0 "$CHECKOUT/build/root/usr/bin/cpushim" expand --format xml gate64
	[[ $output == *'<cpu '*kvm64* ]]
}
