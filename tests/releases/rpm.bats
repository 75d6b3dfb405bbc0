#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# packaging/cpushim.spec: rpmbuild of Debian makes a package of it. No system with RPM is here to install it on.
# tests/matrix runs this on each release. Needs root and the mirror.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	load ../lib/root.bash
	root_new build
	online build apt-get -qq -o Acquire::Check-Valid-Until=false update
	online build env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install rpm scdoc >&2
}

teardown() {
	[ ! -e "$ROOTS/build/pid" ] || root_drop build
}

@test "the RPM package has each file of make install, and calls ready and remove" {
	local name
	name=cpushim-$(cat "$CHECKOUT/VERSION")
	# shellcheck disable=SC2016 # the other shell's
	on build sh -eu -c 'mkdir -p /root/rpm/SOURCES "/root/$1"
		cd "$2" && tar -c --exclude=./build --exclude=./.git . | tar -x --no-same-owner -C "/root/$1"
		cd /root && tar -czf "rpm/SOURCES/$1.tar.gz" "$1"
		rpmbuild -bb --nodeps --define "_topdir /root/rpm" --define "debug_package %{nil}" --define "cpushim_version ${1#*-}" \
			"$1/packaging/cpushim.spec"' sh "$name" "$CHECKOUT" >"$BATS_TEST_TMPDIR/log" 2>&1 ||
		{ tail -n 30 "$BATS_TEST_TMPDIR/log" && false; }
	on build sh -c 'cp /root/rpm/RPMS/*/cpushim-[0-9]*.rpm /root/cpushim.rpm'
	# shellcheck disable=SC2016 # the other shell's
	on build sh -c 'make -s -C "/root/$1" install DESTDIR=/root/tree >/dev/null && cd /root/tree && find . ! -type d' \
		sh "$name" | sed 's/^\.//' | sort >"$BATS_TEST_TMPDIR/expected"
	on build rpm -qpl /root/cpushim.rpm | grep -v -e '/\.build-id' -e '^/usr/share/doc/' -e '^/usr/share/licenses/' |
		sed 's/\.gz$//' | sort >"$BATS_TEST_TMPDIR/found"
	run comm -23 "$BATS_TEST_TMPDIR/expected" "$BATS_TEST_TMPDIR/found"
	[ -z "$output" ]
	run -0 on build rpm -qp --scripts --filetriggers /root/cpushim.rpm
	[ "$(grep -c 'cpushim ready --allow-missing' <<<"$output")" = 3 ]
	[[ $output == *'cpushim remove || exit 1'* ]]
	[[ $output == *'-- '*/usr/share/libvirt/cpu_map* ]]
}
