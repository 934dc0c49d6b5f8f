/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/candles: the ticks of one key as candles. Asking starts the tape; what comes after goes with the event stream. */
#include "web/api.h"

#define OUT_MAX (1u << 20)

void tl_web_get_candles(struct tl_web *w, struct tl_http_exchange *x)
{
    char name[256], key[1024], text[16] = "1000";
    struct tl_buf body;
    struct tl_web_tape *tape = NULL;
    if (!tl_web_param(x, "tape", name, sizeof name) || !tl_web_param(x, "key", key, sizeof key)) {
        tl_web_answer_error(x, 400, "say which tape and key: /api/candles?tape=NAME&key=KEY (/api/plan lists the tapes)");
        return;
    }
    bool given = tl_web_param(x, "interval", text, sizeof text);
    if (given && strcmp(text, "1000") != 0 && strcmp(text, "60000") != 0) {
        tl_web_answer_error(x, 400, "interval is 1000 or 60000 milliseconds");
        return;
    }
    for (size_t i = 0; i < w->tape_count; i++)
        if (strcmp(w->options.plan->sources[tl_web_tape_source(w->tapes[i])].name, name) == 0)
            tape = w->tapes[i];
    if (!tape) {
        tl_web_answer_error(x, 404, "there is no such tape; /api/plan lists them");
        return;
    }
    tl_web_tape_want(tape);
    tl_buf_init(&body, OUT_MAX);
    tl_web_tape_write(tape, key, strcmp(text, "60000") == 0 ? 60000 : 1000, &body);
    tl_web_answer_json(x, &body);
}
