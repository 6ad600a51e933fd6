/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/erofs/erofs_image.c kernel/fs/erofs/erofs_dir.c */
/*
 * The parser of EROFS against images that mkfs.erofs makes (if it is
 * installed), whole and with wrong bytes in them: whatever the bytes say, the
 * parser stays within the image and comes to an end.
 */
#include "host.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../kernel/fs/erofs/erofs_image_priv.h"

#define MANY_NAMES 700u

static struct {
    char folder[64];
    u8 *bytes; /* of the image, exactly as many as there are: ASan sees one more */
    u8 *whole; /* unharmed */
    u64 size;
    u64 reads, fail_at;
    struct erofs_image image;
} test;

static int read_image(struct erofs_image *image, u64 offset, void *buf, size_t len)
{
    if (++test.reads > test.fail_at) {
        return -EIO;
    }
    memcpy(buf, test.bytes + offset, len);
    return 0;
}

static void shell(const char *command)
{
    char line[512];

    (void)snprintf(line, sizeof(line), "cd %s && { %s; } >/dev/null 2>&1", test.folder, command);
    if (system(line) != 0) {
        fprintf(stderr, "failed: %s\n", line);
        exit(1);
    }
}

static bool have_mkfs(void)
{
    return system("command -v mkfs.erofs >/dev/null 2>&1") == 0;
}

/* A tree with every kind of thing. */
static void make_tree(void)
{
    strcpy(test.folder, P_tmpdir "/test_erofs.XXXXXX");
    if (mkdtemp(test.folder) == NULL) {
        exit(1);
    }
    shell("mkdir -p t/etc/deep/er t/many t/empty");
    shell("printf hello >t/etc/small; : >t/etc/nothing; ln t/etc/small t/etc/hard");
    shell("i=0; while [ $i -lt 3000 ]; do echo line $i of the file; i=$((i + 1)); done >t/big");
    shell("head -c 8192 t/big >t/blocks; head -c 4097 t/big >t/tail; ln -s ../big t/etc/link");
    shell("truncate -s 3M t/sparse; printf x >>t/sparse; mkfifo t/fifo");
    shell("i=0; while [ $i -lt 700 ]; do : >t/many/name-of-file-$i; i=$((i + 1)); done");
}

static bool make_image(const char *options)
{
    char line[256];
    struct stat st;
    FILE *file;

    (void)snprintf(line, sizeof(line), "rm -f image; mkfs.erofs %s image t", options);
    shell(line);
    (void)snprintf(line, sizeof(line), "%s/image", test.folder);
    file = fopen(line, "r");
    if (file == NULL || fstat(fileno(file), &st) != 0) {
        return false;
    }
    free(test.bytes);
    free(test.whole);
    test.size = (u64)st.st_size;
    test.bytes = malloc(test.size);
    test.whole = malloc(test.size);
    OK(fread(test.whole, 1, test.size, file) == test.size);
    fclose(file);
    memcpy(test.bytes, test.whole, test.size);
    test.fail_at = ~0ull;
    test.reads = 0;
    test.image = (struct erofs_image){.size = test.size, .read = read_image};
    return true;
}

static int open_image(void)
{
    return erofs_image_open(&test.image, test_alloc, test_free);
}

/* By path, without links. */
static int find(const char *path, struct erofs_node *node)
{
    int error = erofs_image_node(&test.image, test.image.root, node);

    while (error == 0 && *path != '\0') {
        size_t len = strcspn(path, "/");
        u64 nid;

        error = erofs_image_find(&test.image, node, path, len, &nid);
        if (error == 0) {
            error = erofs_image_node(&test.image, nid, node);
        }
        path += len + (path[len] == '/');
    }
    return error;
}

/* Is the file in the image byte for byte what it is in the tree? */
static bool same_contents(const char *path)
{
    char line[256];
    struct erofs_node node;
    struct stat st;
    u8 *a, *b;
    bool same = false;
    int fd;

    (void)snprintf(line, sizeof(line), "%s/t/%s", test.folder, path);
    if (!EQ(find(path, &node), 0) || stat(line, &st) != 0 || !EQ(node.size, st.st_size)) {
        return false;
    }
    a = malloc(node.size + 1);
    b = malloc(node.size + 1);
    fd = open(line, O_RDONLY);
    if (EQ(read(fd, a, node.size), node.size) &&
        EQ(erofs_image_read(&test.image, &node, 0, b, node.size), 0)) {
        same = memcmp(a, b, node.size) == 0;
    }
    if (same && node.size > 100) { /* and a part of it */
        same = erofs_image_read(&test.image, &node, node.size - 77, b, 77) == 0 &&
               memcmp(a + node.size - 77, b, 77) == 0;
    }
    close(fd);
    free(a);
    free(b);
    return same && (node.mode & 07777) == (st.st_mode & 07777) && node.links == st.st_nlink;
}

static void check_tree(void)
{
    struct erofs_node node;
    struct erofs_name entry;
    char target[16];
    u64 pos = 0, names = 0;

    if (!EQ(open_image(), 0)) {
        return;
    }
    OK(same_contents("big"));
    OK(same_contents("blocks"));
    OK(same_contents("tail"));
    OK(same_contents("sparse"));
    OK(same_contents("etc/small"));
    OK(same_contents("etc/hard"));
    OK(same_contents("etc/nothing"));
    EQ(find("etc/link", &node), 0);
    EQ(node.mode & 0170000, 0120000);
    EQ(node.size, 6);
    EQ(erofs_image_read(&test.image, &node, 0, target, 6), 0);
    OK(memcmp(target, "../big", 6) == 0);
    EQ(find("fifo", &node), 0);
    EQ(node.mode & 0170000, 0010000);
    EQ(find("etc/not", &node), -ENOENT);
    EQ(find("zzz", &node), -ENOENT);
    EQ(find("!", &node), -ENOENT);
    EQ(find("empty/x", &node), -ENOENT);
    for (unsigned i = 0; i < MANY_NAMES; i++) {
        char path[64];

        (void)snprintf(path, sizeof(path), "many/name-of-file-%u", i);
        if (!EQ(find(path, &node), 0)) {
            break;
        }
    }
    EQ(find("many", &node), 0);
    while (erofs_image_next(&test.image, &node, &pos, &entry) == 1) {
        names++;
    }
    EQ(names, MANY_NAMES + 2); /* "." and ".." */
}

/* Walks all that can be reached, in a bounded number of steps; the results do not matter. */
static void walk(const struct erofs_node *dir, unsigned depth, unsigned *budget)
{
    struct erofs_name entry;
    u64 pos = 0;

    while (*budget > 0 && erofs_image_next(&test.image, dir, &pos, &entry) == 1) {
        struct erofs_node node;
        u8 buf[5000];
        u64 nid;

        --*budget;
        (void)!erofs_image_find(&test.image, dir, entry.name, entry.len, &nid);
        if (erofs_image_node(&test.image, entry.nid, &node) != 0) {
            continue;
        }
        if (node.size > 0) {
            u64 at = node.size > 5000 ? rnd_below(node.size - 5000) : 0;

            (void)!erofs_image_read(&test.image, &node, at, buf, MIN(node.size, sizeof(buf)));
        }
        if ((node.mode & 0170000) == 0040000 && depth < 6) {
            walk(&node, depth + 1, budget);
        }
    }
}

static void walk_image(void)
{
    struct erofs_node root;
    unsigned budget = 3000;

    if (open_image() == 0 && erofs_image_node(&test.image, test.image.root, &root) == 0) {
        walk(&root, 0, &budget);
    }
}

static void test_images(void)
{
    static const char *const options[] = {"",
                                          "-x-1",
                                          "-E force-inode-compact",
                                          "-E force-inode-extended",
                                          "--chunksize=4096",
                                          "--chunksize=65536"};

    for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
        printf("# mkfs.erofs %s\n", options[i]);
        if (OK(make_image(options[i]))) {
            check_tree();
        }
    }
}

static void test_compressed(void)
{
    if (make_image("-zlz4")) {
        EQ(open_image(), -EOPNOTSUPP);
        OK(test.image.refused != NULL && strstr(test.image.refused, "compressed") != NULL);
    }
}

/* The superblock's own checks. */
static void test_superblock(void)
{
    if (!make_image("")) {
        return;
    }
    test.image.size = 1024;
    EQ(open_image(), -EINVAL);
    test.image.size = test.size - 4096;
    EQ(open_image(), -EUCLEAN);
    test.image.size = test.size;
    test.bytes[1024] ^= 1;
    EQ(open_image(), -EINVAL);
    test.bytes[1024] ^= 1;
    test.bytes[1024 + 64] ^= 1; /* the volume's name: only the checksum tells */
    EQ(open_image(), -EUCLEAN);
    test.bytes[1024 + 64] ^= 1;
    EQ(open_image(), 0);
}

static void test_read_errors(void)
{
    if (!make_image("")) {
        return;
    }
    for (u64 n = 0; n < 60; n++) {
        test.reads = 0;
        test.fail_at = n;
        walk_image();
    }
    test.fail_at = 2;
    test.reads = 0;
    EQ(open_image(), -EIO);
    fail_after(0);
    test.fail_at = ~0ull;
    EQ(open_image(), -ENOMEM);
    fail_after(-1);
}

/* Wrong bytes where they matter: in the superblock, inodes and folders. */
static void fuzz(const char *options, unsigned rounds)
{
    if (!make_image(options)) {
        return;
    }
    test.bytes[1024 + 8] &= (u8)~1u; /* no checksum, so that it is the parser that sees it */
    memcpy(test.whole, test.bytes, test.size);
    EQ(open_image(), 0);
    for (unsigned i = 0; i < rounds; i++) {
        unsigned flips = 1 + (unsigned)rnd_below(16);
        u64 at[16];

        for (unsigned j = 0; j < flips; j++) {
            u64 area = rnd_below(8) == 0 ? 1024 : test.size;

            at[j] = area == 1024 ? 1024 + rnd_below(128) : rnd_below(MIN(area, 400000));
            test.bytes[at[j]] = rnd_below(3) == 0 ? 0xff : (u8)rnd();
        }
        test.fail_at = test.reads + 40000;
        walk_image();
        for (unsigned j = 0; j < flips; j++) {
            test.bytes[at[j]] = test.whole[at[j]];
        }
    }
    test.fail_at = ~0ull;
    check_tree();
}

static void test_wrong_bytes(void)
{
    rnd_seed(3);
    fuzz("", 400);
    fuzz("--chunksize=4096", 200);
    EQ(test_live(), 0);
}

int main(void)
{
    if (!have_mkfs()) {
        printf("1..0 # SKIP mkfs.erofs is not installed\n");
        return 0;
    }
    make_tree();
    run("images of all kinds", test_images);
    run("a compressed image is refused", test_compressed);
    run("the superblock is checked", test_superblock);
    run("read errors and no memory", test_read_errors);
    run("wrong bytes", test_wrong_bytes);
    free(test.bytes);
    free(test.whole);
    shell("rm -rf t image && cd / && rm -rf $OLDPWD");
    return finish();
}
