/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim compile: write the table, and the include where libvirt's index names it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>

#include "cmd.h"
#include "compile.h"
#include "emulator.h"
#include "maptrial.h"

static const char usage[] =
	"Usage: cpushim compile [OPTION]...\n"
	"Read the definitions in " SHIPPED_DIR " and " SITE_DIR ",\n"
	"ask the real QEMU what it knows, and write " TABLE_PATH "\n"
	"and, where libvirt's " LIBVIRTMAP_DIR "/index.xml names it,\n" LIBVIRTMAP_OURS
	" beside it. libvirt has to be restarted when they changed.\n"
	"Guests migrate by a model's name, so what a name once meant is kept in\n" PUBLISHED_PATH
	", and a definition that gives it another meaning is refused.\n"
	"\n"
	"  -e, --emulator PATH  where the wrapper stands (" EMULATOR_DEFAULT ")\n"
	"  -i, --include FILE   write the include to FILE and leave libvirt's alone\n"
	"  -f, --force          published names may mean something else from now on\n"
	"  -h, --help           this text\n"
	"\n"
	"Exit status: 0 done; 1 done, but a definition was refused; 2 nothing written.\n";

struct options {
	const char *emulator;
	const char *include;
	bool force;
};

/* Reads libvirt's map, if there is a libvirt. */
static int load_map(struct libvirtmap *map, bool *have, struct error *err)
{
	_cleanup_free_ char *dir = root_path(LIBVIRTMAP_DIR);
	int r;

	*have = dir && access(dir, F_OK) == 0;
	if (!*have)
		return 0;
	r = libvirtmap_load(map, dir, LIBVIRTMAP_OURS, NULL, err);
	*have = r == 0;
	return r;
}

static void print_lines(const struct strv *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		fprintf(stderr, "cpushim: %s\n", lines->item[i]);
}

static void print_problems(const struct compiled *c)
{
	char line[2048];

	print_lines(&c->definitions.warnings);
	for (size_t i = 0; i < c->definitions.n_problems; i++) {
		error_line(&c->definitions.problem[i].error, line, sizeof(line));
		fputs(line, stderr);
	}
	for (size_t i = 0; i < c->n; i++) {
		/* those that the definitions' own problems don't tell: this QEMU can't have them */
		if (*c->row[i].refused && model_named(&c->definitions.models, c->row[i].model))
			fprintf(stderr, "cpushim: %s: %s\n", c->row[i].origin, c->row[i].refused);
	}
}

/* Does libvirt's index name our include? */
static bool index_names_ours(const char *dir)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t len;

	return asprintf(&path, "%s/index.xml", dir) >= 0 &&
	       file_read(path, TRUST_ANY, 1 << 20, &text, &len, NULL) == 0 &&
	       strstr(text, LIBVIRTMAP_OURS);
}

/* The include in its place, tried first where it is this machine's libvirt that reads it. */
static int place_include(const char *dir, const struct text *xml, bool *changed, struct error *err)
{
	_cleanup_free_ char *path = NULL, *trial = NULL;
	int r;

	if (asprintf(&path, "%s/" LIBVIRTMAP_OURS, dir) < 0 ||
	    asprintf(&trial, "%s/.cpushim.trial", dir) < 0)
		return error_set(err, -ENOMEM, dir, 0, "out of memory");
	if (!getenv("CPUSHIM_ROOT") && geteuid() == 0 && access(path, F_OK) == 0) {
		r = file_write(trial, 0644, xml->data, xml->len, NULL, err);
		if (r == 0)
			r = maptrial(trial, path, err);
		(void)unlink(trial);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return file_write(path, 0644, xml->data, xml->len, changed, err);
}

static int write_include(const struct compiled *c, const struct libvirtmap *map,
			 const struct options *o, bool *changed, struct error *err)
{
	_cleanup_free_ char *dir = root_path(LIBVIRTMAP_DIR);
	_cleanup_text_ struct text xml = {0};
	_cleanup_strv_ struct strv notes = {0};
	int r = compile_include(&xml, c, map, &notes, err);

	print_lines(&notes);
	if (r < 0)
		return r;
	if (o->include)
		return file_write(o->include, 0644, xml.data, xml.len, changed, err);
	if (!dir || !index_names_ours(dir))
		return 0;
	return place_include(dir, &xml, changed, err);
}

/* libvirt probes an emulator again when its ctime is another. */
static int touch_wrapper(const char *emulator, struct error *err)
{
	_cleanup_free_ char *path = root_path(emulator);

	if (path && emulator_is_wrapper(path) && utimensat(AT_FDCWD, path, NULL, 0) < 0)
		return error_set(err, -errno, path, 0,
				 "can't be touched, so libvirt won't probe it again: %s",
				 strerror(errno));
	return 0;
}

/* A path as it is on the node: a table that is made for a root elsewhere is used inside of it. */
static const char *path_within(const char *path)
{
	const char *root = getenv("CPUSHIM_ROOT");
	size_t len = root ? strlen(root) : 0;

	return len && strncmp(path, root, len) == 0 && path[len] == '/' ? path + len : path;
}

static int write_table(const struct compiled *c, bool *changed, struct error *err)
{
	_cleanup_free_ char *path = root_path(TABLE_PATH);
	_cleanup_text_ struct text t = {0};

	for (size_t i = 0; i < c->n; i++)
		c->row[i].origin = path_within(c->row[i].origin);
	table_print(&t, c->row, c->n);
	if (t.failed || !path)
		return error_set(err, -ENOMEM, TABLE_PATH, 0, "out of memory");
	return file_write(path, 0644, t.data, t.len, changed, err);
}

/* Before the table: a name must not be in use that could still take another meaning. */
static int write_published(const struct published *p, struct error *err)
{
	_cleanup_free_ char *path = root_path(PUBLISHED_PATH), *dir = path ? strdup(path) : NULL;
	_cleanup_text_ struct text t = {0};
	bool changed;

	published_print(&t, p);
	if (t.failed || !dir)
		return error_set(err, -ENOMEM, PUBLISHED_PATH, 0, "out of memory");
	*strrchr(dir, '/') = '\0';
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return error_set(err, -errno, dir, 0, "can't be made: %s", strerror(errno));
	return file_write(path, 0644, t.data, t.len, &changed, err);
}

static int run(const struct options *o, struct compiled *c, struct libvirtmap *map,
	       struct error *err)
{
	_cleanup_free_ char *real = emulator_real(o->emulator, err);
	_cleanup_meanings_ struct meanings before = {.force = o->force};
	_cleanup_qemu_ struct qemu q = {0};
	bool have_map = false, table_changed = false, include_changed = false;
	int r = real ? load_map(map, &have_map, err) : -ENOENT;

	if (r == 0)
		r = meanings_load(&before, err);
	if (r == 0)
		r = qemu_probe(&q, real, err);
	if (r == 0)
		r = compile(c, o->emulator, &q, have_map ? map : NULL, &before, err);
	if (r < 0)
		return r;
	print_problems(c);
	r = write_published(&before.published, err);
	if (r == 0)
		r = write_table(c, &table_changed, err);
	if (r == 0 && table_changed)
		r = touch_wrapper(o->emulator, err);
	if (r == 0 && have_map)
		r = write_include(c, map, o, &include_changed, err);
	if (r < 0)
		return r;
	printf("%zu models for %s (QEMU %s), %zu refused%s\n", c->n - c->n_refused, o->emulator,
	       q.version, c->n_refused,
	       table_changed || include_changed ? "; restart libvirt" : "; nothing changed");
	return 0;
}

int cmd_compile(int argc, char **argv)
{
	static const struct option options[] = {{"emulator", required_argument, NULL, 'e'},
						{"include", required_argument, NULL, 'i'},
						{"force", no_argument, NULL, 'f'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct options o = {.emulator = EMULATOR_DEFAULT};
	_cleanup_compiled_ struct compiled c = {0};
	_cleanup_libvirtmap_ struct libvirtmap map = {0};
	struct error err = {0};
	int opt;

	while ((opt = getopt_long(argc, argv, "e:i:fh", options, NULL)) != -1) {
		switch (opt) {
		case 'e':
			o.emulator = optarg;
			break;
		case 'i':
			o.include = optarg;
			break;
		case 'f':
			o.force = true;
			break;
		case 'h':
			return cmd_help(usage);
		default:
			return usage_error("compile", NULL);
		}
	}
	if (optind != argc)
		return usage_error("compile", "takes no argument '%s'", argv[optind]);
	if (*o.emulator != '/')
		return usage_error("compile", "--emulator takes an absolute path");
	if (run(&o, &c, &map, &err) < 0)
		return cmd_fail(&err);
	return cmd_flush(c.n_refused || c.definitions.n_problems ? EXIT_NO : EXIT_YES);
}
