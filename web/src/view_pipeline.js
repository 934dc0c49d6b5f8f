// SPDX-License-Identifier: Apache-2.0
// The pipeline view: is it keeping up, is it committing, is anything lost.

import { el } from "./dom.js";
import { bytes, count, duration, rate } from "./format.js";
import { connectPanel, feedPanel, ledgerPanel, shardsPanel } from "./panels.js";
import { epochsPanel, problemsPanel } from "./pipeline_panels.js";
import { SmallChart } from "./small_chart.js";
import { getJson } from "./stream.js";

/** @typedef {import("./store.js").Store} Store */

/** Durations beside an axis: short. @param {number} ms */
const axisDuration = (ms) => (ms >= 60_000 ? `${Number((ms / 60_000).toFixed(1))} min` : duration(ms));

/** @param {Store} store */
function ratesChart(store) {
    const chart = new SmallChart(store, { id: "rates", title: "Input and processing rate", sub: "records a second", log: true,
        axis: rate, empty: "No record has come yet: start a feed, or put records into the stream.",
        series: [{ label: "arriving", color: 0, format: (v) => `${rate(v)}/s` },
            { label: "could take", color: 1, dash: [6, 4], format: (v) => `${rate(v)}/s` }] });
    store.subscribe((changed) => {
        if (!changed.has("samples")) return;
        const { samples } = store;
        chart.render([samples.map(({ at }) => at / 1000), samples.map(({ input }) => input || null), samples.map(({ processing }) => processing || null)],
            "records a second; “could take” is what the workers do while they are busy");
    });
    return chart.root;
}

/** @param {Store} store */
function epochChart(store) {
    const every = store.plan.commit_every_ms;
    const chart = new SmallChart(store, { id: "epochs-chart", title: "Epoch duration", sub: "time of each commit", axis: axisDuration,
        empty: `The first commit comes within ${duration(every)} of the first record.`,
        series: [{ label: "whole", color: 0, bars: true, format: duration }, { label: "writing files", color: 2, bars: true, format: duration },
            { label: "mean", color: 4, dash: [6, 4], level: true, format: duration }, { label: "p95", color: 1, dash: [2, 3], level: true, format: duration }] });
    store.subscribe((changed) => {
        if (!changed.has("samples")) return;
        const { epochs } = store;
        const sorted = epochs.map(({ duration_ms }) => duration_ms).sort((a, b) => a - b);
        const mean = sorted.reduce((sum, ms) => sum + ms, 0) / Math.max(1, sorted.length);
        const p95 = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] ?? 0;
        chart.render([epochs.map(({ at }) => at / 1000), epochs.map(({ duration_ms }) => duration_ms), epochs.map(({ write_ms }) => write_ms),
            epochs.map(() => mean), epochs.map(() => p95)],
        sorted.length === 0 ? `one every ${duration(every)}` : `mean ${duration(mean)} · p95 ${duration(p95)} · max ${duration(sorted[sorted.length - 1] ?? 0)} · one every ${duration(every)}`);
    });
    return chart.root;
}

/** @param {Store} store */
function stateChart(store) {
    const chart = new SmallChart(store, { id: "state", title: "State", sub: "what open windows and views hold", axis: bytes,
        empty: "Nothing is held yet.", series: [{ label: "bytes", color: 0, format: bytes }] });
    store.subscribe((changed) => {
        if (!changed.has("samples")) return;
        const { samples, stats } = store;
        const limit = stats && stats.state.limit_bytes > 0 ? ` · limit ${bytes(stats.state.limit_bytes)}` : "";
        chart.render([samples.map(({ at }) => at / 1000), samples.map(({ stateBytes }) => stateBytes)],
            stats ? `${count(stats.state.rows)} rows in ${bytes(stats.state.bytes)}${limit}` : "");
    });
    return chart.root;
}

/** @param {Store} store */
function lagChart(store) {
    const chart = new SmallChart(store, { id: "lag", title: "Watermark lag", sub: "how far behind now windows are closed", axis: axisDuration,
        empty: "There is no watermark yet.", series: [{ label: "watermark behind now", color: 3, format: duration },
            { label: "its delay", color: 6, dash: [6, 4], level: true, format: duration }] });
    const delay = store.plan.sources[0]?.delay_ms ?? 0;
    store.subscribe((changed) => {
        if (!changed.has("samples")) return;
        const seen = store.samples.filter(({ lag }) => lag !== null);
        chart.render([seen.map(({ at }) => at / 1000), seen.map(({ lag }) => lag), seen.map(() => delay)],
            `now ${store.stats?.lag_ms === null || !store.stats ? "–" : duration(store.stats.lag_ms)}; ${duration(delay)} of it is the file's WATERMARK delay`);
    });
    return chart.root;
}

/** The minutes from before this page was opened. @param {Store} store */
async function loadSamples(store) {
    try {
        store.addSamples(await getJson("/api/samples"));
    } catch (error) {
        console.warn(`no samples from before: ${error}`);
    }
}

/** @param {import("./main.js").Page} page */
export function pipelineView({ store }) {
    void loadSamples(store);
    return {
        root: el("div", { class: "view pipeline-view" },
            el("div", { class: "smalls" }, ratesChart(store), epochChart(store), stateChart(store), lagChart(store)),
            el("div", { class: "panels" }, problemsPanel(store), ledgerPanel(store), shardsPanel(store), epochsPanel(store), feedPanel(store), connectPanel(store))),
    };
}
