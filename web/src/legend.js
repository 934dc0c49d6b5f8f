// SPDX-License-Identifier: Apache-2.0
// The legend of a chart: one button a series, with its line, name, and value at the crosshair or the newest one.

import { el, setText } from "./dom.js";
import { swatch } from "./palette.js";

/** @typedef {import("./rows.js").ViewRows} ViewRows */
/** @typedef {{button: HTMLButtonElement, value: HTMLElement}} Item */

export class Legend {
    /**
     * @param {import("./types.js").ChartPlan} chart
     * @param {() => void} onchange
     */
    constructor(chart, onchange) {
        this.chart = chart;
        this.onchange = onchange;
        /** @type {Set<string>} */
        this.hidden = new Set();
        /** @type {Map<string, Item>} */
        this.items = new Map();
        /** @type {string[]} */
        this.order = [];
        this.all = el("button", { type: "button", class: "legend-all", hidden: true, onclick: () => this.#showAll() }, "Show all");
        this.root = el("div", { class: "legend", role: "group",
            "aria-label": "Series. Press to show or hide; with Shift, or twice, to show only this one." }, this.all);
    }

    #showAll() {
        this.hidden.clear();
        this.onchange();
    }

    /** @param {string} key */
    #isolate(key) {
        const alone = !this.hidden.has(key) && this.hidden.size === this.order.length - 1;
        this.hidden = new Set(alone ? [] : this.order.filter((other) => other !== key));
        this.onchange();
    }

    /** @param {string} key @param {MouseEvent} event */
    #pressed(key, event) {
        if (event.shiftKey || event.detail === 2) {
            this.#isolate(key);
            return;
        }
        if (this.hidden.has(key)) this.hidden.delete(key);
        else this.hidden.add(key);
        this.onchange();
    }

    /** Draws the items anew at the next render: the colours changed. */
    forget() {
        for (const { button } of this.items.values()) button.remove();
        this.items.clear();
    }

    /**
     * @param {string} key
     * @param {string} label
     * @param {number} index
     */
    #add(key, label, index) {
        const value = el("span", { class: "legend-value" });
        const button = el("button", { type: "button", class: "legend-item", "aria-pressed": "true",
            title: "click: show or hide; Shift-click or double click: only this one",
            onclick: (/** @type {MouseEvent} */ event) => this.#pressed(key, event) },
        swatch(index), el("span", { class: "legend-name" }, label), value);
        this.all.before(button);
        const item = { button, value };
        this.items.set(key, item);
        return item;
    }

    /**
     * @param {string[]} order
     * @param {ViewRows} rows
     * @param {number | null} crosshair
     * @param {(value: number) => string} format
     */
    render(order, rows, crosshair, format) {
        this.order = order;
        for (const [index, key] of order.entries()) {
            const series = rows.series.get(key);
            const item = this.items.get(key) ?? this.#add(key, series?.label ?? key, index);
            const points = series?.points ?? [];
            const point = crosshair === null ? points[points.length - 1] : points.find(({ x }) => x === crosshair);
            const value = point?.row[this.chart.y];
            setText(item.value, typeof value === "number" ? format(value) : "–");
            item.value.classList.toggle("is-open", point ? !point.final : false);
            item.button.setAttribute("aria-pressed", String(!this.hidden.has(key)));
        }
        this.all.hidden = this.hidden.size === 0;
    }
}
