import type { ReactNode } from 'react';

import type { Brand } from '../brand';
import { useWords } from '../words/context';
import { Icon } from './icon';

/** What stands around every screen: whose page it is, and the one thing that everybody should know. */
export function Shell({ brand, children }: { brand: Brand; children: ReactNode }) {
  const words = useWords();
  return (
    <div className="page">
      <header className="brand">
        {brand.logo ? (
          <img className="brand-logo" src={brand.logo} alt="" />
        ) : (
          <Icon name="mark" className="brand-mark" />
        )}
        <span className="brand-name">{brand.name}</span>
      </header>
      <main className="card">{children}</main>
      <footer className="safety">
        <Icon name="lock" />
        <p>{words.safety}</p>
      </footer>
    </div>
  );
}
