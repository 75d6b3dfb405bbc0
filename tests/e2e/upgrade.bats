#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# QEMU is upgraded behind the wrapper while guests run: the same program with another build-id, put in its
# place as dpkg does. Until compile ran, models on max are refused and the others go on; then libvirt
# probes the new one. Needs root.

# shellcheck disable=SC2154,SC2016 # bats sets them; names of commands in backticks
bats_require_minimum_version 1.5.0
load ../lib/e2e

make_nodes() {
	node_new node
	node_install node
	cat >"$(root_path node)/etc/cpushim/models.d/site.xml" <<-'XML'
		<cpus xmlns:shim='urn:cpushim:1'>
		  <model name='on-max'><shim:qemu base='max'/><model name='gate64'/><vendor name='Intel'/>
		    <signature family='6' model='15' stepping='1'/></model>
		</cpus>
	XML
	on node cpushim compile
	libvirt_up node
}

before_each() {
	load ../lib/qemu.bash
	root=$(root_path node)
	real=/usr/bin/qemu-system-x86_64.distrib
}

after_each() {
	guests_stop node
}

# upgrade: with the mtime of a package, which may be older than the one before
upgrade() {
	another_qemu "$root$real" "$BATS_TEST_TMPDIR/qemu"
	touch -d "2001-02-0$BATS_TEST_NUMBER" "$BATS_TEST_TMPDIR/qemu"
	mv "$BATS_TEST_TMPDIR/qemu" "$root$real.dpkg-new"
	mv "$root$real.dpkg-new" "$root$real"
}

start() { # NAME MODEL
	guest_start node "$1" --cpu "$(cpu_xml "$2")"
}

# probed: when libvirt last asked the emulator what it has, as its cache says
probed() {
	on node virsh -q domcapabilities --emulatorbin /usr/bin/qemu-system-x86_64 >/dev/null
	grep -l '<emulator>/usr/bin/qemu-system-x86_64<\|qemu-system-x86_64' "$root"/var/cache/libvirt/qemu/capabilities/*.xml |
		xargs sed -n 's/.*<qemuctime>\(.*\)<.*/\1/p' | sort | tail -n 1
}

@test "until compile ran models on max are refused and others go on; running guests are judged by their own QEMU" {
	start max on-max
	start gate gate64
	guest_exact node max on-max
	upgrade
	[[ $(on node readlink "/proc/$(guest_pid node max)/exe") == *'(deleted)' ]]
	run -0 --separate-stderr on node cpushim guests
	[ "$(grep -c 'what the name means' <<<"$output")" = 2 ]
	[[ $stderr == "cpushim: /usr/bin/qemu-system-x86_64: its QEMU isn't the one that the table was made from ("*'; `cpushim compile` ('* ]]
	run -1 start another on-max
	[[ $output == *'on-max: QEMU changed (cpushim: '* ]]
	start more gate64
	guest_exact node more gate64
	# past the hook, as a script would start it
	run -1 on node /usr/bin/qemu-system-x86_64 -cpu on-max -display none
	[[ $output == *"isn't the QEMU that the table was made from"* ]]
}

@test "after compile libvirt probes the new QEMU, and models on max start on it; who runs on the old one is told" {
	local before
	on node cpushim compile
	start old on-max
	before=$(probed)
	upgrade
	run -0 on node cpushim compile
	[ "$(probed)" != "$before" ]
	libvirt_restart node
	start new on-max
	guest_exact node new on-max
	run -2 on node cpushim guests
	[[ $output == *'new '*'what the name means'* ]]
	[[ $output == *"can't tell: its -cpu is the model's, but its QEMU isn't the one that the table was made from, and base 'max' may have more features there: start it anew"* ]]
	guest_stop node old
	start old on-max
	run -0 on node cpushim guests
}
