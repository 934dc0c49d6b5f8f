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
/** @typedef {{has(part: string): boolean}} Changed the parts that changed; of a view that comes to be shown, all */
/** @typedef {(changed: Changed) => void} Subscriber */
/** @typedef {import("./types.js").Epoch} Epoch */
/**
 * @typedef {{at: number, input: number, processing: number, stateBytes: number, lag: number | null, put: (number | null)[],
 *            behind: Record<string, number | null>}} Sample put: p50, p95 and p99 from put to page; behind: milliseconds by shard
 */

const SAMPLES_MAX = 900; // a quarter of an hour, one a second
const EPOCHS_MAX = 120;
const LAG_SHARDS_MAX = 8; // as many as the server keeps
const STALE_AFTER_MS = 10_000;
/** @type {Changed} */
const EVERYTHING = { has: () => true };

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
        /** @type {Epoch[]} */
        this.epochs = [];
        /** @type {{rows: number, files: number} | null} as of the newest stats */
        this.committed = null;
        /** @type {string[]} whose lag is kept */
        this.lagShards = [];
        /** @type {import("./types.js").Report | null} as it was asked for last; see report.js */
        this.report = null;
        this.connection = { state: /** @type {ConnectionState} */ ("connecting"), since: Date.now(), attempt: 0 };
        this.zone = /** @type {Zone} */ (load("zone", ["utc", "local", "exchange"]));
        this.theme = load("theme", ["system", "light", "dark"]);
        this.paused = false;
        this.held = 0; // events that came while paused
        /** @type {Map<Subscriber, string>} with the view that they belong to; "": the frame around all views */
        this.subscribers = new Map();
        this.view = ""; // the one that is shown
        this.building = "";
        /** @type {Map<string, (event: import("./types.js").TapeEvent) => void>} who takes the candles of a tape */
        this.tapes = new Map();
        /** @type {((ms: number, arrival: number) => void) | null} told how long rows waited until they were drawn, and when the oldest of
         *  their records came into the stream, by the server's clock; 0: not known */
        this.onDrawn = null;
        this.cameAt = 0; // performance.now() of the oldest rows not drawn yet; 0: none
        this.arrival = 0; // of their oldest record; 0: not known
        /** @type {{x: number, from: object} | null} the instant under the reader's pointer, for all charts */
        this.crosshair = null;
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

    /** Is called while the view that is being built is shown. @param {Subscriber} subscriber */
    subscribe(subscriber) {
        this.subscribers.set(subscriber, this.building);
    }

    /**
     * What subscribes within make belongs to the view, and costs nothing while another one is shown.
     * @template T
     * @param {string} view
     * @param {() => T} make
     * @returns {T}
     */
    build(view, make) {
        this.building = view;
        try {
            return make();
        } finally {
            this.building = "";
        }
    }

    /** Another view is shown: it is drawn from all that there is. @param {string} view */
    show(view) {
        this.view = view;
        for (const [subscriber, of] of this.subscribers) if (of === view) subscriber(EVERYTHING);
    }

    /** @param {number | null} x @param {object} from who says so */
    setCrosshair(x, from) {
        if (x === (this.crosshair?.x ?? null)) return;
        this.crosshair = x === null ? null : { x, from };
        this.touch("crosshair");
    }

    /** Marks a part ("stats", "connection", "zone", "theme", "paused", "clock", "crosshair", "view:<name>") as changed. @param {string} part */
    touch(part) {
        this.changed.add(part);
        if (this.frame === 0) this.frame = requestAnimationFrame(() => this.#flush());
    }

    #flush() {
        this.frame = 0;
        const changed = this.changed;
        this.changed = new Set();
        for (const [subscriber, view] of this.subscribers) if (view === "" || view === this.view) subscriber(changed);
        this.#tellDrawn();
    }

    /** A tab that was hidden draws what came meanwhile at once, and a paused one nothing: that says nothing about the page's speed. */
    #tellDrawn() {
        const { cameAt, arrival } = this;
        this.cameAt = this.arrival = 0;
        if (cameAt === 0 || this.paused || performance.now() - cameAt > 5000) return;
        afterPaint(() => this.onDrawn?.(performance.now() - cameAt, arrival));
    }

    /** The rows that have just come are of records of that age. @param {number} arrival */
    applyShown(arrival) {
        if (this.cameAt !== 0 && this.arrival === 0) this.arrival = arrival;
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
        if (event.rows.length > 0 && this.cameAt === 0) this.cameAt = performance.now();
        this.touch(`view:${view}`);
    }

    /** Candles of a tape. @param {string} tape @param {import("./types.js").TapeEvent} event */
    applyTape(tape, event) {
        this.tapes.get(tape)?.(event);
        this.touch(`tape:${tape}`);
    }

    /** The values that a key column has in the views so far, sorted. @param {string} column */
    keysOf(column) {
        /** @type {Set<string | number | boolean | null>} */
        const names = new Set();
        for (const rows of this.views.values()) {
            if (rows.plan.keys[0] !== column) continue;
            for (const { row } of rows.latest.values()) names.add(row[column] ?? null);
            for (const { points } of rows.series.values()) if (points[0]) names.add(points[0].row[column] ?? null);
        }
        names.delete(null);
        return [...names].map(String).sort();
    }

    /** @param {Stats} stats */
    applyStats(stats) {
        this.stats = stats;
        this.statsAt = Date.now();
        this.samples.push({ at: stats.now, input: stats.rates.input, processing: stats.rates.processing,
            stateBytes: stats.state.bytes, lag: stats.lag_ms, put: putOf(stats.latency?.put_to_page), behind: this.#behind(stats) });
        if (this.samples.length > SAMPLES_MAX) this.samples.shift();
        this.#applyEpoch(stats.epoch);
        this.touch("samples");
        this.touch("stats");
    }

    /** @param {Stats} stats @returns {Sample["behind"]} */
    #behind({ shards }) {
        for (const { id } of shards) if (this.lagShards.length < LAG_SHARDS_MAX && !this.lagShards.includes(id)) this.lagShards.push(id);
        return Object.fromEntries(shards.filter(({ id, finished }) => !finished && this.lagShards.includes(id)).map(({ id, millis_behind }) => [id, millis_behind]));
    }

    /** @param {Stats["epoch"]} epoch */
    #applyEpoch({ number, last_commit: at, duration_ms, oldest_ms, phases, rows_committed, files_committed }) {
        const last = this.epochs[this.epochs.length - 1];
        const before = this.committed; // null: this page has just come, and the server's own list (addSamples) has that epoch
        if (before && number > 0 && at !== null && number !== last?.number) {
            this.epochs.push({ number, at, duration_ms, oldest_ms, phases, rows: rows_committed - before.rows, files: files_committed - before.files });
            if (this.epochs.length > EPOCHS_MAX) this.epochs.shift();
        }
        this.committed = { rows: rows_committed, files: files_committed };
    }

    /** What the server kept from before. @param {{samples: (number | null)[][], shards: string[], behind: (number | null)[][], epochs: Epoch[]}} kept */
    addSamples({ samples, shards, behind, epochs }) {
        const first = this.samples[0]?.at ?? Infinity;
        this.lagShards = [...new Set([...shards, ...this.lagShards])].slice(0, LAG_SHARDS_MAX);
        const before = samples.map(([at, input, processing, stateBytes, lag, ...put], i) =>
            ({ at: Number(at), input: Number(input), processing: Number(processing), stateBytes: Number(stateBytes), lag: lag ?? null, put,
                behind: Object.fromEntries(shards.map((id, slot) => [id, behind[i]?.[slot] ?? null])) }));
        this.samples = [...before.filter(({ at }) => at < first), ...this.samples].slice(-SAMPLES_MAX);
        const known = new Set(epochs.map(({ number }) => number));
        this.epochs = [...epochs, ...this.epochs.filter(({ number }) => !known.has(number))].slice(-EPOCHS_MAX);
        this.touch("samples");
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

/**
 * A chart draws in the next frame what it is given in this one; a message that is posted then comes when that frame is done.
 * @param {() => void} then
 */
function afterPaint(then) {
    requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
            port1.close();
            then();
        };
        port2.postMessage(0);
    });
}

/** @param {import("./types.js").Figures | undefined} figures */
const putOf = (figures) => (figures && figures.count > 0 ? [figures.p50_ms, figures.p95_ms, figures.p99_ms] : [null, null, null]);
