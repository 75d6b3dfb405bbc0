#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Names that keep their meaning: what compile publishes, what it refuses to redefine, and that nothing that
# is lost on the way unfreezes a name. In a copy of the staged root (make stage).

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # bats sets stderr and runs each test by itself
bats_require_minimum_version 1.5.0
load lib/some

setup_file() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	root=$BATS_FILE_TMPDIR/root
	cp -a "$CHECKOUT/build/root" "$root" || {
		printf 'make stage comes first\n' >&2
		return 1
	}
	rm -f "$root"/etc/cpushim/models.d/* "$root/etc/cpushim/published" "$root/usr/lib/cpushim/models.table"
	cpushim compile >/dev/null
}

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	root=$BATS_TEST_TMPDIR/root
	published=$root/etc/cpushim/published
	table=$root/usr/lib/cpushim/models.table
	cp -a "$BATS_FILE_TMPDIR/root" "$root"
}

teardown() {
	umount "$root/etc/cpushim" 2>/dev/null || :
}

cpushim() {
	CPUSHIM_ROOT=$root "$root/usr/bin/cpushim" "$@"
}

# site FEATURE...: the site's model, gate64 and these
site() {
	{
		printf "<cpus><model name='site'><model name='gate64'/>"
		[ $# -eq 0 ] || printf "<feature name='%s'/>" "$@"
		printf '</model></cpus>\n'
	} >"$root/etc/cpushim/models.d/site.xml"
}

digest_of() { # MODEL, as published
	sed -n "s/^$1 //p" "$published"
}

# wrapper MODEL: does a QEMU start with it?
wrapper() {
	timeout 20 "$root/usr/bin/qemu-system-x86_64" -cpu "$1" -display none -nodefaults -accel tcg \
		-monitor stdio <<<quit 2>&1
}

@test "what is compiled is published: a comment, then a sorted line of name and digest each" {
	[[ $(head -n 1 "$published") == '#'*CPU* ]]
	diff <(grep -v '^#' "$published") <(cpushim list --digest)
	[[ $(digest_of gate64) =~ ^[0-9a-f]{64}$ ]]
	[ "$(stat -c %a "$published")" = 644 ]
	LC_ALL=C sort -c <(grep -v '^#' "$published")
}

@test "a published name with another meaning is refused, both digests and the difference told" {
	site aes
	run -0 cpushim compile
	was=$(digest_of site)
	site aes avx
	sed -i "s|<feature name='aes'/>||" "$root/etc/cpushim/models.d/site.xml"
	run -1 --separate-stderr cpushim compile
	[[ $stderr == "cpushim: $root/etc/cpushim/models.d/site.xml:1: model 'site': was published with digest $was and would have "* ]]
	[[ $stderr == *'(only before: aes; only now: avx); guests migrate by its name, so add a new name for the new meaning (`cpushim compile --force` insists)' ]]
	[ "$(digest_of site)" = "$was" ]
	# refused wherever it is asked for, and the others go on
	[[ $(cpushim list) == *'site: refused: '*'was published'* ]]
	run -1 cpushim expand site
	run -1 wrapper site
	[[ $output == *"model 'site' can't be had: "*'was published'* ]]
	cpushim list --digest | grep -x 'site refused'
	run ! grep "name='site'" "$root/usr/share/libvirt/cpu_map/x86_cpushim.xml"
	run -0 cpushim verify gate64
	# said again as long as it is so, with the difference
	run -1 cpushim compile
	[[ $output == *'only before: aes; only now: avx'* ]]
	# taken back, all is well
	site aes
	run -0 cpushim compile
	[ "$(digest_of site)" = "$was" ]
	run -0 cpushim expand site
}

@test "a vendor, a signature or a base is a meaning, too; a comment, the order and the file aren't" {
	cat >"$root/etc/cpushim/models.d/site.xml" <<-'END'
		<cpus xmlns:shim='urn:cpushim:1'>
		  <model name='site'>
		    <shim:qemu base='qemu64'/><vendor name='AMD'/><signature family='15' model='107'/>
		    <feature name='fpu'/><feature name='apic'/>
		  </model>
		</cpus>
	END
	cp "$root/etc/cpushim/models.d/site.xml" "$BATS_TEST_TMPDIR/site.xml"
	run -0 cpushim compile
	change() { # SED-SCRIPT WORDS
		sed "$1" "$BATS_TEST_TMPDIR/site.xml" >"$root/etc/cpushim/models.d/site.xml"
		run -1 cpushim compile
		[[ $output == *"($2); guests migrate"* ]]
	}
	change 's/qemu64/kvm64/' 'base was qemu64, is kvm64'
	change 's/AMD/Intel/' 'vendor was AuthenticAMD, is GenuineIntel'
	change "s/model='107'/model='108'/" 'model was 107, is 108'
	change "s/family='15' model='107'/family='6' model='107'/" 'family was 15, is 6'
	sed "s|<feature name='fpu'/>\(.*\)|\1 <!-- a comment --><feature name='fpu'/>|" "$BATS_TEST_TMPDIR/site.xml" \
		>"$root/etc/cpushim/models.d/other.xml"
	rm "$root/etc/cpushim/models.d/site.xml"
	run -0 cpushim compile
}

@test "--force insists, and what it says then is published" {
	site aes
	run -0 cpushim compile
	was=$(digest_of site)
	site avx
	run -0 cpushim compile --force
	[ "$(digest_of site)" != "$was" ]
	cpushim show site | grep -qx avx
	run -0 cpushim compile
	site aes
	run -1 cpushim compile
}

@test "a definition that goes leaves its name published; the same meaning may come back, another may not" {
	site aes
	run -0 cpushim compile
	rm "$root/etc/cpushim/models.d/site.xml"
	run -0 cpushim compile
	cpushim list --digest | grep -x 'site refused'
	[[ $(cpushim list) == *'site: refused: no definition has that name any more'* ]]
	digest_of site | grep .
	run -1 wrapper site
	[[ $output == *"model 'site' can't be had: no definition has that name any more"* ]]
	run ! grep "name='site'" "$root/usr/share/libvirt/cpu_map/x86_cpushim.xml"
	site avx
	run -1 cpushim compile
	[[ $output == *"model 'site': was published with digest"* ]]
	site aes
	run -0 cpushim compile
	cpushim show site | grep -qx aes
}

@test "a definition that can't be read any more leaves its name refused, not to what others mean by it" {
	local file=$root/usr/share/cpushim/models.d/gate64.xml
	sed -i '15,$d' "$file"
	run -1 cpushim compile
	[[ $output == *"cpushim: $file:"* ]]
	run -1 wrapper gate64
	[[ $output == *"model 'gate64' can't be had: no definition has that name any more"* ]]
	grep -wq 'cpushim-names:.* gate64' "$root/usr/share/libvirt/cpu_map/x86_cpushim.xml"
	run -1 env CPUSHIM_ROOT="$root" "$CHECKOUT/hook/qemu" demo prepare begin - <"$CHECKOUT/tests/data/gate64.xml"
	[[ $output == *"model 'gate64'"*'no definition has that name any more'* ]]
}

@test "--force forgets a name that no definition has any more, and only that" {
	site aes
	run -0 cpushim compile
	rm "$root/etc/cpushim/models.d/site.xml"
	run -0 cpushim compile --force
	[[ $(cpushim list) != *site* ]]
	[ -z "$(digest_of site)" ]
	diff <(grep -v '^#' "$published") <(cpushim list --digest)
	site avx
	run -0 cpushim compile
}

@test "a lost table doesn't unfreeze a name" {
	rare
	site aes
	run -0 cpushim compile
	for way in missing empty garbled; do
		site aes
		run -0 cpushim compile
		case $way in
		missing) rm "$table" ;;
		empty) : >"$table" ;;
		garbled) printf 'x' | dd of="$table" bs=1 seek=99 conv=notrunc status=none ;;
		esac
		site avx
		run -1 cpushim compile
		[[ $output == *"model 'site': was published"* ]]
		run -1 wrapper site
	done
}

@test "a lost list of names doesn't unfreeze what the table has" {
	site aes
	run -0 cpushim compile
	cp "$published" "$BATS_TEST_TMPDIR/published"
	for way in missing shortened; do
		if [ $way = missing ]; then rm "$published"; else sed -i /site/d "$published"; fi
		site avx
		run -1 cpushim compile
		[[ $output == *'(only before: aes; only now: avx)'* ]]
		cmp "$published" "$BATS_TEST_TMPDIR/published"
		site aes
		run -0 cpushim compile
	done
}

@test "a list of names that is damaged or not believed stops compile, and changes nothing" {
	site aes
	run -0 cpushim compile
	cp "$published" "$BATS_TEST_TMPDIR/published"
	cp "$table" "$BATS_TEST_TMPDIR/table"
	site avx
	spoiled() { # WORDS
		run -2 --separate-stderr cpushim compile
		[[ $stderr == "cpushim: $published:"*"$1"* ]]
		cmp "$table" "$BATS_TEST_TMPDIR/table"
		run -0 wrapper gate64
		run -2 cpushim compile --force
		cp "$BATS_TEST_TMPDIR/published" "$published"
		chmod 644 "$published"
	}
	: >"$published"
	spoiled 'has lost its first or its last line'
	truncate -s -1 "$published"
	spoiled 'has lost its first or its last line'
	sed -i 1,2d "$published"
	spoiled 'has lost its first or its last line'
	sed -i 's/^site .*/site 1234/' "$published"
	spoiled "isn't a line MODEL DIGEST"
	printf 'gate64 %064d\n' 0 >>"$published"
	spoiled "isn't a line MODEL DIGEST, each model once"
	printf '../x %064d\n' 0 >>"$published"
	spoiled "isn't a line MODEL DIGEST"
	printf 'x\0 %064d\n' 0 >>"$published"
	spoiled "isn't text"
	head -c 3000 /dev/urandom >"$published"
	spoiled ''
	chmod o+w "$published"
	spoiled "others may write it"
	rm "$published"
	mkdir "$published"
	run -2 cpushim compile
	cmp "$table" "$BATS_TEST_TMPDIR/table"
}

@test "a list that can't be written stops compile before the table" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	cp "$table" "$BATS_TEST_TMPDIR/table"
	site aes
	cp -a "$root/etc/cpushim" "$BATS_TEST_TMPDIR/cpushim"
	mount -t tmpfs -o size=16k tmpfs "$root/etc/cpushim"
	cp -a "$BATS_TEST_TMPDIR/cpushim/." "$root/etc/cpushim"
	head -c 1M /dev/zero >"$root/etc/cpushim/full" 2>/dev/null || :
	run cpushim compile
	cmp "$published" "$BATS_TEST_TMPDIR/cpushim/published" || status=changed
	ls "$root/etc/cpushim" >"$BATS_TEST_TMPDIR/left"
	umount "$root/etc/cpushim"
	[ "$status" = 2 ]
	[[ $output == *"$published: can't be written"* ]]
	[ "$(tr '\n' ' ' <"$BATS_TEST_TMPDIR/left")" = 'full models.d published ' ]
	cmp "$table" "$BATS_TEST_TMPDIR/table"
	run -0 cpushim compile
}

@test "a QEMU whose base is another CPU gives the name another meaning: refused" {
	# the base's own identity is part of what a guest reads; this QEMU's kvm64 has another stepping
	local real
	real=$(readlink -f "$root/usr/bin/qemu-system-x86_64.distrib")
	cat >"$BATS_TEST_TMPDIR/qemu" <<-END
		#!/bin/sh
		exec $real "\$@" -global kvm64-x86_64-cpu.stepping=3
	END
	chmod 755 "$BATS_TEST_TMPDIR/qemu"
	ln -sfn "$BATS_TEST_TMPDIR/qemu" "$root/usr/bin/qemu-system-x86_64.distrib"
	run -1 cpushim compile
	[[ $output == *"model 'gate64': was published"*'(stepping was 1, is 3)'* ]]
}

@test "list --digest is the same on every host: no order, place or accelerator of this one in it" {
	site aes
	run -0 cpushim compile
	cpushim list --digest >"$BATS_TEST_TMPDIR/one"
	[ "$(cut -d' ' -f1 "$BATS_TEST_TMPDIR/one" | tr '\n' ' ')" = 'gate64 site x86-64-v2 x86-64-v3 x86-64-v4 ' ]
	# another root, where the file has another name, the emulator is elsewhere, and there is no QEMU
	mv "$root/etc/cpushim/models.d/site.xml" "$root/etc/cpushim/models.d/aaa.xml"
	mv "$root" "$root.moved"
	root=$root.moved
	run -0 cpushim compile
	rm "$root/usr/bin/qemu-system-x86_64.distrib"
	cpushim list --digest | diff "$BATS_TEST_TMPDIR/one" -
	run -2 cpushim list --digest --json
}

@test "verify --digest tells a line a model, refused ones too: of those named, or of all" {
	run -1 --separate-stderr cpushim verify --digest
	[ "${#lines[@]}" = 4 ]
	for line in "${lines[@]}"; do
		[[ $line =~ ^[a-z0-9-]+\ tcg\ ([0-9a-f]{64}|refused)$ ]]
	done
	[[ $output == *'x86-64-v4 tcg refused' ]]
	all=$output
	run -0 --separate-stderr cpushim verify --digest gate64 x86-64-v2
	[ "$output" = "$(head -n 2 <<<"$all")" ]
	run -1 cpushim verify gate64 x86-64-v4
	[[ $output == *'gate64: exact, '*'x86-64-v4: refused, tcg lacks '* ]]
	run -2 --separate-stderr cpushim verify --digest gate64 nosuch
	[ "$output" = "$(head -n 1 <<<"$all")" ]
	rm "$root/usr/bin/qemu-system-x86_64.distrib"
	ln -s /bin/false "$root/usr/bin/qemu-system-x86_64.distrib"
	run -2 --separate-stderr cpushim verify --digest gate64
	[ "$output" = 'gate64 tcg unknown' ]
	run -2 cpushim verify
}

@test "--uninstall takes the published names along, unless definitions of the site's stay" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	export ROOTS=$BATS_TEST_TMPDIR/roots
	load lib/root.bash
	load lib/libvirt.bash
	node_new node
	node=$(root_path node)
	node_install node
	[ -s "$node/etc/cpushim/published" ]
	run -0 node_install node --uninstall
	[ ! -e "$node/etc/cpushim" ]
	node_install node
	printf "<cpus><model name='aes'><model name='gate64'/><feature name='aes'/></model></cpus>\n" \
		>"$node/etc/cpushim/models.d/aes.xml"
	on node cpushim compile
	run -0 node_install node --uninstall
	[[ $output == */etc/cpushim/published:*'left with the definitions'* ]]
	grep -q '^aes ' "$node/etc/cpushim/published"
	# and holds when it comes back
	sed -i "s/'aes'\/>/'avx'\/>/" "$node/etc/cpushim/models.d/aes.xml"
	run -1 node_install node
	[[ $output == *"model 'aes': was published"* ]]
	root_drop node
}
