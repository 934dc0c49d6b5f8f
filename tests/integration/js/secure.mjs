// SPDX-License-Identifier: Apache-2.0
// One call to the broker at argv[2], with the key argv[3] and the secret argv[4]; prints the name of what came of it. A process of
// its own, since NODE_EXTRA_CA_CERTS is read when node starts.

import { ListStreamsCommand } from "@aws-sdk/client-kinesis";
import { client } from "./harness.mjs";

const [endpoint, accessKeyId, secretAccessKey] = process.argv.slice(2);
const c = client(endpoint, { credentials: { accessKeyId, secretAccessKey } });
console.log(await c.send(new ListStreamsCommand({})).then((answer) => `streams: ${answer.StreamNames}`, (e) => e.code ?? e.name));
c.destroy();
