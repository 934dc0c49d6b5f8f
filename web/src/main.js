// SPDX-License-Identifier: Apache-2.0
// The page: fetches the plan, builds the frame, the view that is asked for, and connects. A view is made when it is first shown;
// all but the first are files of their own, fetched then.

import { announce } from "./announcer.js";
import { el, setText } from "./dom.js";
import { renderHeader, renderNotice } from "./header.js";
import { globalKeys } from "./keys.js";
import { liveView } from "./view_live.js";
import { isKiosk, Router } from "./router.js";
import { Store } from "./store.js";
import { getJson, Stream } from "./stream.js";
import { signIn } from "./token.js";

/** @typedef {{root: HTMLElement, shown?: (params: URLSearchParams) => void, back?: () => void}} View what a view module makes; back: the
 *  connection was lost and is there again, so what the view asked for in vain may come now */
/** @typedef {{store: Store, router: Router}} Page */
/** @typedef {{name: string, title: string, make: () => Promise<(page: Page) => View>}} ViewSpec */

/** @type {ViewSpec[]} */
const VIEWS = [
    { name: "live", title: "Live", make: async () => liveView },
    { name: "pipeline", title: "Pipeline", make: async () => (await import("./view_pipeline.js")).pipelineView },
    { name: "streams", title: "Streams", make: async () => (await import("./view_streams.js")).streamsView },
    { name: "lake", title: "Lake", make: async () => (await import("./view_lake.js")).lakeView },
    { name: "sql", title: "SQL", make: async () => (await import("./view_sql.js")).sqlView },
    { name: "dead", title: "Dead letters", make: async () => (await import("./view_dead.js")).deadView },
];

/** @param {string} id */
function byId(id) {
    const node = document.getElementById(id);
    if (!node) throw new Error(`the page has no #${id}`);
    return node;
}

/**
 * The plan, however long the server takes to come: the page may be opened before it.
 * @returns {Promise<import("./types.js").Plan>}
 */
async function fetchPlan() {
    for (let attempt = 1; ; attempt++) {
        try {
            return await getJson("/api/plan");
        } catch (error) {
            if (/** @type {{status?: number}} */ (error).status === 401) {
                await signIn(byId("content"));
                continue;
            }
            setText(byId("cover"), `The pipeline does not answer (${error instanceof Error ? error.message : error}). Trying again, attempt ${attempt}…`);
            await new Promise((resolve) => setTimeout(resolve, Math.min(5000, 500 * attempt)));
        }
    }
}

function footer() {
    return [
        el("p", {}, "Charts by ", el("a", { href: "https://www.tradingview.com/", rel: "noreferrer" }, "TradingView"),
            " Lightweight Charts™, Copyright © 2025 TradingView, Inc., Apache License 2.0."),
        el("p", {}, el("a", { href: "/api/openapi.json" }, "API"), " · ", el("a", { href: "/api/status" }, "status"), " · ",
            el("a", { href: "/metrics" }, "metrics"), " · ", el("a", { href: "/healthz" }, "health")),
    ];
}

/**
 * Shows the views: at most one at a time, each made once.
 * @param {Store} store
 * @param {(view: string) => void} mark
 */
function viewSwitch(store, mark) {
    const content = byId("content");
    /** @type {Map<string, View>} */
    const made = new Map();
    let failed = ""; // the view whose file could not be fetched
    /** @param {string} name @param {URLSearchParams} params */
    const show = async (name, params) => {
        const spec = VIEWS.find((view) => view.name === name);
        if (!spec) return;
        mark(name);
        let view = made.get(name);
        if (!view) {
            try {
                const make = await spec.make();
                view = made.get(name) ?? store.build(name, () => make({ store, router }));
            } catch (error) {
                if (router.view !== name) return;
                failed = name;
                store.view = "";
                content.replaceChildren(el("p", { class: "cover", role: "alert" }, `This view could not be loaded: ${error instanceof Error ? error.message : error}. It is tried again when the connection is back.`));
                return;
            }
            made.set(name, view);
        }
        if (router.view !== name) return; // another one was asked for meanwhile
        failed = "";
        const fresh = store.view !== name;
        if (content.firstElementChild !== view.root) content.replaceChildren(view.root);
        document.title = `${spec.title} · ${store.plan.pipeline} · tapeline`;
        if (fresh) store.show(name);
        view.shown?.(params);
        if (fresh) scrollTo(0, 0);
    };
    const router = new Router(VIEWS.map((view) => view.name), (name, params) => void show(name, params));
    let before = store.connection.state;
    store.subscribe(() => {
        const { state } = store.connection;
        const isBack = state === "live" && before !== "live";
        before = state;
        if (!isBack) return;
        // A browser may remember that a module's file did not come: only a new page asks for it again. The address keeps the view.
        if (failed !== "" && failed === router.view) location.reload();
        else made.get(router.view)?.back?.();
    });
    return router;
}

async function start() {
    document.documentElement.classList.toggle("is-kiosk", isKiosk());
    const plan = await fetchPlan();
    const store = new Store(plan);
    const actions = Object.fromEntries(VIEWS.map(({ name }, i) => [String(i + 1), () => router.go(name)]));
    const help = globalKeys({ ...actions, p: () => store.setPaused(!store.paused), n: () => (store.setPaused(false), store.touch("now")) });
    const router = viewSwitch(store, renderHeader(byId("header"), store, VIEWS, help));
    renderNotice(byId("notice"), store);
    announce(byId("announcer"), store);
    byId("footer").replaceChildren(...footer());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => store.touch("theme"));
    document.addEventListener("visibilitychange", () => store.touch("clock"));
    // For the browser tests: what the canvases show, which no DOM query can tell.
    Object.assign(window, { tapeline: { store, router, charts: () => [], smalls: {} } });
    router.start();
    new Stream(store);
}

void start();
