/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of what a domain asks for. It is in /run/cpushim/UUID until the domain's QEMU has been
 * checked: first as an arrival, if the domain comes by migration or restore, then as a request,
 * from prepare on; or as refused, where prepare has to say what restore can't. Only the hook reads it. libc alone: the front uses it.
 */
#ifndef CPUSHIM_RECORD_H
#define CPUSHIM_RECORD_H

#include <stdbool.h>
#include <time.h>

#include "cpumap/core/error.h"
#include "cpumap/core/feature.h"
#include "cpumap/core/table.h"
#include "daemon.h"

#define UUID_LEN        36
#define ARRIVAL_SECONDS 300 /* an arrival comes to prepare within this time */

enum record_phase { RECORD_REQUEST, RECORD_ARRIVAL, RECORD_REFUSED };

/* A domain's own features. */
struct own {
	struct featset on, off; /* require and force; disable and forbid */
	struct featset optional;
	char other[1024]; /* features that aren't off and that our table lacks (of a later libvirt),
			   * comma between. What doesn't fit is dropped */
};

struct record {
	enum record_phase phase;
	struct daemon daemon; /* of what arrives, refused or not: the daemon that called, */
	uint64_t time;        /* and the time in seconds since boot, as the clock may be set */
	char model[MODEL_NAME_MAX + 1];
	char digest[DIGEST_HEX]; /* of the definition when it was asked for */
	char vendor[13];         /* the domain's own, or "" */
	struct own own;
	struct timespec written; /* when its file was written, by the files' clock */
};

/* uuid_valid: @len bytes in canonical form (lower case)? Only such a UUID becomes a file's name. */
bool uuid_valid(const char *uuid, size_t len);

/**
 * uuid_parse: a UUID in canonical form from @len bytes of @text. As in libvirt digits may be in
 * upper case, and dashes and blanks may stand between any pairs of digits, or be missing
 * (virUUIDParse, src/util/viruuid.c, 1.2.2 to 11.3). False, and "": it isn't one.
 */
bool uuid_parse(const char *text, size_t len, char uuid[UUID_LEN + 1]);

/* record_exists: is there a file under that UUID's name? A directory doesn't count: record_remove
 * can't remove it, and so it would block every start of the domain. */
bool record_exists(const char *uuid);

/* record_remove: 0 also if there was none. */
int record_remove(const char *uuid);

/**
 * record_write: write it atomically, readable by root alone.
 * @uuid: as the XML has it, or NULL
 * @name: the domain's, for errors
 */
int record_write(const char *uuid, const char *name, const struct record *r, struct error *err);

/* record_read: -ENOENT: there is none, or none that this user may see; -EINVAL: the file isn't a
 * record. */
int record_read(const char *uuid, struct record *r, struct error *err);

/* record_arrives: is what @daemon prepares now a recorded arrival, refused or not? It isn't if another daemon
 * recorded it, or if the record is too old: then that arrival has failed. */
bool record_arrives(const char *uuid, const struct daemon *daemon);

/* record_clock: the present time, as an arrival records it. */
uint64_t record_clock(void);

#endif
