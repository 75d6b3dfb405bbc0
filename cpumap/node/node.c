/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

#include <sys/stat.h>

void node_free(struct node *n)
{
	strv_free(&n->chosen);
	strv_free(&n->emulators);
	strv_free(&n->told);
	receipt_free(&n->receipt);
}

static void __attribute__((format(printf, 2, 0)))
tell(void (*how)(const char *line), const char *fmt, va_list ap)
{
	_cleanup_free_ char *line = NULL;

	if (vasprintf(&line, fmt, ap) < 0)
		line = NULL;
	how(line ? line : "out of memory");
}

void node_say(struct node *n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(n->say, fmt, ap);
	va_end(ap);
}

void node_warn(struct node *n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(n->warn, fmt, ap);
	va_end(ap);
}

void node_fall_short(struct node *n, const char *fmt, ...)
{
	va_list ap;

	n->falls_short = true;
	va_start(ap, fmt);
	tell(n->warn, fmt, ap);
	va_end(ap);
}

bool node_is_live(void)
{
	return !root_is_another();
}

bool node_has(const char *path)
{
	_cleanup_free_ char *here = root_path(path);
	struct stat st;

	return here && lstat(here, &st) == 0;
}
