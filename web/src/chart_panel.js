// SPDX-License-Identifier: Apache-2.0
// One CREATE CHART of the plan as a panel: title, controls, lines, legend, notes, keyboard, and the same as a table.

import { ChartLines } from "./chart_lines.js";
import { ChartTable } from "./chart_table.js";
import { ChartZoom } from "./chart_zoom.js";
import { Legend } from "./legend.js";
import { choice, el, setText } from "./dom.js";
import { copyText, csvOf, download, menu } from "./menu.js";
import { whySilent } from "./report.js";
import { counted, duration, windowTime, zoneName } from "./format.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./types.js").ChartPlan} ChartPlan */
/** @typedef {import("./rows.js").Series} Series */
/** @typedef {import("./chart_lines.js").ScaleMode} ScaleMode */

const RANGES = [
    { value: "300000", text: "5 m" },
    { value: "900000", text: "15 m" },
    { value: "3600000", text: "1 h" },
    { value: "0", text: "All", title: "everything that is kept" },
];
const RANGE_AT_FIRST = 900_000;
const SHOWN_AT_FIRST = 12;
const DRAWN_MAX = 24;

export class ChartPanel {
    /**
     * @param {Store} store
     * @param {import("./router.js").Router} router
     * @param {ChartPlan} chart
     */
    constructor(store, router, chart) {
        this.store = store;
        this.router = router;
        this.chart = chart;
        this.rows = store.rowsOf(chart.view);
        this.part = `view:${chart.view}`;
        this.range = RANGE_AT_FIRST;
        this.isChosen = false; // which series are shown is the reader's choice
        this.following = true;
        /** @type {number | null} */
        this.crosshair = null;
        this.snapshots = this.rows.snapshots;
        /** @type {string[]} keys in the order of their colours */
        this.order = [];
        this.host = el("div", { class: "chart-host", "aria-hidden": "true" });
        this.note = el("p", { class: "chart-note" }, "Waiting for the first tick…");
        this.heldText = el("span", { class: "held" });
        this.young = el("span", { class: "young" });
        this.cursor = { series: 0, at: Infinity };
        this.spoken = el("p", { class: "unseen", "aria-live": "assertive" });
        this.frame = el("div", { class: "chart-frame", tabindex: 0, role: "group",
            "aria-label": `Chart of ${chart.y} by ${chart.x}. Arrow keys move along points and series, Enter shows where a point comes from; the data table has the same values.` },
        this.host, this.note, this.spoken);
        this.lines = new ChartLines(this.host, {
            y: chart.y,
            windowMs: this.rows.plan.window_ms || 60_000,
            stepMs: this.rows.plan.step_ms,
            zone: () => store.zone,
            onCrosshair: (x, byHand) => this.#crosshairMoved(x, byHand),
            onPick: (key, x) => this.#explain(key, x),
            onLeave: () => this.#follow(false),
        });
        this.zoom = new ChartZoom(this.frame, this.lines.chart, () => this.#follow(false));
        this.legend = new Legend(chart, () => this.#legendChanged());
        this.table = new ChartTable(chart);
        this.root = this.#build();
        this.#keyboard();
        store.subscribe((changed) => this.#changed(changed));
    }

    #build() {
        const { chart } = this;
        const id = `chart-${chart.name}`;
        this.now = el("button", { type: "button", class: "button", disabled: true, onclick: () => this.goToNow() }, "Go to now");
        this.pause = el("button", { type: "button", class: "button", "aria-pressed": "false",
            onclick: () => this.store.setPaused(!this.store.paused) }, "Pause");
        this.toggle = el("button", { type: "button", class: "button", "aria-pressed": "false", "aria-controls": `${id}-table`,
            onclick: () => this.#showTable() }, "Data table");
        this.table.root.id = `${id}-table`;
        this.ranges = choice({ label: "Time range", name: `${id}-range`, value: String(this.range), options: RANGES,
            onchange: (value) => this.#setRange(Number(value)) });
        return el("section", { class: "panel chart", "aria-labelledby": id },
            el("div", { class: "panel-head" },
                el("div", {},
                    el("h2", { id }, chart.y, chart.series ? el("span", { class: "by" }, ` by ${chart.series}`) : null),
                    el("p", { class: "sub" }, this.#describe())),
                el("div", { class: "controls" },
                    this.scales = choice({ label: "Scale", name: `${id}-scale`, value: /** @type {ScaleMode} */ ("value"),
                        options: [{ value: "value", text: "Value" },
                            { value: "percent", text: "%", title: "change since the left edge" },
                            { value: "log", text: "Log" }],
                        onchange: (mode) => this.#setScale(mode) }),
                    this.ranges, this.zoom.button, this.pause, this.now, this.toggle, this.#menu())),
            this.frame, this.table.root,
            el("div", { class: "legend-row" }, this.legend.root, this.#key()));
    }

    #menu() {
        const { chart } = this;
        return menu([
            { text: "Points as CSV", run: () => download(`${chart.name}.csv`, csvOf(this.#table())) },
            { text: "Picture as PNG", run: () => this.lines.chart.takeScreenshot().toBlob((blob) => blob && download(`${chart.name}.png`, blob)) },
            { text: "Set an alert…", run: () => this.#alert() },
            { text: "Copy link to this picture", run: () => copyText(location.href) },
            { text: "Copy curl of these points", run: () => copyText(`curl '${location.origin}/api/history?view=${encodeURIComponent(chart.view)}'`) },
        ]);
    }

    /** At the point that is pointed at, or the newest one of the first series. */
    async #alert() {
        const series = this.#cursorSeries();
        const value = series?.points[series.points.length - 1]?.row[this.chart.y];
        const { alertDialog } = await import("./alerts.js");
        alertDialog(this.store, { view: this.chart.view, column: this.chart.y, ...(series ? { key: this.rows.plan.keys.length > 0 ? series.label : "" } : {}), ...(typeof value === "number" ? { limit: value } : {}) });
    }

    /** All points of the series that are shown, a row each. */
    #table() {
        const { x, y, series } = this.chart;
        const rows = this.#shown().flatMap((one) => one.points.map((point) =>
            [new Date(point.x).toISOString(), one.label, point.row[y], point.final]));
        return [[x, series ?? "series", y, "final"], ...rows];
    }

    /** Range, scale and hidden series as the page's address says; what it does not name is as at first. @param {URLSearchParams} params */
    apply(params) {
        const { name } = this.chart;
        const before = JSON.stringify([this.range, [...this.legend.hidden]]);
        const range = params.get(`${name}.range`);
        this.range = RANGES.some(({ value }) => value === range) ? Number(range) : RANGE_AT_FIRST;
        for (const input of this.ranges?.querySelectorAll("input") ?? []) input.checked = input.value === String(this.range);
        const asked = params.get(`${name}.scale`);
        const scale = asked === "percent" || asked === "log" ? asked : "value";
        this.lines.setScale(scale);
        for (const input of this.scales?.querySelectorAll("input") ?? []) input.checked = input.value === scale;
        const hide = params.get(`${name}.hide`);
        if (hide !== null) this.legend.hidden = new Set(hide.split("~").filter((key) => key !== ""));
        else if (this.isChosen) this.legend.hidden = new Set(this.order.slice(SHOWN_AT_FIRST));
        this.isChosen = hide !== null;
        if (JSON.stringify([this.range, [...this.legend.hidden]]) !== before) this.render();
    }

    /** @param {ScaleMode} mode */
    #setScale(mode) {
        this.router.note(`${this.chart.name}.scale`, mode === "value" ? null : mode);
        this.lines.setScale(mode);
    }

    #legendChanged() {
        const { hidden } = this.legend;
        this.isChosen = hidden.size > 0 || this.order.length > SHOWN_AT_FIRST;
        this.router.note(`${this.chart.name}.hide`, this.isChosen ? [...hidden].join("~") : null);
        this.render();
    }

    /** Where a point comes from. @param {string} key @param {number} x */
    async #explain(key, x) {
        const point = this.rows.series.get(key)?.points.find((one) => one.x === x);
        if (!point) return;
        const { showOrigin } = await import("./origin.js");
        showOrigin(this.store, this.rows.plan, point.row, this.chart.y);
    }

    #describe() {
        const { chart, rows } = this;
        const size = rows.plan.windowed ? `${duration(rows.plan.window_ms)} windows of ${chart.view}` : chart.view;
        return `${size}, drawn at ${chart.x}`;
    }

    /** Says how a closed window differs from an open one. */
    #key() {
        return el("p", { class: "key" },
            el("span", { class: "key-item" }, el("span", { class: "key-closed" }), "closed window: final"),
            el("span", { class: "key-item" }, el("span", { class: "key-open" }), "open window: provisional, moves with each tick"),
            this.young, this.heldText);
    }

    #keyboard() {
        this.frame.addEventListener("keydown", (event) => {
            const moves = /** @type {Record<string, () => void>} */ ({
                ArrowLeft: () => this.#step(-1), ArrowRight: () => this.#step(1),
                ArrowUp: () => this.#stepSeries(-1), ArrowDown: () => this.#stepSeries(1),
                Home: () => this.#step(-Infinity), End: () => this.#step(Infinity),
                Escape: () => this.zoom.cancel() || this.#leavePoint(),
                Enter: () => this.#entered(), z: () => this.#markZoom(),
            });
            const move = moves[event.key];
            if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
            event.preventDefault();
            event.stopPropagation();
            move();
        });
    }

    #entered() {
        if (this.zoom.anchor !== null) this.#markZoom();
        else if (this.crosshair !== null) void this.#explain(this.#cursorSeries()?.key ?? "", this.crosshair);
    }

    #markZoom() {
        if (this.crosshair === null) return;
        this.zoom.mark(this.crosshair);
        // Another span comes under the same place of the screen, in the chart's next frame: the reader's point is still the one walked to.
        if (this.zoom.anchor === null) requestAnimationFrame(() => requestAnimationFrame(() => this.#step(0)));
        setText(this.spoken, this.zoom.anchor === null ? "zoomed" : "zoom begins here; go to its end and press Enter");
    }

    /** @param {number} by */
    #step(by) {
        const points = this.#cursorSeries()?.points;
        if (!points || points.length === 0) return;
        const from = Math.min(this.cursor.at, points.length - 1);
        this.#pointAt(Math.max(0, Math.min(points.length - 1, from + by)));
    }

    /** @param {number} by */
    #stepSeries(by) {
        const shown = this.#shown();
        if (shown.length === 0) return;
        this.cursor.series = (this.cursor.series + by + shown.length) % shown.length;
        this.#step(0);
    }

    #cursorSeries() {
        const shown = this.#shown();
        return shown[Math.min(this.cursor.series, shown.length - 1)];
    }

    /** @param {number} at */
    #pointAt(at) {
        const series = this.#cursorSeries();
        const point = series?.points[at];
        if (!series || !point) return;
        this.cursor.at = at;
        const value = point.row[this.chart.y];
        if (typeof value !== "number") return;
        this.lines.point(series.key, point.x, value);
        this.#crosshairMoved(point.x, true);
        const zone = this.store.zone;
        setText(this.spoken, `${series.label} ${this.lines.format(value)} at ${windowTime(point.x, zone, this.rows.plan.step_ms || this.rows.plan.window_ms)} ${zoneName(zone)}`
            + (point.final ? "" : ", provisional"));
    }

    #leavePoint() {
        this.lines.unpoint();
        this.#crosshairMoved(null, true);
    }

    #shown() {
        return this.order.filter((key) => !this.legend.hidden.has(key))
            .map((key) => this.rows.series.get(key)).filter((series) => series !== undefined);
    }

    /** byHand: the reader's, on this chart; else it follows another one's. @param {number | null} x @param {boolean} byHand */
    #crosshairMoved(x, byHand) {
        if (x === this.crosshair) return;
        this.crosshair = x;
        if (byHand || (x === null && this.store.crosshair?.from === this)) this.store.setCrosshair(x, this);
        this.#renderLegend();
    }

    #showTable() {
        const open = this.table.root.hidden;
        this.table.root.hidden = !open;
        this.toggle?.setAttribute("aria-pressed", String(open));
        if (open) this.#renderTable();
    }

    /** @param {boolean} following */
    #follow(following) {
        if (this.following === following) return;
        this.following = following;
        this.#renderNow();
    }

    #renderNow() {
        if (this.now) this.now.disabled = this.following && !this.store.paused;
    }

    /** A picture that is held is not of now: it goes on. */
    goToNow() {
        if (this.store.paused) this.store.setPaused(false);
        this.#follow(true);
        this.lines.showNow(this.range);
    }

    /** @param {number} range */
    #setRange(range) {
        this.range = range;
        this.router.note(`${this.chart.name}.range`, String(range));
        this.#follow(true);
        this.lines.showNow(range);
    }

    /** @param {import("./store.js").Changed} changed */
    #changed(changed) {
        if (changed.has("theme")) {
            this.lines.applyTheme();
            this.legend.forget();
            this.#renderLegend();
        }
        if (changed.has("zone")) this.lines.applyZone();
        if (changed.has("crosshair") && this.store.crosshair?.from !== this) this.lines.pointTime(this.store.crosshair?.x ?? null);
        if (changed.has("paused")) this.#renderPaused();
        const rows = changed.has(this.part) || changed.has("paused") || changed.has("zone");
        if (rows && !this.store.paused) this.render();
        if (this.store.paused) setText(this.heldText, `paused; ${this.store.held} updates held`);
        if (changed.has("stats") || rows) this.#renderNote();
        if (changed.has("stats")) this.lines.setLimits((this.store.stats?.alerts ?? []).filter((alert) => alert.view === this.chart.view && alert.column === this.chart.y)
            .flatMap(({ name, limit, key, firing }) => this.#shown().filter((series) => series.label === (key || "all")).map((series) => ({ key: series.key, limit, name, firing: firing === true }))));
    }

    #renderPaused() {
        const { paused } = this.store;
        this.#renderNow();
        this.pause?.setAttribute("aria-pressed", String(paused));
        if (this.pause) setText(this.pause, paused ? "Resume" : "Pause");
        this.root.classList.toggle("is-paused", paused);
        if (!paused) setText(this.heldText, "");
    }

    render() {
        if (this.snapshots !== this.rows.snapshots) {
            this.snapshots = this.rows.snapshots;
            this.lines.clear();
        }
        this.#orderSeries();
        for (const [index, key] of this.order.entries()) {
            const series = this.rows.series.get(key);
            if (series) this.lines.draw(series, index, !this.legend.hidden.has(key));
        }
        this.lines.finish();
        if (this.following) this.lines.showNow(this.range);
        this.#renderLegend();
        this.#renderTable();
    }

    /** A series keeps its colour while the page lives; those that come together are put in order of name. */
    #orderSeries() {
        if (this.order.length >= DRAWN_MAX) return;
        const fresh = [...this.rows.series.keys()].filter((key) => !this.order.includes(key)).sort();
        for (const key of fresh.slice(0, DRAWN_MAX - this.order.length)) {
            if (this.order.length >= SHOWN_AT_FIRST && !this.isChosen) this.legend.hidden.add(key);
            this.order.push(key);
        }
    }

    #renderLegend() {
        this.legend.render(this.order, this.rows, this.crosshair, (value) => this.lines.format(value));
    }

    #renderTable() {
        if (this.table.root.hidden) return;
        this.table.render(this.order.filter((key) => !this.legend.hidden.has(key)), this.rows, this.store.zone,
            (value) => this.lines.format(value));
    }

    /** What an empty or young chart says about itself. */
    #renderNote() {
        const drawn = this.lines.describe();
        const wait = this.rows.plan.window_ms + (this.store.plan.sources[0]?.delay_ms ?? 0);
        let text = "";
        if (drawn.closed + drawn.provisional === 0) {
            text = `Waiting for the first tick… the first window closes about ${duration(wait)} after the start.`;
        } else if (drawn.closed === 0) {
            text = `All points are provisional: the first window closes about ${duration(wait)} after the start.`;
        }
        if (drawn.beyond > 0) text = `${counted(drawn.beyond, "value")} too large to draw: the data table has ${drawn.beyond === 1 ? "it" : "them"}.`;
        // Over the empty chart, but never over lines.
        const empty = drawn.closed + drawn.provisional === 0;
        this.note.hidden = !empty;
        setText(empty ? this.note : this.young, empty && drawn.beyond === 0 ? text + whySilent(this.store, this.chart.view) : text);
        if (empty) setText(this.young, "");
    }
}
