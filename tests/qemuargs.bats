#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The table of QEMU's options (cpumap/core/qemuargs.c), held against the real QEMU: which take a value, and that
# none is missing. No option is tried for what it does: -version in front ends QEMU once its parser is
# content with the words.

# shellcheck disable=SC2154 # bats sets them
bats_require_minimum_version 1.5.0

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	qemu=$(readlink -f "$CHECKOUT/build/root/usr/bin/qemu-system-x86_64.distrib")
	sed -n 's/^\t{"\([^"]*\)", \(true\|false\)},$/\1 \2/p' "$CHECKOUT/cpumap/core/qemuargs.c" >"$BATS_TEST_TMPDIR/table"
}

# takes OPTION: true, false, or nothing if this QEMU doesn't have it
takes() {
	local said
	said=$("$qemu" -version "-$1" 2>&1 </dev/null) || :
	case $said in
	*"-$1: requires an argument"*) echo true ;;
	*"-$1: invalid option"*) ;;
	'QEMU emulator version '*) echo false ;;
	*) echo "$said" ;;
	esac
}

# -help has "-fda/-fdb file", "-h or -help", "--preconfig" and "-m[emory] [size=]megs"
listed() {
	"$qemu" -help | grep -E '^--?[A-Za-z0-9]' | sed 's/\[emory\]//; s/ or / /; s|/| |g' |
		grep -oE '(^|[ ])--?[A-Za-z0-9][A-Za-z0-9_-]*' | tr -d ' ' | sed 's/^--*//' | sort -u
}

@test "the table's options take a value where the real QEMU's do" {
	local name value said known=0
	while read -r name value; do
		said=$(takes "$name")
		[ -n "$said" ] || continue
		[ "$said" = "$value" ] || {
			printf -- '-%s: is %s in the table, QEMU says: %s\n' "$name" "$value" "$said"
			return 1
		}
		known=$((known + 1))
	done <"$BATS_TEST_TMPDIR/table"
	# nearly all that a QEMU has
	[ "$known" -gt 100 ]
	# the other answers would be seen
	[ "$(takes cpu)" = true ]
	[ "$(takes S)" = false ]
	[ -z "$(takes nosuch)" ]
}

@test "no option that QEMU lists is missing in the table" {
	local name missing=''
	listed >"$BATS_TEST_TMPDIR/listed"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/listed")" -gt 90 ]
	while read -r name; do
		grep -qE "^$name (true|false)\$" "$BATS_TEST_TMPDIR/table" ||
			[ -z "$(takes "$name")" ] || missing+=" -$name ($(takes "$name"))"
	done <"$BATS_TEST_TMPDIR/listed"
	printf 'missing:%s\n' "$missing"
	[ -z "$missing" ]
}

@test "a word without a dash is a disk image, and two dashes are one" {
	run -1 "$qemu" -display none -machine none "$BATS_TEST_TMPDIR/no-such-image"
	[[ $output == *no-such-image* ]]
	run -0 "$qemu" no-such-image -version
	run -0 "$qemu" --version
	run -1 "$qemu" -version -cpu=max
	[[ $output == *'invalid option'* ]]
	run -1 "$qemu" -version --
	[[ $output == *'invalid option'* ]]
	run -1 "$qemu" -version -
	[[ $output == *'invalid option'* ]]
	# a value may look like an option
	run -0 "$qemu" -append -cpu -version
	run -0 "$qemu" -name -version -version
}
