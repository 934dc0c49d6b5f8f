// SPDX-License-Identifier: Apache-2.0
// The chart's points as a table: a row a window, newest first, a column a series. The same content for those who do not
// see the canvas, and for copying.

import { el, setText } from "./dom.js";
import { day, windowTime, zoneName } from "./format.js";

const ROWS_MAX = 60;

/** @typedef {import("./rows.js").ViewRows} ViewRows */
/** @typedef {import("./rows.js").Point} Point */

export class ChartTable {
    /** @param {import("./types.js").ChartPlan} chart */
    constructor(chart) {
        this.chart = chart;
        this.caption = el("caption");
        this.head = el("tr");
        this.body = el("tbody");
        this.root = el("div", { class: "chart-table scroll", hidden: true, tabindex: 0, role: "region",
            "aria-label": `${chart.y} as a table` },
        el("table", {}, this.caption, el("thead", {}, this.head), this.body));
    }

    /**
     * @param {string[]} keys
     * @param {ViewRows} rows
     * @param {import("./format.js").Zone} zone
     * @param {(value: number) => string} format
     */
    render(keys, rows, zone, format) {
        setText(this.caption, `${this.chart.y} at ${this.chart.x}, newest ${ROWS_MAX} windows; values of open windows are in italics and marked “open”.`);
        const byX = this.#byX(keys, rows);
        const times = [...byX.keys()].sort((a, b) => b - a).slice(0, ROWS_MAX);
        this.head.replaceChildren(el("th", { scope: "col" }, `${this.chart.x} (${zoneName(zone)})`),
            ...keys.map((key) => el("th", { scope: "col", class: "number" }, rows.series.get(key)?.label ?? key)));
        this.body.replaceChildren(...times.map((x) => el("tr", {},
            el("th", { scope: "row" }, `${day(x, zone)}, ${windowTime(x, zone, rows.plan.step_ms || rows.plan.window_ms)}`),
            ...keys.map((key) => this.#cell(byX.get(x)?.get(key), format)))));
    }

    /**
     * @param {Point | undefined} point
     * @param {(value: number) => string} format
     */
    #cell(point, format) {
        const value = point?.row[this.chart.y];
        const text = typeof value === "number" ? format(value) : "–";
        if (!point || point.final) return el("td", { class: "number" }, text);
        return el("td", { class: "number is-open" }, text, el("span", { class: "open-mark" }, " open"));
    }

    /**
     * @param {string[]} keys
     * @param {ViewRows} rows
     */
    #byX(keys, rows) {
        /** @type {Map<number, Map<string, Point>>} */
        const byX = new Map();
        for (const key of keys) {
            for (const point of (rows.series.get(key)?.points ?? []).slice(-ROWS_MAX)) {
                const row = byX.get(point.x) ?? new Map();
                row.set(key, point);
                byX.set(point.x, row);
            }
        }
        return byX;
    }
}
