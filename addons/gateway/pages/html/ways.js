"use strict";
(() => {
  // Shows both ends of a member's way between the two sides: of what the mouse is over, and of what has the focus.
  let shown = [];

  const visible = (element) => {
    let found = element;
    for (let fold = element.parentElement?.closest("details"); fold; fold = fold.parentElement?.closest("details")) {
      if (!fold.open && !(fold.firstElementChild && fold.firstElementChild.contains(element))) found = fold.firstElementChild;
    }
    return found;
  };
  const show = (element) => {
    for (const one of shown) one.classList.remove("here");
    shown = [];
    const member = element instanceof Element ? element.closest("[data-to]") : null;
    if (!member) return;
    const ends = member.dataset.to.split(" ").map((id) => document.getElementById(id)).filter(Boolean);
    shown = [member, ...ends].map(visible);
    for (const one of shown) one.classList.add("here");
  };
  for (const sides of document.querySelectorAll(".sides")) {
    sides.addEventListener("mouseover", (event) => show(event.target));
    sides.addEventListener("mouseleave", () => show(document.activeElement));
    sides.addEventListener("focusin", (event) => show(event.target));
    sides.addEventListener("focusout", () => show(null));
    sides.addEventListener("click", (event) => {
      const link = event.target.closest(".way a");
      const end = link && document.getElementById(link.hash.slice(1));
      if (!end) return;
      event.preventDefault();
      for (let fold = end.parentElement.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
      end.scrollIntoView({ block: "center" });
      (end.querySelector(".way a") ?? end.querySelector("summary"))?.focus({ preventScroll: true });
    });
  }
})();
