/* SPDX-License-Identifier: Apache-2.0 */
#include "unclear.h"

#include <errno.h>

#include "cpumap/core/util.h"

static bool names_a_model(const struct table *t, const char *xml, size_t len)
{
	for (size_t i = 0; i < t->n; i++)
		if (memmem(xml, len, t->row[i].model, strlen(t->row[i].model)))
			return true;
	return false;
}

/* The bytes of @xml without its NULs, so that text in UTF-16 becomes readable. */
static char *without_nuls(const char *xml, size_t *len)
{
	char *copy = malloc(*len + 1);
	size_t n = 0;

	for (size_t i = 0; copy && i < *len; i++)
		if (xml[i])
			copy[n++] = xml[i];
	*len = n;
	return copy;
}

/* libvirt refuses ill-formed XML and other root elements, too, so then our refusal only tells the
 * author why. But it reads some documents that we don't (a DOCTYPE, too large ones). */
bool unclear_may_ask(const struct table *t, const char *xml, size_t len, const struct error *err)
{
	_cleanup_free_ char *text = NULL;

	if (err->code == -ENOMEM || err->code == -E2BIG)
		return true;
	text = without_nuls(xml, &len);
	return !text || memmem(text, len, "<!DOCTYPE", 9) || names_a_model(t, text, len);
}
