/* SPDX-License-Identifier: Apache-2.0 */
/* disk_shim.h: a library for LD_PRELOAD that sees every system call with which a process changes the disk.
 *
 * It does not stand in for functions of the C library: a seccomp filter hands the calls themselves to a handler
 * (SIGSYS), so that those made inside libraries, by stdio or without the C library are seen too. The filter knows each call as
 * one that changes files (disk_shim_calls.c), or as one that does not; one that it does not know ends the process (SIGABRT) with the
 * call's number. So no call is missed because somebody forgot it: a new one makes the run fail.
 *
 * Calls under the roots are numbered from 1, one at a time; each is a point at which the process can be killed or the call can
 * fail. Settings, from the environment:
 *
 *   SHIM_CONTROL   file of SHIM_WORDS 8-byte words, shared while the process runs (enum shim_word)
 *   SHIM_ROOTS     folders, separated by ':'
 *   SHIM_LOG       each call is appended to this file as a line
 *                  number \t name \t path \t other path \t inode \t offset \t size \t result \n
 *                  (offset: of an open, its flags.) Number 0: a change outside of the roots. Paths are absolute, "-" where there is none; the name of a call
 *                  in whose place the process was killed has a '!' before it. The log stays out of the roots
 *   SHIM_DATA=1    behind the line of a write, the bytes that were written
 *   SHIM_AT=N      something happens at the N-th call, says SHIM_HOW:
 *                    before    SIGKILL in place of the call
 *                    after     SIGKILL when the call has taken effect
 *                    partial   SIGKILL when half of the bytes have been written: N counts the writes alone
 *                    errno:E   the call fails with E      errno:E+   so do all after it
 *   SHIM_STEP=W,R  after each call a byte is written to descriptor W and one awaited from R: an observer's turn
 *   SHIM_READ=DIR:BYTES:MICROS   a read of a file under DIR gives at most BYTES, after a pause
 *   SHIM_TICK=NS   each such read, and each receipt from a socket, moves the monotonic clock on by NS: what is due after a
 *                  second is due soon
 *
 * Clocks are moved where programs ask for them (clock_gettime, gettimeofday, time, pthread_cond_timedwait), as the kernel has no call
 * there. Linux on x86-64 and aarch64. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PUBLIC __attribute__((visibility("default")))

enum shim_word {
    SHIM_CALLS,    /* out: calls so far */
    SHIM_WRITES,   /* out: of them, writes */
    SHIM_CLOCK_NS, /* in: added to the wall clock */
    SHIM_ERRNO,    /* in: not 0: calls under the roots fail with it; ENOSPC and EDQUOT spare those that give room */
    SHIM_STRUCK,   /* out: 1 when SHIM_AT was reached */
    SHIM_MONOTONIC_NS, /* added to the monotonic clock; moved by SHIM_TICK */
    SHIM_WORDS = 512,
};

extern _Atomic uint64_t *shim_words; /* the control file; NULL where the shim is off */

enum shim_kind {
    SHIM_HARMLESS,
    SHIM_OPEN,     /* when O_CREAT or O_TRUNC is given */
    SHIM_WRITE,    /* fd, data, size [, offset] */
    SHIM_WRITE_V,  /* fd, parts, count [, offset] */
    SHIM_ON_FD,    /* changes the file of a descriptor, or makes it durable */
    SHIM_ON_PATH,  /* changes what a path names */
    SHIM_ON_PATHS, /* two of them */
    SHIM_BIND,     /* of a local socket, which is a name in a folder */
    SHIM_WHOLE,    /* sync() */
    SHIM_MAP,      /* mmap, when shared and writable and of a file */
    SHIM_CLONE,    /* ioctl, when it clones a file's blocks */
    SHIM_READ,     /* for SHIM_READ and SHIM_TICK only; never counted */
};

/* A system call: argument numbers, -1 where there is none. */
struct shim_call {
    int nr;
    const char *name;
    enum shim_kind kind;
    signed char fd, dir, path, other_dir, other_path, flags, offset;
    bool gives_room; /* can be done on a full disk */
};

/* The call's row, or NULL when it is not known. */
const struct shim_call *shim_call_of(int nr);
/* Every call that is not harmless traps, but the one made at address gate. Reads trap too if reads is set. False, with errno, if the
 * kernel does not take the filter. */
bool shim_filter_install(uintptr_t gate, bool reads);
