/* SPDX-License-Identifier: Apache-2.0 */
/* The one answer that qmp-proxy changes. */
#ifndef CPUSHIM_PROXY_ANSWER_H
#define CPUSHIM_PROXY_ANSWER_H

#include "cpumap/core/util.h"

/**
 * proxy_answer: QEMU's answer to query-cpu-definitions with our models added.
 * @request: libvirt's line
 * @answer: QEMU's line
 * @earlier: our earlier answer to the same question; NULL: none
 * @table, @emulator: whose rows are added
 * @questions: a second monitor of the same QEMU, on which it is asked which features it provides
 * Returns 0; -EAGAIN if @answer doesn't belong to @request; another negative errno if our models
 * can't be added.
 */
int proxy_answer(struct text *out, const char *request, const char *answer, const char *earlier,
		 const char *table, const char *emulator, int questions);

#endif
