/**
 * Programs of a Debian suite other than the system's, in a folder of their own: nothing is installed. apt resolves and
 * fetches the packages as for an empty system, signatures checked; each program then runs under the loader and
 * libraries that came with it.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Unpacked {
  /** The command that runs a program of the packages, to be followed by its arguments. @throws Error when they hold none of that name */
  command(program: string): readonly [string, ...string[]];
}

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const LIBRARIES = "usr/lib/x86_64-linux-gnu";

/**
 * @param folder where to keep them; found complete, it is used as it is
 * @throws Error where there is no apt, no Debian mirror or no network
 */
export function unpack(suite: string, packages: readonly string[], folder: string): Unpacked {
  const wanted = `${suite} ${packages.join(" ")}\n`;
  const mark = join(folder, "complete");
  if (!existsSync(mark) || readFileSync(mark, "utf8") !== wanted) {
    // Another process may do the same: each in its own folder, the last one's stays.
    const making = `${folder}.${process.pid}`;
    fetched(`${packages.join(", ")} of Debian's ${suite}`, () => {
      rmSync(making, { recursive: true, force: true });
      fetchInto(join(making, "root"), suite, packages, join(making, "apt"));
    });
    rmSync(join(making, "apt"), { recursive: true });
    writeFileSync(join(making, "complete"), wanted);
    rmSync(folder, { recursive: true, force: true });
    renameSync(making, folder);
  }
  return { command: (program) => commandIn(join(folder, "root"), program) };
}

/**
 * Tried a second time: a mirror that is being renewed shows parts of two states now and then, beyond what its client tries by itself.
 *
 * @throws Error with what was to be fetched, and the client's words
 */
export function fetched(what: string, attempt: () => void): void {
  for (let left = 1; ; left -= 1) {
    try {
      attempt();
      return;
    } catch (error) {
      if (left > 0) continue;
      throw new Error(`${what} can't be fetched: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
}

function commandIn(root: string, program: string): readonly [string, ...string[]] {
  const servers = join(root, "usr/lib/postgresql");
  const versions = existsSync(servers) ? readdirSync(servers).map((version) => join(servers, version, "bin")) : [];
  const path = [...versions, join(root, "usr/bin"), join(root, "usr/sbin")]
    .map((bin) => join(bin, program))
    .find((file) => existsSync(file));
  if (path === undefined) throw new Error(`the unpacked packages hold no program ${program}`);
  const libraries = join(root, LIBRARIES);
  return [join(libraries, "ld-linux-x86-64.so.2"), "--library-path", libraries, path];
}

function fetchInto(root: string, suite: string, packages: readonly string[], state: string): void {
  for (const part of ["lists/partial", "cache/archives/partial"]) mkdirSync(join(state, part), { recursive: true });
  mkdirSync(root, { recursive: true });
  writeFileSync(join(state, "status"), "");
  writeFileSync(
    join(state, "sources.sources"),
    `Types: deb\nURIs: ${mirror()}\nSuites: ${suite}\nComponents: main\nArchitectures: amd64\nSigned-By: ${KEYRING}\n`,
  );
  const settings = {
    "Dir::Etc::SourceList": join(state, "sources.sources"),
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::Etc::Preferences": "/dev/null",
    "Dir::Etc::PreferencesParts": "/dev/null",
    "Dir::State": state,
    "Dir::State::Lists": join(state, "lists"),
    "Dir::State::Status": join(state, "status"),
    "Dir::Cache": join(state, "cache"),
    "APT::Architecture": "amd64",
    // apt would hand the download to its own account, which cannot enter this folder.
    "APT::Sandbox::User": "root",
    "APT::Install-Recommends": "false",
    "Acquire::Languages": "none",
    "Acquire::Retries": "3",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const apt = (...args: readonly string[]) => execFileSync("apt-get", ["-qq", ...options, ...args], { stdio: "pipe" });
  apt("update");
  apt("install", "--yes", "--download-only", ...packages);
  const archives = join(state, "cache", "archives");
  for (const name of readdirSync(archives).filter((file) => file.endsWith(".deb")))
    execFileSync("dpkg-deb", ["--extract", join(archives, name), root]);
}

/** The mirror that the system's own apt uses: it is the one that answers here. */
function mirror(): string {
  const listed = execFileSync("apt-get", ["indextargets", "--no-release-info", "--format", "$(REPO_URI)"], { encoding: "utf8" });
  const found = process.env["DEB_MIRROR"] ?? listed.split("\n").find((uri) => /\/debian\/?$/.test(uri));
  if (found === undefined) throw new Error("apt knows no Debian mirror; set DEB_MIRROR");
  return found.replace(/\/+$/, "");
}
