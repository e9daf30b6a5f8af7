// The payer has left for PayFiP in a new tab: show here where the payment stands. Without scripts, a link does it.
for (const form of document.querySelectorAll("[data-regal-leave]")) {
  form.addEventListener("submit", () => {
    setTimeout(() => location.assign(form.dataset.regalLeave), 1500);
  });
}
