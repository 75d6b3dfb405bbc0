/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt's log of a domain: what its QEMU wrote to stderr. */
#ifndef CPUSHIM_DOMAINLOG_H
#define CPUSHIM_DOMAINLOG_H

/**
 * domainlog_last_words: the last line that the QEMU of the domain @name wrote. libvirt's own lines
 * don't count. An allocated string, hostile as it is; NULL: there is none.
 */
char *domainlog_last_words(const char *name);

#endif
