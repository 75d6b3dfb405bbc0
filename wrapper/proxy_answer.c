/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy_answer.h"

#include <errno.h>
#include <jansson.h>

#include "cpumap/qemu.h"
#include "cpumap/table.h"

#define QUESTIONS_MS                                                                               \
	9000 /* below the proxy's own limit, so that no child is killed in the middle */

/* What the definition has and QEMU lacks here, in QEMU's words. */
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

static json_t *entry_of(const struct table_row *row, const struct featset *provides)
{
	char type[MODEL_NAME_MAX + 32];

	(void)snprintf(type, sizeof(type), "%s-x86_64-cpu", row->model);
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
		    json_array_append_new(models, entry_of(&t->row[i], provides)) < 0)
			return -ENOMEM;
	return 0;
}

static int ask(int questions, struct featset *provides)
{
	_cleanup_qmp_ struct qmp m = QMP_NONE;
	int r = qmp_attach(&m, questions, "QEMU", QUESTIONS_MS, NULL);

	return r < 0 ? r : qemu_provides(&m, provides, NULL);
}

static bool answers(json_t *request, json_t *answer)
{
	json_t *asked = json_object_get(request, "id"), *answered = json_object_get(answer, "id");

	return json_is_array(json_object_get(answer, "return")) &&
	       ((!asked && !answered) || json_equal(asked, answered));
}

int proxy_answer(struct text *out, const char *request, const char *answer, const char *table,
		 const char *emulator, int questions)
{
	_cleanup_table_ struct table t = {0};
	struct featset provides;
	json_t *asked = json_loads(request, 0, NULL), *answered = json_loads(answer, 0, NULL);
	char *line = NULL;
	int r = answers(asked, answered) ? 0 : -EAGAIN;

	if (r == 0)
		r = table_load(&t, table, NULL);
	if (r == 0)
		r = ask(questions, &provides);
	if (r == 0)
		r = add_models(json_object_get(answered, "return"), &t, emulator, &provides);
	if (r == 0) {
		line = json_dumps(answered, 0);
		text_adds(out, line ? line : "");
		text_adds(out, "\r\n");
		r = line && !out->failed ? 0 : -ENOMEM;
	}
	free(line);
	json_decref(asked);
	json_decref(answered);
	return r;
}
