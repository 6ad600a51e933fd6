/* SPDX-License-Identifier: MIT */
/* Rules and errors of the calls about memory: mmap(2) to process_vm_readv(2). */
#include "tap.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096ul
#define MADV_POPULATE_READ_ 22
#define MADV_POPULATE_WRITE_ 23
#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 3
#endif
#define MAP_NOREPLACE 0x100000
#define MREMAP_DONTUNMAP_ 4
#define PROT_GROWSDOWN_ 0x01000000
#define PROT_GROWSUP_ 0x02000000

static char *anon(size_t pages, int prot)
{
    void *at = mmap(NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    tap_need(at != MAP_FAILED, "mmap");
    return at;
}

#define MAP_FAILS(call, error, name) (errno = 0, OK((call) == MAP_FAILED && errno == (error), name))

static int new_file(int flags)
{
    char path[] = P_tmpdir "/memory.XXXXXX";
    int made = mkstemp(path), fd;

    tap_need(made >= 0 && ftruncate(made, 2 * (off_t)PAGE) == 0, "mkstemp");
    fd = open(path, flags);
    unlink(path);
    close(made);
    return fd;
}

static void test_mmap(void)
{
    int rw = PROT_READ | PROT_WRITE, private = MAP_PRIVATE | MAP_ANONYMOUS, pipes[2];
    int read_only = new_file(O_RDONLY), write_only = new_file(O_WRONLY);
    int dir = open(P_tmpdir, O_RDONLY | O_DIRECTORY), path = open(P_tmpdir, O_PATH);
    char *at = anon(3, rw);

    tap_need(pipe(pipes) == 0, "pipe");
    MAP_FAILS(mmap(NULL, 0, rw, private, -1, 0), EINVAL, "mmap: no bytes");
    MAP_FAILS(mmap(NULL, PAGE, rw, MAP_ANONYMOUS, -1, 0), EINVAL,
              "mmap: neither shared nor private");
    MAP_FAILS(mmap(NULL, PAGE, rw, MAP_PRIVATE, read_only, 100), EINVAL, "mmap: odd offset");
    MAP_FAILS(mmap(at + 1, PAGE, rw, private | MAP_FIXED, -1, 0), EINVAL, "mmap: odd address");
    MAP_FAILS(mmap(NULL, PAGE, rw, MAP_PRIVATE, -1, 0), EBADF, "mmap: no file");
    MAP_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, path, 0), EBADF, "mmap: O_PATH");
    MAP_FAILS(mmap(NULL, PAGE, rw, MAP_SHARED, read_only, 0), EACCES, "mmap: shared, not writable");
    OK(mmap(NULL, PAGE, rw, MAP_PRIVATE, read_only, 0) != MAP_FAILED,
       "mmap: private, not writable");
    MAP_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, write_only, 0), EACCES,
              "mmap: not readable");
    MAP_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, 0), ENODEV, "mmap: a folder");
    MAP_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, pipes[0], 0), ENODEV, "mmap: a pipe");
    MAP_FAILS(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 0x2000000, read_only, 0),
              EOPNOTSUPP, "mmap: an unknown flag, MAP_SHARED_VALIDATE");
    MAP_FAILS(mmap(NULL, 1ul << 48, PROT_NONE, private | MAP_NORESERVE, -1, 0), ENOMEM,
              "mmap: more than there is");
    MAP_FAILS(mmap(NULL, -PAGE, PROT_NONE, private, -1, 0), ENOMEM, "mmap: all there is");
    MAP_FAILS(mmap((void *)0x7ffffffff000, PAGE, rw, private | MAP_FIXED, -1, 0), ENOMEM,
              "mmap: beyond the end");
    MAP_FAILS(mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, read_only, 0x7ffffffffffff000),
              EOVERFLOW, "mmap: the offset overflows");
    MAP_FAILS(mmap(at + PAGE, 4 * PAGE, rw, private | MAP_NOREPLACE, -1, 0), EEXIST,
              "mmap: MAP_FIXED_NOREPLACE");
    munmap(at, 3 * PAGE);
    OK(mmap(at, PAGE, rw, private | MAP_NOREPLACE, -1, 0) == at, "mmap: and where nothing is");
    OK(mmap(at, PAGE, rw, private, -1, 0) != at, "mmap: a hint that is taken");
    munmap(at, PAGE);
    OK(mmap(at + 5, PAGE, rw, private, -1, 0) == at, "mmap: a hint is rounded down");
    close(read_only), close(write_only), close(dir), close(path), close(pipes[0]), close(pipes[1]);
}

static void test_mprotect(void)
{
    char *at = anon(4, PROT_READ);
    int fd = new_file(O_RDONLY);
    char *file = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

    FAILS(syscall(SYS_mprotect, at + 1, PAGE, PROT_READ), EINVAL, "mprotect: odd address");
    OK(mprotect(at, 0, PROT_READ) == 0, "mprotect: no bytes");
    FAILS(mprotect(at, PAGE, 0x40), EINVAL, "mprotect: unknown protection");
    FAILS(mprotect(at, PAGE, PROT_READ | PROT_GROWSDOWN_ | PROT_GROWSUP_), EINVAL,
          "mprotect: both ways");
    FAILS(mprotect(at, PAGE, PROT_READ | PROT_GROWSDOWN_), EINVAL, "mprotect: does not grow");
    FAILS(mprotect(file, PAGE, PROT_READ | PROT_WRITE), EACCES, "mprotect: a file not writable");
    munmap(at + 2 * PAGE, PAGE);
    FAILS(mprotect(at, 4 * PAGE, PROT_READ | PROT_WRITE), ENOMEM, "mprotect: a hole");
    at[PAGE] = 1;
    OK(at[PAGE] == 1, "mprotect: what lies before it is done");
    FAILS(mprotect(at + 2 * PAGE, PAGE, PROT_READ), ENOMEM, "mprotect: nothing there");
    FAILS(munmap(at + 1, PAGE), EINVAL, "munmap: odd address");
    FAILS(munmap(at, 0), EINVAL, "munmap: no bytes");
    FAILS(munmap(at, 1ul << 48), EINVAL, "munmap: beyond the end");
    OK(munmap(at, 4 * PAGE) == 0 && munmap(at, 4 * PAGE) == 0, "munmap: holes and nothing");
    munmap(file, PAGE);
    close(fd);
}

static void test_mremap(void)
{
    char *at = anon(8, PROT_READ | PROT_WRITE), *to = anon(8, PROT_NONE), *moved;
    int fd = new_file(O_RDWR);
    char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    MAP_FAILS(mremap(at, PAGE, PAGE, 8), EINVAL, "mremap: unknown flag");
    MAP_FAILS(mremap(at + 1, PAGE, PAGE, 0), EINVAL, "mremap: odd address");
    MAP_FAILS(mremap(at, PAGE, 0, MREMAP_MAYMOVE), EINVAL, "mremap: to nothing");
    MAP_FAILS(mremap(at, PAGE, PAGE, MREMAP_FIXED, to), EINVAL, "mremap: MREMAP_FIXED alone");
    MAP_FAILS(mremap(at, 2 * PAGE, 2 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, at + PAGE), EINVAL,
              "mremap: onto itself");
    MAP_FAILS(mremap(at, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, to + 1), EINVAL,
              "mremap: to an odd address");
    MAP_FAILS(mremap(at, PAGE, 2 * PAGE, 0), ENOMEM, "mremap: no room to grow");
    MAP_FAILS(mremap(at, 0, PAGE, MREMAP_MAYMOVE), EINVAL, "mremap: a copy of private memory");
    MAP_FAILS(mremap(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP_), EINVAL,
              "mremap: MREMAP_DONTUNMAP and another size");
    strcpy(at, "here");
    OK(mremap(at + 6 * PAGE, 2 * PAGE, PAGE, 0) == at + 6 * PAGE, "mremap: shrinks");
    MAP_FAILS(mremap(at + 7 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT,
              "mremap: nothing there");
    OK(mremap(at, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, to) == to && strcmp(to, "here") == 0,
       "mremap: MREMAP_FIXED moves the content");
    moved = mremap(to, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP_);
    OK(moved != MAP_FAILED && strcmp(moved, "here") == 0 && to[0] == 0,
       "mremap: MREMAP_DONTUNMAP leaves zeroes");
    strcpy(shared, "twice");
    moved = mremap(shared, 0, PAGE, MREMAP_MAYMOVE);
    OK(moved != MAP_FAILED && moved != shared && strcmp(moved, "twice") == 0,
       "mremap: shared memory twice");
    moved = anon(4, PROT_READ | PROT_WRITE);
    munmap(moved + PAGE, 3 * PAGE);
    OK(mremap(moved, PAGE, 3 * PAGE, 0) == moved, "mremap: grows where it is");
    close(fd);
}

static void test_madvise(void)
{
    char *at = anon(4, PROT_READ | PROT_WRITE);
    int fd = new_file(O_RDWR);
    char *file = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *none = anon(1, PROT_NONE);
    unsigned char there[4] = {9, 9, 9, 9};

    FAILS(madvise(at, PAGE, 77), EINVAL, "madvise: unknown advice");
    FAILS(madvise(at + 1, PAGE, MADV_NORMAL), EINVAL, "madvise: odd address");
    OK(madvise(at, 0, MADV_DONTNEED) == 0, "madvise: no bytes");
    at[0] = at[3 * PAGE] = 5;
    munmap(at + PAGE, PAGE);
    FAILS(madvise(at, 4 * PAGE, MADV_DONTNEED), ENOMEM, "madvise: a hole");
    OK(at[0] == 0 && at[3 * PAGE] == 0, "madvise: both sides of it are done");
    FAILS(madvise(file, PAGE, 8), EINVAL, "madvise: MADV_FREE of a file");
    file[0] = file[PAGE] = 7;
    OK(madvise(file, 2 * PAGE, MADV_DONTNEED) == 0 && file[0] == 7, "madvise: a shared file stays");
    OK(madvise(file, PAGE, MADV_REMOVE) == 0 && file[0] == 0 && file[PAGE] == 7,
       "madvise: MADV_REMOVE makes a hole");
    FAILS(madvise(at, PAGE, MADV_REMOVE), EINVAL, "madvise: MADV_REMOVE of private memory");
    OK(madvise(at + 2 * PAGE, 2 * PAGE, MADV_POPULATE_WRITE_) == 0 &&
           mincore(at + 2 * PAGE, 2 * PAGE, there) == 0 && (there[0] & 1) && (there[1] & 1),
       "madvise: MADV_POPULATE_WRITE brings pages in");
    OK(madvise(file, PAGE, MADV_POPULATE_READ_) == 0, "madvise: MADV_POPULATE_READ");
    FAILS(madvise(none, PAGE, MADV_POPULATE_READ_), EINVAL, "madvise: nothing may be read");
    FAILS(madvise(at, 3 * PAGE, MADV_POPULATE_READ_), ENOMEM, "madvise: populate over a hole");
    OK(madvise(at, PAGE, MADV_SEQUENTIAL) == 0 && madvise(at, PAGE, MADV_RANDOM) == 0 &&
           madvise(at, PAGE, MADV_WILLNEED) == 0 && madvise(at, PAGE, MADV_DONTFORK) == 0 &&
           madvise(at, PAGE, MADV_DOFORK) == 0 && madvise(at, PAGE, MADV_DONTDUMP) == 0 &&
           madvise(at, PAGE, MADV_DODUMP) == 0 && madvise(at, PAGE, 18) == 0 &&
           madvise(at, PAGE, 19) == 0 && madvise(at, PAGE, 20) == 0 && madvise(at, PAGE, 21) == 0,
       "madvise: advice that changes nothing here");
    FAILS(mincore(at + 1, PAGE, there), EINVAL, "mincore: odd address");
    FAILS(mincore(at, 2 * PAGE, there), ENOMEM, "mincore: a hole");
    FAILS(mincore(at, PAGE, (unsigned char *)8), EFAULT, "mincore: no vector");
    FAILS(msync(file, PAGE, MS_SYNC | MS_ASYNC), EINVAL, "msync: both");
    FAILS(msync(file, PAGE, 64), EINVAL, "msync: unknown flag");
    FAILS(msync(file + 1, PAGE, MS_SYNC), EINVAL, "msync: odd address");
    FAILS(msync(at, 2 * PAGE, MS_ASYNC), ENOMEM, "msync: a hole");
    OK(msync(file, 2 * PAGE, MS_SYNC | MS_INVALIDATE) == 0, "msync");
    close(fd);
}

static void test_mlock(void)
{
    char *at = anon(2, PROT_READ | PROT_WRITE);

    OK(mlock(at + 5, PAGE) == 0 && munlock(at + 5, PAGE) == 0, "mlock");
    OK(syscall(SYS_mlock2, at, PAGE, 1) == 0, "mlock2: MLOCK_ONFAULT");
    FAILS(syscall(SYS_mlock2, at, PAGE, 2), EINVAL, "mlock2: unknown flag");
    FAILS(mlockall(0), EINVAL, "mlockall: nothing");
    FAILS(mlockall(8), EINVAL, "mlockall: unknown flag");
    FAILS(mlockall(4), EINVAL, "mlockall: MCL_ONFAULT alone");
    OK(munlockall() == 0, "munlockall");
    munmap(at + PAGE, PAGE);
    FAILS(mlock(at, 2 * PAGE), ENOMEM, "mlock: a hole");
    FAILS(munlock(at, 2 * PAGE), ENOMEM, "munlock: a hole");
}

static void test_brk(void)
{
    char *now = (char *)syscall(SYS_brk, 0), *end;

    OK(now != NULL && syscall(SYS_brk, 1) == (long)now, "brk: below its start: stays");
    end = (char *)syscall(SYS_brk, now + 3 * PAGE);
    OK(end == now + 3 * PAGE, "brk: grows");
    end[-1] = 3;
    OK((char *)syscall(SYS_brk, now) == now && (char *)syscall(SYS_brk, end) == end && end[-1] == 0,
       "brk: shrinks, and is zero when it grows again");
    OK((char *)syscall(SYS_brk, (char *)0x7fffffffe000) == end, "brk: no room");
}

/* ---- Faults ---------------------------------------------------------------------- */

static sigjmp_buf back;
static volatile int got_signal, got_code;
static void *volatile got_addr;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    got_signal = signal;
    got_code = info->si_code;
    got_addr = info->si_addr;
    siglongjmp(back, 1);
}

static bool faults(volatile char *place, bool write, int signal, int code)
{
    volatile char *volatile at = place;

    got_signal = got_code = 0;
    got_addr = NULL;
    if (sigsetjmp(back, 1) == 0) {
        if (write) {
            *at = 1;
        } else {
            (void)*at;
        }
    }
    if (signal == 0) {
        at = NULL;
    }
    if (got_signal != signal || got_code != code || got_addr != (void *)at) {
        printf("# signal %d code %d address %p\n", got_signal, got_code, got_addr);
    }
    return got_signal == signal && got_code == code && got_addr == (void *)at;
}

static void test_faults(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    char *at = anon(3, PROT_READ);
    int fd = new_file(O_RDWR);
    char *file = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    OK(faults(at + 7, true, SIGSEGV, SEGV_ACCERR), "a write to what is only readable");
    mprotect(at, PAGE, PROT_NONE);
    OK(faults(at + 9, false, SIGSEGV, SEGV_ACCERR), "a read of PROT_NONE");
    munmap(at + PAGE, PAGE);
    OK(faults(at + PAGE + 1, false, SIGSEGV, SEGV_MAPERR), "a read of nothing");
    OK(faults((char *)16, true, SIGSEGV, SEGV_MAPERR), "a write at NULL");
    OK(faults(file + 3 * PAGE, false, SIGBUS, BUS_ADRERR), "behind a file's end");
    file[PAGE] = 1;
    tap_need(ftruncate(fd, 10) == 0, "ftruncate");
    OK(faults(file + PAGE, true, SIGBUS, BUS_ADRERR), "the file has become shorter");
    OK(faults(file + 11, false, 0, 0), "its last page is whole");
    FAILS(write(fd, file + 2 * PAGE, 1), EFAULT, "write(2) from there");
    close(fd);
}

static void test_growsdown(void)
{
    char *room = anon(1024, PROT_NONE), *top = room + 1000 * PAGE;
    char *stack;

    munmap(room, 1000 * PAGE);
    stack = mmap(top - 2 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    OK(stack == top - 2 * PAGE, "MAP_GROWSDOWN");
    OK(faults(stack - 8, true, 0, 0), "it grows by a page");
    OK(faults(stack - 20 * PAGE, true, 0, 0), "and by many");
    OK(mprotect(top - PAGE, PAGE, PROT_READ | PROT_GROWSDOWN_) == 0 &&
           faults(stack - 20 * PAGE, true, SIGSEGV, SEGV_ACCERR),
       "PROT_GROWSDOWN reaches down to its start");
}

/* ---- memfd --------------------------------------------------------------------------- */

#define ADD_SEALS 1033
#define GET_SEALS 1034
enum { SEAL_SEAL = 1, SEAL_SHRINK = 2, SEAL_GROW = 4, SEAL_WRITE = 8, SEAL_FUTURE = 16 };

static int memfd(const char *name, unsigned flags)
{
    return (int)syscall(SYS_memfd_create, name, flags);
}

static void test_seals(void)
{
    int fd = memfd("sealed", 3), pipes[2], file = new_file(O_RDWR);
    char name[260], *map;

    memset(name, 'n', sizeof(name));
    name[259] = '\0';
    FAILS(memfd(name, 0), EINVAL, "memfd: the name is too long");
    FAILS(memfd("x", 0x100), EINVAL, "memfd: unknown flag");
    FAILS(memfd((char *)8, 0), EFAULT, "memfd: no name");
    OK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(fd, GET_SEALS) == 0, "memfd: no seals");
    tap_need(pipe(pipes) == 0, "pipe");
    FAILS(fcntl(pipes[0], GET_SEALS), EINVAL, "F_GET_SEALS of a pipe");
    FAILS(fcntl(fd, ADD_SEALS, 0x1000), EINVAL, "unknown seals");
    OK(ftruncate(fd, 2 * PAGE) == 0 && pwrite(fd, "data", 4, 0) == 4, "its content");
    OK(fcntl(fd, ADD_SEALS, SEAL_SHRINK) == 0 && fcntl(fd, GET_SEALS) == SEAL_SHRINK,
       "F_SEAL_SHRINK");
    FAILS(ftruncate(fd, PAGE), EPERM, "it does not shrink");
    OK(ftruncate(fd, 3 * PAGE) == 0, "but grows");
    OK(fcntl(fd, ADD_SEALS, SEAL_GROW) == 0, "F_SEAL_GROW");
    FAILS(ftruncate(fd, 4 * PAGE), EPERM, "it does not grow");
    FAILS(pwrite(fd, "x", 1, 3 * PAGE), EPERM, "nor by a write");
    FAILS(fallocate(fd, 0, 3 * PAGE, PAGE), EPERM, "nor by fallocate");
    map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    OK(map != MAP_FAILED, "mapped shared and writable");
    FAILS(fcntl(fd, ADD_SEALS, SEAL_WRITE), EBUSY, "F_SEAL_WRITE has to wait");
    OK(fcntl(fd, ADD_SEALS, SEAL_FUTURE) == 0, "F_SEAL_FUTURE_WRITE has not");
    map[0] = 'D';
    FAILS(pwrite(fd, "x", 1, 0), EPERM, "no write any more");
    MAP_FAILS(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EPERM,
              "no new mapping to write");
    munmap(map, PAGE);
    OK(fcntl(fd, ADD_SEALS, SEAL_WRITE) == 0, "F_SEAL_WRITE");
    map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    OK(map != MAP_FAILED && memcmp(map, "Data", 4) == 0, "mapped shared to read");
    FAILS(mprotect(map, PAGE, PROT_READ | PROT_WRITE), EACCES, "and not to be made writable");
    FAILS(fallocate(fd, 3, 0, PAGE), EPERM, "no hole");
    OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) != MAP_FAILED,
       "mapped private");
    OK(fcntl(fd, ADD_SEALS, SEAL_SEAL) == 0, "F_SEAL_SEAL");
    FAILS(fcntl(fd, ADD_SEALS, SEAL_GROW), EPERM, "no more seals");
    close(fd);
    fd = memfd("plain", 0);
    OK(fcntl(fd, GET_SEALS) == SEAL_SEAL, "memfd without MFD_ALLOW_SEALING");
    FAILS(fcntl(fd, ADD_SEALS, SEAL_GROW), EPERM, "it takes none");
    close(fd), close(pipes[0]), close(pipes[1]), close(file);
}

static void test_vm_calls(void)
{
    char from[8] = "content", to[8] = "";
    struct iovec local = {to, 8}, remote = {from, 8}, bad = {(void *)8, 8};

    OK(syscall(SYS_process_vm_readv, getpid(), &local, 1, &remote, 1, 0) == 8 &&
           strcmp(to, "content") == 0,
       "process_vm_readv");
    FAILS(syscall(SYS_process_vm_readv, getpid(), &local, 1, &bad, 1, 0), EFAULT, "from nowhere");
    FAILS(syscall(SYS_process_vm_readv, getpid(), &local, 1, &remote, 1, 1), EINVAL,
          "unknown flag");
    FAILS(syscall(SYS_process_vm_readv, 4000000, &local, 1, &remote, 1, 0), ESRCH,
          "no such process");
    memset(to, 'x', 8);
    OK(syscall(SYS_process_vm_writev, getpid(), &local, 1, &remote, 1, 0) == 8 && from[0] == 'x',
       "process_vm_writev");
}

static void test_limits(void)
{
    struct rlimit old, limit;

    getrlimit(RLIMIT_AS, &old);
    limit = (struct rlimit){1ul << 30, old.rlim_max};
    OK(setrlimit(RLIMIT_AS, &limit) == 0, "RLIMIT_AS");
    MAP_FAILS(mmap(NULL, 2ul << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
              ENOMEM, "RLIMIT_AS: no more than that");
    setrlimit(RLIMIT_AS, &old);
    getrlimit(RLIMIT_DATA, &old);
    limit = (struct rlimit){1ul << 30, old.rlim_max};
    setrlimit(RLIMIT_DATA, &limit);
    MAP_FAILS(mmap(NULL, 2ul << 30, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
              ENOMEM, "RLIMIT_DATA: no more than that to be written");
    OK(mmap(NULL, 2ul << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) !=
           MAP_FAILED,
       "RLIMIT_DATA: but to be reserved");
    setrlimit(RLIMIT_DATA, &old);
}

int main(void)
{
    test_mmap();
    test_mprotect();
    test_mremap();
    test_madvise();
    test_mlock();
    test_brk();
    test_faults();
    test_growsdown();
    test_seals();
    test_vm_calls();
    test_limits();
    return tap_end();
}
