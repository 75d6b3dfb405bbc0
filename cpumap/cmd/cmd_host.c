/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim host: this host's CPU, and what it and its accelerators can give. */
#include <errno.h>
#include <getopt.h>

#include "cmd.h"
#include "host_print.h"
#include "list_json.h"
#include "list_print.h"

static const char usage[] =
	"Usage: cpushim host [--json] [--emulator PATH]\n"
	"       cpushim host --dump [FILE] [--emulator PATH]\n"
	"Tell what this host's CPU is and has, in libvirt's names of features, what QEMU\n"
	"can give guests here, which of QEMU's models are nearest, and which of the site's\n"
	"models run here. Works as any user, and where nothing but this command is\n"
	"installed: what can't be asked is named.\n"
	"\n"
	"  -d, --dump           what other machines need to know of this host, as text: in\n"
	"                       FILE, or on standard output\n"
	"  -e, --emulator PATH  the QEMU that is asked (the first of the usual ones)\n"
	"  -j, --json           as JSON\n"
	"  -h, --help           this text\n"
	"\n"
	"Exit status: 0 printed; 2 the CPU can't be read, or FILE can't be written.\n";

struct options {
	const char *emulator, *file;
	bool dump, json;
};

static int no_memory(void)
{
	return cmd_fail(&(struct error){.code = -ENOMEM, .what = "out of memory"});
}

/* What isn't in the dump is told. */
static void say_unasked(const struct thishost *h)
{
	_cleanup_text_ struct text lines = {0};
	char *rest, *line;

	host_unasked(&lines, h);
	rest = lines.data;
	while (rest && *rest && (line = strsep(&rest, "\n"))) {
		struct error err = {0};

		error_set(&err, -ENODATA, NULL, 0, "%s", line);
		(void)cmd_fail(&err);
	}
}

static int dump(const struct thishost *h, const struct options *o)
{
	_cleanup_text_ struct text out = {0};
	struct error err = {0};

	thishost_dump(&out, h);
	if (out.failed)
		return no_memory();
	say_unasked(h);
	if (o->file && strcmp(o->file, "-") != 0)
		return cmd_write(o->file, &out, &err) < 0 ? cmd_fail(&err) : EXIT_YES;
	fputs(out.data, stdout);
	return cmd_flush(EXIT_YES);
}

static int print_json(const struct host_shown *s, const struct table *t,
		      const struct error *no_table)
{
	json_t *answer = host_json(s);

	if (!no_table->code)
		(void)json_object_set_new(answer, "models", list_json(t, 0, t->n));
	else if (answer)
		(void)json_object_set_new(json_object_get(answer, "not_asked"), "models",
					  cmd_foreign(no_table->what));
	return cmd_json(answer);
}

static int print_text(const struct host_shown *s, const struct table *t,
		      const struct error *no_table)
{
	struct terminal terminal = terminal_ask();
	struct accels accels = {.faithful = NOT_KNOWN};
	_cleanup_text_ struct text out = {0}, models = {0};

	host_print(&out, s, &terminal);
	if (no_table->code)
		text_addf(&models, "The site's models weren't asked for: %s: %s\n", no_table->where,
			  no_table->what);
	text_adds(&out, "\n");
	if (models.len)
		terminal_fold(&out, &terminal, models.data, 0, 4);
	else
		list_print(&out, t, &accels, &terminal);
	if (out.failed || models.failed)
		return no_memory();
	fputs(out.data, stdout);
	return cmd_flush(EXIT_YES);
}

static int run(const struct options *o)
{
	_cleanup_thishost_ struct thishost h = THISHOST_NONE;
	_cleanup_host_shown_ struct host_shown s = {0};
	_cleanup_table_ struct table t = {0};
	struct error err = {0}, no_table = {0};

	if (thishost_read(&h, o->emulator, &err) < 0)
		return cmd_fail(&err);
	if (o->dump)
		return dump(&h, o);
	if (host_compare(&s, &h) < 0)
		return no_memory();
	(void)cmd_table(&t, &no_table);
	return (o->json ? print_json : print_text)(&s, &t, &no_table);
}

int cmd_host(int argc, char **argv)
{
	static const struct option options[] = {{"dump", no_argument, NULL, 'd'},
						{"emulator", required_argument, NULL, 'e'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct options o = {0};
	int opt;

	while ((opt = getopt_long(argc, argv, "de:jh", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (opt == 'd')
			o.dump = true;
		else if (opt == 'e')
			o.emulator = optarg;
		else if (opt == 'j')
			o.json = true;
		else
			return usage_error("host", NULL);
	}
	if (argc - optind > o.dump || (o.dump && o.json))
		return usage_error("host", "takes --json, or --dump and one FILE");
	o.file = argv[optind];
	return run(&o);
}
