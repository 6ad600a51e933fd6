/* SPDX-License-Identifier: MIT */
/*
 * A 9P2000.L server on a real folder, for the tests of kernel/fs/p9.  Like
 * QEMU's it knows files by their names: of one whose name has gone it only
 * reads and writes what is open.  Its replies can be spoilt.
 */
#pragma once

#include <kernel/p9.h>

struct p9_server {
    const char *folder;
    unsigned requests;   /* in all */
    unsigned fids;       /* that are in use */
    unsigned opens;      /* of those: open */
    bool vanished;       /* every request ends in -EIO */
    unsigned most;       /* bytes that one read or write moves at most; 0: no limit */
    u64 disk;            /* bytes that a file may have; 0: no limit */
    u64 used;            /* of those: up to which one has been written */
    bool spoil;          /* replies are changed at random */
    bool busy;           /* there is no room for a request that nobody waits for */
    unsigned started;    /* requests that nobody waited for at first */
    unsigned shown;      /* times that the server was told of requests */
    unsigned count[256]; /* requests by type */

    /* Called when the reply to a request of this type is the client's; NULL: nothing. */
    void (*answered)(u8 type);
};
extern struct p9_server p9_server;

/* Begins anew, with no fids. */
void p9_server_start(const char *folder);
void p9_server_stop(void);
extern struct p9_transport p9_server_transport;
