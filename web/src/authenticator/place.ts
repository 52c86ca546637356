/** Where in the app the person is: in the address, so that the way back is the browser's. */

import { useEffect, useState } from 'react';

export type Place = '' | 'add' | 'history' | `account/${string}`;

const placeOf = (hash: string): Place => {
  const text = hash.slice(1);
  return text === 'add' || text === 'history' || text.startsWith('account/') ? (text as Place) : '';
};

export function usePlace(): [Place, (place: Place) => void] {
  const [place, setPlace] = useState(() => placeOf(location.hash));
  useEffect(() => {
    const moved = () => setPlace(placeOf(location.hash));
    window.addEventListener('hashchange', moved);
    return () => window.removeEventListener('hashchange', moved);
  }, []);
  return [
    place,
    (to) => {
      if (to === '') window.history.replaceState(null, '', location.pathname);
      else location.hash = to;
      setPlace(to);
    },
  ];
}
