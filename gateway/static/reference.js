"use strict";

// The API reference: Swagger UI on the gateway's own description of its routes.
SwaggerUIBundle({
  url: document.getElementById("reference").dataset.description,
  dom_id: "#reference",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
});
