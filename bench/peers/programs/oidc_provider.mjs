// oidc-provider with a store in memory that forgets nothing, and tokens for the benchmark, told in a file.
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const { PORT, CLIENT_ID, CLIENT_SECRET, TOKENS, TOKENS_FILE } = process.env;
const ISSUER = `http://127.0.0.1:${PORT}`;
const RESOURCE = 'https://api.example.com';
const FORTNIGHT = 14 * 24 * 3600;
const QUARTER = 90 * 24 * 3600;

class MemoryAdapter {
  constructor(kind) {
    this.kind = kind;
    this.rows = MemoryAdapter.kinds[kind] ??= new Map();
  }

  async upsert(id, payload) { this.rows.set(id, payload); }
  async find(id) { return this.rows.get(id); }
  async destroy(id) { this.rows.delete(id); }
  async consume(id) { this.rows.get(id).consumed = Math.floor(Date.now() / 1000); }
  async findByUid(uid) { return [...this.rows.values()].find((payload) => payload.uid === uid); }
  async findByUserCode() { return undefined; }
  async revokeByGrantId() {}
}
MemoryAdapter.kinds = {};

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = { ...privateKey.export({ format: 'jwk' }), kid: 'benchmark', use: 'sig', alg: 'ES256' };

const provider = new Provider(ISSUER, {
  adapter: MemoryAdapter,
  jwks: { keys: [key] },
  scopes: ['offline_access', 'api'],
  clients: [{
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: ['https://app.example.com/callback'],
    id_token_signed_response_alg: 'ES256',
  }],
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'api',
        audience: RESOURCE,
        accessTokenFormat: 'jwt',
        accessTokenTTL: FORTNIGHT,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  rotateRefreshToken: false,
  ttl: { AccessToken: FORTNIGHT, Grant: QUARTER, RefreshToken: QUARTER },
  findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});

async function authorize(number) {
  const client = await provider.Client.find(CLIENT_ID);
  const accountId = `person-${number}`;
  const grant = new provider.Grant({ accountId, clientId: CLIENT_ID });
  grant.addOIDCScope('offline_access api');
  grant.addResourceScope(RESOURCE, 'api');
  const grantId = await grant.save();
  const about = { accountId, client, grantId, gty: 'authorization_code', claims: {}, expiresWithSession: false };
  const refreshed = { ...about, scope: 'offline_access api', resource: RESOURCE, rotations: 0 };
  return {
    access: await new provider.AccessToken({ ...about, scope: 'api' }).save(),
    refresh: await new provider.RefreshToken(refreshed).save(),
  };
}

const pairs = await Promise.all(Array.from({ length: Number(TOKENS) }, (_, number) => authorize(number)));
const tokens = { access: pairs.map((pair) => pair.access), refresh: pairs.map((pair) => pair.refresh) };
writeFileSync(TOKENS_FILE, JSON.stringify(tokens), { mode: 0o600 });
provider.listen(Number(PORT), '127.0.0.1');
