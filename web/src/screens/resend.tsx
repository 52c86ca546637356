import { clock } from '../format';
import { useWords } from '../words/context';
import { useLeft } from './use-left';

/** Having something sent again: when that is possible, or that it is not. */
export function Resend({ at, asking, onSend }: { at: number | null; asking: boolean; onSend: () => void }) {
  const words = useWords();
  const left = useLeft(at ?? 0);
  if (at === null) return <p className="resend hint">{words.sendNoMore}</p>;
  const soon = left > 0;
  return (
    <div className="resend">
      <button
        type="button"
        className="link"
        aria-disabled={soon || asking}
        onClick={() => {
          if (!soon && !asking) onSend();
        }}
      >
        {soon ? words.sendAgainIn(clock(left / 1000)) : words.sendAgain}
      </button>
    </div>
  );
}
