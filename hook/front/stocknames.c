/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The x86 models in the maps of libvirt 7.0, 9.0, 11.3 and 12.8 (src/cpu_map/x86_*.xml), those that
 * QEMU 2.9 to 11.1 answers to query-cpu-definitions (libvirt's tests/qemucapabilitiesdata), and
 * older ones that are gone. Versions (-v1) aren't listed: without_version removes them. Sorted by
 * strcmp. tests/hook-front.bats compares it with the libvirt and the QEMU that are installed.
 */
#include "stocknames.h"

#include <stdlib.h>
#include <string.h>

#include "cpumap/core/util.h"

/* no name has as many bytes */
#define NAME_MAX_HERE 40

static const char *const names[] = {
	"486",
	"Broadwell",
	"Broadwell-IBRS",
	"Broadwell-noTSX",
	"Broadwell-noTSX-IBRS",
	"Cascadelake-Server",
	"Cascadelake-Server-noTSX",
	"ClearwaterForest",
	"Conroe",
	"Cooperlake",
	"Denverton",
	"Dhyana",
	"DiamondRapids",
	"EPYC",
	"EPYC-Genoa",
	"EPYC-IBPB",
	"EPYC-IBRS",
	"EPYC-Milan",
	"EPYC-Rome",
	"EPYC-Turin",
	"GraniteRapids",
	"Haswell",
	"Haswell-IBRS",
	"Haswell-noTSX",
	"Haswell-noTSX-IBRS",
	"Icelake-Client",
	"Icelake-Client-noTSX",
	"Icelake-Server",
	"Icelake-Server-noTSX",
	"IvyBridge",
	"IvyBridge-IBRS",
	"KnightsMill",
	"Nehalem",
	"Nehalem-IBRS",
	"Opteron_G1",
	"Opteron_G2",
	"Opteron_G3",
	"Opteron_G4",
	"Opteron_G5",
	"Penryn",
	"SandyBridge",
	"SandyBridge-IBRS",
	"SapphireRapids",
	"SierraForest",
	"Skylake-Client",
	"Skylake-Client-IBRS",
	"Skylake-Client-noTSX-IBRS",
	"Skylake-Server",
	"Skylake-Server-IBRS",
	"Skylake-Server-noTSX-IBRS",
	"Snowridge",
	"Westmere",
	"Westmere-IBRS",
	"YongFeng",
	"athlon",
	"base",
	"core2duo",
	"coreduo",
	"cpu64-rhel5",
	"cpu64-rhel6",
	"host",
	"kvm32",
	"kvm64",
	"max",
	"n270",
	"pentium",
	"pentium2",
	"pentium3",
	"pentiumpro",
	"phenom",
	"qemu32",
	"qemu64",
};

static int compare(const void *key, const void *item)
{
	return strcmp(key, *(const char *const *)item);
}

/* The name's length without a version at its end. */
static size_t without_version(const char *name, size_t len)
{
	size_t at = len;

	while (at > 0 && name[at - 1] >= '0' && name[at - 1] <= '9')
		at--;
	return at < len && at >= 2 && name[at - 1] == 'v' && name[at - 2] == '-' ? at - 2 : len;
}

bool stock_name(const char *name, size_t len)
{
	char key[NAME_MAX_HERE];

	len = without_version(name, len);
	if (len >= sizeof(key) || memchr(name, 0, len))
		return false;
	memcpy(key, name, len);
	key[len] = '\0';
	return bsearch(key, names, ARRAY_SIZE(names), sizeof(*names), compare);
}
