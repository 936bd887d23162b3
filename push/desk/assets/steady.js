// A press counts for what stood under the pointer before the page moved. Calls come and go by themselves: without this,
// a click on one lands on another that took its place in the last moment.

const enough = 700; // ms in which people see what is there now

// steady guards the page; thing names what an element belongs to, undefined for nothing.
export function steady(thing) {
  let x = -1;
  let y = -1;
  let aimed; // where the pointer was moved to
  let under; // what came under it since, while it stood still
  let since = 0; // when that came
  let refused = false;

  // Presses come in whole pixels, moves in parts of one.
  const still = (e) => Math.abs(e.clientX - x) < 1 && Math.abs(e.clientY - y) < 1;

  document.addEventListener('pointermove', (e) => {
    if (still(e)) return; // sent because the page moved
    [x, y] = [e.clientX, e.clientY];
    aimed = under = thing(e.target);
  }, true);
  document.addEventListener('pointerover', (e) => {
    const now = thing(e.target);
    if (!still(e) || now === under) return;
    under = now;
    since = performance.now();
  }, true);
  document.addEventListener('wheel', () => { x = -1; }, { capture: true, passive: true }); // whoever scrolls looks

  document.addEventListener('mousedown', (e) => {
    const pressed = thing(e.target);
    const fresh = pressed !== under || performance.now() - since < enough;
    refused = still(e) && pressed !== undefined && pressed !== aimed && fresh;
    if (!refused) {
      aimed = under = pressed;
      return;
    }
    e.preventDefault(); // it would take the focus
    if (pressed !== under) [under, since] = [pressed, performance.now()];
  }, true);
  document.addEventListener('click', (e) => {
    if (!refused || e.detail === 0) return; // 0: by the keyboard
    e.preventDefault();
    e.stopPropagation();
  }, true);
}
