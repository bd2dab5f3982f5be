/**
 * A newer C library beside the system's, for a peer whose binary wants one: three packages of
 * Debian's next release, downloaded with `apt-get download` from the mirror that this machine uses
 * anyway, checked by apt with the keys that it has, and unpacked with `dpkg -x` into bench/.peers.
 * Nothing is installed, and apt's own lists and settings are not touched: apt works in that folder.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The release whose packages are taken, and which. */
const SUITE = 'trixie'
const PACKAGES = ['libc6', 'libstdc++6', 'libgcc-s1']

const FOLDER = fileURLToPath(new URL('.peers/glibc', import.meta.url))

/**
 * Runs a program.
 *
 * @param {string} program its name
 * @param {string[]} args its arguments
 * @param {string} [cwd] where
 * @returns {string} what it printed
 */
function run(program, args, cwd) {
  const { error, status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  if (error) throw new Error(`${program} cannot be run: ${error.message}`)
  if (status !== 0) {
    const [reason] = stderr.split('\n').filter((line) => line.startsWith('E:')).slice(-1)
    throw new Error(`${program} failed: ${reason ?? `status ${status}`}`)
  }
  return stdout
}

/**
 * The mirror that this machine has its Debian packages from.
 *
 * @returns {string} its address
 */
function findMirror() {
  const format = '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)'
  const targets = run('apt-get', ['indextargets', '--format', format]).split('\n')
  const found = targets.find((line) => line.startsWith('Debian|Debian|main|'))
  if (!found) throw new Error('apt has no Debian mirror here (or no `apt-get update` was run yet)')
  return found.split('|')[3]
}

/**
 * Downloads and unpacks the packages.
 *
 * @param {string} folder where to, empty
 */
function download(folder) {
  const state = join(folder, 'state')
  const cache = join(folder, 'cache')
  const packages = join(folder, 'packages')
  mkdirSync(join(state, 'lists', 'partial'), { recursive: true })
  mkdirSync(join(cache, 'archives', 'partial'), { recursive: true })
  mkdirSync(packages)
  const sources = join(folder, 'sources.list')
  writeFileSync(sources, `deb ${findMirror()} ${SUITE} main\n`)
  const settings = [
    `Dir::Etc::sourcelist=${sources}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State=${state}`,
    'Dir::State::status=/dev/null',
    `Dir::Cache=${cache}`,
    'Acquire::Languages=none'
  ].flatMap((setting) => ['-o', setting])
  run('apt-get', [...settings, 'update'])
  run('apt-get', [...settings, 'download', ...PACKAGES], packages)
  for (const file of readdirSync(packages)) {
    run('dpkg', ['-x', join(packages, file), join(folder, 'root')])
  }
  for (const used of [state, cache, packages]) rmSync(used, { recursive: true })
}

/**
 * What a program has to be started with to use the newer library.
 *
 * @returns {string[]} a program and its first arguments
 */
export function newerGlibc() {
  if (!existsSync(FOLDER)) {
    console.log(`fetching the C library of Debian ${SUITE} into ${FOLDER}`)
    const unfinished = `${FOLDER}.tmp`
    rmSync(unfinished, { recursive: true, force: true })
    mkdirSync(unfinished, { recursive: true })
    download(unfinished)
    renameSync(unfinished, FOLDER)
  }
  // A folder for each architecture, and one is there: the packages are of this machine's.
  const libraries = join(FOLDER, 'root', 'usr', 'lib')
  const triplet = readdirSync(libraries).find((name) => name.endsWith('-linux-gnu'))
  const folder = join(libraries, triplet)
  const loader = readdirSync(folder).find((name) => name.startsWith('ld-linux'))
  return [join(folder, loader), '--library-path', folder]
}
