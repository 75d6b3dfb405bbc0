#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# cpushim doctor: each condition of a right node is broken once, in a copy of the staged root (make stage),
# and doctor has to name that one and no other, and what mends it. A function break_ID makes the condition
# (`-` in an id is `_`). Those that need a libvirt that runs are broken in e2e/doctor.bats. Needs root.

# shellcheck disable=SC2016 # names of commands in backticks
bats_require_minimum_version 1.5.0

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	[ "$(id -u)" = 0 ] || skip 'needs root'
	unset COLUMNS NO_COLOR
	export TERM=xterm
	root=$BATS_TEST_TMPDIR/root
	map=$root/usr/share/libvirt/cpu_map
	lib=$root/usr/lib/cpushim
	table=$lib/models.table
	qemu=$root/usr/bin/qemu-system-x86_64
	hook=$root/etc/libvirt/hooks/qemu
	site=$root/etc/cpushim/models.d/site.xml
	real=$(readlink "$CHECKOUT/build/root/usr/bin/qemu-system-x86_64.distrib")
	uuid=6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d64
	cp -a "$CHECKOUT/build/root" "$root" || {
		printf 'make stage comes first\n' >&2
		return 1
	}
	[ -e "$map/index.xml" ] || skip "needs libvirt's cpu_map"
	right_node
}

right_node() {
	rm -f "$root"/etc/cpushim/models.d/*
	mkdir -p "$root/proc" "$root/etc/libvirt/qemu" "$root/var/lib/libvirt/qemu/save"
	printf 'libvirt-qemu:x:64055:64055::/:/usr/sbin/nologin\n' >"$root/etc/passwd"
	receipt file /usr/lib/cpushim/guest "$(sha256sum <"$lib/guest" | cut -d' ' -f1)"
	receipt file /etc/libvirt/hooks/qemu "$(sha256sum <"$hook" | cut -d' ' -f1)"
	cpushim compile --force >/dev/null
}

# not the root's own, which may be what is broken
cpushim() {
	CPUSHIM_ROOT=$root "$CHECKOUT/build/cpushim" "$@"
}

receipt() { # KIND PATH [SHA256]
	[ -e "$lib/receipt" ] || printf 'cpushim-receipt 1\n' >"$lib/receipt"
	printf '%s\t%s\t%s\t-\t-\t-\n' "$1" "$2" "${3:--}" >>"$lib/receipt"
}

no_receipt_of() { # PATH
	sed -i "\|$1|d" "$lib/receipt"
}

domain() { # MODEL [EMULATOR [TYPE]]
	cat <<-END
		<domain type='${3-qemu}'><name>vm</name><uuid>$uuid</uuid>
		<cpu mode='custom' match='exact'><model>$1</model></cpu>
		<devices><emulator>${2-/usr/bin/qemu-system-x86_64}</emulator></devices></domain>
	END
}

define() { # as domain
	domain "$@" >"$root/etc/libvirt/qemu/vm.xml"
}

status() { # as domain: vm runs
	mkdir -p "$root/run/libvirt/qemu"
	printf "<domstatus state='running' pid='7'>%s</domstatus>" "$(domain "$@")" >"$root/run/libvirt/qemu/vm.xml"
	printf 7 >"$root/run/libvirt/qemu/vm.pid"
}

process() { # CPU: vm's QEMU
	mkdir -p "$root/proc/7"
	ln -sfn /usr/bin/qemu-system-x86_64 "$root/proc/7/exe"
	printf '%s\0' /usr/bin/qemu-system-x86_64 -name vm -machine pc,accel=tcg -cpu "$1" -uuid "$uuid" \
		>"$root/proc/7/cmdline"
}

little_endian() { # NUMBER
	printf '%b' "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) 0)"
}

save() { # as domain: vm's managed save (struct _virQEMUSaveHeader, src/qemu/qemu_saveimage.h, 9.0)
	local xml
	xml=$(domain "$@")
	{
		printf 'LibvirtQemudSave'
		little_endian 2
		little_endian $((${#xml} + 1))
		head -c 68 /dev/zero
		printf '%s\0' "$xml"
	} >"$root/var/lib/libvirt/qemu/save/vm.save"
}

model() { # NAME [XML]: a site's definition
	printf "<cpus xmlns:shim='urn:cpushim:1'><model name='%s'>%s</model></cpus>\n" "$1" \
		"${2-<model name='gate64'/><feature name='cx16'/>}" >"$site"
}

# QEMU as a script that starts it: [COMMANDS]
qemu_script() {
	rm "$qemu.distrib"
	printf '#!/bin/bash\n%s\nexec %s "$@"\n' "${1-}" "$real" >"$qemu.distrib"
	chmod 755 "$qemu.distrib"
}

compile() { # a definition may be refused
	local status=0
	cpushim compile >/dev/null 2>&1 || status=$?
	[ $status -le 1 ]
}

# ---- a function each, by the name of the condition ----

break_libvirt() { rm -r "$map"; }
break_index() { sed -i '/x86_cpushim/d' "$map/index.xml"; }
break_include() { sed -i "/name='gate64'/,/<.model>/d" "$map/x86_cpushim.xml"; }
break_map() { printf '<cpus' >"$map/x86_vendors.xml"; }
break_dropin() {
	mkdir -p "$root/usr/lib/systemd/system"
	touch "$root/usr/lib/systemd/system/libvirtd.service"
}

break_hook() { rm "$hook"; }
break_hook_overwritten() { printf '#!/bin/sh\nexit 0\n' >"$hook"; }
break_hook_ours() {
	break_hook_overwritten
	no_receipt_of "${hook#"$root"}"
}
break_hook_executable() { chmod -x "$hook"; }
break_hook_release() { printf x >>"$hook"; }
break_hook_twice() {
	mkdir "$hook.d"
	cp "$hook" "$hook.d/cpushim"
}

break_wrapper() { ln -sf "$real" "$qemu"; }
break_wrapper_release() { LC_ALL=C sed -i "s/$(cat "$CHECKOUT/VERSION")/0.0.1/" "$qemu"; }
break_wrapper_lost() { receipt real /usr/bin/qemu-kvm.distrib; }
break_real() { rm "$qemu.distrib"; }
break_real_executable() {
	qemu_script
	chmod 644 "$qemu.distrib"
}
break_real_answers() { qemu_script 'exit 3'; }
break_diversion() {
	mkdir -p "$root/var/lib/dpkg/info"
	printf '/.\n/usr/bin/qemu-system-x86_64\n' >"$root/var/lib/dpkg/info/qemu-system-x86.list"
}
break_qemu_table() { qemu_script; }
break_probe() {
	touch "$qemu"
	mkdir -p "$root/var/cache/libvirt/qemu/capabilities"
	cat >"$root/var/cache/libvirt/qemu/capabilities/1.xml" <<-END
		<qemuCaps><emulator>/usr/bin/qemu-system-x86_64</emulator>
		<qemuctime>$(stat -c %Z "$qemu")</qemuctime>
		<accel type='tcg'><cpu type='tcg' name='kvm64' usable='yes'/></accel></qemuCaps>
	END
}
break_default_emulator() {
	mkdir -p "$root/usr/local/bin"
	ln -s "$real" "$root/usr/local/bin/qemu-system-x86_64"
}
break_domain_emulators() {
	ln -s "$real" "$root/usr/bin/qemu-other"
	define gate64 /usr/bin/qemu-other
}

break_table() { printf 'cpushim-table 2 head=' >"$table"; }
break_command() { rm "$root/usr/bin/cpushim"; }
break_proxy() { rm "$lib/qmp-proxy"; }
break_table_readable() { chmod 600 "$table"; }
break_proxy_readable() { chmod 700 "$lib/qmp-proxy"; }
break_command_readable() { chmod 700 "$root/usr/bin/cpushim"; }
break_owners() { chown 1234 "$lib/guest"; }
break_modes() { chmod 664 "$lib/guest"; }
break_release() {
	"$CHECKOUT/tests/lib/table" "$table" >"$table.new"
	mv "$table.new" "$table"
}
break_receipt() { rm "$lib/receipt"; }
break_files() { printf x >>"$lib/guest"; }
# in the mount namespace that told() makes
break_usr() { read_only=yes; }
break_leftovers() {
	touch -d '1 hour ago' "$table.cpushim-new"
	# another run's, which goes on
	touch "$map/index.xml.cpushim-new"
}
break_removal() {
	mkdir -p "$root/run"
	printf 'cpushim remove\n' >"$root/run/cpushim.removing"
}
break_apparmor() {
	mkdir -p "$root/etc/apparmor.d/abstractions"
	printf '  /usr/bin/qemu-system-x86_64 rmix,\n' >"$root/etc/apparmor.d/abstractions/libvirt-qemu"
}
break_selinux() {
	mkdir -p "$root/sys/fs/selinux" "$root/var/log/audit"
	printf 1 >"$root/sys/fs/selinux/enforce"
	: >"$root/var/log/audit/audit.log"
}
break_denials() {
	mkdir -p "$root/sys/module/apparmor/parameters" "$root/var/log"
	printf 'Y\n' >"$root/sys/module/apparmor/parameters/enabled"
	# the first is of before yesterday, the second isn't ours
	printf 'audit(%s.1:2): apparmor="DENIED" name="%s" comm="x"\n' \
		$(($(date +%s) - 200000)) /usr/bin/qemu-system-x86_64.distrib \
		"$(date +%s)" /usr/bin/tcpdump \
		"$(date +%s)" /usr/bin/qemu-system-x86_64.distrib >"$root/var/log/kern.log"
}

break_guests_restart() {
	status site-gone
	process kvm64
}
break_guests_meaning() {
	define gate64
	process "$(cpushim expand gate64 | sed 's/pni=on/pni=off/')"
	status gate64
}
break_guests_before() {
	define gate64
	process Opteron_G1,-pse36
	status Opteron_G1
}
break_defined_gone() { define site-gone; }
break_saved_gone() { save site-gone; }
break_saved_before() {
	define gate64
	save Opteron_G1
}

break_published() { printf 'gate64 nonsense\n' >"$root/etc/cpushim/published"; }
break_def_unreadable() { printf '<cpus' >"$site"; }
break_def_doubled() {
	model gate64
	compile
}
break_def_shipped() {
	model EPYC
	compile
}
break_def_refused() {
	model site-bad "<shim:qemu base='kvm64'/><feature name='nonesuch'/>"
	compile
}
break_compiled() { model site-new; }

break_kvm() { define kvm64 /usr/bin/qemu-system-x86_64 kvm; }
break_kvm_open() {
	mkdir "$root/dev"
	touch "$root/dev/kvm"
	chmod 660 "$root/dev/kvm"
}
# a KVM whose guests read a feature that QEMU doesn't tell: TCG, with that only where a guest is started
break_kvm_faithful() {
	break_kvm_open
	chmod 666 "$root/dev/kvm"
	qemu_script 'args=()
for arg; do
	case $arg in
	kvm) arg=tcg ;;
	kvm64*) [[ $* != *" -kernel "* || $* != *" kvm "* ]] || arg=$arg,+avx,+xsave ;;
	esac
	args+=("$arg")
done
set -- "${args[@]}"'
}

break_nova_conf() {
	mkdir "$root/etc/nova"
	printf '[libvirt]\ncpu_mode = custom\n' >"$root/etc/nova/nova.conf"
}

# ---- what doctor says ----

# condition, what it is, exit status, all that isn't right in the summary, and what it says
conditions="libvirt WARN 0 libvirt there is no libvirt here; install libvirt-daemon-system, then \`cpushim ready\`
index FAIL 1 index index.xml doesn't name x86_cpushim.xml any more, so libvirt won't know the site's models once it restarts; \`cpushim ready\`
include FAIL 1 include has no model gate64, so libvirt won't start a guest of it; \`cpushim compile\`, then \`systemctl restart libvirtd\`
map FAIL 1 map x86_vendors.xml:1: isn't well-formed XML: ; reinstall libvirt's package, if the file is its own
dropin FAIL 1 dropin libvirtd.service has no drop-in of cpushim's; \`cpushim ready\`
hook FAIL 1 hook libvirt's hook isn't there, so nothing checks what guests of site models get; \`cpushim ready\`, then \`systemctl restart libvirtd\`
hook-overwritten FAIL 1 hook-overwritten another tool has written its hook over cpushim's; \`cpushim ready\`, which leaves the tool's hook
hook-ours FAIL 1 hook-ours libvirt's hook is another tool's, so nothing checks what guests of site models get; \`cpushim ready\`
hook-executable FAIL 1 hook-executable libvirt's hook isn't executable; \`cpushim ready\`
hook-release FAIL 1 hook-release is the hook of another release of cpushim; \`cpushim ready\`
hook-twice WARN 0 hook-twice is cpushim's hook, and so is /etc/libvirt/hooks/qemu.d/cpushim; \`cpushim ready\`
wrapper FAIL 1 wrapper isn't cpushim's wrapper, so QEMU won't know the site's models; \`cpushim ready\`
wrapper-release FAIL 1 wrapper-release is the wrapper of cpushim 0.0.1, and this is; \`cpushim ready\`
wrapper-lost FAIL 1 wrapper-lost /usr/bin/qemu-kvm: had cpushim's wrapper and has lost it; \`cpushim ready\`
real FAIL 1 real there is no QEMU behind this wrapper, at /usr/bin/qemu-system-x86_64.distrib; reinstall QEMU
real-executable FAIL 1 real-executable can't be run, by its mode; reinstall QEMU
real-answers FAIL 1 real-answers ended the dialogue; reinstall QEMU
diversion FAIL 1 diversion isn't diverted, so that the next upgrade of qemu-system-x86 puts QEMU over the wrapper; \`cpushim ready\`
qemu-table FAIL 1 qemu-table its QEMU isn't the one that the table was made from; \`cpushim compile\`
probe FAIL 1 probe libvirt wasn't told of gate64 x86-64-v2 x86-64-v3 x86-64-v4 when it probed it; \`touch /usr/bin/qemu-system-x86_64\`
default-emulator FAIL 1 default-emulator /usr/local/bin/qemu-system-x86_64: is the first of that name in libvirt's PATH; move it to /usr/bin, or name /usr/bin/qemu-system-x86_64 in the domains
domain-emulators FAIL 1 domain-emulators domain vm: asks for gate64, and its emulator /usr/bin/qemu-other isn't cpushim's wrapper; let it name one of the table
table FAIL 1 table models.table: isn't a table of this version of cpushim; \`cpushim compile\` writes
command FAIL 1 command /usr/bin/cpushim: is missing or can't be run; reinstall cpushim: install.sh of its checkout, or its package
proxy FAIL 1 proxy /usr/lib/cpushim/qmp-proxy: is missing or can't be run; reinstall cpushim: install.sh of its checkout, or its package
table-readable FAIL 1 table-readable user libvirt-qemu may not use it, by the mode of the file; \`cpushim compile\`
proxy-readable FAIL 1 proxy-readable user libvirt-qemu may not use it, by the mode of the file; \`chmod 755 /usr/lib/cpushim/qmp-proxy\`
command-readable FAIL 1 command-readable user libvirt-qemu may not use it, by the mode of the file; \`chmod 755 /usr/bin/cpushim\`
owners FAIL 1 owners /usr/lib/cpushim/guest: belongs to user 1234, who can change it; \`chown root /usr/lib/cpushim/guest\`
modes FAIL 1 modes /usr/lib/cpushim/guest: has mode 664, so that others may write it; \`chmod go-w /usr/lib/cpushim/guest\`
release FAIL 1 release was written by cpushim test, and this is; \`cpushim compile\`
receipt WARN 0 receipt /usr/lib/cpushim/receipt: is missing; \`cpushim ready\`
files FAIL 1 files /usr/lib/cpushim/guest: was changed since it was put there; reinstall cpushim
usr WARN 0 usr is on a file system that is mounted read-only; \`cpushim compile\` where the image is made
leftovers WARN 0 leftovers /usr/lib/cpushim/models.table.cpushim-new: was left by work that was interrupted; \`rm -f /usr/lib/cpushim/models.table.cpushim-new\`
removal FAIL 1 removal /run/cpushim.removing: \`cpushim remove\` was begun here, and hasn't ended; \`cpushim remove\` once more; to keep cpushim, \`cpushim ready\`
apparmor WARN 0 apparmor libvirt's AppArmor profile doesn't let guests run it, so none starts once AppArmor is on; \`cpushim ready\`
selinux FAIL 1 selinux isn't labelled qemu_exec_t, so SELinux doesn't let guests run it; \`restorecon -v /usr/bin/qemu-system-x86_64
denials WARN 0 denials 1 denied since yesterday, the last one: audit(; \`cpushim ready\`
guests-restart FAIL 1 guests-restart guest vm runs with model 'site-gone', which libvirt's map on disk hasn't: libvirt ends it when it restarts; \`cpushim ready\` before libvirt is restarted
guests-meaning FAIL 1 guests-meaning guest vm asked for gate64: not what the name means today: ; \`virsh shutdown vm\`, then \`virsh start vm\`
guests-before FAIL 1 guests-before guest vm asked for gate64: runs Opteron_G1,-pse36: not what the name means; \`virsh shutdown vm\`, then \`virsh start vm\`
defined-gone FAIL 1 defined-gone domain vm asks for site-gone, which neither cpushim nor libvirt nor QEMU knows; bring a definition of the same meaning back, then \`cpushim compile\`
saved-gone FAIL 1 saved-gone the managed save of vm asks for site-gone, which neither cpushim nor libvirt nor QEMU knows; bring a definition
saved-before WARN 0 saved-before vm: its managed save has the CPU 'Opteron_G1', and it asks for 'gate64'; \`virsh managedsave-remove vm\`
published FAIL 1 published published: has lost its first or its last line; copy it from another node of this site
def-unreadable FAIL 1 def-unreadable site.xml:1: isn't well-formed XML; \`cpushim compile\`
def-doubled FAIL 1 def-doubled model 'gate64': is defined already at; rename or remove one, then \`cpushim compile\`
def-shipped FAIL 1 def-shipped model 'EPYC': is a model of QEMU's own; choose another name, then \`cpushim compile\`
def-refused FAIL 1 def-refused model 'site-bad': unknown feature 'nonesuch'; libvirt's x86_features.xml
compiled FAIL 1 compiled model site-new isn't in the table for /usr/bin/qemu-system-x86_64; \`cpushim compile\`
kvm FAIL 1 kvm /dev/kvm: is missing, and domain vm needs it; \`modprobe kvm_intel\`
kvm-open FAIL 1 kvm-open /dev/kvm: user libvirt-qemu may not use it; \`usermod -aG kvm libvirt-qemu\`
kvm-faithful FAIL 1 qemu-table,kvm-faithful /dev/kvm: this KVM lets the host's CPU show through; \`cpushim verify --accel kvm MODEL\` tells more
nova-conf FAIL 1 nova-conf /etc/nova/nova.conf: [libvirt] cpu_mode is custom, and no cpu_models are named; \`cpushim expand --format nova MODEL\`"

# told OPTION...: what doctor says in $output, its exit status in $status
told() {
	[ "$read_only" != yes ] || {
		run unshare -m sh -c 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"' \
			sh "$lib" env CPUSHIM_ROOT="$root" "$CHECKOUT/build/cpushim" doctor "$@"
		return
	}
	run cpushim doctor "$@"
}

not_right() { # the ids at the end of the summary, a comma between
	sed -n '$ s/^cpushim: [^:]*: *//p' <<<"$output" | sed 's/, /,/g'
}

# is_told ID WORD STATUS NOT-RIGHT SENTENCE; the parts of SENTENCE stand in one line in this order
is_told() {
	local id=$1 word=$2 code=$3 others=$4 sentence=$5 pattern line
	read_only=
	"break_${id//-/_}"
	case $id in nova-*) told --nova ;; *) told ;; esac
	printf '%s: %s\n%s\n' "$id" "$status" "$output"
	[ "$status" = "$code" ]
	[ "$(not_right)" = "$others" ]
	line=$(grep "^$word  *$id " <<<"$output")
	[ "$(wc -l <<<"$line")" = 1 ] || [ "$id" = selinux ]
	pattern=$(printf '%s' "$sentence" | sed 's/[][\.*^$]/\\&/g; s/; /.*; /')
	grep -q "$pattern" <<<"$line"
}

each_of() { # ID...: breaks each in a root that is right
	local id rest
	cp -a "$root" "$root.right"
	for id; do
		rest=$(sed -n "s/^$id //p" <<<"$conditions")
		[ "$rest" ]
		# shellcheck disable=SC2086 # the first three are words
		set -- $rest
		is_told "$id" "$1" "$2" "$3" "${rest#"$1 $2 $3 "}"
		rm -rf "$root"
		cp -a "$root.right" "$root"
	done
}

@test "on a node that is right every condition holds, or has nothing to look at" {
	run -0 cpushim doctor
	others=$(grep -Ev '^(PASS|SKIP) |^cpushim: ' <<<"$output" || :)
	[ -z "$others" ]
	[[ ${lines[-1]} =~ ^'cpushim: '[0-9]+' conditions hold, '[0-9]+' skipped'$ ]]
	# what isn't looked at says why, and doesn't count as right
	grep -q '^SKIP     answers  *another root is looked at' <<<"$output"
	[ "$(grep -c ^PASS <<<"$output")" = "$(sed -n '$ s/^cpushim: \([0-9]*\) .*/\1/p' <<<"$output")" ]
}

@test "libvirt: the map, its index and the include, and the drop-in" {
	each_of libvirt index include map dropin
}

@test "guard: the hook is there, ours, of this release, once, and can be run" {
	each_of hook hook-overwritten hook-ours hook-executable hook-release hook-twice
}

@test "QEMU: the wrapper, the real one behind it, and which emulators are used" {
	each_of wrapper wrapper-release wrapper-lost real real-executable real-answers diversion qemu-table \
		probe default-emulator domain-emulators
}

@test "files: there, readable, owned, as they were put, and none left over" {
	each_of table command proxy table-readable proxy-readable command-readable owners modes release receipt \
		files usr leftovers removal
}

@test "files: what AppArmor and SELinux need, and have denied" {
	each_of apparmor selinux denials
}

@test "guests: those that run, are defined, or were saved" {
	each_of guests-restart guests-meaning guests-before defined-gone saved-gone saved-before
}

@test "definitions: refused, doubled, unreadable, shipped by others, and not compiled" {
	each_of published def-unreadable def-doubled def-shipped def-refused compiled
}

@test "KVM: missing, closed, and unfaithful" {
	each_of kvm kvm-open kvm-faithful
}

@test "nova's configuration: what it says of models" {
	each_of nova-conf
	mkdir -p "$root/etc/nova"
	printf '[DEFAULT]\ncpu_mode = none\n[libvirt]\n# cpu_mode = none\ncpu_mode = custom\ncpu_models = gate64,\n  x86-64-v2\n' \
		>"$root/etc/nova/nova.conf"
	run -0 cpushim doctor --nova
	grep -q '^PASS  *nova-conf ' <<<"$output"
	# what is read later holds
	printf '[libvirt]\ncpu_mode = host-model\n' >"$root/etc/nova/nova-compute.conf"
	run -1 cpushim doctor --nova
	grep -q '^FAIL  *nova-conf .*cpu_models are named, and cpu_mode isn.t custom' <<<"$output"
	# and only nova's conditions are looked at
	[[ $output != *'PASS     hook '* ]]
	# before it names the model
	run -0 cpushim doctor --nova --model gate64
	grep -q '^PASS  *nova-conf ' <<<"$output"
	rm "$root"/etc/nova/*.conf
	run -0 cpushim doctor --nova --model gate64
	grep -q '^PASS  *nova-conf ' <<<"$output"
	run -2 cpushim doctor --model gate64
	[[ $output == *'--model goes with --nova'* ]]
}

@test "a real QEMU that hangs is told within its limit" {
	qemu_script 'sleep 1000'
	run -1 timeout 60 env CPUSHIM_ROOT="$root" "$CHECKOUT/build/cpushim" doctor
	grep -q '^FAIL  *real-answers .*gave no answer in time' <<<"$output"
}

@test "several faults: one line each, counted, the worst named first" {
	break_index
	break_hook
	break_leftovers
	run -1 cpushim doctor
	[[ ${lines[-1]} == *' 1 warning, 2 fail: index, hook, leftovers' ]]
	run -1 --separate-stderr cpushim doctor --brief
	[ "${#lines[@]}" = 1 ]
	[[ $output == 'cpushim: '*' conditions hold, '*' skipped, 1 warning, 2 fail: index, hook, leftovers' ]]
}

@test "a condition that needs another isn't looked at, and isn't called right" {
	break_table
	run -1 cpushim doctor
	grep -q '^SKIP  *compiled  *not looked at, as table isn.t right$' <<<"$output"
	[[ $output != *'PASS     compiled '* ]]
}

@test "as JSON: every condition with its status, and each cure with its commands" {
	break_index
	break_hook_twice
	run -1 --separate-stderr cpushim doctor --json
	[ -z "$stderr" ]
	condition() { # ID: what is told of it
		awk -v RS='\n    }' -v id="\"id\": \"$1\"," 'index($0, id)' <<<"$output"
	}
	number() { # NAME: of the whole
		sed -n "s/^  \"$1\": \([0-9]*\),*$/\1/p" <<<"$output"
	}
	[[ $(condition index) == *'"commands": ['*'"cpushim ready"'*'"group": "libvirt"'*'"status": "fail"'* ]]
	[[ $(condition hook) == *'"faults": [],'*'"status": "pass"'* ]]
	[[ $(condition answers) == *'"status": "skip"'* ]]
	[ "$(number fail) $(number warn)" = '1 1' ]
	[ "$(number pass)" = "$(grep -c '^      "status": "pass"' <<<"$output")" ]
	[[ $output == *'"summary": "cpushim: '*': index, hook-twice"'* ]]
}

@test "--mend runs compile where that is what mends, and says what is left" {
	break_include
	break_table_readable
	run -0 --separate-stderr cpushim doctor --mend
	printf '%s\n' "$stderr"
	grep -q '^cpushim compile: exit status 0$' <<<"$stderr"
	grep -q '^PASS  *include ' <<<"$output"
	grep -q '^PASS  *table-readable ' <<<"$output"
	# nothing to do: nothing is done
	run -0 --separate-stderr cpushim doctor --mend
	[ -z "$stderr" ]
}

@test "--mend removes what is surely left over, and nothing that may be somebody's" {
	break_leftovers
	touch -d '1 hour ago' "$root/etc/cpushim/published.backup"
	run -0 --separate-stderr cpushim doctor --mend
	[ ! -e "$table.cpushim-new" ]
	[ -e "$map/index.xml.cpushim-new" ]
	[ -e "$root/etc/cpushim/published.backup" ]
	run ! grep published.backup <<<"$output"
}

@test "--mend doesn't take back a removal that was begun, and what a removal takes isn't missed" {
	break_removal
	sed -i '/x86_cpushim/d' "$map/index.xml"
	rm -f "$root"/etc/systemd/system/*/cpushim.conf
	run -1 --separate-stderr cpushim doctor --mend
	[[ $stderr == *'nothing is mended while cpushim is being removed'* ]]
	[[ ${lines[-1]} == *': removal' ]]
	run ! grep -q x86_cpushim "$map/index.xml"
	[ -e "$root/run/cpushim.removing" ]
}

@test "an index that can't be parsed: one cure, which isn't ready" {
	status kvm64
	sed -i '/<.cpus>/d' "$map/index.xml"
	run -1 cpushim doctor
	printf '%s\n' "$output"
	[[ $output == *'FAIL     map '*"; reinstall libvirt's package, if the file is its own"* ]]
	[[ $output != *'cpushim ready'* ]]
	# and if it doesn't name the include either
	printf '<cpus>\n' >"$map/index.xml"
	run -1 cpushim doctor
	printf '%s\n' "$output"
	[[ $output == *'FAIL     index '*"index.xml:2: "*", and it doesn't name x86_cpushim.xml"*"; reinstall libvirt's package, if the file is its own, then"* ]]
	[[ $output != *'`cpushim ready` before libvirt is restarted'* ]]
}

@test "without --mend nothing is changed" {
	break_include
	break_leftovers
	find "$root" -printf '%p %T@ %C@ %m\n' | sort >"$BATS_TEST_TMPDIR/before"
	cpushim doctor >/dev/null || :
	find "$root" -printf '%p %T@ %C@ %m\n' | sort >"$BATS_TEST_TMPDIR/after"
	diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "what the wrapper is needed for isn't asked for on a node without it" {
	ln -sf "$real" "$qemu"
	rm "$qemu.distrib" "$lib/qmp-proxy"
	: >"$lib/no-wrapper"
	compile
	run -0 cpushim doctor
	grep -q '^SKIP  *wrapper  *this node was installed without the wrapper' <<<"$output"
	grep -q '^PASS  *real-answers ' <<<"$output"
}

@test "the rule that AppArmor needs may be in the profile or in an override" {
	local file
	break_apparmor
	for file in abstractions/libvirt-qemu local/abstractions/libvirt-qemu abstractions/libvirt-qemu.d/cpushim; do
		mkdir -p "$(dirname "$root/etc/apparmor.d/$file")"
		printf '  # %s rmix,\n' /usr/bin/qemu-system-x86_64.distrib >>"$root/etc/apparmor.d/$file"
		run -0 cpushim doctor
		grep -q '^WARN  *apparmor' <<<"$output"
		printf '  %s rmix, # cpushim\n' /usr/bin/qemu-system-x86_64.distrib >>"$root/etc/apparmor.d/$file"
		run -0 cpushim doctor
		grep -q '^PASS  *apparmor' <<<"$output"
		sed -i '/distrib/d' "$root/etc/apparmor.d/$file"
	done
	# with AppArmor on no guest starts
	mkdir -p "$root/sys/module/apparmor/parameters" "$root/var/log"
	printf 'Y\n' >"$root/sys/module/apparmor/parameters/enabled"
	: >"$root/var/log/kern.log"
	run -1 cpushim doctor
	grep -q '^FAIL  *apparmor .*so none starts; ' <<<"$output"
}

@test "a probe that is older than the table, or of an emulator that was changed since" {
	break_probe
	# libvirt will probe it again
	sed -i 's/qemuctime>[0-9]*/qemuctime>1/' "$root"/var/cache/libvirt/qemu/capabilities/1.xml
	run -0 cpushim doctor
	grep -q '^PASS  *probe' <<<"$output"
	break_probe
	sleep 0.01
	touch "$lib/qmp-proxy"
	run -1 cpushim doctor
	grep -q '^FAIL  *probe .*qmp-proxy was changed after libvirt probed it.*; `cpushim compile`' <<<"$output"
}

@test "a diversion to the place behind the wrapper is right, and another one is told" {
	break_diversion
	printf '/usr/bin/qemu-system-x86_64\n/usr/bin/qemu-system-x86_64.distrib\n:\n' >"$root/var/lib/dpkg/diversions"
	run -0 cpushim doctor
	grep -q '^PASS  *diversion' <<<"$output"
	sed -i '2s/distrib/real/' "$root/var/lib/dpkg/diversions"
	run -0 cpushim doctor
	grep -q '^WARN  *diversion .*dpkg diverts it to /usr/bin/qemu-system-x86_64.real' <<<"$output"
}

@test "a drop-in that calls cpushim is right, and one that doesn't is told" {
	break_dropin
	dropin=$root/usr/lib/systemd/system/libvirtd.service.d
	mkdir "$dropin"
	printf '[Service]\nExecStartPre=-/usr/bin/timeout -k 2 20 /usr/bin/cpushim ready --before-libvirt\n' \
		>"$dropin/cpushim.conf"
	run -0 cpushim doctor
	grep -q '^PASS  *dropin' <<<"$output"
	# the administrator's file of that name comes first
	mkdir -p "$root/etc/systemd/system/libvirtd.service.d"
	: >"$root/etc/systemd/system/libvirtd.service.d/cpushim.conf"
	run -1 cpushim doctor
	grep -q "^FAIL  *dropin .*/etc/systemd/system/libvirtd.service.d/cpushim.conf: doesn't call" <<<"$output"
}

# on_terminal COLUMNS OPTION...
on_terminal() {
	local columns=$1 command
	shift
	printf -v command '%q ' "$CHECKOUT/build/cpushim" doctor "$@"
	CPUSHIM_ROOT=$root script -qec "stty cols $columns 2>/dev/null; $command" /dev/null </dev/null | tr -d '\r'
}

@test "a terminal gets 80 columns at most, colours, and the groups" {
	local line
	break_index
	on_terminal 80 >"$BATS_TEST_TMPDIR/page"
	grep -q $'\e\[31mFAIL\e\[0m' "$BATS_TEST_TMPDIR/page"
	sed 's/\x1b\[[0-9]*m//g' "$BATS_TEST_TMPDIR/page" >"$BATS_TEST_TMPDIR/plain"
	grep -qx guard "$BATS_TEST_TMPDIR/plain"
	while IFS= read -r line; do
		printf '%s\n' "$line"
		[ ${#line} -le 80 ]
	done <"$BATS_TEST_TMPDIR/plain"
}

@test "usage errors" {
	run -2 cpushim doctor --nonesuch
	run -2 cpushim doctor gate64
	run -2 cpushim doctor --brief --json
	run -0 cpushim doctor --help
	[[ $output == 'Usage: cpushim doctor'* ]]
}

@test "each condition has a test that makes it" {
	local id wrong=''
	[ "$(cpushim doctor --conditions | wc -l)" -gt 50 ]
	while read -r id; do
		grep -q "^break_${id//-/_}()" "$BATS_TEST_DIRNAME"/doctor.bats "$BATS_TEST_DIRNAME"/e2e/doctor.bats ||
			wrong+="$id has no function that breaks it"$'\n'
		grep -q "^[\t]*each_of .*\<$id\>\|^[\t]*$id\>\|[ \t]$id\( \|\$\)" "$BATS_TEST_DIRNAME"/doctor.bats \
			"$BATS_TEST_DIRNAME"/e2e/doctor.bats || wrong+="$id is broken in no test"$'\n'
	done < <(cpushim doctor --conditions)
	printf '%s' "$wrong"
	[ -z "$wrong" ]
}

@test "each condition that another needs is one, and none needs itself" {
	local source=$CHECKOUT/cpumap/node/conditions.c
	cpushim doctor --conditions >"$BATS_TEST_TMPDIR/ids"
	[ "$(sort -u "$BATS_TEST_TMPDIR/ids" | wc -l)" = "$(wc -l <"$BATS_TEST_TMPDIR/ids")" ]
	tr '\n\t' '  ' <"$source" | grep -o '{"[a-z", -]*"}}' | grep -o '"[a-z-]*"' | tr -d '"' | sort -u \
		>"$BATS_TEST_TMPDIR/needs"
	[ -s "$BATS_TEST_TMPDIR/needs" ]
	run ! grep -vxFf "$BATS_TEST_TMPDIR/ids" "$BATS_TEST_TMPDIR/needs"
}
