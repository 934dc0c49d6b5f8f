// SPDX-License-Identifier: Apache-2.0
// What the page shows, as its address: "#pipeline", "#live?range=900000&hide=AMD". A link, the back button and a reload all
// lead to the same picture; what a reader changes replaces the entry, and only another view makes a new one.

/** @typedef {(view: string, params: URLSearchParams) => void} Shown */

export class Router {
    /**
     * @param {string[]} views the first is the default
     * @param {Shown} onshow
     */
    constructor(views, onshow) {
        this.views = views;
        this.onshow = onshow;
        this.view = "";
        this.params = new URLSearchParams();
        /** @type {Map<string, string>} what each view had in its address when it was shown last */
        this.kept = new Map();
        addEventListener("hashchange", () => this.#read());
    }

    start() {
        this.#read();
    }

    #read() {
        const [name = "", query = ""] = location.hash.slice(1).split("?", 2);
        this.view = this.views.includes(name) ? name : (this.views[0] ?? "");
        // A tab or a key names a view only: it comes back as it was left, and the address says so.
        this.params = new URLSearchParams(query || this.kept.get(this.view));
        if (query === "" && this.params.size > 0) this.#write();
        this.kept.set(this.view, this.params.toString());
        this.onshow(this.view, this.params);
    }

    /** @param {string} view @param {Record<string, string>} [params] */
    go(view, params = {}) {
        location.hash = address(view, new URLSearchParams(params));
    }

    /** Notes a choice in the address of the view that is shown; null takes it out. @param {string} name @param {string | null} value */
    note(name, value) {
        if (value === null) this.params.delete(name);
        else this.params.set(name, value);
        this.kept.set(this.view, this.params.toString());
        this.#write();
    }

    #write() {
        history.replaceState(null, "", `${location.pathname}${location.search}${address(this.view, this.params)}`);
    }
}

/** @param {string} view @param {URLSearchParams} params */
function address(view, params) {
    const query = params.toString();
    return `#${view}${query ? `?${query}` : ""}`;
}

/** True when the page hangs on a wall: no controls, larger figures. */
export const isKiosk = () => new URLSearchParams(location.search).has("kiosk");
