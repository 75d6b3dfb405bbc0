/* SPDX-License-Identifier: Apache-2.0 */
#include "rollover.h"

#include <errno.h>
#include <jansson.h>

static void guests_free(struct rollover_guests *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct rollover_guest *g = &l->item[i];

		free(g->node);
		free(g->domain);
		free(g->uuid);
		free(g->accel);
		free(g->why);
	}
	free(l->item);
}

void rollover_free(struct rollover *r)
{
	guests_free(&r->have);
	guests_free(&r->unclear);
	for (size_t i = 0; i < r->n_others; i++)
		free(r->other[i].name);
	free(r->other);
	strv_free(&r->nodes);
	strv_free(&r->missing);
	*r = (struct rollover){.model = r->model};
}

/* ---- guests ---- */

/* A copy of a string of the guest's object; "" if it has none. */
static char *copy(json_t *guest, const char *key)
{
	const char *s = json_string_value(json_object_get(guest, key));

	return strdup(s ? s : "");
}

static int add(struct rollover_guests *l, json_t *guest, const char *node)
{
	size_t room = l->n < l->room ? l->room : 2 * l->room + 16;
	struct rollover_guest *item = room == l->room ? l->item
						      : reallocarray(l->item, room, sizeof(*item)),
			      *g;

	if (!item)
		return -ENOMEM;
	l->item = item;
	l->room = room;
	g = &item[l->n++];
	*g = (struct rollover_guest){.node = strdup(node),
				     .domain = copy(guest, "domain"),
				     .uuid = copy(guest, "uuid"),
				     .accel = copy(guest, "accel"),
				     .why = copy(guest, "why")};
	return g->node && g->domain && g->uuid && g->accel && g->why ? 0 : -ENOMEM;
}

static int count_other(struct rollover *r, const char *model)
{
	struct rollover_model *grown;

	for (size_t i = 0; i < r->n_others; i++)
		if (strcmp(r->other[i].name, model) == 0) {
			r->other[i].n++;
			return 0;
		}
	grown = reallocarray(r->other, r->n_others + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	r->other = grown;
	grown[r->n_others] = (struct rollover_model){.name = strdup(model), .n = 1};
	return grown[r->n_others++].name ? 0 : -ENOMEM;
}

/* What one guest says. */
static int take(struct rollover *r, json_t *guest, const char *node)
{
	const char *model = json_string_value(json_object_get(guest, "model"));
	const char *runs = json_string_value(json_object_get(guest, "runs"));

	/* a process that anybody may have started: it migrates by no name */
	if (json_is_false(json_object_get(guest, "libvirts")))
		return 0;
	r->n_guests++;
	if (model && strcmp(model, r->model) == 0)
		return add(&r->have, guest, node);
	if (model)
		return count_other(r, model);
	return strcmp(runs, "unknown") == 0 ? add(&r->unclear, guest, node) : 0;
}

/* ---- answers ---- */

static bool is_guest(json_t *guest)
{
	json_t *model = json_object_get(guest, "model");

	return json_is_string(json_object_get(guest, "runs")) && model &&
	       (json_is_string(model) || json_is_null(model));
}

static int bad(const char *name, unsigned int line, const char *what, struct error *err)
{
	return error_set(err, -EINVAL, name, line, "isn't an answer of `cpushim guests --json`: %s",
			 what);
}

static int note_node(struct rollover *r, const char *node)
{
	return strv_add(&r->nodes, node, strlen(node));
}

/* One node's answer. */
static int take_answer(struct rollover *r, json_t *answer, const char *name, const char *node,
		       struct error *err)
{
	json_t *guest;
	size_t i;
	int result = 0;

	if (!json_is_array(answer))
		return bad(name, 0, "a list of guests is expected", err);
	if (json_array_size(answer) == 0)
		result = note_node(r, node);
	json_array_foreach(answer, i, guest)
	{
		const char *own = json_string_value(json_object_get(guest, "node"));

		if (!is_guest(guest))
			return bad(name, 0, "a guest has no model and no runs", err);
		if (result == 0)
			result = note_node(r, own ? own : node);
		if (result == 0)
			result = take(r, guest, own ? own : node);
	}
	return result < 0 ? error_set(err, result, name, 0, "out of memory") : 0;
}

static size_t skip_blank(const char *text, size_t len, size_t at, unsigned int *line)
{
	for (; at < len && strchr(" \t\r\n", text[at]) && text[at]; at++)
		*line += text[at] == '\n';
	return at;
}

int rollover_read(struct rollover *r, const char *name, const char *node, const char *text,
		  size_t len, struct error *err)
{
	unsigned int line = 1;
	size_t at = skip_blank(text, len, 0, &line);

	if (at == len)
		return bad(name, 0, "it is empty", err);
	while (at < len) {
		json_error_t why;
		json_t *answer = json_loadb(text + at, len - at,
					    JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &why);
		int result;

		if (!answer)
			return bad(name, line + (why.line > 0 ? (unsigned int)why.line - 1 : 0),
				   why.text, err);
		result = take_answer(r, answer, name, node, err);
		json_decref(answer);
		if (result < 0)
			return result;
		for (size_t end = at + (size_t)why.position; at < end; at++)
			line += text[at] == '\n';
		at = skip_blank(text, len, at, &line);
	}
	return 0;
}

/* ---- nodes ---- */

int rollover_expect(struct rollover *r, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		const char *from = text, *to = stop ? stop : end;

		text = to + 1;
		while (from < to && strchr(" \t\r", *from))
			from++;
		while (from < to && strchr(" \t\r", to[-1]))
			to--;
		if (from < to && *from != '#' &&
		    strv_add(&r->missing, from, (size_t)(to - from)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int compare_guests(const void *x, const void *y)
{
	const struct rollover_guest *a = x, *b = y;
	int order = strcmp(a->node, b->node);

	if (order == 0)
		order = strcmp(a->domain, b->domain);
	return order ? order : strcmp(a->uuid, b->uuid);
}

static int compare_models(const void *x, const void *y)
{
	return strcmp(((const struct rollover_model *)x)->name,
		      ((const struct rollover_model *)y)->name);
}

static void sort(struct rollover_guests *l)
{
	if (l->n)
		qsort(l->item, l->n, sizeof(*l->item), compare_guests);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_answered(const struct rollover *r, const char *node)
{
	return r->nodes.n &&
	       bsearch(&node, r->nodes.item, r->nodes.n, sizeof(char *), compare_names);
}

int rollover_end(struct rollover *r)
{
	struct strv expected = r->missing;
	int result = 0;

	r->missing = (struct strv){0};
	sort(&r->have);
	sort(&r->unclear);
	if (r->n_others)
		qsort(r->other, r->n_others, sizeof(*r->other), compare_models);
	strv_sort(&r->nodes);
	strv_sort(&expected);
	for (size_t i = 0; i < expected.n && result == 0; i++)
		if (!has_answered(r, expected.item[i]))
			result = strv_add(&r->missing, expected.item[i], strlen(expected.item[i]));
	strv_free(&expected);
	return result;
}
