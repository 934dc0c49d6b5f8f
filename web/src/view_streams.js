// SPDX-License-Identifier: Apache-2.0
// The stream browser: shards, and records from the beginning, the end, an instant or a sequence number, decoded and filtered.

import { choice, el, setText } from "./dom.js";
import { count, shardName } from "./format.js";
import { panel } from "./panels.js";
import { recordsTable } from "./records_table.js";
import { getJson } from "./stream.js";

/** @typedef {import("./types.js").StreamRecord} StreamRecord */
/** @typedef {import("./types.js").RecordsPage} RecordsPage */
/** @typedef {"TRIM_HORIZON" | "LATEST" | "AT_TIMESTAMP" | "AT_SEQUENCE_NUMBER"} From */

const BEGINS = /** @type {From[]} */ (["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER"]);
const LIMIT = 100;
const KEPT = 1000;
const FOLLOW_MS = 1000;

class Browser {
    /** @param {import("./main.js").Page} page */
    constructor({ store, router }) {
        this.store = store;
        this.router = router;
        this.stream = store.plan.sources[0]?.stream ?? "";
        this.shard = "";
        this.from = /** @type {From} */ ("TRIM_HORIZON");
        /** @type {StreamRecord[]} */
        this.records = [];
        this.next = ""; // where the next page begins
        this.filter = "";
        this.isTail = false; // begun at the tip: the newest is what the reader waits for, and stands on top
        this.failed = /** @type {"" | "shards" | "records"} */ (""); // what was asked for last, and did not come
        this.linked = "TRIM_HORIZON "; // from and at, as the address said last
        this.serial = 0; // of the newest question: an older one's answer is thrown away
        /** @type {ReturnType<typeof setTimeout> | undefined} */
        this.timer = undefined;
        this.shards = el("tbody");
        this.parents = el("th", { scope: "col", hidden: true }, "Parents"); // those of shards that were split or merged
        this.shardsNote = el("p", { class: "empty" }, "Asking for the shards…");
        this.list = el("div", { class: "scroll records-scroll", tabindex: 0, role: "region", "aria-label": "Records" });
        this.note = el("p", { class: "empty" }, "Choose a shard.");
        this.said = el("span", { class: "sub", role: "status" });
        this.more = el("button", { type: "button", class: "button", hidden: true, onclick: () => void this.#page() }, "Next page");
        this.at = el("input", { class: "search wide", hidden: true, "aria-label": "Where to begin", onchange: () => {
            this.#note();
            this.#start();
        } });
        this.follow = el("input", { type: "checkbox", id: "follow", onchange: () => (this.follow.checked ? void this.#page() : clearTimeout(this.timer)) });
        this.root = this.#build();
        store.subscribe((changed) => changed.has("zone") && this.#draw());
        // Nothing is asked for in a hidden tab; who comes back to it goes on following.
        document.addEventListener("visibilitychange", () => this.#goOn());
    }

    #build() {
        const { sources } = this.store.plan;
        const streams = [...new Set(sources.map(({ stream }) => stream))];
        const picker = el("select", { class: "search wide", "aria-label": "Stream", onchange: () => {
            this.router.note("stream", picker.value);
            void this.#openStream(picker.value);
        } }, ...streams.map((name) => el("option", { value: name }, name)));
        this.picker = picker;
        const search = el("input", { type: "search", class: "search wide", placeholder: "Filter key or data", "aria-label": "Filter records", oninput: () => {
            this.filter = search.value.trim().toLowerCase();
            this.#draw();
        } });
        return el("div", { class: "view streams-view" },
            panel("stream-shards", "Shards", "of the stream; press one to see its records", el("div", { class: "inset" }, picker),
                el("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": "stream-shards-title" },
                    el("table", {}, el("thead", {}, el("tr", {}, ...["Shard", "State"].map((head) => el("th", { scope: "col" }, head)), el("th", { scope: "col", title: "of all hash keys" }, "Share"), this.parents)), this.shards)), this.shardsNote),
            panel("stream-records", "Records", "as they are in the stream, decoded; open one to see all of it",
                el("div", { class: "controls inset" },
                    this.begins = choice({ label: "Begin at", name: "records-from", value: this.from, onchange: (from) => this.#begin(from), options: [
                        { value: /** @type {From} */ ("TRIM_HORIZON"), text: "Oldest", title: "TRIM_HORIZON" }, { value: "LATEST", text: "Latest", title: "what comes from now on" },
                        { value: "AT_TIMESTAMP", text: "Time", title: "AT_TIMESTAMP" }, { value: "AT_SEQUENCE_NUMBER", text: "Sequence", title: "AT_SEQUENCE_NUMBER" }] }),
                    this.at, search, el("span", { class: "field" }, this.follow, el("label", { for: "follow" }, "Follow")), this.said),
                this.list, this.note, el("div", { class: "controls inset" }, this.more)));
    }

    /** @param {URLSearchParams} params */
    shown(params) {
        const stream = params.get("stream") ?? this.stream;
        const shard = params.get("shard") || this.shard;
        const from = BEGINS.find((one) => one === params.get("from")) ?? "TRIM_HORIZON";
        const at = params.get("at") ?? "";
        const isLinked = `${from} ${at}` === this.linked;
        if (!isLinked) this.#setBegin(from, at);
        if (this.picker) this.picker.value = stream;
        // Who comes back from another view finds the records that were read, and goes on from there.
        const isKept = isLinked && stream === this.stream && shard === this.shard && this.records.length > 0;
        this.shard = shard;
        void this.#openStream(stream, isKept);
    }

    /** The connection is there again: what did not come without it is asked for once more; records that are shown stay. */
    back() {
        if (this.failed === "shards") void this.#openStream(this.stream, this.records.length > 0);
        else if (this.failed === "records") void this.#page();
    }

    #goOn() {
        if (this.follow.checked && this.store.view === "streams" && !document.hidden && this.next !== "") void this.#page();
    }

    /** @param {string} stream @param {boolean} [isKept] what was read stays */
    async #openStream(stream, isKept = false) {
        this.stream = stream;
        try {
            /** @type {{shards: import("./types.js").StreamShard[]}} */
            const { shards } = await getJson(`/api/shards?stream=${encodeURIComponent(stream)}`);
            this.failed = "";
            this.shardsNote.classList.remove("is-error");
            this.shardsNote.hidden = shards.length > 0;
            setText(this.shardsNote, "This stream has no shard.");
            if (!shards.some(({ id }) => id === this.shard)) this.shard = shards[0]?.id ?? "";
            this.parents.hidden = !shards.some(({ parents }) => parents.length > 0);
            this.shards.replaceChildren(...shards.map((shard) => this.#shardRow(shard)));
            if (isKept) this.#goOn();
            else this.#start();
        } catch (error) {
            this.failed = "shards";
            this.shardsNote.hidden = false;
            this.shardsNote.classList.add("is-error");
            setText(this.shardsNote, `The stream does not answer: ${error instanceof Error ? error.message : error}`);
        }
    }

    /** @param {import("./types.js").StreamShard} shard */
    #shardRow(shard) {
        const button = el("button", { type: "button", class: "link", "aria-pressed": String(shard.id === this.shard), onclick: () => {
            for (const other of this.shards.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
            this.shard = shard.id;
            this.router.note("shard", shard.id);
            this.#start();
        } }, shard.id);
        return el("tr", {}, el("th", { scope: "row" }, button), el("td", {}, shard.open ? "open" : "closed"),
            el("td", { title: `${shard.starting_hash} to ${shard.ending_hash}` }, share(shard)),
            el("td", { hidden: this.parents.hidden }, shard.parents.map(shardName).join(", ") || "–"));
    }

    /** @param {From} from */
    #begin(from) {
        this.#setBegin(from, from === "AT_TIMESTAMP" ? new Date(Date.now() - 60_000).toISOString() : "");
        this.#note();
        this.#start();
        if (from === "AT_SEQUENCE_NUMBER") this.at.focus();
    }

    /** @param {From} from @param {string} at */
    #setBegin(from, at) {
        this.from = from;
        this.isTail = from === "LATEST";
        this.at.hidden = from !== "AT_TIMESTAMP" && from !== "AT_SEQUENCE_NUMBER";
        this.at.placeholder = from === "AT_TIMESTAMP" ? "2026-01-31T12:00:00Z" : "sequence number";
        this.at.value = at;
        if (from === "LATEST") this.follow.checked = true;
        for (const input of this.begins?.querySelectorAll("input") ?? []) input.checked = input.value === from;
        this.linked = `${from} ${at}`;
    }

    /** What the reader chose, in the address. */
    #note() {
        const chosen = /** @type {HTMLInputElement | null} */ (this.begins?.querySelector("input:checked"))?.value ?? this.from;
        const at = chosen === "AT_TIMESTAMP" || chosen === "AT_SEQUENCE_NUMBER" ? this.at.value.trim() : "";
        this.router.note("from", chosen === "TRIM_HORIZON" ? null : chosen);
        this.router.note("at", at || null);
        this.linked = `${chosen} ${at}`;
    }

    #start() {
        this.records = [];
        this.next = "";
        this.failed = "";
        this.serial++; // no shard: what is under way is of another stream
        this.#draw();
        if (this.shard !== "" && !this.#lacksPlace()) void this.#page();
    }

    /** An instant or a sequence number is to be typed first. */
    #lacksPlace() {
        return !this.at.hidden && this.at.value.trim() === "";
    }

    #question() {
        const params = new URLSearchParams({ stream: this.stream, shard: this.shard, limit: String(LIMIT) });
        if (this.next !== "") {
            params.set("from", "AFTER_SEQUENCE_NUMBER");
            params.set("at", this.next);
        } else {
            params.set("from", this.from);
            if (!this.at.hidden) params.set("at", this.at.value.trim());
        }
        return `/api/records?${params}`;
    }

    async #page() {
        clearTimeout(this.timer);
        const serial = ++this.serial; // one that is still under way asked for the same
        setText(this.said, "reading…");
        try {
            /** @type {RecordsPage} */
            const page = await getJson(this.#question());
            if (serial !== this.serial) return;
            this.failed = "";
            this.note.classList.remove("is-error");
            this.records = [...this.records, ...page.records].slice(-KEPT);
            this.next = page.next ?? this.next;
            // Latest with nothing in it yet has no place of its own: from now on it is an instant.
            if (this.next === "" && this.from === "LATEST") this.sinceLatest(page.now);
            this.more.hidden = page.at_tip;
            const order = this.records.length > 1 ? `, ${this.isTail ? "newest" : "oldest"} first` : "";
            setText(this.said, `${count(this.records.length)} records${order}${page.at_tip ? "; that is all there is now" : ""}`);
            this.#draw(page.at_tip);
            if (this.follow.checked && this.store.view === "streams" && !document.hidden) this.timer = setTimeout(() => void this.#page(), page.at_tip ? FOLLOW_MS : 100);
        } catch (error) {
            if (serial !== this.serial) return;
            this.failed = "records";
            setText(this.said, "");
            this.note.hidden = false;
            this.note.classList.add("is-error");
            setText(this.note, `No records: ${error instanceof Error ? error.message : error}`);
        }
    }

    /** @param {number} now the server's */
    sinceLatest(now) {
        this.from = "AT_TIMESTAMP";
        this.at.hidden = false;
        this.at.value = new Date(now).toISOString();
    }

    /** @param {boolean} [tip] */
    #draw(tip = false) {
        const found = this.filter === "" ? this.records : this.records.filter(({ partition_key: key, data }) =>
            key.toLowerCase().includes(this.filter) || (data ?? "").toLowerCase().includes(this.filter));
        this.list.replaceChildren(...(found.length > 0 ? [recordsTable(this.isTail ? [...found].reverse() : found, this.store.zone)] : []));
        if (this.failed === "records") return; // the note says why
        this.note.hidden = found.length > 0;
        this.note.classList.remove("is-error");
        if (this.#lacksPlace()) setText(this.said, "");
        setText(this.note, this.shard === "" ? "Choose a shard."
            : this.#lacksPlace() ? `Type ${this.from === "AT_TIMESTAMP" ? "an instant, 2026-01-31T12:00:00Z," : "a sequence number"} above and press Enter.`
            : this.records.length > 0 ? `None of the ${count(this.records.length)} records read so far has “${this.filter}” in it.`
            : tip ? "There is no record from there on. “Follow” waits for what comes." : "Reading…");
    }
}

/** Which part of all hash keys it has. @param {import("./types.js").StreamShard} shard */
function share(shard) {
    const all = 2n ** 128n;
    const of = BigInt(shard.ending_hash) - BigInt(shard.starting_hash) + 1n;
    return `${Number((of * 10000n) / all) / 100} %`;
}

/** @param {import("./main.js").Page} page */
export function streamsView(page) {
    if (page.store.plan.sources.length === 0) {
        return { root: el("div", { class: "view" }, el("p", { class: "cover" }, "This pipeline reads no stream.")) };
    }
    const browser = new Browser(page);
    return { root: browser.root, shown: (/** @type {URLSearchParams} */ params) => browser.shown(params), back: () => browser.back() };
}
