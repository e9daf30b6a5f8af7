// « Payer » counts once. Where PayFiP opened in a new tab, show here where the payment stands; without scripts, a link
// does it.
const SECONDS = [1.5, 3, 6, 12, 24, 48];
let away = false; // leaving in this very window: nothing may cut in

for (const form of document.querySelectorAll("[data-regal-leave]")) {
  const status = form.querySelector("[data-regal-leaving]");
  let sent = false; // in this window: until PayFiP answers, a second press would only be in the way
  if (form.dataset.regalTyped) {
    history.replaceState({ typed: JSON.parse(form.dataset.regalTyped) }, "", location.href); // « Back » finds a filled form
  }
  form.addEventListener("submit", (event) => {
    away = form.target === "_top" || Boolean(event.submitter?.formTarget);
    if (!away) for (const delay of SECONDS) setTimeout(() => show(form.dataset.regalLeave), delay * 1000);
    if (form.target !== "_top") return;
    if (sent) event.preventDefault();
    sent = true;
    status.textContent = status.dataset.regalLeaving;
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted || !status) return; // come back to by « Back »: it may be pressed again
    sent = away = false;
    status.textContent = "";
  });
}

// Only once the payment exists: should the browser have blocked the tab, the payer still needs this page's buttons.
async function show(address) {
  const answer = away ? null : await fetch(address, { method: "HEAD", credentials: "omit" }).catch(() => null);
  if (answer?.ok && !away) location.assign(address);
}
