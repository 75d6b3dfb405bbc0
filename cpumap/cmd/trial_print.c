/* SPDX-License-Identifier: Apache-2.0 */
/* How a trial looks. */
#include "cpumap/define/expand.h"
#include "cmd.h"
#include "grid.h"
#include "trial.h"

static const char *const result_name[] = {
	[TRIAL_EXACT] = "exact",     [TRIAL_DIFFERS] = "another CPU",
	[TRIAL_REFUSED] = "refused", [TRIAL_UNASKED] = "not asked",
	[TRIAL_NO_KVM] = "not here", [TRIAL_NEEDLESS] = "not needed",
};

static enum colour result_colour(enum trial_result result)
{
	if (result == TRIAL_EXACT || result == TRIAL_NEEDLESS)
		return COLOUR_YES;
	return result == TRIAL_UNASKED   ? COLOUR_NONE
	       : result == TRIAL_DIFFERS ? COLOUR_LACKS
					 : COLOUR_NO;
}

static void add_names(struct text *t, const char *what, const struct featset *set)
{
	if (featset_count(set) == 0)
		return;
	text_addf(t, "%s%s", t->len ? "; " : "", what);
	featset_print(t, set, ", ");
}

/* How the guest's CPU would differ. */
static void add_difference(struct text *t, const struct cpuid_diff *diff)
{
	add_names(t, "lacks ", &diff->missing);
	add_names(t, "has besides ", &diff->extra);
	for (size_t i = 0; i < diff->other.n; i++)
		text_addf(t, "%s%s", t->len ? "; " : "", diff->other.item[i]);
}

static void add_why(struct text *t, const struct error *why)
{
	text_addf(t, "%s%s%s", why->where, *why->where ? ": " : "", why->what);
}

/* An accelerator's line, the -cpu below it, and what differs or why not. */
static void add_outcome(struct grid *g, enum accel accel, const struct outcome *o, const char *cpu)
{
	_cleanup_text_ struct text more = {0};

	grid_add(g, accel_name(accel), COLOUR_NONE);
	grid_add(g, result_name[o->result], result_colour(o->result));
	if (cpu && (o->result == TRIAL_EXACT || o->result == TRIAL_DIFFERS)) {
		grid_add(g, "", COLOUR_NONE);
		grid_addf(g, "-cpu %s", cpu);
	}
	if (o->result == TRIAL_DIFFERS)
		add_difference(&more, &o->diff);
	else if (o->why.code)
		add_why(&more, &o->why);
	if (more.len) {
		grid_add(g, "", COLOUR_NONE);
		grid_add(g, more.failed ? "" : more.data, COLOUR_NONE);
	}
}

/* "  tcg  exact" */
static void print_outcomes(struct text *out, const struct outcome *of, const char *brief,
			   const struct terminal *terminal)
{
	static const struct grid_column columns[] = {{NULL, GRID_WHOLE}, {NULL, GRID_FOLD}};
	_cleanup_grid_ struct grid g = {columns, ARRAY_SIZE(columns)};

	for (int a = 0; a < ACCELS; a++)
		add_outcome(&g, (enum accel)a, &of[a], brief ? brief : of[a].cpu);
	grid_print(out, &g, terminal);
}

static void print_model(struct text *out, const struct trial *t, const struct terminal *terminal)
{
	static const struct grid_column columns[] = {{NULL, GRID_WHOLE}, {NULL, GRID_FOLD}};
	_cleanup_grid_ struct grid g = {columns, ARRAY_SIZE(columns)};
	const struct identity *id = &t->model.id;
	bool stock = !t->found->definition;

	grid_add(&g, "model", COLOUR_NONE);
	grid_addf(&g, "%s, %zu features", t->found->name, featset_count(&t->model.features));
	grid_add(&g, "where", COLOUR_NONE);
	grid_add(&g, t->found->origin, COLOUR_NONE);
	if (!stock && id->family >= 0) {
		grid_add(&g, "identity", COLOUR_NONE);
		grid_addf(&g, "%s, family %d, model %d, stepping %d",
			  strcmp(id->vendor, "host") == 0 ? "the host's vendor" : id->vendor,
			  id->family, id->model, id->stepping);
	}
	if (t->boot) {
		grid_add(&g, "warning", COLOUR_NONE);
		grid_add(&g, t->boot, COLOUR_NONE);
	}
	grid_print(out, &g, terminal);
}

void trial_print(struct text *out, const struct trial *t, const struct catalogue *c,
		 const struct terminal *terminal)
{
	bool qemu = !c->missing[CATALOGUE_QEMU].code;
	_cleanup_text_ struct text brief = {0};

	print_model(out, t, terminal);
	text_addf(out, "\nlibvirt%s%s alone, with the model in its CPU map:\n",
		  *t->libvirt ? " " : "", t->libvirt);
	print_outcomes(out, t->stock, NULL, terminal);
	text_addf(out, "\ncpushim, with QEMU%s%s:\n", qemu ? " " : "", c->qemu.version);
	if (t->found->definition && qemu)
		expand_short(&brief, &t->model, &c->qemu);
	print_outcomes(out, t->ours, brief.failed ? NULL : brief.data, terminal);
}

/* ---- as JSON ---- */

static json_t *outcome_json(const struct outcome *o)
{
	json_t *answer = json_pack("{s:s, s:o}", "result", result_name[o->result], "cpu",
				   o->cpu ? cmd_foreign(o->cpu) : json_null());
	json_t *other = json_array();

	if (o->result == TRIAL_DIFFERS) {
		for (size_t i = 0; i < o->diff.other.n; i++)
			(void)json_array_append_new(other, cmd_foreign(o->diff.other.item[i]));
		(void)json_object_set_new(answer, "lacks", cmd_features_json(&o->diff.missing));
		(void)json_object_set_new(answer, "besides", cmd_features_json(&o->diff.extra));
		(void)json_object_set(answer, "other", other);
	} else if (o->why.code) {
		_cleanup_text_ struct text why = {0};

		add_why(&why, &o->why);
		(void)json_object_set_new(answer, "why", cmd_foreign(why.data));
	}
	json_decref(other);
	return answer;
}

static json_t *outcomes_json(const struct outcome *of)
{
	json_t *answer = json_object();

	for (int a = 0; a < ACCELS; a++)
		(void)json_object_set_new(answer, accel_name((enum accel)a), outcome_json(&of[a]));
	return answer;
}

static json_t *number_json(int n)
{
	return n < 0 ? json_null() : json_integer(n);
}

json_t *trial_json(const struct trial *t, const struct catalogue *c)
{
	const struct identity *id = &t->model.id;

	return json_pack(
		"{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "model",
		cmd_foreign(t->found->name), "from", catalogue_from_name(t->found->from), "origin",
		cmd_foreign(t->found->origin), "base", cmd_foreign(t->model.base), "features",
		cmd_features_json(&t->model.features), "vendor", cmd_foreign(id->vendor), "family",
		number_json(id->family), "model_number", number_json(id->model), "stepping",
		number_json(id->stepping), "qemu",
		c->missing[CATALOGUE_QEMU].code ? json_null() : cmd_foreign(c->qemu.version),
		"libvirt", outcomes_json(t->stock), "cpushim", outcomes_json(t->ours));
}
