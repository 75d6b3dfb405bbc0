/* SPDX-License-Identifier: Apache-2.0 */
/* Looking features up by name and by bit, and sets of them. */
#include "feature.h"

#include <errno.h>
#include <string.h>

#include "util.h"

static bool same_name(const char *known, const char *name, size_t len)
{
	if (!known || len == 0 || known[0] != name[0] || strlen(known) != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		char a = known[i] == '_' ? '-' : known[i];
		char b = name[i] == '_' ? '-' : name[i];

		if (a != b)
			return false;
	}
	return true;
}

static bool has_name(const struct feature *f, const char *name, size_t len)
{
	if (same_name(f->name, name, len) || same_name(f->qemu, name, len))
		return true;
	for (size_t a = 0; a < ARRAY_SIZE(f->alias) && f->alias[a]; a++)
		if (same_name(f->alias[a], name, len))
			return true;
	return false;
}

/* ---- finding by name: a hash of all spellings, made once ---- */

#define SLOTS 4096 /* a power of two, over twice the number of spellings */

/* index in features[] + 1; 0: free */
static uint16_t slot[SLOTS];

/* FNV-1a, of what same_name compares. */
static size_t hash_of(const char *name, size_t len)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)(name[i] == '_' ? '-' : name[i])) * 16777619u;
	return (hash ^ hash >> 16) % SLOTS;
}

/* The slot of @name, or the free one where it belongs. */
static uint16_t *slot_of(const char *name, size_t len)
{
	size_t at = hash_of(name, len);

	while (slot[at] && !has_name(&features[slot[at] - 1], name, len))
		at = (at + 1) % SLOTS;
	return &slot[at];
}

static void enter(size_t feature, const char *name)
{
	uint16_t *at = name ? slot_of(name, strlen(name)) : NULL;

	if (at && !*at)
		*at = (uint16_t)(feature + 1);
}

static void enter_all(void)
{
	for (size_t i = 0; i < n_features; i++) {
		enter(i, features[i].name);
		enter(i, features[i].qemu);
		for (size_t a = 0; a < ARRAY_SIZE(features[i].alias); a++)
			enter(i, features[i].alias[a]);
	}
}

int feature_find(const char *name, size_t len)
{
	static bool entered;

	if (!entered)
		enter_all();
	entered = true;
	return (int)*slot_of(name, len) - 1;
}

int feature_needs(size_t i)
{
	/* SDM 2A, CPUID; APM 3, E.4.9 */
	static const struct {
		uint32_t leaf;
		const char *feature;
	} needs[] = {
		{0xd, "xsave"},     {0xf, "cmt"},    {0x12, "sgx"},  {0x14, "intel-pt"},
		{0x1e, "amx-tile"}, {0x24, "avx10"}, {0x29, "apxf"}, {0x8000000a, "svm"},
	};

	for (size_t n = 0; n < ARRAY_SIZE(needs) && features[i].kind == FEATURE_CPUID; n++)
		if (features[i].leaf == needs[n].leaf)
			return feature_find(needs[n].feature, strlen(needs[n].feature));
	return -1;
}

void featset_union(struct featset *a, const struct featset *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(a->word); i++)
		a->word[i] |= b->word[i];
}

void featset_subtract(struct featset *a, const struct featset *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(a->word); i++)
		a->word[i] &= ~b->word[i];
}

void featset_intersect(struct featset *a, const struct featset *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(a->word); i++)
		a->word[i] &= b->word[i];
}

size_t featset_count(const struct featset *s)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(s->word); i++)
		n += (size_t)__builtin_popcountll(s->word[i]);
	return n;
}

bool featset_equal(const struct featset *a, const struct featset *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct feature *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

void featset_print(struct text *out, const struct featset *s, const char *sep)
{
	const struct feature *member[FEATURE_MAX];
	size_t n = 0;

	for (size_t i = 0; i < n_features; i++)
		if (featset_has(s, i))
			member[n++] = &features[i];
	qsort(member, n, sizeof(member[0]), compare_names);
	for (size_t i = 0; i < n; i++)
		text_addf(out, "%s%s", i ? sep : "", member[i]->name);
}

int featset_parse(struct featset *s, const char *text, size_t len, char sep, struct error *err)
{
	const char *end = text + len;

	*s = (struct featset){0};
	while (text < end) {
		const char *stop = memchr(text, sep, (size_t)(end - text));
		size_t n = (size_t)((stop ? stop : end) - text);
		int f = feature_find(text, n);
		char name[64];

		if (f < 0)
			return error_set(err, -EINVAL, NULL, 0, "unknown feature '%s'",
					 text_escape(name, sizeof(name), text, n));
		featset_add(s, (size_t)f);
		text += n + 1;
	}
	return 0;
}

static bool same_word(const struct feature_word *w, const struct feature *f)
{
	return w->leaf == f->leaf && w->subleaf == f->subleaf && w->reg == f->reg;
}

size_t feature_words(struct feature_word *words, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < n_features; i++) {
		const struct feature *f = &features[i];

		/* 0x40000000...: the hypervisor's, no part of a CPU model */
		if (f->kind == FEATURE_MSR || f->leaf >> 28 == 4)
			continue;
		if (n == 0 || !same_word(&words[n - 1], f)) {
			if (n == max)
				break;
			words[n++] = (struct feature_word){f->leaf, f->subleaf, f->reg, 0};
		}
		words[n - 1].named |= UINT32_C(1) << f->bit;
	}
	return n;
}
