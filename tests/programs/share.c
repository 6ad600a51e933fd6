/* SPDX-License-Identifier: MIT */
/*
 * A folder that is shared with others:
 *
 *   share test FOLDER        locks, mappings, many threads; TAP
 *   share leave FOLDER HOW   writes the file "left" in several ways, closes nothing,
 *                            and ends: by exit, _exit, kill, or after a wait (HOW)
 *   share full FOLDER        writes until nothing more goes in, and says what it heard
 *   share gone FOLDER        says "ready", waits for a line on stdin while the
 *                            folder's owner removes it, and says what calls say then
 */
#include "tap.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 8
#define ROUNDS 40
#define LEFT_SIZE 3000000

static char bytes[1 << 20];

static int ofd_lock(int fd, int command, short type, off_t start, off_t len)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

    return fcntl(fd, command, &lock);
}

static void test_locks(void)
{
    int one = open("locked", O_RDWR | O_CREAT, 0644), two = open("locked", O_RDWR);
    struct flock asked = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};

    OK(flock(one, LOCK_EX) == 0, "flock");
    FAILS(flock(two, LOCK_SH | LOCK_NB), EWOULDBLOCK, "flock by another open file");
    OK(flock(one, LOCK_UN) == 0 && flock(two, LOCK_SH | LOCK_NB) == 0, "flock, unlocked");
    OK(ofd_lock(one, F_OFD_SETLK, F_WRLCK, 0, 100) == 0, "a range");
    FAILS(ofd_lock(two, F_OFD_SETLK, F_RDLCK, 99, 10), EAGAIN, "a range that is locked");
    OK(ofd_lock(two, F_OFD_SETLK, F_WRLCK, 100, 10) == 0, "a range beside it");
    OK(fcntl(two, F_OFD_GETLK, &asked) == 0 && asked.l_type == F_WRLCK && asked.l_start == 0 &&
           asked.l_len == 100,
       "who has it");
    close(one);
    OK(ofd_lock(two, F_OFD_SETLK, F_RDLCK, 0, 100) == 0, "closing unlocks");
    OK(ofd_lock(two, F_SETLK, F_WRLCK, 200, 0) == 0, "a lock of the process");
    close(two);
    unlink("locked");
}

static void test_mapping(void)
{
    int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0644), other = open("mapped", O_RDONLY);
    struct stat st;
    char *map, got[16] = "";

    OK(ftruncate(fd, 3 * 4096 + 100) == 0, "a size");
    map = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    tap_need(map != MAP_FAILED, "mmap");
    memcpy(map + 2 * 4096, "by the map", 10);
    OK(pread(other, got, 10, 2 * 4096) == 10 && memcmp(got, "by the map", 10) == 0,
       "read(2) sees what a mapping wrote");
    OK(pwrite(fd, "by a call", 9, 4096) == 9 && memcmp(map + 4096, "by a call", 9) == 0,
       "a mapping sees what write(2) wrote");
    OK(msync(map, 4 * 4096, MS_SYNC) == 0, "msync");
    OK(fstat(fd, &st) == 0 && st.st_size == 3 * 4096 + 100, "which leaves the size as it is");
    OK(munmap(map, 4 * 4096) == 0 && close(fd) == 0 && close(other) == 0, "unmapped");
}

/* Each has files of its own in one folder: made, written, read, renamed, removed. */
static void *work(void *arg)
{
    long number = (long)arg;
    char name[32], other[32], buf[5000];
    long bad = 0;

    memset(buf, 'a' + (int)number, sizeof(buf));
    snprintf(name, sizeof(name), "thread%ld", number);
    snprintf(other, sizeof(other), "renamed%ld", number);
    for (int i = 0; i < ROUNDS; i++) {
        int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        char back[sizeof(buf)];

        bad += fd < 0;
        bad += pwrite(fd, buf, sizeof(buf), i * 1000) != sizeof(buf);
        bad += rename(name, other) != 0;
        bad += pread(fd, back, sizeof(back), i * 1000) != sizeof(back) ||
               memcmp(buf, back, sizeof(back)) != 0;
        bad += close(fd) != 0;
        bad += unlink(other) != 0;
    }
    return (void *)bad;
}

static void *append(void *arg)
{
    int fd = open("log", O_WRONLY | O_APPEND | O_CREAT, 0644);
    char line[16];
    long bad = fd < 0;

    for (int i = 0; i < ROUNDS; i++) {
        int len = snprintf(line, sizeof(line), "%04ld %04d\n", (long)arg, i);

        bad += write(fd, line, (size_t)len) != len;
    }
    close(fd);
    return (void *)bad;
}

static bool in_threads(void *(*fn)(void *))
{
    pthread_t thread[THREADS];
    long bad = 0;

    for (long i = 0; i < THREADS; i++) {
        bad += pthread_create(&thread[i], NULL, fn, (void *)i) != 0;
    }
    for (int i = 0; i < THREADS; i++) {
        void *result;

        pthread_join(thread[i], &result);
        bad += (long)result;
    }
    return bad == 0;
}

static void test_threads(void)
{
    struct stat st;

    OK(in_threads(work), "many threads");
    OK(in_threads(append), "many that append to one file");
    OK(stat("log", &st) == 0 && st.st_size == (off_t)THREADS * ROUNDS * 10, "no line is lost");
    unlink("log");
}

static void test_rename(void)
{
    int fd = open("a", O_WRONLY | O_CREAT, 0644);

    close(fd);
    close(open("b", O_WRONLY | O_CREAT, 0644));
    OK(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 1u /* RENAME_NOREPLACE */) == -1 &&
           (errno == EEXIST || errno == EINVAL),
       "renameat2 does not replace");
    OK(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 0u) == 0 && access("a", F_OK) != 0,
       "renameat2");
    unlink("b");
}

/* Three files' worth of bytes that nothing but the end of the program gives away. */
static int leave(const char *how)
{
    int fd = open("left", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    int mapped = open("left-mapped", O_RDWR | O_CREAT | O_TRUNC, 0644);
    char *map;

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)('a' + i % 26);
    }
    for (size_t done = 0; done < LEFT_SIZE; done += 1000) {
        if (write(fd, bytes, 1000) != 1000) {
            return 1;
        }
    }
    if (ftruncate(mapped, 100000) != 0) {
        return 1;
    }
    map = mmap(NULL, 100000, PROT_READ | PROT_WRITE, MAP_SHARED, mapped, 0);
    memset(map, 'm', 100000);
    puts("left");
    fflush(stdout);
    if (strcmp(how, "_exit") == 0) {
        _exit(0);
    } else if (strcmp(how, "kill") == 0) {
        kill(getpid(), SIGKILL);
    } else if (strcmp(how, "abort") == 0) {
        abort();
    } else if (strcmp(how, "wait") == 0) {
        pause();
    }
    return 0;
}

static int fill(void)
{
    int fd = open("filling", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ssize_t put = 0;
    int err = 0;

    if (fd < 0) {
        printf("open: %s\n", strerror(errno));
        return 1;
    }

    for (int i = 0; i < 64 && put >= 0; i++) {
        put = write(fd, bytes, sizeof(bytes));
    }
    err = put < 0 ? errno : 0;
    if (err == 0 && fsync(fd) != 0) {
        err = errno;
    }
    printf("write or fsync: %s\n", strerror(err));
    close(fd);
    unlink("filling");
    fd = open("after", O_WRONLY | O_CREAT, 0644);
    printf("afterwards: %zd %d\n", write(fd, "x", 1), fsync(fd));
    return 0;
}

static void say(const char *what, long result)
{
    printf("%s: %ld %s\n", what, result, result < 0 ? strerror(errno) : "");
}

static int vanish(void)
{
    int fd = open("open", O_RDWR | O_CREAT, 0644);
    char line[16];
    struct stat st;

    (void)!write(fd, "x", 1);
    fsync(fd);
    puts("ready");
    fflush(stdout);
    (void)!fgets(line, sizeof(line), stdin);
    say("stat", stat("open", &st));
    say("create", open("new", O_WRONLY | O_CREAT, 0644));
    say("write", pwrite(fd, "y", 1, 1));
    say("read", pread(fd, line, 2, 0));
    say("close", close(fd));
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";

    if (argc < 3 || chdir(argv[2]) != 0) {
        return 2;
    }
    if (strcmp(what, "leave") == 0) {
        return leave(argc > 3 ? argv[3] : "exit");
    } else if (strcmp(what, "full") == 0) {
        return fill();
    } else if (strcmp(what, "gone") == 0) {
        return vanish();
    }
    test_locks();
    test_mapping();
    test_threads();
    test_rename();
    return tap_end();
}
