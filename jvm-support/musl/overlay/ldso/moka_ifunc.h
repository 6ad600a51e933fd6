/* SPDX-License-Identifier: MIT */
/*
 * Included in dynlink.c ahead of reloc_all(): relocations whose value a
 * function of the library computes (IFUNC; a compiler makes them for functions
 * with target_clones).  musl has none.  The function may use what the library's
 * other relocations fill in, so these come last.
 */
#ifndef MOKA_IFUNC_H
#define MOKA_IFUNC_H

#define MOKA_IRELATIVE 37 /* R_X86_64_IRELATIVE */

static void moka_ifunc_table(struct dso *dso, const size_t *rel, size_t size)
{
    for (; size; rel += 3, size -= 3 * sizeof *rel) {
        if (R_TYPE(rel[1]) == MOKA_IRELATIVE) {
            size_t (*resolve)(void) = (size_t(*)(void))laddr(dso, rel[2]);

            *(size_t *)laddr(dso, rel[0]) = resolve();
        }
    }
}

static void moka_ifunc_relocs(struct dso *dso, const size_t *dyn)
{
    moka_ifunc_table(dso, laddr(dso, dyn[DT_RELA]), dyn[DT_RELASZ]);
    if (dyn[DT_PLTREL] == DT_RELA) {
        moka_ifunc_table(dso, laddr(dso, dyn[DT_JMPREL]), dyn[DT_PLTRELSZ]);
    }
}

#endif
