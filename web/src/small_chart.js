// SPDX-License-Identifier: Apache-2.0
// A small chart of figures over time, by uPlot: a line or bars a series, a legend that follows the pointer or the arrow keys, and
// the same as a table.

import uPlot from "uplot";
import { el, setText, svg } from "./dom.js";
import { clock, zoneName } from "./format.js";
import { isDark, seriesColor } from "./palette.js";

/** @typedef {import("./store.js").Store} Store */
/**
 * @typedef {{label: string, color: number, dash?: number[], bars?: boolean, format: (value: number) => string, level?: boolean}} SmallSeries
 *   level: a line across, of one value
 * @typedef {{id: string, title: string, sub: string, series: SmallSeries[], log?: boolean, axis: (value: number) => string,
 *            steps?: number[], empty: string, stacked?: boolean, gapS?: number, limit?: {label: string, value: number}}} SmallSpec
 *   steps: from one mark of the axis to the next, those that read well in its unit;
 *   limit: a line across that the values should stay below; stacked: bars stand on one another, the first lowest; gapS: where points are farther apart nothing is drawn between them
 * @typedef {(number | null)[]} Column
 */

const HEIGHT = 168;
const TABLE_ROWS = 40;
const SPAN_MIN_S = 120;
const LIMIT_NEAR = 0.2; // of a limit: from there on it is within what is shown

export class SmallChart {
    /** @param {Store} store @param {SmallSpec} spec */
    constructor(store, spec) {
        this.store = store;
        this.spec = spec;
        /** @type {Column[]} times in seconds, then a column a series */
        this.data = [[], ...spec.series.map(() => [])];
        /** @type {uPlot | null} */
        this.plot = null;
        this.at = -1; // the point that is pointed at; -1: the newest
        this.host = el("div", { class: "small-host", "aria-hidden": "true" });
        this.empty = el("p", { class: "chart-note" }, spec.empty);
        this.spoken = el("p", { class: "unseen", "aria-live": "assertive" });
        this.frame = el("div", { class: "small-frame", tabindex: 0, role: "group",
            "aria-label": `Chart: ${spec.title}. Arrow keys move along its points; the table has the same values.` }, this.host, this.empty, this.spoken);
        /** @type {HTMLElement[]} */
        this.values = [];
        /** @type {HTMLElement[]} */
        this.swatches = [];
        this.when = el("span", { class: "small-when" });
        this.legend = el("p", { class: "small-legend" });
        this.table = el("div", { class: "chart-table scroll", hidden: true, tabindex: 0, role: "region", "aria-label": `${spec.title} as a table` });
        this.summary = el("p", { class: "sub" }, spec.sub);
        this.root = this.#build();
        // For the browser tests, as in main.js.
        Object.assign(/** @type {any} */ (window).tapeline.smalls, { [spec.id]: () => ({ limit: this.#isBeyond() ? "beyond" : "within" }) });
        this.#keyboard();
        new ResizeObserver(() => this.#resize()).observe(this.host);
        store.subscribe((changed) => {
            if (changed.has("connection")) this.#renderLegend();
            if (changed.has("theme")) this.#recreate();
        });
    }

    #build() {
        const { id, title } = this.spec;
        this.#buildLegend();
        const toggle = el("button", { type: "button", class: "button is-small", "aria-pressed": "false", onclick: () => {
            this.table.hidden = !this.table.hidden;
            toggle.setAttribute("aria-pressed", String(!this.table.hidden));
            this.#renderTable();
        } }, "Table");
        return el("section", { class: `panel small ${id}`, "aria-labelledby": `${id}-title` },
            el("div", { class: "panel-head" }, el("div", {}, el("h2", { id: `${id}-title` }, title), this.summary), toggle),
            this.frame, this.legend, this.table);
    }

    #buildLegend() {
        const { series, limit } = this.spec;
        this.swatches = series.map((one) => el("span", {}, swatchOf(one)));
        this.values = series.map(() => el("span", { class: "legend-value" }, "–"));
        this.legend.replaceChildren(this.when, ...series.map((one, i) =>
            el("span", { class: "small-item" }, /** @type {HTMLElement} */ (this.swatches[i]), one.label, " ", /** @type {HTMLElement} */ (this.values[i]))));
        if (limit) this.legend.append(el("span", { class: "small-item" }, limitSwatch(), `${limit.label} `, el("span", { class: "legend-value" }, this.spec.axis(limit.value))));
    }

    /** Another set of lines; the next render has a column for each. @param {SmallSeries[]} series */
    setSeries(series) {
        this.spec = { ...this.spec, series };
        this.data = [[], ...series.map(() => [])];
        this.#buildLegend();
        this.#recreate();
    }

    #keyboard() {
        this.frame.addEventListener("keydown", (event) => {
            const last = (this.data[0]?.length ?? 0) - 1;
            const from = this.at < 0 ? last : this.at;
            let to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last, Escape: -1 }[event.key];
            if (to === undefined || last < 0) return;
            if (this.#isGap(to)) to += Math.sign(to - from);
            event.preventDefault();
            event.stopPropagation();
            this.#point(event.key === "Escape" ? -1 : Math.max(0, Math.min(last, to)), true);
        });
    }

    /** @param {number} at @param {boolean} spoken */
    #point(at, spoken) {
        this.at = at;
        const time = this.data[0]?.[at];
        if (this.plot && spoken) {
            const left = typeof time === "number" ? this.plot.valToPos(time, "x") : -10;
            this.plot.setCursor({ left, top: at < 0 ? -10 : 10 }, false);
        }
        this.#renderLegend();
        if (spoken && typeof time === "number") {
            setText(this.spoken, `${clock(time * 1000, this.store.zone)}: ${this.spec.series.map((one, i) => `${one.label} ${this.#text(i, at)}`).join(", ")}`);
        }
    }

    /** @param {number} at */
    #isGap(at) {
        return at > 0 && this.data.every((column, i) => i === 0 || (column[at] ?? null) === null);
    }

    /** @param {number} series @param {number} at */
    #text(series, at) {
        const value = this.data[series + 1]?.[at];
        return typeof value === "number" ? /** @type {SmallSeries} */ (this.spec.series[series]).format(value) : "–";
    }

    #renderLegend() {
        const times = this.data[0] ?? [];
        // What is sampled each second is of now, or there is no "now" of it: without a connection only points that the reader goes to have values.
        const newest = this.spec.gapS && this.store.connection.state !== "live" ? -1 : times.length - 1;
        const at = this.at >= 0 && this.at < times.length ? this.at : newest;
        const time = times[at];
        setText(this.when, typeof time === "number" ? `${clock(time * 1000, this.store.zone)} ${zoneName(this.store.zone)}` : "");
        this.spec.series.forEach((_, i) => setText(/** @type {HTMLElement} */ (this.values[i]), this.#text(i, at)));
    }

    #resize() {
        const width = this.host.clientWidth;
        if (width > 0 && this.plot && Math.abs(this.plot.width - width) > 1) this.plot.setSize({ width, height: HEIGHT });
        else if (width > 0 && !this.plot) this.#recreate();
    }

    #recreate() {
        this.plot?.destroy();
        this.plot = null;
        this.spec.series.forEach((one, i) => this.swatches[i]?.replaceChildren(swatchOf(one)));
        const width = this.host.clientWidth;
        if (width === 0) return;
        this.plot = new uPlot(this.#options(width), this.#plotted(), this.host);
    }

    /** The series in the order in which they are drawn: of a stack the tallest first. */
    #drawOrder() {
        const indexes = this.spec.series.map((_, i) => i);
        if (!this.spec.stacked) return indexes;
        return [...indexes.filter((i) => this.spec.series[i]?.bars).reverse(), ...indexes.filter((i) => !this.spec.series[i]?.bars)];
    }

    /** @returns {uPlot.AlignedData} */
    #plotted() {
        const [times = [], ...columns] = this.data;
        if (this.spec.stacked) {
            const heights = times.map(() => 0);
            this.spec.series.forEach((one, i) => {
                if (one.bars) columns[i] = (columns[i] ?? []).map((value, at) => (heights[at] = (heights[at] ?? 0) + (value ?? 0)));
            });
        }
        return /** @type {uPlot.AlignedData} */ ([times, ...this.#drawOrder().map((i) => columns[i] ?? [])]);
    }

    /** @param {number} width @returns {uPlot.Options} */
    #options(width) {
        const style = getComputedStyle(document.documentElement);
        const ink = style.getPropertyValue("--muted").trim();
        const line = style.getPropertyValue("--grid").trim();
        const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
        return {
            width, height: HEIGHT, legend: { show: false }, padding: [8, 18, 0, 0],
            cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
            hooks: { setCursor: [(plot) => this.#hovered(plot)], draw: [(plot) => this.#drawLimit(plot)] },
            scales: { x: { time: true, range: () => spanOf(Number(this.data[0]?.[0]), Number(this.data[0]?.at(-1))) }, y: this.spec.log ? { distr: 3, range: logRange } : { range: (_, low, high) => [Math.min(0, low), this.#top(high)] } },
            axes: [{ ...axis, space: 70, size: 26, values: (_, splits) => splits.map((s) => clock(s * 1000, this.store.zone)) },
                { ...axis, size: 58, space: 30, values: (_, splits) => splits.map((s) => (s === null || this.#isEmpty() ? "" : this.spec.axis(s))),
                    ...(this.spec.steps ? { incrs: this.spec.steps } : {}),
                    ...(this.spec.log ? { splits: (_, __, low, high) => decades(low, high), filter: (_, splits) => splits } : {}) }],
            series: [{}, ...this.#drawOrder().map((i) => seriesOptions(/** @type {SmallSeries} */ (this.spec.series[i]), this.spec.stacked === true))],
        };
    }

    #isEmpty() {
        return (this.data[0]?.length ?? 0) === 0;
    }

    /** Values that come near the limit are shown with it; others would be a flat line below it. @param {number} high */
    #top(high) {
        const limit = this.spec.limit?.value ?? 0;
        return (limit > 0 && high > limit * LIMIT_NEAR ? Math.max(high, limit) : high > 0 ? high : 1 / 1.1) * 1.1;
    }

    #isBeyond() {
        return (this.spec.limit?.value ?? 0) > Number(this.plot?.scales.y?.max);
    }

    /** The line at the limit, with its name; along the upper edge, and said so, where it is beyond what is shown. @param {uPlot} plot */
    #drawLimit(plot) {
        const { limit } = this.spec;
        if (!limit || this.#isEmpty()) return;
        const { ctx, bbox } = plot;
        const ratio = devicePixelRatio;
        const beyond = this.#isBeyond();
        const y = beyond ? bbox.top + ratio : Math.round(plot.valToPos(limit.value, "y", true));
        const style = getComputedStyle(document.documentElement);
        ctx.save();
        ctx.strokeStyle = style.getPropertyValue("--ink").trim();
        ctx.lineWidth = ratio;
        ctx.setLineDash([8 * ratio, 3 * ratio, 2 * ratio, 3 * ratio]);
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
        ctx.stroke();
        ctx.font = `${11 * ratio}px system-ui, sans-serif`;
        ctx.textAlign = "left"; // uPlot leaves that of its axes
        ctx.textBaseline = "top";
        const text = `${limit.label} ${this.spec.axis(limit.value)}${beyond ? ", far above ↑" : ""}`;
        // On a ground of its own: a line may run just there.
        ctx.fillStyle = style.getPropertyValue("--panel").trim();
        ctx.fillRect(bbox.left + 3 * ratio, y + 2 * ratio, ctx.measureText(text).width + 6 * ratio, 15 * ratio);
        ctx.fillStyle = style.getPropertyValue("--ink").trim();
        ctx.fillText(text, bbox.left + 6 * ratio, y + 4 * ratio);
        ctx.restore();
    }

    /** @param {uPlot} plot */
    #hovered(plot) {
        const at = typeof plot.cursor.idx === "number" && (plot.cursor.left ?? -1) >= 0 ? plot.cursor.idx : -1;
        if (at !== this.at) this.#point(at, false);
    }

    /** @param {Column[]} data @param {string} [summary] */
    render(data, summary) {
        this.data = this.spec.gapS ? withGaps(data, this.spec.gapS) : data;
        this.empty.hidden = !this.#isEmpty();
        if (!this.plot) this.#recreate();
        this.plot?.setData(this.#plotted());
        this.#renderLegend();
        if (summary) setText(this.summary, summary);
        if (!this.table.hidden) this.#renderTable();
    }

    #renderTable() {
        if (this.table.hidden) return;
        const times = this.data[0] ?? [];
        const rows = times.map((_, i) => i).filter((at) => !this.#isGap(at)).slice(-TABLE_ROWS).reverse();
        this.table.replaceChildren(el("table", {}, el("thead", {}, el("tr", {},
            el("th", { scope: "col" }, `Time (${zoneName(this.store.zone)})`), ...this.spec.series.map((one) => el("th", { scope: "col", class: "number" }, one.label)))),
        el("tbody", {}, ...rows.map((at) => el("tr", {}, el("th", { scope: "row" }, clock(Number(times[at]) * 1000, this.store.zone)),
            ...this.spec.series.map((_, i) => el("td", { class: "number" }, this.#text(i, at))))))));
    }
}

/** At least some minutes, so that one point does not fill all of it. @param {number} from @param {number} to @returns {[number, number]} */
const spanOf = (from, to) => (Number.isFinite(to) ? [Math.min(from, to - SPAN_MIN_S), to + (to - Math.min(from, to - SPAN_MIN_S)) * 0.02] : [Date.now() / 1000 - SPAN_MIN_S, Date.now() / 1000]);

/** @param {number} low @param {number} high */
function decades(low, high) {
    const splits = [];
    for (let at = Math.max(low, 1e-3); at <= high * 1.001; at *= 10) splits.push(at);
    const every = Math.ceil(splits.length / 5);
    return splits.filter((_, i) => i % every === 0);
}

/** @param {uPlot} _ @param {number} low @param {number} high @returns {[number, number]} */
function logRange(_, low, high) {
    const from = low > 0 ? low : 1;
    return [10 ** Math.floor(Math.log10(from)), 10 ** Math.ceil(Math.log10(Math.max(high, from * 10)))];
}

/** @param {SmallSeries} one @param {boolean} stacked @returns {uPlot.Series} */
function seriesOptions(one, stacked) {
    const stroke = seriesColor(one.color);
    /** @type {uPlot.Series} */
    const options = { label: one.label, stroke, width: one.level ? 1.25 : 1.75, spanGaps: one.level === true, points: { show: false } };
    if (one.dash) options.dash = one.dash;
    if (one.bars && uPlot.paths.bars) {
        options.paths = uPlot.paths.bars({ size: [0.7, 26] });
        options.fill = stacked ? stroke : stroke + (isDark() ? "66" : "55");
        if (stacked) options.width = 0;
    }
    return options;
}

/**
 * A row of nothing wherever no point came for longer than gapS seconds: the line breaks there.
 * @param {Column[]} data
 * @param {number} gapS
 * @returns {Column[]}
 */
function withGaps(data, gapS) {
    const times = data[0] ?? [];
    const breaks = times.map((_, i) => i).filter((i) => i > 0 && Number(times[i]) - Number(times[i - 1]) > gapS);
    if (breaks.length === 0) return data;
    return data.map((column, c) => {
        const out = [...column];
        for (const at of [...breaks].reverse()) out.splice(at, 0, c === 0 ? Number(times[at - 1]) + gapS / 2 : null);
        return out;
    });
}

const limitSwatch = () => svg("svg", { class: "swatch", viewBox: "0 0 18 10", width: 18, height: 10 },
    svg("line", { x1: 0, y1: 5, x2: 18, y2: 5, stroke: "currentColor", "stroke-width": 1, "stroke-dasharray": "8 3 2 3" }));

/** @param {SmallSeries} one */
function swatchOf(one) {
    if (one.bars) return svg("svg", { class: "swatch", viewBox: "0 0 18 10", width: 18, height: 10 }, svg("rect", { x: 4, y: 1, width: 10, height: 9, fill: seriesColor(one.color) }));
    return svg("svg", { class: "swatch", viewBox: "0 0 18 10", width: 18, height: 10 },
        svg("line", { x1: 0, y1: 5, x2: 18, y2: 5, stroke: seriesColor(one.color), "stroke-width": 2, "stroke-dasharray": one.dash?.join(" ") ?? "none" }));
}
