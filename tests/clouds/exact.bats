#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Exact or refused under KVM, on six hosts whose CPUs differ, and on the kernels and QEMUs of three Debian releases
# (the hosts aren't there: tests/lib/host.bash): the shipped models, random ones (tests/exact), and what a caller
# adds to a model (tests/merge). CLOUD_MODELS: more than 50; CLOUD_RELEASES: others.

# shellcheck disable=SC2154 # bats sets output
bats_require_minimum_version 1.5.0
load ../lib/hosts

models=${CLOUD_MODELS:-50} seed=${CLOUD_SEED:-1}
export HOST_JOBS HOST_SECONDS=36000
HOST_JOBS=$(nproc)
read -ra releases <<<"${CLOUD_RELEASES-bullseye bookworm trixie}"

# Each lacks what another has, and has what another lacks.
declare -A cpu=(
	[rome]=EPYC-Rome
	[epyc]=EPYC
	[haswell]='Haswell-noTSX,vendor=AuthenticAMD,+svm'
	[nehalem]='Nehalem,vendor=AuthenticAMD,+svm,+movbe'
	[opteron]='Opteron_G3,+svm'
	[phenom]='phenom,+svm'
)

make_hosts() {
	local name
	for name in "${!cpu[@]}"; do
		host_new "$name" "${cpu[$name]}"
	done
	host_up "${!cpu[@]}"
}

# each PATTERN COMMAND...: on all hosts, of this checkout; each answer's last line matches, and is shown
each() {
	local pattern=$1 name failed=0
	host_each env -C "$CHECKOUT" "${@:2}"
	show_answers
	for name in $(host_names); do
		if [[ ! $(tail -n 1 "$HOSTS/$name/answer") =~ $pattern ]]; then
			failed=1
			cat "$HOSTS/$name/answer" "$HOSTS/$name/error"
		fi
	done
	return $failed
}

# refused_by_qemu HOST MODEL: there QEMU itself doesn't start what the model means, with its KVM
refused_by_qemu() {
	local expansion
	expansion=$(CPUSHIM_ROOT=$CHECKOUT/build/root "$CHECKOUT/build/root/usr/bin/cpushim" expand "$2")
	run ! on "$1" timeout 60 qemu-system-x86_64 -accel kvm -cpu "$expansion,enforce" -S -display none \
		-nodefaults -qmp stdio
	[[ $output == *"doesn't support requested feature"* ]]
}

# verified MODEL: what `verify` says of it on each host
verified() {
	host_each env "CPUSHIM_ROOT=$CHECKOUT/build/root" "$CHECKOUT/build/root/usr/bin/cpushim" verify --accel kvm --cpus 1 "$1"
	show_answers
}

# shipped MODEL: one digest on all hosts whose KVM has what it needs, and refused on the others
shipped() {
	local name digests=()
	verified "$1"
	for name in $(host_names); do
		case $(<"$HOSTS/$name/status") in
		0) digests+=("$(digest_in <"$HOSTS/$name/answer")") ;;
		1) refused_by_qemu "$name" "$1" ;;
		*) cat "$HOSTS/$name/error" && return 1 ;;
		esac
	done
	[ ${#digests[@]} -gt 0 ]
	[ "$(printf '%s\n' "${digests[@]}" | sort -u | wc -l)" = 1 ]
}

exact='^[0-9]*[1-9][0-9]* exact, [0-9]+ refused and proven, 0 wrong$'
merged='^[0-9]*[1-9][0-9]* the same, [0-9]+ refused by both, 0 wrong$'

@test "each shipped model is the same CPU on all hosts that have its features, and refused on the others" {
	local model name
	for model in gate64 x86-64-v2 x86-64-v3; do
		shipped $model
	done
	verified x86-64-v4 # none of them has AVX-512
	for name in $(host_names); do
		[ "$(<"$HOSTS/$name/status")" = 1 ]
		refused_by_qemu "$name" x86-64-v4
	done
}

@test "random models are exact on each host, or refused as QEMU by hand refuses" {
	each "$exact" tests/exact --accel kvm --models "$models" --seed "$seed"
}

@test "what a caller adds to a model means what it means to QEMU, on each host" {
	each "$merged" tests/merge --accel kvm --cases "$models" --seed "$seed"
}

@test "likewise on other releases' kernels, with their own QEMUs" {
	local release
	host_drop
	HOSTS=$BATS_TEST_TMPDIR/hosts
	for release in "${releases[@]}"; do
		host_new "$release" EPYC --release "$release"
	done
	host_up "${releases[@]}"
	each '[0-9]' uname -r
	shipped gate64
	shipped x86-64-v2
	each "$exact" tests/exact --accel kvm --models "$models" --seed "$seed"
	host_drop
}
