/* SPDX-License-Identifier: Apache-2.0 */
/* Mending what cpushim's own commands mend, and nothing else: libvirt isn't restarted, and no file of
 * others is touched. */
#ifndef CPUSHIM_MEND_H
#define CPUSHIM_MEND_H

#include "condition.h"

/**
 * mend: run `cpushim ready` or `cpushim compile`, if a fault's cure names it, and remove what is surely
 * left over.
 * @program: this program's file
 * @said: receives a line for each thing that was done, and what the command printed
 * Returns how many things were done; -errno and @err if one of them failed.
 */
int mend(const struct checkup *c, const struct finding *findings, const char *program,
	 struct strv *said, struct error *err);

#endif
