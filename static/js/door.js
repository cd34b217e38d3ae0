// The forms at the door, without loading their page anew: what was typed stays. The form is sent as a browser without script sends it, and
// the page that answers says what is wrong.
"use strict";

// As often as the server takes it.
const BETWEEN_S = 60;

const form = document.querySelector("main form");
const sendCode = document.getElementById("send-code");
let isWaiting = false;

function say(place, text) {
    place.textContent = text;
    place.hidden = !text;
}

function sayWrong(input, text) {
    say(document.getElementById(`${input.id}-problem`), text);
    if (text) {
        input.setAttribute("aria-invalid", "true");
    } else {
        input.removeAttribute("aria-invalid");
    }
}

// What the answer says, each in its place here. Whether a code is on its way.
function takeOver(answer) {
    for (const input of form.querySelectorAll("input[id]")) {
        sayWrong(input, answer.getElementById(`${input.id}-problem`)?.textContent ?? "");
    }
    say(document.getElementById("summary"), answer.getElementById("summary").textContent);
    const asked = answer.getElementById("second-factor");
    if (asked) {
        document.getElementById("second-factor").hidden = asked.hidden;
        form.elements.totp.required = !asked.hidden;
    }
    const sent = answer.getElementById("sent");
    if (sent) {
        say(document.getElementById("sent"), sent.textContent);
    }
    goOn();
    return Boolean(sent?.textContent);
}

// To what is wrong, else to what is still to be filled in.
function goOn() {
    const inputs = [...form.querySelectorAll("input[id]")].filter((input) => input.offsetParent !== null);
    const next = inputs.find((input) => input.hasAttribute("aria-invalid")) ?? inputs.find((input) => !input.value);
    next?.focus();
}

function waitForNext() {
    const usual = sendCode.textContent;
    const until = Date.now() + BETWEEN_S * 1000;
    isWaiting = true;
    const write = () => {
        const seconds = Math.ceil((until - Date.now()) / 1000);
        isWaiting = seconds > 0;
        sendCode.disabled = isWaiting;
        sendCode.textContent = isWaiting ? sendCode.dataset.again.replace("{}", seconds) : usual;
        if (!isWaiting) {
            clearInterval(clock);
        }
    };
    const clock = setInterval(write, 1000);
    write();
}

// Without a request where a new password was not typed twice alike.
function isRepeated() {
    const repeat = form.elements.repeat;
    const password = form.elements.new_password ?? form.elements.password;
    if (!repeat || repeat.value === password.value) {
        return true;
    }
    sayWrong(repeat, form.dataset.mismatch);
    repeat.focus();
    return false;
}

async function send(fields) {
    const response = await fetch(form.action, {
        method: "POST",
        headers: { Accept: "text/html" },
        body: new URLSearchParams(fields),
        redirect: "manual",
    });
    if (response.type === "opaqueredirect") {
        // Checked by the server: an address of its own.
        location.assign(form.dataset.next);
        return;
    }
    const answer = new DOMParser().parseFromString(await response.text(), "text/html");
    if (answer.getElementById("summary")) {
        if (takeOver(answer)) {
            waitForNext();
        }
    } else if (response.status === 429 || response.status >= 500) {
        // It passes: what was typed is good for another try.
        say(document.getElementById("summary"), answer.querySelector(".lead").textContent);
    } else {
        show(answer.querySelector("main"));
    }
}

// In place of the form: there is nothing to fill in any more, and this says why.
function show(main) {
    document.querySelector("main").replaceWith(document.adoptNode(main));
    const title = main.querySelector("h1");
    title.tabIndex = -1;
    title.focus();
}

function setBusy(isBusy) {
    for (const button of form.querySelectorAll("button")) {
        button.disabled = isBusy || (button === sendCode && isWaiting);
    }
}

form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { submitter } = event;
    if (submitter !== sendCode && !isRepeated()) {
        return;
    }
    const fields = new FormData(form);
    if (submitter?.name) {
        fields.append(submitter.name, submitter.value);
    }
    setBusy(true);
    try {
        await send(fields);
    } catch {
        say(document.getElementById("summary"), form.dataset.unreachable);
    } finally {
        setBusy(false);
    }
});
