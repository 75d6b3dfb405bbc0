#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# bash's completion of cpushim, found and called by bash-completion as in a shell of its user.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	root=$CHECKOUT/build/root
	library=/usr/share/bash-completion/bash_completion
	[ -e $library ] || skip 'needs bash-completion'
}

# completes LINE: the words that a TAB at its end offers
completes() {
	# shellcheck disable=SC2016 # the other shell's
	PATH=$root/usr/bin:$PATH CPUSHIM_ROOT=$root BASH_COMPLETION_USER_DIR=$root/usr/share/bash-completion \
		run -0 bash --norc -c '
			. "$1"
			# by either name: the second one is newer
			{ _completion_loader cpushim || _comp_load cpushim; } 2>/dev/null
			complete -p cpushim >/dev/null || exit
			read -ra COMP_WORDS <<<"${2//=/ = }"
			[[ $2 != *" " && $2 != *= ]] || COMP_WORDS+=("")
			[[ $2 != *= ]] || unset "COMP_WORDS[-1]"
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$2 COMP_POINT=${#2}
			IFS=:
			_cpushim cpushim "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
			IFS=" "
			printf "%s\n" "${COMPREPLY[*]}"' bash "$library" "$1"
}

@test "each command that --help tells is completed, and nothing else but --help and --version" {
	completes 'cpushim '
	[ "$output" = "$("$root/usr/bin/cpushim" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p' | tr '\n' ' ')--help --version" ]
	completes 'cpushim ver'
	[ "$output" = verify ]
}

@test "each option that a command's --help tells is completed" {
	completes 'cpushim list --'
	[ "$output" = '--digest --json --help' ]
	completes 'cpushim compile --f'
	[ "$output" = --force ]
	completes 'cpushim verify gate64 --'
	[[ $output == *'--accel --cpus'*--help ]]
}

@test "the models of the table are completed, and no QEMU is started for it" {
	local command
	for command in list show expand verify try; do
		completes "cpushim $command x86-64-v"
		[ "$output" = 'x86-64-v2 x86-64-v3 x86-64-v4' ]
	done
	completes 'cpushim verify --accel kvm gate'
	[ "$output" = gate64 ]
	completes 'cpushim guests x'
	[ -z "$output" ]
	run strace -f -e trace=execve -o /dev/stdout env CPUSHIM_ROOT="$root" "$root/usr/bin/cpushim" list --digest
	[[ $output != *qemu-system-x86_64* ]]
}

@test "what stands behind an option is completed, with a blank or with =" {
	completes 'cpushim verify --accel '
	[ "$output" = 'tcg kvm' ]
	completes 'cpushim verify --accel=k'
	[ "$output" = kvm ]
	completes 'cpushim verify --accel='
	[ "$output" = 'tcg kvm' ]
	completes 'cpushim expand -f n'
	[ "$output" = nova ]
	completes 'cpushim baseline --format no'
	[ "$output" = nova ]
	completes 'cpushim check --accel '
	[ "$output" = 'kvm tcg cpu' ]
	completes 'cpushim rollover gate'
	[ "$output" = gate64 ]
	completes 'cpushim verify --cpus '
	[ -z "$output" ]
	cd "$BATS_TEST_TMPDIR"
	touch domain.xml
	completes 'cpushim why dom'
	[ "$output" = domain.xml ]
	completes 'cpushim verify --read=d'
	[ "$output" = domain.xml ]
	completes 'cpushim ready --destdir d'
	[ -z "$output" ]
}

@test "without a table nothing is said, and nothing completed" {
	root=$BATS_TEST_TMPDIR
	mkdir -p "$root/usr/bin" "$root/usr/share"
	cp "$CHECKOUT/build/root/usr/bin/cpushim" "$root/usr/bin"
	cp -r "$CHECKOUT/build/root/usr/share/bash-completion" "$root/usr/share"
	completes 'cpushim list g'
	[ -z "$output" ]
	completes 'cpushim li'
	[ "$output" = list ]
}
