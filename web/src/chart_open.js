// SPDX-License-Identifier: Apache-2.0
// What marks open windows on the chart: a tinted band behind them, and a ring on each provisional point. Both are drawn
// by lightweight-charts' primitives, on its own canvas and in its own frame.

/** @typedef {import("lightweight-charts").IChartApi} Chart */
/** @typedef {import("lightweight-charts").ISeriesApi<"Line">} LineSeries */
/** @typedef {import("lightweight-charts").UTCTimestamp} Time */
/** @typedef {Parameters<import("lightweight-charts").IPrimitivePaneRenderer["draw"]>[0]} Target */

/** From the first x that has an open window to the right edge. */
export class OpenBand {
    constructor() {
        /** @type {Chart | null} */
        this.chart = null;
        this.firstOpen = /** @type {Time | null} */ (null);
        this.color = "transparent";
        this.label = "";
        this.labelColor = "transparent";
    }

    /** @param {{chart: unknown}} parameters */
    attached({ chart }) {
        this.chart = /** @type {Chart} */ (chart);
    }

    detached() {
        this.chart = null;
    }

    paneViews() {
        return [{ zOrder: () => /** @type {const} */ ("bottom"), renderer: () => ({ draw: this.#draw }) }];
    }

    /** @param {Target} target */
    #draw = (target) => {
        if (!this.chart || this.firstOpen === null) return;
        const scale = this.chart.timeScale();
        const x = scale.timeToCoordinate(this.firstOpen);
        if (x === null) return;
        const left = x - scale.options().barSpacing / 2;
        target.useMediaCoordinateSpace(({ context, mediaSize }) => {
            context.fillStyle = this.color;
            context.fillRect(left, 0, mediaSize.width - left, mediaSize.height);
            if (mediaSize.width - left < 90) return;
            context.fillStyle = this.labelColor;
            context.font = "11px system-ui, sans-serif";
            context.textBaseline = "bottom";
            context.fillText(this.label, Math.max(left, 0) + 8, mediaSize.height - 6);
        });
    };
}

/** Rings on the given points of one series. */
export class Rings {
    constructor() {
        /** @type {Chart | null} */
        this.chart = null;
        /** @type {LineSeries | null} */
        this.series = null;
        /** @type {{time: Time, value: number}[]} */
        this.points = [];
        this.color = "#888";
        this.fill = "#fff";
        this.radius = 3.5;
    }

    /** @param {{chart: unknown, series: unknown}} parameters */
    attached({ chart, series }) {
        this.chart = /** @type {Chart} */ (chart);
        this.series = /** @type {LineSeries} */ (series);
    }

    detached() {
        this.chart = null;
        this.series = null;
    }

    paneViews() {
        return [{ zOrder: () => /** @type {const} */ ("top"), renderer: () => ({ draw: this.#draw }) }];
    }

    /** @param {Target} target */
    #draw = (target) => {
        const { chart, series } = this;
        if (!chart || !series || !series.options().visible) return;
        const scale = chart.timeScale();
        target.useMediaCoordinateSpace(({ context }) => {
            context.lineWidth = 1.75;
            context.strokeStyle = this.color;
            context.fillStyle = this.fill;
            for (const point of this.points) {
                const x = scale.timeToCoordinate(point.time);
                const y = series.priceToCoordinate(point.value);
                if (x === null || y === null) continue;
                context.beginPath();
                context.arc(x, y, this.radius, 0, 2 * Math.PI);
                context.fill();
                context.stroke();
            }
        });
    };
}
