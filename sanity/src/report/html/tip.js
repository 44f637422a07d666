// The box beside the pointer that tells what lies there.

class Tip {
  constructor(element) {
    this.element = element;
  }

  // Beside a point of a canvas, wherever there is room.
  show(text, canvas, x, y) {
    const tip = this.element;
    tip.hidden = false;
    tip.textContent = text;
    const room = canvas.parentElement.getBoundingClientRect();
    const from = canvas.offsetLeft + x;
    const right = from + 14 + tip.offsetWidth + 8 <= room.width;
    tip.style.left = `${Math.max(4, right ? from + 14 : from - tip.offsetWidth - 14)}px`;
    const below = canvas.offsetTop + y + 14;
    tip.style.top = `${below + tip.offsetHeight > room.height ? Math.max(0, below - tip.offsetHeight - 28) : below}px`;
  }

  hide() { this.element.hidden = true; }
}
