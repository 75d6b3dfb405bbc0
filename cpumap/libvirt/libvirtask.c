/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirtask.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "cpumap/core/task.h"
#include "libvirtquestion.h"

/* The child's argv[0]: it asks libvirt itself, and starts no further child. */
#define ASKER "cpushim-ask"

#define QUESTION_LIMIT ((size_t)64 << 20)

/* ---- the child ---- */

/* Adds the strings of @text, which a NUL ends. */
static int add_strings(struct strv *v, const char *text, size_t len)
{
	int r = 0;

	for (size_t at = 0; at < len && r == 0;) {
		size_t n = strnlen(text + at, len - at);

		r = strv_add(v, text + at, n);
		at += n + 1;
	}
	return r;
}

/* @words: URI QUESTION ARG... */
static int put(const struct strv *words, struct text *answer, struct error *err)
{
	_cleanup_libvirt_ struct libvirt *l = NULL;
	const struct strv args = {.item = words->item + 2, .n = words->n - 2};
	int r = libvirt_open(&l, *words->item[0] ? words->item[0] : NULL, err);

	return r < 0 ? r : question_put(l, words->item[1], &args, answer, err);
}

int libvirt_answer(void)
{
	_cleanup_strv_ struct strv words = {0};
	_cleanup_text_ struct text answer = {0};
	_cleanup_free_ char *text = NULL;
	struct error err = {0};
	size_t len = 0;
	int r = fd_read_all(STDIN_FILENO, QUESTION_LIMIT, &text, &len);

	if (r == 0)
		r = add_strings(&words, text, len);
	/* a person's input isn't one, and nobody waits */
	if (r == 0 && words.n < 2)
		r = -EPROTO;
	if (r < 0)
		return r;
	r = put(&words, &answer, &err);
	return task_answer(r, &err, &answer);
}

/* ---- its parent ---- */

/* What the child is started with. */
struct asker {
	int question; /* the file that has it */
	const char *home;
};

/* A task's work. */
static int become_asker(const void *data, struct text *answer, struct error *err)
{
	static const char *const argv[] = {ASKER, LIBVIRT_ASK, NULL};
	const struct asker *asker = data;
	_cleanup_free_ char *home = NULL;
	const char *const environment[] = {
		"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
		asprintf(&home, "HOME=%s", asker->home) < 0 ? "HOME=/" : home, NULL};
	/* where /proc isn't mounted */
	unsigned long started_as = getauxval(AT_EXECFN);

	(void)answer;
	if (lseek(asker->question, 0, SEEK_SET) == 0 && dup2(asker->question, STDIN_FILENO) == 0) {
		(void)execve("/proc/self/exe", (char *const *)argv, (char *const *)environment);
		if (errno == ENOENT && started_as)
			(void)execve((const char *)started_as, (char *const *)argv,
				     (char *const *)environment);
	}
	return error_set(err, -errno, "/proc/self/exe", 0, "can't be run: %s", strerror(errno));
}

/* A file with the question, to be closed; or a negative errno. */
static int write_question(const struct text *question)
{
	_cleanup_close_ int fd = task_fd(memfd_create("question", MFD_CLOEXEC));
	int r;

	if (fd < 0)
		return -errno;
	for (size_t at = 0; at < question->len;) {
		ssize_t n = write(fd, question->data + at, question->len - at);

		if (n < 0)
			return -errno;
		at += (size_t)n;
	}
	r = fd;
	fd = -1;
	return r;
}

static void add_string(struct text *t, const char *s)
{
	text_add(t, s ? s : "", s ? strlen(s) + 1 : 1);
}

int libvirt_ask(const struct libvirt_at *at, const char *question, const struct strv *args,
		struct text *answer, struct error *err)
{
	const char *where = at->uri ? at->uri : LIBVIRT_LIBRARY;
	_cleanup_text_ struct text words = {0};
	_cleanup_close_ int fd = -1;
	int r;

	if (strcmp(program_invocation_name, ASKER) == 0)
		return error_set(err, -EDEADLK, where, 0, "is asked by what was to ask it");
	add_string(&words, at->uri);
	add_string(&words, question);
	for (size_t i = 0; args && i < args->n; i++)
		add_string(&words, args->item[i]);
	fd = words.failed ? -ENOMEM : write_question(&words);
	if (fd < 0)
		return error_set(err, fd, where, 0, "can't be asked: %s", strerror(-fd));
	r = task_run(become_asker, &(const struct asker){fd, at->home ? at->home : "/"},
		     at->seconds, answer, err);
	if (r == -ETIMEDOUT)
		return error_set(err, r, where, 0, "gave no answer in %u s", at->seconds);
	if (r == -EIO && err && !*err->where)
		(void)snprintf(err->where, sizeof(err->where), "%s", LIBVIRT_LIBRARY);
	return r;
}

/* ---- the questions ---- */

/* The answer is one string. */
static int ask_string(const struct libvirt_at *at, const char *question, const struct strv *args,
		      char **string, struct error *err)
{
	struct text answer = {0};
	int r = libvirt_ask(at, question, args, &answer, err);

	if (r == 0 && (answer.len == 0 || answer.data[answer.len - 1]))
		r = error_set(err, -EPROTO, NULL, 0, "no answer to '%s'", question);
	if (r == 0)
		*string = steal_pointer(&answer.data);
	text_free(&answer);
	return r;
}

void libvirt_version_print(char text[LIBVIRT_VERSION_TEXT], unsigned long version)
{
	(void)snprintf(text, LIBVIRT_VERSION_TEXT, "%lu.%lu.%lu", version / 1000000,
		       version / 1000 % 1000, version % 1000);
}

int libvirt_ask_versions(const struct libvirt_at *at, struct libvirt_versions *versions,
			 struct error *err)
{
	_cleanup_text_ struct text answer = {0};
	_cleanup_strv_ struct strv v = {0};
	uint64_t library = 0, daemon = 0;
	int r = libvirt_ask(at, QUESTION_VERSIONS, NULL, &answer, err);

	if (r < 0)
		return r;
	if (add_strings(&v, answer.data, answer.len) < 0 || v.n != 2 ||
	    number_parse(v.item[0], strlen(v.item[0]), 10, ULONG_MAX, &library) < 0 ||
	    number_parse(v.item[1], strlen(v.item[1]), 10, ULONG_MAX, &daemon) < 0)
		return error_set(err, -EPROTO, NULL, 0, "no answer to '%s'", QUESTION_VERSIONS);
	*versions = (struct libvirt_versions){.library = library, .daemon = daemon};
	return 0;
}

int libvirt_ask_models(const struct libvirt_at *at, const char *arch, struct strv *names,
		       struct error *err)
{
	char *item = (char *)arch;
	const struct strv args = {.item = &item, .n = 1};
	_cleanup_text_ struct text answer = {0};
	int r = libvirt_ask(at, QUESTION_MODELS, &args, &answer, err);

	if (r == 0 && add_strings(names, answer.data, answer.len) < 0)
		r = error_set(err, -ENOMEM, NULL, 0, "out of memory");
	return r;
}

int libvirt_ask_baseline(const struct libvirt_at *at, const struct strv *cpus, bool expand,
			 char **cpu, struct error *err)
{
	return ask_string(at, expand ? QUESTION_EXPANDED : QUESTION_BASELINE, cpus, cpu, err);
}

int libvirt_ask_compare(const struct libvirt_at *at, const char *cpu,
			enum libvirt_compared *compared, struct error *err)
{
	char *item = (char *)cpu;
	const struct strv args = {.item = &item, .n = 1};
	_cleanup_free_ char *answer = NULL;
	uint64_t number = 0;
	int r = ask_string(at, QUESTION_COMPARE, &args, &answer, err);

	if (r == 0 && number_parse(answer, strlen(answer), 10, LIBVIRT_SUPERSET, &number) < 0)
		r = error_set(err, -EPROTO, NULL, 0, "no answer to '%s'", QUESTION_COMPARE);
	if (r == 0)
		*compared = (enum libvirt_compared)number;
	return r;
}

int libvirt_ask_start(const struct libvirt_at *at, const char *domain, struct error *err)
{
	char *item = (char *)domain;
	const struct strv args = {.item = &item, .n = 1};
	_cleanup_text_ struct text answer = {0};

	return libvirt_ask(at, QUESTION_START, &args, &answer, err);
}

int libvirt_ask_native(const struct libvirt_at *at, const char *domain, char **argv,
		       struct error *err)
{
	char *item = (char *)domain;
	const struct strv args = {.item = &item, .n = 1};

	return ask_string(at, QUESTION_NATIVE, &args, argv, err);
}

int libvirt_ask_capabilities(const struct libvirt_at *at, const struct libvirt_emulator *emulator,
			     char **xml, struct error *err)
{
	const char *item[] = {emulator->path, emulator->arch, emulator->machine,
			      emulator->virttype};
	const struct strv args = {.item = (char **)item, .n = ARRAY_SIZE(item)};

	return ask_string(at, QUESTION_CAPABILITIES, &args, xml, err);
}
