// SPDX-License-Identifier: Apache-2.0
// The head of the page: which pipeline, the views, how the connection is, how fresh the data is, and the reader's choices.

import { choice, el, setText, svg } from "./dom.js";
import { clockWithZone, duration } from "./format.js";
import { firingTexts } from "./alerts.js";
import { problemsOf } from "./problems.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./format.js").Zone} Zone */
/** @typedef {{name: string, title: string}} ViewName */

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
    return `Reconnecting since ${clockWithZone(since, store.zone)}${attempt > 1 ? `, attempt ${attempt}` : ""}`;
}

/** @param {Store} store */
function freshnessText(store) {
    const last = store.stats?.last_record ?? null;
    return last === null ? "no data yet" : `data as of ${clockWithZone(last, store.zone)}`;
}

/** @param {Store} store */
function vitals(store) {
    const connection = el("span", { class: "connection", role: "status" }, connectionText(store));
    const fresh = el("span", { class: "fresh" }, freshnessText(store));
    const stale = el("span", { class: "badge badge-stale", hidden: true });
    store.subscribe(() => {
        setText(connection, connectionText(store));
        connection.dataset.state = store.connection.state;
        setText(fresh, freshnessText(store));
        const since = store.staleSince();
        stale.hidden = since === null;
        if (since !== null) setText(stale, `STALE for ${duration(store.serverNow() - since)}, since ${clockWithZone(since, store.zone)}`);
        document.documentElement.classList.toggle("is-stale", since !== null);
    });
    return el("div", { class: "vitals" }, connection, fresh, stale);
}

/** @param {Store} store @param {() => void} onhelp */
function choices(store, onhelp) {
    return el("div", { class: "choices" },
        choice({ label: "Time zone", name: "zone", value: store.zone, onchange: (zone) => store.setZone(zone),
            options: [{ value: /** @type {Zone} */ ("utc"), text: "UTC" }, { value: "local", text: "Local", title: "this browser's time zone" },
                { value: "exchange", text: "NYSE", title: "the exchange's time: America/New_York" }] }),
        choice({ label: "Theme", name: "theme", value: store.theme, onchange: (theme) => store.setTheme(theme),
            options: [{ value: "system", text: "Auto", title: "as the system is set" }, { value: "light", text: "Light" },
                { value: "dark", text: "Dark" }] }),
        el("button", { type: "button", class: "button help-button", "aria-label": "Keys and help", title: "keys and help (?)", onclick: onhelp }, "?"));
}

/** How many problems there are, on the way to where they are told. @param {Store} store */
function problemsMark(store) {
    const mark = el("span", { class: "tab-mark", role: "img", hidden: true });
    store.subscribe((changed) => {
        if (!changed.has("stats") && !changed.has("clock") && !changed.has("connection")) return;
        const found = problemsOf(store);
        mark.hidden = found.length === 0;
        setText(mark, String(found.length));
        mark.setAttribute("aria-label", `${found.length} problem${found.length === 1 ? "" : "s"}`);
        mark.title = found.map(({ what }) => what).join("\n");
    });
    return mark;
}

/**
 * @param {HTMLElement} host
 * @param {Store} store
 * @param {ViewName[]} views
 * @param {() => void} onhelp
 * @returns {(view: string) => void} marks the view that is shown
 */
export function renderHeader(host, store, views, onhelp) {
    const { plan } = store;
    const links = views.map(({ name, title }, i) =>
        el("a", { class: "tab", href: `#${name}`, title: `key ${i + 1}` }, title, name === "pipeline" ? problemsMark(store) : null));
    host.replaceChildren(
        el("div", { class: "bar" },
            el("div", { class: "brand" }, mark(),
                el("div", {}, el("h1", {}, plan.pipeline),
                    el("p", { class: "sub" }, `tapeline ${plan.version}`, plan.profile ? el("span", { class: "profile" }, ` · profile ${plan.profile}`) : null)),
                plan.synthetic ? el("span", { class: "badge badge-sample" }, "synthetic sample data") : null),
            vitals(store), choices(store, onhelp)),
        el("nav", { class: "tabs", "aria-label": "Views" }, ...links));
    return (view) => views.forEach(({ name }, i) => {
        if (name === view) {
            links[i]?.setAttribute("aria-current", "page");
            links[i]?.scrollIntoView({ block: "nearest", inline: "nearest" });
        } else links[i]?.removeAttribute("aria-current");
    });
}

/**
 * What needs a person: the engine waits for something, or an alert fires.
 * @param {HTMLElement} host
 * @param {Store} store
 */
export function renderNotice(host, store) {
    let drawn = "";
    store.subscribe((changed) => {
        if (!(changed.has("stats") || changed.has("zone")) || !store.stats) return;
        const { waiting } = store.stats;
        const lines = [...(waiting === "" ? [] : [`The engine waits: ${waiting}`]), ...firingTexts(store)];
        const now = lines.join("\n");
        if (now === drawn) return;
        drawn = now;
        host.hidden = lines.length === 0;
        host.replaceChildren(...lines.slice(0, 5).map((line) => el("p", {}, line)), ...(lines.length > 5 ? [el("p", {}, `and ${lines.length - 5} more: see the Pipeline view`)] : []));
    });
}
