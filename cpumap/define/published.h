/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published names: what each site model means, by its definition's digest. A guest migrates by
 * its model's name, so a name that was once in a table always means the same, whatever becomes of
 * the table.
 *
 *	# a comment
 *	MODEL DIGEST
 *
 * Sorted by name. Only `cpushim compile` writes it. A name stays in it when its definition is
 * removed.
 */
#ifndef CPUSHIM_PUBLISHED_H
#define CPUSHIM_PUBLISHED_H

#include "cpumap/core/error.h"
#include "cpumap/core/table.h"

struct published_name {
	char model[MODEL_NAME_MAX + 1];
	char digest[DIGEST_HEX];
};

struct published {
	struct published_name *name; /* sorted by model */
	size_t n;
};

/**
 * published_load: read the file at @path. It must be root's or the caller's own, and nobody else
 * may write it. No file: nothing is published. -EINVAL: a line isn't MODEL DIGEST, or names a model
 * twice. Then no name's meaning is known, and the caller mustn't take any name for unpublished.
 */
int published_load(struct published *p, const char *path, struct error *err);
void published_free(struct published *p);

/* published_digest: the digest that @model was published with; NULL: it never was. */
const char *published_digest(const struct published *p, const char *model);

/* published_put: @model means @digest from now on. -ENOMEM, -EINVAL: not a name or no digest. */
int published_put(struct published *p, const char *model, const char *digest);

/* published_remove: forget @model, which may mean anything again. */
void published_remove(struct published *p, const char *model);

/* published_table: publish the names of a table that was in use, too. */
int published_table(struct published *p, const struct table *t);

struct text;
void published_print(struct text *out, const struct published *p);

#endif
