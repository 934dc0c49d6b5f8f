/* SPDX-License-Identifier: Apache-2.0 */
/* Named queries and prepared statements: two short lists, kept whole in one file beside the executions' records. */
#include "faces/athena_int.h"

#include "base/io.h"
#include "base/time.h"
#include "net/aws_service.h"
#include "query/request.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX ((size_t)1 << 30)

static void saved_release(struct tl_athena_saved *s)
{
    free(s->name);
    free(s->description);
    free(s->database);
    free(s->sql);
    free(s->token);
    *s = (struct tl_athena_saved){ .name = NULL };
}

/* ---- the file ---- */

static void write_list(struct tl_json_writer *w, const char *name, const struct tl_athena_saved *list, size_t count)
{
    tl_json_key(w, name);
    tl_json_begin_array(w);
    for (size_t i = 0; i < count; i++) {
        tl_json_begin_object(w);
        tl_json_member_text(w, "id", list[i].id);
        tl_json_member_text(w, "name", list[i].name);
        tl_json_member_text(w, "description", list[i].description);
        tl_json_member_text(w, "database", list[i].database);
        tl_json_member_text(w, "sql", list[i].sql);
        tl_json_member_text(w, "token", list[i].token);
        tl_json_member_i64(w, "changed_ns", list[i].changed_ns);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
}

static void read_list(struct tl_json list, struct tl_athena_saved *out, size_t *count)
{
    struct tl_json item;
    struct tl_json_iter it;
    for (tl_json_iter_init(&it, list); *count < TL_ATHENA_NAMES_MAX && tl_json_next(&it, NULL, &item);) {
        struct tl_athena_saved *s = &out[*count];
        *s = (struct tl_athena_saved){ .name = tl_athena_member(item, "name"), .description = tl_athena_member(item, "description"), .database = tl_athena_member(item, "database"),
                                       .sql = tl_athena_member(item, "sql"), .token = tl_athena_member(item, "token"), .changed_ns = tl_json_get_i64(item, "changed_ns", 0) };
        snprintf(s->id, sizeof s->id, "%.*s", TL_VIEW_ARG(tl_json_get_string(item, "id")));
        if (s->name && s->sql)
            ++*count;
        else
            saved_release(s);
    }
}

static void write_saved(const struct tl_athena_face *a, struct tl_json_writer *w)
{
    write_list(w, "queries", a->queries, a->query_count);
    write_list(w, "prepared", a->prepared, a->prepared_count);
}

static void read_saved(struct tl_athena_face *a, struct tl_json root)
{
    read_list(tl_json_member(root, "queries"), a->queries, &a->query_count);
    read_list(tl_json_member(root, "prepared"), a->prepared, &a->prepared_count);
}

static const struct tl_athena_list saved = { "saved.json", "named queries and prepared statements", FILE_MAX, write_saved, read_saved };

bool tl_athena_saved_open(struct tl_athena_face *a, struct tl_error *error)
{
    return tl_athena_list_load(a, &saved, error);
}

void tl_athena_saved_close(struct tl_athena_face *a)
{
    for (size_t i = 0; i < a->query_count; i++)
        saved_release(&a->queries[i]);
    for (size_t i = 0; i < a->prepared_count; i++)
        saved_release(&a->prepared[i]);
}

/* ---- changing: all with the mutex held ---- */

static bool keep(struct tl_athena_call *call)
{
    struct tl_error error;
    return tl_athena_list_save(call->athena, &saved, &error) || tl_athena_fail_of(call, &error);
}

static void drop(struct tl_athena_saved *list, size_t *count, struct tl_athena_saved *which)
{
    saved_release(which);
    --*count;
    memmove(which, which + 1, (size_t)(list + *count - which) * sizeof *which);
    list[*count] = (struct tl_athena_saved){ .name = NULL };
}

static bool replace(char **text, struct tl_view v)
{
    char *made = tl_athena_copy(v);
    if (!made)
        return false;
    free(*text);
    *text = made;
    return true;
}

struct tl_athena_saved *tl_athena_find_prepared(struct tl_athena_face *a, const char *name)
{
    for (size_t i = 0; i < a->prepared_count; i++)
        if (tl_view_eq_ignore_case(tl_view_of(a->prepared[i].name), tl_view_of(name)))
            return &a->prepared[i];
    return NULL;
}

static bool prepare_locked(struct tl_athena_face *a, const char *name, const char *sql, struct tl_error *error)
{
    struct tl_athena_saved *s = tl_athena_find_prepared(a, name);
    if (!sql && !s)
        return tl_error_set(error, TL_NOT_FOUND, "NOT_FOUND: Prepared statement not found: %s", name);
    if (!sql) {
        drop(a->prepared, &a->prepared_count, s);
        return tl_athena_list_save(a, &saved, error);
    }
    if (!s && a->prepared_count == TL_ATHENA_NAMES_MAX)
        return tl_error_set(error, TL_LIMIT, "there are %d prepared statements already", TL_ATHENA_NAMES_MAX);
    if (!s) {
        s = &a->prepared[a->prepared_count];
        s->name = strdup(name);
        a->prepared_count += s->name != NULL;
    }
    if (!s->name || !replace(&s->sql, tl_view_of(sql)))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    s->changed_ns = tl_io->wall_ns();
    return tl_athena_list_save(a, &saved, error);
}

bool tl_athena_prepare(struct tl_athena_face *a, const char *name, const char *sql, struct tl_error *error)
{
    pthread_mutex_lock(&a->mutex);
    bool ok = prepare_locked(a, name, sql, error);
    pthread_mutex_unlock(&a->mutex);
    return ok;
}

/* ---- named queries ---- */

static struct tl_athena_saved *find_named(struct tl_athena_face *a, struct tl_view id)
{
    for (size_t i = 0; i < a->query_count; i++)
        if (tl_view_is(id, a->queries[i].id))
            return &a->queries[i];
    return NULL;
}

static void write_named(struct tl_json_writer *w, const struct tl_athena_saved *s)
{
    tl_json_begin_object(w);
    tl_json_member_text(w, "Name", s->name);
    tl_json_member_text(w, "Description", s->description ? s->description : "");
    tl_json_member_text(w, "Database", s->database ? s->database : "");
    tl_json_member_text(w, "QueryString", s->sql);
    tl_json_member_text(w, "NamedQueryId", s->id);
    tl_json_member_text(w, "WorkGroup", TL_ATHENA_WORKGROUP);
    tl_json_end_object(w);
}

struct named {
    struct tl_view name, description, database, sql, token;
};

static bool read_named(struct tl_athena_call *call, bool database, struct named *n)
{
    *n = (struct named){ .name = { NULL, 0 } };
    return tl_athena_text(call, "Name", true, &n->name) && tl_athena_text(call, "Description", false, &n->description) &&
           (!database || tl_athena_text(call, "Database", true, &n->database)) && tl_athena_text(call, "QueryString", true, &n->sql) &&
           tl_athena_text(call, "ClientRequestToken", false, &n->token) &&
           (n->sql.size <= TL_QUERY_SQL_MAX || tl_athena_invalid(call, NULL, "QueryString is longer than %zu bytes", TL_QUERY_SQL_MAX));
}

static bool create_named(struct tl_athena_call *call, const struct named *n, char id[TL_ATHENA_ID_SIZE])
{
    struct tl_athena_face *a = call->athena;
    for (size_t i = 0; n->token.size && i < a->query_count; i++)
        if (a->queries[i].token && tl_view_is(n->token, a->queries[i].token)) {
            memcpy(id, a->queries[i].id, TL_ATHENA_ID_SIZE);
            return true;
        }
    if (a->query_count == TL_ATHENA_NAMES_MAX)
        return tl_athena_invalid(call, NULL, "there are %d named queries already", TL_ATHENA_NAMES_MAX);
    struct tl_athena_saved *s = &a->queries[a->query_count];
    *s = (struct tl_athena_saved){ .changed_ns = tl_io->wall_ns() };
    tl_aws_request_id(s->id);
    if (!replace(&s->name, n->name) || !replace(&s->sql, n->sql) || !replace(&s->description, n->description) || !replace(&s->database, n->database) ||
        (n->token.size && !replace(&s->token, n->token))) {
        saved_release(s);
        return tl_athena_invalid(call, NULL, "out of memory");
    }
    a->query_count++;
    memcpy(id, s->id, TL_ATHENA_ID_SIZE);
    return keep(call);
}

bool tl_athena_create_named(struct tl_athena_call *call)
{
    struct named n;
    char id[TL_ATHENA_ID_SIZE];
    if (!tl_athena_workgroup(call) || !read_named(call, true, &n))
        return false;
    pthread_mutex_lock(&call->athena->mutex);
    bool ok = create_named(call, &n, id);
    pthread_mutex_unlock(&call->athena->mutex);
    if (ok)
        tl_json_member_text(&call->out, "NamedQueryId", id);
    return ok;
}

/* Locks; unlocks where there is none. */
static struct tl_athena_saved *named_locked(struct tl_athena_call *call, struct tl_view id)
{
    pthread_mutex_lock(&call->athena->mutex);
    struct tl_athena_saved *s = find_named(call->athena, id);
    if (s)
        return s;
    pthread_mutex_unlock(&call->athena->mutex);
    tl_athena_invalid(call, NULL, "NamedQuery %.*s was not found", (int)(id.size < 100 ? id.size : 100), id.data);
    return NULL;
}

bool tl_athena_get_named(struct tl_athena_call *call)
{
    struct tl_view id;
    struct tl_athena_saved *s = tl_athena_text(call, "NamedQueryId", true, &id) ? named_locked(call, id) : NULL;
    if (!s)
        return false;
    tl_json_key(&call->out, "NamedQuery");
    write_named(&call->out, s);
    pthread_mutex_unlock(&call->athena->mutex);
    return true;
}

bool tl_athena_update_named(struct tl_athena_call *call)
{
    struct named n;
    struct tl_view id;
    bool ok = tl_athena_text(call, "NamedQueryId", true, &id) && read_named(call, false, &n);
    struct tl_athena_saved *s = ok ? named_locked(call, id) : NULL;
    if (!s)
        return false;
    ok = replace(&s->name, n.name) && replace(&s->sql, n.sql) && replace(&s->description, n.description) && keep(call);
    pthread_mutex_unlock(&call->athena->mutex);
    return ok;
}

bool tl_athena_delete_named(struct tl_athena_call *call)
{
    struct tl_view id;
    struct tl_athena_saved *s = tl_athena_text(call, "NamedQueryId", true, &id) ? named_locked(call, id) : NULL;
    if (!s)
        return false;
    drop(call->athena->queries, &call->athena->query_count, s);
    bool ok = keep(call);
    pthread_mutex_unlock(&call->athena->mutex);
    return ok;
}

bool tl_athena_list_named(struct tl_athena_call *call)
{
    int64_t most;
    size_t i;
    if (!tl_athena_workgroup(call) || !tl_athena_max(call, 50, 50, &most) || !tl_athena_offset(call, &i))
        return false;
    pthread_mutex_lock(&call->athena->mutex);
    size_t to = i + (size_t)most;
    tl_json_key(&call->out, "NamedQueryIds");
    tl_json_begin_array(&call->out);
    for (; i < to && i < call->athena->query_count; i++)
        tl_json_write_text(&call->out, call->athena->queries[i].id);
    tl_json_end_array(&call->out);
    if (i < call->athena->query_count)
        tl_athena_next(call, i);
    pthread_mutex_unlock(&call->athena->mutex);
    return true;
}

bool tl_athena_batch_get_named(struct tl_athena_call *call)
{
    struct tl_json ids = tl_json_member(call->in, "NamedQueryIds"), item;
    struct tl_json_iter it;
    struct tl_json_writer *w = &call->out;
    if (tl_json_size(ids) < 1 || tl_json_size(ids) > 50)
        return tl_athena_invalid(call, NULL, "NamedQueryIds has 1 to 50 items");
    pthread_mutex_lock(&call->athena->mutex);
    for (int pass = 0; pass < 2; pass++) {
        tl_json_key(w, pass == 0 ? "NamedQueries" : "UnprocessedNamedQueryIds");
        tl_json_begin_array(w);
        for (tl_json_iter_init(&it, ids); tl_json_next(&it, NULL, &item);) {
            struct tl_view id = { NULL, 0 };
            struct tl_athena_saved *s = tl_json_string(item, &id) ? find_named(call->athena, id) : NULL;
            if (pass == 0 && s)
                write_named(w, s);
            if (pass == 1 && !s) {
                tl_json_begin_object(w);
                tl_json_member_string(w, "NamedQueryId", id);
                tl_json_member_text(w, "ErrorCode", "INVALID_INPUT");
                tl_json_member_text(w, "ErrorMessage", "NamedQuery was not found");
                tl_json_end_object(w);
            }
        }
        tl_json_end_array(w);
    }
    pthread_mutex_unlock(&call->athena->mutex);
    return true;
}

/* ---- prepared statements ---- */

static bool take_prepared(struct tl_athena_call *call, char name[257], bool sql, char **text)
{
    struct tl_view named, statement = { NULL, 0 };
    if (!tl_athena_workgroup(call) || !tl_athena_text(call, "StatementName", true, &named) || (sql && !tl_athena_text(call, "QueryStatement", true, &statement)))
        return false;
    if (named.size > 256 || statement.size > TL_QUERY_SQL_MAX)
        return tl_athena_invalid(call, NULL, "StatementName has at most 256 characters, QueryStatement %zu", TL_QUERY_SQL_MAX);
    snprintf(name, 257, "%.*s", TL_VIEW_ARG(named));
    *text = sql ? tl_athena_copy(statement) : NULL;
    return !sql || *text || tl_athena_invalid(call, NULL, "out of memory");
}

static bool no_prepared(struct tl_athena_call *call, const char *name)
{
    return tl_athena_fail(call, "ResourceNotFoundException", NULL, "PreparedStatement %s was not found in workGroup " TL_ATHENA_WORKGROUP, name);
}

/* wanted: whether one of that name has to be there, or must not. */
static bool put_prepared(struct tl_athena_call *call, bool wanted, bool sql)
{
    char name[257], *text;
    struct tl_error error;
    if (!take_prepared(call, name, sql, &text))
        return false;
    pthread_mutex_lock(&call->athena->mutex);
    bool there = tl_athena_find_prepared(call->athena, name) != NULL;
    bool ok = there == wanted && (prepare_locked(call->athena, name, text, &error) || tl_athena_invalid(call, NULL, "%s", error.text));
    pthread_mutex_unlock(&call->athena->mutex);
    free(text);
    if (there != wanted)
        return wanted ? no_prepared(call, name) : tl_athena_invalid(call, NULL, "PreparedStatement %s already exists", name);
    return ok;
}

bool tl_athena_create_prepared(struct tl_athena_call *call)
{
    return put_prepared(call, false, true);
}

bool tl_athena_update_prepared(struct tl_athena_call *call)
{
    return put_prepared(call, true, true);
}

bool tl_athena_delete_prepared(struct tl_athena_call *call)
{
    return put_prepared(call, true, false);
}

static void write_changed(struct tl_json_writer *w, const struct tl_athena_saved *s)
{
    tl_json_member_double(w, "LastModifiedTime", (double)(s->changed_ns / TL_NS_PER_MS) / 1000.0);
}

bool tl_athena_get_prepared(struct tl_athena_call *call)
{
    char name[257], *text;
    struct tl_json_writer *w = &call->out;
    if (!take_prepared(call, name, false, &text))
        return false;
    pthread_mutex_lock(&call->athena->mutex);
    struct tl_athena_saved *s = tl_athena_find_prepared(call->athena, name);
    if (s) {
        tl_json_key(w, "PreparedStatement");
        tl_json_begin_object(w);
        tl_json_member_text(w, "StatementName", s->name);
        tl_json_member_text(w, "QueryStatement", s->sql);
        tl_json_member_text(w, "WorkGroupName", TL_ATHENA_WORKGROUP);
        write_changed(w, s);
        tl_json_end_object(w);
    }
    pthread_mutex_unlock(&call->athena->mutex);
    return s || no_prepared(call, name);
}

bool tl_athena_list_prepared(struct tl_athena_call *call)
{
    int64_t most;
    size_t i;
    if (!tl_athena_workgroup(call) || !tl_athena_max(call, 50, 50, &most) || !tl_athena_offset(call, &i))
        return false;
    pthread_mutex_lock(&call->athena->mutex);
    size_t to = i + (size_t)most;
    tl_json_key(&call->out, "PreparedStatements");
    tl_json_begin_array(&call->out);
    for (; i < to && i < call->athena->prepared_count; i++) {
        tl_json_begin_object(&call->out);
        tl_json_member_text(&call->out, "StatementName", call->athena->prepared[i].name);
        write_changed(&call->out, &call->athena->prepared[i]);
        tl_json_end_object(&call->out);
    }
    tl_json_end_array(&call->out);
    if (i < call->athena->prepared_count)
        tl_athena_next(call, i);
    pthread_mutex_unlock(&call->athena->mutex);
    return true;
}
