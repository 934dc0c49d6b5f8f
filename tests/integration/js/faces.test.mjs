// SPDX-License-Identifier: Apache-2.0
// S3, Glue and Athena on the AWS port of `tapeline up`, with the AWS SDK for JavaScript v3.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as athena from "@aws-sdk/client-athena";
import * as glue from "@aws-sdk/client-glue";
import * as s3 from "@aws-sdk/client-s3";
import { startUp, text, until } from "./harness.mjs";

let server, settings;
before(async () => {
    server = await startUp("--no-feed");
    settings = { endpoint: server.endpoint, region: "us-east-1", credentials: { accessKeyId: "test", secretAccessKey: "test" }, maxAttempts: 1 };
});
after(async () => assert.equal(await server.stop(), 0));

test("S3: an object there and back, listed, in parts, deleted", async () => {
    const c = new s3.S3Client({ ...settings, forcePathStyle: true });
    const Bucket = "tapeline-lake", Key = "from js/ü+%.txt";
    const { ETag } = await c.send(new s3.PutObjectCommand({ Bucket, Key, Body: "0123456789", Metadata: { from: "js" } }));
    const got = await c.send(new s3.GetObjectCommand({ Bucket, Key }));
    assert.deepEqual([got.ETag, await got.Body.transformToString()], [ETag, "0123456789"]);
    const part = await c.send(new s3.GetObjectCommand({ Bucket, Key, Range: "bytes=3-5" }));
    assert.deepEqual([part.$metadata.httpStatusCode, await part.Body.transformToString()], [206, "345"]);
    await assert.rejects(c.send(new s3.PutObjectCommand({ Bucket, Key, Body: "x", IfNoneMatch: "*" })), { name: "PreconditionFailed" });

    const { UploadId } = await c.send(new s3.CreateMultipartUploadCommand({ Bucket, Key: "from js/parts" }));
    const Parts = [];
    for (const [i, Body] of [Buffer.alloc(5 << 20, "a"), Buffer.from("end")].entries()) {
        const sent = await c.send(new s3.UploadPartCommand({ Bucket, Key: "from js/parts", UploadId, PartNumber: i + 1, Body }));
        Parts.push({ PartNumber: i + 1, ETag: sent.ETag });
    }
    await c.send(new s3.CompleteMultipartUploadCommand({ Bucket, Key: "from js/parts", UploadId, MultipartUpload: { Parts } }));

    const listed = [];
    for await (const page of s3.paginateListObjectsV2({ client: c, pageSize: 1 }, { Bucket, Prefix: "from js/" })) listed.push(...(page.Contents ?? []));
    assert.deepEqual(listed.map((o) => [o.Key, o.Size]), [["from js/parts", (5 << 20) + 3], [Key, 10]]);
    await c.send(new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects: listed.map(({ Key: key }) => ({ Key: key })) } }));
    await assert.rejects(c.send(new s3.GetObjectCommand({ Bucket, Key })), { name: "NoSuchKey" });
});

test("Glue: the pipeline's database and tables", async () => {
    const c = new glue.GlueClient(settings);
    const { DatabaseList } = await c.send(new glue.GetDatabasesCommand({}));
    assert.ok(DatabaseList.some((d) => d.Name === "curated"), JSON.stringify(DatabaseList));
    const { Table } = await c.send(new glue.GetTableCommand({ DatabaseName: "curated", Name: "stocks_features" }));
    assert.ok(Table.StorageDescriptor.Columns.some((column) => column.Name === "close" && column.Type === "double"), JSON.stringify(Table));
    assert.deepEqual(Table.PartitionKeys.map((key) => key.Name), ["ticker", "year"]);
    await assert.rejects(c.send(new glue.GetTableCommand({ DatabaseName: "curated", Name: "none" })), { name: "EntityNotFoundException" });
});

test("Athena: a statement, its pages, its file of results; a wrong one", async () => {
    const c = new athena.AthenaClient(settings);
    const run = async (QueryString) => {
        const { QueryExecutionId } = await c.send(new athena.StartQueryExecutionCommand({ QueryString }));
        return until(async () => {
            const { QueryExecution: q } = await c.send(new athena.GetQueryExecutionCommand({ QueryExecutionId }));
            return ["SUCCEEDED", "FAILED", "CANCELLED"].includes(q.Status.State) && q;
        }, QueryString, 60_000);
    };
    const q = await run("SELECT ticker, count(*) AS n FROM curated.stocks_features GROUP BY ticker ORDER BY ticker");
    assert.equal(q.Status.State, "SUCCEEDED", q.Status.StateChangeReason);
    const rows = [];
    for await (const page of athena.paginateGetQueryResults({ client: c, pageSize: 2 }, { QueryExecutionId: q.QueryExecutionId }))
        rows.push(...page.ResultSet.Rows.map((r) => r.Data.map((d) => d.VarCharValue)));
    assert.deepEqual(rows.shift(), ["ticker", "n"]);
    assert.ok(rows.length >= 2 && rows.every(([ticker, n]) => ticker && Number(n) > 0), JSON.stringify(rows));
    const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(q.ResultConfiguration.OutputLocation);
    const file = await new s3.S3Client({ ...settings, forcePathStyle: true }).send(new s3.GetObjectCommand({ Bucket, Key }));
    assert.equal(text(await file.Body.transformToByteArray()).split("\n")[1], `"${rows[0][0]}","${rows[0][1]}"`);
    assert.match((await run("SELECT nothing FROM curated.stocks_features")).Status.StateChangeReason, /nothing/);
});
