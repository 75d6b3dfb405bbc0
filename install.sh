#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds cpushim and puts it on a node: a thin caller of `cpushim ready` and `cpushim remove`, which know
# what a node needs. On a bare Debian all that has to be there is a checkout.
set -eu
umask 022 # libvirt's user reads what is put
export LC_ALL=C
unset CPUSHIM_ROOT CDPATH # the caller's; the root is --destdir's

# shellcheck disable=SC2016 # a text
usage='Usage: install.sh [OPTION]...             build, and make this node right
       install.sh --uninstall [OPTION]... take everything away again
       install.sh demo                    show what it does, in a throwaway root
       install.sh check                   run the whole test suite, in throwaway roots

  --dry-run        tell what would be done, change nothing
  --restart        restart libvirt where that is needed
  --no-wrapper     install the hook and the CPU map alone; QEMU stays as it is, or becomes so
                   again
  --emulator PATH  the QEMU to put the wrapper before, instead of all that have one of
                   the usual names; may be repeated
  --destdir DIR    install into the root at DIR, which must be of the release of
                   this machine: programs of both run with the libraries of this one
  --allow-missing  QEMU and libvirt may be installed later
  --force          with --uninstall: whatever guests there are
  --purge          with --uninstall: the definitions in /etc/cpushim go, too
  --help           this text

The options are those of `cpushim ready` and `cpushim remove`. The Debian packages that the build,
demo and check need are installed if they are missing.'

caller=$(pwd)
cd -- "$(dirname -- "$0")"
checkout=$(pwd)

say() { printf '%s\n' "$*"; }

fail() {
	printf 'cpushim: %s\n' "$*" >&2
	exit 2
}

# A root that was just made may have no /proc.
need_proc() {
	# shellcheck disable=SC2016 # the inner shell's arguments
	[ -e /proc/self/stat ] || exec unshare -m --propagation unchanged \
		sh -c 'mount -t proc proc /proc && exec "$@"' sh "$checkout/install.sh" "$command"
}

need_packages() {
	missing=
	installed=$(dpkg-query -W -f ' ${Package}:${db:Status-Status} ' "$@" 2>/dev/null || :)
	for package; do
		case $installed in
		*" $package:installed "*) ;;
		*) missing="$missing $package" ;;
		esac
	done
	[ -n "$missing" ] || return 0
	say "installing$missing"
	# shellcheck disable=SC2086 # a list
	install_packages $missing >/dev/null || fail "apt-get: could not install$missing"
}

# In a separate shell: an exec doesn't lose its traps, and they don't replace another shell's.
install_packages() (
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		trap 'rm -f $policy' EXIT
		trap 'exit 2' HUP INT TERM
		# nothing that is installed here is to be started
		printf '#!/bin/sh\nexit 101\n' >$policy || exit
		chmod 755 $policy || exit
	fi
	apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@"
)

# What is missing of it is installed where there is apt; elsewhere make says what it lacks.
need_build() {
	! command -v apt-get >/dev/null ||
		need_packages gcc libc6-dev make pkgconf libxml2-dev libcpuid-dev libjansson-dev libmd-dev
	make -s -j"$(nproc)" all node || fail "make: could not build cpushim; CONTRIBUTING.md says what that needs"
}

need_node() {
	need_packages qemu-system-x86 libvirt-daemon-system libvirt-clients iproute2 procps \
		diffutils
}

need_root() {
	[ "$(id -u)" = 0 ] || fail "install.sh${1:+ $1}: run it as root"
}

# absolute DIR: seen from where the caller is
absolute() {
	[ -n "$1" ] || fail 'install.sh: --destdir takes a directory, and was given an empty word'
	(cd -- "$caller" && cd -- "$1" 2>/dev/null && pwd -P) || fail "$1: is no directory to install into"
}

command=ready
prepare=
destdir=
dry_run=
left=$#
while [ "$left" -gt 0 ]; do
	case $1 in
	--uninstall) command=remove ;;
	demo | check) command=$1 ;;
	--prepare) prepare=yes ;; # install what is needed and build, and stop there
	--help | -h)
		say "$usage"
		exit 0
		;;
	--destdir)
		[ "$left" -gt 1 ] || fail 'install.sh: --destdir takes a directory'
		destdir=$(absolute "$2")
		set -- "$@" --destdir "$destdir"
		shift
		left=$((left - 1))
		;;
	*)
		[ "$1" != --dry-run ] || dry_run=yes
		set -- "$@" "$1"
		;;
	esac
	shift
	left=$((left - 1))
done

case $command in
ready)
	[ -n "$dry_run" ] || need_root
	need_build
	[ -z "$prepare" ] || exit 0
	exec build/cpushim ready --source "$checkout/build/node" "$@"
	;;
remove)
	[ -n "$dry_run" ] || need_root
	program=$checkout/build/cpushim
	[ -x "$program" ] || program=$destdir/usr/bin/cpushim
	if [ ! -x "$program" ]; then
		say "cpushim isn't installed here"
		exit 0
	fi
	exec "$program" remove "$@"
	;;
demo)
	need_root demo
	need_proc
	need_node
	need_build
	make -s stage
	exec tests/demo
	;;
check)
	need_root check
	need_proc
	need_node
	need_build
	need_packages bats strace libxml2-utils scdoc man-db groff-base mandoc bash-completion python3 \
		dpkg-dev debhelper lintian apparmor chromium sudo
	[ -z "$prepare" ] || exit 0
	make -s -j"$(nproc)" stage unit
	exec make -s check
	;;
esac
