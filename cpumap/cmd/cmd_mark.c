/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpushim mark: the process that the hook leaves behind. It marks a guest when libvirt no longer
 * waits for the hook:
 *	cpushim mark --libvirt=PID [--limit=SECONDS] UUID MODEL DIGEST
 */
#include <errno.h>
#include <getopt.h>

#include "cpumap/core/model.h"
#include "cpumap/define/digest.h"
#include "hook/domain/mark.h"
#include "cmd.h"

static const char usage[] =
	"Usage: cpushim mark --libvirt=PID [--limit=SECONDS] UUID MODEL DIGEST\n"
	"Note in a running domain's live XML which definition its model has. The hook runs it.\n";

static bool parse(const char *text, uint64_t max, uint64_t *number)
{
	return number_parse(text, strlen(text), 10, max, number) == 0;
}

static int run(char **argv, const struct daemon *daemon)
{
	const char *uuid = argv[0], *model = argv[1], *digest = argv[2];
	struct error err = {0};

	if (!uuid_valid(uuid, strlen(uuid)) || !model_name_valid(model, strlen(model)) ||
	    !digest_valid(digest))
		return usage_error("mark", "takes a UUID, a model's name and its digest");
	/* libvirt's domains belong to this machine, and not to another root */
	if (root_is_another())
		return EXIT_UNKNOWN;
	return mark_set(uuid, model, digest, daemon, &err) < 0 ? cmd_fail(&err) : EXIT_YES;
}

int cmd_mark(int argc, char **argv)
{
	static const struct option options[] = {{"libvirt", required_argument, NULL, 'l'},
						{"limit", required_argument, NULL, 't'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	uint64_t pid = 0, limit = MARK_SECONDS;
	struct daemon daemon;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'h')
			return cmd_help(usage);
		if (opt == '?' || (opt == 'l' && !parse(optarg, INT32_MAX, &pid)) ||
		    (opt == 't' && !parse(optarg, MARK_SECONDS, &limit)))
			return usage_error("mark", NULL);
	}
	if (argc - optind != 3)
		return usage_error("mark", "takes a UUID, a model's name and its digest");
	/* with a daemon that hangs no call returns */
	(void)alarm((unsigned int)limit);
	daemon_at(pid, &daemon);
	return daemon.start ? run(argv + optind, &daemon) : EXIT_UNKNOWN;
}
