/* SPDX-License-Identifier: Apache-2.0 */
/* What standard output is: a terminal that people read, with a width and colours, or a file or a
 * pipe that programs read, where nothing is cut, folded or coloured. */
#ifndef CPUSHIM_TERMINAL_H
#define CPUSHIM_TERMINAL_H

#include "cpumap/core/util.h"

#define TERMINAL_UNLIMITED SIZE_MAX

enum colour { COLOUR_NONE, COLOUR_YES, COLOUR_LACKS, COLOUR_NO };

struct terminal {
	bool colours;
	size_t width; /* columns; TERMINAL_UNLIMITED where it is no terminal */
};

/**
 * terminal_ask: what standard output is now. The width is the kernel's, or $COLUMNS where the kernel
 * knows none, and 80 columns at most. Colours are for terminals, unless NO_COLOR is set and not empty
 * (no-color.org) or TERM is dumb.
 */
struct terminal terminal_ask(void);

/* terminal_is: is it one? */
static inline bool terminal_is(const struct terminal *t)
{
	return t->width != TERMINAL_UNLIMITED;
}

/* terminal_colour: the sequence that switches to @colour; COLOUR_NONE: back. "" without colours. */
const char *terminal_colour(const struct terminal *t, enum colour colour);

/**
 * terminal_fit: how many bytes of @text fit into @max columns. The text has been made fit for a
 * terminal (cpumap/core/show.h).
 * @used: if not NULL, receives how many columns they have
 */
size_t terminal_fit(const char *text, size_t max, size_t *used);

/**
 * terminal_fold: add @text. A line that is wider than the terminal is folded at blanks, or behind a
 * comma in a word that is wider by itself, or anywhere in one without.
 * @first: columns that are taken already on the first line
 * @indent: blanks in front of each line that folding made
 */
void terminal_fold(struct text *out, const struct terminal *t, const char *text, size_t first,
		   size_t indent);

#endif
