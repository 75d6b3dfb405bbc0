# SPDX-License-Identifier: Apache-2.0
#
# A small root for the hook's tests: a hand-written table, the front, the worker, the
# wrapper. No libvirt and no QEMU.
# shellcheck disable=SC2034 # the tests use what is set here

: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
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

table() { # the rows come on stdin
	mkdir -p "$root/usr/lib/cpushim"
	"$CHECKOUT/tests/lib/table" >"$root/usr/lib/cpushim/models.table"
}

include() { # NAME...: libvirt's include with the names of last resort
	mkdir -p "$root/usr/share/libvirt/cpu_map"
	printf "<cpus>\n<!-- cpushim-names: %s -->\n</cpus>\n" "$*" \
		>"$root/usr/share/libvirt/cpu_map/x86_cpushim.xml"
}

make_root() {
	local program
	for program in build/cpushim build/qemu-wrapper build/libvirt_driver_qemu.so hook/qemu; do
		[ -x "$CHECKOUT/$program" ] || {
			printf '%s: make stage unit comes first\n' "$program" >&2
			return 1
		}
	done
	root=$BATS_TEST_TMPDIR/root
	record=$root/run/cpushim/$uuid
	mkdir -p "$root/usr/bin" "$root/run"
	cp "$CHECKOUT/build/cpushim" "$root/usr/bin/cpushim"
	cp "$CHECKOUT/build/qemu-wrapper" "$root/usr/bin/qemu-system-x86_64"
	cp "$CHECKOUT/build/libvirt_driver_qemu.so" "$BATS_TEST_TMPDIR/"
	a_daemon libvirtd
	row | table
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
