/* SPDX-License-Identifier: Apache-2.0 */
#include "query/athena_run_int.h"

bool tl_athena_write_table(struct tl_athena_work *w, const struct tl_athena_statement *s, struct tl_error *error)
{
    (void)w;
    return tl_error_set(error, TL_UNSUPPORTED, "NOT_SUPPORTED: %s is not served yet", s->kind == TL_ATHENA_CTAS ? "CREATE TABLE AS" : "UNLOAD");
}

bool tl_athena_drop_table(struct tl_athena_work *w, const struct tl_athena_statement *s, struct tl_error *error)
{
    (void)w;
    return tl_error_set(error, TL_DENIED, "NOT_SUPPORTED: table '%s' was not made by a client: it belongs to a pipeline", s->table);
}
