/* SPDX-License-Identifier: Apache-2.0 */
#include "faces/glue_face_int.h"

#include "base/io.h"
#include "base/map.h"
#include "base/time.h"
#include "faces/glue_expression.h"

#include <stdio.h>

#define KEYS_MAX 64
#define BATCH_CREATE_MAX 100
#define BATCH_DELETE_MAX 25
#define BATCH_GET_MAX 1000
#define PARTITIONS_MAX 10000000
#define KEY_MAX ((size_t)1 << 20)

static bool open_table(struct tl_glue_call *c, bool change, struct tl_glue_doc *doc)
{
    char database[TL_GLUE_NAME_SIZE], name[TL_GLUE_NAME_SIZE];
    if (!tl_glue_name(c, c->request, "DatabaseName", database) || !tl_glue_name(c, c->request, "TableName", name))
        return false;
    return change ? tl_glue_doc_get_own(c, database, name, doc) : tl_glue_doc_get(c, database, name, true, doc);
}

/* ---- values ---- */

/* What tells partitions from each other: each value with its size before it. */
static bool key_of(struct tl_json values, struct tl_buf *out)
{
    struct tl_json_iter it;
    struct tl_json item;
    tl_buf_reset(out);
    for (tl_json_iter_init(&it, values); tl_json_next(&it, NULL, &item);) {
        struct tl_view text = { NULL, 0 };
        if (!tl_json_string(item, &text))
            return false;
        tl_buf_addf(out, "%zu:", text.size);
        tl_buf_add_view(out, text);
    }
    return !out->failed;
}

/* The values are as many texts as the table has keys. */
static bool check_values(struct tl_glue_call *c, const struct tl_glue_doc *doc, struct tl_json values, struct tl_buf *key)
{
    size_t count = tl_json_size(tl_json_member(tl_json_member(doc->root, "TableInput"), "PartitionKeys"));
    return (tl_json_kind_of(values) == TL_JSON_ARRAY && tl_json_size(values) == count && count > 0 && key_of(values, key)) ||
           tl_glue_fail(c, "InvalidInputException", "The number of partition keys do not match the number of partition values: the table %s.%s has %zu keys.",
                        doc->database, doc->name, count);
}

static struct tl_json input_of(struct tl_json partition)
{
    return tl_json_member(partition, "PartitionInput");
}

/* Partitions of a document by their values: the place in the list. */
struct index {
    struct tl_map map;
    struct tl_buf key;
};

static void index_release(struct index *index)
{
    tl_map_release(&index->map);
    tl_buf_release(&index->key);
}

static bool index_make(struct tl_glue_call *c, const struct tl_glue_doc *doc, struct index *index)
{
    struct tl_json_iter it;
    struct tl_json item;
    uint64_t at = 0;
    bool added, ok = true;
    tl_map_init(&index->map, PARTITIONS_MAX);
    tl_buf_init(&index->key, KEY_MAX);
    for (tl_json_iter_init(&it, tl_json_member(doc->root, "partitions")); ok && tl_json_next(&it, NULL, &item); at++) {
        uint64_t *place = key_of(tl_json_member(input_of(item), "Values"), &index->key) ? tl_map_put(&index->map, tl_buf_view(&index->key), &added) : NULL;
        ok = place != NULL;
        if (ok)
            *place = at;
    }
    struct tl_error error;
    return ok || tl_face_fail_internal(c->job, (tl_error_set(&error, TL_NO_MEMORY, "no memory for the partitions of a table"), &error));
}

/* The partition with those values. */
static bool find(const struct tl_glue_doc *doc, const struct index *index, struct tl_view key, struct tl_json *out)
{
    const uint64_t *place = tl_map_find(&index->map, key);
    struct tl_json_iter it;
    uint64_t at = 0;
    if (!place)
        return false;
    for (tl_json_iter_init(&it, tl_json_member(doc->root, "partitions")); tl_json_next(&it, NULL, out); at++)
        if (at == *place)
            return true;
    return false;
}

static bool fail_absent(struct tl_glue_call *c)
{
    return tl_glue_fail(c, "EntityNotFoundException", "Cannot find partition.");
}

/* ---- answers ---- */

static void write_partition(struct tl_json_writer *w, const struct tl_glue_doc *doc, struct tl_json partition)
{
    tl_json_begin_object(w);
    tl_json_write_members(w, input_of(partition), NULL);
    tl_json_member_text(w, "DatabaseName", doc->database);
    tl_json_member_text(w, "TableName", doc->name);
    tl_json_member_i64(w, "CreationTime", tl_json_get_i64(partition, "created", 0));
    tl_json_member_text(w, "CatalogId", TL_GLUE_ACCOUNT);
    tl_json_end_object(w);
}

static void write_values_error(struct tl_json_writer *w, struct tl_json values, const char *code, const char *message)
{
    tl_json_begin_object(w);
    tl_json_key(w, "PartitionValues");
    tl_json_write_value(w, values);
    tl_json_key(w, "ErrorDetail");
    tl_json_begin_object(w);
    tl_json_member_text(w, "ErrorCode", code);
    tl_json_member_text(w, "ErrorMessage", message);
    tl_json_end_object(w);
    tl_json_end_object(w);
}

bool tl_glue_get_partition(struct tl_glue_call *c)
{
    struct tl_glue_doc doc;
    struct tl_json found;
    struct tl_buf key;
    struct index index;
    if (!open_table(c, false, &doc))
        return false;
    tl_buf_init(&key, KEY_MAX);
    bool ok = index_make(c, &doc, &index) && check_values(c, &doc, tl_json_member(c->request, "PartitionValues"), &key);
    if (ok && !find(&doc, &index, tl_buf_view(&key), &found))
        ok = fail_absent(c);
    if (ok) {
        tl_json_key(&c->w, "Partition");
        write_partition(&c->w, &doc, found);
    }
    index_release(&index);
    tl_buf_release(&key);
    tl_glue_doc_release(&doc);
    return ok;
}

/* ---- the list ---- */

struct filter {
    struct tl_view expression;
    struct tl_glue_key keys[KEYS_MAX];
    size_t count;
    int64_t segment, segments;
};

static bool read_filter(struct tl_glue_call *c, const struct tl_glue_doc *doc, struct filter *out)
{
    struct tl_json segment = tl_json_member(c->request, "Segment"), item;
    struct tl_json_iter it;
    struct tl_error error;
    bool ignored;
    *out = (struct filter){ .expression = tl_json_get_string(c->request, "Expression"),
                            .segment = tl_json_get_i64(segment, "SegmentNumber", 0),
                            .segments = tl_json_get_i64(segment, "TotalSegments", 1) };
    for (tl_json_iter_init(&it, tl_json_member(tl_json_member(doc->root, "TableInput"), "PartitionKeys")); tl_json_next(&it, NULL, &item);) {
        if (out->count == KEYS_MAX)
            return tl_glue_fail(c, "InvalidInputException", "A table with more than %d partition keys cannot be filtered here.", KEYS_MAX);
        out->keys[out->count++] = (struct tl_glue_key){ .name = tl_json_get_string(item, "Name"), .type = tl_json_get_string(item, "Type") };
    }
    if (out->segments < 1 || out->segments > 10 || out->segment < 0 || out->segment >= out->segments)
        return tl_glue_fail(c, "InvalidInputException", "Segment has a TotalSegments of 1 to 10 and a SegmentNumber below it.");
    /* Once for nothing: what is wrong is wrong without partitions, too. */
    return tl_glue_expression_matches(out->expression, out->keys, out->count, &ignored, &error) ||
           tl_glue_fail(c, "InvalidInputException", "%s", error.text);
}

static bool passes(struct tl_glue_call *c, struct filter *f, struct tl_json partition, int64_t at, bool *out)
{
    struct tl_json_iter it;
    struct tl_json item;
    struct tl_error error;
    size_t i = 0;
    *out = at % f->segments == f->segment;
    for (tl_json_iter_init(&it, tl_json_member(input_of(partition), "Values")); i < f->count && tl_json_next(&it, NULL, &item); i++)
        f->keys[i].value = tl_json_string(item, &f->keys[i].value) ? f->keys[i].value : (struct tl_view){ NULL, 0 };
    return !*out || tl_glue_expression_matches(f->expression, f->keys, f->count, out, &error) || tl_glue_fail(c, "InvalidInputException", "%s", error.text);
}

static bool write_list(struct tl_glue_call *c, const struct tl_glue_doc *doc)
{
    struct filter filter;
    struct tl_glue_page page;
    struct tl_json_iter it;
    struct tl_json item;
    int64_t at = 0;
    bool ok = read_filter(c, doc, &filter) && tl_glue_page_begin(c, TL_GLUE_PAGE_MAX, &page), wanted;
    if (!ok)
        return false;
    tl_json_key(&c->w, "Partitions");
    tl_json_begin_array(&c->w);
    for (tl_json_iter_init(&it, tl_json_member(doc->root, "partitions")); ok && tl_json_next(&it, NULL, &item); at++) {
        ok = passes(c, &filter, item, at, &wanted);
        if (ok && wanted && tl_glue_page_wants(&page))
            write_partition(&c->w, doc, item);
    }
    if (!ok)
        return false;
    tl_json_end_array(&c->w);
    tl_glue_page_end(c, &page);
    return true;
}

bool tl_glue_get_partitions(struct tl_glue_call *c)
{
    struct tl_glue_doc doc;
    if (!open_table(c, false, &doc))
        return false;
    bool ok = write_list(c, &doc);
    tl_glue_doc_release(&doc);
    return ok;
}

/* The list of the request that a batch is of. */
static bool read_batch(struct tl_glue_call *c, const char *member, size_t max, struct tl_json *out)
{
    *out = tl_json_member(c->request, member);
    return (tl_json_kind_of(*out) == TL_JSON_ARRAY && tl_json_size(*out) <= max) ||
           tl_glue_fail(c, "InvalidInputException", "%s is a list of at most %zu.", member, max);
}

static bool write_asked(struct tl_glue_call *c, const struct tl_glue_doc *doc, const struct index *index, struct tl_json list, struct tl_buf *key)
{
    struct tl_json_iter it;
    struct tl_json item, found;
    tl_json_key(&c->w, "Partitions");
    tl_json_begin_array(&c->w);
    for (tl_json_iter_init(&it, list); tl_json_next(&it, NULL, &item);) {
        if (!check_values(c, doc, tl_json_member(item, "Values"), key))
            return false;
        if (find(doc, index, tl_buf_view(key), &found))
            write_partition(&c->w, doc, found);
    }
    tl_json_end_array(&c->w);
    tl_json_key(&c->w, "UnprocessedKeys");
    tl_json_begin_array(&c->w);
    tl_json_end_array(&c->w);
    return true;
}

bool tl_glue_batch_get_partition(struct tl_glue_call *c)
{
    struct tl_glue_doc doc;
    struct tl_json list;
    struct tl_buf key;
    struct index index;
    if (!read_batch(c, "PartitionsToGet", BATCH_GET_MAX, &list) || !open_table(c, false, &doc))
        return false;
    tl_buf_init(&key, KEY_MAX);
    bool ok = index_make(c, &doc, &index) && write_asked(c, &doc, &index, list, &key);
    index_release(&index);
    tl_buf_release(&key);
    tl_glue_doc_release(&doc);
    return ok;
}

/* ---- changes ---- */

/* What becomes of a document's partitions: those of removed go, those of added come behind the rest. */
struct edit {
    struct tl_map removed, added; /* by values; added: the place in inputs */
    const struct tl_json *inputs;
    struct tl_buf key;
};

static void write_edited(struct tl_json_writer *w, const struct tl_glue_doc *old, void *arg)
{
    struct edit *edit = arg;
    struct tl_json_iter it;
    struct tl_json item;
    for (tl_json_iter_init(&it, tl_json_member(old->root, "partitions")); tl_json_next(&it, NULL, &item);)
        if (!key_of(tl_json_member(input_of(item), "Values"), &edit->key) || !tl_map_find(&edit->removed, tl_buf_view(&edit->key)))
            tl_json_write_value(w, item);
    for (size_t i = 0; i < edit->added.count; i++) {
        tl_json_begin_object(w);
        tl_json_member_i64(w, "created", tl_io->wall_ns() / TL_NS_PER_S);
        tl_json_key(w, "PartitionInput");
        tl_json_write_value(w, edit->inputs[tl_map_value_at(&edit->added, i)]);
        tl_json_end_object(w);
    }
}

static void edit_init(struct edit *edit, const struct tl_json *inputs)
{
    tl_map_init(&edit->removed, BATCH_CREATE_MAX);
    tl_map_init(&edit->added, BATCH_CREATE_MAX);
    tl_buf_init(&edit->key, KEY_MAX);
    edit->inputs = inputs;
}

static void edit_release(struct edit *edit)
{
    tl_map_release(&edit->removed);
    tl_map_release(&edit->added);
    tl_buf_release(&edit->key);
}

static bool put(struct tl_glue_call *c, struct tl_map *map, struct tl_view key, size_t value)
{
    bool added;
    struct tl_error error;
    uint64_t *place = tl_map_put(map, key, &added);
    if (!place)
        return tl_face_fail_internal(c->job, (tl_error_set(&error, TL_NO_MEMORY, "out of memory"), &error));
    *place = value;
    return true;
}

static bool write_edit(struct tl_glue_call *c, const struct tl_glue_doc *doc, struct edit *edit)
{
    const struct tl_glue_change change = { .old = doc, .partitions = write_edited, .arg = edit };
    return (!edit->removed.count && !edit->added.count) || tl_glue_doc_write(c, doc->database, doc->name, &change);
}

/* One action's way: the table, the index of its partitions, plan(), and the document written. */
static bool change_partitions(struct tl_glue_call *c, struct edit *edit,
                              bool (*plan)(struct tl_glue_call *c, const struct tl_glue_doc *doc, const struct index *index, struct edit *edit))
{
    struct tl_glue_doc doc;
    struct index index;
    if (!open_table(c, true, &doc))
        return false;
    bool ok = index_make(c, &doc, &index) && plan(c, &doc, &index, edit) && write_edit(c, &doc, edit);
    index_release(&index);
    tl_glue_doc_release(&doc);
    return ok;
}

static bool plan_create(struct tl_glue_call *c, const struct tl_glue_doc *doc, const struct index *index, struct edit *edit)
{
    if (!check_values(c, doc, tl_json_member(edit->inputs[0], "Values"), &edit->key))
        return false;
    if (tl_map_find(&index->map, tl_buf_view(&edit->key)))
        return tl_glue_fail(c, "AlreadyExistsException", "Partition already exists.");
    return put(c, &edit->added, tl_buf_view(&edit->key), 0);
}

bool tl_glue_create_partition(struct tl_glue_call *c)
{
    struct tl_json input = tl_json_member(c->request, "PartitionInput");
    struct edit edit;
    edit_init(&edit, &input);
    bool ok = change_partitions(c, &edit, plan_create);
    edit_release(&edit);
    return ok;
}

/* The old values go; the input may have others, which must be free. */
static bool plan_update(struct tl_glue_call *c, const struct tl_glue_doc *doc, const struct index *index, struct edit *edit)
{
    struct tl_json values = tl_json_member(edit->inputs[0], "Values");
    if (!check_values(c, doc, tl_json_member(c->request, "PartitionValueList"), &edit->key))
        return false;
    if (!tl_map_find(&index->map, tl_buf_view(&edit->key)))
        return fail_absent(c);
    if (!put(c, &edit->removed, tl_buf_view(&edit->key), 0) || !check_values(c, doc, values, &edit->key))
        return false;
    if (tl_map_find(&index->map, tl_buf_view(&edit->key)) && !tl_map_find(&edit->removed, tl_buf_view(&edit->key)))
        return tl_glue_fail(c, "AlreadyExistsException", "Partition already exists.");
    return put(c, &edit->added, tl_buf_view(&edit->key), 0);
}

bool tl_glue_update_partition(struct tl_glue_call *c)
{
    struct tl_json input = tl_json_member(c->request, "PartitionInput");
    struct edit edit;
    edit_init(&edit, &input);
    bool ok = change_partitions(c, &edit, plan_update);
    edit_release(&edit);
    return ok;
}

static bool plan_delete(struct tl_glue_call *c, const struct tl_glue_doc *doc, const struct index *index, struct edit *edit)
{
    if (!check_values(c, doc, tl_json_member(c->request, "PartitionValues"), &edit->key))
        return false;
    return tl_map_find(&index->map, tl_buf_view(&edit->key)) ? put(c, &edit->removed, tl_buf_view(&edit->key), 0) : fail_absent(c);
}

bool tl_glue_delete_partition(struct tl_glue_call *c)
{
    struct edit edit;
    edit_init(&edit, NULL);
    bool ok = change_partitions(c, &edit, plan_delete);
    edit_release(&edit);
    return ok;
}

/* ---- batches: what is wrong with one is told in the answer ---- */

static bool plan_batch_create(struct tl_glue_call *c, const struct tl_glue_doc *doc, const struct index *index, struct edit *edit)
{
    size_t count = tl_json_size(tl_json_member(c->request, "PartitionInputList"));
    tl_json_key(&c->w, "Errors");
    tl_json_begin_array(&c->w);
    for (size_t i = 0; i < count; i++) {
        struct tl_json values = tl_json_member(edit->inputs[i], "Values");
        if (!check_values(c, doc, values, &edit->key))
            return false;
        bool there = tl_map_find(&index->map, tl_buf_view(&edit->key)) || tl_map_find(&edit->added, tl_buf_view(&edit->key));
        if (there)
            write_values_error(&c->w, values, "AlreadyExistsException", "Partition already exists.");
        else if (!put(c, &edit->added, tl_buf_view(&edit->key), i))
            return false;
    }
    tl_json_end_array(&c->w);
    return true;
}

bool tl_glue_batch_create_partition(struct tl_glue_call *c)
{
    struct tl_json list, inputs[BATCH_CREATE_MAX];
    struct tl_json_iter it;
    struct edit edit;
    size_t count = 0;
    if (!read_batch(c, "PartitionInputList", BATCH_CREATE_MAX, &list))
        return false;
    for (tl_json_iter_init(&it, list); count < BATCH_CREATE_MAX && tl_json_next(&it, NULL, &inputs[count]);)
        count++;
    edit_init(&edit, inputs);
    bool ok = change_partitions(c, &edit, plan_batch_create);
    edit_release(&edit);
    return ok;
}

static bool plan_batch_delete(struct tl_glue_call *c, const struct tl_glue_doc *doc, const struct index *index, struct edit *edit)
{
    struct tl_json_iter it;
    struct tl_json item;
    tl_json_key(&c->w, "Errors");
    tl_json_begin_array(&c->w);
    for (tl_json_iter_init(&it, tl_json_member(c->request, "PartitionsToDelete")); tl_json_next(&it, NULL, &item);) {
        struct tl_json values = tl_json_member(item, "Values");
        if (!check_values(c, doc, values, &edit->key))
            return false;
        if (!tl_map_find(&index->map, tl_buf_view(&edit->key)))
            write_values_error(&c->w, values, "EntityNotFoundException", "Cannot find partition.");
        else if (!put(c, &edit->removed, tl_buf_view(&edit->key), 0))
            return false;
    }
    tl_json_end_array(&c->w);
    return true;
}

bool tl_glue_batch_delete_partition(struct tl_glue_call *c)
{
    struct tl_json list;
    struct edit edit;
    if (!read_batch(c, "PartitionsToDelete", BATCH_DELETE_MAX, &list))
        return false;
    edit_init(&edit, NULL);
    bool ok = change_partitions(c, &edit, plan_batch_delete);
    edit_release(&edit);
    return ok;
}
