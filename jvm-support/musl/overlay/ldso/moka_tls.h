/* SPDX-License-Identifier: MIT */
/*
 * Included in dynlink.c ahead of do_relocs(): libraries that are opened by
 * dlopen() and use their thread-local storage as if they had been there from
 * the start (the initial-exec model: libgomp, libtcmalloc and others).  As with
 * glibc, every thread has some room for that beyond what the program needs.
 */
#ifndef MOKA_TLS_H
#define MOKA_TLS_H

#define MOKA_TLS_SURPLUS 4096

/* What every thread has had from its beginning. */
static size_t moka_tls_end, moka_tls_align;

/*
 * Is there room for the library's storage below the control block of each
 * thread?  Not for one that is in use already, with its storage elsewhere.
 */
static int moka_tls_fits(struct dso *dso)
{
    if (!dso->late_static_tls) {
        dso->late_static_tls = dso->tls_id > libc.tls_cnt && dso->tls.align <= moka_tls_align &&
                               dso->tls.offset <= moka_tls_end + MOKA_TLS_SURPLUS;
    }
    return dso->late_static_tls;
}

/* Initialises it for a thread; what is to be in the thread's table. */
static uintptr_t moka_tls_start(struct dso *dso, pthread_t thread)
{
    unsigned char *at = (unsigned char *)thread - dso->tls.offset;

    memcpy(at, dso->tls.image, dso->tls.len);
    memset(at + dso->tls.len, 0, dso->tls.size - dso->tls.len);
    return (uintptr_t)at + DTP_OFFSET;
}

#endif
