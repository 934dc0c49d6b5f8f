// SPDX-License-Identifier: Apache-2.0
// The lines of one chart: for each series a line of closed windows, and a dotted one with rings that leads from the last
// closed window through the open ones. Where windows are missing the line breaks, and the axis keeps their room. Draws what it is given;
// decides nothing about the page around it.

import { createChart, LineSeries, LineStyle, PriceScaleMode } from "lightweight-charts";
import { OpenBand, Rings } from "./chart_open.js";
import { isDark, seriesColor, seriesDash } from "./palette.js";
import { baseOptions, cssColor, isDrawable, themeOptions, timeOptions } from "./chart_look.js";
import { decimal, digitsFor } from "./format.js";

/** @typedef {import("./rows.js").Series} Series */
/** @typedef {import("./format.js").Zone} Zone */
/** @typedef {import("lightweight-charts").UTCTimestamp} Time */
/** @typedef {{time: Time, value: number, color?: string}} Datum color: of the way to the next one */
/** @typedef {import("lightweight-charts").ISeriesApi<"Line">} LineApi */
/**
 * @typedef {{label: string, index: number, closed: LineApi, open: LineApi, rings: Rings, dots: Rings, closedData: Datum[], drawn: number, gaps: number,
 *            rewrites: number, changes: number, beyond: number, firstOpen: Time | null}} Line dots: closed points that no line reaches; beyond: how many values are too large to draw
 */
/** @typedef {"value" | "percent" | "log"} ScaleMode */

const SCALE_MODES = { value: PriceScaleMode.Normal, percent: PriceScaleMode.Percentage, log: PriceScaleMode.Logarithmic };
const BARS_MIN = 3;
const FILL_MAX = 1500; // places that a gap takes at most
const NO_LINE = "rgba(0, 0, 0, 0)";
const MARGIN = 0.09; // of the width, right of the newest point: for the labels at the ends
const LABEL_HALF_PX = 20; // of a time below the axis
const NARROW = 560; // there the labels have no room for names; the legend has them

export class ChartLines {
    /**
     * @param {HTMLElement} host
     * @param {{y: string, windowMs: number, stepMs: number, zone: () => Zone, onCrosshair: (x: number | null, byHand: boolean) => void,
     *          onPick: (key: string, x: number) => void, onLeave: () => void}} spec stepMs: from one window to the next; 0: they come as they
     *          come, and none can be missing. onLeave: the reader moved the view away from now
     */
    constructor(host, spec) {
        this.spec = spec;
        /** @type {Map<string, Line>} */
        this.lines = new Map();
        this.largest = 0;
        this.digits = 2;
        this.extent = { last: /** @type {Time | null} */ (null), bars: 0 };
        this.dirty = false;
        this.fills = "";
        this.host = host;
        this.narrow = false;
        this.limits = "";
        /** @type {{line: Line, made: import("lightweight-charts").IPriceLine}[]} */
        this.limitLines = [];
        this.chart = createChart(host, baseOptions());
        this.chart.applyOptions(timeOptions(spec.zone, spec.windowMs < 60_000));
        this.band = new OpenBand();
        this.band.label = "open windows";
        this.chart.panes()[0]?.attachPrimitive(this.band);
        // Of places without a value: what keeps the room of missing windows on the axis.
        this.axis = this.chart.addSeries(LineSeries, { visible: false, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false });
        this.chart.subscribeCrosshairMove((param) =>
            spec.onCrosshair(typeof param.time === "number" && param.point ? param.time * 1000 : null, param.sourceEvent !== undefined));
        this.chart.subscribeClick((param) => this.#picked(param));
        this.#noticeReader(host);
        // After the chart has taken the new size, in its next frame.
        new ResizeObserver(() => requestAnimationFrame(() => requestAnimationFrame(() => this.#fitLabels()))).observe(host);
        this.applyTheme();
    }

    /** The series whose point is nearest to where was clicked. @param {import("lightweight-charts").MouseEventParams} param */
    #picked({ time, point, seriesData }) {
        if (typeof time !== "number" || !point) return;
        let best = "";
        let least = Infinity;
        for (const [key, line] of this.lines) {
            const datum = seriesData.get(line.closed) ?? seriesData.get(line.open);
            if (!datum || !("value" in datum) || typeof datum.value !== "number" || !line.open.options().visible) continue;
            const y = line.open.priceToCoordinate(datum.value);
            if (y !== null && Math.abs(y - point.y) < least) {
                least = Math.abs(y - point.y);
                best = key;
            }
        }
        if (best !== "") this.spec.onPick(best, time * 1000);
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

    applyTheme() {
        this.chart.applyOptions(themeOptions());
        this.band.color = cssColor("--open-band");
        this.band.labelColor = cssColor("--muted");
        for (const line of this.lines.values()) this.#colour(line);
    }

    /** The zone changed: every time is printed anew. */
    applyZone() {
        this.chart.applyOptions(timeOptions(this.spec.zone, this.spec.windowMs < 60_000));
    }

    /** @param {Line} line */
    #colour(line) {
        const color = seriesColor(line.index);
        line.closed.applyOptions({ color });
        line.open.applyOptions({ color });
        line.rings.color = color;
        line.rings.fill = cssColor("--panel");
        line.dots.color = line.dots.fill = color;
    }

    /** @param {Series} series @param {number} index */
    #add(series, index) {
        const closed = this.chart.addSeries(LineSeries, { lineWidth: 2, lineStyle: seriesDash(index),
            priceLineVisible: false, lastValueVisible: false, crosshairMarkerRadius: 4 });
        // The end label belongs to this one: it always has the newest point.
        const open = this.chart.addSeries(LineSeries, { lineWidth: 2, lineStyle: LineStyle.Dotted,
            priceLineVisible: false, lastValueVisible: true, title: this.narrow ? "" : series.label, crosshairMarkerVisible: false });
        const rings = new Rings();
        open.attachPrimitive(rings);
        const dots = new Rings();
        dots.radius = 2;
        closed.attachPrimitive(dots);
        /** @type {Line} */
        const line = { label: series.label, index, closed, open, rings, dots, closedData: [], drawn: 0, gaps: 0, rewrites: -1, changes: -1, beyond: 0, firstOpen: null };
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
        this.dirty = true;
        const { closed, open, beyond } = this.#split(series);
        line.beyond = beyond;
        const last = closed[closed.length - 1];
        const trail = open.filter((datum) => !last || datum.time > last.time);
        const data = last ? [{ time: last.time, value: last.value }, ...trail] : trail;
        const before = line.gaps;
        line.gaps = this.#breakLine(closed);
        this.#drawClosed(line, closed, line.rewrites !== series.rewrites || before !== line.gaps);
        line.rewrites = series.rewrites;
        this.#breakLine(data);
        line.open.setData(data);
        line.open.applyOptions({ lineVisible: data.length > 1 }); // of one point the library makes a dash
        line.rings.points = open;
        line.firstOpen = trail[0]?.time ?? null;
    }

    /** Takes the line away between points that have missing windows between them. How often. @param {Datum[]} data */
    #breakLine(data) {
        const most = (this.spec.stepMs / 1000) * 1.5;
        let gaps = 0;
        for (let i = 1; most > 0 && i < data.length; i++) {
            const from = /** @type {Datum} */ (data[i - 1]);
            if (/** @type {Datum} */ (data[i]).time - from.time <= most) continue;
            from.color = NO_LINE;
            gaps++;
        }
        return gaps;
    }

    /** @param {Series} series */
    #split(series) {
        /** @type {Datum[]} */
        const closed = [];
        /** @type {Datum[]} */
        const open = [];
        let beyond = 0;
        for (const point of series.points) {
            const value = point.row[this.spec.y];
            if (typeof value !== "number") continue;
            if (!isDrawable(value)) {
                beyond++;
                continue;
            }
            this.largest = Math.max(this.largest, Math.abs(value));
            (point.final ? closed : open).push({ time: /** @type {Time} */ (Math.floor(point.x / 1000)), value });
        }
        return { closed, open, beyond };
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
        line.closed.applyOptions({ lineVisible: closed.length > 1, pointMarkersVisible: closed.length === 1 }); // of one point the library makes a dash
        line.dots.points = closed.length > 1 ? closed.filter((datum, i) => (datum.color === NO_LINE || i === closed.length - 1) && (i === 0 || closed[i - 1]?.color === NO_LINE)) : [];
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
        if (this.dirty) this.#fill();
        this.dirty = false;
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
        this.limitLines = [];
        this.limits = "";
        this.axis.setData([]);
        this.fills = "";
        this.extent = { last: null, bars: 0 };
        this.band.firstOpen = null;
    }

    /** Shows the newest points, range wide; 0: all of them. @param {number} rangeMs */
    showNow(rangeMs) {
        const { last, bars } = this.extent;
        if (last === null || bars === 0) return;
        // A young chart does not show the whole of its range empty.
        const wanted = Math.min(rangeMs === 0 ? bars : rangeMs / (this.spec.stepMs || this.spec.windowMs), Math.max(bars, BARS_MIN));
        this.#fitLabels();
        // Left of the oldest point there is room for half of its time.
        const left = Math.max(0.25, (LABEL_HALF_PX * wanted) / Math.max(1, this.chart.timeScale().width()));
        this.chart.timeScale().setVisibleLogicalRange({ from: bars - wanted - left, to: bars - 1 + Math.max(0.3, wanted * (this.narrow ? 0.03 : MARGIN)) });
    }

    /** Gives missing windows their room, and counts the places of the axis. */
    #fill() {
        const times = new Set();
        for (const line of this.lines.values()) {
            for (const datum of line.closedData) times.add(datum.time);
            for (const datum of line.rings.points) times.add(datum.time);
        }
        const sorted = /** @type {Time[]} */ ([...times].sort((a, b) => a - b));
        const step = this.spec.stepMs / 1000;
        /** @type {{time: Time}[]} */
        const fills = [];
        for (let i = 1; step > 0 && i < sorted.length; i++) {
            const from = /** @type {Time} */ (sorted[i - 1]);
            const to = /** @type {Time} */ (sorted[i]);
            const by = step * Math.max(1, Math.ceil((to - from) / step / FILL_MAX));
            for (let at = from + by; at < to - by / 2; at += by) fills.push({ time: /** @type {Time} */ (at) });
        }
        this.extent = { last: sorted[sorted.length - 1] ?? null, bars: sorted.length + fills.length };
        const key = `${fills.length} ${fills[0]?.time} ${fills[fills.length - 1]?.time}`;
        if (key === this.fills) return;
        this.fills = key;
        this.axis.setData(fills);
    }

    /** The names at the ends of the lines, where there is room for them. */
    #fitLabels() {
        this.narrow = this.host.clientWidth > 0 && this.host.clientWidth < NARROW;
        const labelled = this.#labelled();
        for (const line of this.lines.values()) {
            const has = labelled.has(line);
            const title = has && !this.narrow ? line.label : "";
            const { lastValueVisible, title: before } = line.open.options();
            if (lastValueVisible !== has || before !== title) line.open.applyOptions({ lastValueVisible: has, title });
        }
    }

    /** The lines that have a label at their end: all, or in a chart too low for that as many as stay within it. Who is nearest to a neighbour goes
     *  first, and who has a label keeps it while that goes, so that nothing flickers. */
    #labelled() {
        const shown = [...this.lines.values()].filter(({ open }) => open.options().visible);
        const room = this.#labelHeight();
        const height = this.host.clientHeight - this.chart.timeScale().height();
        if (height <= 0) return new Set(shown);
        const labelled = new Set(shown);
        const ends = shown.flatMap((line) => {
            const y = endOf(line); // null: nothing is drawn yet
            return y === null ? [] : [{ line, y, keep: line.open.options().lastValueVisible ? room : 0 }];
        }).sort((one, other) => one.y - other.y);
        while (!fits(ends.map(({ y }) => y), room, height)) {
            const space = ends.map(({ y, keep }, i) => Math.min(y - (ends[i - 1]?.y ?? -Infinity), (ends[i + 1]?.y ?? Infinity) - y) + keep);
            for (const { line } of ends.splice(space.indexOf(Math.min(...space)), 1)) labelled.delete(line);
        }
        return labelled;
    }

    /** Of a label at an end of a line, as the library draws it. */
    #labelHeight() {
        return Math.ceil(this.chart.options().layout.fontSize * 1.5);
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

    /** Shows where another chart's reader points. @param {number | null} x */
    pointTime(x) {
        if (x === null) {
            this.unpoint();
            return;
        }
        const time = x / 1000;
        for (const line of this.lines.values()) {
            const datum = line.closedData.find((one) => one.time === time) ?? line.rings.points.find((one) => one.time === time);
            if (datum && line.open.options().visible) {
                this.chart.setCrosshairPosition(datum.value, datum.time, line.closed);
                return;
            }
        }
        this.unpoint();
    }

    unpoint() {
        this.chart.clearCrosshairPosition();
    }

    /** The limits of alerts, as lines across. @param {{key: string, limit: number, name: string, firing: boolean}[]} limits */
    setLimits(limits) {
        const now = JSON.stringify([limits, isDark()]);
        if (now === this.limits) return;
        this.limits = now;
        for (const { line, made } of this.limitLines) line.open.removePriceLine(made);
        this.limitLines = limits.flatMap(({ key, limit, name, firing }) => {
            const line = this.lines.get(key);
            return line ? [{ line, made: line.open.createPriceLine({ price: limit, title: name, lineWidth: firing ? 2 : 1, lineStyle: LineStyle.Dashed, axisLabelVisible: true,
                color: cssColor(firing ? "--down" : "--muted") }) }] : [];
        });
    }

    /** @param {number} value */
    format(value) {
        return decimal(value, this.digits);
    }

    /** For the tests and the screenshot: what is drawn. */
    describe() {
        let closed = 0;
        let provisional = 0;
        let gaps = 0;
        let beyond = 0;
        for (const line of this.lines.values()) {
            gaps += line.gaps;
            beyond += line.beyond;
            closed += line.closedData.length;
            provisional += line.rings.points.length;
        }
        return { series: this.lines.size, closed, provisional, gaps, beyond, bars: this.extent.bars, dark: isDark(), visible: this.chart.timeScale().getVisibleRange(),
            scale: this.chart.priceScale("right").options().mode, labels: [...this.lines.values()].filter(({ open }) => open.options().visible && open.options().lastValueVisible).length };
    }
}

/** The library pushes labels that would overlap away from the middle, without an end: whether they stay within the chart. @param {number[]} ys
 *  @param {number} room @param {number} height */
function fits(ys, room, height) {
    /** @param {number[]} distances from the middle, ascending */
    const reach = (distances) => distances.reduce((last, at) => Math.max(at, last + room), -room / 2);
    const sorted = ys.map((y) => y - height / 2).sort((a, b) => a - b);
    return Math.max(reach(sorted.filter((y) => y >= 0)), reach(sorted.filter((y) => y < 0).map((y) => -y).reverse())) + room / 2 <= height / 2;
}

/** Where the line ends, from above. @param {Line} line */
function endOf({ open, rings, closedData }) {
    const last = rings.points[rings.points.length - 1] ?? closedData[closedData.length - 1];
    return last ? open.priceToCoordinate(last.value) : null;
}
