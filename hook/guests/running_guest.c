/* SPDX-License-Identifier: Apache-2.0 */
#include "running_guest.h"

#include <errno.h>

void running_guest_free(struct running_guest *g)
{
	free(g->domain);
	storedxml_free(&g->live);
	storedxml_free(&g->saved);
}

/* A file of libvirt's is of this guest only if it has its UUID. */
static bool read_stored(struct storedxml *k, enum domainfile kind, const struct running_guest *g,
			bool *forbidden)
{
	struct error err = {0};
	int r = g->domain ? storedxml_read(k, kind, g->domain, &err) : -ENOENT;

	*forbidden |= r == -EACCES || r == -EPERM;
	if (r == 0 && k->domain.uuid && strcmp(k->domain.uuid, g->uuid) == 0)
		return true;
	storedxml_free(k);
	return false;
}

static void judge(struct running_guest *g, const struct names *n)
{
	bool forbidden = false, claims = g->process->owner != OWNER_OTHER;
	bool live = claims && read_stored(&g->live, DOMAINFILE_STATUS, g, &forbidden);
	bool saved = claims && read_stored(&g->saved, DOMAINFILE_DEFINITION, g, &forbidden);
	const struct storedxml *asked =
		names_asked(n, live ? &g->live : NULL, saved ? &g->saved : NULL);

	g->asked = asked ? asked->path : NULL;
	running_judge(&g->running, n, asked ? &asked->domain : NULL, g->process);
	running_mark(&g->running, n, live ? &g->live.domain : NULL);
	if (!saved)
		running_note_arrival(&g->running, g->process);
	if (g->running.runs == RUNS_NONE && forbidden) {
		g->running.runs = RUNS_UNKNOWN;
		(void)snprintf(g->running.why, sizeof(g->running.why),
			       "what it asked for is in libvirt's files; run this as root");
	}
}

void running_guest_read(struct running_guest *g, const struct process *p, const struct names *n)
{
	const char *uuid = process_option(p, "-uuid");

	*g = (struct running_guest){.process = p, .uuid = uuid ? uuid : ""};
	g->domain = process_domain(p);
	g->cpu = process_option(p, "-cpu");
	process_accel(p, g->accel, sizeof(g->accel));
	judge(g, n);
}
