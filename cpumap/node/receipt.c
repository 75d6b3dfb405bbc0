/* SPDX-License-Identifier: Apache-2.0 */
#include "receipt.h"

#include <errno.h>

#include "cpumap/core/paths.h"

#define HEADER        "cpushim-receipt 2"
#define HEADER_1      "cpushim-receipt 1" /* the same without an end */
#define REBUILT       " rebuilt"          /* behind the header */
#define END           "end\t"
#define RECEIPT_LIMIT ((size_t)4 << 20)

void receipt_free(struct receipt *r)
{
	free(r->path);
	strv_free(&r->lines);
	*r = (struct receipt){0};
}

/* The beginning of a line: KIND<TAB>PATH<TAB>, and the digest if one is given. */
static char *beginning(const char *kind, const char *path, const char *sha256)
{
	char *s;

	if (asprintf(&s, "%s\t%s\t%s%s", kind, path, sha256 ? sha256 : "", sha256 ? "\t" : "") < 0)
		return NULL;
	return s;
}

static bool starts(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

/* Whether the path of a line is absolute and has no "..": of a damaged line the path could be anybody's. */
static bool has_plain_path(const char *line)
{
	const char *path = strchr(line, '\t');
	const char *up = path ? strstr(path, "/..") : NULL;

	while (up && up[3] && !strchr("/\t", up[3]))
		up = strstr(up + 1, "/..");
	return path && path[1] == '/' && !up;
}

/* A line of the manifest: KIND DIGEST PATH, with "-" for no digest. */
static int import_line(struct receipt *r, char *line)
{
	char *kind = strtok(line, " "), *digest = strtok(NULL, " "), *path = strtok(NULL, "");
	_cleanup_free_ char *now = NULL;

	if (!path)
		return 0;
	if (asprintf(&now, "%s\t%s\t%s\t-\t-\t-", kind, path, digest) < 0) {
		now = NULL;
		return -ENOMEM;
	}
	return has_plain_path(now) ? strv_add(&r->lines, now, strlen(now)) : 0;
}

/* Takes the first line, and says in *@ends whether the last one has to be an end. */
static bool take_header(struct receipt *r, const char *line, bool *ends)
{
	*ends = starts(line, HEADER);
	if (!*ends && !starts(line, HEADER_1))
		return false;
	r->rebuilt = strcmp(line + strlen(HEADER), REBUILT) == 0;
	return r->rebuilt || line[strlen(HEADER)] == '\0';
}

/* Splits @text into lines. What was cut off, by a disk that ran full, or begins with something else tells only
 * a part. */
static int take_lines(struct receipt *r, char *text)
{
	bool ends = true, whole = false, begun = false, odd = false;
	char *end, *line = text;
	int rc = 0;

	for (; rc == 0 && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (line == text && (begun = take_header(r, line, &ends)))
			continue;
		whole = ends && starts(line, END) &&
			strtoul(line + strlen(END), NULL, 10) == r->lines.n;
		if (ends && starts(line, END))
			continue;
		if (has_plain_path(line))
			rc = strv_add(&r->lines, line, strlen(line));
		else
			odd = true;
	}
	r->lost = r->rebuilt || !begun || odd || *line || (ends && !whole);
	return rc;
}

static int take_manifest(struct receipt *r, char *text)
{
	char *end;
	int rc = 0;

	for (char *line = text; rc == 0 && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		rc = import_line(r, line);
	}
	return rc;
}

int receipt_load(struct receipt *r, struct error *err)
{
	_cleanup_free_ char *manifest = root_path(MANIFEST_PATH), *text = NULL;
	bool old = false;
	size_t len;
	int rc;

	r->path = root_path(RECEIPT_PATH);
	if (!r->path || !manifest)
		return error_set(err, -ENOMEM, RECEIPT_PATH, 0, "out of memory");
	rc = file_read(r->path, TRUST_OWNER, RECEIPT_LIMIT, &text, &len, err);
	if (rc == -ENOENT) {
		old = true;
		rc = file_read(manifest, TRUST_OWNER, RECEIPT_LIMIT, &text, &len, err);
	}
	/* one that is too large to be ours is written anew */
	r->lost = rc == -ENOENT || rc == -EFBIG;
	if (rc == -EINVAL)
		return error_set(err, rc, r->path, 0, "is no regular file; move it away");
	if (rc < 0)
		return r->lost ? 0 : rc;
	if ((old ? take_manifest(r, text) : take_lines(r, text)) < 0)
		return error_set(err, -ENOMEM, RECEIPT_PATH, 0, "out of memory");
	return 0;
}

bool receipt_has(const struct receipt *r, const char *kind, const char *path, const char *sha256)
{
	_cleanup_free_ char *start = beginning(kind, path, sha256);

	for (size_t i = 0; start && i < r->lines.n; i++)
		if (starts(r->lines.item[i], start))
			return true;
	return false;
}

static int save(struct receipt *r, struct error *err)
{
	_cleanup_free_ char *manifest = root_path(MANIFEST_PATH);
	_cleanup_text_ struct text t = {0};
	int rc;

	text_addf(&t, "%s%s\n", HEADER, r->rebuilt ? REBUILT : "");
	for (size_t i = 0; i < r->lines.n; i++)
		text_addf(&t, "%s\n", r->lines.item[i]);
	text_addf(&t, END "%zu\n", r->lines.n);
	if (t.failed || !manifest)
		return error_set(err, -ENOMEM, RECEIPT_PATH, 0, "out of memory");
	rc = file_write(r->path, 0644, t.data, t.len, NULL, err);
	if (rc < 0)
		return rc;
	(void)unlink(manifest); /* all of it is in the receipt now */
	return 0;
}

int receipt_note(struct receipt *r, const char *kind, const char *path,
		 const struct receipt_entry *e, struct error *err)
{
	static const struct receipt_entry nothing = {0};
	const struct receipt_entry *with = e ? e : &nothing;

	if (receipt_has(r, kind, path, with->sha256))
		return 0;
	if (strv_addf(&r->lines, "%s\t%s\t%s\t%s\t%s\t%s", kind, path,
		      with->sha256 ? with->sha256 : "-", with->mode ? with->mode : "-",
		      with->owner ? with->owner : "-", with->before ? with->before : "-") < 0)
		return error_set(err, -ENOMEM, RECEIPT_PATH, 0, "out of memory");
	return save(r, err);
}

int receipt_forget(struct receipt *r, const char *kind, const char *path, struct error *err)
{
	_cleanup_free_ char *start = beginning(kind, path, NULL);
	size_t left = 0;

	if (!start)
		return error_set(err, -ENOMEM, RECEIPT_PATH, 0, "out of memory");
	if (!receipt_has(r, kind, path, NULL))
		return 0;
	for (size_t i = 0; i < r->lines.n; i++) {
		if (starts(r->lines.item[i], start))
			free(r->lines.item[i]);
		else
			r->lines.item[left++] = r->lines.item[i];
	}
	r->lines.n = left;
	return save(r, err);
}

int receipt_paths(const struct receipt *r, const char *kind, struct strv *paths)
{
	size_t len = strlen(kind);
	int rc = 0;

	for (size_t i = 0; i < r->lines.n && rc == 0; i++) {
		const char *line = r->lines.item[i], *path = line + len + 1;

		if (starts(line, kind) && line[len] == '\t')
			rc = strv_add(paths, path, strcspn(path, "\t"));
	}
	strv_sort(paths);
	return rc;
}
