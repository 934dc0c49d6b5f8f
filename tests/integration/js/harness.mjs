// SPDX-License-Identifier: Apache-2.0
// What the client tests share: a server in a folder of its own, and clients of it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as k from "@aws-sdk/client-kinesis";

const here = path.dirname(fileURLToPath(import.meta.url));
export const binary = process.env.TAPELINE ?? path.join(here, "../../../build/tapeline");

/** tapeline with these arguments; stop() waits for its end and gives the exit code. */
async function start(command, ...options) {
    const data = await mkdtemp(path.join(tmpdir(), "tapeline-js-"));
    const child = spawn(binary, [command, "--data", data, ...options], { stdio: ["ignore", "ignore", "pipe"] });
    let output = "", endpoint;
    const ended = once(child, "exit");
    for await (const chunk of child.stderr.iterator({ destroyOnReturn: false })) {
        output += chunk;
        endpoint = /AWS endpoint\s+(https?:\/\/\S+)/.exec(output)?.[1];
        if (endpoint) break;
    }
    if (!endpoint) throw new Error(`tapeline did not start:\n${output}`);
    child.stderr.resume();
    const stop = async () => {
        child.kill("SIGTERM");
        const [code] = await ended;
        await rm(data, { recursive: true, force: true });
        return code;
    };
    return { endpoint, data, stop };
}

/** `tapeline broker`: streams alone. */
export const startBroker = (...options) => start("broker", "--listen", "127.0.0.1:0", ...options);

/** `tapeline up`: S3, Glue and Athena on the same port. */
export const startUp = (...options) => start("up", "--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0", ...options);

/** A client with the SDK's own handler, which speaks HTTP/2, unless another is given. No retries: what fails must show. */
export function client(endpoint, more = {}) {
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    return new k.KinesisClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1, ...more });
}

export const text = (data) => Buffer.from(data).toString();
export const bytes = (s) => new TextEncoder().encode(s);
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function makeStream(c, name, shards) {
    await c.send(new k.CreateStreamCommand({ StreamName: name, ShardCount: shards }));
    return until(async () => {
        const d = (await c.send(new k.DescribeStreamSummaryCommand({ StreamName: name }))).StreamDescriptionSummary;
        return d.StreamStatus === "ACTIVE" && d;
    }, `stream ${name} is ACTIVE`);
}

export async function makeConsumer(c, arn, name) {
    const made = (await c.send(new k.RegisterStreamConsumerCommand({ StreamARN: arn, ConsumerName: name }))).Consumer;
    return until(async () => {
        const d = (await c.send(new k.DescribeStreamConsumerCommand({ ConsumerARN: made.ConsumerARN }))).ConsumerDescription;
        return d.ConsumerStatus === "ACTIVE" && d.ConsumerARN;
    }, `consumer ${name} is ACTIVE`);
}

export async function until(check, what, ms = 10_000) {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(20)) {
        const value = await check();
        if (value) return value;
    }
    throw new Error(`not within ${ms} ms: ${what}`);
}
