#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Three clouds with unlike hosts, from their CPUs to guests: each host dumps itself, the baseline of the dumps is
# compiled, and on each host a guest of it reads exactly the same CPU under that host's own KVM. The hosts aren't
# there (tests/lib/host.bash).

# shellcheck disable=SC2154,SC2030,SC2031 # bats sets output and stderr; each test has its own subshell
bats_require_minimum_version 1.5.0
load ../lib/host
load ../lib/some

setup_file() {
	local needs
	needs=$(host_needs)
	[ -z "$needs" ] || skip "needs $needs"
	# an EPYC, one without avx2 and bmi, and one without aes, avx and more; what each alone lacks costs the rest
	host_new epyc EPYC,sse4a=off
	host_new opteron Opteron_G3,+svm,+aes,+ssse3,+sse4.1,+sse4.2,-sse4a
	host_new nehalem Nehalem,vendor=AuthenticAMD,+svm,+movbe
	host_up epyc opteron nehalem
	# into their memory
	host_each qemu-system-x86_64 --version
	# all that the hosts need is below it
	root=$BATS_FILE_TMPDIR/root dumps=$BATS_FILE_TMPDIR/dumps
	export root dumps
	cp -a "$CHECKOUT/build/root" "$root"
	mkdir "$dumps"
}

teardown_file() {
	host_drop
}

cpushim() {
	CPUSHIM_ROOT=$root "$root/usr/bin/cpushim" "$@"
}

# there COMMAND...: cpushim on each host, by this root; again where QEMU was too slow for an answer
there() {
	local name try ask=(env "CPUSHIM_ROOT=$root" "$root/usr/bin/cpushim" "$@")
	host_each "${ask[@]}"
	for try in 2 3; do
		for name in $(host_names); do
			grep 'gave no answer' "$HOSTS/$name/error" || continue
			printf '%s, try %s\n' "$name" $try
			host_ask "$name" "${ask[@]}"
		done
	done
}

# answered NAME: what a host answered last
answered() {
	cat "$HOSTS/$1/answer"
}

# features: those that all hosts of baseline's JSON have
features() {
	sed -n '/^  "common": \[/,/^  \]/s/^    "\(.*\)",*/\1/p' | LC_ALL=C sort
}

@test "each host dumps itself, and has the CPU that its Linux sees" {
	local name
	there host --dump
	for name in epyc opteron nehalem; do
		cp "$HOSTS/$name/answer" "$dumps/$name"
		[ "$(head -n 1 "$dumps/$name")" = 'cpushim-host 1' ]
		grep -qx "name $name" "$dumps/$name"
		grep -q '^kvm has .* cx16 ' "$dumps/$name"
		grep -q '^tcg has ' "$dumps/$name"
	done
	host_each cat /proc/cpuinfo
	# whatever Linux's own flags tell of, the dump tells alike
	for name in epyc opteron nehalem; do
		cp "$HOSTS/$name/answer" "$BATS_TEST_TMPDIR/$name"
		run -0 --separate-stderr cpushim baseline --accel cpu --json "$dumps/$name"
		features >"$BATS_TEST_TMPDIR/dumped" <<<"$output"
		run -0 --separate-stderr cpushim baseline --accel cpu --json "$BATS_TEST_TMPDIR/$name"
		features >"$BATS_TEST_TMPDIR/linux" <<<"$output"
		[ "$(wc -l <"$BATS_TEST_TMPDIR/linux")" -gt 25 ]
		run -0 comm -13 "$BATS_TEST_TMPDIR/dumped" "$BATS_TEST_TMPDIR/linux"
		[ -z "$output" ]
	done
}

@test "the hosts' baseline is exactly the same CPU for a guest under each host's KVM" {
	local name digest
	run -0 --separate-stderr cpushim baseline --name gate65 "$dumps"
	[[ $stderr == *'3 hosts, 3 different; kvm: what QEMU gives under KVM'* ]]
	printf '%s\n' "$output" >"$root/etc/cpushim/models.d/gate65.xml"
	run -0 cpushim compile
	run -0 --separate-stderr cpushim check gate65 "$dumps"
	there verify --accel kvm --cpus 1 --digest gate65
	digest=$(answered epyc)
	digest=${digest##* }
	[[ $digest =~ ^[0-9a-f]{64}$ ]]
	for name in epyc opteron nehalem; do
		cat "$HOSTS/$name/error"
		[ "$(answered $name)" = "gate65 kvm $digest" ]
		[ "$(cat "$HOSTS/$name/status")" = 0 ]
	done
}

@test "a feature more than the baseline is refused on the host that costs it, and on no other" {
	local name feature=aes # which nehalem's CPU alone lacks
	# the hosts don't see what is changed in the other
	cp -a "$root" "$root-more"
	root=$root-more
	run -1 --separate-stderr cpushim baseline --against "$root/etc/cpushim/models.d/gate65.xml" --leave-out nehalem "$dumps"
	[[ $output == *$feature* ]]
	sed "s/'gate65'/'gate65-more'/; s|  </model>|    <feature name='$feature'/>\n&|" \
		"$root/etc/cpushim/models.d/gate65.xml" >"$root/etc/cpushim/models.d/more.xml"
	run -0 cpushim compile
	run -1 --separate-stderr cpushim check gate65-more "$dumps"
	[[ $output == *"lacks $feature: nehalem"* ]]
	there verify --accel kvm --cpus 1 gate65-more
	for name in epyc opteron; do
		[[ $(answered $name) == 'gate65-more: exact, '* ]]
		[ "$(cat "$HOSTS/$name/status")" = 0 ]
	done
	[ "$(cat "$HOSTS/nehalem/status")" = 1 ]
	[[ $(cat "$HOSTS/nehalem/answer" "$HOSTS/nehalem/error") == *$feature* ]]
}

@test "under KVM, too, libvirt alone makes another CPU of gate64, and cpushim exactly gate64" {
	rare # tests/clouds/migration.bats looks at stock guests themselves
	[ -e /usr/share/libvirt/cpu_map/index.xml ] || skip 'needs libvirt'
	run -0 --separate-stderr on epyc "$CHECKOUT/build/cpushim" try "$CHECKOUT/cpumap/models/gate64.xml"
	[[ $output == *$'alone, with the model in its CPU map:\n'*$'\nkvm  another CPU\n     -cpu '*'AuthenticAMD, not GenuineIntel'*$'\ncpushim, '* ]]
	[[ $output == *$'\ncpushim, with QEMU '*$'\nkvm  exact\n     -cpu kvm64,'* ]]
}
