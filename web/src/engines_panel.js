// SPDX-License-Identifier: Apache-2.0
// The pipeline's job on another engine (Spark, Flink) over the same lake: how each of its queries stands. Hidden while there is none.

import { el, setText } from "./dom.js";
import { clockWithZone, count, duration } from "./format.js";
import { panel } from "./panels.js";
import { getJson } from "./stream.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {{query?: string, batch: number, records: number, input_rate: number, rate: number, batch_ms: number, state_rows: number, late: number, watermark: string | null, ui?: string | null}} Line */
/** @typedef {{engine: string, updated: number, lines: Line[]}} Engine */

const EVERY_MS = 5000;
const HEADS = ["Batch", "Records", "In, records/s", "Processed, records/s", "Batch takes", "State rows", "Late groups"];

/** @param {Line} line @param {string} engine @param {Store} store */
function row(line, engine, store) {
    const at = line.watermark ? Date.parse(line.watermark) : 0;
    const figures = [count(line.batch), count(line.records), count(Math.round(line.input_rate)), count(Math.round(line.rate)), duration(line.batch_ms), count(line.state_rows), count(line.late)];
    return el("tr", {}, el("th", { scope: "row" }, `${line.query} (${engine})`), ...figures.map((figure) => el("td", { class: "number" }, figure)),
        el("td", {}, at > 0 ? clockWithZone(at, store.zone) : "none yet"));
}

/** @param {Store} store */
export function enginesPanel(store) {
    const body = el("tbody");
    const summary = el("p", { class: "sub" }, "\u00a0");
    const root = panel("engines-panel", "On another engine", "the same pipeline as a job over this lake: tapeline run --engine", summary,
        el("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": "engines-panel-title" },
            el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Query"),
                ...HEADS.map((head) => el("th", { scope: "col", class: "number" }, head)), el("th", { scope: "col" }, "Watermark"))), body)));
    let askedAt = 0;
    root.hidden = true;

    /** @param {Engine[]} engines */
    function draw(engines) {
        root.hidden = engines.length === 0;
        setText(summary, engines.map(({ engine, updated }) => `${engine}: last heard of at ${clockWithZone(updated, store.zone)}`).join("; "));
        body.replaceChildren(...engines.flatMap(({ engine, lines }) => lines.filter(({ query }) => query).map((line) => row(line, engine, store))));
    }

    store.subscribe((changed) => {
        if (!(changed.has("clock") || changed.has("stats")) || Date.now() - askedAt < EVERY_MS || store.connection.state === "retrying" || !root.isConnected) return;
        askedAt = Date.now();
        getJson("/api/engines").then((/** @type {{engines: Engine[]}} */ { engines }) => draw(engines), (error) => console.warn(`no news of other engines: ${error}`));
    });
    return root;
}
