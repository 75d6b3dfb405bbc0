#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The Debian package: what is in it, and what its scripts do with the command's answers.
# tests/releases/deb.bats builds it twice, and installs it on nodes.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load lib/some.bash

setup_file() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	export CHECKOUT deb=$BATS_FILE_TMPDIR/deb
	builds || return 0
	DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" "$CHECKOUT/packaging/deb" "$deb" >"$BATS_FILE_TMPDIR/log" 2>&1 ||
		{ tail -n 30 "$BATS_FILE_TMPDIR/log" && false; }
}

builds() {
	command -v dh_auto_build scdoc | grep -c . | grep -qx 2
}

setup() {
	builds || skip 'needs debhelper and scdoc'
	package=$(echo "$deb"/cpushim_*.deb)
}

teardown() {
	[ ! -e "${ROOTS-}/node/pid" ] || root_drop node
}

@test "lintian finds nothing that isn't explained" {
	rare
	command -v lintian >/dev/null || skip 'needs lintian'
	run -0 lintian --allow-root --no-cfg --fail-on error,warning "$deb"/cpushim_*.changes
	[ -z "$output" ]
	# an override below another one has its reason
	run awk '/^#/ { why = 1 } /^cpushim:/ && !why { print } /^$/ { why = 0 }' "$CHECKOUT/debian/cpushim.lintian-overrides"
	[ -z "$output" ]
	[ "$(head -c 1 "$CHECKOUT/debian/cpushim.lintian-overrides")" = '#' ]
}

@test "it has the files of make install, its own documentation and its default, and no others" {
	local root=$BATS_TEST_TMPDIR/root
	make -s -C "$CHECKOUT" install DESTDIR="$root"
	(cd "$root" && find . ! -type d -printf '%m %p\n' | sed '/\/man\/man/ s/$/.gz/'
		printf '644 ./etc/default/cpushim\n') | sort >"$BATS_TEST_TMPDIR/expected"
	mkdir "$BATS_TEST_TMPDIR/got"
	dpkg-deb -x "$package" "$BATS_TEST_TMPDIR/got"
	(cd "$BATS_TEST_TMPDIR/got" && find . ! -type d ! -path './usr/share/doc/*' ! -path './usr/share/lintian/*' \
		-printf '%m %p\n') | sort >"$BATS_TEST_TMPDIR/found"
	diff "$BATS_TEST_TMPDIR/expected" "$BATS_TEST_TMPDIR/found"
	[ -d "$BATS_TEST_TMPDIR/got/etc/cpushim/models.d" ]
	[ -e "$BATS_TEST_TMPDIR/got/usr/share/doc/cpushim/docs/operating.md" ]
	[ "$(dpkg-deb -I "$package" conffiles)" = /etc/default/cpushim ]
	[ -z "$(dpkg-deb -c "$package" | awk '$2 != "root/root"')" ]
}

@test "make uninstall takes what make install put" {
	local root=$BATS_TEST_TMPDIR/root
	make -s -C "$CHECKOUT" install DESTDIR="$root"
	[ -n "$(find "$root" -type f)" ]
	make -s -C "$CHECKOUT" uninstall DESTDIR="$root"
	run find "$root" ! -type d
	[ -z "$output" ]
	[ ! -e "$root/usr/share/cpushim" ]
}

# usual_emulators: where the command looks for one
usual_emulators() {
	sed -n 's/#define EMULATOR_DEFAULT "\(.*\)"/\1/p' "$CHECKOUT/cpumap/core/paths.h"
	sed -n '/usual.*= {$/,/};/p' "$CHECKOUT/cpumap/core/emulator.c" | grep -o '"/usr/[^"]*"' | tr -d '"'
}

@test "a trigger for libvirt's index, and for each emulator that the command knows, plain and diverted" {
	local path seen=0
	dpkg-deb -I "$package" triggers | grep -v '^#' >"$BATS_TEST_TMPDIR/triggers"
	grep -qx 'interest-await /usr/share/libvirt/cpu_map/index.xml' "$BATS_TEST_TMPDIR/triggers"
	while read -r path; do
		grep -qx "interest-await $path" "$BATS_TEST_TMPDIR/triggers"
		grep -qx "interest-await $path.distrib" "$BATS_TEST_TMPDIR/triggers"
		seen=$((seen + 1))
	done < <(usual_emulators)
	[ "$seen" -ge 5 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/triggers")" = $((2 * seen + 1)) ]
}

@test "its version is the release, and its changelog's newest" {
	[ "$(dpkg-deb -f "$package" Version)" = "$(cat "$CHECKOUT/VERSION")" ]
	[ "$(cd "$CHECKOUT" && dpkg-parsechangelog -S Version)" = "$(cat "$CHECKOUT/VERSION")" ]
}

# a node on which the command notes how it was called, and answers $1
scripts_node() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	export ROOTS=$BATS_TEST_TMPDIR/roots
	load lib/root.bash
	root_new node
	root=$(root_path node)
	mkdir -p "$root/usr/local/bin" "$root/root/DEBIAN"
	dpkg-deb -e "$package" "$root/root/DEBIAN"
	rm -rf "$root/etc/cpushim" "$root/etc/default/cpushim"
}

# script STATUS NAME ARGUMENT...: the maintainer script where the command answers so; its calls are $calls
script() {
	# shellcheck disable=SC2016 # the other shell's
	printf '#!/bin/sh\necho "$*${CPUSHIM_ROOT+ with a root}" >>/root/calls\nexit %s\n' "$1" >"$root/usr/local/bin/cpushim"
	chmod 755 "$root/usr/local/bin/cpushim"
	rm -f "$root/root/calls"
	run on node env CPUSHIM_ROOT=/nowhere "/root/DEBIAN/$2" "${@:3}"
	calls=$(cat "$root/root/calls" 2>/dev/null) || :
}

@test "postinst: the node is made right; what isn't fails the first installation alone" {
	scripts_node
	script 0 postinst configure ''
	[ "$status" = 0 ]
	[ "$calls" = 'ready --allow-missing' ]
	script 1 postinst configure ''
	[ "$status" = 0 ]
	script 2 postinst configure ''
	[ "$status" = 1 ]
	script 2 postinst configure 0.8
	[ "$status" = 0 ]
	script 2 postinst triggered /usr/share/libvirt/cpu_map/index.xml
	[ "$status" = 0 ]
	[ "$calls" = 'ready --allow-missing' ]
	script 127 postinst triggered /usr/bin/qemu-system-x86_64
	[ "$status" = 0 ]
}

@test "prerm: a removal that the command refuses stops; an upgrade doesn't ask it" {
	scripts_node
	script 0 prerm remove
	[ "$status" = 0 ]
	[ "$calls" = remove ]
	script 1 prerm remove
	[ "$status" != 0 ]
	script 2 prerm remove
	[ "$status" != 0 ]
	script 1 prerm upgrade 1.1
	[ "$status" = 0 ]
	[ -z "$calls" ]
	# so that a removal which waits for libvirt's restart isn't taken back
	script 0 postinst abort-remove
	[ "$status" = 0 ]
	[ -z "$calls" ]
}

@test "only with RESTART_LIBVIRT=yes libvirt may be restarted" {
	scripts_node
	cp "$CHECKOUT/debian/cpushim.default" "$root/etc/default/cpushim"
	script 0 postinst configure ''
	[ "$calls" = 'ready --allow-missing' ]
	sed -i 's/^RESTART_LIBVIRT=.*/RESTART_LIBVIRT=yes/' "$root/etc/default/cpushim"
	script 0 postinst triggered x
	[ "$calls" = 'ready --allow-missing --restart' ]
	script 0 prerm remove
	[ "$calls" = 'remove --restart' ]
}

@test "postrm: a removal leaves what is in /etc, a purge doesn't" {
	scripts_node
	mkdir -p "$root/etc/cpushim/models.d"
	touch "$root/etc/cpushim/models.d/site.xml" "$root/etc/cpushim/published"
	script 0 postrm remove
	[ "$status" = 0 ]
	[ -e "$root/etc/cpushim/models.d/site.xml" ]
	script 0 postrm purge
	[ "$status" = 0 ]
	[ ! -e "$root/etc/cpushim" ]
	[ -z "$calls" ]
}
