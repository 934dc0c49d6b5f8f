// SPDX-License-Identifier: Apache-2.0
// The one store. Everything that the page shows is here; views are functions of it, called at most once a frame and
// not at all in a hidden tab (the browser gives a hidden tab no frames), with the set of parts that changed.

import { ViewRows } from "./rows.js";
import { load, save } from "./settings.js";

/** @typedef {import("./types.js").Plan} Plan */
/** @typedef {import("./types.js").Stats} Stats */
/** @typedef {import("./types.js").RowsEvent} RowsEvent */
/** @typedef {import("./format.js").Zone} Zone */
/** @typedef {"connecting" | "live" | "retrying"} ConnectionState */
/** @typedef {(changed: Set<string>) => void} Subscriber */
/** @typedef {{at: number, input: number, processing: number, stateBytes: number, lag: number | null}} Sample */

const SAMPLES_MAX = 300; // five minutes, one a second
const EPOCHS_MAX = 60;
const STALE_AFTER_MS = 10_000;

export class Store {
    /** @param {Plan} plan */
    constructor(plan) {
        this.plan = plan;
        /** @type {Map<string, ViewRows>} */
        this.views = new Map(plan.views.map((view) => [view.name, new ViewRows(view)]));
        /** @type {Stats | null} */
        this.stats = null;
        this.statsAt = 0; // this browser's clock when stats came
        /** @type {Sample[]} */
        this.samples = [];
        /** @type {{epoch: number, ms: number}[]} */
        this.epochs = [];
        this.connection = { state: /** @type {ConnectionState} */ ("connecting"), since: Date.now(), attempt: 0 };
        this.zone = /** @type {Zone} */ (load("zone", ["utc", "local"]));
        this.theme = load("theme", ["system", "light", "dark"]);
        this.paused = false;
        this.held = 0; // events that came while paused
        /** @type {Set<Subscriber>} */
        this.subscribers = new Set();
        /** @type {Set<string>} */
        this.changed = new Set();
        this.frame = 0;
    }

    /** The rows of a view of the plan. @param {string} name */
    rowsOf(name) {
        const rows = this.views.get(name);
        if (!rows) throw new Error(`the plan has no view ${name}`);
        return rows;
    }

    /** @param {Subscriber} subscriber */
    subscribe(subscriber) {
        this.subscribers.add(subscriber);
    }

    /** Marks a part ("stats", "connection", "zone", "theme", "paused", "clock", "view:<name>") as changed. @param {string} part */
    touch(part) {
        this.changed.add(part);
        if (this.frame === 0) this.frame = requestAnimationFrame(() => this.#flush());
    }

    #flush() {
        this.frame = 0;
        const changed = this.changed;
        this.changed = new Set();
        for (const subscriber of this.subscribers) subscriber(changed);
    }

    /**
     * @param {string} view
     * @param {RowsEvent} event
     */
    applyRows(view, event) {
        const rows = this.rowsOf(view);
        if (event.snapshot) rows.clear();
        rows.upsert(event.rows, Date.now());
        if (this.paused) this.held++;
        this.touch(`view:${view}`);
    }

    /** @param {Stats} stats */
    applyStats(stats) {
        this.stats = stats;
        this.statsAt = Date.now();
        this.samples.push({ at: stats.now, input: stats.rates.input, processing: stats.rates.processing,
            stateBytes: stats.state.bytes, lag: stats.lag_ms });
        if (this.samples.length > SAMPLES_MAX) this.samples.shift();
        const last = this.epochs[this.epochs.length - 1];
        if (stats.epoch.number > 0 && stats.epoch.number !== last?.epoch) {
            this.epochs.push({ epoch: stats.epoch.number, ms: stats.epoch.duration_ms });
            if (this.epochs.length > EPOCHS_MAX) this.epochs.shift();
        }
        this.touch("stats");
    }

    /**
     * @param {ConnectionState} state
     * @param {number} [attempt]
     */
    setConnection(state, attempt = 0) {
        const since = state === this.connection.state ? this.connection.since : Date.now();
        this.connection = { state, since, attempt };
        this.touch("connection");
    }

    /** @param {Zone} zone */
    setZone(zone) {
        this.zone = zone;
        save("zone", zone);
        this.touch("zone");
    }

    /** @param {string} theme */
    setTheme(theme) {
        this.theme = theme;
        save("theme", theme);
        if (theme === "system") delete document.documentElement.dataset.theme;
        else document.documentElement.dataset.theme = theme;
        this.touch("theme");
    }

    /** @param {boolean} paused */
    setPaused(paused) {
        this.paused = paused;
        this.held = 0;
        this.touch("paused");
    }

    /** The server's clock now, as well as this browser knows it. */
    serverNow() {
        return this.stats ? this.stats.now + (Date.now() - this.statsAt) : Date.now();
    }

    /**
     * Since when nothing new came, on the server's clock; null while fresh or before the first record. Silence is
     * never drawn as life: neither a lost connection nor a quiet stream.
     */
    staleSince() {
        const last = this.stats?.last_record ?? null;
        if (last === null) return null;
        return this.serverNow() - last > STALE_AFTER_MS ? last : null;
    }
}
