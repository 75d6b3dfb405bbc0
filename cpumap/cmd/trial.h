/* SPDX-License-Identifier: Apache-2.0 */
/* What would become of a model here: by libvirt alone, and by cpushim. Nothing is installed for it, and
 * nothing of the node is changed. */
#ifndef CPUSHIM_TRIAL_H
#define CPUSHIM_TRIAL_H

#include <jansson.h>

#include "cpumap/fleet/catalogue.h"
#include "cpumap/guest/cpuid.h"
#include "cpumap/libvirt/libvirtask.h"
#include "accels.h"
#include "terminal.h"

enum trial_result {
	TRIAL_EXACT,
	TRIAL_DIFFERS, /* a guest would get another CPU (diff) */
	TRIAL_REFUSED, /* it would get none (why) */
	TRIAL_UNASKED, /* couldn't be found out (why) */
	TRIAL_NO_KVM,  /* there is no KVM here (why) */
	TRIAL_NEEDLESS /* of cpushim: QEMU has the model itself */
};

/* What one guest would get. */
struct outcome {
	enum trial_result result;
	char *cpu; /* QEMU's -cpu; NULL: it comes to none */
	struct cpuid_diff diff;
	struct error why;
};

struct trial {
	const struct catalogue_model *found;
	struct model model; /* with the identity that its guests get; texts are @found's */
	const char *boot;   /* why no Linux boots with it under TCG; NULL: nothing is known */
	char libvirt[LIBVIRT_VERSION_TEXT]; /* libvirt's release; "": not known */
	struct outcome stock[ACCELS], ours[ACCELS];
};

/**
 * trial_run: try @m, one of @c, whose QEMU and map were loaded where there are any. libvirt and QEMU are asked,
 * which takes some seconds.
 * -ENOMEM
 */
int trial_run(struct trial *t, struct catalogue *c, const struct catalogue_model *m,
	      struct error *err);
void trial_free(struct trial *t);
#define _cleanup_trial_ __attribute__((cleanup(trial_free)))

/* trial_status: what the command exits with: no, if cpushim can't give the CPU under any accelerator that is
 * here; else unknown, if something couldn't be found out. */
int trial_status(const struct trial *t);

/* trial_print: for people. trial_json: NULL: out of memory. */
void trial_print(struct text *out, const struct trial *t, const struct catalogue *c,
		 const struct terminal *terminal);
json_t *trial_json(const struct trial *t, const struct catalogue *c);

#endif
