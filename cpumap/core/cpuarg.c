/* SPDX-License-Identifier: Apache-2.0 */
#include "cpuarg.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "feature.h"
#include "util.h"

/* What an argument says of one name, all of its properties taken together. */
enum said { SAID_NOTHING, SAID_OFF, SAID_ON, SAID_OTHER };

size_t cpuarg_model_len(const char *arg)
{
	return strcspn(arg, ",");
}

bool cpuarg_next(const char **pos, struct cpu_prop *prop)
{
	const char *at = *pos, *equals;
	size_t len;

	while (*at == ',')
		at++;
	if (!*at)
		return false;
	len = strcspn(at, ",");
	*pos = at + len;
	*prop = (struct cpu_prop){.name = at, .name_len = len};
	if (*at == '+' || *at == '-') {
		prop->sign = *at;
		prop->name++;
		prop->name_len--;
	} else if ((equals = memchr(at, '=', len))) {
		prop->name_len = (size_t)(equals - at);
		prop->value = equals + 1;
		prop->value_len = len - prop->name_len - 1;
	}
	prop->feature = feature_find(prop->name, prop->name_len);
	return true;
}

/* QEMU's booleans (qapi_bool_parse, 6.0 and later; older ones lack y and n, and ignore case). */
static bool is_word(const struct cpu_prop *p, const char *word)
{
	return strlen(word) == p->value_len && strncasecmp(p->value, word, p->value_len) == 0;
}

static enum said said_by(const struct cpu_prop *p)
{
	static const char *const on[] = {"on", "yes", "true", "y"};
	static const char *const off[] = {"off", "no", "false", "n"};

	if (p->sign)
		return p->sign == '+' ? SAID_ON : SAID_OFF;
	if (!p->value)
		return SAID_ON;
	for (size_t i = 0; i < ARRAY_SIZE(on); i++) {
		if (is_word(p, on[i]))
			return SAID_ON;
		if (is_word(p, off[i]))
			return SAID_OFF;
	}
	return SAID_OTHER;
}

/* @word has `-` where a caller may write `_`. */
static bool names(const struct cpu_prop *p, const char *word)
{
	for (size_t i = 0; i < p->name_len; i++)
		if (!word[i] || (p->name[i] == '_' ? '-' : p->name[i]) != word[i])
			return false;
	return !word[p->name_len];
}

/* What a caller may not say. Without enforce his guest could silently get another CPU (guarantee
 * G1, docs/design.md). `ht` and `cmp_legacy` follow from the topology, and QEMU may refuse them. */
static bool is_forbidden(const struct cpu_prop *p)
{
	enum said said = said_by(p);

	if (names(p, "enforce") || names(p, "check"))
		return said == SAID_OFF;
	if (p->feature < 0)
		return false;
	return said == SAID_ON && (strcmp(features[p->feature].name, "ht") == 0 ||
				   strcmp(features[p->feature].name, "cmp_legacy") == 0);
}

static void add_prop(struct text *out, const char *start, const char *end)
{
	text_add(out, ",", 1);
	text_add(out, start, (size_t)(end - start));
}

/* Where the property that ends at @end begins: behind its comma. */
static const char *prop_start(const struct cpu_prop *p)
{
	return p->sign ? p->name - 1 : p->name;
}

static void features_named(const char *props, struct featset *set)
{
	struct cpu_prop p;

	while (cpuarg_next(&props, &p))
		if (p.feature >= 0)
			featset_add(set, (size_t)p.feature);
}

/* Our highest subleaf of leaf 7 mustn't hide a feature that the caller switches on. */
static void add_level_func7(struct text *out, const struct cpu_prop *ours, const char *props)
{
	unsigned long level = strtoul(ours->value, NULL, 0);
	struct cpu_prop p;

	while (cpuarg_next(&props, &p))
		if (p.feature >= 0 && features[p.feature].leaf == 7 && said_by(&p) == SAID_ON &&
		    features[p.feature].subleaf > level)
			level = features[p.feature].subleaf;
	text_addf(out, "," CPUARG_LEVEL_FUNC7 "=%#lx", level);
}

void cpuarg_merge(struct text *out, const char *expansion, const char *props)
{
	const char *pos = expansion + cpuarg_model_len(expansion), *copied = props;
	struct featset theirs = {0};
	struct cpu_prop p;

	features_named(props, &theirs);
	text_add(out, expansion, cpuarg_model_len(expansion));
	while (cpuarg_next(&pos, &p))
		if (p.value && names(&p, CPUARG_LEVEL_FUNC7))
			add_level_func7(out, &p, props);
		else if (p.feature < 0 || !featset_has(&theirs, (size_t)p.feature))
			add_prop(out, prop_start(&p), pos);
	/* byte for byte, also empty properties; only what is forbidden is left out */
	pos = props;
	while (cpuarg_next(&pos, &p)) {
		if (!is_forbidden(&p))
			continue;
		text_add(out, copied, (size_t)(prop_start(&p) - 1 - copied)); /* its comma, too */
		copied = pos;
	}
	text_adds(out, copied);
}

/* What was said of one name, by its three spellings. */
struct sayings {
	unsigned char minus, plus, equals;
};

static void add_saying(struct sayings *s, const struct cpu_prop *p)
{
	if (p->sign == '-')
		s->minus = SAID_OFF;
	else if (p->sign == '+')
		s->plus = SAID_ON;
	else
		s->equals = (unsigned char)said_by(p);
}

static enum said effective(const struct sayings *s)
{
	return s->minus ? s->minus : s->plus ? s->plus : s->equals;
}

static void effective_features(const char *arg, struct sayings said[FEATURE_MAX])
{
	const char *pos = arg + cpuarg_model_len(arg);
	struct cpu_prop p;

	memset(said, 0, FEATURE_MAX * sizeof(*said));
	while (cpuarg_next(&pos, &p))
		if (p.feature >= 0)
			add_saying(&said[p.feature], &p);
}

static bool has_enforce(const char *arg)
{
	const char *pos = arg + cpuarg_model_len(arg);
	struct sayings said = {0};
	struct cpu_prop p;

	while (cpuarg_next(&pos, &p))
		if (names(&p, "enforce"))
			add_saying(&said, &p);
	return effective(&said) == SAID_ON;
}

/* The value of the last NAME=; its length, or 0 for none. */
static size_t last_value(const char *arg, const char *name, const char **value)
{
	const char *pos = arg + cpuarg_model_len(arg);
	size_t len = 0;
	struct cpu_prop p;

	while (cpuarg_next(&pos, &p)) {
		if (p.sign || !p.value || !names(&p, name))
			continue;
		*value = p.value;
		len = p.value_len;
	}
	return len;
}

static bool same_value(const char *expansion, const char *arg, const char *name, struct text *why)
{
	const char *want = "", *have = "";
	size_t want_len = last_value(expansion, name, &want);
	size_t have_len = last_value(arg, name, &have);

	if (want_len == have_len && memcmp(want, have, want_len) == 0)
		return true;
	if (why)
		text_addf(why, "%s is '%.*s' and not '%.*s'", name, (int)have_len, have,
			  (int)want_len, want);
	return false;
}

/* The property of that name that counts: a minus beats a plus, and both beat any `=`. */
static bool last_prop(const char *arg, const char *name, struct cpu_prop *last)
{
	const char *pos = arg + cpuarg_model_len(arg);
	bool found = false;
	struct cpu_prop p;

	while (cpuarg_next(&pos, &p)) {
		if (!names(&p, name) || (found && (last->sign == '-' || (last->sign && !p.sign))))
			continue;
		*last = p;
		found = true;
	}
	return found;
}

static bool says_same(const struct cpu_prop *a, const struct cpu_prop *b)
{
	if (said_by(a) != SAID_OTHER)
		return said_by(a) == said_by(b);
	return a->value_len == b->value_len && memcmp(a->value, b->value, a->value_len) == 0;
}

/*
 * Properties that can hide features that are on. One that the argument doesn't name has the
 * expansion's value, or the value that it always has: an older expansion names fewer.
 */
static bool same_limits(const char *expansion, const char *arg, struct text *why)
{
	static const struct {
		const char *name;
		bool free; /* the argument may say it where the expansion doesn't */
	} limits[] = {
		{"level", false},
		{"xlevel", false},
		{"xlevel2", false},
		{"min-level", false},
		{"min-xlevel", false},
		{"min-xlevel2", false},
		{"pmu", true},
		{"avx10-version", true},
		{"full-cpuid-auto-level", false},
		{CPUARG_LEVEL_FUNC7, false},
	};
	struct cpu_prop want, have;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		bool stated = last_prop(expansion, limits[i].name, &want);

		if (!last_prop(arg, limits[i].name, &have) ||
		    (stated ? says_same(&want, &have) : limits[i].free))
			continue;
		if (why)
			text_addf(why, "its own %s may hide features of the model", limits[i].name);
		return false;
	}
	return true;
}

static const char *said_word(enum said said)
{
	return said == SAID_ON ? "on" : said == SAID_OFF ? "off" : "left open";
}

static bool same_features(const char *expansion, const char *arg, const struct featset *own,
			  struct text *why)
{
	struct sayings want[FEATURE_MAX], have[FEATURE_MAX];

	effective_features(expansion, want);
	effective_features(arg, have);
	for (size_t i = 0; i < n_features; i++) {
		enum said wanted = effective(&want[i]), said = effective(&have[i]);

		if (!wanted || wanted == said || (own && featset_has(own, i)))
			continue;
		if (why)
			text_addf(why, "%s is %s and not %s", features[i].name, said_word(said),
				  said_word(wanted));
		return false;
	}
	return true;
}

bool cpuarg_matches(const char *expansion, const char *arg, const struct featset *own,
		    struct text *why)
{
	static const char *const identity[] = {"vendor", "family", "model", "stepping"};
	size_t base = cpuarg_model_len(expansion);

	if (cpuarg_model_len(arg) != base || memcmp(arg, expansion, base) != 0) {
		if (why)
			text_addf(why, "its model is '%.*s' and not '%.*s'",
				  (int)cpuarg_model_len(arg), arg, (int)base, expansion);
		return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(identity); i++)
		if (!same_value(expansion, arg, identity[i], why))
			return false;
	if (!same_limits(expansion, arg, why))
		return false;
	if (!has_enforce(arg)) {
		if (why)
			text_adds(why, "it has no 'enforce'");
		return false;
	}
	return same_features(expansion, arg, own, why);
}
