/* SPDX-License-Identifier: Apache-2.0 */
#include "mend.h"

#include <errno.h>

#include "cpumap/core/paths.h"
#include "leftovers.h"
#include "run.h"

#define SECONDS 600

/* Does a cure begin with that command, without arguments of a person's choice? */
static bool names(const struct fault *fault, const char *command)
{
	return fault->weight > WEIGHT_SKIPPED && fault->cure &&
	       strncmp(fault->cure, command, strlen(command)) == 0;
}

static bool any_names(const struct finding *findings, const char *command)
{
	for (size_t i = 0; i < n_conditions; i++)
		for (size_t k = 0; k < findings[i].faults.n; k++)
			if (names(&findings[i].faults.item[k], command))
				return true;
	return false;
}

static void add_lines(struct strv *said, char *text)
{
	char *rest = text, *line;

	while (rest && (line = strsep(&rest, "\n")))
		if (*line)
			(void)strv_addf(said, "  %s", line);
}

static int run(const char *program, const char *command, struct strv *said, struct error *err)
{
	const char *const argv[] = {program, command, NULL};
	_cleanup_text_ struct text out = {0};
	int r = run_program(argv, SECONDS, &out, err);

	if (r < 0)
		return r;
	(void)strv_addf(said, "cpushim %s: exit status %d", command, r);
	if (out.data && !out.failed)
		add_lines(said, out.data);
	if (r > 1)
		return error_set(err, -EIO, NULL, 0, "`cpushim %s` couldn't be done", command);
	return 1;
}

int mend(const struct checkup *c, const struct finding *findings, const char *program,
	 struct strv *said, struct error *err)
{
	_cleanup_strv_ struct strv leftovers = {0};
	int done = 0, r = 0;

	/* `ready` would take the removal back */
	if (checkup_has(REMOVING_MARK)) {
		(void)strv_addf(said, "nothing is mended while cpushim is being removed");
		return 0;
	}

	if (checkup_leftovers(c, &leftovers) == 0 && leftovers.n &&
	    leftovers_remove(&leftovers) == 0) {
		for (size_t i = 0; i < leftovers.n; i++)
			(void)strv_addf(said, "removed %s", leftovers.item[i]);
		done++;
	}
	/* ready compiles, too */
	if (any_names(findings, CURE_READY))
		r = run(program, "ready", said, err);
	else if (any_names(findings, CURE_COMPILE))
		r = run(program, "compile", said, err);
	return r < 0 ? r : done + r;
}
