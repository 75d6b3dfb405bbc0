/* SPDX-License-Identifier: Apache-2.0 */
/* libvirtask's questions as they are put to libvirt, in the process that has loaded it. */
#ifndef CPUSHIM_LIBVIRTQUESTION_H
#define CPUSHIM_LIBVIRTQUESTION_H

#include "cpumap/core/util.h"
#include "libvirtcalls.h"

/* The names of the questions, and their arguments; an empty one is NULL for libvirt. */
#define QUESTION_VERSIONS     "versions"     /* - */
#define QUESTION_MODELS       "models"       /* ARCH */
#define QUESTION_BASELINE     "baseline"     /* CPU... */
#define QUESTION_EXPANDED     "expanded"     /* CPU... */
#define QUESTION_COMPARE      "compare"      /* CPU */
#define QUESTION_NATIVE       "native"       /* DOMAIN */
#define QUESTION_CAPABILITIES "capabilities" /* EMULATOR ARCH MACHINE VIRTTYPE */
#define QUESTION_START        "start"        /* DOMAIN */
#define QUESTION_DOMAINS      "domains"      /* - */

/**
 * question_put: ask.
 * @l: without a connection only for versions
 * @answer: receives strings, a NUL behind each: versions two numbers, compare one; domains five for
 *	    each XML: the number of enum libvirt_domain_as, name, UUID, snapshot, XML
 */
int question_put(const struct libvirt *l, const char *question, const struct strv *args,
		 struct text *answer, struct error *err);

/* question_domains: the one of the domains. */
int question_domains(const struct libvirt *l, struct text *answer, struct error *err);

#endif
