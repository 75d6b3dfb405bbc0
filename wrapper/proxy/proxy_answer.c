/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy_answer.h"

#include <errno.h>
#include <jansson.h>

#include "cpumap/core/table.h"
#include "cpumap/qemu/qemu.h"

#define QUESTIONS_MS                                                                               \
	9000 /* below the proxy's limit, so that the child isn't killed while it works */

/* The definition's features that QEMU lacks here, by QEMU's names. */
static json_t *unavailable(const struct table_row *row, const struct featset *provides)
{
	struct featset lacks;
	json_t *names;

	if (featset_parse(&lacks, row->features, strlen(row->features), ',', NULL) < 0)
		return NULL;
	featset_subtract(&lacks, provides);
	names = json_array();
	for (size_t i = 0; i < n_features; i++)
		if (featset_has(&lacks, i) && features[i].qemu &&
		    json_array_append_new(names, json_string(features[i].qemu)) < 0) {
			json_decref(names);
			return NULL;
		}
	return names;
}

/* What QEMU puts behind a model's name: "-x86_64-cpu", "-i386-cpu". */
static const char *type_suffix(json_t *models)
{
	json_t *first = json_array_get(models, 0);
	const char *name = json_string_value(json_object_get(first, "name"));
	const char *type = json_string_value(json_object_get(first, "typename"));
	size_t len = name ? strlen(name) : 0;

	return type && len && strncmp(type, name, len) == 0 ? type + len : "-x86_64-cpu";
}

static json_t *entry_of(const struct table_row *row, const char *suffix,
			const struct featset *provides)
{
	char type[MODEL_NAME_MAX + 32];

	(void)snprintf(type, sizeof(type), "%s%s", row->model, suffix);
	return json_pack("{s:s, s:s, s:o, s:b, s:b, s:b}", "name", row->model, "typename", type,
			 "unavailable-features", unavailable(row, provides), "static", 0,
			 "migration-safe", 1, "deprecated", 0);
}

static bool has_model(json_t *models, const char *name)
{
	json_t *entry;
	size_t i;

	json_array_foreach(models, i, entry)
	{
		const char *known = json_string_value(json_object_get(entry, "name"));

		if (known && strcmp(known, name) == 0)
			return true;
	}
	return false;
}

static int add_models(json_t *models, const struct table *t, const char *emulator,
		      const struct featset *provides)
{
	for (size_t i = 0; i < t->n; i++)
		if (!*t->row[i].refused && table_row_is_at(&t->row[i], emulator) &&
		    !has_model(models, t->row[i].model) &&
		    json_array_append_new(models,
					  entry_of(&t->row[i], type_suffix(models), provides)) < 0)
			return -ENOMEM;
	return 0;
}

static int ask(int questions, struct featset *provides)
{
	_cleanup_qmp_ struct qmp m = QMP_NONE;
	int r = qmp_attach(&m, questions, "QEMU", QUESTIONS_MS, NULL);

	return r < 0 ? r : qemu_provides(&m, provides, NULL);
}

static bool is_query(json_t *request)
{
	const char *command = json_string_value(json_object_get(request, "execute"));

	return command && strcmp(command, "query-cpu-definitions") == 0;
}

/* Are these CPU definitions, by their form? A caller without ids may wait for other answers,
 * too. */
static bool are_definitions(json_t *models)
{
	json_t *first = json_array_get(models, 0);

	return json_object_get(first, "name") && json_object_get(first, "typename");
}

/* Returns 0; -EAGAIN: another command's answer; another error: there is nothing to add to. */
static int judge(json_t *request, json_t *answer)
{
	json_t *asked = json_object_get(request, "id"), *answered = json_object_get(answer, "id");

	if (!is_query(request))
		return -EINVAL;
	if ((asked || answered) && !json_equal(asked, answered))
		return -EAGAIN;
	if (json_object_get(answer, "error"))
		return -EREMOTEIO;
	return are_definitions(json_object_get(answer, "return")) ? 0 : -EAGAIN;
}

static int complete(json_t *answer, const char *table, const char *emulator, int questions)
{
	_cleanup_table_ struct table t = {0};
	struct featset provides;
	int r = table_load(&t, table, NULL);

	if (r == 0)
		r = ask(questions, &provides);
	return r < 0 ? r : add_models(json_object_get(answer, "return"), &t, emulator, &provides);
}

/* Answers with what was answered before: QEMU's models don't change. */
static int repeat(json_t *answer, const char *earlier)
{
	json_t *said = json_loads(earlier, 0, NULL);
	int r = json_object_set(answer, "return", json_object_get(said, "return"));

	json_decref(said);
	return r < 0 ? -EPROTO : 0;
}

static int print_line(struct text *out, json_t *answer)
{
	_cleanup_free_ char *line = json_dumps(answer, 0);

	text_adds(out, line ? line : "");
	text_adds(out, "\r\n");
	return line && !out->failed ? 0 : -ENOMEM;
}

int proxy_answer(struct text *out, const char *request, const char *answer, const char *earlier,
		 const char *table, const char *emulator, int questions)
{
	json_t *asked = json_loads(request, 0, NULL), *answered = json_loads(answer, 0, NULL);
	int r = judge(asked, answered);

	if (r == 0)
		r = earlier ? repeat(answered, earlier)
			    : complete(answered, table, emulator, questions);
	if (r == 0)
		r = print_line(out, answered);
	json_decref(asked);
	json_decref(answered);
	return r;
}
