/* SPDX-License-Identifier: Apache-2.0 */
#include "query/sandbox.h"

#include "base/compiler.h"
#include "base/log.h"

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

#define OPEN_FILES_MAX 1024

static bool limit(int what, uint64_t most, struct tl_error *error)
{
    struct rlimit l = { most, most };
    return setrlimit(what, &l) == 0 || tl_error_sys(error, errno, "cannot limit the query's process");
}

bool tl_sandbox_limits(uint64_t memory_max, int64_t cpu_s, struct tl_error *error)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 0);
    return limit(RLIMIT_AS, memory_max, error) && limit(RLIMIT_CPU, (uint64_t)cpu_s, error) && limit(RLIMIT_CORE, 0, error) &&
           limit(RLIMIT_NOFILE, OPEN_FILES_MAX, error);
}

/* Landlock: from here on only reading below the folder. Kernels without it (before 5.13) rely on DuckDB's own lists alone. */
static bool restrict_files(const char *readable, struct tl_error *error)
{
    struct landlock_ruleset_attr rules = {
        .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                             LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                             LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                             LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM,
    };
    int set = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
    if (set < 0) {
        tl_log_debug("query", "this kernel has no Landlock: files are confined by DuckDB's settings alone");
        return true;
    }
    struct landlock_path_beneath_attr beneath = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR };
    beneath.parent_fd = open(readable, O_PATH | O_CLOEXEC);
    bool ok = beneath.parent_fd >= 0 && syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0 &&
              syscall(SYS_landlock_restrict_self, set, 0) == 0;
    if (!ok)
        tl_error_sys(error, errno, "cannot confine the query's process to '%s'", readable);
    if (beneath.parent_fd >= 0)
        close(beneath.parent_fd);
    close(set);
    return ok;
}

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define DENY(call) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)

static bool restrict_calls(struct tl_error *error)
{
    static const struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        /* The x32 calls of x86-64 have numbers of their own, from bit 30 on. */
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        DENY(SYS_socket),
        DENY(SYS_socketpair),
        DENY(SYS_connect),
        DENY(SYS_bind),
        DENY(SYS_execve),
        DENY(SYS_execveat),
        DENY(SYS_ptrace),
        DENY(SYS_process_vm_readv),
        DENY(SYS_process_vm_writev),
        DENY(SYS_kill),
        DENY(SYS_tkill),
        DENY(SYS_bpf),
        DENY(SYS_perf_event_open),
        DENY(SYS_io_uring_setup),
        DENY(SYS_mount),
        DENY(SYS_unshare),
        DENY(SYS_setns),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { TL_COUNT(filter), (struct sock_filter *)(uintptr_t)filter };
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ||
           tl_error_sys(error, errno, "cannot restrict the query's process");
}

bool tl_sandbox_close(const char *readable, struct tl_error *error)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return tl_error_sys(error, errno, "cannot give up privileges");
    unshare(CLONE_NEWUSER | CLONE_NEWNET); /* where it is allowed; sockets are denied below in any case */
    return restrict_files(readable, error) && restrict_calls(error);
}
