// Progressive enhancement only: every page works with this file blocked.
// It writes neither HTML nor styles, so it runs under  script-src 'nonce-…'; require-trusted-types-for 'script'.
(() => {
  "use strict";
  const live = document.getElementById("live");
  const say = (text) => {
    live.textContent = "";
    requestAnimationFrame(() => { live.textContent = text; });
  };
  const on = (type, selector, act) => document.addEventListener(type, (event) => {
    const element = event.target instanceof Element && event.target.closest(selector);
    if (element) act(element, event);
  });
  const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  // Copy to the clipboard; when that is refused select the text, so that Ctrl+C works.
  const select = (source) => {
    if ("select" in source) { source.focus(); source.select(); } else { getSelection().selectAllChildren(source); }
  };
  const flash = (button, text) => {
    const label = button.querySelector("[data-label]");
    button.dataset.before ??= label.textContent;
    label.textContent = text;
    say(text);
    setTimeout(() => { label.textContent = button.dataset.before; }, 2500);
  };
  on("click", "[data-copy]", async (button) => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText("value" in source ? source.value : source.textContent);
      flash(button, button.dataset.done);
    } catch {
      select(source);
      flash(button, button.dataset.fail);
    }
  });

  // Save the values of a secret form as NAME=value lines.
  on("click", "[data-download]", (button) => {
    const lines = [...button.form.querySelectorAll("[data-env]")].map((field) => `${field.dataset.env}=${field.value}\n`);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(lines, { type: "text/plain" }));
    link.download = button.dataset.download;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  // Show or hide a password.
  on("click", "[data-reveal]", (button) => {
    const field = document.getElementById(button.dataset.reveal);
    const hidden = field.type === "password";
    button.dataset.show ??= button.textContent;
    field.type = hidden ? "text" : "password";
    button.textContent = hidden ? button.dataset.hide : button.dataset.show;
  });

  // The server keeps the theme; this shows it before the answer arrives.
  on("submit", "[data-theme-form]", (form, event) => {
    document.documentElement.dataset.theme = event.submitter?.value ?? "";
  });

  // A menu closes on Escape and when something else is clicked.
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("[data-menu][open]")) {
      if (menu !== except) menu.open = false;
    }
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest("[data-menu]")));
  on("keydown", "[data-menu][open]", (menu, event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  // "/" leads to the search box, for those who want it (WCAG 2.1.4).
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || document.body.dataset.shortcuts !== "on") return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const box = document.querySelector("main input[type=search]");
    if (box) { event.preventDefault(); box.focus(); }
  });

  // Scope chooser: budget, counts by risk, filter.
  const chooser = document.querySelector("[data-scope-picker]");
  if (chooser) {
    const max = Number(chooser.dataset.max);
    const update = () => {
      const chosen = [...chooser.querySelectorAll("input[name=scope]:checked")];
      const used = chosen.map((box) => box.value).join(" ").length;
      for (const meter of chooser.querySelectorAll("meter")) meter.value = used;
      for (const text of chooser.querySelectorAll("[data-budget]")) text.textContent = fill(chooser.dataset.budgetText, { used, max, count: chosen.length });
      for (const warning of chooser.querySelectorAll("[data-over]")) warning.hidden = used <= max;
      for (const count of chooser.querySelectorAll("[data-risk-count]")) {
        count.textContent = String(chosen.filter((box) => box.dataset.risk === count.dataset.riskCount).length);
      }
    };
    const filter = (query) => {
      let shown = 0;
      for (const row of chooser.querySelectorAll(".picker > label")) {
        row.hidden = !row.textContent.toLowerCase().includes(query);
        const reason = row.nextElementSibling;
        if (reason?.classList.contains("why")) reason.hidden = row.hidden;
        shown += row.hidden ? 0 : 1;
      }
      for (const group of chooser.querySelectorAll(".picker")) group.hidden = !group.querySelector(":scope > label:not([hidden])");
      say(fill(chooser.dataset.matchesText, { count: shown }));
    };
    chooser.addEventListener("change", update);
    on("input", "[data-scope-filter]", (box) => filter(box.value.trim().toLowerCase()));
    on("keydown", "[data-scope-filter]", (box, event) => { if (event.key === "Enter") event.preventDefault(); });
    update();
  }

  // Ask before edits are lost, or a secret that was not saved.
  for (const form of document.querySelectorAll("form[data-guard]")) {
    let unsaved = form.dataset.guard === "now";
    form.addEventListener("input", () => { unsaved = true; });
    form.addEventListener("submit", () => { unsaved = false; });
    addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  }

  document.querySelector("[data-focus]")?.focus();

  // htmx: mark the region that waits; read out the count that the server put into the fragment.
  document.addEventListener("htmx:before:request", (event) => {
    const target = event.detail?.ctx?.target;
    (target instanceof Element ? target : event.target).closest("[data-region]")?.setAttribute("aria-busy", "true");
  });
  document.addEventListener("htmx:finally:request", () => {
    for (const region of document.querySelectorAll("[data-region][aria-busy]")) region.removeAttribute("aria-busy");
  });
  document.addEventListener("htmx:after:swap", () => {
    const message = document.querySelector("[data-announce]");
    if (message) say(message.dataset.announce);
  });
})();
