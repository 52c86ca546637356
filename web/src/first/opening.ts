/** What the first script leaves for the rest of the page. */
export interface Opening {
  readonly token: string;
  /** How the page stands. There is never one where the browser leaves for the application. */
  readonly answer: Promise<Response>;
}

declare global {
  var opening: Opening | undefined;
}

/** What was asked of a page beforehand: once, since it is asked anew after that. */
export function takeOpening(token: string): Promise<Response> | null {
  const { opening } = globalThis;
  if (opening?.token !== token) return null;
  globalThis.opening = undefined;
  return opening.answer;
}
