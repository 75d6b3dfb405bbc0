/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of this node, told by commands whose answer is about something else. */
#include <errno.h>

#include "hook/guests/nodestate.h"
#include "cmd.h"

static void print_fault(const struct fault *fault)
{
	_cleanup_free_ char *line = fault_line(fault);
	struct error err = {0};

	error_set(&err, -ENOENT, NULL, 0, "%s", line ? line : "out of memory");
	(void)cmd_fail(&err);
}

void cmd_nodestate(const struct table *t, bool restart_said)
{
	_cleanup_nodestate_ struct nodestate s;
	_cleanup_faults_ struct faults f = {0};

	nodestate_read(&s, t);
	if (restart_said)
		s.n_daemons = 0;
	nodestate_unknown(&s, &f);
	nodestate_faults(&s, NULL, &f);
	for (size_t i = 0; i < f.n; i++)
		print_fault(&f.item[i]);
	if (f.n)
		fputs("cpushim: `cpushim doctor` tells all that is wrong with this node\n", stderr);
}
