// SPDX-License-Identifier: Apache-2.0
// The lines of one chart: for each series a line of closed windows, and a dotted one with rings that leads from the last
// closed window through the open ones. Draws what it is given; decides nothing about the page around it.

import { createChart, CrosshairMode, LineSeries, LineStyle, PriceScaleMode } from "lightweight-charts";
import { OpenBand, Rings } from "./chart_open.js";
import { isDark, seriesColor, seriesDash } from "./palette.js";
import { clock, day, dayAndMinute, decimal, digitsFor, minute, zoneName } from "./format.js";

/** @typedef {import("./rows.js").Series} Series */
/** @typedef {import("./format.js").Zone} Zone */
/** @typedef {import("lightweight-charts").UTCTimestamp} Time */
/** @typedef {{time: Time, value: number}} Datum */
/** @typedef {import("lightweight-charts").ISeriesApi<"Line">} LineApi */
/**
 * @typedef {{index: number, closed: LineApi, open: LineApi, rings: Rings, closedData: Datum[], drawn: number,
 *            rewrites: number, changes: number, firstOpen: Time | null}} Line
 */
/** @typedef {"value" | "percent" | "log"} ScaleMode */

const SCALE_MODES = { value: PriceScaleMode.Normal, percent: PriceScaleMode.Percentage, log: PriceScaleMode.Logarithmic };
const BARS_MIN = 6;
const MARGIN_BARS = 1.5; // room right of the newest point

/** @param {string} name */
const cssColor = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class ChartLines {
    /**
     * @param {HTMLElement} host
     * @param {{y: string, windowMs: number, zone: () => Zone, onCrosshair: (x: number | null) => void,
     *          onLeave: () => void}} spec onLeave: the reader moved the view away from now
     */
    constructor(host, spec) {
        this.spec = spec;
        /** @type {Map<string, Line>} */
        this.lines = new Map();
        this.largest = 0;
        this.digits = 2;
        this.chart = createChart(host, {
            autoSize: true,
            layout: { attributionLogo: false, fontSize: 12, fontFamily: "system-ui, sans-serif" },
            crosshair: { mode: CrosshairMode.Magnet },
            rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.08, bottom: 0.14 }, minimumWidth: 64 },
            timeScale: { borderVisible: false, timeVisible: true, secondsVisible: false, rightOffset: MARGIN_BARS,
                shiftVisibleRangeOnNewBar: false, lockVisibleTimeRangeOnResize: true, minBarSpacing: 0.2,
                tickMarkFormatter: this.#tick },
            localization: { timeFormatter: this.#crosshairTime },
            handleScroll: { vertTouchDrag: false },
        });
        this.band = new OpenBand();
        this.band.label = "open windows";
        this.chart.panes()[0]?.attachPrimitive(this.band);
        this.chart.subscribeCrosshairMove((param) =>
            spec.onCrosshair(typeof param.time === "number" && param.point ? param.time * 1000 : null));
        this.#noticeReader(host);
        this.applyTheme();
    }

    /** Only the reader's own hand leaves "now": range changes by new data come through the same event. @param {HTMLElement} host */
    #noticeReader(host) {
        for (const type of ["wheel", "touchmove", "dblclick"]) {
            host.addEventListener(type, () => this.spec.onLeave(), { passive: true });
        }
        host.addEventListener("pointermove", (event) => {
            if (event.buttons !== 0) this.spec.onLeave();
        });
    }

    /** @param {unknown} time @param {number} mark */
    #tick = (time, mark) => {
        const ms = /** @type {number} */ (time) * 1000;
        const zone = this.spec.zone();
        // The library finds midnights in UTC; in another zone that mark is an hour like the others.
        if (mark <= 2 && minute(ms, zone) === "00:00") return day(ms, zone);
        return mark === 4 ? clock(ms, zone) : minute(ms, zone);
    };

    /** @param {unknown} time */
    #crosshairTime = (time) => {
        const zone = this.spec.zone();
        return `${dayAndMinute(/** @type {number} */ (time) * 1000, zone)} ${zoneName(zone)}`;
    };

    applyTheme() {
        this.chart.applyOptions({
            layout: { background: { color: cssColor("--panel") }, textColor: cssColor("--muted") },
            grid: { vertLines: { color: cssColor("--grid") }, horzLines: { color: cssColor("--grid") } },
            crosshair: { vertLine: { color: cssColor("--muted"), labelBackgroundColor: cssColor("--tag") },
                horzLine: { color: cssColor("--muted"), labelBackgroundColor: cssColor("--tag") } },
        });
        this.band.color = cssColor("--open-band");
        this.band.labelColor = cssColor("--muted");
        for (const line of this.lines.values()) this.#colour(line);
    }

    /** The zone changed: every time is printed anew. */
    applyZone() {
        // Fresh functions: the library keeps the labels of the ones it knows.
        this.chart.applyOptions({
            localization: { timeFormatter: (/** @type {unknown} */ time) => this.#crosshairTime(time) },
            timeScale: { tickMarkFormatter: (/** @type {unknown} */ time, /** @type {number} */ mark) => this.#tick(time, mark) },
        });
    }

    /** @param {Line} line */
    #colour(line) {
        const color = seriesColor(line.index);
        line.closed.applyOptions({ color });
        line.open.applyOptions({ color });
        line.rings.color = color;
        line.rings.fill = cssColor("--panel");
    }

    /** @param {Series} series @param {number} index */
    #add(series, index) {
        const closed = this.chart.addSeries(LineSeries, { lineWidth: 2, lineStyle: seriesDash(index),
            priceLineVisible: false, lastValueVisible: false, crosshairMarkerRadius: 4 });
        // The end label belongs to this one: it always has the newest point.
        const open = this.chart.addSeries(LineSeries, { lineWidth: 2, lineStyle: LineStyle.Dotted,
            priceLineVisible: false, lastValueVisible: true, title: series.label, crosshairMarkerVisible: false });
        const rings = new Rings();
        open.attachPrimitive(rings);
        /** @type {Line} */
        const line = { index, closed, open, rings, closedData: [], drawn: 0, rewrites: -1, changes: -1, firstOpen: null };
        this.lines.set(series.key, line);
        this.#colour(line);
        this.#setDigits(line);
        return line;
    }

    /** @param {Line} line */
    #setDigits(line) {
        const priceFormat = { type: /** @type {const} */ ("price"), precision: this.digits, minMove: 10 ** -this.digits };
        line.closed.applyOptions({ priceFormat });
        line.open.applyOptions({ priceFormat });
    }

    /**
     * Brings the series with this index up to date.
     * @param {Series} series
     * @param {number} index
     * @param {boolean} visible
     */
    draw(series, index, visible) {
        const line = this.lines.get(series.key) ?? this.#add(series, index);
        if (line.closed.options().visible !== visible) {
            line.closed.applyOptions({ visible });
            line.open.applyOptions({ visible });
        }
        if (line.changes === series.changes) return;
        line.changes = series.changes;
        const { closed, open } = this.#split(series);
        this.#drawClosed(line, closed, line.rewrites !== series.rewrites);
        line.rewrites = series.rewrites;
        const last = closed[closed.length - 1];
        const trail = open.filter((datum) => !last || datum.time > last.time);
        const data = last ? [last, ...trail] : trail;
        line.open.setData(data);
        line.open.applyOptions({ lineVisible: data.length > 1 }); // of one point the library makes a dash
        line.rings.points = open;
        line.firstOpen = trail[0]?.time ?? null;
    }

    /** @param {Series} series */
    #split(series) {
        /** @type {Datum[]} */
        const closed = [];
        /** @type {Datum[]} */
        const open = [];
        for (const point of series.points) {
            const value = point.row[this.spec.y];
            if (typeof value !== "number") continue;
            this.largest = Math.max(this.largest, Math.abs(value));
            (point.final ? closed : open).push({ time: /** @type {Time} */ (Math.floor(point.x / 1000)), value });
        }
        return { closed, open };
    }

    /**
     * update() is for the newest points only: anything older would throw, so then all is set again.
     * @param {Line} line
     * @param {Datum[]} closed
     * @param {boolean} rewritten
     */
    #drawClosed(line, closed, rewritten) {
        if (rewritten || closed.length < line.drawn || closed.length - line.drawn > 50) {
            line.closed.setData(closed);
        } else {
            for (const datum of closed.slice(line.drawn)) line.closed.update(datum);
        }
        line.closedData = closed;
        line.drawn = closed.length;
    }

    /** After the series of a frame: what depends on all of them. */
    finish() {
        /** @type {Time | null} */
        let firstOpen = null;
        for (const line of this.lines.values()) {
            if (line.firstOpen !== null && line.open.options().visible && (firstOpen === null || line.firstOpen < firstOpen)) {
                firstOpen = line.firstOpen;
            }
        }
        this.band.firstOpen = firstOpen;
        const digits = digitsFor(this.largest);
        if (digits !== this.digits) {
            this.digits = digits;
            for (const line of this.lines.values()) this.#setDigits(line);
        }
    }

    /** Forgets all lines (another server, or a snapshot after a gap). */
    clear() {
        for (const line of this.lines.values()) {
            this.chart.removeSeries(line.closed);
            this.chart.removeSeries(line.open);
        }
        this.lines.clear();
        this.band.firstOpen = null;
    }

    /** Shows the newest points, range wide; 0: all of them. @param {number} rangeMs */
    showNow(rangeMs) {
        const { last, bars } = this.#extent();
        if (last === null || bars === 0) return;
        // A young chart does not show the whole of its range empty.
        const wanted = Math.min(rangeMs === 0 ? bars : rangeMs / this.spec.windowMs, Math.max(bars, BARS_MIN));
        this.chart.timeScale().setVisibleLogicalRange({ from: bars - wanted - 0.5, to: bars - 1 + MARGIN_BARS });
    }

    /** The number of distinct times that the chart has, and the newest. */
    #extent() {
        const times = new Set();
        let last = null;
        for (const line of this.lines.values()) {
            for (const datum of line.closedData) times.add(datum.time);
            for (const datum of line.rings.points) times.add(datum.time);
        }
        for (const time of times) if (last === null || time > last) last = time;
        return { last, bars: times.size };
    }

    /** @param {ScaleMode} mode */
    setScale(mode) {
        this.chart.priceScale("right").applyOptions({ mode: SCALE_MODES[mode] });
    }

    /** Puts the crosshair on a point, for the keyboard. @param {string} key @param {number} x @param {number} value */
    point(key, x, value) {
        const line = this.lines.get(key);
        if (line) this.chart.setCrosshairPosition(value, /** @type {Time} */ (x / 1000), line.closed);
    }

    unpoint() {
        this.chart.clearCrosshairPosition();
    }

    /** @param {number} value */
    format(value) {
        return decimal(value, this.digits);
    }

    /** For the tests and the screenshot: what is drawn. */
    describe() {
        let closed = 0;
        let provisional = 0;
        for (const line of this.lines.values()) {
            closed += line.closedData.length;
            provisional += line.rings.points.length;
        }
        return { series: this.lines.size, closed, provisional, dark: isDark() };
    }
}
