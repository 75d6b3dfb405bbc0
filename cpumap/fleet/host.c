/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include "cpumap/core/util.h"

static const char *const accels[HOST_ACCELS] = {"cpu", "tcg", "kvm"};

void host_free(struct host *h)
{
	free(h->name);
	free(h->origin);
	free(h->brand);
	free(h->kernel);
	free(h->microcode);
	free(h->qemu_version);
	free(h->libvirt_version);
	*h = HOST_UNKNOWN;
}

bool host_tells(const struct host *h, enum host_accel accel)
{
	return featset_count(&h->view[accel].known) > 0;
}

const char *host_accel_name(enum host_accel accel)
{
	return accels[accel];
}

int host_accel_find(const char *name)
{
	for (int i = 0; i < HOST_ACCELS; i++)
		if (strcmp(accels[i], name) == 0)
			return i;
	return -1;
}
