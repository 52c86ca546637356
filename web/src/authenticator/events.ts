/** Server-sent events (WHATWG HTML, 9.2), read from a stream that `fetch` gave: `EventSource` sends no header of ours. */

export interface Happened {
  readonly event: string;
  readonly data: string;
}

/** Milliseconds without a sign of life after which a stream is taken for dead: the server says something every 20 seconds. */
const SILENCE = 60_000;

/** Every event of a stream, until it ends or falls silent. */
export async function* events(
  stream: ReadableStream<Uint8Array>,
  silence = SILENCE,
): AsyncGenerator<Happened> {
  const reader = stream
    .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
    .getReader();
  let buffer = '';
  try {
    for (;;) {
      const { done, value } = await soon(reader.read(), silence);
      if (done) return;
      buffer += value;
      const blocks = buffer.split(/\r?\n\r?\n/);
      buffer = blocks.pop() ?? '';
      for (const block of blocks) {
        const happened = eventOf(block);
        if (happened) yield happened;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function eventOf(block: string): Happened | null {
  let event = 'message';
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = /^([^:]+):? ?(.*)$/.exec(line) ?? [];
    if (field === 'event') event = value ?? '';
    if (field === 'data') data.push(value ?? '');
  }
  return data.length > 0 ? { event, data: data.join('\n') } : null;
}

async function soon<T>(wanted: Promise<T>, within: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, failed) => {
    timer = setTimeout(() => failed(new Error('silence')), within);
  });
  try {
    return await Promise.race([wanted, late]);
  } finally {
    clearTimeout(timer);
  }
}
