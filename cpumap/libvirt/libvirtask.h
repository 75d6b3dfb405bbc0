/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to libvirt, each with a limit of time. A child process, which is this program anew
 * (`cpushim ask`), loads libvirt's library, connects and asks. So a library that is broken and a
 * daemon that hangs cost no more than the answer, and nothing of this process's environment counts:
 * neither LIBVIRT_* nor the loader's LD_*.
 *
 * A program that asks has to call libvirt_answer when its arguments are LIBVIRT_ASK alone.
 *
 * All of them return 0, or
 *	-ELIBACC	there is no libvirt.so.0 that can be loaded
 *	-ECONNREFUSED	no connection: no daemon answers, or it wants another user
 *	-ENOSYS		library, daemon or driver can't answer that; the error says since when they
 *			can, if it is the library
 *	-ETIMEDOUT	no answer in time
 *	-EIO		the library crashed
 *	-EINVAL		libvirt refused: its own words are in the error
 * Answers are allocated; the caller frees them.
 */
#ifndef CPUSHIM_LIBVIRTASK_H
#define CPUSHIM_LIBVIRTASK_H

#include "cpumap/core/error.h"
#include "cpumap/core/util.h"
#include "libvirtapi.h"

/* Who is asked, and how long at most. */
struct libvirt_at {
	const char *uri; /* LIBVIRT_SYSTEM_URI, LIBVIRT_TEST_URI, or one of LIBVIRT_EMBED_URI */
	unsigned int seconds; /* for all of it, from loading the library on */
	const char *home;     /* where an embedded driver may write; NULL: / */
};

/* Releases as libvirt counts them: 1000000 * major + 1000 * minor + micro. */
struct libvirt_versions {
	unsigned long library;
	unsigned long daemon; /* 0 if only the library was asked */
};

/**
 * libvirt_ask_versions: the library's release and the daemon's, which differ while libvirt's
 * package was upgraded and the daemon not restarted. With @at->uri NULL only the library is asked:
 * can it be loaded?
 * Source: virGetVersion (0.0.3), virConnectGetLibVersion (0.7.3), libvirt-host.h.
 */
int libvirt_ask_versions(const struct libvirt_at *at, struct libvirt_versions *versions,
			 struct error *err);

/* libvirt_version_print: "9.0.0" of 9000000, into @text. */
#define LIBVIRT_VERSION_TEXT 64
void libvirt_version_print(char text[LIBVIRT_VERSION_TEXT], unsigned long version);

/**
 * libvirt_ask_models: the CPU models that libvirt's map has for @arch (x86_64), in its order. The
 * map is that of the process that the URI leads to: libvirtd's, as it was when that read it; or a
 * new process's, as the files are now (LIBVIRT_TEST_URI).
 * Source: virConnectGetCPUModelNames (1.1.3), libvirt-host.h.
 */
int libvirt_ask_models(const struct libvirt_at *at, const char *arch, struct strv *names,
		       struct error *err);

/**
 * libvirt_ask_baseline: the CPU that all of @cpus (<cpu> elements) have in common.
 * @expand: with all of the model's features in it
 * Source: virConnectBaselineCPU (0.7.7), VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES (1.1.2),
 * libvirt-host.h; the test driver has it since 1.2.0.
 */
int libvirt_ask_baseline(const struct libvirt_at *at, const struct strv *cpus, bool expand,
			 char **cpu, struct error *err);

/* virCPUCompareResult: what the host is, compared with a CPU. */
enum libvirt_compared {
	LIBVIRT_INCOMPATIBLE = 0,
	LIBVIRT_IDENTICAL = 1,
	LIBVIRT_SUPERSET = 2,
};

/**
 * libvirt_ask_compare: has this host the CPU of @cpu, a <cpu> element? nova asks this.
 * Source: virConnectCompareCPU (0.7.5), libvirt-host.h. The test driver of 9.0 can't.
 */
int libvirt_ask_compare(const struct libvirt_at *at, const char *cpu,
			enum libvirt_compared *compared, struct error *err);

/**
 * libvirt_ask_native: the command line that libvirt would start this domain's QEMU with; nothing is
 * started. @argv is one line, quoted for a shell.
 * Source: virConnectDomainXMLToNative (0.6.4), libvirt-domain.h; format "qemu-argv",
 * src/qemu/qemu_driver.c.
 */
int libvirt_ask_native(const struct libvirt_at *at, const char *domain, char **argv,
		       struct error *err);

/**
 * libvirt_ask_start: would libvirt start this transient domain? One that it does start is paused,
 * and destroyed at once.
 * Source: virDomainCreateXML (0.5.0), libvirt-domain.h, with VIR_DOMAIN_START_PAUSED and
 * VIR_DOMAIN_START_AUTODESTROY.
 */
int libvirt_ask_start(const struct libvirt_at *at, const char *domain, struct error *err);

/* What domain capabilities are asked for. NULL is libvirt's own choice. */
struct libvirt_emulator {
	const char *path;     /* /usr/bin/qemu-system-x86_64 */
	const char *arch;     /* x86_64 */
	const char *machine;  /* pc */
	const char *virttype; /* qemu, kvm */
};

/**
 * libvirt_ask_capabilities: the <domainCapabilities> of an emulator. libvirt probes one that it
 * hasn't probed, or that has changed.
 * Source: virConnectGetDomainCapabilities (1.2.7), libvirt-domain.h. The test driver of 9.0 can't.
 */
int libvirt_ask_capabilities(const struct libvirt_at *at, const struct libvirt_emulator *emulator,
			     char **xml, struct error *err);

/* An XML of a domain: each names a CPU that a guest has or may get again. */
struct libvirt_domain {
	enum libvirt_domain_as {
		LIBVIRT_DEFINED,  /* its definition */
		LIBVIRT_RUNS,     /* it runs (or is paused), so */
		LIBVIRT_SAVED,    /* it has a managed save, of this; "" where libvirt (before 3.7)
				   * can't tell, or the image can't be read */
		LIBVIRT_SNAPSHOT, /* it has a snapshot: <domainsnapshot> */
	} as;
	const char *name;
	const char *uuid;
	const char *snapshot; /* its name; "" for the other kinds */
	const char *xml;
};

struct libvirt_domains {
	struct libvirt_domain *domain; /* one domain's are together, in the order of the enum */
	size_t n;
	struct text text; /* that they point into */
};

/**
 * libvirt_ask_domains: all domains, running or not, with all that libvirt keeps of each. Passwords
 * aren't in it. A domain that goes away meanwhile is left out.
 * Source: virConnectListAllDomains and virDomainListAllSnapshots (0.9.13), virDomainGetXMLDesc
 * (0.0.3) with VIR_DOMAIN_XML_INACTIVE for the definition, virDomainHasManagedSaveImage (0.8.0),
 * virDomainManagedSaveGetXMLDesc (3.7.0), virDomainSnapshotGetXMLDesc (0.8.0), libvirt-domain.h and
 * libvirt-domain-snapshot.h.
 */
int libvirt_ask_domains(const struct libvirt_at *at, struct libvirt_domains *domains,
			struct error *err);
void libvirt_domains_free(struct libvirt_domains *domains);
#define _cleanup_domains_ __attribute__((cleanup(libvirt_domains_free)))

/**
 * libvirt_ask: what all of them are made of.
 * @question: a name that libvirtquestion.c has
 * @args: its arguments
 * @answer: receives its strings, a NUL behind each
 */
int libvirt_ask(const struct libvirt_at *at, const char *question, const struct strv *args,
		struct text *answer, struct error *err);

/* the argument that the child is started with */
#define LIBVIRT_ASK "ask"

/**
 * libvirt_answer: the child's part: read the question from standard input, ask libvirt, and answer.
 * Returns 0 if there was a question and somebody waits for the answer.
 */
int libvirt_answer(void);

#endif
