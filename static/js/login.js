// How an account gets in: begins a login and shows its steps as they happen. The login's number is kept in the address, so that a tab that
// was closed can be opened again.
"use strict";

const POLL_MS = 1500;

// Whoever pauses so long while typing is told what is missing.
const CHECK_AFTER_MS = 350;

// Less than this is little time to scan a code.
const SOON_MS = 60000;

// Where the platform keeps the pictures of its users, as the page's content policy has it.
const PICTURE = /^https:\/\/([a-z0-9-]+\.)+alicdn\.com\//;

const page = document.getElementById("login");
const part = (id) => document.getElementById(id);
const alertBox = page.querySelector(".summary[role='alert']");

// This machine's clock may be wrong: how far the server's is ahead of it.
const ahead = Number(page.dataset.now) - Date.now();

// Each step of the API belongs to one of the three that a person sees.
const STAGES = { preparing: 1, qr: 1, check: 1, proving: 2, challenge: 2, complete: 3 };

let clock = 0;
let checking = 0;
let checks = 0;
let shownCode = "";
let shownFace = "";

function say(text) {
    alertBox.textContent = text;
    alertBox.hidden = !text;
}

function clearProblems() {
    say("");
    for (const place of page.querySelectorAll(".problem")) {
        place.hidden = true;
        place.textContent = "";
    }
    for (const input of page.querySelectorAll("[aria-invalid]")) {
        input.removeAttribute("aria-invalid");
    }
}

function sayRefusal({ message, details = {} }) {
    const place = details.field && part(`${details.field}-problem`);
    if (place) {
        place.textContent = details.problem ?? message;
        place.hidden = false;
        const input = part(details.field);
        const more = input.closest("details");
        if (more) {
            more.open = true;
        }
        input.setAttribute("aria-invalid", "true");
        input.focus();
        return;
    }
    const wait = details.retry_after_s && page.dataset.wait.replace("{}", details.retry_after_s);
    say([message, wait].filter(Boolean).join(" "));
}

// The API's answer; nothing where it was refused. What is asked `quietly` is no loss where it fails.
async function ask(method, path, body, quietly) {
    const headers = { "Accept-Language": document.documentElement.lang };
    if (method !== "GET") {
        headers["X-CSRF-Token"] = page.dataset.csrf;
    }
    if (body) {
        headers["Content-Type"] = "application/json";
    }
    let response;
    try {
        response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    } catch {
        if (!quietly) {
            say(page.dataset.unreachable);
        }
        return { lost: true };
    }
    if (response.status === 204) {
        return {};
    }
    const answer = await response.json();
    if (response.ok) {
        return { answer };
    }
    return { refused: answer, status: response.status };
}

// What the server makes of the cookie so far. It asks nobody and keeps nothing.
async function check() {
    checks += 1;
    const mine = checks;
    const cookie = part("cookie").value.trim();
    if (!cookie) {
        showCheck(null);
        return;
    }
    const body = { cookie };
    if (page.dataset.account) {
        body.account_id = Number(page.dataset.account);
    }
    const { answer } = await ask("POST", "/api/v1/logins/cookie-check", body, true);
    // Somebody may have gone on typing, or begun the login.
    if (mine === checks && !part("choose").hidden) {
        showCheck(answer ?? null);
    }
}

function showCheck(found) {
    const problem = part("cookie-problem");
    problem.textContent = found?.problem ?? "";
    problem.hidden = !found?.problem;
    part("cookie").removeAttribute("aria-invalid");
    const good = part("cookie-good");
    good.hidden = !found?.usable;
    good.textContent = found?.usable ? page.dataset.usable.replace("{}", found.seller_id) : "";
    const parts = part("cookie-parts");
    parts.hidden = !found?.parts.length;
    parts.replaceChildren(...(found?.parts ?? []).map(partLine));
}

function partLine({ name, present, required, purpose }) {
    const line = document.createElement("li");
    const mark = document.createElement("span");
    mark.className = `chip ${present ? "good" : required ? "bad" : ""}`;
    mark.textContent = present ? page.dataset.has : required ? page.dataset.lacks : page.dataset.mayLack;
    const code = document.createElement("code");
    code.textContent = name;
    code.translate = false;
    line.append(mark, code, purpose);
    return line;
}

async function begin(kind) {
    checks += 1;
    clearTimeout(checking);
    clearProblems();
    const body = { kind };
    for (const field of kind === "cookies" ? ["cookie", "name", "proxy"] : ["name", "proxy"]) {
        const text = part(field)?.value.trim();
        if (text) {
            body[field] = text;
        }
    }
    if (page.dataset.account) {
        body.account_id = Number(page.dataset.account);
    }
    const { answer, refused } = await ask("POST", "/api/v1/logins", body);
    if (refused) {
        sayRefusal(refused);
    } else if (answer) {
        part("cookie").value = "";
        showCheck(null);
        remember(answer.id);
        follow(answer);
    }
}

function remember(id) {
    page.dataset.login = id;
    const url = new URL(location.href);
    if (id) {
        url.searchParams.set("login", id);
    } else {
        url.searchParams.delete("login");
    }
    history.replaceState(null, "", url);
}

function follow(view) {
    show(view);
    if (view.step !== "complete" && view.step !== "failed") {
        setTimeout(look, POLL_MS);
    }
}

async function look() {
    const id = page.dataset.login;
    if (!id) {
        return;
    }
    const { answer, refused, status, lost } = await ask("GET", `/api/v1/logins/${encodeURIComponent(id)}`);
    if (id !== page.dataset.login) {
        return;
    }
    if (answer) {
        say("");
        follow(answer);
    } else if (lost || status >= 500 || status === 429) {
        setTimeout(look, POLL_MS);
    } else if (refused) {
        choose();
        say(page.dataset.over);
    }
}

// Back to where one chooses how.
function choose() {
    remember("");
    tick(0);
    stand(0);
    part("step").hidden = true;
    part("choose").hidden = false;
}

// Marks the step at which it stands; what is behind it is done.
function stand(stage) {
    [...part("steps").children].forEach((step, number) => {
        step.classList.toggle("done", number < stage);
        if (number === stage) {
            step.setAttribute("aria-current", "step");
        } else {
            step.removeAttribute("aria-current");
        }
    });
}

function show(view) {
    part("choose").hidden = true;
    part("step").hidden = false;
    part("step").dataset.step = view.step;
    if (view.step in STAGES) {
        stand(STAGES[view.step]);
    }
    part("sentence").textContent = view.sentence;
    part("next").textContent = view.next;
    part("nickname").textContent = view.nickname ?? "";
    part("who").hidden = !view.nickname;
    showFace(PICTURE.test(view.picture ?? "") ? view.picture : "");
    const isCode = view.step === "qr";
    // A fresh code has the same address: what was read at another time is not shown again.
    const code = isCode ? `${view.id} ${view.code_number}` : "";
    if (code !== shownCode) {
        shownCode = code;
        part("code").src = isCode ? `${view.code_svg}?n=${view.code_number}` : "";
    }
    part("code").hidden = !isCode;
    part("code").classList.toggle("scanned", view.scanned === true);
    const check = part("check");
    check.hidden = view.step !== "check";
    if (!check.hidden) {
        check.href = view.check_url;
    }
    const challenge = part("challenge");
    challenge.hidden = view.step !== "challenge";
    if (!challenge.hidden) {
        challenge.href = `/app/accounts/${view.account_id}/mend`;
    }
    const added = part("added");
    added.hidden = view.step !== "complete";
    if (!added.hidden) {
        added.href = `/app/accounts/${view.account_id}`;
    }
    const isOver = view.step === "complete" || view.step === "failed";
    part("end").hidden = isOver;
    if (part("onward")) {
        part("onward").hidden = view.step !== "complete";
    }
    const restart = part("restart");
    restart.hidden = !isOver;
    restart.textContent = view.step === "complete" ? restart.dataset.another : restart.dataset.again;
    tick(isOver ? 0 : view.expires_at);
}

// The seller's picture, once it has come. Without one the name is enough.
function showFace(url) {
    const face = part("face");
    if (url === shownFace) {
        return;
    }
    shownFace = url;
    face.hidden = true;
    face.src = url;
}

// The clock of the step, by the server's own; the bar is full when the clock was first seen.
function tick(until) {
    clearInterval(clock);
    const place = part("left");
    place.hidden = until === 0;
    if (until === 0) {
        return;
    }
    const left = () => Math.max(0, until - Date.now() - ahead);
    const life = part("life");
    if (life.dataset.until !== String(until)) {
        life.dataset.until = until;
        life.max = Math.max(1, left());
    }
    const write = () => {
        const seconds = Math.round(left() / 1000);
        const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
        part("clock").textContent = page.dataset.left.replace("{}", text);
        life.value = left();
        place.classList.toggle("soon", left() < SOON_MS);
    };
    write();
    clock = setInterval(write, 1000);
}

part("face").addEventListener("load", () => {
    part("face").hidden = false;
});
part("show-code").addEventListener("click", () => begin("qr"));
part("cookie").addEventListener("input", () => {
    clearTimeout(checking);
    checking = setTimeout(check, CHECK_AFTER_MS);
});
part("paste").addEventListener("submit", (event) => {
    event.preventDefault();
    begin("cookies");
});
part("end").addEventListener("click", async () => {
    await ask("DELETE", `/api/v1/logins/${encodeURIComponent(page.dataset.login)}`);
    look();
});
part("restart").addEventListener("click", () => {
    clearProblems();
    choose();
});

if (page.dataset.login) {
    look();
}
