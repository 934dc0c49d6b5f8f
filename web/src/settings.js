// SPDX-License-Identifier: Apache-2.0
// What the reader chose and wants to find again: theme and time zone. Kept in the browser only.

/**
 * @param {string} name
 * @param {string[]} allowed the first is the default
 */
export function load(name, allowed) {
    try {
        const value = localStorage.getItem(`tapeline.${name}`);
        if (value !== null && allowed.includes(value)) return value;
    } catch {
        // Storage is switched off: choices last as long as the page.
    }
    return allowed[0] ?? "";
}

/**
 * @param {string} name
 * @param {string} value
 */
export function save(name, value) {
    try {
        localStorage.setItem(`tapeline.${name}`, value);
    } catch {
        // As above.
    }
}
