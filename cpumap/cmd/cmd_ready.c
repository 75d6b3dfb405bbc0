/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim ready and cpushim remove: put this node right, and take cpushim off it. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>

#include "cpumap/core/emulator.h"
#include "cpumap/core/paths.h"
#include "cpumap/node/node.h"
#include "cmd.h"

static const char ready_usage[] =
	"Usage: cpushim ready [OPTION]...\n"
	"Make this node right: the wrapper stands where QEMU was, libvirt knows the models,\n"
	"the hook is in its place. What is right already is left alone, so run it whenever\n"
	"something may have changed: after an upgrade, after an interruption.\n"
	"Running guests go on. libvirt has to be restarted where this command says so.\n"
	"\n"
	"  -e, --emulator PATH   the QEMU to put the wrapper before, instead of all that have\n"
	"                        one of the usual names; may be repeated\n"
	"      --no-wrapper      leave QEMU as it is, or make it so again\n"
	"      --restart         restart libvirt where that is needed\n"
	"      --allow-missing   QEMU and libvirt may be installed later; what can be done\n"
	"                        now is done\n"
	"      --destdir DIR     the root at DIR, an image say, instead of this machine\n"
	"      --source DIR      put the programs from the tree at DIR, which `make install\n"
	"                        DESTDIR=DIR` made; a package has put them already\n"
	"      --before-libvirt  systemd is about to start libvirt: look after its CPU map\n"
	"                        alone, quickly\n"
	"  -n, --dry-run         tell what would be done, and change nothing\n"
	"  -h, --help            this text\n"
	"\n"
	"Exit status: 0 the node is right; 1 something needs a hand, and was told; 2 it could\n"
	"not be made right.\n";

static const char remove_usage[] =
	"Usage: cpushim remove [OPTION]...\n"
	"Take cpushim off this node: everything is as it was before. Refused while guests\n"
	"that run, are defined or were saved here have a site model. What others changed\n"
	"since, and the site's definitions in " SITE_DIR ", stay, and are named.\n"
	"\n"
	"      --restart      restart libvirt, which has to forget the models before the rest\n"
	"                     can go\n"
	"      --force        whatever guests there are\n"
	"      --purge        the site's definitions go, too\n"
	"      --destdir DIR  the root at DIR instead of this machine\n"
	"  -n, --dry-run      tell what would be done, and change nothing\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 done; 1 refused, or libvirt has to be restarted first; 2 it could not\n"
	"be done.\n";

enum {
	OPT_NO_WRAPPER = 256,
	OPT_RESTART,
	OPT_ALLOW_MISSING,
	OPT_DESTDIR,
	OPT_SOURCE,
	OPT_BEFORE_LIBVIRT,
	OPT_FORCE,
	OPT_PURGE,
	OPT_STOP_AT,
};

static void say(const char *line)
{
	puts(line);
	(void)fflush(stdout);
}

static void warn(const char *line)
{
	fprintf(stderr, "cpushim: %s\n", line);
}

/* The root at @dir instead of this machine: for this process and those that it starts. */
static int take_destdir(const char *command, const char *dir)
{
	_cleanup_free_ char *real = *dir ? realpath(dir, NULL) : NULL;

	if (!*dir)
		return usage_error(command,
				   "--destdir takes a directory, and was given an empty word");
	if (!real)
		return usage_error(command, "%s: is no directory to install into", dir);
	if (setenv("CPUSHIM_ROOT", strcmp(real, "/") == 0 ? "" : real, 1) < 0)
		return usage_error(command, "out of memory");
	return 0;
}

static int take_emulator(struct node *n, const char *path)
{
	if (*path != '/')
		return usage_error("ready", "--emulator takes an absolute path, not '%s'", path);
	if (path[strcspn(path, " \t\n*?[")] || strstr(path, "/../"))
		return usage_error("ready",
				   "--emulator: '%s' has characters that no emulator's name has",
				   path);
	return strv_add(&n->chosen, path, strlen(path)) < 0 ? usage_error("ready", "out of memory")
							    : 0;
}

/* An option of either command; 0, or the exit status of an error. */
static int take_option(const char *command, int opt, struct node *n, bool *before)
{
	uint64_t number;

	switch (opt) {
	case 'n':
		n->dry_run = true;
		return 0;
	case 'e':
		return take_emulator(n, optarg);
	case OPT_NO_WRAPPER:
		n->no_wrapper = true;
		return 0;
	case OPT_RESTART:
		n->restart = true;
		return 0;
	case OPT_ALLOW_MISSING:
		n->allow_missing = true;
		return 0;
	case OPT_DESTDIR:
		return take_destdir(command, optarg);
	case OPT_SOURCE:
		n->source = optarg;
		return 0;
	case OPT_BEFORE_LIBVIRT:
		*before = true;
		return 0;
	case OPT_FORCE:
		n->force = true;
		return 0;
	case OPT_PURGE:
		n->purge = true;
		return 0;
	case OPT_STOP_AT: /* for the tests */
		if (number_parse(optarg, strlen(optarg), 10, 1000, &number) < 0)
			return usage_error(command, "--stop-at takes a number");
		n->stop_at = (unsigned int)number;
		return 0;
	default:
		return usage_error(command, NULL);
	}
}

static int check_root(const char *command)
{
	if (geteuid() == 0)
		return 0;
	fprintf(stderr, "cpushim: %s: run it as root\n", command);
	return EXIT_UNKNOWN;
}

/* The last word: what to do next. */
static int tell_end(const struct node *n)
{
	if (n->dry_run)
		return cmd_flush(EXIT_YES);
	if (n->falls_short) {
		fputs("cpushim: ready: done, except for what is told above; when that is put "
		      "right, "
		      "run it again\n",
		      stderr);
		return cmd_flush(EXIT_NO);
	}
	if (n->no_qemu || n->no_libvirt)
		printf("this node is right as far as it goes; there is no %s yet\n",
		       n->no_qemu ? "QEMU" : "libvirt");
	else
		puts("this node is right; `cpushim verify gate64` shows what a guest gets here");
	return cmd_flush(EXIT_YES);
}

/* The error of a step, as the last word. */
static int tell_failure(const char *command, const struct error *err)
{
	(void)cmd_fail(err);
	if (err->code != -EBUSY && err->code != -EAGAIN)
		fprintf(stderr, "cpushim: %s: put right what is told above, and run it again\n",
			command);
	return err->code == -EBUSY || err->code == -EAGAIN ? EXIT_NO : EXIT_UNKNOWN;
}

int cmd_ready(int argc, char **argv)
{
	static const struct option options[] = {
		{"emulator", required_argument, NULL, 'e'},
		{"no-wrapper", no_argument, NULL, OPT_NO_WRAPPER},
		{"restart", no_argument, NULL, OPT_RESTART},
		{"allow-missing", no_argument, NULL, OPT_ALLOW_MISSING},
		{"destdir", required_argument, NULL, OPT_DESTDIR},
		{"source", required_argument, NULL, OPT_SOURCE},
		{"before-libvirt", no_argument, NULL, OPT_BEFORE_LIBVIRT},
		{"stop-at", required_argument, NULL, OPT_STOP_AT},
		{"dry-run", no_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{0}};
	_cleanup_node_ struct node n = {.say = say, .warn = warn};
	bool before = false;
	struct error err = {0};
	int opt;

	(void)signal(SIGPIPE, SIG_IGN); /* nothing is half done because nobody reads */
	while ((opt = getopt_long(argc, argv, "e:nh", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(ready_usage);
		if (take_option("ready", opt, &n, &before) != 0)
			return EXIT_UNKNOWN;
	}
	if (optind != argc)
		return usage_error("ready", "takes no argument '%s'", argv[optind]);
	if (!n.dry_run && check_root("ready") != 0)
		return EXIT_UNKNOWN;
	if ((before ? ready_before_libvirt : ready)(&n, &err) < 0)
		return tell_failure("ready", &err);
	return before ? EXIT_YES : tell_end(&n);
}

int cmd_remove(int argc, char **argv)
{
	static const struct option options[] = {{"restart", no_argument, NULL, OPT_RESTART},
						{"force", no_argument, NULL, OPT_FORCE},
						{"purge", no_argument, NULL, OPT_PURGE},
						{"destdir", required_argument, NULL, OPT_DESTDIR},
						{"stop-at", required_argument, NULL, OPT_STOP_AT},
						{"dry-run", no_argument, NULL, 'n'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	_cleanup_node_ struct node n = {.say = say, .warn = warn};
	struct error err = {0};
	int opt;

	(void)signal(SIGPIPE, SIG_IGN); /* nothing is half done because nobody reads */
	while ((opt = getopt_long(argc, argv, "nh", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(remove_usage);
		if (take_option("remove", opt, &n, NULL) != 0)
			return EXIT_UNKNOWN;
	}
	if (optind != argc)
		return usage_error("remove", "takes no argument '%s'", argv[optind]);
	if (!n.dry_run && check_root("remove") != 0)
		return EXIT_UNKNOWN;
	if (node_remove(&n, &err) < 0)
		return tell_failure("remove", &err);
	if (!n.dry_run)
		puts("cpushim is off this node");
	return cmd_flush(EXIT_YES);
}
