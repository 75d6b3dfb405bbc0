/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a definition, as a file of models.d. */
#ifndef CPUSHIM_DEFINITION_PRINT_H
#define CPUSHIM_DEFINITION_PRINT_H

#include "cpumap/core/model.h"
#include "cpumap/core/util.h"

/**
 * definition_print: a file with that one model, which has its base, its features one by one, and what
 * it says of its identity.
 * @notes: lines of a comment above it, for people; what a comment can't have is changed. NULL: none
 */
void definition_print(struct text *out, const struct model *m, const struct strv *notes);

/* definition_print_notes: that comment alone. */
void definition_print_notes(struct text *out, const struct strv *notes);

#endif
