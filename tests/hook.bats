#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The hook's worker: what it prints and refuses at prepare, what it remembers of a request, and what
# it compares at start and started. What becomes of tests/data/domains/X.xml is in X.expected beside
# it; REGENERATE=1 writes it anew.

# shellcheck disable=SC2154,SC2034 # lib/hook and bats set them, and use what is set here
bats_require_minimum_version 1.5.0
load lib/hook

setup() {
	make_root
}

teardown() {
	[ -z "${qemu-}" ] || kill "$qemu" 2>/dev/null || true
}

# one line on stderr for each reason, and the words somewhere in it
refuses() { # WORDS COMMAND...
	local words=$1
	shift
	run -1 --separate-stderr "$@"
	[[ $stderr == *'cpushim: instance-00000001'*"$words"* ]]
}

is_silent() {
	run -0 --separate-stderr "$@"
	[ -z "$output" ]
	[ -z "$stderr" ]
}

# what a QEMU that libvirt started looks like in /proc
start_qemu() { # CPU-ARGUMENT [UUID]
	mkdir -p "$root/run/libvirt/qemu"
	bash -c "sleep ${lives-60}; :" qemu -name guest=instance-00000001 -cpu first -S -uuid "${2-$uuid}" -cpu "$1" -S \
		3>&- >/dev/null 2>&1 &
	qemu=$!
	printf '%s' "$qemu" >"$root/run/libvirt/qemu/instance-00000001.pid"
	until grep -qa -- -uuid "/proc/$qemu/cmdline"; do sleep 0.01; done
}

@test "what nova sends: only lines of <cpu> change" {
	run -0 --separate-stderr hook prepare begin < <(domain)
	printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/after"
	[ "$(domain | sed '/<cpu/,/<.cpu>/d')" = "$(sed '/<cpu/,/<.cpu>/d' "$BATS_TEST_TMPDIR/after")" ]
	[[ $output == *"<model fallback='forbid' vendor_id='GenuineIntel'>kvm64</model>"* ]]
	[ "$(grep -c "policy='require'" "$BATS_TEST_TMPDIR/after")" = 24 ]
	[ "$(grep "policy='disable'" "$BATS_TEST_TMPDIR/after" | tr -d ' \n')" = \
		"<featurepolicy='disable'name='cx16'/><featurepolicy='disable'name='pse36'/><featurepolicy='disable'name='vme'/><featurepolicy='disable'name='x2apic'/>" ]
	# what it can't say is said
	[[ $stderr == *"family=15, model=6, stepping=1 and enforce"* ]]
}

@test "every way to write a <cpu> comes out as expected, byte for byte" {
	local file
	for file in "$data"/domains/*.xml; do
		CPUSHIM_ROOT=$root "$CHECKOUT/hook/qemu" demo prepare begin - <"$file" 2>/dev/null >"$BATS_TEST_TMPDIR/out"
		[ "${REGENERATE-}" != 1 ] || cp "$BATS_TEST_TMPDIR/out" "${file%.xml}.expected"
		cmp "$BATS_TEST_TMPDIR/out" "${file%.xml}.expected"
	done
}

@test "an XML parser sees the same document except for <cpu>, and one <cpu> with the base" {
	command -v xmllint >/dev/null || skip 'xmllint is missing'
	local file n before after
	for file in "$data"/domains/*.xml "$data/gate64.xml"; do
		CPUSHIM_ROOT=$root "$CHECKOUT/hook/qemu" demo prepare begin - <"$file" 2>/dev/null >"$BATS_TEST_TMPDIR/out"
		for n in 'string(/domain/cpu/model)' 'count(/domain/cpu)' 'count(/domain/cpu/model)'; do
			xmllint --xpath "$n" "$BATS_TEST_TMPDIR/out"
			printf ' '
		done >"$BATS_TEST_TMPDIR/values"
		[ "$(tr -d '\n' <"$BATS_TEST_TMPDIR/values")" = 'kvm64 1 1 ' ]
		for n in '/domain/node()[not(self::cpu)]' '/comment()' '/domain/@*' '/domain/cpu/@*' \
			'/domain/cpu/*[not(self::model or self::feature)]' '/domain/cpu/topology/@*'; do
			before=$(xmllint --xpath "$n" "$file" 2>&1 || true)
			after=$(xmllint --xpath "$n" "$BATS_TEST_TMPDIR/out" 2>&1 || true)
			[ "$before" = "$after" ]
		done
		# no feature twice: libvirt refuses that
		run -0 xmllint --xpath '//cpu/feature/@name' "$BATS_TEST_TMPDIR/out"
		[ -z "$(tr -d ' ' <<<"$output" | sort | uniq -d)" ]
	done
}

@test "what is wrong with an encoding is said in a line of ours, or not at all" {
	printf '<?xml version="1.0" encoding="EUC-JP"?><domain><name>\xff\xff</name></domain>' >"$BATS_TEST_TMPDIR/odd.xml"
	run -0 --separate-stderr env CPUSHIM_ROOT="$root" "$CHECKOUT/hook/qemu" demo prepare begin - <"$BATS_TEST_TMPDIR/odd.xml"
	[ -z "$stderr" ]
	iconv -t UTF-16 "$data/gate64.xml" >"$BATS_TEST_TMPDIR/wide.xml"
	run -1 --separate-stderr env CPUSHIM_ROOT="$root" "$CHECKOUT/hook/qemu" demo prepare begin - <"$BATS_TEST_TMPDIR/wide.xml"
	[[ $stderr == "cpushim: "*"isn't UTF-8; convert it"* ]]
}

@test "libvirt's schema takes the rewritten XML, and libvirt itself" {
	command -v virt-xml-validate >/dev/null || skip 'libvirt-clients is missing'
	local file
	for file in "$data/domains/own.xml" "$data/gate64.xml"; do
		CPUSHIM_ROOT=$root "$CHECKOUT/hook/qemu" demo prepare begin - <"$file" 2>/dev/null >"$BATS_TEST_TMPDIR/out.xml"
		# since 8.7
		grep -q maxphysaddr /usr/share/libvirt/schemas/cputypes.rng || sed -i '/<maxphysaddr/d' "$BATS_TEST_TMPDIR/out.xml"
		run -0 virt-xml-validate "$BATS_TEST_TMPDIR/out.xml" domain
		sed -i "s/type='qemu'/type='test'/; s/<smbios.*//; /<sysinfo/,/<.sysinfo>/d" "$BATS_TEST_TMPDIR/out.xml"
		run -0 virsh -c test:///default "define $BATS_TEST_TMPDIR/out.xml; dumpxml $(sed -n 's|.*<name>\(.*\)</name>|\1|p' "$BATS_TEST_TMPDIR/out.xml" | tail -n 1)"
		[[ $output == *">kvm64</model>"* ]]
	done
}

@test "the domain's own features, vendor, topology and the like win and stay" {
	run -0 --separate-stderr hook prepare begin <"$data/domains/own.xml"
	[[ $output == *"vendor_id='SiteVendor12'>kvm64<"* ]]
	[[ $output == *"<feature policy='require' name='aes'/>"* ]] # force
	[[ $output == *"<feature policy='require' name='sse4.1'/>"* ]] # no policy
	[[ $output == *"<feature policy='optional' name='avx'/>"* ]]
	[[ $output == *"<feature policy='forbid' name='svm'/>"* ]]
	[[ $output == *"<feature policy='require' name='cx16'/>"* && $output != *"'disable' name='cx16'"* ]]
	[[ $output == *"<feature policy='disable' name='nx'/>"* && $output != *"'require' name='nx'"* ]]
	[[ $output == *"check='partial'"* && $output == *"<maxphysaddr mode='emulate' bits='42'/>"* ]]
	[[ $output == *"<cache level='3'"* && $output == *"<cell id='0'"* && $output == *"<topology sockets='1' dies='1'"* ]]
}

@test "a host's vendor isn't written" {
	row vendor=host | table
	run -0 --separate-stderr hook prepare begin < <(domain)
	[[ $output == *"<model fallback='forbid'>kvm64</model>"* ]]
}

@test "a feature that libvirt's map has no name for is left out and named" {
	local map=/usr/share/libvirt/cpu_map
	[ -d $map ] || skip "libvirt's cpu_map is missing"
	mkdir -p "$root/usr/share/libvirt"
	cp -r $map "$root$map"
	run -0 --separate-stderr hook prepare begin < <(domain)
	[[ $output == *"name='x2apic'"* && $stderr != *x2apic* ]]
	sed -i "/<feature name='x2apic'/,/<.feature>/d" "$root$map/x86_features.xml"
	run -0 --separate-stderr hook prepare begin < <(domain)
	[[ $output == *"name='vme'"* && $output != *x2apic* ]]
	[[ $stderr == *x2apic* ]]
}

@test "broken XML, a DOCTYPE, another root and nothing but the name: one line, refused" {
	refuses 'well-formed' hook prepare begin < <(domain | head -n 40)
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" = 1 ]
	refuses 'DOCTYPE' hook prepare begin < <(printf '<!DOCTYPE domain>\n' && domain)
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" = 1 ]
	refuses 'DOCTYPE' hook prepare begin < <(
		printf "<!DOCTYPE domain [<!ENTITY g 'gate64'>]>\n" && domain 's/>gate64</>\&g;</'
	)
	refuses 'DOCTYPE' hook prepare begin < <(
		printf "<!DOCTYPE domain [<!ENTITY g SYSTEM 'file:///etc/passwd'>]>\n" && domain 's/>demo</>\&g;</'
	)
	[[ $stderr$output != *root:* ]]
	refuses '<cpus>' hook prepare begin < <(printf "<cpus><model name='gate64'/></cpus>")
	refuses 'well-formed' hook prepare begin < <(printf gate64)
	refuses 'well-formed' hook prepare begin < <(domain 's/demo/\xff/')
}

@test "a DOCTYPE hides no name in UTF-16" {
	{
		printf "<?xml version='1.0' encoding='UTF-16'?>\n<!DOCTYPE domain []>\n"
		domain
	} | iconv -f UTF-8 -t UTF-16 >"$BATS_TEST_TMPDIR/domain.xml"
	refuses 'DOCTYPE' hook prepare begin <"$BATS_TEST_TMPDIR/domain.xml"
}

@test "an attribute larger than libvirt's own parser takes is refused" {
	refuses 'well-formed' hook prepare begin < <(
		printf '<domain><name>x</name><description lang="' && head -c 11000000 /dev/zero | tr '\0' x
		printf '"/><cpu><model>gate64</model></cpu></domain>'
	)
}

@test "elements as deep as libvirt takes, and deeper ones, end in an answer" {
	local depth
	for depth in 200 100000; do
		run --separate-stderr hook prepare begin < <(
			printf '<domain><metadata>' && printf '<a>%.0s' $(seq $depth) && printf '</a>%.0s' $(seq $depth)
			printf '</metadata><cpu><model>gate64</model></cpu></domain>'
		)
		[ "$status" = $((depth > 250)) ]
	done
}

@test "a <cpu> that isn't plain is refused rather than rewritten wrongly" {
	refuses '2 <cpu>' hook prepare begin < <(domain "s|<clock|<cpu xmlns='urn:x'/>&|")
	refuses '2 <model>' hook prepare begin < <(domain "s|<model>|<model xmlns='urn:x'/>&|")
	refuses '2 <model>' hook prepare begin < <(domain 's|<model>|<model>gate64</model>&|')
	[ -z "$output" ]
	refuses '<feature> in a namespace' hook prepare begin < <(domain "s|<topology|<feature xmlns='urn:x' name='aes'/>&|")
	[ -z "$output" ]
	# a prefix is no obstacle
	run -0 --separate-stderr hook prepare begin < <(domain "s|<clock|<x:cpu xmlns:x='urn:x'/>&|" "s|<model>|<x:model xmlns:x='urn:x'/>&|")
	[[ $output == *"<x:cpu xmlns:x='urn:x'/>"* && $output == *">kvm64</model>"* ]]
}

@test "match='minimum' prints and then refuses" {
	refuses "match='minimum'" hook prepare begin < <(domain "s/'exact'/'minimum'/")
	[[ $output == *">kvm64</model>"* ]]
}

@test "an unknown policy is refused" {
	refuses "unknown policy 'perhaps'" hook prepare begin < <(domain "s|<topology|<feature policy='perhaps' name='aes'/>&|")
}

@test "an emulator that isn't the wrapper, isn't there, or only looks like it" {
	printf 'cpushim' >"$root/usr/bin/other"
	refuses "isn't cpushim's wrapper" hook prepare begin < <(domain 's|/usr/bin/qemu-system-x86_64|/usr/bin/other|')
	[[ $output == *">kvm64</model>"* ]]
	refuses "isn't cpushim's wrapper" hook prepare begin < <(domain 's|/usr/bin/qemu-system-x86_64|/nonexistent|')
	refuses "isn't cpushim's wrapper" hook prepare begin < <(domain 's|/usr/bin/qemu-system-x86_64|/run|')
	mkfifo "$root/run/fifo"
	refuses "isn't cpushim's wrapper" hook prepare begin < <(domain 's|/usr/bin/qemu-system-x86_64|/run/fifo|')
	head -c 3000 "$root/usr/bin/qemu-system-x86_64" >"$root/usr/bin/cut"
	head -c 60 "$root/usr/bin/qemu-system-x86_64" >"$root/usr/bin/qemu-short"
	refuses "isn't cpushim's wrapper" hook prepare begin < <(domain 's|/usr/bin/qemu-system-x86_64|/usr/bin/qemu-short|')
	# the wrapper at a place that the table has nothing for
	cp "$root/usr/bin/qemu-system-x86_64" "$root/usr/bin/qemu-elsewhere"
	refuses 'no models for its emulator' hook prepare begin < <(domain 's|/usr/bin/qemu-system-x86_64|/usr/bin/qemu-elsewhere|')
}

@test "a link to the wrapper is the wrapper, and no <emulator> is the table's first" {
	ln -s qemu-system-x86_64 "$root/usr/bin/kvm"
	run -0 --separate-stderr hook prepare begin < <(domain 's|/usr/bin/qemu-system-x86_64|/usr/bin/kvm|')
	run -0 --separate-stderr hook prepare begin < <(domain '/emulator/d')
	[[ $output == *">kvm64</model>"* ]]
}

@test "a model that the domain's own emulator has by itself isn't ours" {
	cp "$root/usr/bin/qemu-system-x86_64" "$root/usr/bin/qemu-new"
	{
		row
		row model=other emulator=/usr/bin/qemu-new
	} | table
	is_silent hook prepare begin < <(domain 's|/usr/bin/qemu-system-x86_64|/usr/bin/qemu-new|')
	run -0 --separate-stderr hook prepare begin < <(domain)
	[[ $output == *">kvm64</model>"* ]]
}

@test "a refused definition is refused with its place and reason" {
	row 'refused=feature foo is unknown' | table
	refuses "its definition is refused (gate64.xml:1): feature foo is unknown" hook prepare begin < <(domain)
	[ -z "$output" ]
}

@test "what TCG lacks is refused by name, except for what the domain goes without" {
	row tcg_lacks=nx,pni | table
	refuses 'TCG of this QEMU can'\''t provide: nx pni' hook prepare begin < <(domain)
	[[ $output == *">kvm64</model>"* ]]
	refuses "provide: pni;" hook prepare begin < <(domain "s|<topology|<feature policy='disable' name='nx'/>&|")
	run -0 --separate-stderr hook prepare begin < <(domain "s|<topology|<feature policy='disable' name='nx'/><feature policy='optional' name='sse3'/>&|")
	refuses 'provide: nx pni' hook migrate begin < <(domain)
	refuses 'provide: nx pni' hook restore begin < <(domain)
}

# QEMU is a copy of bash, which has a build-id; the process that is one later runs the same
program() {
	qemu_file=$root/usr/bin/qemu-system-x86_64.distrib
	rm -f "$qemu_file"
	cp "$(readlink -f "$(command -v bash)")" "$qemu_file"
}

@test "a model on max is refused where QEMU is another than the table's; others go on" {
	local base operation
	program
	for base in max host base; do
		row base=$base | table
		run -0 --separate-stderr hook prepare begin < <(domain)
		another_qemu "$qemu_file" "$qemu_file"
		for operation in prepare migrate restore; do
			refuses "model 'gate64': its QEMU isn't the one that the table was made from (7.2.22), and base '$base' is another CPU with each QEMU; \`cpushim compile\` (after an upgrade of QEMU it runs by itself where cpushim's package or systemd units are)" \
				hook $operation begin < <(domain)
		done
		# the table of the QEMU that is there
		row base=$base | table
		run -0 --separate-stderr hook prepare begin < <(domain)
		# a clone's, or a reinstall's
		touch -d 2001-02-03 "$qemu_file"
		run -0 --separate-stderr hook prepare begin < <(domain)
	done
	row base=kvm64 | table
	another_qemu "$qemu_file" "$qemu_file.another"
	mv "$qemu_file.another" "$qemu_file"
	run -0 --separate-stderr hook prepare begin < <(domain)
	# which other one is behind an emulator that isn't named, too
	row base=max | table
	another_qemu "$(command -v bash)" "$qemu_file"
	refuses "its QEMU isn't the one" hook prepare begin < <(domain '/emulator/d')
}

@test "what TCG lacks is known of the table's QEMU alone: of another, enforce has the last word" {
	program
	row tcg_lacks=pni | table
	refuses "TCG of this QEMU can't provide: pni" hook prepare begin < <(domain)
	another_qemu "$qemu_file" "$qemu_file"
	run -0 --separate-stderr hook prepare begin < <(domain)
}

# start_program FILE: start_qemu's process, by that program
start_program() {
	bash() { exec "$program" "$@"; }
	local program=$1
	start_qemu "$gate64_cpu"
	unset -f bash
}

@test "at started the process's own program counts, whatever stands behind the emulator by then" {
	program
	another_qemu "$qemu_file" "$BATS_TEST_TMPDIR/another"
	row base=max | table
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	start_program "$qemu_file"
	# the old one still runs
	mv "$BATS_TEST_TMPDIR/another" "$qemu_file"
	run -0 --separate-stderr by_libvirt started begin < <(domain)
	kill "$qemu"
	# the new one ran already, while the table's is said to be there
	cp "$qemu_file" "$BATS_TEST_TMPDIR/another"
	program
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	start_program "$BATS_TEST_TMPDIR/another"
	refuses "its QEMU isn't the one that the table was made from" by_libvirt started begin < <(domain)
	kill "$qemu"
	row base=kvm64 | table
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	start_program "$BATS_TEST_TMPDIR/another"
	run -0 --separate-stderr by_libvirt started begin < <(domain)
}

of_release() { # SONAME-VERSION COMMAND...: by a libvirtd that has that library mapped
	local library=$BATS_TEST_TMPDIR/libvirt.so.$1
	[ -e "$library" ] || gcc -shared -o "$library" -x c /dev/null
	shift
	LD_PRELOAD=$library "$@"
}

@test "libvirt 1.2.10 to 2.2 drops a TCG domain's own features: refused, with the way out" {
	local version name
	feature() { domain "s|<topology|<feature policy='$1' name='$2'/>&|" "${@:3}"; }
	for version in 0.1002.10 0.1003.1 0.2002.0; do
		refuses "drops a TCG domain's own features: aes; define a model of its own" \
			of_release $version by_libvirt prepare begin < <(feature require aes)
		refuses ': pat;' of_release $version by_libvirt migrate begin < <(feature disable pat)
		refuses ': hypervisor;' of_release $version by_libvirt restore begin < <(feature disable hypervisor)
		refuses ': later;' of_release $version by_libvirt prepare begin < <(feature force later)
		[ ! -e "$record" ]
		# what changes nothing, and KVM's
		run -0 --separate-stderr of_release $version by_libvirt prepare begin < <(domain)
		run -0 --separate-stderr of_release $version by_libvirt prepare begin < <(feature optional aes)
		run -0 --separate-stderr of_release $version by_libvirt prepare begin < <(feature require pni)
		run -0 --separate-stderr of_release $version by_libvirt prepare begin < <(feature forbid vme)
		# what QEMU sets by itself
		for feature in hypervisor ht cmp_legacy; do
			run -0 --separate-stderr of_release $version by_libvirt prepare begin < <(feature require $feature)
		done
		is_silent of_release $version by_libvirt prepare begin < <(feature require aes 's/>gate64</>kvm64</')
	done
	run --separate-stderr of_release 0.1003.1 by_libvirt prepare begin < <(feature require aes "s/type='qemu'/type='kvm'/")
	[[ $stderr != *drops* ]]
	[[ $(of_release 0.1002.10 by_libvirt prepare begin 2>&1 < <(feature require aes)) == *'libvirt 1.2.10 drops'* ]]
}

@test "other releases of libvirt pass them, and an unknown release counts as one that does" {
	local version
	for version in 0.1002.2 0.1002.9 0.2003.0 0.9000.0 0.12008.0 0 0.x.1 0.1003 0.1003.x 0.99999999.1; do
		run -0 --separate-stderr of_release $version by_libvirt prepare begin \
			< <(domain "s|<topology|<feature name='aes'/>&|")
		grep -x on=aes "$record"
	done
	# a person isn't libvirt
	run -0 --separate-stderr of_release 0.1003.1 hook prepare begin < <(domain "s|<topology|<feature name='aes'/>&|")
}

@test "what KVM lacks is refused by name, what QEMU adds to it isn't" {
	[ -r /dev/kvm ] && [ -w /dev/kvm ] || skip "kvm: /dev/kvm can't be opened"
	# no processor since Itanium's x86 mode has ia64, and no KVM offers it
	row features=fpu,ia64 | table
	refuses "this host's KVM can't provide: ia64" hook prepare begin < <(domain "s/type='qemu'/type='kvm'/")
	row features=fpu,tsc,mtrr,pat,arat,tsc-deadline | table
	run -0 --separate-stderr hook prepare begin < <(domain "s/type='qemu'/type='kvm'/")
	# TCG's lacks aren't KVM's
	row features=fpu tcg_lacks=fpu | table
	run -0 --separate-stderr hook prepare begin < <(domain "s/type='qemu'/type='kvm'/")
}

@test "called by libvirt, prepare notes the request; by hand it doesn't" {
	run -0 --separate-stderr hook prepare begin < <(domain)
	[ ! -e "$root/run/cpushim" ]
	run -0 --separate-stderr by_libvirt prepare begin < <(domain "s|<topology|<feature policy='disable' name='nx'/><feature name='aes'/>&|")
	[ "$(stat -c '%a %U' "$root/run/cpushim" "$record")" = $'700 root\n600 root' ]
	run -0 cat "$record"
	[[ $output == *$'phase=request\nmodel=gate64\ndigest='*$'\non=aes\noff=nx' ]]
	[ "$(ls "$root/run/cpushim")" = "$uuid" ]
}

@test "a refused prepare leaves no record" {
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	[ -e "$record" ]
	run -1 --separate-stderr by_libvirt prepare begin < <(domain "s/'exact'/'minimum'/")
	[ ! -e "$record" ]
}

@test "a record that can't be written refuses the domain" {
	: >"$root/run/cpushim"
	refuses_any by_libvirt prepare begin < <(domain)
	rm "$root/run/cpushim" && ln -s /nonexistent "$root/run/cpushim"
	refuses_any by_libvirt prepare begin < <(domain)
	rm "$root/run/cpushim" && mkdir "$root/run/cpushim" && chmod 777 "$root/run/cpushim"
	refuses_any by_libvirt prepare begin < <(domain)
	refuses 'UUID' by_libvirt prepare begin < <(domain '/<uuid>/d')
	refuses 'UUID' by_libvirt prepare begin < <(domain 's|<uuid>.*|<uuid>../../etc/passwd</uuid>|')
}

refuses_any() {
	run -1 --separate-stderr "$@"
	[[ $stderr == *'cpushim: '* ]]
}

@test "a link in the record's place is replaced, not followed" {
	mkdir -m 700 "$root/run/cpushim"
	printf keep >"$root/victim"
	ln -s "$root/victim" "$record"
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	[ "$(cat "$root/victim")" = keep ]
	[ -f "$record" ]
	[ ! -L "$record" ]
}

@test "start: the name passed on is silence, a translation is refused" {
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	is_silent by_libvirt start begin < <(domain "s|<model>|<model fallback='forbid'>|")
	refuses "translates it to 'Opteron_G1'" by_libvirt start begin < <(domain 's|>gate64<|>Opteron_G1<|')
	refuses "translates it to 'nothing'" by_libvirt start begin < <(domain '/<cpu/,/<.cpu>/d')
	refuses "translates it to 'nothing'" by_libvirt start begin < <(domain "s/mode='custom'/mode='host-model'/")
	# the record stays for started
	[ -e "$record" ]
}

@test "start: a feature beyond the request that contradicts the definition is refused" {
	run -0 --separate-stderr by_libvirt prepare begin < <(domain "s|<topology|<feature policy='optional' name='avx'/>&|")
	feature() { domain "s|<topology|<feature policy='$1' name='$2'/>&|"; }
	refuses "'vme'" by_libvirt start begin < <(feature require vme)
	refuses "'pni'" by_libvirt start begin < <(feature disable pni)
	is_silent by_libvirt start begin < <(feature require pni)
	is_silent by_libvirt start begin < <(feature disable vme)
	# asked for, or no part of a definition
	is_silent by_libvirt start begin < <(feature disable avx)
	run -0 --separate-stderr by_libvirt prepare begin < <(feature require vme)
	is_silent by_libvirt start begin < <(feature require vme)
	run -0 --separate-stderr by_libvirt prepare begin < <(feature disable pni)
	is_silent by_libvirt start begin < <(feature disable pni)
	is_silent by_libvirt start begin < <(feature require hypervisor)
	is_silent by_libvirt start begin < <(feature require ht)
}

@test "start: a definition that changed since prepare, or went, is refused" {
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	row "digest=$(printf '%064d' 2)" | table
	refuses 'changed' by_libvirt start begin < <(domain)
	row model=other | table
	refuses 'no row' by_libvirt start begin < <(domain)
}

@test "start: without a record the domain isn't ours, with a damaged one it is refused" {
	is_silent by_libvirt start begin < <(domain)
	mkdir -m 700 "$root/run/cpushim"
	local text
	for text in '' 'garbage' $'cpushim-record 1\nphase=request\nmodel=gate64' $'cpushim-record 2\n'; do
		printf '%s' "$text" >"$record" && chmod 600 "$record"
		refuses_any by_libvirt start begin < <(domain)
	done
	head -c 100000 /dev/zero >"$record"
	refuses_any by_libvirt start begin < <(domain)
	rm "$record" && mkfifo -m 600 "$record"
	refuses_any timeout 5 "$BATS_TEST_TMPDIR/libvirtd" -c "CPUSHIM_ROOT='$root' '$CHECKOUT/hook/qemu' x start begin -; exit \$?" < <(domain)
	# a link to a good one
	rm "$record"
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	mv "$record" "$root/run/good" && ln -s "$root/run/good" "$record"
	refuses_any by_libvirt start begin < <(domain)
	# somebody else's good record isn't used either
	rm "$record"
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	chmod 666 "$record"
	refuses_any by_libvirt start begin < <(domain)
}

@test "start and started with a record: XML that can't be understood is refused" {
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	refuses 'well-formed' by_libvirt start begin < <(domain 's/gate64/kvm64/' | head -n 20)
	refuses 'well-formed' by_libvirt started begin < <(domain 's/gate64/kvm64/' | head -n 20)
}

@test "started: the expansion is silence, and the record goes" {
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	start_qemu "$gate64_cpu"
	is_silent by_libvirt started begin < <(domain)
	[ ! -e "$record" ]
	# nothing more to be said
	is_silent by_libvirt started begin < <(domain)
}

@test "started: a process that has nothing of the hook's is left to mark the guest" {
	command -v strace >/dev/null || skip 'strace is missing'
	[ "$(id -u)" = 0 ] || skip 'needs root'
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	start_qemu "$gate64_cpu"
	# shellcheck disable=SC2016 # the other shell's
	CPUSHIM_ROOT=$root "$BATS_TEST_TMPDIR/libvirtd" -c '"$@"; exit $?' - strace -f -s 200 -o "$BATS_TEST_TMPDIR/trace" \
		"$CHECKOUT/hook/qemu" instance-00000001 started begin - < <(domain)
	run -0 grep -E 'execve\(.*"mark"' "$BATS_TEST_TMPDIR/trace"
	[[ $output == *"[\"cpushim\", \"mark\", \"--libvirt="*"\"--\", \"$uuid\", \"gate64\", \"$(printf '%064d' 1)\"]"* ]]
	marker=${output%% *}
	grep -E "^$marker +(close_range\(0|close\(0\))" "$BATS_TEST_TMPDIR/trace"
	# it isn't the session's leader
	run -0 grep -E 'setsid\(\)' "$BATS_TEST_TMPDIR/trace"
	[ "${output%% *}" != "$marker" ]
	# a guest that has the mark already is left alone, and so is one that a person asks for
	for digest in 1 2; do
		run -0 --separate-stderr by_libvirt prepare begin < <(domain)
		# shellcheck disable=SC2016 # the other shell's
		CPUSHIM_ROOT=$root "$BATS_TEST_TMPDIR/libvirtd" -c '"$@"; exit $?' - strace -f -s 200 -o "$BATS_TEST_TMPDIR/trace" \
			"$CHECKOUT/hook/qemu" instance-00000001 started begin - < <(domain \
				"s|</metadata>|<s:cpu xmlns:s='urn:cpushim:1' model='gate64' digest='$(printf '%064d' $digest)'/>&|")
		[ "$(grep -cE 'execve\(.*"mark"' "$BATS_TEST_TMPDIR/trace")" = $((digest - 1)) ]
	done
}

# STARTS=1000 takes two minutes
@test "started: after many starts in a row nobody is left, and nobody has kept the output open" {
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	lives=3600 start_qemu "$gate64_cpu"
	domain >"$BATS_TEST_TMPDIR/xml"
	cp -p "$record" "$BATS_TEST_TMPDIR/record"
	# shellcheck disable=SC2016 # the other shell's
	run env CPUSHIM_ROOT="$root" "$BATS_TEST_TMPDIR/libvirtd" -c '
		for ((i = 0; i < $4; i++)); do
			cp -p "$2/record" "$3"
			said=$("$1" instance-00000001 started begin - <"$2/xml" 2>&1) || break
			[ -z "$said" ] || break
		done
		echo "$i $said"' - "$CHECKOUT/hook/qemu" "$BATS_TEST_TMPDIR" "$record" "${STARTS:-50}"
	kill "$qemu"
	printf '%s\n' "$output"
	[ "$output" = "${STARTS:-50} " ]
	# shellcheck disable=SC2016 # the other shell's
	timeout 60 sh -c 'while pgrep -f "^cpushim mark .*$1" >/dev/null; do sleep 0.1; done' - "$uuid"
}

@test "started: what libvirt adds beside features is ignored, its order too" {
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	start_qemu 'kvm64,enforce,nx=on,vme=off,aes=off,sse3=on,vendor=GenuineIntel,family=15,model=6,stepping=1,hypervisor=on,l3-cache=off,host-cache-info=off'
	is_silent by_libvirt started begin < <(domain)
}

@test "started: another base, identity or feature, no enforce, no -cpu, the bare name" {
	local cpu
	for cpu in "${gate64_cpu/kvm64/qemu64}" "${gate64_cpu/GenuineIntel/AuthenticAMD}" "${gate64_cpu/family=15/family=6}" \
		"${gate64_cpu/nx=on/nx=off}" "${gate64_cpu/vme=off/vme=on}" "$gate64_cpu,+vme" "$gate64_cpu,-pni" \
		"${gate64_cpu/aes=off,/}" "${gate64_cpu/,enforce/}" gate64 '' kvm64; do
		run -0 --separate-stderr by_libvirt prepare begin < <(domain)
		start_qemu "$cpu"
		refuses "model 'gate64'" by_libvirt started begin < <(domain)
		[ ! -e "$record" ]
		kill "$qemu"
	done
}

@test "started: the domain's own features and vendor are allowed" {
	run -0 --separate-stderr by_libvirt prepare begin < <(domain "s|<model>|<model vendor_id='AuthenticAMD'>|" "s|<topology|<feature name='aes'/>&|")
	start_qemu "kvm64,family=15,model=6,stepping=1,pni=on,nx=on,vme=off,enforce,vendor=AuthenticAMD,aes=on"
	is_silent by_libvirt started begin < <(domain)
	kill "$qemu"
	# his vendor, and not ours, is then to be there
	run -0 --separate-stderr by_libvirt prepare begin < <(domain "s|<model>|<model vendor_id='AuthenticAMD'>|")
	start_qemu "$gate64_cpu"
	refuses 'another -cpu' by_libvirt started begin < <(domain)
}

@test "started: the domain's own features are to be there as it asked for them, except for optional ones" {
	local case own cpu
	request() { # POLICY-NAME...
		local script='' pair
		for pair; do
			script+="<feature policy='${pair%%-*}' name='${pair#*-}'/>"
		done
		run -0 --separate-stderr by_libvirt prepare begin < <(domain "s|<topology|$script&|")
	}
	# what was asked, how it differs in QEMU's argument, and what is said of that
	while read -r own cpu said; do
		request "$own"
		start_qemu "$gate64_cpu$cpu"
		refuses "$said" by_libvirt started begin < <(domain)
		kill "$qemu"
	done <<-'END'
		require-aes ,l3-cache=on aes is off and not on
		force-aes ,-aes aes is off and not on
		require-cx16 ,l3-cache=on cx16 is left open and not on
		disable-nx ,l3-cache=on nx is on and not off
		forbid-nx ,+nx nx is on and not off
		disable-cx16 ,+cx16 cx16 is on and not off
		disable-hypervisor ,l3-cache=on hypervisor is left open and not off
		require-cmt ,l3-cache=on cmt is left open and not on
	END
	while read -r own cpu; do
		request "$own"
		start_qemu "$gate64_cpu$cpu"
		is_silent by_libvirt started begin < <(domain)
		kill "$qemu"
	done <<-'END'
		require-aes ,aes=on
		force-aes ,+aes
		disable-nx ,-nx
		forbid-nx ,xd=off
		require-pni ,l3-cache=on
		disable-vme ,l3-cache=on
		optional-aes ,l3-cache=on
		optional-aes ,+aes
		optional-nx ,nx=off
		require-hypervisor ,hypervisor=on
		require-ht ,l3-cache=on
		disable-cmt ,l3-cache=on
		require-osxsave ,l3-cache=on
	END
}

@test "started: no PID file, a foreign process or none behind it is refused" {
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	refuses "can't be found" by_libvirt started begin < <(domain)
	local pid
	for pid in 1 0 -1 99999999999 '' 'x' "$$"; do
		run -0 --separate-stderr by_libvirt prepare begin < <(domain)
		mkdir -p "$root/run/libvirt/qemu"
		printf '%s' "$pid" >"$root/run/libvirt/qemu/instance-00000001.pid"
		refuses "can't be found" by_libvirt started begin < <(domain)
	done
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	start_qemu "$gate64_cpu" 6b2f0d3e-52cf-4b1f-9a57-3a1e8f1c2d99
	refuses "can't be found" by_libvirt started begin < <(domain)
}

@test "started finds the PID file by either spelling of the name, and by the UUID in the process" {
	local name spelling other
	named() { # OPERATION: by libvirt, of a domain called $name
		# shellcheck disable=SC2016 # the other shell's
		CPUSHIM_ROOT=$root "$BATS_TEST_TMPDIR/libvirtd" -c '"$@"; exit $?' - \
			"$CHECKOUT/hook/qemu" "$name" "$1" begin - < <(domain)
	}
	start_qemu "$gate64_cpu"
	cd "$root/run/libvirt/qemu"
	mv instance-00000001.pid ours
	printf 1 >other
	while IFS=$'\t' read -r name spelling other; do
		cp ours "./$spelling.pid"
		[ -z "$other" ] || cp other "./$other.pid"
		run -0 --separate-stderr named prepare
		is_silent named started
		rm -f "./$spelling.pid" "./$other.pid"
		run -0 --separate-stderr named prepare
		run -1 --separate-stderr named started
		[[ $stderr == *"can't be found"* ]]
	done <<-'END'
		R&D	R&amp;D
		R&D	R&D
		R&D	R&D	R&amp;D
		R&amp;D	R&amp;amp;D
		R&amp;D	R&amp;amp;D	R&amp;D
		it's	it&apos;s
		<"q">	&lt;&quot;q&quot;&gt;
		.	.
		..	..
		-dash	-dash
		%s 日本	%s 日本
	END
	for name in ../qemu/ours /etc/passwd a/b ''; do
		run -0 --separate-stderr named prepare
		run -1 --separate-stderr named started
		[[ $stderr == *"can't be found"* ]]
	done
}

@test "a whole start and stop by libvirt leaves nothing behind" {
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	is_silent by_libvirt start begin < <(domain)
	start_qemu "$gate64_cpu"
	is_silent by_libvirt started begin < <(domain)
	is_silent by_libvirt stopped end < <(domain)
	is_silent by_libvirt release end < <(domain)
	[ -z "$(ls "$root/run/cpushim")" ]
	# and one that is refused in the middle
	run -0 --separate-stderr by_libvirt prepare begin < <(domain)
	run -1 --separate-stderr by_libvirt start begin < <(domain 's/>gate64</>kvm64</')
	is_silent by_libvirt stopped end < <(domain)
	[ -z "$(ls "$root/run/cpushim")" ]
}

@test "rewrite prints what the hook prints, from a file or stdin" {
	rewrite() { CPUSHIM_ROOT=$root "$root/usr/bin/cpushim" rewrite "$@"; }
	hook prepare begin < <(domain) 2>/dev/null >"$BATS_TEST_TMPDIR/hook"
	rewrite "$data/gate64.xml" 2>/dev/null >"$BATS_TEST_TMPDIR/file"
	rewrite < <(domain) 2>/dev/null >"$BATS_TEST_TMPDIR/stdin"
	cmp "$BATS_TEST_TMPDIR/hook" "$BATS_TEST_TMPDIR/file"
	cmp "$BATS_TEST_TMPDIR/hook" "$BATS_TEST_TMPDIR/stdin"
	run -0 --separate-stderr rewrite --diff "$data/gate64.xml"
	[[ $output == *"-    <model>gate64</model>"*"+    <model fallback='forbid'"* ]]
	[ "$(grep -c '^-' <<<"$output")" = 2 ]
	run -1 --separate-stderr rewrite < <(domain "s/'exact'/'minimum'/")
	[[ $output == *">kvm64<"* ]]
	run -2 --separate-stderr rewrite /nonexistent
	run -2 --separate-stderr rewrite a b
	run -2 --separate-stderr rewrite --nonsense
	run -2 --separate-stderr rewrite < <(printf '<broken')
	run -2 --separate-stderr rewrite < <(printf '<cpus/>')
	run -0 rewrite --help
	[[ $output == Usage:* ]]
	run -2 --separate-stderr sh -c "CPUSHIM_ROOT='$root' '$root/usr/bin/cpushim' rewrite '$data/gate64.xml' >/dev/full"
	rm "$root/usr/lib/cpushim/models.table"
	run -2 --separate-stderr rewrite "$data/gate64.xml"
}

@test "rewrite leaves a domain without a site model as it is, in any encoding" {
	domain 's/gate64/kvm64/' >"$BATS_TEST_TMPDIR/a"
	{
		printf '<?xml version="1.0" encoding="UTF-16"?>'
		cat "$BATS_TEST_TMPDIR/a"
	} | iconv -f UTF-8 -t UTF-16 >"$BATS_TEST_TMPDIR/b"
	local file
	for file in a b; do
		CPUSHIM_ROOT=$root "$root/usr/bin/cpushim" rewrite "$BATS_TEST_TMPDIR/$file" >"$BATS_TEST_TMPDIR/out"
		cmp "$BATS_TEST_TMPDIR/$file" "$BATS_TEST_TMPDIR/out"
	done
	CPUSHIM_ROOT=$root run -0 --separate-stderr "$root/usr/bin/cpushim" rewrite --diff "$BATS_TEST_TMPDIR/a"
	[ -z "$output" ]
}
