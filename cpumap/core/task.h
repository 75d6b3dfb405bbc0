/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task: work that a child process does, within a time. It answers with bytes. What it loads,
 * changes, breaks or hangs in is the child's alone.
 */
#ifndef CPUSHIM_TASK_H
#define CPUSHIM_TASK_H

#include "error.h"
#include "util.h"

/* Work for a task. Returns 0 or a negative errno; @answer is empty at first. */
typedef int task_work(const void *data, struct text *answer, struct error *err);

/**
 * task_run: have a child process do @work, and wait for it. The child is in a process group of its
 * own, and its standard files are /dev/null. It ends with this process.
 * @seconds: for all of it
 * @answer: receives what the work answered, behind what it holds; also after an error
 * Returns what @work returned, with its error; -ETIMEDOUT: the child was killed; -EIO: it ended
 * without an answer; -ECANCELED: in a task: nobody waits for this task any more.
 */
int task_run(task_work *work, const void *data, unsigned int seconds, struct text *answer,
	     struct error *err);

/**
 * task_answer: answer for a task. Work that executes a program doesn't return: that program calls
 * this, once.
 * Returns 0, or a negative errno if nobody waits for an answer.
 */
int task_answer(int r, const struct error *err, const struct text *answer);

/* task_reset_signals: in a child: no signal is ignored, caught or blocked. */
void task_reset_signals(void);

/* task_fd: @fd under another number, which the child's standard files don't take: for work that is
 * to use it. -1 and errno if that fails; @fd is closed in any case. */
int task_fd(int fd);

#endif
