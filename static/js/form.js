// A form that speaks JSON with the API. What is refused is said beside the field that the API names, else above the button.
"use strict";

const form = document.querySelector("main form");
const summary = form.querySelector(".summary");

function clearProblems() {
    for (const place of form.querySelectorAll(".problem, .summary")) {
        place.hidden = true;
        place.textContent = "";
    }
    for (const input of form.querySelectorAll("[aria-invalid]")) {
        input.removeAttribute("aria-invalid");
    }
}

function sayAt(field, text) {
    const input = form.elements.namedItem(field);
    const place = document.getElementById(`${field}-problem`);
    if (!input || !place) {
        return false;
    }
    place.textContent = text;
    place.hidden = false;
    input.setAttribute("aria-invalid", "true");
    input.focus();
    return true;
}

function saySummary(text) {
    summary.textContent = text;
    summary.hidden = false;
}

function sayRefusal({ message, details = {} }) {
    const problem = details.problem ?? message;
    if (details.field && sayAt(details.field, problem)) {
        return;
    }
    const wait = details.retry_after_s && form.dataset.wait.replace("{}", details.retry_after_s);
    const between = document.documentElement.lang.startsWith("zh") ? "" : " ";
    saySummary([message, details.problem, wait].filter(Boolean).join(between));
}

// Whether a new password was typed twice alike; else it is said.
function isRepeated(password) {
    if (password.value === form.elements.repeat.value) {
        return true;
    }
    sayAt("repeat", form.dataset.mismatch);
    return false;
}

// The API's answer, or nothing where it was refused (and said).
async function post(path, body, button = form.querySelector("button:not([type])")) {
    button.disabled = true;
    const headers = { "Content-Type": "application/json", "Accept-Language": document.documentElement.lang };
    if (form.dataset.csrf) {
        headers["X-CSRF-Token"] = form.dataset.csrf;
    }
    try {
        const response = await fetch(path, {
            method: "POST",
            headers,
            body: JSON.stringify(body),
        });
        // What is only taken or done is answered by nothing.
        const text = await response.text();
        const answer = text ? JSON.parse(text) : {};
        if (response.ok) {
            return { answer };
        }
        sayRefusal(answer);
        return { refused: answer.code };
    } catch {
        saySummary(form.dataset.unreachable);
        return { refused: "unreachable" };
    } finally {
        button.disabled = false;
    }
}
