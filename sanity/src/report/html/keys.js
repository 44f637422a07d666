// What keys do. Those that move act where the map has the focus, or nothing has.

function listenToKeys(page) {
  const actions = {
    "+": () => page.zoom(0.5),
    "=": () => page.zoom(0.5),
    "-": () => page.zoom(2),
    0: () => page.whole(),
    p: () => page.goToPeak(),
    c: () => page.switchColour(),
    t: () => page.switchClock(),
    h: () => page.switchPins(),
    b: () => page.switchPlacement(),
    s: () => page.setMode("beside"),
    d: () => page.setMode("slider"),
    n: (event) => page.step(event.shiftKey ? -1 : 1),
    "/": () => byId("id").focus(),
    "?": () => { byId("help").open = !byId("help").open; },
    Escape: () => page.clear(),
  };
  const onlyMap = {
    ArrowLeft: () => page.move(-0.15, 0),
    ArrowRight: () => page.move(0.15, 0),
    ArrowUp: () => page.move(0, 0.15),
    ArrowDown: () => page.move(0, -0.15),
    Enter: () => page.tellMiddle(),
  };
  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.id === "id") {
      if (event.key === "Escape") page.map.focus();
      if (event.key === "Enter" && event.shiftKey) {
        event.preventDefault();
        page.find(target.value.trim(), -1);
      }
      return;
    }
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (target.tagName === "INPUT" && key !== "Escape" && key.startsWith("Arrow")) return;
    const onMap = target === page.map || target === document.body;
    const action = actions[key] || (onMap && onlyMap[key]);
    if (!action) return;
    event.preventDefault();
    action(event);
  });
}
