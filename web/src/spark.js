// SPDX-License-Identifier: Apache-2.0
// A small line without axes. The figures beside it say the values; it only shows the shape of the last minutes.

import { svg } from "./dom.js";

const WIDTH = 100;
const HEIGHT = 28;
const SLOTS_MIN = 60;

export class Spark {
    /** @param {{bars?: boolean, points?: number}} [options] */
    constructor(options = {}) {
        this.bars = options.bars ?? false;
        this.points = options.points ?? 300;
        this.area = svg("path", { class: "spark-area" });
        this.line = svg("path", { class: this.bars ? "spark-bars" : "spark-line" });
        this.root = svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
            "aria-hidden": "true" }, this.area, this.line);
    }

    /** @param {number[]} values newest last */
    render(values) {
        const shown = values.slice(-this.points);
        const top = Math.max(1e-9, ...shown) * 1.08;
        // A minute wide at first, and wider as there is more to show.
        const step = WIDTH / Math.max(1, Math.min(this.points, Math.max(SLOTS_MIN, shown.length)) - 1);
        const left = WIDTH - step * (shown.length - 1);
        const y = (/** @type {number} */ value) => (HEIGHT - 1 - (Math.max(0, value) / top) * (HEIGHT - 2)).toFixed(2);
        const x = (/** @type {number} */ i) => (left + step * i).toFixed(2);
        if (this.bars) {
            this.line.setAttribute("d", shown.map((value, i) => `M${(left - step / 2 + step * i).toFixed(2)} ${HEIGHT}V${y(value)}`).join(""));
            return;
        }
        const path = shown.map((value, i) => `${i === 0 ? "M" : "L"}${x(i)} ${y(value)}`).join("");
        this.line.setAttribute("d", path);
        this.area.setAttribute("d", shown.length < 2 ? "" : `${path}L${WIDTH} ${HEIGHT}L${left.toFixed(2)} ${HEIGHT}Z`);
    }
}
