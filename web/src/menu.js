// SPDX-License-Identifier: Apache-2.0
// What a panel gives to take away: files, a link, the call that has the same data.

import { el, setText } from "./dom.js";

/** @param {string} name @param {Blob} blob */
export function download(name, blob) {
    const url = URL.createObjectURL(blob);
    const link = el("a", { href: url, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** @param {(string | number | boolean | null | undefined)[][]} rows */
export function csvOf(rows) {
    /** @param {string | number | boolean | null | undefined} cell */
    const quoted = (cell) => {
        const text = cell === null || cell === undefined ? "" : String(cell);
        return /[",\r\n]/.test(text) || (text === "" && cell === "") ? `"${text.replaceAll('"', '""')}"` : text;
    };
    return new Blob([rows.map((row) => `${row.map(quoted).join(",")}\n`).join("")], { type: "text/csv" });
}

/** @param {string} text */
export async function copyText(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        return false; // no permission, or no secure origin
    }
}

/**
 * @param {{text: string, title?: string, run: () => void | Promise<unknown>}[]} items
 * @param {string} label
 */
export function menu(items, label = "Export") {
    const list = el("div", { class: "menu-list" });
    const root = el("details", { class: "menu" }, el("summary", { class: "button" }, label), list);
    for (const item of items) {
        list.append(el("button", { type: "button", class: "menu-item", title: item.title ?? null, onclick: async (/** @type {Event} */ event) => {
            const button = /** @type {HTMLElement} */ (event.currentTarget);
            const copied = await item.run();
            if (typeof copied === "boolean") {
                setText(button, copied ? "Copied" : "No access to the clipboard");
                setTimeout(() => setText(button, item.text), 1500);
            } else root.open = false;
        } }, item.text));
    }
    root.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || !root.open) return;
        event.stopPropagation();
        root.open = false;
        root.querySelector("summary")?.focus();
    });
    root.addEventListener("focusout", (event) => {
        if (event.relatedTarget instanceof Node && !root.contains(event.relatedTarget)) root.open = false;
    });
    return root;
}
