/** Keeps the panel as it is on the server: what happens in another browser, or in a terminal, is seen here at once. */

const panel = /** @type {HTMLElement} */ (document.querySelector('.panel'));
let shown = '';

async function look() {
  if (document.hidden) return;
  const answer = await fetch('/panel', { redirect: 'error' }).catch(() => null);
  const text = answer?.ok ? await answer.text() : shown;
  if (text === shown) return;
  const open = panel.querySelector('details')?.open ?? false;
  // Made by the bank, which escapes whatever it puts in.
  panel.innerHTML = text;
  panel.querySelector('details')?.toggleAttribute('open', open);
  shown = text;
}

setInterval(look, 2000);
