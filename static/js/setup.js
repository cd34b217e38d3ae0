// The set-up page: makes the first administrator, then says what comes next.
"use strict";

form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearProblems();
    const { token, username, password, repeat } = form.elements;
    if (password.value !== repeat.value) {
        sayAt("repeat", form.dataset.mismatch);
        return;
    }
    const body = { token: token.value, username: username.value.trim(), password: password.value };
    const { answer } = await post("/api/v1/setup", body);
    if (!answer) {
        return;
    }
    document.getElementById("made").textContent = answer.user.name;
    document.getElementById("ask").hidden = true;
    const done = document.getElementById("done");
    done.hidden = false;
    done.querySelector("h1").focus();
});
