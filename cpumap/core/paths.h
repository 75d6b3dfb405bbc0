/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where everything is: our own files, and those files of libvirt that more than one part reads. All
 * paths are below CPUSHIM_ROOT (root_path).
 *
 * The places are fixed, because the rules that confine libvirt and its guests name them: AppArmor
 * lets libvirtd execute files in /usr/bin and the hook alone, and lets a guest's QEMU read /usr/lib
 * (docs/facts.md, Confinement).
 */
#ifndef CPUSHIM_PATHS_H
#define CPUSHIM_PATHS_H

#include <stddef.h>

/* ---- ours ---- */

#define COMMAND_PATH   "/usr/bin/cpushim"
#define LIB_DIR        "/usr/lib/cpushim"
#define TABLE_PATH     LIB_DIR "/models.table"
#define PROXY_PATH     LIB_DIR "/qmp-proxy"
#define GUEST_PATH     LIB_DIR "/guest"
#define HOOK_SOURCE    LIB_DIR "/hook"         /* what is put into libvirt's hooks */
#define WRAPPER_SOURCE LIB_DIR "/qemu-wrapper" /* what is put in the emulators' places */
#define RECEIPT_PATH   LIB_DIR "/receipt"  /* what was done to this node (cpumap/node/receipt.h) */
#define MANIFEST_PATH  LIB_DIR "/manifest" /* the same, of releases before receipts */
#define INCLUDE_COPY   LIB_DIR "/" LIBVIRTMAP_OURS /* the include as it was last compiled */
#define NATIVE_MARK    LIB_DIR "/no-wrapper" /* on a node that was installed without the wrapper */
#define SHIPPED_DIR    "/usr/share/cpushim/models.d"
#define SITE_DIR       "/etc/cpushim/models.d"
#define PUBLISHED_PATH "/etc/cpushim/published"
#define RECORD_DIR     "/run/cpushim"
#define STAGED         ".cpushim-??????"   /* behind the name of a file that is to be replaced */
#define LOCK_PATH      "/run/cpushim.lock" /* held by `cpushim ready` and `remove` */
#define REMOVING_MARK  "/run/cpushim.removing" /* `cpushim remove` was begun, and hasn't ended */
#define MAP_STAMP      "/run/cpushim.map" /* the map that libvirt last took (cpumap/node/before.c) */

/* the emulator that is meant where none is named */
#define EMULATOR_DEFAULT "/usr/bin/qemu-system-x86_64"

/* ---- libvirt's ---- */

#define LIBVIRT_SHARE_DIR "/usr/share/libvirt"
#define LIBVIRTMAP_DIR    LIBVIRT_SHARE_DIR "/cpu_map"
/* the include that is ours */
#define LIBVIRTMAP_OURS "x86_cpushim.xml"
/* In that include's first comment, in front of the names of all our models, on one line with a blank
 * between them; a name's `--` is written `-%-`. The hook finds them there if the table is lost. */
#define MAPINCLUDE_NAMES "cpushim-names:"
/* one file with the whole map (libvirt before 4.7) */
#define MAPSINGLE_PATH LIBVIRTMAP_DIR ".xml"

#define HOOK_PATH "/etc/libvirt/hooks/qemu"
/* beside a site's own hook (libvirt 6.5 and later) */
#define HOOK_BESIDE "/etc/libvirt/hooks/qemu.d/cpushim"

#define LIBVIRT_STATE_DIR      "/run/libvirt/qemu" /* NAME.xml, NAME.pid of each guest that runs */
#define LIBVIRT_LIB_DIR        "/var/lib/libvirt/qemu" /* managed saves and snapshots */
#define LIBVIRT_DEFINITION_DIR "/etc/libvirt/qemu"
#define LIBVIRT_LOG_DIR        "/var/log/libvirt/qemu"

/* ---- the system's ---- */

#define UNITS_DIR "/usr/lib/systemd/system"
/* what a guest's QEMU may do, as libvirt has it, and what a site adds */
#define APPARMOR_QEMU  "/etc/apparmor.d/abstractions/libvirt-qemu"
#define APPARMOR_LOCAL "/etc/apparmor.d/local/abstractions/libvirt-qemu"

/* ---- nova's ---- */

#define NOVA_DIR "/var/lib/nova/instances" /* its default instances_path */

/* The largest domain XML that is read: more than libvirt itself would parse. */
#define LIBVIRT_XML_LIMIT ((size_t)64 << 20)

#endif
