/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim doctor: is this node right, and what mends it? */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <sys/resource.h>

#include "cpumap/node/condition.h"
#include "cpumap/node/mend.h"
#include "cmd.h"
#include "doctor_print.h"

#define DESCRIPTORS 64u

static const char usage[] =
	"Usage: cpushim doctor [--brief | --json] [--mend] [--nova [--model MODEL]]\n"
	"       cpushim doctor --conditions\n"
	"Look at every condition of a right node: PASS, WARN, FAIL, and behind a semicolon\n"
	"what mends it; UNKNOWN where it can't be told; SKIP where there is nothing to look\n"
	"at. The last line counts them, and names those that aren't right. libvirt and the\n"
	"real QEMU are asked, each for some seconds at most. Nothing is changed without\n"
	"--mend. Only root sees all.\n"
	"\n"
	"  -b, --brief       the last line alone, for a monitoring check\n"
	"  -j, --json        as JSON\n"
	"  -m, --mend        first run `cpushim ready` or `cpushim compile` where one of them\n"
	"                    is what mends a fault, and remove what interrupted work has\n"
	"                    left; libvirt isn't restarted, and nothing is mended\n"
	"                    while cpushim is being removed\n"
	"  -n, --nova        ask libvirt what nova asks, of the models that nova's\n"
	"                    configuration names, or of all\n"
	"  -M, --model MODEL with --nova, as if its configuration named this one\n"
	"  -c, --conditions  list the conditions' ids, and end\n"
	"  -h, --help        this text\n"
	"\n"
	"Exit status: 0 nothing fails; 1 something does; 2 something couldn't be told.\n";

struct options {
	bool brief, json, mend, nova, conditions;
	const char *model; /* NULL: those of nova's configuration */
};

static int list_conditions(void)
{
	for (size_t i = 0; i < n_conditions; i++)
		puts(conditions[i].id);
	return cmd_flush(EXIT_YES);
}

static int verdict(const struct finding *findings)
{
	enum weight worst = WEIGHT_HOLDS;

	for (size_t i = 0; i < n_conditions; i++)
		if (finding_weight(&findings[i]) > worst)
			worst = finding_weight(&findings[i]);
	if (worst >= WEIGHT_FAILS)
		return EXIT_NO;
	return worst == WEIGHT_UNKNOWN ? EXIT_UNKNOWN : EXIT_YES;
}

static int print(const struct options *o, const struct finding *findings)
{
	_cleanup_text_ struct text t = {0}, summary = {0};
	struct terminal terminal = terminal_ask();

	if (o->json)
		return cmd_json(doctor_json(findings));
	if (!o->brief)
		doctor_print(&t, findings, &terminal);
	doctor_summary(&summary, findings);
	if (!summary.failed)
		terminal_fold(&t, &terminal, summary.data, 0, strlen("cpushim: "));
	if (t.failed || summary.failed)
		return cmd_fail(&(struct error){.code = -ENOMEM, .what = "out of memory"});
	fputs(t.data, stdout);
	return cmd_flush(EXIT_YES);
}

/* Mends what it may. Returns 0, or EXIT_UNKNOWN if that failed. */
static int mend_node(const struct options *o)
{
	struct finding *findings = calloc(n_conditions, sizeof(*findings));
	_cleanup_checkup_ struct checkup c;
	_cleanup_strv_ struct strv said = {0};
	struct error err = {0};
	char program[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
	int r;

	program[len > 0 ? len : 0] = '\0';
	checkup_begin(&c);
	c.nova_model = o->model;
	if (findings)
		conditions_look(&c, o->nova, findings);
	r = findings ? mend(&c, findings, program, &said, &err)
		     : error_set(&err, -ENOMEM, NULL, 0, "out of memory");
	for (size_t i = 0; i < said.n; i++)
		fprintf(stderr, "%s\n", said.item[i]);
	if (findings)
		findings_free(findings);
	free(findings);
	return r < 0 ? cmd_fail(&err) : 0;
}

static int look(const struct options *o)
{
	struct finding *findings = calloc(n_conditions, sizeof(*findings));
	_cleanup_checkup_ struct checkup c;
	int status;

	if (!findings)
		return cmd_fail(&(struct error){.code = -ENOMEM, .what = "out of memory"});
	checkup_begin(&c);
	c.nova_model = o->model;
	conditions_look(&c, o->nova, findings);
	status = print(o, findings);
	if (status == EXIT_YES)
		status = verdict(findings);
	findings_free(findings);
	free(findings);
	return status;
}

static int take_option(int opt, struct options *o)
{
	switch (opt) {
	case 'b':
		o->brief = true;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case 'm':
		o->mend = true;
		return 0;
	case 'n':
		o->nova = true;
		return 0;
	case 'M':
		o->model = optarg;
		return 0;
	case 'c':
		o->conditions = true;
		return 0;
	default:
		return usage_error("doctor", NULL);
	}
}

/* With fewer it would blame the node for its own want. */
static int check_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
		return 0;
	fprintf(stderr, "cpushim: doctor: may have %u files open, and needs %u: ulimit -n %u\n",
		(unsigned int)limit.rlim_cur, DESCRIPTORS, DESCRIPTORS);
	return EXIT_UNKNOWN;
}

int cmd_doctor(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"brief", no_argument, NULL, 'b'},       {"json", no_argument, NULL, 'j'},
		{"mend", no_argument, NULL, 'm'},        {"nova", no_argument, NULL, 'n'},
		{"model", required_argument, NULL, 'M'}, {"conditions", no_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},        {0}};
	struct options o = {0};
	int opt;

	while ((opt = getopt_long(argc, argv, "bjmnM:ch", long_options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (take_option(opt, &o) != 0)
			return EXIT_UNKNOWN;
	}
	if (optind != argc || (o.brief && o.json))
		return usage_error("doctor", "takes no argument, and one of --brief and --json");
	if (o.model && !o.nova)
		return usage_error("doctor", "--model goes with --nova");
	if (o.conditions)
		return list_conditions();
	if (check_descriptors() != 0)
		return EXIT_UNKNOWN;
	if (o.mend && mend_node(&o) != 0)
		return EXIT_UNKNOWN;
	return look(&o);
}
