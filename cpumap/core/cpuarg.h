/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU's -cpu argument: which feature a property names, which property counts, and how a
 * caller's properties and a model's expansion become one argument. libc alone: the wrapper uses
 * it, and the hook compares a running QEMU's argument with it.
 *
 * Facts of QEMU's parser (target/i386/cpu.c, x86_cpu_parse_featurestr and
 * x86_cpu_expand_features, 2.4 to 11.1; measured): `-f` beats `+f`, both beat `f=...`, whatever
 * the order; among `=` the last wins. `_` becomes `-` in `name=value` and a bare name, not in
 * `+name`. A bare name means on. Values: on off yes no true false. Empty properties are skipped.
 */
#ifndef CPUSHIM_CPUARG_H
#define CPUSHIM_CPUARG_H

#include <stdbool.h>
#include <stddef.h>

struct text;

/* QEMU's property for the highest subleaf of leaf 7; an expansion that needs it has it once. */
#define CPUARG_LEVEL_FUNC7 "level-func7"

/* One property of a -cpu argument; points into the argument's text, owns nothing. */
struct cpu_prop {
	const char *name; /* without `+`, `-` or `=value` */
	size_t name_len;
	const char *value; /* NULL: none was written */
	size_t value_len;
	char sign;   /* '+', '-', or 0 */
	int feature; /* index in features[], or -1 */
};

/* cpuarg_model_len: how many characters of @arg are the model's name. */
size_t cpuarg_model_len(const char *arg);

/**
 * cpuarg_next: step through the properties of an argument. *@pos points at the comma in front
 * of the next property (start: arg + cpuarg_model_len(arg)). Empty ones are skipped.
 * Returns false at the end.
 */
bool cpuarg_next(const char **pos, struct cpu_prop *prop);

/**
 * cpuarg_merge: the argument that gives a model's expansion with a caller's properties on top.
 * What the caller names (under any alias) is left out of @expansion; a caller's attempt to
 * switch `enforce` or `check` off, and his `ht` or `cmp_legacy` on, is dropped; `enforce` stays.
 * level-func7 becomes as high as what the caller switches on needs.
 * Everything else of @props is passed byte for byte, behind the expansion.
 * @expansion: the table's: BASE,name=value,...,enforce
 * @props: the caller's argument from its first comma on ("" for none)
 */
void cpuarg_merge(struct text *out, const char *expansion, const char *props);

/**
 * cpuarg_matches: is @arg, a running QEMU's -cpu, the expansion, by effective value? Base,
 * identity, every feature as @expansion states it unless @own allows another (the domain's own
 * features, by feature; NULL for none), enforce, and nothing that hides features (levels, pmu=off)
 * as @expansion doesn't say it. Other properties are ignored.
 * @why: receives the first difference, if not NULL and the answer is no
 */
struct featset;
bool cpuarg_matches(const char *expansion, const char *arg, const struct featset *own,
		    struct text *why);

#endif
