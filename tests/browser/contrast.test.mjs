// SPDX-License-Identifier: Apache-2.0
// What axe cannot see: the colours on the canvases, by the formulas of WCAG 2.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

// The library writes a label's text black or white by the grey of its ground.
test("lines have 3:1 against their panel, labels and axis texts 4.5:1, in both themes", async () => {
    const [palette, tokens] = await Promise.all(["src/palette.js", "styles/tokens.css"].map((name) => readFile(new URL(`../../web/${name}`, import.meta.url), "utf8")));
    const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    const luminance = (hex) => rgb(hex).map((c) => (c /= 255, c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const contrast = (a, b) => ((x, y) => (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05))(luminance(a), luminance(b));
    const label = (hex) => (rgb(hex).reduce((sum, c, i) => sum + c * [0.199, 0.687, 0.114][i], 0) > 160 ? "#000000" : "#ffffff");
    for (const [theme, at] of [["LIGHT", 0], ["DARK", 1]]) {
        const token = (name) => [...tokens.matchAll(new RegExp(`--${name}: (#[0-9a-f]{6})`, "g"))][at][1];
        const series = [...new RegExp(`const ${theme} = \\[(.*)\\]`).exec(palette)[1].matchAll(/#[0-9a-f]{6}/g)].map(([hex]) => hex);
        assert.equal(new Set(series).size, 7);
        for (const hex of [...series, token("up"), token("down")]) {
            assert.ok(contrast(hex, token("panel")) >= 3, `${theme}: a line of ${hex} has ${contrast(hex, token("panel")).toFixed(2)}`);
            assert.ok(contrast(hex, label(hex)) >= 4.5, `${theme}: a label on ${hex} has ${contrast(hex, label(hex)).toFixed(2)}`);
        }
        for (const name of ["ink", "muted", "up", "down", "warn", "ok"]) assert.ok(contrast(token(name), token("panel")) >= 4.5, `${theme}: --${name} has ${contrast(token(name), token("panel")).toFixed(2)}`);
        for (const name of ["warn", "ok"]) assert.ok(contrast(token(name), token(`${name}-bg`)) >= 4.5, `${theme}: --${name} on its ground`);
        assert.ok(contrast(token("tag"), "#ffffff") >= 4.5, `${theme}: the crosshair's labels`);
    }
});
