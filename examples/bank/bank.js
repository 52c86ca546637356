/** What a bank has without Countersign: customers with passwords, their money, and payments. In memory, for it is a bank to play with. */

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const stretch =
  /** @type {(password: string, salt: Buffer, length: number, cost: object) => Promise<Buffer>} */ (
    promisify(scrypt)
  );
/** OWASP's least for scrypt, with the memory that it takes. */
const COST = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };

/**
 * @typedef {{ id: string, name: string, account: string, salt: Buffer, password: Buffer, cents: number, entries: Entry[],
 *   payments: Payment[], notices: Notice[] }} Customer
 * @typedef {{ at: Date, what: string, note: string, cents: number, payment?: Payment }} Entry what came in, and what went out below 0
 * @typedef {{ readonly payee: string, readonly cents: number }} Terms
 * @typedef {{ id: string, at: Date, terms: Terms, state: 'waiting' | 'sent' | 'withdrawn', by: string, evidence: Evidence | null }} Payment
 * @typedef {{ acr: string, amr: string[], auth_time: number, action_hash: string }} Evidence what Countersign signed
 * @typedef {{ at: Date, question: import('./countersign.js').Question }} Notice what was asked for in a session that its owner does not seem to be in
 */

/** The people that our customers have paid before. */
export const PAYEES = ['Hanna Weiss', 'Riverside Energy', 'City Library', 'Orchard & Sons'];

export class Bank {
  /** @type {Map<string, Customer>} */
  #customers = new Map();

  /** A bank with its two customers. @param {Date} now */
  static async open(now) {
    const bank = new Bank();
    await bank.#admit('ana', 'Ana Reyes', 'RSB 20 4417 0092', 'harbour-lantern-27', 4_218_50);
    await bank.#admit('ben', 'Ben Okafor', 'RSB 20 4417 0315', 'velvet-compass-64', 1_905_20);
    for (const customer of bank.#customers.values()) customer.entries = history(customer.id, now);
    return bank;
  }

  /** @param {string} id @param {string} name @param {string} account @param {string} password @param {number} cents */
  async #admit(id, name, account, password, cents) {
    const salt = randomBytes(16);
    const customer = { id, name, account, salt, password: await stretch(password, salt, 32, COST), cents };
    this.#customers.set(id, { ...customer, entries: [], payments: [], notices: [] });
  }

  /** Whose password this is; null where it is nobody's. @param {string} id @param {string} password */
  async whose(id, password) {
    const customer = this.#customers.get(id.trim().toLowerCase());
    // The same work for whom we do not know, or it would tell who is a customer.
    const given = await stretch(password.slice(0, 128), customer?.salt ?? randomBytes(16), 32, COST);
    return customer && timingSafeEqual(given, customer.password) ? customer : null;
  }

  /** @param {Customer} customer @param {Terms} terms @param {string} by @param {Date} now @returns {Payment} */
  prepare(customer, terms, by, now) {
    /** @type {Payment} */
    const payment = {
      id: randomBytes(6).toString('hex'),
      at: now,
      terms,
      state: 'waiting',
      by,
      evidence: null,
    };
    customer.payments = [payment, ...customer.payments].slice(0, 50);
    return payment;
  }

  /**
   * Sends what was decided about, and that alone: where the payment was changed meanwhile, nothing.
   * @param {Customer} customer @param {Payment} payment @param {Terms} terms @param {Evidence | null} evidence @param {Date} now
   */
  send(customer, payment, terms, evidence, now) {
    if (payment.state !== 'waiting' || payment.terms !== terms || terms.cents > customer.cents) return false;
    Object.assign(payment, { state: 'sent', evidence });
    customer.cents -= terms.cents;
    customer.entries.unshift({ at: now, what: terms.payee, note: 'Transfer', cents: -terms.cents, payment });
    const other = [...this.#customers.values()].find(({ name }) => name === terms.payee);
    if (other) {
      other.cents += terms.cents;
      other.entries.unshift({ at: now, what: customer.name, note: 'Transfer', cents: terms.cents });
    }
    return true;
  }
}

/**
 * What was typed into a form, if it is a payment.
 * @param {Record<string, string>} form @returns {Terms | null}
 */
export function terms(form) {
  const payee = (form.payee ?? '').trim();
  const amount = /^(\d{1,6})(?:[.,](\d{1,2}))?$/.exec((form.amount ?? '').replace(/[\s']/g, ''));
  const cents = amount ? Number(amount[1]) * 100 + Number((amount[2] ?? '').padEnd(2, '0')) : 0;
  return payee !== '' && payee.length <= 60 && cents > 0 ? { payee, cents } : null;
}

/** What happened with the account before today. @param {string} id @param {Date} now @returns {Entry[]} */
function history(id, now) {
  const days = /** @type {(n: number, hour: number) => Date} */ (
    (n, hour) => {
      const day = new Date(now);
      day.setDate(day.getDate() - n);
      day.setHours(hour, 12, 0, 0);
      return day;
    }
  );
  /** @type {[number, number, string, string, number][]} */
  const entries =
    id === 'ana'
      ? [
          [1, 18, 'Mercado Central', 'Card payment', -42_35],
          [2, 9, 'City Library', 'Membership', -18_00],
          [4, 13, 'Hanna Weiss', 'Half of the boat', -160_00],
          [6, 7, 'Northlight Studio', 'Salary', 2_940_00],
          [8, 20, 'Riverside Energy', 'Standing order', -74_90],
          [11, 12, 'Orchard & Sons', 'Card payment', -31_15],
        ]
      : [
          [1, 8, 'Corner Bakery', 'Card payment', -6_80],
          [3, 16, 'Velo Works', 'Repair', -89_00],
          [6, 7, 'Harbour Hospital', 'Salary', 2_410_00],
          [9, 19, 'Riverside Energy', 'Standing order', -61_30],
        ];
  return entries.map(([day, hour, what, note, cents]) => ({ at: days(day, hour), what, note, cents }));
}
