/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io_fault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static struct {
    struct tl_io table;
    atomic_uint calls;
    atomic_uint at; /* 0: none fails */
    int errnum;
    bool lasting, kills, faults, clock;
    atomic_bool struck;
    _Atomic int64_t now;
} fault;

static bool fails(void)
{
    if (!fault.faults)
        return false;
    unsigned n = atomic_fetch_add(&fault.calls, 1) + 1;
    unsigned at = atomic_load(&fault.at);
    if (at == 0 || n < at || (n > at && !fault.lasting))
        return false;
    if (fault.kills)
        raise(SIGKILL);
    atomic_store(&fault.struck, true);
    errno = fault.errnum;
    return true;
}

static int fault_open(const char *path, int flags, mode_t mode)
{
    return (flags & (O_CREAT | O_TRUNC)) && fails() ? -1 : tl_io_kernel.open(path, flags, mode);
}

static ssize_t fault_write(int fd, const void *data, size_t size)
{
    /* What goes to the terminal or the log is not the disk. */
    return fd > STDERR_FILENO && fails() ? -1 : tl_io_kernel.write(fd, data, size);
}

static ssize_t fault_pwrite(int fd, const void *data, size_t size, off_t at)
{
    return fails() ? -1 : tl_io_kernel.pwrite(fd, data, size, at);
}

static ssize_t fault_writev(int fd, const struct iovec *parts, int count)
{
    return fails() ? -1 : tl_io_kernel.writev(fd, parts, count);
}

static int fault_fsync(int fd)
{
    return fails() ? -1 : tl_io_kernel.fsync(fd);
}

static int fault_fdatasync(int fd)
{
    return fails() ? -1 : tl_io_kernel.fdatasync(fd);
}

static int fault_ftruncate(int fd, off_t size)
{
    return fails() ? -1 : tl_io_kernel.ftruncate(fd, size);
}

static int fault_rename(const char *from, const char *to)
{
    return fails() ? -1 : tl_io_kernel.rename(from, to);
}

static int fault_link(const char *from, const char *to)
{
    return fails() ? -1 : tl_io_kernel.link(from, to);
}

static int fault_exchange(const char *a, const char *b)
{
    return fails() ? -1 : tl_io_kernel.exchange(a, b);
}

static int fault_symlink(const char *to, const char *path)
{
    return fails() ? -1 : tl_io_kernel.symlink(to, path);
}

static int fault_unlink(const char *path)
{
    return fails() ? -1 : tl_io_kernel.unlink(path);
}

static int fault_mkdir(const char *path, mode_t mode)
{
    return fails() ? -1 : tl_io_kernel.mkdir(path, mode);
}

static int fault_rmdir(const char *path)
{
    return fails() ? -1 : tl_io_kernel.rmdir(path);
}

static int64_t clock_now(void)
{
    return atomic_load(&fault.now);
}

static void clock_sleep(int64_t ns)
{
    atomic_fetch_add(&fault.now, ns > 0 ? ns : 0);
}

/* The table is made anew at each change of what is asked for. */
static void install(void)
{
    fault.table = tl_io_kernel;
    if (fault.faults) {
        fault.table.open = fault_open;
        fault.table.write = fault_write;
        fault.table.pwrite = fault_pwrite;
        fault.table.writev = fault_writev;
        fault.table.fsync = fault_fsync;
        fault.table.fdatasync = fault_fdatasync;
        fault.table.ftruncate = fault_ftruncate;
        fault.table.rename = fault_rename;
        fault.table.link = fault_link;
        fault.table.symlink = fault_symlink;
        fault.table.exchange = fault_exchange;
        fault.table.unlink = fault_unlink;
        fault.table.mkdir = fault_mkdir;
        fault.table.rmdir = fault_rmdir;
    }
    if (fault.clock) {
        fault.table.wall_ns = fault.table.monotonic_ns = clock_now;
        fault.table.sleep_ns = clock_sleep;
    }
    tl_io = fault.faults || fault.clock ? &fault.table : &tl_io_kernel;
}

static void arm(unsigned nth, int errnum, bool lasting, bool kills)
{
    atomic_store(&fault.calls, 0);
    atomic_store(&fault.struck, false);
    atomic_store(&fault.at, nth);
    fault.errnum = errnum;
    fault.lasting = lasting;
    fault.kills = kills;
    fault.faults = true;
    install();
}

void tl_io_fault_at(unsigned nth, int errnum, bool lasting)
{
    arm(nth, errnum, lasting, false);
}

void tl_io_fault_kill_at(unsigned nth)
{
    arm(nth, 0, false, true);
}

void tl_io_fault_lift(void)
{
    atomic_store(&fault.at, 0);
}

bool tl_io_fault_clear(void)
{
    fault.faults = false;
    install();
    return atomic_load(&fault.struck);
}

unsigned tl_io_fault_calls(void)
{
    return atomic_load(&fault.calls);
}

void tl_io_clock_set(int64_t ns)
{
    atomic_store(&fault.now, ns);
    fault.clock = true;
    install();
}

void tl_io_clock_clear(void)
{
    fault.clock = false;
    install();
}
