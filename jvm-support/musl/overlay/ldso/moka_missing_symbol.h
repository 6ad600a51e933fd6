/* SPDX-License-Identifier: MIT */
/*
 * Included in dynlink.c ahead of do_relocs(): whether a symbol that was not
 * found is one that glibc would have; see src/glibc/missing.c.
 */
#ifndef MOKA_MISSING_SYMBOL_H
#define MOKA_MISSING_SYMBOL_H

#include "moka_missing.h"

/* Does the library need the symbol in a version GLIBC_...?  System V ABI, symbol versioning. */
static int moka_wants_glibc(struct dso *dso, size_t symbol)
{
    size_t offset;

    if (!dso->versym || !search_vec(dso->dynv, &offset, DT_VERNEED)) {
        return 0;
    }
    for (Elf64_Verneed *need = laddr(dso, offset);; need = (void *)((char *)need + need->vn_next)) {
        Elf64_Vernaux *version = (void *)((char *)need + need->vn_aux);

        for (int left = need->vn_cnt; left; left--) {
            if (version->vna_other == (dso->versym[symbol] & 0x7fff)) {
                return !strncmp(dso->strings + version->vna_name, "GLIBC_", 6);
            }
            version = (void *)((char *)version + version->vna_next);
        }
        if (!need->vn_next) {
            return 0;
        }
    }
}

/* A stub to bind the symbol to, or NULL. */
static const void *moka_missing_stub(struct dso *dso, const Sym *symbol, const char *name)
{
    if ((symbol->st_info & 15) != STT_FUNC && (symbol->st_info & 15) != STT_NOTYPE) {
        return 0;
    }
    return moka_wants_glibc(dso, symbol - dso->syms) ? __missing_bind(name) : 0;
}

#endif
