/** Deciding what a workflow asks, in the person's language. A file of its own: who only types a code never fetches it. */

import { TASK } from '../../words/task/catalogue';
import { wordsOf } from '../../words/catalogue';
import type { ScreenProps } from '../props';
import { Decide } from './decide';

const [, words] = await wordsOf(TASK, navigator.languages);

export default function Task(props: ScreenProps) {
  return <Decide {...props} words={words} />;
}
