/* SPDX-License-Identifier: MIT */
/*
 * The resolver's functions with a state of the caller's.  musl's resolver has
 * no state: it reads /etc/resolv.conf with each question.  So these keep in the
 * state only what its users look at, and ask as the functions without it do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <resolv.h>
#include <string.h>

#include "glibc.h"

int __res_ninit(res_state state)
{
    memset(state, 0, sizeof *state);
    state->retrans = 5;
    state->retry = 2;
    state->options = RES_INIT | RES_RECURSE | RES_DEFNAMES | RES_DNSRCH;
    state->ndots = 1;
    return 0;
}
ALIAS(res_ninit, __res_ninit);

void __res_nclose(res_state state)
{
}
ALIAS(res_nclose, __res_nclose);

int __res_init(void)
{
    return res_init();
}

int res_nquery(res_state state, const char *name, int class, int type, unsigned char *answer,
               int size)
{
    return res_query(name, class, type, answer, size);
}
ALIAS(__res_nquery, res_nquery);

int res_nsearch(res_state state, const char *name, int class, int type, unsigned char *answer,
                int size)
{
    return res_search(name, class, type, answer, size);
}
ALIAS(__res_nsearch, res_nsearch);

int res_nquerydomain(res_state state, const char *name, const char *domain, int class, int type,
                     unsigned char *answer, int size)
{
    return res_querydomain(name, domain, class, type, answer, size);
}
ALIAS(__res_nquerydomain, res_nquerydomain);

int res_nmkquery(res_state state, int op, const char *name, int class, int type,
                 const unsigned char *data, int length, const unsigned char *newrr,
                 unsigned char *buf, int size)
{
    return res_mkquery(op, name, class, type, data, length, newrr, buf, size);
}
ALIAS(__res_nmkquery, res_nmkquery);

int res_nsend(res_state state, const unsigned char *message, int length, unsigned char *answer,
              int size)
{
    return res_send(message, length, answer, size);
}
ALIAS(__res_nsend, res_nsend);

/* Letters, digits, - and _ between dots: names of hosts (no _) and of domains. */
static int is_name(const char *name, int underscores)
{
    char last = '.';

    for (; *name; last = *name++) {
        int plain = (*name >= '0' && *name <= '9') || ((*name | 32) >= 'a' && (*name | 32) <= 'z');

        if (!plain && !(*name == '-' && last != '.') && !(*name == '.' && last != '.') &&
            !(*name == '_' && underscores)) {
            return 0;
        }
    }
    return 1;
}

int res_hnok(const char *name)
{
    return is_name(name, 1);
}
ALIAS(__res_hnok, res_hnok);

int res_dnok(const char *name)
{
    for (; *name; name++) {
        if (*name < '!' || *name > '~') {
            return 0;
        }
    }
    return 1;
}
ALIAS(__res_dnok, res_dnok);

/* There are no network groups. */
int innetgr(const char *group, const char *host, const char *user, const char *domain)
{
    return 0;
}

int setnetgrent(const char *group)
{
    return 0;
}

int getnetgrent(char **host, char **user, char **domain)
{
    return 0;
}

int getnetgrent_r(char **host, char **user, char **domain, char *buf, size_t size)
{
    return 0;
}

void endnetgrent(void)
{
}
