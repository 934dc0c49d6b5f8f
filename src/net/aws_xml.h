/* SPDX-License-Identifier: Apache-2.0 */
/* net/aws_xml.h: texts out of the XML that STS and S3 answer with: no tree, no entities but XML's own five
 * and numbers. */
#pragma once

#include "base/view.h"

/* The text of the first element of that name (its attributes are passed over), decoded into out[room],
 * NUL-terminated. False when there is none, it has children, does not fit, or is not UTF-8 once decoded. */
TL_MUST_USE bool tl_aws_xml_text(struct tl_view xml, const char *name, char *out, size_t room);
/* The next element of that name in *rest: *inner is what stands between its tags, *rest what follows. False when there is none.
 * For elements that do not hold others of their own name. */
TL_MUST_USE bool tl_aws_xml_next(struct tl_view *rest, const char *name, struct tl_view *inner);
