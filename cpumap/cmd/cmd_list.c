/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim list: the models, where they come from, and what each lacks here. */
#include <errno.h>
#include <getopt.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/paths.h"
#include "cpumap/core/show.h"
#include "cpumap/guest/verify.h"
#include "cpumap/qemu/shortfall.h"
#include "cmd.h"

static const char usage[] =
	"Usage: cpushim list [--json | --digest]\n"
	"List the models of the table: name, base, the definition's digest (its first 12\n"
	"digits), whether it runs here under TCG and KVM or what is lacking and why, and\n"
	"where it is defined. A model that takes the host's vendor isn't safe to migrate\n"
	"between vendors.\n"
	"\n"
	"  -d, --digest  a line MODEL DIGEST each, or MODEL refused, the same on every node\n"
	"                where the names mean the same: for diff\n"
	"  -j, --json    as JSON, with whole digests\n"
	"  -h, --help    this text\n"
	"\n"
	"Exit status: 0 listed; 2 there is no usable table.\n";

/* Does this KVM give guests what QEMU gives them? */
enum faithful { FAITHFUL, SHOWS_THROUGH, NOT_KNOWN };

/* microvm (QEMU 4.2 and later) has no BIOS to wait for. */
static int read_plain(const char *real, const char *guest, struct cpuid_diff *shown,
		      struct error *err)
{
	struct guest_run run = {.emulator = real,
				.guest = guest,
				.accel = "kvm",
				.machine = "microvm",
				.timeout_ms = GUEST_TIMEOUT_MS};

	if (verify_plain(&run, shown, err) == 0)
		return 0;
	run.machine = NULL;
	return verify_plain(&run, shown, err);
}

static enum faithful ask_faithful(const char *real)
{
	_cleanup_free_ char *guest = root_path(GUEST_PATH);
	_cleanup_cpuid_diff_ struct cpuid_diff shown = {0};
	struct error err = {0};

	if (!guest || read_plain(real, guest, &shown, &err) < 0) {
		(void)cmd_fail(&err);
		fputs("cpushim: /dev/kvm: so it isn't known whether this KVM lets the host's CPU "
		      "show through\n",
		      stderr);
		return NOT_KNOWN;
	}
	if (cpuid_diff_none(&shown))
		return FAITHFUL;
	fputs("cpushim: /dev/kvm: this KVM lets the host's CPU show through, so no guest can have "
	      "exactly a model's CPU under it (`cpushim verify --accel kvm MODEL` tells more)\n",
	      stderr);
	return SHOWS_THROUGH;
}

/* What there is with each emulator; whether KVM is faithful is the same for all. */
#define EMULATORS_MAX 8
struct supports {
	struct {
		const char *emulator;
		struct support support;
	} of[EMULATORS_MAX];
	bool asked;
	enum faithful faithful;
};

/* Asks once for each; those that there is no place for share the last one. */
static const struct support *ask_support(struct supports *h, const char *emulator)
{
	_cleanup_free_ char *real = NULL;
	struct support *support;
	size_t i = 0;

	while (i + 1 < EMULATORS_MAX && h->of[i].emulator &&
	       strcmp(h->of[i].emulator, emulator) != 0)
		i++;
	support = &h->of[i].support;
	if (h->of[i].emulator && strcmp(h->of[i].emulator, emulator) == 0)
		return support;
	h->of[i].emulator = emulator;
	*support = (struct support){0};
	real = emulator_real(emulator, &support->no_kvm);
	if (real)
		support_ask(support, real);
	if (!h->asked && !support->no_kvm.code) {
		h->faithful = ask_faithful(real);
		h->asked = true;
	}
	return support;
}

/* What a row lacks to run under an accelerator. */
static void row_lacks(struct shortfall *l, const struct table_row *row, const struct support *kvm)
{
	const char *names = kvm ? row->features : row->tcg_lacks;
	struct featset set;

	*l = (struct shortfall){0};
	if (featset_parse(&set, names, strlen(names), ',', NULL) < 0)
		return;
	if (kvm)
		shortfall_kvm(l, kvm, &set);
	else
		shortfall_tcg(l, &set);
}

/* "yes", or what is lacking; @why: and for what reasons. */
static void say(struct text *out, const struct shortfall *l, bool why)
{
	if (featset_count(&l->all) == 0) {
		text_adds(out, "yes");
		return;
	}
	text_adds(out, "lacks ");
	featset_print(out, &l->all, ",");
	if (!why)
		return;
	text_adds(out, " (");
	shortfall_print(out, l);
	text_adds(out, ")");
}

static const char *vendor_note(const struct table_row *row)
{
	return strcmp(row->vendor, "host") == 0 ? " [the host's vendor: not safe to migrate]" : "";
}

/* Where TCG has all of its features: whether a guest gets anywhere with them. */
static const char *boot_reason(const struct table_row *row)
{
	struct featset set;

	if (*row->tcg_lacks ||
	    featset_parse(&set, row->features, strlen(row->features), ',', NULL) < 0)
		return NULL;
	return shortfall_boot(&set);
}

static const char *boot_note(const struct table_row *row)
{
	return boot_reason(row) ? " [no Linux boots under TCG: xsave without xsaveopt]" : "";
}

/* An emulator beside the usual one. */
static void print_emulator(const struct table_row *row)
{
	if (strcmp(row->emulator, EMULATOR_DEFAULT) != 0)
		printf("  with %s", row->emulator);
	putchar('\n');
}

static void print_row(const struct table_row *row, const struct support *support)
{
	_cleanup_text_ struct text tcg = {0}, kvm = {0}, origin = {0}, refused = {0};
	struct shortfall lacks;

	(void)show(&origin, row->origin, strlen(row->origin), SHOWN_WHOLE);
	(void)show(&refused, row->refused, strlen(row->refused), SHOWN_WHOLE);
	if (origin.failed || refused.failed)
		return;
	if (*row->refused) {
		printf("%-20s refused: %s (%s)", row->model, refused.data, origin.data);
		print_emulator(row);
		return;
	}
	row_lacks(&lacks, row, NULL);
	say(&tcg, &lacks, true);
	row_lacks(&lacks, row, support);
	if (support->no_kvm.code)
		text_adds(&kvm, "no kvm");
	else
		say(&kvm, &lacks, true);
	printf("%-20s %-16s %.12s  tcg: %s  kvm: %s  %s%s%s", row->model, row->base, row->digest,
	       tcg.failed ? "" : tcg.data, kvm.failed ? "" : kvm.data, origin.data,
	       vendor_note(row), boot_note(row));
	print_emulator(row);
}

/* Each lacking feature, and why it is. */
static json_t *why_json(const struct shortfall *l)
{
	json_t *why = json_object();

	for (size_t kind = 0; kind < LACK_KINDS; kind++)
		for (size_t i = 0; i < n_features; i++)
			if (featset_has(&l->by[kind], i))
				(void)json_object_set_new(
					why, features[i].name,
					json_sprintf("%s it", lack_why((enum lack)kind)));
	return why;
}

static void add_accel(json_t *row, const char *accel, const char *why, const struct shortfall *l)
{
	_cleanup_text_ struct text t = {0};

	say(&t, l, false);
	(void)json_object_set_new(row, accel, json_string(t.failed ? "" : t.data));
	(void)json_object_set_new(row, why, why_json(l));
}

static json_t *row_json(const struct table_row *row, const struct support *support,
			enum faithful faithful)
{
	struct shortfall lacks;
	json_t *answer;

	if (*row->refused)
		return json_pack("{s:s, s:s, s:s, s:s}", "model", row->model, "emulator",
				 row->emulator, "origin", row->origin, "refused", row->refused);
	answer = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "model", row->model, "emulator",
			   row->emulator, "origin", row->origin, "base", row->base, "digest",
			   row->digest, "vendor", row->vendor);
	row_lacks(&lacks, row, NULL);
	add_accel(answer, "tcg", "tcg_why", &lacks);
	if (boot_reason(row))
		(void)json_object_set_new(answer, "tcg_boot", json_string(boot_reason(row)));
	if (support->no_kvm.code) {
		(void)json_object_set_new(answer, "kvm", json_string("no kvm"));
		return answer;
	}
	row_lacks(&lacks, row, support);
	add_accel(answer, "kvm", "kvm_why", &lacks);
	(void)json_object_set_new(answer, "kvm_shows_through",
				  faithful == NOT_KNOWN ? json_null()
							: json_boolean(faithful == SHOWS_THROUGH));
	return answer;
}

/* Says nothing of this host: what each name means, or that it is refused. */
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
	struct supports supports = {.faithful = NOT_KNOWN};
	json_t *rows = json ? json_array() : NULL;

	for (size_t i = 0; i < t->n; i++) {
		const struct support *support = ask_support(&supports, t->row[i].emulator);

		if (json)
			(void)json_array_append_new(
				rows, row_json(&t->row[i], support, supports.faithful));
		else
			print_row(&t->row[i], support);
	}
	if (!json)
		return cmd_flush(EXIT_YES);
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
	if (digest)
		return print_digests(&t);
	cmd_nodestate(&t, false);
	return print_all(&t, json);
}
