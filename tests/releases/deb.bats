#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The Debian package: the same bytes whenever it is built, and its life on nodes with systemd: installed,
# upgraded, removed and purged, with guests, before and after libvirt and QEMU. Built on the release that it is
# installed on. tests/matrix runs this on each release. Needs root, a cgroup2, and the mirror.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/nodes

emulator=/usr/bin/qemu-system-x86_64
index=/usr/share/libvirt/cpu_map/index.xml
hook=/etc/libvirt/hooks/qemu

# build NODE VERSION: the package of that version, in /root of the real machine's $BATS_FILE_TMPDIR
build() {
	# shellcheck disable=SC2016 # the other shell's
	on "$1" sh -c 'cd /root/source && sed -i "1 s/([^)]*)/($1)/" debian/changelog && printf "%s\n" "$1" >VERSION &&
		DEB_BUILD_OPTIONS=nocheck packaging/deb /root/deb' sh "$2" >&2
	cp "$(root_path "$1")"/root/deb/cpushim_*.deb "$BATS_FILE_TMPDIR/$2.deb"
}

# build_again NODE: that of the last build, by somebody else, elsewhere, at another time, in $BATS_FILE_TMPDIR/again
build_again() {
	# shellcheck disable=SC2016 # the other shell's
	on "$1" sh -c 'cp -r /root/source /srv/tree && find /srv/tree -exec touch -h -d 2001-02-03 {} + && cd / && umask 077 &&
		TZ=Asia/Tokyo LC_ALL=C.UTF-8 DEB_BUILD_OPTIONS="nocheck parallel=1" /srv/tree/packaging/deb /srv/deb' >&2
	mkdir "$BATS_FILE_TMPDIR/first" "$BATS_FILE_TMPDIR/again"
	cp "$(root_path "$1")"/root/deb/cpushim*.deb "$BATS_FILE_TMPDIR/first"
	cp "$(root_path "$1")"/srv/deb/cpushim*.deb "$BATS_FILE_TMPDIR/again"
}

# what is downloaded here isn't again in each test
setup_file() {
	load_all
	[ -z "$(root_needs)" ] || return 0
	export BATS_FILE_TMPDIR
	root_new build
	online build apt-get -qq -o Acquire::Check-Valid-Until=false update
	online build env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install build-essential debhelper scdoc >&2
	on build cp -r "$CHECKOUT" /root/source
	on build rm -rf /root/source/build /root/source/.git
	build build 1.1
	build build 1.0
	build_again build
	# shellcheck disable=SC2016 # dpkg's words
	on build dpkg-query -W -f '${Package} ${db:Status-Status}\n' 'libvirt*' 'qemu-system-*' | sed -n 's/ installed$//p' \
		>"$BATS_FILE_TMPDIR/packages"
	online build sh -c 'apt-get clean && xargs apt-get -qq -y --reinstall -d install' <"$BATS_FILE_TMPDIR/packages"
	cp -r "$(root_path build)/var/cache/apt/archives" "$BATS_FILE_TMPDIR/archives"
	root_drop build
}

setup() {
	load_all
	[ -z "$(root_needs)" ] || skip "$(root_needs)"
	keep=$BATS_TEST_TMPDIR
	NODE_EMULATORS=all node_new node --systemd
	root=$(root_path node)
	mkdir "$root/root/deb"
	cp "$BATS_FILE_TMPDIR"/*.deb "$root/root/deb"
	# apt tells it of each change by D-Bus, and waits for half a minute
	rm -f "$root/etc/apt/apt.conf.d/20packagekit"
}

teardown() {
	[ ! -e "$ROOTS/node/pid" ] || root_drop node
}

apt() {
	on node env DEBIAN_FRONTEND=noninteractive apt-get -y -o Dpkg::Options::=--force-confold "$@"
}

# install_version VERSION
install_version() {
	apt --no-install-recommends install "/root/deb/$1.deb"
}

# tree: every file that isn't a program's own state, with its digest where something of cpushim's could be
tree() {
	on node find /etc /opt /srv /usr /var -xdev \( -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache \
		-o -path /var/log -o -path /var/tmp -o -path /var/lib/libvirt -o -path /var/lib/systemd \) -prune -o \
		\( -type d -printf '%p %y %m %u:%g\n' -o -printf '%p %y %m %u:%g %n %s %l\n' \) | sort
	# but the copies that useradd makes
	# shellcheck disable=SC2016 # the inner shell's
	on node sh -c 'find "$@" -type f ! -path "/etc/*-" -exec sha256sum {} + | sort -k2' sh /etc /usr/share/libvirt /usr/bin/qemu* \
		/usr/lib/systemd/system
	on node dpkg-divert --list
}

is_installed() {
	on node dpkg -s cpushim | grep -x 'Status: install ok installed'
}

is_as_before() {
	diff "$keep/before" <(tree)
}

is_ready() {
	on node cpushim list --digest | grep -q '^gate64 '
	guest_start node asks --cpu "$(cpu_xml gate64)"
	guest_exact node asks gate64
	guest_stop node asks
}

@test "built twice it is the same bytes, wherever, whenever and by whomever" {
	[ "$(find "$BATS_FILE_TMPDIR/again" -name '*_1.0_*.deb' | wc -l)" = 2 ]
	diff -r "$BATS_FILE_TMPDIR/first" "$BATS_FILE_TMPDIR/again"
}

@test "installed, libvirt restarted, removed, libvirt restarted, purged: the same tree as before" {
	libvirt_up node
	tree >"$keep/before"
	run -0 install_version 1.0
	[[ $output == *'systemctl restart libvirtd'* ]]
	libvirt_restart node
	is_ready
	[[ $(on node dpkg-divert --list $emulator) == "diversion of $emulator to $emulator.distrib by cpushim" ]]
	run -0 on node cpushim ready
	# libvirt knows the models, so without a restart gate64 would become another CPU: the rest waits
	run ! apt remove cpushim
	[[ $output == *'still knows'*'Restart it'* ]]
	is_installed
	is_ready
	libvirt_restart node
	run ! guest_start node asks --cpu "$(cpu_xml gate64)"
	[[ $output == *'Unknown CPU model gate64'* ]]
	run -0 apt remove cpushim
	diff "$keep/before" <(tree | grep -v ' /etc/default/cpushim$\|^/etc/default/cpushim ')
	run -0 apt purge cpushim
	is_as_before
}

@test "removed and purged in one step, by a node that may restart libvirt" {
	libvirt_up node
	tree >"$keep/before"
	printf 'RESTART_LIBVIRT=yes\n' >"$root/etc/default/cpushim"
	run -0 install_version 1.0
	is_ready
	run -0 apt purge cpushim
	libvirt_await node
	is_as_before
}

@test "a site's own definitions and what they mean outlive a removal, not a purge" {
	# the package asked libvirt, whose socket started it, so that it knows the models
	printf 'RESTART_LIBVIRT=yes\n' >"$root/etc/default/cpushim"
	run -0 install_version 1.0
	printf "<cpus><model name='site'><model name='gate64'/></model></cpus>\n" >"$root/etc/cpushim/models.d/site.xml"
	on node cpushim compile
	run -0 apt remove cpushim
	[ -e "$root/etc/cpushim/models.d/site.xml" ]
	grep -q '^site ' "$root/etc/cpushim/published"
	run -0 install_version 1.0
	on node cpushim list --digest | grep -q '^site '
	run -0 apt purge cpushim
	[ ! -e "$root/etc/cpushim" ]
}

@test "removing stops while a guest runs with a site model, and nothing has changed for it" {
	libvirt_up node
	printf 'RESTART_LIBVIRT=yes\n' >"$root/etc/default/cpushim"
	run -0 install_version 1.0
	guest_begin node site "$(cpu_xml gate64)"
	tree >"$keep/before"
	run ! apt remove cpushim
	[[ $output == *'guest site runs with gate64'* ]]
	is_installed
	is_as_before
	goes_on node site
	guest_exact node site gate64
	guest_stop node site
	run -0 apt remove cpushim
}

@test "cpushim upgraded while guests run: they go on, and the node is that of the new release" {
	libvirt_up node
	tree >"$keep/before"
	printf 'RESTART_LIBVIRT=yes\n' >"$root/etc/default/cpushim"
	run -0 install_version 1.0
	guest_begin node site "$(cpu_xml gate64)"
	guest_begin node ordinary "$(cpu_xml kvm64)"
	run -0 install_version 1.1
	libvirt_await node
	goes_on node site
	goes_on node ordinary
	guest_exact node site gate64
	[ "$(on node cpushim --version)" = 'cpushim 1.1' ]
	on node cmp /usr/lib/cpushim/qemu-wrapper $emulator
	on node cmp /usr/lib/cpushim/hook $hook
	grep -q '^release=1.1$' "$root/usr/lib/cpushim/models.table"
	run -0 on node cpushim guests
	guests_stop node
	run -0 apt purge cpushim
	is_as_before
}

# apt_offline: by apt, of what was downloaded before
apt_offline() {
	cp "$BATS_FILE_TMPDIR"/archives/*.deb "$root/var/cache/apt/archives/"
	apt "$@"
}

@test "libvirt and QEMU put in anew: the triggers have the node right again, without a hand" {
	libvirt_up node
	run -0 install_version 1.0
	libvirt_restart node
	guest_begin node site "$(cpu_xml gate64)"
	# shellcheck disable=SC2046 # a list
	run -0 apt_offline --reinstall install $(cat "$BATS_FILE_TMPDIR/packages")
	[[ $output == *'Processing triggers for cpushim'* ]]
	libvirt_await node
	[ "$(grep -c 'x86_cpushim\.xml' "$root$index")" = 1 ]
	on node cmp /usr/lib/cpushim/qemu-wrapper $emulator
	stays_exact node site gate64
	is_ready
	guests_stop node
}

@test "cpushim first, libvirt and QEMU later: right without another command" {
	# shellcheck disable=SC2046 # a list
	apt purge $(cat "$BATS_FILE_TMPDIR/packages")
	[ ! -e "$root$index" ]
	tree >"$keep/before"
	run -0 install_version 1.0
	[[ $output == *'no QEMU yet'* ]]
	[ ! -e "$root$emulator" ]
	# shellcheck disable=SC2046 # a list
	run -0 apt_offline --no-install-recommends install $(cat "$BATS_FILE_TMPDIR/packages")
	on node cmp /usr/lib/cpushim/qemu-wrapper $emulator
	libvirt_configure node
	libvirt_restart node
	is_ready
	# the other way round: theirs go, then ours
	# shellcheck disable=SC2046 # a list
	run -0 apt purge $(cat "$BATS_FILE_TMPDIR/packages")
	run -0 apt purge cpushim
	is_as_before
}

@test "QEMU removed and installed again behind cpushim" {
	libvirt_up node
	run -0 install_version 1.0
	run -0 on node dpkg --purge --force-depends qemu-system-x86
	[ ! -e "$root$emulator.distrib" ]
	run -0 apt_offline --no-install-recommends install qemu-system-x86
	on node cmp /usr/lib/cpushim/qemu-wrapper $emulator
	libvirt_restart node
	is_ready
}

@test "a node that install.sh made becomes the package's: nothing is lost, and a purge gives it back" {
	libvirt_up node
	tree >"$keep/before"
	node_install node --restart
	guest_begin node site "$(cpu_xml gate64)"
	run -0 install_version 1.0
	goes_on node site
	[[ $(on node dpkg-divert --list $emulator) == *' by cpushim' ]]
	guests_stop node
	libvirt_restart node
	run -0 on node cpushim ready
	run -0 on node cpushim remove --restart
	run -0 apt purge cpushim
	is_as_before
}

@test "what the autopkgtest does" {
	run -0 install_version 1.0
	on node "$CHECKOUT/debian/tests/guest"
}
