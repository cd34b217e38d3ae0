// The page of registration: makes a user with the code of a letter, signs in and goes on in the panel.
"use strict";

form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearProblems();
    const { username, email, verification_code, password } = form.elements;
    if (!isRepeated(password)) {
        return;
    }
    const body = {
        username: username.value.trim(),
        email: email.value.trim(),
        verification_code: verification_code.value.trim(),
        password: password.value,
    };
    const { answer } = await post("/api/v1/registrations", body);
    if (!answer) {
        return;
    }
    const signIn = { username: body.username, password: body.password, cookie: true };
    const { answer: signedIn } = await post("/api/v1/sessions", signIn);
    location.assign(signedIn ? form.dataset.next : "/sign-in");
});
