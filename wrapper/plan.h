/* SPDX-License-Identifier: Apache-2.0 */
/* What the wrapper is going to do, decided without side effects. */
#ifndef CPUSHIM_PLAN_H
#define CPUSHIM_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "cpumap/core/table.h"

/* What an emulator's arguments ask for. */
struct request {
	size_t cpu;         /* index of the value of the last -cpu, which alone counts; 0: none */
	size_t qmp;         /* index of the value of -qmp, if this is libvirt's probe; else 0 */
	const char *socket; /* the path in it, @socket_len characters */
	size_t socket_len;
};

/* request_read: walk the arguments as QEMU does. */
void request_read(struct request *r, int argc, char *const *argv);

/**
 * plan_cpu: the arguments for the real QEMU: a copy of @argv in which the value of the last -cpu is
 * expanded, if its model is one of @table's. Strings that aren't changed are shared with @argv.
 * @emulator: the wrapper's own path
 * @refused: receives the row if the model that was asked for is refused, or NULL
 * Returns NULL when out of memory.
 */
char **plan_cpu(int argc, char *const *argv, const struct request *r, const struct table *table,
		const char *emulator, const struct table_row **refused);

/**
 * plan_probe: the same arguments with -qmp VALUE replaced by monitors on the sockets @relay and
 * @questions, which QEMU inherits. Returns NULL when out of memory.
 */
char **plan_probe(int argc, char *const *argv, const struct request *r, int relay, int questions);

#endif
