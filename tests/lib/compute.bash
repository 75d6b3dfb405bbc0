# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# nova-computes of a cloud (cloud.bash), each in a root with its own libvirtd (libvirt.bash).
#
#	compute_new NODE [--kvm]	one with nova's configuration for gate64, nothing started, without cpushim
#	compute_configure NODE		nova's configuration alone
#	compute_config NODE OPTION [VALUE]	of nova.conf's [libvirt]; without VALUE the option goes
#	compute_network NODE...		a switch between control and them
#	compute_address NODE IP		its own, which compute_network does
#	compute_start NODE		sshd, libvirt, nova-compute
#	compute_nova NODE		nova-compute alone, without waiting
#	compute_stop NODE		likewise
#	compute_restart NODE		and until nova has it again
#	compute_ends NODE		starts it, waits until it has ended, and prints why

# compute_ssh NODE: nova's own account reaches the others', for cold migrations
compute_ssh() {
	local home
	home=$(root_path "$1")/var/lib/nova
	[ -e "$ROOTS/key" ] || ssh-keygen -q -t ed25519 -N '' -f "$ROOTS/key"
	mkdir -p "$home/.ssh"
	cp "$ROOTS/key" "$home/.ssh/id_ed25519"
	cp "$ROOTS/key.pub" "$home/.ssh/authorized_keys"
	printf 'StrictHostKeyChecking no\nLogLevel ERROR\n' >"$home/.ssh/config"
	on "$1" chown -R nova:nova /var/lib/nova/.ssh
	on "$1" chmod -R go= /var/lib/nova/.ssh
	on "$1" usermod -s /bin/bash nova
}

compute_new() {
	NODE_TCP=yes node_new "$@" || return
	compute_configure "$1"
	compute_ssh "$1"
}

compute_configure() {
	local root
	root=$(root_path "$1")
	# nova's account isn't polkit's; and these roots have devices that libvirt can't make
	printf 'auth_unix_rw = "none"\nunix_sock_group = "libvirt"\n' >>"$root/etc/libvirt/libvirtd.conf"
	printf 'namespaces = [ ]\n' >>"$root/etc/libvirt/qemu.conf"
	# its virt_type would count, whatever nova.conf says
	rm -f "$root/etc/nova/nova-compute.conf"
	{
		nova_options
		cat <<-'END'
			[libvirt]
			virt_type = qemu
			cpu_mode = custom
			cpu_models = gate64
			live_migration_scheme = tcp
		END
	} | ini "$1" /etc/nova/nova.conf
}

compute_config() {
	local conf
	conf=$(root_path "$1")/etc/nova/nova.conf
	sed -i "/^\[libvirt\]/,\${/^$2 *=/d}" "$conf"
	[ $# = 2 ] || sed -i "/^\[libvirt\]/a $2 = $3" "$conf"
}

compute_network() {
	local node hosts n=1
	root_switch control "$@"
	hosts=$(grep '^10\.' "$(root_path control)/etc/hosts")
	for node; do
		n=$((n + 1))
		printf '%s\n' "$hosts" >>"$(root_path "$node")/etc/hosts"
		compute_address "$node" "10.77.0.$n"
	done
}

compute_address() {
	sed -i "/^\[DEFAULT\]/a my_ip = $2" "$(root_path "$1")/etc/nova/nova.conf"
	compute_config "$1" live_migration_inbound_addr "$2"
}

compute_nova() {
	daemon "$1" nova/nova-compute.log setpriv --reuid nova --regid nova --init-groups env HOME=/var/lib/nova \
		nova-compute
}

compute_stop() {
	on "$1" pkill -x nova-compute || return 0
	await 30 compute_gone "$1"
}

compute_gone() {
	! on "$1" pgrep -x nova-compute
}

compute_restart() {
	local since
	compute_stop "$1"
	since=$(date -u +%FT%T)
	compute_nova "$1"
	nova up "$1" "$since"
}

compute_ends() {
	local log
	log=$(root_path "$1")/var/log/nova/nova-compute.log
	: >"$log"
	compute_nova "$1"
	sleep 1
	await 60 compute_gone "$1" || return
	sed -n 's/.* ERROR oslo_service[^ ]* *\[[^]]*\] *//p; s/.* ERROR oslo_service[^ ]* //p' "$log" | grep -i 'exception\|error\|Invalid' | tail -n 1
}

compute_start() {
	on "$1" install -d /run/sshd
	on "$1" /usr/sbin/sshd
	libvirt_up "$1" || return
	compute_nova "$1"
}
