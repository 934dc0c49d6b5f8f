/* SPDX-License-Identifier: Apache-2.0 */
/* faces/s3_face_list.c: listing a bucket in the order of keys, a page at a time.
 *
 * A folder's entries in the order of their names, with '/' behind those of folders, one after the other and each folder in its place, are
 * the keys in their order. A page begins behind a key or a common prefix: what lies wholly before it is not entered. */
#include "faces/s3_face_int.h"

#include "base/file.h"
#include "base/io.h"
#include "base/time.h"
#include "codec/base64.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGE_MAX 1000
#define DEPTH_MAX 40

struct listing {
    struct tl_s3f_call *call;
    struct tl_buf prefix, delimiter, after, token; /* decoded */
    bool after_prefix;                              /* after is a common prefix: nothing that begins so follows */
    bool encode, v2, owner;
    int64_t max;
    int64_t count;
    bool truncated, full; /* there is more; the page takes no more */
    struct tl_buf group; /* the last common prefix that was told */
    struct tl_buf last;  /* the last key or common prefix that was told */
    bool last_is_group;
    struct tl_buf contents, groups; /* XML */
    struct tl_error error;
};

static bool begins(struct tl_view text, const struct tl_buf *with)
{
    return tl_view_starts_with(text, tl_buf_view(with));
}

static void set(struct tl_buf *b, struct tl_view text)
{
    tl_buf_reset(b);
    tl_buf_add_view(b, text);
}

static void add_key(const struct listing *l, struct tl_buf *out, const char *name, struct tl_view key)
{
    struct tl_buf encoded;
    if (!l->encode) {
        tl_xml_element(out, name, key);
        return;
    }
    tl_buf_init(&encoded, 4 * TL_S3_KEY_MAX);
    tl_s3f_url_encode(&encoded, key);
    tl_xml_element(out, name, tl_buf_view(&encoded));
    tl_buf_release(&encoded);
}

static void add_object(struct listing *l, const char *key, const struct stat *st)
{
    struct tl_s3f_meta meta;
    char time[TL_TIME_TEXT_MAX], etag[TL_S3_ETAG_SIZE + 2];
    struct tl_buf *out = &l->contents;
    tl_s3f_meta_read(l->call->bucket, key, st, &meta);
    tl_time_format(meta.modified_ns, TL_TIME_ISO_MS, time);
    snprintf(etag, sizeof etag, "\"%s\"", meta.etag);
    tl_buf_add_text(out, "<Contents>");
    add_key(l, out, "Key", tl_view_of(key));
    tl_xml_element(out, "LastModified", tl_view_of(time));
    tl_xml_element(out, "ETag", tl_view_of(etag));
    tl_buf_addf(out, "<Size>%lld</Size>", (long long)meta.size);
    if (l->owner)
        tl_buf_add_text(out, "<Owner><ID>tapeline</ID><DisplayName>tapeline</DisplayName></Owner>");
    tl_buf_add_text(out, "<StorageClass>STANDARD</StorageClass></Contents>");
}

/* The common prefix that the key goes into; {NULL, 0}: it stands for itself. */
static struct tl_view group_of(const struct listing *l, struct tl_view key)
{
    struct tl_view delimiter = tl_buf_view(&l->delimiter), rest = { key.data + l->prefix.size, key.size - l->prefix.size };
    const char *at = delimiter.size ? memmem(rest.data, rest.size, delimiter.data, delimiter.size) : NULL;
    return at ? (struct tl_view){ key.data, (size_t)(at - key.data) + delimiter.size } : (struct tl_view){ NULL, 0 };
}

/* Behind the page's beginning? */
static bool is_after(const struct listing *l, struct tl_view key)
{
    if (!l->after.size)
        return true;
    return tl_view_cmp(key, tl_buf_view(&l->after)) > 0 && !(l->after_prefix && begins(key, &l->after));
}

/* False: the page is full. */
static bool tell(struct listing *l, const char *key_text, const struct stat *st)
{
    struct tl_view key = tl_view_of(key_text);
    if (!begins(key, &l->prefix) || !is_after(l, key))
        return true;
    struct tl_view group = group_of(l, key);
    if (group.size && l->group.size && tl_view_eq(group, tl_buf_view(&l->group)))
        return true;
    if (l->count == l->max) {
        l->full = true;
        l->truncated = l->max > 0;
        return false;
    }
    l->count++;
    l->last_is_group = group.size > 0;
    set(&l->last, group.size ? group : key);
    if (group.size) {
        set(&l->group, group);
        tl_buf_add_text(&l->groups, "<CommonPrefixes>");
        add_key(l, &l->groups, "Prefix", group);
        tl_buf_add_text(&l->groups, "</CommonPrefixes>");
    } else {
        add_object(l, key_text, st);
    }
    return true;
}

/* Whether keys that begin with folder can be wanted. */
static bool is_wanted(const struct listing *l, struct tl_view folder)
{
    struct tl_view prefix = tl_buf_view(&l->prefix), after = tl_buf_view(&l->after);
    if (!tl_view_starts_with(folder, prefix) && !tl_view_starts_with(prefix, folder))
        return false;
    if (l->group.size && begins(folder, &l->group))
        return false;
    if (!after.size || tl_view_starts_with(after, folder))
        return !(l->after_prefix && after.size && tl_view_eq(after, folder));
    return tl_view_cmp(folder, after) > 0 && !(l->after_prefix && tl_view_starts_with(folder, after));
}

struct entry {
    char *key; /* "folder/name", of folders with '/' at the end */
    struct stat st;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

static void entries_free(struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(entries[i].key);
    free(entries);
}

/* The entry of a name: false where clients do not see it, or it is neither file nor folder. */
static bool look(const struct listing *l, const char *folder, const char *name, struct entry *out)
{
    char path[PATH_MAX];
    if (!tl_s3f_is_visible(tl_view_of(folder), name) ||
        snprintf(path, sizeof path, "%s/%s%s", l->call->bucket->root, folder, name) >= (int)sizeof path || tl_io->lstat(path, &out->st) != 0)
        return false;
    bool is_folder = S_ISDIR(out->st.st_mode);
    if ((!is_folder && !S_ISREG(out->st.st_mode)) || strlen(folder) + strlen(name) >= TL_S3_KEY_MAX)
        return false;
    size_t size = strlen(folder) + strlen(name) + 2;
    out->key = malloc(size);
    if (out->key)
        snprintf(out->key, size, "%s%s%s", folder, name, is_folder ? "/" : "");
    return out->key != NULL;
}

static bool read_folder(struct listing *l, const char *folder, struct entry **entries, size_t *count)
{
    char path[PATH_MAX];
    struct tl_dir_list list;
    *count = 0;
    snprintf(path, sizeof path, "%s/%s", l->call->bucket->root, folder);
    if (!tl_dir_list(path, &list, &l->error))
        return l->error.code == TL_NOT_FOUND; /* it went meanwhile */
    *entries = calloc(list.count + 1, sizeof **entries);
    for (size_t i = 0; *entries && i < list.count; i++)
        *count += look(l, folder, list.names[i], &(*entries)[*count]);
    tl_dir_list_release(&list);
    if (!*entries)
        return tl_error_set(&l->error, TL_NO_MEMORY, "out of memory");
    qsort(*entries, *count, sizeof **entries, by_key);
    return true;
}

/* False: the page is full, or an error. */
static bool walk(struct listing *l, const char *folder, unsigned depth)
{
    struct entry *entries = NULL;
    size_t count;
    bool more = depth < DEPTH_MAX && read_folder(l, folder, &entries, &count);
    if (depth >= DEPTH_MAX) /* deeper than a key may be */
        return true;
    for (size_t i = 0; more && i < count; i++) {
        const struct entry *e = &entries[i];
        if (!S_ISDIR(e->st.st_mode))
            more = tell(l, e->key, &e->st);
        else if (is_wanted(l, tl_view_of(e->key)))
            more = walk(l, e->key, depth + 1);
    }
    entries_free(entries, count);
    return more;
}

/* ---- what is asked ---- */

static bool read_number(struct listing *l)
{
    struct tl_buf text;
    int64_t max = PAGE_MAX;
    tl_buf_init(&text, 32);
    bool ok = !tl_s3f_has_param(l->call, "max-keys") || (tl_s3f_param(l->call, "max-keys", &text) && tl_view_to_i64(tl_buf_view(&text), &max) && max >= 0);
    tl_buf_release(&text);
    l->max = max < PAGE_MAX ? max : PAGE_MAX;
    return ok || tl_s3f_fail(l->call, "InvalidArgument", "max-keys is not a number from 0 to 2147483647.");
}

static void write_token(const struct listing *l, struct tl_buf *out)
{
    struct tl_buf text;
    tl_buf_init(&text, TL_S3_KEY_MAX + 2);
    tl_buf_add_char(&text, l->last_is_group ? 'p' : 'k');
    tl_buf_add_view(&text, tl_buf_view(&l->last));
    tl_base64_add(out, tl_buf_view(&text));
    tl_buf_release(&text);
}

static bool read_token(struct listing *l)
{
    char text[TL_BASE64_SIZE(TL_S3_KEY_MAX + 8)];
    size_t size = 0;
    struct tl_view token = tl_buf_view(&l->token);
    bool ok = token.size < sizeof text && tl_base64_decode(token, text, &size) && size > 1 && (text[0] == 'p' || text[0] == 'k');
    if (!ok)
        return tl_s3f_fail(l->call, "InvalidArgument", "The continuation token provided is incorrect");
    l->after_prefix = text[0] == 'p';
    set(&l->after, (struct tl_view){ text + 1, size - 1 });
    return true;
}

static bool read_text(struct listing *l, const char *name, struct tl_buf *out)
{
    return !tl_s3f_has_param(l->call, name) || tl_s3f_param(l->call, name, out) || tl_s3f_fail(l->call, "InvalidArgument", "%s is too long.", name);
}

static bool read_request(struct listing *l)
{
    struct tl_buf text;
    tl_buf_init(&text, 32);
    bool has_type = tl_s3f_has_param(l->call, "encoding-type");
    l->encode = has_type && tl_s3f_param(l->call, "encoding-type", &text) && tl_view_is(tl_buf_view(&text), "url");
    tl_buf_reset(&text);
    l->owner = !l->v2 || (tl_s3f_param(l->call, "fetch-owner", &text) && tl_view_is(tl_buf_view(&text), "true"));
    tl_buf_release(&text);
    if (has_type && !l->encode)
        return tl_s3f_fail(l->call, "InvalidArgument", "Invalid Encoding Method specified in Request");
    if (!read_number(l) || !read_text(l, "prefix", &l->prefix) || !read_text(l, "delimiter", &l->delimiter) ||
        !read_text(l, l->v2 ? "start-after" : "marker", &l->after) || !read_text(l, "continuation-token", &l->token))
        return false;
    struct tl_view after = tl_buf_view(&l->after);
    l->after_prefix = after.size && begins(after, &l->prefix) && tl_view_eq(group_of(l, after), after);
    return !l->v2 || !l->token.size || read_token(l);
}

/* ---- the answer ---- */

static void write_answer(struct listing *l)
{
    struct tl_s3f_call *c = l->call;
    struct tl_buf *out = &c->job->reply.body, after;
    tl_s3f_xml_begin(c, "ListBucketResult");
    tl_s3f_xml_text(c, "Name", tl_view_of(c->bucket->name));
    add_key(l, out, "Prefix", tl_buf_view(&l->prefix));
    tl_s3f_xml_number(c, "MaxKeys", l->max);
    if (l->delimiter.size)
        add_key(l, out, "Delimiter", tl_buf_view(&l->delimiter));
    if (l->encode)
        tl_buf_add_text(out, "<EncodingType>url</EncodingType>");
    tl_buf_addf(out, "<IsTruncated>%s</IsTruncated>", l->truncated ? "true" : "false");
    tl_buf_init(&after, TL_S3_KEY_MAX + 1);
    (void)tl_s3f_param(c, l->v2 ? "start-after" : "marker", &after);
    if (!l->v2 || after.size)
        add_key(l, out, l->v2 ? "StartAfter" : "Marker", tl_buf_view(&after));
    tl_buf_release(&after);
    if (l->v2)
        tl_s3f_xml_number(c, "KeyCount", l->count);
    if (l->v2 && l->token.size)
        tl_s3f_xml_text(c, "ContinuationToken", tl_buf_view(&l->token));
    if (l->truncated && l->v2) {
        tl_buf_add_text(out, "<NextContinuationToken>");
        write_token(l, out);
        tl_buf_add_text(out, "</NextContinuationToken>");
    } else if (l->truncated && l->delimiter.size) {
        add_key(l, out, "NextMarker", tl_buf_view(&l->last));
    }
    tl_buf_add_view(out, tl_buf_view(&l->contents));
    tl_buf_add_view(out, tl_buf_view(&l->groups));
    tl_buf_add_text(out, "</ListBucketResult>");
}

/* The folder that all keys of the prefix are below: nothing else needs to be looked at. */
static void start_folder(const struct listing *l, char out[PATH_MAX])
{
    struct tl_view prefix = tl_buf_view(&l->prefix);
    while (prefix.size && prefix.data[prefix.size - 1] != '/')
        prefix.size--;
    snprintf(out, PATH_MAX, "%.*s", TL_VIEW_ARG(prefix));
}

/* A prefix that is the way to no folder has no keys. */
static bool folder_can_be(const struct listing *l, const char *folder)
{
    struct tl_s3f_call probe = *l->call;
    struct tl_face_job job = { .service = TL_AWS_S3 };
    tl_buf_init(&job.reply.notes, 1024);
    tl_buf_init(&job.reply.body, 8192);
    probe.job = &job;
    bool ok = !folder[0] || tl_s3f_locate(&probe, tl_view_of(folder), TL_S3_READ);
    tl_buf_release(&job.reply.notes);
    tl_buf_release(&job.reply.body);
    return ok;
}

static void list(struct tl_s3f_call *c, bool v2)
{
    struct listing l = { .call = c, .v2 = v2 };
    struct tl_buf *const texts[] = { &l.prefix, &l.delimiter, &l.after, &l.group, &l.last };
    char folder[PATH_MAX];
    for (size_t i = 0; i < TL_COUNT(texts); i++)
        tl_buf_init(texts[i], TL_S3_KEY_MAX + 1);
    tl_buf_init(&l.token, TL_BASE64_SIZE(TL_S3_KEY_MAX + 8));
    tl_buf_init(&l.contents, TL_FACE_BODY_MAX);
    tl_buf_init(&l.groups, TL_FACE_BODY_MAX);
    if (read_request(&l)) {
        start_folder(&l, folder);
        bool whole = !folder_can_be(&l, folder) || walk(&l, folder, 0);
        if (!whole && !l.full)
            tl_s3f_fail_io(c, &l.error);
        else
            write_answer(&l);
    }
    for (size_t i = 0; i < TL_COUNT(texts); i++)
        tl_buf_release(texts[i]);
    tl_buf_release(&l.token);
    tl_buf_release(&l.contents);
    tl_buf_release(&l.groups);
}

void tl_s3f_list_v1(struct tl_s3f_call *c)
{
    list(c, false);
}

void tl_s3f_list_v2(struct tl_s3f_call *c)
{
    list(c, true);
}

void tl_s3f_list_buckets(struct tl_s3f_call *c)
{
    tl_s3f_xml_begin(c, "ListAllMyBucketsResult");
    tl_buf_add_text(&c->job->reply.body, "<Owner><ID>tapeline</ID><DisplayName>tapeline</DisplayName></Owner><Buckets>");
    for (size_t i = 0; i < TL_COUNT(c->s3->buckets); i++) {
        struct stat st;
        char time[TL_TIME_TEXT_MAX];
        if (!c->s3->buckets[i].root || tl_io->stat(c->s3->buckets[i].root, &st) != 0)
            continue;
        tl_time_format((int64_t)st.st_ctim.tv_sec * TL_NS_PER_S, TL_TIME_ISO_MS, time);
        tl_buf_add_text(&c->job->reply.body, "<Bucket>");
        tl_s3f_xml_text(c, "Name", tl_view_of(c->s3->buckets[i].name));
        tl_s3f_xml_text(c, "CreationDate", tl_view_of(time));
        tl_buf_add_text(&c->job->reply.body, "</Bucket>");
    }
    tl_buf_add_text(&c->job->reply.body, "</Buckets></ListAllMyBucketsResult>");
}
