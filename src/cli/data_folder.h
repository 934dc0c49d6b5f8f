/* SPDX-License-Identifier: Apache-2.0 */
/* cli/data_folder.h: the folder a process works in: broker/, lake/, state/, a format file and a lock. */
#pragma once

#include "base/file.h"

#define TL_DATA_DEFAULT "./tapeline-data"
#define TL_DATA_FORMAT 1 /* what this version reads and writes */

struct tl_data_folder {
    char *root;
    struct tl_dir_lock lock;
};
/* Makes the folder if absent, locks it, and checks its format: one of a newer version is refused before anything is written. */
TL_MUST_USE bool tl_data_folder_open(struct tl_data_folder *folder, const char *root, struct tl_error *error);
void tl_data_folder_close(struct tl_data_folder *folder);
/* root + "/" + name, to be freed; NULL when out of memory. name may start with "./"; an absolute one is taken as it is. */
char *tl_data_path(const char *root, const char *name);
