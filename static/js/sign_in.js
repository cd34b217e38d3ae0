// The sign-in page: begins a session by cookie, then goes where the visitor wanted to.
"use strict";

form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearProblems();
    const { username, password, totp } = form.elements;
    const name = username.value.trim();
    const body = { password: password.value, cookie: true };
    body[name.includes("@") ? "email" : "username"] = name;
    if (totp.value.trim()) {
        body.totp = totp.value.trim();
    }
    const { answer, refused } = await post("/api/v1/sessions", body);
    if (answer) {
        // Checked by the server: an address of its own.
        location.assign(form.dataset.next);
    }
    if (refused === "second_factor_required") {
        document.getElementById("second-factor").hidden = false;
        totp.focus();
    }
});
