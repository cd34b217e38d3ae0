// A form that takes long says how far it is: sent in part, then in the hands of the server, which finishes also for who leaves.
"use strict";

(() => {
    // What is answered sooner is seen by its answer.
    const LONG_MS = 600;

    document.addEventListener("htmx:beforeSend", ({ detail: { elt, xhr } }) => {
        const form = elt.closest("form");
        if (form?.getAttribute("method") !== "post") {
            return;
        }
        const line = document.createElement("p");
        line.className = "on-its-way";
        line.setAttribute("role", "status");
        const bar = document.createElement("progress");
        const words = document.createElement("span");
        line.append(bar, words);
        const works = () => {
            bar.removeAttribute("value");
            words.textContent = document.body.dataset.works;
        };
        works();
        const wait = setTimeout(() => form.append(line), LONG_MS);
        xhr.upload.addEventListener("progress", ({ loaded, total }) => {
            if (loaded >= total) {
                works();
                return;
            }
            bar.value = loaded / total;
            words.textContent = document.body.dataset.sends;
        });
        xhr.addEventListener("loadend", () => {
            clearTimeout(wait);
            line.remove();
        });
    });
})();
