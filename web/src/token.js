// SPDX-License-Identifier: Apache-2.0
// Where the server wants a token: it comes once, in the address's fragment ("#token=…", which no server sees) or typed in, and is
// exchanged for a cookie that scripts cannot read.

import { el, setText } from "./dom.js";

/** @param {string} token */
async function exchange(token) {
    const answer = await fetch("/api/session", { method: "POST", body: JSON.stringify({ token }),
        headers: { "Content-Type": "application/json", "X-Tapeline": "1" } });
    return answer.ok;
}

/** Resolves when the server has taken a token. @param {HTMLElement} host */
export async function signIn(host) {
    const given = /^#token=(.+)$/.exec(location.hash)?.[1];
    if (given) {
        history.replaceState(null, "", location.pathname + location.search);
        if (await exchange(decodeURIComponent(given))) return;
    }
    await new Promise((resolve) => {
        const input = el("input", { type: "password", class: "search", id: "token", autocomplete: "current-password", required: true });
        const wrong = el("p", { class: "is-notable", role: "alert" });
        host.replaceChildren(el("form", { class: "panel signin", onsubmit: async (/** @type {Event} */ event) => {
            event.preventDefault();
            if (await exchange(input.value)) resolve(null);
            else setText(wrong, "That is not the token.");
        } },
        el("h2", {}, "This dashboard wants its token"),
        el("p", { class: "sub" }, "It is printed where tapeline was started, and in the file that --token-file names."),
        el("label", { for: "token" }, "Token"), input, el("button", { class: "button is-main" }, "Open"), wrong));
        input.focus();
    });
    host.replaceChildren(el("p", { class: "cover", id: "cover" }, "Connecting to the pipeline…"));
}
