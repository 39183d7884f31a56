// Runs in the measured page. Conditions are asked once in every frame of the screen.
window.stopwatch = (() => {
  let known = [];
  // Components live in shadow roots, which a selector does not enter.
  function all(selector) {
    const find = () => [document, ...known].flatMap((root) => [...root.querySelectorAll(selector)]);
    known = known.filter((root) => root.host.isConnected);
    let found = find();
    if (!found.length) {
      known = [...document.querySelectorAll("*")].map((node) => node.shadowRoot).filter(Boolean);
      found = find();
    }
    return found;
  }

  const pixels = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  function fingerprint(node) {
    if (node instanceof HTMLImageElement) return node.complete ? node.src : "";
    let hash = 0;
    for (const value of pixels(node)) hash = (hash * 31 + value) | 0;
    return hash;
  }
  // Called while a frame is being made: runs `then` as soon as the browser has painted it.
  function painted(then) {
    const channel = new MessageChannel();
    channel.port1.onmessage = then;
    channel.port2.postMessage(0);
  }
  const appearance = (selector) => all(selector).map(fingerprint).join();
  const canvases = ".dp-stage canvas";

  return {
    // --- conditions ---
    text: (selector, part) => all(selector).some((node) => node.textContent.includes(part) && node.checkVisibility()),
    inked: () => {
      const drawn = all(canvases).filter((canvas) => canvas.checkVisibility());
      return drawn.length > 0 && drawn.every((canvas) => new Set(pixels(canvas).slice(0, 4000)).size > 2);
    },
    // Every one of the selectors shows something else than it does now.
    changed(...selectors) {
      const before = selectors.map(appearance);
      return () => selectors.every((selector, i) => before[i] !== appearance(selector));
    },
    appears: (selector, part) => () => window.stopwatch.text(selector, part),

    // --- measuring ---
    // From the first key or pointer that is pressed from now on until the frame in which `met` holds is on the screen.
    start(met, patience) {
      this.answer = new Promise((resolve) => {
        let pressed = null;
        const press = (event) => (pressed ??= event.timeStamp);
        for (const name of ["pointerdown", "keydown"]) addEventListener(name, press, { capture: true, once: true });
        const deadline = performance.now() + patience;
        const ask = () => {
          if (performance.now() > deadline) resolve(null);
          else if (pressed !== null && met()) painted(() => resolve(performance.now() - pressed));
          else requestAnimationFrame(ask);
        };
        ask();
      });
    },
    // The longest time, in ms from the navigation on, in which the screen had neither a title nor what stands in its place.
    watchSigns() {
      let since = 0; // when the sign that is gone went; null while there is one
      this.withoutSign = 0;
      const look = () => {
        const signs = [...document.querySelectorAll("h1, .dp-first-title")];
        const isThere = signs.some((node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true }));
        if (since !== null) this.withoutSign = Math.max(this.withoutSign, performance.now() - since);
        if (isThere) since = null;
        else since ??= performance.now();
        requestAnimationFrame(look);
      };
      look();
    },
    // From each pointer move over the timeline's strip until the frame that it causes is drawn.
    followPointer() {
      this.moves = [];
      all(".dp-scrubber")[0].addEventListener(
        "pointermove",
        () => {
          const arrived = performance.now();
          requestAnimationFrame(() => painted(() => this.moves.push(performance.now() - arrived)));
        },
        { capture: true },
      );
    },
  };
})();
