"use strict";
(() => {
  const body = document.getElementById("body");
  const trouble = document.getElementById("trouble");
  if (!body) return;

  // Says while one writes what the gateway would say of it.
  const look = () => {
    let problem = "";
    try {
      const value = JSON.parse(body.value);
      if (value === null || typeof value !== "object" || Array.isArray(value)) problem = "A request is a JSON object: it begins with {.";
    } catch (e) {
      problem = `This is no JSON: ${e.message}`;
    }
    body.setAttribute("aria-invalid", String(Boolean(problem)));
    if (trouble.textContent !== problem) trouble.textContent = problem;
    trouble.hidden = !problem;
  };

  body.addEventListener("input", look);
  body.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) body.form.requestSubmit();
  });
})();
