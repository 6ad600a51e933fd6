/* SPDX-License-Identifier: MIT */
/*
 * Loading the program: its file, and the interpreter that its ELF header
 * names or, for a script, that the first line does.
 *
 * Where things lie is drawn at random each time, with as many bits as on
 * Linux: the program and the interpreter each in a TiB of its own above ZGC's
 * views, the stack above the place where mappings go.
 */
#include "exec_priv.h"

#include <kernel/errno.h>
#include <kernel/kmalloc.h>
#include <kernel/string.h>
#include <kernel/vfs.h>

#define PROGRAM_ZONE (20 * TIB)
#define INTERP_ZONE (21 * TIB)
#define SCRIPT_LINE 256u /* Linux's BINPRM_BUF_SIZE */
#define SCRIPT_DEPTH 5u

struct exec {
    struct exec_args args;
    struct exec_module program, interp;
    struct file *file;
    char *line[SCRIPT_DEPTH]; /* first lines of scripts, taken apart */
    unsigned depth;
    char path[PATH_MAX];
};

static int open_program(const char *path, struct file **file)
{
    struct file_stat stat;
    int err = vfs_open(NULL, path, O_RDONLY, 0, file);

    if (err != 0) {
        return err;
    }
    err = vfs_getattr((*file)->inode, &stat);
    if (err == 0 && ((stat.mode & S_IFMT) != S_IFREG || (stat.mode & 0111) == 0)) {
        err = -EACCES;
    }
    if (err != 0) {
        file_put(*file);
        *file = NULL;
    }
    return err;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static char *skip_blanks(char *p)
{
    while (is_blank(*p)) {
        p++;
    }
    return p;
}

/* "#! interp option with blanks  \n": *option is NULL if there is none. */
static int parse_line(char *line, char **interp, char **option)
{
    char *end = strchr(line, '\n'), *p;

    if (end == NULL) {
        end = line + strlen(line);
    }
    while (end > line + 2 && is_blank(end[-1])) {
        end--;
    }
    *end = '\0';
    *interp = p = skip_blanks(line + 2);
    if (*p == '\0') {
        return -ENOEXEC;
    }
    while (*p != '\0' && !is_blank(*p)) {
        p++;
    }
    if (*p == '\0') {
        *option = NULL;
        return 0;
    }
    *p = '\0';
    *option = skip_blanks(p + 1);
    return 0;
}

/* If the file is a script, its interpreter takes its place: 1, else 0. */
static int follow_script(struct exec *e, const char **path)
{
    char *line, *interp, *option;
    s64 n;
    int err;

    if (e->depth == SCRIPT_DEPTH) {
        return -ELOOP;
    }
    line = e->line[e->depth++] = kzalloc(SCRIPT_LINE + 1);
    if (line == NULL) {
        return -ENOMEM;
    }
    n = file_read_kernel(e->file, line, SCRIPT_LINE, 0);
    if (n < 0) {
        return (int)n;
    }
    if (n < 2 || line[0] != '#' || line[1] != '!') {
        return 0;
    }
    err = parse_line(line, &interp, &option);
    if (err == 0) {
        err = exec_args_script(&e->args, interp, option, *path);
    }
    if (err == 0) {
        file_put(e->file);
        e->file = NULL;
        *path = interp;
        err = open_program(interp, &e->file);
    }
    return err != 0 ? err : 1;
}

static int open_through_scripts(struct exec *e, const char *path)
{
    int err = open_program(path, &e->file);

    do {
        if (err >= 0) {
            err = follow_script(e, &path);
        }
    } while (err > 0);
    return err;
}

static int load_interp(struct exec *e)
{
    u64 size = e->program.image.interp_size;
    struct file *file;
    int err;

    if (file_read_kernel(e->file, e->path, size, e->program.image.interp_offset) != (s64)size) {
        return -EIO;
    }
    if (e->path[size - 1] != '\0') {
        return -ENOEXEC;
    }
    err = open_program(e->path, &file);
    if (err != 0) {
        return err;
    }
    err = exec_read_headers(file, &e->interp);
    if (err == -ENOEXEC) {
        err = -ELIBBAD;
    }
    if (err == 0) {
        err = exec_map(file, &e->interp, INTERP_ZONE);
    }
    file_put(file);
    return err;
}

static int load(struct exec *e, const struct process_start *start, struct exec_result *result)
{
    const struct exec_module *interp = NULL;
    int err = exec_args_init(&e->args, start);

    if (err == 0) {
        err = open_through_scripts(e, start->path);
    }
    if (err == 0) {
        err = exec_read_headers(e->file, &e->program);
    }
    if (err == 0) {
        err = exec_map(e->file, &e->program, PROGRAM_ZONE);
    }
    if (err == 0 && e->program.image.interp_size != 0) {
        err = load_interp(e);
        interp = &e->interp;
    }
    if (err == 0) {
        err = exec_stack(&e->args, &e->program, interp, result);
    }
    if (err == 0) {
        err = MIN(dentry_path(e->file->dentry, e->path, sizeof(e->path)), 0);
    }
    if (err != 0) {
        return err;
    }
    result->brk = e->program.bias + e->program.image.high;
    interp = interp != NULL ? interp : &e->program;
    result->entry = interp->bias + interp->header.entry;
    result->path = kmalloc(strlen(e->path) + 1);
    if (result->path == NULL) {
        return -ENOMEM;
    }
    memcpy(result->path, e->path, strlen(e->path) + 1);
    return 0;
}

static int enter_folder(const char *path)
{
    struct dentry *dentry;
    int err = path != NULL ? vfs_lookup(NULL, path, LOOKUP_DIRECTORY, &dentry) : -ENOENT;

    if (path == NULL) {
        return 0;
    }
    if (err == 0) {
        vfs_set_cwd(dentry);
        dentry_put(dentry);
    }
    return err;
}

int exec_load(const struct process_start *start, struct exec_result *result)
{
    struct exec *e;
    int err = enter_folder(start->cwd);

    if (err != 0) {
        return err;
    }
    e = kzalloc(sizeof(*e));
    if (e == NULL) {
        return -ENOMEM;
    }
    err = load(e, start, result);
    if (e->file != NULL) {
        file_put(e->file);
    }
    for (unsigned i = 0; i < e->depth; i++) {
        kfree(e->line[i]);
    }
    kfree(e->args.argv);
    kfree(e);
    return err;
}
