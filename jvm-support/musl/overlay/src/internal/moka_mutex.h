/* SPDX-License-Identifier: MIT */
/*
 * Mutexes of a program that has one thread only: no atomic operation, which is
 * most of what locking and unlocking costs.  As with glibc.
 */
#ifndef MOKA_MUTEX_H
#define MOKA_MUTEX_H

#include "libc.h"
#include "pthread_impl.h"

/*
 * The lock word of a plain mutex of this process from one value to another, if
 * nobody else can look.  A thread that begins later finds what was stored
 * here: clone is a barrier.  A signal handler that comes in between leaves the
 * mutex as it found it, or never returns.
 */
static inline int moka_mutex_change_alone(pthread_mutex_t *m, int from, int to)
{
    if (libc.threads_minus_1 || m->_m_type != PTHREAD_MUTEX_NORMAL || m->_m_lock != from) {
        return 0;
    }
    m->_m_lock = to;
    return 1;
}

#endif
