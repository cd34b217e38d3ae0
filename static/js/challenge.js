// A person sees the page of a challenge and acts on it. Whatever is shown as text is set as text.
"use strict";

const place = document.getElementById("challenge");
const { id, shows } = place.dataset;
const find = (name) => document.getElementById(name);

// This machine's clock may be wrong: how far the server's is ahead of it.
const ahead = Number(place.dataset.now) - Date.now();

// What takes longer is felt; what takes much longer makes one miss.
const FELT_MS = 150;
const SLOW_MS = 400;

// A picture that comes later than this after a hand moved shows something else.
const UNRELATED_MS = 10000;

function say(text) {
    find("say").textContent = text;
}

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
    // When the server was last asked, and not answered yet; when a hand first did what no picture shows yet.
    let asked = 0;
    let acted = 0;
    let drawing = false;
    let newest = null;

    const send = (frame) => {
        if (socket?.readyState === WebSocket.OPEN) {
            socket.send(JSON.stringify(frame));
        }
    };

    // What a hand does, and when.
    const act = (frame) => {
        if (inControl) {
            acted ||= performance.now();
        }
        send(frame);
    };

    // A delay in figures, and in a word where it is one that is felt.
    const tell = (name, ms) => {
        const isSlow = ms >= SLOW_MS;
        const cell = find(name);
        cell.textContent = isSlow ? `${Math.round(ms)} ms · ${place.dataset.slow}` : `${Math.round(ms)} ms`;
        cell.className = isSlow ? "bad" : ms >= FELT_MS ? "warm" : "good";
    };

    // One question at a time: a slow line is told as slow as it is, while one still waits for the answer.
    const measure = () => {
        const now = performance.now();
        if (asked) {
            tell("delay", now - asked);
            find("slow").hidden = now - asked < SLOW_MS;
        } else if (socket?.readyState === WebSocket.OPEN) {
            asked = now;
            send({ type: "ping" });
        }
    };

    const look = (state) => {
        canvas.parentElement.dataset.state = state;
    };

    // The page is made as large as it can be seen here, so that nothing need be enlarged, and as much as possible is seen at once.
    const resize = () => {
        const taken = [".top", ".bottom"].reduce((sum, bar) => sum + (document.querySelector(bar)?.offsetHeight ?? 0), 0);
        const width = Math.round(Math.min(canvas.parentElement.clientWidth, 720));
        const height = Math.round(Math.max(400, Math.min((window.innerHeight - taken) * 0.85, 900)));
        send({ type: "resize", width, height, scale: Math.min(window.devicePixelRatio || 1, 2) });
    };

    const control = (frame) => {
        const gained = frame.in_control && !inControl;
        inControl = frame.in_control;
        find("controller").textContent = inControl ? place.dataset.you : (frame.controller ?? place.dataset.nobody);
        find("take").hidden = inControl;
        find("check").hidden = !inControl;
        say(inControl ? place.dataset.ready : place.dataset.watching);
        look(inControl ? "on" : "watched");
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
            const lag = performance.now() - acted;
            if (acted && lag < UNRELATED_MS) {
                tell("lag", lag);
            }
            acted = 0;
        }
        drawing = false;
    };

    const end = (text) => {
        over = true;
        say(text);
        look("off");
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
                if (asked) {
                    const took = performance.now() - asked;
                    asked = 0;
                    tell("delay", took);
                    find("slow").hidden = took < SLOW_MS;
                }
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
            [asked, acted] = [0, 0];
        });
        socket.addEventListener("message", (event) => hear(JSON.parse(event.data)));
        socket.addEventListener("close", () => {
            if (over) {
                return;
            }
            look("off");
            if (tries < 8) {
                say(place.dataset.lost);
                tries += 1;
                setTimeout(open, Math.min(500 * 2 ** tries, 10000));
            } else {
                say(place.dataset.givenUp);
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

    // A hand moves more often than pictures come: its last place in each frame is enough. One that drags nothing seldom changes anything.
    let moved = null;
    let isPressed = false;
    const tellMoved = () => {
        if (moved) {
            (isPressed ? act : send)({ type: "mouse_event", event_type: "move", ...moved });
            moved = null;
        }
    };
    // One hand at a time: a second finger, or another button of the mouse, is none.
    const isHand = (event) => event.isPrimary && event.button <= 0;
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("pointerdown", (event) => {
        if (!isHand(event)) {
            return;
        }
        event.preventDefault();
        canvas.focus({ preventScroll: true });
        canvas.setPointerCapture(event.pointerId);
        isPressed = true;
        act({ type: "mouse_event", event_type: "down", ...at(event) });
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
            if (isHand(event)) {
                tellMoved();
                isPressed = false;
                act({ type: "mouse_event", event_type: "up", ...at(event) });
            }
        });
    }
    canvas.addEventListener("wheel", (event) => {
        if (inControl) {
            event.preventDefault();
            act({ type: "wheel_event", ...at(event), delta_x: event.deltaX, delta_y: event.deltaY });
        }
    }, { passive: false });
    for (const [kind, name] of [["keydown", "down"], ["keyup", "up"]]) {
        canvas.addEventListener(kind, (event) => {
            // Tab leads on, as everywhere.
            if (inControl && event.key !== "Tab" && !event.ctrlKey && !event.metaKey && !event.altKey) {
                event.preventDefault();
                act({ type: "key_event", event_type: name, key: event.key, code: event.code });
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
        const left = Math.max(0, Math.round((expires - Date.now() - ahead) / 1000));
        find("left").textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
        if (!over) {
            measure();
        }
    }, 1000);
    open();
}
