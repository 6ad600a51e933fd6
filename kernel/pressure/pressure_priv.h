/* SPDX-License-Identifier: MIT */
/*
 * Between the files of this folder:
 *
 *   policy.c    how much of what, and when
 *   pressure.c  the thread, levels, and who finds memory when there is none
 *   listen.c    the application's thread that is asked to give memory
 *   reserve.c   memory that they need for that
 *   balloon.c   blocks that the host has, and the driver of it
 */
#pragma once

#include <kernel/pressure.h>

/* There may be something to do.  Any context. */
void pressure_wake(void);
/* The thread, if it does not run yet.  Thread context. */
void pressure_run(void);

/* listen.c; thread context. */

bool listener_is_there(void);
/*
 * Asks it for so many frames, if it can be asked `now`; `level` says how soon after the last time.
 * When to try again; its answer wakes the thread anyway.
 */
nsec_t listener_ask(u64 frames, enum pressure_level level, nsec_t now);
/* Asks it and waits, not for ever: true if it has given something. */
bool listener_ask_and_wait(u64 frames);
void listener_get_stats(struct pressure_stats *stats);

/* Is the calling thread the one that listens? */
bool listener_is_me(void);

/* reserve.c; thread context. */

/* A part of it is free for all.  False: it is empty. */
bool reserve_give(void);
/* The thread's, when there is plenty. */
void reserve_fill(void);

/* balloon.c; thread context. */

bool balloon_is_there(void);
/*
 * The thread's: moves it towards what the host wants, with so many frames `free`.  *lacking: what
 * it could not take for want of memory.  True if there is more to do.
 */
struct pressure_limits;
bool balloon_step(nsec_t now, u64 free, const struct pressure_limits *limits, u64 *lacking);
/* The thread's: sets the device up.  False: there is none, or it does not work. */
bool balloon_start(void);
bool balloon_can_report(void);
bool balloon_must_be_asked(void);
/*
 * Memory is out: takes so many frames back, or as many as there are, if the host allows that.  How
 * many: the last block may be larger than what was wanted.
 */
u64 balloon_take_back(u64 frames);
/* Up to so many free frames go to the host: how many. */
u64 balloon_report(u64 frames);
void balloon_get_stats(struct pressure_stats *stats);
