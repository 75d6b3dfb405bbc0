# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# libvirt in a throwaway root (root.bash): its daemons, guests, and what their QEMUs were given.
# Guests have no disks, 64 MiB, and no network; by default they boot the guest that reads its
# own CPUID, which writes to /run/guests/NAME in an endless loop.
#
# Where systemd is the node's first process, libvirt's units are started, and guests have control groups.
#
#	libvirt_up NODE [--tcp]		start virtlogd and libvirtd, wait until they answer
#	libvirt_down NODE		stop them; guests go on running
#	libvirt_restart NODE
#	libvirt_since NODE VERSION	is it that release or a later one?
#	on NODE virsh ...
#	guest_xml NAME [--kvm] [--vcpus N] [--current N] [--cpu XML] [--kernel FILE] [--qemu XML]
#		[--machine TYPE] [--cmdline WORDS]
#	guest_start NODE NAME [OPTIONS of guest_xml]
#	guest_stop NODE NAME
#	guests_stop NODE...		all that run there
#	guest_pid NODE NAME		its QEMU's process id in the node
#	guest_args NODE NAME		its QEMU's arguments, one a line
#	guest_cpu NODE NAME		the value of its last -cpu
#	guest_words NODE NAME		what its QEMU says that it gives, as a guest's dump
#	map_gate64 NODE [XML]		gate64 in its libvirt's map, as others than cpushim put it there; with XML in it
#	map_without_gate64 NODE
#	fake_libvirt NODE [GCC-OPTION...]	a libvirt.so.0 that answers what the script on stdin prints
#	real_libvirt NODE

# What libvirtd needs here; everything else is as the distribution has it.
libvirt_configure() {
	local root tcp=${2-}
	root=$(root_path "$1")
	# No security driver: these namespaces would have to be known to its policy.
	printf 'security_driver = "none"\n' >>"$root/etc/libvirt/qemu.conf"
	has_systemd "$1" || printf 'cgroup_controllers = [ ]\n' >>"$root/etc/libvirt/qemu.conf"
	# nor can libvirt make a /dev/kvm everywhere
	[ ! -e "$root/dev/kvm" ] || printf 'namespaces = [ ]\n' >>"$root/etc/libvirt/qemu.conf"
	cat >>"$root/etc/libvirt/libvirtd.conf" <<-END
		host_uuid = "$(cat /proc/sys/kernel/random/uuid)"
		log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
	END
	[ -z "$tcp" ] || cat >>"$root/etc/libvirt/libvirtd.conf" <<-'END'
		listen_tls = 0
		listen_tcp = 1
		auth_tcp = "none"
	END
	mkdir -p "$root/run/guests"
	chmod 1777 "$root/run/guests"
	cp "$CHECKOUT/build/guest" "$root/run/guests/kernel"
	touch "$root/etc/libvirt/.configured"
}

libvirt_up() {
	local node=$1 root
	root=$(root_path "$node")
	[ -e "$root/etc/libvirt/.configured" ] || libvirt_configure "$@"
	if has_systemd "$node"; then
		on "$node" systemctl start libvirtd
	else
		libvirt_up_by_hand "$node"
	fi
	libvirt_await "$node"
}

libvirt_up_by_hand() {
	local root listen=()
	root=$(root_path "$1")
	! grep -q '^listen_tcp' "$root/etc/libvirt/libvirtd.conf" || listen=(-l)
	[ -S "$root/run/libvirt/virtlogd-sock" ] || on "$1" virtlogd -d
	on "$1" libvirtd -d "${listen[@]}"
}

# libvirt_await NODE: until it answers
libvirt_await() {
	local node=$1 tries
	for ((tries = 0; tries < 100; tries++)); do
		! on "$node" timeout 60 virsh -q -c qemu:///system uri >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	cat "$(root_path "$node")/var/log/libvirt/libvirtd.log" >&2
	return 1
}

libvirt_down() {
	local node=$1 pid
	if has_systemd "$node"; then
		on "$node" systemctl stop libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd
		return
	fi
	pid=$(cat "$(root_path "$node")/run/libvirtd.pid") || return 0
	on "$node" kill "$pid"
	while on "$node" kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
}

libvirt_restart() {
	if has_systemd "$1"; then
		# as often as a test wants
		on "$1" systemctl reset-failed libvirtd
		on "$1" systemctl restart libvirtd
		libvirt_await "$1"
		return
	fi
	libvirt_down "$1"
	libvirt_up "$1"
}

kill_daemon() { # NODE SIGNAL
	on "$1" kill "-$2" "$(cat "$(root_path "$1")/run/libvirtd.pid")"
}

libvirt_since() {
	printf '%s\n' "$2" "$(on "$1" virsh --version)" | sort -V -C
}

guest_xml() {
	local name=$1 type=qemu vcpus=1 current='' cpu='' qemu='' kernel=/run/guests/kernel machine=pc
	local cmdline=loop
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--kvm) type=kvm ;;
		--vcpus) vcpus=$2 && shift ;;
		--current) current=$2 && shift ;;
		--cpu) cpu=$2 && shift ;;
		--kernel) kernel=$2 && shift ;;
		--qemu) qemu=$2 && shift ;;
		--machine) machine=$2 && shift ;;
		--cmdline) cmdline=$2 && shift ;;
		*) return 2 ;;
		esac
		shift
	done
	cat <<-END
		<domain type='$type' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
		  <name>$name</name>
		  <memory unit='MiB'>64</memory>
		  <vcpu current='${current:-$vcpus}'>$vcpus</vcpu>
		  <os>
		    <type arch='x86_64' machine='$machine'>hvm</type>
		    ${kernel:+<kernel>$kernel</kernel><cmdline>$cmdline</cmdline>}
		  </os>
		  <features><acpi/><apic/></features>
		  $cpu
		  <devices>
		    <controller type='usb' model='none'/>
		    <memballoon model='none'/>
		    <serial type='file'><source path='/run/guests/$name'/></serial>
		  </devices>
		  $qemu
		</domain>
	END
}

# cpu_xml MODEL: as nova asks for it, with the topology that it adds
cpu_xml() {
	printf "<cpu mode='custom' match='exact'><model>%s</model>%s</cpu>" "$1" "${2-}"
}

guest_start() {
	local node=$1 file
	shift
	file=/run/guests/$1.xml
	guest_xml "$@" >"$(root_path "$node")$file"
	on "$node" timeout 120 virsh -q create "$file"
}

guest_stop() {
	on "$1" timeout 60 virsh -q destroy "$2"
}

guests_stop() {
	local node guest
	for node; do
		for guest in $(on "$node" virsh -q list --name); do
			guest_stop "$node" "$guest"
		done
	done
}

guest_pid() {
	cat "$(root_path "$1")/run/libvirt/qemu/$2.pid"
}

guest_args() {
	tr '\0' '\n' <"$(root_path "$1")/proc/$(guest_pid "$1" "$2")/cmdline"
}

guest_cpu() {
	guest_args "$1" "$2" | sed -n -e '/^-cpu$/{n;h;}' -e '$ {x;p;}'
}

# guest_exact NODE NAME MODEL [VCPUS]: wait until the guest has read its CPUID anew, on all of its
# vCPUs, and hold it against the definition. Prints what verify prints.
guest_exact() {
	local node=$1 name=$2 model=$3 vcpus=${4:-1}
	guest_reads "$node" "$name" "$vcpus" >"$(root_path "$node")/run/guests/$name.dump" || return
	on "$node" cpushim verify "$model" --read "/run/guests/$name.dump"
}

# guest_reads NODE NAME [VCPUS]: what it reads from now on, once it has, as a dump
guest_reads() {
	: >"$(root_path "$1")/run/guests/$2"
	guest_dump_when_ready "$@"
}

# guest_dump_when_ready NODE NAME [VCPUS]
guest_dump_when_ready() {
	local tries
	for ((tries = 0; tries < 300; tries++)); do
		if [ "$(guest_dump "$1" "$2" | grep -c '^cpu ')" = "${3:-1}" ]; then
			guest_dump "$1" "$2"
			return
		fi
		sleep 0.1
	done
	printf '%s: no dump of %s vCPUs\n' "$2" "${3:-1}" >&2
	return 1
}

# guest_dump NODE NAME: its last complete dump
guest_dump() {
	tr -d '\0\r' <"$(root_path "$1")/run/guests/$2" |
		awk '/^cpushim-guest/ { dump = ""; begun = 1 } { dump = dump $0 "\n" }
			/^end$/ { if (begun) last = dump; begun = 0 } END { printf "%s", last }'
}

# guest_property NODE NAME PROPERTY: of its first vCPU, as QEMU's monitor prints it
guest_property() {
	on "$1" virsh -q qemu-monitor-command "$2" "{\"execute\": \"qom-get\", \"arguments\":
		{\"path\": \"/machine/unattached/device[0]\", \"property\": \"$3\"}}" |
		sed 's/.*"return": *//; s/, *"id":.*//; s/}$//; s/^"\(.*\)"$/\1/'
}

# guest_words: with a KVM that obeys, that is what the guest reads
guest_words() {
	local node=$1 name=$2 property reg leaf subleaf features family extended
	local -A is=() word=() leaves=()
	for property in vendor family model stepping level xlevel xlevel2; do
		is[$property]=$(guest_property "$node" "$name" $property) || return
	done
	while read -r reg leaf subleaf features; do
		word[$leaf $subleaf $reg]=$features
		leaves[$leaf $subleaf]=1
	done < <(guest_property "$node" "$name" feature-words | tr '{' '\n' | sed -n '
		s/.*"cpuid-register": *"\(E.X\)".*/&\1/; s/.*"cpuid-input-eax": *\([0-9]*\).*/& \1/; t next
		: next
		s/.*"cpuid-input-ecx": *\([0-9]*\).*/& \1/; t ecx
		s/$/ 0/
		: ecx
		s/.*"features": *\([0-9]*\).*}[^E]*\(E.X.*\)/\2 \1/p')
	family=${is[family]}
	extended=$((family > 15 ? family - 15 : 0))
	word["1 0 EAX"]=$((extended << 20 | (family - extended) << 8 | is[model] >> 4 << 16 | (is[model] & 15) << 4 | is[stepping]))
	printf 'cpushim-guest 1\ncpu 0\n'
	# the vendor's 12 letters are in EBX, EDX, ECX
	printf '00000000 00000000 %08x %s %s %s\n' "${is[level]}" "$(little_endian "${is[vendor]:0:4}")" \
		"$(little_endian "${is[vendor]:8:4}")" "$(little_endian "${is[vendor]:4:4}")"
	printf '80000000 00000000 %08x 00000000 00000000 00000000\n' "${is[xlevel]}"
	printf 'c0000000 00000000 %08x 00000000 00000000 00000000\n' "${is[xlevel2]}"
	for leaf in "${!leaves[@]}"; do
		# shellcheck disable=SC2086 # two numbers
		printf '%08x %08x %08x %08x %08x %08x\n' $leaf "${word[$leaf EAX]-0}" \
			"${word[$leaf EBX]-0}" "${word[$leaf ECX]-0}" "${word[$leaf EDX]-0}"
	done | sort
	printf 'end\n'
}

little_endian() {
	printf %s "$1" | od -A n -t x4 | tr -d ' '
}

# disk_xml NODE NAME: an empty qcow2 disk of 64 MiB, for internal snapshots, and its XML
disk_xml() {
	local file=/run/guests/$2.qcow2 out zero='\0\0\0\0'
	out=$(root_path "$1")$file
	# A header, a table of reference counts, its block and a table of data clusters, 64 KiB each
	# (docs/interop/qcow2.txt, QEMU 7.2).
	truncate -s 256K "$out"
	printf %b "QFI\\0373\0\0\0\002$zero$zero$zero\0\0\0\020$zero\004\0\0\0$zero\0\0\0\001" \
		"$zero\0\003\0\0$zero\0\001\0\0\0\0\0\001$zero$zero$zero" |
		dd of="$out" conv=notrunc status=none
	printf %b "$zero\0\002\0\0" | dd of="$out" conv=notrunc bs=64K seek=1 status=none
	printf '\0\001\0\001\0\001\0\001' | dd of="$out" conv=notrunc bs=64K seek=2 status=none
	chmod 666 "$out"
	printf "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='%s'/><target dev='vda' bus='virtio'/></disk>" "$file"
}

# marked NODE: waits until the guests that were started have their marks: every start is followed by a
# marker's
marked() {
	local tries
	for ((tries = 0; tries < 300; tries++)); do
		on "$1" pgrep -f '^cpushim (hook|mark) ' >/dev/null || return 0
		sleep 0.1
	done
}

# mark_of NODE NAME: the digest that its live XML is marked with, once it is
mark_of() {
	marked "$1"
	on "$1" virsh -q dumpxml "$2" | sed -n "s/.*<shim:cpu .*digest=[\"']\([0-9a-f]*\)[\"'].*/\1/p"
}

# digest_in: the digest in short at the end of what verify prints; there has to be one
digest_in() {
	local digest
	digest=$(sed -n 's/.*digest \([0-9a-f]\{12\}\)[0-9a-f]*$/\1/p')
	[ -n "$digest" ] || return
	printf '%s\n' "$digest"
}

# node_new NODE [--kvm]: a root with libvirt as the distribution has it, ready to be used, and with one
# emulator, which is enough for most tests; NODE_EMULATORS=all: with all that the distribution has
node_new() {
	root_new "$@"
	[ "${NODE_EMULATORS-}" = all ] || rm -f "$(root_path "$1")/usr/bin/qemu-system-i386"
	# this machine may be a node itself
	[ ! -e "$(root_path "$1")/usr/lib/cpushim/receipt" ] || node_install "$1" --uninstall --force >/dev/null
	libvirt_configure "$1" "${NODE_TCP-}"
}

# install_command [OPTION]...: sets $command to what puts cpushim on a node, or with --uninstall takes it off:
# what install.sh ends with. Before that comes make, which takes as long again (tests/install.bats has all of it).
install_command() {
	local option options=()
	command=("$CHECKOUT/build/cpushim" ready --source "$CHECKOUT/build/node")
	for option; do
		case $option in
		--uninstall) command=("$CHECKOUT/build/cpushim" remove) ;;
		*) options+=("$option") ;;
		esac
	done
	command+=("${options[@]}")
}

# node_install NODE [OPTION]...: cpushim on it
node_install() {
	local command
	install_command "${@:2}"
	on "$1" "${command[@]}"
}

map_gate64() {
	local map
	map=$(root_path "$1")/usr/share/libvirt/cpu_map
	sed -n '/<feature/p' "$CHECKOUT/cpumap/models/gate64.xml" |
		sed -e "1i <cpus><model name='gate64'><decode host='off' guest='off'/>${2-}" -e '$a </model></cpus>' \
			>"$map/x86_gate64.xml"
	sed -i "/x86_features\.xml/a <include filename='x86_gate64.xml'/>" "$map/index.xml"
}

map_without_gate64() {
	local map
	map=$(root_path "$1")/usr/share/libvirt/cpu_map
	sed -i '/x86_gate64\.xml/d' "$map/index.xml"
	rm "$map/x86_gate64.xml"
}

# fake_libvirt NODE [GCC-OPTION...]: its libvirt.so.0 is another from now on, which answers what the script
# on stdin prints (fakevirt.c); /usr/lib/real-libvirt.so.0 is the distribution's
fake_libvirt() {
	local root
	root=$(root_path "$1")
	cat >"$root/run/libvirt-says"
	chmod 755 "$root/run/libvirt-says"
	# shellcheck disable=SC2016 # the inner shell's
	on "$1" sh -c '
		library=$(echo /usr/lib/*-linux-gnu)/libvirt.so.0
		[ -e /usr/lib/real-libvirt.so.0 ] || cp "$library" /usr/lib/real-libvirt.so.0
		source=$1
		shift
		rm -f "$library"
		gcc -shared -fPIC -O1 "$@" -o "$library" "$source"' sh "$CHECKOUT/tests/lib/fakevirt.c" "${@:2}"
}

# real_libvirt NODE: the distribution's again
real_libvirt() {
	# shellcheck disable=SC2016 # the inner shell's
	on "$1" sh -c 'library=$(echo /usr/lib/*-linux-gnu)/libvirt.so.0
		[ ! -e /usr/lib/real-libvirt.so.0 ] || cp --remove-destination /usr/lib/real-libvirt.so.0 "$library"'
}

# node_ready NODE [OPTION]...: the same while libvirt runs there, and libvirt restarted
node_ready() {
	node_install "$@" || [ $? = 1 ]
	libvirt_restart "$1"
	on "$1" cpushim ready "${@:2}"
}

# node_remove NODE: cpushim off it while libvirt runs there, which has to be restarted in between
node_remove() {
	node_install "$@" --uninstall || [ $? = 1 ]
	libvirt_restart "$1"
	node_install "$@" --uninstall
}
