/** The mock inside `npm run dev`: each reload of a path that it has not seen makes a page. */

import type { Plugin } from 'vite';

import { verb } from './http.ts';
import { BACKUP_CODE, KEY, Pages, redeem } from './pages.ts';
import { totp } from './totp.ts';

export function mockForDevelopment(): Plugin {
  return {
    name: 'countersign-mock',
    apply: 'serve',
    configureServer(server) {
      if (process.env.VITEST) return;
      const pages = new Pages();
      server.middlewares.use((request, response, next) => {
        const code = new URL(request.url ?? '/', 'http://localhost').searchParams.get('code');
        const on = code === null ? null : redeem(code);
        if (on) return void response.writeHead(303, { Location: on }).end();
        const [, purpose, token] =
          /^\/(enroll|challenge|security|task)\/([\w-]+)$/.exec(request.url ?? '') ?? [];
        if (token && !pages.has(token)) {
          const shown = { Amount: '€ 250.00', To: 'Hanna Weiss' };
          const returnUrl = `http://${request.headers.host ?? 'localhost'}/`;
          pages.create(
            { purpose: purpose as 'enroll' | 'challenge' | 'security' | 'task', shown, returnUrl },
            token,
          );
          const say = (line: string) => server.config.logger.info(line);
          say(`  a code for /challenge: ${totp(KEY)} or ${BACKUP_CODE} (key ${KEY})`);
        }
        verb(pages, request, response).then((done) => !done && next(), next);
      });
    },
  };
}
