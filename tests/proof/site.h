/* SPDX-License-Identifier: Apache-2.0 */
/* Site models made at random: the same seed and index give the same one. */
#ifndef PROOF_SITE_H
#define PROOF_SITE_H

#include "oracle.h"

struct site {
	char name[64];
	struct text xml;          /* its definition, behind those that it starts from */
	struct nameset features;  /* what the definition says in the end */
	struct identity_words id; /* likewise; what it doesn't say is the base's own */
	bool host_vendor;
	const struct qemu_base *base;
	bool all_offered;    /* has only what the accelerator offers: it must start */
	const char *machine; /* NULL: the default */
	unsigned int cpus;
};

void site_make(struct site *s, const struct oracle *o, uint64_t seed, unsigned int index);
void site_free(struct site *s);

#endif
