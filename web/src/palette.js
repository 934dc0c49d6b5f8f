// SPDX-License-Identifier: Apache-2.0
// Colours and dashes that tell series apart. Okabe and Ito's colours, told apart with any kind of colour vision; darkened or lightened
// until a line has 3:1 against its panel, and a label at its end 4.5:1 between colour and text (a test counts both). Past seven series
// the dash changes, so that no two of the first 28 look the same.

import { LineStyle } from "lightweight-charts";
import { svg } from "./dom.js";

const LIGHT = ["#00508a", "#c25100", "#007d5c", "#ac5286", "#916a00", "#1d7cb0", "#4a4f57"];
const DARK = ["#56b4e9", "#f09a6b", "#2fc39a", "#dc8fbd", "#f0ad1f", "#f0e442", "#c6cdd6"];
const DASHES = [LineStyle.Solid, LineStyle.Dashed, LineStyle.LargeDashed, LineStyle.SparseDotted];
const SVG_DASHES = ["none", "5 3", "9 4", "2 4"];

/** True when the page is shown dark, whoever decided it. */
export function isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** @param {number} index */
export function seriesColor(index) {
    const colors = isDark() ? DARK : LIGHT;
    return /** @type {string} */ (colors[index % colors.length]);
}

/** @param {number} index */
export const seriesDash = (index) =>
    /** @type {import("lightweight-charts").LineStyle} */ (DASHES[Math.floor(index / LIGHT.length) % DASHES.length]);

/** The sample of a line that stands in the legend. @param {number} index */
export function swatch(index) {
    const dash = SVG_DASHES[Math.floor(index / LIGHT.length) % SVG_DASHES.length];
    return svg("svg", { class: "swatch", viewBox: "0 0 26 10", width: 26, height: 10, "aria-hidden": "true" },
        svg("line", { x1: 1, y1: 5, x2: 25, y2: 5, stroke: seriesColor(index), "stroke-width": 2.5,
            "stroke-dasharray": dash }));
}
