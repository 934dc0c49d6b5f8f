/* SPDX-License-Identifier: Apache-2.0 */
/* faces/s3_face.h: the S3 API over two folders: a key is the path of a file below its bucket's folder.
 *
 * An object is seen whole or not at all: it is written beside, and renamed into place. What S3 keeps of an object besides its bytes (ETag,
 * type, metadata, checksum) stands in a small file below the bucket's _tapeline/objects/, and counts while size, time and inode of the
 * object are those it was written for; the ETag of a file that did not come through here is made of these three, in the form of a
 * multipart upload's, which nobody takes for an MD5. Folders of tapeline's own ("_tapeline", "_tmp") are not there for clients; tables that
 * a pipeline writes can be read and not written. Links are not followed. */
#pragma once

#include "faces/face_job.h"

struct tl_s3_face;
TL_MUST_USE bool tl_s3_face_open(struct tl_s3_face **out, struct tl_aws_face *face, struct tl_error *error);
void tl_s3_face_close(struct tl_s3_face *s3); /* NULL is fine */
/* A tl_aws_body_rule for requests of S3: what is uploaded goes into a file. */
void tl_s3_face_body(struct tl_s3_face *s3, const struct tl_http_exchange *x, struct tl_http_body_place *place);
void tl_s3_face_handle(struct tl_s3_face *s3, struct tl_http_exchange *x);
