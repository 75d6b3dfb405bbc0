#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# libvirt's capability probe through the wrapper and qmp-proxy: our models are in one answer, everything
# else is what the real QEMU says, and nothing is left behind, whoever dies first. libvirt itself is
# tests/e2e's; here its dialogue is spoken by hand.

# shellcheck disable=SC2016,SC2154 # perl's; bats sets them
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
	pgrep -f -- "${1//[.+]/.}" || true
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
	timeout 40 "${2:-$qemu}" -S -no-user-config -nodefaults -nographic -machine none,accel=tcg \
		-qmp "unix:$at/qmp.monitor,server=on,wait=off" -pidfile "$at/qmp.pid" -daemonize
}

# talk SOCKET [raw|wait]: each line of stdin is said once the one before has its answer; raw: everything at
# once; wait: nothing more. Prints all that is answered. Ends when the other side does, or with the last
# line's answer (raw: once each line has one and nothing comes any more).
talk() {
	timeout "${patience:-30}" perl -MIO::Socket::UNIX -MIO::Select -e '
		my ($path, $raw) = (@ARGV, "");
		my $s = IO::Socket::UNIX->new(Peer => $path) or die "no connection\n";
		my ($in, $due, $ready) = ("", 1, IO::Select->new($s));
		$| = 1;
		$SIG{PIPE} = sub { exit 1 };
		sub say_it {
			for (my $at = 0; $at < length $_[0];) {
				my $n = syswrite $s, $_[0], 65536, $at or exit 1;
				$at += $n;
			}
		}
		sub hear {
			my ($end, $seen) = (0, 0);
			while (($end = index $in, "\n", $seen) < 0) {
				$seen = length $in;
				exit 0 if $raw eq "raw" && !$ready->can_read($due > 0 ? 5 : 0.4);
				sysread $s, $in, 65536, length $in or do { print $in; exit 0 };
			}
			my $line = substr $in, 0, $end + 1, "";
			print $line;
			$due--;
			$line;
		}
		hear();
		if ($raw) {
			local $/;
			my $lines = <STDIN>;
			$due = $lines =~ tr/\n//;
			say_it($lines);
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

# dialogue_of FILE N QEMU: libvirt's Nth dialogue of a release with QEMU, started as that release does
dialogue_of() {
	local at=$BATS_TEST_TMPDIR/qmp$2 said=$BATS_TEST_TMPDIR/said argv
	awk -v n="$2" '/^#/ { seen++ } seen == n' "$1" >"$said"
	mkdir -p "$at"
	# the words behind the release's name
	argv=$(sed -n '1s/^#.*: //p' "$said")
	# shellcheck disable=SC2086 # words
	timeout 20 "$3" -S -no-user-config -nodefaults -nographic ${argv/SOCKET/$at/capabilities.monitor.sock} \
		-pidfile "$at/qmp.pid" -daemonize 2>/dev/null
	grep -v '^#' "$said" | talk "$at/capabilities.monitor.sock"
	kill -9 "$(cat "$at/qmp.pid")"
	rm "$at"/*
}

@test "the dialogues of libvirt 1.2 to 11.3, as recorded: our models are added, and nothing else differs" {
	local file n dialogues=0
	for file in "$CHECKOUT"/tests/data/dialogues/*; do
		for ((n = 1; n <= $(grep -c '^#' "$file"); n++)); do
			dialogue_of "$file" $n "$real" >"$BATS_TEST_TMPDIR/wanted"
			dialogue_of "$file" $n "$qemu" >"$BATS_TEST_TMPDIR/got"
			[ "$(entry gate64 <"$BATS_TEST_TMPDIR/got" | wc -l)" = 1 ] || { echo "$file $n" && return 1; }
			cmp <(without_ours <"$BATS_TEST_TMPDIR/got") "$BATS_TEST_TMPDIR/wanted" || { echo "$file $n" && return 1; }
			dialogues=$((dialogues + 1))
		done
	done
	[ "$dialogues" = 7 ]
}

@test "each model says what this QEMU lacks of it, in QEMU's names" {
	probe
	printf '%s\n' "$negotiate" "$query" | talk "$dir/qmp.monitor" >"$BATS_TEST_TMPDIR/got"
	[ "$(entry gate64 <"$BATS_TEST_TMPDIR/got")" = '{"name": "gate64", "typename": "gate64-x86_64-cpu", "unavailable-features": [], "static": false, "migration-safe": true, "deprecated": false}' ]
	local model lacks
	for model in gate64 x86-64-v2 x86-64-v3 x86-64-v4; do
		lacks=$(sed -n "s/.*\tmodel=$model\t.*\ttcg_lacks=\([^\t]*\)\t.*/\1/p" "$table" | tr , '\n' | sort)
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
	sed -n -e '/\tmodel=gate64\t/!d' "${script[@]}" -e p "$table" >"$BATS_TEST_TMPDIR/row"
	cat "$table" "$BATS_TEST_TMPDIR/row" | "$CHECKOUT/tests/lib/table" >"$BATS_TEST_TMPDIR/table"
	mv "$BATS_TEST_TMPDIR/table" "$table"
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
	local said='{"execute":"query-cpu-definitions"}
{"execute":"qmp_capabilities"}
{"execute":"query-commands"}
{"execute":"qom-list-types","arguments":{"implements":"query-cpu-definitions"}}
{"execute":"query-machines","id":"query-cpu-definitions"}
{"execute":"query-cpu-definitions","arguments":{"x":1}}
{"execute":"query-commands"}'
	of_the_real <<<"$said" >"$BATS_TEST_TMPDIR/wanted"
	probe
	talk "$dir/qmp.monitor" <<<"$said" >"$BATS_TEST_TMPDIR/got"
	cmp "$BATS_TEST_TMPDIR/got" "$BATS_TEST_TMPDIR/wanted"
}

@test "several commands at once are answered as QEMU does, ours in the right one" {
	local said
	said=$(printf '%s\n' "$negotiate" '{"execute":"query-commands"}' '{"execute":"query-cpu-definitions"}' \
		'{"execute":"query-machines"}' '{"execute":"query-version"}')
	of_the_real raw <<<"$said" >"$BATS_TEST_TMPDIR/wanted"
	probe
	talk "$dir/qmp.monitor" raw <<<"$said" >"$BATS_TEST_TMPDIR/got"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/got")" = 6 ]
	[ "$(entry gate64 <"$BATS_TEST_TMPDIR/got" | wc -l)" = 1 ]
	sed -n 4p "$BATS_TEST_TMPDIR/got" | grep '"gate64"'
	cmp <(sed 's/, {"name": "gate64", .*}\]}/]}/' "$BATS_TEST_TMPDIR/got") "$BATS_TEST_TMPDIR/wanted"
}

@test "what is no JSON, or no QMP, is QEMU's to answer" {
	local said='garbage
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
	{ echo "$negotiate" && echo "$said"; } >"$BATS_TEST_TMPDIR/lines"
	of_the_real raw <"$BATS_TEST_TMPDIR/lines" >"$BATS_TEST_TMPDIR/wanted"
	[ "$(grep -c error "$BATS_TEST_TMPDIR/wanted")" -gt 8 ]
	probe
	talk "$dir/qmp.monitor" raw <"$BATS_TEST_TMPDIR/lines" >"$BATS_TEST_TMPDIR/got"
	cmp "$BATS_TEST_TMPDIR/got" "$BATS_TEST_TMPDIR/wanted"
}

@test "long lines pass" {
	{
		echo "$negotiate"
		printf '{"execute":"query-version","id":"%070000d"}\n' 1
		printf '{"execute":"query-version","arguments":{"query-cpu-definitions":"%070000d"}}\n' 1
		echo "$query"
	} >"$BATS_TEST_TMPDIR/lines"
	of_the_real <"$BATS_TEST_TMPDIR/lines" >"$BATS_TEST_TMPDIR/wanted"
	[ "$(wc -c <"$BATS_TEST_TMPDIR/wanted")" -gt 70000 ]
	probe
	talk "$dir/qmp.monitor" <"$BATS_TEST_TMPDIR/lines" >"$BATS_TEST_TMPDIR/got"
	cmp <(without_ours <"$BATS_TEST_TMPDIR/got") "$BATS_TEST_TMPDIR/wanted"
	[ "$(entry gate64 <"$BATS_TEST_TMPDIR/got" | wc -l)" = 1 ]
}

@test "the older spelling of a probe is one, too" {
	timeout 20 "$qemu" -S -no-user-config -nodefaults -nographic -M none \
		-qmp "unix:$dir/qmp.monitor,server,nowait" -pidfile "$dir/qmp.pid" -daemonize 2>/dev/null
	[ "$(proxies)" ]
	printf '%s\n' "$negotiate" "$query" | talk "$dir/qmp.monitor" | grep -q '"gate64"'
}

@test "a guest's monitor, and one on stdio, are no probe" {
	timeout 20 "$qemu" -S -nodefaults -display none -machine pc -accel tcg \
		-qmp "unix:$dir/qmp.monitor,server=on,wait=off" -pidfile "$dir/qmp.pid" -daemonize
	[ -z "$(proxies)" ]
	printf '%s\n' "$negotiate" "$query" | talk "$dir/qmp.monitor" >"$BATS_TEST_TMPDIR/got"
	run ! grep -q gate64 "$BATS_TEST_TMPDIR/got"
	printf '%s\n' "$negotiate" "$query" '{"execute":"quit"}' |
		timeout 20 "$qemu" -S -nodefaults -nographic -machine none -qmp stdio >"$BATS_TEST_TMPDIR/got"
	grep -q kvm64 "$BATS_TEST_TMPDIR/got"
	run ! grep -q gate64 "$BATS_TEST_TMPDIR/got"
}

@test "the probed process is the real QEMU, with the pidfile; the proxy is nobody's child and holds nothing" {
	exec 8<"$table"
	FOO=bar probe
	exec 8<&-
	[ "$(readlink "/proc/$(cat "$dir/qmp.pid")/exe")" = "$real" ]
	local pid fd
	pid=$(proxies)
	[ "$(wc -w <<<"$pid")" = 1 ]
	[ "$(readlink "/proc/$pid/exe")" = "$proxy" ]
	[ "$(readlink "/proc/$pid/cwd")" = / ]
	[ -z "$(cat "/proc/$pid/environ")" ]
	[ -z "$(cat "/proc/$(cat "$dir/qmp.pid")/task/$(cat "$dir/qmp.pid")/children")" ]
	for fd in 0 1 2; do
		[ "$(readlink "/proc/$pid/fd/$fd")" = /dev/null ]
	done
	for fd in "/proc/$pid/fd"/*; do
		case ${fd##*/}:$(readlink "$fd") in
		[012]:/dev/null | [345]:socket:*) ;;
		*) ls -l "/proc/$pid/fd" && return 1 ;;
		esac
	done
	# QEMU has the caller's and two sockets
	pid=$(cat "$dir/qmp.pid")
	[ "$(readlink "/proc/$pid/fd/8")" = "$table" ]
	[ "$(readlink "/proc/$pid/fd/"* | grep -c '^socket:')" = 2 ]
}

@test "whoever waits for the end of QEMU's output isn't kept waiting by the proxy" {
	local alone
	mkdir "$BATS_TEST_TMPDIR/qmp-real"
	alone=$(probe "$BATS_TEST_TMPDIR/qmp-real" "$real" 2>&1)
	run -0 timeout 20 bash -c "$(declare -f probe); dir='$dir' qemu='$qemu'; { probe; } 2>&1 | cat"
	[ "$(proxies)" ]
	[ "${output#*: }" = "${alone#*: }" ] # a newer QEMU warns
}

@test "nothing is left in libvirt's directory but what libvirt removes" {
	probe
	printf '%s\n' "$negotiate" "$query" | talk "$dir/qmp.monitor" >/dev/null
	kill -9 "$(cat "$dir/qmp.pid")"
	gone "qmp-proxy $root"
	[ "$(ls "$dir")" = qmp.pid ]
	rm -f "$dir/qmp.pid"
	rmdir "$dir"
}

@test "a QEMU that ends by itself leaves no socket, connected or not; another's of that name stays" {
	probe
	printf '%s\n' "$negotiate" '{"execute":"quit"}' | talk "$dir/qmp.monitor" >/dev/null
	gone "qmp-proxy $root"
	[ ! -e "$dir/qmp.monitor" ]
	probe
	kill "$(cat "$dir/qmp.pid")"
	gone "qmp-proxy $root"
	[ ! -e "$dir/qmp.monitor" ]
	probe
	rm "$dir/qmp.monitor"
	: >"$dir/qmp.monitor"
	kill "$(cat "$dir/qmp.pid")"
	gone "qmp-proxy $root"
	[ -e "$dir/qmp.monitor" ]
}

@test "a client that goes away early takes the proxy with it, and QEMU stays for libvirt to kill" {
	local said
	for said in '' "$negotiate" "$negotiate"$'\n'"$query" "$negotiate"$'\n{"execute":"query-cpu-def'; do
		probe
		# gone before the answer
		printf '%s\n' "$said" | timeout 10 perl -MIO::Socket::UNIX -e '
			my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die;
			local $/;
			syswrite $s, scalar <STDIN>;' "$dir/qmp.monitor"
		gone "qmp-proxy $root"
		kill -0 "$(cat "$dir/qmp.pid")"
		kill -9 "$(cat "$dir/qmp.pid")"
		rm -f "$dir"/*
	done
}

# a client that has its greeting, and waits
listen() {
	talk "$dir/qmp.monitor" wait </dev/null >"$BATS_TEST_TMPDIR/heard" 3>&- &
	client=$!
	local tries
	for ((tries = 0; tries < 60; tries++)); do
		! grep -q '"QMP"' "$BATS_TEST_TMPDIR/heard" || return 0
		sleep 0.05
	done
	return 1
}

# it is a shell that waits for what talks
end_client() {
	pkill -P "$client" || :
	kill "$client" 2>/dev/null || :
}

@test "a QEMU that dies takes the proxy with it: before, in and after the talk" {
	probe
	kill -9 "$(cat "$dir/qmp.pid")"
	gone "qmp-proxy $root"
	rm -f "$dir"/*
	probe
	listen
	kill -9 "$(cat "$dir/qmp.pid")"
	gone "qmp-proxy $root"
	wait "$client"
	rm -f "$dir"/*
	probe
	printf '%s\n' "$negotiate" "$query" '{"execute":"quit"}' | talk "$dir/qmp.monitor" >"$BATS_TEST_TMPDIR/got"
	grep -q '"gate64"' "$BATS_TEST_TMPDIR/got"
	gone "qmp-proxy $root"
}

@test "a proxy that is killed ends the talk, and QEMU stays for libvirt to kill" {
	probe
	listen
	# shellcheck disable=SC2046 # one
	kill -9 $(proxies)
	wait "$client"
	kill -0 "$(cat "$dir/qmp.pid")"
	gone "qmp-proxy $root"
}

@test "a proxy that is stopped goes on where it was, and takes QEMU's end for one when it is woken" {
	local pid
	probe
	listen
	pid=$(proxies)
	kill -STOP "$pid"
	sleep 0.3
	kill -CONT "$pid"
	end_client
	gone "qmp-proxy $root"
	kill -9 "$(cat "$dir/qmp.pid")"
	rm -f "$dir"/*
	probe
	pid=$(proxies)
	kill -STOP "$pid"
	{ printf '%s\n' "$negotiate" "$query" | talk "$dir/qmp.monitor" >"$BATS_TEST_TMPDIR/got"; } 3>&- &
	client=$!
	sleep 0.3
	kill -CONT "$pid"
	wait "$client"
	[ "$(entry gate64 <"$BATS_TEST_TMPDIR/got" | wc -l)" = 1 ]
	gone "qmp-proxy $root"
	kill -9 "$(cat "$dir/qmp.pid")"
	rm -f "$dir"/*
	probe
	pid=$(proxies)
	kill -STOP "$pid"
	kill -9 "$(cat "$dir/qmp.pid")"
	kill -CONT "$pid"
	gone "qmp-proxy $root"
}

@test "two probes at once, and ten" {
	local n
	for n in 1 2 3 4 5 6 7 8 9 10; do
		mkdir "$BATS_TEST_TMPDIR/qmp$n"
		{ probe "$BATS_TEST_TMPDIR/qmp$n" && printf '%s\n' "$negotiate" "$query" |
			talk "$BATS_TEST_TMPDIR/qmp$n/qmp.monitor" >"$BATS_TEST_TMPDIR/got$n"; } 3>&- &
	done
	wait
	for n in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(entry gate64 <"$BATS_TEST_TMPDIR/got$n" | wc -l)" = 1 ]
		cmp "$BATS_TEST_TMPDIR/got1" "$BATS_TEST_TMPDIR/got$n"
	done
}

# the real QEMU alone has answered, as if we weren't there
answered_alone() {
	printf '%s\n' "$negotiate" "$query" | talk "$dir/qmp.monitor" | cmp - "$BATS_TEST_TMPDIR/wanted"
}

@test "without a usable proxy the real QEMU gets the probe, and one line says so" {
	printf '%s\n' "$negotiate" "$query" | of_the_real >"$BATS_TEST_TMPDIR/wanted"
	local kind
	for kind in missing not-executable empty garbled torn dying killed directory; do
		rm -rf "$proxy"
		case $kind in
		not-executable) cp "$CHECKOUT/build/qmp-proxy" "$proxy" && chmod 644 "$proxy" ;;
		empty) : >"$proxy" && chmod 755 "$proxy" ;;
		garbled) echo nonsense >"$proxy" && chmod 755 "$proxy" ;;
		torn) head -c 5000 "$CHECKOUT/build/qmp-proxy" >"$proxy" && chmod 755 "$proxy" ;;
		dying) printf '#!/bin/sh\nexit 0\n' >"$proxy" && chmod 755 "$proxy" ;;
		killed) printf '#!/bin/sh\nkill -9 $%s\n' '$' >"$proxy" && chmod 755 "$proxy" ;;
		directory) mkdir "$proxy" ;;
		esac
		run -0 --separate-stderr probe
		[ "${#stderr_lines[@]}" = 1 ] || { echo "$kind: $stderr" && return 1; }
		[[ $stderr == 'cpushim: '*"/qmp-proxy: libvirt isn't told of the site's models: "* ]]
		answered_alone || { echo "$kind" && return 1; }
		[ "$(readlink "/proc/$(cat "$dir/qmp.pid")/exe")" = "$real" ]
		kill -9 "$(cat "$dir/qmp.pid")"
		rm -f "$dir"/*
	done
}

@test "a proxy that doesn't get ready is left to itself: the real QEMU gets the probe" {
	printf '%s\n' "$negotiate" "$query" | of_the_real >"$BATS_TEST_TMPDIR/wanted"
	printf '#!/bin/sh\necho $$ >%s\nexec sleep 60\n' "$BATS_TEST_TMPDIR/never-ready" >"$proxy"
	run -0 --separate-stderr probe
	# it isn't the proxy's end that was waited for
	kill "$(cat "$BATS_TEST_TMPDIR/never-ready")"
	[[ $stderr == 'cpushim: '*"/qmp-proxy: "* ]]
	answered_alone
}

@test "without a usable table, or without a row of ours, the real QEMU gets the probe" {
	printf '%s\n' "$negotiate" "$query" | of_the_real >"$BATS_TEST_TMPDIR/wanted"
	local kind
	for kind in missing empty truncated other; do
		cp "$CHECKOUT/build/root/usr/lib/cpushim/models.table" "$table"
		case $kind in
		missing) rm "$table" ;;
		empty) : >"$table" ;;
		truncated) truncate -s 100 "$table" ;;
		other)
			sed 's|emulator=/usr/bin/qemu-system-x86_64|emulator=/usr/bin/other|' \
				"$CHECKOUT/build/root/usr/lib/cpushim/models.table" | "$CHECKOUT/tests/lib/table" >"$table"
			;;
		esac
		run -0 --separate-stderr probe
		[ -z "$(proxies)" ]
		if [ $kind = other ]; then
			[ -z "$stderr" ]
		else
			[ "${#stderr_lines[@]}" = 1 ]
			[[ $stderr == 'cpushim: '*models.table* ]]
		fi
		answered_alone || { echo "$kind" && return 1; }
		kill -9 "$(cat "$dir/qmp.pid")"
		rm -f "$dir"/*
	done
	# lost in between: it is read again for the answer
	cp "$CHECKOUT/build/root/usr/lib/cpushim/models.table" "$table"
	probe
	[ "$(proxies)" ]
	rm "$table"
	answered_alone
}

@test "a socket that can't be made is QEMU's to complain about" {
	run --separate-stderr probe "$BATS_TEST_TMPDIR/nowhere" "$real"
	local wanted=$status words=${stderr#*: }
	[ "$wanted" != 0 ]
	run --separate-stderr probe "$BATS_TEST_TMPDIR/nowhere"
	[ "$status" = "$wanted" ]
	[[ ${stderr_lines[0]} == 'cpushim: '*'/qmp-proxy: '* ]]
	[ "${stderr_lines[1]#*: }" = "$words" ]
	[ -z "$(proxies)" ]
	# what is in its place makes room, as QEMU has it
	: >"$dir/qmp.monitor"
	probe
	printf '%s\n' "$negotiate" "$query" | talk "$dir/qmp.monitor" | grep -q '"gate64"'
}

# A QEMU that misbehaves as it is told, on the monitor that libvirt talks to or on ours
bad_qemu() { # PERL: what it does with ($monitor: 0 libvirt's, 1 ours; $line)
	rm "$qemu.distrib"
	cat >"$qemu.distrib" <<-END
		#!/usr/bin/perl
		use IO::Select;
		my (\$definitions) = '{"return": [{"name": "max", "typename": "max-x86_64-cpu", "unavailable-features": []}]';
		my @m = map { /cpushim\d,fd=(\d+)/ ? do { open my \$h, "+<&=\$1"; \$h } : () } @ARGV;
		sub out { my (\$n, \$words) = @_; syswrite \$m[\$n], \$words }
		out(\$_, "{\"QMP\": {}}\n") for 0, 1;
		open my \$pid, '>', '$dir/qmp.pid'; print \$pid \$\$; close \$pid;
		my \$select = IO::Select->new(@m);
		while (my @ready = \$select->can_read) {
			for my \$h (@ready) {
				my \$monitor = \$h == \$m[0] ? 0 : 1;
				my \$line = <\$h> or exit;
				my \$id = \$line =~ /("id": *[^,}]*)/ ? ", \$1" : "";
				$1
				if (\$line =~ /query-cpu-definitions/) { out(\$monitor, "\$definitions\$id}\r\n") }
				elsif (\$line =~ /expansion/) {
					out(\$monitor, '{"return": {"model": {"name": "max", "props": {"fpu": true}}}' . "\$id}\r\n") }
				else { out(\$monitor, "{\"return\": {}\$id}\r\n") }
			}
		}
	END
	chmod +x "$qemu.distrib"
	probe 3>&- &
	local tries
	for ((tries = 0; tries < 100; tries++)); do
		[ ! -s "$dir/qmp.pid" ] || return 0
		sleep 0.05
	done
	return 1
}

asked() {
	printf '%s\n' "$negotiate" "$query" '{"execute":"query-name","id":"libvirt-3"}' | talk "$dir/qmp.monitor"
}

own_answer='{"return": [{"name": "max", "typename": "max-x86_64-cpu", "unavailable-features": []}], "id":"libvirt-2"}'

@test "a QEMU whose answer comes in pieces, among events, is answered for as well" {
	bad_qemu 'if (!$monitor && $line =~ /query-cpu-definitions/) {
		for (split //, "{\"event\": \"A\"}\r\n$definitions$id}\r\n{\"event\": \"B\"}\r\n") { out(0, $_) } next }'
	asked >"$BATS_TEST_TMPDIR/got"
	sed -n 3p "$BATS_TEST_TMPDIR/got" | grep -x '{"event": "A"}.'
	sed -n 4p "$BATS_TEST_TMPDIR/got" | grep '"gate64"'
	sed -n 5p "$BATS_TEST_TMPDIR/got" | grep -x '{"event": "B"}.'
	[ "$(wc -l <"$BATS_TEST_TMPDIR/got")" = 6 ]
}

@test "if our own questions get nonsense, an error or no partner, libvirt gets QEMU's own answer" {
	local kind does
	for kind in nonsense error closed empty; do
		case $kind in
		nonsense) does='if ($monitor) { out(1, "]]]\n{}\n\x00\xff\n"); next }' ;;
		error) does='if ($monitor && $line =~ /def/) { out(1, "{\"error\": {\"class\": \"GenericError\"}$id}\n"); next }' ;;
		closed) does='if ($monitor) { $select->remove($h); close $h; next }' ;;
		empty) does='if ($monitor) { out(1, "{\"return\": []$id}\n"); next }' ;;
		esac
		bad_qemu "$does"
		asked >"$BATS_TEST_TMPDIR/got"
		[ "$(sed -n 3p "$BATS_TEST_TMPDIR/got" | tr -d '\r')" = "$own_answer" ] || { echo "$kind" && return 1; }
		[ "$(wc -l <"$BATS_TEST_TMPDIR/got")" = 4 ]
		gone "qmp-proxy $root"
		wait
		rm -f "$dir"/*
	done
}

# the proxy's child, while it waits for answers
signal_child() { # SIGNAL
	local tries pid
	for ((tries = 0; tries < 60; tries++)); do
		pid=$(proxies | head -n 1)
		read -r child <"/proc/$pid/task/$pid/children" || true
		[ -z "$child" ] || break
		sleep 0.05
	done
	kill "-$1" "$child"
}

# The proxy lives on without its child: libvirt gets QEMU's own answer, and the next one.
own_answer_after() { # SIGNAL to the child
	local child
	bad_qemu 'next if $monitor;'
	asked >"$BATS_TEST_TMPDIR/got" 3>&- &
	signal_child "$1"
	wait $!
	[ ! -e "/proc/$child" ]
	[ "$(sed -n 3p "$BATS_TEST_TMPDIR/got" | tr -d '\r')" = "$own_answer" ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/got")" = 4 ]
}

@test "if our child is killed, libvirt gets QEMU's own answer without the ten seconds that it might take" {
	patience=9 own_answer_after KILL
}

@test "if our child hangs, the proxy kills it, and libvirt gets QEMU's own answer" {
	patience=60 own_answer_after STOP
}

# ask_and_stop SOCKET: all of stdin at once, nothing more (shutdown), and what is answered until the end
ask_and_stop() {
	timeout 30 perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "no connection\n";
		local $/;
		my $said = <STDIN>;
		my $greeting = 0;
		until ($greeting) { sysread $s, my $in, 65536 or last; print $in; $greeting = $in =~ /\n/ }
		syswrite $s, $said;
		shutdown $s, 1;
		while (sysread $s, my $in, 65536) { print $in }' "$1"
}

@test "a client that says nothing more still gets its answers, and then the end" {
	probe "$dir" "$real"
	printf '%s\n' "$negotiate" "$query" '{"execute":"query-name","id":"libvirt-3"}' | ask_and_stop "$dir/qmp.monitor" |
		grep -c '"id"' >"$BATS_TEST_TMPDIR/wanted" || :
	kill -9 "$(cat "$dir/qmp.pid")"
	rm -f "$dir"/*
	probe
	printf '%s\n' "$negotiate" "$query" '{"execute":"query-name","id":"libvirt-3"}' | ask_and_stop "$dir/qmp.monitor" \
		>"$BATS_TEST_TMPDIR/got"
	[ "$(grep -c '"id"' "$BATS_TEST_TMPDIR/got")" = "$(cat "$BATS_TEST_TMPDIR/wanted")" ]
	[ "$(entry gate64 <"$BATS_TEST_TMPDIR/got" | wc -l)" = 1 ]
	gone "qmp-proxy $root"
}

@test "a client that says nothing more and goes away: the proxy ends, whatever QEMU does" {
	# a QEMU that minds no end
	bad_qemu 'select undef, undef, undef, 60 if $line =~ /query-name/;'
	printf '%s\n' "$negotiate" '{"execute":"query-name"}' |
		timeout 1 perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]);
			print $s <STDIN>; $s->flush; shutdown $s, 1; sleep 60' "$dir/qmp.monitor" || :
	gone "qmp-proxy $root"
}

@test "a QEMU that dies in the middle of its answer: libvirt gets that half" {
	bad_qemu 'if (!$monitor && $line =~ /query-cpu-definitions/) { out(0, "{\"return\": [{\"na"); exit }'
	asked >"$BATS_TEST_TMPDIR/got"
	[ "$(sed -n 3p "$BATS_TEST_TMPDIR/got")" = '{"return": [{"na' ]
	gone "qmp-proxy $root"
}

@test "an answer of more than sixteen megabytes passes as it is" {
	bad_qemu 'if (!$monitor && $line =~ /query-cpu-definitions/) {
		my $long = "{\"return\": [{\"name\": \"" . "x" x 20000000 . "\"}]$id}\r\n";
		for (my $at = 0; $at < length $long;) { $at += syswrite $m[0], $long, 65536, $at } next }'
	asked >"$BATS_TEST_TMPDIR/got"
	[ "$(sed -n 3p "$BATS_TEST_TMPDIR/got" | wc -c)" -gt 7000000 ]
	run ! grep -q gate64 "$BATS_TEST_TMPDIR/got"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/got")" = 4 ]
}

@test "a question of more than sixteen megabytes reaches QEMU, and the next one is answered for" {
	# what is longer than the proxy listens to
	bad_qemu 'if ($line =~ /x{1000}/) { $line = "{\"return\": " . length($line) . "}\n"; out(0, $line); next }'
	{
		echo "$negotiate"
		printf '{"execute":"query-cpu-definitions","id":"'
		head -c 17000000 /dev/zero | tr '\0' x
		printf '"}\n%s\n' "$query"
	} | talk "$dir/qmp.monitor" >"$BATS_TEST_TMPDIR/got"
	[ "$(sed -n 3p "$BATS_TEST_TMPDIR/got")" = '{"return": 17000044}' ]
	[ "$(entry gate64 <"$BATS_TEST_TMPDIR/got" | wc -l)" = 1 ]
}
