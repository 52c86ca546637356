/** A person's own page, in the person's language. A file of its own: who only types a code never fetches it. */

import { SECURITY } from '../../words/security/catalogue';
import { wordsOf } from '../../words/catalogue';
import type { ScreenProps } from '../props';
import { Overview } from './overview';
import './security.css';

const [, words] = await wordsOf(SECURITY, navigator.languages);

export default function Security(props: ScreenProps) {
  return <Overview {...props} words={words} />;
}
