/* SPDX-License-Identifier: Apache-2.0 */
#include "faces/glue_face_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TOKEN "tl-"

bool tl_glue_fail(struct tl_glue_call *c, const char *code, const char *fmt, ...)
{
    char message[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    return tl_face_fail(c->job, 400, code, "%s", message);
}

bool tl_glue_name(struct tl_glue_call *c, struct tl_json from, const char *member, char out[TL_GLUE_NAME_SIZE])
{
    struct tl_view name = tl_json_get_string(from, member);
    bool ok = name.size > 0 && name.size < TL_GLUE_NAME_SIZE;
    for (size_t i = 0; ok && i < name.size; i++) {
        char ch = name.data[i];
        ok = (unsigned char)ch >= 0x20 && ch != 0x7f;
        out[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch | 32) : ch;
    }
    out[ok ? name.size : 0] = '\0';
    return ok || tl_glue_fail(c, "InvalidInputException", "%s is a name of 1 to %d bytes without control characters.", member, TL_GLUE_NAME_SIZE - 1);
}

/* ---- pages ---- */

bool tl_glue_page_begin(struct tl_glue_call *c, int64_t max_default, struct tl_glue_page *page)
{
    struct tl_view token = tl_json_get_string(c->request, "NextToken");
    *page = (struct tl_glue_page){ .max = tl_json_get_i64(c->request, "MaxResults", max_default) };
    if (page->max < 1 || page->max > TL_GLUE_PAGE_MAX)
        return tl_glue_fail(c, "InvalidInputException", "MaxResults is 1 to %d.", TL_GLUE_PAGE_MAX);
    if (!token.size)
        return true;
    bool ok = tl_view_starts_with(token, TL_VIEW(TOKEN)) && tl_view_to_i64((struct tl_view){ token.data + 3, token.size - 3 }, &page->first) && page->first > 0;
    return ok || tl_glue_fail(c, "InvalidInputException", "NextToken is none of an answer's.");
}

bool tl_glue_page_wants(struct tl_glue_page *page)
{
    int64_t at = page->at++;
    page->more = page->more || at >= page->first + page->max;
    return at >= page->first && at < page->first + page->max;
}

void tl_glue_page_end(struct tl_glue_call *c, const struct tl_glue_page *page)
{
    char token[32];
    snprintf(token, sizeof token, TOKEN "%lld", (long long)(page->first + page->max));
    if (page->more)
        tl_json_member_text(&c->w, "NextToken", token);
}

/* ---- actions ---- */

static const struct action {
    const char *name;
    tl_glue_action *run;
    bool changes;
} actions[] = { /* sorted by name */
    { "BatchCreatePartition", tl_glue_batch_create_partition, true },
    { "BatchDeletePartition", tl_glue_batch_delete_partition, true },
    { "BatchGetPartition", tl_glue_batch_get_partition, false },
    { "CreateDatabase", tl_glue_create_database, true },
    { "CreatePartition", tl_glue_create_partition, true },
    { "CreateTable", tl_glue_create_table, true },
    { "DeleteDatabase", tl_glue_delete_database, true },
    { "DeletePartition", tl_glue_delete_partition, true },
    { "DeleteTable", tl_glue_delete_table, true },
    { "GetDatabase", tl_glue_get_database, false },
    { "GetDatabases", tl_glue_get_databases, false },
    { "GetPartition", tl_glue_get_partition, false },
    { "GetPartitions", tl_glue_get_partitions, false },
    { "GetTable", tl_glue_get_table, false },
    { "GetTableVersions", tl_glue_get_table_versions, false },
    { "GetTables", tl_glue_get_tables, false },
    { "SearchTables", tl_glue_search_tables, false },
    { "UpdateDatabase", tl_glue_update_database, true },
    { "UpdatePartition", tl_glue_update_partition, true },
    { "UpdateTable", tl_glue_update_table, true },
};

static int by_name(const void *key, const void *action)
{
    return tl_view_cmp(*(const struct tl_view *)key, tl_view_of(((const struct action *)action)->name));
}

/* A change is made alone: it is read, changed and written. */
static bool run_action(struct tl_glue_call *c, const struct action *a)
{
    struct tl_error error;
    if (a->changes)
        pthread_mutex_lock(&c->glue->lock);
    bool ok = tl_catalog_load(c->glue->lake, &c->catalog, &error) || tl_face_fail_internal(c->job, &error);
    if (ok) {
        tl_json_writer_init(&c->w, &c->job->reply.body);
        tl_json_begin_object(&c->w);
        ok = a->run(c);
        if (ok)
            tl_json_end_object(&c->w);
        tl_catalog_release(&c->catalog);
    }
    if (a->changes)
        pthread_mutex_unlock(&c->glue->lock);
    return ok;
}

static void run(struct tl_face_job *job)
{
    struct tl_glue_call c = { .glue = job->user, .job = job };
    struct tl_view name = tl_aws_action(job->x), body = tl_http_body(job->x);
    const struct action *a = bsearch(&name, actions, TL_COUNT(actions), sizeof actions[0], by_name);
    struct tl_json_parser *parser = NULL;
    struct tl_error error;
    if (!a)
        tl_glue_fail(&c, "UnknownOperationException", "%.*s is not served by tapeline (docs/aws.md).", (int)(name.size < 100 ? name.size : 100),
                     name.size ? name.data : "");
    else if (!tl_json_parser_new(&parser, &error))
        tl_face_fail_internal(job, &error);
    else if (!body.size || !tl_json_parse(parser, body.data, body.size, &c.request, &error) || tl_json_kind_of(c.request) != TL_JSON_OBJECT)
        tl_glue_fail(&c, "SerializationException", "The request body is not a JSON object.");
    else
        (void)run_action(&c, a);
    tl_json_parser_free(parser);
}

void tl_glue_face_handle(struct tl_glue_face *glue, struct tl_http_exchange *x)
{
    tl_face_submit(glue->face, TL_AWS_GLUE, x, run, glue);
}

/* ---- life ---- */

bool tl_glue_face_open(struct tl_glue_face **out, struct tl_aws_face *face, struct tl_error *error)
{
    const struct tl_aws_face_options *o = tl_face_options(face);
    const struct tl_store_options store = { .region = o->lake_region };
    struct tl_glue_face *glue = calloc(1, sizeof *glue);
    *out = NULL;
    if (!glue)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    glue->face = face;
    pthread_mutex_init(&glue->lock, NULL);
    if (tl_store_open_with(&glue->lake, o->lake_root, &store, error)) {
        *out = glue;
        return true;
    }
    tl_glue_face_close(glue);
    return false;
}

void tl_glue_face_close(struct tl_glue_face *glue)
{
    if (!glue)
        return;
    tl_store_close(glue->lake);
    pthread_mutex_destroy(&glue->lock);
    free(glue);
}
