/* SPDX-License-Identifier: Apache-2.0 */
#include "call.h"

#include <string.h>

#include "cpumap/core/util.h"

static const struct {
	const char *name, *sub;
	enum operation operation;
} operations[] = {
	{"prepare", "begin", OPERATION_PREPARE}, {"start", "begin", OPERATION_START},
	{"started", "begin", OPERATION_STARTED}, {"migrate", "begin", OPERATION_MIGRATE},
	{"restore", "begin", OPERATION_RESTORE}, {"stopped", "end", OPERATION_STOP},
	{"release", "end", OPERATION_STOP},
};

enum operation operation_of(const char *name, const char *sub)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		if (strcmp(operations[i].name, name) == 0 && strcmp(operations[i].sub, sub) == 0)
			return operations[i].operation;
	return OPERATION_OTHER;
}
