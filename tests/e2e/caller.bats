#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Daemons that aren't called libvirtd, and one of an ordinary user, with the distribution's libvirt and
# QEMU under TCG. Needs root.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/e2e

make_nodes() {
	node_new node
	node_install node
}

before_each() {
	root=$(root_path node)
}

# up_as NAME: libvirtd's own program under that name
up_as() {
	local tries
	cp "$root/usr/sbin/libvirtd" "$root/usr/sbin/$1"
	[ -S "$root/run/libvirt/virtlogd-sock" ] || on node virtlogd -d
	on node "$1" -d
	for ((tries = 0; tries < 100; tries++)); do
		! on node timeout 60 virsh -q -c qemu:///system uri >/dev/null 2>&1 || break
		sleep 0.1
	done
	[ "$(cat "$root/proc/$(cat "$root/run/libvirtd.pid")/comm")" = "${1:0:15}" ]
}

@test "a guest is exact under a daemon of any name, and its record was made and removed" {
	up_as libvirtd.distrib
	guest_start node plain --cpu "$(cpu_xml gate64)"
	run -0 guest_exact node plain gate64
	[ -d "$root/run/cpushim" ]
	[ -z "$(ls "$root/run/cpushim")" ]
	guest_stop node plain
	libvirt_down node
}

@test "a daemon of another name that translates gate64 is refused at start" {
	# libvirt probes the real QEMU, as one does that believes an old probe
	mv "$root/usr/lib/cpushim/qmp-proxy" "$root/usr/lib/cpushim/qmp-proxy.away"
	rm -rf "$root/var/cache/libvirt/qemu/capabilities"
	up_as entrypoint.sh
	run -1 guest_start node plain --cpu "$(cpu_xml gate64)"
	[[ $output == *'exit status 1: gate64: was translated (cpushim: plain: '* ]]
	guest_start node other --cpu "$(cpu_xml kvm64)"
	guest_stop node other
	libvirt_down node
	mv "$root/usr/lib/cpushim/qmp-proxy.away" "$root/usr/lib/cpushim/qmp-proxy"
	rm -rf "$root/var/cache/libvirt/qemu/capabilities"
}

@test "session mode: gate64 is refused in one true sentence, kvm64 starts" {
	on node useradd -m -s /bin/sh someone
	as_someone() {
		on node setpriv --reuid someone --regid someone --init-groups env HOME=/home/someone USER=someone \
			XDG_RUNTIME_DIR=/home/someone/run timeout 120 virsh -q -c qemu:///session "$@"
	}
	mkdir -m 700 "$root/home/someone/run"
	on node chown someone /home/someone/run
	guest_xml plain --cpu "$(cpu_xml gate64)" >"$root/run/plain.xml"
	guest_xml other --cpu "$(cpu_xml kvm64)" | sed "s|/run/guests/other|/home/someone/serial|" >"$root/run/other.xml"
	chmod 644 "$root"/run/*.xml
	as_someone create /run/other.xml
	as_someone destroy other
	run -1 as_someone create /run/plain.xml
	[[ $output == *'exit status 1: gate64: not in session (cpushim: plain: '*'site models are for qemu:///system'* ]]
	[[ $output != *remove* ]]
}
