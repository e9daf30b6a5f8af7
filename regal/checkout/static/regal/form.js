// Nothing is retyped: what the fields hold lives in the browser's own history of this tab, and comes back with « Back ».
const form = document.querySelector("form[data-regal-typed]");

// Go to the list of what is wrong. `autofocus` does it without scripts, except in a frame of another site.
const wrong = document.querySelector("[data-regal-focus]");
wrong?.focus();

if (form) {
  const fields = [...form.querySelectorAll("input[id]")];
  const typed = history.state?.typed;
  if (typed && !wrong && fields.every((field) => field.value === field.defaultValue)) {
    for (const field of fields) field.value = typed[field.name] ?? field.value;
  }
  form.addEventListener("submit", keep);
  if (wrong) keep(); // this page came by POST: its entry in the history becomes an ordinary one

  function keep() {
    const values = Object.fromEntries(fields.map((field) => [field.name, field.value]));
    history.replaceState({ typed: values }, "", location.href);
  }
}
