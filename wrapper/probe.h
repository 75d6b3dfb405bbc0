/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt's capability probe: qmp-proxy between libvirt and the real QEMU. */
#ifndef CPUSHIM_PROBE_H
#define CPUSHIM_PROBE_H

#include "plan.h"

/**
 * probe_begin: listen where libvirt asked QEMU to listen, and start qmp-proxy on that socket. It
 * isn't our child, and has none of our other descriptors.
 * @proxy, @table, @emulator: paths of qmp-proxy, of the table and of the wrapper itself
 * @relay, @questions: receive the sockets that QEMU is to inherit as its monitors
 * Returns 0 once qmp-proxy is ready; or a negative errno, and then nothing is left behind.
 */
int probe_begin(const struct request *r, const char *proxy, const char *table, const char *emulator,
		int *relay, int *questions);

#endif
