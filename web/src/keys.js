// SPDX-License-Identifier: Apache-2.0
// Keys that work anywhere on the page, and the dialog that lists them. Single letters can be switched off there, for those whose
// input device or speech makes them by accident (WCAG 2.1.4).

import { el } from "./dom.js";
import { load, save } from "./settings.js";

const LIST = [
    ["1 … 6", "the views, in their order"], ["?", "this list"], ["p", "pause or resume"], ["n", "go to now"],
    ["Tab", "to charts, tables, buttons"], ["← →", "on a chart: along the points"], ["↑ ↓", "on a chart: between the series"],
    ["Home End", "on a chart: first and newest point"], ["Enter", "on a chart: where the point comes from"],
    ["z", "on a chart: select a span to zoom into, with ← → and Enter"], ["Esc", "leave a point, close what is open"],
    ["Ctrl+Enter", "in the SQL editor: run"],
];

/** @param {EventTarget | null} target */
function takesText(target) {
    return target instanceof HTMLElement && (target.isContentEditable || target.shadowRoot !== null
        || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && !/^(radio|checkbox|button)$/.test(target.getAttribute("type") ?? ""));
}

/**
 * @param {Record<string, () => void>} actions by key
 * @returns {() => void} opens the list
 */
export function globalKeys(actions) {
    let on = load("keys", ["on", "off"]) === "on";
    const box = el("input", { type: "checkbox", id: "single-keys", checked: on, onchange: () => {
        on = box.checked;
        save("keys", on ? "on" : "off");
    } });
    const dialog = el("dialog", { class: "dialog", "aria-labelledby": "keys-title" },
        el("h2", { id: "keys-title" }, "Keys"),
        el("dl", { class: "keys" }, ...LIST.map(([key, what]) => el("div", {}, el("dt", {}, el("kbd", {}, key ?? "")), el("dd", {}, what ?? "")))),
        el("p", { class: "field" }, box, el("label", { for: "single-keys" }, "Keys of one letter are on")),
        el("p", { class: "sub" }, "Nothing on this page leaves this machine: no request goes anywhere but to its own server."),
        el("form", { method: "dialog" }, el("button", { class: "button", value: "close" }, "Close")));
    document.body.append(dialog);
    const open = () => dialog.showModal();
    addEventListener("keydown", (event) => {
        if (!on || event.ctrlKey || event.metaKey || event.altKey || takesText(event.target) || dialog.open) return;
        const action = event.key === "?" ? open : actions[event.key];
        if (!action) return;
        event.preventDefault();
        action();
    });
    return open;
}
