/* SPDX-License-Identifier: Apache-2.0 */
/* Is what a guest of a site model got what its definition says? */
#ifndef PROOF_JUDGE_H
#define PROOF_JUDGE_H

#include "site.h"

enum verdict { EXACT, REFUSED, WRONG };

struct court {
	const struct oracle *oracle;
	const char *wrapper, *guest; /* what is started */
	bool by_words;               /* this accelerator obeys no definition: QEMU's word counts */
};

/* court_open: finds out whether a guest reads what QEMU gave it, by a plain kvm64. */
void court_open(struct court *c);

/* judge: start @s through the wrapper. @why: a line for each thing that is wrong */
enum verdict judge(const struct court *c, const struct site *s, struct text *why);

#endif
