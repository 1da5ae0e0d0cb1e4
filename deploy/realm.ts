/**
 * The realm that Keycloak imports for docker-compose.yml: agents are clients that log in with their secret, and their
 * access tokens carry what the gateway reads: `aud` sallyport, `azp` the agent, `groups`.
 */
import { Secret } from "#protocols/wire/secret.ts";

export interface RealmClient {
  readonly name: string;
  readonly secret: Secret<string>;
  readonly groups: readonly string[];
}

/** Keycloak's import format (RealmRepresentation), as JSON. */
export function realmOf(clients: readonly RealmClient[]): Secret<string> {
  const groups = [...new Set(clients.flatMap((client) => client.groups))];
  const realm = {
    realm: "agents",
    enabled: true,
    sslRequired: "all",
    accessTokenLifespan: 900,
    groups: groups.map((name) => ({ name })),
    clients: clients.map(({ name, secret }) => ({
      clientId: name,
      secret: secret.expose(),
      enabled: true,
      publicClient: false,
      clientAuthenticatorType: "client-secret",
      serviceAccountsEnabled: true,
      standardFlowEnabled: false,
      directAccessGrantsEnabled: false,
      protocolMappers: [AUDIENCE, GROUPS],
    })),
    users: clients.map(({ name, groups: own }) => ({
      username: `service-account-${name}`,
      enabled: true,
      serviceAccountClientId: name,
      groups: own.map((group) => `/${group}`),
    })),
  };
  return new Secret(`${JSON.stringify(realm, null, 2)}\n`);
}

const AUDIENCE = {
  name: "audience",
  protocol: "openid-connect",
  protocolMapper: "oidc-audience-mapper",
  config: { "included.custom.audience": "sallyport", "access.token.claim": "true", "id.token.claim": "false" },
};

const GROUPS = {
  name: "groups",
  protocol: "openid-connect",
  protocolMapper: "oidc-group-membership-mapper",
  config: { "claim.name": "groups", "full.path": "false", "access.token.claim": "true", "id.token.claim": "false" },
};
