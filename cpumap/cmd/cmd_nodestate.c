/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of this node, told by commands whose answer is about something else. */
#include <errno.h>

#include "hook/guests/nodestate.h"
#include "cmd.h"

void cmd_nodestate(const struct table *t, bool restart_said)
{
	_cleanup_nodestate_ struct nodestate s;
	_cleanup_strv_ struct strv lines = {0};

	nodestate_read(&s, t);
	if (restart_said)
		s.daemon.id.pid = 0;
	nodestate_blocks(&s, NULL, &lines);
	nodestate_changed(&s, NULL, &lines);
	nodestate_unknown(&s, &lines);
	nodestate_doubts(&s, &lines);
	for (size_t i = 0; i < lines.n; i++) {
		struct error err = {0};

		error_set(&err, -ENOENT, NULL, 0, "%s", lines.item[i]);
		(void)cmd_fail(&err);
	}
}
