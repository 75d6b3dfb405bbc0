/* SPDX-License-Identifier: Apache-2.0 */
/* Is this a node that can be made right? All that could stop a later step is looked at first, so
 * that a node is left as it is rather than half done. */
#include <errno.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"
#include "change.h"
#include "emulators.h"
#include "hookfile.h"
#include "steps.h"

#define INDEX_PATH LIBVIRTMAP_DIR "/index.xml"

static bool is_link(const char *path)
{
	_cleanup_free_ char *here = root_path(path);
	struct stat st;

	return here && lstat(here, &st) == 0 && S_ISLNK(st.st_mode);
}

/* The one that libvirt takes by itself may be a link to another that gets the wrapper. */
static int check_default(const struct node *n, struct error *err)
{
	_cleanup_free_ char *here = root_path(EMULATOR_DEFAULT);
	char target[512], path[600];
	ssize_t len;

	if (!here || !is_link(EMULATOR_DEFAULT))
		return 0;
	len = readlink(here, target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = '\0';
	(void)snprintf(path, sizeof(path), "%s%s", *target == '/' ? "" : "/usr/bin/", target);
	if (strv_has(&n->emulators, path))
		return 0;
	return error_set(err, -ELOOP, here, 0,
			 "is a symbolic link, which cpushim doesn't replace; name with --emulator "
			 "the file that libvirt is to run");
}

/* qemu-system-i386 alone is no node. */
static int check_any(struct node *n, struct error *err)
{
	_cleanup_free_ char *here = root_path(EMULATOR_DEFAULT);

	for (size_t i = 0; i < n->emulators.n; i++)
		if (!strstr(n->emulators.item[i], "i386"))
			return 0;
	if (n->allow_missing) {
		n->no_qemu = true;
		strv_free(&n->emulators);
		return 0;
	}
	return error_set(err, -ENOENT, here ? here : EMULATOR_DEFAULT, 0,
			 "there is no QEMU; install qemu-system-x86");
}

static void drop_emulator(struct node *n, size_t i)
{
	free(n->emulators.item[i]);
	n->emulators.n--;
	memmove(&n->emulators.item[i], &n->emulators.item[i + 1],
		(n->emulators.n - i) * sizeof(*n->emulators.item));
}

/* One of the usual names that can't have the wrapper doesn't keep the others from it. */
static int check_emulators(struct node *n, struct error *err)
{
	bool all = n->chosen.n > 0 || n->no_wrapper;
	int r = emulators_choose(n, err);

	if (r == 0 && !all)
		r = check_default(n, err);
	if (r == 0 && !n->no_wrapper && !n->chosen.n)
		r = check_any(n, err);
	for (size_t i = 0; i < n->emulators.n && r == 0;) {
		struct error why = {0};

		r = emulators_check(n, n->emulators.item[i], &why);
		if (r == 0) {
			i++;
		} else if (all || strcmp(n->emulators.item[i], EMULATOR_DEFAULT) == 0) {
			if (err)
				*err = why;
		} else {
			node_fall_short(n, "%s: %s", why.where, why.what);
			drop_emulator(n, i);
			r = 0;
		}
	}
	return r;
}

/* libvirt takes the first in its PATH where a domain names none (virFindFileInPath). */
static void check_path(struct node *n)
{
	static const char *const before[] = {"/usr/local/sbin/qemu-system-x86_64",
					     "/usr/local/bin/qemu-system-x86_64"};

	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		if (node_has(before[i]) && !strv_has(&n->emulators, before[i]))
			node_fall_short(
				n,
				"%s: libvirt takes this QEMU where a domain names none, as it "
				"is the first in its PATH, and the wrapper isn't before it; "
				"move it to /usr/bin, or name " EMULATOR_DEFAULT " in the domains",
				before[i]);
}

static int check_libvirt(struct node *n, struct error *err)
{
	static const char *const replaced[] = {INDEX_PATH, LIBVIRTMAP_DIR "/" LIBVIRTMAP_OURS,
					       MAPSINGLE_PATH};
	_cleanup_free_ char *index = root_path(INDEX_PATH);

	if (!node_has(INDEX_PATH) && !node_has(MAPSINGLE_PATH)) {
		n->no_libvirt = true;
		return n->allow_missing
			       ? 0
			       : error_set(err, -ENOENT, index ? index : INDEX_PATH, 0,
					   "there is no libvirt; install libvirt-daemon-system");
	}
	for (size_t i = 0; i < ARRAY_SIZE(replaced); i++) {
		_cleanup_free_ char *here = root_path(replaced[i]);

		if (is_link(replaced[i]))
			return error_set(
				err, -ELOOP, here ? here : replaced[i], 0,
				"is a symbolic link, which cpushim doesn't replace; put the "
				"file itself there");
	}
	return check_hook(n, err);
}

/* The value of a word of an os-release file */
static void release_word(const char *text, const char *word, char *buf, size_t size)
{
	size_t len = strlen(word);

	*buf = '\0';
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, len) == 0 && line[len] == '=') {
			(void)snprintf(buf, size, "%.*s", (int)strcspn(line + len + 1, "\n"),
				       line + len + 1);
			return;
		}
	}
}

static char *os_release(const char *path)
{
	char *text = NULL;
	size_t len;

	return file_read(path, TRUST_ANY, 1 << 20, &text, &len, NULL) == 0 ? text : NULL;
}

/* Programs that were built for one release don't run with the libraries of another. */
static int check_release(const struct node *n, struct error *err)
{
	static const char *const words[] = {"ID", "VERSION_ID", "VERSION_CODENAME"};
	_cleanup_free_ char *path = root_path("/etc/os-release"), *its = NULL, *ours = NULL;
	char a[128], b[128];

	if (node_is_live() || !n->source || !path)
		return 0;
	its = os_release(path);
	ours = os_release("/etc/os-release");
	for (size_t i = 0; its && ours && i < ARRAY_SIZE(words); i++) {
		release_word(its, words[i], a, sizeof(a));
		release_word(ours, words[i], b, sizeof(b));
		if (strcmp(a, b) != 0)
			return error_set(err, -EXDEV, path, 0,
					 "this root is of another release (%s=%s) than the machine "
					 "that built cpushim (%s); build it there, or in that root",
					 words[i], a, b);
	}
	return 0;
}

/* A root with a link that leads to the machine that prepares it is refused before a file is put. */
static int check_inside(const struct node *n, struct error *err)
{
	static const char *const places[] = {TABLE_PATH,         SHIPPED_DIR "/", PUBLISHED_PATH,
					     LIBVIRTMAP_DIR "/", HOOK_PATH,       HOOK_BESIDE,
					     UNITS_DIR "/",      APPARMOR_LOCAL};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places) && r == 0; i++)
		r = change_inside(places[i], err);
	for (size_t i = 0; programs_usual[i] && r == 0; i++)
		r = change_inside(programs_usual[i], err);
	for (size_t i = 0; i < n->emulators.n && r == 0; i++)
		r = change_inside(n->emulators.item[i], err);
	return r;
}

int check_node(struct node *n, struct error *err)
{
	int r = check_release(n, err);

	if (r == 0)
		r = check_emulators(n, err);
	if (r == 0)
		r = check_inside(n, err);
	if (r == 0 && !n->no_wrapper)
		check_path(n);
	return r < 0 ? r : check_libvirt(n, err);
}
