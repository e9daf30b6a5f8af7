// Leave for the bank's payment page at once. Whoever comes back from there by « Back » must not leave again: this page's
// place in the history becomes the attempt's own page, which says where the payment stands and what can be done.
const form = document.querySelector("[data-regal-hand-over]");
const status = document.querySelector("[data-regal-leaving]");
let sent = false;

form.addEventListener("submit", (event) => {
  if (sent) event.preventDefault(); // the form was sent already: a second one would only be in the way
  sent = true;
});
addEventListener("pageshow", (event) => {
  if (event.persisted) location.replace(form.dataset.regalHandOver); // kept whole by the browser, and shown again
});

history.replaceState(null, "", form.dataset.regalHandOver);
const [arrival] = performance.getEntriesByType("navigation");
if (arrival?.type === "back_forward") {
  location.replace(form.dataset.regalHandOver);
} else {
  status.textContent = status.dataset.regalLeaving;
  form.requestSubmit();
}
