// A picture is added to a form as soon as it is chosen, and nothing else that was typed is touched. Without this a button of the form adds it.
"use strict";

(() => {
    const fileOf = (image) => `/api/v1/pictures/${image.slice("picture:".length)}/file`;

    // Beside the choice stands what is chosen.
    function show(select) {
        const thumb = select.parentElement.querySelector("img.thumb");
        const isOurs = select.value.startsWith("picture:");
        thumb.hidden = !isOurs;
        if (isOurs) {
            thumb.src = fileOf(select.value);
        }
    }

    function say(input, text) {
        let place = document.getElementById(`${input.id}-problem`);
        if (!place) {
            place = document.createElement("p");
            place.className = "problem";
            place.id = `${input.id}-problem`;
            place.setAttribute("role", "alert");
            input.closest("details").querySelector(".hint").before(place);
        }
        place.textContent = text;
        place.hidden = !text;
        input.toggleAttribute("aria-invalid", false);
        if (text) {
            input.setAttribute("aria-invalid", "true");
            input.setAttribute("aria-describedby", place.id);
        }
    }

    // Every choice of this form may take it.
    function offer(select, { image, width, height }) {
        for (const other of select.form.querySelectorAll("select[data-picture]")) {
            if (![...other.options].some((option) => option.value === image)) {
                const text = `${other.dataset.new} ${width}×${height}`;
                other.options[0].after(new Option(text, image));
            }
        }
        select.value = image;
        show(select);
        select.dispatchEvent(new Event("input", { bubbles: true }));
    }

    async function add(input) {
        const [file] = input.files;
        if (!file) {
            return;
        }
        say(input, "");
        if (file.size > Number(input.dataset.most)) {
            say(input, input.dataset.tooLarge);
            return;
        }
        const body = new FormData();
        body.append("file", file);
        const headers = { "X-CSRF-Token": input.form.elements._csrf.value, "Accept-Language": document.documentElement.lang };
        input.setAttribute("aria-busy", "true");
        try {
            const response = await fetch("/api/v1/pictures", { method: "POST", headers, body });
            const answer = await response.json();
            if (!response.ok) {
                say(input, answer.details?.problem ?? answer.message);
                return;
            }
            input.value = "";
            const select = document.getElementById(input.dataset.adds);
            offer(select, answer);
            input.closest("details").removeAttribute("open");
            select.focus();
        } catch {
            say(input, document.body.dataset.lost);
        } finally {
            input.removeAttribute("aria-busy");
        }
    }

    document.addEventListener("change", ({ target }) => {
        if (target.matches("select[data-picture]")) {
            show(target);
        } else if (target.matches("input[data-adds]")) {
            add(target);
        }
    });
    // The button does what choosing a file did already, or could not.
    document.addEventListener(
        "click",
        (event) => {
            const button = event.target.closest?.("button[name='_into']");
            if (button) {
                event.preventDefault();
                event.stopPropagation();
                const input = button.parentElement.querySelector("input[data-adds]");
                if (input.files.length > 0) {
                    add(input);
                } else {
                    input.click();
                }
            }
        },
        true,
    );
})();
