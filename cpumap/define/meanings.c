/* SPDX-License-Identifier: Apache-2.0 */
/* What models have meant so far on this node. */
#include <errno.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/util.h"
#include "compile.h"

/* A table that is lost or damaged has nothing to say: the published names stay. */
int meanings_load(struct meanings *m, struct error *err)
{
	_cleanup_free_ char *published = root_path(PUBLISHED_PATH), *table = root_path(TABLE_PATH);
	int r;

	if (!published || !table)
		return error_set(err, -ENOMEM, NULL, 0, "out of memory");
	r = published_load(&m->published, published, err);
	if (r < 0)
		return r;
	(void)table_load(&m->table, table, NULL);
	if (published_table(&m->published, &m->table) < 0)
		return error_set(err, -ENOMEM, published, 0, "out of memory");
	return 0;
}

void meanings_free(struct meanings *m)
{
	published_free(&m->published);
	table_free(&m->table);
}
