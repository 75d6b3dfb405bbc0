/* SPDX-License-Identifier: Apache-2.0 */
#include "crc32.h"
#include "paths.h"
#include "table_format.h"
#include "util.h"

static int compare_emulators(const char *a, const char *b)
{
	int order = (strcmp(b, EMULATOR_DEFAULT) == 0) - (strcmp(a, EMULATOR_DEFAULT) == 0);

	return order ? order : strcmp(a, b);
}

static int compare_qemus(const void *a, const void *b)
{
	const struct table_qemu *x = a, *y = b;

	return compare_emulators(x->emulator, y->emulator);
}

static int compare_rows(const void *a, const void *b)
{
	const struct table_row *x = a, *y = b;
	int order = strcmp(x->model, y->model);

	return order ? order : compare_emulators(x->emulator, y->emulator);
}

/* NAME=VALUE<TAB>NAME=VALUE...<NEWLINE> */
static void add_line(struct text *out, void *line, const struct table_field *fields)
{
	for (const struct table_field *f = fields; f->name; f++) {
		const char *value = *table_field_of(line, f);

		text_addf(out, "%s%s=%s", f == fields ? "" : "\t", f->name, value ? value : "");
	}
	text_adds(out, "\n");
}

static void add_row(struct text *out, struct table_row *row)
{
	_cleanup_text_ struct text line = {0};

	add_line(&line, row, table_row_fields);
	if (line.failed) {
		out->failed = true;
		return;
	}
	/* without the newline, which is between lines */
	text_addf(out, TABLE_ROW_CRC "%08x\t", crc32_of(line.data, line.len - 1));
	text_add(out, line.data, line.len);
}

/* Adds all rows of the model of row @i. Returns the first row behind them. */
static size_t add_model(struct text *index, struct text *body, struct table *t, size_t i)
{
	const char *model = t->row[i].model;
	size_t start = body->len;

	for (; i < t->n && strcmp(t->row[i].model, model) == 0; i++)
		add_row(body, &t->row[i]);
	text_addf(index, "%s\t%zu\t%zu\n", model, start, body->len - start);
	return i;
}

void table_print(struct text *out, struct table *t)
{
	_cleanup_text_ struct text head = {0}, index = {0}, body = {0};
	size_t models = 0;

	if (t->n)
		qsort(t->row, t->n, sizeof(*t->row), compare_rows);
	if (t->n_qemus)
		qsort(t->qemu, t->n_qemus, sizeof(*t->qemu), compare_qemus);
	text_adds(&index, "");
	text_adds(&body, "");
	for (size_t i = 0; i < t->n; models++)
		i = add_model(&index, &body, t, i);
	text_addf(&head, TABLE_RELEASE "%s\n", t->release ? t->release : "");
	for (size_t i = 0; i < t->n_qemus; i++)
		add_line(&head, &t->qemu[i], table_qemu_fields);
	text_addf(&head, TABLE_MODELS "%zu\n", models);
	text_add(&head, index.data ? index.data : "", index.len);
	if (head.failed || index.failed || body.failed) {
		out->failed = true;
		return;
	}
	text_addf(out, TABLE_FIRST, head.len, crc32_of(head.data, head.len));
	text_add(out, head.data, head.len);
	text_add(out, body.data, body.len);
}
