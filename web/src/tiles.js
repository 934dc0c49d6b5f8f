// SPDX-License-Identifier: Apache-2.0
// The pipeline's vital signs: one tile a number that can go wrong, each with its last minutes.

import { el, setText } from "./dom.js";
import { bytes, clock, count, duration, rate, zoneName } from "./format.js";
import { Spark } from "./spark.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./types.js").Stats} Stats */
/** @typedef {{value: string, unit?: string, detail: string, spark?: number[]}} Face */
/** @typedef {{title: string, hint: string, bars?: boolean, points?: number, plain?: boolean,
 *             face: (stats: Stats, store: Store) => Face}} Tile */

const PENDING = "–";

/** @param {number[]} values sorted */
const at95 = (values) => values[Math.min(values.length - 1, Math.floor(values.length * 0.95))] ?? 0;

/** @param {Store} store */
function epochDetail(store) {
    const values = store.epochs.map(({ ms }) => ms).sort((a, b) => a - b);
    const every = store.plan.commit_every_ms;
    if (values.length === 0) return `one every ${duration(every)}`;
    const mean = values.reduce((sum, ms) => sum + ms, 0) / values.length;
    return `mean ${duration(mean)} · p95 ${duration(at95(values))} · max ${duration(values[values.length - 1] ?? 0)} · every ${duration(every)}`;
}

/** @type {Tile[]} */
const tiles = [
    {
        title: "Input rate", hint: "records arriving",
        face: (stats, store) => ({ value: rate(stats.rates.input), unit: "rec/s",
            detail: `${count(stats.ledger.received)} received in all`, spark: store.samples.map(({ input }) => input) }),
    },
    {
        title: "Processing rate", hint: "records per second of busy worker time: what it could take",
        face: (stats, store) => ({ value: rate(stats.rates.processing), unit: "rec/s",
            detail: stats.rates.input > 0 && stats.rates.processing > 0
                ? `${rate(stats.rates.processing / stats.rates.input)} × the input` : "while busy",
            spark: store.samples.map(({ processing }) => processing) }),
    },
    {
        title: "Epoch duration", hint: "time of the last commit, and of those before", bars: true, points: 60,
        face: (stats, store) => ({ value: stats.epoch.number > 0 ? duration(stats.epoch.duration_ms) : PENDING,
            detail: epochDetail(store), spark: store.epochs.map(({ ms }) => ms) }),
    },
    {
        title: "State", hint: "rows and bytes that open windows and views hold",
        face: (stats, store) => ({ value: count(stats.state.rows), unit: "rows", detail: bytes(stats.state.bytes),
            spark: store.samples.map(({ stateBytes }) => stateBytes) }),
    },
    {
        title: "Watermark", hint: "windows that end before it are closed",
        face: (stats, store) => ({
            value: stats.watermark === null ? PENDING : clock(stats.watermark, store.zone),
            unit: stats.watermark === null ? "" : zoneName(store.zone),
            detail: stats.lag_ms === null ? "none yet" : `${duration(stats.lag_ms)} behind now`,
            spark: store.samples.map(({ lag }) => lag ?? 0) }),
    },
    {
        title: "Last commit", hint: "exactly once: positions, state and files in one record", plain: true,
        face: (stats, store) => ({
            value: stats.epoch.last_commit === null ? PENDING : clock(stats.epoch.last_commit, store.zone),
            unit: stats.epoch.last_commit === null ? "" : `epoch ${count(stats.epoch.number)}`,
            detail: stats.epoch.last_commit === null ? `the first comes within ${duration(store.plan.commit_every_ms)}`
                : `${count(stats.epoch.rows_committed)} rows in ${count(stats.epoch.files_committed)} files since the start` }),
    },
];

/** @param {Store} store */
export function tilesSection(store) {
    const drawn = tiles.map((tile) => {
        const value = el("span", { class: "tile-value" }, PENDING);
        const unit = el("span", { class: "tile-unit" });
        const detail = el("p", { class: "tile-detail" }, "\u00a0");
        const spark = tile.plain ? null : new Spark({ bars: tile.bars ?? false, points: tile.points ?? 300 });
        const root = el("section", { class: "tile", title: tile.hint }, el("h3", {}, tile.title),
            el("p", { class: "tile-figure" }, value, " ", unit), spark?.root ?? el("span", { class: "spark" }), detail);
        return { tile, value, unit, detail, spark, root };
    });
    store.subscribe((changed) => {
        if (!store.stats || !(changed.has("stats") || changed.has("zone"))) return;
        for (const { tile, value, unit, detail, spark } of drawn) {
            const face = tile.face(store.stats, store);
            setText(value, face.value);
            setText(unit, face.unit ?? "");
            setText(detail, face.detail);
            spark?.render(face.spark ?? []);
        }
    });
    return el("div", { class: "tiles" }, ...drawn.map(({ root }) => root));
}
