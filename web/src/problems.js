// SPDX-License-Identifier: Apache-2.0
// What is wrong with the pipeline, why, and what to do about it: of the newest figures.

import { clockWithZone, count, duration, recordsBehind, shardName } from "./format.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {{what: string, cause: string, next: string}} Problem */

/** @param {Store} store @returns {Problem[]} */
export function problemsOf(store) {
    const { stats } = store;
    /** @type {Problem[]} */
    const found = [];
    if (store.connection.state === "retrying") {
        found.push({ what: "This page has lost the server", cause: "The process stopped, or the way to it is cut.",
            next: "See whether tapeline runs; this page comes back by itself." });
    }
    if (!stats) return found;
    const { ledger, lag_ms: lag } = stats;
    const sum = ledger.aggregated + ledger.late + ledger.malformed + ledger.duplicate + ledger.filtered;
    if (stats.waiting !== "") found.push({ what: "The engine waits", cause: stats.waiting, next: "It goes on by itself when that is mended; nothing is lost meanwhile." });
    if (sum !== ledger.received) {
        found.push({ what: "The ledger does not balance", cause: `${count(Math.abs(ledger.received - sum))} records are unaccounted for.`,
            next: "Stop the pipeline and report it: this must never be." });
    }
    if (store.staleSince() !== null) {
        found.push({ what: "No record comes", cause: `The newest was read at ${clockWithZone(Number(stats.last_record), store.zone)}.`,
            next: "See whether the producer runs, and writes to this stream; the Streams view shows what is in it." });
    }
    const behind = stats.shards.filter((shard) => shard.millis_behind > 10_000);
    if (behind.length > 0) {
        found.push({ what: `${behind.length === 1 ? `Shard ${behind[0]?.id}` : `${behind.length} shards`} lag behind`,
            cause: `up to ${duration(Math.max(...behind.map((shard) => shard.millis_behind)))} of records are not read yet${behind.map((shard) => `; ${shardName(shard.id)}: ${recordsBehind(shard)} records`).slice(0, 4).join("")}.`,
            next: "If it grows: more processors (--threads), or fewer other readers of the shard." });
    }
    const holds = stats.shards.filter((shard) => !shard.idle && !shard.finished && (shard.watermark === null || (stats.watermark !== null && shard.watermark === stats.watermark)));
    const delay = store.plan.sources[0]?.delay_ms ?? 0;
    if (lag !== null && lag > delay + 120_000 && holds[0]) {
        found.push({ what: "Windows close late", cause: `The watermark is ${duration(lag)} behind now; shard ${holds[0].id} holds it.`,
            next: "An old event time in that shard, or a shard with few records: see shard_idle in the pipeline file." });
    }
    if ((ledger.gaps ?? 0) > 0) {
        found.push({ what: `Records are gone: ${count(ledger.gaps ?? 0)} gaps`, cause: "The stream's retention deleted them before they were read.",
            next: "A longer retention, or a pipeline that stops for less long; tapeline status names the shards." });
    }
    if (ledger.malformed > 0) found.push({ what: `${count(ledger.malformed)} malformed records`, cause: "They are not as the source declares them.", next: "The Dead letters view shows each with its reason." });
    if (ledger.late > 0) found.push({ what: `${count(ledger.late)} late records`, cause: "They came after their window was closed.", next: "The Dead letters view shows them; a longer WATERMARK delay takes more of them in." });
    if (stats.state.limit_bytes > 0 && stats.state.bytes > stats.state.limit_bytes * 0.8) {
        found.push({ what: "The state nears its limit", cause: `${count(Math.round((100 * stats.state.bytes) / stats.state.limit_bytes))} % of state_limit.`,
            next: "Fewer keys or shorter windows, or a higher state_limit in the pipeline file." });
    }
    return found;
}
