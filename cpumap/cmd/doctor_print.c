/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor_print.h"

#include "cpumap/core/show.h"
#include "cmd.h"

#define INDENT 27 /* STATUS, and the longest id */

static const struct {
	const char *word, *json;
	enum colour colour;
} words[] = {
	[WEIGHT_HOLDS] = {"PASS", "pass", COLOUR_YES},
	[WEIGHT_SKIPPED] = {"SKIP", "skip", COLOUR_NONE},
	[WEIGHT_WARNS] = {"WARN", "warn", COLOUR_LACKS},
	[WEIGHT_UNKNOWN] = {"UNKNOWN", "unknown", COLOUR_LACKS},
	[WEIGHT_FAILS] = {"FAIL", "fail", COLOUR_NO},
	[WEIGHT_BLOCKS] = {"FAIL", "fail", COLOUR_NO},
};

static void add_line(struct text *out, const struct terminal *t, enum weight weight, const char *id,
		     const char *line)
{
	_cleanup_text_ struct text safe = {0};

	text_addf(out, "%s%s%s%*s%-18s", terminal_colour(t, words[weight].colour),
		  words[weight].word, terminal_colour(t, COLOUR_NONE),
		  (int)(9 - strlen(words[weight].word)), "", id);
	(void)show(&safe, line, strlen(line), SHOWN_WHOLE);
	if (safe.failed)
		out->failed = true;
	else
		terminal_fold(out, t, safe.data, INDENT, INDENT);
	text_adds(out, "\n");
}

static void add_finding(struct text *out, const struct terminal *t, const struct finding *f)
{
	if (f->faults.n == 0)
		add_line(out, t, finding_weight(f), f->condition->id, f->condition->what);
	for (size_t i = 0; i < f->faults.n; i++) {
		_cleanup_free_ char *line = fault_line(&f->faults.item[i]);

		add_line(out, t, f->faults.item[i].weight, f->condition->id,
			 line ? line : "out of memory");
	}
}

void doctor_print(struct text *out, const struct finding *findings, const struct terminal *t)
{
	const char *group = "";

	for (size_t i = 0; i < n_conditions; i++) {
		if (!findings[i].looked)
			continue;
		if (terminal_is(t) && strcmp(group, findings[i].condition->group) != 0)
			text_addf(out, "%s%s\n", *group ? "\n" : "", findings[i].condition->group);
		group = findings[i].condition->group;
		add_finding(out, t, &findings[i]);
	}
	if (terminal_is(t))
		text_adds(out, "\n");
}

/* How many conditions were found so. */
struct counts {
	size_t of[WEIGHT_BLOCKS + 1];
};

static struct counts count(const struct finding *findings)
{
	struct counts c = {0};

	for (size_t i = 0; i < n_conditions; i++)
		if (findings[i].looked)
			c.of[finding_weight(&findings[i])]++;
	c.of[WEIGHT_FAILS] += c.of[WEIGHT_BLOCKS];
	return c;
}

static void add_names(struct text *out, const struct finding *findings, enum weight from,
		      enum weight to, bool *any)
{
	for (size_t i = 0; i < n_conditions; i++) {
		enum weight weight = finding_weight(&findings[i]);

		if (!findings[i].looked || weight < from || weight > to)
			continue;
		text_addf(out, "%s %s", *any ? "," : ":", findings[i].condition->id);
		*any = true;
	}
}

void doctor_summary(struct text *out, const struct finding *findings)
{
	struct counts c = count(findings);
	bool any = false;

	text_addf(out, "cpushim: %zu condition%s", c.of[WEIGHT_HOLDS],
		  c.of[WEIGHT_HOLDS] == 1 ? " holds" : "s hold");
	if (c.of[WEIGHT_SKIPPED])
		text_addf(out, ", %zu skipped", c.of[WEIGHT_SKIPPED]);
	if (c.of[WEIGHT_WARNS])
		text_addf(out, ", %zu warning%s", c.of[WEIGHT_WARNS],
			  c.of[WEIGHT_WARNS] == 1 ? "" : "s");
	if (c.of[WEIGHT_UNKNOWN])
		text_addf(out, ", %zu unknown", c.of[WEIGHT_UNKNOWN]);
	if (c.of[WEIGHT_FAILS])
		text_addf(out, ", %zu fail%s", c.of[WEIGHT_FAILS],
			  c.of[WEIGHT_FAILS] == 1 ? "s" : "");
	add_names(out, findings, WEIGHT_FAILS, WEIGHT_BLOCKS, &any);
	add_names(out, findings, WEIGHT_UNKNOWN, WEIGHT_UNKNOWN, &any);
	add_names(out, findings, WEIGHT_WARNS, WEIGHT_WARNS, &any);
	text_adds(out, "\n");
}

/* ---- JSON ---- */

/* The commands of a cure: what stands in backticks. */
static json_t *commands_json(const char *cure)
{
	json_t *commands = json_array();

	for (const char *at = cure ? strchr(cure, '`') : NULL, *end; at;
	     at = strchr(end + 1, '`')) {
		end = strchr(at + 1, '`');
		if (!end)
			break;
		(void)json_array_append_new(commands, json_stringn(at + 1, (size_t)(end - at - 1)));
	}
	return commands;
}

static json_t *faults_json(const struct faults *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n; i++) {
		const struct fault *fault = &f->item[i];

		(void)json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o}", "status",
							    words[fault->weight].json, "what",
							    cmd_foreign(fault->what), "cure",
							    cmd_foreign(fault->cure), "commands",
							    commands_json(fault->cure)));
	}
	return list;
}

json_t *doctor_json(const struct finding *findings)
{
	struct counts c = count(findings);
	_cleanup_text_ struct text summary = {0};
	json_t *list = json_array();

	for (size_t i = 0; i < n_conditions; i++) {
		const struct finding *f = &findings[i];

		if (f->looked)
			(void)json_array_append_new(
				list,
				json_pack("{s:s, s:s, s:s, s:s, s:o}", "id", f->condition->id,
					  "group", f->condition->group, "what", f->condition->what,
					  "status", words[finding_weight(f)].json, "faults",
					  faults_json(&f->faults)));
	}
	doctor_summary(&summary, findings);
	if (summary.failed) {
		json_decref(list);
		return NULL;
	}
	summary.data[strcspn(summary.data, "\n")] = '\0';
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I}", "release", CPUSHIM_VERSION,
			 "summary", summary.data, "conditions", list, "pass",
			 (json_int_t)c.of[WEIGHT_HOLDS], "skip", (json_int_t)c.of[WEIGHT_SKIPPED],
			 "warn", (json_int_t)c.of[WEIGHT_WARNS], "unknown",
			 (json_int_t)c.of[WEIGHT_UNKNOWN], "fail", (json_int_t)c.of[WEIGHT_FAILS]);
}
