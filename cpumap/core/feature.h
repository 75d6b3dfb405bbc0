/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU features: one table of every name that libvirt or QEMU has for a CPUID bit (and of the
 * MSR features by name), and sets of them. libc alone: the wrapper uses it.
 */
#ifndef CPUSHIM_FEATURE_H
#define CPUSHIM_FEATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cpuid_reg { REG_EAX, REG_EBX, REG_ECX, REG_EDX };

enum feature_kind {
	FEATURE_CPUID, /* part of a definition: on or off, proven by CPUID */
	FEATURE_OTHER, /* a CPUID bit that something else decides (hypervisor, ht, cmp_legacy,
			* osxsave, ospke, paravirtual leaves): not part of a definition */
	FEATURE_MSR,   /* lives in an MSR: can't be proven by CPUID, a definition can't name it */
};

struct feature {
	const char *name;     /* libvirt's spelling; QEMU's where libvirt has none */
	const char *qemu;     /* QEMU's property (as `f=on` takes it in every release that has it);
			       * NULL: QEMU has never had one */
	const char *alias[4]; /* other spellings of either, NULL-terminated */
	enum feature_kind kind;
	uint32_t leaf, subleaf; /* FEATURE_MSR: the MSR's number, and 0 */
	enum cpuid_reg reg;     /* FEATURE_MSR: EAX, its low half, or EDX, its high half (RDMSR) */
	unsigned int bit;
};

/* All features, sorted by leaf, subleaf, register and bit; the MSR features last. */
extern const struct feature features[];
extern const size_t n_features;

#define FEATURE_MAX 512

/* A set of features, by index in features[]. Zero-initialised: empty. */
struct featset {
	uint64_t word[FEATURE_MAX / 64];
};

/**
 * feature_find: the feature that @len bytes of @name mean, in libvirt's or QEMU's spelling or any
 * alias; `_` and `-` count as the same. Returns its index in features[], or -1.
 */
int feature_find(const char *name, size_t len);

/* feature_needs: the feature without which a CPU doesn't show @i (its leaf reads 0 then), or -1. */
int feature_needs(size_t i);

static inline bool featset_has(const struct featset *s, size_t i)
{
	return s->word[i / 64] >> (i % 64) & 1;
}

static inline void featset_add(struct featset *s, size_t i)
{
	s->word[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline void featset_remove(struct featset *s, size_t i)
{
	s->word[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

/* @a becomes: a and b together; a without b; what both have. */
void featset_union(struct featset *a, const struct featset *b);
void featset_subtract(struct featset *a, const struct featset *b);
void featset_intersect(struct featset *a, const struct featset *b);
size_t featset_count(const struct featset *s);
bool featset_equal(const struct featset *a, const struct featset *b);

struct text;
struct error;

/* featset_print: names in libvirt's spelling, sorted by name, separated by @sep. */
void featset_print(struct text *out, const struct featset *s, const char *sep);

/* featset_parse: the reverse, from @len bytes; -EINVAL at a name that isn't known. */
int featset_parse(struct featset *s, const char *text, size_t len, char sep, struct error *err);

/* A CPUID register that holds features: each once, in the order of features[]. */
struct feature_word {
	uint32_t leaf, subleaf;
	enum cpuid_reg reg;
	uint32_t named; /* bits that features[] has a name for */
};

/* feature_words: fills up to @max words, returns how many there are. */
size_t feature_words(struct feature_word *words, size_t max);

#endif
