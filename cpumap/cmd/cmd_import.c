/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim import: make a definition of a CPU that others described, mostly libvirt. */
#include <errno.h>
#include <getopt.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/paths.h"
#include "cpumap/define/definition.h"
#include "cpumap/define/definition_print.h"
#include "cpumap/libvirt/xml.h"
#include "cpumap/qemu/qemu.h"
#include "cmd.h"

static const char usage[] =
	"Usage: cpushim import --name NAME [OPTION]... FILE\n"
	"Print a definition of the CPU in FILE (- is standard input): a <cpu> as `virsh\n"
	"cpu-baseline` prints it, the host's of `virsh capabilities`, host-model's of `virsh\n"
	"domcapabilities`, a domain's of `virsh dumpxml`, or a <model> of libvirt's CPU map.\n"
	"Its features are listed one by one, so it means the same on every node. What no\n"
	"definition can have is left out, and named on standard error.\n"
	"\n"
	"  -n, --name NAME      the definition's name\n"
	"  -b, --base MODEL     the QEMU model to start from (the one that FILE names, if\n"
	"                       QEMU has it)\n"
	"  -e, --emulator PATH  the QEMU that is asked (" EMULATOR_DEFAULT ")\n"
	"  -h, --help           this text\n"
	"\n"
	"Exit status: 0 printed; 1 it can't be a definition; 2 FILE isn't understood.\n";

struct options {
	const char *name, *base, *emulator, *file;
};

/* Where the document's names are looked up. */
struct world {
	struct libvirtmap map;
	struct qemu qemu;
};

static void world_free(struct world *w)
{
	libvirtmap_free(&w->map);
	qemu_free(&w->qemu);
}

static int world_load(struct world *w, const char *emulator, struct error *err)
{
	_cleanup_free_ char *dir = root_path(LIBVIRTMAP_DIR), *real = emulator_real(emulator, err);

	int r;

	if (!real || !dir)
		return -ENOENT;
	/* without a libvirt its models aren't known; features are known anyway */
	r = libvirtmap_load(&w->map, dir, LIBVIRTMAP_OURS, err);
	return r < 0 && r != -ENOENT ? r : qemu_probe(&w->qemu, real, err);
}

static int read_document(xmlDoc **doc, const char *file, struct error *err)
{
	_cleanup_free_ char *data = NULL;
	size_t len = 0;
	int r;

	if (strcmp(file, "-") != 0)
		return xml_read(doc, file, TRUST_NAMED, NULL, err);
	r = fd_read_all(STDIN_FILENO, XML_FILE_LIMIT, &data, &len);
	if (r < 0)
		return error_set(err, r, "standard input", 0, "%s", strerror(-r));
	return xml_parse(doc, data, len, "standard input", NULL, err);
}

static int print(const struct definitions *d)
{
	_cleanup_text_ struct text out = {0};
	char line[2048];

	for (size_t i = 0; i < d->warnings.n; i++)
		fprintf(stderr, "cpushim: %s\n", d->warnings.item[i]);
	for (size_t i = 0; i < d->n_problems; i++) {
		error_line(&d->problem[i].error, line, sizeof(line));
		fputs(line, stderr);
	}
	if (d->models.n != 1)
		return EXIT_NO;
	definition_print(&out, &d->models.item[0], NULL);
	if (out.failed)
		return cmd_fail(&(struct error){.code = -ENOMEM, .what = "out of memory"});
	fputs(out.data, stdout);
	return cmd_flush(EXIT_YES);
}

static int run(const struct options *o)
{
	_cleanup_free_ char *shipped = root_path(SHIPPED_DIR), *site = root_path(SITE_DIR);
	__attribute__((cleanup(world_free))) struct world w = {0};
	__attribute__((cleanup(definitions_free))) struct definitions d = {0};
	_cleanup_doc_ xmlDoc *doc = NULL;
	const char *dirs[] = {shipped, site};
	struct error err = {0};
	int r = shipped && site ? read_document(&doc, o->file, &err)
				: error_set(&err, -ENOMEM, NULL, 0, "out of memory");

	if (r == 0)
		r = world_load(&w, o->emulator, &err);
	if (r == 0)
		r = definitions_import(
			&d,
			&(struct definition_import){
				.doc = doc,
				.path = strcmp(o->file, "-") == 0 ? "standard input" : o->file,
				.name = o->name,
				.base = o->base},
			dirs, ARRAY_SIZE(dirs),
			&(struct definition_world){.map = &w.map, .qemu_models = &w.qemu.names},
			&err);
	return r < 0 ? cmd_fail(&err) : print(&d);
}

int cmd_import(int argc, char **argv)
{
	static const struct option options[] = {{"name", required_argument, NULL, 'n'},
						{"base", required_argument, NULL, 'b'},
						{"emulator", required_argument, NULL, 'e'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct options o = {.emulator = EMULATOR_DEFAULT};
	int opt;

	while ((opt = getopt_long(argc, argv, "n:b:e:h", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (opt == 'n')
			o.name = optarg;
		else if (opt == 'b')
			o.base = optarg;
		else if (opt == 'e')
			o.emulator = optarg;
		else
			return usage_error("import", NULL);
	}
	if (optind + 1 != argc || !o.name)
		return usage_error("import", "takes one FILE and --name");
	o.file = argv[optind];
	return run(&o);
}
