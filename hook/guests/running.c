/* SPDX-License-Identifier: Apache-2.0 */
#include "running.h"

#include "cpumap/core/cpuarg.h"
#include "cpumap/core/emulator.h"
#include "cpumap/core/model.h"
#include "cpumap/core/paths.h"
#include "cpumap/core/util.h"
#include "hook/core/record.h"
#include "hook/domain/mark.h"
#include "hook/worker/decide.h"
#include "hook/worker/native.h"

/* How much of an argument is shown. */
#define SHOWN_MAX 160

void names_published(struct names *n)
{
	_cleanup_free_ char *path = root_path(PUBLISHED_PATH);

	if (path)
		(void)published_load(&n->published, path, NULL);
}

void names_free(struct names *n)
{
	table_free(&n->table);
	published_free(&n->published);
}

bool names_has(const struct names *n, const char *model)
{
	return table_find(&n->table, model, strlen(model), NULL) ||
	       published_digest(&n->published, model);
}

static bool asks(const struct names *n, const struct storedxml *s)
{
	return s && s->domain.model && names_has(n, s->domain.model);
}

const struct storedxml *names_asked(const struct names *n, const struct storedxml *live,
				    const struct storedxml *saved)
{
	if (asks(n, live))
		return live;
	return asks(n, saved) ? saved : NULL;
}

static void __attribute__((format(printf, 3, 4)))
say(struct running *r, enum runs runs, const char *fmt, ...)
{
	_cleanup_free_ char *why = NULL;
	va_list ap;

	r->runs = runs;
	va_start(ap, fmt);
	if (vasprintf(&why, fmt, ap) < 0)
		why = NULL;
	va_end(ap);
	if (why)
		(void)text_escape(r->why, sizeof(r->why), why, strlen(why));
}

const char *running_word(enum runs runs)
{
	static const char *const words[] = {
		[RUNS_MODEL] = "model",
		[RUNS_OTHER] = "other",
		[RUNS_NONE] = "none",
		[RUNS_UNKNOWN] = "unknown",
	};

	return words[runs];
}

char *running_shown(char *buf, size_t size, const char *arg)
{
	return text_escape(buf, size < SHOWN_MAX ? size : SHOWN_MAX, arg, strlen(arg));
}

/* ---- properties ---- */

/* Where the caller's properties begin: behind the expansion's enforce (cpuarg_merge). */
static const char *own_props(const char *arg)
{
	const char *pos = arg + cpuarg_model_len(arg);
	struct cpu_prop p;

	while (cpuarg_next(&pos, &p))
		if (p.name_len == strlen("enforce") && memcmp(p.name, "enforce", p.name_len) == 0)
			return pos;
	return arg + strlen(arg);
}

static bool is_vendor(const struct cpu_prop *p)
{
	return p->value && p->name_len == strlen("vendor") &&
	       memcmp(p->name, "vendor", p->name_len) == 0;
}

static void named_from(const char *pos, struct featset *set)
{
	struct cpu_prop p;

	*set = (struct featset){0};
	while (cpuarg_next(&pos, &p))
		if (p.feature >= 0)
			featset_add(set, (size_t)p.feature);
}

/* The vendor that the caller asks for; "": none. */
static void own_vendor(const char *pos, char *buf, size_t size)
{
	struct cpu_prop p;

	*buf = '\0';
	while (cpuarg_next(&pos, &p))
		if (is_vendor(&p))
			(void)snprintf(buf, size, "%.*s", (int)p.value_len, p.value);
}

/* Is the argument an expansion, of any model? Only the wrapper states all of these properties. */
static bool is_expansion(const char *arg)
{
	static const char *const pinned[] = {"family", "model", "stepping", "enforce"};
	const char *pos = arg + cpuarg_model_len(arg);
	unsigned int seen = 0;
	struct cpu_prop p;

	while (cpuarg_next(&pos, &p))
		for (size_t i = 0; i < ARRAY_SIZE(pinned); i++)
			if (p.name_len == strlen(pinned[i]) &&
			    memcmp(p.name, pinned[i], p.name_len) == 0)
				seen |= 1u << i;
	return seen == (1u << ARRAY_SIZE(pinned)) - 1;
}

/* Which QEMU a guest runs on, and what that means for its model's base. */
enum under {
	UNDER_ANY,   /* QEMU's own definition of the base doesn't change */
	UNDER_TABLE, /* it is the table's, which computes the base */
	UNDER_OTHER, /* another computes the base: it may have features that the table doesn't know */
	UNDER_UNKNOWN, /* nor can it be told whether it is another */
};

static enum under look_under(const struct names *n, const struct table_row *row,
			     const struct process *qemu)
{
	static const enum under is[] = {[EMULATOR_SAME] = UNDER_TABLE,
					[EMULATOR_OTHER] = UNDER_OTHER,
					[EMULATOR_GONE] = UNDER_UNKNOWN,
					[EMULATOR_HIDDEN] = UNDER_UNKNOWN};
	const struct table_qemu *noted = table_qemu_of(&n->table, row->emulator);
	_cleanup_free_ char *proc = NULL, *program = NULL;

	if (!model_is_computed(row->base))
		return UNDER_ANY;
	proc = root_path("/proc");
	program = proc ? process_program(proc, qemu->pid) : NULL;
	return noted && program ? is[emulator_compare_program(noted, program)] : UNDER_UNKNOWN;
}

/* Adds features that the argument doesn't name. A QEMU that was older when it started had no property
 * for them, so they are off: a feature that the base brings is always stated. If QEMU computes the
 * base they are off on no QEMU, and on another than the table's they aren't known. */
static void add_nameless(struct featset *set, const struct table_row *row, const char *arg,
			 enum under under)
{
	struct featset named, has, brings;

	named_from(arg + cpuarg_model_len(arg), &named);
	if (under == UNDER_TABLE ||
	    featset_parse(&has, row->features, strlen(row->features), ',', NULL) < 0 ||
	    featset_parse(&brings, row->brings, strlen(row->brings), ',', NULL) < 0)
		return;
	if (under != UNDER_ANY)
		brings = (struct featset){0};
	for (size_t i = 0; i < n_features; i++)
		if (!featset_has(&named, i) && !featset_has(&has, i) && !featset_has(&brings, i))
			featset_add(set, i);
}

/* ---- judging ---- */

/* Is @arg the row's model? The domain's own features may differ from it, as its XML or its QEMU's
 * argument says them: they were checked when the guest started. */
static bool is_model(const struct table_row *row, const struct domain *d, const char *arg,
		     enum under under, struct reasons *reasons)
{
	const struct domain nothing = {0};
	const struct facts facts = {.row = row};
	struct featset told, free_ones;
	struct record record;

	decide_record(d ? d : &nothing, row, &record);
	if (!d)
		own_vendor(own_props(arg), record.vendor, sizeof(record.vendor));
	named_from(own_props(arg), &told);
	free_ones = record.own.on;
	featset_union(&free_ones, &record.own.off);
	featset_union(&free_ones, &record.own.optional);
	featset_union(&free_ones, &told);
	add_nameless(&free_ones, row, arg, under);
	record.own = (struct own){.optional = free_ones};
	decide_started(arg, &facts, &record, reasons);
	return reasons_none(reasons);
}

/* Notes what the domain adds to the model and takes from it, by its QEMU's argument. */
static void note_own(struct running *r, const struct table_row *row, const char *arg)
{
	const char *pos = own_props(arg);
	_cleanup_text_ struct text own = {0};
	struct featset has;
	struct cpu_prop p;

	if (featset_parse(&has, row->features, strlen(row->features), ',', NULL) < 0)
		return;
	while (cpuarg_next(&pos, &p)) {
		const char *start = p.sign ? p.name - 1 : p.name;

		if (is_vendor(&p) || (p.feature >= 0 && features[p.feature].kind == FEATURE_CPUID))
			text_addf(&own, "%s%.*s", own.len ? " " : "", (int)(pos - start), start);
	}
	if (!own.failed && own.len)
		(void)text_escape(r->own, sizeof(r->own), own.data, own.len);
}

static void found(struct running *r, const struct table_row *row, const char *arg, enum under under)
{
	r->runs = RUNS_MODEL;
	(void)snprintf(r->model, sizeof(r->model), "%s", row->model);
	note_own(r, row, arg);
	if (under == UNDER_OTHER)
		say(r, RUNS_UNKNOWN,
		    "its -cpu is the model's, but its QEMU isn't the one that the table was made "
		    "from, and base '%s' may have more features there: start it anew",
		    row->base);
	else if (under == UNDER_UNKNOWN)
		say(r, RUNS_UNKNOWN,
		    "its -cpu is the model's, but base '%s' is another CPU with each QEMU, and its "
		    "program can't be looked at: run this as root",
		    row->base);
	else if (*row->refused)
		say(r, RUNS_MODEL, "the definition here is refused today (`cpushim list`)");
	else if (strcmp(row->vendor, "host") == 0)
		say(r, RUNS_MODEL, "it has the host's vendor: not safe to migrate between vendors");
}

/* Judges a guest on a node without the wrapper: libvirt's translation is right if it is exact. */
static void judge_native(struct running *r, const struct table_row *row, const struct domain *d,
			 const struct process *qemu, const char *shown)
{
	const struct facts facts = {.row = row};
	_cleanup_reasons_ struct reasons reasons = {0};
	struct record record;

	decide_record(d, row, &record);
	native_started(qemu, &facts, &record, &reasons);
	if (reasons.n)
		say(r, RUNS_OTHER, "runs %s: not what the name means: %s", shown,
		    reasons.item[0].text);
	else
		say(r, RUNS_MODEL, "as libvirt's own %s, which is exact here", shown);
}

static void judge_asked(struct running *r, const struct names *n, const struct domain *d,
			const struct process *qemu, const char *arg)
{
	const struct table_row *row =
		table_find(&n->table, d->model, strlen(d->model), d->emulator);
	_cleanup_reasons_ struct reasons reasons = {0};
	enum under under = UNDER_ANY;
	char shown[256];

	if (!row)
		row = table_find(&n->table, d->model, strlen(d->model), NULL);
	if (row)
		under = look_under(n, row, qemu);
	(void)snprintf(r->model, sizeof(r->model), "%s", d->model);
	if (!row)
		say(r, RUNS_OTHER, "no definition has that name any more");
	else if (!*row->cpu)
		say(r, RUNS_UNKNOWN, "its definition is refused: %s", row->refused);
	else if (!arg)
		say(r, RUNS_OTHER, "runs QEMU's default CPU: not what the name means");
	else if (is_model(row, d, arg, under, &reasons))
		found(r, row, arg, under);
	else if (is_expansion(arg))
		say(r, RUNS_OTHER, "not what the name means today: %s",
		    reasons.n ? reasons.item[0].text : "out of memory");
	else if (native_node())
		judge_native(r, row, d, qemu, running_shown(shown, sizeof(shown), arg));
	else
		say(r, RUNS_OTHER, "runs %s: not what the name means",
		    running_shown(shown, sizeof(shown), arg));
}

/* The row of the model that the argument is. A row that it equals is preferred to one of which it is
 * a variant. */
static const struct table_row *recognise(const struct names *n, const struct process *qemu,
					 const char *arg)
{
	const struct table_row *variant = NULL;

	for (size_t i = 0; i < n->table.n; i++) {
		const struct table_row *row = &n->table.row[i];
		_cleanup_reasons_ struct reasons reasons = {0};

		if (!*row->cpu)
			continue;
		if (cpuarg_matches(row->cpu, arg, NULL, NULL))
			return row;
		if (!variant && is_model(row, NULL, arg, look_under(n, row, qemu), &reasons))
			variant = row;
	}
	return variant;
}

void running_judge(struct running *r, const struct names *n, const struct domain *asked,
		   const struct process *qemu)
{
	const char *arg = process_option(qemu, "-cpu");
	const struct table_row *row;

	*r = (struct running){.runs = RUNS_NONE, .expanded = arg && is_expansion(arg)};
	if (asked && asked->model && names_has(n, asked->model)) {
		judge_asked(r, n, asked, qemu, arg);
		return;
	}
	row = arg ? recognise(n, qemu, arg) : NULL;
	if (row)
		found(r, row, arg, look_under(n, row, qemu));
	else if (r->expanded)
		say(r, RUNS_OTHER, "an expansion of no model of today's table");
}

/* Is @arg a named model with features on or off? libvirt translates models that QEMU lacks to
 * that. */
static bool may_be_translation(const char *arg)
{
	const char *pos = arg + cpuarg_model_len(arg);
	struct cpu_prop p;

	if (strncmp(arg, "host", strlen("host")) == 0 || strncmp(arg, "max", strlen("max")) == 0)
		return false;
	while (cpuarg_next(&pos, &p))
		if (p.feature >= 0 && features[p.feature].kind == FEATURE_CPUID)
			return true;
	return false;
}

void running_note_arrival(struct running *r, const struct process *qemu)
{
	const char *arg = process_option(qemu, "-cpu");

	if (r->runs == RUNS_NONE && arg && process_option(qemu, "-incoming") &&
	    may_be_translation(arg))
		say(r, RUNS_UNKNOWN,
		    "it came from another node or a file, and nothing here tells what it asked for "
		    "there");
}

void running_mark(struct running *r, const struct names *n, const struct domain *live)
{
	const struct table_row *row = NULL;

	if (r->runs == RUNS_MODEL && live && !*r->why)
		row = table_find(&n->table, r->model, strlen(r->model), NULL);
	if (!row || mark_is(live, row->model, row->digest))
		return;
	say(r, RUNS_MODEL,
	    mark_has(live, row->model)
		    ? "marked as another definition of it, so it can't migrate: start it anew"
		    : "not marked: where it migrates it is judged by the model's name alone");
}
