/* SPDX-License-Identifier: Apache-2.0 */
#include "formats.h"

const struct format formats[] = {
	{"cpushim dump", dump_begins, dump_read},
	{"libcpuid raw", libcpuid_begins, libcpuid_read},
	{"AIDA64", aida_begins, aida_read},
	{"cpuid -r", cpuid1_begins, cpuid1_read},
	{"libvirt", xmlhosts_begins, xmlhosts_read},
	{"/proc/cpuinfo", cpuinfo_begins, cpuinfo_read},
	{"lscpu", lscpu_begins, lscpu_read},
	{"cpu-models.conf", proxmox_begins, proxmox_read},
	{"guest", guestdump_begins, guestdump_read},
};
const size_t n_formats = ARRAY_SIZE(formats);

const struct format *format_of(const struct line *line)
{
	for (size_t i = 0; i < n_formats; i++)
		if (formats[i].begins(line))
			return &formats[i];
	return NULL;
}
