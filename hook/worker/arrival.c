/* SPDX-License-Identifier: Apache-2.0 */
#include "arrival.h"

#include <errno.h>
#include <sys/stat.h>

#include "hook/domain/storedxml.h"

int arrival_note(const struct domain *d, const struct table_row *row, const struct daemon *daemon,
		 const char *name, struct error *err)
{
	struct record r;

	decide_record(d, row, &r);
	r.phase = RECORD_ARRIVAL;
	r.daemon = *daemon;
	r.time = record_clock();
	return record_write(d->uuid, name, &r, err);
}

void arrival_forget(const struct domain *d)
{
	struct record r;

	if (d->uuid && record_read(d->uuid, &r, NULL) == 0 && r.phase != RECORD_REQUEST)
		(void)record_remove(d->uuid);
}

/* Was the domain defined after @noted, and exactly as @d? */
static bool is_defined_anew(const struct domain *d, const char *name, const struct timespec *noted)
{
	_cleanup_storedxml_ struct storedxml defined = {0};
	struct stat st;

	return storedxml_read(&defined, DOMAINFILE_DEFINITION, name, NULL) == 0 &&
	       stat(defined.path, &st) == 0 && time_later(&st.st_ctim, noted) &&
	       domain_same(d, &defined.domain) && domain_same_cpu(d, &defined.domain);
}

int arrival_take(const struct domain *d, const char *name, struct record *r, struct error *err)
{
	int rc;

	if (!d->uuid)
		return error_set(err, -EINVAL, name, 0, "its XML has no UUID in canonical form");
	rc = record_read(d->uuid, r, err);
	(void)record_remove(d->uuid);
	if (rc == 0 && is_defined_anew(d, name, &r->written))
		rc = -ENOENT;
	return rc;
}
