/* SPDX-License-Identifier: Apache-2.0 */
/* Which emulators of a node have the wrapper, or are to get it. */
#ifndef CPUSHIM_EMULATORS_H
#define CPUSHIM_EMULATORS_H

#include "node.h"

/* emulators_choose: fill n->emulators: those asked for, or those of the usual names that are files
 * (a link to one that is wrapped needs nothing), and those that the receipt names. */
int emulators_choose(struct node *n, struct error *err);

/* emulators_noted: those that the receipt says were wrapped, and, if it is lost, those of the usual
 * names that are wrapped. */
int emulators_noted(const struct node *n, struct strv *paths, struct error *err);

/* emulators_note_choice: note which were named with --emulator, or that all usual ones are meant again, for
 * later runs that choose nothing. */
int emulators_note_choice(struct node *n, struct error *err);

/* emulators_may_have_wrapper: is it a file in a place from which the wrapper finds its table? */
bool emulators_may_have_wrapper(const char *path);

/* emulators_check: can @path get the wrapper? Nothing is changed. */
int emulators_check(const struct node *n, const char *path, struct error *err);

/* emulators_real: @path's real QEMU, not below the root; NULL: out of memory */
char *emulators_real(const char *path);

#endif
