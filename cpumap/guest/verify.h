/* SPDX-License-Identifier: Apache-2.0 */
/* Does a guest get the CPU of a definition? A guest on the real QEMU is asked. */
#ifndef CPUSHIM_VERIFY_H
#define CPUSHIM_VERIFY_H

#include "cpumap/core/table.h"
#include "cpuid.h"
#include "guest.h"

enum verdict {
	VERDICT_EXACT,
	VERDICT_DIFFERS, /* diff says how */
	VERDICT_REFUSED, /* by the definition's rules (refused), or by QEMU itself (refusal) */
	VERDICT_UNKNOWN, /* error says why */
};

struct verify_request {
	const struct table_row *row;
	const char *emulator;                /* the real QEMU's binary */
	const char *guest, *accel, *machine; /* as struct guest_run's */
	const unsigned int *cpus;            /* numbers of vCPUs to try, one after the other */
	size_t n_cpus;
	int timeout_ms; /* of each start */
};

struct verify_answer {
	enum verdict verdict;
	struct model model;      /* the definition, as the row has it */
	struct cpuid_diff diff;  /* of the last reading */
	char digest[DIGEST_HEX]; /* of what was read; "": nothing was read, or the vCPUs don't
				  * agree */
	size_t vcpus;            /* how many of them the last reading has */
	struct guest_refusal refusal;
	struct error error; /* with VERDICT_REFUSED and VERDICT_UNKNOWN */
	/* This KVM lets the host's CPU show through, so a guest's reading proves nothing and isn't
	 * in the answer. What QEMU says that it gives is judged instead: diff and digest are of
	 * QEMU's feature words, and verdict is VERDICT_UNKNOWN. */
	bool shows_through;
	struct cpuid_diff shown; /* how a guest's reading of plain kvm64 differs from QEMU's
				  * words */
};

/**
 * verify_model: start QEMU with the row's expansion and the guest, and compare. With kvm, plain
 * kvm64 is started first: it shows whether a guest reads what QEMU gives.
 */
void verify_model(const struct verify_request *request, struct verify_answer *answer);

/**
 * verify_plain: does a guest read what QEMU gives under this accelerator? One vCPU of plain kvm64
 * is started. A guest's reading of it is compared with QEMU's own words.
 * @how: cpu and cpus in it don't matter
 * @shown: receives how the two differ; no difference: it does
 */
int verify_plain(const struct guest_run *how, struct cpuid_diff *shown, struct error *err);

/* verify_kvm: the same for this machine's KVM. @real: the real QEMU */
int verify_kvm(const char *real, struct cpuid_diff *shown, struct error *err);

/* verify_dump: compare a dump that somebody else's guest wrote. */
void verify_dump(const struct table_row *row, const struct cpuid_dump *d,
		 struct verify_answer *answer);

void verify_free(struct verify_answer *answer);
#define _cleanup_verify_ __attribute__((cleanup(verify_free)))

#endif
