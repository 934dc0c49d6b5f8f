// SPDX-License-Identifier: Apache-2.0
// The live view: how fresh, each CREATE CHART, the newest values, and candles of the ticks.

import { CandlePanel } from "./candle_panel.js";
import { ChartPanel } from "./chart_panel.js";
import { LatestTable } from "./latest_table.js";
import { el } from "./dom.js";
import { freshnessStrip } from "./freshness.js";

/** @param {import("./main.js").Page} page */
export function liveView({ store, router }) {
    const { plan } = store;
    const charts = plan.charts.map((chart) => new ChartPanel(store, router, chart));
    const tables = plan.views.filter((view) => !view.windowed).map((view) => new LatestTable(store, view));
    const candles = plan.tapes.map((tape) => new CandlePanel(store, router, tape));
    const root = el("div", { class: "view live-view" },
        freshnessStrip(store),
        el("div", { class: "live" },
            el("div", { class: "live-first" }, charts[0]?.root ?? noCharts(plan)),
            el("div", { class: "live-tables" }, ...tables.map((table) => table.root)),
            el("div", { class: "live-more" }, ...charts.slice(1).map((chart) => chart.root), ...candles.map((panel) => panel.root))));
    Object.assign(/** @type {any} */ (window).tapeline,
        { charts: () => charts.map((chart) => chart.lines.describe()), candles: () => candles.map((panel) => panel.describe()) });
    store.subscribe((changed) => {
        if (changed.has("now") && !changed.has("everything")) for (const chart of [...charts, ...candles]) chart.goToNow();
    });
    return {
        root,
        /** @param {URLSearchParams} params */
        shown(params) {
            for (const chart of charts) chart.apply(params);
            for (const panel of candles) panel.apply(params);
        },
    };
}

/** What to do where the pipeline draws nothing: with names of its own, where it has any that fit. @param {import("./types.js").Plan} plan */
function noCharts({ views }) {
    const view = views.find(({ windowed }) => windowed);
    /** @param {string} role */
    const column = (role) => view?.columns.find((one) => one.role === role && (role !== "aggregate" || one.type !== "VARCHAR"))?.name;
    const [x, y, [series]] = [column("window_end"), column("aggregate"), view?.keys ?? []];
    return el("section", { class: "panel no-chart" },
        el("h2", {}, "No chart yet"),
        el("p", { class: "sub" }, view && x && y ? "A line more in the pipeline file draws one, for example:" : "Charts draw views with windows (TUMBLE, HOP, SESSION), and this pipeline has none. With one, a line more draws it, for example:"),
        el("pre", {}, `CREATE CHART live FROM ${view?.name ?? "avg_1min"} WITH (type = 'line', x = '${x ?? "window_end"}', y = '${y ?? "avg_close"}'${series || !view ? `, series = '${series ?? "ticker"}'` : ""});`));
}
