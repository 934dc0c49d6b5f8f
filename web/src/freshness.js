// SPDX-License-Identifier: Apache-2.0
// One line of figures above the charts: how old what you see is, and how long a record takes from its event to this page, stage by
// stage, as percentiles of the last minute.

import { el, setText } from "./dom.js";
import { clockWithZone, count, duration, rate } from "./format.js";
import { Percentiles } from "./percentiles.js";
import { ServerClock } from "./server_clock.js";

/** @typedef {import("./store.js").Store} Store */

const STAGES = /** @type {const} */ ({
    event_to_stream: ["Event → stream", "from the event time in the record to its arrival in the stream: the producer and its clock"],
    stream_to_engine: ["→ engine", "from a record's arrival in the stream until the engine has counted it"],
    engine_to_view: ["→ view", "from there until the view's new rows can be seen"],
    view_to_page: ["→ sent", "from there until they are on their way to the open pages"],
    page: ["→ screen", "from their arrival in this browser until they are drawn: a chart takes two frames for it"],
});

const TOLD_ERROR_MS = 5; // two clocks are compared: by how much they may differ is said from there on

/** p95 and p99, the unit said once where it is the same. @param {import("./types.js").Figures} figures */
function tail({ p95_ms: p95, p99_ms: p99 }) {
    const [a = "", unit = ""] = duration(p95).split(" ");
    const same = /^m?s$/.test(unit) && duration(p99).endsWith(` ${unit}`) && p99 < 60_000;
    return `p95 ${same ? a : duration(p95)} · p99 ${duration(p99)}`;
}

/** @param {string} title @param {string} hint */
function figure(title, hint) {
    const value = el("dd", { class: "figure-value" }, "–");
    const detail = el("dd", { class: "figure-detail" }, "\u00a0");
    return { value, detail, root: el("div", { class: "figure", title: hint }, el("dt", {}, title), value, detail) };
}

/** @param {import("./types.js").Figures | undefined} figures */
const median = (figures) => (figures && figures.count > 0 ? duration(figures.p50_ms) : "–");

/** The epochs that this page knows, or the last one: how old their first records were when they were committed. @param {Store} store */
function committed({ epochs, stats }) {
    const known = epochs.length > 0 || !stats ? epochs : [stats.epoch];
    const ages = known.flatMap(({ oldest_ms }) => (oldest_ms === null ? [] : [oldest_ms])).sort((a, b) => a - b);
    /** @param {number} q */
    const at = (q) => ages[Math.min(ages.length - 1, Math.floor(ages.length * q))] ?? 0;
    return { count: ages.length, p50_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99) };
}

/** @param {Store} store */
export function freshnessStrip(store) {
    const fresh = figure("Data as of", "when the newest record was read");
    const input = figure("Input", "records arriving a second");
    const put = figure("Put → screen", "from a record's arrival in the stream until this page has drawn the rows it changed, of the oldest record in each update: the last 600 updates");
    const lake = figure("Put → lake", "from the arrival of an epoch's first record until the epoch is committed: mostly the interval of commits");
    const stages = Object.entries(STAGES).map(([name, [title, hint]]) => ({ name, ...figure(title, hint) }));
    const page = new Percentiles(600);
    const screen = new Percentiles(600);
    const clock = new ServerClock();
    store.onDrawn = (ms, arrival) => {
        const now = clock.now();
        page.add(ms);
        if (arrival > 0 && now !== null) screen.add(Math.max(0, now - arrival));
    };
    Object.assign(/** @type {any} */ (window).tapeline, { putToScreen: () => ({ ...screen.figures(), error_ms: clock.error() }) });
    store.subscribe((changed) => {
        const { stats } = store;
        if (!stats || !(changed.has("stats") || changed.has("zone") || changed.has("clock") || changed.has("connection"))) return;
        const isLost = store.connection.state !== "live";
        setText(fresh.value, stats.last_record === null ? "no data yet" : clockWithZone(stats.last_record, store.zone));
        setText(fresh.detail, stats.last_record === null ? "waiting for the first record" : `${duration(Math.max(0, store.serverNow() - stats.last_record))} ago`);
        fresh.root.classList.toggle("is-late", store.staleSince() !== null);
        setText(input.value, isLost ? "–" : `${rate(stats.rates.input)} rec/s`); // a rate is of now, or it is none
        setText(input.detail, isLost ? "connection lost" : `${count(stats.ledger.received)} in all`);
        const all = screen.figures();
        setText(put.value, median(all));
        setText(put.detail, all.count > 0 ? `${tail(all)}${clock.error() > TOLD_ERROR_MS ? ` · ±${duration(clock.error())}` : ""}` : "no record yet");
        const ages = committed(store);
        setText(lake.value, median(ages));
        setText(lake.detail, ages.count > 0 ? tail(ages) : stats.epoch.number > 0 || stats.restored ? "at the next commit" : "no commit yet");
        for (const stage of stages) {
            const figures = stage.name === "page" ? page.figures() : stats.latency?.[stage.name];
            setText(stage.value, median(figures));
            setText(stage.detail, figures && figures.count > 0 ? tail(figures) : "no record yet");
        }
    });
    return el("section", { class: "strip", "aria-label": "Freshness and latency: medians, and percentiles of the last minute" },
        el("dl", { class: "figures" }, fresh.root, input.root, put.root, lake.root), el("dl", { class: "figures stages" }, ...stages.map(({ root }) => root)));
}
