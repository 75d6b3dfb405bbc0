#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# libvirt's capability probe through the wrapper and qmp-proxy: our models are in one answer, everything
# else is what the real QEMU says, and nothing is left behind, whoever dies first. libvirt itself is
# tests/e2e's; here its dialogue is spoken by hand.

# shellcheck disable=SC2154 # bats sets them
bats_require_minimum_version 1.5.0

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	root=$BATS_TEST_TMPDIR/root
	mkdir -p "$root/usr/bin" "$root/usr/lib"
	cp -a "$CHECKOUT/build/root/usr/bin/." "$root/usr/bin"
	cp -a "$CHECKOUT/build/root/usr/lib/." "$root/usr/lib"
	qemu=$root/usr/bin/qemu-system-x86_64
	proxy=$root/usr/lib/cpushim/qmp-proxy
	table=$root/usr/lib/cpushim/models.table
	real=$(readlink -f "$qemu.distrib")
	dir=$BATS_TEST_TMPDIR/qmp
	mkdir "$dir"
}

teardown() {
	local file
	for file in "$BATS_TEST_TMPDIR"/qmp*/qmp.pid; do
		[ ! -s "$file" ] || kill -9 "$(cat "$file")" 2>/dev/null || true
	done
	# no process may be left that knows this test's directory
	gone "$BATS_TEST_TMPDIR"
}

# processes with these words in their arguments
processes() { # WORDS
	local cmdline
	for cmdline in /proc/[0-9]*/cmdline; do
		! tr '\0' ' ' 2>/dev/null <"$cmdline" | grep -qF -e "$1" || basename "${cmdline%/*}"
	done
}

gone() { # WORDS: within three seconds
	local tries
	for ((tries = 0; tries < 60; tries++)); do
		[ "$(processes "$1")" ] || return 0
		sleep 0.05
	done
	echo "left behind: $(processes "$1")" >&2
	return 1
}

proxies() {
	processes "qmp-proxy $root"
}

# probe [DIRECTORY [QEMU]]: as libvirt starts it, from 9.0 on; returns once QEMU is a daemon
probe() {
	local at=${1:-$dir}
	timeout 20 "${2:-$qemu}" -S -no-user-config -nodefaults -nographic -machine none,accel=tcg \
		-qmp "unix:$at/qmp.monitor,server=on,wait=off" -pidfile "$at/qmp.pid" -daemonize
}

# talk SOCKET [raw]: each line of stdin is said once the one before has its answer; raw: everything at
# once. Prints all that is answered. Ends when the other side does, or with the last line's answer (raw:
# when nothing comes any more).
talk() {
	timeout 15 perl -MIO::Socket::UNIX -MIO::Select -e '
		my ($path, $raw) = @ARGV;
		my $s = IO::Socket::UNIX->new(Peer => $path) or die "no connection\n";
		my ($in, $ready) = ("", IO::Select->new($s));
		$| = 1;
		$SIG{PIPE} = sub { exit 1 };
		sub say_it {
			for (my $at = 0; $at < length $_[0];) {
				my $n = syswrite $s, $_[0], 65536, $at or exit 1;
				$at += $n;
			}
		}
		sub hear {
			my $end;
			while (($end = index $in, "\n") < 0) {
				exit 0 if $raw && !$ready->can_read(0.4);
				sysread $s, $in, 65536, length $in or do { print $in; exit 0 };
			}
			my $line = substr $in, 0, $end + 1, "";
			print $line;
			$line;
		}
		hear();
		if ($raw) {
			local $/;
			say_it(scalar <STDIN>);
			hear() while 1;
		}
		while (my $words = <STDIN>) {
			say_it($words);
			while (hear() !~ /^\{"(return|error|id)"/) {}
		}' "$@"
}

dialogue() {
	cat <<-'END'
		{"execute":"qmp_capabilities","id":"libvirt-1"}
		{"execute":"query-version","id":"libvirt-2"}
		{"execute":"query-target","id":"libvirt-3"}
		{"execute":"query-qmp-schema","id":"libvirt-4"}
		{"execute":"query-commands","id":"libvirt-5"}
		{"execute":"query-kvm","id":"libvirt-6"}
		{"execute":"qom-list-types","id":"libvirt-7"}
		{"execute":"device-list-properties","arguments":{"typename":"virtio-blk-pci"},"id":"libvirt-8"}
		{"execute":"device-list-properties","arguments":{"typename":"nosuch"},"id":"libvirt-9"}
		{"execute":"qom-list-properties","arguments":{"typename":"max-x86_64-cpu"},"id":"libvirt-10"}
		{"execute":"query-machines","id":"libvirt-11"}
		{"execute":"query-cpu-definitions","id":"libvirt-12"}
		{"execute":"query-cpu-model-expansion","arguments":{"type":"static","model":{"name":"max"}},"id":"libvirt-13"}
		{"execute":"query-cpu-model-expansion","arguments":{"type":"full","model":{"name":"max","props":{"migratable":false,"hv-passthrough":true}}},"id":"libvirt-14"}
		{"execute":"query-cpu-model-expansion","arguments":{"type":"full","model":{"name":"host"}},"id":"libvirt-15"}
		{"execute":"query-cpu-model-expansion","arguments":{"type":"full","model":{"name":"gate64"}},"id":"libvirt-16"}
		{"execute":"query-cpu-model-expansion","arguments":{"type":"full","model":{"name":"kvm64"}},"id":"libvirt-17"}
		{"execute":"query-tpm-models","id":"libvirt-18"}
		{"execute":"query-migrate-capabilities","id":"libvirt-19"}
		{"execute":"query-sev-capabilities","id":"libvirt-20"}
		{"execute":"nosuch","id":"libvirt-21"}
	END
}

query='{"execute":"query-cpu-definitions","id":"libvirt-2"}'
negotiate='{"execute":"qmp_capabilities","id":"libvirt-1"}'

# what the real QEMU answers to the same
of_the_real() { # [raw]
	mkdir -p "$BATS_TEST_TMPDIR/qmp-real"
	probe "$BATS_TEST_TMPDIR/qmp-real" "$real"
	talk "$BATS_TEST_TMPDIR/qmp-real/qmp.monitor" "$@"
	kill -9 "$(cat "$BATS_TEST_TMPDIR/qmp-real/qmp.pid")"
	rm "$BATS_TEST_TMPDIR/qmp-real"/*
}

# the rows' models, last in the list, taken out of it
without_ours() {
	sed 's/, {"name": "gate64", .*}\], "id"/], "id"/'
}

entry() { # NAME: in the answers on stdin
	grep -o "{\"name\": \"$1\", [^}]*}" || true
}

@test "in libvirt's dialogue our models are added, and every other byte is the real QEMU's" {
	dialogue | of_the_real >"$BATS_TEST_TMPDIR/wanted"
	probe
	dialogue | talk "$dir/qmp.monitor" >"$BATS_TEST_TMPDIR/got"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/got")" = 22 ]
	run ! cmp -s "$BATS_TEST_TMPDIR/got" "$BATS_TEST_TMPDIR/wanted"
	cmp <(without_ours <"$BATS_TEST_TMPDIR/got") "$BATS_TEST_TMPDIR/wanted"
	[ "$(diff "$BATS_TEST_TMPDIR/got" "$BATS_TEST_TMPDIR/wanted" | grep -c '^<')" = 1 ]
	# our names' expansion is QEMU's to refuse
	grep -q '^{"id": "libvirt-16", "error": ' "$BATS_TEST_TMPDIR/got"
}

@test "each model says what this QEMU lacks of it, in QEMU's names" {
	probe
	printf '%s\n' "$negotiate" "$query" | talk "$dir/qmp.monitor" >"$BATS_TEST_TMPDIR/got"
	[ "$(entry gate64 <"$BATS_TEST_TMPDIR/got")" = '{"name": "gate64", "typename": "gate64-x86_64-cpu", "unavailable-features": [], "static": false, "migration-safe": true, "deprecated": false}' ]
	local model lacks
	for model in gate64 x86-64-v2 x86-64-v3 x86-64-v4; do
		lacks=$(sed -n "s/^model=$model\t.*\ttcg_lacks=\([^\t]*\)\t.*/\1/p" "$table" | tr , '\n' | sort)
		[ "$(entry $model <"$BATS_TEST_TMPDIR/got" | sed 's/.*\[\(.*\)\].*/\1/' | tr -d '" ' | tr , '\n' | sort)" = "$lacks" ]
	done
	[[ $(entry x86-64-v4 <"$BATS_TEST_TMPDIR/got") == *'"avx512f"'* ]]
}

# add_row FIELD=VALUE...: gate64's, changed; the table is sealed anew
add_row() {
	local change script=()
	for change; do
		script+=(-e "s#\(^\|\t\)${change%%=*}=[^\t]*#\1$change#")
	done
	sed -n -e '/^model=gate64\t/!d' "${script[@]}" -e p "$table" >"$BATS_TEST_TMPDIR/row"
	cat "$BATS_TEST_TMPDIR/row" >>"$table"
	sed -i "2s/.*/sha256=$(tail -n +3 "$table" | sha256sum | cut -d' ' -f1)/" "$table"
}

@test "a refused model, another emulator's and one of QEMU's own names aren't added" {
	add_row model=site-refused refused=because
	add_row model=site-other emulator=/usr/bin/qemu-system-i386
	add_row model=site-ours
	add_row model=EPYC
	probe
	printf '%s\n' "$negotiate" "$query" | talk "$dir/qmp.monitor" >"$BATS_TEST_TMPDIR/got"
	[ "$(entry site-ours <"$BATS_TEST_TMPDIR/got" | wc -l)" = 1 ]
	[ "$(entry EPYC <"$BATS_TEST_TMPDIR/got" | wc -l)" = 1 ]
	[ -z "$(entry site-refused <"$BATS_TEST_TMPDIR/got")" ]
	[ -z "$(entry site-other <"$BATS_TEST_TMPDIR/got")" ]
}

@test "asked without an id, with a number or an object for one, and twice" {
	probe
	printf '%s\n' '{"execute":"qmp_capabilities"}' '{"execute":"query-cpu-definitions"}' \
		'{"id":7,"execute":"query-cpu-definitions"}' \
		'{ "id" : {"a":[1.5,null]} , "execute" : "query-cpu-definitions" }' "$query" |
		talk "$dir/qmp.monitor" >"$BATS_TEST_TMPDIR/got"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/got")" = 6 ]
	[ "$(entry gate64 <"$BATS_TEST_TMPDIR/got" | wc -l)" = 4 ]
	sed -n 3p "$BATS_TEST_TMPDIR/got" | grep '}\]}.$'
	sed -n 4p "$BATS_TEST_TMPDIR/got" | grep '}\], "id": 7}.$'
	sed -n 5p "$BATS_TEST_TMPDIR/got" | grep '}\], "id": {"a": \[1.5, null\]}}.$'
	sed -n 6p "$BATS_TEST_TMPDIR/got" | grep '}\], "id": "libvirt-2"}.$'
}

@test "other commands' lists stay as they are, also behind a query that failed" {
	local lines='{"execute":"query-cpu-definitions"}
{"execute":"qmp_capabilities"}
{"execute":"query-commands"}
{"execute":"qom-list-types","arguments":{"implements":"query-cpu-definitions"}}
{"execute":"query-machines","id":"query-cpu-definitions"}
{"execute":"query-cpu-definitions","arguments":{"x":1}}
{"execute":"query-commands"}'
	of_the_real <<<"$lines" >"$BATS_TEST_TMPDIR/wanted"
	probe
	talk "$dir/qmp.monitor" <<<"$lines" >"$BATS_TEST_TMPDIR/got"
	cmp "$BATS_TEST_TMPDIR/got" "$BATS_TEST_TMPDIR/wanted"
}

@test "several commands at once are answered as QEMU does, ours in the right one" {
	local lines
	lines=$(printf '%s\n' "$negotiate" '{"execute":"query-commands"}' '{"execute":"query-cpu-definitions"}' \
		'{"execute":"query-machines"}' '{"execute":"query-version"}')
	of_the_real raw <<<"$lines" >"$BATS_TEST_TMPDIR/wanted"
	probe
	talk "$dir/qmp.monitor" raw <<<"$lines" >"$BATS_TEST_TMPDIR/got"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/got")" = 6 ]
	[ "$(entry gate64 <"$BATS_TEST_TMPDIR/got" | wc -l)" = 1 ]
	sed -n 4p "$BATS_TEST_TMPDIR/got" | grep '"gate64"'
	cmp <(sed 's/, {"name": "gate64", .*}\]}/]}/' "$BATS_TEST_TMPDIR/got") "$BATS_TEST_TMPDIR/wanted"
}

@test "what is no JSON, or no QMP, is QEMU's to answer" {
	local lines='garbage
{"execute":7}
"query-cpu-definitions"
[1,2]
}}}]
{"query-cpu-definitions":1,"execute":"query-cpu-definitions"}
{"execute":"query-cpu-definitionsx"}
{"id":"query-cpu-definitions"}
{}'$'\n\x01\xff\xfe\n''{"execute":"query-version","id":"\ud800"}
{"execute":"query-version","id":1e999}
{"execute":
"query-version"}
{"execute":"query-version"'
	{ echo "$negotiate" && echo "$lines"; } >"$BATS_TEST_TMPDIR/lines"
	of_the_real raw <"$BATS_TEST_TMPDIR/lines" >"$BATS_TEST_TMPDIR/wanted"
	[ "$(grep -c error "$BATS_TEST_TMPDIR/wanted")" -gt 8 ]
	probe
	talk "$dir/qmp.monitor" raw <"$BATS_TEST_TMPDIR/lines" >"$BATS_TEST_TMPDIR/got"
	cmp "$BATS_TEST_TMPDIR/got" "$BATS_TEST_TMPDIR/wanted"
}
