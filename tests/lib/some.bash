# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# some N: of its input's lines each Nth, the first among them. For likes of which each takes long: some of them
# are tried with every change, and all of them with EACH=1, as tests/matrix does.

some() {
	sed -n "1~${EACH:-$1}p"
}
