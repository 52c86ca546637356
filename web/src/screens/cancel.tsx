import { useWords } from '../words/context';
import type { Actions } from './use-flow';

export function Cancel({ actions }: { actions: Actions }) {
  return (
    <button type="button" className="link subdued" onClick={actions.cancel}>
      {useWords().cancel}
    </button>
  );
}
