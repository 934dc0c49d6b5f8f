// SPDX-License-Identifier: Apache-2.0
// Selecting a span of a chart to see only that: with the pointer while Shift is held or the button is on, or with the keyboard
// between two points.

import { el } from "./dom.js";

const SPAN_MIN_PX = 6;

export class ChartZoom {
    /**
     * @param {HTMLElement} frame that the chart fills
     * @param {import("lightweight-charts").IChartApi} chart
     * @param {() => void} onzoom the reader sees a span now
     */
    constructor(frame, chart, onzoom) {
        this.chart = chart;
        this.onzoom = onzoom;
        this.from = -1; // where the pointer went down; -1: nowhere
        /** @type {number | null} logical index where the keyboard's selection begins */
        this.anchor = null;
        this.band = el("div", { class: "zoom-band", hidden: true });
        this.cover = el("div", { class: "zoom-cover", hidden: true }, this.band);
        this.button = el("button", { type: "button", class: "button", "aria-pressed": "false", title: "drag over the chart to see that span; or hold Shift and drag",
            onclick: () => this.#arm(this.button.getAttribute("aria-pressed") !== "true") }, "Zoom");
        frame.append(this.cover);
        frame.addEventListener("pointerdown", (event) => this.#down(event), { capture: true });
        this.cover.addEventListener("pointermove", (event) => this.#move(event));
        this.cover.addEventListener("pointerup", (event) => this.#up(event));
        this.cover.addEventListener("pointercancel", () => this.#end());
    }

    /** @param {boolean} on */
    #arm(on) {
        this.button.setAttribute("aria-pressed", String(on));
        this.cover.hidden = !on;
    }

    /** @param {PointerEvent} event */
    #down(event) {
        if (this.cover.hidden && !event.shiftKey) return;
        event.preventDefault();
        event.stopPropagation();
        this.cover.hidden = false;
        this.cover.setPointerCapture(event.pointerId);
        this.from = event.offsetX;
        this.#draw(event.offsetX);
    }

    /** @param {number} to */
    #draw(to) {
        this.band.hidden = false;
        this.band.style.left = `${Math.min(this.from, to)}px`;
        this.band.style.width = `${Math.abs(to - this.from)}px`;
    }

    /** @param {PointerEvent} event */
    #move(event) {
        if (this.from >= 0) this.#draw(event.offsetX);
    }

    /** @param {PointerEvent} event */
    #up(event) {
        const { from } = this;
        this.#end();
        if (from < 0 || Math.abs(event.offsetX - from) < SPAN_MIN_PX) return;
        const scale = this.chart.timeScale();
        const a = scale.coordinateToLogical(Math.min(from, event.offsetX));
        const b = scale.coordinateToLogical(Math.max(from, event.offsetX));
        if (a !== null && b !== null) this.#show(a, b);
    }

    #end() {
        this.from = -1;
        this.band.hidden = true;
        this.#arm(false);
    }

    /** @param {number} from @param {number} to logical indexes */
    #show(from, to) {
        this.chart.timeScale().setVisibleLogicalRange({ from, to: Math.max(to, from + 1) });
        this.onzoom();
    }

    /** The keyboard's way, first call: the selection begins here; second: it ends here. @param {number} x in milliseconds */
    mark(x) {
        const at = this.chart.timeScale().timeToIndex(/** @type {import("lightweight-charts").UTCTimestamp} */ (Math.floor(x / 1000)), true);
        if (at === null) return;
        if (this.anchor === null) {
            this.anchor = at;
            return;
        }
        this.#show(Math.min(this.anchor, at) - 0.5, Math.max(this.anchor, at) + 0.5);
        this.anchor = null;
    }

    /** True when there was a selection to give up. */
    cancel() {
        const had = this.anchor !== null;
        this.anchor = null;
        return had;
    }
}
