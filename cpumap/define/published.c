/* SPDX-License-Identifier: Apache-2.0 */
#include "published.h"

#include <errno.h>

#include "cpumap/core/model.h"
#include "cpumap/core/util.h"
#include "digest.h"

#define PUBLISHED_LIMIT ((size_t)4 << 20)

#define HEADER                                                                                     \
	"# What the site's CPU models mean, by digest, for as long as guests may migrate by "      \
	"their "                                                                                   \
	"names.\n"                                                                                 \
	"# `cpushim compile` writes this file, and refuses to give a name in it another "          \
	"meaning.\n"

void published_free(struct published *p)
{
	free(p->name);
	*p = (struct published){0};
}

static struct published_name *find(const struct published *p, const char *model)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->name[i].model, model) == 0)
			return &p->name[i];
	return NULL;
}

const char *published_digest(const struct published *p, const char *model)
{
	const struct published_name *name = find(p, model);

	return name ? name->digest : NULL;
}

static int compare_names(const void *a, const void *b)
{
	const struct published_name *x = a, *y = b;

	return strcmp(x->model, y->model);
}

int published_put(struct published *p, const char *model, const char *digest)
{
	struct published_name *name = find(p, model);

	if (!model_name_valid(model, strlen(model)) || !digest_valid(digest))
		return -EINVAL;
	if (!name) {
		struct published_name *grown = reallocarray(p->name, p->n + 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		p->name = grown;
		name = &grown[p->n++];
		(void)snprintf(name->model, sizeof(name->model), "%s", model);
	}
	(void)snprintf(name->digest, sizeof(name->digest), "%s", digest);
	qsort(p->name, p->n, sizeof(*p->name), compare_names);
	return 0;
}

void published_remove(struct published *p, const char *model)
{
	struct published_name *name = find(p, model);

	if (!name)
		return;
	p->n--;
	memmove(name, name + 1, (size_t)(p->name + p->n - name) * sizeof(*name));
}

int published_table(struct published *p, const struct table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct table_row *row = &t->row[i];

		if (!*row->refused && !find(p, row->model) &&
		    published_put(p, row->model, row->digest) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

/* Parses one line, without its newline. */
static int parse_line(struct published *p, char *line, const char *path, unsigned int number,
		      struct error *err)
{
	char *digest = strchr(line, ' ');
	int r = -EINVAL;

	if (!*line || *line == '#')
		return 0;
	if (digest) {
		*digest++ = '\0';
		if (!find(p, line))
			r = published_put(p, line, digest);
	}
	if (r == -ENOMEM)
		return error_set(err, r, path, number, "out of memory");
	return r == 0 ? 0
		      : error_set(
				err, r, path, number,
				"isn't a line MODEL DIGEST, each model once, so it can't be known "
				"what the names mean to guests; mend it, or copy it from another "
				"node of this site");
}

static int parse(struct published *p, char *text, size_t len, const char *path, struct error *err)
{
	unsigned int number = 0;
	char *rest = text, *line;
	int r = 0;

	if (memchr(text, '\0', len))
		return error_set(err, -EINVAL, path, 0,
				 "isn't text; copy it from another node of this site");
	/* a file that was cut would forget names */
	if (len == 0 || *text != '#' || text[len - 1] != '\n')
		return error_set(err, -EINVAL, path, 0,
				 "has lost its first or its last line; copy it from another node "
				 "of this site");
	while (r == 0 && (line = strsep(&rest, "\n")))
		r = parse_line(p, line, path, ++number, err);
	return r;
}

int published_load(struct published *p, const char *path, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r;

	*p = (struct published){0};
	r = file_read(path, TRUST_OWNER, PUBLISHED_LIMIT, &text, &len, err);
	if (r == -ENOENT) {
		if (err)
			*err = (struct error){0};
		return 0;
	}
	if (r == 0)
		r = parse(p, text, len, path, err);
	if (r < 0)
		published_free(p);
	return r;
}

void published_print(struct text *out, const struct published *p)
{
	text_adds(out, HEADER);
	for (size_t i = 0; i < p->n; i++)
		text_addf(out, "%s %s\n", p->name[i].model, p->name[i].digest);
}
