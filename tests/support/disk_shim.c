/* SPDX-License-Identifier: Apache-2.0 */
/* The handler: what happens at a call that the filter hands over.
 *
 * I1: one lock is held from before a call under the roots until its line is in the log, so that the log is the order in which the disk
 * changed. I2: a call on what is not a regular file or a folder (a pipe, a socket) is made without the lock, since it may wait. */
#include "disk_shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define ROOTS_MAX 8
#define PARTS_MAX 64

enum how { NEVER, BEFORE, AFTER, PARTIAL, FAIL, FAIL_ON };

static struct {
    atomic_flag lock;
    char roots[ROOTS_MAX][PATH_MAX];
    size_t root_count;
    int log, step_out, step_in;
    bool data;
    enum how how;
    int how_errno;
    uint64_t at;
    char read_root[PATH_MAX];
    long read_max, read_pause_us;
    int64_t tick_ns;
} shim = { .lock = ATOMIC_FLAG_INIT, .log = -1, .step_out = -1, .step_in = -1 };

_Atomic uint64_t *shim_words;

/* A call as it came, and what is known of it. */
struct event {
    const struct shim_call *call;
    long args[6];
    char path[PATH_MAX], other[PATH_MAX];
    uint64_t number;
    long long offset;
    unsigned long long inode;
    long result;
};

/* ---- the kernel ---- */

/* The one place whose calls the filter lets through: behind its instruction. */
extern char shim_gate_end[] __attribute__((visibility("hidden")));
long shim_gate(long nr, const long args[6]) __attribute__((visibility("hidden")));
#if defined(__x86_64__)
__asm__(".text\n.hidden shim_gate\n.globl shim_gate\nshim_gate:\n"
        "mov %rdi, %rax\nmov %rsi, %r11\n"
        "mov 0(%r11), %rdi\nmov 8(%r11), %rsi\nmov 16(%r11), %rdx\nmov 24(%r11), %r10\nmov 32(%r11), %r8\nmov 40(%r11), %r9\n"
        "syscall\n.hidden shim_gate_end\n.globl shim_gate_end\nshim_gate_end:\nret\n");
#elif defined(__aarch64__)
__asm__(".text\n.hidden shim_gate\n.globl shim_gate\nshim_gate:\n"
        "mov x8, x0\nmov x9, x1\n"
        "ldp x0, x1, [x9]\nldp x2, x3, [x9, 16]\nldp x4, x5, [x9, 32]\n"
        "svc #0\n.hidden shim_gate_end\n.globl shim_gate_end\nshim_gate_end:\nret\n");
#else
#error "disk_shim: no system calls for this machine"
#endif

static void take_arguments(const ucontext_t *c, long args[6])
{
#if defined(__x86_64__)
    static const int places[] = { REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9 };
    for (int i = 0; i < 6; i++)
        args[i] = (long)c->uc_mcontext.gregs[places[i]];
#else
    for (int i = 0; i < 6; i++)
        args[i] = (long)c->uc_mcontext.regs[i];
#endif
}

static void give_result(ucontext_t *c, long result)
{
#if defined(__x86_64__)
    c->uc_mcontext.gregs[REG_RAX] = result;
#else
    c->uc_mcontext.regs[0] = (unsigned long)result;
#endif
}

static long make(const struct event *e)
{
    return shim_gate(e->call->nr, e->args);
}

static void end_process(int number)
{
    sigset_t set; /* the handler holds all back */
    sigemptyset(&set);
    sigaddset(&set, number);
    signal(number, SIG_DFL);
    kill(getpid(), number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    for (;;)
        pause();
}

/* Says why, and ends the process in a way that no test takes for success. */
static void refuse(const char *why, long number)
{
    char text[200];
    int size = snprintf(text, sizeof text, "disk_shim: %s %ld (tests/support/disk_shim_calls.c)\n", why, number);
    const long args[6] = { STDERR_FILENO, (long)text, size };
    shim_gate(SYS_write, args);
    end_process(SIGABRT);
}

static bool writes(const struct event *e)
{
    return e->call->kind == SHIM_WRITE || e->call->kind == SHIM_WRITE_V;
}

/* ---- where ---- */

static void path_of_fd(int fd, char out[PATH_MAX])
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, out, PATH_MAX - 1);
    out[size > 0 ? size : 0] = '\0';
}

static void path_of_name(int dir, const char *name, char out[PATH_MAX])
{
    out[0] = '\0';
    if (name[0] != '/') {
        if (dir == AT_FDCWD && !getcwd(out, PATH_MAX))
            out[0] = '\0';
        else if (dir != AT_FDCWD)
            path_of_fd(dir, out);
        strncat(out, "/", PATH_MAX - 1 - strlen(out));
    }
    strncat(out, name, PATH_MAX - 1 - strlen(out));
}

static bool is_under(const char *root, const char *path)
{
    size_t size = strlen(root);
    return size && strncmp(path, root, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

static bool is_counted(const struct event *e)
{
    for (size_t i = 0; i < shim.root_count; i++)
        if (is_under(shim.roots[i], e->path) || is_under(shim.roots[i], e->other))
            return true;
    return false;
}

/* Regular files and folders; not pipes, sockets, terminals. */
static bool is_file(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

static void find_paths(struct event *e)
{
    const struct shim_call *c = e->call;
    memcpy(e->path, "-", 2);
    memcpy(e->other, "-", 2);
    if (c->fd >= 0)
        path_of_fd((int)e->args[(int)c->fd], e->path);
    if (c->kind == SHIM_BIND)
        path_of_name(AT_FDCWD, ((const struct sockaddr_un *)e->args[1])->sun_path, e->path);
    if (c->path >= 0)
        path_of_name(c->dir >= 0 ? (int)e->args[(int)c->dir] : AT_FDCWD, (const char *)e->args[(int)c->path], e->path);
    if (c->other_path >= 0)
        path_of_name(c->other_dir >= 0 ? (int)e->args[(int)c->other_dir] : AT_FDCWD,
                     (const char *)e->args[(int)c->other_path], e->other);
}

/* Where a write will go; what a file is opened with. */
static long long find_offset(const struct event *e)
{
    if (e->call->offset >= 0)
        return e->args[(int)e->call->offset];
    if (e->call->kind == SHIM_OPEN)
        return e->call->flags >= 0 ? e->args[(int)e->call->flags] : O_CREAT | O_WRONLY | O_TRUNC;
    if (!writes(e))
        return 0;
    int fd = (int)e->args[0];
    struct stat st;
    if ((fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &st) == 0)
        return st.st_size;
    return lseek(fd, 0, SEEK_CUR);
}

static unsigned long long find_inode(const struct event *e)
{
    struct stat st;
    bool known = e->call->fd >= 0                                ? fstat((int)e->args[(int)e->call->fd], &st) == 0
                 : e->call->kind == SHIM_OPEN && e->result >= 0 ? fstat((int)e->result, &st) == 0
                                                                 : false;
    return known ? st.st_ino : 0;
}

/* ---- the log ---- */

static void append(const void *data, size_t size)
{
    const long args[6] = { shim.log, (long)data, (long)size };
    if (shim_gate(SYS_write, args) != (long)size)
        refuse("cannot write the log, call", SYS_write);
}

static void append_data(const struct event *e)
{
    if (!shim.data || e->result <= 0)
        return;
    if (e->call->kind == SHIM_WRITE)
        append((const void *)e->args[1], (size_t)e->result);
    const struct iovec *parts = (const struct iovec *)e->args[1];
    size_t left = (size_t)e->result;
    for (long i = 0; e->call->kind == SHIM_WRITE_V && i < e->args[2] && left; i++) {
        size_t size = parts[i].iov_len < left ? parts[i].iov_len : left;
        append(parts[i].iov_base, size);
        left -= size;
    }
}

static void append_line(const struct event *e)
{
    static char line[2 * PATH_MAX + 200]; /* under the lock */
    if (shim.log < 0)
        return;
    int size = snprintf(line, sizeof line, "%llu\t%s\t%s\t%s\t%llu\t%lld\t%ld\t%ld\n", (unsigned long long)e->number,
                        e->call->name, e->path, e->other, e->inode, e->offset, writes(e) && e->result > 0 ? e->result : 0,
                        e->result);
    append(line, (size_t)size);
    append_data(e);
}

/* ---- what happens ---- */

/* Half of the bytes of a write. */
static void make_half(struct event *e)
{
    struct iovec parts[PARTS_MAX];
    size_t left = 0;
    if (e->call->kind == SHIM_WRITE) {
        e->args[2] /= 2;
    } else {
        long count = e->args[2] < PARTS_MAX ? e->args[2] : PARTS_MAX;
        memcpy(parts, (const void *)e->args[1], (size_t)count * sizeof parts[0]);
        for (long i = 0; i < count; i++)
            left += parts[i].iov_len;
        left /= 2;
        for (long i = 0; i < count; i++) {
            parts[i].iov_len = parts[i].iov_len < left ? parts[i].iov_len : left;
            left -= parts[i].iov_len;
        }
        e->args[1] = (long)parts;
        e->args[2] = count;
    }
    e->result = make(e);
    append_line(e);
    end_process(SIGKILL);
}

/* The line of a call that was not made has its name behind a '!'. */
static void kill_before(struct event *e)
{
    struct shim_call call = *e->call;
    char name[40];
    snprintf(name, sizeof name, "!%s", call.name);
    call.name = name;
    e->call = &call;
    append_line(e);
    end_process(SIGKILL);
}

/* A folder that is there already, a name that is not there: nothing changes. */
static bool changes_nothing(const struct event *e)
{
    struct stat st;
    bool there = lstat(e->path, &st) == 0;
    if (strncmp(e->call->name, "mkdir", 5) == 0)
        return there;
    return e->call->gives_room && !there;
}

/* The error a counted call has to fail with, or 0. */
static int error_now(const struct event *e)
{
    int now = (int)atomic_load(&shim_words[SHIM_ERRNO]);
    if (now && !((now == ENOSPC || now == EDQUOT) && e->call->gives_room))
        return now;
    bool hit = (shim.how == FAIL && e->number == shim.at) || (shim.how == FAIL_ON && e->number >= shim.at);
    return hit ? shim.how_errno : 0;
}

static void let_observe(void)
{
    char turn = 's';
    if (shim.step_out < 0)
        return;
    const long args[6] = { shim.step_out, (long)&turn, 1 }, back[6] = { shim.step_in, (long)&turn, 1 };
    if (shim_gate(SYS_write, args) == 1)
        while (shim_gate(SYS_read, back) == -EINTR)
            ;
}

/* Gives the call its number. True at the point that was asked for. */
static bool is_here(struct event *e)
{
    e->number = atomic_fetch_add(&shim_words[SHIM_CALLS], 1) + 1;
    uint64_t written = writes(e) ? atomic_fetch_add(&shim_words[SHIM_WRITES], 1) + 1 : 0;
    return shim.how != NEVER && (shim.how == PARTIAL ? written : e->number) == shim.at;
}

static void count_call(struct event *e)
{
    bool here = is_here(e);
    if (here)
        atomic_store(&shim_words[SHIM_STRUCK], 1);
    if (here && shim.how == BEFORE)
        kill_before(e);
    if (here && shim.how == PARTIAL)
        make_half(e);
    int failure = error_now(e);
    e->result = failure ? -failure : make(e);
    e->inode = find_inode(e);
    append_line(e);
    if (here && shim.how == AFTER)
        end_process(SIGKILL);
    let_observe();
}

/* A change of a file: counted under the roots, else only noted. */
static void change_file(struct event *e)
{
    while (atomic_flag_test_and_set(&shim.lock))
        sched_yield();
    find_paths(e);
    e->offset = find_offset(e);
    if (is_counted(e) && !changes_nothing(e)) {
        if (e->call->kind == SHIM_MAP)
            refuse("a file of the roots is written through memory, call", e->call->nr);
        count_call(e);
    } else {
        e->result = make(e);
        e->inode = find_inode(e);
        if (e->result >= 0)
            append_line(e);
    }
    atomic_flag_clear(&shim.lock);
}

static void shape_read(struct event *e)
{
    char path[PATH_MAX];
    path_of_fd((int)e->args[0], path);
    bool shaped = is_under(shim.read_root, path) && is_file((int)e->args[0]);
    if (shaped) {
        struct timespec pause = { shim.read_pause_us / 1000000, shim.read_pause_us % 1000000 * 1000 };
        nanosleep(&pause, NULL);
        e->args[2] = e->args[2] < shim.read_max ? e->args[2] : shim.read_max;
    }
    e->result = make(e);
    if (e->result > 0 && (shaped || e->call->nr == SYS_recvfrom))
        atomic_fetch_add(&shim_words[SHIM_MONOTONIC_NS], (uint64_t)shim.tick_ns);
}

/* Sockets of the network, and those whose name is in no folder, are not on the disk. */
static bool binds_name(const struct event *e)
{
    const struct sockaddr_un *to = (const struct sockaddr_un *)e->args[1];
    return e->args[2] > (long)offsetof(struct sockaddr_un, sun_path) && to->sun_family == AF_UNIX && to->sun_path[0];
}

static void on_trap(int number, siginfo_t *info, void *context)
{
    (void)number;
    int kept = errno;
    struct event e = { .call = shim_call_of(info->si_syscall) };
    if (!e.call || e.call->kind == SHIM_HARMLESS)
        refuse("this system call is not known, its number is", info->si_syscall);
    take_arguments(context, e.args);
    if (e.call->kind == SHIM_READ)
        shape_read(&e);
    else if (e.call->kind == SHIM_BIND && !binds_name(&e))
        e.result = make(&e);
    else if (e.call->fd >= 0 && !is_file((int)e.args[(int)e.call->fd]))
        e.result = make(&e);
    else
        change_file(&e);
    give_result(context, e.result);
    errno = kept;
}

/* A thread that holds SIGSYS back would be killed by its first trapped call. */
PUBLIC int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    static int (*real)(int, const sigset_t *, sigset_t *);
    sigset_t copy;
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_sigmask");
    if (set) {
        copy = *set;
        sigdelset(&copy, SIGSYS);
    }
    return real(how, set ? &copy : NULL, old);
}

PUBLIC int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    int failed = pthread_sigmask(how, set, old);
    if (failed)
        errno = failed;
    return failed ? -1 : 0;
}

/* ---- settings ---- */

static void read_roots(const char *text)
{
    while (text && *text && shim.root_count < ROOTS_MAX) {
        size_t size = strcspn(text, ":");
        snprintf(shim.roots[shim.root_count++], PATH_MAX, "%.*s", (int)size, text);
        text += size + (text[size] == ':');
    }
}

static void read_how(const char *at, const char *how)
{
    if (!at || !how)
        return;
    shim.at = strtoull(at, NULL, 10);
    if (strncmp(how, "errno:", 6) == 0) {
        char *end;
        shim.how_errno = (int)strtol(how + 6, &end, 10);
        shim.how = *end == '+' ? FAIL_ON : FAIL;
        return;
    }
    shim.how = strcmp(how, "before") == 0 ? BEFORE : strcmp(how, "after") == 0 ? AFTER : PARTIAL;
}

static void read_shape(const char *text)
{
    size_t size = text ? strcspn(text, ":") : 0;
    if (!size || sscanf(text + size, ":%ld:%ld", &shim.read_max, &shim.read_pause_us) != 2)
        return;
    snprintf(shim.read_root, sizeof shim.read_root, "%.*s", (int)size, text);
}

__attribute__((constructor)) static void begin(void)
{
    const char *control = getenv("SHIM_CONTROL"), *log = getenv("SHIM_LOG"), *step = getenv("SHIM_STEP"),
               *tick = getenv("SHIM_TICK");
    if (!control)
        return;
    int fd = open(control, O_RDWR | O_CLOEXEC);
    void *words = fd < 0 ? MAP_FAILED : mmap(NULL, SHIM_WORDS * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (words == MAP_FAILED)
        refuse("cannot map SHIM_CONTROL, error", errno);
    close(fd);
    shim_words = words;
    read_roots(getenv("SHIM_ROOTS"));
    read_how(getenv("SHIM_AT"), getenv("SHIM_HOW"));
    read_shape(getenv("SHIM_READ"));
    shim.data = getenv("SHIM_DATA") != NULL;
    if (tick)
        shim.tick_ns = strtoll(tick, NULL, 10);
    if (log && (shim.log = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666)) < 0)
        refuse("cannot open SHIM_LOG, error", errno);
    if (step)
        sscanf(step, "%d,%d", &shim.step_out, &shim.step_in);
    struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
    sigfillset(&action.sa_mask);
    sigdelset(&action.sa_mask, SIGSYS);
    if (sigaction(SIGSYS, &action, NULL) != 0 || !shim_filter_install((uintptr_t)shim_gate_end, shim.read_root[0] || tick))
        refuse("the kernel takes no filter, error", errno);
}
