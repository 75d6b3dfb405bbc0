#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# roles/ by Ansible, over ssh, on nodes with systemd. NODES (2): how many. Needs root, a cgroup2, ansible-core
# and sshd.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/nodes

needs() {
	root_needs
	command -v ansible-playbook >/dev/null || printf 'needs ansible-core\n'
	[ -x /usr/sbin/sshd ] || printf 'needs openssh-server\n'
}

# nova-compute, as far as the order goes: it ends where libvirt doesn't know the model that is configured
nova_unit() { # NODE
	local root
	root=$(root_path "$1")
	mkdir -p "$root/etc/nova"
	printf '[DEFAULT]\ndebug = false\n[libvirt]\nvirt_type = qemu\n[neutron]\n' >"$root/etc/nova/nova.conf"
	cat >"$root/usr/local/bin/nova-compute" <<-'END'
		#!/bin/sh
		for model in $(sed -n 's/^cpu_models *= *//p' /etc/nova/nova.conf); do
			virsh -q cpu-models x86_64 | grep -qx "$model" || exit 1
		done
		exec sleep infinity
	END
	chmod 755 "$root/usr/local/bin/nova-compute"
	printf '[Service]\nExecStart=/usr/local/bin/nova-compute\n' >"$root/etc/systemd/system/nova-compute.service"
}

node_with_ssh() { # NODE
	local root
	node_new "$1" --systemd
	root=$(root_path "$1")
	nova_unit "$1"
	mkdir -p "$root/root/.ssh"
	cp "$BATS_FILE_TMPDIR/key.pub" "$root/root/.ssh/authorized_keys"
	chmod 700 "$root/root" "$root/root/.ssh"
	root_checkout "$1" /opt/cpushim
	on "$1" systemctl daemon-reload
	on "$1" systemctl start ssh nova-compute libvirtd
}

# inventory NODE...
inventory() {
	local n=1 node
	printf '[all:vars]\nansible_user=root\nansible_ssh_private_key_file=%s/key\n[all]\n' "$BATS_FILE_TMPDIR"
	for node; do
		n=$((n + 1))
		printf '%s ansible_host=10.77.0.%s\n' "$node" $n
	done
}

setup_file() {
	local n
	load_all
	[ -z "$(needs)" ] || return 0
	export nodes=()
	for ((n = 1; n <= ${NODES:-2}; n++)); do
		nodes+=("node$n")
	done
	printf '%s\n' "${nodes[@]}" >"$BATS_FILE_TMPDIR/nodes"
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_FILE_TMPDIR/key"
	for n in "${nodes[@]}"; do
		node_with_ssh "$n"
	done
	root_new control
	root_switch control "${nodes[@]}"
	inventory "${nodes[@]}" >"$BATS_FILE_TMPDIR/inventory"
	cat >"$BATS_FILE_TMPDIR/play.yaml" <<-END
		- hosts: all
		  gather_facts: false
		  serial: "{{ batch | default('100%') }}"
		  roles:
		    - role: "{{ role | default('cpushim') }}"
	END
}

setup() {
	load_all
	[ -z "$(needs)" ] || skip "$(needs)"
	mapfile -t nodes <"$BATS_FILE_TMPDIR/nodes"
}

# given NODE: the model that nova.conf names there
given() {
	sed -n 's/^cpu_models = //p' "$(root_path "$1")/etc/nova/nova.conf"
}

# play [OPTION]...: the role, on all nodes
play() {
	on control env LC_ALL=C.UTF-8 ANSIBLE_HOST_KEY_CHECKING=False ANSIBLE_PIPELINING=True ANSIBLE_FORKS=10 ANSIBLE_NOCOLOR=1 \
		ANSIBLE_ROLES_PATH="$CHECKOUT/roles" ansible-playbook -i "$BATS_FILE_TMPDIR/inventory" \
		-e cpushim_checkout=/opt/cpushim -e cpushim_accel=tcg -e cpushim_nova=true "$@" "$BATS_FILE_TMPDIR/play.yaml"
}

# plays [OPTION]...: and nothing fails
plays() {
	run play "$@"
	[ "$status" = 0 ] || {
		printf '%s\n' "$output"
		return 1
	}
}

# recap WORDS: in the recap's line of every node; it is shown
recap() {
	local node
	sed -n '/^PLAY RECAP/,$s/^/# /p' <<<"$output" >&3
	for node in "${nodes[@]}"; do
		grep -q "^$node  *:.*$1" <<<"$output" || {
			grep -A 20 'PLAY RECAP' <<<"$output"
			return 1
		}
	done
}

@test "--check on nodes without cpushim: says what would change, and changes nothing" {
	plays --check
	recap 'changed=[1-9]'
	[ ! -e "$(root_path node1)/usr/lib/cpushim" ]
	[ ! -e "$(root_path node1)/etc/cpushim" ]
}

@test "the role: every node has the model, the same for guests of each, and nova gives it" {
	local node
	plays
	recap 'changed=[1-9]'
	for node in "${nodes[@]}"; do
		[ "$(sed -n '/^\[libvirt\]/,/^\[neutron\]/s/^cpu_models = //p' "$(root_path "$node")/etc/nova/nova.conf")" = gate64 ]
		[ "$(on "$node" systemctl is-active nova-compute)" = active ]
		guest_begin "$node" site "$(cpu_xml gate64)"
		guest_exact "$node" site gate64
	done
}

@test "nova-compute.conf, which nova-compute reads last, names a mode: refused, and nova.conf stays" {
	local conf
	conf=$(root_path node2)/etc/nova/nova-compute.conf
	printf '[DEFAULT]\ncompute_driver = libvirt.LibvirtDriver\n[libvirt]\nvirt_type = kvm\n' >"$conf"
	plays
	printf 'cpu_mode=host-model\n' >>"$conf"
	run ! play -e cpushim_model=x86-64-v2
	rm "$conf"
	printf '%s\n' "$output"
	[[ $output == *'node2'*'/etc/nova/nova-compute.conf names a CPU model or mode'* ]]
	[ "$(given node2)" = gate64 ]
	plays
}

@test "a second run changes nothing, nor would it; guests go on" {
	plays
	recap 'changed=0 .*failed=0'
	plays --check
	recap 'changed=0 .*failed=0'
	goes_on node1 site
}

@test "nova-compute isn't there, or was started before nova.conf was written: it runs, and goes by it" {
	local before
	before=$(on node1 systemctl show -P MainPID nova-compute)
	touch "$(root_path node1)/etc/nova/nova.conf"
	on node2 systemctl stop nova-compute
	plays
	[ "$(on node1 systemctl show -P MainPID nova-compute)" != "$before" ]
	[ "$(on node2 systemctl is-active nova-compute)" = active ]
}

@test "nodes that come in batches can't be compared: refused before anything is done" {
	run ! play -e batch=1 -e cpushim_model=x86-64-v2
	[[ $output == *'node2 failed, can'?'t be reached, or comes in a later batch'* ]]
	[ "$(given node1)" = gate64 ]
}

@test "a node that lost a line of libvirt's index: --check says that node, a run mends it" {
	# which would mend it first
	on node2 systemctl -q --runtime mask --now cpushim.path
	sed -i '/x86_cpushim/d' "$(root_path node2)/usr/share/libvirt/cpu_map/index.xml"
	plays --check
	grep -q '^node1  *:.*changed=0' <<<"$output"
	grep -q '^node2  *:.*changed=[1-9]' <<<"$output"
	plays
	grep -q x86_cpushim "$(root_path node2)/usr/share/libvirt/cpu_map/index.xml"
	on node2 systemctl -q --runtime unmask cpushim.path
}

@test "a model of the nodes' own CPUs is computed once, and then kept" {
	plays -e cpushim_baseline=true -e cpushim_model=fleet-1
	on node2 cpushim show fleet-1
	cmp "$(root_path node1)/etc/cpushim/models.d/fleet-1.xml" "$(root_path node2)/etc/cpushim/models.d/fleet-1.xml"
	[ "$(given node2)" = fleet-1 ]
	plays -e cpushim_baseline=true -e cpushim_model=fleet-1
	recap 'changed=0 .*failed=0'
}

@test "a node that comes later is given the model that the others have, though it is the first" {
	local there here
	there=$(root_path node2)/etc/cpushim/models.d/fleet-1.xml
	here=$(root_path node1)/etc/cpushim/models.d/fleet-1.xml
	printf '<!-- the first -->\n' >>"$there"
	rm "$here"
	on node1 cpushim compile
	plays -e cpushim_baseline=true -e cpushim_model=fleet-1
	cmp "$here" "$there"
}

@test "two nodes that mean different things by a name: the play fails, nova keeps what it had" {
	printf "<cpus><model name='unlike'><model name='gate64'/></model></cpus>\n" >"$(root_path node1)/etc/cpushim/models.d/unlike.xml"
	printf "<cpus><model name='unlike'><model name='gate64'/><feature name='cx16'/></model></cpus>\n" >"$(root_path node2)/etc/cpushim/models.d/unlike.xml"
	run ! play -e cpushim_model=unlike
	[[ $output == *"unlike isn't the same everywhere"* ]]
	[ "$(given node1)" = fleet-1 ]
}

@test "a node that fails: nova keeps what it had on the others, too" {
	rm "$(root_path node2)/etc/cpushim/models.d/unlike.xml"
	run ! play -e cpushim_model=unlike
	[[ $output == *"node2 failed, can't be reached, or comes in a later batch"* ]]
	[ "$(given node1)" = fleet-1 ]
	rm "$(root_path node1)/etc/cpushim/models.d/unlike.xml"
}

@test "a model that a host can't give: the play fails with what it lacks" {
	run ! play -e cpushim_model=x86-64-v4
	[[ $output == *'x86-64-v4 tcg refused'* ]]
}

@test "the nodes of a job are compared by /proc/cpuinfo, nothing installed: the one that lacks a feature is named" {
	local root
	printf "<cpus xmlns:s='urn:cpushim:1'><model name='job'><s:qemu base='kvm64'/><feature name='fxsr'/><feature name='sse2'/></model></cpus>\n" \
		>"$BATS_FILE_TMPDIR/job.xml"
	compare=(-e role=cpushim-compare -e cpushim_compare_model="$BATS_FILE_TMPDIR/job.xml")
	plays "${compare[@]}"
	recap 'failed=0'
	root=$(root_path node2)
	sed 's/ sse2 / /' /proc/cpuinfo >"$root/run/cpuinfo"
	on node2 mount --bind /run/cpuinfo /proc/cpuinfo
	run ! play "${compare[@]}"
	[[ $output == *'node2 lacks sse2, which job has'* ]]
	grep -q '^node1  *:.*failed=0' <<<"$output"
	# a name that ends as a file's does
	sed 's/^node2 /node2.test /' "$BATS_FILE_TMPDIR/inventory" >"$BATS_FILE_TMPDIR/named"
	run ! play "${compare[@]}" -i "$BATS_FILE_TMPDIR/named" --check --limit node1,node2.test
	[[ $output == *'node2.test lacks sse2, which job has'* ]]
	on node2 umount /proc/cpuinfo
	[ -z "$(on node1 find /tmp -name '*.cpushim')" ] # the judge's
	# and by the command that is installed
	run play -e role=cpushim-compare -e cpushim_checkout=
	[[ $output == *'which gate64 has'* || $status = 0 ]]
	[[ $output != *'No such file'* ]]
}

@test "taking it away where a guest needs it: refused, and nova gives the model as before, on all nodes" {
	local node
	plays -e cpushim_model=gate64
	guest_stop node2 site
	run ! play -e cpushim_state=absent
	[[ $output == *'guests need cpushim'* ]]
	[[ $output == *"node1 failed, can't be reached, or comes in a later batch"* ]]
	for node in "${nodes[@]}"; do
		[ "$(given "$node")" = gate64 ]
		[ -e "$(root_path "$node")/usr/lib/cpushim" ]
		[ "$(on "$node" systemctl is-active nova-compute)" = active ]
	done
}

@test "the other way round: nova first, then cpushim; --check tells of it" {
	local node
	guest_stop node1 site
	for node in "${nodes[@]:2}"; do
		guest_stop "$node" site
	done
	plays -e cpushim_state=absent --check
	recap 'changed=[1-9]'
	plays -e cpushim_state=absent
	for node in "${nodes[@]}"; do
		[ ! -e "$(root_path "$node")/usr/lib/cpushim" ]
		[ "$(on "$node" systemctl is-active nova-compute)" = active ]
		grep -qx 'cpu_mode = host-model' "$(root_path "$node")/etc/nova/nova.conf"
	done
	plays -e cpushim_state=absent
	recap 'changed=0 .*failed=0'
}
