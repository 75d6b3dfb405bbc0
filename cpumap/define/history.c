/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <errno.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/util.h"

/* A table that is lost or damaged tells nothing: the published names stay. */
int history_load(struct history *h, struct error *err)
{
	_cleanup_free_ char *published = root_path(PUBLISHED_PATH), *table = root_path(TABLE_PATH);
	int r;

	if (!published || !table)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	r = published_load(&h->published, published, err);
	if (r < 0)
		return r;
	(void)table_load(&h->table, table, NULL);
	if (published_table(&h->published, &h->table) < 0)
		return error_set(err, -ENOMEM, published, 0, "out of memory");
	return 0;
}

void history_free(struct history *h)
{
	published_free(&h->published);
	table_free(&h->table);
}

const struct table_row *history_row(const struct history *before, const char *model)
{
	const char *digest = published_digest(&before->published, model);

	for (size_t i = 0; digest && i < before->table.n; i++) {
		const struct table_row *row = &before->table.row[i];

		if (strcmp(row->model, model) == 0 && strcmp(row->digest, digest) == 0)
			return row;
	}
	return NULL;
}

static void add_part(struct text *out, const char *what, const char *then, const char *now)
{
	if (strcmp(then, now) != 0)
		text_addf(out, "%s%s was %s, is %s", out->len ? "; " : "", what, then, now);
}

static void add_features(struct text *out, const char *what, const struct featset *all,
			 const struct featset *without)
{
	_cleanup_text_ struct text names = {0};
	struct featset only = *all;

	featset_subtract(&only, without);
	if (featset_count(&only) == 0)
		return;
	featset_print(&names, &only, " ");
	text_addf(out, "%s%s: %s", out->len ? "; " : "", what, names.failed ? "" : names.data);
}

static void differences(struct text *out, const struct table_row *then, const struct table_row *now)
{
	struct featset a, b;

	text_adds(out, "");
	add_part(out, "base", then->base, now->base);
	add_part(out, "vendor", then->vendor, now->vendor);
	add_part(out, "family", then->family, now->family);
	add_part(out, "model", then->cpu_model, now->cpu_model);
	add_part(out, "stepping", then->stepping, now->stepping);
	if (featset_parse(&a, then->features, strlen(then->features), ',', NULL) < 0 ||
	    featset_parse(&b, now->features, strlen(now->features), ',', NULL) < 0)
		return;
	add_features(out, "only before", &a, &b);
	add_features(out, "only now", &b, &a);
}

int history_check(const struct table_row *now, const struct history *before, struct error *why)
{
	const char *digest = published_digest(&before->published, now->model);
	const struct table_row *then = history_row(before, now->model);
	_cleanup_text_ struct text what = {0};

	if (!digest || before->force || strcmp(digest, now->digest) == 0)
		return 0;
	if (then)
		differences(&what, then, now);
	return error_set(why, -EEXIST, now->origin, 0,
			 "model '%s': was published with digest %s and would have %s%s%s%s; guests "
			 "migrate by "
			 "its name, so add a new name for the new meaning (`cpushim compile "
			 "--force` insists)",
			 now->model, digest, now->digest, what.len ? " (" : "",
			 what.len ? what.data : "", what.len ? ")" : "");
}
