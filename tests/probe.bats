#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# QEMUs that something is wrong with: probe, compile and verify say it in one line, in time, with exit
# status 2, and nothing is written. What the wrapper, qmp-proxy and the hook do with them is in their
# own suites.

# shellcheck disable=SC2016,SC2154 # perl's and the fakes'; bats sets them
bats_require_minimum_version 1.5.0

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	root=$BATS_TEST_TMPDIR/root
	cp -a "$CHECKOUT/build/root" "$root"
	emulator=$root/usr/bin/qemu-system-x86_64
	real=$(readlink -f "$emulator.distrib")
	fake=$BATS_TEST_TMPDIR/fake
}

teardown() {
	# none of the fakes may be left
	run -1 pgrep -f -- "$fake"
}

cpushim() {
	CPUSHIM_ROOT=$root timeout 60 "$root/usr/bin/cpushim" "$@"
}

# fake: standard input as a program, in QEMU's place
fake() {
	rm -rf "$fake"
	cat >"$fake"
	chmod 755 "$fake"
	ln -sfn "$fake" "$emulator.distrib"
}

# speaker PERL: a QEMU that is perl on the monitor: say(TEXT), hear() gives a command's name, $id its id
speaker() {
	cat >"$BATS_TEST_TMPDIR/speaker.pl" <<-'END'
		use strict;
		open my $in, "<&=", 3 or die;
		open my $out, ">>&=", 3 or die;
		$SIG{PIPE} = "DEFAULT";
		our $id;
		sub say { syswrite $out, $_[0]; }
		sub hear { my $line = <$in> // exit 0; $line =~ /"id": ?(\d+)/ and $id = $1; $line =~ /"execute": ?"([^"]*)"/ ? $1 : "" }
		sub answer { &say("{\"return\": $_[0], \"id\": $id}\r\n") }
		sub greet { &say("{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"); hear(); answer("{}") }
		our %usual = (
			"query-version" => '{"qemu": {"major": 7, "minor": 2, "micro": 0}, "package": ""}',
			"query-target" => '{"arch": "x86_64"}',
			"query-cpu-definitions" => '[{"name": "kvm64", "typename": "kvm64-x86_64-cpu"}]',
		);
		sub usual { my $command = hear(); answer($usual{$command} // return $command); "" }
	END
	printf '%s\n' "$1" >>"$BATS_TEST_TMPDIR/speaker.pl"
	printf '#!/bin/sh\nexec /usr/bin/perl %s %s\n' "$BATS_TEST_TMPDIR/speaker.pl" "$fake" | fake
}

# what mends a QEMU that is broken
cure='; reinstall QEMU (Debian: `apt-get install --reinstall qemu-system-x86`)'

# no_answer PATTERN: probe and compile end with status 2 and one line, and the table stays
no_answer() {
	local table=$root/usr/lib/cpushim/models.table was command
	was=$(sha256sum <"$table")
	for command in probe compile; do
		run -2 --separate-stderr cpushim $command
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" = 1 ]
		# shellcheck disable=SC2053 # a pattern
		[[ $stderr == "cpushim: $emulator.distrib: "$1 ]] || { echo "$stderr" && return 1; }
	done
	[ "$(sha256sum <"$table")" = "$was" ]
}

# hanging N PERL: a new root with a QEMU that hangs; then probe, compile and verify, at once
hanging() {
	local command
	root=$BATS_TEST_TMPDIR/root$1 fake=$BATS_TEST_TMPDIR/fake$1
	cp -a "$CHECKOUT/build/root" "$root"
	emulator=$root/usr/bin/qemu-system-x86_64
	speaker "$2"
	mv "$BATS_TEST_TMPDIR/speaker.pl" "$BATS_TEST_TMPDIR/speaker$1.pl"
	# verify doesn't talk to it
	printf '#!/bin/sh\ncase $* in *-kernel*) exec perl -e "sleep 300" %s ;; esac\nexec perl %s %s\n' \
		"$fake" "$BATS_TEST_TMPDIR/speaker$1.pl" "$fake" | fake
	for command in probe compile 'verify gate64'; do
		# shellcheck disable=SC2086 # words
		{
			cpushim $command >"$BATS_TEST_TMPDIR/said$1${command%% *}" 2>&1 ||
				echo "$?" >"$BATS_TEST_TMPDIR/status$1${command%% *}"
		} 3>&- &
		pids+=($!)
	done
	fake=$BATS_TEST_TMPDIR/fake
}

@test "a QEMU that hangs, whenever, is ended by who asks it: probe, compile and verify" {
	local pids=() pid file
	hanging 1 'sleep 300;'
	hanging 2 'greet(); sleep 300;'
	hanging 3 'greet(); usual() while 1;'
	hanging 4 'greet(); while (1) { hear(); &say("{\"event\": \"RESUME\"}\r\n") }'
	hanging 5 'greet(); kill "STOP", $$;'
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	for file in "$BATS_TEST_TMPDIR"/said*; do
		# verify tells, too, that it isn't the table's QEMU
		grep -v "its QEMU isn't the one that the table was made from\|cpushim doctor" "$file" >"$BATS_TEST_TMPDIR/line"
		[ "$(wc -l <"$BATS_TEST_TMPDIR/line")" = 1 ] || { cat "$file" && return 1; }
		grep -q '^cpushim: .*\.distrib: .*so it was stopped; if it does so again.*, reinstall QEMU (Debian: `apt-get install --reinstall qemu-system-x86`)$' \
			"$BATS_TEST_TMPDIR/line" || { cat "$file" && return 1; }
	done
	[ "$(cat "$BATS_TEST_TMPDIR"/status* | sort | uniq -c | xargs)" = '15 2' ]
}

@test "what isn't QMP is said to be none" {
	speaker '&say("hello\n"); sleep 20;'
	no_answer "what it answers isn't QMP: *$cure"
	speaker '&say("{\"greeting\": 1}\n"); sleep 20;'
	no_answer "doesn't greet as QMP does$cure"
	speaker '&say("\x00\xff\xfe\n"); sleep 20;'
	no_answer "what it answers isn't QMP: *$cure"
	speaker '&say("[" x 100000 . "\n"); sleep 20;'
	no_answer "what it answers isn't QMP: *$cure"
	speaker 'greet(); hear(); &say("{\"return\": {\"qemu\": \n");  sleep 20;'
	no_answer "what it answers isn't QMP: *$cure"
	speaker 'greet(); hear(); &say("x" x 1000000) for 1 .. 80; sleep 20;'
	no_answer "an answer is longer than *$cure"
}

@test "answers of the wrong kind" {
	speaker 'greet(); while (my $c = hear()) { answer("[]") }'
	no_answer "isn't a QEMU for x86*"
	speaker '$usual{"query-cpu-definitions"} = "{}"; greet(); while (1) { usual() and answer("{}") }'
	no_answer "has no CPU models$cure"
	speaker '$usual{"query-cpu-definitions"} = "[7]"; greet(); while (1) { usual() and answer("{}") }'
	no_answer "has a CPU model without a name$cure"
	speaker 'greet(); while (1) { usual() and answer("{\"model\": 1}") }'
	no_answer "query-cpu-model-expansion of 'kvm64' gives no properties$cure"
	speaker 'greet(); while (1) { usual() and &say("{\"id\": $id}\n") }'
	no_answer "query-cpu-model-expansion: no reason given"
}

@test "a QEMU that dies, before or in the dialogue, is quoted with its last words" {
	printf '#!/bin/sh\necho "the last \033[31mwords" >&2; kill -SEGV $$\n' | fake
	no_answer "ended the dialogue: the last ?x1b?31mwords$cure"
	speaker 'greet(); usual(); print STDERR "no memory\n"; exit 1;'
	no_answer "ended the dialogue: no memory$cure"
}

@test "a QEMU that is too old is told from others, with the release that it takes" {
	# as 2.9 to 2.11 say it
	printf '#!/bin/sh\necho "$0: -chardev socket,id=cpushim,fd=3: chardev: socket: no path given" >&2; exit 1\n' | fake
	no_answer "*since 2.12: *"
	[[ $stderr != *reinstall* ]]
	speaker 'greet(); while (1) { usual() and &say("{\"id\": $id, \"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command has not been found\"}}\n") }'
	no_answer "can't tell what its models are ?query-cpu-model-expansion?; cpushim needs QEMU 2.12 or later"
	[[ $stderr != *reinstall* ]]
}

@test "a QEMU for another machine isn't one for x86" {
	# as qemu-system-arm answers
	speaker '$usual{"query-target"} = "{\"arch\": \"arm\"}"; greet(); usual() while 1;'
	no_answer "isn't a QEMU for x86, but for arm"
	speaker '$usual{"query-target"} = "{\"arch\": \"\\u001b[2J\"}"; greet(); usual() while 1;'
	no_answer "isn't a QEMU for x86, but for ?x1b?2J"
	local arm
	for arm in /usr/bin/qemu-system-arm /usr/bin/qemu-system-aarch64; do
		[ -x $arm ] || continue
		ln -sfn $arm "$emulator.distrib"
		no_answer "isn't a QEMU for x86, but for *"
	done
}

@test "what can't be run: not executable, a directory, empty, no program, a loop of links" {
	local kind
	for kind in mode directory empty text loop missing; do
		rm -rf "$fake"
		case $kind in
		mode) cp "$real" "$fake" && chmod 644 "$fake" ;;
		directory) mkdir "$fake" ;;
		empty) : | fake ;;
		text) echo 'no program' | fake ;;
		loop) ln -s fake "$fake" ;;
		esac
		ln -sfn "$fake" "$emulator.distrib"
		no_answer "*$cure" || { echo "$kind" && return 1; }
		run -2 --separate-stderr cpushim verify gate64
		# the node's state is told, too, and who tells more
		[ "${#stderr_lines[@]}" -le 3 ]
		[[ $stderr == *"cpushim: $emulator.distrib: "*"$cure" ]]
		run ! grep -v '^cpushim: ' <<<"$stderr"
	done
}

@test "warnings before, between and behind are no obstacle" {
	printf '#!/bin/sh\necho "warning: the weather" >&2\nhead -c 100000 /dev/zero | tr "\\0" x >&2 & exec %s "$@"\n' "$real" | fake
	run -0 --separate-stderr cpushim probe
	[[ $output == *kvm64* ]]
	run -0 cpushim verify gate64
}

@test "ten probes and compiles at once: all end well, and the table is whole" {
	local n pids=() pid
	for n in 1 2 3 4 5; do
		cpushim probe >"$BATS_TEST_TMPDIR/got$n" 3>&- &
		pids+=($!)
		cpushim compile >/dev/null 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	for n in 2 3 4 5; do
		cmp "$BATS_TEST_TMPDIR/got1" "$BATS_TEST_TMPDIR/got$n"
	done
	run -0 cpushim compile
	[[ $output == *'nothing changed'* ]]
	[ -z "$(find "$root/usr/lib/cpushim" -name 'models.table?*')" ]
}
