/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt's capability probe: qmp-proxy between libvirt and the real QEMU. */
#ifndef CPUSHIM_PROBE_H
#define CPUSHIM_PROBE_H

#include "plan.h"

/**
 * probe_begin: listen where libvirt asked QEMU to, and start qmp-proxy on that socket as nobody's
 * child, holding none of our descriptors.
 * @proxy, @table, @emulator: paths of qmp-proxy, of the table and of the wrapper itself
 * @relay, @questions: receive the sockets that QEMU is to inherit as its monitors
 * Returns 0 once qmp-proxy is ready; or a negative errno, and then nothing is left of it.
 */
int probe_begin(const struct request *r, const char *proxy, const char *table, const char *emulator,
		int *relay, int *questions);

#endif
