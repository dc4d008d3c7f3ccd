"use strict";
(() => {
  const { poll, every } = document.body.dataset;
  if (!poll) return;
  const EVERY = Number(every);
  const RENEWED = `Renewed every ${EVERY === 1000 ? "second" : `${EVERY / 1000} seconds`}.`;
  const told = document.getElementById("refresh");
  let timer = 0;
  let asked = 0;

  const say = (text) => {
    told.hidden = false;
    if (told.textContent !== text) told.textContent = text;
  };

  // Puts what a fresh page says of a section into this one; what the reader has opened or scrolled stays so.
  const swap = (fresh) => {
    const old = document.getElementById(fresh.id);
    const selection = document.getSelection();
    if (!old || (!selection.isCollapsed && selection.containsNode(old, true))) return;
    const open = new Set([...old.querySelectorAll("details[open]")].map((one) => one.dataset.key));
    for (const one of fresh.querySelectorAll("details")) one.open = open.has(one.dataset.key);
    if (old.isEqualNode(fresh)) return;
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const holder = focused && focused.closest("[data-key], [data-exchange]");
    old.replaceWith(document.adoptNode(fresh));
    if (holder) {
      const name = holder.dataset.key ? "key" : "exchange";
      const place = `[data-${name}="${CSS.escape(holder.dataset[name])}"] ${focused.tagName}`;
      fresh.querySelector(place)?.focus({ preventScroll: true });
    }
  };

  const refresh = async () => {
    const turn = ++asked;
    clearTimeout(timer);
    try {
      const answer = await fetch(poll + location.search.replace("?", "&"), { cache: "no-store", signal: AbortSignal.timeout(20000) });
      if (turn !== asked) return;
      if (answer.status === 401) {
        say("The key is not accepted any more. Reload the page.");
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const [x, y] = [scrollX, scrollY];
      for (const fresh of page.querySelectorAll("[data-live]")) swap(fresh);
      scrollTo({ left: x, top: y, behavior: "instant" });
      if (!page.body.dataset.poll) { // it is over: what was left out while it ran is there now
        location.reload();
        return;
      }
      say(RENEWED);
    } catch {
      if (turn === asked) say("The gateway does not answer; trying again.");
    }
    if (turn === asked && !document.hidden) timer = setTimeout(refresh, EVERY);
  };

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) refresh();
  });
  say(RENEWED);
  if (!document.hidden) timer = setTimeout(refresh, EVERY);
})();
