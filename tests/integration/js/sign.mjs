// SPDX-License-Identifier: Apache-2.0
// Signs requests with smithy's signer: one JSON object a line in (method, path, query as a map of decoded lists, headers as a map,
// body, region, service, date, access_key, secret_key), one line out: the Authorization header.
import { createHash, createHmac } from "node:crypto";
import { createInterface } from "node:readline";
import { SignatureV4 } from "@smithy/signature-v4";

class Sha256 {
  constructor(secret) {
    this.hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret);
  }
  update(data) {
    this.hash.update(data);
  }
  async digest() {
    return new Uint8Array(this.hash.digest());
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const r = JSON.parse(line);
  const signer = new SignatureV4({
    service: r.service,
    region: r.region,
    credentials: { accessKeyId: r.access_key, secretAccessKey: r.secret_key },
    sha256: Sha256,
    uriEscapePath: r.service !== "s3",
    applyChecksum: false,
  });
  const request = { method: r.method, protocol: "https:", hostname: "example.amazonaws.com", path: r.path, query: r.query,
                    headers: r.headers, body: r.body };
  const signed = await signer.sign(request, { signingDate: new Date(r.date) });
  process.stdout.write(signed.headers.authorization + "\n");
}
