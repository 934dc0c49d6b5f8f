/* SPDX-License-Identifier: Apache-2.0 */
/* What each system call is to the disk. A call that stands in neither table is not known, and ends the process: io_uring, the kernel's
 * own asynchronous I/O and starting other programs are among them, since they would change files unseen. */
#include "disk_shim.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ON_FD(call) { SYS_##call, #call, SHIM_ON_FD, 0, -1, -1, -1, -1, -1, -1, false }
#define ON_PATH(call) { SYS_##call, #call, SHIM_ON_PATH, -1, -1, 0, -1, -1, -1, -1, false }
#define ON_PATH_AT(call) { SYS_##call, #call, SHIM_ON_PATH, -1, 0, 1, -1, -1, -1, -1, false }

static const struct shim_call changing[] = {
    { SYS_openat, "openat", SHIM_OPEN, -1, 0, 1, -1, -1, 2, -1, false },
    { SYS_write, "write", SHIM_WRITE, 0, -1, -1, -1, -1, -1, -1, false },
    { SYS_pwrite64, "pwrite64", SHIM_WRITE, 0, -1, -1, -1, -1, -1, 3, false },
    { SYS_writev, "writev", SHIM_WRITE_V, 0, -1, -1, -1, -1, -1, -1, false },
    { SYS_pwritev, "pwritev", SHIM_WRITE_V, 0, -1, -1, -1, -1, -1, 3, false },
    { SYS_pwritev2, "pwritev2", SHIM_WRITE_V, 0, -1, -1, -1, -1, -1, 3, false },
    { SYS_ftruncate, "ftruncate", SHIM_ON_FD, 0, -1, -1, -1, -1, -1, 1, false },
    ON_FD(fsync), ON_FD(fdatasync), ON_FD(syncfs), ON_FD(sync_file_range),
    ON_FD(fallocate), ON_FD(fchmod), ON_FD(fchown), ON_FD(fsetxattr), ON_FD(fremovexattr), ON_FD(sendfile),
    { SYS_copy_file_range, "copy_file_range", SHIM_ON_FD, 2, -1, -1, -1, -1, -1, -1, false },
    { SYS_splice, "splice", SHIM_ON_FD, 2, -1, -1, -1, -1, -1, -1, false },
    { SYS_ioctl, "ioctl", SHIM_CLONE, 0, -1, -1, -1, -1, -1, -1, false },
    { SYS_mmap, "mmap", SHIM_MAP, 4, -1, -1, -1, -1, -1, -1, false },
    { SYS_bind, "bind", SHIM_BIND, -1, -1, -1, -1, -1, -1, -1, false },
    { SYS_sync, "sync", SHIM_WHOLE, -1, -1, -1, -1, -1, -1, -1, false },
    ON_PATH(truncate), ON_PATH(setxattr), ON_PATH(lsetxattr), ON_PATH(removexattr), ON_PATH(lremovexattr),
    ON_PATH_AT(mkdirat), ON_PATH_AT(mknodat), ON_PATH_AT(fchmodat), ON_PATH_AT(fchownat), ON_PATH_AT(utimensat),
    { SYS_unlinkat, "unlinkat", SHIM_ON_PATH, -1, 0, 1, -1, -1, -1, -1, true },
    { SYS_symlinkat, "symlinkat", SHIM_ON_PATH, -1, 1, 2, -1, -1, -1, -1, false },
    { SYS_linkat, "linkat", SHIM_ON_PATHS, -1, 0, 1, 2, 3, -1, -1, false },
    { SYS_renameat2, "renameat2", SHIM_ON_PATHS, -1, 0, 1, 2, 3, -1, -1, false },
#ifdef SYS_renameat
    { SYS_renameat, "renameat", SHIM_ON_PATHS, -1, 0, 1, 2, 3, -1, -1, false },
#endif
#ifdef SYS_open /* the older forms, which newer machines do not have */
    { SYS_open, "open", SHIM_OPEN, -1, -1, 0, -1, -1, 1, -1, false },
    { SYS_creat, "creat", SHIM_OPEN, -1, -1, 0, -1, -1, -1, -1, false },
    { SYS_unlink, "unlink", SHIM_ON_PATH, -1, -1, 0, -1, -1, -1, -1, true },
    { SYS_rmdir, "rmdir", SHIM_ON_PATH, -1, -1, 0, -1, -1, -1, -1, true },
    { SYS_rename, "rename", SHIM_ON_PATHS, -1, -1, 0, -1, 1, -1, -1, false },
    { SYS_link, "link", SHIM_ON_PATHS, -1, -1, 0, -1, 1, -1, -1, false },
    { SYS_symlink, "symlink", SHIM_ON_PATH, -1, -1, 1, -1, -1, -1, -1, false },
    { SYS_futimesat, "futimesat", SHIM_ON_PATH, -1, 0, 1, -1, -1, -1, -1, false },
    ON_PATH(mkdir), ON_PATH(mknod), ON_PATH(chmod), ON_PATH(chown), ON_PATH(lchown), ON_PATH(utime), ON_PATH(utimes),
#endif
    { SYS_read, "read", SHIM_READ, 0, -1, -1, -1, -1, -1, -1, false },
    { SYS_pread64, "pread64", SHIM_READ, 0, -1, -1, -1, -1, -1, 3, false },
    { SYS_recvfrom, "recvfrom", SHIM_READ, 0, -1, -1, -1, -1, -1, -1, false },
};

/* Memory, threads, signals, clocks, sockets, looking at files. */
static const int harmless[] = {
    SYS_close, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_lseek, SYS_readv, SYS_preadv, SYS_preadv2, SYS_getdents64, SYS_getcwd,
    SYS_faccessat, SYS_readlinkat, SYS_statfs, SYS_fstatfs, SYS_fcntl, SYS_flock, SYS_dup, SYS_dup3, SYS_pipe2, SYS_fadvise64,
    SYS_readahead, SYS_umask, SYS_chdir, SYS_fchdir, SYS_getxattr, SYS_lgetxattr, SYS_fgetxattr, SYS_listxattr, SYS_llistxattr, SYS_flistxattr,
    SYS_memfd_create, SYS_inotify_init1, SYS_inotify_add_watch, SYS_inotify_rm_watch,
    SYS_mprotect, SYS_munmap, SYS_brk, SYS_mremap, SYS_madvise, SYS_mincore, SYS_mlock, SYS_munlock, SYS_mbind, SYS_get_mempolicy, SYS_membarrier,
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending, SYS_rt_sigtimedwait, SYS_rt_sigsuspend, SYS_sigaltstack,
    SYS_kill, SYS_tkill, SYS_tgkill, SYS_restart_syscall, SYS_signalfd4,
    SYS_clone, SYS_wait4, SYS_waitid, SYS_exit, SYS_exit_group, SYS_set_tid_address, SYS_set_robust_list, SYS_get_robust_list, SYS_futex,
    SYS_sched_yield, SYS_sched_getaffinity, SYS_sched_setaffinity, SYS_sched_getparam, SYS_sched_getscheduler, SYS_sched_get_priority_max,
    SYS_sched_get_priority_min, SYS_getpriority, SYS_prctl, SYS_seccomp, SYS_getcpu,
    SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_timerfd_create, SYS_timerfd_settime,
    SYS_timerfd_gettime, SYS_times, SYS_getitimer, SYS_setitimer,
    SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getresuid, SYS_getresgid, SYS_getgroups, SYS_getpgid,
    SYS_uname, SYS_sysinfo, SYS_getrlimit, SYS_setrlimit, SYS_prlimit64, SYS_getrusage, SYS_getrandom,
    SYS_socket, SYS_socketpair, SYS_connect, SYS_listen, SYS_accept, SYS_accept4, SYS_getsockname, SYS_getpeername, SYS_getsockopt, SYS_setsockopt,
    SYS_sendto, SYS_sendmsg, SYS_recvmsg, SYS_sendmmsg, SYS_recvmmsg, SYS_shutdown, SYS_ppoll, SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl,
    SYS_epoll_pwait, SYS_eventfd2,
#ifdef SYS_rseq
    SYS_rseq,
#endif
#ifdef SYS_clone3
    SYS_clone3,
#endif
#ifdef SYS_close_range
    SYS_close_range,
#endif
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
#ifdef SYS_open
    SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_getdents, SYS_dup2, SYS_pipe, SYS_poll, SYS_select, SYS_epoll_create, SYS_epoll_wait, SYS_eventfd,
    SYS_inotify_init, SYS_time, SYS_alarm, SYS_pause, SYS_getpgrp, SYS_fork, SYS_vfork, SYS_arch_prctl, SYS_signalfd,
#endif
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct shim_call *shim_call_of(int nr)
{
    static const struct shim_call quiet = { -1, "harmless", SHIM_HARMLESS, -1, -1, -1, -1, -1, -1, -1, false };
    for (size_t i = 0; i < COUNT(changing); i++)
        if (changing[i].nr == nr)
            return &changing[i];
    for (size_t i = 0; i < COUNT(harmless); i++)
        if (harmless[i] == nr)
            return &quiet;
    return NULL;
}

/* ---- the filter ---- */

struct program {
    struct sock_filter code[4 * COUNT(changing) + 2 * COUNT(harmless) + 64];
    unsigned short count;
};

static void emit(struct program *p, unsigned code, unsigned k, unsigned yes, unsigned no)
{
    p->code[p->count++] = (struct sock_filter){ (unsigned short)code, (unsigned char)yes, (unsigned char)no, k };
}

static void load(struct program *p, size_t at)
{
    emit(p, BPF_LD | BPF_W | BPF_ABS, (unsigned)at, 0, 0);
}

/* The lower half of an argument; both machines are little-endian. */
static size_t argument(int i)
{
    return offsetof(struct seccomp_data, args) + 8 * (size_t)i;
}

static void give(struct program *p, unsigned action)
{
    emit(p, BPF_RET | BPF_K, action, 0, 0);
}

/* What is loaded is the call's number; behind this, too. */
static void allow_own(struct program *p, uintptr_t gate)
{
    load(p, offsetof(struct seccomp_data, instruction_pointer));
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(gate & UINT32_MAX), 0, 3);
    load(p, offsetof(struct seccomp_data, instruction_pointer) + 4);
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)((uint64_t)gate >> 32), 0, 1);
    give(p, SECCOMP_RET_ALLOW);
    load(p, offsetof(struct seccomp_data, nr));
}

/* Only where an argument has one of the bits. */
static void trap_if_bits(struct program *p, int nr, int arg, unsigned bits)
{
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 4);
    load(p, argument(arg));
    emit(p, BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
    give(p, SECCOMP_RET_TRAP);
    give(p, SECCOMP_RET_ALLOW);
}

/* Shared, writable, and not of memory alone. */
static void trap_mmap(struct program *p)
{
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 7);
    load(p, argument(2));
    emit(p, BPF_JMP | BPF_JSET | BPF_K, PROT_WRITE, 0, 4);
    load(p, argument(3));
    emit(p, BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 2, 0);
    emit(p, BPF_JMP | BPF_JSET | BPF_K, MAP_SHARED, 0, 1);
    give(p, SECCOMP_RET_TRAP);
    give(p, SECCOMP_RET_ALLOW);
}

static void trap_clones(struct program *p)
{
    static const unsigned commands[] = { FICLONE, FICLONERANGE, FIDEDUPERANGE };
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 2 * COUNT(commands) + 2);
    load(p, argument(1));
    for (size_t i = 0; i < COUNT(commands); i++) {
        emit(p, BPF_JMP | BPF_JEQ | BPF_K, commands[i], 0, 1);
        give(p, SECCOMP_RET_TRAP);
    }
    give(p, SECCOMP_RET_ALLOW);
}

static void decide(struct program *p, int nr, unsigned action)
{
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1);
    give(p, action);
}

bool shim_filter_install(uintptr_t gate, bool reads)
{
    static struct program p;
    p.count = 0;
#if defined(__x86_64__)
    const unsigned machine = AUDIT_ARCH_X86_64;
#else
    const unsigned machine = AUDIT_ARCH_AARCH64;
#endif
    load(&p, offsetof(struct seccomp_data, arch));
    emit(&p, BPF_JMP | BPF_JEQ | BPF_K, machine, 1, 0);
    give(&p, SECCOMP_RET_KILL_PROCESS); /* calls of another machine's numbers */
    allow_own(&p, gate);
    for (size_t i = 0; i < COUNT(changing); i++) {
        const struct shim_call *c = &changing[i];
        if (c->kind == SHIM_OPEN && c->flags >= 0)
            trap_if_bits(&p, c->nr, c->flags, O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY));
        else if (c->kind == SHIM_MAP)
            trap_mmap(&p);
        else if (c->kind == SHIM_CLONE)
            trap_clones(&p);
        else
            decide(&p, c->nr, c->kind == SHIM_READ && !reads ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRAP);
    }
    for (size_t i = 0; i < COUNT(harmless); i++)
        decide(&p, harmless[i], SECCOMP_RET_ALLOW);
    give(&p, SECCOMP_RET_TRAP); /* not known */
    struct sock_fprog program = { p.count, p.code };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
