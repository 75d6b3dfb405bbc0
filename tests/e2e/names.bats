#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Odd names of domains: each that the distribution's libvirtd takes is started with a site model as with
# kvm64, listed, asked about, and migrated. Two nodes, TCG. Needs root.

# shellcheck disable=SC1003,SC2016,SC2030,SC2031 # names aren't expanded; each test runs by itself
bats_require_minimum_version 1.5.0
load ../lib/e2e
load ../lib/some

names=('R&D' "it's" '<b>' '>' '"quoted"' '&amp;' '&lt;' ' lead' 'trail ' 'a b' '-dash' '--help' '[x]' '[' ']' ';'
	'#x' '%s%n' "\$HOME" '`id`' '\' '*' '?' 'a,b' 'guest=x,y' ',' '.' '..' '.hidden' '~' '!' '(x)' '{x}' 'x.xml'
	'gate64' "$(printf 'x%.0s' {1..200})" '日本語' 'ünïcödé' '😀' 'שלום' $'tab\there' $'e\u0301' $'\u202eabc' $'del\x7f'
	# none of these is one for libvirt
	'a/b' '../x' '/etc/passwd' '/')

make_nodes() {
	linked_nodes
	libvirt_up one
	libvirt_up two
}

# named NAME MODEL: its XML, without a serial port, whose file would have the name
named() {
	local xml
	xml=$(printf '%s' "$1" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g')
	guest_xml @NAME@ --kernel '' --cpu "$(cpu_xml "$2")" | sed '/<serial/d' |
		NAME=$xml awk '{ while ((at = index($0, "@NAME@"))) $0 = substr($0, 1, at - 1) ENVIRON["NAME"] substr($0, at + 6); print }'
}

# start NODE NAME MODEL: paused, as it has nothing to run
start() {
	named "$2" "$3" >"$(root_path "$1")/run/named.xml"
	on "$1" timeout 120 virsh -q create --paused /run/named.xml
}

# libvirt's own numbers: virsh can't be told every name
stop_all() {
	local id
	for id in $(on "$1" virsh -q list --id); do
		on "$1" virsh -q destroy "$id"
	done
}

after_each() {
	stop_all one
	stop_all two
}

utf8() { # NODE COMMAND...
	on "$1" env LC_ALL=C.UTF-8 "${@:2}"
}

# are_told NODE NAME...: just these, listed and asked about, in JSON by the name itself; the last one by its UUID, too
are_told() {
	local node=$1 name escaped list
	shift
	marked "$node"
	run -0 --separate-stderr utf8 "$node" cpushim guests
	[ "$(grep -c ' gate64 .*what the name means$' <<<"$output")" = $# ]
	[ "${#lines[@]}" = $(($# + 1)) ]
	list=$output
	for name; do
		printf '%q:\n' "$name"
		escaped=${name//\\/\\\\}
		if [[ $name == *[$'\t\x7f\u202e']* ]]; then
			[[ $list == *$'\n'"${name%%[$'\t\x7f\u202e']*}"'\x'* ]]
		else
			[[ $list == *$'\n'"$name "* ]]
			run -0 --separate-stderr utf8 "$node" cpushim why --json -- "$name"
			[[ $output == *"\"domain\": \"${escaped//\"/\\\"}\""*'"runs": "model"'* ]]
		fi
		run -0 --separate-stderr utf8 "$node" cpushim why -- "$name"
		[[ $output == *'which is what gate64 means'* ]]
	done
	run -0 --separate-stderr utf8 "$node" cpushim why "$(grep -o '[0-9a-f-]\{36\}' <<<"${lines[0]}" | tail -n 1)"
	[[ $output == *'which is what gate64 means'* ]]
}

@test "with gate64 a guest starts under each name with which it starts with kvm64, is listed and asked about" {
	local tried
	mapfile -t tried < <(printf '%s\n' "${names[@]}" | some 12)
	taken=()
	for name in "${tried[@]}"; do
		printf '%q:\n' "$name"
		if start one "$name" gate64; then
			taken+=("$name")
		else
			run ! start one "$name" kvm64
		fi
	done
	[ "${#taken[@]}" = "$(printf '%s\n' "${tried[@]}" | grep -vc /)" ]
	are_told one "${taken[@]}"
	stop_all one
	[ -z "$(on one ls /run/cpushim)" ]
}

@test "guests with odd names migrate, and are right on the other node" {
	local tried
	mapfile -t tried < <(printf '%s\n' 'R&D' '..' '日本語' "it's" '-dash' '<"q">' | some 3)
	for name in "${tried[@]}"; do
		start one "$name" gate64
		on one timeout 120 virsh -q migrate --live --domain "$name" --desturi qemu+tcp://10.77.0.2/system
	done
	are_told two "${tried[@]}"
	[ -z "$(on one virsh -q list --id)" ]
	[ -z "$(on two ls /run/cpushim)" ]
}
