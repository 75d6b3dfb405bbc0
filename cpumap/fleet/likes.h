/* SPDX-License-Identifier: Apache-2.0 */
/* A host by its CPUs as Linux describes them, each of which is read like a host: what all of them share. */
#ifndef CPUSHIM_LIKES_H
#define CPUSHIM_LIKES_H

#include "host.h"
#include "input.h"

/* Zero-initialise; free with likes_free. */
struct likes {
	struct host shared;
	unsigned int n;
	bool uneven;
};

/* likes_add: one CPU more. @now stays the caller's, without its texts. -EINVAL: more than a host has. */
int likes_add(struct likes *l, struct host *now, const struct input *in, unsigned int number,
	      struct error *err);

/* likes_tell: give @h what is known. */
void likes_tell(struct likes *l, struct host *h);
void likes_free(struct likes *l);

/* Values: a vendor's 12 characters; a decimal number of an identity; a text, -ENOMEM; the number in front of
 * "bits physical". What isn't as it should be tells nothing. */
void likes_vendor(struct host *h, const struct line *value);
void likes_number(int *number, const struct line *value);
int likes_text(char **text, const struct line *value);
void likes_physbits(struct host *h, const struct line *value);

#endif
