/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim verify: does a guest get exactly the CPU of a definition here? */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/paths.h"
#include "cpumap/guest/verify.h"
#include "cpumap/qemu/shortfall.h"
#include "cmd.h"

#define MAX_VCPUS 255

static const char usage[] =
	"Usage: cpushim verify [OPTION]... MODEL...\n"
	"Start the real QEMU with the model's expansion and a guest that executes CPUID on each\n"
	"vCPU, and compare what it read with the definition: exact, or the differences; and the\n"
	"first 12 digits of the digest of what was read.\n"
	"\n"
	"  -a, --accel tcg|kvm  the accelerator (tcg)\n"
	"  -c, --cpus N         the number of vCPUs (1, and then 4)\n"
	"  -m, --machine TYPE   the machine type (QEMU's default)\n"
	"  -e, --emulator PATH  whose row of the table, and the QEMU behind it (the model's "
	"first)\n"
	"  -r, --read FILE      start nothing: compare the last complete dump in FILE, which such "
	"a\n"
	"                       guest wrote to a serial port (- is standard input)\n"
	"  -d, --digest         a line each: MODEL ACCELERATOR DIGEST-OF-WHAT-WAS-READ (whole, or\n"
	"                       refused or unknown in its place), for diff between nodes;\n"
	"                       without a MODEL, of all\n"
	"  -j, --json           as JSON; of several models, a list\n"
	"  -h, --help           this text\n"
	"\n"
	"Exit status: 0 exact; 1 it (or one of them) differs, or is refused; 2 could not tell.\n";

struct options {
	const char *model, *accel, *machine, *emulator, *read;
	unsigned int cpus[2];
	size_t n_cpus;
	bool digest, json;
	json_t *answers; /* with several models; NULL: there is only one */
};

static int parse_cpus(const char *text, struct options *o)
{
	uint64_t n;

	if (number_parse(text, strlen(text), 10, MAX_VCPUS, &n) < 0 || n == 0)
		return usage_error("verify", "--cpus takes a number from 1 to %d", MAX_VCPUS);
	o->cpus[0] = (unsigned int)n;
	o->n_cpus = 1;
	return 0;
}

static int parse_option(int opt, struct options *o)
{
	switch (opt) {
	case 'a':
		if (strcmp(optarg, "tcg") != 0 && strcmp(optarg, "kvm") != 0)
			return usage_error("verify", "--accel takes tcg or kvm");
		o->accel = optarg;
		return 0;
	case 'c':
		return parse_cpus(optarg, o);
	case 'm':
		o->machine = optarg;
		return 0;
	case 'e':
		o->emulator = optarg;
		return 0;
	case 'r':
		o->read = optarg;
		return 0;
	case 'd':
		o->digest = true;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	default:
		return usage_error("verify", NULL);
	}
}

/* ---- printing ---- */

static void add_vcpus(struct text *t, const struct options *o, const struct verify_answer *a)
{
	if (o->read) {
		text_addf(t, "read from %s, %zu vCPU%s", o->read, a->vcpus,
			  a->vcpus == 1 ? "" : "s");
		return;
	}
	text_addf(t, "%s, ", o->accel);
	for (size_t i = 0; i < o->n_cpus; i++)
		text_addf(t, "%s%u", i ? " and " : "", o->cpus[i]);
	text_adds(t, o->n_cpus == 1 && o->cpus[0] == 1 ? " vCPU" : " vCPUs");
	if (a->vcpus == 1 && o->cpus[o->n_cpus - 1] > 1 && !a->shows_through)
		text_adds(t, " (no apic: the boot CPU alone could be read)");
}

static void add_names(struct text *t, const char *what, const struct featset *set)
{
	_cleanup_text_ struct text lines = {0};

	if (featset_count(set) == 0)
		return;
	text_addf(&lines, "\n%s", what);
	text_adds(t, what);
	featset_print(t, set, lines.failed ? "\n" : lines.data);
	text_adds(t, "\n");
}

/* For diff: every model gets a line, whatever its result. */
static void add_digest(struct text *t, const struct options *o, const struct verify_answer *a)
{
	bool refused = a->verdict == VERDICT_REFUSED;

	text_addf(t, "%s %s %s\n", o->model, o->read ? "-" : o->accel,
		  refused                           ? "refused"
		  : *a->digest && !a->shows_through ? a->digest
						    : "unknown");
}

/* Adds the differences of what was read, or of what QEMU says where a reading proves nothing. */
static void add_reading(struct text *t, const struct options *o, const struct verify_answer *a)
{
	bool exact = cpuid_diff_none(&a->diff);

	text_addf(t, "%s: %s%s, %zu features, ", o->model, exact ? "exact" : "differs",
		  a->shows_through ? " by QEMU's feature words" : "",
		  featset_count(&a->model.features));
	add_vcpus(t, o, a);
	if (*a->digest)
		text_addf(t, ", digest %.12s", a->digest);
	text_adds(t, "\n");
	cpuid_diff_print(t, &a->diff);
}

static void add_refusal(struct text *t, const struct options *o, const struct verify_answer *a)
{
	text_addf(t, "%s: refused", o->model);
	if (featset_count(&a->refusal.lacks))
		text_addf(t, ", %s lacks %zu of its %zu features", o->accel,
			  featset_count(&a->refusal.lacks), featset_count(&a->model.features));
	text_adds(t, "\n");
	add_names(t, "missing: ", &a->refusal.lacks);
	add_names(t, "needs a feature that the definition lacks: ", &a->refusal.dependent);
}

static bool was_read(const struct verify_answer *a)
{
	return a->verdict == VERDICT_EXACT || a->verdict == VERDICT_DIFFERS || *a->digest;
}

static int exit_status(const struct verify_answer *a)
{
	switch (a->verdict) {
	case VERDICT_EXACT:
		return EXIT_YES;
	case VERDICT_DIFFERS:
	case VERDICT_REFUSED:
		return EXIT_NO;
	default:
		return EXIT_UNKNOWN;
	}
}

/* Why a guest with a kernel wouldn't boot, although ours does; NULL: no reason is known. */
static const char *boot_reason(const struct options *o, const struct verify_answer *a)
{
	return was_read(a) && !o->read && strcmp(o->accel, "tcg") == 0
		       ? shortfall_boot(&a->model.features)
		       : NULL;
}

static int print_text(const struct options *o, const struct verify_answer *a)
{
	_cleanup_text_ struct text t = {0};
	int status;

	if (o->digest)
		add_digest(&t, o, a);
	else if (a->verdict == VERDICT_REFUSED)
		add_refusal(&t, o, a);
	else if (was_read(a))
		add_reading(&t, o, a);
	status = cmd_print(&t, 4, exit_status(a));
	if (a->verdict == VERDICT_REFUSED || a->verdict == VERDICT_UNKNOWN)
		(void)cmd_fail(&a->error);
	if (boot_reason(o, a))
		fprintf(stderr, "cpushim: model '%s': %s\n", o->model, boot_reason(o, a));
	return status;
}

static json_t *lines_json(const struct strv *lines)
{
	json_t *list = json_array();

	for (size_t i = 0; i < lines->n; i++)
		(void)json_array_append_new(list, json_string(lines->item[i]));
	return list;
}

static json_t *diff_json(const struct cpuid_diff *diff)
{
	return json_pack("{s:o, s:o, s:o}", "missing", cmd_features_json(&diff->missing), "extra",
			 cmd_features_json(&diff->extra), "other", lines_json(&diff->other));
}

static json_t *vcpus_json(const struct options *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->n_cpus; i++)
		(void)json_array_append_new(list, json_integer(o->cpus[i]));
	return list;
}

static json_t *answer_json(const struct options *o, const struct verify_answer *a)
{
	static const char *const words[] = {
		[VERDICT_EXACT] = "exact",
		[VERDICT_DIFFERS] = "differs",
		[VERDICT_REFUSED] = "refused",
		[VERDICT_UNKNOWN] = "unknown",
	};
	json_t *answer =
		json_pack("{s:s, s:s, s:s*, s:o*, s:o*, s:o, s:i, s:b, s:o, s:o}", "model",
			  o->model, "verdict", words[a->verdict], "accel",
			  o->read ? NULL : o->accel, "read", o->read ? cmd_foreign(o->read) : NULL,
			  "machine", o->machine ? cmd_foreign(o->machine) : NULL, "vcpus",
			  o->read ? json_pack("[i]", (int)a->vcpus) : vcpus_json(o), "features",
			  (int)featset_count(&a->model.features), "shows_through", a->shows_through,
			  "lacks", cmd_features_json(&a->refusal.lacks), "depends",
			  cmd_features_json(&a->refusal.dependent));

	if (was_read(a)) {
		(void)json_object_set_new(answer, "differences", diff_json(&a->diff));
		(void)json_object_set_new(answer, "digest",
					  *a->digest ? json_string(a->digest) : json_null());
	}
	if (boot_reason(o, a))
		(void)json_object_set_new(answer, "tcg_boot", json_string(boot_reason(o, a)));
	if (a->shows_through)
		(void)json_object_set_new(answer, "plain_differs", diff_json(&a->shown));
	if (*a->error.what && exit_status(a) != EXIT_YES)
		(void)json_object_set_new(answer, "reason",
					  json_pack("{s:o, s:o}", "where",
						    cmd_foreign(a->error.where), "what",
						    cmd_foreign(a->error.what)));
	return answer;
}

/* Prints one model's answer. With several models, JSON is printed at the end. */
static int print(struct options *o, const struct verify_answer *a)
{
	int printed;

	if (!o->json)
		return print_text(o, a);
	if (o->answers) {
		(void)json_array_append_new(o->answers, answer_json(o, a));
		return exit_status(a);
	}
	printed = cmd_json(answer_json(o, a));
	return printed == EXIT_YES ? exit_status(a) : printed;
}

/* ---- doing ---- */

static int verify_file(struct options *o, const struct table_row *row)
{
	_cleanup_cpuid_dump_ struct cpuid_dump d = {0};
	_cleanup_verify_ struct verify_answer a = {0};
	_cleanup_free_ char *text = NULL;
	struct error err = {0};
	size_t len = 0;
	int r;

	if (strcmp(o->read, "-") == 0)
		r = fd_read_all(STDIN_FILENO, CPUID_DUMP_LIMIT, &text, &len);
	else
		r = file_read(o->read, TRUST_NAMED, CPUID_DUMP_LIMIT, &text, &len, &err);
	if (r < 0 && !err.code)
		error_set(&err, r, "standard input", 0, "%s", strerror(-r));
	if (r == 0)
		r = cpuid_parse(&d, text, len, o->read, &err);
	if (r < 0)
		return cmd_fail(&err);
	verify_dump(row, &d, &a);
	return print(o, &a);
}

static int verify_start(struct options *o, const struct table_row *row)
{
	struct error err = {0};
	_cleanup_free_ char *guest = root_path(GUEST_PATH);
	_cleanup_free_ char *real = emulator_real(o->emulator ? o->emulator : row->emulator, &err);
	_cleanup_verify_ struct verify_answer a = {0};

	if (!real || !guest)
		return cmd_fail(&err);
	verify_model(&(struct verify_request){.row = row,
					      .emulator = real,
					      .guest = guest,
					      .accel = o->accel,
					      .machine = o->machine,
					      .cpus = o->cpus,
					      .n_cpus = o->n_cpus,
					      .timeout_ms = GUEST_TIMEOUT_MS},
		     &a);
	return print(o, &a);
}

static int verify_row(struct options *o, const struct table *t, const char *model)
{
	struct error err = {0};
	const struct table_row *row = cmd_row(t, model, strlen(model), o->emulator, &err);

	if (!row)
		return cmd_fail(&err);
	o->model = row->model;
	return o->read ? verify_file(o, row) : verify_start(o, row);
}

/* The models to verify: those named, or all of the table's. */
static int models_of(struct strv *models, const struct table *t, const struct options *o, int n,
		     char **named)
{
	int r = 0;

	for (int i = 0; r == 0 && i < n; i++)
		r = strv_add(models, named[i], strlen(named[i]));
	for (size_t i = 0; r == 0 && n == 0 && i < t->n; i++)
		if (!o->emulator || table_row_is_at(&t->row[i], o->emulator))
			r = strv_add(models, t->row[i].model, strlen(t->row[i].model));
	if (n == 0)
		strv_sort(models);
	return r;
}

/* "Not exact" is the worst answer, "couldn't tell" the second worst. */
static int worse(int a, int b)
{
	if (a == EXIT_NO || b == EXIT_NO)
		return EXIT_NO;
	return a == EXIT_UNKNOWN || b == EXIT_UNKNOWN ? EXIT_UNKNOWN : EXIT_YES;
}

static int verify(struct options *o, int n, char **named)
{
	_cleanup_table_ struct table t = {0};
	_cleanup_strv_ struct strv models = {0};
	struct error err = {0};
	int status = EXIT_YES, printed;

	if (cmd_table(&t, &err) < 0)
		return cmd_fail(&err);
	if (models_of(&models, &t, o, n, named) < 0) {
		error_set(&err, -ENOMEM, NULL, 0, "out of memory");
		return cmd_fail(&err);
	}
	if (!o->read && !o->digest)
		cmd_nodestate(&t, false);
	o->answers = o->json && models.n != 1 ? json_array() : NULL;
	for (size_t i = 0; i < models.n; i++)
		status = worse(status, verify_row(o, &t, models.item[i]));
	if (!o->answers)
		return status;
	printed = cmd_json(o->answers);
	return printed == EXIT_YES ? status : printed;
}

int cmd_verify(int argc, char **argv)
{
	static const struct option long_options[] = {{"accel", required_argument, NULL, 'a'},
						     {"cpus", required_argument, NULL, 'c'},
						     {"machine", required_argument, NULL, 'm'},
						     {"emulator", required_argument, NULL, 'e'},
						     {"read", required_argument, NULL, 'r'},
						     {"digest", no_argument, NULL, 'd'},
						     {"json", no_argument, NULL, 'j'},
						     {"help", no_argument, NULL, 'h'},
						     {0}};
	struct options o = {.accel = "tcg", .cpus = {1, 4}, .n_cpus = 2};
	int opt;

	while ((opt = getopt_long(argc, argv, "a:c:m:e:r:djh", long_options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (parse_option(opt, &o) != 0)
			return EXIT_UNKNOWN;
	}
	if (optind == argc && !o.digest)
		return usage_error("verify", "takes a MODEL");
	if (o.read && optind + 1 != argc)
		return usage_error("verify", "--read takes one MODEL");
	return verify(&o, argc - optind, argv + optind);
}
