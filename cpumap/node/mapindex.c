/* SPDX-License-Identifier: Apache-2.0 */
#include "mapindex.h"

#include <errno.h>

#include "cpumap/core/paths.h"

#define FEATURES "x86_features.xml"
#define ELEMENT  "<include filename='" LIBVIRTMAP_OURS "'/>"
#define LINE     "    " ELEMENT "\n"
#define LEFT_OUT "<!-- cpushim: this disk was full" /* instead of our element */
#define BLANKS   " \t\r\n"

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Behind the element <include filename='@file'/> that begins at @s, however it is written, or NULL. */
static const char *include_end(const char *s, const char *file)
{
	static const char closing[] = "</include>";
	const char *end = strchr(s, '>'), *name;

	if (!starts(s, "<include") || !end)
		return NULL;
	name = memmem(s, (size_t)(end - s), file, strlen(file));
	if (!name || !strchr("'\"", name[-1]) || !strchr("'\"", name[strlen(file)]))
		return NULL;
	if (end[-1] == '/')
		return end + 1;
	end += 1 + strspn(end + 1, BLANKS);
	return starts(end, closing) ? end + strlen(closing) : NULL;
}

/* The next include of @file, or NULL; *@end: behind it. With @left_out that comment counts, too. */
static const char *find(const char *text, const char *file, bool left_out, const char **end)
{
	for (; (text = strchr(text, '<')); text++) {
		const char *past = starts(text, "<!--") ? strstr(text, "-->") : NULL;

		if (past && left_out && starts(text, LEFT_OUT)) {
			*end = past + strlen("-->");
			return text;
		}
		if (past) {
			text = past;
			continue;
		}
		*end = include_end(text, file);
		if (*end)
			return text;
	}
	return NULL;
}

size_t index_names(const char *text)
{
	size_t n = 0;

	while (find(text, LIBVIRTMAP_OURS, false, &text))
		n++;
	return n;
}

bool index_has_ours(const char *text)
{
	const char *end;

	return find(text, LIBVIRTMAP_OURS, true, &end) != NULL;
}

/* The last line of @out, which begins at @line, goes if it is blank. */
static void drop_blank(struct text *out, size_t line)
{
	if (out->failed || line + strspn(out->data + line, BLANKS) != out->len)
		return;
	out->len = line;
	out->data[line] = '\0';
}

void index_without_include(struct text *out, const char *text)
{
	const char *end, *ours = find(text, LIBVIRTMAP_OURS, true, &end);
	size_t line = 0;
	bool cut = false; /* from the line that begins there */

	text_adds(out, "");
	while (*text) {
		if (text == ours) {
			text = end;
			ours = find(text, LIBVIRTMAP_OURS, true, &end);
			cut = true;
			continue;
		}
		text_add(out, text, 1);
		if (*text++ != '\n')
			continue;
		if (cut)
			drop_blank(out, line);
		line = out->len;
		cut = false;
	}
	if (cut)
		drop_blank(out, line);
}

int index_with_include(struct text *out, const char *text, struct error *err)
{
	_cleanup_text_ struct text without = {0};
	const char *end, *rest;

	index_without_include(&without, text);
	if (without.failed)
		return error_set(err, -ENOMEM, LIBVIRTMAP_DIR, 0, "out of memory");
	if (!find(without.data, FEATURES, false, &end))
		return error_set(err, -EINVAL, LIBVIRTMAP_DIR "/index.xml", 0,
				 "names no " FEATURES ", so the models have no place in it");
	rest = end + strspn(end, " \t\r");
	if (*rest == '\n')
		end = rest + 1;
	text_add(out, without.data, (size_t)(end - without.data));
	text_adds(out, *rest == '\n' ? LINE : ELEMENT);
	text_adds(out, end);
	return out->failed ? error_set(err, -ENOMEM, LIBVIRTMAP_DIR, 0, "out of memory") : 0;
}

int index_comment_out(char *text)
{
	static const char closing[] = "-->";
	const char *found, *end = text;
	int n = 0;

	while ((found = find(end, LIBVIRTMAP_OURS, false, &end))) {
		char *begin = text + (found - text);
		size_t len = (size_t)(end - found);

		if (len < strlen(LEFT_OUT) + strlen(closing))
			return -EINVAL;
		(void)memset(begin, ' ', len);
		(void)memcpy(begin, LEFT_OUT, strlen(LEFT_OUT));
		(void)memcpy(begin + len - strlen(closing), closing, strlen(closing));
		n++;
	}
	return n;
}
