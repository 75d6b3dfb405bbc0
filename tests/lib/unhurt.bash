# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Guests of a node that libvirt's restarts and upgrades must not hurt (libvirt.bash), with systemd as its
# first process.
#
#	guest_begin NODE NAME [CPU-XML]	start one and note its process
#	goes_on NODE NAME		it still is that process, and libvirt has it
#	stays_exact NODE NAME MODEL	and reads the model's CPU, if anybody can still read what it says
#	site_saved NODE			save two of gate64: `saved` in a file, `kept` as managed save
#	others_start NODE		new guests without a site model
#	site_starts NODE		a new gate64 guest, exact by its CPUID
#	site_resumes NODE		`saved` and `kept` come back exact, and are saved as before
#	site_is_refused NODE		neither starts nor comes back, gate64 is named, and nothing saved is lost
#	site_goes_on NODE NAME		as goes_on, where a libvirt whose map lacks its model lets it
#	restart_watched NODE		restart libvirt, and remember where its journal is
#	journal NODE			what was said of libvirt's service since then
#	without_dropin NODE		libvirt's service is again as the distribution has it

guest_begin() {
	guest_start "$1" "$2" --cpu "${3-}"
	guest_pid "$1" "$2" >"$(root_path "$1")/run/guests/$2.pid"
}

goes_on() {
	local root
	root=$(root_path "$1")
	[ "$(on "$1" virsh -q domstate "$2" 2>/dev/null)" = running ] || return
	[ "$(guest_pid "$1" "$2")" = "$(cat "$root/run/guests/$2.pid")" ]
}

# Debian 11's packages end virtlogd, or start it anew, and then nobody reads the serial ports of guests that run.
stays_exact() {
	local logger
	goes_on "$1" "$2" || return
	logger=$(on "$1" pidof virtlogd) || libvirt_since "$1" 9.0.0 || return 0
	[ "$(running_for "$1" "$logger")" -lt "$(running_for "$1" "$(guest_pid "$1" "$2")")" ] ||
		guest_exact "$1" "$2" "$3"
}

running_for() { # NODE PID: in seconds
	on "$1" ps -o etimes= -p "$2"
}

site_saved() {
	guest_start "$1" saved --cpu "$(cpu_xml gate64)"
	on "$1" virsh -q save saved /run/guests/saved.image
	guest_xml kept --cpu "$(cpu_xml gate64)" >"$(root_path "$1")/run/guests/kept.xml"
	on "$1" virsh -q define /run/guests/kept.xml
	on "$1" virsh -q start kept
	on "$1" virsh -q managedsave kept
}

others_start() {
	guest_start "$1" new --cpu "$(cpu_xml kvm64)" || return
	[[ $(guest_cpu "$1" new) == kvm64* ]] || return
	guest_stop "$1" new
}

site_starts() {
	guest_start "$1" new --cpu "$(cpu_xml gate64)" || return
	guest_exact "$1" new gate64 || return
	guest_stop "$1" new
}

site_resumes() {
	on "$1" virsh -q restore /run/guests/saved.image || return
	guest_exact "$1" saved gate64 || return
	guest_stop "$1" saved || return
	on "$1" virsh -q start kept || return
	guest_exact "$1" kept gate64 || return
	on "$1" virsh -q managedsave kept
}

site_is_refused() {
	refuses_site guest_start "$1" new --cpu "$(cpu_xml gate64)" || return
	refuses_site on "$1" virsh -q restore /run/guests/saved.image || return
	refuses_site on "$1" virsh -q start kept || return
	[ "$(on "$1" virsh -q list --all --with-managed-save --name)" = kept ]
}

# refuses_site COMMAND...
refuses_site() {
	local said
	if said=$("$@" 2>&1) || [[ $said != *gate64* ]]; then
		printf '%s\n' "${said:-started}" >&2
		return 1
	fi
}

# libvirt 11.3 ends a running guest when its map has lost the guest's model; 9.0 doesn't
site_goes_on() {
	libvirt_since "$1" 10.0.0 || goes_on "$1" "$2"
}

restart_watched() {
	on "$1" journalctl -q -n 0 --show-cursor | sed -n 's/^-- cursor: //p' >"$ROOTS/$1/cursor"
	libvirt_restart "$1"
}

journal() {
	on "$1" journalctl -q -o cat --after-cursor "$(cat "$ROOTS/$1/cursor")" -u libvirtd
}

without_dropin() {
	rm -f "$(root_path "$1")"/usr/lib/systemd/system/*.service.d/cpushim.conf
	on "$1" systemctl -q stop cpushim.path 2>/dev/null || :
	on "$1" systemctl daemon-reload
}
