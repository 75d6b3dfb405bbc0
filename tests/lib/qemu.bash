# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# QEMUs that are another than the table's: a program is known by its build-id.
#
#	build_id FILE			as hexadecimal digits
#	another_qemu FILE COPY		make a copy that has another build-id and is the same otherwise
#	qemu_files ROOT			let copies of QEMU in ROOT/usr/bin and the like find its modules and data

build_id() {
	readelf -n "$1" 2>/dev/null | sed -n 's/.*Build ID: //p'
}

another_qemu() {
	local id at
	id=$(build_id "$1")
	at=$(readelf -SW "$1" 2>/dev/null | awk '{ sub(/^ *\[ *[0-9]+\]/, "") } $1 == ".note.gnu.build-id" { print $4 }')
	if [ -z "$id" ] || [ -z "$at" ]; then
		printf '%s: has no build-id\n' "$1" >&2
		return 1
	fi
	# whole first, as this may be a running program's name
	cp "$1" "$2.new"
	# behind three numbers and "GNU" its last byte becomes 0, or 1 if it was that
	printf '%b' "\\x0$([ "${id: -2}" != 00 ] && printf 0 || printf 1)" |
		dd of="$2.new" bs=1 seek=$((0x$at + 16 + ${#id} / 2 - 1)) conv=notrunc status=none
	mv "$2.new" "$2"
}

# QEMU looks for them by its own place
qemu_files() {
	local dir
	for dir in /usr/lib/*/qemu /usr/lib/ipxe/qemu /usr/share/qemu /usr/share/seabios; do
		[ -d "$dir" ] || continue
		mkdir -p "$1${dir%/*}"
		ln -sfn "$dir" "$1$dir"
	done
}
