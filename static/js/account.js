// Tries an account's connection; what came of it stands on the page afterwards.
"use strict";

form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearProblems();
    const { answer } = await post(form.getAttribute("action"), {});
    if (answer) {
        location.reload();
    }
});
