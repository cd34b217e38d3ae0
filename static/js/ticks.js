// Boxes that are ticked in a list for a form of their own (`form="…"`): how many they are, all on the page at once (`data-all`), and what is
// asked before a button with `data-sure` sends the form. Without this each is ticked by itself.
"use strict";

(() => {
    const boxes = (form) => [...document.querySelectorAll(`input[type="checkbox"][form="${form}"]`)];

    function show() {
        for (const all of document.querySelectorAll("[data-all]")) {
            const of = boxes(all.dataset.all);
            const ticked = of.filter((box) => box.checked).length;
            all.checked = ticked > 0 && ticked === of.length;
            all.indeterminate = ticked > 0 && ticked < of.length;
        }
        for (const count of document.querySelectorAll("[data-ticked]")) {
            count.textContent = boxes(count.dataset.ticked).filter((box) => box.checked).length;
        }
    }

    document.addEventListener("change", ({ target }) => {
        if (target.matches("[data-all]")) {
            boxes(target.dataset.all).forEach((box) => (box.checked = target.checked));
        }
        show();
    });
    // Before anything else learns of it.
    document.addEventListener(
        "submit",
        (event) => {
            const sure = event.submitter?.dataset.sure;
            if (sure && !confirm(sure)) {
                event.preventDefault();
                event.stopImmediatePropagation();
            }
        },
        true,
    );
    document.addEventListener("htmx:afterSettle", show);
    show();
})();
