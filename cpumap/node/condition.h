/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conditions of a right node: what `cpushim doctor` looks at, one by one. A condition holds
 * unless its look finds a fault.
 */
#ifndef CPUSHIM_CONDITION_H
#define CPUSHIM_CONDITION_H

#include "checkup.h"
#include "hook/guests/fault.h"

#define NEEDS_MAX 3

struct condition {
	const char *group; /* "libvirt", "guard", ... */
	const char *id;    /* stays the same from release to release */
	const char *what;  /* what is true where it holds */
	/* finds what is wrong; its faults have the condition's id */
	void (*look)(struct checkup *c, const struct condition *it, struct faults *f);
	const char *needs[NEEDS_MAX]; /* without these there is nothing to look at */
};

/* All of them, by group. Those of NOVA_GROUP are looked at if that is asked for. */
extern const struct condition conditions[];
extern const size_t n_conditions;

#define NOVA_GROUP "nova"

/* What was found at one condition. */
struct finding {
	const struct condition *condition;
	struct faults faults; /* none: it holds */
	bool looked;
};

/* finding_weight: the worst of its faults. */
enum weight finding_weight(const struct finding *f);

/**
 * conditions_look: look at all, or at those of the group nova.
 * @findings: receives n_conditions of them, in the table's order; those of other groups aren't looked
 *	      at
 */
void conditions_look(struct checkup *c, bool nova, struct finding *findings);
void findings_free(struct finding *findings);

/* The looks. One that needs this machine itself, as it asks libvirt, says that it can't where
 * CPUSHIM_ROOT is another root. */
#define LOOK(name) void look_##name(struct checkup *c, const struct condition *it, struct faults *f)

LOOK(told); /* what nodestate tells of it, and nothing else */

/* look_libvirt.c */
LOOK(libvirt);
LOOK(answers);
LOOK(map);
LOOK(include);
LOOK(daemon);
LOOK(models);
LOOK(dropin);
LOOK(daemons);

/* look_guard.c */
LOOK(hook_overwritten);
LOOK(hook_release);
LOOK(hook_known);

/* look_qemu.c */
LOOK(wrapper);
LOOK(wrapper_release);
LOOK(wrapper_lost);
LOOK(real_executable);
LOOK(real_answers);
LOOK(diversion);
LOOK(probe);
LOOK(default_emulator);
LOOK(domain_emulators);

/* look_files.c */
LOOK(table);
LOOK(readable);
LOOK(release);
LOOK(receipt);
LOOK(files);
LOOK(owners);
LOOK(modes);
LOOK(usr);
LOOK(leftovers);
LOOK(removal);

/* look_confinement.c */
LOOK(apparmor);
LOOK(selinux);
LOOK(denials);

/* look_guests.c */
LOOK(guests_restart);
LOOK(guests_meaning);
LOOK(guests_before);
LOOK(defined_gone);
LOOK(saved_gone);
LOOK(saved_before);

/* look_definitions.c */
LOOK(published);
LOOK(definitions);
LOOK(shipped);
LOOK(compiled);

/* look_kvm.c */
LOOK(kvm);
LOOK(kvm_open);
LOOK(kvm_faithful);

/* look_nova.c */
LOOK(nova_conf);
LOOK(nova_names);
LOOK(nova_compare);
LOOK(nova_baseline);

#endif
