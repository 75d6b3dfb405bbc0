/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table: what the wrapper, the hook and qmp-proxy know. Text, written by `cpushim compile`, read
 * with libc alone. Format 2:
 *
 *	cpushim-table 2 head=00000180 crc=5d3a8f01
 *	release=1.0
 *	qemu=/usr/bin/qemu-system-x86_64<TAB>real=...<TAB>size=...<TAB>...
 *	models=2
 *	gate64<TAB>0<TAB>3310
 *	x86-64-v2<TAB>3310<TAB>3362
 *	crc=01ab23cd<TAB>model=gate64<TAB>emulator=/usr/bin/qemu-system-x86_64<TAB>...
 *	...
 *
 * The head ends with the index. The first line says how long the head is, and its CRC-32, both in
 * hexadecimal. A line of the index is a model's name, where its rows begin (in bytes from the end
 * of the head), and their length. A row is one model with one emulator; its CRC-32 covers
 * everything behind the first TAB. Who wants one model reads the head and that model's rows, and
 * nothing else.
 *
 * Unknown fields of a row, and unknown lines of the head before models=, are skipped. Missing ones
 * are empty. So another release may add some.
 *
 * Damage never makes a name unknown: a damaged head is an error, and a damaged row refuses its
 * model.
 */
#ifndef CPUSHIM_TABLE_H
#define CPUSHIM_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "feature.h"

#define TABLE_LIMIT    ((size_t)64 << 20)
#define MODEL_NAME_MAX 64
#define DIGEST_HEX     65 /* a SHA-256 digest as text: 64 hexadecimal digits and the NUL */

/* A row; every string points into the table's text and is never NULL. */
struct table_row {
	const char *model;
	const char *emulator; /* the path that the wrapper stands at; "" in a damaged row: any */
	const char *refused;  /* why this emulator can't provide this model; "": it can. A refused
			       * row refuses everyone who asks for the model, and its cpu, base and
			       * identity may be empty. Where the name was published with another
			       * meaning they hold that meaning */
	const char *digest;   /* of the definition: 64 hexadecimal digits */
	const char *origin;   /* FILE:LINE of the definition */
	const char *base;     /* QEMU's model to start from */
	const char *vendor;   /* 12 characters, or "host" */
	const char *family, *cpu_model, *stepping; /* decimal */
	const char *features;                      /* libvirt's names, sorted, comma between them */
	const char *brings; /* what a domain XML has to disable: what any version of the base, or an
			     * accelerator's defaults, would add to the definition */
	const char *tcg_lacks; /* features that this QEMU's TCG can't provide */
	const char *cpu;       /* the expansion: BASE,vendor=...,enforce */
};

/* The real QEMU that an emulator's rows were made from. */
struct table_qemu {
	const char *emulator;
	const char *script;   /* SIZE@MTIME of a script that stands there and starts it (Debian 12's
			       * qemu-system-i386 is one); "": none does */
	const char *real;     /* its file */
	const char *size;     /* bytes, decimal */
	const char *mtime;    /* SECONDS.NANOSECONDS since 1970 */
	const char *build_id; /* hexadecimal, of its ELF note; "": it has none */
	const char *version;  /* "7.2.22" */
};

struct table {
	char *head, **text; /* what the strings below point into */
	size_t n_texts;
	const char *release; /* the release of cpushim that wrote it */
	struct table_qemu *qemu;
	size_t n_qemus;
	struct table_row *row; /* of the models that were loaded, sorted by name; each model's usual
			        * emulator first, damaged rows last */
	size_t n;
};

/**
 * table_load: the whole table.
 * @path: the file; also what errors name
 * The caller frees it with table_free. Returns 0, or a negative errno and @err, and then @t is
 * empty. -ENOENT: there is none; -EINVAL: it is damaged, or of another format.
 */
int table_load(struct table *t, const char *path, struct error *err);

/**
 * table_load_model: the head and the rows of one model; no row if the index doesn't name it.
 * @model: @len characters; NULL: the head alone
 */
int table_load_model(struct table *t, const char *path, const char *model, size_t len,
		     struct error *err);

void table_free(struct table *t);
#define _cleanup_table_ __attribute__((cleanup(table_free)))

/**
 * table_find: the row of a model and emulator, among those that were loaded.
 * @emulator: the wrapper's own path. A row fits if this path ends in the row's emulator,
 * so that a staged tree works as it is. NULL: the model's first row.
 */
const struct table_row *table_find(const struct table *t, const char *model, size_t model_len,
				   const char *emulator);

/* table_row_is_at: is the row's emulator at the end of @emulator? */
bool table_row_is_at(const struct table_row *row, const char *emulator);

/* table_qemu_of: the note of the real QEMU of an emulator that is at the end of @emulator. NULL: the
 * table wasn't made for such an emulator. */
const struct table_qemu *table_qemu_of(const struct table *t, const char *emulator);

/* table_has_emulator: was the table made for an emulator that is at the end of @emulator? */
bool table_has_emulator(const struct table *t, const char *emulator);

/**
 * table_print: a whole table of the release, QEMUs and rows of @t, whose rows are sorted here. No
 * other member of @t is read. A NULL string is empty.
 */
struct text;
void table_print(struct text *out, struct table *t);

#endif
