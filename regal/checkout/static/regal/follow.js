// Ask again by itself while PayFiP has said nothing: a few times, and only while the page is looked at.
const status = document.querySelector('[data-regal-situation="waiting"]');
const asked = Number(sessionStorageOrNothing("get"));
if (status && asked < 60) {
  setTimeout(() => {
    const again = () => {
      sessionStorageOrNothing("set", asked + 1);
      location.reload();
    };
    if (document.hidden) {
      document.addEventListener("visibilitychange", again, { once: true });
    } else {
      again();
    }
  }, 5000);
}

// In a frame, storage may be forbidden: then we simply do not count.
function sessionStorageOrNothing(verb, value) {
  try {
    if (verb === "set") sessionStorage.setItem(location.pathname, value);
    return sessionStorage.getItem(location.pathname) ?? 0;
  } catch {
    return 0;
  }
}
