/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim try: what would become of a model here, before anything is installed. */
#include <errno.h>
#include <getopt.h>

#include "cpumap/core/paths.h"
#include "cmd.h"
#include "trial.h"

static const char usage[] =
	"Usage: cpushim try [--json] [--emulator PATH] MODEL | FILE[:MODEL]\n"
	"Tell what would become of a model here, before anything is installed: which CPU\n"
	"a guest would get from libvirt alone, if the model stood in libvirt's CPU map,\n"
	"and which one with cpushim; or what blocks it, under TCG and under KVM.\n"
	"\n"
	"libvirt itself is asked, as any user, with a map that nobody else sees. Where the\n"
	"kernel lets no user have that, it needs root. Nothing of the node is changed, and\n"
	"no guest is started. MODEL is the site's, libvirt's or QEMU's; FILE a definition,\n"
	"or what cpushim import takes.\n"
	"\n"
	"  -e, --emulator PATH  the QEMU that is asked (" EMULATOR_DEFAULT ")\n"
	"  -j, --json           as JSON\n"
	"  -h, --help           this text\n"
	"\n"
	"Exit status: 0 cpushim gives exactly that CPU here, under TCG or KVM; 1 it doesn't;\n"
	"2 something couldn't be asked, or there is no such model.\n";

/* Errors of what isn't there are in the catalogue. */
static int load(struct catalogue *c, struct error *err)
{
	int r = catalogue_load(c, CATALOGUE_LIBVIRT, err);

	return r < 0 ? r : catalogue_load(c, CATALOGUE_QEMU, err);
}

static int print(const struct trial *t, const struct catalogue *c, bool json)
{
	struct terminal terminal = terminal_ask();
	_cleanup_text_ struct text out = {0};
	int status = trial_status(t), printed;

	if (json) {
		printed = cmd_json(trial_json(t, c));
		return printed == EXIT_YES ? status : printed;
	}
	trial_print(&out, t, c, &terminal);
	if (out.failed)
		return cmd_fail(&(struct error){.code = -ENOMEM, .what = "out of memory"});
	fputs(out.data, stdout);
	return cmd_flush(status);
}

/* A refusal is an answer. */
static int refuse(const struct error *err)
{
	(void)cmd_fail(err);
	return err->code == -ENOTSUP ? EXIT_NO : EXIT_UNKNOWN;
}

static int run(const char *spec, const char *emulator, bool json)
{
	_cleanup_catalogue_ struct catalogue c = {.accel = HOST_TCG, .emulator = emulator};
	_cleanup_trial_ struct trial t = {0};
	const struct catalogue_model *m;
	struct error err = {0};

	if (load(&c, &err) < 0)
		return cmd_fail(&err);
	m = catalogue_find(&c, spec, &err);
	if (!m)
		return refuse(&err);
	if (m->refused) {
		error_set(&err, -ENOTSUP, m->origin, 0, "%s", m->refused);
		return refuse(&err);
	}
	return trial_run(&t, &c, m, &err) < 0 ? refuse(&err) : print(&t, &c, json);
}

int cmd_try(int argc, char **argv)
{
	static const struct option options[] = {{"emulator", required_argument, NULL, 'e'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	const char *emulator = EMULATOR_DEFAULT;
	bool json = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "e:jh", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (opt == 'e')
			emulator = optarg;
		else if (opt == 'j')
			json = true;
		else
			return usage_error("try", NULL);
	}
	if (optind + 1 != argc)
		return usage_error("try", "takes one MODEL or FILE");
	return run(argv[optind], emulator, json);
}
