/* SPDX-License-Identifier: Apache-2.0 */
#include "net/aws_service.h"

#include "base/io.h"
#include "codec/json_writer.h"

#include <stdio.h>

#define ERROR_MAX ((size_t)64 << 10)

static const struct {
    enum tl_aws_service service;
    const char *target, *name;
} services[] = {
    { TL_AWS_KINESIS, "Kinesis_20131202.", "kinesis" },
    { TL_AWS_S3, NULL, "s3" },
    { TL_AWS_GLUE, "AWSGlue.", "glue" },
    { TL_AWS_ATHENA, "AmazonAthena.", "athena" },
};

static bool is_call(struct tl_view type)
{
    static const char *const types[] = { "application/x-amz-json-1.1", "application/x-amz-cbor-1.1", "application/json" };
    struct tl_view parameters;
    type = tl_view_trim(tl_view_split(type, ';', &parameters));
    for (size_t i = 0; i < TL_COUNT(types); i++)
        if (tl_view_is(type, types[i]))
            return true;
    return false;
}

enum tl_aws_service tl_aws_service_of(const struct tl_http_exchange *x)
{
    struct tl_view target = tl_http_header_value(x, "x-amz-target");
    for (size_t i = 0; i < TL_COUNT(services); i++)
        if (services[i].target && tl_view_starts_with(target, tl_view_of(services[i].target)))
            return services[i].service;
    if (target.data || (tl_view_is(tl_http_method(x), "POST") && is_call(tl_http_header_value(x, "content-type"))))
        return TL_AWS_KINESIS;
    return TL_AWS_S3;
}

bool tl_aws_says_s3(const struct tl_http_exchange *x)
{
    struct tl_view authorization = tl_http_header_value(x, "authorization"), query = tl_http_query(x);
    return (authorization.size && memmem(authorization.data, authorization.size, "/s3/aws4_request", 16)) ||
           (query.size && memmem(query.data, query.size, "%2Fs3%2Faws4_request", 20)) ||
           tl_http_header_value(x, "x-amz-content-sha256").data;
}

const char *tl_aws_service_name(enum tl_aws_service service)
{
    return services[service].name;
}

struct tl_view tl_aws_action(const struct tl_http_exchange *x)
{
    struct tl_view action, target = tl_http_header_value(x, "x-amz-target");
    (void)tl_view_split(target, '.', &action);
    return action;
}

void tl_aws_request_id(char out[TL_AWS_REQUEST_ID_SIZE])
{
    uint8_t b[16] = { 0 };
    (void)tl_io->random(b, sizeof b); /* ids need not be secret */
    snprintf(out, TL_AWS_REQUEST_ID_SIZE, "%02x%02x%02x%02x-%02x%02x-4%01x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4],
             b[5], b[6] & 15, b[7], (b[8] & 0x3f) | 0x80, b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

void tl_xml_add(struct tl_buf *out, struct tl_view text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '&')
            tl_buf_add_text(out, "&amp;");
        else if (c == '<')
            tl_buf_add_text(out, "&lt;");
        else if (c == '>')
            tl_buf_add_text(out, "&gt;");
        else if (c == '"')
            tl_buf_add_text(out, "&quot;");
        else if (c == '\r' || c == '\n' || c == '\t')
            tl_buf_addf(out, "&#%d;", c);
        else if (c >= 0x20)
            tl_buf_add_char(out, (char)c);
    }
}

void tl_xml_element(struct tl_buf *out, const char *name, struct tl_view text)
{
    tl_buf_addf(out, "<%s>", name);
    tl_xml_add(out, text);
    tl_buf_addf(out, "</%s>", name);
}

void tl_aws_write_error(struct tl_buf *out, enum tl_aws_service service, const char *code, struct tl_view message)
{
    struct tl_json_writer w;
    if (service == TL_AWS_S3) {
        tl_buf_add_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
        tl_xml_element(out, "Code", tl_view_of(code));
        tl_xml_element(out, "Message", message);
        tl_buf_add_text(out, "</Error>");
        return;
    }
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "__type", code);
    tl_json_member_string(&w, "Message", message);
    tl_json_end_object(&w);
}

void tl_aws_answer_error(struct tl_http_exchange *x, enum tl_aws_service service, int status, const char *code, struct tl_view message)
{
    bool xml = service == TL_AWS_S3;
    char id[TL_AWS_REQUEST_ID_SIZE];
    struct tl_buf body;
    tl_aws_request_id(id);
    tl_buf_init(&body, ERROR_MAX);
    tl_aws_write_error(&body, service, code, message);
    struct tl_http_header headers[] = { { xml ? TL_VIEW("x-amz-request-id") : TL_VIEW("x-amzn-RequestId"), tl_view_of(id) },
                                        { TL_VIEW("x-amzn-ErrorType"), tl_view_of(code) } };
    tl_http_respond_take(x, status, xml ? "application/xml" : "application/x-amz-json-1.1", headers, xml ? 1 : 2, &body);
    tl_buf_release(&body);
}
