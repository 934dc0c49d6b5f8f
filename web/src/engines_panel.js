// SPDX-License-Identifier: Apache-2.0
// The pipeline's job on another engine (Spark, Flink) over the same lake: how each of its queries stands. Hidden while there is none.

import { el, setText } from "./dom.js";
import { bytes, clockWithZone, count, duration } from "./format.js";
import { panel } from "./panels.js";
import { getJson } from "./stream.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {{pid?: number, ui?: string | null, state?: string, query?: string, batch?: number, records?: number, input_rate?: number, rate?: number, batch_ms?: number, state_rows?: number, state_bytes?: number, late?: number, watermark?: string | null}} Line */
/** @typedef {{engine: string, updated: number, lines: Line[]}} Engine */

const EVERY_MS = 5000;
/** What is told of a query: the figures that an operator looks at first. */
const HEADS = [["Batch", "of Spark the batch, of Flink the checkpoint that was done last"], ["Took", "how long it took"],
    ["In/s", "records that come in a second"], ["Done/s", "records a second, while it works"], ["State", "of open windows and groups"],
    ["Records", "read so far"], ["Late", "groups that Spark has dropped as late"]];

/** What an engine does not tell is a dash.
 * @param {number | undefined} figure @param {(n: number) => string} write */
const known = (figure, write) => (figure === undefined ? "–" : write(figure));

/** @param {Line} line */
function state({ state_rows, state_bytes }) {
    const parts = [state_rows === undefined ? "" : `${count(state_rows)} rows`, state_bytes === undefined ? "" : bytes(state_bytes)];
    return parts.filter(Boolean).join(", ") || "–";
}

/** @param {Line} line @param {string} engine @param {Store} store */
function row(line, engine, store) {
    const at = line.watermark ? Date.parse(line.watermark) : 0;
    const rate = (/** @type {number} */ n) => count(Math.round(n));
    const figures = [known(line.batch, count), known(line.batch_ms, duration), known(line.input_rate, rate), known(line.rate, rate), state(line),
        known(line.records, count), known(line.late, count)];
    return el("tr", {}, el("th", { scope: "row" }, `${line.query} (${engine})`), el("td", {}, at > 0 ? clockWithZone(at, store.zone) : "none yet"),
        ...figures.map((figure) => el("td", { class: "number" }, figure)));
}

/** "spark: running, last heard of at 12:00:00; its own page", written over as it changes: the link keeps the focus. */
function headline() {
    const said = el("span");
    const link = el("a", { rel: "noreferrer", target: "_blank" }, "its own page");
    const root = el("div", {}, said, link);
    return {
        root,
        /** @param {Engine} engine @param {Store} store */
        tell({ engine, updated, lines }, store) {
            const process = lines.find(({ pid }) => pid !== undefined) ?? {};
            const page = process.ui && /^https?:/.test(process.ui) ? process.ui : "";
            setText(said, `${engine}: ${process.state ? `${process.state}, ` : ""}last heard of at ${clockWithZone(updated, store.zone)}${page ? "; " : ""}`);
            link.hidden = !page;
            if (page && link.getAttribute("href") !== page) link.href = page;
        },
    };
}

/** @param {Store} store */
export function enginesPanel(store) {
    const body = el("tbody");
    const summary = el("div", { class: "sub" });
    const root = panel("engines-panel", "On another engine", "the same pipeline as a job over this lake: tapeline run --engine", summary,
        el("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": "engines-panel-title" },
            el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Query"), el("th", { scope: "col" }, "Watermark"),
                ...HEADS.map(([head, title]) => el("th", { scope: "col", class: "number", title }, head)))), body)));
    /** @type {Map<string, ReturnType<typeof headline>>} */
    const headlines = new Map();
    let askedAt = 0;
    root.hidden = true;

    /** @param {Engine[]} engines */
    function draw(engines) {
        root.hidden = engines.length === 0;
        for (const engine of engines) {
            const line = headlines.get(engine.engine) ?? headline();
            if (!headlines.has(engine.engine)) summary.append(line.root);
            headlines.set(engine.engine, line);
            line.tell(engine, store);
        }
        body.replaceChildren(...engines.flatMap(({ engine, lines }) => lines.filter(({ query }) => query).map((line) => row(line, engine, store))));
    }

    store.subscribe((changed) => {
        if (!(changed.has("clock") || changed.has("stats")) || Date.now() - askedAt < EVERY_MS || store.connection.state === "retrying" || !root.isConnected) return;
        askedAt = Date.now();
        getJson("/api/engines").then((/** @type {{engines: Engine[]}} */ { engines }) => draw(engines), (error) => console.warn(`no news of other engines: ${error}`));
    });
    return root;
}
