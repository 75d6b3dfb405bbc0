/* SPDX-License-Identifier: Apache-2.0 */
#include "frozen.h"

#include <errno.h>

#include "cpumap/core/util.h"

const struct table_row *frozen_row(const struct meanings *before, const char *model)
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

int frozen_check(const struct table_row *now, const struct meanings *before, struct error *why)
{
	const char *digest = published_digest(&before->published, now->model);
	const struct table_row *then = frozen_row(before, now->model);
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
