// SPDX-License-Identifier: Apache-2.0
// HTTP/2 over TLS (ALPN), and signatures that are verified.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startBroker } from "./harness.mjs";

const script = path.join(path.dirname(fileURLToPath(import.meta.url)), "secure.mjs");
let folder, broker, certificate;

before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "tapeline-js-"));
    await writeFile(path.join(folder, "credentials"), "[default]\naws_access_key_id = AKIDTRADER\naws_secret_access_key = secret/of+the/trader\n");
    broker = await startBroker("--tls-self-signed", "--credentials", path.join(folder, "credentials"), "--stream", "s:1");
    certificate = path.join(broker.data, "broker", "tls-cert.pem");
});
after(async () => {
    assert.equal(await broker.stop(), 0);
    await rm(folder, { recursive: true, force: true });
});

async function call(endpoint, key, secret, trusted = certificate) {
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: trusted, NODE_NO_WARNINGS: "1" };
    if (!trusted) delete env.NODE_EXTRA_CA_CERTS;
    return (await promisify(execFile)(process.execPath, [script, endpoint, key, secret], { env })).stdout.trim();
}

test("the right key, over TLS and over cleartext of the same port", async () => {
    assert.match(broker.endpoint, /^https:/);
    assert.equal(await call(broker.endpoint, "AKIDTRADER", "secret/of+the/trader"), "streams: s");
    assert.equal(await call(broker.endpoint.replace("https:", "http:"), "AKIDTRADER", "secret/of+the/trader"), "streams: s");
    assert.equal(await call(broker.endpoint.replace("127.0.0.1", "localhost"), "AKIDTRADER", "secret/of+the/trader"), "streams: s");
});

test("a wrong secret, an unknown key", async () => {
    assert.equal(await call(broker.endpoint, "AKIDTRADER", "guessed"), "InvalidSignatureException");
    assert.equal(await call(broker.endpoint, "AKIDNOBODY", "secret/of+the/trader"), "UnrecognizedClientException");
});

test("a certificate that the client does not trust", async () => {
    assert.match(await call(broker.endpoint, "AKIDTRADER", "secret/of+the/trader", null), /SELF_SIGNED|UNABLE_TO_VERIFY|ERR_HTTP2_STREAM_CANCEL/);
});
