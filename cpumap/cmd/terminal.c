/* SPDX-License-Identifier: Apache-2.0 */
#include "terminal.h"

#include <sys/ioctl.h>
#include <wchar.h>

#define WIDTH_USUAL 80
#define WIDTH_LEAST 20 /* of what is folded: less can't be read */

static size_t ask_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size = {0};
	uint64_t n = 0;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		n = size.ws_col;
	else if (!columns || number_parse(columns, strlen(columns), 10, WIDTH_USUAL, &n) < 0)
		n = WIDTH_USUAL;
	return n == 0 || n > WIDTH_USUAL ? WIDTH_USUAL : (size_t)n;
}

static bool ask_colours(void)
{
	const char *forbidden = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(forbidden && *forbidden) && !(term && strcmp(term, "dumb") == 0);
}

struct terminal terminal_ask(void)
{
	if (!isatty(STDOUT_FILENO))
		return (struct terminal){.width = TERMINAL_UNLIMITED};
	return (struct terminal){.width = ask_width(), .colours = ask_colours()};
}

const char *terminal_colour(const struct terminal *t, enum colour colour)
{
	static const char *const sequences[] = {
		[COLOUR_NONE] = "\033[0m",
		[COLOUR_YES] = "\033[32m",
		[COLOUR_LACKS] = "\033[33m",
		[COLOUR_NO] = "\033[31m",
	};

	return t->colours ? sequences[colour] : "";
}

/* A character's bytes and columns; what isn't one has a column for each byte. */
static size_t character(const char *text, size_t len, size_t *columns)
{
	mbstate_t state = {0};
	wchar_t c;
	size_t size = mbrtowc(&c, text, len, &state);
	int width = size == 0 || size > len ? -1 : wcwidth(c);

	*columns = width < 0 ? 1 : (size_t)width;
	return width < 0 ? 1 : size;
}

static size_t fit(const char *text, size_t len, size_t max, size_t *used)
{
	size_t at = 0, columns = 0, size;

	*used = 0;
	while (at < len) {
		size = character(text + at, len - at, &columns);
		if (*used + columns > max)
			break;
		*used += columns;
		at += size;
	}
	return at;
}

size_t terminal_fit(const char *text, size_t max, size_t *used)
{
	size_t columns;

	return fit(text, strlen(text), max, used ? used : &columns);
}

/* Where a line of @len bytes, of which @fitting fit, is broken best. */
static size_t break_at(const char *line, size_t fitting)
{
	for (size_t i = fitting; i > 0; i--)
		if (line[i] == ' ')
			return i;
	for (size_t i = fitting; i > 0; i--)
		if (line[i - 1] == ',')
			return i;
	return fitting;
}

static void fold_line(struct text *out, const char *line, size_t len, size_t width, size_t first,
		      size_t indent)
{
	size_t room = width > first + WIDTH_LEAST ? width - first : WIDTH_LEAST, used;
	size_t fitting = fit(line, len, room, &used);

	while (fitting > 0 && fitting < len) {
		size_t n = break_at(line, fitting);

		text_add(out, line, n);
		text_addf(out, "\n%*s", (int)indent, "");
		while (n < len && line[n] == ' ')
			n++;
		line += n;
		len -= n;
		room = width > indent + WIDTH_LEAST ? width - indent : WIDTH_LEAST;
		fitting = fit(line, len, room, &used);
	}
	text_add(out, line, len);
}

void terminal_fold(struct text *out, const struct terminal *t, const char *text, size_t first,
		   size_t indent)
{
	text_adds(out, "");
	if (!terminal_is(t)) {
		text_adds(out, text);
		return;
	}
	while (*text) {
		size_t len = strcspn(text, "\n");

		fold_line(out, text, len, t->width, first, indent);
		text += len;
		if (*text) {
			text_adds(out, "\n");
			text++;
		}
		first = 0;
	}
}
