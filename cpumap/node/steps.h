/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of ready and of the way back. Each is a function of struct step (node.h); the file that
 * has it says what it does. */
#ifndef CPUSHIM_STEPS_H
#define CPUSHIM_STEPS_H

#include "node.h"

/* check.c: is this a node that can be made right? Nothing is changed. */
int check_node(struct node *n, struct error *err);

/* programs.c: the programs and shipped models, from n->source */
int put_programs(struct node *n, struct error *err);
/* the usual places of what --source puts, but units and models; up to NULL */
extern const char *const programs_usual[];
int unput_programs(struct node *n, struct error *err);

/* programs.c: what only the wrapper needs */
int unput_wrapper_programs(struct node *n, struct error *err);

/* programs.c: the file that tells that there is no wrapper, on purpose */
int mark_native(struct node *n, struct error *err);

/* apparmor.c: guests may read and run the real QEMU */
int allow_in_apparmor(struct node *n, struct error *err);
int disallow_in_apparmor(struct node *n, struct error *err);

/* models.c: the table */
int write_table(struct node *n, struct error *err);
int remove_table(struct node *n, struct error *err);

/* emulators.c: the wrapper stands where QEMU was */
int swap_emulators(struct node *n, struct error *err);
int swap_emulators_back(struct node *n, struct error *err);

/* map.c: the models in libvirt's CPU map */
int place_include(struct node *n, struct error *err);
int remove_include(struct node *n, struct error *err);
int name_include(struct node *n, struct error *err);
int unname_include(struct node *n, struct error *err);

/* hookfile.c: the hook */
int place_hook(struct node *n, struct error *err);
int remove_hook(struct node *n, struct error *err);
int check_hook_scripts(struct node *n, struct error *err);

/* units.c: systemd asks us before it starts libvirt */
int put_units(struct node *n, struct error *err);
int remove_units(struct node *n, struct error *err);
int begin_removal(struct node *n, struct error *err);
int end_removal(struct node *n, struct error *err);

/* daemons.c: libvirt goes by what is there now */
int settle_libvirt(struct node *n, struct error *err);
int forget_libvirt(struct node *n, struct error *err);

/* leftovers.c: what runs that were interrupted left */
int remove_leftovers(struct node *n, struct error *err);

/* needs.c: do guests need cpushim? */
int check_needs(struct node *n, struct error *err);

#endif
