// SPDX-License-Identifier: Apache-2.0
// The server's CSV as rows of texts: exact, however long a number is; NULL is an empty field, an empty text is "".

/** @param {string} text @returns {(string | null)[][]} */
export function parseCsv(text) {
    /** @type {(string | null)[][]} */
    const rows = [];
    /** @type {(string | null)[]} */
    let row = [];
    let at = 0;
    while (at < text.length) {
        let cell = "";
        let quoted = false;
        if (text[at] === '"') {
            quoted = true;
            at++;
            for (;;) {
                const end = text.indexOf('"', at);
                if (end < 0) throw new Error("the result is cut short");
                cell += text.slice(at, end);
                at = end + 1;
                if (text[at] !== '"') break;
                cell += '"';
                at++;
            }
        } else {
            const start = at;
            while (at < text.length && text[at] !== "," && text[at] !== "\n" && text[at] !== "\r") at++;
            cell = text.slice(start, at);
        }
        row.push(cell === "" && !quoted ? null : cell);
        if (text[at] === ",") {
            at++;
            if (at === text.length) row.push(null);
            continue;
        }
        if (text[at] === "\r") at++;
        at++;
        rows.push(row);
        row = [];
    }
    if (row.length > 0) rows.push(row);
    return rows;
}

const NUMBER = /^-?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const INSTANT = /^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|\+00(:00)?)?)?$/;

/** @param {(string | null)[][]} rows without the head @param {number} column @returns {"number" | "instant" | "text"} */
export function kindOf(rows, column) {
    let kind = /** @type {"number" | "instant" | "text" | null} */ (null);
    for (const row of rows) {
        const cell = row[column];
        if (cell === null || cell === undefined) continue;
        const own = NUMBER.test(cell) ? "number" : INSTANT.test(cell) ? "instant" : "text";
        if (kind !== null && own !== kind) return "text";
        kind = own;
    }
    return kind ?? "text";
}

/** Milliseconds of "2025-09-27 12:34:00", which is UTC. @param {string} text */
export const instantOf = (text) => Date.parse(`${text.replace(" ", "T").replace(/(Z|\+00(:00)?)$/, "")}${text.length > 10 ? "Z" : ""}`);
