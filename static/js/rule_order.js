// Rules are put in another order by hand: dragged by their handle, or moved with the arrow keys while the handle has the focus. Without this
// the arrows beside each rule do it.
"use strict";

(() => {
    // Keys that follow each other quickly are one change.
    const SAVE_AFTER_MS = 600;
    // So near to the edge of the window it scrolls.
    const EDGE = 64;
    const SCROLL_BY = 14;

    let drag = null;
    let pending = null;
    let saving = Promise.resolve();
    let changes = 0;

    const rows = (list) => [...list.children];
    const listOf = (row) => row.closest("[data-order]");
    const middle = (row) => {
        const box = row.getBoundingClientRect();
        return box.top + box.height / 2;
    };

    function say(text) {
        document.querySelector(".order-said").textContent = text;
    }

    function sayPlace(place, total) {
        say(document.querySelector(".order-said").dataset.moved.replace("{place}", place).replace("{total}", total));
    }

    function placeOf(row) {
        const list = listOf(row);
        sayPlace(Number(list.dataset.first) + rows(list).indexOf(row), list.dataset.total);
    }

    function showHandles() {
        document.querySelectorAll(".grip[hidden]").forEach((grip) => (grip.hidden = false));
    }

    // Others move around the row, which keeps the focus and the pointer.
    function moveTo(row, at) {
        const list = listOf(row);
        const wanted = Math.max(0, Math.min(at, list.children.length - 1));
        while (rows(list).indexOf(row) < wanted) {
            row.before(row.nextElementSibling);
        }
        while (rows(list).indexOf(row) > wanted) {
            row.after(row.previousElementSibling);
        }
    }

    function neighbour(row) {
        const [before, after] = [row.previousElementSibling, row.nextElementSibling];
        return before ? { after: Number(before.dataset.rule) } : { before: Number(after.dataset.rule) };
    }

    async function put(row) {
        const list = listOf(row);
        const { order, csrf } = list.dataset;
        const seen = changes;
        const path = `${order}/${row.dataset.rule}/move${row.dataset.draft ? "?draft=true" : ""}`;
        const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf, "Accept-Language": document.documentElement.lang };
        try {
            const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(neighbour(row)), keepalive: true });
            const answer = await response.json();
            if (!response.ok) {
                say(answer.details?.problem ?? answer.message);
            } else if (row.dataset.draft) {
                say(row.dataset.draft);
            } else {
                sayPlace(answer.place, answer.total);
            }
        } catch {
            say(document.body.dataset.lost);
            return;
        }
        await showAnew(list, row.dataset.rule, seen);
    }

    // As the server has it now, with what it says of each rule.
    async function showAnew(list, rule, seen) {
        const asked = location.href;
        const response = await fetch(asked, { headers: { Accept: "text/html" } }).catch(() => null);
        const text = response?.ok ? await response.text() : "";
        const fresh = new DOMParser().parseFromString(text, "text/html").getElementById(list.id);
        // Somebody may have gone on meanwhile.
        if (!fresh || asked !== location.href || !list.isConnected || drag || pending || seen !== changes) {
            return;
        }
        const hadFocus = list.contains(document.activeElement);
        list.replaceWith(document.adoptNode(fresh));
        htmx.process(fresh);
        showHandles();
        if (hadFocus) {
            fresh.querySelector(`[data-rule="${rule}"] .grip`)?.focus();
        }
    }

    function save(row) {
        changes += 1;
        // One after the other: each is told of its neighbours as they are then.
        saving = saving.then(() => (row.isConnected ? put(row) : null));
    }

    function saveSoon(row) {
        clearTimeout(pending?.timer);
        pending = { row, timer: setTimeout(saveNow, SAVE_AFTER_MS) };
    }

    function saveNow() {
        if (pending) {
            clearTimeout(pending.timer);
            const { row } = pending;
            pending = null;
            save(row);
        }
    }

    function begin(event) {
        const grip = event.target.closest?.(".grip");
        if (!grip || event.button !== 0 || drag) {
            return;
        }
        const row = grip.closest("[data-rule]");
        saveNow();
        drag = { row, grip, from: rows(listOf(row)).indexOf(row) };
        grip.setPointerCapture(event.pointerId);
        row.classList.add("dragged");
    }

    function follow(event) {
        if (!drag) {
            return;
        }
        const { row } = drag;
        const y = event.clientY;
        while (row.nextElementSibling && y > middle(row.nextElementSibling)) {
            row.before(row.nextElementSibling);
        }
        while (row.previousElementSibling && y < middle(row.previousElementSibling)) {
            row.after(row.previousElementSibling);
        }
        if (y < EDGE) {
            scrollBy(0, -SCROLL_BY);
        } else if (y > innerHeight - EDGE) {
            scrollBy(0, SCROLL_BY);
        }
    }

    function end(isDropped) {
        if (!drag) {
            return;
        }
        const { row, grip, from } = drag;
        drag = null;
        row.classList.remove("dragged");
        if (!isDropped) {
            moveTo(row, from);
        } else if (rows(listOf(row)).indexOf(row) !== from) {
            grip.focus();
            placeOf(row);
            save(row);
        }
    }

    function press(event) {
        if (drag && event.key === "Escape") {
            end(false);
            return;
        }
        const grip = event.target.closest?.(".grip");
        const row = grip?.closest("[data-rule]");
        if (!row || drag) {
            return;
        }
        const at = rows(listOf(row)).indexOf(row);
        const wanted = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: rows(listOf(row)).length - 1 }[event.key];
        if (wanted === undefined) {
            return;
        }
        event.preventDefault();
        moveTo(row, wanted);
        placeOf(row);
        if (rows(listOf(row)).indexOf(row) !== at) {
            saveSoon(row);
        }
    }

    document.addEventListener("pointerdown", begin);
    document.addEventListener("pointermove", follow);
    document.addEventListener("pointerup", () => end(true));
    document.addEventListener("pointercancel", () => end(false));
    document.addEventListener("keydown", press);
    document.addEventListener("focusout", ({ target }) => {
        if (target.matches(".grip")) {
            saveNow();
        }
    });
    document.addEventListener("htmx:afterSettle", showHandles);
    if (document.readyState === "loading") {
        document.addEventListener("DOMContentLoaded", showHandles);
    } else {
        showHandles();
    }
})();
