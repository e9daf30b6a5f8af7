// The payer has left for PayFiP in a new tab: show here where the payment stands. Without scripts, a link does it.
for (const form of document.querySelectorAll("[data-regal-leave]")) {
  history.replaceState({ typed: JSON.parse(form.dataset.regalTyped) }, "", location.href); // « Back » finds a filled form
  form.addEventListener("submit", (event) => {
    if (event.submitter?.formTarget) return; // this whole window leaves
    setTimeout(() => location.assign(form.dataset.regalLeave), 1500);
  });
}
