// SPDX-License-Identifier: Apache-2.0
// Elements without markup: every string becomes a text node or an attribute, never HTML (lake.md, E9).

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * @param {Element} node
 * @param {Record<string, unknown>} attributes
 */
function setAttributes(node, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith("on")) {
            node.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
        } else {
            node.setAttribute(name, value === true ? "" : String(value));
        }
    }
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [attributes] "onclick" and the like take a listener
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    setAttributes(node, attributes);
    for (const child of children) if (child) node.append(child);
    return node;
}

/**
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, attributes = {}, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    setAttributes(node, attributes);
    for (const child of children) if (child) node.append(child);
    return node;
}

/** A long name that may be broken behind its dots and underscores, and nowhere else. @param {string} name @returns {Node[]} */
export const breakable = (name) => name.split(/(?<=[._])/).flatMap((part, i) => (i > 0 ? [document.createElement("wbr"), document.createTextNode(part)] : [document.createTextNode(part)]));

/**
 * Sets text only when it differs: an unchanged node costs no layout, and a selection in it survives.
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
}

/**
 * One of several choices, as a group of radio buttons drawn as one strip.
 * @template {string} T
 * @param {{label: string, name: string, options: {value: T, text: string, title?: string}[], value: T,
 *          onchange: (value: T) => void}} spec
 * @returns {HTMLFieldSetElement}
 */
export function choice(spec) {
    const group = el("fieldset", { class: "choice" }, el("legend", { class: "unseen" }, spec.label));
    for (const option of spec.options) {
        const input = el("input", { type: "radio", name: spec.name, value: option.value,
            checked: option.value === spec.value, onchange: () => spec.onchange(option.value) });
        group.append(el("label", { title: option.title ?? null }, input, el("span", {}, option.text)));
    }
    return group;
}
