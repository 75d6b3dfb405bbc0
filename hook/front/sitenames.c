/* SPDX-License-Identifier: Apache-2.0 */
#include "sitenames.h"

#include <errno.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/table.h"
#include "cpumap/core/util.h"

#define MAP_LIMIT ((size_t)16 << 20)

/* mapinclude_print puts a `%` into `--`, which is removed here. */
static void drop_percent(char *name)
{
	char *to = name;

	for (const char *from = name; *from; from++)
		if (*from != '%')
			*to++ = *from;
	*to = '\0';
}

static bool is(const char *have, const char *name, size_t len)
{
	return strlen(have) == len && memcmp(have, name, len) == 0;
}

static enum names_answer find_in_include(const char *name, size_t len)
{
	/* libvirt before 4.7 has one file, with our models in it */
	_cleanup_free_ char *path = root_path(LIBVIRTMAP_DIR "/" LIBVIRTMAP_OURS), *text = NULL;
	_cleanup_free_ char *single = root_path(LIBVIRTMAP_DIR ".xml");
	char *pos, *word;
	size_t size;

	if (!path || !single ||
	    (file_read(path, TRUST_OWNER, MAP_LIMIT, &text, &size, NULL) < 0 &&
	     file_read(single, TRUST_OWNER, MAP_LIMIT, &text, &size, NULL) < 0))
		return NAMES_UNKNOWN;
	pos = strstr(text, MAPINCLUDE_NAMES);
	if (!pos)
		return NAMES_UNKNOWN;
	pos += strlen(MAPINCLUDE_NAMES);
	pos[strcspn(pos, "\n")] = '\0';
	while ((word = strsep(&pos, " "))) {
		drop_percent(word);
		if (is(word, name, len))
			return NAMES_OURS;
	}
	return NAMES_OTHER;
}

enum names_answer names_find(const char *name, size_t len, struct error *err)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);
	_cleanup_table_ struct table t = {0};

	if (!path)
		(void)error_set(err, -ENOMEM, TABLE_PATH, 0, "out of memory");
	if (!path || table_load_model(&t, path, name, len, err) < 0)
		return find_in_include(name, len);
	return t.n ? NAMES_OURS : NAMES_OTHER;
}
