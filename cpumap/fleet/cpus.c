/* SPDX-License-Identifier: Apache-2.0 */
#include "cpus.h"

#include <errno.h>

#include "views.h"

#define RANGE    UINT32_C(0xffff0000)
#define EXTENDED UINT32_C(0x80000000)
#define SSE2     (1u << 26) /* leaf 1, EDX */

#define WORDS_MAX 128

/* ---- is it a whole CPU? ---- */

static bool is_vendor(const char *vendor)
{
	for (size_t i = 0; i < 12; i++)
		if (vendor[i] < ' ' || vendor[i] > '~')
			return false;
	return true;
}

/* The highest leaf of the extended range; 0: there is no such range, or it isn't told. */
static uint32_t highest_extended(const struct answers *a)
{
	const struct cpuid_entry *e = answers_find(a, EXTENDED, 0);

	return e && (e->reg[REG_EAX] & RANGE) == EXTENDED ? e->reg[REG_EAX] : 0;
}

/* Why these can't be the answers of a whole CPU; NULL: they can. */
static const char *broken(const struct answers *a)
{
	const struct cpuid_entry *first = answers_find(a, 1, 0);
	struct identity id;

	if (!answers_find(a, 0, 0))
		return "a CPU without leaf 0: the text lacks its beginning, or isn't a dump of an "
		       "x86 CPU";
	cpuid_identity(&a->cpu, &id);
	if (!is_vendor(id.vendor))
		return "leaf 0 has a vendor that no x86 CPU has";
	if (!first)
		return "a CPU without leaf 1: the text was cut off";
	/* all CPUs that have SSE2 have extended leaves */
	if (first->reg[REG_EDX] & SSE2 &&
	    (!answers_find(a, EXTENDED, 0) ||
	     (highest_extended(a) > EXTENDED && !answers_find(a, EXTENDED + 1, 0))))
		return "a CPU without its extended leaves: the text was cut off";
	return NULL;
}

/* The extended leaf behind the last one that was read, if there should be one; else 0. */
static uint32_t missing_extended(const struct answers *a)
{
	uint32_t highest = highest_extended(a), last = 0;

	for (size_t i = 0; i < a->cpu.n; i++)
		if (a->cpu.entry[i].leaf >= EXTENDED && a->cpu.entry[i].leaf <= highest)
			last = a->cpu.entry[i].leaf;
	return last < highest ? last + 1 : 0;
}

/* ---- is it like the first one? ---- */

/* The words that hold features, with the bits of those alone that the CPU itself decides. */
static const struct feature_word *all_words(size_t *n)
{
	static struct feature_word words[WORDS_MAX];
	static size_t n_words;

	*n = n_words;
	if (n_words > 0)
		return words;
	*n = n_words = feature_words(words, WORDS_MAX);
	for (size_t w = 0; w < n_words; w++)
		for (size_t i = 0; i < n_features; i++)
			if (features[i].kind == FEATURE_OTHER &&
			    features[i].leaf == words[w].leaf &&
			    features[i].subleaf == words[w].subleaf &&
			    features[i].reg == words[w].reg)
				words[w].named &= ~(UINT32_C(1) << features[i].bit);
	return words;
}

/* How a CPU is unlike the first one. */
enum likeness {
	ALIKE,
	FEWER,   /* one lacks a leaf that says nothing in the other one */
	UNLIKE,  /* in what was read of both */
	LACKING, /* it lacks a leaf that the first one has, with features in it */
	FOREIGN, /* of another vendor */
};

static enum likeness compare_word(const struct answers *first, const struct answers *now,
				  const struct feature_word *w)
{
	const struct cpuid_entry *a = answers_find(first, w->leaf, w->subleaf);
	const struct cpuid_entry *b = answers_find(now, w->leaf, w->subleaf);
	uint32_t had = a ? a->reg[w->reg] & w->named : 0, has = b ? b->reg[w->reg] & w->named : 0;

	if (!b && had)
		return answers_deny(now, w->leaf, w->subleaf) ? UNLIKE : LACKING;
	if (!a && has)
		return answers_deny(first, w->leaf, w->subleaf) ? UNLIKE : FEWER;
	if (!a != !b)
		return FEWER;
	return had != has ? UNLIKE : ALIKE;
}

static enum likeness compare_identity(const struct answers *first, const struct answers *now)
{
	struct identity a, b;

	cpuid_identity(&first->cpu, &a);
	cpuid_identity(&now->cpu, &b);
	if (strcmp(a.vendor, b.vendor) != 0)
		return FOREIGN;
	return a.family == b.family && a.model == b.model && a.stepping == b.stepping ? ALIKE
										      : UNLIKE;
}

static bool same_msrs(const struct answers *a, const struct answers *b)
{
	if (a->n_msrs != b->n_msrs)
		return false;
	for (size_t i = 0; i < a->n_msrs; i++)
		if (a->msr[i].number != b->msr[i].number || a->msr[i].value != b->msr[i].value)
			return false;
	return true;
}

/* @at: receives the word that it lacks. */
static enum likeness compare(const struct answers *first, const struct answers *now,
			     const struct feature_word **at)
{
	enum likeness is = compare_identity(first, now);
	size_t n;
	const struct feature_word *words = all_words(&n);

	for (size_t i = 0; i < n; i++) {
		enum likeness word = compare_word(first, now, &words[i]);

		if (word == LACKING)
			*at = &words[i];
		is = word > is ? word : is;
	}
	if (is < UNLIKE && !same_msrs(first, now))
		is = UNLIKE;
	if (is == ALIKE && answers_physbits(first) != answers_physbits(now))
		is = FEWER;
	return is;
}

/* ---- one CPU after the other ---- */

int cpus_add(struct cpus *c, const struct cpuid_entry *entry, const struct input *in,
	     unsigned int number, struct error *err)
{
	switch (answers_add(&c->now, entry)) {
	case 0:
		return 0;
	case -EOVERFLOW:
		return input_bad(in, number, err, "more leaves than any CPU has");
	default:
		return error_set(err, -ENOMEM, in->name, 0, "out of memory");
	}
}

int cpus_add_msr(struct cpus *c, uint32_t msr, uint64_t value, const struct input *in,
		 unsigned int number, struct error *err)
{
	return answers_add_msr(&c->now, msr, value) < 0
		       ? input_bad(in, number, err, "more MSRs than a dump has")
		       : 0;
}

static void share(struct cpus *c)
{
	_cleanup_host_ struct host now = HOST_UNKNOWN;

	answers_host(&c->now, &now);
	view_share(&c->shared.view[HOST_CPU], &now.view[HOST_CPU]);
	if (now.physbits < c->shared.physbits)
		c->shared.physbits = now.physbits;
}

/* The first CPU's answers are retained: the others are compared with them. */
static void begin(struct cpus *c)
{
	struct answers none = c->first;

	c->first = c->now;
	c->now = none;
	c->shared = HOST_UNKNOWN;
	answers_host(&c->first, &c->shared);
}

static int check_and_share(struct cpus *c, const struct input *in, unsigned int number,
			   struct error *err)
{
	const struct feature_word *at = NULL;

	switch (compare(&c->first, &c->now, &at)) {
	case FOREIGN:
		return input_bad(in, number, err,
				 "CPU %u is of another vendor than the first one: not one host's",
				 c->n);
	case LACKING:
		return input_bad(
			in, number, err,
			"CPU %u lacks leaf %08x, subleaf %x, which the first one has: the text was "
			"cut off",
			c->n, at->leaf, at->subleaf);
	case UNLIKE:
		c->uneven = true;
		share(c);
		return 0;
	case FEWER:
		share(c);
		return 0;
	default:
		return 0;
	}
}

int cpus_end(struct cpus *c, unsigned int times, const struct input *in, unsigned int number,
	     struct error *err)
{
	const char *why;
	uint32_t leaf;
	int r = 0;

	if (answers_sort(&c->now) < 0)
		return input_bad(in, number, err,
				 "a CPU has a leaf or MSR twice, with different answers");
	why = broken(&c->now);
	if (why)
		return input_bad(in, number, err, "%s", why);
	leaf = c->lists_all && c->n == 0 ? missing_extended(&c->now) : 0;
	if (leaf)
		return input_bad(in, number, err,
				 "the CPU lacks its leaves from %08x on: the text was cut off",
				 leaf);
	if (times > CPULIST_MAX - c->n)
		return input_bad(in, number, err, "a host of more than %d CPUs", CPULIST_MAX);
	if (c->n == 0)
		begin(c);
	else
		r = check_and_share(c, in, number, err);
	c->n += times;
	c->now.cpu.n = 0;
	c->now.n_msrs = 0;
	return r;
}

void cpus_tell(struct cpus *c, struct host *h)
{
	h->id = c->shared.id;
	h->physbits = c->shared.physbits;
	h->view[HOST_CPU] = c->shared.view[HOST_CPU];
	free(h->brand);
	h->brand = steal_pointer(&c->shared.brand);
	h->uneven = c->uneven;
	h->cpus = c->n;
}

void cpus_free(struct cpus *c)
{
	answers_free(&c->now);
	answers_free(&c->first);
	host_free(&c->shared);
}
