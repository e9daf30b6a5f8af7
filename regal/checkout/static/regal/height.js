// In a frame on the town's site: tell the page around us how high we are (`frame.js` listens there, or nobody does).
if (parent !== window) {
  document.body.style.minHeight = "0"; // else a page is never lower than its frame

  // To "*": the page around us is one of the town's listed sites, or the browser would not show us (frame-ancestors),
  // and nothing is told but a number and whether the payer came to a new page.
  const tell = (top) => {
    const height = Math.ceil(document.body.getBoundingClientRect().height);
    parent.postMessage({ regal: "height", height, top }, "*");
  };

  // A page that reloads by itself to look for news must not move what the payer is reading. What answers a button far
  // down the page before comes to its own beginning, even where nobody listens: then nobody else moves it, as browsers
  // may drop a press in a frame that moves a second time.
  const [arrival] = performance.getEntriesByType("navigation");
  const isNew = arrival?.type === "navigate";
  const answer = document.querySelector("#suite");
  tell(isNew && !answer);
  if (isNew) answer?.scrollIntoView();
  new ResizeObserver(() => tell(false)).observe(document.body);
  addEventListener("message", (event) => {
    if (event.source === parent && event.data?.regal === "ask") tell(false);
  });
}
