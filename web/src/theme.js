// SPDX-License-Identifier: Apache-2.0
// Sets the chosen theme before the first paint, so that a dark page never flashes white. A file of its own, because the
// page's policy allows no inline script.
(() => {
    let theme = null;
    try {
        theme = localStorage.getItem("tapeline.theme");
    } catch {
        // Storage is switched off: the system's theme it is.
    }
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
