/* SPDX-License-Identifier: Apache-2.0 */
/* Each layer stands alone: DuckDB's own settings (query_child.c), Landlock, the system call filter, the limits. Landlock and the empty
 * network are taken where the kernel gives them; limits and the filter must work, or there is no query. */
#include "query/sandbox.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- limits ---- */

/* AddressSanitizer maps terabytes of shadow, which would count. */
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

static bool limit(int which, const char *what, rlim_t value, struct tl_error *error)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)which, &now) == 0 && now.rlim_max < value)
        value = now.rlim_max;
    struct rlimit wanted = { value, value };
    return setrlimit((__rlimit_resource_t)which, &wanted) == 0 || tl_error_sys(error, errno, "cannot limit the query's %s", what);
}

bool tl_sandbox_limits(uint64_t memory_max, int64_t cpu_s, struct tl_error *error)
{
    bool sanitized = __asan_init || __tsan_init;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    return limit(RLIMIT_CORE, "core file", 0, error) && limit(RLIMIT_CPU, "processor time", (rlim_t)cpu_s, error) &&
           limit(RLIMIT_NOFILE, "open files", 16384, error) && (sanitized || limit(RLIMIT_DATA, "memory", memory_max, error));
}

/* ---- files: Landlock ---- */

/* As of its sixth version; older headers know less of it. A kernel takes as much of it as it knows. */
struct ruleset {
    uint64_t files, network, scoped;
};
#define FILE_RIGHTS_V1 ((UINT64_C(1) << 13) - 1)
#define RIGHT_REFER (UINT64_C(1) << 13)
#define RIGHT_TRUNCATE (UINT64_C(1) << 14)
#define RIGHT_IOCTL (UINT64_C(1) << 15)

static int ruleset_open(long version)
{
    struct ruleset rules = { .files = FILE_RIGHTS_V1 };
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    rules.files |= version >= 2 ? RIGHT_REFER : 0;
    rules.files |= version >= 3 ? RIGHT_TRUNCATE : 0;
    rules.files |= version >= 5 ? RIGHT_IOCTL : 0;
    rules.network = version >= 4 ? 3 : 0; /* bind and connect of TCP */
    rules.scoped = version >= 6 ? 3 : 0;  /* abstract sockets, signals */
    return (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
}

static bool allow_below(int rules, const char *path)
{
    int folder = tl_io->open(path, O_PATH | O_DIRECTORY, 0);
    struct landlock_path_beneath_attr below = {
        .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
        .parent_fd = folder,
    };
    bool ok = folder >= 0 && syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0) == 0;
    int failed = errno;
    if (folder >= 0)
        tl_io->close(folder);
    errno = failed;
    return ok;
}

static bool restrict_files(const char *root, const char *also, struct tl_error *error)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1)
        return true; /* a kernel without it: the other layers hold */
    int rules = ruleset_open(version);
    bool ok = rules >= 0 && allow_below(rules, root) && (!also || allow_below(rules, also)) && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    if (!ok)
        tl_error_sys(error, errno, "cannot confine the query to '%s'", root);
    if (rules >= 0)
        tl_io->close(rules);
    return ok;
}

/* ---- system calls ---- */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the numbers of this architecture's system calls are to be checked first"
#endif
#define X32_BIT 0x40000000u

static const unsigned denied[] = {
    /* programs and other processes */
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kill, SYS_tkill, SYS_pidfd_open, SYS_pidfd_getfd,
    SYS_pidfd_send_signal, SYS_process_madvise, SYS_kcmp, SYS_setns, SYS_unshare, SYS_personality,
    /* network */
    SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_sendto, SYS_sendmsg, SYS_sendmmsg,
    SYS_recvfrom, SYS_recvmsg, SYS_recvmmsg, SYS_setsockopt,
    /* what changes files (open is looked at below) */
    SYS_openat2, SYS_renameat2, SYS_unlinkat, SYS_mkdirat, SYS_linkat, SYS_symlinkat, SYS_mknodat, SYS_truncate, SYS_ftruncate, SYS_fallocate,
    SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr, SYS_lremovexattr,
    SYS_fremovexattr, SYS_utimensat, SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_copy_file_range, SYS_memfd_create,
    /* the machine */
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_move_mount, SYS_open_tree, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick,
    SYS_swapon, SYS_swapoff, SYS_reboot, SYS_sethostname, SYS_setdomainname, SYS_init_module, SYS_finit_module, SYS_delete_module,
    SYS_kexec_load, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_keyctl,
    SYS_add_key, SYS_request_key, SYS_acct, SYS_quotactl, SYS_syslog, SYS_fanotify_init, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex,
    /* identities, shared memory, terminals (ioctl can type into one) */
    SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_capset, SYS_shmget, SYS_shmat,
    SYS_msgget, SYS_semget, SYS_mq_open, SYS_ioctl,
#ifdef SYS_open /* the older calls, which newer architectures do without */
    SYS_fork, SYS_vfork, SYS_creat, SYS_rename, SYS_renameat, SYS_unlink, SYS_mkdir, SYS_rmdir, SYS_link, SYS_symlink, SYS_mknod, SYS_chmod,
    SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat, SYS_ioperm, SYS_iopl, SYS_modify_ldt,
#endif
};

#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)
#define REFUSE(errnum) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (errnum))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define PROGRAM_MAX (TL_COUNT(denied) * 2 + 40)

struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short size;
};

static void emit(struct program *p, struct sock_filter instruction)
{
    p->code[p->size++] = instruction;
}

/* For the call: refuse with errnum when any (or, for none_set, none) of the bits of argument number arg is set. */
static void emit_flags(struct program *p, unsigned call, unsigned arg, unsigned bits, bool none_set, unsigned errnum)
{
    unsigned char hit = none_set ? 1 : 0;
    emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4));
    emit(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(offsetof(struct seccomp_data, args) + arg * 8)));
    emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, hit, (unsigned char)!hit));
    emit(p, (struct sock_filter)REFUSE(errnum));
    emit(p, (struct sock_filter)ALLOW);
}

static void build(struct program *p)
{
    emit(p, (struct sock_filter)LOAD(arch));
    emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
    emit(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    emit(p, (struct sock_filter)LOAD(nr));
    emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
    emit(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    emit_flags(p, SYS_openat, 2, WRITES, false, EACCES);
#ifdef SYS_open
    emit_flags(p, SYS_open, 1, WRITES, false, EACCES);
#endif
    emit_flags(p, SYS_clone, 0, CLONE_THREAD, true, EPERM);
    emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1));
    emit(p, (struct sock_filter)REFUSE(ENOSYS)); /* its flags are behind a pointer; the C library then takes clone */
    for (size_t i = 0; i < TL_COUNT(denied); i++) {
        emit(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, denied[i], 0, 1));
        emit(p, (struct sock_filter)REFUSE(EPERM));
    }
    emit(p, (struct sock_filter)ALLOW);
}

static bool restrict_calls(struct tl_error *error)
{
    struct program program = { .size = 0 };
    build(&program);
    struct sock_fprog filter = { program.size, program.code };
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0 ||
           tl_error_sys(error, errno, "cannot filter the query's system calls");
}

bool tl_sandbox_close(const char *readable, const char *also, struct tl_error *error)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return tl_error_sys(error, errno, "cannot give up privileges");
    /* Best effort: where it is not allowed, the filter has no socket for the query all the same. As root a user namespace would take
     * away the right to read other users' files. */
    int failed = unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET);
    (void)failed;
    return restrict_files(readable, also, error) && restrict_calls(error);
}
