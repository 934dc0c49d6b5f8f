// SPDX-License-Identifier: Apache-2.0
// What stands beside the pipeline's charts: the newest commits, and what is wrong with what to do about it.

import { el, setText } from "./dom.js";
import { clockWithZone, count, duration } from "./format.js";
import { panel } from "./panels.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {{what: string, cause: string, next: string}} Problem */

const EPOCHS_SHOWN = 12;

/** @param {Store} store */
export function epochsPanel(store) {
    const body = el("tbody");
    const summary = el("p", { class: "sub" }, "\u00a0");
    store.subscribe((changed) => {
        if (!changed.has("samples") && !changed.has("zone")) return;
        const { stats, epochs } = store;
        if (stats) setText(summary, stats.epoch.last_commit === null ? `the first commit comes within ${duration(store.plan.commit_every_ms)}`
            : `epoch ${count(stats.epoch.number)} at ${clockWithZone(stats.epoch.last_commit, store.zone)}; ${count(stats.epoch.rows_committed)} rows in ${count(stats.epoch.files_committed)} files since the start`
                + (stats.restored ? "; this process went on from a checkpoint" : ""));
        body.replaceChildren(...epochs.slice(-EPOCHS_SHOWN).reverse().map((epoch) => el("tr", {},
            el("th", { scope: "row" }, count(epoch.number)), el("td", {}, clockWithZone(epoch.at, store.zone)),
            el("td", { class: "number" }, duration(epoch.duration_ms)), el("td", { class: "number" }, duration(epoch.write_ms)),
            el("td", { class: "number" }, count(epoch.rows)), el("td", { class: "number" }, count(epoch.files)))));
    });
    return panel("epochs-panel", "Checkpoints", "each commit holds positions, state and files in one record: exactly once",
        summary, el("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": "epochs-panel-title" },
            el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Epoch"), el("th", { scope: "col" }, "Committed"),
                ...["Whole", "Writing", "Rows", "Files"].map((head) => el("th", { scope: "col", class: "number" }, head)))), body)));
}

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
            cause: `up to ${duration(Math.max(...behind.map((shard) => shard.millis_behind)))} of records are not read yet.`,
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

/** @param {Store} store */
export function problemsPanel(store) {
    const list = el("ul", { class: "problems" });
    const fine = el("p", { class: "verdict" });
    let drawn = "";
    store.subscribe((changed) => {
        if (!changed.has("stats") && !changed.has("clock") && !changed.has("connection")) return;
        const found = problemsOf(store);
        const now = JSON.stringify(found);
        fine.hidden = found.length > 0 || !store.stats;
        setText(fine, store.stats ? "Nothing is wrong: records come, windows close, commits succeed." : "");
        if (now === drawn) return;
        drawn = now;
        list.replaceChildren(...found.map(({ what, cause, next }) => el("li", {}, el("strong", {}, what), el("span", {}, cause), el("span", { class: "next" }, next))));
    });
    return panel("problems-panel", "Problems", "what is wrong, why, and what to do", list, fine);
}
