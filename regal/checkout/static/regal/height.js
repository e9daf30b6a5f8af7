// In a frame on the town's site: tell the page around us how high we are (`frame.js` listens there, or nobody does).
if (parent !== window) {
  document.body.style.minHeight = "0"; // else a page is never lower than its frame

  // To "*": the page around us is one of the town's listed sites, or the browser would not show us (frame-ancestors),
  // and nothing is told but a number and whether the payer came to a new page.
  const tell = (top) => {
    const height = Math.ceil(document.body.getBoundingClientRect().height);
    parent.postMessage({ regal: "height", height, top }, "*");
  };

  // A page that reloads by itself to look for news must not move what the payer is reading.
  const [arrival] = performance.getEntriesByType("navigation");
  tell(arrival?.type === "navigate");
  new ResizeObserver(() => tell(false)).observe(document.body);
  addEventListener("message", (event) => {
    if (event.source === parent && event.data?.regal === "ask") tell(false);
  });
}
