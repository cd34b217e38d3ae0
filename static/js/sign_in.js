// The sign-in page: begins a session by cookie, then goes where the visitor wanted to.
"use strict";

// By password, or by the code of a letter: the page has the fields of one of them.
function proof({ username, password, email, verification_code }) {
    if (email) {
        return { email: email.value.trim(), verification_code: verification_code.value.trim() };
    }
    const name = username.value.trim();
    return { [name.includes("@") ? "email" : "username"]: name, password: password.value };
}

form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearProblems();
    const { totp } = form.elements;
    const body = { ...proof(form.elements), cookie: true };
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
