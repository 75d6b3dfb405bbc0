/* SPDX-License-Identifier: Apache-2.0 */
#include "list_json.h"

#include "cmd.h"

/* The features that are lacking. */
static void say(struct text *out, const struct shortfall *l)
{
	if (featset_count(&l->all) == 0) {
		text_adds(out, "yes");
		return;
	}
	text_adds(out, "lacks ");
	featset_print(out, &l->all, ",");
}

/* Each lacking feature, and why it is. */
static json_t *why_json(const struct shortfall *l)
{
	json_t *why = json_object();

	for (size_t kind = 0; kind < LACK_KINDS; kind++)
		for (size_t i = 0; i < n_features; i++)
			if (featset_has(&l->by[kind], i))
				(void)json_object_set_new(
					why, features[i].name,
					json_sprintf("%s it", lack_why((enum lack)kind)));
	return why;
}

static void add_accel(json_t *row, const char *accel, const char *why, const struct shortfall *l)
{
	_cleanup_text_ struct text t = {0};

	say(&t, l);
	(void)json_object_set_new(row, accel, json_string(t.failed ? "" : t.data));
	(void)json_object_set_new(row, why, why_json(l));
}

static json_t *row_json(const struct table_row *row, const struct support *here,
			enum faithful faithful)
{
	struct featset set = {0};
	struct shortfall lacks;
	json_t *answer;

	if (*row->refused)
		return json_pack("{s:s, s:o, s:o, s:o}", "model", row->model, "emulator",
				 cmd_foreign(row->emulator), "origin", cmd_foreign(row->origin),
				 "refused", cmd_foreign(row->refused));
	(void)featset_parse(&set, row->features, strlen(row->features), ',', NULL);
	answer = json_pack("{s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "model",
			   row->model, "emulator", cmd_foreign(row->emulator), "origin",
			   cmd_foreign(row->origin), "base", row->base, "digest", row->digest,
			   "vendor", row->vendor, "family", row->family, "model_number",
			   row->cpu_model, "stepping", row->stepping, "features",
			   cmd_features_json(&set));
	accels_lack(&lacks, row, ACCEL_TCG, here);
	add_accel(answer, "tcg", "tcg_why", &lacks);
	if (accels_boot(row))
		(void)json_object_set_new(answer, "tcg_boot", json_string(accels_boot(row)));
	if (here->no_kvm.code) {
		(void)json_object_set_new(answer, "kvm", json_string("no kvm"));
		return answer;
	}
	accels_lack(&lacks, row, ACCEL_KVM, here);
	add_accel(answer, "kvm", "kvm_why", &lacks);
	(void)json_object_set_new(answer, "kvm_shows_through",
				  faithful == NOT_KNOWN ? json_null()
							: json_boolean(faithful == SHOWS_THROUGH));
	return answer;
}

json_t *list_json(const struct table *t, size_t first, size_t n)
{
	struct accels accels = {.faithful = NOT_KNOWN};
	json_t *rows = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct table_row *row = &t->row[first + i];
		const struct support *here = accels_ask(&accels, row);

		(void)json_array_append_new(rows, row_json(row, here, accels.faithful));
	}
	return rows;
}
