/* SPDX-License-Identifier: Apache-2.0 */
#include "rawcpu.h"

#include <errno.h>
#include <libcpuid.h>

#include "cpumap/core/task.h"
#include "cpumap/core/util.h"

#define RANGE         UINT32_C(0xffff0000)
#define RANGE_LEAVES  256 /* no CPU has more in a range */
#define SUBLEAVES     64  /* no leaf has more: XSAVE's has 63 */
#define SERIAL_NUMBER 3
#define XSAVE         0xd

/* What tells which subleaves a leaf has (SDM 2A, CPUID; APM 3, E.3 and E.4). Others have none. */
enum subleaves {
	TO_ONE,         /* 0 and 1 */
	TO_EAX,         /* subleaf 0's EAX is the highest subleaf */
	UNTIL_NO_CACHE, /* until one's EAX[4:0] is 0 */
	UNTIL_NO_LEVEL, /* until one's ECX[15:8] is 0 */
	BITS_OF_EAX,    /* those whose bits are set in subleaf 0's EAX; EBX */
	BITS_OF_EBX,
	OF_XSAVE, /* 0, 1, and those of the state components */
};

static const struct {
	uint32_t leaf;
	enum subleaves has;
} tells[] = {
	{0x4, UNTIL_NO_CACHE},
	{0x7, TO_EAX},
	{0xb, UNTIL_NO_LEVEL},
	{XSAVE, OF_XSAVE},
	{0xf, TO_ONE},
	{0x10, BITS_OF_EBX},
	{0x12, TO_ONE},
	{0x14, TO_EAX},
	{0x17, TO_EAX},
	{0x18, TO_EAX},
	{0x1d, TO_EAX},
	{0x1e, TO_EAX},
	{0x1f, UNTIL_NO_LEVEL},
	{0x20, TO_EAX},
	{0x23, BITS_OF_EAX},
	{0x24, TO_EAX},
	{0x8000001d, UNTIL_NO_CACHE},
	{0x80000020, BITS_OF_EBX},
	{0x80000026, UNTIL_NO_LEVEL},
};

static void execute(struct cpuid_entry *e)
{
	uint32_t regs[4] = {e->leaf, 0, e->subleaf, 0};

	cpu_exec_cpuid_ext(regs);
	memcpy(e->reg, regs, sizeof(regs));
}

/* Reads one, and tells it if @answer isn't NULL. */
static int read_one(struct answers *l, uint32_t leaf, uint32_t subleaf, struct cpuid_entry *answer)
{
	struct cpuid_entry e = {.leaf = leaf, .subleaf = subleaf};

	execute(&e);
	if (answer)
		*answer = e;
	return answers_add(l, &e);
}

static int read_to(struct answers *l, uint32_t leaf, uint32_t highest)
{
	int r = 0;

	for (uint32_t i = 1; i <= highest && i < SUBLEAVES && r == 0; i++)
		r = read_one(l, leaf, i, NULL);
	return r;
}

static int read_bits(struct answers *l, uint32_t leaf, uint64_t bits)
{
	int r = 0;

	for (uint32_t i = 1; i < SUBLEAVES && r == 0; i++)
		if (bits >> i & 1)
			r = read_one(l, leaf, i, NULL);
	return r;
}

static int read_until(struct answers *l, const struct cpuid_entry *first, enum cpuid_reg reg,
		      uint32_t mask)
{
	struct cpuid_entry e = *first;
	int r = 0;

	for (uint32_t i = 1; i < SUBLEAVES && (e.reg[reg] & mask) && r == 0; i++)
		r = read_one(l, first->leaf, i, &e);
	return r;
}

/* The components of XCR0 and of IA32_XSS. */
static int read_xsave(struct answers *l, const struct cpuid_entry *first)
{
	struct cpuid_entry second = {0};
	int r = read_one(l, XSAVE, 1, &second);
	uint64_t xcr0 = (uint64_t)first->reg[REG_EDX] << 32 | first->reg[REG_EAX];
	uint64_t xss = (uint64_t)second.reg[REG_EDX] << 32 | second.reg[REG_ECX];

	return r < 0 ? r : read_bits(l, XSAVE, (xcr0 | xss) & ~UINT64_C(3));
}

static int read_subleaves(struct answers *l, const struct cpuid_entry *first, enum subleaves has)
{
	switch (has) {
	case TO_ONE:
		return read_to(l, first->leaf, 1);
	case TO_EAX:
		return read_to(l, first->leaf, first->reg[REG_EAX]);
	case UNTIL_NO_CACHE:
		return read_until(l, first, REG_EAX, 0x1f);
	case UNTIL_NO_LEVEL:
		return read_until(l, first, REG_ECX, 0xff00);
	case BITS_OF_EAX:
		return read_bits(l, first->leaf, first->reg[REG_EAX]);
	case BITS_OF_EBX:
		return read_bits(l, first->leaf, first->reg[REG_EBX]);
	case OF_XSAVE:
		return read_xsave(l, first);
	}
	return 0;
}

static int read_leaf(struct answers *l, uint32_t leaf)
{
	struct cpuid_entry first = {0};
	int r = read_one(l, leaf, 0, &first);

	for (size_t i = 0; i < ARRAY_SIZE(tells) && r == 0; i++)
		if (tells[i].leaf == leaf)
			return read_subleaves(l, &first, tells[i].has);
	return r;
}

/* Where a range is missing, its "highest leaf" lies outside of it. */
static int read_range(struct answers *l, uint32_t range)
{
	struct cpuid_entry first = {.leaf = range};
	uint32_t highest;
	int r = 0;

	execute(&first);
	highest = first.reg[REG_EAX];
	if ((highest & RANGE) != range)
		return 0;
	for (uint32_t leaf = range; leaf <= highest && leaf < range + RANGE_LEAVES && r == 0;
	     leaf++)
		if (leaf != SERIAL_NUMBER)
			r = read_leaf(l, leaf);
	return r;
}

int rawcpu_read(struct answers *l)
{
	static const uint32_t ranges[] = {0, 0x80000000, 0xc0000000};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ranges) && r == 0; i++)
		r = read_range(l, ranges[i]);
	return r < 0 ? r : answers_sort(l);
}

/* ---- two CPUs ---- */

/* Parts of an answer that differ from CPU to CPU, or that tell what the system has switched on. */
static const struct {
	uint32_t leaf;
	enum cpuid_reg reg;
	uint32_t mask;
} own[] = {
	{0x1, REG_EBX, 0xff000000},        /* initial APIC ID (SDM 2A, CPUID) */
	{0x6, REG_EDX, 0xffff0000},        /* row in the hardware feedback table */
	{0xb, REG_EDX, UINT32_MAX},        /* x2APIC ID */
	{0x1f, REG_EDX, UINT32_MAX},       /* x2APIC ID */
	{0x8000001e, REG_EAX, UINT32_MAX}, /* extended APIC ID (APM 3, E.4.15) */
	{0x8000001e, REG_EBX, 0xff},       /* core ID */
	{0x8000001e, REG_ECX, 0xff},       /* node ID */
	{0x80000026, REG_EDX, UINT32_MAX}, /* extended local APIC ID (APM 3, E.4.24) */
};

/* In leaf 0DH subleaves 0 and 1 tell the size of the state that XCR0 and IA32_XSS have enabled. */
static uint32_t own_bits(const struct cpuid_entry *e, enum cpuid_reg reg)
{
	uint32_t bits = e->leaf == XSAVE && e->subleaf < 2 && reg == REG_EBX ? UINT32_MAX : 0;

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (own[i].leaf == e->leaf && own[i].reg == reg)
			bits |= own[i].mask;
	return bits;
}

static bool same_answer(const struct cpuid_entry *a, const struct cpuid_entry *b)
{
	if (a->leaf != b->leaf || a->subleaf != b->subleaf)
		return false;
	for (int reg = REG_EAX; reg <= REG_EDX; reg++)
		if ((a->reg[reg] ^ b->reg[reg]) & ~own_bits(a, (enum cpuid_reg)reg))
			return false;
	return true;
}

bool rawcpu_alike(const struct answers *a, const struct answers *b)
{
	if (a->cpu.n != b->cpu.n)
		return false;
	for (size_t i = 0; i < a->cpu.n; i++)
		if (!same_answer(&a->cpu.entry[i], &b->cpu.entry[i]))
			return false;
	return true;
}

/* ---- its name ---- */

#define IDENTIFY_SECONDS 10

/* A task's work. */
static int identify(const void *data, struct text *answer, struct error *err)
{
	struct cpu_id_t id = {0};

	(void)data;
	if (cpu_identify(NULL, &id) < 0)
		return error_set(err, -ENODATA, "libcpuid", 0, "%s", cpuid_error());
	id.cpu_codename[sizeof(id.cpu_codename) - 1] = '\0';
	text_adds(answer, id.cpu_codename);
	return 0;
}

char *rawcpu_code_name(void)
{
	_cleanup_text_ struct text name = {0};
	int r = task_run(identify, NULL, IDENTIFY_SECONDS, &name, NULL);

	return r == 0 && name.len ? strndup(name.data, name.len) : NULL;
}

const char *rawcpu_library(void)
{
	return cpuid_lib_version();
}
