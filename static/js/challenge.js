// A person sees the page of a challenge and acts on it. Whatever is shown as text is set as text.
"use strict";

const place = document.getElementById("challenge");
const { id, account, shows } = place.dataset;
const find = (name) => document.getElementById(name);

function say(text) {
    const line = find("say");
    if (line) {
        line.textContent = text;
    }
}

function complain(text) {
    find("problem").textContent = text;
    find("problem").hidden = !text;
}

// What changes something carries the session's CSRF text.
async function change(method, path, body) {
    complain("");
    try {
        const session = await (await fetch("/api/v1/sessions/current")).json();
        const headers = { "X-CSRF-Token": session.csrf_token, "Accept-Language": document.documentElement.lang };
        if (body) {
            headers["Content-Type"] = "application/json";
        }
        const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
        const answer = response.status === 204 ? {} : await response.json();
        if (response.ok) {
            return answer;
        }
        complain([answer.message, answer.details?.problem].filter(Boolean).join(" "));
    } catch {
        complain(place.dataset.unreachable);
    }
    return null;
}

find("cancel").addEventListener("click", async () => {
    if (await change("POST", `/api/v1/challenges/${id}/cancel`)) {
        location.reload();
    }
});

find("again").addEventListener("click", async () => {
    const fresh = await change("POST", `/api/v1/accounts/${account}/challenge`);
    if (fresh) {
        location.assign(`${fresh.path}${location.search}`);
    }
});

find("paste")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const field = find("cookie");
    if (await change("PUT", `/api/v1/accounts/${account}/credentials`, { cookie: field.value })) {
        field.value = "";
        say(place.dataset.saved);
        complain("");
    }
});

if (shows === "true") {
    watch();
}

function watch() {
    const canvas = find("page");
    const pen = canvas.getContext("2d", { alpha: false });
    let socket = null;
    let page = { width: 480, height: 640 };
    let expires = Number(place.dataset.expires);
    let inControl = false;
    let over = false;
    let tries = 0;
    let asked = 0;
    let drawing = false;
    let newest = null;

    const send = (frame) => {
        if (socket?.readyState === WebSocket.OPEN) {
            socket.send(JSON.stringify(frame));
        }
    };

    // The page is made as wide as it can be seen here, so that nothing need be enlarged.
    const resize = () => {
        const width = Math.round(Math.min(canvas.parentElement.clientWidth, 720));
        const height = Math.round(Math.max(400, Math.min(window.innerHeight * 0.7, 900)));
        send({ type: "resize", width, height, scale: Math.min(window.devicePixelRatio || 1, 2) });
    };

    const control = (frame) => {
        const gained = frame.in_control && !inControl;
        inControl = frame.in_control;
        find("controller").textContent = inControl ? place.dataset.you : (frame.controller ?? place.dataset.nobody);
        find("take").hidden = inControl;
        find("check").hidden = !inControl;
        say(inControl ? place.dataset.ready : place.dataset.watching);
        if (gained) {
            resize();
        }
    };

    // Only the newest picture is drawn: one that came meanwhile takes the place of those before it.
    const draw = async (frame) => {
        newest = frame;
        if (drawing) {
            return;
        }
        drawing = true;
        while (newest) {
            const { screenshot, viewport } = newest;
            newest = null;
            const picture = new Image();
            await new Promise((done) => {
                picture.onload = done;
                picture.onerror = done;
                picture.src = screenshot;
            });
            if (picture.naturalWidth === 0) {
                continue;
            }
            if (canvas.width !== picture.naturalWidth || canvas.height !== picture.naturalHeight) {
                canvas.width = picture.naturalWidth;
                canvas.height = picture.naturalHeight;
            }
            page = viewport;
            pen.drawImage(picture, 0, 0);
        }
        drawing = false;
    };

    const end = (text) => {
        over = true;
        say(text);
        find("take").hidden = true;
        find("check").hidden = true;
        find("cancel").hidden = true;
    };

    const hear = (frame) => {
        switch (frame.type) {
            case "session_info":
                page = frame.viewport;
                expires = frame.expires_at;
                // A line that was lost has forgotten it.
                inControl = false;
                control(frame);
                break;
            case "screenshot_update":
                draw(frame);
                break;
            case "control":
                control(frame);
                break;
            case "expires":
                expires = frame.expires_at;
                break;
            case "completion_status":
                say(frame.message);
                break;
            case "completed":
                end(frame.message);
                break;
            case "ended":
                if (!over) {
                    end(frame.message);
                    find("again").hidden = false;
                }
                break;
            case "pong":
                find("delay").textContent = `${Math.round(performance.now() - asked)} ms`;
                break;
            case "error":
                say(frame.message);
                break;
        }
    };

    const open = () => {
        const address = new URL(`/api/captcha/ws/${id}`, location.href);
        address.searchParams.set("lang", document.documentElement.lang.startsWith("zh") ? "zh" : "en");
        address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
        socket = new WebSocket(address);
        socket.addEventListener("open", () => {
            tries = 0;
        });
        socket.addEventListener("message", (event) => hear(JSON.parse(event.data)));
        socket.addEventListener("close", () => {
            if (!over && tries < 8) {
                say(place.dataset.lost);
                tries += 1;
                setTimeout(open, Math.min(500 * 2 ** tries, 10000));
            }
        });
    };

    const at = (event) => {
        const shown = canvas.getBoundingClientRect();
        return {
            x: ((event.clientX - shown.left) / shown.width) * page.width,
            y: ((event.clientY - shown.top) / shown.height) * page.height,
        };
    };

    // A hand moves more often than pictures come: its last place in each frame is enough.
    let moved = null;
    const tellMoved = () => {
        if (moved) {
            send({ type: "mouse_event", event_type: "move", ...moved });
            moved = null;
        }
    };
    canvas.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        canvas.focus({ preventScroll: true });
        canvas.setPointerCapture(event.pointerId);
        send({ type: "mouse_event", event_type: "down", ...at(event) });
    });
    canvas.addEventListener("pointermove", (event) => {
        if (inControl && event.isPrimary) {
            if (!moved) {
                requestAnimationFrame(tellMoved);
            }
            moved = at(event);
        }
    });
    for (const kind of ["pointerup", "pointercancel"]) {
        canvas.addEventListener(kind, (event) => {
            tellMoved();
            send({ type: "mouse_event", event_type: "up", ...at(event) });
        });
    }
    canvas.addEventListener("wheel", (event) => {
        if (inControl) {
            event.preventDefault();
            send({ type: "wheel_event", ...at(event), delta_x: event.deltaX, delta_y: event.deltaY });
        }
    }, { passive: false });
    for (const [kind, name] of [["keydown", "down"], ["keyup", "up"]]) {
        canvas.addEventListener(kind, (event) => {
            // Tab leads on, as everywhere.
            if (inControl && event.key !== "Tab" && !event.ctrlKey && !event.metaKey && !event.altKey) {
                event.preventDefault();
                send({ type: "key_event", event_type: name, key: event.key, code: event.code });
            }
        });
    }

    find("take").addEventListener("click", () => send({ type: "take_control" }));
    find("check").addEventListener("click", () => send({ type: "check_completion" }));
    let settling = 0;
    window.addEventListener("resize", () => {
        clearTimeout(settling);
        settling = setTimeout(() => inControl && resize(), 300);
    });
    setInterval(() => {
        const left = Math.max(0, Math.round((expires - Date.now()) / 1000));
        find("left").textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
        asked = performance.now();
        send({ type: "ping" });
    }, 1000);
    open();
}
