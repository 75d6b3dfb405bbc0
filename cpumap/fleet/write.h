/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet's model in the words of the programs that use it. */
#ifndef CPUSHIM_WRITE_H
#define CPUSHIM_WRITE_H

#include "fleet_findings.h"

/**
 * write_definition: the definition, with fleet_notes as its comment. -ENOMEM
 */
int write_definition(struct text *out, const struct fleet_findings *f, struct error *err);

/**
 * write_map: an include for libvirt's CPU map with that one model. -ENOENT: there is no libvirt;
 * -ENOTSUP: its map lacks a feature, or has a model of that name with other features
 */
int write_map(struct text *out, const struct fleet_findings *f, struct error *err);

/**
 * write_qemu: QEMU's -cpu argument, exact with this QEMU (cpumap/define/expand.h). -ENOENT: there is no
 * QEMU; -ENOTSUP: it lacks a feature
 */
int write_qemu(struct text *out, const struct fleet_findings *f, struct error *err);

/**
 * write_nova: lines for nova.conf, for each generation of nova: with cpushim on the nodes the model's
 * name; without, the nearest of libvirt's models and flags.
 * Source: nova.conf's reference: cpu_model up to 19 Stein, cpu_models from 20 Train; cpu_model_extra_flags
 * takes any flag since 18 Rocky, and +flag and -flag since 23 Wallaby.
 */
void write_nova(struct text *out, const struct fleet_findings *f);

/* write_nova_named: the lines for a model's name, from Train on. */
void write_nova_named(struct text *out, const char *name);

/**
 * write_proxmox: a section of Proxmox VE's /etc/pve/virtual-guest/cpu-models.conf. -ENOENT: there is no
 * QEMU, which tells what the base brings.
 * Source: cpu-models.conf(5); qemu-server, PVE/QemuServer/CPUConfig.pm: +FLAG;-FLAG of any flag; it adds
 * +lahf_lm and +sep to kvm64 by itself, enforce, and for kvm64 no vendor.
 */
int write_proxmox(struct text *out, const struct fleet_findings *f, struct error *err);

#endif
