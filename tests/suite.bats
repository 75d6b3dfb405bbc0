#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The suite can fail: the runner counts what failed, was skipped or never ran, and the main checks see
# a broken feature.

# shellcheck disable=SC2030,SC2031 # each test runs by itself
bats_require_minimum_version 1.5.0

setup() {
	: "${CHECKOUT:=$(cd "$BATS_TEST_DIRNAME/.." && pwd)}"
	suite=$BATS_TEST_TMPDIR/some.bats
}

# Another suite, which this one doesn't see
runs() {
	printf '%s\n' '#!/usr/bin/env bats' "$@" >"$suite"
	run env -i HOME=/root PATH=/usr/local/bin:/usr/bin:/bin ${must:+CPUSHIM_MUST_RUN=1} "$CHECKOUT/tests/run" "$suite"
}

@test "a failing test fails the run" {
	runs '@test "good" { true; }' '@test "bad" { false; }'
	[ "$status" = 1 ]
	[ "${lines[-1]}" = '1 passed, 1 failed' ]
	[[ $output == *'not ok 2 bad'* ]]
}

@test "a skipped test is named; where all must run it fails the run, except for KVM's" {
	runs '@test "good" { true; }' '@test "away" { skip "needs more"; }'
	[ "$status" = 0 ]
	[[ $output == *'skipped: '*'needs more'* ]]
	must=1
	runs '@test "good" { true; }' '@test "away" { skip "needs more"; }'
	[ "$status" = 1 ]
	[ "${lines[-1]}" = '1 passed, 1 failed' ]
	runs '@test "good" { true; }' '@test "away" { skip "kvm: none here"; }' '@test "also" { skip "dumps: none here"; }' \
		'@test "seldom" { skip "rare: not now"; }'
	[ "$status" = 0 ]
}

@test "a suite that breaks off, is empty, or isn't there fails the run" {
	# shellcheck disable=SC2016 # the inner test's
	runs '@test "good" { true; }' '@test "end" { kill -KILL $PPID; kill -KILL $$; }'
	[ "$status" = 1 ]
	runs
	[ "$status" = 1 ]
	run -1 "$CHECKOUT/tests/run" "$BATS_TEST_TMPDIR/none.bats"
	runs 'this is (no bash'
	[ "$status" = 1 ]
}

@test "a run that is interrupted leaves no suite running" {
	printf '%s\n' '#!/usr/bin/env bats' '@test "long" { sleep 4321; }' >"$suite"
	"$CHECKOUT/tests/run" "$suite" 3>&- >/dev/null 2>&1 &
	local run=$!
	timeout 20 sh -c 'until pgrep -fx "sleep 4321"; do sleep 0.1; done'
	kill $run
	local status=0
	wait $run || status=$?
	[ $status = 130 ]
	timeout 10 sh -c 'while pgrep -fx "sleep 4321"; do sleep 0.1; done'
}

@test "a setup that fails, and a setup that skips all, are seen" {
	runs 'setup_file() { false; }' '@test "good" { true; }'
	[ "$status" = 1 ]
	must=1
	runs 'setup_file() { skip "not today"; }' '@test "good" { true; }'
	[ "$status" = 1 ]
}

@test "an expansion that lacks one feature is seen by verify" {
	root=$BATS_TEST_TMPDIR/root
	cp -a "$CHECKOUT/build/root" "$root"
	table=$root/usr/lib/cpushim/models.table
	# another definition's features behind gate64's name, with right checksums
	sed '/\tmodel=gate64\t/s/cx16=off/cx16=on/' "$table" | "$CHECKOUT/tests/lib/table" >"$table.new"
	mv "$table.new" "$table"
	CPUSHIM_ROOT=$root run -1 "$root/usr/bin/cpushim" verify gate64
	[[ $output == *differs*cx16* ]]
}

@test "the check for two assertions on a line finds each form, and nothing else" {
	local check=$CHECKOUT/tests/lib/one-assertion
	# shellcheck disable=SC2016 # the inner tests'
	printf '%s\n' '[ a ] && [ b ]' $'\t[[ a == *"b"* ]] && [ -z "$output" ]' '[ a ] &&' '	[[ b ]]' \
		'run -0 x && [ -z "$output" ]' 'rm x && run -0 y' 'refuses a b && refuses c d' '[ "$(a && b)" = c ] && [ d ]' \
		"grep -q 'x' y && grep -q z y" 'is_silent a b && [ -e c ]' >"$suite"
	run -1 "$check" "$suite"
	[ "${#lines[@]}" = 9 ]
	[[ ${lines[2]} == "$suite:4: "* ]]
	printf '%s\n' '[[ a == b && c == d ]]' 'if [ a ] && [ b ]; then' '	[ -r x ] && [ -w x ] || skip "a"' \
		"run -0 sh -c '[ a ] && [ b ]'" 'run -0 x < <(a && b)' 'mkdir a && : >b' 'while [ a ] && [ b ]; do' \
		'run -0 sh -c "a && b"' >"$suite"
	run -0 "$check" "$suite"
	[ -z "$output" ]
}

@test "the check for words that are gone finds names in code and phrases in comments, and nothing else" {
	local check=$CHECKOUT/tests/lib/words file=$BATS_TEST_TMPDIR/a.c
	# in two parts, so that the check doesn't find them here
	local name=way but=but own=own
	printf '%s\n' "int ${name}_find(void);" "/* all $but for one */" 'int a; /* a' " * mount of its $own */" >"$file"
	run -1 "$check" "$file"
	[ "${#lines[@]}" = 3 ]
	[[ ${lines[0]} == "$file:1: say report: "* ]]
	[[ ${lines[1]} == "$file:2: "* ]]
	[[ ${lines[2]} == "$file:4: "* ]]
	printf '%s\n' "char *a = \"no QEMU, $but for %s\";" "int a${name}_find(void);" "all $but for one;" >"$file"
	run -0 "$check" "$file"
	[ -z "$output" ]
	printf '%s\n' "# all $but for one" "@test \"all $but for one\" {" "echo \"all $but for one\"" >"${file%c}bats"
	run -1 "$check" "${file%c}bats"
	[ "${#lines[@]}" = 2 ]
	printf '%s\n' "\`all $but for one\`" "a root of its $own" >"${file%c}md"
	run -0 "$check" "${file%c}md"
	[ -z "$output" ]
}

@test "a node has no definitions of the machine that it runs on" {
	[ "$(id -u)" = 0 ] || skip 'needs root'
	export ROOTS=$BATS_TEST_TMPDIR/roots
	load lib/root.bash
	local base=$BATS_TEST_TMPDIR/base
	mkdir -p "$base"
	mount -t tmpfs tmpfs "$base"
	mkdir -p "$base/root" "$base/upper" "$base/work"
	ln -s "$CHECKOUT" "$base/checkout"
	mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$base/root" ||
		skip 'no overlay can be mounted here'
	mkdir -p "$base/root/etc/cpushim/models.d"
	printf '<cpus/>\n' >"$base/root/etc/cpushim/models.d/own.xml"
	root_new node --base "$base"
	run on node find /etc/cpushim
	root_drop node
	umount "$base/root" "$base"
	[ "$status" != 0 ]
	[[ $output == *'No such file'* ]]
}

@test "a node with systemd ends with all that runs in it, and the machine is as it was" {
	export ROOTS=$BATS_TEST_TMPDIR/roots
	load lib/root.bash
	[ -z "$(root_needs)" ] || skip "$(root_needs)"
	root_new node --systemd
	[ "$(on node cat /proc/1/comm)" = systemd ]
	[ "$(on node systemctl is-system-running)" = running ]
	on node systemd-run -q --unit stays sleep 987654
	# only what is its own can be set or stopped there
	run ! on node sysctl -q -w kernel.panic=0
	run ! on node mkdir /sys/fs/cgroup/../outside
	pid=$(on node systemctl show -P MainPID stays)
	[ "$(on node cat "/proc/$pid/comm")" = sleep ]
	group=$(find /sys/fs/cgroup -maxdepth 2 -name "cpushim.$(cat "$ROOTS/node/unshare")")
	[ -d "$group/system.slice/stays.service" ]
	root_drop node
	[ ! -e "$group" ]
	run ! pgrep -f 'sleep 987654'
}

@test "and ends with the shell that made it, killed" {
	export ROOTS=$BATS_TEST_TMPDIR/roots
	load lib/root.bash
	[ -z "$(root_needs)" ] || skip "$(root_needs)"
	# shellcheck disable=SC2016 # the other shell's
	run bash -c '. "$1/tests/lib/root.bash"
		root_new node --systemd
		kill -KILL $$' bash "$CHECKOUT"
	[ "$status" = 137 ]
	keeper=$(cat "$ROOTS/node/unshare")
	for ((tries = 0; tries < 300; tries++)); do
		[ -e "/proc/$keeper/exe" ] || break
		sleep 0.1
	done
	[ ! -e "/proc/$(cat "$ROOTS/node/pid")/root/." ]
	[ -z "$(find /sys/fs/cgroup -maxdepth 2 -name "cpushim.$keeper")" ]
}
