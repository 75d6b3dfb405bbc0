/* SPDX-License-Identifier: Apache-2.0 */
/* What an emulator has in the table while its QEMU can't be asked: it hangs, or is broken. */
#ifndef CPUSHIM_UNASKED_H
#define CPUSHIM_UNASKED_H

#include "compile.h"

/**
 * unasked_rows: rows for an emulator whose QEMU can't be asked: those that it has, where the name
 * still means the same. Other names are refused there, so that none of them is taken for a model of
 * that QEMU's own.
 * @rows: receives them; none if the table has no such emulator. The caller frees it with
 *        compiled_free, before what the other parameters point to
 * @c: what another emulator makes of the definitions
 * Returns 0 or -ENOMEM.
 */
int unasked_rows(struct compiled *rows, const char *emulator, const struct compiled *c,
		 const struct history *before);

#endif
