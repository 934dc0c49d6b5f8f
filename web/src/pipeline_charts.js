// SPDX-License-Identifier: Apache-2.0
// The pipeline's charts over time: rates, where an epoch's time goes, how long a record takes to this page, and what lags.

import { bytes, count, duration, rate, recordsBehind, shardName } from "./format.js";
import { SmallChart } from "./small_chart.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./types.js").Phases} Phases */

const GAP_S = 5; // a sample comes each second: where none came, nobody was there to take it

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000];
const DURATION_STEPS = [...[0.1, 1, 10, 100, SECOND].flatMap((unit) => [unit, 2 * unit, 5 * unit]), ...[10, 15, 20, 30].map((n) => n * SECOND),
    ...[1, 2, 5, 10, 15, 20, 30].map((n) => n * MINUTE), ...[1, 2, 3, 6, 12, 24, 48, 96, 240, 480, 1200, 2400, 8760].map((n) => n * HOUR)];
const BYTE_STEPS = Array.from({ length: 50 }, (_, i) => 2 ** i);

/** Durations beside an axis: short. @param {number} ms */
function axisDuration(ms) {
    const [size, unit] = ms >= HOUR ? [HOUR, "h"] : ms >= MINUTE ? [MINUTE, "min"] : ms >= SECOND ? [SECOND, "s"] : [1, "ms"];
    return `${Number((ms / size).toFixed(1))} ${unit}`;
}

/** @param {number} n */
const axisBytes = (n) => bytes(n).replace(".0 ", " ");

/** @param {number[]} sorted @param {number} q */
const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;

/** @param {Store} store */
export function ratesChart(store) {
    const chart = new SmallChart(store, { id: "rates", title: "Input and processing rate", sub: "records a second", log: true, gapS: GAP_S,
        axis: rate, empty: "No record has come yet: start a feed, or put records into the stream.",
        series: [{ label: "arriving", color: 0, format: (v) => `${rate(v)}/s` },
            { label: "could take", color: 1, dash: [6, 4], format: (v) => `${rate(v)}/s` }] });
    store.subscribe((changed) => {
        if (!changed.has("samples")) return;
        const { samples } = store;
        const any = samples.some(({ input, processing }) => input > 0 || processing > 0);
        chart.render(any ? [samples.map(({ at }) => at / 1000), samples.map(({ input }) => input || null), samples.map(({ processing }) => processing || null)] : [[], [], []],
            "records a second; “could take” is what the workers do while they are busy");
    });
    return chart.root;
}

/** @type {{name: keyof Phases, label: string, color: number}[]} in the order of their happening */
const PHASES = [
    { name: "drain_ms", label: "drain", color: 6 }, { name: "close_ms", label: "close, merge", color: 0 }, { name: "write_ms", label: "write files", color: 2 },
    { name: "sync_ms", label: "fsync, rename", color: 4 }, { name: "commit_ms", label: "commit", color: 3 },
];

/** @param {Store} store */
export function epochChart(store) {
    const every = store.plan.commit_every_ms;
    const chart = new SmallChart(store, { id: "epochs-chart", title: "Epoch duration", sub: "time of each commit", axis: axisDuration, steps: DURATION_STEPS, stacked: true,
        limit: { label: "trigger interval", value: every },
        empty: `The first commit comes within ${duration(every)} of the first record.`,
        series: [...PHASES.map(({ label, color }) => ({ label, color, bars: true, format: duration })),
            { label: "mean", color: 1, dash: [6, 4], level: true, format: duration }, { label: "p95", color: 1, dash: [2, 3], level: true, format: duration }] });
    store.subscribe((changed) => {
        if (!changed.has("samples")) return;
        const { epochs } = store;
        const sorted = epochs.map(({ duration_ms }) => duration_ms).sort((a, b) => a - b);
        const mean = sorted.reduce((sum, ms) => sum + ms, 0) / Math.max(1, sorted.length);
        const p95 = quantile(sorted, 0.95);
        chart.render([epochs.map(({ at }) => at / 1000), ...PHASES.map(({ name }) => epochs.map(({ phases }) => phases[name])), epochs.map(() => mean), epochs.map(() => p95)],
            sorted.length === 0 ? `one every ${duration(every)}` : `mean ${duration(mean)} · p95 ${duration(p95)} · max ${duration(sorted[sorted.length - 1] ?? 0)} · one every ${duration(every)}`);
    });
    return chart.root;
}

/** @param {Store} store */
export function putChart(store) {
    const chart = new SmallChart(store, { id: "put", title: "Put to page", sub: "from a record's arrival in the stream to this page", axis: axisDuration, steps: DURATION_STEPS, gapS: GAP_S,
        empty: "No record has come while a page was open.",
        series: [{ label: "p50", color: 0, format: duration }, { label: "p95", color: 4, dash: [6, 4], format: duration }, { label: "p99", color: 1, dash: [2, 3], format: duration }] });
    store.subscribe((changed) => {
        if (!changed.has("samples")) return;
        const { samples, epochs } = store;
        const ages = epochs.flatMap(({ oldest_ms }) => (oldest_ms === null ? [] : [oldest_ms])).sort((a, b) => a - b);
        const any = samples.some(({ put }) => typeof put[0] === "number");
        chart.render(any ? [samples.map(({ at }) => at / 1000), ...[0, 1, 2].map((i) => samples.map(({ put }) => put[i] ?? null))] : [[], [], [], []],
            `from arrival in the stream to this page${ages.length > 0 ? ` · to the lake ${duration(quantile(ages, 0.5))}, p95 ${duration(quantile(ages, 0.95))}` : ""}`);
    });
    return chart.root;
}

/** @param {Store} store */
export function stateChart(store) {
    const chart = new SmallChart(store, { id: "state", title: "State", sub: "what open windows and views hold", axis: axisBytes, steps: BYTE_STEPS, gapS: GAP_S,
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
export function watermarkChart(store) {
    const chart = new SmallChart(store, { id: "lag", title: "Watermark lag", sub: "how far behind now windows are closed", axis: axisDuration, steps: DURATION_STEPS, gapS: GAP_S,
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

/** All shards together; unknown where one is. @param {import("./types.js").Shard[]} shards */
const sumBehind = (shards) => ({
    records_behind: shards.reduce((/** @type {number | null} */ sum, { records_behind: n }) => (sum === null || n === null ? null : sum + n), 0),
    records_behind_estimated: shards.some((shard) => shard.records_behind_estimated),
});

/** Read lag, a line a shard. @param {Store} store */
export function behindChart(store) {
    const chart = new SmallChart(store, { id: "behind", title: "Lag by shard", sub: "how far each reader is behind its shard's tip", axis: axisDuration, steps: DURATION_STEPS, gapS: GAP_S,
        empty: "No shard is read yet.", series: [] });
    let drawn = "";
    store.subscribe((changed) => {
        if (!changed.has("samples")) return;
        const { samples, stats } = store;
        const shards = [...store.lagShards].sort();
        if (drawn !== shards.join(" ")) {
            drawn = shards.join(" ");
            chart.setSeries(shards.map((id, i) => ({ label: shardName(id), color: i % 7, ...(i >= 7 ? { dash: [6, 4] } : {}), format: duration })));
        }
        const open = (stats?.shards ?? []).filter(({ finished }) => !finished);
        const worst = Math.max(0, ...open.map((shard) => shard.millis_behind));
        const all = stats?.shard_count ?? 0;
        chart.render(shards.length > 0 ? [samples.map(({ at }) => at / 1000), ...shards.map((id) => samples.map(({ behind }) => behind[id] ?? null))] : [[]],
            `how far each reader is behind its shard's tip; the worst now ${duration(worst)}, ${recordsBehind(sumBehind(open))} records in all${all > shards.length ? `; the first ${shards.length} of ${count(all)} shards` : ""}`);
    });
    return chart.root;
}
