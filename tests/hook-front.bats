#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The hook's front: it lets pass, unread and at once, every guest that has nothing to do with a site
# model, whatever has happened to cpushim's other files; and it never forgets a site model.

# shellcheck disable=SC2154 # lib/hook and bats set them
bats_require_minimum_version 1.5.0
load lib/some
load lib/hook

setup() {
	make_root
}

other() { # a domain of somebody else
	domain 's/gate64/kvm64/'
}

# exit 0, and not a word
passes() {
	run --separate-stderr "$@"
	[ "$status" = 0 ]
	[ -z "$output" ]
	[ -z "${stderr-}" ]
}

# exit 1, nothing rewritten, one line that begins as it should
refuses() { # WORDS COMMAND...
	local words=$1
	shift
	run -1 --separate-stderr "$@"
	[ -z "$output" ]
	[[ $stderr == *'cpushim: instance-00000001: '*"$words"* ]]
}

@test "the front is one static program" {
	run -0 readelf -l "$CHECKOUT/hook/qemu"
	[[ $output == *LOAD* && $output != *INTERP* ]]
}

@test "a domain without a site model: one program, no library, no file but the table, the record, and what it may come back from" {
	command -v strace >/dev/null || skip 'strace is missing'
	other >"$BATS_TEST_TMPDIR/other.xml"
	local operation elsewhere
	for operation in prepare start started migrate restore; do
		CPUSHIM_ROOT=$root strace -f -o "$BATS_TEST_TMPDIR/trace" "$CHECKOUT/hook/qemu" demo $operation begin - \
			<"$BATS_TEST_TMPDIR/other.xml"
		[ "$(grep -c execve "$BATS_TEST_TMPDIR/trace")" = 1 ]
		case $operation in
		prepare) elsewhere=var/lib/libvirt/qemu/snapshot/demo ;;
		restore) elsewhere=etc/libvirt/qemu/demo.xml ;;
		*) elsewhere=run/cpushim ;;
		esac
		run -1 grep -E 'clone|fork|socket|connect' "$BATS_TEST_TMPDIR/trace"
		run -0 grep -oE '(open|openat|stat|lstat|newfstatat|access)\(.*"[^"]+"' "$BATS_TEST_TMPDIR/trace"
		run -1 grep -vE "$root/(usr/lib/cpushim/models.table|run/cpushim/$uuid|$elsewhere)\"" <<<"$output"
	done
}

@test "a domain without a site model passes at every operation, also with records and by libvirt" {
	local operation
	for operation in 'prepare begin' 'start begin' 'started begin' 'stopped end' 'release end' \
		'migrate begin' 'restore begin' 'reconnect begin' 'attach begin' 'tomorrows begin'; do
		# shellcheck disable=SC2086 # two words
		passes hook $operation < <(other)
		# shellcheck disable=SC2086
		passes by_libvirt $operation < <(other)
	done
}

@test "a domain without a site model passes with broken, empty, binary and huge XML" {
	local operation
	for operation in prepare start started migrate restore; do
		passes hook $operation begin </dev/null
		passes hook $operation begin < <(other | head -c 700)
		# the worker has to look at it, and may say what is wrong with it
		run -0 --separate-stderr hook $operation begin < <(printf '<domain><cpu>&#x;<model>&nope;</cpu>')
		[ -z "$output" ]
		passes hook $operation begin < <(head -c 100000 /dev/zero)
		passes hook $operation begin < <(head -c 100000 "$CHECKOUT/hook/qemu")
	done
	passes hook prepare begin < <(other; head -c 100000000 /dev/zero | tr '\0' x)
}

@test "a domain without a site model passes whatever state table, include and worker are in" {
	local kind file
	include gate64
	cp -a "$root" "$root.right"
	for file in usr/lib/cpushim/models.table usr/share/libvirt/cpu_map/x86_cpushim.xml usr/bin/cpushim; do
		for kind in missing empty garbled directory fifo loop unreadable; do
			rm -rf "${root:?}/$file"
			case $kind in
			empty) : >"$root/$file" ;;
			garbled) head -c 5000 "$CHECKOUT/hook/qemu" >"$root/$file" ;;
			directory) mkdir "$root/$file" ;;
			fifo) mkfifo "$root/$file" ;;
			loop) ln -s "$(basename "$file")" "$root/$file" ;;
			unreadable) : >"$root/$file" && chmod 000 "$root/$file" ;;
			esac
			passes timeout 10 env CPUSHIM_ROOT="$root" "$CHECKOUT/hook/qemu" demo prepare begin - < <(other)
			passes timeout 10 env CPUSHIM_ROOT="$root" "$CHECKOUT/hook/qemu" demo start begin - < <(other)
		done
		rm -rf "${root:?}/$file"
		cp -a "$root.right/$file" "$root/$file"
	done
}

@test "gate64 in metadata alone isn't a request" {
	passes hook prepare begin < <(domain 's|<model>gate64|<model>kvm64|' 's|>demo<|>gate64<|')
	passes hook prepare begin < <(domain '/<cpu/,/<.cpu>/d' 's|>demo<|><a:model xmlns:a="b">gate64</a:model><|')
}

@test "modes in which libvirt ignores a model aren't a request" {
	passes hook prepare begin < <(domain "s/mode='custom'/mode='host-model'/")
	passes hook prepare begin < <(domain "s/mode='custom'/mode='host-passthrough'/")
}

@test "a name in character references, torn by an element, a comment or a processing instruction is seen" {
	local name
	for name in '\&#103;ate64' 'gate6\&#x34;' 'gate<!-- -->64' 'ga<?x?>te64' '<![CDATA[gate]]>64' \
		'gate<x/>64' '<x>gate</x>64' '<x:y xmlns:x="u">gate64</x:y>'; do
		run -0 --separate-stderr hook prepare begin < <(domain "s|>gate64<|>$name<|")
		[[ $output == *">kvm64</model>"* ]]
	done
}

@test "a name in another encoding is seen, and refused as it can't be rewritten" {
	local encoding
	for encoding in UTF-16 UTF-16LE UTF-16BE ISO-8859-1; do
		{
			printf "<?xml version='1.0' encoding='%s'?>\n" "$encoding"
			domain
		} | iconv -f UTF-8 -t "$encoding" >"$BATS_TEST_TMPDIR/domain.xml"
		refuses 'UTF-8' hook prepare begin <"$BATS_TEST_TMPDIR/domain.xml"
	done
	# the declared encoding is looked for in the declaration alone
	{
		printf "<?xml version='1.0' encoding='UTF-7'?>\n"
		domain 's|>gate64<|>+AGcAYQB0AGU-64<|' 's|>demo<|>utf-8<|'
	} >"$BATS_TEST_TMPDIR/domain.xml"
	refuses 'UTF-8' hook prepare begin <"$BATS_TEST_TMPDIR/domain.xml"
}

@test "a byte order mark is no obstacle" {
	run -0 --separate-stderr hook prepare begin < <(printf '\xef\xbb\xbf' && domain)
	[[ $output == *">kvm64</model>"* ]]
}

@test "a name behind 64 MiB of something else is seen" {
	refuses 'too large' hook prepare begin < <(
		printf '<domain><!--' && head -c 67200000 /dev/zero | tr '\0' x
		printf -- '--><cpu><model>gate64</model></cpu></domain>'
	)
}

@test "a name that is hidden behind 64 MiB, and a record of such a domain, are seen, too" {
	rare
	local hidden
	for hidden in 'gate\&#54;4' 'gate<!---->64' 'gate<?x?>64' 'gate\x0064'; do
		refuses 'too large' hook restore begin < <(
			printf '<domain>' && head -c 67200000 /dev/zero | tr '\0' ' '
			printf '<cpu><model>%b</model></cpu></domain>' "${hidden//\\&/&}"
		)
	done
	mkdir -p "${record%/*}" && : >"$record"
	refuses 'too large' hook start begin < <(other | sed '$d' && head -c 67200000 /dev/zero | tr '\0' ' ' && printf '</domain>')
	passes hook prepare begin < <(other | sed '$d' && head -c 67200000 /dev/zero | tr '\0' ' ' && printf '</domain>')
}

@test "a domain's name may be anything" {
	local name
	# shellcheck disable=SC2016 # not to be expanded
	for name in '' -x --record --libvirt=1 ../../etc/passwd '$(touch x)' 'a"b<c>&d' $'a\tb\xff' "$(printf 'n%.0s' {1..5000})"; do
		CPUSHIM_ROOT=$root run -0 --separate-stderr "$CHECKOUT/hook/qemu" "$name" prepare begin - < <(domain)
		[[ $output == *">kvm64</model>"* ]]
		CPUSHIM_ROOT=$root run -0 --separate-stderr "$CHECKOUT/hook/qemu" "$name" prepare begin - < <(other)
		[ -z "$output$stderr" ]
	done
}

@test "a record that isn't the domain's own UUID's doesn't count: the first in the XML counts, as libvirt writes it" {
	local other_uuid=6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d99
	mkdir -p "${record%/*}" && : >"${record%/*}/$other_uuid"
	passes by_libvirt stopped end < <(domain "s|<metadata>|&<uuid>$other_uuid</uuid>|")
	passes by_libvirt prepare begin < <(other | sed "s|>demo<|><uuid>$other_uuid</uuid><|")
	[ -e "${record%/*}/$other_uuid" ]
}

@test "without a usable worker a site model is refused and others that only mention it pass" {
	local kind worker=$root/usr/bin/cpushim
	for kind in missing empty garbled dying killed; do
		rm -f "$worker"
		case $kind in
		empty) : >"$worker" && chmod +x "$worker" ;;
		garbled) head -c 5000 "$CHECKOUT/build/cpushim" >"$worker" && chmod +x "$worker" ;;
		dying) printf '#!/bin/sh\nexit 3\n' >"$worker" && chmod +x "$worker" ;;
		killed) printf '#!/bin/sh\nkill -9 "$%s"\n' '$' >"$worker" && chmod +x "$worker" ;;
		esac
		refuses "model 'gate64'" hook prepare begin < <(domain)
		refuses "model 'gate64'" hook migrate begin < <(domain)
		run --separate-stderr hook prepare begin < <(domain '/<cpu/,/<.cpu>/d' 's/>demo</>gate64</')
		[ "$status" = 0 ]
		[ -z "$output" ]
		# at start and started a record alone is enough
		mkdir -p "${record%/*}" && : >"$record"
		refuses 'site model' hook start begin < <(other)
		refuses 'site model' hook started begin < <(other)
		passes hook restore begin < <(other)
		rm "$record"
		passes hook start begin < <(other)
	done
}

@test "a lost table: the names come from the include's comment, and gate64 is refused" {
	include x86-64-v2 gate64
	local table=$root/usr/lib/cpushim/models.table
	rm "$table"
	refuses "model 'gate64'" hook prepare begin < <(domain) || [[ $stderr == *"model 'gate64'"* ]]
	passes hook prepare begin < <(other)
	printf 'cpushim-table 1\n' >"$table"
	run -1 --separate-stderr hook prepare begin < <(domain)
	[[ $stderr == *"model 'gate64'"* ]]
	row | table
	sed -i '1s/crc=./crc=x/' "$table"
	run -1 --separate-stderr hook restore begin < <(domain)
	[[ $stderr == *"model 'gate64'"* ]]
}

@test "a table that others may write isn't used" {
	include gate64
	chmod 666 "$root/usr/lib/cpushim/models.table"
	run -1 --separate-stderr hook prepare begin < <(domain)
	[ -z "$output" ]
}

@test "a name with -- is found in the include" {
	include 'a-%-b'
	rm "$root/usr/lib/cpushim/models.table"
	run -1 --separate-stderr hook prepare begin < <(domain 's/>gate64</>a--b</')
	[[ $stderr == *"model 'a--b'"* ]]
}

@test "reconnect and attach answer 0 before anything is read or opened" {
	command -v strace >/dev/null || skip 'strace is missing'
	local operation
	for operation in reconnect attach; do
		CPUSHIM_ROOT=$root strace -f -o "$BATS_TEST_TMPDIR/trace" "$CHECKOUT/hook/qemu" demo $operation begin - < <(domain)
		run -1 grep -E 'open|read\(|clone|fork|ENOENT' "$BATS_TEST_TMPDIR/trace"
	done
}

@test "stopped and release remove the record and are content with anything" {
	local operation
	for operation in stopped release; do
		mkdir -p "${record%/*}" && : >"$record"
		passes hook $operation end < <(domain)
		[ ! -e "$record" ]
		passes hook $operation end < <(domain)
		passes hook $operation end </dev/null
		rm -r "${record%/*}" && ln -s /nonexistent "${record%/*}"
		passes hook $operation end < <(domain)
		rm "${record%/*}"
	done
}

@test "a prepare without a site model removes a stale record; by hand it is left" {
	mkdir -p "${record%/*}" && : >"$record"
	passes hook prepare begin < <(other)
	[ -e "$record" ]
	passes by_libvirt prepare begin < <(other)
	[ ! -e "$record" ]
}

@test "a site's script between libvirt and the hook makes it no person's call" {
	local script=$BATS_TEST_TMPDIR/dispatcher
	printf '#!/bin/sh\nsh -c \x27"$@"\x27 - %s "$@"\nexit $?\n' "$CHECKOUT/hook/qemu" >"$script"
	chmod +x "$script"
	# shellcheck disable=SC2016 # the other shell's
	CPUSHIM_ROOT=$root mapping "$BATS_TEST_TMPDIR/libvirt_driver_qemu.so" libvirtd '"$@"; exit $?' "$script" instance-00000001 \
		prepare begin - < <(domain) >/dev/null
	[ -e "$record" ]
}

@test "a libvirtd that is a container's first process is libvirt, too" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	# shellcheck disable=SC2016 # the other shell's
	CPUSHIM_ROOT=$root unshare --pid --fork --propagation unchanged --mount-proc "$BATS_TEST_TMPDIR/libvirtd" -c \
		'[ $$ = 1 ] && "$@"; exit $?' - "$CHECKOUT/hook/qemu" instance-00000001 prepare begin - < <(domain) >/dev/null
	[ -e "$record" ]
}

@test "XML that comes late on a non-blocking pipe is waited for; XML that can't be read is refused" {
	# shellcheck disable=SC2016 # perl's
	run -0 --separate-stderr perl -MFcntl -e '
		pipe my $out, my $into;
		fcntl $out, F_SETFL, O_NONBLOCK;
		fork or do { close $into; open STDIN, "<&", $out; exec @ARGV };
		my $xml = do { local $/; <STDIN> };
		select undef, undef, undef, 0.3;
		print $into $xml;
		close $into;
		wait;
		exit $? >> 8' env CPUSHIM_ROOT="$root" "$CHECKOUT/hook/qemu" instance-00000001 prepare begin - < <(domain)
	[[ $output == *'>kvm64</model>'* ]]
	refuses "it may name a site model, and its XML can't be read: Is a directory" hook prepare begin </tmp
	passes hook stopped end </tmp
	passes hook reconnect begin </tmp
}

@test "signals that the caller ignores aren't taken for the worker's failure" {
	# shellcheck disable=SC2016 # perl's
	run -0 --separate-stderr perl -e '$SIG{CHLD} = $SIG{PIPE} = "IGNORE"; exec @ARGV' \
		env CPUSHIM_ROOT="$root" "$CHECKOUT/hook/qemu" instance-00000001 prepare begin - < <(domain)
	[[ $output == *'>kvm64</model>'* ]]
	[[ $stderr != *"can't be checked"* ]]
}

@test "a UUID that isn't canonical never becomes a path" {
	mkdir -p "$root/run/cpushim" && : >"$root/run/victim"
	local bad
	for bad in ../victim '..%2fvictim' '' 6B2F0D3E-52CF-4B1F-9A57-3A1E8F1C2D6 \
		6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d6/ 6b2f0d3e52cf4b1f9a573a1e8f1c2d6444; do
		passes hook stopped end < <(domain "s|<uuid>.*</uuid>|<uuid>$bad</uuid>|")
	done
	[ -e "$root/run/victim" ]
}

@test "wrong usage is exit 2 with a usage line, and libvirt's calls never are" {
	local args
	for args in '' 'demo' 'demo prepare' 'demo prepare begin' 'demo prepare begin - more'; do
		# shellcheck disable=SC2086 # words
		run -2 --separate-stderr "$CHECKOUT/hook/qemu" $args </dev/null
		[[ $stderr == 'cpushim: usage: '* ]]
	done
	for args in 'prepare end' 'unheard begin' 'start of'; do
		# shellcheck disable=SC2086
		passes by_libvirt $args < <(domain)
	done
	passes env CPUSHIM_ROOT="$root" "$CHECKOUT/hook/qemu" '' '' '' '' </dev/null
	passes env CPUSHIM_ROOT="$root" "$CHECKOUT/hook/qemu" --help -x --version -- </dev/null
}

@test "a domain's name can't forge a line or steer a terminal" {
	rm "$root/usr/bin/cpushim"
	run -1 --separate-stderr env CPUSHIM_ROOT="$root" "$CHECKOUT/hook/qemu" $'demo\n\e[31mcpushim: fine' prepare begin - < <(domain)
	[ "${#stderr_lines[@]}" = 1 ]
	[[ $stderr != *$'\e'* ]]
}

@test "nothing of the environment but CPUSHIM_ROOT matters" {
	run -0 --separate-stderr env -i CPUSHIM_ROOT="$root" "$CHECKOUT/hook/qemu" demo prepare begin - < <(domain)
	[[ $output == *">kvm64</model>"* ]]
}

# the worker's place is taken by a script that never answers, and says that it ran
worker_that() { # LINE...
	printf '%s\n' '#!/bin/sh' ": >'$BATS_TEST_TMPDIR/ran'" "$@" >"$root/usr/bin/cpushim"
	chmod +x "$root/usr/bin/cpushim"
}

not_asked() {
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
}

@test "a tenant's text never makes the worker run: gate64 in a name, a title, a description, metadata" {
	worker_that 'sleep 60'
	local operation script
	for script in 's|<name>.*|<name>gate64</name>|' 's|<metadata>|<title>gate64</title><description>\&gt;gate64\&lt;/model></description>&|' \
		's|>demo<|>gate64<|' "s|>demo<|><a:cpu xmlns:a='u' a:mode='custom'><model>gate64</model></a:cpu><|" \
		's|>demo<|><!-- </metadata><cpu><model>gate64</model></cpu> --><|' 's|>demo<|><![CDATA[</metadata><cpu><model>gate64]]><|' \
		"s|>demo<| a='></metadata>' b=\"/><cpu>\"><?x </metadata><cpu><model>gate64</model></cpu>?><|" \
		"s|<domain |&xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' |;s|</devices>|&<qemu:commandline><qemu:arg value='gate64'/></qemu:commandline>|"; do
		passes hook prepare begin < <(domain 's|<model>gate64|<model>kvm64|' "$script")
		for operation in prepare start started migrate restore; do
			passes by_libvirt $operation begin < <(domain 's|<model>gate64|<model>kvm64|' "$script")
		done
	done
	not_asked
}

@test "what libvirt doesn't write goes to the worker, which reads it as libvirt does" {
	recorded() { # MODEL-LINE SED-SCRIPT: an arrival, as this
		rm -rf "$root/run/cpushim"
		run -0 --separate-stderr by_libvirt restore begin < <(domain "$2")
		[ -z "$output$stderr" ]
		run -0 cat "$record"
		[[ $output == *"$1"* ]]
	}
	ours=$'phase=arrival\nmodel=gate64\n'
	recorded "$ours" 's|>gate64<|>gate<x/>64<|'
	recorded "$ours" "s|<cpu mode='custom'|<cpu xmlns:x='u' x:mode='custom' mode='host-model'|"
	recorded "$ours" "s|<cpu mode='custom'|<cpu xml:mode='custom' mode='host-model'|"
	recorded "$ours" "s|<cpu mode='custom'|<cpu mode='cust\&#111;m'|"
	recorded $'\non=\noff=pni' "s|<topology|<feature xmlns:x='u' x:policy='disable' policy='require' name='pni'/>&|"
	recorded $'\non=aes\noff=' "s|<topology|<feature xmlns:x='u' x:name='aes' policy='require' name='avx'/>&|"
	# the other way round libvirt ignores the model
	passes by_libvirt restore begin < <(domain "s|<cpu mode='custom'|<cpu xmlns:x='u' x:mode='host-model' mode='custom'|")
	# nor does it find elements in a namespace; the first <cpu> counts
	passes by_libvirt restore begin < <(domain "s|<cpu |<cpu xmlns='u' |")
	passes by_libvirt restore begin < <(domain "s|<features>|<cpu><model>kvm64</model></cpu>&|")
	refuses DOCTYPE by_libvirt restore begin < <(printf '<!DOCTYPE domain>' && domain 's|>gate64<|>gate<x/>64<|')
}

@test "a UUID in upper case, without dashes or with blanks is the same guest's" {
	local form
	for form in "${uuid^^}" "${uuid//-/}" " ${uuid//-/ } " "$(tr -d - <<<"${uuid^^}")"; do
		rm -rf "$root/run/cpushim"
		run -0 --separate-stderr by_libvirt restore begin < <(domain "s|<uuid>.*|<uuid>$form</uuid>|")
		[ -e "$record" ]
		passes by_libvirt release end < <(domain "s|<uuid>.*|<uuid>$form</uuid>|")
		[ ! -e "$record" ]
	done
}

@test "without the worker what isn't plain passes only with a name of libvirt's and QEMU's own" {
	rm "$root/usr/bin/cpushim"
	local way
	for way in 's|<cpu|<!-- -->&|' 's|<model>|<!-- -->&|' 's|<domain|<!-- -->&|' "s|<model>|<model xmlns:x='u' x:y=''>|" \
		's|<clock|<cpu/>&|' "s|</cpu>|<x:y xmlns:x='u'/>&|"; do
		passes hook restore begin < <(domain 's/gate64/kvm64/' "$way")
		passes hook restore begin < <(domain '/<model>/d' "$way")
		refuses "model 'gate64': can't be checked" hook restore begin < <(domain "$way")
		refuses "model 'other': can't be checked" hook restore begin < <(domain 's/gate64/other/' "$way")
	done
	for way in 's|64<|<x/>64<|' "s|<cpu|<cpu xmlns='u'|" "s|<domain|<!DOCTYPE domain>&|"; do
		refuses "isn't written as libvirt writes it" hook restore begin < <(domain 's/gate64/kvm64/' "$way")
	done
	passes hook prepare begin < <(domain 's/gate64/other/')
}

@test "at start and started a domain without a record passes, whatever it asks for, without the worker" {
	worker_that 'sleep 60'
	local operation
	for operation in start started; do
		passes hook $operation begin < <(domain)
		passes by_libvirt $operation begin < <(domain 's|<cpu|<!-- -->&|')
	done
	not_asked
}

@test "a worker that hangs is ended after ten seconds with its children, and refuses gate64 alone" {
	worker_that "sleep 60 & echo \$! >'$BATS_TEST_TMPDIR/child'" 'echo words >&2' 'sleep 60'
	SECONDS=0
	run -1 --separate-stderr hook prepare begin < <(domain)
	[ "$SECONDS" -ge 9 ]
	[ "$SECONDS" -le 25 ]
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = words ]
	[[ $stderr == *"model 'gate64': can't be checked, as \`cpushim hook\` took over 10 s"* ]]
	# it may be nobody's to be waited for
	run ! grep '^State:.[^ZX]' "/proc/$(cat "$BATS_TEST_TMPDIR/child")/status"
	run -0 --separate-stderr hook restore begin < <(domain 's/gate64/kvm64/' 's|<cpu|<!-- -->&|')
	[ -z "$output" ]
}

@test "a child of the worker that holds its output holds nobody" {
	worker_that 'echo out' 'echo err >&2' "setsid sleep 300 & echo \$! >'$BATS_TEST_TMPDIR/child'" 'exit 1'
	SECONDS=0
	run -1 --separate-stderr hook prepare begin < <(domain)
	[ "$SECONDS" -le 8 ]
	[ "$output" = out ]
	[ "$stderr" = err ]
	kill "$(cat "$BATS_TEST_TMPDIR/child")"
}

@test "a worker that prints without end is ended" {
	worker_that 'exec yes'
	refuses "model 'gate64': can't be checked" hook prepare begin < <(domain)
	worker_that 'yes | head -c 1000000 >&2; exit 1'
	run -1 --separate-stderr hook prepare begin < <(domain)
	[ "${#stderr}" -lt 70000 ]
}

@test "100,000 attributes cost no minute: others pass, gate64 is refused" {
	attributes() { seq -f "a%.0f=''" 100000 | tr '\n' ' '; }
	SECONDS=0
	passes hook prepare begin < <(domain 's/gate64/kvm64/' '/demo/q' && attributes && domain 's/gate64/kvm64/' | sed '1,/demo/d')
	{
		domain | sed -n '1,/<metadata>/p'
		printf "<a:b xmlns:a='u' " && attributes && printf '/>'
		domain | sed '1,/<metadata>/d'
	} >"$BATS_TEST_TMPDIR/many.xml"
	refuses 'has an element with more than 1000 attributes' hook prepare begin <"$BATS_TEST_TMPDIR/many.xml"
	sed -i 's/gate64/kvm64/' "$BATS_TEST_TMPDIR/many.xml"
	passes hook prepare begin <"$BATS_TEST_TMPDIR/many.xml"
	[ "$SECONDS" -le 8 ]
}

@test "where neither table nor include can be read only libvirt's and QEMU's own names pass" {
	rm "$root/usr/lib/cpushim/models.table"
	refuses "model 'gate64': is neither libvirt's nor QEMU's own" hook prepare begin < <(domain)
	[[ $stderr == *"\`cpushim compile\`"* ]]
	refuses "model 'other'" hook migrate begin < <(domain 's/gate64/other/')
	refuses "model 'kvm64-v'" hook migrate begin < <(domain 's/gate64/kvm64-v/')
	passes hook prepare begin < <(other)
	passes hook prepare begin < <(domain 's/gate64/EPYC-v3/')
	passes hook prepare begin < <(domain "s/'custom'/'host-passthrough'/")
	passes hook prepare begin < <(domain '/<model>/d')
	passes hook start begin < <(domain)
}

@test "out of descriptors or memory gate64 is refused and others pass" {
	limited() { # prlimit's
		# shellcheck disable=SC2317 # run by passes
		CPUSHIM_ROOT=$root prlimit "$1" "$CHECKOUT/hook/qemu" instance-00000001 prepare begin -
	}
	include gate64
	refuses 'gate64' limited --nofile=3 < <(domain)
	passes limited --nofile=3 < <(other)
	# a table that doesn't fit
	rm "$root/usr/share/libvirt/cpu_map/x86_cpushim.xml"
	{
		row
		yes "$(row model=other "origin=$(printf '%065536d' 0)")" | head -n 60
	} | table
	refuses "model 'gate64'" limited --as=2000000 < <(domain)
	passes limited --as=2000000 < <(other)
}

@test "input that is closed is no domain; a limit on files kills nobody" {
	local operation
	for operation in prepare start started migrate restore; do
		CPUSHIM_ROOT=$root run -0 --separate-stderr sh -c "'$CHECKOUT/hook/qemu' demo $operation begin - <&-"
		[ -z "$output$stderr" ]
	done
	CPUSHIM_ROOT=$root "$CHECKOUT/hook/qemu" instance-00000001 prepare begin - < <(domain) 2>&- | grep -q '>kvm64<'
	# SIGXFSZ would be 153
	limited() { (ulimit -f 0 && hook prepare begin); }
	passes limited < <(other)
	run -1 limited < <(domain)
}

@test "the list of stock names has every model of this libvirt's map and of this QEMU" {
	local map=/usr/share/libvirt/cpu_map said=$BATS_TEST_TMPDIR/said name names xml
	rm "$root/usr/lib/cpushim/models.table"
	[ -d $map ] || skip "libvirt's cpu_map is missing"
	command -v qemu-system-x86_64 >/dev/null || skip 'QEMU is missing'
	names=$(find $map -name 'x86_*.xml' ! -name x86_cpushim.xml -exec sed -n "s/.*<model name='\([^']*\)'>.*/\1/p" {} +)
	[ "$(wc -w <<<"$names")" -gt 40 ]
	names+=" $(qemu-system-x86_64 -cpu help | sed -n '/^Recognized CPUID/q;s/^\(x86 \|  \)\([^ ]*\) .*/\2/p')"
	[ "$(wc -w <<<"$names")" -gt 150 ]
	xml=$(domain)
	for name in $names; do
		hook prepare begin <<<"${xml/>gate64</>$name<}" >>"$said" 2>&1 || printf 'refused: %s\n' "$name" >>"$said"
	done
	diff /dev/null "$said"
}
