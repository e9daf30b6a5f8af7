// The payer has left for PayFiP in a new tab: show here where the payment stands. Without scripts, a link does it.
const SECONDS = [1.5, 3, 6, 12];
let away = false; // leaving in this very window: nothing may cut in

for (const form of document.querySelectorAll("[data-regal-leave]")) {
  history.replaceState({ typed: JSON.parse(form.dataset.regalTyped) }, "", location.href); // « Back » finds a filled form
  form.addEventListener("submit", (event) => {
    away = Boolean(event.submitter?.formTarget);
    if (!away) for (const delay of SECONDS) setTimeout(() => show(form.dataset.regalLeave), delay * 1000);
  });
}

// Only once the payment exists: should the browser have blocked the tab, the payer still needs this page's buttons.
async function show(address) {
  const answer = away ? null : await fetch(address, { method: "HEAD", credentials: "omit" }).catch(() => null);
  if (answer?.ok && !away) location.assign(address);
}
