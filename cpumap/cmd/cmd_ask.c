/* SPDX-License-Identifier: Apache-2.0 */
/* cpushim ask: the process that loads libvirt's library for another cpushim (libvirtask.h). */
#include "cpumap/libvirt/libvirtask.h"
#include "cmd.h"

int cmd_ask(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return usage_error("ask", "takes no argument; cpushim runs it");
	return libvirt_answer() < 0 ? EXIT_UNKNOWN : EXIT_YES;
}
