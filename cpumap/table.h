/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table: what the wrapper, the hook and qmp-proxy know. Text, one row a model and emulator,
 * written by `cpushim compile`, read with libc alone.
 *
 *	cpushim-table 1
 *	sha256=<of every byte behind this line>
 *	model=gate64<TAB>emulator=/usr/bin/qemu-system-x86_64<TAB>digest=...<TAB>...
 *
 * Every row has all the fields of table_fields[], in that order, TAB between them; an empty one is
 * "name=". Rows are sorted by model and emulator, the usual emulator's first.
 */
#ifndef CPUSHIM_TABLE_H
#define CPUSHIM_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "feature.h"

#define TABLE_PATH "/usr/lib/cpushim/models.table"
/* the emulator that is meant where none is named */
#define EMULATOR_DEFAULT "/usr/bin/qemu-system-x86_64"
#define TABLE_LIMIT      ((size_t)16 << 20)
#define MODEL_NAME_MAX   64

/* A row; every string points into the table's text and is never NULL. */
struct table_row {
	const char *model;
	const char *emulator; /* the path that the wrapper stands at */
	const char *refused;  /* why this model can't be had with this emulator; then cpu, base and
			       * identity may be empty, and whoever asks for the model is refused.
			       * Where the name is published with another meaning they say that */
	const char *digest;   /* of the definition: 64 hexadecimal digits */
	const char *origin;   /* FILE:LINE of the definition */
	const char *base;     /* QEMU's model to start from */
	const char *vendor;   /* 12 characters, or "host" */
	const char *family, *cpu_model, *stepping; /* decimal */
	const char *features;                      /* libvirt's names, sorted, comma between them */
	const char *brings; /* what the base, in any of its versions, or an accelerator's defaults
			     * would add to the definition: what a domain XML has to disable */
	const char *tcg_lacks; /* features that this QEMU's TCG can't provide */
	const char *cpu;       /* the expansion: BASE,vendor=...,enforce */
};

struct table {
	char *text;
	struct table_row *row;
	size_t n;
};

/**
 * table_load: read and check a table: owner and mode, format version, checksum, every field.
 * @path: the file; also what errors name
 * The caller frees it with table_free. Returns 0, or a negative errno and @err, and then @t is
 * empty. -ENOENT: there is none.
 */
int table_load(struct table *t, const char *path, struct error *err);

/* table_parse: the same from memory; takes over @text (allocated, NUL-terminated), also on
 * error. */
int table_parse(struct table *t, char *text, size_t len, const char *path, struct error *err);

void table_free(struct table *t);
#define _cleanup_table_ __attribute__((cleanup(table_free)))

/**
 * table_find: the row of a model and emulator.
 * @emulator: where the wrapper's own file is; a row fits if that path ends in the row's emulator,
 * so that a staged tree works as it is. NULL: the model's first row.
 */
const struct table_row *table_find(const struct table *t, const char *model, size_t model_len,
				   const char *emulator);

/* table_row_is_at: is the row's emulator at the end of @emulator? */
bool table_row_is_at(const struct table_row *row, const char *emulator);

/* table_has_emulator: is any row's emulator at the end of @emulator? */
bool table_has_emulator(const struct table *t, const char *emulator);

/* table_print: a whole table, header and checksum included, of @n rows (sorted here). */
struct text;
void table_print(struct text *out, struct table_row *rows, size_t n);

#endif
