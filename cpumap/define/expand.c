/* SPDX-License-Identifier: Apache-2.0 */
#include "expand.h"

#include <errno.h>

#include "cpumap/core/cpuarg.h"
#include "cpumap/core/util.h"

/* Levels for a computed base (max), which has none itself. QEMU's newer named models have them, and
 * they let a guest see caches, topology and XSAVE. */
#define COMPUTED_LEVEL  0xd
#define COMPUTED_XLEVEL 0x80000008

#define EXTENDED 0x80000000u
#define CENTAUR  0xc0000000u

int expand_identity(struct model *m, const struct qemu *q, struct error *err)
{
	const struct qemu_model *base = qemu_model_named(q, m->base);

	if (!base)
		return error_set(err, -ENOENT, m->origin, 0,
				 "model '%s': %s (QEMU %s) has no base '%s'; `%s -cpu help` lists "
				 "its models",
				 m->name, q->path, q->version, m->base, q->path);
	if (strcmp(m->base, "host") == 0)
		return error_set(
			err, -ENOTSUP, m->origin, 0,
			"model '%s': base 'host' is another CPU on each node; name a fixed one",
			m->name);
	if (!*m->id.vendor)
		memcpy(m->id.vendor, base->id.vendor, sizeof(m->id.vendor));
	if (m->id.family < 0)
		m->id.family = base->id.family;
	if (m->id.model < 0)
		m->id.model = base->id.model;
	if (m->id.stepping < 0)
		m->id.stepping = base->id.stepping;
	if (!*m->id.vendor || m->id.family < 0 || m->id.model < 0 || m->id.stepping < 0)
		return error_set(err, -ENOENT, m->origin, 0,
				 "model '%s': base '%s' has no vendor or signature of its own; add "
				 "<vendor> and <signature family= model= stepping=>",
				 m->name, m->base);
	/* max_x86_cpu_realize (10.0) takes family 0 for none */
	if (base->computed && m->id.family == 0)
		return error_set(err, -ENOTSUP, m->origin, 0,
				 "model '%s': family 0 can't be had with base '%s'; name another "
				 "base",
				 m->name, m->base);
	return 0;
}

/*
 * Does @m have something that no guest can see? QEMU with enforce refuses only part of that: the
 * leaf of a feature that is off reads 0 (cpu_x86_cpuid, target/i386/cpu.c, 5.2 to 11.1), and an
 * Intel CPU shows SYSCALL in 64-bit mode alone (SDM 2A, CPUID, 80000001H:EDX; QEMU 10.0's TCG).
 */
static int check_visible(const struct model *m, struct error *err)
{
	int lm = feature_find("lm", 2), syscall = feature_find("syscall", 7);

	for (size_t i = 0; i < n_features; i++) {
		int need = feature_needs(i);

		if (!featset_has(&m->features, i) || need < 0 ||
		    featset_has(&m->features, (size_t)need))
			continue;
		return error_set(err, -ENOTSUP, m->origin, 0,
				 "model '%s': no guest sees its feature '%s' without '%s': add "
				 "that, or disable '%s'",
				 m->name, features[i].name, features[need].name, features[i].name);
	}
	if (strcmp(m->id.vendor, "GenuineIntel") == 0 &&
	    featset_has(&m->features, (size_t)syscall) && !featset_has(&m->features, (size_t)lm))
		return error_set(err, -ENOTSUP, m->origin, 0,
				 "model '%s': no guest sees its feature 'syscall' without 'lm' on "
				 "an Intel CPU: add that, or disable 'syscall'",
				 m->name);
	return 0;
}

/* The highest leaf that belongs to a feature: the leaf that shows it, or a leaf that shows only
 * with it. Software that uses XSAVE asks leaf 0DH how much it saves (SDM vol. 1, 13.2). */
static uint32_t leaf_of(size_t feature)
{
	uint32_t leaf = features[feature].leaf;

	for (size_t i = 0; i < n_features; i++)
		if (features[i].leaf > leaf && feature_needs(i) == (int)feature)
			leaf = features[i].leaf;
	return leaf;
}

/* The highest leaf of a range (basic, extended, Centaur's) that a guest must see for @m. */
static uint32_t highest_leaf(const struct model *m, uint32_t range)
{
	uint32_t highest = 0;

	for (size_t i = 0; i < n_features; i++) {
		uint32_t leaf = featset_has(&m->features, i) ? leaf_of(i) : 0;

		if ((leaf & CENTAUR) == range && leaf > highest)
			highest = leaf;
	}
	return highest;
}

/* The highest subleaf of leaf 7 that a guest must see for @m. */
static uint32_t highest_subleaf(const struct model *m)
{
	uint32_t highest = 0;

	for (size_t i = 0; i < n_features; i++)
		if (featset_has(&m->features, i) && features[i].leaf == 7 &&
		    features[i].subleaf > highest)
			highest = features[i].subleaf;
	return highest;
}

/*
 * Adds a property for the highest leaf, where the base's level may be too low. @needed is the leaf
 * that the features need, @own the base's level with the newest machine types. Old machine types
 * lower some bases' levels (PC_COMPAT_2_3 in hw/i386/pc.c) and don't raise them by what is switched
 * on (full-cpuid-auto-level, 2.8); @safe is the lowest of those levels. The property replaces the
 * base's level, so it says the higher one of @needed and @own.
 */
static void add_level(struct text *out, const char *property, uint32_t needed, uint32_t own,
		      uint32_t safe)
{
	uint32_t level = needed > own ? needed : own;

	if (needed > own || needed > safe)
		text_addf(out, ",%s=%#x", property, level);
}

/*
 * Puts the levels back to QEMU's defaults. A -global, or a [global] of -readconfig, is applied
 * before -cpu: a level there that is below a feature's leaf would hide the feature, even with
 * enforce. 0xffffffff is the default of the levels; it means the base's level with this machine
 * type (x86_cpu_properties and x86_cpu_expand_features, target/i386/cpu.c, 2.8 to 11.1).
 *
 * full-cpuid-auto-level raises the levels to what the features need. Machine types before 2.8
 * switch it off; QEMU 11.1, which has no such types any more, always does it. So EPYC on machine
 * types up to 2.12 gets 0x8000001e instead of 0x8000000a, the one level where these types differ
 * from the newer ones (measured with 7.2 and 10.0).
 */
static void add_usual_levels(struct text *out, const struct qemu *q)
{
	text_adds(out, ",level=0xffffffff,xlevel=0xffffffff,xlevel2=0xffffffff");
	if (q->has_auto_level)
		text_adds(out, ",full-cpuid-auto-level=on");
}

static void add_levels(struct text *out, const struct model *m, const struct qemu_model *base)
{
	uint32_t basic = highest_leaf(m, 0), extended = highest_leaf(m, EXTENDED);

	if (base->computed) {
		basic = basic > COMPUTED_LEVEL ? basic : COMPUTED_LEVEL;
		extended = extended > COMPUTED_XLEVEL ? extended : COMPUTED_XLEVEL;
		add_level(out, "min-level", basic, 0, 0);
		add_level(out, "min-xlevel", extended, 0, 0);
	} else {
		add_level(out, "min-level", basic, base->level, 1);
		add_level(out, "min-xlevel", extended, base->xlevel, EXTENDED + 1);
	}
	add_level(out, "min-xlevel2", highest_leaf(m, CENTAUR), 0, 0);
	/* this property is as old as the first feature there (4.2); a machine type before 2.8
	 * doesn't raise the level */
	add_level(out, CPUARG_LEVEL_FUNC7, highest_subleaf(m), 0, 0);
}

static void add_identity(struct text *out, const struct identity *id)
{
	if (strcmp(id->vendor, "host") != 0)
		text_addf(out, ",vendor=%s", id->vendor);
	text_addf(out, ",family=%d,model=%d,stepping=%d", id->family, id->model, id->stepping);
}

/* QEMU hides these features without pmu=on, which is off by default. With pmu=on it refuses them
 * where the accelerator lacks them: PDCM since 5.2 at the latest, arch-lbr in 11.1, not yet in 10.0
 * (cpu_x86_cpuid, x86_cpu_expand_features; measured). */
static void add_pmu(struct text *out, const struct model *m)
{
	static const char *const hidden[] = {"pdcm", "arch-lbr"};

	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		if (featset_has(&m->features, (size_t)feature_find(hidden[i], strlen(hidden[i])))) {
			text_adds(out, ",pmu=on");
			return;
		}
}

/* QEMU takes a base's version of AVX10 for a feature that is asked for, also without avx10
 * (GraniteRapids; x86_cpu_filter_features, measured with 11.1). */
static void add_avx10_version(struct text *out, const struct model *m, const struct qemu *q)
{
	if (q->has_avx10_version && !featset_has(&m->features, (size_t)feature_find("avx10", 5)))
		text_adds(out, ",avx10-version=0");
}

/* Refuses features of the definition that this QEMU has no property for. */
static int check_properties(const struct model *m, const struct qemu *q, struct error *err)
{
	struct featset unknown = m->features;
	_cleanup_text_ struct text names = {0};

	featset_subtract(&unknown, &q->properties);
	if (featset_count(&unknown) == 0)
		return 0;
	featset_print(&names, &unknown, " ");
	return error_set(err, -ENOTSUP, m->origin, 0,
			 "model '%s': QEMU %s doesn't know its features: %s", m->name, q->version,
			 names.data ? names.data : "");
}

/* Is this feature stated, on or off? A definition says nothing about MSRs, so what a base claims
 * about them (rdctl-no, ...) is switched off. Only VMX's MSR features stay as the base has them:
 * without them nested guests can't run. */
static bool is_stated(const struct feature *f)
{
	return f->kind == FEATURE_CPUID ||
	       (f->kind == FEATURE_MSR && strncmp(f->name, "vmx-", 4) != 0);
}

int expand_full(struct text *out, const struct model *m, const struct qemu *q, struct error *err)
{
	const struct qemu_model *base = qemu_model_named(q, m->base);
	int r = base ? check_properties(m, q, err)
		     : error_set(err, -ENOENT, m->origin, 0, "model '%s': no base '%s'", m->name,
				 m->base);

	if (r == 0)
		r = check_visible(m, err);
	if (r < 0)
		return r;
	text_adds(out, m->base);
	add_identity(out, &m->id);
	add_usual_levels(out, q);
	add_levels(out, m, base);
	add_pmu(out, m);
	add_avx10_version(out, m, q);
	for (size_t i = 0; i < n_features; i++)
		if (is_stated(&features[i]) && featset_has(&q->properties, i))
			text_addf(out, ",%s=%s", features[i].qemu,
				  featset_has(&m->features, i) ? "on" : "off");
	text_adds(out, ",enforce");
	return out->failed ? error_set(err, -ENOMEM, m->name, 0, "out of memory") : 0;
}

/* Adds the features of @set by QEMU's names, each with @value behind it. */
static void add_features(struct text *out, const struct featset *set, const char *value)
{
	for (size_t i = 0; i < n_features; i++)
		if (featset_has(set, i) && features[i].qemu)
			text_addf(out, ",%s=%s", features[i].qemu, value);
}

void expand_short(struct text *out, const struct model *m, const struct qemu *q)
{
	const struct qemu_model *base = qemu_model_named(q, m->base);
	struct featset on = m->features, off = {0};

	if (base)
		featset_subtract(&on, &base->features);
	qemu_brings(q, m->base, &off);
	featset_subtract(&off, &m->features);
	text_adds(out, m->base);
	add_identity(out, &m->id);
	add_pmu(out, m);
	add_avx10_version(out, m, q);
	add_features(out, &on, "on");
	add_features(out, &off, "off");
	text_adds(out, ",enforce");
}
