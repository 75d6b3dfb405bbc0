/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <ctype.h>
#include <errno.h>

#include "table.h"
#include "util.h"

void model_free(struct model *m)
{
	free(m->name);
	free(m->origin);
	free(m->base);
	*m = (struct model){.id = IDENTITY_NONE};
}

void model_list_free(struct model_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		model_free(&l->item[i]);
	free(l->item);
	*l = (struct model_list){0};
}

struct model *model_named(const struct model_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->item[i].name, name) == 0)
			return &l->item[i];
	return NULL;
}

/* Returns -1 if the row doesn't say. */
static int row_number(const char *text, uint64_t max)
{
	uint64_t n;

	return number_parse(text, strlen(text), 10, max, &n) == 0 ? (int)n : -1;
}

int model_of_row(struct model *m, const struct table_row *row, struct error *err)
{
	*m = (struct model){.name = strdup(row->model),
			    .base = strdup(row->base),
			    .id = {.family = row_number(row->family, 0x10e),
				   .model = row_number(row->cpu_model, 0xff),
				   .stepping = row_number(row->stepping, 0xf)}};
	(void)snprintf(m->id.vendor, sizeof(m->id.vendor), "%s", row->vendor);
	if (!m->name || !m->base)
		return error_set(err, -ENOMEM, row->model, 0, "out of memory");
	return featset_parse(&m->features, row->features, strlen(row->features), ',', err);
}

bool model_is_computed(const char *base)
{
	static const char *const computed[] = {"max", "host", "base"};

	for (size_t i = 0; i < ARRAY_SIZE(computed); i++)
		if (strcmp(base, computed[i]) == 0)
			return true;
	return false;
}

bool model_name_valid(const char *name, size_t len)
{
	if (len == 0 || len > MODEL_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];
		bool plain = c < 0x80 && isalnum(c);

		if (!plain && (i == 0 || (c != '.' && c != '_' && c != '-')))
			return false;
	}
	return true;
}
