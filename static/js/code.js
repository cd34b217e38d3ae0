// The button that has a code sent by e-mail. Whether there is somebody to write to is not told.
"use strict";

// As often as the server takes it.
const BETWEEN_S = 60;

const sendCode = document.getElementById("send-code");

function waitForNext() {
    const usual = sendCode.textContent;
    const until = Date.now() + BETWEEN_S * 1000;
    const write = () => {
        const seconds = Math.ceil((until - Date.now()) / 1000);
        sendCode.disabled = seconds > 0;
        sendCode.textContent = seconds > 0 ? sendCode.dataset.again.replace("{}", seconds) : usual;
        if (seconds <= 0) {
            clearInterval(clock);
        }
    };
    const clock = setInterval(write, 1000);
    write();
}

sendCode?.addEventListener("click", async () => {
    clearProblems();
    const { email, verification_code } = form.elements;
    const body = { email: email.value.trim(), purpose: sendCode.dataset.purpose };
    const { answer } = await post("/api/v1/email-codes", body, sendCode);
    if (answer) {
        const sent = document.getElementById("sent");
        sent.textContent = sendCode.dataset.sent;
        sent.hidden = false;
        verification_code.focus();
        waitForNext();
    }
});
