/* SPDX-License-Identifier: Apache-2.0 */
#include "table_format.h"

const struct table_field table_row_fields[] = {
	{"model", offsetof(struct table_row, model)},
	{"emulator", offsetof(struct table_row, emulator)},
	{"refused", offsetof(struct table_row, refused)},
	{"digest", offsetof(struct table_row, digest)},
	{"origin", offsetof(struct table_row, origin)},
	{"base", offsetof(struct table_row, base)},
	{"vendor", offsetof(struct table_row, vendor)},
	{"family", offsetof(struct table_row, family)},
	{"cpu_model", offsetof(struct table_row, cpu_model)},
	{"stepping", offsetof(struct table_row, stepping)},
	{"features", offsetof(struct table_row, features)},
	{"brings", offsetof(struct table_row, brings)},
	{"tcg_lacks", offsetof(struct table_row, tcg_lacks)},
	{"cpu", offsetof(struct table_row, cpu)},
	{0},
};

const struct table_field table_qemu_fields[] = {
	{"qemu", offsetof(struct table_qemu, emulator)},
	{"real", offsetof(struct table_qemu, real)},
	{"size", offsetof(struct table_qemu, size)},
	{"mtime", offsetof(struct table_qemu, mtime)},
	{"build_id", offsetof(struct table_qemu, build_id)},
	{"version", offsetof(struct table_qemu, version)},
	{"script", offsetof(struct table_qemu, script)},
	{0},
};
