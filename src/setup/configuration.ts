/** The commented configuration that `init` writes: short enough to read, complete enough to pass `check`. */

export interface FirstConfiguration {
  /** age public key of the auditors. */
  readonly recipient: string;
}

/** The environment variable that holds the example target's password. */
export const PASSWORD_VARIABLE = "ORDERS_PASSWORD";

export function firstConfiguration({ recipient }: FirstConfiguration): string {
  return `# Sallyport's configuration. Relative paths are relative to this file. Secrets are never written in it:
# name where they are, as { env: NAME } or { file: path }.  \`sallyport check\` lists every problem.

listen:                            # a line that is left out: that listener does not exist
  postgres: 127.0.0.1:6432         # what agents connect to; 0.0.0.0:6432 for other machines

tls:                               # between agents and the gateway
  certificates:
    - { cert: certs/gateway.crt, key: keys/gateway.key }   # give agents certs/ca.crt to verify it with
  minVersion: TLSv1.2

identity:                          # who agents are: tokens of your OpenID provider
  oidc:
    - issuer: https://idp.example.com        # <- yours; exactly as tokens spell it in "iss"
      audience: sallyport                    # what tokens for the gateway carry in "aud"
      claims: { name: sub, groups: groups }
      clientCredentials: true                # user = client id, password = client secret works too

targets:                           # databases behind the gateway; agents log in to database "orders"
  orders:
    protocol: postgres
    address: db.internal:5432                # <- yours
    database: orders
    tls: { serverName: db.internal }         # always verified; add ca: path.crt for a private authority
    credential: { user: app, password: { env: ${PASSWORD_VARIABLE} } }
    limits: { statementTimeout: 30s, rowsPerStatement: 100000, idle: 10m, session: 8h }

access:                            # nobody may do anything that no rule grants
  rules:
    - who: { groups: [data-agents] }
      targets: [orders]
      may: [read]                            # read | write | schema | admin

masking:                           # these columns never leave the gateway in clear
  rules:
    - target: orders
      columns: [public.users.ssn, public.payments.card]
      with: redact                           # redact | null | { keepLast: 4 } | email | year | { constant: … }
      unless: { groups: [fraud-desk] }

guardrails:                        # not even where access allows it: docs/guardrails.md has all kinds
  rules:
    - { name: no-blanket-writes, target: orders, deny: [update-without-where, delete-without-where, truncate, drop] }

recording:
  directory: recordings
  recipients: [${recipient}]
  results: { rowsPerStatement: 1000, bytesPerStatement: 1MiB }

evidence: { directory: evidence, signingKey: keys/evidence.key }
state: { sqlite: state/state.db }
`;
}
