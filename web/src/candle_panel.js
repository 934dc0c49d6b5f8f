// SPDX-License-Identifier: Apache-2.0
// Candles with volume of one key's ticks, at one second or one minute. History is asked for once; what comes after arrives with the
// live stream, numbered, so that a missed message is noticed and the history asked for again.

import { CandlestickSeries, createChart, HistogramSeries, LineStyle } from "lightweight-charts";
import { ChartZoom } from "./chart_zoom.js";
import { baseOptions, cssColor, isDrawable, themeOptions, timeOptions } from "./chart_look.js";
import { choice, el, setText } from "./dom.js";
import { clock, count, dayAndMinute, decimal, digitsFor, zoneName } from "./format.js";
import { copyText, csvOf, download, menu } from "./menu.js";
import { getJson } from "./stream.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./types.js").TapePlan} TapePlan */
/** @typedef {import("./types.js").Candle} Candle */
/** @typedef {import("lightweight-charts").UTCTimestamp} Time */

const KEPT = { 1000: 900, 10000: 90, 60000: 360 };
const BARS = { 1000: 120, 10000: 60, 60000: 60 };
const INTERVAL_AT_FIRST = 10000;
const TABLE_ROWS = 60;
const LABEL_HALF_PX = 34; // of a time below the axis

export class CandlePanel {
    /** @param {Store} store @param {import("./router.js").Router} router @param {TapePlan} tape */
    constructor(store, router, tape) {
        this.store = store;
        this.router = router;
        this.tape = tape;
        this.interval = /** @type {1000 | 10000 | 60000} */ (INTERVAL_AT_FIRST);
        this.key = "";
        /** @type {Map<number, Candle>} by start */
        this.candles = new Map();
        this.loaded = ""; // for which key and interval the history is here
        this.following = true;
        this.digits = 2;
        this.bars = 0; // places on the axis: those of missing candles too
        /** @type {number | null} */
        this.pointed = null;
        this.host = el("div", { class: "chart-host", "aria-hidden": "true" });
        this.note = el("p", { class: "chart-note" }, "Waiting for ticks…");
        this.spoken = el("p", { class: "unseen", "aria-live": "assertive" });
        this.legend = el("p", { class: "ohlc" }, "\u00a0");
        this.frame = el("div", { class: "chart-frame candle-frame", tabindex: 0, role: "group",
            "aria-label": `Candles of ${tape.price}. Arrow keys move along them; the data table has the same values.` },
        this.host, this.note, this.spoken);
        this.chart = createChart(this.host, baseOptions());
        this.chart.applyOptions({ rightPriceScale: { scaleMargins: { top: 0.06, bottom: 0.24 } } }); // below: the volume
        // A line of its own for the newest price: the library's takes the colour of the body, which of a hollow candle is none.
        this.series = this.chart.addSeries(CandlestickSeries, { borderVisible: true, priceLineVisible: false, lastValueVisible: false });
        this.last = this.series.createPriceLine({ price: 0, lineStyle: LineStyle.Dotted, lineWidth: 1, axisLabelVisible: true, lineVisible: false });
        this.volume = this.chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false,
            priceLineVisible: false });
        this.chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
        this.zoom = new ChartZoom(this.frame, this.chart, () => this.#follow(false));
        this.root = this.#build();
        this.#listen();
        this.#applyTheme();
    }

    #build() {
        const id = `candles-${this.tape.name}`;
        this.picker = el("select", { class: "search", "aria-label": this.tape.key, onchange: () => this.#choose(this.picker?.value ?? "") });
        this.now = el("button", { type: "button", class: "button", disabled: true, onclick: () => this.goToNow() }, "Go to now");
        this.table = el("div", { class: "chart-table scroll", hidden: true, tabindex: 0, role: "region", "aria-label": "Candles as a table" });
        this.toggle = el("button", { type: "button", class: "button", "aria-pressed": "false", onclick: () => this.#showTable() }, "Data table");
        this.intervals = choice({ label: "Candle length", name: `${id}-interval`, value: String(this.interval),
            options: [{ value: "1000", text: "1 s" }, { value: "10000", text: "10 s" }, { value: "60000", text: "1 m" }],
            onchange: (value) => this.#setInterval(Number(value)) });
        return el("section", { class: "panel candles", "aria-labelledby": id },
            el("div", { class: "panel-head" },
                el("div", {}, el("h2", { id }, "Candles", el("span", { class: "by" }, ` of ${this.tape.price}`)),
                    el("p", { class: "sub" }, `each tick of ${this.tape.source}, by event time`)),
                el("div", { class: "controls" }, this.picker, this.intervals, this.zoom.button, this.now, this.toggle, menu([
                    { text: "Candles as CSV", run: () => download(`candles-${this.key}.csv`, csvOf(this.#rows())) },
                    { text: "Picture as PNG", run: () => this.chart.takeScreenshot().toBlob((blob) => blob && download(`candles-${this.key}.png`, blob)) },
                    { text: "Copy curl of these candles", run: () => copyText(`curl '${location.origin}${this.#path()}'`) },
                ]))),
            this.legend, this.frame, this.table);
    }

    #listen() {
        this.chart.subscribeCrosshairMove((param) => {
            const x = typeof param.time === "number" && param.point ? param.time * 1000 : null;
            if (param.sourceEvent || this.store.crosshair?.from === this) this.store.setCrosshair(x, this);
            this.#legendAt(x);
        });
        for (const type of ["wheel", "touchmove"]) this.host.addEventListener(type, () => this.#follow(false), { passive: true });
        this.host.addEventListener("pointermove", (event) => event.buttons !== 0 && this.#follow(false));
        this.frame.addEventListener("keydown", (event) => {
            const by = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
            if (event.key === "Escape") this.#point(null);
            else if (event.key === "z" && this.pointed !== null) this.zoom.mark(this.pointed);
            else if (event.key === "Enter" && this.zoom.anchor !== null && this.pointed !== null) this.zoom.mark(this.pointed);
            else if (by !== undefined) this.#step(by);
            else return;
            event.preventDefault();
            event.stopPropagation();
        });
        this.store.tapes.set(this.tape.name, (event) => this.#came(event));
        this.store.subscribe((changed) => this.#changed(changed));
    }

    /** @param {import("./store.js").Changed} changed */
    #changed(changed) {
        if (changed.has("theme")) this.#applyTheme();
        if (changed.has("zone")) this.chart.applyOptions(timeOptions(() => this.store.zone, this.interval < 60000));
        if (changed.has("crosshair") && this.store.crosshair?.from !== this) this.#follows(this.store.crosshair?.x ?? null);
        if (changed.has("stats")) this.#keys();
        if (changed.has("paused")) this.#renderNow();
        if ((changed.has(`tape:${this.tape.name}`) || changed.has("paused")) && !this.store.paused) this.render();
    }

    /** The keys to choose from are those of the newest values. */
    #keys() {
        const names = this.store.keysOf(this.tape.key);
        if (this.key === "" && names[0]) this.#choose(names[0], false);
        const picker = /** @type {HTMLSelectElement} */ (this.picker);
        const options = names.includes(this.key) || this.key === "" ? names : [this.key, ...names];
        if (picker.options.length !== options.length) picker.replaceChildren(...options.map((name) => el("option", { value: name }, name)));
        if (picker.value !== this.key) picker.value = this.key;
    }

    #path() {
        return `/api/candles?tape=${encodeURIComponent(this.tape.name)}&key=${encodeURIComponent(this.key)}&interval=${this.#asked()}`;
    }

    /** What the server has: ten seconds are put together here. */
    #asked() {
        return this.interval === 60000 ? 60000 : 1000;
    }

    /** @param {string} key @param {boolean} [noted] */
    #choose(key, noted = true) {
        this.key = key;
        if (noted) this.router.note(`${this.tape.name}.key`, key);
        this.#reload();
    }

    /** @param {number} interval */
    #setInterval(interval) {
        this.interval = interval === 60000 || interval === 1000 ? interval : INTERVAL_AT_FIRST;
        this.router.note(`${this.tape.name}.interval`, this.interval === INTERVAL_AT_FIRST ? null : String(this.interval));
        this.chart.applyOptions(timeOptions(() => this.store.zone, this.interval < 60000));
        this.#reload();
    }

    /** @param {URLSearchParams} params */
    apply(params) {
        const key = params.get(`${this.tape.name}.key`);
        const interval = Number(params.get(`${this.tape.name}.interval`) ?? INTERVAL_AT_FIRST);
        if (interval !== this.interval) this.#setInterval(interval);
        for (const input of this.intervals?.querySelectorAll("input") ?? []) input.checked = input.value === String(this.interval);
        if (key && key !== this.key) this.#choose(key, false);
    }

    #reload() {
        this.candles.clear();
        this.loaded = "";
        this.series.setData([]);
        this.volume.setData([]);
        this.#follow(true);
        void this.#history();
    }

    async #history() {
        const wanted = `${this.key} ${this.interval}`;
        if (this.key === "") return;
        try {
            /** @type {{candles: Candle[]}} */
            const { candles } = await getJson(this.#path());
            if (wanted !== `${this.key} ${this.interval}`) return;
            for (const candle of candles) this.#put(candle);
            this.loaded = wanted;
            this.store.touch(`tape:${this.tape.name}`);
        } catch (error) {
            setText(this.note, `No candles: ${error instanceof Error ? error.message : error}`);
            setTimeout(() => wanted === `${this.key} ${this.interval}` && void this.#history(), 5000);
        }
    }

    /** @param {Candle} candle a later one of the same start takes its place: one with fewer ticks is not later */
    #put(candle) {
        if ((this.candles.get(candle[0])?.[6] ?? 0) > candle[6]) return;
        this.candles.set(candle[0], candle);
        while (this.candles.size > KEPT[this.#asked()] + 60) this.candles.delete(/** @type {number} */ (this.candles.keys().next().value));
    }

    /** @param {import("./types.js").TapeEvent} event missed: some came before that this page did not get */
    #came(event) {
        if (event.missed) {
            void this.#history();
            return;
        }
        for (const { key, interval, candle } of event.candles) if (key === this.key && interval === this.#asked()) this.#put(candle);
    }

    /** @returns {Candle[]} */
    #sorted() {
        const sorted = [...this.candles.values()].sort((a, b) => a[0] - b[0]);
        const from = (sorted[sorted.length - 1]?.[0] ?? 0) - KEPT[this.interval] * this.interval;
        return (this.interval === 10000 ? merged(sorted, 10000) : sorted).filter(([start]) => start > from);
    }

    /** @param {number | null} start */
    #at(start) {
        return start === null ? undefined : this.interval === 10000 ? this.#sorted().find((candle) => candle[0] === start) : this.candles.get(start);
    }

    render() {
        const all = this.#sorted();
        const candles = all.filter(([, , high, low]) => isDrawable(high) && isDrawable(low));
        this.note.hidden = candles.length > 0;
        if (candles.length === 0) {
            setText(this.note, this.loaded === "" ? "Waiting for ticks…" : all.length > 0 ? "The prices are too large to be drawn: the data table has them." : `No tick of ${this.key} in the last minutes.`);
            this.series.setData([]);
            this.volume.setData([]);
            this.last.applyOptions({ lineVisible: false, axisLabelVisible: false });
            if (this.table && !this.table.hidden) this.#renderTable();
            return;
        }
        const digits = digitsFor(Math.max(...candles.map((candle) => candle[2])));
        this.digits = digits;
        this.series.applyOptions({ priceFormat: { type: "price", precision: digits, minMove: 10 ** -digits } });
        const up = cssColor("--up-volume");
        const down = cssColor("--down-volume");
        this.bars = (Number(candles[candles.length - 1]?.[0]) - Number(candles[0]?.[0])) / this.interval + 1;
        this.series.setData(inTime(candles, this.interval).map((at) => (typeof at === "number" ? { time: /** @type {Time} */ (at / 1000) }
            : { time: /** @type {Time} */ (at[0] / 1000), open: at[1], high: at[2], low: at[3], close: at[4] })));
        this.volume.setData(candles.map(([start, open, , , close, volume]) => ({ time: /** @type {Time} */ (start / 1000), value: volume, color: close >= open ? up : down })));
        const newest = /** @type {Candle} */ (candles[candles.length - 1]);
        this.last.applyOptions({ price: newest[4], lineVisible: true, axisLabelVisible: true, color: cssColor(newest[4] >= newest[1] ? "--up" : "--down") });
        if (this.following) this.#showNow();
        this.#legendAt(this.pointed);
        if (this.table && !this.table.hidden) this.#renderTable();
    }

    #showNow() {
        const { bars } = this;
        const shown = Math.max(12, Math.min(bars, BARS[this.interval]));
        // Right of the newest candle there is room for half of its time.
        const margin = Math.max(0.02, LABEL_HALF_PX / Math.max(1, this.chart.timeScale().width()));
        this.chart.timeScale().setVisibleLogicalRange({ from: bars - shown - 0.5, to: bars - 1 + shown * margin + 0.5 });
    }

    /** @param {boolean} following */
    #follow(following) {
        this.following = following;
        this.#renderNow();
    }

    #renderNow() {
        if (this.now) this.now.disabled = this.following && !this.store.paused;
    }

    goToNow() {
        if (this.store.paused) this.store.setPaused(false);
        this.#follow(true);
        this.#showNow();
    }

    /** @param {number} by */
    #step(by) {
        const starts = this.#sorted().map((candle) => candle[0]);
        if (starts.length === 0) return;
        const at = this.pointed === null ? starts.length - 1 : starts.indexOf(this.pointed);
        this.#point(starts[Math.max(0, Math.min(starts.length - 1, (at < 0 ? starts.length - 1 : at) + by))] ?? null);
    }

    /** @param {number | null} x */
    #point(x) {
        this.pointed = x;
        this.store.setCrosshair(x, this);
        const candle = this.#at(x);
        if (!candle) {
            this.chart.clearCrosshairPosition();
            return;
        }
        this.chart.setCrosshairPosition(candle[4], /** @type {Time} */ (candle[0] / 1000), this.series);
        this.#legendAt(x);
        setText(this.spoken, `${clock(candle[0], this.store.zone)} ${zoneName(this.store.zone)}: ${this.#text(candle)}`);
    }

    /** The candle in which another chart's instant falls. @param {number | null} x */
    #follows(x) {
        const start = x === null ? null : Math.floor(x / this.interval) * this.interval;
        const candle = this.#at(start);
        if (candle) this.chart.setCrosshairPosition(candle[4], /** @type {Time} */ (candle[0] / 1000), this.series);
        else this.chart.clearCrosshairPosition();
    }

    /** @param {Candle} candle */
    #text([, open, high, low, close, volume, ticks]) {
        /** @param {number} value */
        const price = (value) => decimal(value, this.digits);
        return `open ${price(open)} · high ${price(high)} · low ${price(low)} · close ${price(close)}`
            + `${this.tape.volume ? ` · volume ${count(volume)}` : ""} · ${count(ticks)} tick${ticks === 1 ? "" : "s"}`;
    }

    /** @param {number | null} x */
    #legendAt(x) {
        const candle = this.#at(x) ?? this.#sorted().at(-1);
        if (!candle) return;
        const { zone } = this.store;
        setText(this.legend, `${this.key} · ${this.interval < 60000 ? clock(candle[0], zone) : dayAndMinute(candle[0], zone)} ${zoneName(zone)} · ${this.#text(candle)}`);
    }

    #applyTheme() {
        this.chart.applyOptions(themeOptions());
        this.chart.applyOptions(timeOptions(() => this.store.zone, this.interval < 60000));
        // Up is hollow and down is filled, so that the direction is no matter of colour alone.
        this.series.applyOptions({ upColor: cssColor("--panel"), downColor: cssColor("--down"), borderUpColor: cssColor("--up"), borderDownColor: cssColor("--down"),
            wickUpColor: cssColor("--up"), wickDownColor: cssColor("--down") });
        this.render();
    }

    #rows() {
        return [["start", "open", "high", "low", "close", "volume", "ticks"], ...this.#sorted().map(([start, ...rest]) => [new Date(start).toISOString(), ...rest])];
    }

    #showTable() {
        const table = /** @type {HTMLElement} */ (this.table);
        table.hidden = !table.hidden;
        this.toggle?.setAttribute("aria-pressed", String(!table.hidden));
        if (!table.hidden) this.#renderTable();
    }

    #renderTable() {
        const { zone } = this.store;
        const [, ...heads] = ["start", "open", "high", "low", "close", "volume", "ticks"];
        this.table?.replaceChildren(el("table", {}, el("caption", {}, `the newest ${TABLE_ROWS} candles of ${this.key}`),
            el("thead", {}, el("tr", {}, el("th", { scope: "col" }, `start (${zoneName(zone)})`), ...heads.map((head) => el("th", { scope: "col", class: "number" }, head)))),
            el("tbody", {}, ...this.#sorted().slice(-TABLE_ROWS).reverse().map(([start, open, high, low, close, volume, ticks]) => el("tr", {},
                el("th", { scope: "row" }, clock(start, zone)), ...[open, high, low, close].map((value) => el("td", { class: "number" }, decimal(value, this.digits))),
                el("td", { class: "number" }, count(volume)), el("td", { class: "number" }, count(ticks)))))));
    }

    /** For the tests: what is drawn. */
    describe() {
        return { key: this.key, interval: this.interval, candles: this.#sorted() };
    }
}

/** The candles with the starts of the missing ones between them: the axis is true to time. @param {Candle[]} sorted @param {number} interval */
function inTime(sorted, interval) {
    /** @type {(Candle | number)[]} */
    const out = [];
    let expected = Infinity;
    for (const candle of sorted) {
        for (; expected < candle[0]; expected += interval) out.push(expected);
        out.push(candle);
        expected = candle[0] + interval;
    }
    return out;
}

/** @param {Candle[]} sorted @param {number} interval @returns {Candle[]} */
function merged(sorted, interval) {
    /** @type {Candle[]} */
    const out = [];
    for (const [at, open, high, low, close, volume, ticks] of sorted) {
        const start = Math.floor(at / interval) * interval;
        const last = out[out.length - 1];
        if (!last || last[0] !== start) {
            out.push([start, open, high, low, close, volume, ticks]);
            continue;
        }
        last[2] = Math.max(last[2], high);
        last[3] = Math.min(last[3], low);
        last[4] = close;
        last[5] += volume;
        last[6] += ticks;
    }
    return out;
}
