# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What takes long for what it tells: some of it is tried with every change, and all of it with EACH=1, as
# tests/matrix does and a release asks for.
#
#	some N		of its input's lines each Nth, the first among them
#	rare		ends this test, unless all are tried

some() {
	sed -n "1~${EACH:-$1}p"
}

rare() {
	[ "${EACH-}" = 1 ] || skip 'rare: EACH=1 tries it'
}
