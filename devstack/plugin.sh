# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# DevStack's plugin: stack.sh, unstack.sh and clean.sh source it with a mode and a phase, as an ordinary user
# who may use sudo, with errexit (doc/source/plugins.rst of DevStack). What a node needs is known by
# install.sh and the command; this calls them where DevStack has got to the point.
#
# On unstack nothing is done: guests that stay need cpushim, and the next stack.sh finds all of it right.

CPUSHIM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# only a node that runs guests needs it
function is_cpushim_node {
	is_service_enabled n-cpu && [[ $VIRT_DRIVER == libvirt ]]
}

# After install_nova, which brings libvirt and QEMU, so that the next phase needs no mirror.
function install_cpushim {
	sudo "$CPUSHIM_DIR/install.sh" --prepare
}

# Not in local.conf by LIBVIRT_CPU_MODEL: where there is no /dev/kvm, lib/nova sets that to Nehalem. What is in
# NOVA_CONF in this phase goes into nova-cpu.conf, and nova-compute, which asks libvirt for the model, starts later.
function configure_cpushim {
	local accel=kvm
	[[ $LIBVIRT_TYPE == kvm ]] || accel=tcg
	if [[ -n $CPUSHIM_DEFINITIONS ]]; then
		sudo install -D -m 644 -t /etc/cpushim/models.d "$CPUSHIM_DEFINITIONS"/*.xml
	fi
	sudo "$CPUSHIM_DIR/install.sh" --restart
	# a host that can't give the model is found here, not by the first guest
	sudo cpushim verify --accel "$accel" "$CPUSHIM_MODEL"
	iniset "$NOVA_CONF" libvirt cpu_mode custom
	iniset "$NOVA_CONF" libvirt cpu_models "$CPUSHIM_MODEL"
}

# clean.sh goes on whatever happens; where guests still need cpushim, it stays, and says so.
function cleanup_cpushim {
	sudo "$CPUSHIM_DIR/install.sh" --uninstall --restart
}

if is_cpushim_node; then
	case "$1 ${2-}" in
	'stack install') install_cpushim ;;
	'stack post-config') configure_cpushim ;;
	'clean ') cleanup_cpushim ;;
	esac
fi
