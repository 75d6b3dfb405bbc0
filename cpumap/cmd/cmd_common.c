/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share: their errors, their exit, and finding a model. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/model.h"
#include "cpumap/core/show.h"
#include "cpumap/define/suggest.h"
#include "cmd.h"
#include "terminal.h"

/* More than an expansion has, which is some 3000 characters. */
#define FOREIGN_MAX 8192

int cmd_fail(const struct error *err)
{
	_cleanup_text_ struct text line = {0};

	text_adds(&line, "cpushim: ");
	show(&line, err->where, strlen(err->where), SHOWN_WHOLE);
	text_adds(&line, *err->where ? ": " : "");
	show(&line, err->what, strlen(err->what), SHOWN_WHOLE);
	fprintf(stderr, "%s\n", line.failed ? "cpushim: out of memory" : line.data);
	return EXIT_UNKNOWN;
}

int usage_error(const char *command, const char *fmt, ...)
{
	struct error err = {.code = -EINVAL};
	char what[512] = "";
	va_list ap;

	if (fmt) {
		va_start(ap, fmt);
		error_format(what, sizeof(what), fmt, ap);
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

int cmd_print(const struct text *t, size_t indent, int status)
{
	struct terminal terminal = terminal_ask();
	_cleanup_text_ struct text folded = {0};
	struct error err = {0};

	if (!t->failed)
		terminal_fold(&folded, &terminal, t->len ? t->data : "", 0, indent);
	if (t->failed || folded.failed) {
		error_set(&err, -ENOMEM, NULL, 0, "out of memory");
		return cmd_fail(&err);
	}
	fputs(folded.data, stdout);
	return cmd_flush(status);
}

int cmd_write(const char *file, const struct text *t, struct error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (t->failed)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	if (stat(file, &st) < 0 || S_ISREG(st.st_mode))
		return file_write(file, 0644, t->data, t->len, NULL, err);
	fd = open(file, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	r = fd < 0 ? -errno : fd_write_all(fd, t->data, t->len);
	return r < 0 ? error_set(err, r, file, 0, "can't be written: %s", strerror(-r)) : 0;
}

int cmd_table(struct table *t, struct error *err)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);
	int r = path ? table_load(t, path, err) : error_set(err, -ENOMEM, NULL, 0, "out of memory");

	if (r == -ENOENT)
		return error_set(err, r, path, 0, "there is no table; `cpushim compile` writes it");
	return r;
}

void cmd_no_model(struct error *err, const char *what, const char *name, const struct table *t,
		  const struct model_list *others)
{
	struct suggestion nearest = {.name = name};

	for (size_t i = 0; i < t->n; i++)
		suggest_try(&nearest, t->row[i].model, t->row[i].model);
	for (size_t i = 0; others && i < others->n; i++)
		suggest_try(&nearest, others->item[i].name, others->item[i].name);
	error_set(err, -ENOENT, NULL, 0, "%s; %s%s%s`cpushim list` names %s", what,
		  nearest.found ? "did you mean " : "", nearest.found ? nearest.found : "",
		  nearest.found ? "? " : "", others ? "the site's" : "them");
}

const struct table_row *cmd_row(const struct table *t, const char *model, size_t len,
				const char *emulator, struct error *err)
{
	const struct table_row *row = table_find(t, model, len, emulator);
	_cleanup_free_ char *name = row ? NULL : strndup(model, len), *what = NULL;
	char shown[2 * MODEL_NAME_MAX];

	if (row)
		return row;
	(void)text_escape(shown, sizeof(shown), model, len);
	if (!name || asprintf(&what, "there is no model '%s'%s%s", shown, emulator ? " for " : "",
			      emulator ? emulator : "") < 0)
		error_set(err, -ENOMEM, NULL, 0, "out of memory");
	else if (table_find(t, model, len, NULL))
		error_set(err, -ENOENT, NULL, 0, "%s; `cpushim list` names those that have it",
			  what);
	else
		cmd_no_model(err, what, name, t, NULL);
	return NULL;
}

int cmd_json(json_t *answer)
{
	struct error err = {0};
	_cleanup_free_ char *json =
		answer ? json_dumps(answer, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
	_cleanup_text_ struct text shown = {0};

	json_decref(answer);
	if (json)
		show_json(&shown, json, strlen(json));
	if (!json || shown.failed) {
		error_set(&err, -ENOMEM, NULL, 0, "can't print JSON");
		return cmd_fail(&err);
	}
	puts(shown.data);
	return cmd_flush(EXIT_YES);
}

json_t *cmd_foreign(const char *s)
{
	_cleanup_text_ struct text t = {0};
	size_t len = s ? strlen(s) : 0, size;

	if (!s)
		return json_null();
	text_adds(&t, "");
	for (size_t i = 0; i < len && t.len < FOREIGN_MAX; i += size) {
		if (utf8_next(s + i, len - i, &size) == UTF8_NONE)
			text_addf(&t, "\\x%02x", (unsigned char)s[i]);
		else
			text_add(&t, s + i, size);
	}
	if (t.len >= FOREIGN_MAX)
		text_adds(&t, "...");
	return t.failed ? NULL : json_string(t.data);
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
