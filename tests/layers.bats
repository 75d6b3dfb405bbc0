#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The house is in order: includes point down, and the two programs that stand in every guest's way are
# static, hardened, and libc alone.

bats_require_minimum_version 1.5.0

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	layers=$CHECKOUT/tests/lib/layers
}

copy() { # a copy of the sources
	copy=$BATS_TEST_TMPDIR/copy
	mkdir "$copy"
	cp -r "$CHECKOUT/cpumap" "$CHECKOUT/hook" "$CHECKOUT/wrapper" "$copy"
}

@test "no include points up" {
	run -0 "$layers"
	[ -z "$output" ]
}

@test "an include that points up is named" {
	copy
	sed -i '0,/^#include/s||#include "cpumap/define/compile.h"\n&|' "$copy/cpumap/qemu/qemu.h"
	run -1 "$layers" "$copy"
	[[ $output == 'cpumap/qemu/qemu.h:'*': cpumap/qemu may not use cpumap/define' ]]
}

@test "a folder that is no layer, and a library in a static program, are named" {
	copy
	mkdir "$copy/hook/new"
	printf '#include "cpumap/core/util.h"\n' >"$copy/hook/new/new.c"
	printf '#include <jansson.h>\n' >>"$copy/wrapper/plan.c"
	run -1 "$layers" "$copy"
	[[ $output == *'hook/new/new.c: belongs to no layer'* ]]
	[[ $output == *"wrapper/plan.c:"*"isn't libc"* ]]
}

# flags PROGRAM: what it was linked and compiled with, one a line
flags() {
	local headers symbols
	headers=$(readelf -W -l -h -d "$1" 2>/dev/null)
	symbols=$(nm "$1" 2>/dev/null)
	grep -q INTERP <<<"$headers" || echo static
	sed -nE -e 's/.*Type: +DYN .*/pie/p' -e 's/.*GNU_RELRO.*/relro/p' -e 's/.*FLAGS.*NOW.*/now/p' \
		-e 's/.*GNU_STACK +0x0+ 0x0+ 0x0+ 0x0+ 0x0+ RW .*/no-exec-stack/p' <<<"$headers"
	sed -nE -e 's/.* __stack_chk_fail(_local)?$/stack-protector/p' \
		-e 's/.* __(snprintf|vsnprintf|memcpy|read|fprintf|printf)_chk$/fortify/p' <<<"$symbols"
}

@test "the front and the wrapper are static-pie, with RELRO, a protected stack and FORTIFY" {
	local program flag all
	command -v readelf >/dev/null || skip 'readelf is missing'
	for program in hook qemu-wrapper; do
		all=$(flags "$CHECKOUT/build/$program")
		for flag in static pie relro now no-exec-stack stack-protector fortify; do
			grep -qx "$flag" <<<"$all" || { echo "$program: not $flag" && return 1; }
		done
	done
}
