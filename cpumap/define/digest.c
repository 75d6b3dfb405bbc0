/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include <sha2.h>

void digest_of(const struct text *text, char hex[DIGEST_HEX])
{
	if (text->failed || !text->data || !SHA256Data((const uint8_t *)text->data, text->len, hex))
		hex[0] = '\0';
}

void digest_model(const struct model *m, char hex[DIGEST_HEX])
{
	_cleanup_text_ struct text t = {0};

	text_addf(&t, "name=%s\nbase=%s\nvendor=%s\nfamily=%d\nmodel=%d\nstepping=%d\n", m->name,
		  m->base, m->id.vendor, m->id.family, m->id.model, m->id.stepping);
	featset_print(&t, &m->features, "\n");
	text_adds(&t, "\n");
	digest_of(&t, hex);
}

bool digest_valid(const char *hex)
{
	return strlen(hex) == DIGEST_HEX - 1 && strspn(hex, "0123456789abcdef") == DIGEST_HEX - 1;
}
