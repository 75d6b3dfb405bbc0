/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim expand: what a model expands to, for QEMU, for people, for libvirt and for nova. */
#include <errno.h>
#include <getopt.h>

#include "cpumap/core/cpuarg.h"
#include "cpumap/core/emulator.h"
#include "cpumap/define/expand.h"
#include "cpumap/fleet/write.h"
#include "hook/domain/domain.h"
#include "cmd.h"

static const char usage[] =
	"Usage: cpushim expand [OPTION]... MODEL[,PROPS]\n"
	"Print what makes a model: the -cpu argument that the wrapper gives to QEMU, with\n"
	"PROPS merged as a caller's.\n"
	"\n"
	"  -s, --short          for reading: the base and what differs from it\n"
	"  -f, --format FORMAT  arg (the argument), xml (a <cpu> element), nova (lines for\n"
	"                       nova.conf)\n"
	"  -e, --emulator PATH  whose row of the table (the model's first)\n"
	"  -j, --json           as JSON\n"
	"  -h, --help           this text\n"
	"\n"
	"Exit status: 0 printed; 1 the model is refused; 2 there is no such model or table.\n";

struct options {
	const char *emulator, *format;
	bool brief, json;
};

/* The table doesn't say what the base itself has, so QEMU is asked. */
static int brief_expansion(struct text *out, const struct table_row *row, struct error *err)
{
	_cleanup_free_ char *real = emulator_real(row->emulator, err);
	_cleanup_qemu_ struct qemu q = {0};
	_cleanup_model_ struct model m = {0};
	int r = real ? qemu_probe(&q, real, err) : -ENOENT;

	if (r == 0)
		r = model_of_row(&m, row, err);
	if (r == 0)
		expand_short(out, &m, &q);
	return r;
}

static int print_arg(const struct table_row *row, const char *props, const struct options *o)
{
	_cleanup_text_ struct text expansion = {0}, arg = {0};
	struct error err = {0};

	if (o->brief && brief_expansion(&expansion, row, &err) < 0)
		return cmd_fail(&err);
	cpuarg_merge(&arg, o->brief ? expansion.data : row->cpu, props);
	if (arg.failed) {
		error_set(&err, -ENOMEM, NULL, 0, "out of memory");
		return cmd_fail(&err);
	}
	if (o->json)
		return cmd_json(json_pack("{s:s, s:o, s:s, s:o}", "model", row->model, "emulator",
					  cmd_foreign(row->emulator), "digest", row->digest, "cpu",
					  cmd_foreign(arg.data)));
	puts(arg.data);
	return cmd_flush(EXIT_YES);
}

static int print_xml(const struct table_row *row)
{
	_cleanup_text_ struct text xml = {0};
	struct error err = {0};

	if (domain_print_cpu(&xml, row, &err) < 0)
		return cmd_fail(&err);
	puts(xml.data);
	return cmd_flush(EXIT_YES);
}

static int print_nova(const struct table_row *row)
{
	_cleanup_text_ struct text lines = {0};

	write_nova_named(&lines, row->model);
	return cmd_print(&lines, 0, EXIT_YES);
}

static int print(const struct table_row *row, const char *props, const struct options *o)
{
	struct error err = {0};

	if (*row->refused) {
		error_set(&err, -ENOTSUP, row->origin, 0, "%s", row->refused);
		(void)cmd_fail(&err);
		return EXIT_NO;
	}
	if (strcmp(o->format, "arg") == 0)
		return print_arg(row, props, o);
	if (*props || o->brief || o->json)
		return usage_error("expand", "PROPS, --short and --json go with the argument only");
	if (strcmp(o->format, "xml") == 0)
		return print_xml(row);
	if (strcmp(o->format, "nova") == 0)
		return print_nova(row);
	return usage_error("expand", "--format is arg, xml or nova");
}

int cmd_expand(int argc, char **argv)
{
	static const struct option options[] = {{"short", no_argument, NULL, 's'},
						{"format", required_argument, NULL, 'f'},
						{"emulator", required_argument, NULL, 'e'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct options o = {.format = "arg"};
	_cleanup_table_ struct table t = {0};
	const struct table_row *row;
	struct error err = {0};
	size_t len;
	int opt;

	while ((opt = getopt_long(argc, argv, "sf:e:jh", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			o.brief = true;
			break;
		case 'f':
			o.format = optarg;
			break;
		case 'e':
			o.emulator = optarg;
			break;
		case 'j':
			o.json = true;
			break;
		case 'h':
			return cmd_help(usage);
		default:
			return usage_error("expand", NULL);
		}
	}
	if (optind + 1 != argc)
		return usage_error("expand", "takes one MODEL[,PROPS]");
	if (cmd_table(&t, &err) < 0)
		return cmd_fail(&err);
	len = cpuarg_model_len(argv[optind]);
	row = cmd_row(&t, argv[optind], len, o.emulator, &err);
	return row ? print(row, argv[optind] + len, &o) : cmd_fail(&err);
}
