# SPDX-License-Identifier: Apache-2.0
#
# A small root for the hook's tests: a hand-written table, the front, the worker, the
# wrapper. No libvirt, and a script where QEMU would be.
# shellcheck disable=SC2034 # the tests use what is set here

: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
# shellcheck source=/dev/null
. "$CHECKOUT/tests/lib/qemu.bash"
data=$CHECKOUT/tests/data
uuid=6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d64
gate64_features=apic,clflush,cmov,cx8,de,fpu,fxsr,lm,mca,mce,mmx,msr,mtrr,nx,pae,pat,pge,pni,pse,sep,sse,sse2,syscall,tsc
gate64_cpu=kvm64,vendor=GenuineIntel,family=15,model=6,stepping=1,pni=on,nx=on,vme=off,aes=off,enforce

row() { # FIELD=VALUE...: a row of the table, by default gate64's
	local field value
	for field in model=gate64 emulator=/usr/bin/qemu-system-x86_64 refused= \
		"digest=$(printf '%064d' 1)" origin=gate64.xml:1 base=kvm64 vendor=GenuineIntel \
		family=15 cpu_model=6 stepping=1 "features=$gate64_features" \
		brings=cx16,pse36,vme,x2apic tcg_lacks= "cpu=$gate64_cpu"; do
		for value; do
			[ "${value%%=*}" != "${field%%=*}" ] || field=$value
		done
		printf '%s\t' "$field"
	done | sed 's/\t$/\n/'
}

# noted FILE [FIELD=VALUE...]: what the table says of a QEMU: this file
noted() {
	local field value
	for field in qemu=/usr/bin/qemu-system-x86_64 real=/usr/bin/qemu-system-x86_64.distrib \
		"size=$(stat -L -c %s "$1")" "mtime=$(stat -L -c %.9Y "$1")" "build_id=$(build_id "$1")" version=7.2.22 script=; do
		for value in "${@:2}"; do
			[ "${value%%=*}" != "${field%%=*}" ] || field=$value
		done
		printf '%s\t' "$field"
	done | sed 's/\t$/\n/'
}

table() { # the rows come on stdin, with or without what is noted of their QEMU
	mkdir -p "$root/usr/lib/cpushim"
	{ noted "$root/usr/bin/qemu-system-x86_64.distrib" && cat; } 2>/dev/null |
		"$CHECKOUT/tests/lib/table" >"$root/usr/lib/cpushim/models.table"
}

include() { # NAME...: libvirt's include with the names of last resort
	mkdir -p "$root/usr/share/libvirt/cpu_map"
	printf "<cpus>\n<!-- cpushim-names: %s -->\n</cpus>\n" "$*" \
		>"$root/usr/share/libvirt/cpu_map/x86_cpushim.xml"
}

# The same for each test of a suite, so it is made once.
make_root() {
	root=$BATS_TEST_TMPDIR/root
	record=$root/run/cpushim/$uuid
	if [ -d "$BATS_FILE_TMPDIR/made" ]; then
		cp -a "$BATS_FILE_TMPDIR/made/." "$BATS_TEST_TMPDIR"
		return
	fi
	local program
	for program in build/cpushim build/qemu-wrapper build/libvirt_driver_qemu.so hook/qemu; do
		[ -x "$CHECKOUT/$program" ] || {
			printf '%s: make stage unit comes first\n' "$program" >&2
			return 1
		}
	done
	mkdir -p "$root/usr/bin" "$root/run"
	cp "$CHECKOUT/build/cpushim" "$root/usr/bin/cpushim"
	cp "$CHECKOUT/build/qemu-wrapper" "$root/usr/bin/qemu-system-x86_64"
	printf '#!/bin/sh\n' >"$root/usr/bin/qemu-system-x86_64.distrib"
	chmod 755 "$root/usr/bin/qemu-system-x86_64.distrib"
	cp "$CHECKOUT/build/libvirt_driver_qemu.so" "$BATS_TEST_TMPDIR/"
	a_daemon libvirtd
	row | table
	mkdir "$BATS_FILE_TMPDIR/made"
	cp -a "$root" "$BATS_TEST_TMPDIR/libvirtd" "$BATS_TEST_TMPDIR/libvirt_driver_qemu.so" "$BATS_FILE_TMPDIR/made"
}

hook() { # OPERATION SUB-OPERATION: by hand
	CPUSHIM_ROOT=$root "$CHECKOUT/hook/qemu" instance-00000001 "$1" "$2" -
}

# A shell under another name: a process is called as its program's file
a_daemon() { # NAME
	ln -sf "$(command -v bash)" "$BATS_TEST_TMPDIR/$1"
}

# mapping FILES DAEMON SCRIPT [ARGUMENT...]: a_daemon's shell that has these libraries mapped runs the
# script. Its children don't have them.
mapping() {
	LD_PRELOAD=$1 "$BATS_TEST_TMPDIR/$2" -c "unset LD_PRELOAD; $3" - "${@:4}"
}

by_libvirt() { # OPERATION SUB-OPERATION: its parent is $daemon, which has libvirt's QEMU driver mapped
	# shellcheck disable=SC2016 # the other shell's
	CPUSHIM_ROOT=$root mapping "${driver-$BATS_TEST_TMPDIR/libvirt_driver_qemu.so} ${LD_PRELOAD-}" \
		"${daemon-libvirtd}" '"$@"; exit $?' "$CHECKOUT/hook/qemu" instance-00000001 "$1" "$2" -
}

domain() { # SED-SCRIPT...: what nova sends, changed
	local script args=()
	for script; do
		args+=(-e "$script")
	done
	sed "${args[@]}" -e '' "$data/gate64.xml"
}
