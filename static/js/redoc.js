// ReDoc over the OpenAPI document of this server.
"use strict";

Redoc.init("/api-docs/openapi.json", { hideDownloadButton: false }, document.getElementById("docs"));
