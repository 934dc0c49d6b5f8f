// SPDX-License-Identifier: Apache-2.0
// The AWS SDK for JavaScript v3 with its default handler: every call is HTTP/2, SubscribeToShard too.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as k from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { bytes, client, makeConsumer, makeStream, startBroker, text, until } from "./harness.mjs";

let broker, c;
before(async () => {
    broker = await startBroker("--limits", "off");
    c = client(broker.endpoint);
});
after(async () => {
    c.destroy();
    assert.equal(await broker.stop(), 0);
});
const send = (command) => c.send(command);
const active = (StreamARN) => until(async () => {
    const { StreamDescriptionSummary: d } = await send(new k.DescribeStreamSummaryCommand({ StreamARN }));
    return d.StreamStatus === "ACTIVE";
}, "the stream is ACTIVE");

test("the default handler speaks HTTP/2", () => {
    assert.equal(c.config.requestHandler.metadata.handlerProtocol, "h2");
});

async function readAll(on, stream, shard) {
    const from = { StreamName: stream, ShardId: shard, ShardIteratorType: "TRIM_HORIZON" };
    let { ShardIterator: it } = await on.send(new k.GetShardIteratorCommand(from));
    const records = [];
    while (it) {
        const page = await on.send(new k.GetRecordsCommand({ ShardIterator: it, Limit: 1000 }));
        records.push(...page.Records);
        if (page.Records.length === 0 && page.MillisBehindLatest === 0) break;
        it = page.NextShardIterator;
    }
    return records;
}

for (const [protocol, handler] of [["HTTP/2", undefined], ["HTTP/1.1", new NodeHttpHandler()]]) {
    test(`records there and back over ${protocol}`, async () => {
        const on = client(broker.endpoint, handler && { requestHandler: handler });
        const stream = `there-${protocol.replace(/\W/g, "")}`;
        await makeStream(on, stream, 3);
        const Records = Array.from({ length: 300 }, (_, i) => ({ PartitionKey: `key-${i % 17}`, Data: bytes(`${i}`) }));
        const put = await on.send(new k.PutRecordsCommand({ StreamName: stream, Records }));
        assert.equal(put.FailedRecordCount, 0);
        const one = await on.send(new k.PutRecordCommand({ StreamName: stream, PartitionKey: "x", Data: new Uint8Array(256).map((_, i) => i) }));
        const { Shards } = await on.send(new k.ListShardsCommand({ StreamName: stream }));
        assert.equal(Shards.length, 3);
        const all = (await Promise.all(Shards.map((s) => readAll(on, stream, s.ShardId)))).flat();
        const sent = new Map(put.Records.map((r, i) => [r.SequenceNumber, `${i}`]));
        assert.equal(all.length, 301);
        for (const r of all) {
            assert.ok(r.ApproximateArrivalTimestamp instanceof Date && Math.abs(r.ApproximateArrivalTimestamp - Date.now()) < 60_000);
            if (r.SequenceNumber === one.SequenceNumber) assert.deepEqual([...r.Data], Array.from({ length: 256 }, (_, i) => i));
            else assert.equal(text(r.Data), sent.get(r.SequenceNumber));
        }
        on.destroy();
    });
}

test("200 calls at once", async () => {
    await makeStream(c, "many", 2);
    const put = (_, i) => send(new k.PutRecordCommand({ StreamName: "many", PartitionKey: `${i}`, Data: bytes(`${i}`) }));
    const answers = await Promise.all(Array.from({ length: 200 }, put));
    assert.equal(new Set(answers.map((a) => a.SequenceNumber)).size, 200);
    const all = [...await readAll(c, "many", "shardId-000000000000"), ...await readAll(c, "many", "shardId-000000000001")];
    assert.deepEqual(all.map((r) => Number(text(r.Data))).sort((a, b) => a - b), Array.from({ length: 200 }, (_, i) => i));
});

test("bodies larger than any window, both ways", async () => {
    const { StreamARN } = await makeStream(c, "large", 1);
    await send(new k.UpdateMaxRecordSizeCommand({ StreamARN, MaxRecordSizeInKiB: 10240 }));
    await active(StreamARN);
    const Data = Buffer.alloc(8 << 20, "abcdefg");
    await send(new k.PutRecordCommand({ StreamARN, PartitionKey: "x", Data }));
    const [record] = await readAll(c, "large", "shardId-000000000000");
    assert.ok(Buffer.from(record.Data).equals(Data));
});

test("errors are the SDK's exceptions", async () => {
    await assert.rejects(send(new k.DescribeStreamCommand({ StreamName: "nowhere" })), (e) => {
        assert.ok(e instanceof k.ResourceNotFoundException);
        assert.equal(e.message, "Stream nowhere under account 000000000000 not found.");
        assert.equal(e.$metadata.httpStatusCode, 400);
        assert.match(e.$metadata.requestId, /^[0-9a-f-]{36}$/);
        assert.ok(e.$metadata.extendedRequestId);
        return true;
    });
    await assert.rejects(send(new k.GetRecordsCommand({ ShardIterator: "AAAA" })), k.InvalidArgumentException);
    const put = { StreamName: "many", PartitionKey: "k", Data: bytes("") };
    await assert.rejects(send(new k.PutRecordCommand({ ...put, PartitionKey: "k".repeat(257) })), { name: "ValidationException" });
});

test("waiters and paginators", async () => {
    await send(new k.CreateStreamCommand({ StreamName: "waited", ShardCount: 5 }));
    const there = await k.waitUntilStreamExists({ client: c, maxWaitTime: 10, minDelay: 1 }, { StreamName: "waited" });
    assert.equal(there.state, "SUCCESS");
    const StreamARN = "arn:aws:kinesis:us-east-1:000000000000:stream/waited";
    const { ConsumerARN } = (await send(new k.RegisterStreamConsumerCommand({ StreamARN, ConsumerName: "p" }))).Consumer;
    const names = [];
    for await (const page of k.paginateListStreamConsumers({ client: c }, { StreamARN })) {
        names.push(...page.Consumers.map((x) => x.ConsumerARN));
    }
    assert.deepEqual(names, [ConsumerARN]);
    await send(new k.DeleteStreamCommand({ StreamName: "waited", EnforceConsumerDeletion: true }));
    const gone = await k.waitUntilStreamNotExists({ client: c, maxWaitTime: 10, minDelay: 1 }, { StreamName: "waited" });
    assert.equal(gone.state, "SUCCESS");
});

test("the other actions", async () => {
    const { StreamARN } = await makeStream(c, "rest", 2);
    const encryption = { StreamARN, EncryptionType: "KMS", KeyId: "alias/aws/kinesis" };
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [] });
    const each = [
        new k.AddTagsToStreamCommand({ StreamARN, Tags: { a: "1" } }),
        new k.ListTagsForStreamCommand({ StreamARN }),
        new k.RemoveTagsFromStreamCommand({ StreamARN, TagKeys: ["a"] }),
        new k.TagResourceCommand({ ResourceARN: StreamARN, Tags: { b: "2" } }),
        new k.ListTagsForResourceCommand({ ResourceARN: StreamARN }),
        new k.UntagResourceCommand({ ResourceARN: StreamARN, TagKeys: ["b"] }),
        new k.IncreaseStreamRetentionPeriodCommand({ StreamARN, RetentionPeriodHours: 48 }),
        new k.DecreaseStreamRetentionPeriodCommand({ StreamARN, RetentionPeriodHours: 24 }),
        new k.EnableEnhancedMonitoringCommand({ StreamARN, ShardLevelMetrics: ["ALL"] }),
        new k.DisableEnhancedMonitoringCommand({ StreamARN, ShardLevelMetrics: ["ALL"] }),
        new k.StartStreamEncryptionCommand(encryption),
        new k.StopStreamEncryptionCommand(encryption),
        new k.PutResourcePolicyCommand({ ResourceARN: StreamARN, Policy }),
        new k.GetResourcePolicyCommand({ ResourceARN: StreamARN }),
        new k.DeleteResourcePolicyCommand({ ResourceARN: StreamARN }),
        new k.MergeShardsCommand({ StreamARN, ShardToMerge: "shardId-000000000000", AdjacentShardToMerge: "shardId-000000000001" }),
        new k.UpdateShardCountCommand({ StreamARN, TargetShardCount: 2, ScalingType: "UNIFORM_SCALING" }),
        new k.UpdateStreamModeCommand({ StreamARN, StreamModeDetails: { StreamMode: "ON_DEMAND" } }),
        new k.UpdateAccountSettingsCommand({ MinimumThroughputBillingCommitment: { Status: "ENABLED" } }),
        new k.DescribeAccountSettingsCommand({}),
        new k.UpdateStreamWarmThroughputCommand({ StreamARN, WarmThroughputMiBps: 10 }),
        new k.DescribeLimitsCommand({}),
        new k.ListStreamsCommand({}),
        new k.DescribeStreamCommand({ StreamARN }),
    ];
    for (const command of each) {
        await active(StreamARN);
        const answer = await send(command);
        assert.equal(answer.$metadata.httpStatusCode, 200, command.constructor.name);
        for (const [name, value] of Object.entries(answer)) assert.notEqual(value, undefined, `${command.constructor.name}: ${name}`);
    }
});

describe("SubscribeToShard", { concurrency: true }, () => {
    const subscribe = (ConsumerARN, ShardId, StartingPosition) => send(new k.SubscribeToShardCommand({ ConsumerARN, ShardId, StartingPosition }));

    async function* events(answer) {
        for await (const message of answer.EventStream) {
            const event = message.SubscribeToShardEvent;
            assert.ok(event, `an event expected: ${JSON.stringify(message)}`);
            assert.ok(Array.isArray(event.Records) && typeof event.MillisBehindLatest === "number");
            if (event.ChildShards?.length) assert.equal(event.ContinuationSequenceNumber, undefined);
            else assert.match(event.ContinuationSequenceNumber, /^\d{56}$/);
            yield event;
        }
    }

    test("records as they come, through a split, into the children", async () => {
        const { StreamARN } = await makeStream(c, "fan", 1);
        const ConsumerARN = await makeConsumer(c, StreamARN, "fan");
        const middle = "170141183460469231731687303715884105728";
        const put = (i, half) =>
            send(new k.PutRecordCommand({ StreamARN, PartitionKey: "k", ExplicitHashKey: half ? middle : "0", Data: bytes(`${i}`) }));
        for (let i = 0; i < 10; i++) await put(i, i % 2);
        const seen = [];
        const follow = async (shard, from) => {
            for await (const event of events(await subscribe(ConsumerARN, shard, from))) {
                seen.push(...event.Records.map((r) => Number(text(r.Data))));
                if (event.ChildShards?.length) {
                    await Promise.all(event.ChildShards.map((child) => follow(child.ShardId, { Type: "TRIM_HORIZON" })));
                    return "ended";
                }
                if (seen.length >= 40) return "all";
            }
            return "closed";
        };
        const following = follow("shardId-000000000000", { Type: "TRIM_HORIZON" });
        for (let i = 10; i < 20; i++) await put(i, i % 2);
        await until(() => seen.length === 20, "twenty records came");
        assert.deepEqual(seen, Array.from({ length: 20 }, (_, i) => i));
        await send(new k.SplitShardCommand({ StreamName: "fan", ShardToSplit: "shardId-000000000000", NewStartingHashKey: middle }));
        for (let i = 20; i < 40; i++) await put(i, i % 2);
        await until(() => seen.length === 40, "forty records came");
        assert.equal(await following, "ended");
        assert.deepEqual(seen.slice(0, 40).sort((a, b) => a - b), Array.from({ length: 40 }, (_, i) => i));
    });

    test("heartbeats when there is nothing to send, while other calls go on", async () => {
        const { StreamARN } = await makeStream(c, "quiet", 1);
        const stream = events(await subscribe(await makeConsumer(c, StreamARN, "quiet"), "shardId-000000000000", { Type: "LATEST" }));
        for (let i = 0; i < 2; i++) {
            const { value } = await stream.next();
            assert.deepEqual([value.Records, value.MillisBehindLatest], [[], 0]);
            await send(new k.ListStreamsCommand({}));
        }
        await stream.return();
    });

    test("what is refused", async () => {
        const { StreamARN } = await makeStream(c, "refused", 1);
        const ConsumerARN = await makeConsumer(c, StreamARN, "refused");
        await assert.rejects(subscribe(ConsumerARN, "shardId-000000000009", { Type: "LATEST" }), k.ResourceNotFoundException);
        await assert.rejects(subscribe(`${StreamARN}/consumer/never:1`, "shardId-000000000000", { Type: "LATEST" }), k.ResourceNotFoundException);
        const first = await subscribe(ConsumerARN, "shardId-000000000000", { Type: "LATEST" });
        await assert.rejects(subscribe(ConsumerARN, "shardId-000000000000", { Type: "LATEST" }), k.ResourceInUseException);
        await first.EventStream[Symbol.asyncIterator]().return?.();
    });
});
