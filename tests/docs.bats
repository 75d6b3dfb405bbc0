#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# README.md and docs/ hold what they promise: links lead somewhere, and the messages of
# docs/troubleshooting.md are said by some program of ours.
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/.." || return
}

# headings FILE: their anchors, as forges make them
headings() {
	grep -E '^#+ ' "$1" | sed -E 's/^#+ //' | tr '[:upper:]' '[:lower:]' | sed "s/[^a-z0-9 _-]//g; s/ /-/g"
}

@test "each link leads to a file and a heading that are there" {
	local file link target anchor wrong=''
	for file in *.md docs/*.md; do
		while read -r link; do
			target=${link%%#*} anchor=''
			[[ $link != *'#'* ]] || anchor=${link#*#}
			if [ -z "$target" ]; then target=$file; else target=$(dirname "$file")/$target; fi
			if [ ! -e "$target" ]; then
				wrong+="$file: $link: no such file"$'\n'
			elif [ -n "$anchor" ] && ! headings "$target" | grep -qxF -- "$anchor"; then
				wrong+="$file: $link: no such heading"$'\n'
			fi
		done < <(tr '\n' ' ' <"$file" | grep -oE '\]\([^) ]+\)' | sed 's/^](//; s/)$//' | grep -v '^https\?:')
	done
	printf '%s' "$wrong"
	[ -z "$wrong" ]
}

# messages: the words of the tables' first column that are ours, a line each piece between "..."
messages() {
	# shellcheck disable=SC2016 # no expansions, but Markdown's marks of code
	{
		sed -n '/^## A guest is refused$/,$ { s/^| \(`.*`\) | .*/\1/p }' docs/troubleshooting.md |
			grep -oE '`[^`]+`' | tr -d '`' | sed 's/\.\.\./\n/g' | grep -E '.{8}'
	}
}

@test "each message of docs/troubleshooting.md is one that a program says" {
	local piece wrong=''
	[ "$(messages | wc -l)" -gt 100 ]
	while read -r piece; do
		grep -qaF -- "$piece" build/cpushim build/qemu-wrapper build/qmp-proxy \
			build/root/usr/lib/cpushim/hook install.sh || wrong+="$piece"$'\n'
	done < <(messages)
	printf 'nobody says: %s\n' "$wrong"
	[ -z "$wrong" ]
}

@test "README has under 900 words" {
	[ "$(wc -w <README.md)" -lt 900 ]
}
