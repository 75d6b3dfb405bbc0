/* SPDX-License-Identifier: Apache-2.0 */
#include "mapsingle.h"

#include <ctype.h>
#include <errno.h>

#include "mapinclude.h"

#define INDENT "    "

static const char begin[] = "<!-- " MAPINCLUDE_FIRST;
static const char end[] = "<!-- " MAPSINGLE_END " -->\n";

bool mapsingle_has_block(const char *text)
{
	return strstr(text, begin) != NULL;
}

static const char *line_start(const char *text, const char *at)
{
	while (at > text && at[-1] != '\n')
		at--;
	return at;
}

/* @text without our block, in @out. False if the block has no end. */
static bool without_block(struct text *out, const char *text)
{
	const char *from = strstr(text, begin), *to = from ? strstr(from, end) : NULL;

	if (!from) {
		text_adds(out, text);
		return true;
	}
	if (!to)
		return false;
	text_add(out, text, (size_t)(line_start(text, from) - text));
	text_adds(out, to + strlen(end));
	return true;
}

/* The next @tag that isn't in a comment; NULL: there is none. */
static const char *find_tag(const char *at, const char *tag)
{
	while (at && *at) {
		if (strncmp(at, "<!--", 4) == 0) {
			at = strstr(at, "-->");
			at = at ? at + 3 : NULL;
		} else if (strncmp(at, tag, strlen(tag)) == 0) {
			return at;
		} else {
			at++;
		}
	}
	return NULL;
}

/* The line that ends x86, before which our block goes. NULL: there is no such line. */
static const char *end_of_x86(const char *text)
{
	const char *arch = text, *close, *line;

	while ((arch = find_tag(arch, "<arch "))) {
		const char *tag_end = strchr(arch, '>');
		const char *name = strstr(arch, "name=");

		if (name && tag_end && name < tag_end &&
		    (strncmp(name + 5, "'x86'", 5) == 0 || strncmp(name + 5, "\"x86\"", 5) == 0))
			break;
		arch++;
	}
	close = arch ? find_tag(arch, "</arch>") : NULL;
	if (!close)
		return NULL;
	line = line_start(text, close);
	for (const char *c = line; c < close; c++)
		if (!isspace((unsigned char)*c))
			return NULL;
	return line > text ? line : NULL;
}

/* Adds the include's lines without its root element. */
static void add_block(struct text *out, const char *include)
{
	while (*include) {
		size_t len = strcspn(include, "\n");

		if (strncmp(include, "<cpus>", 6) != 0 && strncmp(include, "</cpus>", 7) != 0) {
			text_adds(out, INDENT);
			text_add(out, include, len);
			text_adds(out, "\n");
		}
		include += len + (include[len] == '\n');
	}
	text_adds(out, INDENT);
	text_adds(out, end);
}

int mapsingle_merge(struct text *out, const char *map, const char *path, const char *include,
		    struct error *err)
{
	_cleanup_text_ struct text plain = {0};
	const char *at;

	if (!without_block(&plain, map))
		return error_set(err, -EINVAL, path, 0,
				 "has the begin of cpushim's models and not their end; "
				 "reinstall libvirt's package");
	if (plain.failed)
		return error_set(err, -ENOMEM, path, 0, "out of memory");
	if (!include) {
		text_add(out, plain.data, plain.len);
		return out->failed ? error_set(err, -ENOMEM, path, 0, "out of memory") : 0;
	}
	at = end_of_x86(plain.data);
	if (!at)
		return error_set(err, -EINVAL, path, 0,
				 "has no line that ends <arch name='x86'>, so the models have no "
				 "place in it");
	text_add(out, plain.data, (size_t)(at - plain.data));
	add_block(out, include);
	text_adds(out, at);
	return out->failed ? error_set(err, -ENOMEM, path, 0, "out of memory") : 0;
}
