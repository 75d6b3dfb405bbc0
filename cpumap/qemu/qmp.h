/* SPDX-License-Identifier: Apache-2.0 */
/* A dialogue with a QEMU's monitor (docs/interop/qmp-spec), and starting a QEMU to talk to. */
#ifndef CPUSHIM_QMP_H
#define CPUSHIM_QMP_H

#include <jansson.h>
#include <sys/types.h>

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"

#define QMP_LINE_LIMIT ((size_t)64 << 20)

struct qmp {
	int fd;             /* the monitor's socket; closed by qmp_close */
	pid_t pid;          /* the QEMU that we started; 0: somebody else's */
	int stderr_fd;      /* our QEMU's stderr; -1: none */
	long long deadline; /* CLOCK_MONOTONIC milliseconds after which we give up */
	unsigned int next_id;
	struct text in; /* bytes read and not yet used */
	char name[256]; /* for errors: the emulator */
};

/* The initial value: no dialogue, safe to close. */
#define QMP_NONE ((struct qmp){.fd = -1, .stderr_fd = -1})

/**
 * qmp_spawn: start @argv (@argv[0]: the binary's path) with our monitor added, in a clean
 * environment, and greet it.
 * @timeout_ms: for the whole dialogue; a QEMU that is silent longer gets SIGKILL
 */
int qmp_spawn(struct qmp *q, const char *const *argv, int timeout_ms, struct error *err);

/* qmp_attach: talk to a QEMU on a connected socket @fd, which is closed by qmp_close. */
int qmp_attach(struct qmp *q, int fd, const char *name, int timeout_ms, struct error *err);

/**
 * qmp_call: one command.
 * @args: its arguments (stolen, also on error); NULL for none
 * @answer: receives what "return" has (a new reference; numbers in it are reals); NULL if nobody
 *	    cares
 * -ENOENT: QEMU answered CommandNotFound or "not found"; -EREMOTEIO: QEMU answered another error;
 * -ETIMEDOUT; -EPROTO: not QMP
 */
int qmp_call(struct qmp *q, const char *command, json_t *args, json_t **answer, struct error *err);

/* qmp_number: a whole number from 0 to UINT32_MAX in *@n; false: @value is none. */
bool qmp_number(const json_t *value, uint32_t *n);

/* qmp_close: end the dialogue, kill our QEMU and wait until it is gone, however long that takes. */
void qmp_close(struct qmp *q);
#define _cleanup_qmp_ __attribute__((cleanup(qmp_close)))

#endif
