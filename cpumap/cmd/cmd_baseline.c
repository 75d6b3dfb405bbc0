/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim baseline: the model that all of many hosts can run, and what each of them costs the others. */
#include <errno.h>
#include <getopt.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/show.h"
#include "cpumap/fleet/page.h"
#include "baseline_format.h"
#include "baseline_print.h"
#include "check_print.h"
#include "cmd.h"
#include "hosts.h"

static const char usage[] =
	"Usage: cpushim baseline [OPTION]... HOST...\n"
	"Print a definition of the CPU that all hosts can give to a guest: the features\n"
	"that all of them have and are known to have. HOST is as in `cpushim check`.\n"
	"What the hosts share, and whether a stock model would do, is told on standard\n"
	"error.\n"
	"\n"
	"  -n, --name NAME       the definition's name (fleet)\n"
	"  -a, --accel ACCEL     kvm, tcg, or cpu: what the CPUs have (kvm if some host\n"
	"                        tells of it, else cpu)\n"
	"      --vendor VENDOR   the guest's vendor: Intel, AMD, the 12 characters of\n"
	"                        CPUID, or none: that of kvm64, the base (the hosts',\n"
	"                        if all have the same one)\n"
	"  -l, --leave-out HOST  not this one; may be repeated\n"
	"  -s, --skip-bad        leave files out that can't be read, and name them\n"
	"  -x, --explain         tell all about these hosts instead: what each costs the\n"
	"                        others, the nearest stock models, two or three models\n"
	"                        in place of one\n"
	"  -f, --format FORMAT   definition, cpu (libvirt's <cpu>), map (an include of\n"
	"                        libvirt's CPU map), nova (nova.conf), qemu (-cpu),\n"
	"                        proxmox (its cpu-models.conf)\n"
	"      --against MODEL   does this model still fit? MODEL is as in `cpushim\n"
	"                        check`. It doesn't if some host can't run it, or if\n"
	"                        all could have more\n"
	"  -m, --ignore-more     with --against: that all could have more is no reason\n"
	"      --html FILE       also write a page to look at: the groups of hosts, what\n"
	"                        each costs, and the rest (-: alone on standard output)\n"
	"  -e, --emulator PATH   the QEMU that is asked for its models\n"
	"                        (" EMULATOR_DEFAULT ")\n"
	"  -j, --json            as JSON, with all hosts\n"
	"  -h, --help            this text\n"
	"\n"
	"Exit status: 0 done, or the model fits; 1 the hosts share nothing, or the model\n"
	"doesn't fit; 2 a file isn't understood, or it can't be told.\n";

/* options that have no letter */
enum { OPTION_VENDOR = 256, OPTION_AGAINST, OPTION_HTML };

struct options {
	struct hosts_wish hosts;
	const char *name, *vendor, *format, *against, *html, *emulator;
	bool explain, json, ignore_more;
};

/* The time of the notes: SOURCE_DATE_EPOCH's (reproducible-builds.org), or now. */
static time_t now(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t seconds;

	if (epoch && number_parse(epoch, strlen(epoch), 10, INT64_MAX, &seconds) == 0)
		return (time_t)seconds;
	return time(NULL);
}

/* ---- what is asked ---- */

static int check_options(const struct options *o)
{
	char shown[64];

	if (o->name && !model_name_valid(o->name, strlen(o->name)))
		return usage_error("baseline", "'%s' isn't a model's name",
				   text_escape(shown, sizeof(shown), o->name, strlen(o->name)));
	if (o->format && !baseline_format_valid(o->format))
		return usage_error("baseline", "--format is " BASELINE_FORMATS);
	if (o->hosts.n_paths == 0)
		return usage_error("baseline", "takes at least one HOST");
	if (o->ignore_more && !o->against)
		return usage_error("baseline", "--ignore-more goes with --against");
	if (o->against && (o->html || o->format || o->name || o->explain))
		return usage_error("baseline", "--against tells of the model alone, without --%s",
				   o->html     ? "html"
				   : o->format ? "format"
				   : o->name   ? "name"
					       : "explain");
	return EXIT_YES;
}

/* The 12 characters that a vendor's name means; NULL: not said. */
static int vendor_of(const char **vendor, const char *name, struct error *err)
{
	char shown[64];

	*vendor = !name || strcmp(name, "none") == 0 ? name : libvirtmap_vendor(NULL, name);
	if (name && strcmp(name, "none") == 0)
		*vendor = "";
	if (name && !*vendor && strlen(name) == 12 && !strpbrk(name, ",<>&'\""))
		*vendor = name;
	if (!name || *vendor)
		return 0;
	return error_set(
		err, -EINVAL, NULL, 0,
		"unknown vendor '%s'; name Intel, AMD, Hygon, none, or the 12 characters of "
		"CPUID",
		text_escape(shown, sizeof(shown), name, strlen(name)));
}

/* ---- the answers ---- */

/* Each line of @t on standard error, escaped. */
static void tell(const struct text *t)
{
	const char *at = t->failed || !t->len ? "" : t->data;

	for (size_t len; *at; at += len + (at[len] == '\n')) {
		_cleanup_text_ struct text line = {0};

		len = strcspn(at, "\n");
		(void)show(&line, at, len, SHOWN_WHOLE);
		fprintf(stderr, "cpushim: %s\n", line.failed || !line.len ? "" : line.data);
	}
}

static int print_text(const struct text *out, int status)
{
	if (out->failed)
		return cmd_fail(&(struct error){.code = -ENOMEM, .what = "out of memory"});
	fputs(out->len ? out->data : "", stdout);
	return cmd_flush(status);
}

static int print_explained(const struct fleet_findings *f)
{
	struct terminal terminal = terminal_ask();
	_cleanup_text_ struct text out = {0};

	baseline_explain(&out, f, &terminal);
	return print_text(&out, EXIT_YES);
}

static int print_model(const struct fleet_findings *f, const char *format)
{
	_cleanup_text_ struct text out = {0}, said = {0};
	struct error err = {0};

	baseline_short(&said, f);
	text_adds(&said, "`cpushim baseline --explain` tells what each host costs the others\n");
	tell(&said);
	if (featset_count(&f->baseline.model.features) == 0) {
		error_set(&err, -ENOTSUP, NULL, 0,
			  "these hosts share no feature that is known of all");
		(void)cmd_fail(&err);
		return EXIT_NO;
	}
	switch (baseline_format(&out, format, f, &err)) {
	case 0:
		return print_text(&out, EXIT_YES);
	case -ENOTSUP:
		(void)cmd_fail(&err);
		return EXIT_NO;
	default:
		return cmd_fail(&err);
	}
}

/* Writes the page, or prints it. */
static int write_page(const struct fleet_findings *f, const char *file)
{
	bool shared = featset_count(&f->baseline.model.features);
	_cleanup_text_ struct text said = {0}, definition = {0}, out = {0};
	struct error err = {0};

	baseline_short(&said, f);
	if (shared && baseline_format(&definition, "definition", f, &err) < 0)
		return cmd_fail(&err);
	page_write(&out, &(struct page){.findings = f,
					.said = said.failed ? "" : said.data,
					.definition = shared ? definition.data : NULL});
	out.failed |= said.failed || definition.failed;
	if (strcmp(file, "-") == 0)
		return print_text(&out, EXIT_YES);
	return cmd_write(file, &out, &err) < 0 ? cmd_fail(&err) : EXIT_YES;
}

/* ---- drift ---- */

/* A published model, and what became of it. */
struct drift {
	const struct catalogue_model *model;
	struct fit_wish wish;
	struct fits fits;
	struct featset more; /* that all hosts could have */
};

static int drift_find(struct drift *d, struct fleet_findings *f, const struct options *o,
		      struct error *err)
{
	int r;

	d->model = catalogue_find(&f->catalogue, o->against, err);
	if (!d->model)
		return -ENOENT;
	if (d->model->refused)
		return error_set(err, -ENOTSUP, d->model->origin, 0, "%s", d->model->refused);
	d->wish = (struct fit_wish){.needs = d->model->needs};
	r = fits_find(&d->fits, &f->rows, &d->wish, err);
	d->more = f->baseline.model.features;
	featset_subtract(&d->more, &d->model->gives);
	if (o->ignore_more)
		d->more = (struct featset){0};
	return r;
}

static void say_drift(struct text *out, const struct drift *d, const struct fleet_findings *f)
{
	const size_t *count = d->fits.count;

	text_addf(out, "%s (%s, %s): ", d->model->name, catalogue_from_name(d->model->from),
		  d->model->origin);
	if (count[FIT_NO])
		text_addf(out, "%zu of %zu %s can't run it", count[FIT_NO], HOSTS(f->rows.n_hosts));
	else if (count[FIT_UNKNOWN])
		text_addf(out, "of %zu of %zu %s it can't be told", count[FIT_UNKNOWN],
			  HOSTS(f->rows.n_hosts));
	else
		text_addf(out, "%zu %s it", f->rows.n_hosts,
			  f->rows.n_hosts == 1 ? "host runs" : "hosts run");
	if (featset_count(&d->more)) {
		text_addf(out, ", and all have %zu that it lacks: ", featset_count(&d->more));
		featset_print(out, &d->more, " ");
	} else if (!count[FIT_NO] && !count[FIT_UNKNOWN]) {
		text_adds(out, ": it fits");
	}
}

static int drift_status(const struct drift *d)
{
	if (d->fits.count[FIT_NO] || featset_count(&d->more))
		return EXIT_NO;
	return d->fits.count[FIT_UNKNOWN] ? EXIT_UNKNOWN : EXIT_YES;
}

static int print_drift(const struct drift *d, const struct fleet_findings *f, bool json)
{
	struct terminal terminal = terminal_ask();
	_cleanup_text_ struct text out = {0}, said = {0}, shown = {0};
	int status = drift_status(d), printed;

	if (json) {
		printed = cmd_json(json_pack(
			"{s:s, s:s, s:b, s:o, s:I, s:I, s:I, s:o}", "model", d->model->name,
			"accel", host_accel_name(f->rows.accel), "fits", status == EXIT_YES, "more",
			cmd_features_json(&d->more), "yes", (json_int_t)d->fits.count[FIT_YES],
			"no", (json_int_t)d->fits.count[FIT_NO], "unknown",
			(json_int_t)d->fits.count[FIT_UNKNOWN], "answers",
			check_fits_json(&d->fits, f->rows.fleet)));
		return printed == EXIT_YES ? status : printed;
	}
	say_drift(&said, d, f);
	(void)show(&shown, said.failed ? "" : said.data, said.failed ? 0 : said.len, SHOWN_WHOLE);
	terminal_fold(&out, &terminal, shown.failed ? "" : shown.data, 0, 2);
	text_adds(&out, "\n");
	if (d->fits.count[FIT_YES] < f->rows.n_hosts)
		check_fits(&out, &d->fits, &f->rows, &d->wish, &terminal);
	return print_text(&out, status);
}

static int compare(struct fleet_findings *f, const struct options *o)
{
	struct drift d = {0};
	struct error err = {0};
	int r = drift_find(&d, f, o, &err), status;

	if (r == -ENOTSUP) {
		(void)cmd_fail(&err);
		return EXIT_NO;
	}
	status = r < 0 ? cmd_fail(&err) : print_drift(&d, f, o->json);
	fits_free(&d.fits);
	return status;
}

/* ---- all of it ---- */

/* compile would refuse it. */
static int check_name(const struct fleet_findings *f, const char *name, struct error *err)
{
	for (size_t i = 0; i < f->catalogue.n; i++) {
		const struct catalogue_model *m = f->catalogue.item[i];

		if (m->from != CATALOGUE_SITE && strcmp(m->name, name) == 0)
			return error_set(err, -EEXIST, NULL, 0,
					 "%s has a model '%s' already; choose another --name",
					 catalogue_from_name(m->from), name);
	}
	return 0;
}

static int answer(struct fleet_findings *f, const struct options *o)
{
	struct error err = {0};
	int status = EXIT_YES;

	if (check_name(f, o->name, &err) < 0)
		return cmd_fail(&err);
	if (o->against)
		return compare(f, o);
	if (o->html)
		status = write_page(f, o->html);
	if (status != EXIT_YES || (o->html && strcmp(o->html, "-") == 0))
		return status;
	if (o->json)
		return cmd_json(baseline_json(f));
	return o->explain ? print_explained(f) : print_model(f, o->format);
}

static int run(const struct options *o)
{
	_cleanup_fleet_ struct fleet fleet = {0};
	_cleanup_fleet_findings_ struct fleet_findings f = {0};
	struct fleet_wish wish = {.baseline.name = o->name, .emulator = o->emulator, .when = now()};
	struct error err = {0};
	size_t n_bad;
	int r = vendor_of(&wish.baseline.vendor, o->vendor, &err);

	if (r == 0)
		r = hosts_read(&fleet, &o->hosts, &n_bad, &err);
	wish.accel = o->hosts.accel < 0 ? fleet_accel(&fleet) : (enum host_accel)o->hosts.accel;
	if (r == 0)
		r = fleet_find(&f, &fleet, &wish, &err);
	if (r < 0)
		return cmd_fail(&err);
	hosts_tell_uneven(&f.rows);
	return answer(&f, o);
}

static int take_option(struct options *o, int opt)
{
	switch (opt) {
	case 'n':
		o->name = optarg;
		break;
	case 'a':
		o->hosts.accel = host_accel_find(optarg);
		if (o->hosts.accel < 0)
			return usage_error("baseline", "--accel is kvm, tcg or cpu");
		break;
	case OPTION_VENDOR:
		o->vendor = optarg;
		break;
	case 'l':
		if (strv_add(&o->hosts.leave_out, optarg, strlen(optarg)) < 0)
			return cmd_fail(&(struct error){.what = "out of memory"});
		break;
	case 's':
		o->hosts.skip_bad = true;
		break;
	case 'x':
		o->explain = true;
		break;
	case 'f':
		o->format = optarg;
		break;
	case OPTION_AGAINST:
		o->against = optarg;
		break;
	case 'm':
		o->ignore_more = true;
		break;
	case OPTION_HTML:
		o->html = optarg;
		break;
	case 'e':
		o->emulator = optarg;
		break;
	case 'j':
		o->json = true;
		break;
	default:
		return usage_error("baseline", NULL);
	}
	return EXIT_YES;
}

static int with_options(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{"name", required_argument, NULL, 'n'},
		{"accel", required_argument, NULL, 'a'},
		{"vendor", required_argument, NULL, OPTION_VENDOR},
		{"leave-out", required_argument, NULL, 'l'},
		{"skip-bad", no_argument, NULL, 's'},
		{"explain", no_argument, NULL, 'x'},
		{"format", required_argument, NULL, 'f'},
		{"against", required_argument, NULL, OPTION_AGAINST},
		{"ignore-more", no_argument, NULL, 'm'},
		{"html", required_argument, NULL, OPTION_HTML},
		{"emulator", required_argument, NULL, 'e'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{0}};
	int opt, status = EXIT_YES;

	while (status == EXIT_YES &&
	       (opt = getopt_long(argc, argv, "n:a:l:sxf:me:jh", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		status = take_option(o, opt);
	}
	o->hosts.path = argv + optind;
	o->hosts.n_paths = argc - optind;
	if (status == EXIT_YES)
		status = check_options(o);
	if (!o->name)
		o->name = "fleet";
	if (!o->format)
		o->format = "definition";
	return status == EXIT_YES ? run(o) : status;
}

int cmd_baseline(int argc, char **argv)
{
	struct options o = {.emulator = EMULATOR_DEFAULT, .hosts.accel = -1};
	int status = with_options(&o, argc, argv);

	strv_free(&o.hosts.leave_out);
	return status;
}
