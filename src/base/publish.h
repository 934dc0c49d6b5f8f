/* SPDX-License-Identifier: Apache-2.0 */
/* base/publish.h: many files made elsewhere, put into their places together, durably.
 *
 * Three steps, with a barrier behind each of the first two, whatever the number of files:
 *   P1  every file is fsynced;                       barrier: nothing is renamed before all of them are durable
 *   P2  missing folders are made, every file is renamed over what stands in its place;
 *   P3  every folder that files or folders were put into is fsynced, up to the root;
 *                                                    barrier: true is returned after the last of them
 * So a lister sees all of a file or nothing of it, at any instant and after any crash; what is durable after a crash in the middle is
 * some of the files, each whole; and what true was returned for stays. Done again it does no harm. The fsyncs of a step are given to a
 * few threads: a disk flushes for many that wait as fast as for one, which makes a thousand files cost what a dozen did one by one. */
#pragma once

#include "base/error.h"

#include <stddef.h>

struct tl_publish_file {
    const char *path, *name; /* where it is (same file system), and its place relative to the root, without "." and ".." */
};
/* Files in the order of their folders sync each folder once. On failure some files may be in their places, the others where they were. */
TL_MUST_USE bool tl_publish_files(const char *root, const struct tl_publish_file *files, size_t count, struct tl_error *error);
