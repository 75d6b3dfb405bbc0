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
	struct model_list retained; /* models that running guests have, which stay in the include */
	bool failed;                /* memory ran out */
};

/**
 * compile: a row for each definition. A refused definition gets a row that says why, so that hook
 * and wrapper still know its name. It gets none if QEMU itself has a model of that name: guests
 * that ask for that one aren't ours.
 *
 * A definition that gives a published name another meaning is refused. Its row has the meaning that
 * guests with this name have, if the old table still tells. A published name without a definition
 * gets such a row, too, unless QEMU has the name or --force was given.
 * @emulator: the path that goes into the rows
 * @map: NULL where there is no libvirt
 * @before: what names have meant so far. Its published names receive the new names, and with
 *        --force the new meanings
 */
int compile(struct compiled *c, const char *emulator, const struct qemu *q,
	    const struct libvirtmap *map, struct history *before, struct error *err);

/* compile_brings: what a domain XML has to disable for @m: what its base may add, by QEMU's or by
 * libvirt's definition of it. @map: NULL where there is no libvirt */
void compile_brings(struct featset *set, const struct model *m, const struct qemu *q,
		    const struct libvirtmap *map);

/* compiled_has: is there a row for that model? */
bool compiled_has(const struct compiled *c, const char *model);

void compiled_free(struct compiled *c);

/**
 * compile_retain: models of libvirt's present include that guests here run with stay in the next
 * include, whatever became of their definitions. One without a definition gets a row, so that hook
 * and wrapper refuse its name.
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
