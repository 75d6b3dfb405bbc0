/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim list: the models, where they come from, and what each lacks here. */
#include <errno.h>
#include <getopt.h>

#include "cmd.h"
#include "emulator.h"
#include "qemu.h"

static const char usage[] =
	"Usage: cpushim list [--json | --digest]\n"
	"List the models of the table: name, base, the definition's digest (its first 12\n"
	"digits), whether it runs here under TCG and KVM or what is lacking, and where it\n"
	"is defined. A model that takes the host's vendor isn't safe to migrate between\n"
	"vendors.\n"
	"\n"
	"  -d, --digest  a line MODEL DIGEST each, or MODEL refused, the same on every node\n"
	"                where the names mean the same: for diff\n"
	"  -j, --json    as JSON, with whole digests\n"
	"  -h, --help    this text\n"
	"\n"
	"Exit status: 0 listed; 2 there is no usable table.\n";

/* What KVM provides here, asked at this moment. */
struct here {
	struct featset kvm;
	struct error no_kvm; /* code: it can't be asked */
};

static void ask_here(struct here *here)
{
	_cleanup_free_ char *real = emulator_real(EMULATOR_DEFAULT, &here->no_kvm);

	if (real)
		(void)qemu_kvm(real, &here->kvm, &here->no_kvm);
}

/* "yes", or what is lacking. */
static void say_tcg(struct text *out, const struct table_row *row)
{
	text_adds(out, *row->tcg_lacks ? "lacks " : "yes");
	text_adds(out, row->tcg_lacks);
}

static void say_kvm(struct text *out, const struct table_row *row, const struct here *here)
{
	struct featset lacks;

	if (here->no_kvm.code) {
		text_adds(out, "no kvm");
		return;
	}
	if (featset_parse(&lacks, row->features, strlen(row->features), ',', NULL) < 0)
		return;
	featset_subtract(&lacks, &here->kvm);
	text_adds(out, featset_count(&lacks) ? "lacks " : "yes");
	featset_print(out, &lacks, ",");
}

static const char *vendor_note(const struct table_row *row)
{
	return strcmp(row->vendor, "host") == 0 ? " [the host's vendor: not safe to migrate]" : "";
}

static void print_row(const struct table_row *row, const struct here *here)
{
	_cleanup_text_ struct text tcg = {0}, kvm = {0};

	if (*row->refused) {
		printf("%-20s refused: %s (%s)\n", row->model, row->refused, row->origin);
		return;
	}
	say_tcg(&tcg, row);
	say_kvm(&kvm, row, here);
	printf("%-20s %-16s %.12s  tcg: %s  kvm: %s  %s%s\n", row->model, row->base, row->digest,
	       tcg.failed ? "" : tcg.data, kvm.failed || !kvm.data ? "" : kvm.data, row->origin,
	       vendor_note(row));
}

static json_t *row_json(const struct table_row *row, const struct here *here)
{
	_cleanup_text_ struct text tcg = {0}, kvm = {0};

	if (*row->refused)
		return json_pack("{s:s, s:s, s:s, s:s}", "model", row->model, "emulator",
				 row->emulator, "origin", row->origin, "refused", row->refused);
	say_tcg(&tcg, row);
	say_kvm(&kvm, row, here);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "model", row->model,
			 "emulator", row->emulator, "origin", row->origin, "base", row->base,
			 "digest", row->digest, "vendor", row->vendor, "tcg", tcg.data, "kvm",
			 kvm.data);
}

/* Nothing of this host: what a name means, or that it can't be had. */
static int print_digests(const struct table *t)
{
	_cleanup_strv_ struct strv lines = {0};

	for (size_t i = 0; i < t->n; i++) {
		const struct table_row *row = &t->row[i];
		_cleanup_text_ struct text line = {0};

		text_addf(&line, "%s %s", row->model, *row->refused ? "refused" : row->digest);
		if (line.failed || strv_add(&lines, line.data, line.len) < 0)
			return cmd_fail(&(struct error){.code = -ENOMEM, .what = "out of memory"});
	}
	/* an emulator more is no line more */
	strv_sort(&lines);
	for (size_t i = 0; i < lines.n; i++)
		puts(lines.item[i]);
	return cmd_flush(EXIT_YES);
}

static int print_all(const struct table *t, bool json)
{
	struct here here = {0};
	json_t *rows;

	ask_here(&here);
	if (!json) {
		for (size_t i = 0; i < t->n; i++)
			print_row(&t->row[i], &here);
		return cmd_flush(EXIT_YES);
	}
	rows = json_array();
	for (size_t i = 0; i < t->n; i++)
		(void)json_array_append_new(rows, row_json(&t->row[i], &here));
	return cmd_json(rows);
}

int cmd_list(int argc, char **argv)
{
	static const struct option options[] = {{"digest", no_argument, NULL, 'd'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	_cleanup_table_ struct table t = {0};
	struct error err = {0};
	bool json = false, digest = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "djh", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (opt != 'j' && opt != 'd')
			return usage_error("list", NULL);
		json |= opt == 'j';
		digest |= opt == 'd';
	}
	if (optind != argc || (json && digest))
		return usage_error("list", "takes no argument, and one of --digest and --json");
	if (cmd_table(&t, &err) < 0)
		return cmd_fail(&err);
	return digest ? print_digests(&t) : print_all(&t, json);
}
