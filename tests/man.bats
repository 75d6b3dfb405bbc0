#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The man pages: they render without a warning, tell the commands and options that --help tells, and their
# examples do what they say (docs/man/cpushim.1.scd has the marks). Examples on a node need root.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load lib/some.bash

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	pages=$CHECKOUT/docs/man
	work=$BATS_TEST_TMPDIR
}

teardown() {
	[ ! -e "${ROOTS-}/node/pid" ] || root_drop node
}

# needs PROGRAM...
needs() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "needs $program"
	done
}

# rendered PAGE: by scdoc, as it is installed
rendered() {
	scdoc <"$pages/$1.scd" >"$work/$1"
	printf '%s\n' "$work/$1"
}

names() {
	local page
	for page in "$pages"/*.scd; do
		page=${page##*/}
		printf '%s\n' "${page%.scd}"
	done
}

@test "no page has a warning, by man, groff and mandoc" {
	local page file
	needs scdoc man groff mandoc
	while read -r page; do
		file=$(rendered "$page")
		run --separate-stderr -0 env MANWIDTH=80 man -l --warnings "$file"
		[ -z "$stderr" ]
		run -0 groff -ww -man -Tutf8 -z "$file"
		[ -z "$output" ]
		# scdoc ends each paragraph by beginning one, which mandoc finds empty
		mandoc -T lint -W warning "$file" | grep -v 'skipping paragraph macro' >"$work/lint" || :
		run cat "$work/lint"
		[ -z "$output" ]
	done < <(names)
}

@test "a page that scdoc or groff doesn't take is seen" {
	needs scdoc groff
	run ! scdoc <<<$'a(1)\n\n# NAME\n\n--none'
	printf '.TH a 1\n.de b\n.\\}\n\\*[none]\n' >"$work/a.1"
	run groff -ww -man -Tutf8 -z "$work/a.1"
	[ -n "$output" ]
}

@test "without scdoc make says so once, and the rest is built and installed" {
	local make=(make -s -C "$CHECKOUT" SCDOC= "B=$work/build")
	"${make[@]}" -n all >"$work/all"
	grep -q 'qemu-wrapper' "$work/all"
	run -0 grep -c 'scdoc is missing' "$work/all"
	[ "$output" = 1 ]
	run -0 "${make[@]}" "$work/build/man/none"
	[ "$output" = 'without man pages: scdoc is missing' ]
	run -0 "${make[@]}" "$work/build/man/none"
	[ -z "$output" ]
	run -0 "${make[@]}" -n install
	[[ $output == *usr/bin/cpushim* ]]
	[[ $output != *usr/share/man* ]]
}

# told: COMMAND or COMMAND OPTION, a line each, as --help tells them
told() {
	local command
	"$CHECKOUT/build/cpushim" --help | sed -n 's/^  \([a-z]*\)  *.*/\1/p' | while read -r command; do
		printf '%s\n' "$command"
		"$CHECKOUT/build/cpushim" "$command" --help |
			sed -nE "s/^  (-[a-z]), (--[a-z-]+).*/$command \\1\n$command \\2/p; s/^  +(--[a-z-]+).*/$command \\1/p" |
			grep -v -e ' -h$' -e ' --help$' || :
	done
}

# written: the same, as cpushim(1) has them
written() {
	awk '/^```/ { example = !example }
		example { next }
		/^## cpushim / { command = $3; print command }
		/^# / { command = "" }
		command && /^\*-/ {
			while (match($0, /\*-[a-z-]+\*/)) {
				print command, substr($0, RSTART + 1, RLENGTH - 2)
				$0 = substr($0, RSTART + RLENGTH)
			}
		}' "$pages/cpushim.1.scd"
}

@test "cpushim(1) has the commands and options of --help, and no others" {
	told | sort >"$work/told"
	written | sort >"$work/written"
	grep -qx 'verify --accel' "$work/told"
	diff "$work/told" "$work/written"
}

@test "each page names the others, and what the pages name is there" {
	local page name
	while read -r page; do
		for name in $(names); do
			[ "$page" = "$name" ] || grep -qF "*${name%.*}*(${name##*.})" "$pages/$page.scd"
		done
		for name in $(grep -oE '\*cpushim[a-z-]*\*\([0-9]\)' "$pages/$page.scd" | tr -d '*)' | tr '(' .); do
			[ -e "$pages/$name.scd" ]
		done
	done < <(names)
}

@test "each message that cpushim-wrapper(8) explains is one that a program says" {
	local message seen=0
	while read -r message; do
		grep -qaF -- "$message" "$CHECKOUT/build/qemu-wrapper" "$CHECKOUT/build/cpushim"
		seen=$((seen + 1))
	done < <(sed -n '/^# MESSAGES/,/^# EXIT/ { s/^\*\(.*\)\*$/\1/p }' "$pages/cpushim-wrapper.8.scd" |
		grep -v 'No such file')
	[ "$seen" -ge 2 ]
}

# examples PAGE: splits the page's examples into $work/N, each with its mark in the first line; fails on one
# without a mark
examples() {
	rm -f "$work"/[0-9]*
	awk -v work="$work" '
		/^```$/ && !inside { inside = 1; file = work "/" ++n; print mark >file
			if (!mark) { print FILENAME ": " NR ": an example without a mark"; wrong = 1 }
			mark = ""; next }
		/^```$/ { inside = 0; close(file); next }
		inside { gsub(/\\\\/, "\\"); print >file; next }
		{ mark = sub(/^; example: /, "") ? $0 : "" }
		END { exit wrong || !n }' "$pages/$1.scd"
}

# matches SAID ANSWER: a line "..." stands for any lines, "..." in a line for anything in it
matches() {
	local line expression=''
	while IFS= read -r line; do
		if [ "$line" = ... ]; then
			expression+=$'(.*\n)?'
		elif [ -n "$line" ]; then
			line=$(sed 's/[].*^$+?(){}|\[]/\\&/g; s/\\\.\\\.\\\./[^\n]*/g' <<<"$line")
			expression+=$line$'\n'
		fi
	done <<<"$2"
	[[ ${1:+$1$'\n'} =~ ^$expression$ ]]
}

errors() {
	grep -c '^cpushim: ' <<<"$1" || :
}

# answers RUNNER COMMAND ANSWER: its answer, and no error that isn't written
answers() {
	local said
	said=$("$1" "$2" 2>&1) || :
	if matches "$said" "$3" && [ "$(errors "$said")" = "$(errors "$3")" ]; then
		return
	fi
	printf 'after: %s\nexpected: %s\nsaid: %s\n' "$2" "$3" "$said"
	return 1
}

# play EXAMPLE RUNNER: its commands one by one, each with the answer that stands below it
play() {
	local line command=: answer=''
	while IFS= read -r line <&3; do
		case $line in
		'$ '* | '# '*)
			answers "$2" "$command" "$answer" || return
			command=${line#? } answer=''
			;;
		'> '*) command+=$'\n'${line#> } ;;
		*) answer+=${answer:+$'\n'}$line ;;
		esac
	done 3< <(sed 1d "$work/$1")
	answers "$2" "$command" "$answer"
}

in_root() {
	PATH=$CHECKOUT/build/root/usr/bin:$PATH CPUSHIM_ROOT=$CHECKOUT/build/root bash -c "$1"
}

on_node() {
	on node bash -c "cd /root && $1"
}

@test "an example whose answer is another is seen" {
	matches $'a 1\nb' $'a ...\nb'
	matches $'a\nb\nc' $'a\n...'
	matches a $'a\n...'
	matches '' ''
	run ! matches $'a\nb' a
	run ! matches '' a
	run ! matches 'axb' 'a.b'
	run ! matches $'a 1\nc' $'a ...\nb'
	printf '%s\n' root '$ echo a' 'a' '$ echo b' 'c' >"$work/1"
	run -1 play 1 in_root
	[[ $output == *'after: echo b'* ]]
	printf '%s\n' '# NAME' '```' '$ echo' '```' >"$work/page.1.scd"
	printf '%s\n' root '$ echo "cpushim: no"' '...' >"$work/1"
	run -1 play 1 in_root
	pages=$work run -1 examples page.1
	[[ $output == *'without a mark'* ]]
}

@test "examples that need no node do what they say" {
	local page example seen=0
	while read -r page; do
		examples "$page"
		for example in $(cd "$work" && grep -lx root [0-9]* || :); do
			play "$example" in_root
			seen=$((seen + 1))
		done
	done < <(names)
	[ "$seen" -ge 5 ]
}

@test "each definition that the pages show is one that compile takes" {
	local page example root seen=0
	while read -r page; do
		examples "$page"
		for example in $(cd "$work" && grep -lx definition [0-9]* || :); do
			root=$work/root.$page.$example
			cp -a "$CHECKOUT/build/root" "$root"
			mkdir -p "$root/etc/cpushim/models.d"
			sed 1d "$work/$example" >"$root/etc/cpushim/models.d/site.xml"
			CPUSHIM_ROOT=$root run -0 "$root/usr/bin/cpushim" compile --force
			[[ $output == '5 models'*' 0 refused'* ]]
			seen=$((seen + 1))
		done
	done < <(names)
	[ "$seen" -ge 3 ]
}

# given WORDS: what an example's mark says besides "node"
given() {
	case $1 in
	node) ;;
	'node, after site-aes was compiled, and changed since')
		site_model site-aes aes
		on node cpushim compile
		site_model site-aes aes popcnt
		;;
	*) return 1 ;;
	esac
}

# site_model NAME FEATURE...: in site.xml
site_model() {
	printf "<cpus>\n<model name='%s'><model name='gate64'/>" "$1"
	printf "<feature name='%s'/>" "${@:2}"
	printf '</model></cpus>\n'
} >"$(root_path node)/etc/cpushim/models.d/site.xml"

# a node as it is before each page: what its examples are about is in /root
fresh_node() {
	export ROOTS=$BATS_TEST_TMPDIR/roots
	load lib/root.bash
	load lib/libvirt.bash
	node_new node
	node_install node
	libvirt_up node
	guest_start node instance-00000001 --cpu "$(cpu_xml gate64)"
	cp "$CHECKOUT/tests/data/gate64.xml" "$(root_path node)/root/domain.xml"
	printf "<cpu><model>Nehalem</model><feature policy='require' name='aes'/></cpu>\n" \
		>"$(root_path node)/root/baseline.xml"
}

forget_site_models() {
	on node find /etc/cpushim/models.d -name '*.xml' -print -delete | grep -q . || return 0
	on node cpushim compile --force
	libvirt_restart node
}

# plays_on_node PAGE
plays_on_node() {
	local example
	[ "$(id -u)" = 0 ] || skip 'needs root'
	fresh_node
	examples "$1"
	for example in $(cd "$work" && grep -l '^node' [0-9]* | sort -n); do
		given "$(head -n 1 "$work/$example")"
		play "$example" on_node
		forget_site_models
	done
	guests_stop node
}

@test "cpushim(1): what it shows of a node is so" {
	plays_on_node cpushim.1
}

@test "cpushim-models(5): what it shows of a node is so" {
	rare
	plays_on_node cpushim-models.5
}

@test "cpushim-hook(8): what it shows of a node is so" {
	plays_on_node cpushim-hook.8
}

@test "cpushim-wrapper(8): what it shows of a node is so" {
	rare
	plays_on_node cpushim-wrapper.8
}
