/* SPDX-License-Identifier: Apache-2.0 */
/* What the accelerators of this node give the table's models, asked at this moment. */
#ifndef CPUSHIM_ACCELS_H
#define CPUSHIM_ACCELS_H

#include "cpumap/core/table.h"
#include "cpumap/qemu/shortfall.h"

enum accel { ACCEL_TCG, ACCEL_KVM, ACCELS };

/* accel_name: "tcg", "kvm" */
const char *accel_name(enum accel a);

/* Does this KVM give guests what QEMU gives them, or let the host's CPU show through? */
enum faithful { FAITHFUL, SHOWS_THROUGH, NOT_KNOWN };

/* What there is with each emulator. Zero-initialise. Whether KVM is faithful is the same for all. */
#define ACCELS_EMULATORS_MAX 8
struct accels {
	struct {
		const char *emulator;
		struct support here;
	} of[ACCELS_EMULATORS_MAX];
	bool asked;
	enum faithful faithful; /* once some row's emulator has a KVM */
};

/* accels_ask: what there is with a row's emulator; each is asked once. What is wrong with KVM is told
 * on stderr. */
const struct support *accels_ask(struct accels *a, const struct table_row *row);

/* accels_lack: what keeps a row from running under an accelerator. It is nothing also where there is
 * no KVM (here->no_kvm). */
void accels_lack(struct shortfall *l, const struct table_row *row, enum accel accel,
		 const struct support *here);

/* accels_boot: why no Linux boots under TCG with a row's model, though it has all of its features;
 * NULL: nothing is known against it. */
const char *accels_boot(const struct table_row *row);

#endif
