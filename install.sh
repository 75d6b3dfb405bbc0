#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Puts cpushim on a node, and takes it off again. What each step needs is looked up when it runs, and a
# step that finds its work done does nothing: a run that was killed is finished by the next one.
set -eu
umask 022 # libvirt's user reads what is put
export LC_ALL=C
unset CPUSHIM_ROOT # the caller's; the root is --destdir's

usage='Usage: install.sh [OPTION]...            install on this node
       install.sh --uninstall [OPTION]... take everything away again
       install.sh demo                    show what it does, in a throwaway root
       install.sh check                   run the whole test suite, in throwaway roots

  --dry-run        print the steps, change nothing
  --restart        restart libvirt at the end
  --no-wrapper     install the hook and the CPU map alone; QEMU stays as it is, or becomes so
                   again
  --emulator PATH  the QEMU to put the wrapper before, instead of all that have one of
                   the usual names; may be repeated
  --destdir DIR    install into the root at DIR, which must be of this machine'\''s release:
                   programs of both run with the libraries of this one
  --help           this text

demo and check install the Debian packages that they need, and change nothing else.'

caller=$(pwd)
cd "$(dirname "$0")"
checkout=$(pwd)

# where distributions have QEMU for x86; cpushim compile looks there, too
usual_emulators='/usr/bin/qemu-system-x86_64 /usr/bin/qemu-system-i386 /usr/bin/qemu-kvm /usr/bin/kvm
/usr/bin/kvm-spice /usr/libexec/qemu-kvm'
libdir=/usr/lib/cpushim
manifest=$libdir/manifest
table=$libdir/models.table
published=/etc/cpushim/published
mark=$libdir/no-wrapper
map=/usr/share/libvirt/cpu_map
include=$map/x86_cpushim.xml
index=$map/index.xml
single=$map.xml # all of the map, before libvirt 4.7
hooks=/etc/libvirt/hooks
include_line="    <include filename='x86_cpushim.xml'/>"
overrides='/etc/apparmor.d/local/abstractions/libvirt-qemu
/etc/apparmor.d/abstractions/libvirt-qemu.d/cpushim'

chosen_emulators=
root=
guests= # that would suffer from what is done, with their models
dry_run=
restart=
no_wrapper=
stop_after=
prepare=

say() { printf '%s\n' "$*"; }

fail() {
	printf 'cpushim: %s\n' "$*" >&2
	step=
	exit 2
}

warn() { printf 'cpushim: %s\n' "$*" >&2; }

#
# Files. Everything that libvirt or QEMU reads is replaced by the rename of a complete, synced file.
#

digest_of() { sha256sum <"$1" | cut -d' ' -f1; }

# put SOURCE PATH MODE
put() {
	if cmp -s "$1" "$root$2" && [ "$(stat -c %a "$root$2")" = "$3" ]; then
		return 0
	fi
	make_dir "${2%/*}"
	new=$root$2.cpushim-new
	rm -f "$new"
	if ! { cp "$1" "$new" && chmod "$3" "$new" && label "$new" "$2" && sync "$new" &&
		mv -f "$new" "$root$2"; }; then
		rm -f "$new"
		return 1
	fi
}

# label FILE PATH: as SELinux's policy wants it at PATH, before libvirt sees it there
label() {
	{ [ -z "$root" ] && selinuxenabled && context=$(matchpathcon -n "$2"); } 2>/dev/null || return 0
	chcon "$context" "$1"
}

# edit PATH COMMAND...: make it what the filter makes of it, with the owner and mode that it has
edit() {
	edited=$root$1
	shift
	new=$edited.cpushim-new
	[ -e "$edited" ] || : >"$edited"
	rm -f "$new"
	if ! { cp -p "$edited" "$new" && "$@" <"$edited" >"$new" && sync "$new" &&
		mv -f "$new" "$edited"; }; then
		rm -f "$new"
		return 1
	fi
}

append() {
	cat
	say "$1"
}

prepend() {
	say "$1"
	cat
}

# What we put, with its digest, so that uninstalling knows what others changed since.
files() {
	printf '%s %s %s\n' "$checkout/build/cpushim" /usr/bin/cpushim 755 \
		"$checkout/build/hook" $libdir/hook 755 \
		"$checkout/build/guest" $libdir/guest 644
	[ -n "$no_wrapper" ] || printf '%s %s %s\n' "$checkout/build/qmp-proxy" $libdir/qmp-proxy 755 \
		"$checkout/build/qemu-wrapper" $libdir/qemu-wrapper 755
	for model in "$checkout"/cpumap/models/*.xml; do
		printf '%s %s %s\n' "$model" "/usr/share/cpushim/models.d/${model##*/}" 644
	done
}

noted() { grep -qxF "$1" "$root$manifest" 2>/dev/null; }

# Everything is noted before it is done: a run that is killed in between can be taken back.
note() {
	noted "$1" || edit $manifest append "$1"
}

unnote() {
	! noted "$1" || edit $manifest grep -vxF "$1"
}

# note_file SOURCE PATH: beside what an older installation noted, which may still be in the place
note_file() {
	note "file $(digest_of "$1") $2"
}

# is_wrapper PATH: of whatever version, by its ELF note (wrapper/note.c), which is near the file's
# beginning: one that was cut off or damaged behind it is still ours
wrapper_note=0800000000000000010000006370757368696d00
is_wrapper() {
	[ -f "$root$1" ] && od -A n -v -t x1 -N 4096 "$root$1" | tr -d ' \n' | grep -q $wrapper_note
}

# is_free PATH: there is nothing, or nothing but what is left of the wrapper
is_free() { [ ! -s "$root$1" ] || is_wrapper "$1"; }

is_our_hook() { grep -qa 'cpushim-names:' "$root$1" 2>/dev/null; }

# make_dir PATH: noted if it wasn't there
make_dir() {
	if [ -n "$1" ] && [ ! -d "$root$1" ]; then
		make_dir "${1%/*}"
		note "dir - $1"
		mkdir "$root$1"
	fi
}

real_of() { printf '%s.distrib' "$1"; }

apparmor_line() { printf '  %s rmix, # cpushim' "$(real_of "$1")"; }

# noted_emulators: those that the manifest says were wrapped
noted_emulators() {
	sed -n 's/^real - \(.*\)\.distrib$/\1/p' "$root$manifest" 2>/dev/null
}

# emulators: which get a wrapper: those asked for, or those of the usual names that are files of their
# own (a link to one that is wrapped needs nothing); and those that have one already
emulators() {
	if [ -n "$no_wrapper" ]; then
		say "${chosen_emulators:-/usr/bin/qemu-system-x86_64}"
		return
	fi
	for path in ${chosen_emulators:-$usual_emulators}; do
		if { [ -f "$root$path" ] && [ ! -L "$root$path" ] && [ -x "$root$path" ]; } ||
			[ -n "$chosen_emulators" ]; then
			say "$path"
		fi
	done
	noted_emulators
}

each_emulator() { emulators | sort -u; }

#
# The steps of installing, in their order.
#

install_steps='check_node|look whether this is a node with libvirt and QEMU
put_files|put the command, the proxy, the guest and the shipped models in their places
allow_in_apparmor|let guests read and run the real QEMU by AppArmor
write_table|write the table of models
swap_emulators|put the wrapper where QEMU is, and QEMU beside it
place_include|give libvirt the models, after it has tried them
name_include|name them in the index of its CPU map
place_hook|put the hook in its place
restart_libvirt|have libvirt restarted'

# Without the wrapper: the hook lets run what libvirt itself makes of a model and is exact.
native_steps='check_node|look whether this is a node with libvirt and QEMU
put_files|put the command, the guest and the shipped models in their places
mark_native|tell the hook that there is no wrapper
remove_wrapper|take away the wrapper of an earlier installation, and its rule in AppArmor
write_table|write the table of models
place_include|give libvirt the models, after it has tried them
name_include|name them in the index of its CPU map
place_hook|put the hook in its place
restart_libvirt|have libvirt restarted'

check_node() {
	[ -n "$chosen_emulators$no_wrapper" ] || check_usual
	for emulator in $(each_emulator); do
		check_emulator "$emulator"
	done
	[ -e "$root$index" ] || [ -e "$root$single" ] ||
		fail "$root$index: there is no libvirt; install libvirt-daemon-system"
	[ -n "$root" ] || command -v virsh >/dev/null ||
		fail 'virsh: is needed to try the map before libvirt reads it; install libvirt-clients'
	replaced="$index $include $single"
	[ -n "$no_wrapper" ] || replaced="$overrides $replaced"
	for path in $replaced; do
		[ ! -L "$root$path" ] ||
			fail "$root$path: is a symbolic link, which cpushim doesn't replace; put the file itself there"
	done
	if [ -e "$root$hooks/qemu" ] && ! is_our_hook $hooks/qemu; then
		hooks_d_supported || fail "$root$hooks/qemu: belongs to this site, and this libvirt (before 6.5) runs no other beside it; move it away, or upgrade libvirt to 6.5 or later"
	fi
	for part in build/cpushim build/qmp-proxy build/qemu-wrapper build/guest build/hook; do
		[ -e "$part" ] || fail "$part: isn't built; run make (CONTRIBUTING.md says what that needs)"
	done
}

# The one that libvirt takes by itself has to be among them: qemu-system-i386 alone is no node.
check_usual() {
	usual=/usr/bin/qemu-system-x86_64
	target=$(readlink "$root$usual") || target=
	case $target in
	'') ;;
	/*) emulators | grep -qxF "$target" || target=elsewhere ;;
	*) emulators | grep -qxF "${usual%/*}/$target" || target=elsewhere ;;
	esac
	[ "$target" != elsewhere ] ||
		fail "$root$usual: is a symbolic link, which cpushim doesn't replace; name with --emulator the file that libvirt is to run"
	emulators | grep -qvxF /usr/bin/qemu-system-i386 ||
		fail "$root$usual: there is no QEMU; install qemu-system-x86"
}

# check_emulator PATH
check_emulator() {
	real=$(real_of "$1")
	[ -x "$root$1" ] || [ -x "$root$real" ] ||
		fail "$root$1: there is no QEMU; install qemu-system-x86, or name with --emulator what there is"
	[ -z "$no_wrapper" ] || return 0
	[ ! -L "$root$1" ] ||
		fail "$root$1: is a symbolic link, which cpushim doesn't replace; name the file that it leads to"
	case $1 in
	/usr/*/*/*) false ;;
	/usr/*/*) ;;
	*) false ;;
	esac || fail "$root$1: only a QEMU in a directory like /usr/bin can have the wrapper before it, which finds the table from its own place"
	[ -e "$root$real" ] && ! is_wrapper "$1" || return 0
	noted "real - $real" ||
		fail "$root$real: is there already and isn't cpushim's; who put it there stands where the wrapper would"
	# Where no package is diverted it may be a newer QEMU: nobody's file is replaced on a guess.
	is_free "$1" || cmp -s "$root$1" "$root$real" ||
		fail "$root$1: isn't the wrapper any more, and $root$real, the QEMU behind it, is another file; both stay as they are. If the first is a newer QEMU: mv -f $root$1 $root$real; if it isn't needed: rm $root$1. Then run this again"
}

# hooks/qemu.d: since libvirt 6.5
hooks_d_supported() {
	version=$(in_root virsh --version 2>/dev/null) || return 1
	major=${version%%.*}
	minor=${version#*.}
	minor=${minor%%.*}
	[ "$major" -gt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -ge 5 ]; }
}

in_root() {
	if [ -n "$root" ]; then chroot "$root" "$@"; else "$@"; fi
}

put_files() {
	mkdir -p "$root$libdir"
	[ -e "$root$manifest" ] || : >"$root$manifest"
	make_dir /usr/share/cpushim/models.d
	make_dir /etc/cpushim/models.d
	while read -r source path mode; do
		note_file "$source" "$path"
		put "$source" "$path" "$mode"
	done <<-FILES
		$(files)
	FILES
}

# Which local override this libvirt's profile includes: Debian since 6.9; upstream since 9.6.
apparmor_override() {
	profile=$root/etc/apparmor.d/abstractions/libvirt-qemu
	[ -e "$profile" ] || return 0
	if grep -q 'local/abstractions/libvirt-qemu' "$profile"; then
		say /etc/apparmor.d/local/abstractions/libvirt-qemu
	elif grep -q 'abstractions/libvirt-qemu\.d' "$profile"; then
		say /etc/apparmor.d/abstractions/libvirt-qemu.d/cpushim
	else
		each_emulator | while read -r emulator; do
			warn "$profile: includes no local override; add to it: $(apparmor_line "$emulator")"
		done
	fi
}

allow_in_apparmor() {
	path=$(apparmor_override)
	[ -n "$path" ] || return 0
	for emulator in $(each_emulator); do
		line=$(apparmor_line "$emulator")
		! grep -qxF "$line" "$root$path" 2>/dev/null || continue
		make_dir "${path%/*}"
		[ -e "$root$path" ] || note "made - $path"
		# in front: the last line of the site's may lack its end
		edit "$path" prepend "$line"
	done
}

cpushim() {
	if [ -n "$root" ]; then
		CPUSHIM_ROOT=$root "$root/usr/bin/cpushim" "$@"
	else
		/usr/bin/cpushim "$@"
	fi
}

# A definition that is refused doesn't keep the others out.
write_table() {
	status=0
	for emulator in $(each_emulator); do
		# not one whose QEMU's package is gone
		if ! is_wrapper "$emulator" || [ -x "$root$(real_of "$emulator")" ]; then
			set -- "$@" --emulator "$emulator"
		fi
	done
	cpushim compile "$@" --include "$root$libdir/.include" || status=$?
	[ "$status" -le 1 ] ||
		fail "the table could not be written; QEMU, libvirt's map and its hook stay as they are now"
}

divert() {
	dpkg-divert --admindir "$root/var/lib/dpkg" --local --no-rename "$@" >/dev/null
}

has_dpkg() {
	[ -d "$root/var/lib/dpkg/info" ] && command -v dpkg-divert >/dev/null
}

# is_packaged PATH
is_packaged() {
	has_dpkg && dpkg-query --admindir "$root/var/lib/dpkg" -S "$1" >/dev/null 2>&1
}

# diversion PATH
diversion() {
	! has_dpkg || dpkg-divert --admindir "$root/var/lib/dpkg" --list "$1"
}

swap_emulators() {
	for emulator in $(each_emulator); do
		swap_emulator "$emulator"
	done
}

# There is an executable emulator at every moment: the real one gets a second name first. What has that
# name is never replaced: it is the only copy, and check_emulator knows that nothing else is lost.
swap_emulator() {
	real=$(real_of "$1")
	note "real - $real"
	if [ ! -e "$root$real" ] && ! is_free "$1"; then
		ln "$root$1" "$root$real"
	fi
	# with a diversion of the site's to elsewhere no package's file comes here
	if is_packaged "$1" && [ -z "$(diversion "$1")" ]; then
		divert --divert "$real" --add "$1"
	fi
	put "$checkout/build/qemu-wrapper" "$1" 755
	rm -f "$root$mark"
}

mark_native() {
	say 'install.sh --no-wrapper: the hook judges what libvirt makes of a model.' >"$root$libdir/.mark"
	note_file "$root$libdir/.mark" $mark
	put "$root$libdir/.mark" $mark 644
	rm -f "$root$libdir/.mark"
}

remove_wrapper() {
	swap_all_back
	for emulator in $(noted_emulators); do
		real=$(real_of "$emulator")
		[ -e "$root$real" ] || unnote "real - $real"
	done
	disallow_in_apparmor
	remove_put "$libdir/q*"
}

# libvirt loads the map that is going to be in its own process, where nobody else sees it.
try_map() {
	[ -z "$root" ] || return 0
	staged=$(mktemp -d)
	if is_single; then
		from=$libdir/.include
		to=$single
	else
		from=$staged
		to=$map
		cp -r "$map/." "$staged"
		cp "$libdir/.include" "$staged/x86_cpushim.xml"
		index_with_include <"$index" >"$staged/index.xml"
	fi
	# Where / isn't a mount point (a chroot) the mount can't be made private.
	# shellcheck disable=SC2016 # the inner shell's arguments
	if ! words=$(unshare -m --propagation unchanged sh -c 'mount --make-rprivate / 2>/dev/null
		mount --bind "$1" "$2" || exit
		virsh -q -c test:///default cpu-models x86_64 >/dev/null
		status=$?
		umount "$2"
		exit $status' sh "$from" "$to" 2>&1); then
		rm -rf "$staged"
		fail "$to: libvirt doesn't take it with the models, so its map stays as it is: $words"
	fi
	rm -rf "$staged"
}

# Models come after the features that they name.
index_with_include() {
	sed "/x86_cpushim\.xml/d; /x86_features\.xml/a\\
$include_line"
}

place_include() {
	[ -e "$root$libdir/.include" ] || write_table
	if is_single; then
		cmp -s "$root$libdir/.include" "$root$single" || {
			try_map
			edit $single cat "$root$libdir/.include"
		}
	elif ! names_include || ! cmp -s "$root$libdir/.include" "$root$include"; then
		try_map
		put "$root$libdir/.include" $include 644
	fi
	rm -f "$root$libdir/.include"
}

# is_single: libvirt before 4.7, whose one file compile has made anew, with our models as a block
is_single() { [ ! -e "$root$index" ]; }

names_include() { grep -q 'x86_cpushim\.xml' "$root$index" 2>/dev/null; }

name_include() {
	! is_single || return 0
	! names_include || return 0
	grep -q 'x86_features\.xml' "$root$index" ||
		fail "$root$index: names no x86_features.xml, so the models have no place in it"
	edit $index index_with_include
}

# A real file there: AppArmor denies libvirtd a link to elsewhere.
place_hook() {
	path=$hooks/qemu
	if [ -e "$root$path" ] && ! is_our_hook $path; then
		path=$hooks/qemu.d/cpushim
		say "the site's own $hooks/qemu stays; ours is $path"
	fi
	note_file "$checkout/build/hook" "$path"
	put "$checkout/build/hook" "$path" 755
}

restart_libvirt() {
	if [ -n "$guests" ] && [ -n "$restart" ]; then
		warn 'libvirt is not restarted, as that might end the guests named above; do it when they are gone'
	elif [ -z "$restart" ]; then
		say 'libvirt must be restarted to take note of it: systemctl restart libvirtd (or virtqemud)'
	elif [ -d /run/systemd/system ] && [ -z "$root" ]; then
		for service in libvirtd virtqemud; do
			! systemctl --quiet is-active $service || systemctl restart $service
		done
	else
		warn 'there is no systemd here to restart libvirt; do it by hand'
	fi
}

#
# Taking it away: the opposite order, so that nothing is named that isn't there.
#

block_begin='<!-- Written by cpushim compile'
block_end='<!-- cpushim: end -->'

uninstall_steps='check_installed|look what is installed
name_guests|name the running guests that have a site model
unname_include|take the models out of the index of libvirt'\''s CPU map
remove_include|remove the include
remove_hook|remove the hook
swap_all_back|put QEMU back where the wrapper is
disallow_in_apparmor|take the rule out of AppArmor'\''s override
remove_files|remove everything else that was put
restart_libvirt|have libvirt restarted'

check_installed() {
	[ ! -e "$root$manifest" ] || return 0
	for emulator in $usual_emulators; do
		! is_wrapper "$emulator" ||
			fail "$root$manifest: is lost, which tells what belongs to cpushim; install again, then uninstall"
	done
	say "cpushim isn't installed here"
}

# The running guests that have a site model: NAME MODEL, one a line
site_guests() {
	[ -e "$root$table" ] || return 0
	sed -n 's/^crc=[0-9a-f]*	model=\([^	]*\).*/\1/p' "$root$table" | sort -u | while read -r model; do
		for state in "$root"/run/libvirt/qemu/*.xml; do
			! grep -qF ">$model</model>" "$state" 2>/dev/null || {
				guest=${state##*/}
				say "${guest%.xml} $model"
			}
		done
	done
}

name_guests() {
	guests=$(site_guests)
	[ -n "$guests" ] || return 0
	say "$guests" | while read -r guest model; do
		say "guest $guest runs with $model; it can't be started or migrated here again"
	done
	say 'newer libvirts (11.3 does, 9.0 not) end such a guest when they restart: migrate it away or stop it before'
}

unname_include() {
	if grep -q "$block_begin" "$root$single" 2>/dev/null; then
		edit $single sed "/$block_begin/,/$block_end/d"
	fi
	names_include || return 0
	edit $index sed '/x86_cpushim\.xml/d'
}

remove_include() {
	if [ -e "$root$include" ] && ! grep -q 'cpushim-names:' "$root$include"; then
		warn "$root$include: isn't what cpushim wrote; left alone"
	else
		rm -f "$root$include"
	fi
}

# remove_put PATTERN: what was put there, in whatever version, unless somebody changed it since
remove_put() {
	[ -e "$root$manifest" ] || return 0
	sed -n 's/^file [^ ]* //p' "$root$manifest" | sort -u | while read -r path; do
		# shellcheck disable=SC2254 # a pattern
		case $path in
		$1) ;;
		*) continue ;;
		esac
		rm -f "$root$path.cpushim-new"
		[ -e "$root$path" ] || continue
		if noted "file $(digest_of "$root$path") $path"; then
			rm -f "$root$path"
		else
			warn "$root$path: was changed since it was installed; left alone"
		fi
	done
}

remove_hook() {
	remove_put "$hooks/*"
	[ -n "$root" ] || [ ! -e "$manifest" ] || hooks_d_supported || forget_hook
}

# libvirt before 6.5 remembers that there is a hook, and starts no guest when it is gone (virHookCall,
# src/util/virhook.c). On SIGHUP it looks again.
forget_hook() {
	for daemon in libvirtd virtqemud; do
		pid=$(cat /run/$daemon.pid 2>/dev/null) || continue
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = $daemon ] || continue
		kill -HUP "$pid" || warn "$daemon: could not be told that the hook is gone; no guest starts until it is restarted"
	done
}

same_file() { [ "$(stat -c %d:%i "$1" 2>/dev/null)" = "$(stat -c %d:%i "$2" 2>/dev/null)" ]; }

swap_all_back() {
	for emulator in $(noted_emulators | sort -u); do
		swap_back "$emulator"
	done
}

# swap_back PATH
swap_back() {
	real=$(real_of "$1")
	if is_free "$1"; then
		if [ -e "$root$real" ]; then
			mv -f "$root$real" "$root$1"
		else
			warn "$root$1: its QEMU is gone; the wrapper is removed"
			rm -f "$root$1"
		fi
	elif same_file "$root$1" "$root$real"; then
		rm -f "$root$real" # an installation ended before the swap
	elif [ -e "$root$real" ]; then
		warn "$root$1: isn't the wrapper any more; left alone, with $root$real and the diversion. To have that QEMU again: mv -f $root$real $root$1; dpkg-divert --local --no-rename --remove $1"
		return 0
	fi
	if [ "$(diversion "$1")" = "local diversion of $1 to $real" ]; then
		divert --remove "$1"
	fi
}

our_apparmor_lines='^  [^ ]*\.distrib rmix, # cpushim$'

disallow_in_apparmor() {
	for path in $overrides; do
		if grep -q "$our_apparmor_lines" "$root$path" 2>/dev/null; then
			edit "$path" sed "/$our_apparmor_lines/d"
		fi
		if noted "made - $path" && [ ! -s "$root$path" ]; then
			rm -f "$root$path"
			remove_made_dir "${path%/*}"
		fi
	done
}

# remove_made_dir PATH: if we made it, and nobody else has put something there
remove_made_dir() {
	if noted "dir - $1" && rmdir "$root$1" 2>/dev/null; then
		unnote "dir - $1"
	fi
}

# What the names mean is forgotten when nothing is left that could give them another meaning.
remove_published() {
	rm -f "$root$published".??????
	if [ -n "$names" ] && [ -e "$root$published" ]; then
		say "$root$published: what the names mean to guests; left with the definitions"
	else
		rm -f "$root$published"
	fi
}

remove_files() {
	remove_put '/usr/*'
	rm -f "$root$table"
	rm -rf "$root/run/cpushim"
	# what runs that were killed have left, the command's included
	for path in $usual_emulators $(noted_emulators) $include $index $single $manifest $overrides; do
		rm -f "$root$path.cpushim-new"
	done
	rm -f "$root$table".?????? "$root$libdir"/.mark "$root$libdir"/.include* "$root$include".?????? \
		"$root$map"/.cpushim.trial* "$root${map%/*}"/.cpushim.*
	names=
	for file in "$root"/etc/cpushim/models.d/*; do
		[ -e "$file" ] || continue
		say "$file: the site's own; left alone"
		names=stay
	done
	remove_published
	grep '^dir ' "$root$manifest" 2>/dev/null | sort -r | while read -r _ _ path; do
		rmdir "$root$path" 2>/dev/null || :
	done
	rm -f "$root$manifest"
	rmdir "$root$libdir" 2>/dev/null || [ ! -d "$root$libdir" ] || warn "$root$libdir: isn't empty; left alone"
}

# Alone on this node: a second run waits, and then finds the work done.
be_alone() {
	[ "$(id -u)" = 0 ] || fail 'install.sh: run it as root'
	exec 9<"$root/usr/lib"
	flock -n 9 || {
		say "waiting for another install.sh on this node"
		flock 9
	}
}

# The last word on a step that failed; who failed in it has told why.
tell_failure() {
	status=$?
	[ "$status" != 0 ] && [ -n "$step" ] || exit "$status"
	fail "install.sh: step $number ($what) could not be done; put right what is told above and run it again"
}

# run_steps LIST: each, or only their names
run_steps() {
	number=0
	step=
	[ -n "$dry_run" ] || be_alone
	trap tell_failure EXIT
	while IFS='|' read -r step what <&3; do
		number=$((number + 1))
		if [ -n "$dry_run" ]; then
			say "$number. $what"
			continue
		fi
		$step
		[ "$number" != "$stop_after" ] || fail "stopped after step $number, as asked"
	done 3<<-STEPS
		$1
	STEPS
	step=
}

#
# The demo and the tests: on a bare Debian all that is needed is a checkout.
#

# A root that was just made may have no /proc.
need_proc() {
	# shellcheck disable=SC2016 # the inner shell's arguments
	[ -e /proc/self/stat ] || exec unshare -m --propagation unchanged \
		sh -c 'mount -t proc proc /proc && exec "$@"' sh "$checkout/install.sh" "$command"
}

need_packages() {
	missing=
	for package; do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
			missing="$missing $package"
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

need_build() {
	need_packages gcc libc6-dev make pkgconf libxml2-dev libjansson-dev libmd-dev
	make -s
}

need_node() {
	need_packages qemu-system-x86 libvirt-daemon-system libvirt-clients iproute2 procps \
		diffutils
}

command=install
while [ $# -gt 0 ]; do
	case $1 in
	--uninstall) command=uninstall ;;
	--dry-run) dry_run=yes ;;
	--restart) restart=yes ;;
	--no-wrapper) no_wrapper=yes ;;
	--destdir)
		[ $# -gt 1 ] || fail 'install.sh: --destdir takes a directory'
		[ -n "$2" ] || fail 'install.sh: --destdir takes a directory, and was given an empty word'
		root=$(cd "$caller" && cd -- "$2" 2>/dev/null && pwd -P) ||
			fail "$2: is no directory to install into"
		root=${root%/}
		shift
		;;
	--emulator)
		[ $# -gt 1 ] || fail 'install.sh: --emulator takes a path'
		case $2 in
		*[[:space:]\*\?\[]*) fail "install.sh: --emulator: '$2' has characters that no emulator's name has" ;;
		/*) chosen_emulators="$chosen_emulators $2" ;;
		*) fail "install.sh: --emulator takes an absolute path, not '$2'" ;;
		esac
		shift
		;;
	--prepare) prepare=yes ;; # check: install and build, and stop there
	--stop-after) # for the tests: as if killed there
		stop_after=$2
		shift
		;;
	--help | -h)
		say "$usage"
		exit 0
		;;
	demo | check) command=$1 ;;
	*) fail "install.sh: unknown argument '$1' (install.sh --help)" ;;
	esac
	shift
done

case $command$no_wrapper in
install) run_steps "$install_steps" ;;
installyes) run_steps "$native_steps" ;;
uninstall) run_steps "$uninstall_steps" ;;
demo)
	[ "$(id -u)" = 0 ] || fail 'install.sh demo: run it as root'
	need_proc
	need_node
	need_build
	make -s stage
	exec tests/demo
	;;
check)
	[ "$(id -u)" = 0 ] || fail 'install.sh check: run it as root'
	need_proc
	need_node
	need_build
	need_packages bats strace libxml2-utils scdoc man-db groff-base mandoc bash-completion
	[ -z "$prepare" ] || exit 0
	make -s stage
	exec make -s check
	;;
*) fail 'install.sh: --no-wrapper goes with installing alone' ;;
esac
