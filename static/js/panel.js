// The panel's own script: what is live, charts, and what makes hands faster. Every page works without it.
"use strict";

(() => {
    const LISTEN_AGAIN_MS = [500, 1000, 2000, 5000, 10000];
    const SHOW_AFTER_MS = 250;
    const SHOW_EVERY_MS = 1000;
    const HEIGHT = 170;

    // A page with a script of its own is loaded as a whole.
    const ALONE = 'data-alone="true"';

    let socket = null;
    let failures = 0;
    let pending = 0;
    let shownAt = 0;
    let isToBeRepeated = false;
    let wasLost = false;
    let repeating = 0;

    // Which topics the parts of this page live on.
    function topics() {
        const named = [...document.querySelectorAll("[data-live]")].flatMap((part) => part.dataset.live.split(" "));
        return [...new Set(named)].filter(Boolean);
    }

    function isBusy(part) {
        const active = document.activeElement;
        const isWriting = part.contains(active) && active.matches("input, textarea, select");
        return isWriting || part.querySelector("details[open] > .pop") !== null;
    }

    // What the server said last of a part: what is as it was is left alone.
    const saidOf = new WeakMap();

    // Shows anew what is live, as the server shows it now; and beside it how much waits elsewhere.
    async function showAnew() {
        const followed = "[data-live][id], [data-again][id], [data-counts][id]";
        const parts = [...document.querySelectorAll(followed)].filter((part) => !isBusy(part));
        const asked = location.href;
        let fresh;
        try {
            const response = await fetch(asked, { headers: { Accept: "text/html" } });
            const text = await response.text();
            if (response.redirected || !response.ok || !text.includes('class="panel"')) {
                location.reload();
                return;
            }
            fresh = new DOMParser().parseFromString(text, "text/html");
        } catch {
            say(document.body.dataset.lost, false);
            again();
            return;
        }
        // Somebody may have gone on meanwhile, or begun to write.
        if (asked === location.href) {
            parts.filter((part) => part.isConnected && !isBusy(part)).forEach((part) => replace(part, fresh.getElementById(part.id)));
        }
        again();
    }

    function replace(part, fresh) {
        if (!fresh || saidOf.get(part) === fresh.outerHTML) {
            return;
        }
        // What a form keeps from being shown anew: that it was overtaken is said.
        if (part.dataset.now !== undefined) {
            part.hidden = part.dataset.now === fresh.dataset.now;
            return;
        }
        const said = fresh.outerHTML;
        const reading = part.querySelector("[data-end]");
        const isAtEnd = reading && reading.scrollHeight - reading.scrollTop - reading.clientHeight < 40;
        // What was opened, or closed, by hand stays so; and the hand stays where it is.
        const wasOpen = new Map();
        for (const summary of part.querySelectorAll("details > summary")) {
            const name = summary.textContent.trim();
            wasOpen.set(name, wasOpen.get(name) || summary.parentElement.open);
        }
        const reachable = "a, button, summary";
        const hand = part.contains(document.activeElement) ? document.activeElement : null;
        const [address, place] = [addressOf(hand), [...part.querySelectorAll(reachable)].indexOf(hand)];
        part.replaceWith(document.adoptNode(fresh));
        saidOf.set(fresh, said);
        for (const summary of fresh.querySelectorAll("details > summary")) {
            const name = summary.textContent.trim();
            if (wasOpen.has(name)) {
                summary.parentElement.open = wasOpen.get(name);
            }
        }
        const read = fresh.querySelector("[data-end]");
        if (read && reading) {
            read.scrollTop = isAtEnd ? read.scrollHeight : reading.scrollTop;
        }
        fresh.querySelectorAll("[data-chart]").forEach(draw);
        htmx.process(fresh);
        if (hand) {
            (address ? fresh.querySelector(address) : fresh.querySelectorAll(reachable)[place])?.focus({ preventScroll: true });
        }
    }

    // How the same thing is found again in what takes its place; empty: by its place alone.
    function addressOf(element) {
        if (!element) {
            return "";
        }
        return element.id ? `#${CSS.escape(element.id)}` : element.matches("a[href]") ? `a[href="${CSS.escape(element.getAttribute("href"))}"]` : "";
    }

    // Much that happens at once is shown once, and not more often than every second.
    function soon() {
        if (pending) {
            isToBeRepeated = true;
            return;
        }
        pending = setTimeout(showAnew, Math.max(SHOW_AFTER_MS, shownAt + SHOW_EVERY_MS - Date.now()));
    }

    function again() {
        pending = 0;
        shownAt = Date.now();
        if (isToBeRepeated) {
            isToBeRepeated = false;
            soon();
        }
        repeat();
    }

    // What takes long says in how many seconds it is to be looked at again, as long as it takes.
    function repeat() {
        clearTimeout(repeating);
        const waits = [...document.querySelectorAll("[data-again][id]")].map((part) => Number(part.dataset.again));
        const wait = Math.min(...waits.filter((seconds) => seconds > 0));
        if (Number.isFinite(wait)) {
            repeating = setTimeout(soon, wait * 1000);
        }
    }

    function say(text, isBack) {
        const place = document.querySelector(".lost");
        if (!place) {
            return;
        }
        place.textContent = text;
        place.hidden = !text;
        place.classList.toggle("back", isBack);
    }

    function listen() {
        const wanted = topics();
        if (socket) {
            socket.onclose = null;
            socket.close();
            socket = null;
        }
        if (wanted.length === 0) {
            return;
        }
        const scheme = location.protocol === "https:" ? "wss" : "ws";
        const query = new URLSearchParams({ topics: wanted.join(",") });
        const opened = new WebSocket(`${scheme}://${location.host}/api/v1/live?${query}`);
        socket = opened;
        opened.onopen = () => {
            failures = 0;
            if (wasLost) {
                wasLost = false;
                say(document.body.dataset.back, true);
                setTimeout(() => say("", false), 4000);
                showAnew();
            }
        };
        opened.onmessage = ({ data }) => {
            const { type, mark } = JSON.parse(data);
            // Between the page and the subscription something may have happened, too.
            const isLate = type === "subscribed" && mark !== document.getElementById("main").dataset.mark;
            if (isLate || type === "event" || type === "gap") {
                soon();
            }
        };
        opened.onclose = () => {
            wasLost = true;
            failures += 1;
            if (failures > 1) {
                say(document.body.dataset.lost, false);
            }
            setTimeout(listen, LISTEN_AGAIN_MS[Math.min(failures, LISTEN_AGAIN_MS.length) - 1]);
        };
    }

    // A chart from the table it stands in: the first column is time or name, the others are lines.
    function draw(figure) {
        const table = figure.querySelector("table");
        if (!table || figure.querySelector(".uplot")) {
            return;
        }
        const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
        const rows = [...table.tBodies[0].rows].map((row) => [...row.cells]);
        const labels = rows.map((cells) => cells[0].textContent.trim());
        const columns = names.slice(1).map((_, at) => rows.map((cells) => Number(cells[at + 1].dataset.value ?? cells[at + 1].textContent)));
        const style = getComputedStyle(document.body);
        const colours = ["--brand", "--warm", "--quiet"].map((name) => style.getPropertyValue(name).trim());
        const bars = uPlot.paths.bars({ size: [0.6, 48] });
        const place = document.createElement("div");
        place.setAttribute("aria-hidden", "true");
        table.before(place);
        const width = () => Math.max(240, figure.clientWidth);
        const chart = new uPlot(
            {
                width: width(),
                height: HEIGHT,
                legend: { show: false },
                cursor: { show: false },
                scales: { x: { time: false, range: [-0.6, labels.length - 0.4] }, y: { range: (_, low, high) => [0, Math.max(high, 4) * 1.1] } },
                axes: [
                    { values: (_, splits) => splits.map((at) => labels[at] ?? ""), splits: () => labels.map((_, at) => at), grid: { show: false }, stroke: colours[2], ticks: { show: false } },
                    { stroke: colours[2], grid: { stroke: style.getPropertyValue("--line").trim(), width: 1 }, ticks: { show: false }, size: 44 },
                ],
                series: [{}, ...columns.map((_, at) => (at === 0 ? { fill: colours[0], stroke: colours[0], width: 0, paths: bars, points: { show: false } } : { stroke: colours[at % 3], width: 2, points: { show: false } }))],
            },
            [labels.map((_, at) => at), ...columns],
            place,
        );
        new ResizeObserver(() => chart.setSize({ width: width(), height: HEIGHT })).observe(figure);
    }

    // A form that came back is seen: the first field that is wrong has the focus.
    function lookAtProblem(root) {
        const wrong = root.querySelector("[aria-invalid='true']");
        if (wrong) {
            wrong.closest("details")?.setAttribute("open", "");
            wrong.focus();
        }
    }

    // The number of what became of a form has done its work once the page is shown.
    function forgetForm() {
        const url = new URL(location.href);
        const done = ["kept", "lang", "theme", "keys"].filter((name) => url.searchParams.has(name));
        if (done.length > 0) {
            done.forEach((name) => url.searchParams.delete(name));
            history.replaceState(history.state, "", url);
        }
    }

    // What is being written stays while one looks elsewhere, until it is sent.
    const drafts = (root) => root.querySelectorAll("textarea[data-draft]");
    const draftOf = (area) => `draft ${location.pathname} ${area.name}`;

    function begin() {
        forgetForm();
        drafts(document).forEach((area) => (area.value ||= sessionStorage.getItem(draftOf(area)) ?? ""));
        document.querySelectorAll("[data-chart]").forEach(draw);
        lookAtProblem(document);
        const end = document.querySelector("[data-end]");
        if (end) {
            end.scrollTop = end.scrollHeight;
        }
        listen();
        repeat();
    }

    // One menu is open at a time, and closes by a click elsewhere or by Escape.
    document.addEventListener("click", ({ target }) => {
        for (const menu of document.querySelectorAll("details[open]:has(> .pop)")) {
            if (!menu.contains(target)) {
                menu.removeAttribute("open");
            }
        }
    });
    document.addEventListener("keydown", (event) => {
        if (event.key === "Escape") {
            document.querySelectorAll("details[open]:has(> .pop)").forEach((menu) => {
                menu.removeAttribute("open");
                menu.querySelector("summary").focus();
            });
        }
        // Ctrl or Command and Enter sends what is being written, and of a form with parts the part that it stands in.
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("textarea")) {
            event.target.form?.requestSubmit(event.target.closest(".pop")?.querySelector("button.main[name='_part']"));
        }
    });
    // A choice in a form of search takes effect at once.
    document.addEventListener("change", ({ target }) => {
        if (target.matches("form[data-at-once] select, form[data-at-once] input[type='checkbox']")) {
            target.form.requestSubmit();
        }
    });

    document.addEventListener("input", ({ target }) => {
        if (target.matches("textarea[data-draft]")) {
            sessionStorage.setItem(draftOf(target), target.value);
        }
    });
    document.addEventListener("submit", ({ target }) => drafts(target).forEach((area) => sessionStorage.removeItem(draftOf(area))));

    document.addEventListener("htmx:afterSettle", ({ detail }) => {
        if (detail.target === document.body || detail.elt === document.body) {
            begin();
        } else {
            detail.elt.querySelectorAll?.("[data-chart]").forEach(draw);
        }
    });
    // A session that is over, or a page that is none of ours: the browser goes there by itself.
    document.addEventListener("htmx:beforeSwap", (event) => {
        const { xhr, boosted } = event.detail;
        const isPanel = xhr.status === 200 && xhr.responseText.includes('class="panel"') && !xhr.responseText.includes(ALONE);
        if (!isPanel) {
            event.detail.shouldSwap = false;
            if (xhr.status === 401 || boosted) {
                location.assign(xhr.responseURL || location.href);
            }
        }
    });
    document.addEventListener("htmx:sendError", () => say(document.body.dataset.lost, false));

    if (document.readyState === "loading") {
        document.addEventListener("DOMContentLoaded", begin);
    } else {
        begin();
    }
})();
