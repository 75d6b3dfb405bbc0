/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the hook says why not. A person reads "cpushim: DOMAIN: model 'M': what is wrong, and what to
 * do". Where libvirt calls, this stands in parentheses behind a head, "M: no pni in KVM". nova
 * shows 255 characters of an error, and libvirt's words before ours take 232 of them. So every
 * refusal has a head whose first HEAD_SHOWN characters tell the model and the reason. libc alone:
 * the front uses it.
 */
#ifndef CPUSHIM_REFUSAL_H
#define CPUSHIM_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>

#include "cpumap/core/error.h"

#define HEAD_SHOWN 23

/* A reason in a few words, without the model; 15 characters leave room for "gate64: ". */
struct head {
	char text[64];
};

/* head: a head from what printf makes of @fmt, with foreign text escaped. */
struct head head(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Why a domain may not run, in the order in which it was found. Zero-initialise. */
struct reasons {
	struct reason {
		struct head head;
		char *text;
	} * item;
	size_t n;
	bool lost; /* memory ran out for one of them */
};

/* because: add a reason. @fmt: what is wrong, and what to do */
void because(struct reasons *reasons, struct head head, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

bool reasons_none(const struct reasons *reasons);
void reasons_free(struct reasons *reasons);
#define _cleanup_reasons_ __attribute__((cleanup(reasons_free)))

/**
 * refusal_print: one line on stderr.
 * @libvirt: libvirt calls, and not a person
 * @model: the site model; NULL if none is known
 * @err: where and what, as a person reads it
 */
void refusal_print(bool libvirt, const char *model, struct head head, const struct error *err);

/* reasons_print: print such a line for each reason; true if there are any. @name: the domain's */
bool reasons_print(bool libvirt, const char *name, const char *model,
		   const struct reasons *reasons);

#endif
