/* SPDX-License-Identifier: Apache-2.0 */
/* What a CPU model is: a name, the QEMU model to start from, an identity, and features. */
#ifndef CPUSHIM_MODEL_H
#define CPUSHIM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "feature.h"

/* Who a CPU says it is: CPUID leaf 0 and leaf 1 EAX (SDM vol. 2A, CPUID). */
struct identity {
	char vendor[13];             /* 12 characters, "host", or "" where not (yet) said */
	int family, model, stepping; /* as displayed (extended parts added); -1: not said */
};

#define IDENTITY_NONE ((struct identity){.family = -1, .model = -1, .stepping = -1})

struct model {
	char *name;
	char *origin;            /* FILE:LINE of its definition */
	char *base;              /* QEMU's model to start from; NULL: none could be found */
	struct identity id;      /* what isn't said comes from the base */
	struct featset features; /* FEATURE_CPUID only */
};

struct model_list {
	struct model *item;
	size_t n;
};

void model_free(struct model *m);
#define _cleanup_model_ __attribute__((cleanup(model_free)))
void model_list_free(struct model_list *l);

/* model_named: the model of that name, or NULL. */
struct model *model_named(const struct model_list *l, const char *name);

struct table_row;

/* model_of_row: the definition that a row was made of. The caller frees @m, also on error. */
int model_of_row(struct model *m, const struct table_row *row, struct error *err);

/* model_is_computed: is @base a model of QEMU's whose features QEMU computes when it starts, so that
 * they are others with each QEMU? These are max, host and base (target/i386/cpu.c, 2.8 to 11.1). */
bool model_is_computed(const char *base);

/* model_name_valid: [A-Za-z0-9][A-Za-z0-9._-]{0,63} */
bool model_name_valid(const char *name, size_t len);

#endif
