/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of what a domain asks for, kept in /run/cpushim/UUID until its QEMU has been checked:
 * an arrival, made when it comes in by migration or restore, then a request, made at prepare. Only
 * the hook reads it. libc alone: the front uses it.
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
#define ARRIVAL_SECONDS 300 /* no arrival takes longer to come to prepare */

enum record_phase { RECORD_REQUEST, RECORD_ARRIVAL };

/* A domain's own features. */
struct own {
	struct featset on, off; /* require and force; disable and forbid */
	struct featset optional;
	char other[1024]; /* those that our table has no name for and that aren't off, comma
			   * between: a later libvirt's. What doesn't fit is forgotten */
};

struct record {
	enum record_phase phase;
	struct daemon daemon; /* an arrival's: which called for it, */
	uint64_t time;        /* and when, in seconds since boot: no set clock changes them */
	char model[MODEL_NAME_MAX + 1];
	char digest[DIGEST_HEX]; /* of the definition when it was asked for */
	char vendor[13];         /* the domain's own, or "" */
	struct own own;
	struct timespec written; /* when its file was, by the clock that files go by */
};

/* uuid_valid: @len bytes in canonical form (lower case); nothing else ever becomes a file's
 * name. */
bool uuid_valid(const char *uuid, size_t len);

/**
 * uuid_parse: a UUID in canonical form from @len bytes of @text, as libvirt reads one: in upper case,
 * and with dashes and blanks anywhere between pairs of digits, or none (virUUIDParse,
 * src/util/viruuid.c, 1.2.2 to 11.3). False, and "": it isn't one.
 */
bool uuid_parse(const char *text, size_t len, char uuid[UUID_LEN + 1]);

/* record_exists: is there anything under that UUID's name? But for a directory, which can't be
 * taken away like a record: it stands in the way of nobody. */
bool record_exists(const char *uuid);

/* record_remove: 0 also if there was none. */
int record_remove(const char *uuid);

/**
 * record_write: atomically; root's alone.
 * @uuid: as the XML has it, or NULL
 * @name: the domain's, for errors
 */
int record_write(const char *uuid, const char *name, const struct record *r, struct error *err);

/* record_read: -ENOENT if there is none, or none that this user may see; -EINVAL if it isn't
 * one. */
int record_read(const char *uuid, struct record *r, struct error *err);

/* record_arrives: does what @daemon prepares now come from an arrival that was recorded? Not from
 * another daemon's, nor from one that is too old: it failed on the way, and helps nobody. */
bool record_arrives(const char *uuid, const struct daemon *daemon);

/* record_clock: now, as an arrival's time. */
uint64_t record_clock(void);

#endif
