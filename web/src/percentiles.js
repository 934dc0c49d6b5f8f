// SPDX-License-Identifier: Apache-2.0
// Percentiles of the newest values: a ring, sorted when asked.

export class Percentiles {
    /** @param {number} size */
    constructor(size) {
        this.values = new Float64Array(size);
        this.count = 0;
    }

    /** @param {number} value */
    add(value) {
        this.values[this.count++ % this.values.length] = value;
    }

    figures() {
        const sorted = this.values.slice(0, Math.min(this.count, this.values.length)).sort();
        /** @param {number} q */
        const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
        return { count: sorted.length, p50_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99) };
    }
}
