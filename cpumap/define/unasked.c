/* SPDX-License-Identifier: Apache-2.0 */
#include "unasked.h"

#include <errno.h>

#include "cpumap/core/util.h"

static const struct table_row *row_before(const struct history *before, const char *model,
					  const char *emulator)
{
	return table_find(&before->table, model, strlen(model), emulator);
}

/* Has the name a row with another emulator alone? Then this one's QEMU has a model of that name. */
static bool is_its_own(const struct history *before, const char *model, const char *emulator)
{
	return !row_before(before, model, emulator) && row_before(before, model, NULL);
}

static bool means_the_same(const struct table_row *then, const struct table_row *now)
{
	return then && !*now->refused && strcmp(then->digest, now->digest) == 0;
}

static struct table_row refused_row(const struct table_row *now, const char *emulator,
				    const char *unasked)
{
	struct table_row row = *now;

	row.emulator = emulator;
	row.cpu = "";
	if (!*row.refused)
		row.refused = unasked;
	return row;
}

int unasked_rows(struct compiled *rows, const char *emulator, const struct compiled *c,
		 const struct history *before)
{
	*rows = (struct compiled){0};
	if (!table_qemu_of(&before->table, emulator))
		return 0;
	rows->row = calloc(c->n + before->table.n + 1, sizeof(*rows->row));
	if (!rows->row ||
	    strv_addf(&rows->strings,
		      "the QEMU of %s couldn't be asked when the table was made; `cpushim compile`",
		      emulator) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < c->n; i++) {
		const struct table_row *now = &c->row[i];
		const struct table_row *then = row_before(before, now->model, emulator);

		if (means_the_same(then, now))
			rows->row[rows->n++] = *then;
		else if (!is_its_own(before, now->model, emulator))
			rows->row[rows->n++] = refused_row(now, emulator, rows->strings.item[0]);
	}
	/* names that the others have no row of any more, unless they are to be forgotten */
	for (size_t i = 0; i < before->table.n && !before->force; i++) {
		const struct table_row *then = &before->table.row[i];

		if (!compiled_has(c, then->model) &&
		    then == row_before(before, then->model, emulator))
			rows->row[rows->n++] = refused_row(then, emulator, rows->strings.item[0]);
	}
	return 0;
}
