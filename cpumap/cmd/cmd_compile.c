/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim compile: write the table, and the include where libvirt's index names it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/show.h"
#include "cpumap/core/staging.h"
#include "cpumap/define/compile.h"
#include "cpumap/libvirt/mapchoice.h"
#include "cpumap/libvirt/mapsingle.h"
#include "cpumap/libvirt/maptrial.h"
#include "hook/guests/leftover.h"
#include "cmd.h"
#include "made.h"

static const char usage[] =
	"Usage: cpushim compile [OPTION]...\n"
	"Read the definitions in " SHIPPED_DIR " and " SITE_DIR ",\n"
	"ask the real QEMU what it knows, and write " TABLE_PATH "\n"
	"and, where libvirt's " LIBVIRTMAP_DIR "/index.xml names it,\n" LIBVIRTMAP_OURS
	" beside it. libvirt has to be restarted when they changed.\n"
	"Guests migrate by a model's name, so what a name once meant is kept in\n" PUBLISHED_PATH
	", and a definition that gives it another meaning is refused.\n"
	"\n"
	"  -e, --emulator PATH  where a wrapper is going to stand, besides those that are there\n"
	"                       already; may be repeated (" EMULATOR_DEFAULT "\n"
	"                       where there is none)\n"
	"  -f, --force          published names may mean something else from now on; those that\n"
	"                       no definition has any more are forgotten\n"
	"  -h, --help           this text\n"
	"\n"
	"Exit status: 0 done; 1 done, but a definition was refused, an emulator's QEMU gave no\n"
	"answer or its wrapper was lost, or libvirt's index has lost the include; 2 nothing\n"
	"written.\n";

struct options {
	struct strv emulators;
	bool force;
	bool for_ready; /* `cpushim ready` runs it, and isn't finished yet: nothing is said of the
			 * node */
};

static void options_free(struct options *o)
{
	strv_free(&o->emulators);
}
#define _cleanup_options_ __attribute__((cleanup(options_free)))

/* Reads libvirt's map, if there is a libvirt. */
static int load_map(struct libvirtmap *map, bool *have, struct error *err)
{
	_cleanup_free_ char *dir = root_path(LIBVIRTMAP_DIR), *single = root_path(MAPSINGLE_PATH);
	int r;

	*have = dir && (access(dir, F_OK) == 0 || (single && access(single, F_OK) == 0));
	if (!*have)
		return 0;
	r = libvirtmap_load(map, dir, LIBVIRTMAP_OURS, err);
	*have = r == 0;
	return r;
}

static void print_lines(const struct strv *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		fprintf(stderr, "cpushim: %s\n", lines->item[i]);
}

/* Says each line once, as several emulators find the same faults. */
static void say(struct strv *said, const char *line, size_t len)
{
	_cleanup_text_ struct text t = {0};

	text_add(&t, line, len);
	if (t.failed || strv_has(said, t.data))
		return;
	(void)strv_add(said, t.data, t.len);
	fputs(t.data, stderr);
}

static void print_problems(const struct compiled *c, struct strv *said)
{
	char line[2048];

	for (size_t i = 0; i < c->definitions.warnings.n; i++) {
		int n = snprintf(line, sizeof(line), "cpushim: %s\n",
				 c->definitions.warnings.item[i]);

		say(said, line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1);
	}
	for (size_t i = 0; i < c->definitions.n_problems; i++) {
		error_line(&c->definitions.problem[i].error, line, sizeof(line));
		say(said, line, strlen(line));
	}
	for (size_t i = 0; i < c->n; i++) {
		_cleanup_text_ struct text t = {0};

		/* only models with a good definition, which this QEMU can't provide; the problems
		 * have told the others */
		if (!*c->row[i].refused || !model_named(&c->definitions.models, c->row[i].model))
			continue;
		text_adds(&t, "cpushim: ");
		(void)show(&t, c->row[i].origin, strlen(c->row[i].origin), SHOWN_WHOLE);
		text_addf(&t, ": %s\n", c->row[i].refused);
		if (!t.failed)
			say(said, t.data, t.len);
	}
}

/* libvirt before 4.7: our models are a block in its one file. */
static int stage_single(struct staging *s, const struct text *include, bool *changed,
			struct error *err)
{
	_cleanup_free_ char *path = root_path(MAPSINGLE_PATH), *text = NULL;
	_cleanup_text_ struct text merged = {0};
	size_t len;
	int r = path ? file_read(path, TRUST_ANY, 16 << 20, &text, &len, err)
		     : error_set(err, -ENOMEM, MAPSINGLE_PATH, 0, "out of memory");

	if (r == 0 && !mapsingle_has_block(text))
		return 0; /* cpushim isn't installed, or a package's upgrade has replaced the
			   * file */
	if (r == 0)
		r = mapsingle_merge(&merged, text, path, include->data, err);
	if (r < 0)
		return r;
	return staging_edit(s, path, merged.data, merged.len, changed, err);
}

static bool include_there(const char *dir)
{
	_cleanup_free_ char *path = NULL;

	return asprintf(&path, "%s/" LIBVIRTMAP_OURS, dir) >= 0 && access(path, F_OK) == 0;
}

/* Without libvirt's library there is no libvirt that could read it. */
static int try_include(const char *staged, const char *path, struct error *err)
{
	const struct map_binding file = {.staged = staged, .path = path};
	const struct maptrial trial = {.file = &file, .n = 1, .seconds = MAPTRIAL_SECONDS};
	int r = maptrial(&trial, NULL, err);

	/* in a container that may not mount, `cpushim ready --before-libvirt` tries it */
	if (r != -ELIBACC && r != -EPERM)
		return r;
	fprintf(stderr, "cpushim: %s: libvirt hasn't tried it: %s: %s\n", path, err->where,
		err->what);
	return 0;
}

/* Stages the include. libvirt tries it first, if it is this machine's libvirt that will read it. */
static int stage_tried(struct staging *s, const char *dir, const struct text *xml, bool *changed,
		       struct error *err)
{
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/" LIBVIRTMAP_OURS, dir) < 0) {
		path = NULL;
		return error_set(err, -ENOMEM, dir, 0, "out of memory");
	}
	r = staging_add(s, path, 0644, xml->data, xml->len, changed, err);
	if (r < 0 || root_is_another() || geteuid() != 0)
		return r;
	return try_include(*changed ? staging_file(s, path) : path, path, err);
}

/* The include, also where the index doesn't name it (yet): `cpushim ready` places the copy. */
static int stage_include(struct staging *s, const struct compiled *c, const struct libvirtmap *map,
			 bool *changed, bool *lost, struct error *err)
{
	_cleanup_free_ char *dir = root_path(LIBVIRTMAP_DIR), *copy = root_path(INCLUDE_COPY);
	_cleanup_text_ struct text xml = {0};
	_cleanup_strv_ struct strv notes = {0};
	int r = compile_include(&xml, c, map, &notes, err);

	print_lines(&notes);
	if (r < 0)
		return r;
	if (!dir || !copy)
		return error_set(err, -ENOMEM, LIBVIRTMAP_DIR, 0, "out of memory");
	r = staging_add(s, copy, 0644, xml.data, xml.len, changed, err);
	if (r < 0)
		return r;
	if (map->single)
		return stage_single(s, &xml, changed, err);
	/* otherwise `cpushim ready` puts index and include right together, and has both tried */
	if (map->named != 1) {
		*lost = include_there(dir);
		return 0;
	}
	return stage_tried(s, dir, &xml, changed, err);
}

static bool newer(const char *path, const struct stat *than)
{
	struct stat st;

	return stat(path, &st) == 0 && time_later(&st.st_ctim, &than->st_ctim);
}

/*
 * libvirt probes an emulator again when its ctime has changed. So the wrapper is touched when
 * something that decides the probe's answer is another or newer, also if an earlier compile was killed
 * before it got here. The QEMU's own times say nothing: dpkg keeps those of its package, and a QEMU
 * that was there before may have come back.
 */
static int touch_wrapper(const struct one *one, bool *touched, struct error *err)
{
	_cleanup_free_ char *path = root_path(one->emulator), *table = root_path(TABLE_PATH),
			    *proxy = root_path(PROXY_PATH);
	struct stat st;

	if (!path || !table || !proxy || !emulator_is_wrapper(path) || stat(path, &st) < 0)
		return 0;
	if (!one->was && !newer(table, &st) && !newer(proxy, &st))
		return 0;
	if (utimensat(AT_FDCWD, path, NULL, 0) < 0)
		return error_set(err, -errno, path, 0,
				 "can't be touched, so libvirt won't probe it again: %s",
				 strerror(errno));
	*touched = true;
	return 0;
}

static int stage_table(struct staging *s, const struct made *m, bool *changed, struct error *err)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);
	_cleanup_table_ struct table t = {.release = CPUSHIM_VERSION};
	_cleanup_text_ struct text out = {0};

	if (made_table(&t, m) == 0)
		table_print(&out, &t);
	if (!path || !out.data || out.failed)
		return error_set(err, -ENOMEM, TABLE_PATH, 0, "out of memory");
	return staging_add(s, path, 0644, out.data, out.len, changed, err);
}

/* Staged before the table: no name may be in use before its meaning is fixed. */
static int stage_published(struct staging *s, const struct published *p, struct error *err)
{
	_cleanup_free_ char *path = root_path(PUBLISHED_PATH), *dir = path ? strdup(path) : NULL;
	_cleanup_text_ struct text t = {0};

	published_print(&t, p);
	if (t.failed || !dir)
		return error_set(err, -ENOMEM, PUBLISHED_PATH, 0, "out of memory");
	*strrchr(dir, '/') = '\0';
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return error_set(err, -errno, dir, 0, "can't be made: %s", strerror(errno));
	return staging_add(s, path, 0644, t.data, t.len, NULL, err);
}

static int retain_models(struct made *m, const struct history *before, struct error *err)
{
	_cleanup_free_ char *dir = root_path(LIBVIRTMAP_DIR);
	int r = 0;

	for (size_t i = 0; i < m->n && r == 0; i++) {
		_cleanup_strv_ struct strv notes = {0};

		r = compile_retain(&m->one[i].compiled, m->one[i].emulator,
				   dir ? dir : LIBVIRTMAP_DIR, before, &notes, err);
		/* all emulators have the same guests */
		if (i == 0)
			print_lines(&notes);
	}
	return r;
}

/* Tells what else changes for guests that ask for no site model. */
static int say_translated(const struct made *m, const struct libvirtmap *map, struct strv *said,
			  struct error *err)
{
	_cleanup_free_ char *dir = root_path(map->single ? MAPSINGLE_PATH : LIBVIRTMAP_DIR);
	_cleanup_strv_ struct strv notes = {0};
	int r = dir ? 0 : -ENOMEM;

	for (size_t i = 0; i < m->n && r == 0; i++)
		r = mapchoice_translated(&notes, map, dir, &m->one[i].qemu.names,
					 &m->one[i].compiled.definitions.models);
	for (size_t i = 0; i < notes.n && r == 0; i++) {
		_cleanup_text_ struct text line = {0};

		text_addf(&line, "cpushim: %s\n", notes.item[i]);
		if (!line.failed)
			say(said, line.data, line.len);
	}
	return r < 0 ? error_set(err, r, NULL, 0, "out of memory") : 0;
}

static int compile_all(struct made *m, const struct libvirtmap *map, struct history *before,
		       struct error *err)
{
	_cleanup_strv_ struct strv said = {0};
	int r = made_ask(m, &before->table, err);

	for (size_t i = 0; i < m->n && r == 0; i++)
		r = compile(&m->one[i].compiled, m->one[i].emulator, &m->one[i].qemu, map, before,
			    err);
	if (r == 0 && map)
		r = retain_models(m, before, err);
	if (r == 0)
		r = made_keep(m, before, err);
	for (size_t i = 0; i < m->n && r == 0; i++)
		print_problems(&m->one[i].compiled, &said);
	if (r == 0 && map)
		r = say_translated(m, map, &said, err);
	return r;
}

static bool made_has(const struct made *m, const char *model)
{
	for (size_t i = 0; i < m->n; i++)
		if (compiled_has(&m->one[i].compiled, model))
			return true;
	return false;
}

/* --force: forgets the names that aren't in the table any more. */
static void forget(struct published *p, const struct made *m)
{
	for (size_t i = p->n; i-- > 0;)
		if (!made_has(m, p->name[i].model))
			published_remove(p, p->name[i].model);
}

/* Tells what on this node may prevent the new table from working. */
static void print_nodestate(bool changed)
{
	_cleanup_table_ struct table t = {0};

	if (cmd_table(&t, NULL) == 0)
		cmd_nodestate(&t, changed);
}

static void print_result(const struct made *m, bool changed, bool for_ready)
{
	const char *next = for_ready ? "" : changed ? "; restart libvirt" : "; nothing changed";

	for (size_t i = 0; i < m->n; i++) {
		const struct one *one = &m->one[i];

		printf("%zu models for %s (QEMU %s%s%s), %zu refused%s\n",
		       one->compiled.n - one->compiled.n_refused, one->emulator, one->qemu.version,
		       one->was ? ", before " : "", one->was ? one->was->version : "",
		       one->compiled.n_refused, next);
	}
}

/* Writes and tries all files before the first one is replaced. The names' meanings come first: no
 * name may be in use before its meaning is fixed. */
static int stage_all(struct staging *s, struct made *m, const struct published *published,
		     const struct libvirtmap *map, bool *changed, struct error *err)
{
	bool table = false, include = false;
	int r = stage_published(s, published, err);

	if (r == 0)
		r = stage_table(s, m, &table, err);
	if (r == 0 && map)
		r = stage_include(s, &m->one[0].compiled, map, &include, &m->lost, err);
	*changed = table || include;
	return r;
}

/* If anything fails, or the result can't be printed, the files stay as they were. */
static int write_all(struct made *m, const struct published *published,
		     const struct libvirtmap *map, const struct options *o, struct error *err)
{
	_cleanup_staging_ struct staging s = {0};
	bool changed = false;
	int r = stage_all(&s, m, published, map, &changed, err);

	if (r == 0)
		r = staging_place(&s, err);
	for (size_t i = 0; i < m->n && r == 0; i++)
		r = touch_wrapper(&m->one[i], &changed, err);
	if (r < 0)
		return r;
	print_result(m, changed, o->for_ready);
	if (fflush(stdout) != 0 || ferror(stdout))
		return error_set(err, -EIO, "standard output", 0, "can't be written");
	staging_commit(&s);
	if (!o->for_ready)
		print_nodestate(changed);
	return 0;
}

/* What is read, asked and written is one: another compile waits. Not the lock of `cpushim ready`, which calls
 * this one. @lock: -1: there is nothing to lock yet */
static void lock_compile(int *lock)
{
	_cleanup_free_ char *dir = root_path(LIB_DIR);

	*lock = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (*lock >= 0)
		(void)flock(*lock, LOCK_EX);
}

static int run(const struct options *o, struct made *m, struct error *err)
{
	_cleanup_history_ struct history before = {.force = o->force};
	_cleanup_libvirtmap_ struct libvirtmap map = {0};
	_cleanup_close_ int lock = -1;
	bool have_map = false;
	int r;

	lock_compile(&lock);
	r = load_map(&map, &have_map, err);
	if (r == 0)
		r = history_load(&before, err);
	if (r == 0)
		r = made_choose(m, &o->emulators, &before.table, err);
	if (r == 0)
		r = compile_all(m, have_map ? &map : NULL, &before, err);
	if (r == 0 && o->force)
		forget(&before.published, m);
	return r < 0 ? r : write_all(m, &before.published, have_map ? &map : NULL, o, err);
}

/* Tells which guests were saved before cpushim came, as the hook will refuse these images. */
static void print_leftovers(void)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);
	_cleanup_table_ struct table t = {0};
	_cleanup_strv_ struct strv lines = {0};

	if (path && table_load(&t, path, NULL) == 0)
		(void)leftover_find(&lines, &t);
	print_lines(&lines);
}

static bool falls_short(const struct made *m, bool for_ready)
{
	/* ready is about to put the wrapper there, and to name the include again */
	if (((m->lost || m->unwrapped) && !for_ready) || m->left_out || m->n_silent)
		return true;
	for (size_t i = 0; i < m->n; i++)
		if (m->one[i].compiled.n_refused || m->one[i].compiled.definitions.n_problems)
			return true;
	return false;
}

static int take_option(int opt, struct options *o)
{
	switch (opt) {
	case 'e':
		if (*optarg != '/')
			return usage_error("compile", "--emulator takes an absolute path");
		return strv_add(&o->emulators, optarg, strlen(optarg)) < 0 ? EXIT_UNKNOWN : 0;
	case 'r':
		o->for_ready = true;
		return 0;
	case 'f':
		o->force = true;
		return 0;
	default:
		return usage_error("compile", NULL);
	}
}

int cmd_compile(int argc, char **argv)
{
	static const struct option options[] = {{"emulator", required_argument, NULL, 'e'},
						{"for-ready", no_argument, NULL, 'r'},
						{"force", no_argument, NULL, 'f'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	_cleanup_options_ struct options o = {0};
	_cleanup_made_ struct made made = {0};
	struct error err = {0};
	int opt;

	while ((opt = getopt_long(argc, argv, "e:fh", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (take_option(opt, &o) != 0)
			return EXIT_UNKNOWN;
	}
	if (optind != argc)
		return usage_error("compile", "takes no argument '%s'", argv[optind]);
	if (run(&o, &made, &err) < 0)
		return cmd_fail(&err);
	print_leftovers();
	return cmd_flush(falls_short(&made, o.for_ready) ? EXIT_NO : EXIT_YES);
}
