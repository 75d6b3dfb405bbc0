/* SPDX-License-Identifier: Apache-2.0 */
/* From definitions, libvirt's map and a QEMU to the table and the include. */
#ifndef CPUSHIM_COMPILE_H
#define CPUSHIM_COMPILE_H

#include "cpumap/core/table.h"
#include "cpumap/libvirt/libvirtmap.h"
#include "cpumap/qemu/qemu.h"
#include "definition.h"
#include "history.h"

/* What one emulator makes of the definitions. */
struct compiled {
	struct definitions definitions; /* the good ones with their identity filled in */
	struct table_row *row;          /* also of refused definitions */
	size_t n;
	struct strv strings; /* what the rows point to */
	size_t n_refused;
	struct model_list retained; /* models of running guests, for the include's sake */
	bool failed;                /* out of memory on the way */
};

/**
 * compile: a row for each definition. A definition that is refused gets a row that says why, so
 * that hook and wrapper go on knowing its name; except where the name is QEMU's own, whose
 * guests are none of our business. So is one that gives a published name another meaning: its row
 * keeps what the name means to the guests that have it, if the table still tells. Likewise a
 * published name that no definition has any more, unless QEMU has it or --force was said.
 * @emulator: the path that goes into the rows
 * @map: NULL where there is no libvirt
 * @before: what names mean so far; what is new or insisted on is added to its published ones
 */
int compile(struct compiled *c, const char *emulator, const struct qemu *q,
	    const struct libvirtmap *map, struct history *before, struct error *err);
/* compiled_has: is there a row for that model? */
bool compiled_has(const struct compiled *c, const char *model);

void compiled_free(struct compiled *c);

/**
 * compile_retain: what libvirt's present include has and a guest here runs with stays in the next
 * one, whatever became of its definition. One without a definition gets a row, so that hook and
 * wrapper refuse its name.
 * @dir: libvirt's map
 * @notes: a line for each
 */
int compile_retain(struct compiled *c, const char *emulator, const char *dir,
		   const struct history *before, struct strv *notes, struct error *err);

/**
 * compile_include: the include for libvirt's cpu_map, of everything that has a row.
 * @notes: a line for each model that isn't in it, and why
 */
int compile_include(struct text *out, const struct compiled *c, const struct libvirtmap *map,
		    struct strv *notes, struct error *err);

#endif
