/* SPDX-License-Identifier: MIT */
/* Memory of a process: the rules that a JVM builds upon, and the others. */
#include "tap.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define PAGE 4096ul
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static sigjmp_buf fault_jump;

static void on_fault(int signal)
{
    siglongjmp(fault_jump, signal);
}

/* The signal that reading (or writing) there gives, 0 for none. */
static int touch(volatile char *at, bool write)
{
    int signal = sigsetjmp(fault_jump, 1);

    if (signal == 0) {
        if (write) {
            *at = 1;
        } else {
            (void)*at;
        }
    }
    return signal;
}

static char *map(size_t size, int prot, int flags)
{
    char *p = mmap(NULL, size, prot, flags, -1, 0);

    tap_need(p != MAP_FAILED, "mmap");
    return p;
}

static void test_protection(void)
{
    char *p = map(8 * PAGE, RW, ANON);

    OK(p[0] == 0 && p[8 * PAGE - 1] == 0, "new memory is zero");
    memset(p, 'x', 8 * PAGE);
    OK(mprotect(p + 2 * PAGE, PAGE, PROT_READ) == 0 && touch(p + 2 * PAGE, false) == 0 &&
           touch(p + 2 * PAGE, true) == SIGSEGV,
       "read-only in the middle");
    OK(mprotect(p + 3 * PAGE, PAGE, PROT_NONE) == 0 && touch(p + 3 * PAGE, false) == SIGSEGV,
       "PROT_NONE");
    OK(munmap(p + 4 * PAGE, PAGE) == 0 && touch(p + 4 * PAGE, false) == SIGSEGV &&
           touch(p + 5 * PAGE, true) == 0,
       "a hole");
    FAILS(mprotect(p + 3 * PAGE, 3 * PAGE, RW), ENOMEM, "mprotect over a hole");
    OK(mprotect(p + 2 * PAGE, 2 * PAGE, RW) == 0 && p[2 * PAGE] == 'x' && p[3 * PAGE] == 'x',
       "contents stay");
    FAILS(syscall(SYS_mprotect, p + 1, PAGE, RW), EINVAL, "a crooked address");
    OK(munmap(p, 8 * PAGE) == 0, "munmap over a hole");
    OK(touch((char *)8, false) == SIGSEGV, "page 0");
    FAILS((long)mmap(NULL, 0, RW, ANON, -1, 0), EINVAL, "nothing at all");
    FAILS((long)mmap(NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF, "no file");
}

static void test_places(void)
{
    char *p = map(16 * PAGE, PROT_NONE, ANON), *q;
    size_t huge = 10ul << 40;

    OK(mmap(p + 4 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + 4 * PAGE &&
           touch(p + 4 * PAGE, true) == 0 && touch(p + 5 * PAGE, true) == SIGSEGV,
       "MAP_FIXED into a reservation");
    FAILS((long)mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST,
          "MAP_FIXED_NOREPLACE");
    munmap(p, 16 * PAGE);
    OK(mmap(p, PAGE, RW, ANON, -1, 0) == p, "a hint that is free is taken");
    q = mmap(p, PAGE, RW, ANON, -1, 0);
    OK(q != p && q != MAP_FAILED, "one that is not is not");
    munmap(p, PAGE);
    munmap(q, PAGE);
    p = mmap(NULL, huge, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
    OK(p != MAP_FAILED, "10 TiB reserved");
    if (p != MAP_FAILED) {
        OK(mprotect(p + (5ul << 40), PAGE, RW) == 0 && touch(p + (5ul << 40), true) == 0,
           "used in the middle");
        OK(munmap(p, huge) == 0, "and gone");
    }
}

static void test_advice(void)
{
    size_t size = 8ul << 20;
    char *p = map(size, RW, ANON), *q;

    memset(p, 1, size);
    OK(madvise(p + PAGE, 3 * PAGE, MADV_DONTNEED) == 0 && p[PAGE] == 0 && p[4 * PAGE] == 1,
       "MADV_DONTNEED zeroes");
    OK(madvise(p, size, MADV_DONTNEED) == 0 && p[0] == 0 && p[size - 1] == 0, "all of it");
    p[0] = 5;
    q = mremap(p, size, 2 * size, MREMAP_MAYMOVE);
    OK(q != MAP_FAILED && q[0] == 5 && q[2 * size - 1] == 0, "mremap grows");
    OK(mremap(q, 2 * size, PAGE, 0) == q && touch(q + PAGE, false) == SIGSEGV, "and shrinks");
    munmap(q, PAGE);
    FAILS(munmap((char *)1, PAGE), EINVAL, "munmap of a crooked address");
}

static void test_code(void)
{
    static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
    unsigned char *p = (unsigned char *)map(PAGE, RW | PROT_EXEC, ANON);

    memcpy(p, code, sizeof(code));
    OK(((int (*)(void))p)() == 42, "code that was just written runs");
    p[1] = 43;
    OK(((int (*)(void))p)() == 43, "and changes");
    munmap(p, PAGE);
}

static void test_file(void)
{
    char name[] = P_tmpdir "/map.XXXXXX", buf[4];
    int fd = mkstemp(name);
    char *shared, *private;

    tap_need(fd >= 0 && ftruncate(fd, 3 * PAGE + 10) == 0, "a file");
    shared = mmap(NULL, 5 * PAGE, RW, MAP_SHARED, fd, 0);
    private = mmap(NULL, 5 * PAGE, RW, MAP_PRIVATE, fd, 0);
    tap_need(shared != MAP_FAILED && private != MAP_FAILED, "mmap of a file");
    memcpy(shared + 100, "abc", 3);
    OK(pread(fd, buf, 3, 100) == 3 && memcmp(buf, "abc", 3) == 0, "read sees the mapping");
    OK(pwrite(fd, "xyz", 3, PAGE) == 3 && memcmp(shared + PAGE, "xyz", 3) == 0,
       "the mapping sees write");
    OK(memcmp(private + PAGE, "xyz", 3) == 0, "a private one too, as long as it is unchanged");
    private[PAGE] = 'P';
    OK(shared[PAGE] == 'x' && pread(fd, buf, 1, PAGE) == 1 && buf[0] == 'x', "copy on write");
    OK(touch(shared + 3 * PAGE + 100, false) == 0, "the rest of the last page");
    OK(touch(shared + 4 * PAGE, false) == SIGBUS, "beyond it: SIGBUS");
    OK(msync(shared, PAGE, MS_SYNC) == 0, "msync");
    OK(ftruncate(fd, PAGE) == 0 && touch(shared + PAGE, false) == SIGBUS, "truncated: SIGBUS");
    munmap(shared, 5 * PAGE);
    munmap(private, 5 * PAGE);
    close(fd);
    unlink(name);
}

/* As ZGC does it. */
static void test_memfd(void)
{
    int fd = memfd_create("heap", MFD_CLOEXEC);
    size_t size = 4ul << 20;
    char *a, *b;

    tap_need(fd >= 0 && ftruncate(fd, (off_t)size) == 0, "memfd_create");
    a = mmap((void *)(4ul << 40), size, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    b = mmap((void *)(8ul << 40), size, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    OK(a == (void *)(4ul << 40) && b == (void *)(8ul << 40), "one memfd at 4 and 8 TiB");
    a[12345] = 'a';
    OK(b[12345] == 'a', "two views of one memory");
    OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)size / 2) == 0 &&
           a[12345] == 0 && b[12345] == 0,
       "a hole punched");
    OK(munmap(a, size) == 0 && munmap(b, size) == 0 && close(fd) == 0, "gone");
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_fault};

    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    test_protection();
    test_places();
    test_advice();
    test_code();
    test_file();
    test_memfd();
    return tap_end();
}
