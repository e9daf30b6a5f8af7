// What axe does not measure. Each question answers with a list of sentences: what is wrong, and where.
(() => {
  const name = (element) => {
    const classes = element.classList.length ? "." + [...element.classList].join(".") : "";
    const text = (element.innerText || element.value || "").trim().replace(/\s+/g, " ").slice(0, 40);
    return `${element.tagName.toLowerCase()}${element.id ? "#" + element.id : ""}${classes} “${text}”`;
  };
  const isHiddenOnPurpose = (element) => element.closest(".visually-hidden, .hidden, .skip-link:not(:focus), .skip:not(:focus), .stacking thead, [hidden]");
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true }) && !isHiddenOnPurpose(element);
  const all = (selector) => [...document.querySelectorAll(selector)].filter(isSeen);
  const CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const FIELDS = "input:not([type=hidden]), select, textarea";

  // The boxes of every piece of text, line by line.
  const pieces = () => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!walker.currentNode.data.trim() || ["SCRIPT", "STYLE", "OPTION"].includes(element.tagName) || !isSeen(element)) continue;
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      for (const box of range.getClientRects()) if (box.width > 1 && box.height > 1) found.push({ element, box });
    }
    return found;
  };
  const scrollsByItself = (element) => {
    for (let one = element; one && one !== document.body; one = one.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(one).overflowX) && one.tabIndex >= 0) return true;
    }
    return false;
  };

  window.measure = {
    // 1.4.10: nothing beyond the sides, nothing over something else.
    reflow() {
      const found = [];
      const width = document.documentElement.clientWidth;
      if (document.documentElement.scrollWidth > width) found.push(`scrolls sideways: ${document.documentElement.scrollWidth} > ${width}`);
      const texts = pieces();
      const boxes = [...texts, ...all(CONTROLS).map((element) => ({ element, box: element.getBoundingClientRect() }))];
      for (const { element, box } of boxes) {
        if ((box.right > width + 1 || box.left < -1) && !scrollsByItself(element)) found.push(`beyond the sides: ${name(element)}`);
      }
      texts.sort((one, other) => one.box.top - other.box.top);
      texts.forEach((one, index) => {
        for (const other of texts.slice(index + 1)) {
          if (other.box.top > one.box.bottom) break;
          const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
          const high = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
          const least = Math.min(one.box.height, other.box.height);
          if (wide > 2 && high > 0.4 * least && !scrollsByItself(one.element)) found.push(`overlap: ${name(one.element)} and ${name(other.element)}`);
        }
      });
      return [...new Set(found)];
    },

    // 1.4.4, 1.4.12: no text cut by its box.
    cut() {
      const found = [];
      for (const element of all("body *")) {
        const style = getComputedStyle(element);
        if (element.tagName === "IFRAME" || element.closest("svg")) continue;
        const hides = (value) => ["hidden", "clip"].includes(value);
        const isField = element.matches("input, select, textarea");
        const text = isField ? element.value : element.innerText;
        if (!text || !text.trim()) continue;
        if ((hides(style.overflowY) || element.tagName === "BUTTON") && element.scrollHeight > element.clientHeight + 1) found.push(`cut below: ${name(element)}`);
        if (hides(style.overflowX) && !isField && element.scrollWidth > element.clientWidth + 1) found.push(`cut at the side: ${name(element)}`);
        if (isField && parseFloat(style.lineHeight || 0) > element.clientHeight) found.push(`cut in its field: ${name(element)}`);
      }
      return found;
    },

    // 2.5.8: 24 by 24 CSS pixels, but for links inside a sentence.
    targets() {
      const found = [];
      for (const element of all(CONTROLS)) {
        const box = element.getBoundingClientRect();
        const around = element.parentElement;
        const isInSentence =
          element.tagName === "A" && getComputedStyle(element).display === "inline" &&
          around.innerText.trim().length > element.innerText.trim().length + 3;
        if ((box.width < 24 || box.height < 24) && !isInSentence) {
          found.push(`${Math.round(box.width)} × ${Math.round(box.height)}: ${name(element)}`);
        }
      }
      return found;
    },

    // 1.3.1, 1.3.5, 3.3.1, 3.3.2, 4.1.3: fields, their words, what is announced, what leaves.
    words() {
      const found = [];
      const ids = (element, attribute) => (element.getAttribute(attribute) || "").split(/\s+/).filter(Boolean);
      for (const attribute of ["aria-describedby", "aria-labelledby"]) {
        for (const element of document.querySelectorAll(`[${attribute}]`)) {
          for (const id of ids(element, attribute)) if (!document.getElementById(id)) found.push(`${attribute} names nothing: ${id}`);
        }
      }
      for (const field of all(FIELDS)) {
        const labels = [...(field.labels || [])].filter(isSeen);
        if (!labels.some((label) => label.innerText.trim())) found.push(`no visible label: ${name(field)}`);
        const described = ids(field, "aria-describedby");
        const around = field.closest(".field") || field.parentElement;
        for (const word of around.querySelectorAll(".hint, .error")) {
          if (around.querySelectorAll(FIELDS).length === 1 && !described.includes(word.id)) found.push(`not in aria-describedby: ${name(word)}`);
        }
        const isWrong = around.querySelector(".error") !== null && around.querySelectorAll(FIELDS).length === 1;
        if (isWrong !== (field.getAttribute("aria-invalid") === "true")) found.push(`aria-invalid is wrong: ${name(field)}`);
        if ((field.type === "email" || field.name === "email") && field.autocomplete !== "email") found.push(`no autocomplete=email: ${name(field)}`);
        if (field.type === "password" && !field.autocomplete.endsWith("-password")) found.push(`no autocomplete: ${name(field)}`);
      }
      for (const told of all(".summary, .bureau .message, [data-regal-situation]")) {
        if (!["alert", "status"].includes(told.getAttribute("role")) && !told.matches("p.summary")) found.push(`not announced: ${name(told)}`);
      }
      for (const leaving of all("form[target=_blank] button, a[target=_blank], button[formtarget=_blank]")) {
        if (leaving.formTarget === "_top") continue; // this very window
        if (!/nouvel onglet|new tab/i.test(leaving.innerText)) found.push(`a new tab, not said: ${name(leaving)}`);
      }
      for (const frame of all("iframe")) if (!frame.title.trim()) found.push("a frame without a title");
      for (const element of document.querySelectorAll("[tabindex]")) if (element.tabIndex > 0) found.push(`tabindex above 0: ${name(element)}`);
      if (document.querySelectorAll("h1").length !== 1) found.push(`${document.querySelectorAll("h1").length} h1`);
      return found;
    },

    // The element that has the focus: in view, on top, with an outline one can see.
    focus() {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const found = [];
      const box = [...element.getClientRects()][0] || element.getBoundingClientRect();
      const style = getComputedStyle(element);
      if (element.tagName === "IFRAME") return { order: -1, name: "the frame", found };
      if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) found.push(`focus not visible: ${name(element)}`);
      const across = Math.max(0, box.left) + Math.min(box.width, innerWidth) / 2;
      const down = Math.max(0, box.top) + Math.min(box.height, innerHeight - Math.max(0, box.top)) / 2;
      const top = document.elementFromPoint(across, down);
      if (!top || !element.contains(top)) found.push(`focus out of sight: ${name(element)}`);
      const order = [...document.querySelectorAll("*")].indexOf(element);
      return { order, name: name(element), found };
    },

    // Before a walk by Tab: begin above the page.
    top() {
      const above = Object.assign(document.createElement("span"), { tabIndex: -1 });
      document.body.prepend(above);
      above.focus();
      above.remove();
      scrollTo(0, 0);
    },
    controls: () => all(CONTROLS).length,

    // Forced colours: what a background or a shade said must be said by a line.
    forced() {
      const found = [];
      if (!matchMedia("(forced-colors: active)").matches) return ["forced colours are off"];
      const isClear = (colour) => /^rgba\(.*, 0\)$/.test(colour);
      const hasLine = (style) =>
        ["Top", "Right", "Bottom", "Left"].some((side) => {
          const colour = style[`border${side}Color`];
          const isDrawn = style[`border${side}Style`] !== "none" && parseFloat(style[`border${side}Width`]) >= 1;
          return isDrawn && !isClear(colour) && colour !== style.backgroundColor;
        });
      for (const element of all(".button, .action, button:not(.button-link), .choice, input:not([type=hidden], [type=radio], [type=checkbox]), select, .summary, .state, .badge, .case, .bureau .message")) {
        if (!hasLine(getComputedStyle(element))) found.push(`no line in forced colours: ${name(element)}`);
      }
      for (const element of all("body *")) {
        if (getComputedStyle(element).forcedColorAdjust === "none" && !element.matches(".qr, .key, svg, svg *, img, input[type=color]")) found.push(`keeps its own colours: ${name(element)}`);
      }
      return found;
    },

    // Reduced motion: nothing moves.
    motion() {
      const longest = (value) => Math.max(...value.split(",").map((one) => parseFloat(one) * (one.trim().endsWith("ms") ? 0.001 : 1)));
      const moving = (element) => {
        const style = getComputedStyle(element);
        return longest(style.transitionDuration) > 0.01 || (style.animationName !== "none" && longest(style.animationDuration) > 0.01) || style.scrollBehavior === "smooth";
      };
      return all("html, body, body *").filter(moving).map((element) => `moves: ${name(element)}`);
    },

    // 1.4.12's values, at once.
    space() {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }");
      document.adoptedStyleSheets = [sheet];
    },
    enlarge(times) {
      document.adoptedStyleSheets = [];
      document.documentElement.style.fontSize = `${parseFloat(getComputedStyle(document.documentElement).fontSize) * times}px`;
    },
    usual() {
      document.adoptedStyleSheets = [];
      document.documentElement.style.fontSize = "";
    },
  };
})();
