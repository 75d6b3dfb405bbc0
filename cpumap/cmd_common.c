/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share: their errors, their ends, and finding a model. */
#include <errno.h>
#include <stdarg.h>

#include "cmd.h"

int cmd_fail(const struct error *err)
{
	char line[sizeof(err->where) + 4 * sizeof(err->what)];

	error_line(err, line, sizeof(line));
	fputs(line, stderr);
	return EXIT_UNKNOWN;
}

int usage_error(const char *command, const char *fmt, ...)
{
	struct error err = {.code = -EINVAL};
	char what[512] = "";
	va_list ap;

	if (fmt) {
		va_start(ap, fmt);
		(void)vsnprintf(what, sizeof(what), fmt, ap);
		va_end(ap);
	}
	error_set(&err, -EINVAL, command, 0, "%s%s(cpushim%s%s --help tells the usage)", what,
		  *what ? " " : "", command ? " " : "", command ? command : "");
	return cmd_fail(&err);
}

int cmd_help(const char *text)
{
	fputs(text, stdout);
	return cmd_flush(EXIT_YES);
}

int cmd_flush(int status)
{
	struct error err = {0};

	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	error_set(&err, -errno, "standard output", 0, "%s", strerror(errno));
	return cmd_fail(&err);
}

int cmd_table(struct table *t, struct error *err)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);
	int r = path ? table_load(t, path, err) : error_set(err, -ENOMEM, NULL, 0, "out of memory");

	if (r == -ENOENT)
		return error_set(err, r, path, 0, "there is no table; `cpushim compile` writes it");
	return r;
}

const struct table_row *cmd_row(const struct table *t, const char *model, size_t len,
				const char *emulator, struct error *err)
{
	const struct table_row *row = table_find(t, model, len, emulator);
	char shown[2 * MODEL_NAME_MAX];

	if (!row)
		error_set(err, -ENOENT, NULL, 0,
			  "there is no model '%s'%s%s; `cpushim list` names them",
			  text_escape(shown, sizeof(shown), model, len), emulator ? " for " : "",
			  emulator ? emulator : "");
	return row;
}

int cmd_json(json_t *answer)
{
	struct error err = {0};
	int r = answer ? json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_SORT_KEYS) : -1;

	json_decref(answer);
	if (r < 0) {
		error_set(&err, -ENOMEM, NULL, 0, "can't print JSON");
		return cmd_fail(&err);
	}
	putchar('\n');
	return cmd_flush(EXIT_YES);
}

/* An expansion has some 3000 characters. */
json_t *cmd_foreign(const char *s)
{
	char shown[8192];

	return s ? json_string(text_escape(shown, sizeof(shown), s, strlen(s))) : json_null();
}

json_t *cmd_features_json(const struct featset *set)
{
	json_t *names = json_array();
	_cleanup_text_ struct text t = {0};
	char *rest, *name;

	featset_print(&t, set, ",");
	rest = t.data;
	while (rest && *rest && (name = strsep(&rest, ",")))
		(void)json_array_append_new(names, json_string(name));
	return names;
}
