// The panel of faults looks again by itself, and goes on while the server that it shows is being killed.

const seconds = 4;
const opened = () => new Set([...document.querySelectorAll("details[data-run][open]")].map((one) => one.dataset.run));
const known = () => new Set([...document.querySelectorAll("details[data-run]")].map((one) => one.dataset.run));

async function look() {
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok) return true;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [open, seen] = [opened(), known()];
    for (const one of fresh.querySelectorAll("details[data-run]")) {
      if (seen.has(one.dataset.run)) one.open = open.has(one.dataset.run);
    }
    for (const part of document.querySelectorAll("[data-regal-live]")) {
      const held = part.contains(document.activeElement) && document.activeElement.closest("details[data-run]");
      const how = part.querySelector("details.how");
      part.innerHTML = fresh.querySelector(`[data-regal-live="${part.dataset.regalLive}"]`).innerHTML;
      if (how?.open) part.querySelector("details.how").open = true;
      if (held) part.querySelector(`details[data-run="${held.dataset.run}"] > summary`)?.focus();
    }
    return fresh.querySelector("[data-regal-follows]") !== null;
  } catch {
    return true; // killed, and soon back
  }
}

async function again() {
  if (await look()) setTimeout(again, seconds * 1000);
}

setTimeout(again, seconds * 1000);
