/** The configuration that the demo's gateway runs on. A reader finds it in the demo's folder, commented as `init`'s is. */

export interface DemoConfiguration {
  /** Of the gateway on 127.0.0.1; 0: a free one. */
  readonly port: number;
  readonly databasePort: number;
  readonly databaseUser: string;
  readonly issuer: string;
  readonly recipient: string;
  /** A MySQL or MariaDB beside it; null where the machine has none. */
  readonly mysql: { readonly port: number; readonly user: string } | null;
}

export const AUDIENCE = "sallyport";

/** Paths below the demo's folder, as the configuration names them. */
export const DEMO_FILES = {
  config: "sallyport.yaml",
  ca: "certs/ca.crt",
  gatewayCertificate: "certs/gateway.crt",
  gatewayKey: "keys/gateway.key",
  evidenceKey: "keys/evidence.key",
  evidencePublicKey: "certs/evidence.pub",
  databasePassword: "keys/shop.password",
  mysqlPassword: "keys/store.password",
  identity: "auditor/identity.txt",
  recordings: "recordings",
  evidence: "evidence",
  state: "state/state.db",
} as const;

export function demoConfiguration(values: DemoConfiguration): string {
  return `# What \`sallyport demo\` runs on. \`sallyport init DIR\` writes one for your own databases.

listen:
  postgres: 127.0.0.1:${values.port}${values.mysql === null ? "" : "\n  mysql: 127.0.0.1:0"}
workers: 1

tls:
  certificates: [{ cert: ${DEMO_FILES.gatewayCertificate}, key: ${DEMO_FILES.gatewayKey} }]
  minVersion: TLSv1.2

identity:
  oidc:
    - issuer: ${values.issuer}
      audience: ${AUDIENCE}
      ca: ${DEMO_FILES.ca}
      claims: { name: sub, groups: groups }
      clientCredentials: true                # user = client id, password = client secret

targets:
  shop:
    protocol: postgres
    address: 127.0.0.1:${values.databasePort}
    database: shop
    tls: { ca: ${DEMO_FILES.ca}, serverName: localhost }
    credential: { user: ${values.databaseUser}, password: { file: ${DEMO_FILES.databasePassword} } }
${mysqlTarget(values)}
access:
  rules:
    - name: agents-read
      who: { groups: [data-agents] }
      targets: [shop${values.mysql === null ? "" : ", store"}]
      may: [read]

masking:
  rules:
    - name: ssn
      target: shop
      columns: [public.users.ssn]
      with: redact
    - name: cards
      target: shop
      columns: [public.payments.card]
      with: { keepLast: 4 }
    - name: e-mail
      target: shop
      columns: [public.users.email]
      with: email
      unless: { groups: [support] }          # support answers mail, so it may see addresses
${mysqlMasks(values)}
recording:
  directory: ${DEMO_FILES.recordings}
  recipients: [${values.recipient}]

evidence: { directory: ${DEMO_FILES.evidence}, signingKey: ${DEMO_FILES.evidenceKey} }
state: { sqlite: ${DEMO_FILES.state} }
`;
}

function mysqlTarget({ mysql }: DemoConfiguration): string {
  if (mysql === null) return "";
  return `  store:
    protocol: mysql
    address: 127.0.0.1:${mysql.port}
    database: store
    tls: { ca: ${DEMO_FILES.ca}, serverName: localhost }
    credential: { user: ${mysql.user}, password: { file: ${DEMO_FILES.mysqlPassword} } }
`;
}

function mysqlMasks({ mysql }: DemoConfiguration): string {
  if (mysql === null) return "";
  return `    - name: ssn-in-store
      target: store
      columns: [store.users.ssn]             # MySQL's names are database.table.column
      with: redact
    - name: cards-in-store
      target: store
      columns: [store.payments.card]
      with: { keepLast: 4 }
    - name: e-mail-in-store
      target: store
      columns: [store.users.email]
      with: email
      unless: { groups: [support] }
`;
}
