/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request record: what a domain asked for at prepare, kept in /run/cpushim/UUID until its
 * QEMU has been checked. Only the hook reads it. libc alone: the front uses it.
 */
#ifndef CPUSHIM_RECORD_H
#define CPUSHIM_RECORD_H

#include <stdbool.h>

#include "cpumap/error.h"
#include "cpumap/feature.h"
#include "cpumap/sha256.h"
#include "cpumap/table.h"

#define RECORD_DIR "/run/cpushim"
#define UUID_LEN   36

struct record {
	char model[MODEL_NAME_MAX + 1];
	char digest[SHA256_HEX]; /* of the definition when it was asked for */
	char vendor[13];         /* the domain's own, or "" */
	struct featset on, off;  /* the domain's own features */
};

/* uuid_valid: @len bytes in canonical form (lower case); nothing else ever becomes a file's name.
 */
bool uuid_valid(const char *uuid, size_t len);

/* record_exists: is there anything under that UUID's name? */
bool record_exists(const char *uuid);

/* record_remove: 0 also if there was none. */
int record_remove(const char *uuid);

/* record_write: atomically; root's alone. */
int record_write(const char *uuid, const struct record *r, struct error *err);

/* record_read: -ENOENT if there is none; -EINVAL if it isn't one. */
int record_read(const char *uuid, struct record *r, struct error *err);

#endif
