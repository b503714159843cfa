/** Pictures that what a press does to its button may take. */
const FRAMES = 60;

/**
 * A press that takes away its own button, or disables it, leaves the keyboard and a screen reader at what stood around
 * it, and not at the top of the page.
 */
export function keepFocus(): void {
  // Before the page's own listeners, which may take the button out of what is around it.
  document.addEventListener('click', follow, { capture: true });
}

function follow({ target }: Event): void {
  const button = (target as Element).closest('button');
  if (!button) return;
  const { body } = document;
  const around: HTMLElement[] = [];
  for (let one = button.parentElement; one && one !== body; one = one.parentElement) around.push(one);
  let left = FRAMES;
  const look = () => {
    const now = document.activeElement;
    // The person, or what was pressed, has taken it elsewhere.
    if (now !== button && now !== body) return;
    if (now === body && (!button.isConnected || button.disabled)) {
      takeFocus(around.find(({ isConnected }) => isConnected));
      return;
    }
    left -= 1;
    if (left > 0) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/** For once: a press of the mouse inside would go to it otherwise. */
function takeFocus(place: HTMLElement | undefined): void {
  if (!place) return;
  if (!place.hasAttribute('tabindex')) {
    place.tabIndex = -1;
    place.addEventListener('blur', () => place.removeAttribute('tabindex'), { once: true });
  }
  place.focus({ preventScroll: true });
}
