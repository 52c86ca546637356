/** The keys that this browser keeps, by the id that each is known by. Their private halves cannot be read, by this page or any other. */

const NAME = 'countersign-remembered';
const STORE = 'keys';

export async function keep(id: string, key: CryptoKey): Promise<void> {
  await inStore('readwrite', (store) => store.put(key, id));
}

/** The first of these that this browser has a key for. */
export async function find(ids: readonly string[]): Promise<{ id: string; key: CryptoKey } | null> {
  for (const id of ids) {
    const key = await inStore<CryptoKey | undefined>('readonly', (store) => store.get(id));
    if (key) return { id, key };
  }
  return null;
}

export async function drop(id: string): Promise<void> {
  await inStore('readwrite', (store) => store.delete(id));
}

async function inStore<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest): Promise<T> {
  const database = await opened();
  try {
    return await answered<T>(ask(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function opened(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return answered(request);
}

function answered<T>(request: IDBRequest): Promise<T> {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result as T);
    request.onerror = () => failed(request.error ?? new Error('the browser keeps nothing'));
  });
}
