# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats sets output
#
# OpenStack on one machine, in throwaway roots (root.bash) of a base that has its packages (`base RELEASE
# cloud`; tests/cloud makes it): a control plane (control.bash), and computes (compute.bash). Guests boot
# the guest that reads its own CPUID (cpumap/guest), which prints it on the console again and again. TCG, unless a
# compute has KVM.
#
#	cloud_up COMPUTE...	all of it, with cpushim and gate64 on each compute
#	boots NAME NODE [FLAVOR]	a server, active there
#	live NAME NODE		migrates there while it runs
#	cold NAME NODE		likewise, stopped and started, and confirmed
#	resize NAME NODE FLAVOR	which brings it there, and is confirmed
#	hard_reboot NAME NODE
#	exact NAME MODEL [VCPUS [JUDGE]]	it reads now what MODEL means on its node, or on the node JUDGE
#	printed NAME MODEL ...	likewise, of what it has printed since it was started
#	server_exact NODE ID MODEL [VCPUS [JUDGE]], server_printed: likewise, of the server with nova's ID there
#	told WHAT ANSWER	a line of what nova answered, for the one who runs the tests and for tests/cloud
#	stayed NODE PATTERN	$output says that a guest is on NODE still, and nova-compute's log there why it didn't
#				migrate, in words that match; told

cloud_up() {
	local node since
	since=$(date -u +%FT%T)
	control_up || return
	for node; do
		compute_new "$node" || return
		node_install "$node" >/dev/null || return
	done
	compute_network "$@"
	for node; do
		compute_start "$node" || return
	done
	for node; do
		nova up "$node" "$since" || return
	done
	on control nova-manage cell_v2 discover_hosts
}

boots() {
	nova boot "$@" || return
	nova await "$1" ACTIVE "$2"
}

live() {
	nova act "$1" ACTIVE "$2" os-migrateLive "{\"host\": \"$2\", \"block_migration\": \"auto\"}"
}

cold() {
	nova act "$1" VERIFY_RESIZE "$2" migrate "{\"host\": \"$2\"}" || return
	nova act "$1" ACTIVE "$2" confirmResize
}

resize() {
	nova act "$1" VERIFY_RESIZE "$2" resize "{\"flavorRef\": \"$(nova flavor-id "$3")\"}" || return
	nova act "$1" ACTIVE "$2" confirmResize
}

hard_reboot() {
	nova act "$1" ACTIVE "$2" reboot '{"type": "HARD"}'
}

exact() {
	local host id
	read -r host id <<<"$(nova show "$1" host id)"
	at "$host" server_exact "$id" "${@:2}"
}

printed() {
	local host id
	read -r host id <<<"$(nova show "$1" host id)"
	at "$host" server_printed "$id" "${@:2}"
}

# at NODE FUNCTION ARGUMENT...: of a node, or of a host that isn't there (host.bash), in which it runs then
at() {
	if [ -d "${HOSTS-}/$1" ]; then
		inside "$1" "$2" here "${@:3}"
	else
		"$2" "$1" "${@:3}"
	fi
}

server_exact() {
	: >"$(root_path "$1")/var/lib/nova/instances/$2/console.log"
	server_printed "$@"
}

# The server's console is where libvirt.bash looks for what guests say.
server_printed() {
	local host=$1 id=$2 judge=${5:-$1}
	ln -sfn "../../var/lib/nova/instances/$id/console.log" "$(root_path "$host")/run/guests/$id"
	guest_dump_when_ready "$host" "$id" "${4:-1}" >"$(root_path "$judge")/run/guests/$id.dump" || return
	on "$judge" cpushim verify "$3" --read "/run/guests/$id.dump"
}

stayed() {
	local why
	[[ $output == "ACTIVE on $1" ]]
	why=$(grep -o 'Live Migration failure: .*' "$(root_path "$1")/var/log/nova/nova-compute.log" | tail -n 1)
	told "nova-compute's log on $1" "$why"
	[[ $why =~ $2 ]]
}

told() {
	printf '# %s | %s\n' "$1" "${2//$'\n'/, }" >&3
}
