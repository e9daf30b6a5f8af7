// Ask again by itself while nothing is known, or while what is known may still change: ever more slowly, and only while
// the page is looked at. What changed is put in place, so that a screen reader says it and nobody loses his place.
// Without scripts, « Actualiser » does it.
const told = document.querySelector("[data-regal-situation]");
const PENDING = ["absent", "opening", "waiting"];
const SLOWEST = 60_000;
let pause = 4_000;

function askLater() {
  if (PENDING.includes(told.dataset.regalSituation) || "regalChanges" in told.dataset) setTimeout(askWhenSeen, pause);
  pause = Math.min(pause + pause / 4, SLOWEST);
}

function askWhenSeen() {
  if (document.hidden) document.addEventListener("visibilitychange", ask, { once: true });
  else ask();
}

async function ask() {
  try {
    const answer = await fetch(location.pathname + location.search, { cache: "no-store", credentials: "omit" });
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // no network for now: ask again later
  }
  askLater();
}

function show(page) {
  const news = page.querySelector("[data-regal-situation]");
  const rest = document.querySelector("[data-regal-rest]");
  if (news) told.toggleAttribute("data-regal-changes", "regalChanges" in news.dataset);
  if (!news || isTheSame(news)) {
    const moment = page.querySelector("[data-regal-moment]");
    if (moment) document.querySelector("[data-regal-moment]")?.replaceChildren(...moment.childNodes);
    return;
  }
  const hadFocus = rest.contains(document.activeElement);
  told.dataset.regalSituation = news.dataset.regalSituation;
  told.dataset.regalRestarts = news.dataset.regalRestarts ?? "";
  told.replaceChildren(...news.childNodes);
  rest.replaceChildren(...page.querySelector("[data-regal-rest]").childNodes);
  document.title = page.title;
  if (hadFocus) rest.querySelector("a, button")?.focus();
}

function isTheSame(news) {
  const { regalSituation, regalRestarts = "" } = told.dataset;
  const isSaid = regalSituation === news.dataset.regalSituation && told.textContent === news.textContent;
  return isSaid && regalRestarts === (news.dataset.regalRestarts ?? "");
}

if (told) askLater();
