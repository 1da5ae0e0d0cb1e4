/**
 * What the tests need from the system: programs that come with Debian, each with the packages that bring it and a way
 * to see whether it is there. Root on Debian gets what is missing; everyone else is told, in one line that can be pasted.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

export interface Part {
  /** As `TEST_OPTIONAL` names it. */
  readonly name: string;
  readonly packages: readonly string[];
  /** A command that succeeds where the part is there; its first line of output says which version. */
  readonly probe: readonly [string, ...string[]];
}

const python = (module: string): Part["probe"] => ["/usr/bin/python3", "-c", `import ${module}; print("${module}", ${module}.__version__)`];

export const PARTS: readonly Part[] = [
  { name: "postgres15", packages: ["postgresql-15"], probe: ["/usr/lib/postgresql/15/bin/postgres", "--version"] },
  { name: "psql", packages: ["postgresql-client-15"], probe: ["/usr/lib/postgresql/15/bin/psql", "--version"] },
  { name: "pgbench", packages: ["postgresql-15"], probe: ["/usr/lib/postgresql/15/bin/pgbench", "--version"] },
  { name: "pg_dump", packages: ["postgresql-client-15"], probe: ["/usr/lib/postgresql/15/bin/pg_dump", "--version"] },
  { name: "psycopg", packages: ["python3-psycopg"], probe: python("psycopg") },
  { name: "psycopg2", packages: ["python3-psycopg2"], probe: python("psycopg2") },
  { name: "asyncpg", packages: ["python3-asyncpg"], probe: python("asyncpg") },
  { name: "sqlalchemy", packages: ["python3-sqlalchemy", "python3-psycopg2"], probe: python("sqlalchemy") },
  { name: "django", packages: ["python3-django", "python3-psycopg2"], probe: python("django") },
  { name: "pgcli", packages: ["pgcli"], probe: python("pgcli") },
  {
    name: "odbc",
    packages: ["odbc-postgresql", "unixodbc", "python3-pyodbc"],
    probe: ["/usr/bin/python3", "-c", 'import pyodbc; print(pyodbc.version, next(d for d in pyodbc.drivers() if "Unicode" in d))'],
  },
  { name: "dbi", packages: ["libdbd-pg-perl"], probe: ["perl", "-MDBD::Pg", "-e", 'print "DBD::Pg $DBD::Pg::VERSION\n"'] },
  { name: "ruby", packages: ["ruby-pg"], probe: ["ruby", "-rpg", "-e", "puts PG::VERSION"] },
  { name: "php", packages: ["php-cli", "php-pgsql"], probe: ["php", "-r", 'echo PHP_VERSION, " ", phpversion("pgsql"), "\n";'] },
  { name: "java", packages: ["openjdk-17-jdk-headless"], probe: ["java", "--version"] },
  { name: "jdbc", packages: ["libpostgresql-jdbc-java"], probe: ["readlink", "-e", "/usr/share/java/postgresql.jar"] },
  { name: "pymysql", packages: ["python3-pymysql"], probe: python("pymysql") },
  { name: "mysqldb", packages: ["python3-mysqldb"], probe: python("MySQLdb") },
  { name: "aiomysql", packages: ["python3-aiomysql"], probe: python("aiomysql") },
  {
    name: "dbd-mysql",
    packages: ["libdbd-mysql-perl"],
    probe: ["perl", "-MDBD::mysql", "-e", 'print "DBD::mysql $DBD::mysql::VERSION\n"'],
  },
  {
    name: "dbd-mariadb",
    packages: ["libdbd-mariadb-perl"],
    probe: ["perl", "-MDBD::MariaDB", "-e", 'print "DBD::MariaDB $DBD::MariaDB::VERSION\n"'],
  },
  { name: "ruby-mysql2", packages: ["ruby-mysql2"], probe: ["ruby", "-rmysql2", "-e", "puts Mysql2::VERSION"] },
  {
    name: "php-mysql",
    packages: ["php-cli", "php-mysql"],
    probe: ["php", "-r", 'if (!extension_loaded("pdo_mysql")) exit(1); echo PHP_VERSION, " ", phpversion("mysqli"), "\n";'],
  },
  { name: "mycli", packages: ["mycli"], probe: python("mycli") },
  { name: "requests", packages: ["python3-requests"], probe: python("requests") },
  { name: "httpx", packages: ["python3-httpx", "python3-h2"], probe: python("httpx") },
  { name: "curl", packages: ["curl"], probe: ["curl", "--version"] },
  { name: "mariadb-java", packages: ["libmariadb-java"], probe: ["readlink", "-e", "/usr/share/java/mariadb-java-client.jar"] },
  { name: "mariadb", packages: ["mariadb-server", "mariadb-client"], probe: ["/usr/sbin/mariadbd", "--version"] },
  {
    name: "go-mysql",
    packages: ["golang-go", "golang-github-go-sql-driver-mysql-dev"],
    probe: ["sh", "-c", "test -e /usr/share/gocode/src/github.com/go-sql-driver/mysql/driver.go && go version"],
  },
  { name: "sysbench", packages: ["sysbench"], probe: ["sysbench", "--version"] },
  { name: "openssl", packages: ["openssl"], probe: ["openssl", "version"] },
  { name: "age", packages: ["age"], probe: ["age", "--version"] },
  { name: "git", packages: ["git"], probe: ["git", "--version"] },
  { name: "patch", packages: ["patch"], probe: ["patch", "--version"] },
  { name: "ps", packages: ["procps"], probe: ["ps", "--version"] },
  { name: "script", packages: ["bsdutils"], probe: ["script", "--version"] },
  { name: "zstd", packages: ["zstd"], probe: ["zstd", "--version"] },
];

/** For `npm run bench`. */
export const BENCH_PARTS: readonly Part[] = [
  { name: "pgbouncer", packages: ["pgbouncer"], probe: ["/usr/sbin/pgbouncer", "--version"] },
  ...PARTS.filter(({ name }) => name === "pgbench" || name === "psql"),
];

/** The version as the part tells it; undefined when it is not there. */
export function probe(part: Part): string | undefined {
  const [command, ...args] = part.probe;
  const { status, stdout, error } = spawnSync(command, args, { encoding: "utf8", timeout: 30_000 });
  return error === undefined && status === 0 ? (stdout.trim().split("\n")[0] ?? "") : undefined;
}

/**
 * Installs what is missing where that is possible.
 *
 * @param say gets progress, a line at a time
 * @throws Error naming what is missing, how to get it, and how to go on without
 */
export function provide(parts: readonly Part[], optional: ReadonlySet<string>, say: (line: string) => void): void {
  const missing = parts.filter((part) => probe(part) === undefined && !optional.has(part.name));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.flatMap((part) => part.packages))];
  const names = missing.map((part) => part.name).join(",");
  if (process.getuid?.() !== 0 || !onDebian()) {
    throw new Error(
      `the tests need ${names}: run \`apt-get install ${packages.join(" ")}\` on Debian 12, ` +
        `or go without by TEST_OPTIONAL=${names}; what is left out is counted as skipped`,
    );
  }
  say(`installing ${packages.join(" ")}`);
  withoutCluster();
  apt("update");
  apt("install", "--yes", "--no-install-recommends", ...packages);
  const absent = missing.filter((part) => probe(part) === undefined);
  if (absent.length > 0) throw new Error(`installed, and still not there: ${absent.map((part) => part.name).join(", ")}`);
}

function onDebian(): boolean {
  return existsSync("/usr/bin/apt-get") && /^ID(_LIKE)?=.*debian/m.test(readFileSync("/etc/os-release", "utf8"));
}

/** Debian's package would start a server of its own on the standard port. */
function withoutCluster(): void {
  const path = "/etc/postgresql-common/createcluster.conf";
  if (existsSync(path)) return;
  mkdirSync("/etc/postgresql-common", { recursive: true });
  writeFileSync(path, "create_main_cluster = false\n");
}

function apt(...args: readonly string[]): void {
  const options = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3", "-o", "Dpkg::Options::=--force-confold", "-q"];
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { status, error } = spawnSync("apt-get", [...options, ...args], { env, stdio: ["ignore", "inherit", "inherit"] });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`apt-get ${args[0]} ended with ${status}`);
}
