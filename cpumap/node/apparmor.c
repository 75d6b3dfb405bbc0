/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AppArmor's profile of a guest allows /usr/bin/qemu-system-* by exact names; the real QEMU behind
 * the wrapper needs another line, in a local override that upgrades leave alone. The override
 * that libvirt's profile includes is Debian's since 6.9, and upstream's since 9.6.
 */
#include <errno.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/paths.h"
#include "change.h"
#include "emulators.h"
#include "steps.h"

#define UPSTREAM   APPARMOR_QEMU ".d/cpushim"
#define FILE_LIMIT ((size_t)4 << 20)
#define LINE_END   EMULATOR_REAL " rmix, # cpushim"

static int no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, APPARMOR_QEMU, 0, "out of memory");
}

/* A file's text; "" if there is none. */
static int read_text(const char *path, char **text, size_t *len, struct error *err)
{
	_cleanup_free_ char *here = root_path(path);
	int r = here ? file_read(here, TRUST_ANY, FILE_LIMIT, text, len, err) : no_memory(err);

	if (r != -ENOENT)
		return r;
	*len = 0;
	*text = strdup("");
	return *text ? 0 : no_memory(err);
}

/* Which override the profile includes; NULL: none */
static const char *included(const char *profile)
{
	if (strstr(profile, "local/abstractions/libvirt-qemu"))
		return APPARMOR_LOCAL;
	return strstr(profile, "abstractions/libvirt-qemu.d") ? UPSTREAM : NULL;
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && (at[len] == '\n' || !at[len]))
			return true;
	return false;
}

/* In front: the last line of the site's may lack its end. */
static int allow(struct node *n, const char *path, const char *emulator, struct error *err)
{
	_cleanup_free_ char *text = NULL, *line = NULL;
	_cleanup_text_ struct text edited = {0};
	size_t len = 0;
	int r = read_text(path, &text, &len, err);

	if (r < 0)
		return r;
	if (asprintf(&line, "  %s" LINE_END, emulator) < 0) {
		line = NULL;
		return no_memory(err);
	}
	if (has_line(text, line))
		return 0;
	text_addf(&edited, "%s\n", line);
	text_add(&edited, text, len);
	return edited.failed ? no_memory(err) : change_edit(n, path, edited.data, edited.len, err);
}

int allow_in_apparmor(struct node *n, struct error *err)
{
	_cleanup_free_ char *profile = NULL;
	const char *path;
	size_t len;
	int r = node_has(APPARMOR_QEMU) ? read_text(APPARMOR_QEMU, &profile, &len, err) : 0;

	if (r < 0 || !profile)
		return r;
	path = included(profile);
	for (size_t i = 0; i < n->emulators.n && r == 0; i++) {
		if (path)
			r = allow(n, path, n->emulators.item[i], err);
		else
			node_warn(n,
				  APPARMOR_QEMU
				  ": includes no local override; add to it:   %s" LINE_END,
				  n->emulators.item[i]);
	}
	return r;
}

/* Without the lines that end as ours do. */
static void drop_lines(struct text *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n"), end = strlen(LINE_END);
		bool ours = len > end && strncmp(text, "  /", 3) == 0 &&
			    strncmp(text + len - end, LINE_END, end) == 0;

		if (text[len])
			len++;
		if (!ours)
			text_add(out, text, len);
		text += len;
	}
}

/* The directory that was made for it, if nobody else has put something there. */
static int leave_directory(struct node *n, const char *path, struct error *err)
{
	_cleanup_free_ char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));
	int r;

	if (!dir)
		return no_memory(err);
	if (!receipt_has(&n->receipt, RECEIPT_DIR, dir, NULL))
		return 0;
	r = change_undirectory(n, dir, err);
	return r < 0 || n->removing || n->dry_run || node_has(dir)
		       ? r
		       : receipt_forget(&n->receipt, RECEIPT_DIR, dir, err);
}

static int disallow(struct node *n, const char *path, struct error *err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_text_ struct text rest = {0};
	size_t len = 0;
	bool made = receipt_has(&n->receipt, RECEIPT_MADE, path, NULL);
	int r;

	if (!node_has(path))
		return 0;
	r = read_text(path, &text, &len, err);
	if (r < 0)
		return r;
	text_adds(&rest, "");
	drop_lines(&rest, text);
	if (rest.failed)
		return no_memory(err);
	if (rest.len == 0 && (made || (n->receipt.lost && strcmp(path, UPSTREAM) == 0))) {
		r = change_delete(n, path, err);
		return r == 0 ? leave_directory(n, path, err) : r;
	}
	return rest.len == len ? 0 : change_edit(n, path, rest.data, rest.len, err);
}

int disallow_in_apparmor(struct node *n, struct error *err)
{
	int r = disallow(n, APPARMOR_LOCAL, err);

	return r < 0 ? r : disallow(n, UPSTREAM, err);
}
