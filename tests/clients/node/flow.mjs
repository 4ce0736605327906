// An app on openid-client that takes one step for each line of its input: {"step": "…", …} in, and out comes
// {"result": …} or {"error": {…}}. What an app keeps between two steps is kept here, and checked by the library.

import { createInterface } from "node:readline";
import * as openid from "openid-client";

const CLIENT_PROOFS = {
  client_secret_basic: ({ secret }) => openid.ClientSecretBasic(secret),
  client_secret_post: ({ secret }) => openid.ClientSecretPost(secret),
  private_key_jwt: async ({ key }) => openid.PrivateKeyJwt(await signingKey(key)),
  none: () => openid.None(),
};

let config; // what discovery found, and who the client is
let expected; // what the answer to the authorization request has to fit
let device; // what was answered to the device's beginning
let tokens;
let binding = {}; // the handle of the key that requests prove possession of, if they do

const STEPS = {
  /** `algorithm` is "oidc" for OpenID Connect Discovery, "oauth2" for RFC 8414. */
  async discover({ issuer, clientId, proof, algorithm = "oidc", dpop = false }) {
    const execute = [openid.allowInsecureRequests, openid.enableNonRepudiationChecks];
    const authentication = await CLIENT_PROOFS[proof.method](proof);
    config = await openid.discovery(new URL(issuer), clientId, undefined, authentication, { algorithm, execute });
    if (dpop) {
      binding = { DPoP: openid.getDPoPHandle(config, await openid.randomDPoPKeyPair()) };
    }
    return config.serverMetadata();
  },

  async ask({ parameters, pushed = false }) {
    const pkceCodeVerifier = openid.randomPKCECodeVerifier();
    const signsIn = parameters.scope.split(" ").includes("openid");
    expected = {
      pkceCodeVerifier,
      expectedState: openid.randomState(),
      expectedNonce: signsIn ? openid.randomNonce() : undefined,
      maxAge: parameters.max_age && Number(parameters.max_age),
    };
    const request = {
      ...parameters,
      state: expected.expectedState,
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: "S256",
      ...(signsIn && { nonce: expected.expectedNonce }),
    };
    return pushed
      ? openid.buildAuthorizationUrlWithPAR(config, request, binding)
      : openid.buildAuthorizationUrl(config, request);
  },

  /** The browser came back to `url`: by itself, or by the form of `fields`. */
  async answer({ url, fields }) {
    const arrived = fields
      ? new Request(url, { method: "POST", body: new URLSearchParams(fields) })
      : new URL(url);
    return keep(await openid.authorizationCodeGrant(config, arrived, expected, undefined, binding));
  },

  async refresh() {
    return keep(await openid.refreshTokenGrant(config, tokens.refresh_token, undefined, binding));
  },

  userinfo({ subject }) {
    return openid.fetchUserInfo(config, tokens.access_token, subject, binding);
  },

  async call({ url }) {
    const response = await openid.fetchProtectedResource(
      config, tokens.access_token, new URL(url), "GET", null, undefined, binding,
    );
    return { status: response.status, body: await response.json() };
  },

  introspect({ token }) {
    return openid.tokenIntrospection(config, tokens[token]);
  },

  revoke({ token }) {
    return openid.tokenRevocation(config, tokens[token]);
  },

  clientCredentials({ parameters }) {
    return openid.clientCredentialsGrant(config, parameters, binding).then(keep);
  },

  exchange({ parameters }) {
    const grantType = "urn:ietf:params:oauth:grant-type:token-exchange";
    return openid.genericGrantRequest(config, grantType, { ...parameters, subject_token: tokens.access_token });
  },

  async beginDevice({ parameters }) {
    device = await openid.initiateDeviceAuthorization(config, parameters);
    return device;
  },

  async pollDevice() {
    return keep(await openid.pollDeviceAuthorizationGrant(config, device, undefined, binding));
  },

  signOut({ parameters }) {
    return openid.buildEndSessionUrl(config, { ...parameters, id_token_hint: tokens.id_token });
  },
};

function keep(answer) {
  tokens = { ...tokens, ...answer };
  return { ...answer, claims: answer.claims() };
}

function signingKey(jwk) {
  return crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: jwk.crv }, false, ["sign"]);
}

function describe(error) {
  const { name, message, code, status, error: oauth, error_description: description, cause } = error;
  return { name, message, code, status, error: oauth, description, cause: String(cause ?? "") };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { step, ...given } = JSON.parse(line);
  let outcome;
  try {
    outcome = { result: (await STEPS[step](given)) ?? null };
  } catch (error) {
    outcome = { error: describe(error) };
  }
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
