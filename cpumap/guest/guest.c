/* SPDX-License-Identifier: Apache-2.0 */
/* Starting QEMU with the guest, and understanding how it ended. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "cpumap/core/cpuarg.h"
#include "cpumap/core/emulator.h"
#include "cpumap/qemu/qmp.h"

#define EXIT_READ    99  /* guest.S, by isa-debug-exit */
#define EXIT_NO_QEMU 127 /* it, or a library, couldn't be loaded (ld.so(8), and below) */
#define MAX_ARGS     40
#define WORDS_SHOWN  400
#define VCPU_MS      250 /* what each vCPU adds to the time limit */

/* ---- the process ---- */

struct process {
	pid_t pid;
	struct pollfd out[2]; /* stdout, stderr */
	struct text text[2];
	long long deadline;
};

static long long now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void process_close(struct process *p)
{
	if (p->pid > 0) {
		(void)kill(p->pid, SIGKILL);
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	for (size_t i = 0; i < ARRAY_SIZE(p->out); i++) {
		if (p->out[i].fd >= 0)
			(void)close(p->out[i].fd);
		text_free(&p->text[i]);
	}
}
#define _cleanup_process_ __attribute__((cleanup(process_close)))

static void __attribute__((noreturn)) become(const char *const *argv, int out, int err)
{
	static char *const no_environment[] = {NULL};
	int null = open("/dev/null", O_RDONLY);

	/* QEMU must not outlive us, however we end */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(EXIT_NO_QEMU);
	for (int fd = 3; fd < 256; fd++)
		(void)close(fd);
	(void)execve(argv[0], (char *const *)argv, no_environment);
	dprintf(2, "%s", strerror(errno));
	_exit(EXIT_NO_QEMU);
}

static int process_start(struct process *p, const char *const *argv, struct error *err)
{
	int out[2], log[2];

	if (pipe2(out, O_CLOEXEC) < 0)
		return error_set(err, -errno, argv[0], 0, "pipe: %s", strerror(errno));
	p->out[0].fd = out[0];
	if (pipe2(log, O_CLOEXEC) < 0) {
		(void)close(out[1]);
		return error_set(err, -errno, argv[0], 0, "pipe: %s", strerror(errno));
	}
	p->out[1].fd = log[0];
	p->pid = fork();
	if (p->pid == 0)
		become(argv, out[1], log[1]);
	(void)close(out[1]);
	(void)close(log[1]);
	if (p->pid < 0)
		return error_set(err, -EAGAIN, argv[0], 0, "can't fork: %s", strerror(errno));
	return 0;
}

/* Returns false at the end of that stream. */
static bool read_some(int fd, struct text *t)
{
	char buf[65536];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n > 0 && t->len < CPUID_DUMP_LIMIT)
		text_add(t, buf, (size_t)n);
	return n > 0 || (n < 0 && errno == EINTR);
}

/* Both streams to their ends; -ETIMEDOUT if that takes too long. */
static int process_drain(struct process *p)
{
	while (p->out[0].fd >= 0 || p->out[1].fd >= 0) {
		long long left = p->deadline - now_ms();

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(p->out, ARRAY_SIZE(p->out), left > 60000 ? 60000 : (int)left) < 0 &&
		    errno != EINTR)
			return -errno;
		for (size_t i = 0; i < ARRAY_SIZE(p->out); i++) {
			if (!p->out[i].revents || p->out[i].fd < 0)
				continue;
			p->out[i].revents = 0;
			if (read_some(p->out[i].fd, &p->text[i]))
				continue;
			(void)close(p->out[i].fd);
			p->out[i].fd = -1;
		}
	}
	return 0;
}

/* Its exit status, or 128 and the signal that ended it. */
static int process_wait(struct process *p, int *status)
{
	for (;;) {
		pid_t r = waitpid(p->pid, status, WNOHANG);

		if (r == p->pid)
			break;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (now_ms() > p->deadline)
			return -ETIMEDOUT;
		(void)poll(NULL, 0, 5);
	}
	p->pid = 0;
	*status = WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status);
	return 0;
}

/* ---- arguments ---- */

struct args {
	const char *v[MAX_ARGS];
	size_t n;
	char smp[32], append[32];
};

static void add_args(struct args *a, const char *const *more)
{
	for (size_t i = 0; more[i] && a->n + 1 < ARRAY_SIZE(a->v); i++)
		a->v[a->n++] = more[i];
}

/* The arguments that both ways of starting share. */
static void common_args(struct args *a, const struct guest_run *run)
{
	*a = (struct args){0};
	/* as libvirt has it where a domain says no topology: since 10.0 QEMU wants cmp_legacy of KVM for
	 * cores and threads in one socket, unless the vendor is Intel */
	(void)snprintf(a->smp, sizeof(a->smp), "%u,sockets=%u", run->cpus, run->cpus);
	(void)snprintf(a->append, sizeof(a->append), "cpus=%u", run->cpus);
	add_args(a, (const char *const[]){run->emulator, "-nodefaults", "-no-user-config",
					  "-display", "none", "-no-reboot", "-m", "64", "-smp",
					  a->smp, "-accel", run->accel, "-cpu", run->cpu, NULL});
	if (run->machine)
		add_args(a, (const char *const[]){"-machine", run->machine, NULL});
}

/* ---- QEMU's refusal ---- */

/* "...:EDX.NAME [bit 3]", "MSR(10AH).NAME [bit 3]", "CPUID[eax=07h,ecx=01h].EAX.NAME [bit 4]"
 * (feature_word_description and its callers, QEMU 2.4 to 11). A bit without a name has no ".NAME".
 */
static int refused_feature(const char *line, const char *bit)
{
	static const char *const before[] = {"EAX.", "EBX.", "ECX.", "EDX.", ")."};

	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		const char *s = memmem(line, (size_t)(bit - line), before[i], strlen(before[i]));

		if (s) {
			s += strlen(before[i]);
			return feature_find(s, (size_t)(bit - s));
		}
	}
	return -1;
}

static bool has_words(const char *line, size_t len, const char *words)
{
	return memmem(line, len, words, strlen(words)) != NULL;
}

static bool parse_refusal_line(const char *line, size_t len, struct guest_refusal *refusal)
{
	const char *bit = memmem(line, len, " [bit ", 6);
	bool depends = has_words(line, len, "depends on other features");
	int f;

	if (!depends && !has_words(line, len, "doesn't support requested feature"))
		return false;
	f = bit ? refused_feature(line, bit) : -1;
	if (f >= 0)
		featset_add(depends ? &refusal->dependent : &refusal->lacks, (size_t)f);
	return true;
}

/* Features named in what QEMU wrote; true if it refused for features at all. */
static bool parse_refusal(const char *text, size_t len, struct guest_refusal *refusal)
{
	const char *end = text + len;
	bool refused = false;

	*refusal = (struct guest_refusal){0};
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));

		if (!stop)
			stop = end;
		if (parse_refusal_line(text, (size_t)(stop - text), refusal))
			refused = true;
		text = stop + 1;
	}
	return refused;
}

/* ---- reading ---- */

/* The last line that QEMU wrote, which is its reason. The lines before it are warnings. */
static const char *last_words(const struct text *t, char *buf, size_t size)
{
	size_t end = t->len, start;

	while (end && strchr("\r\n", t->data[end - 1]))
		end--;
	for (start = end; start && t->data[start - 1] != '\n';)
		start--;
	return text_escape(buf, size, end ? t->data + start : "", end - start);
}

static int judge_end(const struct guest_run *run, const struct process *p, int status,
		     struct guest_refusal *refusal, struct error *err)
{
	char words[WORDS_SHOWN];

	if (p->text[0].failed || p->text[1].failed)
		return error_set(err, -ENOMEM, run->emulator, 0, "out of memory");
	if (status == EXIT_READ)
		return 0;
	last_words(&p->text[1], words, sizeof(words));
	if (status == 1 && parse_refusal(p->text[1].data, p->text[1].len, refusal))
		return error_set(err, -ENOTSUP, run->emulator, 0, "refuses this CPU: %s", words);
	return error_set(err, -EREMOTEIO, run->emulator, 0,
			 "ended with status %d before the guest had read its CPU%s%s%s", status,
			 *words ? ": " : "", words,
			 status == EXIT_NO_QEMU ? "; " EMULATOR_REINSTALL : "");
}

/* Has the dump the right number of vCPUs? */
static int count_cpus(const struct guest_run *run, const struct cpuid_dump *d, struct error *err)
{
	int apic = feature_find("apic", 4);
	struct featset set;
	size_t expected = run->cpus;

	cpuid_features(&d->cpu[0], &set);
	if (apic >= 0 && !featset_has(&set, (size_t)apic))
		expected = 1;
	if (d->n == expected)
		return 0;
	return error_set(err, -EPROTO, run->emulator, 0, "%zu of %zu vCPUs told what they read",
			 d->n, expected);
}

int guest_read(const struct guest_run *run, struct cpuid_dump *d, struct guest_refusal *refusal,
	       struct error *err)
{
	_cleanup_process_ struct process p = {
		.out = {{.fd = -1, .events = POLLIN}, {.fd = -1, .events = POLLIN}},
		.deadline = now_ms() + run->timeout_ms + (long long)run->cpus * VCPU_MS,
	};
	struct args a;
	int status = 0, r;

	*d = (struct cpuid_dump){0};
	*refusal = (struct guest_refusal){0};
	if (access(run->guest, R_OK) < 0)
		return error_set(err, -errno, run->guest, 0, "%s", strerror(errno));
	if (access(run->emulator, X_OK) < 0)
		return error_set(err, -errno, run->emulator, 0,
				 "can't be run: %s; " EMULATOR_REINSTALL, strerror(errno));
	common_args(&a, run);
	add_args(&a, (const char *const[]){"-kernel", run->guest, "-append", a.append, "-debugcon",
					   "stdio", "-device", "isa-debug-exit,iobase=0xf4", NULL});
	r = process_start(&p, a.v, err);
	if (r < 0)
		return r;
	r = process_drain(&p);
	if (r == 0)
		r = process_wait(&p, &status);
	if (r < 0)
		return error_set(err, r, run->emulator, 0,
				 "the guest gave no answer within %d s, so it was stopped; if it "
				 "does so again while this host isn't busy, " EMULATOR_REINSTALL,
				 run->timeout_ms / 1000);
	r = judge_end(run, &p, status, refusal, err);
	if (r == 0)
		r = cpuid_parse(d, p.text[0].data, p.text[0].len, run->guest, err);
	if (r == 0)
		r = count_cpus(run, d, err);
	if (r < 0)
		cpuid_dump_free(d);
	return r;
}

/* ---- QEMU's own word ---- */

static int get_property(struct qmp *q, const char *path, const char *name, json_t **value,
			struct error *err)
{
	return qmp_call(q, "qom-get", json_pack("{s:s, s:s}", "path", path, "property", name),
			value, err);
}

static int get_number(struct qmp *q, const char *path, const char *name, uint32_t *value,
		      struct error *err)
{
	json_t *v = NULL;
	int r = get_property(q, path, name, &v, err);

	if (!qmp_number(v, value) && r == 0)
		r = error_set(err, -EPROTO, q->name, 0, "its '%s' isn't a number", name);
	json_decref(v);
	return r;
}

static void add_leaf(struct text *t, uint32_t leaf, uint32_t subleaf, const uint32_t reg[4])
{
	text_addf(t, "%08x %08x %08x %08x %08x %08x\n", leaf, subleaf, reg[REG_EAX], reg[REG_EBX],
		  reg[REG_ECX], reg[REG_EDX]);
}

static int reg_named(const char *name)
{
	static const char *const names[] = {"EAX", "EBX", "ECX", "EDX"};

	for (int i = 0; name && i < (int)ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

/* One of QEMU's feature words. */
struct word {
	uint32_t leaf, subleaf, value;
	int reg;
};

static bool read_word(const json_t *w, struct word *word)
{
	const json_t *subleaf = json_object_get(w, "cpuid-input-ecx");

	*word = (struct word){
		.reg = reg_named(json_string_value(json_object_get(w, "cpuid-register")))};
	return word->reg >= 0 && qmp_number(json_object_get(w, "cpuid-input-eax"), &word->leaf) &&
	       (!subleaf || qmp_number(subleaf, &word->subleaf)) &&
	       qmp_number(json_object_get(w, "features"), &word->value);
}

static bool are_words(const json_t *words)
{
	struct word word;
	size_t i;
	const json_t *w;

	json_array_foreach(words, i, w)
	{
		if (!read_word(w, &word))
			return false;
	}
	return json_is_array(words);
}

static uint32_t word_of(const json_t *words, uint32_t leaf, uint32_t subleaf, int reg)
{
	struct word word;
	size_t i;
	const json_t *w;

	json_array_foreach(words, i, w)
	{
		if (read_word(w, &word) && word.leaf == leaf && word.subleaf == subleaf &&
		    word.reg == reg)
			return word.value;
	}
	return 0;
}

/* Identity as leaf 1's EAX says it: SDM 2A, CPUID, figure 3-6. */
static uint32_t signature(uint32_t family, uint32_t model, uint32_t stepping)
{
	uint32_t extended = family > 0xf ? family - 0xf : 0;

	return extended << 20 | (family - extended) << 8 | (model >> 4) << 16 | (model & 0xf) << 4 |
	       stepping;
}

/* Adds a leaf. EAX of leaf 1 and 7 holds no features: it is the signature, or the highest
 * subleaf. */
static void add_words(struct text *t, const json_t *words, uint32_t leaf1_eax, uint32_t func7)
{
	struct feature_word word[128];
	size_t n = feature_words(word, ARRAY_SIZE(word));

	for (size_t i = 0; i < n;) {
		uint32_t leaf = word[i].leaf, subleaf = word[i].subleaf;
		uint32_t reg[4] = {0};

		if (subleaf == 0)
			reg[REG_EAX] = leaf == 1 ? leaf1_eax : leaf == 7 ? func7 : 0;
		for (; i < n && word[i].leaf == leaf && word[i].subleaf == subleaf; i++)
			reg[word[i].reg] = word_of(words, leaf, subleaf, (int)word[i].reg);
		add_leaf(t, leaf, subleaf, reg);
	}
}

/* QEMU's answers as a dump in the guest's form. @level: each range's highest leaf, and leaf 7's
 * highest subleaf. A guest sees nothing above them. */
static int words_as_dump(const json_t *words, const char *vendor, uint32_t leaf1_eax,
			 const uint32_t level[4], const char *name, struct cpuid_dump *d,
			 struct error *err)
{
	static const enum cpuid_reg order[] = {REG_EBX, REG_EDX, REG_ECX};
	_cleanup_text_ struct text t = {0};
	uint32_t reg[4] = {level[0]};

	if (!are_words(words) || !vendor || strlen(vendor) != 12)
		return error_set(err, -EPROTO, name, 0, "doesn't say what CPU it gives");
	for (size_t i = 0; i < 12; i++)
		reg[order[i / 4]] |= (uint32_t)(unsigned char)vendor[i] << (i % 4 * 8);
	text_adds(&t, "cpushim-guest 1\ncpu 0\n");
	add_leaf(&t, 0, 0, reg);
	add_leaf(&t, 0x80000000, 0, (const uint32_t[4]){level[1]});
	add_leaf(&t, 0xc0000000, 0, (const uint32_t[4]){level[2]});
	add_words(&t, words, leaf1_eax, level[3]);
	text_adds(&t, "end\n");
	if (t.failed)
		return error_set(err, -ENOMEM, name, 0, "out of memory");
	return cpuid_parse(d, t.data, t.len, name, err);
}

static int ask_words(struct qmp *q, struct cpuid_dump *d, struct error *err)
{
	enum { FAMILY, MODEL, STEPPING, LEVEL, XLEVEL, XLEVEL2, FUNC7, NUMBERS };
	static const char *const names[FUNC7] = {"family", "model",  "stepping",
						 "level",  "xlevel", "xlevel2"};
	json_t *cpus = NULL, *vendor = NULL, *words = NULL;
	uint32_t n[NUMBERS] = {0};
	const char *path;
	int r = qmp_call(q, "query-cpus-fast", NULL, &cpus, err);

	path = json_string_value(json_object_get(json_array_get(cpus, 0), "qom-path"));
	if (r == 0 && !path)
		r = error_set(err, -EPROTO, q->name, 0, "has no vCPU");
	if (r == 0)
		r = get_property(q, path, "vendor", &vendor, err);
	for (size_t i = 0; i < FUNC7 && r == 0; i++)
		r = get_number(q, path, names[i], &n[i], err);
	/* QEMU has had it since 4.2, as the first feature there */
	if (r == 0)
		(void)get_number(q, path, CPUARG_LEVEL_FUNC7, &n[FUNC7], NULL);
	if (r == 0)
		r = get_property(q, path, "feature-words", &words, err);
	if (r == 0)
		r = words_as_dump(words, json_string_value(vendor),
				  signature(n[FAMILY], n[MODEL], n[STEPPING]), &n[LEVEL], q->name,
				  d, err);
	json_decref(cpus);
	json_decref(vendor);
	json_decref(words);
	return r;
}

int guest_words(const struct guest_run *run, struct cpuid_dump *d, struct error *err)
{
	_cleanup_qmp_ struct qmp q = {.fd = -1, .stderr_fd = -1};
	struct args a;
	int r;

	*d = (struct cpuid_dump){0};
	common_args(&a, run);
	add_args(&a, (const char *const[]){"-S", NULL});
	r = qmp_spawn(&q, a.v, run->timeout_ms, err);
	return r < 0 ? r : ask_words(&q, d, err);
}
