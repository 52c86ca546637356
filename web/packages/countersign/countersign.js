/** Adds the prompt of a Countersign server to a web application: see countersign.d.ts. */

const SIZE = 'popup,width=440,height=760';
/** Milliseconds between two looks at whether the window is still there. */
const LOOK = 500;
const OUTCOMES = ['proved', 'enrolled', 'left', 'cancelled'];

export async function countersign(url) {
  // Before anything is waited for: later, it would not be the person's click any more that opens it.
  const popup = window.open('about:blank', '', SIZE);
  let page;
  try {
    page = address(await url);
  } catch (error) {
    popup?.close();
    throw error;
  }
  if (!popup) {
    window.location.assign(page.href);
    return new Promise(() => undefined);
  }
  const told = listen(popup, page.origin);
  popup.location.replace(page.href);
  return told;
}

function address(text) {
  const page = new URL(text);
  if (page.protocol !== 'https:' && page.protocol !== 'http:')
    throw new TypeError('not an address of the web');
  return page;
}

/** Believes that window alone, and only while it shows a page of that origin. */
function listen(popup, origin) {
  return new Promise((resolve) => {
    const end = (told) => {
      window.removeEventListener('message', heard);
      clearInterval(looking);
      popup.close();
      resolve(told);
    };
    const heard = (event) => {
      const { data } = event;
      if (event.source !== popup || event.origin !== origin || data?.type !== 'countersign') return;
      if (!OUTCOMES.includes(data.outcome)) return;
      end({ outcome: data.outcome, page: text(data.page), state: text(data.state) });
    };
    const looking = setInterval(() => {
      if (popup.closed) end({ outcome: 'closed', page: null, state: null });
    }, LOOK);
    window.addEventListener('message', heard);
  });
}

const text = (value) => (typeof value === 'string' ? value : null);
