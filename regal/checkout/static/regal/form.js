// « Back » finds a filled form: what was typed lives in the history of this tab, and dies with it. Not what says who pays:
// the next person at a shared computer must not read it.
const form = document.querySelector("form[data-regal-typed]");

// Go to the list of what is wrong. `autofocus` does it without scripts, except in a frame of another site, where
// `height.js` has brought the list into view.
const wrong = document.querySelector("[data-regal-focus]");
wrong?.focus({ preventScroll: parent !== window });

if (form) {
  const fields = [...form.querySelectorAll("input[id]")];
  const typed = history.state?.typed;
  if (typed && !wrong && fields.every((field) => field.value === field.defaultValue)) {
    for (const field of fields) field.value = typed[field.name] ?? field.value;
  }
  form.addEventListener("submit", keep);
  if (wrong) keep(); // this page came by POST: its entry in the history becomes an ordinary one

  function keep() {
    const kept = fields.filter((field) => field.autocomplete === "off");
    const values = Object.fromEntries(kept.map((field) => [field.name, field.value]));
    history.replaceState({ typed: values }, "", location.href);
  }
}
