// SPDX-License-Identifier: Apache-2.0
// The head of the page: which pipeline, how the connection is, how fresh the data is, and the reader's choices.

import { choice, el, setText, svg } from "./dom.js";
import { duration } from "./format.js";
import { timeWithZone } from "./panels.js";

/** @typedef {import("./store.js").Store} Store */

function mark() {
    return svg("svg", { class: "mark", viewBox: "0 0 32 32", "aria-hidden": "true" },
        svg("rect", { width: 32, height: 32, rx: 7 }),
        svg("path", { d: "M5 21l6-6 5 4 6-9" }),
        svg("circle", { cx: 26, cy: 6.5, r: 2.6 }));
}

/** @param {Store} store */
function connectionText(store) {
    const { state, since, attempt } = store.connection;
    if (state === "live") return "Live";
    if (state === "connecting") return "Connecting…";
    return `Reconnecting since ${timeWithZone(since, store)}${attempt > 1 ? `, attempt ${attempt}` : ""}`;
}

/** @param {Store} store */
function freshnessText(store) {
    const last = store.stats?.last_record ?? null;
    return last === null ? "no data yet" : `data as of ${timeWithZone(last, store)}`;
}

/**
 * @param {HTMLElement} host
 * @param {Store} store
 */
export function renderHeader(host, store) {
    const { plan } = store;
    const connection = el("span", { class: "connection", role: "status" }, connectionText(store));
    const fresh = el("span", { class: "fresh" }, freshnessText(store));
    const stale = el("span", { class: "badge badge-stale", hidden: true });
    host.replaceChildren(
        el("div", { class: "brand" }, mark(),
            el("div", {}, el("h1", {}, plan.pipeline),
                el("p", { class: "sub" }, `tapeline ${plan.version}${plan.profile ? ` · profile ${plan.profile}` : ""}`)),
            plan.synthetic ? el("span", { class: "badge badge-sample" }, "synthetic sample data") : null),
        el("div", { class: "vitals" }, connection, fresh, stale),
        el("div", { class: "choices" },
            choice({ label: "Time zone", name: "zone", value: store.zone, onchange: (zone) => store.setZone(zone),
                options: [{ value: /** @type {import("./format.js").Zone} */ ("utc"), text: "UTC" }, { value: "local", text: "Local" }] }),
            choice({ label: "Theme", name: "theme", value: store.theme, onchange: (theme) => store.setTheme(theme),
                options: [{ value: "system", text: "System" }, { value: "light", text: "Light" }, { value: "dark", text: "Dark" }] })));
    store.subscribe(() => {
        setText(connection, connectionText(store));
        connection.dataset.state = store.connection.state;
        setText(fresh, freshnessText(store));
        const since = store.staleSince();
        stale.hidden = since === null;
        if (since !== null) setText(stale, `STALE for ${duration(store.serverNow() - since)}`);
        if (since !== null) stale.title = `nothing new since ${timeWithZone(since, store)}`;
        document.documentElement.classList.toggle("is-stale", since !== null);
    });
}

/**
 * What needs a person: the engine waits for something.
 * @param {HTMLElement} host
 * @param {Store} store
 */
export function renderNotice(host, store) {
    store.subscribe((changed) => {
        if (!changed.has("stats") || !store.stats) return;
        const { waiting } = store.stats;
        host.hidden = waiting === "";
        setText(host, waiting === "" ? "" : `The engine waits: ${waiting}`);
    });
}
