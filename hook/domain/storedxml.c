/* SPDX-License-Identifier: Apache-2.0 */
#include "storedxml.h"

#include <errno.h>

#include "cpumap/core/paths.h"
#include "cpumap/core/util.h"

void storedxml_free(struct storedxml *s)
{
	domain_free(&s->domain);
	free(s->path);
	free(s->xml);
	*s = (struct storedxml){0};
}

int storedxml_read(struct storedxml *s, enum domainfile kind, const char *name, struct error *err)
{
	size_t len;
	int r;

	*s = (struct storedxml){0};
	r = domainfile_path(&s->path, kind, name, 0);
	if (r < 0)
		return error_set(err, r, domainfile_dir(kind), 0,
				 r == -ENOENT ? "there is no file for a domain of that name"
					      : "out of memory");
	r = file_read(s->path, TRUST_ANY, LIBVIRT_XML_LIMIT, &s->xml, &len, err);
	if (r == 0)
		r = (kind == DOMAINFILE_STATUS ? domain_read_status : domain_read)(
			&s->domain, s->xml, len, s->path, err);
	return r;
}
