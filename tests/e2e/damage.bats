#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Whatever has happened to cpushim's files, a domain without a site model starts, and one with gate64 is
# exact or refused. The wrapper, the hook's front and the include in libvirt's map can't be protected
# from damage; they are replaced by a rename alone, which is shown here. Needs root.

bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	export ROOTS=$BATS_TEST_TMPDIR/roots
	load ../lib/root.bash
	load ../lib/libvirt.bash
	load ../lib/some.bash
}

teardown() {
	local node
	for node in "$ROOTS"/*/; do
		[ ! -e "$node/pid" ] || root_drop "$(basename "$node")"
	done
}

# One way to lose a file.
damage() {
	case $2 in
	missing) rm -f "$1" ;;
	empty) : >"$1" ;;
	truncated) truncate -s $(($(stat -c %s "$1") / 2)) "$1" ;;
	garbled) printf 'garbled\377\001' | dd of="$1" bs=1 seek=40 conv=notrunc status=none ;;
	unreadable) chmod 000 "$1" ;;
	esac
}

node_up() {
	node_new node
	root=$(root_path node)
}

# exact_or_refused NODE: a gate64 domain
exact_or_refused() {
	if guest_start "$1" asks --cpu "$(cpu_xml gate64)" >"$ROOTS/said" 2>&1; then
		guest_exact_outside "$1" asks || return
		guest_stop "$1" asks
	fi
}

# As guest_exact, by the checkout's own command and table: the node's may be what is damaged.
guest_exact_outside() {
	local dump=$ROOTS/dump
	guest_dump_when_ready "$1" "$2" >"$dump" || return
	CPUSHIM_ROOT=$CHECKOUT/build/root "$CHECKOUT/build/cpushim" verify gate64 --read "$dump"
}

ways() { # N: each Nth
	printf '%s\n' garbled missing truncated unreadable empty | some "$1"
}

# with_damage FILE WAY...: each way, libvirtd restarted each time
with_damage() {
	local file=$1 way
	node_up
	node_install node
	libvirt_up node
	[ -e "$root$file" ]
	cp -p "$root$file" "$root/run/whole"
	for way in "${@:2}"; do
		printf '%s\n' "$way"
		damage "$root$file" "$way"
		touch "$root/usr/bin/qemu-system-x86_64" # libvirt probes again
		libvirt_restart node
		guest_start node other --cpu "$(cpu_xml kvm64)"
		guest_stop node other
		guest_start node none
		guest_stop node none
		exact_or_refused node
		rm -f "$root$file"
		cp -p "$root/run/whole" "$root$file"
	done
	# and whole again, it works again
	touch "$root/usr/bin/qemu-system-x86_64"
	libvirt_restart node
	guest_start node asks --cpu "$(cpu_xml gate64)"
	guest_exact_outside node asks
}

@test "the table damaged in each way" {
	# shellcheck disable=SC2046 # words
	with_damage /usr/lib/cpushim/models.table $(ways 3)
}

@test "qmp-proxy damaged in each way" {
	# shellcheck disable=SC2046 # words
	with_damage /usr/lib/cpushim/qmp-proxy $(ways 5)
}

@test "the command damaged in each way" {
	# shellcheck disable=SC2046 # words
	with_damage /usr/bin/cpushim $(ways 5)
}

@test "the copies of hook and wrapper, the guest, the manifest and the definitions damaged in each way" {
	rare
	node_up
	node_install node
	libvirt_up node
	for way in garbled missing; do
		for file in $(cd "$root" && find usr/lib/cpushim usr/share/cpushim etc/cpushim -type f \
			! -name models.table ! -name qmp-proxy); do
			damage "$root/$file" $way
		done
		libvirt_restart node
		guest_start node other --cpu "$(cpu_xml kvm64)"
		guest_stop node other
		guest_start node asks --cpu "$(cpu_xml gate64)"
		guest_exact_outside node asks
		guest_stop node asks
	done
}

@test "without the hook the wrapper alone is exact" {
	node_up
	node_install node
	rm "$root/etc/libvirt/hooks/qemu"
	libvirt_up node
	guest_start node asks --cpu "$(cpu_xml gate64)"
	guest_exact_outside node asks
	guest_stop node asks
}

@test "somebody's gate64 with the same features in cpu_map before us stays theirs, and gate64 is exact" {
	node_up
	theirs=$root/usr/share/libvirt/cpu_map/x86_gate64.xml
	map_gate64 node
	cp "$theirs" "$BATS_TEST_TMPDIR/theirs"
	run -0 node_install node
	[[ $output == *x86_gate64.xml*'stays theirs'* ]]
	libvirt_up node
	guest_start node asks --cpu "$(cpu_xml gate64)"
	guest_exact_outside node asks
	cmp "$theirs" "$BATS_TEST_TMPDIR/theirs"
}

@test "somebody's gate64 with other features in cpu_map before us: named with the difference, gate64 refused" {
	node_up
	map_gate64 node "<feature name='vme'/>"
	run -1 node_install node
	[[ $output == *gate64*'only there: vme'* ]]
	libvirt_up node
	guest_start node other --cpu "$(cpu_xml kvm64)"
	run -1 guest_start node asks --cpu "$(cpu_xml gate64)"
	[[ $output == *"model 'gate64'"*'only there: vme'* ]]
}

# A map that libvirt can't load breaks every CPU call.
map_loads() {
	on "$1" virsh -q -c test:///default cpu-models x86_64 >/dev/null
}

@test "compile killed at any moment leaves a map that libvirt loads" {
	node_up
	node_install node
	for n in 1 2 3 4 5 6 7 8; do
		printf '<cpus><model name="m%s"><model name="gate64"/><feature name="cx16"/></model></cpus>' $n \
			>"$root/etc/cpushim/models.d/m$n.xml"
		on node timeout -s KILL "0.$((n * 7 % 10))$n" cpushim compile >/dev/null || :
		map_loads node
	done
	on node cpushim compile
	map_loads node
	on node virsh -q -c test:///default cpu-models x86_64 | grep -x m8
}

@test "a definition that libvirt can't take never reaches its map" {
	node_up
	node_install node
	printf '<cpus><model name="site"><model name="gate64"/><feature name="cx16"/></model></cpus>' \
		>"$root/etc/cpushim/models.d/site.xml"
	before=$(sha256sum "$root/usr/share/libvirt/cpu_map/x86_cpushim.xml" "$root/usr/lib/cpushim/models.table" \
		"$root/etc/cpushim/published")
	# a map in which libvirt misses something of every model
	sed -i "/<feature name='pni'>/,/<\/feature>/d" "$root/usr/share/libvirt/cpu_map/x86_features.xml"
	run ! on node virsh -q -c test:///default cpu-models x86_64
	run -2 on node cpushim compile
	[[ $output == *"libvirt doesn't take it"* ]]
	[ "$before" = "$(sha256sum "$root/usr/share/libvirt/cpu_map/x86_cpushim.xml" "$root/usr/lib/cpushim/models.table" \
		"$root/etc/cpushim/published")" ]
}

restart_in_between() {
	exec 8>"$root/run/restarts"
	flock 8
	libvirt_restart node 8>&-
	flock -u 8
}

@test "guests start all along while cpushim is installed and taken away" {
	node_up
	libvirt_up node
	guest_xml loop --kernel '' --cpu "$(cpu_xml kvm64)" >"$root/run/loop.xml"
	: >"$root/run/starts"
	on node bash -c 'while [ ! -e /run/enough ]; do
		# no restart of libvirt meanwhile
		exec 8>/run/restarts && flock 8
		virsh -q create /run/loop.xml && virsh -q destroy loop && echo started || echo failed
		flock -u 8
	done >/run/starts 2>&1' &
	starts=$!
	# as often as it takes to see some start
	for ((cycles = 0; cycles < 2 || (cycles < 60 && $(grep -c started "$root/run/starts") < 6); cycles++)); do
		node_install node || [ $? = 1 ]
		restart_in_between
		node_install node --uninstall || [ $? = 1 ]
		restart_in_between
		node_install node --uninstall
	done
	touch "$root/run/enough"
	wait $starts
	[ "$(grep -c started "$root/run/starts")" -ge 6 ]
	run ! grep -v started "$root/run/starts"
}

@test "guests start with a libvirt that has called the hook before, when it is gone and when it is back" {
	rare
	node_up
	node_install node
	libvirt_up node
	guest_start node other --cpu "$(cpu_xml kvm64)"
	guest_stop node other
	for step in node_remove node_ready node_remove; do
		$step node
		guest_start node other --cpu "$(cpu_xml kvm64)"
		guest_stop node other
	done
}
