/**
 * Autobahn's WebSocket test suite: finds a Python 2.7, installs the suite into a folder of its
 * own, and runs its fuzzingclient. Nothing of the machine is changed.
 */

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const REQUIREMENTS = join(HERE, 'requirements.txt')
const SPEEDUPS = join(HERE, 'requirements-speedups.txt')

/** A run is given up when the suite says nothing for this long; no single case takes longer. */
const STALL_MS = 180_000

/** An installed suite, ready to run. */
export class Autobahn {
  /**
   * @param {string} python path or name of a Python 2.7
   * @param {string} packages the folder that holds the suite
   */
  constructor(python, packages) {
    this.python = python
    this.packages = packages
  }

  /**
   * Installs the suite unless the same versions are there already.
   *
   * @param {string} root folder for downloaded things, git-ignored
   * @returns {Autobahn} the installed suite
   */
  static install(root) {
    const python = findPython()
    const wanted = readFileSync(REQUIREMENTS, 'utf8') + readFileSync(SPEEDUPS, 'utf8')
    const hash = createHash('sha256').update(`${python}\n${wanted}`).digest('hex').slice(0, 16)
    const packages = join(root, `autobahn-${hash}`)
    const done = join(packages, '.installed')
    if (!existsSync(done)) {
      console.log(`installing Autobahn's test suite with ${python}`)
      rmSync(packages, { recursive: true, force: true })
      mkdirSync(packages, { recursive: true })
      pipInstall(python, packages, REQUIREMENTS)
      installSpeedups(python, packages)
      writeFileSync(done, wanted)
    }
    return new Autobahn(python, packages)
  }

  /**
   * The suite's name and version, as committed beside the expected results.
   *
   * @returns {string} for example 'autobahntestsuite 25.10.1'
   */
  static suite() {
    const [, version] = /^autobahntestsuite==(\S+)$/m.exec(readFileSync(REQUIREMENTS, 'utf8'))
    return `autobahntestsuite ${version}`
  }

  /**
   * Runs the fuzzingclient against one server; its reports are then in `outdir`.
   *
   * @param {{ agent: string, url: string, cases: string[], outdir: string }} job what to run
   * @returns {Promise<void>} settles when the suite has written its reports
   */
  async fuzz({ agent, url, cases, outdir }) {
    rmSync(outdir, { recursive: true, force: true })
    mkdirSync(outdir, { recursive: true })
    const spec = join(outdir, 'spec.json')
    writeFileSync(
      spec,
      JSON.stringify({
        outdir,
        servers: [{ agent, url }],
        cases,
        'exclude-cases': [],
        'exclude-agent-cases': {}
      })
    )
    const args = ['-u', join(HERE, 'wstest.py'), this.packages, '-m', 'fuzzingclient', '-s', spec]
    await runWatched(this.python, args, outdir)
    if (!existsSync(join(outdir, 'index.json'))) {
      throw new Error(`the suite wrote no report; its output is in ${join(outdir, 'wstest.log')}`)
    }
  }
}

/**
 * Runs a command, keeps its output in `outdir`/wstest.log, and ends it when it stalls.
 *
 * @param {string} command what to run
 * @param {string[]} args its arguments
 * @param {string} outdir where the log goes
 * @returns {Promise<void>} settles when the command has ended well
 */
function runWatched(command, args, outdir) {
  const log = join(outdir, 'wstest.log')
  const lines = []
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let reason
    const giveUp = () => {
      reason = `the suite was silent for ${STALL_MS / 1000} s after: ${lines.at(-1) ?? 'its start'}`
      child.kill('SIGKILL')
    }
    let timer = setTimeout(giveUp, STALL_MS)
    const note = (line) => {
      lines.push(line)
      clearTimeout(timer)
      timer = setTimeout(giveUp, STALL_MS)
    }
    createInterface({ input: child.stdout }).on('line', note)
    createInterface({ input: child.stderr }).on('line', note)
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.on('close', (status) => {
      clearTimeout(timer)
      writeFileSync(log, `${lines.join('\n')}\n`)
      if (status === 0) resolve()
      else reject(new Error(reason ?? `wstest ended with status ${status}: see ${log}`))
    })
  })
}

/**
 * The first Python 2.7 that works and has pip.
 *
 * @returns {string} its path or name
 */
function findPython() {
  const found = candidates().find((python) => hasPip(python))
  if (found) return found
  throw new Error(
    "Autobahn's test suite runs on Python 2.7 with pip, and none was found (tried python2.7, " +
      'python2, pypy and the versions of pyenv). Install one: `pyenv install 2.7.18`, or the ' +
      'package python2 of a distribution that still has it, with `python2 -m ensurepip --user`; ' +
      'OFFLOOP_PYTHON2 names one that is elsewhere.'
  )
}

/**
 * Where a Python 2.7 may be, best first.
 *
 * @returns {string[]} paths and names to try
 */
function candidates() {
  const roots = [process.env.PYENV_ROOT, join(homedir(), '.pyenv')].filter(Boolean)
  const versions = roots
    .map((root) => join(root, 'versions'))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.startsWith('2.7'))
        .map((name) => join(folder, name, 'bin', 'python2.7'))
    )
  return [process.env.OFFLOOP_PYTHON2, 'python2.7', ...versions, 'python2', 'pypy'].filter(Boolean)
}

/**
 * Whether a command is a Python 2.7 with pip. A pyenv shim without a chosen version is not.
 *
 * @param {string} python path or name
 * @returns {boolean} true when it can install packages
 */
function hasPip(python) {
  const code = 'import pip, sys; sys.exit(sys.version_info[:2] != (2, 7))'
  return spawnSync(python, ['-c', code], { stdio: 'ignore' }).status === 0
}

/**
 * Installs the packages of one requirements file.
 *
 * @param {string} python the Python 2.7
 * @param {string} packages the folder to install into
 * @param {string} requirements the file to install
 */
function pipInstall(python, packages, requirements) {
  const args = ['-m', 'pip', 'install', '--no-deps', '--disable-pip-version-check', '--quiet']
  args.push('--target', packages, '--requirement', requirements)
  const { status, error, stderr, stdout } = spawnSync(python, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`pip failed: ${error?.message ?? `${stdout}${stderr}`}`)
}

/**
 * Adds the compiled parts if the machine can build them.
 *
 * @param {string} python the Python 2.7
 * @param {string} packages the folder to install into
 */
function installSpeedups(python, packages) {
  try {
    pipInstall(python, packages, SPEEDUPS)
  } catch {
    console.log('the compiled parts of the suite did not build: the cases 9.* will be slow')
  }
}
