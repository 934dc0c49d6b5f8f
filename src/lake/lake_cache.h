/* SPDX-License-Identifier: Apache-2.0 */
/* lake/lake_cache.h: the part of a lake in S3 that a statement reads, as files of this machine.
 *
 * Below $XDG_CACHE_HOME/tapeline/lakes (or ~/.cache/...) each lake has a folder of its own. An object is fetched when the cached one has another
 * ETag; what is gone from the bucket is removed. Of a table partitioned by a column that the statement holds to a value only those partitions are
 * listed and brought (lake/scan_needs.h), into a folder of their own, so that a lake's folder always has all that its statements need. Any number of processes may use the folder: files come into place whole. */
#pragma once

#include "lake/store.h"

/* Brings the catalog, and all objects of the tables whose name occurs in sql and of its LAKE('path') calls. *folder, to be freed, is what
 * holds them then: a lake of its own. region: as of a store. cancel is looked at between objects: TL_STOPPED. */
TL_MUST_USE bool tl_lake_cache_sync(const char *root, const char *region, const char *sql, const bool *cancel, char **folder, struct tl_error *error);
