// SPDX-License-Identifier: Apache-2.0
// A query's result as lines: x is an instant or a number, each series a numeric column, or one value of a text column.

import uPlot from "uplot";
import { el, svg } from "./dom.js";
import { instantOf, kindOf } from "./csv.js";
import { clock, day, minute } from "./format.js";
import { seriesColor } from "./palette.js";

const SERIES_MAX = 12;
const HEIGHT = 300;
const DASHES = [[], [6, 4], [2, 3]];

/** @typedef {{heads: string[], rows: (string | null)[][]}} Table */

/**
 * What can be drawn of it; null: nothing. The instant that tells rows apart best, or else a number that rises or falls, is x; a text column beside a single number makes series.
 * @param {Table} table
 */
export function chartable({ heads, rows }) {
    const kinds = heads.map((_, i) => kindOf(rows, i));
    // Of several instants the one that tells the rows apart best; of numbers the first.
    const spread = heads.map((_, i) => (kinds[i] === "instant" ? new Set(rows.map((row) => row[i])).size : 0));
    const hasTimes = heads.map((_, i) => (spread[i] ?? 0) > 1 && rows.some((row) => row[i]?.includes(":")));
    if (hasTimes.includes(true)) hasTimes.forEach((has, i) => !has && (spread[i] = 0)); // days are coarser than the windows beside them
    const most = Math.max(0, ...spread);
    const x = most > 1 ? spread.lastIndexOf(most) : kinds.includes("instant") ? -1 : kinds.findIndex((kind, i) => kind === "number" && isOrdered(rows, i));
    const ys = kinds.flatMap((kind, i) => (kind === "number" && i !== x ? [i] : []));
    if (x < 0 || ys.length === 0 || rows.length < 2) return null;
    if (new Set(rows.map((row) => row[x])).size < 2) return null;
    const by = kinds.findIndex((kind, i) => kind === "text" && i !== x);
    return { x, ys, by, time: kinds[x] === "instant" };
}

/** Numbers that rise or fall all along: an axis; any others are values. @param {(string | null)[][]} rows @param {number} column */
function isOrdered(rows, column) {
    const steps = rows.slice(1).map((row, i) => Math.sign(Number(row[column]) - Number(rows[i]?.[column])));
    return steps.every((step) => step > 0) || steps.every((step) => step < 0);
}

/** @param {Table} table @param {NonNullable<ReturnType<typeof chartable>>} shape */
function columnsOf({ heads, rows }, { x, ys, by, time }) {
    const names = by >= 0 ? [...new Set(rows.map((row) => row[by] ?? "NULL"))].slice(0, SERIES_MAX) : [];
    const y = ys[0] ?? 0;
    const labels = by >= 0 ? names : ys.slice(0, SERIES_MAX).map((i) => heads[i] ?? "");
    /** @type {Map<number, (number | null)[]>} */
    const byX = new Map();
    for (const row of rows) {
        const text = row[x];
        if (text === null || text === undefined) continue;
        const at = time ? instantOf(text) / 1000 : Number(text);
        const values = byX.get(at) ?? labels.map(() => null);
        if (by < 0) ys.slice(0, SERIES_MAX).forEach((i, k) => (values[k] = row[i] === null ? null : Number(row[i])));
        else {
            const k = names.indexOf(row[by] ?? "NULL");
            if (k >= 0) values[k] = row[y] === null ? null : Number(row[y]);
        }
        byX.set(at, values);
    }
    const xs = [...byX.keys()].sort((a, b) => a - b);
    return { labels, data: [xs, ...labels.map((_, k) => xs.map((at) => byX.get(at)?.[k] ?? null))] };
}

/** @param {number} ms @param {number} step seconds from one mark to the next */
function timeText(ms, step) {
    if (step >= 86_400) return day(ms, "utc") + (step >= 28 * 86_400 ? ` ${new Date(ms).getUTCFullYear()}` : "");
    return minute(ms, "utc") === "00:00" ? day(ms, "utc") : step >= 60 ? minute(ms, "utc") : clock(ms, "utc");
}

/** @param {Table} table @param {NonNullable<ReturnType<typeof chartable>>} shape */
export function resultChart(table, shape) {
    const { labels, data } = columnsOf(table, shape);
    const host = el("div", { class: "small-host", "aria-hidden": "true" });
    const style = getComputedStyle(document.documentElement);
    const axis = { stroke: style.getPropertyValue("--muted").trim(), grid: { stroke: style.getPropertyValue("--grid").trim(), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    const plot = new uPlot({
        width: 600, height: HEIGHT, legend: { show: false }, cursor: { drag: { x: true, y: false } }, tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"), scales: { x: { time: shape.time } }, axes: [shape.time ? { ...axis, size: 30, space: 90, values: (_, splits, __, ___, incr) => splits.map((at) => timeText(at * 1000, incr)) } : { ...axis, size: 30 }, { ...axis, size: 70 }],
        series: [{ label: table.heads[shape.x] ?? "x" }, ...labels.map((label, i) => ({ label, stroke: seriesColor(i), dash: DASHES[Math.floor(i / 7)] ?? [], width: 1.75, spanGaps: true, points: { show: false } }))],
    }, /** @type {uPlot.AlignedData} */ (data), host);
    new ResizeObserver(() => host.clientWidth > 0 && plot.setSize({ width: host.clientWidth, height: HEIGHT })).observe(host);
    const names = el("p", { class: "small-legend" }, ...labels.map((label, i) => el("span", { class: "small-item" },
        svg("svg", { class: "swatch", viewBox: "0 0 18 10", width: 18, height: 10, "aria-hidden": "true" }, svg("line", { x1: 0, y1: 5, x2: 18, y2: 5, stroke: seriesColor(i), "stroke-width": 2,
            "stroke-dasharray": DASHES[Math.floor(i / 7)]?.join(" ") || "none" })), label)));
    return el("figure", { class: "result-chart" }, host, names, el("figcaption", { class: "sub" },
        `${labels.length} series over ${table.heads[shape.x]}${shape.time ? " (UTC)" : ""}; the table below has the values`));
}
