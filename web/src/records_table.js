// SPDX-License-Identifier: Apache-2.0
// Records of a stream as rows that open: shard, sequence number, arrival, key, and the bytes as they came, JSON in lines.

import { el } from "./dom.js";
import { bytes, instant, zoneName } from "./format.js";

/** @typedef {import("./types.js").StreamRecord} StreamRecord */

/** @param {StreamRecord} record */
export function payload(record) {
    if (record.data === null) return `(${bytes(record.size)} that are not text; base64) ${record.base64 ?? ""}`;
    try {
        return JSON.stringify(JSON.parse(record.data), null, 2);
    } catch {
        return record.data;
    }
}

/** @param {StreamRecord[]} records @param {import("./format.js").Zone} zone */
export function recordsTable(records, zone) {
    return el("table", { class: "records" },
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, `Arrival (${zoneName(zone)})`), el("th", { scope: "col" }, "Shard"),
            el("th", { scope: "col" }, "Sequence number"), el("th", { scope: "col" }, "Key"), el("th", { scope: "col" }, "Data"))),
        el("tbody", {}, ...records.map((record) => el("tr", {},
            el("td", {}, instant(record.arrival, zone)), el("td", {}, record.shard.replace("shardId-", "").replace(/^0+(?=\d)/, "")),
            el("td", { class: "sequence", title: record.sequence_number }, record.sequence_number), el("td", {}, record.partition_key),
            el("td", { class: "data" }, el("details", {}, el("summary", {}, el("code", {}, (record.data ?? `${bytes(record.size)} of bytes`).slice(0, 400))),
                el("pre", { tabindex: 0 }, payload(record))))))));
}
