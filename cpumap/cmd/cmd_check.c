/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim check: which hosts can run a model, or one guest, and what each of them lacks. */
#include <errno.h>
#include <getopt.h>

#include "cpumap/core/paths.h"
#include "check_print.h"
#include "cmd.h"
#include "guestwish.h"
#include "hosts.h"

static const char usage[] =
	"Usage: cpushim check [OPTION]... MODEL HOST...\n"
	"       cpushim check [OPTION]... --domain FILE HOST...\n"
	"Tell which hosts can run a model, and what each of the others lacks. MODEL is\n"
	"the site's, libvirt's or QEMU's, in this order; site:NAME, libvirt:NAME and\n"
	"qemu:NAME say whose; FILE.xml or FILE.xml:NAME is a definition that isn't\n"
	"compiled yet. HOST is a file that tells a host's CPU (`cpushim host --dump`,\n"
	"and what cpushim(1) lists), a directory or a tar archive of them, or - for\n"
	"standard input. What a file doesn't tell is neither there nor lacking.\n"
	"\n"
	"  -d, --domain FILE     one guest's XML: where may it go?\n"
	"  -a, --accel ACCEL     kvm, tcg, or cpu: what the CPUs have (kvm if some host\n"
	"                        tells of it, else cpu; a guest's is its type)\n"
	"  -l, --leave-out HOST  not this one; may be repeated\n"
	"  -s, --skip-bad        leave files out that can't be read, and name them\n"
	"  -e, --emulator PATH   the QEMU whose models are meant\n"
	"                        (" EMULATOR_DEFAULT ")\n"
	"  -j, --json            as JSON, with all hosts\n"
	"  -h, --help            this text\n"
	"\n"
	"Exit status: 0 all can run it; 1 some can't; 2 of some it can't be told, or a\n"
	"file isn't understood.\n";

struct options {
	struct hosts_wish hosts;
	const char *model, *domain, *emulator;
	bool json;
};

static int options_free(struct options *o, int status)
{
	strv_free(&o->hosts.leave_out);
	return status;
}

/* The XML must stay while the domain is used. */
struct guest {
	char *xml;
	struct domain domain;
};

static void guest_free(struct guest *g)
{
	domain_free(&g->domain);
	free(g->xml);
}

static int read_guest(struct guest *g, const char *file, struct error *err)
{
	bool in = strcmp(file, "-") == 0;
	size_t len = 0;
	int r = in ? fd_read_all(STDIN_FILENO, LIBVIRT_XML_LIMIT, &g->xml, &len)
		   : file_read(file, TRUST_NAMED, LIBVIRT_XML_LIMIT, &g->xml, &len, err);

	if (r < 0)
		return in ? error_set(err, r, "standard input", 0, "%s", strerror(-r)) : r;
	return domain_read(&g->domain, g->xml, len, in ? "standard input" : file, err);
}

/* What the model, or the guest, asks of a host. 1: no host can run it, which was told */
static int find_wish(struct fit_wish *wish, const struct catalogue_model **model,
		     const struct options *o, const struct guest *g, struct catalogue *c,
		     struct error *err)
{
	_cleanup_reasons_ struct reasons reasons = {0};
	int r = 0;

	if (o->domain) {
		r = guestwish_find(wish, model, &g->domain, c, &reasons, err);
		if (r < 0)
			return r;
		if (reasons_print(false, g->domain.name ? g->domain.name : o->domain,
				  (*model)->name, &reasons))
			return 1;
	} else {
		*model = catalogue_find(c, o->model, err);
		if (!*model)
			return -ENOENT;
		*wish = (struct fit_wish){.needs = (*model)->needs};
	}
	if (!(*model)->refused)
		return 0;
	error_set(err, -ENOTSUP, (*model)->origin, 0, "%s", (*model)->refused);
	(void)cmd_fail(err);
	return 1;
}

static int print(const struct check *c, bool json)
{
	const size_t *count = c->fits->count;
	int status = count[FIT_NO] ? EXIT_NO : count[FIT_UNKNOWN] ? EXIT_UNKNOWN : EXIT_YES;
	struct terminal terminal = terminal_ask();
	_cleanup_text_ struct text out = {0};
	int printed;

	if (json) {
		printed = cmd_json(check_json(c));
		return printed == EXIT_YES ? status : printed;
	}
	check_print(&out, c, &terminal);
	if (out.failed)
		return cmd_fail(&(struct error){.code = -ENOMEM, .what = "out of memory"});
	fputs(out.data, stdout);
	return cmd_flush(status);
}

static int run(const struct options *o)
{
	__attribute__((cleanup(guest_free))) struct guest g = {0};
	_cleanup_fleet_ struct fleet fleet = {0};
	_cleanup_fleet_rows_ struct fleet_rows rows = {0};
	_cleanup_catalogue_ struct catalogue c = {.emulator = o->emulator};
	_cleanup_fits_ struct fits fits = {0};
	struct hosts_wish hosts = o->hosts;
	struct check check = {.rows = &rows, .fits = &fits};
	struct fit_wish wish = {0};
	struct error err = {0};
	size_t n_bad;
	int r = o->domain ? read_guest(&g, o->domain, &err) : 0;

	if (r == 0)
		r = hosts_read(&fleet, &hosts, &n_bad, &err);
	if (o->domain && hosts.accel < 0)
		hosts.accel = (int)guestwish_accel(&g.domain);
	if (r == 0)
		r = hosts_see(&rows, &fleet, &hosts, &err);
	if (r == 0)
		hosts_tell_uneven(&rows);
	c.accel = rows.accel;
	if (r == 0)
		r = find_wish(&wish, &check.model, o, &g, &c, &err);
	if (r > 0)
		return EXIT_NO;
	if (r == 0)
		r = fits_find(&fits, &rows, &wish, &err);
	if (r < 0)
		return cmd_fail(&err);
	check.domain = o->domain ? (g.domain.name ? g.domain.name : o->domain) : NULL;
	check.wish = &wish;
	return print(&check, o->json);
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = {{"domain", required_argument, NULL, 'd'},
						{"accel", required_argument, NULL, 'a'},
						{"leave-out", required_argument, NULL, 'l'},
						{"skip-bad", no_argument, NULL, 's'},
						{"emulator", required_argument, NULL, 'e'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct options o = {.emulator = EMULATOR_DEFAULT, .hosts.accel = -1};
	int opt;

	while ((opt = getopt_long(argc, argv, "d:a:l:se:jh", options, NULL)) != -1) {
		switch (opt) {
		case 'd':
			o.domain = optarg;
			break;
		case 'a':
			o.hosts.accel = host_accel_find(optarg);
			if (o.hosts.accel < 0)
				return options_free(
					&o, usage_error("check", "--accel is kvm, tcg or cpu"));
			break;
		case 'l':
			if (strv_add(&o.hosts.leave_out, optarg, strlen(optarg)) < 0)
				return options_free(&o, EXIT_UNKNOWN);
			break;
		case 's':
			o.hosts.skip_bad = true;
			break;
		case 'e':
			o.emulator = optarg;
			break;
		case 'j':
			o.json = true;
			break;
		case 'h':
			return options_free(&o, cmd_help(usage));
		default:
			return options_free(&o, usage_error("check", NULL));
		}
	}
	if (!o.domain)
		o.model = argv[optind++];
	if (optind >= argc)
		return options_free(
			&o,
			usage_error("check", "takes a MODEL or --domain, and at least one HOST"));
	o.hosts.path = argv + optind;
	o.hosts.n_paths = argc - optind;
	return options_free(&o, run(&o));
}
