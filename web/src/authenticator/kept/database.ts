/** What the app keeps, in IndexedDB: accounts with their keys, and what was answered. Page and service worker both read it. */

export interface Account {
  /** The authenticator's id. */
  readonly id: string;
  /** The link's part before `/authenticator`. */
  readonly server: string;
  /** Signs, and cannot be read. */
  readonly key: CryptoKey;
  readonly application: string;
  readonly account: string;
  readonly issuer: string;
  /** What the owner calls this phone. */
  readonly name: string;
  /** The key that Web Push subscriptions of this server are for, base64url. */
  readonly vapid: string | null;
  /** Whether the first prompt was approved. */
  readonly connected: boolean;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

export type Outcome = 'approved' | 'denied' | 'reported' | 'mismatched' | 'withdrawn' | 'expired';

/** What was asked, and what came of it. */
export interface Entry {
  /** The prompt's id. */
  readonly id: string;
  readonly account: string;
  readonly application: string;
  readonly action: string;
  readonly shown: readonly (readonly [string, string])[];
  readonly from: string | null;
  readonly at: number;
  readonly outcome: Outcome;
}

/** What holds for all accounts. */
export interface Settings {
  /** The id of the passkey that is asked for before anything is approved. */
  readonly lock: ArrayBuffer | null;
}

const NAME = 'countersign-authenticator';
const VERSION = 1;
/** How many answers are remembered. */
export const REMEMBERED = 100;

function opened(): Promise<IDBDatabase> {
  return new Promise((done, failed) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('accounts', { keyPath: 'id' });
      request.result.createObjectStore('history', { keyPath: 'id' }).createIndex('at', 'at');
      request.result.createObjectStore('settings');
    };
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error ?? new Error('database'));
  });
}

type Store = 'accounts' | 'history' | 'settings';

/** Runs `work` in one transaction; done once that is durable. */
async function within<T>(
  store: Store,
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await opened();
  try {
    return await new Promise<T>((done, failed) => {
      const transaction = database.transaction(store, mode, { durability: 'strict' });
      const request = work(transaction.objectStore(store));
      transaction.oncomplete = () => done(request.result);
      transaction.onabort = transaction.onerror = () => failed(transaction.error ?? new Error('database'));
    });
  } finally {
    database.close();
  }
}

export async function accounts(): Promise<Account[]> {
  const all = (await within('accounts', 'readonly', (store) => store.getAll())) as Account[];
  return all.sort((one, other) => one.since - other.since);
}

export async function keepAccount(account: Account): Promise<void> {
  await within('accounts', 'readwrite', (store) => store.put(account));
}

export async function forgetAccount(id: string): Promise<void> {
  await within('accounts', 'readwrite', (store) => store.delete(id));
}

/** What was answered, the newest first. */
export async function history(): Promise<Entry[]> {
  const all = (await within('history', 'readonly', (store) => store.index('at').getAll())) as Entry[];
  return all.reverse();
}

export async function keepEntry(entry: Entry): Promise<void> {
  await within('history', 'readwrite', (store) => store.put(entry));
  const old = (await history()).slice(REMEMBERED);
  for (const { id } of old) await within('history', 'readwrite', (store) => store.delete(id));
}

export async function settings(): Promise<Settings> {
  const kept = (await within('settings', 'readonly', (store) => store.get('settings'))) as
    Settings | undefined;
  return kept ?? { lock: null };
}

export async function keepSettings(settings: Settings): Promise<void> {
  await within('settings', 'readwrite', (store) => store.put(settings, 'settings'));
}
