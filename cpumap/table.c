/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <errno.h>
#include <stddef.h>

#include "sha256.h"
#include "util.h"

#define FORMAT   "cpushim-table 1\n"
#define CHECKSUM "sha256="

/* A row's fields, in their order. */
static const struct table_field {
	const char *name;
	size_t offset;
} table_fields[] = {
	{"model", offsetof(struct table_row, model)},
	{"emulator", offsetof(struct table_row, emulator)},
	{"refused", offsetof(struct table_row, refused)},
	{"digest", offsetof(struct table_row, digest)},
	{"origin", offsetof(struct table_row, origin)},
	{"base", offsetof(struct table_row, base)},
	{"vendor", offsetof(struct table_row, vendor)},
	{"family", offsetof(struct table_row, family)},
	{"cpu_model", offsetof(struct table_row, cpu_model)},
	{"stepping", offsetof(struct table_row, stepping)},
	{"features", offsetof(struct table_row, features)},
	{"brings", offsetof(struct table_row, brings)},
	{"tcg_lacks", offsetof(struct table_row, tcg_lacks)},
	{"cpu", offsetof(struct table_row, cpu)},
};

static const char **field_of(struct table_row *row, const struct table_field *f)
{
	return (const char **)((char *)row + f->offset);
}

void table_free(struct table *t)
{
	free(t->text);
	free(t->row);
	*t = (struct table){0};
}

static int broken(const char *path, unsigned int line, const char *what, struct error *err)
{
	return error_set(err, -EINVAL, path, line, "%s; `cpushim compile` writes the table anew",
			 what);
}

/* Cuts the line at *@pos and steps over it; NULL at the end, or without a newline. */
static char *next_line(char **pos, const char *end)
{
	char *line = *pos, *newline = memchr(line, '\n', (size_t)(end - line));

	if (!newline)
		return NULL;
	*newline = '\0';
	*pos = newline + 1;
	return line;
}

/* Takes a row's line apart in place. */
static bool parse_row(struct table_row *row, char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(table_fields); i++) {
		size_t len = strlen(table_fields[i].name);
		char *end;

		if (!line || strncmp(line, table_fields[i].name, len) != 0 || line[len] != '=')
			return false;
		*field_of(row, &table_fields[i]) = line + len + 1;
		end = strchr(line, '\t');
		if (end)
			*end++ = '\0';
		line = end;
	}
	/* a row without an expansion is one that says why */
	return !line && *row->model && strlen(row->model) <= MODEL_NAME_MAX && *row->emulator &&
	       (*row->cpu || *row->refused);
}

static int parse_rows(struct table *t, char *pos, const char *end, const char *path,
		      struct error *err)
{
	unsigned int line_number = 2;
	size_t room = 0;

	for (const char *p = pos; p < end; p++)
		room += *p == '\n';
	t->row = calloc(room + 1, sizeof(*t->row));
	if (!t->row)
		return error_set(err, -ENOMEM, path, 0, "out of memory");
	while (pos < end) {
		char *line = next_line(&pos, end);

		line_number++;
		if (!line || !parse_row(&t->row[t->n], line))
			return broken(path, line_number, "isn't a row of the table", err);
		t->n++;
	}
	return 0;
}

static int parse(struct table *t, size_t len, const char *path, struct error *err)
{
	char *pos = t->text, *end = t->text + len, *checksum;
	char hex[SHA256_HEX];

	if (memchr(t->text, '\0', len))
		return broken(path, 0, "isn't text", err);
	if (strncmp(pos, FORMAT, strlen(FORMAT)) != 0)
		return broken(path, 1, "isn't a table of this version of cpushim", err);
	pos += strlen(FORMAT);
	checksum = next_line(&pos, end);
	if (!checksum || strncmp(checksum, CHECKSUM, strlen(CHECKSUM)) != 0)
		return broken(path, 2, "has no checksum", err);
	sha256_hex(pos, (size_t)(end - pos), hex);
	if (strcmp(checksum + strlen(CHECKSUM), hex) != 0)
		return broken(path, 2, "is damaged: its checksum is another", err);
	return parse_rows(t, pos, end, path, err);
}

int table_parse(struct table *t, char *text, size_t len, const char *path, struct error *err)
{
	int r;

	*t = (struct table){.text = text};
	r = parse(t, len, path, err);
	if (r < 0)
		table_free(t);
	return r;
}

int table_load(struct table *t, const char *path, struct error *err)
{
	char *text = NULL;
	size_t len;
	int r;

	*t = (struct table){0};
	r = file_read(path, TRUST_OWNER, TABLE_LIMIT, &text, &len, err);
	return r < 0 ? r : table_parse(t, text, len, path, err);
}

/* Both are absolute paths, so a match begins at a directory. */
bool table_row_is_at(const struct table_row *row, const char *emulator)
{
	size_t len = strlen(emulator), want = strlen(row->emulator);

	return len >= want && strcmp(emulator + len - want, row->emulator) == 0;
}

const struct table_row *table_find(const struct table *t, const char *model, size_t model_len,
				   const char *emulator)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct table_row *row = &t->row[i];

		if (strlen(row->model) == model_len && memcmp(row->model, model, model_len) == 0 &&
		    (!emulator || table_row_is_at(row, emulator)))
			return row;
	}
	return NULL;
}

bool table_has_emulator(const struct table *t, const char *emulator)
{
	for (size_t i = 0; i < t->n; i++)
		if (table_row_is_at(&t->row[i], emulator))
			return true;
	return false;
}

static int compare_rows(const void *a, const void *b)
{
	const struct table_row *x = a, *y = b;
	int order = strcmp(x->model, y->model);

	if (order == 0)
		order = (strcmp(y->emulator, EMULATOR_DEFAULT) == 0) -
			(strcmp(x->emulator, EMULATOR_DEFAULT) == 0);
	return order ? order : strcmp(x->emulator, y->emulator);
}

void table_print(struct text *out, struct table_row *rows, size_t n)
{
	_cleanup_text_ struct text body = {0};
	char hex[SHA256_HEX];

	if (n)
		qsort(rows, n, sizeof(*rows), compare_rows);
	text_adds(&body, "");
	for (size_t i = 0; i < n; i++)
		for (size_t f = 0; f < ARRAY_SIZE(table_fields); f++)
			text_addf(&body, "%s%s=%s%s", f ? "\t" : "", table_fields[f].name,
				  *field_of(&rows[i], &table_fields[f]),
				  f + 1 == ARRAY_SIZE(table_fields) ? "\n" : "");
	if (body.failed) {
		out->failed = true;
		return;
	}
	sha256_hex(body.data, body.len, hex);
	text_addf(out, FORMAT CHECKSUM "%s\n", hex);
	text_add(out, body.data, body.len);
}
