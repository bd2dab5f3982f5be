'use strict'

// A real browser, headless, whose pages come from the servers under test.

const { accessSync, constants, readFileSync } = require('fs')
const http = require('http')
const path = require('path')

const { chromium } = require('playwright-core')

const { defer } = require('../../support/cleanup')

// A cold browser on a busy machine takes its time; what is waited for comes by itself.
const TIME_LIMIT_MS = 60_000

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const PLACES = ['/usr/bin/chromium', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome']
const MISSING = 'Chromium was not found: install it (Debian: apt-get install chromium) or set CHROMIUM to its path'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage'
]

const PAGE = readFileSync(path.join(__dirname, 'page.html'))

/**
 * Looks for the browser.
 *
 * @returns {string|undefined} its path; $CHROMIUM goes before everything else
 */
function findChromium () {
  if (process.env.CHROMIUM) return [process.env.CHROMIUM].find(isExecutable)
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean)
  const onPath = NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name)))
  return [...PLACES, ...onPath].find(isExecutable)
}

/**
 * @param {string} file a path
 * @returns {boolean} whether it can be run
 */
function isExecutable (file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * `describe` for tests that need Chromium: one browser for all of them, one profile for each page.
 * Without a browser they fail in CI, and are skipped with a printed line elsewhere.
 *
 * @param {string} name what is described
 * @param {(openPage: (url: string, options?: object) => Promise<import('playwright-core').Page>) => void} body
 *   defines the tests; `openPage` takes options of `browser.newContext`
 */
function describeInChromium (name, body) {
  const executablePath = findChromium()
  if (executablePath === undefined && process.env.CI && process.env.CI !== 'false') {
    test(name, () => { throw new Error(MISSING) })
    return
  }
  if (executablePath === undefined) {
    process.stderr.write(`skipped: ${name}. ${MISSING}.\n`)
    describe.skip(name, () => body(() => {}))
    return
  }
  jest.setTimeout(TIME_LIMIT_MS)
  describe(name, () => {
    let browser
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath, args: FLAGS, timeout: TIME_LIMIT_MS })
    })
    afterAll(() => browser?.close())
    body((url, options) => openPage(browser, url, options))
  })
}

/**
 * Opens a page in a profile of its own. A script error in the page fails the test.
 *
 * @param {import('playwright-core').Browser} browser where
 * @param {string} url what
 * @param {object} [options] of `browser.newContext`
 * @returns {Promise<import('playwright-core').Page>} loaded
 */
async function openPage (browser, url, options) {
  const context = await browser.newContext(options)
  const errors = []
  defer(async () => {
    await context.close()
    if (errors.length > 0) throw errors[0]
  })
  const page = await context.newPage()
  page.on('pageerror', (error) => errors.push(error))
  await page.goto(url)
  return page
}

/**
 * @returns {import('http').Server} answers every request with page.html; not yet listening
 */
function createPageServer () {
  return http.createServer((req, res) => {
    res.setHeader('Content-Type', 'text/html; charset=utf-8')
    res.end(PAGE)
  })
}

module.exports = { createPageServer, describeInChromium }
