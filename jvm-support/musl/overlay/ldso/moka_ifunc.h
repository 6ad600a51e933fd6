/* SPDX-License-Identifier: MIT */
/*
 * Included in dynlink.c ahead of do_relocs(): addresses that a function of a
 * library computes (IFUNC; a compiler makes them for functions with
 * target_clones, libatomic has them).  musl has none.  The function may use
 * what its library's other relocations fill in, so that these come last, and
 * behind those of the library that it is in.
 */
#ifndef MOKA_IFUNC_H
#define MOKA_IFUNC_H

#define MOKA_IRELATIVE 37 /* R_X86_64_IRELATIVE */
#define STT_GNU_IFUNC 10

static int moka_ifunc_waiting; /* relocations by a symbol have been left out */

static void reloc_some(struct dso *p, int one);

static void *moka_ifunc_address(struct symdef def)
{
    return ((void *(*)(void))laddr(def.dso, def.sym->st_value))();
}

/* Is the relocation to be left to moka_ifunc_relocs()? */
static int moka_ifunc_waits(const Sym *symbol, int type)
{
    if (!symbol || (symbol->st_info & 15) != STT_GNU_IFUNC ||
        (type != REL_PLT && type != REL_GOT && type != REL_SYMBOLIC)) {
        return 0;
    }
    moka_ifunc_waiting = 1;
    return 1;
}

/* By a symbol that another library may have. */
static void moka_ifunc_by_symbol(struct dso *dso, const size_t *rel)
{
    int type = R_TYPE(rel[1]);
    const Sym *sym = dso->syms + R_SYM(rel[1]);
    struct symdef def;

    if (!R_SYM(rel[1]) || (type != REL_PLT && type != REL_GOT && type != REL_SYMBOLIC)) {
        return;
    }
    if (sym->st_info >> 4 == STB_LOCAL) {
        def = (struct symdef){(Sym *)sym, dso};
    } else {
        def = find_sym(head, dso->strings + sym->st_name, type == REL_PLT);
    }
    if (!def.sym || (def.sym->st_info & 15) != STT_GNU_IFUNC) {
        return;
    }
    if (def.dso != dso) {
        reloc_some(def.dso, 1);
    }
    *(void **)laddr(dso, rel[0]) = (char *)moka_ifunc_address(def) + rel[2];
}

static void moka_ifunc_table(struct dso *dso, const size_t *rel, size_t size, int by_symbol)
{
    for (; size; rel += 3, size -= 3 * sizeof *rel) {
        if (by_symbol) {
            moka_ifunc_by_symbol(dso, rel);
        } else if (R_TYPE(rel[1]) == MOKA_IRELATIVE) {
            size_t (*resolve)(void) = (size_t(*)(void))laddr(dso, rel[2]);

            *(size_t *)laddr(dso, rel[0]) = resolve();
        }
    }
}

static void moka_ifunc_relocs(struct dso *dso, const size_t *dyn)
{
    int passes = 1 + moka_ifunc_waiting;

    moka_ifunc_waiting = 0;
    if (passes > 1) {
        dso->relocated = 1; /* two libraries may need each other's */
    }
    for (int by_symbol = 0; by_symbol < passes; by_symbol++) {
        moka_ifunc_table(dso, laddr(dso, dyn[DT_RELA]), dyn[DT_RELASZ], by_symbol);
        if (dyn[DT_PLTREL] == DT_RELA) {
            moka_ifunc_table(dso, laddr(dso, dyn[DT_JMPREL]), dyn[DT_PLTRELSZ], by_symbol);
        }
    }
}

#endif
