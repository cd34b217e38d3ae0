// Swagger UI over the OpenAPI document of this server, without anybody else's server.
"use strict";

// Changing requests that are signed in by cookie carry the session's text.
const csrf = fetch("/api/v1/sessions/current")
    .then((response) => response.json())
    .then((current) => current.csrf_token ?? "");

SwaggerUIBundle({
    url: "/api-docs/openapi.json",
    dom_id: "#docs",
    deepLinking: true,
    docExpansion: "list",
    filter: true,
    validatorUrl: null,
    requestInterceptor: async (request) => {
        if (!["GET", "HEAD"].includes((request.method ?? "GET").toUpperCase())) {
            request.headers["X-CSRF-Token"] = await csrf;
        }
        return request;
    },
});
