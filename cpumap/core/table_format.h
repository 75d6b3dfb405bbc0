/* SPDX-License-Identifier: Apache-2.0 */
/* How a table's lines are written: what reading and printing a table share. */
#ifndef CPUSHIM_TABLE_FORMAT_H
#define CPUSHIM_TABLE_FORMAT_H

#include "table.h"

#define TABLE_MAGIC "cpushim-table 2 "
/* the first line, and how many bytes it has */
#define TABLE_FIRST     TABLE_MAGIC "head=%08zx crc=%08x\n"
#define TABLE_FIRST_LEN (sizeof(TABLE_MAGIC "head=00000000 crc=00000000\n") - 1)
#define TABLE_RELEASE   "release="
#define TABLE_MODELS    "models="
#define TABLE_ROW_CRC   "crc="

/* A member of a struct of strings, by the name that it has in a line NAME=VALUE<TAB>... */
struct table_field {
	const char *name;
	size_t offset;
};

/* The fields of a row, and of a QEMU's line in the head, in their order; a NULL name ends them. */
extern const struct table_field table_row_fields[], table_qemu_fields[];

/* table_field_of: the member of the struct at @line that is @field. */
static inline const char **table_field_of(void *line, const struct table_field *field)
{
	return (const char **)((char *)line + field->offset);
}

/* table_fields_empty: make each of @fields in the struct at @line the empty text, as a reader of the table has
 * those that a line doesn't name. */
static inline void table_fields_empty(void *line, const struct table_field *fields)
{
	for (; fields->name; fields++)
		*table_field_of(line, fields) = "";
}

#endif
