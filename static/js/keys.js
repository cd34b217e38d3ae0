// Single keys, for hands that stay on the keyboard. What a key does stands in the page: lines to go through are marked `data-line` in a
// `data-lines`, what a key presses has `data-key`, and what a line opens `data-open`. Where somebody switched them off there are none.
"use strict";

(() => {
    const STEPS = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
    const FIELD = "textarea, select, input:not([type='radio'], [type='checkbox'])";

    const areOn = () => document.querySelector("[data-keys='on']") !== null;
    const list = () => document.getElementById("keys");
    const lines = () => [...document.querySelectorAll("[data-lines] [data-line]")].filter((line) => line.checkVisibility());
    const current = () => document.activeElement?.closest("[data-line]");

    function goTo(line) {
        line.focus({ preventScroll: true });
        line.scrollIntoView({ block: "nearest" });
    }

    // From the line one is in, else from the one that is shown, else to the first.
    function step(by) {
        const all = lines();
        const here = current() ?? all.find((line) => line.matches("[aria-current]"));
        const at = here ? all.indexOf(here) + by : 0;
        const next = all[Math.min(Math.max(at, 0), all.length - 1)];
        if (next) {
            goTo(next);
        }
        return next !== undefined;
    }

    // A key of a line works in the line one is in, or in the only one there is.
    function pressed(key) {
        const marked = [...document.querySelectorAll("[data-key]")].filter((part) => part.dataset.key === key && part.checkVisibility());
        const all = lines();
        const line = current() ?? (all.length === 1 ? all[0] : null);
        return marked.find((part) => line?.contains(part)) ?? marked.find((part) => !part.closest("[data-line]"));
    }

    function press(part) {
        if (part.matches(FIELD)) {
            part.focus();
            part.select?.();
            return;
        }
        part.click();
        // What is chosen takes a word about it.
        if (part.matches("[type='radio']")) {
            (part.form?.querySelector("input[type='text'], textarea") ?? part).focus();
        }
    }

    // Whether the key meant something.
    function take({ key, target }) {
        const line = target.closest("[data-line]");
        // Arrows scroll the page, and go through the choices of a form.
        if (key in STEPS && (key.length === 1 || target === line)) {
            return step(STEPS[key]);
        }
        if (key === "Enter") {
            const opened = target === line ? line?.querySelector("[data-open]") : null;
            opened?.click();
            return Boolean(opened);
        }
        if (key === "?" && list()) {
            list().showModal();
            return true;
        }
        const part = key.length === 1 ? pressed(key) : null;
        if (part) {
            press(part);
        }
        return Boolean(part);
    }

    document.addEventListener("keydown", (event) => {
        const { key, target } = event;
        if (!areOn() || event.isComposing || event.ctrlKey || event.metaKey || event.altKey || list()?.open) {
            return;
        }
        if (target.matches(FIELD) || target.isContentEditable) {
            // Out of the field again, back to its line.
            if (key === "Escape" && target.closest("[data-line]")) {
                goTo(target.closest("[data-line]"));
            }
            return;
        }
        if (take(event)) {
            event.preventDefault();
        }
    });

    document.addEventListener("click", ({ target }) => {
        if (target.closest("[data-opens='keys']")) {
            list()?.showModal();
        } else if (target.closest("[data-closes='keys']")) {
            list()?.close();
        }
    });
    // What needs this script is shown where it runs.
    document.documentElement.dataset.scripted = "";
})();
