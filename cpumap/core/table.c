/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <errno.h>

#include "crc32.h"
#include "paths.h"
#include "table_format.h"
#include "util.h"

#define ROW_DAMAGED "its row in " TABLE_PATH " is damaged; `cpushim compile` writes it anew"

/* An open table. */
struct source {
	int fd;
	const char *path; /* for errors */
};

/* One model of the index. */
struct entry {
	const char *name; /* @len characters */
	size_t len;
	size_t offset, size; /* where its rows are, counted from the end of the head */
};

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->n_texts; i++)
		free(t->text[i]);
	free(t->text);
	free(t->head);
	free(t->qemu);
	free(t->row);
	*t = (struct table){0};
}

static int broken(const struct source *s, const char *what, struct error *err)
{
	return error_set(err, -EINVAL, s->path, 0, "%s; `cpushim compile` writes the table anew",
			 what);
}

/* @len bytes at @offset, with a NUL behind them; -EINVAL: there aren't as many. */
static int read_at(const struct source *s, size_t offset, size_t len, char **data,
		   struct error *err)
{
	_cleanup_free_ char *buf = len < TABLE_LIMIT ? malloc(len + 1) : NULL;
	size_t have = 0;

	if (!buf)
		return len < TABLE_LIMIT ? error_set(err, -ENOMEM, s->path, 0, "out of memory")
					 : broken(s, "is damaged: a part is too large", err);
	while (have < len) {
		ssize_t n = pread(s->fd, buf + have, len - have, (off_t)(offset + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, -errno, s->path, 0, "%s", strerror(errno));
		if (n == 0)
			return broken(s, "is damaged: it is cut off", err);
		have += (size_t)n;
	}
	buf[len] = '\0';
	*data = steal_pointer(&buf);
	return 0;
}

/* ---- lines ---- */

/* Cuts off the line at *@pos and steps over it. NULL: the end, or a line without a newline. */
static char *next_line(char **pos)
{
	char *line = *pos, *newline = strchr(line, '\n');

	if (!newline)
		return NULL;
	*newline = '\0';
	*pos = newline + 1;
	return line;
}

static const struct table_field *field_named(const struct table_field *fields, const char *name,
					     size_t len)
{
	for (const struct table_field *f = fields; f->name; f++)
		if (strncmp(f->name, name, len) == 0 && !f->name[len])
			return f;
	return NULL;
}

/* Splits a line NAME=VALUE<TAB>... in place; false if it isn't one. */
static bool parse_line(void *to, const struct table_field *fields, char *line)
{
	char *field;

	for (const struct table_field *f = fields; f->name; f++)
		*table_field_of(to, f) = "";
	while ((field = strsep(&line, "\t"))) {
		char *value = strchr(field, '=');
		const struct table_field *f =
			value ? field_named(fields, field, (size_t)(value - field)) : NULL;

		if (!value)
			return false;
		if (f)
			*table_field_of(to, f) = value + 1;
	}
	return true;
}

static bool parse_hex(const char *text, uint64_t *value)
{
	return number_parse(text, 8, 16, UINT32_MAX, value) == 0;
}

/* ---- the head ---- */

/* Reads the head's length and CRC from the first line. */
static int read_first_line(const struct source *s, size_t *len, uint32_t *crc, struct error *err)
{
	_cleanup_free_ char *line = NULL;
	char again[TABLE_FIRST_LEN + 1];
	const char *pos;
	uint64_t length, sum;
	int r = read_at(s, 0, TABLE_FIRST_LEN, &line, err);

	if (r < 0 && r != -EINVAL)
		return r;
	if (r < 0 || strncmp(line, TABLE_MAGIC, strlen(TABLE_MAGIC)) != 0)
		return broken(s, "isn't a table of this version of cpushim", err);
	pos = line + strlen(TABLE_MAGIC);
	if (!parse_hex(pos + strlen("head="), &length) ||
	    !parse_hex(pos + strlen("head=00000000 crc="), &sum))
		return broken(s, "is damaged: its first line is another", err);
	*len = (size_t)length;
	*crc = (uint32_t)sum;
	(void)snprintf(again, sizeof(again), TABLE_FIRST, *len, *crc);
	return strcmp(again, line) == 0 ? 0
					: broken(s, "is damaged: its first line is another", err);
}

static int add_qemu(struct table *t, char *line)
{
	struct table_qemu *grown = reallocarray(t->qemu, t->n_qemus + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	t->qemu = grown;
	return parse_line(&grown[t->n_qemus++], table_qemu_fields, line) ? 0 : -EINVAL;
}

static bool begins(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

/* The lines in front of the index; *@index: where that begins. */
static int parse_head(struct table *t, char **index)
{
	char *pos = t->head, *line;
	int r = 0;

	t->release = "";
	while (r == 0 && (line = next_line(&pos))) {
		if (begins(line, TABLE_MODELS)) {
			*index = pos;
			return 0;
		}
		if (begins(line, TABLE_RELEASE))
			t->release = line + strlen(TABLE_RELEASE);
		else if (begins(line, "qemu="))
			r = add_qemu(t, line);
	}
	return r < 0 ? r : -EINVAL;
}

/* @end: where the rows begin, in bytes from the beginning of the file */
static int read_head(struct table *t, const struct source *s, char **index, size_t *end,
		     struct error *err)
{
	size_t len = 0;
	uint32_t crc = 0;
	int r = read_first_line(s, &len, &crc, err);

	if (r == 0)
		r = read_at(s, TABLE_FIRST_LEN, len, &t->head, err);
	if (r < 0)
		return r;
	if (crc32_of(t->head, len) != crc || memchr(t->head, '\0', len))
		return broken(s, "is damaged: the checksum of its index is another", err);
	*end = TABLE_FIRST_LEN + len;
	r = parse_head(t, index);
	if (r == -ENOMEM)
		return error_set(err, r, s->path, 0, "out of memory");
	return r < 0 ? broken(s, "has no index", err) : 0;
}

/* ---- the index ---- */

/* Reads the entry at *@pos and steps over it; false at the end, or where there is none. */
static bool next_entry(const char **pos, struct entry *e)
{
	const char *name = *pos, *offset = strchr(name, '\t');
	const char *size = offset ? strchr(offset + 1, '\t') : NULL;
	const char *end = size ? strchr(size + 1, '\n') : NULL;
	uint64_t from, length;

	if (!end ||
	    number_parse(offset + 1, (size_t)(size - offset - 1), 10, TABLE_LIMIT, &from) < 0 ||
	    number_parse(size + 1, (size_t)(end - size - 1), 10, TABLE_LIMIT, &length) < 0)
		return false;
	*e = (struct entry){name, (size_t)(offset - name), (size_t)from, (size_t)length};
	*pos = end + 1;
	return true;
}

/* The entry of @model. The CRC has shown that the index is as it was written, so a name begins a
 * line. */
static bool find_entry(const char *index, const char *model, size_t len, struct entry *e)
{
	const char *end = index + strlen(index), *at = index;

	if (len == 0 || len > MODEL_NAME_MAX)
		return false;
	for (; (at = memmem(at, (size_t)(end - at), model, len)); at += len)
		if ((at == index || at[-1] == '\n') && at[len] == '\t')
			return next_entry(&at, e) && e->len == len;
	return false;
}

/* ---- rows ---- */

/* Takes over @text, which strings of @t point into. */
static int own(struct table *t, char *text)
{
	char **grown = text ? reallocarray(t->text, t->n_texts + 1, sizeof(*grown)) : NULL;

	if (!grown) {
		free(text);
		return -ENOMEM;
	}
	t->text = grown;
	grown[t->n_texts++] = text;
	return 0;
}

static struct table_row *add_row(struct table *t)
{
	struct table_row *grown = reallocarray(t->row, t->n + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	t->row = grown;
	return &grown[t->n++];
}

/* Does a line begin with the checksum of what is behind its first TAB? */
static bool is_whole(const char *line)
{
	const size_t len = strlen(TABLE_ROW_CRC "00000000\t");
	char wanted[sizeof(TABLE_ROW_CRC "00000000\t")];
	size_t have = strlen(line);

	if (have <= len)
		return false;
	(void)snprintf(wanted, sizeof(wanted), TABLE_ROW_CRC "%08x\t",
		       crc32_of(line + len, have - len));
	return begins(line, wanted);
}

/* Parses a row's line: undamaged, of that model, and with the fields that every row needs. */
static bool parse_row(struct table_row *row, char *line, const struct entry *e)
{
	/* only a refused row has no expansion, and it says why */
	return is_whole(line) && parse_line(row, table_row_fields, line) &&
	       strlen(row->model) == e->len && memcmp(row->model, e->name, e->len) == 0 &&
	       *row->emulator && (*row->cpu || *row->refused);
}

/* Adds a row in the place of damaged ones. It refuses everyone who asks for the model. */
static int add_damaged(struct table *t, const struct entry *e)
{
	struct table_row *row = own(t, strndup(e->name, e->len)) < 0 ? NULL : add_row(t);

	if (!row)
		return -ENOMEM;
	table_fields_empty(row, table_row_fields);
	row->model = t->text[t->n_texts - 1];
	row->origin = TABLE_PATH;
	row->refused = ROW_DAMAGED;
	return 0;
}

/* Adds a model's rows, a line of @text each; the good ones first. */
static int add_lines(struct table *t, char *text, const struct entry *e)
{
	bool damaged = strlen(text) != e->size || !e->size;
	char *line;

	while ((line = next_line(&text))) {
		struct table_row row;

		if (!parse_row(&row, line, e)) {
			damaged = true;
			continue;
		}
		if (!add_row(t))
			return -ENOMEM;
		t->row[t->n - 1] = row;
	}
	return damaged || *text ? add_damaged(t, e) : 0;
}

static int add_model(struct table *t, const struct source *s, size_t rows, const struct entry *e,
		     struct error *err)
{
	char *text = NULL;
	int r = read_at(s, rows + e->offset, e->size, &text, err);

	if (r == -EINVAL)
		r = add_damaged(t, e); /* the file ends before them */
	else if (r == 0)
		r = own(t, text);
	if (r == 0 && text)
		r = add_lines(t, text, e);
	return r == -ENOMEM ? error_set(err, r, s->path, 0, "out of memory") : r;
}

/* ---- loading ---- */

static int add_all(struct table *t, const struct source *s, const char *index, size_t rows,
		   struct error *err)
{
	struct entry e;
	int r = 0;

	while (r == 0 && next_entry(&index, &e))
		r = add_model(t, s, rows, &e, err);
	return r == 0 && *index ? broken(s, "is damaged: its index isn't one", err) : r;
}

/* Opens the table and reads its head. @index receives the index's text, @rows where the rows
 * begin. */
static int open_table(struct table *t, struct source *s, char **index, size_t *rows,
		      struct error *err)
{
	int r;

	*t = (struct table){0};
	r = file_open(s->path, TRUST_OWNER, &s->fd, err);
	return r < 0 ? r : read_head(t, s, index, rows, err);
}

static int close_table(struct table *t, struct source *s, int r)
{
	cleanup_closep(&s->fd);
	if (r < 0)
		table_free(t);
	return r;
}

int table_load(struct table *t, const char *path, struct error *err)
{
	struct source s = {.path = path, .fd = -1};
	char *index = NULL;
	size_t rows = 0;
	int r = open_table(t, &s, &index, &rows, err);

	if (r == 0)
		r = add_all(t, &s, index, rows, err);
	return close_table(t, &s, r);
}

int table_load_model(struct table *t, const char *path, const char *model, size_t len,
		     struct error *err)
{
	struct source s = {.path = path, .fd = -1};
	char *index = NULL;
	size_t rows = 0;
	struct entry e;
	int r = open_table(t, &s, &index, &rows, err);

	if (r == 0 && model && find_entry(index, model, len, &e))
		r = add_model(t, &s, rows, &e, err);
	return close_table(t, &s, r);
}

/* ---- finding ---- */

/* Both are absolute paths, so a match begins at a directory. */
bool table_row_is_at(const struct table_row *row, const char *emulator)
{
	return string_ends_in(emulator, row->emulator);
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

const struct table_qemu *table_qemu_of(const struct table *t, const char *emulator)
{
	for (size_t i = 0; i < t->n_qemus; i++)
		if (string_ends_in(emulator, t->qemu[i].emulator))
			return &t->qemu[i];
	return NULL;
}

bool table_has_emulator(const struct table *t, const char *emulator)
{
	return table_qemu_of(t, emulator);
}
