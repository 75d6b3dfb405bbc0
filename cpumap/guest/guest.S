/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest that reads its own CPUID: what cpushim verify boots, and what the tests boot through
 * libvirt. A multiboot image for -kernel, on every machine type, with TCG and KVM.
 *
 * Every vCPU reads its own leaves, started by INIT and SIPI (SDM 3A, 9.4.4), one after the other,
 * and writes to the debug console (port 0xe9) and the serial port (0x3f8):
 *
 *	cpushim-guest 1
 *	cpu 0
 *	LEAF SUBLEAF EAX EBX ECX EDX	eight hexadecimal digits each
 *	...
 *	end
 *
 * It writes every leaf up to the highest ones that leaves 0, 0x80000000 and 0xc0000000 name. A
 * subleaf above 0 that is all zero isn't written. Then the guest ends QEMU with status 99, by
 * -device isa-debug-exit,iobase=0xf4.
 *
 * Words of the multiboot command line:
 *
 * cpus=N wait for N vCPUs (ten seconds at most); without it for as many as QEMU's fw_cfg says
 * loop never end: read everything again after half a second, also vCPUs that were added since
 *
 * A vCPU with lm reads in 64-bit mode, where SYSCALL of an Intel CPU shows (SDM 2A, CPUID,
 * 80000001H:EDX). The code uses nothing that a 486 lacks. Without apic no other vCPU can be
 * started, and the boot CPU alone reads.
 */

#define DEBUGCON	0xe9
#define SERIAL		0x3f8
#define EXIT_PORT	0xf4
#define EXIT_CODE	49		/* isa-debug-exit: status (49 << 1) | 1 = 99 */

#define MULTIBOOT_MAGIC 0x1badb002	/* multiboot specification 0.6.96, 3.1 */
#define MBI_CMDLINE	16		/* its 3.3 */

#define CODE32		0x08
#define DATA		0x10
#define CODE64		0x18

#define TRAMPOLINE	0x8000		/* below 1 MiB, on a page: SIPI's vector is its number */
#define APIC		0xfee00000	/* SDM 3A, 11.4.1 */
#define APIC_SVR	0x0f0
#define APIC_ICR_LOW	0x300
#define APIC_LINT0	0x350
#define INIT_OTHERS	0x000c4500
#define SIPI_OTHERS	(0x000c4600 | (TRAMPOLINE >> 12))

#define CPUID_APIC	(1 << 9)	/* leaf 1, EDX */
#define CPUID_LM	(1 << 29)	/* leaf 0x80000001, EDX */
#define EFER		0xc0000080
#define EFER_LME	(1 << 8)
#define CR4_PAE		(1 << 5)
#define CR0_PG		(1 << 31)

#define MAX_LEAVES	0x40		/* of each range */
#define ITS_EAX		0		/* a leaf's subleaves are numbered up to subleaf 0's EAX */
#define MAX_SUBLEAVES	0x40

#define PIT_HZ		1193182
#define PAUSE_TICKS	9		/* of the timer that divides PIT_HZ by 65536: half a second */

	.section .multiboot, "a"
	.align	4
	.long	MULTIBOOT_MAGIC, 0, -MULTIBOOT_MAGIC

	.text
	.code32
	.globl	start
start:
	cli
	cld
	lgdt	gdt_pointer
	ljmp	$CODE32, $1f
1:	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$boot_stack, %esp
	call	read_cmdline
	call	copy_trampoline
	call	make_page_tables
	call	init_devices

round:
	call	find_wanted
	call	acquire
	mov	$text_hello, %esi
	call	puts
	movl	$0, n_cpus
	movl	$1, is_open
	call	report_cpu
	call	start_others
	call	release
	call	await_others
	call	acquire
	movl	$0, is_open
	mov	$text_end, %esi
	call	puts
	call	release
	cmpb	$0, is_loop
	je	finish
	call	pause_reading
	jmp	round

finish:
	mov	$EXIT_CODE, %al
	out	%al, $EXIT_PORT
stop:	cli
	hlt
	jmp	stop

/* Other vCPUs come here in real mode. */
	.code16
trampoline:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	lgdtl	TRAMPOLINE + trampoline_gdt - trampoline
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmpl	$CODE32, $start_other
	.align	4
trampoline_gdt:
	.word	gdt_end - gdt - 1
	.long	gdt
trampoline_end:

	.code32
start_other:
	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	cld
	/* no stack yet: all vCPUs share one, and it belongs to the vCPU that holds the lock */
1:	pause
	mov	$1, %eax
	xchg	%eax, lock_word
	test	%eax, %eax
	jnz	1b
	mov	$other_stack, %esp
	cmpl	$0, is_open
	je	2f
	call	report_cpu
2:	xor	%eax, %eax		/* not by a call: from here on the stack is the next
					 * vCPU's */
	xchg	%eax, lock_word
	jmp	stop

acquire:
	pause
	mov	$1, %eax
	xchg	%eax, lock_word
	test	%eax, %eax
	jnz	acquire
	ret

release:
	xor	%eax, %eax
	xchg	%eax, lock_word
	ret

/* ---- preparations ---- */

/* %ebx: multiboot information. The first word is the image's name. */
read_cmdline:
	mov	MBI_CMDLINE(%ebx), %esi
	testb	$4, (%ebx)
	jz	9f
1:	lodsb				/* to the end of a word */
	test	%al, %al
	jz	9f
	cmp	$' ', %al
	jne	1b
	cmpl	$0x706f6f6c, (%esi)	/* "loop" */
	jne	2f
	mov	4(%esi), %al
	test	$~' ', %al		/* a space or the end */
	jnz	1b
	movb	$1, is_loop
2:	cmpl	$0x73757063, (%esi)	/* "cpus" */
	jne	1b
	cmpb	$'=', 4(%esi)
	jne	1b
	add	$5, %esi
	xor	%edx, %edx
3:	movzbl	(%esi), %eax
	sub	$'0', %eax
	cmp	$9, %eax
	ja	4f
	inc	%esi
	imul	$10, %edx
	add	%eax, %edx
	jmp	3b
4:	mov	%edx, cmdline_cpus
	jmp	1b
9:	ret

copy_trampoline:
	mov	$trampoline, %esi
	mov	$TRAMPOLINE, %edi
	mov	$(trampoline_end - trampoline), %ecx
	rep movsb
	ret

/* The first 4 GiB onto themselves in pages of 2 MiB: long mode needs paging. */
make_page_tables:
	movl	$(page_directory_pointers + 3), page_map
	mov	$page_directory_pointers, %edi
	mov	$(page_directories + 3), %eax
	mov	$4, %ecx
1:	mov	%eax, (%edi)
	add	$8, %edi
	add	$0x1000, %eax
	loop	1b
	mov	$page_directories, %edi
	mov	$0x83, %eax		/* present, writable, large */
	mov	$2048, %ecx
2:	mov	%eax, (%edi)
	add	$8, %edi
	add	$0x200000, %eax
	loop	2b
	ret

init_devices:
	/* serial port: 115200 8N1, no interrupts (16550) */
	mov	$init_ports, %esi
1:	lodsw
	test	%ax, %ax
	jz	2f
	mov	%eax, %edx
	movzwl	%dx, %edx
	lodsb
	out	%al, %dx
	jmp	1b
2:	/* interrupt 0x20 to 0x2f: count a tick */
	mov	$(idt + 8 * 0x20), %edi
	mov	$16, %ecx
3:	mov	$tick, %eax
	mov	%ax, (%edi)
	movw	$CODE32, 2(%edi)
	movw	$0x8e00, 4(%edi)
	shr	$16, %eax
	mov	%ax, 6(%edi)
	add	$8, %edi
	loop	3b
	lidt	idt_pointer
	call	has_apic
	jz	4f
	movl	$0x1ff, APIC + APIC_SVR
	movl	$0x700, APIC + APIC_LINT0 /* the timer's interrupt comes by the 8259 */
4:	ret

/* ZF clear if this CPU says it has a local APIC; changes %eax and %edx. */
has_apic:
	push	%ebx
	push	%ecx
	mov	$1, %eax
	cpuid
	test	$CPUID_APIC, %edx
	pop	%ecx
	pop	%ebx
	ret

/* ---- other vCPUs ---- */

/* wanted: how many vCPUs shall read. fw_cfg's item 5 follows hot-plugging (docs/specs/fw_cfg). */
find_wanted:
	mov	cmdline_cpus, %ecx
	test	%ecx, %ecx
	jnz	2f
	inc	%ecx
	mov	$0x510, %edx
	xor	%eax, %eax		/* item 0: "QEMU" */
	out	%ax, %dx
	inc	%edx
	in	%dx, %al
	cmp	$'Q', %al
	jne	2f
	in	%dx, %al
	cmp	$'E', %al
	jne	2f
	dec	%edx
	mov	$5, %eax
	out	%ax, %dx
	inc	%edx
	in	%dx, %al
	mov	%al, %cl
	in	%dx, %al
	mov	%al, %ch
2:	call	has_apic
	jnz	3f
	mov	$1, %ecx
3:	mov	%ecx, wanted
	ret

/* The lock is held, so no vCPU that is reset here is writing. */
start_others:
	cmpl	$1, wanted
	jbe	9f
	movl	$INIT_OTHERS, APIC + APIC_ICR_LOW
	mov	$10, %ecx
1:	call	wait_millisecond
	loop	1b
	movl	$SIPI_OTHERS, APIC + APIC_ICR_LOW
9:	ret

/* Until all have written, or for ten seconds. A SIPI that finds a vCPU running is ignored, one that
 * came too early has to be repeated. */
await_others:
	mov	$10000, %ecx
1:	mov	n_cpus, %eax
	cmp	wanted, %eax
	jae	9f
	call	wait_millisecond
	test	$0xf, %cl
	jnz	2f
	movl	$SIPI_OTHERS, APIC + APIC_ICR_LOW
2:	loop	1b
9:	ret

/* Reads the timer's counter. The loop is bounded, as there may be no timer. */
wait_millisecond:
	push	%ecx
	call	read_timer
	mov	%eax, %edx
	mov	$10000, %ecx
1:	pause
	call	read_timer
	neg	%eax
	add	%edx, %eax
	cmp	$(PIT_HZ / 1000), %ax
	jae	2f
	loop	1b
2:	pop	%ecx
	ret

read_timer:
	xor	%eax, %eax
	out	%al, $0x43
	in	$0x40, %al
	mov	%al, %ah
	in	$0x40, %al
	xchg	%al, %ah
	ret

pause_reading:
	movl	$0, ticks
1:	sti
	hlt
	jmp	1b
/* The timer's interrupt. It only comes during that hlt, so the interrupted state is dropped. There
 * is no iret, as some KVMs emulate protected mode and can't do it. */
tick:	add	$12, %esp
	mov	$0x20, %al
	out	%al, $0x20
	incl	ticks
	cmpl	$PAUSE_TICKS, ticks
	jb	1b
	ret

/* ---- reading ---- */

/* Writes what the CPU that runs this reads; the lock is held. */
report_cpu:
	mov	$text_cpu, %esi
	call	puts
	mov	n_cpus, %eax
	call	put_decimal
	mov	$'\n', %al
	call	putc
	call	enter_long_mode
	mov	$range_starts, %esi
1:	lodsl
	push	%esi
	call	report_range
	pop	%esi
	cmp	$range_starts_end, %esi
	jb	1b
	call	leave_long_mode
	incl	n_cpus			/* last, because the waiting vCPU reads it */
	ret

/* %eax: 0, 0x80000000 or 0xc0000000. If the CPU lacks the range it answers with another leaf. */
report_range:
	mov	%eax, %edi
	xor	%ecx, %ecx
	call	read_leaf
	mov	regs, %ebp		/* the highest leaf */
	mov	%ebp, %eax
	sub	%edi, %eax
	cmp	$0xffff, %eax
	ja	9f
	cmp	$MAX_LEAVES, %eax
	jbe	1f
	lea	MAX_LEAVES(%edi), %ebp
1:	call	report_leaf
	inc	%edi
	cmp	%ebp, %edi
	jbe	1b
9:	ret

/* %edi: leaf */
report_leaf:
	xor	%ecx, %ecx
	call	report_subleaf
	mov	$subleaves, %esi
1:	cmp	$subleaves_end, %esi
	jae	9f
	lodsl
	mov	%eax, %edx
	lodsl
	cmp	%edi, %edx
	jne	1b
	cmp	$ITS_EAX, %eax
	jne	2f
	mov	regs, %eax
	cmp	$(MAX_SUBLEAVES - 1), %eax
	jbe	3f
	mov	$(MAX_SUBLEAVES - 1), %eax
3:	inc	%eax
2:	mov	%eax, %edx
	mov	$1, %ecx
4:	cmp	%edx, %ecx
	jae	9f
	push	%edx
	push	%ecx
	call	report_subleaf
	pop	%ecx
	pop	%edx
	inc	%ecx
	/* topology ends at a level of type 0 (SDM 2A, CPUID); beyond it QEMU 11.1 aborts */
	cmp	$0xb, %edi
	je	5f
	cmp	$0x1f, %edi
	jne	4b
5:	cmpb	$0, regs + 9
	jne	4b
9:	ret

/* %edi: leaf, %ecx: subleaf */
report_subleaf:
	push	%ecx
	call	read_leaf_edi
	pop	%ecx
	test	%ecx, %ecx
	jz	1f
	mov	regs, %eax
	or	regs + 4, %eax
	or	regs + 8, %eax
	or	regs + 12, %eax
	jz	9f
1:	push	%esi
	push	%ecx
	mov	%edi, %eax
	call	put_hex
	pop	%eax
	call	put_space_hex
	mov	$regs, %esi
2:	lodsl
	call	put_space_hex
	cmp	$(regs + 16), %esi
	jb	2b
	mov	$'\n', %al
	call	putc
	pop	%esi
9:	ret

read_leaf_edi:
	mov	%edi, %eax
/* %eax: leaf, %ecx: subleaf; answers in regs. Reads in 64-bit mode if this CPU has it. */
read_leaf:
	cmpb	$0, is_long
	je	1f
	lcall	$CODE64, $cpuid64
	jmp	2f
1:	cpuid
2:	mov	%eax, regs
	mov	%ebx, regs + 4
	mov	%ecx, regs + 8
	mov	%edx, regs + 12
	ret

	.code64
cpuid64:
	mov	%esp, %esp		/* what is above 32 bits is undefined (SDM 1, 3.4.1.1) */
	cpuid
	lretl

	.code32
/* Enters compatibility mode, from which cpuid64 can be called (SDM 3A, 10.8.5). */
enter_long_mode:
	movb	$0, is_long
	mov	$0x80000000, %eax
	cpuid
	cmp	$0x80000001, %eax
	jb	9f
	cmp	$0x8000ffff, %eax
	ja	9f
	mov	$0x80000001, %eax
	cpuid
	test	$CPUID_LM, %edx
	jz	9f
	mov	%cr4, %eax
	or	$CR4_PAE, %eax
	mov	%eax, %cr4
	mov	$page_map, %eax
	mov	%eax, %cr3
	mov	$EFER, %ecx
	rdmsr
	or	$EFER_LME, %eax
	wrmsr
	mov	%cr0, %eax
	or	$CR0_PG, %eax
	mov	%eax, %cr0
	movb	$1, is_long
9:	ret

leave_long_mode:
	cmpb	$0, is_long
	je	9f
	mov	%cr0, %eax
	and	$~CR0_PG, %eax
	mov	%eax, %cr0
	mov	$EFER, %ecx
	rdmsr
	and	$~EFER_LME, %eax
	wrmsr
	mov	%cr4, %eax
	and	$~CR4_PAE, %eax
	mov	%eax, %cr4
9:	ret

/* ---- writing ---- */

/* %esi: text; changes %eax and %esi */
puts:
	lodsb
	test	%al, %al
	jz	1f
	call	putc
	jmp	puts
1:	ret

put_space_hex:
	push	%eax
	mov	$' ', %al
	call	putc
	pop	%eax
/* %eax, eight digits */
put_hex:
	mov	%eax, %edx
	mov	$8, %ecx
1:	rol	$4, %edx
	mov	%edx, %eax
	and	$0xf, %eax
	mov	digits(%eax), %al
	call	putc
	loop	1b
	ret

/* %eax */
put_decimal:
	xor	%edx, %edx
	mov	$10, %ecx
	div	%ecx
	push	%edx
	test	%eax, %eax
	jz	1f
	call	put_decimal
1:	pop	%eax
	mov	digits(%eax), %al
/* %al; keeps every register but %eax */
putc:
	push	%edx
	push	%ecx
	out	%al, $DEBUGCON
	mov	%al, %ah
	mov	$0x10000, %ecx
1:	mov	$(SERIAL + 5), %edx
	in	%dx, %al
	test	$0x20, %al		/* ready for a byte; 0xff where there is no port */
	loopz	1b
	mov	%ah, %al
	mov	$SERIAL, %edx
	out	%al, %dx
	pop	%ecx
	pop	%edx
	ret

/* ---- data ---- */

	.section .rodata, "a"
	.align	8
gdt:	.quad	0
	.quad	0x00cf9a000000ffff	/* CODE32 */
	.quad	0x00cf92000000ffff	/* DATA */
	.quad	0x00af9a000000ffff	/* CODE64 */
gdt_end:
gdt_pointer:
	.word	gdt_end - gdt - 1
	.long	gdt
idt_pointer:
	.word	8 * 0x30 - 1
	.long	idt

	.align	4
range_starts:
	.long	0, 0x80000000, 0xc0000000
range_starts_end:
/* How many subleaves of a leaf may say something (SDM 2A, CPUID; APM 3, E.4) */
subleaves:
	.long	0x4, 8
	.long	0x7, ITS_EAX
	.long	0xb, 4
	.long	0xd, 64
	.long	0xf, 2
	.long	0x10, 6
	.long	0x12, 8
	.long	0x14, ITS_EAX
	.long	0x17, ITS_EAX
	.long	0x18, ITS_EAX
	.long	0x1d, ITS_EAX
	.long	0x1e, 2
	.long	0x1f, 6
	.long	0x20, ITS_EAX
	.long	0x23, 6
	.long	0x24, ITS_EAX
	.long	0x8000001d, 8
	.long	0x80000020, 6
	.long	0x80000026, 6
subleaves_end:

#define WRITE(port, value) .word port; .byte value
init_ports:
	WRITE(SERIAL + 1, 0)
	WRITE(SERIAL + 3, 0x80)
	WRITE(SERIAL + 0, 1)
	WRITE(SERIAL + 1, 0)
	WRITE(SERIAL + 3, 3)
	WRITE(SERIAL + 2, 7)
	/* 8259: interrupts from 0x20 on, all masked but the timer's */
	WRITE(0x20, 0x11)
	WRITE(0xa0, 0x11)
	WRITE(0x21, 0x20)
	WRITE(0xa1, 0x28)
	WRITE(0x21, 4)
	WRITE(0xa1, 2)
	WRITE(0x21, 1)
	WRITE(0xa1, 1)
	WRITE(0x21, 0xfe)
	WRITE(0xa1, 0xff)
	/* 8254: counter 0 as rate generator, divided by 65536 */
	WRITE(0x43, 0x34)
	WRITE(0x40, 0)
	WRITE(0x40, 0)
	.word	0

text_hello:
	.asciz	"cpushim-guest 1\n"
text_cpu:
	.asciz	"cpu "
text_end:
	.asciz	"end\n"
digits:	.ascii	"0123456789abcdef"

	.bss
	.align	4096
page_map:
	.skip	4096
page_directory_pointers:
	.skip	4096
page_directories:
	.skip	4 * 4096
idt:	.skip	8 * 0x30
	.skip	4096
boot_stack:
	.skip	4096
other_stack:
regs:	.skip	16
lock_word:
	.long	0
is_open:
	.long	0
n_cpus:	.long	0
wanted:	.long	0
cmdline_cpus:
	.long	0
ticks:	.long	0
is_loop:
	.byte	0
is_long:
	.byte	0

	.section .note.GNU-stack, "", @progbits
