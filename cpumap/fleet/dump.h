/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dump: what another machine needs to know of a host, as text. `cpushim host --dump` writes it.
 *
 *	cpushim-host 1
 *	name node7.example.org
 *	cpushim 0.9.0
 *	kernel 6.1.0-28-amd64
 *	microcode 0x0800126e
 *	qemu 7.2.22
 *	libvirt 9.0.0
 *	tsc 2195000000			(Hz)
 *	tsc-scaling yes			(or no)
 *	cpus 0-3,8-11			(logical CPUs that answer alike)
 *	leaf 00000001 00000000 00800f12 00000800 76da320b 178bfbff
 *	...				(leaf, subleaf, EAX, EBX, ECX, EDX; hexadecimal)
 *	msr 0000010a 0000000000000000	(index and value)
 *	cpus 4-7			(those that answer otherwise, with all of their leaves and MSRs)
 *	leaf ...
 *	kvm has aes apic ...		(what QEMU gives under KVM, and what it can't)
 *	kvm lacks avx512f ...
 *	tcg has ...
 *	tcg lacks ...
 *	end
 *
 * What wasn't found out has no line. The APIC ID and other parts that differ from CPU to CPU anyway
 * don't make CPUs unlike. A name or a text is escaped as show_text does. Without its `end` a dump is
 * cut off.
 */
#ifndef CPUSHIM_DUMP_H
#define CPUSHIM_DUMP_H

#define DUMP_NAME  "cpushim-host"
#define DUMP_MAGIC DUMP_NAME " 1"

#endif
