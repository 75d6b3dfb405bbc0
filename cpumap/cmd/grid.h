/* SPDX-License-Identifier: Apache-2.0 */
/* A table for people: columns as wide as what they hold, and narrower on a terminal that is. */
#ifndef CPUSHIM_GRID_H
#define CPUSHIM_GRID_H

#include "terminal.h"

#define GRID_COLUMNS_MAX 8

/* What becomes of text that is too wide for a terminal. */
enum grid_fit {
	GRID_WHOLE,  /* it stays: short by itself */
	GRID_NUMBER, /* likewise, at the right */
	GRID_CUT,    /* its end goes: NAME~ */
	GRID_PATH,   /* its beginning goes, by whole directories: .../DIRECTORY/FILE */
	GRID_FOLD,  /* the last column alone: it goes on in lines below, as it does in GRID_BELOW */
	GRID_BELOW, /* the last column alone: it stands below its row, where it doesn't fit behind */
};

struct grid_column {
	const char *title; /* NULL in the first column: there is no line of titles */
	enum grid_fit fit;
	size_t least; /* columns that are never cut; 0: a few */
};

struct grid_cell {
	char *text; /* made fit for a terminal */
	size_t columns;
	enum colour colour;
};

/* Initialise with the columns. */
struct grid {
	const struct grid_column *column;
	size_t n_columns;
	struct grid_cell *cell; /* row by row */
	size_t n_cells, room;
	bool failed; /* out of memory */
};

/* grid_add: the next cell; @text is foreign: it is escaped (cpumap/core/show.h) and copied. */
void grid_add(struct grid *g, const char *text, enum colour colour);

/* grid_addf: the next cell, without a colour. */
void grid_addf(struct grid *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* grid_print: the table, nothing without rows. Its last row has to be whole. */
void grid_print(struct text *out, const struct grid *g, const struct terminal *t);

void grid_free(struct grid *g);
#define _cleanup_grid_ __attribute__((cleanup(grid_free)))

#endif
