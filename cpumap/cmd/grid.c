/* SPDX-License-Identifier: Apache-2.0 */
#include "grid.h"

#include "cpumap/core/show.h"

#define GAP         2
#define BELOW       4 /* blanks in front of what stands below its row */
#define WIDTH_LEAST 8 /* of a column that is cut, unless it says so itself */

void grid_add(struct grid *g, const char *text, enum colour colour)
{
	size_t room = g->n_cells < g->room ? g->room : 2 * g->room + 64;
	struct grid_cell *cell =
		room == g->room ? g->cell : reallocarray(g->cell, room, sizeof(*cell));
	struct text shown = {0};

	if (cell) {
		g->cell = cell;
		g->room = room;
	}
	(void)show(&shown, text, strlen(text), SHOWN_WHOLE);
	if (!cell || shown.failed) {
		g->failed = true;
		text_free(&shown);
		return;
	}
	g->cell[g->n_cells] = (struct grid_cell){.text = shown.data, .colour = colour};
	(void)terminal_fit(shown.data, SIZE_MAX, &g->cell[g->n_cells].columns);
	g->n_cells++;
}

void grid_addf(struct grid *g, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text)
		grid_add(g, text, COLOUR_NONE);
	else
		g->failed = true;
}

/* ---- widths ---- */

static bool goes_on(const struct grid *g, size_t column)
{
	return g->column[column].fit == GRID_FOLD || g->column[column].fit == GRID_BELOW;
}

/* As wide as the widest cell; what goes on below needs none. */
static void measure(size_t *width, const struct grid *g)
{
	for (size_t c = 0; c < g->n_columns; c++)
		width[c] = g->column[c].title ? strlen(g->column[c].title) : 0;
	for (size_t i = 0; i < g->n_cells; i++) {
		size_t c = i % g->n_columns;

		if (goes_on(g, c))
			continue;
		if (g->cell[i].columns > width[c])
			width[c] = g->cell[i].columns;
	}
}

static size_t sum(const size_t *width, size_t n)
{
	size_t all = 0;

	for (size_t c = 0; c < n; c++)
		all += width[c] + (c ? GAP : 0);
	return all;
}

static bool may_narrow(const struct grid_column *column, size_t width)
{
	return (column->fit == GRID_CUT || column->fit == GRID_PATH) &&
	       width > (column->least ? column->least : WIDTH_LEAST);
}

/* Takes columns from the widest that may be cut, until all of them fit. */
static void narrow(size_t *width, const struct grid *g, const struct terminal *t)
{
	size_t n = g->n_columns - (goes_on(g, g->n_columns - 1) ? 1 : 0);

	while (sum(width, n) > t->width) {
		size_t widest = n;

		for (size_t c = 0; c < n; c++)
			if (may_narrow(&g->column[c], width[c]) &&
			    (widest == n || width[c] > width[widest]))
				widest = c;
		if (widest == n)
			return;
		width[widest]--;
	}
}

/* ---- printing ---- */

/* The end of a path that fits, from a directory on if one does. */
static const char *path_end(const char *path, size_t columns, size_t max)
{
	const char *slash = path;
	size_t gone;

	while ((slash = strchr(slash + 1, '/'))) {
		(void)terminal_fit(slash, SIZE_MAX, &gone);
		if (gone <= max)
			return slash;
	}
	slash = path + terminal_fit(path, columns - max, &gone);
	/* a character of two columns that was left */
	return gone == columns - max ? slash : path + terminal_fit(path, columns - max + 1, NULL);
}

/* What a cell has in a column of that width, without colours */
static void add_cut(struct text *out, const struct grid_cell *cell, enum grid_fit how, size_t width)
{
	if (cell->columns <= width) {
		text_adds(out, cell->text);
	} else if (how == GRID_PATH) {
		/* ~/ would be somebody's home */
		text_addf(out, "...%s", path_end(cell->text, cell->columns, width - 3));
	} else {
		text_add(out, cell->text, terminal_fit(cell->text, width - 1, NULL));
		text_adds(out, "~");
	}
}

static const char *colour_of(const struct terminal *t, const struct grid_cell *cell)
{
	return cell->colour == COLOUR_NONE ? "" : terminal_colour(t, cell->colour);
}

static const char *colour_end(const struct terminal *t, const struct grid_cell *cell)
{
	return cell->colour == COLOUR_NONE ? "" : terminal_colour(t, COLOUR_NONE);
}

/* The last column, which may go on in lines below; @used: columns that the row has */
static void add_last(struct text *out, const struct terminal *t, const struct grid_cell *cell,
		     enum grid_fit how, size_t used)
{
	if (how == GRID_BELOW && terminal_is(t) && used + cell->columns > t->width) {
		/* the gap stands in front of it */
		out->len -= GAP;
		text_addf(out, "\n%*s", BELOW, "");
		used = BELOW;
	}
	text_adds(out, colour_of(t, cell));
	terminal_fold(out, t, cell->text, used, used);
	text_adds(out, colour_end(t, cell));
}

/* A cell that doesn't end its row has blanks up to the next column. */
static void add_cell(struct text *out, const struct terminal *t, const struct grid_cell *cell,
		     enum grid_fit how, size_t width, bool last)
{
	_cleanup_text_ struct text shown = {0};
	size_t columns, pad;

	add_cut(&shown, cell, how, width);
	if (shown.failed) {
		out->failed = true;
		return;
	}
	(void)terminal_fit(shown.data, SIZE_MAX, &columns);
	pad = columns < width ? width - columns : 0;
	text_addf(out, "%*s%s%s%s", how == GRID_NUMBER ? (int)pad : 0, "", colour_of(t, cell),
		  shown.data, colour_end(t, cell));
	if (!last)
		text_addf(out, "%*s", (int)(GAP + (how == GRID_NUMBER ? 0 : pad)), "");
}

static void print_row(struct text *out, const struct grid *g, const struct terminal *t,
		      const size_t *width, const struct grid_cell *row)
{
	size_t used = 0;

	for (size_t c = 0; c < g->n_columns; c++) {
		if (goes_on(g, c)) {
			add_last(out, t, &row[c], g->column[c].fit, used);
		} else {
			add_cell(out, t, &row[c], g->column[c].fit, width[c],
				 c + 1 == g->n_columns);
			used += width[c] + GAP;
		}
	}
	text_adds(out, "\n");
}

static void print_titles(struct text *out, const struct grid *g, const struct terminal *t,
			 const size_t *width)
{
	struct grid_cell title[GRID_COLUMNS_MAX];
	size_t last = g->n_columns - 1;

	for (size_t c = 0; c < g->n_columns; c++)
		title[c] = (struct grid_cell){.text = (char *)g->column[c].title,
					      .columns = strlen(g->column[c].title)};
	/* what stands below needs no title below */
	if (g->column[last].fit == GRID_BELOW &&
	    sum(width, last) + GAP + title[last].columns > t->width)
		title[last] = (struct grid_cell){.text = (char *)""};
	print_row(out, g, t, width, title);
}

void grid_print(struct text *out, const struct grid *g, const struct terminal *t)
{
	size_t width[GRID_COLUMNS_MAX];

	text_adds(out, "");
	out->failed |= g->failed;
	if (out->failed || g->n_cells == 0)
		return;
	measure(width, g);
	narrow(width, g, t);
	if (g->column[0].title)
		print_titles(out, g, t, width);
	for (size_t i = 0; i + g->n_columns <= g->n_cells; i += g->n_columns)
		print_row(out, g, t, width, &g->cell[i]);
}

void grid_free(struct grid *g)
{
	for (size_t i = 0; i < g->n_cells; i++)
		free(g->cell[i].text);
	free(g->cell);
	*g = (struct grid){0};
}
