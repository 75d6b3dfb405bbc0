#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# cpushim baseline --html: the page of a fleet, as text, and as Chromium shows it at three sizes, in light and
# dark. With made-up hosts, in our dumps' form and in no root.

# shellcheck disable=SC2016,SC2154,SC2030,SC2031 # awk's; bats sets output and stderr; a subshell for each test
bats_require_minimum_version 1.5.0

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	export SOURCE_DATE_EPOCH=1764000000
	unset COLUMNS NO_COLOR
	cd "$BATS_TEST_TMPDIR" || return
}

# cpushim: with nothing installed: no table, no libvirt, no QEMU
cpushim() {
	CPUSHIM_ROOT=$BATS_TEST_TMPDIR/nothing "$CHECKOUT/build/cpushim" "$@"
}

# fleet N [KINDS]: N hosts of some kinds, six if not said. The first kind has everything; each other lacks some
# features. Most hosts are of the first kinds.
fleet() {
	awk -v n="$1" -v kinds="${2-6}" '
		function host(i, kind,    f, has, lacks) {
			printf "cpushim-host 1\nname node%04d.cloud%d.example\ncpus 0\n", i, kind
			printf "leaf 00000000 00000000 00000001 756e6547 6c65746e 49656e69\n"
			printf "leaf 00000001 00000000 000906ea 00000000 00000000 00000000\n"
			printf "leaf 80000000 00000000 80000004 00000000 00000000 00000000\n"
			printf "leaf 80000002 00000000 65746e49 6558206c 00006e6f 00000000\n"
			printf "leaf 80000003 00000000 00000000 00000000 00000000 00000000\n"
			printf "leaf 80000004 00000000 00000000 00000000 00000000 00000000\n"
			for (f = 1; f <= free; f++)
				if (kind && (f == kind || f % kind == 5))
					lacks = lacks " " name[f]
				else
					has = has " " name[f]
			printf "kvm has %s%s\nkvm lacks%s\nend\n", base, has, lacks
		}
		BEGIN {
			base = "apic clflush cmov cx8 de fpu fxsr lm mca mce mmx msr mtrr nx pae pat pge pni pse sep" \
				" sse sse2 syscall tsc"
			free = split("aes avx avx2 bmi1 bmi2 cx16 f16c fma lahf_lm abm movbe popcnt rdrand rdseed rdtscp" \
				" sse4.1 sse4.2 ssse3 xsave adx smap smep erms fsgsbase invpcid pcid clwb sha-ni umip vaes" \
				" gfni avx512f avx512bw avx512cd avx512dq avx512vl pku rdpid wbnoinvd x2apic", name, " ")
			for (i = 0; i < n; i++) {
				kind = int(kinds * (i / n) ^ 2)
				host(i, kind)
			}
		}'
}

# page FLEET: page.html of the hosts in a file
page() {
	run -0 --separate-stderr cpushim baseline --name gate65 --html page.html "$1"
}

# need_chromium: sets $browser
need_chromium() {
	browser=$(command -v chromium || command -v chromium-browser) || skip 'needs chromium'
}

# chromium_ ARG...: the browser, without a window
chromium_() {
	timeout 300 "$browser" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage \
		"--user-data-dir=$BATS_TEST_TMPDIR/profile" "$@" 2>"$BATS_TEST_TMPDIR/chromium.log"
}

# look SCHEME FACT...: what is found on page.html at three sizes, in $found
look() {
	local scheme=$1 fact
	shift
	cp "$CHECKOUT/tests/data/look.html" .
	{
		printf 'const facts = [\n'
		for fact; do
			printf "'%s',\n" "$fact"
		done
		printf ']\n'
	} >facts.js
	found=$(chromium_ --allow-file-access-from-files "--blink-settings=preferredColorScheme=$scheme" --dump-dom \
		"file://$PWD/look.html" | sed -n '/<pre id="found">/,/^end/ { s/.*<pre id="found">//; p }')
	printf '%s\n' "$found"
	[ "$(tail -n 1 <<<"$found")" = end ]
}

# all_right GROUPS: nothing but what is expected was found
all_right() {
	local width
	for width in 390 768 1400; do
		[[ $found == *"$width: fits"* ]] || return 1
		[[ $found == *"$width: drawn in time"* ]] || return 1
		[[ $found == *"$width: easy to read"* ]] || return 1
		[[ $found == *"$width: $1 groups, 0 foreign"* ]] || return 1
	done
	[[ $found != *'not in sight'* ]]
}

@test "the page has the groups, what they cost, what is shared, and the definition to copy" {
	fleet 3 3 >three
	page three
	[[ $output == *"<model name='gate65'>"* ]]
	[[ $(cat page.html) == *'<title>gate65: the CPUs of 3 hosts</title>'* ]]
	[[ $(cat page.html) == *'<h3><span class=tag style='*'>1</span> 2 hosts</h3><p>Intel Xeon</p>'* ]]
	[[ $(cat page.html) == *'<span class=bad>Costs the others 1 feature</span>: aes</p>'* ]]
	[[ $(cat page.html) == *'<p class=names>node0000.cloud0.example, node0001.cloud0.example</p>'* ]]
	[[ $(cat page.html) == *'<h2>What all hosts share</h2>'* ]]
	[[ $(cat page.html) == *"&#60;model name=&#39;gate65&#39;&#62;"* ]]
	[[ $(cat page.html) == *$'</html>' ]]
	# what stands in the page is the definition that was printed, to the byte
	diff <(sed -n '/<pre tabindex=0>/,/<\/pre>/p' page.html |
		sed "s/.*<pre tabindex=0>//; s|</pre>.*||; s/&#60;/</g; s/&#62;/>/g; s/&#39;/'/g; s/&#38;/\\&/g" |
		sed '$ { /^$/ d }') <(printf '%s\n' "$output")
}

@test "the page needs nothing else: no network, no script" {
	fleet 20 >twenty
	page twenty
	run -1 grep -iE '<(script|link|img|iframe|object|embed|base|form)|https?:|//[a-z]|url\(|@import|[ "'"'"']on[a-z]+ *=|javascript:' page.html
	[[ $(cat page.html) == *"default-src 'none'; style-src 'unsafe-inline'"* ]]
}

@test "foreign text can't become markup, and what nobody sees is shown" {
	fleet 3 3 | sed -e 's|^name node0000.*|name <script>alert(1)</script>"'"'"'\&amp;|' \
		-e 's|^name node0001.*|name \\xe2\\x80\\xaeevil\\x1b[31m\\xff|' \
		-e 's|^name node0002.*|name Zo\\xc3\\xab|' >hostile
	page hostile
	[[ $(cat page.html) == *'&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#38;amp;'* ]]
	[[ $(cat page.html) == *'\xe2\x80\xaeevil\x1b[31m\xff'* ]]
	[[ $(cat page.html) == *'Zoë'* ]]
	run -1 grep -c '<script' page.html
	run -1 grep -cP '[^\x{0a}\x{20}-\x{7e}\x{80}-\x{10ffff}]' page.html
	LC_ALL=C page hostile
	[[ $(cat page.html) == *'Zoë'* ]]
}

@test "with many different hosts the page stays small, and names those that cost most" {
	{
		fleet 3000 38
		fleet 1 1 | sed 's/^name .*/name culprit/; s/^kvm has.*/kvm has fpu de pse tsc msr pae/; s/^kvm lacks/& lm/'
	} >many
	page many
	[ "$(stat -c %s page.html)" -lt 1000000 ]
	[[ $(cat page.html) == *'culprit'* ]]
	[[ $(cat page.html) == *'more groups of '*' hosts, which <code>cpushim baseline --json</code> has'* ]]
	# names as long as they can be, in characters that take four bytes
	fleet 2500 | awk '/^name/ { s = $2; for (i = 0; i < 60; i++) s = s "\\xf0\\x9f\\x90\\xa7"; print "name " s; next } { print }' >long
	page long
	[ "$(stat -c %s page.html)" -lt 1000000 ]
}

@test "the page goes to standard output alone for -, is replaced at once, and is refused with --against" {
	fleet 3 3 >three
	run -0 --separate-stderr cpushim baseline --html - three
	[ "${lines[0]}" = '<!doctype html>' ]
	[ "${lines[-1]}" = '</html>' ]
	[ -z "$stderr" ]
	run -2 --separate-stderr cpushim baseline --html nonesuch/page.html three
	[[ $stderr == *nonesuch/page.html* ]]
	[ -z "$output" ]
	run -2 --separate-stderr cpushim baseline --html page.html --against gate64 three
}

@test "the same hosts in another order make the same page" {
	fleet 60 >one
	awk 'BEGIN { RS = "end\n"; ORS = "end\n" } { host[NR] = $0 } END { for (i = NR; i > 0; i--) print host[i] }' one >other
	run -0 --separate-stderr cpushim baseline --html - one
	page=$output
	run -0 --separate-stderr cpushim baseline --html - other
	[ "$output" = "$page" ]
}

@test "Chromium shows three hosts at three sizes, in light and dark" {
	need_chromium
	fleet 3 3 >three
	page three
	look 1 'gate65: what 3 hosts can give' '2 hosts' '1 host' 'Intel Xeon' 'node0002.cloud1.example' 'Costs the others' \
		'What all hosts share' 'x86-64-v1' "<model name=\\'gate65\\'>"
	[[ $found == light* ]]
	all_right 2
	look 0 'gate65: what 3 hosts can give'
	[[ $found == dark* ]]
	all_right 2
}

@test "Chromium shows a thousand hosts at three sizes, in light and dark" {
	need_chromium
	fleet 1000 12 >thousand
	page thousand
	look 1 'gate65: what 1000 hosts can give' '289 hosts' 'Costs the others' 'more' 'hosts without' 'If one model for all is too little'
	[[ $found == light* ]]
	all_right 12
	look 0 '289 hosts'
	[[ $found == dark* ]]
	all_right 12
}

@test "Chromium draws the page and prints it, also with very many different hosts" {
	need_chromium
	fleet 3000 38 >many
	page many
	chromium_ --window-size=1400,900 --screenshot=many.png "file://$PWD/page.html"
	# the width and the height of a PNG
	[ "$(od -A n -t u1 -j 16 -N 8 many.png | tr -s ' ')" = ' 0 0 5 120 0 0 3 132' ]
	chromium_ --no-pdf-header-footer --print-to-pdf=many.pdf "file://$PWD/page.html"
	[ "$(head -c 5 many.pdf)" = %PDF- ]
	# not one page for each host
	[ "$(grep -ac '/Type */Page$' many.pdf || :)" -le 20 ]
	look 1 'gate65: what 3000 hosts can give'
	all_right 24
}
