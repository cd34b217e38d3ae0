// The set-up page: makes the first administrator, then goes on in the panel.
"use strict";

form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearProblems();
    const { token, username, password } = form.elements;
    if (!isRepeated(password)) {
        return;
    }
    const body = { token: token.value, username: username.value.trim(), password: password.value };
    const { answer } = await post("/api/v1/setup", body);
    if (answer) {
        location.assign(form.dataset.next);
    }
});
