import { useWords } from '../words/context';

export function Loading() {
  return (
    <div className="loading" role="status">
      <span className="spinner" />
      <p>{useWords().loading}</p>
    </div>
  );
}
