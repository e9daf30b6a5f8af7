// For the town's own page, never needed: gives each frame of the guichet the height of what it holds.
// <script src="https://guichet.example/static/regal/frame.js" async></script>
(() => {
  "use strict";
  const guichet = new URL(document.currentScript.src).origin;
  const known = new WeakSet(); // frames that have spoken: their next page is not their first
  const frames = () => Array.from(document.querySelectorAll("iframe"));

  addEventListener("message", (event) => {
    if (event.origin !== guichet || !event.data || event.data.regal !== "height") return;
    const frame = frames().find((one) => one.contentWindow === event.source);
    const height = event.data.height;
    if (!frame || !Number.isInteger(height) || height < 100 || height > 20000) return;
    frame.style.height = height + frame.offsetHeight - frame.clientHeight + "px"; // with its border
    if (event.data.top === true && known.has(frame) && frame.getBoundingClientRect().top < 0) frame.scrollIntoView();
    known.add(frame);
  });

  // A frame that was there before this script has already said its height to nobody: ask. The question tells nothing,
  // so it may go to whatever page is in the frame.
  for (const frame of frames()) frame.contentWindow.postMessage({ regal: "ask" }, "*");
})();
