// The page for a forgotten password: replaces it with the code of a letter. Nobody is signed in by it.
"use strict";

form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearProblems();
    const { email, verification_code, new_password } = form.elements;
    if (!isRepeated(new_password)) {
        return;
    }
    const body = {
        email: email.value.trim(),
        verification_code: verification_code.value.trim(),
        new_password: new_password.value,
    };
    const { answer } = await post("/api/v1/password-resets", body);
    if (answer) {
        document.getElementById("ask").hidden = true;
        const done = document.getElementById("done");
        done.hidden = false;
        done.querySelector("h1").focus();
    }
});
