/** The link by which the app was opened, or that was opened while it was open. */

import { useEffect, useState } from 'react';

import { type Link, linkOf } from './protocol/link';

/** Takes the link out of the address: its token stays in no history of the browser's. */
export function taken(): Link | null {
  const link = linkOf(location.href);
  if (location.hash.startsWith('#enroll=')) history.replaceState(null, '', location.pathname);
  return link;
}

export function useOpenedLink(first: Link | null): [Link | null, (link: Link | null) => void] {
  const [link, setLink] = useState(first);
  useEffect(() => {
    const moved = () => setLink((before) => taken() ?? before);
    window.addEventListener('hashchange', moved);
    return () => window.removeEventListener('hashchange', moved);
  }, []);
  return [link, setLink];
}
