# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A throwaway root whose first process is systemd: what root-init does for it besides. Units are started,
# stopped and restarted as on a node, by apt, too. Not started is what has no part in it: devices,
# network, timers, logins, and whatever else this machine runs.
# shellcheck disable=SC2154 # root is root-init's

systemd_masked='systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket
systemd-udev-trigger.service systemd-udev-settle.service systemd-networkd.service systemd-networkd.socket
systemd-resolved.service systemd-timesyncd.service systemd-sysctl.service systemd-modules-load.service
systemd-binfmt.service proc-sys-fs-binfmt_misc.automount systemd-random-seed.service
systemd-hwdb-update.service systemd-firstboot.service systemd-pstore.service systemd-logind.service
systemd-remount-fs.service systemd-user-sessions.service dev-hugepages.mount dev-mqueue.mount
sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount
getty.target console-getty.service timers.target remote-fs.target nss-user-lookup.target
libvirt-guests.service polkit.service systemd-journald-audit.socket systemd-hostnamed.service'

# The kernel is the machine's: what it can be set by is read-only. The node's own control groups are
# where systemd looks for them.
systemd_mount() {
	local file
	for file in "$root/proc/sys" "$root/proc/sysrq-trigger"; do
		[ -e "$file" ] || continue
		mount --bind "$file" "$file"
		mount -o remount,ro,bind "$file"
	done
	mount -o remount,ro,bind "$root/sys"
	mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
}

systemd_configure() {
	local unit
	for unit in $systemd_masked; do
		ln -sfn /dev/null "$root/etc/systemd/system/$unit"
	done
	# of what is enabled; the distribution's own in /usr stays
	for unit in "$root"/etc/systemd/system/*.wants/*; do
		case ${unit##*/} in
		virt* | libvirt* | machines.target | dbus* | cpushim*) ;;
		*) rm -f "$unit" ;;
		esac
	done
	: >"$root/etc/fstab"
	# /tmp isn't emptied: directories of the machine are in it
	ln -sfn /dev/null "$root/etc/tmpfiles.d/tmp.conf"
	# one that has none would be set up as at its first boot
	tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id.new"
	mv "$root/etc/machine-id.new" "$root/etc/machine-id"
	# packages start what they install, as on a node
	rm -f "$root/usr/sbin/policy-rc.d"
}

# systemd_become PID: the root is / from here on, and nothing else is seen of the machine
systemd_become() {
	cd "$root" || return
	mkdir -p mnt/outside
	pivot_root . mnt/outside
	cd /
	umount -l /mnt/outside
	rmdir /mnt/outside
	printf '%s\n' "$1" >&3
	exec 3>&-
	exec setpriv --bounding-set -sys_time,-sys_boot,-sys_module,-syslog env -i container=cpushim \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
}
