/* SPDX-License-Identifier: MIT */
/*
 * The names by which musl's loader knows libraries, extended for programs that
 * were linked on Debian.  Included in the middle of dynlink.c, where struct dso
 * is known.
 */
#ifndef MOKA_NAMES_H
#define MOKA_NAMES_H

/* Debian's multi-arch folders before musl's own; glibc's order, and what its ld.so.conf adds. */
#define MOKA_LIBRARY_PATH \
    "/usr/local/lib/x86_64-linux-gnu:/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu" \
    ":/usr/local/lib:/lib:/usr/lib:/lib64:/usr/lib64"

/* Libraries need the loader by name; it is this one, whatever the program's PT_INTERP says. */
static int moka_is_loader(const char *name)
{
    return !strcmp(name, "ld-linux-x86-64.so.2") || !strcmp(name, "ld-musl-x86_64.so.1");
}

/*
 * A library that was loaded by its path satisfies who needs its DT_SONAME, as
 * with glibc: the JDK's launcher loads libjvm.so by path, others need it by name.
 */
static int moka_has_soname(struct dso *p, const char *name)
{
    size_t offset;

    return p->dynv && search_vec(p->dynv, &offset, DT_SONAME) && !strcmp(p->strings + offset, name);
}

#endif
