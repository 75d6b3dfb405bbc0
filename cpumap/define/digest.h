/* SPDX-License-Identifier: Apache-2.0 */
/* Digests by which nodes compare what names mean and what guests read: SHA-256 of lines of text, as
 * `sha256sum` computes it. */
#ifndef CPUSHIM_DIGEST_H
#define CPUSHIM_DIGEST_H

#include "cpumap/core/model.h"
#include "cpumap/core/table.h"
#include "cpumap/core/util.h"

/* digest_of: the digest of a text; "" if memory ran out while the text was made. */
void digest_of(const struct text *text, char hex[DIGEST_HEX]);

/**
 * digest_model: the digest of a definition: of its name, base, identity and features. It is the
 * same on every machine.
 * @m: with its identity filled in
 */
void digest_model(const struct model *m, char hex[DIGEST_HEX]);

/* digest_valid: could that be a digest, as digest_of writes one? */
bool digest_valid(const char *hex);

#endif
